#include "virtual.h"

int64_t virtual_ns = 1000 * NS_PER_S;
struct world world;

static int64_t virtual_clock(void)
{
    return virtual_ns;
}

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

void world_make(int workers, enum world_form form)
{
    char path[40] = "fake:";
    if (form != WORLD_FOLLOWS)
        snprintf(path, sizeof path, "fake:runners=%d", form == WORLD_LATENCY ? 1 : workers);
    fov_model_params model = {.path = path};
    fov_workers_params params = {.workers = workers,
                                 .model = &model,
                                 .pin_latency = form == WORLD_LATENCY,
                                 .pin_throughput = form == WORLD_THROUGHPUT};
    fov_frame_pool_params frames = {.slots = 1024};
    world = (struct world){.random = 4711, .workers = workers, .latency_part = 1};
    assert_int_equal(pool_create(&world.pool, &params, virtual_clock, NULL), FOV_OK);
    assert_int_equal(fov_frame_pool_create(&world.frames, &frames, NULL), FOV_OK);
    for (int i = 0; i < workers; i++) {
        world.hands[i].next = world.pool->workers;
        world.pool->workers = &world.hands[i];
    }
}

struct subject *world_add(double fps, double cost_ms, fov_stream_params params, fov_error *error)
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

void world_hold(int i, struct job *job)
{
    struct worker *w = &world.hands[i];
    w->since_ns = virtual_ns;
    w->run.form = job->form;
    w->jobs[w->job_count++] = job;
}

static void start_runs(void)
{
    for (int i = 0; i < world.workers; i++) {
        struct drops drops;
        drops.count = 0;
        if (world.hands[i].job_count > 0)
            continue;
        pthread_mutex_lock(&world.pool->lock);
        struct job *job = job_take(world.pool, virtual_ns, &drops, &world.runners[i]);
        if (job)
            world_hold(i, job);
        pthread_mutex_unlock(&world.pool->lock);
        drops_answer(&drops);
        if (!job)
            continue;
        struct subject *u = job->stream->user;
        double part = random_below(&world.random, 2001) / 1000.0 - 1;
        bool latency = job->form == world.pool->default_slot->forms[FOV_HINT_LATENCY];
        double cost_ms = (u->cost_ms + part * u->spread_ms) * (latency ? world.latency_part : 1);
        int64_t work = (int64_t)(cost_ms * 1e6);
        world.latency_runs += latency;
        world.throughput_runs += !latency;
        u->work_ns += work;
        world.ends_ns[i] = virtual_ns + work;
    }
}

static void end_run(int i)
{
    struct worker *w = &world.hands[i];
    struct job *job = w->jobs[0];
    job->error.status = FOV_OK;
    pthread_mutex_lock(&world.pool->lock);
    form_give(job->form, world.runners[i]);
    w->job_count = 0;
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
        if (world.hands[i].job_count > 0 && world.ends_ns[i] < next)
            next = world.ends_ns[i];
    return next > virtual_ns ? next : virtual_ns;
}

void world_simulate(double seconds)
{
    int64_t end = virtual_ns + (int64_t)(seconds * 1e9);
    world.ticked_ns = virtual_ns;
    while (virtual_ns < end) {
        virtual_ns = next_event();
        for (int i = 0; i < world.workers; i++)
            if (world.hands[i].job_count > 0 && world.ends_ns[i] <= virtual_ns)
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

void world_forget(void)
{
    for (int i = 0; i < world.count; i++) {
        struct subject *u = &world.subjects[i];
        u->put = u->delivered = u->late = u->superseded = u->expired = 0;
        u->work_ns = u->longest_gap_ns = u->oldest_ns = u->ages_ns = 0;
        u->first_ns = virtual_ns;
        u->last_ns = 0;
    }
}

void world_remove_from(int first)
{
    for (int i = 0; i < world.workers; i++)
        if (world.hands[i].job_count > 0)
            end_run(i);
    for (int i = first; i < world.count; i++)
        fov_stream_close(&world.subjects[i].stream);
    world.count = first;
}

void world_clear(void)
{
    world_remove_from(0);
    world.pool->workers = NULL;
    fov_workers_destroy(&world.pool);
    fov_frame_pool_destroy(&world.frames);
}
