/* Decoded pixels: every kind of JPEG at every scale, turned, into frames and back, against another
 * decoder, and without allocations. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../alloc_count.h"
#include "../data_folder.h"
#include "media/picture.h"
#include "picture_tools.h"

/* ---- pixels -----------------------------------------------------------------------------------
 */

/* Mean error against the painted slope, as a check of colours, planes and scaling at once. */
static double error_of(const fov_image *rgb, const struct jpeg_recipe *recipe, int denominator)
{
    double sum = 0;
    for (int y = 0; y < rgb->height; y++)
        for (int x = 0; x < rgb->width; x++) {
            uint8_t wanted[3];
            jpeg_paint_slope(x * denominator + denominator / 2, y * denominator + denominator / 2,
                             recipe, wanted);
            const uint8_t *pixel = rgb->plane[0] + (size_t)y * (size_t)rgb->stride[0] + 3 * x;
            for (int c = 0; c < 3; c++)
                sum += abs(pixel[c] - wanted[c]);
        }
    return sum / rgb->width / rgb->height / 3;
}

/* A pixel of any planar image as RGB, by the formulas of JFIF. */
static void yuv_to_rgb(const fov_image *yuv, int x, int y, double rgb[3])
{
    double luma = yuv->plane[0][(size_t)y * (size_t)yuv->stride[0] + (size_t)x], cb = 0, cr = 0;
    if (yuv->plane[1]) {
        size_t cx = (size_t)(x >> yuv->shift_x), cy = (size_t)(y >> yuv->shift_y);
        cb = yuv->plane[1][cy * (size_t)yuv->stride[1] + cx] - 128.0;
        cr = yuv->plane[2][cy * (size_t)yuv->stride[2] + cx] - 128.0;
    }
    rgb[0] = luma + 1.402 * cr;
    rgb[1] = luma - 0.344136 * cb - 0.714136 * cr;
    rgb[2] = luma + 1.772 * cb;
}

static double yuv_error_of(const fov_image *yuv, const struct jpeg_recipe *recipe, int denominator)
{
    double sum = 0;
    for (int y = 0; y < yuv->height; y++)
        for (int x = 0; x < yuv->width; x++) {
            uint8_t wanted[3];
            double rgb[3];
            jpeg_paint_slope(x * denominator + denominator / 2, y * denominator + denominator / 2,
                             recipe, wanted);
            yuv_to_rgb(yuv, x, y, rgb);
            for (int c = 0; c < 3; c++)
                sum += fabs(rgb[c] - (recipe->colours == JPEG_GRAY ? wanted[0] : wanted[c]));
        }
    return sum / yuv->width / yuv->height / 3;
}

static const struct jpeg_recipe kinds[] = {
    {.width = 320, .height = 240},
    {.width = 333, .height = 211},
    {.width = 320, .height = 240, .h = 2, .v = 1},
    {.width = 321, .height = 243, .h = 1, .v = 2},
    {.width = 320, .height = 240, .h = 1, .v = 1},
    {.width = 320, .height = 240, .h = 4, .v = 1},
    {.width = 320, .height = 240, .progressive = true},
    {.width = 320, .height = 240, .colours = JPEG_RGB, .h = 1, .v = 1},
    {.width = 320, .height = 240, .colours = JPEG_CMYK, .h = 1, .v = 1},
    {.width = 320, .height = 240, .colours = JPEG_YCCK},
    {.width = 320, .height = 240, .restart_rows = 1},
    {.width = 320, .height = 240, .no_tables = true},
};

static void test_kinds_and_scales(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        for (int d = 1; d <= 8; d *= 2) {
            struct jpeg_file file = jpeg_make(&kinds[i]);
            double bound = 4 +
                           3 * d; /* chroma reduction, and edges of the squares inside samples */
            fov_image image;
            fov_error error = {0};
            if (decode(&file, FOV_RGB24, d, &image, &error))
                fail_msg("kind %zu at 1/%d: %s", i, d, error.message);
            assert_int_equal(image.width, (kinds[i].width + d - 1) / d);
            assert_int_equal(image.height, (kinds[i].height + d - 1) / d);
            double off = error_of(&image, &kinds[i], d);
            if (off > bound)
                fail_msg("kind %zu at 1/%d as RGB: off by %.2f", i, d, off);
            assert_int_equal(decode(&file, FOV_YUV, d, &image, &error), FOV_OK);
            off = yuv_error_of(&image, &kinds[i], d);
            if (off > bound)
                fail_msg("kind %zu at 1/%d as YUV: off by %.2f", i, d, off);
            assert_int_equal(decode(&file, FOV_GRAY8, d, &image, &error), FOV_OK);
            jpeg_free(&file);
        }
}

static void test_gray(void **state)
{
    (void)state;
    struct jpeg_recipe recipe = {.width = 99, .height = 50, .colours = JPEG_GRAY};
    struct jpeg_file file = jpeg_make(&recipe);
    fov_image image;
    assert_int_equal(decode(&file, FOV_YUV, 1, &image, NULL), FOV_OK);
    assert_null(image.plane[1]);
    assert_true(yuv_error_of(&image, &recipe, 1) < 2);
    assert_int_equal(decode(&file, FOV_RGB24, 1, &image, NULL), FOV_OK);
    assert_int_equal(image.plane[0][0], image.plane[0][1]);
    jpeg_free(&file);
}

/* Where the corner that is stored first lies after turning, from the text of the EXIF standard:
 * 0 top left, 1 top right, 2 bottom left, 3 bottom right; and the corner stored right of it. */
static void test_orientation(void **state)
{
    (void)state;
    static const int first[9] = {0, 0, 1, 3, 2, 0, 1, 3, 2},
                     second[9] = {0, 1, 0, 2, 3, 2, 3, 1, 0};
    static const fov_pixels formats[] = {FOV_RGB24, FOV_YUV, FOV_GRAY8};
    for (int o = 1; o <= 8; o++)
        for (size_t f = 0; f < 3; f++) {
            struct jpeg_recipe recipe = {.width = 64,
                                         .height = 32,
                                         .orientation = o,
                                         .big_endian = o % 2,
                                         .paint = jpeg_paint_quarters};
            struct jpeg_file file = jpeg_make(&recipe);
            fov_picture_info info;
            fov_image image;
            assert_int_equal(
                fov_decode(decoder, file.bytes, file.size, formats[f], 1, &image, &info, NULL),
                FOV_OK);
            assert_int_equal(info.orientation, o);
            assert_int_equal(fov_orient(decoder, &image, o, NULL), FOV_OK);
            assert_int_equal(image.width, o >= 5 ? 32 : 64);
            assert_int_equal(image.height, o >= 5 ? 64 : 32);
            int bytes = formats[f] == FOV_RGB24 ? 3 : 1;
            int corners[4]; /* luma or red in the middle of each quarter */
            for (int q = 0; q < 4; q++) {
                int x = image.width * (1 + 2 * (q & 1)) / 4,
                    y = image.height * (1 + 2 * (q / 2)) / 4;
                corners[q] =
                    image.plane[0][(size_t)y * (size_t)image.stride[0] + (size_t)(x * bytes)];
            }
            int wanted_first = formats[f] == FOV_RGB24 ? 220 : 87;  /* red, its luma */
            int wanted_second = formats[f] == FOV_RGB24 ? 30 : 130; /* green */
            assert_near(corners[first[o]], wanted_first, 6);
            assert_near(corners[second[o]], wanted_second, 6);
            jpeg_free(&file);
        }
}

static void test_denominators(void **state)
{
    (void)state;
    assert_int_equal(picture_denominator(1920, 1080, 640, 360), 2);
    assert_int_equal(picture_denominator(1280, 720, 640, 360), 2);
    assert_int_equal(picture_denominator(1280, 720, 300, 300), 2);
    assert_int_equal(picture_denominator(1279, 720, 640, 360), 2);
    assert_int_equal(picture_denominator(1278, 720, 640, 360), 1);
    assert_int_equal(picture_denominator(640, 480, 300, 300), 1);
    assert_int_equal(picture_denominator(4000, 3000, 300, 300), 8);
    assert_int_equal(picture_denominator(10, 10, 300, 300), 1);
}

static void test_decode_into_frame(void **state)
{
    (void)state;
    fov_frame_pool *pool;
    fov_frame_pool_create(&pool, NULL, NULL);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        struct jpeg_file file = jpeg_make(&kinds[i]);
        fov_frame *frame;
        fov_frame_get(pool, 0, &frame);
        assert_int_equal(fov_decode_into(decoder, file.bytes, file.size, frame, NULL), FOV_OK);
        assert_int_equal(frame->image.pixels, FOV_YUV);
        assert_int_equal(frame->width, kinds[i].width);
        assert_true(yuv_error_of(&frame->image, &kinds[i], 1) < 7);
        assert_int_equal(fov_decode_into(decoder, file.bytes, file.size / 2, frame, NULL),
                         FOV_EFORMAT);
        assert_null(frame->image.plane[0]);
        fov_frame_unref(&frame);
        jpeg_free(&file);
    }
    fov_frame_pool_destroy(&pool);
}

static void test_encode_and_decode(void **state)
{
    (void)state;
    static const fov_pixels formats[] = {FOV_YUV, FOV_RGB24, FOV_BGR24, FOV_GRAY8};
    fov_encoder *encoder;
    fov_decoder *second;
    fov_encoder_create(&encoder, NULL);
    fov_decoder_create(&second, NULL);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        for (size_t f = 0; f < 4; f++) {
            struct jpeg_file file = jpeg_make(&kinds[i]);
            fov_image image, back;
            const uint8_t *bytes;
            size_t size;
            assert_int_equal(decode(&file, formats[f], 1, &image, NULL), FOV_OK);
            assert_int_equal(fov_encode_jpeg(encoder, &image, 92, &bytes, &size, NULL), FOV_OK);
            assert_int_equal(fov_decode(second, bytes, size, FOV_RGB24, 1, &back, NULL, NULL),
                             FOV_OK);
            if (formats[f] != FOV_GRAY8)
                assert_true(error_of(&back, &kinds[i], 1) < 8);
            jpeg_free(&file);
        }
    fov_encoder_destroy(&encoder);
    fov_decoder_destroy(&second);
}

/* ---- no allocation in the steady state --------------------------------------------------------
 */

static void one_frame(const struct jpeg_file *file, fov_encoder *encoder, fov_frame_pool *pool)
{
    fov_frame *frame;
    fov_image image;
    const uint8_t *bytes;
    size_t size;
    fov_frame_get(pool, file->size, &frame);
    memcpy(frame->bytes, file->bytes, file->size);
    assert_int_equal(decode(file, FOV_YUV, 2, &image, NULL), FOV_OK);
    assert_int_equal(decode(file, FOV_BGR24, 1, &image, NULL), FOV_OK);
    assert_int_equal(fov_decode_into(decoder, frame->bytes, file->size, frame, NULL), FOV_OK);
    fov_detection box = {4, 30, 60, 90, 0.5f, 1, 1, 2};
    fov_detections boxes = {.items = &box, .count = 1, .capacity = 1};
    fov_draw_detections(&frame->image, &boxes, NULL, NULL);
    assert_int_equal(fov_encode_jpeg(encoder, &frame->image, 80, &bytes, &size, NULL), FOV_OK);
    fov_frame_unref(&frame);
}

static void test_no_allocations(void **state)
{
    (void)state;
    if (!alloc_count_works())
        skip();
    fov_frame_pool *pool;
    fov_encoder *encoder;
    fov_frame_pool_create(&pool, NULL, NULL);
    fov_encoder_create(&encoder, NULL);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        struct jpeg_file file = jpeg_make(&kinds[i]);
        for (int n = 0; n < 4; n++)
            one_frame(&file, encoder, pool);
        uint64_t before = alloc_count_thread();
        alloc_trap(true);
        for (int n = 0; n < 20; n++)
            one_frame(&file, encoder, pool);
        alloc_trap(false);
        assert_int_equal(alloc_count_thread() - before, 0);
        jpeg_free(&file);
    }
    fov_encoder_destroy(&encoder);
    fov_frame_pool_destroy(&pool);
}

/* ---- against another decoder ------------------------------------------------------------------
 */

/* refs/decoded_bgr.tsv: sizes and channel means of pictures as OpenCV decodes them. */
static void test_reference_means(void **state)
{
    (void)state;
    char path[1024], line[512], name[256];
    snprintf(path, sizeof path, "%s/refs/decoded_bgr.tsv", data_folder());
    FILE *table = fopen(path, "r");
    if (!table) {
        print_message("SKIP reference means: no test data\n");
        skip();
    }
    int width, height, checked = 0;
    double wanted[3], means[3];
    while (fgets(line, sizeof line, table)) {
        if (sscanf(line, "%255s %d %d %lf %lf %lf", name, &width, &height, &wanted[0], &wanted[1],
                   &wanted[2]) != 6)
            continue;
        if (strstr(name, ".png") && !have_ffmpeg())
            continue;
        struct jpeg_file file = load(data_folder(), name);
        if (!file.bytes)
            continue;
        fov_image image;
        assert_int_equal(decode(&file, FOV_BGR24, 1, &image, NULL), FOV_OK);
        assert_int_equal(image.width, width);
        assert_int_equal(image.height, height);
        means_of(&image, means);
        for (int c = 0; c < 3; c++)
            assert_near(means[c], wanted[c], 0.01);
        jpeg_free(&file);
        checked++;
    }
    fclose(table);
    assert_true(checked > 0);
}

int main(int argc, char **argv)
{
    setenv("FOVEA_POISON", "1", 1);
    fixtures = argc > 1 ? argv[1] : "tests/media/fixtures";
    fov_decoder_create(&decoder, NULL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kinds_and_scales),  cmocka_unit_test(test_gray),
        cmocka_unit_test(test_orientation),       cmocka_unit_test(test_denominators),
        cmocka_unit_test(test_decode_into_frame), cmocka_unit_test(test_encode_and_decode),
        cmocka_unit_test(test_no_allocations),    cmocka_unit_test(test_reference_means),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    fov_decoder_destroy(&decoder);
    return failed;
}
