/* Rules that make alerts: a state machine over time and the detections of each frame. Pure: the
 * caller brings the clock. */
#ifndef SCENE_ALERTS_H
#define SCENE_ALERTS_H

#include <stdint.h>

#include "scene/zones.h"

/* What is missing for so long, and in at least two analysed frames in a row, is gone. A single
 * missed frame never counts, however far frames are apart. */
#define ALERT_GONE_NS INT64_C(500000000)
/* Without any analysed frame for so long nobody knows whether it was there: holding starts anew. */
#define ALERT_HOLE_NS INT64_C(5000000000)

enum { ALERT_CLASS_WORDS = 16 };

struct alert_rule {
    const uint64_t *classes;  /* ALERT_CLASS_WORDS words, bit = class id; NULL: any class */
    double min_confidence;    /* 0..1 */
    double for_s, cooldown_s; /* seconds >= 0 */
    const struct zone *zone;  /* NULL: anywhere in the picture */
};

/* Of one rule on one stream; {0} at first. */
struct alert_state {
    enum { ALERT_IDLE, ALERT_HOLDING, ALERT_UP } phase;
    bool started, cleared;
    int64_t last_ns, since_ns, seen_ns, cleared_ns;
    int missed; /* analysed frames in a row without it */
};

enum alert_change { ALERT_SAME, ALERT_RAISED, ALERT_CLEARED };

/* What rules see of an analysed frame. */
struct alert_picture {
    const fov_detection *items;
    size_t count;
    int width, height; /* source px */
    /* Where each item stands on the pitch, not a number: not known; NULL: there is no view of it.
     */
    const struct zone_point *metres;
};

/* Whether the rule asks for a thing of this class, with this score. Thread-safety: safe. Blocks:
 * no. */
bool alert_wants(const struct alert_rule *rule, const fov_detection *item);

/* The detection with the best score that the rule asks for, NULL: none. Thread-safety: safe.
 * Blocks: no. */
const fov_detection *alert_match(const struct alert_rule *rule,
                                 const struct alert_picture *picture);

/* One analysed frame at `now_ns` (monotonic; one that is earlier than the last counts as at the
 * last): `seen` as alert_match says. Raises when it held for `for_s`, once; clears when it is gone;
 * raises again not before `cooldown_s` after it was cleared. Thread-safety: by its owner. */
enum alert_change alert_step(const struct alert_rule *rule, struct alert_state *state,
                             int64_t now_ns, bool seen);

/* Something crossed the rule's line: true when that is an alert, the cool-down of the one before is
 * over. `now_ns` as in alert_step; a rule takes either this or that. Thread-safety: by its owner.
 */
bool alert_crossed(const struct alert_rule *rule, struct alert_state *state, int64_t now_ns);

/* The stream ended, or the rule does: what was raised is cleared. */
enum alert_change alert_end(struct alert_state *state, int64_t now_ns);

#endif
