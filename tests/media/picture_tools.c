#include "picture_tools.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

fov_decoder *decoder;
const char *fixtures;

fov_status decode(const struct jpeg_file *file, fov_pixels pixels, int denominator,
                  fov_image *image, fov_error *error)
{
    return fov_decode(decoder, file->bytes, file->size, pixels, denominator, image, NULL, error);
}

struct jpeg_file load(const char *folder, const char *name)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "rb");
    struct jpeg_file loaded = {NULL, 0};
    if (!file)
        return loaded;
    loaded.bytes = malloc((size_t)8 << 20);
    loaded.size = fread(loaded.bytes, 1, (size_t)8 << 20, file);
    fclose(file);
    return loaded;
}

void means_of(const fov_image *image, double means[3])
{
    means[0] = means[1] = means[2] = 0;
    for (int y = 0; y < image->height; y++)
        for (int x = 0; x < 3 * image->width; x++)
            means[x % 3] += image->plane[0][(size_t)y * (size_t)image->stride[0] + (size_t)x];
    for (int c = 0; c < 3; c++)
        means[c] /= (double)image->width * image->height;
}

void assert_near(double a, double b, double tolerance)
{
    if (fabs(a - b) > tolerance)
        fail_msg("%g is not within %g of %g", a, tolerance, b);
}

bool have_ffmpeg(void)
{
    fov_error error = {0};
    fov_image image;
    struct jpeg_file file = load(fixtures, "rgb.png");
    fov_status status = decode(&file, FOV_RGB24, 1, &image, &error);
    jpeg_free(&file);
    return status != FOV_ERUNTIME;
}
