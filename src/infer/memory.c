#include "infer/memory.h"

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* Weights are there once as they were read and once as they are computed with, at the least; the
 * file itself is mapped and costs nothing. */
enum { TIMES = 2, SLACK_MB = 32 };

/* The first number of a file, or the one behind `key`; 0: none ("max" too). */
static int64_t number_in(const char *root, const char *folder, const char *file, const char *key)
{
    char path[PATH_MAX], line[256];
    long long value = 0;
    int n = snprintf(path, sizeof path, "%s%s/%s", root, folder, file);
    FILE *f = n > 0 && (size_t)n < sizeof path ? fopen(path, "re") : NULL;
    size_t length = strlen(key);
    while (f && !value && fgets(line, sizeof line, f))
        if (!strncmp(line, key, length) && sscanf(line + length, "%lld", &value) != 1)
            value = 0;
    if (f)
        fclose(f);
    return value > 0 ? value : 0;
}

static int64_t least(int64_t a, int64_t b)
{
    return a && b ? (a < b ? a : b) : a + b;
}

/* What one group leaves; pages of files that it could give up count as free. */
static int64_t left_in(const char *root, const char *folder, bool v2)
{
    int64_t limit = number_in(root, folder, v2 ? "memory.max" : "memory.limit_in_bytes", "");
    int64_t used = number_in(root, folder, v2 ? "memory.current" : "memory.usage_in_bytes", "");
    int64_t files = number_in(root, folder, "memory.stat",
                              v2 ? "inactive_file " : "total_inactive_file ");
    if (!limit || limit > INT64_MAX / 2) /* v1 writes "no limit" as a huge number */
        return 0;
    int64_t left = limit - used + files;
    return left > 0 ? left : 1;
}

/* From the process's own group up to the mount: each one's limit holds. */
static int64_t left_on_the_way(const char *root, const char *mount, const char *group, bool v2)
{
    char folder[PATH_MAX];
    int n = snprintf(folder, sizeof folder, "%s%s", mount, group);
    int64_t left = 0;
    if (n < 0 || (size_t)n >= sizeof folder || strstr(group, ".."))
        return left_in(root, mount, v2);
    while (strlen(folder) >= strlen(mount)) {
        left = least(left, left_in(root, folder, v2));
        char *slash = strrchr(folder, '/');
        if (!slash)
            break;
        *slash = '\0';
    }
    return left;
}

static int64_t left_in_groups(const char *root)
{
    char path[PATH_MAX], line[1024];
    int n = snprintf(path, sizeof path, "%s/proc/self/cgroup", root);
    FILE *f = n > 0 && (size_t)n < sizeof path ? fopen(path, "re") : NULL;
    int64_t left = 0;
    while (f && fgets(line, sizeof line, f)) {
        line[strcspn(line, "\n")] = '\0';
        char *v1 = strstr(line, ":memory:");
        if (!strncmp(line, "0::", 3))
            left = least(left, left_on_the_way(root, "/sys/fs/cgroup", line + 3, true));
        else if (v1)
            left = least(left, left_on_the_way(root, "/sys/fs/cgroup/memory", v1 + 8, false));
    }
    if (f)
        fclose(f);
    return left;
}

int64_t memory_available(const char *root)
{
    int64_t kilobytes = number_in(root, "/proc", "meminfo", "MemAvailable:");
    if (kilobytes)
        kilobytes += number_in(root, "/proc", "meminfo", "SwapFree:");
    return least(kilobytes * 1024, left_in_groups(root));
}

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
