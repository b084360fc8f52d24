/* The reading thread: frames out of the source, at their time, into the stream. */
#include "predict.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/text.h"
#include "flow/beat.h"
#include "reading.h"
#include "upright.h"

/* ---- pendings -------------------------------------------------------------------------------- */

static struct pending *take_pending(struct predict *p)
{
    pthread_mutex_lock(&p->lock);
    while (!p->free && !atomic_load(&p->stop))
        pthread_cond_wait(&p->changed, &p->lock);
    struct pending *pending = atomic_load(&p->stop) ? NULL : p->free;
    if (pending) {
        p->free = pending->next;
        p->out++;
    }
    pthread_mutex_unlock(&p->lock);
    return pending;
}

void predict_give_back(struct predict *p, struct pending *pending)
{
    pthread_mutex_lock(&p->lock);
    pending->next = p->free;
    p->free = pending;
    p->out--;
    pthread_cond_broadcast(&p->changed);
    pthread_mutex_unlock(&p->lock);
}

/* Until nothing but `mine` is under way. */
static void wait_for_the_others(struct predict *p)
{
    fov_stream_flush(p->stream);
    pthread_mutex_lock(&p->lock);
    while (p->out > 1 && !atomic_load(&p->stop))
        pthread_cond_wait(&p->changed, &p->lock);
    pthread_mutex_unlock(&p->lock);
}

static void sleep_until(struct predict *p, int64_t until)
{
    struct timespec t = ns_to_timespec(until);
    pthread_mutex_lock(&p->lock);
    while (!atomic_load(&p->stop) && clock_now_ns() < until)
        pthread_cond_timedwait(&p->changed, &p->lock, &t);
    pthread_mutex_unlock(&p->lock);
}

/* ---- a frame's way into the stream ----------------------------------------------------------- */

fov_status predict_report(struct predict *p, fov_status status, const char *name,
                          const char *message)
{
    bool named = !name || !name[0] || strstr(message, name);
    /* a failed run may pass by itself, or another runtime does better */
    if (!reading_goes_on(status) && status != FOV_EINFER)
        return status;
    atomic_fetch_add(&p->failed, 1);
    fprintf(stderr, "fovea: %s%s%s\n", named ? "" : name, named ? "" : ": ", message);
    return FOV_OK;
}

/* Frames of a camera are taken as they are, also out of a recording. */
static fov_status turn_photograph(struct predict *p, fov_frame **frame, fov_error *error)
{
    const fov_recording_info *recording = fov_source_recording(p->source);
    if (fov_source_get_info(p->source)->live || (recording && recording->live))
        return FOV_OK;
    return upright_frame(p->decoder, p->pool, frame, error);
}

/* The frame is run as it was when it was recorded: decoded whole or not, with the thresholds of
 * that time. The stream has them for all its frames, so those before end first. */
static void run_as_recorded(struct predict *p, struct pending *pending, bool *watched)
{
    fov_recorded *then = &pending->then;
    if (fov_source_recorded(p->source, then) != FOV_OK || !then->answered ||
        then->outcome != FOV_DELIVERED)
        return;
    bool same_classes = p->classes ||
                        memcmp(then->classes, p->params.classes, sizeof then->classes) == 0;
    fov_knobs knobs = {.classes = same_classes ? NULL : then->classes,
                       .conf = p->chosen.conf_given ? 0 : then->conf,
                       .iou = p->chosen.iou_given ? 0 : then->iou};
    bool other = (knobs.conf > 0 && knobs.conf != p->params.conf) ||
                 (knobs.iou > 0 && knobs.iou != p->params.iou);
    if (then->watched == *watched && !other && same_classes)
        return;
    wait_for_the_others(p);
    if (then->watched != *watched)
        fov_stream_watch(p->stream, then->watched);
    fov_stream_set(p->stream, &knobs);
    *watched = then->watched;
    if (!same_classes)
        memcpy(p->params.classes, then->classes, sizeof then->classes);
    p->params.conf = knobs.conf > 0 ? knobs.conf : p->params.conf;
    p->params.iou = knobs.iou > 0 ? knobs.iou : p->params.iou;
}

static void keep_answer(struct pending *pending)
{
    fov_recorded *then = &pending->then;
    if (!then->answered || !pending->then_items)
        return;
    memcpy(pending->then_items, then->items, then->count * sizeof *then->items);
    then->items = pending->then_items;
}

/* ---- the thread ------------------------------------------------------------------------------ */

struct reading {
    struct predict *p;
    bool watched;
    struct beat beat;
    int64_t taken;
};

/* At its pace: when the frame is due by its time stamp. */
static void wait_for_its_time(struct reading *r, double pts_ms)
{
    if (r->p->paced)
        sleep_until(r->p, beat_due_ns(&r->beat, pts_ms, 0, clock_now_ns()));
}

static fov_status put(struct predict *p, fov_frame **frame)
{
    fov_status status = FOV_EAGAIN;
    if (!fov_source_get_info(p->source)->live)
        (*frame)->capture_ns = clock_now_ns();
    while (status == FOV_EAGAIN && !atomic_load(&p->stop))
        status = fov_stream_put_wait(p->stream, frame, 100, NULL);
    fov_frame_unref(frame);
    return status == FOV_OK ? FOV_OK : FOV_ECLOSED;
}

/* One frame, or the reason why there is none. Takes the pending over, or gives it back. */
static fov_status step(struct reading *r, struct pending *pending, fov_error *error)
{
    struct predict *p = r->p;
    fov_frame *frame = NULL;
    const char *name = NULL;
    int64_t start = clock_now_ns();
    *error = (fov_error){0};
    fov_status status = fov_source_read(p->source, p->pool, &frame, &name, error);
    text_copy(pending->name, sizeof pending->name, name ? name : "");
    pending->then = (fov_recorded){0};
    if (!status)
        run_as_recorded(p, pending, &r->watched);
    if (!status)
        status = turn_photograph(p, &frame, error);
    pending->read_ns = clock_now_ns() - start;
    if (!status) {
        keep_answer(pending);
        wait_for_its_time(r, frame->pts_ms);
        frame->user = pending;
        status = put(p, &frame);
        if (!status) {
            r->taken++;
            return FOV_OK;
        }
    }
    fov_frame_unref(&frame);
    char told[PREDICT_NAME];
    text_copy(told, sizeof told, pending->name);
    predict_give_back(p, pending);
    if (status == FOV_EOS || status == FOV_ECLOSED)
        return status;
    if (reading_has_ended(p->source)) {
        p->unopened = r->taken == 0;
        return status;
    }
    return predict_report(p, status, told, error->message);
}

static void *read_all(void *argument)
{
    struct predict *p = argument;
    struct reading reading = {.p = p};
    struct pending *pending;
    fov_error error = {0};
    fov_status status = FOV_OK;
    pthread_setname_np(pthread_self(), "fovea-read");
    while (!status && (pending = take_pending(p)))
        status = step(&reading, pending, &error);
    if (status && status != FOV_EOS && status != FOV_ECLOSED) {
        p->read_error = error;
        p->read_error.status = status;
    }
    fov_stream_finish(p->stream);
    return NULL;
}

fov_status predict_start_reading(struct predict *p, fov_error *error)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are for the taking thread */
    int code = pthread_create(&p->reader, NULL, read_all, p);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    p->reading = code == 0;
    return code ? fov_fail(error, FOV_ENOMEM, "no thread for reading") : FOV_OK;
}

void predict_stop_reading(struct predict *p)
{
    if (!p->reading)
        return;
    pthread_mutex_lock(&p->lock);
    atomic_store(&p->stop, true);
    pthread_cond_broadcast(&p->changed);
    pthread_mutex_unlock(&p->lock);
    fov_source_interrupt(p->source);
    pthread_join(p->reader, NULL);
    p->reading = false;
}
