/* Views of a pitch against cameras and OpenCV's fits (make_pitch_fixture.py), and what is refused.
 */
#include "pitch_test.h"

#include "base/plane.h"
#include "scene/pitch.h"

/* ---- landmarks --------------------------------------------------------------------------------
 */

static void landmark(const char *name, double at[2])
{
    const char *found;
    int i = fov_pitch_landmark_find(name);
    assert_true(fov_pitch_landmark(FOV_PITCH_LANDMARKS, i, NULL, &found, at));
    assert_string_equal(found, name);
}

/* Distances that law 1 gives in words, and that the table has only by way of others. */
static void landmarks_are_as_far_apart_as_the_law_says(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        double metres;
    } rows[] = {
        {"left_near_post", "left_far_post", 7.32},
        {"right_near_post", "right_near_goal_area_end", 5.5},
        {"right_near_post", "right_near_penalty_area_end", 16.5},
        {"left_far_goal_area_end", "left_far_goal_area_corner", 5.5},
        {"left_penalty_spot", "left_arc", 9.15},
        {"right_penalty_spot", "right_near_penalty_area_arc", 9.15},
        {"left_penalty_spot", "left_far_penalty_area_arc", 9.15},
        {"centre", "left_near_circle", 9.15},
        {"centre", "right_far_circle", 9.15},
        {"centre", "right_circle", 9.15},
        {"near_circle", "far_circle", 18.3},
        {"left_near_penalty_area_corner", "left_far_penalty_area_corner", 40.32},
        {"left_near_corner", "right_far_corner", 125.0959631778},
        {"left_penalty_spot", "right_penalty_spot", 83},
        {"left_near_penalty_area_at_goal_area", "left_far_penalty_area_at_goal_area", 18.32},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        double a[2], b[2];
        landmark(rows[i].a, a);
        landmark(rows[i].b, b);
        if (fabs(apart(a, b) - rows[i].metres) > 1e-5)
            fail_msg("%s to %s: %.6f m", rows[i].a, rows[i].b, apart(a, b));
    }
    assert_int_equal(fov_pitch_landmark_find("left_corner"), -1);
    assert_int_equal(fov_pitch_landmark_find(NULL), -1);
}

static void landmarks_mirror_one_another(void **state)
{
    (void)state;
    fov_pitch_size size = {100, 64};
    int count = 0;
    const char *name;
    for (double at[2]; fov_pitch_landmark(FOV_PITCH_LANDMARKS, count, &size, &name, at); count++) {
        char other[64];
        const char *left = strstr(name, "left_");
        double mirrored[2];
        assert_true(at[0] >= 0 && at[0] <= 100 && at[1] >= 0 && at[1] <= 64);
        if (!left)
            continue;
        snprintf(other, sizeof other, "right_%s", left + 5);
        int i = fov_pitch_landmark_find(other);
        assert_true(fov_pitch_landmark(FOV_PITCH_LANDMARKS, i, &size, NULL, mirrored));
        assert_true(apart(at, (double[2]){100 - mirrored[0], mirrored[1]}) < 1e-12);
        assert_true(strstr(name, "near") == NULL || at[1] < 32);
    }
    assert_in_range(count, 40, FOV_PITCH_POINTS_MAX);
    assert_false(fov_pitch_landmark(FOV_PITCH_LANDMARKS, -1, NULL, NULL, (double[2]){0}));
    assert_false(fov_pitch_landmark(FOV_PITCH_LAYOUT_COUNT, 0, NULL, NULL, (double[2]){0}));
}

/* Its map has y towards the camera, and numbers that run over the columns from left to right:
 * goal line, goal area, spot, penalty area, half-way line and so on, each from the far side. */
static void roboflow_runs_from_the_far_left(void **state)
{
    (void)state;
    static const struct {
        int number;
        double x, y; /* 105 x 68, y from the far touch line */
    } rows[] = {{1, 0, 0},         {2, 0, 13.84},     {3, 0, 24.84},     {6, 0, 68},
                {7, 5.5, 24.84},   {9, 11, 34},       {10, 16.5, 13.84}, {11, 16.5, 24.84},
                {13, 16.5, 54.16}, {14, 52.5, 0},     {15, 52.5, 24.85}, {16, 52.5, 43.15},
                {17, 52.5, 68},    {18, 88.5, 13.84}, {21, 88.5, 54.16}, {22, 94, 34},
                {23, 99.5, 24.84}, {24, 99.5, 43.16}, {25, 105, 0},      {28, 105, 43.16},
                {30, 105, 68},     {31, 43.35, 34},   {32, 61.65, 34}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        double at[2];
        assert_true(fov_pitch_landmark(FOV_PITCH_ROBOFLOW_32, rows[i].number - 1, NULL, NULL, at));
        if (apart(at, (double[2]){rows[i].x, 68 - rows[i].y}) > 1e-9)
            fail_msg("point %d is at %g, %g", rows[i].number, at[0], at[1]);
    }
    assert_false(fov_pitch_landmark(FOV_PITCH_ROBOFLOW_32, 32, NULL, NULL, (double[2]){0}));
}

/* ---- views from points ------------------------------------------------------------------------
 */

static void views_are_the_cameras(void **state)
{
    (void)state;
    for (size_t k = 0; k < CASES; k++) {
        const struct pitch_case *c = &pitch_cases[k];
        fov_pitch_view view;
        make_view(c, &view);
        if (fabs(view.k1 - c->k1) > 1e-6)
            fail_msg("case %zu: k1 %.9f, not %g", k, view.k1, c->k1);
        assert_true(view.rms_px < 1e-4);
        assert_int_equal(view.inliers, FIXTURE_POINTS);
        for (int i = 0; i < FIXTURE_POINTS; i++) {
            double px[2], at[2], j[4];
            assert_true(fov_pitch_to_px(&view, c->pitch[i], px));
            assert_true(fov_pitch_to_metres(&view, c->image[i], at));
            assert_true(fov_pitch_jacobian(&view, c->image[i], j));
            if (apart(px, c->image[i]) > 1e-3 || apart(at, c->pitch[i]) > 1e-4)
                fail_msg("case %zu, point %d: off by %g px, %g m", k, i, apart(px, c->image[i]),
                         apart(at, c->pitch[i]));
            for (int n = 0; n < 4; n++)
                assert_true(fabs(j[n] - c->metres_a_px[i][n]) < 1e-5);
        }
    }
}

static void four_points_are_enough(void **state)
{
    (void)state;
    for (size_t k = 0; k < CASES; k++) {
        const struct pitch_case *c = &pitch_cases[k];
        fov_pitch_point points[FIXTURE_POINTS];
        fov_pitch_params params = params_of(c);
        fov_pitch_view view;
        fov_pitch_quality quality;
        fov_error error = {0};
        if (c->k1 != 0)
            continue;
        points_of(c, c->image, points);
        if (fov_pitch_view_from_points(&view, points, 4, &params, &quality, &error)) {
            /* A likely error of 15 m and more is refused: these four are near to one another. */
            assert_non_null(strstr(error.message, "leave the view open"));
            continue;
        }
        assert_true(quality.rms_px < 1e-6);
        for (int i = 0; i < FIXTURE_POINTS; i++) {
            double px[2];
            assert_true(fov_pitch_to_px(&view, c->pitch[i], px));
            assert_true(apart(px, c->image[i]) < 1e-3);
        }
    }
}

/* Nobody's least squares leave less than OpenCV's, and ours leave no more. */
static void noisy_points_are_fitted_as_well_as_by_opencv(void **state)
{
    (void)state;
    for (size_t k = 0; k < CASES; k++) {
        const struct pitch_case *c = &pitch_cases[k];
        fov_pitch_point points[FIXTURE_POINTS];
        fov_pitch_params params = params_of(c);
        fov_pitch_quality quality;
        if (c->k1 != 0)
            continue;
        points_of(c, c->noisy, points);
        fov_pitch_view view = fit(c, points, FIXTURE_POINTS, &params, &quality);
        assert_int_equal(quality.inliers, FIXTURE_POINTS);
        if (fabs(quality.rms_px - c->cv_rms) > 1e-5)
            fail_msg("case %zu: %.9f px, OpenCV %.9f", k, quality.rms_px, c->cv_rms);
        for (int i = 0; i < FIXTURE_POINTS; i++) {
            double ours[2], theirs[2];
            assert_true(fov_pitch_to_px(&view, c->pitch[i], ours));
            assert_true(plane_apply(c->cv_map, c->pitch[i], theirs));
            assert_true(apart(ours, theirs) < 0.01);
            assert_true(fabs((double)quality.error_px[i] - apart(ours, c->noisy[i])) < 1e-3);
        }
    }
}

/* A camera has fewer numbers than a homography: what it makes of noisy points is nearer to the
 * truth on the whole. */
static void a_camera_is_steadier(void **state)
{
    (void)state;
    double off[2] = {0};
    for (size_t k = 0; k < CASES; k++) {
        const struct pitch_case *c = &pitch_cases[k];
        fov_pitch_point points[FIXTURE_POINTS];
        points_of(c, c->noisy, points);
        for (int camera = 0; camera < 2 && c->k1 == 0; camera++) {
            fov_pitch_params params = params_of(c);
            params.camera = camera;
            fov_pitch_view view = fit(c, points, 8, &params, NULL);
            for (int i = 8; i < FIXTURE_POINTS; i++) {
                double px[2];
                assert_true(fov_pitch_to_px(&view, c->pitch[i], px));
                off[camera] += apart(px, c->image[i]);
            }
        }
    }
    if (!(off[1] < off[0]))
        fail_msg("camera %.3f px, homography %.3f px", off[1], off[0]);
}

/* A quarter of the points are somewhere else. */
static void wrong_points_do_not_count(void **state)
{
    (void)state;
    for (size_t k = 0; k < CASES; k++) {
        const struct pitch_case *c = &pitch_cases[k];
        fov_pitch_point points[FIXTURE_POINTS];
        fov_pitch_params params = params_of(c);
        fov_pitch_quality quality;
        points_of(c, c->noisy, points);
        for (int i = 0; i < FIXTURE_BAD; i++)
            memcpy(points[i].image, c->wrong[i], sizeof points[i].image);
        fit(c, points, FIXTURE_POINTS, &params, &quality);
        assert_int_equal(quality.inliers, FIXTURE_POINTS - FIXTURE_BAD);
        assert_true(quality.rms_px < 4);
        for (int i = 0; i < FIXTURE_POINTS; i++)
            assert_true(i < FIXTURE_BAD ? quality.error_px[i] > 15 : quality.error_px[i] < 15);
    }
}

/* What is said about the error is about what it is: within a factor of two over all cases. */
static void the_likely_error_is_likely(void **state)
{
    (void)state;
    double said = 0, was = 0;
    for (size_t k = 0; k < CASES; k++) {
        const struct pitch_case *c = &pitch_cases[k];
        fov_pitch_point points[FIXTURE_POINTS];
        fov_pitch_params params = params_of(c);
        fov_pitch_quality quality;
        points_of(c, c->noisy, points);
        fov_pitch_view view = fit(c, points, 10, &params, &quality);
        said += quality.sigma_m * quality.sigma_m;
        for (int i = 0; i < FIXTURE_POINTS; i++) {
            double at[2];
            if (fov_pitch_to_metres(&view, c->image[i], at))
                was += apart(at, c->pitch[i]) * apart(at, c->pitch[i]) / FIXTURE_POINTS;
        }
    }
    if (!(sqrt(said / was) > 0.5 && sqrt(said / was) < 2))
        fail_msg("said %.3f m, was %.3f m", sqrt(said / CASES), sqrt(was / CASES));
}

static void the_same_points_give_the_same_view(void **state)
{
    (void)state;
    const struct pitch_case *c = &pitch_cases[0];
    fov_pitch_point points[FIXTURE_POINTS];
    fov_pitch_params params = params_of(c);
    points_of(c, c->noisy, points);
    fov_pitch_view a = fit(c, points, 20, &params, NULL), b = fit(c, points, 20, &params, NULL);
    assert_memory_equal(a.map, b.map, sizeof a.map);
}

static void keypoints_are_landmarks_with_scores(void **state)
{
    (void)state;
    fov_pitch_view truth, view;
    fov_keypoint keypoints[32];
    fov_pitch_params params = params_of(&pitch_cases[1]);
    fov_pitch_quality quality;
    int sure = 0;
    double at[2], px[2];
    make_view(&pitch_cases[1], &truth);
    for (int i = 0; i < 32; i++) {
        assert_true(fov_pitch_landmark(FOV_PITCH_ROBOFLOW_32, i, NULL, NULL, at));
        bool seen = fov_pitch_to_px(&truth, at, px) && px[0] > 0 && px[0] < FIXTURE_WIDTH &&
                    px[1] > 0 && px[1] < FIXTURE_HEIGHT;
        keypoints[i] = (fov_keypoint){.x = seen ? (float)px[0] : NAN,
                                      .y = seen ? (float)px[1] : 7,
                                      .score = seen ? 0.8f : 0.9f};
        sure += seen;
    }
    keypoints[31] = (fov_keypoint){100, 100, 0.29f}; /* not sure enough */
    assert_int_equal(fov_pitch_view_from_keypoints(&view, FOV_PITCH_ROBOFLOW_32, keypoints, 32,
                                                   &params, &quality, NULL),
                     FOV_OK);
    assert_in_range(quality.points, sure - 1, sure);
    for (int i = 0; i < 32; i++)
        assert_true(isnan(keypoints[i].x) == (quality.error_px[i] < 0) || i == 31);
    assert_true(fov_pitch_to_px(&truth, (double[2]){50, 30}, at) &&
                fov_pitch_to_px(&view, (double[2]){50, 30}, px) && apart(at, px) < 0.01);
    assert_int_equal(fov_pitch_view_from_keypoints(&view, FOV_PITCH_ROBOFLOW_32, keypoints, 3,
                                                   &params, NULL, NULL),
                     FOV_EINVAL);
}

/* ---- use --------------------------------------------------------------------------------------
 */

static void nothing_is_beyond_the_horizon(void **state)
{
    (void)state;
    fov_pitch_view view;
    make_view(&pitch_cases[0], &view);
    double px[2], at[2], j[4], sky[2] = {FIXTURE_WIDTH / 2.0, -20000};
    assert_false(fov_pitch_to_metres(&view, sky, at));
    assert_false(fov_pitch_jacobian(&view, sky, j));
    assert_false(fov_pitch_to_metres(&view, (double[2]){NAN, 3}, at));
    assert_false(fov_pitch_to_px(&view, (double[2]){INFINITY, 3}, px));
    /* Behind the camera, which stands at a negative y. */
    assert_false(fov_pitch_to_px(&view, (double[2]){50, -500}, px));
}

static void lenses_go_there_and_back(void **state)
{
    (void)state;
    static const double k1s[] = {PITCH_K1_LEAST, -0.05, 0, 1e-9, 0.2, PITCH_K1_MOST};
    for (size_t k = 0; k < sizeof k1s / sizeof *k1s; k++) {
        struct pitch_lens lens = pitch_lens_of(1920, 1080, k1s[k]);
        for (int i = 0; i < 200; i++) {
            double bent[2] = {i % 20 * 1920 / 19.0, (double)(i / 20) * 120}, straight[2], again[2];
            assert_true(pitch_unbend(&lens, bent, straight));
            assert_true(pitch_bend(&lens, straight, again));
            assert_true(apart(bent, again) < 1e-7);
        }
    }
    struct pitch_lens barrel = pitch_lens_of(1920, 1080, -0.14);
    double far[2] = {1e5, 1e5}, to[2];
    assert_false(pitch_unbend(&barrel, far, to));
    assert_false(pitch_bend(&barrel, far, to));
}

static void views_are_for_a_size(void **state)
{
    (void)state;
    fov_pitch_view view, half;
    fov_error error = {0};
    double a[2], b[2];
    make_view(&pitch_cases[8], &view); /* with a lens */
    assert_int_equal(fov_pitch_view_fits(&view, FIXTURE_WIDTH, FIXTURE_HEIGHT, NULL), FOV_OK);
    assert_int_equal(fov_pitch_view_fits(&view, 1280, 720, &error), FOV_EINVAL);
    assert_non_null(strstr(error.message, "1920 x 1080 px and this one has 1280 x 720"));
    half = view;
    assert_int_equal(fov_pitch_view_resize(&half, 960, 540, NULL), FOV_OK);
    assert_true(fov_pitch_to_px(&view, (double[2]){50, 30}, a));
    assert_true(fov_pitch_to_px(&half, (double[2]){50, 30}, b));
    assert_true(fabs(a[0] - 2 * b[0]) + fabs(a[1] - 2 * b[1]) < 1e-9);
    assert_int_equal(fov_pitch_view_resize(&half, 1280, 960, &error), FOV_EINVAL);
    assert_non_null(strstr(error.message, "other proportions"));
    assert_int_equal(fov_pitch_view_resize(&half, 0, 0, NULL), FOV_EINVAL);
    half.width = half.height = 0;
    assert_int_equal(fov_pitch_view_fits(&half, 7, 7, NULL), FOV_OK);
    assert_int_equal(fov_pitch_view_resize(&half, 1920, 1080, NULL), FOV_EINVAL);
}

static void maps_of_any_scale_and_sign_are_the_same_view(void **state)
{
    (void)state;
    fov_pitch_view view, scaled;
    double map[9], a[2], b[2];
    make_view(&pitch_cases[2], &view);
    for (int i = 0; i < 9; i++)
        map[i] = view.map[i] * -37;
    assert_int_equal(fov_pitch_view_from_matrix(&scaled, map, 1920, 1080, NULL, NULL), FOV_OK);
    assert_true(fov_pitch_to_px(&view, (double[2]){50, 30}, a));
    assert_true(fov_pitch_to_px(&scaled, (double[2]){50, 30}, b));
    assert_true(apart(a, b) < 1e-9);
    assert_int_equal(fov_pitch_view_from_matrix(&scaled, map, 0, 0, NULL, NULL), FOV_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(landmarks_are_as_far_apart_as_the_law_says),
        cmocka_unit_test(landmarks_mirror_one_another),
        cmocka_unit_test(roboflow_runs_from_the_far_left),
        cmocka_unit_test(views_are_the_cameras),
        cmocka_unit_test(four_points_are_enough),
        cmocka_unit_test(noisy_points_are_fitted_as_well_as_by_opencv),
        cmocka_unit_test(a_camera_is_steadier),
        cmocka_unit_test(wrong_points_do_not_count),
        cmocka_unit_test(the_likely_error_is_likely),
        cmocka_unit_test(the_same_points_give_the_same_view),
        cmocka_unit_test(keypoints_are_landmarks_with_scores),
        cmocka_unit_test(nothing_is_beyond_the_horizon),
        cmocka_unit_test(lenses_go_there_and_back),
        cmocka_unit_test(views_are_for_a_size),
        cmocka_unit_test(maps_of_any_scale_and_sign_are_the_same_view),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
