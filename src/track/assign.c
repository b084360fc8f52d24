#include "track/assign.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

struct pair {
    int32_t column;
    float cost;
};

struct row {
    int32_t first, count; /* of its pairs */
    int32_t column;       /* that it has, -1 none */
    float cost;           /* of that pair */
};

struct column {
    int32_t row;  /* that has it, -1 none */
    int32_t from; /* row on the shortest path to it */
    float cost;   /* of that pair */
    double price; /* dual value, 0 while nobody has it */
    double far;   /* length of the shortest path; INFINITY: not reached */
    bool passed;  /* the path to it is known to be the shortest */
};

struct assign {
    struct row *rows;
    struct column *columns;
    struct pair *pairs;
    int32_t *reached; /* columns with a path */
    size_t row_capacity, column_capacity, row_count, reached_count;
    double limit;
};

fov_status assign_create(struct assign **assign, size_t rows, size_t columns, fov_error *error)
{
    struct assign *a = *assign = calloc(1, sizeof *a);
    if (!a)
        return fov_fail(error, FOV_ENOMEM, "no memory for an assignment");
    a->row_capacity = rows;
    a->column_capacity = columns;
    a->rows = calloc(rows, sizeof *a->rows);
    a->columns = calloc(columns, sizeof *a->columns);
    a->pairs = calloc(rows * ASSIGN_PAIRS_A_ROW, sizeof *a->pairs);
    a->reached = calloc(columns, sizeof *a->reached);
    if (a->rows && a->columns && a->pairs && a->reached)
        return FOV_OK;
    assign_destroy(assign);
    return fov_fail(error, FOV_ENOMEM, "no memory for an assignment of %zu to %zu", rows, columns);
}

void assign_destroy(struct assign **assign)
{
    struct assign *a = *assign;
    if (!a)
        return;
    free(a->rows);
    free(a->columns);
    free(a->pairs);
    free(a->reached);
    free(a);
    *assign = NULL;
}

void assign_begin(struct assign *a, size_t columns, double limit)
{
    a->limit = limit;
    a->row_count = a->reached_count = 0;
    for (size_t i = 0; i < columns && i < a->column_capacity; i++)
        a->columns[i] = (struct column){.row = -1, .from = -1, .far = INFINITY};
}

void assign_row(struct assign *a)
{
    int32_t first = a->row_count ? a->rows[a->row_count - 1].first + a->rows[a->row_count - 1].count
                                 : 0;
    if (a->row_count < a->row_capacity)
        a->rows[a->row_count++] = (struct row){.first = first, .column = -1};
}

void assign_pair(struct assign *a, size_t column, double cost)
{
    struct row *row = &a->rows[a->row_count - 1];
    struct pair *pairs = a->pairs + row->first;
    struct pair pair = {(int32_t)column, (float)cost};
    int32_t worst = 0;
    if (!(cost < a->limit))
        return;
    if (row->count < ASSIGN_PAIRS_A_ROW) {
        pairs[row->count++] = pair;
        return;
    }
    for (int32_t i = 1; i < row->count; i++)
        worst = pairs[i].cost > pairs[worst].cost ? i : worst;
    if (pair.cost < pairs[worst].cost)
        pairs[worst] = pair;
}

int32_t assign_column(const struct assign *a, size_t row)
{
    return a->rows[row].column;
}

/* ---- the solver ------------------------------------------------------------------------------ */

/* Where a search stands: at a row, so far from its start. */
struct search {
    int32_t row;
    double far;
    /* The row that is best left alone for this, and how far that is. */
    int32_t alone;
    double alone_far;
};

static void look_from(struct assign *a, struct search *s)
{
    const struct row *row = &a->rows[s->row];
    double value = row->column < 0 ? 0 : (double)row->cost - a->columns[row->column].price;
    for (int32_t i = row->first; i < row->first + row->count; i++) {
        struct column *column = &a->columns[a->pairs[i].column];
        double far = s->far + (double)a->pairs[i].cost - value - column->price;
        if (column->passed || far >= column->far)
            continue;
        if (column->far == INFINITY)
            a->reached[a->reached_count++] = a->pairs[i].column;
        column->far = far;
        column->from = s->row;
        column->cost = a->pairs[i].cost;
    }
    if (s->far + a->limit - value < s->alone_far) {
        s->alone_far = s->far + a->limit - value;
        s->alone = s->row;
    }
}

/* The nearest column that is not passed yet, -1 none. */
static int32_t nearest(const struct assign *a)
{
    int32_t best = -1;
    for (size_t i = 0; i < a->reached_count; i++) {
        const struct column *column = &a->columns[a->reached[i]];
        if (!column->passed && (best < 0 || column->far < a->columns[best].far))
            best = a->reached[i];
    }
    return best;
}

/* Gives each column on the path to the row before it, up to `start`. */
static void hand_over(struct assign *a, int32_t column, int32_t start)
{
    for (int32_t row = -1; row != start;) {
        struct column *c = &a->columns[column];
        row = c->from;
        int32_t had = a->rows[row].column;
        c->row = row;
        a->rows[row].column = column;
        a->rows[row].cost = c->cost;
        column = had;
    }
}

static void forget_paths(struct assign *a, double far)
{
    for (size_t i = 0; i < a->reached_count; i++) {
        struct column *column = &a->columns[a->reached[i]];
        if (column->passed)
            column->price += column->far - far;
        column->far = INFINITY;
        column->passed = false;
    }
    a->reached_count = 0;
}

/* Finds a place for one row more; others may have to move, or one to be left alone. */
static void place(struct assign *a, int32_t start)
{
    struct search s = {.row = start, .alone = start, .alone_far = INFINITY};
    for (;;) {
        look_from(a, &s);
        int32_t column = nearest(a);
        if (column < 0 || a->columns[column].far >= s.alone_far)
            break;
        struct column *c = &a->columns[column];
        if (c->row < 0) {
            double far = c->far;
            hand_over(a, column, start);
            forget_paths(a, far);
            return;
        }
        c->passed = true;
        s.row = c->row;
        s.far = c->far;
    }
    int32_t freed = a->rows[s.alone].column;
    a->rows[s.alone].column = -1;
    if (s.alone != start)
        hand_over(a, freed, start);
    forget_paths(a, s.alone_far);
}

void assign_solve(struct assign *a)
{
    for (size_t i = 0; i < a->row_count; i++)
        place(a, (int32_t)i);
}
