/* fovea devices */
#include <stdio.h>

#include <fovea/device.h>
#include "base/json.h"
#include "commands.h"
#include "options.h"

static void write_runtimes(struct json_writer *w, const fov_device_info *info)
{
    json_name(w, "runtimes");
    json_array_begin(w);
    for (int i = 0; i < info->runtime_count; i++) {
        const fov_backend_probe *p = &info->runtimes[i].probe;
        json_object_begin(w);
        json_add_string(w, "name", info->runtimes[i].name);
        json_add_string(w, "version", p->version);
        json_add_bool(w, "available", p->available);
        json_add_string(w, "reason", p->reason);
        json_add_string(w, "library", p->library);
        json_name(w, "devices");
        json_array_begin(w);
        for (int d = 0; d < p->device_count; d++)
            json_put_string(w, p->devices[d]);
        json_array_end(w);
        json_object_end(w);
    }
    json_array_end(w);
}

static void print_json(const fov_device_info *info)
{
    struct json_writer w = {0};
    json_object_begin(&w);
    json_add_string(&w, "device_type", info->type);
    json_add_string(&w, "name", info->name);
    json_add_string(&w, "cpu", info->cpu);
    json_add_string(&w, "cpu_flags", info->cpu_flags);
    json_add_int(&w, "cores", info->cores);
    json_add_int(&w, "memory_mb", info->memory_mb);
    json_name(&w, "accelerators");
    json_array_begin(&w);
    for (int i = 0; i < info->accelerator_count; i++) {
        const fov_accelerator *a = &info->accelerators[i];
        json_object_begin(&w);
        json_add_string(&w, "kind", a->kind);
        json_add_string(&w, "name", a->name);
        json_add_string(&w, "where", a->where);
        json_add_bool(&w, "usable", a->usable);
        json_add_string(&w, "reason", a->reason);
        json_object_end(&w);
    }
    json_array_end(&w);
    write_runtimes(&w, info);
    json_add_string(&w, "selected", info->selected_device);
    json_add_string(&w, "selected_runtime", info->selected_runtime);
    json_add_string(&w, "recommended_format", info->recommended_format);
    json_add_string(&w, "recommended_precision", info->recommended_precision);
    json_object_end(&w);
    puts(w.text ? w.text : "{}");
    json_release(&w);
}

static void print_text(const fov_device_info *info)
{
    printf("%-13s %s\n", "machine", info->name);
    printf("%-13s %s, %d of %d cores usable, %s\n", "processor", info->cpu, info->cores,
           info->cores_total, info->cpu_flags[0] ? info->cpu_flags : "no vector units of interest");
    printf("%-13s %ld MB\n", "memory", info->memory_mb);
    for (int i = 0; i < info->accelerator_count; i++) {
        const fov_accelerator *a = &info->accelerators[i];
        printf("%-13s %s (%s): %s\n", a->kind, a->name, a->where, a->usable ? "usable" : a->reason);
    }
    if (!info->accelerator_count)
        printf("%-13s none found\n", "accelerators");
    for (int i = 0; i < info->runtime_count; i++) {
        const fov_backend_probe *p = &info->runtimes[i].probe;
        printf("%-13s %s %s\n", "runtime", info->runtimes[i].name,
               p->available ? p->version : p->reason);
        for (int d = 0; d < p->device_count; d++)
            printf("%-13s   %s  %s\n", "", p->devices[d], p->device_names[d]);
    }
    if (info->selected_runtime[0])
        printf("%-13s %s on %s\n", "used", info->selected_runtime, info->selected_device);
    else
        printf("%-13s nothing: see fovea doctor\n", "used");
}

int cmd_devices(int argc, char **argv)
{
    static const struct usage usage = {"devices", "",
                                       "Hardware and runtimes found, and which are used.", NULL};
    bool json = false;
    const struct option_spec options[] = {
        {"json", OPTION_FLAG, &json, 0, 0, NULL, "one JSON object"}, {0}};
    int count = options_parse(&usage, options, argc, argv, NULL, 0);
    if (count < 0)
        return count == OPTIONS_HELP ? 0 : 2;
    static fov_device_info info;
    fov_device_probe(NULL, &info);
    if (json)
        print_json(&info);
    else
        print_text(&info);
    return 0;
}
