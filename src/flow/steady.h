/* What keeps controllers calm: they go one way at a time, and turn round at most once in 10 s. */
#ifndef FLOW_STEADY_H
#define FLOW_STEADY_H

#include <stdbool.h>

#define STEADY_REVERSAL_S 10.0
#define STEADY_LONG_S 1e9 /* as good as never */

enum steady_way { STEADY_LESS = -1, STEADY_NONE, STEADY_MORE };

struct steady {
    enum steady_way way;         /* of the last turn */
    double turned_s, reversed_s; /* since the last turn, since the last reversal */
    double patience_s;           /* calm that is asked for before a step to more */
    double least_patience_s;
};

void steady_start(struct steady *steady, double patience_s);
void steady_pass(struct steady *steady, double seconds);

/* Whether a turn this way may be made now: not when it would be the second reversal in 10 s. */
bool steady_allows(const struct steady *steady, enum steady_way way);

/* A turn was made. To less, soon after a step to more: that step was a mistake, and the patience
 * doubles, up to 64 s; a minute without regret after it would have ended forgets that. */
void steady_turned(struct steady *steady, enum steady_way way);

#endif
