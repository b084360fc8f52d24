/* WS /ws/camera/{token} and POST /api/camera/{token}/frame: who may be a room's camera. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "serve/room.h"
#include "serve/routes.h"

#define FRAME_BYTES_MAX ((size_t)8 << 20)
#define PACK_BYTES ((size_t)8 << 10)

/* ---- who may be the camera --------------------------------------------------------------------
 */

static void on_camera_close(void *user, struct net_socket *socket, int code)
{
    struct camera *c = user;
    (void)socket;
    (void)code;
    struct room *room = c->room;
    if (!c->replaced) {
        c->socket = NULL;
        camera_gone(room);
        room_release(room);
    } else {
        camera_free(c);
    }
}

/* The old camera makes room; its socket frees it when it closes. */
static void replace(struct camera *old)
{
    struct room *room = old->room;
    struct net_socket *socket = old->socket;
    if (socket) {
        room->camera = NULL;
        old->replaced = true;
        net_timer_stop(&old->timer);
        net_socket_close(socket, 1008, "replaced");
        room_close_feed(room);
    } else {
        camera_gone(room);
    }
}

/* True when the room has a camera that still sends, or a source of its own. */
static bool room_is_taken(const struct room *room, int64_t now)
{
    const struct camera *c = room ? room->camera : NULL;
    if (!room || (!c && !room->feed && !room->connecting))
        return false;
    if (!c)
        return true;
    return now - (c->last_ns ? c->last_ns : c->opened_ns) < SILENT_NS;
}

/* Gives the room a camera and a stream for it. False: answered. */
static bool camera_open(struct exchange *x, struct room *room, const struct stream_query *query)
{
    fov_error error = {.status = FOV_OK};
    fov_workers *workers = x->server->workers;
    struct camera *c = calloc(1, sizeof *c);
    fov_stream_params params = stream_params(x->server, query);
    if (!c || !sessions_enter(x)) {
        if (!c)
            serve_busy(x, 1, "out_of_memory", "not enough memory for another camera");
        free(c);
        return false;
    }
    tuning_start(room, query, true, net_request_param(x->request, "conf") != NULL);
    params.target_fps = 2 * room->tuning.camera.home[ADAPT_FPS]; /* beyond: dropped, fps_limit */
    room->feed = feed_open(room, workers, &params, query, true, &error);
    if (!room->feed) {
        sessions_leave(x->server);
        free(c);
        serve_error(x, error.status, &error);
        return false;
    }
    room->counted = true;
    room->kind = "camera";
    room->football = false; /* of a source that was here before */
    room->camera = c;
    c->room = room;
    c->opened_ns = clock_now_ns();
    tuning_run(room);
    return true;
}

/* The room for a new camera, the old one replaced; NULL: answered. */
static struct room *claim_room(struct exchange *x, const struct stream_query *query)
{
    struct room *room = room_get(x->server, x->room);
    if (!room) {
        serve_busy(x, 5, "too_many_rooms", "the server has %d rooms already", ROOMS_MAX);
        return NULL;
    }
    if (room->camera)
        replace(room->camera);
    if (camera_open(x, room, query))
        return room;
    room_feed_changed(room);
    room_release(room);
    return NULL;
}

static void on_refused_message(void *user, struct net_socket *socket,
                               const struct net_message *message)
{
    (void)user;
    (void)socket;
    (void)message;
}

static void on_refused_close(void *user, struct net_socket *socket, int code)
{
    (void)user;
    (void)socket;
    (void)code;
}

/* A browser learns the reason only from a close code, so the newcomer is let in for it. */
static void refuse_camera(struct exchange *x)
{
    static const struct net_socket_ops ops = {.on_message = on_refused_message,
                                              .on_close = on_refused_close};
    const struct net_socket_params params = {.max_binary = FRAME_BYTES_MAX};
    struct net_socket *socket = net_upgrade(x->request, &params, &ops, NULL);
    if (socket)
        net_socket_close(socket, 1008, "busy");
}

void ws_camera(struct exchange *x)
{
    static const struct net_socket_ops ops = {.on_message = camera_on_message,
                                              .on_close = on_camera_close};
    const struct net_socket_params params = {.max_text = SOCKET_TEXT_MAX,
                                             .max_binary = FRAME_BYTES_MAX + PACK_BYTES};
    const char *pack = net_request_param(x->request, "pack");
    struct stream_query query;
    fov_workers *workers = serve_workers(x);
    if (!workers || !stream_query_read(x, workers, &query))
        return;
    if (!net_request_wants_socket(x->request)) {
        net_upgrade(x->request, &params, &ops, NULL); /* answers 426 */
        return;
    }
    if (room_is_taken(room_find(x->server, x->room), clock_now_ns())) {
        refuse_camera(x);
        return;
    }
    room_apply_settings(x->server, x, x->room, &query);
    struct room *room = claim_room(x, &query);
    if (!room)
        return;
    struct camera *c = room->camera;
    c->pack = pack && strcmp(pack, "1") == 0;
    c->socket = net_upgrade(x->request, &params, &ops, c);
    if (!c->socket) {
        camera_gone(room);
        room_release(room);
        return;
    }
    serve_guard_socket(x, c->socket);
    room_feed_changed(room);
    camera_control(c);
}

/* ---- POST /api/camera/{token}/frame ------------------------------------------------------------
 * For browsers that refuse wss: each picture is a request, the answer is the stream_control. */

static bool read_note(struct exchange *x, struct picture_note *note)
{
    double number = -1;
    *note = (struct picture_note){.number = -1};
    int stamp = serve_param_number(x, "timestamp", 0, 1e14, &note->timestamp);
    int offset = stamp < 0 ? -1
                           : serve_param_number(x, "clock_offset_ms", -1e14, 1e14,
                                                &note->clock_offset_ms);
    if (offset < 0 || serve_param_number(x, "frameNumber", 0, 9e15, &number) < 0)
        return false;
    note->has_timestamp = stamp > 0;
    note->has_offset = offset > 0;
    note->number = (int64_t)number;
    return true;
}

/* The room's POST camera, made at its first picture. NULL: answered. */
static struct room *post_room(struct exchange *x, fov_workers *workers)
{
    struct room *room = room_find(x->server, x->room);
    struct stream_query query;
    if (room && room->camera && !room->camera->socket)
        return room;
    if (room_is_taken(room, clock_now_ns())) {
        serve_problem(x, 409, "camera_busy", "another camera is sending to this room");
        return NULL;
    }
    if (!stream_query_read(x, workers, &query))
        return NULL;
    room_apply_settings(x->server, x, x->room, &query);
    room = claim_room(x, &query);
    if (room)
        room_feed_changed(room);
    return room;
}

void post_camera_frame(struct exchange *x)
{
    struct picture_note note;
    struct pairing_error error = {0};
    size_t size;
    const uint8_t *bytes = net_request_body(x->request, &size);
    const char *type = net_request_header(x->request, "content-type");
    fov_workers *workers = serve_workers(x);
    if (!workers || !read_note(x, &note))
        return;
    if (type && strncmp(type, "image/", 6) != 0 && strcmp(type, "application/octet-stream") != 0) {
        serve_problem(x, 415, "unsupported",
                      "send the picture as the body, Content-Type: image/jpeg");
        return;
    }
    fov_picture_info info;
    fov_error why = {0};
    fov_status status = fov_picture_probe(bytes, size, &info, &why);
    if (status != FOV_OK) { /* before it may become a camera */
        serve_error(x, status, &why);
        return;
    }
    struct room *room = post_room(x, workers);
    if (!room)
        return;
    struct camera *c = room->camera;
    int64_t arrival = net_request_arrival_ns(x->request);
    if (camera_take_picture(c, &note, bytes, size, arrival, &error) != FOV_OK) {
        serve_problem(x, 400, error.code, "%s", error.message);
        return;
    }
    struct json_writer *w = serve_writer(x->server);
    camera_write_control(w, c);
    serve_json(x, 200, w);
}
