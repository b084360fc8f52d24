/* A smaller copy of a YUV picture for the model, by averaging blocks: what a scaled JPEG decode
 * would have given, without decoding twice. */
#ifndef FLOW_REDUCE_H
#define FLOW_REDUCE_H

#include <fovea/model.h>

/* The largest of 1, 2, 4, 8 by which a picture can be divided without getting smaller than its
 * place in the model's input. */
int reduce_denominator(const fov_model_info *model, int width, int height);

/* Bytes that reduce_image needs. */
size_t reduce_size(const fov_image *image, int denominator);

/* Fills `small` with a view of `image` (FOV_YUV) divided by the denominator; its planes lie in
 * `memory` or, where nothing needs dividing (chroma that was halved already), in `image`. */
void reduce_image(fov_image *small, const fov_image *image, int denominator, uint8_t *memory);

/* A part of a picture (FOV_YUV) that begins at even px; shares its pixels. */
fov_image image_part(const fov_image *image, int x, int y, int width, int height);

#endif
