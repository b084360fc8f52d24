/* Rooms fed by a source of the server's own. The source is opened on a helper thread; a request
 * that asked for it is answered when it is open, or cannot be. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "serve/admission.h"
#include "serve/message.h"
#include "serve/percent.h"
#include "serve/room.h"

/* A promise that cannot be judged yet, or whose place is just being left, is asked for again, for
 * up to 3 s. */
#define ASK_AGAIN_US 100000
enum { ASK_AGAIN_MAX = 30 };

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
    enum admission admission;
    fov_admission told; /* why it was refused */
    int tries;
};

void source_write(struct json_writer *w, const struct room *room)
{
    char url[4 * ROOM_NAME_MAX] = "/view/";
    size_t used = strlen(url);
    percent_encode(url + used, sizeof url - used, room->name, "");
    json_add_string(w, "stream_id", room->stream_id);
    json_add_string(w, "token", room->name);
    json_add_string(w, "view_url", url);
    json_add_string(w, "source", room->source);
    json_add_string(w, "kind", room->kind);
    json_add_string(w, "state", room_state(room));
    json_add_number(w, "target_fps", room->target_fps, 2);
    if (room->adaptive.target_latency_ms > 0) {
        json_name(w, "adaptive");
        json_object_begin(w);
        json_add_number(w, "initial_fps", room->adaptive.initial_fps, 2);
        json_add_number(w, "min_fps", room->adaptive.min_fps, 2);
        json_add_number(w, "max_fps", room->adaptive.max_fps, 2);
        json_add_number(w, "target_latency_ms", room->adaptive.target_latency_ms, 3);
        json_object_end(w);
    }
    json_add_string(w, "tracker", "none");
    admission_write(w, room->admission, room->feed ? room->feed->stream : NULL);
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
    if (o->status == FOV_ECAPACITY || (o->status == FOV_EAGAIN && o->tries)) {
        admission_refuse(request, o->status, &o->error, &o->told);
        return;
    }
    if (o->status != FOV_OK || !room) {
        net_reply_error(request, o->status, &o->error);
        return;
    }
    json_object_begin(w);
    source_write(w, room);
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

/* The room's feed as the wish allows. A camera of the settings goes on without a promise. */
static fov_status open_feed(struct opening *o, struct room *room)
{
    fov_stream_params params = stream_params(o->server, &o->query);
    params.target_fps = room->target_fps;
    params.admission = &o->told;
    params.adaptive = room->adaptive;
    o->error.status = FOV_OK;
    room->admission = o->admission;
    fov_status status = admission_fill(o->server, &room->admission, fov_source_get_info(o->source),
                                       room->target_fps, &params, &o->error);
    if (status != FOV_OK)
        return status;
    tuning_start(room, &o->query, false, false);
    room->feed = feed_open(room, o->server->workers, &params, &o->query, false, &o->error);
    if (room->feed || o->admission != ADMISSION_IF_FITS || o->error.status != FOV_ECAPACITY)
        return room->feed ? FOV_OK : o->error.status;
    fov_log(FOV_LOG_WARN, "serve", "camera %s runs without a promise: %s", room->name,
            o->error.message);
    params.guaranteed = false;
    room->admission = ADMISSION_BEST_EFFORT;
    room->feed = feed_open(room, o->server->workers, &params, &o->query, false, &o->error);
    return room->feed ? FOV_OK : o->error.status;
}

static fov_status start_feed(struct opening *o, struct room *room)
{
    fov_status status = open_feed(o, room);
    if (status != FOV_OK)
        return status;
    name_model(o->server, &room->feed->query);
    tuning_run(room);
    room_feed_changed(room); /* viewers are counted before the first frame */
    status = fov_stream_start_source(room->feed->stream, &o->source, false, &o->error);
    if (status != FOV_OK)
        room_close_feed(room);
    return status;
}

static void opened(void *arg);

/* On the helper thread: costs are known, or the model's second form is made, in a moment. */
static void ask_again(void *arg)
{
    struct opening *o = arg;
    usleep(ASK_AGAIN_US);
    if (!net_post(o->server->loop, opened, o)) {
        fov_source_close(&o->source);
        free(o);
    }
}

/* True: the question is on its way once more. */
static bool asks_again(struct opening *o)
{
    bool last = o->tries == ASK_AGAIN_MAX;
    bool leaves = o->status == FOV_ECAPACITY && !last &&
                  atomic_load(&o->server->frames->closing_streams) > 0;
    if ((o->status != FOV_EAGAIN && !leaves) || o->server->rooms->stopped)
        return false;
    if (last && o->admission == ADMISSION_IF_FITS)
        o->admission = ADMISSION_BEST_EFFORT;
    else if (last)
        return false;
    fov_status said = o->status;
    o->tries += last ? 0 : 1;
    o->status = FOV_OK;
    if (chores_add(o->server->rooms->opening, ask_again, o))
        return true;
    o->status = said;
    return false;
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
    if (o->status == FOV_OK && room)
        o->status = start_feed(o, room);
    if (room && wanted && asks_again(o)) {
        room->connecting = true;
        return;
    }
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

bool source_is_network(const char *url)
{
    return strstr(url, "://") != NULL || strncmp(url, "/dev/", 5) == 0;
}

static fov_status check_source(const char *url, fov_error *error)
{
    if (source_is_network(url))
        return fov_fail(error, FOV_EUNSUPPORTED,
                        "network and USB cameras come with the next version: open /camera/NAME in "
                        "a browser beside the camera, or name a file");
    return FOV_OK;
}

/* The settings hold the frame rate of this camera, or adaptation begins with one of its own. */
static void pin_fps(struct room *room)
{
    const struct settings_camera *camera = settings_find_camera(room->server->settings, room->name);
    if (camera && camera->pin_fps > 0) {
        room->target_fps = camera->pin_fps;
        room->adaptive.target_latency_ms = 0;
    } else if (room->adaptive.target_latency_ms > 0) {
        room->target_fps = room->adaptive.initial_fps;
    }
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
    room->admission = p->admission;
    room->adaptive = p->adaptive;
    pin_fps(room);
    room->change_count = 0;
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
    o->admission = p->admission;
    text_copy(o->url, sizeof o->url, p->source);
    text_copy(o->query.model_id, sizeof o->query.model_id, p->model_id ? p->model_id : "");
    o->query.max_latency_ms = p->max_latency_ms >= 0 ? p->max_latency_ms
                                                     : s->realtime.max_latency_ms;
    o->query.conf = (float)(p->conf > 0 ? p->conf
                                        : settings_model_conf(s, p->model_id, CONF_DEFAULT));
    return o;
}

fov_status source_start(struct server *server, const struct room_source *p, uint64_t request_id,
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
    fov_status status = source_start(server, params, 0, &room, error ? error : &local);
    if (status == FOV_OK)
        text_copy(stream_id, size, room->stream_id);
    return status;
}

/* ---- ending -----------------------------------------------------------------------------------
 */

void source_stop(struct room *room)
{
    room->connecting = false;
    if (room->feed)
        fov_stream_get_stats(room->feed->stream, 60, &room->end_stats);
    room_close_feed(room);
    room_feed_changed(room);
}

void stream_ended(struct room *room, fov_status status, const char *message)
{
    source_stop(room);
    room->ended = true;
    room->ended_ns = clock_now_ns();
    room->end_status = status;
    text_copy(room->end_message, sizeof room->end_message, status == FOV_OK ? "" : message);
    if (status != FOV_OK)
        fov_log(FOV_LOG_WARN, "serve", "room %s: the source ended: %s", room->name, message);
}
