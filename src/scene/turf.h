/* What the ground of a pitch looks like: the one colour that fills most of the picture beside the
 * players, found in the picture itself. */
#ifndef SCENE_TURF_H
#define SCENE_TURF_H

#include "scene/lab.h"

struct turf {
    bool known;
    float a, b;     /* its colour */
    float chroma;   /* length of (a, b) */
    float light;    /* linear, mean */
    float coloured; /* part of the pixels that have any colour, 0..1; also when nothing is known */
};

struct turf_box {
    float x1, y1, x2, y2;
};

/* Looks at a grid of pixels outside of the boxes. False, and turf->known false: no one hue fills a
 * quarter of them. */
bool turf_measure(struct turf *turf, const struct lab_tables *tables, const fov_image *image,
                  const struct turf_box *boxes, size_t count);

/* Moves what is known towards what was measured, by `share` of the way; takes it over when nothing
 * was known. */
void turf_follow(struct turf *turf, const struct turf *measured, float share);

/* Whether a colour is that of the ground, in sun or in shade. */
bool turf_is(const struct turf *turf, const struct lab *colour);

#endif
