/* What the backend layer adds to the runtime's own C call: a tiny model, run by turns.
 *
 *     bench_backend MODEL.onnx [RUNS]
 *
 * The bound is the runtime's call alone with everything bound before, as its documentation has it;
 * against it stands fov_backend->run, which every frame goes through. Medians over the turns; the
 * difference is taken turn by turn. Prints Markdown. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <fovea/backend.h>

#include "base/clock.h"
#include "infer/onnxruntime_api.h"
#include "infer/openvino_api.h"

enum { RUNS_MAX = 100000, RUNS = 20000, WARM = 500, INPUT = 3 * 8 * 6, OUTPUT = 4 * 8 * 6 };

static const double GOAL_US = 20;
static const int64_t input_shape[4] = {1, 3, 8, 6}, output_shape[4] = {1, 4, 8, 6};
static _Alignas(64) float input[INPUT], output[OUTPUT];
static char *model_bytes;
static size_t model_size;
static const char *model_path;

static void give_up(const char *what, const char *why)
{
    fprintf(stderr, "bench_backend: %s%s%s\n", what, why ? ": " : "", why ? why : "");
    exit(1);
}

static void must(bool good, const char *what)
{
    if (!good)
        give_up(what, "failed");
}

static void read_model(void)
{
    FILE *f = fopen(model_path, "rb");
    model_bytes = malloc(1 << 20);
    must(f && model_bytes, model_path);
    model_size = fread(model_bytes, 1, 1 << 20, f);
    fclose(f);
}

/* ---- the calls alone: opened once, never closed ---- */

static struct {
    const struct onnxruntime *ort;
    ort_session *session;
    ort_binding *binding;
    ort_run_options *run;
} raw_ort;

static void open_onnxruntime(void)
{
    const struct onnxruntime *o;
    ort_options *options = NULL;
    ort_value *in = NULL, *out = NULL;
    must(onnxruntime_open(NULL, &o, NULL) == FOV_OK, "onnxruntime");
    bool good = onnxruntime_done(o->create_session_options(&options)) &&
                onnxruntime_done(o->set_intra_op_num_threads(options, 1)) &&
                onnxruntime_done(o->create_session_from_array(o->env, model_bytes, model_size,
                                                              options, &raw_ort.session)) &&
                onnxruntime_done(o->create_tensor_with_data(o->memory, input, sizeof input,
                                                            input_shape, 4,
                                                            onnxruntime_number(FOV_F32), &in)) &&
                onnxruntime_done(o->create_tensor_with_data(o->memory, output, sizeof output,
                                                            output_shape, 4,
                                                            onnxruntime_number(FOV_F32), &out)) &&
                onnxruntime_done(o->create_io_binding(raw_ort.session, &raw_ort.binding)) &&
                onnxruntime_done(o->bind_input(raw_ort.binding, "images", in)) &&
                onnxruntime_done(o->bind_output(raw_ort.binding, "y", out)) &&
                onnxruntime_done(o->create_run_options(&raw_ort.run));
    must(good, "onnxruntime");
    raw_ort.ort = o;
}

static void run_onnxruntime(void)
{
    must(!raw_ort.ort->run_with_binding(raw_ort.session, raw_ort.run, raw_ort.binding), "raw run");
}

static struct {
    const struct openvino *ov;
    ov_request *request;
} raw_ov;

static void open_openvino(void)
{
    const struct openvino *o;
    ov_model *model = NULL;
    ov_compiled *compiled = NULL;
    ov_tensor *in = NULL;
    struct ov_shape shape = {0};
    must(openvino_open(NULL, &o, NULL) == FOV_OK, "openvino");
    bool good = !o->core_read_model(o->core, model_path, NULL, &model) &&
                /* settings as fovea has them, or another machine would be compared */
                !o->core_compile_model(o->core, model, "CPU", 10, &compiled,
                                       "INFERENCE_NUM_THREADS", "1", "PERFORMANCE_HINT", "LATENCY",
                                       "NUM_STREAMS", "1", "ENABLE_CPU_PINNING", "NO",
                                       "INFERENCE_PRECISION_HINT", "f32") &&
                !o->compiled_model_create_infer_request(compiled, &raw_ov.request) &&
                !o->shape_create(4, input_shape, &shape) &&
                !o->tensor_create_from_host_ptr(openvino_number(FOV_F32), shape, input, &in) &&
                !o->infer_request_set_input_tensor_by_index(raw_ov.request, 0, in);
    must(good, "openvino");
    raw_ov.ov = o;
}

static void run_openvino(void)
{
    must(!raw_ov.ov->infer_request_infer(raw_ov.request), "raw run");
}

static const struct raw {
    const char *name;
    void (*open)(void), (*run)(void);
} raws[] = {{"openvino", open_openvino, run_openvino},
            {"onnxruntime", open_onnxruntime, run_onnxruntime}};

/* ---- by turns ---- */

static double raw_us[RUNS_MAX], layer_us[RUNS_MAX], added_us[RUNS_MAX];

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values, int count)
{
    qsort(values, (size_t)count, sizeof *values, ascending);
    return values[count / 2];
}

static int64_t time_raw(const struct raw *raw)
{
    int64_t start = clock_now_ns();
    raw->run();
    return clock_now_ns() - start;
}

static int64_t time_layer(const fov_backend *b, void *runner)
{
    fov_tensor out[FOV_MODEL_OUTPUTS];
    int64_t start = clock_now_ns();
    must(b->run(runner, out, NULL) == FOV_OK, b->name);
    return clock_now_ns() - start;
}

/* Each goes first in every other turn. */
static void measure(const struct raw *raw, const fov_backend *b, void *runner, int runs)
{
    for (int i = -WARM; i < runs; i++) {
        int64_t first = i & 1 ? time_raw(raw) : time_layer(b, runner);
        int64_t second = i & 1 ? time_layer(b, runner) : time_raw(raw);
        if (i < 0)
            continue;
        raw_us[i] = (double)(i & 1 ? first : second) / 1e3;
        layer_us[i] = (double)(i & 1 ? second : first) / 1e3;
        added_us[i] = layer_us[i] - raw_us[i];
    }
    double added = median(added_us, runs);
    printf("| %s | %.1f us | %.1f us | %.2f us | %.0f us | %s |\n", b->name, median(raw_us, runs),
           median(layer_us, runs), added, GOAL_US, added <= GOAL_US ? "yes" : "no");
    fflush(stdout);
}

static void bench(const fov_backend *b, int runs)
{
    static fov_backend_probe probe;
    const struct raw *raw = NULL;
    fov_error error = {.message = ""};
    fov_model_params params = {
        .path = model_path, .device = "CPU", .threads = 1, .precision = FOV_PRECISION_F32};
    void *model, *runner;
    for (size_t i = 0; i < sizeof raws / sizeof *raws; i++)
        if (!strcmp(raws[i].name, b->name))
            raw = &raws[i];
    b->probe(NULL, &probe);
    if (!raw || !probe.available)
        return;
    raw->open();
    if (b->load(&params, &model, &error) || b->runner_open(model, &runner, &error))
        give_up(b->name, error.message);
    measure(raw, b, runner, runs);
    b->runner_close(runner);
    b->unload(model);
}

int main(int argc, char **argv)
{
    long runs = argc > 2 ? strtol(argv[2], NULL, 10) : RUNS;
    if (argc < 2 || runs < 1 || runs > RUNS_MAX)
        give_up("MODEL.onnx [RUNS, at most 100000]", NULL);
    model_path = argv[1];
    setpriority(PRIO_PROCESS, 0, 5);
    read_model();
    printf("A convolution of 8x6 pixels on one thread, %ld runs by turns; medians.\n\n", runs);
    printf("| backend | the runtime's call | through fovea | added a run | goal | reached |\n");
    printf("|---|---|---|---|---|---|\n");
    for (size_t i = 0; fov_backend_at(i); i++)
        bench(fov_backend_at(i), (int)runs);
    free(model_bytes);
    return 0;
}
