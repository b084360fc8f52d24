/* Camera motion of frames that are looked at in pictures of another size. */
#ifndef TRACK_CAMERA_MOTION_H
#define TRACK_CAMERA_MOTION_H

#include <fovea/motion.h>

/* What moves by itself in a frame, in px of the frame, and room for the same in px of a picture. */
struct camera_motion_boxes {
    const fov_detections *seen;
    fov_detection *scaled;
    size_t room; /* more than these are not left out of the picture */
};

/* fov_camera_motion_update with a picture of a frame of width x height px: `out` is in px of the
 * frame. */
fov_status camera_motion_scaled(fov_camera_motion *motion, const fov_image *picture, int width,
                                int height, const struct camera_motion_boxes *boxes,
                                fov_motion *out);

#endif
