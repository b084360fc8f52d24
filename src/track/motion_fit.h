/* One map for most of many pairs of points: a similarity, or a homography where that explains more.
 * Pure and deterministic; nothing here allocates. */
#ifndef TRACK_MOTION_FIT_H
#define TRACK_MOTION_FIT_H

#include <fovea/motion.h>
#include "base/plane.h"

enum { MOTION_POINTS_MAX = 1024 };

struct motion_fit {
    double width, height; /* px of the pictures that the pairs lie in */
    double near_px;       /* a pair agrees when it is off by less */
    double least_part;    /* of the pairs that must agree */
    int least;            /* and how many at least */
    bool homography;      /* may be one */
};

/* Fits `map` to `count` pairs (at most MOTION_POINTS_MAX), whose weights are used as room. Gives
 * the kind, FOV_MOTION_NONE with the identity when too few agree or no camera moves so, and how
 * many agree. */
fov_motion_kind motion_fit(const struct motion_fit *fit, struct plane_pair *pairs, int count,
                           double map[9], int *inliers);

#endif
