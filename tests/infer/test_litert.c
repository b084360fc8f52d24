/* TFLite files through LiteRT: the numbers of the original runtime, damage, sizes, threads. */
#include "litert_test.h"

#include <pthread.h>

#include "infer/litert_api.h"
#include "litert_fixture.h"

/* The noise of make_litert_fixture.py. */
static void fill(const fov_tensor *t)
{
    uint32_t state = 1;
    size_t count = fov_tensor_count(t);
    for (size_t i = 0; i < count; i++) {
        state = state * 1664525u + 1013904223u;
        if (t->dtype == FOV_F32)
            ((float *)t->data)[i] = (float)(state >> 24);
        else
            ((uint8_t *)t->data)[i] = (uint8_t)(state >> 24);
    }
}

static float number_at(const fov_tensor *t, size_t i)
{
    assert_in_range(i, 0, fov_tensor_count(t) - 1);
    return t->dtype == FOV_F32  ? ((const float *)t->data)[i]
           : t->dtype == FOV_I8 ? (float)((const int8_t *)t->data)[i]
                                : (float)((const uint8_t *)t->data)[i];
}

static void expect_numbers(const char *model, const fov_tensor *out, const float *expected,
                           size_t count, size_t step, float within)
{
    for (size_t i = 0; i < count; i++)
        if (!(fabsf(number_at(out, i * step) - expected[i]) <= within))
            fail_msg("%s: number %zu is %g, not %g", model, i * step,
                     (double)number_at(out, i * step), (double)expected[i]);
}

static void numbers_are_the_original_runtimes(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < sizeof fixtures / sizeof *fixtures; i++) {
        char path[512];
        fov_model_params params = {.path = shared_model(fixtures[i].model, path)};
        fov_tensor in[FOV_MODEL_INPUTS], out[FOV_MODEL_OUTPUTS];
        void *model = load(&params), *runner = open_one(model);
        litert()->inputs(runner, in);
        assert_int_equal((uintptr_t)in->data % 64, 0);
        for (int again = 0; again < 2; again++) { /* nothing is left over from a run */
            fill(in);
            assert_int_equal(litert()->run(runner, out, NULL), FOV_OK);
            expect_numbers(fixtures[i].model, out, fixtures[i].delegate, fixtures[i].count,
                           fixtures[i].step, fixtures[i].within);
        }
        litert()->runner_close(runner);
        litert()->unload(model);
    }
}

/* The same without XNNPACK, which rounds quantised numbers otherwise. */
static void so_they_are_without_the_delegate(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < sizeof fixtures / sizeof *fixtures; i++) {
        char path[512];
        size_t size;
        uint8_t *bytes = read_all(shared_model(fixtures[i].model, path), &size);
        struct litert_setup setup = {
            .bytes = bytes, .size = size, .threads = 1, .tpu = -1, .plain = true};
        struct litert_io io;
        void *model, *instance;
        tflite_mend(bytes, size);
        assert_int_equal(litert_compiled.open(NULL, NULL), FOV_OK);
        assert_int_equal(litert_compiled.model_open(&setup, &model, NULL), FOV_OK);
        assert_int_equal(litert_compiled.instance_open(model, &instance, &io, NULL), FOV_OK);
        fill(io.inputs);
        assert_int_equal(litert_compiled.instance_run(instance, &io, NULL), FOV_OK);
        expect_numbers(fixtures[i].model, io.outputs, fixtures[i].plain, fixtures[i].count,
                       fixtures[i].step, fixtures[i].within);
        litert_compiled.instance_close(instance);
        litert_compiled.model_close(model);
        free(bytes);
    }
}

static void a_model_is_described(void **unused)
{
    (void)unused;
    char path[512];
    static fov_backend_model about;
    fov_model_params params = {.path = shared_model("mobilenet_v2_224_quant", path), .threads = 2};
    void *model = load(&params);
    litert()->describe(model, &about);
    assert_int_equal(about.input_count, 1);
    assert_int_equal(about.output_count, 1);
    assert_string_equal(about.inputs[0].name, "input");
    assert_int_equal(about.inputs[0].dtype, FOV_U8);
    assert_int_equal(about.inputs[0].rank, 4);
    assert_int_equal(about.inputs[0].shape[1], 224);
    assert_true(fabsf(about.inputs[0].scale - 0.0078125f) < 1e-7f);
    assert_int_equal(about.inputs[0].zero, 128);
    assert_int_equal(about.outputs[0].shape[1], 1001);
    assert_true(about.outputs[0].scale > 0 && !about.outputs[0].data);
    assert_string_equal(about.version, LITERT_VERSION);
    assert_string_equal(about.device, "CPU");
    assert_string_equal(about.precision, "int8");
    assert_int_equal(about.threads, 2);
    assert_int_equal(about.max_runners, 1);
    assert_int_equal(about.batch, 1);
    litert()->unload(model);
}

/* A ReLU over a picture of open size and batch. */
static void open_sizes_become_those_asked_for(void **unused)
{
    (void)unused;
    char path[512];
    static fov_backend_model about;
    fov_tensor in[FOV_MODEL_INPUTS], out[FOV_MODEL_OUTPUTS];
    fov_model_params params = {
        .path = tiny("tiny_open.tflite", path), .input_width = 6, .input_height = 4, .batch = 4};
    void *model = load(&params), *runner = open_one(model);
    litert()->describe(model, &about);
    const int64_t shape[] = {4, 4, 6, 3};
    assert_memory_equal(about.inputs[0].shape, shape, sizeof shape);
    assert_memory_equal(about.outputs[0].shape, shape, sizeof shape);
    assert_int_equal(about.batch, 4);
    litert()->inputs(runner, in);
    float *numbers = in->data;
    for (int i = 0; i < 4 * 4 * 6 * 3; i++)
        numbers[i] = (float)i - 100;
    assert_int_equal(litert()->run(runner, out, NULL), FOV_OK);
    for (int i = 0; i < 4 * 4 * 6 * 3; i++)
        assert_true(((const float *)out->data)[i] == (i < 100 ? 0 : (float)i - 100));
    litert()->runner_close(runner);
    litert()->unload(model);
}

/* The same with an input of fixed size: nothing closes its output then. */
static void an_output_that_stays_open_is_refused(void **unused)
{
    (void)unused;
    enum { SIGNATURE = 0x118 };
    char path[512];
    size_t size;
    uint8_t *bytes = read_all(tiny("tiny_open.tflite", path), &size);
    static const int32_t open[] = {-1, -1, -1, 3}, fixed[] = {1, 1, 1, 3};
    assert_memory_equal(bytes + SIGNATURE, open, sizeof open);
    memcpy(bytes + SIGNATURE, fixed, sizeof fixed);
    snprintf(path, sizeof path, "/tmp/fovea_litert_%d.tflite", (int)getpid());
    write_all(path, bytes, size);
    fov_model_params params = {.path = path, .threads = 1};
    expect_refusal(&params, FOV_EUNSUPPORTED, "depends on the picture");
    unlink(path);
    free(bytes);
}

static void a_fixed_batch_is_refused(void **unused)
{
    (void)unused;
    char path[512];
    fov_model_params params = {.path = shared_model("mobilenet_v2_224_quant", path), .batch = 4};
    expect_refusal(&params, FOV_EUNSUPPORTED, "batch");
}

static void devices_and_files_must_fit(void **unused)
{
    (void)unused;
    char path[512];
    fov_model_params params = {.path = tiny("tiny_edgetpu.tflite", path)};
    expect_refusal(&params, FOV_EUNSUPPORTED, "libedgetpu.so.1");
    params.device = "NPU";
    expect_refusal(&params, FOV_EUNSUPPORTED, "NPU");
    params.path = tiny("tiny_open.tflite", path);
    params.device = "EDGETPU";
    expect_refusal(&params, FOV_EUNSUPPORTED, "fovea optimize --target edgetpu");
    params.device = "EDGETPU.x";
    expect_refusal(&params, FOV_EUNSUPPORTED, "EDGETPU.x");
    params.path = "/nowhere/m.tflite";
    params.device = NULL;
    expect_refusal(&params, FOV_ENOTFOUND, "/nowhere/m.tflite");
    params.path = "/tmp";
    expect_refusal(&params, FOV_EMODEL, "/tmp");
}

/* Loads and runs what may be damaged: whatever happens, no crash, and a reason with a refusal. */
static fov_status try_bytes(const uint8_t *bytes, size_t size)
{
    char path[64];
    fov_error error = {.message = ""};
    fov_tensor out[FOV_MODEL_OUTPUTS];
    void *model, *runner;
    snprintf(path, sizeof path, "/tmp/fovea_litert_%d.tflite", (int)getpid());
    write_all(path, bytes, size);
    fov_model_params params = {.path = path, .threads = 1, .input_width = 8};
    fov_status status = litert()->load(&params, &model, &error);
    if (!status) {
        runner = open_one(model);
        litert()->run(runner, out, &error);
        litert()->runner_close(runner);
        litert()->unload(model);
    }
    assert_true(!status || strlen(error.message) > strlen(path) + 4);
    unlink(path);
    return status;
}

static void cut_files_are_refused(void **unused)
{
    (void)unused;
    char path[512];
    size_t size;
    uint8_t *bytes = read_all(shared_model("person_detect_96_micro", path), &size);
    assert_int_equal(try_bytes(bytes, size), FOV_OK);
    for (size_t n = 0; n < size; n += n < 64 ? 8 : 9001)
        assert_int_not_equal(try_bytes(bytes, n), FOV_OK);
    free(bytes);
}

/* Every byte of a small file, in three ways. */
static void changed_bytes_never_crash(void **unused)
{
    (void)unused;
    char path[512];
    size_t size;
    int refused = 0;
    uint8_t *bytes = read_all(tiny("tiny_open.tflite", path), &size);
    for (size_t at = 0; at < size; at++) {
        const uint8_t was = bytes[at], others[] = {(uint8_t)~was, 255, (uint8_t)(was + 1)};
        for (size_t i = 0; i < sizeof others; i++) {
            bytes[at] = others[i];
            refused += try_bytes(bytes, size) != FOV_OK;
        }
        bytes[at] = was;
    }
    assert_true(refused > 100);
    free(bytes);
}

/* A valid model whose `operators` all are one and the same, with `inputs` inputs. */
static uint8_t *shared_operator(uint32_t operators, uint32_t inputs, size_t *size)
{
    static const uint16_t tables[] = {10, 12, 0, 4, 8,  0,         /* model: codes, graphs */
                                      12, 20, 4, 8, 12, 16,        /* graph: all of its lists */
                                      10, 8,  0, 4, 0,  0,  4, 4}; /* operator: inputs; nothing */
    enum { MODEL = 48, CODES = 60, GRAPHS = 68, CODE = 76, GRAPH = 80, TENSORS = 100, ENDS = 108 };
    enum { LIST = 116, OF_MODEL = 8, OF_GRAPH = 20, OF_OPERATOR = 32, EMPTY = 44 };
    uint32_t tensor = LIST + 4 + 4 * operators, op = tensor + 4, taken = op + 8;
    const uint32_t words[][2] = {{0, MODEL},
                                 {MODEL, MODEL - OF_MODEL},
                                 {MODEL + 4, CODES - MODEL - 4},
                                 {MODEL + 8, 12},
                                 {CODES, 1},
                                 {CODES + 4, CODE - CODES - 4},
                                 {GRAPHS, 1},
                                 {GRAPHS + 4, 8},
                                 {CODE, CODE - EMPTY},
                                 {GRAPH, 60},
                                 {GRAPH + 4, 16},
                                 {GRAPH + 8, ENDS - GRAPH - 8},
                                 {GRAPH + 12, 16},
                                 {GRAPH + 16, 20},
                                 {TENSORS, 1},
                                 {TENSORS + 4, tensor - TENSORS - 4},
                                 {ENDS, 1},
                                 {LIST, operators},
                                 {tensor, tensor - EMPTY},
                                 {op, op - OF_OPERATOR},
                                 {op + 4, 4},
                                 {taken, inputs}};
    *size = taken + 4 + 4 * (size_t)inputs;
    uint8_t *bytes = calloc(1, *size);
    assert_non_null(bytes);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        memcpy(bytes + words[i][0], &words[i][1], 4);
    memcpy(bytes + 4, "TFL3", 4);
    memcpy(bytes + OF_MODEL, tables, sizeof tables);
    for (uint32_t i = 0, at = LIST + 4; i < operators; i++, at += 4)
        memcpy(bytes + at, &(uint32_t){op - at}, 4);
    return bytes;
}

static void lists_that_many_share_are_no_work_without_end(void **unused)
{
    (void)unused;
    size_t size;
    fov_error error;
    uint8_t *bytes = shared_operator(20, 60, &size);
    assert_int_equal(tflite_check(bytes, size, NULL, &error), FOV_OK);
    free(bytes);
    bytes = shared_operator(30000, 60000, &size); /* 1.8e9 steps out of 360 KB */
    assert_int_equal(tflite_check(bytes, size, NULL, &error), FOV_EMODEL);
    assert_non_null(strstr(error.message, "more parts"));
    free(bytes);
}

/* The dimension that is mended lies where the graph's list of inputs has its length. */
static void a_mended_file_is_checked_again(void **unused)
{
    (void)unused;
    enum { TENSORS = 0xA8, INPUTS = 0x5C };
    char path[512];
    size_t size;
    uint8_t *bytes = read_all(tiny("tiny_open.tflite", path), &size);
    const uint32_t end = (uint32_t)size, tensor = end + 36 - TENSORS, inputs = end + 68 - INPUTS;
    static const uint16_t tables[] = {14, 12, 4, 0, 0, 0, 8, 0, /* tensor: shape, quantisation */
                                      18, 4,  0, 0, 0, 0, 0, 0, 8, 0}; /* its dimension */
    static const uint32_t words[] = {36, 12, 16, 0, 1, 3, 44, 0, 1, 0};
    memcpy(bytes + end, tables, sizeof tables);
    memcpy(bytes + end + sizeof tables, words, sizeof words);
    memcpy(bytes + TENSORS, &tensor, 4);
    memcpy(bytes + INPUTS, &inputs, 4);
    size += sizeof tables + sizeof words;
    assert_int_equal(tflite_check(bytes, size, NULL, NULL), FOV_OK);
    snprintf(path, sizeof path, "/tmp/fovea_litert_%d.tflite", (int)getpid());
    write_all(path, bytes, size);
    fov_model_params params = {.path = path, .threads = 1};
    expect_refusal(&params, FOV_EMODEL, "a graph without inputs");
    unlink(path);
    free(bytes);
}

struct race {
    void *runner;
    fov_tensor in[FOV_MODEL_INPUTS], out[FOV_MODEL_OUTPUTS];
    int wrong;
    const float *expected;
};

static void *run_often(void *arg)
{
    struct race *r = arg;
    for (int i = 0; i < 60; i++) {
        r->wrong += litert()->run(r->runner, r->out, NULL) != FOV_OK;
        r->wrong += memcmp(r->out->data, r->expected, 51 * sizeof(float)) != 0;
    }
    return NULL;
}

static void two_at_once_equal_one(void **unused)
{
    (void)unused;
    char path[512];
    static fov_backend_model about;
    fov_model_params params = {.path = shared_model("movenet_lightning_int8", path),
                               .hint = FOV_HINT_THROUGHPUT,
                               .runners = 2};
    void *model = load(&params);
    float alone[51];
    struct race races[2] = {{.expected = alone}, {.expected = alone}};
    pthread_t threads[2];
    litert()->describe(model, &about);
    assert_int_equal(about.max_runners, 2);
    for (int i = 0; i < 2; i++) {
        races[i].runner = open_one(model);
        litert()->inputs(races[i].runner, races[i].in);
        fill(races[i].in);
    }
    assert_ptr_not_equal(races[0].in->data, races[1].in->data);
    assert_int_equal(litert()->run(races[0].runner, races[0].out, NULL), FOV_OK);
    memcpy(alone, races[0].out->data, sizeof alone);
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, run_often, &races[i]), 0);
    for (int i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(races[i].wrong, 0);
        litert()->runner_close(races[i].runner);
    }
    litert()->unload(model);
}

/* Through the public functions: NULL and closing twice, and a runner opened again is clean. */
static void closing_twice_is_nothing(void **unused)
{
    (void)unused;
    char path[512];
    fov_error error = {.message = ""};
    fov_model_params params = {.path = shared_model("yolox_nano_416_float16", path),
                               .backend = "litert"};
    fov_model *model = NULL;
    fov_runner *runner = NULL, *second = NULL;
    if (fov_model_open(&model, &params, &error) != FOV_OK)
        fail_msg("%s", error.message);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(fov_runner_open(&runner, model, &error), FOV_OK);
        assert_int_equal(fov_runner_open(&second, model, &error), FOV_EBUSY);
        fov_runner_close(&runner);
        fov_runner_close(&runner);
    }
    fov_model_close(&model);
    fov_model_close(&model);
    assert_null(model);
}

/* Where set-up has not been, there is nothing to test but the words. */
int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_the_original_runtimes),
        cmocka_unit_test(so_they_are_without_the_delegate),
        cmocka_unit_test(a_model_is_described),
        cmocka_unit_test(open_sizes_become_those_asked_for),
        cmocka_unit_test(an_output_that_stays_open_is_refused),
        cmocka_unit_test(a_fixed_batch_is_refused),
        cmocka_unit_test(devices_and_files_must_fit),
        cmocka_unit_test(cut_files_are_refused),
        cmocka_unit_test(changed_bytes_never_crash),
        cmocka_unit_test(lists_that_many_share_are_no_work_without_end),
        cmocka_unit_test(a_mended_file_is_checked_again),
        cmocka_unit_test(two_at_once_equal_one),
        cmocka_unit_test(closing_twice_is_nothing),
    };
    fov_error error = {.message = ""};
    if (litert_compiled.open(NULL, &error) != FOV_OK) {
        printf("SKIP litert: %s\n", error.message);
        return 77;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
