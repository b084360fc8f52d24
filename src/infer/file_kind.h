/* Kinds of files that people take for models, told apart by their bytes; and what to do with those
 * that do not run here. */
#ifndef INFER_FILE_KIND_H
#define INFER_FILE_KIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum file_kind {
    FILE_UNKNOWN,
    /* what runtimes here may run */
    FILE_ONNX,
    FILE_ORT,
    FILE_IR,
    FILE_TFLITE,
    FILE_GRAPHDEF,
    FILE_PADDLE,
    /* models of other programs */
    FILE_SAVED_MODEL,
    FILE_TORCH,
    FILE_KERAS,
    FILE_HDF5,
    FILE_TENSORRT,
    FILE_NCNN,
    FILE_COREML,
    FILE_RKNN,
    FILE_HAILO,
    FILE_SAFETENSORS,
    FILE_GGUF,
    FILE_CAFFE,
    FILE_DARKNET,
    FILE_PICKLE,
    FILE_WEIGHTS,
    /* no models */
    FILE_LFS_POINTER,
    FILE_WEB_PAGE,
    FILE_ARCHIVE,
    FILE_PICTURE,
    FILE_EMPTY,
    FILE_KINDS
};

/* From the first and last bytes, and the name where bytes do not tell (weights without a header).
 * Pure. */
enum file_kind file_kind_of(const uint8_t *bytes, size_t size, const char *path);

/* "ONNX". Never NULL. */
const char *file_kind_name(enum file_kind kind);

/* A noun with its article, for sentences: "an ONNX model". Never NULL. */
const char *file_kind_noun(enum file_kind kind);

/* The kind that the name's suffix promises, FILE_UNKNOWN for others. */
enum file_kind file_kind_by_suffix(const char *path);

/* The suffix a runnable kind wants (".onnx"), NULL for the others. */
const char *file_kind_suffix(enum file_kind kind);

/* Why such a file does not run here and what to do instead, with the file's name without folder
 * and suffix in it; empty for kinds that may run. */
void file_kind_advice(enum file_kind kind, const char *path, char *text, size_t size);

#endif
