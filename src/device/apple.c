/* A Mac: asked of the system itself, as it has no /proc. Compiles to nothing elsewhere. */
#include "device/device.h"

#ifdef __APPLE__
#include <stdint.h>
#include <string.h>
#include <sys/sysctl.h>

#include "base/text.h"

static void text_of(const char *name, char *text, size_t size)
{
    size_t length = size;
    if (sysctlbyname(name, text, &length, NULL, 0) != 0)
        text[0] = '\0';
    text[size - 1] = '\0';
}

static int64_t number_of(const char *name)
{
    int64_t value = 0;
    size_t length = sizeof value;
    return sysctlbyname(name, &value, &length, NULL, 0) == 0 ? value : 0;
}

static void add_feature(fov_device_info *info, const char *key, const char *name, const char *gain)
{
    if (info->feature_count == FOV_CPU_FEATURES_MAX)
        return;
    fov_cpu_feature *f = &info->features[info->feature_count++];
    text_copy(f->name, sizeof f->name, name);
    text_copy(f->gain, sizeof f->gain, gain);
    f->usable = number_of(key) != 0;
    if (!f->usable)
        text_copy(f->reason, sizeof f->reason, "the processor does not have it");
}

void device_find_apple(fov_device_info *info)
{
    text_of("machdep.cpu.brand_string", info->cpu, sizeof info->cpu);
    text_of("hw.model", info->name, sizeof info->name);
    info->cores = info->cores_total = (int)number_of("hw.logicalcpu");
    info->memory_mb = info->memory_total_mb = (long)(number_of("hw.memsize") >> 20);
#ifdef __aarch64__
    text_copy(info->type, sizeof info->type, "apple_silicon");
    add_feature(info, "hw.optional.arm.FEAT_DotProd", "asimddp", "int8");
    add_feature(info, "hw.optional.arm.FEAT_I8MM", "i8mm", "int8");
    add_feature(info, "hw.optional.arm.FEAT_BF16", "bf16", "bf16");
    device_add(info, "gpu", "apple", "Apple GPU", "in the chip");
    device_add(info, "npu", "apple", "Apple Neural Engine", "in the chip");
#else
    add_feature(info, "hw.optional.avx2_0", "avx2", "fp32");
#endif
}

#else

void device_find_apple(fov_device_info *info)
{
    (void)info;
}

#endif
