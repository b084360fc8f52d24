/* What a run costs, when a promise hangs on it and no frame has told lately: the warm-up may have
 * met a busy moment, and some models have none. Some runs on a black picture, on the builder
 * thread, each with a runner of its form for as long as it takes. */
#include "flow/flow.h"

#include <unistd.h>

#include "base/clock.h"
#include "infer/runner.h"

#define STALE_NS (10 * NS_PER_S) /* runs that ended longer ago say little of now */
#define TAKES_NS NS_PER_S        /* for all runs together */
#define PAUSE_US 2000            /* before asking for a runner again */

enum { RUNS = 8, SIDE = 64 };

bool form_measure(fov_workers *pool, struct form *form, int64_t now)
{
    bool stale = form->ran_ns == 0 || now - form->ran_ns > STALE_NS;
    if (!pool->timer_runs || !form_works(form) || (!stale && !form->measure))
        return false;
    form->measure = true;
    timer_wake(pool);
    return true;
}

void form_add_run(struct form *form, int64_t ns, int frames)
{
    recent_add(&form->runs, ns);
    recent_add(&form->each, ns / (frames > 1 ? frames : 1));
}

struct form *measure_next(const fov_workers *pool)
{
    for (struct slot *slot = pool->slots; slot; slot = slot->next)
        for (int h = 0; h < 2; h++)
            if (slot->forms[h] && slot->forms[h]->measure)
                return slot->forms[h];
    return NULL;
}

static fov_status run_once(fov_runner *runner, int64_t end)
{
    static const uint8_t black[SIDE * SIDE * 3];
    fov_detection items[32];
    fov_detections out = {.items = items, .capacity = 32};
    fov_image image = {.pixels = FOV_RGB24,
                       .width = SIDE,
                       .height = SIDE,
                       .plane = {(uint8_t *)black},
                       .stride = {SIDE * 3}};
    runner_limit(runner, end);
    return fov_runner_detect(runner, &image, SIDE, SIDE, NULL, &out, NULL, NULL);
}

enum went { ON, ENOUGH, GIVEN_UP };

/* Lock held, released meanwhile: the runner's run is over, or was given up by the watchdog. */
static enum went end_one(fov_workers *pool, struct form *form, fov_runner *runner,
                         fov_status status)
{
    if (pool->measuring.runner != runner) {
        pthread_mutex_unlock(&pool->lock);
        fov_runner_close(&runner); /* nobody else knows it any more */
        pthread_mutex_lock(&pool->lock);
        return GIVEN_UP;
    }
    bool cancelled = pool->measuring.cancelled;
    pool->measuring.runner = NULL;
    form_give(form, runner);
    pthread_cond_signal(&pool->work);
    return status == FOV_OK && !cancelled ? ON : ENOUGH;
}

/* Lock held, released meanwhile. */
static enum went measure_one(fov_workers *pool, struct form *form, int64_t end)
{
    if (form->idle_count == 0) { /* frames have it */
        pthread_mutex_unlock(&pool->lock);
        usleep(PAUSE_US);
        pthread_mutex_lock(&pool->lock);
        return ON;
    }
    fov_runner *runner = form_take(form);
    pool->measuring.form = form;
    pool->measuring.runner = runner;
    pool->measuring.since_ns = pool->clock();
    pool->measuring.cancelled = false;
    pthread_mutex_unlock(&pool->lock);
    int64_t start = clock_now_ns();
    fov_status status = run_once(runner, end);
    int64_t took = clock_now_ns() - start;
    pthread_mutex_lock(&pool->lock);
    enum went went = end_one(pool, form, runner, status);
    if (went == ON)
        form_add_run(form, took, 1);
    return went;
}

bool measure_run(fov_workers *pool, struct form *form)
{
    int64_t end = clock_now_ns() + TAKES_NS;
    enum went went = ON;
    form->measure = false;
    form->refs++;
    form->runs = form->each = (struct recent){0};
    while (went == ON && !pool->stopping && form->runs.count < RUNS && clock_now_ns() < end)
        went = measure_one(pool, form, end);
    if (went != GIVEN_UP) {
        form->measured = form->runs.count > 0;
        form->ran_ns = pool->clock();
    }
    form_unref(pool, form);
    return went != GIVEN_UP;
}
