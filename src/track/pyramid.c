/* A picture at several sizes; see pyramid.h. */
#include "track/pyramid.h"

#include <stdlib.h>
#include <string.h>

enum { AROUND = 2 * PYRAMID_BORDER };

bool pyramid_create(struct pyramid *p, int side)
{
    size_t bytes = 0;
    for (int i = 0; i < PYRAMID_LEVELS; i++) {
        size_t whole = (size_t)(side >> i) + AROUND;
        bytes += whole * whole;
    }
    *p = (struct pyramid){.memory = calloc(bytes, 1)};
    return p->memory != NULL;
}

void pyramid_release(struct pyramid *p)
{
    free(p->memory);
    *p = (struct pyramid){0};
}

void pyramid_shape(struct pyramid *p, int width, int height)
{
    uint8_t *free_from = p->memory;
    p->levels = 0;
    for (int i = 0; i < PYRAMID_LEVELS; i++, width /= 2, height /= 2) {
        if (width < PYRAMID_LEAST || height < PYRAMID_LEAST)
            return;
        struct pyramid_level *level = &p->level[i];
        *level = (struct pyramid_level){width, height, (size_t)width + AROUND, NULL};
        level->pixels = free_from + PYRAMID_BORDER * level->stride + PYRAMID_BORDER;
        free_from += level->stride * ((size_t)height + AROUND);
        p->levels++;
    }
}

/* ---- filling --------------------------------------------------------------------------------- */

static void half_row(const uint8_t *restrict a, const uint8_t *restrict b, uint8_t *restrict out,
                     int n)
{
    for (int x = 0; x < n; x++)
        out[x] = (uint8_t)((a[2 * x] + a[2 * x + 1] + b[2 * x] + b[2 * x + 1] + 2) >> 2);
}

static void halve(const struct pyramid_level *from, struct pyramid_level *to)
{
    for (int y = 0; y < to->height; y++) {
        const uint8_t *row = from->pixels + 2 * (size_t)y * from->stride;
        half_row(row, row + from->stride, to->pixels + (size_t)y * to->stride, to->width);
    }
}

static void add_border(struct pyramid_level *level)
{
    size_t stride = level->stride;
    uint8_t *first = level->pixels - PYRAMID_BORDER;
    uint8_t *last = first + (size_t)(level->height - 1) * stride;
    for (uint8_t *row = first; row <= last; row += stride) {
        uint8_t *end = row + PYRAMID_BORDER + level->width;
        memset(row, row[PYRAMID_BORDER], PYRAMID_BORDER);
        memset(end, end[-1], PYRAMID_BORDER);
    }
    for (size_t i = 1; i <= PYRAMID_BORDER; i++) {
        memcpy(first - i * stride, first, stride);
        memcpy(last + i * stride, last, stride);
    }
}

void pyramid_build(struct pyramid *p)
{
    for (int i = 0; i < p->levels; i++) {
        if (i > 0)
            halve(&p->level[i - 1], &p->level[i]);
        add_border(&p->level[i]);
    }
}
