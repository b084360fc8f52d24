#include "canvas.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#define GUARD 0xC3

fov_image canvas_make(struct buffer *buffer, fov_pixels pixels, int width, int height)
{
    fov_image image;
    assert_int_equal(image_in_buffer(&image, buffer, pixels, width, height, 1, 1), FOV_OK);
    memset(buffer->data, GUARD, buffer->size);
    for (int p = 0; p < image_planes(&image); p++)
        for (int y = 0; y < image_plane_height(&image, p); y++)
            memset(image.plane[p] + (size_t)y * (size_t)image.stride[p], CANVAS_GREY,
                   (size_t)(image_plane_width(&image, p) * image_pixel_bytes(&image)));
    return image;
}

void assert_guarded(const fov_image *image)
{
    for (int p = 0; p < image_planes(image); p++) {
        int used = image_plane_width(image, p) * image_pixel_bytes(image);
        for (int y = 0; y < ((image_plane_height(image, p) + 15) & ~15); y++)
            for (int x = y < image_plane_height(image, p) ? used : 0; x < image->stride[p]; x++)
                assert_int_equal(image->plane[p][(size_t)y * (size_t)image->stride[p] + (size_t)x],
                                 GUARD);
    }
}

uint32_t rgb_at(const fov_image *image, int x, int y)
{
    uint8_t memory[3];
    fov_image one = *image, to = {FOV_RGB24, 1, 1, {memory}, {3}, 0, 0};
    one.width = one.height = 1;
    one.plane[0] += (ptrdiff_t)y * image->stride[0] + x * image_pixel_bytes(image);
    for (int p = 1; p < 3 && image->pixels == FOV_YUV; p++)
        one.plane[p] += (ptrdiff_t)(y >> 1) * image->stride[p] + (x >> 1);
    one.shift_x = one.shift_y = 0;
    image_convert(&to, &one);
    return (uint32_t)memory[0] << 16 | (uint32_t)memory[1] << 8 | memory[2];
}

void assert_colour(const fov_image *image, int x, int y, uint32_t wanted)
{
    uint32_t is = rgb_at(image, x, y);
    for (int c = 0; c < 24; c += 8)
        if (abs((int)(is >> c & 255) - (int)(wanted >> c & 255)) > 6)
            fail_msg("(%d, %d) is %06x, not %06x", x, y, is, wanted);
}
