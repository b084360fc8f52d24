/* The controllers of adaptation on a virtual clock: loads, written as small tables, drive a camera,
 * a worker and viewers in miniature, and what the controller turns is held against what it
 * promises: a reaction within 500 ms, at most one reversal in 10 s, everything back afterwards. */
#include "adapt_world.h"

#include "flow/adapt_stream.h"

/* ---- what is promised -------------------------------------------------------------------------
 */

/* Whether a turn takes something away. */
static bool is_less(const fov_change *c)
{
    bool smaller = c->to < c->from;
    return strcmp(c->knob, "conf") == 0 ? !smaller : smaller;
}

static void check_reversals(const struct turned *turns, int count)
{
    double last = -1e9;
    for (int i = 1; i < count; i++) {
        if (is_less(&turns[i].change) == is_less(&turns[i - 1].change))
            continue;
        if (turns[i].at_s - last < 10 - 1e-6)
            fail_msg("two reversals within 10 s: at %.1f and %.1f s", last, turns[i].at_s);
        last = turns[i].at_s;
    }
}

static void check_bounds(const struct world *w)
{
    for (int i = 0; i < w->turn_count; i++) {
        const fov_change *c = &w->turns[i].change;
        assert_true(c->from != c->to && c->why && strchr(c->why, ':'));
        if (strcmp(c->knob, "fps") == 0)
            assert_true(c->to >= 5 && c->to <= 60 && c->to == floor(c->to));
        else if (strcmp(c->knob, "quality") == 0)
            assert_true(c->to >= 0.3 && c->to <= 0.95);
        else if (strcmp(c->knob, "conf") == 0)
            assert_true(c->to >= 0.15 && c->to <= 0.5);
        else
            assert_true(c->to == 640 || c->to == 480 || c->to == 320);
    }
}

static void check_home(const struct world *w)
{
    for (int knob = 0; knob < ADAPT_KNOBS; knob++)
        if (w->camera.now[knob] != w->camera.home[knob])
            fail_msg("knob %d ends at %g and not at %g", knob, w->camera.now[knob],
                     w->camera.home[knob]);
}

static void check_all(const struct world *w)
{
    check_reversals(w->turns, w->turn_count);
    check_bounds(w);
}

static int count_of(const struct world *w, const char *knob, double from_s, double to_s)
{
    int count = 0;
    for (int i = 0; i < w->turn_count; i++)
        count += strcmp(w->turns[i].change.knob, knob) == 0 && w->turns[i].at_s >= from_s &&
                 w->turns[i].at_s < to_s;
    return count;
}

static const struct turned *first_after(const struct world *w, double s)
{
    for (int i = 0; i < w->turn_count; i++)
        if (w->turns[i].at_s >= s)
            return &w->turns[i];
    return NULL;
}

/* ---- tests of the camera's controller ---------------------------------------------------------
 */

static struct world world; /* too large for a stack */

/* A whole load, with what is promised whatever it is. */
static void run_table(const char *table, const struct adapt_camera_params *params,
                      const fov_sizes *sizes)
{
    static struct load load; /* the world points at it */
    load = load_of(table);
    run_all(&world, &load, params, sizes);
    check_all(&world);
}

static void a_light_load_turns_nothing(void **state)
{
    (void)state;
    run_table("60 25 1 0 0\n"
              "120 30 1 0 0\n",
              &(struct adapt_camera_params){.home = {30, 0.8, 0, 0.25}}, &all_sizes);
    assert_int_equal(world.turn_count, 0);
    assert_true(world.all_lost <= 1);
}

/* The step of the issue: 30 fps run well, then a frame costs several times as much. */
static void load_steps_are_answered_within_half_a_second(void **state)
{
    static const double costs[] = {45, 50, 60, 80, 100, 150, 180};
    (void)state;
    for (size_t i = 0; i < sizeof costs / sizeof *costs; i++)
        for (double phase = 0; phase < 0.1; phase += 0.013) {
            struct adapt_camera_params params = usual();
            struct load load = load_of("10 10 1 0 0\n"
                                       "20 60 1 0 0\n"
                                       "60 10 1 0 0\n");
            load.rows[0].until_s += phase;
            load.rows[1].work_ms = costs[i];
            run_all(&world, &load, &params, &fixed_size);
            const struct turned *first = first_after(&world, 0);
            if (!first) {
                fail_msg("%g ms: no turn", costs[i]);
                return;
            }
            if (first->at_s < 10 + phase || first->at_s > 10.5 + phase)
                fail_msg("%g ms: first turn at %.2f s", costs[i], first->at_s - 10 - phase);
            assert_string_equal(first->change.knob, "fps");
            assert_true(first->change.to < first->change.from);
            assert_true(first->change.measured >= costs[i] - 1);
            check_all(&world);
            check_home(&world);
        }
}

/* While it lasts, the rate is what the worker manages: nobody sends what nobody looks at. */
static void the_rate_settles_at_what_is_managed(void **state)
{
    (void)state;
    struct adapt_camera_params params = usual();
    struct load load = load_of("10 10 1 0 0\n"
                               "310 80 1 0 0\n"
                               "340 10 1 0 0\n");
    world_start(&world, &load, &params, &fixed_size);
    run_until(&world, 15);
    int lost = world.all_lost, delivered = world.all_delivered, turns = world.turn_count;
    run_until(&world, 310);
    assert_true(world.all_lost - lost <= (world.all_delivered - delivered) / 6);
    assert_true(world.all_delivered - delivered >= 0.85 * 295 * 12.5);
    assert_true(world.turn_count - turns <= 4); /* it does not hunt */
    run_until(&world, 340);
    check_all(&world);
    check_home(&world);
}

/* First frames that nobody would miss much, then the size, then all frames but five. */
static void the_order_of_a_heavy_load(void **state)
{
    (void)state;
    struct adapt_camera_params params = usual();
    run_table("10 10 1 0 0\n"
              "30 180 1 0 0\n"
              "70 10 1 0 0\n",
              &params, &all_sizes);
    check_home(&world);
    static const char *const order[] = {"fps", "size", "size", "fps"};
    int at = 0, i = 0;
    for (; i < world.turn_count && is_less(&world.turns[i].change); i++) {
        const fov_change *c = &world.turns[i].change;
        while (at < 4 && strcmp(c->knob, order[at]) != 0)
            at++;
        assert_true(at < 4);
        if (at == 0)
            assert_true(c->to >= 15);
        at += strcmp(c->knob, "size") == 0;
    }
    assert_true(i >= 3);
    assert_int_equal(count_of(&world, "size", 10, 30), 2);
    assert_int_equal(count_of(&world, "quality", 0, 70), 0);
    assert_int_equal(count_of(&world, "conf", 0, 70), 0);
}

/* A size that is not compiled is asked for at once, the frame rate serves until it is there. */
static void sizes_are_asked_for_before_they_are_used(void **state)
{
    (void)state;
    struct adapt_camera_params params = usual();
    fov_sizes none = {3, {640, 480, 320}, {true, false, false}, true};
    struct load load = load_of("10 10 1 0 0\n"
                               "60 180 1 0 0\n");
    world_start(&world, &load, &params, &none);
    bool asked = false;
    while (world.now_s < 15) {
        run_until(&world, world.now_s + 0.1);
        asked = asked || world.camera.want_px == 480;
    }
    assert_true(asked);
    assert_int_equal(count_of(&world, "size", 0, 15), 0);
    assert_true(world.camera.now[ADAPT_FPS] < 12);
    fov_sizes built = {3, {640, 480, 320}, {true, true, false}, true};
    adapt_camera_set_ladder(&world.camera, &built);
    assert_true(world.camera.now[ADAPT_SIZE] == 640);
}

/* Half of the viewers cannot keep up: smaller pictures first; analysis is not touched. */
static void slow_viewers_cost_quality_first(void **state)
{
    (void)state;
    struct adapt_camera_params params = usual();
    run_table("10 10 1 0 0\n"
              "30 10 1 0 0.5\n"
              "80 10 1 0 0\n",
              &params, &all_sizes);
    check_home(&world);
    const struct turned *first = first_after(&world, 10);
    assert_true(first && first->at_s <= 12 && first->change.measured == 50);
    assert_int_equal(count_of(&world, "quality", 10, 12), 1);
    assert_true(count_of(&world, "fps", 10, 30) > 0);
    assert_int_equal(count_of(&world, "size", 0, 80), 0);
    run_table("10 10 1 0 0\n"
              "80 10 1 0 0.4\n",
              &params, &all_sizes);
    assert_int_equal(world.turn_count, 0); /* fewer than half: the good ones lose nothing */
}

/* A source of the server's own: nothing but the quality is free, however overloaded the model. */
static void slow_viewers_are_helped_under_overload(void **state)
{
    (void)state;
    struct adapt_camera_params params = usual();
    params.home[ADAPT_SIZE] = 640;
    params.held[ADAPT_FPS] = params.held[ADAPT_SIZE] = params.held[ADAPT_CONF] = true;
    run_table("10 80 1 0 0\n"
              "30 80 1 0 1\n"
              "80 10 1 0 0\n",
              &params, &fixed_size);
    check_home(&world);
    assert_int_equal(count_of(&world, "quality", 0, 10), 0);
    assert_true(count_of(&world, "quality", 10, 30) > 0);
}

static void oscillating_loads_turn_round_rarely(void **state)
{
    (void)state;
    for (double half = 0.3; half < 40; half *= 1.17) {
        struct adapt_camera_params params = usual();
        struct load load = {0};
        for (int i = 0; i < 40 && i * half < 300; i++)
            load.rows[load.count++] = (struct row){(i + 1) * half, i % 2 ? 90 : 10, 1, 0, 0};
        load.rows[load.count] = (struct row){load.count * half + 150, 10, 1, 0, 0};
        load.count++;
        run_all(&world, &load, &params, &all_sizes);
        check_all(&world);
        check_home(&world);
    }
}

static void random_loads_keep_the_promises(void **state)
{
    uint64_t random = 88172645463325252u;
    (void)state;
    for (int round = 0; round < 40; round++) {
        struct adapt_camera_params params = usual();
        struct load load = {0};
        double s = 0;
        for (int i = 0; i < 30; i++) {
            s += 0.2 + random_below(&random, 8000) / 1e3;
            load.rows[load.count++] = (struct row){
                s, random_below(&random, 3) ? 10 : 5 + random_below(&random, 200),
                random_below(&random, 20), random_below(&random, 2) * 0.3,
                random_below(&random, 4) ? 0 : random_below(&random, 11) / 10.0};
        }
        load.rows[load.count++] = (struct row){s + 250, 10, 1, 0, 0};
        run_all(&world, &load, &params, &all_sizes);
        check_all(&world);
        check_home(&world);
    }
}

static void what_is_pinned_never_moves(void **state)
{
    static const char *const names[] = {"fps", "quality", "size", "conf"};
    (void)state;
    struct load load = load_of("10 10 1 0 0\n"
                               "25 180 90 0 0\n"
                               "40 10 1 0 1\n"
                               "90 180 90 0 1\n");
    for (int knob = 0; knob <= ADAPT_KNOBS; knob++) {
        struct adapt_camera_params params = usual();
        params.home[ADAPT_SIZE] = 480; /* of a held one */
        for (int k = 0; k < ADAPT_KNOBS; k++)
            params.held[k] = k == knob || knob == ADAPT_KNOBS;
        run_all(&world, &load, &params, &all_sizes);
        check_all(&world);
        if (knob == ADAPT_KNOBS)
            assert_int_equal(world.turn_count, 0);
        else
            assert_int_equal(count_of(&world, names[knob], 0, 90), 0);
        for (int k = 0; k < ADAPT_KNOBS && knob < ADAPT_KNOBS; k++)
            if (k != knob)
                assert_true(count_of(&world, names[k], 0, 90) > 0);
    }
}

/* The threshold moves where boxes cost much, and never where it is held (profile: clinical) or
 * stands outside of its range. */
static void thresholds_of_clinical_rooms_stay(void **state)
{
    (void)state;
    static const char table[] = "10 10 1 0 0\n"
                                "25 80 40 0 0\n"
                                "80 10 1 0 0\n";
    struct adapt_camera_params params = usual();
    run_table(table, &params, &fixed_size);
    assert_true(count_of(&world, "conf", 0, 80) > 0);
    check_home(&world);
    params.held[ADAPT_CONF] = true;
    run_table(table, &params, &fixed_size);
    assert_int_equal(count_of(&world, "conf", 0, 80), 0);
    params = usual();
    params.home[ADAPT_CONF] = 0.7;
    run_table(table, &params, &fixed_size);
    assert_int_equal(count_of(&world, "conf", 0, 80), 0);
    assert_true(world.camera.now[ADAPT_CONF] == 0.7);
}

/* A run so long that the deadline has no room: a smaller size helps, fewer frames would not. */
static void a_model_too_slow_for_the_deadline_shrinks(void **state)
{
    (void)state;
    struct adapt_camera_params params = usual();
    params.home[ADAPT_FPS] = 5;
    run_table("60 188 1 0 0\n", &params, &all_sizes);
    assert_true(world.turn_count > 0);
    assert_string_equal(world.turns[0].change.knob, "size");
    assert_true(strncmp(world.turns[0].change.why, "late:", 5) == 0);
    assert_int_equal(world.turn_count, 1); /* nor does it try the larger one again */
}

/* Answers that take most of the deadline because one run does: no reason for fewer frames, and
 * what other streams took away comes back. */
static void a_model_that_takes_most_of_the_deadline(void **state)
{
    (void)state;
    struct adapt_camera_params params = usual();
    params.home[ADAPT_FPS] = 5;
    run_table("60 188 1 0 0\n", &params, &fixed_size);
    assert_int_equal(world.turn_count, 0);
    params.home[ADAPT_FPS] = 8;
    run_table("10 105 1 0 0\n"
              "20 105 1 0.4 0\n"
              "60 105 1 0 0\n",
              &params, &fixed_size);
    assert_true(count_of(&world, "fps", 10, 20) > 0);
    check_home(&world);
}

static struct adapt_sample sample_of(int delivered, int lost)
{
    return (struct adapt_sample){.passed_s = ADAPT_PERIOD_S,
                                 .delivered = delivered,
                                 .lost = lost,
                                 .worst_ms = delivered ? 20 : 0,
                                 .budget_ms = 200,
                                 .work_ms = 10,
                                 .load = 0.3,
                                 .runs = 1};
}

/* Recorded from a server with one worker and a model of 20 ms: a camera sends 30 frames a second,
 * at second 0 three more streams of 30 begin. A row is a step: second, length, frames delivered,
 * lost, longest answer in ms, work of a frame in ms, load. */
static void a_recorded_load_step(void **state)
{
    static const char trace[] = "-1.19 0.100 3 0 20.4 20.3 0.61\n"
                                "-1.10 0.097 3 0 20.4 20.3 0.63\n"
                                "-0.99 0.103 2 0 21.7 20.3 0.53\n"
                                "-0.89 0.100 4 0 20.4 20.3 0.69\n"
                                "-0.79 0.099 2 0 20.4 20.3 0.49\n"
                                "-0.67 0.123 4 0 20.7 20.3 0.60\n"
                                "-0.59 0.078 3 0 20.5 20.3 0.79\n"
                                "-0.49 0.101 2 0 20.4 20.3 0.52\n"
                                "-0.38 0.108 4 0 21.2 20.3 0.65\n"
                                "-0.25 0.133 3 0 24.7 20.3 0.46\n"
                                "-0.20 0.057 2 0 38.6 20.3 0.80\n"
                                "-0.09 0.107 4 0 35.5 20.3 0.72\n"
                                "0.01 0.095 3 0 20.8 20.3 0.64\n"
                                "0.10 0.098 0 0 0.0 20.3 0.94\n"
                                "0.26 0.157 1 4 44.6 20.3 1.00\n"
                                "0.31 0.045 2 1 96.8 20.3 1.00\n"
                                "0.40 0.098 1 1 67.1 20.3 1.00\n";
    struct adapt_camera camera;
    struct adapt_camera_params params = usual();
    fov_change change = {0};
    const char *row = trace;
    double at_s = 0;
    bool turned = false;
    (void)state;
    adapt_camera_start(&camera, &params);
    while (*row && !turned) {
        struct adapt_sample s = {.budget_ms = 200, .runs = 1};
        int used = 0;
        assert_int_equal(sscanf(row, "%lf %lf %d %d %lf %lf %lf%n", &at_s, &s.passed_s,
                                &s.delivered, &s.lost, &s.worst_ms, &s.work_ms, &s.load, &used),
                         7);
        row += used;
        row += strspn(row, "\n");
        turned = adapt_camera_step(&camera, &s, &change);
    }
    assert_true(turned && at_s > 0 && at_s <= 0.5);
    assert_string_equal(change.knob, "fps");
    assert_true(change.from == 30 && change.to < 30 && change.measured == 20.3);
}

static void one_pause_turns_nothing(void **state)
{
    struct adapt_camera camera;
    fov_change change;
    struct adapt_camera_params params = usual();
    (void)state;
    adapt_camera_start(&camera, &params);
    for (int i = 0; i < 600; i++) { /* every four seconds all frames of 150 ms at once */
        struct adapt_sample s = i % 40 == 5 ? sample_of(1, 4) : sample_of(3, 0);
        s.load = 0.9;
        assert_false(adapt_camera_step(&camera, &s, &change));
    }
}

/* Frames that come four at a time lose three, while the worker is idle half of the time. */
static void bursts_are_no_overload(void **state)
{
    struct adapt_camera camera;
    fov_change change;
    struct adapt_camera_params params = usual();
    (void)state;
    adapt_camera_start(&camera, &params);
    for (int i = 0; i < 600; i++) {
        struct adapt_sample s = i % 2 ? sample_of(2, 3) : sample_of(1, 1);
        s.load = 0.5;
        assert_false(adapt_camera_step(&camera, &s, &change));
    }
}

static void a_hang_is_no_slowness(void **state)
{
    struct adapt_camera camera;
    fov_change change;
    struct adapt_camera_params params = usual();
    (void)state;
    adapt_camera_start(&camera, &params);
    for (int i = 0; i < 600; i++) {
        struct adapt_sample s = sample_of(0, 3);
        s.load = 1;
        assert_false(adapt_camera_step(&camera, &s, &change));
    }
    for (int i = 0; i < 600; i++) { /* nobody sends */
        struct adapt_sample s = sample_of(0, 0);
        assert_false(adapt_camera_step(&camera, &s, &change));
    }
}

static void which_viewers_are_slow(void **state)
{
    static const struct {
        struct adapt_viewer viewer;
        bool slow;
    } cases[] = {
        {{30, 0, 30, 60, 2, 200, 40}, false},
        {{30, 0, -1, -1, -1, 200, 40}, false}, /* says nothing */
        {{10, 20, -1, -1, -1, 200, 40}, true}, /* its socket is full */
        {{29, 1, 30, 60, 2, 200, 40}, false},
        {{30, 0, 0, 60, 2, 200, 40}, false},     /* in the background: paints nothing */
        {{30, 0, 30, 3.6e6, 2, 200, 40}, false}, /* its clock is an hour off */
        {{30, 0, 8, 150, 12, 200, 40}, true},    /* paints a quarter, pictures pile up */
        {{30, 0, 28, 900, 14, 200, 40}, true},   /* late, pictures pile up */
        {{30, 0, 28, 150, 7, 200, 150}, false},  /* they wait for their boxes */
        {{1, 1, -1, -1, -1, 200, 40}, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (adapt_viewer_is_slow(&cases[i].viewer) != cases[i].slow)
            fail_msg("case %zu", i);
}

/* ---- tests of the stream's controller (003) ---------------------------------------------------
 */

/* One run at a time, work of `work_ms` a frame, frames at the rate. */
static struct adapt_stream_sample stream_sample(double fps, double work_ms)
{
    double managed = 1e3 / work_ms, period = ADAPT_STREAM_PERIOD_S;
    double delivered = fmin(fps, managed);
    return (struct adapt_stream_sample){.passed_s = period,
                                        .delivered = (int)ceil(delivered * period),
                                        .lost = (int)fmax(0, (fps - managed) * period),
                                        .mean_ms = fps > managed ? 1.8 * work_ms : work_ms};
}

static void streams_follow_their_latency(void **state)
{
    static const struct adapt_stream_params params = {10, 5, 15, 100};
    struct adapt_stream stream;
    struct turned turns[200];
    int count = 0;
    double lowest = 100, highest = 0;
    (void)state;
    adapt_stream_start(&stream, &params);
    assert_true(stream.fps == 10);
    for (int i = 0; i < 240; i++) { /* 120 s: room, too slow from 30 to 60 s, room again */
        double s = i * ADAPT_STREAM_PERIOD_S, work_ms = s >= 30 && s < 60 ? 160 : 30;
        struct adapt_stream_sample sample = stream_sample(stream.fps, work_ms);
        turns[count].at_s = s;
        count += adapt_stream_step(&stream, &sample, &turns[count].change);
        assert_true(stream.fps >= 5 && stream.fps <= 15);
        if (s < 30)
            highest = fmax(highest, stream.fps);
        if (s >= 30 && s < 60)
            lowest = fmin(lowest, stream.fps);
    }
    check_reversals(turns, count);
    assert_true(highest == 15 && lowest == 5 && stream.fps == 15);
    for (int i = 0; i < count; i++)
        assert_true(turns[i].change.why && turns[i].change.measured > 0);
}

static void streams_do_not_hunt(void **state)
{
    static const struct adapt_stream_params params = {10, 5, 15, 100};
    (void)state;
    for (double work_ms = 20; work_ms < 300; work_ms += 7) {
        struct adapt_stream stream;
        struct turned turns[2000];
        int count = 0;
        adapt_stream_start(&stream, &params);
        for (int i = 0; i < 1200; i++) {
            struct adapt_stream_sample sample = stream_sample(stream.fps, work_ms);
            turns[count].at_s = i * ADAPT_STREAM_PERIOD_S;
            count += adapt_stream_step(&stream, &sample, &turns[count].change);
        }
        check_reversals(turns, count);
        if (count >= 60)
            fail_msg("%g ms: %d turns in 10 minutes", work_ms, count);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_light_load_turns_nothing),
        cmocka_unit_test(load_steps_are_answered_within_half_a_second),
        cmocka_unit_test(the_rate_settles_at_what_is_managed),
        cmocka_unit_test(the_order_of_a_heavy_load),
        cmocka_unit_test(sizes_are_asked_for_before_they_are_used),
        cmocka_unit_test(slow_viewers_cost_quality_first),
        cmocka_unit_test(slow_viewers_are_helped_under_overload),
        cmocka_unit_test(oscillating_loads_turn_round_rarely),
        cmocka_unit_test(random_loads_keep_the_promises),
        cmocka_unit_test(what_is_pinned_never_moves),
        cmocka_unit_test(thresholds_of_clinical_rooms_stay),
        cmocka_unit_test(a_model_too_slow_for_the_deadline_shrinks),
        cmocka_unit_test(a_model_that_takes_most_of_the_deadline),
        cmocka_unit_test(a_recorded_load_step),
        cmocka_unit_test(one_pause_turns_nothing),
        cmocka_unit_test(bursts_are_no_overload),
        cmocka_unit_test(a_hang_is_no_slowness),
        cmocka_unit_test(which_viewers_are_slow),
        cmocka_unit_test(streams_follow_their_latency),
        cmocka_unit_test(streams_do_not_hunt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
