#include "scene/alerts.h"

#include <stddef.h>

static bool has_class(const uint64_t *classes, int32_t id)
{
    if (!classes)
        return true;
    return id >= 0 && id < ALERT_CLASS_WORDS * 64 && (classes[id / 64] >> (id % 64) & 1);
}

bool alert_wants(const struct alert_rule *rule, const fov_detection *item)
{
    /* Scores are floats: a threshold of 0.9 must let the float 0.9 pass. */
    return item->score >= (float)rule->min_confidence && has_class(rule->classes, item->class_id);
}

static bool holds(const struct zone *zone, const struct alert_picture *picture, size_t i)
{
    if (!zone)
        return true;
    if (!zone->metres)
        return zone_holds_box(zone, &picture->items[i], picture->width, picture->height);
    return picture->metres && zone_holds(zone, picture->metres[i].x, picture->metres[i].y);
}

const fov_detection *alert_match(const struct alert_rule *rule, const struct alert_picture *picture)
{
    const fov_detection *best = NULL;
    for (size_t i = 0; i < picture->count; i++) {
        const fov_detection *d = &picture->items[i];
        if ((!best || d->score > best->score) && alert_wants(rule, d) &&
            holds(rule->zone, picture, i))
            best = d;
    }
    return best;
}

static int64_t seconds(double s)
{
    return (int64_t)(s * 1e9);
}

static bool may_raise(const struct alert_rule *rule, const struct alert_state *s)
{
    return s->last_ns - s->since_ns >= seconds(rule->for_s) &&
           (!s->cleared || s->last_ns - s->cleared_ns >= seconds(rule->cooldown_s));
}

/* Seen in this frame, and not raised. */
static enum alert_change hold(const struct alert_rule *rule, struct alert_state *s, bool hole)
{
    if (s->phase == ALERT_IDLE || hole)
        s->since_ns = s->last_ns;
    s->phase = ALERT_HOLDING;
    if (!may_raise(rule, s))
        return ALERT_SAME;
    s->phase = ALERT_UP;
    return ALERT_RAISED;
}

static enum alert_change let_go(struct alert_state *s)
{
    bool up = s->phase == ALERT_UP;
    s->phase = ALERT_IDLE;
    if (!up)
        return ALERT_SAME;
    s->cleared = true;
    s->cleared_ns = s->last_ns;
    return ALERT_CLEARED;
}

enum alert_change alert_step(const struct alert_rule *rule, struct alert_state *s, int64_t now_ns,
                             bool seen)
{
    if (s->started && now_ns < s->last_ns)
        now_ns = s->last_ns;
    bool hole = s->started && now_ns - s->last_ns > ALERT_HOLE_NS;
    s->started = true;
    s->last_ns = now_ns;
    if (seen) {
        s->seen_ns = now_ns;
        s->missed = 0;
        return s->phase == ALERT_UP ? ALERT_SAME : hold(rule, s, hole);
    }
    s->missed++;
    bool gone = s->missed >= 2 && now_ns - s->seen_ns >= ALERT_GONE_NS;
    if (s->phase == ALERT_HOLDING && hole)
        gone = true;
    return gone && s->phase != ALERT_IDLE ? let_go(s) : ALERT_SAME;
}

bool alert_crossed(const struct alert_rule *rule, struct alert_state *s, int64_t now_ns)
{
    if (s->started && now_ns < s->last_ns)
        now_ns = s->last_ns;
    s->started = true;
    s->last_ns = now_ns;
    if (s->cleared && now_ns - s->cleared_ns < seconds(rule->cooldown_s))
        return false;
    s->cleared = true;
    s->cleared_ns = now_ns;
    return true;
}

enum alert_change alert_end(struct alert_state *s, int64_t now_ns)
{
    if (s->started && now_ns > s->last_ns)
        s->last_ns = now_ns;
    return s->phase == ALERT_IDLE ? ALERT_SAME : let_go(s);
}
