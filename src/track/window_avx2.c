/* AVX2 override: a row of a window is one vector. Built with -march=x86-64-v3, called only where
 * the processor has it. */
#include "track/window.h"

#include <immintrin.h>

static inline __m256i sixteen(const uint8_t *bytes)
{
    return _mm256_cvtepu8_epi16(_mm_loadu_si128((const __m128i *)bytes));
}

static inline __m256i columns(const uint8_t *row, __m256i left, __m256i right)
{
    return _mm256_add_epi16(_mm256_mullo_epi16(sixteen(row), left),
                            _mm256_mullo_epi16(sixteen(row + 1), right));
}

static void mix(const uint8_t *pixels, size_t stride, int right, int down, int16_t *out)
{
    __m256i to_left = _mm256_set1_epi16((short)(128 - right)),
            to_right = _mm256_set1_epi16((short)right);
    __m256i to_upper = _mm256_set1_epi16((short)((128 - down) * 64)),
            to_lower = _mm256_set1_epi16((short)(down * 64));
    __m256i upper = columns(pixels, to_left, to_right);
    for (int y = 0; y < WINDOW; y++) {
        pixels += stride;
        __m256i lower = columns(pixels, to_left, to_right);
        __m256i sum = _mm256_add_epi16(_mm256_mulhi_epu16(upper, to_upper),
                                       _mm256_mulhi_epu16(lower, to_lower));
        _mm256_storeu_si256((__m256i *)(out + y * WINDOW), sum);
        upper = lower;
    }
}

static inline __m256i row_of(const int16_t *window, int y)
{
    return _mm256_loadu_si256((const __m256i *)(window + y * WINDOW));
}

static inline int32_t total(__m256i eight)
{
    __m128i four = _mm_add_epi32(_mm256_castsi256_si128(eight), _mm256_extracti128_si256(eight, 1));
    __m128i two = _mm_add_epi32(four, _mm_shuffle_epi32(four, 0x4E));
    return _mm_cvtsi128_si32(_mm_add_epi32(two, _mm_shuffle_epi32(two, 0xB1)));
}

/* The first and the last row are ring: nothing there counts. */
static struct window_sums compare(const int16_t *now, const int16_t *before, const int16_t *gx,
                                  const int16_t *gy)
{
    __m256i x = _mm256_setzero_si256(), y = x, all = x, inside = row_of(window_inside, 1);
    for (int i = 1; i < WINDOW - 1; i++) {
        __m256i d = _mm256_sub_epi16(row_of(now, i), row_of(before, i));
        x = _mm256_add_epi32(x, _mm256_madd_epi16(d, row_of(gx, i)));
        y = _mm256_add_epi32(y, _mm256_madd_epi16(d, row_of(gy, i)));
        all = _mm256_add_epi32(all, _mm256_madd_epi16(d, inside));
    }
    return (struct window_sums){total(x), total(y), total(all)};
}

const struct window_kernels window_avx2 = {"avx2", mix, compare};
