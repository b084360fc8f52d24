/* Pictures in another size, held against what Pillow 13.0 makes of the same numbers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include <fovea/picture.h>

static fov_image view(uint8_t *pixels, fov_pixels kind, int width, int height)
{
    int bytes = kind == FOV_GRAY8 ? 1 : 3;
    return (fov_image){.pixels = kind,
                       .width = width,
                       .height = height,
                       .plane = {pixels},
                       .stride = {width * bytes}};
}

/* Image.fromarray(pixels).resize((w, h), LANCZOS) of i * i * 37 + i * 11, 7 x 5. */
static void pillow_makes_the_same(void **state)
{
    (void)state;
    static const uint8_t smaller[] = {92, 153, 184, 168, 108, 174};
    static const uint8_t larger[] = {
        0,   0,   48,  168, 176, 95,  79,  151, 231, 164, 88,  17,  55,  104, 100, 116, 162, 169,
        169, 148, 160, 171, 102, 141, 140, 35,  73,  228, 255, 194, 86,  172, 255, 229, 147, 52,
        97,  154, 171, 179, 197, 202, 207, 204, 247, 160, 78,  158, 172, 99,  93,  173, 255, 208,
        135, 162, 199, 220, 153, 90,  74,  78,  141, 213, 176, 123, 121, 186, 231, 137, 61,  60,
        68,  130, 200, 171, 124, 121, 165, 193, 127, 66,  58,  66,  133, 207, 177, 130};
    uint8_t in[35], out[88], three[3 * 35], out_three[3 * 88];
    for (int i = 0; i < 35; i++)
        in[i] = (uint8_t)(i * i * 37 + i * 11);
    for (int i = 0; i < 35; i++)
        three[3 * i] = three[3 * i + 1] = three[3 * i + 2] = in[i];
    fov_image from = view(in, FOV_GRAY8, 7, 5), to = view(out, FOV_GRAY8, 3, 2);
    assert_int_equal(fov_image_resize(&from, &to, NULL), FOV_OK);
    assert_memory_equal(out, smaller, sizeof smaller);
    to = view(out, FOV_GRAY8, 11, 8);
    assert_int_equal(fov_image_resize(&from, &to, NULL), FOV_OK);
    assert_memory_equal(out, larger, sizeof larger);
    from = view(three, FOV_BGR24, 7, 5);
    to = view(out_three, FOV_BGR24, 11, 8);
    assert_int_equal(fov_image_resize(&from, &to, NULL), FOV_OK);
    for (int i = 0; i < 3 * 88; i++)
        assert_int_equal(out_three[i], larger[i / 3]);
}

static void one_colour_stays_and_the_same_size_changes_nothing(void **state)
{
    (void)state;
    uint8_t *in = malloc(300 * 200 * 3), *out = malloc(1000 * 700 * 3);
    memset(in, 137, 300 * 200 * 3);
    fov_image from = view(in, FOV_RGB24, 300, 200);
    const int sizes[][2] = {{1, 1}, {299, 199}, {17, 500}, {1000, 700}, {300, 200}};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        fov_image to = view(out, FOV_RGB24, sizes[s][0], sizes[s][1]);
        assert_int_equal(fov_image_resize(&from, &to, NULL), FOV_OK);
        for (int i = 0; i < 3 * to.width * to.height; i++)
            assert_int_equal(out[i], 137);
    }
    for (int i = 0; i < 300 * 200 * 3; i++)
        in[i] = (uint8_t)(i * 7919 >> 3);
    fov_image to = view(out, FOV_RGB24, 300, 200);
    assert_int_equal(fov_image_resize(&from, &to, NULL), FOV_OK);
    assert_memory_equal(out, in, 300 * 200 * 3);
    free(in);
    free(out);
}

static void rows_may_lie_apart(void **state)
{
    (void)state;
    uint8_t in[10 * 16], tight[10 * 8], out[5 * 16], tight_out[5 * 4];
    memset(out, 99, sizeof out);
    for (int i = 0; i < 10 * 16; i++)
        in[i] = (uint8_t)(i * 31);
    for (int y = 0; y < 10; y++)
        memcpy(tight + 8 * y, in + 16 * y, 8);
    fov_image from = view(in, FOV_GRAY8, 8, 10), to = view(out, FOV_GRAY8, 4, 5);
    from.stride[0] = to.stride[0] = 16;
    assert_int_equal(fov_image_resize(&from, &to, NULL), FOV_OK);
    fov_image same = view(tight, FOV_GRAY8, 8, 10), small = view(tight_out, FOV_GRAY8, 4, 5);
    assert_int_equal(fov_image_resize(&same, &small, NULL), FOV_OK);
    for (int y = 0; y < 5; y++) {
        assert_memory_equal(out + 16 * y, tight_out + 4 * y, 4);
        assert_int_equal(out[16 * y + 4], 99);
    }
}

static void bad_pictures(void **state)
{
    (void)state;
    uint8_t pixels[300];
    fov_error error;
    fov_image good = view(pixels, FOV_RGB24, 10, 10), gray = view(pixels, FOV_GRAY8, 10, 10);
    fov_image none = {.pixels = FOV_RGB24, .width = 10, .height = 10}, yuv = good, wide = good,
              empty = good;
    yuv.pixels = FOV_YUV;
    wide.width = 20000;
    empty.height = 0;
    assert_int_equal(fov_image_resize(&good, &gray, &error), FOV_EINVAL);
    assert_non_null(strstr(error.message, "RGB, BGR or gray"));
    assert_int_equal(fov_image_resize(&yuv, &yuv, NULL), FOV_EINVAL);
    assert_int_equal(fov_image_resize(&none, &good, NULL), FOV_EINVAL);
    assert_int_equal(fov_image_resize(&good, &wide, NULL), FOV_ELIMIT);
    assert_int_equal(fov_image_resize(&empty, &good, NULL), FOV_EFORMAT);
    fov_image tall = view(pixels, FOV_GRAY8, 1, 16000), flat = view(pixels, FOV_GRAY8, 16000, 1);
    assert_int_equal(fov_image_resize(&tall, &flat, NULL), FOV_ELIMIT); /* 256 megapixels between */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pillow_makes_the_same),
        cmocka_unit_test(one_colour_stays_and_the_same_size_changes_nothing),
        cmocka_unit_test(rows_may_lie_apart),
        cmocka_unit_test(bad_pictures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
