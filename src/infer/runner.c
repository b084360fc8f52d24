/* One frame through a model: letterbox → run → head → NMS → undo. Nothing is allocated once the
 * largest picture has been seen. */
#include <stdlib.h>
#include <string.h>

#include <fovea/picture.h>

#include "base/clock.h"
#include "infer/model_internal.h"
#include "infer/runner.h"

enum {
    KEEP = 1000,      /* candidates that reach NMS */
    KEEP_MORE = 5000, /* ... when the threshold is that of an evaluation */
    MAX_DETECTIONS = 1000,
    PIXELS_MAX = 40 * 1000 * 1000,
};

/* At most this: an evaluation. Each class is then judged by itself, as COCO's rules want it: an
 * anchor may give several, and boxes are suppressed by those of their own class only. */
static const float EVALUATION_CONF = 0.01f;

struct fov_runner {
    fov_model *model;
    void *handle; /* of the backend */
    fov_tensor inputs[FOV_MODEL_INPUTS];
    float *real[FOV_MODEL_OUTPUTS]; /* outputs of other types as f32 */
    size_t real_room[FOV_MODEL_OUTPUTS];
    struct letterbox box;
    struct candidates candidates;
    uint8_t wanted[HEAD_COLUMNS];
    fov_decoder *decoder; /* made with the first encoded picture */
};

void fov_runner_close(fov_runner **runner)
{
    if (!runner || !*runner)
        return;
    fov_runner *r = *runner;
    *runner = NULL;
    fov_decoder_destroy(&r->decoder);
    candidates_release(&r->candidates);
    letterbox_release(&r->box);
    for (int i = 0; i < FOV_MODEL_OUTPUTS; i++)
        free(r->real[i]);
    if (r->handle)
        r->model->backend->runner_close(r->handle);
    atomic_fetch_sub(&r->model->runners, 1);
    fov_model_close(&r->model);
    free(r);
}

fov_status runner_open_unsettled(fov_runner **runner, fov_model *model, fov_error *error)
{
    if (atomic_fetch_add(&model->runners, 1) >= model->about.max_runners) {
        atomic_fetch_sub(&model->runners, 1);
        return fov_fail(error, FOV_EBUSY, "model %s runs %d at once, and as many are open",
                        model->id, model->about.max_runners);
    }
    fov_runner *r = calloc(1, sizeof *r);
    if (!r) {
        atomic_fetch_sub(&model->runners, 1);
        return fov_fail(error, FOV_ENOMEM, "no memory for a runner");
    }
    r->model = fov_model_ref(model);
    fov_status status = model->backend->runner_open(model->loaded, &r->handle, error);
    if (!status) {
        model->backend->inputs(r->handle, r->inputs);
        status = letterbox_init(&r->box, &model->setup.input);
        if (!status && !candidates_init(&r->candidates, KEEP_MORE))
            status = FOV_ENOMEM;
        if (status)
            fov_fail(error, status, "no memory for a runner");
    }
    if (status)
        fov_runner_close(&r);
    *runner = r;
    return status;
}

fov_status fov_runner_open(fov_runner **runner, fov_model *model, fov_error *error)
{
    if (runner)
        *runner = NULL;
    if (!runner || !model)
        return fov_fail(error, FOV_EINVAL, "no model to run");
    return runner_open_unsettled(runner, model, error);
}

void runner_cancel(fov_runner *runner)
{
    if (runner->model->backend->cancel)
        runner->model->backend->cancel(runner->handle);
}

void runner_fill_noise(fov_runner *runner)
{
    const fov_tensor *in = &runner->inputs[0];
    const struct letterbox_spec *spec = &runner->model->setup.input;
    size_t count = fov_tensor_count(in);
    uint32_t random = 12345;
    for (size_t i = 0; i < count; i++) {
        random = random * 1664525u + 1013904223u;
        uint8_t pixel = (uint8_t)(random >> 24);
        if (in->dtype == FOV_F32)
            ((float *)in->data)[i] = (pixel - spec->mean[0]) / spec->scale[0];
        else
            ((uint8_t *)in->data)[i] = pixel;
    }
}

/* ---- outputs as f32 ---- */

static float half_to_float(uint16_t half)
{
    uint32_t sign = (uint32_t)(half & 0x8000) << 16, exponent = half >> 10 & 31, bits = half & 1023;
    uint32_t whole = sign | (exponent + 112) << 23 | bits << 13;
    float value;
    if (exponent == 31)
        whole = sign | 0x7F800000u | bits << 13;
    if (exponent == 0) /* zero and subnormals: bits * 2^-24 */
        return (sign ? -1.0f : 1.0f) * (float)bits / 16777216.0f;
    memcpy(&value, &whole, sizeof value);
    return value;
}

static float bfloat_to_float(uint16_t half)
{
    uint32_t whole = (uint32_t)half << 16;
    float value;
    memcpy(&value, &whole, sizeof value);
    return value;
}

static void convert(const fov_tensor *from, float *to, size_t count)
{
    float scale = from->scale > 0 ? from->scale : 1;
    float zero = from->scale > 0 ? (float)from->zero : 0;
    float table[256];
    switch (from->dtype) {
    case FOV_U8:
    case FOV_I8:
        for (int i = 0; i < 256; i++)
            table[i] = scale * ((float)(from->dtype == FOV_I8 ? (int8_t)i : i) - zero);
        for (size_t i = 0; i < count; i++)
            to[i] = table[((const uint8_t *)from->data)[i]];
        break;
    case FOV_F16:
        for (size_t i = 0; i < count; i++)
            to[i] = half_to_float(((const uint16_t *)from->data)[i]);
        break;
    case FOV_BF16:
        for (size_t i = 0; i < count; i++)
            to[i] = bfloat_to_float(((const uint16_t *)from->data)[i]);
        break;
    case FOV_I32:
        for (size_t i = 0; i < count; i++)
            to[i] = (float)((const int32_t *)from->data)[i];
        break;
    case FOV_I64:
        for (size_t i = 0; i < count; i++)
            to[i] = (float)((const int64_t *)from->data)[i];
        break;
    default:
        break;
    }
}

static fov_status to_real(fov_runner *runner, int i, fov_tensor *tensor, fov_error *error)
{
    size_t count = fov_tensor_count(tensor);
    tensor->scale = runner->model->about.outputs[i].scale;
    tensor->zero = runner->model->about.outputs[i].zero;
    if (tensor->dtype == FOV_F32 || !count)
        return FOV_OK;
    if (tensor->dtype == FOV_DTYPE_NONE)
        return fov_fail(error, FOV_EINFER, "output %s is of a type that is not read", tensor->name);
    if (count > runner->real_room[i]) {
        free(runner->real[i]);
        runner->real_room[i] = 0;
        runner->real[i] = malloc(count * sizeof(float));
        if (!runner->real[i])
            return fov_fail(error, FOV_ENOMEM, "no memory for output %s", tensor->name);
        runner->real_room[i] = count;
    }
    convert(tensor, runner->real[i], count);
    tensor->data = runner->real[i];
    tensor->dtype = FOV_F32;
    return FOV_OK;
}

fov_status runner_run(fov_runner *runner, fov_tensor out[FOV_MODEL_OUTPUTS], fov_error *error)
{
    const fov_model *model = runner->model;
    fov_status status = model->backend->run(runner->handle, out, error);
    for (int i = 0; !status && i < model->about.output_count; i++) {
        status = to_real(runner, i, &out[i], error);
        if (!status && !model->setup.kernels->all_finite(out[i].data, fov_tensor_count(&out[i])))
            status = fov_fail(error, FOV_EINFER, "output %s has numbers that are not finite",
                              out[i].name);
    }
    return status;
}

/* ---- detecting ---- */

struct limits {
    float conf, iou;
    size_t most;
};

static fov_status read_params(const fov_detect_params *params, struct limits *limits,
                              fov_error *error)
{
    static const fov_detect_params none;
    params = params ? params : &none;
    bool valid = params->conf >= 0 && params->conf <= 1 && params->iou >= 0 && params->iou <= 1 &&
                 params->max_detections >= 0 && params->max_detections <= MAX_DETECTIONS;
    if (!valid)
        return fov_fail(error, FOV_EINVAL,
                        "conf and iou must be within 0..1, max_detections within 1..%d",
                        MAX_DETECTIONS);
    limits->conf = params->conf > 0 ? params->conf : 0.25f;
    limits->iou = params->iou > 0 ? params->iou : 0.45f;
    limits->most = params->max_detections > 0 ? (size_t)params->max_detections : 300;
    return FOV_OK;
}

/* Columns of the classes asked for and of those that exist. NULL: all of them. */
static const uint8_t *wanted_columns(fov_runner *runner, const fov_detect_params *params)
{
    const struct labels *labels = &runner->model->labels;
    uint64_t any = 0;
    bool all = true;
    for (size_t i = 0; params && i < sizeof params->classes / sizeof *params->classes; i++)
        any |= params->classes[i];
    for (int column = 0; column < labels->columns; column++) {
        int id = labels->class_of[column];
        bool wanted = id >= 0 && (!any || (params->classes[id / 64] >> (id % 64) & 1));
        runner->wanted[column] = wanted;
        all = all && wanted;
    }
    return all ? NULL : runner->wanted;
}

static void write_detections(const fov_runner *runner, fov_detections *out)
{
    const struct candidates *c = &runner->candidates;
    for (size_t i = 0; i < c->count && out->count < out->capacity; i++) {
        const struct candidate *from = &c->items[i];
        fov_detection d = {.x1 = from->x1,
                           .y1 = from->y1,
                           .x2 = from->x2,
                           .y2 = from->y2,
                           .score = from->score > 1 ? 1 : from->score,
                           .class_id = runner->model->labels.class_of[from->class_raw],
                           .class_id_raw = from->class_raw,
                           .track_id = -1};
        letterbox_undo(&runner->box, &d.x1, &d.y1);
        letterbox_undo(&runner->box, &d.x2, &d.y2);
        if (d.x2 > d.x1 && d.y2 > d.y1)
            out->items[out->count++] = d;
    }
}

static void read_outputs(fov_runner *runner, const fov_tensor *tensors,
                         const fov_detect_params *params, const struct limits *limits,
                         fov_detections *out)
{
    const fov_model *model = runner->model;
    bool evaluation = limits->conf <= EVALUATION_CONF;
    enum nms_kind nms = model->setup.nms;
    struct head_query query = {limits->conf, evaluation, wanted_columns(runner, params)};
    candidates_begin(&runner->candidates, evaluation ? KEEP_MORE : KEEP, limits->conf);
    model->head->decode(&model->setup, tensors, &query, &runner->candidates);
    if (evaluation && nms == NMS_AGNOSTIC)
        nms = NMS_PER_CLASS;
    candidates_suppress(&runner->candidates, nms, limits->iou, limits->most);
    write_detections(runner, out);
}

static bool arguments_are_valid(const fov_image *image, const fov_detections *out)
{
    return image && out && (out->items || !out->capacity) && image->width > 0 &&
           image->height > 0 && (int64_t)image->width * image->height <= PIXELS_MAX;
}

fov_status fov_runner_detect(fov_runner *runner, const fov_image *image, int src_width,
                             int src_height, const fov_detect_params *params, fov_detections *out,
                             fov_timings *timings, fov_error *error)
{
    struct limits limits = {0};
    fov_tensor tensors[FOV_MODEL_OUTPUTS];
    if (!runner || !arguments_are_valid(image, out))
        return fov_fail(error, FOV_EINVAL, "no runner, picture or room for detections");
    out->count = 0;
    fov_status status = read_params(params, &limits, error);
    if (status)
        return status;
    int64_t start = clock_now_ns();
    status = letterbox_run(&runner->box, image, src_width, src_height, runner->inputs[0].data);
    if (status)
        return fov_fail(error, status, "a picture that cannot be resized");
    int64_t filled = clock_now_ns();
    status = runner_run(runner, tensors, error);
    if (status)
        return status;
    int64_t inferred = clock_now_ns();
    read_outputs(runner, tensors, params, &limits, out);
    if (timings) {
        timings->preprocess = filled - start;
        timings->inference = inferred - filled;
        timings->postprocess = clock_now_ns() - inferred;
    }
    return FOV_OK;
}

/* Largest reduction whose result still has the pixels that the model's input takes. */
static int denominator_of(const struct letterbox_spec *spec, int width, int height)
{
    struct letterbox_place place = letterbox_place_of(spec, width, height);
    int denominator = 8;
    while (denominator > 1 && ((width + denominator - 1) / denominator < place.width ||
                               (height + denominator - 1) / denominator < place.height))
        denominator /= 2;
    return denominator;
}

/* The frame's picture as pixels: its own, or decoded no larger than needed. */
static fov_status decode(fov_runner *runner, const fov_frame *frame, bool exact, fov_image *image,
                         int *width, int *height, fov_error *error)
{
    fov_picture_info info;
    if (frame->image.pixels != FOV_PIXELS_NONE) {
        *image = frame->image;
        *width = image->width;
        *height = image->height;
        return FOV_OK;
    }
    if (!frame->bytes || !frame->size)
        return fov_fail(error, FOV_EINVAL, "a frame without a picture");
    fov_status status = fov_picture_probe(frame->bytes, frame->size, &info, error);
    if (!status && !runner->decoder)
        status = fov_decoder_create(&runner->decoder, error);
    if (status)
        return status;
    *width = info.width;
    *height = info.height;
    int denominator = exact ? 1
                            : denominator_of(&runner->model->setup.input, info.width, info.height);
    /* Reduced, the planes go into the resize as they are; whole, colours are made first, so that
     * pictures that need no reduction give the same detections with `exact` and without. */
    bool planes = denominator > 1 && info.codec == FOV_JPEG && info.components != 4;
    fov_pixels pixels = planes ? FOV_YUV : FOV_RGB24;
    return fov_decode(runner->decoder, frame->bytes, frame->size, pixels, denominator, image, &info,
                      error);
}

fov_status fov_runner_detect_frame(fov_runner *runner, const fov_frame *frame,
                                   const fov_detect_params *params, fov_detections *out,
                                   int *out_width, int *out_height, fov_timings *timings,
                                   fov_error *error)
{
    fov_image image;
    int width = 0, height = 0;
    if (!runner || !frame || !out)
        return fov_fail(error, FOV_EINVAL, "no runner, frame or room for detections");
    out->count = 0;
    int64_t start = clock_now_ns();
    fov_status status = decode(runner, frame, params && params->exact, &image, &width, &height,
                               error);
    if (out_width)
        *out_width = width;
    if (out_height)
        *out_height = height;
    if (status)
        return status;
    if (timings)
        timings->decode = clock_now_ns() - start;
    return fov_runner_detect(runner, &image, width, height, params, out, timings, error);
}
