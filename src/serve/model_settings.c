#include "serve/model_settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "serve/model_files.h"

void model_settings_cache(const struct settings *s, char *folder, size_t size)
{
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    folder[0] = '\0';
    if (!s->openvino.cache_enabled)
        return;
    if (s->models.cache)
        text_copy(folder, size, s->models.cache);
    else if (cache && cache[0] == '/')
        snprintf(folder, size, "%s/fovea", cache);
    else if (home && home[0] == '/')
        snprintf(folder, size, "%s/.cache/fovea", home);
}

/* openvino.device says where OpenVINO runs. Its default, CPU, leaves the order to the machine,
 * which may have something better than OpenVINO. */
static const char *device_of(const struct settings *s)
{
    const char *device = s->openvino.device;
    return device && device[0] && strcasecmp(device, "CPU") != 0 ? device : NULL;
}

/* realtime.use_gpu and use_tpu: kinds of device that models are kept off, whatever else is set. */
static const char *avoid_of(const struct settings *s)
{
    static const char *const words[2][2] = {{"GPU TPU", "GPU"}, {"TPU", NULL}};
    return words[s->realtime.use_gpu][s->realtime.use_tpu];
}

static void from_entry(fov_model_params *params, const struct settings *s,
                       const struct settings_model *entry)
{
    params->id = entry->id;
    params->labels = entry->labels;
    params->head = entry->head;
    params->input = entry->input;
    params->backend = entry->backend;
    params->batch = entry->batch;
    if (entry->device)
        params->device = entry->device;
    if (entry->device && strcasestr(entry->device, "TPU")) /* asked for by name */
        params->avoid = s->realtime.use_gpu ? NULL : "GPU";
    if (entry->precision != FOV_PRECISION_AUTO)
        params->precision = (fov_precision)entry->precision;
}

fov_model_params model_settings_params(const struct settings *s, const struct settings_model *entry,
                                       const char *cache)
{
    fov_model_params params = {
        .device = device_of(s),
        .avoid = avoid_of(s),
        .threads = s->openvino.num_threads,
        .bind_threads = s->openvino.bind_threads,
        .precision = s->realtime.optimization_level == LEVEL_LOW ? FOV_PRECISION_F32
                                                                 : FOV_PRECISION_AUTO,
        .no_int8 = s->realtime.optimization_level != LEVEL_HIGH,
        .cache_dir = cache && cache[0] ? cache : NULL,
    };
    if (entry)
        from_entry(&params, s, entry);
    return params;
}

fov_workers_params model_settings_workers(const struct settings *s)
{
    return (fov_workers_params){
        .workers = s->openvino.async_inference ? 0 : 1,
        .pin_latency = s->openvino.performance_mode == MODE_LATENCY,
        .pin_throughput = s->openvino.performance_mode == MODE_THROUGHPUT,
    };
}

fov_status model_settings_find(const struct settings *s, const char *name, const char *cache,
                               fov_model_params *params, char *path, size_t size, fov_error *error)
{
    const struct settings_model *entry = settings_find_model(s, name);
    *params = model_settings_params(s, entry, cache);
    fov_status status = model_files_find(s, entry ? entry->path : name, MODEL_OF_USER, path, size,
                                         error);
    params->path = path;
    if (!entry && !strchr(name, '/') && !strchr(name, ':'))
        params->id = name;
    return status;
}

fov_status model_settings_add(const struct settings *s, const char *name, const char *id,
                              const char *cache, fov_workers *workers, fov_error *error)
{
    fov_model_params params;
    char path[1024];
    fov_model *known = fov_workers_model(workers, id);
    if (known) {
        fov_model_close(&known);
        return FOV_OK;
    }
    fov_status status = model_settings_find(s, name, cache, &params, path, sizeof path, error);
    params.id = id;
    return status ? status : fov_workers_add_model(workers, &params, false, error);
}
