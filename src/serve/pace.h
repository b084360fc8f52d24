/* How fast a camera should send: what the workers manage, between 5 and 60 frames a second. A pure
 * function of one second's numbers, called once a second. */
#ifndef SERVE_PACE_H
#define SERVE_PACE_H

#include <stdbool.h>

struct pace {
    double target, least, most; /* frames a second */
    int behind, ahead;          /* seconds in a row */
    int patience;               /* seconds ahead before it goes up; grows when that was wrong */
    int since_up;               /* seconds */
};

/* What one second brought. */
struct pace_second {
    double offered, delivered; /* frames a second */
    double p95_ms, budget_ms;  /* budget 0: none */
};

void pace_start(struct pace *pace, double target, double least, double most);

/* Changes pace->target when there is reason to; returns the reason ("behind", "headroom") or NULL.
 * Nothing delivered at all changes nothing and ends a row of seconds behind: then the model is
 * down, and pictures go on. */
const char *pace_step(struct pace *pace, const struct pace_second *second);

#endif
