/* Views over time that are held against white lines: a camera that turns, motion that is wrong,
 * lines that come and go. */
#include "pitch_test.h"

#include "../alloc_count.h"
#include "base/plane.h"
#include "lines_world.h"
#include "scene/pitch_lines.h"

static uint8_t gray[WORLD_WIDTH * WORLD_HEIGHT];

struct pose {
    double pan, tilt, zoom;
};

/* A camera that swings over the pitch and zooms. */
static struct pose pose_at(int i)
{
    return (struct pose){0.5 * sin(i * 0.09), 0.33 + 0.03 * cos(i * 0.07),
                         1.4 + 0.3 * sin(i * 0.05)};
}

static fov_pitch_view truth_at(int i)
{
    struct pose p = pose_at(i);
    return world_view(p.pan, p.tilt, p.zoom, 0);
}

/* From picture i - 1 to i, and wrong: it says that everything went `bias` px further. */
static fov_motion motion_to(int i, double bias)
{
    fov_pitch_view a = truth_at(i - 1), b = truth_at(i);
    fov_motion motion = {.kind = FOV_MOTION_HOMOGRAPHY};
    double inverse[9], wrong[9] = {1, 0, bias, 0, 1, -0.4 * bias, 0, 0, 1};
    assert_true(plane_invert(a.map, inverse));
    plane_multiply(b.map, inverse, motion.map);
    plane_multiply(wrong, motion.map, motion.map);
    return motion;
}

/* Clicked: some px off, with an error that is known. */
static fov_pitch_follow begun(void)
{
    fov_pitch_follow f = {.keep_s = 60};
    struct pose p = pose_at(0);
    fov_pitch_view view = world_view(p.pan + 0.002, p.tilt - 0.001, p.zoom * 1.003, 0);
    view.rms_px = 4;
    assert_int_equal(fov_pitch_follow_step(&f, 0, NULL, NULL), FOV_OK);
    assert_int_equal(fov_pitch_follow_found(&f, &view, NULL), FOV_OK);
    return f;
}

static void step(fov_pitch_follow *f, int i, double bias)
{
    fov_motion motion = motion_to(i, bias);
    assert_int_equal(fov_pitch_follow_step(f, i * 0.1, &motion, NULL), FOV_OK);
    assert_true(f->known);
}

static fov_status look(fov_pitch_follow *f, int i, enum world_lines lines,
                       fov_pitch_lines_quality *q)
{
    fov_pitch_view truth = truth_at(i);
    fov_image image = world_image(gray);
    fov_error error = {0};
    world_draw(gray, &truth, lines);
    fov_status status = fov_pitch_follow_refine(f, &image, NULL, 0, NULL, q, &error);
    assert_int_equal(status != FOV_OK, error.message[0] != '\0');
    return status;
}

static double off(const fov_pitch_follow *f, int i)
{
    fov_pitch_view truth = truth_at(i);
    return world_apart(&f->view, &truth);
}

static void lines_undo_what_motion_gets_wrong(void **state)
{
    (void)state;
    fov_pitch_follow f = begun(), carried = f;
    fov_pitch_lines_quality q;
    assert_int_equal(look(&f, 0, WORLD_ALL, &q), FOV_OK);
    for (int i = 1; i <= 14; i++) {
        step(&f, i, 1.5);
        step(&carried, i, 1.5);
        assert_int_equal(look(&f, i, WORLD_ALL, &q), FOV_OK);
        if (!(off(&f, i) < 1.3 && f.sigma_px < 2))
            fail_msg("picture %d: %.2f px off, and may be by %.2f", i, off(&f, i), f.sigma_px);
        assert_true(q.whole && f.found_s == f.time_s);
    }
    assert_true(off(&carried, 14) > 10);
    assert_true(carried.sigma_px > 4);
}

static void without_lines_it_coasts_and_says_so(void **state)
{
    (void)state;
    fov_pitch_follow f = begun();
    fov_pitch_lines_quality q;
    for (int i = 1; i <= 3; i++) {
        step(&f, i, 0.3);
        assert_int_equal(look(&f, i, WORLD_ALL, &q), FOV_OK);
    }
    double found_s = f.found_s;
    for (int i = 4; i <= 12; i++) {
        double sigma = f.sigma_px;
        step(&f, i, 0.3);
        assert_true(f.sigma_px > sigma);
        fov_pitch_follow before = f;
        assert_int_equal(look(&f, i, WORLD_NONE, &q), FOV_ENOTFOUND);
        assert_memory_equal(&f, &before, sizeof f);
        assert_true(q.looked > 50 && q.inliers < 24);
    }
    assert_true(f.found_s == found_s);
    double lost = off(&f, 12);
    assert_true(lost > 1 && lost < 3 * f.sigma_px);
    step(&f, 13, 0.3);
    assert_int_equal(look(&f, 13, WORLD_ALL, &q), FOV_OK);
    assert_true(off(&f, 13) < 1);
}

/* A camera that looks closely at the half-way line knows where it looks along the pitch, and little
 * else. */
static void one_line_settles_what_it_can(void **state)
{
    (void)state;
    fov_pitch_follow f = {.keep_s = 60};
    fov_pitch_lines_quality q;
    fov_pitch_view truth = world_view(0, 0.38, 7, 0), found = world_view(0.0004, 0.3797, 7, 0);
    fov_image image = world_image(gray);
    fov_motion wrong = {.kind = FOV_MOTION_HOMOGRAPHY, .map = {1, 0, 1.5, 0, 1, 1, 0, 0, 1}};
    world_draw(gray, &truth, WORLD_ALL);
    found.rms_px = 5;
    assert_int_equal(fov_pitch_follow_step(&f, 0, NULL, NULL), FOV_OK);
    assert_int_equal(fov_pitch_follow_found(&f, &found, NULL), FOV_OK);
    double sigma = f.sigma_px;
    for (int i = 1; i <= 12; i++) {
        assert_int_equal(fov_pitch_follow_step(&f, i * 0.1, &wrong, NULL), FOV_OK);
        assert_int_equal(fov_pitch_follow_refine(&f, &image, NULL, 0, NULL, &q, NULL), FOV_OK);
        assert_false(q.whole);
        double at[2] = {52.5, 12.3}, is[2], should[2];
        assert_true(fov_pitch_to_px(&f.view, at, is) && fov_pitch_to_px(&truth, at, should));
        if (!(fabs(is[0] - should[0]) < 1))
            fail_msg("picture %d: %.2f px off across the line; %d of %d, moved %.2f, sigma %.2f", i,
                     is[0] - should[0], q.inliers, q.looked, q.moved_px, f.sigma_px);
    }
    /* Along the line the wrong motion has summed up, and nothing said so. */
    assert_true(world_apart(&f.view, &truth) > 8 && world_apart(&f.view, &truth) < 3 * f.sigma_px);
    assert_true(f.found_s == 0 && f.sigma_px > sigma);
}

/* A camera that is carried along the touch line while it looks at the same place. */
static fov_pitch_view walking(int i)
{
    fov_pitch_view view = world_view(0.3, 0.34, 1.3, 0);
    double moved[9] = {1, 0, -0.12 * i, 0, 1, -0.04 * i, 0, 0, 1};
    plane_multiply(view.map, moved, view.map);
    return view;
}

static void a_camera_that_walks_is_followed(void **state)
{
    (void)state;
    fov_pitch_follow f = {.keep_s = 60};
    fov_pitch_view truth = walking(0);
    truth.rms_px = 2;
    assert_int_equal(fov_pitch_follow_step(&f, 0, NULL, NULL), FOV_OK);
    assert_int_equal(fov_pitch_follow_found(&f, &truth, NULL), FOV_OK);
    for (int i = 1; i <= 12; i++) {
        fov_pitch_view before = walking(i - 1);
        fov_motion motion = {.kind = FOV_MOTION_HOMOGRAPHY};
        double inverse[9];
        truth = walking(i);
        assert_true(plane_invert(before.map, inverse));
        plane_multiply(truth.map, inverse, motion.map);
        assert_int_equal(fov_pitch_follow_step(&f, i * 0.1, &motion, NULL), FOV_OK);
        fov_image image = world_image(gray);
        world_draw(gray, &truth, WORLD_ALL);
        assert_int_equal(fov_pitch_follow_refine(&f, &image, NULL, 0, NULL, NULL, NULL), FOV_OK);
        double off_px = world_apart(&f.view, &truth);
        if (!(off_px < 1 && off_px < 2.5 * f.sigma_px))
            fail_msg("picture %d: %.2f px off, and may be by %.2f", i, off_px, f.sigma_px);
    }
}

/* A picture that was cut out of a larger one, and leans: no camera of its own sees it so. */
static void views_of_no_camera_are_held_too(void **state)
{
    (void)state;
    fov_pitch_view truth = world_view(0.6, 0.33, 1.4, 0);
    double lean[9] = {1, 0.4, -120, 0, 1, 0, 0, 0, 1}, off_px[9] = {1, 0.001, 4, 0, 1, -3, 0, 0, 1};
    plane_multiply(lean, truth.map, truth.map);
    fov_pitch_view found = truth;
    plane_multiply(off_px, truth.map, found.map);
    fov_pitch_follow f = {.keep_s = 60};
    fov_image image = world_image(gray);
    fov_pitch_lines_quality q;
    world_draw(gray, &truth, WORLD_ALL);
    found.rms_px = 5;
    assert_int_equal(fov_pitch_follow_step(&f, 0, NULL, NULL), FOV_OK);
    assert_int_equal(fov_pitch_follow_found(&f, &found, NULL), FOV_OK);
    assert_true(world_apart(&f.view, &truth) > 3);
    assert_int_equal(fov_pitch_follow_refine(&f, &image, NULL, 0, NULL, &q, NULL), FOV_OK);
    assert_false(f.camera.known);
    if (!(world_apart(&f.view, &truth) < fmax(1, 2 * f.sigma_px) && f.sigma_px < 3))
        fail_msg("%.2f px off, and may be by %.2f", world_apart(&f.view, &truth), f.sigma_px);
}

/* Another size of the picture, put in from outside, is no size of the camera that was known. */
static void a_view_that_was_changed_is_believed(void **state)
{
    (void)state;
    fov_pitch_follow f = begun();
    fov_motion still = {.kind = FOV_MOTION_HOMOGRAPHY, .map = {1, 0, 0, 0, 1, 0, 0, 0, 1}};
    assert_int_equal(look(&f, 0, WORLD_ALL, NULL), FOV_OK);
    assert_int_equal(fov_pitch_view_resize(&f.view, WORLD_WIDTH / 2, WORLD_HEIGHT / 2, NULL),
                     FOV_OK);
    assert_int_equal(fov_pitch_follow_step(&f, 0.1, &still, NULL), FOV_OK);
    fov_pitch_view whole = f.view;
    assert_int_equal(fov_pitch_view_resize(&whole, WORLD_WIDTH, WORLD_HEIGHT, NULL), FOV_OK);
    fov_pitch_view truth = truth_at(0);
    assert_true(world_apart(&whole, &truth) < 1);
    assert_int_equal(look(&f, 0, WORLD_ALL, NULL), FOV_OK);
}

static void bad_input_changes_nothing(void **state)
{
    (void)state;
    fov_pitch_follow f = {.keep_s = 60}, before;
    fov_image image = world_image(gray);
    fov_error error = {0};
    assert_int_equal(fov_pitch_follow_refine(&f, &image, NULL, 0, NULL, NULL, &error),
                     FOV_ENOTFOUND);
    assert_non_null(strstr(error.message, "no view"));
    f = begun();
    before = f;
    image.width = 700;
    assert_int_equal(fov_pitch_follow_refine(&f, &image, NULL, 0, NULL, NULL, &error), FOV_EINVAL);
    image = world_image(gray);
    image.plane[0] = NULL;
    assert_int_equal(fov_pitch_follow_refine(&f, &image, NULL, 0, NULL, NULL, &error), FOV_EINVAL);
    image = world_image(gray);
    fov_pitch_size size = {1, 1};
    assert_int_equal(fov_pitch_follow_refine(&f, &image, NULL, 0, &size, NULL, &error), FOV_EINVAL);
    assert_memory_equal(&f, &before, sizeof f);
}

static void nothing_is_allocated(void **state)
{
    (void)state;
    if (!alloc_count_works())
        skip();
    fov_pitch_follow f = begun();
    uint64_t before = alloc_count_thread();
    for (int i = 1; i < 4; i++) {
        step(&f, i, 0.5);
        assert_int_equal(look(&f, i, i == 2 ? WORLD_NONE : WORLD_ALL, NULL),
                         i == 2 ? FOV_ENOTFOUND : FOV_OK);
    }
    assert_int_equal(alloc_count_thread() - before, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_undo_what_motion_gets_wrong),
        cmocka_unit_test(without_lines_it_coasts_and_says_so),
        cmocka_unit_test(one_line_settles_what_it_can),
        cmocka_unit_test(a_camera_that_walks_is_followed),
        cmocka_unit_test(views_of_no_camera_are_held_too),
        cmocka_unit_test(a_view_that_was_changed_is_believed),
        cmocka_unit_test(bad_input_changes_nothing),
        cmocka_unit_test(nothing_is_allocated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
