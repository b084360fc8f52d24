/* Opens the models beside the loop, so that the server answers from its first millisecond. */
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "serve/model_files.h"
#include "serve/model_settings.h"
#include "serve/server.h"
#include "serve/settings_football.h"

struct loader {
    struct server *server;
    const struct settings *settings; /* the snapshot of the start: never freed while this runs */
    pthread_t thread;
    bool started, joined;
    fov_workers *workers;
    fov_error error;
    char path[1024], cache[512];
};

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
    fov_model_params params;
    fov_status status = model_settings_find(s, s->models.default_model, loader->cache, &params,
                                            loader->path, sizeof loader->path, &loader->error);
    if (status != FOV_OK)
        return status;
    fov_workers_params workers = model_settings_workers(s);
    workers.model = &params;
    workers.on_event = on_event;
    status = fov_workers_create(&loader->workers, &workers, &loader->error);
    return status != FOV_OK && loader->cache[0] ? open_without_cache(loader, &workers) : status;
}

/* The other models of the settings; one that fails is missing, the rest serves. */
static void open_others(struct loader *loader)
{
    const struct settings *s = loader->settings;
    for (size_t i = 0; i < s->models.count; i++) {
        const struct settings_model *entry = &s->models.items[i];
        fov_model_params params;
        fov_error error = {0};
        char path[1024];
        if (strcmp(entry->id, s->models.default_model) == 0)
            continue;
        fov_status status = model_settings_find(s, entry->id, loader->cache, &params, path,
                                                sizeof path, &error);
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
    fov_model_params params = model_settings_params(loader->settings, NULL, loader->cache);
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

/* What football streams need is there before the first of them begins. */
static void open_football(struct loader *loader)
{
    struct settings_football football;
    fov_error error = {0};
    /* a calibration that cannot be read is told to those who ask for it */
    if (settings_football(loader->settings, &football, &error) != FOV_OK)
        fov_log(FOV_LOG_ERROR, "serve", "%s", error.message);
    for (int i = 0; i < FOOTBALL_MODELS; i++)
        if (football.names[i] &&
            model_settings_add(loader->settings, football.names[i], football.ids[i], loader->cache,
                               loader->workers, &error) != FOV_OK)
            fov_log(FOV_LOG_ERROR, "serve", "football model %s cannot be used: %s",
                    football.names[i], error.message);
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
    model_settings_cache(loader->settings, loader->cache, sizeof loader->cache);
    fov_status status = open_default(loader);
    if (status != FOV_OK && loader->error.message[0] == '\0')
        fov_fail(&loader->error, status, "the model cannot be opened: %s", fov_status_text(status));
    if (status == FOV_OK)
        open_football(loader);
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
