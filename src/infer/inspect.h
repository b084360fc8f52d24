/* What a model's file is, found by our own scanners before any runtime sees it: format, inputs and
 * outputs, operators, what it needs beside it. All of it is untrusted: every offset is checked and
 * every list is bounded. */
#ifndef INFER_INSPECT_H
#define INFER_INSPECT_H

#include "infer/file_kind.h"
#include "infer/metadata.h"

enum {
    INSPECT_PORTS = 32,        /* inputs, outputs that are kept */
    INSPECT_OPERATORS = 64,    /* kinds of operators that are kept */
    INSPECT_NODES = 1 << 20,   /* more are refused */
    INSPECT_SIDE = 1 << 24,    /* largest dimension */
    INSPECT_NEST = 8,          /* graphs inside graphs */
    INSPECT_TENSORS = 1 << 16, /* weights of one graph */
};
#define INSPECT_COUNT (INT64_C(1) << 31) /* most numbers of one tensor */

struct inspected {
    enum file_kind kind;
    char version[64];  /* "IR 8, opset 12", "schema 3", "version 11", "" */
    char producer[96]; /* "pytorch 1.13", "" */
    fov_file_port inputs[INSPECT_PORTS], outputs[INSPECT_PORTS];
    int input_count, output_count; /* of the file, maybe more than are kept */
    fov_file_operator operators[INSPECT_OPERATORS];
    int operator_kinds, node_count;
    char custom[96];     /* the first operator that is of no known set: "mmdeploy::Foo"; "" */
    char external[96];   /* the first other file that holds weights; "" */
    char quantised[40];  /* how: "QDQ", "int8 tensors"; "" */
    bool edge_tpu;       /* compiled for a Coral Edge TPU */
    int64_t weights_end; /* least size of the weights beside it (IR) */
    int64_t bytes;       /* of all its files */
    uint64_t lacks;      /* bytes that a cut file lacks, where its format tells */
    char wrong[160];     /* what breaks a limit: "tensor x has 9 dimensions"; "" */
};

/* Reads what the file at `path` is and says. `found` and `meta` hold what is known, also after a
 * failure. The reason names the cause and the way out. Returns FOV_ENOTFOUND, FOV_EIO, FOV_EMODEL
 * (damaged, or another file than its name says), FOV_EUNSUPPORTED (a kind that does not run here).
 * Release `meta` with metadata_release. Thread-safe. */
fov_status inspect_file(struct inspected *found, struct metadata *meta, const char *path,
                        fov_error *error);

/* Scanners of whole files in memory; false when the bytes are not of that format or damaged
 * (`found->lacks`, `found->wrong` may tell more). Nothing but `bytes` is read. */
bool scan_onnx(struct inspected *found, struct metadata *meta, const uint8_t *bytes, size_t size);
bool scan_xml(struct inspected *found, struct metadata *meta, const uint8_t *bytes, size_t size);
bool scan_tflite(struct inspected *found, struct metadata *meta, const uint8_t *bytes, size_t size);
bool scan_graphdef(struct inspected *found, struct metadata *meta, const uint8_t *bytes,
                   size_t size);
bool scan_paddle(struct inspected *found, struct metadata *meta, const uint8_t *bytes, size_t size);

/* ---- for the scanners ---- */

/* Counts one node. `known`: of an operator set that runtimes know. */
void inspected_add_operator(struct inspected *found, const char *domain, size_t domain_size,
                            const char *name, size_t name_size, bool known);

/* Counts an input or output and returns its place, NULL when there is no room (counted all the
 * same). Name: bytes of the file, cut to what fits, '?' for what is not printable. */
fov_file_port *inspected_add_port(struct inspected *found, bool output, const char *name,
                                  size_t name_size);

/* Appends a dimension; -1: open. Refuses absurd ones through `found->wrong`. */
void inspected_add_dimension(struct inspected *found, fov_file_port *port, int64_t size);

/* Notes the first thing that breaks a limit. */
void inspected_refuse(struct inspected *found, const char *format, ...) FOV_PRINTF(2, 3);

/* Copies bytes as printable text. */
void inspected_text(char *to, size_t size, const char *from, size_t from_size);

/* The port as a tensor's description; open dimensions are -1, type FOV_DTYPE_NONE where fovea has
 * none for it. */
fov_tensor inspected_tensor(const fov_file_port *port);

/* "dir/name.onnx", cut from the left so that a reason has room beside it. */
void inspect_short_path(const char *path, char *text, size_t size);

#endif
