/* Boxes and labels: where they are drawn, and that nothing else is touched. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <fovea/picture.h>
#include "canvas.h"

static void draw(fov_image *image, fov_detection box, const char *(*label)(void *, int))
{
    fov_detections boxes = {.items = &box, .count = 1, .capacity = 1};
    fov_draw_detections(image, &boxes, label, NULL);
}

static void test_lines_are_where_the_box_is(void **state)
{
    (void)state;
    static const fov_pixels formats[] = {FOV_YUV, FOV_RGB24, FOV_BGR24};
    for (size_t f = 0; f < 3; f++) {
        struct buffer buffer = {0};
        fov_image image = canvas_make(&buffer, formats[f], 400, 300);
        fov_detection box = {100.2f, 120.4f, 239.8f, 200, 0.5f, 3, 3, -1};
        draw(&image, box, NULL);
        uint32_t colour = fov_class_color(3);
        for (int x = 100; x < 240; x++)
            assert_colour(&image, x, 199, colour);
        for (int y = 121; y < 200; y++) {
            assert_colour(&image, 100, y, colour);
            assert_colour(&image, 101, y, colour);
            assert_colour(&image, 239, y, colour);
        }
        assert_int_equal(rgb_at(&image, 150, 150) >> 16, CANVAS_GREY); /* inside is untouched */
        assert_int_equal(rgb_at(&image, 260, 199) >> 16, CANVAS_GREY);
        assert_true((rgb_at(&image, 99, 150) >> 8 & 255) < 60); /* dark edge */
        assert_guarded(&image);
        buffer_release(&buffer);
    }
}

static const char *german(void *user, int class_id)
{
    (void)user;
    (void)class_id;
    return "Stra\xc3\x9f"
           "e";
}

static int dark_pixels(const fov_image *image, int x1, int y1, int x2, int y2)
{
    int count = 0;
    for (int y = y1; y < y2; y++)
        for (int x = x1; x < x2; x++)
            count += (rgb_at(image, x, y) >> 8 & 255) < 70;
    return count;
}

static void test_label_has_ink(void **state)
{
    (void)state;
    struct buffer buffer = {0};
    fov_image image = canvas_make(&buffer, FOV_YUV, 400, 300);
    draw(&image, (fov_detection){100, 120, 240, 200, 0.87f, 1, 1, 12}, german);
    /* the bar lies above the box: colour of the class with letters in it */
    assert_colour(&image, 101, 118, fov_class_color(1));
    assert_true(dark_pixels(&image, 100, 104, 200, 118) > 80);
    assert_guarded(&image);
    buffer_release(&buffer);
}

static void test_any_box_is_safe(void **state)
{
    (void)state;
    static const fov_pixels formats[] = {FOV_YUV, FOV_RGB24, FOV_GRAY8};
    static const int sizes[][2] = {{1, 1}, {3, 2}, {33, 17}, {200, 100}, {1921, 1081}};
    float odd[] = {-1e30f, -50, -0.4f, 0, 5, 32.6f, 100, 1920, 1e30f, NAN, INFINITY};
    enum { ODD = sizeof odd / sizeof *odd };
    for (size_t f = 0; f < 3; f++)
        for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
            struct buffer buffer = {0};
            fov_image image = canvas_make(&buffer, formats[f], sizes[s][0], sizes[s][1]);
            for (int i = 0; i < ODD * ODD; i++)
                draw(&image,
                     (fov_detection){odd[i % ODD], odd[i / ODD], odd[(i * 7 + 3) % ODD],
                                     odd[(i * 5 + 1) % ODD], NAN, -i, 0, i},
                     i % 2 ? german : NULL);
            assert_guarded(&image);
            buffer_release(&buffer);
        }
}

static const char *bad_text(void *user, int class_id)
{
    (void)user;
    static const char *const texts[] = {"",
                                        "\xff\xfe",
                                        "\xe2\x82",
                                        "\xf0\x9f\x98\x80",
                                        "\xc3",
                                        "a\nb",
                                        "a very long name that does not fit on the picture at all "
                                        "and goes on and on and on and on and on"};
    return texts[class_id % 7];
}

static void test_odd_labels(void **state)
{
    (void)state;
    struct buffer buffer = {0};
    fov_image image = canvas_make(&buffer, FOV_YUV, 160, 120);
    for (int i = 0; i < 7; i++)
        draw(&image, (fov_detection){10, 40, 60, 90, 0.5f, i, i, INT32_MAX}, bad_text);
    assert_guarded(&image);
    buffer_release(&buffer);
}

static void test_gray_planes(void **state)
{
    (void)state;
    struct buffer buffer = {0};
    fov_image image = canvas_make(&buffer, FOV_YUV, 160, 120);
    image.plane[1] = image.plane[2] = NULL;
    draw(&image, (fov_detection){10, 40, 60, 90, 0.5f, 1, 1, -1}, NULL);
    assert_true(image.plane[0][(size_t)41 * (size_t)image.stride[0] + 30] != 128);
    buffer_release(&buffer);
}

static void test_palette(void **state)
{
    (void)state;
    for (int i = 0; i < 10; i++) {
        assert_int_equal(fov_class_color(i), fov_class_color(i + 10));
        for (int j = 0; j < i; j++)
            assert_int_not_equal(fov_class_color(i), fov_class_color(j));
    }
    fov_class_color(-5);
}

/* A mask of rows 20..59 in columns 30..69, a turned box, two keypoints and two classes. */
static void draw_details(fov_image *image, bool mask, bool rest)
{
    static uint32_t runs[2 * 40 + 1];
    static fov_keypoint points[17];
    fov_details details = {.runs = runs, .keypoints = points, .capacity = 1};
    fov_detail item = {0};
    fov_detection box = {30, 20, 70, 60, 0.5f, 2, 2, -1};
    fov_detections list = {.items = &box, .count = 1, .capacity = 1, .details = &details};
    uint32_t height = (uint32_t)image->height;
    runs[0] = 30 * height + 20;
    for (int i = 0; i < 40; i++) {
        runs[2 * i + 1] = 40;
        runs[2 * i + 2] = height - 40;
    }
    details.items = &item;
    item.run_count = mask ? 81 : 0;
    item.rotated = rest;
    item.center_x = 200;
    item.center_y = 150;
    item.width = 100;
    item.height = 40;
    item.angle = 0.7853982f; /* 45 degrees: a corner at (249.5, 171.2) */
    item.keypoint_count = rest ? 17 : 0;
    points[5] = (fov_keypoint){300, 100, 1};
    points[7] = (fov_keypoint){350, 200, 1};
    points[9] = (fov_keypoint){350, 280, 0.1f}; /* not seen */
    fov_draw_detections(image, &list, NULL, NULL);
}

static void test_masks_tint_what_they_cover(void **state)
{
    (void)state;
    static const fov_pixels formats[] = {FOV_YUV, FOV_RGB24, FOV_BGR24};
    uint32_t c = fov_class_color(2), tint = 0;
    for (int shift = 0; shift < 24; shift += 8)
        tint |= (uint32_t)(128 + ((int)(c >> shift & 255) - 128) * 45 / 100) << shift;
    for (size_t f = 0; f < 3; f++) {
        struct buffer buffer = {0};
        fov_image image = canvas_make(&buffer, formats[f], 400, 300);
        draw_details(&image, true, false);
        for (int x = 36; x < 64; x++)
            for (int y = 44; y < 54; y++)
                assert_colour(&image, x, y, tint);
        assert_colour(&image, 80, 50, 0x808080);
        assert_colour(&image, 50, 70, 0x808080);
        assert_guarded(&image);
        buffer_release(&buffer);
    }
}

static void test_skeletons_and_turned_boxes(void **state)
{
    (void)state;
    static const fov_pixels formats[] = {FOV_YUV, FOV_RGB24, FOV_BGR24};
    for (size_t f = 0; f < 3; f++) {
        struct buffer buffer = {0};
        fov_image image = canvas_make(&buffer, formats[f], 400, 300);
        draw_details(&image, false, true);
        uint32_t colour = fov_class_color(2);
        /* the middle of the long sides, 20 px beside the centre at right angles */
        assert_colour(&image, 214, 136, colour);
        assert_colour(&image, 186, 164, colour);
        assert_colour(&image, 200, 150, 0x808080);
        assert_colour(&image, 30, 40, 0x808080); /* no upright box */
        assert_colour(&image, 325, 150, colour); /* half way between the keypoints */
        assert_colour(&image, 300, 100, colour);
        assert_colour(&image, 350, 240, 0x808080);
        assert_guarded(&image);
        buffer_release(&buffer);
    }
}

/* Runs that end early, overrun or are empty; points anywhere. */
static void test_any_details_are_safe(void **state)
{
    (void)state;
    static uint32_t runs[64];
    static fov_keypoint points[17];
    static fov_point outline[16];
    fov_detail item = {.run_count = 64, .keypoint_count = 17, .point_count = 16, .rotated = true};
    fov_details details = {
        .items = &item, .runs = runs, .keypoints = points, .points = outline, .capacity = 1};
    fov_detection box = {3, 2, 70, 60, 0.5f, 2, 2, -1};
    fov_detections list = {.items = &box, .count = 1, .capacity = 1, .details = &details};
    static const float odd[] = {NAN, INFINITY, -INFINITY, 1e9f, -1e9f, 0, 50, 0.5f, 399.9f, -3};
    for (unsigned round = 0; round < 60; round++) {
        struct buffer buffer = {0};
        fov_image image = canvas_make(&buffer, round % 2 ? FOV_YUV : FOV_RGB24, 101, 77);
        for (unsigned i = 0; i < 64; i++)
            runs[i] = round == 0 ? 0 : round == 1 ? UINT32_MAX : (i * 7919 + round * 104729) % 997;
        for (unsigned i = 0; i < 17; i++)
            points[i] = (fov_keypoint){odd[(i + round) % 10], odd[(i * 3 + round) % 10], 1};
        for (unsigned i = 0; i < 16; i++)
            outline[i] = (fov_point){odd[(i * 7 + round) % 10], odd[(i + 2 * round) % 10]};
        item.center_x = odd[round % 10];
        item.width = odd[(round / 10) % 10];
        fov_draw_detections(&image, &list, NULL, NULL);
        assert_guarded(&image);
        buffer_release(&buffer);
    }
}

static void test_classes_are_written(void **state)
{
    (void)state;
    struct buffer buffer = {0};
    fov_image image = canvas_make(&buffer, FOV_RGB24, 400, 300);
    fov_details details = {.classes = {{4, 0.9f}, {1, 0.1f}}, .class_count = 2};
    fov_detections list = {.details = &details};
    fov_draw_detections(&image, &list, NULL, NULL);
    int found = 0;
    for (int y = 0; y < 150; y++) {
        uint32_t red = rgb_at(&image, 12, y) >> 16;
        found |= red == fov_class_color(4) >> 16 ? 1 : 0;
        found |= red == fov_class_color(1) >> 16 ? 2 : 0;
    }
    assert_int_equal(found, 3);
    assert_guarded(&image);
    buffer_release(&buffer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines_are_where_the_box_is),
        cmocka_unit_test(test_label_has_ink),
        cmocka_unit_test(test_any_box_is_safe),
        cmocka_unit_test(test_odd_labels),
        cmocka_unit_test(test_gray_planes),
        cmocka_unit_test(test_palette),
        cmocka_unit_test(test_masks_tint_what_they_cover),
        cmocka_unit_test(test_skeletons_and_turned_boxes),
        cmocka_unit_test(test_any_details_are_safe),
        cmocka_unit_test(test_classes_are_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
