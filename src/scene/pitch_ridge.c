/* Bright narrow lines on darker ground, along one direction. */
#include <math.h>
#include <string.h>

#include "scene/pitch_lines.h"

enum { REACH_MOST = 48, HALF_MOST = 12, GAP_MOST = HALF_MOST + 3, SIDE = 2 };
enum { PROFILE = 2 * (REACH_MOST + GAP_MOST + SIDE) + 1 };

/* Brighter than both sides by this at least, and than any other line by that. */
#define LEAST 9.0f
#define SECOND 0.7f

enum { SIDE_LEAST = 64, SIDE_MOST = 16384 };

fov_status ridge_picture_of(const fov_image *image, struct ridge_picture *picture, fov_error *error)
{
    bool rgb = image->pixels == FOV_RGB24 || image->pixels == FOV_BGR24;
    if (!rgb && image->pixels != FOV_YUV && image->pixels != FOV_GRAY8)
        return fov_fail(error, FOV_EINVAL, "lines are looked for in pixels, and there are none");
    if (image->width < SIDE_LEAST || image->height < SIDE_LEAST || image->width > SIDE_MOST ||
        image->height > SIDE_MOST)
        return fov_fail(error, FOV_EINVAL,
                        "lines are looked for in pictures of %d to %d px a side, this one has %d "
                        "x %d",
                        SIDE_LEAST, SIDE_MOST, image->width, image->height);
    int step = rgb ? 3 : 1;
    if (!image->plane[0] || image->stride[0] < image->width * step)
        return fov_fail(error, FOV_EINVAL, "a picture without its first plane");
    *picture = (struct ridge_picture){.first = image->plane[0] + (rgb ? 1 : 0),
                                      .stride = image->stride[0],
                                      .step = step,
                                      .width = image->width,
                                      .height = image->height};
    return FOV_OK;
}

static int clamp(int value, int most)
{
    return value < 0 ? 0 : value > most ? most : value;
}

/* Whole number below, for those that are not far below 0: floor() is a call on plain processors. */
static int below(double value)
{
    return (int)(value + SIDE_MOST) - SIDE_MOST;
}

static float mixed(const uint8_t *above, const uint8_t *below_it, int left, int right, float fx,
                   float fy)
{
    float top = (float)above[left] + fx * (float)(above[right] - above[left]);
    float bottom = (float)below_it[left] + fx * (float)(below_it[right] - below_it[left]);
    return top + fy * (bottom - top);
}

/* Between the middles of four pixels; the picture's edges go on for ever. */
static float between(const struct ridge_picture *p, double x, double y)
{
    int column = below(x - 0.5), row = below(y - 0.5);
    float fx = (float)(x - 0.5 - column), fy = (float)(y - 0.5 - row);
    const uint8_t *first = p->first + (ptrdiff_t)clamp(row, p->height - 1) * p->stride;
    const uint8_t *second = p->first + (ptrdiff_t)clamp(row + 1, p->height - 1) * p->stride;
    return mixed(first, second, clamp(column, p->width - 1) * p->step,
                 clamp(column + 1, p->width - 1) * p->step, fx, fy);
}

static bool is_inside(const struct ridge_picture *p, double x, double y)
{
    return x >= 1 && y >= 1 && x < p->width - 1 && y < p->height - 1;
}

#define ONE ((double)(INT64_C(1) << 32)) /* px, in whole numbers with 32 bits behind the point */
#define PART(fixed) ((float)(uint32_t)(fixed)*0x1p-32f)

/* `count` values from a place on, in steps; all that is read is inside of the picture. Whole
 * numbers are quicker to step in. */
static void read_inside(const struct ridge_picture *p, const double at[2], const double step[2],
                        int count, float *profile)
{
    int64_t x = (int64_t)((at[0] - 0.5) * ONE), y = (int64_t)((at[1] - 0.5) * ONE);
    const int64_t dx = (int64_t)(step[0] * ONE), dy = (int64_t)(step[1] * ONE);
    for (int k = 0; k < count; k++, x += dx, y += dy) {
        const uint8_t *first = p->first + (y >> 32) * p->stride + (x >> 32) * p->step;
        const uint8_t *second = first + p->stride;
        profile[k] = mixed(first, second, 0, p->step, PART(x), PART(y));
    }
}

/* Brightness from `middle` px before a place to as many behind it; sums[i]: of those before i. */
static void read_profile(const struct ridge_picture *p, const double px[2], const double normal[2],
                         int middle, float *profile, float *sums)
{
    const double from[2] = {px[0] - middle * normal[0], px[1] - middle * normal[1]};
    int count = 2 * middle + 1;
    if (is_inside(p, from[0], from[1]) &&
        is_inside(p, px[0] + middle * normal[0], px[1] + middle * normal[1]))
        read_inside(p, from, normal, count, profile);
    else
        for (int k = 0; k < count; k++)
            profile[k] = between(p, from[0] + k * normal[0], from[1] + k * normal[1]);
    sums[0] = 0;
    for (int k = 0; k < count; k++)
        sums[k + 1] = sums[k] + profile[k];
}

/* A line of so many px to each side of its middle, and where its sides are looked at. */
struct shape {
    int half, gap;
};

static float mean(const float *sums, int from, int count)
{
    return (sums[from + count] - sums[from]) / (float)count;
}

/* How much brighter than both of its sides a line would be at each of `count` places. */
static void rate(const float *sums, int from, int count, struct shape shape, float *strengths)
{
    const float *left = sums + from - shape.gap - SIDE + 1, *right = sums + from + shape.gap;
    const float *line = sums + from - shape.half;
    int across = 2 * shape.half + 1;
    for (int k = 0; k < count; k++) {
        float before = (left[k + SIDE] - left[k]) / SIDE,
              behind = (right[k + SIDE] - right[k]) / SIDE;
        strengths[k] = (line[k + across] - line[k]) / (float)across -
                       (before > behind ? before : behind);
    }
}

/* The middle of what is brighter than the sides around a place of the profile. */
static double middle_of(const float *profile, const float *sums, int at, struct shape shape)
{
    float left = mean(sums, at - shape.gap - SIDE + 1, SIDE),
          right = mean(sums, at + shape.gap, SIDE);
    double sum = 0, moment = 0;
    for (int k = -shape.gap + 1; k < shape.gap; k++) {
        float base = left + (right - left) * (float)(k + shape.gap) / (float)(2 * shape.gap);
        float above = fmaxf(profile[at + k] - base, 0);
        sum += (double)above;
        moment += (double)above * k;
    }
    return sum > 0 ? at + moment / sum : at;
}

bool ridge_find(const struct ridge_picture *picture, const double px[2], const double normal[2],
                double width_px, double reach_px, double *offset_px)
{
    float profile[PROFILE], sums[PROFILE + 1], strengths[2 * REACH_MOST + 1];
    int reach = (int)fmin(fmax(reach_px, 1), REACH_MOST), best = 0;
    struct shape shape = {.half = (int)fmin(fmax((width_px - 1) / 2 + 0.25, 0), HALF_MOST)};
    shape.gap = shape.half + 2 + (width_px > 2);
    int middle = reach + shape.gap + SIDE;
    read_profile(picture, px, normal, middle, profile, sums);
    rate(sums, middle - reach, 2 * reach + 1, shape, strengths);
    for (int k = 0; k <= 2 * reach; k++)
        best = strengths[k] > strengths[best] ? k : best;
    if (!(strengths[best] >= LEAST))
        return false;
    for (int k = 0; k <= 2 * reach; k++)
        if ((k < best - shape.gap || k > best + shape.gap) &&
            strengths[k] > SECOND * strengths[best])
            return false;
    *offset_px = middle_of(profile, sums, middle - reach + best, shape) - middle;
    return fabs(*offset_px) <= reach + 1;
}
