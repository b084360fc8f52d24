/* Assignments beside SciPy's, and what the limit is for. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "draw.h"
#include "track/assign.h"
#include "track_fixture.h"

enum { SIDE = 256 };

static struct assign *solver(size_t rows, size_t columns)
{
    struct assign *a;
    assert_int_equal(assign_create(&a, rows, columns, NULL), FOV_OK);
    return a;
}

static void check_case(const struct assign_case *c)
{
    static double cost[SIDE][SIDE];
    struct assign *a = solver((size_t)c->rows, (size_t)c->columns);
    uint32_t state = (uint32_t)(c->rows * 1000 + c->columns);
    assign_begin(a, (size_t)c->columns, c->limit);
    for (int row = 0; row < c->rows; row++) {
        assign_row(a);
        for (int column = 0; column < c->columns; column++) {
            bool exists = draw(&state) < c->part;
            double value = draw(&state);
            cost[row][column] = value - c->off;
            if (exists)
                assign_pair(a, (size_t)column, cost[row][column]);
        }
    }
    assign_solve(a);
    int pairs = 0;
    double sum = 0;
    long long places = 0;
    for (int row = 0; row < c->rows; row++) {
        int32_t column = assign_column(a, (size_t)row);
        if (column < 0)
            continue;
        pairs++;
        sum += cost[row][column];
        places += (row + 1LL) * (column + 7);
    }
    if (pairs != c->pairs || fabs(sum - c->cost) > 1e-4 || places != c->places)
        fail_msg("%dx%d limit %g part %g: %d pairs for %.9g, not %d for %.9g", c->rows, c->columns,
                 c->limit, c->part, pairs, sum, c->pairs, c->cost);
    assign_destroy(&a);
}

static void assignments_are_those_of_scipy(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof assign_cases / sizeof *assign_cases; i++)
        check_case(&assign_cases[i]);
}

/* One right pair for 0.1, or two wrong ones for 0.8 each: leaving one alone costs 0.9. */
static void a_right_pair_is_not_taken_apart(void **state)
{
    (void)state;
    struct assign *a = solver(2, 2);
    assign_begin(a, 2, 0.9);
    assign_row(a);
    assign_pair(a, 0, 0.1);
    assign_pair(a, 1, 0.8);
    assign_row(a);
    assign_pair(a, 0, 0.8);
    assign_solve(a);
    assert_int_equal(assign_column(a, 0), 0);
    assert_int_equal(assign_column(a, 1), -1);
    assign_destroy(&a);
}

static void pairs_at_the_limit_are_none(void **state)
{
    (void)state;
    struct assign *a = solver(4, 4);
    assign_begin(a, 4, 0.5);
    for (size_t row = 0; row < 4; row++)
        assign_row(a);
    assign_pair(a, 0, 0.5);
    assign_pair(a, 1, (double)NAN);
    assign_pair(a, 2, (double)INFINITY);
    assign_solve(a);
    for (size_t row = 0; row < 4; row++)
        assert_int_equal(assign_column(a, row), -1);
    assign_destroy(&a);
}

/* Of more pairs than a row keeps, the best stay. */
static void the_best_of_many_pairs_stay(void **state)
{
    (void)state;
    struct assign *a = solver(1, SIDE);
    assign_begin(a, SIDE, 2);
    assign_row(a);
    for (size_t i = 0; i < SIDE; i++)
        assign_pair(a, i, i == 200 ? 0.25 : 1 - (double)i / 1000);
    assign_solve(a);
    assert_int_equal(assign_column(a, 0), 200);
    assign_destroy(&a);
}

/* Everybody wants the same: nobody gets a column twice, and it ends. */
static void all_alike(void **state)
{
    (void)state;
    struct assign *a = solver(SIDE, SIDE);
    int got[SIDE] = {0}, pairs = 0;
    assign_begin(a, SIDE, 0.9);
    for (size_t row = 0; row < SIDE; row++) {
        assign_row(a);
        for (size_t i = 0; i < SIDE; i++)
            assign_pair(a, i, 0.5);
    }
    assign_solve(a);
    for (size_t row = 0; row < SIDE; row++)
        if (assign_column(a, row) >= 0) {
            assert_int_equal(got[assign_column(a, row)]++, 0);
            pairs++;
        }
    assert_int_equal(pairs, ASSIGN_PAIRS_A_ROW);
    assign_destroy(&a);
}

/* The same solver again: nothing is left of the time before. */
static void begins_anew(void **state)
{
    (void)state;
    struct assign *a = solver(3, 3);
    for (int turn = 0; turn < 3; turn++) {
        assign_begin(a, 3, 0.9);
        for (size_t row = 0; row < 3; row++) {
            assign_row(a);
            assign_pair(a, (row + (size_t)turn) % 3, 0.2);
        }
        assign_solve(a);
        for (size_t row = 0; row < 3; row++)
            assert_int_equal(assign_column(a, row), (int)((row + (size_t)turn) % 3));
    }
    assign_begin(a, 0, 0.9);
    assign_solve(a);
    assign_destroy(&a);
    assign_destroy(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(assignments_are_those_of_scipy),
        cmocka_unit_test(a_right_pair_is_not_taken_apart),
        cmocka_unit_test(pairs_at_the_limit_are_none),
        cmocka_unit_test(the_best_of_many_pairs_stay),
        cmocka_unit_test(all_alike),
        cmocka_unit_test(begins_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
