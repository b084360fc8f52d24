/* From a field of numbers on a coarse grid (logits of one object, margins of one class) to a mask
 * over the picture: inside where the field, interpolated bilinearly, is above 0. */
#ifndef INFER_MASK_H
#define INFER_MASK_H

#include <fovea/detect.h>

#include "infer/letterbox.h"

enum { MASK_POINTS = 256 }; /* of an outline */

/* A window of a grid whose cells cover the model's input evenly. values[x * height + y]: columns
 * one after the other, as the runs go; beyond the grid the outermost cells go on. */
struct mask_field {
    const float *values;
    int left, top, width, height;         /* of the window, in cells */
    float cells_per_px_x, cells_per_px_y; /* cells of the grid a model_px */
};

/* Memory for outlines of windows up to width × height cells. */
size_t mask_scratch(int width, int height);

/* The cells that decide about source pixels within a box (source px): a window clipped to a grid of
 * grid_width × grid_height cells. False when it is empty. */
bool mask_window(struct mask_field *field, const struct letterbox *box, const fov_detection *within,
                 int grid_width, int grid_height);

/* Adds the mask and its outline, cropped to `within`, to the details, as those of `detail`. What
 * has no room is left out whole, and details->cut is set. */
void mask_write(const struct mask_field *field, const struct letterbox *box,
                const fov_detection *within, fov_details *details, fov_detail *detail,
                void *scratch);

#endif
