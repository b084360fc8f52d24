#include "media/image.h"

#include <string.h>

fov_status image_check_size(int64_t width, int64_t height, fov_error *error)
{
    if (width < 1 || height < 1)
        return fov_fail(error, FOV_EFORMAT, "the picture has no size (%lldx%lld)", (long long)width,
                        (long long)height);
    if (width > IMAGE_MAX_SIDE || height > IMAGE_MAX_SIDE)
        return fov_fail(error, FOV_ELIMIT, "%lldx%lld: over %d pixels a side", (long long)width,
                        (long long)height, IMAGE_MAX_SIDE);
    if (width * height > IMAGE_MAX_PIXELS)
        return fov_fail(error, FOV_ELIMIT, "%lldx%lld: over %d megapixels", (long long)width,
                        (long long)height, (int)(IMAGE_MAX_PIXELS / 1000000));
    return FOV_OK;
}

int image_planes(const fov_image *image)
{
    return image->pixels == FOV_YUV ? 3 : 1;
}

int image_pixel_bytes(const fov_image *image)
{
    return image->pixels == FOV_RGB24 || image->pixels == FOV_BGR24 ? 3 : 1;
}

static int reduced(int size, int shift)
{
    return (size + (1 << shift) - 1) >> shift;
}

int image_plane_width(const fov_image *image, int plane)
{
    return plane ? reduced(image->width, image->shift_x) : image->width;
}

int image_plane_height(const fov_image *image, int plane)
{
    return plane ? reduced(image->height, image->shift_y) : image->height;
}

static size_t plane_bytes(const fov_image *image, int plane)
{
    size_t rows = ((size_t)image_plane_height(image, plane) + 15) & ~(size_t)15;
    return rows * (size_t)image->stride[plane];
}

size_t image_layout(fov_image *image, fov_pixels pixels, int width, int height, int shift_x,
                    int shift_y)
{
    *image = (fov_image){.pixels = pixels, .width = width, .height = height};
    if (pixels == FOV_YUV) {
        image->shift_x = shift_x;
        image->shift_y = shift_y;
    }
    size_t total = 0;
    for (int p = 0; p < image_planes(image); p++) {
        int row = image_plane_width(image, p) * image_pixel_bytes(image);
        image->stride[p] = (row + 63) & ~63;
        total += plane_bytes(image, p);
    }
    return total;
}

void image_place(fov_image *image, uint8_t *memory)
{
    for (int p = 0; p < image_planes(image); p++) {
        image->plane[p] = memory;
        memory += plane_bytes(image, p);
    }
}

fov_status image_in_buffer(fov_image *image, struct buffer *buffer, fov_pixels pixels, int width,
                           int height, int shift_x, int shift_y)
{
    size_t size = image_layout(image, pixels, width, height, shift_x, shift_y);
    if (!buffer_reserve(buffer, size))
        return FOV_ENOMEM;
    poison(buffer->data, size);
    image_place(image, buffer->data);
    return FOV_OK;
}
