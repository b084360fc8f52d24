/* Views and cameras to hold against lines: there and back. */
#include <math.h>
#include <string.h>

#include "scene/pitch_lines.h"

enum { GRID = 6, GRID_ALL = GRID * GRID, GRID_LEAST = 8 };

/* Metres around the pitch that still count. */
#define AROUND_M 10.0
#define SIGMA_MOST 0.1 /* of the width, that may be asked for */
/* A camera that is off by more than this part of a sigma (of the default one at least) does not see
 * what the view says. */
#define CAMERA_OFF 0.5
/* Logs of a px's height by its width. */
#define SQUARE_SIGMA 0.002
#define SQUARE_MOST 0.03

/* Px of a grid of the picture that show the pitch, and the metres there; returns how many. */
static size_t grid_of(const double map[9], const struct pitch_lens *lens, int width, int height,
                      fov_pitch_size size, double px[][2], double at[][2])
{
    double inverse[9];
    size_t count = 0;
    if (!plane_invert(map, inverse))
        return 0;
    for (int i = 0; i < GRID_ALL; i++) {
        pitch_cell(i, GRID, width, height, px[count]);
        count += pitch_unproject(map, inverse, lens, px[count], at[count]) &&
                 pitch_is_near(at[count], size, AROUND_M);
    }
    return count;
}

/* However little a view is known, px are square: a camera that looks straight along the pitch
 * cannot tell their height from its own, and would wander off. */
static void make_square(struct pitch_model *m)
{
    double column[PITCH_NUMBERS];
    for (int k = 0; k < PITCH_NUMBERS; k++)
        column[k] = m->covariance[k][PITCH_SQUARE];
    double all = column[PITCH_SQUARE] + SQUARE_SIGMA * SQUARE_SIGMA;
    for (int r = 0; r < PITCH_NUMBERS; r++)
        for (int c = 0; c < PITCH_NUMBERS; c++)
            m->covariance[r][c] -= column[r] * column[c] / all;
}

bool pitch_model_from_view(struct pitch_model *model, const fov_pitch_view *view,
                           fov_pitch_size size, bool camera, double sigma_px)
{
    struct pitch_set set = {.width = view->width, .height = view->height, .inlier_px = INFINITY};
    struct pitch_lens lens = pitch_lens_of(view->width, view->height, view->k1);
    double px[GRID_ALL][2], at[GRID_ALL][2], map[9], k1 = 0, off = 0;
    set.count = grid_of(view->map, &lens, view->width, view->height, size, px, at);
    if (set.count < GRID_LEAST)
        return false;
    for (size_t i = 0; i < set.count; i++) {
        memcpy(set.pairs[i].from, at[i], sizeof at[i]);
        set.pairs[i].weight = 1;
        set.counts[i] = true;
        if (!pitch_unbend(&lens, px[i], set.pairs[i].to))
            return false;
    }
    memcpy(map, view->map, sizeof map);
    if (!pitch_refine(&set, false, camera, map, &k1, model))
        return false;
    model->bend = lens;
    for (size_t i = 0; i < set.count; i++) {
        double is[2];
        if (!pitch_project(map, at[i], is))
            return false;
        off += (is[0] - set.pairs[i].to[0]) * (is[0] - set.pairs[i].to[0]) +
               (is[1] - set.pairs[i].to[1]) * (is[1] - set.pairs[i].to[1]);
    }
    /* As many numbers as there are, whatever the count of points. */
    off = sqrt(off / (double)set.count);
    double scale = (sigma_px * sigma_px + off * off) * (double)set.count / PITCH_NUMBERS;
    for (int r = 0; r < PITCH_NUMBERS; r++)
        for (int c = 0; c < PITCH_NUMBERS; c++)
            model->covariance[r][c] *= scale;
    if (camera)
        make_square(model);
    return off <= CAMERA_OFF * fmax(sigma_px, PITCH_SIGMA_PART * view->width) &&
           (!camera || fabs(model->at[PITCH_SQUARE]) <= SQUARE_MOST);
}

double pitch_model_sigma(const struct pitch_model *m, int width, int height, fov_pitch_size size)
{
    double px[GRID_ALL][2], at[GRID_ALL][2], map[9], slopes[PITCH_NUMBERS][9], sum = 0;
    if (!pitch_model_slopes(m, map, slopes))
        return INFINITY;
    size_t count = grid_of(map, &m->bend, width, height, size, px, at);
    for (size_t i = 0; i < count; i++) {
        for (int c = 0; c < 2; c++) {
            double row[PITCH_NUMBERS];
            pitch_model_row(map, &m->bend, slopes, at[i], (double[2]){c == 0, c == 1}, row);
            sum += pitch_model_variance(m, row);
        }
    }
    return count > 0 ? sqrt(sum / (double)count) : INFINITY;
}

fov_status pitch_look_of(struct pitch_look *look, const fov_pitch_view *view,
                         const fov_image *image, const fov_pitch_size *size, fov_error *error)
{
    fov_pitch_view there = *view;
    fov_status status = ridge_picture_of(image, &look->picture, error);
    if (!status)
        status = fov_pitch_view_resize(&there, image->width, image->height, error);
    if (status)
        return status;
    look->size = pitch_size(size);
    look->scale[0] = (double)image->width / view->width;
    look->scale[1] = (double)image->height / view->height;
    return pitch_size_check(look->size, error);
}

void pitch_lines_unscale(fov_pitch_lines_quality *q, const struct pitch_look *look)
{
    double by = sqrt(look->scale[0] * look->scale[1]);
    q->rms_px /= by;
    q->moved_px /= by;
    q->sigma_px /= by;
}

/* ---- a view by itself ------------------------------------------------------------------------ */

static fov_status begin(struct pitch_model *model, const fov_pitch_view *there,
                        const fov_pitch_lines_params *p, fov_pitch_size size, double sigma_px,
                        fov_error *error)
{
    if (pitch_model_from_view(model, there, size, p->camera, sigma_px))
        return FOV_OK;
    return fov_fail(error, FOV_EINVAL,
                    p->camera ? "no camera with square px has this view"
                              : "too little of the pitch is in the picture of this view");
}

static fov_status check(fov_pitch_view *view, const fov_image *image,
                        const fov_pitch_lines_params *p, fov_error *error)
{
    if (!(p->sigma_px >= 0 && p->sigma_px <= SIGMA_MOST * 65535))
        return fov_fail(error, FOV_EINVAL, "a view that may be off by %g px", p->sigma_px);
    if (view->width == 0) {
        view->width = image->width;
        view->height = image->height;
    }
    fov_pitch_size size = pitch_size(&p->size);
    return pitch_view_check(view, &size, error);
}

fov_status fov_pitch_view_refine(fov_pitch_view *view, const fov_image *image,
                                 const fov_detection *boxes, size_t count,
                                 const fov_pitch_lines_params *params,
                                 fov_pitch_lines_quality *quality, fov_error *error)
{
    fov_pitch_lines_params own = {0}, p = params ? *params : own;
    fov_pitch_lines_quality unread, *q = quality ? quality : &unread;
    struct pitch_look look = {.boxes = boxes, .count = boxes ? count : 0};
    fov_pitch_view made = *view, there;
    struct pitch_model model;
    struct pitch_lens lens;
    memset(q, 0, sizeof *q);
    fov_status status = check(&made, image, &p, error);
    if (!status)
        status = pitch_look_of(&look, &made, image, &p.size, error);
    there = made;
    if (!status)
        status = fov_pitch_view_resize(&there, image->width, image->height, error);
    if (status)
        return status;
    double sigma = p.sigma_px > 0 ? fmin(p.sigma_px, SIGMA_MOST * made.width) * look.scale[0]
                                  : PITCH_SIGMA_PART * there.width;
    status = begin(&model, &there, &p, look.size, sigma, error);
    if (!status)
        status = pitch_lines_fit(&model, &look, q, error);
    if (!status && !q->whole)
        status = fov_fail(error, FOV_ENOTFOUND,
                          "the lines that are seen lie in one place or in one direction");
    if (!status && (!pitch_model_map(&model, model.at, there.map, &lens) ||
                    fov_pitch_view_resize(&there, made.width, made.height, NULL)))
        status = fov_fail(error, FOV_ENOTFOUND, "the lines leave the view open");
    pitch_lines_unscale(q, &look);
    if (status)
        return status;
    there.rms_px = q->rms_px;
    there.points = q->looked;
    there.inliers = q->inliers;
    *view = there;
    return FOV_OK;
}
