/* Frames of several streams in one run: boxes belong to their frame, every frame has its answer,
 * and there are fewer runs than frames. */
#include "bed.h"
#include "flow/flow.h"

#include <math.h>
#include <unistd.h>

enum { STREAMS = 6, FRAMES = 40 };

static fov_workers *batching(const char *path, int batch, bool pinned)
{
    fov_model_params model = {.path = path, .batch = batch, .runners = 1};
    fov_workers_params params = {.workers = 2, .model = &model, .pin_throughput = pinned};
    fov_workers *workers = NULL;
    fov_error error = {0};
    if (fov_workers_create(&workers, &params, &error))
        fail_msg("%s", error.message);
    return workers;
}

/* Where the block of a frame is: 96 × 64 px, see scaled_frame_of. */
static void expect_block(const struct sink_entry *e, uint64_t number)
{
    float left = (float)(number * 7 % 80), top = (float)(number * 5 % 48);
    assert_int_equal(e->answers, 1);
    assert_int_equal(e->outcome, FOV_DELIVERED);
    assert_int_equal(e->detections, 1);
    if (fabsf(e->first.x1 - left) > 2 || fabsf(e->first.y1 - top) > 2)
        fail_msg("frame %d: a box at %.0f %.0f, not %.0f %.0f", (int)number, (double)e->first.x1,
                 (double)e->first.y1, (double)left, (double)top);
}

static int by_value(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* Frames of one run have its time in common, to the nanosecond. */
static int count_runs(const struct sink *sinks)
{
    int64_t times[STREAMS * FRAMES];
    int runs = 1;
    for (int i = 0; i < STREAMS * FRAMES; i++)
        times[i] = sinks[i / FRAMES].entries[i % FRAMES].inference_ns;
    qsort(times, STREAMS * FRAMES, sizeof *times, by_value);
    for (int i = 1; i < STREAMS * FRAMES; i++)
        runs += times[i] != times[i - 1];
    return runs;
}

/* A frame costs its part of a run; a slow run is slow for all of them. */
static void expect_shared_costs(fov_workers *workers)
{
    pthread_mutex_lock(&workers->lock);
    const struct form *form = slot_form(workers->default_slot);
    int64_t run = recent_median_ns(&form->runs), frame = recent_median_ns(&form->each);
    pthread_mutex_unlock(&workers->lock);
    assert_true(run >= 20 * MS && frame > 0 && 2 * frame < run);
}

static void frames_of_streams_share_a_run(void **state)
{
    (void)state;
    struct sink sinks[STREAMS];
    fov_stream *streams[STREAMS];
    fov_workers *workers = batching("fake:boxes=bright,sleep_ms=20", 4, true);
    fov_model *model = fov_workers_model(workers, NULL);
    assert_int_equal(fov_model_get_info(model)->batch, 4);
    fov_model_close(&model);
    for (int i = 0; i < STREAMS; i++)
        streams[i] = stream_of(workers, &sinks[i],
                               (fov_stream_params){.fifo = true, .capacity = 64});
    for (uint64_t n = 0; n < FRAMES; n++)
        for (int i = 0; i < STREAMS; i++)
            put(streams[i], n + (uint64_t)i);
    for (int i = 0; i < STREAMS; i++)
        assert_true(sink_wait(&sinks[i], FRAMES, 20000));
    int runs = count_runs(sinks);
    expect_shared_costs(workers);
    for (int i = 0; i < STREAMS; i++) {
        for (uint64_t n = 0; n < FRAMES; n++)
            expect_block(&sinks[i].entries[n], n + (uint64_t)i);
        close_all(&streams[i], &sinks[i]);
    }
    fov_workers_destroy(&workers);
    if (runs > STREAMS * FRAMES / 2)
        fail_msg("%d runs for %d frames: hardly anything was shared", runs, STREAMS * FRAMES);
}

/* A frame in a run with others that cannot be decoded. */
static void a_broken_frame_is_dropped_alone(void **state)
{
    (void)state;
    struct sink good, bad;
    fov_workers *workers = batching("fake:boxes=bright,sleep_ms=20", 4, true);
    fov_stream *a = stream_of(workers, &good, (fov_stream_params){.fifo = true, .capacity = 64});
    fov_stream *b = stream_of(workers, &bad, (fov_stream_params){.fifo = true, .capacity = 64});
    for (uint64_t n = 0; n < 12; n++) {
        fov_frame *broken = NULL;
        put(a, n);
        assert_int_equal(fov_frame_get(frames, 16, &broken), FOV_OK);
        memcpy(broken->bytes, "no picture at al", 16);
        broken->size = 16;
        broken->capture_ns = clock_now_ns();
        assert_int_equal(fov_stream_put(b, &broken, NULL), FOV_OK);
    }
    assert_true(sink_wait(&good, 12, 10000));
    assert_true(sink_wait(&bad, 12, 10000));
    assert_int_equal(good.delivered, 12);
    assert_int_equal(bad.dropped[FOV_DROP_DECODE], 12);
    for (uint64_t n = 0; n < 12; n++)
        expect_block(&good.entries[n], n);
    close_all(&a, &good);
    close_all(&b, &bad);
    fov_workers_destroy(&workers);
}

/* A run that hangs takes all its frames with it: each is answered as failed, once. */
static void a_hung_run_fails_all_its_frames(void **state)
{
    (void)state;
    struct sink sink;
    fov_workers *workers = batching("fake:sleep_ms=20,hang_after=1,deaf=1", 4, true);
    fov_stream *s = stream_of(workers, &sink, (fov_stream_params){.fifo = true, .capacity = 64});
    for (uint64_t n = 0; n < 9; n++)
        put(s, n);
    assert_true(sink_wait(&sink, 5, 10000));
    pthread_mutex_lock(&sink.lock); /* others are being answered still */
    assert_true(sink.failed >= 1 && sink.failed + sink.delivered == sink.answers);
    for (uint64_t n = 0; n < 5; n++)
        assert_int_equal(sink.entries[n].answers, 1);
    pthread_mutex_unlock(&sink.lock);
    close_all(&s, &sink);
    fov_workers_destroy(&workers);
}

/* Watched frames keep their picture in a run of several. */
static void watched_frames_keep_their_pictures(void **state)
{
    (void)state;
    struct sink sink;
    fov_encoder *encoder = NULL;
    assert_int_equal(fov_encoder_create(&encoder, NULL), FOV_OK);
    fov_workers *workers = batching("fake:boxes=bright,sleep_ms=30", 4, true);
    fov_stream *s = stream_of(workers, &sink, (fov_stream_params){.fifo = true, .capacity = 64});
    fov_stream_watch(s, true);
    for (uint64_t n = 0; n < 8; n++) {
        fov_frame *frame = jpeg_of(encoder, n);
        assert_int_equal(fov_stream_put(s, &frame, NULL), FOV_OK);
    }
    assert_true(sink_wait(&sink, 8, 10000));
    for (uint64_t n = 0; n < 8; n++) {
        assert_int_equal(sink.entries[n].outcome, FOV_DELIVERED);
        assert_int_equal(sink.entries[n].picture_seq, n);
        assert_true(sink.entries[n].picture_luma > 200);
    }
    fov_stream_watch(s, false);
    close_all(&s, &sink);
    fov_encoder_destroy(&encoder);
    fov_workers_destroy(&workers);
}

/* Two streams whose deadlines leave no time for the long run stay with the short one. */
static void short_deadlines_keep_the_latency_form(void **state)
{
    (void)state;
    struct sink sinks[2];
    fov_stream *streams[2];
    fov_workers_info info;
    fov_workers *workers = batching("fake:sleep_ms=15,batch_sleep_ms=90", 4, false);
    for (int i = 0; i < 2; i++)
        streams[i] = stream_of(workers, &sinks[i], (fov_stream_params){.max_latency_ms = 100});
    /* what the long run costs is learnt from its first one, which on a slow machine comes late */
    for (int t = 0; t < 120 || (t < 600 && strcmp(info.form, "latency") != 0); t++) {
        for (int i = 0; i < 2; i++)
            put(streams[i], (uint64_t)t);
        usleep(33000);
        fov_workers_get_info(workers, &info);
    }
    assert_string_equal(info.form, "latency");
    for (int i = 0; i < 2; i++) {
        pthread_mutex_lock(&sinks[i].lock);
        uint64_t delivered = sinks[i].delivered;
        pthread_mutex_unlock(&sinks[i].lock);
        close_all(&streams[i], &sinks[i]);
        assert_true(delivered > 20); /* of 120; sanitizers are slow */
    }
    fov_workers_destroy(&workers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_of_streams_share_a_run),
        cmocka_unit_test(a_broken_frame_is_dropped_alone),
        cmocka_unit_test(a_hung_run_fails_all_its_frames),
        cmocka_unit_test(watched_frames_keep_their_pictures),
        cmocka_unit_test(short_deadlines_keep_the_latency_form),
    };
    return cmocka_run_group_tests(tests, bed_make, bed_clear);
}
