/* Tests of the scheduler's rules on a virtual clock, and of the mailbox they work on. */
#include "flow_test.h"

#include <math.h>

#include "flow/recent.h"
#include "flow/scheduler.h"

static fov_frame frames[MAILBOX_MAX];

static struct mailbox box_of(int count, int64_t first_deadline, int64_t step)
{
    struct mailbox box;
    mailbox_init(&box, MAILBOX_MAX, 1 << 20);
    for (int i = 0; i < count; i++) {
        frames[i] = (fov_frame){.seq = (uint64_t)i,
                                .deadline_ns = first_deadline ? first_deadline + i * step : 0};
        mailbox_push(&box, &frames[i]);
    }
    return box;
}

static struct sched_choice choose(struct sched_stream *a, struct sched_stream *b)
{
    const struct sched_stream *views[] = {a, b};
    return sched_next(views, b ? 2 : 1);
}

static void live_takes_newest_and_supersedes(void **state)
{
    (void)state;
    struct mailbox box = box_of(5, 0, 0);
    struct sched_stream s = {.waiting = &box, .can_run = true};
    struct sched_choice c = choose(&s, NULL);
    assert_int_equal(c.stream, 0);
    assert_int_equal(c.frame, 4);
    assert_int_equal(c.superseded, 0x0F);
    box = box_of(64, 0, 0);
    assert_int_equal(choose(&s, NULL).superseded, UINT64_MAX >> 1);
}

static void fifo_and_always_run_take_oldest(void **state)
{
    (void)state;
    struct mailbox box = box_of(3, 0, 0);
    struct sched_stream fifo = {.waiting = &box, .can_run = true, .fifo = true};
    struct sched_stream post = {.waiting = &box, .can_run = true, .always_run = true};
    assert_int_equal(choose(&fifo, NULL).frame, 0);
    assert_int_equal(choose(&fifo, NULL).superseded, 0);
    assert_int_equal(choose(&post, NULL).frame, 0);
    assert_int_equal(choose(&post, NULL).superseded, 0);
}

static void nothing_without_runner_or_frames(void **state)
{
    (void)state;
    struct mailbox box = box_of(1, 0, 0), empty = box_of(0, 0, 0);
    struct sched_stream s = {.waiting = &box, .can_run = false};
    assert_int_equal(choose(&s, NULL).stream, -1);
    s = (struct sched_stream){.waiting = &empty, .can_run = true};
    assert_int_equal(choose(&s, NULL).stream, -1);
}

static void late_frames_are_known_before_they_cost(void **state)
{
    (void)state;
    struct mailbox box = box_of(3, 100 * MS, 20 * MS); /* deadlines 100, 120, 140 */
    struct sched_stream s = {.waiting = &box, .cost_ns = 30 * MS, .silent_since_ns = 60 * MS};
    assert_int_equal(sched_late(70 * MS, &s), 0);
    assert_int_equal(sched_late(71 * MS, &s), 1);
    assert_int_equal(sched_late(95 * MS, &s), 3);
    assert_int_equal(sched_late(120 * MS, &s), 7);
    s.always_run = true;
    assert_int_equal(sched_late(500 * MS, &s), 0);
    box = box_of(3, 0, 0); /* no deadline */
    s.always_run = false;
    assert_int_equal(sched_late(INT64_C(1) << 50, &s), 0);
}

static void starving_stream_keeps_its_newest(void **state)
{
    (void)state;
    struct mailbox box = box_of(3, 100 * MS, MS);
    struct sched_stream s = {.waiting = &box, .cost_ns = 300 * MS, .silent_since_ns = 1};
    assert_int_equal(sched_late(999 * MS, &s), 7);
    assert_int_equal(sched_late(1001 * MS, &s), 3);
    s.running = 1; /* one is on its way: no second exception */
    assert_int_equal(sched_late(1001 * MS, &s), 7);
    s.running = 0;
    s.cost_ns = 700 * MS; /* twice the cost is more than a second */
    assert_int_equal(sched_late(1399 * MS, &s), 7);
    assert_int_equal(sched_late(1401 * MS, &s), 3);
}

static void earliest_deadline_picks_the_stream(void **state)
{
    (void)state;
    struct mailbox early = box_of(1, 200 * MS, 0);
    fov_frame other = {.deadline_ns = 300 * MS};
    struct mailbox late = {.frames = {&other}, .count = 1};
    struct sched_stream a = {.waiting = &late, .can_run = true};
    struct sched_stream b = {.waiting = &early, .can_run = true};
    assert_int_equal(choose(&a, &b).stream, 1);
    b.can_run = false;
    assert_int_equal(choose(&a, &b).stream, 0);
    b.can_run = true;
    other.deadline_ns = 0; /* none goes after any */
    assert_int_equal(choose(&a, &b).stream, 1);
    b.share_ns = SCHED_SLACK_NS * 1.1; /* had more than its share: stands back */
    assert_int_equal(choose(&a, &b).stream, 0);
}

/* Two streams that always have work, weights 1 and 3, run by one worker for 1,000 frames. */
static void shares_follow_weights(void **state)
{
    (void)state;
    fov_frame fa = {.deadline_ns = 1}, fb = {.deadline_ns = 2};
    struct mailbox boxes[2] = {{.frames = {&fa}, .count = 1}, {.frames = {&fb}, .count = 1}};
    struct sched_stream s[2] = {{.waiting = &boxes[0], .can_run = true},
                                {.waiting = &boxes[1], .can_run = true}};
    const double weights[2] = {1, 3};
    int runs[2] = {0, 0};
    for (int i = 0; i < 1000; i++) {
        int k = choose(&s[0], &s[1]).stream;
        runs[k]++;
        s[k].share_ns += 10e6 / weights[k];
    }
    assert_in_range(runs[0], 245, 262);
    assert_int_equal(runs[0] + runs[1], 1000);
}

/* 30 frames a second for a minute, early and late by up to half an interval, some 40 ms late with
 * the next right behind: a limit of 30 lets at least 29.5 pass. */
static void gate_forgives_jitter(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 50; seed++) {
        uint64_t r = seed * 7919;
        struct sched_gate gate;
        sched_gate_set(&gate, 30);
        int passed = 0;
        int64_t last = 0;
        for (int i = 0; i < 1800; i++) {
            int64_t now = (int64_t)(i * 1e9 / 30) + random_below(&r, 33) * MS + NS_PER_S;
            if (random_below(&r, 20) == 0)
                now += 40 * MS;
            if (now < last)
                now = last; /* one behind the other */
            last = now;
            passed += sched_gate_pass(&gate, now);
        }
        assert_true(passed >= 1770);
    }
}

static void gate_limits_the_mean(void **state)
{
    (void)state;
    static const double limits[] = {5, 12.5, 15, 25};
    for (size_t k = 0; k < sizeof limits / sizeof *limits; k++) {
        uint64_t r = 4711;
        struct sched_gate gate;
        sched_gate_set(&gate, limits[k]);
        int passed = 0;
        for (int i = 0; i < 6000; i++) /* 100 s of 60 fps */
            passed += sched_gate_pass(&gate, (int64_t)(i * 1e9 / 60) + random_below(&r, 10) * MS);
        assert_true(passed <= limits[k] * 100 + 3);
        assert_true(passed >= limits[k] * 99);
    }
    struct sched_gate open;
    sched_gate_set(&open, 0);
    assert_true(sched_gate_pass(&open, 1) && sched_gate_pass(&open, 1));
    sched_gate_set(&open, -1);
    assert_true(sched_gate_pass(&open, 1) && sched_gate_pass(&open, 1));
}

static void mailbox_is_bounded_by_count_and_bytes(void **state)
{
    (void)state;
    struct mailbox box;
    mailbox_init(&box, 3, 1000);
    fov_frame big = {.size = 5000}, small = {.size = 400}, other = {.size = 400},
              last = {.size = 1};
    assert_true(mailbox_fits(&box, &big)); /* one always fits */
    mailbox_push(&box, &big);
    assert_false(mailbox_fits(&box, &small));
    assert_ptr_equal(mailbox_take(&box, 0), &big);
    assert_int_equal(box.bytes, 0);
    mailbox_push(&box, &small);
    mailbox_push(&box, &other);
    assert_false(mailbox_fits(&box, &other));
    assert_true(mailbox_fits(&box, &last));
    mailbox_push(&box, &last);
    fov_frame none = {.size = 0};
    assert_false(mailbox_fits(&box, &none));
    assert_ptr_equal(mailbox_take(&box, 1), &other);
    assert_ptr_equal(box.frames[1], &last);
    assert_int_equal(box.bytes, 401);
    uint8_t plane[1];
    fov_frame pixels = {.image = {.pixels = FOV_YUV,
                                  .width = 10,
                                  .height = 5,
                                  .plane = {plane, plane, plane},
                                  .stride = {64, 64, 64},
                                  .shift_x = 1,
                                  .shift_y = 1}};
    assert_int_equal(mailbox_weight(&pixels), 64 * 5 + 2 * 64 * 3);
}

static void recent_expects_the_better_of_middle_and_last(void **state)
{
    (void)state;
    struct recent r = {0};
    assert_int_equal(recent_expected_ns(&r), 0);
    for (int i = 1; i <= 100; i++)
        recent_add(&r, i);
    assert_int_equal(recent_median_ns(&r), 85); /* of 70..100 */
    assert_int_equal(recent_high_ns(&r), 99);
    assert_int_equal(recent_expected_ns(&r), 85);
    recent_add(&r, 3);
    assert_int_equal(recent_expected_ns(&r), 3);
    recent_add(&r, 10000);
    assert_int_equal(recent_high_ns(&r), 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(live_takes_newest_and_supersedes),
        cmocka_unit_test(fifo_and_always_run_take_oldest),
        cmocka_unit_test(nothing_without_runner_or_frames),
        cmocka_unit_test(late_frames_are_known_before_they_cost),
        cmocka_unit_test(starving_stream_keeps_its_newest),
        cmocka_unit_test(earliest_deadline_picks_the_stream),
        cmocka_unit_test(shares_follow_weights),
        cmocka_unit_test(gate_forgives_jitter),
        cmocka_unit_test(gate_limits_the_mean),
        cmocka_unit_test(mailbox_is_bounded_by_count_and_bytes),
        cmocka_unit_test(recent_expects_the_better_of_middle_and_last),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
