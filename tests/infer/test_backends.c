/* The contract of include/fovea/backend.h, for every backend of the build that is there: through
 * the struct itself, with small models of make_models.py and of the test data. */
#include "backend_test.h"

#include <pthread.h>

enum { RUNS = 12, THREADS = 2 };

/* Models by suffix: with all backends that claim it. */
static const struct sample {
    const char *suffix, *path;
    bool test_data;
    const char *any_batch; /* the same with an open batch; NULL: none is known */
} samples[] = {
    {".onnx", "conv.onnx", false, "open.onnx"},
    {".xml", "models/openvino/fastestdet_352_fp16.xml", true, NULL},
    {".tflite", "models/yolox_nano_416_float16.tflite", true, NULL},
    {"fake:", "fake:", false, NULL},
};

static void path_of(const struct sample *s, const char *file, char path[512])
{
    const char *data = getenv("FOVEA_TEST_DATA");
    if (strchr(file, ':'))
        snprintf(path, 512, "%s", file);
    else if (s->test_data)
        snprintf(path, 512, "%s/%s", data ? data : TEST_DATA, file);
    else
        snprintf(path, 512, "%s/%s", MODELS, file);
}

typedef void check(const fov_backend *b, const struct sample *s, const char *path);

/* OpenVINO makes millions of small pieces to read a large model: minutes when each is watched. */
static bool takes_too_long(const fov_backend *b, const struct sample *s)
{
    return getenv("FOVEA_SANITIZED") && s->test_data && !strcmp(b->name, "openvino");
}

/* Runs a check for each available backend and each sample that it claims. */
static void for_each(check *check_one)
{
    int checked = 0;
    for (size_t i = 0; fov_backend_at(i); i++) {
        const fov_backend *b = fov_backend_at(i);
        for (size_t k = 0; k < sizeof samples / sizeof *samples; k++) {
            char path[512];
            path_of(&samples[k], samples[k].path, path);
            if (!strstr(b->suffixes, samples[k].suffix) || takes_too_long(b, &samples[k]))
                continue;
            if (!backend_is_here(b) || (path[0] == '/' && access(path, R_OK) != 0)) {
                print_message("SKIP %s of %s: not there\n", samples[k].path, b->name);
                continue;
            }
            check_one(b, &samples[k], path);
            checked++;
        }
    }
    assert_true(checked > 0);
}

/* ---- files and devices that cannot be used ---- */

static void write_bytes(const char *path, const uint8_t *bytes, size_t size)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, size, f), size);
    fclose(f);
}

static void check_bad_files(const fov_backend *b, const struct sample *s, const char *path)
{
    static const char nonsense[] = "nonsense, and enough of it to look like the start of something";
    static uint8_t bytes[1 << 20];
    char bad[128];
    fov_error error;
    fov_model_params params = {.path = bad, .device = "CPU"};
    if (path[0] != '/')
        return;
    snprintf(bad, sizeof bad, "/tmp/fovea_backend_%d%s", (int)getpid(), s->suffix);
    unlink(bad);
    refuse_model(b, &params, &error);
    write_bytes(bad, bytes, 0);
    refuse_model(b, &params, &error);
    write_bytes(bad, (const uint8_t *)nonsense, sizeof nonsense);
    refuse_model(b, &params, &error);
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    size_t size = fread(bytes, 1, sizeof bytes, f);
    fclose(f);
    write_bytes(bad, bytes, size / 2);
    refuse_model(b, &params, &error);
    write_bytes(bad, bytes, size / 10);
    refuse_model(b, &params, &error);
    unlink(bad);
}

static void bad_files_are_refused(void **unused)
{
    (void)unused;
    for_each(check_bad_files);
}

static void check_bad_device(const fov_backend *b, const struct sample *s, const char *path)
{
    (void)s;
    fov_model_params params = {.path = path, .device = "ABACUS"};
    fov_error error;
    if (path[0] != '/')
        return;
    assert_int_equal(refuse_model(b, &params, &error), FOV_EUNSUPPORTED);
    assert_non_null(strstr(error.message, "ABACUS"));
    assert_non_null(strstr(error.message, "CPU")); /* what there is instead */
}

static void unknown_devices_are_named(void **unused)
{
    (void)unused;
    for_each(check_bad_device);
}

/* ---- what is described is what runs ---- */

static void expect_shape(const fov_backend *b, const fov_tensor *real, const fov_tensor *described)
{
    assert_non_null(real->data);
    assert_int_equal(real->dtype, described->dtype);
    assert_true(fov_dtype_size(real->dtype) > 0);
    assert_string_equal(real->name, described->name);
    assert_int_equal(real->rank, described->rank);
    for (int d = 0; d < real->rank; d++)
        if (described->shape[d] >= 0 && real->shape[d] != described->shape[d])
            fail_msg("%s: %s has %d, not %d in dimension %d", b->name, real->name,
                     (int)real->shape[d], (int)described->shape[d], d);
}

static void expect_finite(const fov_tensor *t)
{
    if (t->dtype == FOV_F32)
        for (size_t i = 0; i < fov_tensor_count(t); i++)
            assert_true(isfinite(((const float *)t->data)[i]));
}

static void check_description(const fov_backend *b, const struct sample *s, const char *path)
{
    (void)s;
    static fov_backend_model about;
    fov_model_params params = {.path = path, .device = "CPU"};
    fov_tensor in[FOV_MODEL_INPUTS], out[FOV_MODEL_OUTPUTS];
    void *model = load_model(b, &params), *runner = runner_of(b, model);
    b->describe(model, &about);
    assert_true(about.version[0] && about.device[0] && about.device_name[0] && about.precision[0]);
    assert_true(about.threads >= 1 && about.max_runners >= 1 && about.batch >= 0);
    assert_true(about.load_ms >= 0 && about.compile_ms >= 0);
    assert_in_range(about.input_count, 1, FOV_MODEL_INPUTS);
    assert_in_range(about.output_count, 1, FOV_MODEL_OUTPUTS);
    b->inputs(runner, in);
    for (int i = 0; i < about.input_count; i++) {
        expect_shape(b, &in[i], &about.inputs[i]);
        assert_int_equal((uintptr_t)in[i].data % 64, 0);
        assert_true(fov_tensor_count(&about.inputs[i]) > 0);
        memset(in[i].data, 0, fov_tensor_count(&in[i]) * fov_dtype_size(in[i].dtype));
    }
    for (int run = 0; run < 3; run++) {
        run_well(b, runner, out);
        for (int i = 0; i < about.output_count; i++) {
            expect_shape(b, &out[i], &about.outputs[i]);
            expect_finite(&out[i]);
        }
    }
    b->runner_close(runner);
    b->unload(model);
}

static void descriptions_hold(void **unused)
{
    (void)unused;
    for_each(check_description);
}

/* ---- several at once ---- */

struct answer {
    uint8_t *bytes[FOV_MODEL_OUTPUTS];
    size_t sizes[FOV_MODEL_OUTPUTS];
};

static size_t size_of(const fov_tensor *t)
{
    return fov_tensor_count(t) * fov_dtype_size(t->dtype);
}

static void keep(struct answer *a, const fov_tensor *out, int count)
{
    *a = (struct answer){0};
    for (int i = 0; i < count; i++) {
        a->sizes[i] = size_of(&out[i]);
        a->bytes[i] = malloc(a->sizes[i] + 1);
        assert_non_null(a->bytes[i]);
        memcpy(a->bytes[i], out[i].data, a->sizes[i]);
    }
}

static void forget(struct answer *a)
{
    for (int i = 0; i < FOV_MODEL_OUTPUTS; i++)
        free(a->bytes[i]);
}

struct worker {
    const fov_backend *backend;
    void *runner;
    const struct answer *expected;
    uint32_t seed;
    int count, differing;
    fov_status status;
};

static void fill_all(const fov_backend *b, void *runner, int count, uint32_t seed)
{
    fov_tensor in[FOV_MODEL_INPUTS];
    b->inputs(runner, in);
    for (int i = 0; i < count; i++)
        fill_input(&in[i], seed + (uint32_t)i);
}

/* Results of floating numbers may differ in their last bits when work is split otherwise. */
static bool same(const fov_tensor *t, const uint8_t *expected, size_t size)
{
    if (size_of(t) != size)
        return false;
    if (t->dtype != FOV_F32)
        return !memcmp(t->data, expected, size);
    for (size_t i = 0; i < size / sizeof(float); i++) {
        float a = ((const float *)t->data)[i], b = ((const float *)(const void *)expected)[i];
        if (!(fabsf(a - b) <= 1e-5f * (1 + fabsf(b))))
            return false;
    }
    return true;
}

static void *run_often(void *arg)
{
    struct worker *w = arg;
    fov_tensor out[FOV_MODEL_OUTPUTS];
    for (int i = 0; i < RUNS && !w->status; i++) {
        w->status = w->backend->run(w->runner, out, NULL);
        for (int k = 0; !w->status && k < w->count; k++)
            w->differing += !same(&out[k], w->expected->bytes[k], w->expected->sizes[k]);
    }
    return NULL;
}

static void check_together(const fov_backend *b, const struct sample *s, const char *path)
{
    static fov_backend_model about;
    fov_model_params params = {
        .path = path, .device = "CPU", .hint = FOV_HINT_THROUGHPUT, .runners = THREADS};
    struct worker workers[THREADS];
    struct answer expected[THREADS];
    pthread_t threads[THREADS];
    fov_tensor out[FOV_MODEL_OUTPUTS];
    if (s->suffix[0] != '.') /* the fake's boxes depend on the number of the run */
        return;
    void *model = load_model(b, &params);
    b->describe(model, &about);
    assert_true(about.max_runners >= THREADS);
    for (uint32_t i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){
            b, runner_of(b, model), &expected[i], 100 * i, about.output_count, 0, FOV_OK};
        fill_all(b, workers[i].runner, about.input_count, workers[i].seed);
        run_well(b, workers[i].runner, out);
        keep(&expected[i], out, about.output_count);
    }
    assert_false(expected[0].sizes[0] == expected[1].sizes[0] &&
                 !memcmp(expected[0].bytes[0], expected[1].bytes[0], expected[0].sizes[0]));
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, run_often, &workers[i]), 0);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(workers[i].status, FOV_OK);
        assert_int_equal(workers[i].differing, 0);
        b->runner_close(workers[i].runner);
        forget(&expected[i]);
    }
    b->unload(model);
}

static void runners_do_not_disturb_each_other(void **unused)
{
    (void)unused;
    for_each(check_together);
}

/* ---- batches ---- */

/* Four pictures in one run give what each gives alone. */
static void check_batch(const fov_backend *b, const struct sample *s, const char *path)
{
    enum { BATCH = 4, SIDE = 8, IN = 3 * SIDE * SIDE, OUT = 4 * SIDE * SIDE };
    static fov_backend_model about;
    fov_tensor in[FOV_MODEL_INPUTS], out[FOV_MODEL_OUTPUTS];
    char open[512];
    (void)path;
    if (!s->any_batch)
        return;
    path_of(s, s->any_batch, open);
    fov_model_params params = {.path = open,
                               .device = "CPU",
                               .precision = FOV_PRECISION_F32,
                               .input_width = SIDE,
                               .input_height = SIDE,
                               .batch = BATCH};
    void *model = load_model(b, &params), *runner = runner_of(b, model);
    b->describe(model, &about);
    b->inputs(runner, in);
    if (in[0].shape[0] != BATCH) {
        print_message("SKIP batch of %s: it runs one picture at a time\n", b->name);
        assert_in_range(about.batch, 0, 1);
    } else {
        static float expected[OUT];
        assert_int_equal(about.batch, BATCH);
        fill_input(&in[0], 7);
        run_well(b, runner, out);
        assert_int_equal(fov_tensor_count(&out[0]), BATCH * OUT);
        for (int k = 0; k < BATCH; k++) {
            conv3x3((const float *)in[0].data + k * IN, SIDE, SIDE, expected);
            for (int i = 0; i < OUT; i++)
                assert_float_equal(((const float *)out[0].data)[k * OUT + i], expected[i], 1e-5);
        }
    }
    b->runner_close(runner);
    b->unload(model);
}

static void batches_are_single_runs_together(void **unused)
{
    (void)unused;
    for_each(check_batch);
}

/* ---- sizes ---- */

/* A file that leaves its picture's size open says so and takes the size that is asked for; a fixed
 * one says that it is. */
static void check_open_size(const fov_backend *b, const struct sample *s, const char *path)
{
    static fov_backend_model about;
    char open[512];
    fov_model_params params = {
        .path = path, .device = "CPU", .precision = FOV_PRECISION_F32, .input_width = 64};
    void *model = load_model(b, &params);
    b->describe(model, &about);
    assert_false(about.open_size);
    b->unload(model);
    if (!s->any_batch)
        return;
    path_of(s, s->any_batch, open);
    params.path = open;
    model = load_model(b, &params);
    b->describe(model, &about);
    assert_true(about.open_size);
    assert_int_equal(about.inputs[0].shape[2], 64);
    assert_int_equal(about.inputs[0].shape[3], 64);
    b->unload(model);
}

static void open_sizes_are_told(void **unused)
{
    (void)unused;
    for_each(check_open_size);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_files_are_refused),
        cmocka_unit_test(unknown_devices_are_named),
        cmocka_unit_test(descriptions_hold),
        cmocka_unit_test(runners_do_not_disturb_each_other),
        cmocka_unit_test(batches_are_single_runs_together),
        cmocka_unit_test(open_sizes_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
