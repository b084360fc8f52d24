/* One thought of where the ball is: a Kalman filter in the picture plane, in seconds, and how
 * likely it is beside "all that was seen is something else". Pure. */
#ifndef SCENE_BALL_PATH_H
#define SCENE_BALL_PATH_H

#include <stdbool.h>
#include <stdint.h>

/* A thing seen that may be the ball. */
struct ball_sighting {
    double x, y;     /* source px */
    double variance; /* of each, px² */
    float size, score;
    int32_t detection;
};

struct ball_path {
    double at[4]; /* x, y in px; their speeds in px a second */
    double cov[4][4];
    double log_odds;
    double seen_s;
    uint64_t born; /* number of the picture of its first sighting */
    int sightings;
    bool missed; /* a look has not seen it since */
    float size;  /* px; 0: not known */
    /* Whether it was ever seen to move; see ball_still.h. */
    bool moved;
    double from[2], via[2]; /* the two places before, in the picture of now */
    double still_from_s;    /* it has stood still since */
};

/* How well a sighting fits: log of its density a px²; -INFINITY outside of the gate. `kicked`: only
 * when the ball got another speed since it was seen last. */
struct ball_fit {
    double log_density;
    bool kicked;
};

/* `unit`: px of this picture to one of a picture 1920 px wide. */
void ball_path_start(struct ball_path *path, const struct ball_sighting *seen, double time_s,
                     double unit);

/* Where it is `dt` later, in the picture of that time: `map` (may be NULL) takes the picture
 * before to it, row by row. */
void ball_path_predict(struct ball_path *path, double dt, const double *map, double unit);

/* Whether its numbers are still of this world: a map that tears the picture apart makes them huge.
 */
bool ball_path_is_sound(const struct ball_path *path);

struct ball_fit ball_path_fit(const struct ball_path *path, const struct ball_sighting *seen,
                              double unseen_s, double unit);

/* Takes a sighting as the ball, unseen for `unseen_s` until then. */
void ball_path_take(struct ball_path *path, const struct ball_sighting *seen, bool kicked,
                    double unseen_s, double unit);

/* A standard deviation of the place, px, with what kicks may have done since it was seen. */
double ball_path_error(const struct ball_path *path, double unseen_s, double unit);

#endif
