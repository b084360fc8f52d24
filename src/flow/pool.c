/* The workers object: what all streams of a process share, from start to stop. */
#include "flow/crops.h"
#include "flow/flow.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <fovea/log.h>

#include "base/clock.h"
#include "infer/cores.h"

#define STOP_NS (5 * NS_PER_S)

/* ---- references -------------------------------------------------------------------------------
 */

static void pool_free(fov_workers *pool)
{
    pthread_mutex_lock(&pool->lock);
    for (struct slot *slot = pool->slots, *next; slot; slot = next) {
        next = slot->next;
        slot_unref(pool, slot);
    }
    pthread_mutex_unlock(&pool->lock);
    for (struct job *job = pool->free_jobs, *next; job; job = next) {
        next = job->next;
        free(job->detections.items);
        free(job->gray.pixels);
        free(job->looked);
        crops_free(&job->crops);
        fov_details_destroy(&job->detections.details);
        free(job);
    }
    fov_frame_pool_destroy(&pool->pictures);
    stats_release(&pool->stats);
    pthread_cond_destroy(&pool->work);
    pthread_cond_destroy(&pool->timer);
    pthread_cond_destroy(&pool->idle);
    pthread_mutex_destroy(&pool->lock);
    free(pool->ended);
    free(pool->streams);
    free(pool->views);
    free(pool);
}

void pool_unref(fov_workers *pool)
{
    bool last = --pool->refs == 0;
    pthread_mutex_unlock(&pool->lock);
    if (last)
        pool_free(pool);
}

void pool_event(fov_workers *pool, const char *event, const char *format, ...)
{
    char text[240];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    fov_log(strcmp(event, "switch") == 0 ? FOV_LOG_INFO : FOV_LOG_WARN, "flow", "%s: %s", event,
            text);
    if (pool->on_event)
        pool->on_event(pool->user, event, text);
}

/* ---- start ----------------------------------------------------------------------------------- */

fov_status pool_create(fov_workers **out, const fov_workers_params *params, int64_t (*clock)(void),
                       fov_error *error)
{
    if (!params || !params->model || !params->model->path || params->workers < 0)
        return fov_fail(error, FOV_EINVAL, "workers: a model is required");
    fov_workers *pool = calloc(1, sizeof *pool);
    if (!pool)
        return fov_fail(error, FOV_ENOMEM, "no memory for workers");
    pthread_mutex_init(&pool->lock, NULL);
    clock_cond_init(&pool->work);
    clock_cond_init(&pool->timer);
    clock_cond_init(&pool->idle);
    stats_init(&pool->stats);
    pool->refs = 1;
    pool->clock = clock;
    pool->tick_ns = clock();
    pool->changed_ns = pool->tick_ns;
    pool->worker_count = params->workers ? params->workers : cores_available();
    pool->pin_latency = params->pin_latency;
    pool->pin_throughput = params->pin_throughput;
    pool->always_batch = params->always_batch;
    pool->on_event = params->on_event;
    pool->user = params->user;
    fov_frame_pool_params pictures = {.slots = 64, .keep_bytes = (size_t)16 << 20};
    fov_status status = fov_frame_pool_create(&pool->pictures, &pictures, error);
    if (status == FOV_OK)
        status = slot_open(&pool->slots, pool, params->model, error);
    if (status) {
        pool_free(pool);
        return status;
    }
    pool->default_slot = pool->slots;
    *out = pool;
    return FOV_OK;
}

fov_status fov_workers_create(fov_workers **out, const fov_workers_params *params, fov_error *error)
{
    if (!out)
        return fov_fail(error, FOV_EINVAL, "workers: nowhere to put them");
    *out = NULL;
    fov_workers *pool;
    fov_status status = pool_create(&pool, params, clock_now_ns, error);
    if (status)
        return status;
    pthread_mutex_lock(&pool->lock);
    pool->timer_runs = pool_thread(pool, timer_run, pool);
    bool started = pool->timer_runs;
    for (int i = 0; i < pool->worker_count && started; i++)
        started = worker_start(pool);
    pthread_mutex_unlock(&pool->lock);
    if (started) {
        *out = pool;
        return FOV_OK;
    }
    fov_workers_destroy(&pool);
    return fov_fail(error, FOV_ENOMEM, "threads cannot be started");
}

/* ---- stop ------------------------------------------------------------------------------------ */

/* Lock held, released meanwhile. New frames are refused from here on. */
static void shut_streams(fov_workers *pool)
{
    for (int i = 0; i < pool->stream_count; i++) {
        fov_stream *s = pool->streams[i];
        struct drops drops;
        drops.count = 0;
        drops_add(&drops, s, ~(sched_set)0, FOV_DROP_SHUTDOWN);
        stream_hurry(s);
        stream_publish(s);
        pthread_mutex_unlock(&pool->lock);
        drops_answer(&drops);
        pthread_mutex_lock(&pool->lock);
    }
}

void fov_workers_destroy(fov_workers **workers)
{
    fov_workers *pool = workers ? *workers : NULL;
    if (!pool)
        return;
    *workers = NULL;
    int64_t end = clock_now_ns() + STOP_NS;
    pthread_mutex_lock(&pool->lock);
    pool->stopping = true;
    pthread_cond_broadcast(&pool->work);
    pthread_cond_broadcast(&pool->timer);
    shut_streams(pool);
    pool_join(pool, end);
    watchdog_abandon_all(pool, pool->clock());
    pool_unref(pool);
}

/* ---- models and information ------------------------------------------------------------------ */

static void replace(fov_workers *pool, struct slot *slot)
{
    struct slot **link = slot_link(pool, slot->id), *old = *link;
    slot->next = old ? old->next : NULL;
    *link = slot;
    if (!old)
        return;
    for (int i = 0; i < pool->stream_count; i++) {
        fov_stream *s = pool->streams[i];
        for (int k = -1; k < HELPERS; k++) {
            struct slot **use = k < 0 ? &s->slot : &s->helpers[k];
            if (*use != old)
                continue;
            *use = slot;
            slot->refs++;
            old->refs--; /* the table's own reference is still there */
        }
    }
    if (pool->default_slot == old)
        pool->default_slot = slot;
    sizes_forget(pool, old);
    slot_unref(pool, old);
}

fov_status fov_workers_add_model(fov_workers *pool, const fov_model_params *params, bool as_default,
                                 fov_error *error)
{
    struct slot *slot;
    if (!pool || !params || !params->path)
        return fov_fail(error, FOV_EINVAL, "a model needs a path");
    fov_status status = slot_open(&slot, pool, params, error);
    if (status)
        return status;
    pthread_mutex_lock(&pool->lock);
    if (as_default)
        pool->default_slot = slot;
    replace(pool, slot);
    slots_judge(pool); /* the one that was replaced may have hung */
    pthread_cond_broadcast(&pool->work);
    pthread_mutex_unlock(&pool->lock);
    return FOV_OK;
}

static int streams_of(const fov_workers *pool, const struct slot *slot)
{
    int count = 0;
    for (int i = 0; i < pool->stream_count; i++) {
        const fov_stream *s = pool->streams[i];
        bool uses = stream_base(s) == slot;
        for (int k = 0; k < HELPERS; k++)
            uses = uses || s->helpers[k] == slot;
        count += uses;
    }
    return count;
}

fov_status fov_workers_remove_model(fov_workers *pool, const char *id, fov_error *error)
{
    fov_status status = FOV_OK;
    pthread_mutex_lock(&pool->lock);
    struct slot **link = slot_link(pool, id), *slot = *link;
    int streams = slot ? streams_of(pool, slot) : 0;
    if (!slot)
        status = fov_fail(error, FOV_ENOTFOUND, "no model '%.100s' is loaded", id);
    else if (slot == pool->default_slot)
        status = fov_fail(error, FOV_EBUSY, "%.100s is the default model", id);
    else if (streams > 0)
        status = fov_fail(error, FOV_EBUSY, "%d %s on %.100s", streams,
                          streams == 1 ? "stream runs" : "streams run", id);
    if (!status) {
        *link = slot->next;
        sizes_forget(pool, slot);
        slot_unref(pool, slot);
        slots_judge(pool);
    }
    pthread_mutex_unlock(&pool->lock);
    return status;
}

fov_model *fov_workers_model_at(fov_workers *pool, size_t i, int *streams, bool *is_default)
{
    pthread_mutex_lock(&pool->lock);
    const struct slot *slot = pool->slots;
    while (slot && (slot->base || slot->hidden || i-- > 0))
        slot = slot->next;
    fov_model *model = slot ? fov_model_ref(slot_form(slot)->model) : NULL;
    if (slot && streams)
        *streams = streams_of(pool, slot);
    if (slot && is_default)
        *is_default = slot == pool->default_slot;
    pthread_mutex_unlock(&pool->lock);
    return model;
}

fov_model *fov_workers_model(fov_workers *pool, const char *id)
{
    pthread_mutex_lock(&pool->lock);
    struct slot *slot = slot_find(pool, id);
    fov_model *model = slot ? fov_model_ref(slot_form(slot)->model) : NULL;
    pthread_mutex_unlock(&pool->lock);
    return model;
}

/* Of all runs, those in progress too; lock held. */
static int64_t busy_ns(const fov_workers *pool)
{
    int64_t sum = pool->busy_ns, now = pool->clock();
    for (const struct worker *w = pool->workers; w; w = w->next)
        sum += w->job_count > 0 ? now - w->since_ns : 0;
    return sum;
}

void fov_workers_get_info(fov_workers *pool, fov_workers_info *info)
{
    pthread_mutex_lock(&pool->lock);
    const struct form *form = slot_form(pool->default_slot);
    *info = (fov_workers_info){
        .workers = pool->worker_count,
        .degraded = pool->degraded,
        .lost_runs = pool->lost_runs,
        .fallbacks = pool->fallbacks,
        .busy_s = (double)busy_ns(pool) / 1e9,
        .runs = form->runners,
        .default_lost = form->dead,
        .form = form == pool->default_slot->forms[FOV_HINT_LATENCY] ? "latency" : "throughput",
        .bound_ms = ns_to_ms(recent_median_ns(&form->work)),
        .guaranteed = pool->promised,
        .promised = pool->plan.verdict.load};
    pthread_mutex_unlock(&pool->lock);
}

void fov_workers_get_stats(fov_workers *pool, double window_s, fov_stats *stats)
{
    stats_read(&pool->stats, pool->clock(), window_s, stats);
}
