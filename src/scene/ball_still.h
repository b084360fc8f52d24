/* Things that look like the ball and stand still: a bag, a lamp, the spot of a penalty. A ball lies
 * still too, but it came from elsewhere. Pure; nothing here allocates. */
#ifndef SCENE_BALL_STILL_H
#define SCENE_BALL_STILL_H

#include <stddef.h>
#include <stdint.h>

#include "scene/ball_path.h"

enum { BALL_PLACES = 48 };

/* Where something that may be the ball was seen, in the picture of now. */
struct ball_place {
    bool used, brought; /* brought: the ball was seen to come here */
    double at[2];
    double still_s; /* how long something was seen here, fading while nothing is */
    double seen_s;
};

struct ball_places {
    struct ball_place items[BALL_PLACES];
};

/* Moves all places with the camera (`map` may be NULL) and forgets old ones. */
void ball_places_step(struct ball_places *places, double time_s, double dt, const double *map);

/* Something was seen. `came`: it is the ball, which came here from elsewhere. */
void ball_places_see(struct ball_places *places, const struct ball_sighting *seen, bool came,
                     double time_s, double dt, double unit);

/* A path begins; what is known of its place counts. */
void ball_still_start(struct ball_path *path, const struct ball_places *places,
                      const struct ball_sighting *seen, double time_s, double unit);

/* A path went on to a sighting: has it moved? */
void ball_still_take(struct ball_path *path, const struct ball_sighting *seen, double time_s,
                     double unit);

/* How much of the time that a ball may stand still has gone by: 3 s for what was never seen to
 * move, 60 s for what was. Above 1 it is not told. */
double ball_still_share(const struct ball_path *path, double time_s);

/* Most that the log odds (`most`: of a path that moves) and the confidence may then be. */
double ball_still_most(double share, double most);
double ball_still_sure(double share);

#endif
