/* The classic TFLite interface and the Edge TPU, against libraries of the tests that note every
 * call. In their folder lies a libLiteRt.so of another version too, which must never be called. */
#include "litert_test.h"

#include <dlfcn.h>

#include "fake_tflite.h"

static struct fake_tflite *tflite;
static struct fake_edgetpu *edgetpu;

static void *state_of(const char *library, const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", FAKES, library);
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    return handle ? dlsym(handle, name) : NULL;
}

static int begin(void **unused)
{
    (void)unused;
    memset(tflite, 0, sizeof *tflite);
    memset(edgetpu, 0, sizeof *edgetpu);
    return 0;
}

/* Everything that was made is gone. */
static int nothing_is_left(void **unused)
{
    (void)unused;
    return tflite->models || tflite->interpreters || tflite->options || edgetpu->alive ||
           edgetpu->devices;
}

static void run_sum(void *model, int pictures)
{
    fov_tensor in[FOV_MODEL_INPUTS], out[FOV_MODEL_OUTPUTS];
    void *runner = open_one(model);
    litert()->inputs(runner, in);
    assert_int_equal((uintptr_t)in->data % 64, 0);
    for (int i = 0; i < pictures * 12; i++)
        ((uint8_t *)in->data)[i] = (uint8_t)i;
    assert_int_equal(litert()->run(runner, out, NULL), FOV_OK);
    assert_int_equal(out->dtype, FOV_U8);
    assert_true(out->scale == 0.5f && out->zero == 3);
    for (int n = 0; n < pictures; n++) /* 12 numbers from 12 n on */
        assert_int_equal(((uint8_t *)out->data)[n], (uint8_t)(66 + 144 * n));
    litert()->runner_close(runner);
}

static void the_processor_runs(void **unused)
{
    (void)unused;
    char path[512];
    static fov_backend_model about;
    fov_model_params params = {
        .path = tiny("tiny_open.tflite", path), .input_width = 2, .threads = 3};
    void *model = load(&params);
    litert()->describe(model, &about);
    assert_string_equal(about.version, "2.17.1-fake");
    assert_string_equal(about.device_name, "TensorFlow Lite");
    assert_string_equal(about.inputs[0].name, "in");
    assert_int_equal(tflite->threads, 3);
    assert_int_equal(tflite->delegates, 0);
    run_sum(model, 1);
    litert()->unload(model);
}

static void sizes_and_batches_are_asked_for(void **unused)
{
    (void)unused;
    char path[512];
    static fov_backend_model about;
    fov_model_params params = {
        .path = tiny("tiny_open.tflite", path), .input_width = 2, .batch = 3};
    void *model = load(&params);
    const int wanted[] = {3, 2, 2, 3};
    assert_memory_equal(tflite->wanted, wanted, sizeof wanted);
    litert()->describe(model, &about);
    assert_int_equal(about.batch, 3);
    run_sum(model, 3);
    litert()->unload(model);
    params.input_width = 64; /* the fake has no room for that */
    expect_refusal(&params, FOV_EUNSUPPORTED, "input size");
}

/* An arena that grows in a run: the picture of the next one must reach its new place. */
static void memory_that_moves_gets_the_picture(void **unused)
{
    (void)unused;
    char path[512];
    fov_model_params params = {.path = tiny("tiny_open.tflite", path), .input_width = 2};
    tflite->moves = 1;
    void *model = load(&params);
    for (int again = 0; again < 3; again++)
        run_sum(model, 1);
    litert()->unload(model);
}

static void sizes_that_the_picture_makes_stay_open(void **unused)
{
    (void)unused;
    char path[512];
    static fov_backend_model about;
    fov_model_params params = {.path = tiny("tiny_open.tflite", path), .input_width = 2};
    tflite->grows = 1;
    void *model = load(&params);
    litert()->describe(model, &about);
    assert_int_equal(about.outputs[0].rank, 2);
    assert_int_equal(about.outputs[0].shape[0], 1);
    assert_int_equal(about.outputs[0].shape[1], -1);
    litert()->unload(model);
    tflite->grows = 0;
    model = load(&params);
    litert()->describe(model, &about);
    assert_int_equal(about.outputs[0].shape[1], 1);
    litert()->unload(model);
}

static void failures_are_reported(void **unused)
{
    (void)unused;
    char path[512];
    fov_error error = {.message = ""};
    fov_tensor out[FOV_MODEL_OUTPUTS];
    fov_model_params params = {.path = tiny("tiny_open.tflite", path), .input_width = 2};
    tflite->fail_create = 1;
    expect_refusal(&params, FOV_EMODEL, "cannot prepare");
    tflite->fail_create = 0;
    void *model = load(&params), *runner = open_one(model);
    tflite->fail_invoke = 1;
    assert_int_equal(litert()->run(runner, out, &error), FOV_EINFER);
    tflite->fail_invoke = 0;
    tflite->fail_output = 1;
    assert_int_equal(litert()->run(runner, out, &error), FOV_EINFER);
    assert_non_null(strstr(error.message, "no numbers for output out"));
    tflite->fail_output = 0;
    assert_int_equal(litert()->run(runner, out, &error), FOV_OK);
    litert()->runner_close(runner);
    litert()->unload(model);
}

static void the_edge_tpu_gets_its_delegate(void **unused)
{
    (void)unused;
    char path[512];
    static fov_backend_model about;
    fov_model_params params = {.path = tiny("tiny_edgetpu.tflite", path), .device = "EDGETPU.1"};
    edgetpu->present = 2;
    void *model = load(&params);
    litert()->describe(model, &about);
    assert_string_equal(about.device, "EDGETPU.1");
    assert_string_equal(about.device_name, "Edge TPU, PCIe /dev/apex_0");
    assert_int_equal(about.max_runners, 1);
    assert_int_equal(edgetpu->made_type, 0);
    assert_string_equal(edgetpu->made_path, "/dev/apex_0");
    assert_int_equal(edgetpu->made_options, 0);
    assert_int_equal(tflite->delegates, 1);
    assert_non_null(tflite->delegate);
    run_sum(model, 1);
    assert_int_equal(edgetpu->alive, 1);
    litert()->unload(model);
    params.device = "EDGETPU";
    model = load(&params);
    assert_int_equal(edgetpu->made_type, 1);
    litert()->unload(model);
}

static void the_edge_tpu_fails_with_words(void **unused)
{
    (void)unused;
    char path[512];
    fov_error error = {.message = ""};
    fov_tensor out[FOV_MODEL_OUTPUTS];
    fov_model_params params = {.path = tiny("tiny_edgetpu.tflite", path), .device = "EDGETPU"};
    expect_refusal(&params, FOV_ERUNTIME, "plugged in");
    edgetpu->present = 1;
    edgetpu->fail_create = 1;
    expect_refusal(&params, FOV_ERUNTIME, "another program");
    edgetpu->fail_create = 0;
    tflite->fail_create = 1;
    expect_refusal(&params, FOV_EMODEL, "newer driver");
    tflite->fail_create = 0;
    params.device = "EDGETPU.2";
    expect_refusal(&params, FOV_ERUNTIME, "no Edge TPU 2");
    params.device = "EDGETPU";
    void *model = load(&params), *runner = open_one(model);
    tflite->fail_invoke = 1;
    assert_int_equal(litert()->run(runner, out, &error), FOV_EINFER);
    assert_non_null(strstr(error.message, "unplugged"));
    litert()->runner_close(runner);
    litert()->unload(model);
}

static void the_probe_lists_all(void **unused)
{
    (void)unused;
    static fov_backend_probe p;
    litert()->probe(NULL, &p);
    assert_true(p.available);
    assert_int_equal(p.device_count, 1);
    assert_string_equal(p.devices[0], "CPU");
    assert_string_equal(p.version, "2.17.1-fake");
    assert_non_null(strstr(p.library, "libtensorflowlite_c.so"));
    edgetpu->present = 1;
    litert()->probe(NULL, &p);
    assert_int_equal(p.device_count, 2);
    assert_string_equal(p.devices[0], "EDGETPU");
    edgetpu->present = 2;
    litert()->probe(NULL, &p);
    assert_int_equal(p.device_count, 3);
    assert_string_equal(p.devices[1], "EDGETPU.1");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, nothing_is_left)
    const struct CMUnitTest tests[] = {
        TEST(the_processor_runs),
        TEST(sizes_and_batches_are_asked_for),
        TEST(memory_that_moves_gets_the_picture),
        TEST(sizes_that_the_picture_makes_stay_open),
        TEST(failures_are_reported),
        TEST(the_edge_tpu_gets_its_delegate),
        TEST(the_edge_tpu_fails_with_words),
        TEST(the_probe_lists_all),
    };
    setenv("FOVEA_RUNTIME_DIR", FAKES, 1);
    tflite = state_of("libtensorflowlite_c.so", "fake_tflite_state");
    edgetpu = state_of("libedgetpu.so.1", "fake_edgetpu_state");
    if (!tflite || !edgetpu)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
