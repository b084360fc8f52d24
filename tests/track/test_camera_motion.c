/* Camera motion from pictures: a drawn plane seen by a camera that moves as is known, and what is
 * to end in the identity. Errors are in px of a picture 320 px wide. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <fovea/motion.h>
#include "../alloc_count.h"
#include "base/plane.h"
#include "scenery.h"

enum { WIDTH = 640, HEIGHT = 360, SEED = 11 };

static fov_camera_motion *make(bool homography)
{
    fov_camera_motion *motion;
    fov_camera_motion_params params = {.homography = homography};
    assert_int_equal(fov_camera_motion_create(&motion, &params, NULL), FOV_OK);
    return motion;
}

static fov_motion update(fov_camera_motion *motion, const fov_image *image)
{
    fov_motion out;
    assert_int_equal(fov_camera_motion_update(motion, image, NULL, 0, &out, NULL), FOV_OK);
    return out;
}

/* The plane as a camera sees it after `motion`. */
static void draw_moved(fov_image *image, const double motion[9], unsigned seed)
{
    double back[9];
    assert_true(plane_invert(motion, back));
    scenery_draw(image, back, seed);
}

static double error_of(const fov_image *image, const fov_motion *found, const double truth[9])
{
    return scenery_apart(image, found->map, truth) * 320 / fmax(image->width, image->height);
}

static void is_none(const fov_motion *m)
{
    assert_int_equal(m->kind, FOV_MOTION_NONE);
    assert_memory_equal(m->map, PLANE_IDENTITY, sizeof m->map);
}

/* ---- what moves ---- */

static void known_motions_are_found(void **state)
{
    (void)state;
    static const double motions[][4] = {{0, 0, 0, 1},        {0.3, 0.2, 0, 1}, {-3.4, 7.1, 0, 1},
                                        {40, -12, 0, 1},     {-64, 30, 0, 1},  {0, 0, 0.02, 1},
                                        {5, 5, -0.06, 1},    {0, 0, 0, 1.04},  {3, -2, 0.01, 0.93},
                                        {-20, 9, 0.04, 1.06}};
    fov_camera_motion *motion = make(false);
    fov_image image = scenery_make(FOV_GRAY8, WIDTH, HEIGHT, 0);
    for (size_t i = 0; i < sizeof motions / sizeof *motions; i++) {
        const double *m = motions[i];
        double truth[9];
        scenery_motion(&image, m[0], m[1], m[2], m[3], truth);
        fov_camera_motion_reset(motion);
        scenery_draw(&image, PLANE_IDENTITY, SEED);
        fov_motion first = update(motion, &image);
        is_none(&first);
        assert_int_equal(first.points, 0);
        draw_moved(&image, truth, SEED);
        fov_motion found = update(motion, &image);
        double error = error_of(&image, &found, truth);
        print_message("motion %zu: %d of %d points agree, off %.3f px\n", i, found.inliers,
                      found.points, error);
        assert_int_equal(found.kind, FOV_MOTION_SIMILARITY);
        assert_true(error < 0.1);
        assert_true(found.inliers >= 0.8 * found.points && found.points >= 60);
    }
    scenery_release(&image);
    fov_camera_motion_destroy(&motion);
    assert_null(motion);
    fov_camera_motion_destroy(&motion);
}

/* A walk of many small steps: every step is told from the picture before. */
static void steps_add_up(void **state)
{
    (void)state;
    fov_camera_motion *motion = make(false);
    fov_image image = scenery_make(FOV_GRAY8, WIDTH, HEIGHT, 0);
    double truth[9], found[9];
    memcpy(truth, PLANE_IDENTITY, sizeof truth);
    memcpy(found, PLANE_IDENTITY, sizeof found);
    for (int i = 0; i < 25; i++) {
        double step[9];
        scenery_motion(&image, 8 * cos(i / 4.0), 6 * sin(i / 3.0), 0.004, 1.003, step);
        if (i > 0)
            plane_multiply(step, truth, truth);
        draw_moved(&image, truth, SEED);
        fov_motion out = update(motion, &image);
        plane_multiply(out.map, found, found);
    }
    assert_true(scenery_apart(&image, found, truth) < 2); /* 1 px at 320, after 24 steps */
    scenery_release(&image);
    fov_camera_motion_destroy(&motion);
}

static void homographies_when_asked_for(void **state)
{
    (void)state;
    static const double truth[9] = {1.01, 0.012, -9, -0.008, 0.99, 7, 9e-5, -1.1e-4, 1};
    for (int asked = 0; asked < 2; asked++) {
        fov_camera_motion *motion = make(asked);
        fov_image image = scenery_make(FOV_GRAY8, WIDTH, HEIGHT, 0);
        scenery_draw(&image, PLANE_IDENTITY, SEED);
        update(motion, &image);
        draw_moved(&image, truth, SEED);
        fov_motion found = update(motion, &image);
        if (asked) {
            print_message("%d of %d points agree, off %.3f px\n", found.inliers, found.points,
                          error_of(&image, &found, truth));
            assert_int_equal(found.kind, FOV_MOTION_HOMOGRAPHY);
            assert_true(error_of(&image, &found, truth) < 0.2);
        } else {
            assert_true(found.map[6] == 0 && found.map[7] == 0);
        }
        scenery_release(&image);
        fov_camera_motion_destroy(&motion);
    }
}

static void weather_and_exposure_do_not_matter(void **state)
{
    (void)state;
    fov_camera_motion *motion = make(false);
    fov_image image = scenery_make(FOV_GRAY8, WIDTH, HEIGHT, 0);
    double truth[9];
    scenery_motion(&image, 12, -5, 0.01, 1.01, truth);
    for (int brighter = -30; brighter <= 30; brighter += 30) {
        fov_camera_motion_reset(motion);
        scenery_draw(&image, PLANE_IDENTITY, SEED);
        scenery_noise(&image, 12, 1);
        update(motion, &image);
        draw_moved(&image, truth, SEED);
        for (int i = 0; i < WIDTH * HEIGHT; i++) {
            int level = image.plane[0][i] + brighter;
            image.plane[0][i] = (uint8_t)(level < 0 ? 0 : level > 255 ? 255 : level);
        }
        scenery_noise(&image, 12, 2);
        fov_motion found = update(motion, &image);
        print_message("%+d: %d of %d points agree, off %.3f px\n", brighter, found.inliers,
                      found.points, error_of(&image, &found, truth));
        assert_int_equal(found.kind, FOV_MOTION_SIMILARITY);
        assert_true(error_of(&image, &found, truth) < 0.3);
    }
    scenery_release(&image);
    fov_camera_motion_destroy(&motion);
}

/* The right half of the picture goes its own way. */
static void draw_halves(fov_image *image, const double left[9], const double right[9], int border)
{
    fov_image half = scenery_make(FOV_GRAY8, image->width, image->height, 0);
    draw_moved(image, left, SEED);
    draw_moved(&half, right, SEED + 1);
    for (int y = 0; y < image->height; y++)
        memcpy(image->plane[0] + y * image->stride[0] + border,
               half.plane[0] + y * half.stride[0] + border, (size_t)(image->width - border));
    scenery_release(&half);
}

static void boxes_are_left_out(void **state)
{
    (void)state;
    enum { BORDER = 160 }; /* three quarters of the picture move by themselves */
    const fov_detection boxes[] = {{.x1 = NAN, .x2 = 900, .y2 = 900},
                                   {.x1 = 500, .y1 = 300, .x2 = 10, .y2 = 10},
                                   {.x1 = BORDER, .y1 = -10, .x2 = WIDTH, .y2 = HEIGHT + 20},
                                   {.x1 = -INFINITY, .x2 = INFINITY, .y2 = 100},
                                   {.x1 = 3e38f, .y1 = 3e38f, .x2 = 3.1e38f, .y2 = 3.1e38f}};
    fov_image image = scenery_make(FOV_GRAY8, WIDTH, HEIGHT, 0);
    double left[9], right[9];
    fov_motion found;
    scenery_motion(&image, 6, 3, 0, 1, left);
    scenery_motion(&image, -11, 8, 0, 1, right);
    for (int masked = 0; masked < 2; masked++) {
        fov_camera_motion *motion = make(false);
        draw_halves(&image, PLANE_IDENTITY, PLANE_IDENTITY, BORDER);
        fov_camera_motion_update(motion, &image, boxes, masked ? 5 : 2, &found, NULL);
        draw_halves(&image, left, right, BORDER);
        fov_camera_motion_update(motion, &image, boxes, masked ? 5 : 2, &found, NULL);
        print_message("%d of %d points agree, off %.3f px\n", found.inliers, found.points,
                      error_of(&image, &found, masked ? left : right));
        assert_int_equal(found.kind, FOV_MOTION_SIMILARITY);
        assert_true(error_of(&image, &found, masked ? left : right) < 0.15);
        fov_camera_motion_destroy(&motion);
    }
    fov_camera_motion *motion = make(false);
    const fov_detection all = {.x2 = WIDTH, .y2 = HEIGHT};
    for (int i = 0; i < 2; i++) {
        fov_camera_motion_update(motion, &image, &all, 1, &found, NULL);
        is_none(&found);
        assert_int_equal(found.points, 0);
    }
    fov_camera_motion_destroy(&motion);
    scenery_release(&image);
}

/* ---- what does not ---- */

static void flat_pictures_and_cuts_are_none(void **state)
{
    (void)state;
    fov_camera_motion *motion = make(true);
    fov_image image = scenery_make(FOV_GRAY8, WIDTH, HEIGHT, 0);
    double truth[9];
    scenery_motion(&image, 4, 4, 0, 1, truth);
    for (int level = 0; level < 256; level += 85) {
        memset(image.plane[0], level, WIDTH * HEIGHT);
        fov_motion found = update(motion, &image);
        is_none(&found);
        assert_int_equal(found.points, 0);
    }
    for (unsigned scene = 1; scene <= 20; scene++) {
        scenery_draw(&image, PLANE_IDENTITY, scene);
        fov_motion cut = update(motion, &image);
        is_none(&cut);
        draw_moved(&image, truth, scene); /* and behind the cut it goes on */
        fov_motion found = update(motion, &image);
        assert_int_equal(found.kind, FOV_MOTION_SIMILARITY);
        assert_true(error_of(&image, &found, truth) < 0.1);
    }
    scenery_release(&image);
    fov_camera_motion_destroy(&motion);
}

static void noise_is_none(void **state)
{
    (void)state;
    static const int most[] = {2, 8, 40, 128};
    fov_camera_motion *motion = make(true);
    fov_image image = scenery_make(FOV_GRAY8, 320, 180, 0);
    for (size_t k = 0; k < 4; k++)
        for (unsigned i = 0; i < 10; i++) {
            memset(image.plane[0], 128, 320 * 180);
            scenery_noise(&image, most[k], i);
            fov_motion found = update(motion, &image);
            is_none(&found);
        }
    scenery_release(&image);
    fov_camera_motion_destroy(&motion);
}

static void a_jump_no_camera_makes_is_none(void **state)
{
    (void)state;
    static const double motions[][4] = {
        {450, 0, 0, 1}, {0, 300, 0, 1}, {0, 0, 3.14, 1}, {0, 0, 0, 2}};
    fov_camera_motion *motion = make(false);
    fov_image image = scenery_make(FOV_GRAY8, WIDTH, HEIGHT, 0);
    for (size_t i = 0; i < sizeof motions / sizeof *motions; i++) {
        double truth[9];
        scenery_motion(&image, motions[i][0], motions[i][1], motions[i][2], motions[i][3], truth);
        fov_camera_motion_reset(motion);
        scenery_draw(&image, PLANE_IDENTITY, SEED);
        update(motion, &image);
        draw_moved(&image, truth, SEED);
        fov_motion found = update(motion, &image);
        is_none(&found);
    }
    scenery_release(&image);
    fov_camera_motion_destroy(&motion);
}

/* ---- forms and sizes ---- */

static void all_sizes(void **state)
{
    (void)state;
    static const int sizes[][3] = {{1, 1, 0},     {2, 3, 0},     {16, 16, 0},   {15, 700, 0},
                                   {4000, 17, 0}, {16384, 1, 0}, {97, 131, 1},  {319, 241, 1},
                                   {641, 359, 1}, {359, 641, 1}, {479, 479, 1}, {1023, 769, 1}};
    fov_camera_motion *motion = make(true);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        fov_image image = scenery_make(FOV_GRAY8, sizes[i][0], sizes[i][1], 0);
        double truth[9];
        scenery_motion(&image, 0.01 * image.width, -0.01 * image.height, 0.01, 1.01, truth);
        scenery_draw(&image, PLANE_IDENTITY, SEED);
        fov_motion first = update(motion, &image); /* after a change of size */
        is_none(&first);
        draw_moved(&image, truth, SEED);
        fov_motion found = update(motion, &image);
        if (sizes[i][2]) {
            assert_int_not_equal(found.kind, FOV_MOTION_NONE);
            assert_true(error_of(&image, &found, truth) < 0.25);
        } else {
            is_none(&found);
        }
        scenery_release(&image);
    }
    fov_camera_motion_destroy(&motion);
}

/* Gray in any form gives the same bits, wide rows too. */
static void all_forms(void **state)
{
    (void)state;
    static const fov_pixels forms[] = {FOV_GRAY8, FOV_YUV, FOV_RGB24, FOV_BGR24};
    fov_motion found[4];
    for (int i = 0; i < 4; i++) {
        fov_camera_motion *motion = make(true);
        fov_image image = scenery_make(forms[i], WIDTH, HEIGHT, 13 * i);
        double truth[9];
        scenery_motion(&image, 9, -5, 0.01, 1.01, truth);
        scenery_draw(&image, PLANE_IDENTITY, SEED);
        update(motion, &image);
        draw_moved(&image, truth, SEED);
        found[i] = update(motion, &image);
        assert_true(error_of(&image, &found[i], truth) < 0.1);
        assert_memory_equal(found[i].map, found[0].map, sizeof found[0].map);
        assert_int_equal(found[i].points, found[0].points);
        scenery_release(&image);
        fov_camera_motion_destroy(&motion);
    }
}

static void other_sides_and_points(void **state)
{
    (void)state;
    static const fov_camera_motion_params rows[] = {{.side = 64},
                                                    {.side = 1024},
                                                    {.points = 16},
                                                    {.points = 1024},
                                                    {.side = 160, .points = 60}};
    fov_image image = scenery_make(FOV_GRAY8, WIDTH, HEIGHT, 0);
    double truth[9];
    scenery_motion(&image, 9, -5, 0.01, 1.01, truth);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        fov_camera_motion *motion;
        assert_int_equal(fov_camera_motion_create(&motion, &rows[i], NULL), FOV_OK);
        scenery_draw(&image, PLANE_IDENTITY, SEED);
        update(motion, &image);
        draw_moved(&image, truth, SEED);
        fov_motion found = update(motion, &image);
        print_message("side %d, points %d: %d of %d, off %.3f\n", rows[i].side, rows[i].points,
                      found.inliers, found.points, error_of(&image, &found, truth));
        assert_int_equal(found.kind, FOV_MOTION_SIMILARITY);
        assert_true(error_of(&image, &found, truth) < 0.4);
        assert_true(found.points <= (rows[i].points ? rows[i].points : 240));
        fov_camera_motion_destroy(&motion);
    }
    scenery_release(&image);
}

static void bad_parameters_and_pictures_are_named(void **state)
{
    (void)state;
    static const struct {
        fov_camera_motion_params params;
        const char *says;
    } rows[] = {{{.side = 63}, "side: 63"},
                {{.side = 1025}, "side: 1025"},
                {{.side = -1}, "side: -1"},
                {{.points = 15}, "points: 15"},
                {{.points = 1025}, "points: 1025"},
                {{.inliers = 1.5f}, "inliers: 1.5"},
                {{.inliers = -0.1f}, "inliers: -0.1"},
                {{.inliers = NAN}, "inliers: "}};
    fov_camera_motion *motion;
    fov_error error;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        error.message[0] = '\0';
        assert_int_equal(fov_camera_motion_create(&motion, &rows[i].params, &error), FOV_EINVAL);
        assert_null(motion);
        assert_non_null(strstr(error.message, rows[i].says));
    }
    assert_int_equal(fov_camera_motion_create(&motion, NULL, NULL), FOV_OK);
    fov_image good = scenery_make(FOV_GRAY8, WIDTH, HEIGHT, 0), bad[7];
    for (int i = 0; i < 7; i++)
        bad[i] = good;
    bad[0].pixels = FOV_PIXELS_NONE;
    bad[1].width = 0;
    bad[2].height = -1;
    bad[3].plane[0] = NULL;
    bad[4].stride[0] = WIDTH - 1;
    bad[5].width = 16385;
    bad[6].pixels = FOV_RGB24; /* rows too short for it */
    scenery_draw(&good, PLANE_IDENTITY, SEED);
    update(motion, &good);
    for (int i = 0; i < 7; i++) {
        fov_motion out;
        error.message[0] = '\0';
        assert_int_equal(fov_camera_motion_update(motion, &bad[i], NULL, 0, &out, &error),
                         FOV_EINVAL);
        assert_true(strlen(error.message) > 10);
        is_none(&out);
    }
    fov_motion still = update(motion, &good); /* nothing has changed */
    assert_int_equal(still.kind, FOV_MOTION_SIMILARITY);
    assert_true(error_of(&good, &still, PLANE_IDENTITY) < 0.01);
    scenery_release(&good);
    fov_camera_motion_destroy(&motion);
}

/* ---- promises ---- */

static void the_same_pictures_give_the_same_bits_without_memory(void **state)
{
    (void)state;
    enum { FRAMES = 6 };
    fov_motion found[2][FRAMES];
    fov_image images[FRAMES];
    for (int i = 0; i < FRAMES; i++) {
        double truth[9];
        images[i] = scenery_make(i < 4 ? FOV_GRAY8 : FOV_RGB24, i == 3 ? 400 : WIDTH, HEIGHT, 0);
        scenery_motion(&images[i], 7 * i, 3 * i, 0.004 * i, 1, truth);
        draw_moved(&images[i], truth, SEED);
    }
    memset(found, 0, sizeof found);
    for (int turn = 0; turn < 2; turn++) {
        fov_camera_motion *motion = make(true);
        uint64_t before = alloc_count_thread();
        for (int i = 0; i < FRAMES; i++)
            found[turn][i] = update(motion, &images[i]);
        if (alloc_count_works())
            assert_int_equal(alloc_count_thread() - before, 0);
        fov_camera_motion_destroy(&motion);
    }
    for (int i = 0; i < FRAMES; i++) {
        assert_int_equal(found[0][i].kind, found[1][i].kind);
        assert_memory_equal(found[0][i].map, found[1][i].map, sizeof found[0][i].map);
        assert_int_equal(found[0][i].kind == FOV_MOTION_NONE, i == 0 || i == 3 || i == 4);
        scenery_release(&images[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_motions_are_found),
        cmocka_unit_test(steps_add_up),
        cmocka_unit_test(homographies_when_asked_for),
        cmocka_unit_test(weather_and_exposure_do_not_matter),
        cmocka_unit_test(boxes_are_left_out),
        cmocka_unit_test(flat_pictures_and_cuts_are_none),
        cmocka_unit_test(noise_is_none),
        cmocka_unit_test(a_jump_no_camera_makes_is_none),
        cmocka_unit_test(all_sizes),
        cmocka_unit_test(all_forms),
        cmocka_unit_test(other_sides_and_points),
        cmocka_unit_test(bad_parameters_and_pictures_are_named),
        cmocka_unit_test(the_same_pictures_give_the_same_bits_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
