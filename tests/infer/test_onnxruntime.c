/* ONNX Runtime as it is: numbers against the plainest computation, open dimensions, types,
 * outputs whose size depends on the picture, models that must be refused. */
#include "backend_test.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/resource.h>

#include "base/clock.h"

static const fov_backend *ort;

static const char *model_path(const char *name)
{
    static char path[512];
    snprintf(path, sizeof path, "%s/%s.onnx", MODELS, name);
    return path;
}

static int start(void **state)
{
    (void)state;
    ort = backend_named("onnxruntime");
    return ort && backend_is_here(ort) ? 0 : 1;
}

struct opened {
    void *model, *runner;
    fov_backend_model about;
    fov_tensor in[FOV_MODEL_INPUTS], out[FOV_MODEL_OUTPUTS];
};

static struct opened *open_one(const char *name, fov_model_params params)
{
    struct opened *o = calloc(1, sizeof *o);
    assert_non_null(o);
    params.path = model_path(name);
    o->model = load_model(ort, &params);
    o->runner = runner_of(ort, o->model);
    ort->describe(o->model, &o->about);
    ort->inputs(o->runner, o->in);
    return o;
}

static void close_one(struct opened *o)
{
    ort->runner_close(o->runner);
    ort->unload(o->model);
    free(o);
}

static void expect_conv(const struct opened *o, const fov_tensor *out)
{
    static float expected[4 * 64 * 64];
    const fov_tensor *in = &o->in[0];
    int height = (int)in->shape[2], width = (int)in->shape[3];
    assert_int_equal(out->shape[1], 4);
    assert_int_equal(out->shape[2], height);
    assert_int_equal(out->shape[3], width);
    conv3x3(in->data, height, width, expected);
    for (int i = 0; i < 4 * height * width; i++)
        assert_float_equal(((const float *)out->data)[i], expected[i], 1e-5);
}

static void numbers_are_right(void **unused)
{
    (void)unused;
    struct opened *o = open_one("conv", (fov_model_params){0});
    for (uint32_t seed = 0; seed < 5; seed++) {
        fill_input(&o->in[0], seed);
        run_well(ort, o->runner, o->out);
        expect_conv(o, &o->out[0]);
        assert_int_equal((uintptr_t)o->out[0].data % 64, 0); /* our memory: nothing is copied */
    }
    assert_string_equal(o->about.device, "CPU");
    assert_string_equal(o->about.precision, "f32");
    assert_int_equal(o->about.batch, 1);
    close_one(o);
}

/* With and without names, at the size asked for; 640 when none is. */
static void open_dimensions_are_closed(void **unused)
{
    (void)unused;
    static const char *const names[] = {"open", "unnamed"};
    for (int i = 0; i < 2; i++) {
        struct opened *o = open_one(names[i],
                                    (fov_model_params){.input_width = 24, .input_height = 10});
        const int64_t in[4] = {1, 3, 10, 24}, out[4] = {1, 4, 10, 24};
        assert_memory_equal(o->about.inputs[0].shape, in, sizeof in);
        assert_memory_equal(o->about.outputs[0].shape, out, sizeof out);
        fill_input(&o->in[0], 3);
        run_well(ort, o->runner, o->out);
        expect_conv(o, &o->out[0]);
        close_one(o);
        o = open_one(names[i], (fov_model_params){.batch = 3});
        const int64_t large[4] = {3, 3, 640, 640};
        assert_memory_equal(o->about.inputs[0].shape, large, sizeof large);
        assert_int_equal(o->about.batch, 3);
        close_one(o);
    }
    struct opened *o = open_one("square", (fov_model_params){.input_width = 32});
    assert_int_equal(o->about.outputs[0].shape[2], 32);
    close_one(o);
}

static void a_second_input_is_closed_by_its_batch(void **unused)
{
    (void)unused;
    struct opened *o = open_one("with_sizes", (fov_model_params){.input_width = 16, .batch = 2});
    assert_int_equal(o->about.input_count, 2);
    assert_string_equal(o->about.inputs[1].name, "orig_target_sizes");
    assert_int_equal(o->in[1].dtype, FOV_I64);
    assert_int_equal(o->in[1].shape[0], 2);
    const int64_t sizes[4] = {480, 640, 1080, 1920};
    memcpy(o->in[1].data, sizes, sizeof sizes);
    run_well(ort, o->runner, o->out);
    for (int i = 0; i < 4; i++)
        assert_float_equal(((const float *)o->out[1].data)[i], (float)sizes[i], 0);
    close_one(o);
}

static void every_type_is_read(void **unused)
{
    (void)unused;
    static const fov_dtype types[] = {FOV_I8, FOV_F16, FOV_F32, FOV_I32, FOV_I64};
    static const uint16_t halves[] = {0x0000, 0x3C00, 0x4000, 0x5BF8}; /* 0, 1, 2, 255 */
    static const uint8_t bytes[8] = {0, 1, 2, 255};
    struct opened *o = open_one("kinds", (fov_model_params){0});
    assert_int_equal(o->in[0].dtype, FOV_U8);
    memcpy(o->in[0].data, bytes, sizeof bytes);
    run_well(ort, o->runner, o->out);
    assert_int_equal(o->about.output_count, 5);
    for (int i = 0; i < 5; i++)
        assert_int_equal(o->out[i].dtype, types[i]);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(((const int8_t *)o->out[0].data)[i], (int8_t)bytes[i]);
        assert_int_equal(((const uint16_t *)o->out[1].data)[i], halves[i]);
        assert_float_equal(((const float *)o->out[2].data)[i], bytes[i], 0);
        assert_int_equal(((const int32_t *)o->out[3].data)[i], bytes[i]);
        assert_int_equal(((const int64_t *)o->out[4].data)[i], bytes[i]);
    }
    close_one(o);
}

/* A list that is as long as the picture makes it, before an output of known size. */
static void open_outputs_come_as_they_are(void **unused)
{
    (void)unused;
    struct opened *o = open_one("found", (fov_model_params){0});
    assert_int_equal(o->about.outputs[0].shape[0], 4);
    assert_int_equal(o->about.outputs[0].shape[1], -1);
    assert_int_equal(fov_tensor_count(&o->about.outputs[1]), 4 * 8 * 6);
    int64_t lengths[4];
    for (uint32_t seed = 0; seed < 4; seed++) {
        if (seed == 2)
            memset(o->in[0].data, 0, fov_tensor_count(&o->in[0]) * sizeof(float));
        else
            fill_input(&o->in[0], seed);
        run_well(ort, o->runner, o->out);
        expect_conv(o, &o->out[1]);
        int64_t positive = 0;
        for (int i = 0; i < 4 * 8 * 6; i++)
            positive += ((const float *)o->out[1].data)[i] > 0;
        lengths[seed] = o->out[0].shape[1];
        assert_int_equal(lengths[seed], positive);
        assert_non_null(o->out[0].data);
    }
    assert_int_equal(lengths[2], 0);
    assert_true(lengths[0] > 0 && lengths[0] != lengths[1]);
    close_one(o);
}

static void bad_models_are_refused(void **unused)
{
    (void)unused;
    static const struct {
        const char *name;
        fov_status status;
        const char *says;
        fov_model_params params;
    } cases[] = {
        {"double", FOV_EUNSUPPORTED, "double", {0}},
        {"bool", FOV_EUNSUPPORTED, "bool", {0}},
        {"huge", FOV_EUNSUPPORTED, "no size", {0}},
        {"custom", FOV_EMODEL, "test.example:Frobnicate", {0}},
        {"custom", FOV_EMODEL, "standard operators", {0}},
        {"newer", FOV_EMODEL, "older opset", {0}},
        {"square", FOV_EUNSUPPORTED, "square", {.input_width = 64, .input_height = 32}},
        {"conv", FOV_EUNSUPPORTED, "open batch", {.batch = 4}},
        {"absent", FOV_ENOTFOUND, "no such file", {0}},
    };
    fov_error error;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fov_model_params params = cases[i].params;
        params.path = model_path(cases[i].name);
        assert_int_equal(refuse_model(ort, &params, &error), cases[i].status);
        if (!strstr(error.message, cases[i].says))
            fail_msg("%s: \"%s\" does not say \"%s\"", cases[i].name, error.message, cases[i].says);
    }
    fov_model_params folder = {.path = MODELS};
    refuse_model(ort, &folder, &error);
}

/* Weights in other files would let a model name any path: nothing is opened, even where the
 * file lies in the working folder. */
static void other_files_are_not_opened(void **unused)
{
    (void)unused;
    static const char *const names[] = {"external", "external_absolute", "external_above"};
    char before[512];
    assert_non_null(getcwd(before, sizeof before));
    assert_int_equal(chdir(MODELS), 0);
    assert_int_equal(access("weights.bin", R_OK), 0);
    for (int i = 0; i < 3; i++) {
        fov_model_params params = {.path = model_path(names[i])};
        fov_error error;
        assert_int_equal(refuse_model(ort, &params, &error), FOV_EMODEL);
        assert_non_null(strstr(error.message, "one file"));
    }
    assert_int_equal(chdir(before), 0);
}

/* The library prints on stderr when asked for what it has not, and logs there by default. */
static void nothing_is_printed(void **unused)
{
    (void)unused;
    char path[] = "/tmp/fovea_stderr_XXXXXX", text[256] = "";
    int file = mkstemp(path), kept = dup(STDERR_FILENO);
    assert_true(file >= 0 && kept >= 0);
    dup2(file, STDERR_FILENO);
    void *model;
    static const char *const names[] = {"conv", "custom", "newer", "external", "found"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        fov_model_params params = {.path = model_path(names[i])};
        if (ort->load(&params, &model, NULL) == FOV_OK)
            ort->unload(model);
    }
    dup2(kept, STDERR_FILENO);
    close(kept);
    assert_true(pread(file, text, sizeof text - 1, 0) >= 0);
    close(file);
    unlink(path);
    assert_string_equal(text, "");
}

/* Of the process's threads, those with a lower priority than this one. */
static int nicer_threads(void)
{
    int count = 0, mine = getpriority(PRIO_PROCESS, 0);
    DIR *dir = opendir("/proc/self/task");
    assert_non_null(dir);
    for (struct dirent *e; (e = readdir(dir));)
        if (e->d_name[0] != '.')
            count += getpriority(PRIO_PROCESS, (id_t)atoll(e->d_name)) > mine;
    closedir(dir);
    return count;
}

static void threads_of_the_runtime_are_nice(void **unused)
{
    (void)unused;
    int before = nicer_threads();
    struct opened *o = open_one("conv", (fov_model_params){.threads = 3});
    assert_int_equal(o->about.threads, 3);
    assert_int_equal(o->about.max_runners, 1);
    assert_true(getpriority(PRIO_PROCESS, 0) >= 15 || nicer_threads() >= before + 2);
    close_one(o);
    o = open_one("conv", (fov_model_params){.hint = FOV_HINT_THROUGHPUT, .runners = 5});
    assert_int_equal(o->about.threads, 1); /* each run on the thread that asks for it */
    assert_int_equal(o->about.max_runners, 5);
    close_one(o);
}

static void *run_large(void *arg)
{
    struct opened *o = arg;
    static fov_status status;
    status = ort->run(o->runner, o->out, NULL);
    return &status;
}

/* Cancelling at any moment ends a run early or not at all; the next one works. */
static void cancelling_is_harmless(void **unused)
{
    (void)unused;
    struct opened *o = open_one("conv_large", (fov_model_params){.threads = 1});
    int cancelled = 0;
    for (int i = 0; i < 30; i++) {
        pthread_t thread;
        void *status;
        assert_int_equal(pthread_create(&thread, NULL, run_large, o), 0);
        usleep((useconds_t)(i * 40));
        ort->cancel(o->runner);
        pthread_join(thread, &status);
        fov_status ended = *(fov_status *)status;
        assert_true(ended == FOV_OK || ended == FOV_EINFER);
        cancelled += ended == FOV_EINFER;
    }
    ort->run(o->runner, o->out, NULL); /* a cancel that came late may hit this one */
    assert_int_equal(ort->run(o->runner, o->out, NULL), FOV_OK);
    assert_true(cancelled > 0);
    close_one(o);
}

static void closing_nothing_is_fine(void **unused)
{
    (void)unused;
    ort->runner_close(NULL);
    ort->unload(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_right),
        cmocka_unit_test(open_dimensions_are_closed),
        cmocka_unit_test(a_second_input_is_closed_by_its_batch),
        cmocka_unit_test(every_type_is_read),
        cmocka_unit_test(open_outputs_come_as_they_are),
        cmocka_unit_test(bad_models_are_refused),
        cmocka_unit_test(other_files_are_not_opened),
        cmocka_unit_test(nothing_is_printed),
        cmocka_unit_test(threads_of_the_runtime_are_nice),
        cmocka_unit_test(cancelling_is_harmless),
        cmocka_unit_test(closing_nothing_is_fine),
    };
    if (start(NULL)) {
        print_message("SKIP onnxruntime: the library is not there (run `make build`)\n");
        return 77;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
