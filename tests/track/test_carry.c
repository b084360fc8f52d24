/* A map of the ground that camera motion carries along: composed as it should be, and honest about
 * how far it is off. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/plane.h"
#include "scenery.h"
#include "track/carry.h"

enum { WIDTH = 640, HEIGHT = 360 };

/* A pitch of 105 x 68 m seen from the side. */
static const double pitch[9] = {5.5, 0.9, 30, 0.05, -0.9, 320, 1e-4, 6e-3, 1};

static fov_motion moved(const double map[9])
{
    fov_motion motion = {.kind = FOV_MOTION_SIMILARITY};
    memcpy(motion.map, map, sizeof motion.map);
    return motion;
}

static void maps_are_composed(void **state)
{
    (void)state;
    fov_image size = {.width = WIDTH, .height = HEIGHT};
    struct carried c;
    double truth[9];
    carried_set(&c, pitch, 2);
    memcpy(truth, pitch, sizeof truth);
    for (int i = 0; i < 500; i++) {
        double step[9], at[2] = {i % 105, i % 68}, want[2], got[2];
        scenery_motion(&size, 6 * sin(i / 9.0), 2 * cos(i / 5.0), 0.01 * sin(i / 7.0),
                       1 + 0.01 * cos(i / 11.0), step);
        fov_motion motion = moved(step);
        assert_true(carried_step(&c, &motion, WIDTH));
        plane_apply(truth, at, want); /* a point of the picture before, moved on */
        plane_apply(step, want, want);
        plane_multiply(step, truth, truth);
        assert_true(plane_apply(c.map, at, got));
        assert_true(hypot(got[0] - want[0], got[1] - want[1]) < 1e-6);
    }
    assert_int_equal(c.steps, 500);
}

static void it_gets_less_sure(void **state)
{
    (void)state;
    fov_motion still = moved(PLANE_IDENTITY), none = {.kind = FOV_MOTION_NONE};
    struct carried c;
    memcpy(none.map, PLANE_IDENTITY, sizeof none.map);
    carried_set(&c, pitch, 1.5);
    double before = carried_weight(&c, 3);
    assert_true(fabs(before - 0.8) < 1e-12); /* 9 / (9 + 2.25) */
    for (int i = 0; i < 100; i++)
        assert_true(carried_step(&c, &still, 320));
    /* variances add: 1.5^2 + 100 * 0.1^2 */
    assert_true(fabs(c.off_px - sqrt(2.25 + 1)) < 1e-9);
    assert_true(carried_weight(&c, 3) < before);
    double sure = c.off_px;
    assert_true(carried_step(&c, &none, 320));
    assert_true(c.off_px > sure + 5);
    assert_memory_equal(c.map, pitch, sizeof pitch);
    assert_true(carried_step(&c, &none, 640) && c.off_px > 20);
}

static void what_is_not_known_is_not_carried(void **state)
{
    (void)state;
    static const double flat[9] = {1, 2, 3, 2, 4, 6, 0, 0, 1};
    struct carried c = {0};
    fov_motion still = moved(PLANE_IDENTITY), fold = moved(flat), broken = still;
    assert_false(carried_step(&c, &still, WIDTH));
    carried_set(&c, flat, 1);
    assert_false(c.known);
    carried_set(&c, pitch, NAN);
    assert_false(carried_step(&c, &still, WIDTH));
    assert_true(carried_weight(&c, 1) == 0);
    carried_set(&c, pitch, 1);
    assert_false(carried_step(&c, &fold, WIDTH));
    assert_false(c.known);
    carried_set(&c, pitch, 1);
    broken.map[4] = NAN;
    assert_false(carried_step(&c, &broken, WIDTH));
    carried_set(&c, pitch, 0);
    assert_true(carried_weight(&c, 0) == 0 && carried_weight(&c, 1) == 1);
}

/* Through pictures: after half a minute of panning the map is not farther off than it says. */
static void what_it_says_of_itself_holds(void **state)
{
    (void)state;
    enum { STEPS = 60 };
    for (unsigned seed = 1; seed <= 3; seed++) {
        fov_camera_motion *motion;
        fov_image image = scenery_make(FOV_GRAY8, WIDTH, HEIGHT, 0);
        struct carried c;
        double seen[9];
        assert_int_equal(fov_camera_motion_create(&motion, NULL, NULL), FOV_OK);
        carried_set(&c, PLANE_IDENTITY, 0);
        memcpy(seen, PLANE_IDENTITY, sizeof seen);
        for (int i = 0; i <= STEPS; i++) {
            double step[9], back[9];
            fov_motion found;
            scenery_motion(&image, 9 * cos(i / 9.0), 4 * sin(i / 7.0), 0.004 * cos(i / 5.0),
                           1 + 0.004 * sin(i / 8.0), step);
            if (i > 0)
                plane_multiply(step, seen, seen);
            assert_true(plane_invert(seen, back));
            scenery_draw(&image, back, seed);
            scenery_noise(&image, 6, (unsigned)i);
            fov_camera_motion_update(motion, &image, NULL, 0, &found, NULL);
            assert_true(i == 0 || found.kind == FOV_MOTION_SIMILARITY);
            assert_true(i == 0 || carried_step(&c, &found, WIDTH));
        }
        double off = scenery_apart(&image, c.map, seen);
        print_message("seed %u: off %.2f px, said %.2f\n", seed, off, c.off_px);
        assert_true(off < 2 * c.off_px);
        scenery_release(&image);
        fov_camera_motion_destroy(&motion);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(maps_are_composed),
        cmocka_unit_test(it_gets_less_sure),
        cmocka_unit_test(what_is_not_known_is_not_carried),
        cmocka_unit_test(what_it_says_of_itself_holds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
