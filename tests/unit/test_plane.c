/* Maps between planes against numpy (plane_fixture.h), and points that no map can be told from. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/plane.h"
#include "plane_fixture.h"

enum { CASES = sizeof plane_cases / sizeof *plane_cases };

/* Beside the largest of the numbers that are to come out. */
static void near(const double *got, const double *want, int count, double part)
{
    double largest = 0;
    for (int i = 0; i < count; i++)
        largest = fmax(largest, fabs(want[i]));
    for (int i = 0; i < count; i++)
        if (!(fabs(got[i] - want[i]) <= part * largest))
            fail_msg("number %d is %.17g, not %.17g", i, got[i], want[i]);
}

static void pairs_of(const struct plane_case *c, struct plane_pair *pairs)
{
    for (int i = 0; i < PLANE_PAIRS; i++)
        pairs[i] = (struct plane_pair){
            {c->from[2 * i], c->from[2 * i + 1]}, {c->to[2 * i], c->to[2 * i + 1]}, c->weights[i]};
}

static void maps_are_applied_inverted_and_derived(void **state)
{
    (void)state;
    for (int i = 0; i < CASES; i++) {
        const struct plane_case *c = &plane_cases[i];
        double inverse[9], to[2], jacobian[4], one[9];
        assert_true(plane_apply(c->map, c->point, to));
        near(to, c->applied, 2, 1e-13);
        assert_true(plane_jacobian(c->map, c->point, jacobian));
        near(jacobian, c->jacobian, 4, 1e-12);
        assert_true(plane_invert(c->map, inverse));
        near(inverse, c->inverse, 9, 1e-12);
        plane_multiply(c->map, inverse, one);
        for (int k = 0; k < 9; k++)
            one[k] /= one[8];
        near(one, PLANE_IDENTITY, 9, 1e-9);
        memcpy(one, c->map, sizeof one); /* onto itself */
        assert_true(plane_invert(one, one));
        near(one, inverse, 9, 0);
    }
}

static void maps_are_multiplied(void **state)
{
    (void)state;
    static const double a[9] = {1, 2, 3, 4, 5, 6, 7, 8, 10}, b[9] = {2, 0, -1, 1, 3, 5, -2, 4, 0.5};
    static const double ab[9] = {-2, 18, 10.5, 1, 39, 24, 2, 64, 38};
    double out[9];
    plane_multiply(a, b, out);
    near(out, ab, 9, 0);
    memcpy(out, a, sizeof out);
    plane_multiply(out, b, out);
    near(out, ab, 9, 0);
    memcpy(out, b, sizeof out);
    plane_multiply(a, out, out);
    near(out, ab, 9, 0);
}

static void homographies_are_fitted(void **state)
{
    (void)state;
    for (int i = 0; i < CASES; i++) {
        struct plane_pair pairs[PLANE_PAIRS];
        double m[9], to[2], want[2];
        pairs_of(&plane_cases[i], pairs);
        assert_true(plane_fit_homography(pairs, PLANE_PAIRS, m));
        assert_true(m[8] == 1);
        for (int k = 0; k < PLANE_PAIRS; k++) {
            assert_true(plane_apply(m, pairs[k].from, to));
            assert_true(plane_apply(plane_cases[i].homography, pairs[k].from, want));
            near(to, want, 2, 1e-7);
        }
        if (i < 3) /* without noise: the map itself */
            near(m, plane_cases[i].map, 9, 1e-8);
    }
}

static void similarities_are_fitted(void **state)
{
    (void)state;
    for (int i = 0; i < CASES; i++) {
        struct plane_pair pairs[PLANE_PAIRS];
        double m[9];
        pairs_of(&plane_cases[i], pairs);
        assert_true(plane_fit_similarity(pairs, PLANE_PAIRS, m));
        near(m, plane_cases[i].similarity, 9, 1e-12);
    }
}

static void four_pairs_are_enough(void **state)
{
    (void)state;
    static const double square[4][2] = {{0, 0}, {100, 0}, {100, 100}, {0, 100}};
    static const double to[4][2] = {{10, 5}, {220, 20}, {180, 210}, {-3, 190}};
    struct plane_pair pairs[4];
    double m[9], got[2];
    for (int i = 0; i < 4; i++)
        pairs[i] = (struct plane_pair){
            {square[i][0], square[i][1]}, {to[i][0], to[i][1]}, 1 + (double)i};
    assert_true(plane_fit_homography(pairs, 4, m));
    for (int i = 0; i < 4; i++) {
        assert_true(plane_apply(m, pairs[i].from, got));
        assert_true(hypot(got[0] - to[i][0], got[1] - to[i][1]) < 1e-9);
    }
    assert_false(plane_fit_homography(pairs, 3, m));
    pairs[2].weight = 0;
    assert_false(plane_fit_homography(pairs, 4, m));
}

static void set_points(struct plane_pair *pairs, int count, const double from[][2])
{
    static const double map[9] = {1.1, 0.2, 3, -0.1, 0.9, 5, 0, 0, 1};
    for (int i = 0; i < count; i++) {
        memcpy(pairs[i].from, from[i], sizeof pairs[i].from);
        plane_apply(map, pairs[i].from, pairs[i].to);
        pairs[i].weight = 1;
    }
}

static void degenerate_points_are_refused(void **state)
{
    (void)state;
    static const double line[6][2] = {{0, 0}, {10, 20}, {20, 40}, {30, 60}, {40, 80}, {50, 100}};
    static const double three_on_a_line[4][2] = {{0, 0}, {50, 0}, {100, 0}, {30, 70}};
    static const double all_but_one[6][2] = {{0, 0},   {10, 20}, {20, 40},
                                             {30, 60}, {40, 80}, {50, 0}};
    static const double same[6][2] = {{7, 7}, {7, 7}, {7, 7}, {7, 7}, {7, 7}, {7, 7}};
    static const double twice[6][2] = {{0, 0}, {9, 0}, {0, 9}, {0, 0}, {9, 0}, {0, 9}};
    struct plane_pair pairs[6];
    double m[9];
    set_points(pairs, 6, line);
    assert_false(plane_fit_homography(pairs, 6, m));
    assert_true(plane_fit_similarity(pairs, 6, m));
    set_points(pairs, 4, three_on_a_line);
    assert_false(plane_fit_homography(pairs, 4, m));
    set_points(pairs, 6, all_but_one);
    assert_false(plane_fit_homography(pairs, 6, m));
    set_points(pairs, 6, twice);
    assert_false(plane_fit_homography(pairs, 6, m));
    set_points(pairs, 6, same);
    assert_false(plane_fit_homography(pairs, 6, m));
    assert_false(plane_fit_similarity(pairs, 6, m));
    assert_false(plane_fit_similarity(pairs, 0, m));
    assert_false(plane_fit_similarity(pairs, 1, m));
    set_points(pairs, 6, twice);
    for (int i = 0; i < 6; i++)
        pairs[i].weight = 0;
    assert_false(plane_fit_homography(pairs, 6, m));
    assert_false(plane_fit_similarity(pairs, 6, m));
    set_points(pairs, 6, twice);
    pairs[2].to[0] = NAN;
    assert_false(plane_fit_homography(pairs, 6, m));
    assert_false(plane_fit_similarity(pairs, 6, m));
}

static void maps_without_an_inverse_are_refused(void **state)
{
    (void)state;
    static const double maps[][9] = {{0, 0, 0, 0, 0, 0, 0, 0, 0},
                                     {1, 2, 3, 2, 4, 6, 0, 0, 1},
                                     {1, 2, 3, 4, 5, 6, 7, 8, 9},
                                     {NAN, 0, 0, 0, 1, 0, 0, 0, 1},
                                     {INFINITY, 0, 0, 0, 1, 0, 0, 0, 1}};
    double out[9];
    for (size_t i = 0; i < sizeof maps / sizeof *maps; i++)
        assert_false(plane_invert(maps[i], out));
    static const double horizon[9] = {1, 0, 0, 0, 1, 0, 0, 0.5, -10};
    double at[2] = {3, 20}, to[2], jacobian[4];
    assert_false(plane_apply(horizon, at, to));
    assert_false(plane_jacobian(horizon, at, jacobian));
    at[1] = NAN;
    assert_false(plane_apply(horizon, at, to));
    at[1] = 20.001;
    assert_true(plane_apply(horizon, at, to));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(maps_are_applied_inverted_and_derived),
        cmocka_unit_test(maps_are_multiplied),
        cmocka_unit_test(homographies_are_fitted),
        cmocka_unit_test(similarities_are_fitted),
        cmocka_unit_test(four_pairs_are_enough),
        cmocka_unit_test(degenerate_points_are_refused),
        cmocka_unit_test(maps_without_an_inverse_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
