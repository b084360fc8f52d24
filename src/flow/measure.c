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
    if (!pool->timer_runs || form->dead || form->runners == 0 || (!stale && !form->measure))
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

/* Lock held, released meanwhile. False: no more of it. */
static bool measure_one(fov_workers *pool, struct form *form, int64_t end)
{
    if (form->idle_count == 0) { /* frames have it */
        pthread_mutex_unlock(&pool->lock);
        usleep(PAUSE_US);
        pthread_mutex_lock(&pool->lock);
        return true;
    }
    fov_runner *runner = form_take(form);
    pthread_mutex_unlock(&pool->lock);
    int64_t start = clock_now_ns();
    fov_status status = run_once(runner, end);
    int64_t took = clock_now_ns() - start;
    pthread_mutex_lock(&pool->lock);
    form_give(form, runner);
    pthread_cond_signal(&pool->work);
    if (status == FOV_OK)
        form_add_run(form, took, 1);
    return status == FOV_OK;
}

void measure_run(fov_workers *pool, struct form *form)
{
    int64_t end = clock_now_ns() + TAKES_NS;
    form->measure = false;
    form->refs++;
    form->runs = form->each = (struct recent){0};
    while (!pool->stopping && form->runs.count < RUNS && clock_now_ns() < end &&
           measure_one(pool, form, end)) {
    }
    form->measured = form->runs.count > 0;
    form->ran_ns = pool->clock();
    form_unref(pool, form);
}
