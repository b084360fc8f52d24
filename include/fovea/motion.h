/* Camera motion: where the still parts of a picture have gone since the last one. */
#ifndef FOVEA_MOTION_H
#define FOVEA_MOTION_H

#include <fovea/detect.h>
#include <fovea/frame.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum fov_motion_kind {
    FOV_MOTION_NONE,       /* not sure: `map` is the identity */
    FOV_MOTION_SIMILARITY, /* turn, one scale, shift */
    FOV_MOTION_HOMOGRAPHY
} fov_motion_kind;

/* From the picture before to this one, in source px: (x', y', w') = map * (x, y, 1), row by row. */
typedef struct fov_motion {
    fov_motion_kind kind;
    double map[9];
    int points, inliers; /* followed, and in agreement with `map` */
} fov_motion;

#ifdef __cplusplus
}
#endif
#endif
