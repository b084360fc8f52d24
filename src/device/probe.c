/* Puts machine, accelerators and runtimes together and says what a model is given to. */
#include "device/device.h"

#include <string.h>

#include "base/text.h"

static bool offers(const fov_backend_probe *probe, const char *prefix)
{
    for (int i = 0; i < probe->device_count; i++)
        if (strncmp(probe->devices[i], prefix, strlen(prefix)) == 0)
            return true;
    return false;
}

/* A runtime that names GPU or NPU makes the matching Intel accelerators usable. */
static void match_accelerators(fov_device_info *info, const fov_backend_probe *probe)
{
    for (int i = 0; i < info->accelerator_count; i++) {
        fov_accelerator *a = &info->accelerators[i];
        bool gpu = strcmp(a->kind, "gpu") == 0 && strstr(a->name, "Intel") && offers(probe, "GPU");
        bool npu = strcmp(a->kind, "npu") == 0 && offers(probe, "NPU");
        if (gpu || npu) {
            a->usable = true;
            a->reason[0] = '\0';
        }
    }
}

static void probe_runtimes(const char *runtime_dir, fov_device_info *info)
{
    const fov_backend *backend;
    for (size_t i = 0; (backend = fov_backend_at(i)); i++) {
        if (info->runtime_count == FOV_RUNTIMES_MAX || strcmp(backend->name, "fake") == 0)
            continue; /* the fake backend is a test tool, never something to recommend */
        int at = info->runtime_count++;
        text_copy(info->runtimes[at].name, sizeof info->runtimes[at].name, backend->name);
        backend->probe(runtime_dir, &info->runtimes[at].probe);
        if (!info->runtimes[at].probe.available)
            continue;
        match_accelerators(info, &info->runtimes[at].probe);
        bool is_here = backend->suffixes[0] == '.'; /* reads files; others reach other machines */
        if (is_here && !info->selected_runtime[0]) {
            text_copy(info->selected_runtime, sizeof info->selected_runtime, backend->name);
            text_copy(info->selected_device, sizeof info->selected_device, "CPU");
        }
    }
}

static void recommend(fov_device_info *info)
{
    const char *format = "onnx", *precision = "fp32";
    bool x86 = strstr(info->cpu_flags, "avx") != NULL;
    if (strcmp(info->type, "jetson") == 0) {
        format = "tensorrt";
        precision = "fp16";
    } else if (strcmp(info->type, "coral") == 0) {
        format = "edgetpu";
        precision = "int8";
    } else if (strcmp(info->type, "raspberry_pi") == 0) {
        format = "tflite";
        precision = "int8";
    } else if (strcmp(info->type, "apple_silicon") == 0) {
        format = "coreml";
        precision = "fp16";
    } else if (x86 || strcmp(info->selected_runtime, "openvino") == 0) {
        format = "openvino";
        precision = strstr(info->cpu_flags, "bf16")   ? "bf16"
                    : strstr(info->cpu_flags, "vnni") ? "int8"
                                                      : "fp32";
    }
    text_copy(info->recommended_format, sizeof info->recommended_format, format);
    text_copy(info->recommended_precision, sizeof info->recommended_precision, precision);
}

void fov_device_probe(const char *runtime_dir, fov_device_info *info)
{
    memset(info, 0, sizeof *info);
    device_find_machine(info);
    device_find_accelerators(info);
    if (strcmp(info->type, "cpu") == 0)
        for (int i = 0; i < info->accelerator_count; i++)
            if (strcmp(info->accelerators[i].kind, "gpu") == 0)
                text_copy(info->type, sizeof info->type, "gpu");
    probe_runtimes(runtime_dir, info);
    recommend(info);
}
