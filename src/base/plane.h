/* Maps between planes: 3x3 matrices, row by row, that take (x, y, 1) to (x', y', w'). Pure; nothing
 * here allocates. */
#ifndef BASE_PLANE_H
#define BASE_PLANE_H

#include <stdbool.h>
#include <stddef.h>

/* A point on both planes. `weight`: how much it counts in a fit, 0 and more. */
struct plane_pair {
    double from[2], to[2];
    double weight;
};

extern const double PLANE_IDENTITY[9];

/* Whether all nine numbers are finite. */
bool plane_is_finite(const double m[9]);

/* out = a * b: first b, then a. `out` may be one of them. */
void plane_multiply(const double a[9], const double b[9], double out[9]);

/* False: there is no inverse. `out` may be `m`; it is scaled so that out[8] is 1 where it can be.
 */
bool plane_invert(const double m[9], double out[9]);

/* False: the point goes to infinity (w' is 0 beside the terms that it is the sum of). */
bool plane_apply(const double m[9], const double from[2], double to[2]);

/* Derivative of plane_apply at a point: {dx'/dx, dx'/dy, dy'/dx, dy'/dy}. False as plane_apply. */
bool plane_jacobian(const double m[9], const double from[2], double jacobian[4]);

/* The homography that takes `from` to `to`, by the normalised direct linear transformation
 * (Hartley 1997; Hartley, Zisserman: Multiple View Geometry, algorithm 4.2). Scaled so that m[8] is
 * 1 where it can be. False: fewer than four pairs with a weight, or three of four on a line, as far
 * as the numbers tell. */
bool plane_fit_homography(const struct plane_pair *pairs, size_t count, double m[9]);

/* Turn, one scale and shift that take `from` to `to` with the least squares (Umeyama 1991). False:
 * fewer than two different points with a weight. */
bool plane_fit_similarity(const struct plane_pair *pairs, size_t count, double m[9]);

#endif
