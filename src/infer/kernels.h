/* The loops that touch every pixel or every number of an output. One C reference; overrides for
 * processors with more. All give the same bits: integers with 7 fractional bits (Q7), products
 * rounded as pmulhrsw and sqrdmulh do, floats without contraction. */
#ifndef INFER_KERNELS_H
#define INFER_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Rows handed to the kernels have this many readable (and, for outputs, writable) elements behind
 * their end, so that a vector loop needs no tail. Rows of the caller's picture and of the tensor
 * have none. */
#define KERNEL_SLACK 32

/* One output column: neighbours at `offset` (elements) and `offset + step`, weights of 14 bits
 * that add up to 16384. */
struct kernel_taps {
    const int32_t *offset;
    const int32_t *weights; /* left | right << 16 */
};

struct infer_kernels {
    const char *name; /* "c", "avx2", "neon" */

    /* out[i] = a + (b - a) * weight / 2^15 in Q7; reads exactly n bytes of a and b. */
    void (*vertical)(const uint8_t *a, const uint8_t *b, int16_t weight, int16_t *out, int n);

    /* One plane: n outputs, neighbours one element apart. */
    void (*horizontal1)(const int16_t *line, struct kernel_taps taps, int16_t *out, int n);

    /* Interleaved triples: n outputs a channel, neighbours three elements apart. */
    void (*horizontal3)(const int16_t *line, struct kernel_taps taps, int16_t *const out[3], int n);

    /* Full-range BT.601, in place: Y, Cb, Cr become R, G, B clamped to 0..255 (all Q7). */
    void (*yuv_to_rgb)(int16_t *y, int16_t *u, int16_t *v, int n);

    /* Rounds to bytes and interleaves; writes exactly 3 * n bytes. */
    void (*store_u8x3)(const int16_t *const in[3], uint8_t *out, int n);

    /* out = in * scale + bias; writes exactly n floats. */
    void (*store_f32)(const int16_t *in, float scale, float bias, float *out, int n);

    /* False when a number is NaN or infinite. */
    bool (*all_finite)(const float *in, size_t n);

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
