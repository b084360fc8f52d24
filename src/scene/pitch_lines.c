/* A view held against the white lines: places on the lines that it shows are looked for across the
 * lines, and least squares with weights moves the view to them.
 * Source: Harris, Stennett 1990: RAPiD; Thomas 2007: Real-time camera tracking using sports pitch
 * markings; Holland, Welsch 1977: iteratively reweighted least-squares. */
#include "scene/pitch_lines.h"

#include <math.h>
#include <string.h>

#include "scene/normal.h"

enum { PLACES = 360, LEAST_INLIERS = 24, PASSES = 3, ROUNDS = 6, GENTLE = 2 };

#define LINE_M 0.12
#define SPACING 100.0 /* places a picture's width */
/* Px of a picture 1920 px wide: how well a line's middle is known at best, and what is too far
 * from the others to be part of them. */
#define WIDTH 1920.0
#define SIGMA_LEAST 0.5
#define RMS_MOST 2.5
/* Places along a line are wrong together: so many count as one. */
#define ALIKE 8.0
#define REACH_SIGMAS 3.0
#define REACH_MORE 3.0 /* px */
#define REACH_PART (1 / 40.0)
/* Thinner lines may well be there and not be seen, px. */
#define THIN_PX 0.35
/* Parts of those looked at, and of those found, that must agree. */
#define AGREE_LOOKED 0.4
#define AGREE_FOUND 0.6
/* The step's distance squared by what was known, over the count of numbers. */
#define STEP_MOST 9.0
/* The least part of the normals that lies across most of them, and of the picture. */
#define ACROSS_LEAST 0.02
#define SPREAD_LEAST 0.04

/* A place on a line and what is seen of it. */
struct sight {
    double px[2], normal[2], row[PITCH_NUMBERS];
    double width_px, reach_px;
    double off;      /* px along the normal to where the line is */
    double residual; /* px of it that the model leaves */
};

struct sights {
    struct sight all[PLACES];
    size_t count; /* where a line was found */
    int looked;
    double unit; /* px of the picture that are one of a picture of WIDTH */
};

/* ---- places ---------------------------------------------------------------------------------- */

void pitch_model_rows(const double map[9], const struct pitch_lens *lens, double slopes[][9],
                      const double at[2], double rows[2][PITCH_NUMBERS])
{
    double w = map[6] * at[0] + map[7] * at[1] + map[8];
    double px[2] = {(map[0] * at[0] + map[1] * at[1] + map[2]) / w,
                    (map[3] * at[0] + map[4] * at[1] + map[5]) / w},
           bend[4];
    pitch_bend_jacobian(lens, px, bend);
    for (int k = 0; k < PITCH_NUMBERS; k++) {
        const double *s = slopes[k];
        double d[3];
        for (int r = 0; r < 3; r++)
            d[r] = s[3 * r] * at[0] + s[3 * r + 1] * at[1] + s[3 * r + 2];
        double du = (d[0] - px[0] * d[2]) / w, dv = (d[1] - px[1] * d[2]) / w;
        rows[0][k] = bend[0] * du + bend[1] * dv;
        rows[1][k] = bend[2] * du + bend[3] * dv;
    }
}

double pitch_model_variance(const struct pitch_model *m, const double row[PITCH_NUMBERS])
{
    double sum = 0;
    for (int r = 0; r < PITCH_NUMBERS; r++) {
        double inner = 0;
        for (int c = 0; c < PITCH_NUMBERS; c++)
            inner += m->covariance[r][c] * row[c];
        sum += inner * row[r];
    }
    return fmax(sum, 0);
}

static bool is_hidden(const struct pitch_look *look, const double px[2])
{
    double x = px[0] / look->scale[0], y = px[1] / look->scale[1];
    for (size_t i = 0; i < look->count; i++) {
        const fov_detection *b = &look->boxes[i];
        double more_x = 3 + 0.15 * (double)(b->x2 - b->x1),
               more_y = 3 + 0.1 * (double)(b->y2 - b->y1);
        if (x > (double)b->x1 - more_x && x < (double)b->x2 + more_x &&
            y > (double)b->y1 - more_y && y < (double)b->y2 + more_y)
            return true;
    }
    return false;
}

/* How a place is seen; false: too thin, or not at all. */
static bool sight_of(const struct pitch_walk *walk, double slopes[][9],
                     const struct pitch_model *known, const struct pitch_place *place,
                     struct sight *sight)
{
    double s[4], rows[2][PITCH_NUMBERS];
    if (!pitch_place_slope(walk->map, &walk->lens, place->at, sight->px, s))
        return false;
    double tangent[2] = {s[0] * place->along[0] + s[1] * place->along[1],
                         s[2] * place->along[0] + s[3] * place->along[1]};
    double speed = hypot(tangent[0], tangent[1]);
    if (!(speed > 0))
        return false;
    double *n = sight->normal;
    n[0] = -tangent[1] / speed;
    n[1] = tangent[0] / speed;
    double across[2] = {-s[0] * place->along[1] + s[1] * place->along[0],
                        -s[2] * place->along[1] + s[3] * place->along[0]};
    sight->width_px = LINE_M * fabs(n[0] * across[0] + n[1] * across[1]);
    pitch_model_rows(walk->map, &walk->lens, slopes, place->at, rows);
    for (int k = 0; k < PITCH_NUMBERS; k++)
        sight->row[k] = n[0] * rows[0][k] + n[1] * rows[1][k];
    sight->reach_px = REACH_SIGMAS * sqrt(pitch_model_variance(known, sight->row));
    return sight->width_px >= THIN_PX && isfinite(sight->reach_px);
}

/* Looks at all places of a model. `known` says how far off they may be, of which this pass reaches
 * for `part`. */
static bool look_around(const struct pitch_model *m, const struct pitch_model *known, double part,
                        const struct pitch_look *look, struct sights *sights)
{
    struct pitch_place places[PLACES];
    struct pitch_walk walk = {.lens = m->bend,
                              .width = look->picture.width,
                              .height = look->picture.height,
                              .size = look->size};
    double slopes[PITCH_NUMBERS][9], spacing = walk.width / SPACING;
    if (!pitch_model_slopes(m, walk.map, slopes))
        return false;
    size_t count = pitch_strokes_walk(&walk, spacing, places, PLACES);
    if (count > PLACES)
        count = pitch_strokes_walk(&walk, spacing * (double)count / (PLACES * 0.95), places,
                                   PLACES);
    sights->unit = fmax(walk.width / WIDTH, 0.5);
    sights->count = 0;
    sights->looked = 0;
    for (size_t i = 0; i < count && i < PLACES; i++) {
        struct sight *s = &sights->all[sights->count];
        if (!sight_of(&walk, slopes, known, &places[i], s) || is_hidden(look, s->px))
            continue;
        sights->looked++;
        double reach = fmin(REACH_MORE * fmax(sights->unit, 1) + part * s->reach_px,
                            REACH_PART * walk.width);
        if (!ridge_find(&look->picture, s->px, s->normal, s->width_px, reach, &s->off))
            continue;
        double at[2] = {s->px[0] + s->off * s->normal[0], s->px[1] + s->off * s->normal[1]};
        s->residual = s->off;
        sights->count += !is_hidden(look, at);
    }
    return true;
}

/* ---- moving the view ------------------------------------------------------------------------- */

static void swap(float *a, float *b)
{
    float t = *a;
    *a = *b;
    *b = t;
}

/* Median of what is left, without its sign. Hoare's selection. */
static double median(const struct sights *sights)
{
    float v[PLACES];
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
static void weigh_up(const struct sights *sights, const struct normal *known,
                     const double from[PITCH_NUMBERS], double scale, bool gentle, struct normal *n)
{
    double sigma = fmax(scale, SIGMA_LEAST * sights->unit);
    *n = *known;
    for (int k = 0; k < PITCH_NUMBERS; k++)
        n->b[k] = -product(known->a[k], from);
    for (size_t i = 0; i < sights->count; i++) {
        const struct sight *s = &sights->all[i];
        double w = weight_of(s->residual, sigma, gentle) / (sigma * sigma * ALIKE);
        if (w > 0)
            normal_add(n, PITCH_NUMBERS, s->row, s->off, w);
    }
}

/* The step that the sights ask for; `n` is left factored. */
static bool settle(struct sights *sights, const struct normal *known,
                   const double from[PITCH_NUMBERS], struct normal *n, double step[PITCH_NUMBERS],
                   double *scale)
{
    for (int round = 0; round < ROUNDS; round++) {
        *scale = fmax(1.4826 * median(sights), SIGMA_LEAST * sights->unit);
        weigh_up(sights, known, from, *scale, round < GENTLE, n);
        if (!normal_factor(n, PITCH_NUMBERS))
            return false;
        normal_solve(n, PITCH_NUMBERS, n->b, step);
        for (size_t i = 0; i < sights->count; i++)
            sights->all[i].residual = sights->all[i].off - product(sights->all[i].row, step);
    }
    return true;
}

/* Inverse of a symmetric matrix by its factor. */
static void inverse_of(const struct normal *factored, double inverse[9][9])
{
    for (int c = 0; c < PITCH_NUMBERS; c++) {
        double unit[PITCH_NUMBERS] = {0}, column[PITCH_NUMBERS];
        unit[c] = 1;
        normal_solve(factored, PITCH_NUMBERS, unit, column);
        for (int r = 0; r < PITCH_NUMBERS; r++)
            inverse[r][c] = column[r];
    }
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
    inverse_of(&factored, inverse);
    memset(known, 0, sizeof *known);
    for (int r = 0; r < PITCH_NUMBERS; r++)
        for (int c = 0; c < PITCH_NUMBERS; c++)
            known->a[r][c] = 0.5 * (inverse[r][c] + inverse[c][r]);
    return true;
}

/* ---- is it to be believed -------------------------------------------------------------------- */

/* Counts those that agree, and how they lie. */
static void count_up(const struct sights *sights, const struct pitch_look *look, double scale,
                     fov_pitch_lines_quality *q)
{
    double least[2] = {INFINITY, INFINITY}, most[2] = {-INFINITY, -INFINITY}, squares = 0;
    double xx = 0, xy = 0, yy = 0, limit = 2.5 * scale;
    for (size_t i = 0; i < sights->count; i++) {
        const struct sight *s = &sights->all[i];
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

static fov_status judge(const struct sights *sights, const struct normal *known,
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
    if (q->inliers < AGREE_LOOKED * q->looked || q->inliers < AGREE_FOUND * q->found)
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

static double rms_of_step(const struct sights *sights, const double step[PITCH_NUMBERS])
{
    double sum = 0;
    for (size_t i = 0; i < sights->count; i++) {
        double by = product(sights->all[i].row, step);
        sum += by * by;
    }
    return sights->count ? sqrt(sum / (double)sights->count) : 0;
}

fov_status pitch_lines_fit(struct pitch_model *model, const struct pitch_look *look,
                           fov_pitch_lines_quality *q, fov_error *error)
{
    struct pitch_model made = *model;
    struct sights sights;
    struct normal known, n = {.b = {0}};
    double gone[PITCH_NUMBERS] = {0}, step[PITCH_NUMBERS], scale = 0, part = 1;
    memset(q, 0, sizeof *q);
    if (!known_by(model, &known))
        return fov_fail(error, FOV_ENOTFOUND, "the view hangs in the air");
    for (int pass = 0; pass < PASSES; pass++, part /= 4) {
        if (!look_around(&made, model, part, look, &sights) ||
            !settle(&sights, &known, gone, &n, step, &scale))
            return fov_fail(error, FOV_ENOTFOUND, "the lines leave the view open");
        for (int k = 0; k < PITCH_NUMBERS; k++) {
            made.at[k] += step[k];
            gone[k] += step[k];
        }
        if (rms_of_step(&sights, step) < 0.5 * sights.unit)
            break;
    }
    q->looked = sights.looked;
    q->found = (int)sights.count;
    count_up(&sights, look, scale, q);
    fov_status status = judge(&sights, &known, gone, q, error);
    if (status)
        return status;
    q->moved_px = rms_of_step(&sights, gone);
    inverse_of(&n, made.covariance);
    q->sigma_px = pitch_model_sigma(&made, look->picture.width, look->picture.height, look->size);
    *model = made;
    return FOV_OK;
}
