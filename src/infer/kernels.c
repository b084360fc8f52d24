#include "infer/kernels.h"

static bool has_avx2(void)
{
#if defined(__x86_64__)
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
           __builtin_cpu_supports("bmi2");
#else
    return false;
#endif
}

const struct infer_kernels *infer_kernels_at(size_t i)
{
    if (i == 0)
        return &kernels_c;
#if defined(__x86_64__)
    if (i == 1 && has_avx2())
        return &kernels_avx2;
#elif defined(__aarch64__)
    if (i == 1)
        return &kernels_neon;
#endif
    (void)has_avx2;
    return NULL;
}

const struct infer_kernels *infer_kernels(void)
{
    const struct infer_kernels *best = infer_kernels_at(1);
    return best ? best : &kernels_c;
}
