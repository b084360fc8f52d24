/* The loops of following a point: which set, and the reference. Loops are flat, and the one that is
 * not stays rolled: compilers then turn them into vectors of 16-bit numbers. */
#include "track/window.h"

#include <stdbool.h>

#define RING_ROW 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0
#define RING_ROWS_7 RING_ROW, RING_ROW, RING_ROW, RING_ROW, RING_ROW, RING_ROW, RING_ROW
#define RING_EDGE 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0
const int16_t window_inside[WINDOW_PIXELS] = {RING_EDGE, RING_ROWS_7, RING_ROWS_7, RING_EDGE};

/* ---- which set ------------------------------------------------------------------------------- */

static bool has_avx2(void)
{
#if defined(__x86_64__)
    return __builtin_cpu_supports("avx2");
#else
    return false;
#endif
}

const struct window_kernels *window_kernels_at(size_t i)
{
#if defined(__x86_64__)
    if (i == 1 && has_avx2())
        return &window_avx2;
#endif
    (void)has_avx2;
    return i == 0 ? &window_c : NULL;
}

const struct window_kernels *window_kernels(void)
{
    const struct window_kernels *best = window_kernels_at(1);
    return best ? best : &window_c;
}

/* ---- the reference --------------------------------------------------------------------------- */

/* A row between pixels, levels * 128. */
static void mix_columns(const uint8_t *restrict row, uint16_t left, uint16_t right,
                        uint16_t *restrict out)
{
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC unroll 1
#endif
    for (int x = 0; x < WINDOW; x++)
        out[x] = (uint16_t)(row[x] * left + row[x + 1] * right);
}

/* All rows between rows, levels * 16: upper halves of products, each cut off. */
static void mix_rows(const uint16_t *restrict rows, uint16_t up, uint16_t down,
                     int16_t *restrict out)
{
    for (int i = 0; i < WINDOW_PIXELS; i++) {
        uint16_t a = (uint16_t)((uint32_t)rows[i] * up >> 16);
        uint16_t b = (uint16_t)((uint32_t)rows[i + WINDOW] * down >> 16);
        out[i] = (int16_t)(a + b);
    }
}

static void mix(const uint8_t *pixels, size_t stride, int right, int down, int16_t *out)
{
    uint16_t rows[WINDOW_PIXELS + WINDOW];
    for (int y = 0; y <= WINDOW; y++)
        mix_columns(pixels + (size_t)y * stride, (uint16_t)(128 - right), (uint16_t)right,
                    rows + y * WINDOW);
    mix_rows(rows, (uint16_t)((128 - down) * 64), (uint16_t)(down * 64), out);
}

int32_t window_product(const int16_t *a, const int16_t *b)
{
    int32_t sum = 0;
    for (int i = 0; i < WINDOW_PIXELS; i++)
        sum += a[i] * b[i];
    return sum;
}

static struct window_sums compare(const int16_t *now, const int16_t *before, const int16_t *gx,
                                  const int16_t *gy)
{
    int16_t d[WINDOW_PIXELS];
    for (int i = 0; i < WINDOW_PIXELS; i++)
        d[i] = (int16_t)(now[i] - before[i]);
    return (struct window_sums){window_product(d, gx), window_product(d, gy),
                                window_product(d, window_inside)};
}

const struct window_kernels window_c = {"c", mix, compare};
