/* start-stream, stop-stream, streams: rooms fed by a source of the server's own. The source is
 * opened on a helper thread; the request is answered when it is open, or cannot be. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "serve/message.h"
#include "serve/room.h"
#include "serve/routes.h"
#include "serve/sources.h"

#define BODY_MAX 65536
#define CONF_DEFAULT 0.25

/* ---- opening ----------------------------------------------------------------------------------
 */

/* A source on its way: made on the loop thread, opened on the helper, finished on the loop. */
struct opening {
    struct server *server;
    uint64_t room_id, request_id; /* request 0: nobody waits for the answer */
    char stream_id[80];
    char url[1024];
    bool loop;
    struct stream_query query;
    fov_source *source;
    fov_status status;
    fov_error error;
};

static void write_stream(struct json_writer *w, const struct room *room)
{
    char url[4 * ROOM_NAME_MAX] = "/view/";
    size_t used = strlen(url);
    for (const char *c = room->name; *c && used + 4 < sizeof url; c++) {
        bool plain = strchr("-._~", *c) || (*c >= '0' && *c <= '9') ||
                     ((*c | 32) >= 'a' && (*c | 32) <= 'z');
        used += (size_t)snprintf(url + used, sizeof url - used, plain ? "%c" : "%%%02X",
                                 (unsigned char)*c);
    }
    json_add_string(w, "stream_id", room->stream_id);
    json_add_string(w, "token", room->name);
    json_add_string(w, "view_url", url);
    json_add_string(w, "source", room->source);
    json_add_string(w, "kind", room->kind);
    json_add_string(w, "state", room_state(room));
    json_add_number(w, "target_fps", room->target_fps, 2);
    json_add_string(w, "tracker", "none");
    json_add_string(w, "admission", "best_effort");
    if (room->feed) {
        json_add_string(w, "model_id", room->feed->query.model_id);
        json_add_number(w, "max_latency_ms", room->feed->query.max_latency_ms, 3);
    }
    if (room->end_message[0])
        json_add_string(w, "message", room->end_message);
}

static void answer_opened(struct opening *o, struct room *room)
{
    struct net_request *request = net_request_find(o->server->loop, o->request_id);
    struct json_writer *w = serve_writer(o->server);
    if (!request)
        return;
    if (o->status != FOV_OK) {
        net_reply_error(request, o->status, &o->error);
        return;
    }
    json_object_begin(w);
    write_stream(w, room);
    json_object_end(w);
    net_reply(request, 201, "application/json", w->text, w->size);
}

/* The model's name in messages is its own, not "". */
static void name_model(struct server *server, struct stream_query *query)
{
    fov_model *model = fov_workers_model(server->workers, query->model_id);
    if (model && !query->model_id[0])
        text_copy(query->model_id, sizeof query->model_id, fov_model_get_info(model)->id);
    fov_model_close(&model);
}

static fov_status start_feed(struct opening *o, struct room *room)
{
    fov_stream_params params = stream_params(o->server, &o->query);
    params.target_fps = room->target_fps;
    o->error.status = FOV_OK;
    room->feed = feed_open(room, o->server->workers, &params, &o->query, false, &o->error);
    if (!room->feed)
        return o->error.status;
    name_model(o->server, &room->feed->query);
    room_feed_changed(room); /* viewers are counted before the first frame */
    fov_status status = fov_stream_start_source(room->feed->stream, &o->source, false, &o->error);
    if (status != FOV_OK)
        room_close_feed(room);
    return status;
}

static void opened(void *arg)
{
    struct opening *o = arg;
    struct room *room = room_by_id(o->server, o->room_id);
    if (room && strcmp(room->stream_id, o->stream_id) != 0)
        room = NULL; /* stopped, and started anew meanwhile */
    bool wanted = room && room->connecting && !o->server->rooms->stopped;
    if (o->status == FOV_OK && !wanted)
        o->status = fov_fail(&o->error, FOV_ECLOSED, "the stream was stopped while it was opened");
    if (room)
        room->connecting = false;
    if (o->status == FOV_OK)
        o->status = start_feed(o, room);
    if (o->status != FOV_OK && !o->request_id)
        fov_log(FOV_LOG_ERROR, "serve", "room %s: %s", room ? room->name : "?", o->error.message);
    answer_opened(o, room);
    if (o->status != FOV_OK && room && wanted) {
        if (room->counted)
            sessions_leave(o->server);
        room->counted = false;
        room->stream_id[0] = '\0';
        room_release(room);
    }
    fov_source_close(&o->source);
    free(o);
}

/* On the helper thread. */
static void open_source(void *arg)
{
    struct opening *o = arg;
    fov_source_params params = {.url = o->url, .loop = o->loop};
    o->status = fov_source_open(&o->source, &params, &o->error);
    if (!net_post(o->server->loop, opened, o)) {
        fov_source_close(&o->source);
        free(o);
    }
}

static bool is_network(const char *url)
{
    return strstr(url, "://") != NULL || strncmp(url, "/dev/", 5) == 0;
}

static fov_status check_source(const char *url, fov_error *error)
{
    if (is_network(url))
        return fov_fail(error, FOV_EUNSUPPORTED,
                        "network and USB cameras come with the next version: open /camera/NAME in "
                        "a browser beside the camera, or name a file");
    return FOV_OK;
}

/* A room that waits for its source; NULL with the reason. */
static struct room *reserve(struct server *server, const struct room_source *p, fov_error *error)
{
    struct rooms *rooms = server->rooms;
    char id[80];
    snprintf(id, sizeof id, "stream-%llu", (unsigned long long)rooms->next_stream + 1);
    struct room *room = room_get(server, p->room && p->room[0] ? p->room : id);
    if (!room) {
        fov_fail(error, FOV_EBUSY, "the server has %d rooms already", ROOMS_MAX);
        return NULL;
    }
    if (room->feed || room->camera || room->connecting) {
        fov_fail(error, FOV_EEXISTS, "room %s has a camera already", room->name);
        return NULL;
    }
    rooms->next_stream++;
    text_copy(room->stream_id, sizeof room->stream_id, id);
    settings_redact_url(room->source, sizeof room->source, p->source);
    room->kind = p->kind;
    room->target_fps = p->target_fps;
    room->connecting = true;
    room->ended = false;
    room->end_message[0] = '\0';
    unit_unref(&room->drawn);
    fov_frame_unref(&room->newest);
    return room;
}

static struct opening *opening_make(struct server *server, const struct room_source *p,
                                    const struct room *room, uint64_t request_id)
{
    const struct settings *s = server->settings;
    struct opening *o = calloc(1, sizeof *o);
    if (!o)
        return NULL;
    o->server = server;
    o->room_id = room->id;
    o->request_id = request_id;
    text_copy(o->stream_id, sizeof o->stream_id, room->stream_id);
    o->loop = p->loop;
    text_copy(o->url, sizeof o->url, p->source);
    text_copy(o->query.model_id, sizeof o->query.model_id, p->model_id ? p->model_id : "");
    o->query.max_latency_ms = p->max_latency_ms >= 0 ? p->max_latency_ms
                                                     : s->realtime.max_latency_ms;
    o->query.conf = (float)(p->conf > 0 ? p->conf : settings_conf(s, CONF_DEFAULT));
    return o;
}

static fov_status start(struct server *server, const struct room_source *p, uint64_t request_id,
                        struct room **out, fov_error *error)
{
    fov_status status = check_source(p->source, error);
    if (status != FOV_OK)
        return status;
    error->status = FOV_OK;
    struct room *room = reserve(server, p, error);
    if (!room)
        return error->status;
    struct opening *o = opening_make(server, p, room, request_id);
    if (o && chores_add(server->rooms->opening, open_source, o)) {
        *out = room;
        return FOV_OK;
    }
    free(o);
    room->connecting = false;
    room->stream_id[0] = '\0';
    room_release(room);
    return fov_fail(error, FOV_ENOMEM, "not enough memory for a stream");
}

fov_status rooms_start_source(struct server *server, const struct room_source *params,
                              char *stream_id, size_t size, fov_error *error)
{
    struct room *room = NULL;
    fov_error local = {0};
    fov_status status = start(server, params, 0, &room, error ? error : &local);
    if (status == FOV_OK)
        text_copy(stream_id, size, room->stream_id);
    return status;
}

/* ---- ending -----------------------------------------------------------------------------------
 */

static void end_room(struct room *room)
{
    room->connecting = false;
    if (room->feed)
        fov_stream_get_stats(room->feed->stream, 60, &room->end_stats);
    room_close_feed(room);
    room_feed_changed(room);
}

void stream_ended(struct room *room, fov_status status, const char *message)
{
    end_room(room);
    room->ended = true;
    room->ended_ns = clock_now_ns();
    room->end_status = status;
    text_copy(room->end_message, sizeof room->end_message, status == FOV_OK ? "" : message);
    if (status != FOV_OK)
        fov_log(FOV_LOG_WARN, "serve", "room %s: the source ended: %s", room->name, message);
}

/* ---- POST start-stream ------------------------------------------------------------------------
 */

/* The body as a JSON object; an empty one is {}. NULL: answered. */
static json_value *read_object(struct exchange *x)
{
    size_t size;
    fov_error error = {0};
    const char *body = (const char *)net_request_body(x->request, &size);
    json_value *json = size ? json_parse(body, size, BODY_MAX, &error)
                            : json_parse("{}", 2, BODY_MAX, &error);
    if (json && json_is_object(json))
        return json;
    serve_problem(x, 400, "bad_format", "the body must be a JSON object: %s",
                  json ? "it is another value" : error.message);
    json_free(&json);
    return NULL;
}

/* A text member or NULL; false: of another type, answered. */
static bool text_member(struct exchange *x, const json_value *json, const char *name,
                        const char **value)
{
    *value = NULL;
    if (!json_has(json, name) || json_get_string(json, name, value))
        return true;
    serve_problem(x, 422, "invalid_argument", "%s must be a string", name);
    return false;
}

static bool number_member(struct exchange *x, const json_value *json, const char *name,
                          double least, double most, double *value)
{
    if (!json_has(json, name))
        return true;
    if (json_get_number(json, name, value) && *value >= least && *value <= most)
        return true;
    serve_problem(x, 422, "invalid_argument", "%s must be a number from %g to %g", name, least,
                  most);
    return false;
}

/* Whether `word` is one of the words of `list`. */
static bool has_word(const char *const *list, const char *word)
{
    while (*list && strcmp(*list, word) != 0)
        list++;
    return *list != NULL;
}

/* A member that is one of the words `now`; those of `later` are known but not there yet. */
static bool word_member(struct exchange *x, const json_value *json, const char *name,
                        const char *const *now, const char *const *later)
{
    const char *value;
    if (!text_member(x, json, name, &value))
        return false;
    if (!value || has_word(now, value))
        return true;
    if (has_word(later, value))
        serve_problem(x, 422, "not_yet", "%s '%s' comes with a later version", name, value);
    else
        serve_problem(x, 422, "invalid_argument", "%s '%.40s' is not known; try %s", name, value,
                      now[0]);
    return false;
}

static bool read_words(struct exchange *x, const json_value *json)
{
    static const char *const kinds[] = {"detection", "video", "file", "pattern", "demo", NULL};
    static const char *const later_kinds[] = {"football", "camera", "rtsp", NULL};
    static const char *const admission[] = {"best_effort", NULL};
    static const char *const later_admission[] = {"guaranteed", NULL};
    static const char *const trackers[] = {"none", NULL};
    static const char *const later_trackers[] = {"botsort", "bytetrack", "ocsort", "pitch", NULL};
    return word_member(x, json, "kind", kinds, later_kinds) &&
           word_member(x, json, "admission", admission, later_admission) &&
           word_member(x, json, "tracker", trackers, later_trackers);
}

static bool check_room_name(struct exchange *x, const char *name)
{
    size_t length = name ? strlen(name) : 1;
    bool good = length >= 1 && length < ROOM_NAME_MAX;
    for (const char *c = name; good && c && *c; c++)
        good = (unsigned char)*c >= ' ' && *c != '/' && *c != 127;
    if (!good)
        serve_problem(x, 422, "invalid_argument", "token must be a name of 1 to %d bytes without /",
                      ROOM_NAME_MAX - 1);
    return good;
}

static bool check_model(struct exchange *x, fov_workers *workers, const char *id)
{
    fov_model *model = fov_workers_model(workers, id);
    if (!model)
        serve_problem(x, 404, "unknown_model", "no model '%.100s' is loaded", id ? id : "");
    bool found = model != NULL;
    fov_model_close(&model);
    return found;
}

/* The source to open: as asked for, or the only one there can be. False: answered. */
static bool find_source(struct exchange *x, const char *source, char *url, size_t size,
                        const char **shown)
{
    const struct server *server = x->server;
    const struct settings *s = server->settings;
    if (!source && s->cameras.count == 1)
        source = s->cameras.items[0].name;
    if (!source && server->demo)
        source = "demo:";
    if (!source) {
        serve_problem(x, 422, "invalid_argument",
                      "source is missing: a file, pattern:, demo: or a camera of the settings");
        return false;
    }
    *shown = source;
    if (!source_allowed(s, source) && !is_network(source)) {
        serve_problem(x, 403, "forbidden",
                      "'%.120s' is not on the list of sources: add its folder to sources.allow",
                      source);
        return false;
    }
    if (source_url(s, source, url, size))
        return true;
    serve_problem(x, 422, "invalid_argument", "source is too long");
    return false;
}

static bool read_source(struct exchange *x, const json_value *json, struct room_source *p,
                        char *url, size_t size)
{
    const char *source, *shown = NULL;
    *p = (struct room_source){.kind = "stream", .max_latency_ms = -1};
    if (!text_member(x, json, "source", &source) || !text_member(x, json, "token", &p->room) ||
        !text_member(x, json, "model_id", &p->model_id) ||
        !number_member(x, json, "target_fps", 0, 240, &p->target_fps) ||
        !number_member(x, json, "max_latency_ms", 0, 600000, &p->max_latency_ms) ||
        !number_member(x, json, "conf", 0.001, 1, &p->conf) || !read_words(x, json) ||
        !check_room_name(x, p->room) || !find_source(x, source, url, size, &shown))
        return false;
    p->loop = shown && strcmp(shown, "demo:") == 0;
    if (json_has(json, "loop") && !json_get_bool(json, "loop", &p->loop)) {
        serve_problem(x, 422, "invalid_argument", "loop must be true or false");
        return false;
    }
    p->source = url;
    return true;
}

void post_start_stream(struct exchange *x)
{
    struct room_source p;
    struct room *room = NULL;
    char url[1024];
    fov_error error = {0};
    fov_workers *workers = serve_workers(x);
    json_value *json = workers ? read_object(x) : NULL;
    if (!json)
        return;
    if (read_source(x, json, &p, url, sizeof url) && check_model(x, workers, p.model_id) &&
        sessions_enter(x)) {
        fov_status status = start(x->server, &p, net_request_id(x->request), &room, &error);
        if (room) {
            room->counted = true;
        } else {
            sessions_leave(x->server);
            if (status == FOV_EUNSUPPORTED)
                serve_problem(x, 422, "not_yet", "%s", error.message);
            else
                serve_error(x, status, &error);
        }
    }
    json_free(&json);
}

/* ---- POST stop-stream, GET streams ------------------------------------------------------------
 */

/* The room to stop; without an id the only one that runs. NULL: answered. */
static struct room *find_stream(struct exchange *x, const char *id)
{
    struct room *found = NULL;
    if (id && (found = room_by_stream(x->server, id)) != NULL)
        return found;
    if (id) {
        serve_problem(x, 404, "not_found", "no stream '%.80s' runs", id);
        return NULL;
    }
    for (struct room *room = x->server->rooms->first; room; room = room->next) {
        if (!room->stream_id[0] || room->ended)
            continue;
        if (found) {
            serve_problem(x, 422, "invalid_argument", "several streams run: name one by stream_id");
            return NULL;
        }
        found = room;
    }
    if (!found)
        serve_problem(x, 404, "not_found", "no stream runs");
    return found;
}

void post_stop_stream(struct exchange *x)
{
    const char *id;
    json_value *json = read_object(x);
    if (!json)
        return;
    struct room *room = text_member(x, json, "stream_id", &id) ? find_stream(x, id) : NULL;
    if (room) {
        fov_workers_info info = {0};
        struct json_writer *w = serve_writer(x->server);
        if (!room->ended)
            end_room(room);
        if (x->server->workers)
            fov_workers_get_info(x->server->workers, &info);
        json_object_begin(w);
        json_add_string(w, "stream_id", room->stream_id);
        json_add_string(w, "token", room->name);
        json_add_string(w, "source", room->source);
        json_add_string(w, "state", "ended");
        if (room->end_message[0])
            json_add_string(w, "message", room->end_message);
        message_stats(w, &room->end_stats, info.bound_ms, NULL);
        json_object_end(w);
        serve_json(x, 200, w);
        room->ended = false;
        room->stream_id[0] = '\0';
        room_release(room);
    }
    json_free(&json);
}

void get_streams(struct exchange *x)
{
    struct json_writer *w = serve_writer(x->server);
    json_object_begin(w);
    json_name(w, "streams");
    json_array_begin(w);
    for (const struct room *room = x->server->rooms->first; room; room = room->next) {
        if (!room->stream_id[0])
            continue;
        fov_stats stats = room->end_stats;
        if (room->feed)
            fov_stream_get_stats(room->feed->stream, 10, &stats);
        json_object_begin(w);
        write_stream(w, room);
        json_add_int(w, "total_frames", (int64_t)stats.accepted);
        json_add_number(w, "fps", stats.fps, 2);
        json_add_number(w, "p95_latency_ms", stats.p95_ms, 3);
        json_add_int(w, "viewers", (int64_t)room->viewer_count);
        json_object_end(w);
    }
    json_array_end(w);
    json_object_end(w);
    serve_json(x, 200, w);
}
