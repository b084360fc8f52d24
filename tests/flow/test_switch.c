/* The change between the form for latency and the one for many streams: no frame is lost, and no
 * viewer sees a pause. Once on the virtual clock, where gaps are exact, once with real threads. */
#include "virtual.h"

#include "bed.h"

static void tick(void)
{
    pthread_mutex_lock(&world.pool->lock);
    pool_tick(world.pool, virtual_ns);
    pthread_mutex_unlock(&world.pool->lock);
}

/* What the builder thread does, at a moment of the test's choice. */
static void build(void)
{
    pthread_mutex_lock(&world.pool->lock);
    assert_true(forms_wanted(world.pool, virtual_ns));
    forms_build(world.pool);
    pthread_mutex_unlock(&world.pool->lock);
    tick();
}

static fov_hint active(void)
{
    return world.pool->default_slot->active;
}

/* What runs of the form for many streams cost becomes known, then the other one is taken again. */
static void try_other_form(double seconds)
{
    world.pool->default_slot->active = FOV_HINT_THROUGHPUT;
    world_simulate(seconds);
    world.pool->default_slot->active = FOV_HINT_LATENCY;
}

/* Ten frames a second. */
static fov_stream_params promise_of(double max_latency_ms)
{
    return (fov_stream_params){.max_latency_ms = max_latency_ms,
                               .guaranteed = true,
                               .promised_fps = 10,
                               .picture_width = 64,
                               .picture_height = 64};
}

/* Four cameras without a promise that ask for more than there is. */
static void add_strangers(double cost_ms)
{
    for (int i = 0; i < 4; i++)
        world_add(30, cost_ms, (fov_stream_params){.max_latency_ms = 200}, NULL);
}

/* No answer of the first `count` cameras came more than `gap_ms` after the one before. */
static void assert_no_pause(int count, int gap_ms)
{
    for (int i = 0; i < count; i++)
        if (world.subjects[i].longest_gap_ns > gap_ms * MS)
            fail_msg("camera %d: a gap of %.1f ms", i,
                     (double)world.subjects[i].longest_gap_ns / 1e6);
}

static void assert_none_lost(int count)
{
    for (int i = 0; i < count; i++) {
        const struct subject *u = &world.subjects[i];
        assert_true(u->put > 10);
        assert_int_equal(u->late + u->expired + u->superseded, 0);
        assert_true(u->delivered + 1 >= u->put);
    }
}

/* Four cameras of 15 fps are a little more than the latency form can do. After two seconds the
 * other form is wanted; it is there a second later, takes over, and gives way again when one camera
 * is left. It loses nothing, and no gap comes near the 200 ms after which a page says DELAYED. */
static void no_frame_is_lost_and_no_gap_is_seen(void **state)
{
    (void)state;
    world_make(2, WORLD_FOLLOWS);
    world.latency_part = 0.6;
    for (int i = 0; i < 4; i++)
        world_add(15, 29, (fov_stream_params){.max_latency_ms = 200}, NULL);
    world_simulate(1.5);
    assert_int_equal(active(), FOV_HINT_LATENCY);
    world_simulate(4);
    assert_int_equal(active(), FOV_HINT_LATENCY); /* wanted, not there: frames go on */
    assert_int_equal(world.throughput_runs, 0);
    build();
    assert_int_equal(active(), FOV_HINT_THROUGHPUT);
    world_simulate(0.1);
    assert_no_pause(4, 2 * 67 + 29); /* a frame of each was superseded now and then */
    world_forget();
    world_simulate(4);
    assert_true(world.throughput_runs >= 230);
    assert_none_lost(4);
    assert_no_pause(4, 67 + 2 * 29);
    world_remove_from(1);
    world_forget();
    world_simulate(4);
    assert_int_equal(active(), FOV_HINT_THROUGHPUT); /* not at once: they may come again */
    int before = world.throughput_runs;
    world_simulate(8);
    assert_int_equal(active(), FOV_HINT_LATENCY);
    assert_true(world.throughput_runs - before < 8 * 15);
    assert_none_lost(1);
    assert_no_pause(1, 67 + 29);
    world_clear();
}

/* A promise that only the other form can keep brings it at once, without a busy second first. */
static void a_promise_brings_the_form_it_needs(void **state)
{
    (void)state;
    world_make(2, WORLD_FOLLOWS);
    world.latency_part = 0.9;
    fov_stream_params params = promise_of(300);
    world_add(10, 40, params, NULL);
    world_simulate(2);
    world_add(10, 40, params, NULL);
    world_simulate(2);
    fov_error error = {0};
    assert_null(world_add(10, 40, params, &error)); /* 3 × 10 × 36 ms: too much, one at a time */
    assert_int_equal(error.status, FOV_ECAPACITY);
    pthread_mutex_lock(&world.pool->lock);
    world.pool->default_slot->wanted[FOV_HINT_THROUGHPUT] = true;
    pthread_mutex_unlock(&world.pool->lock);
    build();
    try_other_form(1);
    assert_non_null(world_add(10, 40, params, &error));
    tick();
    assert_int_equal(active(), FOV_HINT_THROUGHPUT);
    world_forget();
    world_simulate(20);
    assert_int_equal(active(), FOV_HINT_THROUGHPUT); /* and keeps it, busy or not */
    assert_none_lost(3);
    assert_no_pause(3, 100 + 80);
    world_clear();
}

/* Runs of the form for many streams take twice as long: too long for this promise. However busy
 * strangers make the pool, that form stays away once it is known; until then too. */
static void a_promise_keeps_a_form_away_that_breaks_it(void **state)
{
    (void)state;
    world_make(2, WORLD_FOLLOWS);
    world.latency_part = 0.4;
    world_add(10, 50, (fov_stream_params){.max_latency_ms = 100}, NULL);
    world_simulate(2); /* 20 ms a run is known */
    world_remove_from(0);
    assert_non_null(world_add(10, 50, promise_of(45), NULL));
    add_strangers(50);
    world_simulate(4);
    assert_int_equal(active(), FOV_HINT_LATENCY);
    build();
    assert_int_equal(active(), FOV_HINT_LATENCY); /* there, and only guessed at */
    try_other_form(0.3);
    world_simulate(3);
    world_forget();
    int before = world.throughput_runs;
    world_simulate(30);
    assert_int_equal(world.throughput_runs, before);
    assert_none_lost(1);
    world_clear();
}

/* The same with a promise that both forms keep: strangers bring the one that carries more, and
 * leave a worker alone. */
static void a_promise_holds_in_both_forms(void **state)
{
    (void)state;
    world_make(2, WORLD_FOLLOWS);
    world.latency_part = 0.7;
    world_add(10, 40, (fov_stream_params){.max_latency_ms = 100}, NULL);
    world_simulate(2);
    world_remove_from(0);
    assert_non_null(world_add(10, 40, promise_of(75), NULL));
    add_strangers(40);
    world_simulate(4);
    build();
    try_other_form(1);
    world_simulate(4);
    world_forget();
    int before = world.latency_runs;
    world_simulate(30);
    assert_int_equal(active(), FOV_HINT_THROUGHPUT);
    assert_int_equal(world.latency_runs, before);
    assert_none_lost(1);
    assert_true(world.subjects[0].oldest_ns <= 75 * MS);
    world_clear();
}

/* ---- real threads ---------------------------------------------------------------------------- */

enum { CAMERAS = 3, FRAMES = 400 };

static fov_stream *streams[CAMERAS];
static struct sink sinks[CAMERAS];

/* Always two frames under way. */
static void *feed(void *argument)
{
    intptr_t k = (intptr_t)argument;
    for (uint64_t i = 0; i < FRAMES; i++) {
        put(streams[k], i);
        if (i > 0)
            sink_wait(&sinks[k], i - 1, 20000);
    }
    return NULL;
}

/* Three cameras for some seconds: the form is built and taken while they run, every frame has its
 * answer, in order (the sink looks at that). How long gaps are is not asserted here. */
static void a_running_pool_switches_without_a_loss(void **state)
{
    (void)state;
    struct events events = {0};
    pthread_t threads[CAMERAS];
    fov_workers *workers = workers_of("fake:sleep_ms=6", 2, &events);
    for (intptr_t i = 0; i < CAMERAS; i++) {
        streams[i] = stream_of(workers, &sinks[i],
                               (fov_stream_params){.fifo = true, .capacity = 64});
        pthread_create(&threads[i], NULL, feed, (void *)i);
    }
    for (int i = 0; i < CAMERAS; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < CAMERAS; i++) {
        assert_true(sink_wait(&sinks[i], FRAMES, 20000));
        assert_int_equal(sinks[i].delivered, FRAMES);
        close_all(&streams[i], &sinks[i]);
    }
    assert_true(atomic_load(&events.switches) >= 1);
    fov_workers_destroy(&workers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_frame_is_lost_and_no_gap_is_seen),
        cmocka_unit_test(a_promise_brings_the_form_it_needs),
        cmocka_unit_test(a_promise_keeps_a_form_away_that_breaks_it),
        cmocka_unit_test(a_promise_holds_in_both_forms),
        cmocka_unit_test_setup_teardown(a_running_pool_switches_without_a_loss, bed_make,
                                        bed_clear),
    };
    fov_log_set(NULL, NULL, FOV_LOG_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
