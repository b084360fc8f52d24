/* The room: who is there, and what happened. */
#include "serve/room.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "serve/message.h"

/* ---- finding ----------------------------------------------------------------------------------
 */

struct room *room_find(struct server *server, const char *name)
{
    struct room *room = server->rooms->first;
    while (room && strcmp(room->name, name) != 0)
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

void rooms_resolve(struct server *server, const char *name, bool stream_first, char *to,
                   size_t size)
{
    struct room *room = NULL;
    if (server->rooms) {
        room = stream_first ? room_by_stream(server, name) : room_find(server, name);
        if (!room)
            room = stream_first ? room_find(server, name) : room_by_stream(server, name);
    }
    text_copy(to, size, room ? room->name : name);
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
    room->kind = "camera";
    text_copy(room->name, sizeof room->name, name);
    struct room **at = &rooms->first; /* oldest first: lists keep their order */
    while (*at)
        at = &(*at)->next;
    *at = room;
    rooms->count++;
    return room;
}

void room_free(struct room *room)
{
    tuning_stop(room);
    fov_frame_unref(&room->newest);
    unit_unref(&room->drawn);
    unit_unref(&room->plain);
    net_blob_unref(&room->end_football);
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

void room_hold(struct room *room)
{
    room->holding = true;
}

void room_let_go(struct room *room)
{
    room->holding = false;
    for (struct viewer *v = room->viewers; v; v = v->next)
        viewer_flush(v);
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
    bool client = room_has(room, VIEWER_CLIENT) || clock_now_ns() < room->plain_until_ns;
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
    json_add_bool(w, "connected", room_connected(room));
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

void room_write_connected(const struct room *room, struct json_writer *w)
{
    json_object_begin(w);
    json_add_string(w, "type", "camera");
    json_add_bool(w, "connected", room_connected(room));
    if (!room_connected(room) && (room->connecting || (room->feed && !room->feed->pushed)))
        json_add_bool(w, "source", true);
    json_object_end(w);
}

void room_tell_connected(struct room *room)
{
    struct json_writer w = {0};
    room_write_connected(room, &w);
    room_note_all(room, VIEWER_CLIENT | VIEWER_SERVER, 0, &w);
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
    room_tell_connected(room);
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
    tuning_saw(&room->tuning, outcome);
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

static const char *picture_type(fov_codec codec)
{
    return codec == FOV_PNG ? "image/png" : codec == FOV_WEBP ? "image/webp" : "image/jpeg";
}

/* Says which frame the picture shows. Takes over the reference; NULL: no memory. */
static void reply_picture(struct net_request *request, uint64_t number, const char *type,
                          struct net_blob *picture)
{
    char text[24];
    snprintf(text, sizeof text, "%llu", (unsigned long long)number);
    net_request_add_header(request, "X-Frame-Id", text);
    if (picture)
        net_reply_blob(request, 200, type, picture);
    else
        net_reply_problem(request, 503, "out_of_memory", "not enough memory for a picture");
    net_blob_unref(&picture);
}

bool room_reply_picture(const struct room *room, struct net_request *request, bool plain)
{
    const struct unit *unit = plain ? room->plain : room->drawn;
    if (room->newest)
        reply_picture(request, room->newest->number, picture_type(room->newest->codec),
                      feed_blob(room->newest));
    else if (unit)
        reply_picture(request, unit->number, "image/jpeg", net_blob_ref(unit->picture));
    return room->newest || unit;
}

static void answer_glance(struct room *room, const struct glance *glance)
{
    struct net_request *request = net_request_find(room->server->loop, glance->request_id);
    if (request && !room_reply_picture(room, request, glance->plain))
        net_reply_problem(request, 404, "no_picture", "the camera has sent no picture yet");
}

void room_drop_glances(struct room *room)
{
    for (size_t i = 0; i < room->glance_count; i++)
        answer_glance(room, &room->glances[i]);
    room->glance_count = 0;
}

/* A picture of one kind is there: those who wait for it get it. */
static void serve_glances(struct room *room, bool plain)
{
    size_t kept = 0;
    for (size_t i = 0; i < room->glance_count; i++) {
        struct glance glance = room->glances[i];
        if (glance.plain == plain)
            answer_glance(room, &glance);
        else
            room->glances[kept++] = glance;
    }
    room->glance_count = kept;
}

static void show_plain(struct room *room, struct view_pictures *p)
{
    struct unit *unit = unit_make(p->seq, p->number, p->plain_head, p->plain);
    p->plain_head = p->plain = NULL;
    if (!unit)
        return;
    room_offer_all(room, VIEWER_CLIENT, unit);
    if (p->note)
        note_all(room, VIEWER_CLIENT, p->seq, p->note);
    unit_unref(&room->plain);
    room->plain = unit;
    room->plain_ns = clock_now_ns();
    serve_glances(room, true);
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
    struct unit *unit = unit_make(p->seq, p->number, p->drawn_head, p->drawn);
    p->drawn_head = p->drawn = NULL;
    if (!unit)
        return;
    room_offer_all(room, VIEWER_SERVER | VIEWER_MJPEG, unit);
    unit_unref(&room->drawn);
    room->drawn = unit;
    room->drawn_ns = clock_now_ns();
    serve_glances(room, false);
}

void room_close_feed(struct room *room)
{
    tuning_stop(room);
    if (room->feed)
        room->server->rooms->detections += atomic_load(&room->feed->detections);
    feed_close(&room->feed);
    if (room->counted)
        sessions_leave(room->server);
    room->counted = false;
}
