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
    double place[2]; /* metres; of a ball on the ground */
};

enum { BALL_GLIMPSES = 64 };

/* What the glimpses (in order of time, at most BALL_GLIMPSES) say about the time `at_s`. `sigma_px`
 * is how well a place is known. */
struct ball_flight ball_flight_of(const struct ball_glimpse *glimpses, size_t count, double at_s,
                                  double sigma_px);

/* A way, fitted: on the ground {x, y, vx, vy, ax, ay}, through the air {x, y, z, vx, vy, vz},
 * metres and seconds from `at_s`. */
struct ball_way {
    double at[6];
    double cost; /* squares of all misses in sigmas, with those of what is expected of balls */
};

/* The way with the least cost. False: the glimpses do not tell. */
bool ball_flight_fit(const struct ball_glimpse *glimpses, size_t count, double at_s,
                     double sigma_px, bool rolls, struct ball_way *way);

#endif
