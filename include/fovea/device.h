/* What this machine is: processor, memory, accelerators, runtimes, and what fovea makes of it. */
#ifndef FOVEA_DEVICE_H
#define FOVEA_DEVICE_H

#include <fovea/backend.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { FOV_ACCELERATORS_MAX = 16, FOV_RUNTIMES_MAX = 8 };

typedef struct fov_accelerator {
    char kind[16];    /* "gpu", "npu", "tpu" */
    char name[96];    /* "NVIDIA H200", "Google Coral USB" */
    char where[64];   /* "/dev/nvidia0", "usb 1a6e:089a" */
    bool usable;      /* a runtime of this build can use it now */
    char reason[240]; /* when not usable: what is missing and what would mend it */
} fov_accelerator;

typedef struct fov_device_info {
    char type[24];  /* "jetson", "coral", "raspberry_pi", "apple_silicon", "intel_nuc", "gpu", "cpu"
                     */
    char name[128]; /* board or machine name; the processor's when unknown */
    char cpu[128];
    char cpu_flags[128]; /* of those that kernels and runtimes use: "avx2 avx512f avx512_bf16" */
    int cores;           /* that this process may use: affinity and cgroup limit */
    int cores_total;
    long memory_mb; /* that this process may use: cgroup limit or the machine's */
    fov_accelerator accelerators[FOV_ACCELERATORS_MAX];
    int accelerator_count;
    struct {
        char name[32];
        fov_backend_probe probe;
    } runtimes[FOV_RUNTIMES_MAX];
    int runtime_count;
    char selected_runtime[32],
        selected_device[32]; /* what a model is given to; "" if nothing is there */
    char recommended_format[24], recommended_precision[16]; /* "openvino", "bf16" */
} fov_device_info;

/* Looks at the machine afresh: /proc, /sys, cgroups, device nodes, and each backend's probe. Never
 * fails: what cannot be read stays empty or 0. `runtime_dir`: where runtimes are looked for first,
 * or NULL. Thread-safety: safe. Blocks: some ms; the first call loads the runtimes (0.1 s). */
FOV_API void fov_device_probe(const char *runtime_dir, fov_device_info *info);

#ifdef __cplusplus
}
#endif
#endif
