/* A camera that turns and zooms in one place, over time: carried by motion, held against lines. A
 * Kalman filter whose numbers are the camera's. */
#include <math.h>
#include <string.h>

#include "scene/normal.h"
#include "scene/pitch_lines.h"

enum { GRID = 5, GRID_ALL = GRID * GRID, ROUNDS = 4, TURNS = 4 };

/* Metres that a camera may leave its place in a step: more than one on its stand ever does, and
 * enough for one that is carried at a walk. Before lines were seen nothing could tell. */
#define DRIFT_M 0.03
#define DRIFT_UNSEEN_M 0.003
/* Lines are drawn by people, and lenses bend: no better than this, parts of the width. */
#define SIGMA_LEAST (1 / 2400.0)

/* ---- there and back -------------------------------------------------------------------------- */

void pitch_camera_load(const fov_pitch_camera *camera, const fov_pitch_view *view,
                       struct pitch_model *model)
{
    memset(model, 0, sizeof *model);
    model->camera = true;
    model->count = PITCH_NUMBERS;
    model->bend = pitch_lens_of(view->width, view->height, view->k1);
    memcpy(model->at, camera->numbers, sizeof camera->numbers);
    memcpy(model->turned, camera->turned, sizeof camera->turned);
    for (int r = 0; r < PITCH_NUMBERS; r++)
        memcpy(model->covariance[r], camera->covariance + PITCH_NUMBERS * r,
               PITCH_NUMBERS * sizeof(double));
}

/* What was turned becomes what it turns on. */
static void rest(struct pitch_model *m)
{
    double r[9];
    pitch_rotation(m->at + PITCH_TURN, r);
    plane_multiply(r, m->turned, m->turned);
    memset(m->at + PITCH_TURN, 0, 3 * sizeof *m->at);
}

bool pitch_camera_store(fov_pitch_camera *camera, struct pitch_model *model, fov_pitch_view *view)
{
    double map[9];
    struct pitch_lens lens;
    rest(model);
    if (!pitch_model_map(model, model->at, map, &lens) || !plane_is_finite(map))
        return false;
    memcpy(view->map, map, sizeof view->map);
    memcpy(camera->numbers, model->at, sizeof camera->numbers);
    memcpy(camera->turned, model->turned, sizeof camera->turned);
    for (int r = 0; r < PITCH_NUMBERS; r++)
        for (int c = 0; c < PITCH_NUMBERS; c++)
            camera->covariance[PITCH_NUMBERS * r + c] = 0.5 * (model->covariance[r][c] +
                                                               model->covariance[c][r]);
    camera->known = true;
    camera->width = view->width;
    return true;
}

/* ---- motion ---------------------------------------------------------------------------------- */

/* Where a straight px goes when the camera zooms by exp(by[0]) and turns by by[1..3]. */
static bool turn_px(const struct pitch_model *m, const double by[TURNS], const double px[2],
                    double to[2])
{
    double f = exp(m->at[PITCH_FOCAL]), g = f * exp(m->at[PITCH_SQUARE]), r[9];
    double ray[3] = {(px[0] - m->bend.middle[0]) / f, (px[1] - m->bend.middle[1]) / g, 1}, out[3];
    pitch_rotation(by + 1, r);
    for (int i = 0; i < 3; i++)
        out[i] = r[3 * i] * ray[0] + r[3 * i + 1] * ray[1] + r[3 * i + 2] * ray[2];
    if (!(out[2] > 0.05))
        return false;
    to[0] = m->bend.middle[0] + f * exp(by[0]) * out[0] / out[2];
    to[1] = m->bend.middle[1] + g * exp(by[0]) * out[1] / out[2];
    return true;
}

/* Straight px before and after a motion, which is between bent ones. */
static size_t moved_px(const struct pitch_model *m, int width, int height, const double motion[9],
                       double from[][2], double to[][2])
{
    size_t count = 0;
    for (int i = 0; i < GRID_ALL; i++) {
        double px[2], q[2];
        pitch_cell(i, GRID, width, height, px);
        count += plane_apply(motion, px, q) && pitch_unbend(&m->bend, px, from[count]) &&
                 pitch_unbend(&m->bend, q, to[count]);
    }
    return count;
}

/* One step of Gauss and Newton towards the turn that moves px so; the squares that were left. */
static bool turn_more(const struct pitch_model *m, double (*from)[2], double (*to)[2], size_t count,
                      double by[TURNS], double *squares)
{
    struct normal n = {.b = {0}};
    double step[TURNS];
    *squares = 0;
    for (size_t i = 0; i < count; i++) {
        double is[2], more[2], rows[2][TURNS];
        if (!turn_px(m, by, from[i], is))
            return false;
        for (int k = 0; k < TURNS; k++) {
            double nudged[TURNS];
            memcpy(nudged, by, sizeof nudged);
            nudged[k] += 1e-6;
            if (!turn_px(m, nudged, from[i], more))
                return false;
            rows[0][k] = (more[0] - is[0]) / 1e-6;
            rows[1][k] = (more[1] - is[1]) / 1e-6;
        }
        for (int c = 0; c < 2; c++) {
            normal_add(&n, TURNS, rows[c], to[i][c] - is[c], 1);
            *squares += (to[i][c] - is[c]) * (to[i][c] - is[c]);
        }
    }
    if (!normal_factor(&n, TURNS))
        return false;
    normal_solve(&n, TURNS, n.b, step);
    for (int k = 0; k < TURNS; k++)
        by[k] += step[k];
    return true;
}

/* The error of a turn is known in the axes of the camera as it was before: they turn along. */
static void turn_covariance(struct pitch_model *m, const double turn[3])
{
    double r[9], t[PITCH_NUMBERS][PITCH_NUMBERS] = {{0}}, half[PITCH_NUMBERS][PITCH_NUMBERS];
    pitch_rotation(turn, r);
    for (int i = 0; i < PITCH_NUMBERS; i++)
        t[i][i] = 1;
    for (int i = 0; i < 9; i++)
        t[PITCH_TURN + i / 3][PITCH_TURN + i % 3] = r[i];
    for (int i = 0; i < PITCH_NUMBERS; i++)
        for (int k = 0; k < PITCH_NUMBERS; k++) {
            half[i][k] = 0;
            for (int j = 0; j < PITCH_NUMBERS; j++)
                half[i][k] += t[i][j] * m->covariance[j][k];
        }
    for (int i = 0; i < PITCH_NUMBERS; i++)
        for (int k = 0; k < PITCH_NUMBERS; k++) {
            m->covariance[i][k] = 0;
            for (int j = 0; j < PITCH_NUMBERS; j++)
                m->covariance[i][k] += half[i][j] * t[k][j];
        }
}

void pitch_turn_doubt(struct pitch_model *m, int width, double error_px, bool held)
{
    double drift = held ? DRIFT_M : DRIFT_UNSEEN_M;
    double f = exp(m->at[PITCH_FOCAL]), side = width / 2.0;
    double turn = error_px / f, around = error_px / side;
    m->covariance[PITCH_FOCAL][PITCH_FOCAL] += around * around;
    for (int k = 0; k < 3; k++) {
        double by = k < 2 ? turn : around;
        m->covariance[PITCH_TURN + k][PITCH_TURN + k] += by * by;
        m->covariance[PITCH_PLACE + k][PITCH_PLACE + k] += drift * drift;
    }
}

bool pitch_turn_carry(struct pitch_model *m, int width, int height, const double motion[9],
                      double error_px, bool held)
{
    double from[GRID_ALL][2], to[GRID_ALL][2], by[TURNS] = {0}, squares = 0;
    size_t count = moved_px(m, width, height, motion, from, to);
    if (count < GRID_ALL / 2)
        return false;
    for (int round = 0; round < ROUNDS; round++)
        if (!turn_more(m, from, to, count, by, &squares))
            return false;
    memcpy(m->at + PITCH_TURN, by + 1, 3 * sizeof *by);
    m->at[PITCH_FOCAL] += by[0];
    rest(m);
    turn_covariance(m, by + 1);
    /* What no turn explains was seen wrong, or the camera has left its place. */
    pitch_turn_doubt(m, width, hypot(error_px, sqrt(squares / (double)count) / 2), held);
    return isfinite(m->at[PITCH_FOCAL]) && isfinite(squares);
}

/* ---- lines ----------------------------------------------------------------------------------- */

/* To px of another size of the picture; a covariance of turns and logs stays as it is. */
static void resize(struct pitch_model *m, double x, double y)
{
    m->at[PITCH_FOCAL] += log(x);
    m->at[PITCH_SQUARE] += log(y / x);
    m->bend.middle[0] *= x;
    m->bend.middle[1] *= y;
    m->bend.reach *= sqrt((x * x + y * y) / 2);
}

bool pitch_camera_begin(fov_pitch_follow *f, fov_pitch_size size, double sigma_px)
{
    struct pitch_model model;
    fov_pitch_view view = f->view;
    if (!pitch_model_from_view(&model, &f->view, size, true, sigma_px) ||
        !pitch_camera_store(&f->camera, &model, &view))
        return false;
    f->camera.held = false;
    return true;
}

static void seen(fov_pitch_follow *f, const fov_pitch_lines_quality *q)
{
    f->sigma_px = fmax(q->sigma_px, SIGMA_LEAST * f->view.width);
    f->view.rms_px = q->rms_px;
    f->view.points = q->looked;
    f->view.inliers = q->inliers;
    if (!q->whole)
        return;
    f->found_s = f->time_s;
    f->doubted = f->strayed = false;
}

/* Cut-out pictures: the view alone, which has to be settled whole. */
static fov_status refine_view(fov_pitch_follow *f, const fov_image *image,
                              const struct pitch_look *look, fov_pitch_lines_quality *q,
                              fov_error *error)
{
    fov_pitch_lines_params params = {
        .size = look->size, .sigma_px = fmax(f->sigma_px, PITCH_SIGMA_PART * f->view.width / 2)};
    fov_status status = fov_pitch_view_refine(&f->view, image, look->boxes, look->count, &params, q,
                                              error);
    if (status == FOV_OK)
        seen(f, q);
    return status;
}

fov_status fov_pitch_follow_refine(fov_pitch_follow *f, const fov_image *image,
                                   const fov_detection *boxes, size_t count,
                                   const fov_pitch_size *size, fov_pitch_lines_quality *quality,
                                   fov_error *error)
{
    fov_pitch_lines_quality unread, *q = quality ? quality : &unread;
    struct pitch_look look = {.boxes = boxes, .count = boxes ? count : 0};
    struct pitch_model model;
    memset(q, 0, sizeof *q);
    if (!f->known)
        return fov_fail(error, FOV_ENOTFOUND, "no view is known that lines could be held against");
    fov_status status = pitch_look_of(&look, &f->view, image, size, error);
    if (status)
        return status;
    fov_pitch_camera before = f->camera;
    bool known = f->camera.known && f->camera.held && f->camera.width == f->view.width;
    if (!known &&
        !pitch_camera_begin(f, look.size, fmax(f->sigma_px, PITCH_SIGMA_PART * f->view.width)))
        return refine_view(f, image, &look, q, error);
    pitch_camera_load(&f->camera, &f->view, &model);
    resize(&model, look.scale[0], look.scale[1]);
    status = pitch_lines_fit(&model, &look, q, error);
    pitch_lines_unscale(q, &look);
    resize(&model, 1 / look.scale[0], 1 / look.scale[1]);
    if (!status && !pitch_camera_store(&f->camera, &model, &f->view))
        status = fov_fail(error, FOV_ENOTFOUND, "the lines leave the view open");
    if (status) {
        f->camera = before;
        return status;
    }
    f->camera.held = true;
    seen(f, q);
    return FOV_OK;
}
