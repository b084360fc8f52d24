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
#include "media/image.h"

#define GUARD 0xC3

static fov_image make(struct buffer *buffer, fov_pixels pixels, int width, int height)
{
    fov_image image;
    assert_int_equal(image_in_buffer(&image, buffer, pixels, width, height, 1, 1), FOV_OK);
    memset(buffer->data, GUARD, buffer->size);
    for (int p = 0; p < image_planes(&image); p++)
        for (int y = 0; y < image_plane_height(&image, p); y++)
            memset(image.plane[p] + (size_t)y * (size_t)image.stride[p], 128,
                   (size_t)(image_plane_width(&image, p) * image_pixel_bytes(&image)));
    return image;
}

/* Bytes beside the rows and behind the picture are as they were. */
static void assert_guarded(const fov_image *image)
{
    for (int p = 0; p < image_planes(image); p++) {
        int used = image_plane_width(image, p) * image_pixel_bytes(image);
        for (int y = 0; y < ((image_plane_height(image, p) + 15) & ~15); y++)
            for (int x = y < image_plane_height(image, p) ? used : 0; x < image->stride[p]; x++)
                assert_int_equal(image->plane[p][(size_t)y * (size_t)image->stride[p] + (size_t)x],
                                 GUARD);
    }
}

static void draw(fov_image *image, fov_detection box, const char *(*label)(void *, int))
{
    fov_detections boxes = {.items = &box, .count = 1, .capacity = 1};
    fov_draw_detections(image, &boxes, label, NULL);
}

static void rgb_at(const fov_image *image, int x, int y, int rgb[3])
{
    uint8_t memory[3];
    fov_image one = *image, to = {FOV_RGB24, 1, 1, {memory}, {3}, 0, 0};
    one.width = one.height = 1;
    one.plane[0] += (ptrdiff_t)y * image->stride[0] + x * image_pixel_bytes(image);
    for (int p = 1; p < 3 && image->pixels == FOV_YUV; p++)
        one.plane[p] += (ptrdiff_t)(y >> 1) * image->stride[p] + (x >> 1);
    one.shift_x = one.shift_y = 0;
    image_convert(&to, &one);
    for (int c = 0; c < 3; c++)
        rgb[c] = memory[c];
}

static void assert_colour(const fov_image *image, int x, int y, uint32_t wanted)
{
    int rgb[3];
    rgb_at(image, x, y, rgb);
    for (int c = 0; c < 3; c++)
        if (abs(rgb[c] - (int)(wanted >> (16 - 8 * c) & 255)) > 6)
            fail_msg("(%d, %d) is %02x%02x%02x, not %06x", x, y, rgb[0], rgb[1], rgb[2], wanted);
}

static void test_lines_are_where_the_box_is(void **state)
{
    (void)state;
    static const fov_pixels formats[] = {FOV_YUV, FOV_RGB24, FOV_BGR24};
    for (size_t f = 0; f < 3; f++) {
        struct buffer buffer = {0};
        fov_image image = make(&buffer, formats[f], 400, 300);
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
        int rgb[3];
        rgb_at(&image, 150, 150, rgb);
        assert_int_equal(rgb[0], 128); /* inside is untouched */
        rgb_at(&image, 260, 199, rgb);
        assert_int_equal(rgb[0], 128);
        rgb_at(&image, 99, 150, rgb);
        assert_true(rgb[1] < 60); /* dark edge */
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
        for (int x = x1; x < x2; x++) {
            int rgb[3];
            rgb_at(image, x, y, rgb);
            count += rgb[1] < 70;
        }
    return count;
}

static void test_label_has_ink(void **state)
{
    (void)state;
    struct buffer buffer = {0};
    fov_image image = make(&buffer, FOV_YUV, 400, 300);
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
            fov_image image = make(&buffer, formats[f], sizes[s][0], sizes[s][1]);
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
    fov_image image = make(&buffer, FOV_YUV, 160, 120);
    for (int i = 0; i < 7; i++)
        draw(&image, (fov_detection){10, 40, 60, 90, 0.5f, i, i, INT32_MAX}, bad_text);
    assert_guarded(&image);
    buffer_release(&buffer);
}

static void test_gray_planes(void **state)
{
    (void)state;
    struct buffer buffer = {0};
    fov_image image = make(&buffer, FOV_YUV, 160, 120);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines_are_where_the_box_is),
        cmocka_unit_test(test_label_has_ink),
        cmocka_unit_test(test_any_box_is_safe),
        cmocka_unit_test(test_odd_labels),
        cmocka_unit_test(test_gray_planes),
        cmocka_unit_test(test_palette),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
