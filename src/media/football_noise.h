/* What a detector and a calibration make of a drawn match: misses, jitter, scores that fall where
 * people hide each other, boxes where nobody is. For the detector "drawn", and for tests of
 * trackers; the same seed gives the same. */
#ifndef MEDIA_FOOTBALL_NOISE_H
#define MEDIA_FOOTBALL_NOISE_H

#include "media/football.h"

struct noise {
    uint64_t state; /* begin with a seed */
};

struct noise_ball {
    double x_px, y_px, score;
};

double noise_random(struct noise *n); /* 0 <= number < 1 */
double noise_normal(struct noise *n); /* deviation 1 */

/* Detections of people, class 0, best scores first; returns how many of up to `capacity`. */
size_t noise_people(struct noise *n, const struct football_truth *truth, fov_detection *items,
                    size_t capacity);

/* Candidates for the ball, the true one among them most times; returns how many of up to 8. */
size_t noise_balls(struct noise *n, const struct football_truth *truth, struct noise_ball balls[8]);

/* Metres to px as a calibration would give it: the camera's angles and lens are a little wrong. */
void noise_map(struct noise *n, const struct football_truth *truth, double map[9]);

#endif
