/* What this machine is and what fovea makes of it. */
#include <fovea/device.h>
#include <stdlib.h>
#include <string.h>

#include "serve/routes.h"
#include "serve/serve.h"

static void write_accelerators(struct json_writer *w, const fov_device_info *info)
{
    json_name(w, "accelerators");
    json_array_begin(w);
    for (int i = 0; i < info->accelerator_count; i++) {
        const fov_accelerator *a = &info->accelerators[i];
        json_object_begin(w);
        json_add_string(w, "kind", a->kind);
        json_add_string(w, "name", a->name);
        json_add_string(w, "where", a->where);
        json_add_bool(w, "usable", a->usable);
        json_add_string(w, "reason", a->usable ? NULL : a->reason);
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
        json_object_end(w);
    }
    json_array_end(w);
}

/* Clients learn which file of a model runs, not where it lies. */
static const char *file_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* What runs now: of the open model when there is one, else what would be taken. */
static void write_selected(struct json_writer *w, struct server *server,
                           const fov_device_info *info)
{
    fov_model *model = server->workers ? fov_workers_model(server->workers, NULL) : NULL;
    const fov_model_info *open = model ? fov_model_get_info(model) : NULL;
    json_name(w, "selected");
    json_object_begin(w);
    json_add_string(w, "runtime", open ? open->backend : info->selected_runtime);
    json_add_string(w, "device", open ? open->device : info->selected_device);
    json_add_string(w, "file", open ? file_name(open->path) : NULL);
    json_add_string(w, "file_reason", open ? open->file_reason : NULL);
    json_object_end(w);
    json_add_string(w, "precision", open ? open->precision : NULL);
    json_add_string(w, "fallback", open && open->fallback[0] ? open->fallback : NULL);
    fov_model_close(&model);
}

void get_device_info(struct exchange *x)
{
    /* Probing takes some milliseconds; kept for 30 s so that nobody can make the loop wait. */
    static fov_device_info info;
    static int64_t probed_ns;
    int64_t now = net_request_arrival_ns(x->request);
    if (probed_ns == 0 || now - probed_ns > INT64_C(30000000000)) {
        fov_device_probe(NULL, &info);
        probed_ns = now;
    }
    struct json_writer *w = serve_writer(x->server);
    json_object_begin(w);
    json_add_string(w, "device_type", info.type);
    json_add_string(w, "name", info.name);
    write_accelerators(w, &info);
    write_runtimes(w, &info);
    write_selected(w, x->server, &info);
    json_add_string(w, "recommended_format", info.recommended_format);
    json_add_string(w, "recommended_precision", info.recommended_precision);
    json_add_string(w, "cpu", info.cpu);
    json_add_string(w, "cpu_flags", info.cpu_flags);
    json_add_int(w, "cores", info.cores);
    json_add_int(w, "memory_mb", info.memory_mb);
    json_object_end(w);
    serve_json(x, 200, w);
}
