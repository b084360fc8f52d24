#include "lines_world.h"

#include <math.h>
#include <string.h>

#include "base/plane.h"
#include "scene/pitch.h"

static double segment(const double at[2], double ax, double ay, double bx, double by)
{
    double x = bx - ax, y = by - ay;
    double t = ((at[0] - ax) * x + (at[1] - ay) * y) / (x * x + y * y);
    t = fmin(fmax(t, 0), 1);
    return hypot(at[0] - ax - t * x, at[1] - ay - t * y);
}

/* Of the end at x = 0. */
static double end(const double at[2])
{
    double arc = at[0] > 16.5 ? fabs(hypot(at[0] - 11, at[1] - 34) - 9.15) : 1e9, near = arc;
    static const double deep[2] = {16.5, 5.5}, half[2] = {20.16, 9.16};
    for (int i = 0; i < 2; i++) {
        near = fmin(near, segment(at, 0, 34 - half[i], deep[i], 34 - half[i]));
        near = fmin(near, segment(at, 0, 34 + half[i], deep[i], 34 + half[i]));
        near = fmin(near, segment(at, deep[i], 34 - half[i], deep[i], 34 + half[i]));
    }
    return near;
}

double world_line_m(const double at[2], enum world_lines lines)
{
    if (lines == WORLD_NONE)
        return 1e9;
    double near = segment(at, 52.5, 0, 52.5, 68);
    if (lines == WORLD_HALFWAY)
        return near;
    near = fmin(near, fabs(hypot(at[0] - 52.5, at[1] - 34) - 9.15));
    near = fmin(near, fmin(segment(at, 0, 0, 105, 0), segment(at, 0, 68, 105, 68)));
    near = fmin(near, fmin(segment(at, 0, 0, 0, 68), segment(at, 105, 0, 105, 68)));
    double other[2] = {105 - at[0], at[1]};
    return fmin(near, fmin(end(at), end(other)));
}

fov_pitch_view world_view(double pan, double tilt, double zoom, double k1)
{
    double s = sin(pan), c = cos(pan), f = zoom * WORLD_WIDTH, seen[9];
    double rows[3][3] = {{c, -s, 0},
                         {-s * sin(tilt), -c * sin(tilt), -cos(tilt)},
                         {s * cos(tilt), c * cos(tilt), -sin(tilt)}};
    double k[9] = {f, 0, WORLD_WIDTH / 2.0, 0, f, WORLD_HEIGHT / 2.0, 0, 0, 1};
    fov_pitch_view view = {.k1 = k1, .width = WORLD_WIDTH, .height = WORLD_HEIGHT};
    for (int r = 0; r < 3; r++) {
        seen[3 * r] = rows[r][0];
        seen[3 * r + 1] = rows[r][1];
        seen[3 * r + 2] = -(rows[r][0] * 52.5 + rows[r][1] * -38 + rows[r][2] * 20);
    }
    plane_multiply(k, seen, view.map);
    return view;
}

/* A view, and the way back of its map. */
struct sight {
    const double *map;
    double inverse[9];
    struct pitch_lens lens;
};

static double shade_at(const struct sight *sight, double x, double y, enum world_lines lines,
                       bool *line_near)
{
    double px[2] = {x, y}, at[2];
    *line_near = false;
    if (!pitch_unproject(sight->map, sight->inverse, &sight->lens, px, at) || at[1] > 90)
        return 60;
    bool beside = at[0] < -1 || at[0] > 106 || at[1] < -1 || at[1] > 69;
    double line_m = beside ? 1e9 : world_line_m(at, lines);
    *line_near = line_m < 1;
    return line_m < 0.06 ? 200 : (int)floor(at[0] / 5) % 2 ? 90 : 100;
}

void world_draw(uint8_t *gray, const fov_pitch_view *view, enum world_lines lines)
{
    enum { FINE = 3 };
    struct sight sight = {.map = view->map,
                          .lens = pitch_lens_of(view->width, view->height, view->k1)};
    if (!plane_invert(view->map, sight.inverse))
        return;
    for (int y = 0; y < WORLD_HEIGHT; y++)
        for (int x = 0; x < WORLD_WIDTH; x++) {
            bool line_near, unread;
            double sum = shade_at(&sight, x + 0.5, y + 0.5, lines, &line_near) * FINE * FINE;
            if (line_near)
                sum = 0;
            for (int i = 0; line_near && i < FINE * FINE; i++)
                sum += shade_at(&sight, x + (i % FINE + 0.5) / FINE, y + (i / FINE + 0.5) / FINE,
                                lines, &unread);
            gray[y * WORLD_WIDTH + x] = (uint8_t)(sum / (FINE * FINE) + 0.5);
        }
}

fov_image world_image(uint8_t *gray)
{
    return (fov_image){.pixels = FOV_GRAY8,
                       .width = WORLD_WIDTH,
                       .height = WORLD_HEIGHT,
                       .plane = {gray},
                       .stride = {WORLD_WIDTH}};
}

double world_apart(const fov_pitch_view *a, const fov_pitch_view *b)
{
    double sum = 0;
    int count = 0;
    for (int i = 0; i < 400; i++) {
        double px[2] = {(i % 20 + 0.5) * WORLD_WIDTH / 20, (i / 20 + 0.5) * WORLD_HEIGHT / 20};
        double at[2], q[2];
        if (!fov_pitch_to_metres(b, px, at) || at[0] < 0 || at[0] > 105 || at[1] < 0 || at[1] > 68)
            continue;
        if (!fov_pitch_to_px(a, at, q))
            return INFINITY;
        sum += (q[0] - px[0]) * (q[0] - px[0]) + (q[1] - px[1]) * (q[1] - px[1]);
        count++;
    }
    return count ? sqrt(sum / count) : INFINITY;
}
