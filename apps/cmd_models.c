/* fovea models list | inspect FILE */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <fovea/model.h>
#include "base/dynlib.h"
#include "base/json.h"
#include "chosen_model.h"
#include "commands.h"
#include "options.h"
#include "registry.h" /* models/registry.json as REGISTRY_JSON */

struct listed {
    const char *name, *title, *licence, *origin, *head, *note;
    bool is_default, present;
};

/* All files of the entry are among the fetched parts. */
static bool is_present(const json_value *entry)
{
    char deps[512], path[1024];
    const json_value *files = json_get(entry, "files");
    if (!json_count(files) || !dynlib_deps_folder(deps, sizeof deps))
        return false;
    for (size_t i = 0; i < json_count(files); i++) {
        const char *file = "";
        json_string(json_at(files, i), &file);
        snprintf(path, sizeof path, "%s/models/%s", deps, file);
        if (access(path, R_OK) != 0)
            return false;
    }
    return true;
}

static struct listed read_entry(const json_value *entry)
{
    struct listed m = {
        .name = "?", .title = "", .licence = "unknown", .origin = "", .head = "", .note = ""};
    json_get_string(entry, "name", &m.name);
    json_get_string(entry, "title", &m.title);
    json_get_string(entry, "licence", &m.licence);
    json_get_string(entry, "origin", &m.origin);
    json_get_string(entry, "head", &m.head);
    json_get_string(entry, "note", &m.note);
    json_get_bool(entry, "default", &m.is_default);
    m.present = is_present(entry);
    return m;
}

static void write_entry(const struct listed *m)
{
    struct json_writer w = {0};
    json_object_begin(&w);
    json_add_string(&w, "name", m->name);
    json_add_string(&w, "title", m->title);
    json_add_string(&w, "licence", m->licence);
    json_add_string(&w, "origin", m->origin);
    json_add_string(&w, "head", m->head);
    json_add_bool(&w, "default", m->is_default);
    json_add_bool(&w, "present", m->present);
    json_object_end(&w);
    puts(w.text ? w.text : "{}");
    json_release(&w);
}

static void print_entry(const struct listed *m)
{
    printf("%s%s\n", m->name, m->is_default ? " (default)" : "");
    printf("  %-8s %s\n", "title", m->title);
    printf("  %-8s %s\n", "licence", m->licence);
    printf("  %-8s %s\n", "origin", m->origin);
    printf("  %-8s %s\n", "here", m->present ? "yes" : "no: `make build` fetches it");
    if (m->note[0])
        printf("  %-8s %s\n", "note", m->note);
}

static int list(bool json)
{
    fov_error error = {0};
    json_value *root = json_parse(REGISTRY_JSON, strlen(REGISTRY_JSON), 1 << 20, &error);
    const json_value *models = json_get(root, "models");
    if (!root)
        fprintf(stderr, "fovea models: the registry cannot be read: %s\n", error.message);
    for (size_t i = 0; i < json_count(models); i++) {
        struct listed m = read_entry(json_at(models, i));
        if (json)
            write_entry(&m);
        else
            print_entry(&m);
    }
    int failed = root ? 0 : 1;
    json_free(&root);
    return failed;
}

/* Licence of a registered model by its id; of others only their owner knows. */
static void licence_of(const char *id, char *text, size_t size)
{
    json_value *root = json_parse(REGISTRY_JSON, strlen(REGISTRY_JSON), 1 << 20, NULL);
    const json_value *models = json_get(root, "models");
    snprintf(text, size, "not in the registry: see where the file came from");
    for (size_t i = 0; i < json_count(models); i++) {
        struct listed m = read_entry(json_at(models, i));
        if (!strcmp(m.name, id))
            snprintf(text, size, "%s", m.licence);
    }
    json_free(&root);
}

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
    json_add_string(&w, "file_reason", info->file_reason);
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
    printf("%-10s %s%s%s%s\n", "file", info->path, info->file_reason[0] ? " (" : "",
           info->file_reason, info->file_reason[0] ? ")" : "");
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
    licence_of(info->id, licence, sizeof licence);
    if (json)
        write_info(info, licence);
    else
        print_info(info, licence);
    fov_model_close(&model);
    return 0;
}

int cmd_models(int argc, char **argv)
{
    static const struct usage usage = {"models", "list | inspect FILE",
                                       "Models: what set-up knows, with licences; what a file is.",
                                       "  fovea models list\n"
                                       "  fovea models inspect yolo11n.onnx\n"};
    bool json = false;
    struct chosen_model chosen = {0};
    const struct option_spec options[] = {
        {"json", OPTION_FLAG, &json, 0, 0, NULL, "one JSON object a line"},
        {"device", OPTION_TEXT, &chosen.device, 0, 0, "DEVICE", "inspect: CPU, GPU, NPU"},
        {"precision", OPTION_TEXT, &chosen.precision, 0, 0, "P", "inspect: auto, fp32, fp16, int8"},
        {"head", OPTION_TEXT, &chosen.head, 0, 0, "H", "inspect: read as ssd, yolo, yolox"},
        {"labels", OPTION_TEXT, &chosen.labels, 0, 0, "FILE", "inspect: one label a line"},
        {"imgsz", OPTION_INT, &chosen.imgsz, 32, 4096, "N", "inspect: size of a dynamic input"},
        {0}};
    const char *words[2];
    int count = options_parse(&usage, options, argc, argv, words, 2);
    if (count < 0)
        return count == OPTIONS_HELP ? 0 : 2;
    if (count == 1 && !strcmp(words[0], "list"))
        return list(json);
    if (count == 2 && !strcmp(words[0], "inspect")) {
        chosen.model = words[1];
        return inspect(&chosen, json);
    }
    fprintf(stderr, "usage: fovea models list | inspect FILE (--help tells more)\n");
    return 2;
}
