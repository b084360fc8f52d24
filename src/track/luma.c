/* A picture's brightness, small; see luma.h. Rows are summed first, whatever the bytes mean: that
 * loop touches every pixel and runs as wide as the processor does. */
#include "track/luma.h"

#include <string.h>

int luma_factor(int width, int height, int side)
{
    int longer = width > height ? width : height;
    int factor = (2 * longer + side) / (2 * side);
    return factor > 1 ? factor : 1;
}

static void add_row(uint16_t *restrict sums, const uint8_t *restrict row, int n)
{
    for (int i = 0; i < n; i++)
        sums[i] = (uint16_t)(sums[i] + row[i]);
}

/* x / area for x up to 255.5 * area by its reciprocal, 2^40 / area rounded up: exact, since
 * 255.5 * area^2 < 2^40 up to factors of 256. */
static inline uint8_t divided(uint32_t x, uint64_t reciprocal)
{
    return (uint8_t)(x * reciprocal >> 40);
}

static void columns_gray(const uint16_t *sums, int factor, uint64_t reciprocal, uint8_t *out, int n)
{
    uint32_t half = (uint32_t)(factor * factor / 2);
    for (int x = 0; x < n; x++, sums += factor) {
        uint32_t sum = half;
        for (int i = 0; i < factor; i++)
            sum += sums[i];
        out[x] = divided(sum, reciprocal);
    }
}

static void columns_colour(const uint16_t *sums, int factor, uint64_t reciprocal,
                           const uint32_t weights[3], uint8_t *out, int n)
{
    uint32_t half = (uint32_t)(factor * factor / 2);
    for (int x = 0; x < n; x++) {
        uint32_t sum[3] = {0, 0, 0};
        for (int i = 0; i < factor; i++, sums += 3)
            for (int c = 0; c < 3; c++)
                sum[c] += sums[c];
        uint32_t level = (weights[0] * sum[0] + weights[1] * sum[1] + weights[2] * sum[2] + 128) >>
                         8;
        out[x] = divided(level + half, reciprocal);
    }
}

void luma_reduce(const fov_image *image, int factor, uint16_t *sums, uint8_t *out, size_t stride)
{
    static const uint32_t rgb[3] = {77, 150, 29}, bgr[3] = {29, 150, 77};
    bool colour = image->pixels == FOV_RGB24 || image->pixels == FOV_BGR24;
    int width = image->width / factor, bytes = width * factor * (colour ? 3 : 1);
    uint64_t area = (uint64_t)factor * (uint64_t)factor,
             reciprocal = ((UINT64_C(1) << 40) + area - 1) / area;
    const uint8_t *row = image->plane[0];
    for (int y = 0; y < image->height / factor; y++, out += stride) {
        memset(sums, 0, (size_t)bytes * sizeof *sums);
        for (int i = 0; i < factor; i++, row += image->stride[0])
            add_row(sums, row, bytes);
        if (colour)
            columns_colour(sums, factor, reciprocal, image->pixels == FOV_RGB24 ? rgb : bgr, out,
                           width);
        else
            columns_gray(sums, factor, reciprocal, out, width);
    }
}
