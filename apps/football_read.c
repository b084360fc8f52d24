/* The reading thread: frames of the source at the wanted rate, with their number, into the stream.
 */
#include "football.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "upright.h"

enum { TOLD = 5 };

/* Number and time since frame 0. A file says itself what time it is, pictures have a rate alone, a
 * camera has the clock's. The number depends on nothing else, so that a run that goes on later
 * chooses the same frames: of those that are nearest to a beat the first. */
static int64_t number_of(struct football_run *r, fov_frame *frame)
{
    const fov_source_info *info = fov_reader_get_info(r->reader);
    if (r->live)
        frame->pts_ms = 1e3 * r->live_from_s + ns_to_ms(frame->capture_ns - r->start_ns);
    else if (info->fps <= 0 && strcmp(info->kind, "video") != 0)
        frame->pts_ms = 1e3 * (double)r->read / r->fps;
    r->read++;
    double near = info->fps > 0 ? 0.5 * r->fps / info->fps : 0.5; /* half a frame of the source */
    return (int64_t)fmax(0, floor(frame->pts_ms / 1e3 * r->fps + near + 1e-6));
}

static bool is_over(const struct football_run *r, int64_t number)
{
    double from_s = r->live ? r->live_from_s : 0;
    return r->asked.seconds > 0 && (double)number / r->fps >= from_s + r->asked.seconds - 1e-9;
}

static fov_status put(struct football_run *r, fov_frame **frame)
{
    if (r->live)
        return fov_stream_put(r->stream, frame, NULL);
    fov_status status = FOV_EAGAIN;
    (*frame)->capture_ns = clock_now_ns();
    while (status == FOV_EAGAIN && !atomic_load(&r->stop))
        status = fov_stream_put_wait(r->stream, frame, 100, NULL);
    return status == FOV_OK ? FOV_OK : FOV_ECLOSED;
}

/* Takes the frame. FOV_EOS: it was asked for no more. */
static fov_status pass(struct football_run *r, fov_frame **frame)
{
    fov_status status = FOV_OK;
    int64_t number = number_of(r, *frame);
    if (is_over(r, number)) {
        status = FOV_EOS;
    } else if (number > r->number) {
        (*frame)->number = (uint64_t)number;
        r->number = number;
        status = put(r, frame);
    }
    fov_frame_unref(frame);
    return status;
}

/* A camera that has fallen silent does not hold the end up. */
static bool is_late(const struct football_run *r)
{
    return r->live && r->asked.seconds > 0 &&
           ns_to_ms(clock_now_ns() - r->start_ns) > 1e3 * r->asked.seconds;
}

/* Its time has passed all the same: those after it stay where they are. */
void football_pass_broken(struct football_run *r, const fov_error *error)
{
    r->read++;
    if (r->broken++ < TOLD)
        fprintf(stderr, "fovea: %s\n", error->message);
}

fov_status football_next(struct football_run *r, fov_frame **frame, fov_error *error)
{
    const char *name = NULL;
    fov_error why = {0};
    fov_status status = fov_reader_get(r->reader, 100, frame, &name, error);
    if (status || !r->turned)
        return status;
    status = upright_frame(r->turner, r->turned, frame, &why);
    if (!status)
        return FOV_OK;
    fov_frame_unref(frame);
    return fov_fail(error, upright_is_broken(status) ? FOV_EFORMAT : status, "%s%s%s",
                    name ? name : "", name ? ": " : "", why.message);
}

static fov_status step(struct football_run *r, fov_error *error)
{
    fov_frame *frame = r->first;
    fov_status status = FOV_OK;
    r->first = NULL;
    if (!frame)
        status = football_next(r, &frame, error);
    if (status == FOV_EAGAIN && is_late(r))
        return FOV_EOS;
    if (status == FOV_EFORMAT) {
        football_pass_broken(r, error);
        return FOV_OK;
    }
    return status ? status : pass(r, &frame);
}

static void *read_all(void *argument)
{
    struct football_run *r = argument;
    fov_error error = {0};
    fov_status status = FOV_OK;
    pthread_setname_np(pthread_self(), "fovea-read");
    while ((!status || status == FOV_EAGAIN) && !atomic_load(&r->stop))
        status = step(r, &error);
    if (status && status != FOV_EAGAIN && status != FOV_EOS && status != FOV_ECLOSED) {
        r->read_error = error;
        r->read_error.status = status;
    }
    fov_stream_finish(r->stream);
    return NULL;
}

fov_status football_start_reading(struct football_run *r, fov_error *error)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are for the taking thread */
    int code = pthread_create(&r->thread, NULL, read_all, r);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    r->reading = code == 0;
    return code ? fov_fail(error, FOV_ENOMEM, "no thread for reading") : FOV_OK;
}

void football_stop_reading(struct football_run *r)
{
    if (!r->reading)
        return;
    atomic_store(&r->stop, true);
    fov_reader_stop(r->reader);
    pthread_join(r->thread, NULL);
    r->reading = false;
}
