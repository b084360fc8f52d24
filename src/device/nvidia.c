/* NVIDIA's GPUs: cards, and those inside of a Jetson. */
#include "device/device.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/machine.h"
#include "base/text.h"

enum { GPUS_MAX = 16, PCI_MAX = 512 };

/* The version in "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  550.54.14  Release ...":
 * the first word of digits and dots alone. */
static void read_driver(const char *root, char *driver, size_t size)
{
    char line[256];
    driver[0] = '\0';
    machine_read_line(root, "/proc/driver/nvidia/version", line, sizeof line);
    for (char *save = NULL, *word = strtok_r(line, " \t", &save); word;
         word = strtok_r(NULL, " \t", &save))
        if (strchr(word, '.') && word[strspn(word, "0123456789.")] == '\0') {
            snprintf(driver, size, "nvidia %.30s", word);
            return;
        }
}

/* The value of `key: value` in the driver's file about one card. */
static bool value_of(const char *text, const char *key, char *value, size_t size)
{
    const char *line = strstr(text, key);
    value[0] = '\0';
    if (!line || !(line = strchr(line, ':')))
        return false;
    line += 1 + strspn(line + 1, " \t");
    snprintf(value, size, "%.*s",
             (int)(strcspn(line, "\r\n") < size ? strcspn(line, "\r\n") : size), line);
    for (char *p = value; *p; p++)
        *p = *p < ' ' || *p > '~' ? '?' : *p;
    return value[0] != '\0';
}

/* A card that the driver knows; the number of its node is in the file, as the order of the buses
 * need not be that of the nodes. */
static void add_card(const char *root, fov_device_info *info, const char *bus, const char *driver)
{
    char path[160], text[4096], name[96], minor[16], node[64];
    long long number;
    snprintf(path, sizeof path, "/proc/driver/nvidia/gpus/%.63s/information", bus);
    machine_read(root, path, text, sizeof text);
    if (!value_of(text, "Model", name, sizeof name))
        text_copy(name, sizeof name, "NVIDIA GPU");
    bool numbered = value_of(text, "Device Minor", minor, sizeof minor) &&
                    text_to_int(minor, 0, 255, &number);
    if (numbered)
        snprintf(node, sizeof node, "/dev/nvidia%lld", number);
    else
        snprintf(node, sizeof node, "pci %.50s", bus);
    fov_accelerator *a = device_add(info, "gpu", "nvidia", name, node);
    if (!a)
        return;
    text_copy(a->driver, sizeof a->driver, driver);
    if (!numbered)
        return;
    device_check_node(root, node, a);
    if (strncmp(a->reason, "there is no", 11) == 0)
        text_copy(a->mend, sizeof a->mend,
                  "in a container: docker run --gpus all (with nvidia-container-toolkit)");
}

static int add_cards(const char *root, fov_device_info *info)
{
    char names[GPUS_MAX][DEVICE_NAME], driver[48];
    int count = device_list(root, "/proc/driver/nvidia/gpus", names, GPUS_MAX);
    read_driver(root, driver, sizeof driver);
    for (int i = 0; i < count; i++)
        add_card(root, info, names[i], driver);
    return count;
}

/* A container may hold the nodes and not the driver's files. */
static int add_nodes(const char *root, fov_device_info *info)
{
    int count = 0;
    for (int i = 0; i < GPUS_MAX; i++) {
        char node[32], path[MACHINE_PATH];
        snprintf(node, sizeof node, "/dev/nvidia%d", i);
        if (!machine_path(root, node, path, sizeof path) || access(path, F_OK) != 0)
            continue;
        fov_accelerator *a = device_add(info, "gpu", "nvidia", "NVIDIA GPU", node);
        if (a)
            device_check_node(root, node, a);
        count++;
    }
    return count;
}

/* Cards on the bus that no driver of NVIDIA has taken. */
static void add_idle(const char *root, fov_device_info *info)
{
    char(*names)[DEVICE_NAME] = malloc(PCI_MAX * sizeof *names);
    int count = names ? device_list(root, "/sys/bus/pci/devices", names, PCI_MAX) : 0;
    for (int i = 0; i < count; i++) {
        char path[160], line[32], where[80];
        snprintf(path, sizeof path, "/sys/bus/pci/devices/%s/vendor", names[i]);
        if (!machine_read_line(root, path, line, sizeof line) || strcmp(line, "0x10de") != 0)
            continue;
        snprintf(path, sizeof path, "/sys/bus/pci/devices/%s/class", names[i]);
        if (!machine_read_line(root, path, line, sizeof line) || strncmp(line, "0x03", 4) != 0)
            continue; /* its sound device */
        snprintf(where, sizeof where, "pci %s", names[i]);
        fov_accelerator *a = device_add(info, "gpu", "nvidia", "NVIDIA GPU", where);
        if (a)
            device_block(a, "NVIDIA's driver is not loaded",
                         "Debian: apt install nvidia-driver; Ubuntu: ubuntu-drivers install; then "
                         "restart");
    }
    free(names);
}

/* A Jetson's GPU is part of its chip and has nodes of its own, which differ between releases. */
static void add_jetson(const char *root, fov_device_info *info)
{
    static const char *const nodes[] = {"/dev/nvgpu/igpu0/ctrl", "/dev/nvhost-ctrl-gpu",
                                        "/dev/nvhost-gpu"};
    char name[64], path[MACHINE_PATH];
    const char *node = NULL;
    for (size_t i = 0; i < sizeof nodes / sizeof *nodes && !node; i++)
        if (machine_path(root, nodes[i], path, sizeof path) && access(path, F_OK) == 0)
            node = nodes[i];
    snprintf(name, sizeof name, "NVIDIA Jetson GPU%s%s%s", info->model[0] ? " (" : "", info->model,
             info->model[0] ? ")" : "");
    fov_accelerator *a = device_add(info, "gpu", "nvidia", name, node ? node : "in the chip");
    if (!a)
        return;
    text_copy(a->driver, sizeof a->driver, "nvgpu");
    if (node)
        device_check_node(root, node, a);
    else
        device_block(a, "its nodes are not in /dev", "in a container: docker run --runtime nvidia");
    if (node && a->reason[0])
        text_copy(a->mend, sizeof a->mend, "sudo usermod -aG video $USER, then log in again");
}

void device_find_nvidia(const char *root, fov_device_info *info)
{
    int found = add_cards(root, info);
    if (!found)
        found = add_nodes(root, info);
    if (!found && strcmp(info->type, "jetson") == 0)
        add_jetson(root, info);
    else if (!found)
        add_idle(root, info);
}
