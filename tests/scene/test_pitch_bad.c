/* Points, matrices and texts that are no view of a pitch, and the reason that is given. */
#include "pitch_test.h"

#include "scene/pitch.h"

struct bad_points {
    const char *what, *part;
    size_t count;
    fov_pitch_point points[10];
    fov_pitch_params params;
};

#define P(u, v, x, y)                                                                              \
    {                                                                                              \
        .image = {u, v}, .pitch = { x, y }                                                         \
    }
#define PICTURE                                                                                    \
    {                                                                                              \
        .width = 1920, .height = 1080                                                              \
    }

/* A trapezium: the corners of a pitch as a camera at its side sees them. */
#define CORNERS P(100, 900, 0, 0), P(1800, 900, 105, 0), P(1400, 300, 105, 68), P(500, 300, 0, 68)

static const struct bad_points bads[] = {
    {"three points", "a view needs 4 points, these are 3", 3, {CORNERS}, PICTURE},
    {"none", "a view needs 4 points, these are 0", 0, {{{0, 0}, {0, 0}, 0}}, PICTURE},
    {"the same point four times",
     "4 different points, these are 1",
     4,
     {P(100, 900, 0, 0), P(100, 900, 0, 0), P(100, 900, 0, 0), P(100, 900, 0, 0)},
     PICTURE},
    {"the same point twice",
     "4 different points, these are 3",
     4,
     {P(100, 900, 0, 0), P(1800, 900, 105, 0), P(1400, 300, 105, 68), P(100, 900, 0, 0)},
     PICTURE},
    {"one px, two places of the pitch",
     "points 1 and 4 are one point of the picture",
     4,
     {P(100, 900, 0, 0), P(1800, 900, 105, 0), P(1400, 300, 105, 68), P(100, 900, 0, 68)},
     PICTURE},
    {"one place of the pitch, two px",
     "points 2 and 3 are one point of the pitch",
     4,
     {P(100, 900, 0, 0), P(1800, 900, 105, 0), P(1400, 300, 105, 0), P(500, 300, 0, 68)},
     PICTURE},
    {"on one line",
     "on one line of the pitch",
     5,
     {P(100, 900, 0, 0), P(500, 900, 20, 0), P(900, 900, 50, 0), P(1400, 900, 80, 0),
      P(1800, 900, 105, 0)},
     PICTURE},
    {"all but one on a line",
     "on one line of the pitch",
     6,
     {P(100, 900, 0, 0), P(500, 900, 20, 0), P(900, 900, 50, 0), P(1400, 900, 80, 0),
      P(1800, 900, 105, 0), P(500, 300, 0, 68)},
     PICTURE},
    {"on one line of the picture only",
     "on one line of the picture",
     4,
     {P(100, 900, 0, 0), P(1800, 900, 105, 0), P(1400, 900, 105, 68), P(500, 300, 0, 68)},
     PICTURE},
    {"crossed",
     "crossed",
     4,
     {P(100, 900, 0, 0), P(1800, 900, 105, 0), P(500, 300, 105, 68), P(1400, 300, 0, 68)},
     PICTURE},
    {"in a mirror",
     "in a mirror",
     4,
     {P(100, 900, 0, 68), P(1800, 900, 105, 68), P(1400, 300, 105, 0), P(500, 300, 0, 0)},
     PICTURE},
    {"mirrored left to right",
     "in a mirror",
     4,
     {P(100, 900, 105, 0), P(1800, 900, 0, 0), P(1400, 300, 0, 68), P(500, 300, 105, 68)},
     PICTURE},
    {"NaN in the picture",
     "point 2 is not in or near the picture",
     4,
     {P(100, 900, 0, 0), P(NAN, 900, 105, 0), P(1400, 300, 105, 68), P(500, 300, 0, 68)},
     PICTURE},
    {"infinite on the pitch",
     "point 3 is not on or near the pitch",
     4,
     {P(100, 900, 0, 0), P(1800, 900, 105, 0), P(1400, 300, INFINITY, 68), P(500, 300, 0, 68)},
     PICTURE},
    {"feet for metres",
     "point 2 is not on or near the pitch",
     4,
     {P(100, 900, 0, 0), P(1800, 900, 355, 0), P(1400, 300, 355, 223), P(500, 300, 0, 223)},
     PICTURE},
    {"a score above 1",
     "the score of point 1",
     4,
     {{.image = {100, 900}, .pitch = {0, 0}, .score = 1.5}, CORNERS},
     PICTURE},
    {"a point on the wrong spot among few",
     "contradict one another",
     5,
     {CORNERS, P(950, 800, 52.5, 34)},
     PICTURE},
    {"a point behind the horizon among few",
     "contradict one another",
     5,
     {CORNERS, P(950, -900, 52.5, 34)},
     PICTURE},
    {"noise of 30 px",
     "(rms) from the best view; at most 8 are taken",
     8,
     {P(130, 870, 0, 0), P(1770, 930, 105, 0), P(1430, 330, 105, 68), P(470, 270, 0, 68),
      P(920, 930, 52.5, 0), P(980, 270, 52.5, 68), P(960, 470, 52.5, 34), P(380, 440, 0, 34)},
     {.width = 1920, .height = 1080, .inlier_px = 200}},
    {"a lens from seven",
     "a lens needs 8 points, these are 7",
     7,
     {CORNERS, P(950, 900, 52.5, 0), P(950, 300, 52.5, 68), P(950, 460, 52.5, 34)},
     {.width = 1920, .height = 1080, .lens = true}},
    {"no picture", "a picture of 0 x 0 px", 4, {CORNERS}, {.width = 0}},
    {"a pitch of nothing",
     "a pitch of 5 x 3 m",
     4,
     {CORNERS},
     {.width = 1920, .height = 1080, .size = {5, 3}}},
    {"bounds that are none",
     "inlier_px and max_rms_px",
     4,
     {CORNERS},
     {.width = 1920, .height = 1080, .inlier_px = -1}},
    {"near to one another",
     "leave the view open",
     4,
     {P(950, 500, 50, 30), P(957, 500, 50.5, 30), P(957, 496, 50.5, 30.5), P(950, 496, 50, 30.5)},
     PICTURE},
};

static void points_that_are_no_view(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bads / sizeof *bads; i++) {
        fov_pitch_view view = {.rms_px = 77};
        fov_pitch_quality quality;
        fov_error error = {0};
        fov_status status = fov_pitch_view_from_points(&view, bads[i].points, bads[i].count,
                                                       &bads[i].params, &quality, &error);
        if (status != FOV_EINVAL || !strstr(error.message, bads[i].part))
            fail_msg("%s: %s", bads[i].what, status ? error.message : "taken");
        assert_true(view.rms_px == 77); /* untouched */
    }
}

static void the_good_ones_are_taken(void **state)
{
    (void)state;
    fov_pitch_point corners[] = {CORNERS};
    fov_pitch_params params = PICTURE;
    fov_pitch_view view;
    fov_error error = {0};
    if (fov_pitch_view_from_points(&view, corners, 4, &params, NULL, &error))
        fail_msg("%s", error.message);
    fov_pitch_point many[FOV_PITCH_POINTS_MAX + 1];
    for (int i = 0; i <= FOV_PITCH_POINTS_MAX; i++)
        many[i] = corners[i % 4];
    if (fov_pitch_view_from_points(&view, many, FOV_PITCH_POINTS_MAX, &params, NULL, &error))
        fail_msg("%s", error.message);
    assert_int_equal(
        fov_pitch_view_from_points(&view, many, FOV_PITCH_POINTS_MAX + 1, &params, NULL, &error),
        FOV_EINVAL);
    assert_non_null(strstr(error.message, "129 points"));
}

static const struct {
    const char *what, *part;
    double map[9];
    int width, height;
    fov_pitch_size size;
} matrices[] = {
    {"zeros", "no inverse", {0}, 1920, 1080, {0, 0}},
    {"NaN", "number 3 of the matrix", {1, 0, NAN, 0, 1, 0, 0, 0, 1}, 1920, 1080, {0, 0}},
    {"infinite", "number 9 of the matrix", {1, 0, 0, 0, 1, 0, 0, 0, INFINITY}, 1920, 1080, {0, 0}},
    {"huge", "number 1 of the matrix", {1e200, 0, 0, 0, 1, 0, 0, 0, 1}, 1920, 1080, {0, 0}},
    {"rank 2", "no inverse", {1, 2, 3, 2, 4, 6, 0, 0, 1}, 1920, 1080, {0, 0}},
    /* From above, 10 px a metre, y down as in the picture. */
    {"in a mirror", "in a mirror", {10, 0, 0, 0, 10, 0, 0, 0, 1}, 1920, 1080, {0, 0}},
    {"elsewhere", "no part of the pitch", {10, 0, 9000, 0, -10, 700, 0, 0, 1}, 1920, 1080, {0, 0}},
    {"a speck", "only at the horizon", {0.5, 0, 960, 0, -0.5, 540, 0, 0, 1}, 1920, 1080, {0, 0}},
    {"half a picture",
     "a picture of 1920 x 0 px",
     {10, 0, 0, 0, -10, 700, 0, 0, 1},
     1920,
     0,
     {0, 0}},
    {"a small pitch", "a pitch of 10 x 5 m", {10, 0, 0, 0, -10, 700, 0, 0, 1}, 1920, 1080, {10, 5}},
};

static void matrices_that_are_no_view(void **state)
{
    (void)state;
    fov_pitch_view view = {.rms_px = 77};
    for (size_t i = 0; i < sizeof matrices / sizeof *matrices; i++) {
        fov_error error = {0};
        fov_status status = fov_pitch_view_from_matrix(&view, matrices[i].map, matrices[i].width,
                                                       matrices[i].height, &matrices[i].size,
                                                       &error);
        if (status != FOV_EINVAL || !strstr(error.message, matrices[i].part))
            fail_msg("%s: %s", matrices[i].what, status ? error.message : "taken");
        assert_true(view.rms_px == 77);
    }
    double above[9] = {10, 0, 0, 0, -10, 700, 0, 0, 1};
    assert_int_equal(fov_pitch_view_from_matrix(&view, above, 1920, 1080, NULL, NULL), FOV_OK);
}

static fov_status read_text(const char *text, fov_pitch_view *view, fov_error *error)
{
    fov_pitch_params params = PICTURE;
    json_value *value = json_parse(text, strlen(text), 65536, error);
    if (!value)
        return FOV_EFORMAT;
    fov_status status = pitch_view_read(value, &params, view, NULL, error);
    json_free(&value);
    return status;
}

static void texts_that_are_no_view(void **state)
{
    (void)state;
    static const char *const texts[][2] = {
        {"[]", "either points or a matrix"},
        {"{}", "either points or a matrix"},
        {"{\"points\":[],\"matrix\":[]}", "either points or a matrix"},
        {"{\"points\":7}", "points: a list"},
        {"{\"points\":[]}", "a view needs 4 points"},
        {"{\"points\":[7]}", "points[0].image"},
        {"{\"points\":[{\"image\":[1,2]}]}", "points[0].pitch"},
        {"{\"points\":[{\"image\":[1],\"pitch\":[1,2]}]}", "points[0].image"},
        {"{\"points\":[{\"image\":[1,2],\"pitch\":[1,2,3]}]}", "points[0].pitch"},
        {"{\"points\":[{\"image\":[1,2],\"pitch\":[1,\"a\"]}]}", "points[0].pitch"},
        {"{\"points\":[{\"image\":[1,2],\"pitch\":[1,2],\"score\":\"a\"}]}", "points[0].score"},
        {"{\"points\":[{\"image\":[1,2],\"pitch\":\"left_penalty_spt\"}]}",
         "did you mean left_penalty_spot?"},
        {"{\"matrix\":7}", "matrix: three rows"},
        {"{\"matrix\":[[1,2],[3,4],[5,6]]}", "matrix: three rows"},
        {"{\"matrix\":[1,0,0,0,1,0,0,0]}", "matrix: three rows"},
        {"{\"matrix\":[[1,0,0],[0,1,0],7]}", "matrix: three rows"},
        {"{\"matrix\":[10,0,0,0,10,0,0,0,1]}", "in a mirror"},
        {"{\"matrix\":[10,0,0,0,-10,700,0,0,1],\"size\":[5]}", "size: length and width"},
        {"{\"matrix\":[10,0,0,0,-10,700,0,0,1],\"size\":[500,5]}", "a pitch of 500 x 5 m"},
        {"{\"matrix\":[10,0,0,0,-10,700,0,0,1],\"picture\":[5]}", "picture: its width"},
        {"{\"matrix\":[10,0,0,0,-10,700,0,0,1],\"picture\":[1e9,1]}", "picture: its width"},
        {"{\"matrix\":[10,0,0,0,-10,700,0,0,1],\"k1\":9}", "k1: a number"},
        {"{\"matrix\":[10,0,0,0,-10,700,0,0,1],\"k1\":null}", "k1: a number"},
        /* The pitch is in a corner, and the lens bends it out of the picture. */
        {"{\"matrix\":[10,0,1740,0,-10,100,0,0,1],\"k1\":0.5}", "no part of the pitch"},
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        fov_pitch_view view = {.k1 = 0.25}, before = view;
        fov_error error = {0};
        assert_int_equal(read_text(texts[i][0], &view, &error), FOV_EINVAL);
        assert_memory_equal(&view, &before, sizeof view);
        if (!strstr(error.message, texts[i][1]))
            fail_msg("%s gives: %s", texts[i][0], error.message);
    }
}

static void texts_that_are_views(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "{\"matrix\":[10,0,0,0,-10,700,0,0,1]}",
        "{\"matrix\":[[10,0,0],[0,-10,700],[0,0,1]],\"picture\":[1920,1080],\"size\":[105,68]}",
        "{\"points\":[{\"image\":[0,700],\"pitch\":\"left_near_corner\"},"
        "{\"image\":[1050,700],\"pitch\":[105,0]},{\"image\":[1050,20],\"pitch\":[105,68]},"
        "{\"image\":[0,20],\"pitch\":\"left_far_corner\",\"score\":0.5}]}",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        fov_pitch_view view;
        fov_error error = {0};
        double px[2];
        if (read_text(texts[i], &view, &error))
            fail_msg("%s gives: %s", texts[i], error.message);
        assert_true(fov_pitch_to_px(&view, (double[2]){52.5, 34}, px));
        assert_true(apart(px, (double[2]){525, 360}) < 1e-6);
    }
    fov_pitch_view bent;
    fov_error error = {0};
    double px[2];
    assert_int_equal(read_text("{\"matrix\":[10,0,0,0,-10,700,0,0,1],\"k1\":0.1}", &bent, &error),
                     0);
    assert_true(bent.k1 == 0.1 && fov_pitch_to_px(&bent, (double[2]){52.5, 34}, px));
    assert_true(px[0] < 524 && px[1] < 359.5); /* further from the middle of 1920 x 1080 */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(points_that_are_no_view),   cmocka_unit_test(the_good_ones_are_taken),
        cmocka_unit_test(matrices_that_are_no_view), cmocka_unit_test(texts_that_are_no_view),
        cmocka_unit_test(texts_that_are_views),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
