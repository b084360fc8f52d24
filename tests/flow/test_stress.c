/* Five seconds of everything at once, meant for the sanitizers: clients that open, put from two
 * threads, turn knobs and close; models swapped under them; statistics read all the while. Every
 * frame must still be answered exactly once, results in order. */
#include "flow_test.h"

#include <unistd.h>

#include "sink.h"

enum { CLIENTS = 5, SECONDS = 5 };

static fov_workers *workers;
static fov_frame_pool *frames;
static atomic_bool stop;
static atomic_int failures;
static atomic_ullong put_count, answered_count;

static void complain(const char *what)
{
    fprintf(stderr, "stress: %s\n", what);
    atomic_fetch_add(&failures, 1);
}

struct putter {
    fov_stream *stream;
    uint64_t random, count;
};

static void *put_some(void *argument)
{
    struct putter *p = argument;
    int n = 20 + random_below(&p->random, 60);
    for (int i = 0; i < n; i++) {
        fov_frame *frame = NULL;
        if (fov_frame_get(frames, 0, &frame) != FOV_OK)
            continue; /* all in use */
        if (fov_frame_alloc_image(frame, i % 3 ? FOV_RGB24 : FOV_YUV, 64, 48, 1, 1)) {
            fov_frame_unref(&frame);
            continue;
        }
        memset(frame->image.plane[0], i, (size_t)frame->image.stride[0] * 48);
        for (int c = 1; c < 3 && frame->image.pixels == FOV_YUV; c++)
            memset(frame->image.plane[c], 128, (size_t)frame->image.stride[c] * 24);
        frame->capture_ns = clock_now_ns();
        if (fov_stream_put(p->stream, &frame, NULL) != FOV_OK)
            complain("a frame was refused");
        p->count++;
        if (random_below(&p->random, 3) == 0)
            usleep((useconds_t)random_below(&p->random, 1500));
    }
    return NULL;
}

static void turn_knobs(fov_stream *stream, uint64_t *random)
{
    fov_stats stats;
    for (int i = 0; i < 10; i++) {
        fov_knobs knobs = {.conf = 0.1f * (float)(1 + random_below(random, 8)),
                           .max_latency_ms = random_below(random, 100) - 10,
                           .target_fps = random_below(random, 4) ? 0 : -1,
                           .fifo = random_below(random, 3) - 1};
        fov_stream_set(stream, &knobs);
        fov_stream_watch(stream, i % 2 == 0);
        fov_stream_get_stats(stream, 2, &stats);
        fov_admission admission;
        fov_stream_get_admission(stream, &admission);
        uint64_t sum = stats.delivered + stats.failed + stats.waiting;
        for (int r = 0; r < FOV_DROP_COUNT; r++)
            sum += stats.dropped[r];
        if (sum != stats.accepted)
            complain("counters do not add up");
        usleep(1000);
    }
}

static void one_session(uint64_t *random)
{
    struct sink sink;
    fov_stream *stream;
    sink_init(&sink);
    fov_stream_params params = {.on_result = sink_result,
                                .user = &sink,
                                .fifo = random_below(random, 2),
                                .always_run = random_below(random, 5) == 0,
                                .max_latency_ms = random_below(random, 3) * 20,
                                .capacity = 1 + random_below(random, 16),
                                .model_id = random_below(random, 3) ? NULL : "delayed"};
    params.guaranteed = random_below(random, 3) == 0;
    params.promised_fps = 1 + random_below(random, 20);
    fov_status status = fov_stream_open(&stream, workers, &params, NULL);
    if (params.guaranteed && (status == FOV_ECAPACITY || status == FOV_EAGAIN)) {
        params.guaranteed = false; /* no room for a promise: then without one */
        status = fov_stream_open(&stream, workers, &params, NULL);
    }
    if (status) {
        complain("a stream does not open");
        return;
    }
    struct putter putters[2] = {{stream, random_next(random), 0}, {stream, random_next(random), 0}};
    pthread_t threads[2];
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, put_some, &putters[i]);
    turn_knobs(stream, random);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    fov_stream_close(&stream);
    atomic_store(&sink.closed, true);
    if (sink.answers != putters[0].count + putters[1].count)
        complain("a frame has no answer");
    if (sink.broken)
        complain(sink.what);
    atomic_fetch_add(&put_count, putters[0].count + putters[1].count);
    atomic_fetch_add(&answered_count, sink.answers);
    sink_release(&sink);
}

static void *client_run(void *argument)
{
    uint64_t random = 1000 + (uint64_t)(uintptr_t)argument;
    while (!atomic_load(&stop))
        one_session(&random);
    return NULL;
}

static void *swapper_run(void *argument)
{
    static const char *const paths[] = {"fake:jitter_ms=1,fail_every=9,runners=2",
                                        "fake:jitter_ms=2,nan_every=11,boxes=3",
                                        "fake:cost_ms=1,boxes=bright,runners=3"};
    (void)argument;
    for (int i = 0; !atomic_load(&stop); i++) {
        fov_model_params params = {.path = paths[i % 3], .id = i % 2 ? "one" : "two"};
        if (fov_workers_add_model(workers, &params, true, NULL))
            complain("a model does not load");
        fov_model *model = fov_workers_model(workers, NULL);
        usleep(30000);
        fov_model_close(&model);
    }
    return NULL;
}

static void *reader_run(void *argument)
{
    (void)argument;
    while (!atomic_load(&stop)) {
        fov_stats stats;
        fov_workers_info info;
        fov_workers_get_stats(workers, 60, &stats);
        fov_workers_get_info(workers, &info);
        usleep(3000);
    }
    return NULL;
}

static void everything_at_once(void **state)
{
    (void)state;
    fov_model_params model = {.path = "fake:jitter_ms=1"};
    fov_model_params delayed = {.path = "fake:delay_ms=5,jitter_ms=1", .id = "delayed"};
    fov_workers_params params = {.workers = 3, .model = &model};
    fov_frame_pool_params pool = {.slots = 400};
    assert_int_equal(fov_workers_create(&workers, &params, NULL), FOV_OK);
    assert_int_equal(fov_workers_add_model(workers, &delayed, false, NULL), FOV_OK);
    assert_int_equal(fov_frame_pool_create(&frames, &pool, NULL), FOV_OK);
    pthread_t threads[CLIENTS + 2];
    for (uintptr_t i = 0; i < CLIENTS; i++)
        pthread_create(&threads[i], NULL, client_run, (void *)i);
    pthread_create(&threads[CLIENTS], NULL, swapper_run, NULL);
    pthread_create(&threads[CLIENTS + 1], NULL, reader_run, NULL);
    sleep(SECONDS);
    atomic_store(&stop, true);
    for (int i = 0; i < CLIENTS + 2; i++)
        pthread_join(threads[i], NULL);
    fov_stats stats;
    fov_workers_get_stats(workers, 60, &stats);
    assert_int_equal(failures, 0);
    assert_true(put_count > 500);
    assert_int_equal(stats.accepted, put_count);
    assert_int_equal(stats.waiting, 0);
    assert_true(stats.delivered > 0);
    fov_workers_destroy(&workers);
    fov_frame_pool_destroy(&frames);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(everything_at_once)};
    fov_log_set(NULL, NULL, FOV_LOG_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
