/* Models of a running server: which there are, one more, one less. A model is named, never
 * uploaded: an entry of the settings, a file in models.dir, or one that set-up fetched. */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "serve/chores.h"
#include "serve/frames.h"
#include "serve/model_files.h"
#include "serve/model_settings.h"
#include "serve/routes.h"
#include "serve/server.h"

enum {
    BODY_MAX = 16384,
    NAME_MAX_BYTES = 100,
    FILES_SHOWN = 256,
    FILES_SEEN = 4096,
    OPENING_MAX = 4
};

/* ---- GET: what there is -----------------------------------------------------------------------
 */

static void write_model(struct json_writer *w, const fov_model *model, int streams, bool is_default)
{
    const fov_model_info *m = fov_model_get_info(model);
    json_object_begin(w);
    json_add_string(w, "id", m->id);
    json_add_bool(w, "default", is_default);
    json_add_string(w, "task", fov_task_name(m->task));
    json_add_string(w, "head", m->head);
    json_add_string(w, "backend", m->backend);
    json_add_string(w, "backend_version", m->backend_version);
    json_add_string(w, "device", m->device);
    json_add_string(w, "precision", m->precision);
    json_add_string(w, "fallback", m->fallback[0] ? m->fallback : NULL);
    json_add_int(w, "input_width", m->input_width);
    json_add_int(w, "input_height", m->input_height);
    json_add_int(w, "classes", m->label_count);
    json_add_int(w, "streams", streams);
    json_add_number(w, "load_ms", m->load_ms + m->compile_ms + m->warmup_ms, 1);
    json_object_end(w);
}

/* A model as the list has it; NULL: it is not there. */
static fov_model *listed(fov_workers *workers, const char *id, int *streams, bool *is_default)
{
    fov_model *model;
    for (size_t i = 0; (model = fov_workers_model_at(workers, i, streams, is_default)); i++) {
        if (strcmp(fov_model_get_info(model)->id, id) == 0)
            return model;
        fov_model_close(&model);
    }
    return NULL;
}

static void write_available(struct json_writer *w, const struct settings *s, fov_workers *workers)
{
    char name[256], folder[1024];
    json_name(w, "available");
    json_array_begin(w);
    for (size_t i = 0; i < s->models.count; i++)
        if (!model_is_loaded(workers, s->models.items[i].id))
            json_put_string(w, s->models.items[i].id);
    model_files_folder(s, folder, sizeof folder);
    DIR *dir = folder[0] ? opendir(folder) : NULL;
    int shown = 0, seen = 0;
    for (struct dirent *e; dir && shown < FILES_SHOWN && seen++ < FILES_SEEN && (e = readdir(dir));)
        if (model_files_name(folder, e->d_name, name, sizeof name) &&
            !model_is_loaded(workers, name) && !settings_find_model(s, name)) {
            json_put_string(w, name);
            shown++;
        }
    if (dir)
        closedir(dir);
    json_array_end(w);
}

void get_models(struct exchange *x)
{
    fov_workers *workers = serve_workers(x);
    fov_model *model;
    int streams = 0;
    bool is_default = false;
    if (!workers)
        return;
    struct json_writer *w = serve_writer(x->server);
    json_object_begin(w);
    json_name(w, "models");
    json_array_begin(w);
    for (size_t i = 0; (model = fov_workers_model_at(workers, i, &streams, &is_default)); i++) {
        write_model(w, model, streams, is_default);
        fov_model_close(&model);
    }
    json_array_end(w);
    write_available(w, x->server->settings, workers);
    json_object_end(w);
    serve_json(x, 200, w);
}

/* ---- POST: one more, or another in place of one -------------------------------------------------
 */

/* A model on its way: asked for on the loop, opened on the helper, answered on the loop. */
struct wish {
    struct server *server;
    uint64_t request_id;
    const struct settings *settings; /* a snapshot: lives as long as the server */
    char name[NAME_MAX_BYTES + 1], id[MODEL_ID_MAX], cache[512];
    bool as_default, replaces;
    fov_status status;
    fov_error error;
};

static void answer_wish(void *arg)
{
    struct wish *wish = arg;
    struct net_request *request = net_request_find(wish->server->loop, wish->request_id);
    struct json_writer *w = serve_writer(wish->server);
    if (wish->status != FOV_OK)
        fov_log(FOV_LOG_ERROR, "serve", "model %s cannot be used: %s", wish->name,
                wish->error.message);
    int streams = 0;
    bool is_default = false;
    fov_model *model = wish->status
                           ? NULL
                           : listed(wish->server->workers, wish->id, &streams, &is_default);
    if (request && model) {
        write_model(w, model, streams, is_default);
        serve_reply(request, wish->replaces ? 200 : 201, w);
    } else if (request) {
        net_reply_error(request, wish->status ? wish->status : FOV_EINTERNAL, &wish->error);
    }
    fov_model_close(&model);
    free(wish);
}

/* On the helper: compiling may take seconds, and nothing waits for it but the one who asked. */
static void open_wish(void *arg)
{
    struct wish *wish = arg;
    const struct settings *s = wish->settings;
    const struct settings_model *entry = settings_find_model(s, wish->name);
    fov_model_params params = model_settings_params(s, entry, wish->cache);
    char path[1024];
    wish->status = model_files_find(s, entry ? entry->path : wish->name,
                                    entry ? MODEL_OF_USER : MODEL_OF_CLIENT, path, sizeof path,
                                    &wish->error);
    params.path = path;
    params.id = wish->id;
    if (wish->status == FOV_OK)
        wish->status = net_loop_stopping(wish->server->loop)
                           ? fov_fail(&wish->error, FOV_ECLOSED, "the server is shutting down")
                           : fov_workers_add_model(wish->server->workers, &params, wish->as_default,
                                                   &wish->error);
    atomic_fetch_sub(&wish->server->models_opening, 1);
    if (!net_post(wish->server->loop, answer_wish, wish))
        free(wish);
}

/* A name is a name: no path, no scheme, nothing that leads out of the folders of models. */
static bool is_name(const char *name)
{
    size_t length = name ? strlen(name) : 0;
    return length >= 1 && length <= NAME_MAX_BYTES && name[0] != '.' && !strpbrk(name, "/\\:") &&
           text_is_utf8((const uint8_t *)name, length);
}

static bool read_wish(struct exchange *x, struct wish *wish)
{
    size_t size;
    const char *body = (const char *)net_request_body(x->request, &size), *name = NULL, *id = NULL;
    fov_error error = {0};
    json_value *json = json_parse(body, size, BODY_MAX, &error);
    bool good = json && json_is_object(json) && json_get_string(json, "name", &name) &&
                is_name(name) &&
                (!json_has(json, "id") || (json_get_string(json, "id", &id) && is_name(id))) &&
                (!json_has(json, "default") || json_get_bool(json, "default", &wish->as_default));
    if (good) {
        text_copy(wish->name, sizeof wish->name, name);
        text_copy(wish->id, sizeof wish->id, id ? id : name);
        if (!id && !settings_find_model(x->server->settings, name))
            model_files_strip(wish->id);
    } else {
        serve_problem(
            x, json ? 422 : 400, json ? "invalid_argument" : "bad_format",
            "the body is {\"name\": \"boats\", \"id\"?: \"harbour\", \"default\"?: true}; "
            "name is an entry of the settings or a file in models.dir, without a path%s%s",
            error.message[0] ? ": " : "", error.message);
    }
    json_free(&json);
    return good;
}

void post_models(struct exchange *x)
{
    struct server *server = x->server;
    fov_workers *workers = serve_workers(x);
    if (workers && atomic_load(&server->models_opening) >= OPENING_MAX) {
        serve_busy(x, 5, "busy", "%d models are being opened already; try again later",
                   OPENING_MAX);
        return;
    }
    struct wish *wish = workers ? calloc(1, sizeof *wish) : NULL;
    if (!wish) {
        if (workers)
            serve_busy(x, 1, "out_of_memory", "not enough memory for a model");
        return;
    }
    wish->server = server;
    wish->settings = server->settings;
    wish->request_id = net_request_id(x->request);
    if (!read_wish(x, wish)) {
        free(wish);
        return;
    }
    wish->replaces = model_is_loaded(workers, wish->id);
    model_settings_cache(server->settings, wish->cache, sizeof wish->cache);
    if (!server->model_chores)
        server->model_chores = chores_start("fovea-models");
    atomic_fetch_add(&server->models_opening, 1);
    if (server->model_chores && chores_add(server->model_chores, open_wish, wish))
        return;
    atomic_fetch_sub(&server->models_opening, 1);
    free(wish);
    serve_busy(x, 1, "out_of_memory", "no thread to open a model on");
}

/* ---- DELETE -------------------------------------------------------------------------------------
 */

static void answer_removal(void *arg)
{
    struct wish *wish = arg;
    struct net_request *request = net_request_find(wish->server->loop, wish->request_id);
    struct json_writer *w = serve_writer(wish->server);
    json_object_begin(w);
    json_add_string(w, "removed", wish->id);
    json_object_end(w);
    if (request && wish->status == FOV_EBUSY)
        net_reply_problem(request, 409, "in_use", wish->error.message);
    else if (request && wish->status)
        net_reply_error(request, wish->status, &wish->error);
    else if (request)
        serve_reply(request, 200, w);
    free(wish);
}

/* On the helper that closes streams: those that process-frame kept for the model are gone then. */
static void remove_model(void *arg)
{
    struct wish *wish = arg;
    wish->status = fov_workers_remove_model(wish->server->workers, wish->id, &wish->error);
    if (!net_post(wish->server->loop, answer_removal, wish))
        free(wish);
}

void delete_model(struct exchange *x)
{
    const char *id = exchange_param(x, "id");
    fov_workers *workers = serve_workers(x);
    if (!workers)
        return;
    if (model_is_loaded(workers, id) && !frames_forget_model(x->server, id)) {
        serve_problem(x, 409, "in_use", "a picture is being analysed; try again in a moment");
        return;
    }
    struct wish *wish = calloc(1, sizeof *wish);
    if (wish) {
        wish->server = x->server;
        wish->request_id = net_request_id(x->request);
        text_copy(wish->id, sizeof wish->id, id);
    }
    if (wish && chores_add(x->server->frames->closing, remove_model, wish))
        return;
    free(wish);
    serve_busy(x, 1, "out_of_memory", "not enough memory");
}

/* ---- the part -----------------------------------------------------------------------------------
 */

static fov_status open_part(struct server *server, fov_error *error)
{
    (void)server;
    (void)error;
    return FOV_OK;
}

/* Waits for the model that is being opened. */
static void stop_part(struct server *server)
{
    chores_stop(&server->model_chores);
}

static void close_part(struct server *server)
{
    (void)server;
}

const struct serve_part models_part = {
    .name = "models", .open = open_part, .stop = stop_part, .close = close_part};
