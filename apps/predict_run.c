/* Opening, taking results until the end, closing. */
#include "predict.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "mot.h"
#include "reading.h"

enum { ONLY_FAILS = 4, DIFFERENCES_SHOWN = 5 };

static volatile sig_atomic_t stopping;

static void on_signal(int number)
{
    (void)number;
    stopping = 1;
}

/* ---- options ---- */

void predict_options(struct predict *p, struct option_spec *options)
{
    const struct option_spec common[PREDICT_OPTIONS] = {
        {"model", OPTION_TEXT, &p->chosen.model, 0, 0, "M", "file or name of a model"},
        {"conf", OPTION_NUMBER, &p->chosen.conf, 0.0001, 1, "N", "least confidence (0.25)"},
        {"iou", OPTION_NUMBER, &p->chosen.iou, 0.0001, 1, "N", "overlap of boxes, for NMS (0.45)"},
        {"imgsz", OPTION_INT, &p->chosen.imgsz, 32, 4096, "N", "input size, dynamic models only"},
        {"batch", OPTION_INT, &p->chosen.batch, 1, FOV_GATHER_MAX, "N",
         "pictures in one run, for models that allow it"},
        {"head", OPTION_TEXT, &p->chosen.head, 0, 0, "H", "how the output is read: yolo, detr"},
        {"input", OPTION_TEXT, &p->chosen.input, 0, 0, "WORDS", "pixels: bgr,letterbox,scale=255"},
        {"labels", OPTION_TEXT, &p->chosen.labels, 0, 0, "FILE", "one label a line"},
        {"classes", OPTION_TEXT, &p->classes, 0, 0, "0,2", "only these class ids"},
        {"device", OPTION_TEXT, &p->chosen.device, 0, 0, "D", "CPU, GPU, NPU (best present)"},
        {"backend", OPTION_TEXT, &p->chosen.backend, 0, 0, "B",
         "openvino, onnxruntime, litert (best present)"},
        {"precision", OPTION_TEXT, &p->chosen.precision, 0, 0, "P", "auto, fp32, fp16, int8"},
        {"exact", OPTION_FLAG, &p->chosen.exact, 0, 0, NULL, "full decode, f32"},
        {"max-latency-ms", OPTION_NUMBER, &p->max_latency_ms, 0, 1e6, "N",
         "count frames that took longer"},
        {"save", OPTION_TEXT, &p->save, 0, 0, "DIR", "folder of annotated copies (fovea-out)"},
        {"json", OPTION_FLAG, &p->json, 0, 0, NULL, "one JSON object a frame on standard output"}};
    memcpy(options, common, sizeof common);
}

bool predict_parse_classes(struct predict *p)
{
    unsigned long long classes[16];
    if (!p->classes)
        return true;
    if (!options_classes(p->classes, classes)) {
        fprintf(stderr, "fovea %s: --classes is a list like 0,2, not '%s'\n", p->command,
                p->classes);
        return false;
    }
    for (int i = 0; i < 16; i++)
        p->params.classes[i] = classes[i];
    return true;
}

/* ---- opening ---- */

static void on_event(void *user, const char *event, const char *text)
{
    struct predict *p = user;
    (void)text;
    if (strcmp(event, "fallback") == 0)
        atomic_store(&p->fell_back, true);
}

static void tell_fallback(const fov_model *model)
{
    const fov_model_info *m = fov_model_get_info(model);
    if (m->fallback[0])
        fprintf(stderr, "fovea: runs on %s %s (%s)\n", m->backend, m->device, m->fallback);
}

/* --appearance, on the same runtime and device. */
static fov_status add_appearance(struct predict *p, fov_error *error)
{
    struct chosen_model looks = {.model = p->appearance,
                                 .id = "appearance",
                                 .backend = p->chosen.backend,
                                 .device = p->chosen.device,
                                 .precision = p->chosen.precision,
                                 .exact = p->chosen.exact};
    return p->appearance ? chosen_model_add(&looks, p->workers, error) : FOV_OK;
}

/* One worker: the model has all cores for one run at a time, and reading goes on beside it. */
static fov_status open_workers(struct predict *p, fov_error *error)
{
    fov_workers_params params = {
        .workers = 1, .pin_latency = true, .always_batch = true, .on_event = on_event, .user = p};
    fov_status status = chosen_model_start(&p->chosen, &params, &p->workers, error);
    if (status)
        return status;
    p->model = fov_workers_model(p->workers, NULL);
    p->batch = fov_model_get_info(p->model)->batch;
    if (p->batch > FOV_GATHER_MAX) /* a model of a fixed size takes the rest empty */
        p->batch = FOV_GATHER_MAX;
    tell_fallback(p->model);
    return add_appearance(p, error);
}

static fov_status open_stream(struct predict *p, fov_error *error)
{
    int batch = p->batch > 1 ? p->batch : 1;
    p->params.conf = (float)p->chosen.conf;
    p->params.iou = (float)p->chosen.iou;
    p->params.exact = p->chosen.exact;
    fov_stream_params params = {.name = p->command,
                                .fifo = true,
                                .capacity = batch + 1,
                                .max_bytes = READING_PICTURE_BYTES,
                                .gather = batch,
                                .results = batch + 1,
                                .detect = p->params,
                                .tracker = p->tracker,
                                .appearance_model = p->appearance ? "appearance" : NULL};
    return fov_stream_open(&p->stream, p->workers, &params, error);
}

static fov_status make_pendings(struct predict *p, fov_error *error)
{
    pthread_mutex_init(&p->lock, NULL);
    clock_cond_init(&p->changed);
    for (int i = 0; i < PREDICT_PENDING; i++) {
        struct pending *pending = &p->pendings[i];
        if (p->check &&
            !(pending->then_items = calloc(PREDICT_DETECTIONS, sizeof *pending->then_items)))
            return fov_fail(error, FOV_ENOMEM, "no memory for recorded answers");
        pending->next = p->free;
        p->free = pending;
    }
    return FOV_OK;
}

static fov_status open_all(struct predict *p, fov_error *error)
{
    fov_frame_pool_params pool = {.slots = PREDICT_PENDING + 4,
                                  .max_bytes = READING_PICTURE_BYTES,
                                  .keep_bytes = 2 * READING_PICTURE_BYTES};
    /* an exact run has the pixels of every other exact run */
    const char *decoder = p->chosen.exact && !p->video_decoder ? "off" : p->video_decoder;
    fov_source_params source = {.url = p->url, .seek_ms = 1e3 * p->start_s, .decoder = decoder};
    fov_source_redact(p->shown, sizeof p->shown, p->url);
    fov_status status = p->source ? FOV_OK : fov_source_open(&p->source, &source, error);
    if (status == FOV_OK)
        status = make_pendings(p, error);
    if (status == FOV_OK)
        status = open_workers(p, error);
    if (status == FOV_OK)
        status = open_stream(p, error);
    if (status == FOV_OK)
        status = fov_frame_pool_create(&p->pool, &pool, error);
    if (status == FOV_OK)
        status = fov_decoder_create(&p->decoder, error);
    if (status == FOV_OK && p->mot)
        status = mot_create(&p->mot_file, p->mot, error);
    if (status == FOV_OK && !p->json && !p->mot && !p->save)
        p->save = "fovea-out";
    if (status == FOV_OK && p->save)
        status = saver_create(&p->saver, p->save, p->shown, fov_source_get_info(p->source)->fps,
                              error);
    return status;
}

static fov_status close_all(struct predict *p, fov_error *error)
{
    predict_stop_reading(p);
    fov_stream_close(&p->stream);
    fov_status status = saver_close(&p->saver, error);
    status = mot_close(&p->mot_file, p->mot, status, error);
    fov_decoder_destroy(&p->decoder);
    fov_model_close(&p->model);
    fov_workers_destroy(&p->workers);
    fov_source_close(&p->source);
    fov_frame_pool_destroy(&p->pool);
    json_release(&p->writer);
    for (int i = 0; i < PREDICT_PENDING; i++)
        free(p->pendings[i].then_items);
    return status;
}

/* ---- results ---- */

static bool same_box(const fov_detection *a, const fov_detection *b)
{
    return memcmp(a, b, 5 * sizeof(float)) == 0 && a->class_id == b->class_id &&
           a->class_id_raw == b->class_id_raw;
}

static bool same_answer(const fov_recorded *then, const fov_result *now)
{
    if (then->outcome != FOV_DELIVERED) /* its picture could not be read */
        return now->outcome == FOV_DROPPED;
    if (now->outcome != FOV_DELIVERED || now->detections->count != then->count)
        return false;
    for (size_t i = 0; i < then->count; i++)
        if (!same_box(&then->items[i], &now->detections->items[i]))
            return false;
    return true;
}

/* Bit for bit. What was dropped for want of time then has no answer to compare with. */
static void compare(struct predict *p, const fov_recorded *then, const fov_result *now)
{
    bool comparable = then->answered &&
                      (then->outcome == FOV_DELIVERED ||
                       (then->outcome == FOV_DROPPED && then->reason == FOV_DROP_DECODE));
    if (!p->check)
        return;
    if (!comparable)
        p->unanswered++;
    else if (same_answer(then, now))
        p->same++;
    else if (++p->different <= DIFFERENCES_SHOWN)
        fprintf(stderr, "fovea: frame %llu is answered differently: %zu boxes then, %zu now\n",
                (unsigned long long)then->number, then->count, now->detections->count);
}

static fov_status show(struct predict *p, fov_result *r, const struct pending *pending,
                       fov_error *error)
{
    bool still = r->frame->image.pixels == FOV_PIXELS_NONE;
    struct seen seen = {.name = pending->name[0] ? pending->name : NULL,
                        .number = p->done,
                        .pts_ms = r->frame->pts_ms,
                        .width = r->width,
                        .height = r->height,
                        .detections = r->detections,
                        .tracks = r->tracks,
                        .crops = r->crops,
                        .model = r->model,
                        .timings = r->timings};
    fov_timings *t = &seen.timings;
    if (!still && !r->frame->decode_ns) /* it was decoded while it was read */
        t->decode = pending->read_ns;
    t->total = t->decode + t->preprocess + t->inference + t->postprocess + t->track;
    predict_print(p, &seen);
    if (p->mot_file && r->tracks)
        mot_write_tracks(p->mot_file, (int32_t)p->done + 1, r->tracks);
    p->late += p->max_latency_ms > 0 && ns_to_ms(t->total) > p->max_latency_ms;
    p->crops_wanted += r->crops.wanted;
    p->crops_taken += r->crops.taken;
    p->done++;
    p->failures = 0;
    predict_show_progress(p);
    return p->saver ? saver_add(p->saver, r->frame, seen.name, r->detections, r->model, error)
                    : FOV_OK;
}

static fov_status handle(struct predict *p, fov_result *r, fov_error *error)
{
    struct pending *pending = r->frame->user;
    fov_status status;
    compare(p, &pending->then, r);
    if (r->outcome == FOV_DELIVERED) {
        status = show(p, r, pending, error);
    } else {
        status = predict_report(p, r->status, pending->name, r->message);
        p->failures += r->status == FOV_EINFER;
        if (status)
            fov_fail(error, status, "%s", r->message);
        else if (p->failures >= ONLY_FAILS * (p->batch > 1 ? p->batch : 1))
            status = fov_fail(error, FOV_EINFER, "%s", r->message);
    }
    predict_give_back(p, pending);
    return status;
}

static void tell_new_runtime(struct predict *p)
{
    if (!atomic_exchange(&p->fell_back, false))
        return;
    fov_model *model = fov_workers_model(p->workers, NULL);
    tell_fallback(model);
    fov_model_close(&model);
}

static fov_status take_all(struct predict *p, fov_error *error)
{
    fov_status status = FOV_OK;
    while (status == FOV_OK && !stopping && !ferror(stdout)) {
        fov_result *result;
        status = fov_stream_get(p->stream, 100, &result, error);
        tell_new_runtime(p);
        if (status == FOV_EAGAIN)
            status = FOV_OK;
        else if (status == FOV_OK)
            status = handle(p, result, error);
        fov_result_release(&result);
    }
    return status == FOV_EOS ? FOV_OK : status;
}

static fov_status run(struct predict *p, fov_error *error)
{
    p->start_ns = clock_now_ns();
    fov_status status = predict_start_reading(p, error);
    if (!status)
        status = take_all(p, error);
    predict_stop_reading(p);
    if (!status && p->read_error.status) {
        *error = p->read_error;
        status = error->status;
    }
    if (!status && ferror(stdout))
        status = fov_fail(error, FOV_EIO, "standard output was closed");
    return status;
}

static int exit_code(const struct predict *p, fov_status status)
{
    if (status)
        return p->unopened ? 3 : p->done ? 1 : fov_status_exit(status);
    if (!p->done && atomic_load(&p->failed))
        return 3;
    return atomic_load(&p->failed) || p->different ? 1 : 0;
}

int predict_run(struct predict *p)
{
    fov_error error = {0}, closing = {0};
    fov_status status = open_all(p, &error);
    if (status) {
        fprintf(stderr, "fovea: %s\n", error.message);
        close_all(p, NULL);
        return fov_status_exit(status);
    }
    p->progress = isatty(STDERR_FILENO) && !isatty(STDOUT_FILENO);
    /* the first signal ends the run with whole files, a second one at once */
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART | SA_RESETHAND};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    status = run(p, &error);
    if (!p->unopened)
        predict_print_end(p);
    fov_status closed = close_all(p, &closing);
    if (status || closed)
        fprintf(stderr, "fovea: %s\n", status ? error.message : closing.message);
    return exit_code(p, status ? status : closed);
}
