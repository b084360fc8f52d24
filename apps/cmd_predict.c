/* fovea predict SOURCE: detections of each picture or frame. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <fovea/fovea.h>
#include "base/clock.h"
#include "base/json.h"
#include "chosen_model.h"
#include "commands.h"
#include "counts.h"
#include "options.h"
#include "saver.h"
#include "serve/message.h"

#define MAX_DETECTIONS 1000
#define MAX_PICTURE_BYTES ((size_t)256 << 20)

struct predict {
    const char *url;
    char shown[2048]; /* without a password */
    double start_s;
    struct chosen_model chosen;
    const char *classes, *save;
    double max_latency_ms;
    bool json;

    fov_detect_params params;
    fov_model *model;
    fov_runner *runner;
    fov_source *source;
    fov_frame_pool *pool;
    fov_decoder *decoder; /* for pictures that have to be turned first */
    struct saver *saver;
    struct json_writer writer;
    fov_details *details; /* of the model's task */
    fov_detection items[MAX_DETECTIONS];
    struct waiting *waiting; /* --batch: frames that share the next run */
    int batch, waiting_count;
    char avoid[160]; /* runtimes that failed while they ran */
    int failures;    /* failed runs in a row */
    int64_t start_ns, done, failed, late;
    bool progress;
    bool unopened; /* a live source never gave a picture */
};

/* A frame that waits for others to share a run with. */
struct waiting {
    fov_frame *frame;
    char name[1024]; /* "" for videos */
    int64_t read_ns;
    fov_detection items[MAX_DETECTIONS];
    fov_details *details;
};

/* One frame that was worked on. */
struct seen {
    const char *name; /* of a picture; NULL for videos */
    int64_t number;
    double pts_ms;
    int width, height; /* px, after orientation */
    fov_detections detections;
    fov_timings timings;
};

static volatile sig_atomic_t stopping;

static void on_signal(int number)
{
    (void)number;
    stopping = 1;
}

/* ---- options ---- */

static int parse(struct predict *p, int argc, char **argv)
{
    static const struct usage usage = {
        "predict", "SOURCE", "Detections of each picture or frame of a source.",
        "A SOURCE is a picture, a glob, a folder, a video file, rtsp://, rtmp://, http(s):// "
        "(JPEGs,\n"
        "HLS, a file), a camera (0, /dev/video0), pattern: (moving shapes) or demo:\n"
        "Prints one line a frame and leaves an annotated copy in fovea-out/; with --json one JSON\n"
        "object a line instead of both.\n\n"
        "  fovea predict street.jpg\n"
        "  fovea predict 'photos/*.jpg' --conf .4 --classes 0,2 --save boxes\n"
        "  fovea predict clip.mp4 --json > clip.ndjson\n"
        "  fovea predict rtsp://user:password@10.0.0.7/stream1 --json"};
    const struct option_spec options[] = {
        {"model", OPTION_TEXT, &p->chosen.model, 0, 0, "M", "file or name of a model"},
        {"conf", OPTION_NUMBER, &p->chosen.conf, 0.0001, 1, "N", "least confidence (0.25)"},
        {"iou", OPTION_NUMBER, &p->chosen.iou, 0.0001, 1, "N", "overlap of boxes, for NMS (0.45)"},
        {"imgsz", OPTION_INT, &p->chosen.imgsz, 32, 4096, "N", "input size, dynamic models only"},
        {"batch", OPTION_INT, &p->chosen.batch, 1, FOV_BATCH_MAX, "N",
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
        {"start", OPTION_NUMBER, &p->start_s, 0, 1e6, "S", "begin at this second of a video file"},
        {"save", OPTION_TEXT, &p->save, 0, 0, "DIR", "folder of annotated copies (fovea-out)"},
        {"json", OPTION_FLAG, &p->json, 0, 0, NULL, "one JSON object a frame on standard output"},
        {0}};
    int count = options_parse(&usage, options, argc, argv, &p->url, 1);
    if (count == OPTIONS_HELP)
        return count;
    if (count == 0)
        fprintf(stderr, "fovea predict: a source is missing\nsee: fovea predict --help\n");
    return count == 1 ? 0 : OPTIONS_ERROR;
}

static bool parse_classes(struct predict *p)
{
    unsigned long long classes[16];
    if (!p->classes)
        return true;
    if (!options_classes(p->classes, classes)) {
        fprintf(stderr, "fovea predict: --classes is a list like 0,2, not '%s'\n", p->classes);
        return false;
    }
    for (int i = 0; i < 16; i++)
        p->params.classes[i] = classes[i];
    return true;
}

/* ---- opening ---- */

static fov_status make_details(struct predict *p, fov_error *error)
{
    const fov_model_info *m = fov_model_get_info(p->model);
    fov_status status = fov_details_create(&p->details, m->task, MAX_DETECTIONS, m->keypoints,
                                           m->embedding);
    p->batch = m->batch;
    p->waiting = m->batch > 1 ? calloc((size_t)m->batch, sizeof *p->waiting) : NULL;
    if (m->batch > 1 && !p->waiting)
        status = FOV_ENOMEM;
    for (int i = 0; !status && i < p->batch && p->waiting; i++)
        status = fov_details_create(&p->waiting[i].details, m->task, MAX_DETECTIONS, m->keypoints,
                                    m->embedding);
    return status ? fov_fail(error, status, "no memory for detections") : FOV_OK;
}

/* Opens the model and its runner, and says what was missed. */
static fov_status open_model(struct predict *p, fov_error *error)
{
    fov_status status = chosen_model_open(&p->chosen, &p->model, error);
    if (status == FOV_OK)
        status = fov_runner_open(&p->runner, p->model, error);
    if (status)
        return status;
    const fov_model_info *m = fov_model_get_info(p->model);
    if (m->fallback[0])
        fprintf(stderr, "fovea: runs on %s %s (%s)\n", m->backend, m->device, m->fallback);
    return FOV_OK;
}

/* After two failed runs in a row: the next runtime or device of the order. */
static fov_status open_next(struct predict *p, fov_error *error)
{
    const fov_model_info *m = fov_model_get_info(p->model);
    size_t used = strlen(p->avoid);
    int more = snprintf(p->avoid + used, sizeof p->avoid - used, "%s%s:%s", used ? " " : "",
                        m->backend, m->device);
    if (more < 0 || (size_t)more >= sizeof p->avoid - used)
        return FOV_EINFER;
    p->chosen.avoid = p->avoid;
    fov_runner_close(&p->runner);
    fov_model_close(&p->model);
    p->failures = 0;
    fov_status status = open_model(p, error);
    if (!status && fov_model_get_info(p->model)->batch != p->batch)
        return fov_fail(error, FOV_EUNSUPPORTED, "%s runs no batch of %d",
                        fov_model_get_info(p->model)->backend, p->batch);
    return status;
}

static fov_status open_all(struct predict *p, fov_error *error)
{
    fov_source_params source = {.url = p->url, .seek_ms = 1e3 * p->start_s};
    fov_source_redact(p->shown, sizeof p->shown, p->url);
    fov_frame_pool_params pool = {.max_bytes = MAX_PICTURE_BYTES,
                                  .keep_bytes = 2 * MAX_PICTURE_BYTES};
    fov_status status = fov_source_open(&p->source, &source, error);
    if (status == FOV_OK)
        status = open_model(p, error);
    pool.slots = 2 + (status == FOV_OK ? fov_model_get_info(p->model)->batch : 0);
    if (status == FOV_OK)
        status = fov_frame_pool_create(&p->pool, &pool, error);
    if (status == FOV_OK)
        status = fov_decoder_create(&p->decoder, error);
    if (status == FOV_OK)
        status = make_details(p, error);
    if (status == FOV_OK && !p->json && !p->save)
        p->save = "fovea-out";
    if (status == FOV_OK && p->save)
        status = saver_create(&p->saver, p->save, p->shown, fov_source_get_info(p->source)->fps,
                              error);
    p->params.conf = (float)p->chosen.conf;
    p->params.iou = (float)p->chosen.iou;
    p->params.exact = p->chosen.exact;
    return status;
}

static void drop_waiting(struct predict *p)
{
    for (int i = 0; p->waiting && i < p->batch; i++) {
        fov_frame_unref(&p->waiting[i].frame);
        fov_details_destroy(&p->waiting[i].details);
    }
    free(p->waiting);
    p->waiting = NULL;
}

static fov_status close_all(struct predict *p, fov_error *error)
{
    drop_waiting(p);
    fov_status status = saver_close(&p->saver, error);
    fov_decoder_destroy(&p->decoder);
    fov_details_destroy(&p->details);
    fov_runner_close(&p->runner);
    fov_model_close(&p->model);
    fov_source_close(&p->source);
    fov_frame_pool_destroy(&p->pool);
    json_release(&p->writer);
    return status;
}

/* ---- one frame ---- */

/* A photograph that its EXIF block says to turn: the model must see it upright. */
static fov_status detect_turned(struct predict *p, const fov_frame *frame, struct seen *seen,
                                fov_error *error)
{
    fov_image image;
    fov_picture_info info;
    int64_t start = clock_now_ns();
    fov_status status = fov_decode(p->decoder, frame->bytes, frame->size, FOV_RGB24, 1, &image,
                                   &info, error);
    if (status == FOV_OK)
        status = fov_orient(p->decoder, &image, info.orientation, error);
    if (status)
        return status;
    int64_t decode = clock_now_ns() - start;
    status = fov_runner_detect(p->runner, &image, image.width, image.height, &p->params,
                               &seen->detections, &seen->timings, error);
    seen->timings.decode = decode;
    seen->width = image.width;
    seen->height = image.height;
    return status;
}

static fov_status detect(struct predict *p, const fov_frame *frame, int64_t read_ns,
                         struct seen *seen, fov_error *error)
{
    fov_picture_info info = {.orientation = 1};
    int64_t start = clock_now_ns();
    bool still = frame->image.pixels == FOV_PIXELS_NONE;
    fov_status status = FOV_OK;
    if (still)
        status = fov_picture_probe(frame->bytes, frame->size, &info, error);
    if (status)
        return status;
    if (info.orientation != 1)
        status = detect_turned(p, frame, seen, error);
    else
        status = fov_runner_detect_frame(p->runner, frame, &p->params, &seen->detections,
                                         &seen->width, &seen->height, &seen->timings, error);
    seen->timings.total = clock_now_ns() - start;
    if (!still) { /* a video's frame was decoded while it was read */
        seen->timings.decode = read_ns;
        seen->timings.total += read_ns;
    }
    return status;
}

/* ---- what is printed ---- */

static void print_json(struct predict *p, const struct seen *seen)
{
    struct json_writer *w = &p->writer;
    const fov_timings *t = &seen->timings;
    json_reset(w);
    json_object_begin(w);
    json_add_string(w, "source", seen->name ? seen->name : p->shown);
    json_add_int(w, "frame", seen->number);
    json_add_number(w, "pts_ms", seen->pts_ms, 3);
    json_add_int(w, "width", seen->width);
    json_add_int(w, "height", seen->height);
    json_name(w, "detections");
    message_detections(w, &seen->detections, 0, p->model, seen->width, seen->height);
    message_task(w, &seen->detections, p->model);
    message_embedding(w, &seen->detections);
    json_name(w, "timings_ms");
    json_object_begin(w);
    json_add_number(w, "decode", ns_to_ms(t->decode), 3);
    json_add_number(w, "preprocess", ns_to_ms(t->preprocess), 3);
    json_add_number(w, "inference", ns_to_ms(t->inference), 3);
    json_add_number(w, "postprocess", ns_to_ms(t->postprocess), 3);
    json_add_number(w, "total", ns_to_ms(t->total), 3);
    json_object_end(w);
    if (p->max_latency_ms > 0)
        json_add_bool(w, "in_time", ns_to_ms(t->total) <= p->max_latency_ms);
    json_object_end(w);
    if (w->failed)
        return;
    fwrite(w->text, 1, w->size, stdout);
    putchar('\n');
}

static void print_line(const struct predict *p, const struct seen *seen)
{
    const fov_details *details = seen->detections.details;
    const fov_timings *t = &seen->timings;
    if (seen->name)
        printf("%s %dx%d: ", seen->name, seen->width, seen->height);
    else
        printf("frame %lld %.2f s: ", (long long)seen->number, seen->pts_ms / 1000);
    if (details && details->class_count)
        counts_print_classes(p->model, details);
    else if (details && details->embedding_count)
        counts_print_embedding(details);
    else
        counts_print(p->model, &seen->detections);
    printf(" (%.1f ms: decode %.1f, preprocess %.1f, inference %.1f, postprocess %.1f)%s\n",
           ns_to_ms(t->total), ns_to_ms(t->decode), ns_to_ms(t->preprocess), ns_to_ms(t->inference),
           ns_to_ms(t->postprocess),
           p->max_latency_ms > 0 && ns_to_ms(t->total) > p->max_latency_ms ? " late" : "");
}

/* On standard error, when that is a terminal and the lines go elsewhere. */
static void show_progress(const struct predict *p)
{
    int64_t total = fov_source_get_info(p->source)->frames;
    double seconds = ns_to_ms(clock_now_ns() - p->start_ns) / 1000;
    double fps = seconds > 0 ? (double)p->done / seconds : 0;
    if (!p->progress || p->done % 8)
        return;
    if (total > 0 && fps > 0)
        fprintf(stderr, "\r%lld of %lld, %.1f fps, %.0f s to go ", (long long)p->done,
                (long long)total, fps, (double)(total - p->done) / fps);
    else
        fprintf(stderr, "\r%lld frames, %.1f fps ", (long long)p->done, fps);
}

static void print_end(const struct predict *p)
{
    if (p->progress)
        fprintf(stderr, "\r\033[K");
    fprintf(stderr, "%lld %s in %.1f s", (long long)p->done, p->done == 1 ? "frame" : "frames",
            ns_to_ms(clock_now_ns() - p->start_ns) / 1000);
    if (p->failed)
        fprintf(stderr, ", %lld failed", (long long)p->failed);
    if (p->max_latency_ms > 0)
        fprintf(stderr, ", %lld over %g ms", (long long)p->late, p->max_latency_ms);
    if (p->saver && p->done)
        fprintf(stderr, "; annotated copies in %s/", p->save);
    fputc('\n', stderr);
}

/* ---- the run ---- */

static fov_status show(struct predict *p, fov_frame *frame, struct seen *seen, fov_error *error)
{
    seen->number = p->done;
    if (p->json)
        print_json(p, seen);
    else
        print_line(p, seen);
    p->late += p->max_latency_ms > 0 && ns_to_ms(seen->timings.total) > p->max_latency_ms;
    p->done++;
    p->failures = 0;
    show_progress(p);
    return p->saver ? saver_add(p->saver, frame, seen->name, &seen->detections, p->model, error)
                    : FOV_OK;
}

static fov_status handle(struct predict *p, fov_frame *frame, const char *name, int64_t read_ns,
                         fov_error *error)
{
    struct seen seen = {.name = name,
                        .pts_ms = frame->pts_ms,
                        .detections = {p->items, 0, MAX_DETECTIONS, p->details}};
    fov_status status = detect(p, frame, read_ns, &seen, error);
    return status ? status : show(p, frame, &seen, error);
}

/* Statuses of one broken picture; the others of the source may be fine. A failed run may pass by
 * itself, or another runtime does better. */
static bool goes_on(fov_status status)
{
    return status == FOV_EFORMAT || status == FOV_EUNSUPPORTED || status == FOV_ELIMIT ||
           status == FOV_ENOTFOUND || status == FOV_EINFER;
}

/* Counts and tells a frame without detections; returns the status when the run must end. */
static fov_status report(struct predict *p, fov_status status, const char *name, fov_error *error)
{
    bool named = !name || strstr(error->message, name);
    if (!goes_on(status))
        return status;
    p->failed++;
    fprintf(stderr, "fovea: %s%s%s\n", named ? "" : name, named ? "" : ": ", error->message);
    return FOV_OK;
}

/* A run failed, for however many frames: after two in a row the next runtime or device is tried. */
static fov_status after_run(struct predict *p, fov_status run, fov_error *error)
{
    if (run != FOV_EINFER)
        return FOV_OK;
    return ++p->failures >= 2 && open_next(p, error) ? FOV_EINFER : FOV_OK;
}

/* ---- several frames a run ---- */

static fov_status show_waiting(struct predict *p, struct waiting *w, const fov_item *item,
                               fov_error *error)
{
    const char *name = w->name[0] ? w->name : NULL;
    struct seen seen = {.name = name,
                        .pts_ms = w->frame->pts_ms,
                        .width = item->width,
                        .height = item->height,
                        .detections = *item->out,
                        .timings = *item->timings};
    fov_timings *t = &seen.timings;
    if (w->frame->image.pixels != FOV_PIXELS_NONE)
        t->decode = w->read_ns;
    t->total = t->decode + t->preprocess + t->inference + t->postprocess;
    if (item->error.status == FOV_OK)
        return show(p, w->frame, &seen, error);
    *error = item->error;
    return report(p, item->error.status, name, error);
}

/* Runs what waits, and shows it in order. */
static fov_status run_waiting(struct predict *p, fov_error *error)
{
    fov_item items[FOV_BATCH_MAX];
    fov_detections found[FOV_BATCH_MAX];
    fov_timings timings[FOV_BATCH_MAX] = {0};
    fov_status status = FOV_OK, run = FOV_OK;
    int count = p->waiting_count;
    for (int i = 0; i < count; i++) {
        struct waiting *w = &p->waiting[i];
        found[i] = (fov_detections){w->items, 0, MAX_DETECTIONS, w->details};
        items[i] = (fov_item){
            .frame = w->frame, .params = &p->params, .out = &found[i], .timings = &timings[i]};
    }
    if (count > 0)
        run = fov_runner_detect_items(p->runner, items, count, NULL);
    p->waiting_count = 0;
    for (int i = 0; i < count; i++) {
        if (!status)
            status = show_waiting(p, &p->waiting[i], &items[i], error);
        fov_frame_unref(&p->waiting[i].frame);
    }
    return status ? status : after_run(p, run, error);
}

/* A picture that must be turned first: alone, by its own way. */
static bool is_turned(const fov_frame *frame)
{
    fov_picture_info info;
    return frame->image.pixels == FOV_PIXELS_NONE &&
           fov_picture_probe(frame->bytes, frame->size, &info, NULL) == FOV_OK &&
           info.orientation != 1;
}

/* Takes the frame. */
static fov_status wait_for_others(struct predict *p, fov_frame **frame, const char *name,
                                  int64_t read_ns, fov_error *error)
{
    struct waiting *w = &p->waiting[p->waiting_count++];
    w->frame = *frame;
    *frame = NULL;
    w->read_ns = read_ns;
    snprintf(w->name, sizeof w->name, "%s", name ? name : "");
    return p->waiting_count == p->batch ? run_waiting(p, error) : FOV_OK;
}

/* A live source that could not be opened, as against one broken picture. */
static bool has_ended(const struct predict *p)
{
    fov_source_state state;
    fov_source_get_state(p->source, &state);
    return state.phase == FOV_SOURCE_ENDED;
}

/* One frame, or the reason why there is none. Sets *end at the end of the source. */
static fov_status step(struct predict *p, bool *end, fov_error *error)
{
    fov_frame *frame = NULL;
    const char *name = NULL;
    int64_t start = clock_now_ns();
    fov_status status = fov_source_read(p->source, p->pool, &frame, &name, error);
    int64_t read_ns = clock_now_ns() - start;
    fov_error waited = {0};
    *end = status == FOV_EOS;
    if (!status && p->waiting && !is_turned(frame))
        return wait_for_others(p, &frame, name, read_ns, error);
    fov_status before = run_waiting(p, &waited); /* what came earlier is shown earlier */
    if (before)
        *error = waited;
    else if (!status)
        status = handle(p, frame, name, read_ns, error);
    fov_frame_unref(&frame);
    if (before || *end || !status)
        return before;
    if (has_ended(p)) {
        p->unopened = p->done == 0;
        return status;
    }
    fov_status told = report(p, status, name, error);
    return told ? told : after_run(p, status, error);
}

static fov_status run(struct predict *p, fov_error *error)
{
    bool end = false;
    fov_status status = FOV_OK;
    p->start_ns = clock_now_ns();
    while (!end && !status && !stopping && !ferror(stdout))
        status = step(p, &end, error);
    if (!status)
        status = run_waiting(p, error);
    if (status)
        return status;
    return ferror(stdout) ? fov_fail(error, FOV_EIO, "standard output was closed") : FOV_OK;
}

static int exit_code(const struct predict *p, fov_status status)
{
    if (status)
        return p->unopened ? 3 : p->done ? 1 : fov_status_exit(status);
    if (!p->done && p->failed)
        return 3;
    return p->failed ? 1 : 0;
}

int cmd_predict(int argc, char **argv)
{
    static struct predict p;
    fov_error error = {0}, closing = {0};
    int parsed = parse(&p, argc, argv);
    if (parsed)
        return parsed == OPTIONS_HELP ? 0 : 2;
    if (!parse_classes(&p))
        return 2;
    fov_status status = open_all(&p, &error);
    if (status) {
        fprintf(stderr, "fovea: %s\n", error.message);
        close_all(&p, NULL);
        return fov_status_exit(status);
    }
    p.progress = isatty(STDERR_FILENO) && !isatty(STDOUT_FILENO);
    /* the first signal ends the run with whole files, a second one at once */
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART | SA_RESETHAND};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    status = run(&p, &error);
    if (!p.unopened)
        print_end(&p);
    fov_status closed = close_all(&p, &closing);
    if (status || closed)
        fprintf(stderr, "fovea: %s\n", status ? error.message : closing.message);
    return exit_code(&p, status ? status : closed);
}
