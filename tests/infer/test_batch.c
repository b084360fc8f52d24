/* Several pictures in one run: each gets what it would get alone, in its own pixels. */
#include "model_test.h"

#include <unistd.h>

enum { MOST = 5 };

struct shot {
    uint8_t *pixels;
    fov_image image;
    struct found found;
    fov_timings timings;
};

static const char *data_model(const char *name)
{
    static char path[512];
    const char *data = getenv("FOVEA_TEST_DATA");
    snprintf(path, sizeof path, "%s/%s", data ? data : SOURCE_ROOT "/../shared/data", name);
    return access(path, R_OK) == 0 ? path : NULL;
}

static const char *default_model(void)
{
    static char path[512];
    const char *deps = getenv("FOVEA_DEPS");
    snprintf(path, sizeof path, "%s/models/ssd_mobilenet_v2/model.xml", deps ? deps : ".deps");
    return access(path, R_OK) == 0 ? path : NULL;
}

/* Pictures of different sizes, each with blocks at another place. */
static void make_shots(struct shot shots[MOST])
{
    for (int i = 0; i < MOST; i++) {
        int width = 200 + 60 * i, height = 160 + 20 * i, left = 10 + 20 * i, top = 8 + 9 * i;
        shots[i].pixels = malloc((size_t)width * (size_t)height * 3);
        assert_non_null(shots[i].pixels);
        shots[i].image = draw(shots[i].pixels, width, height, left, top, left + 50, top + 40);
        prepare(&shots[i].found);
    }
}

static void drop_shots(struct shot shots[MOST])
{
    for (int i = 0; i < MOST; i++)
        free(shots[i].pixels);
}

static void fill_items(struct shot shots[MOST], fov_item items[MOST],
                       const fov_detect_params *params)
{
    for (int i = 0; i < MOST; i++)
        items[i] = (fov_item){.image = &shots[i].image,
                              .width = shots[i].image.width,
                              .height = shots[i].image.height,
                              .params = params,
                              .out = &shots[i].found.list,
                              .timings = &shots[i].timings};
}

/* The same pictures one by one. */
static void expect_as_alone(fov_model_params params, struct shot shots[MOST], int count,
                            const fov_detect_params *detect, float within)
{
    fov_model *model = NULL;
    params.batch = 0;
    assert_int_equal(fov_model_open(&model, &params, NULL), FOV_OK);
    fov_runner *runner = open_runner(model);
    for (int i = 0; i < count; i++) {
        struct found alone;
        prepare(&alone);
        const fov_image *image = &shots[i].image;
        assert_int_equal(fov_runner_detect(runner, image, image->width, image->height, detect,
                                           &alone.list, NULL, NULL),
                         FOV_OK);
        assert_int_equal(shots[i].found.list.count, alone.list.count);
        for (size_t k = 0; k < alone.list.count; k++) {
            const fov_detection *d = &alone.items[k];
            expect_box(&shots[i].found.items[k], d->x1, d->y1, d->x2, d->y2, within);
            assert_int_equal(shots[i].found.items[k].class_id, d->class_id);
            assert_float_equal(shots[i].found.items[k].score, d->score, 1e-3);
        }
    }
    fov_runner_close(&runner);
    fov_model_close(&model);
}

static void check_model(const char *path, int batch, const fov_detect_params *detect)
{
    struct shot shots[MOST] = {0};
    fov_item items[MOST];
    fov_model *model = NULL;
    fov_error error = {.message = ""};
    fov_model_params params = {.path = path, .batch = batch, .precision = FOV_PRECISION_F32};
    if (!path)
        skip();
    if (fov_model_open(&model, &params, &error))
        fail_msg("%s: %s", path, error.message);
    assert_int_equal(fov_model_get_info(model)->batch, batch);
    fov_runner *runner = open_runner(model);
    make_shots(shots);
    fill_items(shots, items, detect);
    for (int count = 1; count <= batch && count <= MOST; count++) {
        assert_int_equal(fov_runner_detect_items(runner, items, count, &error), FOV_OK);
        for (int i = 0; i < count; i++)
            assert_int_equal(items[i].error.status, FOV_OK);
        expect_as_alone(params, shots, count, detect, 0.5f);
    }
    fov_runner_close(&runner);
    fov_model_close(&model);
    drop_shots(shots);
}

static void the_fake_keeps_pictures_apart(void **unused)
{
    (void)unused;
    check_model("fake:boxes=bright", 4, NULL);
    check_model("fake:boxes=bright,width=64,height=48", 5, NULL);
}

/* Its graph reshapes to a batch of 1, whatever comes in. */
static void a_model_that_cannot_is_refused(void **unused)
{
    (void)unused;
    fov_model_params params = {.path = data_model("models/yolox_nano_416.onnx"), .batch = 4};
    fov_model *model = NULL;
    fov_error error = {.message = ""};
    if (!params.path)
        skip();
    assert_int_equal(fov_model_open(&model, &params, &error), FOV_EUNSUPPORTED);
    assert_non_null(strstr(error.message, "a batch of 4, but output has no such dimension"));
}

static void the_default_model_is_batched(void **unused)
{
    (void)unused;
    static const fov_detect_params low = {.conf = 0.05f};
    check_model(default_model(), 3, &low);
}

static void a_broken_picture_costs_the_others_nothing(void **unused)
{
    (void)unused;
    struct shot shots[MOST] = {0};
    fov_item items[MOST];
    uint8_t nonsense[] = "not a picture";
    fov_frame broken = {.bytes = nonsense, .size = sizeof nonsense};
    fov_detect_params wrong = {.conf = 2};
    fov_model_params params = {.path = "fake:boxes=bright", .batch = 4};
    fov_model *model = NULL;
    assert_int_equal(fov_model_open(&model, &params, NULL), FOV_OK);
    fov_runner *runner = open_runner(model);
    make_shots(shots);
    fill_items(shots, items, NULL);
    items[1].frame = &broken;
    items[2].params = &wrong;
    assert_int_equal(fov_runner_detect_items(runner, items, 4, NULL), FOV_OK);
    assert_int_equal(items[1].error.status, FOV_EFORMAT);
    assert_int_equal(items[2].error.status, FOV_EINVAL);
    assert_int_equal(shots[0].found.list.count, 1);
    assert_int_equal(shots[1].found.list.count, 0);
    assert_int_equal(shots[3].found.list.count, 1);
    expect_box(&shots[3].found.items[0], 70, 35, 120, 75, 3);
    fov_error error;
    assert_int_equal(fov_runner_detect_items(runner, items, 5, &error), FOV_EINVAL);
    assert_non_null(strstr(error.message, "1 to 4"));
    assert_int_equal(fov_runner_detect_items(runner, items, 0, NULL), FOV_EINVAL);
    assert_int_equal(fov_runner_detect_items(NULL, items, 1, NULL), FOV_EINVAL);
    fov_runner_close(&runner);
    fov_model_close(&model);
    drop_shots(shots);
}

static void a_failed_run_fails_all(void **unused)
{
    (void)unused;
    struct shot shots[MOST] = {0};
    fov_item items[MOST];
    fov_model_params params = {.path = "fake:fail_every=1", .batch = 2};
    fov_model *model = NULL;
    assert_int_equal(fov_model_open(&model, &params, NULL), FOV_OK);
    fov_runner *runner = open_runner(model);
    make_shots(shots);
    fill_items(shots, items, NULL);
    assert_int_equal(fov_runner_detect_items(runner, items, 2, NULL), FOV_EINFER);
    assert_int_equal(items[0].error.status, FOV_EINFER);
    assert_int_equal(items[1].error.status, FOV_EINFER);
    fov_runner_close(&runner);
    fov_model_close(&model);
    drop_shots(shots);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_fake_keeps_pictures_apart),
        cmocka_unit_test(a_model_that_cannot_is_refused),
        cmocka_unit_test(the_default_model_is_batched),
        cmocka_unit_test(a_broken_picture_costs_the_others_nothing),
        cmocka_unit_test(a_failed_run_fails_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
