#include <fovea/tensor.h>

static const struct {
    const char *name;
    size_t size;
} dtypes[] = {[FOV_DTYPE_NONE] = {"none", 0}, [FOV_U8] = {"u8", 1},     [FOV_I8] = {"i8", 1},
              [FOV_F16] = {"f16", 2},         [FOV_BF16] = {"bf16", 2}, [FOV_F32] = {"f32", 4},
              [FOV_I32] = {"i32", 4},         [FOV_I64] = {"i64", 8}};

static size_t row_of(fov_dtype dtype)
{
    return (unsigned)dtype < sizeof dtypes / sizeof *dtypes ? (size_t)dtype : 0;
}

size_t fov_dtype_size(fov_dtype dtype)
{
    return dtypes[row_of(dtype)].size;
}

const char *fov_dtype_name(fov_dtype dtype)
{
    return dtypes[row_of(dtype)].name;
}

size_t fov_tensor_count(const fov_tensor *tensor)
{
    int64_t count = 1;
    for (int i = 0; i < tensor->rank && i < FOV_TENSOR_RANK; i++) {
        if (tensor->shape[i] <= 0 || tensor->shape[i] > (INT64_C(1) << 31) / count)
            return 0;
        count *= tensor->shape[i];
    }
    return (size_t)count;
}
