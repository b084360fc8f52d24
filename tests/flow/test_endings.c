/* Streams with real threads and the fake backend: forms of a model, hanging runs, closing. */
#include "bed.h"

#include <unistd.h>

#include "flow/flow.h"

/* Puts frames into the streams for so long, 30 a second each. */
static void load_for(fov_stream **streams, int count, int ms)
{
    for (int t = 0; t < ms; t += 33) {
        for (int i = 0; i < count; i++)
            put(streams[i], (uint64_t)t);
        usleep(33000);
    }
}

/* ---- threads ----------------------------------------------------------------------------------
 */

/* What a library keeps by thread, and frees when the thread has ended: slowly, or when it may. */
static struct {
    pthread_key_t key;
    pthread_t putting; /* hears of frames that are dropped at once */
    atomic_int begun, freed, slow_ms;
    atomic_bool stuck;
} kept;

static void free_kept(void *value)
{
    (void)value;
    usleep((useconds_t)(1000 * atomic_load(&kept.slow_ms)));
    while (atomic_load(&kept.stuck))
        usleep(10000);
    atomic_fetch_add(&kept.freed, 1);
}

static void keep_by_thread(void *user, const fov_result *result)
{
    (void)user;
    (void)result;
    if (pthread_equal(kept.putting, pthread_self()) || pthread_getspecific(kept.key))
        return;
    atomic_fetch_add(&kept.begun, 1);
    pthread_setspecific(kept.key, &kept);
}

static fov_workers *workers_that_keep(void)
{
    fov_workers *workers = workers_of("fake:sleep_ms=2", 2, NULL);
    fov_stream_params params = {.on_result = keep_by_thread};
    fov_stream *stream = NULL;
    kept.putting = pthread_self();
    assert_int_equal(fov_stream_open(&stream, workers, &params, NULL), FOV_OK);
    for (int i = 0; i < 20; i++) {
        put(stream, (uint64_t)i);
        usleep(5000);
    }
    fov_stream_close(&stream);
    return workers;
}

/* Until then what they keep looks like a leak. */
static void no_thread_outlives_its_workers(void **state)
{
    (void)state;
    assert_int_equal(pthread_key_create(&kept.key, free_kept), 0);
    atomic_store(&kept.slow_ms, 200);
    fov_workers *workers = workers_that_keep();
    assert_true(atomic_load(&kept.begun) > 0);
    fov_workers_destroy(&workers);
    assert_int_equal(atomic_load(&kept.freed), atomic_load(&kept.begun));
}

/* One that does not end is left behind in the end. */
static void a_thread_that_does_not_end_is_left(void **state)
{
    (void)state;
    atomic_store(&kept.slow_ms, 0);
    atomic_store(&kept.stuck, true);
    int64_t start = clock_now_ns();
    fov_workers *workers = workers_that_keep();
    fov_workers_destroy(&workers);
    assert_in_range(clock_now_ns() - start, 4 * NS_PER_S, 20 * NS_PER_S);
    assert_true(atomic_load(&kept.freed) < atomic_load(&kept.begun));
    atomic_store(&kept.stuck, false);
    for (int i = 0; i < 500 && atomic_load(&kept.freed) < atomic_load(&kept.begun); i++)
        usleep(10000);
    assert_int_equal(atomic_load(&kept.freed), atomic_load(&kept.begun));
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

/* A runtime that waits for others (a remote server) gives up when the frame's time is over: the
 * frame is dropped by deadline, not failed. Who wants an answer at any time gets one, late. */
static void a_run_ends_at_its_limit(void **state)
{
    (void)state;
    struct sink live, post;
    fov_workers *workers = workers_of("fake:limits=1,sleep_ms=400", 2, NULL);
    fov_stream *a = stream_of(workers, &live, (fov_stream_params){.max_latency_ms = 60});
    put(a, 0);
    assert_true(sink_wait(&live, 1, 5000));
    assert_int_equal(live.dropped[FOV_DROP_DEADLINE], 1);
    assert_int_equal(live.failed, 0);
    assert_true(live.entries[0].total_ns < 300 * MS);
    fov_stream *b = stream_of(workers, &post,
                              (fov_stream_params){.max_latency_ms = 60, .always_run = true});
    put(b, 0);
    assert_true(sink_wait(&post, 1, 5000));
    assert_int_equal(post.delivered, 1);
    assert_false(post.entries[0].in_time);
    close_all(&a, &live);
    close_all(&b, &post);
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

static int workers_alive(fov_workers *pool)
{
    int count = 0;
    pthread_mutex_lock(&pool->lock);
    for (const struct worker *w = pool->workers; w; w = w->next)
        count++;
    pthread_mutex_unlock(&pool->lock);
    return count;
}

/* A worker that is given up answers first, and is replaced then. */
static bool workers_become(fov_workers *pool, int count)
{
    for (int i = 0; i < 5000 && workers_alive(pool) != count; i++)
        usleep(1000);
    return workers_alive(pool) == count;
}

/* A model that is broken for good costs another one neither its workers nor its patience: what
 * hangs there now and then is forgiven as before. */
static void hangs_of_another_model_do_not_count(void **state)
{
    (void)state;
    struct sink bad, good;
    fov_workers_info info;
    fov_workers *workers = workers_of("fake:hang_every=20", 2, NULL);
    fov_model_params broken = {.path = "fake:hang_after=0,deaf=1", .id = "broken"};
    assert_int_equal(fov_workers_add_model(workers, &broken, false, NULL), FOV_OK);
    fov_stream *sick = stream_of(
        workers, &bad, (fov_stream_params){.model_id = "broken", .fifo = true, .capacity = 8});
    fov_stream *well = stream_of(workers, &good, (fov_stream_params){.fifo = true});
    for (uint64_t i = 0; i < 5; i++)
        put(sick, i);
    assert_true(sink_wait(&bad, 5, 60000));
    fov_workers_get_info(workers, &info);
    assert_true(info.degraded && !info.default_lost);
    assert_int_equal(info.lost_runs, 4);
    assert_true(workers_become(workers, 2));
    for (uint64_t number = 0; number < 45; number++) {
        put(well, number);
        assert_true(sink_wait(&good, number + 1, 10000));
    }
    assert_int_equal(good.failed, 2);
    close_all(&sick, &bad);
    close_all(&well, &good);
    assert_int_equal(fov_workers_remove_model(workers, "broken", NULL), FOV_OK);
    fov_workers_get_info(workers, &info);
    assert_false(info.degraded);
    fov_workers_destroy(&workers);
}

/* A counter of a sink that results still come into. */
static uint64_t counted(struct sink *sink, const uint64_t *counter)
{
    pthread_mutex_lock(&sink->lock);
    uint64_t count = *counter;
    pthread_mutex_unlock(&sink->lock);
    return count;
}

/* What a hung run took of a worker is not its stream's share: where all workers are busy, the
 * stream would wait until each of the others had as much. */
static void a_hung_run_is_not_charged(void **state)
{
    (void)state;
    enum { COUNT = 8 };
    struct sink sinks[COUNT];
    fov_stream *streams[COUNT];
    int hung = -1;
    fov_workers *workers = workers_of("fake:sleep_ms=20,hang_every=60", 1, NULL);
    for (int i = 0; i < COUNT; i++)
        streams[i] = stream_of(workers, &sinks[i], (fov_stream_params){0});
    for (int tries = 0; hung < 0 && tries < 20; tries++) {
        load_for(streams, COUNT, 500);
        for (int i = 0; i < COUNT; i++)
            hung = counted(&sinks[i], &sinks[i].failed) > 0 ? i : hung;
    }
    assert_true(hung >= 0);
    uint64_t before = counted(&sinks[hung], &sinks[hung].delivered);
    load_for(streams, COUNT, 2000);
    assert_true(counted(&sinks[hung], &sinks[hung].delivered) > before);
    for (int i = 0; i < COUNT; i++)
        close_all(&streams[i], &sinks[i]);
    fov_workers_destroy(&workers);
}

/* A model that hangs now and then is asked back each time, and goes on: what it lost is forgotten
 * by what it does well. */
static void rare_hangs_are_forgotten(void **state)
{
    (void)state;
    struct sink sink;
    struct events events = {0};
    fov_workers_info info;
    fov_workers *workers = workers_of("fake:hang_every=260", 1, &events);
    fov_stream *stream = stream_of(workers, &sink, (fov_stream_params){.fifo = true});
    for (uint64_t number = 0; number < 1400; number++) {
        put(stream, number);
        assert_true(sink_wait(&sink, number + 1, 10000));
    }
    fov_workers_get_info(workers, &info);
    assert_int_equal(info.lost_runs, 5); /* one more than a broken model gets */
    assert_false(info.degraded);
    assert_int_equal(sink.failed, 5);
    close_all(&stream, &sink);
    fov_workers_destroy(&workers);
}

/* Four runs that hang at once end a model for good, also where another device was looked for in
 * vain meanwhile: it does not come back by itself on the one that hung. */
static void a_model_that_hung_stays_away(void **state)
{
    (void)state;
    enum { COUNT = 4 };
    struct sink sinks[COUNT];
    fov_stream *streams[COUNT];
    fov_workers_info info;
    fov_model_params model = {.path = "fake:hang_after=1,deaf=1,sleep_ms=20,runners=4"};
    fov_workers_params params = {
        .workers = COUNT, .model = &model, .pin_latency = true}; /* no second form steps in */
    fov_workers *workers;
    assert_int_equal(fov_workers_create(&workers, &params, NULL), FOV_OK);
    for (int i = 0; i < COUNT; i++)
        streams[i] = stream_of(workers, &sinks[i], (fov_stream_params){.fifo = true});
    for (uint64_t number = 0; number < 2; number++)
        for (int i = 0; i < COUNT; i++)
            put(streams[i], number);
    for (int i = 0; i < COUNT; i++)
        assert_true(sink_wait(&sinks[i], 2, 10000));
    fov_workers_get_info(workers, &info);
    assert_true(info.degraded && info.default_lost);
    for (int s = 0; s < 14; s++) { /* longer than a repair waits */
        usleep(500000);
        put(streams[0], (uint64_t)(2 + s));
        assert_true(sink_wait(&sinks[0], (uint64_t)(3 + s), 10000));
        assert_int_equal(sinks[0].entries[2 + s].status, FOV_EINFER);
    }
    for (int i = 0; i < COUNT; i++)
        close_all(&streams[i], &sinks[i]);
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

/* Frames that still run, or are dropped by the end itself, are in them. */
static void the_last_statistics_are_final(void **state)
{
    (void)state;
    fov_workers *workers = workers_of("fake:sleep_ms=8", 2, NULL);
    for (int round = 0; round < 10; round++) {
        static struct sink sink;
        fov_stats last = {0};
        fov_stream *stream = stream_of(workers, &sink, (fov_stream_params){.fifo = round % 2});
        for (int i = 0; i < 20; i++) {
            put(stream, (uint64_t)i);
            usleep(2000);
        }
        fov_stream_close_stats(&stream, 60, &last);
        assert_null(stream);
        uint64_t answers = last.delivered + last.failed;
        for (int r = 0; r < FOV_DROP_COUNT; r++) {
            answers += last.dropped[r];
            assert_int_equal(last.dropped[r], sink.dropped[r]);
        }
        assert_int_equal(last.accepted, 20);
        assert_int_equal(answers, 20);
        assert_int_equal(last.waiting, 0);
        assert_int_equal(last.delivered, sink.delivered);
        assert_true(last.delivered > 0);
        assert_true(last.mean_ms > 0);
        close_all(&stream, &sink);
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
        cmocka_unit_test(no_thread_outlives_its_workers),
        cmocka_unit_test(a_thread_that_does_not_end_is_left),
        cmocka_unit_test(pinned_forms_stay),
        cmocka_unit_test(a_run_ends_at_its_limit),
        cmocka_unit_test(closing_waits_and_is_final),
        cmocka_unit_test(the_last_statistics_are_final),
        cmocka_unit_test(workers_may_end_before_streams),
        cmocka_unit_test(wrong_parameters_are_refused),
        cmocka_unit_test(hanging_runs_are_asked_back),
        cmocka_unit_test(hanging_runs_are_given_up),
        cmocka_unit_test(hangs_of_another_model_do_not_count),
        cmocka_unit_test(a_hung_run_is_not_charged),
        cmocka_unit_test(rare_hangs_are_forgotten),
        cmocka_unit_test(a_model_that_hung_stays_away),
        cmocka_unit_test(form_follows_the_load),
    };
    return cmocka_run_group_tests(tests, bed_make, bed_clear);
}
