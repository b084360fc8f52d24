/* NEON overrides (AArch64, where every processor has it). */
#include "infer/kernels.h"

#include <arm_neon.h>

static void horizontal1(const uint8_t *row, struct kernel_taps taps, int16_t *out, int n)
{
    /* no gather: the loads are scalar either way */
    kernels_c.horizontal1(row, taps, out, n);
}

/* Channels of one column in lanes 0..2. */
static inline int16x4_t blend3(const uint8_t *p, int32_t weights)
{
    int16x8_t bytes = vreinterpretq_s16_u16(vmovl_u8(vld1_u8(p)));
    int32x4_t sum = vmull_n_s16(vget_low_s16(bytes), (int16_t)(weights & 0xFFFF));
    sum = vmlal_n_s16(sum, vget_low_s16(vextq_s16(bytes, bytes, 3)), (int16_t)(weights >> 16));
    return vshrn_n_s32(sum, 4);
}

static void horizontal3(const uint8_t *row, struct kernel_taps taps, int16_t *const out[3], int n)
{
    int i = 0, safe = taps.safe < n ? taps.safe : n;
    for (; i + 4 <= safe; i += 4) {
        int16x4_t q[4];
        for (int k = 0; k < 4; k++)
            q[k] = blend3(row + taps.offset[i + k], taps.weights[i + k]);
        int16x4x2_t ac = vzip_s16(q[0], q[2]), bd = vzip_s16(q[1], q[3]);
        int16x4x2_t rg = vzip_s16(ac.val[0], bd.val[0]), bx = vzip_s16(ac.val[1], bd.val[1]);
        vst1_s16(out[0] + i, rg.val[0]);
        vst1_s16(out[1] + i, rg.val[1]);
        vst1_s16(out[2] + i, bx.val[0]);
    }
    struct kernel_taps rest = {taps.offset + i, taps.weights + i, 0};
    int16_t *const rows[3] = {out[0] + i, out[1] + i, out[2] + i};
    kernels_c.horizontal3(row, rest, rows, n - i);
}

static inline int16x8_t multiply_high(int16x8_t a, int16_t b)
{
    return vcombine_s16(vshrn_n_s32(vmull_n_s16(vget_low_s16(a), b), 16),
                        vshrn_n_s32(vmull_n_s16(vget_high_s16(a), b), 16));
}

static void vertical(const int16_t *a, const int16_t *b, int16_t weight_a, int16_t weight_b,
                     int16_t *out, int n)
{
    for (int i = 0; i < n; i += 8) {
        int16x8_t sum = vaddq_s16(multiply_high(vld1q_s16(a + i), weight_a),
                                  multiply_high(vld1q_s16(b + i), weight_b));
        vst1q_s16(out + i, vrshrq_n_s16(sum, 2));
    }
}

static inline int16x8_t level(int16x8_t q7)
{
    q7 = vmaxq_s16(vminq_s16(q7, vdupq_n_s16(255 * 128)), vdupq_n_s16(0));
    return vrshrq_n_s16(q7, 7);
}

static void yuv_to_rgb(int16_t *y, int16_t *u, int16_t *v, int n)
{
    const int16x8_t middle = vdupq_n_s16(128);
    for (int i = 0; i < n; i += 8) {
        int16x8_t luma = vshlq_n_s16(vld1q_s16(y + i), 7);
        int16x8_t cb = vshlq_n_s16(vsubq_s16(vld1q_s16(u + i), middle), 7);
        int16x8_t cr = vshlq_n_s16(vsubq_s16(vld1q_s16(v + i), middle), 7);
        int16x8_t red = vaddq_s16(cr, vqrdmulhq_n_s16(cr, 13173));
        int16x8_t green = vaddq_s16(vqrdmulhq_n_s16(cb, 11277), vqrdmulhq_n_s16(cr, 23401));
        int16x8_t blue = vaddq_s16(cb, vqrdmulhq_n_s16(cb, 25297));
        vst1q_s16(y + i, level(vqaddq_s16(luma, red)));
        vst1q_s16(u + i, level(vqsubq_s16(luma, green)));
        vst1q_s16(v + i, level(vqaddq_s16(luma, blue)));
    }
}

static void store_u8x3(const int16_t *const in[3], uint8_t *out, int n)
{
    int i = 0;
    for (; i + 8 <= n; i += 8) {
        uint8x8x3_t three;
        for (int c = 0; c < 3; c++)
            three.val[c] = vqmovun_s16(vld1q_s16(in[c] + i));
        vst3_u8(out + 3 * i, three);
    }
    const int16_t *const rest[3] = {in[0] + i, in[1] + i, in[2] + i};
    kernels_c.store_u8x3(rest, out + 3 * i, n - i);
}

static void store_f32(const int16_t *in, float scale, float bias, float *out, int n)
{
    int i = 0;
    for (; i + 4 <= n; i += 4) {
        float32x4_t x = vcvtq_f32_s32(vmovl_s16(vld1_s16(in + i)));
        vst1q_f32(out + i, vaddq_f32(vmulq_n_f32(x, scale), vdupq_n_f32(bias)));
    }
    kernels_c.store_f32(in + i, scale, bias, out + i, n - i);
}

static bool all_finite(const float *in, size_t n)
{
    const uint32x4_t exponent = vdupq_n_u32(0x7F800000u);
    uint32x4_t bad = vdupq_n_u32(0);
    size_t i = 0;
    for (; i + 4 <= n; i += 4) {
        uint32x4_t x = vandq_u32(vreinterpretq_u32_f32(vld1q_f32(in + i)), exponent);
        bad = vorrq_u32(bad, vceqq_u32(x, exponent));
    }
    return !vmaxvq_u32(bad) && kernels_c.all_finite(in + i, n - i);
}

static bool any_at_least(const float *in, size_t n, float least)
{
    uint32x4_t any = vdupq_n_u32(0);
    size_t i = 0;
    for (; i + 4 <= n; i += 4)
        any = vorrq_u32(any, vcgeq_f32(vld1q_f32(in + i), vdupq_n_f32(least)));
    return vmaxvq_u32(any) || kernels_c.any_at_least(in + i, n - i, least);
}

static void column_max(const float *in, size_t stride, int rows, int n, float *best, int32_t *row)
{
    int whole = n & ~3;
    kernels_c.column_max(in, stride, 1, whole, best, row);
    for (int r = 1; r < rows; r++) {
        const float *p = in + (size_t)r * stride;
        for (int i = 0; i < whole; i += 4) {
            float32x4_t x = vld1q_f32(p + i), top = vld1q_f32(best + i);
            uint32x4_t more = vcgtq_f32(x, top);
            vst1q_f32(best + i, vbslq_f32(more, x, top));
            vst1q_s32(row + i, vbslq_s32(more, vdupq_n_s32(r), vld1q_s32(row + i)));
        }
    }
    if (whole < n)
        kernels_c.column_max(in + whole, stride, rows, n - whole, best + whole, row + whole);
}

const struct infer_kernels kernels_neon = {.name = "neon",
                                           .vertical = vertical,
                                           .horizontal1 = horizontal1,
                                           .horizontal3 = horizontal3,
                                           .yuv_to_rgb = yuv_to_rgb,
                                           .store_u8x3 = store_u8x3,
                                           .store_f32 = store_f32,
                                           .all_finite = all_finite,
                                           .any_at_least = any_at_least,
                                           .column_max = column_max};
