/* A map of the ground that is known for one picture, carried to the pictures behind it by the
 * camera's motion, with how far it may be off by now. Pure; nothing here allocates. */
#ifndef TRACK_CARRY_H
#define TRACK_CARRY_H

#include <fovea/motion.h>

struct carried {
    double map[9]; /* metres on the ground (x, y, 1) to px of the present picture */
    double off_px; /* standard deviation of a point that it gives, px of the source */
    int steps;     /* since the picture that it was known for */
    bool known;
};

/* Known anew: `off_px` is what the fit that gave the map says of itself. */
void carried_set(struct carried *c, const double map[9], double off_px);

/* To the next picture, `width` px wide. Steps that are sure add a small error each, independent of
 * the others; one that is not sure (FOV_MOTION_NONE) keeps the map and adds what a camera may move
 * in a frame. False: not known, or it could not be carried on; it is unknown then. */
bool carried_step(struct carried *c, const fov_motion *motion, int width);

/* Weight of the carried map beside a new one that is `off_px` off, 0..1: by inverse variances. */
double carried_weight(const struct carried *c, double off_px);

#endif
