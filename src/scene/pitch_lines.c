/* A view held against the white lines: places on the lines that it shows are looked for across the
 * lines, and least squares with weights moves the view to them.
 * Source: Harris, Stennett 1990: RAPiD; Thomas 2007: Real-time camera tracking using sports pitch
 * markings; Holland, Welsch 1977: iteratively reweighted least-squares. */
#include "scene/pitch_lines.h"

#include <math.h>
#include <string.h>

#include "scene/normal.h"

enum { LEAST_INLIERS = 24, PASSES = 3, STEPS = 4, ROUNDS = 6, ROUNDS_MORE = 3, GENTLE = 2 };

/* Px of a picture 1920 px wide: how well a line's middle is known at best; how far lenses and
 * people with paint put lines beside their place, however well they are seen; and what is too far
 * off for a line. */
#define SIGMA_LEAST 0.5
#define SCALE_LEAST 0.9
#define RMS_MOST 2.5
/* A normal deviation by the median of what is left without its sign. */
#define BY_MEDIAN 1.4826
/* Scales beyond which a place says nothing. */
#define TOO_FAR 2.5
/* Places along a line are wrong together: so many count as one. */
#define ALIKE 8.0
/* Parts of those looked at, and of those found, that must agree. Other lines than those that are
 * meant may lie where a view has to be moved to by many px, so that wants more. */
#define AGREE_LOOKED 0.4
#define AGREE_MOVED 0.75
#define MOVED_PX 6.0
#define AGREE_FOUND 0.6
/* The step's distance squared by what was known, over the count of numbers. */
#define STEP_MOST 9.0
/* The least part of the normals that lies across most of them, and of the picture. */
#define ACROSS_LEAST 0.02
#define SPREAD_LEAST 0.04

/* ---- moving the view ------------------------------------------------------------------------- */

static void swap(float *a, float *b)
{
    float t = *a;
    *a = *b;
    *b = t;
}

/* Median of what is left, without its sign. Hoare's selection. */
static double median(const struct pitch_sights *sights)
{
    float v[PITCH_SIGHTS];
    size_t n = sights->count, k = n / 2, low = 0, high = n;
    for (size_t i = 0; i < n; i++)
        v[i] = (float)fabs(sights->all[i].residual);
    while (high - low > 1) {
        size_t kept = low;
        swap(&v[(low + high) / 2], &v[high - 1]);
        for (size_t i = low; i + 1 < high; i++)
            if (v[i] < v[high - 1])
                swap(&v[i], &v[kept++]);
        swap(&v[kept], &v[high - 1]);
        if (kept == k)
            break;
        if (kept < k)
            low = kept + 1;
        else
            high = kept;
    }
    return n ? (double)v[k] : 0;
}

/* Far ones count less (Cauchy), in later rounds those too far off not at all (Tukey). */
static double weight_of(double residual, double scale, bool gentle)
{
    double r = residual / (gentle ? 2 * scale : 4.5 * scale);
    if (gentle)
        return 1 / (1 + r * r);
    return fabs(r) < 1 ? (1 - r * r) * (1 - r * r) : 0;
}

static double product(const double *a, const double *b)
{
    double sum = 0;
    for (int k = 0; k < PITCH_NUMBERS; k++)
        sum += a[k] * b[k];
    return sum;
}

/* The sum of what was known and what is seen; right side for a step from `from` (numbers beside
 * those that were known). */
static void weigh_up(const struct pitch_sights *sights, const struct normal *known,
                     const double from[PITCH_NUMBERS], double scale, bool gentle, struct normal *n)
{
    /* What a view that is off leaves is no error of the lines: they are believed at first. */
    double sigma = (gentle ? 1 : scale / (SCALE_LEAST * sights->unit)) * SIGMA_LEAST * sights->unit;
    *n = *known;
    for (int k = 0; k < PITCH_NUMBERS; k++)
        n->b[k] = -product(known->a[k], from);
    for (size_t i = 0; i < sights->count; i++) {
        const struct pitch_sight *s = &sights->all[i];
        normal_add(n, PITCH_NUMBERS, s->row, s->off,
                   weight_of(s->residual, scale, gentle) / (sigma * sigma * ALIKE));
    }
}

/* The step that the sights ask for, in so many rounds; `n` is left factored. */
static bool settle(struct pitch_sights *sights, const struct normal *known,
                   const double from[PITCH_NUMBERS], int round, struct normal *n,
                   double step[PITCH_NUMBERS], double *scale)
{
    for (double last = 0; round < ROUNDS; round++, last = *scale) {
        *scale = fmax(BY_MEDIAN * median(sights), SCALE_LEAST * sights->unit);
        if (round > GENTLE && *scale == last)
            break;
        weigh_up(sights, known, from, *scale, round < GENTLE, n);
        if (!normal_factor(n, PITCH_NUMBERS))
            return false;
        normal_solve(n, PITCH_NUMBERS, n->b, step);
        for (size_t i = 0; i < sights->count; i++)
            sights->all[i].residual = sights->all[i].off - product(sights->all[i].row, step);
    }
    return true;
}

/* What a covariance says, as equations. */
static bool known_by(const struct pitch_model *m, struct normal *known)
{
    struct normal factored = {.b = {0}};
    double inverse[9][9] = {{0}};
    for (int r = 0; r < PITCH_NUMBERS; r++)
        for (int c = 0; c < PITCH_NUMBERS; c++)
            factored.a[r][c] = 0.5 * (m->covariance[r][c] + m->covariance[c][r]);
    if (!normal_factor(&factored, PITCH_NUMBERS))
        return false;
    normal_inverse(&factored, PITCH_NUMBERS, inverse);
    memset(known, 0, sizeof *known);
    for (int r = 0; r < PITCH_NUMBERS; r++)
        for (int c = 0; c < PITCH_NUMBERS; c++)
            known->a[r][c] = 0.5 * (inverse[r][c] + inverse[c][r]);
    return true;
}

/* ---- is it to be believed -------------------------------------------------------------------- */

/* Counts those that agree, and how they lie. */
static void count_up(const struct pitch_sights *sights, const struct pitch_look *look, double scale,
                     fov_pitch_lines_quality *q)
{
    double least[2] = {INFINITY, INFINITY}, most[2] = {-INFINITY, -INFINITY}, squares = 0;
    double xx = 0, xy = 0, yy = 0, limit = TOO_FAR * scale;
    for (size_t i = 0; i < sights->count; i++) {
        const struct pitch_sight *s = &sights->all[i];
        if (!(fabs(s->residual) <= limit))
            continue;
        q->inliers++;
        squares += s->residual * s->residual;
        xx += s->normal[0] * s->normal[0];
        xy += s->normal[0] * s->normal[1];
        yy += s->normal[1] * s->normal[1];
        for (int c = 0; c < 2; c++) {
            least[c] = fmin(least[c], s->px[c]);
            most[c] = fmax(most[c], s->px[c]);
        }
    }
    if (q->inliers == 0)
        return;
    q->rms_px = sqrt(squares / q->inliers);
    q->spread = (most[0] - least[0]) * (most[1] - least[1]) /
                ((double)look->picture.width * look->picture.height);
    double half = (xx + yy) / 2, root = hypot((xx - yy) / 2, xy);
    q->whole = half - root >= ACROSS_LEAST * 2 * half && q->spread >= SPREAD_LEAST;
}

static fov_status judge(const struct pitch_sights *sights, const struct normal *known,
                        const double gone[PITCH_NUMBERS], const fov_pitch_lines_quality *q,
                        fov_error *error)
{
    double far = 0;
    for (int k = 0; k < PITCH_NUMBERS; k++)
        far += gone[k] * product(known->a[k], gone);
    if (q->inliers < LEAST_INLIERS)
        return fov_fail(error, FOV_ENOTFOUND,
                        "lines are seen at %d places of %d, which says nothing", q->inliers,
                        q->looked);
    double part = q->moved_px > MOVED_PX * sights->unit ? AGREE_MOVED : AGREE_LOOKED;
    if (q->inliers < part * q->looked || q->inliers < AGREE_FOUND * q->found)
        return fov_fail(error, FOV_ENOTFOUND,
                        "of %d places on lines %d look like one and %d agree: too few", q->looked,
                        q->found, q->inliers);
    if (!(q->rms_px <= RMS_MOST * sights->unit))
        return fov_fail(error, FOV_ENOTFOUND, "what looks like lines is %.1f px off", q->rms_px);
    if (!(far <= STEP_MOST * PITCH_NUMBERS))
        return fov_fail(error, FOV_ENOTFOUND, "the lines are further off than the view can be");
    return FOV_OK;
}

/* ---- all of it ------------------------------------------------------------------------------- */

static double rms_of_step(const struct pitch_sights *sights, const double step[PITCH_NUMBERS])
{
    double sum = 0;
    for (size_t i = 0; i < sights->count; i++) {
        double by = product(sights->all[i].row, step);
        sum += by * by;
    }
    return sights->count ? sqrt(sum / (double)sights->count) : 0;
}

/* A fit under way. */
struct fit {
    struct pitch_model made;
    struct pitch_sights sights;
    struct normal known, n;
    double gone[PITCH_NUMBERS]; /* from the numbers that were known */
    double scale;
};

/* What the numbers leave of what was seen and of what was known. */
static double cost_of(const struct fit *f)
{
    double sum = 0;
    for (size_t i = 0; i < f->sights.count; i++) {
        double r = f->sights.all[i].residual / f->scale;
        sum += fmin(r * r, TOO_FAR * TOO_FAR) / ALIKE;
    }
    for (int k = 0; k < PITCH_NUMBERS; k++)
        sum += f->gone[k] * product(f->known.a[k], f->gone);
    return sum;
}

/* Goes a step, or a part of it: what lines leave open moves far for little, and bends on its way.
 * False: no part of it leads downhill; nothing has changed then. */
static bool go(struct fit *f, const double step[PITCH_NUMBERS], double *part)
{
    double at[PITCH_NUMBERS], gone[PITCH_NUMBERS];
    memcpy(at, f->made.at, sizeof at);
    memcpy(gone, f->gone, sizeof gone);
    for (size_t i = 0; i < f->sights.count; i++)
        f->sights.all[i].residual = f->sights.all[i].off;
    double before = cost_of(f);
    for (*part = 1; *part > 0.1; *part /= 2) {
        for (int k = 0; k < PITCH_NUMBERS; k++) {
            f->made.at[k] = at[k] + *part * step[k];
            f->gone[k] = gone[k] + *part * step[k];
        }
        if (pitch_sights_again(&f->sights, &f->made) && cost_of(f) < before)
            return true;
    }
    memcpy(f->made.at, at, sizeof at);
    memcpy(f->gone, gone, sizeof gone);
    pitch_sights_again(&f->sights, &f->made);
    return false;
}

/* Moves the view to what was seen in one pass. */
static bool approach(struct fit *f, double *moved_px)
{
    double before[PITCH_NUMBERS], step[PITCH_NUMBERS], part;
    memcpy(before, f->gone, sizeof before);
    for (int i = 0; i < STEPS; i++) {
        if (!settle(&f->sights, &f->known, f->gone, i ? ROUNDS - ROUNDS_MORE : 0, &f->n, step,
                    &f->scale))
            return false;
        if (!go(f, step, &part) || part * rms_of_step(&f->sights, step) < 0.05 * f->sights.unit)
            break;
    }
    for (int k = 0; k < PITCH_NUMBERS; k++)
        step[k] = f->gone[k] - before[k];
    *moved_px = rms_of_step(&f->sights, step);
    return true;
}

fov_status pitch_lines_fit(struct pitch_model *model, const struct pitch_look *look,
                           fov_pitch_lines_quality *q, fov_error *error)
{
    struct fit f;
    double part = 1, moved_px = INFINITY;
    memset(q, 0, sizeof *q);
    memset(f.gone, 0, sizeof f.gone);
    f.made = *model;
    if (!known_by(model, &f.known))
        return fov_fail(error, FOV_ENOTFOUND, "the view hangs in the air");
    for (int pass = 0; pass < PASSES; pass++, part /= 4) {
        if (!pitch_sights_find(&f.sights, &f.made, model, part, look) || !approach(&f, &moved_px))
            return fov_fail(error, FOV_ENOTFOUND, "the lines leave the view open");
        if (moved_px < 0.5 * f.sights.unit)
            break;
    }
    q->looked = f.sights.looked;
    q->found = (int)f.sights.count;
    q->moved_px = rms_of_step(&f.sights, f.gone);
    count_up(&f.sights, look, f.scale, q);
    fov_status status = judge(&f.sights, &f.known, f.gone, q, error);
    if (status)
        return status;
    normal_inverse(&f.n, PITCH_NUMBERS, f.made.covariance);
    q->sigma_px = pitch_model_sigma(&f.made, look->picture.width, look->picture.height, look->size);
    *model = f.made;
    return FOV_OK;
}
