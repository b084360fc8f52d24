/* Which accelerator is which device of which runtime. */
#include "device/device.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/text.h"

/* One row a device of a backend; better ones first. The first row of an accelerator says what to do
 * when no row's runtime offers it. */
struct use {
    const char *vendor, *kind, *type; /* of the accelerator and the machine; type NULL: any */
    const char *runtime, *device;
    const char *plugin; /* file beside the runtime's library without which it cannot, or NULL */
    const char *mend_plugin; /* when the runtime or that file is missing */
    const char *mend_driver; /* when both are there */
};

#define WHOLE_OPENVINO                                                                             \
    "set-up fetches OpenVINO for the processor only: pip install openvino, and "                   \
    "FOVEA_RUNTIME_DIR=<its folder>/openvino/libs"
#define GPU_ONNXRUNTIME                                                                            \
    "pip install onnxruntime-gpu (with the CUDA and cuDNN it names), and "                         \
    "FOVEA_RUNTIME_DIR=<its folder>/onnxruntime/capi"
#define PLAIN_ONNXRUNTIME                                                                          \
    "pip install onnxruntime, and FOVEA_RUNTIME_DIR=<its folder>/onnxruntime/capi"
#define JETSON_ONNXRUNTIME                                                                         \
    "install the onnxruntime-gpu wheel made for this JetPack, and "                                \
    "FOVEA_RUNTIME_DIR=<its folder>/onnxruntime/capi"
#define CUDA_LIBRARIES "install the CUDA and cuDNN libraries that this ONNX Runtime names"
#define EDGETPU                                                                                    \
    "apt install libedgetpu1-std (from Coral's packages), and put libtensorflowlite_c.so beside "  \
    "it"

static const struct use uses[] = {
    {"intel", "gpu", NULL, "openvino", "GPU", "libopenvino_intel_gpu_plugin.so", WHOLE_OPENVINO,
     "apt install intel-opencl-icd   (Intel's compute driver)"},
    {"intel", "npu", NULL, "openvino", "NPU", "libopenvino_intel_npu_plugin.so", WHOLE_OPENVINO,
     "install Intel's NPU driver: github.com/intel/linux-npu-driver, its releases"},
    {"nvidia", "gpu", "jetson", "onnxruntime", "TENSORRT", NULL, JETSON_ONNXRUNTIME,
     JETSON_ONNXRUNTIME},
    {"nvidia", "gpu", NULL, "onnxruntime", "TENSORRT", "libonnxruntime_providers_tensorrt.so",
     GPU_ONNXRUNTIME, CUDA_LIBRARIES},
    {"nvidia", "gpu", NULL, "onnxruntime", "CUDA", "libonnxruntime_providers_cuda.so",
     GPU_ONNXRUNTIME, CUDA_LIBRARIES},
    {"apple", "npu", NULL, "onnxruntime", "COREML", NULL, PLAIN_ONNXRUNTIME,
     "pip install --upgrade onnxruntime"},
    {"apple", "gpu", NULL, "onnxruntime", "COREML", NULL, PLAIN_ONNXRUNTIME,
     "pip install --upgrade onnxruntime"},
    {"google", "tpu", NULL, "litert", "EDGETPU", NULL, EDGETPU, EDGETPU},
};

static bool is_use_of(const struct use *use, const fov_device_info *info, const fov_accelerator *a)
{
    return strcmp(use->vendor, a->vendor) == 0 && strcmp(use->kind, a->kind) == 0 &&
           (!use->type || strcmp(use->type, info->type) == 0);
}

const fov_backend_probe *device_runtime(const fov_device_info *info, const char *name)
{
    for (int i = 0; i < info->runtime_count; i++)
        if (strcmp(info->runtimes[i].name, name) == 0 && info->runtimes[i].probe.available)
            return &info->runtimes[i].probe;
    return NULL;
}

/* The runtime's name for the index-th accelerator of a sort: "GPU.1" or "CUDA:1"; one without a
 * number is the first. */
static const char *offered(const fov_backend_probe *probe, const char *device, int index)
{
    size_t length = strlen(device);
    for (int i = 0; i < probe->device_count; i++) {
        const char *name = probe->devices[i], *rest = name + length;
        long long number = 0;
        if (strncasecmp(name, device, length) != 0)
            continue;
        bool numbered = (*rest == '.' || *rest == ':') && text_to_int(rest + 1, 0, 999, &number);
        if ((numbered || !*rest) && number == index)
            return name;
    }
    return NULL;
}

/* How many accelerators of the same sort come before. */
static int index_of(const fov_device_info *info, const fov_accelerator *a)
{
    int index = 0;
    for (const fov_accelerator *other = info->accelerators; other < a; other++)
        index += strcmp(other->vendor, a->vendor) == 0 && strcmp(other->kind, a->kind) == 0;
    return index;
}

static bool use_it(const fov_device_info *info, fov_accelerator *a)
{
    for (size_t i = 0; i < sizeof uses / sizeof *uses; i++) {
        const fov_backend_probe *probe = device_runtime(info, uses[i].runtime);
        if (!probe || !is_use_of(&uses[i], info, a))
            continue;
        const char *device = offered(probe, uses[i].device, index_of(info, a));
        if (!device)
            continue;
        a->usable = true;
        a->reason[0] = a->mend[0] = '\0';
        text_copy(a->runtime, sizeof a->runtime, uses[i].runtime);
        text_copy(a->device, sizeof a->device, device);
        return true;
    }
    return false;
}

static bool lacks_plugin(const fov_backend_probe *probe, const char *plugin)
{
    char path[PATH_MAX];
    const char *slash = strrchr(probe->library, '/');
    if (!plugin || !slash)
        return false;
    int length = snprintf(path, sizeof path, "%.*s/%s", (int)(slash - probe->library),
                          probe->library, plugin);
    return length > 0 && (size_t)length < sizeof path && access(path, F_OK) != 0;
}

/* The first of its sort is offered, and only that: the runtime's choice. */
static bool is_second(const fov_device_info *info, const fov_accelerator *a)
{
    for (size_t i = 0; i < sizeof uses / sizeof *uses; i++) {
        const fov_backend_probe *probe = device_runtime(info, uses[i].runtime);
        if (probe && is_use_of(&uses[i], info, a) && offered(probe, uses[i].device, 0))
            return index_of(info, a) > 0;
    }
    return false;
}

/* The kernel's side is in order: what is missing is a runtime, its part for this, or its driver. */
static void explain(const fov_device_info *info, fov_accelerator *a)
{
    for (size_t i = 0; i < sizeof uses / sizeof *uses; i++) {
        const struct use *use = &uses[i];
        if (!is_use_of(use, info, a))
            continue;
        const fov_backend_probe *probe = device_runtime(info, use->runtime);
        bool without = !probe || lacks_plugin(probe, use->plugin), second = is_second(info, a);
        snprintf(a->reason, sizeof a->reason,
                 !probe    ? "there is no %s that could use it"
                 : second  ? "%s offers only the first one"
                 : without ? "the %s found here is built without support for it"
                           : "%s does not offer it",
                 use->runtime);
        text_copy(a->mend, sizeof a->mend,
                  second    ? ""
                  : without ? use->mend_plugin
                            : use->mend_driver);
        return;
    }
    text_copy(a->reason, sizeof a->reason, "fovea has no runtime for it");
}

void device_match(fov_device_info *info)
{
    for (int i = 0; i < info->accelerator_count; i++) {
        fov_accelerator *a = &info->accelerators[i];
        if (!use_it(info, a) && !a->reason[0])
            explain(info, a);
    }
}

/* ---- what is taken by itself ---- */

/* The order of infer/chain.c for a model of which nothing is asked: what needs a special file or a
 * word of the user is not in it. */
static const struct {
    const char *runtime, *device;
} order[] = {{"onnxruntime", "CUDA"},
             {"onnxruntime", "COREML"},
             {"openvino", "CPU"},
             {"onnxruntime", "CPU"},
             {"litert", "CPU"}};

void device_select(fov_device_info *info)
{
    for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
        const fov_backend_probe *probe = device_runtime(info, order[i].runtime);
        const char *device = probe ? offered(probe, order[i].device, 0) : NULL;
        if (!device)
            continue;
        text_copy(info->selected_runtime, sizeof info->selected_runtime, order[i].runtime);
        text_copy(info->selected_device, sizeof info->selected_device, device);
        return;
    }
}
