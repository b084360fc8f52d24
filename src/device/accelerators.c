/* Accelerators by their device nodes and bus ids: found without any vendor library. */
#include "device/device.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"

static fov_accelerator *add(fov_device_info *info, const char *kind, const char *name,
                            const char *where)
{
    if (info->accelerator_count == FOV_ACCELERATORS_MAX)
        return NULL;
    fov_accelerator *a = &info->accelerators[info->accelerator_count++];
    text_copy(a->kind, sizeof a->kind, kind);
    text_copy(a->name, sizeof a->name, name);
    text_copy(a->where, sizeof a->where, where);
    return a;
}

static void set_reason(fov_accelerator *a, const char *reason)
{
    if (a)
        text_copy(a->reason, sizeof a->reason, reason);
}

/* Name from /proc/driver/nvidia/gpus/<bus>/information, "NVIDIA GPU" when the driver says nothing.
 */
static void nvidia_name(int index, char *name, size_t size)
{
    text_copy(name, size, "NVIDIA GPU");
    DIR *dir = opendir("/proc/driver/nvidia/gpus");
    int seen = 0;
    for (struct dirent *e; dir && (e = readdir(dir));) {
        char path[512], line[128];
        if (e->d_name[0] == '.' || seen++ != index)
            continue;
        snprintf(path, sizeof path, "/proc/driver/nvidia/gpus/%s/information", e->d_name);
        if (device_read_line(path, line, sizeof line) && strchr(line, ':')) {
            const char *value = strchr(line, ':') + 1;
            text_copy(name, size, value + strspn(value, " \t"));
        }
    }
    if (dir)
        closedir(dir);
}

static void find_nvidia(fov_device_info *info)
{
    for (int i = 0; i < 8; i++) {
        char node[32], name[96];
        snprintf(node, sizeof node, "/dev/nvidia%d", i);
        if (access(node, F_OK) != 0)
            continue;
        nvidia_name(i, name, sizeof name);
        set_reason(add(info, "gpu", name, node),
                   "this build has no CUDA or TensorRT runtime; the model runs on another device");
    }
}

static void find_intel(fov_device_info *info)
{
    char vendor[16], path[96];
    for (int i = 128; i < 132; i++) {
        snprintf(path, sizeof path, "/sys/class/drm/renderD%d/device/vendor", i);
        if (!device_read_line(path, vendor, sizeof vendor) || strcmp(vendor, "0x8086") != 0)
            continue;
        snprintf(path, sizeof path, "/dev/dri/renderD%d", i);
        set_reason(
            add(info, "gpu", "Intel GPU", path),
            "OpenVINO does not offer it: apt install intel-opencl-icd, and be in group render");
    }
    if (access("/dev/accel/accel0", F_OK) == 0)
        set_reason(add(info, "npu", "Intel NPU", "/dev/accel/accel0"),
                   "OpenVINO does not offer it: install the intel-npu-driver packages");
}

/* The Coral USB stick shows the first id until its firmware is loaded, then the second. */
static void find_coral_usb(fov_device_info *info)
{
    DIR *dir = opendir("/sys/bus/usb/devices");
    for (struct dirent *e; dir && (e = readdir(dir));) {
        char path[512], vendor[16], product[16], where[64];
        snprintf(path, sizeof path, "/sys/bus/usb/devices/%s/idVendor", e->d_name);
        device_read_line(path, vendor, sizeof vendor);
        snprintf(path, sizeof path, "/sys/bus/usb/devices/%s/idProduct", e->d_name);
        device_read_line(path, product, sizeof product);
        if ((strcmp(vendor, "1a6e") == 0 && strcmp(product, "089a") == 0) ||
            (strcmp(vendor, "18d1") == 0 && strcmp(product, "9302") == 0)) {
            snprintf(where, sizeof where, "usb %s:%s", vendor, product);
            set_reason(add(info, "tpu", "Google Coral USB", where),
                       "this build has no Edge TPU runtime; the model runs on another device");
        }
    }
    if (dir)
        closedir(dir);
}

static void find_coral_pci(fov_device_info *info)
{
    for (int i = 0; i < 4; i++) {
        char node[32];
        snprintf(node, sizeof node, "/dev/apex_%d", i);
        if (access(node, F_OK) == 0)
            set_reason(add(info, "tpu", "Google Coral PCIe", node),
                       "this build has no Edge TPU runtime; the model runs on another device");
    }
}

void device_find_accelerators(fov_device_info *info)
{
    find_nvidia(info);
    find_intel(info);
    find_coral_usb(info);
    find_coral_pci(info);
}
