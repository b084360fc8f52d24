#include "scenery.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/plane.h"

fov_image scenery_make(fov_pixels pixels, int width, int height, int extra_stride)
{
    int bytes = pixels == FOV_RGB24 || pixels == FOV_BGR24 ? 3 : 1;
    fov_image image = {.pixels = pixels, .width = width, .height = height};
    image.stride[0] = width * bytes + extra_stride;
    /* To the byte, so that a sanitizer sees what is read behind the last pixel. */
    image.plane[0] = malloc((size_t)image.stride[0] * (size_t)(height - 1) +
                            (size_t)(width * bytes));
    if (!image.plane[0])
        exit(2);
    return image;
}

void scenery_release(fov_image *image)
{
    free(image->plane[0]);
    image->plane[0] = NULL;
}

static uint32_t mixed(uint32_t h)
{
    h = (h ^ (h >> 16)) * 0x7feb352du;
    h = (h ^ (h >> 15)) * 0x846ca68bu;
    return h ^ (h >> 16);
}

/* -1..1 of a lattice point. */
static double lattice(int x, int y, unsigned seed)
{
    return mixed(mixed((uint32_t)x * 0x9e3779b9u + seed) + (uint32_t)y) / 2147483647.5 - 1;
}

static double ease(double t)
{
    return t * t * t * (t * (6 * t - 15) + 10);
}

static double noise(double x, double y, unsigned seed)
{
    int ix = (int)floor(x), iy = (int)floor(y);
    double fx = ease(x - ix), fy = ease(y - iy);
    double top = lattice(ix, iy, seed) * (1 - fx) + lattice(ix + 1, iy, seed) * fx;
    double low = lattice(ix, iy + 1, seed) * (1 - fx) + lattice(ix + 1, iy + 1, seed) * fx;
    return top * (1 - fy) + low * fy;
}

double scenery_level(double x, double y, unsigned seed)
{
    double sum = 128, strength = 50;
    for (double size = 64; size >= 6; size /= 2, strength *= 0.7)
        sum += strength * noise(x / size, y / size, seed * 977 + (unsigned)size);
    return fmin(fmax(sum, 0), 255);
}

static void put(fov_image *image, int x, int y, double level)
{
    int bytes = image->pixels == FOV_RGB24 || image->pixels == FOV_BGR24 ? 3 : 1;
    memset(image->plane[0] + (ptrdiff_t)y * image->stride[0] + x * bytes, (int)lrint(level),
           (size_t)bytes);
}

void scenery_draw(fov_image *image, const double to_plane[9], unsigned seed)
{
    for (int y = 0; y < image->height; y++)
        for (int x = 0; x < image->width; x++) {
            double at[2] = {x + 0.5, y + 0.5}, on[2] = {0, 0};
            plane_apply(to_plane, at, on);
            put(image, x, y, scenery_level(on[0], on[1], seed));
        }
}

void scenery_noise(fov_image *image, int most, unsigned seed)
{
    uint32_t state = seed * 2654435761u + 1;
    int row = image->width * (image->pixels == FOV_RGB24 || image->pixels == FOV_BGR24 ? 3 : 1);
    for (int y = 0; y < image->height; y++)
        for (int i = 0; i < row; i++) {
            uint8_t *level = image->plane[0] + (ptrdiff_t)y * image->stride[0] + i;
            state = state * 1664525u + 1013904223u;
            int value = *level + (int)((state >> 8) % (uint32_t)(2 * most + 1)) - most;
            *level = (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
        }
}

void scenery_motion(const fov_image *image, double x, double y, double turn, double zoom,
                    double map[9])
{
    double cx = image->width / 2.0, cy = image->height / 2.0;
    double a = zoom * cos(turn), b = zoom * sin(turn);
    double made[9] = {a, -b, cx + x - a * cx + b * cy, b, a, cy + y - b * cx - a * cy, 0, 0, 1};
    memcpy(map, made, sizeof made);
}

double scenery_apart(const fov_image *image, const double a[9], const double b[9])
{
    double worst = 0;
    for (int i = 0; i < 5; i++) {
        double at[2] = {image->width / 2.0, image->height / 2.0}, p[2], q[2];
        if (i < 4) {
            at[0] = i & 1 ? image->width : 0;
            at[1] = i & 2 ? image->height : 0;
        }
        if (!plane_apply(a, at, p) || !plane_apply(b, at, q))
            return INFINITY;
        worst = fmax(worst, hypot(p[0] - q[0], p[1] - q[1]));
    }
    return worst;
}
