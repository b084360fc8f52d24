/* Between a picture and the ground that it shows: the view of a pitch, made ready for use. */
#ifndef SCENE_GROUND_H
#define SCENE_GROUND_H

#include "scene/pitch.h"

struct ground {
    bool known;
    double to_px[9], to_m[9]; /* metres to straight px and back; w' is above 0 in front */
    struct pitch_lens lens;
    /* Where the lens has no skew, square pixels and the picture's middle in its axis, the map tells
     * the camera: straight px = to_px * (x, y, 1) + up * z. False: the map does not tell it. */
    bool has_camera;
    double up[3];
};

/* False, and ground->known false: no view, a view that is not finite or has no inverse, or one of a
 * picture of another shape. `width` and `height` of the picture in px; views of other sizes are
 * scaled. */
bool ground_of_view(struct ground *ground, const fov_pitch_view *view, int width, int height);

/* Whether all numbers of a view are finite. */
bool ground_view_is_finite(const fov_pitch_view *view);

/* The metres of a pixel; false beyond the horizon, and where the lens shows nothing. */
bool ground_metres(const struct ground *ground, const double px[2], double metres[2]);

/* px a metre across the picture at this place of the ground; 0: none. */
double ground_px_per_m(const struct ground *ground, const double metres[2]);

#endif
