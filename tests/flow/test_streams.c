/* Streams with real threads and the fake backend: order, drops, deadlines, delays, models, forms,
 * hangs, closing. Times are only bounded generously. */
#include "flow_test.h"

#include <time.h>
#include <math.h>
#include <unistd.h>

#include "sink.h"

static fov_frame_pool *frames;

struct events {
    atomic_int switches, lost, degraded;
};

static void on_event(void *user, const char *event, const char *text)
{
    struct events *e = user;
    (void)text;
    if (strcmp(event, "switch") == 0)
        e->switches++;
    if (strcmp(event, "lost_run") == 0)
        e->lost++;
    if (strcmp(event, "degraded") == 0)
        e->degraded++;
}

static fov_workers *workers_of(const char *path, int count, struct events *events)
{
    fov_model_params model = {.path = path};
    fov_workers_params params = {
        .workers = count, .model = &model, .on_event = events ? on_event : NULL, .user = events};
    fov_workers *workers = NULL;
    fov_error error = {0};
    if (fov_workers_create(&workers, &params, &error))
        fail_msg("%s", error.message);
    return workers;
}

static fov_stream *stream_of(fov_workers *workers, struct sink *sink, fov_stream_params params)
{
    fov_stream *stream = NULL;
    fov_error error = {0};
    sink_init(sink);
    params.on_result = sink_result;
    params.user = sink;
    if (fov_stream_open(&stream, workers, &params, &error))
        fail_msg("%s", error.message);
    return stream;
}

/* 96 × 64 px times `scale`, black with a white block whose place follows from `number`. */
static fov_frame *scaled_frame_of(uint64_t number, fov_pixels pixels, int scale)
{
    fov_frame *frame = NULL;
    int width = 96 * scale, height = 64 * scale, block = 16 * scale;
    while (fov_frame_get(frames, 0, &frame) == FOV_EAGAIN)
        usleep(200);
    assert_non_null(frame);
    assert_int_equal(fov_frame_alloc_image(frame, pixels, width, height, 1, 1), FOV_OK);
    fov_image *image = &frame->image;
    int bytes = pixels == FOV_YUV ? 1 : 3;
    for (int y = 0; y < height; y++)
        memset(image->plane[0] + y * image->stride[0], 0, (size_t)(width * bytes));
    int left = (int)(number * 7 % 80) * scale, top = (int)(number * 5 % 48) * scale;
    for (int y = 0; y < block; y++)
        memset(image->plane[0] + (top + y) * image->stride[0] + left * bytes, 255,
               (size_t)(block * bytes));
    for (int p = 1; p < 3 && pixels == FOV_YUV; p++)
        for (int y = 0; y < height / 2; y++)
            memset(image->plane[p] + y * image->stride[p], 128, (size_t)width / 2);
    frame->number = number;
    frame->width = width;
    frame->height = height;
    frame->capture_ns = clock_now_ns();
    return frame;
}

static fov_frame *frame_of(uint64_t number, fov_pixels pixels)
{
    return scaled_frame_of(number, pixels, 1);
}

/* The same as a JPEG of 960 × 640 px. */
static fov_frame *jpeg_of(fov_encoder *encoder, uint64_t number)
{
    fov_frame *drawn = scaled_frame_of(number, FOV_YUV, 10), *frame = NULL;
    const uint8_t *bytes;
    size_t size;
    assert_int_equal(fov_encode_jpeg(encoder, &drawn->image, 90, &bytes, &size, NULL), FOV_OK);
    assert_int_equal(fov_frame_get(frames, size, &frame), FOV_OK);
    memcpy(frame->bytes, bytes, size);
    frame->size = size;
    frame->codec = FOV_JPEG;
    frame->number = number;
    frame->capture_ns = clock_now_ns();
    fov_frame_unref(&drawn);
    return frame;
}

static void put(fov_stream *stream, uint64_t number)
{
    fov_frame *frame = frame_of(number, FOV_RGB24);
    assert_int_equal(fov_stream_put(stream, &frame, NULL), FOV_OK);
}

static void close_all(fov_stream **stream, struct sink *sink)
{
    fov_stats s;
    fov_stream_close(stream);
    atomic_store(&sink->closed, true);
    (void)s;
    if (sink->broken)
        fail_msg("%s", sink->what);
    sink_release(sink);
}

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
    fov_workers *workers = workers_of("fake:sleep_ms=80", 1, NULL);
    fov_stream_params params = {.fifo = true, .capacity = 3};
    fov_stream *stream = stream_of(workers, &sink, params);
    put(stream, 0);
    usleep(20000);
    for (uint64_t i = 1; i < 7; i++)
        put(stream, i);
    assert_true(sink_wait(&sink, 3, 40)); /* 1, 2, 3 are answered while 0 still runs */
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
    fov_workers *workers = workers_of("fake:delay_ms=200", 1, NULL);
    fov_stream_params params = {.fifo = true, .capacity = 64};
    fov_stream *stream = stream_of(workers, &sink, params);
    int64_t start = clock_now_ns();
    for (uint64_t i = 0; i < 8; i++)
        put(stream, i);
    assert_true(sink_wait(&sink, 8, 5000));
    assert_true(clock_now_ns() - start < 700 * MS);
    for (int i = 0; i < 8; i++)
        assert_true(sink.entries[i].total_ns >= 200 * MS);
    put(stream, 8);
    usleep(30000);
    start = clock_now_ns();
    close_all(&stream, &sink); /* does not wait for the delay */
    assert_true(clock_now_ns() - start < 150 * MS);
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

/* ---- forms, hangs, closing --------------------------------------------------------------------
 */

/* Puts frames into the streams for so long, 30 a second each. */
static void load_for(fov_stream **streams, int count, int ms)
{
    for (int t = 0; t < ms; t += 33) {
        for (int i = 0; i < count; i++)
            put(streams[i], (uint64_t)t);
        usleep(33000);
    }
}

static void form_follows_the_load(void **state)
{
    (void)state;
    struct sink sinks[2];
    struct events events = {0};
    fov_workers_info info;
    fov_workers *workers = workers_of("fake:sleep_ms=22", 2, &events);
    fov_stream *streams[2];
    for (int i = 0; i < 2; i++)
        streams[i] = stream_of(workers, &sinks[i], (fov_stream_params){.max_latency_ms = 200});
    load_for(streams, 1, 1000); /* one stream alone: no reason */
    fov_workers_get_info(workers, &info);
    assert_string_equal(info.form, "latency");
    load_for(streams, 2, 5000);
    fov_workers_get_info(workers, &info);
    assert_string_equal(info.form, "throughput");
    assert_int_equal(events.switches, 1);
    load_for(streams, 1, 8000);
    fov_workers_get_info(workers, &info);
    assert_string_equal(info.form, "latency");
    assert_int_equal(events.switches, 2);
    for (int i = 0; i < 2; i++)
        close_all(&streams[i], &sinks[i]);
    fov_workers_destroy(&workers);
}

static void pinned_forms_stay(void **state)
{
    (void)state;
    fov_model_params model = {.path = "fake:"};
    fov_workers_params params = {.workers = 2, .model = &model, .pin_throughput = true};
    fov_workers *workers;
    fov_workers_info info;
    assert_int_equal(fov_workers_create(&workers, &params, NULL), FOV_OK);
    fov_workers_get_info(workers, &info);
    assert_string_equal(info.form, "throughput");
    fov_workers_destroy(&workers);
}

/* A model that hangs and cannot be cancelled: its frame is answered, other streams go on, the
 * model is tried again with a new runner, four times in all. */
static void hanging_runs_are_given_up(void **state)
{
    (void)state;
    struct sink bad, good;
    struct events events = {0};
    fov_workers_info info;
    fov_workers *workers = workers_of("fake:sleep_ms=2", 2, &events);
    fov_model_params hanging = {.path = "fake:hang_after=1,deaf=1", .id = "hanging"};
    assert_int_equal(fov_workers_add_model(workers, &hanging, false, NULL), FOV_OK);
    fov_stream_params params = {.model_id = "hanging", .fifo = true, .capacity = 64};
    fov_stream *sick = stream_of(workers, &bad, params);
    fov_stream *well = stream_of(workers, &good, (fov_stream_params){.max_latency_ms = 2000});
    for (uint64_t i = 0; i < 10; i++)
        put(sick, i);
    int64_t longest = 0, last = clock_now_ns();
    for (uint64_t i = 0; i < 400 && !sink_wait(&bad, 10, 0); i++) {
        put(well, i);
        assert_true(sink_wait(&good, i + 1, 5000));
        int64_t now = clock_now_ns();
        longest = now - last > longest ? now - last : longest;
        last = now;
        usleep(30000);
    }
    assert_true(sink_wait(&bad, 10, 1000));
    assert_int_equal(bad.delivered, 4); /* the first run of each of four runners */
    assert_int_equal(bad.failed, 6);
    assert_int_equal(bad.entries[1].status, FOV_ETIMEOUT);
    assert_int_equal(bad.entries[9].status, FOV_EINFER);
    assert_true(longest < 500 * MS);
    fov_workers_get_info(workers, &info);
    assert_int_equal(info.lost_runs, 4);
    assert_true(info.degraded);
    assert_int_equal(events.lost, 4);
    assert_int_equal(events.degraded, 1);
    put(well, 1000);
    assert_true(sink_wait(&good, good.answers + 1, 5000));
    hanging.path = "fake:"; /* a sound model in its place */
    assert_int_equal(fov_workers_add_model(workers, &hanging, false, NULL), FOV_OK);
    put(sick, 10);
    assert_true(sink_wait(&bad, 11, 5000));
    assert_int_equal(bad.entries[10].outcome, FOV_DELIVERED);
    fov_workers_get_info(workers, &info);
    assert_false(info.degraded);
    close_all(&sick, &bad);
    close_all(&well, &good);
    fov_workers_destroy(&workers);
}

/* A run that comes back when it is asked to: the runner stays in use. */
static void hanging_runs_are_asked_back(void **state)
{
    (void)state;
    struct sink sink;
    fov_workers *workers = workers_of("fake:hang_after=2", 1, NULL);
    fov_stream_params params = {.fifo = true, .capacity = 8};
    fov_stream *stream = stream_of(workers, &sink, params);
    for (uint64_t i = 0; i < 3; i++)
        put(stream, i);
    assert_true(sink_wait(&sink, 3, 5000));
    assert_int_equal(sink.delivered, 2);
    assert_int_equal(sink.entries[2].status, FOV_ETIMEOUT);
    close_all(&stream, &sink);
    fov_workers_destroy(&workers);
}

static void closing_waits_and_is_final(void **state)
{
    (void)state;
    fov_workers *workers = workers_of("fake:jitter_ms=2,runners=2", 2, NULL);
    for (int round = 0; round < 150; round++) {
        struct sink sink;
        fov_stream *stream = stream_of(workers, &sink, (fov_stream_params){.fifo = round % 2});
        uint64_t n = (uint64_t)round % 7;
        for (uint64_t i = 0; i < n; i++)
            put(stream, i);
        usleep((useconds_t)(round % 5) * 700);
        fov_stream_close(&stream);
        atomic_store(&sink.closed, true);
        assert_int_equal(sink.answers, n);
        usleep(100);
        assert_int_equal(sink.broken, 0);
        sink_release(&sink);
    }
    fov_workers_destroy(&workers);
}

static void workers_may_end_before_streams(void **state)
{
    (void)state;
    struct sink sink;
    fov_workers *workers = workers_of("fake:sleep_ms=50", 1, NULL);
    fov_stream_params params = {.fifo = true, .capacity = 8};
    fov_stream *stream = stream_of(workers, &sink, params);
    for (uint64_t i = 0; i < 4; i++)
        put(stream, i);
    usleep(20000);
    fov_workers_destroy(&workers);
    assert_null(workers);
    assert_int_equal(sink.answers, 4);
    assert_int_equal(sink.dropped[FOV_DROP_SHUTDOWN], 3);
    fov_frame *frame = frame_of(9, FOV_RGB24);
    assert_int_equal(fov_stream_put(stream, &frame, NULL), FOV_ECLOSED);
    assert_null(frame);
    fov_stats s;
    fov_stream_get_stats(stream, 1, &s);
    assert_int_equal(s.accepted, 4);
    close_all(&stream, &sink);
}

static void wrong_parameters_are_refused(void **state)
{
    (void)state;
    fov_workers *workers = NULL;
    fov_stream *stream;
    fov_error error = {0};
    fov_model_params bad = {.path = "fake:nonsense=1"};
    fov_workers_params params = {.model = &bad};
    assert_int_equal(fov_workers_create(&workers, &params, &error), FOV_EMODEL);
    assert_true(error.message[0]);
    assert_null(workers);
    params.model = NULL;
    assert_int_equal(fov_workers_create(&workers, &params, &error), FOV_EINVAL);
    workers = workers_of("fake:", 1, NULL);
    const fov_stream_params wrong[] = {
        {.on_result = NULL},
        {.on_result = sink_result, .capacity = 65},
        {.on_result = sink_result, .capacity = -1},
        {.on_result = sink_result, .max_latency_ms = -1},
        {.on_result = sink_result, .target_fps = -1},
        {.on_result = sink_result, .weight = -1},
        {.on_result = sink_result, .detect = {.max_detections = 1001}},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(fov_stream_open(&stream, workers, &wrong[i], &error), FOV_EINVAL);
    fov_stream_close(&stream);
    fov_workers_destroy(&workers);
    fov_workers_destroy(&workers);
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
        cmocka_unit_test(pinned_forms_stay),
        cmocka_unit_test(closing_waits_and_is_final),
        cmocka_unit_test(workers_may_end_before_streams),
        cmocka_unit_test(wrong_parameters_are_refused),
        cmocka_unit_test(hanging_runs_are_asked_back),
        cmocka_unit_test(hanging_runs_are_given_up),
        cmocka_unit_test(form_follows_the_load),
    };
    fov_frame_pool_params params = {.slots = 256};
    fov_log_set(NULL, NULL, FOV_LOG_ERROR);
    if (fov_frame_pool_create(&frames, &params, NULL))
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    fov_frame_pool_destroy(&frames);
    return failed;
}
