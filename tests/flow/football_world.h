/* A drawn match as a detector sees it, picture by picture, beside its truth. */
#ifndef TESTS_FLOW_FOOTBALL_WORLD_H
#define TESTS_FLOW_FOOTBALL_WORLD_H

#include <fovea/football.h>

#include "media/football_noise.h"

enum { WORLD_BOXES = 96 };

struct football_world {
    fov_source *source;
    fov_frame_pool *pool;
    struct noise noise;
    bool classes; /* the detector knows keepers and referees, and errs in one of ten */
    bool clean;   /* boxes and balls as they are, nothing missed */
    double fps;
    /* Of the last picture. */
    fov_frame *frame;
    const struct football_truth *truth;
    fov_detection items[WORLD_BOXES];
    fov_detections detections;
    fov_football_input input; /* with the picture, without motion and view */
};

/* False: no memory, or a bad address ("pattern:football?fps=10&seed=2"). */
bool football_world_open(struct football_world *w, const char *url, double fps, uint64_t seed);
/* The next picture; what the last one had is gone. False: the match has ended. */
bool football_world_next(struct football_world *w);
void football_world_close(struct football_world *w);

/* Of a person's box and this one: what both cover, as a part of what either does. */
double football_overlap(const struct football_person *p, float x1, float y1, float x2, float y2);

/* The person of the truth whose box covers this one best, by more than a third; NULL: nobody. */
const struct football_person *football_world_who(const struct football_world *w, float x1, float y1,
                                                 float x2, float y2);

#endif
