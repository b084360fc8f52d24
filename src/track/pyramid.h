/* A picture at several sizes, each half of the one before, for following points. Points are in
 * continuous px of level 0: pixel (i, j) covers [i, i + 1) x [j, j + 1), so that a point of level k
 * is the same point divided by 2^k. */
#ifndef TRACK_PYRAMID_H
#define TRACK_PYRAMID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    PYRAMID_LEVELS = 4,
    PYRAMID_BORDER = 32, /* px around a level that repeat its edge and may be read */
    PYRAMID_LEAST = 16   /* px of the shorter side of the smallest level */
};

struct pyramid_level {
    int width, height; /* px */
    size_t stride;
    uint8_t *pixels; /* the top left one, inside the border */
};

struct pyramid {
    int levels; /* 0: the picture is too small for any */
    struct pyramid_level level[PYRAMID_LEVELS];
    uint8_t *memory;
};

/* Room for pictures of up to side x side px. False: no memory. */
bool pyramid_create(struct pyramid *p, int side);
void pyramid_release(struct pyramid *p);

/* Cuts the room into levels for a picture of this size. */
void pyramid_shape(struct pyramid *p, int width, int height);

/* Makes the borders and the smaller levels from the pixels of level 0. */
void pyramid_build(struct pyramid *p);

#endif
