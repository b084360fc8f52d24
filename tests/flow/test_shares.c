/* Who gets the workers, on a virtual clock: fair shares, weights, nobody starves, frames do not
 * grow older; and what guaranteed streams were promised holds while others flood the machine. */
#include "virtual.h"

#include <math.h>

/* Each subject's work, by weight, is within a tenth of the mean. */
static void assert_fair(const double *weights)
{
    double mean = 0;
    for (int i = 0; i < world.count; i++)
        mean += (double)world.subjects[i].work_ns / (weights ? weights[i] : 1) / world.count;
    for (int i = 0; i < world.count; i++) {
        double part = (double)world.subjects[i].work_ns / (weights ? weights[i] : 1) / mean;
        if (part < 0.9 || part > 1.1)
            fail_msg("stream %d has %.2f of its share", i, part);
    }
}

/* ---- without promises ------------------------------------------------------------------------ */

static void equal_sessions_get_equal_shares(void **state)
{
    (void)state;
    world_make(2, WORLD_THROUGHPUT);
    for (int i = 0; i < 10; i++) /* 150 frames a second where 100 can be run */
        world_add(15, 20, (fov_stream_params){.max_latency_ms = 200}, NULL);
    for (int i = 0; i < 10; i++)
        world.subjects[i].spread_ms = 8;
    world_simulate(60);
    assert_fair(NULL);
    uint64_t sum = 0;
    for (int i = 0; i < 10; i++) {
        const struct subject *u = &world.subjects[i];
        sum += u->delivered;
        assert_int_equal(u->late, 0);
        assert_true(u->expired < u->superseded / 4); /* newest wins before time runs out */
        assert_true(u->oldest_ns <= 200 * MS);
        assert_true(u->longest_gap_ns <= 400 * MS);
    }
    assert_true(sum >= 5900); /* nothing was wasted */
    world_clear();
}

/* Deadlines, rates and costs differ: no reason for more than the others' share. */
static void shares_do_not_follow_deadlines(void **state)
{
    (void)state;
    static const double limits[] = {60, 100, 200, 500, 1000, 0};
    for (int latency = 0; latency < 2; latency++) {
        world_make(latency ? 1 : 2, latency ? WORLD_LATENCY : WORLD_THROUGHPUT);
        for (int i = 0; i < 6; i++)
            world_add(i % 2 ? 30 : 60, 10 + 5 * i, (fov_stream_params){.max_latency_ms = limits[i]},
                      NULL);
        world_simulate(120);
        assert_fair(NULL);
        world_clear();
    }
}

static void weights_are_kept(void **state)
{
    (void)state;
    static const double weights[] = {1, 2, 4, 1, 0.5};
    world_make(2, WORLD_THROUGHPUT);
    for (int i = 0; i < 5; i++)
        world_add(60, 25, (fov_stream_params){.max_latency_ms = 800, .weight = weights[i]}, NULL);
    world_simulate(120);
    assert_fair(weights);
    world_clear();
}

/* One that had the machine for itself for a minute owes nothing to one that comes, and the
 * newcomer is owed nothing either. */
static void newcomers_and_idlers_get_no_credit(void **state)
{
    (void)state;
    world_make(1, WORLD_THROUGHPUT);
    world_add(60, 20, (fov_stream_params){.max_latency_ms = 200}, NULL);
    world_simulate(60);
    struct subject *late = world_add(60, 20, (fov_stream_params){.max_latency_ms = 200}, NULL);
    world_forget();
    world_simulate(2);
    assert_fair(NULL);
    late->next_ns = virtual_ns + 60 * NS_PER_S; /* it pauses */
    world_simulate(60);
    world_forget();
    world_simulate(2);
    assert_fair(NULL);
    world_clear();
}

/* 40 sessions on one worker that manages 10 of their 1,200 frames a second: 20 × what it can. */
static void nobody_starves(void **state)
{
    (void)state;
    world_make(1, WORLD_THROUGHPUT);
    for (int i = 0; i < 40; i++)
        world_add(30, 100, (fov_stream_params){.max_latency_ms = i % 2 ? 200 : 0}, NULL);
    world_simulate(120);
    for (int i = 0; i < world.count; i++) {
        assert_true(world.subjects[i].delivered >= 20);
        assert_true(world.subjects[i].longest_gap_ns <= 12 * NS_PER_S);
    }
    world_clear();
}

/* 30 frames a second into a model of 5, for ten minutes. */
static void frames_do_not_grow_older(void **state)
{
    (void)state;
    double minutes[10];
    world_make(1, WORLD_LATENCY);
    struct subject *u = world_add(30, 200, (fov_stream_params){.max_latency_ms = 1000}, NULL);
    u->spread_ms = 40;
    for (int m = 0; m < 10; m++) {
        world_forget();
        world_simulate(60);
        assert_true(u->delivered >= 290);
        minutes[m] = (double)u->ages_ns / (double)u->delivered / 1e6;
    }
    assert_true(fabs(minutes[9] - minutes[0]) <= 20);
    assert_true(u->oldest_ns <= 300 * MS);
    world_clear();
}

/* ---- promises -------------------------------------------------------------------------------- */

/* Opens guaranteed streams of a kind until one is refused; returns how many. */
static int fill(double fps, double cost_ms, double spread_ms, double limit_ms)
{
    fov_admission told;
    fov_error error = {0};
    for (int n = 0;; n++) {
        fov_stream_params params = {.max_latency_ms = limit_ms,
                                    .guaranteed = true,
                                    .promised_fps = fps,
                                    .picture_width = 64,
                                    .picture_height = 64,
                                    .admission = &told};
        struct subject *u = world_add(fps, cost_ms, params, &error);
        if (!u) {
            assert_int_equal(error.status, FOV_ECAPACITY);
            assert_int_equal(told.runs, n);
            assert_int_equal(told.fits, n);
            assert_true(told.fps_at_most < fps);
            assert_non_null(strstr(error.message, "fits"));
            return n;
        }
        u->spread_ms = spread_ms;
        assert_true(told.runs == n && told.fits > n && told.load <= CAPACITY_LIMIT);
        world_simulate(1); /* its own costs are known from now on */
    }
}

static void flood(int sessions, double fps, double cost_ms)
{
    for (int i = 0; i < sessions; i++)
        world_add(fps, cost_ms, (fov_stream_params){.max_latency_ms = i % 3 ? 200 : 20}, NULL);
}

/* Of the first `guaranteed` subjects. */
static void assert_kept(int guaranteed)
{
    for (int i = 0; i < guaranteed; i++) {
        const struct subject *u = &world.subjects[i];
        if ((double)(u->late + u->expired) > 0.005 * (double)u->put ||
            (double)u->delivered < 0.995 * (double)u->put - 2)
            fail_msg("promise %d of %d: %llu of %llu delivered, %llu late", i, guaranteed,
                     (unsigned long long)u->delivered, (unsigned long long)u->put,
                     (unsigned long long)u->late);
    }
}

/* Whatever kind of stream fills the machine: promises hold alone, and under a flood that leaves
 * others what is over. */
static void promises_hold_under_a_flood(void **state)
{
    (void)state;
    static const struct {
        int workers;
        double fps, cost, spread, limit;
        int least; /* that must fit, so that refusing all is no way out */
    } kinds[] = {
        {2, 15, 14, 4, 200, 6}, {2, 30, 8, 2, 100, 5},  {1, 10, 20, 6, 200, 3},
        {4, 25, 30, 9, 200, 4}, {2, 5, 60, 20, 400, 3}, {1, 2, 100, 10, 1000, 3},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        world_make(kinds[i].workers, WORLD_THROUGHPUT);
        flood(1, 20, kinds[i].cost); /* so that the model's cost is known */
        world_simulate(5);
        world_remove_from(0);
        int count = fill(kinds[i].fps, kinds[i].cost, kinds[i].spread, kinds[i].limit);
        if (count < kinds[i].least)
            fail_msg("kind %zu: only %d fit", i, count);
        world_forget();
        world_simulate(60);
        assert_kept(count);
        flood(20, 30, kinds[i].cost);
        world_forget();
        world_simulate(60);
        assert_kept(count);
        uint64_t others = 0;
        for (int k = count; k < world.count; k++)
            others += world.subjects[k].delivered;
        assert_true(others > 0); /* they share what is over */
        world_clear();
    }
}

/* A stranger's long runs come after the promises were made: they never take the last worker. */
static void long_runs_of_strangers_stand_back(void **state)
{
    (void)state;
    world_make(2, WORLD_THROUGHPUT);
    flood(1, 20, 14);
    world_simulate(5);
    world_remove_from(0);
    int count = fill(15, 14, 2, 100);
    assert_true(count >= 3);
    fov_model_params slow = {.path = "fake:runners=2", .id = "slow"};
    assert_int_equal(fov_workers_add_model(world.pool, &slow, false, NULL), FOV_OK);
    world_remove_from(3); /* half of the machine is free */
    for (int i = 0; i < 4; i++)
        world_add(10, 400, (fov_stream_params){.model_id = "slow"}, NULL);
    world_simulate(5);
    world_forget();
    world_simulate(60);
    assert_kept(3);
    uint64_t others = 0;
    for (int k = 3; k < world.count; k++)
        others += world.subjects[k].delivered;
    assert_true(others >= 30); /* one at a time */
    world_clear();
}

static struct job *take_for(int i, struct form *joined)
{
    struct drops drops = {.count = 0};
    pthread_mutex_lock(&world.pool->lock);
    struct job *job = joined ? job_take_more(world.pool, virtual_ns, &drops, joined)
                             : job_take(world.pool, virtual_ns, &drops, &world.runners[i]);
    if (job)
        world_hold(i, job);
    pthread_mutex_unlock(&world.pool->lock);
    assert_int_equal(drops.count, 0);
    return job;
}

/* Ends what the worker runs. */
static void let_go(int i)
{
    struct worker *w = &world.hands[i];
    pthread_mutex_lock(&world.pool->lock);
    int count = w->job_count;
    w->job_count = 0;
    form_give(w->run.form, world.runners[i]);
    for (int k = 0; k < count; k++)
        job_done(w->jobs[k], virtual_ns);
    pthread_mutex_unlock(&world.pool->lock);
}

/* Strangers leave two of four workers alone. Three frames of theirs in one run take one. */
static void strangers_are_counted_in_workers(void **state)
{
    (void)state;
    world_make(4, WORLD_THROUGHPUT);
    struct subject *u = world_add(10, 10, (fov_stream_params){.fifo = true, .capacity = 8}, NULL);
    for (int i = 0; i < 5; i++) {
        fov_frame *frame;
        assert_int_equal(fov_frame_get(world.frames, 10, &frame), FOV_OK);
        assert_int_equal(fov_stream_put(u->stream, &frame, NULL), FOV_OK);
    }
    world.pool->promised = 1;
    world.pool->plan.reserved = 2;
    struct job *first = take_for(0, NULL);
    assert_non_null(first);
    assert_true(take_for(0, first->form) && take_for(0, first->form));
    assert_non_null(take_for(1, NULL));
    assert_null(take_for(2, NULL));
    let_go(0);
    assert_non_null(take_for(2, NULL));
    let_go(1);
    let_go(2);
    world.pool->promised = world.pool->plan.reserved = 0;
    world_clear();
}

/* A camera that sends more than it was promised gets no more than that. */
static void a_promise_is_a_limit(void **state)
{
    (void)state;
    world_make(1, WORLD_THROUGHPUT);
    fov_stream_params params = {.max_latency_ms = 200, .guaranteed = true, .promised_fps = 10};
    struct subject *u = world_add(30, 10, params, NULL);
    fov_knobs knobs = {.target_fps = -1};
    fov_stream_set(u->stream, &knobs);
    world_simulate(60);
    assert_in_range(u->delivered, 590, 635);
    params.promised_fps = 0;
    assert_null(world_add(10, 10, params, NULL));
    world_clear();
}

static double turned_to;

static void on_change(void *user, const fov_change *change)
{
    (void)user;
    turned_to = change->to;
}

/* A rate that follows the latency stays within the promise: what is told of it is what passes. */
static void a_rate_that_follows_keeps_to_its_promise(void **state)
{
    (void)state;
    world_make(1, WORLD_THROUGHPUT);
    fov_stream_params params = {.max_latency_ms = 200, .guaranteed = true, .promised_fps = 8};
    params.adaptive = (fov_adaptive){.target_latency_ms = 100,
                                     .initial_fps = 6,
                                     .min_fps = 5,
                                     .max_fps = 20,
                                     .on_change = on_change};
    struct subject *u = world_add(30, 10, params, NULL);
    turned_to = 0;
    world_simulate(60);
    assert_true(turned_to == 8);
    world_forget();
    world_simulate(60);
    assert_true(turned_to == 8);
    assert_in_range(u->delivered, 475, 485);
    params.promised_fps = 3; /* less than all that was asked for */
    params.max_latency_ms = 0;
    u = world_add(30, 10, params, NULL);
    assert_non_null(u);
    world_simulate(10);
    world_forget();
    world_simulate(60);
    assert_in_range(u->delivered, 178, 182);
    assert_true(turned_to == 8);
    world_clear();
}

static void the_first_promise_needs_no_history_the_second_does(void **state)
{
    (void)state;
    fov_error error = {0};
    world_make(1, WORLD_THROUGHPUT);
    fov_stream_params params = {.max_latency_ms = 200, .guaranteed = true, .promised_fps = 10};
    assert_non_null(world_add(10, 10, params, &error));
    assert_null(world_add(10, 10, params, &error));
    assert_int_equal(error.status, FOV_EAGAIN);
    world_simulate(2);
    assert_non_null(world_add(10, 10, params, &error));
    fov_admission now;
    assert_true(fov_stream_get_admission(world.subjects[0].stream, &now));
    assert_int_equal(now.runs, 1);
    assert_true(now.needs_ms > 9 && now.answer_ms < 200 && now.load > 0.1 && now.load < 0.4);
    fov_workers_info info;
    fov_workers_get_info(world.pool, &info);
    assert_int_equal(info.guaranteed, 2);
    assert_true(info.promised > 0.1);
    world_clear();
}

/* Who lists streams makes no plan, however many there are; what is told is what the rules say. */
static void listing_promises_is_cheap(void **state)
{
    (void)state;
    world_make(4, WORLD_THROUGHPUT);
    fov_stream_params params = {.max_latency_ms = 1000, .guaranteed = true, .promised_fps = 1};
    assert_non_null(world_add(1, 10, params, NULL));
    world_simulate(20); /* until its cost is known */
    params.promised_fps = 0.5;
    fov_error error = {0};
    while (world.count < SUBJECTS_MAX)
        if (!world_add(0.5, 10, params, &error))
            fail_msg("stream %d: %s", world.count, error.message);
    world_simulate(10);
    fov_admission told[SUBJECTS_MAX];
    double all = 0; /* worker time of a second, in ms */
    promises_changed(world.pool, virtual_ns);
    uint64_t plans = world.pool->plans;
    assert_true(plans > 0);
    for (int i = 0; i < SUBJECTS_MAX; i++) {
        assert_true(fov_stream_get_admission(world.subjects[i].stream, &told[i]));
        all += told[i].fps * told[i].needs_ms;
    }
    assert_true(world.pool->plans == plans);
    for (int i = 0; i < SUBJECTS_MAX; i++) {
        double others = all - told[i].fps * told[i].needs_ms;
        double left = (CAPACITY_LIMIT * 4 * 1000 - others) / told[i].fps;
        assert_int_equal(told[i].runs, SUBJECTS_MAX - 1);
        assert_true(told[i].fps == (i ? 0.5 : 1));
        assert_true(told[i].needs_ms > 5 && told[i].needs_ms < 30);
        assert_true(fabs(told[i].free_ms - left) < 0.001 * left);
        assert_true(fabs(told[i].load - all / 4000) < 1e-6);
    }
    world_clear();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_sessions_get_equal_shares),
        cmocka_unit_test(shares_do_not_follow_deadlines),
        cmocka_unit_test(weights_are_kept),
        cmocka_unit_test(newcomers_and_idlers_get_no_credit),
        cmocka_unit_test(nobody_starves),
        cmocka_unit_test(frames_do_not_grow_older),
        cmocka_unit_test(promises_hold_under_a_flood),
        cmocka_unit_test(long_runs_of_strangers_stand_back),
        cmocka_unit_test(strangers_are_counted_in_workers),
        cmocka_unit_test(a_promise_is_a_limit),
        cmocka_unit_test(a_rate_that_follows_keeps_to_its_promise),
        cmocka_unit_test(the_first_promise_needs_no_history_the_second_does),
        cmocka_unit_test(listing_promises_is_cheap),
    };
    fov_log_set(NULL, NULL, FOV_LOG_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
