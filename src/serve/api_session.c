/* WS /api/v1/realtime/video/stream: one binary message is one frame, each gets exactly one answer.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "serve/frames.h"
#include "serve/message.h"
#include "serve/recorder.h"
#include "serve/routes.h"

#define FRAME_BYTES_MAX ((size_t)8 << 20)
#define TEXT_BYTES_MAX 4096 /* of a text message that is read */

/* Freed by the closing thread after its stream, or by on_close when there is none left. What the
 * workers read (loop, socket_id, …) is set once, before the first frame. */
struct session {
    struct session *next;
    struct server *server;
    struct net_loop *loop;
    uint64_t socket_id;
    char id[80]; /* client_id, or "session-N" */
    fov_stream *stream;
    fov_frame_pool *pool;
    struct metrics_stream *metrics;
    struct tap tap; /* where it is recorded */
    struct stream_query query;
    uint64_t received;
    struct message_rate texts;
};

/* ---- answers ----------------------------------------------------------------------------------
 */

struct session_answer {
    struct net_loop *loop;
    uint64_t socket_id;
    struct net_blob *text;
};

static void send_answer(void *arg)
{
    struct session_answer *answer = arg;
    struct net_socket *socket = net_socket_find(answer->loop, answer->socket_id);
    if (socket)
        message_deliver(socket, answer->text);
    net_blob_unref(&answer->text);
    free(answer);
}

static void write_answer(struct json_writer *w, const struct session *s, const fov_result *result)
{
    struct message_answer answer = {result->frame->number, 0, s->query.max_latency_ms};
    if (result->outcome != FOV_DELIVERED) {
        message_undelivered(w, result);
        return;
    }
    json_object_begin(w);
    json_add_string(w, "type", "result");
    message_result(w, result, &answer);
    json_object_end(w);
}

/* On a worker, the timer thread, or (a drop at put) the loop thread. Order is kept: results come
 * one at a time, posts run in order. */
static void on_session_result(void *user, const fov_result *result)
{
    struct session *s = user;
    struct json_writer w = {0};
    metrics_count(s->metrics, result);
    tap_result(&s->tap, result);
    struct session_answer *answer = malloc(sizeof *answer);
    if (!answer)
        return;
    write_answer(&w, s, result);
    *answer = (struct session_answer){s->loop, s->socket_id, message_blob(&w)};
    if (!answer->text || !net_post(s->loop, send_answer, answer)) {
        net_blob_unref(&answer->text);
        free(answer);
    }
}

/* ---- messages ---------------------------------------------------------------------------------
 */

static void session_text(struct net_socket *socket, const struct net_message *message)
{
    struct json_writer w = {0};
    json_value *json = message_is_object_text(message)
                           ? NULL
                           : json_parse((const char *)message->data, message->len, TEXT_BYTES_MAX,
                                        NULL);
    bool answered = json && message_answer_time(socket, json, message->arrival_ns);
    json_free(&json);
    if (answered)
        return;
    message_error(&w, "expected_binary", -1,
                  message_is_object_text(message)
                      ? MESSAGE_PROMISE_TEXT
                      : "send each picture as one binary message; texts: only "
                        "{\"type\":\"time\",\"t0\":…}");
    message_send(socket, &w);
}

static void session_drop(struct net_socket *socket, int64_t frame_id, fov_drop reason,
                         const char *message)
{
    struct json_writer w = {0};
    message_dropped(&w, frame_id, fov_drop_name(reason), message);
    if (message_send(socket, &w) == FOV_EBUSY)
        net_socket_close(socket, 1013, "answers are not read");
}

static void session_frame(struct session *s, struct net_socket *socket,
                          const struct net_message *message)
{
    fov_frame *frame = NULL;
    int64_t id = (int64_t)s->received++;
    if (message->len == 0) {
        session_drop(socket, id, FOV_DROP_DECODE, "the message is empty");
        return;
    }
    if (fov_frame_get(s->pool, message->len, &frame) != FOV_OK) {
        session_drop(socket, id, FOV_DROP_QUEUE, "");
        return;
    }
    memcpy(frame->bytes, message->data, message->len);
    frame->size = message->len;
    frame->number = (uint64_t)id;
    frame->capture_ns = message->arrival_ns;
    if (fov_stream_put(s->stream, &frame, NULL) != FOV_OK)
        session_drop(socket, id, FOV_DROP_SHUTDOWN, "");
}

static void on_session_message(void *user, struct net_socket *socket,
                               const struct net_message *message)
{
    struct session *s = user;
    if (message->kind != NET_TEXT && s->stream)
        session_frame(s, socket, message);
    else if (message->kind == NET_TEXT && message_allowed(&s->texts, socket, message->arrival_ns))
        session_text(socket, message);
}

/* ---- life -------------------------------------------------------------------------------------
 */

static void session_free(void *arg)
{
    struct session *s = arg;
    tap_destroy(&s->tap);
    fov_frame_pool_destroy(&s->pool);
    free(s);
}

static void on_session_close(void *user, struct net_socket *socket, int code)
{
    (void)socket;
    (void)code;
    struct session *s = user;
    struct session **at = &s->server->frames->sessions;
    while (*at != s)
        at = &(*at)->next;
    *at = s->next;
    sessions_leave(s->server);
    if (s->stream)
        frames_close_stream(s->server, &s->stream, session_free, s);
    else
        session_free(s);
}

void sessions_stop(struct frames *frames)
{
    for (struct session *s = frames->sessions; s; s = s->next)
        fov_stream_close(&s->stream);
}

fov_stream *session_stream(struct server *server, const char *id)
{
    for (struct session *s = server->frames->sessions; s; s = s->next)
        if (strcmp(s->id, id) == 0)
            return s->stream;
    return NULL;
}

struct tap *session_tap(struct server *server, const char *id, struct stream_query *query)
{
    for (struct session *s = server->frames->sessions; s; s = s->next)
        if (strcmp(s->id, id) == 0) {
            *query = s->query;
            return &s->tap;
        }
    return NULL;
}

static struct session *session_open(struct exchange *x, fov_workers *workers,
                                    const struct stream_query *query, fov_error *error)
{
    struct session *s = calloc(1, sizeof *s);
    fov_workers_info info;
    if (!s)
        return NULL;
    fov_workers_get_info(workers, &info);
    tap_init(&s->tap);
    s->server = x->server;
    s->loop = x->server->loop;
    s->query = *query;
    s->metrics = metrics_stream(x->server, "stream");
    fov_stream_params params = stream_params(x->server, query);
    /* Waiting, running, and parked behind a slower one: a frame always finds a slot. */
    fov_frame_pool_params pool = {.slots = params.capacity + 2 * info.workers + 8,
                                  .max_bytes = FRAME_BYTES_MAX,
                                  .keep_bytes = (size_t)2 << 20};
    params.name = s->id;
    params.on_result = on_session_result;
    params.user = s;
    if (fov_frame_pool_create(&s->pool, &pool, error) == FOV_OK &&
        fov_stream_open(&s->stream, workers, &params, error) == FOV_OK)
        return s;
    session_free(s);
    return NULL;
}

void ws_video_stream(struct exchange *x)
{
    static const struct net_socket_ops ops = {.on_message = on_session_message,
                                              .on_close = on_session_close};
    const struct net_socket_params params = {.max_text = SOCKET_TEXT_MAX,
                                             .max_binary = FRAME_BYTES_MAX};
    struct frames *frames = x->server->frames;
    const char *client = net_request_param(x->request, "client_id");
    struct stream_query query;
    fov_error error = {.status = FOV_ENOMEM};
    fov_workers *workers = serve_workers(x);
    if (!workers || !stream_query_read(x, workers, &query) || !sessions_enter(x))
        return;
    struct session *s = session_open(x, workers, &query, &error);
    if (!s) {
        sessions_leave(x->server);
        serve_error(x, error.status, &error);
        return;
    }
    if (client && *client)
        text_copy(s->id, sizeof s->id, client);
    else
        snprintf(s->id, sizeof s->id, "session-%llu", (unsigned long long)++frames->next_session);
    struct net_socket *socket = net_upgrade(x->request, &params, &ops, s);
    if (!socket) {
        sessions_leave(x->server);
        frames_close_stream(x->server, &s->stream, session_free, s);
        return;
    }
    s->socket_id = net_socket_id(socket);
    s->next = frames->sessions;
    frames->sessions = s;
    serve_guard_socket(x, socket);
}
