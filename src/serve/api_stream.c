/* start-stream, stop-stream, streams: the requests; the work is in own_source.c. */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "serve/admission.h"
#include "serve/auth.h"
#include "serve/football.h"
#include "serve/frames.h"
#include "serve/members.h"
#include "serve/message.h"
#include "serve/room.h"
#include "serve/routes.h"
#include "serve/sources.h"

/* ---- POST start-stream ------------------------------------------------------------------------
 */

static bool read_words(struct exchange *x, const json_value *json)
{
    static const char *const kinds[] = {"detection", "football", "video", "file", "pattern", "demo",
                                        "camera",    "rtsp",     "rtmp",  "http", NULL};
    static const char *const admission[] = {"guaranteed", "best_effort", NULL};
    return member_word(x, json, "kind", kinds) && member_word(x, json, "admission", admission);
}

static bool check_room_name(struct exchange *x, const char *name)
{
    size_t length = name ? strlen(name) : 1;
    bool good = length >= 1 && length < ROOM_NAME_MAX;
    for (const char *c = name; good && c && *c; c++)
        good = (unsigned char)*c >= ' ' && *c != '/' && *c != 127;
    if (name && (strcmp(name, ".") == 0 || strcmp(name, "..") == 0))
        good = false; /* no address leads there */
    if (!good)
        serve_problem(x, 422, "invalid_argument", "token must be a name of 1 to %d bytes without /",
                      ROOM_NAME_MAX - 1);
    return good;
}

/* An issued token stands for its camera and is never shown. `room`: a name so far, of ROOM_NAME_MAX
 * bytes at most. False: answered. */
static bool resolve_room(struct exchange *x, const char **room)
{
    const char *name = *room;
    if (!name || strncmp(name, TOKEN_PREFIX, strlen(TOKEN_PREFIX)) != 0)
        return true;
    const struct token *token = auth_find(x->server->auth, name);
    if (token && token->camera[0]) {
        *room = token->camera;
        return true;
    }
    serve_problem(x, 422, "invalid_argument",
                  "this token is %s: make one with `fovea token create --role view --camera NAME`, "
                  "or send the camera's name",
                  token ? "bound to no camera" : "not known");
    return false;
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
                      "source is missing: a URL, a file, pattern:, demo: or a camera of the "
                      "settings");
        return false;
    }
    *shown = source;
    if (!source_allowed(s, source)) {
        char redacted[128];
        fov_source_redact(redacted, sizeof redacted, source);
        serve_problem(x, 403, "forbidden",
                      "'%.120s' is not on the list of sources: add its folder, or the beginning of "
                      "its URL, to sources.allow",
                      redacted);
        return false;
    }
    if (!source_url(s, source, url, size)) {
        serve_problem(x, 422, "invalid_argument", "source is too long");
        return false;
    }
    if (source_over_udp(url) && !source_is_camera(s, source)) {
        serve_problem(x, 403, "forbidden",
                      "over UDP the camera says where packets go: name it under cameras in the "
                      "settings, or leave transport=udp out");
        return false;
    }
    return true;
}

/* `adaptive`: true, or an object with what shall not be the usual. False: answered. */
static bool read_adaptive(struct exchange *x, const json_value *json, fov_adaptive *a)
{
    const json_value *given = json_get(json, "adaptive");
    bool on = false;
    *a = (fov_adaptive){0};
    if (!given || (json_get_bool(json, "adaptive", &on) && !on))
        return true;
    *a = (fov_adaptive){.target_latency_ms = 100, .initial_fps = 10, .min_fps = 5, .max_fps = 15};
    if (on)
        return true;
    if (!json_is_object(given)) {
        serve_problem(x, 422, "invalid_argument",
                      "adaptive must be true, false or an object with initial_fps, min_fps, "
                      "max_fps, target_latency_ms");
        return false;
    }
    if (!member_number(x, given, "initial_fps", 1, 240, &a->initial_fps) ||
        !member_number(x, given, "min_fps", 1, 240, &a->min_fps) ||
        !member_number(x, given, "max_fps", 1, 240, &a->max_fps) ||
        !member_number(x, given, "target_latency_ms", 1, 60000, &a->target_latency_ms))
        return false;
    if (a->min_fps <= a->initial_fps && a->initial_fps <= a->max_fps)
        return true;
    serve_problem(x, 422, "invalid_argument",
                  "adaptive: min_fps %g, initial_fps %g and max_fps %g must be in this order",
                  a->min_fps, a->initial_fps, a->max_fps);
    return false;
}

/* A football stream has a tracker of its own kind, a rate and a bound. False: answered. */
static bool read_football(struct exchange *x, const json_value *json, const char *tracker,
                          struct room_source *p, struct football_wish *wish)
{
    if (tracker && !p->tracker) {
        serve_problem(x, 422, "invalid_argument",
                      "tracker: football needs one; leave it out for the usual");
        return false;
    }
    if (!football_read_wish(x, json, wish))
        return false;
    football_wish_for(wish, p, json_has(json, "target_fps"), x->server->settings);
    return true;
}

/* The model that helps the tracker, by its own name; "": none. False: answered. */
static bool find_appearance(struct exchange *x, const char *id, char looks[MODEL_ID_MAX])
{
    text_copy(looks, MODEL_ID_MAX, id ? id : "");
    return !looks[0] || model_find(x, x->server->workers, looks);
}

/* `wish`: of football, to be released in any case; `looks` is pointed into. */
static bool read_source(struct exchange *x, const json_value *json, struct room_source *p,
                        struct football_wish *wish, char *url, size_t size,
                        char looks[MODEL_ID_MAX])
{
    const char *source, *shown = NULL, *admission, *tracker, *appearance, *kind = "";
    *p = (struct room_source){.kind = "stream", .max_latency_ms = -1};
    if (!member_text(x, json, "source", &source) || !member_text(x, json, "token", &p->room) ||
        !member_text(x, json, "model_id", &p->model_id) ||
        !member_number(x, json, "target_fps", 0, 240, &p->target_fps) ||
        !member_number(x, json, "max_latency_ms", 0, 600000, &p->max_latency_ms) ||
        !member_number(x, json, "conf", 0.001, 1, &p->conf) ||
        !member_number(x, json, "seek_ms", 0, 1e9, &p->seek_ms) ||
        !read_adaptive(x, json, &p->adaptive) || !read_words(x, json) ||
        !member_text(x, json, "admission", &admission) ||
        !member_text(x, json, "tracker", &tracker) || !tracker_find(x, tracker, &p->tracker) ||
        !member_text(x, json, "appearance_model_id", &appearance) ||
        !find_appearance(x, appearance, looks) || !check_room_name(x, p->room) ||
        !resolve_room(x, &p->room) || !find_source(x, source, url, size, &shown))
        return false;
    json_get_string(json, "kind", &kind);
    p->appearance_model = looks;
    if (strcmp(kind, "football") == 0 && !read_football(x, json, tracker, p, wish))
        return false;
    p->admission = admission_read(admission);
    p->loop = shown && strcmp(shown, "demo:") == 0;
    if (!member_bool(x, json, "loop", &p->loop))
        return false;
    p->source = url;
    return true;
}

void post_start_stream(struct exchange *x)
{
    struct room_source p;
    struct football_wish wish = {0};
    struct room *room = NULL;
    char url[2048], model[MODEL_ID_MAX], looks[MODEL_ID_MAX];
    bool ready = false;
    fov_error error = {0};
    fov_workers *workers = serve_workers(x);
    json_value *json = workers ? member_object(x) : NULL;
    if (!json)
        return;
    if (read_source(x, json, &p, &wish, url, sizeof url, looks)) {
        text_copy(model, sizeof model, p.model_id ? p.model_id : "");
        p.model_id = model;
        ready = model_find(x, workers, model) && sessions_enter(x);
    }
    if (ready) {
        fov_status status = source_start(x->server, &p, net_request_id(x->request), &room, &error);
        if (room) {
            room->counted = true;
        } else {
            sessions_leave(x->server);
            serve_error(x, status, &error);
        }
    }
    football_wish_release(&wish);
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

/* A request that waits until its stream is closed, for only then its figures are final. */
struct stopping {
    struct server *server;
    uint64_t request_id;
    char stream_id[80], token[ROOM_NAME_MAX], source[256], message[240];
    fov_stats stats;
    struct net_blob *football; /* figures of a match, or NULL */
};

static void stopping_free(struct stopping *s)
{
    net_blob_unref(&s->football);
    free(s);
}

static struct stopping *stopping_make(struct exchange *x, const struct room *room)
{
    struct stopping *s = malloc(sizeof *s);
    if (!s)
        return NULL;
    *s = (struct stopping){.server = x->server, .request_id = net_request_id(x->request)};
    text_copy(s->stream_id, sizeof s->stream_id, room->stream_id);
    text_copy(s->token, sizeof s->token, room->name);
    text_copy(s->source, sizeof s->source, room->source);
    text_copy(s->message, sizeof s->message, room->end_message);
    s->stats = room->end_stats; /* of one that ended by itself */
    if (room->feed && room->feed->football)
        s->football = football_last(room->feed->football, room->feed->stream, false);
    else if (room->end_football)
        s->football = net_blob_ref(room->end_football);
    return s;
}

/* Loop thread. */
static void answer_stopped(void *arg)
{
    struct stopping *s = arg;
    struct net_request *request = net_request_find(s->server->loop, s->request_id);
    if (request) {
        fov_workers_info info = {0};
        struct json_writer *w = serve_writer(s->server);
        if (s->server->workers)
            fov_workers_get_info(s->server->workers, &info);
        json_object_begin(w);
        json_add_string(w, "stream_id", s->stream_id);
        json_add_string(w, "token", s->token);
        json_add_string(w, "source", s->source);
        json_add_string(w, "state", "ended");
        if (s->message[0])
            json_add_string(w, "message", s->message);
        message_stats(w, &s->stats, info.bound_ms, NULL);
        football_splice(w, s->football);
        json_object_end(w);
        serve_reply(request, 200, w);
    }
    stopping_free(s);
}

/* On the closing thread. */
static void stopped(void *user, const fov_stats *last)
{
    struct stopping *s = user;
    s->stats = *last;
    if (!net_post(s->server->loop, answer_stopped, s))
        stopping_free(s); /* memory is short: the client hears nothing */
}

static void stop_room(struct exchange *x, struct room *room)
{
    struct stopping *s = stopping_make(x, room);
    fov_error error = {0};
    if (!s) {
        serve_error(x, fov_fail(&error, FOV_ENOMEM, "not enough memory to stop a stream"), &error);
        return;
    }
    bool runs = room->feed && !room->ended; /* else it is that of a camera which came after */
    if (runs) {
        room->feed->on_closed = stopped;
        room->feed->closed_user = s;
    }
    if (!room->ended)
        source_stop(room);
    room->ended = false;
    room->stream_id[0] = '\0';
    room_release(room);
    if (!runs)
        answer_stopped(s);
}

void post_stop_stream(struct exchange *x)
{
    const char *id;
    json_value *json = member_object(x);
    if (!json)
        return;
    struct room *room = member_text(x, json, "stream_id", &id) ? find_stream(x, id) : NULL;
    if (room)
        stop_room(x, room);
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
        source_write(w, room);
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
