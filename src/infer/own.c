/* Models that are functions of the caller's. What streams, runners and trackers know of models
 * holds for them too; there is no input to fill and no output to read. */
#include "infer/model_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "media/image.h"

enum { RUNNERS_MAX = 64, WHOLE_PX = IMAGE_MAX_SIDE };

static const double PATIENCE_MS = 10000;

struct own_runner {
    int64_t limit_ns;
};

/* ---- the backend that it has instead of a runtime ----------------------------------------------
 */

static fov_status runner_open(void *model, void **runner, fov_error *error)
{
    (void)model;
    *runner = calloc(1, sizeof(struct own_runner));
    return *runner ? FOV_OK : fov_fail(error, FOV_ENOMEM, "no memory for a runner");
}

static void inputs(void *runner, fov_tensor *in)
{
    (void)runner;
    (void)in;
}

static void limit(void *runner, int64_t deadline_ns)
{
    ((struct own_runner *)runner)->limit_ns = deadline_ns;
}

static const fov_backend backend = {.abi = FOV_BACKEND_ABI,
                                    .name = "own",
                                    .suffixes = "",
                                    .runner_open = runner_open,
                                    .inputs = inputs,
                                    .limit = limit,
                                    .runner_close = free};

static const struct head head = {.name = "own"};

/* ---- making it
 * ----------------------------------------------------------------------------------- */

static fov_status check(const fov_model_params *params, fov_error *error)
{
    const fov_own_model *own = params->own;
    if (!own->detect)
        return fov_fail(error, FOV_EINVAL, "a model that is a function needs one");
    if (own->runners < 0 || own->runners > RUNNERS_MAX)
        return fov_fail(error, FOV_EINVAL, "runners of a function: 1 to %d, not %d", RUNNERS_MAX,
                        own->runners);
    if (own->pixels < FOV_PIXELS_NONE || own->pixels > FOV_YUV)
        return fov_fail(error, FOV_EINVAL, "pixels of no known form");
    if (own->label_count < 0 || own->label_count > HEAD_COLUMNS || !(own->patience_ms >= 0))
        return fov_fail(error, FOV_EINVAL, "0 to %d labels, and a patience of 0 ms at least",
                        HEAD_COLUMNS);
    if (params->avoid && strstr(params->avoid, "own:")) /* it failed: what else could run it? */
        return fov_fail(error, FOV_EUNSUPPORTED, "a function runs nowhere else");
    return FOV_OK;
}

static bool copy_labels(struct labels *to, const fov_own_model *own)
{
    to->from = own->label_count ? "the caller" : "numbers";
    to->names = calloc((size_t)own->label_count + 1, sizeof *to->names);
    if (!to->names)
        return false;
    for (int i = 0; i < own->label_count; i++) {
        to->names[i] = strdup(own->labels[i] ? own->labels[i] : "");
        if (!to->names[i])
            return false;
        to->count++;
    }
    to->columns = HEAD_COLUMNS;
    for (int i = 0; i < HEAD_COLUMNS; i++)
        to->class_of[i] = (int16_t)i;
    return true;
}

static void describe(fov_model *model)
{
    const fov_own_model *own = model->own;
    model_fill_info(model);
    fov_model_info *info = &model->info;
    info->input_width = info->input_height = WHOLE_PX; /* nothing is reduced for it */
    info->fit = "whole, as it is";
    info->layout = "nhwc";
    info->color = own->pixels == FOV_BGR24   ? "bgr"
                  : own->pixels == FOV_GRAY8 ? "gray"
                  : own->pixels == FOV_RGB24 ? "rgb"
                                             : "as it is";
    info->shapes = "a picture -> boxes";
    info->patience_ms = own->patience_ms > 0 ? own->patience_ms : PATIENCE_MS;
}

fov_status own_model_make(fov_model *model, const fov_model_params *params, fov_error *error)
{
    const fov_own_model *own = params->own;
    fov_status status = check(params, error);
    if (status)
        return status;
    model->own = own;
    model->backend = &backend;
    model->head = &head;
    model->confidence = 100;
    text_copy(model->evidence, sizeof model->evidence, "a function of the caller's");
    text_copy(model->about.device, sizeof model->about.device, "CPU");
    text_copy(model->about.precision, sizeof model->about.precision, "f32");
    model->about.threads = model->about.batch = 1;
    model->about.max_runners = own->runners ? own->runners : 1;
    model->setup.kernels = infer_kernels();
    model->setup.input = (struct letterbox_spec){
        .width = 8, .height = 8, .dtype = FOV_U8, .scale = {1, 1, 1}}; /* is never filled */
    model->path = strdup(params->path);
    if (!model->path || !copy_labels(&model->labels, own))
        return fov_fail(error, FOV_ENOMEM, "no memory for a model");
    text_copy(model->id, sizeof model->id, params->id && *params->id ? params->id : params->path);
    describe(model);
    return FOV_OK;
}

/* ---- running it
 * ------------------------------------------------------------------------------------ */

static bool is_wanted(const fov_detection *d, const fov_detect_params *params)
{
    uint64_t any = 0;
    for (size_t i = 0; i < sizeof params->classes / sizeof *params->classes; i++)
        any |= params->classes[i];
    bool known = d->class_id >= 0 && d->class_id < HEAD_COLUMNS;
    return known && d->score >= params->conf &&
           (!any || (params->classes[d->class_id / 64] >> (d->class_id % 64) & 1));
}

/* Cut at the picture's edges; false: nothing of it is left, or it is none. */
static bool settle(fov_detection *d, float width, float height)
{
    bool finite = isfinite(d->x1) && isfinite(d->y1) && isfinite(d->x2) && isfinite(d->y2) &&
                  isfinite(d->score);
    if (!finite)
        return false;
    d->x1 = fmaxf(d->x1, 0);
    d->y1 = fmaxf(d->y1, 0);
    d->x2 = fminf(d->x2, width);
    d->y2 = fminf(d->y2, height);
    d->score = fminf(fmaxf(d->score, 0), 1);
    d->class_id_raw = d->class_id;
    d->track_id = -1;
    return d->x2 > d->x1 && d->y2 > d->y1;
}

static void keep_good(fov_detections *out, const fov_image *image, const fov_detect_params *params)
{
    size_t count = out->count < out->capacity ? out->count : out->capacity, kept = 0;
    for (size_t i = 0; i < count; i++) {
        fov_detection d = out->items[i];
        if (settle(&d, (float)image->width, (float)image->height) && is_wanted(&d, params))
            out->items[kept++] = d;
    }
    out->count = kept;
}

/* The picture in the pixels that the function wants. */
static fov_status as_wanted(const fov_own_model *own, const fov_image *image, struct buffer *buffer,
                            fov_image *wanted)
{
    *wanted = *image;
    if (own->pixels == FOV_PIXELS_NONE || own->pixels == image->pixels)
        return FOV_OK;
    fov_status status = image_in_buffer(wanted, buffer, own->pixels, image->width, image->height, 1,
                                        1);
    if (status == FOV_OK)
        image_convert(wanted, image);
    return status;
}

void own_model_detect(const fov_model *model, const void *handle, const fov_image *image,
                      struct buffer *buffer, size_t most, fov_item *item)
{
    static const fov_detect_params none;
    fov_image wanted;
    fov_error *error = &item->error;
    fov_detections *out = item->out;
    const fov_detect_params *params = item->params ? item->params : &none;
    const fov_own_picture picture = {.image = &wanted,
                                     .limit_ns = ((const struct own_runner *)handle)->limit_ns,
                                     .params = params};
    out->count = 0;
    fov_details_reset(out->details);
    fov_status status = as_wanted(model->own, image, buffer, &wanted);
    if (status) {
        fov_fail(error, status, "no memory for a picture");
        return;
    }
    status = model->own->detect(model->own->user, &picture, out, error);
    if (status) {
        out->count = 0;
        if (error->status != status)
            fov_fail(error, status, "%s", fov_status_text(status));
        return;
    }
    keep_good(out, &wanted, params);
    out->count = out->count < most ? out->count : most;
    *error = (fov_error){.status = FOV_OK};
}
