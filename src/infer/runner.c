/* One frame through a model: letterbox → run → head → NMS → undo. Nothing is allocated once the
 * largest picture has been seen. */
#include <stdlib.h>

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
    struct letterbox *boxes; /* one a picture of a run */
    int batch;
    struct candidates candidates;
    uint8_t wanted[HEAD_COLUMNS];
    void *scratch;        /* of the head */
    bool nonsense;        /* the last run gave numbers that are not finite */
    fov_decoder *decoder; /* made with the first encoded picture */
    struct buffer own;    /* pixels as a function wants them */
    runner_seen_fn seen;
    void *seen_user;
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
    buffer_release(&r->own);
    candidates_release(&r->candidates);
    for (int i = 0; i < r->batch; i++)
        letterbox_release(&r->boxes[i]);
    free(r->boxes);
    free(r->scratch);
    for (int i = 0; i < FOV_MODEL_OUTPUTS; i++)
        free(r->real[i]);
    if (r->handle)
        r->model->backend->runner_close(r->handle);
    atomic_fetch_sub(&r->model->runners, 1);
    fov_model_close(&r->model);
    free(r);
}

static void fill_constants(fov_runner *runner)
{
    const struct head_setup *setup = &runner->model->setup;
    for (int i = 0; i < runner->model->about.input_count; i++) {
        bool fill = setup->constants[i].count == CONSTANT_FILL;
        size_t each = fill ? 1 : (size_t)setup->constants[i].count; /* of one picture */
        size_t count = each ? fov_tensor_count(&runner->inputs[i]) : 0;
        for (size_t k = 0; i != setup->picture && k < count; k++)
            tensor_put(&runner->inputs[i], k, setup->constants[i].values[k % each]);
    }
}

static bool make_scratch(fov_runner *runner)
{
    const struct head *head = runner->model->head;
    size_t size = head->scratch ? head->scratch(&runner->model->setup) : 0;
    runner->scratch = size ? aligned_alloc(64, (size + 63) & ~(size_t)63) : NULL;
    return !size || runner->scratch;
}

static fov_status make_boxes(fov_runner *runner, int batch)
{
    fov_status status = FOV_OK;
    runner->boxes = calloc((size_t)batch, sizeof *runner->boxes);
    if (!runner->boxes)
        return FOV_ENOMEM;
    for (; !status && runner->batch < batch; runner->batch++)
        status = letterbox_init(&runner->boxes[runner->batch], &runner->model->setup.input);
    return status;
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
        status = make_boxes(r, model->about.batch);
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
        if (in->dtype == FOV_F32 || in->dtype == FOV_F16)
            tensor_put(in, i, (pixel - spec->mean[0]) / spec->scale[0]);
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

/* Heads settled on the described sizes: a run that gives others (a file may say one thing and do
 * another) must not reach them. Sizes that were described as open may be anything. */
static fov_status check_shape(const fov_tensor *told, const fov_tensor *got, int batch,
                              fov_error *error)
{
    bool same = got->rank == told->rank && (batch == 1 || got->shape[0] == batch);
    for (int d = 0; same && d < told->rank; d++)
        same = told->shape[d] < 0 || got->shape[d] == told->shape[d];
    bool huge = !fov_tensor_count(got); /* more than is counted, unless a dimension is 0 */
    for (int d = 0; d < got->rank && d < FOV_TENSOR_RANK; d++)
        huge = huge && got->shape[d] > 0;
    if (!same || huge || (fov_tensor_count(got) && !got->data))
        return fov_fail(error, FOV_EINFER, "output %s has another shape than the model says",
                        told->name);
    return FOV_OK;
}

fov_status runner_run(fov_runner *runner, fov_tensor out[FOV_MODEL_OUTPUTS], fov_error *error)
{
    const fov_model *model = runner->model;
    fov_status status = model->backend->run(runner->handle, out, error);
    for (int i = 0; !status && i < model->about.output_count; i++) {
        status = check_shape(&model->about.outputs[i], &out[i], model->about.batch, error);
        if (!status)
            status = to_real(runner, i, &out[i], error);
    }
    return status;
}

fov_status runner_check_finite(const fov_runner *runner, const fov_tensor *out, fov_error *error)
{
    const fov_model *model = runner->model;
    for (int i = 0; i < model->about.output_count; i++)
        if (!model->setup.kernels->all_finite(out[i].data, fov_tensor_count(&out[i])))
            return fov_fail(error, FOV_EINFER, "output %s has numbers that are not finite",
                            out[i].name);
    return FOV_OK;
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
static void write_detections(fov_runner *runner, const struct letterbox *box, fov_detections *out)
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
        if (from->angle != 0)
            candidate_bounds(from, &d.x1, &d.y1, &d.x2, &d.y2);
        letterbox_undo(box, &d.x1, &d.y1);
        letterbox_undo(box, &d.x2, &d.y2);
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

static void read_outputs(fov_runner *runner, const struct letterbox *box, const fov_tensor *tensors,
                         const fov_detect_params *params, const struct limits *limits,
                         fov_detections *out)
{
    const fov_model *model = runner->model;
    struct head_query query = {.conf = limits->conf,
                               .every_class = limits->conf <= EVALUATION_CONF,
                               .wanted = wanted_columns(runner, params),
                               .scratch = runner->scratch};
    struct head_output output = {box, out, runner->scratch};
    if (model->head->read) {
        model->head->read(&model->setup, tensors, &query, &output);
        out->count = out->count < limits->most ? out->count : limits->most;
    } else {
        find_candidates(runner, tensors, &query, limits);
        write_detections(runner, box, out);
        if (model->head->refine && out->details)
            model->head->refine(&model->setup, tensors, runner->candidates.items, &output);
    }
    number_classes(model, out);
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

/* The frame's picture as pixels: its own, or decoded no larger than needed; functions see it whole.
 */
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
    bool whole = exact || runner->model->own;
    int denominator = whole ? 1
                            : denominator_of(&runner->model->setup.input, info.width, info.height);
    /* Reduced, the planes go into the resize as they are; whole, colours are made first, so that
     * pictures that need no reduction give the same detections with `exact` and without. */
    bool planes = denominator > 1 && info.codec == FOV_JPEG && info.components != 4;
    fov_pixels pixels = planes ? FOV_YUV : FOV_RGB24;
    if (runner->model->own && runner->model->own->pixels == FOV_BGR24)
        pixels = FOV_BGR24; /* at once */
    return fov_decode(runner->decoder, frame->bytes, frame->size, pixels, denominator, image, &info,
                      error);
}

/* ---- a run's pictures ---- */

void runner_slice(const fov_runner *runner, const fov_tensor *out, int i, fov_tensor *slice)
{
    for (int k = 0; k < runner->model->about.output_count; k++) {
        slice[k] = out[k];
        if (runner->batch == 1)
            continue;
        size_t count = fov_tensor_count(&out[k]) / (size_t)runner->batch;
        slice[k].data = (float *)out[k].data + (size_t)i * count;
        slice[k].shape[0] = 1;
    }
}

static bool item_is_valid(const fov_item *item)
{
    const fov_image *image = item->image;
    bool room = item->out && (item->out->items || !item->out->capacity);
    bool pixels = image && image->width > 0 && image->height > 0 &&
                  (int64_t)image->width * image->height <= PIXELS_MAX;
    return room && (item->frame || pixels);
}

void runner_show(fov_runner *runner, runner_seen_fn seen, void *user)
{
    runner->seen = seen;
    runner->seen_user = user;
}

/* Decodes where that is needed, and fills the i-th place of the model's input. */
static fov_status place_item(fov_runner *runner, int i, fov_item *item)
{
    fov_image decoded;
    const fov_image *image = item->image;
    const fov_tensor *in = picture_input(runner);
    size_t size = fov_tensor_count(in) * fov_dtype_size(in->dtype) / (size_t)runner->batch;
    int64_t start = clock_now_ns(), ready = start;
    fov_status status = FOV_OK;
    if (item->frame) {
        item->width = item->height = 0;
        status = decode(runner, item->frame, item->params && item->params->exact, &decoded,
                        &item->width, &item->height, &item->error);
        image = &decoded;
        ready = clock_now_ns();
    }
    if (!status && runner->seen)
        runner->seen(runner->seen_user, i, image);
    if (!status && letterbox_run(&runner->boxes[i], image, item->width, item->height,
                                 (uint8_t *)in->data + (size_t)i * size))
        status = fov_fail(&item->error, FOV_EINVAL, "a picture that cannot be resized");
    if (!status && item->timings) {
        item->timings->decode = item->frame ? ready - start : item->timings->decode;
        item->timings->preprocess = clock_now_ns() - ready;
    }
    return status;
}

/* Places what can be placed; how many that were. */
static int place_items(fov_runner *runner, fov_item *items, int count, struct limits *limits)
{
    int placed = 0;
    for (int i = 0; i < count; i++) {
        fov_item *item = &items[i];
        item->error = (fov_error){.status = FOV_OK};
        if (!item_is_valid(item)) {
            fov_fail(&item->error, FOV_EINVAL, "no picture or no room for detections");
            continue;
        }
        item->out->count = 0;
        fov_details_reset(item->out->details);
        item->error.status = read_params(item->params, &limits[i], &item->error);
        if (!item->error.status)
            item->error.status = place_item(runner, i, item);
        placed += item->error.status == FOV_OK;
    }
    return placed;
}

static void read_items(fov_runner *runner, const fov_tensor *out, fov_item *items, int count,
                       const struct limits *limits, int64_t run_ns)
{
    fov_tensor slice[FOV_MODEL_OUTPUTS];
    for (int i = 0; i < count; i++) {
        fov_item *item = &items[i];
        if (item->error.status)
            continue;
        int64_t start = clock_now_ns();
        runner_slice(runner, out, i, slice);
        item->error.status = runner_check_finite(runner, slice, &item->error);
        runner->nonsense |= item->error.status != FOV_OK;
        if (item->error.status)
            continue; /* what its neighbours in the run gave is theirs */
        read_outputs(runner, &runner->boxes[i], slice, item->params, &limits[i], item->out);
        if (item->timings) {
            item->timings->inference = run_ns;
            item->timings->postprocess = clock_now_ns() - start;
        }
    }
}

/* A picture through a model that is a function. */
static void run_own(fov_runner *runner, fov_item *item)
{
    struct limits limits;
    fov_image decoded;
    const fov_image *image = item->image;
    int64_t start = clock_now_ns(), ready = start;
    item->error = (fov_error){.status = FOV_OK};
    if (!item_is_valid(item))
        fov_fail(&item->error, FOV_EINVAL, "no picture or no room for detections");
    else if (!read_params(item->params, &limits, &item->error) && item->frame) {
        image = &decoded;
        item->width = item->height = 0;
        decode(runner, item->frame, true, &decoded, &item->width, &item->height, &item->error);
        ready = clock_now_ns();
    }
    if (item->error.status)
        return;
    if (runner->seen)
        runner->seen(runner->seen_user, 0, image);
    own_model_detect(runner->model, runner->handle, image, &runner->own, limits.most, item);
    if (item->timings) {
        item->timings->decode = item->frame ? ready - start : item->timings->decode;
        item->timings->inference = clock_now_ns() - ready;
    }
}

fov_status fov_runner_detect_items(fov_runner *runner, fov_item *items, int count, fov_error *error)
{
    struct limits limits[FOV_BATCH_MAX];
    fov_tensor out[FOV_MODEL_OUTPUTS];
    fov_error why = {.status = FOV_OK};
    if (!runner || !items || count < 1 || count > runner->batch)
        return fov_fail(error, FOV_EINVAL, "no runner, or not 1 to %d pictures",
                        runner ? runner->batch : 0);
    runner->nonsense = false;
    if (runner->model->own) {
        run_own(runner, items); /* its batch is 1 */
        return FOV_OK;
    }
    if (!place_items(runner, items, count, limits))
        return FOV_OK;
    int64_t start = clock_now_ns();
    fov_status status = runner_run(runner, out, &why);
    for (int i = 0; status && i < count; i++)
        if (!items[i].error.status)
            items[i].error = why;
    if (status)
        return fov_fail(error, status, "%s", why.message);
    read_items(runner, out, items, count, limits, clock_now_ns() - start);
    return FOV_OK;
}

/* One picture: its error is the call's. */
static fov_status detect_one(fov_runner *runner, fov_item *item, fov_error *error)
{
    fov_status status = fov_runner_detect_items(runner, item, 1, error);
    if (!status && item->error.status) {
        status = item->error.status;
        if (error)
            *error = item->error;
    }
    return status;
}

fov_status fov_runner_prepare(fov_runner *runner, const fov_image *image, fov_tensor *input,
                              fov_error *error)
{
    if (!runner || !image || !input || image->width <= 0 || image->height <= 0)
        return fov_fail(error, FOV_EINVAL, "no runner or picture");
    if (runner->model->own)
        return fov_fail(error, FOV_EUNSUPPORTED, "a model that is a function has no input");
    *input = *picture_input(runner);
    fov_status status = letterbox_run(&runner->boxes[0], image, image->width, image->height,
                                      input->data);
    return status ? fov_fail(error, status, "a picture that cannot be resized") : FOV_OK;
}

fov_status fov_runner_detect(fov_runner *runner, const fov_image *image, int src_width,
                             int src_height, const fov_detect_params *params, fov_detections *out,
                             fov_timings *timings, fov_error *error)
{
    fov_item item = {.image = image,
                     .width = src_width,
                     .height = src_height,
                     .params = params,
                     .out = out,
                     .timings = timings};
    return detect_one(runner, &item, error);
}

fov_status fov_runner_detect_frame(fov_runner *runner, const fov_frame *frame,
                                   const fov_detect_params *params, fov_detections *out,
                                   int *out_width, int *out_height, fov_timings *timings,
                                   fov_error *error)
{
    fov_item item = {.frame = frame, .params = params, .out = out, .timings = timings};
    if (!frame)
        return fov_fail(error, FOV_EINVAL, "no frame");
    fov_status status = detect_one(runner, &item, error);
    if (out_width)
        *out_width = item.width;
    if (out_height)
        *out_height = item.height;
    return status;
}
