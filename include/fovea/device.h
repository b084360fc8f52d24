/* What this machine is: processor, memory, accelerators, runtimes, and what fovea makes of it. */
#ifndef FOVEA_DEVICE_H
#define FOVEA_DEVICE_H

#include <fovea/backend.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { FOV_ACCELERATORS_MAX = 16, FOV_RUNTIMES_MAX = 8, FOV_CPU_FEATURES_MAX = 16 };

typedef struct fov_accelerator {
    char kind[16];    /* "gpu", "npu", "tpu" */
    char vendor[16];  /* "intel", "nvidia", "amd", "apple", "google", "hailo", ... */
    char name[96];    /* "NVIDIA H200", "Google Coral USB" */
    char where[64];   /* "/dev/nvidia0", "usb 1a6e:089a", "pci 0000:00:02.0" */
    char driver[48];  /* of the kernel, with its version where it tells: "i915", "nvidia 550.54" */
    long memory_mb;   /* its own; 0: shares the machine's, or the driver's files do not tell */
    bool usable;      /* a runtime of this build can use it now: */
    char runtime[32]; /* which one, "" when none */
    char device[32];  /* and under which name: "GPU.0", "CUDA" */
    char reason[240]; /* when not usable: what is missing */
    char mend[240];   /* and what would mend it; "" when nothing does */
} fov_accelerator;

/* An instruction set that runtimes or kernels of fovea gain from. */
typedef struct fov_cpu_feature {
    char name[16];   /* as the system calls it: "avx512_vnni" */
    bool usable;     /* the processor has it and the system offers it */
    char gain[64];   /* what it is good for: "int8" */
    char reason[96]; /* when not usable */
    char mend[120];  /* "" when nothing mends it */
} fov_cpu_feature;

typedef struct fov_device_info {
    char type[24];     /* "jetson", "coral", "raspberry_pi", "apple_silicon", "intel_nuc", "gpu",
                          "cpu" */
    char name[128];    /* board or machine name; the processor's when unknown */
    char model[24];    /* of a known family of boards: "orin", "nano", "5"; "" otherwise */
    char software[64]; /* of the board's maker: "JetPack 5, L4T 35.4.1"; "" otherwise */
    char cpu[128];
    char cpu_flags[256]; /* of those that kernels and runtimes use: "avx2 avx512f avx512_bf16" */
    fov_cpu_feature features[FOV_CPU_FEATURES_MAX];
    int feature_count;
    int cores; /* that this process may use: affinity and the control groups' limits */
    int cores_total;
    long memory_mb; /* that this process may use: the control groups' limit or the machine's */
    long memory_total_mb;
    fov_accelerator accelerators[FOV_ACCELERATORS_MAX];
    int accelerator_count;
    struct {
        char name[32];
        fov_backend_probe probe;
    } runtimes[FOV_RUNTIMES_MAX];
    int runtime_count;
    char selected_runtime[32],
        selected_device[32]; /* what a model is given to; "" if nothing is there */
    /* What suits this machine best, as a target for `fovea optimize` and `imgsz`. */
    char recommended_runtime[32], recommended_device[32];   /* "openvino", "CPU" */
    char recommended_format[24], recommended_precision[16]; /* "openvino", "int8" */
    int recommended_input_size;                             /* px, side of a square input */
    int recommended_threads;                                /* of the runtime */
    char why[480];                                          /* one sentence */
} fov_device_info;

/* Looks at the machine afresh: /proc, /sys, cgroups, device nodes, and each backend's probe. Never
 * fails: what cannot be read stays empty or 0. `runtime_dir`: where runtimes are looked for first,
 * or NULL. Thread-safety: safe. Blocks: some ms; the first call loads the runtimes (0.1 s). */
FOV_API void fov_device_probe(const char *runtime_dir, fov_device_info *info);

/* The same for system files that lie under the folder `root` (a container that has the host's files
 * mounted, a test's tree); NULL or "" is this machine. Runtimes are always this machine's.
 * Thread-safety: safe. Blocks: as fov_device_probe. */
FOV_API void fov_device_probe_at(const char *root, const char *runtime_dir, fov_device_info *info);

#ifdef __cplusplus
}
#endif
#endif
