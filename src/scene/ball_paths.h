/* The few thoughts of where the ball is that are worth keeping, each with what it says about the
 * pictures before. Pure; nothing here allocates. */
#ifndef SCENE_BALL_PATHS_H
#define SCENE_BALL_PATHS_H

#include <stddef.h>

#include "scene/ball_path.h"
#include "scene/ball_still.h"

enum { BALL_PATHS = 6, BALL_SIGHTINGS = 32, BALL_PICTURES = 256 };

/* What a path says of one picture. */
struct ball_mark {
    float x, y, size;
    int32_t detection; /* -1: the ball was not seen in it */
};

/* Many paths at a time; of picture n the mark is marks[path][n % BALL_PICTURES]. */
struct ball_set {
    size_t count; /* best first */
    struct ball_path items[BALL_PATHS];
    struct ball_mark marks[BALL_PATHS][BALL_PICTURES];
};

struct ball_paths {
    struct ball_set sets[2]; /* one now, one to build the next in */
    int now;
    struct ball_places places;
    double still; /* ball_still_share of the best path */
    bool looked;  /* there was a look, the last one at: */
    double looked_s;
    double clutter; /* things a picture that look like the ball and are not, by and by */
};

/* One picture. */
struct ball_picture {
    uint64_t number;
    double time_s, dt;
    double area; /* of the picture, px² */
    double unit;
    double coast_s;
    const double *map; /* since the picture before; NULL: still */
    bool unsure;       /* the camera may have moved, nobody knows how */
    bool unlooked;     /* what is not seen is not missed */
    const struct ball_sighting *seen;
    size_t count;
};

void ball_paths_reset(struct ball_paths *paths);

/* Takes a picture in. */
void ball_paths_step(struct ball_paths *paths, const struct ball_picture *picture);

/* The best path, NULL: there is none. */
const struct ball_path *ball_paths_best(const struct ball_paths *paths);
const struct ball_mark *ball_paths_marks(const struct ball_paths *paths);

/* That the best path, or one that ends in the same place, is the ball: 0..1. */
double ball_paths_confidence(const struct ball_paths *paths, double unit);

#endif
