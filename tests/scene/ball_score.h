/* Judges what is said of the ball against the truth: three ways to find it beside each other. */
#ifndef TESTS_BALL_SCORE_H
#define TESTS_BALL_SCORE_H

#include "ball_world.h"

enum ball_method {
    BALL_BEST,     /* the sighting with the best score */
    BALL_CENTROID, /* the sighting nearest to the middle of those of ten frames */
    BALL_NOW,      /* fov_ball_update, at once */
    BALL_LATE,     /* fov_ball_update, late */
    BALL_METHODS
};

struct ball_score {
    size_t frames, visible, told, near, wrong; /* near: within 12 px of one to be seen; wrong: over
                                                  25 px off, of those told */
    double square;                             /* px², of the near ones */
    /* With a view: how many of those within 25 px are on the ground (up to 0.3 m) or over 1 m up,
     * and what was said of them. */
    size_t ground, ground_as_ground, ground_as_air, air, air_as_air, air_as_ground;
    size_t placed;  /* with metres */
    double place_m; /* sum of their errors */
};

void ball_score_run(enum ball_method method, const fov_ball_params *params, bool with_view,
                    const struct ball_frame_truth *frames, size_t count, struct ball_score *score);

/* Percent. */
double ball_score_near(const struct ball_score *score);
double ball_score_wrong(const struct ball_score *score);

/* What the looks cover: mean part of the picture that is looked at, and part of the frames whose
 * ball lies in it. */
struct ball_cover {
    size_t frames, visible, covered;
    double area; /* pictures */
};
void ball_score_cover(const fov_ball_params *params, const struct ball_frame_truth *frames,
                      size_t count, struct ball_cover *cover);

#endif
