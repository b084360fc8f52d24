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

/* Zero means the default. */
typedef struct fov_camera_motion_params {
    int side;        /* px that the longer side of a picture is reduced to, about (by a whole
                        number: 3/4 to 3/2 of this): 64..1024; default 320 */
    int points;      /* most points that are followed: 16..1024; default 240 */
    float inliers;   /* least part of the points that must agree: 0..1; default 0.3 */
    bool homography; /* of pictures that a similarity does not explain: give a homography */
} fov_camera_motion_params;

typedef struct fov_camera_motion fov_camera_motion;

/* Makes what reads the camera's motion from pictures, with all the memory that it will ever use
 * (1.2 MB by default). `params` may be NULL. Returns FOV_EINVAL (a value out of range, which),
 * FOV_ENOMEM. Thread-safety: safe. Blocks: no. */
FOV_API fov_status fov_camera_motion_create(fov_camera_motion **motion,
                                            const fov_camera_motion_params *params,
                                            fov_error *error);

/* Sets *motion to NULL, accepts NULL. Thread-safety: once. Blocks: no. */
FOV_API void fov_camera_motion_destroy(fov_camera_motion **motion);

/* Takes the next picture (FOV_YUV, FOV_GRAY8, FOV_RGB24, FOV_BGR24; only its brightness counts; at
 * most 16,384 px a side) and tells how the camera has moved since the one before. `boxes` (`count`
 * of them, may be NULL) are what moves by itself in this picture: they are left out, grown by a
 * tenth to each side; those that are not finite or turned inside out are none. `out` is the
 * identity with FOV_MOTION_NONE for the first picture, after a change of size, and when not sure:
 * few points, too few that agree, a jump no camera makes, a cut. Pixel (i, j) covers [i, i + 1) x
 * [j, j + 1), as in boxes. Never allocates; the same pictures give the same bits. Returns
 * FOV_EINVAL for an image that is none; nothing has changed then. Thread-safety: one thread at a
 * time. Blocks: no. Source: Shi and Tomasi 1994 (points), Lucas and Kanade 1981, Bouguet 2000
 * (following), Torr and Zisserman 2000 (MSAC). */
FOV_API fov_status fov_camera_motion_update(fov_camera_motion *motion, const fov_image *image,
                                            const fov_detection *boxes, size_t count,
                                            fov_motion *out, fov_error *error);

/* Forgets the picture before. Thread-safety: as update. Blocks: no. */
FOV_API void fov_camera_motion_reset(fov_camera_motion *motion);

typedef struct fov_motion_file fov_motion_file;

/* Reads a file of motions: a line a frame, its number and the first two rows of its map, which is
 * affine and leads from the frame before ("12 1 0 -3.5 0 1 0.25", as the gmc.txt of MOT data), or
 * all three rows of a homography. Numbers are parted by blanks or tabs, or by commas. Numbers of
 * frames rise; frames may be left out. At most 4,000,000 lines of 1024 bytes, 256 MiB in all.
 * Returns FOV_ENOTFOUND, FOV_EIO, FOV_EFORMAT (names the line), FOV_ELIMIT, FOV_ENOMEM.
 * Thread-safety: safe. Blocks: on the disk. */
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
