/* Which points agree: fours of them are tried, and the view of the best four is kept (MSAC: Torr,
 * Zisserman 2000). All fours of few points, always the same ones of many: the same points always
 * give the same view. */
#include "scene/pitch.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

enum { FOURS_MOST = 1000, POLISHES = 4 };

/* A four whose triangles are smaller than this many px^2 says nothing. */
#define LEAST_AREA_PX 25.0

/* What lenses are tried for bent pictures; between them least squares finds the way. */
static const double lenses[] = {0, -0.04, -0.08, -0.12, 0.05, 0.12, 0.22};

struct best {
    double cost, map[9], k1;
};

/* Straight px of all points under one lens; false where there are none. */
struct straight {
    double px[FOV_PITCH_POINTS_MAX][2];
    bool ok[FOV_PITCH_POINTS_MAX];
};

static double area(const double a[2], const double b[2], const double c[2])
{
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]);
}

/* Seen from above, with y down in the picture and up on the pitch, each triangle turns round. */
static bool turns_round(const struct pitch_set *set, const struct straight *s, const int four[4])
{
    for (int leave = 0; leave < 4; leave++) {
        int t[3], n = 0;
        for (int i = 0; i < 4; i++)
            if (i != leave)
                t[n++] = four[i];
        double pitch = area(set->pairs[t[0]].from, set->pairs[t[1]].from, set->pairs[t[2]].from);
        double image = area(s->px[t[0]], s->px[t[1]], s->px[t[2]]);
        if (fabs(image) < LEAST_AREA_PX || fabs(pitch) < 0.01 || (pitch > 0) == (image > 0))
            return false;
    }
    return true;
}

/* The map that takes (1,0,0), (0,1,0), (0,0,1) and (1,1,1) to four points. */
static bool basis(const double p[4][2], double map[9])
{
    double inverse[9], columns[9] = {p[0][0], p[1][0], p[2][0], p[0][1], p[1][1], p[2][1], 1, 1, 1};
    if (!plane_invert(columns, inverse))
        return false;
    for (int c = 0; c < 3; c++) {
        double part = inverse[3 * c] * p[3][0] + inverse[3 * c + 1] * p[3][1] + inverse[3 * c + 2];
        for (int r = 0; r < 3; r++)
            map[3 * r + c] = columns[3 * r + c] * part;
    }
    return true;
}

static bool map_of_four(const struct pitch_set *set, const struct straight *s, const int four[4],
                        double map[9])
{
    double from[4][2], to[4][2], in[9], out[9];
    for (int i = 0; i < 4; i++) {
        memcpy(from[i], set->pairs[four[i]].from, sizeof from[i]);
        memcpy(to[i], s->px[four[i]], sizeof to[i]);
    }
    if (!basis(from, in) || !basis(to, out) || !plane_invert(in, in))
        return false;
    plane_multiply(out, in, map);
    return pitch_face(map);
}

/* What a map leaves: squares of the errors up to the bound, by weight. */
static double left_over(const struct pitch_set *set, const struct pitch_lens *lens,
                        const double map[9], double least, bool *counts)
{
    double bound = set->inlier_px * set->inlier_px, sum = 0;
    for (size_t i = 0; i < set->count && sum < least; i++) {
        double px[2], error = bound;
        if (pitch_project(map, set->pairs[i].from, px) && pitch_bend(lens, px, px)) {
            double u = px[0] - set->pairs[i].to[0], v = px[1] - set->pairs[i].to[1];
            error = fmin(u * u + v * v, bound);
        }
        sum += error * set->pairs[i].weight;
        if (counts)
            counts[i] = error < bound;
    }
    return sum;
}

static void try_four(const struct pitch_set *set, const struct pitch_lens *lens,
                     const struct straight *s, const int four[4], struct best *best)
{
    double map[9];
    for (int i = 0; i < 4; i++)
        if (!s->ok[four[i]])
            return;
    if (!turns_round(set, s, four) || !map_of_four(set, s, four, map))
        return;
    double cost = left_over(set, lens, map, best->cost, NULL);
    if (cost < best->cost) {
        best->cost = cost;
        best->k1 = lens->k1;
        memcpy(best->map, map, sizeof best->map);
    }
}

static uint32_t pick(uint64_t *state, uint32_t below)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(*state >> 33) % below;
}

static bool pick_four(uint64_t *state, size_t count, int four[4])
{
    for (int i = 0; i < 4; i++) {
        four[i] = (int)pick(state, (uint32_t)count);
        for (int k = 0; k < i; k++)
            if (four[k] == four[i])
                return false;
    }
    return true;
}

static void try_some(const struct pitch_set *set, const struct pitch_lens *lens,
                     const struct straight *s, struct best *best)
{
    uint64_t state = 1;
    int four[4];
    for (int tried = 0; tried < FOURS_MOST;)
        if (pick_four(&state, set->count, four)) {
            try_four(set, lens, s, four, best);
            tried++;
        }
}

static void try_all(const struct pitch_set *set, const struct pitch_lens *lens,
                    const struct straight *s, struct best *best)
{
    int n = (int)set->count;
    for (int a = 0; a < n; a++)
        for (int b = a + 1; b < n; b++)
            for (int c = b + 1; c < n; c++)
                for (int d = c + 1; d < n; d++)
                    try_four(set, lens, s, (int[4]){a, b, c, d}, best);
}

static void straighten(const struct pitch_set *set, const struct pitch_lens *lens,
                       struct straight *s)
{
    for (size_t i = 0; i < set->count; i++)
        s->ok[i] = pitch_unbend(lens, set->pairs[i].to, s->px[i]);
}

/* Fits all that agree in place of a four, as long as that leaves less. */
static void polish(struct pitch_set *set, struct best *best)
{
    struct plane_pair pairs[FOV_PITCH_POINTS_MAX];
    struct pitch_lens lens = pitch_lens_of(set->width, set->height, best->k1);
    struct straight s;
    straighten(set, &lens, &s);
    for (int round = 0; round < POLISHES; round++) {
        double map[9];
        left_over(set, &lens, best->map, INFINITY, set->counts);
        for (size_t i = 0; i < set->count; i++) {
            pairs[i] = set->pairs[i];
            memcpy(pairs[i].to, s.px[i], sizeof pairs[i].to);
            pairs[i].weight *= set->counts[i] && s.ok[i];
        }
        if (!plane_fit_homography(pairs, set->count, map) || !pitch_face(map))
            break;
        double cost = left_over(set, &lens, map, INFINITY, NULL);
        if (cost >= best->cost)
            break;
        best->cost = cost;
        memcpy(best->map, map, sizeof best->map);
    }
    left_over(set, &lens, best->map, INFINITY, set->counts);
}

bool pitch_sample(struct pitch_set *set, bool lens, double map[9], double *k1)
{
    size_t n = set->count;
    struct best best = {.cost = INFINITY};
    for (size_t l = 0; l < (lens ? sizeof lenses / sizeof *lenses : 1); l++) {
        struct pitch_lens bend = pitch_lens_of(set->width, set->height, lenses[l]);
        struct straight s;
        straighten(set, &bend, &s);
        (n * (n - 1) * (n - 2) * (n - 3) / 24 <= FOURS_MOST ? try_all : try_some)(set, &bend, &s,
                                                                                  &best);
    }
    if (!isfinite(best.cost))
        return false;
    polish(set, &best);
    memcpy(map, best.map, sizeof best.map);
    *k1 = best.k1;
    return true;
}
