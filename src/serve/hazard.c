/* WS /stream/detection: the sessions of document 004. A message goes through the intake thread into
 * the session's stream; its answer comes back here, where it is sent, told to those who listen, and
 * held against the target that the frame rate follows. */
#include "serve/hazard.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "serve/routes.h"

#define CONFIDENCE 0.5
#define ANSWERS_MAX ((size_t)1 << 20) /* bytes that may wait for a client that does not read */
#define STALLED_MS 10000
enum { INTAKE_WAITING = 2 };

/* ---- counting ----------------------------------------------------------------------------------
 */

void hazard_count(struct hazard_session *s, const fov_result *result)
{
    metrics_count(s->metrics, result);
    atomic_fetch_add(result->outcome == FOV_DROPPED  ? &s->counts.dropped[result->reason]
                     : result->outcome == FOV_FAILED ? &s->counts.failed
                                                     : &s->counts.delivered,
                     1);
}

void hazard_write_counts(struct json_writer *w, const struct hazard_counts *counts)
{
    json_add_int(w, "frames", (int64_t)atomic_load(&counts->frames));
    json_add_int(w, "delivered", (int64_t)atomic_load(&counts->delivered));
    json_add_int(w, "failed", (int64_t)atomic_load(&counts->failed));
    json_name(w, "dropped");
    json_object_begin(w);
    for (int i = 0; i < FOV_DROP_COUNT; i++)
        json_add_int(w, fov_drop_name((fov_drop)i), (int64_t)atomic_load(&counts->dropped[i]));
    json_object_end(w);
}

/* ---- answers of frames --------------------------------------------------------------------------
 */

struct answer {
    struct net_loop *loop;
    uint64_t socket_id;
    struct net_blob *text;
    const char *event; /* NULL: none */
    bool delivered;
    double total_ms; /* delivered: from the frame's last byte to the answer */
    enum hazard_stage longest;
};

/* Any thread: the workers, the timer, the intake (a drop at put). */
static void write_detection(struct json_writer *w, const struct hazard_session *s,
                            const fov_result *result)
{
    const fov_frame *frame = result->frame;
    json_object_begin(w);
    json_add_string(w, "type", "detection");
    json_add_int(w, "frame_id", (int64_t)frame->number);
    json_add_string(w, "session_id", s->id);
    message_task(w, result->detections, result->model);
    json_name(w, "detections");
    message_detections(w, result->detections, 0, result->model, result->width, result->height);
    json_add_number(w, "processing_time_ms", message_work_ms(&result->timings), 3);
    json_add_number(w, "total_time_ms", ns_to_ms(result->timings.total), 3);
    json_name(w, "timings_ms");
    json_object_begin(w);
    message_timings(w, &result->timings);
    json_object_end(w);
    json_add_number(w, "timestamp",
                    frame->sender_ms > 0 ? frame->sender_ms : clock_unix_ms_of(frame->capture_ns),
                    3);
    json_add_int(w, "width", result->width);
    json_add_int(w, "height", result->height);
    json_name(w, "config");
    json_object_begin(w);
    json_add_number(w, "fps_limit", atomic_load(&s->fps_milli) / 1000.0, 2);
    json_object_end(w);
    json_object_end(w);
}

static enum hazard_stage longest_of(const fov_timings *t, int64_t encode_ns)
{
    const int64_t stages[HAZARD_STAGE_COUNT] = {
        [HAZARD_STAGE_DECODE] = t->decode,
        [HAZARD_STAGE_PREPROCESS] = t->preprocess,
        [HAZARD_STAGE_INFERENCE] = t->inference,
        [HAZARD_STAGE_POSTPROCESS] = t->postprocess + t->track,
        [HAZARD_STAGE_ENCODE] = encode_ns,
        [HAZARD_STAGE_QUEUE_WAIT] = t->queue + t->publish,
    };
    int longest = 0;
    for (int i = 1; i < HAZARD_STAGE_COUNT; i++)
        if (stages[i] > stages[longest])
            longest = i;
    return (enum hazard_stage)longest;
}

static void write_answer(struct answer *answer, struct json_writer *w,
                         const struct hazard_session *s, const fov_result *result)
{
    int64_t start = clock_now_ns();
    if (result->outcome == FOV_DELIVERED) {
        write_detection(w, s, result);
        answer->event = "detection";
        answer->delivered = true;
        answer->total_ms = ns_to_ms(result->timings.total);
        answer->longest = longest_of(&result->timings, clock_now_ns() - start);
    } else {
        message_undelivered(w, result);
        answer->event = result->outcome == FOV_DROPPED ? "dropped" : NULL;
    }
}

static void set_fps(struct hazard_session *s)
{
    atomic_store(&s->fps_milli, (int)(s->adapt.fps * 1000));
    if (s->stream) /* at the end of the server it is closed first */
        fov_stream_set(s->stream, &(fov_knobs){.target_fps = s->adapt.fps});
}

static void delivered(struct hazard_session *s, const struct answer *answer)
{
    fov_change change;
    s->bottlenecks[answer->longest]++;
    s->server->hazard->bottlenecks[answer->longest]++;
    if (!adapt_hazard_result(&s->adapt, clock_now_ns(), answer->total_ms, &change))
        return;
    set_fps(s);
    events_publish_change(s->server, s->id, s->client->id, &change);
}

static void send_answer(void *arg)
{
    struct answer *answer = arg;
    struct net_socket *socket = net_socket_find(answer->loop, answer->socket_id);
    if (socket) {
        struct hazard_session *s = net_socket_user(socket);
        message_deliver(socket, answer->text);
        if (answer->event)
            hazard_client_tell(s->client, answer->event, answer->text);
        if (answer->delivered)
            delivered(s, answer);
    }
    net_blob_unref(&answer->text);
    free(answer);
}

static void on_result(void *user, const fov_result *result)
{
    struct hazard_session *s = user;
    struct json_writer w = {0};
    hazard_count(s, result);
    tap_result(&s->tap, result);
    struct answer *answer = malloc(sizeof *answer);
    if (!answer)
        return;
    *answer = (struct answer){.loop = s->loop, .socket_id = s->socket_id};
    write_answer(answer, &w, s, result);
    answer->text = message_blob(&w);
    if (!answer->text || !net_post(s->loop, send_answer, answer)) {
        net_blob_unref(&answer->text);
        free(answer);
    }
}

/* ---- messages ----------------------------------------------------------------------------------
 */

static void on_message(void *user, struct net_socket *socket, const struct net_message *message)
{
    struct hazard_session *s = user;
    struct json_writer w = {0};
    if (s->reason)
        return;
    if (!intake_take(s->server->hazard->intake, s, message)) {
        message_error(&w, "out_of_memory", -1, "not enough memory for the message");
        message_send(socket, &w);
        return;
    }
    if (++s->queued >= INTAKE_WAITING)
        net_socket_pause(socket, true);
}

static void session_close(struct hazard_session *s);

static void reconfigure(struct hazard_session *s, const struct hazard_config *config)
{
    s->config = *config;
    if (config->fps_limit == s->adapt.asked)
        return;
    adapt_hazard_ask(&s->adapt, config->fps_limit);
    set_fps(s);
}

static void on_intake_done(struct intake_done *done)
{
    struct hazard_session *s = done->session;
    struct net_socket *socket = s->ended ? NULL : net_socket_find(s->loop, s->socket_id);
    s->queued--;
    if (done->frame)
        s->heard_ns = done->arrival_ns;
    if (done->configured)
        reconfigure(s, &done->config);
    if (socket && done->answer)
        message_deliver(socket, done->answer);
    if (done->answer && done->event)
        hazard_client_tell(s->client, done->event, done->answer);
    if (socket && done->close_code)
        net_socket_close(socket, done->close_code, done->close_reason);
    if (socket && s->queued < INTAKE_WAITING)
        net_socket_pause(socket, false);
    if (s->ended && s->queued == 0)
        session_close(s);
}

/* ---- the end -----------------------------------------------------------------------------------
 */

static const char *reason_of(int code)
{
    return code == 1001 ? "shutdown" : code == 1006 ? "lost" : code == 1008 ? "token" : "closed";
}

/* Tells the client's readers, and all who hear events. */
static void publish(struct hazard_session *s, const char *kind, const struct json_writer *w)
{
    const struct event event = {
        .kind = kind, .stream = s->id, .client = s->client->id, .at_ms = (int64_t)clock_unix_ms()};
    events_publish(s->server, event, w);
}

/* Every frame has been answered: the numbers are final. */
static void session_over(void *arg)
{
    struct hazard_session *s = arg;
    struct json_writer w = {0};
    json_object_begin(&w);
    json_add_string(&w, "type", "end");
    json_add_string(&w, "session_id", s->id);
    json_add_string(&w, "client_id", s->client->id);
    json_add_string(&w, "reason", s->reason);
    json_add_number(&w, "seconds", ns_to_ms(clock_now_ns() - s->opened_ns) / 1e3, 3);
    hazard_write_counts(&w, &s->counts);
    json_object_end(&w);
    publish(s, "end", &w);
    json_release(&w);
    s->client->sessions--;
    s->client->used_ns = clock_now_ns();
    tap_destroy(&s->tap);
    fov_frame_pool_destroy(&s->pool);
    free(s);
}

/* On the closing thread. */
static void stream_closed(void *arg)
{
    struct hazard_session *s = arg;
    net_post_surely(s->loop, session_over, s);
}

static void session_close(struct hazard_session *s)
{
    if (s->server->frames->closing && s->stream) {
        frames_close_stream(s->server, &s->stream, stream_closed, s);
        return;
    }
    fov_stream_close(&s->stream); /* the server ends */
    session_over(s);
}

static void on_close(void *user, struct net_socket *socket, int code)
{
    (void)socket;
    struct hazard_session *s = user;
    struct hazard_session **at = &s->server->hazard->sessions;
    while (*at != s)
        at = &(*at)->next;
    *at = s->next;
    s->ended = true;
    if (!s->reason)
        s->reason = reason_of(code);
    if (s->client->session == s)
        s->client->session = NULL;
    sessions_leave(s->server);
    if (s->queued == 0)
        session_close(s);
}

static void end_session(struct hazard_session *s, int code, const char *reason, const char *text)
{
    struct net_socket *socket = net_socket_find(s->loop, s->socket_id);
    if (!socket)
        return;
    s->reason = reason;
    net_socket_close(socket, code, text);
}

/* ---- the beginning -----------------------------------------------------------------------------
 */

void hazard_write_session(struct json_writer *w, const struct hazard_session *s)
{
    json_object_begin(w);
    json_add_string(w, "type", "session");
    json_add_string(w, "session_id", s->id);
    json_add_string(w, "client_id", s->client->id);
    json_name(w, "config");
    hazard_config_write(w, &s->config, s->adapt.fps);
    json_object_end(w);
}

/* It is a client_id as well where the client gives none: one that nobody has taken. */
static void name_session(struct hazard_session *s, struct hazard *hazard)
{
    do
        snprintf(s->id, sizeof s->id, "hazard-%llu", (unsigned long long)++hazard->next_session);
    while (hazard_client_known(hazard, s->id));
}

static struct hazard_session *session_new(struct exchange *x, fov_workers *workers,
                                          struct stream_query *q)
{
    const struct settings *settings = x->server->settings;
    struct hazard_session *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    double fps = settings->streaming.default_fps;
    s->max_fps = settings->streaming.max_fps;
    if (fps > s->max_fps)
        fps = s->max_fps;
    s->server = x->server;
    s->loop = x->server->loop;
    s->workers = workers;
    s->metrics = metrics_stream(x->server, "hazard");
    s->opened_ns = s->heard_ns = clock_now_ns();
    s->max_latency_ms = q->max_latency_ms;
    tap_init(&s->tap);
    s->config = s->wanted = (struct hazard_config){
        .fps_limit = fps,
        .confidence = q->conf,
        .iou = (float)settings_model_iou(settings, q->model_id),
        .fifo = q->fifo};
    text_copy(s->model_id, sizeof s->model_id, q->model_id);
    adapt_hazard_start(&s->adapt, fps);
    atomic_store(&s->fps_milli, (int)(fps * 1000));
    name_session(s, x->server->hazard);
    return s;
}

static fov_status open_stream(struct hazard_session *s, const struct stream_query *q,
                              fov_error *error)
{
    fov_workers_info info;
    fov_workers_get_info(s->workers, &info);
    fov_stream_params params = stream_params(s->server, q);
    params.name = s->id;
    params.capacity = s->server->settings->streaming.queue_size;
    params.target_fps = s->adapt.fps;
    params.on_result = on_result;
    params.user = s;
    /* Waiting, running, and parked behind a slower one: a frame always finds a slot. */
    s->slots = params.capacity + 2 * info.workers + 8;
    return fov_stream_open(&s->stream, s->workers, &params, error);
}

/* The client's own socket may be half dead still: the newcomer has its place. */
static void replace(struct hazard_client *client)
{
    if (client->session)
        end_session(client->session, 1008, "replaced",
                    "replaced: this client_id has connected again");
}

static void begin(struct exchange *x, struct hazard_session *s, struct net_socket *socket)
{
    struct json_writer w = {0};
    replace(s->client);
    s->socket_id = net_socket_id(socket);
    s->next = x->server->hazard->sessions;
    x->server->hazard->sessions = s;
    s->client->session = s;
    s->client->sessions++;
    serve_guard_socket(x, socket);
    hazard_write_session(&w, s);
    if (!w.failed)
        net_socket_send_text(socket, w.text, w.size);
    publish(s, "session", &w);
    json_release(&w);
}

/* The query as for other streams, but for the threshold of 004. */
static bool read_query(struct exchange *x, fov_workers *workers, struct stream_query *q)
{
    if (!stream_query_read(x, workers, q))
        return false;
    if (!net_request_param(x->request, "conf"))
        q->conf = (float)settings_model_conf(x->server->settings, q->model_id, CONFIDENCE);
    return true;
}

void ws_stream_detection(struct exchange *x)
{
    static const struct net_socket_ops ops = {.on_message = on_message, .on_close = on_close};
    const struct net_socket_params params = {.max_text = HAZARD_MESSAGE_MAX,
                                             .max_binary = HAZARD_MESSAGE_MAX,
                                             .max_pending = ANSWERS_MAX,
                                             .deflate = true,
                                             .raw = true};
    const char *id = net_request_param(x->request, "client_id");
    struct stream_query q;
    fov_error error = {.status = FOV_ENOMEM};
    fov_workers *workers = serve_workers(x);
    if (!workers || !read_query(x, workers, &q) || !sessions_enter(x))
        return;
    struct hazard_session *s = session_new(x, workers, &q);
    if (!s || open_stream(s, &q, &error) != FOV_OK) {
        sessions_leave(x->server);
        free(s);
        serve_error(x, error.status, &error);
        return;
    }
    s->client = hazard_client_enter(x, id && *id ? id : s->id, true);
    struct net_socket *socket = s->client ? net_upgrade(x->request, &params, &ops, s) : NULL;
    if (socket) {
        begin(x, s, socket);
        return;
    }
    sessions_leave(x->server);
    frames_close_stream(x->server, &s->stream, free, s);
}

static struct hazard_session *find_session(struct server *server, const char *id)
{
    struct hazard_session *s = server->hazard->sessions;
    while (s && strcmp(s->id, id) != 0 && strcmp(s->client->id, id) != 0)
        s = s->next;
    return s;
}

fov_stream *hazard_stream(struct server *server, const char *id)
{
    struct hazard_session *s = find_session(server, id);
    return s ? s->stream : NULL;
}

struct tap *hazard_tap(struct server *server, const char *id, struct stream_query *query)
{
    struct hazard_session *s = find_session(server, id);
    if (!s)
        return NULL;
    *query = (struct stream_query){
        .max_latency_ms = s->max_latency_ms, .conf = s->config.confidence, .fifo = s->config.fifo};
    text_copy(query->model_id, sizeof query->model_id, s->model_id);
    return &s->tap;
}

/* ---- the part ----------------------------------------------------------------------------------
 */

static fov_status hazard_open(struct server *server, fov_error *error)
{
    struct hazard *hazard = calloc(1, sizeof *hazard);
    server->hazard = hazard;
    if (!hazard || !(hazard->performance = performance_create()))
        return fov_fail(error, FOV_ENOMEM, "not enough memory");
    hazard->server = server;
    return intake_start(&hazard->intake, server->loop, on_intake_done, error);
}

static void tell_stats(struct hazard_session *s)
{
    struct json_writer w = {0};
    fov_workers_info info;
    fov_stats stats;
    fov_stream_get_stats(s->stream, 2, &stats);
    fov_workers_get_info(s->workers, &info);
    json_object_begin(&w);
    json_add_string(&w, "type", "stats");
    json_add_string(&w, "session_id", s->id);
    json_add_number(&w, "fps_limit", s->adapt.fps, 2);
    message_live_stats(&w, &stats, info.bound_ms);
    hazard_write_counts(&w, &s->counts);
    json_object_end(&w);
    struct net_blob *text = message_blob(&w);
    if (text)
        hazard_client_tell(s->client, "stats", text);
    net_blob_unref(&text);
}

static void hazard_tick(struct server *server)
{
    struct hazard *hazard = server->hazard;
    int64_t now = clock_now_ns();
    int64_t patience = (int64_t)(server->settings->streaming.session_timeout * 1e9);
    for (struct hazard_session *s = hazard->sessions; s; s = s->next) {
        struct net_socket *socket = net_socket_find(s->loop, s->socket_id);
        if (socket && net_socket_stalled_ms(socket) > STALLED_MS)
            end_session(s, 1013, "slow", "answers are not read");
        else if (s->queued == 0 && now - s->heard_ns > patience)
            end_session(s, 1000, "timeout", "session timeout");
        else if (s->client->readers && s->stream)
            tell_stats(s);
    }
    hazard_clients_tick(hazard, now);
    performance_tick(hazard->performance, now);
}

static void hazard_stop(struct server *server)
{
    struct hazard *hazard = server->hazard;
    if (!hazard)
        return;
    intake_stop(hazard->intake);
    for (struct hazard_session *s = hazard->sessions; s; s = s->next)
        fov_stream_close(&s->stream);
    if (hazard->performance)
        performance_stop(hazard->performance);
}

static void hazard_close(struct server *server)
{
    struct hazard *hazard = server->hazard;
    if (!hazard)
        return;
    hazard_clients_free(hazard);
    performance_destroy(&hazard->performance);
    intake_destroy(&hazard->intake);
    free(hazard);
    server->hazard = NULL;
}

const struct serve_part hazard_part = {.name = "hazard",
                                       .open = hazard_open,
                                       .tick = hazard_tick,
                                       .stop = hazard_stop,
                                       .close = hazard_close};
