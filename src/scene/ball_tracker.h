/* What the files of the ball share: the tracker, and the pictures that it holds back. */
#ifndef SCENE_BALL_TRACKER_H
#define SCENE_BALL_TRACKER_H

#include <fovea/ball.h>

#include "scene/ball_flight.h"
#include "scene/ball_paths.h"
#include "scene/ground.h"

struct ball_frame {
    double time_s, unit;
    double map[9];        /* from the picture before */
    struct ground ground; /* of this one */
    bool has_mark;
    struct ball_mark mark; /* the ball, as far as is known by now */
    float confidence;      /* in it */
    fov_ball told;         /* what was told at once */
};

struct fov_ball_tracker {
    fov_ball_params params;
    bool started;
    int width, height;
    uint64_t next;      /* number of the next picture */
    uint64_t next_late; /* number of the picture to be told late next */
    uint64_t looks;
    unsigned asked; /* for looks since the last picture */
    struct ball_paths paths;
    struct ball_frame frames[BALL_PICTURES]; /* picture n: frames[n % BALL_PICTURES] */
    struct ball_sighting seen[BALL_SIGHTINGS];
    size_t seen_count;
    fov_ball late[BALL_PICTURES + 1];
    size_t late_count;
};

/* The frame of a picture that is still held. */
struct ball_frame *ball_frame_at(fov_ball_tracker *tracker, uint64_t number);

/* Number of the oldest picture that is still held. */
uint64_t ball_oldest(const fov_ball_tracker *tracker);

/* px of this picture to one of a picture 1920 px wide. */
double ball_unit(int width);

/* FOV_EINVAL for what fov_ball_update and fov_ball_where refuse. */
fov_status ball_check_input(const fov_ball_input *input, fov_error *error);

/* Seconds since the picture before, 0 for a clock that stands still; negative: start anew, for the
 * clock leaps or the pictures have another size. */
double ball_step_of(const fov_ball_tracker *tracker, const fov_ball_input *input);

/* The map to use, NULL: none; `unsure` when there is motion that nobody could measure. */
const double *ball_map_of(const fov_motion *motion, bool *unsure);

/* ball_late.c: the best path's marks, from its first sighting on, become the frames' own. */
void ball_late_learn(fov_ball_tracker *tracker);

/* Adds the pictures up to `until_s` that were not told late yet to tracker->late. */
void ball_late_tell(fov_ball_tracker *tracker, double until_s);

/* Sets height and metres of what is told of picture `number`, from the sightings of the pictures
 * around it, up to `last`. */
void ball_add_height(fov_ball_tracker *tracker, uint64_t number, uint64_t last, fov_ball *ball);

#endif
