/* What is done about a model's file before a runtime sees it: looking into it, memory. */
#include <stdlib.h>
#include <string.h>

#include "base/machine.h"
#include "base/text.h"
#include "infer/memory.h"
#include "infer/model_internal.h"

fov_status model_look_into(fov_model *model, const fov_model_params *params, fov_error *error)
{
    char name[80];
    if (chain_is_scheme(params->path))
        return FOV_OK;
    model->found = calloc(1, sizeof *model->found);
    if (!model->found)
        return fov_fail(error, FOV_ENOMEM, "no memory for a model");
    fov_status status = inspect_file(model->found, &model->meta, params->path, error);
    model->sound = !status;
    if (status)
        return status;
    inspect_short_path(params->path, name, sizeof name);
    return memory_check(name, model->found->bytes, machine_memory_free(""), error);
}

static bool is_open(const struct inspected *found)
{
    for (int i = 0; i < found->input_count && i < INSPECT_PORTS; i++)
        for (int d = 1; found->inputs[i].rank == 4 && d < 4; d++)
            if (found->inputs[i].shape[d] < 0)
                return true;
    return false;
}

fov_status model_check_size(const fov_model *model, const fov_model_params *params,
                            fov_error *error)
{
    const char *told = metadata_get(&model->meta, "stride");
    long long stride;
    int width = params->input_width, height = params->input_height;
    if (!told || !text_to_int(told, 2, 256, &stride) || width <= 0 || !is_open(model->found))
        return FOV_OK;
    int step = (int)stride, wrong = width % step ? width : height > 0 && height % step ? height : 0;
    if (!wrong)
        return FOV_OK;
    int below = wrong / step * step;
    return fov_fail(error, FOV_EMODEL,
                    "an input of %d px does not fit: this model wants multiples of %d; take "
                    "--imgsz %d",
                    wrong, step, below >= step ? below : below + step);
}

fov_status model_check_backend(const fov_model *model, fov_error *error)
{
    char name[80];
    if (!model->found->edge_tpu || !strcmp(model->backend->name, "litert"))
        return FOV_OK;
    inspect_short_path(model->path, name, sizeof name);
    return fov_fail(error, FOV_EUNSUPPORTED,
                    "%s: compiled for a Coral Edge TPU, it runs on one alone, through LiteRT; give "
                    "the .tflite it was made from for this machine",
                    name);
}
