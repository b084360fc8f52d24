/* Boxes put into the camera's own JPEG. libjpeg's coefficients are the judge: every block that no
 * stroke reaches is as it was, and what was drawn is there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <jpeglib.h>

#include <fovea/picture.h>
#include "jpegs.h"
#include "media/image.h"
#include "media/overlay.h"

static fov_decoder *decoder;
static fov_encoder *encoder;
static fov_frame_pool *pool;

static int begin(void **unused)
{
    (void)unused;
    fov_frame_pool_params params = {.slots = 4};
    return fov_decoder_create(&decoder, NULL) || fov_encoder_create(&encoder, NULL) ||
           fov_frame_pool_create(&pool, &params, NULL);
}

static int end(void **unused)
{
    (void)unused;
    fov_decoder_destroy(&decoder);
    fov_encoder_destroy(&encoder);
    fov_frame_pool_destroy(&pool);
    return 0;
}

static fov_frame *decoded(const uint8_t *bytes, size_t size)
{
    fov_frame *frame = NULL;
    fov_error error = {.message = ""};
    assert_int_equal(fov_frame_get(pool, 0, &frame), FOV_OK);
    if (fov_decode_into(decoder, bytes, size, frame, &error) != FOV_OK)
        fail_msg("%s", error.message);
    return frame;
}

/* ---- libjpeg's view ---- */

struct coefficients {
    struct jpeg_decompress_struct info;
    struct jpeg_error_mgr error;
    jvirt_barray_ptr *arrays;
};

static void read_coefficients(struct coefficients *c, const uint8_t *bytes, size_t size)
{
    c->info.err = jpeg_std_error(&c->error);
    jpeg_create_decompress(&c->info);
    jpeg_mem_src(&c->info, bytes, size);
    assert_int_equal(jpeg_read_header(&c->info, TRUE), JPEG_HEADER_OK);
    c->arrays = jpeg_read_coefficients(&c->info);
    assert_int_equal(c->error.num_warnings, 0);
}

static JCOEFPTR block_of(struct coefficients *c, int component, JDIMENSION x, JDIMENSION y)
{
    JBLOCKARRAY row = c->info.mem->access_virt_barray((j_common_ptr)&c->info, c->arrays[component],
                                                      y, 1, FALSE);
    return row[0][x];
}

static bool cells_touched(const struct overlay_touched *t, int x1, int y1, int x2, int y2)
{
    for (int y = y1; y < y2 && y < t->rows; y++)
        for (int x = x1; x < x2 && x < t->columns; x++)
            if (t->cells[y * t->columns + x])
                return true;
    return false;
}

/* How many blocks of untouched MCUs differ between the two files; `counted` gets how many were
 * compared. */
static int count_changed(const struct jpeg_file *before, const uint8_t *after, size_t size,
                         const struct overlay_touched *touched, int *counted)
{
    struct coefficients one, other;
    int changed = 0;
    read_coefficients(&one, before->bytes, before->size);
    read_coefficients(&other, after, size);
    *counted = 0;
    for (int i = 0; i < one.info.num_components; i++) {
        const jpeg_component_info *c = &one.info.comp_info[i];
        bool alone = one.info.num_components == 1;
        int h = alone ? 1 : c->h_samp_factor, v = alone ? 1 : c->v_samp_factor;
        int wide = alone ? 1 : one.info.max_h_samp_factor,
            high = alone ? 1 : one.info.max_v_samp_factor;
        for (JDIMENSION y = 0; y < c->height_in_blocks; y++)
            for (JDIMENSION x = 0; x < c->width_in_blocks; x++) {
                int mx = (int)x / h * wide, my = (int)y / v * high;
                if (cells_touched(touched, mx, my, mx + wide, my + high))
                    continue;
                ++*counted;
                changed += memcmp(block_of(&one, i, x, y), block_of(&other, i, x, y),
                                  sizeof(JBLOCK)) != 0;
            }
    }
    jpeg_destroy_decompress(&one.info);
    jpeg_destroy_decompress(&other.info);
    return changed;
}

/* Root of the mean square difference of luma. */
static double difference(const fov_image *a, const fov_image *b)
{
    double sum = 0;
    for (int y = 0; y < a->height; y++)
        for (int x = 0; x < a->width; x++) {
            double d = (double)a->plane[0][(ptrdiff_t)y * a->stride[0] + x] -
                       b->plane[0][(ptrdiff_t)y * b->stride[0] + x];
            sum += d * d;
        }
    return sqrt(sum / ((double)a->width * a->height));
}

/* Noise, so that every block has many coefficients. */
static void paint_noise(int x, int y, const struct jpeg_recipe *recipe, uint8_t rgb[3])
{
    unsigned n = (unsigned)x * 73856093u ^ (unsigned)y * 19349663u;
    jpeg_paint_slope(x, y, recipe, rgb);
    for (int c = 0; c < 3; c++, n = n * 1664525u + 1013904223u)
        rgb[c] = (uint8_t)(rgb[c] / 2 + (n >> 25));
}

static fov_detection box_at(float x1, float y1, float x2, float y2)
{
    return (fov_detection){x1, y1, x2, y2, 0.5f, 3, 3, -1};
}

/* Draws, and checks the result against the file and against the drawn picture. */
static void check_kept(const struct jpeg_file *file, const fov_detection *boxes, size_t count)
{
    fov_frame *frame = decoded(file->bytes, file->size);
    fov_detections list = {.items = (fov_detection *)boxes, .count = count, .capacity = count};
    uint8_t *cells = malloc((size_t)(frame->image.width + 7) / 8 *
                            ((size_t)(frame->image.height + 7) / 8));
    struct overlay_touched touched = {.cells = cells};
    fov_frame *marked = decoded(file->bytes, file->size);
    overlay_draw(&marked->image, &list, NULL, NULL, &touched);
    const uint8_t *out;
    size_t size;
    bool kept;
    int compared;
    assert_int_equal(fov_draw_into_jpeg(encoder, file->bytes, file->size, &frame->image, &list,
                                        NULL, NULL, 80, &out, &size, &kept, NULL),
                     FOV_OK);
    assert_true(kept);
    assert_int_equal(count_changed(file, out, size, &touched, &compared), 0);
    assert_true(compared > 0);
    fov_frame *shown = decoded(out, size);
    double apart = difference(&frame->image, &shown->image);
    if (!(apart < 3))
        fail_msg("the drawn picture is %g away", apart);
    if (count > 0) { /* and something was drawn */
        fov_frame *plain = decoded(file->bytes, file->size);
        assert_true(difference(&plain->image, &shown->image) > apart + 1);
        fov_frame_unref(&plain);
    } else {
        assert_int_equal(size, file->size);
        assert_memory_equal(out, file->bytes, size);
    }
    fov_frame_unref(&shown);
    fov_frame_unref(&marked);
    fov_frame_unref(&frame);
    free(cells);
}

static void everything_else_keeps_its_bits(void **unused)
{
    (void)unused;
    static const struct jpeg_recipe recipes[] = {
        {.width = 640, .height = 480, .colours = JPEG_YCC, .h = 2, .v = 2},
        {.width = 640, .height = 480, .colours = JPEG_YCC, .h = 1, .v = 1},
        {.width = 641, .height = 479, .colours = JPEG_YCC, .h = 2, .v = 1},
        {.width = 633, .height = 467, .colours = JPEG_YCC, .h = 1, .v = 2},
        {.width = 625, .height = 401, .colours = JPEG_YCC, .h = 2, .v = 2, .restart_rows = 1},
        {.width = 625, .height = 401, .colours = JPEG_YCC, .h = 2, .v = 2, .restart_rows = 3},
        {.width = 640, .height = 480, .colours = JPEG_GRAY},
        {.width = 637, .height = 477, .colours = JPEG_GRAY, .restart_rows = 2},
        {.width = 640, .height = 480, .colours = JPEG_YCC, .h = 2, .v = 2, .quality = 100},
        {.width = 640, .height = 480, .colours = JPEG_YCC, .h = 2, .v = 2, .orientation = 6},
    };
    const fov_detection boxes[] = {box_at(100.2f, 120.4f, 180, 200), box_at(-5, -9, 40, 50),
                                   box_at(560, 380, 700, 600)};
    for (size_t i = 0; i < sizeof recipes / sizeof *recipes; i++) {
        struct jpeg_recipe recipe = recipes[i];
        for (int painted = 0; painted < 2; painted++) {
            recipe.paint = painted ? paint_noise : jpeg_paint_quarters;
            struct jpeg_file file = jpeg_make(&recipe);
            for (size_t n = 0; n <= 3; n++)
                check_kept(&file, boxes, n);
            jpeg_free(&file);
        }
    }
}

/* What cannot be kept is encoded anew, and is drawn all the same. */
static void check_anew(const struct jpeg_file *file, const fov_detection *boxes, size_t count)
{
    fov_frame *frame = decoded(file->bytes, file->size);
    fov_detections list = {.items = (fov_detection *)boxes, .count = count, .capacity = count};
    const uint8_t *out;
    size_t size;
    bool kept = true;
    assert_int_equal(fov_draw_into_jpeg(encoder, file->bytes, file->size, &frame->image, &list,
                                        NULL, NULL, 90, &out, &size, &kept, NULL),
                     FOV_OK);
    assert_false(kept);
    fov_frame *shown = decoded(out, size);
    assert_true(difference(&frame->image, &shown->image) < 6);
    fov_frame_unref(&shown);
    fov_frame_unref(&frame);
}

static void other_files_are_encoded_anew(void **unused)
{
    (void)unused;
    static const struct jpeg_recipe recipes[] = {
        {.width = 640, .height = 480, .colours = JPEG_YCC, .progressive = true},
        {.width = 640, .height = 480, .colours = JPEG_YCC, .no_tables = true},
        {.width = 640, .height = 480, .colours = JPEG_RGB, .h = 1, .v = 1},
        {.width = 640, .height = 480, .colours = JPEG_YCC, .h = 4, .v = 1},
    };
    const fov_detection box = box_at(100, 120, 180, 200);
    for (size_t i = 0; i < sizeof recipes / sizeof *recipes; i++) {
        struct jpeg_file file = jpeg_make(&recipes[i]);
        check_anew(&file, &box, 1);
        jpeg_free(&file);
    }
    struct jpeg_recipe recipe = {.width = 640, .height = 480, .colours = JPEG_YCC};
    struct jpeg_file file = jpeg_make(&recipe);
    fov_detection many[40];
    for (int i = 0; i < 40; i++)
        many[i] = box_at((float)(i % 8) * 70, (float)(i / 8) * 90, (float)(i % 8) * 70 + 60,
                         (float)(i / 8) * 90 + 80);
    check_anew(&file, many, 40); /* too much is touched */
    jpeg_free(&file);
}

/* Another picture than the file's, and files cut or damaged anywhere in their codes: never a crash,
 * always a whole picture. */
static void damage_is_survived(void **unused)
{
    (void)unused;
    struct jpeg_recipe recipe = {
        .width = 96, .height = 80, .colours = JPEG_YCC, .paint = paint_noise, .restart_rows = 2};
    struct jpeg_file file = jpeg_make(&recipe);
    fov_detection box = box_at(10, 60, 40, 75);
    fov_detections list = {.items = &box, .count = 1, .capacity = 1};
    size_t start = jpeg_find(&file, 0xDA);
    const uint8_t *out;
    size_t size;
    bool kept;
    int refused = 0;
    uint8_t *copy = malloc(file.size);
    for (size_t at = start; at < file.size; at++) {
        fov_frame *frame = decoded(file.bytes, file.size);
        memcpy(copy, file.bytes, file.size);
        copy[at] ^= (uint8_t)(1 << at % 8);
        size_t cut = at % 3 ? file.size : at;
        assert_int_equal(fov_draw_into_jpeg(encoder, copy, cut, &frame->image, &list, NULL, NULL,
                                            80, &out, &size, &kept, NULL),
                         FOV_OK);
        refused += !kept;
        assert_true(size > 100 && out[0] == 0xFF && out[1] == 0xD8);
        assert_true(out[size - 2] == 0xFF && out[size - 1] == 0xD9);
        fov_frame_unref(&frame);
    }
    assert_true(refused > 0);
    recipe.width = 112;
    struct jpeg_file other = jpeg_make(&recipe);
    fov_frame *frame = decoded(file.bytes, file.size);
    assert_int_equal(fov_draw_into_jpeg(encoder, other.bytes, other.size, &frame->image, &list,
                                        NULL, NULL, 80, &out, &size, &kept, NULL),
                     FOV_OK);
    assert_false(kept);
    fov_frame_unref(&frame);
    free(copy);
    jpeg_free(&other);
    jpeg_free(&file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_else_keeps_its_bits),
        cmocka_unit_test(other_files_are_encoded_anew),
        cmocka_unit_test(damage_is_survived),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
