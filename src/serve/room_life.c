/* All rooms: once a second, as the rest of the server sees them, from start to end. */
#include <math.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/text.h"
#include "serve/auth.h"
#include "serve/message.h"
#include "serve/room.h"

enum { POST_SILENT_S = 5, STALLED_MS = 10000, ENDED_KEPT_S = 600 };

/* ---- once a second ----------------------------------------------------------------------------
 */

static void tell_stats(struct room *room)
{
    struct json_writer w = {0};
    fov_stats stats;
    fov_workers_info info;
    if (!room->viewers)
        return;
    fov_stream_get_stats(room->feed->stream, 1, &stats);
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
    tuning_check_viewers(room);
    if (room->glance_count > 0 && now >= room->glance_until_ns && now >= room->plain_until_ns)
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
    if (room->live && room->phase != FOV_SOURCE_LIVE)
        return fov_source_phase_name(room->phase);
    if (!room->frame_ns)
        return room->live ? "live" : "connecting";
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
                                   .has_picture = room->newest || room->drawn || room->frame_ns,
                                   .pulled = room->feed && room->live};
        if (info->pulled)
            fov_stream_get_source_state(room->feed->stream, &info->source);
        info->football = room->football && room->stream_id[0];
        text_copy(info->name, sizeof info->name, room->name);
        text_copy(info->stream_id, sizeof info->stream_id, room->stream_id);
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

void room_apply_settings(struct server *server, struct exchange *x, const char *name,
                         struct stream_query *query)
{
    const struct settings_camera *camera = settings_find_camera(server->settings, name);
    if (!camera)
        return;
    if (camera->model && !net_request_param(x->request, "model_id")) {
        text_copy(query->model_id, sizeof query->model_id, camera->model);
        if (!net_request_param(x->request, "conf"))
            query->conf = (float)settings_model_conf(server->settings, camera->model, CONF_DEFAULT);
    }
    if (camera->max_latency_ms >= 0 && !net_request_param(x->request, "max_latency_ms"))
        query->max_latency_ms = camera->max_latency_ms;
    if (!net_request_param(x->request, "tracker"))
        query->tracking.name = settings_camera_tracker(camera);
    if (camera->appearance_model && !net_request_param(x->request, "appearance_model_id") &&
        query->tracking.name && fov_tracker_uses_embeddings(query->tracking.name))
        text_copy(query->appearance, sizeof query->appearance, camera->appearance_model);
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
    rooms->views = view_book_open(auth_folder(server->auth));
    if (!rooms->view || !rooms->opening || !rooms->views)
        return fov_fail(error, FOV_ENOMEM,
                        "no memory or no thread for drawing and opening sources");
    return FOV_OK;
}

static void rooms_stop(struct server *server)
{
    struct rooms *rooms = server->rooms;
    if (!rooms)
        return;
    chores_stop(&rooms->opening);
    chores_stop(&rooms->painting);
    view_book_stop(rooms->views);
    sources_stop(rooms);
    rooms->stopped = true;
    for (struct room *room = rooms->first; room; room = room->next) {
        room_close_feed(room);
        if (room->camera && !room->camera->socket) { /* others go with their sockets */
            camera_free(room->camera);
            room->camera = NULL;
        }
    }
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
    view_book_close(&rooms->views);
    free(rooms);
    server->rooms = NULL;
}

/* A camera of the settings that shows a match. */
static void make_football(const struct server *server, const struct settings_camera *camera,
                          struct football_wish *wish, struct room_source *source)
{
    *wish = (struct football_wish){.still = -1, .file = camera->homography};
    football_wish_model(wish, camera->model);
    football_wish_for(wish, source, source->target_fps > 0, server->settings);
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
                                     .patient = true,
                                     .model_id = camera->model,
                                     .tracker = settings_camera_tracker(camera),
                                     .appearance_model = camera->appearance_model,
                                     .target_fps = camera->pin_fps > 0 ? camera->pin_fps
                                                                       : camera->fps,
                                     .max_latency_ms = camera->max_latency_ms,
                                     .conf = camera->pin_conf,
                                     .admission = ADMISSION_IF_FITS};
        char id[80];
        struct football_wish wish;
        fov_error error = {0};
        if (camera->kind == CAMERA_FOOTBALL)
            make_football(server, camera, &wish, &source);
        if (camera->source && rooms_start_source(server, &source, id, sizeof id, &error) != FOV_OK)
            fov_log(FOV_LOG_ERROR, "serve", "camera %s: %s", camera->name, error.message);
    }
}

const struct serve_part rooms_part = {.name = "rooms",
                                      .open = rooms_open,
                                      .ready = rooms_ready,
                                      .tick = rooms_tick,
                                      .reloaded = football_reloaded,
                                      .stop = rooms_stop,
                                      .close = rooms_close};
