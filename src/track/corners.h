/* Points worth following, spread over the picture: the best of each cell of a grid by the smaller
 * eigenvalue of its window's gradients (Shi, Tomasi 1994). */
#ifndef TRACK_CORNERS_H
#define TRACK_CORNERS_H

#include "track/pyramid.h"

enum { CORNERS_BLOCK = 4 }; /* px; points lie on corners of such blocks */

struct corner {
    float at[2];    /* continuous px of level 0 */
    float strength; /* the eigenvalue a pixel, (levels / px)^2 */
};

/* Room that corners_find works in, for pictures of up to side x side px. */
struct corners_room {
    int32_t *sums; /* of gradients' products: three a block, in rows */
    float *strength;
    uint8_t *blocked;  /* one a block: 1 where nothing is to be followed */
    int columns, rows; /* blocks of the picture */
};

bool corners_room_create(struct corners_room *room, int side);
void corners_room_release(struct corners_room *room);

/* Sets the size, and frees all blocks. */
void corners_room_shape(struct corners_room *room, int width, int height);

/* Blocks what a box touches; px, any numbers. */
void corners_block(struct corners_room *room, double x1, double y1, double x2, double y2);

/* True where a point may not be: the block around it is blocked. */
bool corners_blocked(const struct corners_room *room, const float at[2]);

/* Fills `out` with at most `most` points. Returns how many. */
int corners_find(struct corners_room *room, const struct pyramid_level *picture, struct corner *out,
                 int most);

#endif
