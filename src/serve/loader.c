/* Opens the models beside the loop, so that the server answers from its first millisecond. */
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/text.h"
#include "serve/model_files.h"
#include "serve/server.h"

struct loader {
    struct server *server;
    const struct settings *settings; /* the snapshot of the start: never freed while this runs */
    pthread_t thread;
    bool started, joined;
    fov_workers *workers;
    fov_error error;
    char path[1024], cache[512];
};

void loader_cache(const struct settings *s, char *folder, size_t size)
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

fov_model_params loader_params(const struct settings *s, const struct settings_model *entry,
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

static void on_event(void *user, const char *event, const char *text)
{
    (void)user;
    fov_log(FOV_LOG_INFO, "flow", "%s: %s", event, text);
}

/* Compiled models are kept to start sooner; a full or read-only disk must not cost the model. */
static fov_status open_without_cache(struct loader *loader, const fov_workers_params *workers)
{
    fov_model_params params = *workers->model;
    fov_workers_params again = *workers;
    fov_error error = {0};
    params.cache_dir = NULL;
    again.model = &params;
    fov_status status = fov_workers_create(&loader->workers, &again, &error);
    if (status == FOV_OK)
        fov_log(FOV_LOG_WARN, "serve",
                "compiled models cannot be kept in %s: %s; set models.cache to another folder",
                loader->cache, loader->error.message);
    loader->cache[0] = '\0';
    return status;
}

static fov_status open_default(struct loader *loader)
{
    const struct settings *s = loader->settings;
    const struct settings_model *entry = settings_find_model(s, s->models.default_model);
    fov_model_params params = loader_params(s, entry, loader->cache);
    fov_status status = model_files_find(s, entry ? entry->path : s->models.default_model,
                                         MODEL_OF_USER, loader->path, sizeof loader->path,
                                         &loader->error);
    if (status != FOV_OK)
        return status;
    params.path = loader->path;
    if (!entry && !strchr(s->models.default_model, '/') && !strchr(s->models.default_model, ':'))
        params.id = s->models.default_model;
    fov_workers_params workers = {
        .workers = s->openvino.async_inference ? 0 : 1,
        .model = &params,
        .pin_latency = s->openvino.performance_mode == MODE_LATENCY,
        .pin_throughput = s->openvino.performance_mode == MODE_THROUGHPUT,
        .on_event = on_event,
    };
    status = fov_workers_create(&loader->workers, &workers, &loader->error);
    return status != FOV_OK && loader->cache[0] ? open_without_cache(loader, &workers) : status;
}

/* The other models of the settings; one that fails is missing, the rest serves. */
static void open_others(struct loader *loader)
{
    const struct settings *s = loader->settings;
    for (size_t i = 0; i < s->models.count; i++) {
        const struct settings_model *entry = &s->models.items[i];
        fov_model_params params = loader_params(s, entry, loader->cache);
        fov_error error = {0};
        char path[1024];
        if (strcmp(entry->id, s->models.default_model) == 0)
            continue;
        fov_status status = model_files_find(s, entry->path, MODEL_OF_USER, path, sizeof path,
                                             &error);
        params.path = path;
        if (status == FOV_OK)
            status = fov_workers_add_model(loader->workers, &params, false, &error);
        if (status != FOV_OK)
            fov_log(FOV_LOG_ERROR, "serve", "model %s cannot be used: %s", entry->id,
                    error.message);
    }
}

/* One file of models.dir, under its name, unless a model of that name is there already. */
static void open_file(struct loader *loader, const char *file)
{
    fov_model_params params = loader_params(loader->settings, NULL, loader->cache);
    fov_error error = {0};
    char path[1024], id[128];
    if (!model_files_name(loader->settings->models.dir, file, id, sizeof id) ||
        settings_find_model(loader->settings, id))
        return;
    fov_model *known = fov_workers_model(loader->workers, id);
    if (known) {
        fov_model_close(&known);
        return;
    }
    params.id = id;
    params.path = path;
    if (!model_files_in(loader->settings->models.dir, file, path, sizeof path) ||
        fov_workers_add_model(loader->workers, &params, false, &error) != FOV_OK)
        fov_log(FOV_LOG_ERROR, "serve", "model %s of models.dir cannot be used: %s", file,
                error.message);
}

/* Clients may name the files of models.dir. They are opened now; later ones when an administrator
 * asks (api_models.c), never because a client names them. */
static void open_folder(struct loader *loader)
{
    const char *folder = loader->settings->models.dir;
    struct dirent **entries = NULL;
    int count = folder ? scandir(folder, &entries, NULL, alphasort) : 0;
    if (count < 0)
        fov_log(FOV_LOG_ERROR, "serve", "models.dir %s: %s", folder, strerror(errno));
    for (int i = 0; i < count; i++) {
        if (entries[i]->d_name[0] != '.' && !net_loop_stopping(loader->server->loop))
            open_file(loader, entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
}

/* On the loop thread: the model is there, or is known to be missing. */
static void loaded(void *arg)
{
    struct loader *loader = arg;
    server_model_loaded(loader->server, loader->workers, &loader->error);
}

static void *load(void *arg)
{
    struct loader *loader = arg;
    loader_cache(loader->settings, loader->cache, sizeof loader->cache);
    fov_status status = open_default(loader);
    if (status != FOV_OK && loader->error.message[0] == '\0')
        fov_fail(&loader->error, status, "the model cannot be opened: %s", fov_status_text(status));
    net_post(loader->server->loop, loaded, loader);
    if (status == FOV_OK) {
        open_others(loader);
        open_folder(loader);
    }
    return NULL;
}

fov_status loader_start(struct server *server, fov_error *error)
{
    struct loader *loader = calloc(1, sizeof *loader);
    if (!loader)
        return fov_fail(error, FOV_ENOMEM, "not enough memory");
    loader->server = server;
    loader->settings = server->settings;
    server->own->loader = loader;
    if (pthread_create(&loader->thread, NULL, load, loader) != 0)
        return fov_fail(error, FOV_ENOMEM, "no thread for loading the model");
    loader->started = true;
    return FOV_OK;
}

bool loader_join(struct server *server, int ms)
{
    struct loader *loader = server->own->loader;
    struct timespec until;
    if (!loader || !loader->started)
        return true;
    clock_gettime(CLOCK_REALTIME, &until); /* what pthread_timedjoin_np wants */
    until.tv_sec += ms / 1000;
    if (pthread_timedjoin_np(loader->thread, NULL, &until) != 0)
        return false;
    loader->started = false;
    return true;
}

fov_workers *loader_release(struct server *server)
{
    fov_workers *workers = server->own->loader ? server->own->loader->workers : NULL;
    free(server->own->loader);
    server->own->loader = NULL;
    return workers;
}
