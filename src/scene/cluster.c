/* Trimmed k-means with two centres; see cluster.h. */
#include "scene/cluster.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { STEPS_MOST = 50 };

bool cluster_work_create(struct cluster_work *work, size_t points, int size)
{
    *work = (struct cluster_work){
        .member = calloc(points, sizeof *work->member),
        .distance = calloc(points, sizeof *work->distance),
        .sorted = calloc(points, sizeof *work->sorted),
        .trial = calloc((size_t)size * 2, sizeof *work->trial),
        .best = calloc((size_t)size * 2, sizeof *work->best),
    };
    if (work->member && work->distance && work->sorted && work->trial && work->best)
        return true;
    cluster_work_destroy(work);
    return false;
}

void cluster_work_destroy(struct cluster_work *work)
{
    free(work->member);
    free(work->distance);
    free(work->sorted);
    free(work->trial);
    free(work->best);
    *work = (struct cluster_work){0};
}

double cluster_square(const float *a, const float *b, int size)
{
    double sum = 0;
    for (int i = 0; i < size; i++) {
        double by = (double)a[i] - (double)b[i];
        sum += by * by;
    }
    return sum;
}

static const float *point(const struct cluster_points *points, size_t i)
{
    return points->values + i * (size_t)points->size;
}

/* Shell's sort: the C library's may allocate. */
static void sort(float *values, size_t count)
{
    for (size_t gap = count / 2; gap > 0; gap /= 2)
        for (size_t i = gap; i < count; i++) {
            float value = values[i];
            size_t k = i;
            for (; k >= gap && values[k - gap] > value; k -= gap)
                values[k] = values[k - gap];
            values[k] = value;
        }
}

/* Gives each point to the nearer centre, the farthest to none; returns the sum of squares. */
static double assign(const struct cluster_points *points, double trim, const float *centers,
                     struct cluster_work *work)
{
    size_t keep = points->count - (size_t)(trim * (double)points->count), kept = 0;
    double sum = 0;
    for (size_t i = 0; i < points->count; i++) {
        double d[2];
        for (int k = 0; k < 2; k++)
            d[k] = cluster_square(point(points, i), centers + (size_t)k * (size_t)points->size,
                                  points->size);
        work->member[i] = d[1] < d[0];
        work->distance[i] = work->sorted[i] = (float)(d[1] < d[0] ? d[1] : d[0]);
    }
    sort(work->sorted, points->count);
    float farthest = work->sorted[keep - 1];
    for (size_t i = 0; i < points->count; i++) {
        if (work->distance[i] <= farthest && kept < keep) {
            sum += (double)work->distance[i];
            kept++;
        } else {
            work->member[i] = -1;
        }
    }
    return sum;
}

/* Moves each centre to the mean of its points; one without points stays. */
static void move(const struct cluster_points *points, float *centers,
                 const struct cluster_work *work)
{
    for (int k = 0; k < 2; k++)
        for (int d = 0; d < points->size; d++) {
            double sum = 0;
            size_t count = 0;
            for (size_t i = 0; i < points->count; i++)
                if (work->member[i] == k) {
                    sum += (double)point(points, i)[d];
                    count++;
                }
            if (count > 0)
                centers[k * points->size + d] = (float)(sum / (double)count);
        }
}

double cluster_lloyd(const struct cluster_points *points, double trim, float *centers,
                     struct cluster_work *work)
{
    double last = DBL_MAX, sum = assign(points, trim, centers, work);
    for (int i = 0; i < STEPS_MOST && sum < last * (1 - 1e-9); i++) {
        last = sum;
        move(points, centers, work);
        sum = assign(points, trim, centers, work);
    }
    return sum;
}

/* 0..1, the next of a fixed sequence (splitmix64). */
static double next_share(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return (double)((z ^ z >> 31) >> 11) / 9007199254740992.0;
}

/* The first centre anywhere, the second by the square of its distance. False: all points are one.
 */
static bool begin(const struct cluster_points *points, uint64_t *state, float *centers,
                  struct cluster_work *work)
{
    size_t size = (size_t)points->size;
    size_t first = (size_t)(next_share(state) * (double)points->count), second = 0;
    double sum = 0;
    memcpy(centers, point(points, first), size * sizeof *centers);
    for (size_t i = 0; i < points->count; i++) {
        work->distance[i] = (float)cluster_square(point(points, i), centers, points->size);
        sum += (double)work->distance[i];
    }
    if (!(sum > 0) || !isfinite(sum))
        return false;
    double at = next_share(state) * sum;
    while (second + 1 < points->count && at >= (double)work->distance[second])
        at -= (double)work->distance[second++];
    memcpy(centers + size, point(points, second), size * sizeof *centers);
    return true;
}

bool cluster_two(const struct cluster_points *points, double trim, int starts, float *centers,
                 struct cluster_work *work)
{
    uint64_t state = 1;
    double least = DBL_MAX;
    if (points->count < 2)
        return false;
    for (int i = 0; i < starts; i++) {
        if (!begin(points, &state, work->trial, work))
            return false;
        double sum = cluster_lloyd(points, trim, work->trial, work);
        if (sum < least) {
            least = sum;
            memcpy(work->best, work->trial, 2 * (size_t)points->size * sizeof *centers);
        }
    }
    memcpy(centers, work->best, 2 * (size_t)points->size * sizeof *centers);
    assign(points, trim, centers, work);
    return true;
}
