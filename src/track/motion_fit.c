/* One map for most of many pairs of points; see motion_fit.h. Similarities through two pairs each
 * are scored by MSAC (Torr, Zisserman 2000); the best is refined by least squares with Tukey's
 * weights. A homography grows out of it: between two frames of one camera the pairs that a
 * similarity nearly explains are the ones to begin with. */
#include "track/motion_fit.h"

#include <math.h>
#include <string.h>

enum { TRIES = 150, REFINED = 5 };

/* What no camera does between two frames: of a picture's longer side, as a factor, and as the sine
 * of an angle. */
#define JUMP_PART 0.4
#define SCALE_MOST 1.5
#define TURN_MOST 0.5

/* Of the coarse cells that have pairs, those that must have one that agrees. */
#define SPREAD_PART 0.35

/* By how much w' of a homography may differ over the picture. */
#define PERSPECTIVE_MOST 0.35

/* Chance that no try was without an outlier: exp of this. */
#define LOG_MISS (-6.9)

struct similarity {
    double a, b, x, y; /* x' = a x - b y + x, y' = b x + a y + y */
};

/* ---- is it a camera's motion ----------------------------------------------------------------- */

static bool plausible_turn(double a, double b)
{
    double square = a * a + b * b;
    return square < SCALE_MOST * SCALE_MOST && square * SCALE_MOST * SCALE_MOST > 1 && a > 0 &&
           fabs(b) < TURN_MOST * sqrt(square);
}

static bool plausible(const struct motion_fit *fit, const double map[9])
{
    double middle[2] = {fit->width / 2, fit->height / 2}, to[2], j[4];
    if (!plane_apply(map, middle, to) || !plane_jacobian(map, middle, j))
        return false;
    double jump = hypot(to[0] - middle[0], to[1] - middle[1]);
    double a = (j[0] + j[3]) / 2, b = (j[2] - j[1]) / 2;
    double shear = hypot(j[0] - j[3], j[1] + j[2]) / 2;
    return jump < JUMP_PART * fmax(fit->width, fit->height) && plausible_turn(a, b) && shear < 0.2;
}

/* w' at the four corners beside the middle's. */
static bool plausible_depths(const struct motion_fit *fit, const double map[9])
{
    double middle = map[6] * fit->width / 2 + map[7] * fit->height / 2 + map[8];
    for (int i = 0; i < 4; i++) {
        double x = i & 1 ? fit->width : 0, y = i & 2 ? fit->height : 0;
        double depth = (map[6] * x + map[7] * y + map[8]) / middle;
        if (!(fabs(depth - 1) < PERSPECTIVE_MOST))
            return false;
    }
    return true;
}

/* ---- how far pairs are off ------------------------------------------------------------------- */

/* Square px; infinite for a point that the map sends away. */
static double off2(const double map[9], const struct plane_pair *pair)
{
    double to[2];
    if (!plane_apply(map, pair->from, to))
        return INFINITY;
    double dx = to[0] - pair->to[0], dy = to[1] - pair->to[1];
    return dx * dx + dy * dy;
}

static int count_near(const double map[9], const struct plane_pair *pairs, int count, double px)
{
    int near = 0;
    for (int i = 0; i < count; i++)
        near += off2(map, &pairs[i]) < px * px;
    return near;
}

/* MSAC's: squares of what agrees, and px squared for each pair that does not. */
static double cost_of(const double map[9], const struct plane_pair *pairs, int count, double px)
{
    double cost = 0;
    for (int i = 0; i < count; i++)
        cost += fmin(off2(map, &pairs[i]), px * px);
    return cost;
}

/* ---- the similarity -------------------------------------------------------------------------- */

static uint32_t pick(uint64_t *state, int below)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return (uint32_t)(*state >> 32) % (uint32_t)below;
}

/* Through two pairs; false when they lie too near to each other to tell a turn. */
static bool through(const struct plane_pair *p, const struct plane_pair *q, double least_px,
                    struct similarity *s)
{
    double x = q->from[0] - p->from[0], y = q->from[1] - p->from[1];
    double u = q->to[0] - p->to[0], v = q->to[1] - p->to[1];
    double square = x * x + y * y;
    if (square < least_px * least_px)
        return false;
    s->a = (x * u + y * v) / square;
    s->b = (x * v - y * u) / square;
    s->x = p->to[0] - s->a * p->from[0] + s->b * p->from[1];
    s->y = p->to[1] - s->b * p->from[0] - s->a * p->from[1];
    return plausible_turn(s->a, s->b);
}

static double score(const struct similarity *s, const struct plane_pair *pairs, int count,
                    double px, int *near)
{
    double cost = 0;
    *near = 0;
    for (int i = 0; i < count; i++) {
        double dx = s->a * pairs[i].from[0] - s->b * pairs[i].from[1] + s->x - pairs[i].to[0];
        double dy = s->b * pairs[i].from[0] + s->a * pairs[i].from[1] + s->y - pairs[i].to[1];
        double square = dx * dx + dy * dy;
        *near += square < px * px;
        cost += square < px * px ? square : px * px;
    }
    return cost;
}

/* Tries that leave a chance of exp(LOG_MISS) that none was of two pairs that agree. */
static int tries_for(int near, int count)
{
    double both = (double)near * near / ((double)count * count);
    double tries = both < 1 ? LOG_MISS / log1p(-both) : 1;
    return tries < TRIES ? (int)tries + 1 : TRIES;
}

/* The best of many through two pairs. False: none. */
static bool search(const struct motion_fit *fit, const struct plane_pair *pairs, int count,
                   double map[9])
{
    uint64_t state = 0x9e3779b97f4a7c15;
    double least = INFINITY, apart = 0.1 * fmax(fit->width, fit->height);
    int tries = TRIES;
    for (int i = 0; i < tries; i++) {
        struct similarity s;
        const struct plane_pair *p = &pairs[pick(&state, count)], *q = &pairs[pick(&state, count)];
        int near;
        if (!through(p, q, apart, &s))
            continue;
        double cost = score(&s, pairs, count, fit->near_px, &near);
        if (cost >= least)
            continue;
        least = cost;
        tries = tries_for(near, count);
        memcpy(map, (double[9]){s.a, -s.b, s.x, s.b, s.a, s.y, 0, 0, 1}, 9 * sizeof *map);
    }
    return isfinite(least);
}

/* ---- refinement ------------------------------------------------------------------------------ */

typedef bool (*fitter)(const struct plane_pair *pairs, size_t count, double map[9]);

/* Tukey's weights: 0 for what is off by `px` and more. */
static void weigh(const double map[9], struct plane_pair *pairs, int count, double px)
{
    for (int i = 0; i < count; i++) {
        double share = off2(map, &pairs[i]) / (px * px);
        pairs[i].weight = share < 1 ? (1 - share) * (1 - share) : 0;
    }
}

/* Fits to what is near, and again; starts wide. Keeps the last one that could be fitted. */
static bool refine(const struct motion_fit *fit, fitter fits, double wide, struct plane_pair *pairs,
                   int count, double map[9])
{
    bool ok = false;
    for (int i = 0; i < REFINED; i++) {
        double next[9], px = fit->near_px * (i == 0 ? wide : 1.5);
        weigh(map, pairs, count, px);
        if (!fits(pairs, (size_t)count, next))
            return ok;
        memcpy(map, next, sizeof next);
        ok = true;
    }
    return ok;
}

/* ---- the homography -------------------------------------------------------------------------- */

/* Grows out of the similarity. False: none, or none that is one of a camera. */
static bool grow(const struct motion_fit *fit, struct plane_pair *pairs, int count,
                 const double similar[9], double map[9])
{
    memcpy(map, similar, 9 * sizeof *map);
    return refine(fit, plane_fit_homography, 6, pairs, count, map) && plausible_depths(fit, map) &&
           plausible(fit, map);
}

/* True when a homography explains clearly more than the similarity with half as many numbers. */
static bool explains_more(const struct motion_fit *fit, const struct plane_pair *pairs, int count,
                          const double similar[9], const double map[9])
{
    enum { LEAST = 20 };
    double px = fit->near_px, before = cost_of(similar, pairs, count, px);
    return count_near(map, pairs, count, px) >= LEAST &&
           cost_of(map, pairs, count, px) < 0.8 * before - 4 * px * px;
}

/* ---- the better one -------------------------------------------------------------------------- */

/* Cells of a coarse grid in which a pair lies, of all or of those near to the map: a bit each. */
static uint32_t cells(const struct motion_fit *fit, const struct plane_pair *pairs, int count,
                      const double map[9])
{
    enum { SIDE = 5 };
    uint32_t bits = 0;
    for (int i = 0; i < count; i++) {
        int x = (int)(SIDE * pairs[i].from[0] / fit->width);
        int y = (int)(SIDE * pairs[i].from[1] / fit->height);
        bool in = x >= 0 && y >= 0 && x < SIDE && y < SIDE;
        if (in && (!map || off2(map, &pairs[i]) < fit->near_px * fit->near_px))
            bits |= 1u << (SIDE * y + x);
    }
    return bits;
}

/* The still parts of a picture are all over it; what agrees in one place only moves by itself. */
static bool spread(const struct motion_fit *fit, const struct plane_pair *pairs, int count,
                   const double map[9])
{
    int all = __builtin_popcount(cells(fit, pairs, count, NULL));
    return __builtin_popcount(cells(fit, pairs, count, map)) >= SPREAD_PART * all;
}

/* True when enough agree, all over the picture, and a camera may move so. */
static bool holds(const struct motion_fit *fit, const struct plane_pair *pairs, int count,
                  const double map[9], int *inliers)
{
    *inliers = count_near(map, pairs, count, fit->near_px);
    return *inliers >= fit->least && *inliers >= fit->least_part * count && plausible(fit, map) &&
           spread(fit, pairs, count, map);
}

fov_motion_kind motion_fit(const struct motion_fit *fit, struct plane_pair *pairs, int count,
                           double map[9], int *inliers)
{
    double similar[9], grown[9];
    *inliers = 0;
    memcpy(map, PLANE_IDENTITY, sizeof PLANE_IDENTITY);
    if (count < fit->least || count < 2 || !search(fit, pairs, count, similar) ||
        !refine(fit, plane_fit_similarity, 2, pairs, count, similar))
        return FOV_MOTION_NONE;
    if (fit->homography && grow(fit, pairs, count, similar, grown) &&
        explains_more(fit, pairs, count, similar, grown) &&
        holds(fit, pairs, count, grown, inliers)) {
        memcpy(map, grown, sizeof grown);
        return FOV_MOTION_HOMOGRAPHY;
    }
    if (!holds(fit, pairs, count, similar, inliers))
        return FOV_MOTION_NONE;
    memcpy(map, similar, sizeof similar);
    return FOV_MOTION_SIMILARITY;
}
