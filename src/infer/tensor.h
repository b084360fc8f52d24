/* Numbers of tensors in other types than float. */
#ifndef INFER_TENSOR_H
#define INFER_TENSOR_H

#include <stdbool.h>
#include <fovea/tensor.h>

/* IEEE 754 binary16, rounded to nearest even; what is too large becomes infinite. */
uint16_t tensor_half(float value);

/* A number as the i-th element; whole types cut it and keep what they can hold. */
void tensor_put(const fov_tensor *tensor, size_t i, float value);

/* The same noise every time, finite in every type: [0, 1) in real ones, all bytes, 1 in wide whole
 * ones. For runs that must differ from one on zeros. */
void tensor_fill_noise(const fov_tensor *tensor);

/* All numbers of `from` (any type but FOV_DTYPE_NONE, quantisation undone) as floats. */
void tensor_to_floats(const fov_tensor *from, float *to);

/* Some dimension is open (-1). */
bool tensor_is_open(const fov_tensor *tensor);

/* A picture (four dimensions) whose height and width are both open (-1). */
bool tensor_has_open_size(const fov_tensor *tensor);

#endif
