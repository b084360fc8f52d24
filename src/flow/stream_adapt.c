/* A stream's frame rate follows its latency: adapt_stream.c decides, here it is fed and obeyed. */
#include "flow/flow.h"

#include <math.h>
#include <stdlib.h>

#include "base/clock.h"
#include "flow/adapt_stream.h"

struct follower {
    struct adapt_stream control;
    double target_ms;
    void (*on_change)(void *user, const fov_change *change);
    int64_t since_ns; /* start of the step that runs; 0: no frame yet */
    int64_t sum_ns;
    int delivered;
    uint64_t lost; /* of the stream, at the start of the step */
};

static double or_else(double value, double otherwise)
{
    return value > 0 ? value : otherwise;
}

/* More than was promised does not pass: a rate above it would be shown and not be there. */
static void keep_to_promise(struct adapt_stream_params *control, double fps)
{
    control->most_fps = fmin(control->most_fps, fps);
    control->initial_fps = fmin(control->initial_fps, fps);
    control->least_fps = fmin(control->least_fps, fps);
}

int64_t follower_target_ns(const struct follower *f)
{
    return f ? ms_to_ns(f->target_ms) : 0;
}

fov_status follower_make(fov_stream *s, const fov_stream_params *params, fov_error *error)
{
    const fov_adaptive *a = &params->adaptive;
    struct adapt_stream_params control = {.initial_fps = or_else(a->initial_fps, 10),
                                          .least_fps = or_else(a->min_fps, 5),
                                          .most_fps = or_else(a->max_fps, 15),
                                          .target_ms = a->target_latency_ms};
    if (!(a->target_latency_ms > 0))
        return FOV_OK;
    if (!(control.least_fps <= control.initial_fps && control.initial_fps <= control.most_fps))
        return fov_fail(error, FOV_EINVAL,
                        "adaptive: %g, %g, %g frames a second are not in order (least, initial, "
                        "most)",
                        control.least_fps, control.initial_fps, control.most_fps);
    if (s->view.guaranteed)
        keep_to_promise(&control, s->promise.fps);
    struct follower *f = calloc(1, sizeof *f);
    if (!f)
        return fov_fail(error, FOV_ENOMEM, "no memory for a stream");
    adapt_stream_start(&f->control, &control);
    stream_set_rate(s, control.initial_fps);
    f->on_change = a->on_change;
    f->target_ms = a->target_latency_ms;
    s->follower = f;
    return FOV_OK;
}

void follower_free(struct follower **follower)
{
    free(*follower);
    *follower = NULL;
}

static uint64_t lost_of(fov_stream *s)
{
    uint64_t dropped[FOV_DROP_COUNT];
    stats_get_dropped(&s->stats, dropped);
    return dropped[FOV_DROP_QUEUE] + dropped[FOV_DROP_SUPERSEDED] + dropped[FOV_DROP_DEADLINE];
}

void stream_follow(fov_stream *s, const fov_timings *timings)
{
    struct follower *f = s->follower;
    fov_change change;
    if (!f)
        return;
    int64_t now = s->pool->clock();
    if (!f->since_ns)
        f->since_ns = now;
    f->sum_ns += timings->total;
    f->delivered++;
    double passed_s = (double)(now - f->since_ns) / 1e9;
    if (passed_s < ADAPT_STREAM_PERIOD_S)
        return;
    uint64_t lost = lost_of(s);
    struct adapt_stream_sample sample = {.passed_s = passed_s,
                                         .delivered = f->delivered,
                                         .lost = (int)(lost - f->lost),
                                         .mean_ms = ns_to_ms(f->sum_ns) / f->delivered};
    f->since_ns = now;
    f->sum_ns = 0;
    f->delivered = 0;
    f->lost = lost;
    if (!adapt_stream_step(&f->control, &sample, &change))
        return;
    fov_stream_set(s, &(fov_knobs){.target_fps = change.to});
    if (f->on_change)
        f->on_change(s->user, &change);
}
