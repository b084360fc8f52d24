/* Does it roll or fly? Both ways are fitted to a few sightings in a row; the pitch's view decides
 * which of them the camera can have seen. Pure. */
#ifndef SCENE_BALL_FLIGHT_H
#define SCENE_BALL_FLIGHT_H

#include <stddef.h>

#include <fovea/ball.h>

#include "scene/ground.h"

struct ball_glimpse {
    double time_s, px[2]; /* as the camera gives it */
    float size;           /* px, 0: not known */
    const struct ground *ground;
};

struct ball_flight {
    fov_ball_height height;
    bool has_place; /* place is set: metres, z above the ground */
    double place[3];
};

enum { BALL_GLIMPSES = 64 };

/* What the glimpses (in order of time, at most BALL_GLIMPSES) say about the time `at_s`. `sigma_px`
 * is how well a place is known. */
struct ball_flight ball_flight_of(const struct ball_glimpse *glimpses, size_t count, double at_s,
                                  double sigma_px);

/* The way with the least squares: {x, y, vx, vy, ax, ay} on the ground when `rolls`, else {x, y, z,
 * vx, vy, vz} through the air, metres and seconds from `at_s`. `cost`: squares of all misses in
 * sigmas, with those of what is expected of balls. False: they do not tell. */
bool ball_flight_fit(const struct ball_glimpse *glimpses, size_t count, double at_s,
                     double sigma_px, bool rolls, double way[6], double *cost);

#endif
