/* What the files of the match share. */
#ifndef SCENE_MATCH_PARTS_H
#define SCENE_MATCH_PARTS_H

#include <fovea/match.h>

#include "scene/trail.h"

/* Sums of what is settled, of a person or a team. */
struct match_sums {
    double seen_s, distance_m, sprint_m, x_s, y_s; /* x_s: metres times seconds */
    int sprints;
};

struct match_person {
    fov_match_person told;
    struct trail trail;
    struct trail_state last; /* the newest that is settled, in this run if `running` */
    bool running;
    double sight_s, sight_x, sight_y; /* the newest sight */
    double fast_s, fast_m;            /* since the speed rose over a sprint's */
    struct match_sums sums;
    float *heat; /* columns * rows */
};

struct match_ball {
    double near_s[2]; /* how long each team has been nearest: see match_ball.c; 0..contact_s */
    double touched_s; /* time of the newest contact of anybody */
    double held_s;    /* and of the newest contact of who has the ball */
    double team_s[2];
    fov_match_ball now;
};

struct fov_match {
    fov_match_params params; /* with its defaults */
    int columns, rows;
    struct match_person *people; /* params.max_people; the first `count` are in use */
    int count;
    float *heats; /* two of the teams, then one a person */
    struct match_sums teams[2];
    struct match_ball ball;
    bool begun;
    double time_s;
    uint64_t left_out;
};

/* One frame's contact: the nearest to the ball, among people who are seen in it. `span_s` since the
 * frame before, 0 when that is too long ago. */
void match_watch_ball(struct fov_match *m, double time_s, double span_s,
                      const fov_match_spot *spots, size_t count, const double *ball);

struct match_person *match_find(const struct fov_match *m, int32_t id);

#endif
