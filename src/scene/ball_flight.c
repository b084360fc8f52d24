/* Rolling or flying; see ball_flight.h. Both ways have six unknowns and are linear in them: a
 * rolling ball's are place, speed and a small acceleration on the ground; a flying one's place and
 * speed in space, with gravity given. Weak expectations of both stand in for their range. */
#include "scene/ball_flight.h"

#include <math.h>
#include <string.h>

#include "scene/normal.h"

#define GRAVITY 9.81
#define BALL_RADIUS 0.11 /* m */
#define ROLLS_BY 4.0     /* m/s², what a rolling or carried ball's speed changes by */
#define HEIGHT 3.0       /* m, m/s: of balls in the air, roughly */
#define CLIMBS 7.0
#define SPEED 15.0    /* m/s along the ground, roughly */
#define FAR_M 200.0   /* metres that are told apart from nonsense */
#define CLEARLY 6.0   /* squares of sigma by which one way must be better than the other */
#define TOO_LARGE 1.4 /* times the size of a ball on the ground: it is nearer than that */
enum { ROUNDS = 3 };  /* of fits with better and better depths */

/* The two equations of a glimpse: row * way = value, in straight px where `depth` is that of the
 * ball; it starts as that of the ground behind it. */
struct equations {
    double row[2][6], value[2], straight[2], depth;
};

static bool begin(const struct ball_glimpse *g, struct equations *e)
{
    double metres[2];
    const double *p = g->ground->to_px;
    if (!ground_metres(g->ground, g->px, metres) || hypot(metres[0], metres[1]) > FAR_M)
        return false;
    e->depth = p[6] * metres[0] + p[7] * metres[1] + p[8];
    return pitch_unbend(&g->ground->lens, g->px, e->straight);
}

/* Depth on a way through the air; false: not before the camera. */
static bool next_depth(const struct ball_glimpse *g, double at_s, const double way[6],
                       double *depth)
{
    double t = g->time_s - at_s, z = way[2] + way[5] * t - GRAVITY * t * t / 2;
    const double *p = g->ground->to_px;
    double next = p[6] * (way[0] + way[3] * t) + p[7] * (way[1] + way[4] * t) + p[8] +
                  g->ground->up[2] * z;
    bool before = next / *depth > 0.05;
    *depth = next;
    return before;
}

static void set_equations(const struct ball_glimpse *g, double at_s, bool rolls,
                          struct equations *e)
{
    double t = g->time_s - at_s, depth = e->depth;
    const double *p = g->ground->to_px, *up = g->ground->up;
    for (int k = 0; k < 2; k++) {
        double u = e->straight[k];
        double x = (p[3 * k] - u * p[6]) / depth, y = (p[3 * k + 1] - u * p[7]) / depth,
               z = (up[k] - u * up[2]) / depth, one = (p[3 * k + 2] - u * p[8]) / depth;
        const double roll[6] = {x, y, x * t, y * t, x * t * t / 2, y * t * t / 2};
        const double fly[6] = {x, y, z, x * t, y * t, z * t};
        memcpy(e->row[k], rolls ? roll : fly, sizeof roll);
        e->value[k] = rolls ? -one - z * (g->ground->has_camera ? BALL_RADIUS : 0)
                            : -one + z * GRAVITY * t * t / 2;
    }
}

/* What is expected of the six numbers: around 0, give or take so much. Places may be anywhere. */
static const double ROLL_RANGE[6] = {1e3, 1e3, SPEED, SPEED, ROLLS_BY, ROLLS_BY};
static const double FLY_RANGE[6] = {1e3, 1e3, HEIGHT, SPEED, SPEED, CLIMBS};

static void add_expectations(struct normal *n, const double range[6])
{
    for (int i = 0; i < 6; i++) {
        double row[6] = {0};
        row[i] = 1;
        normal_add(n, 6, row, 0, 1 / (range[i] * range[i]));
    }
}

static double miss(const double row[6], const double way[6], double value)
{
    double sum = -value;
    for (int i = 0; i < 6; i++)
        sum += row[i] * way[i];
    return sum;
}

static double cost_of(const struct equations *e, size_t count, const double way[6],
                      const double range[6], double sigma_px)
{
    double cost = 0;
    for (size_t i = 0; i < 2 * count; i++) {
        double by = miss(e[i / 2].row[i % 2], way, e[i / 2].value[i % 2]) / sigma_px;
        cost += by * by;
    }
    for (int i = 2; i < 6; i++)
        cost += way[i] * way[i] / (range[i] * range[i]);
    return cost;
}

/* One linear fit with the depths as they are. */
static bool fit_once(const struct ball_glimpse *glimpses, size_t count, double at_s,
                     double sigma_px, bool rolls, struct equations *e, struct ball_way *way)
{
    struct normal n = {{{0}}, {0}};
    const double *range = rolls ? ROLL_RANGE : FLY_RANGE;
    for (size_t i = 0; i < count; i++) {
        set_equations(&glimpses[i], at_s, rolls, &e[i]);
        for (int k = 0; k < 2; k++)
            normal_add(&n, 6, e[i].row[k], e[i].value[k], 1 / (sigma_px * sigma_px));
    }
    add_expectations(&n, range);
    if (!normal_factor(&n, 6))
        return false;
    normal_solve(&n, 6, n.b, way->at);
    way->cost = cost_of(e, count, way->at, range, sigma_px);
    return isfinite(way->cost);
}

bool ball_flight_fit(const struct ball_glimpse *glimpses, size_t count, double at_s,
                     double sigma_px, bool rolls, struct ball_way *way)
{
    struct equations e[BALL_GLIMPSES];
    if (count > BALL_GLIMPSES)
        return false;
    for (size_t i = 0; i < count; i++)
        if (!begin(&glimpses[i], &e[i]))
            return false;
    for (int round = 0;; round++) {
        if (!fit_once(glimpses, count, at_s, sigma_px, rolls, e, way))
            return false;
        if (rolls || round == ROUNDS)
            return true;
        for (size_t i = 0; i < count; i++)
            if (!next_depth(&glimpses[i], at_s, way->at, &e[i].depth))
                return false;
    }
}

/* Larger than a ball on the ground there would be, in most of the glimpses. */
static bool too_large(const struct ball_glimpse *glimpses, size_t count)
{
    size_t known = 0, large = 0;
    for (size_t i = 0; i < count; i++) {
        double metres[2];
        if (!(glimpses[i].size > 0) || !ground_metres(glimpses[i].ground, glimpses[i].px, metres))
            continue;
        double expected = 2 * BALL_RADIUS * ground_px_per_m(glimpses[i].ground, metres);
        known++;
        large += expected > 4 && (double)glimpses[i].size > TOO_LARGE * expected;
    }
    return known >= 3 && 2 * large > known;
}

/* Misses of one sigma a number are what is expected; twice that is still taken. */
static bool fits(double cost, size_t count)
{
    return cost < 4.0 * (double)count + 4;
}

static struct ball_flight rolling(const struct ball_way *way)
{
    return (struct ball_flight){FOV_BALL_ON_GROUND, {way->at[0], way->at[1]}};
}

/* From one eye, only gravity tells how far away a flying ball is: too poorly for metres. */
static struct ball_flight flying(void)
{
    return (struct ball_flight){FOV_BALL_IN_AIR, {0, 0}};
}

struct ball_flight ball_flight_of(const struct ball_glimpse *glimpses, size_t count, double at_s,
                                  double sigma_px)
{
    struct ball_flight unknown = {FOV_BALL_HEIGHT_UNKNOWN, {0, 0}};
    struct ball_way roll, fly = {.cost = INFINITY};
    if (count < 4 || !ball_flight_fit(glimpses, count, at_s, sigma_px, true, &roll))
        return unknown;
    bool has_camera = true;
    for (size_t i = 0; i < count; i++)
        has_camera = has_camera && glimpses[i].ground->has_camera;
    if (has_camera && !ball_flight_fit(glimpses, count, at_s, sigma_px, false, &fly))
        fly.cost = INFINITY;
    if (fits(roll.cost, count) && roll.cost < fly.cost - CLEARLY)
        return too_large(glimpses, count) ? unknown : rolling(&roll);
    if (fits(fly.cost, count) && fly.cost < roll.cost - CLEARLY)
        return flying();
    return unknown;
}
