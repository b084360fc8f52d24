/* One frame through a model: letterbox → run → head → NMS → undo. Nothing is allocated once the
 * largest picture has been seen. */
#include <stdlib.h>
#include <string.h>

#include <fovea/picture.h>

#include "base/clock.h"
#include "infer/model_internal.h"
#include "infer/runner.h"
#include "infer/tensor.h"

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
    void *scratch;        /* of the head */
    bool nonsense;        /* the last run gave numbers that are not finite */
    fov_decoder *decoder; /* made with the first encoded picture */
};

static const fov_tensor *picture_input(const fov_runner *runner)
{
    return &runner->inputs[runner->model->setup.picture];
}

void fov_runner_close(fov_runner **runner)
{
    if (!runner || !*runner)
        return;
    fov_runner *r = *runner;
    *runner = NULL;
    fov_decoder_destroy(&r->decoder);
    candidates_release(&r->candidates);
    letterbox_release(&r->box);
    free(r->scratch);
    for (int i = 0; i < FOV_MODEL_OUTPUTS; i++)
        free(r->real[i]);
    if (r->handle)
        r->model->backend->runner_close(r->handle);
    atomic_fetch_sub(&r->model->runners, 1);
    fov_model_close(&r->model);
    free(r);
}

/* A number as an element of the tensor's type. */
static void put_number(const fov_tensor *t, size_t i, float value)
{
    switch (t->dtype) {
    case FOV_F32:
        ((float *)t->data)[i] = value;
        break;
    case FOV_F16:
        ((uint16_t *)t->data)[i] = tensor_half(value);
        break;
    case FOV_I32:
        ((int32_t *)t->data)[i] = (int32_t)value;
        break;
    case FOV_I64:
        ((int64_t *)t->data)[i] = (int64_t)value;
        break;
    default:
        break;
    }
}

static void fill_constants(fov_runner *runner)
{
    const struct head_setup *setup = &runner->model->setup;
    for (int i = 0; i < runner->model->about.input_count; i++)
        for (int k = 0; i != setup->picture && k < setup->constants[i].count; k++)
            put_number(&runner->inputs[i], (size_t)k, setup->constants[i].values[k]);
}

static bool make_scratch(fov_runner *runner)
{
    const struct head *head = runner->model->head;
    size_t size = head->scratch ? head->scratch(&runner->model->setup) : 0;
    runner->scratch = size ? aligned_alloc(64, (size + 63) & ~(size_t)63) : NULL;
    return !size || runner->scratch;
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
        fill_constants(r);
        status = letterbox_init(&r->box, &model->setup.input);
        if (!status && (!candidates_init(&r->candidates, KEEP_MORE) || !make_scratch(r)))
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

void runner_limit(fov_runner *runner, int64_t deadline_ns)
{
    if (runner->model->backend->limit)
        runner->model->backend->limit(runner->handle, deadline_ns);
}

bool runner_gave_nonsense(const fov_runner *runner)
{
    return runner->nonsense;
}

void runner_fill_noise(fov_runner *runner)
{
    const fov_tensor *in = picture_input(runner);
    const struct letterbox_spec *spec = &runner->model->setup.input;
    size_t count = fov_tensor_count(in);
    uint32_t random = 12345;
    for (size_t i = 0; i < count; i++) {
        random = random * 1664525u + 1013904223u;
        uint8_t pixel = (uint8_t)(random >> 24);
        if (in->dtype == FOV_F32)
            ((float *)in->data)[i] = (pixel - spec->mean[0]) / spec->scale[0];
        else if (in->dtype == FOV_F16)
            ((uint16_t *)in->data)[i] = tensor_half((pixel - spec->mean[0]) / spec->scale[0]);
        else
            ((uint8_t *)in->data)[i] = pixel;
    }
}

/* ---- outputs as f32 ---- */

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
    tensor_to_floats(tensor, runner->real[i]);
    tensor->data = runner->real[i];
    tensor->dtype = FOV_F32;
    return FOV_OK;
}

fov_status runner_run(fov_runner *runner, fov_tensor out[FOV_MODEL_OUTPUTS], fov_error *error)
{
    const fov_model *model = runner->model;
    runner->nonsense = false;
    fov_status status = model->backend->run(runner->handle, out, error);
    for (int i = 0; !status && i < model->about.output_count; i++) {
        status = to_real(runner, i, &out[i], error);
        if (status)
            break;
        runner->nonsense = !model->setup.kernels->all_finite(out[i].data,
                                                             fov_tensor_count(&out[i]));
        if (runner->nonsense)
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

/* Survivors as boxes of the source; those with nothing of the picture in them are left out, of the
 * candidates as well, so that the two stay side by side. */
static void write_detections(fov_runner *runner, fov_detections *out)
{
    struct candidates *c = &runner->candidates;
    for (size_t i = 0; i < c->count && out->count < out->capacity; i++) {
        const struct candidate *from = &c->items[i];
        fov_detection d = {.x1 = from->x1,
                           .y1 = from->y1,
                           .x2 = from->x2,
                           .y2 = from->y2,
                           .score = from->score > 1 ? 1 : from->score,
                           .class_id_raw = from->class_raw,
                           .track_id = -1};
        letterbox_undo(&runner->box, &d.x1, &d.y1);
        letterbox_undo(&runner->box, &d.x2, &d.y2);
        if (d.x2 > d.x1 && d.y2 > d.y1) {
            c->items[out->count] = *from;
            out->items[out->count++] = d;
        }
    }
}

/* Columns of the output become classes. */
static void number_classes(const fov_model *model, fov_detections *out)
{
    const struct labels *labels = &model->labels;
    for (size_t i = 0; i < out->count; i++)
        out->items[i].class_id = labels->class_of[out->items[i].class_id_raw];
    for (int i = 0; out->details && i < out->details->class_count; i++)
        out->details->classes[i].class_id = labels->class_of[out->details->classes[i].class_id];
}

static void find_candidates(fov_runner *runner, const fov_tensor *tensors,
                            const struct head_query *query, const struct limits *limits)
{
    const fov_model *model = runner->model;
    enum nms_kind nms = model->setup.nms;
    candidates_begin(&runner->candidates, query->every_class ? KEEP_MORE : KEEP, limits->conf);
    model->head->decode(&model->setup, tensors, query, &runner->candidates);
    if (query->every_class && nms == NMS_AGNOSTIC)
        nms = NMS_PER_CLASS;
    candidates_suppress(&runner->candidates, nms, limits->iou, limits->most);
}

static void read_outputs(fov_runner *runner, const fov_tensor *tensors,
                         const fov_detect_params *params, const struct limits *limits,
                         fov_detections *out)
{
    const fov_model *model = runner->model;
    struct head_query query = {.conf = limits->conf,
                               .every_class = limits->conf <= EVALUATION_CONF,
                               .wanted = wanted_columns(runner, params),
                               .scratch = runner->scratch};
    struct head_output output = {&runner->box, out, runner->scratch};
    fov_details_reset(out->details);
    if (model->head->read) {
        model->head->read(&model->setup, tensors, &query, &output);
    } else {
        find_candidates(runner, tensors, &query, limits);
        write_detections(runner, out);
        if (model->head->refine && out->details)
            model->head->refine(&model->setup, tensors, runner->candidates.items, &output);
    }
    number_classes(model, out);
}

static bool arguments_are_valid(const fov_image *image, const fov_detections *out)
{
    return image && out && (out->items || !out->capacity) && image->width > 0 &&
           image->height > 0 && (int64_t)image->width * image->height <= PIXELS_MAX;
}

fov_status fov_runner_prepare(fov_runner *runner, const fov_image *image, fov_tensor *input,
                              fov_error *error)
{
    if (!runner || !image || !input || image->width <= 0 || image->height <= 0)
        return fov_fail(error, FOV_EINVAL, "no runner or picture");
    *input = *picture_input(runner);
    fov_status status = letterbox_run(&runner->box, image, image->width, image->height,
                                      input->data);
    return status ? fov_fail(error, status, "a picture that cannot be resized") : FOV_OK;
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
    status = letterbox_run(&runner->box, image, src_width, src_height, picture_input(runner)->data);
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
