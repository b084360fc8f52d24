#include "texture.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A number in -1..1 that belongs to a lattice point. */
static float lattice(int x, int y, unsigned seed)
{
    uint32_t h = (uint32_t)x * 374761393u + (uint32_t)y * 668265263u + seed * 2246822519u;
    h = (h ^ (h >> 13)) * 1274126177u;
    return (float)((h ^ (h >> 16)) & 0xFFFF) / 32767.5f - 1;
}

static float smooth(float x, float y, unsigned seed)
{
    int ix = (int)floorf(x), iy = (int)floorf(y);
    float fx = x - (float)ix, fy = y - (float)iy;
    float top = lattice(ix, iy, seed) * (1 - fx) + lattice(ix + 1, iy, seed) * fx;
    float bottom = lattice(ix, iy + 1, seed) * (1 - fx) + lattice(ix + 1, iy + 1, seed) * fx;
    return top * (1 - fy) + bottom * fy;
}

/* Each octave of half the size has half the strength: the spectrum of natural pictures. */
static uint8_t pixel(int x, int y, float finest, unsigned seed)
{
    float sum = 128, strength = 60;
    for (float size = 256; size >= finest; size /= 2, strength /= 2)
        sum += strength * smooth((float)x / size, (float)y / size, seed + (unsigned)size);
    return (uint8_t)(sum < 0 ? 0 : sum > 255 ? 255 : sum);
}

static void paint(fov_image *image, unsigned seed)
{
    for (int p = 0; p < 3; p++) {
        int shift = p ? 1 : 0;
        for (int y = 0; y < (image->height + shift) >> shift; y++)
            for (int x = 0; x < (image->width + shift) >> shift; x++)
                image->plane[p][y * image->stride[p] + x] = pixel(x, y, p ? 16 : 2,
                                                                  seed + 97 * (unsigned)p);
    }
}

size_t texture_jpeg(int width, int height, int quality, unsigned seed, uint8_t **bytes)
{
    fov_frame_pool *pool = NULL;
    fov_encoder *encoder = NULL;
    fov_frame *frame = NULL;
    const uint8_t *encoded;
    size_t size = 0;
    *bytes = NULL;
    if (fov_frame_pool_create(&pool, NULL, NULL) || fov_encoder_create(&encoder, NULL) ||
        fov_frame_get(pool, 0, &frame) ||
        fov_frame_alloc_image(frame, FOV_YUV, width, height, 1, 1))
        goto done;
    paint(&frame->image, seed);
    if (fov_encode_jpeg(encoder, &frame->image, quality, &encoded, &size, NULL))
        size = 0;
    if (size && (*bytes = malloc(size)))
        memcpy(*bytes, encoded, size);
done:
    fov_frame_unref(&frame);
    fov_encoder_destroy(&encoder);
    fov_frame_pool_destroy(&pool);
    return *bytes ? size : 0;
}
