/* Views held against the white lines of a picture. Pure; nothing here allocates. */
#ifndef SCENE_PITCH_LINES_H
#define SCENE_PITCH_LINES_H

#include "scene/pitch.h"

/* ---- where lines should be (pitch_strokes.c) --------------------------------------------------
 */

/* A point on the middle of a line, and which way the line goes there: metres, length 1. */
struct pitch_place {
    double at[2], along[2];
};

/* What a walk along the lines of a pitch looks through. */
struct pitch_walk {
    double map[9];
    struct pitch_lens lens;
    int width, height; /* px */
    fov_pitch_size size;
};

/* Points on all lines that are in the picture, about `spacing_px` apart. Returns how many there
 * are, which may be more than `capacity`. */
size_t pitch_strokes_walk(const struct pitch_walk *walk, double spacing_px,
                          struct pitch_place *places, size_t capacity);

/* ---- where they are (pitch_ridge.c) -----------------------------------------------------------
 */

/* Brightness of a picture: of RGB the green, which is most of it. */
struct ridge_picture {
    const uint8_t *first;
    int stride, step; /* bytes */
    int width, height;
};

/* FOV_EINVAL: no picture that can be read, or one that is too small. */
fov_status ridge_picture_of(const fov_image *image, struct ridge_picture *picture,
                            fov_error *error);

/* Looks along `normal` (length 1) from a px for the middle of a bright line between darker sides,
 * `width_px` across, no further off than `reach_px`. False: none, or more than one that it may be.
 */
bool ridge_find(const struct ridge_picture *picture, const double px[2], const double normal[2],
                double width_px, double reach_px, double *offset_px);

/* ---- what is seen of them (pitch_sights.c) ----------------------------------------------------
 */

/* What a view is held against. Boxes are in px of the source, which is `scale` times smaller than
 * the picture each way. */
struct pitch_look {
    struct ridge_picture picture;
    const fov_detection *boxes;
    size_t count;
    double scale[2];
    fov_pitch_size size;
};

enum { PITCH_SIGHTS = 300 };

/* A place on a line, where a view shows it, and where a line is near. */
struct pitch_sight {
    struct pitch_place place;
    double px[2], normal[2];
    double row[PITCH_NUMBERS]; /* the px moves by so much along the normal with each number */
    double width_px;           /* of the line */
    double seen[2], off;       /* px of the line, and how far along the normal that is */
    double residual;           /* px of it that a step leaves */
};

struct pitch_sights {
    struct pitch_sight all[PITCH_SIGHTS];
    size_t count; /* where a line was found */
    int looked;
    double unit; /* px of the picture that are one of a picture 1920 px wide */
};

/* Looks at all places of a model. `known` says how far off they may be, of which `part` is reached
 * for. False: the model makes no map. */
bool pitch_sights_find(struct pitch_sights *sights, const struct pitch_model *model,
                       const struct pitch_model *known, double part, const struct pitch_look *look);

/* Where a model shows the same places, beside the same lines. False: it does not. */
bool pitch_sights_again(struct pitch_sights *sights, const struct pitch_model *model);

/* The px of a point of the ground moves `along` a direction by so much with each number. */
void pitch_model_row(const double map[9], const struct pitch_lens *lens, double slopes[][9],
                     const double at[2], const double along[2], double row[PITCH_NUMBERS]);

/* Variance of row * numbers. */
double pitch_model_variance(const struct pitch_model *model, const double row[PITCH_NUMBERS]);

/* ---- the view (pitch_lines.c, pitch_hold.c) ---------------------------------------------------
 */

/* How far a view may be off that nobody says more of and no line has confirmed, by its width. */
#define PITCH_SIGMA_PART (1 / 200.0)

/* A model that shows what a view shows, with a covariance that lets it be off by about `sigma_px`
 * anywhere. False: there is none (`camera`: no camera with square px sees it so). */
bool pitch_model_from_view(struct pitch_model *model, const fov_pitch_view *view,
                           fov_pitch_size size, bool camera, double sigma_px);

/* Root of the mean square of how far off the model may be where the picture shows ground, px. */
double pitch_model_sigma(const struct pitch_model *model, int width, int height,
                         fov_pitch_size size);

/* Fills all but the boxes. FOV_EINVAL: no picture, other proportions than the view's, no pitch. */
fov_status pitch_look_of(struct pitch_look *look, const fov_pitch_view *view,
                         const fov_image *image, const fov_pitch_size *size, fov_error *error);

/* To px of the source. */
void pitch_lines_unscale(fov_pitch_lines_quality *quality, const struct pitch_look *look);

/* Moves the model to where the lines are, and its covariance to what is known then. FOV_ENOTFOUND:
 * none, too few, or not in keeping with what was known; the model is as it was. */
fov_status pitch_lines_fit(struct pitch_model *model, const struct pitch_look *look,
                           fov_pitch_lines_quality *quality, fov_error *error);

/* ---- a camera over time (pitch_turn.c) --------------------------------------------------------
 */

/* The camera of fov_pitch_follow as a model, with the size and lens of its view. */
void pitch_camera_load(const fov_pitch_camera *camera, const fov_pitch_view *view,
                       struct pitch_model *model);

/* The other way, and the view's map; false: it makes none. */
bool pitch_camera_store(fov_pitch_camera *camera, struct pitch_model *model, fov_pitch_view *view);

/* The camera that sees the view, which may be off by `sigma_px`; false: there is none. */
bool pitch_camera_begin(fov_pitch_follow *follow, fov_pitch_size size, double sigma_px);

/* Turns and zooms the camera as px have moved, which may be off by `error_px`. False: no turn. */
bool pitch_turn_carry(struct pitch_model *model, int width, int height, const double motion[9],
                      double error_px, bool held);

/* Lets the camera be off by so much more; `held`: lines were seen, and it may leave its place. */
void pitch_turn_doubt(struct pitch_model *model, int width, double error_px, bool held);

#endif
