/* Reference kernels in plain C. */
#include "infer/kernels.h"

#include <string.h>

static inline int16_t blend(int left, int right, int32_t weights)
{
    return (int16_t)((left * (int16_t)(weights & 0xFFFF) + right * (int16_t)(weights >> 16)) >> 4);
}

static void horizontal1(const uint8_t *row, struct kernel_taps taps, int16_t *out, int n)
{
    for (int i = 0; i < n; i++) {
        const uint8_t *p = row + taps.offset[i];
        out[i] = blend(p[0], p[1], taps.weights[i]);
    }
}

static void horizontal3(const uint8_t *row, struct kernel_taps taps, int16_t *const out[3], int n)
{
    for (int i = 0; i < n; i++) {
        const uint8_t *p = row + taps.offset[i];
        out[0][i] = blend(p[0], p[3], taps.weights[i]);
        out[1][i] = blend(p[1], p[4], taps.weights[i]);
        out[2][i] = blend(p[2], p[5], taps.weights[i]);
    }
}

/* Each product is cut off before the sum, as vector multiplication does. */
static void vertical(const int16_t *a, const int16_t *b, int16_t weight_a, int16_t weight_b,
                     int16_t *out, int n)
{
    for (int i = 0; i < n; i++)
        out[i] = (int16_t)(((a[i] * weight_a >> 16) + (b[i] * weight_b >> 16) + 2) >> 2);
}

/* (a * b + 2^14) >> 15, as pmulhrsw and sqrdmulh. */
static inline int32_t mulhrs(int32_t a, int32_t b)
{
    return (a * b + (1 << 14)) >> 15;
}

static inline int16_t level(int32_t q7)
{
    q7 = q7 < 0 ? 0 : q7 > 255 * 128 ? 255 * 128 : q7;
    return (int16_t)((q7 + 64) >> 7);
}

static void yuv_to_rgb(int16_t *y, int16_t *u, int16_t *v, int n)
{
    for (int i = 0; i < n; i++) {
        int32_t luma = y[i] * 128, cb = (u[i] - 128) * 128, cr = (v[i] - 128) * 128;
        int32_t red = cr + mulhrs(cr, 13173);                  /* 1.402 */
        int32_t green = mulhrs(cb, 11277) + mulhrs(cr, 23401); /* 0.344136, 0.714136 */
        int32_t blue = cb + mulhrs(cb, 25297);                 /* 1.772 */
        y[i] = level(luma + red);
        u[i] = level(luma - green);
        v[i] = level(luma + blue);
    }
}

static void store_u8x3(const int16_t *const in[3], uint8_t *out, int n)
{
    for (int i = 0; i < n; i++)
        for (int c = 0; c < 3; c++)
            out[3 * i + c] = (uint8_t)in[c][i];
}

static void store_f32(const int16_t *in, float scale, float bias, float *out, int n)
{
    for (int i = 0; i < n; i++)
        out[i] = (float)in[i] * scale + bias;
}

static bool all_finite(const float *in, size_t n)
{
    uint32_t bad = 0;
    for (size_t i = 0; i < n; i++) {
        uint32_t bits;
        memcpy(&bits, in + i, sizeof bits);
        bad |= (bits & 0x7F800000u) == 0x7F800000u;
    }
    return !bad;
}

static bool any_at_least(const float *in, size_t n, float least)
{
    int hits = 0;
    for (size_t i = 0; i < n; i++)
        hits |= in[i] >= least;
    return hits;
}

static void column_max(const float *in, size_t stride, int rows, int n, float *best, int32_t *row)
{
    memcpy(best, in, (size_t)n * sizeof *best);
    memset(row, 0, (size_t)n * sizeof *row);
    for (int r = 1; r < rows; r++) {
        const float *p = in + (size_t)r * stride;
        for (int i = 0; i < n; i++) {
            bool more = p[i] > best[i];
            best[i] = more ? p[i] : best[i];
            row[i] = more ? r : row[i];
        }
    }
}

const struct infer_kernels kernels_c = {.name = "c",
                                        .vertical = vertical,
                                        .horizontal1 = horizontal1,
                                        .horizontal3 = horizontal3,
                                        .yuv_to_rgb = yuv_to_rgb,
                                        .store_u8x3 = store_u8x3,
                                        .store_f32 = store_f32,
                                        .all_finite = all_finite,
                                        .any_at_least = any_at_least,
                                        .column_max = column_max};
