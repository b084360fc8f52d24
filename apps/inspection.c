#include "inspection.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <fovea/backend.h>
#include "base/json.h"
#include "base/text.h"

enum { TOP = 6, SHOWN_LABELS = 8, SAID = 80 };

/* All that is known of one file. */
struct known {
    fov_inspection *inspection;
    const fov_inspection_info *file; /* NULL: behind a scheme ("fake:") */
    fov_model *model;                /* NULL: not opened */
    const fov_model_info *info;      /* as opened, else as the file is read; NULL: no head */
    char licence[192];
    fov_error problem;
    bool runs; /* `info` is of an opened model */
    bool head_asked, input_asked;
};

/* ---- what there is to say ---- */

static const char *certainty(const struct known *k)
{
    int confidence = k->info->head_confidence;
    if (k->head_asked)
        return "as asked";
    return confidence >= 90 ? "certain" : confidence >= 60 ? "likely" : "assumed";
}

/* "f32[1,3,640,640]"; open dimensions are "?". */
static void describe_port(const fov_file_port *port, char *text, size_t size)
{
    size_t used = (size_t)snprintf(text, size, "%s", port->type);
    if (port->rank < 0)
        return;
    for (int d = 0; d < port->rank && used < size - 24; d++)
        used += (size_t)(port->shape[d] < 0
                             ? snprintf(text + used, size - used, "%s?", d ? "," : "[")
                             : snprintf(text + used, size - used, "%s%lld", d ? "," : "[",
                                        (long long)port->shape[d]));
    snprintf(text + used, size - used, port->rank ? "]" : "[]");
}

static bool takes(const fov_backend *backend, const char *path)
{
    const char *dot = strrchr(path, '.');
    size_t size = dot ? strlen(dot) : 0, n;
    for (const char *s = backend->suffixes; *s == '.'; s += n + (s[n] == ' ')) {
        n = strcspn(s, " ");
        if (n == size && !strncasecmp(s, dot, n))
            return true;
    }
    return false;
}

/* ---- for people ---- */

static void print_ports(const char *title, const fov_file_port *ports, int count)
{
    char shape[160];
    for (int i = 0; i < count; i++) {
        describe_port(&ports[i], shape, sizeof shape);
        printf("%-10s %s %s\n", i ? "" : title, ports[i].name, shape);
    }
}

static void print_size(int64_t bytes)
{
    if (bytes >= 10000000)
        printf(", %.0f MB", (double)bytes / 1e6);
    else if (bytes >= 100000)
        printf(", %.1f MB", (double)bytes / 1e6);
    else
        printf(", %lld bytes", (long long)bytes);
}

static void print_file(const struct known *k, const char *path)
{
    const fov_inspection_info *f = k->file;
    printf("%-10s %s", "file", path);
    print_size(f->bytes);
    printf("\n%-10s %s", "format", f->format);
    if (f->version[0])
        printf(", %s", f->version);
    size_t size = strlen(f->producer);
    if (size) /* "MLIR Converted." */
        printf(", made by %.*s", (int)(size - (f->producer[size - 1] == '.')), f->producer);
    printf("\n");
}

/* One line of what the file says of itself; texts of others are cut and kept free of controls. */
static void print_said(const fov_inspection_info *f)
{
    if (!f->task[0] && !f->description[0])
        return;
    char task[21], text[SAID];
    text_copy(task, sizeof task, f->task);
    text_copy(text, sizeof text, f->description);
    text_flatten(task);
    text_flatten(text);
    printf("%-10s ", "says");
    if (f->task[0])
        printf("task %s%s", task, f->description[0] ? ", " : "");
    printf("%s%s\n", text, strlen(f->description) >= sizeof text ? "..." : "");
}

static void print_graph(const fov_inspection_info *f)
{
    print_ports("inputs", f->inputs, f->input_count);
    print_ports("outputs", f->outputs, f->output_count);
    if (f->node_count)
        printf("%-10s %d of %d kinds:", "operators", f->node_count, f->operator_kinds);
    for (int i = 0; i < f->operator_kinds && i < TOP; i++)
        printf("%s %s %d", i ? "," : "", f->operators[i].name, f->operators[i].count);
    if (f->node_count)
        printf("%s\n", f->operator_kinds > TOP ? ", ..." : "");
    if (f->custom_operator[0])
        printf("%-10s %s\n", "custom", f->custom_operator);
    if (f->external_data[0])
        printf("%-10s weights in %s\n", "external", f->external_data);
    if (f->node_count)
        printf("%-10s %s\n", "quantised", f->quantised[0] ? f->quantised : "no");
}

static void print_labels(const fov_model_info *info)
{
    printf("%-10s %d:", "labels", info->label_count);
    for (int i = 0; i < info->label_count && i < SHOWN_LABELS; i++) {
        char label[SAID];
        text_copy(label, sizeof label, info->labels[i]);
        text_flatten(label);
        printf(" %s%s", label, i + 1 < info->label_count ? "," : "");
    }
    printf("%s", info->label_count > SHOWN_LABELS ? " ..." : "");
    if (!strcmp(info->label_source, "numbers"))
        printf(" (nothing names them: --labels FILE does)\n");
    else
        printf(" (from %s)\n", info->label_source);
}

static void print_reading(const struct known *k)
{
    const fov_model_info *info = k->info;
    printf("%-10s %s\n", "task", fov_task_name(info->task));
    printf("%-10s %s, %s (%d of 100)\n", "head", info->head, certainty(k), info->head_confidence);
    printf("%-10s %s\n", "why", info->head_evidence);
    printf("%-10s %d x %d, %s, %s, %s, %s%s\n", "input", info->input_width, info->input_height,
           fov_dtype_name(info->input_dtype), info->layout, info->color, info->fit,
           k->input_asked ? " (with --input)" : "");
    printf("%-10s %s\n", "scale", info->scale);
    if (info->label_count)
        print_labels(info);
}

/* "2026.4.1-22982-e213a147257-releases/2026/4": the part that people know. */
static int number_size(const char *version)
{
    return (int)strcspn(version, "-");
}

/* Runtimes that take such files, and which of them are here. */
static void print_runtimes(const char *path)
{
    const char *title = "runtimes";
    for (size_t i = 0; fov_backend_at(i); i++) {
        fov_backend_probe probe;
        const fov_backend *backend = fov_backend_at(i);
        if (!takes(backend, path))
            continue;
        backend->probe(NULL, &probe);
        if (probe.available)
            printf("%-10s %s %.*s\n", title, backend->name, number_size(probe.version),
                   probe.version);
        else
            printf("%-10s %s is not here: fovea doctor tells what is missing\n", title,
                   backend->name);
        title = "";
    }
    if (*title)
        printf("%-10s none takes such a file\n", title);
}

static void print_run(const fov_model_info *info)
{
    printf("%-10s %s %.*s on %s (%s), %s, %d threads\n", "runs on", info->backend,
           number_size(info->backend_version), info->backend_version, info->device,
           info->device_name, info->precision, info->threads);
    if (info->file_reason[0])
        printf("%-10s %s: %s\n", "", info->path, info->file_reason);
    printf("%-10s read %.0f ms, compile %.0f ms, warm-up %.0f ms\n", "start", info->load_ms,
           info->compile_ms, info->warmup_ms);
}

/* Graphs that a runtime has to translate at every start. */
static void print_hint(const struct known *k, const char *path)
{
    if (k->file && !k->file->refused && !strcmp(k->file->format, "TensorFlow graph"))
        printf("%-10s such graphs take seconds to load; fovea optimize %s --target openvino\n"
               "%-10s makes a file that starts in less than one\n",
               "hint", path, "");
}

/* What to try when the file is sound but nothing reads its output. */
static void print_help(const struct known *k)
{
    if (!k->info && k->file && !k->file->refused && k->problem.status == FOV_EUNSUPPORTED)
        printf(
            "%-10s if you know what it is: --head NAME says how its output is read, --input "
            "\"bgr,scale=255\"\n%-10s how pixels go in, --labels FILE what its classes are called; "
            "docs/models.md shows all\n",
            "help", "");
}

static void print_known(const struct known *k, const char *path)
{
    if (k->file && k->file->refused && !strcmp(k->file->format, "unknown"))
        return; /* the reason on standard error is all there is to say */
    if (k->info)
        printf("%-10s %s\n", "model", k->info->id);
    if (k->file) {
        print_file(k, path);
        print_said(k->file);
    }
    if (k->info)
        print_reading(k);
    if (k->file)
        print_graph(k->file);
    else if (k->info)
        printf("%-10s %s\n", "shapes", k->info->shapes);
    if (!k->file || k->file->node_count) {
        char licence[sizeof k->licence];
        text_copy(licence, sizeof licence, k->licence);
        text_flatten(licence);
        printf("%-10s %s\n", "licence", licence);
    }
    if (k->runs)
        print_run(k->info);
    else if (k->file && k->file->node_count)
        print_runtimes(path);
    print_hint(k, path);
    print_help(k);
}

/* ---- as JSON ---- */

static void write_ports(struct json_writer *w, const char *key, const fov_file_port *ports,
                        int count)
{
    json_name(w, key);
    json_array_begin(w);
    for (int i = 0; i < count; i++) {
        json_object_begin(w);
        json_add_string(w, "name", ports[i].name);
        json_add_string(w, "type", ports[i].type);
        json_name(w, "shape");
        if (ports[i].rank < 0)
            json_put_null(w);
        else
            json_array_begin(w);
        for (int d = 0; d < ports[i].rank; d++)
            json_put_int(w, ports[i].shape[d]);
        if (ports[i].rank >= 0)
            json_array_end(w);
        json_object_end(w);
    }
    json_array_end(w);
}

static void write_file(struct json_writer *w, const fov_inspection_info *f)
{
    json_add_string(w, "format", f->format);
    json_add_string(w, "format_version", f->version);
    json_add_string(w, "producer", f->producer);
    json_add_int(w, "bytes", f->bytes);
    json_add_string(w, "quantised", f->quantised[0] ? f->quantised : NULL);
    json_add_string(w, "custom_operator", f->custom_operator[0] ? f->custom_operator : NULL);
    json_add_string(w, "external_data", f->external_data[0] ? f->external_data : NULL);
    json_add_string(w, "task_said", f->task[0] ? f->task : NULL);
    json_add_string(w, "description", f->description[0] ? f->description : NULL);
    write_ports(w, "inputs", f->inputs, f->input_count);
    write_ports(w, "outputs", f->outputs, f->output_count);
    json_name(w, "operators");
    json_object_begin(w);
    for (int i = 0; i < f->operator_kinds; i++) {
        char name[84];
        snprintf(name, sizeof name, "%s%s%s", f->operators[i].domain,
                 f->operators[i].domain[0] ? "::" : "", f->operators[i].name);
        json_add_int(w, name, f->operators[i].count);
    }
    json_object_end(w);
}

/* How many; their names and the lines between them where they are COCO's. */
static void write_keypoints(struct json_writer *w, int count)
{
    int from, to;
    json_add_int(w, "keypoints", count);
    if (count != 17)
        return;
    json_name(w, "keypoint_names");
    json_array_begin(w);
    for (int i = 0; i < count; i++)
        json_put_string(w, fov_keypoint_name(i));
    json_array_end(w);
    json_name(w, "skeleton");
    json_array_begin(w);
    for (int i = 0; fov_keypoint_line(i, &from, &to); i++) {
        json_array_begin(w);
        json_put_int(w, from);
        json_put_int(w, to);
        json_array_end(w);
    }
    json_array_end(w);
}

static void write_reading(struct json_writer *w, const struct known *k)
{
    const fov_model_info *info = k->info;
    json_add_string(w, "id", info->id);
    json_add_string(w, "task", fov_task_name(info->task));
    if (info->keypoints > 0)
        write_keypoints(w, info->keypoints);
    json_add_string(w, "head", info->head);
    json_add_string(w, "certainty", certainty(k));
    json_add_int(w, "confidence", info->head_confidence);
    json_add_string(w, "why", info->head_evidence);
    json_add_string(w, "shapes", info->shapes);
    json_add_int(w, "input_width", info->input_width);
    json_add_int(w, "input_height", info->input_height);
    json_add_string(w, "input_type", fov_dtype_name(info->input_dtype));
    json_add_string(w, "layout", info->layout);
    json_add_string(w, "color", info->color);
    json_add_string(w, "fit", info->fit);
    json_add_string(w, "scale", info->scale);
    json_add_bool(w, "letterbox", info->letterbox);
    json_name(w, "labels");
    json_array_begin(w);
    for (int i = 0; i < info->label_count; i++)
        json_put_string(w, info->labels[i]);
    json_array_end(w);
    json_add_string(w, "label_source", info->label_source);
}

static void write_run(struct json_writer *w, const fov_model_info *info)
{
    json_add_string(w, "backend", info->backend);
    json_add_string(w, "backend_version", info->backend_version);
    json_add_string(w, "device", info->device);
    json_add_string(w, "device_name", info->device_name);
    json_add_string(w, "precision", info->precision);
    json_add_string(w, "runs_file", info->path);
    json_add_string(w, "file_reason", info->file_reason);
    json_add_number(w, "load_ms", info->load_ms, 1);
    json_add_number(w, "compile_ms", info->compile_ms, 1);
}

static void write_known(const struct known *k, const char *path)
{
    struct json_writer w = {0};
    json_object_begin(&w);
    json_add_string(&w, "path", path);
    json_add_string(&w, "licence", k->licence);
    json_add_string(&w, "problem", k->problem.message[0] ? k->problem.message : NULL);
    if (k->file)
        write_file(&w, k->file);
    if (k->info)
        write_reading(&w, k);
    if (k->runs)
        write_run(&w, k->info);
    json_object_end(&w);
    puts(w.text ? w.text : "{}");
    json_release(&w);
}

/* ---- the command ---- */

static void name_licence(struct known *k, const char *path,
                         bool (*licence_of)(const char *path, char *text, size_t size))
{
    if (licence_of(path, k->licence, sizeof k->licence))
        return;
    if (k->file && k->file->licence[0])
        snprintf(k->licence, sizeof k->licence, "%.120s (the file says so)", k->file->licence);
    else
        snprintf(k->licence, sizeof k->licence, "unknown: see where the file came from");
}

/* The scanners let it pass: a runtime may know shapes that the file does not tell. */
static bool may_run(const struct known *k)
{
    return !k->file || !k->file->refused;
}

/* False: there is nothing to show. */
static bool learn(struct known *k, struct chosen_model *chosen, bool no_run)
{
    fov_status status = chosen_model_inspect(chosen, &k->inspection, &k->problem);
    if (k->inspection ? status == FOV_EINVAL : status != FOV_EINVAL || no_run)
        return false; /* a wrong word, or no file; a model behind a scheme is opened below */
    if (k->inspection) {
        k->file = fov_inspection_get_info(k->inspection);
        k->info = k->file->reading;
    }
    if (no_run || (status && !may_run(k)))
        return true;
    k->problem = (fov_error){0};
    if (chosen_model_open(chosen, &k->model, &k->problem) == FOV_OK) {
        k->info = fov_model_get_info(k->model);
        k->runs = true;
    }
    return k->file || k->runs;
}

static int exit_code(const struct known *k)
{
    if (!k->problem.status)
        return 0;
    return k->problem.status == FOV_EINVAL ? 2 : 3;
}

int inspection_print(struct chosen_model *chosen, bool no_run, bool json,
                     bool (*licence_of)(const char *path, char *text, size_t size))
{
    struct known k = {.head_asked = chosen->head, .input_asked = chosen->input};
    if (learn(&k, chosen, no_run)) {
        const char *path = k.info ? k.info->path : chosen->model;
        name_licence(&k, path, licence_of);
        if (json)
            write_known(&k, path);
        else
            print_known(&k, path);
    }
    fflush(stdout);
    if (k.problem.status)
        fprintf(stderr, "fovea models: %s\n", k.problem.message);
    fov_model_close(&k.model);
    fov_inspection_close(&k.inspection);
    return exit_code(&k);
}
