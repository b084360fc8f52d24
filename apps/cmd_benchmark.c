/* fovea benchmark: what a frame costs here, stage by stage, beside the same work as raw calls; how
 * many sessions and live streams this machine carries. */
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <pthread.h>
#include <time.h>

#include <fovea/fovea.h>
#include "base/clock.h"
#include "base/json.h"
#include "bench_frames.h"
#include "chosen_model.h"
#include "commands.h"
#include "options.h"

enum { ROUNDS = 7, SAMPLES_MAX = 4096, SESSIONS_MAX = 64, WINDOW = 2 };
enum { STAGES = FOV_STAGE_COUNT, ROWS = STAGES + 2 }; /* ... total, bound */

struct bench {
    struct chosen_model chosen;
    const char *url;
    int sessions, per_round;
    double slo_ms, seconds, fps;
    bool json;

    struct bench_frames frames;
    fov_model *model; /* of the raw calls */
    fov_runner *runner;
    fov_workers *workers;
    double *samples[ROWS]; /* ms */
    int count;
    sem_t answered;
    fov_status failed;
    /* answers */
    double session_fps, bound_fps;
    int live_streams;
};

static int parse(struct bench *b, int argc, char **argv)
{
    static const struct usage usage = {
        "benchmark", "[SOURCE]",
        "What a frame costs on this machine, stage by stage, and how many streams it carries.",
        "The bound is the same work as raw library calls, measured in the same run, turn by turn.\n"
        "Without a SOURCE the demo clip is used. --slo finds how many live streams of --fps end\n"
        "99 of 100 frames within MS.\n\n"
        "  fovea benchmark\n"
        "  fovea benchmark street.mp4 --model yolo11n.onnx --sessions 4 --slo 200\n"};
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
        {"fps", OPTION_NUMBER, &b->fps, 1, 240, "N", "of each live stream (30)"},
        {"seconds", OPTION_NUMBER, &b->seconds, 0.2, 600, "S", "of each measurement (3)"},
        {"json", OPTION_FLAG, &b->json, 0, 0, NULL, "one JSON object on standard output"},
        {0}};
    b->sessions = 1;
    b->seconds = 3;
    b->fps = 30;
    int count = options_parse(&usage, options, argc, argv, &b->url, 1);
    return count < 0 ? count : 0;
}

/* ---- opening ---- */

/* The same model again: the file, runtime and device that were chosen. */
static fov_model_params params_of(const struct bench *b, fov_hint hint, int runners)
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
    fov_status status = bench_frames_read(&b->frames, b->url, error);
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

static fov_status open_workers(struct bench *b, bool throughput, fov_error *error)
{
    fov_model_params model = params_of(b, FOV_HINT_LATENCY, 0);
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

static fov_status raw_frame(struct bench *b, fov_runner *runner, int i, double *ms,
                            fov_error *error)
{
    fov_detection items[300];
    fov_detections found = {.items = items, .capacity = 300};
    fov_frame frame = bench_frames_view(&b->frames, i);
    int64_t start = clock_now_ns();
    fov_status status = fov_runner_detect_frame(runner, &frame, NULL, &found, NULL, NULL, NULL,
                                                error);
    *ms = ns_to_ms(clock_now_ns() - start);
    return status;
}

/* Raw call and stream take turns, so that whatever else happens on the machine hits both. */
static fov_status measure_stages(struct bench *b, fov_error *error)
{
    fov_stream *stream;
    fov_stream_params params = {.on_result = on_single, .user = b, .fifo = true};
    fov_status status = open_workers(b, false, error);
    if (!status)
        status = fov_stream_open(&stream, b->workers, &params, error);
    if (status)
        return status;
    int64_t end = clock_now_ns() + (int64_t)(b->seconds * NS_PER_S);
    for (int i = -10; !status && i < SAMPLES_MAX && (i < 50 || clock_now_ns() < end); i++) {
        b->count = i < 0 ? 0 : i; /* the first ten warm up */
        status = raw_frame(b, b->runner, i + 10, &b->samples[STAGES + 1][b->count], error);
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

/* ---- throughput ---- */

struct session {
    fov_stream *stream;
    atomic_int done;
};

static void on_session(void *user, const fov_result *r)
{
    struct session *s = user;
    if (r->outcome != FOV_DELIVERED)
        return;
    atomic_fetch_add(&s->done, 1);
    fov_frame *frame = fov_frame_ref(r->frame);
    frame->capture_ns = clock_now_ns();
    frame->deadline_ns = 0;
    fov_stream_put(s->stream, &frame, NULL);
}

static void sleep_s(double seconds)
{
    struct timespec t = {(time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)};
    nanosleep(&t, NULL);
}

static fov_status run_sessions(struct bench *b, double seconds, double *fps, fov_error *error)
{
    static struct session sessions[SESSIONS_MAX];
    fov_stream_params params = {.on_result = on_session, .fifo = true, .max_bytes = 64 << 20};
    fov_status status = FOV_OK;
    int open = 0, done = 0;
    for (; open < b->sessions && !status; open += !status) {
        atomic_init(&sessions[open].done, 0);
        params.user = &sessions[open];
        status = fov_stream_open(&sessions[open].stream, b->workers, &params, error);
    }
    int64_t start = clock_now_ns();
    for (int i = 0; i < WINDOW * open && !status; i++) {
        fov_frame *frame = bench_frames_get(&b->frames, i);
        if (frame)
            fov_stream_put(sessions[i % open].stream, &frame, NULL);
    }
    if (!status)
        sleep_s(seconds);
    for (int i = 0; i < open; i++)
        done += atomic_load(&sessions[i].done);
    *fps = done / ((double)(clock_now_ns() - start) / NS_PER_S);
    for (int i = 0; i < open; i++) {
        fov_stream *stream = sessions[i].stream; /* callbacks use theirs until it is closed */
        fov_stream_close(&stream);
    }
    return status;
}

struct raw_thread {
    pthread_t thread;
    struct bench *bench;
    fov_runner *runner;
    int64_t end;
    int done;
    bool failed;
};

static void *raw_loop(void *user)
{
    struct raw_thread *t = user;
    double ms;
    while (clock_now_ns() < t->end && !t->failed) {
        t->failed = raw_frame(t->bench, t->runner, t->done, &ms, NULL) != FOV_OK;
        t->done++;
    }
    return NULL;
}

static fov_status run_raw(struct bench *b, struct raw_thread *threads, int count, double seconds,
                          double *fps, fov_error *error)
{
    int64_t start = clock_now_ns();
    int done = 0, started = 0;
    bool failed = false;
    for (; started < count; started++) {
        threads[started].bench = b;
        threads[started].end = start + (int64_t)(seconds * NS_PER_S);
        threads[started].done = 0;
        if (pthread_create(&threads[started].thread, NULL, raw_loop, &threads[started]))
            break;
    }
    for (int i = 0; i < started; i++) {
        pthread_join(threads[i].thread, NULL);
        done += threads[i].done;
        failed = failed || threads[i].failed;
    }
    *fps = done / ((double)(clock_now_ns() - start) / NS_PER_S);
    return failed || started < count ? fov_fail(error, FOV_EINFER, "raw calls failed") : FOV_OK;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double quantile(double *values, int n, double q)
{
    qsort(values, (size_t)n, sizeof *values, by_value);
    return values[(int)(q * (n - 1) + 0.5)];
}

/* Runners of one model for the raw side: as many as run at once in the same form. */
static fov_status open_raw(struct bench *b, fov_model **model, struct raw_thread *threads,
                           int *count, fov_error *error)
{
    bool throughput = b->sessions > 1;
    fov_model_params params = params_of(b, throughput ? FOV_HINT_THROUGHPUT : FOV_HINT_LATENCY, 0);
    fov_status status = fov_model_open(model, &params, error);
    int most = status ? 0 : fov_model_get_info(*model)->max_runners;
    for (*count = 0; *count < most && *count < SESSIONS_MAX && !status; *count += !status)
        status = fov_runner_open(&threads[*count].runner, *model, error);
    return status;
}

static fov_status measure_sessions(struct bench *b, fov_error *error)
{
    static struct raw_thread threads[SESSIONS_MAX];
    double mine[ROUNDS], bound[ROUNDS], seconds = b->seconds / ROUNDS;
    fov_model *model = NULL;
    int count = 0;
    fov_status status = open_workers(b, b->sessions > 1, error);
    if (!status)
        status = open_raw(b, &model, threads, &count, error);
    for (int i = -1; i < ROUNDS && !status; i++) { /* the first one warms up */
        int at = i < 0 ? 0 : i;
        status = run_raw(b, threads, count, seconds, &bound[at], error);
        if (!status)
            status = run_sessions(b, seconds, &mine[at], error);
    }
    for (int i = 0; i < count; i++)
        fov_runner_close(&threads[i].runner);
    fov_model_close(&model);
    fov_workers_destroy(&b->workers);
    if (!status) {
        b->bound_fps = quantile(bound, ROUNDS, 0.5);
        b->session_fps = quantile(mine, ROUNDS, 0.5);
    }
    return status;
}

/* ---- live streams under a deadline ---- */

static void on_live(void *user, const fov_result *r)
{
    (void)user;
    (void)r; /* the stream counts */
}

/* `count` cameras of b->fps, evenly out of step, for a while: do 99 of 100 frames end in time? */
static fov_status live_fits(struct bench *b, int count, bool *fits, fov_error *error)
{
    fov_stream *streams[SESSIONS_MAX];
    fov_stream_params params = {.on_result = on_live, .max_latency_ms = b->slo_ms};
    uint64_t accepted = 0, delivered = 0, late = 0;
    fov_status status = FOV_OK;
    int open = 0;
    for (; open < count && !status; open += !status)
        status = fov_stream_open(&streams[open], b->workers, &params, error);
    int64_t step = (int64_t)(NS_PER_S / (b->fps * count)), next = clock_now_ns();
    int64_t each = (int64_t)(b->seconds * b->fps), frames = (each < 10 ? 10 : each) * count;
    for (int64_t i = 0; i < frames && !status; i++, next += step) {
        int64_t wait = next - clock_now_ns();
        if (wait > 0)
            sleep_s((double)wait / NS_PER_S);
        fov_frame *frame = bench_frames_get(&b->frames, (int)i);
        if (frame)
            fov_stream_put(streams[i % count], &frame, NULL);
    }
    sleep_s(b->slo_ms / 1e3);
    for (int i = 0; i < open; i++) {
        fov_stats stats;
        fov_stream_get_stats(streams[i], 60, &stats);
        accepted += stats.accepted;
        delivered += stats.delivered;
        late += stats.violations;
        fov_stream_close(&streams[i]);
    }
    *fits = accepted > 0 && (double)late <= 0.01 * (double)accepted &&
            (double)delivered >= 0.98 * (double)accepted;
    fprintf(stderr, "%d live stream%s of %g fps: %llu of %llu frames delivered, %llu late\n", count,
            count == 1 ? "" : "s", b->fps, (unsigned long long)delivered,
            (unsigned long long)accepted, (unsigned long long)late);
    return status;
}

/* Doubles until it does not fit, then halves the gap; a doubtful number gets a second chance. */
static fov_status measure_live(struct bench *b, fov_error *error)
{
    fov_model_params model = params_of(b, FOV_HINT_LATENCY, 0);
    fov_workers_params params = {.model = &model};
    fov_status status = fov_workers_create(&b->workers, &params, error);
    int fitting = 0, too_many = SESSIONS_MAX + 1;
    while (!status && fitting + 1 < too_many) {
        int count = too_many > SESSIONS_MAX ? 2 * fitting : (fitting + too_many) / 2;
        bool fits = false;
        count = count < 1 ? 1 : count > SESSIONS_MAX ? SESSIONS_MAX : count;
        for (int attempt = 0; attempt < 2 && !status && !fits; attempt++)
            status = live_fits(b, count, &fits, error);
        *(fits ? &fitting : &too_many) = count;
    }
    b->live_streams = fitting;
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
        printf("%d live streams of %g fps end 99 of 100 frames within %g ms\n", b->live_streams,
               b->fps, b->slo_ms);
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
    if (b->slo_ms > 0) {
        json_add_number(&w, "slo_ms", b->slo_ms, 1);
        json_add_int(&w, "live_streams", b->live_streams);
    }
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
        status = measure_sessions(&b, &error);
    if (!status && b.slo_ms > 0)
        status = measure_live(&b, &error);
    if (status)
        fprintf(stderr, "fovea benchmark: %s\n", error.message);
    else if (b.json)
        print_json(&b);
    else
        print_table(&b);
    close_all(&b);
    return fov_status_exit(status);
}
