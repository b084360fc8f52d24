/* The filters beside NumPy's of eight dimensions, and time that comes in other steps. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "draw.h"
#include "track/kalman.h"
#include "track_fixture.h"

static void same(double got, double wanted)
{
    if (fabs(got - wanted) > 1e-6 * (1 + fabs(wanted)))
        fail_msg("%.12g instead of %.12g", got, wanted);
}

static void same_axis(const struct kalman_axis *axis, const double wanted[5])
{
    same(axis->x, wanted[0]);
    same(axis->v, wanted[1]);
    same(axis->xx, wanted[2]);
    same(axis->xv, wanted[3]);
    same(axis->vv, wanted[4]);
}

static void box_at(uint32_t *state, int i, float box[4])
{
    float x = (float)(400 + 6 * i + 4 * draw(state)), y = (float)(300 - 2 * i + 4 * draw(state));
    float w = (float)(60 + i + 3 * draw(state)), h = (float)(150 + 3 * draw(state));
    box[0] = x;
    box[1] = y;
    box[2] = x + w;
    box[3] = y + h;
}

static void filter(enum kalman_form form, const double wanted[4][5])
{
    static const double zoom[9] = {1.25, 0, -100, 0, 1.25, 40, 0, 0, 1};
    struct kalman_box k;
    uint32_t state = 77;
    for (int i = 0; i < 20; i++) {
        float box[4];
        box_at(&state, i, box);
        if (i == 0) {
            kalman_box_begin(&k, form, box);
            continue;
        }
        kalman_box_predict(&k, form, 1);
        if (i == 10)
            kalman_box_move(&k, form, zoom);
        if (i % 3)
            kalman_box_correct(&k, form, box);
    }
    for (int i = 0; i < 4; i++)
        same_axis(&k.axis[i], wanted[i]);
    assert_true(kalman_box_sane(&k));
}

static void filters_are_those_of_eight_dimensions(void **state)
{
    (void)state;
    filter(KALMAN_SIZE, filtered_size);
    filter(KALMAN_ASPECT, filtered_aspect);
}

static void many_steps_at_once_are_many_steps(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof steps_cases / sizeof *steps_cases; i++) {
        struct kalman_axis axis = {10, 3, 9, 1, 2};
        kalman_predict(&axis, steps_cases[i].steps, 4, 0.25);
        same_axis(&axis, steps_cases[i].axis);
    }
}

/* Parts of steps add up as well: 24 halves and a quarter of 12 are 15. */
static void parts_of_steps_add_up(void **state)
{
    (void)state;
    struct kalman_axis whole = {10, 3, 9, 1, 2}, parts = whole;
    kalman_predict(&whole, 15, 4, 0.25);
    for (int i = 0; i < 24; i++)
        kalman_predict(&parts, 0.5, 4, 0.25);
    for (int i = 0; i < 12; i++)
        kalman_predict(&parts, 0.25, 4, 0.25);
    same_axis(&parts, (double[5]){whole.x, whole.v, whole.xx, whole.xv, whole.vv});
}

static void no_time_changes_nothing(void **state)
{
    (void)state;
    struct kalman_axis axis = {10, 3, 9, 1, 2};
    kalman_predict(&axis, 0, 4, 0.25);
    same_axis(&axis, (double[5]){10, 3, 9, 1, 2});
}

/* However small the step, what is added is a covariance. */
static void noise_of_small_steps_is_a_covariance(void **state)
{
    (void)state;
    for (double n = 1e-6; n < 100; n *= 1.7) {
        struct kalman_box k;
        kalman_box_begin(&k, KALMAN_SIZE, (float[4]){0, 0, 50, 100});
        k.axis[0] = (struct kalman_axis){.x = 25};
        kalman_box_predict(&k, KALMAN_SIZE, n);
        const struct kalman_axis *a = &k.axis[0];
        assert_true(a->xx > 0 && a->vv > 0 && a->xx * a->vv > a->xv * a->xv);
    }
}

static void a_box_comes_out_as_it_went_in(void **state)
{
    (void)state;
    const float box[4] = {12.5f, -7, 112.5f, 243};
    for (int form = KALMAN_SIZE; form <= KALMAN_ASPECT; form++) {
        struct kalman_box k;
        float out[4];
        kalman_box_begin(&k, (enum kalman_form)form, box);
        kalman_box_get(&k, (enum kalman_form)form, out);
        for (int i = 0; i < 4; i++)
            same((double)out[i], (double)box[i]);
    }
}

/* A quarter turn about the origin: speeds turn as well. */
static void speeds_turn_with_the_camera(void **state)
{
    (void)state;
    static const double turn[9] = {0, -1, 0, 1, 0, 0, 0, 0, 1};
    struct kalman_box k;
    kalman_box_begin(&k, KALMAN_SIZE, (float[4]){80, 180, 120, 220});
    k.axis[0].v = 5;
    k.axis[1].v = -2;
    kalman_box_move(&k, KALMAN_SIZE, turn);
    same(k.axis[0].x, -200);
    same(k.axis[1].x, 100);
    same(k.axis[0].v, 2);
    same(k.axis[1].v, 5);
    same(k.axis[2].x, 40);
}

static void what_no_box_has_is_not_sane(void **state)
{
    (void)state;
    struct kalman_box k;
    kalman_box_begin(&k, KALMAN_SIZE, (float[4]){0, 0, 50, 100});
    assert_true(kalman_box_sane(&k));
    k.axis[1].v = NAN;
    assert_false(kalman_box_sane(&k));
    k.axis[1].v = 1e9;
    assert_false(kalman_box_sane(&k));
    k.axis[1].v = 0;
    k.axis[3].xx = INFINITY;
    assert_false(kalman_box_sane(&k));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(filters_are_those_of_eight_dimensions),
        cmocka_unit_test(many_steps_at_once_are_many_steps),
        cmocka_unit_test(parts_of_steps_add_up),
        cmocka_unit_test(no_time_changes_nothing),
        cmocka_unit_test(noise_of_small_steps_is_a_covariance),
        cmocka_unit_test(a_box_comes_out_as_it_went_in),
        cmocka_unit_test(speeds_turn_with_the_camera),
        cmocka_unit_test(what_no_box_has_is_not_sane),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
