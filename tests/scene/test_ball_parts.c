/* The parts of the ball's tracker: the filter against numpy, cameras out of maps, rolling and
 * flying. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include <cmocka.h>

#include "base/plane.h"
#include "football_fixture.h"
#include "scene/ball_flight.h"
#include "scene/ball_path.h"

#define GRAVITY 9.81

static void assert_near(double a, double b, double by)
{
    if (!(fabs(a - b) <= by))
        fail_msg("%.9g is not %.9g, give or take %g", a, b, by);
}

/* ---- the filter ------------------------------------------------------------------------------ */

static void assert_path(const struct ball_path *path, const struct filter_case *c)
{
    for (int i = 0; i < 4; i++)
        assert_near(path->at[i], c->at[i], 1e-5 * (1 + fabs(c->at[i])));
    for (int i = 0; i < 16; i++)
        assert_near(path->cov[i / 4][i % 4], c->cov[i],
                    1e-4 * sqrt(c->cov[5 * (i / 4)] * c->cov[5 * (i % 4)]));
}

static void the_filter_does_what_numpy_does(void **state)
{
    (void)state;
    struct ball_sighting seen = {700, 400, filter_variance, 10, 0.5f, 0};
    struct ball_path path;
    int kicks = 0;
    ball_path_start(&path, &seen, 0, filter_unit);
    for (int i = 0; i < FILTER_STEPS; i++) {
        const struct filter_case *c = &filter_cases[i];
        ball_path_predict(&path, c->dt, c->moved ? c->map : NULL, filter_unit);
        seen.x = c->z[0];
        seen.y = c->z[1];
        struct ball_fit fit = ball_path_fit(&path, &seen, c->unseen_s, filter_unit);
        if (fit.log_density > -INFINITY) {
            assert_near(fit.log_density, c->log_density, 1e-4 * (1 + fabs(c->log_density)));
            assert_int_equal(fit.kicked, c->kicked);
        }
        if (c->seen) {
            assert_true(fit.log_density > -INFINITY);
            ball_path_take(&path, &seen, c->kicked, c->unseen_s, filter_unit);
        }
        kicks += c->seen && c->kicked;
        assert_path(&path, c);
    }
    assert_true(kicks > 0);
    assert_true(path.sightings > FILTER_STEPS / 2);
}

/* 99.9 % of chi-square with two degrees of freedom is -2 ln 0.001. */
static void far_sightings_are_outside_of_the_gate(void **state)
{
    (void)state;
    struct ball_sighting seen = {100, 100, 4, 0, 0.5f, 0};
    struct ball_path path;
    ball_path_start(&path, &seen, 0, 1);
    seen.x += sqrt(-2 * log(0.001) * (4 + 4)) - 0.01;
    assert_true(ball_path_fit(&path, &seen, 0, 1).log_density > -INFINITY);
    seen.x += 0.02;
    assert_true(ball_path_fit(&path, &seen, 0, 1).log_density == -INFINITY);
}

/* ---- cameras --------------------------------------------------------------------------------- */

/* Maps are known but for a factor, which may be negative. */
static void the_camera_comes_out_of_its_map(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2 * (sizeof camera_cases / sizeof *camera_cases); i++) {
        const struct camera_case *c = &camera_cases[i / 2];
        fov_pitch_view view = {.width = 1920, .height = 1080};
        struct ground ground;
        for (int n = 0; n < 9; n++)
            view.map[n] = c->ground[n] * (i % 2 ? -3 : 1);
        assert_true(ground_of_view(&ground, &view, 1920, 1080));
        assert_true(ground.has_camera);
        double scale = ground.to_px[8] / c->ground[8]; /* of the map as it is kept */
        assert_true(scale > 0);
        for (int k = 0; k < 3; k++)
            assert_near(ground.up[k] / scale, c->up[k], 1e-6 * (1 + fabs(c->up[k])));
        /* The same view of a picture of half the size. */
        assert_true(ground_of_view(&ground, &view, 960, 540));
        assert_near(ground.up[0] / ground.up[2], c->up[0] / c->up[2] / 2, 1e-3);
    }
}

static void there_and_back_through_a_lens(void **state)
{
    (void)state;
    fov_pitch_view view = {.k1 = -0.12, .width = 1920, .height = 1080};
    struct ground ground;
    memcpy(view.map, camera_cases[0].ground, sizeof view.map);
    assert_true(ground_of_view(&ground, &view, 1920, 1080));
    for (int i = 0; i < 50; i++) {
        double straight[2] = {40.0 * i, 1080 - 20.0 * i}, bent[2], back[2];
        double r = hypot(straight[0] - 960, straight[1] - 540) / hypot(960, 540);
        for (int k = 0; k < 2; k++) {
            double middle = k ? 540 : 960;
            bent[k] = middle + (straight[k] - middle) * (1 - 0.12 * r * r);
        }
        assert_true(pitch_unbend(&ground.lens, bent, back));
        assert_near(back[0], straight[0], 1e-6);
        assert_near(back[1], straight[1], 1e-6);
    }
}

static void views_that_are_no_use(void **state)
{
    (void)state;
    fov_pitch_view view = {.width = 1920, .height = 1080};
    struct ground ground;
    double metres[2];
    assert_false(ground_of_view(&ground, NULL, 1920, 1080));
    assert_false(ground_of_view(&ground, &view, 1920, 1080)); /* no inverse */
    memcpy(view.map, camera_cases[0].ground, sizeof view.map);
    assert_false(ground_of_view(&ground, &view, 1080, 1920)); /* another shape */
    view.map[4] = NAN;
    assert_false(ground_of_view(&ground, &view, 1920, 1080));
    assert_false(ground_metres(&ground, (double[2]){900, 900}, metres));
    /* Beyond the horizon there is no ground: in all of these views the sky is up. */
    for (size_t i = 0; i < sizeof camera_cases / sizeof *camera_cases; i++) {
        memcpy(view.map, camera_cases[i].ground, sizeof view.map);
        assert_true(ground_of_view(&ground, &view, 1920, 1080));
        assert_true(ground_metres(&ground, (double[2]){960, 1000}, metres));
        assert_false(ground_metres(&ground, (double[2]){960, -20000}, metres));
    }
    /* In a mirror, which fov_pitch_view_from_matrix refuses, the ground is on no side. */
    for (int i = 1; i < 9; i += 3)
        view.map[i] *= -1;
    ground_of_view(&ground, &view, 1920, 1080);
    assert_false(ground_metres(&ground, (double[2]){960, 1000}, metres));
}

/* A camera that looks up by 0.1, its feet 5 m above the ground: the horizon is below the middle of
 * the picture, and the ground below the horizon. */
static void the_middle_of_the_picture_may_be_in_the_sky(void **state)
{
    (void)state;
    double c = cos(0.1), s = sin(0.1), metres[2];
    const double right[3] = {1, 0, 0}, down[3] = {0, s, -c}, ahead[3] = {0, c, s};
    const double *rows[3] = {right, down, ahead};
    const double k[9] = {1000, 0, 960, 0, 1000, 540, 0, 0, 1};
    double seen[9];
    for (int r = 0; r < 3; r++) {
        seen[3 * r] = rows[r][0];
        seen[3 * r + 1] = rows[r][1];
        seen[3 * r + 2] = -(rows[r][0] * 52.5 + rows[r][1] * -10 + rows[r][2] * 5);
    }
    fov_pitch_view view;
    struct ground ground;
    plane_multiply(k, seen, seen);
    assert_int_equal(fov_pitch_view_from_matrix(&view, seen, 1920, 1080, NULL, NULL), FOV_OK);
    assert_true(ground_of_view(&ground, &view, 1920, 1080));
    assert_true(ground_metres(&ground, (double[2]){960, 1000}, metres));
    assert_near(metres[0], 52.5, 1e-6);
    assert_true(metres[1] > 0 && metres[1] < 10);
    assert_false(ground_metres(&ground, (double[2]){960, 540}, metres));
    assert_true(ground.up[2] > 0); /* what is higher is farther away */
}

/* ---- rolling and flying ---------------------------------------------------------------------- */

enum { GLIMPSES = 12 };

static struct ground test_ground;

/* Glimpses of a way from `at` with `speed`, falling or braking by `slows` m/s². */
static void see(struct ball_glimpse *glimpses, const double at[3], const double speed[3],
                bool flies, double slows)
{
    const double *p = test_ground.to_px, *up = test_ground.up;
    double fast = hypot(speed[0], speed[1]) + 1e-9;
    for (int i = 0; i < GLIMPSES; i++) {
        double t = (flies ? 0.1 : 0.06) * (i - GLIMPSES / 2), brake = slows * t * t / 2 / fast;
        double x = at[0] + speed[0] * (t - brake), y = at[1] + speed[1] * (t - brake),
               z = at[2] + (flies ? speed[2] * t - GRAVITY * t * t / 2 : 0), q[3];
        for (int r = 0; r < 3; r++)
            q[r] = p[3 * r] * x + p[3 * r + 1] * y + up[r] * z + p[3 * r + 2];
        glimpses[i] = (struct ball_glimpse){t, {q[0] / q[2], q[1] / q[2]}, 0, &test_ground};
    }
}

static void a_rolling_ball_is_on_the_ground(void **state)
{
    (void)state;
    static const double speeds[][3] = {{0, 0, 0}, {12, 3, 0}, {-4, 20, 0}, {0, -8, 0}};
    const double at[3] = {50, 30, 0.11};
    struct ball_glimpse glimpses[GLIMPSES];
    for (size_t i = 0; i < sizeof speeds / sizeof *speeds; i++) {
        see(glimpses, at, speeds[i], false, 2);
        struct ball_flight flight = ball_flight_of(glimpses, GLIMPSES, 0, 2);
        assert_int_equal(flight.height, FOV_BALL_ON_GROUND);
        assert_near(flight.place[0], at[0], 0.1);
        assert_near(flight.place[1], at[1], 0.1);
    }
}

static void a_flying_ball_is_in_the_air(void **state)
{
    (void)state;
    static const double speeds[][3] = {{15, 5, 3}, {-10, 12, -2}, {0, 0, 4}, {20, 0, 0}};
    const double at[3] = {45, 35, 4};
    struct ball_glimpse glimpses[GLIMPSES];
    for (size_t i = 0; i < sizeof speeds / sizeof *speeds; i++) {
        see(glimpses, at, speeds[i], true, 0);
        struct ball_way way;
        assert_int_equal(ball_flight_of(glimpses, GLIMPSES, 0, 2).height, FOV_BALL_IN_AIR);
        /* What was expected of the height pulls a little. */
        assert_true(ball_flight_fit(glimpses, GLIMPSES, 0, 0.2, false, &way));
        for (int k = 0; k < 3; k++)
            assert_near(way.at[k], at[k], 0.2);
        assert_near(way.at[5], speeds[i][2], 0.2);
    }
}

/* Neither way: it turns in the middle. And too few glimpses, or none at all. */
static void what_is_neither_is_unknown(void **state)
{
    (void)state;
    const double at[3] = {50, 30, 0.11}, one[3] = {25, 0, 0}, other[3] = {0, 20, 0};
    struct ball_glimpse a[GLIMPSES], b[GLIMPSES];
    see(a, at, one, false, 0);
    see(b, at, other, false, 0);
    memcpy(a + GLIMPSES / 2, b + GLIMPSES / 2, sizeof b / 2);
    assert_int_equal(ball_flight_of(a, GLIMPSES, 0, 2).height, FOV_BALL_HEIGHT_UNKNOWN);
    assert_int_equal(ball_flight_of(b, 3, 0, 2).height, FOV_BALL_HEIGHT_UNKNOWN);
    assert_int_equal(ball_flight_of(b, 0, 0, 2).height, FOV_BALL_HEIGHT_UNKNOWN);
    assert_int_equal(ball_flight_of(b, GLIMPSES, 0, 2).height, FOV_BALL_ON_GROUND);
}

/* A ball that looks twice as large as one on the ground there is nearer than the ground. */
static void a_ball_that_is_too_large_is_not_on_the_ground(void **state)
{
    (void)state;
    const double at[3] = {50, 30, 0.11}, speed[3] = {10, 0, 0};
    struct ball_glimpse glimpses[GLIMPSES];
    see(glimpses, at, speed, false, 0);
    double size = 0.22 * ground_px_per_m(&test_ground, at);
    assert_true(size > 4);
    for (int large = 0; large < 2; large++) {
        for (int i = 0; i < GLIMPSES; i++)
            glimpses[i].size = (float)size * (large ? 2 : 1);
        assert_int_equal(ball_flight_of(glimpses, GLIMPSES, 0, 2).height,
                         large ? FOV_BALL_HEIGHT_UNKNOWN : FOV_BALL_ON_GROUND);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_filter_does_what_numpy_does),
        cmocka_unit_test(far_sightings_are_outside_of_the_gate),
        cmocka_unit_test(the_camera_comes_out_of_its_map),
        cmocka_unit_test(there_and_back_through_a_lens),
        cmocka_unit_test(views_that_are_no_use),
        cmocka_unit_test(the_middle_of_the_picture_may_be_in_the_sky),
        cmocka_unit_test(a_rolling_ball_is_on_the_ground),
        cmocka_unit_test(a_flying_ball_is_in_the_air),
        cmocka_unit_test(what_is_neither_is_unknown),
        cmocka_unit_test(a_ball_that_is_too_large_is_not_on_the_ground),
    };
    fov_pitch_view view = {.width = 1920, .height = 1080};
    memcpy(view.map, test_view, sizeof view.map);
    ground_of_view(&test_ground, &view, 1920, 1080);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
