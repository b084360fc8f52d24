/* A view over time: carried by camera motion, corrected by views that are found. */
#include <math.h>
#include <string.h>

#include "scene/pitch_lines.h"

enum { GRID = 6, GRID_ALL = GRID * GRID };

#define SMOOTH_S 0.3
#define FORGET_S 2.0
/* Parts of the picture's width. A step of known motion adds this much error, a similarity (which
 * cannot follow the perspective) more; unknown motion adds so much a second: a broadcast camera
 * pans about as fast. */
#define STEP_ERROR 0.0004
#define SIMILARITY_ERROR 0.001
#define UNKNOWN_A_SECOND 0.25
#define FORGET_ERROR 0.1
/* Found views are believed to be off by this at least. */
#define FOUND_LEAST 0.0008
/* Further off than so many deviations is a stray one. */
#define STRAY 4.0
/* Ground where a px is more than this is too near to the horizon to say anything, m^2 a px^2. */
#define FAR_GROUND 9.0

/* Points of the ground that two views show, in metres and in px of both. */
struct shared {
    size_t count;
    double at[GRID_ALL][2], a[GRID_ALL][2], b[GRID_ALL][2];
};

/* The ground under a grid of px of `a`, as far as `b` shows it too. */
static void share(const fov_pitch_view *a, const fov_pitch_view *b, struct shared *s)
{
    s->count = 0;
    for (int i = 0; i < GRID_ALL; i++) {
        double px[2], j[4], *at = s->at[s->count];
        pitch_cell(i, GRID, a->width, a->height, px);
        if (!fov_pitch_to_metres(a, px, at) || !fov_pitch_jacobian(a, px, j) ||
            fabs(j[0] * j[3] - j[1] * j[2]) > FAR_GROUND || !fov_pitch_to_px(b, at, s->b[s->count]))
            continue;
        memcpy(s->a[s->count], px, sizeof px);
        s->count++;
    }
}

/* Mean distance, px; infinite when they share nothing. */
static double distance(const fov_pitch_view *a, const fov_pitch_view *b)
{
    struct shared s;
    double sum = 0;
    share(a, b, &s);
    for (size_t i = 0; i < s.count; i++)
        sum += (s.a[i][0] - s.b[i][0]) * (s.a[i][0] - s.b[i][0]) +
               (s.a[i][1] - s.b[i][1]) * (s.a[i][1] - s.b[i][1]);
    return s.count >= 4 ? sqrt(sum / (double)s.count) : INFINITY;
}

/* The view that shows `count` points of the ground at given px, with the lens of `view`. */
static bool through(fov_pitch_view *view, double at[][2], double px[][2], size_t count)
{
    struct plane_pair pairs[GRID_ALL];
    struct pitch_lens lens = pitch_lens_of(view->width, view->height, view->k1);
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        struct plane_pair *p = &pairs[used];
        memcpy(p->from, at[i], sizeof p->from);
        p->weight = 1;
        used += pitch_unbend(&lens, px[i], p->to);
    }
    double map[9];
    if (!plane_fit_homography(pairs, used, map) || !pitch_face(map))
        return false;
    memcpy(view->map, map, sizeof view->map);
    return true;
}

static bool carry(fov_pitch_view *view, const double motion[9])
{
    struct shared s;
    if (view->k1 == 0) {
        double map[9];
        plane_multiply(motion, view->map, map);
        if (!pitch_face(map))
            return false;
        memcpy(view->map, map, sizeof view->map);
        return true;
    }
    /* Motion is between bent pictures. */
    share(view, view, &s);
    for (size_t i = 0; i < s.count; i++)
        if (!plane_apply(motion, s.a[i], s.a[i]))
            return false;
    return through(view, s.at, s.a, s.count);
}

/* ---- steps ------------------------------------------------------------------------------------
 */

static double error_of(const fov_motion *motion)
{
    return motion->kind == FOV_MOTION_SIMILARITY ? SIMILARITY_ERROR : STEP_ERROR;
}

/* Errors of known steps are as often to the one side as to the other; a camera that goes unseen
 * goes on where it went. */
static void grow(fov_pitch_follow *f, const fov_motion *motion, double dt_s)
{
    if (!motion) {
        f->sigma_px += UNKNOWN_A_SECOND * dt_s * f->view.width;
        f->doubt_s = f->doubted ? f->doubt_s : f->time_s;
        f->doubted = true;
        return;
    }
    f->sigma_px = hypot(f->sigma_px, error_of(motion) * f->view.width);
}

/* As the camera turned, if it is known; false: it has not. */
static bool carry_camera(fov_pitch_follow *f, const fov_motion *motion, double dt_s)
{
    struct pitch_model model;
    int width = f->view.width, height = f->view.height;
    pitch_camera_load(&f->camera, &f->view, &model);
    if (!motion)
        pitch_turn_doubt(&model, width, UNKNOWN_A_SECOND * dt_s * width, f->camera.held);
    else if (!pitch_turn_carry(&model, width, height, motion->map, error_of(motion) * width,
                               f->camera.held))
        return false;
    double sigma = pitch_model_sigma(&model, width, height, pitch_size(NULL));
    if (!isfinite(sigma) || !pitch_camera_store(&f->camera, &model, &f->view))
        return false;
    f->sigma_px = fmax(sigma, motion ? 0 : f->sigma_px);
    return true;
}

static bool carry_view(fov_pitch_follow *f, const fov_motion *motion, double dt_s)
{
    grow(f, motion, dt_s);
    if (f->keep_s > 0 && !f->camera.known)
        pitch_camera_begin(f, pitch_size(NULL), f->sigma_px);
    if (f->camera.known && f->camera.width == f->view.width && carry_camera(f, motion, dt_s))
        return true;
    f->camera.known = false;
    return !motion || carry(&f->view, motion->map);
}

static bool is_old(const fov_pitch_follow *f)
{
    double keep = f->keep_s > 0 ? f->keep_s : FORGET_S;
    return fabs(f->time_s - f->found_s) > keep || f->sigma_px > FORGET_ERROR * f->view.width ||
           (f->doubted && fabs(f->time_s - f->doubt_s) > FORGET_S);
}

fov_status fov_pitch_follow_step(fov_pitch_follow *f, double time_s, const fov_motion *motion,
                                 fov_error *error)
{
    bool moved = motion && motion->kind != FOV_MOTION_NONE;
    if (!isfinite(time_s))
        return fov_fail(error, FOV_EINVAL, "the time of a picture is not finite");
    if (moved && !plane_is_finite(motion->map))
        return fov_fail(error, FOV_EINVAL, "the camera's motion is not finite");
    double dt_s = f->known ? fmax(time_s - f->time_s, 0) : 0;
    f->time_s = time_s;
    if (!f->known)
        return FOV_OK;
    if (!carry_view(f, moved ? motion : NULL, dt_s) || is_old(f))
        f->known = f->strayed = f->camera.known = false;
    f->strayed = f->strayed && (!moved || carry(&f->stray, motion->map));
    return FOV_OK;
}

/* ---- what is found ----------------------------------------------------------------------------
 */

static void begin(fov_pitch_follow *f, const fov_pitch_view *found, double sigma_px)
{
    f->view = *found;
    f->sigma_px = sigma_px;
    f->found_s = f->time_s;
    f->known = true;
    f->strayed = f->doubted = f->camera.known = false;
}

/* Moves the view by a part of the way to the one that was found. */
static bool blend(fov_pitch_view *view, const fov_pitch_view *found, double part)
{
    struct shared s;
    fov_pitch_view made = *found;
    share(view, found, &s);
    for (size_t i = 0; i < s.count; i++)
        for (int c = 0; c < 2; c++)
            s.a[i][c] += part * (s.b[i][c] - s.a[i][c]);
    made.k1 = view->k1 + part * (found->k1 - view->k1);
    if (!through(&made, s.at, s.a, s.count))
        return false;
    *view = made;
    return true;
}

static fov_status check_found(const fov_pitch_follow *f, const fov_pitch_view *found,
                              fov_error *error)
{
    double inverse[9];
    if (found->width <= 0 || found->height <= 0)
        return fov_fail(error, FOV_EINVAL, "a view that is followed needs the size of its picture");
    if (!plane_is_finite(found->map) || !plane_invert(found->map, inverse) ||
        !(found->k1 >= PITCH_K1_LEAST && found->k1 <= PITCH_K1_MOST) || !(found->rms_px >= 0))
        return fov_fail(error, FOV_EINVAL, "what was found is no view");
    return f->known ? fov_pitch_view_fits(&f->view, found->width, found->height, error) : FOV_OK;
}

fov_status fov_pitch_follow_found(fov_pitch_follow *f, const fov_pitch_view *found,
                                  fov_error *error)
{
    fov_status status = check_found(f, found, error);
    if (status)
        return status;
    double noise = fmax(found->rms_px, FOUND_LEAST * found->width);
    double reach = STRAY * hypot(f->sigma_px, noise);
    bool far = f->known && distance(&f->view, found) > reach;
    bool again = far && f->strayed && distance(&f->stray, found) <= reach;
    if (far && !again) {
        f->stray = *found;
        f->strayed = true;
        return FOV_OK;
    }
    if (!f->known || again) {
        begin(f, found, noise);
        return FOV_OK;
    }
    double smooth = f->smooth_s > 0 ? f->smooth_s : SMOOTH_S;
    double own = f->sigma_px * f->sigma_px, its = noise * noise;
    double part = fmax(own / (own + its), 1 - exp(-(f->time_s - f->found_s) / smooth));
    if (!blend(&f->view, found, part)) {
        begin(f, found, noise);
        return FOV_OK;
    }
    f->sigma_px = sqrt((1 - part) * (1 - part) * own + part * part * its);
    f->found_s = f->time_s;
    f->strayed = f->doubted = f->camera.known = false;
    return FOV_OK;
}
