/* Tests of the histograms and counters against sorted lists. */
#include "flow_test.h"

#include <math.h>
#include <pthread.h>

#include "flow/stats.h"

static int by_value(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void bins_keep_two_percent(void **state)
{
    (void)state;
    int last = -1;
    for (double v = 1e3; v < 130e9; v *= 1.003) {
        int bin = stats_bin((int64_t)v);
        assert_in_range(bin, 0, STATS_BINS - 1);
        assert_true(bin >= last);
        last = bin;
        double error = fabs(stats_bin_middle_ns(bin) - v);
        assert_true(v < 128e3 ? error <= 2e3 : error <= 0.02 * v);
    }
    assert_int_equal(stats_bin(-5), 0);
    assert_int_equal(stats_bin(INT64_MAX), STATS_BINS - 1);
}

static fov_timings times_of(int64_t total)
{
    fov_timings t = {.total = total, .queue = total / 10, .decode = total / 5};
    t.inference = total / 2;
    t.publish = total - t.queue - t.decode - t.inference;
    return t;
}

static void near(double value, double truth)
{
    if (fabs(value - truth) > 0.02 * truth + 0.002)
        fail_msg("%g is not near %g", value, truth);
}

static void percentiles_match_sorted(void **state)
{
    (void)state;
    enum { N = 5000 };
    static int64_t sorted[N];
    uint64_t r = 12345;
    struct stats stats;
    stats_init(&stats);
    int64_t now = 77 * NS_PER_S;
    for (int i = 0; i < N; i++) { /* 20 s, log-uniform from 1 ms to 1 s */
        sorted[i] = (int64_t)(1e6 * pow(10, random_below(&r, 30000) / 10000.0));
        fov_timings t = times_of(sorted[i]);
        stats_accepted(&stats, now);
        stats_delivered(&stats, now, &t, sorted[i] < 500 * MS);
        now += 4 * MS;
    }
    qsort(sorted, N, sizeof *sorted, by_value);
    fov_stats out;
    stats_read(&stats, now, 60, &out);
    double sum = 0;
    uint64_t late = 0;
    for (int i = 0; i < N; i++) {
        sum += (double)sorted[i] / 1e6;
        late += sorted[i] >= 500 * MS;
    }
    near(out.p50_ms, (double)sorted[(int)(0.50 * (N - 1) + 0.5)] / 1e6);
    near(out.p95_ms, (double)sorted[(int)(0.95 * (N - 1) + 0.5)] / 1e6);
    near(out.p99_ms, (double)sorted[(int)(0.99 * (N - 1) + 0.5)] / 1e6);
    near(out.stage_p95_ms[FOV_STAGE_INFERENCE], (double)sorted[(int)(0.95 * (N - 1))] / 2e6);
    assert_true(fabs(out.mean_ms - sum / N) < 1e-6 * sum);
    assert_true(fabs(out.min_ms - (double)sorted[0] / 1e6) < 1e-9);
    assert_true(fabs(out.max_ms - (double)sorted[N - 1] / 1e6) < 1e-9);
    assert_int_equal(out.delivered, N);
    assert_int_equal(out.violations, late);
    assert_true(fabs(out.fps - 250) < 1);
    stats_release(&stats);
}

/* 10 ms for ten seconds, then 100 ms: each window sees its own part. */
static void windows_forget(void **state)
{
    (void)state;
    struct stats stats;
    stats_init(&stats);
    int64_t now = NS_PER_S, first = now;
    for (int second = 0; second < 200; second++)
        for (int i = 0; i < 30; i++) {
            fov_timings t = times_of(second < 190 ? 10 * MS : 100 * MS);
            now = first + second * NS_PER_S + i * 33 * MS;
            stats_accepted(&stats, now);
            stats_delivered(&stats, now, &t, true);
        }
    fov_stats out;
    stats_read(&stats, now, 5, &out);
    near(out.p50_ms, 100);
    near(out.min_ms, 100);
    assert_true(out.interval_s >= 5 && out.interval_s < 6);
    assert_true(fabs(out.fps - 30) < 1);
    stats_read(&stats, now, 60, &out);
    near(out.p50_ms, 10);
    near(out.p99_ms, 100);
    assert_true(fabs(out.fps - 30) < 1 && fabs(out.fps_in - 30) < 1);
    assert_int_equal(out.delivered, 6000);
    stats_read(&stats, now + 1000 * NS_PER_S, 60, &out);
    assert_true(out.fps == 0 && out.p50_ms == 0);
    assert_int_equal(out.delivered, 6000);
    stats_release(&stats);
}

static void counters_always_add_up(void **state)
{
    (void)state;
    struct stats stats;
    stats_init(&stats);
    fov_stats out;
    stats_read(&stats, NS_PER_S, 10, &out);
    assert_int_equal(out.accepted, 0);
    for (int i = 0; i < 10; i++)
        stats_accepted(&stats, NS_PER_S + i);
    fov_timings t = times_of(MS);
    stats_delivered(&stats, NS_PER_S, &t, true);
    stats_delivered(&stats, NS_PER_S, &t, false);
    stats_dropped(&stats, FOV_DROP_DEADLINE);
    stats_dropped(&stats, FOV_DROP_QUEUE);
    stats_failed(&stats);
    stats_read(&stats, 2 * NS_PER_S, 10, &out);
    assert_int_equal(out.waiting, 5);
    assert_int_equal(out.violations, 2);
    assert_int_equal(out.dropped[FOV_DROP_DEADLINE], 1);
    stats_release(&stats);
}

static void words_of_messages(void **state)
{
    (void)state;
    assert_string_equal(fov_drop_name(FOV_DROP_FPS_LIMIT), "fps_limit");
    assert_string_equal(fov_drop_name((fov_drop)99), "unknown");
    assert_string_equal(fov_stage_name(FOV_STAGE_PUBLISH), "publish");
    assert_string_equal(fov_stage_name((fov_stage)99), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bins_keep_two_percent), cmocka_unit_test(percentiles_match_sorted),
        cmocka_unit_test(windows_forget),        cmocka_unit_test(counters_always_add_up),
        cmocka_unit_test(words_of_messages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
