/* Following a point from one picture to the next; see flow.h. */
#include "track/flow.h"

#include <math.h>
#include <string.h>

#include "track/window.h"

enum { TURNS = 10 }; /* most steps a level */

#define STEP_PX 0.02f /* a step shorter than this is the last one */

/* Smaller eigenvalue of the gradients' matrix a pixel, in (levels / px)^2: less is an edge or
 * nothing. */
#define HOLD 0.5f

/* What is looked for: a window's levels, how they change, and what those changes add up to. */
struct template
{
    int16_t level[WINDOW_PIXELS], gx[WINDOW_PIXELS], gy[WINDOW_PIXELS];
    int32_t sum_x, sum_y;
    float xx, xy, yy, det;
};

/* ---- reading a window ------------------------------------------------------------------------ */

/* True when a window around (x, y) can be read: the point lies in the picture. */
static bool inside(const struct pyramid_level *p, float x, float y)
{
    return x >= 0 && y >= 0 && x <= (float)p->width && y <= (float)p->height;
}

/* The window around a point that is inside. The border is wider than a window: all of it can be
 * read. */
static void take(const struct window_kernels *k, const struct pyramid_level *p, float x, float y,
                 int16_t *out)
{
    int fx = (int)lrintf((x - WINDOW / 2) * 128), fy = (int)lrintf((y - WINDOW / 2) * 128);
    const uint8_t *pixels = p->pixels + (ptrdiff_t)(fy >> 7) * (ptrdiff_t)p->stride + (fx >> 7);
    k->mix(pixels, p->stride, fx & 127, fy & 127, out);
}

/* ---- the template ---------------------------------------------------------------------------- */

/* Half the difference of the neighbours; the ring around stays 0. In one go over all rows: what
 * joins the end of one and the beginning of the next lies in the ring. */
static void find_gradient(struct template *t)
{
    const int16_t *level = t->level;
    memset(t->gx, 0, sizeof t->gx);
    memset(t->gy, 0, sizeof t->gy);
    for (int i = WINDOW; i < WINDOW_PIXELS - WINDOW; i++) {
        int16_t gx = (int16_t)(level[i + 1] - level[i - 1]),
                gy = (int16_t)(level[i + WINDOW] - level[i - WINDOW]);
        t->gx[i] = (int16_t)((gx >> 1) * window_inside[i]);
        t->gy[i] = (int16_t)((gy >> 1) * window_inside[i]);
    }
}

/* The matrix without what a change of brightness as a whole would explain. False: nothing to hold
 * on to. */
static bool prepare(const struct window_kernels *k, const struct pyramid_level *p, float x, float y,
                    struct template *t)
{
    take(k, p, x, y, t->level);
    find_gradient(t);
    t->sum_x = window_product(t->gx, window_inside);
    t->sum_y = window_product(t->gy, window_inside);
    float mean_x = (float)t->sum_x / WINDOW_USED, mean_y = (float)t->sum_y / WINDOW_USED;
    t->xx = (float)window_product(t->gx, t->gx) - mean_x * (float)t->sum_x;
    t->xy = (float)window_product(t->gx, t->gy) - mean_x * (float)t->sum_y;
    t->yy = (float)window_product(t->gy, t->gy) - mean_y * (float)t->sum_y;
    t->det = t->xx * t->yy - t->xy * t->xy;
    float half = (t->xx - t->yy) / 2, mean = (t->xx + t->yy) / 2;
    return mean - sqrtf(half * half + t->xy * t->xy) > HOLD * 256 * WINDOW_USED;
}

/* ---- the search ------------------------------------------------------------------------------ */

/* Steps to where the window looks most like the template. False: out of the picture. */
static bool descend(const struct window_kernels *k, const struct template *t,
                    const struct pyramid_level *to, float at[2])
{
    for (int turn = 0; turn < TURNS; turn++) {
        int16_t now[WINDOW_PIXELS];
        if (!inside(to, at[0], at[1]))
            return false;
        take(k, to, at[0], at[1], now);
        struct window_sums s = k->compare(now, t->level, t->gx, t->gy);
        float mean = (float)s.all / WINDOW_USED;
        float bx = (float)s.x - mean * (float)t->sum_x, by = (float)s.y - mean * (float)t->sum_y;
        float dx = (t->yy * bx - t->xy * by) / t->det, dy = (t->xx * by - t->xy * bx) / t->det;
        at[0] -= dx;
        at[1] -= dy;
        if (dx * dx + dy * dy < STEP_PX * STEP_PX)
            break;
    }
    return inside(to, at[0], at[1]);
}

bool flow_follow(const struct pyramid *from, const struct pyramid *to, int levels,
                 const float at[2], float found[2])
{
    levels = levels < from->levels ? levels : from->levels;
    const struct window_kernels *k = window_kernels();
    bool held = false;
    for (int i = levels - 1; i >= 0; i--) {
        struct template t;
        float scale = 1.0f / (float)(1 << i), now[2] = {found[0] * scale, found[1] * scale};
        held = prepare(k, &from->level[i], at[0] * scale, at[1] * scale, &t);
        if (!held)
            continue; /* a smaller picture may show less; the largest decides */
        if (!descend(k, &t, &to->level[i], now))
            return false;
        found[0] = now[0] / scale;
        found[1] = now[1] / scale;
    }
    return held && inside(&to->level[0], found[0], found[1]);
}

float flow_difference(const struct pyramid *from, const struct pyramid *to, const float at[2],
                      const float found[2])
{
    const struct window_kernels *k = window_kernels();
    int16_t a[WINDOW_PIXELS], b[WINDOW_PIXELS];
    take(k, &from->level[0], at[0], at[1], a);
    take(k, &to->level[0], found[0], found[1], b);
    int32_t mean = (window_product(b, window_inside) - window_product(a, window_inside)) /
                   WINDOW_USED,
            sum = 0;
    for (int i = 0; i < WINDOW_PIXELS; i++) {
        int16_t d = (int16_t)(b[i] - a[i] - mean);
        sum += d < 0 ? -d : d;
    }
    return (float)sum / (16 * WINDOW_PIXELS);
}
