/* What the tests of models and of frames share. */
#ifndef TESTS_MODEL_TEST_H
#define TESTS_MODEL_TEST_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <fovea/backend.h>

enum { ROOM = 32 };

struct found {
    fov_detection items[ROOM];
    fov_detections list;
};

static inline void prepare(struct found *f)
{
    memset(f, 0, sizeof *f);
    f->list = (fov_detections){.items = f->items, .count = 0, .capacity = ROOM};
}

static inline fov_model *open_model(const char *path, fov_hint hint, int runners)
{
    fov_model_params params = {.path = path, .hint = hint, .runners = runners};
    fov_model *model = NULL;
    fov_error error = {.message = ""};
    fov_status status = fov_model_open(&model, &params, &error);
    if (status)
        fail_msg("%s: %s", path, error.message);
    return model;
}

static inline fov_runner *open_runner(fov_model *model)
{
    fov_runner *runner = NULL;
    fov_error error = {.message = ""};
    if (fov_runner_open(&runner, model, &error) != FOV_OK)
        fail_msg("%s", error.message);
    return runner;
}

/* A grey picture with one white rectangle. */
static inline fov_image draw(uint8_t *pixels, int width, int height, int x0, int y0, int x1, int y1)
{
    fov_image image = {FOV_RGB24, width, height, {pixels}, {width * 3}, 0, 0};
    memset(pixels, 60, (size_t)width * (size_t)height * 3);
    for (int y = y0; y < y1; y++)
        memset(pixels + 3 * (y * width + x0), 255, (size_t)(x1 - x0) * 3);
    return image;
}

static inline void expect_box(const fov_detection *d, float x1, float y1, float x2, float y2,
                              float within)
{
    bool near = fabsf(d->x1 - x1) <= within && fabsf(d->y1 - y1) <= within &&
                fabsf(d->x2 - x2) <= within && fabsf(d->y2 - y2) <= within;
    if (!near)
        fail_msg("box %.1f %.1f %.1f %.1f is not %.1f %.1f %.1f %.1f", (double)d->x1, (double)d->y1,
                 (double)d->x2, (double)d->y2, (double)x1, (double)y1, (double)x2, (double)y2);
}

#endif
