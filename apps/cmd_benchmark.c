/* fovea benchmark: what a frame costs here, stage by stage, beside the same work as raw calls; how
 * many sessions and live streams this machine carries. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "bench.h"
#include "commands.h"
#include "options.h"
#include "quantile.h"

static int parse(struct bench *b, int argc, char **argv)
{
    static const struct usage usage = {
        "benchmark", "[SOURCE]",
        "What a frame costs on this machine, stage by stage, and how many streams it carries.",
        "The bound is the same work as raw library calls, measured in the same run, turn by turn.\n"
        "Without a SOURCE the demo clip is used. --slo answers how many live streams of --fps and "
        "of\n"
        "the SOURCE's size (left out: 1280 x 720) end 99 of 100 frames within MS, first from what\n"
        "frames cost, then by trying; with --sessions N whether N do.\n\n"
        "  fovea benchmark\n"
        "  fovea benchmark street.mp4 --model yolo11n.onnx --sessions 4\n"
        "  fovea benchmark --slo 200\n"};
    const struct option_spec options[] = {
        {"model", OPTION_TEXT, &b->chosen.model, 0, 0, "M", "file or name of a model"},
        {"device", OPTION_TEXT, &b->chosen.device, 0, 0, "D", "CPU, GPU, NPU (best present)"},
        {"backend", OPTION_TEXT, &b->chosen.backend, 0, 0, "B",
         "openvino, onnxruntime (best present)"},
        {"precision", OPTION_TEXT, &b->chosen.precision, 0, 0, "P", "auto, fp32, fp16, int8"},
        {"imgsz", OPTION_INT, &b->chosen.imgsz, 32, 4096, "N", "input size, dynamic models only"},
        {"head", OPTION_TEXT, &b->chosen.head, 0, 0, "H", "read as ssd, yolo, yolox"},
        {"input", OPTION_TEXT, &b->chosen.input, 0, 0, "WORDS", "pixels: bgr,letterbox,scale=255"},
        {"labels", OPTION_TEXT, &b->chosen.labels, 0, 0, "FILE", "one label a line"},
        {"sessions", OPTION_INT, &b->sessions, 1, SESSIONS_MAX, "N", "throughput of N at once (1)"},
        {"slo", OPTION_NUMBER, &b->slo_ms, 1, 60000, "MS", "how many live streams end in MS"},
        {"fps", OPTION_NUMBER, &b->fps, 1, 240, "N", "of each live stream (15)"},
        {"seconds", OPTION_NUMBER, &b->seconds, 0.2, 600, "S", "of each measurement (3)"},
        {"json", OPTION_FLAG, &b->json, 0, 0, NULL, "one JSON object on standard output"},
        {0}};
    b->sessions = 1;
    b->seconds = 3;
    b->fps = 15;
    int count = options_parse(&usage, options, argc, argv, &b->url, 1);
    return count < 0 ? count : 0;
}

/* ---- opening ---- */

fov_model_params bench_params(const struct bench *b, fov_hint hint, int runners)
{
    const fov_model_info *info = fov_model_get_info(b->model);
    bool fake = !strcmp(info->backend, "fake"); /* its device is its own */
    return (fov_model_params){.path = info->path,
                              .id = info->id,
                              .no_int8 = true, /* `path` is the form that was chosen */
                              .head = info->head,
                              .input = b->chosen.input,
                              .labels = b->chosen.labels,
                              .backend = fake ? NULL : info->backend,
                              .device = fake ? NULL : info->device,
                              .precision = !strcmp(info->precision, "f32")   ? FOV_PRECISION_F32
                                           : !strcmp(info->precision, "f16") ? FOV_PRECISION_F16
                                                                             : FOV_PRECISION_AUTO,
                              .input_width = info->input_width,
                              .input_height = info->input_height,
                              .hint = hint,
                              .runners = runners};
}

static fov_status open_all(struct bench *b, fov_error *error)
{
    fov_status status = bench_frames_read(&b->frames, b->url, b->slo_ms > 0, error);
    if (!status)
        status = chosen_model_open(&b->chosen, &b->model, error);
    if (!status)
        status = fov_runner_open(&b->runner, b->model, error);
    for (int i = 0; i < ROWS && !status; i++)
        if (!(b->samples[i] = malloc(SAMPLES_MAX * sizeof **b->samples)))
            status = fov_fail(error, FOV_ENOMEM, "no memory for samples");
    sem_init(&b->answered, 0, 0);
    return status;
}

fov_status bench_workers(struct bench *b, bool throughput, fov_error *error)
{
    fov_model_params model = bench_params(b, FOV_HINT_LATENCY, 0);
    fov_workers_params params = {
        .model = &model, .pin_latency = !throughput, .pin_throughput = throughput};
    return fov_workers_create(&b->workers, &params, error);
}

static void close_all(struct bench *b)
{
    fov_workers_destroy(&b->workers);
    fov_runner_close(&b->runner);
    fov_model_close(&b->model);
    bench_frames_release(&b->frames);
    for (int i = 0; i < ROWS; i++)
        free(b->samples[i]);
    sem_destroy(&b->answered);
}

/* ---- one frame at a time ---- */

static void on_single(void *user, const fov_result *r)
{
    struct bench *b = user;
    const fov_timings *t = &r->timings;
    const int64_t stages[STAGES] = {t->queue,       t->decode, t->preprocess, t->inference,
                                    t->postprocess, t->track,  t->publish};
    for (int i = 0; i < STAGES; i++)
        b->samples[i][b->count] = ns_to_ms(stages[i]);
    b->samples[STAGES][b->count] = ns_to_ms(t->total);
    if (r->outcome != FOV_DELIVERED)
        b->failed = r->status ? r->status : FOV_EINFER;
    sem_post(&b->answered);
}

/* Raw call and stream take turns, so that whatever else happens on the machine hits both. */
static fov_status measure_stages(struct bench *b, fov_error *error)
{
    fov_stream *stream;
    fov_stream_params params = {.on_result = on_single, .user = b, .fifo = true};
    fov_status status = bench_workers(b, false, error);
    if (!status)
        status = fov_stream_open(&stream, b->workers, &params, error);
    if (status)
        return status;
    int64_t end = clock_now_ns() + (int64_t)(b->seconds * NS_PER_S);
    for (int i = -10; !status && i < SAMPLES_MAX && (i < 50 || clock_now_ns() < end); i++) {
        b->count = i < 0 ? 0 : i; /* the first ten warm up */
        status = bench_raw_frame(b, b->runner, i + 10, &b->samples[STAGES + 1][b->count], error);
        fov_frame *frame = bench_frames_get(&b->frames, i + 10);
        if (!status && frame && fov_stream_put(stream, &frame, NULL) == FOV_OK)
            sem_wait(&b->answered);
        if (!status && b->failed)
            status = fov_fail(error, b->failed, "a frame failed");
    }
    b->count++;
    fov_stream_close(&stream);
    fov_workers_destroy(&b->workers);
    return status;
}

/* ---- answers ---- */

static const char *row_name(int row)
{
    return row < STAGES ? fov_stage_name((fov_stage)row) : row == STAGES ? "total" : "bound";
}

static void print_table(struct bench *b)
{
    const fov_model_info *info = fov_model_get_info(b->model);
    printf("%s, %d x %d JPEG; %s on %s (%s), %s, %d threads\n\n", b->frames.source, b->frames.width,
           b->frames.height, info->id, info->device, info->device_name, info->precision,
           info->threads);
    printf("%-12s %8s %8s %8s   ms, %d frames, one at a time\n", "stage", "p50", "p95", "p99",
           b->count);
    for (int row = 0; row < ROWS; row++)
        printf("%-12s %8.3f %8.3f %8.3f\n", row_name(row), quantile(b->samples[row], b->count, 0.5),
               quantile(b->samples[row], b->count, 0.95),
               quantile(b->samples[row], b->count, 0.99));
    printf("\n%d session%s: %.1f frames a second; the bound is %.1f (%.1f %%)\n", b->sessions,
           b->sessions > 1 ? "s" : "", b->session_fps, b->bound_fps,
           100 * b->session_fps / b->bound_fps);
    if (b->slo_ms > 0)
        bench_live_print(b);
}

static void print_json(struct bench *b)
{
    const fov_model_info *info = fov_model_get_info(b->model);
    struct json_writer w = {0};
    json_object_begin(&w);
    json_add_string(&w, "source", b->frames.source);
    json_add_int(&w, "width", b->frames.width);
    json_add_int(&w, "height", b->frames.height);
    json_add_string(&w, "model", info->id);
    json_add_string(&w, "device", info->device_name);
    json_add_string(&w, "precision", info->precision);
    json_add_int(&w, "frames", b->count);
    json_name(&w, "stages_ms");
    json_object_begin(&w);
    for (int row = 0; row < ROWS; row++) {
        json_name(&w, row_name(row));
        json_object_begin(&w);
        json_add_number(&w, "p50", quantile(b->samples[row], b->count, 0.5), 4);
        json_add_number(&w, "p95", quantile(b->samples[row], b->count, 0.95), 4);
        json_add_number(&w, "p99", quantile(b->samples[row], b->count, 0.99), 4);
        json_object_end(&w);
    }
    json_object_end(&w);
    json_add_int(&w, "sessions", b->sessions);
    json_add_number(&w, "fps", b->session_fps, 2);
    json_add_number(&w, "bound_fps", b->bound_fps, 2);
    if (b->slo_ms > 0)
        bench_live_json(b, &w);
    json_object_end(&w);
    puts(w.text ? w.text : "{}");
    json_release(&w);
}

int cmd_benchmark(int argc, char **argv)
{
    static struct bench b;
    fov_error error = {0};
    int parsed = parse(&b, argc, argv);
    if (parsed < 0)
        return parsed == OPTIONS_HELP ? 0 : 2;
    fov_log_set(NULL, NULL, FOV_LOG_ERROR);
    fov_status status = open_all(&b, &error);
    if (!status)
        status = measure_stages(&b, &error);
    if (!status)
        status = bench_sessions(&b, &error);
    if (!status && b.slo_ms > 0)
        status = bench_live(&b, &error);
    if (status)
        fprintf(stderr, "fovea benchmark: %s\n", error.message);
    else if (b.json)
        print_json(&b);
    else
        print_table(&b);
    close_all(&b);
    return fov_status_exit(status);
}
