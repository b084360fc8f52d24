/* The controller of document 004 on a virtual clock: its thresholds, steps and limits, and how it
 * goes with a model whose latency follows the rate. */
#include "flow_test.h"

#include <math.h>

#include <fovea/rate.h>

#include "flow/adapt_hazard.h"
#include "hazard_trace.h"

#define START (1000 * NS_PER_S)

/* `seconds` of results at the rate in force, each `ms` late; returns the turns, the last in
 * `change`. */
static int play(struct adapt_hazard *a, int64_t *now, double seconds, double ms, fov_change *change)
{
    int turns = 0;
    int64_t end = *now + (int64_t)(seconds * 1e9);
    while (*now < end) {
        *now += (int64_t)(1e9 / a->fps);
        turns += adapt_hazard_result(a, *now, ms, change);
    }
    return turns;
}

static void slow_takes_two_off_a_second_down_to_five(void **state)
{
    (void)state;
    struct adapt_hazard a;
    fov_change c = {0};
    int64_t now = START;
    adapt_hazard_start(&a, 15);
    assert_int_equal(play(&a, &now, 1.2, 151, &c), 1);
    assert_string_equal(c.knob, "fps");
    assert_true(c.from == 15 && c.to == 13 && c.measured > 150.9 && c.measured < 151.1);
    assert_non_null(strstr(c.why, "above"));
    assert_int_equal(play(&a, &now, 20, 151, &c), 4); /* 11, 9, 7, 5 */
    assert_true(a.fps == 5);
    adapt_hazard_start(&a, 6);
    play(&a, &now, 5, 400, &c);
    assert_true(a.fps == 5);
    adapt_hazard_start(&a, 3); /* asked for less than the least: left alone */
    assert_int_equal(play(&a, &now, 5, 400, &c), 0);
}

static void between_the_thresholds_nothing_turns(void **state)
{
    (void)state;
    struct adapt_hazard a;
    fov_change c;
    int64_t now = START;
    adapt_hazard_start(&a, 15);
    assert_int_equal(play(&a, &now, 10, 149.9, &c), 0);
    assert_int_equal(play(&a, &now, 10, 70.1, &c), 0);
    assert_int_equal(play(&a, &now, 10, 20, &c), 0); /* has what it asked for */
}

static void it_recovers_fully_but_not_beyond_what_was_asked(void **state)
{
    (void)state;
    struct adapt_hazard a;
    fov_change c = {0};
    int64_t now = START;
    adapt_hazard_start(&a, 15);
    play(&a, &now, 10, 300, &c);
    assert_true(a.fps == 5);
    int64_t calm = now;
    assert_int_equal(play(&a, &now, 60, 20, &c), 10);
    assert_true(a.fps == 15 && c.from == 14 && c.to == 15);
    assert_non_null(strstr(c.why, "below"));
    assert_true((double)(now - calm) / 1e9 - a.steady.turned_s < 25);
    adapt_hazard_start(&a, 30); /* 25 is the most that is given back */
    assert_int_equal(play(&a, &now, 3.5, 300, &c), 3);
    assert_true(a.fps == 24);
    play(&a, &now, 60, 20, &c);
    assert_true(a.fps == 25);
}

static void only_the_last_second_counts(void **state)
{
    (void)state;
    struct adapt_hazard a;
    fov_change c;
    int64_t now = START;
    adapt_hazard_start(&a, 10);
    play(&a, &now, 0.8, 1000, &c);
    now += 2 * NS_PER_S; /* silence; then one quick result: the old ones say nothing any more */
    assert_false(adapt_hazard_result(&a, now, 90, &c));
    /* 200 results a second: of those, the last 50. */
    adapt_hazard_start(&a, 10);
    for (int i = 0; i < 201; i++) {
        now += 5 * MS;
        bool turned = adapt_hazard_result(&a, now, i < 151 ? 1000 : 100, &c);
        assert_false(turned);
    }
}

static void a_second_question_changes_at_once_the_same_not(void **state)
{
    (void)state;
    struct adapt_hazard a;
    fov_change c;
    int64_t now = START;
    adapt_hazard_start(&a, 15);
    play(&a, &now, 3.2, 300, &c);
    double reduced = a.fps;
    assert_true(reduced < 15);
    adapt_hazard_ask(&a, 15);
    assert_true(a.fps == reduced);
    adapt_hazard_ask(&a, 20);
    assert_true(a.fps == 20 && a.asked == 20);
}

/* Latency swings around both thresholds every 1.5 s for ten minutes: the worst that can be asked
 * of the rule of one way back in ten seconds. */
static void at_most_one_reversal_in_ten_seconds(void **state)
{
    (void)state;
    struct adapt_hazard a;
    fov_change c;
    int64_t now = START, last_reversal = 0;
    int direction = 0, reversals = 0;
    uint64_t seed = 7;
    adapt_hazard_start(&a, 20);
    for (int part = 0; part < 400; part++) {
        double ms = random_below(&seed, 2) ? 250 : 20;
        int64_t end = now + 1500 * MS;
        while (now < end) {
            now += (int64_t)(1e9 / a.fps);
            if (!adapt_hazard_result(&a, now, ms, &c))
                continue;
            int way = c.to > c.from ? 1 : -1;
            if (direction && way != direction) {
                assert_true(last_reversal == 0 || now - last_reversal >= 10 * NS_PER_S);
                last_reversal = now;
                reversals++;
            }
            direction = way;
            assert_true(a.fps >= 5 && a.fps <= 20);
        }
    }
    assert_true(reversals > 5);
}

/* A machine that answers in 40 ms what it can and lets the rest wait; its share falls from 30 to 9
 * frames a second and comes back. As a trace of a server under load looked: latency in
 * proportion to what is too much, up to the deadline of 200 ms. */
static void a_load_step_is_followed_down_and_up(void **state)
{
    (void)state;
    struct adapt_hazard a;
    fov_change c;
    int64_t now = START;
    double lowest = 15;
    adapt_hazard_start(&a, 15);
    for (int second = 0; second < 90; second++) {
        double share = second >= 10 && second < 30 ? 9 : 30;
        int64_t end = now + NS_PER_S;
        while (now < end) {
            now += (int64_t)(1e9 / a.fps);
            double ms = a.fps <= share ? 40 : 40 + 160 * (a.fps > 1.2 * share ? 1 : 0.5);
            adapt_hazard_result(&a, now, ms, &c);
        }
        if (second == 20)
            lowest = a.fps;
    }
    assert_true(lowest <= 11);
    assert_true(a.fps == 15);
}

/* What a real server answered while others took its processor from second 10 to second 30. */
static void a_recorded_load_step(void **state)
{
    (void)state;
    struct adapt_hazard a;
    fov_change c;
    int64_t last = 0, reversed = 0, first_down = 0;
    int way = 0;
    double lowest = 15;
    adapt_hazard_start(&a, 15);
    for (size_t i = 0; i < sizeof hazard_trace / sizeof *hazard_trace; i++) {
        int64_t now = START + hazard_trace[i].ms * MS;
        if (!adapt_hazard_result(&a, now, hazard_trace[i].tenths / 10.0, &c))
            continue;
        int direction = c.to > c.from ? 1 : -1;
        assert_true(last == 0 || now - last >= NS_PER_S);
        assert_true(way >= 0 || direction < 0 || now - last >= 10 * NS_PER_S);
        if (way && direction != way) {
            assert_true(reversed == 0 || now - reversed >= 10 * NS_PER_S);
            reversed = now;
        }
        if (direction < 0 && !first_down && now > START + 10 * NS_PER_S)
            first_down = now;
        way = direction;
        last = now;
        lowest = fmin(lowest, a.fps);
    }
    assert_true(first_down && first_down < START + 12500 * MS);
    assert_true(lowest == 5);
    assert_true(a.fps == 15); /* recovered before the trace ends */
}

static void the_public_door_turns_as_the_server_does(void **state)
{
    (void)state;
    struct adapt_hazard a;
    fov_rate *rate;
    fov_change mine, theirs = {0};
    int turns = 0;
    adapt_hazard_start(&a, 15);
    assert_int_equal(fov_rate_create(&rate, 15, NULL), FOV_OK);
    for (size_t i = 0; i < sizeof hazard_trace / sizeof *hazard_trace; i++) {
        int64_t now = START + hazard_trace[i].ms * INT64_C(1000000);
        bool turned = adapt_hazard_result(&a, now, hazard_trace[i].tenths / 10.0, &mine);
        assert_int_equal(fov_rate_result(rate, now, hazard_trace[i].tenths / 10.0, &theirs),
                         turned);
        assert_true(fov_rate_fps(rate) == a.fps);
        turns += turned;
        if (turned)
            assert_true(theirs.from == mine.from && theirs.measured == mine.measured);
    }
    assert_true(turns > 8);
    assert_int_equal(fov_rate_ask(rate, 7), FOV_OK);
    assert_true(fov_rate_fps(rate) == 7 && !fov_rate_result(rate, START * 2, 100, NULL));
    assert_int_equal(fov_rate_ask(rate, 0), FOV_EINVAL);
    fov_rate_destroy(&rate);
    assert_null(rate);
    fov_rate_destroy(&rate);
    fov_error error;
    assert_int_equal(fov_rate_create(&rate, NAN, &error), FOV_EINVAL);
    assert_null(rate);
    assert_non_null(strstr(error.message, "0.1 to 1000"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slow_takes_two_off_a_second_down_to_five),
        cmocka_unit_test(between_the_thresholds_nothing_turns),
        cmocka_unit_test(it_recovers_fully_but_not_beyond_what_was_asked),
        cmocka_unit_test(only_the_last_second_counts),
        cmocka_unit_test(a_second_question_changes_at_once_the_same_not),
        cmocka_unit_test(at_most_one_reversal_in_ten_seconds),
        cmocka_unit_test(a_load_step_is_followed_down_and_up),
        cmocka_unit_test(a_recorded_load_step),
        cmocka_unit_test(the_public_door_turns_as_the_server_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
