/* What `fovea track` consists of: cmd_track.c reads the options; a source goes the way of predict,
 * a file of detections that of track_dets.c. */
#ifndef APPS_TRACK_H
#define APPS_TRACK_H

#include <fovea/track.h>

struct track_dets {
    const char *path;
    const char *motion, *ground; /* of frames; NULL: none */
    const char *mot;             /* NULL: JSON on standard output */
    double fps;
    int width, height; /* px of the pictures, 0 not known */
    bool sparse;       /* frames without a line were dropped, not empty */
    fov_tracker_params params;
};

/* Returns the exit code; told what went wrong. */
int track_dets_run(const struct track_dets *asked);

#endif
