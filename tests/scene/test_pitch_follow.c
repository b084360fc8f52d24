/* Views over time: carried by the motion of a camera that pans, corrected by what is found. */
#include "pitch_test.h"

#include "base/plane.h"

static const double middle[2] = {50, 30};

/* A camera at (52.5, -38, 20) that looks down by 0.33 and to the right by `pan`, both radians. */
static void truth_at(double pan, double map[9])
{
    double s = sin(pan), c = cos(pan), down = 0.33, f = 1750;
    double forward[3] = {s * cos(down), c * cos(down), -sin(down)};
    double right[3] = {c, -s, 0};
    double below[3] = {-s * sin(down), -c * sin(down), -cos(down)};
    const double *rows[3] = {right, below, forward};
    double seen[9], k[9] = {f, 0, 960, 0, f, 540, 0, 0, 1};
    for (int r = 0; r < 3; r++) {
        seen[3 * r] = rows[r][0];
        seen[3 * r + 1] = rows[r][1];
        seen[3 * r + 2] = -(rows[r][0] * 52.5 + rows[r][1] * -38 + rows[r][2] * 20);
    }
    plane_multiply(k, seen, map);
}

static fov_pitch_view view_at(double pan, double right_px)
{
    fov_pitch_view view;
    fov_error error = {0};
    double map[9], shift[9] = {1, 0, right_px, 0, 1, 0, 0, 0, 1};
    truth_at(pan, map);
    plane_multiply(shift, map, map);
    if (fov_pitch_view_from_matrix(&view, map, 1920, 1080, NULL, &error))
        fail_msg("%s", error.message);
    view.rms_px = 3;
    return view;
}

static fov_motion motion_from(double before, double pan)
{
    fov_motion motion = {.kind = FOV_MOTION_HOMOGRAPHY};
    double a[9], b[9];
    truth_at(before, a);
    truth_at(pan, b);
    assert_true(plane_invert(a, a));
    plane_multiply(b, a, motion.map);
    return motion;
}

/* How far the followed view is from the truth at a point of the pitch, px, along the picture. */
static double off(const fov_pitch_follow *f, double pan)
{
    double is[2], should[2];
    fov_pitch_view truth = view_at(pan, 0);
    assert_true(f->known);
    assert_true(fov_pitch_to_px(&f->view, middle, is));
    assert_true(fov_pitch_to_px(&truth, middle, should));
    return is[0] - should[0];
}

static void step(fov_pitch_follow *f, double time_s, const fov_motion *motion)
{
    assert_int_equal(fov_pitch_follow_step(f, time_s, motion, NULL), FOV_OK);
}

static void found(fov_pitch_follow *f, fov_pitch_view view)
{
    assert_int_equal(fov_pitch_follow_found(f, &view, NULL), FOV_OK);
}

static void motion_carries_the_view(void **state)
{
    (void)state;
    fov_pitch_follow f = {0};
    step(&f, 10, NULL);
    assert_false(f.known);
    found(&f, view_at(-0.2, 0));
    double sigma = f.sigma_px;
    for (int i = 1; i <= 40; i++) {
        fov_motion motion = motion_from(-0.2 + (i - 1) * 0.01, -0.2 + i * 0.01);
        step(&f, 10 + i * 0.04, &motion);
        assert_true(f.sigma_px > sigma);
        sigma = f.sigma_px;
    }
    assert_true(fabs(off(&f, 0.2)) < 1e-6);
}

/* Views of a camera that stands still, 3 px off to either side at random. */
static void what_is_found_is_averaged(void **state)
{
    (void)state;
    fov_pitch_follow f = {0};
    fov_motion still = {.kind = FOV_MOTION_HOMOGRAPHY, .map = {1, 0, 0, 0, 1, 0, 0, 0, 1}};
    uint32_t seed = 1;
    double sum = 0, squares = 0;
    int n = 0;
    for (int i = 0; i < 400; i++) {
        seed = seed * 1664525 + 1013904223;
        step(&f, i * 0.1, &still);
        found(&f, view_at(0.1, seed >> 31 ? 3 : -3));
        if (i < 20)
            continue;
        double is = off(&f, 0.1);
        sum += is;
        squares += is * is;
        n++;
    }
    /* 0.3 s are three views: the variance falls to about 0.28 / 1.72 of 9. */
    assert_true(fabs(sum / n) < 0.5);
    if (!(squares / n < 3))
        fail_msg("the variance is %.2f px^2", squares / n);
}

static void without_motion_what_is_found_is_believed(void **state)
{
    (void)state;
    fov_pitch_follow f = {0};
    for (int i = 0; i < 30; i++) {
        step(&f, i * 0.1, NULL);
        found(&f, view_at(i * 0.02, 0));
        assert_true(fabs(off(&f, i * 0.02)) < 3);
    }
}

static void one_wrong_view_changes_nothing(void **state)
{
    (void)state;
    fov_pitch_follow f = {0};
    fov_motion motion = motion_from(0, 0);
    step(&f, 0, NULL);
    found(&f, view_at(0, 0));
    step(&f, 0.1, &motion);
    found(&f, view_at(0.4, 0));
    assert_true(fabs(off(&f, 0)) < 1e-9);
    step(&f, 0.2, &motion);
    found(&f, view_at(0, 0));
    assert_true(fabs(off(&f, 0)) < 1e-6);
    /* Another one, elsewhere: still none that agree. */
    step(&f, 0.3, &motion);
    found(&f, view_at(-0.4, 0));
    assert_true(fabs(off(&f, 0)) < 1e-6);
}

static void a_cut_is_followed_when_it_is_said_twice(void **state)
{
    (void)state;
    fov_pitch_follow f = {0};
    fov_motion motion = motion_from(0, 0);
    step(&f, 0, NULL);
    found(&f, view_at(0, 0));
    step(&f, 0.1, &motion);
    found(&f, view_at(0.5, 0));
    motion = motion_from(0.5, 0.52); /* the new picture pans */
    step(&f, 0.2, &motion);
    found(&f, view_at(0.52, 0));
    assert_true(fabs(off(&f, 0.52)) < 1e-6);
}

static void old_views_are_forgotten(void **state)
{
    (void)state;
    fov_motion motion = motion_from(0, 0);
    fov_pitch_follow f = {0}, g = {0};
    step(&f, 0, NULL);
    found(&f, view_at(0, 0));
    for (int i = 1; i <= 19; i++)
        step(&f, i * 0.1, &motion);
    assert_true(f.known);
    step(&f, 2.1, &motion);
    assert_false(f.known);
    step(&g, 0, NULL);
    found(&g, view_at(0, 0));
    step(&g, 0.2, NULL);
    assert_true(g.known);
    step(&g, 1.2, NULL); /* a second of unknown motion */
    assert_false(g.known);
    found(&g, view_at(0.3, 0));
    assert_true(fabs(off(&g, 0.3)) < 1e-9);
}

/* A view that was set once: a minute of a camera that pans to and fro. */
static void what_was_set_once_is_kept(void **state)
{
    (void)state;
    fov_pitch_follow f = {.keep_s = 60}, g;
    step(&f, 0, NULL);
    found(&f, view_at(0, 0));
    for (int i = 1; i < 600; i++) {
        fov_motion motion = motion_from(0.3 * sin((i - 1) * 0.03), 0.3 * sin(i * 0.03));
        double sigma = f.sigma_px;
        step(&f, i * 0.1, &motion);
        /* What is seen of the pitch changes, and with it what the same doubt means there. */
        assert_true(f.sigma_px > 0.95 * sigma);
    }
    assert_true(fabs(off(&f, 0.3 * sin(599 * 0.03))) < 1e-3);
    if (!(f.sigma_px > 10 && f.sigma_px < 100))
        fail_msg("it may be off by %.1f px after a minute", f.sigma_px);
    g = f;
    fov_motion still = motion_from(0, 0);
    step(&g, 60.05, &still);
    assert_false(g.known);
    /* A step of unknown motion: who knows what the camera shows since. */
    g = f;
    step(&g, 59.95, NULL);
    assert_true(g.known && g.sigma_px > f.sigma_px + 20);
    f.keep_s = 600;
    step(&f, 59.95, NULL);
    for (int i = 1; i <= 22; i++) {
        step(&f, 59.95 + i * 0.1, &still);
        assert_int_equal(f.known, i <= 20);
    }
    assert_false(f.known);
}

static void lenses_are_carried_too(void **state)
{
    (void)state;
    fov_motion still = {.kind = FOV_MOTION_HOMOGRAPHY, .map = {1, 0, 0, 0, 1, 0, 0, 0, 1}};
    fov_pitch_view bent;
    fov_pitch_follow f = {0};
    double before[2], after[2];
    make_view(&pitch_cases[8], &bent);
    step(&f, 0, NULL);
    found(&f, bent);
    for (int i = 1; i <= 10; i++)
        step(&f, i * 0.04, &still);
    assert_true(fov_pitch_to_px(&bent, middle, before));
    assert_true(fov_pitch_to_px(&f.view, middle, after));
    assert_true(apart(before, after) < 1e-6);
    found(&f, bent);
    assert_true(fov_pitch_to_px(&f.view, middle, after));
    assert_true(apart(before, after) < 1e-6);
    assert_true(f.view.k1 == bent.k1);
}

static void bad_input_changes_nothing(void **state)
{
    (void)state;
    fov_pitch_follow f = {0}, before;
    fov_error error = {0};
    fov_pitch_view view = view_at(0, 0);
    fov_motion motion = motion_from(0, 0.1);
    step(&f, 1, NULL);
    found(&f, view);
    before = f;
    assert_int_equal(fov_pitch_follow_step(&f, NAN, NULL, &error), FOV_EINVAL);
    assert_non_null(strstr(error.message, "time"));
    motion.map[4] = INFINITY;
    assert_int_equal(fov_pitch_follow_step(&f, 2, &motion, &error), FOV_EINVAL);
    assert_non_null(strstr(error.message, "motion"));
    view.width = 1280;
    view.height = 720;
    assert_int_equal(fov_pitch_follow_found(&f, &view, &error), FOV_EINVAL);
    assert_non_null(strstr(error.message, "1920 x 1080"));
    view.width = 0;
    assert_int_equal(fov_pitch_follow_found(&f, &view, &error), FOV_EINVAL);
    view = view_at(0, 0);
    view.map[0] = NAN;
    assert_int_equal(fov_pitch_follow_found(&f, &view, &error), FOV_EINVAL);
    memset(view.map, 0, sizeof view.map);
    assert_int_equal(fov_pitch_follow_found(&f, &view, &error), FOV_EINVAL);
    assert_non_null(strstr(error.message, "no view"));
    assert_memory_equal(&f, &before, sizeof f);
    /* Time that jumps back is no time. */
    motion = motion_from(0, 0.01);
    step(&f, 0.5, &motion);
    assert_true(fabs(off(&f, 0.01)) < 1e-6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(motion_carries_the_view),
        cmocka_unit_test(what_is_found_is_averaged),
        cmocka_unit_test(without_motion_what_is_found_is_believed),
        cmocka_unit_test(one_wrong_view_changes_nothing),
        cmocka_unit_test(a_cut_is_followed_when_it_is_said_twice),
        cmocka_unit_test(old_views_are_forgotten),
        cmocka_unit_test(what_was_set_once_is_kept),
        cmocka_unit_test(lenses_are_carried_too),
        cmocka_unit_test(bad_input_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
