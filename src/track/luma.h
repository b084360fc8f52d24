/* A picture's brightness, small: what the camera's motion is read from. */
#ifndef TRACK_LUMA_H
#define TRACK_LUMA_H

#include <stddef.h>
#include <stdint.h>

#include <fovea/frame.h>

enum { LUMA_SIDE_MAX = 16384 }; /* px */

/* The whole number, 1 and more, by which a picture is to be reduced so that its longer side comes
 * nearest to `side` px. */
int luma_factor(int width, int height, int side);

/* Means of factor x factor px, rounded to the nearest level; rows and columns that fill no such
 * square are left out. Colours weigh 77, 150 and 29 of 256. `sums` is room for 3 * width numbers,
 * `out` for (width / factor) x (height / factor) px in rows of `stride`. */
void luma_reduce(const fov_image *image, int factor, uint16_t *sums, uint8_t *out, size_t stride);

#endif
