/* The loops that touch every pixel or every number of an output. One C reference; overrides for
 * processors with more. All give the same bits: integers rounded as cv2.resize rounds them, floats
 * without contraction. "Levels" are pixel values 0..255 in 16 bits. */
#ifndef INFER_KERNELS_H
#define INFER_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Rows of 16-bit numbers have this many elements of room behind their end, so that a vector loop
 * needs no tail. Rows of the caller's picture and of the tensor have none. */
#define KERNEL_SLACK 32

enum { KERNEL_ONE = 2048 }; /* weights of 11 bits */

/* Columns to make: neighbours at byte `offset` and `offset` + 1 (+ 3 for triples) of a picture's
 * row, weights that add up to KERNEL_ONE, give or take one. */
struct kernel_taps {
    const int32_t *offset;
    const int32_t *weights; /* left | right << 16 */
    int safe;               /* leading columns where 8 bytes from `offset` lie inside the row */
};

struct infer_kernels {
    const char *name; /* "c", "avx2", "neon" */

    /* One plane: out = (left * weight + right * weight) >> 4, that is levels * 128. */
    void (*horizontal1)(const uint8_t *row, struct kernel_taps taps, int16_t *out, int n);

    /* Interleaved triples: the same, a row a channel. */
    void (*horizontal3)(const uint8_t *row, struct kernel_taps taps, int16_t *const out[3], int n);

    /* Two such rows to levels; weights add up to KERNEL_ONE. */
    void (*vertical)(const int16_t *a, const int16_t *b, int16_t weight_a, int16_t weight_b,
                     int16_t *out, int n);

    /* Full-range BT.601 in levels, in place: Y, Cb, Cr become R, G, B. */
    void (*yuv_to_rgb)(int16_t *y, int16_t *u, int16_t *v, int n);

    /* Interleaves levels as bytes; writes exactly 3 * n bytes. */
    void (*store_u8x3)(const int16_t *const in[3], uint8_t *out, int n);

    /* out = level * scale + bias; writes exactly n floats. */
    void (*store_f32)(const int16_t *in, float scale, float bias, float *out, int n);

    /* False when a number is NaN or infinite. */
    bool (*all_finite)(const float *in, size_t n);

    /* True when a number is at least `least`. */
    bool (*any_at_least)(const float *in, size_t n, float least);

    /* Largest value of each column and its row, the first one on a tie; rows `stride` floats apart.
     */
    void (*column_max)(const float *in, size_t stride, int rows, int n, float *best, int32_t *row);
};

/* Best for this processor. Thread-safe. */
const struct infer_kernels *infer_kernels(void);

/* The i-th that runs on this processor, reference first; NULL after the last. */
const struct infer_kernels *infer_kernels_at(size_t i);

extern const struct infer_kernels kernels_c, kernels_avx2, kernels_neon;

#endif
