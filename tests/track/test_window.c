/* The loops of following a point: the reference against the definition, overrides against the
 * reference bit by bit, nothing read that is not the window's, and what each costs. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "track/window.h"

enum { SIDE = WINDOW + 1, ROUNDS = 400 };

static uint32_t state_bits = 1;

static int pick(int least, int most)
{
    state_bits = state_bits * 1664525u + 1013904223u;
    return least + (int)((state_bits >> 8) % (uint32_t)(most - least + 1));
}

/* Noise, and now and then only black and white. */
static void fill(uint8_t *pixels, int round)
{
    for (int i = 0; i < SIDE * SIDE; i++)
        pixels[i] = (uint8_t)(round % 4 == 0 ? 255 * pick(0, 1) : pick(0, 255));
}

static void the_reference_is_what_the_definition_says(void **state)
{
    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        uint8_t pixels[SIDE * SIDE];
        int16_t out[WINDOW_PIXELS];
        int right = round == 0 ? 0 : pick(0, 127), down = round == 0 ? 0 : pick(0, 127);
        fill(pixels, round);
        window_c.mix(pixels, SIDE, right, down, out);
        for (int y = 0; y < WINDOW; y++)
            for (int x = 0; x < WINDOW; x++) {
                const uint8_t *at = pixels + y * SIDE + x;
                double upper = at[0] + (at[1] - at[0]) * right / 128.0;
                double lower = at[SIDE] + (at[SIDE + 1] - at[SIDE]) * right / 128.0;
                double want = 16 * (upper + (lower - upper) * down / 128.0);
                assert_true(out[y * WINDOW + x] <= want && out[y * WINDOW + x] > want - 2);
            }
    }
}

static void sums_are_what_the_definition_says(void **state)
{
    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        int16_t now[WINDOW_PIXELS], before[WINDOW_PIXELS], gx[WINDOW_PIXELS], gy[WINDOW_PIXELS];
        int64_t x = 0, y = 0, all = 0;
        for (int i = 0; i < WINDOW_PIXELS; i++) {
            bool inside = i % WINDOW > 0 && i % WINDOW < WINDOW - 1 && i / WINDOW > 0 &&
                          i / WINDOW < WINDOW - 1;
            bool most = round == 0; /* the largest numbers that there can be */
            assert_int_equal(window_inside[i], inside);
            now[i] = (int16_t)(most ? 4080 : pick(0, 4080));
            before[i] = (int16_t)(most ? 0 : pick(0, 4080));
            gx[i] = (int16_t)(!inside ? 0 : most ? 2040 : pick(-2040, 2040));
            gy[i] = (int16_t)(!inside ? 0 : most ? -2040 : pick(-2040, 2040));
            x += (now[i] - before[i]) * gx[i];
            y += (now[i] - before[i]) * gy[i];
            all += inside ? now[i] - before[i] : 0;
        }
        for (size_t k = 0; window_kernels_at(k); k++) {
            struct window_sums sums = window_kernels_at(k)->compare(now, before, gx, gy);
            assert_true(sums.x == x && sums.y == y && sums.all == all);
        }
    }
}

static void overrides_give_the_same_bits(void **state)
{
    (void)state;
    for (size_t k = 1; window_kernels_at(k); k++)
        for (int round = 0; round < ROUNDS; round++) {
            /* of its own size, so that a sanitizer sees what is read behind it */
            uint8_t *pixels = malloc(SIDE * SIDE);
            int16_t want[WINDOW_PIXELS], got[WINDOW_PIXELS];
            int right = pick(0, 127), down = pick(0, 127);
            assert_non_null(pixels);
            fill(pixels, round);
            window_c.mix(pixels, SIDE, right, down, want);
            window_kernels_at(k)->mix(pixels, SIDE, right, down, got);
            assert_memory_equal(got, want, sizeof want);
            free(pixels);
        }
}

static void what_they_cost(void **state)
{
    (void)state;
    enum { TIMES = 20000 };
    uint8_t pixels[SIDE * SIDE];
    int16_t now[WINDOW_PIXELS], before[WINDOW_PIXELS];
    fill(pixels, 1);
    window_c.mix(pixels, SIDE, 3, 5, before);
    for (size_t k = 0; window_kernels_at(k); k++) {
        const struct window_kernels *kernels = window_kernels_at(k);
        int64_t begun = clock_thread_ns();
        volatile int32_t sink = 0;
        for (int i = 0; i < TIMES; i++) {
            kernels->mix(pixels, SIDE, i & 127, i >> 7 & 127, now);
            sink = sink + kernels->compare(now, before, before, now).all;
        }
        print_message("%-5s %.0f ns a step\n", kernels->name,
                      (double)(clock_thread_ns() - begun) / TIMES);
    }
    assert_non_null(window_kernels());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_reference_is_what_the_definition_says),
        cmocka_unit_test(sums_are_what_the_definition_says),
        cmocka_unit_test(overrides_give_the_same_bits),
        cmocka_unit_test(what_they_cost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
