/* Tensors as NumPy reads them. */
#ifndef APPS_NPY_H
#define APPS_NPY_H

#include <stdbool.h>
#include <fovea/tensor.h>

/* Writes u8, i8 and f32 tensors. Returns FOV_EUNSUPPORTED for other types, FOV_EIO.
 * The format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html, version 1. */
fov_status npy_write(const char *path, const fov_tensor *tensor, fov_error *error);

#endif
