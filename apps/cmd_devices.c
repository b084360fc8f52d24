/* fovea devices */
#include <stdio.h>
#include <string.h>

#include <fovea/device.h>
#include <fovea/source.h>
#include "base/json.h"
#include "commands.h"
#include "options.h"
#include "serve/device_json.h"
#include "wrap.h"

enum { LEFT = 15 }; /* width of the first column */

static void print_json(const fov_device_info *info)
{
    struct json_writer w = {0};
    json_object_begin(&w);
    device_json_write(&w, info);
    json_add_string(&w, "selected", info->selected_device);
    json_add_string(&w, "selected_runtime", info->selected_runtime);
    json_object_end(&w);
    puts(w.text ? w.text : "{}");
    json_release(&w);
}

/* One line of the table; a NULL title goes on with the last one. */
static void print_row(const char *title, const char *text)
{
    printf("%-*s", LEFT, title ? title : "");
    wrap_print(LEFT, text);
}

/* A line about the last one, further to the right. */
static void print_detail(const char *mark, const char *text)
{
    enum { RIGHT = 2 };
    printf("%*s%s ", LEFT + RIGHT, "", mark);
    wrap_print(LEFT + 2 * RIGHT, text);
}

static void print_machine(const fov_device_info *info)
{
    char text[400];
    snprintf(text, sizeof text, "%s%s%s%s", info->name, info->software[0] ? " (" : "",
             info->software, info->software[0] ? ")" : "");
    if (strcmp(info->name, info->cpu) != 0) /* of a machine without a name it is the processor's */
        print_row("machine", text);
    if (info->cores < info->cores_total)
        snprintf(text, sizeof text, "%s, %d of %d cores may be used", info->cpu, info->cores,
                 info->cores_total);
    else
        snprintf(text, sizeof text, "%s, %d core%s", info->cpu, info->cores,
                 info->cores == 1 ? "" : "s");
    print_row("processor", text);
}

static void print_memory(const fov_device_info *info)
{
    char text[80];
    if (info->memory_mb < info->memory_total_mb)
        snprintf(text, sizeof text, "%ld of %ld MB may be used", info->memory_mb,
                 info->memory_total_mb);
    else
        snprintf(text, sizeof text, "%ld MB", info->memory_mb);
    print_row("memory", text);
}

/* "has avx512_vnni (int8), ...", and what it lacks. */
static void print_features(const fov_device_info *info)
{
    for (int usable = 1; usable >= 0; usable--) {
        char text[FOV_CPU_FEATURES_MAX * (sizeof(fov_cpu_feature))] = "";
        size_t used = 0;
        for (int i = 0; i < info->feature_count; i++) {
            const fov_cpu_feature *f = &info->features[i];
            if (f->usable != (usable == 1))
                continue;
            used += (size_t)snprintf(text + used, sizeof text - used, "%s%s",
                                     used     ? ", "
                                     : usable ? "has "
                                              : "lacks ",
                                     f->name);
            if (usable)
                used += (size_t)snprintf(text + used, sizeof text - used, " (%s)", f->gain);
        }
        if (used)
            print_row(NULL, text);
    }
}

static void print_accelerators(const fov_device_info *info)
{
    char text[400];
    if (!info->accelerator_count)
        print_row("accelerators", "none found");
    for (int i = 0; i < info->accelerator_count; i++) {
        const fov_accelerator *a = &info->accelerators[i];
        snprintf(text, sizeof text, "%s, %s%s%s", a->name, a->where,
                 a->driver[0] ? ", driver " : "", a->driver);
        print_row(i ? NULL : "accelerators", text);
        if (a->usable)
            snprintf(text, sizeof text, "usable: device %s of %s", a->device, a->runtime);
        else
            snprintf(text, sizeof text, "not usable: %s", a->reason);
        print_detail("-", text);
        if (a->mend[0])
            print_detail("→", a->mend);
    }
}

/* What decodes video, and why not something faster. */
static void print_decoders(void)
{
    char why[100], text[200];
    const char *name;
    print_row("video", "decoded by the processor, or by:");
    for (int i = 0; (name = fov_source_decoder(i, why, sizeof why)); i++) {
        snprintf(text, sizeof text, "%-12s %s%s", name,
                 why[0] ? "not here: " : "tried first (not yet run on hardware)", why);
        print_row(NULL, text);
    }
}

static void print_runtimes(const fov_device_info *info)
{
    char text[600];
    for (int i = 0; i < info->runtime_count; i++) {
        const fov_backend_probe *p = &info->runtimes[i].probe;
        const char *title = i ? NULL : "runtimes";
        if (!p->available) {
            snprintf(text, sizeof text, "%-12s not here: %s", info->runtimes[i].name, p->reason);
            print_row(title, text);
            continue;
        }
        snprintf(text, sizeof text, "%-12s %.*s", info->runtimes[i].name,
                 (int)strcspn(p->version, "-"), p->version);
        print_row(title, text);
        for (int d = 0; d < p->device_count; d++) {
            snprintf(text, sizeof text, "%-12s %s  %s", "", p->devices[d], p->device_names[d]);
            print_row(NULL, text);
        }
    }
}

static void print_text(const fov_device_info *info)
{
    char text[200];
    print_machine(info);
    print_features(info);
    print_memory(info);
    print_accelerators(info);
    print_decoders();
    print_runtimes(info);
    if (info->selected_runtime[0])
        snprintf(text, sizeof text, "%s on %s", info->selected_runtime, info->selected_device);
    print_row("used now", info->selected_runtime[0] ? text : "nothing: see fovea doctor");
    snprintf(text, sizeof text, "%s on %s, format %s, precision %s, input %d × %d, %d thread%s",
             info->recommended_runtime, info->recommended_device, info->recommended_format,
             info->recommended_precision, info->recommended_input_size,
             info->recommended_input_size, info->recommended_threads,
             info->recommended_threads == 1 ? "" : "s");
    print_row("suits it best", text);
    print_row(NULL, info->why);
}

int cmd_devices(int argc, char **argv)
{
    static const struct usage usage = {
        "devices", "", "Hardware and runtimes found, and which are used.",
        "fovea doctor says what is missing. --root: for a container that has the host's files "
        "mounted."};
    bool json = false;
    const char *root = NULL;
    const struct option_spec options[] = {
        {"json", OPTION_FLAG, &json, 0, 0, NULL, "one JSON object"},
        {"root", OPTION_TEXT, &root, 0, 0, "DIR", "read /proc, /sys, /dev and /etc below DIR"},
        {0}};
    int count = options_parse(&usage, options, argc, argv, NULL, 0);
    if (count < 0)
        return count == OPTIONS_HELP ? 0 : 2;
    static fov_device_info info;
    fov_device_probe_at(root, NULL, &info);
    if (json)
        print_json(&info);
    else
        print_text(&info);
    return 0;
}
