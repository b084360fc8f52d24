/* What a model's file says about itself, read without the runtime: rt_info of an OpenVINO IR,
 * metadata_props of ONNX, a zip appended to TFLite and its quantisation. All of it is untrusted. */
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
    const char *source; /* "rt_info", "metadata_props", "metadata.json", "fake", "" */
    struct {
        char key[METADATA_KEY];
        char *value;
    } entries[METADATA_ENTRIES];
    int count;
    size_t total;
    struct metadata_quant inputs[FOV_MODEL_INPUTS], outputs[FOV_MODEL_OUTPUTS];
};

/* Reads what the file of this suffix (".xml", ".onnx", ".tflite") says; other suffixes and files
 * that say nothing leave `meta` empty, which is no error. Returns FOV_ENOTFOUND, FOV_EIO,
 * FOV_EMODEL for a file that cannot be of that format. Release with metadata_release. */
fov_status metadata_read(struct metadata *meta, const char *path, fov_error *error);
void metadata_release(struct metadata *meta);

/* Value of a key, NULL when absent. */
const char *metadata_get(const struct metadata *meta, const char *key);

/* Adds or leaves out (limits, duplicate, bad UTF-8, no memory). */
void metadata_add(struct metadata *meta, const char *key, size_t key_size, const char *value,
                  size_t value_size);

/* Scanners of whole files in memory; false when the bytes are not of that format. */
bool metadata_scan_xml(struct metadata *meta, const uint8_t *bytes, size_t size);
bool metadata_scan_onnx(struct metadata *meta, const uint8_t *bytes, size_t size);
bool metadata_scan_tflite(struct metadata *meta, const uint8_t *bytes, size_t size);

#endif
