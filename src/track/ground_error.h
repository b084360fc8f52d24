/* What is wrong with a homography: it moves everybody at once, which people do not do. */
#ifndef TRACK_GROUND_ERROR_H
#define TRACK_GROUND_ERROR_H

#include <stddef.h>

#include "track/ground.h"
#include "track/tracker.h"

/* What homographies of a camera are off by, as learned: variances of a shift (px^2) and of a growth
 * from the middle (parts squared). */
struct ground_habit {
    double jitter, swell;
};

struct ground_habit ground_habit_begin(void);

/* Sums over pairs of what their feet are off by, each by its certainty. */
struct ground_off {
    double a[2], ad[2], dd; /* certainty; with the distance from the middle, and its square */
    double b[2], bd;        /* what feet are off by; with the distance */
    double middle[2];
    size_t pairs;
};

/* Begins a frame; `error` becomes what is known before anybody is seen. */
void ground_off_begin(struct ground_off *off, const struct tracker_frame *frame,
                      const struct ground_habit *habit, struct ground_error *error);

/* Somebody, and where they are seen. */
void ground_off_add(struct ground_off *off, const struct ground_map *map,
                    const struct ground_habit *habit, const struct ground_state *state,
                    const struct ground_seen *seen);

/* What is wrong with this frame's homography, and the habit learned from it. False: too few tell.
 */
bool ground_off_solve(const struct ground_off *off, double dt_s, struct ground_habit *habit,
                      struct ground_error *error);

#endif
