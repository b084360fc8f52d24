#include "flow/adapt_stream.h"

#include <math.h>

#define OVER_PART 1.2
#define CALM_PART 0.7
#define OVER_S 0.9 /* two steps */
#define PATIENCE_S 3.0
#define STEP_S 1.0 /* between steps to more */

void adapt_stream_start(struct adapt_stream *a, const struct adapt_stream_params *params)
{
    *a = (struct adapt_stream){.params = *params, .fps = params->initial_fps};
    steady_start(&a->steady, PATIENCE_S);
}

static bool turn(struct adapt_stream *a, enum steady_way way, double to, double measured,
                 const char *why, fov_change *change)
{
    if (to == a->fps || !steady_allows(&a->steady, way))
        return false;
    *change = (fov_change){"fps", a->fps, to, measured, why};
    a->fps = to;
    a->over_s = 0;
    steady_turned(&a->steady, way);
    a->calm_s = way == STEADY_MORE ? a->steady.patience_s - STEP_S : 0;
    return true;
}

bool adapt_stream_step(struct adapt_stream *a, const struct adapt_stream_sample *s,
                       fov_change *change)
{
    const struct adapt_stream_params *p = &a->params;
    steady_pass(&a->steady, s->passed_s);
    if (s->delivered == 0)
        return false; /* nothing to go by */
    bool late = s->mean_ms > OVER_PART * p->target_ms;
    bool loses = 5 * s->lost > s->delivered + s->lost;
    bool calm = s->mean_ms < CALM_PART * p->target_ms && s->lost == 0;
    a->over_s = late || loses ? a->over_s + s->passed_s : 0;
    a->calm_s = calm ? a->calm_s + s->passed_s : 0;
    if (a->over_s >= OVER_S)
        return turn(a, STEADY_LESS, fmax(p->least_fps, fmin(a->fps - 1, floor(0.8 * a->fps))),
                    late ? s->mean_ms : 100.0 * s->lost / (s->delivered + s->lost),
                    late ? "late: mean ms from arrival to answer, over 1.2 x the target"
                         : "lost: percent of the frames dropped as too late, over 20",
                    change);
    if (a->calm_s >= a->steady.patience_s)
        return turn(a, STEADY_MORE, fmin(p->most_fps, a->fps + 1), s->mean_ms,
                    "headroom: mean ms from arrival to answer, under 0.7 x the target", change);
    return false;
}
