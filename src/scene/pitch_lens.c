/* One radial term, there and back, and the side of the ground that a camera is on. */
#include "scene/pitch.h"

#include <math.h>

struct pitch_lens pitch_lens_of(int width, int height, double k1)
{
    return (struct pitch_lens){
        .middle = {width / 2.0, height / 2.0}, .reach = hypot(width, height) / 2, .k1 = k1};
}

/* Distance from the middle, in reaches; the direction in px. */
static double away(const struct pitch_lens *lens, const double px[2], double direction[2])
{
    direction[0] = px[0] - lens->middle[0];
    direction[1] = px[1] - lens->middle[1];
    return hypot(direction[0], direction[1]) / lens->reach;
}

bool pitch_bend(const struct pitch_lens *lens, const double straight[2], double bent[2])
{
    double d[2], r = lens->k1 != 0 ? away(lens, straight, d) : 0;
    if (lens->k1 == 0) {
        bent[0] = straight[0], bent[1] = straight[1];
        return true;
    }
    /* r + k1 r^3 rises up to here only. */
    if (1 + 3 * lens->k1 * r * r <= 0)
        return false;
    for (int i = 0; i < 2; i++)
        bent[i] = lens->middle[i] + d[i] * (1 + lens->k1 * r * r);
    return true;
}

bool pitch_unbend(const struct pitch_lens *lens, const double bent[2], double straight[2])
{
    double d[2], r = lens->k1 != 0 ? away(lens, bent, d) : 0, k = lens->k1, s = r;
    if (k == 0 || r == 0) {
        straight[0] = bent[0], straight[1] = bent[1];
        return true;
    }
    double top = k < 0 ? 1 / sqrt(-3 * k) : INFINITY; /* where it stops rising */
    if (k < 0 && r >= top * 2 / 3)
        return false;
    /* Newton's method; it comes from the side where the curve bends away, so that it cannot leap
     * over the top. */
    if (k > 0)
        s = fmin(r, cbrt(r / k));
    for (int i = 0; i < 50; i++) {
        double step = (s + k * s * s * s - r) / (1 + 3 * k * s * s);
        s -= step;
        if (fabs(step) <= 1e-14 * s)
            break;
    }
    for (int i = 0; i < 2; i++)
        straight[i] = lens->middle[i] + d[i] * (s / r);
    return isfinite(s) && s < top;
}

void pitch_bend_jacobian(const struct pitch_lens *lens, const double straight[2],
                         double jacobian[4])
{
    double d[2] = {0}, r = lens->k1 != 0 ? away(lens, straight, d) : 0;
    double grow = 1 + lens->k1 * r * r;
    double turn = lens->k1 != 0 ? 2 * lens->k1 / (lens->reach * lens->reach) : 0;
    jacobian[0] = grow + turn * d[0] * d[0];
    jacobian[1] = jacobian[2] = turn * d[0] * d[1];
    jacobian[3] = grow + turn * d[1] * d[1];
}

/* With px downwards and y away from the camera, the determinant is below 0 where w' is above 0 in
 * front: it is minus the camera's height times its focal length squared. */
bool pitch_face(double map[9])
{
    double inverse[9], largest = 0;
    if (!plane_invert(map, inverse))
        return false;
    double det = map[0] * (map[4] * map[8] - map[5] * map[7]) -
                 map[1] * (map[3] * map[8] - map[5] * map[6]) +
                 map[2] * (map[3] * map[7] - map[4] * map[6]);
    for (int i = 0; i < 9; i++)
        largest = fmax(largest, fabs(map[i]));
    double by = fabs(map[8]) > largest * 1e-9 ? fabs(map[8]) : largest;
    for (int i = 0; i < 9; i++)
        map[i] /= det < 0 ? by : -by;
    return true;
}

bool pitch_project(const double map[9], const double pitch[2], double straight[2])
{
    return map[6] * pitch[0] + map[7] * pitch[1] + map[8] > 0 && plane_apply(map, pitch, straight);
}

bool pitch_unproject(const double map[9], const double inverse[9], const struct pitch_lens *lens,
                     const double px[2], double pitch[2])
{
    double straight[2], at[2];
    if (!isfinite(px[0]) || !isfinite(px[1]) || !pitch_unbend(lens, px, straight) ||
        !plane_apply(inverse, straight, at))
        return false;
    /* On the other side of the horizon the numbers go on, behind the camera. */
    if (!(map[6] * at[0] + map[7] * at[1] + map[8] > 0))
        return false;
    pitch[0] = at[0];
    pitch[1] = at[1];
    return isfinite(at[0]) && isfinite(at[1]);
}

bool pitch_place_slope(const double map[9], const struct pitch_lens *lens, const double pitch[2],
                       double px[2], double slope[4])
{
    double w = map[6] * pitch[0] + map[7] * pitch[1] + map[8], straight[2], m[4], bend[4];
    if (!(w > 0))
        return false;
    for (int r = 0; r < 2; r++) {
        const double *row = map + 3 * r;
        straight[r] = (row[0] * pitch[0] + row[1] * pitch[1] + row[2]) / w;
        for (int c = 0; c < 2; c++)
            m[2 * r + c] = (row[c] - straight[r] * map[6 + c]) / w;
    }
    if (!pitch_bend(lens, straight, px))
        return false;
    pitch_bend_jacobian(lens, straight, bend);
    for (int r = 0; r < 2; r++)
        for (int c = 0; c < 2; c++)
            slope[2 * r + c] = bend[2 * r] * m[c] + bend[2 * r + 1] * m[2 + c];
    return true;
}
