/* The rules of capacity on tables, and what they promise held against a simulation. */
#include "flow_test.h"

#include <math.h>

#include "flow/capacity.h"

static struct capacity_stream kind_of(double fps, double mean_ms, double high_ms, double limit_ms)
{
    return (struct capacity_stream){.fps = fps,
                                    .mean_ns = (int64_t)(mean_ms * 1e6),
                                    .high_ns = (int64_t)(high_ms * 1e6),
                                    .limit_ns = (int64_t)(limit_ms * 1e6),
                                    .width = 1};
}

static void one_of_each(void **state)
{
    (void)state;
    static const struct {
        int workers;
        double fps, mean, high, limit, width, blocking;
        enum capacity_word word;
    } table[] = {
        {1, 30, 10, 15, 200, 1, 0, CAPACITY_FITS},
        {1, 30, 29, 29, 200, 1, 0, CAPACITY_FITS}, /* 0.87 of the worker */
        {1, 30, 31, 31, 200, 1, 0, CAPACITY_WORK}, /* 0.93 */
        {2, 30, 38, 45, 200, 1, 0, CAPACITY_FITS}, /* two overlap */
        {2, 30, 38, 45, 200, 2, 0, CAPACITY_WORK}, /* they do not: each takes all cores */
        {1, 5, 150, 150, 140, 1, 0, CAPACITY_LATENCY},
        {1, 5, 100, 100, 200, 1, 99, CAPACITY_FITS},
        {1, 5, 100, 100, 200, 1, 101, CAPACITY_LATENCY}, /* behind a run of someone else */
        {1, 5, 100, 100, 0, 1, 199, CAPACITY_FITS},      /* no deadline: the rate alone */
        {1, 5, 100, 100, 0, 1, 201, CAPACITY_RATE},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct capacity_machine m = {table[i].workers, (int64_t)(table[i].blocking * 1e6), 0};
        struct capacity_stream s = kind_of(table[i].fps, table[i].mean, table[i].high,
                                           table[i].limit);
        s.width = table[i].width;
        struct capacity_verdict v = capacity_check(&m, &s, 1);
        if (v.word != table[i].word)
            fail_msg("row %zu: %d", i, (int)v.word);
    }
}

static void nothing_fits_an_empty_set(void **state)
{
    (void)state;
    struct capacity_machine m = {2, 0, 0};
    struct capacity_verdict v = capacity_check(&m, NULL, 0);
    assert_int_equal(v.word, CAPACITY_FITS);
    assert_true(v.load == 0 && v.answer_ns == 0);
}

/* W by hand: blocking 5, three others of 10 ± 4 on two workers: 5 + (30 + sqrt(48)) / 2. */
static void wait_is_what_the_formula_says(void **state)
{
    (void)state;
    struct capacity_machine m = {2, 5 * MS, 0};
    struct capacity_stream s[4];
    for (int i = 0; i < 4; i++)
        s[i] = kind_of(10, 10, 14, 200);
    struct capacity_verdict v = capacity_check(&m, s, 4);
    double wait = 5 + (30 + sqrt(3 * 16.0)) / 2;
    assert_int_equal(v.word, CAPACITY_FITS);
    assert_true(fabs((double)v.wait_ns / 1e6 - wait) < 0.01);
    assert_true(fabs((double)v.answer_ns / 1e6 - wait - 14) < 0.01);
    assert_true(fabs(v.load - 4 * 10 * 0.010 / 2) < 1e-9);
    /* a quick stream with a short deadline runs several times before a patient one */
    s[0] = kind_of(100, 2, 2, 20);
    s[1] = kind_of(2, 100, 100, 500);
    m = (struct capacity_machine){1, 0, 0};
    v = capacity_check(&m, s, 2);
    assert_int_equal(v.word, CAPACITY_RATE); /* 100 ms in the way of one that comes each 10 ms */
    assert_int_equal(v.stream, 0);
    s[0] = kind_of(5, 2, 2, 150);
    v = capacity_check(&m, s, 2);
    assert_int_equal(v.word, CAPACITY_FITS);
    assert_int_equal(v.answer_ns, 102 * MS); /* 100 in the way; the other waits 2 */
}

static void counts_rates_and_what_is_free(void **state)
{
    (void)state;
    struct capacity_machine m = {2, 0, 0};
    struct capacity_stream kind = kind_of(15, 14, 18, 200), slow = kind_of(30, 90, 100, 1000);
    int fits = capacity_more(&m, NULL, 0, &kind, 64);
    assert_in_range(fits, 7, 8); /* 2 × 0.9 / (15 × 14 ms) = 8.6; the last would wait too long */
    struct capacity_stream set[16];
    for (int i = 0; i < 16; i++)
        set[i] = kind;
    assert_int_equal(capacity_check(&m, set, fits).word, CAPACITY_FITS);
    assert_int_not_equal(capacity_check(&m, set, fits + 1).word, CAPACITY_FITS);
    assert_int_equal(capacity_more(&m, set, fits, &kind, 64), 0);
    assert_int_equal(capacity_more(&m, set, 2, &kind, 64), fits - 2);
    assert_int_equal(capacity_more(&m, set, 2, &kind, 3), 3);
    double rate = capacity_rate(&m, NULL, 0, &slow);
    assert_true(rate > 9.9 && rate < 20.1); /* 2 × 0.9 / 90 ms = 20 */
    assert_true(capacity_rate(&m, NULL, 0, &kind) == 15);
    struct capacity_stream never = kind_of(5, 300, 300, 200);
    assert_true(capacity_rate(&m, NULL, 0, &never) == 0);
    /* 38 ms needed, 21 ms free: the refusal of the interface */
    struct capacity_stream big = kind_of(10, 38, 38, 200), six = kind_of(15, 17.6667, 17.7, 200);
    for (int i = 0; i < 6; i++)
        set[i] = six;
    double free_ms = capacity_free_ns(&m, set, 6, &big) / 1e6;
    assert_true(fabs(free_ms - 21) < 0.01);
    assert_int_equal(capacity_more(&m, set, 6, &big, 9), 0);
}

/* Strangers run 40 ms. Of three workers they must leave one or two alone, as the limit wants it. */
static void reserves_as_few_as_will_do(void **state)
{
    (void)state;
    struct capacity_machine m = {3, 40 * MS, 2};
    struct capacity_stream s[3];
    static const struct {
        double limit;
        int reserved;
        enum capacity_word word;
    } table[] = {
        /* S = 20: unreserved 40 + 20/3, one 20, two 10; and 10 of its own */
        {57, 0, CAPACITY_FITS}, {56, 1, CAPACITY_FITS}, {30, 1, CAPACITY_FITS},
        {29, 2, CAPACITY_FITS}, {20, 2, CAPACITY_FITS}, {19, 2, CAPACITY_LATENCY},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        for (int k = 0; k < 3; k++)
            s[k] = kind_of(10, 10, 10, table[i].limit);
        assert_int_equal(capacity_check(&m, s, 3).word, table[i].word);
        assert_int_equal(capacity_reserve(&m, s, 3), table[i].reserved);
    }
    m.workers = 1;
    m.reserved = 0;
    assert_int_equal(capacity_reserve(&m, s, 3), 0);
}

/* More work, more streams, a longer run in the way, a shorter limit: never makes a set fit. */
static void harder_sets_never_fit_better(void **state)
{
    (void)state;
    uint64_t r = 77;
    int fitting = 0;
    for (int trial = 0; trial < 20000; trial++) {
        struct capacity_machine m = {1 + random_below(&r, 4), random_below(&r, 40) * MS, 0};
        m.reserved = random_below(&r, m.workers);
        struct capacity_stream s[8];
        int count = 1 + random_below(&r, 7);
        for (int i = 0; i <= count && i < 8; i++) {
            double mean = 1 + random_below(&r, 40);
            s[i] = kind_of(1 + random_below(&r, 30), mean, mean + random_below(&r, 20),
                           random_below(&r, 4) ? 50 + random_below(&r, 300) : 0);
        }
        bool fits = capacity_check(&m, s, count).word == CAPACITY_FITS;
        fitting += fits;
        if (fits)
            continue;
        int k = random_below(&r, count);
        struct capacity_stream harder[8];
        memcpy(harder, s, sizeof s);
        harder[k].mean_ns += MS;
        harder[k].high_ns += MS;
        assert_int_not_equal(capacity_check(&m, harder, count).word, CAPACITY_FITS);
        m.blocking_ns += 5 * MS;
        assert_int_not_equal(capacity_check(&m, s, count).word, CAPACITY_FITS);
    }
    assert_in_range(fitting, 1000, 15000); /* the table is no one-way street */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_of_each),
        cmocka_unit_test(nothing_fits_an_empty_set),
        cmocka_unit_test(wait_is_what_the_formula_says),
        cmocka_unit_test(counts_rates_and_what_is_free),
        cmocka_unit_test(reserves_as_few_as_will_do),
        cmocka_unit_test(harder_sets_never_fit_better),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
