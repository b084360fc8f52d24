/* A stream's own source: one thread that takes what a reader reads ahead, and puts it. In real time
 * a file behaves like a live camera, by its time stamps; fast, it is read as quickly as its frames
 * are worked off. */
#include "flow/flow.h"

#include <stdlib.h>

#include <fovea/reader.h>

#include "base/clock.h"
#include "flow/look.h"
#include "media/source.h"

/* Of frames that wait to be put: there may be many streams. */
#define AHEAD_BYTES ((size_t)16 << 20)

struct feeder {
    fov_stream *stream;
    fov_reader *reader;
    pthread_t thread;
    bool fast, live;
};

static bool is_closing(fov_stream *s)
{
    pthread_mutex_lock(&s->pool->lock);
    bool closing = s->closing || s->pool->stopping;
    pthread_mutex_unlock(&s->pool->lock);
    return closing;
}

/* A URL may turn out to be a file. */
static bool has_end(const struct feeder *f)
{
    fov_reader_state state;
    fov_reader_get_state(f->reader, &state);
    return state.source.finite;
}

static bool feed(struct feeder *f, fov_frame *frame)
{
    fov_stream *s = f->stream;
    if (f->live && !has_end(f)) /* it happened when it came in */
        return fov_stream_put(s, &frame, NULL) == FOV_OK;
    if (f->fast) {
        pthread_mutex_lock(&s->pool->lock);
        stream_wait_room(s, frame, -1);
        pthread_mutex_unlock(&s->pool->lock);
    }
    frame->capture_ns = clock_now_ns(); /* it happens now, whenever it was read */
    frame->decode_ns = 0;
    return fov_stream_put(s, &frame, NULL) == FOV_OK;
}

static fov_status read_all(struct feeder *f, fov_error *error)
{
    for (;;) {
        fov_frame *frame = NULL;
        fov_status status = fov_reader_get(f->reader, -1, &frame, NULL, error);
        if (status)
            return status;
        if (!feed(f, frame) || is_closing(f->stream))
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

/* Live sources and pictures without a time of their own are taken as they come. */
static fov_status open_reader(struct feeder *f, fov_source **source, bool fast, fov_error *error)
{
    const fov_source_info *info = fov_source_get_info(*source);
    f->live = info->live;
    f->fast = fast || (!f->live && info->fps <= 0);
    fov_reader_params params = {.source = source,
                                .max_bytes = AHEAD_BYTES,
                                .hold = MAILBOX_MAX + PARKED_MAX,
                                .paced = !f->fast};
    return fov_reader_open(&f->reader, &params, error);
}

static fov_status may_start(const fov_stream *s, const fov_source *source, fov_error *error)
{
    if (s->feeder)
        return fov_fail(error, FOV_EEXISTS, "stream: has a source already");
    if (s->look && s->look->drawn && !s->look->on_detections && source->kind != &source_football)
        return fov_fail(error, FOV_EINVAL,
                        "the detector \"" LOOK_DRAWN "\" sees pattern:football and nothing else");
    return FOV_OK;
}

fov_status fov_stream_start_source(fov_stream *s, fov_source **source, bool fast, fov_error *error)
{
    if (!s || !source || !*source)
        return fov_fail(error, FOV_EINVAL, "stream: no source");
    fov_status status = may_start(s, *source, error);
    struct feeder *f = status ? NULL : calloc(1, sizeof *f);
    if (!f && status == FOV_OK)
        status = fov_fail(error, FOV_ENOMEM, "no memory for a source");
    if (f) {
        f->stream = s;
        status = open_reader(f, source, fast, error);
        if (status == FOV_OK && pthread_create(&f->thread, NULL, feeder_run, f) != 0)
            status = fov_fail(error, FOV_ENOMEM, "no thread for a source");
    }
    if (status == FOV_OK) {
        s->feeder = f;
        return FOV_OK;
    }
    if (f)
        fov_reader_close(&f->reader);
    free(f);
    fov_source_close(source);
    return status;
}

bool fov_stream_get_source_state(fov_stream *s, fov_source_state *state)
{
    fov_reader_state reader;
    if (!s->feeder)
        return false;
    fov_reader_get_state(s->feeder->reader, &reader);
    *state = reader.source;
    return true;
}

void feeder_stop(struct feeder *f)
{
    if (!f)
        return;
    fov_reader_stop(f->reader);
    pthread_join(f->thread, NULL);
    fov_reader_close(&f->reader);
    free(f);
}
