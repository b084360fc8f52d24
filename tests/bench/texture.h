/* Test pictures made of noise at all scales, so that they compress like photographs. */
#ifndef BENCH_TEXTURE_H
#define BENCH_TEXTURE_H

#include <fovea/fovea.h>

/* A JPEG (4:2:0) of this size. Free with free(). Returns 0 bytes on failure. */
size_t texture_jpeg(int width, int height, int quality, unsigned seed, uint8_t **bytes);

#endif
