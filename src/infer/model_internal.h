/* What model.c and runner.c share. */
#ifndef INFER_MODEL_INTERNAL_H
#define INFER_MODEL_INTERNAL_H

#include <stdatomic.h>
#include <fovea/backend.h>

#include "infer/chain.h"
#include "infer/head.h"
#include "infer/inspect.h"
#include "infer/labels.h"
#include "infer/variant.h"
#include "media/buffer.h"

struct fov_model {
    atomic_int references, runners;
    const fov_own_model *own; /* it is a function; NULL: it has a backend that runs it */
    const fov_backend *backend;
    void *loaded;
    const struct head *head;
    struct head_setup setup;
    struct metadata meta;
    struct inspected *found; /* what our own scanner saw; NULL for schemes */
    bool sound;              /* and it let the file pass */
    struct labels labels;
    fov_backend_model about;
    fov_tensor inputs[FOV_MODEL_INPUTS], outputs[FOV_MODEL_OUTPUTS]; /* of one picture */
    fov_model_info info;
    char id[128], *path, file_reason[VARIANT_REASON];
    int confidence;
    char evidence[HEAD_EVIDENCE], shapes[256], scale[96], fallback[240];
};

/* Runs the model once on what stands in the runner's input; `out`: one dense f32 view an output,
 * valid to the next run, of the described shapes. Returns FOV_EINFER, FOV_ETIMEOUT. */
fov_status runner_run(fov_runner *runner, fov_tensor out[FOV_MODEL_OUTPUTS], fov_error *error);

/* Returns FOV_EINFER when a number of the outputs (or of one picture's part) is not finite. */
fov_status runner_check_finite(const fov_runner *runner, const fov_tensor *out, fov_error *error);

/* The i-th picture's part of a run's outputs. */
void runner_slice(const fov_runner *runner, const fov_tensor *out, int i, fov_tensor *slice);

/* Fills the runner's input with noise. */
void runner_fill_noise(fov_runner *runner);

/* As fov_runner_open, before the model's head is settled. */
fov_status runner_open_unsettled(fov_runner **runner, fov_model *model, fov_error *error);

/* ---- models that are functions ---- */

/* Fills a model that was zeroed. Returns FOV_EINVAL, FOV_ENOMEM, FOV_EUNSUPPORTED. */
fov_status own_model_make(fov_model *model, const fov_model_params *params, fov_error *error);

/* `image` through the function, for `item`, whose `out` and `error` are filled. `handle`: of its
 * runner. `buffer`: for other pixels. */
void own_model_detect(const fov_model *model, const void *handle, const fov_image *image,
                      struct buffer *buffer, size_t most, fov_item *item);

/* ---- the steps of opening ---- */

/* What the file is and says, by our own scanners: a runtime sees no file that they refuse, nor one
 * that memory cannot hold. Models behind a scheme have no file. */
fov_status model_look_into(fov_model *model, const fov_model_params *params, fov_error *error);

/* The size of a dynamic input out of the metadata, when the caller asks for none. */
void model_read_size(const struct metadata *meta, fov_model_params *params);

/* A size that the model's own stride does not divide is refused with the next ones that fit, where
 * the file leaves its size open and tells the stride. */
fov_status model_check_size(const fov_model *model, const fov_model_params *params,
                            fov_error *error);

/* What is compiled for a Coral Edge TPU runs through LiteRT alone. */
fov_status model_check_backend(const fov_model *model, fov_error *error);

/* Heads read one picture: its share of each tensor. A batch that is fixed in the model or was asked
 * for shows as the first dimension of the picture's input. Returns FOV_EUNSUPPORTED. */
fov_status model_split_batch(fov_model *model, fov_error *error);

void model_set_name(fov_model *model, const fov_model_params *params);

/* Head, input and labels, from what the backend (or the file) describes. */
fov_status model_configure(fov_model *model, const fov_model_params *params, fov_error *error);

void model_fill_info(fov_model *model);

/* A model as its file describes it, that no runtime holds: *model is there also after a failure
 * (but FOV_ENOMEM), with `found` as far as it goes; `info.head` is NULL unless a head reads it. */
fov_status model_open_unrun(fov_model **model, const fov_model_params *params, fov_error *error);

#endif
