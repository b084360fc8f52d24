/* A model that is a function, in a stream: its deadline is kept, what it says belongs to its frame,
 * and what hangs is given up. */
#include "bed.h"

#include <unistd.h>

struct mine {
    atomic_int calls, ended, waits_ms, ends_at_limit, fails;
};

/* A box at the frame's number; waits as a detector would that asks somebody else. */
static fov_status answer(void *user, const fov_own_picture *picture, fov_detections *out,
                         fov_error *error)
{
    struct mine *mine = user;
    int64_t end = clock_now_ns() + atomic_load(&mine->waits_ms) * MS;
    atomic_fetch_add(&mine->calls, 1);
    while (clock_now_ns() < end) {
        if (atomic_load(&mine->ends_at_limit) && picture->limit_ns &&
            clock_now_ns() >= picture->limit_ns)
            return fov_fail(error, FOV_ETIMEOUT, "not in time");
        usleep(1000);
    }
    if (atomic_load(&mine->fails))
        return fov_fail(error, FOV_EINFER, "a bad day");
    out->items[0] = (fov_detection){.x2 = 10, .y2 = 5, .score = 0.5f, .class_id = 3};
    out->count = 1;
    return FOV_OK;
}

static fov_status detect(void *user, const fov_own_picture *picture, fov_detections *out,
                         fov_error *error)
{
    fov_status status = answer(user, picture, out, error);
    atomic_fetch_add(&((struct mine *)user)->ended, 1);
    return status;
}

static fov_workers *start(const fov_own_model *own)
{
    fov_workers *workers = NULL;
    fov_error error = {0};
    fov_model_params model = {.path = "mine", .own = own};
    fov_workers_params params = {.workers = 2, .model = &model};
    if (fov_workers_create(&workers, &params, &error))
        fail_msg("%s", error.message);
    return workers;
}

static fov_stream *open_kept(fov_workers *workers, fov_stream_params params)
{
    fov_stream *stream = NULL;
    fov_error error = {0};
    params.results = 16;
    params.tell_drops = true;
    if (fov_stream_open(&stream, workers, &params, &error))
        fail_msg("%s", error.message);
    return stream;
}

static fov_result *take(fov_stream *stream)
{
    fov_result *result;
    assert_int_equal(fov_stream_get(stream, 10000, &result, NULL), FOV_OK);
    return result;
}

static void frames_go_through_it(void **state)
{
    (void)state;
    struct mine mine = {0};
    const fov_own_model own = {.detect = detect, .user = &mine};
    fov_workers *workers = start(&own);
    fov_stream *stream = open_kept(workers, (fov_stream_params){.fifo = true});
    for (uint64_t i = 0; i < 20; i++) {
        put(stream, i);
        fov_result *result = take(stream);
        assert_int_equal(result->outcome, FOV_DELIVERED);
        assert_int_equal(result->frame->number, i);
        assert_int_equal(result->detections->count, 1);
        assert_int_equal(result->detections->items[0].class_id, 3);
        assert_true(result->detections->items[0].x2 == 10);
        fov_result_release(&result);
    }
    assert_int_equal(mine.calls, 20);
    fov_stream_close(&stream);
    fov_workers_destroy(&workers);
}

/* The frame is answered at its deadline, as a drop with that reason, and the next one is run. */
static void a_slow_one_is_dropped_at_the_deadline(void **state)
{
    (void)state;
    struct mine mine = {.waits_ms = 3000, .ends_at_limit = 1};
    const fov_own_model own = {.detect = detect, .user = &mine};
    fov_workers *workers = start(&own);
    fov_stream *stream = open_kept(workers, (fov_stream_params){.max_latency_ms = 500});
    put(stream, 0);
    fov_result *result = take(stream);
    assert_int_equal(result->outcome, FOV_DROPPED);
    assert_int_equal(result->reason, FOV_DROP_DEADLINE);
    assert_int_equal(result->frame->number, 0);
    fov_result_release(&result);
    atomic_store(&mine.waits_ms, 0);
    put(stream, 1);
    result = take(stream);
    assert_int_equal(result->outcome, FOV_DELIVERED);
    fov_result_release(&result);
    fov_stats stats;
    fov_stream_close_stats(&stream, 10, &stats);
    assert_int_equal(stats.accepted, 2);
    assert_int_equal(stats.delivered + stats.dropped[FOV_DROP_DEADLINE], 2);
    fov_workers_destroy(&workers);
}

/* One that takes no notice of the limit is given up by its patience; a failing one tells why, and
 * is called again. */
static void a_hanging_one_is_given_up(void **state)
{
    (void)state;
    static struct mine mine = {.waits_ms = 1500}; /* a lost call reads it for a while */
    const fov_own_model own = {.detect = detect, .user = &mine, .patience_ms = 100};
    fov_workers *workers = start(&own);
    fov_stream *stream = open_kept(workers, (fov_stream_params){.fifo = true});
    int64_t start_ns = clock_now_ns();
    put(stream, 0);
    fov_result *result = take(stream);
    assert_true(clock_now_ns() - start_ns < 1400 * MS);
    assert_int_equal(result->outcome, FOV_FAILED);
    assert_int_equal(result->status, FOV_ETIMEOUT);
    fov_result_release(&result);
    atomic_store(&mine.waits_ms, 0);
    put(stream, 1);
    result = take(stream);
    assert_int_equal(result->outcome, FOV_DELIVERED);
    fov_result_release(&result);
    fov_stream_close(&stream);
    fov_workers_destroy(&workers);
    while (atomic_load(&mine.ended) < atomic_load(&mine.calls))
        usleep(1000);
}

static void a_failing_one_tells_why(void **state)
{
    (void)state;
    struct mine mine = {.fails = 1};
    const fov_own_model own = {.detect = detect, .user = &mine};
    fov_workers *workers = start(&own);
    fov_stream *stream = open_kept(workers, (fov_stream_params){0});
    for (uint64_t i = 0; i < 6; i++) {
        put(stream, i);
        fov_result *result = take(stream);
        assert_int_equal(result->outcome, FOV_FAILED);
        assert_int_equal(result->status, FOV_EINFER);
        assert_string_equal(result->message, "a bad day");
        fov_result_release(&result);
    }
    atomic_store(&mine.fails, 0);
    put(stream, 6);
    fov_result *result = take(stream);
    assert_int_equal(result->outcome, FOV_DELIVERED);
    fov_result_release(&result);
    fov_stream_close(&stream);
    fov_workers_destroy(&workers);
}

/* A live stream tells what became of every frame. */
static void all_drops_are_told(void **state)
{
    (void)state;
    struct mine mine = {.waits_ms = 20};
    const fov_own_model own = {.detect = detect, .user = &mine};
    fov_workers *workers = start(&own);
    fov_stream *stream = open_kept(workers, (fov_stream_params){.capacity = 2});
    int outcomes[3] = {0};
    for (uint64_t i = 0; i < 12; i++)
        put(stream, i);
    for (int i = 0; i < 12; i++) {
        fov_result *result = take(stream);
        outcomes[result->outcome]++;
        assert_true(result->outcome != FOV_DROPPED || result->reason == FOV_DROP_QUEUE ||
                    result->reason == FOV_DROP_SUPERSEDED);
        fov_result_release(&result);
    }
    assert_int_equal(outcomes[FOV_DELIVERED] + outcomes[FOV_DROPPED], 12);
    assert_true(outcomes[FOV_DELIVERED] >= 1 && outcomes[FOV_DROPPED] >= 1);
    fov_stream_close(&stream);
    fov_workers_destroy(&workers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_go_through_it),
        cmocka_unit_test(a_slow_one_is_dropped_at_the_deadline),
        cmocka_unit_test(a_hanging_one_is_given_up),
        cmocka_unit_test(a_failing_one_tells_why),
        cmocka_unit_test(all_drops_are_told),
    };
    return cmocka_run_group_tests(tests, bed_make, bed_clear);
}
