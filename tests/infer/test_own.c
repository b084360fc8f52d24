/* Models that are functions: what they see, what becomes of what they say, what goes wrong. */
#include "model_test.h"

#include <fovea/picture.h>

#include "../alloc_count.h"

/* A detector that tells what it got and gives what it was told to. */
struct mine {
    fov_status status;
    const char *message;
    fov_detection gives[8];
    size_t count;
    fov_image seen;
    uint8_t first[3];
    int64_t limit_ns;
    float conf;
    int calls;
};

static fov_status detect(void *user, const fov_own_picture *picture, fov_detections *out,
                         fov_error *error)
{
    struct mine *mine = user;
    mine->calls++;
    mine->seen = *picture->image;
    memcpy(mine->first, picture->image->plane[0], 3);
    mine->limit_ns = picture->limit_ns;
    mine->conf = picture->params->conf;
    for (size_t i = 0; i < mine->count && i < 8; i++)
        out->items[i] = mine->gives[i];
    out->count = mine->count;
    return mine->status ? fov_fail(error, mine->status, "%s", mine->message) : FOV_OK;
}

static fov_model *open_own(const fov_own_model *own)
{
    fov_model_params params = {.path = "mine", .own = own};
    fov_model *model = NULL;
    fov_error error = {.message = ""};
    if (fov_model_open(&model, &params, &error))
        fail_msg("%s", error.message);
    return model;
}

static void it_is_a_model(void **unused)
{
    (void)unused;
    static const char *const labels[] = {"polyp", "tool"};
    struct mine mine = {0};
    fov_own_model own = {.detect = detect,
                         .user = &mine,
                         .labels = labels,
                         .label_count = 2,
                         .runners = 2,
                         .pixels = FOV_BGR24,
                         .patience_ms = 500};
    fov_model *model = open_own(&own);
    const fov_model_info *info = fov_model_get_info(model);
    assert_string_equal(info->id, "mine");
    assert_string_equal(info->backend, "own");
    assert_string_equal(info->color, "bgr");
    assert_int_equal(info->task, FOV_TASK_DETECT);
    assert_int_equal(info->max_runners, 2);
    assert_int_equal(info->batch, 1);
    assert_true(info->patience_ms == 500);
    assert_string_equal(fov_model_label(model, 1), "tool");
    assert_string_equal(fov_model_label(model, 2), "class_2");
    fov_runner *a = open_runner(model), *b = open_runner(model), *c = NULL;
    assert_int_equal(fov_runner_open(&c, model, NULL), FOV_EBUSY);
    fov_runner_close(&a);
    fov_runner_close(&b);
    fov_model_close(&model);
    assert_int_equal(mine.calls, 0);
}

/* Pixels are the caller's own where they are what the function wants, else converted. */
static void it_sees_the_whole_picture(void **unused)
{
    (void)unused;
    static uint8_t pixels[640 * 480 * 3];
    struct mine mine = {0};
    fov_own_model own = {.detect = detect, .user = &mine, .pixels = FOV_BGR24};
    fov_model *model = open_own(&own);
    fov_runner *runner = open_runner(model);
    struct found f;
    fov_image image = draw(pixels, 640, 480, 0, 0, 10, 10);
    pixels[0] = 200, pixels[1] = 100, pixels[2] = 50; /* RGB */
    prepare(&f);
    assert_int_equal(fov_runner_detect(runner, &image, 640, 480, NULL, &f.list, NULL, NULL),
                     FOV_OK);
    assert_int_equal(mine.seen.pixels, FOV_BGR24);
    assert_int_equal(mine.first[0] << 16 | mine.first[1] << 8 | mine.first[2],
                     50 << 16 | 100 << 8 | 200);
    image.pixels = FOV_BGR24;
    uint64_t before = alloc_count_thread();
    assert_int_equal(fov_runner_detect(runner, &image, 640, 480, NULL, &f.list, NULL, NULL),
                     FOV_OK);
    assert_ptr_equal(mine.seen.plane[0], pixels);
    if (alloc_count_works())
        assert_int_equal(alloc_count_thread() - before, 0);
    fov_encoder *encoder; /* a JPEG is decoded whole, however small the boxes' model might be */
    fov_frame frame = {.codec = FOV_JPEG};
    const uint8_t *bytes;
    int width, height;
    assert_int_equal(fov_encoder_create(&encoder, NULL), FOV_OK);
    assert_int_equal(fov_encode_jpeg(encoder, &image, 90, &bytes, &frame.size, NULL), FOV_OK);
    frame.bytes = (uint8_t *)(uintptr_t)bytes;
    fov_timings timings = {0};
    assert_int_equal(
        fov_runner_detect_frame(runner, &frame, NULL, &f.list, &width, &height, &timings, NULL),
        FOV_OK);
    assert_int_equal(mine.seen.width * 1000 + mine.seen.height, 640480);
    assert_int_equal(width * 1000 + height, 640480);
    assert_true(timings.decode > 0 && timings.inference >= 0);
    fov_encoder_destroy(&encoder);
    fov_runner_close(&runner);
    fov_model_close(&model);
}

static void what_it_says_is_put_right(void **unused)
{
    (void)unused;
    static uint8_t pixels[100 * 50 * 3];
    struct mine mine = {
        .count = 8,
        .gives = {{.x1 = -5, .y1 = 10, .x2 = 500, .y2 = 20, .score = 3, .class_id = 1},
                  {.x1 = 10, .y1 = 10, .x2 = 20, .y2 = 20, .score = 0.4f, .class_id = 2},
                  {.x1 = NAN, .y1 = 0, .x2 = 5, .y2 = 5, .score = 1},
                  {.x1 = 5, .y1 = 5, .x2 = 5, .y2 = 9, .score = 1},
                  {.x1 = 200, .y1 = 5, .x2 = 300, .y2 = 9, .score = 1},
                  {.x1 = 1, .y1 = 1, .x2 = 9, .y2 = 9, .score = 1, .class_id = -1},
                  {.x1 = 1, .y1 = 1, .x2 = 9, .y2 = 9, .score = 1, .class_id = 5000},
                  {.x1 = 1, .y1 = 1, .x2 = 9, .y2 = 9, .score = 0.1f, .track_id = 7}}};
    fov_own_model own = {.detect = detect, .user = &mine};
    fov_model *model = open_own(&own);
    fov_runner *runner = open_runner(model);
    fov_image image = draw(pixels, 100, 50, 0, 0, 1, 1);
    struct found f;
    prepare(&f);
    assert_int_equal(fov_runner_detect(runner, &image, 100, 50, NULL, &f.list, NULL, NULL), FOV_OK);
    assert_int_equal(f.list.count, 3);
    expect_box(&f.items[0], 0, 10, 100, 20, 0);
    assert_true(f.items[0].score == 1 && f.items[0].class_id_raw == 1);
    assert_int_equal(f.items[2].track_id, -1);
    fov_detect_params params = {.conf = 0.3f};
    fov_runner_detect(runner, &image, 100, 50, &params, &f.list, NULL, NULL);
    assert_int_equal(f.list.count, 2);
    assert_true(mine.conf == 0.3f);
    params = (fov_detect_params){.classes = {1u << 2}};
    fov_runner_detect(runner, &image, 100, 50, &params, &f.list, NULL, NULL);
    assert_int_equal(f.list.count, 1);
    assert_int_equal(f.items[0].class_id, 2);
    params = (fov_detect_params){.max_detections = 1};
    fov_runner_detect(runner, &image, 100, 50, &params, &f.list, NULL, NULL);
    assert_int_equal(f.list.count, 1);
    mine.count = 4000; /* more than there is room for */
    fov_runner_detect(runner, &image, 100, 50, NULL, &f.list, NULL, NULL);
    assert_true(f.list.count <= ROOM);
    fov_runner_close(&runner);
    fov_model_close(&model);
}

static void what_goes_wrong(void **unused)
{
    (void)unused;
    static uint8_t pixels[8 * 8 * 3];
    struct mine mine = {.status = FOV_EINFER, .message = "out of film", .count = 1};
    fov_own_model own = {.detect = detect, .user = &mine};
    fov_model *model = open_own(&own);
    fov_runner *runner = open_runner(model);
    fov_image image = draw(pixels, 8, 8, 0, 0, 1, 1), none = image;
    fov_error error;
    fov_tensor input;
    struct found f;
    prepare(&f);
    assert_int_equal(fov_runner_detect(runner, &image, 8, 8, NULL, &f.list, NULL, &error),
                     FOV_EINFER);
    assert_string_equal(error.message, "out of film");
    assert_int_equal(f.list.count, 0);
    none.width = 0;
    assert_int_equal(fov_runner_detect(runner, &none, 8, 8, NULL, &f.list, NULL, &error),
                     FOV_EINVAL);
    assert_int_equal(mine.calls, 1);
    assert_int_equal(fov_runner_prepare(runner, &image, &input, &error), FOV_EUNSUPPORTED);
    fov_runner_close(&runner);
    fov_model_close(&model);
    const fov_own_model bad[] = {{.user = &mine},
                                 {.detect = detect, .runners = 65},
                                 {.detect = detect, .label_count = -1},
                                 {.detect = detect, .patience_ms = -1},
                                 {.detect = detect, .pixels = (fov_pixels)77}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        fov_model_params params = {.path = "mine", .own = &bad[i]};
        error = (fov_error){0};
        assert_int_equal(fov_model_open(&model, &params, &error), FOV_EINVAL);
        assert_null(model);
        assert_true(error.message[0]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_a_model),
        cmocka_unit_test(it_sees_the_whole_picture),
        cmocka_unit_test(what_it_says_is_put_right),
        cmocka_unit_test(what_goes_wrong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
