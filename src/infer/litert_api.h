/* The two C interfaces to TFLite, behind one table each: LiteRT's own (litert_compiled.c), whose
 * functions change with its releases, and the classic one (litert_classic.c), which is stable and
 * the only one that Edge TPUs have a driver for. */
#ifndef INFER_LITERT_API_H
#define INFER_LITERT_API_H

#include <stdbool.h>
#include <fovea/backend.h>

#include "infer/tflite_check.h"

#define LITERT_VERSION "2.3.0"

enum { LITERT_TPUS = 4, LITERT_PATHS = 8, LITERT_PATH = 560 };
enum { LITERT_TENSOR_MAX = 512 << 20 }; /* bytes of an input or output */

/* What instances are made from. All of it outlives the model. */
struct litert_setup {
    const uint8_t *bytes; /* the file, checked, at a multiple of 64 */
    size_t size;
    struct tflite_facts facts;
    int threads;
    int tpu;           /* which Edge TPU, -1: the processor */
    int width, height; /* for open dimensions, px */
    int batch;         /* pictures a run; 0 and 1: as the model says */
    bool plain;        /* without XNNPACK: the runtime's own operators */
};

struct litert_io {
    fov_tensor inputs[FOV_MODEL_INPUTS], outputs[FOV_MODEL_OUTPUTS];
    int input_count, output_count;
};

struct litert_engine {
    const char *name; /* "LiteRT" */
    /* Opens the library once for the process. Returns FOV_ERUNTIME with what was looked for. */
    fov_status (*open)(const char *runtime_dir, fov_error *error);
    /* Of what is open. */
    const char *(*version)(void);
    const char *(*library)(void);
    fov_status (*model_open)(const struct litert_setup *setup, void **model, fov_error *error);
    void (*model_close)(void *model); /* after its instances; accepts NULL */
    /* Something that runs once at a time. `io` gets names, types, shapes, quantisation and memory:
     * inputs at multiples of 64, valid as long as the instance. */
    fov_status (*instance_open)(void *model, void **instance, struct litert_io *io,
                                fov_error *error);
    /* Runs; `io` gets the outputs where they can move or change their shape. */
    fov_status (*instance_run)(void *instance, struct litert_io *io, fov_error *error);
    void (*instance_close)(void *instance); /* accepts NULL */
};

extern const struct litert_engine litert_compiled, litert_classic;

/* Edge TPUs here: their number and names ("USB", "PCIe /dev/apex_0"). Opens the driver and the
 * classic library; `error` says what is missing when there are none. */
int litert_tpus(const char *runtime_dir, char names[LITERT_TPUS][96], fov_error *error);

/* Fills `paths` with the places of a library named `name`, best first: in the folder that the
 * caller or FOVEA_RUNTIME_DIR names and nowhere else, or .deps/litert/lib, the system's folders,
 * the bare name. Returns how many; `where` says in words what was looked at. */
size_t litert_places(const char *runtime_dir, const char *name,
                     char paths[LITERT_PATHS][LITERT_PATH], char *where, size_t size);

/* Our type for TFLite's number, FOV_DTYPE_NONE for those we have no use for. */
fov_dtype litert_dtype(int number);

/* The dimensions that the i-th input is to have: open ones of a picture become the setup's width
 * and height, others 1; a picture's first, open or 1, becomes the batch. Runtimes give 1 for open
 * ones; the file itself says which they are. Returns false when they are those it has. */
bool litert_wanted_shape(const struct litert_setup *setup, int i, const fov_tensor *input,
                         int wanted[FOV_TENSOR_RANK]);

#endif
