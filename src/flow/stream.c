/* Streams: opening, putting frames in, turning knobs, closing. */
#include "flow/flow.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "flow/look.h"

#define CAPACITY 5
#define MAX_BYTES ((size_t)4 << 20)

/* ---- open ------------------------------------------------------------------------------------ */

static fov_status check(const fov_stream_params *p, fov_error *error)
{
    if (!p->on_result == !p->results)
        return fov_fail(error, FOV_EINVAL, "stream: one of on_result and results is required");
    if (p->results < 0 || p->results > MAILBOX_MAX || p->gather < 0 ||
        p->gather > (p->capacity ? p->capacity : CAPACITY) || (p->gather > 1 && !p->fifo))
        return fov_fail(error, FOV_EINVAL, "stream: results or gather is out of range");
    if (p->stats_interval_s != 0 && !(p->stats_interval_s >= 0.1 && p->stats_interval_s <= 3600))
        return fov_fail(error, FOV_EINVAL, "stream: stats_interval_s is not in 0.1..3600");
    if (p->capacity < 0 || p->capacity > MAILBOX_MAX)
        return fov_fail(error, FOV_EINVAL, "stream: capacity %d is not in 1..%d", p->capacity,
                        MAILBOX_MAX);
    if (!(p->target_fps >= 0) || !(p->max_latency_ms >= 0) || p->max_latency_ms > 1e9 ||
        !(p->weight >= 0))
        return fov_fail(error, FOV_EINVAL,
                        "stream: target_fps, max_latency_ms or weight is below "
                        "zero");
    if (p->guaranteed && !(p->promised_fps > 0 && p->promised_fps <= 1000))
        return fov_fail(error, FOV_EINVAL, "stream: a guaranteed one needs its frames a second");
    if (p->adaptive.target_latency_ms > 0 && p->fifo)
        return fov_fail(error, FOV_EINVAL, "stream: a frame rate follows live streams only");
    if (p->detect.max_detections < 0 || p->detect.max_detections > DETECTIONS_MAX)
        return fov_fail(error, FOV_EINVAL, "stream: max_detections is not in 1..%d",
                        DETECTIONS_MAX);
    return FOV_OK;
}

/* No more passes than was promised, but for what clocks of cameras are off. */
void stream_set_rate(fov_stream *s, double fps)
{
    double most = 1.05 * s->promise.fps;
    sched_gate_set(&s->gate, most > 0 && (fps <= 0 || fps > most) ? most : fps);
}

static void fill(fov_stream *s, fov_workers *pool, const fov_stream_params *p)
{
    s->pool = pool;
    text_copy(s->name, sizeof s->name, p->name ? p->name : "stream");
    mailbox_init(&s->box, p->capacity ? p->capacity : CAPACITY,
                 p->max_bytes ? p->max_bytes : MAX_BYTES);
    s->view = (struct sched_stream){.waiting = &s->box,
                                    .fifo = p->fifo,
                                    .always_run = p->always_run,
                                    .guaranteed = p->guaranteed};
    if (p->guaranteed)
        s->promise = (struct promise){p->promised_fps, p->picture_width, p->picture_height};
    stream_set_rate(s, p->target_fps);
    s->weight = p->weight > 0 ? p->weight : 1;
    s->max_latency_ns = ms_to_ns(p->max_latency_ms);
    s->detect = p->detect;
    if (p->football && p->football->player_conf > 0)
        s->detect.conf = p->football->player_conf;
    s->on_result = p->on_result;
    s->gather = p->gather < BATCH_MAX ? p->gather : BATCH_MAX;
    s->stats_every_ns = (int64_t)(p->stats_interval_s * 1e9);
    s->stats_due_ns = s->stats_every_ns ? pool->clock() + s->stats_every_ns : INT64_MAX;
    s->on_stats = p->on_stats;
    s->on_end = p->on_end;
    s->user = p->user;
    stats_init(&s->stats);
}

/* Room for one more stream in the pool's arrays; lock held. */
static bool grow(fov_workers *pool)
{
    if (pool->stream_count < pool->stream_room)
        return true;
    size_t room = pool->stream_room ? 2 * (size_t)pool->stream_room : 8;
    fov_stream **streams = realloc(pool->streams, room * sizeof *streams);
    if (streams)
        pool->streams = streams;
    const struct sched_stream **views = realloc(pool->views, room * sizeof *views);
    if (views)
        pool->views = views;
    if (!streams || !views)
        return false;
    pool->stream_room = (int)room;
    return true;
}

/* The id of the model that looks for its boxes; NULL or "": the default one. */
static const char *model_of(const fov_stream_params *params)
{
    const fov_football_params *football = params->football;
    return football && football->player_model && football->player_model[0] ? football->player_model
                                                                           : params->model_id;
}

static const fov_model_info *info_of(const struct slot *slot)
{
    return slot ? fov_model_get_info(slot_form(slot)->model) : NULL;
}

/* Lock held: a model of football beside the one for people; NULL: none is asked for. */
static fov_status find_other(fov_workers *pool, const char *id, bool wanted, struct slot **slot,
                             fov_error *error)
{
    *slot = wanted ? slot_find(pool, id) : NULL;
    if (wanted && !*slot)
        return fov_fail(error, FOV_ENOTFOUND, "no model '%s' is loaded", id);
    return FOV_OK;
}

/* Lock held. */
static fov_status find_others(fov_stream *s, const struct slot *slot,
                              const fov_football_params *football, fov_error *error)
{
    fov_workers *pool = s->pool;
    if (!s->look)
        return FOV_OK;
    fov_status status = find_other(pool, football->ball_model, s->look->has_ball, &s->ball_slot,
                                   error);
    if (!status)
        status = find_other(pool, football->pitch_model, s->look->has_pitch, &s->pitch_slot, error);
    return status ? status
                  : look_accepts(s->look, info_of(slot ? slot : pool->default_slot),
                                 info_of(s->ball_slot), info_of(s->pitch_slot), error);
}

static void hold(struct slot *slot)
{
    if (slot)
        slot->refs++;
}

static fov_status enter(fov_stream *s, const fov_stream_params *params, fov_error *error)
{
    fov_workers *pool = s->pool;
    struct plan plan = {0};
    const char *model_id = model_of(params);
    bool named = model_id && model_id[0], asked = false;
    fov_status status = FOV_OK;
    pthread_mutex_lock(&pool->lock);
    struct slot *slot = named ? slot_find(pool, model_id) : NULL;
    if (pool->stopping)
        status = fov_fail(error, FOV_ECLOSED, "the workers are shutting down");
    else if (named && !slot)
        status = fov_fail(error, FOV_ENOTFOUND, "no model '%s' is loaded", model_id);
    else if (!grow(pool))
        status = fov_fail(error, FOV_ENOMEM, "no memory for a stream");
    else
        status = find_others(s, slot, params->football, error);
    s->slot = slot;
    asked = status == FOV_OK && s->view.guaranteed;
    if (asked)
        status = promise_check(pool, s, &plan);
    if (status == FOV_OK) {
        hold(slot);
        hold(s->ball_slot);
        hold(s->pitch_slot);
        pool->streams[pool->stream_count] = s;
        pool->views[pool->stream_count++] = &s->view;
        pool->refs++;
        if (s->stats_every_ns)
            timer_wake(pool);
        pool->promised += s->view.guaranteed;
        if (pool->promised) /* a newcomer's model may bring longer runs */
            promises_changed(pool, pool->clock());
    }
    pthread_mutex_unlock(&pool->lock);
    return asked ? promise_tell(&plan, status, params->admission, error) : status;
}

static fov_status make_look(fov_stream *s, const fov_stream_params *params, fov_error *error)
{
    fov_model *player = params->football ? fov_workers_model(s->pool, model_of(params)) : NULL;
    fov_status status = look_make(&s->look, params, player ? fov_model_get_info(player) : NULL,
                                  error);
    fov_model_close(&player);
    return !status && s->look && s->look->drawn ? look_open_drawn(s->pool, error) : status;
}

fov_status fov_stream_open(fov_stream **out, fov_workers *workers, const fov_stream_params *params,
                           fov_error *error)
{
    if (!out || !workers || !params)
        return fov_fail(error, FOV_EINVAL, "stream: workers and parameters are required");
    *out = NULL;
    fov_status status = check(params, error);
    if (status)
        return status;
    fov_stream *s = calloc(1, sizeof *s);
    if (!s)
        return fov_fail(error, FOV_ENOMEM, "no memory for a stream");
    fill(s, workers, params);
    status = follower_make(s, params, error);
    if (!status)
        status = namer_make(s, params, error);
    if (!status)
        status = make_look(s, params, error);
    if (!status && params->results &&
        !(s->results = results_create(params->results, params->fifo, params->tell_drops)))
        status = fov_fail(error, FOV_ENOMEM, "no memory for results");
    if (!status)
        status = enter(s, params, error);
    if (status) {
        results_close(&s->results);
        look_unref(&s->look);
        namer_free(&s->namer);
        follower_free(&s->follower);
        stats_release(&s->stats);
        free(s);
        return status;
    }
    *out = s;
    return FOV_OK;
}

/* ---- put ------------------------------------------------------------------------------------- */

static void stamp(fov_stream *s, fov_frame *frame, int64_t now)
{
    frame->seq = s->next_seq++;
    if (frame->capture_ns <= 0 || frame->capture_ns > now)
        frame->capture_ns = now;
    if (!frame->deadline_ns && s->max_latency_ns)
        frame->deadline_ns = frame->capture_ns + s->max_latency_ns;
    if (!s->seen)
        s->view.silent_since_ns = now;
    s->seen = true;
}

/* Lock held. */
static void admit(fov_stream *s, fov_frame *frame, int64_t now, struct drops *drops)
{
    fov_workers *pool = s->pool;
    if (!sched_gate_pass(&s->gate, now)) {
        drops_add_frame(drops, s, frame, FOV_DROP_FPS_LIMIT);
        return;
    }
    bool tight = !mailbox_fits(&s->box, frame);
    bool over = tight && stream_run_few(s); /* once, it waits beside those that may run only now */
    while (!over && !mailbox_fits(&s->box, frame))
        drops_add(drops, s, 1, FOV_DROP_QUEUE);
    if (s->box.count == 0 && s->view.running == 0)
        s->view.share_ns = sched_start_share(pool->views, pool->stream_count, &s->view,
                                             pool->share_ns);
    mailbox_push(&s->box, frame);
    s->flushing = tight && s->box.count < s->gather;
    sched_set late = sched_late(now, &s->view);
    if (late)
        drops_add(drops, s, late, FOV_DROP_DEADLINE);
    if (s->box.count > 0)
        pthread_cond_signal(&pool->work);
    if (pool->timer_sleeps)
        timer_wake(pool);
}

fov_status fov_stream_put(fov_stream *s, fov_frame **frame, uint64_t *seq)
{
    fov_workers *pool = s->pool;
    struct drops drops;
    drops.count = 0;
    int64_t now = pool->clock();
    pthread_mutex_lock(&pool->lock);
    if (s->closing || s->finishing || pool->stopping) {
        pthread_mutex_unlock(&pool->lock);
        fov_frame_unref(frame);
        return FOV_ECLOSED;
    }
    stamp(s, *frame, now);
    if (seq)
        *seq = (*frame)->seq;
    stats_accepted(&s->stats, now);
    stats_accepted(&pool->stats, now);
    admit(s, *frame, now, &drops);
    *frame = NULL;
    pthread_mutex_unlock(&pool->lock);
    drops_answer(&drops);
    return FOV_OK;
}

static bool has_room(const fov_stream *s, const fov_frame *frame)
{
    if (s->closing || s->finishing || s->pool->stopping)
        return true; /* to be told so */
    return s->view.fifo || s->view.always_run ? mailbox_fits(&s->box, frame) : s->box.count == 0;
}

/* Large frames fill max_bytes before there are enough of them for a run. */
bool stream_run_few(fov_stream *s)
{
    if (s->flushing || s->box.count >= s->gather)
        return false;
    s->flushing = true;
    pthread_cond_signal(&s->pool->work);
    return true;
}

bool stream_wait_room(fov_stream *s, const fov_frame *frame, int timeout_ms)
{
    int64_t end = clock_after_ms(timeout_ms);
    bool room;
    int rc = 0;
    while (!(room = has_room(s, frame)) && rc == 0) {
        stream_run_few(s);
        if (timeout_ms == 0)
            break;
        rc = clock_cond_wait(&s->pool->idle, &s->pool->lock, end);
    }
    return room;
}

void stream_wait_answered(fov_stream *s)
{
    while (!s->closing && !s->pool->stopping &&
           (s->box.count > 0 || s->jobs > 0 || s->callbacks > 0))
        pthread_cond_wait(&s->pool->idle, &s->pool->lock);
}

/* ---- knobs, statistics ------------------------------------------------------------------------
 */

void fov_stream_watch(fov_stream *s, bool watch)
{
    pthread_mutex_lock(&s->pool->lock);
    s->watchers += watch ? 1 : s->watchers > 0 ? -1 : 0;
    pthread_mutex_unlock(&s->pool->lock);
}

void fov_stream_set(fov_stream *s, const fov_knobs *knobs)
{
    pthread_mutex_lock(&s->pool->lock);
    if (knobs->conf > 0)
        s->detect.conf = knobs->conf;
    if (knobs->iou > 0)
        s->detect.iou = knobs->iou;
    if (knobs->target_fps != 0)
        stream_set_rate(s, knobs->target_fps);
    if (knobs->max_latency_ms != 0)
        s->max_latency_ns = knobs->max_latency_ms > 0 ? ms_to_ns(knobs->max_latency_ms) : 0;
    if (knobs->classes)
        memcpy(s->detect.classes, knobs->classes, sizeof s->detect.classes);
    if (knobs->fifo)
        s->view.fifo = knobs->fifo > 0;
    if (knobs->input_px)
        stream_resize(s, knobs->input_px > 0 ? knobs->input_px : 0);
    pthread_mutex_unlock(&s->pool->lock);
}

void fov_stream_get_stats(fov_stream *s, double window_s, fov_stats *stats)
{
    stats_read(&s->stats, s->pool->clock(), window_s, stats);
    if (s->results)
        stats->untaken = results_untaken(s->results);
}

/* ---- close ------------------------------------------------------------------------------------
 */

/* Lock held, released meanwhile. */
static void drain(fov_stream *s)
{
    struct drops drops;
    drops.count = 0;
    drops_add(&drops, s, ~(sched_set)0, FOV_DROP_SHUTDOWN);
    pthread_mutex_unlock(&s->pool->lock);
    drops_answer(&drops);
    pthread_mutex_lock(&s->pool->lock);
    stream_hurry(s);
    stream_publish(s);
    while (s->jobs > 0 || s->callbacks > 0 || s->publishing)
        pthread_cond_wait(&s->pool->idle, &s->pool->lock);
}

static void leave(fov_stream *s)
{
    fov_workers *pool = s->pool;
    int i = 0;
    while (pool->streams[i] != s)
        i++;
    pool->stream_count--;
    pool->streams[i] = pool->streams[pool->stream_count];
    pool->views[i] = pool->views[pool->stream_count];
    pool->promised -= s->view.guaranteed;
    promises_changed(pool, pool->clock());
    slot_unref(pool, s->sized);
    slot_unref(pool, s->slot);
    slot_unref(pool, s->ball_slot);
    slot_unref(pool, s->pitch_slot);
}

void fov_stream_close(fov_stream **stream)
{
    fov_stream_close_stats(stream, 60, NULL);
}

void fov_stream_close_stats(fov_stream **stream, double window_s, fov_stats *last)
{
    fov_stream *s = stream ? *stream : NULL;
    if (!s)
        return;
    *stream = NULL;
    fov_workers *pool = s->pool;
    pthread_mutex_lock(&pool->lock);
    s->closing = true;
    s->stats_due_ns = INT64_MAX; /* the timer would find it due for ever */
    pthread_cond_broadcast(&pool->idle);
    pthread_mutex_unlock(&pool->lock);
    feeder_stop(s->feeder);
    pthread_mutex_lock(&pool->lock);
    drain(s);
    leave(s);
    pthread_mutex_unlock(&pool->lock);
    if (s->look)
        look_close(s->look); /* a run that was given up may still be in the user's hook */
    if (last)
        fov_stream_get_stats(s, window_s, last);
    results_close(&s->results); /* who waits in fov_stream_get still looks at the pool */
    pthread_mutex_lock(&pool->lock);
    pool_unref(pool);
    look_unref(&s->look);
    namer_free(&s->namer);
    follower_free(&s->follower);
    stats_release(&s->stats);
    free(s);
}
