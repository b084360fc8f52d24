#include "flow/adapt_hazard.h"

#include <math.h>

#include "base/clock.h"

#define TARGET_MS 100.0
#define SLOW (1.5 * TARGET_MS)
#define QUICK (0.7 * TARGET_MS)
#define LEAST 5.0
#define MOST 25.0
#define CALM_S 10.0 /* after the last turn down, before the first one up */

void adapt_hazard_start(struct adapt_hazard *a, double asked)
{
    *a = (struct adapt_hazard){.asked = asked, .fps = asked};
    steady_start(&a->steady, 0);
}

void adapt_hazard_ask(struct adapt_hazard *a, double asked)
{
    if (asked != a->asked)
        a->fps = asked;
    a->asked = asked;
}

static void remember(struct adapt_hazard *a, int64_t now, double ms)
{
    a->at_ns[a->next] = now;
    a->ms[a->next] = (float)ms;
    a->next = (a->next + 1) % ADAPT_HAZARD_RESULTS;
    if (a->count < ADAPT_HAZARD_RESULTS)
        a->count++;
}

/* Of what is in the ring and not older than a second. */
static double recent_mean(const struct adapt_hazard *a, int64_t now)
{
    double sum = 0;
    int used = 0;
    for (int i = 1; i <= a->count; i++) {
        int at = (a->next - i + ADAPT_HAZARD_RESULTS) % ADAPT_HAZARD_RESULTS;
        if (now - a->at_ns[at] > NS_PER_S)
            break;
        sum += (double)a->ms[at];
        used++;
    }
    return used ? sum / used : 0;
}

/* The way back up waits, too, until the last turn has had its effect: a rate that swings is worse
 * than one that is a little wrong. */
static bool may_turn(const struct adapt_hazard *a, enum steady_way way)
{
    bool back_up = way == STEADY_MORE && a->steady.way == STEADY_LESS;
    return steady_allows(&a->steady, way) && !(back_up && a->steady.turned_s < CALM_S);
}

static bool turn(struct adapt_hazard *a, double to, double mean, fov_change *change)
{
    enum steady_way way = to < a->fps ? STEADY_LESS : STEADY_MORE;
    if (to == a->fps || !may_turn(a, way))
        return false;
    *change = (fov_change){.knob = "fps",
                           .from = a->fps,
                           .to = to,
                           .measured = mean,
                           .why = way == STEADY_LESS
                                      ? "mean latency above 150 ms, 1.5 times the target of 100 ms"
                                      : "mean latency below 70 ms, 0.7 times the target of 100 ms"};
    steady_turned(&a->steady, way);
    a->fps = to;
    return true;
}

bool adapt_hazard_result(struct adapt_hazard *a, int64_t now, double ms, fov_change *change)
{
    remember(a, now, ms);
    if (a->decided_ns == 0) /* the first second is listened to */
        a->decided_ns = now;
    int64_t passed = now - a->decided_ns;
    if (passed < NS_PER_S)
        return false;
    a->decided_ns = now;
    steady_pass(&a->steady, (double)passed / 1e9);
    double mean = recent_mean(a, now);
    double top = fmin(MOST, a->asked);
    if (mean > SLOW && a->fps > LEAST)
        return turn(a, fmax(LEAST, a->fps - 2), mean, change);
    if (mean < QUICK && a->fps < top)
        return turn(a, fmin(top, a->fps + 1), mean, change);
    return false;
}
