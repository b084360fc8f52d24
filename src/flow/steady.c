#include "flow/steady.h"

#include <math.h>

#define REGRET_S 20.0
#define FORGET_S 60.0
#define PATIENCE_MOST_S 64.0

void steady_start(struct steady *s, double patience_s)
{
    *s = (struct steady){.turned_s = STEADY_LONG_S,
                         .reversed_s = STEADY_LONG_S,
                         .patience_s = patience_s,
                         .least_patience_s = patience_s};
}

void steady_pass(struct steady *s, double seconds)
{
    s->turned_s += seconds;
    s->reversed_s += seconds;
    if (s->turned_s > FORGET_S + s->patience_s)
        s->patience_s = s->least_patience_s;
}

bool steady_allows(const struct steady *s, enum steady_way way)
{
    return s->way == STEADY_NONE || s->way == way || s->reversed_s >= STEADY_REVERSAL_S;
}

void steady_turned(struct steady *s, enum steady_way way)
{
    if (way == STEADY_LESS && s->way == STEADY_MORE && s->turned_s < REGRET_S)
        s->patience_s = fmin(PATIENCE_MOST_S, 2 * s->patience_s);
    if (s->way != STEADY_NONE && s->way != way)
        s->reversed_s = 0;
    s->way = way;
    s->turned_s = 0;
}
