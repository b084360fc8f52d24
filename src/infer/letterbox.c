#include "infer/letterbox.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { TAP_ONE = 1 << 14, PICTURE_MAX = 1 << 16 };

static int at_least(int value, int least)
{
    return value < least ? least : value;
}

struct letterbox_place letterbox_place_of(const struct letterbox_spec *spec, int src_width,
                                          int src_height)
{
    struct letterbox_place place = {0, 0, spec->width, spec->height, 1, 1};
    double across = (double)spec->width / src_width, down = (double)spec->height / src_height;
    double ratio = across < down ? across : down;
    if (spec->fit == FIT_CENTRE) {
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

/* Source position of output i as a lower neighbour and the share of the upper one (0..1). */
static int sample_at(int i, double step, int size, double *share)
{
    double position = (i + 0.5) * step - 0.5;
    if (position < 0)
        position = 0;
    int low = (int)position;
    if (low >= size - 1) {
        *share = 0;
        return size - 1;
    }
    *share = position - low;
    return low;
}

/* Taps of n outputs over a row of `size` samples, `stride` elements apart. */
static void make_taps(int32_t *taps, int room, int n, double step, int size, int stride)
{
    int32_t *offset = taps, *weights = taps + room;
    for (int i = 0; i < n; i++) {
        double share;
        int low = sample_at(i, step, size, &share);
        int right = (int)lrint(share * TAP_ONE);
        if (low == size - 1 && size > 1) { /* the last sample as the right neighbour */
            low--;
            right = TAP_ONE;
        }
        offset[i] = low * stride;
        weights[i] = (TAP_ONE - right) | right << 16;
    }
    for (int i = n; i < room; i++)
        offset[i] = weights[i] = 0;
}

static struct kernel_taps taps_of(const struct letterbox *box, int which)
{
    const int32_t *first = box->taps + 2 * which * box->taps_room;
    return (struct kernel_taps){first, first + box->taps_room};
}

/* Elements of one line of each kind: source rows (Y or RGB, U, V) and three output rows. */
static size_t source_room(int width)
{
    return (size_t)width * 3 + KERNEL_SLACK;
}

static size_t output_room(const struct letterbox_spec *spec)
{
    return (size_t)spec->width + KERNEL_SLACK;
}

static fov_status reserve_lines(struct letterbox *box, int width)
{
    size_t room = source_room(width) + 3 * output_room(&box->spec);
    if (room <= box->line_room)
        return FOV_OK;
    int16_t *line = calloc(room, sizeof *line); /* zeros: slack is read, its value never used */
    if (!line)
        return FOV_ENOMEM;
    free(box->line);
    box->line = line;
    box->line_room = room;
    return FOV_OK;
}

static bool spec_is_valid(const struct letterbox_spec *spec)
{
    bool sizes = spec->width > 0 && spec->height > 0 && spec->width <= 8192 && spec->height <= 8192;
    bool scales = spec->dtype != FOV_F32 ||
                  (spec->scale[0] != 0 && spec->scale[1] != 0 && spec->scale[2] != 0);
    return sizes && scales &&
           (spec->dtype == FOV_F32 || spec->dtype == FOV_U8 || spec->dtype == FOV_I8);
}

fov_status letterbox_init(struct letterbox *box, const struct letterbox_spec *spec, int max_width)
{
    *box = (struct letterbox){.spec = *spec, .kernels = infer_kernels()};
    if (!spec_is_valid(spec))
        return FOV_EINVAL;
    box->taps_room = spec->width + KERNEL_SLACK;
    box->taps = calloc((size_t)box->taps_room * 4, sizeof *box->taps);
    if (box->taps && reserve_lines(box, max_width) == FOV_OK)
        return FOV_OK;
    letterbox_release(box);
    return FOV_ENOMEM;
}

void letterbox_release(struct letterbox *box)
{
    free(box->taps);
    free(box->line);
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

static int chroma_size(int luma, int shift)
{
    return (luma + (1 << shift) - 1) >> shift;
}

static bool is_planned(const struct letterbox *box, const fov_image *image, int src_width,
                       int src_height)
{
    return box->src_width == src_width && box->src_height == src_height &&
           box->image_width == image->width && box->image_height == image->height &&
           box->shift_x == image->shift_x && box->pixels == image->pixels;
}

static void plan(struct letterbox *box, const fov_image *image, int src_width, int src_height)
{
    struct letterbox_place place = letterbox_place_of(&box->spec, src_width, src_height);
    if (memcmp(&place, &box->place, sizeof place))
        box->padded = NULL;
    box->place = place;
    box->src_width = src_width;
    box->src_height = src_height;
    box->image_width = image->width;
    box->image_height = image->height;
    box->shift_x = image->shift_x;
    box->pixels = image->pixels;
    double step = samples(src_width, image->width) / place.width;
    bool triples = image->pixels == FOV_RGB24 || image->pixels == FOV_BGR24;
    make_taps(box->taps, box->taps_room, place.width, step, image->width, triples ? 3 : 1);
    if (image->pixels == FOV_YUV)
        make_taps(box->taps + 2 * box->taps_room, box->taps_room, place.width,
                  step / (1 << image->shift_x), chroma_size(image->width, image->shift_x), 1);
}

/* Blends the two source rows around output row y of one plane into `line`. */
static void blend_rows(const struct letterbox *box, const fov_image *image, int plane, int y,
                       int row_bytes, int16_t *line)
{
    int shift = plane ? image->shift_y : 0;
    int rows = chroma_size(image->height, shift);
    double step = samples(box->src_height, image->height) / box->place.height / (1 << shift), share;
    int low = sample_at(y, step, rows, &share);
    long weight = lrint(share * 32768);
    const uint8_t *a = image->plane[plane] + (ptrdiff_t)low * image->stride[plane];
    const uint8_t *b = low + 1 < rows ? a + image->stride[plane] : a;
    box->kernels->vertical(a, b, (int16_t)(weight > 32767 ? 32767 : weight), line, row_bytes);
}

/* One output row as three channels in Q7, red first; gray gives the same row three times. */
static void make_row(const struct letterbox *box, const fov_image *image, int y,
                     int16_t *const rows[3], const int16_t *rgb[3])
{
    const struct infer_kernels *k = box->kernels;
    int n = box->place.width, width = image->width;
    int16_t *line = box->line;
    struct kernel_taps luma = taps_of(box, 0), chroma = taps_of(box, 1);
    memcpy(rgb, rows, 3 * sizeof *rgb);
    if (image->pixels == FOV_RGB24 || image->pixels == FOV_BGR24) {
        blend_rows(box, image, 0, y, width * 3, line);
        k->horizontal3(line, luma, rows, n);
        if (image->pixels == FOV_BGR24) {
            rgb[0] = rows[2];
            rgb[2] = rows[0];
        }
        return;
    }
    blend_rows(box, image, 0, y, width, line);
    k->horizontal1(line, luma, rows[0], n);
    if (image->pixels == FOV_GRAY8 || !image->plane[1]) {
        rgb[1] = rgb[2] = rows[0];
        return;
    }
    for (int plane = 1; plane < 3; plane++) {
        blend_rows(box, image, plane, y, chroma_size(width, image->shift_x), line);
        k->horizontal1(line, chroma, rows[plane], n);
    }
    k->yuv_to_rgb(rows[0], rows[1], rows[2], n);
}

/* The less usual byte layouts, one at a time. */
static void store_bytes(const struct letterbox_spec *spec, const int16_t *const c[3], uint8_t *out,
                        size_t plane, int n)
{
    int flip = spec->dtype == FOV_I8 ? 0x80 : 0; /* value - 128 as a signed byte */
    size_t step = spec->planar ? 1 : 3, next = spec->planar ? plane : 1;
    for (int channel = 0; channel < 3; channel++)
        for (int i = 0; i < n; i++)
            out[(size_t)channel * next + (size_t)i * step] = (uint8_t)(((c[channel][i] + 64) >> 7) ^
                                                                       flip);
}

static void store_floats_interleaved(const struct letterbox_spec *spec, const int16_t *const c[3],
                                     float *out, int n)
{
    for (int channel = 0; channel < 3; channel++) {
        float scale = 1 / (128 * spec->scale[channel]);
        float bias = -spec->mean[channel] / spec->scale[channel];
        for (int i = 0; i < n; i++)
            out[3 * i + channel] = (float)c[channel][i] * scale + bias;
    }
}

/* Writes n pixels at column x of row y. */
static void store_row(const struct letterbox *box, const int16_t *const rgb[3], int x, int y, int n,
                      void *out)
{
    const struct letterbox_spec *spec = &box->spec;
    const struct infer_kernels *k = box->kernels;
    const int16_t *const c[3] = {rgb[spec->bgr ? 2 : 0], rgb[1], rgb[spec->bgr ? 0 : 2]};
    size_t pixel = (size_t)y * (size_t)spec->width + (size_t)x;
    size_t plane = (size_t)spec->width * (size_t)spec->height;
    if (spec->dtype != FOV_F32 && (spec->planar || spec->dtype == FOV_I8))
        store_bytes(spec, c, (uint8_t *)out + pixel * (spec->planar ? 1 : 3), plane, n);
    else if (spec->dtype != FOV_F32)
        k->store_u8x3(c, (uint8_t *)out + 3 * pixel, n);
    else if (!spec->planar)
        store_floats_interleaved(spec, c, (float *)out + 3 * pixel, n);
    else
        for (int i = 0; i < 3; i++)
            k->store_f32(c[i], 1 / (128 * spec->scale[i]), -spec->mean[i] / spec->scale[i],
                         (float *)out + (size_t)i * plane + pixel, n);
}

static void store_padding(const struct letterbox *box, int16_t *row, void *out)
{
    const struct letterbox_place *place = &box->place;
    int width = box->spec.width, right = place->left + place->width;
    for (int i = 0; i < width; i++)
        row[i] = (int16_t)(box->spec.pad << 7);
    const int16_t *const gray[3] = {row, row, row};
    for (int y = 0; y < box->spec.height; y++) {
        if (y < place->top || y >= place->top + place->height) {
            store_row(box, gray, 0, y, width, out);
        } else if (place->width < width) {
            store_row(box, gray, 0, y, place->left, out);
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
    if (reserve_lines(box, image->width) != FOV_OK)
        return FOV_ENOMEM;
    if (!is_planned(box, image, src_width, src_height))
        plan(box, image, src_width, src_height);
    int16_t *first = box->line + source_room(image->width);
    size_t room = output_room(&box->spec);
    int16_t *const rows[3] = {first, first + room, first + 2 * room};
    if (box->padded != out) {
        store_padding(box, rows[0], out);
        box->padded = out;
    }
    for (int y = 0; y < box->place.height; y++) {
        const int16_t *rgb[3];
        make_row(box, image, y, rows, rgb);
        store_row(box, rgb, box->place.left, y + box->place.top, box->place.width, out);
    }
    return FOV_OK;
}

static float clip(float value, float most)
{
    return value < 0 ? 0 : value > most ? most : value;
}

void letterbox_undo(const struct letterbox *box, float *x, float *y)
{
    const struct letterbox_place *place = &box->place;
    *x = clip((*x - (float)place->left) * place->step_x, (float)box->src_width);
    *y = clip((*y - (float)place->top) * place->step_y, (float)box->src_height);
}
