#include "flow/adapt_hazard.h"

#include <math.h>

#include "base/clock.h"

#define TARGET_MS 100.0
#define SLOW (1.5 * TARGET_MS)
#define QUICK (0.7 * TARGET_MS)
#define LEAST 5.0
#define MOST 25.0
#define CALM_NS (10 * NS_PER_S)

void adapt_hazard_start(struct adapt_hazard *a, double asked)
{
    *a = (struct adapt_hazard){.asked = asked, .fps = asked};
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

/* A way back waits until the last turn has had its effect, and until the last way back is ten
 * seconds old: a rate that swings is worse than one that is a little wrong. */
static bool may_turn(const struct adapt_hazard *a, int direction, int64_t now)
{
    if (a->direction == 0 || a->direction == direction)
        return true;
    if (direction > 0 && now - a->turned_ns < CALM_NS)
        return false;
    return a->reversed_ns == 0 || now - a->reversed_ns >= CALM_NS;
}

static bool turn(struct adapt_hazard *a, double to, int64_t now, double mean,
                 struct adapt_change *change)
{
    int direction = to < a->fps ? -1 : 1;
    if (to == a->fps || !may_turn(a, direction, now))
        return false;
    if (a->direction && a->direction != direction)
        a->reversed_ns = now;
    *change = (struct adapt_change){
        .knob = "fps",
        .from = a->fps,
        .to = to,
        .measured = mean,
        .why = direction < 0 ? "mean latency above 150 ms, 1.5 times the target of 100 ms"
                             : "mean latency below 70 ms, 0.7 times the target of 100 ms"};
    a->direction = direction;
    a->turned_ns = now;
    a->fps = to;
    return true;
}

bool adapt_hazard_result(struct adapt_hazard *a, int64_t now, double ms,
                         struct adapt_change *change)
{
    remember(a, now, ms);
    if (a->decided_ns == 0) /* the first second is listened to */
        a->decided_ns = now;
    if (now - a->decided_ns < NS_PER_S)
        return false;
    a->decided_ns = now;
    double mean = recent_mean(a, now);
    double top = fmin(MOST, a->asked);
    if (mean > SLOW && a->fps > LEAST)
        return turn(a, fmax(LEAST, a->fps - 2), now, mean, change);
    if (mean < QUICK && a->fps < top)
        return turn(a, fmin(top, a->fps + 1), now, mean, change);
    return false;
}
