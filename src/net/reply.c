/* Answers: status line, fields, problem documents. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/json.h"
#include "net/field.h"
#include "net/http.h"

const char *reply_phrase(int status)
{
    static const struct {
        int status;
        const char *phrase;
    } phrases[] = {
        {100, "Continue"},
        {101, "Switching Protocols"},
        {200, "OK"},
        {201, "Created"},
        {202, "Accepted"},
        {204, "No Content"},
        {206, "Partial Content"},
        {301, "Moved Permanently"},
        {302, "Found"},
        {303, "See Other"},
        {304, "Not Modified"},
        {307, "Temporary Redirect"},
        {308, "Permanent Redirect"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {406, "Not Acceptable"},
        {408, "Request Timeout"},
        {409, "Conflict"},
        {410, "Gone"},
        {411, "Length Required"},
        {412, "Precondition Failed"},
        {413, "Content Too Large"},
        {414, "URI Too Long"},
        {415, "Unsupported Media Type"},
        {416, "Range Not Satisfiable"},
        {417, "Expectation Failed"},
        {421, "Misdirected Request"},
        {422, "Unprocessable Content"},
        {426, "Upgrade Required"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {502, "Bad Gateway"},
        {503, "Service Unavailable"},
        {504, "Gateway Timeout"},
        {505, "HTTP Version Not Supported"},
    };
    for (size_t i = 0; i < sizeof(phrases) / sizeof(phrases[0]); i++) {
        if (phrases[i].status == status)
            return phrases[i].phrase;
    }
    return "Unknown";
}

/* IMF-fixdate (RFC 9110 section 5.6.7); strftime would follow the locale. */
static void add_date(struct evbuffer *out)
{
    static const char days[] = "SunMonTueWedThuFriSat";
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    time_t now = time(NULL);
    struct tm t;
    if (gmtime_r(&now, &t))
        evbuffer_add_printf(out, "Date: %.3s, %02d %.3s %d %02d:%02d:%02d GMT\r\n",
                            days + 3 * t.tm_wday, t.tm_mday, months + 3 * t.tm_mon,
                            t.tm_year + 1900, t.tm_hour, t.tm_min, t.tm_sec);
}

static bool is_clean(const char *value)
{
    for (; *value; value++) {
        if (((unsigned char)*value < ' ' && *value != '\t') || *value == 0x7f)
            return false;
    }
    return true;
}

/* True when the field is among "Name: value\r\n" lines. */
static bool has_field(struct evbuffer *lines, const char *name)
{
    if (!lines || evbuffer_get_length(lines) == 0)
        return false;
    size_t len = evbuffer_get_length(lines), name_len = strlen(name);
    const char *at = (const char *)evbuffer_pullup(lines, -1), *end = at + len;
    while (at && at < end) {
        if ((size_t)(end - at) > name_len && strncasecmp(at, name, name_len) == 0 &&
            at[name_len] == ':')
            return true;
        at = memchr(at, '\n', (size_t)(end - at));
        at = at ? at + 1 : NULL;
    }
    return false;
}

struct evbuffer *reply_head(struct net_loop *loop, struct net_request *request, int status,
                            const char *content_type, int64_t content_length, bool close)
{
    struct evbuffer *out = evbuffer_new();
    struct evbuffer *own = request ? request->headers : NULL;
    if (!out)
        return NULL;
    evbuffer_add_printf(out, "HTTP/1.1 %d %s\r\n", status, reply_phrase(status));
    add_date(out);
    if (content_type && is_clean(content_type))
        evbuffer_add_printf(out, "Content-Type: %s\r\n", content_type);
    if (content_length >= 0)
        evbuffer_add_printf(out, "Content-Length: %lld\r\n", (long long)content_length);
    for (size_t i = 0; i < loop->params.default_headers_len; i++) {
        const struct net_header *header = &loop->headers[i];
        if (!has_field(own, header->name))
            evbuffer_add_printf(out, "%s: %s\r\n", header->name, header->value);
    }
    bool has_connection = has_field(own, "Connection");
    if (own)
        evbuffer_add_buffer(out, own);
    else if (status == 503)
        evbuffer_add_printf(out, "Retry-After: 1\r\n");
    if (!has_connection)
        evbuffer_add_printf(out, "Connection: %s\r\n", close ? "close" : "keep-alive");
    if (evbuffer_add(out, "\r\n", 2) == 0)
        return out;
    evbuffer_free(out);
    return NULL;
}

void net_request_add_header(struct net_request *request, const char *name, const char *value)
{
    if (!field_is_token(name) || !is_clean(value))
        return;
    if (!request->headers)
        request->headers = evbuffer_new();
    if (request->headers)
        evbuffer_add_printf(request->headers, "%s: %s\r\n", name, value);
}

void net_request_close_after(struct net_request *request)
{
    request->close = true;
}

void net_reply(struct net_request *request, int status, const char *content_type, const void *body,
               size_t len)
{
    http_answer(request, status, content_type, &(struct net_piece){.data = body, .len = len});
}

void net_reply_blob(struct net_request *request, int status, const char *content_type,
                    struct net_blob *blob)
{
    http_answer(request, status, content_type, &(struct net_piece){.blob = blob});
}

void net_write_problem(struct json_writer *w, int status, const char *code, const char *detail)
{
    json_add_string(w, "type", "about:blank");
    json_add_string(w, "title", reply_phrase(status));
    json_add_int(w, "status", status);
    json_add_string(w, "code", code);
    if (detail)
        json_add_string(w, "detail", detail);
}

void net_reply_problem(struct net_request *request, int status, const char *code,
                       const char *detail)
{
    struct json_writer w = {0};
    json_object_begin(&w);
    net_write_problem(&w, status, code, detail);
    json_object_end(&w);
    net_reply(request, status, "application/problem+json", w.text, w.text ? w.size : 0);
    json_release(&w);
}

void net_reply_error(struct net_request *request, fov_status status, const fov_error *error)
{
    const char *detail = error && error->message[0] ? error->message : fov_status_text(status);
    net_reply_problem(request, fov_status_http(status), fov_status_code(status), detail);
}

void net_reply_redirect(struct net_request *request, const char *location)
{
    net_request_add_header(request, "Location", location);
    net_reply(request, 303, NULL, NULL, 0);
}
