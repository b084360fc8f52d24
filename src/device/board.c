/* Which board or machine this is. */
#include "device/device.h"

#include <stdio.h>
#include <string.h>

#include "base/machine.h"
#include "base/text.h"

/* By the chip in the device tree's `compatible` list, which names it on every carrier board and
 * however old the release is. */
static const struct {
    const char *chip, *model;
} jetsons[] = {
    {"nvidia,tegra210", "nano"}, {"nvidia,tegra186", "tx2"},  {"nvidia,tegra194", "xavier"},
    {"nvidia,tegra234", "orin"}, {"nvidia,tegra264", "thor"},
};

/* NVIDIA's releases: which JetPack a Linux for Tegra (L4T) belongs to. */
static const struct {
    long long l4t;
    const char *jetpack;
} jetpacks[] = {{32, "4"}, {34, "5"}, {35, "5"}, {36, "6"}, {38, "7"}};

/* The list of a device tree's `compatible`, its zero bytes as blanks. */
static void read_compatible(const char *root, char *list, size_t size)
{
    size_t length = machine_read(root, "/proc/device-tree/compatible", list, size);
    for (size_t i = 0; i < length; i++)
        list[i] = list[i] < ' ' || list[i] > '~' ? ' ' : list[i];
}

static const char *find_jetson(const char *root, const char *name)
{
    char compatible[1024];
    static const char *const named[] = {"Nano", "TX1", "TX2", "Xavier", "Orin", "Thor"};
    static const char *const models[] = {"nano", "nano", "tx2", "xavier", "orin", "thor"};
    read_compatible(root, compatible, sizeof compatible);
    for (size_t i = 0; i < sizeof jetsons / sizeof *jetsons; i++)
        if (strstr(compatible, jetsons[i].chip))
            return jetsons[i].model;
    if (!strstr(name, "Jetson"))
        return NULL;
    for (size_t i = sizeof named / sizeof *named; i-- > 0;) /* "Orin Nano" is an Orin */
        if (strstr(name, named[i]))
            return models[i];
    return "";
}

/* How many characters of `accept` stand in front, at most `most`. */
static int span(const char *text, const char *accept, size_t most)
{
    size_t length = strspn(text, accept);
    return (int)(length < most ? length : most);
}

/* "# R35 (release), REVISION: 4.1, GCID: ..." becomes "JetPack 5, L4T 35.4.1". */
static bool read_l4t(const char *root, char *text, size_t size)
{
    char line[256], revision[16] = "";
    long long release = 0;
    machine_read_line(root, "/etc/nv_tegra_release", line, sizeof line);
    const char *number = strstr(line, "# R");
    const char *detail = strstr(line, "REVISION: ");
    if (!number)
        return line[0] != '\0';
    char digits[8];
    snprintf(digits, sizeof digits, "%.*s", span(number + 3, "0123456789", 4), number + 3);
    if (!text_to_int(digits, 1, 999, &release))
        return true;
    if (detail)
        snprintf(revision, sizeof revision, ".%.*s", span(detail + 10, "0123456789.", 10),
                 detail + 10);
    const char *jetpack = NULL;
    for (size_t i = 0; i < sizeof jetpacks / sizeof *jetpacks; i++)
        if (jetpacks[i].l4t == release)
            jetpack = jetpacks[i].jetpack;
    snprintf(text, size, "%s%s%sL4T %lld%s", jetpack ? "JetPack " : "", jetpack ? jetpack : "",
             jetpack ? ", " : "", release, revision);
    return true;
}

/* The device tree's name, else the one that Raspberry Pi's kernels repeat in /proc/cpuinfo (seen in
 * containers too), else the firmware's. */
static void find_name(const char *root, char *name, size_t size)
{
    char text[16384], vendor[64], product[96];
    if (machine_read_line(root, "/proc/device-tree/model", name, size))
        return;
    machine_read(root, "/proc/cpuinfo", text, sizeof text);
    char *model = strstr(text, "Raspberry Pi");
    if (model) {
        model[strcspn(model, "\r\n")] = '\0';
        text_copy(name, size, model);
        return;
    }
    machine_read_line(root, "/sys/class/dmi/id/sys_vendor", vendor, sizeof vendor);
    if (machine_read_line(root, "/sys/class/dmi/id/product_name", product, sizeof product))
        snprintf(name, size, "%.40s%s%.80s", vendor, vendor[0] ? " " : "", product);
}

/* "Raspberry Pi 4 Model B Rev 1.4", "Raspberry Pi Compute Module 4", "Raspberry Pi Zero 2 W". */
static void model_of_pi(const char *name, char *model, size_t size)
{
    const char *rest = strstr(name, "Raspberry Pi") + strlen("Raspberry Pi");
    bool zero = strstr(rest, "Zero") != NULL;
    rest += strcspn(rest, "0123456789");
    snprintf(model, size, "%s%.*s", zero ? "zero " : "", *rest != '\0', rest);
}

void device_find_board(const char *root, fov_device_info *info)
{
    find_name(root, info->name, sizeof info->name);
    const char *jetson = find_jetson(root, info->name);
    bool l4t = read_l4t(root, info->software, sizeof info->software);
    const char *type = "cpu";
    if (jetson || l4t) {
        type = "jetson";
        text_copy(info->model, sizeof info->model, jetson ? jetson : "");
        if (!info->name[0])
            text_copy(info->name, sizeof info->name, "NVIDIA Jetson");
    } else if (strstr(info->name, "Phanbell") || strstr(info->name, "Coral")) {
        type = "coral"; /* the Dev Board calls itself by its maker's code name */
        text_copy(info->model, sizeof info->model,
                  strstr(info->name, "Mini") ? "dev board mini" : "dev board");
    } else if (strstr(info->name, "Raspberry Pi")) {
        type = "raspberry_pi";
        model_of_pi(info->name, info->model, sizeof info->model);
    } else if (strstr(info->name, "NUC"))
        type = "intel_nuc";
    text_copy(info->type, sizeof info->type, type);
}
