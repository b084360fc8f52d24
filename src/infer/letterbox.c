#include "infer/letterbox.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "infer/tensor.h"

enum { PICTURE_MAX = 1 << 16 };

static int at_least(int value, int least)
{
    return value < least ? least : value;
}

struct letterbox_place letterbox_place_of(const struct letterbox_spec *spec, int src_width,
                                          int src_height)
{
    struct letterbox_place place = {0, 0, spec->width, spec->height, 1, 1};
    double across = (double)(spec->width - spec->inset) / src_width;
    double down = (double)(spec->height - spec->inset) / src_height;
    double ratio = across < down ? across : down;
    if (spec->fit == FIT_CROP) {
        ratio = across < down ? down : across;
        place.width = at_least((int)lrint(src_width * ratio), spec->width);
        place.height = at_least((int)lrint(src_height * ratio), spec->height);
        place.left = -((place.width - spec->width) / 2);
        place.top = -((place.height - spec->height) / 2);
    } else if (spec->fit == FIT_CENTRE) {
        place.width = at_least((int)lrint(src_width * ratio), 1);
        place.height = at_least((int)lrint(src_height * ratio), 1);
        place.left = (spec->width - place.width) / 2;
        place.top = (spec->height - place.height) / 2;
    } else if (spec->fit == FIT_TOP_LEFT) {
        /* 1e-9: 640 * (416 / 640.) must not become 415 */
        place.width = at_least((int)(src_width * ratio + 1e-9), 1);
        place.height = at_least((int)(src_height * ratio + 1e-9), 1);
    }
    place.step_x = (float)src_width / (float)place.width;
    place.step_y = (float)src_height / (float)place.height;
    return place;
}

/* Output i lies between source samples `low` and low + 1 (maybe outside); weights in 1/2048. */
struct sample {
    int low, left, right;
};

static struct sample sample_at(int i, double step)
{
    float position = (float)((i + 0.5) * step - 0.5);
    float low = floorf(position), share = position - low;
    return (struct sample){(int)low, (int)lrintf((1 - share) * KERNEL_ONE),
                           (int)lrintf(share * KERNEL_ONE)};
}

static int row_room(const struct letterbox_spec *spec)
{
    return spec->width + KERNEL_SLACK;
}

static struct kernel_taps taps_of(const struct letterbox *box, int which)
{
    const int32_t *first = box->taps + 2 * which * row_room(&box->spec);
    return (struct kernel_taps){first, first + row_room(&box->spec), box->safe[which]};
}

/* Columns of n outputs over a row of `size` samples, `stride` bytes each. */
static void make_taps(struct letterbox *box, int which, double step, int size, int stride)
{
    int32_t *offset = box->taps + 2 * which * row_room(&box->spec);
    int32_t *weights = offset + row_room(&box->spec);
    box->safe[which] = 0;
    for (int i = 0; i < box->width; i++) {
        struct sample s = sample_at(i + box->left - box->place.left, step);
        if (s.low < 0)
            s = (struct sample){0, KERNEL_ONE, 0};
        if (s.low >= size - 1) /* the last sample, as the right neighbour where there are two */
            s = size > 1 ? (struct sample){size - 2, 0, KERNEL_ONE}
                         : (struct sample){0, KERNEL_ONE, 0};
        offset[i] = s.low * stride;
        weights[i] = s.left | s.right << 16;
        box->safe[which] += offset[i] + 8 <= size * stride;
    }
}

static int16_t *cache_row(const struct letterbox *box, int plane, int slot)
{
    return box->rows + (size_t)(2 * plane + slot) * (size_t)row_room(&box->spec);
}

static int16_t *output_row(const struct letterbox *box, int channel)
{
    return box->rows + (size_t)(6 + channel) * (size_t)row_room(&box->spec);
}

static bool spec_is_valid(const struct letterbox_spec *spec)
{
    bool sizes = spec->width > 0 && spec->height > 0 && spec->width <= 8192 && spec->height <= 8192;
    bool floats = spec->dtype == FOV_F32 || spec->dtype == FOV_F16;
    bool scales = (!floats && spec->quant_scale == 0) ||
                  (spec->scale[0] != 0 && spec->scale[1] != 0 && spec->scale[2] != 0);
    bool insets = spec->inset >= 0 && spec->inset < spec->width && spec->inset < spec->height;
    return sizes && scales && insets && (floats || spec->dtype == FOV_U8 || spec->dtype == FOV_I8);
}

/* The byte for each pixel value, where that is not the value itself. */
static void make_byte_maps(struct letterbox *box)
{
    const struct letterbox_spec *spec = &box->spec;
    int least = spec->dtype == FOV_I8 ? -128 : 0;
    for (int c = 0; c < 3; c++)
        for (int pixel = 0; pixel < 256; pixel++) {
            long value = pixel + least;
            if (spec->quant_scale > 0) {
                float real = ((float)pixel - spec->mean[c]) / spec->scale[c] / spec->quant_scale;
                value = spec->quant_cut ? (long)(real + (float)spec->quant_zero)
                                        : lrintf(real) + spec->quant_zero;
            }
            value = value < least ? least : value > least + 255 ? least + 255 : value;
            box->bytes[c][pixel] = (uint8_t)value;
            box->maps_bytes |= box->bytes[c][pixel] != pixel;
        }
}

fov_status letterbox_init(struct letterbox *box, const struct letterbox_spec *spec)
{
    *box = (struct letterbox){.spec = *spec, .kernels = infer_kernels()};
    if (!spec_is_valid(spec))
        return FOV_EINVAL;
    if (spec->dtype == FOV_U8 || spec->dtype == FOV_I8)
        make_byte_maps(box);
    size_t room = (size_t)row_room(spec);
    box->taps = calloc(4 * room, sizeof *box->taps);
    box->rows = calloc(9 * room, sizeof *box->rows); /* slack is read, its value never used */
    if (box->taps && box->rows)
        return FOV_OK;
    letterbox_release(box);
    return FOV_ENOMEM;
}

void letterbox_release(struct letterbox *box)
{
    free(box->taps);
    free(box->rows);
    *box = (struct letterbox){0};
}

/* Width (or height) of the source in samples of the decode: a picture reduced to 1/2, 1/4, 1/8
 * has ceil(size / n) samples, the last of which may stand for less than n pixels. */
static double samples(int src, int decoded)
{
    for (int n = 1; n <= 8; n *= 2)
        if ((src + n - 1) / n == decoded)
            return (double)src / n;
    return decoded;
}

static int reduced(int luma, int shift)
{
    return (luma + (1 << shift) - 1) >> shift;
}

static bool is_triples(const fov_image *image)
{
    return image->pixels == FOV_RGB24 || image->pixels == FOV_BGR24;
}

static bool has_chroma(const fov_image *image)
{
    return image->pixels == FOV_YUV && image->plane[1];
}

static bool is_planned(const struct letterbox *box, const fov_image *image, int src_width,
                       int src_height)
{
    const fov_image *shape = &box->shape;
    return box->src_width == src_width && box->src_height == src_height &&
           shape->width == image->width && shape->height == image->height &&
           shape->shift_x == image->shift_x && shape->pixels == image->pixels;
}

static void plan(struct letterbox *box, const fov_image *image, int src_width, int src_height)
{
    struct letterbox_place place = letterbox_place_of(&box->spec, src_width, src_height);
    if (memcmp(&place, &box->place, sizeof place))
        box->padded = NULL;
    box->place = place;
    box->left = place.left > 0 ? place.left : 0;
    box->top = place.top > 0 ? place.top : 0;
    box->width = place.width < box->spec.width ? place.width : box->spec.width;
    box->height = place.height < box->spec.height ? place.height : box->spec.height;
    box->src_width = src_width;
    box->src_height = src_height;
    box->shape = *image;
    memset(box->shape.plane, 0, sizeof box->shape.plane);
    /* as OpenCV computes it: the last bit decides roundings */
    double across = 1 / (place.width / samples(src_width, image->width));
    box->down = 1 / (place.height / samples(src_height, image->height));
    make_taps(box, 0, across, image->width, is_triples(image) ? 3 : 1);
    if (image->pixels == FOV_YUV)
        make_taps(box, 1, across / (1 << image->shift_x), reduced(image->width, image->shift_x), 1);
}

/* Row `y` of the source blended across; it may stand there from the output row before. */
static void fill_cache(struct letterbox *box, const fov_image *image, int plane, int slot, int y)
{
    int n = box->width;
    if (box->cached[plane][slot] == y)
        return;
    box->cached[plane][slot] = y;
    const uint8_t *row = image->plane[plane] + (ptrdiff_t)y * image->stride[plane];
    uint8_t lone[8] = {row[0]}; /* a pixel without the neighbour that the kernels read */
    if (is_triples(image))
        memcpy(lone, row, 3);
    if (reduced(image->width, plane ? image->shift_x : 0) == 1)
        row = lone;
    if (is_triples(image)) {
        int16_t *const out[3] = {cache_row(box, 0, slot), cache_row(box, 1, slot),
                                 cache_row(box, 2, slot)};
        box->kernels->horizontal3(row, taps_of(box, 0), out, n);
    } else {
        box->kernels->horizontal1(row, taps_of(box, plane > 0), cache_row(box, plane, slot), n);
    }
}

/* Output row y of one plane (or all three channels) in levels. Even source rows live in slot 0,
 * odd ones in slot 1, so that neighbours never evict each other. */
static void make_plane_row(struct letterbox *box, const fov_image *image, int plane, int y)
{
    int shift = plane ? image->shift_y : 0, last = reduced(image->height, shift) - 1;
    struct sample s = sample_at(y + box->top - box->place.top, box->down / (1 << shift));
    int a = s.low < 0 ? 0 : s.low > last ? last : s.low;
    int b = s.low + 1 < 0 ? 0 : s.low + 1 > last ? last : s.low + 1;
    fill_cache(box, image, plane, a & 1, a);
    fill_cache(box, image, plane, b & 1, b);
    int channels = is_triples(image) ? 3 : 1;
    for (int c = plane; c < plane + channels; c++)
        box->kernels->vertical(cache_row(box, c, a & 1), cache_row(box, c, b & 1), (int16_t)s.left,
                               (int16_t)s.right, output_row(box, c), box->width);
}

/* One output row as three channels, red first; gray gives the same row three times. */
static void make_row(struct letterbox *box, const fov_image *image, int y, const int16_t *rgb[3])
{
    int16_t *rows[3] = {output_row(box, 0), output_row(box, 1), output_row(box, 2)};
    make_plane_row(box, image, 0, y);
    for (int c = 0; c < 3; c++)
        rgb[c] = rows[image->pixels == FOV_BGR24 ? 2 - c : c];
    if (is_triples(image))
        return;
    if (!has_chroma(image)) {
        rgb[1] = rgb[2] = rows[0];
        return;
    }
    make_plane_row(box, image, 1, y);
    make_plane_row(box, image, 2, y);
    box->kernels->yuv_to_rgb(rows[0], rows[1], rows[2], box->width);
}

/* ---- the less usual layouts, a channel at a time ---- */

/* Elements of a pixel, and from a channel's number to the next one's. */
static size_t channel_step(const struct letterbox_spec *spec)
{
    return spec->planar ? (size_t)spec->width * (size_t)spec->height : 1;
}

static size_t pixel_step(const struct letterbox_spec *spec)
{
    return spec->planar || spec->gray ? 1 : 3;
}

static uint8_t pixel_of(int16_t level)
{
    return (uint8_t)(level < 0 ? 0 : level > 255 ? 255 : level);
}

static void store_bytes(const struct letterbox *box, const int16_t *const c[3], int channels,
                        uint8_t *out, int n)
{
    size_t step = pixel_step(&box->spec);
    for (int channel = 0; channel < channels; channel++) {
        uint8_t *to = out + (size_t)channel * channel_step(&box->spec);
        for (int i = 0; i < n; i++)
            to[(size_t)i * step] = box->bytes[channel][pixel_of(c[channel][i])];
    }
}

static void store_floats(const struct letterbox *box, const int16_t *const c[3], int channels,
                         float *out, int n)
{
    const struct letterbox_spec *spec = &box->spec;
    size_t step = pixel_step(spec);
    for (int channel = 0; channel < channels; channel++) {
        float *to = out + (size_t)channel * channel_step(spec);
        float scale = 1 / spec->scale[channel];
        float bias = -spec->mean[channel] / spec->scale[channel];
        for (int i = 0; i < n; i++)
            to[(size_t)i * step] = (float)c[channel][i] * scale + bias;
    }
}

static void store_halves(const struct letterbox *box, const int16_t *const c[3], int channels,
                         uint16_t *out, int n)
{
    const struct letterbox_spec *spec = &box->spec;
    size_t step = pixel_step(spec);
    for (int channel = 0; channel < channels; channel++) {
        uint16_t *to = out + (size_t)channel * channel_step(spec);
        float scale = 1 / spec->scale[channel];
        float bias = -spec->mean[channel] / spec->scale[channel];
        for (int i = 0; i < n; i++)
            to[(size_t)i * step] = tensor_half((float)c[channel][i] * scale + bias);
    }
}

/* BT.601 luma of a row, into the first channel. */
static void make_gray(const int16_t *const rgb[3], int16_t *out, int n)
{
    for (int i = 0; i < n; i++)
        out[i] = (int16_t)((77 * rgb[0][i] + 150 * rgb[1][i] + 29 * rgb[2][i] + 128) >> 8);
}

/* Writes n pixels at column x of row y. */
static void store_row(const struct letterbox *box, const int16_t *const rgb[3], int x, int y, int n,
                      void *out)
{
    const struct letterbox_spec *spec = &box->spec;
    const struct infer_kernels *k = box->kernels;
    const int16_t *c[3] = {rgb[spec->bgr ? 2 : 0], rgb[1], rgb[spec->bgr ? 0 : 2]};
    int channels = spec->gray ? 1 : 3;
    size_t at = ((size_t)y * (size_t)spec->width + (size_t)x) * pixel_step(spec);
    if (spec->gray) {
        make_gray(rgb, output_row(box, 0), n);
        c[0] = output_row(box, 0);
    }
    if (spec->dtype == FOV_F16)
        store_halves(box, c, channels, (uint16_t *)out + at, n);
    else if (spec->dtype == FOV_F32 && spec->planar)
        for (int i = 0; i < channels; i++)
            k->store_f32(c[i], 1 / spec->scale[i], -spec->mean[i] / spec->scale[i],
                         (float *)out + (size_t)i * channel_step(spec) + at, n);
    else if (spec->dtype == FOV_F32)
        store_floats(box, c, channels, (float *)out + at, n);
    else if (spec->planar || spec->gray || box->maps_bytes)
        store_bytes(box, c, channels, (uint8_t *)out + at, n);
    else
        k->store_u8x3(c, (uint8_t *)out + at, n);
}

static void store_padding(const struct letterbox *box, int16_t *row, void *out)
{
    int width = box->spec.width, right = box->left + box->width;
    for (int i = 0; i < width; i++)
        row[i] = box->spec.pad;
    const int16_t *const gray[3] = {row, row, row};
    for (int y = 0; y < box->spec.height; y++) {
        if (y < box->top || y >= box->top + box->height) {
            store_row(box, gray, 0, y, width, out);
        } else if (box->width < width) {
            store_row(box, gray, 0, y, box->left, out);
            store_row(box, gray, right, y, width - right, out);
        }
    }
}

static bool image_is_valid(const fov_image *image, int src_width, int src_height)
{
    bool sizes = image->width > 0 && image->height > 0 && image->width <= PICTURE_MAX &&
                 image->height <= PICTURE_MAX && src_width > 0 && src_height > 0 &&
                 src_width <= 8 * PICTURE_MAX && src_height <= 8 * PICTURE_MAX;
    bool shifts = image->pixels != FOV_YUV || (image->shift_x >= 0 && image->shift_x <= 1 &&
                                               image->shift_y >= 0 && image->shift_y <= 1);
    return sizes && shifts && image->plane[0] && image->pixels >= FOV_RGB24 &&
           image->pixels <= FOV_YUV;
}

fov_status letterbox_run(struct letterbox *box, const fov_image *image, int src_width,
                         int src_height, void *out)
{
    if (!image_is_valid(image, src_width, src_height))
        return FOV_EINVAL;
    if (!is_planned(box, image, src_width, src_height))
        plan(box, image, src_width, src_height);
    if (box->padded != out) {
        store_padding(box, output_row(box, 0), out);
        box->padded = out;
    }
    memset(box->cached, 0xFF, sizeof box->cached);
    for (int y = 0; y < box->height; y++) {
        const int16_t *rgb[3];
        make_row(box, image, y, rgb);
        store_row(box, rgb, box->left, y + box->top, box->width, out);
    }
    return FOV_OK;
}

static float clip(float value, float most)
{
    return value < 0 ? 0 : value > most ? most : value;
}

void letterbox_to_source(const struct letterbox *box, float *x, float *y)
{
    const struct letterbox_place *place = &box->place;
    *x = (*x - (float)place->left) * place->step_x;
    *y = (*y - (float)place->top) * place->step_y;
}

void letterbox_undo(const struct letterbox *box, float *x, float *y)
{
    letterbox_to_source(box, x, y);
    *x = clip(*x, (float)box->src_width);
    *y = clip(*y, (float)box->src_height);
}
