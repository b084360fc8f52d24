#include "scene/alerts.h"

#include <stddef.h>

static bool has_class(const uint64_t *classes, int32_t id)
{
    if (!classes)
        return true;
    return id >= 0 && id < ALERT_CLASS_WORDS * 64 && (classes[id / 64] >> (id % 64) & 1);
}

const fov_detection *alert_match(const struct alert_rule *rule, const fov_detection *items,
                                 size_t count, int width, int height)
{
    const fov_detection *best = NULL;
    for (size_t i = 0; i < count; i++) {
        const fov_detection *d = &items[i];
        /* Scores are floats: a threshold of 0.9 must let the float 0.9 pass. */
        if (d->score >= (float)rule->min_confidence && (!best || d->score > best->score) &&
            has_class(rule->classes, d->class_id) &&
            (!rule->zone || zone_holds_box(rule->zone, d, width, height)))
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

enum alert_change alert_end(struct alert_state *s, int64_t now_ns)
{
    if (s->started && now_ns > s->last_ns)
        s->last_ns = now_ns;
    return s->phase == ALERT_IDLE ? ALERT_SAME : let_go(s);
}
