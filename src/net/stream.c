/* Streamed answers: the body is whatever is sent until one side ends the connection. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/http.h"

#define CLOSE_MS 2000
#define BEAT_MS 15000
#define SEND_BUFFER (512U << 10)
#define READS 64

struct net_stream {
    struct identity identity;
    struct conn *conn;
    struct net_stream_ops ops;
    void *user;
    bool closing;
    int64_t beat_ns; /* next comment; 0: none (not events) */
};

static void stream_readable(struct conn *conn, bool gone)
{
    (void)gone; /* the end of the input is seen by reading */
    for (int i = 0; i < READS; i++) {
        ssize_t n = conn_read(conn);
        conn->in_len = 0; /* a client has nothing to say here */
        if (n < 0)
            conn_close(conn);
        if (n <= 0)
            return;
    }
    conn_kick(conn);
}

static void stream_drained(struct conn *conn)
{
    struct net_stream *stream = conn->owner;
    if (stream->closing)
        conn_close(conn);
    else if (stream->ops.on_drain)
        stream->ops.on_drain(stream->user, stream);
}

static void stream_tick(struct conn *conn, int64_t now)
{
    struct net_stream *stream = conn->owner;
    if (stream->closing) {
        if (now > conn->deadline_ns)
            conn_close(conn);
    } else if (stream->beat_ns && now >= stream->beat_ns) {
        stream->beat_ns = now + BEAT_MS * NS_PER_MS;
        if (conn_pending(conn) == 0)
            conn_write(conn, &(struct net_piece){.data = ":\n\n", .len = 3}, 1);
    }
}

static void stream_stop(struct conn *conn)
{
    net_stream_close(conn->owner);
}

static void stream_closed(struct conn *conn)
{
    struct net_stream *stream = conn->owner;
    stream->ops.on_close(stream->user, stream);
    identity_remove(conn->loop, &stream->identity);
    atomic_fetch_sub(&conn->loop->counters.streams, 1);
    free(stream);
}

static const struct role stream_role = {stream_readable, stream_drained, stream_tick, stream_stop,
                                        stream_closed};

struct net_stream *net_stream_open(struct net_request *request, int status,
                                   const char *content_type, const struct net_stream_ops *ops,
                                   void *user)
{
    struct net_loop *loop = net_request_loop(request);
    net_request_add_header(request, "X-Accel-Buffering", "no"); /* nginx passes parts on at once */
    if (strcmp(net_request_method(request), "HEAD") == 0 || request->conn->closed) {
        net_reply(request, status, content_type, NULL, 0);
        return NULL;
    }
    struct net_stream *stream = loop->stopping ? NULL : calloc(1, sizeof(*stream));
    struct evbuffer *head = stream ? reply_head(loop, request, status, content_type, -1, true)
                                   : NULL;
    if (!head) {
        free(stream);
        net_reply_problem(request, 503, "closed", NULL);
        return NULL;
    }
    struct conn *conn = http_take_over(request);
    stream->conn = conn;
    stream->ops = *ops;
    stream->user = user;
    if (!stream->ops.max_pending)
        stream->ops.max_pending = (size_t)1 << 20;
    identity_add(loop, &stream->identity, ID_STREAM, stream);
    atomic_fetch_add(&loop->counters.streams, 1);
    conn->role = &stream_role;
    conn->owner = stream;
    conn_set_live(conn, SEND_BUFFER);
    size_t len = evbuffer_get_length(head);
    conn_write(conn, &(struct net_piece){.data = evbuffer_pullup(head, -1), .len = len}, 1);
    evbuffer_free(head);
    conn_kick(conn);
    return stream;
}

fov_status net_stream_send(struct net_stream *stream, const struct net_piece *pieces, size_t count)
{
    if (stream->closing || stream->conn->closed)
        return FOV_ECLOSED;
    size_t pending = conn_pending(stream->conn);
    if (pending > 0 && pending + pieces_len(pieces, count) > stream->ops.max_pending)
        return FOV_EBUSY;
    return conn_write(stream->conn, pieces, count);
}

uint64_t net_stream_id(const struct net_stream *stream)
{
    return stream->identity.node.key;
}

struct net_stream *net_stream_find(struct net_loop *loop, uint64_t id)
{
    struct net_stream *stream = identity_find(loop, id, ID_STREAM);
    return stream && !stream->closing && !stream->conn->closed ? stream : NULL;
}

size_t net_stream_pending(const struct net_stream *stream)
{
    return conn_pending(stream->conn);
}

int64_t net_stream_stalled_ms(const struct net_stream *stream)
{
    return conn_stalled_ms(stream->conn);
}

void net_stream_close(struct net_stream *stream)
{
    struct conn *conn = stream->conn;
    if (stream->closing)
        return;
    stream->closing = true;
    conn->deadline_ns = clock_now_ns() + CLOSE_MS * NS_PER_MS;
    if (conn_pending(conn) == 0)
        conn_close(conn);
}

/* ---- server-sent events ---- */

struct net_stream *net_sse_open(struct net_request *request, const struct net_stream_ops *ops,
                                void *user)
{
    struct net_stream_ops own = *ops;
    if (!own.max_pending)
        own.max_pending = (size_t)256 << 10;
    net_request_add_header(request, "Cache-Control", "no-cache, no-store");
    struct net_stream *stream = net_stream_open(request, 200, "text/event-stream", &own, user);
    if (stream)
        stream->beat_ns = clock_now_ns() + BEAT_MS * NS_PER_MS;
    return stream;
}

/* Events are cheap to lose and late ones are worthless: a client that cannot follow is ended. */
static fov_status send_or_end(struct net_stream *stream, const char *text, size_t len)
{
    fov_status status = net_stream_send(stream, &(struct net_piece){.data = text, .len = len}, 1);
    if (status == FOV_EBUSY)
        conn_close(stream->conn);
    return status;
}

/* Each line of data gets its own field; CR LF, LF and CR end lines. */
static void add_data(struct evbuffer *out, const char *data, size_t len)
{
    for (;;) {
        size_t n = 0;
        while (n < len && data[n] != '\n' && data[n] != '\r')
            n++;
        evbuffer_add(out, "data: ", 6);
        evbuffer_add(out, data, n);
        evbuffer_add(out, "\n", 1);
        if (n == len)
            return;
        n += n + 1 < len && data[n] == '\r' && data[n + 1] == '\n' ? 2 : 1;
        data += n;
        len -= n;
    }
}

fov_status net_sse_send(struct net_stream *stream, int64_t id, const char *event, const char *data,
                        size_t len)
{
    struct evbuffer *out = evbuffer_new();
    if (!out)
        return FOV_ENOMEM;
    if (id >= 0)
        evbuffer_add_printf(out, "id: %lld\n", (long long)id);
    if (event)
        evbuffer_add_printf(out, "event: %.*s\n", (int)strcspn(event, "\r\n"), event);
    add_data(out, data, len);
    evbuffer_add(out, "\n", 1);
    size_t size = evbuffer_get_length(out);
    const char *text = (const char *)evbuffer_pullup(out, -1);
    fov_status status = text ? send_or_end(stream, text, size) : FOV_ENOMEM;
    evbuffer_free(out);
    return status;
}

fov_status net_sse_retry(struct net_stream *stream, unsigned ms)
{
    char text[32];
    int len = snprintf(text, sizeof(text), "retry: %u\n\n", ms);
    return send_or_end(stream, text, (size_t)len);
}
