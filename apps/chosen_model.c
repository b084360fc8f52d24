#include "chosen_model.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/dynlib.h"
#include "base/text.h"
#include "serve/settings.h"

extern char **environ;

static bool is_file(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

static bool is_folder(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* NAME in a folder of models: itself, NAME/model.xml, NAME.xml, NAME.onnx, NAME.tflite. */
static bool find_in(const char *folder, const char *name, char *path, size_t size)
{
    static const char *const forms[] = {"", "/model.xml", ".xml", ".onnx", ".tflite"};
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        int length = snprintf(path, size, "%s/%s%s", folder, name, forms[i]);
        if (length > 0 && (size_t)length < size && is_file(path))
            return true;
    }
    return false;
}

static fov_status find(const char *name, const char *models_dir, char *path, size_t size,
                       fov_error *error)
{
    char folder[PATH_MAX], models[PATH_MAX + 16];
    text_copy(path, size, name);
    if (fov_model_is_address(name) || find_in(".", name, path, size) ||
        find_in("", name, path, size))
        return FOV_OK;
    if (models_dir && find_in(models_dir, name, path, size))
        return FOV_OK;
    if (dynlib_deps_folder(folder, sizeof folder)) {
        snprintf(models, sizeof models, "%s/models", folder);
        if (find_in(models, name, path, size))
            return FOV_OK;
    }
    text_copy(path, size, name);
    if (is_folder(name)) /* refused with what is inside */
        return FOV_OK;
    return fov_fail(error, FOV_ENOTFOUND,
                    "model %.80s: no such file or name; `make build` fetches the default one, "
                    "--model FILE takes another",
                    name);
}

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

/* Opens the model, or only looks into its file when `inspection` is given. */
static fov_status open_found(struct chosen_model *chosen, const struct settings *s,
                             fov_model **model, fov_inspection **inspection, fov_error *error)
{
    char path[PATH_MAX];
    const char *name = chosen->model ? chosen->model : s->models.default_model;
    bool cpu = s->openvino.device && strcasecmp(s->openvino.device, "CPU") == 0; /* the order */
    fov_model_params params = {.backend = chosen->backend,
                               .device = chosen->device ? chosen->device
                                         : cpu          ? NULL
                                                        : s->openvino.device,
                               .head = chosen->head,
                               .labels = chosen->labels,
                               .input = chosen->input,
                               .threads = s->openvino.num_threads,
                               .input_width = chosen->imgsz,
                               .input_height = chosen->imgsz,
                               .no_int8 = s->realtime.optimization_level != LEVEL_HIGH};
    fov_status status = to_precision(chosen, &params.precision, error);
    if (status == FOV_OK)
        status = find(name, s->models.dir, path, sizeof path, error);
    if (status)
        return status;
    params.path = path + (strncmp(path, "./", 2) == 0 ? 2 : strncmp(path, "//", 2) == 0);
    if (params.device && !params.device[0])
        params.device = NULL;
    chosen->conf = chosen->conf > 0 ? chosen->conf : settings_conf(s, 0.25);
    chosen->iou = chosen->iou > 0 ? chosen->iou : s->realtime.iou_threshold;
    return inspection ? fov_inspect(inspection, &params, error)
                      : fov_model_open(model, &params, error);
}

static fov_status open_chosen(struct chosen_model *chosen, fov_model **model,
                              fov_inspection **inspection, fov_error *error)
{
    struct settings *settings;
    fov_error why = {0}, general = {0};
    fov_status status = settings_load(&settings, NULL, environ, NULL, 0, keep_reason, &why,
                                      &general);
    if (status)
        return fov_fail(error, status, "%s", why.message[0] ? why.message : general.message);
    status = open_found(chosen, settings, model, inspection, error);
    settings_free(&settings);
    return status;
}

fov_status chosen_model_open(struct chosen_model *chosen, fov_model **model, fov_error *error)
{
    *model = NULL;
    return open_chosen(chosen, model, NULL, error);
}

fov_status chosen_model_inspect(struct chosen_model *chosen, fov_inspection **inspection,
                                fov_error *error)
{
    *inspection = NULL;
    return open_chosen(chosen, NULL, inspection, error);
}
