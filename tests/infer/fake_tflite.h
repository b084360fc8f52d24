/* What the fake libraries of test_litert_classic.c were told, and how they are to fail. */
#ifndef TESTS_FAKE_TFLITE_H
#define TESTS_FAKE_TFLITE_H

#include <stddef.h>

struct fake_tflite {
    int models, interpreters, options; /* alive */
    int threads, delegates, invokes;
    void *delegate; /* the last one added to options */
    int wanted[4];  /* of the last resize */
    int moves;      /* the input's memory is elsewhere after a run */
    int grows;      /* the output has two columns where the picture's first byte is not 0 */
    int fail_create, fail_invoke, fail_output;
};

struct fake_edgetpu {
    int present;        /* how many devices there are */
    int devices, alive; /* lists and delegates not given back */
    int made_type;      /* of the last delegate */
    char made_path[32];
    size_t made_options;
    int fail_create;
};

#endif
