/* Where one person was seen, and what of it is settled: a place and a speed without the jitter of
 * boxes. Local least squares; on even times it is a Savitzky-Golay filter of second order. */
#ifndef SCENE_TRAIL_H
#define SCENE_TRAIL_H

#include <stdbool.h>
#include <stddef.h>

enum { TRAIL_SIGHTS = 128 };

struct trail_sight {
    double time_s, x, y;
};

/* Settled: at a sight's time. */
struct trail_state {
    double time_s, x, y, vx, vy;
    double doubt; /* variance of the speed by what the fit leaves, m^2/s^2, x and y together; 0: not
                     known */
};

/* One run: sights without a gap. {0} with count 0 at first. */
struct trail {
    struct trail_sight sights[TRAIL_SIGHTS]; /* oldest first */
    int count, settled;                      /* of the sights kept, the first `settled` are told */
    double began_s;
};

/* Fits (x, y) over time to the sights within `half_s` of `center_s` and gives the fit at `at_s`.
 * Second order where there are four sights over half the window, a line where they span a quarter
 * of it, else their mean. */
struct trail_state trail_fit(const struct trail_sight *sights, int count, double center_s,
                             double half_s, double at_s);

/* Adds a sight, which is later than the last one. One that follows sooner than an eightieth of the
 * window is left out: false. */
bool trail_add(struct trail *t, double time_s, double x, double y, double half_s);

/* Next sight whose window is whole, or with `ends` any that is left: true, and *state. */
bool trail_next(struct trail *t, double half_s, bool ends, struct trail_state *state);

/* Metres from one settled place to the next one: the part of the step that goes where the speed
 * points. Jitter, which makes steps longer, is mostly across, and the speed has much less of it.
 * Whose speed cannot be told from jitter does not walk. */
double trail_way(const struct trail_state *from, const struct trail_state *to);

#endif
