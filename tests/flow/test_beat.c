/* The time of files, on made-up clocks: when frames are due, and which ones a lower rate keeps. */
#include "flow_test.h"

#include <math.h>

#include "flow/beat.h"

static void due_by_time_stamps(void **state)
{
    (void)state;
    struct beat beat = {.behind_ns = 500 * MS};
    int64_t start = 7000 * MS;
    assert_int_equal(beat_due_ns(&beat, 120, 40, start), start); /* wherever a file begins */
    for (int i = 1; i < 100; i++)
        assert_int_equal(beat_due_ns(&beat, 120 + 40 * i, 40, start), start + 40 * i * MS);
}

static void a_loop_keeps_its_distance(void **state)
{
    (void)state;
    struct beat beat = {0};
    beat_due_ns(&beat, 0, 40, 0);
    beat_due_ns(&beat, 1000, 40, 900 * MS);
    assert_int_equal(beat_due_ns(&beat, 0, 40, 1000 * MS), 1040 * MS);
    assert_int_equal(beat_due_ns(&beat, 40, 40, 1041 * MS), 1080 * MS);
    assert_int_equal(beat_due_ns(&beat, 0, 0, 1081 * MS), 1081 * MS); /* no rate is known */
}

static void nobody_waits_for_a_gap(void **state)
{
    (void)state;
    struct beat beat = {0};
    beat_due_ns(&beat, 0, 40, 0);
    assert_int_equal(beat_due_ns(&beat, 9000, 40, 5 * MS), 9000 * MS);
    assert_int_equal(beat_due_ns(&beat, 9000 + 11000, 40, 9000 * MS), 9040 * MS);
}

static void who_is_far_behind_begins_anew(void **state)
{
    (void)state;
    struct beat strict = {.behind_ns = 500 * MS}, patient = {0};
    beat_due_ns(&strict, 0, 40, 0);
    beat_due_ns(&patient, 0, 40, 0);
    assert_int_equal(beat_due_ns(&strict, 40, 40, 500 * MS), 40 * MS); /* caught up with */
    assert_int_equal(beat_due_ns(&strict, 80, 40, 700 * MS), 700 * MS);
    assert_int_equal(beat_due_ns(&strict, 120, 40, 701 * MS), 740 * MS);
    assert_int_equal(beat_due_ns(&patient, 80, 40, 700 * MS), 80 * MS);
}

/* How many of `count` frames of `fps` are kept; `first` gets the numbers of the first ones. */
static int keep(double fps, double target, int count, int *first, int most)
{
    struct thin thin;
    int kept = 0;
    thin_set(&thin, target);
    for (int i = 0; i < count; i++)
        if (thin_keeps(&thin, 120 + i * 1000 / fps)) {
            if (kept < most)
                first[kept] = i;
            kept++;
        }
    return kept;
}

static void an_even_choice(void **state)
{
    (void)state;
    static const struct {
        double fps, target;
        int count, kept, first[6];
    } table[] = {
        {30, 10, 90, 30, {0, 3, 6, 9, 12, 15}},
        {25, 10, 100, 40, {0, 2, 5, 7, 10, 12}},
        {30, 0, 90, 90, {0, 1, 2, 3, 4, 5}},
        {10, 30, 50, 50, {0, 1, 2, 3, 4, 5}},
        {30, 30, 90, 90, {0, 1, 2, 3, 4, 5}},
        {40, 30, 400, 300, {0, 1, 3, 4, 5, 7}},
        {30, 1, 90, 3, {0, 30, 60}},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        int first[6] = {0};
        int kept = keep(table[i].fps, table[i].target, table[i].count, first, 6);
        if (kept != table[i].kept || memcmp(first, table[i].first, sizeof first) != 0)
            fail_msg("row %zu: %d kept: %d %d %d %d %d %d", i, kept, first[0], first[1], first[2],
                     first[3], first[4], first[5]);
    }
}

/* Whatever the two rates: as many as the time holds, and no two closer than a beat less what a
 * frame may be off it on either side. */
static void never_more_than_the_rate(void **state)
{
    (void)state;
    uint64_t random = 17;
    for (int round = 0; round < 500; round++) {
        double fps = 1 + random_below(&random, 2400) / 10.0;
        double target = 0.5 + random_below(&random, 1000) / 10.0;
        int first[4000], count = 1000;
        int kept = keep(fps, target, count, first, 4000);
        double wanted = fmin(count, (count - 1) / fps * target + 1);
        if (fabs(kept - wanted) > 1.5)
            fail_msg("%g of %g fps: %d kept of %d", target, fps, kept, count);
        for (int i = 1; i < kept; i++)
            if ((first[i] - first[i - 1]) / fps < 1 / target - 1 / fps - 1e-9)
                fail_msg("%g of %g fps: %d and %d", target, fps, first[i - 1], first[i]);
    }
}

static void a_loop_or_a_gap_begins_anew(void **state)
{
    (void)state;
    struct thin thin;
    thin_set(&thin, 10);
    assert_true(thin_keeps(&thin, 0));
    assert_false(thin_keeps(&thin, 33));
    assert_true(thin_keeps(&thin, 5000)); /* a gap: no burst follows */
    assert_false(thin_keeps(&thin, 5033));
    assert_false(thin_keeps(&thin, 5067));
    assert_true(thin_keeps(&thin, 5100));
    assert_true(thin_keeps(&thin, 0)); /* a loop */
    assert_false(thin_keeps(&thin, 33));
    assert_false(thin_keeps(&thin, 67));
    assert_true(thin_keeps(&thin, 100));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(due_by_time_stamps),
        cmocka_unit_test(a_loop_keeps_its_distance),
        cmocka_unit_test(nobody_waits_for_a_gap),
        cmocka_unit_test(who_is_far_behind_begins_anew),
        cmocka_unit_test(an_even_choice),
        cmocka_unit_test(never_more_than_the_rate),
        cmocka_unit_test(a_loop_or_a_gap_begins_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
