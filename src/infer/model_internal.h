/* What model.c and runner.c share. */
#ifndef INFER_MODEL_INTERNAL_H
#define INFER_MODEL_INTERNAL_H

#include <stdatomic.h>
#include <fovea/backend.h>

#include "infer/chain.h"
#include "infer/head.h"
#include "infer/labels.h"
#include "infer/variant.h"

struct fov_model {
    atomic_int references, runners;
    const fov_backend *backend;
    void *loaded;
    const struct head *head;
    struct head_setup setup;
    struct metadata meta;
    struct labels labels;
    fov_backend_model about;
    fov_model_info info;
    char id[128], *path, file_reason[VARIANT_REASON];
    int confidence;
    char evidence[HEAD_EVIDENCE], shapes[256], scale[96], fallback[240];
};

/* Runs the model once on what stands in the runner's input; `out`: one dense f32 view an output,
 * valid to the next run. Returns FOV_EINFER, also for numbers that are not finite. */
fov_status runner_run(fov_runner *runner, fov_tensor out[FOV_MODEL_OUTPUTS], fov_error *error);

/* Fills the runner's input with noise. */
void runner_fill_noise(fov_runner *runner);

/* As fov_runner_open, before the model's head is settled. */
fov_status runner_open_unsettled(fov_runner **runner, fov_model *model, fov_error *error);

#endif
