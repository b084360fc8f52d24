/* AVX2 overrides; built with -march=x86-64-v3, called only where the processor has it. */
#include "infer/kernels.h"

#include <immintrin.h>

static inline __m256i weighted(__m256i pairs, __m256i weights)
{
    return _mm256_srai_epi32(_mm256_madd_epi16(pairs, weights), 4);
}

/* Eight columns as 32-bit numbers. */
static inline __m256i blend_eight(const uint8_t *row, struct kernel_taps taps, int i)
{
    const __m256i first_two = _mm256_broadcastsi128_si256(
        _mm_setr_epi8(0, -1, 1, -1, 4, -1, 5, -1, 8, -1, 9, -1, 12, -1, 13, -1));
    __m256i offset = _mm256_loadu_si256((const __m256i *)(taps.offset + i));
    __m256i bytes = _mm256_i32gather_epi32((const int *)(const void *)row, offset, 1);
    return weighted(_mm256_shuffle_epi8(bytes, first_two),
                    _mm256_loadu_si256((const __m256i *)(taps.weights + i)));
}

static struct kernel_taps behind(struct kernel_taps taps, int i)
{
    return (struct kernel_taps){taps.offset + i, taps.weights + i, 0};
}

static void horizontal1(const uint8_t *row, struct kernel_taps taps, int16_t *out, int n)
{
    int i = 0, safe = taps.safe < n ? taps.safe : n;
    for (; i + 16 <= safe; i += 16) {
        __m256i q = _mm256_packs_epi32(blend_eight(row, taps, i), blend_eight(row, taps, i + 8));
        _mm256_storeu_si256((__m256i *)(out + i), _mm256_permute4x64_epi64(q, 0xD8));
    }
    kernels_c.horizontal1(row, behind(taps, i), out + i, n - i);
}

/* Columns i and i + 4: R G B 0 | R G B 0 as 32-bit numbers. */
static inline __m256i blend_triples(const uint8_t *row, struct kernel_taps taps, int i)
{
    const __m256i pairs = _mm256_broadcastsi128_si256(
        _mm_setr_epi8(0, -1, 3, -1, 1, -1, 4, -1, 2, -1, 5, -1, -1, -1, -1, -1));
    __m128i low = _mm_loadl_epi64((const __m128i *)(row + taps.offset[i]));
    __m128i high = _mm_loadl_epi64((const __m128i *)(row + taps.offset[i + 4]));
    __m256i weights = _mm256_set_m128i(_mm_set1_epi32(taps.weights[i + 4]),
                                       _mm_set1_epi32(taps.weights[i]));
    return weighted(_mm256_shuffle_epi8(_mm256_set_m128i(high, low), pairs), weights);
}

static void horizontal3(const uint8_t *row, struct kernel_taps taps, int16_t *const out[3], int n)
{
    int i = 0, safe = taps.safe < n ? taps.safe : n;
    for (; i + 8 <= safe; i += 8) {
        __m256i ab = _mm256_packs_epi32(blend_triples(row, taps, i),
                                        blend_triples(row, taps, i + 1));
        __m256i cd = _mm256_packs_epi32(blend_triples(row, taps, i + 2),
                                        blend_triples(row, taps, i + 3));
        /* a transpose inside each half: RGBxRGBx, RGBxRGBx -> RRRRGGGG, BBBBxxxx */
        __m256i ac = _mm256_unpacklo_epi16(ab, cd), bd = _mm256_unpackhi_epi16(ab, cd);
        __m256i rg = _mm256_permute4x64_epi64(_mm256_unpacklo_epi16(ac, bd), 0xD8);
        __m256i bx = _mm256_permute4x64_epi64(_mm256_unpackhi_epi16(ac, bd), 0xD8);
        _mm_storeu_si128((__m128i *)(out[0] + i), _mm256_castsi256_si128(rg));
        _mm_storeu_si128((__m128i *)(out[1] + i), _mm256_extracti128_si256(rg, 1));
        _mm_storeu_si128((__m128i *)(out[2] + i), _mm256_castsi256_si128(bx));
    }
    int16_t *const rest[3] = {out[0] + i, out[1] + i, out[2] + i};
    kernels_c.horizontal3(row, behind(taps, i), rest, n - i);
}

static void vertical(const int16_t *a, const int16_t *b, int16_t weight_a, int16_t weight_b,
                     int16_t *out, int n)
{
    __m256i wa = _mm256_set1_epi16(weight_a), wb = _mm256_set1_epi16(weight_b);
    for (int i = 0; i < n; i += 16) {
        __m256i p = _mm256_mulhi_epi16(_mm256_loadu_si256((const __m256i *)(a + i)), wa);
        __m256i q = _mm256_mulhi_epi16(_mm256_loadu_si256((const __m256i *)(b + i)), wb);
        __m256i sum = _mm256_add_epi16(_mm256_add_epi16(p, q), _mm256_set1_epi16(2));
        _mm256_storeu_si256((__m256i *)(out + i), _mm256_srai_epi16(sum, 2));
    }
}

static inline __m256i level(__m256i q7)
{
    q7 = _mm256_min_epi16(q7, _mm256_set1_epi16(255 * 128));
    q7 = _mm256_max_epi16(q7, _mm256_setzero_si256());
    return _mm256_srai_epi16(_mm256_add_epi16(q7, _mm256_set1_epi16(64)), 7);
}

static void yuv_to_rgb(int16_t *y, int16_t *u, int16_t *v, int n)
{
    const __m256i middle = _mm256_set1_epi16(128);
    for (int i = 0; i < n; i += 16) {
        __m256i *py = (__m256i *)(y + i), *pu = (__m256i *)(u + i), *pv = (__m256i *)(v + i);
        __m256i luma = _mm256_slli_epi16(_mm256_loadu_si256(py), 7);
        __m256i cb = _mm256_slli_epi16(_mm256_sub_epi16(_mm256_loadu_si256(pu), middle), 7);
        __m256i cr = _mm256_slli_epi16(_mm256_sub_epi16(_mm256_loadu_si256(pv), middle), 7);
        __m256i red = _mm256_add_epi16(cr, _mm256_mulhrs_epi16(cr, _mm256_set1_epi16(13173)));
        __m256i green = _mm256_add_epi16(_mm256_mulhrs_epi16(cb, _mm256_set1_epi16(11277)),
                                         _mm256_mulhrs_epi16(cr, _mm256_set1_epi16(23401)));
        __m256i blue = _mm256_add_epi16(cb, _mm256_mulhrs_epi16(cb, _mm256_set1_epi16(25297)));
        _mm256_storeu_si256(py, level(_mm256_adds_epi16(luma, red)));
        _mm256_storeu_si256(pu, level(_mm256_subs_epi16(luma, green)));
        _mm256_storeu_si256(pv, level(_mm256_adds_epi16(luma, blue)));
    }
}

/* Sixteen bytes of one channel. */
static inline __m128i bytes_of(const int16_t *in)
{
    __m256i levels = _mm256_loadu_si256((const __m256i *)in);
    return _mm_packus_epi16(_mm256_castsi256_si128(levels), _mm256_extracti128_si256(levels, 1));
}

/* Bytes `c` of three channels to a third of the 48 interleaved ones. */
static inline __m128i spread(const __m128i c[3], const int8_t table[3][16])
{
    __m128i part = _mm_shuffle_epi8(c[0], _mm_loadu_si128((const __m128i *)table[0]));
    part = _mm_or_si128(part, _mm_shuffle_epi8(c[1], _mm_loadu_si128((const __m128i *)table[1])));
    return _mm_or_si128(part, _mm_shuffle_epi8(c[2], _mm_loadu_si128((const __m128i *)table[2])));
}

static void store_u8x3(const int16_t *const in[3], uint8_t *out, int n)
{
    static const int8_t table[3][3][16] = {
        {{0, -1, -1, 1, -1, -1, 2, -1, -1, 3, -1, -1, 4, -1, -1, 5},
         {-1, 0, -1, -1, 1, -1, -1, 2, -1, -1, 3, -1, -1, 4, -1, -1},
         {-1, -1, 0, -1, -1, 1, -1, -1, 2, -1, -1, 3, -1, -1, 4, -1}},
        {{-1, -1, 6, -1, -1, 7, -1, -1, 8, -1, -1, 9, -1, -1, 10, -1},
         {5, -1, -1, 6, -1, -1, 7, -1, -1, 8, -1, -1, 9, -1, -1, 10},
         {-1, 5, -1, -1, 6, -1, -1, 7, -1, -1, 8, -1, -1, 9, -1, -1}},
        {{-1, 11, -1, -1, 12, -1, -1, 13, -1, -1, 14, -1, -1, 15, -1, -1},
         {-1, -1, 11, -1, -1, 12, -1, -1, 13, -1, -1, 14, -1, -1, 15, -1},
         {10, -1, -1, 11, -1, -1, 12, -1, -1, 13, -1, -1, 14, -1, -1, 15}}};
    int i = 0;
    for (; i + 16 <= n; i += 16) {
        __m128i c[3] = {bytes_of(in[0] + i), bytes_of(in[1] + i), bytes_of(in[2] + i)};
        for (int third = 0; third < 3; third++)
            _mm_storeu_si128((__m128i *)(out + 3 * i + 16 * third), spread(c, table[third]));
    }
    const int16_t *const rest[3] = {in[0] + i, in[1] + i, in[2] + i};
    kernels_c.store_u8x3(rest, out + 3 * i, n - i);
}

static void store_f32(const int16_t *in, float scale, float bias, float *out, int n)
{
    __m256 k = _mm256_set1_ps(scale), b = _mm256_set1_ps(bias);
    int i = 0;
    for (; i + 8 <= n; i += 8) {
        __m256i q = _mm256_cvtepi16_epi32(_mm_loadu_si128((const __m128i *)(in + i)));
        _mm256_storeu_ps(out + i, _mm256_add_ps(_mm256_mul_ps(_mm256_cvtepi32_ps(q), k), b));
    }
    kernels_c.store_f32(in + i, scale, bias, out + i, n - i);
}

static bool all_finite(const float *in, size_t n)
{
    const __m256i exponent = _mm256_set1_epi32(0x7F800000);
    __m256i bad[2] = {_mm256_setzero_si256(), _mm256_setzero_si256()};
    size_t i = 0;
    for (; i + 16 <= n; i += 16)
        for (int k = 0; k < 2; k++) {
            __m256i x = _mm256_loadu_si256((const __m256i *)(const void *)(in + i + 8 * k));
            x = _mm256_cmpeq_epi32(_mm256_and_si256(x, exponent), exponent);
            bad[k] = _mm256_or_si256(bad[k], x);
        }
    __m256i any = _mm256_or_si256(bad[0], bad[1]);
    return _mm256_testz_si256(any, any) && kernels_c.all_finite(in + i, n - i);
}

static bool any_at_least(const float *in, size_t n, float least)
{
    __m256 limit = _mm256_set1_ps(least), any = _mm256_setzero_ps();
    size_t i = 0;
    for (; i + 8 <= n; i += 8)
        any = _mm256_or_ps(any, _mm256_cmp_ps(_mm256_loadu_ps(in + i), limit, _CMP_GE_OQ));
    return _mm256_movemask_ps(any) || kernels_c.any_at_least(in + i, n - i, least);
}

static void column_max(const float *in, size_t stride, int rows, int n, float *best, int32_t *row)
{
    int whole = n & ~7;
    kernels_c.column_max(in, stride, 1, whole, best, row);
    for (int r = 1; r < rows; r++) {
        const float *p = in + (size_t)r * stride;
        for (int i = 0; i < whole; i += 8) {
            __m256 x = _mm256_loadu_ps(p + i), top = _mm256_loadu_ps(best + i);
            __m256 more = _mm256_cmp_ps(x, top, _CMP_GT_OQ);
            __m256 at = _mm256_loadu_ps((const float *)(const void *)(row + i));
            __m256 now = _mm256_castsi256_ps(_mm256_set1_epi32(r));
            _mm256_storeu_ps(best + i, _mm256_blendv_ps(top, x, more));
            _mm256_storeu_ps((float *)(void *)(row + i), _mm256_blendv_ps(at, now, more));
        }
    }
    if (whole < n)
        kernels_c.column_max(in + whole, stride, rows, n - whole, best + whole, row + whole);
}

const struct infer_kernels kernels_avx2 = {.name = "avx2",
                                           .vertical = vertical,
                                           .horizontal1 = horizontal1,
                                           .horizontal3 = horizontal3,
                                           .yuv_to_rgb = yuv_to_rgb,
                                           .store_u8x3 = store_u8x3,
                                           .store_f32 = store_f32,
                                           .all_finite = all_finite,
                                           .any_at_least = any_at_least,
                                           .column_max = column_max};
