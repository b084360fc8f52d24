/* The one struct behind which inference runtimes live. A backend is one file, backend_foo.c, that
 * defines `const fov_backend fov_backend_foo`, and its name in the list in src/infer/meson.build.
 */
#ifndef FOVEA_BACKEND_H
#define FOVEA_BACKEND_H

#include <fovea/model.h>

#ifdef __cplusplus
extern "C" {
#endif

#define FOV_BACKEND_ABI 2

#define FOV_MODEL_INPUTS 4
#define FOV_MODEL_OUTPUTS 16
#define FOV_BATCH_MAX 64

typedef struct fov_backend_probe {
    bool available;
    char version[64];
    char library[256];   /* path of what was opened */
    char reason[240];    /* when not available: what was looked for, where, what would mend it */
    char devices[8][32]; /* "CPU", "GPU.0" */
    char device_names[8][96];
    int device_count;
} fov_backend_probe;

/* What a loaded model is; filled by `describe`. */
typedef struct fov_backend_model {
    fov_tensor inputs[FOV_MODEL_INPUTS], outputs[FOV_MODEL_OUTPUTS]; /* data NULL */
    int input_count, output_count;
    char version[64], device[32], device_name[96], precision[16];
    int threads, max_runners;
    int batch;      /* pictures a run takes: dimension 0 of inputs and outputs; 0 means 1 */
    bool open_size; /* the file leaves the picture's size open: input_width has been followed */
    int64_t delay_ns;
    double load_ms, compile_ms;
} fov_backend_model;

/* Takes one thing that a model says about itself; copies what it keeps. */
typedef void (*fov_backend_say)(void *user, const char *key, const char *value);

typedef struct fov_backend {
    uint32_t abi;     /* FOV_BACKEND_ABI; others are refused */
    const char *name; /* "openvino" */
    /* Space separated: ".xml .onnx .tflite .pb", or schemes of addresses: "oip:// oips://" */
    const char *suffixes;
    /* Fills `probe`; never fails, prints or blocks long. dlopen happens here, never dlclose. */
    void (*probe)(const char *runtime_dir, fov_backend_probe *probe);
    /* Loads for exactly params->device, one of the probe's devices (NULL: "CPU"): falling back to
     * another one is the caller's business (chain.h). Strings in `params` live for the call only.
     */
    fov_status (*load)(const fov_model_params *params, void **model, fov_error *error);
    void (*describe)(void *model, fov_backend_model *description);
    fov_status (*runner_open)(void *model, void **runner, fov_error *error);
    /* Where the runner wants its inputs written (data non-NULL, 64-byte aligned, stays valid). */
    void (*inputs)(void *runner, fov_tensor *in);
    /* Runs on the inputs; `out` (output_count views) stays valid to the next run. Synchronous. */
    fov_status (*run)(void *runner, fov_tensor *out, fov_error *error);
    /* The next run is of no use after this moment (monotonic ns, 0: no limit). For runtimes that
     * wait for others; may be NULL. */
    void (*limit)(void *runner, int64_t deadline_ns);
    /* Makes a run in progress on another thread return early if the runtime can; may be NULL. */
    void (*cancel)(void *runner);
    void (*runner_close)(void *runner);
    void (*unload)(void *model);
    /* For schemes: says what a file would say of itself (model_type, labels, names); may be NULL.
     */
    void (*metadata)(void *model, fov_backend_say say, void *user);
} fov_backend;

/* The i-th backend of this build, NULL after the last. Thread-safety: safe. Blocks: no. */
FOV_API const fov_backend *fov_backend_at(size_t i);

#ifdef __cplusplus
}
#endif
#endif
