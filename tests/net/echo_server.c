/* A server that shows every part of the network room to the tests in Python. Says its ports on
 * standard output, ends on SIGTERM. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "net/net.h"

static struct net_loop *loop;
static struct net_tls *tls;
static unsigned gone_count, closed_count, last_close_code, message_count;
static uint64_t payload_bytes,
    wire_bytes; /* of messages echoed; as they came, of sockets that closed */

/* ---- requests ---- */

static void reply_json(struct net_request *request, struct json_writer *w)
{
    net_reply(request, 200, "application/json", w->text, w->size);
    json_release(w);
}

static void on_inspect(struct net_request *request)
{
    struct json_writer w = {0};
    const char *name, *value;
    size_t len;
    net_request_body(request, &len);
    json_object_begin(&w);
    json_add_string(&w, "method", net_request_method(request));
    json_add_string(&w, "path", net_request_path(request));
    json_add_string(&w, "query", net_request_query(request));
    json_add_string(&w, "peer", net_request_peer(request));
    json_add_bool(&w, "tls", net_request_is_tls(request));
    json_add_string(&w, "host", net_request_host(request));
    json_add_string(&w, "cookie_a", net_request_cookie(request, "a"));
    json_add_string(&w, "cookie_b", net_request_cookie(request, "b"));
    json_add_string(&w, "x_test", net_request_header(request, "x-TEST"));
    json_add_int(&w, "length", (int64_t)len);
    json_add_bool(&w, "head_hook", net_request_data(request) == loop);
    json_name(&w, "params");
    json_object_begin(&w);
    for (size_t i = 0; net_request_param_at(request, i, &name, &value); i++)
        json_add_string(&w, name, value);
    json_object_end(&w);
    json_object_end(&w);
    reply_json(request, &w);
}

static void on_stats(struct net_request *request)
{
    struct json_writer w = {0};
    struct net_stats s;
    net_loop_get_stats(loop, &s);
    json_object_begin(&w);
    json_add_int(&w, "connections", s.connections);
    json_add_int(&w, "sockets", s.sockets);
    json_add_int(&w, "streams", s.streams);
    json_add_int(&w, "pending", s.requests_pending);
    json_add_int(&w, "buffered", (int64_t)s.buffered);
    json_add_int(&w, "requests", (int64_t)s.requests_total);
    json_add_int(&w, "refused", (int64_t)s.refused_total);
    json_add_int(&w, "gone", gone_count);
    json_add_int(&w, "closed", closed_count);
    json_add_int(&w, "last_close_code", last_close_code);
    json_add_int(&w, "messages", message_count);
    json_add_int(&w, "payload_bytes", (int64_t)payload_bytes);
    json_add_int(&w, "wire_bytes", (int64_t)wire_bytes);
    json_object_end(&w);
    reply_json(request, &w);
}

static void on_multipart(struct net_request *request)
{
    struct net_part parts[NET_MULTIPART_MAX_PARTS];
    struct json_writer w = {0};
    fov_error error = {0};
    size_t count, len;
    const uint8_t *body = net_request_body(request, &len);
    fov_status status = net_multipart_parse(net_request_header(request, "Content-Type"), body, len,
                                            parts, &count, &error);
    if (status != FOV_OK) {
        net_reply_error(request, status, &error);
        return;
    }
    json_array_begin(&w);
    for (size_t i = 0; i < count; i++) {
        json_object_begin(&w);
        json_add_string(&w, "name", parts[i].name);
        json_add_string(&w, "filename", parts[i].filename);
        json_add_string(&w, "type", parts[i].content_type);
        json_add_int(&w, "length", (int64_t)parts[i].len);
        json_object_end(&w);
    }
    json_array_end(&w);
    reply_json(request, &w);
}

static void on_gone(void *user)
{
    (void)user;
    gone_count++;
}

/* Answered later: only the id is kept. */
static void answer_late(void *arg)
{
    struct net_request *request = net_request_find(loop, (uintptr_t)arg);
    if (request)
        net_reply(request, 200, "text/plain", "late", 4);
}

static void *late_thread(void *arg)
{
    usleep(20000);
    net_post(loop, answer_late, arg);
    return NULL;
}

static void on_late(struct net_request *request)
{
    const char *ms = net_request_param(request, "ms");
    net_request_on_gone(request, on_gone, NULL);
    net_timer_start(loop, ms ? (unsigned)strtoul(ms, NULL, 10) : 50, false, answer_late,
                    (void *)(uintptr_t)net_request_id(request));
}

static void on_thread(struct net_request *request)
{
    pthread_t thread;
    net_request_on_gone(request, on_gone, NULL);
    if (pthread_create(&thread, NULL, late_thread, (void *)(uintptr_t)net_request_id(request)) == 0)
        pthread_detach(thread);
}

static void on_big(struct net_request *request)
{
    size_t len = (size_t)8 << 20;
    char *data = malloc(len);
    if (!data) {
        net_reply(request, 500, NULL, NULL, 0);
        return;
    }
    for (size_t i = 0; i < len; i++)
        data[i] = (char)('a' + i % 26);
    struct net_blob *blob = net_blob_wrap(data, len, free, data);
    net_reply_blob(request, 200, "application/octet-stream", blob);
    net_blob_unref(&blob);
}

/* ---- streams ---- */

struct feed {
    struct net_stream *stream;
    struct net_timer *timer;
    unsigned n, limit;
    bool events;
};

static void feed_closed(void *user, struct net_stream *stream)
{
    struct feed *feed = user;
    (void)stream;
    closed_count++;
    net_timer_stop(&feed->timer);
    free(feed);
}

static void feed_tick(void *arg)
{
    struct feed *feed = arg;
    static char picture[100000];
    char text[64];
    int len = snprintf(text, sizeof(text), "{\"n\":%u}\nsecond line", feed->n);
    if (feed->events) {
        net_sse_send(feed->stream, feed->n, "test", text, (size_t)len);
    } else if (net_stream_pending(feed->stream) == 0) {
        struct net_piece pieces[2] = {{.data = "--x\r\n\r\n", .len = 7},
                                      {.data = picture, .len = sizeof(picture)}};
        net_stream_send(feed->stream, pieces, 2);
    }
    if (++feed->n == feed->limit)
        net_stream_close(feed->stream);
}

static void on_stream(struct net_request *request, bool events)
{
    static const struct net_stream_ops ops = {.on_close = feed_closed};
    const char *limit = net_request_param(request, "n");
    struct feed *feed = calloc(1, sizeof(*feed));
    if (!feed)
        return;
    feed->events = events;
    feed->limit = limit ? (unsigned)strtoul(limit, NULL, 10) : 0;
    feed->stream = events ? net_sse_open(request, &ops, feed)
                          : net_stream_open(request, 200, "multipart/x-mixed-replace; boundary=x",
                                            &ops, feed);
    if (feed->stream)
        feed->timer = net_timer_start(loop, 10, true, feed_tick, feed);
    else
        free(feed);
}

/* Events as fast as possible, to see a slow client cut. */
static void flood_closed(void *user, struct net_stream *stream)
{
    (void)user;
    (void)stream;
    closed_count++;
}

static void on_flood(struct net_request *request)
{
    static const struct net_stream_ops ops = {.on_close = flood_closed};
    static char data[4096];
    memset(data, 'x', sizeof(data));
    struct net_stream *stream = net_sse_open(request, &ops, NULL);
    for (int i = 0; stream && i < 4096; i++) {
        if (net_sse_send(stream, i, NULL, data, sizeof(data)) != FOV_OK)
            break;
    }
}

/* ---- sockets ---- */

static void echo_message(void *user, struct net_socket *socket, const struct net_message *message)
{
    struct net_frame frame = {.kind = message->kind, .data = message->data, .len = message->len};
    (void)user;
    message_count++;
    payload_bytes += message->len;
    net_socket_send(socket, &frame, 1);
}

static void count_close(void *user, struct net_socket *socket, int code)
{
    (void)user;
    wire_bytes += net_socket_bytes_in(socket);
    closed_count++;
    last_close_code = (unsigned)code;
}

/* Messages go to a thread that inflates them; the answer finds its socket by id. */
struct job {
    uint64_t id;
    size_t len;
    bool deflated;
    enum net_kind kind;
    uint8_t data[];
};

static void job_answer(void *arg)
{
    struct job *job = arg;
    struct net_socket *socket = net_socket_find(loop, job->id);
    if (socket) {
        struct net_frame frame = {.kind = job->kind, .data = job->data, .len = job->len};
        net_socket_send(socket, &frame, 1);
        net_socket_pause(socket, false);
    }
    free(job);
}

static void *job_thread(void *arg)
{
    struct job *job = arg, *done = NULL;
    struct net_inflate *inflate = net_inflate_create();
    const uint8_t *data = job->data;
    size_t len = job->len;
    if (job->deflated && net_inflate_message(inflate, job->data, job->len, 8 << 20, &data, &len))
        len = 0;
    done = malloc(sizeof(*done) + len);
    if (done) {
        *done = *job;
        done->len = len;
        memcpy(done->data, data, len);
        net_post(loop, job_answer, done);
    }
    net_inflate_destroy(&inflate);
    free(job);
    return NULL;
}

static void work_message(void *user, struct net_socket *socket, const struct net_message *message)
{
    pthread_t thread;
    struct job *job = malloc(sizeof(*job) + message->len);
    (void)user;
    if (!job)
        return;
    job->id = net_socket_id(socket);
    job->len = message->len;
    job->kind = message->kind;
    job->deflated = message->deflated;
    memcpy(job->data, message->data, message->len);
    net_socket_pause(socket, true);
    if (pthread_create(&thread, NULL, job_thread, job) == 0)
        pthread_detach(thread);
    else
        free(job);
}

/* A viewer: text and picture as one unit, newest wins. */
struct viewer {
    struct net_socket *socket;
    struct viewer *next;
    unsigned waiting; /* number of the unit that waits, 0: none */
};
static struct viewer *viewers;
static struct net_timer *camera;
static unsigned frame_number;

static void view_send(struct viewer *viewer, unsigned number)
{
    char text[64];
    int len = snprintf(text, sizeof(text), "{\"frame\":%u}", number);
    uint8_t *picture = malloc(100000);
    if (!picture)
        return;
    memset(picture, (int)(number & 255), 100000);
    struct net_blob *blob = net_blob_wrap(picture, 100000, free, picture);
    struct net_frame frames[2] = {{.kind = NET_TEXT, .data = text, .len = (size_t)len},
                                  {.kind = NET_BINARY, .blob = blob}};
    net_socket_send(viewer->socket, frames, 2);
    net_blob_unref(&blob);
}

static void view_tick(void *arg)
{
    (void)arg;
    frame_number++;
    for (struct viewer *v = viewers; v; v = v->next) {
        if (net_socket_stalled_ms(v->socket) > 1000)
            net_socket_close(v->socket, 1013, "too slow");
        else if (net_socket_pending(v->socket) == 0)
            view_send(v, frame_number);
        else
            v->waiting = frame_number;
    }
}

static void view_drain(void *user, struct net_socket *socket)
{
    struct viewer *viewer = user;
    (void)socket;
    if (viewer->waiting)
        view_send(viewer, viewer->waiting);
    viewer->waiting = 0;
}

static void view_message(void *user, struct net_socket *socket, const struct net_message *message)
{
    (void)user;
    (void)socket;
    (void)message;
}

static void view_close(void *user, struct net_socket *socket, int code)
{
    struct viewer **at = &viewers;
    while (*at != user)
        at = &(*at)->next;
    *at = (*at)->next;
    free(user);
    count_close(NULL, socket, code);
}

static void on_view(struct net_request *request)
{
    static const struct net_socket_ops ops = {view_message, view_drain, view_close};
    struct viewer *viewer = calloc(1, sizeof(*viewer));
    struct net_socket_params params = {0};
    if (!viewer)
        return;
    viewer->socket = net_upgrade(request, &params, &ops, viewer);
    if (!viewer->socket) {
        free(viewer);
        return;
    }
    viewer->next = viewers;
    viewers = viewer;
    if (!camera)
        camera = net_timer_start(loop, 33, true, view_tick, NULL);
}

static void on_socket(struct net_request *request, const char *path)
{
    static const struct net_socket_ops echo = {echo_message, NULL, count_close};
    static const struct net_socket_ops work = {work_message, NULL, count_close};
    struct net_socket_params params = {
        .max_text = 16 << 20, .max_binary = 16 << 20, .max_pending = 64 << 20};
    params.deflate = net_request_param(request, "deflate") != NULL;
    if (net_request_param(request, "small"))
        params.max_text = params.max_binary = 1000;
    if (net_request_param(request, "ping"))
        params.ping_ms = (unsigned)strtoul(net_request_param(request, "ping"), NULL, 10);
    params.subprotocol = net_request_param(request, "proto");
    if (strcmp(path, "/ws/work") == 0) {
        params.raw = true;
        net_upgrade(request, &params, &work, NULL);
        return;
    }
    bool close_it = strcmp(path, "/ws/close") == 0; /* path ends with the request */
    struct net_socket *socket = net_upgrade(request, &params, &echo, NULL);
    if (socket && close_it)
        net_socket_close(socket, 4001, "as you wish");
}

/* ---- routes ---- */

static void on_request(void *user, struct net_request *request)
{
    const char *path = net_request_path(request);
    size_t len;
    const uint8_t *body = net_request_body(request, &len);
    (void)user;
    if (strcmp(path, "/hello") == 0)
        net_reply(request, 200, "text/plain", "hello\n", 6);
    else if (strcmp(path, "/echo") == 0 || strcmp(path, "/small") == 0)
        net_reply(request, 200, "application/octet-stream", body, len);
    else if (strncmp(path, "/inspect", 8) == 0)
        on_inspect(request);
    else if (strcmp(path, "/stats") == 0)
        on_stats(request);
    else if (strcmp(path, "/multipart") == 0)
        on_multipart(request);
    else if (strcmp(path, "/late") == 0)
        on_late(request);
    else if (strcmp(path, "/thread") == 0)
        on_thread(request);
    else if (strcmp(path, "/big") == 0)
        on_big(request);
    else if (strcmp(path, "/reload") == 0)
        net_reply_error(request, tls ? net_tls_reload(tls, NULL) : FOV_ENOTFOUND, NULL);
    else if (strcmp(path, "/redirect") == 0)
        net_reply_redirect(request, "/hello");
    else if (strcmp(path, "/events") == 0 || strcmp(path, "/stream") == 0)
        on_stream(request, path[1] == 'e');
    else if (strcmp(path, "/flood") == 0)
        on_flood(request);
    else if (strcmp(path, "/ws/view") == 0)
        on_view(request);
    else if (strncmp(path, "/ws/", 4) == 0)
        on_socket(request, path);
    else
        net_reply_problem(request, 404, "not_found", "no such \"page\"");
}

static void on_head(void *user, struct net_request *request)
{
    (void)user;
    net_request_set_data(request, loop);
    if (strcmp(net_request_path(request), "/small") == 0)
        net_request_set_max_body(request, 1000);
    if (strcmp(net_request_path(request), "/private") == 0) {
        net_request_add_header(request, "WWW-Authenticate", "Bearer");
        net_reply_problem(request, 401, "unauthorized", NULL);
    }
}

static void on_signal(int signal_number)
{
    (void)signal_number;
    net_loop_stop(loop);
}

static unsigned number(const char *text)
{
    return (unsigned)strtoul(text, NULL, 10);
}

int main(int argc, char **argv)
{
    static const struct net_header headers[] = {{"X-Content-Type-Options", "nosniff"}};
    static const char *const proxies[] = {"127.0.0.2/32", "10.0.0.0/8"};
    const char *cert = NULL, *key = NULL;
    fov_error error = {0};
    uint16_t port = 0, tls_port = 0;
    struct net_params params = {.on_request = on_request,
                                .on_head = on_head,
                                .default_headers = headers,
                                .default_headers_len = 1,
                                .trusted_proxies = proxies,
                                .trusted_proxies_len = 2,
                                .max_per_address = 2000,
                                .max_connections = 2000};
    for (int i = 1; i + 1 < argc; i += 2) {
        const char *name = argv[i], *value = argv[i + 1];
        if (strcmp(name, "--head-ms") == 0)
            params.head_timeout_ms = number(value);
        else if (strcmp(name, "--body-ms") == 0)
            params.body_timeout_ms = number(value);
        else if (strcmp(name, "--keepalive-ms") == 0)
            params.keepalive_ms = number(value);
        else if (strcmp(name, "--handshake-ms") == 0)
            params.handshake_timeout_ms = number(value);
        else if (strcmp(name, "--write-ms") == 0)
            params.write_timeout_ms = number(value);
        else if (strcmp(name, "--max-connections") == 0)
            params.max_connections = number(value);
        else if (strcmp(name, "--max-per-address") == 0)
            params.max_per_address = number(value);
        else if (strcmp(name, "--max-buffered") == 0)
            params.max_buffered = number(value);
        else if (strcmp(name, "--cert") == 0)
            cert = value;
        else if (strcmp(name, "--key") == 0)
            key = value;
    }
    if (net_loop_create(&loop, &params, &error) != FOV_OK ||
        net_loop_listen(loop, "", 0, NULL, &port, &error) != FOV_OK ||
        (cert && (net_tls_create(&tls, cert, key, &error) != FOV_OK ||
                  net_loop_listen(loop, "127.0.0.1", 0, tls, &tls_port, &error) != FOV_OK))) {
        fprintf(stderr, "%s\n", error.message);
        return 1;
    }
    signal(SIGTERM, on_signal);
    printf("%u %u\n", (unsigned)port, (unsigned)tls_port);
    fflush(stdout);
    net_loop_run(loop);
    net_loop_destroy(&loop);
    net_tls_destroy(&tls);
    return 0;
}
