/* A model at several input sizes: compiled behind, switched between two frames, at most three
 * kept; and frame rates that follow the latency. Real threads, the fake backend. */
#include "bed.h"
#include "flow/flow.h"

#include <unistd.h>

enum { FRAMES = 200 };

static bool is_ready(fov_workers *workers, int px)
{
    fov_sizes sizes;
    fov_workers_get_sizes(workers, NULL, &sizes);
    for (int i = 0; i < sizes.count; i++)
        if (sizes.px[i] == px)
            return sizes.ready[i];
    return false;
}

static bool wait_ready(fov_workers *workers, int px)
{
    for (int i = 0; i < 500 && !is_ready(workers, px); i++)
        usleep(10000);
    return is_ready(workers, px);
}

static bool wait_size(fov_stream *stream, int px)
{
    for (int i = 0; i < 500 && fov_stream_input_px(stream) != px; i++)
        usleep(10000);
    return fov_stream_input_px(stream) == px;
}

static void the_ladder_of_a_model(void **state)
{
    (void)state;
    fov_sizes sizes;
    fov_error error = {0};
    fov_workers *workers = workers_of("fake:open=1", 1, NULL);
    fov_workers_get_sizes(workers, "", &sizes);
    assert_int_equal(sizes.count, 3);
    assert_int_equal(sizes.px[0], 640);
    assert_int_equal(sizes.px[1], 480);
    assert_int_equal(sizes.px[2], 320);
    assert_true(sizes.ready[0] && !sizes.ready[1] && !sizes.ready[2]);
    assert_int_equal(fov_workers_prepare_size(workers, "", 320, &error), FOV_OK);
    assert_true(wait_ready(workers, 320));
    assert_false(is_ready(workers, 480)); /* only what was asked for */
    assert_int_equal(fov_workers_prepare_size(workers, "none", 320, &error), FOV_ENOTFOUND);
    assert_int_equal(fov_workers_prepare_size(workers, "", 8, &error), FOV_EINVAL);
    fov_workers_get_sizes(workers, "none", &sizes);
    assert_int_equal(sizes.count, 0);
    fov_workers_destroy(&workers);
}

static void a_fixed_model_has_one_size(void **state)
{
    (void)state;
    fov_sizes sizes;
    fov_error error = {0};
    fov_workers *workers = workers_of("fake:", 1, NULL);
    fov_workers_get_sizes(workers, NULL, &sizes);
    assert_int_equal(sizes.count, 1);
    assert_int_equal(sizes.px[0], 300);
    assert_int_equal(fov_workers_prepare_size(workers, NULL, 320, &error), FOV_EUNSUPPORTED);
    assert_non_null(strstr(error.message, "300 x 300"));
    fov_workers_destroy(&workers);
}

/* Every frame is answered, in order, while the size goes down and up under it. */
static void no_frame_is_lost_at_a_switch(void **state)
{
    (void)state;
    static const int sizes[] = {320, 480, -1, 320};
    struct sink sink;
    fov_workers *workers = workers_of("fake:open=1,sleep_ms=2,boxes=bright", 2, NULL);
    fov_stream *stream = stream_of(workers, &sink,
                                   (fov_stream_params){.fifo = true, .capacity = 64});
    for (uint64_t number = 0; number < FRAMES; number++) {
        if (number % 50 == 10)
            fov_stream_set(stream, &(fov_knobs){.input_px = sizes[number / 50]});
        put(stream, number);
        usleep(2000);
        if (number % 5 == 4)
            assert_true(sink_wait(&sink, number - 3, 5000));
    }
    assert_true(sink_wait(&sink, FRAMES, 5000));
    if (sink.delivered != FRAMES)
        fail_msg("%d delivered, %d failed, %d queue", (int)sink.delivered, (int)sink.failed,
                 (int)sink.dropped[FOV_DROP_QUEUE]);
    assert_true(wait_size(stream, 320));
    for (uint64_t number = 0; number < FRAMES; number++)
        assert_int_equal(sink.entries[number].detections, 1);
    fov_stream_set(stream, &(fov_knobs){.input_px = -1});
    assert_int_equal(fov_stream_input_px(stream), 640);
    close_all(&stream, &sink);
    fov_workers_destroy(&workers);
}

static void at_most_three_sizes_are_kept(void **state)
{
    (void)state;
    struct sink sink;
    fov_error error = {0};
    fov_workers *workers = workers_of("fake:open=1", 1, NULL);
    fov_stream *stream = stream_of(workers, &sink, (fov_stream_params){.fifo = true});
    fov_stream_set(stream, &(fov_knobs){.input_px = 320});
    assert_true(wait_size(stream, 320));
    assert_int_equal(fov_workers_prepare_size(workers, NULL, 480, &error), FOV_OK);
    assert_true(wait_ready(workers, 480));
    assert_int_equal(fov_workers_prepare_size(workers, NULL, 416, &error), FOV_OK);
    assert_false(is_ready(workers, 480)); /* nobody used it */
    assert_true(is_ready(workers, 320));
    put(stream, 0);
    assert_true(sink_wait(&sink, 1, 5000));
    close_all(&stream, &sink);
    fov_workers_destroy(&workers);
}

/* Streams that use three: a fourth is refused, the stream goes on at the size it has. */
static void a_size_too_many_is_refused(void **state)
{
    (void)state;
    struct sink sinks[3];
    fov_stream *streams[3];
    fov_error error = {0};
    fov_workers *workers = workers_of("fake:open=1", 1, NULL);
    for (int i = 0; i < 3; i++)
        streams[i] = stream_of(workers, &sinks[i], (fov_stream_params){.fifo = true});
    fov_stream_set(streams[0], &(fov_knobs){.input_px = 320});
    fov_stream_set(streams[1], &(fov_knobs){.input_px = 480});
    assert_true(wait_size(streams[0], 320) && wait_size(streams[1], 480));
    assert_int_equal(fov_workers_prepare_size(workers, NULL, 416, &error), FOV_EBUSY);
    fov_stream_set(streams[2], &(fov_knobs){.input_px = 416});
    usleep(100000);
    assert_int_equal(fov_stream_input_px(streams[2]), 640);
    for (int i = 0; i < 3; i++)
        close_all(&streams[i], &sinks[i]);
    assert_int_equal(fov_workers_prepare_size(workers, NULL, 416, &error), FOV_OK);
    fov_workers_destroy(&workers);
}

/* Another file of the same name has sizes of its own; they go with a removed model. */
static void sizes_go_with_their_model(void **state)
{
    (void)state;
    struct sink sink;
    fov_error error = {0};
    fov_model_params again = {.path = "fake:open=1", .id = "fake"};
    fov_model_params other = {.path = "fake:open=1", .id = "other"};
    fov_workers *workers = workers_of("fake:open=1", 2, NULL);
    fov_stream *stream = stream_of(workers, &sink, (fov_stream_params){.fifo = true});
    fov_stream_set(stream, &(fov_knobs){.input_px = 320});
    assert_true(wait_size(stream, 320));
    for (uint64_t number = 0; number < 40; number++) {
        if (number == 20)
            assert_int_equal(fov_workers_add_model(workers, &again, true, &error), FOV_OK);
        put(stream, number);
        assert_true(sink_wait(&sink, number + 1, 5000));
    }
    assert_int_equal(sink.delivered, 40);
    assert_int_equal(fov_stream_input_px(stream), 640);
    fov_stream_set(stream, &(fov_knobs){.input_px = 320});
    assert_true(wait_size(stream, 320));
    assert_int_equal(fov_workers_add_model(workers, &other, false, &error), FOV_OK);
    assert_int_equal(fov_workers_prepare_size(workers, "other", 320, &error), FOV_OK);
    assert_int_equal(fov_workers_remove_model(workers, "other", &error), FOV_OK);
    bool is_default;
    fov_model *model = fov_workers_model_at(workers, 0, NULL, &is_default);
    assert_true(is_default);
    fov_model_close(&model);
    assert_null(fov_workers_model_at(workers, 1, NULL, NULL)); /* sizes are no models */
    close_all(&stream, &sink);
    fov_workers_destroy(&workers);
}

/* The device breaks while a file runs at another size: the two failures that show it are all that
 * the file loses. */
static void a_file_waits_for_its_size_too(void **state)
{
    (void)state;
    struct sink sink;
    fov_workers *workers = workers_of("fake:open=1,gpu_fail_after=3", 1, NULL);
    fov_stream *stream = stream_of(workers, &sink, (fov_stream_params){.fifo = true});
    fov_stream_set(stream, &(fov_knobs){.input_px = 320});
    assert_true(wait_size(stream, 320));
    for (uint64_t number = 0; number < 30; number++) {
        put(stream, number);
        assert_true(sink_wait(&sink, number + 1, 5000));
    }
    assert_int_equal(sink.failed, 2);
    assert_int_equal(sink.delivered, 28);
    close_all(&stream, &sink);
    fov_workers_destroy(&workers);
}

/* ---- promises --------------------------------------------------------------------------------
 */

static double needs_ms(fov_stream *stream)
{
    fov_admission now;
    assert_true(fov_stream_get_admission(stream, &now));
    return now.needs_ms;
}

static double promised(fov_workers *workers)
{
    fov_workers_info info;
    fov_workers_get_info(workers, &info);
    return info.promised;
}

/* A run takes 20 ms at 640 px, four times as long at 1280. */
static void promises_know_the_size(void **state)
{
    (void)state;
    struct sink sink;
    fov_workers *workers = workers_of("fake:open=1,sleep_ms=20", 1, NULL);
    fov_stream *stream = stream_of(
        workers, &sink, (fov_stream_params){.fifo = true, .guaranteed = true, .promised_fps = 2});
    for (uint64_t number = 0; number < 10; number++) {
        put(stream, number);
        assert_true(sink_wait(&sink, number + 1, 5000));
    }
    double own = needs_ms(stream);
    assert_true(own >= 20);
    fov_stream_set(stream, &(fov_knobs){.input_px = 1280});
    assert_true(needs_ms(stream) >= 80); /* guessed, then known */
    assert_true(promised(workers) >= 2 * 0.08);
    assert_true(wait_size(stream, 1280));
    assert_true(needs_ms(stream) >= 80);
    fov_stream_set(stream, &(fov_knobs){.input_px = 320});
    assert_true(wait_size(stream, 320));
    assert_true(needs_ms(stream) < own);
    fov_stream_set(stream, &(fov_knobs){.input_px = -1});
    assert_true(needs_ms(stream) == own);
    close_all(&stream, &sink);
    fov_workers_destroy(&workers);
}

static bool measures(fov_workers *workers)
{
    pthread_mutex_lock(&workers->lock);
    bool measuring = workers->measuring.runner != NULL;
    pthread_mutex_unlock(&workers->lock);
    return measuring;
}

/* A run that is only to measure hangs: what else is to be built is built. */
static void a_hung_measurement_is_given_up(void **state)
{
    (void)state;
    static const char *const paths[] = {"fake:open=1,hang_after=0",
                                        "fake:open=1,hang_after=0,deaf=1"};
    for (int i = 0; i < 2; i++) {
        struct events events = {0};
        fov_workers *workers = workers_of(paths[i], 1, &events);
        pthread_mutex_lock(&workers->lock);
        assert_true(form_measure(workers, slot_form(workers->default_slot), workers->clock()));
        pthread_mutex_unlock(&workers->lock);
        while (!measures(workers))
            usleep(1000);
        assert_int_equal(fov_workers_prepare_size(workers, NULL, 320, NULL), FOV_OK);
        assert_true(wait_ready(workers, 320));
        assert_int_equal(events.lost, 1);
        fov_workers_destroy(&workers);
    }
}

/* ---- frame rates that follow the latency ------------------------------------------------------
 */

struct follow {
    struct sink sink; /* first: it is the callback's user */
    atomic_int changes;
    double last_to, first_from;
    const char *knob, *why;
};

static void on_change(void *user, const fov_change *change)
{
    struct follow *f = user;
    if (f->changes == 0)
        f->first_from = change->from;
    f->last_to = change->to;
    f->knob = change->knob;
    f->why = change->why;
    atomic_fetch_add(&f->changes, 1);
}

static void a_stream_follows_its_latency(void **state)
{
    (void)state;
    struct follow follow = {0};
    fov_workers *workers = workers_of("fake:sleep_ms=60", 1, NULL);
    fov_adaptive adaptive = {.target_latency_ms = 30,
                             .initial_fps = 14,
                             .min_fps = 8,
                             .max_fps = 20,
                             .on_change = on_change};
    fov_stream *stream = stream_of(workers, &follow.sink,
                                   (fov_stream_params){.adaptive = adaptive});
    for (uint64_t number = 0; number < 250 && follow.changes < 2; number++) {
        put(stream, number);
        usleep(20000);
    }
    assert_true(follow.changes >= 2);
    assert_true(follow.first_from == 14 && follow.last_to >= 8 && follow.last_to < 12);
    assert_string_equal(follow.knob, "fps");
    assert_true(strncmp(follow.why, "late:", 5) == 0);
    assert_true(follow.sink.dropped[FOV_DROP_FPS_LIMIT] > 0); /* the rate is in force */
    close_all(&stream, &follow.sink);
    fov_workers_destroy(&workers);
}

static void a_rate_out_of_order_is_refused(void **state)
{
    (void)state;
    fov_error error = {0};
    fov_stream *stream = NULL;
    fov_workers *workers = workers_of("fake:", 1, NULL);
    fov_stream_params params = {.on_result = sink_result,
                                .adaptive = {.target_latency_ms = 100, .initial_fps = 20}};
    assert_int_equal(fov_stream_open(&stream, workers, &params, &error), FOV_EINVAL);
    assert_non_null(strstr(error.message, "in order"));
    params.adaptive.initial_fps = 0;
    params.fifo = true;
    assert_int_equal(fov_stream_open(&stream, workers, &params, &error), FOV_EINVAL);
    fov_workers_destroy(&workers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_ladder_of_a_model),
        cmocka_unit_test(a_fixed_model_has_one_size),
        cmocka_unit_test(no_frame_is_lost_at_a_switch),
        cmocka_unit_test(at_most_three_sizes_are_kept),
        cmocka_unit_test(a_size_too_many_is_refused),
        cmocka_unit_test(sizes_go_with_their_model),
        cmocka_unit_test(a_file_waits_for_its_size_too),
        cmocka_unit_test(promises_know_the_size),
        cmocka_unit_test(a_hung_measurement_is_given_up),
        cmocka_unit_test(a_stream_follows_its_latency),
        cmocka_unit_test(a_rate_out_of_order_is_refused),
    };
    return cmocka_run_group_tests(tests, bed_make, bed_clear);
}
