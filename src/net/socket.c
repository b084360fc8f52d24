/* WebSocket connections: messages in, units out, pings, the close handshake. */
#include <stdlib.h>
#include <sys/socket.h>

#include "base/text.h"
#include "net/deflate.h"
#include "net/handshake.h"
#include "net/http.h"
#include "net/ws_codec.h"

#define CLOSE_MS 2000
#define READS 64
/* Control frames are left out while this much waits: the peer does not read anyway. */
#define CONTROL_PENDING ((size_t)64 << 10)

struct net_socket {
    struct identity identity;
    struct conn *conn;
    struct ws_codec codec;
    struct net_socket_params params;
    struct net_socket_ops ops;
    void *user;
    char peer[ADDRESS_TEXT];
    bool paused;
    bool closing;  /* our close frame is out; only the peer's close counts now */
    bool deaf;     /* what comes cannot be read any more */
    bool answered; /* both close frames are out */
    int code;      /* for on_close, 0: none yet */
    int64_t resumed_ns, ping_ns;
};

/* ---- out ---- */

fov_status net_socket_send(struct net_socket *socket, const struct net_frame *frames, size_t count)
{
    struct net_piece pieces[2 * NET_UNIT_MAX];
    uint8_t headers[NET_UNIT_MAX][WS_HEADER_MAX];
    if (socket->closing || socket->conn->closed)
        return FOV_ECLOSED;
    if (count > NET_UNIT_MAX)
        return FOV_EINVAL;
    for (size_t i = 0; i < count; i++) {
        const struct net_frame *f = &frames[i];
        size_t len = f->blob ? net_blob_len(f->blob) : f->len;
        pieces[2 * i] = (struct net_piece){.data = headers[i],
                                           .len = ws_header(headers[i], f->kind, len)};
        pieces[2 * i + 1] = (struct net_piece){f->blob, f->data, f->len};
    }
    size_t pending = conn_pending(socket->conn);
    if (pending > 0 && pending + pieces_len(pieces, 2 * count) > socket->params.max_pending)
        return FOV_EBUSY;
    return conn_write(socket->conn, pieces, 2 * count);
}

fov_status net_socket_send_text(struct net_socket *socket, const char *text, size_t len)
{
    struct net_frame frame = {.kind = NET_TEXT, .data = text, .len = len};
    return net_socket_send(socket, &frame, 1);
}

static void send_control(struct net_socket *socket, unsigned opcode, const void *data, size_t len)
{
    uint8_t header[WS_HEADER_MAX];
    struct net_piece pieces[2] = {{.data = header, .len = ws_header(header, opcode, len)},
                                  {.data = data, .len = len}};
    conn_write(socket->conn, pieces, 2);
}

static void send_close(struct net_socket *socket, int code, const char *reason)
{
    uint8_t payload[126] = {(uint8_t)(code >> 8), (uint8_t)code};
    size_t len = text_copy((char *)payload + 2, 124, reason ? reason : "");
    socket->closing = true;
    socket->conn->deadline_ns = clock_now_ns() + CLOSE_MS * NS_PER_MS;
    send_control(socket, WS_OP_CLOSE, payload, code == 1005 ? 0 : len + 2);
}

void net_socket_close(struct net_socket *socket, int code, const char *reason)
{
    if (socket->closing || socket->conn->closed)
        return;
    socket->code = code;
    send_close(socket, code, reason);
    socket->paused = false;
    conn_kick(socket->conn);
}

/* All is said: end the connection when the kernel has the last of it. */
static void end_if_written(struct net_socket *socket)
{
    if (conn_pending(socket->conn) > 0)
        return;
    if (socket->answered)
        conn_close(socket->conn);
    else if (socket->deaf) /* the peer gets the close frame before it sees the end */
        shutdown(socket->conn->fd, SHUT_WR);
}

/* The peer broke the protocol: nothing it sends can be understood any more. */
static void give_up(struct net_socket *socket, int code, const char *reason)
{
    net_socket_close(socket, code, reason);
    socket->deaf = true;
    socket->code = code;
    end_if_written(socket);
}

/* ---- in ---- */

static void on_peer_close(struct net_socket *socket, int code)
{
    if (!socket->closing) {
        socket->code = code;
        send_close(socket, code, NULL);
    }
    socket->answered = true;
    end_if_written(socket);
}

static void on_ping(struct net_socket *socket, const struct ws_item *item)
{
    if (!socket->closing && conn_pending(socket->conn) < CONTROL_PENDING)
        send_control(socket, WS_OP_PONG, item->data, item->len);
}

/* Inflates in place of the item's data; 0 or the close code. */
static int inflate_item(struct net_socket *socket, struct ws_item *item)
{
    struct net_loop *loop = socket->conn->loop;
    size_t max = item->kind == WS_TEXT ? socket->codec.max_text : socket->codec.max_binary;
    const uint8_t *data = NULL;
    if (!loop->inflate)
        loop->inflate = net_inflate_create();
    if (!loop->inflate)
        return 1011;
    fov_status status = net_inflate_message(loop->inflate, item->data, item->len, max, &data,
                                            &item->len);
    item->data = (uint8_t *)(uintptr_t)data;
    item->deflated = false;
    return status == FOV_OK ? 0 : status == FOV_ELIMIT ? 1009 : 1007;
}

static void on_item_message(struct net_socket *socket, struct ws_item *item)
{
    if (socket->closing)
        return;
    int code = item->deflated && !socket->params.raw ? inflate_item(socket, item) : 0;
    if (code) {
        give_up(socket, code, code == 1009 ? "the message is too long" : "cannot inflate it");
        return;
    }
    if (item->kind == WS_TEXT && !socket->params.raw && !text_is_utf8(item->data, item->len)) {
        give_up(socket, 1007, "the text is no UTF-8");
        return;
    }
    struct net_message message = {.kind = (enum net_kind)item->kind,
                                  .deflated = item->deflated,
                                  .data = item->data,
                                  .len = item->len,
                                  .arrival_ns = socket->conn->read_ns};
    socket->ops.on_message(socket->user, socket, &message);
}

/* Handles what is complete in the buffer. */
static void deliver(struct net_socket *socket)
{
    struct conn *conn = socket->conn;
    struct ws_item item = {.event = WS_PONG};
    if (conn->in_len == 0)
        return;
    while (item.event != WS_MORE && !conn->closed && !socket->paused && !socket->deaf &&
           !socket->answered) {
        ws_next(&socket->codec, conn->in, conn->in_len, &item);
        if (item.event == WS_MESSAGE)
            on_item_message(socket, &item);
        else if (item.event == WS_PING)
            on_ping(socket, &item);
        else if (item.event == WS_CLOSE)
            on_peer_close(socket, item.code);
        else if (item.event == WS_FAIL)
            give_up(socket, item.code, item.reason);
    }
    if (socket->deaf || socket->answered)
        conn->in_len = 0;
    else
        conn->in_len = ws_compact(&socket->codec, conn->in, conn->in_len);
}

static void socket_readable(struct conn *conn, bool gone)
{
    struct net_socket *socket = conn->owner;
    (void)gone; /* the end of the input is seen by reading */
    for (int i = 0; i < READS; i++) {
        deliver(socket);
        if (conn->closed || socket->paused)
            return;
        ssize_t n = conn_read(conn);
        if (n == -2) /* half messages of all sockets together */
            give_up(socket, 1013, "too much is waiting, try again later");
        else if (n < 0)
            conn_close(conn);
        if (n <= 0)
            return;
    }
    conn_kick(conn);
}

static void socket_drained(struct conn *conn)
{
    struct net_socket *socket = conn->owner;
    if (socket->closing)
        end_if_written(socket);
    else if (socket->ops.on_drain)
        socket->ops.on_drain(socket->user, socket);
}

static void socket_tick(struct conn *conn, int64_t now)
{
    struct net_socket *socket = conn->owner;
    int64_t ping = socket->params.ping_ms * NS_PER_MS;
    int64_t heard = conn->read_ns > socket->resumed_ns ? conn->read_ns : socket->resumed_ns;
    if (socket->closing) {
        if (now > conn->deadline_ns)
            conn_close(conn);
        return;
    }
    if (now - heard > ping)
        conn_release(conn);
    if (!socket->paused && now - heard > 2 * ping) {
        conn_close(conn);
    } else if (now >= socket->ping_ns) {
        socket->ping_ns = now + ping;
        if (conn_pending(conn) < CONTROL_PENDING)
            send_control(socket, WS_OP_PING, "", 0);
    }
}

static void socket_stop(struct conn *conn)
{
    net_socket_close(conn->owner, 1001, "the server is stopping");
}

static void socket_closed(struct conn *conn)
{
    struct net_socket *socket = conn->owner;
    socket->ops.on_close(socket->user, socket, socket->code ? socket->code : 1006);
    identity_remove(conn->loop, &socket->identity);
    atomic_fetch_sub(&conn->loop->counters.sockets, 1);
    free(socket);
}

static const struct role socket_role = {socket_readable, socket_drained, socket_tick, socket_stop,
                                        socket_closed};

/* ---- life ---- */

static void set_defaults(struct net_socket_params *p)
{
    p->max_text = p->max_text ? p->max_text : (size_t)64 << 10;
    p->max_binary = p->max_binary ? p->max_binary : (size_t)8 << 20;
    p->max_pending = p->max_pending ? p->max_pending : (size_t)4 << 20;
    p->ping_ms = p->ping_ms ? p->ping_ms : 15000;
    p->send_buffer = p->send_buffer ? p->send_buffer : 512U << 10;
}

static void take_over(struct net_socket *socket, struct net_request *request)
{
    struct net_loop *loop = net_request_loop(request);
    text_copy(socket->peer, sizeof(socket->peer), net_request_peer(request));
    struct conn *conn = socket->conn = http_take_over(request);
    identity_add(loop, &socket->identity, ID_SOCKET, socket);
    atomic_fetch_add(&loop->counters.sockets, 1);
    conn->role = &socket_role;
    conn->owner = socket;
    socket->resumed_ns = clock_now_ns();
    socket->ping_ns = socket->resumed_ns + socket->params.ping_ms * NS_PER_MS;
    conn_set_live(conn, socket->params.send_buffer);
}

struct net_socket *net_upgrade(struct net_request *request, const struct net_socket_params *params,
                               const struct net_socket_ops *ops, void *user)
{
    struct net_loop *loop = net_request_loop(request);
    bool deflated = false;
    struct net_socket *socket = NULL;
    struct evbuffer *head = NULL;
    if (!handshake_check(request))
        return NULL;
    if (!loop->stopping && !request->conn->closed)
        socket = calloc(1, sizeof(*socket));
    if (socket)
        head = handshake_answer(request, params, &deflated);
    if (!head) {
        free(socket);
        net_reply_problem(request, 503, "closed", NULL);
        return NULL;
    }
    socket->params = *params;
    set_defaults(&socket->params);
    socket->params.subprotocol = NULL; /* the caller's, not kept */
    socket->ops = *ops;
    socket->user = user;
    socket->codec = (struct ws_codec){.max_text = socket->params.max_text,
                                      .max_binary = socket->params.max_binary,
                                      .deflate = deflated};
    take_over(socket, request);
    size_t len = evbuffer_get_length(head);
    conn_write(socket->conn, &(struct net_piece){.data = evbuffer_pullup(head, -1), .len = len}, 1);
    evbuffer_free(head);
    conn_kick(socket->conn); /* frames may have come glued to the handshake */
    return socket;
}

size_t net_socket_pending(const struct net_socket *socket)
{
    return conn_pending(socket->conn);
}

int64_t net_socket_stalled_ms(const struct net_socket *socket)
{
    return conn_stalled_ms(socket->conn);
}

void net_socket_pause(struct net_socket *socket, bool pause)
{
    if (socket->closing || socket->paused == pause)
        return;
    socket->paused = pause;
    if (!pause) {
        socket->resumed_ns = clock_now_ns();
        conn_kick(socket->conn);
    }
}

uint64_t net_socket_id(const struct net_socket *socket)
{
    return socket->identity.node.key;
}

struct net_socket *net_socket_find(struct net_loop *loop, uint64_t id)
{
    struct net_socket *socket = identity_find(loop, id, ID_SOCKET);
    return socket && !socket->closing && !socket->conn->closed ? socket : NULL;
}

const char *net_socket_peer(const struct net_socket *socket)
{
    return socket->peer;
}

void *net_socket_user(const struct net_socket *socket)
{
    return socket->user;
}

uint64_t net_socket_bytes_out(const struct net_socket *socket)
{
    return socket->conn->bytes_out;
}

uint64_t net_socket_bytes_in(const struct net_socket *socket)
{
    return socket->conn->bytes_in;
}
