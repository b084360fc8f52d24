/* Quantiles of what was measured: for `fovea benchmark` and the programs of tests/bench. */
#ifndef APPS_QUANTILE_H
#define APPS_QUANTILE_H

#include <stddef.h>
#include <stdlib.h>

static inline int quantile_order(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The nearest of the values to the q-quantile, 0 without any. Sorts them. */
static inline double quantile(double *values, size_t count, double q)
{
    qsort(values, count, sizeof *values, quantile_order);
    return count ? values[(size_t)(q * (double)(count - 1) + 0.5)] : 0;
}

#endif
