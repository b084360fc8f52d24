/* What the files of the pitch share: the lens, the fit of a view to points. Pure; nothing here
 * allocates. */
#ifndef SCENE_PITCH_H
#define SCENE_PITCH_H

#include <stdbool.h>
#include <stddef.h>

#include <fovea/pitch.h>
#include "base/json.h"
#include "base/pitch_law.h"
#include "base/plane.h"

/* 105 x 68 for NULL and for zeros. */
fov_pitch_size pitch_size(const fov_pitch_size *size);

/* FOV_EINVAL: no size of a pitch. */
fov_status pitch_size_check(fov_pitch_size size, fov_error *error);

/* Whether a place is on the pitch, or no more than so many metres beside it; false for NaN. */
static inline bool pitch_is_near(const double at[2], fov_pitch_size size, double margin_m)
{
    return at[0] >= -margin_m && at[0] <= size.length + margin_m && at[1] >= -margin_m &&
           at[1] <= size.width + margin_m;
}

/* Middle of cell `i` of side * side, row by row, of a picture or a pitch. */
static inline void pitch_cell(int i, int side, double width, double height, double at[2])
{
    at[0] = (i % side + 0.5) * width / side;
    at[1] = (i / side + 0.5) * height / side;
}

/* Turns the map to the camera's side and checks all that fov_pitch_view_from_matrix says. */
fov_status pitch_view_check(fov_pitch_view *view, const fov_pitch_size *size, fov_error *error);

/* ---- the lens and the camera's side (pitch_lens.c) --------------------------------------------
 */

/* k1 outside of this folds a part of the picture over another one. */
#define PITCH_K1_LEAST (-0.14)
#define PITCH_K1_MOST 0.5

struct pitch_lens {
    double middle[2], reach; /* px; half the diagonal */
    double k1;
};

struct pitch_lens pitch_lens_of(int width, int height, double k1);

/* Straight px to bent ones. False: so far out that the picture would fold back. */
bool pitch_bend(const struct pitch_lens *lens, const double straight[2], double bent[2]);

/* The other way. False: no straight px is bent to there. */
bool pitch_unbend(const struct pitch_lens *lens, const double bent[2], double straight[2]);

/* Derivative of pitch_bend at a straight px. */
void pitch_bend_jacobian(const struct pitch_lens *lens, const double straight[2],
                         double jacobian[4]);

/* Scales a map so that w' is above 0 in front of a camera that stands above the ground, which sees
 * the pitch as it is and not in a mirror. False: no inverse. */
bool pitch_face(double map[9]);

/* Straight px of a point of the ground by such a map; false: behind the camera. */
bool pitch_project(const double map[9], const double pitch[2], double straight[2]);

/* The point of the ground that a px as seen shows, by such a map and its inverse; false: the
 * horizon or above it, or no straight px is bent to there. */
bool pitch_unproject(const double map[9], const double inverse[9], const struct pitch_lens *lens,
                     const double px[2], double pitch[2]);

/* Px as seen of a point of the ground and how they move with it: {du/dx, du/dy, dv/dx, dv/dy}. */
bool pitch_place_slope(const double map[9], const struct pitch_lens *lens, const double pitch[2],
                       double px[2], double slope[4]);

/* ---- fitting (pitch_sample.c, pitch_model.c, pitch_refine.c)
 * --------------------------------------------------
 */

/* Points under work. */
struct pitch_set {
    struct plane_pair pairs[FOV_PITCH_POINTS_MAX]; /* metres to px as seen, bent */
    bool counts[FOV_PITCH_POINTS_MAX];             /* agrees with the others */
    size_t count;
    int width, height; /* px */
    double inlier_px;
};

/* How many agree. */
size_t pitch_counted(const struct pitch_set *set);

/* Sets `counts` to the largest part of the points that agree on one view, weighed by what is left
 * between them, and gives its map and k1 (looked for only with `lens`). False: no four points see
 * the pitch from above and the right way round. */
bool pitch_sample(struct pitch_set *set, bool lens, double map[9], double *k1);

/* A camera's numbers: log of the focal length, log of a px's height by its width, turn around its
 * three axes, place on and above the pitch. A homography has as many. */
enum { PITCH_FOCAL, PITCH_SQUARE, PITCH_TURN, PITCH_PLACE = PITCH_TURN + 3, PITCH_NUMBERS = 8 };

/* How far from square px are thought to be, as a deviation of the log. */
#define PITCH_SQUARE_WITHIN 0.01

/* A view in numbers that least squares can turn: a homography, or a camera. */
struct pitch_model {
    int count;            /* of numbers, with k1 */
    double at[9];         /* the numbers */
    bool camera, lens;    /* the last number is k1 with `lens` */
    double in[9], out[9]; /* homography: to the frames where its numbers are around 1 */
    double turned[9];     /* camera: the rotation that its numbers turn on */
    struct pitch_lens bend;
    double covariance[9][9]; /* of the numbers, for an error of 1 px */
    double condition;
};

/* Rotation by a vector: Rodrigues' formula. */
void pitch_rotation(const double turn[3], double r[9]);

/* How far to each side of a number slopes are taken. */
double pitch_model_nudge(const struct pitch_model *model, int number);

/* The map and the lens of numbers, which need not be the model's own. False: they make none. */
bool pitch_model_map(const struct pitch_model *model, const double at[], double map[9],
                     struct pitch_lens *lens);

/* The model's map, and how it changes with each number but k1. False: it makes none. */
bool pitch_model_slopes(const struct pitch_model *model, double map[9], double slopes[][9]);

/* Least squares over the points that count, from a map on; `counts` is renewed. False: the points
 * leave it open. */
bool pitch_refine(struct pitch_set *set, bool lens, bool camera, double map[9], double *k1,
                  struct pitch_model *model);

/* Covariance {uu, uv, vv} in px^2 of where the model puts a point of the ground, for points with an
 * error of 1 px. False: behind the camera. */
bool pitch_model_spread(const struct pitch_model *model, const double pitch[2], double spread[3]);

/* ---- as JSON (pitch_json.c) -------------------------------------------------------------------
 */

/* Reads {"points": [{"image": [u, v], "pitch": [x, y]} …]}, where "pitch" may also be the name of a
 * landmark, or {"matrix": [[…], […], […]]} (or nine numbers, and "k1"), optionally with "size":
 * [length, width] and "picture": [width, height], which goes before that of `params`. Returns
 * FOV_EINVAL naming the place ("points[3].image: …") or the reason why no view comes of it; `view`
 * is as it was then. Thread-safety: safe. Blocks: no. */
fov_status pitch_view_read(const json_value *object, const fov_pitch_params *params,
                           fov_pitch_view *view, fov_pitch_quality *quality, fov_error *error);

#endif
