/* Whole frames through the fake model: pictures of all sizes, bad ones, parameters, allocations. */
#include "model_test.h"

#include <fovea/picture.h>

#include "../alloc_count.h"

static fov_frame jpeg_frame(fov_encoder *encoder, const fov_image *image)
{
    fov_frame frame = {.codec = FOV_JPEG};
    const uint8_t *bytes;
    fov_error error = {.message = ""};
    if (fov_encode_jpeg(encoder, image, 95, &bytes, &frame.size, &error) != FOV_OK)
        fail_msg("%s", error.message);
    frame.bytes = malloc(frame.size);
    assert_non_null(frame.bytes);
    memcpy(frame.bytes, bytes, frame.size);
    return frame;
}

/* The box lies where the picture is bright, in source pixels, whatever size it was decoded at. */
static void boxes_belong_to_their_frame(void **unused)
{
    (void)unused;
    static const int sizes[][2] = {{2400, 1600}, {1280, 720}, {641, 479}, {300, 300}, {90, 50}};
    static uint8_t pixels[2400 * 1600 * 3];
    fov_model *model = open_model("fake:boxes=bright", FOV_HINT_LATENCY, 0);
    fov_runner *runner = open_runner(model);
    fov_encoder *encoder;
    assert_int_equal(fov_encoder_create(&encoder, NULL), FOV_OK);
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
        for (int exact = 0; exact < 2; exact++) {
            int w = sizes[s][0], h = sizes[s][1], got_width, got_height;
            int x0 = w / 5, y0 = h / 3, x1 = w / 2, y1 = h * 3 / 4;
            fov_image image = draw(pixels, w, h, x0, y0, x1, y1);
            fov_frame frame = jpeg_frame(encoder, &image);
            fov_detect_params params = {.exact = exact};
            fov_timings timings = {0};
            fov_error error = {.message = ""};
            struct found f;
            prepare(&f);
            if (fov_runner_detect_frame(runner, &frame, &params, &f.list, &got_width, &got_height,
                                        &timings, &error) != FOV_OK)
                fail_msg("%s", error.message);
            assert_int_equal(f.list.count, 1);
            float within = (float)(w > h ? w : h) / 100 + 1; /* a few cells of the 300 × 300 */
            expect_box(&f.items[0], (float)x0, (float)y0, (float)x1, (float)y1, within);
            assert_int_equal(got_width, w);
            assert_int_equal(got_height, h);
            assert_true(timings.decode > 0 && timings.preprocess > 0);
            free(frame.bytes);
        }
    fov_encoder_destroy(&encoder);
    fov_runner_close(&runner);
    fov_model_close(&model);
}

static void frames_without_a_picture_are_refused(void **unused)
{
    (void)unused;
    fov_model *model = open_model("fake:", FOV_HINT_LATENCY, 0);
    fov_runner *runner = open_runner(model);
    struct found f;
    uint8_t garbage[64] = {0xFF, 0xD8, 0xFF, 0xE0, 1};
    fov_frame empty = {.codec = FOV_JPEG}, broken = {.bytes = garbage, .size = sizeof garbage};
    fov_image image = {FOV_RGB24, 0, 5, {garbage}, {3}, 0, 0};
    prepare(&f);
    assert_int_equal(fov_runner_detect_frame(runner, &empty, NULL, &f.list, NULL, NULL, NULL, NULL),
                     FOV_EINVAL);
    assert_int_equal(
        fov_runner_detect_frame(runner, &broken, NULL, &f.list, NULL, NULL, NULL, NULL),
        FOV_EFORMAT);
    assert_int_equal(fov_runner_detect(runner, &image, 4, 4, NULL, &f.list, NULL, NULL),
                     FOV_EINVAL);
    assert_int_equal(fov_runner_detect(NULL, &image, 4, 4, NULL, &f.list, NULL, NULL), FOV_EINVAL);
    static const fov_detect_params bad[] = {
        {.conf = -1}, {.conf = 2}, {.iou = 1.5f}, {.conf = NAN}, {.max_detections = 1001}};
    static uint8_t pixels[8 * 8 * 3];
    image = draw(pixels, 8, 8, 0, 0, 1, 1);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(fov_runner_detect(runner, &image, 8, 8, &bad[i], &f.list, NULL, NULL),
                         FOV_EINVAL);
    fov_runner_close(&runner);
    fov_model_close(&model);
}

static void parameters_choose(void **unused)
{
    (void)unused;
    static uint8_t pixels[64 * 48 * 3];
    fov_image image = draw(pixels, 64, 48, 0, 0, 1, 1);
    fov_model *model = open_model("fake:boxes=frame,class=1,score=0.5", FOV_HINT_LATENCY, 0);
    fov_runner *runner = open_runner(model);
    static const struct {
        fov_detect_params params;
        size_t capacity, count;
    } cases[] = {{{.conf = 0.4f}, ROOM, 1},         {{.conf = 0.6f}, ROOM, 0},
                 {{.classes = {1u << 1}}, ROOM, 1}, {{.classes = {1u << 0}}, ROOM, 0},
                 {{.classes = {0, 1}}, ROOM, 0},    {{.conf = 0.4f}, 0, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct found f;
        prepare(&f);
        f.list.capacity = cases[i].capacity;
        assert_int_equal(
            fov_runner_detect(runner, &image, 64, 48, &cases[i].params, &f.list, NULL, NULL),
            FOV_OK);
        assert_int_equal(f.list.count, cases[i].count);
    }
    fov_runner_close(&runner);
    fov_model_close(&model);
}

static void nothing_is_allocated_after_warm_up(void **unused)
{
    (void)unused;
    if (!alloc_count_works())
        skip();
    static const int sizes[][2] = {{1920, 1080}, {1280, 720}, {640, 480}};
    static uint8_t pixels[1920 * 1080 * 3];
    fov_model *model = open_model("fake:boxes=3", FOV_HINT_LATENCY, 0);
    fov_runner *runner = open_runner(model);
    fov_encoder *encoder;
    fov_frame frames[3];
    struct found f;
    uint64_t before = 0;
    assert_int_equal(fov_encoder_create(&encoder, NULL), FOV_OK);
    for (int i = 0; i < 3; i++) {
        fov_image image = draw(pixels, sizes[i][0], sizes[i][1], 50, 50, 200, 200);
        frames[i] = jpeg_frame(encoder, &image);
    }
    for (int round = 0; round < 20; round++) {
        if (round == 4) {
            before = alloc_count_thread();
            alloc_trap(true);
        }
        for (int i = 0; i < 3; i++) {
            prepare(&f);
            assert_int_equal(
                fov_runner_detect_frame(runner, &frames[i], NULL, &f.list, NULL, NULL, NULL, NULL),
                FOV_OK);
        }
    }
    alloc_trap(false);
    assert_int_equal(alloc_count_thread() - before, 0);
    for (int i = 0; i < 3; i++)
        free(frames[i].bytes);
    fov_encoder_destroy(&encoder);
    fov_runner_close(&runner);
    fov_model_close(&model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(boxes_belong_to_their_frame),
        cmocka_unit_test(frames_without_a_picture_are_refused),
        cmocka_unit_test(parameters_choose),
        cmocka_unit_test(nothing_is_allocated_after_warm_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
