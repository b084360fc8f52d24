/* The barcode of `pattern:barcode=1`, for programs that follow a frame through the product. */
#ifndef MEDIA_PATTERN_H
#define MEDIA_PATTERN_H

#include <fovea/frame.h>

/* 8 columns and 4 rows of blocks of 16×16 px at the top left corner, white is 1, first block the
 * highest bit: 24 bits of the frame's number, then a check byte: the three bytes and 0x5A, all
 * combined by exclusive or. */
#define PATTERN_BLOCK 16
#define PATTERN_COLUMNS 8
#define PATTERN_ROWS 4

/* Number in the picture (FOV_YUV, FOV_GRAY8, FOV_RGB24, FOV_BGR24); -1 when there is none. */
int64_t pattern_read_number(const fov_image *image);

/* Draws it into an FOV_YUV picture, unless that is too narrow. */
void pattern_draw_number(const fov_image *image, int64_t number);

#endif
