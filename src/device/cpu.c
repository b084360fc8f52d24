/* Processor and memory, as this process may use them. */
#include "device/device.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/machine.h"
#include "base/text.h"

/* Enough for the first processor's entry: x86 takes 2 KB. */
enum { CPUINFO_SIZE = 16384 };

struct feature {
    const char *name, *gain; /* gain NULL: named in cpu_flags only */
};

static const struct feature x86_features[] = {
    {"fma", NULL},           {"avx2", "fp32"},           {"avx512f", NULL},
    {"avx_vnni", "int8"},    {"avx512_vnni", "int8"},    {"avx512_bf16", "bf16"},
    {"avx512_fp16", "fp16"}, {"amx_tile", "int8, bf16"}, {"amx_int8", "int8"},
    {"amx_bf16", "bf16"},
};

static const struct feature arm_features[] = {
    {"asimd", "fp32"}, {"asimdhp", "fp16"}, {"asimddp", "int8"},
    {"i8mm", "int8"},  {"bf16", "bf16"},    {"sve", "wider vectors"},
};

/* Names of ARM cores, which the system gives as numbers only. */
static const struct {
    unsigned implementer, part;
    const char *name;
} arm_cores[] = {
    {0x41, 0xd03, "Cortex-A53"},    {0x41, 0xd04, "Cortex-A35"},    {0x41, 0xd05, "Cortex-A55"},
    {0x41, 0xd07, "Cortex-A57"},    {0x41, 0xd08, "Cortex-A72"},    {0x41, 0xd09, "Cortex-A73"},
    {0x41, 0xd0a, "Cortex-A75"},    {0x41, 0xd0b, "Cortex-A76"},    {0x41, 0xd0c, "Neoverse N1"},
    {0x41, 0xd40, "Neoverse V1"},   {0x41, 0xd41, "Cortex-A78"},    {0x41, 0xd42, "Cortex-A78AE"},
    {0x41, 0xd49, "Neoverse N2"},   {0x41, 0xd4f, "Neoverse V2"},   {0x41, 0xd83, "Neoverse V3AE"},
    {0x4e, 0x003, "NVIDIA Denver"}, {0x4e, 0x004, "NVIDIA Carmel"}, {0xc0, 0xac3, "AmpereOne"},
};

/* Copies the value of the first `key : value` line, as printable ASCII. */
static void value_of(const char *text, const char *key, char *value, size_t size)
{
    size_t length = strlen(key);
    value[0] = '\0';
    for (const char *line = text; line && *line; line = strchr(line, '\n')) {
        line += *line == '\n';
        const char *rest = line + length;
        if (strncmp(line, key, length) != 0)
            continue;
        rest += strspn(rest, " \t");
        if (*rest++ != ':')
            continue; /* "model" is no "model name" */
        rest += strspn(rest, " \t");
        size_t taken = strcspn(rest, "\r\n");
        snprintf(value, size, "%.*s", (int)(taken < size ? taken : size - 1), rest);
        break;
    }
    for (char *p = value; *p; p++)
        *p = *p < ' ' || *p > '~' ? '?' : *p;
}

static bool has_flag(const char *flags, const char *name)
{
    size_t length = strlen(name);
    for (const char *p = flags; (p = strstr(p, name)); p += length)
        if ((p == flags || p[-1] == ' ') && (p[length] == ' ' || !p[length]))
            return true;
    return false;
}

static void add_feature(fov_device_info *info, const struct feature *row, bool usable, bool hidden)
{
    if (info->feature_count == FOV_CPU_FEATURES_MAX)
        return;
    fov_cpu_feature *f = &info->features[info->feature_count++];
    text_copy(f->name, sizeof f->name, row->name);
    text_copy(f->gain, sizeof f->gain, row->gain);
    f->usable = usable;
    if (usable)
        return;
    text_copy(f->reason, sizeof f->reason,
              hidden ? "the processor or the virtual machine does not offer it"
                     : "the processor does not have it");
    if (hidden)
        text_copy(f->mend, sizeof f->mend,
                  "if the host has it, give the machine the host's processor model (-cpu host)");
}

/* `flags`: all that the system names; what is of interest goes to info. */
static void find_features(const char *flags, bool arm, fov_device_info *info)
{
    const struct feature *rows = arm ? arm_features : x86_features;
    size_t count = arm ? sizeof arm_features / sizeof *arm_features
                       : sizeof x86_features / sizeof *x86_features;
    bool hidden = has_flag(flags, "hypervisor");
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        bool usable = has_flag(flags, rows[i].name);
        if (usable && used + strlen(rows[i].name) + 2 < sizeof info->cpu_flags)
            used += (size_t)snprintf(info->cpu_flags + used, sizeof info->cpu_flags - used, "%s%s",
                                     used ? " " : "", rows[i].name);
        if (rows[i].gain)
            add_feature(info, &rows[i], usable, hidden);
    }
}

/* ARM names its core by two numbers; older kernels add the chip as "Hardware". */
static void name_arm(const char *text, fov_device_info *info)
{
    char implementer[16], part[16];
    value_of(text, "CPU implementer", implementer, sizeof implementer);
    value_of(text, "CPU part", part, sizeof part);
    unsigned long by = strtoul(implementer, NULL, 16), number = strtoul(part, NULL, 16);
    for (size_t i = 0; i < sizeof arm_cores / sizeof *arm_cores; i++)
        if (arm_cores[i].implementer == by && arm_cores[i].part == number)
            text_copy(info->cpu, sizeof info->cpu, arm_cores[i].name);
    if (!info->cpu[0])
        value_of(text, "Hardware", info->cpu, sizeof info->cpu);
}

void device_find_processor(const char *root, fov_device_info *info)
{
    char *text = malloc(CPUINFO_SIZE), *flags = malloc(CPUINFO_SIZE);
    if (text && flags) {
        machine_read(root, "/proc/cpuinfo", text, CPUINFO_SIZE);
        value_of(text, "model name", info->cpu, sizeof info->cpu);
        value_of(text, "flags", flags, CPUINFO_SIZE);
        bool arm = !flags[0];
        if (arm)
            value_of(text, "Features", flags, CPUINFO_SIZE);
        if (arm && flags[0] && !info->cpu[0])
            name_arm(text, info);
        if (flags[0])
            find_features(flags, arm, info);
    }
    free(flags);
    free(text);
    if (!info->cpu[0])
        text_copy(info->cpu, sizeof info->cpu, "unknown processor");
    info->cores_total = machine_cores_total(root);
    info->cores = machine_cores(root);
    info->memory_total_mb = (long)(machine_memory_total(root) >> 20);
    info->memory_mb = (long)(machine_memory(root) >> 20);
}
