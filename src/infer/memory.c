#include "infer/memory.h"

/* Weights are there once as they were read and once as they are computed with, at the least; the
 * file itself is mapped and costs nothing. */
enum { TIMES = 2, SLACK_MB = 32 };

fov_status memory_check(const char *name, int64_t file_bytes, int64_t available, fov_error *error)
{
    int64_t megabytes = file_bytes / (1 << 20) * TIMES + SLACK_MB;
    if (available <= 0 || megabytes <= available / (1 << 20))
        return FOV_OK;
    return fov_fail(error, FOV_ENOMEM,
                    "%s: not enough memory: a model of %lld MB needs %lld MB at the least, %lld MB "
                    "are free; close other programs, raise the limit, or take a smaller or INT8 "
                    "model",
                    name, (long long)(file_bytes / (1 << 20)), (long long)megabytes,
                    (long long)(available / (1 << 20)));
}
