/* The detections that trackers see: usable ones, in an order that makes neighbours easy to find. */
#ifndef TRACK_BOXES_H
#define TRACK_BOXES_H

#include "track/tracker.h"

/* No picture is so large; what lies beyond is a broken box. */
#define BOX_FAR_PX 1e7f

/* Copies the usable detections, the first `capacity` of them, sorted by x1. Returns their number.
 */
size_t boxes_collect(const fov_detections *from, struct track_box *boxes, size_t capacity);

/* The boxes first..end - 1 are those that may meet the stretch x1..x2; `grow` as of box_grow. */
void boxes_near(const struct tracker_frame *frame, float x1, float x2, float grow, size_t *first,
                size_t *end);

float boxes_widest(const struct track_box *boxes, size_t count);

/* Overlap of two boxes by their union, 0..1. */
float box_iou(const float a[4], const float b[4]);

/* Grown by `part` of its width and height on each side. */
void box_grow(const float box[4], float part, float grown[4]);

#endif
