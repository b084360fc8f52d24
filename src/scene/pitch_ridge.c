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

/* The same where all four are there. */
static float between_inside(const struct ridge_picture *p, double x, double y)
{
    int column = (int)(x - 0.5), row = (int)(y - 0.5), left = column * p->step;
    const uint8_t *first = p->first + (ptrdiff_t)row * p->stride;
    return mixed(first, first + p->stride, left, left + p->step, (float)(x - 0.5 - column),
                 (float)(y - 0.5 - row));
}

static bool is_inside(const struct ridge_picture *p, double x, double y)
{
    return x >= 1 && y >= 1 && x < p->width - 1 && y < p->height - 1;
}

/* Brightness from `middle` px before a place to as many behind it; sums[i]: of those before i. */
static void read_profile(const struct ridge_picture *p, const double px[2], const double normal[2],
                         int middle, float *profile, float *sums)
{
    double x = px[0] - middle * normal[0], y = px[1] - middle * normal[1];
    bool inside = is_inside(p, x, y) &&
                  is_inside(p, px[0] + middle * normal[0], px[1] + middle * normal[1]);
    sums[0] = 0;
    for (int k = 0; k <= 2 * middle; k++) {
        double at[2] = {x + k * normal[0], y + k * normal[1]};
        profile[k] = inside ? between_inside(p, at[0], at[1]) : between(p, at[0], at[1]);
        sums[k + 1] = sums[k] + profile[k];
    }
}

/* A line of so many px to each side of its middle, and where its sides are looked at. */
struct shape {
    int half, gap;
};

static float mean(const float *sums, int from, int count)
{
    return (sums[from + count] - sums[from]) / (float)count;
}

static float brighter(const float *sums, int at, struct shape shape)
{
    float side = fmaxf(mean(sums, at - shape.gap - SIDE + 1, SIDE),
                       mean(sums, at + shape.gap, SIDE));
    return mean(sums, at - shape.half, 2 * shape.half + 1) - side;
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
    for (int k = 0; k <= 2 * reach; k++) {
        strengths[k] = brighter(sums, middle - reach + k, shape);
        best = strengths[k] > strengths[best] ? k : best;
    }
    if (!(strengths[best] >= LEAST))
        return false;
    for (int k = 0; k <= 2 * reach; k++)
        if ((k < best - shape.gap || k > best + shape.gap) &&
            strengths[k] > SECOND * strengths[best])
            return false;
    *offset_px = middle_of(profile, sums, middle - reach + best, shape) - middle;
    return fabs(*offset_px) <= reach + 1;
}
