/* A view from points: which are refused, and how good it is. */
#include "scene/pitch.h"

#include <math.h>
#include <string.h>

/* Points nearer to a line than this lie on it. */
#define ON_LINE_M 0.05
#define ON_LINE_PX 1.0

/* Nearer than this they are the same point. */
#define SAME_M 0.01
#define SAME_PX 0.01

/* Nothing further out than this is a point of a picture (widths of it) or of a pitch (metres). */
enum { FAR_PICTURES = 10, FAR_METRES = 300 };

enum { LENS_POINTS = 8, AGREE_MOST = 5 };

/* The most that the likely error may be where the pitch is seen. */
#define SIGMA_MOST_M 15.0

/* ---- what can be seen of the points before a fit ----------------------------------------------
 */

static const double *place(const struct plane_pair *pair, bool image)
{
    return image ? pair->to : pair->from;
}

static double apart(const struct plane_pair *a, const struct plane_pair *b, bool image)
{
    const double *p = place(a, image), *q = place(b, image);
    return hypot(p[0] - q[0], p[1] - q[1]);
}

/* Points beside the line through a and b, those at one place counted once; 2 is enough to know. */
static int beside(const struct pitch_set *set, const struct plane_pair *a,
                  const struct plane_pair *b, bool image)
{
    double near = image ? ON_LINE_PX : ON_LINE_M, long_m = apart(a, b, image);
    const double *p = place(a, image), *q = place(b, image);
    const struct plane_pair *first = NULL;
    for (size_t i = 0; i < set->count; i++) {
        const double *at = place(&set->pairs[i], image);
        double off = fabs((q[0] - p[0]) * (at[1] - p[1]) - (q[1] - p[1]) * (at[0] - p[0])) / long_m;
        if (!set->counts[i] || off <= near)
            continue;
        if (first && apart(first, &set->pairs[i], image) > near)
            return 2;
        first = first ? first : &set->pairs[i];
    }
    return first != NULL;
}

/* All that count, or all but one place, are on one line: they leave the view open. */
static bool line_up(const struct pitch_set *set, bool image)
{
    double near = image ? ON_LINE_PX : ON_LINE_M;
    for (size_t i = 0; i < set->count; i++)
        for (size_t k = i + 1; k < set->count; k++)
            if (set->counts[i] && set->counts[k] &&
                apart(&set->pairs[i], &set->pairs[k], image) > near &&
                beside(set, &set->pairs[i], &set->pairs[k], image) < 2)
                return true;
    return false;
}

static fov_status check_line(const struct pitch_set *set, fov_error *error)
{
    for (int image = 0; image < 2; image++)
        if (line_up(set, image))
            return fov_fail(error, FOV_EINVAL,
                            "all points but one at most lie on one line %s: at least two must "
                            "lie beside any line",
                            image ? "of the picture" : "of the pitch");
    return FOV_OK;
}

/* Two points are one on one side only: one of them is wrong. On both sides: one of them is enough.
 */
static fov_status check_same(struct pitch_set *set, fov_error *error)
{
    size_t different = 0;
    for (size_t i = 0; i < set->count; i++) {
        bool again = false;
        for (size_t k = 0; k < i; k++) {
            bool image = apart(&set->pairs[i], &set->pairs[k], true) <= SAME_PX;
            bool pitch = apart(&set->pairs[i], &set->pairs[k], false) <= SAME_M;
            if (image != pitch)
                return fov_fail(error, FOV_EINVAL, "points %zu and %zu are one point of the %s",
                                k + 1, i + 1, image ? "picture" : "pitch");
            again = again || image;
        }
        different += !again;
    }
    if (different >= 4)
        return FOV_OK;
    return fov_fail(error, FOV_EINVAL, "a view needs 4 different points, these are %zu", different);
}

static fov_status check_point(const fov_pitch_point *p, size_t i, const fov_pitch_params *params,
                              fov_error *error)
{
    fov_pitch_size size = pitch_size(&params->size);
    double far = (double)FAR_PICTURES * fmax(params->width, params->height);
    /* Comparisons with NaN are false. */
    if (!(fabs(p->image[0]) <= far && fabs(p->image[1]) <= far))
        return fov_fail(error, FOV_EINVAL, "point %zu is not in or near the picture", i + 1);
    if (!(fabs(p->pitch[0] - size.length / 2) <= FAR_METRES &&
          fabs(p->pitch[1] - size.width / 2) <= FAR_METRES))
        return fov_fail(error, FOV_EINVAL, "point %zu is not on or near the pitch", i + 1);
    if (!(p->score >= 0 && p->score <= 1))
        return fov_fail(error, FOV_EINVAL, "the score of point %zu is not 0 to 1", i + 1);
    return FOV_OK;
}

static bool within(double value, double least, double most)
{
    return value >= least && value <= most;
}

static fov_status check_params(const fov_pitch_params *p, fov_error *error)
{
    if (p->width < 16 || p->height < 16 || p->width > 65535 || p->height > 65535)
        return fov_fail(error, FOV_EINVAL, "a picture of %d x %d px", p->width, p->height);
    fov_status status = pitch_size_check(pitch_size(&p->size), error);
    if (status)
        return status;
    if (!within(p->inlier_px, 0, 1000) || !within(p->max_rms_px, 0, 1000) ||
        !within(p->min_score, 0, 1))
        return fov_fail(error, FOV_EINVAL,
                        "inlier_px and max_rms_px are 0 to 1000 px, min_score is 0 to 1");
    return FOV_OK;
}

static fov_status collect(struct pitch_set *set, const fov_pitch_point *points, size_t count,
                          const fov_pitch_params *params, fov_error *error)
{
    set->count = 0;
    set->width = params->width;
    set->height = params->height;
    set->inlier_px = params->inlier_px > 0 ? params->inlier_px : params->width / 128.0;
    if (count < 4)
        return fov_fail(error, FOV_EINVAL, "a view needs 4 points, these are %zu", count);
    if (count > FOV_PITCH_POINTS_MAX)
        return fov_fail(error, FOV_EINVAL, "%zu points; at most %d are taken", count,
                        FOV_PITCH_POINTS_MAX);
    for (size_t i = 0; i < count; i++) {
        fov_status status = check_point(&points[i], i, params, error);
        if (status)
            return status;
        set->counts[i] = true;
        set->pairs[set->count++] = (struct plane_pair){
            .from = {points[i].pitch[0], points[i].pitch[1]},
            .to = {points[i].image[0], points[i].image[1]},
            .weight = points[i].score > 0 ? points[i].score : 1};
    }
    return FOV_OK;
}

/* ---- why there is none ------------------------------------------------------------------------
 */

static double turn(const struct plane_pair *a, const struct plane_pair *b,
                   const struct plane_pair *c, bool image)
{
    const double *p = place(a, image), *q = place(b, image), *r = place(c, image);
    return (q[0] - p[0]) * (r[1] - p[1]) - (q[1] - p[1]) * (r[0] - p[0]);
}

/* No four points see the pitch from above. When nearly all triangles keep their way round, it is
 * seen in a mirror; otherwise two points have changed places. */
static fov_status refuse(const struct pitch_set *set, fov_error *error)
{
    size_t kept = 0, all = 0;
    for (size_t i = 0; i < set->count; i++)
        for (size_t k = i + 1; k < set->count; k++)
            for (size_t l = k + 1; l < set->count; l++) {
                const struct plane_pair *a = &set->pairs[i], *b = &set->pairs[k],
                                        *c = &set->pairs[l];
                all++;
                kept += (turn(a, b, c, true) > 0) == (turn(a, b, c, false) > 0);
            }
    if (kept >= all * 9 / 10)
        return fov_fail(error, FOV_EINVAL,
                        "the points show the pitch in a mirror: x runs to the right and y away "
                        "from the camera");
    return fov_fail(error, FOV_EINVAL,
                    "the points are crossed: in the picture they lie in another order than on the "
                    "pitch");
}

/* How many must agree for it to say anything: any four do. */
static size_t needed(size_t count)
{
    size_t part = (count * 2 + 4) / 5;
    size_t least = count < AGREE_MOST ? count : AGREE_MOST;
    return part > least ? part : least;
}

/* ---- quality ----------------------------------------------------------------------------------
 */

static void measure_points(const struct pitch_set *set, const fov_pitch_view *view,
                           fov_pitch_quality *q)
{
    double squares = 0;
    q->points = (int)set->count;
    q->inliers = 0;
    q->worst_m = 0;
    for (size_t i = 0; i < set->count; i++) {
        const struct plane_pair *p = &set->pairs[i];
        double px[2], at[2], off = INFINITY;
        if (fov_pitch_to_px(view, p->from, px))
            off = hypot(px[0] - p->to[0], px[1] - p->to[1]);
        q->error_px[i] = (float)fmin(off, 1e6);
        if (!set->counts[i])
            continue;
        squares += off * off;
        q->inliers++;
        if (fov_pitch_to_metres(view, p->to, at))
            q->worst_m = fmax(q->worst_m, hypot(at[0] - p->from[0], at[1] - p->from[1]));
    }
    q->rms_px = q->inliers ? sqrt(squares / q->inliers) : 0;
}

/* Area of the hull of the points that count, by gift wrapping. */
static double hull(const struct pitch_set *set)
{
    size_t first = 0;
    double sum = 0;
    for (size_t i = 0; i < set->count; i++)
        if (set->counts[i] &&
            (!set->counts[first] || set->pairs[i].to[0] < set->pairs[first].to[0]))
            first = i;
    for (size_t at = first, rounds = 0; rounds <= set->count; rounds++) {
        size_t next = at;
        for (size_t i = 0; i < set->count; i++) {
            if (!set->counts[i] || i == at)
                continue;
            double side = next == at
                              ? -1
                              : turn(&set->pairs[at], &set->pairs[next], &set->pairs[i], true);
            bool further = side == 0 && apart(&set->pairs[at], &set->pairs[i], true) >
                                            apart(&set->pairs[at], &set->pairs[next], true);
            if (side < 0 || further)
                next = i;
        }
        const double *a = set->pairs[at].to, *b = set->pairs[next].to;
        sum += a[0] * b[1] - a[1] * b[0];
        at = next;
        if (at == first)
            break;
    }
    return fabs(sum) / 2;
}

/* Mean error of the visible pitch, metres, when the points are off by `px`. */
static double likely_error(const struct pitch_model *model, const fov_pitch_view *view,
                           fov_pitch_size size, double px)
{
    double sum = 0;
    int n = 0;
    for (int i = 0; i < 64; i++) {
        double at_px[2], at[2], j[4], s[3];
        pitch_cell(i, 8, view->width, view->height, at_px);
        if (!fov_pitch_to_metres(view, at_px, at) || !pitch_is_near(at, size, 0) ||
            !fov_pitch_jacobian(view, at_px, j) || !pitch_model_spread(model, at, s))
            continue;
        for (int r = 0; r < 2; r++)
            sum += j[2 * r] * j[2 * r] * s[0] + 2 * j[2 * r] * j[2 * r + 1] * s[1] +
                   j[2 * r + 1] * j[2 * r + 1] * s[2];
        n++;
    }
    return n ? sqrt(sum / n) * px : 0;
}

/* What the points are off by, with the numbers that were fitted to them taken into account; a px
 * at least: four points always fit. */
static double noise_of(const fov_pitch_quality *q, const struct pitch_model *model)
{
    double free = 2.0 * q->inliers - model->count;
    double rms = free > 0 ? q->rms_px * sqrt(2.0 * q->inliers / free) / sqrt(2) : 0;
    return fmax(rms, 1);
}

static fov_status judge(const struct pitch_set *set, const struct pitch_model *model,
                        fov_pitch_view *view, const fov_pitch_params *params, fov_pitch_quality *q,
                        fov_error *error)
{
    double most = params->max_rms_px > 0 ? params->max_rms_px : 8;
    fov_status status = pitch_view_check(view, &params->size, error);
    measure_points(set, view, q);
    q->condition = model->condition;
    q->spread = hull(set) / ((double)view->width * view->height);
    view->points = q->points;
    view->inliers = q->inliers;
    view->rms_px = q->rms_px;
    if (status)
        return status;
    q->sigma_m = likely_error(model, view, pitch_size(&params->size), noise_of(q, model));
    if (q->rms_px > most)
        return fov_fail(error, FOV_EINVAL,
                        "the points are %.1f px (rms) from the best view; at most %g are taken",
                        q->rms_px, most);
    if (q->sigma_m > SIGMA_MOST_M)
        return fov_fail(error, FOV_EINVAL,
                        "the points leave the view open: it may be off by %.0f m; take points "
                        "further apart",
                        q->sigma_m);
    return FOV_OK;
}

/* ---- from points ------------------------------------------------------------------------------
 */

static fov_status fit(struct pitch_set *set, const fov_pitch_params *params, fov_pitch_view *view,
                      fov_pitch_quality *q, fov_error *error)
{
    struct pitch_model model;
    bool lens = params->lens;
    fov_status status = check_line(set, error);
    if (status)
        return status;
    if (!pitch_sample(set, lens, view->map, &view->k1))
        return refuse(set, error);
    q->inliers = (int)pitch_counted(set);
    if (pitch_counted(set) < needed(set->count))
        return fov_fail(error, FOV_EINVAL,
                        "the points contradict one another: %zu of %zu agree to %g px",
                        pitch_counted(set), set->count, set->inlier_px);
    status = check_line(set, error);
    if (status)
        return status;
    if (!pitch_refine(set, lens, params->camera, view->map, &view->k1, &model) ||
        pitch_counted(set) < needed(set->count))
        return fov_fail(error, FOV_EINVAL, "the points leave the view open");
    status = check_line(set, error);
    return status ? status : judge(set, &model, view, params, q, error);
}

fov_status fov_pitch_view_from_points(fov_pitch_view *view, const fov_pitch_point *points,
                                      size_t count, const fov_pitch_params *params,
                                      fov_pitch_quality *quality, fov_error *error)
{
    struct pitch_set set;
    fov_pitch_quality own = {0}, *q = quality ? quality : &own;
    fov_pitch_view made = {.width = params->width, .height = params->height};
    memset(q, 0, sizeof *q);
    for (int i = 0; i < FOV_PITCH_POINTS_MAX; i++)
        q->error_px[i] = -1;
    fov_status status = check_params(params, error);
    if (!status)
        status = collect(&set, points, count, params, error);
    if (status)
        return status;
    q->points = (int)count;
    if (params->lens && count < LENS_POINTS)
        return fov_fail(error, FOV_EINVAL, "a lens needs %d points, these are %zu", LENS_POINTS,
                        count);
    status = check_same(&set, error);
    if (!status)
        status = fit(&set, params, &made, q, error);
    if (!status)
        *view = made;
    return status;
}

fov_status fov_pitch_view_from_keypoints(fov_pitch_view *view, fov_pitch_layout layout,
                                         const fov_keypoint *keypoints, size_t count,
                                         const fov_pitch_params *params, fov_pitch_quality *quality,
                                         fov_error *error)
{
    fov_pitch_point points[FOV_PITCH_POINTS_MAX] = {{.score = 0}};
    size_t from[FOV_PITCH_POINTS_MAX], used = 0;
    double least = params->min_score > 0 ? params->min_score : 0.3, pitch[2];
    for (size_t i = 0; i < count && used < FOV_PITCH_POINTS_MAX &&
                       fov_pitch_landmark(layout, (int)i, &params->size, NULL, pitch);
         i++) {
        fov_pitch_point p = {.image = {(double)keypoints[i].x, (double)keypoints[i].y},
                             .pitch = {pitch[0], pitch[1]},
                             .score = (double)keypoints[i].score};
        if (!(p.score >= least) || check_point(&p, i, params, NULL))
            continue;
        p.score = 1; /* it says that the point is there, and nothing of how well it is placed */
        from[used] = i;
        points[used++] = p;
    }
    fov_status status = fov_pitch_view_from_points(view, points, used, params, quality, error);
    /* The errors back to where the keypoints were. */
    for (size_t k = used; quality && k-- > 0;)
        if (from[k] != k) {
            quality->error_px[from[k]] = quality->error_px[k];
            quality->error_px[k] = -1;
        }
    return status;
}
