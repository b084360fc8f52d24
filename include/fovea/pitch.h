/* The ground of a picture: which point of a pitch, in metres, a pixel shows. docs/pitch.md has the
 * drawing of the coordinates and how a camera is calibrated. */
#ifndef FOVEA_PITCH_H
#define FOVEA_PITCH_H

#include <stdbool.h>
#include <fovea/detect.h>
#include <fovea/frame.h>
#include <fovea/motion.h>
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

/* ---- landmarks --------------------------------------------------------------------------------
 */

/* Lists of points that the lines of a pitch make. */
typedef enum fov_pitch_layout {
    FOV_PITCH_LANDMARKS,   /* all that have a name here */
    FOV_PITCH_ROBOFLOW_32, /* in the order of the 32 keypoints of github.com/roboflow/sports */
    FOV_PITCH_LAYOUT_COUNT
} fov_pitch_layout;

/* The i-th landmark of a list, in metres, on a pitch of that size (NULL: 105 x 68) with markings by
 * the Laws of the Game; false after the last. `name` ("left_near_corner": left and near as the
 * camera sees them) may be NULL. Thread-safety: safe. Blocks: no.
 * Source: IFAB Laws of the Game, law 1. */
FOV_API bool fov_pitch_landmark(fov_pitch_layout layout, int i, const fov_pitch_size *size,
                                const char **name, double pitch[2]);

/* Index of a name in FOV_PITCH_LANDMARKS, -1: none. Thread-safety: safe. Blocks: no. */
FOV_API int fov_pitch_landmark_find(const char *name);

/* ---- making a view ----------------------------------------------------------------------------
 */

enum { FOV_PITCH_POINTS_MAX = 128 };

/* One point in the picture and on the pitch. */
typedef struct fov_pitch_point {
    double image[2]; /* px */
    double pitch[2]; /* metres */
    double score;    /* how sure it is, up to 1; 0: not known, counts as 1 */
} fov_pitch_point;

/* Zero means the default, but for width and height. */
typedef struct fov_pitch_params {
    fov_pitch_size size; /* 30..150 x 20..120 metres; default 105 x 68 */
    int width, height;   /* px of the picture, needed */
    double inlier_px;    /* points further off than this do not count; default width / 128 */
    double max_rms_px;   /* what is worse is refused; default 8 */
    double min_score;    /* keypoints below are left out; default 0.3 */
    bool lens;           /* look for k1 too: needs 8 points and more */
    /* Hold to what a camera without a shift of its middle and with square pixels can see. Steadies
     * a view from few or noisy points; leave it out for pictures that were cut out of larger ones.
     */
    bool camera;
} fov_pitch_params;

/* How far a view from points is to be trusted. */
typedef struct fov_pitch_quality {
    double rms_px;    /* of the points that count */
    int points;       /* that were looked at */
    int inliers;      /* that count */
    double spread;    /* the hull of those as a part of the picture, 0..1 */
    double condition; /* of the equations; 1 is best, thousands hang on a hair */
    double sigma_m;   /* likely error on the visible part of the pitch, metres: the points' own
                         error, carried there by the fit */
    double worst_m;   /* largest error of a point that counts, on the pitch */
    float error_px[FOV_PITCH_POINTS_MAX]; /* of each given point, also of those that do not count;
                                             -1: left out unseen */
} fov_pitch_quality;

/* A view from a map as fov_pitch_view has it; any scale and sign. `width`, `height`: px of its
 * picture, 0 and 0 for any; `size` may be NULL. Returns FOV_EINVAL with the reason: not finite, no
 * inverse, mirrored, no part of the pitch in the picture, or only at the horizon.
 * Thread-safety: safe. Blocks: no. */
FOV_API fov_status fov_pitch_view_from_matrix(fov_pitch_view *view, const double map[9], int width,
                                              int height, const fov_pitch_size *size,
                                              fov_error *error);

/* A view from 4 to FOV_PITCH_POINTS_MAX points. With 5 and more, points that contradict the others
 * do not count (MSAC, always with the same samples); then least squares in px over the rest, by
 * their scores. `quality` may be NULL; it is filled as far as the fit came. Returns FOV_EINVAL with
 * the reason in words: too few, not finite, on a line, crossed, mirrored, contradicting one
 * another, rms above max_rms_px, and those of fov_pitch_view_from_matrix. Never allocates.
 * Thread-safety: safe. Blocks: no.
 * Source: Hartley, Zisserman: Multiple View Geometry, chapter 4; Torr, Zisserman 2000: MLESAC. */
FOV_API fov_status fov_pitch_view_from_points(fov_pitch_view *view, const fov_pitch_point *points,
                                              size_t count, const fov_pitch_params *params,
                                              fov_pitch_quality *quality, fov_error *error);

/* The same from keypoints of a network in the order of a layout. Those with a score below
 * min_score, outside of all sense or beyond `count` are left out; the others count alike, for a
 * score says that a point is there and not how well it is placed. Thread-safety: safe. Blocks: no.
 */
FOV_API fov_status fov_pitch_view_from_keypoints(fov_pitch_view *view, fov_pitch_layout layout,
                                                 const fov_keypoint *keypoints, size_t count,
                                                 const fov_pitch_params *params,
                                                 fov_pitch_quality *quality, fov_error *error);

/* FOV_OK when a view is for pictures of that size; FOV_EINVAL says which it is for.
 * Thread-safety: safe. Blocks: no. */
FOV_API fov_status fov_pitch_view_fits(const fov_pitch_view *view, int width, int height,
                                       fov_error *error);

/* Turns a view into the one for the same picture in another size; the proportions must be the same
 * to a px (FOV_EINVAL otherwise, and for a view of any size). Thread-safety: safe. Blocks: no. */
FOV_API fov_status fov_pitch_view_resize(fov_pitch_view *view, int width, int height,
                                         fov_error *error);

/* ---- using it ---------------------------------------------------------------------------------
 */

/* Where in the picture a point of the ground is; also outside of the picture's edges. False: behind
 * the camera, or so far out that the lens term has no sense. Thread-safety: safe. Blocks: no. */
FOV_API bool fov_pitch_to_px(const fov_pitch_view *view, const double pitch[2], double px[2]);

/* Which point of the ground a px shows. False: the horizon or above it. Thread-safety: safe.
 * Blocks: no. */
FOV_API bool fov_pitch_to_metres(const fov_pitch_view *view, const double px[2], double pitch[2]);

/* Metres a px at a px: {dx/du, dx/dv, dy/du, dy/dv}. False as fov_pitch_to_metres.
 * Thread-safety: safe. Blocks: no. */
FOV_API bool fov_pitch_jacobian(const fov_pitch_view *view, const double px[2], double jacobian[4]);

/* ---- holding it against the white lines -------------------------------------------------------
 */

/* Zero means the default. */
typedef struct fov_pitch_lines_params {
    fov_pitch_size size; /* as fov_pitch_params has it */
    double sigma_px;     /* how far off the view may be, up to a tenth of its width; default width /
                            200. Lines further off than three of them are not looked for, nor those
                            further off than a fortieth of the width */
    bool camera;         /* as fov_pitch_params has it; FOV_EINVAL when no camera sees the view */
} fov_pitch_lines_params;

/* What was seen of the lines. */
typedef struct fov_pitch_lines_quality {
    int looked;    /* places on lines that the view shows, but for those behind people */
    int found;     /* of them: a line is near */
    int inliers;   /* of them: they agree on one view */
    bool whole;    /* they settle all of the view; false: they lie in one place or in one direction
                      only, and the rest is as it was */
    double spread; /* of those that agree: the frame around them as a part of the picture, 0..1 */
    double rms_px; /* of those that agree, across their lines */
    double moved_px; /* by how much the view was moved where it shows lines, rms */
    double sigma_px; /* how far off it may be by now where it shows the pitch, rms */
} fov_pitch_lines_quality;

/* Moves a view to where the white lines of its picture are, by law 1 and the size of the pitch; the
 * middle of a line is on the number. `image` may be smaller or larger than the picture of the view,
 * in the same proportions, and at least 64 px a side. `boxes` (`count` of them, px of the view's
 * picture, may be NULL) are people and what else hides lines. `params` and `quality` may be NULL;
 * `quality` is filled as far as it came. Never allocates; the same input gives the same bits; the
 * time does not depend on what is in the picture. Returns FOV_ENOTFOUND with the reason when the
 * lines are not seen well enough to settle the view (too few, in one direction, contradicting one
 * another or too far off), FOV_EINVAL for what is no view, no picture, or out of range; nothing has
 * changed then. Thread-safety: safe. Blocks: no. Source: Harris and Stennett 1990 (RAPiD: model
 * points searched along normals), Thomas 2007 (lines of a pitch), Holland and Welsch 1977
 * (weights).
 */
FOV_API fov_status fov_pitch_view_refine(fov_pitch_view *view, const fov_image *image,
                                         const fov_detection *boxes, size_t count,
                                         const fov_pitch_lines_params *params,
                                         fov_pitch_lines_quality *quality, fov_error *error);

/* ---- following a camera that moves ------------------------------------------------------------
 */

/* What is known of a camera that turns and zooms in one place, with its covariance; for
 * fov_pitch_follow alone. */
typedef struct fov_pitch_camera {
    bool known;
    bool held; /* lines were seen */
    int width; /* px of the picture that its numbers are for */
    double numbers[8], turned[9], covariance[64];
} fov_pitch_camera;

/* A view over time. Between the pictures that a view was found for, camera motion carries it; each
 * new one corrects it by as much as the two deserve, so that it does not tremble. Zero it, set
 * smooth_s and keep_s if you like, and read `view`; all else is its own. */
typedef struct fov_pitch_follow {
    double smooth_s; /* over how long views of a camera that stands still are averaged, seconds;
                        default 0.3 */
    double keep_s;   /* how long known motion carries a view without a new one, seconds; default 2.
                        A view that somebody has set once wants more, 60 say */
    bool known;      /* false: nothing was seen yet, or the picture has been cut */
    fov_pitch_view view;
    double sigma_px; /* how far off the view may be by now: grows with every step */
    double time_s, found_s;
    double doubt_s; /* when the motion was first unknown since; only with `doubted` */
    bool doubted;
    fov_pitch_view stray; /* the last one that was far from what was expected, carried along */
    bool strayed;
    fov_pitch_camera camera; /* once lines were seen, until a view is found by other means */
} fov_pitch_follow;

/* Carries the view to the picture of `time_s`. `motion` is the camera's since the step before; NULL
 * or FOV_MOTION_NONE: not known (a cut, say), the view stays and its sigma grows fast. What is more
 * than keep_s old, what nothing has confirmed for 2 s since the motion was not known, or what may
 * be off by more than a tenth of the picture is forgotten: known is false. Returns FOV_EINVAL for a
 * time or a motion that is not finite; nothing has changed then.
 * Thread-safety: as its owner. Blocks: no. */
FOV_API fov_status fov_pitch_follow_step(fov_pitch_follow *follow, double time_s,
                                         const fov_motion *motion, fov_error *error);

/* A view that was found for the picture of the last step. One that is far from what was expected is
 * held back until a second one says the same: a cut, or a wrong one. Returns FOV_EINVAL for a view
 * that is not one, or for another size of the picture; nothing has changed then.
 * Thread-safety: as its owner. Blocks: no. */
FOV_API fov_status fov_pitch_follow_found(fov_pitch_follow *follow, const fov_pitch_view *found,
                                          fov_error *error);

/* Holds the view against the lines of the picture of the last step, after fov_pitch_follow_found if
 * there was one; each picture may be given, or some. Few lines are enough here: what they leave
 * open stays as motion carried it. `image`, `boxes`, `quality` as in fov_pitch_view_refine; `size`
 * may be NULL. Returns FOV_ENOTFOUND when there is no view, or no lines that fit it: it is carried
 * by motion alone then, and its sigma has grown; FOV_EINVAL as fov_pitch_view_refine. Never
 * allocates. Thread-safety: as its owner. Blocks: no. */
FOV_API fov_status fov_pitch_follow_refine(fov_pitch_follow *follow, const fov_image *image,
                                           const fov_detection *boxes, size_t count,
                                           const fov_pitch_size *size,
                                           fov_pitch_lines_quality *quality, fov_error *error);

#ifdef __cplusplus
}
#endif
#endif
