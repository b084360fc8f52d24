/* What tracks look like: a vector each, the mean of those that came with its boxes, the newest
 * counting a tenth. */
#ifndef TRACK_APPEARANCE_H
#define TRACK_APPEARANCE_H

#include "track/tracker.h"

struct appearance {
    size_t size; /* numbers a vector has; 0: there are none, and nothing here does anything */
    float *kept, *seen; /* of tracks by place, of this frame's boxes; of length 1 */
    bool *is_kept, *is_seen;
};

/* Returns FOV_ENOMEM. */
fov_status appearance_create(struct appearance *a, size_t size, size_t tracks, size_t boxes,
                             fov_error *error);
void appearance_release(struct appearance *a); /* of a zeroed one as well */

/* Takes the vectors of this frame's boxes; those that are zero or not finite are none. */
void appearance_see(struct appearance *a, const struct tracker_frame *frame);

/* A track begins with, or goes on by, a box of this frame. */
void appearance_begin(struct appearance *a, int32_t place, size_t box);
void appearance_learn(struct appearance *a, int32_t place, size_t box);

/* Whether both have a vector. */
bool appearance_knows(const struct appearance *a, int32_t place, size_t box);

/* (1 - cosine) / 2 of a track and a box: 0 alike, 1 opposite; 1 too where one has no vector. */
float appearance_distance(const struct appearance *a, int32_t place, size_t box);

#endif
