/* The ground of a picture: which point of a pitch, in metres, a pixel shows. */
#ifndef FOVEA_PITCH_H
#define FOVEA_PITCH_H

#include <fovea/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Metres. The origin is the corner at the left on the camera's side, x runs along the touch line, y
 * away from the camera, z up: a map drawn with the camera below. Zero: 105 x 68. */
typedef struct fov_pitch_size {
    double length, width;
} fov_pitch_size;

/* A picture of the pitch: px (x', y', w') = map * (metres x, y, 1), row by row, then the lens bends
 * px away from the middle of the picture by one radial term:
 * bent = middle + (straight - middle) * (1 + k1 * (r / half_diagonal)^2). */
typedef struct fov_pitch_view {
    double map[9];
    double k1;         /* 0: none */
    int width, height; /* px of the picture that it is for; 0: any */
    double rms_px;     /* of the points that it was made from; 0: it was given as it is */
    int points, inliers;
} fov_pitch_view;

#ifdef __cplusplus
}
#endif
#endif
