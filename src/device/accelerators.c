/* Accelerators by bus ids and device nodes: found without any vendor's library. */
#include "device/device.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/machine.h"
#include "base/text.h"

/* Enough for large machines; folders with more entries are looked through up to here. */
enum { PCI_MAX = 512, USB_MAX = 128, NODES_MAX = 32, LISTED_MAX = 4096 };

/* ---- shared by the finders ------------------------------------------------------------------ */

fov_accelerator *device_add(fov_device_info *info, const char *kind, const char *vendor,
                            const char *name, const char *where)
{
    if (info->accelerator_count == FOV_ACCELERATORS_MAX)
        return NULL;
    fov_accelerator *a = &info->accelerators[info->accelerator_count++];
    text_copy(a->kind, sizeof a->kind, kind);
    text_copy(a->vendor, sizeof a->vendor, vendor);
    text_copy(a->name, sizeof a->name, name);
    text_copy(a->where, sizeof a->where, where);
    return a;
}

void device_block(fov_accelerator *accelerator, const char *reason, const char *mend)
{
    text_copy(accelerator->reason, sizeof accelerator->reason, reason);
    text_copy(accelerator->mend, sizeof accelerator->mend, mend);
}

void device_check_node(const char *root, const char *node, fov_accelerator *accelerator)
{
    char path[MACHINE_PATH], reason[160];
    if (!machine_path(root, node, path, sizeof path) ||
        faccessat(AT_FDCWD, path, R_OK | W_OK, AT_EACCESS) == 0)
        return;
    if (errno == EACCES || errno == EPERM) {
        snprintf(reason, sizeof reason, "this user may not open %s", node);
        device_block(accelerator, reason,
                     strncmp(node, "/dev/dri/", 9) == 0 || strncmp(node, "/dev/accel/", 11) == 0
                         ? "sudo usermod -aG render $USER, then log in again"
                         : "sudo usermod -aG plugdev $USER (or the group that `ls -l` shows), then "
                           "log in again");
        return;
    }
    snprintf(reason, sizeof reason, "there is no %s here", node);
    device_block(accelerator, reason,
                 "load its driver; in a container give it the device: --device");
}

static int by_name(const void *a, const void *b)
{
    return strverscmp(a, b); /* renderD128 before renderD1280, apex_2 before apex_10 */
}

int device_list(const char *root, const char *folder, char names[][DEVICE_NAME], int count)
{
    char path[MACHINE_PATH];
    DIR *dir = machine_path(root, folder, path, sizeof path) ? opendir(path) : NULL;
    int found = 0, seen = 0;
    for (struct dirent *e; dir && found < count && seen < LISTED_MAX && (e = readdir(dir)); seen++)
        if (e->d_name[0] != '.' && strlen(e->d_name) < DEVICE_NAME) {
            for (char *p = e->d_name; *p; p++)
                *p = *p < ' ' || *p > '~' ? '?' : *p;
            text_copy(names[found++], DEVICE_NAME, e->d_name);
        }
    if (dir)
        closedir(dir);
    qsort(names, (size_t)found, DEVICE_NAME, by_name);
    return found;
}

/* A number of sysfs, "0x8086" or "8086"; 0 when unreadable. */
static unsigned long id_in(const char *root, const char *folder, const char *name)
{
    char path[MACHINE_PATH], line[32];
    if (!machine_path(folder, name, path, sizeof path) ||
        !machine_read_line(root, path, line, sizeof line))
        return 0;
    return strtoul(line, NULL, 16);
}

/* Last part of the link `driver`, "" when no driver holds the device. */
static void driver_of(const char *root, const char *folder, char *driver, size_t size)
{
    char path[MACHINE_PATH], link[MACHINE_PATH], target[256];
    driver[0] = '\0';
    if (!machine_path(folder, "/driver", path, sizeof path) ||
        !machine_path(root, path, link, sizeof link))
        return;
    ssize_t length = readlink(link, target, sizeof target - 1);
    if (length <= 0)
        return;
    target[length] = '\0';
    char *slash = strrchr(target, '/');
    text_copy(driver, size, slash ? slash + 1 : target);
    for (char *p = driver; *p; p++)
        *p = *p < ' ' || *p > '~' ? '?' : *p;
}

/* ---- PCI ------------------------------------------------------------------------------------ */

enum { ANY = 0 };

/* What a row's devices need; NULL where the finder of the vendor says it. */
struct pci_row {
    unsigned long vendor, device;    /* device ANY: by class */
    unsigned long class, class_mask; /* of the 24-bit class code; mask 0: any */
    const char *kind, *maker, *name;
    const char *nodes;  /* folder below the device and in /dev: "drm" */
    const char *driver; /* without which nothing works */
    const char *never;  /* why no runtime of fovea uses it */
};

#define DISPLAY 0x030000, 0xff0000
#define NO_CLASS 0, 0

/* First match wins: single devices, then classes. */
static const struct pci_row pci_rows[] = {
    {0x8086, 0x7d1d, NO_CLASS, "npu", "intel", "Intel NPU (Meteor Lake)", "accel", "intel_vpu",
     NULL},
    {0x8086, 0xad1d, NO_CLASS, "npu", "intel", "Intel NPU (Arrow Lake)", "accel", "intel_vpu",
     NULL},
    {0x8086, 0x643e, NO_CLASS, "npu", "intel", "Intel NPU (Lunar Lake)", "accel", "intel_vpu",
     NULL},
    {0x8086, 0xb03e, NO_CLASS, "npu", "intel", "Intel NPU (Panther Lake)", "accel", "intel_vpu",
     NULL},
    {0x8086, ANY, 0x120000, 0xff0000, "npu", "intel", "Intel NPU", "accel", "intel_vpu", NULL},
    {0x8086, ANY, DISPLAY, "gpu", "intel", "Intel GPU", "drm", "i915 or xe", NULL},
    {0x1002, ANY, DISPLAY, "gpu", "amd", "AMD GPU", "drm", NULL,
     "fovea has no runtime for AMD GPUs"},
    {0x1ac1, 0x089a, NO_CLASS, "tpu", "google", "Google Coral PCIe", "apex", "gasket and apex",
     NULL},
    {0x1e60, 0x2864, NO_CLASS, "npu", "hailo", "Hailo-8", NULL, NULL,
     "fovea has no runtime for Hailo accelerators"},
    {0x1e60, ANY, NO_CLASS, "npu", "hailo", "Hailo accelerator", NULL, NULL,
     "fovea has no runtime for Hailo accelerators"},
    {0x1022, ANY, 0x118000, 0xffff00, "npu", "amd", "AMD NPU", "accel", NULL,
     "fovea has no runtime for AMD NPUs"},
};

static const struct pci_row *pci_row_of(unsigned long vendor, unsigned long device,
                                        unsigned long class)
{
    for (size_t i = 0; i < sizeof pci_rows / sizeof *pci_rows; i++) {
        const struct pci_row *r = &pci_rows[i];
        if (r->vendor == vendor && (r->device == ANY || r->device == device) &&
            (class & r->class_mask) == r->class)
            return r;
    }
    return NULL;
}

/* The node in /dev that the kernel made for the device: "/dev/dri/renderD128". */
static bool node_of(const char *root, const char *folder, const char *nodes, char *node,
                    size_t size)
{
    char path[MACHINE_PATH], names[NODES_MAX][DEVICE_NAME];
    if (!nodes || snprintf(path, sizeof path, "%s/%s", folder, nodes) >= (int)sizeof path)
        return false;
    int count = device_list(root, path, names, NODES_MAX);
    bool drm = strcmp(nodes, "drm") == 0, apex = strcmp(nodes, "apex") == 0;
    for (int i = 0; i < count; i++)
        if (!drm || strncmp(names[i], "renderD", 7) == 0) {
            snprintf(node, size, "/dev/%s%.63s", drm ? "dri/" : apex ? "" : "accel/", names[i]);
            return true;
        }
    return false;
}

static void describe_pci(const char *root, const char *folder, const struct pci_row *row,
                         fov_accelerator *a)
{
    char reason[160], mend[160], memory[32], path[MACHINE_PATH];
    long long bytes;
    driver_of(root, folder, a->driver, sizeof a->driver);
    if (machine_path(folder, "/mem_info_vram_total", path, sizeof path) &&
        machine_read_line(root, path, memory, sizeof memory) &&
        text_to_int(memory, 1, INT64_MAX, &bytes)) /* amdgpu only */
        a->memory_mb = (long)(bytes >> 20);
    if (row->never)
        device_block(a, row->never, "");
    else if (a->where[0] == '/')
        device_check_node(root, a->where, a);
    else {
        snprintf(reason, sizeof reason, "%s%s%s",
                 a->driver[0] ? "the driver " : "no driver is loaded", a->driver,
                 a->driver[0] ? " offers nothing to compute with" : "");
        snprintf(mend, sizeof mend, "it needs the kernel driver %s: a newer kernel or its package",
                 row->driver);
        device_block(a, reason, mend);
    }
}

static void find_pci(const char *root, fov_device_info *info)
{
    char(*names)[DEVICE_NAME] = malloc(PCI_MAX * sizeof *names);
    int count = names ? device_list(root, "/sys/bus/pci/devices", names, PCI_MAX) : 0;
    for (int i = 0; i < count; i++) {
        char folder[128], where[96], name[96];
        snprintf(folder, sizeof folder, "/sys/bus/pci/devices/%s", names[i]);
        unsigned long vendor = id_in(root, folder, "/vendor");
        unsigned long device = id_in(root, folder, "/device");
        const struct pci_row *row = pci_row_of(vendor, device, id_in(root, folder, "/class"));
        if (!row)
            continue;
        if (!node_of(root, folder, row->nodes, where, sizeof where))
            snprintf(where, sizeof where, "pci %s", names[i]);
        snprintf(name, sizeof name, row->device == ANY ? "%s (%04lx:%04lx)" : "%s", row->name,
                 vendor, device & 0xffff);
        fov_accelerator *a = device_add(info, row->kind, row->maker, name, where);
        if (a)
            describe_pci(root, folder, row, a);
    }
    free(names);
}

static bool is_known(const fov_device_info *info, const char *where)
{
    for (int i = 0; i < info->accelerator_count; i++)
        if (strcmp(info->accelerators[i].where, where) == 0)
            return true;
    return false;
}

/* Where /sys/bus/pci is hidden, the classes still show whose node it is. */
static void find_class(const char *root, fov_device_info *info, const char *class,
                       const char *prefix, const char *dev, const char *kind, const char *name)
{
    char names[NODES_MAX][DEVICE_NAME], folder[160], node[96];
    snprintf(folder, sizeof folder, "/sys/class/%s", class);
    int count = device_list(root, folder, names, NODES_MAX);
    for (int i = 0; i < count; i++) {
        if (strncmp(names[i], prefix, strlen(prefix)) != 0)
            continue;
        snprintf(folder, sizeof folder, "/sys/class/%s/%.63s/device", class, names[i]);
        snprintf(node, sizeof node, "%s/%.63s", dev, names[i]);
        if (id_in(root, folder, "/vendor") != 0x8086 || is_known(info, node))
            continue;
        fov_accelerator *a = device_add(info, kind, "intel", name, node);
        if (a) {
            driver_of(root, folder, a->driver, sizeof a->driver);
            device_check_node(root, node, a);
        }
    }
}

/* ---- Coral ---------------------------------------------------------------------------------- */

/* The stick shows the first id until its firmware is loaded at the first use, then the second. */
static bool is_coral_usb(unsigned long vendor, unsigned long product)
{
    return (vendor == 0x1a6e && product == 0x089a) || (vendor == 0x18d1 && product == 0x9302);
}

static void check_usb_node(const char *root, const char *folder, fov_accelerator *a)
{
    char path[MACHINE_PATH], line[16], node[64];
    long long bus, device;
    snprintf(path, sizeof path, "%s/busnum", folder);
    if (!machine_read_line(root, path, line, sizeof line) || !text_to_int(line, 1, 999, &bus))
        return;
    snprintf(path, sizeof path, "%s/devnum", folder);
    if (!machine_read_line(root, path, line, sizeof line) || !text_to_int(line, 1, 999, &device))
        return;
    snprintf(node, sizeof node, "/dev/bus/usb/%03lld/%03lld", bus, device);
    device_check_node(root, node, a);
}

static void find_coral_usb(const char *root, fov_device_info *info)
{
    char(*names)[DEVICE_NAME] = malloc(USB_MAX * sizeof *names);
    int count = names ? device_list(root, "/sys/bus/usb/devices", names, USB_MAX) : 0;
    for (int i = 0; i < count; i++) {
        char folder[128], where[64];
        snprintf(folder, sizeof folder, "/sys/bus/usb/devices/%s", names[i]);
        unsigned long vendor = id_in(root, folder, "/idVendor");
        unsigned long product = id_in(root, folder, "/idProduct");
        if (!is_coral_usb(vendor, product))
            continue;
        snprintf(where, sizeof where, "usb %04lx:%04lx", vendor, product);
        fov_accelerator *a = device_add(info, "tpu", "google", "Google Coral USB", where);
        if (a)
            check_usb_node(root, folder, a);
    }
    free(names);
}

/* Nodes of the driver alone: the Dev Board's TPU, and cards where /sys/bus/pci is hidden. */
static void find_coral_nodes(const char *root, fov_device_info *info)
{
    for (int i = 0; i < 4; i++) {
        char node[32], path[MACHINE_PATH];
        snprintf(node, sizeof node, "/dev/apex_%d", i);
        if (!machine_path(root, node, path, sizeof path) || access(path, F_OK) != 0 ||
            is_known(info, node))
            continue;
        fov_accelerator *a = device_add(info, "tpu", "google", "Google Coral", node);
        if (a)
            device_check_node(root, node, a);
    }
}

void device_find_accelerators(const char *root, fov_device_info *info)
{
    device_find_nvidia(root, info);
    find_pci(root, info);
    find_class(root, info, "drm", "renderD", "/dev/dri", "gpu", "Intel GPU");
    find_class(root, info, "accel", "accel", "/dev/accel", "npu", "Intel NPU");
    find_coral_usb(root, info);
    find_coral_nodes(root, info);
}
