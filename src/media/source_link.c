#include "media/source_link.h"

static int64_t longest(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t earliest(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static void enter(struct link *link, fov_source_phase phase, int64_t now)
{
    if (link->phase != phase)
        link->since_ns = now;
    link->phase = phase;
}

/* A fraction in [0.8, 1.2), so that many sources of one machine do not knock together. */
static double jitter(struct link *link)
{
    link->random = link->random * 1664525u + 1013904223u;
    return 0.8 + 0.4 * (double)(link->random >> 8) / (double)(1u << 24);
}

static int64_t back_off_ns(struct link *link)
{
    int64_t wait = LINK_BACK_OFF_NS;
    for (int i = 1; i < link->failures && wait < LINK_BACK_OFF_MAX_NS; i++)
        wait *= 2;
    wait = (int64_t)((double)wait * jitter(link));
    return earliest(longest(wait, LINK_BACK_OFF_NS), LINK_BACK_OFF_MAX_NS);
}

void link_start(struct link *link, int64_t now, uint32_t seed)
{
    *link = (struct link){
        .phase = FOV_SOURCE_CONNECTING, .since_ns = now, .open_ns = now, .random = seed};
}

void link_opening(struct link *link, int64_t now)
{
    link->opening_ns = now;
    link->open_ns = 0;
    enter(link, FOV_SOURCE_CONNECTING, now);
}

void link_picture(struct link *link, int64_t now)
{
    int64_t gap = now - link->picture_ns;
    if (link->phase == FOV_SOURCE_LIVE && gap > 0)
        link->interval_ns += (gap - link->interval_ns) / (link->interval_ns > 0 ? 8 : 1);
    else if (link->phase == FOV_SOURCE_STALLED && gap > link->interval_ns)
        link->interval_ns = gap; /* slower than thought */
    if (link->phase == FOV_SOURCE_CONNECTING && link->was_live)
        link->reconnects++;
    link->picture_ns = now;
    link->was_live = true;
    link->failures = 0;
    enter(link, FOV_SOURCE_LIVE, now);
}

void link_failed(struct link *link, int64_t now, bool unreachable)
{
    link->failures++;
    link->unreachable = unreachable;
    link->open_ns = now + back_off_ns(link);
    link->probe_ns = now + LINK_PROBE_NS;
    enter(link, FOV_SOURCE_BACKING_OFF, now);
}

void link_probed(struct link *link, int64_t now, bool answers)
{
    link->probe_ns = now + LINK_PROBE_NS;
    if (!answers)
        return;
    link->unreachable = false; /* a new beginning */
    link->failures = 0;
    link->open_ns = now;
}

void link_ended(struct link *link, int64_t now)
{
    enter(link, FOV_SOURCE_ENDED, now);
}

static enum link_step next_connected(struct link *link, int64_t now, int64_t *until)
{
    int64_t stall = link->picture_ns + longest(LINK_STALL_NS, 3 * link->interval_ns);
    int64_t give_up = link->picture_ns + longest(LINK_GIVE_UP_NS, 6 * link->interval_ns);
    if (now >= give_up)
        return LINK_CLOSE;
    if (now >= stall)
        enter(link, FOV_SOURCE_STALLED, now);
    *until = now >= stall ? give_up : stall;
    return LINK_WAIT;
}

/* A port that did not answer is looked at between the openings, which cost more. */
static enum link_step next_backing_off(const struct link *link, int64_t now, int64_t *until)
{
    if (now >= link->open_ns)
        return LINK_OPEN;
    if (link->unreachable && now >= link->probe_ns)
        return LINK_PROBE;
    *until = link->unreachable ? earliest(link->open_ns, link->probe_ns) : link->open_ns;
    return LINK_WAIT;
}

enum link_step link_next(struct link *link, int64_t now, int64_t *until)
{
    *until = INT64_MAX;
    switch (link->phase) {
    case FOV_SOURCE_CONNECTING:
        if (link->open_ns)
            return LINK_OPEN;
        *until = link->opening_ns + LINK_OPEN_NS;
        return now >= *until ? LINK_CLOSE : LINK_WAIT;
    case FOV_SOURCE_LIVE:
    case FOV_SOURCE_STALLED:
        return next_connected(link, now, until);
    case FOV_SOURCE_BACKING_OFF:
        return next_backing_off(link, now, until);
    default:
        return LINK_WAIT;
    }
}
