/* What a file is, without any runtime: the scanners' finds, and how a head would read them. */
#include <stdlib.h>
#include <string.h>

#include "infer/model_internal.h"

struct fov_inspection {
    fov_model *model;
    fov_error problem;
    fov_inspection_info info;
};

/* Open dimensions of the picture's input as they would be fixed: batch 1, 3 channels, the size
 * asked for, told by the file, or 640. */
static void close_input(fov_tensor *in, const fov_model_params *params)
{
    int64_t width = params->input_width > 0 ? params->input_width : 640;
    int64_t height = params->input_height > 0 ? params->input_height : width;
    bool packed = in->rank == 4 && in->shape[3] == 3 && in->shape[1] != 3;
    const int64_t planar_dims[4] = {1, 3, height, width}, packed_dims[4] = {1, height, width, 3};
    for (int d = 0; d < 4 && in->rank == 4; d++)
        if (in->shape[d] < 0)
            in->shape[d] = packed ? packed_dims[d] : planar_dims[d];
}

static void describe_ports(fov_model *model, const fov_model_params *params)
{
    const struct inspected *found = model->found;
    fov_backend_model *about = &model->about;
    for (int i = 0; i < found->input_count && i < FOV_MODEL_INPUTS; i++)
        about->inputs[about->input_count++] = inspected_tensor(&found->inputs[i]);
    for (int i = 0; i < found->output_count && i < FOV_MODEL_OUTPUTS; i++) {
        fov_tensor *out = &about->outputs[about->output_count++];
        *out = inspected_tensor(&found->outputs[i]);
        if (out->rank > 1 && out->shape[0] < 0)
            out->shape[0] = 1; /* the batch */
    }
    for (int i = 0; i < about->input_count; i++)
        close_input(&about->inputs[i], params);
}

/* Ports that the runtimes' descriptions have no room for are refused there; here as well. */
static fov_status check_ports(const struct inspected *found, fov_error *error)
{
    if (found->input_count > FOV_MODEL_INPUTS || found->output_count > FOV_MODEL_OUTPUTS)
        return fov_fail(
            error, FOV_EUNSUPPORTED, "%d inputs and %d outputs; models of up to %d and %d are read",
            found->input_count, found->output_count, FOV_MODEL_INPUTS, FOV_MODEL_OUTPUTS);
    return FOV_OK;
}

fov_status model_open_unrun(fov_model **model, const fov_model_params *params, fov_error *error)
{
    fov_model *made = calloc(1, sizeof *made);
    fov_model_params mine = *params;
    *model = made;
    if (!made)
        return fov_fail(error, FOV_ENOMEM, "no memory for a model");
    atomic_init(&made->references, 1);
    atomic_init(&made->runners, 0);
    made->path = strdup(params->path);
    fov_status status = model_look_into(made, params, error);
    if (!made->path || !made->found) {
        fov_model_close(model);
        return fov_fail(error, FOV_ENOMEM, "no memory for a model");
    }
    if (!status)
        status = check_ports(made->found, error);
    if (status)
        return status;
    model_read_size(&made->meta, &mine);
    model_set_name(made, params);
    describe_ports(made, &mine);
    status = model_check_size(made, &mine, error);
    if (!status)
        status = model_split_batch(made, error);
    if (!status)
        status = model_configure(made, params, error);
    if (!status)
        model_fill_info(made);
    return status;
}

static int by_count(const void *a, const void *b)
{
    const fov_file_operator *x = a, *y = b;
    return x->count != y->count ? y->count - x->count : strcmp(x->name, y->name);
}

static const char *said(const struct metadata *meta, const char *key)
{
    const char *value = metadata_get(meta, key);
    return value ? value : "";
}

static int kept(int count)
{
    return count < INSPECT_PORTS ? count : INSPECT_PORTS;
}

static void fill(fov_inspection *inspection)
{
    fov_model *model = inspection->model;
    struct inspected *found = model->found;
    qsort(found->operators, (size_t)found->operator_kinds, sizeof *found->operators, by_count);
    inspection->info = (fov_inspection_info){.format = file_kind_name(found->kind),
                                             .version = found->version,
                                             .producer = found->producer,
                                             .quantised = found->quantised,
                                             .custom_operator = found->custom,
                                             .external_data = found->external,
                                             .licence = said(&model->meta, "license"),
                                             .task = said(&model->meta, "task"),
                                             .description = said(&model->meta, "description"),
                                             .bytes = found->bytes,
                                             .inputs = found->inputs,
                                             .outputs = found->outputs,
                                             .input_count = kept(found->input_count),
                                             .output_count = kept(found->output_count),
                                             .operators = found->operators,
                                             .operator_kinds = found->operator_kinds,
                                             .node_count = found->node_count,
                                             .reading = model->info.head ? &model->info : NULL,
                                             .problem = inspection->problem.message,
                                             .refused = !model->sound};
}

fov_status fov_inspect(fov_inspection **inspection, const fov_model_params *params,
                       fov_error *error)
{
    if (inspection)
        *inspection = NULL;
    if (!inspection || !params || !params->path || !*params->path)
        return fov_fail(error, FOV_EINVAL, "no model path");
    if (chain_is_scheme(params->path))
        return fov_fail(error, FOV_EINVAL, "%.80s: there is no file to look into", params->path);
    fov_inspection *made = calloc(1, sizeof *made);
    if (!made)
        return fov_fail(error, FOV_ENOMEM, "no memory for an inspection");
    fov_status status = model_open_unrun(&made->model, params, &made->problem);
    if (status)
        fov_fail(error, status, "%s", made->problem.message);
    if (!made->model) {
        free(made);
        return status;
    }
    fill(made);
    *inspection = made;
    return status;
}

const fov_inspection_info *fov_inspection_get_info(const fov_inspection *inspection)
{
    return &inspection->info;
}

void fov_inspection_close(fov_inspection **inspection)
{
    if (!inspection || !*inspection)
        return;
    fov_model_close(&(*inspection)->model);
    free(*inspection);
    *inspection = NULL;
}
