/* Points worth following; see corners.h. Gradients are summed over blocks of 4 x 4 px once, windows
 * of 16 x 16 px are 4 x 4 blocks around each corner of a block: a strength every 4 px is fine
 * enough for windows of that size. */
#include "track/corners.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { B = CORNERS_BLOCK, SPAN = 4, HALF = SPAN / 2, WINDOW_PIXELS = SPAN * SPAN * B * B };

/* Least strength, and least part of the picture's best: less is noise. */
#define LEAST 1.0f
#define LEAST_PART 0.0003f

bool corners_room_create(struct corners_room *room, int side)
{
    size_t blocks = (size_t)(side / B) * (size_t)(side / B);
    *room = (struct corners_room){.sums = malloc((3 * blocks + 1) * sizeof *room->sums),
                                  .strength = malloc((blocks + 1) * sizeof *room->strength),
                                  .blocked = malloc(blocks + 1)};
    return room->sums && room->strength && room->blocked;
}

void corners_room_release(struct corners_room *room)
{
    free(room->sums);
    free(room->strength);
    free(room->blocked);
    *room = (struct corners_room){0};
}

void corners_room_shape(struct corners_room *room, int width, int height)
{
    room->columns = width / B;
    room->rows = height / B;
    memset(room->blocked, 0, (size_t)room->columns * (size_t)room->rows);
}

/* ---- what is left out ------------------------------------------------------------------------ */

static int block_of(double px, int count)
{
    double block = floor(px / B);
    return block < 0 ? 0 : block > count - 1 ? count - 1 : (int)block;
}

void corners_block(struct corners_room *room, double x1, double y1, double x2, double y2)
{
    if (!(x1 < x2 && y1 < y2 && x2 > 0 && y2 > 0 && x1 < room->columns * B && y1 < room->rows * B))
        return;
    int first = block_of(x1, room->columns), last = block_of(x2, room->columns);
    for (int y = block_of(y1, room->rows); y <= block_of(y2, room->rows); y++)
        memset(room->blocked + y * room->columns + first, 1, (size_t)(last - first + 1));
}

bool corners_blocked(const struct corners_room *room, const float at[2])
{
    int x = block_of((double)at[0], room->columns), y = block_of((double)at[1], room->rows);
    return room->blocked[y * room->columns + x];
}

/* ---- strengths ------------------------------------------------------------------------------- */

/* Adds the products of one row's gradients to the sums of its blocks. */
static void add_row(const uint8_t *row, size_t stride, int blocks, int32_t *sums)
{
    for (int block = 0; block < blocks; block++, row += B, sums += 3)
        for (int i = 0; i < B; i++) {
            int gx = row[i + 1] - row[i - 1],
                gy = row[i + (ptrdiff_t)stride] - row[i - (ptrdiff_t)stride];
            sums[0] += gx * gx;
            sums[1] += gx * gy;
            sums[2] += gy * gy;
        }
}

static void sum_blocks(struct corners_room *room, const struct pyramid_level *picture)
{
    size_t numbers = 3 * (size_t)room->columns;
    memset(room->sums, 0, numbers * (size_t)room->rows * sizeof *room->sums);
    for (int y = 0; y < room->rows * B; y++)
        add_row(picture->pixels + (size_t)y * picture->stride, picture->stride, room->columns,
                room->sums + numbers * (size_t)(y / B));
}

/* Strength of the window around the top left corner of block (x, y). Gradients are over two px:
 * their products are four times as large. */
static float strength_at(const struct corners_room *room, int x, int y)
{
    int32_t sum[3] = {0, 0, 0};
    for (int j = -HALF; j < HALF; j++) {
        const int32_t *row = room->sums + 3 * ((y + j) * room->columns + x - HALF);
        for (int i = 0; i < SPAN; i++)
            for (int k = 0; k < 3; k++)
                sum[k] += row[3 * i + k];
    }
    float half = (float)(sum[0] - sum[2]) / 2, mean = (float)(sum[0] + sum[2]) / 2,
          xy = (float)sum[1];
    return (mean - sqrtf(half * half + xy * xy)) / (4 * WINDOW_PIXELS);
}

/* True when one of the blocks that meet in this corner is blocked. */
static bool corner_blocked(const struct corners_room *room, int x, int y)
{
    const uint8_t *below = room->blocked + y * room->columns + x, *above = below - room->columns;
    return below[0] || below[-1] || above[0] || above[-1];
}

/* Of all corners; the strongest. */
static float find_strengths(struct corners_room *room)
{
    float best = 0;
    memset(room->strength, 0, (size_t)room->columns * (size_t)room->rows * sizeof *room->strength);
    for (int y = HALF; y <= room->rows - HALF; y++)
        for (int x = HALF; x <= room->columns - HALF; x++) {
            if (corner_blocked(room, x, y))
                continue;
            float strength = strength_at(room, x, y);
            room->strength[y * room->columns + x] = strength;
            best = fmaxf(best, strength);
        }
    return best;
}

/* ---- the grid -------------------------------------------------------------------------------- */

/* Blocks a side of cells, so that there are at most `most` of them. */
static int cell_side(const struct corners_room *room, int most)
{
    int side = 1;
    while (((room->columns + side - 1) / side) * ((room->rows + side - 1) / side) > most)
        side++;
    return side;
}

static struct corner best_of_cell(const struct corners_room *room, int left, int top, int side)
{
    struct corner best = {{0, 0}, 0};
    for (int y = top; y < top + side && y < room->rows; y++)
        for (int x = left; x < left + side && x < room->columns; x++) {
            float strength = room->strength[y * room->columns + x];
            if (strength > best.strength)
                best = (struct corner){{(float)(x * B), (float)(y * B)}, strength};
        }
    return best;
}

int corners_find(struct corners_room *room, const struct pyramid_level *picture, struct corner *out,
                 int most)
{
    int count = 0;
    if (room->columns < SPAN || room->rows < SPAN)
        return 0;
    sum_blocks(room, picture);
    float least = fmaxf(LEAST, LEAST_PART * find_strengths(room));
    int side = cell_side(room, most);
    for (int y = 0; y < room->rows; y += side)
        for (int x = 0; x < room->columns; x += side) {
            struct corner best = best_of_cell(room, x, y, side);
            if (best.strength >= least)
                out[count++] = best;
        }
    return count;
}
