#include "net/conn.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

/* Small input buffers (heads, control messages) are not counted to the budget of bodies. */
#define UNCOUNTED ((size_t)32 << 10)
#define FIRST_READ ((size_t)4 << 10)
#define TLS_RECORD 16384
#define LINGER_MS 1000
#define DISCARDS 64 /* reads in a row */

/* ---- life ---- */

static size_t counted(size_t cap)
{
    return cap > UNCOUNTED ? cap : 0;
}

static void conn_free(struct conn *conn)
{
    struct net_loop *loop = conn->loop;
    if (conn->counted)
        address_count_down(&loop->peers, &conn->address);
    if (conn->ev_read)
        event_free(conn->ev_read);
    if (conn->ev_write)
        event_free(conn->ev_write);
    if (conn->out)
        evbuffer_free(conn->out);
    if (conn->ssl) {
        /* close_notify, so that a body that ends with the connection is seen as complete */
        if (SSL_is_init_finished(conn->ssl) && ERR_peek_error() == 0)
            SSL_shutdown(conn->ssl);
        SSL_free(conn->ssl);
        ERR_clear_error();
    }
    close(conn->fd);
    atomic_fetch_sub(&loop->counters.buffered, counted(conn->in_cap));
    atomic_fetch_sub(&loop->counters.open, 1);
    free(conn->in);
    free(conn);
}

void conn_close(struct conn *conn)
{
    if (conn->closed)
        return;
    conn->closed = true;
    event_del(conn->ev_read);
    event_del(conn->ev_write);
    *conn->back = conn->next;
    if (conn->next)
        conn->next->back = conn->back;
    conn->next = conn->loop->dead;
    conn->loop->dead = conn;
    event_active(conn->loop->reap, EV_TIMEOUT, 0);
}

void conn_reap(struct net_loop *loop)
{
    while (loop->dead) {
        struct conn *conn = loop->dead;
        loop->dead = conn->next;
        conn->role->closed(conn);
        conn_free(conn);
    }
    loop_check_drained(loop);
}

/* ---- a connection that only has to go ---- */

static void finish_check(struct conn *conn)
{
    if (conn->closed || evbuffer_get_length(conn->out) > 0)
        return;
    if (!conn->linger) {
        conn_close(conn);
    } else if (conn->close_empty) {
        conn->close_empty = false;
        conn->deadline_ns = clock_now_ns() + LINGER_MS * NS_PER_MS;
        if (conn->ssl && SSL_is_init_finished(conn->ssl))
            SSL_shutdown(conn->ssl);
        shutdown(conn->fd, SHUT_WR);
    }
}

static void finish_readable(struct conn *conn, bool gone)
{
    ssize_t n = 1;
    for (int i = 0; i < DISCARDS && n > 0; i++) {
        n = conn_read(conn);
        conn->in_len = 0;
    }
    if (n > 0)
        conn_kick(conn); /* the others first */
    else if (n < 0 && (gone || evbuffer_get_length(conn->out) == 0))
        conn_close(conn);
}

static void finish_tick(struct conn *conn, int64_t now)
{
    if (now > conn->deadline_ns)
        conn_close(conn);
}

static void finish_ignore(struct conn *conn)
{
    (void)conn;
}

static const struct role role_finish = {finish_readable, finish_check, finish_tick, finish_ignore,
                                        finish_ignore};

void conn_finish(struct conn *conn, unsigned timeout_ms, bool linger)
{
    if (conn->closed)
        return;
    conn->role = &role_finish;
    conn->owner = NULL;
    conn->linger = linger;
    conn->close_empty = true;
    conn->in_len = 0;
    conn->deadline_ns = clock_now_ns() + timeout_ms * NS_PER_MS;
    finish_check(conn);
    if (!conn->closed)
        conn_kick(conn);
}

/* ---- in ---- */

bool conn_reserve(struct conn *conn, size_t cap)
{
    struct net_loop *loop = conn->loop;
    if (cap <= conn->in_cap)
        return true;
    size_t more = counted(cap) - counted(conn->in_cap);
    if (more && atomic_load(&loop->counters.buffered) + more > loop->params.max_buffered)
        return false;
    uint8_t *in = realloc(conn->in, cap);
    if (!in)
        return false;
    atomic_fetch_add(&loop->counters.buffered, more);
    conn->in = in;
    conn->in_cap = cap;
    return true;
}

void conn_consume(struct conn *conn, size_t n)
{
    conn->in_len -= n;
    if (n && conn->in_len)
        memmove(conn->in, conn->in + n, conn->in_len);
}

void conn_release(struct conn *conn)
{
    if (conn->in_len > 0 || !conn->in)
        return;
    atomic_fetch_sub(&conn->loop->counters.buffered, counted(conn->in_cap));
    free(conn->in);
    conn->in = NULL;
    conn->in_cap = 0;
}

static void set_writing(struct conn *conn, bool on)
{
    if (conn->writing == on || conn->closed)
        return;
    conn->writing = on;
    if (on)
        event_add(conn->ev_write, NULL);
    else
        event_del(conn->ev_write);
}

static ssize_t tls_read(struct conn *conn, uint8_t *to, size_t room)
{
    size_t n = 0;
    ERR_clear_error();
    if (SSL_read_ex(conn->ssl, to, room, &n) == 1)
        return (ssize_t)n;
    switch (SSL_get_error(conn->ssl, 0)) {
    case SSL_ERROR_WANT_READ:
        return 0;
    case SSL_ERROR_WANT_WRITE: /* a handshake message waits for room; on_writable reads again */
        set_writing(conn, true);
        return 0;
    default:
        return -1;
    }
}

static ssize_t plain_read(struct conn *conn, uint8_t *to, size_t room)
{
    ssize_t n;
    do
        n = recv(conn->fd, to, room, 0);
    while (n < 0 && errno == EINTR);
    if (n > 0)
        return n;
    return n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK) ? 0 : -1;
}

ssize_t conn_read(struct conn *conn)
{
    if (conn->closed)
        return -1;
    if (conn->in_len == conn->in_cap &&
        !conn_reserve(conn, conn->in_cap ? conn->in_cap * 2 : FIRST_READ))
        return -2;
    uint8_t *to = conn->in + conn->in_len;
    size_t room = conn->in_cap - conn->in_len;
    ssize_t n = conn->ssl ? tls_read(conn, to, room) : plain_read(conn, to, room);
    if (n > 0) {
        conn->in_len += (size_t)n;
        conn->read_ns = clock_now_ns();
        conn->bytes_in += (uint64_t)n;
        atomic_fetch_add_explicit(&conn->loop->counters.bytes_in, (uint64_t)n,
                                  memory_order_relaxed);
    }
    return n;
}

int conn_first_byte(const struct conn *conn)
{
    uint8_t byte;
    return recv(conn->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 1 ? byte : -1;
}

void conn_drop_tls(struct conn *conn)
{
    SSL_free(conn->ssl);
    conn->ssl = NULL;
}

bool conn_lost(const struct conn *conn)
{
    uint8_t byte;
    ssize_t n = recv(conn->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return n == 0 || (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR);
}

void conn_kick(struct conn *conn)
{
    if (!conn->closed)
        event_active(conn->ev_read, EV_READ, 0);
}

/* ---- out ---- */

static void moved(struct conn *conn, size_t n)
{
    conn->progress_ns = clock_now_ns();
    conn->bytes_out += n;
    atomic_fetch_add_explicit(&conn->loop->counters.bytes_out, n, memory_order_relaxed);
}

static ssize_t tls_write(struct conn *conn)
{
    size_t len = evbuffer_get_length(conn->out), n = 0;
    if (len > TLS_RECORD)
        len = TLS_RECORD; /* a frame's header goes into the same record as its first bytes */
    const uint8_t *data = evbuffer_pullup(conn->out, (ssize_t)len);
    if (!data)
        return -1;
    ERR_clear_error();
    if (SSL_write_ex(conn->ssl, data, len, &n) == 1) {
        evbuffer_drain(conn->out, n);
        return (ssize_t)n;
    }
    int error = SSL_get_error(conn->ssl, 0);
    return error == SSL_ERROR_WANT_WRITE || error == SSL_ERROR_WANT_READ ? 0 : -1;
}

static ssize_t plain_write(struct conn *conn)
{
    ssize_t n = evbuffer_write(conn->out, conn->fd);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
        return 0;
    return n;
}

/* Writes until the kernel has enough. False: the connection failed and is closed. */
static bool flush(struct conn *conn)
{
    while (evbuffer_get_length(conn->out) > 0) {
        ssize_t n = conn->ssl ? tls_write(conn) : plain_write(conn);
        if (n < 0) {
            conn_close(conn);
            return false;
        }
        if (n == 0)
            break;
        moved(conn, (size_t)n);
    }
    set_writing(conn, evbuffer_get_length(conn->out) > 0);
    return true;
}

size_t pieces_len(const struct net_piece *pieces, size_t count)
{
    size_t len = 0;
    for (size_t i = 0; i < count; i++)
        len += pieces[i].blob ? net_blob_len(pieces[i].blob) : pieces[i].len;
    return len;
}

/* What the kernel takes at once of the first pieces; -1: failed. Saves the queue its work in the
 * usual case that nothing waits. */
static ssize_t send_direct(struct conn *conn, const struct net_piece *pieces, size_t count)
{
    struct iovec iov[16];
    size_t n = count < 16 ? count : 16;
    for (size_t i = 0; i < n; i++) {
        const struct net_piece *p = &pieces[i];
        iov[i].iov_base = p->blob ? (void *)(uintptr_t)net_blob_data(p->blob)
                                  : (void *)(uintptr_t)p->data;
        iov[i].iov_len = p->blob ? net_blob_len(p->blob) : p->len;
    }
    struct msghdr message = {.msg_iov = iov, .msg_iovlen = n};
    ssize_t sent = sendmsg(conn->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0)
        return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? 0 : -1;
    if (sent > 0)
        moved(conn, (size_t)sent);
    return sent;
}

static void unref_blob(const void *data, size_t len, void *arg)
{
    struct net_blob *blob = arg;
    (void)data;
    (void)len;
    net_blob_unref(&blob);
}

/* Queues a piece but its first `skip` bytes. */
static bool queue(struct evbuffer *out, const struct net_piece *piece, size_t skip)
{
    if (!piece->blob && !piece->data) /* whoever made it had no memory */
        return false;
    if (!piece->blob)
        return evbuffer_add(out, (const uint8_t *)piece->data + skip, piece->len - skip) == 0;
    struct net_blob *blob = net_blob_ref(piece->blob);
    if (evbuffer_add_reference(out, net_blob_data(blob) + skip, net_blob_len(blob) - skip,
                               unref_blob, blob) == 0)
        return true;
    net_blob_unref(&blob);
    return false;
}

fov_status conn_write(struct conn *conn, const struct net_piece *pieces, size_t count)
{
    if (conn->closed)
        return FOV_ECLOSED;
    bool waited = evbuffer_get_length(conn->out) > 0;
    size_t sent = 0;
    if (!waited && !conn->ssl) {
        ssize_t n = send_direct(conn, pieces, count);
        if (n < 0) {
            conn_close(conn);
            return FOV_ECLOSED;
        }
        sent = (size_t)n;
    }
    for (size_t i = 0; i < count; i++) {
        size_t len = pieces_len(&pieces[i], 1);
        size_t skip = sent < len ? sent : len;
        sent -= skip;
        if (skip < len && !queue(conn->out, &pieces[i], skip)) {
            conn_close(conn); /* a torn unit would be worse than none */
            return FOV_ENOMEM;
        }
    }
    if (!waited && evbuffer_get_length(conn->out) > 0) {
        conn->progress_ns = clock_now_ns();
        if (conn->ssl)
            return flush(conn) ? FOV_OK : FOV_ECLOSED;
        set_writing(conn, true);
    }
    return FOV_OK;
}

size_t conn_pending(const struct conn *conn)
{
    return evbuffer_get_length(conn->out);
}

int64_t conn_stalled_ms(const struct conn *conn)
{
    if (conn_pending(conn) == 0)
        return 0;
    return (clock_now_ns() - conn->progress_ns) / NS_PER_MS;
}

void conn_set_live(struct conn *conn, unsigned send_buffer)
{
    int half = (int)(send_buffer / 2); /* the kernel doubles it */
    int unsent = 128 << 10;
    setsockopt(conn->fd, SOL_SOCKET, SO_SNDBUF, &half, sizeof(half));
    setsockopt(conn->fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof(unsent));
}

/* ---- events ---- */

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
    struct conn *conn = arg;
    (void)fd;
    if (conn->closed)
        return;
    /* TLS: a write may have waited for bytes to read */
    if (conn->ssl && evbuffer_get_length(conn->out) > 0 && !flush(conn))
        return;
    conn->role->readable(conn, (what & EV_CLOSED) != 0);
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
    struct conn *conn = arg;
    bool waited = evbuffer_get_length(conn->out) > 0;
    (void)fd;
    (void)what;
    if (conn->closed || !flush(conn))
        return;
    if (waited && evbuffer_get_length(conn->out) == 0)
        conn->role->drained(conn);
    else if (conn->ssl && !conn->closed && !waited)
        conn->role->readable(conn, false);
}

struct conn *conn_open(struct net_loop *loop, int fd, SSL *ssl, const struct address *address,
                       const struct role *role)
{
    struct conn *conn = calloc(1, sizeof(*conn));
    if (!conn) {
        SSL_free(ssl);
        close(fd);
        return NULL;
    }
    conn->loop = loop;
    conn->fd = fd;
    conn->ssl = ssl;
    conn->address = *address;
    conn->role = role;
    atomic_fetch_add(&loop->counters.open, 1);
    conn->out = evbuffer_new();
    conn->ev_read = event_new(loop->base, fd, EV_READ | EV_CLOSED | EV_PERSIST | EV_ET, on_readable,
                              conn);
    conn->ev_write = event_new(loop->base, fd, EV_WRITE | EV_PERSIST | EV_ET, on_writable, conn);
    conn->counted = address_count_up(&loop->peers, address);
    if (!conn->out || !conn->ev_read || !conn->ev_write || !conn->counted ||
        (ssl && SSL_set_fd(ssl, fd) != 1) || event_add(conn->ev_read, NULL) != 0) {
        conn_free(conn);
        return NULL;
    }
    if (ssl)
        SSL_set_accept_state(ssl);
    conn->next = loop->conns;
    conn->back = &loop->conns;
    if (conn->next)
        conn->next->back = &conn->next;
    loop->conns = conn;
    return conn;
}

void conn_sweep(struct net_loop *loop, int64_t now)
{
    int64_t patience = (int64_t)loop->params.write_timeout_ms * NS_PER_MS;
    for (struct conn *conn = loop->conns, *next; conn; conn = next) {
        next = conn->next; /* a tick closes none but its own connection */
        if (evbuffer_get_length(conn->out) > 0 && now - conn->progress_ns > patience)
            conn_close(conn);
        else
            conn->role->tick(conn, now);
    }
}
