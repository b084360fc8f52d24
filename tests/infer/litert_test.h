/* What the tests of the TFLite backend share. */
#ifndef TESTS_LITERT_TEST_H
#define TESTS_LITERT_TEST_H

#include "model_test.h"

#include <unistd.h>

enum { BYTES_MAX = 4 << 20 };

extern const fov_backend fov_backend_litert;

static inline const fov_backend *litert(void)
{
    return &fov_backend_litert;
}

static inline const char *tiny(const char *name, char path[512])
{
    snprintf(path, 512, "%s/%s", TINY_MODELS, name);
    return path;
}

/* A model of the test data; skips by name where it is not there. */
static inline const char *shared_model(const char *name, char path[512])
{
    const char *named = getenv("FOVEA_TEST_DATA");
    snprintf(path, 512, "%s/models/%s.tflite", named ? named : SOURCE_ROOT "/../shared/data", name);
    if (access(path, R_OK)) {
        print_message("SKIP %s is not there\n", path);
        skip();
    }
    return path;
}

static inline uint8_t *read_all(const char *path, size_t *size)
{
    FILE *f = fopen(path, "rb");
    uint8_t *bytes = malloc(BYTES_MAX);
    assert_true(f && bytes);
    *size = fread(bytes, 1, BYTES_MAX, f);
    fclose(f);
    return bytes;
}

static inline void write_all(const char *path, const uint8_t *bytes, size_t size)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, size, f), size);
    fclose(f);
}

static inline void *load(const fov_model_params *params)
{
    void *model = NULL;
    fov_error error = {.message = ""};
    if (litert()->load(params, &model, &error) != FOV_OK)
        fail_msg("%s: %s", params->path, error.message);
    return model;
}

static inline void *open_one(void *model)
{
    void *runner = NULL;
    fov_error error = {.message = ""};
    if (litert()->runner_open(model, &runner, &error) != FOV_OK)
        fail_msg("%s", error.message);
    return runner;
}

/* `load` must fail like this, with these words. */
static inline void expect_refusal(const fov_model_params *params, fov_status status,
                                  const char *words)
{
    void *model = NULL;
    fov_error error = {.message = ""};
    fov_status got = litert()->load(params, &model, &error);
    if (got != status || !strstr(error.message, words))
        fail_msg("%s: status %d, \"%s\", not %d, \"%s\"", params->path, got, error.message, status,
                 words);
}

#endif
