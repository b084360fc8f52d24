/* What it costs to list guaranteed streams, and to plan for them; both hold the lock that every
 * frame needs. Prints Markdown.
 *
 *     bench_promises
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <fovea/log.h>

#include "base/clock.h"
#include "flow/flow.h"
#include "quantile.h"

enum { STREAMS_MAX = 64, ROUNDS = 101 };

static fov_workers *workers;
static fov_stream *streams[STREAMS_MAX];

static void ignore(void *user, const fov_result *result)
{
    (void)user;
    (void)result;
}

/* Costs may have to be measured first. */
static fov_stream *open_stream(void)
{
    fov_stream_params params = {.max_latency_ms = 1000,
                                .guaranteed = true,
                                .promised_fps = 2,
                                .picture_width = 640,
                                .picture_height = 360,
                                .on_result = ignore};
    fov_error error = {0};
    for (int i = 0; i < 100; i++) {
        fov_stream *stream;
        if (fov_stream_open(&stream, workers, &params, &error) == FOV_OK)
            return stream;
        usleep(100000);
    }
    fprintf(stderr, "bench_promises: %s\n", error.message);
    exit(1);
}

static double list_us(int count)
{
    fov_admission told;
    int64_t start = clock_now_ns();
    for (int i = 0; i < count; i++)
        fov_stream_get_admission(streams[i], &told);
    return (double)(clock_now_ns() - start) / 1e3;
}

static double plan_us(void)
{
    pthread_mutex_lock(&workers->lock);
    int64_t start = clock_now_ns();
    promises_changed(workers, start);
    double us = (double)(clock_now_ns() - start) / 1e3;
    pthread_mutex_unlock(&workers->lock);
    return us;
}

static void print_row(int count)
{
    double list[ROUNDS], plan[ROUNDS];
    for (int i = 0; i < ROUNDS; i++) {
        list[i] = list_us(count);
        plan[i] = plan_us();
    }
    printf("| %d | %.0f | %.0f |\n", count, quantile(list, ROUNDS, 0.5),
           quantile(plan, ROUNDS, 0.5));
}

int main(void)
{
    fov_model_params model = {.path = "fake:sleep_ms=2"};
    fov_workers_params params = {.workers = 4, .model = &model, .pin_throughput = true};
    fov_error error = {0};
    fov_log_set(NULL, NULL, FOV_LOG_ERROR);
    if (fov_workers_create(&workers, &params, &error)) {
        fprintf(stderr, "bench_promises: %s\n", error.message);
        return 1;
    }
    printf(
        "| guaranteed streams | listing them, µs | a plan for them (every 2 s, and when one comes "
        "or goes), µs |\n|---|---|---|\n");
    int open = 0;
    for (int count = 1; count <= STREAMS_MAX; count *= 4) {
        while (open < count)
            streams[open++] = open_stream();
        print_row(count);
    }
    while (open > 0)
        fov_stream_close(&streams[--open]);
    fov_workers_destroy(&workers);
    return 0;
}
