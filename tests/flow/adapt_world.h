/* A camera, a worker and viewers in miniature, driven by a load that is written as a table. */
#ifndef TESTS_FLOW_ADAPT_WORLD_H
#define TESTS_FLOW_ADAPT_WORLD_H

#include "flow_test.h"

#include <math.h>

#include "flow/adapt_camera.h"

/* ---- a load as a table -------------------------------------------------------------------------
 * A row: until second, ms of work a frame at its full size, ms of it for boxes, part of the runs'
 * time that others take, part of the viewers that cannot keep up. */

enum { ROWS_MAX = 256, TURNS_MAX = 4096 };

struct row {
    double until_s, work_ms, boxes_ms, others, slow;
};

struct load {
    struct row rows[ROWS_MAX];
    int count;
};

static struct load load_of(const char *table)
{
    struct load load = {0};
    while (*table) {
        struct row *r = &load.rows[load.count];
        int used = 0;
        int read = sscanf(table, "%lf %lf %lf %lf %lf%n", &r->until_s, &r->work_ms, &r->boxes_ms,
                          &r->others, &r->slow, &used);
        assert_int_equal(read, 5);
        load.count++;
        table += used;
        table += strspn(table, " \n");
    }
    return load;
}

static const struct row *row_at(const struct load *load, double s)
{
    int i = 0;
    while (i < load->count - 1 && s >= load->rows[i].until_s)
        i++;
    return &load->rows[i];
}

static double end_of(const struct load *load)
{
    return load->rows[load->count - 1].until_s;
}

/* ---- the world in miniature --------------------------------------------------------------------
 * A camera that sends when the rate says so, one run at a time that takes the newest frame, a
 * deadline. Steps of a millisecond. */

struct turned {
    double at_s;
    fov_change change;
};

struct world {
    struct adapt_camera camera;
    const struct load *load;
    double budget_ms;
    double now_s, frame_s, run_end_s, run_start_s; /* run_end < 0: nothing runs */
    double waiting[5];                             /* when they came */
    int waiting_count;
    int delivered, lost, all_delivered, all_lost;
    double worst_ms, busy_s;
    struct turned turns[TURNS_MAX];
    int turn_count;
};

static double work_ms(const struct world *w, const struct row *row)
{
    double size = w->camera.now[ADAPT_SIZE] / w->camera.home[ADAPT_SIZE];
    return row->work_ms * size * size / (1 - row->others);
}

static void lose_late(struct world *w, double cost_ms)
{
    for (int i = 0; i < w->waiting_count;)
        if (w->budget_ms > 0 && 1e3 * (w->now_s - w->waiting[i]) + cost_ms > w->budget_ms) {
            memmove(w->waiting + i, w->waiting + i + 1,
                    (size_t)(--w->waiting_count - i) * sizeof *w->waiting);
            w->lost++;
        } else {
            i++;
        }
}

static void arrive(struct world *w)
{
    if (w->now_s < w->frame_s)
        return;
    w->frame_s += 1 / w->camera.now[ADAPT_FPS];
    if (w->waiting_count == 5) {
        memmove(w->waiting, w->waiting + 1, 4 * sizeof *w->waiting);
        w->waiting_count--;
        w->lost++;
    }
    w->waiting[w->waiting_count++] = w->now_s;
}

static void serve(struct world *w)
{
    double cost = work_ms(w, row_at(w->load, w->now_s));
    if (w->run_end_s >= 0 && w->now_s >= w->run_end_s) {
        w->worst_ms = fmax(w->worst_ms, 1e3 * (w->now_s - w->run_start_s));
        w->delivered++;
        w->run_end_s = -1;
    }
    w->busy_s += w->run_end_s >= 0 ? 0.001 : 0;
    lose_late(w, w->all_delivered ? fmin(cost, 100) : 0);
    if (w->run_end_s >= 0 || w->waiting_count == 0 || cost <= 0)
        return;
    w->run_start_s = w->waiting[w->waiting_count - 1];
    w->run_end_s = w->now_s + cost / 1e3;
    w->lost += w->waiting_count - 1;
    w->waiting_count = 0;
}

static void tell(struct world *w)
{
    const struct row *row = row_at(w->load, w->now_s);
    struct adapt_sample sample = {.passed_s = ADAPT_PERIOD_S,
                                  .delivered = w->delivered,
                                  .lost = w->lost,
                                  .worst_ms = w->worst_ms,
                                  .budget_ms = w->budget_ms,
                                  .work_ms = work_ms(w, row),
                                  .boxes_ms = row->boxes_ms,
                                  .load = w->busy_s / ADAPT_PERIOD_S + row->others,
                                  .runs = 1,
                                  .slow = row->slow};
    struct turned *turned = &w->turns[w->turn_count];
    turned->at_s = w->now_s;
    assert_true(w->turn_count < TURNS_MAX - 1);
    w->turn_count += adapt_camera_step(&w->camera, &sample, &turned->change);
    w->all_delivered += w->delivered;
    w->all_lost += w->lost;
    w->delivered = w->lost = 0;
    w->worst_ms = w->busy_s = 0;
}

static struct adapt_camera_params usual(void)
{
    return (struct adapt_camera_params){
        .home = {[ADAPT_FPS] = 30, [ADAPT_QUALITY] = 0.8, [ADAPT_CONF] = 0.25}};
}

static const fov_sizes all_sizes = {3, {640, 480, 320}, {true, true, true}, true};
static const fov_sizes fixed_size = {1, {300}, {true}, false};

static void world_start(struct world *w, const struct load *load,
                        const struct adapt_camera_params *params, const fov_sizes *sizes)
{
    *w = (struct world){.load = load, .budget_ms = 200, .run_end_s = -1};
    adapt_camera_start(&w->camera, params);
    adapt_camera_set_ladder(&w->camera, sizes);
}

static void run_until(struct world *w, double s)
{
    long steps = lround((s - w->now_s) * 1e3), period = lround(ADAPT_PERIOD_S * 1e3);
    long start = lround(w->now_s * 1e3);
    for (long i = 1; i <= steps; i++) {
        w->now_s = (double)(start + i) / 1e3;
        arrive(w);
        serve(w);
        if ((start + i) % period == 0)
            tell(w);
    }
}

static void dump(const struct world *w)
{
    for (int i = 0; i < w->turn_count; i++)
        printf("  %6.1f s %s %g -> %g (%g, %s)\n", w->turns[i].at_s, w->turns[i].change.knob,
               w->turns[i].change.from, w->turns[i].change.to, w->turns[i].change.measured,
               w->turns[i].change.why);
}

static void run_all(struct world *w, const struct load *load,
                    const struct adapt_camera_params *params, const fov_sizes *sizes)
{
    world_start(w, load, params, sizes);
    run_until(w, end_of(load));
    if (getenv("ADAPT_DUMP")) {
        printf("%d delivered, %d lost\n", w->all_delivered, w->all_lost);
        dump(w);
    }
}

#endif
