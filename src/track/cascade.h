/* Matching in stages, as ByteTrack (Zhang 2022) does it: tracks take sure boxes first, then those
 * that were seen a moment ago may go on with an unsure one, which alone would begin no track. A
 * box that no track wants begins one, and it gets a name when it is seen again at once.
 *
 * BoT-SORT (Aharon 2022) is the same with another Kalman filter, camera motion and appearance. */
#ifndef TRACK_CASCADE_H
#define TRACK_CASCADE_H

#include "track/kalman.h"
#include "track/tracker.h"

/* What the trackers of this kind differ in. Limits are costs: 1 - overlap. */
struct cascade_rules {
    enum kalman_form form;
    bool follow_camera;
    float sure_limit;  /* overlap times score, sure boxes */
    float low_limit;   /* overlap, unsure boxes */
    float young_limit; /* overlap times score, tracks that were seen once */
    float lost_limit;  /* overlap of grown boxes, tracks that nobody took */
};

/* The functions of struct tracker. */
fov_status cascade_create(void **own, const struct cascade_rules *rules,
                          const fov_tracker_params *params, fov_error *error);
void cascade_destroy(void **own);
void cascade_update(void *own, const struct tracker_frame *frame, struct tracker_output *out);
void cascade_end(void *own, struct tracker_output *out);

#endif
