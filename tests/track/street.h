/* People who walk about in a picture of 1920x1080, for tests and benchmarks of trackers. */
#ifndef TESTS_TRACK_STREET_H
#define TESTS_TRACK_STREET_H

#include <fovea/detect.h>

enum { STREET_MOST = 1024 };

struct walker {
    double x, y, width, height, vx, vy; /* px and px a second; x, y the middle of the feet */
};

struct street {
    struct walker walkers[STREET_MOST];
    int count;
    uint32_t seed;
};

void street_begin(struct street *s, int count, uint32_t seed);

/* All go on; at the edges of the picture they turn round. */
void street_step(struct street *s, double dt_s);

/* What a detector sees: boxes off by up to `noise_px`, the part `missed` of them missing, scores of
 * 0.75 to 0.95. class_id_raw is the walker's number. Returns how many; room for STREET_MOST. */
size_t street_see(struct street *s, double noise_px, double missed, fov_detection *items);

#endif
