#include "infer/outline.h"

#include <math.h>
#include <string.h>

/* An edge of the grid from a cell inside to its neighbour outside, in direction (dx, dy). */
struct step {
    int x, y, dx, dy;
};

struct tracer {
    const float *values;
    int width, height;
    uint8_t *seen; /* a cell whose left edge was crossed by a line already */
};

enum { LINE = 8192 }; /* points of a line that is followed; of longer ones every n-th counts */

static size_t cells_of(int width, int height)
{
    return ((size_t)width * (size_t)height + 15) & ~(size_t)15;
}

size_t outline_scratch(int width, int height)
{
    return cells_of(width, height) + LINE * sizeof(fov_point);
}

static float value_at(const struct tracer *t, int x, int y)
{
    bool within = x >= 0 && y >= 0 && x < t->width && y < t->height;
    return within ? t->values[(size_t)x * (size_t)t->height + (size_t)y] : -INFINITY;
}

static bool is_inside(const struct tracer *t, int x, int y)
{
    return value_at(t, x, y) > 0;
}

static fov_point crossing(const struct tracer *t, struct step s)
{
    float in = value_at(t, s.x, s.y), out = value_at(t, s.x + s.dx, s.y + s.dy);
    float share = isinf(out) ? 1 : fminf(fmaxf(in / (in - out), 0), 1);
    return (fov_point){(float)s.x + share * (float)s.dx, (float)s.y + share * (float)s.dy};
}

/* Two cells inside that touch at a corner, two outside: the saddle between them is above 0. */
static bool is_bridge(const struct tracer *t, struct step s, int ahead_x, int ahead_y)
{
    float in = value_at(t, s.x, s.y), out = value_at(t, s.x + s.dx, s.y + s.dy);
    float across = value_at(t, s.x + ahead_x + s.dx, s.y + ahead_y + s.dy);
    float beside = value_at(t, s.x + ahead_x, s.y + ahead_y);
    return across > 0 && !isinf(out) && !isinf(beside) && in * across > out * beside;
}

/* The next edge, clockwise around the inside. */
static struct step next(const struct tracer *t, struct step s)
{
    int ahead_x = -s.dy, ahead_y = s.dx;
    bool ahead = is_inside(t, s.x + ahead_x, s.y + ahead_y);
    bool corner = is_inside(t, s.x + ahead_x + s.dx, s.y + ahead_y + s.dy);
    if (!ahead && !is_bridge(t, s, ahead_x, ahead_y))
        return (struct step){s.x, s.y, ahead_x, ahead_y};
    s.x += ahead_x;
    s.y += ahead_y;
    if (!corner)
        return s;
    return (struct step){s.x + s.dx, s.y + s.dy, -ahead_x, -ahead_y};
}

/* A closed line: how many edges it crosses, and twice what it encloses, negative around holes. */
struct line {
    size_t count;
    double area;
};

/* Follows one to its end, keeping every `every`-th point where `points` is not NULL. It comes back
 * to where it began, as no edge is crossed twice. */
static struct line follow(const struct tracer *t, struct step first, fov_point *points,
                          size_t every)
{
    struct line line = {0, 0};
    struct step s = first;
    fov_point last = crossing(t, first);
    do {
        fov_point p = crossing(t, s);
        line.area += (double)last.x * p.y - (double)p.x * last.y;
        last = p;
        if (points && line.count % every == 0)
            points[line.count / every] = p;
        line.count++;
        if (s.dx < 0)
            t->seen[(size_t)s.x * (size_t)t->height + (size_t)s.y] = 1;
        s = next(t, s);
    } while (s.x != first.x || s.y != first.y || s.dx != first.dx || s.dy != first.dy);
    fov_point p = crossing(t, first);
    line.area += (double)last.x * p.y - (double)p.x * last.y;
    return line;
}

/* Where the line around the largest part begins: every line crosses some cell's left edge. */
static struct line find_largest(const struct tracer *t, struct step *best)
{
    struct line most = {0, 0};
    for (int x = 0; x < t->width; x++)
        for (int y = 0; y < t->height; y++) {
            if (!is_inside(t, x, y) || is_inside(t, x - 1, y) ||
                t->seen[(size_t)x * (size_t)t->height + (size_t)y])
                continue;
            struct step s = {x, y, -1, 0};
            struct line line = follow(t, s, NULL, 1);
            if (line.area > most.area) {
                most = line;
                *best = s;
            }
        }
    return most;
}

/* ---- fewer points ---- */

/* True when every point between a and b lies within `far` of the line from a to b. */
static bool is_straight(const fov_point *line, size_t a, size_t b, float far)
{
    float x = line[b].x - line[a].x, y = line[b].y - line[a].y, length = hypotf(x, y);
    for (size_t i = a + 1; i < b; i++) {
        float px = line[i].x - line[a].x, py = line[i].y - line[a].y;
        float off = length > 0 ? fabsf(px * y - py * x) : hypotf(px, py);
        float along = px * x + py * y; /* beyond either end: a spike */
        if (off > far * (length > 0 ? length : 1) || along < 0 || along > length * length)
            return false;
    }
    return true;
}

/* Keeps as few points as go with `far`; at most `most` + 1 are written. */
static size_t simplify(const fov_point *line, size_t count, float far, fov_point *points,
                       size_t most)
{
    const size_t reach = far < 4 ? 64
                                 : count; /* of a straight piece, so that the cost stays even */
    size_t kept = 0;
    for (size_t at = 0; at < count && kept <= most;) {
        size_t end = at + 1;
        while (end + 1 < count && end - at < reach && is_straight(line, at, end + 1, far))
            end++;
        if (kept < most)
            points[kept] = line[at];
        kept++;
        at = end;
    }
    return kept;
}

size_t outline_trace(const float *values, int width, int height, fov_point *points, size_t most,
                     void *scratch)
{
    struct tracer t = {values, width, height, scratch};
    fov_point *points_of_line = (fov_point *)(void *)(t.seen + cells_of(width, height));
    struct step best = {0, 0, -1, 0};
    memset(t.seen, 0, (size_t)width * (size_t)height);
    struct line line = find_largest(&t, &best);
    if (!line.count)
        return 0;
    size_t every = (line.count + LINE - 1) / LINE, count = (line.count + every - 1) / every;
    follow(&t, best, points_of_line, every);
    for (float far = 0.05f; far < 1000; far *= 2) {
        size_t kept = simplify(points_of_line, count, far, points, most);
        if (kept <= most)
            return kept;
    }
    return 0;
}
