/* WS /ws/camera/{token}: a browser's camera. Pairs metadata with pictures, hands frames to the
 * room's stream, forwards them at once to viewers that draw themselves, gives credit. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "serve/message.h"
#include "serve/room.h"
#include "serve/routes.h"

enum { IN_FLIGHT = 2, WIDTH_MAX = 1920, HEIGHT_MAX = 1080 };
#define FRAME_BYTES_MAX ((size_t)8 << 20)
#define PACK_BYTES ((size_t)8 << 10)

/* ---- credit -----------------------------------------------------------------------------------
 * A frame is over for the camera when it was answered, or one frame interval after it came: what
 * the model does never stops the pictures. At most IN_FLIGHT frames are under way. */

static uint64_t frames_over(const struct camera *c)
{
    return c->answered > c->timed ? c->answered : c->timed;
}

static uint64_t credits(const struct camera *c)
{
    return frames_over(c) + IN_FLIGHT;
}

void camera_write_control(struct json_writer *w, const struct camera *c)
{
    json_object_begin(w);
    json_add_string(w, "type", "stream_control");
    json_add_number(w, "target_fps", c->room->pace.target, 1);
    json_add_number(w, "quality", c->room->quality, 2);
    json_add_int(w, "width", WIDTH_MAX);
    json_add_int(w, "height", HEIGHT_MAX);
    json_add_int(w, "credits", (int64_t)credits(c));
    json_add_string(w, "reason", c->reason ? c->reason : "");
    json_add_number(w, "server_time", clock_unix_ms(), 3);
    json_object_end(w);
}

void camera_control(struct camera *c)
{
    struct json_writer w = {0};
    c->granted = credits(c);
    if (!c->socket)
        return;
    camera_write_control(&w, c);
    message_send(c->socket, &w);
}

static void on_interval(void *arg)
{
    struct camera *c = arg;
    c->timer = NULL; /* a single shot frees itself */
    if (c->timed_next > c->timed)
        c->timed = c->timed_next;
    if (credits(c) > c->granted)
        camera_control(c);
}

/* The camera is at its limit: time gives credit when no answer does. */
static void watch_interval(struct camera *c)
{
    if (c->timer || c->received < frames_over(c) + IN_FLIGHT)
        return;
    c->timed_next = c->received;
    c->timer = net_timer_start(c->room->server->loop, (unsigned)ceil(1000 / c->room->pace.target),
                               false, on_interval, c);
}

void camera_answered(struct camera *c)
{
    if (c->answered < c->received)
        c->answered++;
    if (credits(c) > c->granted)
        camera_control(c);
}

/* ---- frames -----------------------------------------------------------------------------------
 */

static void camera_error(struct camera *c, const struct pairing_error *error)
{
    struct json_writer w = {0};
    if (!c->socket)
        return;
    message_error(&w, error->code, error->frame_id, error->message);
    message_send(c->socket, &w);
}

/* Metadata for viewers that draw themselves. */
static struct net_blob *client_head(const struct feed *feed, const fov_frame *frame, uint64_t seq,
                                    bool unanalysed)
{
    struct json_writer w = {0};
    json_object_begin(&w);
    feed_write_head(&w, feed, frame, seq);
    json_add_string(&w, "format", message_codec(frame->codec));
    if (unanalysed) { /* for viewers of render=server, while no result comes */
        json_add_number(&w, "processing_time_ms", ns_to_ms(clock_now_ns() - frame->capture_ns), 3);
        json_add_number(&w, "processed_at", clock_unix_ms(), 3);
        json_add_bool(&w, "analysed", false);
        json_name(&w, "detections");
        json_array_begin(&w);
        json_array_end(&w);
        json_add_int(&w, "dropped_before", (int64_t)atomic_load(&feed->dropped));
    } else {
        json_add_null(&w, "detections");
    }
    json_object_end(&w);
    return message_blob(&w);
}

static void forward(struct room *room, fov_frame *frame, uint64_t seq, unsigned kinds)
{
    if (!room_has(room, kinds))
        return;
    struct unit *unit = unit_make(seq, client_head(room->feed, frame, seq, kinds != VIEWER_CLIENT),
                                  feed_blob(frame));
    if (unit)
        room_offer_all(room, kinds, unit);
    unit_unref(&unit);
}

static fov_frame *make_frame(struct room *room, const uint8_t *bytes, size_t size,
                             const struct picture_note *note, const fov_picture_info *info,
                             int64_t arrival_ns)
{
    fov_frame *frame = NULL;
    uint64_t seq = room->seq + 1;
    if (fov_frame_get(room->feed->pool, size, &frame) != FOV_OK)
        return NULL;
    memcpy(frame->bytes, bytes, size);
    frame->size = size;
    frame->codec = info->codec;
    frame->width = info->width;
    frame->height = info->height;
    frame->capture_ns = arrival_ns;
    frame->sender_ms = note->has_timestamp ? note->timestamp : 0;
    frame->number = note->number >= 0 ? (uint64_t)note->number : seq - 1;
    frame->user = (void *)(uintptr_t)seq;
    room->seq = seq;
    return frame;
}

static void put_frame(struct camera *c, fov_frame *frame)
{
    struct room *room = c->room;
    uint64_t seq = room->seq;
    int64_t since = room->result_ns > c->opened_ns ? room->result_ns : c->opened_ns;
    fov_frame *kept = fov_frame_ref(frame);
    if (fov_stream_put(room->feed->stream, &frame, NULL) != FOV_OK)
        c->answered++; /* no result follows */
    forward(room, kept, seq, VIEWER_CLIENT);
    if (kept->capture_ns - since >= UNANALYSED_NS)
        forward(room, kept, seq, VIEWER_SERVER | VIEWER_MJPEG);
    fov_frame_unref(&room->newest);
    room->newest = kept;
    room_drop_glances(room);
}

/* A JPEG whose end came along; some cameras pad it. Viewers are not shown the upper half of one. */
static bool is_whole(const uint8_t *bytes, size_t size, fov_codec codec)
{
    size_t from = size > 64 ? size - 64 : 0;
    return codec != FOV_JPEG || memmem(bytes + from, size - from, "\xff\xd9", 2);
}

/* One picture of the camera. Returns FOV_OK, or why it was refused, with `error` filled. */
static fov_status take_picture(struct camera *c, const struct picture_note *note,
                               const uint8_t *bytes, size_t size, int64_t arrival_ns,
                               struct pairing_error *error)
{
    fov_error why = {0};
    fov_picture_info info;
    struct room *room = c->room;
    fov_status status = fov_picture_probe(bytes, size, &info, &why);
    if (status == FOV_OK && !is_whole(bytes, size, info.codec))
        status = fov_fail(&why, FOV_EFORMAT, "the JPEG is cut off: its end is missing");
    c->received++;
    if (status != FOV_OK) {
        error->code = fov_status_code(status);
        error->frame_id = note->number;
        text_copy(error->message, sizeof error->message, why.message);
    } else if (!pairing_check(note, &info, error)) {
        status = FOV_EINVAL;
    }
    if (status != FOV_OK) {
        camera_answered(c);
        return status;
    }
    if (note->has_offset)
        atomic_store(&room->feed->offset_us, (long long)llround(note->clock_offset_ms * 1e3));
    c->last_ns = arrival_ns;
    room_saw_frame(room, arrival_ns);
    fov_frame *frame = make_frame(room, bytes, size, note, &info, arrival_ns);
    if (frame)
        put_frame(c, frame);
    else
        camera_answered(c); /* viewers hold every slot: this one is let go */
    watch_interval(c);
    return FOV_OK;
}

/* ---- messages ---------------------------------------------------------------------------------
 */

static void take_paired(struct camera *c, const struct net_message *message)
{
    struct picture_note note;
    struct pairing_error error = {0};
    bool paired = pairing_picture(&c->pairing, message->arrival_ns, &note, &error);
    if (!paired) {
        c->received++;
        camera_answered(c);
    } else {
        take_picture(c, &note, message->data, message->len, message->arrival_ns, &error);
    }
    if (error.code)
        camera_error(c, &error);
}

static void take_packed(struct camera *c, const struct net_message *message)
{
    struct picture_note note;
    struct pairing_error error = {0};
    const char *json;
    const uint8_t *picture;
    size_t json_size, size;
    if (!pairing_unpack(message->data, message->len, &json, &json_size, &picture, &size, &error) ||
        !pairing_read_note(json, json_size, &note, &error)) {
        c->received++;
        camera_answered(c);
    } else {
        take_picture(c, &note, picture, size, message->arrival_ns, &error);
    }
    if (error.code)
        camera_error(c, &error);
}

static void take_text(struct camera *c, const struct net_message *message)
{
    struct pairing_error error = {0};
    struct picture_note note;
    const char *text = (const char *)message->data, *type = "";
    if (message_is_object_text(message)) {
        c->pairing.waiting = false; /* this was to be its picture */
        error = (struct pairing_error){"expected_binary", c->pairing.note.number,
                                       "a promise was sent instead of its bytes: ws.send(await "
                                       "blob.arrayBuffer())"};
        camera_error(c, &error);
        return;
    }
    json_value *json = json_parse(text, message->len, PACK_BYTES, NULL);
    bool time = json && message_answer_time(c->socket, json, message->arrival_ns);
    bool metadata = json && json_get_string(json, "type", &type) &&
                    strcmp(type, "frame_metadata") == 0;
    if (!time && !metadata)
        error = (struct pairing_error){"unknown_message", -1,
                                       "expected frame_metadata or time as JSON"};
    else if (metadata && c->pack)
        error = (struct pairing_error){"expected_pack", -1,
                                       "with pack=1 metadata and picture are one binary message"};
    else if (metadata && pairing_read_note(text, message->len, &note, &error))
        pairing_metadata(&c->pairing, &note, message->arrival_ns, &error);
    json_free(&json);
    if (error.code)
        camera_error(c, &error);
}

static void on_camera_message(void *user, struct net_socket *socket,
                              const struct net_message *message)
{
    struct camera *c = user;
    (void)socket;
    if (c->replaced || !c->room->feed)
        return;
    if (message->kind == NET_TEXT)
        take_text(c, message);
    else if (c->pack)
        take_packed(c, message);
    else
        take_paired(c, message);
}

/* ---- who may be the camera --------------------------------------------------------------------
 */

static void camera_free(struct camera *c)
{
    net_timer_stop(&c->timer);
    free(c);
}

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

void camera_gone(struct room *room)
{
    struct camera *c = room->camera;
    room->camera = NULL;
    camera_free(c);
    room_close_feed(room);
    room_feed_changed(room);
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

static void start_pace(struct room *room)
{
    const struct settings *s = room->server->settings;
    const struct settings_camera *camera = settings_find_camera(s, room->name);
    double target = s->realtime.target_fps, most = target;
    double least = most < 5 ? most : 5;
    if (camera && camera->fps > 0)
        target = most = camera->fps;
    if (camera && camera->pin_fps > 0)
        target = most = least = camera->pin_fps;
    pace_start(&room->pace, target, least, most);
    room->quality = camera && camera->pin_quality > 0 ? camera->pin_quality : 0.8;
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
    start_pace(room);
    params.target_fps = 2 * room->pace.most; /* beyond: dropped, fps_limit */
    room->feed = feed_open(room, workers, &params, query, true, &error);
    if (!room->feed) {
        sessions_leave(x->server);
        free(c);
        serve_error(x, error.status, &error);
        return false;
    }
    room->counted = true;
    room->kind = "camera";
    room->camera = c;
    c->room = room;
    c->opened_ns = clock_now_ns();
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
    static const struct net_socket_ops ops = {.on_message = on_camera_message,
                                              .on_close = on_camera_close};
    const struct net_socket_params params = {.max_binary = FRAME_BYTES_MAX + PACK_BYTES};
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
    take_picture(c, &note, bytes, size, arrival, &error);
    struct json_writer *w = serve_writer(x->server);
    camera_write_control(w, c);
    serve_json(x, 200, w);
}
