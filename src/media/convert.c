/* Plain conversions between pixel formats: the colours of JPEG (BT.601, full range). The busy ways
 * of a frame do not come here: they decode, scale and encode YUV planes. */
#include <string.h>

#include "media/image.h"

#define INLINE static inline __attribute__((always_inline))

INLINE uint8_t clamp_u8(int value)
{
    return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

INLINE void rgb_to_ycc(int r, int g, int b, int ycc[3])
{
    ycc[0] = (19595 * r + 38470 * g + 7471 * b + 32768) >> 16;
    ycc[1] = (-11059 * r - 21709 * g + 32768 * b + (128 << 16) + 32767) >> 16;
    ycc[2] = (32768 * r - 27439 * g - 5329 * b + (128 << 16) + 32767) >> 16;
}

INLINE void ycc_to_rgb(const int ycc[3], int rgb[3])
{
    int y = ycc[0], cb = ycc[1] - 128, cr = ycc[2] - 128;
    rgb[0] = y + ((91881 * cr + 32768) >> 16);
    rgb[1] = y - ((22554 * cb + 46802 * cr + 32767) >> 16);
    rgb[2] = y + ((116130 * cb + 32768) >> 16);
}

/* One pixel as Y, Cb, Cr. `pixels` repeats image->pixels as a constant of the caller. */
INLINE void load_ycc(const fov_image *image, fov_pixels pixels, int x, int y, int ycc[3])
{
    const uint8_t *row = image->plane[0] + (ptrdiff_t)y * image->stride[0];
    switch (pixels) {
    case FOV_RGB24:
        rgb_to_ycc(row[3 * x], row[3 * x + 1], row[3 * x + 2], ycc);
        return;
    case FOV_BGR24:
        rgb_to_ycc(row[3 * x + 2], row[3 * x + 1], row[3 * x], ycc);
        return;
    default:
        ycc[0] = row[x];
        ycc[1] = ycc[2] = 128;
    }
    if (pixels == FOV_YUV && image->plane[1]) {
        ptrdiff_t cx = x >> image->shift_x, cy = y >> image->shift_y;
        ycc[1] = image->plane[1][cy * image->stride[1] + cx];
        ycc[2] = image->plane[2][cy * image->stride[2] + cx];
    }
}

INLINE void to_luma(const fov_image *to, const fov_image *from, fov_pixels pixels)
{
    for (int y = 0; y < to->height; y++) {
        uint8_t *row = to->plane[0] + (ptrdiff_t)y * to->stride[0];
        for (int x = 0; x < to->width; x++) {
            int ycc[3];
            load_ycc(from, pixels, x, y, ycc);
            row[x] = (uint8_t)ycc[0];
        }
    }
}

/* Mean chroma of the up to four pixels that share the sample (cx, cy) of `to`. */
INLINE void chroma_sample(const fov_image *to, const fov_image *from, fov_pixels pixels, int cx,
                          int cy)
{
    int cb = 0, cr = 0, count = 0;
    for (int y = cy << to->shift_y; y < (cy + 1) << to->shift_y && y < to->height; y++)
        for (int x = cx << to->shift_x; x < (cx + 1) << to->shift_x && x < to->width; x++) {
            int ycc[3];
            load_ycc(from, pixels, x, y, ycc);
            cb += ycc[1];
            cr += ycc[2];
            count++;
        }
    to->plane[1][(ptrdiff_t)cy * to->stride[1] + cx] = (uint8_t)((cb + count / 2) / count);
    to->plane[2][(ptrdiff_t)cy * to->stride[2] + cx] = (uint8_t)((cr + count / 2) / count);
}

INLINE void to_yuv(const fov_image *to, const fov_image *from, fov_pixels pixels)
{
    to_luma(to, from, pixels);
    for (int cy = 0; to->plane[1] && cy < image_plane_height(to, 1); cy++)
        for (int cx = 0; cx < image_plane_width(to, 1); cx++)
            chroma_sample(to, from, pixels, cx, cy);
}

INLINE void to_rgb(const fov_image *to, const fov_image *from, fov_pixels pixels)
{
    int red = to->pixels == FOV_RGB24 ? 0 : 2;
    for (int y = 0; y < to->height; y++) {
        uint8_t *row = to->plane[0] + (ptrdiff_t)y * to->stride[0];
        for (int x = 0; x < to->width; x++, row += 3) {
            int ycc[3], rgb[3];
            load_ycc(from, pixels, x, y, ycc);
            ycc_to_rgb(ycc, rgb);
            row[red] = clamp_u8(rgb[0]);
            row[1] = clamp_u8(rgb[1]);
            row[2 - red] = clamp_u8(rgb[2]);
        }
    }
}

static void swap_red_blue(const fov_image *to, const fov_image *from)
{
    for (int y = 0; y < to->height; y++) {
        uint8_t *out = to->plane[0] + (ptrdiff_t)y * to->stride[0];
        const uint8_t *in = from->plane[0] + (ptrdiff_t)y * from->stride[0];
        for (int x = 0; x < to->width; x++, in += 3, out += 3) {
            out[0] = in[2];
            out[1] = in[1];
            out[2] = in[0];
        }
    }
}

static void copy_planes(const fov_image *to, const fov_image *from)
{
    for (int p = 0; p < image_planes(to); p++) {
        size_t row = (size_t)image_plane_width(to, p) * (size_t)image_pixel_bytes(to);
        for (int y = 0; to->plane[p] && y < image_plane_height(to, p); y++)
            memcpy(to->plane[p] + (ptrdiff_t)y * to->stride[p],
                   from->plane[p] + (ptrdiff_t)y * from->stride[p], row);
    }
}

INLINE void convert_from(const fov_image *to, const fov_image *from, fov_pixels pixels)
{
    if (to->pixels == FOV_YUV)
        to_yuv(to, from, pixels);
    else if (to->pixels == FOV_GRAY8)
        to_luma(to, from, pixels);
    else
        to_rgb(to, from, pixels);
}

static bool same_layout(const fov_image *a, const fov_image *b)
{
    if (a->pixels != FOV_YUV || b->pixels != FOV_YUV)
        return a->pixels == b->pixels;
    return a->shift_x == b->shift_x && a->shift_y == b->shift_y && !a->plane[1] == !b->plane[1];
}

void image_convert(const fov_image *to, const fov_image *from)
{
    bool colours_only = image_pixel_bytes(to) == 3 && image_pixel_bytes(from) == 3;
    if (same_layout(to, from))
        copy_planes(to, from);
    else if (colours_only)
        swap_red_blue(to, from);
    else if (from->pixels == FOV_RGB24)
        convert_from(to, from, FOV_RGB24);
    else if (from->pixels == FOV_BGR24)
        convert_from(to, from, FOV_BGR24);
    else if (from->pixels == FOV_GRAY8)
        convert_from(to, from, FOV_GRAY8);
    else
        convert_from(to, from, FOV_YUV);
}
