/* A heat map to look at. */
#include <math.h>
#include <stdlib.h>

#include <fovea/match_file.h>
#include <fovea/picture.h>

#include "base/file.h"
#include "scene/heat_png.h"
#include "scene/pitch.h"

enum { PX = 8, REACH = 5 }; /* px a metre; bins that the blur reaches */

#define BLUR_M 1.5

static const uint8_t grass[3] = {38, 84, 44}, chalk[3] = {214, 222, 210};

/* ---- blurred bins ---------------------------------------------------------------------------- */

/* One line of bins, `step` apart; what would lie outside is not there. */
static void blur_line(const float *from, float *to, int count, int step)
{
    for (int i = 0; i < count; i++) {
        double sum = 0;
        for (int k = -REACH; k <= REACH; k++)
            if (i + k >= 0 && i + k < count)
                sum += exp(-k * k / (2 * BLUR_M * BLUR_M)) * from[(i + k) * step];
        to[i * step] = (float)sum;
    }
}

/* Both ways, and scaled so that the warmest is 1. */
static void blur(const fov_match_heat *heat, float *half, float *whole)
{
    int columns = heat->columns, rows = heat->rows;
    float most = 0;
    for (int row = 0; row < rows; row++)
        blur_line(heat->seconds + row * columns, half + row * columns, columns, 1);
    for (int column = 0; column < columns; column++)
        blur_line(half + column, whole + column, rows, columns);
    for (int i = 0; i < columns * rows; i++)
        most = fmaxf(most, whole[i]);
    for (int i = 0; i < columns * rows && most > 0; i++)
        whole[i] /= most;
}

static double bin(const fov_match_heat *heat, const float *warm, int column, int row)
{
    column = column < 0 ? 0 : column >= heat->columns ? heat->columns - 1 : column;
    row = row < 0 ? 0 : row >= heat->rows ? heat->rows - 1 : row;
    return warm[row * heat->columns + column];
}

/* Between the middles of bins. */
static double warmth(const fov_match_heat *heat, const float *warm, double x, double y)
{
    double column = floor(x - 0.5), row = floor(y - 0.5), fx = x - 0.5 - column, fy = y - 0.5 - row;
    int c = (int)column, r = (int)row;
    return (bin(heat, warm, c, r) * (1 - fx) + bin(heat, warm, c + 1, r) * fx) * (1 - fy) +
           (bin(heat, warm, c, r + 1) * (1 - fx) + bin(heat, warm, c + 1, r + 1) * fx) * fy;
}

/* ---- colours --------------------------------------------------------------------------------- */

static void mix(uint8_t *pixel, const double rgb[3], double part)
{
    for (int k = 0; k < 3; k++)
        pixel[k] = (uint8_t)lround(pixel[k] + part * (rgb[k] - pixel[k]));
}

/* Yellow to red; what is hardly warm lets the grass through. */
static void heat_colour(uint8_t *pixel, double warm)
{
    const double rgb[3] = {250 - 40 * warm * warm, 225 * (1 - warm) + 12, 60 * (1 - warm) + 10};
    mix(pixel, rgb, fmin(1, 1.6 * sqrt(warm)) * 0.92);
}

/* ---- lines ----------------------------------------------------------------------------------- */

/* How far the nearest line of one half is, in metres; the pitch is folded on its middle twice. */
static double to_line(const fov_pitch_size *pitch, double x, double y)
{
    double across = fabs(y - pitch->width / 2), in = fmin(x, pitch->length - x);
    double edge = fmin(in, pitch->width / 2 - across), middle = pitch->length / 2 - in;
    double circle = fabs(hypot(middle, across) - PITCH_CIRCLE);
    double best = fmin(edge, fmin(middle, circle));
    static const double boxes[2][2] = {{PITCH_PENALTY_AREA_LENGTH, PITCH_PENALTY_AREA_HALF},
                                       {PITCH_GOAL_AREA_LENGTH, PITCH_GOAL_AREA_HALF}};
    for (int i = 0; i < 2; i++) {
        double dx = in - boxes[i][0], dy = across - boxes[i][1];
        if (dy <= 0)
            best = fmin(best, fabs(dx));
        if (dx <= 0)
            best = fmin(best, fabs(dy));
    }
    if (in > PITCH_PENALTY_AREA_LENGTH)
        best = fmin(best, fabs(hypot(in - PITCH_SPOT, across) - PITCH_CIRCLE));
    return best;
}

static void draw(const fov_match_heat *heat, const float *warm, const fov_pitch_size *pitch,
                 const fov_image *image)
{
    const double white[3] = {chalk[0], chalk[1], chalk[2]};
    for (int row = 0; row < image->height; row++)
        for (int column = 0; column < image->width; column++) {
            uint8_t *pixel = image->plane[0] + (ptrdiff_t)row * image->stride[0] + 3 * column;
            double x = (column + 0.5) / PX, y = (image->height - row - 0.5) / PX;
            for (int k = 0; k < 3; k++)
                pixel[k] = grass[k];
            heat_colour(pixel, warmth(heat, warm, x, y));
            double line = to_line(pitch, x, y);
            mix(pixel, white, fmin(1, fmax(0, (0.2 - line) * PX)) * 0.75);
        }
}

fov_status heat_png_encode(fov_encoder *encoder, const fov_match_heat *heat,
                           const fov_pitch_size *pitch, const uint8_t **bytes, size_t *size,
                           fov_error *error)
{
    int columns = (int)ceil(pitch->length), rows = (int)ceil(pitch->width);
    if (!heat->seconds || heat->columns != columns || heat->rows != rows || columns < 1 || rows < 1)
        return fov_fail(error, FOV_EINVAL, "a heat map of %d x %d m for a pitch of %g x %g",
                        heat->columns, heat->rows, pitch->length, pitch->width);
    size_t bins = (size_t)columns * (size_t)rows;
    float *warm = calloc(2 * bins, sizeof *warm);
    uint8_t *pixels = malloc(bins * PX * PX * 3);
    fov_status status = FOV_ENOMEM;
    if (warm && pixels) {
        fov_image image = {FOV_RGB24, columns * PX, rows * PX, {pixels}, {3 * columns * PX}, 0, 0};
        blur(heat, warm + bins, warm);
        draw(heat, warm, pitch, &image);
        status = fov_encode_png(encoder, &image, bytes, size, error);
    } else {
        fov_fail(error, status, "no memory for a heat map");
    }
    free(warm);
    free(pixels);
    return status;
}

fov_status fov_match_heat_png(const fov_match_heat *heat, const fov_pitch_size *pitch,
                              const char *path, fov_error *error)
{
    fov_encoder *encoder;
    const uint8_t *bytes;
    size_t size;
    fov_status status = fov_encoder_create(&encoder, error);
    if (status == FOV_OK)
        status = heat_png_encode(encoder, heat, pitch, &bytes, &size, error);
    if (status == FOV_OK)
        status = file_replace(path, bytes, size, 0666, error);
    fov_encoder_destroy(&encoder);
    return status;
}
