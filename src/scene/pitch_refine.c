/* Least squares over the points of a view, in px as they were seen: Levenberg and Marquardt's
 * method on a homography, or on the camera that would see it.
 * Source: Hartley, Zisserman: Multiple View Geometry, appendix 6. */
#include "scene/pitch.h"

#include <math.h>
#include <string.h>

#include "scene/normal.h"

enum { NUMBERS = NORMAL_MOST, ROUNDS = 60, RENEWALS = 8, FOCALS = 40 };

/* Squares of px a point, that nobody can see and that rounding makes more of. */
#define NOTHING 1e-12

static bool see(const double map[9], const struct pitch_lens *lens, const double pitch[2],
                double px[2])
{
    return pitch_project(map, pitch, px) && pitch_bend(lens, px, px);
}

/* ---- beginning ------------------------------------------------------------------------------- */

/* Moves points around the origin and to about 1; `back` is the way back. */
static void frame_of(const struct pitch_set *set, bool image, double there[9], double back[9])
{
    double middle[2] = {0}, size = 0, n = 0;
    for (size_t i = 0; i < set->count; i++) {
        const double *p = image ? set->pairs[i].to : set->pairs[i].from;
        n += set->counts[i];
        for (int k = 0; k < 2; k++)
            middle[k] += set->counts[i] * p[k];
    }
    for (int k = 0; k < 2; k++)
        middle[k] /= n;
    for (size_t i = 0; i < set->count; i++) {
        const double *p = image ? set->pairs[i].to : set->pairs[i].from;
        size += set->counts[i] * hypot(p[0] - middle[0], p[1] - middle[1]) / n;
    }
    double from[9] = {1 / size, 0, -middle[0] / size, 0, 1 / size, -middle[1] / size, 0, 0, 1};
    double to[9] = {size, 0, middle[0], 0, size, middle[1], 0, 0, 1};
    memcpy(there, from, sizeof from);
    memcpy(back, to, sizeof to);
}

static bool begin_homography(const struct pitch_set *set, const double map[9], double k1,
                             struct pitch_model *m)
{
    double to[9], back[9], inner[9];
    frame_of(set, false, m->in, back);
    frame_of(set, true, to, m->out);
    plane_multiply(map, back, inner);
    plane_multiply(to, inner, inner);
    m->count = PITCH_NUMBERS + m->lens;
    for (int i = 0; i < PITCH_NUMBERS; i++)
        m->at[i] = inner[i] / inner[8];
    m->at[PITCH_NUMBERS] = k1;
    return isfinite(m->at[0]) && fabs(inner[8]) > 0;
}

static double norm(const double v[3])
{
    return sqrt(v[0] * v[0] + v[1] * v[1] + v[2] * v[2]);
}

/* The camera of that focal length that sees nearest to what a map says. */
static bool pose(struct pitch_model *m, const double map[9], double k1, double focal)
{
    double k[9] = {1 / focal, 0,         -m->bend.middle[0] / focal,
                   0,         1 / focal, -m->bend.middle[1] / focal,
                   0,         0,         1};
    double a[9], x[3], y[3], sum[3], off[3], *r = m->turned;
    plane_multiply(k, map, a);
    for (int i = 0; i < 3; i++) {
        x[i] = a[3 * i];
        y[i] = a[3 * i + 1];
    }
    double nx = norm(x), ny = norm(y), scale = 2 / (nx + ny);
    /* The axes are made to stand upright on one another by the same turn for both. */
    for (int i = 0; i < 3; i++) {
        sum[i] = x[i] / nx + y[i] / ny;
        off[i] = x[i] / nx - y[i] / ny;
    }
    double ns = norm(sum) * sqrt(2), no = norm(off) * sqrt(2);
    for (int i = 0; i < 3; i++) {
        r[3 * i] = sum[i] / ns + off[i] / no;
        r[3 * i + 1] = sum[i] / ns - off[i] / no;
    }
    r[2] = r[3] * r[7] - r[6] * r[4];
    r[5] = r[6] * r[1] - r[0] * r[7];
    r[8] = r[0] * r[4] - r[3] * r[1];
    memset(m->at, 0, sizeof m->at);
    m->at[PITCH_FOCAL] = log(focal);
    m->at[PITCH_NUMBERS] = k1;
    for (int c = 0; c < 3; c++)
        for (int i = 0; i < 3; i++)
            m->at[PITCH_PLACE + c] -= r[3 * i + c] * a[3 * i + 2] * scale;
    return isfinite(m->at[PITCH_PLACE]) && isfinite(r[0]) && m->at[PITCH_PLACE + 2] > 0;
}

static double cost_at(const struct pitch_set *set, const struct pitch_model *m, const double at[]);

static bool begin_camera(const struct pitch_set *set, const double map[9], double k1,
                         struct pitch_model *m)
{
    double least = INFINITY, focal = 0;
    m->count = PITCH_NUMBERS + m->lens;
    for (int i = 0; i < FOCALS; i++) {
        double tried = 0.3 * set->width * pow(100, i / (FOCALS - 1.0));
        if (!pose(m, map, k1, tried))
            continue;
        double cost = cost_at(set, m, m->at);
        if (cost < least) {
            least = cost;
            focal = tried;
        }
    }
    return focal > 0 && pose(m, map, k1, focal);
}

/* ---- turning --------------------------------------------------------------------------------- */

static double cost_at(const struct pitch_set *set, const struct pitch_model *m, const double at[])
{
    double map[9], px[2], sum = 0;
    struct pitch_lens lens;
    if (!pitch_model_map(m, at, map, &lens))
        return INFINITY;
    for (size_t i = 0; i < set->count; i++) {
        const struct plane_pair *p = &set->pairs[i];
        if (!set->counts[i])
            continue;
        if (!see(map, &lens, p->from, px))
            return INFINITY;
        sum += p->weight *
               ((px[0] - p->to[0]) * (px[0] - p->to[0]) + (px[1] - p->to[1]) * (px[1] - p->to[1]));
    }
    if (m->camera)
        sum += at[PITCH_SQUARE] * at[PITCH_SQUARE] / (PITCH_SQUARE_WITHIN * PITCH_SQUARE_WITHIN);
    return sum;
}

/* The maps for each number a little less and a little more. */
struct nudged {
    double map[2][9];
    struct pitch_lens lens[2];
    double step;
};

static bool nudge(const struct pitch_model *m, struct nudged nudged[NUMBERS])
{
    for (int k = 0; k < m->count; k++) {
        double step = pitch_model_nudge(m, k);
        nudged[k].step = step;
        for (int side = 0; side < 2; side++) {
            double at[NUMBERS];
            memcpy(at, m->at, sizeof at);
            at[k] += side ? step : -step;
            if (!pitch_model_map(m, at, nudged[k].map[side], &nudged[k].lens[side]))
                return false;
        }
    }
    return true;
}

/* How the px of a point moves with each number. */
static bool slopes(const struct pitch_model *m, const struct nudged nudged[NUMBERS],
                   const double pitch[2], double slope[2][NUMBERS])
{
    for (int k = 0; k < m->count; k++) {
        double less[2], more[2];
        if (!see(nudged[k].map[0], &nudged[k].lens[0], pitch, less) ||
            !see(nudged[k].map[1], &nudged[k].lens[1], pitch, more))
            return false;
        for (int c = 0; c < 2; c++)
            slope[c][k] = (more[c] - less[c]) / (2 * nudged[k].step);
    }
    return true;
}

/* Normal equations around the model's numbers. */
static bool normal_at(const struct pitch_set *set, const struct pitch_model *m, struct normal *n)
{
    struct nudged nudged[NUMBERS];
    struct pitch_lens lens;
    double map[9], px[2], slope[2][NUMBERS];
    memset(n, 0, sizeof *n);
    if (!pitch_model_map(m, m->at, map, &lens) || !nudge(m, nudged))
        return false;
    for (size_t i = 0; i < set->count; i++) {
        const struct plane_pair *p = &set->pairs[i];
        if (!set->counts[i])
            continue;
        if (!see(map, &lens, p->from, px) || !slopes(m, nudged, p->from, slope))
            return false;
        for (int c = 0; c < 2; c++)
            normal_add(n, m->count, slope[c], px[c] - p->to[c], p->weight);
    }
    if (m->camera) {
        double weight = 1 / (PITCH_SQUARE_WITHIN * PITCH_SQUARE_WITHIN);
        n->a[PITCH_SQUARE][PITCH_SQUARE] += weight;
        n->b[PITCH_SQUARE] += weight * m->at[PITCH_SQUARE];
    }
    return true;
}

/* One step downhill, as long as it may be; false: it was the last one, or there is none. */
static bool step_down(const struct pitch_set *set, struct pitch_model *m, double *cost,
                      double *damping)
{
    struct normal n;
    if (!normal_at(set, m, &n))
        return false;
    for (int tries = 0; tries < 12; tries++) {
        struct normal damped = n;
        double by[NUMBERS], at[NUMBERS];
        for (int i = 0; i < m->count; i++)
            damped.a[i][i] += *damping * n.a[i][i];
        if (normal_factor(&damped, m->count)) {
            normal_solve(&damped, m->count, n.b, by);
            memcpy(at, m->at, sizeof at);
            for (int i = 0; i < m->count; i++)
                at[i] -= by[i];
            double now = cost_at(set, m, at);
            if (now < *cost) {
                double nothing = NOTHING * (double)set->count;
                bool more = *cost - now > fmax(*cost * 1e-12, nothing) && now > nothing;
                memcpy(m->at, at, sizeof at);
                *cost = now;
                *damping = fmax(*damping / 10, 1e-12);
                return more;
            }
        }
        *damping *= 10;
    }
    return false;
}

static void descend(const struct pitch_set *set, struct pitch_model *m)
{
    double cost = cost_at(set, m, m->at), damping = 1e-4;
    for (int round = 0; round < ROUNDS && step_down(set, m, &cost, &damping); round++)
        ;
}

/* ---- what it is worth ------------------------------------------------------------------------ */

/* Of a symmetric matrix, from its lower triangle, by its largest row sums: no smaller than its
 * largest eigenvalue. */
static double row_sum(double a[NUMBERS][NUMBERS], int count)
{
    double most = 0;
    for (int r = 0; r < count; r++) {
        double sum = 0;
        for (int c = 0; c < count; c++)
            sum += fabs(c <= r ? a[r][c] : a[c][r]);
        most = fmax(most, sum);
    }
    return most;
}

/* Scaled to ones on the diagonal, which no unit can disturb. */
static double condition_of(const struct normal *n, const double inverse[NUMBERS][NUMBERS],
                           int count)
{
    double a[NUMBERS][NUMBERS], b[NUMBERS][NUMBERS];
    for (int r = 0; r < count; r++)
        for (int c = 0; c <= r; c++) {
            double scale = sqrt(n->a[r][r] * n->a[c][c]);
            a[r][c] = n->a[r][c] / scale;
            b[r][c] = inverse[r][c] * scale;
        }
    return sqrt(row_sum(a, count) * row_sum(b, count));
}

static bool weigh(const struct pitch_set *set, struct pitch_model *m)
{
    struct normal n, factored;
    if (!normal_at(set, m, &n))
        return false;
    factored = n;
    if (!normal_factor(&factored, m->count))
        return false;
    normal_inverse(&factored, m->count, m->covariance);
    m->condition = condition_of(&n, (const double(*)[NUMBERS])m->covariance, m->count);
    return isfinite(m->condition);
}

bool pitch_model_spread(const struct pitch_model *m, const double pitch[2], double spread[3])
{
    struct nudged nudged[NUMBERS];
    double slope[2][NUMBERS];
    if (!nudge(m, nudged) || !slopes(m, nudged, pitch, slope))
        return false;
    memset(spread, 0, 3 * sizeof *spread);
    for (int r = 0; r < m->count; r++)
        for (int c = 0; c < m->count; c++) {
            spread[0] += slope[0][r] * m->covariance[r][c] * slope[0][c];
            spread[1] += slope[0][r] * m->covariance[r][c] * slope[1][c];
            spread[2] += slope[1][r] * m->covariance[r][c] * slope[1][c];
        }
    return true;
}

/* ---- all of it ------------------------------------------------------------------------------- */

/* Counts anew what is near enough; true when that is not what it was. */
static bool renew(struct pitch_set *set, const double map[9], const struct pitch_lens *lens)
{
    bool changed = false;
    for (size_t i = 0; i < set->count; i++) {
        double px[2];
        bool counts = see(map, lens, set->pairs[i].from, px) &&
                      hypot(px[0] - set->pairs[i].to[0], px[1] - set->pairs[i].to[1]) <
                          set->inlier_px;
        changed = changed || counts != set->counts[i];
        set->counts[i] = counts;
    }
    return changed;
}

size_t pitch_counted(const struct pitch_set *set)
{
    size_t n = 0;
    for (size_t i = 0; i < set->count; i++)
        n += set->counts[i];
    return n;
}

bool pitch_refine(struct pitch_set *set, bool lens, bool camera, double map[9], double *k1,
                  struct pitch_model *model)
{
    struct pitch_lens bend;
    for (int round = 0; round < RENEWALS && pitch_counted(set) >= 4; round++) {
        *model = (struct pitch_model){.camera = camera, .lens = lens};
        model->bend = pitch_lens_of(set->width, set->height, 0);
        if (!(camera ? begin_camera : begin_homography)(set, map, *k1, model))
            return false;
        descend(set, model);
        if (!pitch_model_map(model, model->at, map, &bend))
            return false;
        *k1 = bend.k1;
        if (!renew(set, map, &bend))
            return weigh(set, model);
    }
    return pitch_counted(set) >= 4 && weigh(set, model);
}
