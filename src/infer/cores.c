#include "infer/cores.h"

#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Rounded-up quota / period of one file pair, 0 when there is no limit. */
static int quota_v2(const char *path)
{
    char text[64] = "";
    FILE *file = fopen(path, "re");
    if (!file)
        return 0;
    double quota, period;
    int cores = 0;
    if (fgets(text, sizeof text, file) && sscanf(text, "%lf %lf", &quota, &period) == 2 &&
        period > 0 && quota > 0 && quota < 1e12)
        cores = (int)((quota + period - 1) / period);
    fclose(file);
    return cores;
}

static double number_in(const char *path)
{
    double value = 0;
    FILE *file = fopen(path, "re");
    if (!file)
        return 0;
    if (fscanf(file, "%lf", &value) != 1)
        value = 0;
    fclose(file);
    return value;
}

static int quota_v1(void)
{
    double quota = number_in("/sys/fs/cgroup/cpu/cpu.cfs_quota_us");
    double period = number_in("/sys/fs/cgroup/cpu/cpu.cfs_period_us");
    return quota > 0 && period > 0 ? (int)((quota + period - 1) / period) : 0;
}

/* The process's own cgroup (v2), then the root of its namespace as containers see it. */
static int quota(void)
{
    char line[512], path[600];
    FILE *file = fopen("/proc/self/cgroup", "re");
    int cores = 0;
    while (file && !cores && fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = '\0';
        if (!strncmp(line, "0::", 3)) {
            snprintf(path, sizeof path, "/sys/fs/cgroup%s/cpu.max", line + 3);
            cores = quota_v2(path);
        }
    }
    if (file)
        fclose(file);
    if (!cores)
        cores = quota_v2("/sys/fs/cgroup/cpu.max");
    return cores ? cores : quota_v1();
}

int cores_available(void)
{
    cpu_set_t set;
    long cores = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set)
                                                             : sysconf(_SC_NPROCESSORS_ONLN);
    int limit = quota();
    if (limit > 0 && limit < cores)
        cores = limit;
    return cores > 0 ? (int)cores : 1;
}
