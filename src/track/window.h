/* The loops of following a point: they touch every pixel of its window, again and again. One C
 * reference, an override for processors with AVX2; both give the same bits. Levels are kept in
 * sixteenths in 16 bits, gradients as well, so that what a window adds up to fits in 32 bits
 * whatever the picture shows. */
#ifndef TRACK_WINDOW_H
#define TRACK_WINDOW_H

#include <stddef.h>
#include <stdint.h>

enum {
    WINDOW = 16,                              /* px a side */
    WINDOW_PIXELS = WINDOW * WINDOW,          /* row by row */
    WINDOW_USED = (WINDOW - 2) * (WINDOW - 2) /* those that have all neighbours: not the ring */
};

/* Differences of two windows times gradients, and the differences themselves, in the ring 0. */
struct window_sums {
    int32_t x, y, all;
};

struct window_kernels {
    const char *name; /* "c", "avx2" */

    /* The window whose top left pixel is `pixels`, moved on by `right`/128 and `down`/128 px (0 to
     * 127). Reads a row and a column more than a window has. */
    void (*mix)(const uint8_t *pixels, size_t stride, int right, int down, int16_t *out);

    /* `gx` and `gy` are 0 in the ring. */
    struct window_sums (*compare)(const int16_t *now, const int16_t *before, const int16_t *gx,
                                  const int16_t *gy);
};

/* Best for this processor. Thread-safe. */
const struct window_kernels *window_kernels(void);

/* The i-th that runs on this processor, reference first; NULL after the last. */
const struct window_kernels *window_kernels_at(size_t i);

/* 1 inside the ring, 0 in it. */
extern const int16_t window_inside[WINDOW_PIXELS];

/* Sum of products; a window's worth. */
int32_t window_product(const int16_t *a, const int16_t *b);

extern const struct window_kernels window_c, window_avx2;

#endif
