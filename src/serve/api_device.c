/* What this machine is and what fovea makes of it. */
#include <fovea/device.h>
#include <string.h>

#include "serve/device_json.h"
#include "serve/routes.h"
#include "serve/serve.h"

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
    device_json_write(w, &info);
    write_selected(w, x->server, &info);
    json_object_end(w);
    serve_json(x, 200, w);
}
