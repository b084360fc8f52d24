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
#include "inspection.h"
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
static bool licence_of(const char *id, char *text, size_t size)
{
    json_value *root = json_parse(REGISTRY_JSON, strlen(REGISTRY_JSON), 1 << 20, NULL);
    const json_value *models = json_get(root, "models");
    bool found = false;
    for (size_t i = 0; i < json_count(models) && !found; i++) {
        struct listed m = read_entry(json_at(models, i));
        found = !strcmp(m.name, id);
        if (found)
            snprintf(text, size, "%s", m.licence);
    }
    json_free(&root);
    return found;
}

int cmd_models(int argc, char **argv)
{
    static const struct usage usage = {"models", "list | inspect FILE",
                                       "Models: what set-up knows, with licences; what a file is.",
                                       "  fovea models list\n"
                                       "  fovea models inspect yolo11n.onnx\n"
                                       "  fovea models inspect best.xml --no-run\n"};
    bool json = false, no_run = false;
    struct chosen_model chosen = {0};
    const struct option_spec options[] = {
        {"json", OPTION_FLAG, &json, 0, 0, NULL, "one JSON object a line"},
        {"device", OPTION_TEXT, &chosen.device, 0, 0, "DEVICE", "inspect: CPU, GPU, NPU"},
        {"backend", OPTION_TEXT, &chosen.backend, 0, 0, "B",
         "inspect: openvino, onnxruntime (best present)"},
        {"precision", OPTION_TEXT, &chosen.precision, 0, 0, "P", "inspect: auto, fp32, fp16, int8"},
        {"head", OPTION_TEXT, &chosen.head, 0, 0, "H", "inspect: read as ssd, yolo, yolox"},
        {"input", OPTION_TEXT, &chosen.input, 0, 0, "WORDS", "inspect: bgr,letterbox,scale=255"},
        {"labels", OPTION_TEXT, &chosen.labels, 0, 0, "FILE", "inspect: one label a line"},
        {"imgsz", OPTION_INT, &chosen.imgsz, 32, 4096, "N", "inspect: size of a dynamic input"},
        {"no-run", OPTION_FLAG, &no_run, 0, 0, NULL, "inspect: the file alone, without a runtime"},
        {0}};
    const char *words[2];
    int count = options_parse(&usage, options, argc, argv, words, 2);
    if (count < 0)
        return count == OPTIONS_HELP ? 0 : 2;
    if (count == 1 && !strcmp(words[0], "list"))
        return list(json);
    if (count == 2 && !strcmp(words[0], "inspect")) {
        chosen.model = words[1];
        return inspection_print(&chosen, no_run, json, licence_of);
    }
    fprintf(stderr, "usage: fovea models list | inspect FILE (--help tells more)\n");
    return 2;
}
