#include "chosen_model.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "serve/model_files.h"
#include "serve/settings.h"

extern char **environ;

static fov_status to_precision(const struct chosen_model *chosen, fov_precision *precision,
                               fov_error *error)
{
    static const struct {
        const char *word;
        fov_precision precision;
    } words[] = {{"auto", FOV_PRECISION_AUTO}, {"fp32", FOV_PRECISION_F32},
                 {"f32", FOV_PRECISION_F32},   {"fp16", FOV_PRECISION_F16},
                 {"f16", FOV_PRECISION_F16},   {"int8", FOV_PRECISION_INT8}};
    *precision = chosen->exact ? FOV_PRECISION_F32 : FOV_PRECISION_AUTO;
    if (!chosen->precision)
        return FOV_OK;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(chosen->precision, words[i].word) == 0) {
            *precision = words[i].precision;
            return FOV_OK;
        }
    return fov_fail(error, FOV_EINVAL, "--precision is auto, fp32, fp16 or int8, not '%.40s'",
                    chosen->precision);
}

/* What was wrong with the environment becomes the reason of the failure. */
static void keep_reason(void *user, bool fatal, const char *text)
{
    fov_error *error = user;
    if (fatal && error && !error->message[0])
        fov_fail(error, FOV_EINVAL, "%s", text);
}

/* What is made of the file: one of these. */
struct opened {
    fov_model **model;
    fov_inspection **inspection; /* only looked into */
    fov_workers **workers;
    fov_workers_params *params; /* of the workers */
    fov_workers *beside;        /* added to those */
};

static fov_status open_found(struct chosen_model *chosen, const struct settings *s,
                             const struct opened *to, fov_error *error)
{
    char path[PATH_MAX];
    const char *name = chosen->model ? chosen->model : s->models.default_model;
    bool cpu = s->openvino.device && strcasecmp(s->openvino.device, "CPU") == 0; /* the order */
    fov_model_params params = {.id = chosen->id,
                               .backend = chosen->backend,
                               .device = chosen->device ? chosen->device
                                         : cpu          ? NULL
                                                        : s->openvino.device,
                               .head = chosen->head,
                               .labels = chosen->labels,
                               .input = chosen->input,
                               .batch = chosen->batch,
                               .avoid = chosen->avoid,
                               .threads = s->openvino.num_threads,
                               .input_width = chosen->imgsz,
                               .input_height = chosen->imgsz,
                               .no_int8 = s->realtime.optimization_level != LEVEL_HIGH};
    fov_status status = to_precision(chosen, &params.precision, error);
    if (status == FOV_OK)
        status = model_files_find(s, name, MODEL_OF_USER, path, sizeof path, error);
    if (status)
        return status;
    params.path = path;
    if (params.device && !params.device[0])
        params.device = NULL;
    chosen->conf = chosen->conf > 0 ? chosen->conf : settings_conf(s, 0.25);
    chosen->iou = chosen->iou > 0 ? chosen->iou : s->realtime.iou_threshold;
    if (to->inspection)
        return fov_inspect(to->inspection, &params, error);
    if (to->beside)
        return fov_workers_add_model(to->beside, &params, false, error);
    if (to->model)
        return fov_model_open(to->model, &params, error);
    to->params->model = &params;
    status = fov_workers_create(to->workers, to->params, error);
    to->params->model = NULL;
    return status;
}

fov_status chosen_settings(struct settings **settings, fov_error *error)
{
    fov_error why = {0}, general = {0};
    fov_status status = settings_load(settings, NULL, environ, NULL, 0, keep_reason, &why,
                                      &general);
    if (status)
        return fov_fail(error, status, "%s", why.message[0] ? why.message : general.message);
    return FOV_OK;
}

static fov_status open_chosen(struct chosen_model *chosen, const struct opened *to,
                              fov_error *error)
{
    struct settings *settings;
    fov_status status = chosen_settings(&settings, error);
    if (status)
        return status;
    status = open_found(chosen, settings, to, error);
    settings_free(&settings);
    return status;
}

fov_status chosen_model_open(struct chosen_model *chosen, fov_model **model, fov_error *error)
{
    *model = NULL;
    return open_chosen(chosen, &(struct opened){.model = model}, error);
}

fov_status chosen_model_inspect(struct chosen_model *chosen, fov_inspection **inspection,
                                fov_error *error)
{
    *inspection = NULL;
    return open_chosen(chosen, &(struct opened){.inspection = inspection}, error);
}

fov_status chosen_model_start(struct chosen_model *chosen, fov_workers_params *params,
                              fov_workers **workers, fov_error *error)
{
    *workers = NULL;
    return open_chosen(chosen, &(struct opened){.workers = workers, .params = params}, error);
}

fov_status chosen_model_add(struct chosen_model *chosen, fov_workers *workers, fov_error *error)
{
    return open_chosen(chosen, &(struct opened){.beside = workers}, error);
}
