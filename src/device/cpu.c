/* Processor, memory and board, as this process may use them. */
#include "device/device.h"

#include <ctype.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"

size_t device_read_line(const char *path, char *line, size_t size)
{
    line[0] = '\0';
    FILE *f = fopen(path, "re");
    if (!f)
        return 0;
    size_t length = fread(line, 1, size - 1, f);
    fclose(f);
    line[length] = '\0';
    line[strcspn(line, "\n")] = '\0';
    return strlen(line);
}

/* Copies the value of the first `key : value` line of /proc/cpuinfo. */
static void cpuinfo_value(const char *key, char *value, size_t size)
{
    char line[4096];
    FILE *f = fopen("/proc/cpuinfo", "re");
    value[0] = '\0';
    while (f && fgets(line, sizeof line, f)) {
        char *colon = strchr(line, ':');
        if (!colon || strncmp(line, key, strlen(key)) != 0)
            continue;
        line[strcspn(line, "\n")] = '\0';
        text_copy(value, size, colon + 1 + strspn(colon + 1, " \t"));
        break;
    }
    if (f)
        fclose(f);
}

static void find_flags(fov_device_info *info)
{
    static const char *const wanted[] = {"avx2",        "fma",      "avx512f", "avx512_vnni",
                                         "avx512_bf16", "amx_bf16", "asimd",   "asimddp"};
    char all[4096];
    cpuinfo_value("flags", all, sizeof all);
    if (!all[0])
        cpuinfo_value("Features", all, sizeof all);
    size_t used = 0;
    for (char *save = NULL, *flag = strtok_r(all, " ", &save); flag;
         flag = strtok_r(NULL, " ", &save))
        for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
            if (strcmp(flag, wanted[i]) == 0 && used + strlen(flag) + 2 < sizeof info->cpu_flags)
                used += (size_t)snprintf(info->cpu_flags + used, sizeof info->cpu_flags - used,
                                         "%s%s", used ? " " : "", flag);
}

/* Cores by cgroup v2 quota, 0 when there is none. */
static int cgroup_cores(void)
{
    char line[64];
    long long quota, period;
    if (!device_read_line("/sys/fs/cgroup/cpu.max", line, sizeof line) ||
        sscanf(line, "%lld %lld", &quota, &period) != 2 || quota <= 0 || period <= 0)
        return 0;
    return (int)((quota + period - 1) / period);
}

static void find_cores(fov_device_info *info)
{
    cpu_set_t set;
    info->cores_total = (int)sysconf(_SC_NPROCESSORS_ONLN);
    info->cores = info->cores_total;
    if (sched_getaffinity(0, sizeof set, &set) == 0)
        info->cores = CPU_COUNT(&set);
    int limit = cgroup_cores();
    if (limit > 0 && limit < info->cores)
        info->cores = limit;
}

static void find_memory(fov_device_info *info)
{
    char line[64];
    long long bytes;
    long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    info->memory_mb = pages > 0 ? (long)((long long)pages * page >> 20) : 0;
    if (device_read_line("/sys/fs/cgroup/memory.max", line, sizeof line) &&
        text_to_int(line, 1, INT64_MAX, &bytes) && (long)(bytes >> 20) < info->memory_mb)
        info->memory_mb = (long)(bytes >> 20);
}

static void find_board(fov_device_info *info)
{
    char vendor[64], product[96];
    if (device_read_line("/proc/device-tree/model", info->name, sizeof info->name))
        return;
    device_read_line("/sys/class/dmi/id/sys_vendor", vendor, sizeof vendor);
    if (device_read_line("/sys/class/dmi/id/product_name", product, sizeof product))
        snprintf(info->name, sizeof info->name, "%.40s%s%.80s", vendor, vendor[0] ? " " : "",
                 product);
}

static void find_type(fov_device_info *info)
{
    const char *type = "cpu";
    if (strstr(info->name, "Jetson") || access("/etc/nv_tegra_release", F_OK) == 0)
        type = "jetson";
    else if (strstr(info->name, "Coral"))
        type = "coral";
    else if (strstr(info->name, "Raspberry Pi"))
        type = "raspberry_pi";
    else if (strstr(info->name, "NUC"))
        type = "intel_nuc";
#if defined(__APPLE__) && defined(__aarch64__)
    type = "apple_silicon";
#endif
    text_copy(info->type, sizeof info->type, type);
}

void device_find_machine(fov_device_info *info)
{
    cpuinfo_value("model name", info->cpu, sizeof info->cpu);
    if (!info->cpu[0])
        cpuinfo_value("Hardware", info->cpu, sizeof info->cpu);
    if (!info->cpu[0])
        text_copy(info->cpu, sizeof info->cpu, "unknown processor");
    find_flags(info);
    find_cores(info);
    find_memory(info);
    find_board(info);
    if (!info->name[0])
        text_copy(info->name, sizeof info->name, info->cpu);
    find_type(info);
}
