/* Results that are taken instead of called back, frames that wait for room and for each other,
 * statistics now and then. */
#include "bed.h"
#include "flow/flow.h"

#include <time.h>
#include <unistd.h>

static fov_stream *open_kept(fov_workers *workers, fov_stream_params params)
{
    fov_stream *stream = NULL;
    fov_error error = {0};
    if (fov_stream_open(&stream, workers, &params, &error))
        fail_msg("%s", error.message);
    return stream;
}

static bool put_now(fov_stream *stream, uint64_t number)
{
    fov_frame *frame = frame_of(number, FOV_RGB24);
    fov_status status = fov_stream_put_wait(stream, &frame, 0, NULL);
    assert_true(status == FOV_OK ? !frame : status == FOV_EAGAIN && frame);
    fov_frame_unref(&frame);
    return status == FOV_OK;
}

static uint64_t dropped_of(const fov_stats *stats)
{
    uint64_t sum = 0;
    for (int i = 0; i < FOV_DROP_COUNT; i++)
        sum += stats->dropped[i];
    return sum;
}

/* ---- taking ---------------------------------------------------------------------------------- */

static void results_are_taken_in_order(void **state)
{
    (void)state;
    fov_workers *workers = workers_of("fake:boxes=bright", 2, NULL);
    fov_stream *stream = open_kept(workers, (fov_stream_params){.results = 4, .fifo = true});
    fov_result *result, *kept = NULL;
    assert_int_equal(fov_stream_get(stream, 0, &result, NULL), FOV_EAGAIN);
    assert_null(result);
    int64_t start = clock_now_ns();
    assert_int_equal(fov_stream_get(stream, 30, &result, NULL), FOV_EAGAIN);
    assert_true(clock_now_ns() - start >= 29 * MS);
    uint64_t next = 0;
    for (uint64_t i = 0; i < 200;) {
        i += put_now(stream, i);
        while (fov_stream_get(stream, i == 200 ? 5000 : 0, &result, NULL) == FOV_OK) {
            assert_int_equal(result->frame->number, next++);
            assert_int_equal(result->outcome, FOV_DELIVERED);
            assert_int_equal(result->detections->count, 1);
            assert_non_null(result->params);
            const fov_detection *box = &result->detections->items[0];
            int x = (int)(box->x1 + box->x2) / 2, y = (int)(box->y1 + box->y2) / 2;
            const fov_image *image = &result->frame->image;
            assert_int_equal(image->plane[0][y * image->stride[0] + 3 * x], 255);
            if (next == 100) /* outlives its stream, and the workers */
                kept = result;
            else
                fov_result_release(&result);
            if (next == 200)
                break;
        }
    }
    assert_int_equal(next, 200);
    fov_stream_close(&stream);
    fov_workers_destroy(&workers);
    assert_int_equal(kept->frame->number, 99);
    assert_string_equal(fov_model_get_info(kept->model)->backend, "fake");
    fov_result_release(&kept);
    assert_null(kept);
    fov_result_release(&kept);
}

/* Takes `count` results, numbers growing; returns the last one's. */
static uint64_t take(fov_stream *stream, int count)
{
    fov_result *result;
    uint64_t last = 0;
    for (int i = 0; i < count; i++) {
        assert_int_equal(fov_stream_get(stream, 10000, &result, NULL), FOV_OK);
        assert_true(i == 0 || result->frame->number > last);
        last = result->frame->number;
        fov_result_release(&result);
    }
    assert_int_equal(fov_stream_get(stream, 20, &result, NULL), FOV_EAGAIN);
    return last;
}

/* In a live stream the newest three are there. */
static void nobody_takes_from_a_live_stream(void **state)
{
    (void)state;
    fov_stats stats = {0};
    fov_workers *workers = workers_of("fake:sleep_ms=1", 1, NULL);
    fov_stream *stream = open_kept(workers, (fov_stream_params){.results = 3, .capacity = 4});
    for (uint64_t i = 0; i < 40; i++, usleep(4000))
        put(stream, i);
    for (int i = 0; i < 5000; i++, usleep(2000)) {
        fov_stream_get_stats(stream, 10, &stats);
        if (stats.waiting == 0 && stats.untaken + 3 == stats.delivered)
            break;
    }
    assert_int_equal(stats.accepted, 40);
    assert_int_equal(stats.accepted, stats.delivered + dropped_of(&stats));
    assert_int_equal(stats.untaken + 3, stats.delivered);
    assert_int_equal(take(stream, 3), 39);
    fov_stream_close(&stream);
    fov_workers_destroy(&workers);
}

/* In a fifo stream the worker waits, then the one who puts: nothing is lost, nothing grows. */
static void nobody_takes_from_a_fifo_stream(void **state)
{
    (void)state;
    fov_stats stats;
    fov_workers *workers = workers_of("fake:sleep_ms=1", 1, NULL);
    fov_stream *stream = open_kept(workers,
                                   (fov_stream_params){.results = 3, .capacity = 4, .fifo = true});
    uint64_t accepted = 0;
    for (int i = 0; i < 5000 && accepted < 7; i++, usleep(2000))
        accepted += put_now(stream, accepted);
    for (int i = 0; i < 20; i++, usleep(2000))
        assert_false(put_now(stream, accepted));
    fov_stream_get_stats(stream, 10, &stats);
    assert_int_equal(accepted, 7);
    assert_int_equal(stats.delivered, 3);
    assert_int_equal(stats.waiting, 4);
    assert_int_equal(stats.untaken, 0);
    assert_int_equal(take(stream, 7), 6);
    fov_stream_close(&stream);
    fov_workers_destroy(&workers);
}

static void a_source_ends(void **state)
{
    (void)state;
    fov_workers *workers = workers_of("fake:", 1, NULL);
    fov_stream *stream = open_kept(workers, (fov_stream_params){.results = 2, .fifo = true});
    fov_source *source = NULL;
    fov_source_params params = {.url = "pattern:width=64,height=64,frames=30"};
    fov_result *result;
    fov_error error = {0};
    int taken = 0;
    fov_status status;
    assert_int_equal(fov_source_open(&source, &params, NULL), FOV_OK);
    assert_int_equal(fov_stream_start_source(stream, &source, true, NULL), FOV_OK);
    while ((status = fov_stream_get(stream, 5000, &result, &error)) == FOV_OK) {
        assert_int_equal(result->frame->seq, taken++);
        fov_result_release(&result);
    }
    assert_int_equal(status, FOV_EOS);
    assert_int_equal(taken, 30);
    assert_int_equal(fov_stream_get(stream, -1, &result, &error), FOV_EOS);
    fov_stream_close(&stream);
    fov_workers_destroy(&workers);
}

struct told_end {
    atomic_int calls;
    fov_status status;
};

static void on_end(void *user, fov_status status, const char *message)
{
    struct told_end *told = user;
    (void)message;
    told->status = status;
    atomic_fetch_add(&told->calls, 1);
}

/* Its source could give more: it ends as one that came to its end. */
static void a_stream_with_a_source_is_finished(void **state)
{
    (void)state;
    struct told_end told = {.status = FOV_EINVAL};
    fov_workers *workers = workers_of("fake:", 1, NULL);
    fov_stream *stream = open_kept(
        workers, (fov_stream_params){.results = 2, .fifo = true, .on_end = on_end, .user = &told});
    fov_source *source = NULL;
    fov_source_params params = {.url = "pattern:width=64,height=64,frames=1000000"};
    fov_result *result;
    fov_status status;
    assert_int_equal(fov_source_open(&source, &params, NULL), FOV_OK);
    assert_int_equal(fov_stream_start_source(stream, &source, true, NULL), FOV_OK);
    assert_int_equal(fov_stream_get(stream, 5000, &result, NULL), FOV_OK);
    fov_result_release(&result);
    fov_stream_finish(stream);
    while ((status = fov_stream_get(stream, 5000, &result, NULL)) == FOV_OK)
        fov_result_release(&result);
    assert_int_equal(status, FOV_EOS);
    for (int i = 0; i < 1000 && !told.calls; i++)
        usleep(5000);
    assert_int_equal(told.calls, 1);
    assert_int_equal(told.status, FOV_OK);
    assert_int_equal(fov_stream_get(stream, 0, &result, NULL), FOV_EOS);
    fov_stream_close(&stream);
    fov_workers_destroy(&workers);
}

static void broken_pictures_are_told(void **state)
{
    (void)state;
    fov_workers *workers = workers_of("fake:", 1, NULL);
    fov_stream *stream = open_kept(workers, (fov_stream_params){.results = 2});
    fov_frame *frame = NULL;
    fov_result *result;
    assert_int_equal(fov_frame_get(frames, 4, &frame), FOV_OK);
    memcpy(frame->bytes, "nope", 4);
    frame->size = 4;
    assert_int_equal(fov_stream_put(stream, &frame, NULL), FOV_OK);
    assert_int_equal(fov_stream_get(stream, 5000, &result, NULL), FOV_OK);
    assert_int_equal(result->outcome, FOV_DROPPED);
    assert_int_equal(result->reason, FOV_DROP_DECODE);
    assert_true(result->message[0]);
    fov_result_release(&result);
    fov_stream_close(&stream);
    fov_workers_destroy(&workers);
}

/* ---- many threads, and the end ----------------------------------------------------------------
 */

struct taker {
    fov_stream *stream;
    pthread_t thread;
    uint64_t taken;
    fov_status end;
};

static void *take_all(void *argument)
{
    struct taker *t = argument;
    fov_result *result;
    while ((t->end = fov_stream_get(t->stream, -1, &result, NULL)) == FOV_OK) {
        t->taken++;
        fov_result_release(&result);
    }
    return NULL;
}

static void finishing_tells_every_taker(void **state)
{
    (void)state;
    fov_workers *workers = workers_of("fake:", 2, NULL);
    for (int round = 0; round < 20; round++) {
        struct taker takers[3] = {0};
        fov_stream *stream = open_kept(workers,
                                       (fov_stream_params){.results = 2, .fifo = round & 1});
        for (int i = 0; i < 3; i++) {
            takers[i].stream = stream;
            pthread_create(&takers[i].thread, NULL, take_all, &takers[i]);
        }
        uint64_t put = 0, taken = 0;
        for (int i = 0; i < 50; i++) {
            fov_frame *frame = frame_of((uint64_t)i, FOV_RGB24);
            assert_int_equal(fov_stream_put_wait(stream, &frame, -1, NULL), FOV_OK);
            put++;
        }
        fov_stream_finish(stream);
        fov_frame *late = frame_of(50, FOV_RGB24);
        assert_int_equal(fov_stream_put_wait(stream, &late, 100, NULL), FOV_ECLOSED);
        assert_null(late);
        for (int i = 0; i < 3; i++) {
            pthread_join(takers[i].thread, NULL);
            assert_int_equal(takers[i].end, FOV_EOS);
            taken += takers[i].taken;
        }
        fov_stats stats;
        fov_stream_get_stats(stream, 10, &stats);
        assert_int_equal(put, 50);
        assert_int_equal(taken + stats.untaken, 50);
        assert_true(taken == 50 || !(round & 1));
        fov_stream_close(&stream);
    }
    fov_workers_destroy(&workers);
}

static void closing_sends_those_away_who_wait(void **state)
{
    (void)state;
    fov_workers *workers = workers_of("fake:", 1, NULL);
    for (int round = 0; round < 20; round++) {
        struct taker takers[3] = {0};
        fov_stream *stream = open_kept(workers, (fov_stream_params){.results = 2});
        for (int i = 0; i < 3; i++) {
            takers[i].stream = stream;
            pthread_create(&takers[i].thread, NULL, take_all, &takers[i]);
        }
        while (results_inside(stream->results) < 3) /* nothing was put: all of them wait */
            usleep(1000);
        fov_stream_close(&stream);
        for (int i = 0; i < 3; i++) {
            pthread_join(takers[i].thread, NULL);
            assert_int_equal(takers[i].end, FOV_ECLOSED);
        }
    }
    fov_workers_destroy(&workers);
}

/* ---- gathering ------------------------------------------------------------------------------- */

/* One worker, runs of four frames. */
static fov_workers *batch_workers_of(const char *path)
{
    fov_workers *workers = NULL;
    fov_model_params model = {.path = path, .batch = 4};
    fov_workers_params params = {
        .workers = 1, .model = &model, .pin_latency = true, .always_batch = true};
    assert_int_equal(fov_workers_create(&workers, &params, NULL), FOV_OK);
    return workers;
}

static void runs_wait_for_a_whole_batch(void **state)
{
    (void)state;
    fov_workers *workers = batch_workers_of("fake:boxes=bright");
    fov_result *result;
    fov_stream *stream = open_kept(
        workers, (fov_stream_params){.results = 16, .fifo = true, .gather = 4, .capacity = 8});
    for (uint64_t i = 0; i < 3; i++)
        assert_true(put_now(stream, i));
    assert_int_equal(fov_stream_get(stream, 100, &result, NULL), FOV_EAGAIN);
    assert_true(put_now(stream, 3));
    int64_t inference = 0;
    for (uint64_t i = 0; i < 4; i++) {
        assert_int_equal(fov_stream_get(stream, 5000, &result, NULL), FOV_OK);
        assert_int_equal(result->frame->number, i);
        assert_true(i == 0 || result->timings.inference == inference); /* of the one run */
        inference = result->timings.inference;
        fov_result_release(&result);
    }
    assert_true(put_now(stream, 4));
    assert_int_equal(fov_stream_get(stream, 50, &result, NULL), FOV_EAGAIN);
    fov_stream_flush(stream);
    assert_int_equal(fov_stream_get(stream, 5000, &result, NULL), FOV_OK);
    fov_result_release(&result);
    fov_stream_close(&stream);
    fov_workers_destroy(&workers);
}

/* Of frames this large two fit, and a run waits for four: those run that there is room for. */
static void large_frames_run_before_there_are_enough(void **state)
{
    (void)state;
    fov_workers *workers = batch_workers_of("fake:");
    fov_stats stats;
    fov_stream *stream = open_kept(
        workers, (fov_stream_params){
                     .results = 16, .fifo = true, .gather = 4, .capacity = 8, .max_bytes = 45000});
    for (uint64_t i = 0; i < 7; i++) {
        fov_frame *frame = frame_of(i, FOV_RGB24);
        assert_int_equal(fov_stream_put_wait(stream, &frame, 5000, NULL), FOV_OK);
    }
    fov_stream_flush(stream);
    assert_int_equal(take(stream, 7), 6);
    for (uint64_t i = 7; i < 10; i++) /* nor is any dropped that had to wait */
        put(stream, i);
    assert_int_equal(take(stream, 3), 9);
    fov_stream_get_stats(stream, 10, &stats);
    assert_int_equal(dropped_of(&stats), 0);
    fov_stream_close(&stream);
    fov_workers_destroy(&workers);
}

/* A device breaks: the two failures that show it are all that a file loses. */
static void a_file_waits_for_the_next_runtime(void **state)
{
    (void)state;
    fov_workers *workers = workers_of("fake:gpu_fail_after=3", 1, NULL);
    fov_stream *stream = open_kept(workers, (fov_stream_params){.results = 8, .fifo = true});
    fov_result *result;
    int failed = 0;
    for (uint64_t i = 0; i < 30; i++) {
        fov_frame *frame = frame_of(i, FOV_RGB24);
        assert_int_equal(fov_stream_put_wait(stream, &frame, 5000, NULL), FOV_OK);
        assert_int_equal(fov_stream_get(stream, 5000, &result, NULL), FOV_OK);
        assert_int_equal(result->frame->number, i);
        failed += result->outcome != FOV_DELIVERED;
        fov_result_release(&result);
    }
    assert_int_equal(failed, 2);
    fov_stream_close(&stream);
    fov_workers_destroy(&workers);
}

/* ---- statistics ------------------------------------------------------------------------------ */

struct told {
    atomic_int calls;
    fov_stats last;
};

static void on_stats(void *user, const fov_stats *stats)
{
    struct told *told = user;
    told->last = *stats;
    atomic_fetch_add(&told->calls, 1);
}

static void statistics_come_by_themselves(void **state)
{
    (void)state;
    struct told told = {0}, other = {0};
    fov_workers *workers = workers_of("fake:", 1, NULL);
    fov_stream *stream = open_kept(workers, (fov_stream_params){.results = 8,
                                                                .fifo = true,
                                                                .stats_interval_s = 0.1,
                                                                .on_stats = on_stats,
                                                                .user = &told});
    fov_stream *second = open_kept(
        workers, (fov_stream_params){
                     .results = 1, .stats_interval_s = 10, .on_stats = on_stats, .user = &other});
    for (uint64_t i = 0; i < 5; i++)
        put_now(stream, i);
    for (int i = 0; i < 1000 && told.calls < 5; i++) /* also while there is nothing to do */
        usleep(5000);
    fov_stream_close(&stream);
    assert_true(told.calls >= 5);
    assert_int_equal(told.last.accepted, 5);
    assert_int_equal(told.last.delivered, 5);
    int calls = told.calls;
    usleep(250000);
    assert_int_equal(told.calls, calls);
    assert_int_equal(other.calls, 0);
    fov_stream_close(&second);
    fov_workers_destroy(&workers);
}

static bool is_running(fov_stream *stream)
{
    pthread_mutex_lock(&stream->pool->lock);
    bool running = stream->view.running > 0;
    pthread_mutex_unlock(&stream->pool->lock);
    return running;
}

/* Statistics are due while a stream waits for its last run: nobody spins until it ends. */
static void closing_costs_no_time(void **state)
{
    (void)state;
    fov_workers *workers = workers_of("fake:sleep_ms=1200", 1, NULL);
    fov_stream *stream = open_kept(
        workers, (fov_stream_params){.results = 8, .fifo = true, .stats_interval_s = 0.1});
    assert_true(put_now(stream, 0));
    while (!is_running(stream))
        usleep(1000);
    clock_t start = clock();
    fov_stream_close(&stream);
    assert_true((double)(clock() - start) / CLOCKS_PER_SEC < 0.5);
    fov_workers_destroy(&workers);
}

static void keep_line(void *user, fov_log_level level, const char *module, const char *line)
{
    atomic_int *lines = user;
    if (level == FOV_LOG_INFO && strcmp(module, "flow") == 0 && strstr(line, "hall: ") &&
        strstr(line, "3 delivered, 0 dropped, 0 failed"))
        atomic_fetch_add(lines, 1);
}

static void statistics_go_to_the_log(void **state)
{
    (void)state;
    atomic_int lines = 0;
    fov_workers *workers = workers_of("fake:", 1, NULL);
    fov_log_set(keep_line, &lines, FOV_LOG_INFO);
    fov_stream *stream = open_kept(
        workers,
        (fov_stream_params){.name = "hall", .results = 8, .fifo = true, .stats_interval_s = 0.1});
    for (uint64_t i = 0; i < 3; i++)
        put_now(stream, i);
    for (int i = 0; i < 2000 && lines < 2; i++)
        usleep(5000);
    fov_stream_close(&stream);
    fov_log_set(NULL, NULL, FOV_LOG_ERROR);
    assert_true(lines >= 2);
    fov_workers_destroy(&workers);
}

static void wrong_ways_are_refused(void **state)
{
    (void)state;
    fov_workers *workers = workers_of("fake:", 1, NULL);
    fov_stream *stream;
    fov_error error = {0};
    const fov_stream_params wrong[] = {
        {.results = 0},
        {.results = 65},
        {.results = -1},
        {.results = 1, .on_result = sink_result},
        {.results = 4, .gather = 2},
        {.results = 4, .fifo = true, .gather = 9, .capacity = 8},
        {.results = 4, .stats_interval_s = 0.01},
        {.results = 4, .stats_interval_s = -1},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(fov_stream_open(&stream, workers, &wrong[i], &error), FOV_EINVAL);
    struct sink sink;
    fov_result *result;
    stream = stream_of(workers, &sink, (fov_stream_params){0});
    assert_int_equal(fov_stream_get(stream, 0, &result, &error), FOV_EINVAL);
    close_all(&stream, &sink);
    fov_workers_destroy(&workers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(results_are_taken_in_order),
        cmocka_unit_test(nobody_takes_from_a_live_stream),
        cmocka_unit_test(nobody_takes_from_a_fifo_stream),
        cmocka_unit_test(a_source_ends),
        cmocka_unit_test(a_stream_with_a_source_is_finished),
        cmocka_unit_test(broken_pictures_are_told),
        cmocka_unit_test(finishing_tells_every_taker),
        cmocka_unit_test(closing_sends_those_away_who_wait),
        cmocka_unit_test(runs_wait_for_a_whole_batch),
        cmocka_unit_test(large_frames_run_before_there_are_enough),
        cmocka_unit_test(a_file_waits_for_the_next_runtime),
        cmocka_unit_test(statistics_come_by_themselves),
        cmocka_unit_test(closing_costs_no_time),
        cmocka_unit_test(statistics_go_to_the_log),
        cmocka_unit_test(wrong_ways_are_refused),
    };
    return cmocka_run_group_tests(tests, bed_make, bed_clear);
}
