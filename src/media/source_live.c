/* Live sources: their thread, and the pictures that it hands over. Where they connect to is the
 * matter of source_connect.c.
 *
 * One thread connects, reads and decodes; of the pictures it keeps the newest. Three pictures go
 * round: one being decoded, the newest one, one being read. When and why to connect again is
 * decided in source_link.c. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "media/image.h"
#include "media/source_live.h"
#include <fovea/picture.h>

enum { WAIT_MAX_MS = 200 };
#define BURST_NS (3 * NS_PER_S) /* paced: further off than this, the beat starts anew */

/* ---- what it is ------------------------------------------------------------------------------ */

static bool takes_live(const char *url, const struct stat *st)
{
    const char *kind = source_live_kind(url);
    return kind && !(st && (S_ISREG(st->st_mode) || S_ISDIR(st->st_mode)));
}

/* ---- phases ---------------------------------------------------------------------------------- */

/* Takes the phase over into the state; true when it is another one. Lock held. */
static bool note_phase(struct live *v, fov_source_state *now)
{
    bool changed = v->state.phase != v->link.phase;
    v->state.phase = v->link.phase;
    v->state.since_ns = v->link.since_ns;
    v->state.reconnects = v->link.reconnects;
    *now = v->state;
    return changed;
}

/* Unlocks, and tells a new phase. */
static void unlock_and_tell(struct live *v)
{
    fov_source_state state;
    bool changed = note_phase(v, &state);
    if (changed)
        pthread_cond_broadcast(&v->changed);
    pthread_mutex_unlock(&v->lock);
    const fov_source_params *p = &v->source->params;
    if (changed && p->on_phase)
        p->on_phase(p->user, &state);
}

/* Asked by everything that waits. */
bool live_is_stopped(void *user)
{
    struct live *v = user;
    int64_t until;
    if (atomic_load(&v->source->interrupted) || v->denied)
        return true;
    pthread_mutex_lock(&v->lock);
    bool close = link_next(&v->link, clock_now_ns(), &until) == LINK_CLOSE;
    unlock_and_tell(v);
    return close;
}

static void end(struct live *v, fov_status status, const char *why)
{
    if (status == FOV_EFORMAT) /* which would ask the reader to go on */
        status = FOV_EUNSUPPORTED;
    pthread_mutex_lock(&v->lock);
    v->end = status;
    text_copy(v->state.error, sizeof v->state.error, why);
    link_ended(&v->link, clock_now_ns());
    unlock_and_tell(v);
}

/* The connection failed: tried again, unless it never worked and nobody is patient. */
static void fail(struct live *v, fov_status status, const fov_error *error)
{
    if (atomic_load(&v->source->interrupted))
        return;
    if (!v->source->params.patient && !v->link.was_live) {
        end(v, status == FOV_ECLOSED ? FOV_ETIMEOUT : status, error->message);
        return;
    }
    pthread_mutex_lock(&v->lock);
    bool silent = v->link.phase == FOV_SOURCE_STALLED;
    text_copy(v->state.error, sizeof v->state.error,
              silent ? "no picture came any more" : error->message);
    link_failed(&v->link, clock_now_ns(), v->unreachable);
    unlock_and_tell(v);
}

/* Waits for a change, at most until `until`; lock held. */
static void wait_changed(struct live *v, int64_t until)
{
    int64_t latest = clock_after_ms(WAIT_MAX_MS);
    clock_cond_wait(&v->changed, &v->lock, until < latest ? until : latest);
}

/* ---- pictures -------------------------------------------------------------------------------- */

/* A picture that comes in a burst waits until its time stamp is due. */
static void pace(struct live *v, struct ffmpeg_picture_info *info)
{
    int64_t now = clock_now_ns(), due = v->beat_ns + ms_to_ns(info->pts_ms);
    if (!v->anchored || due < now - BURST_NS / 10 || due > now + BURST_NS) {
        v->beat_ns = now - ms_to_ns(info->pts_ms);
        v->anchored = true;
        due = now;
    }
    pthread_mutex_lock(&v->lock);
    while (!atomic_load(&v->source->interrupted) && clock_now_ns() < due)
        wait_changed(v, due);
    pthread_mutex_unlock(&v->lock);
    info->arrival_ns = clock_now_ns();
}

/* RFC 3550, section 6.4.1: the smoothed difference between arrival and time stamp; lock held. */
static void measure_jitter(struct live *v, const struct ffmpeg_picture_info *info)
{
    double apart = ns_to_ms(info->arrival_ns - v->last_arrival_ns);
    double stamps = info->pts_ms - v->last_pts_ms;
    double off = apart > stamps ? apart - stamps : stamps - apart;
    if (v->last_arrival_ns && stamps > 0 && off < 1000)
        v->state.jitter_ms += (off - v->state.jitter_ms) / 16;
    v->last_arrival_ns = info->arrival_ns;
    v->last_pts_ms = info->pts_ms;
}

/* `spare` holds a picture: it becomes the newest one. A file's waits until the last one was read.
 */
static void deliver(struct live *v, struct ffmpeg_picture_info *info)
{
    int64_t decoded = clock_now_ns();
    if (v->stream.paced)
        pace(v, info);
    pthread_mutex_lock(&v->lock);
    while (v->stream.finite && v->fresh && !atomic_load(&v->source->interrupted))
        wait_changed(v, clock_now_ns() + NS_PER_S);
    if (!v->stream.paced && !v->stream.finite)
        measure_jitter(v, info);
    v->state.superseded += v->fresh;
    v->state.pictures++;
    struct ffmpeg_picture *old = v->newest;
    v->newest = v->spare;
    v->spare = old;
    v->newest_info = *info;
    v->newest_decode_ns = v->stream.paced || v->stream.finite ? 0 : decoded - info->arrival_ns;
    v->fresh = true;
    link_picture(&v->link, clock_now_ns());
    pthread_cond_broadcast(&v->changed);
    unlock_and_tell(v);
}

static void count_corrupt(struct live *v)
{
    pthread_mutex_lock(&v->lock);
    v->state.corrupt++;
    pthread_mutex_unlock(&v->lock);
}

static fov_status read_pictures(struct live *v, struct ffmpeg_live *stream, fov_error *error)
{
    for (;;) {
        struct ffmpeg_picture_info info;
        fov_status status = v->api->live_next(stream, v->spare, &info, error);
        if (status == FOV_OK)
            deliver(v, &info);
        else if (status == FOV_EFORMAT)
            count_corrupt(v);
        else
            return status;
        if (live_is_stopped(v))
            return fov_fail(error, FOV_ECLOSED, "no picture came in time");
    }
}

/* The end of a connection. */
static void after(struct live *v, fov_status status, fov_error *error)
{
    if (v->http_error.status && status != FOV_EOS)
        *error = v->http_error;
    if (status == FOV_EOS && v->stream.finite && !v->source->params.loop)
        end(v, FOV_EOS, "");
    else if (status == FOV_EOS && v->stream.finite) {
        pthread_mutex_lock(&v->lock);
        link_start(&v->link, clock_now_ns(), v->link.random);
        unlock_and_tell(v);
    } else
        fail(v, status == FOV_EOS ? FOV_EIO : status, error);
}

static void open_and_read(struct live *v)
{
    struct ffmpeg_live *stream = NULL;
    fov_error error = {0};
    pthread_mutex_lock(&v->lock);
    link_opening(&v->link, clock_now_ns());
    unlock_and_tell(v);
    v->stream = (struct ffmpeg_live_info){0};
    v->anchored = false;
    v->last_arrival_ns = 0;
    fov_status status = live_connect(v, &stream, &error);
    if (status) {
        fail(v, status, &error);
        return;
    }
    pthread_mutex_lock(&v->lock);
    v->state.finite = v->stream.finite;
    pthread_mutex_unlock(&v->lock);
    status = read_pictures(v, stream, &error);
    v->api->live_close(&stream);
    after(v, status, &error);
}

static void probe(struct live *v)
{
    bool answers = live_probe(v);
    pthread_mutex_lock(&v->lock);
    link_probed(&v->link, clock_now_ns(), answers);
    unlock_and_tell(v);
}

static void *live_run(void *argument)
{
    struct live *v = argument;
    pthread_setname_np(pthread_self(), "fovea-live");
    while (!atomic_load(&v->source->interrupted)) {
        int64_t until;
        pthread_mutex_lock(&v->lock);
        if (v->link.phase == FOV_SOURCE_ENDED) {
            pthread_mutex_unlock(&v->lock);
            break;
        }
        enum link_step step = link_next(&v->link, clock_now_ns(), &until);
        if (step == LINK_WAIT)
            wait_changed(v, until);
        unlock_and_tell(v);
        if (step == LINK_OPEN)
            open_and_read(v);
        else if (step == LINK_PROBE)
            probe(v);
    }
    return NULL;
}

/* ---- the source ------------------------------------------------------------------------------ */

static fov_status make_pictures(struct live *v, fov_error *error)
{
    v->spare = v->api->picture_new();
    v->newest = v->api->picture_new();
    v->reading = v->api->picture_new();
    return v->spare && v->newest && v->reading
               ? FOV_OK
               : fov_fail(error, FOV_ENOMEM, "no memory for a source");
}

static fov_status open_live(fov_source *source, const char *url, fov_error *error)
{
    struct live *v = calloc(1, sizeof *v);
    source->state = v;
    if (!v)
        return fov_fail(error, FOV_ENOMEM, "no memory for a source");
    v->source = source;
    pthread_mutex_init(&v->lock, NULL);
    clock_cond_init(&v->changed);
    source->info = (fov_source_info){.kind = "camera", .frames = -1, .live = true};
    fov_status status = live_read_url(v, url, error);
    if (status == FOV_OK && !(v->api = ffmpeg_api_get(error)))
        status = FOV_ERUNTIME;
    if (status == FOV_OK)
        status = make_pictures(v, error);
    if (status)
        return status;
    live_make_door(v);
    int64_t now = clock_now_ns();
    link_start(&v->link, now, (uint32_t)now ^ (uint32_t)(uintptr_t)v);
    v->state.since_ns = now;
    v->started = pthread_create(&v->thread, NULL, live_run, v) == 0;
    return v->started ? FOV_OK : fov_fail(error, FOV_ENOMEM, "no thread for a source");
}

/* Waits for a picture that was not read yet and takes it. */
static fov_status take_newest(struct live *v, fov_error *error)
{
    fov_status status = FOV_OK;
    int64_t until = v->source->until_ns;
    pthread_mutex_lock(&v->lock);
    while (!v->fresh && !v->held && v->state.phase != FOV_SOURCE_ENDED &&
           !atomic_load(&v->source->interrupted) && clock_now_ns() < until)
        wait_changed(v, until);
    if (v->fresh && !(v->held && v->state.finite)) {
        struct ffmpeg_picture *old = v->reading;
        v->state.superseded += v->held;
        v->reading = v->newest;
        v->newest = old;
        v->reading_info = v->newest_info;
        v->reading_decode_ns = v->newest_decode_ns;
        v->fresh = false;
        v->held = true;
        pthread_cond_broadcast(&v->changed);
    } else if (atomic_load(&v->source->interrupted)) {
        status = fov_fail(error, FOV_ECLOSED, "the source was closed");
    } else if (!v->held && v->state.phase != FOV_SOURCE_ENDED) {
        status = fov_fail(error, FOV_EAGAIN, "no picture came in time");
    } else if (!v->held) {
        status = fov_fail(error, v->end, "%s", v->state.error);
    }
    pthread_mutex_unlock(&v->lock);
    return status;
}

/* A camera's JPEG stays as it is: the workers decode it at the size that they need. */
static fov_status fill_jpeg(struct live *v, fov_frame *frame, fov_error *error)
{
    fov_picture_info picture;
    fov_status status = fov_picture_probe(v->reading_info.jpeg, v->reading_info.jpeg_size, &picture,
                                          error);
    if (status) {
        count_corrupt(v);
        return FOV_EFORMAT;
    }
    memcpy(frame->bytes, v->reading_info.jpeg, v->reading_info.jpeg_size);
    frame->size = v->reading_info.jpeg_size;
    frame->codec = FOV_JPEG;
    frame->width = picture.width;
    frame->height = picture.height;
    return FOV_OK;
}

static fov_status fill_pixels(struct live *v, fov_frame *frame, fov_error *error)
{
    int64_t start = clock_now_ns();
    frame->width = v->reading_info.width;
    frame->height = v->reading_info.height;
    fov_status status = fov_frame_alloc_image(frame, v->source->params.pixels, frame->width,
                                              frame->height, v->source->params.pixels == FOV_YUV,
                                              v->source->params.pixels == FOV_YUV);
    if (status)
        return fov_fail(error, status, "no memory for a frame");
    status = v->api->picture_store(v->reading, &frame->image, error);
    v->reading_decode_ns += clock_now_ns() - start;
    return status;
}

static fov_status read_live(fov_source *source, fov_frame_pool *pool, fov_frame **frame,
                            const char **name, fov_error *error)
{
    struct live *v = source->state;
    (void)name;
    fov_status status = take_newest(v, error);
    if (status)
        return status;
    status = fov_frame_get(pool, v->reading_info.jpeg ? v->reading_info.jpeg_size : 0, frame);
    if (status == FOV_EAGAIN)
        return fov_fail(error, status, "all frames are in use");
    pthread_mutex_lock(&v->lock);
    v->held = false;
    bool finite = v->state.finite;
    pthread_mutex_unlock(&v->lock);
    if (status) { /* larger than frames may be */
        count_corrupt(v);
        return fov_fail(error, FOV_EFORMAT, "a picture is too large");
    }
    status = v->reading_info.jpeg ? fill_jpeg(v, *frame, error) : fill_pixels(v, *frame, error);
    (*frame)->capture_ns = v->reading_info.arrival_ns;
    (*frame)->decode_ns = finite || v->reading_info.jpeg ? 0 : v->reading_decode_ns;
    (*frame)->pts_ms = v->reading_info.pts_ms;
    return status;
}

static void interrupt_live(fov_source *source)
{
    struct live *v = source->state;
    pthread_mutex_lock(&v->lock);
    pthread_cond_broadcast(&v->changed);
    pthread_mutex_unlock(&v->lock);
}

static void state_live(const fov_source *source, fov_source_state *state)
{
    struct live *v = source->state;
    pthread_mutex_lock(&v->lock);
    *state = v->state;
    pthread_mutex_unlock(&v->lock);
}

static void close_live(fov_source *source)
{
    struct live *v = source->state;
    if (!v)
        return;
    atomic_store(&source->interrupted, true);
    interrupt_live(source);
    if (v->started)
        pthread_join(v->thread, NULL);
    source_resolve_forget(&v->resolving);
    if (v->api) {
        v->api->picture_free(&v->spare);
        v->api->picture_free(&v->newest);
        v->api->picture_free(&v->reading);
    }
    pthread_cond_destroy(&v->changed);
    pthread_mutex_destroy(&v->lock);
    free(v);
}

const struct source_kind source_live = {.takes = takes_live,
                                        .open = open_live,
                                        .read = read_live,
                                        .interrupt = interrupt_live,
                                        .state = state_live,
                                        .close = close_live};
