/* Throughput of closed loops: streams beside raw calls, round by round. */
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "bench.h"
#include "quantile.h"

enum { WINDOW = 2 }; /* frames under way in each loop */

void bench_sleep(double seconds)
{
    struct timespec t = {(time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)};
    nanosleep(&t, NULL);
}

/* ---- streams ---- */

/* Samples of all loops of a run. */
struct samples {
    double *ms;
    atomic_int count;
};

struct session {
    fov_stream *stream;
    struct samples *samples;
    atomic_int done;
};

static void take_sample(struct samples *samples, const fov_timings *t)
{
    int i = samples->ms ? atomic_fetch_add(&samples->count, 1) : SAMPLES_MAX;
    if (i < SAMPLES_MAX)
        samples->ms[i] = ns_to_ms(t->decode + t->preprocess + t->inference + t->postprocess);
}

static void on_session(void *user, const fov_result *r)
{
    struct session *s = user;
    if (r->outcome != FOV_DELIVERED)
        return;
    atomic_fetch_add(&s->done, 1);
    take_sample(s->samples, &r->timings);
    fov_frame *frame = fov_frame_ref(r->frame);
    frame->capture_ns = clock_now_ns();
    frame->deadline_ns = 0;
    fov_stream_put(s->stream, &frame, NULL);
}

fov_status bench_loops(struct bench *b, int count, double seconds, double *fps, double *work_ms,
                       int *sample_count, fov_error *error)
{
    static struct session sessions[SESSIONS_MAX];
    struct samples samples = {.ms = work_ms};
    fov_stream_params params = {.on_result = on_session, .fifo = true, .max_bytes = 64 << 20};
    fov_status status = FOV_OK;
    int open = 0, done = 0;
    for (; open < count && !status; open += !status) {
        sessions[open].samples = &samples;
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
        bench_sleep(seconds);
    for (int i = 0; i < open; i++)
        done += atomic_load(&sessions[i].done);
    *fps = done / ((double)(clock_now_ns() - start) / NS_PER_S);
    for (int i = 0; i < open; i++) {
        fov_stream *stream = sessions[i].stream; /* callbacks use theirs until it is closed */
        fov_stream_close(&stream);
    }
    int taken = atomic_load(&samples.count);
    if (sample_count)
        *sample_count = taken < SAMPLES_MAX ? taken : SAMPLES_MAX;
    return status;
}

/* ---- raw calls ---- */

fov_status bench_raw_frame(struct bench *b, fov_runner *runner, int i, double *ms, fov_error *error)
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

static void *raw_loop(void *user)
{
    struct raw_thread *t = user;
    double ms;
    while (clock_now_ns() < t->end && !t->failed) {
        t->failed = bench_raw_frame(t->bench, t->runner, t->done, &ms, NULL) != FOV_OK;
        t->done++;
    }
    return NULL;
}

fov_status bench_raw(struct bench *b, struct raw_thread *threads, int count, double seconds,
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

fov_status bench_raw_open(struct bench *b, bool throughput, fov_model **model,
                          struct raw_thread *threads, int *count, fov_error *error)
{
    fov_model_params params = bench_params(b, throughput ? FOV_HINT_THROUGHPUT : FOV_HINT_LATENCY,
                                           0);
    fov_status status = fov_model_open(model, &params, error);
    int most = status ? 0 : fov_model_get_info(*model)->max_runners;
    for (*count = 0; *count < most && *count < SESSIONS_MAX && !status; *count += !status)
        status = fov_runner_open(&threads[*count].runner, *model, error);
    return status;
}

void bench_raw_close(fov_model **model, struct raw_thread *threads, int count)
{
    for (int i = 0; i < count; i++)
        fov_runner_close(&threads[i].runner);
    fov_model_close(model);
}

/* ---- both ---- */

fov_status bench_sessions(struct bench *b, fov_error *error)
{
    static struct raw_thread threads[SESSIONS_MAX];
    double mine[ROUNDS], bound[ROUNDS], seconds = b->seconds / ROUNDS;
    fov_model *model = NULL;
    int count = 0;
    fov_status status = bench_workers(b, b->sessions > 1, error);
    if (!status)
        status = bench_raw_open(b, b->sessions > 1, &model, threads, &count, error);
    for (int i = -1; i < ROUNDS && !status; i++) { /* the first one warms up */
        int at = i < 0 ? 0 : i;
        status = bench_raw(b, threads, count, seconds, &bound[at], error);
        if (!status)
            status = bench_loops(b, b->sessions, seconds, &mine[at], NULL, NULL, error);
    }
    bench_raw_close(&model, threads, count);
    fov_workers_destroy(&b->workers);
    if (!status) {
        b->bound_fps = quantile(bound, ROUNDS, 0.5);
        b->session_fps = quantile(mine, ROUNDS, 0.5);
    }
    return status;
}
