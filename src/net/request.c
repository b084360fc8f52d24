/* The request as its handler sees it. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "net/field.h"
#include "net/http.h"

/* The last address of the list that is not a trusted proxy is the client. */
static void client_of(const struct net_loop *loop, const char *list, struct address *client)
{
    const char *end = list + strlen(list);
    while (end > list && loop_trusts(loop, client)) {
        const char *start = end;
        while (start > list && start[-1] != ',')
            start--;
        const char *from = start, *to = end;
        while (from < to && (*from == ' ' || *from == '\t'))
            from++;
        while (to > from && (to[-1] == ' ' || to[-1] == '\t'))
            to--;
        if (!address_parse(client, from, (size_t)(to - from)))
            return;
        end = start > list ? start - 1 : list;
    }
}

static void find_peer(struct net_request *request)
{
    struct conn *conn = request->conn;
    struct address client = conn->address;
    request->tls = conn->ssl != NULL;
    if (loop_trusts(conn->loop, &client)) {
        const char *proto = head_field(&request->head, "X-Forwarded-Proto");
        if (proto && strcasecmp(proto, "https") == 0)
            request->tls = true;
        for (size_t i = request->head.count; i-- > 0;) {
            if (strcasecmp(request->head.fields[i].name, "X-Forwarded-For") == 0)
                client_of(conn->loop, request->head.fields[i].value, &client);
        }
    }
    address_format(&client, request->peer);
}

struct net_request *request_new(struct http *http, size_t head_len, int *status)
{
    struct conn *conn = http->conn;
    struct net_request *request = calloc(1, sizeof(*request));
    char *text = malloc(2 * (head_len + 1));
    *status = 503;
    if (request && text) {
        memcpy(text, conn->in, head_len);
        *status = head_parse(&request->head, text, head_len, text + head_len + 1);
    }
    if (*status) {
        free(request);
        free(text);
        return NULL;
    }
    request->text = text;
    request->http = http;
    request->conn = conn;
    request->max_body = conn->loop->params.max_body;
    request->body = (const uint8_t *)"";
    request->body_unread = request->head.chunked || request->head.content_length > 0;
    request->close = request->head.close;
    if (!request->body_unread)
        request->head.content_length = 0;
    request->arrival_ns = conn->read_ns;
    find_peer(request);
    identity_add(conn->loop, &request->identity, ID_REQUEST, request);
    atomic_fetch_add(&conn->loop->counters.pending, 1);
    return request;
}

void request_free(struct net_request *request)
{
    identity_remove(request->conn->loop, &request->identity);
    atomic_fetch_sub(&request->conn->loop->counters.pending, 1);
    if (request->headers)
        evbuffer_free(request->headers);
    free(request->cookies);
    free(request->text);
    free(request);
}

struct net_loop *net_request_loop(const struct net_request *request)
{
    return request->conn->loop;
}

uint64_t net_request_id(const struct net_request *request)
{
    return request->identity.node.key;
}

struct net_request *net_request_find(struct net_loop *loop, uint64_t id)
{
    return identity_find(loop, id, ID_REQUEST);
}

void net_request_on_gone(struct net_request *request, void (*fn)(void *user), void *user)
{
    request->on_gone = fn;
    request->gone_user = user;
}

void net_request_set_data(struct net_request *request, void *data)
{
    request->data = data;
}

void *net_request_data(const struct net_request *request)
{
    return request->data;
}

const char *net_request_method(const struct net_request *request)
{
    return request->head.method;
}

const char *net_request_path(const struct net_request *request)
{
    return request->head.path;
}

const char *net_request_query(const struct net_request *request)
{
    return request->head.query;
}

bool net_request_param_at(struct net_request *request, size_t i, const char **name,
                          const char **value)
{
    if (i >= request->head.params_count)
        return false;
    *name = request->head.params[i].name;
    *value = request->head.params[i].value;
    return true;
}

const char *net_request_param(struct net_request *request, const char *name)
{
    for (size_t i = 0; i < request->head.params_count; i++) {
        if (strcmp(request->head.params[i].name, name) == 0)
            return request->head.params[i].value;
    }
    return NULL;
}

const char *net_request_header(const struct net_request *request, const char *name)
{
    return head_field(&request->head, name);
}

bool net_request_header_at(const struct net_request *request, size_t i, struct net_header *header)
{
    if (i >= request->head.count)
        return false;
    *header = request->head.fields[i];
    return true;
}

/* All Cookie fields as "name=value" strings, one behind the other, ended by an empty one. */
static bool read_cookies(struct net_request *request)
{
    size_t size = 2;
    struct head *head = &request->head;
    for (size_t i = 0; i < head->count; i++) {
        if (strcasecmp(head->fields[i].name, "Cookie") == 0)
            size += strlen(head->fields[i].value) + 1;
    }
    char *to = request->cookies = calloc(1, size);
    for (size_t i = 0; to && i < head->count; i++) {
        const char *rest = head->fields[i].value, *element;
        size_t len;
        if (strcasecmp(head->fields[i].name, "Cookie") != 0)
            continue;
        while (field_next(&rest, ';', &element, &len)) {
            if (len == 0)
                continue;
            memcpy(to, element, len);
            to += len + 1;
        }
    }
    return request->cookies != NULL;
}

const char *net_request_cookie(struct net_request *request, const char *name)
{
    size_t len = strlen(name);
    if (!request->cookies && !read_cookies(request))
        return NULL;
    for (const char *at = request->cookies; *at; at += strlen(at) + 1) {
        if (strncmp(at, name, len) == 0 && at[len] == '=')
            return at + len + 1;
    }
    return NULL;
}

const char *net_request_host(const struct net_request *request)
{
    return request->head.host;
}

bool net_request_is_tls(const struct net_request *request)
{
    return request->tls;
}

const char *net_request_peer(const struct net_request *request)
{
    return request->peer;
}

int64_t net_request_content_length(const struct net_request *request)
{
    return request->head.content_length;
}

const uint8_t *net_request_body(const struct net_request *request, size_t *len)
{
    *len = request->body_unread ? 0 : request->body_len;
    return request->body;
}

int64_t net_request_arrival_ns(const struct net_request *request)
{
    return request->arrival_ns;
}

void net_request_set_max_body(struct net_request *request, size_t max_body)
{
    if (max_body < request->max_body)
        request->max_body = max_body;
}

bool net_request_wants_socket(const struct net_request *request)
{
    return request->head.upgrade && strcmp(request->head.method, "GET") == 0;
}
