/* What suits a machine: a function of the facts alone, by two tables. */
#include "device/device.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

/* ---- machines with an accelerator ------------------------------------------------------------ */

/* First match wins. A board that is built around its accelerator, or one that somebody plugged in
 * for this, is worth its runtime; other accelerators count only when they can be used now. */
struct rule {
    const char *type, *model;  /* of the machine; NULL: any that has the accelerator */
    const char *vendor, *kind; /* of the accelerator that does the work; NULL: the processor does */
    bool only_usable;
    const char *runtime, *device, *format, *precision;
    int input_size, threads; /* threads 0: the cores */
    const char *because;
};

static const struct rule rules[] = {
    {"coral", NULL, "google", "tpu", false, "litert", "EDGETPU", "edgetpu", "int8", 320, 1,
     "its Edge TPU runs INT8 models that were compiled for it, and its processor is too slow to "
     "help"},
    {"jetson", "nano", "nvidia", "gpu", false, "onnxruntime", "TENSORRT", "tensorrt", "fp16", 416,
     2,
     "this GPU doubles its speed in FP16 and has no INT8 units, and processor and GPU share little "
     "memory"},
    {"jetson", "tx2", "nvidia", "gpu", false, "onnxruntime", "TENSORRT", "tensorrt", "fp16", 416, 2,
     "this GPU doubles its speed in FP16 and has no INT8 units"},
    {"jetson", NULL, "nvidia", "gpu", false, "onnxruntime", "TENSORRT", "tensorrt", "fp16", 640, 2,
     "a TensorRT engine in FP16 uses the GPU best without calibration; INT8 is the next step"},
    {"apple_silicon", NULL, "apple", "npu", false, "onnxruntime", "COREML", "coreml", "fp16", 640,
     2, "Core ML spreads an FP16 model over the Neural Engine and the GPU"},
    {NULL, NULL, "google", "tpu", false, "litert", "EDGETPU", "edgetpu", "int8", 320, 1,
     "the Edge TPU runs INT8 models that were compiled for it, and keeps 8 MB of weights inside"},
    {NULL, NULL, "nvidia", "gpu", true, "onnxruntime", "CUDA", "onnx", "fp16", 640, 2,
     "the GPU is far ahead of the processor, and FP16 needs no calibration"},
    {NULL, NULL, "intel", "gpu", true, "openvino", "GPU", "openvino", "fp16", 640, 2,
     "the GPU answers soonest in FP16 and leaves the processor to the pictures"},
    {NULL, NULL, "intel", "npu", true, "openvino", "NPU", "openvino", "fp16", 640, 2,
     "the NPU draws little power and leaves the processor to the pictures"},
    {"raspberry_pi", "5", NULL, NULL, false, "litert", "CPU", "tflite", "int8", 320, 0,
     "four cores with INT8 instructions keep up with a camera at a small input"},
    {"raspberry_pi", NULL, NULL, NULL, false, "litert", "CPU", "tflite", "int8", 256, 0,
     "four slow cores keep up with a camera only in INT8 and at a small input"},
};

/* ---- processors ------------------------------------------------------------------------------ */

/* By the best instruction set; the first that the processor has. Sizes for up to three cores, and
 * for more. */
static const struct {
    const char *feature, *precision;
    int few, many;
    const char *because;
} processors[] = {
    {"amx_int8", "int8", 640, 640, "its AMX tiles run INT8 fastest"},
    {"avx512_vnni", "int8", 640, 640, "its AVX512-VNNI runs INT8 fastest"},
    {"avx_vnni", "int8", 416, 640, "its AVX-VNNI runs INT8 fastest"},
    {"i8mm", "int8", 416, 640, "its INT8 matrix instructions are fastest"},
    {"amx_bf16", "bf16", 640, 640, "its AMX tiles run BF16 fastest"},
    {"avx512_bf16", "bf16", 640, 640, "its AVX512-BF16 halves the work of FP32"},
    {"asimddp", "int8", 320, 416, "its INT8 dot products are fastest"},
    {"avx512f", "fp32", 416, 640, "it has no instructions that gain from smaller numbers"},
    {"avx2", "fp32", 320, 416, "it has no instructions that gain from smaller numbers"},
    {"", "fp32", 320, 320, "it has no wide vectors, so that a small input is what helps"},
};

enum { SMALL_MEMORY_MB = 1024, SMALL_INPUT = 320, FEW_CORES = 3 };

static bool has_feature(const fov_device_info *info, const char *name)
{
    char list[sizeof info->cpu_flags + 2], word[24];
    snprintf(list, sizeof list, " %s ", info->cpu_flags);
    snprintf(word, sizeof word, " %s ", name);
    return !*name || strstr(list, word);
}

/* ---- the sentence ---------------------------------------------------------------------------- */

static void say(fov_device_info *info, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void say(fov_device_info *info, const char *format, ...)
{
    char part[400], whole[sizeof info->why + sizeof part];
    va_list list;
    va_start(list, format);
    vsnprintf(part, sizeof part, format, list);
    va_end(list);
    snprintf(whole, sizeof whole, "%s%s", info->why, part);
    text_copy(info->why, sizeof info->why, whole);
}

static void set(fov_device_info *info, const char *runtime, const char *device, const char *format,
                const char *precision)
{
    text_copy(info->recommended_runtime, sizeof info->recommended_runtime, runtime);
    text_copy(info->recommended_device, sizeof info->recommended_device, device);
    text_copy(info->recommended_format, sizeof info->recommended_format, format);
    text_copy(info->recommended_precision, sizeof info->recommended_precision, precision);
}

/* ---- choosing -------------------------------------------------------------------------------- */

/* The first accelerator of a sort, one that can be used before others. */
static const fov_accelerator *find(const fov_device_info *info, const char *vendor,
                                   const char *kind)
{
    const fov_accelerator *first = NULL;
    for (int i = 0; i < info->accelerator_count; i++) {
        const fov_accelerator *a = &info->accelerators[i];
        if (strcmp(a->vendor, vendor) != 0 || strcmp(a->kind, kind) != 0)
            continue;
        if (a->usable)
            return a;
        first = first ? first : a;
    }
    return first;
}

static bool applies(const struct rule *rule, const fov_device_info *info)
{
    if ((rule->type && strcmp(rule->type, info->type) != 0) ||
        (rule->model && strcmp(rule->model, info->model) != 0))
        return false;
    if (rule->type)
        return true;
    const fov_accelerator *a = find(info, rule->vendor, rule->kind);
    return a && (a->usable || !rule->only_usable);
}

/* The first of the runtimes that is here, else the first. */
static const char *first_here(const fov_device_info *info, const char *const *runtimes)
{
    for (const char *const *name = runtimes; *name; name++)
        if (device_runtime(info, *name))
            return *name;
    return runtimes[0];
}

static const char *format_of(const char *runtime, const char *wanted)
{
    if (strcmp(runtime, "onnxruntime") == 0)
        return "onnx";
    return wanted ? wanted : strcmp(runtime, "litert") == 0 ? "tflite" : "openvino";
}

static void follow(const struct rule *rule, fov_device_info *info)
{
    static const char *const small_boards[] = {"litert", "openvino", "onnxruntime", NULL};
    const fov_accelerator *a = rule->vendor ? find(info, rule->vendor, rule->kind) : NULL;
    const char *device = a && a->usable ? a->device : rule->device, *format = rule->format;
    const char *runtime = rule->runtime;
    if (strcmp(rule->device, "CPU") == 0) { /* OpenVINO reads TensorFlow Lite's files too */
        runtime = first_here(info, small_boards);
        format = format_of(runtime, rule->format);
        device = "CPU";
    } else if (a && a->usable && strcmp(a->vendor, "nvidia") == 0)
        format = strncmp(device, "TENSORRT", 8) == 0 ? "tensorrt" : "onnx";
    set(info, runtime, device, format, rule->precision);
    info->recommended_input_size = rule->input_size;
    info->recommended_threads = rule->threads && rule->threads < info->cores ? rule->threads
                                                                             : info->cores;
    say(info, "%s: %s", rule->type ? info->name : a->name, rule->because);
    bool here = strcmp(rule->device, "CPU") == 0 ? device_runtime(info, runtime) != NULL
                                                 : a && a->usable;
    if (!here && a && a->reason[0])
        say(info, "; it cannot be used yet, as %s", a->reason);
    else if (!here)
        say(info, "; %s for it is not here yet", runtime);
}

/* What a processor is given when nothing better can be used; what could be is named. */
static void use_processor(fov_device_info *info)
{
    static const char *const x86[] = {"openvino", "onnxruntime", "litert", NULL};
    static const char *const arm[] = {"openvino", "litert", "onnxruntime", NULL};
    size_t i = 0;
    while (!has_feature(info, processors[i].feature))
        i++;
    const char *runtime = first_here(info, has_feature(info, "asimd") ? arm : x86);
    set(info, runtime, "CPU", format_of(runtime, NULL), processors[i].precision);
    info->recommended_threads = info->cores;
    info->recommended_input_size = info->cores <= FEW_CORES ? processors[i].few
                                                            : processors[i].many;
    say(info, "%s, %d core%s: %s", info->cpu, info->cores, info->cores == 1 ? "" : "s",
        processors[i].because);
    if (strcmp(processors[i].precision, "int8") == 0 &&
        (has_feature(info, "amx_bf16") || has_feature(info, "avx512_bf16")))
        say(info, " (a model that is not quantised runs in BF16)");
    if (info->memory_mb > 0 && info->memory_mb < SMALL_MEMORY_MB) {
        if (info->recommended_input_size > SMALL_INPUT)
            info->recommended_input_size = SMALL_INPUT;
        say(info, ", and %ld MB of memory ask for a small input", info->memory_mb);
    }
    if (!device_runtime(info, runtime))
        say(info, "; no runtime is here yet");
    for (int k = 0; k < info->accelerator_count; k++)
        if (info->accelerators[k].mend[0]) {
            say(info, "; %s is there but cannot be used, as %s", info->accelerators[k].name,
                info->accelerators[k].reason);
            break;
        }
}

void device_recommend(fov_device_info *info)
{
    info->why[0] = '\0';
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        if (applies(&rules[i], info)) {
            follow(&rules[i], info);
            return;
        }
    use_processor(info);
}
