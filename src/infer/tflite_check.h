/* What must hold in a TFLite file before a runtime may have it. Runtimes verify that tables and
 * vectors lie in the file; what the numbers in them point to they follow. */
#ifndef INFER_TFLITE_CHECK_H
#define INFER_TFLITE_CHECK_H

#include <stdbool.h>
#include <stdint.h>
#include <fovea/backend.h>

struct tflite_facts {
    bool edge_tpu; /* compiled for an Edge TPU: holds the operator edgetpu-custom-op */
    uint8_t open[FOV_MODEL_INPUTS]; /* of the inputs: bit n says that dimension n has no size yet */
    bool open_outputs;              /* an output has a dimension without a size */
    char custom[48]; /* first operator that is not of TFLite itself, "" when there is none */
};

/* Checks every index and range of the model in `bytes`, and limits its shapes. `facts` may be NULL.
 * Returns FOV_EMODEL with what is wrong. Thread-safety: safe. Blocks: no (a few ms at most). */
fov_status tflite_check(const uint8_t *bytes, size_t size, struct tflite_facts *facts,
                        fov_error *error);

/* Mends in a checked file what runtimes of today refuse and those that the file was made for did
 * not read: the channel's dimension where all numbers share a scale or there is one dimension.
 * Returns how many tensors were mended; if any, the file has to be checked again, as its tables may
 * lie over each other. Thread-safety: safe. Blocks: no. */
int tflite_mend(uint8_t *bytes, size_t size);

#endif
