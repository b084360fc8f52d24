/* Reference kernels in plain C. */
#include "infer/kernels.h"

#include <string.h>

/* (a * b + 2^14) >> 15, as pmulhrsw. */
static inline int32_t mulhrs(int32_t a, int32_t b)
{
    return (a * b + (1 << 14)) >> 15;
}

static void vertical(const uint8_t *a, const uint8_t *b, int16_t weight, int16_t *out, int n)
{
    for (int i = 0; i < n; i++)
        out[i] = (int16_t)((a[i] << 7) + mulhrs((b[i] - a[i]) * 128, weight));
}

static inline int16_t blend(int16_t left, int16_t right, int32_t weights)
{
    int32_t sum = left * (int16_t)(weights & 0xFFFF) + right * (int16_t)(weights >> 16);
    return (int16_t)((sum + (1 << 13)) >> 14);
}

static void horizontal1(const int16_t *line, struct kernel_taps taps, int16_t *out, int n)
{
    for (int i = 0; i < n; i++) {
        const int16_t *p = line + taps.offset[i];
        out[i] = blend(p[0], p[1], taps.weights[i]);
    }
}

static void horizontal3(const int16_t *line, struct kernel_taps taps, int16_t *const out[3], int n)
{
    for (int i = 0; i < n; i++) {
        const int16_t *p = line + taps.offset[i];
        out[0][i] = blend(p[0], p[3], taps.weights[i]);
        out[1][i] = blend(p[1], p[4], taps.weights[i]);
        out[2][i] = blend(p[2], p[5], taps.weights[i]);
    }
}

static inline int16_t clamp_q7(int32_t value)
{
    return (int16_t)(value < 0 ? 0 : value > 255 * 128 ? 255 * 128 : value);
}

static void yuv_to_rgb(int16_t *y, int16_t *u, int16_t *v, int n)
{
    for (int i = 0; i < n; i++) {
        int32_t luma = y[i], cb = u[i] - 128 * 128, cr = v[i] - 128 * 128;
        int32_t red = cr + mulhrs(cr, 13173);                  /* 1.402 */
        int32_t green = mulhrs(cb, 11277) + mulhrs(cr, 23401); /* 0.344136, 0.714136 */
        int32_t blue = cb + mulhrs(cb, 25297);                 /* 1.772 */
        y[i] = clamp_q7(luma + red);
        u[i] = clamp_q7(luma - green);
        v[i] = clamp_q7(luma + blue);
    }
}

static void store_u8x3(const int16_t *const in[3], uint8_t *out, int n)
{
    for (int i = 0; i < n; i++)
        for (int c = 0; c < 3; c++)
            out[3 * i + c] = (uint8_t)((in[c][i] + 64) >> 7);
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
                                        .column_max = column_max};
