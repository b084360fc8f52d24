/* GET and PUT /api/camera/{token}/zones: the zones in force, and those drawn on a page. DELETE
 * /api/camera/{token}/crossings: lines are counted anew. */
#include <stdlib.h>

#include "base/text.h"
#include "serve/routes.h"
#include "serve/serve.h"
#include "serve/watch.h"
#include "serve/zone_book.h"

enum { BODY_MAX = 64 * 1024 };

static void write_zones(struct server *server, const char *camera, struct json_writer *w)
{
    bool drawn;
    const struct zones *zones = zone_book_find(server, camera, &drawn);
    struct zones_known known = watch_known(server, camera);
    json_object_begin(w);
    json_add_string(w, "camera", camera);
    json_add_string(w, "origin", drawn ? "drawn" : zones ? "settings" : "none");
    json_name(w, "zones");
    zones_write(w, zones, &known);
    json_name(w, "rules");
    watch_write_rules(server, camera, w);
    json_object_end(w);
}

void get_camera_zones(struct exchange *x)
{
    struct json_writer *w = serve_writer(x->server);
    write_zones(x->server, x->room, w);
    serve_json(x, 200, w);
}

/* A request that waits for the disk. */
struct wish {
    struct server *server;
    uint64_t request_id;
    char camera[ROOM_NAME_MAX];
};

static void on_written(void *arg, fov_status status, const char *message)
{
    struct wish *wish = arg;
    struct net_request *request = net_request_find(wish->server->loop, wish->request_id);
    struct json_writer *w = serve_writer(wish->server);
    if (request && status == FOV_OK) {
        write_zones(wish->server, wish->camera, w);
        serve_reply(request, 200, w);
    } else if (request) {
        char detail[300];
        snprintf(detail, sizeof detail,
                 "the zones are in force, but cannot be kept beyond this run: %s", message);
        net_reply_problem(request, 507, "not_kept", detail);
    }
    free(wish);
}

/* Reads the body; *zones NULL: forget the drawn ones. False: answered. */
static bool read_body(struct exchange *x, struct zones *room, const struct zones **zones)
{
    size_t size;
    fov_error error = {0};
    const char *body = (const char *)net_request_body(x->request, &size);
    json_value *json = json_parse(body, size, BODY_MAX, &error);
    const json_value *list = json ? json_get(json, "zones") : NULL;
    bool good = json != NULL;
    if (!json) {
        serve_problem(x, 400, "bad_format", "the body is no JSON: %s", error.message);
    } else if (list && json_is_null(list)) {
        *zones = NULL;
    } else if (zones_read(list, room, &error) == FOV_OK) {
        *zones = room;
    } else {
        good = false;
        serve_problem(
            x, 422, "invalid_zones",
            "%s; the body is {\"zones\": [{\"name\": \"door\", \"points\": [[x, y], …]}]}, "
            "or null for those of the settings",
            error.message);
    }
    json_free(&json);
    return good;
}

void put_camera_zones(struct exchange *x)
{
    struct server *server = x->server;
    struct zones *room = calloc(1, sizeof *room);
    struct wish *wish = calloc(1, sizeof *wish);
    const struct zones *zones = NULL;
    fov_error error = {0};
    if (!room || !wish) {
        serve_busy(x, 1, "out_of_memory", "not enough memory");
    } else if (read_body(x, room, &zones)) {
        wish->server = server;
        wish->request_id = net_request_id(x->request);
        text_copy(wish->camera, sizeof wish->camera, x->room);
        fov_status status = zone_book_set(server, x->room, zones, on_written, wish, &error);
        if (status == FOV_OK || status == FOV_ENOMEM) /* in force, kept or not */
            watch_refresh(server, x->room);
        if (status == FOV_OK)
            wish = NULL;
        else
            serve_error(x, status, &error);
    }
    free(wish);
    free(room);
}

void delete_camera_crossings(struct exchange *x)
{
    const char *line = net_request_param(x->request, "line");
    if (!watch_reset_lines(x->server, x->room, line) && line) {
        serve_problem(x, 404, "no_such_line", "no line '%.80s' is among the zones of this camera",
                      line);
        return;
    }
    struct json_writer *w = serve_writer(x->server);
    json_object_begin(w);
    json_name(w, "lines");
    watch_write_lines(x->server, x->room, w);
    json_object_end(w);
    serve_json(x, 200, w);
}
