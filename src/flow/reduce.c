#include "flow/reduce.h"

#include "media/image.h"

int reduce_denominator(const fov_model_info *model, int width, int height)
{
    double place_width = model->input_width, place_height = model->input_height;
    if (model->letterbox) {
        double by_width = place_width / width, by_height = place_height / height;
        double scale = by_width < by_height ? by_width : by_height;
        place_width = width * scale;
        place_height = height * scale;
    }
    for (int d = 8; d > 1; d /= 2)
        if ((width + d - 1) / d >= place_width && (height + d - 1) / d >= place_height)
            return d;
    return 1;
}

/* One plane's size and how much it is divided: chroma that is halved already is divided less. */
struct plan {
    int width, height, by_x, by_y, out_width, out_height;
};

static int divide(int denominator, int shift)
{
    int by = denominator >> shift;
    return by > 1 ? by : 1;
}

static struct plan plan_of(const fov_image *image, int plane, int denominator)
{
    struct plan p = {.width = image_plane_width(image, plane),
                     .height = image_plane_height(image, plane)};
    p.by_x = divide(denominator, plane ? image->shift_x : 0);
    p.by_y = divide(denominator, plane ? image->shift_y : 0);
    p.out_width = (p.width + p.by_x - 1) / p.by_x;
    p.out_height = (p.height + p.by_y - 1) / p.by_y;
    return p;
}

static size_t stride_of(int width)
{
    return ((size_t)width + 63) / 64 * 64;
}

size_t reduce_size(const fov_image *image, int denominator)
{
    size_t size = 0;
    for (int i = 0; i < 3 && image->plane[i]; i++) {
        struct plan p = plan_of(image, i, denominator);
        size += stride_of(p.out_width) * (size_t)p.out_height;
    }
    return size + (size_t)image->width * sizeof(uint16_t);
}

static void sum_rows(uint16_t *sums, const uint8_t *rows[8], int count, int width)
{
    for (int x = 0; x < width; x++)
        sums[x] = rows[0][x];
    for (int r = 1; r < count; r++)
        for (int x = 0; x < width; x++)
            sums[x] = (uint16_t)(sums[x] + rows[r][x]);
}

static inline void sum_columns(uint8_t *out, const uint16_t *sums, int count, int by, int shift)
{
    for (int x = 0; x < count; x++) {
        unsigned sum = 1u << shift >> 1;
        for (int i = 0; i < by; i++)
            sum += sums[x * by + i];
        out[x] = (uint8_t)(sum >> shift);
    }
}

/* Cut-off blocks at the right repeat the last column. */
static void finish_row(uint8_t *out, const uint16_t *sums, const struct plan *p, int shift)
{
    int whole = p->width / p->by_x;
    switch (p->by_x) { /* constants, so that the compiler unrolls */
    case 1:
        sum_columns(out, sums, whole, 1, shift);
        break;
    case 2:
        sum_columns(out, sums, whole, 2, shift);
        break;
    case 4:
        sum_columns(out, sums, whole, 4, shift);
        break;
    default:
        sum_columns(out, sums, whole, 8, shift);
    }
    if (whole == p->out_width)
        return;
    unsigned sum = 1u << shift >> 1;
    for (int i = 0; i < p->by_x; i++) {
        int x = whole * p->by_x + i;
        sum += sums[x < p->width ? x : p->width - 1];
    }
    out[whole] = (uint8_t)(sum >> shift);
}

static void reduce_plane(uint8_t *out, const uint8_t *in, int stride, const struct plan *p,
                         uint16_t *sums)
{
    int shift = __builtin_ctz((unsigned)(p->by_x * p->by_y));
    for (int y = 0; y < p->out_height; y++) {
        const uint8_t *rows[8];
        for (int r = 0; r < p->by_y; r++) {
            int row = y * p->by_y + r;
            rows[r] = in + (size_t)(row < p->height ? row : p->height - 1) * (size_t)stride;
        }
        sum_rows(sums, rows, p->by_y, p->width);
        finish_row(out + (size_t)y * stride_of(p->out_width), sums, p, shift);
    }
}

void reduce_image(fov_image *small, const fov_image *image, int denominator, uint8_t *memory)
{
    uint16_t *sums = (uint16_t *)(void *)memory;
    memory += (size_t)image->width * sizeof *sums;
    *small = (fov_image){.pixels = FOV_YUV};
    small->width = (image->width + denominator - 1) / denominator;
    small->height = (image->height + denominator - 1) / denominator;
    small->shift_x = denominator == 1 ? image->shift_x : 0;
    small->shift_y = denominator == 1 ? image->shift_y : 0;
    for (int i = 0; i < 3 && image->plane[i]; i++) {
        struct plan p = plan_of(image, i, denominator);
        small->plane[i] = image->plane[i];
        small->stride[i] = image->stride[i];
        if (p.by_x == 1 && p.by_y == 1)
            continue;
        reduce_plane(memory, image->plane[i], image->stride[i], &p, sums);
        small->plane[i] = memory;
        small->stride[i] = (int)stride_of(p.out_width);
        memory += stride_of(p.out_width) * (size_t)p.out_height;
    }
}

fov_image image_part(const fov_image *image, int x, int y, int width, int height)
{
    fov_image part = *image;
    for (int p = 0; p < 3 && image->plane[p]; p++) {
        int left = p && image->shift_x ? x / 2 : x, top = p && image->shift_y ? y / 2 : y;
        part.plane[p] += (ptrdiff_t)top * image->stride[p] + left;
    }
    part.width = width;
    part.height = height;
    return part;
}
