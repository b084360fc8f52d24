/* Normal equations of least squares with a few unknowns. Pure; nothing here allocates. */
#ifndef SCENE_NORMAL_H
#define SCENE_NORMAL_H

#include <stdbool.h>

enum { NORMAL_MOST = 9 };

/* Of the unknowns the first `count` of each call are in use. Begin with zeros. `a` is symmetric: of
 * it the functions here write and read the lower triangle only. */
struct normal {
    double a[NORMAL_MOST][NORMAL_MOST], b[NORMAL_MOST];
};

/* Adds the square of (row * unknowns - value), times weight. */
void normal_add(struct normal *n, int count, const double row[], double value, double weight);

/* Cholesky's factor in place of `a`; false: not positive. */
bool normal_factor(struct normal *n, int count);

/* The unknowns for a right side, n->b or another one, once `a` is factored. */
void normal_solve(const struct normal *n, int count, const double b[], double unknowns[]);

/* All of the inverse of `a`, once that is factored. */
void normal_inverse(const struct normal *n, int count, double inverse[][NORMAL_MOST]);

#endif
