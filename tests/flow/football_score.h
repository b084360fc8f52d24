/* A run of fov_football over a drawn match, held against its truth. */
#ifndef TESTS_FLOW_FOOTBALL_SCORE_H
#define TESTS_FLOW_FOOTBALL_SCORE_H

#include "football_world.h"

enum football_calibration {
    SCORE_NO_VIEW,
    SCORE_TRUE_VIEW,  /* of each picture, given from outside */
    SCORE_FOUND_VIEW, /* twice a second, with the error of a calibration */
    SCORE_FIRST_VIEW  /* of the first picture, as if set by hand */
};

struct football_run {
    const char *url;
    double fps, seconds;
    uint64_t seed; /* of what the detector gets wrong */
    enum football_calibration calibration;
    bool classes;     /* the detector knows keepers and referees */
    bool true_motion; /* given from outside; false: found in the picture */
    bool blind;       /* no pictures are given */
    fov_football_params params;
};

struct football_score {
    size_t pictures, views; /* views: pictures whose view was known */
    size_t shown, named;    /* people in sight, and those of them with a name */
    size_t switches;        /* somebody in sight goes on under another name */
    size_t exchanged;       /* a name goes on with somebody else */
    /* After 5 s: */
    size_t fields, told, right; /* field players; those of them given to a team; to the right one */
    size_t roles, roles_right;
    size_t on_pitch;
    double error_m2;                      /* sum of squares */
    size_t made_up;                       /* metres without a view */
    size_t balls, balls_told, balls_near; /* in sight; told; within 12 px of 1920 */
    /* Of the figures: what people walked as told and in truth, over the same times; standing: the
     * same of those who did less than 0.3 m/s, and for how long; running: more than 5 m/s. */
    struct football_walk {
        double told_m, true_m, seconds;
    } all, standing, running;
    double speed2; /* sum of squares of errors, m/s */
    size_t speeds;
    double off_px; /* of the view, mean over the pitch, worst picture */
    double parts_us[FOV_PART_COUNT];
};

/* False: no memory, or a picture was refused. */
bool football_score_run(const struct football_run *run, struct football_score *score);

double football_score_rms(const struct football_score *score);

/* How much longer than in truth the walks were told, percent. */
double football_score_walk(const struct football_walk *walk);

/* Of speeds, m/s. */
double football_score_speed(const struct football_score *score);

/* Mean distance in px of the ground in two views of a picture of the same size, where `a` shows
 * the pitch. */
double football_view_distance(const fov_pitch_view *a, const fov_pitch_view *b);

#endif
