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

typedef struct fov_motion_file fov_motion_file;

/* Reads a file of motions: a line a frame, its number and the first two rows of its map, which is
 * affine and leads from the frame before, all parted by blanks or tabs ("12 1 0 -3.5 0 1 0.25", as
 * the gmc.txt of MOT data). Numbers of frames rise; frames may be left out. At most 4,000,000 lines
 * of 255 bytes, 256 MiB in all. Returns FOV_EIO, FOV_EFORMAT (names the line), FOV_ELIMIT,
 * FOV_ENOMEM. Thread-safety: safe. Blocks: on the disk. */
FOV_API fov_status fov_motion_file_open(fov_motion_file **file, const char *path, fov_error *error);

/* Sets *file to NULL, accepts NULL. Thread-safety: once. Blocks: no. */
FOV_API void fov_motion_file_close(fov_motion_file **file);

/* The motion from the frame before to frame `number`, `points` and `inliers` 0. False: the file
 * does not say, `motion` is FOV_MOTION_NONE. Thread-safety: safe. Blocks: no. */
FOV_API bool fov_motion_file_at(const fov_motion_file *file, int64_t number, fov_motion *motion);

#ifdef __cplusplus
}
#endif
#endif
