#include "scene/normal.h"

#include <math.h>

void normal_add(struct normal *n, int count, const double row[], double value, double weight)
{
    for (int r = 0; r < count; r++) {
        double weighed = weight * row[r];
        n->b[r] += weighed * value;
        for (int c = 0; c <= r; c++)
            n->a[r][c] += weighed * row[c];
    }
}

bool normal_factor(struct normal *n, int count)
{
    for (int c = 0; c < count; c++) {
        for (int r = c; r < count; r++) {
            double sum = n->a[r][c];
            for (int k = 0; k < c; k++)
                sum -= n->a[r][k] * n->a[c][k];
            if (r > c)
                n->a[r][c] = sum / n->a[c][c];
            else if (!(sum > n->a[c][c] * 1e-15))
                return false;
            else
                n->a[c][c] = sqrt(sum);
        }
    }
    return true;
}

void normal_solve(const struct normal *n, int count, const double b[], double x[])
{
    for (int r = 0; r < count; r++) {
        x[r] = b[r];
        for (int k = 0; k < r; k++)
            x[r] -= n->a[r][k] * x[k];
        x[r] /= n->a[r][r];
    }
    for (int r = count - 1; r >= 0; r--) {
        for (int k = r + 1; k < count; k++)
            x[r] -= n->a[k][r] * x[k];
        x[r] /= n->a[r][r];
    }
}

void normal_inverse(const struct normal *n, int count, double inverse[][NORMAL_MOST])
{
    for (int c = 0; c < count; c++) {
        double unit[NORMAL_MOST] = {0}, column[NORMAL_MOST];
        unit[c] = 1;
        normal_solve(n, count, unit, column);
        for (int r = 0; r < count; r++)
            inverse[r][c] = column[r];
    }
}
