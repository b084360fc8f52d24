/* A ball that is carried, passed and kicked high over a pitch before a panning camera, and what a
 * detector would make of it. A simulation: no evidence about real footage. */
#ifndef TESTS_BALL_WORLD_H
#define TESTS_BALL_WORLD_H

#include <fovea/ball.h>

enum { BALL_WORLD_ITEMS = 24 };

struct ball_frame_truth {
    double time_s;
    bool visible;           /* inside of the picture */
    bool unlooked;          /* nobody looked for it; false */
    double x, y, metres[3]; /* px, m */
    fov_motion motion;      /* since the frame before, measured with noise */
    fov_pitch_view view;    /* with a little noise */
    size_t count;
    fov_detection items[BALL_WORLD_ITEMS]; /* sightings and clutter, class 0 */
};

struct ball_world {
    unsigned seed;
    double fps, seconds;
    double zoom;     /* 1: most of the pitch's width, 1.7: a third of it */
    double detected; /* of the frames that show it; 0: 0.72 */
    double clutter;  /* false sightings a frame; 0: 0.25 */
};

enum { BALL_WORLD_WIDTH = 1920, BALL_WORLD_HEIGHT = 1080 };

/* Frames of a world; free with free(). NULL: no memory. */
struct ball_frame_truth *ball_world_make(const struct ball_world *world, size_t *count);

#endif
