/* What the tests of backends share: the struct called directly, without head and letterbox. */
#ifndef TESTS_BACKEND_TEST_H
#define TESTS_BACKEND_TEST_H

#include "model_test.h"

#include <unistd.h>

enum { CONV_IN = 3, CONV_OUT = 4 };

static inline const fov_backend *backend_named(const char *name)
{
    for (size_t i = 0; fov_backend_at(i); i++)
        if (!strcmp(fov_backend_at(i)->name, name))
            return fov_backend_at(i);
    return NULL;
}

static inline bool backend_is_here(const fov_backend *b)
{
    static fov_backend_probe probe;
    b->probe(NULL, &probe);
    return probe.available;
}

/* A model that must load. */
static inline void *load_model(const fov_backend *b, const fov_model_params *params)
{
    void *model = NULL;
    fov_error error = {.message = ""};
    if (b->load(params, &model, &error) != FOV_OK)
        fail_msg("%s: %s: %s", b->name, params->path, error.message);
    return model;
}

/* A model that must not; the reason is one line and says something. */
static inline fov_status refuse_model(const fov_backend *b, const fov_model_params *params,
                                      fov_error *error)
{
    void *model = NULL;
    *error = (fov_error){.message = ""};
    fov_status status = b->load(params, &model, error);
    if (status == FOV_OK)
        fail_msg("%s loaded %s", b->name, params->path);
    assert_true(strlen(error->message) > 10 && !strchr(error->message, '\n'));
    return status;
}

static inline void *runner_of(const fov_backend *b, void *model)
{
    void *runner = NULL;
    fov_error error = {.message = ""};
    if (b->runner_open(model, &runner, &error) != FOV_OK)
        fail_msg("%s: %s", b->name, error.message);
    return runner;
}

static inline void run_well(const fov_backend *b, void *runner, fov_tensor *out)
{
    fov_error error = {.message = ""};
    if (b->run(runner, out, &error) != FOV_OK)
        fail_msg("%s: %s", b->name, error.message);
}

/* Fills any input with numbers that depend on `seed`. */
static inline void fill_input(const fov_tensor *t, uint32_t seed)
{
    size_t count = fov_tensor_count(t);
    uint32_t random = seed * 2654435761u + 1;
    for (size_t i = 0; i < count; i++) {
        random = random * 1664525u + 1013904223u;
        if (t->dtype == FOV_F32)
            ((float *)t->data)[i] = (float)(random >> 24) / 255.0f - 0.5f;
        else if (fov_dtype_size(t->dtype) == 1)
            ((uint8_t *)t->data)[i] = (uint8_t)(random >> 24);
    }
}

/* The convolution of make_models.py with its ReLU: `in` is 3 planes, `out` 4 of the same size,
 * zeros around. The plainest form, in doubles. */
static inline void conv3x3(const float *in, int height, int width, float *out)
{
    for (int o = 0; o < CONV_OUT; o++)
        for (int y = 0; y < height; y++)
            for (int x = 0; x < width; x++) {
                double sum = 0;
                for (int k = 0; k < CONV_IN * 9; k++) {
                    int yy = y + k % 9 / 3 - 1, xx = x + k % 3 - 1;
                    double weight = ((o * CONV_IN * 9 + k) * 5 % 7 - 3) / 4.0;
                    if (yy >= 0 && yy < height && xx >= 0 && xx < width)
                        sum += weight * (double)in[(k / 9 * height + yy) * width + xx];
                }
                out[(o * height + y) * width + x] = sum > 0 ? (float)sum : 0;
            }
}

#endif
