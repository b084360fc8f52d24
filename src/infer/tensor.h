/* Numbers of tensors in other types than float. */
#ifndef INFER_TENSOR_H
#define INFER_TENSOR_H

#include <fovea/tensor.h>

/* IEEE 754 binary16, rounded to nearest even; what is too large becomes infinite. */
uint16_t tensor_half(float value);

/* All numbers of `from` (any type but FOV_DTYPE_NONE, quantisation undone) as floats. */
void tensor_to_floats(const fov_tensor *from, float *to);

#endif
