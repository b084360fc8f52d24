/* Two groups among points some of which belong to neither: k-means that leaves the farthest points
 * out (Cuesta-Albertos, Gordaliza and Matran 1997), begun as k-means++ begins (Arthur and
 * Vassilvitskii 2007) from a fixed seed: the same points always give the same groups. */
#ifndef SCENE_CLUSTER_H
#define SCENE_CLUSTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cluster_points {
    const float *values; /* count x size */
    size_t count;
    int size;
};

/* Memory for `points` points of `size` numbers. */
struct cluster_work {
    int8_t *member; /* of each point: 0, 1, or -1: left out */
    float *distance, *sorted, *trial, *best;
};

/* False: no memory. Nothing else here allocates. */
bool cluster_work_create(struct cluster_work *work, size_t points, int size);
void cluster_work_destroy(struct cluster_work *work);

/* Lloyd's steps from `centers` (2 x size) to where they end, with `trim` (0 to below 1) of the
 * points left out; work->member is filled. Returns the sum of squares of those that are in. */
double cluster_lloyd(const struct cluster_points *points, double trim, float *centers,
                     struct cluster_work *work);

/* The best of `starts` beginnings. False: fewer than two different points. */
bool cluster_two(const struct cluster_points *points, double trim, int starts, float *centers,
                 struct cluster_work *work);

/* Squared distance of two points of `size` numbers. */
double cluster_square(const float *a, const float *b, int size);

#endif
