/* A loaded model of the ONNX Runtime backend, and what its session takes and gives. */
#ifndef INFER_ONNXRUNTIME_MODEL_H
#define INFER_ONNXRUNTIME_MODEL_H

#include "infer/onnxruntime_api.h"

/* Where weights in other files are looked for: nowhere. */
#define ORT_NO_FOLDER "/nonexistent"

enum { ORT_SYMBOLS = 32 };

/* An open dimension's name in the model and the size it gets. */
struct ort_symbol {
    char name[64];
    int64_t size;
};

struct ort_model {
    const struct onnxruntime *ort;
    ort_session *session;
    fov_backend_model about;
    char *input_names[FOV_MODEL_INPUTS], *output_names[FOV_MODEL_OUTPUTS]; /* of any length */
    bool fetched[FOV_MODEL_OUTPUTS]; /* the library's memory, as its size is not known before */
    /* what the loading thread needs and gives back */
    const fov_model_params *params;
    const char *device, *file;
    const void *bytes;
    size_t size;
    struct ort_symbol symbols[ORT_SYMBOLS];
    int symbol_count;
    fov_status status;
    fov_error error;
};

/* Ends a failing function with the library's own reason behind `what`, and with what would help
 * where that is known. */
fov_status onnxruntime_fail(fov_error *error, fov_status status, const char *what);

/* Type and shape out of the library's description; open dimensions are -1, their names go into
 * `names` (may be NULL). False when it is no dense tensor of at most FOV_TENSOR_RANK. */
bool onnxruntime_read_shape(const struct onnxruntime *ort, const ort_shape *shape, fov_tensor *t,
                            int *type, const char *names[FOV_TENSOR_RANK]);

/* Fills inputs, outputs and their names from a session; open dimensions of inputs get the sizes
 * that `params` ask for and are noted in `symbols`. Returns FOV_EUNSUPPORTED for types that are not
 * read and sizes that cannot be run, FOV_EMODEL. */
fov_status onnxruntime_describe(struct ort_model *m, ort_session *session, fov_error *error);

#endif
