/* Two groups of points, against scipy and against all ways tried. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include <cmocka.h>

#include "football_fixture.h"
#include "scene/cluster.h"

static void lloyd_ends_where_scipys_does(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof lloyd_cases / sizeof *lloyd_cases; i++) {
        const struct lloyd_case *c = &lloyd_cases[i];
        struct cluster_points points = {c->points, (size_t)c->count, c->size};
        struct cluster_work work;
        float centers[6];
        memcpy(centers, c->start, sizeof centers);
        assert_true(cluster_work_create(&work, points.count, c->size));
        cluster_lloyd(&points, 0, centers, &work);
        for (int k = 0; k < 2 * c->size; k++)
            assert_true(fabs((double)centers[k] - c->centers[k]) < 1e-4);
        cluster_work_destroy(&work);
    }
}

static void trimming_finds_the_least_of_all(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof trim_cases / sizeof *trim_cases; i++) {
        const struct trim_case *c = &trim_cases[i];
        struct cluster_points points = {c->points, (size_t)c->count, 2};
        struct cluster_work work;
        float centers[4];
        int out = 0;
        double trim = (double)c->left_out / c->count + 1e-6;
        assert_true(cluster_work_create(&work, points.count, 2));
        assert_true(cluster_two(&points, trim, 60, centers, &work));
        double sum = cluster_lloyd(&points, trim, centers, &work);
        for (int k = 0; k < c->count; k++)
            out += work.member[k] < 0;
        assert_int_equal(out, c->left_out);
        assert_true(fabs(sum - c->least) < 1e-4 * (1 + c->least));
        cluster_work_destroy(&work);
    }
}

static void the_same_points_give_the_same_groups(void **state)
{
    (void)state;
    const struct lloyd_case *c = &lloyd_cases[0];
    struct cluster_points points = {c->points, (size_t)c->count, c->size};
    struct cluster_work work;
    float first[6], again[6];
    assert_true(cluster_work_create(&work, points.count, c->size));
    assert_true(cluster_two(&points, 0.2, 5, first, &work));
    assert_true(cluster_two(&points, 0.2, 5, again, &work));
    assert_memory_equal(first, again, 2 * (size_t)c->size * sizeof *first);
    cluster_work_destroy(&work);
}

static void points_without_two_groups(void **state)
{
    (void)state;
    const float same[] = {1, 2, 1, 2, 1, 2}, broken[] = {NAN, 0, 1, 2, 3, INFINITY};
    struct cluster_points points = {same, 3, 2};
    struct cluster_work work;
    float centers[4];
    assert_true(cluster_work_create(&work, 3, 2));
    assert_false(cluster_two(&points, 0.2, 5, centers, &work));
    points.count = 1;
    assert_false(cluster_two(&points, 0.2, 5, centers, &work));
    points.values = broken;
    points.count = 3;
    assert_false(cluster_two(&points, 0.2, 5, centers, &work));
    cluster_work_destroy(&work);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lloyd_ends_where_scipys_does),
        cmocka_unit_test(trimming_finds_the_least_of_all),
        cmocka_unit_test(the_same_points_give_the_same_groups),
        cmocka_unit_test(points_without_two_groups),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
