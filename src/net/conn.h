/* One TCP or TLS connection: bytes in, bytes out, deadlines. What the bytes mean is its role's
 * business (HTTP first; a stream or a WebSocket may take over).
 *
 * Events are edge-triggered: `readable` reads until conn_read returns 0, or calls conn_kick, or
 * somebody kicks later. A paused connection is simply not read. */
#ifndef NET_CONN_H
#define NET_CONN_H

#include <event2/buffer.h>
#include <openssl/ssl.h>
#include <sys/types.h>

#include "base/clock.h"
#include "net/loop.h"

struct role {
    /* Bytes may have come, or there are unread ones in `in`. gone: the peer has closed its side. */
    void (*readable)(struct conn *conn, bool gone);
    void (*drained)(struct conn *conn);           /* what waited for output has been written */
    void (*tick)(struct conn *conn, int64_t now); /* at every sweep */
    void (*stop)(struct conn *conn);              /* the loop is stopping */
    void (*closed)(struct conn *conn);            /* last call: free what the role owns */
};

struct conn {
    struct net_loop *loop;
    struct conn *next, **back;
    const struct role *role;
    void *owner; /* the role's own */

    int fd;
    SSL *ssl; /* NULL: plain */
    struct event *ev_read, *ev_write;
    struct evbuffer *out;
    bool writing;     /* ev_write is set */
    bool closed;      /* waits for reap */
    bool linger;      /* shut for writing; what comes is thrown away until the deadline */
    bool close_empty; /* close when the output is empty */
    bool counted;     /* in loop->peers */

    uint8_t *in; /* unread bytes */
    size_t in_len, in_cap;

    int64_t deadline_ns; /* the role's; 0: none */
    int64_t progress_ns; /* the output last moved, or began to wait */
    int64_t read_ns;     /* the last bytes came */
    uint64_t bytes_in, bytes_out;
    struct address address;
};

/* Takes over fd (closed on failure). ssl may be NULL; it is owned. */
struct conn *conn_open(struct net_loop *loop, int fd, SSL *ssl, const struct address *address,
                       const struct role *role);
/* Marks it closed; role->closed and the freeing follow from the loop. */
void conn_close(struct conn *conn);
void conn_reap(struct net_loop *loop);
/* Closes when the output is empty, within timeout_ms; linger: reads on for a moment, so that the
 * peer gets our last bytes instead of a reset. Takes the connection from its role for good. */
void conn_finish(struct conn *conn, unsigned timeout_ms, bool linger);

/* Appends to `in`. > 0: bytes; 0: none now; -1: ended or failed; -2: no memory or budget. */
ssize_t conn_read(struct conn *conn);
/* The next byte, which stays where it is; -1: none yet. Before any reading. */
int conn_first_byte(const struct conn *conn);
/* Goes on in plain text. Before any reading. */
void conn_drop_tls(struct conn *conn);
/* True when the peer has closed or reset the connection; takes no bytes. */
bool conn_lost(const struct conn *conn);
/* Makes room for `cap` bytes in `in`, counted to the budget of the loop. */
bool conn_reserve(struct conn *conn, size_t cap);
/* Drops the first n bytes of `in`. */
void conn_consume(struct conn *conn, size_t n);
/* Gives the memory of an empty `in` back. */
void conn_release(struct conn *conn);
/* Calls role->readable from the loop. */
void conn_kick(struct conn *conn);

/* Writes the pieces as one unit; never torn unless the connection is closed with it. */
fov_status conn_write(struct conn *conn, const struct net_piece *pieces, size_t count);
size_t conn_pending(const struct conn *conn);
int64_t conn_stalled_ms(const struct conn *conn);
/* For live pictures: the kernel must not queue them. send_buffer: bytes. */
void conn_set_live(struct conn *conn, unsigned send_buffer);

/* Ticks all connections and closes those past a deadline of conn_finish. */
void conn_sweep(struct net_loop *loop, int64_t now);
/* Total size of the pieces. */
size_t pieces_len(const struct net_piece *pieces, size_t count);

#endif
