/* Streams with a source of their own: in real time, fast, to the end, and closed half-way. */
#include "flow_test.h"

#include <unistd.h>

#include "sink.h"

struct ending {
    atomic_int calls;
    fov_status status;
    uint64_t answers; /* when it came */
};

struct watcher {
    struct sink sink;
    struct ending end;
};

static fov_workers *workers;

static void on_result(void *user, const fov_result *r)
{
    struct watcher *w = user;
    sink_result(&w->sink, r);
}

static void on_end(void *user, fov_status status, const char *message)
{
    struct watcher *w = user;
    w->end.status = status;
    w->end.answers = w->sink.answers;
    assert_non_null(message);
    atomic_fetch_add(&w->end.calls, 1);
}

static fov_stream *open_with(struct watcher *w, const char *url, bool fast,
                             fov_stream_params params)
{
    fov_stream *stream = NULL;
    fov_source *source = NULL;
    fov_error error = {0};
    memset(w, 0, sizeof *w);
    sink_init(&w->sink);
    params.on_result = on_result;
    params.on_end = on_end;
    params.user = w;
    fov_source_params sp = {.url = url};
    if (fov_source_open(&source, &sp, &error) ||
        fov_stream_open(&stream, workers, &params, &error) ||
        fov_stream_start_source(stream, &source, fast, &error))
        fail_msg("%s", error.message);
    assert_null(source);
    return stream;
}

static void close_watched(fov_stream **stream, struct watcher *w)
{
    fov_stream_close(stream);
    atomic_store(&w->sink.closed, true);
    if (w->sink.broken)
        fail_msg("%s", w->sink.what);
    sink_release(&w->sink);
}

static bool wait_for_end(struct watcher *w, int ms)
{
    for (; ms > 0 && atomic_load(&w->end.calls) == 0; ms -= 5)
        usleep(5000);
    return atomic_load(&w->end.calls) == 1;
}

static void real_time_keeps_the_beat(void **state)
{
    (void)state;
    static struct watcher w;
    int64_t start = clock_now_ns();
    fov_stream *stream = open_with(&w, "pattern:width=160,height=120,fps=30,frames=45", false,
                                   (fov_stream_params){.fifo = true});
    assert_true(wait_for_end(&w, 10000));
    int64_t passed = clock_now_ns() - start;
    assert_true(passed > 1350 * MS); /* 44 intervals of 33 ms and a bit less */
    assert_int_equal(w.end.status, FOV_OK);
    assert_int_equal(w.end.answers, 45);
    assert_int_equal(w.sink.answers, 45);
    assert_true(w.sink.delivered >= 43);
    for (int i = 1; i < 45; i++) /* captured on the beat, whenever it was read */
        assert_true(w.sink.entries[i].total_ns < 1000 * MS);
    close_watched(&stream, &w);
}

static void fast_drops_nothing(void **state)
{
    (void)state;
    static struct watcher w;
    for (int live = 0; live < 2; live++) {
        fov_stream *stream = open_with(&w, "pattern:width=160,height=120,fps=5,frames=100", true,
                                       (fov_stream_params){.fifo = !live});
        assert_true(wait_for_end(&w, 10000)); /* 20 s of pictures */
        assert_int_equal(w.sink.delivered, 100);
        assert_int_equal(w.end.answers, 100);
        close_watched(&stream, &w);
    }
}

static void close_stops_the_source(void **state)
{
    (void)state;
    static struct watcher w;
    for (int fast = 0; fast < 2; fast++) {
        fov_stream *stream = open_with(&w, "pattern:width=160,height=120,fps=30", fast,
                                       (fov_stream_params){0});
        assert_true(sink_wait(&w.sink, 3, 5000));
        int64_t start = clock_now_ns();
        close_watched(&stream, &w);
        assert_true(clock_now_ns() - start < 1000 * MS);
        assert_int_equal(w.end.calls, 0);
    }
}

static void one_source_a_stream(void **state)
{
    (void)state;
    static struct watcher w;
    fov_error error = {0};
    fov_source *second = NULL;
    fov_source_params sp = {.url = "pattern:width=64,height=64,fps=10"};
    fov_stream *stream = open_with(&w, "pattern:width=64,height=64,fps=10", false,
                                   (fov_stream_params){0});
    assert_int_equal(fov_source_open(&second, &sp, &error), FOV_OK);
    assert_int_equal(fov_stream_start_source(stream, &second, false, &error), FOV_EEXISTS);
    assert_null(second); /* taken and closed all the same */
    assert_int_equal(fov_stream_start_source(stream, &second, false, &error), FOV_EINVAL);
    close_watched(&stream, &w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(real_time_keeps_the_beat),
        cmocka_unit_test(fast_drops_nothing),
        cmocka_unit_test(close_stops_the_source),
        cmocka_unit_test(one_source_a_stream),
    };
    fov_model_params model = {.path = "fake:jitter_ms=2"};
    fov_workers_params params = {.workers = 2, .model = &model};
    fov_log_set(NULL, NULL, FOV_LOG_ERROR);
    if (fov_workers_create(&workers, &params, NULL))
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    fov_workers_destroy(&workers);
    return failed;
}
