/* The pitch: grass in mown stripes, whose blades stay where they grow when the camera turns, and
 * the white lines. */
#include <math.h>

#include "base/pitch_law.h"
#include "media/football_scene.h"

#define STRIPE_M (FOOTBALL_LENGTH / 20)
#define WHITE 0xF2F4EE

/* ---- what grows ------------------------------------------------------------------------------
 */

/* 0 in dark stripes, 1 in light ones, with soft edges. */
static double stripe_at(double x)
{
    double wave = sin(x * (3.14159265358979 / STRIPE_M)) * 14;
    return 0.5 + 0.5 * fmax(-1, fmin(1, wave));
}

static struct paint_colour between_colours(struct paint_colour a, struct paint_colour b, double t)
{
    return (struct paint_colour){(uint8_t)lround(a.y + t * (b.y - a.y)),
                                 (uint8_t)lround(a.cb + t * (b.cb - a.cb)),
                                 (uint8_t)lround(a.cr + t * (b.cr - a.cr))};
}

static void mow(struct grass *grass)
{
    struct paint_colour dark = paint_rgb(0x41752F), light = paint_rgb(0x568E3C);
    struct paint_colour rough = paint_rgb(0x436E33);
    for (int i = 0; i < GRASS_COLUMNS; i++) {
        double x = (i + 0.5) / GRASS_TEXELS - GRASS_MARGIN;
        bool inside = x > 0 && x < FOOTBALL_LENGTH;
        grass->columns[1][i] = inside ? between_colours(dark, light, stripe_at(x)) : rough;
        grass->columns[0][i] = rough;
        for (int k = 0; k < 2; k++)
            grass->luma[k][i] = grass->columns[k][i].y;
    }
}

/* Smooth noise of a grid that repeats with the square, -1..1. */
static double patches(int x, int y, int cell, uint32_t seed)
{
    int cells = GRASS_SIDE / cell, gx = x / cell, gy = y / cell;
    double fx = (double)(x % cell) / cell, fy = (double)(y % cell) / cell, corner[4];
    fx = fx * fx * (3 - 2 * fx);
    fy = fy * fy * (3 - 2 * fy);
    for (int i = 0; i < 4; i++)
        corner[i] = scene_noise((uint32_t)((gx + i % 2) % cells), (uint32_t)((gy + i / 2) % cells),
                                seed) /
                        2147483648.0 -
                    1;
    return (corner[0] * (1 - fx) + corner[1] * fx) * (1 - fy) +
           (corner[2] * (1 - fx) + corner[3] * fx) * fy;
}

static void grow_blades(int8_t *blades, uint32_t seed)
{
    for (int y = 0; y < GRASS_SIDE; y++)
        for (int x = 0; x < GRASS_SIDE; x++) {
            double fine = patches(x, y, 2, seed) * 7, tufts = patches(x, y, 16, seed + 1) * 4;
            double worn = patches(x, y, 128, seed + 2) * 3;
            blades[y * GRASS_SIDE + x] = (int8_t)lround(fine + tufts + worn);
        }
}

/* Means of ever more texels in depth, where a pixel sees so many of them. */
static void blur_in_depth(const int8_t *from, int8_t *to, int span)
{
    for (int y = 0; y < GRASS_SIDE; y++)
        for (int x = 0; x < GRASS_SIDE; x++) {
            int sum = 0;
            for (int k = 0; k < span; k++)
                sum += from[((y + k - span / 2) & (GRASS_SIDE - 1)) * GRASS_SIDE + x];
            to[y * GRASS_SIDE + x] = (int8_t)(sum / span);
        }
}

void grass_grow(struct grass *grass, uint32_t seed)
{
    mow(grass);
    grow_blades(grass->blades[0], seed);
    for (int level = 1; level < GRASS_LEVELS; level++)
        blur_in_depth(grass->blades[0], grass->blades[level], 1 << level);
}

/* ---- a row of the picture --------------------------------------------------------------------
 */

/* Ground under a row of pixels: it is a straight line, walked in even steps. */
struct ground_row {
    double x, y, step_x, step_y; /* m, at the middle of the first pixel, and a pixel further */
    int level;
};

/* False: the row looks at the horizon or above. */
static bool ground_of(const struct camera *c, double row, struct ground_row *g)
{
    double v = row + 0.5 - c->view.height / 2.0, f = c->view.focal_px, ray[3];
    double h = 0.5 - c->view.width / 2.0;
    for (int k = 0; k < 3; k++)
        ray[k] = c->forward[k] * f - c->up[k] * v + c->right[k] * h;
    if (ray[2] > -1e-3 * f)
        return false;
    double t = -c->view.position_m[2] / ray[2];
    *g = (struct ground_row){.x = c->view.position_m[0] + t * ray[0],
                             .y = c->view.position_m[1] + t * ray[1],
                             .step_x = t * c->right[0],
                             .step_y = t * c->right[1]};
    double deep_m = t * t * f / c->view.position_m[2] * c->up[2]; /* that a row shows */
    double texels = deep_m * GRASS_TEXELS;
    g->level = texels < 1.5 ? 0 : texels < 3 ? 1 : texels < 6 ? 2 : 3;
    return true;
}

/* Cuts [*first, *end) to the pixels at which least <= at + i * step <= most. */
static void cut(double at, double step, double least, double most, int *first, int *end)
{
    if (fabs(step) < 1e-12) {
        if (at < least || at > most)
            *end = *first;
        return;
    }
    double a = (least - at) / step, b = (most - at) / step;
    double from = ceil(fmin(a, b)), to = floor(fmax(a, b)) + 1;
    *first = from > *first ? (int)fmin(from, 1 << 20) : *first;
    *end = to < *end ? (int)fmax(to, -1) : *end;
    if (*end < *first)
        *end = *first;
}

static void luma_run(uint8_t *to, int count, const uint8_t *columns, const int8_t *blades,
                     uint32_t u, uint32_t v, uint32_t step_u, uint32_t step_v)
{
    for (int i = 0; i < count; i++) {
        uint32_t place = (v >> 16 & (GRASS_SIDE - 1)) * GRASS_SIDE + (u >> 16 & (GRASS_SIDE - 1));
        to[i] = (uint8_t)(columns[u >> 16] + blades[place]);
        u += step_u;
        v += step_v;
    }
}

static void chroma_run(uint8_t *cb, uint8_t *cr, int count, const struct paint_colour *columns,
                       uint32_t u, uint32_t step_u)
{
    for (int i = 0; i < count; i++) {
        cb[i] = columns[u >> 16].cb;
        cr[i] = columns[u >> 16].cr;
        u += step_u;
    }
}

/* 16 bits of fraction of a texel. */
static uint32_t fixed(double metres)
{
    return (uint32_t)(int32_t)lround(metres * GRASS_TEXELS * 65536);
}

static void grass_run(const struct grass *grass, const fov_image *image, int row, int first,
                      int end, const struct ground_row *g, bool inside)
{
    if (first >= end)
        return;
    double x = g->x + first * g->step_x + GRASS_MARGIN, y = g->y + first * g->step_y + GRASS_MARGIN;
    uint8_t *luma = image->plane[0] + (ptrdiff_t)row * image->stride[0] + first;
    luma_run(luma, end - first, grass->luma[inside], grass->blades[g->level], fixed(x), fixed(y),
             fixed(g->step_x), fixed(g->step_y));
    if (row & 1)
        return;
    int chroma = (first + 1) / 2, chroma_end = (end + 1) / 2;
    if (chroma >= chroma_end)
        return;
    x += (2 * chroma - first) * g->step_x;
    chroma_run(image->plane[1] + (ptrdiff_t)(row / 2) * image->stride[1] + chroma,
               image->plane[2] + (ptrdiff_t)(row / 2) * image->stride[2] + chroma,
               chroma_end - chroma, grass->columns[inside], fixed(x), fixed(2 * g->step_x));
}

/* Grass up to the stands: outside of the touch lines, inside, and outside again. */
static void grass_row(const struct grass *grass, const fov_image *image, int row,
                      const struct ground_row *g)
{
    double side = STANDS_SIDE + 0.2, far = FOOTBALL_WIDTH + STANDS_FAR + 0.2;
    int first = 0, end = image->width;
    cut(g->x, g->step_x, -side, FOOTBALL_LENGTH + side, &first, &end);
    cut(g->y, g->step_y, 0.1 - GRASS_MARGIN, far, &first, &end);
    int in = first, out = end;
    cut(g->y, g->step_y, 0, FOOTBALL_WIDTH, &in, &out);
    if (in >= out)
        in = out = end;
    grass_run(grass, image, row, first, in, g, false);
    grass_run(grass, image, row, in, out, g, true);
    grass_run(grass, image, row, out, end, g, false);
}

void grass_draw(const struct grass *grass, struct paint *p, const struct camera *c)
{
    struct ground_row g;
    for (int row = p->image.height - 1; row >= 0 && ground_of(c, row, &g); row--)
        grass_row(grass, &p->image, row, &g);
}

/* ---- lines -----------------------------------------------------------------------------------
 */

static void ground_polygon(struct paint *p, const struct camera *c, const double (*corners)[3],
                           int count, float opacity)
{
    struct paint_point points[16];
    int kept = camera_polygon(c, corners, count, points);
    paint_convex(p, points, kept, paint_rgb(WHITE), opacity);
}

static void rectangle(struct paint *p, const struct camera *c, double x1, double y1, double x2,
                      double y2)
{
    ground_polygon(p, c, (const double[4][3]){{x1, y1, 0}, {x2, y1, 0}, {x2, y2, 0}, {x1, y2, 0}},
                   4, 0.9f);
}

/* A line from a to b, both along one axis; its middle is there. */
static void line(struct paint *p, const struct camera *c, double ax, double ay, double bx,
                 double by)
{
    double half = PITCH_LINE / 2;
    rectangle(p, c, ax - half, ay - half, bx + half, by + half);
}

/* Pieces of 3 degrees, which overlap so that no gap shines through. */
static void arc(struct paint *p, const struct camera *c, double x, double y, double radius,
                double from, double to)
{
    int pieces = (int)ceil((to - from) * (radius > 2 ? 20 : 6));
    for (int i = 0; i < pieces; i++) {
        double a = from + (to - from) * i / pieces - 0.002;
        double b = from + (to - from) * (i + 1) / pieces + 0.002;
        double in = radius - PITCH_LINE / 2, out = radius + PITCH_LINE / 2, corners[4][3] = {{0}};
        for (int k = 0; k < 4; k++) {
            double angle = k == 0 || k == 3 ? a : b, r = k < 2 ? in : out;
            corners[k][0] = x + r * cos(angle);
            corners[k][1] = y + r * sin(angle);
        }
        ground_polygon(p, c, (const double(*)[3])corners, 4, 0.9f);
    }
}

static void spot(struct paint *p, const struct camera *c, double x, double y)
{
    double corners[8][3] = {{0}};
    for (int k = 0; k < 8; k++) {
        corners[k][0] = x + 0.12 * cos(k * 0.7853981634);
        corners[k][1] = y + 0.12 * sin(k * 0.7853981634);
    }
    ground_polygon(p, c, (const double(*)[3])corners, 8, 0.9f);
}

/* Both areas, spot and arc before one goal; `out` points into the pitch. */
static void areas(struct paint *p, const struct camera *c, double x, double out)
{
    static const double deep[2] = {PITCH_PENALTY_AREA_LENGTH, PITCH_GOAL_AREA_LENGTH};
    static const double half[2] = {PITCH_PENALTY_AREA_HALF, PITCH_GOAL_AREA_HALF};
    double middle = FOOTBALL_WIDTH / 2, turn = out > 0 ? 0 : 3.14159265358979;
    for (int i = 0; i < 2; i++) {
        double front = x + out * deep[i], low = fmin(x, front), high = fmax(x, front);
        line(p, c, low, middle - half[i], high, middle - half[i]);
        line(p, c, low, middle + half[i], high, middle + half[i]);
        line(p, c, front, middle - half[i], front, middle + half[i]);
    }
    spot(p, c, x + out * PITCH_SPOT, middle);
    /* Outside of the area only. */
    double reach = acos((PITCH_PENALTY_AREA_LENGTH - PITCH_SPOT) / PITCH_CIRCLE);
    arc(p, c, x + out * PITCH_SPOT, middle, PITCH_CIRCLE, turn - reach, turn + reach);
}

void lines_draw(struct paint *p, const struct camera *c)
{
    double l = FOOTBALL_LENGTH, w = FOOTBALL_WIDTH, quarter = 1.5707963267949;
    line(p, c, 0, 0, l, 0);
    line(p, c, 0, w, l, w);
    line(p, c, 0, 0, 0, w);
    line(p, c, l, 0, l, w);
    line(p, c, l / 2, 0, l / 2, w);
    arc(p, c, l / 2, w / 2, PITCH_CIRCLE, 0, 4 * quarter);
    spot(p, c, l / 2, w / 2);
    areas(p, c, 0, 1);
    areas(p, c, l, -1);
    arc(p, c, 0, 0, 1, 0, quarter);
    arc(p, c, l, 0, 1, quarter, 2 * quarter);
    arc(p, c, l, w, 1, 2 * quarter, 3 * quarter);
    arc(p, c, 0, w, 1, 3 * quarter, 4 * quarter);
}
