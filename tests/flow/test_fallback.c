/* A device that fails while it runs: the next one of the chain goes on, with the reason, and every
 * frame is answered once. */
#include "bed.h"

#include <unistd.h>

/* Puts frames one by one until the model runs on `device`, at most for 10 s; false when it never
 * does. */
static bool runs_on(fov_workers *workers, fov_stream *stream, struct sink *sink, uint64_t *number,
                    const char *device)
{
    for (int i = 0; i < 500; i++) {
        put(stream, (*number)++);
        assert_true(sink_wait(sink, *number, 5000));
        fov_model *model = fov_workers_model(workers, NULL);
        bool there = strcmp(fov_model_get_info(model)->device, device) == 0;
        fov_model_close(&model);
        if (there)
            return true;
        usleep(20000);
    }
    return false;
}

/* path: a GPU that breaks after 5 runs; failures: answers that fail at least before it is left. */
static void leaves(const char *path, uint64_t failures)
{
    struct sink sink;
    struct events events = {0};
    fov_workers_info info;
    uint64_t number = 0;
    fov_workers *workers = workers_of(path, 2, &events);
    fov_stream *stream = stream_of(workers, &sink, (fov_stream_params){.fifo = true});
    for (; number < 5; number++) {
        put(stream, number);
        assert_true(sink_wait(&sink, number + 1, 5000));
    }
    assert_int_equal(sink.delivered, 5);
    assert_true(runs_on(workers, stream, &sink, &number, "CPU"));
    assert_true(sink.failed >= failures);
    fov_model *model = fov_workers_model(workers, NULL);
    assert_string_equal(fov_model_get_info(model)->fallback, "fake GPU: failed while it ran");
    fov_model_close(&model);
    uint64_t failed = sink.failed;
    for (int i = 0; i < 20; i++, number++)
        put(stream, number);
    assert_true(sink_wait(&sink, number, 5000));
    assert_int_equal(sink.failed, failed);
    assert_int_equal(events.fallbacks, 1);
    fov_workers_get_info(workers, &info);
    assert_int_equal(info.fallbacks, 1);
    assert_false(info.degraded);
    close_all(&stream, &sink);
    fov_workers_destroy(&workers);
}

static void two_failures_in_a_row_are_enough(void **state)
{
    (void)state;
    leaves("fake:gpu_fail_after=5", 2);
}

static void numbers_that_are_not_finite_are_enough_once(void **state)
{
    (void)state;
    leaves("fake:gpu_nan_after=5", 1);
}

/* Every second run fails: never two in a row, and nothing else could serve anyway. */
static void single_failures_change_nothing(void **state)
{
    (void)state;
    struct sink sink;
    struct events events = {0};
    fov_workers *workers = workers_of("fake:gpu_load_fails=0,fail_every=2", 1, &events);
    fov_stream *stream = stream_of(workers, &sink, (fov_stream_params){.fifo = true});
    for (uint64_t number = 0; number < 20; number++) {
        put(stream, number);
        assert_true(sink_wait(&sink, number + 1, 5000));
    }
    fov_model *model = fov_workers_model(workers, NULL);
    assert_string_equal(fov_model_get_info(model)->device, "GPU");
    fov_model_close(&model);
    assert_int_equal(sink.failed, 10);
    assert_int_equal(events.fallbacks, 0);
    close_all(&stream, &sink);
    fov_workers_destroy(&workers);
}

/* The last of the chain: it is kept, and works again when the trouble has passed. */
static void the_last_one_is_kept(void **state)
{
    (void)state;
    struct sink sink;
    struct events events = {0};
    fov_workers *workers = workers_of("fake:nan_every=3", 1, &events);
    fov_stream *stream = stream_of(workers, &sink, (fov_stream_params){.fifo = true});
    for (uint64_t number = 0; number < 30; number++) {
        put(stream, number);
        assert_true(sink_wait(&sink, number + 1, 5000));
        usleep(2000);
    }
    assert_int_equal(sink.delivered, 20);
    assert_int_equal(sink.failed, 10);
    assert_int_equal(events.fallbacks, 0);
    close_all(&stream, &sink);
    fov_workers_destroy(&workers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_failures_in_a_row_are_enough),
        cmocka_unit_test(numbers_that_are_not_finite_are_enough_once),
        cmocka_unit_test(single_failures_change_nothing),
        cmocka_unit_test(the_last_one_is_kept),
    };
    return cmocka_run_group_tests(tests, bed_make, bed_clear);
}
