/* Who goes with whom: the pairs of rows (tracks) and columns (boxes) that cost least together, when
 * it costs `limit` to leave a row alone.
 *
 * That is what capping each cost at the limit, finding the best complete assignment and dropping
 * the pairs at the limit gives. It is not what a large number for impossible pairs gives: that
 * makes as many pairs as can be, and takes a right pair apart for two wrong ones.
 *
 * Only pairs below the limit are told, row by row. The solver (successive shortest paths; Jonker,
 * Volgenant 1987) touches what it can reach from a row along such pairs, so rows that compete for
 * nothing cost next to nothing. */
#ifndef TRACK_ASSIGN_H
#define TRACK_ASSIGN_H

#include <stddef.h>
#include <stdint.h>

#include <fovea/status.h>

/* The best so many pairs of a row are looked at. */
enum { ASSIGN_PAIRS_A_ROW = 32 };

struct assign;

/* For up to so many rows and columns. Returns FOV_ENOMEM. */
fov_status assign_create(struct assign **assign, size_t rows, size_t columns, fov_error *error);
void assign_destroy(struct assign **assign); /* accepts NULL */

/* begin, then for each row: row, and its pairs; solve. Pairs that cost `limit` or more are left
 * out, a cost that is no number as well. Costs may be negative. */
void assign_begin(struct assign *a, size_t columns, double limit);
void assign_row(struct assign *a);
void assign_pair(struct assign *a, size_t column, double cost);
void assign_solve(struct assign *a);

/* The column that a row got, -1: none. */
int32_t assign_column(const struct assign *a, size_t row);

#endif
