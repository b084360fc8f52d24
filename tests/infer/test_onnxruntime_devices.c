/* CUDA, TensorRT and Core ML as no test machine has them: a stand-in for the vendor's library
 * (fake_onnxruntime.c) tells what it was told, and fails where it is asked to. */
#include "backend_test.h"

#include <dlfcn.h>
#include <sys/wait.h>

static const fov_backend *ort;
static char *record;
static const char **fails, **log_line, **reason;
static unsigned *asked;
static int *alive;

static void *symbol(void *library, const char *name)
{
    void *address = dlsym(library, name);
    if (!address)
        fail_msg("the stand-in has no %s", name);
    return address;
}

/* The backend opens it by FOVEA_RUNTIME_DIR; the same file opened again is the same library. */
static int start(void **state)
{
    static fov_backend_probe probe;
    (void)state;
    ort = backend_named("onnxruntime");
    assert_non_null(ort);
    ort->probe(NULL, &probe);
    if (!probe.available)
        fail_msg("%s", probe.reason);
    assert_string_equal(probe.version, "1.24.0");
    void *library = dlopen(probe.library, RTLD_NOW | RTLD_LOCAL);
    assert_non_null(library);
    record = symbol(library, "fake_record");
    fails = symbol(library, "fake_fails");
    log_line = symbol(library, "fake_log_line");
    reason = symbol(library, "fake_reason");
    asked = symbol(library, "fake_asked");
    alive = symbol(library, "fake_alive");
    return 0;
}

static fov_model_params params_for(const char *device)
{
    return (fov_model_params){.path = MODELS "/conv.onnx", .device = device, .threads = 2};
}

static void expect(const char *line)
{
    char whole[256];
    snprintf(whole, sizeof whole, "%s\n", line);
    if (!strstr(record, whole))
        fail_msg("not told \"%s\", but:\n%s", line, record);
}

static void never(const char *words)
{
    if (strstr(record, words))
        fail_msg("told \"%s\":\n%s", words, record);
}

/* Loads, runs once on ones (sum 48), describes, and leaves nothing behind. */
static fov_backend_model load_and_run(const fov_model_params *params)
{
    fov_backend_model about;
    fov_tensor in[FOV_MODEL_INPUTS], out[FOV_MODEL_OUTPUTS];
    int before = *alive;
    void *model = load_model(ort, params), *runner = runner_of(ort, model);
    ort->describe(model, &about);
    ort->inputs(runner, in);
    for (int i = 0; i < 48; i++)
        ((float *)in[0].data)[i] = 1;
    run_well(ort, runner, out);
    assert_float_equal(*(const float *)out[0].data, 48, 0);
    ort->runner_close(runner);
    ort->unload(model);
    assert_int_equal(*alive, before);
    return about;
}

static int old_status; /* how the process with the old library ended */

/* In a process of its own, as the library is opened once. */
static void meet_an_old_library(void)
{
    static fov_backend_probe probe;
    const fov_backend *b = backend_named("onnxruntime");
    pid_t child = fork();
    if (child == 0 && b) {
        setenv("FAKE_ORT_VERSION", "1.16.3", 1);
        b->probe(NULL, &probe);
        bool told = strstr(probe.reason, "1.16.3") && strstr(probe.reason, "1.17");
        _exit(!probe.available && told ? 0 : 1);
    }
    assert_true(child > 0 && waitpid(child, &old_status, 0) == child);
}

static void an_old_library_is_refused(void **unused)
{
    (void)unused;
    assert_true(WIFEXITED(old_status));
    assert_int_equal(WEXITSTATUS(old_status), 0);
}

static void the_oldest_table_is_asked_for(void **unused)
{
    (void)unused;
    assert_int_equal(*asked, 17);
}

static void devices_need_their_hardware(void **unused)
{
    (void)unused;
    static fov_backend_probe probe;
    bool nvidia = !access("/dev/nvidiactl", F_OK) || !access("/dev/nvidia0", F_OK) ||
                  !access("/dev/nvhost-gpu", F_OK) || !access("/dev/nvmap", F_OK);
    ort->probe(NULL, &probe);
    assert_int_equal(probe.device_count, nvidia ? 4 : 2);
    assert_string_equal(probe.devices[probe.device_count - 2], "COREML");
    assert_string_equal(probe.devices[probe.device_count - 1], "CPU");
}

static void the_cpu_gets_no_provider(void **unused)
{
    (void)unused;
    fov_model_params params = params_for(NULL);
    fov_backend_model about = load_and_run(&params);
    assert_string_equal(about.device, "CPU");
    assert_string_equal(about.precision, "f32");
    never("append");
    expect("config session.intra_op.allow_spinning=0");
}

static void cuda_is_told(void **unused)
{
    (void)unused;
    fov_model_params params = params_for("CUDA");
    fov_backend_model about = load_and_run(&params);
    assert_string_equal(about.device, "CUDA");
    assert_string_equal(about.precision, "tf32");
    expect("cuda device_id=0");
    expect("cuda do_copy_in_default_stream=1");
    expect("cuda cudnn_conv_algo_search=EXHAUSTIVE");
    expect("cuda use_tf32=1");
    expect("append cuda");
    never("tensorrt");
    params.precision = FOV_PRECISION_F32;
    about = load_and_run(&params);
    assert_string_equal(about.precision, "f32");
    expect("cuda use_tf32=0");
}

static void tensorrt_is_told(void **unused)
{
    (void)unused;
    static const struct {
        fov_precision precision;
        const char *half, *bytes, *name;
    } cases[] = {{FOV_PRECISION_AUTO, "1", "0", "fp16"},
                 {FOV_PRECISION_F16, "1", "0", "fp16"},
                 {FOV_PRECISION_INT8, "1", "1", "int8"},
                 {FOV_PRECISION_F32, "0", "0", "f32"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char line[64];
        fov_model_params params = params_for("TENSORRT");
        params.precision = cases[i].precision;
        params.cache_dir = "/some/cache";
        fov_backend_model about = load_and_run(&params);
        assert_string_equal(about.precision, cases[i].name);
        snprintf(line, sizeof line, "tensorrt trt_fp16_enable=%s", cases[i].half);
        expect(line);
        snprintf(line, sizeof line, "tensorrt trt_int8_enable=%s", cases[i].bytes);
        expect(line);
        expect("tensorrt trt_engine_cache_enable=1");
        expect("tensorrt trt_engine_cache_path=/some/cache");
        expect("tensorrt trt_timing_cache_enable=1");
        expect("tensorrt trt_timing_cache_path=/some/cache");
        /* first TensorRT, then CUDA for the rest */
        expect("append cuda");
        assert_true(strstr(record, "append tensorrt") < strstr(record, "append cuda"));
    }
    fov_model_params params = params_for("TENSORRT");
    load_and_run(&params);
    never("cache"); /* none in the working folder */
}

static void coreml_is_told(void **unused)
{
    (void)unused;
    fov_model_params params = params_for("COREML");
    params.cache_dir = "/some/cache";
    fov_backend_model about = load_and_run(&params);
    assert_string_equal(about.device, "COREML");
    assert_string_equal(about.precision, "fp16");
    expect("append CoreML");
    expect("CoreML ModelFormat=MLProgram");
    expect("CoreML MLComputeUnits=ALL");
    expect("CoreML ModelCacheDirectory=/some/cache");
    params.precision = FOV_PRECISION_F32;
    about = load_and_run(&params);
    assert_string_equal(about.precision, "f32");
    expect("CoreML MLComputeUnits=CPUOnly");
}

static void an_absent_provider_is_named(void **unused)
{
    (void)unused;
    fov_model_params params = params_for("OPENVINO");
    fov_error error;
    assert_int_equal(refuse_model(ort, &params, &error), FOV_EUNSUPPORTED);
    assert_non_null(strstr(error.message, "OPENVINO"));
    assert_non_null(strstr(error.message, "TENSORRT, CUDA, COREML, CPU"));
}

/* Whatever fails: its reason is told, nothing is left behind, no other device is taken. */
static void failures_have_their_reason(void **unused)
{
    (void)unused;
    static const struct {
        const char *device, *call;
    } cases[] = {{"CUDA", "create_cuda_options"}, {"CUDA", "update_cuda_options"},
                 {"CUDA", "append_cuda"},         {"TENSORRT", "create_tensorrt_options"},
                 {"TENSORRT", "append_tensorrt"}, {"TENSORRT", "append_cuda"},
                 {"COREML", "append_provider"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fov_model_params params = params_for(cases[i].device);
        fov_error error;
        int before = *alive;
        *fails = cases[i].call;
        assert_int_equal(refuse_model(ort, &params, &error), FOV_ERUNTIME);
        assert_non_null(strstr(error.message, "it does not want to"));
        *fails = NULL;
        assert_int_equal(*alive, before);
    }
    fov_model_params params = params_for("CPU");
    static const char *const later[] = {"create_session_from_array", "create_io_binding",
                                        "run_with_binding", "get_bound_output_values"};
    for (size_t i = 0; i < sizeof later / sizeof *later; i++) {
        fov_error error;
        int before = *alive;
        *fails = later[i];
        refuse_model(ort, &params, &error);
        assert_non_null(strstr(error.message, "it does not want to"));
        *fails = NULL;
        assert_int_equal(*alive, before);
    }
}

/* Messages as the library of onnxruntime-gpu 1.31.1 gave them on a machine without a card. */
static void reasons_are_read_out_of_what_it_says(void **unused)
{
    (void)unused;
    static const struct {
        const char *status, *log, *told;
    } cases[] = {
        /* that a library of the vendor is missing stands in the log only */
        {"OrtSessionOptionsAppendExecutionProvider_Cuda: Failed to load shared library",
         "/onnxruntime_src/a.cc:1 void f(int) [ONNXRuntimeError] : 1 : FAIL : Failed to load "
         "library "
         "libonnxruntime_providers_cuda.so with error: libcudnn.so.9: cannot open\n",
         "CUDA: Failed to load library libonnxruntime_providers_cuda.so with error: libcudnn.so.9: "
         "cannot open"},
        {"/onnxruntime_src/b.cc:154 std::conditional_t<T, void, C> onnxruntime::CudaCall(E, const "
         "char*) [with E = cudaError; bool T = true] /onnxruntime_src/b.cc:146 void f(E) [with E = "
         "cudaError] CUDA failure 35: the driver is too old ; GPU=-1 ; hostname=vm ; line=3; \n",
         NULL, "CUDA: CUDA failure 35: the driver is too old"},
        {"plain words", NULL, "CUDA: plain words"},
        {"/onnxruntime_src/c.cc:1 nothing behind it", NULL,
         "CUDA: /onnxruntime_src/c.cc:1 nothing"},
        {"", NULL, "CUDA: no reason given"},
    };
    fov_model_params params = params_for("CUDA");
    fov_error error;
    const char *usual = *reason;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        *fails = "append_cuda";
        *reason = cases[i].status;
        *log_line = cases[i].log;
        assert_int_equal(refuse_model(ort, &params, &error), FOV_ERUNTIME);
        *fails = *log_line = NULL;
        if (!strstr(error.message, cases[i].told))
            fail_msg("\"%s\" is not \"%s\"", error.message, cases[i].told);
        assert_null(strstr(error.message, "hostname"));
    }
    *reason = usual;
}

static void a_failing_run_is_told_and_the_next_works(void **unused)
{
    (void)unused;
    fov_model_params params = params_for("CUDA");
    fov_tensor out[FOV_MODEL_OUTPUTS];
    fov_error error = {.message = ""};
    int before = *alive;
    void *model = load_model(ort, &params), *runner = runner_of(ort, model);
    for (int i = 0; i < 6; i++) {
        *fails = i % 2 ? "run_with_binding" : NULL;
        assert_int_equal(ort->run(runner, out, &error), i % 2 ? FOV_EINFER : FOV_OK);
    }
    *fails = NULL;
    assert_non_null(strstr(error.message, "it does not want to"));
    *fails = "bind_output";
    void *second = NULL;
    assert_int_equal(ort->runner_open(model, &second, &error), FOV_EINFER);
    assert_null(second);
    *fails = NULL;
    ort->runner_close(runner);
    ort->unload(model);
    assert_int_equal(*alive, before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_old_library_is_refused),
        cmocka_unit_test(the_oldest_table_is_asked_for),
        cmocka_unit_test(devices_need_their_hardware),
        cmocka_unit_test(the_cpu_gets_no_provider),
        cmocka_unit_test(cuda_is_told),
        cmocka_unit_test(tensorrt_is_told),
        cmocka_unit_test(coreml_is_told),
        cmocka_unit_test(an_absent_provider_is_named),
        cmocka_unit_test(failures_have_their_reason),
        cmocka_unit_test(reasons_are_read_out_of_what_it_says),
        cmocka_unit_test(a_failing_run_is_told_and_the_next_works),
    };
    meet_an_old_library();
    return cmocka_run_group_tests(tests, start, NULL);
}
