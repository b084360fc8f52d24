/* Watching a room: WS /ws/view/{token}, MJPEG, latest.jpg, and the camera's statistics. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "serve/message.h"
#include "serve/room.h"
#include "serve/routes.h"

#define TEXT_BYTES_MAX 4096
#define GLANCE_NS (2500 * NS_PER_MS)
#define FRESH_NS (1000 * NS_PER_MS)

/* ---- viewers come and go ----------------------------------------------------------------------
 */

/* A viewer of the room, in its list; NULL: answered. */
static struct viewer *viewer_open(struct exchange *x, enum viewer_kind kind)
{
    struct room *room = room_get(x->server, x->room);
    struct viewer *v = room && room->viewer_count < VIEWERS_MAX ? calloc(1, sizeof *v) : NULL;
    if (!v) {
        serve_busy(x, 5, "too_many_viewers", "this room or server takes no more viewers");
        if (room)
            room_release(room);
        return NULL;
    }
    *v = (struct viewer){.room = room,
                         .kind = kind,
                         .fps = -1,
                         .latency_ms = -1,
                         .queue = -1,
                         .next = room->viewers};
    room->viewers = v;
    room->viewer_count++;
    return v;
}

static void viewer_close(struct viewer *v)
{
    struct room *room = v->room;
    struct viewer **at = &room->viewers;
    while (*at != v)
        at = &(*at)->next;
    *at = v->next;
    room->viewer_count--;
    viewer_free(v);
    room_look(room);
    room_release(room);
}

/* ---- WS /ws/view/{token} ----------------------------------------------------------------------
 */

static void take_performance(struct viewer *v, const json_value *json)
{
    double value;
    if (json_get_number(json, "fps", &value) && value >= 0)
        v->fps = value;
    if (json_get_number(json, "latency", &value) && value >= 0)
        v->latency_ms = value;
    if (json_get_number(json, "queueSize", &value) && value >= 0)
        v->queue = value;
}

static void tell(struct viewer *v, struct json_writer *w)
{
    struct net_blob *text = message_blob(w);
    if (text)
        viewer_note(v, 0, text);
    net_blob_unref(&text);
}

static void viewer_error(struct viewer *v, const char *code, const char *text)
{
    struct json_writer w = {0};
    message_error(&w, code, -1, text);
    tell(v, &w);
}

static void on_view_message(void *user, struct net_socket *socket,
                            const struct net_message *message)
{
    struct viewer *v = user;
    const char *type = "";
    if (!message_allowed(&v->texts, socket, message->arrival_ns))
        return;
    if (message->kind != NET_TEXT) {
        viewer_error(v, "forbidden", "a viewer only watches: pictures go to /ws/camera/{token}");
        return;
    }
    json_value *json = json_parse((const char *)message->data, message->len, TEXT_BYTES_MAX, NULL);
    json_get_string(json, "type", &type);
    if (json && message_answer_time(socket, json, message->arrival_ns))
        ; /* done */
    else if (strcmp(type, "performance_stats") == 0)
        take_performance(v, json);
    else if (!json)
        viewer_error(v, "bad_message", "expected performance_stats or time as JSON");
    else
        viewer_error(v, "forbidden",
                     "a viewer only watches; it may send performance_stats and time");
    json_free(&json);
}

static void on_view_drain(void *user, struct net_socket *socket)
{
    (void)socket;
    viewer_flush(user);
}

static void on_view_close(void *user, struct net_socket *socket, int code)
{
    (void)socket;
    (void)code;
    viewer_close(user);
}

static void greet(struct viewer *v)
{
    struct json_writer w = {0};
    room_write_view(v->room, &w);
    tell(v, &w);
    room_write_connected(v->room, &w);
    tell(v, &w);
    for (size_t i = 0; i < v->room->change_count; i++) {
        room_write_change(&v->room->changes[i], &w);
        tell(v, &w);
    }
}

void ws_view(struct exchange *x)
{
    static const struct net_socket_ops ops = {
        .on_message = on_view_message, .on_drain = on_view_drain, .on_close = on_view_close};
    const struct net_socket_params params = {.max_text = TEXT_BYTES_MAX, .max_binary = 65536};
    const char *render = net_request_param(x->request, "render");
    const char *pack = net_request_param(x->request, "pack");
    bool client = render && strcmp(render, "client") == 0;
    if (render && !client && strcmp(render, "server") != 0) {
        serve_problem(x, 422, "invalid_argument", "render must be server or client");
        return;
    }
    struct viewer *v = viewer_open(x, client ? VIEWER_CLIENT : VIEWER_SERVER);
    if (!v)
        return;
    v->pack = pack && strcmp(pack, "1") == 0;
    v->socket = net_upgrade(x->request, &params, &ops, v);
    if (!v->socket) {
        viewer_close(v);
        return;
    }
    serve_guard_socket(x, v->socket);
    greet(v);
    room_look(v->room);
}

/* ---- GET …/mjpeg ------------------------------------------------------------------------------
 */

static void on_mjpeg_drain(void *user, struct net_stream *stream)
{
    (void)stream;
    viewer_flush(user);
}

static void on_mjpeg_close(void *user, struct net_stream *stream)
{
    (void)stream;
    viewer_close(user);
}

void get_camera_mjpeg(struct exchange *x)
{
    static const struct net_stream_ops ops = {.on_drain = on_mjpeg_drain,
                                              .on_close = on_mjpeg_close};
    struct viewer *v = viewer_open(x, VIEWER_MJPEG);
    if (!v)
        return;
    v->stream = net_stream_open(x->request, 200, "multipart/x-mixed-replace; boundary=frame", &ops,
                                v);
    if (!v->stream) { /* HEAD, or no memory: answered */
        viewer_close(v);
        return;
    }
    serve_guard_stream(x, v->stream);
    room_look(v->room);
}

/* ---- GET …/latest.jpg -------------------------------------------------------------------------
 */

/* The next picture of a source of our own is made for it. */
static void wait_for_picture(struct exchange *x, struct room *room, bool plain)
{
    room->glances[room->glance_count++] = (struct glance){net_request_id(x->request), plain};
    *(plain ? &room->plain_until_ns : &room->glance_until_ns) = clock_now_ns() + GLANCE_NS;
    room_look(room);
}

/* The newest picture as the camera sent it; of a source of our own the newest drawn one, or, with
 * render=client, one without boxes. Both are made on request when nobody looks. X-Frame-Id says
 * which frame it shows. */
void get_camera_latest(struct exchange *x)
{
    struct room *room = room_find(x->server, x->room);
    const char *render = net_request_param(x->request, "render");
    bool plain = render && strcmp(render, "client") == 0;
    if (render && !plain && strcmp(render, "server") != 0) {
        serve_problem(x, 422, "invalid_argument", "render must be server or client");
        return;
    }
    int64_t made_ns = !room ? 0 : plain ? room->plain_ns : room->drawn_ns;
    bool fresh = room && (room->newest || !room->feed || clock_now_ns() - made_ns < FRESH_NS);
    if (fresh && room_reply_picture(room, x->request, plain))
        return;
    if (room && (room->feed || room->connecting) && room->glance_count < GLANCES_MAX) {
        wait_for_picture(x, room, plain);
    } else {
        serve_problem(x, 404, "no_picture", "this camera has sent no picture yet");
    }
}

/* ---- GET …/stats ------------------------------------------------------------------------------
 */

/* What the size may become: one that is fixed stands alone. */
static void write_sizes(struct json_writer *w, struct server *server, const struct feed *feed)
{
    fov_sizes sizes = {0};
    if (server->workers)
        fov_workers_get_sizes(server->workers, feed ? feed->query.model_id : "", &sizes);
    json_name(w, "inference_sizes");
    json_array_begin(w);
    for (int i = 0; i < sizes.count; i++)
        json_put_int(w, sizes.px[i]);
    json_array_end(w);
}

static void write_processor(struct json_writer *w, struct server *server, const struct room *room)
{
    const struct feed *feed = room ? room->feed : NULL;
    fov_model *model = server->workers
                           ? fov_workers_model(server->workers, feed ? feed->query.model_id : "")
                           : NULL;
    const fov_model_info *info = model ? fov_model_get_info(model) : NULL;
    json_name(w, "processor_stats");
    json_object_begin(w);
    int own_px = info ? info->input_width : 0;
    json_add_int(w, "inference_size", feed ? fov_stream_input_px(feed->stream) : own_px);
    json_add_number(w, "confidence_threshold",
                    feed ? (double)feed->query.conf : settings_conf(server->settings, 0.25), 4);
    json_add_bool(w, "gpu_available", info && strncmp(info->device, "GPU", 3) == 0);
    json_add_number(w, "target_fps",
                    room && room->camera ? room->tuning.camera.now[ADAPT_FPS]
                    : room && feed       ? room->target_fps
                                         : server->settings->realtime.target_fps,
                    1);
    json_add_number(w, "jpeg_quality",
                    (feed ? atomic_load(&feed->quality) : QUALITY_DEFAULT) / 100.0, 2);
    json_add_string(w, "model_id", info ? info->id : NULL);
    write_sizes(w, server, feed);
    json_object_end(w);
    fov_model_close(&model);
}

static void add_known(struct json_writer *w, const char *name, double value)
{
    if (value >= 0)
        json_add_number(w, name, value, 2);
    else
        json_add_null(w, name);
}

static void write_viewers(struct json_writer *w, const struct room *room)
{
    json_name(w, "viewers");
    json_array_begin(w);
    for (const struct viewer *v = room ? room->viewers : NULL; v; v = v->next) {
        json_object_begin(w);
        json_add_int(w, "id",
                     (int64_t)(v->socket ? net_socket_id(v->socket) : net_stream_id(v->stream)));
        json_add_number(w, "fps", v->fps >= 0 ? v->fps : v->sent_fps, 2);
        add_known(w, "latency_ms", v->latency_ms);
        add_known(w, "queue_size", v->queue);
        json_add_int(w, "skipped", (int64_t)v->skipped);
        json_add_int(w, "notes_lost", (int64_t)v->notes_lost);
        json_add_int(w, "sent", (int64_t)v->units);
        json_add_int(w, "bytes", (int64_t)v->bytes);
        json_add_string(w, "render",
                        v->kind == VIEWER_CLIENT   ? "client"
                        : v->kind == VIEWER_SERVER ? "server"
                                                   : "mjpeg");
        json_object_end(w);
    }
    json_array_end(w);
}

void get_camera_stats(struct exchange *x)
{
    struct room *room = room_find(x->server, x->room);
    struct json_writer *w = serve_writer(x->server);
    fov_workers_info info = {0};
    fov_stats stats = {0};
    if (room && room->feed)
        fov_stream_get_stats(room->feed->stream, 60, &stats);
    if (x->server->workers)
        fov_workers_get_info(x->server->workers, &info);
    json_object_begin(w);
    json_add_bool(w, "camera_connected", room && room_connected(room));
    json_add_int(w, "viewer_count", room ? (int64_t)room->viewer_count : 0);
    write_processor(w, x->server, room);
    message_live_stats(w, &stats, info.bound_ms);
    json_add_int(w, "frames", (int64_t)stats.accepted);
    json_add_int(w, "delivered", (int64_t)stats.delivered);
    write_viewers(w, room);
    json_name(w, "adaptation");
    room_write_changes(room, w);
    json_object_end(w);
    serve_json(x, 200, w);
}
