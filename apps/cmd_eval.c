/* fovea eval PICTURES ANNOTATIONS.json: COCO mean average precision of a model as fovea runs it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <fovea/fovea.h>
#include "base/clock.h"
#include "base/json.h"
#include "chosen_model.h"
#include "coco.h"
#include "commands.h"
#include "options.h"

enum { PER_PICTURE = 1000, PICTURE_MAX = 64 << 20 };

struct eval {
    struct chosen_model chosen;
    const char *pictures, *annotations; /* PICTURES is a folder */
    const char *dets, *save;
    bool json;

    fov_model *model;
    fov_runner *runner;
    int *category_of; /* class id -> category, -1 none */
    uint8_t *bytes;
    struct coco coco;
    struct coco_boxes found;
    double figures[COCO_FIGURES];
    double total_ms;
};

static int parse(struct eval *e, int argc, char **argv)
{
    static const struct usage usage = {
        "eval", "PICTURES ANNOTATIONS.json",
        "COCO mean average precision of a model as fovea runs it.",
        "PICTURES is the folder of the pictures that ANNOTATIONS.json names. Figures are those of\n"
        "pycocotools: at most 100 detections of a class in a picture count.\n\n"
        "  fovea eval val2017 instances_val2017.json\n"
        "  fovea eval val2017 instances_val2017.json --model yolo11n.onnx --exact --save "
        "found.json\n"
        "  fovea eval --dets found.json instances_val2017.json\n"};
    const struct option_spec options[] = {
        {"model", OPTION_TEXT, &e->chosen.model, 0, 0, "M", "file or name of a model"},
        {"conf", OPTION_NUMBER, &e->chosen.conf, 0.0001, 1, "N", "least confidence (0.001)"},
        {"iou", OPTION_NUMBER, &e->chosen.iou, 0.0001, 1, "N", "overlap of boxes, for NMS (0.65)"},
        {"imgsz", OPTION_INT, &e->chosen.imgsz, 32, 4096, "N", "input size, dynamic models only"},
        {"head", OPTION_TEXT, &e->chosen.head, 0, 0, "H", "read as ssd, yolo, yolox"},
        {"input", OPTION_TEXT, &e->chosen.input, 0, 0, "WORDS", "pixels: bgr,letterbox,scale=255"},
        {"labels", OPTION_TEXT, &e->chosen.labels, 0, 0, "FILE", "one label a line"},
        {"device", OPTION_TEXT, &e->chosen.device, 0, 0, "D", "CPU, GPU, NPU (best present)"},
        {"backend", OPTION_TEXT, &e->chosen.backend, 0, 0, "B",
         "openvino, onnxruntime (best present)"},
        {"precision", OPTION_TEXT, &e->chosen.precision, 0, 0, "P", "auto, fp32, fp16, int8"},
        {"exact", OPTION_FLAG, &e->chosen.exact, 0, 0, NULL, "full decode, f32"},
        {"dets", OPTION_TEXT, &e->dets, 0, 0, "FILE", "judge these detections, run no model"},
        {"save", OPTION_TEXT, &e->save, 0, 0, "FILE", "write detections in COCO's format"},
        {"json", OPTION_FLAG, &e->json, 0, 0, NULL, "one JSON object on standard output"},
        {0}};
    const char *words[2];
    e->chosen.conf = 0.001;
    e->chosen.iou = 0.65;
    int count = options_parse(&usage, options, argc, argv, words, 2);
    if (count == OPTIONS_HELP || count == OPTIONS_ERROR)
        return count;
    int wanted = e->dets ? 1 : 2;
    if (count != wanted) {
        fprintf(stderr, "fovea eval: %s\nsee: fovea eval --help\n",
                e->dets ? "--dets FILE ANNOTATIONS.json is wanted"
                        : "PICTURES ANNOTATIONS.json is wanted");
        return OPTIONS_ERROR;
    }
    e->pictures = e->dets ? NULL : words[0];
    e->annotations = words[count - 1];
    return 0;
}

/* ---- running the model ---- */

static fov_status open_model(struct eval *e, fov_error *error)
{
    fov_status status = chosen_model_open(&e->chosen, &e->model, error);
    if (!status)
        status = fov_runner_open(&e->runner, e->model, error);
    if (status)
        return status;
    const fov_model_info *info = fov_model_get_info(e->model);
    e->category_of = malloc(((size_t)info->label_count + 1) * sizeof *e->category_of);
    e->bytes = malloc(PICTURE_MAX);
    if (!e->category_of || !e->bytes)
        return fov_fail(error, FOV_ENOMEM, "no memory");
    int known = 0;
    for (int i = 0; i < info->label_count; i++) {
        e->category_of[i] = coco_category_named(&e->coco, info->labels[i]);
        known += e->category_of[i] >= 0;
    }
    if (!known)
        return fov_fail(error, FOV_EINVAL,
                        "no label of the model is a category of %s (\"%s\" is not among them)",
                        e->annotations, info->label_count ? info->labels[0] : "");
    return FOV_OK;
}

static fov_status read_picture(struct eval *e, const char *name, fov_frame *frame, fov_error *error)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", e->pictures, name);
    FILE *file = fopen(path, "rb");
    if (!file)
        return fov_fail(error, FOV_ENOTFOUND, "%s is not there", path);
    *frame = (fov_frame){.bytes = e->bytes, .size = fread(e->bytes, 1, PICTURE_MAX, file)};
    fclose(file);
    return FOV_OK;
}

static fov_status detect(struct eval *e, int image, fov_error *error)
{
    fov_detection items[PER_PICTURE];
    fov_detections found = {.items = items, .capacity = PER_PICTURE};
    fov_detect_params params = {.conf = (float)e->chosen.conf,
                                .iou = (float)e->chosen.iou,
                                .max_detections = PER_PICTURE,
                                .exact = e->chosen.exact};
    fov_frame frame;
    fov_status status = read_picture(e, e->coco.images[image].file_name, &frame, error);
    int64_t start = clock_now_ns();
    if (!status)
        status = fov_runner_detect_frame(e->runner, &frame, &params, &found, NULL, NULL, NULL,
                                         error);
    e->total_ms += ns_to_ms(clock_now_ns() - start);
    for (size_t i = 0; i < found.count && !status; i++) {
        const fov_detection *d = &items[i];
        struct coco_box box = {.image = image,
                               .category = e->category_of[d->class_id],
                               .x = d->x1,
                               .y = d->y1,
                               .w = d->x2 - d->x1,
                               .h = d->y2 - d->y1,
                               .score = d->score};
        box.area = box.w * box.h;
        if (box.category >= 0 && !coco_add(&e->found, &box))
            status = fov_fail(error, FOV_ENOMEM, "no memory for detections");
    }
    return status;
}

static fov_status detect_all(struct eval *e, fov_error *error)
{
    fov_status status = open_model(e, error);
    bool progress = isatty(STDERR_FILENO);
    for (size_t i = 0; !status && i < e->coco.image_count; i++) {
        status = detect(e, (int)i, error);
        if (progress && (i % 10 == 9 || i + 1 == e->coco.image_count))
            fprintf(stderr, "\r%zu of %zu pictures, %.1f ms each ", i + 1, e->coco.image_count,
                    e->total_ms / (double)(i + 1));
    }
    if (progress && e->coco.image_count)
        fputc('\n', stderr);
    return status;
}

static fov_status save(const struct eval *e, fov_error *error)
{
    FILE *file = fopen(e->save, "w");
    if (!file)
        return fov_fail(error, FOV_EIO, "%s cannot be written", e->save);
    fputc('[', file);
    for (size_t i = 0; i < e->found.count; i++) {
        const struct coco_box *b = &e->found.items[i];
        fprintf(file,
                "%s\n{\"image_id\":%lld,\"category_id\":%lld,\"bbox\":[%.9g,%.9g,%.9g,%.9g],"
                "\"score\":%.9g}",
                i ? "," : "", (long long)e->coco.images[b->image].id,
                (long long)e->coco.categories[b->category].id, b->x, b->y, b->w, b->h, b->score);
    }
    fputs("]\n", file);
    if (fclose(file) != 0)
        return fov_fail(error, FOV_EIO, "%s cannot be written", e->save);
    return FOV_OK;
}

/* ---- the answer ---- */

static void print_json(const struct eval *e)
{
    struct json_writer w = {0};
    json_object_begin(&w);
    if (e->model)
        json_add_string(&w, "model", fov_model_get_info(e->model)->id);
    if (e->model)
        json_add_string(&w, "precision", fov_model_get_info(e->model)->precision);
    json_add_int(&w, "pictures", (int64_t)e->coco.image_count);
    json_add_int(&w, "detections", (int64_t)e->found.count);
    for (int i = 0; i < COCO_FIGURES; i++)
        json_add_number(&w, coco_figure_names[i], e->figures[i], 9);
    if (e->model)
        json_add_number(&w, "ms_per_picture", e->total_ms / (double)e->coco.image_count, 3);
    json_object_end(&w);
    puts(w.text ? w.text : "{}");
    json_release(&w);
}

static void print_table(const struct eval *e)
{
    printf("%zu pictures, %zu detections", e->coco.image_count, e->found.count);
    if (e->model)
        printf(", %s in %s, %.1f ms each", fov_model_get_info(e->model)->id,
               fov_model_get_info(e->model)->precision, e->total_ms / (double)e->coco.image_count);
    printf("\n");
    for (int i = 0; i < COCO_FIGURES; i++)
        printf("  %-10s %6.3f\n", coco_figure_names[i], e->figures[i]);
}

int cmd_eval(int argc, char **argv)
{
    struct eval e = {0};
    fov_error error = {0};
    int parsed = parse(&e, argc, argv);
    if (parsed < 0)
        return parsed == OPTIONS_HELP ? 0 : 2;
    fov_status status = coco_read(&e.coco, e.annotations, &error);
    if (!status)
        status = e.dets ? coco_read_detections(&e.coco, &e.found, e.dets, &error)
                        : detect_all(&e, &error);
    if (!status && e.save)
        status = save(&e, &error);
    if (!status && coco_evaluate(&e.coco, &e.found, e.figures))
        status = fov_fail(&error, FOV_ENOMEM, "no memory to judge the detections");
    if (status)
        fprintf(stderr, "fovea eval: %s\n", error.message);
    else if (e.json)
        print_json(&e);
    else
        print_table(&e);
    fov_runner_close(&e.runner);
    fov_model_close(&e.model);
    coco_release(&e.coco);
    coco_release_boxes(&e.found);
    free(e.category_of);
    free(e.bytes);
    return fov_status_exit(status);
}
