/* The C side of bench_python.py: the same calls on the same picture, 1920 x 1080 BGR.
 *
 *     bench_python predict MODEL FRAMES     median of fov_runner_detect, in us
 *     bench_python stream MODEL FRAMES      median of fov_stream_put and fov_stream_get, in us
 *     bench_python threads MODEL SECONDS    two threads with a runner each: frames a second
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <fovea/fovea.h>

#include "base/clock.h"
#include "quantile.h"

enum { WIDTH = 1920, HEIGHT = 1080, THREADS = 2, FRAMES_MAX = 100000, ROOM = 300 };

static uint8_t pixels[WIDTH * HEIGHT * 3];
static const fov_image image = {.pixels = FOV_BGR24,
                                .width = WIDTH,
                                .height = HEIGHT,
                                .plane = {pixels},
                                .stride = {WIDTH * 3}};

static void give_up(const char *what, const fov_error *error)
{
    fprintf(stderr, "bench_python: %s: %s\n", what, error->message);
    exit(1);
}

static fov_model *open_model(const char *path, int runners)
{
    fov_model *model = NULL;
    fov_error error = {0};
    fov_model_params params = {.path = path};
    if (runners > 1) {
        params.hint = FOV_HINT_THROUGHPUT;
        params.runners = runners;
    }
    if (fov_model_open(&model, &params, &error))
        give_up(path, &error);
    return model;
}

static fov_runner *open_runner(fov_model *model)
{
    fov_runner *runner = NULL;
    fov_error error = {0};
    if (fov_runner_open(&runner, model, &error))
        give_up("runner", &error);
    return runner;
}

static void detect(fov_runner *runner)
{
    fov_detection items[ROOM];
    fov_detections out = {.items = items, .capacity = ROOM};
    fov_error error = {0};
    if (fov_runner_detect(runner, &image, WIDTH, HEIGHT, NULL, &out, NULL, &error))
        give_up("detect", &error);
}

static void tell_median(double *times, int count)
{
    printf("%.2f\n", quantile(times, (size_t)count, 0.5));
}

static void predict(const char *path, int frames)
{
    static double times[FRAMES_MAX];
    fov_model *model = open_model(path, 1);
    fov_runner *runner = open_runner(model);
    for (int i = -frames / 10; i < frames; i++) {
        int64_t start = clock_now_ns();
        detect(runner);
        if (i >= 0)
            times[i] = (double)(clock_now_ns() - start) / 1e3;
    }
    tell_median(times, frames);
    fov_runner_close(&runner);
    fov_model_close(&model);
}

static void through(fov_stream *stream, fov_frame_pool *pool)
{
    fov_error error = {0};
    fov_frame *frame;
    fov_result *result;
    if (fov_frame_wrap(pool, &image, NULL, 0, NULL, NULL, &frame, &error))
        give_up("wrap", &error);
    if (fov_stream_put(stream, &frame, NULL) || fov_stream_get(stream, -1, &result, &error))
        give_up("stream", &error);
    fov_result_release(&result);
}

static void stream(const char *path, int frames)
{
    static double times[FRAMES_MAX];
    fov_workers *workers = NULL;
    fov_stream *s = NULL;
    fov_frame_pool *pool = NULL;
    fov_error error = {0};
    fov_model_params model = {.path = path};
    fov_workers_params of = {.model = &model};
    fov_stream_params params = {.results = 32};
    if (fov_workers_create(&workers, &of, &error) ||
        fov_stream_open(&s, workers, &params, &error) || fov_frame_pool_create(&pool, NULL, &error))
        give_up(path, &error);
    for (int i = -frames / 10; i < frames; i++) {
        int64_t start = clock_now_ns();
        through(s, pool);
        if (i >= 0)
            times[i] = (double)(clock_now_ns() - start) / 1e3;
    }
    tell_median(times, frames);
    fov_stream_close(&s);
    fov_workers_destroy(&workers);
    fov_frame_pool_destroy(&pool);
}

static atomic_long done;
static atomic_bool over;

static void *run(void *runner)
{
    while (!atomic_load(&over)) {
        detect(runner);
        atomic_fetch_add(&done, 1);
    }
    return NULL;
}

static void threads(const char *path, int seconds)
{
    pthread_t ids[THREADS];
    fov_runner *runners[THREADS];
    fov_model *model = open_model(path, THREADS);
    for (int i = 0; i < THREADS; i++) {
        runners[i] = open_runner(model);
        detect(runners[i]);
        pthread_create(&ids[i], NULL, run, runners[i]);
    }
    long before = atomic_load(&done);
    int64_t start = clock_now_ns();
    sleep((unsigned)seconds);
    double fps = (double)(atomic_load(&done) - before) / ((double)(clock_now_ns() - start) / 1e9);
    atomic_store(&over, true);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(ids[i], NULL);
        fov_runner_close(&runners[i]);
    }
    fov_model_close(&model);
    printf("%.2f\n", fps);
}

int main(int argc, char **argv)
{
    int number = argc == 4 ? atoi(argv[3]) : 0;
    if (number < 1 || number > FRAMES_MAX) {
        fprintf(stderr, "bench_python predict|stream|threads MODEL NUMBER\n");
        return 2;
    }
    if (!strcmp(argv[1], "predict"))
        predict(argv[2], number);
    else if (!strcmp(argv[1], "stream"))
        stream(argv[2], number);
    else
        threads(argv[2], number);
    return 0;
}
