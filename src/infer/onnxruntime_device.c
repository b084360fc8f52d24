#include "infer/onnxruntime_device.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/text.h"

enum { OPTIONS = 12, TF32_CAN_BE_SET = 18, COREML_HAS_CACHE = 21 };

static const struct device {
    const char *name, *provider;
    bool nvidia;
} devices[] = {{"TENSORRT", "TensorrtExecutionProvider", true},
               {"CUDA", "CUDAExecutionProvider", true},
               {"COREML", "CoreMLExecutionProvider", false},
               {"OPENVINO", "OpenVINOExecutionProvider", false},
               {"CPU", "CPUExecutionProvider", false}};

enum { DEVICES = sizeof devices / sizeof *devices };

/* Pairs of strings, as all providers take their settings. */
struct settings {
    const char *keys[OPTIONS], *values[OPTIONS];
    size_t count;
};

static void set(struct settings *s, const char *key, const char *value)
{
    if (s->count < OPTIONS && value) {
        s->keys[s->count] = key;
        s->values[s->count++] = value;
    }
}

/* Of the library's providers, as bits of `devices`. */
static unsigned available(const struct onnxruntime *ort)
{
    char **names = NULL;
    int count = 0;
    unsigned found = 0;
    if (!onnxruntime_done(ort->get_available_providers(&names, &count)))
        return 0;
    for (int i = 0; i < count; i++)
        for (unsigned k = 0; k < DEVICES; k++)
            if (!strcmp(names[i], devices[k].provider))
                found |= 1u << k;
    onnxruntime_done(ort->release_available_providers(names, count));
    return found;
}

/* A device node of the driver: cards have the first two, Jetson boards the others. */
static bool has_nvidia(void)
{
    static const char *const nodes[] = {"/dev/nvidia0", "/dev/nvidiactl", "/dev/nvhost-gpu",
                                        "/dev/nvmap"};
    for (size_t i = 0; i < sizeof nodes / sizeof *nodes; i++)
        if (access(nodes[i], F_OK) == 0)
            return true;
    return false;
}

void onnxruntime_list_devices(const struct onnxruntime *ort, fov_backend_probe *probe)
{
    unsigned found = available(ort) | 1u << (DEVICES - 1);
    probe->device_count = 0;
    for (unsigned k = 0; k < DEVICES; k++) {
        if (!(found >> k & 1) || (devices[k].nvidia && !has_nvidia()))
            continue;
        int n = probe->device_count++;
        text_copy(probe->devices[n], sizeof probe->devices[n], devices[k].name);
        onnxruntime_name_device(devices[k].name, probe->device_names[n],
                                sizeof probe->device_names[n]);
    }
}

/* Value of the first line `key : value` of a small file. */
static bool read_value(const char *path, const char *key, char *value, size_t size)
{
    char line[256];
    bool found = false;
    FILE *file = fopen(path, "re");
    while (file && !found && fgets(line, sizeof line, file)) {
        char *colon = strchr(line, ':');
        found = colon && !strncmp(line, key, strlen(key));
        if (found) {
            char *text = colon + 1 + strspn(colon + 1, " \t");
            text[strcspn(text, "\n")] = '\0';
            text_copy(value, size, text);
        }
    }
    if (file)
        fclose(file);
    return found && value[0];
}

/* What NVIDIA's driver calls its first card. */
static bool read_nvidia(char *name, size_t size)
{
    static const char folder[] = "/proc/driver/nvidia/gpus";
    char path[sizeof folder + 300];
    bool found = false;
    DIR *dir = opendir(folder);
    for (struct dirent *e; dir && !found && (e = readdir(dir));) {
        snprintf(path, sizeof path, "%s/%s/information", folder, e->d_name);
        found = e->d_name[0] != '.' && read_value(path, "Model", name, size);
    }
    if (dir)
        closedir(dir);
    return found;
}

void onnxruntime_name_device(const char *device, char *name, size_t size)
{
    text_copy(name, size, device);
    if (!strcmp(device, "COREML"))
        text_copy(name, size, "Core ML of this Mac");
    else if (!strcmp(device, "CUDA") || !strcmp(device, "TENSORRT"))
        read_nvidia(name, size);
    else if (!read_value("/proc/cpuinfo", "model name", name, size))
        text_copy(name, size, "CPU");
}

/* ---- settings of each device ---- */

static fov_status refused(fov_error *error, const char *device)
{
    char reason[200];
    onnxruntime_reason(reason, sizeof reason);
    return fov_fail(error, FOV_ERUNTIME, "ONNX Runtime cannot use %s: %s", device, reason);
}

static fov_status use_cuda(const struct onnxruntime *ort, ort_options *options,
                           const fov_model_params *params, char precision[16], fov_error *error)
{
    struct settings s = {.count = 0};
    bool exact = params->precision == FOV_PRECISION_F32;
    set(&s, "device_id", "0");
    set(&s, "do_copy_in_default_stream", "1");
    set(&s, "cudnn_conv_algo_search", "EXHAUSTIVE"); /* slow at load, once: shapes are fixed */
    set(&s, "arena_extend_strategy", "kSameAsRequested");
    if (ort->minor >= TF32_CAN_BE_SET)
        set(&s, "use_tf32", exact ? "0" : "1");
    text_copy(precision, 16, exact && ort->minor >= TF32_CAN_BE_SET ? "f32" : "tf32");
    ort_cuda *cuda = NULL;
    bool used = onnxruntime_done(ort->create_cuda_options(&cuda)) &&
                onnxruntime_done(ort->update_cuda_options(cuda, s.keys, s.values, s.count)) &&
                onnxruntime_done(ort->append_cuda(options, cuda));
    fov_status status = used ? FOV_OK : refused(error, "CUDA");
    if (cuda)
        ort->release_cuda_options(cuda);
    return status;
}

/* Engines take minutes to build and are kept in the cache folder; what TensorRT cannot take goes to
 * CUDA. */
static fov_status use_tensorrt(const struct onnxruntime *ort, ort_options *options,
                               const fov_model_params *params, char precision[16], fov_error *error)
{
    struct settings s = {.count = 0};
    char rest[16];
    bool half = params->precision != FOV_PRECISION_F32;
    bool bytes = params->precision == FOV_PRECISION_INT8;
    set(&s, "device_id", "0");
    set(&s, "trt_fp16_enable", half ? "1" : "0");
    set(&s, "trt_int8_enable", bytes ? "1" : "0");
    if (params->cache_dir) { /* without a path its caches would lie in the working folder */
        set(&s, "trt_engine_cache_enable", "1");
        set(&s, "trt_engine_cache_path", params->cache_dir);
        set(&s, "trt_timing_cache_enable", "1");
        set(&s, "trt_timing_cache_path", params->cache_dir);
    }
    ort_tensorrt *tensorrt = NULL;
    bool used = onnxruntime_done(ort->create_tensorrt_options(&tensorrt)) &&
                onnxruntime_done(
                    ort->update_tensorrt_options(tensorrt, s.keys, s.values, s.count)) &&
                onnxruntime_done(ort->append_tensorrt(options, tensorrt));
    fov_status status = used ? FOV_OK : refused(error, "TENSORRT");
    if (tensorrt)
        ort->release_tensorrt_options(tensorrt);
    if (!status)
        status = use_cuda(ort, options, params, rest, error);
    text_copy(precision, 16, bytes ? "int8" : half ? "fp16" : "f32");
    return status;
}

static fov_status use_by_name(const struct onnxruntime *ort, ort_options *options,
                              const char *device, const char *name, const struct settings *s,
                              fov_error *error)
{
    bool used = onnxruntime_done(ort->append_provider(options, name, s->keys, s->values, s->count));
    return used ? FOV_OK : refused(error, device);
}

/* The Neural Engine and the GPU of a Mac compute in halves; exact numbers come from its CPU. */
static fov_status use_coreml(const struct onnxruntime *ort, ort_options *options,
                             const fov_model_params *params, char precision[16], fov_error *error)
{
    struct settings s = {.count = 0};
    bool exact = params->precision == FOV_PRECISION_F32;
    set(&s, "ModelFormat", "MLProgram");
    set(&s, "MLComputeUnits", exact ? "CPUOnly" : "ALL");
    set(&s, "RequireStaticInputShapes", "1");
    if (ort->minor >= COREML_HAS_CACHE)
        set(&s, "ModelCacheDirectory", params->cache_dir);
    text_copy(precision, 16, exact ? "f32" : "fp16");
    return use_by_name(ort, options, "COREML", "CoreML", &s, error);
}

static fov_status use_openvino(const struct onnxruntime *ort, ort_options *options,
                               const fov_model_params *params, int threads, char precision[16],
                               fov_error *error)
{
    struct settings s = {.count = 0};
    char number[16];
    snprintf(number, sizeof number, "%d", threads);
    set(&s, "device_type", "CPU");
    set(&s, "precision", "FP32");
    set(&s, "num_of_threads", number);
    set(&s, "cache_dir", params->cache_dir);
    text_copy(precision, 16, "f32");
    return use_by_name(ort, options, "OPENVINO", "OpenVINO", &s, error);
}

/* "CPU, CUDA" of what the library was built with. */
static void name_all(unsigned found, char *text, size_t size)
{
    size_t length = 0;
    text[0] = '\0';
    for (unsigned k = 0; k < DEVICES; k++) {
        if (!(found >> k & 1))
            continue;
        length += text_copy(text + length, size - length, length ? ", " : "");
        length += text_copy(text + length, size - length, devices[k].name);
    }
}

fov_status onnxruntime_use_device(const struct onnxruntime *ort, ort_options *options,
                                  const char *device, const fov_model_params *params, int threads,
                                  char precision[16], fov_error *error)
{
    unsigned found = available(ort) | 1u << (DEVICES - 1), wanted = 0;
    char all[64];
    for (unsigned k = 0; k < DEVICES; k++)
        if (!strcasecmp(device, devices[k].name))
            wanted = 1u << k;
    text_copy(precision, 16, "f32");
    if (!(found & wanted)) {
        name_all(found, all, sizeof all);
        return fov_fail(error, FOV_EUNSUPPORTED,
                        "ONNX Runtime %.20s has no device %.20s; it was built with %s "
                        "(FOVEA_RUNTIME_DIR names the folder of another)",
                        ort->version, device, all);
    }
    if (!strcasecmp(device, "TENSORRT"))
        return use_tensorrt(ort, options, params, precision, error);
    if (!strcasecmp(device, "CUDA"))
        return use_cuda(ort, options, params, precision, error);
    if (!strcasecmp(device, "COREML"))
        return use_coreml(ort, options, params, precision, error);
    if (!strcasecmp(device, "OPENVINO"))
        return use_openvino(ort, options, params, threads, precision, error);
    return FOV_OK;
}
