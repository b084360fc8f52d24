/* One map for most of many pairs: known maps with noise and outliers, and pairs that have none. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "track/motion_fit.h"

enum { COUNT = 200 };

static const struct motion_fit usual = {
    .width = 320, .height = 180, .near_px = 0.75, .least_part = 0.3, .least = 12};

static uint32_t state_bits;

static double pick(double least, double most)
{
    state_bits = state_bits * 1664525u + 1013904223u;
    return least + (most - least) * (state_bits >> 8) / 16777216.0;
}

/* Pairs all over the picture, `noise` px off in each direction; the first `outliers` go anywhere.
 */
static void make(struct plane_pair *pairs, const double map[9], int outliers, double noise,
                 uint32_t seed)
{
    state_bits = seed;
    for (int i = 0; i < COUNT; i++) {
        pairs[i].from[0] = pick(0, 320);
        pairs[i].from[1] = pick(0, 180);
        pairs[i].weight = 1;
        assert_true(plane_apply(map, pairs[i].from, pairs[i].to));
        pairs[i].to[0] += pick(-noise, noise);
        pairs[i].to[1] += pick(-noise, noise);
        if (i < outliers) {
            pairs[i].to[0] = pick(0, 320);
            pairs[i].to[1] = pick(0, 180);
        }
    }
}

static double apart(const double a[9], const double b[9])
{
    double worst = 0;
    for (int i = 0; i < 4; i++) {
        double at[2] = {i & 1 ? 320 : 0, i & 2 ? 180 : 0}, p[2], q[2];
        if (!plane_apply(a, at, p) || !plane_apply(b, at, q))
            return INFINITY;
        worst = fmax(worst, hypot(p[0] - q[0], p[1] - q[1]));
    }
    return worst;
}

static const double similar[9] = {1.03, -0.02, -7.5, 0.02, 1.03, 4.25, 0, 0, 1};
static const double perspective[9] = {1.02, 0.03, -6, -0.02, 0.99, 5, 1.5e-4, -2e-4, 1};

/* Pairs by `truth`, 0.2 px off: the map comes out again. Returns how many agree. */
static int finds(const struct motion_fit *fit, const double truth[9], int outliers, uint32_t seed,
                 fov_motion_kind kind, double near)
{
    struct plane_pair pairs[COUNT];
    double map[9];
    int inliers;
    make(pairs, truth, outliers, 0.2, seed);
    assert_int_equal(motion_fit(fit, pairs, COUNT, map, &inliers), kind);
    assert_true(apart(map, truth) < near);
    return inliers;
}

static void similarities_are_found(void **unused)
{
    (void)unused;
    static const struct {
        int outliers;
        double noise, near;
    } rows[] = {{0, 0, 1e-9}, {0, 0.2, 0.06}, {60, 0.2, 0.08}, {120, 0.2, 0.12}, {130, 0, 1e-9}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (uint32_t seed = 1; seed <= 20; seed++) {
            struct plane_pair pairs[COUNT];
            double map[9];
            int inliers;
            make(pairs, similar, rows[i].outliers, rows[i].noise, seed);
            assert_int_equal(motion_fit(&usual, pairs, COUNT, map, &inliers),
                             FOV_MOTION_SIMILARITY);
            assert_true(apart(map, similar) < rows[i].near);
            assert_in_range(inliers, COUNT - rows[i].outliers, COUNT - rows[i].outliers / 2);
        }
}

static void homographies_are_given_when_asked_for_and_needed(void **unused)
{
    (void)unused;
    struct motion_fit asked = usual;
    asked.homography = true;
    for (uint32_t seed = 1; seed <= 20; seed++) {
        struct plane_pair pairs[COUNT];
        double map[9];
        int inliers = finds(&asked, perspective, 50, seed, FOV_MOTION_HOMOGRAPHY, 0.35);
        assert_in_range(inliers, 150, 160);
        make(pairs, perspective, 50, 0.2, seed);
        assert_int_not_equal(motion_fit(&usual, pairs, COUNT, map, &inliers),
                             FOV_MOTION_HOMOGRAPHY);
        finds(&asked, similar, 50, seed, FOV_MOTION_SIMILARITY, 0.1);
    }
}

/* So bent that a similarity explains next to nothing, with outliers. */
static void strong_perspective(void **unused)
{
    (void)unused;
    static const double bent[9] = {1.05, 0.1, -9, -0.05, 0.95, 8, 7e-4, -9e-4, 1};
    struct motion_fit asked = usual;
    asked.homography = true;
    for (uint32_t seed = 1; seed <= 20; seed++) {
        int inliers = finds(&asked, bent, 60, seed, FOV_MOTION_HOMOGRAPHY, 0.5);
        assert_in_range(inliers, 139, 150);
    }
}

/* Pairs by one map, without noise: none of these is a motion. */
static void what_no_camera_does_is_none(void **unused)
{
    (void)unused;
    static const double maps[][9] = {
        {1, 0, 140, 0, 1, 0, 0, 0, 1},           /* a jump */
        {1, 0, 0, 0, 1, -135, 0, 0, 1},          /* a jump */
        {1.7, 0, -100, 0, 1.7, -60, 0, 0, 1},    /* twice as near, almost */
        {0.5, 0, 80, 0, 0.5, 45, 0, 0, 1},       /* twice as far */
        {-1, 0, 320, 0, 1, 0, 0, 0, 1},          /* a mirror */
        {-1, 0, 320, 0, -1, 180, 0, 0, 1},       /* upside down */
        {0.7, -0.7, 100, 0.7, 0.7, -80, 0, 0, 1} /* an eighth of a turn */
    };
    struct motion_fit asked = usual;
    asked.homography = true;
    for (size_t i = 0; i < sizeof maps / sizeof *maps; i++) {
        struct plane_pair pairs[COUNT];
        double map[9];
        int inliers;
        make(pairs, maps[i], 0, 0, 1);
        assert_int_equal(motion_fit(&usual, pairs, COUNT, map, &inliers), FOV_MOTION_NONE);
        assert_memory_equal(map, PLANE_IDENTITY, sizeof map);
        make(pairs, maps[i], 0, 0, 1);
        assert_int_equal(motion_fit(&asked, pairs, COUNT, map, &inliers), FOV_MOTION_NONE);
        assert_memory_equal(map, PLANE_IDENTITY, sizeof map);
    }
}

static void too_few_or_too_alike_is_none(void **unused)
{
    (void)unused;
    struct plane_pair pairs[COUNT];
    double map[9];
    int inliers;
    for (int count = 0; count < usual.least; count++) {
        make(pairs, similar, 0, 0, 1);
        assert_int_equal(motion_fit(&usual, pairs, count, map, &inliers), FOV_MOTION_NONE);
    }
    make(pairs, similar, 160, 0, 1); /* a fifth agrees */
    assert_int_equal(motion_fit(&usual, pairs, COUNT, map, &inliers), FOV_MOTION_NONE);
    assert_memory_equal(map, PLANE_IDENTITY, sizeof map);
    make(pairs, similar, COUNT, 0, 1);
    assert_int_equal(motion_fit(&usual, pairs, COUNT, map, &inliers), FOV_MOTION_NONE);
    make(pairs, similar, 0, 0, 1);
    for (int i = 1; i < COUNT; i++)
        pairs[i] = pairs[0];
    assert_int_equal(motion_fit(&usual, pairs, COUNT, map, &inliers), FOV_MOTION_NONE);
}

/* Half of all pairs agree, but in one corner only: something that moves by itself. */
static void what_agrees_in_one_place_is_none(void **unused)
{
    (void)unused;
    struct plane_pair pairs[COUNT];
    double map[9];
    int inliers;
    for (int corner = 0; corner < 2; corner++) {
        make(pairs, similar, COUNT / 2, 0, 3);
        for (int i = COUNT / 2; corner && i < COUNT; i++) {
            pairs[i].from[0] /= 5;
            pairs[i].from[1] = 120 + pairs[i].from[1] / 3;
            assert_true(plane_apply(similar, pairs[i].from, pairs[i].to));
        }
        assert_int_equal(motion_fit(&usual, pairs, COUNT, map, &inliers),
                         corner ? FOV_MOTION_NONE : FOV_MOTION_SIMILARITY);
    }
    assert_memory_equal(map, PLANE_IDENTITY, sizeof map);
}

/* On one line a similarity can be told; a homography cannot, and is not made up. */
static void points_on_a_line(void **unused)
{
    (void)unused;
    struct motion_fit asked = usual;
    struct plane_pair pairs[COUNT];
    double map[9];
    int inliers;
    asked.homography = true;
    make(pairs, similar, 0, 0, 1);
    for (int i = 0; i < COUNT; i++) {
        pairs[i].from[1] = 20 + pairs[i].from[0] / 4;
        plane_apply(similar, pairs[i].from, pairs[i].to);
    }
    assert_int_equal(motion_fit(&asked, pairs, COUNT, map, &inliers), FOV_MOTION_SIMILARITY);
    assert_true(apart(map, similar) < 1e-6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(similarities_are_found),
        cmocka_unit_test(homographies_are_given_when_asked_for_and_needed),
        cmocka_unit_test(strong_perspective),
        cmocka_unit_test(what_no_camera_does_is_none),
        cmocka_unit_test(too_few_or_too_alike_is_none),
        cmocka_unit_test(what_agrees_in_one_place_is_none),
        cmocka_unit_test(points_on_a_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
