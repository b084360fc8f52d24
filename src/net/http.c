/* HTTP/1.1 on one connection: head, body, caller, answer, and again. */
#include "net/http.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Requests and reads in a row before the others get their turn. */
#define TURNS 64

static const struct role http_role;

static void http_free(struct http *http)
{
    struct net_request *request = http->request;
    if (request && request->on_gone)
        request->on_gone(request->gone_user);
    if (request)
        request_free(request);
    free(http);
}

/* Nothing more is read: the answer is written and the connection ends. */
static void finish(struct http *http, bool unread)
{
    struct conn *conn = http->conn;
    http_free(http);
    conn_finish(conn, conn->loop->params.write_timeout_ms, unread);
}

void http_refuse(struct conn *conn, int status)
{
    struct http *http = conn->owner;
    if (conn->closed)
        return;
    struct evbuffer *head = reply_head(conn->loop, NULL, status, NULL, 0, true);
    if (head) {
        size_t len = evbuffer_get_length(head);
        conn_write(conn, &(struct net_piece){.data = evbuffer_pullup(head, -1), .len = len}, 1);
        evbuffer_free(head);
    }
    atomic_fetch_add(&conn->loop->counters.refused, 1);
    if (!conn->closed)
        finish(http, true);
}

/* The request is over: ready for the next one, or the end. */
static void next_request(struct http *http, struct net_request *request, bool close)
{
    struct conn *conn = http->conn;
    struct net_loop *loop = conn->loop;
    bool unread = request->body_unread;
    if (http->phase == HTTP_BUSY)
        conn_consume(conn, request->body_len);
    http->request = NULL;
    request_free(request);
    if (conn->closed)
        return;
    if (close) {
        finish(http, unread);
        return;
    }
    http->phase = conn_pending(conn) ? HTTP_FLUSH : HTTP_HEAD;
    http->begun = false;
    http->scan = (struct head_scan){0};
    http->chunks = (struct chunk_decoder){0};
    conn->deadline_ns = clock_now_ns() + loop->params.keepalive_ms * NS_PER_MS;
    conn_release(conn);
    if (!http->advancing)
        conn_kick(conn);
}

void http_answer(struct net_request *request, int status, const char *content_type,
                 const struct net_piece *body)
{
    struct http *http = request->http;
    struct conn *conn = http->conn;
    bool close = request->close || request->body_unread || conn->loop->stopping;
    bool bodyless = status < 200 || status == 204 || status == 304;
    int64_t len = bodyless ? -1 : (int64_t)pieces_len(body, 1);
    struct evbuffer *head = reply_head(conn->loop, request, status, content_type, len, close);
    if (!head) {
        conn_close(conn);
    } else {
        bool no_body = bodyless || strcmp(request->head.method, "HEAD") == 0;
        struct net_piece pieces[2] = {
            {.data = evbuffer_pullup(head, -1), .len = evbuffer_get_length(head)}, *body};
        conn_write(conn, pieces, no_body ? 1 : 2);
        evbuffer_free(head);
    }
    next_request(http, request, close);
}

struct conn *http_take_over(struct net_request *request)
{
    struct http *http = request->http;
    struct conn *conn = http->conn;
    conn_consume(conn, request->body_len);
    conn->deadline_ns = 0;
    request->on_gone = NULL; /* it is answered */
    http_free(http);
    return conn;
}

/* ---- reading ---- */

static bool still_ours(const struct conn *conn)
{
    return conn->role == &http_role && !conn->closed;
}

static void send_continue(struct conn *conn)
{
    static const char text[] = "HTTP/1.1 100 Continue\r\n\r\n";
    conn_write(conn, &(struct net_piece){.data = text, .len = sizeof(text) - 1}, 1);
}

/* The head is complete: ask about it before its body is read. True: go on with the body. */
static bool consider_head(struct http *http)
{
    struct conn *conn = http->conn;
    struct net_request *request = http->request;
    struct net_loop *loop = conn->loop;
    if (loop->params.on_head) {
        loop->params.on_head(loop->params.user, request);
        if (!still_ours(conn) || http->request != request)
            return false;
    }
    if (request->head.content_length > (int64_t)request->max_body) {
        atomic_fetch_add(&loop->counters.refused, 1);
        net_reply_problem(request, 413, "limit_exceeded", "the body is larger than allowed here");
        return false;
    }
    return true;
}

/* Browsers try http first when somebody types an address. conn->in still begins with the head. */
static void send_to_https(struct http *http)
{
    struct net_request *request = http->request;
    const char *line = (const char *)http->conn->in;
    const char *target = (const char *)memchr(line, ' ', HEAD_LINE_MAX) + 1;
    size_t len = (size_t)((const char *)memchr(target, ' ', HEAD_LINE_MAX) - target);
    char location[2 * HEAD_LINE_MAX];
    snprintf(location, sizeof(location), "https://%s%.*s",
             request->head.host ? request->head.host : "", (int)len, target);
    request->close = true;
    if (request->head.host)
        net_request_add_header(request, "Location", location);
    net_reply(request, request->head.host ? 308 : 400, NULL, NULL, 0);
}

/* True: there may be more to do. */
static bool step_head(struct http *http)
{
    struct conn *conn = http->conn;
    struct net_params *params = &conn->loop->params;
    if (conn->in_len == 0)
        return false;
    if (!http->begun) {
        http->begun = true;
        conn->deadline_ns = clock_now_ns() + params->head_timeout_ms * NS_PER_MS;
    }
    ssize_t len = head_scan(&http->scan, conn->in, conn->in_len);
    int status = len < 0 ? (int)-len : 0;
    if (len > 0) {
        http->request = request_new(http, (size_t)len, &status);
        if (http->request && http->to_https) {
            send_to_https(http);
            return false;
        }
        conn_consume(conn, (size_t)len);
    }
    if (status) {
        http_refuse(conn, status);
        return false;
    }
    if (len == 0)
        return false;
    struct net_request *request = http->request;
    if (!consider_head(http))
        return still_ours(conn);
    http->phase = HTTP_BODY;
    conn->deadline_ns = clock_now_ns() + params->body_timeout_ms * NS_PER_MS;
    if (request->head.expect && request->body_unread && conn->in_len == 0)
        send_continue(conn);
    return true;
}

/* 1: the body is complete in conn->in; 0: more is needed; < 0: -(HTTP status). */
static int read_body(struct http *http)
{
    struct conn *conn = http->conn;
    struct net_request *request = http->request;
    if (request->head.chunked) {
        int done = chunk_decode(&http->chunks, conn->in, &conn->in_len, request->max_body);
        request->body_len = http->chunks.body;
        return done;
    }
    size_t len = request->head.content_length > 0 ? (size_t)request->head.content_length : 0;
    request->body_len = len;
    return conn->in_len >= len;
}

static bool step_body(struct http *http)
{
    struct conn *conn = http->conn;
    struct net_request *request = http->request;
    struct net_loop *loop = conn->loop;
    int done = read_body(http);
    if (done == 0)
        return false;
    if (done < 0) {
        request->body_len = 0;
        atomic_fetch_add(&loop->counters.refused, 1);
        net_reply_problem(request, -done, -done == 413 ? "limit_exceeded" : "bad_format",
                          -done == 413 ? "the body is larger than allowed here"
                                       : "the chunks of the body are malformed");
        return false;
    }
    request->body = conn->in;
    request->body_unread = false;
    request->head.content_length = (int64_t)request->body_len;
    request->arrival_ns = conn->read_ns;
    http->phase = HTTP_BUSY;
    conn->deadline_ns = 0;
    atomic_fetch_add(&loop->counters.requests, 1);
    loop->params.on_request(loop->params.user, request);
    return still_ours(conn) && http->phase == HTTP_HEAD;
}

static void advance(struct conn *conn)
{
    struct http *http = conn->owner;
    http->advancing = true;
    for (int turn = 0; turn < TURNS; turn++) {
        bool more = http->phase == HTTP_HEAD ? step_head(http)
                                             : http->phase == HTTP_BODY && step_body(http);
        if (!still_ours(conn))
            return;
        if (!more) {
            http->advancing = false;
            return;
        }
    }
    http->advancing = false;
    conn_kick(conn);
}

/* The first byte tells TLS (a handshake record) from plain text. */
static void greet(struct http *http)
{
    int byte = conn_first_byte(http->conn);
    http->greeted = byte >= 0;
    http->to_https = byte >= 0 && byte != 0x16;
    if (http->to_https)
        conn_drop_tls(http->conn);
}

static void http_readable(struct conn *conn, bool gone)
{
    struct http *http = conn->owner;
    if (conn->ssl && !http->greeted)
        greet(http);
    for (int turn = 0; turn < TURNS; turn++) {
        if (http->phase == HTTP_HEAD || http->phase == HTTP_BODY)
            advance(conn);
        if (!still_ours(conn) || http->phase == HTTP_FLUSH)
            return;
        if (http->phase == HTTP_BUSY) {
            if (gone || conn_lost(conn)) /* nobody waits for the answer */
                conn_close(conn);
            return;
        }
        ssize_t n = conn_read(conn);
        if (n == 0)
            return;
        if (n == -2)
            http_refuse(conn, 503);
        else if (n < 0)
            conn_close(conn);
        if (n < 0)
            return;
    }
    conn_kick(conn);
}

static void http_drained(struct conn *conn)
{
    struct http *http = conn->owner;
    if (http->phase == HTTP_FLUSH) {
        http->phase = HTTP_HEAD;
        conn->deadline_ns = clock_now_ns() + conn->loop->params.keepalive_ms * NS_PER_MS;
        http_readable(conn, false);
    }
}

static void http_tick(struct conn *conn, int64_t now)
{
    struct http *http = conn->owner;
    int64_t handshake = conn->loop->params.handshake_timeout_ms * NS_PER_MS;
    if (conn->ssl && !SSL_is_init_finished(conn->ssl) && now > http->opened_ns + handshake)
        conn_close(conn);
    else if (conn->deadline_ns == 0 || now < conn->deadline_ns || http->phase == HTTP_FLUSH)
        return;
    else if (http->phase == HTTP_BODY || http->begun)
        http_refuse(conn, 408);
    else
        conn_close(conn);
}

static void http_stop(struct conn *conn)
{
    struct http *http = conn->owner;
    if (http->phase == HTTP_HEAD)
        conn_close(conn);
}

static void http_closed(struct conn *conn)
{
    http_free(conn->owner);
}

static const struct role http_role = {http_readable, http_drained, http_tick, http_stop,
                                      http_closed};

struct conn *http_open(struct net_loop *loop, int fd, SSL *ssl, const struct address *address)
{
    struct http *http = calloc(1, sizeof(*http));
    struct conn *conn = conn_open(loop, fd, ssl, address, &http_role);
    if (!http || !conn) {
        free(http);
        if (conn) {
            conn->owner = NULL;
            conn_finish(conn, 0, false);
        }
        return NULL;
    }
    conn->owner = http;
    http->conn = conn;
    http->opened_ns = clock_now_ns();
    conn->deadline_ns = http->opened_ns + loop->params.head_timeout_ms * NS_PER_MS;
    return conn;
}
