/* The HTTP role of a connection, and the request that travels through it. */
#ifndef NET_HTTP_H
#define NET_HTTP_H

#include "net/chunk.h"
#include "net/conn.h"
#include "net/head.h"

enum http_phase {
    HTTP_HEAD, /* waits for a head, or for the rest of one */
    HTTP_BODY,
    HTTP_BUSY,  /* the caller has the request */
    HTTP_FLUSH, /* its answer waits for the client to read */
};

struct http {
    struct conn *conn;
    enum http_phase phase;
    bool advancing; /* http_advance is on the stack: it goes on by itself */
    bool begun;     /* bytes of a head have come */
    bool to_https;  /* plain text on a TLS port: all it gets is the way to https */
    bool greeted;   /* its first byte has been looked at */
    int64_t opened_ns;
    struct head_scan scan;
    struct chunk_decoder chunks;
    struct net_request *request;
};

struct net_request {
    struct identity identity;
    struct http *http;
    struct conn *conn;
    struct head head;
    char *text; /* what head points into */
    size_t max_body;
    const uint8_t *body;
    size_t body_len;
    bool body_unread; /* there is one and it is not complete */
    bool close;
    bool tls;
    int64_t arrival_ns;
    char peer[ADDRESS_TEXT];
    struct evbuffer *headers; /* of the answer, "Name: value\r\n" */
    char *cookies;            /* decoded copy, made when first asked */
    void (*on_gone)(void *user);
    void *gone_user;
    void *data;
};

/* Starts to serve an accepted connection. */
struct conn *http_open(struct net_loop *loop, int fd, SSL *ssl, const struct address *address);
/* Answers a connection without looking at what it asks, and ends it. */
void http_refuse(struct conn *conn, int status);

/* Writes the answer and ends the request. */
void http_answer(struct net_request *request, int status, const char *content_type,
                 const struct net_piece *body);
/* Ends the request and takes the connection from HTTP: role and owner are the caller's next. Bytes
 * behind the request stay in conn->in; the caller kicks. */
struct conn *http_take_over(struct net_request *request);

/* reply.c: status line and fields; the default ones too, unless the request's answer has them.
 * request may be NULL; content_length < 0: none is sent. */
struct evbuffer *reply_head(struct net_loop *loop, struct net_request *request, int status,
                            const char *content_type, int64_t content_length, bool close);
const char *reply_phrase(int status);

/* request.c */
struct net_request *request_new(struct http *http, size_t head_len, int *status);
void request_free(struct net_request *request);

#endif
