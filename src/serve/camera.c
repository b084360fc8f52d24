/* A browser's camera: pairs metadata with pictures, hands frames to the room's stream, forwards
 * them at once to viewers that draw themselves, gives credit. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "serve/message.h"
#include "serve/room.h"

enum { IN_FLIGHT = 2, TEXT_BYTES_MAX = 8192 };

/* ---- credit -----------------------------------------------------------------------------------
 * A frame is over for the camera when it was answered, or one frame interval after it came: what
 * the model does never stops the pictures. At most IN_FLIGHT frames are under way. */

static uint64_t frames_over(const struct camera *c)
{
    return c->answered > c->timed ? c->answered : c->timed;
}

static uint64_t credits(const struct camera *c)
{
    uint64_t granted = frames_over(c) + IN_FLIGHT;
    /* By POST no grant could follow later: the answer itself is the leave to send the next. */
    return !c->socket && granted <= c->received ? c->received + 1 : granted;
}

/* Null before the first picture told its size. */
static void put_size(struct json_writer *w, const char *name, int px)
{
    if (px > 0)
        json_add_int(w, name, px);
    else
        json_add_null(w, name);
}

void camera_write_control(struct json_writer *w, const struct camera *c)
{
    json_object_begin(w);
    json_add_string(w, "type", "stream_control");
    json_add_number(w, "target_fps", c->room->tuning.camera.now[ADAPT_FPS], 1);
    json_add_number(w, "quality", c->room->tuning.camera.now[ADAPT_QUALITY], 2);
    put_size(w, "width", c->width);
    put_size(w, "height", c->height);
    json_add_int(w, "credits", (int64_t)credits(c));
    json_add_string(w, "reason", c->reason);
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
    double interval_ms = 1000 / c->room->tuning.camera.now[ADAPT_FPS];
    c->timer = net_timer_start(c->room->server->loop, (unsigned)ceil(interval_ms), false,
                               on_interval, c);
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
    struct unit *unit = unit_make(seq, frame->number,
                                  client_head(room->feed, frame, seq, kinds != VIEWER_CLIENT),
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
    struct outcome *dropped;
    fov_frame *kept = fov_frame_ref(frame);
    if (feed_put(room->feed, &frame, &dropped) != FOV_OK)
        c->answered++; /* no result follows */
    room_hold(room);
    forward(room, kept, seq, VIEWER_CLIENT);
    outcomes_run(dropped);
    room_let_go(room);
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

fov_status camera_take_picture(struct camera *c, const struct picture_note *note,
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
    c->width = info.width;
    c->height = info.height;
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
        camera_take_picture(c, &note, message->data, message->len, message->arrival_ns, &error);
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
        camera_take_picture(c, &note, picture, size, message->arrival_ns, &error);
    }
    if (error.code)
        camera_error(c, &error);
}

static void take_text(struct camera *c, const struct net_message *message)
{
    struct pairing_error error = {0};
    struct picture_note note;
    const char *text = (const char *)message->data, *type = "";
    if (message_is_object_text(message) || message->len > TEXT_BYTES_MAX) {
        c->pairing.waiting = false; /* this was to be its picture */
        error = (struct pairing_error){"expected_binary", c->pairing.note.number,
                                       MESSAGE_PROMISE_TEXT};
        if (!message_is_object_text(message))
            text_copy(error.message, sizeof error.message,
                      "this text is too long for metadata: send the picture as a binary message, "
                      "ws.send(await blob.arrayBuffer())");
        camera_error(c, &error);
        return;
    }
    json_value *json = json_parse(text, message->len, TEXT_BYTES_MAX, NULL);
    bool metadata = json && json_get_string(json, "type", &type) &&
                    strcmp(type, "frame_metadata") == 0;
    if (!metadata && !message_allowed(&c->texts, c->socket, message->arrival_ns)) {
        json_free(&json);
        return;
    }
    bool time = json && message_answer_time(c->socket, json, message->arrival_ns);
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

void camera_on_message(void *user, struct net_socket *socket, const struct net_message *message)
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

/* ---- the end -----------------------------------------------------------------------------------
 */

void camera_free(struct camera *c)
{
    net_timer_stop(&c->timer);
    free(c);
}

void camera_gone(struct room *room)
{
    struct camera *c = room->camera;
    room->camera = NULL;
    camera_free(c);
    room_close_feed(room);
    room_feed_changed(room);
}
