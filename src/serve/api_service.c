/* Service endpoints: health, version, cameras, QR codes, the certificate, the API's description. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/dynlib.h"
#include "base/text.h"
#include "serve/auth.h"
#include "serve/openapi.h"
#include "serve/percent.h"
#include "serve/routes.h"
#include "serve/server.h"

enum { ROOMS_SHOWN = 256 };

/* ---- health -------------------------------------------------------------------------------------
 */

void get_healthz(struct exchange *x)
{
    net_reply(x->request, 200, "text/plain", "ok\n", 3);
}

/* "ready", and below it which of a model's files runs, and on what when that is not the first
 * choice. */
static void reply_ready(struct exchange *x)
{
    char text[800] = "ready\n";
    int length = (int)strlen(text);
    fov_model *model = fov_workers_model(x->server->workers, NULL);
    const fov_model_info *info = model ? fov_model_get_info(model) : NULL;
    const char *slash = info ? strrchr(info->path, '/') : NULL;
    if (info && info->fallback[0])
        length = snprintf(text, sizeof text, "ready\n%.80s runs on %s %s: %s\n", info->id,
                          info->backend, info->device, info->fallback);
    if (info && info->file_reason[0])
        snprintf(text + length, sizeof text - (size_t)length, "%.80s: %.80s (%s)\n", info->id,
                 slash ? slash + 1 : info->path, info->file_reason);
    net_reply(x->request, 200, "text/plain", text, strlen(text));
    fov_model_close(&model);
}

void get_readyz(struct exchange *x)
{
    struct server *server = x->server;
    fov_workers_info info = {0};
    if (!serve_workers(x))
        return;
    fov_workers_get_info(server->workers, &info);
    if (info.default_lost)
        serve_busy(x, 30, "degraded",
                   "the default model hung too often and is not tried any more (%llu runs were "
                   "lost in all); load it again, or restart the server",
                   (unsigned long long)info.lost_runs);
    else
        reply_ready(x);
}

void get_version(struct exchange *x)
{
    struct json_writer *w = serve_writer(x->server);
    json_object_begin(w);
    json_add_string(w, "name", "fovea");
    json_add_string(w, "version", fov_version());
    json_object_end(w);
    serve_json(x, 200, w);
}

void get_ca(struct exchange *x)
{
    const char *path = x->server->ca_file;
    char *text = NULL;
    size_t size = 0;
    FILE *from = path[0] ? fopen(path, "re") : NULL;
    if (from) {
        text = malloc(65536);
        size = text ? fread(text, 1, 65536, from) : 0;
        fclose(from);
    }
    if (size > 0) {
        net_request_add_header(x->request, "Content-Disposition",
                               "attachment; filename=\"fovea-ca.crt\"");
        net_reply(x->request, 200, "application/x-x509-ca-cert", text, size);
    } else {
        serve_problem(x, 404, "no_local_ca",
                      "this server has no certificate authority of its own: "
                      "only --lan makes one");
    }
    free(text);
}

/* ---- the start page's data
 * ----------------------------------------------------------------------- */

static void write_room(struct json_writer *w, const struct room_info *room)
{
    char url[240], name[200];
    json_object_begin(w);
    json_add_string(w, "name", room->name);
    json_add_string(w, "kind", room->kind);
    json_add_string(w, "state", room->state);
    json_add_number(w, "p95_ms", room->p95_ms, 1);
    json_add_number(w, "fps", room->fps, 1);
    json_add_int(w, "viewers", room->viewers);
    percent_encode(name, sizeof name, room->name, "");
    snprintf(url, sizeof url, "/view/%s", name);
    json_add_string(w, "view_url", url);
    snprintf(url, sizeof url, "/camera/%s", name);
    json_add_string(w, "camera_url", url);
    snprintf(url, sizeof url, "/football/%s", room->stream_id);
    json_add_string(w, "football_url", room->football ? url : NULL);
    snprintf(url, sizeof url, "/api/camera/%s/latest.jpg", name);
    json_add_string(w, "latest", room->has_picture ? url : NULL);
    json_object_end(w);
}

/* The demo's room; while it is not open yet (the model loads, or is missing), what it will be. */
static void write_demo(struct json_writer *w, const struct server *server,
                       const struct room_info *rooms, size_t count)
{
    struct room_info demo = {.name = "demo", .kind = "demo", .state = "connecting"};
    json_name(w, "demo");
    if (!server->demo) {
        json_put_null(w);
        return;
    }
    for (size_t i = 0; i < count; i++)
        if (strcmp(rooms[i].kind, "demo") == 0)
            demo = rooms[i];
    write_room(w, &demo);
}

/* Title and licence from the card.json that set-up puts beside a model. */
static json_value *read_card(const char *model_path)
{
    char path[1100], text[8192];
    text_copy(path, 1024, model_path);
    char *slash = strrchr(path, '/');
    if (!slash)
        return NULL;
    text_copy(slash, sizeof path - (size_t)(slash - path), "/card.json");
    FILE *from = fopen(path, "re");
    size_t size = from ? fread(text, 1, sizeof text, from) : 0;
    if (from)
        fclose(from);
    return size > 0 ? json_parse(text, size, sizeof text, NULL) : NULL;
}

static void write_model(struct json_writer *w, struct server *server)
{
    fov_model *model = server->workers ? fov_workers_model(server->workers, NULL) : NULL;
    const fov_model_info *info = model ? fov_model_get_info(model) : NULL;
    json_value *card = info ? read_card(info->path) : NULL;
    const char *title = info ? info->id : NULL, *licence = NULL;
    if (card) {
        json_get_string(card, "title", &title);
        json_get_string(card, "licence", &licence);
    }
    json_name(w, "model");
    json_object_begin(w);
    json_add_string(w, "id", info ? info->id : NULL);
    json_add_string(w, "title", title);
    json_add_string(w, "precision", info ? info->precision : NULL);
    json_add_string(w, "file_reason", info ? info->file_reason : NULL);
    json_add_string(w, "licence", licence);
    json_add_string(w, "state",
                    server->model_state == MODEL_READY     ? "ready"
                    : server->model_state == MODEL_LOADING ? "loading"
                                                           : "missing");
    json_add_string(w, "problem",
                    server->model_state == MODEL_MISSING ? server->model_problem : NULL);
    json_object_end(w);
    json_add_string(w, "backend", info ? info->backend : NULL);
    json_add_string(w, "backend_version", info ? info->backend_version : NULL);
    json_add_string(w, "device", info ? info->device : NULL);
    json_add_string(w, "device_name", info ? info->device_name : NULL);
    json_free(&card);
    fov_model_close(&model);
}

void get_cameras(struct exchange *x)
{
    struct server *server = x->server;
    struct json_writer *w = serve_writer(server);
    struct room_info *rooms = calloc(ROOMS_SHOWN, sizeof *rooms);
    size_t count = rooms ? rooms_list(server, rooms, ROOMS_SHOWN) : 0;
    json_object_begin(w);
    json_name(w, "cameras");
    json_array_begin(w);
    for (size_t i = 0; i < count && i < ROOMS_SHOWN; i++)
        write_room(w, &rooms[i]);
    json_array_end(w);
    write_demo(w, server, rooms, count < ROOMS_SHOWN ? count : ROOMS_SHOWN);
    write_model(w, server);
    json_name(w, "lan");
    json_object_begin(w);
    json_add_bool(w, "enabled", server->lan);
    json_add_string(w, "url", server->lan ? server->lan_url : NULL);
    json_add_string(w, "command", "fovea serve --lan");
    json_object_end(w);
    json_add_bool(w, "auth", auth_on(server->auth));
    json_add_string(w, "version", fov_version());
    json_object_end(w);
    serve_json(x, 200, w);
    free(rooms);
}

/* ---- description -------------------------------------------------------------------------------
 */

void get_openapi(struct exchange *x)
{
    struct server_private *own = x->server->own;
    if (!own->openapi)
        own->openapi = openapi_make();
    if (own->openapi)
        net_reply_blob(x->request, 200, "application/json", own->openapi);
    else
        serve_problem(x, 500, "internal_error", "the description could not be made");
}
