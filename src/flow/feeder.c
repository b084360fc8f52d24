/* A stream's own source: one thread that reads and puts. In real time a file behaves like a live
 * camera, by its time stamps; fast, it is read as quickly as its frames are worked off. */
#include "flow/flow.h"

#include <stdlib.h>
#include <time.h>

#include "base/clock.h"

#define BEHIND_NS (500 * NS_PER_MS) /* later than this: the beat starts anew, no burst */
#define PAUSE_NS (5 * NS_PER_MS)    /* before asking an exhausted frame pool again */

struct feeder {
    fov_stream *stream;
    fov_source *source;
    fov_frame_pool *frames;
    pthread_t thread;
    bool fast, live;
    bool anchored;
    double first_pts_ms, last_pts_ms;
    int64_t first_ns;
};

static bool is_closing(fov_stream *s)
{
    pthread_mutex_lock(&s->pool->lock);
    bool closing = s->closing || s->pool->stopping;
    pthread_mutex_unlock(&s->pool->lock);
    return closing;
}

/* Sleeps until `until`, or until the stream closes. */
static void sleep_until(fov_stream *s, int64_t until)
{
    struct timespec t = ns_to_timespec(until);
    pthread_mutex_lock(&s->pool->lock);
    while (!s->closing && !s->pool->stopping && clock_now_ns() < until)
        pthread_cond_timedwait(&s->pool->idle, &s->pool->lock, &t);
    pthread_mutex_unlock(&s->pool->lock);
}

/* When a frame of this time stamp is due. A jump (loop, gap, slow reading) sets a new beat. */
static int64_t due_ns(struct feeder *f, double pts_ms, int64_t now)
{
    int64_t due = f->first_ns + ms_to_ns(pts_ms - f->first_pts_ms);
    bool jumped = pts_ms < f->last_pts_ms || pts_ms > f->last_pts_ms + 10e3;
    if (!f->anchored || jumped || now - due > BEHIND_NS) {
        /* After a loop the first frame comes one interval after the last one. */
        double interval = fov_source_get_info(f->source)->fps;
        due = f->anchored && jumped && interval > 0 ? now + ms_to_ns(1e3 / interval) : now;
        f->anchored = true;
        f->first_ns = due;
        f->first_pts_ms = pts_ms;
    }
    f->last_pts_ms = pts_ms;
    return due;
}

/* A URL may turn out to be a file. */
static bool has_end(const struct feeder *f)
{
    fov_source_state state;
    fov_source_get_state(f->source, &state);
    return state.finite;
}

static bool feed(struct feeder *f, fov_frame *frame)
{
    fov_stream *s = f->stream;
    if (f->live && !has_end(f)) /* it happened when it came in */
        return fov_stream_put(s, &frame, NULL) == FOV_OK;
    if (f->fast) {
        pthread_mutex_lock(&s->pool->lock);
        stream_wait_room(s, frame);
        pthread_mutex_unlock(&s->pool->lock);
    } else {
        sleep_until(s, due_ns(f, frame->pts_ms, clock_now_ns()));
    }
    frame->capture_ns = clock_now_ns(); /* it happens now, whenever it was read */
    frame->decode_ns = 0;
    return fov_stream_put(s, &frame, NULL) == FOV_OK;
}

static fov_status read_all(struct feeder *f, fov_error *error)
{
    for (;;) {
        fov_frame *frame = NULL;
        fov_status status = fov_source_read(f->source, f->frames, &frame, NULL, error);
        if (status == FOV_OK) {
            if (!feed(f, frame))
                return FOV_ECLOSED;
        } else if (status == FOV_EAGAIN) {
            sleep_until(f->stream, clock_now_ns() + PAUSE_NS);
        } else if (status != FOV_EFORMAT) { /* one broken picture is passed over */
            return status;
        }
        if (is_closing(f->stream))
            return FOV_ECLOSED;
    }
}

static void *feeder_run(void *argument)
{
    struct feeder *f = argument;
    fov_stream *s = f->stream;
    fov_error error = {0};
    pthread_setname_np(pthread_self(), "fovea-source");
    fov_status status = read_all(f, &error);
    fov_stream_flush(s);
    pthread_mutex_lock(&s->pool->lock);
    stream_wait_answered(s);
    bool closing = s->closing || s->pool->stopping;
    if (status == FOV_ECLOSED && s->finishing) /* it was refused its next frame, as was asked for */
        status = FOV_EOS;
    pthread_mutex_unlock(&s->pool->lock);
    if (!closing && s->results)
        results_end(s->results, status == FOV_EOS ? FOV_OK : status, error.message);
    if (!closing && s->on_end)
        s->on_end(s->user, status == FOV_EOS ? FOV_OK : status,
                  status == FOV_EOS ? "" : error.message);
    return NULL;
}

fov_status fov_stream_start_source(fov_stream *s, fov_source **source, bool fast, fov_error *error)
{
    if (!s || !source || !*source)
        return fov_fail(error, FOV_EINVAL, "stream: no source");
    struct feeder *f = s->feeder ? NULL : calloc(1, sizeof *f);
    fov_status status = s->feeder ? fov_fail(error, FOV_EEXISTS, "stream: has a source already")
                                  : FOV_OK;
    if (!f && status == FOV_OK)
        status = fov_fail(error, FOV_ENOMEM, "no memory for a source");
    if (f) {
        fov_frame_pool_params frames = {.slots = MAILBOX_MAX + PARKED_MAX,
                                        .keep_bytes = (size_t)16 << 20};
        f->stream = s;
        f->source = *source;
        f->live = fov_source_get_info(*source)->live;
        f->fast = fast || (!f->live && fov_source_get_info(*source)->fps <= 0);
        status = fov_frame_pool_create(&f->frames, &frames, error);
        if (status == FOV_OK && pthread_create(&f->thread, NULL, feeder_run, f) != 0)
            status = fov_fail(error, FOV_ENOMEM, "no thread for a source");
    }
    if (status == FOV_OK) {
        s->feeder = f;
        *source = NULL;
        return FOV_OK;
    }
    if (f)
        fov_frame_pool_destroy(&f->frames);
    free(f);
    fov_source_close(source);
    return status;
}

bool fov_stream_get_source_state(fov_stream *s, fov_source_state *state)
{
    if (s->feeder)
        fov_source_get_state(s->feeder->source, state);
    return s->feeder != NULL;
}

void feeder_stop(struct feeder *f)
{
    if (!f)
        return;
    fov_source_interrupt(f->source);
    pthread_join(f->thread, NULL);
    fov_source_close(&f->source);
    fov_frame_pool_destroy(&f->frames);
    free(f);
}
