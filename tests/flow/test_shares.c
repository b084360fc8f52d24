/* Who gets the workers, on a virtual clock: fair shares, weights, nobody starves, frames do not
 * grow older; and what guaranteed streams were promised holds while others flood the machine. */
#include "flow_test.h"

#include <math.h>

#include "flow/capacity.h"
#include "flow/flow.h"

enum { SUBJECTS_MAX = 64, WORKERS_MAX = 4 };

static int64_t virtual_ns = 1000 * NS_PER_S;

static int64_t virtual_clock(void)
{
    return virtual_ns;
}

/* A camera and what became of its frames. */
struct subject {
    fov_stream *stream;
    double fps, cost_ms, spread_ms; /* of a run: cost ± spread, evenly */
    int64_t next_ns, first_ns;
    uint64_t put, delivered, late, superseded, expired;
    int64_t work_ns, last_ns, longest_gap_ns, oldest_ns, ages_ns;
};

struct world {
    uint64_t random;
    fov_workers *pool;
    fov_frame_pool *frames;
    struct subject subjects[SUBJECTS_MAX];
    int count, workers;
    struct job *jobs[WORKERS_MAX];
    fov_runner *runners[WORKERS_MAX];
    int64_t ends_ns[WORKERS_MAX], ticked_ns;
};

static struct world world;

static void on_result(void *user, const fov_result *r)
{
    struct subject *u = user;
    if (r->outcome == FOV_DROPPED) {
        u->superseded += r->reason == FOV_DROP_SUPERSEDED;
        u->expired += r->reason == FOV_DROP_DEADLINE;
        return;
    }
    int64_t age = r->timings.total, gap = virtual_ns - (u->last_ns ? u->last_ns : u->first_ns);
    u->delivered++;
    u->late += !r->in_time;
    u->ages_ns += age;
    u->oldest_ns = age > u->oldest_ns ? age : u->oldest_ns;
    u->longest_gap_ns = gap > u->longest_gap_ns ? gap : u->longest_gap_ns;
    u->last_ns = virtual_ns;
}

/* Workers that run one frame each, as the throughput form's; `latency`: one run at a time. */
static void world_make(int workers, bool latency)
{
    char path[40];
    snprintf(path, sizeof path, "fake:runners=%d", latency ? 1 : workers);
    fov_model_params model = {.path = path};
    fov_workers_params params = {
        .workers = workers, .model = &model, .pin_latency = latency, .pin_throughput = !latency};
    fov_frame_pool_params frames = {.slots = 1024};
    world = (struct world){.random = 4711, .workers = workers};
    assert_int_equal(pool_create(&world.pool, &params, virtual_clock, NULL), FOV_OK);
    assert_int_equal(fov_frame_pool_create(&world.frames, &frames, NULL), FOV_OK);
}

static struct subject *add(double fps, double cost_ms, fov_stream_params params, fov_error *error)
{
    struct subject *u = &world.subjects[world.count];
    *u = (struct subject){.fps = fps, .cost_ms = cost_ms};
    params.on_result = on_result;
    params.user = u;
    if (fov_stream_open(&u->stream, world.pool, &params, error) != FOV_OK)
        return NULL;
    u->first_ns = virtual_ns;
    u->next_ns = virtual_ns + (int64_t)(random_below(&world.random, 1000) * 1e6 / fps);
    world.count++;
    return u;
}

static void start_runs(void)
{
    for (int i = 0; i < world.workers; i++) {
        struct drops drops;
        drops.count = 0;
        if (world.jobs[i])
            continue;
        pthread_mutex_lock(&world.pool->lock);
        struct job *job = job_take(world.pool, virtual_ns, &drops, &world.runners[i]);
        pthread_mutex_unlock(&world.pool->lock);
        drops_answer(&drops);
        world.jobs[i] = job;
        if (!job)
            continue;
        struct subject *u = job->stream->user;
        double part = random_below(&world.random, 2001) / 1000.0 - 1;
        int64_t work = (int64_t)((u->cost_ms + part * u->spread_ms) * 1e6);
        u->work_ns += work;
        world.ends_ns[i] = virtual_ns + work;
    }
}

static void end_run(int i)
{
    struct job *job = world.jobs[i];
    job->error.status = FOV_OK;
    pthread_mutex_lock(&world.pool->lock);
    form_give(job->form, world.runners[i]);
    world.jobs[i] = NULL;
    job_done(job, virtual_ns);
    pthread_mutex_unlock(&world.pool->lock);
}

static void arrive(struct subject *u)
{
    fov_frame *frame;
    assert_int_equal(fov_frame_get(world.frames, 10, &frame), FOV_OK);
    frame->capture_ns = virtual_ns;
    u->put++;
    u->next_ns += (int64_t)(1e9 / u->fps);
    assert_int_equal(fov_stream_put(u->stream, &frame, NULL), FOV_OK);
}

static int64_t next_event(void)
{
    int64_t next = world.ticked_ns + 10 * MS;
    for (int i = 0; i < world.count; i++)
        next = world.subjects[i].next_ns < next ? world.subjects[i].next_ns : next;
    for (int i = 0; i < world.workers; i++)
        if (world.jobs[i] && world.ends_ns[i] < next)
            next = world.ends_ns[i];
    return next > virtual_ns ? next : virtual_ns;
}

static void simulate(double seconds)
{
    int64_t end = virtual_ns + (int64_t)(seconds * 1e9);
    world.ticked_ns = virtual_ns;
    while (virtual_ns < end) {
        virtual_ns = next_event();
        for (int i = 0; i < world.workers; i++)
            if (world.jobs[i] && world.ends_ns[i] <= virtual_ns)
                end_run(i);
        for (int i = 0; i < world.count; i++)
            if (world.subjects[i].next_ns <= virtual_ns)
                arrive(&world.subjects[i]);
        start_runs();
        if (virtual_ns >= world.ticked_ns + 10 * MS) {
            pthread_mutex_lock(&world.pool->lock);
            pool_tick(world.pool, virtual_ns);
            pthread_mutex_unlock(&world.pool->lock);
            world.ticked_ns = virtual_ns;
        }
    }
}

/* Counts from now on. */
static void forget(void)
{
    for (int i = 0; i < world.count; i++) {
        struct subject *u = &world.subjects[i];
        u->put = u->delivered = u->late = u->superseded = u->expired = 0;
        u->work_ns = u->longest_gap_ns = u->oldest_ns = u->ages_ns = 0;
        u->first_ns = virtual_ns;
        u->last_ns = 0;
    }
}

static void remove_from(int first)
{
    for (int i = 0; i < world.workers; i++)
        if (world.jobs[i])
            end_run(i);
    for (int i = first; i < world.count; i++)
        fov_stream_close(&world.subjects[i].stream);
    world.count = first;
}

static void world_clear(void)
{
    remove_from(0);
    fov_workers_destroy(&world.pool);
    fov_frame_pool_destroy(&world.frames);
}

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
    world_make(2, false);
    for (int i = 0; i < 10; i++) /* 150 frames a second where 100 can be run */
        add(15, 20, (fov_stream_params){.max_latency_ms = 200}, NULL);
    for (int i = 0; i < 10; i++)
        world.subjects[i].spread_ms = 8;
    simulate(60);
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
        world_make(latency ? 1 : 2, latency);
        for (int i = 0; i < 6; i++)
            add(i % 2 ? 30 : 60, 10 + 5 * i, (fov_stream_params){.max_latency_ms = limits[i]},
                NULL);
        simulate(120);
        assert_fair(NULL);
        world_clear();
    }
}

static void weights_are_kept(void **state)
{
    (void)state;
    static const double weights[] = {1, 2, 4, 1, 0.5};
    world_make(2, false);
    for (int i = 0; i < 5; i++)
        add(60, 25, (fov_stream_params){.max_latency_ms = 800, .weight = weights[i]}, NULL);
    simulate(120);
    assert_fair(weights);
    world_clear();
}

/* One that had the machine for itself for a minute owes nothing to one that comes, and the
 * newcomer is owed nothing either. */
static void newcomers_and_idlers_get_no_credit(void **state)
{
    (void)state;
    world_make(1, false);
    add(60, 20, (fov_stream_params){.max_latency_ms = 200}, NULL);
    simulate(60);
    struct subject *late = add(60, 20, (fov_stream_params){.max_latency_ms = 200}, NULL);
    forget();
    simulate(2);
    assert_fair(NULL);
    late->next_ns = virtual_ns + 60 * NS_PER_S; /* it pauses */
    simulate(60);
    forget();
    simulate(2);
    assert_fair(NULL);
    world_clear();
}

/* 40 sessions on one worker that manages 10 of their 1,200 frames a second: 20 × what it can. */
static void nobody_starves(void **state)
{
    (void)state;
    world_make(1, false);
    for (int i = 0; i < 40; i++)
        add(30, 100, (fov_stream_params){.max_latency_ms = i % 2 ? 200 : 0}, NULL);
    simulate(120);
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
    world_make(1, true);
    struct subject *u = add(30, 200, (fov_stream_params){.max_latency_ms = 1000}, NULL);
    u->spread_ms = 40;
    for (int m = 0; m < 10; m++) {
        forget();
        simulate(60);
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
        struct subject *u = add(fps, cost_ms, params, &error);
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
        simulate(1); /* its own costs are known from now on */
    }
}

static void flood(int sessions, double fps, double cost_ms)
{
    for (int i = 0; i < sessions; i++)
        add(fps, cost_ms, (fov_stream_params){.max_latency_ms = i % 3 ? 200 : 20}, NULL);
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
        world_make(kinds[i].workers, false);
        flood(1, 20, kinds[i].cost); /* so that the model's cost is known */
        simulate(5);
        remove_from(0);
        int count = fill(kinds[i].fps, kinds[i].cost, kinds[i].spread, kinds[i].limit);
        if (count < kinds[i].least)
            fail_msg("kind %zu: only %d fit", i, count);
        forget();
        simulate(60);
        assert_kept(count);
        flood(20, 30, kinds[i].cost);
        forget();
        simulate(60);
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
    world_make(2, false);
    flood(1, 20, 14);
    simulate(5);
    remove_from(0);
    int count = fill(15, 14, 2, 100);
    assert_true(count >= 3);
    fov_model_params slow = {.path = "fake:runners=2", .id = "slow"};
    assert_int_equal(fov_workers_add_model(world.pool, &slow, false, NULL), FOV_OK);
    remove_from(3); /* half of the machine is free */
    for (int i = 0; i < 4; i++)
        add(10, 400, (fov_stream_params){.model_id = "slow"}, NULL);
    simulate(5);
    forget();
    simulate(60);
    assert_kept(3);
    uint64_t others = 0;
    for (int k = 3; k < world.count; k++)
        others += world.subjects[k].delivered;
    assert_true(others >= 30); /* one at a time */
    world_clear();
}

/* A camera that sends more than it was promised gets no more than that. */
static void a_promise_is_a_limit(void **state)
{
    (void)state;
    world_make(1, false);
    fov_stream_params params = {.max_latency_ms = 200, .guaranteed = true, .promised_fps = 10};
    struct subject *u = add(30, 10, params, NULL);
    fov_knobs knobs = {.target_fps = -1};
    fov_stream_set(u->stream, &knobs);
    simulate(60);
    assert_in_range(u->delivered, 590, 635);
    params.promised_fps = 0;
    assert_null(add(10, 10, params, NULL));
    world_clear();
}

static void the_first_promise_needs_no_history_the_second_does(void **state)
{
    (void)state;
    fov_error error = {0};
    world_make(1, false);
    fov_stream_params params = {.max_latency_ms = 200, .guaranteed = true, .promised_fps = 10};
    assert_non_null(add(10, 10, params, &error));
    assert_null(add(10, 10, params, &error));
    assert_int_equal(error.status, FOV_EAGAIN);
    simulate(2);
    assert_non_null(add(10, 10, params, &error));
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
        cmocka_unit_test(a_promise_is_a_limit),
        cmocka_unit_test(the_first_promise_needs_no_history_the_second_does),
    };
    fov_log_set(NULL, NULL, FOV_LOG_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
