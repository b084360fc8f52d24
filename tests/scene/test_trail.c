/* Smoothed places of one person, against scipy's filter and movements that are known. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "savgol_fixture.h"
#include "scene/trail.h"

static void test_filter_is_scipys(void **state)
{
    (void)state;
    const int count = sizeof savgol_sights / sizeof *savgol_sights;
    struct trail trail = {0};
    struct trail_state s, before = {0};
    int told = 0;
    for (int i = 0; i <= count; i++) {
        if (i < count)
            assert_true(trail_add(&trail, (double)i / SAVGOL_FPS, savgol_sights[i].x,
                                  savgol_sights[i].y, SAVGOL_HALF_S));
        while (trail_next(&trail, SAVGOL_HALF_S, i == count, &s)) {
            assert_true(fabs(s.time_s - (double)told / SAVGOL_FPS) < 1e-9);
            assert_true(fabs(s.x - savgol_sights[told].smooth_x) < 1e-6);
            assert_true(fabs(s.y - savgol_sights[told].smooth_y) < 1e-6);
            assert_true(fabs(s.vx - savgol_sights[told].speed_x) < 1e-6);
            assert_true(fabs(s.vy - savgol_sights[told].speed_y) < 1e-6);
            if (told > 0)
                assert_true(fabs(trail_way(&before, &s) - savgol_sights[told].way_m) < 1e-6);
            before = s;
            told++;
        }
        if (i >= 24 && i < count) /* half a window late, no more */
            assert_int_equal(told, i - 12 + 1);
    }
    assert_int_equal(told, count);
}

/* A parabola goes through unchanged, whichever sights are missing. */
static void test_filter_with_holes(void **state)
{
    (void)state;
    struct trail trail = {0};
    struct trail_state s;
    int told = 0;
    for (int i = 0; i <= 200; i++) {
        double t = 1000 + i * 0.03 + 0.005 * ((i * 7) % 3);
        if (i < 200 && (i * 13) % 5 == 0)
            continue;
        if (i < 200)
            trail_add(&trail, t, 10 + 3 * (t - 1000) - 0.4 * (t - 1000) * (t - 1000), 5, 0.5);
        while (trail_next(&trail, 0.5, i == 200, &s)) {
            double u = s.time_s - 1000;
            assert_true(fabs(s.x - (10 + 3 * u - 0.4 * u * u)) < 1e-6);
            assert_true(fabs(s.vx - (3 - 0.8 * u)) < 1e-6);
            assert_true(fabs(s.y - 5) < 1e-9 && fabs(s.vy) < 1e-9);
            told++;
        }
    }
    assert_int_equal(told, 160);
}

static void test_filter_of_few_sights(void **state)
{
    (void)state;
    struct trail trail = {0};
    struct trail_state s;
    trail_add(&trail, 5, 1, 2, 0.5);
    assert_false(trail_next(&trail, 0.5, false, &s));
    assert_true(trail_next(&trail, 0.5, true, &s));
    assert_true(s.x == 1 && s.y == 2 && s.vx == 0 && s.vy == 0);
    assert_false(trail_next(&trail, 0.5, true, &s));
    /* two sights 0.1 s apart say nothing about the speed */
    memset(&trail, 0, sizeof trail);
    trail_add(&trail, 5, 1, 2, 0.5);
    assert_false(trail_add(&trail, 5.001, 1, 2, 0.5)); /* too soon */
    trail_add(&trail, 5.1, 2, 2, 0.5);
    assert_true(trail_next(&trail, 0.5, true, &s));
    assert_true(fabs(s.x - 1.5) < 1e-12 && s.vx == 0);
    /* 0.4 s apart a line, and no parabola */
    memset(&trail, 0, sizeof trail);
    for (int i = 0; i < 5; i++)
        trail_add(&trail, 5 + 0.1 * i, 1 + 0.3 * i + (i == 2 ? 0.1 : 0), 2, 0.5);
    assert_true(trail_next(&trail, 0.5, true, &s));
    assert_true(fabs(s.vx - 3) < 1e-9);
}

/* As fast as a camera may be, with sights of all of it kept back at the beginning. */
static void test_filter_holds_many_sights(void **state)
{
    (void)state;
    struct trail trail = {0};
    struct trail_state s;
    double last_s = 0;
    for (int i = 0; i < 5000; i++) {
        trail_add(&trail, i * 0.001, i * 0.003, 7, 0.5);
        while (trail_next(&trail, 0.5, false, &s)) {
            assert_true(s.time_s > last_s || last_s == 0);
            assert_true(fabs(s.x - 3 * s.time_s) < 1e-6 && fabs(s.vx - 3) < 1e-6);
            last_s = s.time_s;
        }
        assert_true(trail.count <= TRAIL_SIGHTS);
    }
    assert_true(last_s > 4.4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_filter_is_scipys),
        cmocka_unit_test(test_filter_with_holes),
        cmocka_unit_test(test_filter_of_few_sights),
        cmocka_unit_test(test_filter_holds_many_sights),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
