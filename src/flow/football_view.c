/* The view of the pitch over a match: carried by the camera's motion, corrected by views that are
 * found, set by hand for a picture of the past.
 *
 * Metres of a wrong view are worse than none. When the camera has moved nobody knows how far (a
 * cut, a picture too plain to follow), the view is withheld until another one is found. */
#include "flow/football.h"

#include <math.h>
#include <string.h>

#include "base/plane.h"
#include "scene/pitch.h"

#define KEEP_S 60.0 /* so long ago a picture may be that a view is set for */
/* What is told of a view's error decides how long it is carried, not its age. */
#define FOLLOW_S 3600.0
/* Metres of a view that may be further off than this part of the picture's width are not told. */
#define TELL_ERROR 0.02
/* After a cut the lines must say all of the view again, with so many places that agree. */
#define SURE_INLIERS 40
/* A view of a run before may be so far off, parts of the width, and be found again. */
#define KEPT_ERROR (1 / 120.0)

/* ---- checks ---------------------------------------------------------------------------------- */

/* Whether lens term and error are any. */
static bool has_lens(const fov_pitch_view *view)
{
    return view->k1 >= PITCH_K1_LEAST && view->k1 <= PITCH_K1_MOST && view->rms_px >= 0 &&
           isfinite(view->rms_px);
}

fov_status football_view_check(fov_pitch_view *view, int width, int height,
                               const fov_pitch_size *pitch, fov_error *error)
{
    fov_pitch_view made;
    if (width > 0 && view->width == 0 && view->height == 0) {
        view->width = width;
        view->height = height;
    }
    if (!has_lens(view))
        return fov_fail(error, FOV_EINVAL, "the lens term of a view is %g, its error %g px",
                        view->k1, view->rms_px);
    fov_status status = FOV_OK;
    if (width > 0)
        status = fov_pitch_view_fits(view, width, height, error);
    if (!status)
        status = fov_pitch_view_from_matrix(&made, view->map, view->width, view->height, pitch,
                                            error);
    if (!status)
        memcpy(view->map, made.map, sizeof view->map);
    return status;
}

/* Of a view that a model found: a bad one is no reason to refuse the picture, unless it is none. */
static fov_status check_found(const fov_pitch_view *found, int width, int height, fov_error *error)
{
    double inverse[9];
    if (!plane_is_finite(found->map) || !plane_invert(found->map, inverse) || !has_lens(found))
        return fov_fail(error, FOV_EINVAL, "the view that was found is none");
    return fov_pitch_view_fits(found, width, height, error);
}

fov_status football_view_admits(struct football_view *v, const fov_football_input *input,
                                fov_error *error)
{
    fov_status status = FOV_OK;
    if (input->found)
        status = check_found(input->found, input->width, input->height, error);
    if (status || !v->waits)
        return status;
    fov_pitch_view given = v->given;
    status = football_view_check(&given, input->width, input->height, &v->pitch, error);
    v->waits = !status; /* told once; what follows goes on without it */
    return v->kept ? FOV_OK : status;
}

/* ---- steps ------------------------------------------------------------------------------------
 */

static struct football_step *step_at(const struct football_view *v, size_t back)
{
    return &v->steps[(v->newest + FOOTBALL_STEPS - back) % FOOTBALL_STEPS];
}

static void remember(struct football_view *v, const fov_football_input *input, double time_s,
                     const fov_motion *motion)
{
    v->newest = (v->newest + 1) % FOOTBALL_STEPS;
    v->count += v->count < FOOTBALL_STEPS;
    struct football_step *s = step_at(v, 0);
    *s = (struct football_step){.seq = input->seq,
                                .time_s = time_s,
                                .width = input->width,
                                .height = input->height,
                                .kind = motion->kind,
                                .still = v->still};
    memcpy(s->map, motion->map, sizeof s->map);
}

/* Pictures of another size from now on: the view as well, where the proportions are the same. */
static void follow_size(struct football_view *v, int width, int height)
{
    fov_pitch_follow *f = &v->follow;
    if (!f->known || (f->view.width == width && f->view.height == height))
        return;
    double scale = (double)width / f->view.width;
    if (fov_pitch_view_resize(&f->view, width, height, NULL) == FOV_OK)
        f->sigma_px *= scale;
    else
        f->known = false;
    f->strayed = false;
}

/* One picture further. */
static void carry(fov_pitch_follow *f, double time_s, const fov_motion *motion, bool still)
{
    if (still)
        f->time_s = f->found_s = time_s;
    else
        fov_pitch_follow_step(f, time_s, motion, NULL);
}

static void find(struct football_view *v, const fov_pitch_view *found)
{
    double before = v->follow.known ? v->follow.sigma_px : INFINITY;
    if (fov_pitch_follow_found(&v->follow, found, NULL) == FOV_OK && v->follow.sigma_px < before)
        v->doubtful = false;
}

/* The white lines of the picture hold what motion has carried. A still camera's view is as good as
 * it was made. */
static void hold(struct football_view *v, const fov_football_input *input)
{
    fov_pitch_lines_quality seen;
    const fov_detections *d = input->detections;
    if (v->still || !input->image || !v->follow.known ||
        fov_pitch_follow_refine(&v->follow, input->image, d->items, d->count, &v->pitch, &seen,
                                NULL) != FOV_OK)
        return;
    if (seen.whole && seen.inliers >= SURE_INLIERS)
        v->doubtful = false;
}

/* The first picture has the view that was given. One of a run before is only what to look for: the
 * camera may have been turned since. */
static void begin(struct football_view *v, uint64_t seq)
{
    fov_pitch_follow *f = &v->follow;
    v->waits = false;
    if (football_view_set(v, &v->given, seq, NULL) != FOV_OK || !v->kept || v->still)
        return;
    v->doubtful = f->doubted = true;
    f->doubt_s = f->time_s;
    f->sigma_px = fmax(f->sigma_px, KEPT_ERROR * f->view.width);
}

void football_view_step(struct football_view *v, const fov_football_input *input, double time_s,
                        const fov_motion *motion)
{
    follow_size(v, input->width, input->height);
    remember(v, input, time_s, motion);
    carry(&v->follow, time_s, motion, v->still);
    if (!v->still && motion->kind == FOV_MOTION_NONE)
        v->doubtful = true;
    if (v->waits)
        begin(v, input->seq);
    if (input->found)
        find(v, input->found);
    hold(v, input);
}

const fov_pitch_view *football_view_now(const struct football_view *v)
{
    const fov_pitch_follow *f = &v->follow;
    bool sure = v->still || (!v->doubtful && f->sigma_px <= TELL_ERROR * f->view.width);
    return f->known && sure ? &f->view : NULL;
}

/* ---- by hand ----------------------------------------------------------------------------------
 */

/* How many pictures ago; FOV_ENOTFOUND when it is not known any more, or not yet. */
static fov_status look_back(const struct football_view *v, uint64_t seq, size_t *back,
                            fov_error *error)
{
    *back = 0;
    if (seq == UINT64_MAX || (v->count && step_at(v, 0)->seq == seq))
        return FOV_OK;
    while (*back < v->count && step_at(v, *back)->seq > seq)
        ++*back;
    if (*back == v->count || step_at(v, *back)->seq != seq)
        return fov_fail(error, FOV_ENOTFOUND,
                        v->count && seq > step_at(v, 0)->seq ? "picture %llu has not come yet"
                        : *back == v->count ? "picture %llu is too long ago, or was never looked at"
                                            : "picture %llu was left out",
                        (unsigned long long)seq);
    if (!v->still && step_at(v, 0)->time_s - step_at(v, *back)->time_s > KEEP_S)
        return fov_fail(error, FOV_ENOTFOUND, "picture %llu is more than %g s ago",
                        (unsigned long long)seq, KEEP_S);
    return FOV_OK;
}

/* The view of a picture `back` pictures ago, brought to the newest one. */
static fov_status bring(const struct football_view *v, size_t back, fov_pitch_follow *f,
                        fov_error *error)
{
    while (back-- > 0) {
        const struct football_step *s = step_at(v, back);
        fov_motion motion = {.kind = s->kind};
        memcpy(motion.map, s->map, sizeof motion.map);
        if (!s->still && s->kind == FOV_MOTION_NONE)
            return fov_fail(error, FOV_ENOTFOUND,
                            "the camera could not be followed since: not at picture %llu",
                            (unsigned long long)s->seq);
        carry(f, s->time_s, &motion, s->still);
        if (!f->known)
            return fov_fail(error, FOV_ENOTFOUND, "the camera has moved too far since");
    }
    return FOV_OK;
}

fov_status football_view_set(struct football_view *v, const fov_pitch_view *view, uint64_t seq,
                             fov_error *error)
{
    if (!view) {
        v->waits = v->follow.known = v->follow.strayed = false;
        return FOV_OK;
    }
    fov_pitch_view made = *view;
    size_t back;
    fov_status status;
    if (!v->count && seq == UINT64_MAX) {
        status = football_view_check(&made, 0, 0, &v->pitch, error);
        v->given = status ? v->given : made;
        v->waits = v->waits || !status;
        v->kept = v->kept && status;
        return status;
    }
    status = look_back(v, seq, &back, error);
    if (status)
        return status;
    const struct football_step *s = step_at(v, back);
    status = football_view_check(&made, s->width, s->height, &v->pitch, error);
    if (status)
        return status;
    fov_pitch_follow f = {.keep_s = FOLLOW_S, .time_s = s->time_s};
    status = fov_pitch_follow_found(&f, &made, error);
    if (!status)
        status = bring(v, back, &f, error);
    if (status)
        return status;
    v->follow = f;
    v->doubtful = v->waits = false;
    follow_size(v, step_at(v, 0)->width, step_at(v, 0)->height);
    return FOV_OK;
}

void football_view_still(struct football_view *v, bool still)
{
    if (still && !football_view_now(v))
        v->follow.known = v->follow.strayed = false;
    v->still = still;
    v->doubtful = false;
}

void football_view_reset(struct football_view *v)
{
    v->count = 0;
    v->doubtful = false;
    if (v->still)
        v->follow.strayed = false;
    else
        v->follow = (fov_pitch_follow){.keep_s = FOLLOW_S};
}
