/* The timer thread: late drops, results whose time has come, runs that hang, the model's form. */
#include "flow/flow.h"

#include <string.h>

#include "base/clock.h"
#include "infer/runner.h"

#define TICK_NS (10 * NS_PER_MS)       /* while there is work */
#define CALM_TICK_NS (250 * NS_PER_MS) /* while only the form of a model is undecided */
#define PROMISES_NS (2 * NS_PER_S)     /* costs drift: promises are looked at again */
#define RUN_LEAST_NS (2 * NS_PER_S)
#define CANCEL_NS (200 * NS_PER_MS) /* for a run to come back when asked to */

/* ---- hung runs ----------------------------------------------------------------------------- */

/* A new model has no history; its warm-up (at least five runs) stands in for it. */
static int64_t patience_ns(const struct form *form)
{
    const fov_model_info *info = fov_model_get_info(form->model);
    int64_t limit = RUN_LEAST_NS;
    if (info->patience_ms > 0)
        return ms_to_ns(info->patience_ms);
    int64_t usual = 20 * recent_high_ns(&form->work);
    int64_t warm = 4 * ms_to_ns(info->warmup_ms);
    if (usual > limit)
        limit = usual;
    return warm > limit ? warm : limit;
}

/* A run is over its limit, or over what it was given to come back when it was asked to. */
static bool is_hung(const struct form *form, int64_t took_ns, bool cancelled)
{
    return took_ns > patience_ns(form) + (cancelled ? CANCEL_NS : 0);
}

static struct worker *find_hung(const fov_workers *pool, int64_t now)
{
    for (struct worker *w = pool->workers; w; w = w->next)
        if (w->job_count > 0 && w->run.runner &&
            is_hung(w->run.form, now - w->since_ns, w->cancelled))
            return w;
    return NULL;
}

/* A form that lost a runner is made anew. */
static void want_repair(fov_workers *pool, const struct form *form)
{
    fov_hint hint;
    struct slot *slot = form_slot(pool, form, &hint);
    if (slot && !form->dead && !pool->stopping)
        slot->wanted[hint] = true;
}

/* Takes the job from a worker that does not come back; thread and runner clean up after themselves
 * should they ever return. */
static void abandon(fov_workers *pool, struct worker *w, int64_t now)
{
    struct job *jobs[BATCH_MAX];
    struct form *form = w->run.form;
    int count = w->job_count;
    int64_t took = now - w->since_ns;
    struct worker **link = &pool->workers;
    memcpy(jobs, w->jobs, sizeof jobs);
    while (*link != w)
        link = &(*link)->next;
    *link = w->next;
    w->lost = true;
    w->job_count = 0;
    pool->threads--;
    if (w->run.runner)
        form->runners--;
    for (int i = 0; i < count; i++) {
        watchdog_blame(&jobs[i]->error, took);
        jobs[i]->hung = true;
    }
    form_judge(pool, form, &jobs[0]->error, false, now);
    for (int i = 0; i < count; i++) /* the lock is released meanwhile, and w may be gone */
        job_done(jobs[i], now);
}

void watchdog_blame(fov_error *error, int64_t took_ns)
{
    fov_fail(error, FOV_ETIMEOUT, "the model's run did not end in %.1f s and was given up",
             ns_to_ms(took_ns) / 1e3);
}

/* Lock held, released meanwhile; the form's reference keeps the runner. */
static void ask_back(fov_workers *pool, struct form *form, fov_runner *runner)
{
    pool->lost_runs++;
    fov_hint hint;
    struct slot *slot = form_slot(pool, form, &hint);
    if (slot && ++slot->strikes >= LOST_MAX)
        form->dead = pool->degraded = true;
    bool dead = form->dead;
    form->refs++;
    pthread_mutex_unlock(&pool->lock);
    runner_cancel(runner);
    pool_event(pool, "lost_run", "a run hung and was given up; frames go on");
    if (dead)
        pool_event(pool, "degraded", "%d runs hung: this model is not tried any more", LOST_MAX);
    pthread_mutex_lock(&pool->lock);
    form_unref(pool, form);
}

static void replace_worker(fov_workers *pool, struct worker *w, int64_t now)
{
    struct form *form = w->run.form;
    form->refs++;
    abandon(pool, w, now);
    want_repair(pool, form);
    if (!pool->stopping) /* other models need it; where this one is given up, nothing more hangs */
        worker_start(pool);
    form_unref(pool, form);
}

/* The same for a run of measure.c; the timer starts the next builder when one is needed. */
static void check_measuring(fov_workers *pool, int64_t now)
{
    struct form *form = pool->measuring.form;
    fov_runner *runner = pool->measuring.runner;
    bool cancelled = pool->measuring.cancelled;
    if (!runner || !is_hung(form, now - pool->measuring.since_ns, cancelled))
        return;
    if (!cancelled) {
        pool->measuring.cancelled = true;
        ask_back(pool, form, runner);
        return;
    }
    pool->measuring.runner = NULL;
    pool->building = false;
    pool->threads--;
    form->runners--;
    want_repair(pool, form);
}

/* First the run is asked to come back; if it does not, it keeps thread and runner. */
void watchdog_check(fov_workers *pool, int64_t now)
{
    struct worker *w;
    while ((w = find_hung(pool, now))) {
        if (w->cancelled) {
            replace_worker(pool, w, now);
            continue;
        }
        w->cancelled = true;
        ask_back(pool, w->run.form, w->run.runner);
    }
    check_measuring(pool, now);
}

void watchdog_abandon_all(fov_workers *pool, int64_t now)
{
    struct worker *w = pool->workers;
    while (w) {
        if (w->job_count > 0) {
            abandon(pool, w, now);
            w = pool->workers; /* the lock was released */
        } else {
            w = w->next;
        }
    }
}

/* ---- what happens by time ------------------------------------------------------------------- */

static void answer_late(fov_workers *pool, int64_t now)
{
    struct drops drops;
    drops.count = 0;
    drops_add_late(&drops, pool, now);
    if (drops.count == 0)
        return;
    pthread_mutex_unlock(&pool->lock);
    drops_answer(&drops);
    pthread_mutex_lock(&pool->lock);
}

/* Nothing can run this stream's frames, now or later. */
static bool is_dead(const fov_stream *s)
{
    return stream_form(s)->dead || (s->pool->degraded && !s->pool->workers);
}

static void publish_due(fov_workers *pool)
{
    for (int i = 0; i < pool->stream_count; i++) {
        fov_stream *s = pool->streams[i];
        if (s->box.count > 0 && is_dead(s))
            stream_fail_waiting(s, FOV_EINFER, "the model hung too often; load it again");
        else if (stream_due_ns(s) != INT64_MAX)
            stream_publish(s);
    }
}

static void *builder_run(void *argument)
{
    fov_workers *pool = argument;
    pthread_setname_np(pthread_self(), "fovea-build");
    pthread_mutex_lock(&pool->lock);
    bool lost = !forms_build(pool);
    if (!lost)
        pool->building = false;
    pool_thread_ends(pool, lost);
    return NULL;
}

void pool_tick(fov_workers *pool, int64_t now)
{
    char news[160];
    answer_late(pool, now);
    publish_due(pool);
    streams_tell_stats(pool, now);
    watchdog_check(pool, now);
    if (pool->promised && now - pool->promises_ns >= PROMISES_NS)
        promises_changed(pool, now);
    forms_tick(pool, now, now - pool->tick_ns, news, sizeof news);
    pool->tick_ns = now;
    if (!pool->building && !pool->stopping && pool->timer_runs && forms_wanted(pool, now))
        pool->building = pool_thread(pool, builder_run, pool);
    if (!news[0])
        return;
    pthread_mutex_unlock(&pool->lock);
    pool_event(pool, "switch", "%s", news);
    pthread_mutex_lock(&pool->lock);
}

static int64_t next_tick_ns(const fov_workers *pool, int64_t now)
{
    int64_t due = INT64_MAX;
    bool active = false;
    for (int i = 0; i < pool->stream_count; i++) {
        const fov_stream *s = pool->streams[i];
        int64_t publish = stream_due_ns(s);
        due = publish < due ? publish : due;
        due = s->stats_due_ns < due ? s->stats_due_ns : due;
        active = active || s->box.count > 0 || s->jobs > 0 || s->worked;
    }
    int64_t tick = active ? now + TICK_NS : now + CALM_TICK_NS;
    if (active || pool->building || !forms_settled(pool) || forms_wanted(pool, INT64_MAX))
        due = tick < due ? tick : due;
    return due;
}

void timer_wake(fov_workers *pool)
{
    pthread_cond_signal(&pool->timer);
}

void *timer_run(void *argument)
{
    fov_workers *pool = argument;
    pthread_setname_np(pthread_self(), "fovea-timer");
    pthread_mutex_lock(&pool->lock);
    while (!pool->stopping) {
        pool_tick(pool, pool->clock());
        int64_t due = next_tick_ns(pool, pool->clock());
        pool->timer_sleeps = due == INT64_MAX;
        if (pool->stopping)
            break;
        clock_cond_wait(&pool->timer, &pool->lock, due);
        pool->timer_sleeps = false;
    }
    pool_thread_ends(pool, false);
    return NULL;
}
