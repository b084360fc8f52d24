/* Views held against white lines, on pictures that are drawn from a view that is known. */
#include "pitch_test.h"

#include "../alloc_count.h"
#include "base/plane.h"
#include "lines_world.h"
#include "scene/pitch_lines.h"

enum { PIXELS = WORLD_WIDTH * WORLD_HEIGHT };

static uint8_t gray[PIXELS], rgb[3 * PIXELS];

/* Three views in turn: the middle, an end from the side, an end from nearer; and one that bends. */
static const double poses[][4] = {
    {0.05, 0.36, 1.1, 0}, {0.62, 0.31, 1.4, 0}, {-0.55, 0.33, 2.0, 0}, {0.5, 0.33, 1.2, -0.06}};
enum { POSES = sizeof poses / sizeof *poses };

static fov_pitch_view pose(int i)
{
    return world_view(poses[i][0], poses[i][1], poses[i][2], poses[i][3]);
}

/* The view of a camera that looks elsewhere by some px and zooms a little more. */
static fov_pitch_view off_by(int i, double px)
{
    double turn = px / (poses[i][2] * WORLD_WIDTH);
    return world_view(poses[i][0] + 0.7 * turn, poses[i][1] - 0.6 * turn,
                      poses[i][2] * (1 + 0.4 * px / 640), poses[i][3]);
}

static fov_status refine(fov_pitch_view *view, const fov_image *image, double sigma_px, bool camera,
                         fov_pitch_lines_quality *q)
{
    fov_pitch_lines_params params = {.sigma_px = sigma_px, .camera = camera};
    fov_error error = {0};
    fov_status status = fov_pitch_view_refine(view, image, NULL, 0, &params, q, &error);
    assert_int_equal(status != FOV_OK, error.message[0] != '\0');
    return status;
}

/* As near as the lines can tell. */
static void near_truth(const fov_pitch_view *view, const fov_pitch_view *truth,
                       const fov_pitch_lines_quality *q)
{
    double off = world_apart(view, truth);
    if (!(off < fmax(0.6, 2 * q->sigma_px) && off < 2))
        fail_msg("%.2f px off, and may be by %.2f", off, q->sigma_px);
}

static void what_is_off_comes_back(void **state)
{
    (void)state;
    for (int i = 0; i < POSES; i++) {
        fov_pitch_view truth = pose(i);
        world_draw(gray, &truth, WORLD_ALL);
        fov_image image = world_image(gray);
        for (int k = 0; k < 8; k++) {
            double px = (k % 4 + 1) * 3.0;
            bool camera = k >= 4;
            fov_pitch_view view = off_by(i, px);
            fov_pitch_lines_quality q;
            double before = world_apart(&view, &truth);
            assert_true(before > 0.5 * px);
            assert_int_equal(refine(&view, &image, px, camera, &q), FOV_OK);
            near_truth(&view, &truth, &q);
            assert_true(q.whole && q.inliers > 100 && q.inliers <= q.found && q.found <= q.looked);
            assert_true(q.rms_px < 0.5 && q.moved_px > 0.3 * px);
            assert_true(view.rms_px == q.rms_px && view.inliers == q.inliers &&
                        view.k1 == truth.k1);
        }
    }
}

static void any_pixels_and_sizes_will_do(void **state)
{
    (void)state;
    fov_pitch_view truth = pose(1), results[4];
    world_draw(gray, &truth, WORLD_ALL);
    for (int i = 0; i < PIXELS; i++)
        memset(rgb + 3 * i, gray[i], 3);
    static const fov_pixels forms[4] = {FOV_GRAY8, FOV_YUV, FOV_RGB24, FOV_BGR24};
    for (int i = 0; i < 4; i++) {
        fov_image image = world_image(i < 2 ? gray : rgb);
        image.pixels = forms[i];
        image.stride[0] = WORLD_WIDTH * (i < 2 ? 1 : 3);
        results[i] = off_by(1, 5);
        assert_int_equal(refine(&results[i], &image, 5, true, NULL), FOV_OK);
        assert_memory_equal(&results[i], &results[0], sizeof *results);
    }
    /* A picture of half the size, for the view of the whole one. */
    for (int i = 0; i < PIXELS / 4; i++) {
        const uint8_t *p = gray + i / (WORLD_WIDTH / 2) * 2 * WORLD_WIDTH +
                           i % (WORLD_WIDTH / 2) * 2;
        rgb[i] = (uint8_t)((p[0] + p[1] + p[WORLD_WIDTH] + p[WORLD_WIDTH + 1] + 2) / 4);
    }
    fov_image half = {.pixels = FOV_GRAY8,
                      .width = WORLD_WIDTH / 2,
                      .height = WORLD_HEIGHT / 2,
                      .plane = {rgb},
                      .stride = {WORLD_WIDTH / 2}};
    fov_pitch_view view = off_by(1, 5);
    fov_pitch_lines_quality q;
    assert_int_equal(refine(&view, &half, 5, true, &q), FOV_OK);
    assert_int_equal(view.width, WORLD_WIDTH);
    assert_true(world_apart(&view, &truth) < 2);
    assert_true(q.moved_px > 2 && q.moved_px < 8);
    /* A view of any size is one of the picture's. */
    view = off_by(1, 5);
    view.width = view.height = 0;
    fov_image image = world_image(gray);
    assert_int_equal(refine(&view, &image, 5, true, &q), FOV_OK);
    assert_int_equal(view.height, WORLD_HEIGHT);
}

/* People in white stand on the lines, a third of all places. */
static size_t crowd(const fov_pitch_view *truth, fov_detection *boxes, size_t capacity)
{
    size_t count = 0;
    for (int i = 0; i < 4000 && count < capacity; i++) {
        double at[2] = {i % 80 * 105 / 80.0, (double)(i / 80) * 68 / 50}, px[2];
        if (world_line_m(at, WORLD_ALL) > 0.4 || !fov_pitch_to_px(truth, at, px) || px[0] < 20 ||
            px[1] < 60 || px[0] > WORLD_WIDTH - 20 || px[1] > WORLD_HEIGHT - 20)
            continue;
        boxes[count] = (fov_detection){.x1 = (float)px[0] - 5,
                                       .y1 = (float)px[1] - 28,
                                       .x2 = (float)px[0] + 11,
                                       .y2 = (float)px[1] + 8};
        for (int y = (int)boxes[count].y1; y < (int)boxes[count].y2; y++)
            for (int x = (int)boxes[count].x1; x < (int)boxes[count].x2; x++)
                gray[y * WORLD_WIDTH + x] = (x + y) % 7 < 3 ? 230 : 30;
        count++;
    }
    return count;
}

static void people_are_left_out(void **state)
{
    (void)state;
    fov_pitch_view truth = pose(1);
    fov_detection boxes[40];
    fov_pitch_lines_quality bare, crowded;
    world_draw(gray, &truth, WORLD_ALL);
    fov_image image = world_image(gray);
    fov_pitch_view view = off_by(1, 5), other = view;
    assert_int_equal(refine(&view, &image, 5, true, &bare), FOV_OK);
    size_t count = crowd(&truth, boxes, 40);
    assert_int_equal(count, 40);
    fov_pitch_lines_params params = {.sigma_px = 5, .camera = true};
    assert_int_equal(fov_pitch_view_refine(&other, &image, boxes, count, &params, &crowded, NULL),
                     FOV_OK);
    near_truth(&other, &truth, &crowded);
    assert_true(crowded.looked < bare.looked - 30);
    assert_true(crowded.inliers > 0.9 * crowded.looked);
    /* Nobody says where they are: they are in the way, and still do not move the view. */
    other = off_by(1, 5);
    assert_int_equal(refine(&other, &image, 5, true, &crowded), FOV_OK);
    near_truth(&other, &truth, &crowded);
    /* Boxes of nobody: everything is hidden; or no boxes at all, by their numbers. */
    boxes[0] = (fov_detection){.x2 = WORLD_WIDTH, .y2 = WORLD_HEIGHT};
    other = view;
    assert_int_equal(fov_pitch_view_refine(&other, &image, boxes, 1, &params, &crowded, NULL),
                     FOV_ENOTFOUND);
    assert_int_equal(crowded.looked, 0);
    assert_memory_equal(&other, &view, sizeof view);
    boxes[0] = (fov_detection){.x1 = NAN, .y1 = NAN, .x2 = NAN, .y2 = INFINITY};
    assert_int_equal(fov_pitch_view_refine(&other, &image, boxes, 1, &params, &crowded, NULL),
                     FOV_OK);
    assert_true(crowded.looked > 100);
}

/* Refused, with a reason, and nothing has changed. */
static void refused(const fov_pitch_view *view, const fov_image *image,
                    const fov_pitch_lines_params *params, fov_status status, const char *word)
{
    fov_pitch_view left = *view;
    fov_error error = {0};
    fov_status is = fov_pitch_view_refine(&left, image, NULL, 0, params, NULL, &error);
    if (is != status)
        fail_msg("%d and not %d, %s: %s", is, status, word, error.message);
    assert_memory_equal(&left, view, sizeof left);
    if (!strstr(error.message, word))
        fail_msg("\"%s\" does not say \"%s\"", error.message, word);
}

static void what_is_not_there_is_not_found(void **state)
{
    (void)state;
    fov_pitch_view truth = pose(0), view = off_by(0, 4);
    fov_image image = world_image(gray);
    fov_pitch_lines_params params = {.sigma_px = 4, .camera = true};
    world_draw(gray, &truth, WORLD_NONE);
    refused(&view, &image, &params, FOV_ENOTFOUND, "says nothing");
    uint32_t seed = 7;
    for (int i = 0; i < PIXELS; i++) {
        seed = seed * 1664525 + 1013904223;
        gray[i] = (uint8_t)(seed >> 24);
    }
    refused(&view, &image, NULL, FOV_ENOTFOUND, "");
    world_draw(gray, &truth, WORLD_HALFWAY);
    refused(&view, &image, &params, FOV_ENOTFOUND, "");
}

/* Another part of the pitch, or too far from the truth: lines are there, and not these. */
static void wrong_views_are_refused(void **state)
{
    (void)state;
    for (int i = 0; i < POSES; i++) {
        fov_pitch_view truth = pose(i);
        fov_image image = world_image(gray);
        world_draw(gray, &truth, WORLD_ALL);
        for (int k = 0; k < 24; k++) {
            double far = 90 + 15 * k;
            fov_pitch_view view = world_view(
                poses[i][0] + (k % 2 ? far : -far) / (poses[i][2] * WORLD_WIDTH),
                poses[i][1] + 0.004 * (k % 5), poses[i][2] * (1 + 0.02 * (k % 3)), poses[i][3]);
            for (int camera = 0; camera < 2; camera++) {
                fov_pitch_lines_params params = {.sigma_px = k % 3 ? 0 : 20, .camera = camera};
                refused(&view, &image, &params, FOV_ENOTFOUND, "");
            }
        }
    }
}

static void what_makes_no_sense_is_refused(void **state)
{
    (void)state;
    fov_pitch_view truth = pose(0), view = truth;
    fov_image image = world_image(gray), other = image;
    fov_pitch_lines_params params = {.sigma_px = NAN};
    world_draw(gray, &truth, WORLD_ALL);
    refused(&view, &image, &params, FOV_EINVAL, "off by");
    params = (fov_pitch_lines_params){.sigma_px = -1};
    refused(&view, &image, &params, FOV_EINVAL, "off by");
    params = (fov_pitch_lines_params){.size = {105, NAN}};
    refused(&view, &image, &params, FOV_EINVAL, "pitch");
    other.width = other.height = 32;
    refused(&view, &other, NULL, FOV_EINVAL, "64");
    other = image;
    other.width = 720;
    refused(&view, &other, NULL, FOV_EINVAL, "proportions");
    other = image;
    other.pixels = FOV_PIXELS_NONE;
    refused(&view, &other, NULL, FOV_EINVAL, "pixels");
    other = image;
    other.plane[0] = NULL;
    refused(&view, &other, NULL, FOV_EINVAL, "plane");
    other = image;
    other.stride[0] = 100;
    refused(&view, &other, NULL, FOV_EINVAL, "plane");
    for (int i = 0; i < 9; i++) {
        view = truth;
        view.map[i] = NAN;
        refused(&view, &image, NULL, FOV_EINVAL, "matrix");
    }
    view = truth;
    view.k1 = NAN;
    refused(&view, &image, NULL, FOV_EINVAL, "lens");
    view = pose(1);
    for (int k = 0; k < 3; k++) /* px that lean to the side */
        view.map[k] += 0.5 * view.map[3 + k];
    refused(&view, &image, &(fov_pitch_lines_params){.camera = true}, FOV_EINVAL, "camera");
}

/* ---- the parts ------------------------------------------------------------------------------- */

/* A bright bar across a picture, its middle anywhere between pixels, against what is put in. */
static void the_middle_of_a_line_is_found(void **state)
{
    (void)state;
    static const double widths[] = {0.7, 1, 1.6, 2.5, 4, 7, 12};
    fov_image image = {
        .pixels = FOV_GRAY8, .width = 128, .height = 128, .plane = {gray}, .stride = {128}};
    struct ridge_picture picture;
    assert_int_equal(ridge_picture_of(&image, &picture, NULL), FOV_OK);
    for (int i = 0; i < 7 * 16; i++) {
        double width = widths[i / 16], off = -7.3 + (i % 16) * 0.93, found;
        double angle = 0.4 * (i % 5), n[2] = {cos(angle), sin(angle)}, px[2] = {64.2, 63.7};
        for (int k = 0; k < 128 * 128; k++) {
            double sum = 0;
            for (int j = 0; j < 16; j++) {
                double x = k % 128 + (j % 4 + 0.5) / 4 - px[0],
                       y = k / 128 + (j / 4 + 0.5) / 4 - px[1];
                sum += fabs(x * n[0] + y * n[1] - off) <= width / 2 ? 180 : 90;
            }
            gray[k] = (uint8_t)(sum / 16 + 0.5);
        }
        if (!ridge_find(&picture, px, n, width, 12, &found))
            fail_msg("nothing found of %g px at %g", width, off);
        if (!(fabs(found - off) < 0.25))
            fail_msg("%g px wide: found at %.2f and is at %.2f", width, found, off);
        double beyond[2] = {px[0] + 40 * n[1], px[1] - 40 * n[0]};
        assert_true(ridge_find(&picture, beyond, n, width, 12, &found));
        assert_false(ridge_find(&picture, px, n, width, fmax(fabs(off) - width - 5, 0), &found) &&
                     fabs(off) > width + 8);
    }
    /* Two of them, and an edge: not to be told apart, and none. */
    for (int k = 0; k < 128 * 128; k++)
        gray[k] = k % 128 == 58 || k % 128 == 70 ? 200 : 80;
    double found, right[2] = {1, 0}, px[2] = {64.5, 64};
    assert_false(ridge_find(&picture, px, right, 1, 12, &found));
    assert_true(ridge_find(&picture, (double[2]){60, 64}, right, 1, 5, &found));
    for (int k = 0; k < 128 * 128; k++)
        gray[k] = k % 128 < 64 ? 200 : 80;
    assert_false(ridge_find(&picture, px, right, 2, 12, &found));
}

static void walks_stay_on_the_lines(void **state)
{
    (void)state;
    static struct pitch_place places[4000];
    for (int i = 0; i < POSES; i++) {
        fov_pitch_view view = pose(i);
        struct pitch_walk walk = {.lens = pitch_lens_of(view.width, view.height, view.k1),
                                  .width = view.width,
                                  .height = view.height,
                                  .size = {105, 68}};
        memcpy(walk.map, view.map, sizeof walk.map);
        size_t count = pitch_strokes_walk(&walk, 4, places, 4000), fewer;
        assert_true(count > 400 && count < 4000);
        for (size_t k = 0; k < count; k++) {
            double px[2], ahead[2] = {places[k].at[0] + 0.05 * places[k].along[0],
                                      places[k].at[1] + 0.05 * places[k].along[1]};
            assert_true(world_line_m(places[k].at, WORLD_ALL) < 1e-4);
            assert_true(fov_pitch_to_px(&view, places[k].at, px));
            assert_true(px[0] >= 0 && px[0] < view.width && px[1] >= 0 && px[1] < view.height);
            assert_true(fabs(hypot(places[k].along[0], places[k].along[1]) - 1) < 1e-9);
            if (world_line_m(ahead, WORLD_ALL) > 1e-3) /* but for the ends of lines */
                assert_true(k + 1 == count || apart(places[k].at, places[k + 1].at) > 0.05);
        }
        fewer = pitch_strokes_walk(&walk, 40, places, 10);
        assert_true(fewer > count / 14 && fewer < count / 6);
    }
}

/* Length of all lines that are drawn, by the sum of steps when all of them are in the picture. */
static void no_line_is_missing(void **state)
{
    (void)state;
    static struct pitch_place places[20000];
    /* From far above: a px is 0.1 m. */
    struct pitch_walk walk = {
        .map = {10, 0, 50, 0, -10, 750, 0, 0, 1}, .width = 1200, .height = 800, .size = {105, 68}};
    walk.lens = pitch_lens_of(1200, 800, 0);
    double arc = 2 * acos(5.5 / 9.15) * 9.15;
    double length = 2 * 105 + 3 * 68 + 2 * M_PI * 9.15 +
                    2 * (2 * 16.5 + 40.32 + 2 * 5.5 + 18.32 + arc);
    size_t count = pitch_strokes_walk(&walk, 1, places, 20000);
    assert_true(fabs((double)count * 0.1 - length) < 3);
}

static void nothing_is_allocated_and_bits_are_the_same(void **state)
{
    (void)state;
    fov_pitch_view truth = pose(2), a = off_by(2, 6), b = a;
    fov_image image = world_image(gray);
    world_draw(gray, &truth, WORLD_ALL);
    uint64_t before = alloc_count_thread();
    assert_int_equal(refine(&a, &image, 6, true, NULL), FOV_OK);
    if (alloc_count_works())
        assert_int_equal(alloc_count_thread() - before, 0);
    assert_int_equal(refine(&b, &image, 6, true, NULL), FOV_OK);
    assert_memory_equal(&a, &b, sizeof a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_off_comes_back),
        cmocka_unit_test(any_pixels_and_sizes_will_do),
        cmocka_unit_test(people_are_left_out),
        cmocka_unit_test(what_is_not_there_is_not_found),
        cmocka_unit_test(wrong_views_are_refused),
        cmocka_unit_test(what_makes_no_sense_is_refused),
        cmocka_unit_test(the_middle_of_a_line_is_found),
        cmocka_unit_test(walks_stay_on_the_lines),
        cmocka_unit_test(no_line_is_missing),
        cmocka_unit_test(nothing_is_allocated_and_bits_are_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
