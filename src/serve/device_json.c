#include "serve/device_json.h"

#include <fovea/source.h>

static void write_accelerators(struct json_writer *w, const fov_device_info *info)
{
    json_name(w, "accelerators");
    json_array_begin(w);
    for (int i = 0; i < info->accelerator_count; i++) {
        const fov_accelerator *a = &info->accelerators[i];
        json_object_begin(w);
        json_add_string(w, "kind", a->kind);
        json_add_string(w, "vendor", a->vendor);
        json_add_string(w, "name", a->name);
        json_add_string(w, "where", a->where);
        json_add_string(w, "driver", a->driver[0] ? a->driver : NULL);
        if (a->memory_mb > 0)
            json_add_int(w, "memory_mb", a->memory_mb);
        else
            json_add_null(w, "memory_mb");
        json_add_bool(w, "usable", a->usable);
        json_add_string(w, "runtime", a->usable ? a->runtime : NULL);
        json_add_string(w, "device", a->usable ? a->device : NULL);
        json_add_string(w, "reason", a->usable ? NULL : a->reason);
        json_add_string(w, "mend", a->mend[0] ? a->mend : NULL);
        json_object_end(w);
    }
    json_array_end(w);
}

static void write_features(struct json_writer *w, const fov_device_info *info)
{
    json_name(w, "features");
    json_array_begin(w);
    for (int i = 0; i < info->feature_count; i++) {
        const fov_cpu_feature *f = &info->features[i];
        json_object_begin(w);
        json_add_string(w, "name", f->name);
        json_add_string(w, "gain", f->gain);
        json_add_bool(w, "usable", f->usable);
        json_add_string(w, "reason", f->usable ? NULL : f->reason);
        json_add_string(w, "mend", f->mend[0] ? f->mend : NULL);
        json_object_end(w);
    }
    json_array_end(w);
}

static void write_decoders(struct json_writer *w)
{
    char why[100];
    const char *name;
    json_name(w, "decoders");
    json_array_begin(w);
    for (int i = 0; (name = fov_source_decoder(i, why, sizeof why)); i++) {
        json_object_begin(w);
        json_add_string(w, "name", name);
        json_add_bool(w, "available", !why[0]);
        json_add_string(w, "reason", why[0] ? why : NULL);
        json_object_end(w);
    }
    json_array_end(w);
}

static void write_runtimes(struct json_writer *w, const fov_device_info *info)
{
    json_name(w, "runtimes");
    json_array_begin(w);
    for (int i = 0; i < info->runtime_count; i++) {
        const fov_backend_probe *probe = &info->runtimes[i].probe;
        json_object_begin(w);
        json_add_string(w, "name", info->runtimes[i].name);
        json_add_string(w, "version", probe->available ? probe->version : NULL);
        json_add_bool(w, "available", probe->available);
        json_add_string(w, "reason", probe->available ? NULL : probe->reason);
        json_add_string(w, "library", probe->available ? probe->library : NULL);
        json_name(w, "devices");
        json_array_begin(w);
        for (int d = 0; d < probe->device_count; d++)
            json_put_string(w, probe->devices[d]);
        json_array_end(w);
        json_object_end(w);
    }
    json_array_end(w);
}

static void write_recommended(struct json_writer *w, const fov_device_info *info)
{
    json_add_string(w, "recommended_runtime", info->recommended_runtime);
    json_add_string(w, "recommended_device", info->recommended_device);
    json_add_string(w, "recommended_format", info->recommended_format);
    json_add_string(w, "recommended_precision", info->recommended_precision);
    json_add_int(w, "recommended_input_size", info->recommended_input_size);
    json_add_int(w, "recommended_threads", info->recommended_threads);
    json_add_string(w, "why", info->why);
}

void device_json_write(struct json_writer *w, const fov_device_info *info)
{
    json_add_string(w, "device_type", info->type);
    json_add_string(w, "name", info->name);
    json_add_string(w, "model", info->model[0] ? info->model : NULL);
    json_add_string(w, "software", info->software[0] ? info->software : NULL);
    json_add_string(w, "cpu", info->cpu);
    json_add_string(w, "cpu_flags", info->cpu_flags);
    write_features(w, info);
    json_add_int(w, "cores", info->cores);
    json_add_int(w, "cores_total", info->cores_total);
    json_add_int(w, "memory_mb", info->memory_mb);
    json_add_int(w, "memory_total_mb", info->memory_total_mb);
    write_accelerators(w, info);
    write_decoders(w);
    write_runtimes(w, info);
    write_recommended(w, info);
}
