/* Pictures: what headers say, what is refused, PNG and WebP, what the encoder writes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <fovea/picture.h>
#include "picture_tools.h"

/* ---- headers ----------------------------------------------------------------------------------
 */

static void test_probe_of_jpegs(void **state)
{
    (void)state;
    static const struct {
        struct jpeg_recipe recipe;
        int components, shift_x, shift_y;
    } rows[] = {
        {{.width = 64, .height = 48}, 3, 1, 1},
        {{.width = 65, .height = 33, .h = 2, .v = 1}, 3, 1, 0},
        {{.width = 64, .height = 48, .h = 1, .v = 2}, 3, 0, 1},
        {{.width = 64, .height = 48, .h = 1, .v = 1, .progressive = true}, 3, 0, 0},
        {{.width = 64, .height = 48, .colours = JPEG_GRAY}, 1, 0, 0},
        {{.width = 64, .height = 48, .colours = JPEG_CMYK}, 4, 0, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        fov_picture_info info;
        struct jpeg_file file = jpeg_make(&rows[i].recipe);
        assert_int_equal(fov_picture_probe(file.bytes, file.size, &info, NULL), FOV_OK);
        assert_int_equal(info.codec, FOV_JPEG);
        assert_int_equal(info.width, rows[i].recipe.width);
        assert_int_equal(info.height, rows[i].recipe.height);
        assert_int_equal(info.components, rows[i].components);
        assert_int_equal(info.progressive, rows[i].recipe.progressive);
        assert_int_equal(info.scans, rows[i].recipe.progressive ? 10 : 1);
        assert_int_equal(info.orientation, 1);
        assert_int_equal(info.shift_x, rows[i].shift_x);
        assert_int_equal(info.shift_y, rows[i].shift_y);
        jpeg_free(&file);
    }
}

static void patch16(struct jpeg_file *file, size_t at, unsigned value)
{
    file->bytes[at] = (uint8_t)(value >> 8);
    file->bytes[at + 1] = (uint8_t)value;
}

static struct jpeg_file with_size(unsigned width, unsigned height)
{
    struct jpeg_file file = jpeg_make(&(struct jpeg_recipe){.width = 64, .height = 48});
    size_t frame = jpeg_find(&file, 0xC0);
    patch16(&file, frame + 3, height);
    patch16(&file, frame + 5, width);
    return file;
}

static struct jpeg_file with_scans(int scans)
{
    struct jpeg_recipe recipe = {.width = 64, .height = 48, .progressive = true};
    struct jpeg_file file = jpeg_make(&recipe);
    jpeg_repeat_scan(&file, scans);
    return file;
}

static struct jpeg_file with_bits(uint8_t bits)
{
    struct jpeg_file file = jpeg_make(&(struct jpeg_recipe){.width = 64, .height = 48});
    file.bytes[jpeg_find(&file, 0xC0) + 2] = bits;
    return file;
}

static struct jpeg_file cut(double share)
{
    struct jpeg_file file = jpeg_make(&(struct jpeg_recipe){.width = 640, .height = 480});
    file.size = (size_t)((double)file.size * share);
    return file;
}

static struct jpeg_file text(const char *words)
{
    struct jpeg_file file = {(uint8_t *)strdup(words), strlen(words)};
    return file;
}

/* Every bad picture: the same status from probe and from decode, and a reason. */
static void test_bad_pictures(void **state)
{
    (void)state;
    struct {
        const char *what;
        struct jpeg_file file;
        fov_status status;
    } rows[] = {
        {"empty", text(""), FOV_EFORMAT},
        {"text", text("GIF89a is no JPEG"), FOV_EFORMAT},
        {"magic only", text("\xFF\xD8\xFF"), FOV_EFORMAT},
        {"PNG magic only", text("\x89PNG\r\n\x1A\n"), FOV_EFORMAT},
        {"WebP magic only", text("RIFFxxxxWEBP"), FOV_EFORMAT},
        {"half a header", cut(0.02), FOV_EFORMAT},
        {"65500×65500", with_size(65500, 65500), FOV_ELIMIT},
        {"16385 wide", with_size(16385, 4), FOV_ELIMIT},
        {"41 megapixels", with_size(8200, 5000), FOV_ELIMIT},
        {"no width", with_size(0, 48), FOV_EFORMAT},
        {"no height", with_size(64, 0), FOV_EFORMAT},
        {"1000 scans", with_scans(1000), FOV_ELIMIT},
        {"12 bits", with_bits(12), FOV_EUNSUPPORTED},
        {"arithmetic",
         jpeg_make(&(struct jpeg_recipe){.width = 64, .height = 48, .arithmetic = true}),
         FOV_EUNSUPPORTED},
        {"16-bit PNG", load(fixtures, "deep.png"), FOV_EUNSUPPORTED},
        {"animated WebP", load(fixtures, "animated.webp"), FOV_EUNSUPPORTED},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        fov_picture_info info;
        fov_image image;
        fov_error error = {0};
        fov_status status = fov_picture_probe(rows[i].file.bytes, rows[i].file.size, &info, &error);
        if (status != rows[i].status)
            fail_msg("%s: probe says %s", rows[i].what, fov_status_code(status));
        assert_true(error.message[0]);
        status = decode(&rows[i].file, FOV_BGR24, 1, &image, &error);
        if (status != rows[i].status)
            fail_msg("%s: decode says %s", rows[i].what, fov_status_code(status));
        assert_int_equal(image.pixels, FOV_PIXELS_NONE);
        jpeg_free(&rows[i].file);
    }
}

/* Many scans of a large picture are refused before they cost anything. */
static void test_scans_times_pixels(void **state)
{
    (void)state;
    fov_picture_info info;
    struct jpeg_file file = with_scans(60);
    size_t frame = jpeg_find(&file, 0xC2);
    assert_int_equal(fov_picture_probe(file.bytes, file.size, &info, NULL), FOV_OK);
    assert_int_equal(info.scans, 70);
    patch16(&file, frame + 3, 6000);
    patch16(&file, frame + 5, 6000);
    assert_int_equal(fov_picture_probe(file.bytes, file.size, &info, NULL), FOV_ELIMIT);
    jpeg_free(&file);
}

static void test_wrong_calls(void **state)
{
    (void)state;
    struct jpeg_file file = jpeg_make(&(struct jpeg_recipe){.width = 64, .height = 48});
    fov_image image;
    assert_int_equal(decode(&file, FOV_BGR24, 3, &image, NULL), FOV_EINVAL);
    assert_int_equal(decode(&file, FOV_PIXELS_NONE, 1, &image, NULL), FOV_EINVAL);
    jpeg_free(&file);
}

/* ---- broken data ------------------------------------------------------------------------------
 */

static void assert_no_stale_pixels(struct jpeg_file *file)
{
    static const fov_pixels formats[] = {FOV_YUV, FOV_BGR24, FOV_GRAY8};
    for (size_t f = 0; f < 3; f++)
        for (int d = 1; d <= 8; d *= 2) {
            fov_image image;
            assert_int_equal(decode(file, formats[f], d, &image, NULL), FOV_EFORMAT);
            assert_null(image.plane[0]);
        }
}

static void test_cut_off(void **state)
{
    (void)state;
    static const double shares[] = {0.1, 0.3, 0.5, 0.9, 0.99, 0.9999};
    for (size_t i = 0; i < sizeof shares / sizeof *shares; i++) {
        struct jpeg_file file = cut(shares[i]);
        assert_no_stale_pixels(&file);
        jpeg_free(&file);
        struct jpeg_recipe recipe = {.width = 200, .height = 100, .progressive = true};
        file = jpeg_make(&recipe);
        file.size = (size_t)((double)file.size * shares[i]);
        assert_no_stale_pixels(&file);
        jpeg_free(&file);
    }
}

static void test_missing_restart(void **state)
{
    (void)state;
    struct jpeg_recipe recipe = {.width = 64, .height = 64, .restart_rows = 1};
    struct jpeg_file file = jpeg_make(&recipe);
    fov_image image;
    assert_int_equal(decode(&file, FOV_BGR24, 1, &image, NULL), FOV_OK);
    size_t at = file.size - 1;
    while (!(file.bytes[at] == 0xFF && file.bytes[at + 1] >= 0xD0 && file.bytes[at + 1] <= 0xD7))
        at--;
    file.bytes[at + 1] ^= 4; /* the wrong marker: half the rows would be of other blocks */
    assert_int_equal(decode(&file, FOV_BGR24, 1, &image, NULL), FOV_EFORMAT);
    jpeg_free(&file);
}

/* Cameras leave bytes between the last block and the end marker. */
static void test_padding_is_fine(void **state)
{
    (void)state;
    struct jpeg_file file = jpeg_make(&(struct jpeg_recipe){.width = 64, .height = 64});
    fov_image image;
    file.bytes = realloc(file.bytes, file.size + 3);
    memcpy(file.bytes + file.size - 2, "\0\0\0\xFF\xD9", 5);
    file.size += 3;
    assert_int_equal(decode(&file, FOV_BGR24, 1, &image, NULL), FOV_OK);
    jpeg_free(&file);
}

/* A camera that sends no tables gets the standard ones, never those of the picture before. */
static void test_tables_are_not_kept(void **state)
{
    (void)state;
    struct jpeg_recipe recipe = {.width = 64, .height = 48};
    struct jpeg_file whole = jpeg_make(&recipe);
    recipe.no_tables = true;
    struct jpeg_file bare = jpeg_make(&recipe);
    struct jpeg_recipe other = {.width = 64, .height = 48, .progressive = true};
    struct jpeg_file own_tables = jpeg_make(&other); /* progressive: optimised tables */
    fov_image image;
    double wanted[3], means[3];
    assert_true(bare.size < whole.size - 100);
    assert_int_equal(decode(&whole, FOV_RGB24, 1, &image, NULL), FOV_OK);
    means_of(&image, wanted);
    assert_int_equal(decode(&own_tables, FOV_RGB24, 1, &image, NULL), FOV_OK);
    assert_int_equal(decode(&bare, FOV_RGB24, 1, &image, NULL), FOV_OK);
    means_of(&image, means);
    for (int c = 0; c < 3; c++)
        assert_near(means[c], wanted[c], 0);
    jpeg_strip(&whole, 0xDB); /* quantisation has no standard: an error even after a good file */
    assert_int_equal(decode(&whole, FOV_RGB24, 1, &image, NULL), FOV_EFORMAT);
    jpeg_free(&whole);
    jpeg_free(&bare);
    jpeg_free(&own_tables);
}

/* ---- PNG and WebP -----------------------------------------------------------------------------
 */

static void test_fixtures(void **state)
{
    (void)state;
    if (!have_ffmpeg())
        skip();
    char path[1024], line[256], name[64];
    snprintf(path, sizeof path, "%s/../fixtures.tsv", fixtures);
    FILE *table = fopen(path, "r");
    assert_non_null(table);
    int width, height, rows = 0;
    double wanted[3], means[3];
    while (fgets(line, sizeof line, table)) {
        if (sscanf(line, "%63s %d %d %lf %lf %lf", name, &width, &height, &wanted[0], &wanted[1],
                   &wanted[2]) != 6)
            continue;
        struct jpeg_file file = load(fixtures, name);
        fov_image image;
        fov_error error = {0};
        if (decode(&file, FOV_RGB24, 1, &image, &error))
            fail_msg("%s: %s", name, error.message);
        assert_int_equal(image.width, width);
        assert_int_equal(image.height, height);
        means_of(&image, means);
        bool lossy = strcmp(name, "lossy.webp") == 0 || strcmp(name, "alpha.webp") == 0;
        for (int c = 0; c < 3; c++)
            assert_near(means[c], wanted[c], lossy ? 1.5 : 0.01);
        jpeg_free(&file);
        rows++;
    }
    fclose(table);
    assert_int_equal(rows, 9);
}

/* FFmpeg's decoder would add the picture before to one that is not marked as a key frame. */
static void test_pictures_do_not_mix(void **state)
{
    (void)state;
    if (!have_ffmpeg())
        skip();
    struct jpeg_file a = load(fixtures, "rgba.png"), b = load(fixtures, "half.png");
    fov_image image;
    double first[3], again[3];
    decode(&a, FOV_RGB24, 1, &image, NULL);
    means_of(&image, first);
    decode(&a, FOV_RGB24, 1, &image, NULL);
    means_of(&image, again);
    assert_memory_equal(first, again, sizeof first);
    assert_int_equal(decode(&b, FOV_RGB24, 1, &image, NULL), FOV_EFORMAT); /* rows are missing */
    jpeg_free(&a);
    jpeg_free(&b);
}

static void test_png_details(void **state)
{
    (void)state;
    if (!have_ffmpeg())
        skip();
    fov_picture_info info;
    fov_image image;
    struct jpeg_file turned = load(fixtures, "turned.png");
    assert_int_equal(fov_picture_probe(turned.bytes, turned.size, &info, NULL), FOV_OK);
    assert_int_equal(info.orientation, 6);
    turned.size -= 20;
    assert_int_equal(decode(&turned, FOV_RGB24, 1, &image, NULL), FOV_EFORMAT);
    jpeg_free(&turned);
    struct jpeg_file bomb = load(fixtures, "text_bomb.png");
    assert_int_equal(decode(&bomb, FOV_RGB24, 1, &image, NULL), FOV_OK);
    jpeg_free(&bomb);
    struct jpeg_file webp = load(fixtures, "lossy.webp");
    webp.size -= 10;
    assert_int_equal(decode(&webp, FOV_RGB24, 1, &image, NULL), FOV_EFORMAT);
    jpeg_free(&webp);
}

/* ---- into frames, and back --------------------------------------------------------------------
 */

/* What lies behind the picture's edge in memory must not reach the file, not even unseen. */
static void test_encoder_leaves_padding_out(void **state)
{
    (void)state;
    enum { WIDTH = 35, HEIGHT = 21, STRIDE = 64, ROWS = 32 };
    static uint8_t memory[2][3][STRIDE * ROWS];
    uint8_t *copy = NULL;
    size_t copy_size = 0;
    fov_encoder *encoder;
    fov_encoder_create(&encoder, NULL);
    for (int run = 0; run < 2; run++) {
        fov_image image = {
            .pixels = FOV_YUV, .width = WIDTH, .height = HEIGHT, .shift_x = 1, .shift_y = 1};
        memset(memory[run], run ? 0xA5 : 0, sizeof memory[run]);
        for (int p = 0; p < 3; p++) {
            image.plane[p] = memory[run][p];
            image.stride[p] = STRIDE;
            for (int y = 0; y < (p ? (HEIGHT + 1) / 2 : HEIGHT); y++)
                for (int x = 0; x < (p ? (WIDTH + 1) / 2 : WIDTH); x++)
                    image.plane[p][y * STRIDE + x] = (uint8_t)(x * 3 + y * 5 + p);
        }
        const uint8_t *bytes;
        size_t size;
        assert_int_equal(fov_encode_jpeg(encoder, &image, 80, &bytes, &size, NULL), FOV_OK);
        if (run == 0) {
            copy = malloc(size);
            memcpy(copy, bytes, size);
            copy_size = size;
        } else {
            assert_int_equal(size, copy_size);
            assert_memory_equal(bytes, copy, size);
        }
    }
    free(copy);
    fov_encoder_destroy(&encoder);
}

static void test_encoder_refuses(void **state)
{
    (void)state;
    fov_encoder *encoder;
    fov_encoder_create(&encoder, NULL);
    uint8_t pixel[3] = {0};
    fov_image image = {FOV_RGB24, 1, 1, {pixel}, {3}, 0, 0};
    const uint8_t *bytes;
    size_t size;
    assert_int_equal(fov_encode_jpeg(encoder, &image, 0, &bytes, &size, NULL), FOV_EINVAL);
    assert_int_equal(fov_encode_jpeg(encoder, &image, 101, &bytes, &size, NULL), FOV_EINVAL);
    assert_int_equal(fov_encode_jpeg(encoder, &image, 80, &bytes, &size, NULL), FOV_OK);
    image.width = 0;
    assert_int_equal(fov_encode_jpeg(encoder, &image, 80, &bytes, &size, NULL), FOV_EFORMAT);
    fov_encoder_destroy(&encoder);
}

/* Through FFmpeg's decoder every pixel comes back; a JPEG before and after does not mind. */
static void test_png_there_and_back(void **state)
{
    (void)state;
    enum { WIDTH = 67, HEIGHT = 31, STRIDE = 256 };
    static uint8_t memory[STRIDE * HEIGHT];
    if (!have_ffmpeg())
        skip();
    fov_encoder *encoder;
    fov_encoder_create(&encoder, NULL);
    for (size_t i = 0; i < sizeof memory; i++)
        memory[i] = (uint8_t)(i * i >> 3);
    for (int gray = 0; gray < 2; gray++) {
        fov_image image = {gray ? FOV_GRAY8 : FOV_RGB24, WIDTH, HEIGHT, {memory}, {STRIDE}, 0, 0};
        fov_image back;
        const uint8_t *bytes;
        size_t size;
        assert_int_equal(fov_encode_jpeg(encoder, &image, 80, &bytes, &size, NULL), FOV_OK);
        assert_int_equal(fov_encode_png(encoder, &image, &bytes, &size, NULL), FOV_OK);
        assert_int_equal(fov_decode(decoder, bytes, size, image.pixels, 1, &back, NULL, NULL),
                         FOV_OK);
        assert_int_equal(back.width, WIDTH);
        for (int y = 0; y < HEIGHT; y++)
            assert_memory_equal(back.plane[0] + (ptrdiff_t)y * back.stride[0], memory + y * STRIDE,
                                WIDTH * (gray ? 1 : 3));
    }
    fov_image image = {FOV_YUV, 2, 2, {memory, memory, memory}, {2, 2, 2}, 0, 0};
    const uint8_t *bytes;
    size_t size;
    assert_int_equal(fov_encode_png(encoder, &image, &bytes, &size, NULL), FOV_EINVAL);
    image.pixels = FOV_RGB24;
    image.width = 0;
    assert_int_equal(fov_encode_png(encoder, &image, &bytes, &size, NULL), FOV_EFORMAT);
    image.width = 20000;
    assert_int_equal(fov_encode_png(encoder, &image, &bytes, &size, NULL), FOV_ELIMIT);
    fov_encoder_destroy(&encoder);
}

int main(int argc, char **argv)
{
    setenv("FOVEA_POISON", "1", 1);
    fixtures = argc > 1 ? argv[1] : "tests/media/fixtures";
    fov_decoder_create(&decoder, NULL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_probe_of_jpegs),
        cmocka_unit_test(test_bad_pictures),
        cmocka_unit_test(test_scans_times_pixels),
        cmocka_unit_test(test_wrong_calls),
        cmocka_unit_test(test_cut_off),
        cmocka_unit_test(test_missing_restart),
        cmocka_unit_test(test_padding_is_fine),
        cmocka_unit_test(test_tables_are_not_kept),
        cmocka_unit_test(test_fixtures),
        cmocka_unit_test(test_pictures_do_not_mix),
        cmocka_unit_test(test_png_details),
        cmocka_unit_test(test_encoder_leaves_padding_out),
        cmocka_unit_test(test_encoder_refuses),
        cmocka_unit_test(test_png_there_and_back),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    fov_decoder_destroy(&decoder);
    return failed;
}
