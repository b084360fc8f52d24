/* What a model's file says about itself, read without the runtime: rt_info of an OpenVINO IR,
 * metadata_props of ONNX, the metadata of TFLite and a zip appended to it, quantisation. All of it
 * is untrusted. inspect.h reads it. */
#ifndef INFER_METADATA_H
#define INFER_METADATA_H

#include <stdbool.h>
#include <stdint.h>
#include <fovea/backend.h>

enum {
    METADATA_ENTRIES = 64,
    METADATA_KEY = 64,           /* bytes with the terminator; longer keys are left out */
    METADATA_VALUE = 64 * 1024,  /* longer values are left out */
    METADATA_TOTAL = 256 * 1024, /* of all values */
    METADATA_LABELS = 4096,      /* more labels are left out */
    METADATA_XML_DEPTH = 64,
};

struct metadata_quant {
    float scale; /* 0: not quantised */
    int32_t zero;
};

struct metadata {
    /* "rt_info", "metadata_props", "TFLite metadata", "metadata.json", "metadata.yaml", "fake", ""
     */
    const char *source;
    char *label_file; /* found beside the model: used where its count is right; NULL: none */
    struct {
        char key[METADATA_KEY];
        char *value;
    } entries[METADATA_ENTRIES];
    int count;
    size_t total;
    struct metadata_quant inputs[FOV_MODEL_INPUTS], outputs[FOV_MODEL_OUTPUTS];
};

void metadata_release(struct metadata *meta);

/* Value of a key, NULL when absent. */
const char *metadata_get(const struct metadata *meta, const char *key);

/* Adds or leaves out (limits, duplicate, bad UTF-8, no memory). */
void metadata_add(struct metadata *meta, const char *key, size_t key_size, const char *value,
                  size_t value_size);

#endif
