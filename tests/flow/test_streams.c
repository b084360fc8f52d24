/* Streams with real threads and the fake backend: order, drops, deadlines, pictures, delays,
 * models. Times are only bounded generously. */
#include "bed.h"

#include <math.h>
#include <unistd.h>

/* ---- what happens to frames -------------------------------------------------------------------
 */

static void frames_become_results(void **state)
{
    (void)state;
    struct sink sink;
    fov_workers *workers = workers_of("fake:boxes=bright", 2, NULL);
    fov_stream *stream = stream_of(workers, &sink, (fov_stream_params){.max_latency_ms = 5000});
    for (uint64_t i = 0; i < 50; i++) {
        put(stream, i);
        assert_true(sink_wait(&sink, i + 1, 5000));
        assert_int_equal(sink.entries[i].outcome, FOV_DELIVERED);
        assert_int_equal(sink.entries[i].detections, 1);
        float middle = (sink.entries[i].first.x1 + sink.entries[i].first.x2) / 2;
        assert_true(fabsf(middle - (float)(i * 7 % 80 + 8)) < 2);
        assert_true(sink.entries[i].in_time);
        assert_string_equal(sink.entries[i].model_id, "fake");
    }
    fov_stats s;
    fov_stream_get_stats(stream, 10, &s);
    assert_int_equal(s.delivered, 50);
    assert_int_equal(s.waiting, 0);
    assert_true(s.p50_ms > 0 && s.p50_ms <= s.p99_ms && s.min_ms <= s.mean_ms);
    fov_workers_info info;
    fov_workers_get_info(workers, &info);
    assert_string_equal(info.form, "latency");
    assert_true(info.bound_ms > 0 && !info.degraded && info.workers == 2);
    close_all(&stream, &sink);
    fov_workers_get_stats(workers, 10, &s);
    assert_int_equal(s.delivered, 50); /* closed streams stay counted */
    fov_workers_destroy(&workers);
}

static void live_streams_supersede(void **state)
{
    (void)state;
    struct sink sink;
    fov_workers *workers = workers_of("fake:sleep_ms=60", 2, NULL);
    fov_stream *stream = stream_of(workers, &sink, (fov_stream_params){.capacity = 8});
    put(stream, 0);
    usleep(20000);
    for (uint64_t i = 1; i < 7; i++)
        put(stream, i);
    assert_true(sink_wait(&sink, 7, 5000));
    assert_int_equal(sink.entries[0].outcome, FOV_DELIVERED);
    assert_int_equal(sink.entries[6].outcome, FOV_DELIVERED);
    assert_int_equal(sink.dropped[FOV_DROP_SUPERSEDED], 5);
    close_all(&stream, &sink);
    fov_workers_destroy(&workers);
}

static void fifo_streams_keep_all_in_order(void **state)
{
    (void)state;
    struct sink sink;
    fov_workers *workers = workers_of("fake:jitter_ms=3,runners=3", 3, NULL);
    fov_stream_params params = {.fifo = true, .capacity = 64, .max_bytes = 64 << 20};
    fov_stream *stream = stream_of(workers, &sink, params);
    for (uint64_t i = 0; i < 60; i++)
        put(stream, i);
    assert_true(sink_wait(&sink, 60, 5000));
    assert_int_equal(sink.delivered, 60);
    close_all(&stream, &sink);
    fov_workers_destroy(&workers);
}

static void full_mailbox_drops_the_oldest(void **state)
{
    (void)state;
    struct sink sink;
    fov_workers *workers = workers_of("fake:sleep_ms=500", 1, NULL);
    fov_stream_params params = {.fifo = true, .capacity = 3};
    fov_stream *stream = stream_of(workers, &sink, params);
    put(stream, 0);
    usleep(200000); /* a busy machine's worker has taken it by now */
    for (uint64_t i = 1; i < 7; i++)
        put(stream, i);
    assert_true(sink_wait(&sink, 3, 250)); /* 1, 2, 3 are answered while 0 still runs */
    assert_int_equal(sink.dropped[FOV_DROP_QUEUE], 3);
    assert_int_equal(sink.entries[3].reason, FOV_DROP_QUEUE);
    assert_true(sink_wait(&sink, 7, 5000));
    assert_int_equal(sink.delivered, 4);
    close_all(&stream, &sink);
    fov_workers_destroy(&workers);
}

static void late_frames_cost_nothing(void **state)
{
    (void)state;
    struct sink sink;
    fov_workers *workers = workers_of("fake:sleep_ms=100", 1, NULL);
    fov_stream *stream = stream_of(workers, &sink, (fov_stream_params){.max_latency_ms = 60});
    put(stream, 0); /* cost not known yet: run, late, a violation */
    assert_true(sink_wait(&sink, 1, 5000));
    assert_int_equal(sink.entries[0].outcome, FOV_DELIVERED);
    assert_false(sink.entries[0].in_time);
    put(stream, 1);
    assert_int_equal(sink.answers, 2); /* before put returned */
    assert_int_equal(sink.entries[1].reason, FOV_DROP_DEADLINE);
    fov_knobs knobs = {.max_latency_ms = -1};
    fov_stream_set(stream, &knobs); /* no deadline any more */
    put(stream, 2);
    assert_true(sink_wait(&sink, 3, 5000));
    assert_int_equal(sink.entries[2].outcome, FOV_DELIVERED);
    assert_true(sink.entries[2].in_time);
    fov_stats s;
    fov_stream_get_stats(stream, 10, &s);
    assert_int_equal(s.violations, 2);
    close_all(&stream, &sink);
    fov_workers_destroy(&workers);
}

static void posted_frames_always_run(void **state)
{
    (void)state;
    struct sink sink;
    fov_workers *workers = workers_of("fake:sleep_ms=30", 1, NULL);
    fov_stream_params params = {.max_latency_ms = 10, .always_run = true, .capacity = 16};
    fov_stream *stream = stream_of(workers, &sink, params);
    for (uint64_t i = 0; i < 6; i++)
        put(stream, i);
    assert_true(sink_wait(&sink, 6, 5000));
    assert_int_equal(sink.delivered, 6);
    assert_false(sink.entries[5].in_time);
    close_all(&stream, &sink);
    fov_workers_destroy(&workers);
}

static void frame_rate_is_limited(void **state)
{
    (void)state;
    struct sink sink;
    fov_workers *workers = workers_of("fake:", 1, NULL);
    fov_stream *stream = stream_of(workers, &sink, (fov_stream_params){.target_fps = 10});
    for (uint64_t i = 0; i < 30; i++)
        put(stream, i);
    assert_true(sink_wait(&sink, 30, 5000));
    assert_in_range(sink.dropped[FOV_DROP_FPS_LIMIT], 26, 29);
    close_all(&stream, &sink);
    fov_workers_destroy(&workers);
}

static void broken_pictures_are_dropped_with_a_reason(void **state)
{
    (void)state;
    struct sink sink;
    fov_workers *workers = workers_of("fake:", 1, NULL);
    fov_stream *stream = stream_of(workers, &sink, (fov_stream_params){0});
    for (int watched = 0; watched < 2; watched++) {
        fov_frame *frame;
        fov_stream_watch(stream, watched);
        assert_int_equal(fov_frame_get(frames, 100, &frame), FOV_OK);
        memset(frame->bytes, 'x', 100);
        frame->size = 100;
        frame->capture_ns = clock_now_ns();
        assert_int_equal(fov_stream_put(stream, &frame, NULL), FOV_OK);
        assert_true(sink_wait(&sink, (uint64_t)watched + 1, 5000));
        assert_int_equal(sink.entries[watched].outcome, FOV_DROPPED);
        assert_int_equal(sink.entries[watched].reason, FOV_DROP_DECODE);
        assert_int_not_equal(sink.entries[watched].status, FOV_OK);
    }
    put(stream, 2);
    assert_true(sink_wait(&sink, 3, 5000));
    assert_int_equal(sink.delivered, 1);
    close_all(&stream, &sink);
    fov_workers_destroy(&workers);
}

static void failing_runs_are_answered(void **state)
{
    (void)state;
    struct sink sink;
    fov_workers *workers = workers_of("fake:fail_every=2", 1, NULL);
    fov_stream *stream = stream_of(workers, &sink,
                                   (fov_stream_params){.fifo = true, .capacity = 64});
    for (uint64_t i = 0; i < 10; i++)
        put(stream, i);
    assert_true(sink_wait(&sink, 10, 5000));
    assert_int_equal(sink.failed, 5);
    assert_int_equal(sink.entries[1].status, FOV_EINFER);
    close_all(&stream, &sink);
    fov_workers_destroy(&workers);
}

/* ---- pictures, delays, models -----------------------------------------------------------------
 */

/* The white block of the picture lies inside the box that was found in the same frame. */
static void pictures_belong_to_their_frame(void **state)
{
    (void)state;
    static const fov_pixels forms[] = {FOV_RGB24, FOV_YUV, FOV_BGR24};
    struct sink sink;
    fov_workers *workers = workers_of("fake:boxes=bright,jitter_ms=4,runners=3", 3, NULL);
    fov_stream_params params = {.fifo = true, .capacity = 64, .max_bytes = 64 << 20};
    fov_stream *stream = stream_of(workers, &sink, params);
    fov_stream_watch(stream, true);
    fov_stream_watch(stream, true);
    fov_stream_watch(stream, false); /* counted: one still watches */
    for (uint64_t i = 0; i < 300; i++) {
        fov_frame *frame = frame_of(i, forms[i % 3]);
        assert_int_equal(fov_stream_put(stream, &frame, NULL), FOV_OK);
        if (i % 30 == 29)
            assert_true(sink_wait(&sink, i + 1, 5000));
    }
    assert_int_equal(sink.delivered, 300);
    for (uint64_t i = 0; i < 300; i++) {
        assert_true(sink.entries[i].picture_luma > 200);
        assert_int_equal(sink.entries[i].picture_seq, i);
    }
    fov_stream_watch(stream, false);
    put(stream, 300);
    assert_true(sink_wait(&sink, 301, 5000));
    assert_int_equal(sink.entries[300].picture_luma, -1);
    close_all(&stream, &sink);
    fov_workers_destroy(&workers);
}

/* Watched or not, a JPEG gives the same boxes, in source pixels; watched ones come with the
 * picture, decoded once and reduced for the model. */
static void jpegs_bring_their_picture(void **state)
{
    (void)state;
    struct sink sink;
    fov_encoder *encoder;
    fov_workers *workers = workers_of("fake:boxes=bright,runners=2", 2, NULL);
    fov_stream *stream = stream_of(workers, &sink, (fov_stream_params){.fifo = true});
    assert_int_equal(fov_encoder_create(&encoder, NULL), FOV_OK);
    for (uint64_t i = 0; i < 60; i++) {
        fov_stream_watch(stream, i % 2 == 1);
        fov_frame *frame = jpeg_of(encoder, i / 2);
        assert_int_equal(fov_stream_put(stream, &frame, NULL), FOV_OK);
        assert_true(sink_wait(&sink, i + 1, 5000));
        const struct sink_entry *e = &sink.entries[i];
        assert_int_equal(e->outcome, FOV_DELIVERED);
        float left = (float)(i / 2 * 7 % 80 * 10), top = (float)(i / 2 * 5 % 48 * 10);
        assert_true(fabsf(e->first.x1 - left) < 8 && fabsf(e->first.y1 - top) < 8);
        assert_true(fabsf(e->first.x2 - left - 160) < 8 && fabsf(e->first.y2 - top - 160) < 8);
        assert_true(i % 2 ? e->picture_luma > 200 && e->picture_seq == i : e->picture_luma == -1);
        fov_stream_watch(stream, false);
    }
    fov_encoder_destroy(&encoder);
    close_all(&stream, &sink);
    fov_workers_destroy(&workers);
}

/* Eight results are delayed at the same time by one worker. */
static void delay_line_holds_no_worker(void **state)
{
    (void)state;
    struct sink sink;
    fov_workers *workers = workers_of("fake:delay_ms=400", 1, NULL);
    fov_stream_params params = {.fifo = true, .capacity = 64};
    fov_stream *stream = stream_of(workers, &sink, params);
    int64_t start = clock_now_ns();
    for (uint64_t i = 0; i < 8; i++)
        put(stream, i);
    assert_true(sink_wait(&sink, 8, 5000));
    assert_true(clock_now_ns() - start < 2000 * MS);
    for (int i = 0; i < 8; i++)
        assert_true(sink.entries[i].total_ns >= 400 * MS);
    put(stream, 8);
    usleep(30000);
    start = clock_now_ns();
    close_all(&stream, &sink); /* does not wait for the delay */
    assert_true(clock_now_ns() - start < 300 * MS);
    fov_workers_destroy(&workers);
}

static void models_are_swapped_while_running(void **state)
{
    (void)state;
    struct sink a, b;
    fov_error error;
    fov_workers *workers = workers_of("fake:", 2, NULL);
    fov_model_params second = {.path = "fake:class=1", .id = "second"};
    fov_model_params bad = {.path = "fake:load_fails=1", .id = "second"};
    assert_int_equal(fov_workers_add_model(workers, &second, false, &error), FOV_OK);
    fov_stream *follows = stream_of(workers, &a, (fov_stream_params){0});
    fov_stream *named = stream_of(workers, &b, (fov_stream_params){.model_id = "second"});
    fov_stream *none;
    fov_stream_params unknown = {.model_id = "third", .on_result = sink_result};
    assert_int_equal(fov_stream_open(&none, workers, &unknown, &error), FOV_ENOTFOUND);
    put(follows, 0);
    put(named, 0);
    assert_true(sink_wait(&a, 1, 5000) && sink_wait(&b, 1, 5000));
    assert_string_equal(a.entries[0].model_id, "fake");
    assert_string_equal(b.entries[0].model_id, "second");
    assert_int_not_equal(fov_workers_add_model(workers, &bad, true, &error), FOV_OK);
    second.path = "fake:class=2"; /* the same name: takes its place, as the default too */
    assert_int_equal(fov_workers_add_model(workers, &second, true, &error), FOV_OK);
    put(follows, 1);
    put(named, 1);
    assert_true(sink_wait(&a, 2, 5000) && sink_wait(&b, 2, 5000));
    assert_string_equal(a.entries[1].model_id, "second");
    assert_int_not_equal(b.entries[1].first.class_id, b.entries[0].first.class_id);
    fov_model *model = fov_workers_model(workers, NULL);
    assert_string_equal(fov_model_get_info(model)->id, "second");
    assert_null(fov_workers_model(workers, "third"));
    close_all(&follows, &a);
    close_all(&named, &b);
    fov_workers_destroy(&workers);
    fov_model_close(&model); /* outlives the workers */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_become_results),
        cmocka_unit_test(live_streams_supersede),
        cmocka_unit_test(fifo_streams_keep_all_in_order),
        cmocka_unit_test(full_mailbox_drops_the_oldest),
        cmocka_unit_test(late_frames_cost_nothing),
        cmocka_unit_test(posted_frames_always_run),
        cmocka_unit_test(frame_rate_is_limited),
        cmocka_unit_test(broken_pictures_are_dropped_with_a_reason),
        cmocka_unit_test(failing_runs_are_answered),
        cmocka_unit_test(pictures_belong_to_their_frame),
        cmocka_unit_test(jpegs_bring_their_picture),
        cmocka_unit_test(delay_line_holds_no_worker),
        cmocka_unit_test(models_are_swapped_while_running),
    };
    return cmocka_run_group_tests(tests, bed_make, bed_clear);
}
