/* The door of the network room: HTTP/1.1, WebSocket, server-sent events, timers and TLS on one
 * event loop thread. Knows nothing of video.
 *
 * Threads. "Loop thread" is the thread inside net_loop_run. Every call here belongs to that thread
 * (or to the time before net_loop_run and after it returned), except those whose Thread-safety line
 * says "safe": net_post, net_loop_stop, blobs, net_tls_*, net_inflate_*, the pure parsers and
 * net_loop_get_stats. Other threads hold ids (u64, never reused, never 0), never pointers: they
 * net_post a function that finds the object by id and uses it. No call here blocks, unless said.
 *
 * Lives. A request lives until it is answered (a reply, an upgrade, a stream) or its client is
 * gone. A socket or a stream lives until its on_close returned; on_close is called exactly once for
 * each, at the latest in net_loop_destroy. Any send or close call may end the object's connection,
 * but on_close never runs inside such a call: it runs later, from the loop. The pointer stays valid
 * until then, sends on it return FOV_ECLOSED.
 *
 * Bounds. Every buffer has one: heads 16 KiB, bodies per route, bodies and half messages of all
 * connections together, output queues, connections in all and by address, absolute deadlines. */
#ifndef NET_NET_H
#define NET_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <fovea/status.h>

struct json_writer;
struct net_loop;
struct net_request;
struct net_socket;
struct net_stream;
struct net_timer;
struct net_blob;
struct net_tls;

/* ---- bytes shared without a copy ------------------------------------------------------------ */

/* Immutable refcounted bytes. Each creator returns NULL when memory is short. net_blob_wrap calls
 * release(arg) when the last reference goes (on that thread), or at once when it returns NULL.
 * Thread-safety: safe. */
struct net_blob *net_blob_copy(const void *data, size_t len);
struct net_blob *net_blob_wrap(const void *data, size_t len, void (*release)(void *arg), void *arg);
struct net_blob *net_blob_ref(struct net_blob *blob);
void net_blob_unref(struct net_blob **blob); /* sets NULL, accepts NULL */
const uint8_t *net_blob_data(const struct net_blob *blob);
size_t net_blob_len(const struct net_blob *blob);

/* ---- the loop ------------------------------------------------------------------------------- */

struct net_header {
    const char *name, *value;
};

/* Zero = the default in brackets. Strings and arrays are copied. */
struct net_params {
    /* Called with every complete request. Must answer it at once, or later (see "Lives"). Required.
     */
    void (*on_request)(void *user, struct net_request *request);
    /* Called when the head of a request is complete and before its body is read; may be NULL. All
     * accessors work, the body is empty. May lower the body's limit with net_request_set_max_body,
     * or answer (401, 404, 413 …): then the body is not read, the connection ends after the answer
     * and on_request is not called. */
    void (*on_head)(void *user, struct net_request *request);
    void *user;

    size_t max_body;          /* bytes, of one request [10 MiB]; beyond: 413 */
    size_t max_buffered;      /* bytes, bodies and half messages of all together [64 MiB]; 503 */
    unsigned max_connections; /* [1024]; beyond: 503 at once */
    unsigned max_per_address; /* [128], trusted proxies exempt; beyond: 503 at once */
    unsigned head_timeout_ms; /* absolute, from the first byte (or accept) [10,000]; 408 */
    unsigned body_timeout_ms; /* absolute, from the end of the head [30,000]; 408 */
    unsigned keepalive_ms;    /* idle between requests [30,000] */
    unsigned handshake_timeout_ms; /* TLS [5,000] */
    unsigned write_timeout_ms;     /* an answer without progress [30,000] */
    unsigned drain_ms;             /* what net_loop_stop waits at most [5,000] */

    const char *const *trusted_proxies; /* addresses or CIDR ("10.0.0.0/8", "::1") */
    size_t trusted_proxies_len;
    const struct net_header *default_headers; /* put on every answer that does not set the name */
    size_t default_headers_len;
};

/* Makes a loop; nothing runs yet. Ignores SIGPIPE for the process.
 * Returns FOV_EINVAL (no on_request, bad CIDR), FOV_ENOMEM.
 * Thread-safety: safe for distinct loops. */
fov_status net_loop_create(struct net_loop **loop, const struct net_params *params,
                           fov_error *error);

/* Listens on host:port. host: an address ("127.0.0.1", "::1", "::" = IPv6 and IPv4 together,
 * "0.0.0.0"), "localhost" (127.0.0.1 and, where there is one, ::1 on the same port) or "" (all
 * addresses). port 0: a free one. tls NULL: plain; else the loop takes its own reference. May be
 * called several times. *bound_port (may be NULL) receives the port.
 * Returns FOV_EEXISTS when the port is taken (try the next), FOV_EDENIED (port below 1024),
 * FOV_EINVAL (not an address), FOV_EIO. */
fov_status net_loop_listen(struct net_loop *loop, const char *host, uint16_t port,
                           struct net_tls *tls, uint16_t *bound_port, fov_error *error);

/* Runs until net_loop_stop and the drain are done. Blocks: yes, this is the loop thread. */
fov_status net_loop_run(struct net_loop *loop);

/* Ends gracefully: no new connections, streams end, sockets close with 1001, pending requests may
 * still be answered, at most drain_ms; then net_loop_run returns. A second call ends at once.
 * Thread-safety: safe, also from a signal handler. */
void net_loop_stop(struct net_loop *loop);

/* True since net_loop_stop took effect. */
bool net_loop_stopping(const struct net_loop *loop);

/* Frees all. Objects still open get their on_close first, posts still waiting are run. No thread
 * may call net_post any more. Accepts NULL. */
void net_loop_destroy(struct net_loop **loop);

/* Runs fn(arg) on the loop thread, in the order of the calls of one thread. Every accepted post
 * runs exactly once, at the latest in net_loop_destroy. Wakes the loop only when the queue was
 * empty. Returns false only when memory is short: nothing was taken. Thread-safety: safe. */
bool net_post(struct net_loop *loop, void (*fn)(void *arg), void *arg);

/* The same for what must not get lost: where memory is short it waits for it. Never on the loop
 * thread. Thread-safety: safe. Blocks: while memory is short. */
void net_post_surely(struct net_loop *loop, void (*fn)(void *arg), void *arg);

struct net_stats {
    uint64_t connections_total, requests_total,
        refused_total;            /* refused: 4xx/503 before on_request */
    uint64_t bytes_in, bytes_out; /* payload of TCP or TLS */
    uint32_t connections, sockets, streams, requests_pending; /* now */
    size_t buffered;                                          /* bytes counted to max_buffered */
};
/* Thread-safety: safe (each number on its own). */
void net_loop_get_stats(const struct net_loop *loop, struct net_stats *stats);

/* ---- timers --------------------------------------------------------------------------------- */

/* Calls fn(arg) after `ms`, and every `ms` when repeat. A single shot frees itself after its call.
 * Returns NULL when memory is short. net_timer_stop sets NULL, accepts NULL, may be called from the
 * timer's own fn; do not call it for a single shot that has fired. Timers still set are freed with
 * the loop (fn is not called). */
struct net_timer *net_timer_start(struct net_loop *loop, unsigned ms, bool repeat,
                                  void (*fn)(void *arg), void *arg);
void net_timer_stop(struct net_timer **timer);

/* ---- a request ------------------------------------------------------------------------------ */

/* All strings live as long as the request; NULL = not there. */

struct net_loop *net_request_loop(const struct net_request *request);
/* u64 for other threads; net_request_find returns NULL when it is answered or its client is gone.
 */
uint64_t net_request_id(const struct net_request *request);
struct net_request *net_request_find(struct net_loop *loop, uint64_t id);
/* Called once when the client goes away before the answer; the request is gone afterwards. */
void net_request_on_gone(struct net_request *request, void (*fn)(void *user), void *user);
/* The caller's own pointer, NULL at first (to carry from on_head to on_request). Not freed. */
void net_request_set_data(struct net_request *request, void *data);
void *net_request_data(const struct net_request *request);

/* "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"; other methods are refused with 501.
 */
const char *net_request_method(const struct net_request *request);
/* Percent-decoded once, starts with "/", valid UTF-8, without "..", "//", backslash, NUL or control
 * characters (such a request is refused with 400 or 404 before on_head). Without the query. */
const char *net_request_path(const struct net_request *request);
/* Raw text after "?", "" when none. Holds tokens: do not log it. */
const char *net_request_query(const struct net_request *request);
/* First query parameter of that name, decoded ("+" = blank); "" when it has no value. */
const char *net_request_param(struct net_request *request, const char *name);
/* i-th parameter (0 …), false at the end. */
bool net_request_param_at(struct net_request *request, size_t i, const char **name,
                          const char **value);
/* First field of that name, without blanks around it, any case of letters. */
const char *net_request_header(const struct net_request *request, const char *name);
/* i-th field in order of arrival, false at the end. */
bool net_request_header_at(const struct net_request *request, size_t i, struct net_header *header);
const char *net_request_cookie(struct net_request *request, const char *name);
/* Host field as sent ("cam.local:8440"), checked for its characters only. */
const char *net_request_host(const struct net_request *request);
/* True on a TLS listener, or when a trusted proxy says X-Forwarded-Proto: https. */
bool net_request_is_tls(const struct net_request *request);
/* Numeric address of the client: the peer, or the last X-Forwarded-For entry that is not a trusted
 * proxy when the peer is one. IPv4-mapped IPv6 is shown as IPv4. */
const char *net_request_peer(const struct net_request *request);
/* Content-Length, or -1 when the body is chunked (known in on_request: the length received). */
int64_t net_request_content_length(const struct net_request *request);
/* Whole body, contiguous; *len receives the bytes. Never NULL, valid as long as the request. */
const uint8_t *net_request_body(const struct net_request *request, size_t *len);
/* Monotonic ns at which the last byte of the request was read. */
int64_t net_request_arrival_ns(const struct net_request *request);
/* Lowers (never raises) the body's limit of this request; from on_head. */
void net_request_set_max_body(struct net_request *request, size_t max_body);

/* ---- answers: each ends the request, its pointer is not valid afterwards --------------------- */

/* Adds a header to the answer to come. Names and values with control characters are left out. */
void net_request_add_header(struct net_request *request, const char *name, const char *value);
/* The connection ends after this answer. */
void net_request_close_after(struct net_request *request);
/* body may be NULL with len 0; bytes are copied when the kernel does not take them at once. HEAD
 * gets the headers only. content_type NULL: none. */
void net_reply(struct net_request *request, int status, const char *content_type, const void *body,
               size_t len);
/* The same without a copy; takes its own reference. */
void net_reply_blob(struct net_request *request, int status, const char *content_type,
                    struct net_blob *blob);
/* application/problem+json (RFC 9457): {"type":"about:blank","title","status","code","detail"}.
 * code: machine-readable word; detail: sentence for people (UTF-8, escaped here), may be NULL. */
void net_reply_problem(struct net_request *request, int status, const char *code,
                       const char *detail);
/* The same from a fov_status and the error's message (error may be NULL). */
void net_reply_error(struct net_request *request, fov_status status, const fov_error *error);
/* A problem's members alone, into an object that gets others too. */
void net_write_problem(struct json_writer *w, int status, const char *code, const char *detail);
/* 303 to `location`. */
void net_reply_redirect(struct net_request *request, const char *location);

/* ---- streamed answers: MJPEG, server-sent events -------------------------------------------- */

struct net_stream_ops {
    /* The output queue became empty: send the unit that waits. May be NULL. */
    void (*on_drain)(void *user, struct net_stream *stream);
    /* The client or we ended it; the pointer is not valid afterwards. Required. */
    void (*on_close)(void *user, struct net_stream *stream);
    size_t max_pending; /* bytes waiting beyond which a send is refused [1 MiB] */
};

/* Answers with a head and leaves the body open; ends the request. The body ends with the connection
 * (no chunks: every MJPEG reader understands it). Returns NULL when the request was HEAD or memory
 * is short: it is answered then and on_close is not called. */
struct net_stream *net_stream_open(struct net_request *request, int status,
                                   const char *content_type, const struct net_stream_ops *ops,
                                   void *user);

/* One piece of a unit: a blob (not copied) or data/len (copied when it has to wait). */
struct net_piece {
    struct net_blob *blob;
    const void *data;
    size_t len;
};
/* Sends the pieces as one unit. FOV_EBUSY: more than max_pending would wait behind what already
 * waits, nothing was taken (a unit is always taken when nothing waits); FOV_ECLOSED; FOV_ENOMEM. */
fov_status net_stream_send(struct net_stream *stream, const struct net_piece *pieces, size_t count);

/* Server-sent events: net_stream_open with the headers that events need, a comment every 15 s, and
 * the end of a client that lets more than max_pending [256 KiB] wait (it gets on_close). */
struct net_stream *net_sse_open(struct net_request *request, const struct net_stream_ops *ops,
                                void *user);
/* One event. id < 0: none. event NULL: "message". data may have several lines (valid UTF-8).
 * Returns FOV_OK, FOV_EBUSY (the client was too slow and is being closed), FOV_ECLOSED. */
fov_status net_sse_send(struct net_stream *stream, int64_t id, const char *event, const char *data,
                        size_t len);
/* "retry: ms" and comments by hand. */
fov_status net_sse_retry(struct net_stream *stream, unsigned ms);

uint64_t net_stream_id(const struct net_stream *stream);
struct net_stream *net_stream_find(struct net_loop *loop, uint64_t id);
size_t net_stream_pending(const struct net_stream *stream); /* bytes not yet given to the kernel */
int64_t net_stream_stalled_ms(const struct net_stream *stream); /* since progress; 0: none waits */
/* Ends it after what waits has been sent (at most 2 s). on_close follows from the loop. */
void net_stream_close(struct net_stream *stream);

/* ---- WebSocket (RFC 6455, RFC 7692) --------------------------------------------------------- */

enum net_kind { NET_TEXT = 1, NET_BINARY = 2 };

/* A complete message, valid during the call. Text is valid UTF-8, except in raw mode. */
struct net_message {
    enum net_kind kind;
    bool deflated; /* raw mode: data is compressed, see net_inflate */
    const uint8_t *data;
    size_t len;
    int64_t arrival_ns; /* monotonic, its last byte was read */
};

struct net_socket_ops {
    void (*on_message)(void *user, struct net_socket *socket, const struct net_message *message);
    /* The output queue became empty: send the unit that waits. May be NULL. */
    void (*on_drain)(void *user, struct net_socket *socket);
    /* code: the peer's close code, ours, 1005 (none given) or 1006 (cut). The pointer is not valid
     * afterwards. Required. */
    void (*on_close)(void *user, struct net_socket *socket, int code);
};

/* Zero = the default in brackets. */
struct net_socket_params {
    size_t max_text;      /* bytes of a text message, also inflated [64 KiB]; beyond: 1009 */
    size_t max_binary;    /* [8 MiB] */
    size_t max_pending;   /* bytes waiting beyond which a send is refused [4 MiB] */
    unsigned ping_ms;     /* [15,000]; without any byte for twice that: 1006 */
    unsigned send_buffer; /* SO_SNDBUF, bytes [512 KiB] */
    bool deflate;         /* accept permessage-deflate when the client asks for it */
    bool raw; /* give messages as they came: to be inflated, and texts checked, elsewhere */
    const char *subprotocol; /* chosen one of the client's offer, or NULL */
};

/* Answers the request with 101. Origin, token and Host are the caller's to check before. When it is
 * no good handshake, answers 400 / 426 / 503 itself and returns NULL (no callback follows). */
struct net_socket *net_upgrade(struct net_request *request, const struct net_socket_params *params,
                               const struct net_socket_ops *ops, void *user);

/* True for a GET with "Upgrade: websocket". */
bool net_request_wants_socket(const struct net_request *request);

/* One message of a unit: a blob (not copied) or data/len (copied when it has to wait). */
struct net_frame {
    enum net_kind kind;
    struct net_blob *blob;
    const void *data;
    size_t len;
};

#define NET_UNIT_MAX 72 /* messages of one unit */

/* Sends messages as one unit, in order and with nothing between them; never torn. The same blob may
 * go to any number of sockets. FOV_EINVAL: more than NET_UNIT_MAX; FOV_EBUSY: more than max_pending
 * would wait behind what already waits, nothing was taken (a unit is always taken when nothing
 * waits); FOV_ECLOSED: closing; FOV_ENOMEM. "Newest wins" for a viewer: send when
 * net_socket_pending is 0, else keep the unit and send the newest one from on_drain. */
fov_status net_socket_send(struct net_socket *socket, const struct net_frame *frames, size_t count);
fov_status net_socket_send_text(struct net_socket *socket, const char *text, size_t len);

size_t net_socket_pending(const struct net_socket *socket); /* bytes not yet given to the kernel */
/* Milliseconds without any progress of what waits; 0 when nothing waits. 10 s → close 1013. */
int64_t net_socket_stalled_ms(const struct net_socket *socket);
/* Stops or goes on with on_message, for back-pressure. Takes effect after the current message. */
void net_socket_pause(struct net_socket *socket, bool pause);
/* Starts the close handshake: what waits is sent, then the close frame, then 2 s for the answer.
 * reason: UTF-8, cut to 123 bytes; may be NULL. No on_message follows; on_close does, from the
 * loop. A second call is ignored. */
void net_socket_close(struct net_socket *socket, int code, const char *reason);

uint64_t net_socket_id(const struct net_socket *socket);
struct net_socket *net_socket_find(struct net_loop *loop, uint64_t id); /* NULL: closed */
const char *net_socket_peer(const struct net_socket *socket);
void *net_socket_user(const struct net_socket *socket);
uint64_t net_socket_bytes_out(const struct net_socket *socket);
uint64_t net_socket_bytes_in(const struct net_socket *socket);

/* Inflates raw messages (no context takeover: one state serves any number of sockets).
 * Thread-safety: one thread at a time for each. */
struct net_inflate;
struct net_inflate *net_inflate_create(void); /* NULL: memory */
void net_inflate_destroy(struct net_inflate **inflate);
/* *out is owned by `inflate` and valid until the next call; out[len] is a NUL beyond the data.
 * Returns FOV_ELIMIT when it would be larger than `max` (close 1009), FOV_EFORMAT (close 1007).
 * Text still has to pass text_is_utf8. */
fov_status net_inflate_message(struct net_inflate *inflate, const uint8_t *data, size_t len,
                               size_t max, const uint8_t **out, size_t *out_len);

/* ---- multipart/form-data (RFC 7578), pure ---------------------------------------------------- */

#define NET_MULTIPART_MAX_PARTS 32
struct net_part {
    char name[128];         /* decoded, UTF-8 */
    char filename[256];     /* base name only, "" when none */
    char content_type[128]; /* "" when none; lower case, without parameters */
    const uint8_t *data;    /* view into the body */
    size_t len;
};
/* Splits a complete body. content_type: the request's field with its boundary. Fills at most
 * NET_MULTIPART_MAX_PARTS. Returns FOV_EUNSUPPORTED (not multipart/form-data), FOV_EFORMAT
 * (broken), FOV_ELIMIT (more than 32 parts, part head over 4 KiB, boundary over 70). Thread-safety:
 * safe. */
fov_status net_multipart_parse(const char *content_type, const uint8_t *body, size_t len,
                               struct net_part *parts, size_t *count, fov_error *error);
/* Part by name, or NULL. */
const struct net_part *net_multipart_find(const struct net_part *parts, size_t count,
                                          const char *name);

/* ---- TLS ------------------------------------------------------------------------------------ */

/* Certificate chain and key, PEM files; TLS 1.2 and 1.3, ALPN http/1.1. Returns FOV_ENOTFOUND,
 * FOV_EFORMAT (not PEM, key does not fit), FOV_ENOMEM. Thread-safety: safe. Blocks: reads files. */
fov_status net_tls_create(struct net_tls **tls, const char *cert_file, const char *key_file,
                          fov_error *error);
/* Reads the files again; connections that are open keep the old certificate. A failure keeps the
 * old one for new connections too. Thread-safety: safe. Blocks: reads files. */
fov_status net_tls_reload(struct net_tls *tls, fov_error *error);
/* Drops the caller's reference; sets NULL, accepts NULL. */
void net_tls_destroy(struct net_tls **tls);

/* Own local certificate authority for `--lan`. Makes dir (0700) with ca.crt, ca.key, server.crt,
 * server.key (keys 0600). Kept: the CA for ten years; the leaf (397 days) is made again when it
 * ends within 30 days or does not hold all names (DNS names and addresses). Fills `cert_file`,
 * `key_file`, `ca_file` (each at least 512 bytes). Returns FOV_EINVAL, FOV_EIO, FOV_EINTERNAL.
 * Thread-safety: not for the same dir at once. Blocks: yes (keys, files). */
struct net_local_ca {
    char cert_file[512], key_file[512], ca_file[512];
};
fov_status net_local_ca_ensure(struct net_local_ca *ca, const char *dir, const char *const *names,
                               size_t count, fov_error *error);

#endif
