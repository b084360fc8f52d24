/* The line around the largest part of a field's inside. */
#ifndef INFER_OUTLINE_H
#define INFER_OUTLINE_H

#include <fovea/detect.h>

/* Bytes that outline_trace needs for a field of this size. */
size_t outline_scratch(int width, int height);

/* Follows the line where a field (values[x * height + y], inside above 0, nothing inside beyond its
 * edges) crosses 0, around the part with the largest area, clockwise on the screen. Writes at most
 * `most` points in cells (cell i's centre is at i), simplified as little as that needs; where the
 * inside reaches the edge the line runs one cell outside of it. Returns how many. Bounded by the
 * field's size. Source: marching squares, followed from edge to edge. */
size_t outline_trace(const float *values, int width, int height, fov_point *points, size_t most,
                     void *scratch);

#endif
