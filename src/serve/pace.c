#include "serve/pace.h"

#include <math.h>
#include <stddef.h>

enum { BEHIND_S = 2, PATIENCE_S = 4, PATIENCE_MAX_S = 64, REGRET_S = 6 };

void pace_start(struct pace *pace, double target, double least, double most)
{
    *pace = (struct pace){
        .target = target, .least = least, .most = most, .patience = PATIENCE_S, .since_up = 1000};
}

static const char *slower(struct pace *pace, double delivered)
{
    double target = fmax(pace->least, fmin(pace->target - 1, ceil(delivered * 1.05)));
    pace->behind = pace->ahead = 0;
    if (pace->since_up <= REGRET_S) /* the last step up was a mistake: wait longer next time */
        pace->patience = pace->patience * 2 > PATIENCE_MAX_S ? PATIENCE_MAX_S : pace->patience * 2;
    pace->since_up = 1000;
    if (target >= pace->target)
        return NULL;
    pace->target = target;
    return "behind";
}

static const char *faster(struct pace *pace)
{
    pace->ahead = 0;
    if (pace->target >= pace->most)
        return NULL;
    pace->target = fmin(pace->most, floor(pace->target + fmax(1, pace->target * 0.1)));
    pace->since_up = 0;
    return "headroom";
}

const char *pace_step(struct pace *pace, const struct pace_second *s)
{
    if (pace->since_up < 1000)
        pace->since_up++;
    if (s->delivered < 0.5 || s->offered < 1) {
        pace->behind = 0; /* a hang is not slowness: its first and last second do not add up */
        return NULL;
    }
    double share = s->delivered / s->offered;
    bool calm = s->budget_ms <= 0 || s->p95_ms < 0.7 * s->budget_ms;
    pace->behind = share < 0.85 ? pace->behind + 1 : 0;
    pace->ahead = share > 0.95 && calm && s->offered > 0.8 * pace->target ? pace->ahead + 1 : 0;
    if (pace->behind >= BEHIND_S)
        return slower(pace, s->delivered);
    return pace->ahead >= pace->patience ? faster(pace) : NULL;
}
