/* Pictures turned and mirrored as EXIF numbers it. */
#include "media/image.h"

void image_turned_layout(fov_image *to, const fov_image *from, int orientation)
{
    bool swap = orientation >= 5;
    image_layout(to, from->pixels, swap ? from->height : from->width,
                 swap ? from->width : from->height, swap ? from->shift_y : from->shift_x,
                 swap ? from->shift_x : from->shift_y);
}

/* Copies one plane: to(x, y) = from(step_x · x + step_y · y), steps in bytes. */
static void turn_plane(const fov_image *to, int plane, const uint8_t *from, ptrdiff_t step_x,
                       ptrdiff_t step_y)
{
    int bytes = image_pixel_bytes(to);
    int width = image_plane_width(to, plane), height = image_plane_height(to, plane);
    for (int y = 0; y < height; y++) {
        uint8_t *out = to->plane[plane] + (ptrdiff_t)y * to->stride[plane];
        const uint8_t *in = from + y * step_y;
        for (int x = 0; x < width; x++, in += step_x, out += bytes)
            for (int b = 0; b < bytes; b++)
                out[b] = in[b];
    }
}

/* EXIF: 2, 3, 7, 8 start at the right column, 3, 4, 6, 7 at the bottom row; 5 to 8 swap axes. */
void image_turn(const fov_image *to, const fov_image *from, int orientation)
{
    bool right = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
    bool bottom = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
    for (int p = 0; p < image_planes(from); p++) {
        if (!from->plane[p])
            continue;
        int pixel = image_pixel_bytes(from), stride = from->stride[p];
        const uint8_t *start = from->plane[p];
        start += right ? (ptrdiff_t)(image_plane_width(from, p) - 1) * pixel : 0;
        start += bottom ? (ptrdiff_t)(image_plane_height(from, p) - 1) * stride : 0;
        ptrdiff_t along_x = right ? -pixel : pixel, along_y = bottom ? -stride : stride;
        if (orientation >= 5)
            turn_plane(to, p, start, along_y, along_x);
        else
            turn_plane(to, p, start, along_x, along_y);
    }
}
