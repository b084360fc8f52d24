/* How much memory of graphics cards is taken: by NVIDIA's management library, or by what AMD's
 * driver says in sysfs. */
#include <pthread.h>
#include <stdio.h>

#include "base/dynlib.h"
#include "base/machine.h"
#include "base/text.h"
#include "device/device.h"

enum { CARDS_MAX = 16 };

/* The part of NVML's interface that is used. */
struct nvml_memory {
    unsigned long long total, free, used; /* bytes */
};
static int (*nvml_init)(void);
static int (*nvml_count)(unsigned *count);
static int (*nvml_handle)(unsigned index, void **device);
static int (*nvml_memory)(void *device, struct nvml_memory *memory);
static bool nvml_there;

static void nvml_open(void)
{
    static const char *const paths[] = {"libnvidia-ml.so.1", NULL};
    static const struct dynlib_symbol symbols[] = {
        {"nvmlInit_v2", (void **)&nvml_init, 0},
        {"nvmlDeviceGetCount_v2", (void **)&nvml_count, 0},
        {"nvmlDeviceGetHandleByIndex_v2", (void **)&nvml_handle, 0},
        {"nvmlDeviceGetMemoryInfo", (void **)&nvml_memory, 0},
        {0}};
    nvml_there = dynlib_open(paths, symbols, NULL, NULL) == FOV_OK && nvml_init() == 0;
}

static bool nvml_bytes(double *bytes)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    unsigned count = 0;
    bool found = false;
    pthread_once(&once, nvml_open);
    if (!nvml_there || nvml_count(&count) != 0)
        return false;
    for (unsigned i = 0; i < count && i < CARDS_MAX; i++) {
        struct nvml_memory memory = {0};
        void *device = NULL;
        if (nvml_handle(i, &device) != 0 || nvml_memory(device, &memory) != 0)
            continue;
        if (!found || (double)memory.used > *bytes)
            *bytes = (double)memory.used;
        found = true;
    }
    return found;
}

static bool sysfs_bytes(const char *root, double *bytes)
{
    bool found = false;
    for (int i = 0; i < CARDS_MAX; i++) {
        char path[64], line[32];
        long long used;
        snprintf(path, sizeof path, "/sys/class/drm/card%d/device/mem_info_vram_used", i);
        if (!machine_read_line(root, path, line, sizeof line) ||
            !text_to_int(line, 0, 1LL << 60, &used))
            continue;
        if (!found || (double)used > *bytes)
            *bytes = (double)used;
        found = true;
    }
    return found;
}

bool device_gpu_memory(const char *root, double *mb)
{
    double a = 0, b = 0;
    bool nvidia = !*root && nvml_bytes(&a), other = sysfs_bytes(root, &b);
    *mb = (a > b ? a : b) / (1 << 20);
    return nvidia || other;
}
