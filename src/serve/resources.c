#include "serve/resources.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/dynlib.h"
#include "base/machine.h"
#include "base/text.h"

enum { GPUS_MAX = 16 };

static double percent_of(double part, double whole)
{
    double percent = whole > 0 ? 100 * part / whole : 0;
    return percent < 0 ? 0 : percent > 100 ? 100 : percent;
}

/* ---- processor and memory ----------------------------------------------------------------------
 */

/* Ticks of all cores since start: user nice system idle iowait irq softirq steal. */
static void read_ticks(const char *root, int64_t *busy, int64_t *all)
{
    char line[256];
    *busy = *all = 0;
    machine_read_line(root, "/proc/stat", line, sizeof line);
    int field = -1;
    for (char *save = NULL, *word = strtok_r(line, " ", &save); word && field < 8;
         word = strtok_r(NULL, " ", &save), field++) {
        long long ticks;
        if (field < 0 || !text_to_int(word, 0, INT64_MAX / 16, &ticks))
            continue;
        *all += ticks;
        if (field != 3 && field != 4)
            *busy += ticks;
    }
}

void resources_cpu(struct cpu_sample *sample, const char *root, int64_t now)
{
    struct cpu_sample next = {.at_ns = now, .group_us = machine_group_cpu_us(root)};
    int cores = machine_cores(root);
    read_ticks(root, &next.busy, &next.all);
    double passed_us = (double)(now - sample->at_ns) / 1e3;
    if (sample->at_ns == 0)
        next.percent = 0;
    else if (cores < machine_cores_total(root) && next.group_us && sample->group_us)
        next.percent = percent_of((double)(next.group_us - sample->group_us), passed_us * cores);
    else
        next.percent = percent_of((double)(next.busy - sample->busy),
                                  (double)(next.all - sample->all));
    *sample = next;
}

double resources_memory(const char *root)
{
    double all = (double)machine_memory(root), left = (double)machine_memory_free(root);
    return all > 0 && left > 0 ? percent_of(all - left, all) : 0;
}

/* ---- GPU ---------------------------------------------------------------------------------------
 */

/* The part of NVML's interface that is used. */
struct nvml_utilization {
    unsigned gpu, memory; /* percent of the last sampling period */
};
static int (*nvml_init)(void);
static int (*nvml_count)(unsigned *count);
static int (*nvml_handle)(unsigned index, void **device);
static int (*nvml_rates)(void *device, struct nvml_utilization *rates);

static bool nvml_open(void)
{
    static const char *const paths[] = {"libnvidia-ml.so.1", NULL};
    static const struct dynlib_symbol symbols[] = {
        {"nvmlInit_v2", (void **)&nvml_init, 0},
        {"nvmlDeviceGetCount_v2", (void **)&nvml_count, 0},
        {"nvmlDeviceGetHandleByIndex_v2", (void **)&nvml_handle, 0},
        {"nvmlDeviceGetUtilizationRates", (void **)&nvml_rates, 0},
        {0}};
    static int state; /* 0: not tried, 1: there, -1: not */
    if (state == 0)
        state = dynlib_open(paths, symbols, NULL, NULL) == FOV_OK && nvml_init() == 0 ? 1 : -1;
    return state > 0;
}

static bool nvml_percent(double *percent)
{
    unsigned count = 0;
    bool found = false;
    if (!nvml_open() || nvml_count(&count) != 0)
        return false;
    for (unsigned i = 0; i < count && i < GPUS_MAX; i++) {
        struct nvml_utilization rates = {0};
        void *device = NULL;
        if (nvml_handle(i, &device) != 0 || nvml_rates(device, &rates) != 0)
            continue;
        if (!found || rates.gpu > *percent)
            *percent = rates.gpu;
        found = true;
    }
    return found;
}

static bool sysfs_percent(const char *root, double *percent)
{
    bool found = false;
    for (int i = 0; i < GPUS_MAX; i++) {
        char path[64], line[16];
        long long busy;
        snprintf(path, sizeof path, "/sys/class/drm/card%d/device/gpu_busy_percent", i);
        if (!machine_read_line(root, path, line, sizeof line) || !text_to_int(line, 0, 100, &busy))
            continue;
        if (!found || (double)busy > *percent)
            *percent = (double)busy;
        found = true;
    }
    return found;
}

bool resources_gpu(const char *root, double *percent)
{
    double a = 0, b = 0;
    bool nvidia = !*root && nvml_percent(&a), other = sysfs_percent(root, &b);
    *percent = a > b ? a : b;
    return nvidia || other;
}
