/* The view of a pitch, made ready; see ground.h. The camera out of a map of the ground: Zhang
 * (2000), "A flexible new technique for camera calibration", with the focal length as the only
 * unknown. */
#include "scene/ground.h"

#include <math.h>
#include <string.h>

bool ground_view_is_finite(const fov_pitch_view *view)
{
    return isfinite(view->k1) && plane_is_finite(view->map);
}

/* Columns x, y of the map with the middle of the picture at the origin. */
static void columns(const struct ground *g, double x[3], double y[3])
{
    for (int r = 0; r < 3; r++) {
        double shift = r < 2 ? g->lens.middle[r] : 0;
        x[r] = g->to_px[3 * r] - shift * g->to_px[6];
        y[r] = g->to_px[3 * r + 1] - shift * g->to_px[7];
    }
}

/* 1/f² from "the two axes are at right angles and of one length"; 0: they do not tell. */
static double inverse_focal_square(const double x[3], const double y[3])
{
    double a[2] = {x[0] * y[0] + x[1] * y[1],
                   x[0] * x[0] + x[1] * x[1] - y[0] * y[0] - y[1] * y[1]};
    double b[2] = {x[2] * y[2], x[2] * x[2] - y[2] * y[2]};
    double square = a[0] * a[0] + a[1] * a[1];
    double g = square > 0 ? -(a[0] * b[0] + a[1] * b[1]) / square : 0;
    return isfinite(g) && g > 0 ? g : 0;
}

static void find_camera(struct ground *g)
{
    double x[3], y[3];
    columns(g, x, y);
    double inverse = inverse_focal_square(x, y);
    /* A lens from 20 to 0.2 half diagonals long; what lies outside is an accident of the numbers.
     */
    double focal = inverse > 0 ? 1 / sqrt(inverse) : 0;
    g->has_camera = focal > 0.2 * g->lens.reach && focal < 20 * g->lens.reach;
    if (!g->has_camera)
        return;
    for (int i = 0; i < 2; i++) {
        x[i] /= focal;
        y[i] /= focal;
    }
    double length = (sqrt(x[0] * x[0] + x[1] * x[1] + x[2] * x[2]) +
                     sqrt(y[0] * y[0] + y[1] * y[1] + y[2] * y[2])) /
                    2;
    double up[3] = {(x[1] * y[2] - x[2] * y[1]) / length * focal,
                    (x[2] * y[0] - x[0] * y[2]) / length * focal,
                    (x[0] * y[1] - x[1] * y[0]) / length};
    g->up[0] = up[0] + g->lens.middle[0] * up[2];
    g->up[1] = up[1] + g->lens.middle[1] * up[2];
    g->up[2] = up[2];
}

bool ground_of_view(struct ground *g, const fov_pitch_view *view, int width, int height)
{
    memset(g, 0, sizeof *g);
    if (!view || !ground_view_is_finite(view))
        return false;
    double by[2] = {1, 1};
    if (view->width > 0 && view->height > 0 && width > 0 && height > 0) {
        by[0] = (double)width / view->width;
        by[1] = (double)height / view->height;
        if (fabs(by[0] / by[1] - 1) > 0.02)
            return false;
    } else if (view->width > 0 && view->height > 0) {
        width = view->width;
        height = view->height;
    }
    const double scale[9] = {by[0], 0, 0, 0, by[1], 0, 0, 0, 1};
    plane_multiply(scale, view->map, g->to_px);
    g->lens = pitch_lens_of(width, height, view->k1);
    g->known = pitch_face(g->to_px) && plane_invert(g->to_px, g->to_m);
    if (g->known)
        find_camera(g);
    return g->known;
}

bool ground_metres(const struct ground *g, const double px[2], double metres[2])
{
    return g->known && pitch_unproject(g->to_px, g->to_m, &g->lens, px, metres);
}

double ground_px_per_m(const struct ground *g, const double metres[2])
{
    double j[4];
    if (!g->known || !plane_jacobian(g->to_px, metres, j))
        return 0;
    /* The larger of the two ways on the ground: the one that is not foreshortened. */
    double a = j[0] * j[0] + j[2] * j[2], b = j[1] * j[1] + j[3] * j[3],
           c = j[0] * j[1] + j[2] * j[3];
    double middle = (a + b) / 2;
    return sqrt(middle + sqrt((a - b) * (a - b) / 4 + c * c));
}
