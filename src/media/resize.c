/* Pictures in another size: each pixel is a weighted mean of those around its place, by Lanczos'
 * windowed sinc with three lobes, widened when the picture gets smaller so that nothing is skipped.
 * Rows first, then columns, in whole numbers, with the roundings that Pillow has. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <fovea/picture.h>

#include "media/image.h"

#define LOBES 3.0
#define BITS 22 /* of a weight: 255 x the sum of their magnitudes stays below 2^31 */
#define PI 3.14159265358979323846

/* For each pixel of a side: `count` weights from pixel `first` on. */
struct filter {
    int taps; /* most weights of a pixel */
    int *first, *count;
    int32_t *weights; /* `taps` a pixel */
};

static double lanczos(double x)
{
    if (x == 0)
        return 1;
    if (fabs(x) >= LOBES)
        return 0;
    return sin(PI * x) / (PI * x) * sin(PI * x / LOBES) / (PI * x / LOBES);
}

static void weigh(struct filter *f, int at, int from, double scale, double *row)
{
    double wide = fmax(scale, 1), centre = (at + 0.5) * scale, support = LOBES * wide, sum = 0;
    int first = (int)fmax(centre - support + 0.5, 0);
    int end = (int)fmin(centre + support + 0.5, from);
    for (int i = first; i < end; i++)
        sum += row[i - first] = lanczos((i - centre + 0.5) / wide);
    f->first[at] = first;
    f->count[at] = end - first;
    for (int i = 0; i < end - first; i++)
        f->weights[(size_t)at * (size_t)f->taps + (size_t)i] = (int32_t)lround(row[i] / sum *
                                                                               (1 << BITS));
}

static void filter_free(struct filter *f)
{
    free(f->first);
    free(f->count);
    free(f->weights);
}

static bool filter_make(struct filter *f, int from, int to)
{
    double scale = (double)from / to;
    *f = (struct filter){.taps = (int)ceil(LOBES * fmax(scale, 1)) * 2 + 1};
    f->first = calloc((size_t)to, sizeof *f->first);
    f->count = calloc((size_t)to, sizeof *f->count);
    f->weights = calloc((size_t)to * (size_t)f->taps, sizeof *f->weights);
    double *row = calloc((size_t)f->taps, sizeof *row);
    bool made = f->first && f->count && f->weights && row;
    for (int i = 0; made && i < to; i++)
        weigh(f, i, from, scale, row);
    free(row);
    return made;
}

static uint8_t rounded(int32_t sum)
{
    sum = (sum + (1 << (BITS - 1))) >> BITS;
    return (uint8_t)(sum < 0 ? 0 : sum > 255 ? 255 : sum);
}

static void resize_row(uint8_t *out, const uint8_t *in, const struct filter *f, int width,
                       int channels)
{
    for (int x = 0; x < width; x++) {
        const int32_t *weights = f->weights + (size_t)x * (size_t)f->taps;
        const uint8_t *at = in + (size_t)f->first[x] * (size_t)channels;
        int32_t sums[3] = {0};
        for (int i = 0; i < f->count[x]; i++)
            for (int c = 0; c < channels; c++)
                sums[c] += weights[i] * *at++;
        for (int c = 0; c < channels; c++)
            *out++ = rounded(sums[c]);
    }
}

/* One row of the result, of rows of `bytes` bytes that lie behind each other. */
static void resize_column(uint8_t *out, const uint8_t *rows, const int32_t *weights, int count,
                          size_t bytes, int32_t *sums)
{
    memset(sums, 0, bytes * sizeof *sums);
    for (int i = 0; i < count; i++, rows += bytes)
        for (size_t x = 0; x < bytes; x++)
            sums[x] += weights[i] * rows[x];
    for (size_t x = 0; x < bytes; x++)
        out[x] = rounded(sums[x]);
}

static fov_status check_images(const fov_image *from, const fov_image *to, fov_error *error)
{
    if (from->pixels != to->pixels || from->pixels == FOV_YUV || from->pixels == FOV_PIXELS_NONE)
        return fov_fail(error, FOV_EINVAL, "both pictures have to be RGB, BGR or gray");
    if (!from->plane[0] || !to->plane[0])
        return fov_fail(error, FOV_EINVAL, "a picture without pixels");
    fov_status status = image_check_size(from->width, from->height, error);
    if (!status)
        status = image_check_size(to->width, to->height, error);
    return status ? status : image_check_size(to->width, from->height, error); /* between both */
}

fov_status fov_image_resize(const fov_image *from, const fov_image *to, fov_error *error)
{
    fov_status status = check_images(from, to, error);
    if (status)
        return status;
    int channels = image_pixel_bytes(from);
    size_t bytes = (size_t)to->width * (size_t)channels;
    struct filter across = {0}, down = {0};
    uint8_t *rows = malloc(bytes * (size_t)from->height);
    int32_t *sums = malloc(bytes * sizeof *sums);
    bool made = rows && sums && filter_make(&across, from->width, to->width) &&
                filter_make(&down, from->height, to->height);
    for (int y = 0; made && y < from->height; y++)
        resize_row(rows + (size_t)y * bytes,
                   from->plane[0] + (ptrdiff_t)y * (ptrdiff_t)from->stride[0], &across, to->width,
                   channels);
    for (int y = 0; made && y < to->height; y++)
        resize_column(to->plane[0] + (ptrdiff_t)y * (ptrdiff_t)to->stride[0],
                      rows + (size_t)down.first[y] * bytes,
                      down.weights + (size_t)y * (size_t)down.taps, down.count[y], bytes, sums);
    filter_free(&across);
    filter_free(&down);
    free(sums);
    free(rows);
    return made ? FOV_OK : fov_fail(error, FOV_ENOMEM, "not enough memory to resize a picture");
}
