/* A tensor is a view of numbers: it owns nothing and is passed by value. */
#ifndef FOVEA_TENSOR_H
#define FOVEA_TENSOR_H

#include <stdint.h>
#include <fovea/status.h>

#ifdef __cplusplus
extern "C" {
#endif

#define FOV_TENSOR_RANK 8

typedef enum fov_dtype {
    FOV_DTYPE_NONE,
    FOV_U8,
    FOV_I8,
    FOV_F16,
    FOV_BF16,
    FOV_F32,
    FOV_I32,
    FOV_I64
} fov_dtype;

typedef struct fov_tensor {
    void *data; /* dense, row-major; NULL in a description */
    fov_dtype dtype;
    int rank;                       /* 0..FOV_TENSOR_RANK */
    int64_t shape[FOV_TENSOR_RANK]; /* -1: dynamic, in a description only */
    float scale; /* quantised types: real = scale * (value - zero); 0 means not quantised */
    int32_t zero;
    char name[64];
} fov_tensor;

/* Bytes of one element, 0 for FOV_DTYPE_NONE. Thread-safety: safe. Blocks: no. */
FOV_API size_t fov_dtype_size(fov_dtype dtype);

/* Name of a type as in the documents ("f32"). Never NULL. Thread-safety: safe. Blocks: no. */
FOV_API const char *fov_dtype_name(fov_dtype dtype);

/* Number of elements; 0 when a dimension is 0, negative, or the product exceeds 2^31.
 * Thread-safety: safe. Blocks: no. */
FOV_API size_t fov_tensor_count(const fov_tensor *tensor);

#ifdef __cplusplus
}
#endif
#endif
