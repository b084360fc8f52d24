#include "scene/trail.h"

#include <math.h>
#include <string.h>

#define SAME_S 1e-6 /* times that differ by less are the same */
/* The square of a speed of nothing but jitter is more than so many of its variances in one of 20
 * cases, when jitter is the same along and across (of 12, when it is along one line). */
#define STANDS 3.0

/* Sums of a least squares fit of second order in t, -1..1. */
struct sums {
    double t[5], x[3], y[3], squares; /* squares: of x and y */
    double first, last;               /* of the times */
};

static void add_up(struct sums *s, double t, double x, double y)
{
    double power = 1;
    s->first = fmin(s->first, t);
    s->last = fmax(s->last, t);
    s->squares += x * x + y * y;
    for (int k = 0; k < 5; k++) {
        s->t[k] += power;
        if (k < 3) {
            s->x[k] += power * x;
            s->y[k] += power * y;
        }
        power *= t;
    }
}

/* Coefficients of order 0 to 2. False: the times are too few or lie too close. */
static bool solve_parabola(const double t[5], const double v[3], double c[3])
{
    double m0 = t[2] * t[4] - t[3] * t[3], m1 = t[2] * t[3] - t[1] * t[4];
    double m2 = t[1] * t[3] - t[2] * t[2];
    double det = t[0] * m0 + t[1] * m1 + t[2] * m2;
    if (det <= 1e-9 * t[0] * t[0] * t[0])
        return false;
    double m3 = t[0] * t[4] - t[2] * t[2], m4 = t[1] * t[2] - t[0] * t[3];
    double m5 = t[0] * t[2] - t[1] * t[1];
    c[0] = (m0 * v[0] + m1 * v[1] + m2 * v[2]) / det;
    c[1] = (m1 * v[0] + m3 * v[1] + m4 * v[2]) / det;
    c[2] = (m2 * v[0] + m4 * v[1] + m5 * v[2]) / det;
    return true;
}

static bool solve_line(const double t[5], const double v[3], double c[3])
{
    double det = t[0] * t[2] - t[1] * t[1];
    if (det <= 1e-9 * t[0] * t[0])
        return false;
    c[0] = (t[2] * v[0] - t[1] * v[1]) / det;
    c[1] = (t[0] * v[1] - t[1] * v[0]) / det;
    c[2] = 0;
    return true;
}

/* Few sights, or a short time, say less: a parabola through them would follow their jitter. Returns
 * how many coefficients were found. */
static int solve(const struct sums *s, const double v[3], double c[3])
{
    double span = s->last - s->first;
    if (s->t[0] >= 4 && span >= 1 && solve_parabola(s->t, v, c))
        return 3;
    if (s->t[0] >= 2 && span >= 0.5 && solve_line(s->t, v, c))
        return 2;
    c[0] = v[0] / s->t[0];
    c[1] = c[2] = 0;
    return 1;
}

/* Variance of a sight, x and y together: what the fit leaves, over the sights that are more than it
 * needs; 0: there are none. */
static double jitter_of(const struct sums *s, const double x[3], const double y[3], int order)
{
    double left = s->squares, more = s->t[0] - order;
    for (int k = 0; k < order; k++)
        left -= x[k] * s->x[k] + y[k] * s->y[k];
    return more >= 1 ? fmax(left, 0) / more : 0;
}

struct trail_state trail_fit(const struct trail_sight *sights, int count, double center_s,
                             double half_s, double at_s)
{
    struct sums s = {.first = 1, .last = -1};
    double x[3], y[3], speed[3], at = (at_s - center_s) / half_s;
    double from_x = sights[0].x, from_y = sights[0].y; /* keeps sums small */
    for (int i = 0; i < count; i++) {
        double t = (sights[i].time_s - center_s) / half_s;
        if (fabs(t) <= 1 + SAME_S / half_s)
            add_up(&s, t, sights[i].x - from_x, sights[i].y - from_y);
    }
    int order = solve(&s, s.x, x);
    solve(&s, s.y, y);
    solve(&s, (double[3]){0, 1, 2 * at}, speed); /* the covariance times the slope's terms */
    double doubt = jitter_of(&s, x, y, order) * (speed[1] + 2 * at * speed[2]) / (half_s * half_s);
    return (struct trail_state){.time_s = at_s,
                                .x = from_x + x[0] + at * (x[1] + at * x[2]),
                                .y = from_y + y[0] + at * (y[1] + at * y[2]),
                                .vx = (x[1] + 2 * at * x[2]) / half_s,
                                .vy = (y[1] + 2 * at * y[2]) / half_s,
                                .doubt = doubt};
}

/* Forgets sights that no window will want again. */
static void shed(struct trail *t, double half_s)
{
    int gone = 0;
    double next_s = t->settled < t->count ? t->sights[t->settled].time_s
                                          : t->sights[t->count - 1].time_s;
    while (gone < t->settled && t->sights[gone].time_s < next_s - 2 * half_s - SAME_S)
        gone++;
    if (gone == 0 && t->count == TRAIL_SIGHTS)
        gone = 1;
    memmove(t->sights, t->sights + gone, (size_t)(t->count - gone) * sizeof *t->sights);
    t->count -= gone;
    t->settled = t->settled > gone ? t->settled - gone : 0;
}

bool trail_add(struct trail *t, double time_s, double x, double y, double half_s)
{
    if (t->count == 0)
        t->began_s = time_s;
    else if (time_s - t->sights[t->count - 1].time_s < half_s / 40)
        return false;
    else
        shed(t, half_s);
    t->sights[t->count++] = (struct trail_sight){time_s, x, y};
    return true;
}

bool trail_next(struct trail *t, double half_s, bool ends, struct trail_state *state)
{
    if (t->settled >= t->count)
        return false;
    double at_s = t->sights[t->settled].time_s, last_s = t->sights[t->count - 1].time_s;
    double center_s = fmax(at_s, t->began_s + half_s); /* the first ones share one window */
    if (last_s < center_s + half_s - SAME_S) {
        if (!ends)
            return false;
        center_s = fmin(center_s, last_s - half_s); /* and so do the last */
        if (center_s < t->began_s + half_s) {       /* a short run: all of it */
            center_s = (t->began_s + last_s) / 2;
        }
    }
    *state = trail_fit(t->sights, t->count, center_s, half_s, at_s);
    t->settled++;
    return true;
}

double trail_way(const struct trail_state *from, const struct trail_state *to)
{
    double vx = (from->vx + to->vx) / 2, vy = (from->vy + to->vy) / 2, speed = hypot(vx, vy);
    if (speed == 0 || speed * speed < STANDS * (from->doubt + to->doubt) / 2)
        return 0;
    return fmax(((to->x - from->x) * vx + (to->y - from->y) * vy) / speed, 0);
}
