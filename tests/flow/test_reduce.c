/* The reduced picture against plain averages, for all denominators, subsamplings and odd sizes. */
#include "flow_test.h"

#include <math.h>

#include "flow/reduce.h"
#include "media/image.h"

static void fill(fov_image *image, uint64_t *random)
{
    for (int p = 0; p < 3 && image->plane[p]; p++)
        for (int y = 0; y < image_plane_height(image, p); y++)
            for (int x = 0; x < image_plane_width(image, p); x++)
                image->plane[p][y * image->stride[p] + x] = (uint8_t)random_below(random, 256);
}

/* Mean of a block; beyond the edge the last row and column repeat. */
static double mean(const fov_image *image, int p, int x0, int y0, int by_x, int by_y)
{
    int w = image_plane_width(image, p), h = image_plane_height(image, p);
    double sum = 0;
    for (int y = y0 * by_y; y < (y0 + 1) * by_y; y++)
        for (int x = x0 * by_x; x < (x0 + 1) * by_x; x++)
            sum += image->plane[p][(y < h ? y : h - 1) * image->stride[p] + (x < w ? x : w - 1)];
    return sum / (by_x * by_y);
}

static void check_plane(const fov_image *small, const fov_image *image, int p, int d)
{
    int by_x = p ? d >> image->shift_x : d, by_y = p ? d >> image->shift_y : d;
    by_x = by_x ? by_x : 1;
    by_y = by_y ? by_y : 1;
    int w = image_plane_width(small, p), h = image_plane_height(small, p);
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++) {
            double truth = floor(mean(image, p, x, y, by_x, by_y) + 0.5);
            assert_int_equal(small->plane[p][y * small->stride[p] + x], (int)truth);
        }
}

static void equals_plain_averages(void **state)
{
    (void)state;
    static const int sizes[][2] = {{64, 48}, {1, 1}, {17, 9}, {131, 67}, {8, 3}, {1280, 31}};
    uint64_t random = 7;
    fov_frame_pool *pool;
    assert_int_equal(fov_frame_pool_create(&pool, NULL, NULL), FOV_OK);
    for (int shift = 0; shift < 4; shift++)
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
            fov_frame *frame;
            assert_int_equal(fov_frame_get(pool, 0, &frame), FOV_OK);
            assert_int_equal(fov_frame_alloc_image(frame, FOV_YUV, sizes[i][0], sizes[i][1],
                                                   shift & 1, shift >> 1),
                             FOV_OK);
            fill(&frame->image, &random);
            for (int d = 1; d <= 8; d *= 2) {
                fov_image small;
                uint8_t *memory = malloc(reduce_size(&frame->image, d));
                reduce_image(&small, &frame->image, d, memory);
                assert_int_equal(small.width, (sizes[i][0] + d - 1) / d);
                assert_int_equal(small.height, (sizes[i][1] + d - 1) / d);
                for (int p = 0; p < 3; p++)
                    check_plane(&small, &frame->image, p, d);
                free(memory);
            }
            fov_frame_unref(&frame);
        }
    fov_frame_pool_destroy(&pool);
}

static void denominator_keeps_the_models_pixels(void **state)
{
    (void)state;
    const fov_model_info ssd = {.input_width = 300, .input_height = 300};
    const fov_model_info yolo = {.input_width = 640, .input_height = 640, .letterbox = true};
    assert_int_equal(reduce_denominator(&ssd, 1280, 720), 2);
    assert_int_equal(reduce_denominator(&ssd, 1920, 1080), 2);
    assert_int_equal(reduce_denominator(&ssd, 3840, 2160), 4);
    assert_int_equal(reduce_denominator(&ssd, 640, 480), 1);
    assert_int_equal(reduce_denominator(&ssd, 7680, 4320), 8);
    assert_int_equal(reduce_denominator(&yolo, 1920, 1080), 2);
    assert_int_equal(reduce_denominator(&yolo, 2560, 1440), 4);
    assert_int_equal(reduce_denominator(&yolo, 1280, 720), 2);
    assert_int_equal(reduce_denominator(&yolo, 1278, 720), 1);
    assert_int_equal(reduce_denominator(&yolo, 100, 100), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(equals_plain_averages),
                                       cmocka_unit_test(denominator_keeps_the_models_pixels)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
