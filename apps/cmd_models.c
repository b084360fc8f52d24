/* fovea models list | pull NAME | inspect FILE */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <fovea/model.h>
#include "base/json.h"
#include "chosen_model.h"
#include "commands.h"
#include "models.h"
#include "options.h"

static const char *fit_of(const fov_model_info *info)
{
    return info->letterbox ? "aspect kept, padded" : "stretched";
}

static void write_info(const fov_model_info *info, const char *licence)
{
    struct json_writer w = {0};
    json_object_begin(&w);
    json_add_string(&w, "id", info->id);
    json_add_string(&w, "path", info->path);
    json_add_string(&w, "licence", licence);
    json_add_string(&w, "head", info->head);
    json_add_string(&w, "why", info->head_evidence);
    json_add_string(&w, "shapes", info->shapes);
    json_add_int(&w, "input_width", info->input_width);
    json_add_int(&w, "input_height", info->input_height);
    json_add_string(&w, "input_type", fov_dtype_name(info->input_dtype));
    json_add_string(&w, "layout", info->layout);
    json_add_string(&w, "color", info->color);
    json_add_string(&w, "scale", info->scale);
    json_add_bool(&w, "letterbox", info->letterbox);
    json_add_string(&w, "backend", info->backend);
    json_add_string(&w, "backend_version", info->backend_version);
    json_add_string(&w, "device", info->device);
    json_add_string(&w, "device_name", info->device_name);
    json_add_string(&w, "precision", info->precision);
    json_add_number(&w, "load_ms", info->load_ms, 1);
    json_add_number(&w, "compile_ms", info->compile_ms, 1);
    json_name(&w, "labels");
    json_array_begin(&w);
    for (int i = 0; i < info->label_count; i++)
        json_put_string(&w, info->labels[i]);
    json_array_end(&w);
    json_object_end(&w);
    puts(w.text ? w.text : "{}");
    json_release(&w);
}

static void print_labels(const fov_model_info *info)
{
    printf("%-10s %d:", "labels", info->label_count);
    for (int i = 0; i < info->label_count && i < 8; i++)
        printf(" %s%s", info->labels[i], i + 1 < info->label_count ? "," : "");
    printf("%s\n", info->label_count > 8 ? " ..." : "");
}

static void print_info(const fov_model_info *info, const char *licence)
{
    const char *dot = strrchr(info->path, '.');
    printf("%-10s %s\n", "model", info->id);
    printf("%-10s %s\n", "file", info->path);
    printf("%-10s %s\n", "format", dot && !strchr(dot, '/') ? dot + 1 : "-");
    printf("%-10s %s\n", "licence", licence);
    printf("%-10s %s\n", "head", info->head);
    printf("%-10s %s\n", "why", info->head_evidence);
    printf("%-10s %s\n", "shapes", info->shapes);
    printf("%-10s %d x %d, %s, %s, %s, %s\n", "input", info->input_width, info->input_height,
           fov_dtype_name(info->input_dtype), info->layout, info->color, fit_of(info));
    printf("%-10s %s\n", "scale", info->scale);
    print_labels(info);
    printf("%-10s %s %s on %s (%s), %s, %d threads\n", "runs on", info->backend,
           info->backend_version, info->device, info->device_name, info->precision, info->threads);
    printf("%-10s read %.0f ms, compile %.0f ms, warm-up %.0f ms\n", "start", info->load_ms,
           info->compile_ms, info->warmup_ms);
}

static int inspect(struct chosen_model *chosen, bool json)
{
    fov_model *model;
    fov_error error = {0};
    char licence[128];
    fov_status status = chosen_model_open(chosen, &model, &error);
    if (status) {
        fprintf(stderr, "fovea models: %s\n", error.message);
        return fov_status_exit(status);
    }
    const fov_model_info *info = fov_model_get_info(model);
    if (!models_licence(info->path, licence, sizeof licence))
        snprintf(licence, sizeof licence, "unknown: see where the file came from");
    if (json)
        write_info(info, licence);
    else
        print_info(info, licence);
    fov_model_close(&model);
    return 0;
}

int cmd_models(int argc, char **argv)
{
    static const struct usage usage = {
        "models", "list | pull NAME | inspect FILE",
        "Models: which there are, with licences; fetches one; what a file is.",
        "  fovea models list\n"
        "  fovea models pull nanodet_m_320\n"
        "  fovea models inspect yolo11n.onnx\n"};
    bool json = false;
    const char *accepted = NULL;
    struct chosen_model chosen = {0};
    const struct option_spec options[] = {
        {"json", OPTION_FLAG, &json, 0, 0, NULL, "one JSON object a line"},
        {"device", OPTION_TEXT, &chosen.device, 0, 0, "DEVICE", "inspect: CPU, GPU, NPU"},
        {"precision", OPTION_TEXT, &chosen.precision, 0, 0, "P", "inspect: auto, fp32, fp16, int8"},
        {"head", OPTION_TEXT, &chosen.head, 0, 0, "H", "inspect: read as ssd, yolo, yolox"},
        {"labels", OPTION_TEXT, &chosen.labels, 0, 0, "FILE", "inspect: one label a line"},
        {"imgsz", OPTION_INT, &chosen.imgsz, 32, 4096, "N", "inspect: size of a dynamic input"},
        {"accept-licence", OPTION_TEXT, &accepted, 0, 0, "LICENCE", "pull: you agree to this one"},
        {0}};
    const char *words[2];
    int count = options_parse(&usage, options, argc, argv, words, 2);
    if (count < 0)
        return count == OPTIONS_HELP ? 0 : 2;
    if (count == 1 && !strcmp(words[0], "list"))
        return models_list(json);
    if (count == 2 && !strcmp(words[0], "pull"))
        return models_pull(words[1], accepted, json);
    if (count == 2 && !strcmp(words[0], "inspect")) {
        chosen.model = words[1];
        return inspect(&chosen, json);
    }
    fprintf(stderr, "usage: fovea models list | pull NAME | inspect FILE (--help tells more)\n");
    return 2;
}
