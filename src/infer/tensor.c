#include "infer/tensor.h"

#include <stdbool.h>
#include <string.h>

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

uint16_t tensor_half(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    uint32_t sign = bits >> 16 & 0x8000, rest = bits & 0x7FFFFFFF;
    if (rest >= 0x7F800000) /* infinite, or no number */
        return (uint16_t)(sign | 0x7C00 | (rest > 0x7F800000 ? 0x200 : 0));
    if (rest >= 0x477FF000) /* rounds to more than 65504 */
        return (uint16_t)(sign | 0x7C00);
    if (rest < 0x38800000) { /* below 2^-14: the sum's last bits are the half's */
        float magnitude, half = 0.5f;
        uint32_t sum;
        memcpy(&magnitude, &rest, sizeof magnitude);
        magnitude += half;
        memcpy(&sum, &magnitude, sizeof sum);
        return (uint16_t)(sign | (sum - 0x3F000000));
    }
    return (uint16_t)(sign | (rest - 0x38000000 + 0xFFF + (rest >> 13 & 1)) >> 13);
}

static float half_to_float(uint16_t half)
{
    uint32_t sign = (uint32_t)(half & 0x8000) << 16, exponent = half >> 10 & 31, bits = half & 1023;
    uint32_t whole = sign | (exponent + 112) << 23 | bits << 13;
    float value;
    if (exponent == 31)
        whole = sign | 0x7F800000u | bits << 13;
    if (exponent == 0) /* zero and subnormals: bits * 2^-24 */
        return (sign ? -1.0f : 1.0f) * (float)bits / 16777216.0f;
    memcpy(&value, &whole, sizeof value);
    return value;
}

static float bfloat_to_float(uint16_t half)
{
    uint32_t whole = (uint32_t)half << 16;
    float value;
    memcpy(&value, &whole, sizeof value);
    return value;
}

static uint16_t bfloat(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return (uint16_t)((bits + 0x7FFF + (bits >> 16 & 1)) >> 16);
}

static float within(float value, float least, float most)
{
    return value < least ? least : value > most ? most : value;
}

void tensor_put(const fov_tensor *t, size_t i, float value)
{
    switch (t->dtype) {
    case FOV_U8:
        ((uint8_t *)t->data)[i] = (uint8_t)within(value, 0, 255);
        break;
    case FOV_I8:
        ((int8_t *)t->data)[i] = (int8_t)within(value, -128, 127);
        break;
    case FOV_F16:
        ((uint16_t *)t->data)[i] = tensor_half(value);
        break;
    case FOV_BF16:
        ((uint16_t *)t->data)[i] = bfloat(value);
        break;
    case FOV_F32:
        ((float *)t->data)[i] = value;
        break;
    case FOV_I32:
        ((int32_t *)t->data)[i] = (int32_t)value;
        break;
    case FOV_I64:
        ((int64_t *)t->data)[i] = (int64_t)value;
        break;
    default:
        break;
    }
}

void tensor_fill_noise(const fov_tensor *t)
{
    size_t count = fov_tensor_count(t);
    bool whole = t->dtype == FOV_I32 || t->dtype == FOV_I64;
    uint32_t random = 1;
    for (size_t i = 0; i < count; i++) {
        random = random * 1664525u + 1013904223u;
        if (t->dtype == FOV_U8 || t->dtype == FOV_I8)
            ((uint8_t *)t->data)[i] = (uint8_t)(random >> 24);
        else
            tensor_put(t, i, whole ? 1 : (float)(random >> 8) / 16777216.0f);
    }
}

void tensor_to_floats(const fov_tensor *from, float *to)
{
    size_t count = fov_tensor_count(from);
    float scale = from->scale > 0 ? from->scale : 1;
    float zero = from->scale > 0 ? (float)from->zero : 0;
    float table[256];
    switch (from->dtype) {
    case FOV_U8:
    case FOV_I8:
        for (int i = 0; i < 256; i++)
            table[i] = scale * ((float)(from->dtype == FOV_I8 ? (int8_t)i : i) - zero);
        for (size_t i = 0; i < count; i++)
            to[i] = table[((const uint8_t *)from->data)[i]];
        break;
    case FOV_F16:
        for (size_t i = 0; i < count; i++)
            to[i] = half_to_float(((const uint16_t *)from->data)[i]);
        break;
    case FOV_BF16:
        for (size_t i = 0; i < count; i++)
            to[i] = bfloat_to_float(((const uint16_t *)from->data)[i]);
        break;
    case FOV_I32:
        for (size_t i = 0; i < count; i++)
            to[i] = (float)((const int32_t *)from->data)[i];
        break;
    case FOV_I64:
        for (size_t i = 0; i < count; i++)
            to[i] = (float)((const int64_t *)from->data)[i];
        break;
    case FOV_F32:
        memcpy(to, from->data, count * sizeof *to);
        break;
    default:
        break;
    }
}

bool tensor_is_open(const fov_tensor *t)
{
    for (int d = 0; d < t->rank; d++)
        if (t->shape[d] < 0)
            return true;
    return false;
}

bool tensor_has_open_size(const fov_tensor *t)
{
    return t->rank == 4 && t->shape[2] < 0 && (t->shape[1] < 0 || t->shape[3] < 0);
}
