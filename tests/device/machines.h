/* Machines as the tests know them: the files of each, cut down to what is read. */
#ifndef TESTS_DEVICE_MACHINES_H
#define TESTS_DEVICE_MACHINES_H

#include "tree.h"

struct machine {
    const char *name;
    const char *runtimes; /* what is installed: "openvino:CPU,GPU onnxruntime:CPU" */
    struct tree_file files[24];
    /* what is expected; NULL: nothing */
    const char *type, *model, *software;
    const char *accelerators; /* "kind vendor usable|reason's beginning;" for each */
    const char *runtime, *device, *format, *precision;
    int input_size, threads;
    const char *why; /* part of the sentence */
};

/* Ends with name NULL. */
extern const struct machine machines[];

#endif
