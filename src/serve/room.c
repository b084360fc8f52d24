/* The room: who is there, what happened, once a second. */
#include "serve/room.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "serve/message.h"

enum { POST_SILENT_S = 5, STALLED_MS = 10000, ENDED_KEPT_S = 600 };

/* ---- finding ----------------------------------------------------------------------------------
 */

struct room *room_find(struct server *server, const char *name)
{
    struct room *room = server->rooms->first;
    while (room && strcmp(room->name, name) != 0)
        room = room->next;
    return room;
}

struct room *room_by_id(struct server *server, uint64_t id)
{
    struct room *room = server->rooms->first;
    while (room && room->id != id)
        room = room->next;
    return room;
}

struct room *room_by_stream(struct server *server, const char *stream_id)
{
    struct room *room = server->rooms->first;
    while (room && (room->stream_id[0] == '\0' || strcmp(room->stream_id, stream_id) != 0))
        room = room->next;
    return room;
}

fov_stream *room_stream(struct server *server, const char *id)
{
    struct room *room = room_by_stream(server, id);
    if (!room)
        room = room_find(server, id);
    return room && room->feed ? room->feed->stream : NULL;
}

struct room *room_get(struct server *server, const char *name)
{
    struct rooms *rooms = server->rooms;
    struct room *room = room_find(server, name);
    if (room || rooms->count >= ROOMS_MAX || !(room = calloc(1, sizeof *room)))
        return room;
    room->server = server;
    room->id = ++rooms->next_id;
    room->kind = "camera";
    room->quality = 0.8;
    text_copy(room->name, sizeof room->name, name);
    struct room **at = &rooms->first; /* oldest first: lists keep their order */
    while (*at)
        at = &(*at)->next;
    *at = room;
    rooms->count++;
    return room;
}

static void room_free(struct room *room)
{
    fov_frame_unref(&room->newest);
    unit_unref(&room->drawn);
    free(room);
}

void room_release(struct room *room)
{
    struct rooms *rooms = room->server->rooms;
    if (room->camera || room->feed || room->viewers || room->connecting || room->ended ||
        room->glance_count > 0)
        return;
    struct room **at = &rooms->first;
    while (*at != room)
        at = &(*at)->next;
    *at = room->next;
    rooms->count--;
    room_free(room);
}

/* ---- viewers ----------------------------------------------------------------------------------
 */

bool room_has(const struct room *room, unsigned kinds)
{
    for (const struct viewer *v = room->viewers; v; v = v->next)
        if (v->kind & kinds)
            return true;
    return false;
}

void room_offer_all(struct room *room, unsigned kinds, struct unit *unit)
{
    for (struct viewer *v = room->viewers; v; v = v->next)
        if (v->kind & kinds)
            viewer_offer(v, unit);
}

static void note_all(struct room *room, unsigned kinds, uint64_t seq, struct net_blob *text)
{
    for (struct viewer *v = room->viewers; v; v = v->next)
        if (v->kind & kinds)
            viewer_note(v, seq, text);
}

void room_note_all(struct room *room, unsigned kinds, uint64_t seq, struct json_writer *w)
{
    struct net_blob *text = message_blob(w);
    if (text)
        note_all(room, kinds, seq, text);
    net_blob_unref(&text);
}

void room_look(struct room *room)
{
    struct feed *feed = room->feed;
    if (!feed)
        return;
    bool client = room_has(room, VIEWER_CLIENT);
    bool server = room_has(room, VIEWER_SERVER | VIEWER_MJPEG) ||
                  clock_now_ns() < room->glance_until_ns;
    bool watch = server || (client && !feed->pushed);
    atomic_store(&feed->client_looks, client);
    atomic_store(&feed->server_looks, server);
    if (watch != room->watching)
        fov_stream_watch(feed->stream, watch);
    room->watching = watch;
}

void room_write_view(struct room *room, struct json_writer *w)
{
    struct server *server = room->server;
    const struct feed *feed = room->feed;
    fov_model *model = server->workers
                           ? fov_workers_model(server->workers, feed ? feed->query.model_id : "")
                           : NULL;
    const fov_model_info *info = model ? fov_model_get_info(model) : NULL;
    json_object_begin(w);
    json_add_string(w, "type", "view");
    json_add_string(w, "camera", room->name);
    json_add_bool(w, "connected", feed != NULL);
    json_add_number(w, "max_latency_ms",
                    feed ? feed->query.max_latency_ms : server->settings->realtime.max_latency_ms,
                    3);
    json_name(w, "labels");
    json_array_begin(w);
    for (int i = 0; info && i < info->label_count; i++)
        json_put_string(w, info->labels[i]);
    json_array_end(w);
    json_add_string(w, "model_id", info ? info->id : NULL);
    json_add_string(w, "backend", info ? info->backend : NULL);
    json_add_string(w, "device", info ? info->device : NULL);
    json_add_number(w, "server_time", clock_unix_ms(), 3);
    json_object_end(w);
    fov_model_close(&model);
}

void room_feed_changed(struct room *room)
{
    struct json_writer w = {0};
    room->watching = false; /* the new stream was not asked yet */
    room->result_ns = room->frame_ns = 0;
    room->interval_ms = 0;
    room_look(room);
    if (!room->viewers)
        return;
    if (room->feed) {
        room_write_view(room, &w);
        room_note_all(room, VIEWER_CLIENT | VIEWER_SERVER, 0, &w);
    }
    json_object_begin(&w);
    json_add_string(&w, "type", "camera");
    json_add_bool(&w, "connected", room->feed != NULL);
    json_object_end(&w);
    room_note_all(room, VIEWER_CLIENT | VIEWER_SERVER, 0, &w);
}

/* ---- events -----------------------------------------------------------------------------------
 */

void room_saw_frame(struct room *room, int64_t ns)
{
    double gap = room->frame_ns ? ns_to_ms(ns - room->frame_ns) : 0;
    if (gap > 0 && gap < 1000)
        room->interval_ms += (gap - room->interval_ms) / (room->interval_ms > 0 ? 8 : 1);
    room->frame_ns = ns;
}

void room_outcome(struct outcome *outcome)
{
    struct room *room = outcome->feed->room;
    if (!room)
        return; /* of a camera that is gone */
    int64_t now = clock_now_ns();
    if (outcome->delivered)
        room->result_ns = now;
    if (!outcome->feed->pushed) {
        room_saw_frame(room, now);
        if (outcome->seq > room->seq)
            room->seq = outcome->seq;
    }
    if (outcome->note)
        note_all(room, VIEWER_CLIENT, outcome->seq, outcome->note);
    if (room->camera)
        camera_answered(room->camera);
}

void room_drop_glances(struct room *room)
{
    struct net_blob *picture = room->newest  ? feed_blob(room->newest)
                               : room->drawn ? net_blob_ref(room->drawn->picture)
                                             : NULL;
    for (size_t i = 0; i < room->glance_count; i++) {
        struct net_request *request = net_request_find(room->server->loop, room->glances[i]);
        if (request && picture)
            net_reply_blob(request, 200, "image/jpeg", picture);
        else if (request)
            net_reply_problem(request, 404, "no_picture", "the camera has sent no picture yet");
    }
    room->glance_count = 0;
    net_blob_unref(&picture);
}

static void show_plain(struct room *room, struct view_pictures *p)
{
    struct unit *unit = unit_make(p->seq, p->plain_head, p->plain);
    p->plain_head = p->plain = NULL;
    if (!unit)
        return;
    room_offer_all(room, VIEWER_CLIENT, unit);
    if (p->note)
        note_all(room, VIEWER_CLIENT, p->seq, p->note);
    unit_unref(&unit);
}

void room_pictures(struct view_pictures *p)
{
    struct room *room = p->feed->room;
    if (!room)
        return;
    if (p->plain_head)
        show_plain(room, p);
    if (!p->drawn)
        return;
    struct unit *unit = unit_make(p->seq, p->drawn_head, p->drawn);
    p->drawn_head = p->drawn = NULL;
    if (!unit)
        return;
    room_offer_all(room, VIEWER_SERVER | VIEWER_MJPEG, unit);
    unit_unref(&room->drawn);
    room->drawn = unit;
    room->drawn_ns = clock_now_ns();
    if (room->glance_count > 0)
        room_drop_glances(room);
}

void room_close_feed(struct room *room)
{
    if (room->feed)
        room->server->rooms->detections += atomic_load(&room->feed->detections);
    feed_close(&room->feed);
    if (room->counted)
        sessions_leave(room->server);
    room->counted = false;
}

/* ---- once a second ----------------------------------------------------------------------------
 */

static void log_change(struct room *room, const char *knob, double from, double to, double measured,
                       const char *why)
{
    struct json_writer w = {0};
    if (room->change_count == CHANGES_MAX)
        memmove(room->changes, room->changes + 1, --room->change_count * sizeof *room->changes);
    struct change *change = &room->changes[room->change_count++];
    *change = (struct change){clock_unix_ms(), from, to, measured, knob, why};
    json_object_begin(&w);
    json_add_string(&w, "type", "adaptation");
    json_add_number(&w, "at", change->at, 0);
    json_add_string(&w, "knob", knob);
    json_add_number(&w, "from", from, 2);
    json_add_number(&w, "to", to, 2);
    json_add_number(&w, "measured", measured, 1);
    json_add_string(&w, "why", why);
    json_object_end(&w);
    room_note_all(room, VIEWER_CLIENT | VIEWER_SERVER, 0, &w);
}

static void adapt(struct room *room, const fov_stats *stats)
{
    struct pace_second second = {stats->fps_in, stats->fps, stats->p95_ms,
                                 room->feed->query.max_latency_ms};
    double from = room->pace.target;
    const char *why = pace_step(&room->pace, &second);
    if (!why)
        return;
    bool behind = strcmp(why, "behind") == 0;
    room->camera->reason = behind ? "inference" : "headroom";
    log_change(room, "target_fps", from, room->pace.target,
               behind ? stats->stage_mean_ms[FOV_STAGE_INFERENCE] : stats->p95_ms,
               room->camera->reason);
    camera_control(room->camera);
}

static void tell_stats(struct room *room)
{
    struct json_writer w = {0};
    fov_stats stats;
    fov_workers_info info;
    fov_stream_get_stats(room->feed->stream, 1, &stats);
    if (room->camera)
        adapt(room, &stats);
    if (!room->viewers)
        return;
    fov_workers_get_info(room->server->workers, &info);
    json_object_begin(&w);
    json_add_string(&w, "type", "stats");
    message_live_stats(&w, &stats, info.bound_ms);
    json_object_end(&w);
    room_note_all(room, VIEWER_CLIENT | VIEWER_SERVER, 0, &w);
}

static void check_viewers(struct room *room)
{
    for (struct viewer *v = room->viewers; v; v = v->next) {
        v->sent_fps = (double)(v->units - v->units_before);
        v->units_before = v->units;
        if (v->socket && net_socket_stalled_ms(v->socket) >= STALLED_MS)
            net_socket_close(v->socket, 1013, "pictures are not read");
        else if (v->stream && net_stream_stalled_ms(v->stream) >= STALLED_MS)
            net_stream_close(v->stream);
    }
}

static void room_tick(struct room *room)
{
    int64_t now = clock_now_ns();
    struct camera *c = room->camera;
    check_viewers(room);
    if (room->glance_count > 0 && now >= room->glance_until_ns)
        room_drop_glances(room);
    room_look(room); /* a glance may be over */
    if (c && !c->socket &&
        now - (c->last_ns ? c->last_ns : c->opened_ns) > POST_SILENT_S * NS_PER_S)
        camera_gone(room);
    if (room->feed)
        tell_stats(room);
    if (room->ended && now - room->ended_ns > ENDED_KEPT_S * NS_PER_S)
        room->ended = false;
    room_release(room);
}

static void rooms_tick(struct server *server)
{
    struct room *next;
    for (struct room *room = server->rooms->first; room; room = next) {
        next = room->next;
        room_tick(room);
    }
}

/* ---- as the rest of the server sees them ------------------------------------------------------
 */

const char *room_state(const struct room *room)
{
    int64_t now = clock_now_ns();
    if (room->ended)
        return "ended";
    if (!room->feed)
        return room->connecting ? "connecting" : "no_signal";
    if (!room->frame_ns)
        return "connecting";
    double since = ns_to_ms(now - room->frame_ns);
    if (since > 1000)
        return "no_signal";
    return since > fmax(200, 2 * room->interval_ms) ? "delayed" : "live";
}

size_t rooms_list(struct server *server, struct room_info *items, size_t max)
{
    size_t count = 0;
    for (struct room *room = server->rooms->first; room && count < max; room = room->next) {
        struct room_info *info = &items[count++];
        fov_stats stats = {0};
        if (room->feed)
            fov_stream_get_stats(room->feed->stream, 10, &stats);
        *info = (struct room_info){.kind = room->kind,
                                   .state = room_state(room),
                                   .p95_ms = stats.p95_ms,
                                   .fps = stats.fps,
                                   .viewers = room->viewer_count,
                                   .has_picture = room->newest || room->drawn || room->frame_ns};
        text_copy(info->name, sizeof info->name, room->name);
    }
    return count;
}

uint64_t rooms_detections(struct server *server)
{
    if (!server->rooms)
        return 0;
    uint64_t sum = server->rooms->detections;
    for (struct room *room = server->rooms->first; room; room = room->next)
        if (room->feed)
            sum += atomic_load(&room->feed->detections);
    return sum;
}

void room_write_changes(const struct room *room, struct json_writer *w)
{
    json_array_begin(w);
    for (size_t i = 0; i < room->change_count; i++) {
        const struct change *change = &room->changes[i];
        json_object_begin(w);
        json_add_number(w, "at", change->at, 0);
        json_add_string(w, "knob", change->knob);
        json_add_number(w, "from", change->from, 2);
        json_add_number(w, "to", change->to, 2);
        json_add_number(w, "measured", change->measured, 1);
        json_add_string(w, "why", change->why);
        json_object_end(w);
    }
    json_array_end(w);
}

void room_apply_settings(struct server *server, struct exchange *x, const char *name,
                         struct stream_query *query)
{
    const struct settings_camera *camera = settings_find_camera(server->settings, name);
    if (!camera)
        return;
    if (camera->model && !net_request_param(x->request, "model_id"))
        text_copy(query->model_id, sizeof query->model_id, camera->model);
    if (camera->max_latency_ms >= 0 && !net_request_param(x->request, "max_latency_ms"))
        query->max_latency_ms = camera->max_latency_ms;
    if (camera->pin_conf > 0)
        query->conf = (float)camera->pin_conf;
}

/* ---- the part ---------------------------------------------------------------------------------
 */

static fov_status rooms_open(struct server *server, fov_error *error)
{
    struct rooms *rooms = calloc(1, sizeof *rooms);
    server->rooms = rooms;
    if (!rooms)
        return fov_fail(error, FOV_ENOMEM, "not enough memory");
    rooms->server = server;
    rooms->view = view_start(server);
    rooms->opening = chores_start("fovea-opening");
    if (!rooms->view || !rooms->opening)
        return fov_fail(error, FOV_ENOMEM, "no thread for drawing or opening sources");
    return FOV_OK;
}

static void rooms_stop(struct server *server)
{
    struct rooms *rooms = server->rooms;
    if (!rooms)
        return;
    chores_stop(&rooms->opening);
    rooms->stopped = true;
    for (struct room *room = rooms->first; room; room = room->next)
        room_close_feed(room);
    view_stop(rooms->view);
}

static void rooms_close(struct server *server)
{
    struct rooms *rooms = server->rooms;
    if (!rooms)
        return;
    while (rooms->first) { /* no camera and no viewer is left: their sockets are closed */
        struct room *room = rooms->first;
        rooms->first = room->next;
        room_free(room);
    }
    view_destroy(&rooms->view);
    free(rooms);
    server->rooms = NULL;
}

/* Cameras of the settings that have a source of their own. */
static void rooms_ready(struct server *server)
{
    const struct settings *s = server->settings;
    for (size_t i = 0; i < s->cameras.count; i++) {
        const struct settings_camera *camera = &s->cameras.items[i];
        struct room_source source = {.room = camera->name,
                                     .kind = "stream",
                                     .source = camera->source,
                                     .loop = true,
                                     .model_id = camera->model,
                                     .target_fps = camera->pin_fps > 0 ? camera->pin_fps
                                                                       : camera->fps,
                                     .max_latency_ms = camera->max_latency_ms,
                                     .conf = camera->pin_conf};
        char id[80];
        fov_error error = {0};
        if (camera->source && rooms_start_source(server, &source, id, sizeof id, &error) != FOV_OK)
            fov_log(FOV_LOG_ERROR, "serve", "camera %s: %s", camera->name, error.message);
    }
}

const struct serve_part rooms_part = {.name = "rooms",
                                      .open = rooms_open,
                                      .ready = rooms_ready,
                                      .tick = rooms_tick,
                                      .stop = rooms_stop,
                                      .close = rooms_close};
