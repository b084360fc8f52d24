/* Maps between planes; see plane.h. */
#include "base/plane.h"

#include <float.h>
#include <math.h>
#include <string.h>

const double PLANE_IDENTITY[9] = {1, 0, 0, 0, 1, 0, 0, 0, 1};

bool plane_is_finite(const double m[9])
{
    for (int i = 0; i < 9; i++)
        if (!isfinite(m[i]))
            return false;
    return true;
}

void plane_multiply(const double a[9], const double b[9], double out[9])
{
    double sum[9];
    for (int r = 0; r < 3; r++)
        for (int c = 0; c < 3; c++)
            sum[3 * r + c] = a[3 * r] * b[c] + a[3 * r + 1] * b[3 + c] + a[3 * r + 2] * b[6 + c];
    memcpy(out, sum, sizeof sum);
}

/* Divides by m[8] where that loses nothing. */
static void scale_to_one(double m[9])
{
    double largest = 0;
    for (int i = 0; i < 9; i++)
        largest = fmax(largest, fabs(m[i]));
    double by = fabs(m[8]) > largest * 1e-12 ? m[8] : largest;
    for (int i = 0; i < 9; i++)
        m[i] /= by;
}

bool plane_invert(const double m[9], double out[9])
{
    double c[9] = {m[4] * m[8] - m[5] * m[7], m[2] * m[7] - m[1] * m[8], m[1] * m[5] - m[2] * m[4],
                   m[5] * m[6] - m[3] * m[8], m[0] * m[8] - m[2] * m[6], m[2] * m[3] - m[0] * m[5],
                   m[3] * m[7] - m[4] * m[6], m[1] * m[6] - m[0] * m[7], m[0] * m[4] - m[1] * m[3]};
    double det = m[0] * c[0] + m[1] * c[3] + m[2] * c[6];
    double size = fabs(m[0] * c[0]) + fabs(m[1] * c[3]) + fabs(m[2] * c[6]);
    if (!isfinite(det) || fabs(det) <= size * 1e-13)
        return false;
    for (int i = 0; i < 9; i++)
        out[i] = c[i] / det;
    scale_to_one(out);
    return true;
}

/* w' of a point; 0 when it is lost in rounding. */
static double depth(const double m[9], const double p[2])
{
    double w = m[6] * p[0] + m[7] * p[1] + m[8];
    double size = fabs(m[6] * p[0]) + fabs(m[7] * p[1]) + fabs(m[8]);
    return isfinite(w) && fabs(w) > size * 1e-12 ? w : 0;
}

bool plane_apply(const double m[9], const double from[2], double to[2])
{
    double w = depth(m, from);
    if (w == 0)
        return false;
    double x = (m[0] * from[0] + m[1] * from[1] + m[2]) / w;
    to[1] = (m[3] * from[0] + m[4] * from[1] + m[5]) / w;
    to[0] = x;
    return true;
}

bool plane_jacobian(const double m[9], const double from[2], double jacobian[4])
{
    double to[2], w = depth(m, from);
    if (w == 0 || !plane_apply(m, from, to))
        return false;
    for (int r = 0; r < 2; r++)
        for (int c = 0; c < 2; c++)
            jacobian[2 * r + c] = (m[3 * r + c] - to[r] * m[6 + c]) / w;
    return true;
}

/* ---- fits ------------------------------------------------------------------------------------ */

/* Moves the points of one side around the origin, at the mean distance of sqrt(2). */
struct frame {
    double center[2], scale;
};

static const double *side(const struct plane_pair *pair, bool to)
{
    return to ? pair->to : pair->from;
}

static bool frame_of(const struct plane_pair *pairs, size_t count, bool to, struct frame *f)
{
    double sum = 0, distance = 0;
    memset(f, 0, sizeof *f);
    for (size_t i = 0; i < count; i++) {
        sum += pairs[i].weight;
        for (int k = 0; k < 2; k++)
            f->center[k] += pairs[i].weight * side(&pairs[i], to)[k];
    }
    for (int k = 0; k < 2; k++)
        f->center[k] /= sum;
    for (size_t i = 0; i < count; i++) {
        const double *p = side(&pairs[i], to);
        distance += pairs[i].weight * hypot(p[0] - f->center[0], p[1] - f->center[1]);
    }
    f->scale = sqrt(2) * sum / distance;
    return isfinite(f->scale) && f->scale > 0;
}

/* One turn of Jacobi's method on rows and columns p, q of a symmetric 9x9 matrix. */
static void turn(double a[9][9], double v[9][9], int p, int q)
{
    double theta = (a[q][q] - a[p][p]) / (2 * a[p][q]);
    double t = (theta >= 0 ? 1 : -1) / (fabs(theta) + sqrt(theta * theta + 1));
    double c = 1 / sqrt(t * t + 1), s = t * c;
    for (int k = 0; k < 9; k++) {
        double kp = a[k][p], kq = a[k][q];
        a[k][p] = c * kp - s * kq;
        a[k][q] = s * kp + c * kq;
    }
    for (int k = 0; k < 9; k++) {
        double pk = a[p][k], qk = a[q][k];
        a[p][k] = c * pk - s * qk;
        a[q][k] = s * pk + c * qk;
        double vp = v[k][p], vq = v[k][q];
        v[k][p] = c * vp - s * vq;
        v[k][q] = s * vp + c * vq;
    }
}

/* Eigenvalues on the diagonal of `a` afterwards, vectors in the columns of `v`. */
static void eigen(double a[9][9], double v[9][9])
{
    memset(v, 0, sizeof(double[9][9]));
    for (int i = 0; i < 9; i++)
        v[i][i] = 1;
    for (int sweep = 0; sweep < 30; sweep++) {
        double off = 0, size = 0;
        for (int p = 0; p < 9; p++)
            for (int q = 0; q < 9; q++)
                *(p == q ? &size : &off) += a[p][q] * a[p][q];
        if (off <= size * 1e-30)
            return;
        for (int p = 0; p < 8; p++)
            for (int q = p + 1; q < 9; q++)
                if (fabs(a[p][q]) > DBL_MIN)
                    turn(a, v, p, q);
    }
}

/* Adds one equation of the direct linear transformation to its normal matrix. */
static void add_equation(double a[9][9], const double row[9], double weight)
{
    for (int r = 0; r < 9; r++)
        for (int c = 0; c < 9; c++)
            a[r][c] += weight * row[r] * row[c];
}

static void add_pair(double a[9][9], const struct plane_pair *pair, const struct frame *from,
                     const struct frame *to)
{
    double x = (pair->from[0] - from->center[0]) * from->scale;
    double y = (pair->from[1] - from->center[1]) * from->scale;
    double u = (pair->to[0] - to->center[0]) * to->scale;
    double v = (pair->to[1] - to->center[1]) * to->scale;
    add_equation(a, (double[9]){0, 0, 0, -x, -y, -1, v * x, v * y, v}, pair->weight);
    add_equation(a, (double[9]){x, y, 1, 0, 0, 0, -u * x, -u * y, -u}, pair->weight);
}

/* The vector of the smallest eigenvalue; false when the next one is as good as 0 too: the points
 * leave more than one homography open. */
static bool smallest(double a[9][9], double h[9])
{
    double v[9][9];
    eigen(a, v);
    int least = 0;
    for (int i = 1; i < 9; i++)
        if (a[i][i] < a[least][least])
            least = i;
    double next = INFINITY, most = 0;
    for (int i = 0; i < 9; i++) {
        if (i != least)
            next = fmin(next, a[i][i]);
        most = fmax(most, a[i][i]);
    }
    for (int i = 0; i < 9; i++)
        h[i] = v[i][least];
    return next > most * 1e-10;
}

bool plane_fit_homography(const struct plane_pair *pairs, size_t count, double m[9])
{
    struct frame from, to;
    size_t used = 0;
    for (size_t i = 0; i < count; i++)
        used += pairs[i].weight > 0;
    if (used < 4 || !frame_of(pairs, count, false, &from) || !frame_of(pairs, count, true, &to))
        return false;
    double a[9][9] = {{0}}, h[9];
    for (size_t i = 0; i < count; i++)
        add_pair(a, &pairs[i], &from, &to);
    if (!smallest(a, h))
        return false;
    double in[9] = {from.scale, 0,          -from.scale * from.center[0],
                    0,          from.scale, -from.scale * from.center[1],
                    0,          0,          1};
    double out[9] = {1 / to.scale, 0, to.center[0], 0, 1 / to.scale, to.center[1], 0, 0, 1};
    plane_multiply(h, in, m);
    plane_multiply(out, m, m);
    scale_to_one(m);
    double inverse[9];
    return plane_invert(m, inverse);
}

bool plane_fit_similarity(const struct plane_pair *pairs, size_t count, double m[9])
{
    struct frame from, to;
    if (!frame_of(pairs, count, false, &from) || !frame_of(pairs, count, true, &to))
        return false;
    double dot = 0, cross = 0, square = 0;
    for (size_t i = 0; i < count; i++) {
        double x = pairs[i].from[0] - from.center[0], y = pairs[i].from[1] - from.center[1];
        double u = pairs[i].to[0] - to.center[0], v = pairs[i].to[1] - to.center[1];
        dot += pairs[i].weight * (x * u + y * v);
        cross += pairs[i].weight * (x * v - y * u);
        square += pairs[i].weight * (x * x + y * y);
    }
    double a = dot / square, b = cross / square;
    double fit[9] = {a, -b, to.center[0] - a * from.center[0] + b * from.center[1],
                     b, a,  to.center[1] - b * from.center[0] - a * from.center[1],
                     0, 0,  1};
    memcpy(m, fit, sizeof fit);
    return isfinite(a) && isfinite(b);
}
