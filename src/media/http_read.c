#include "media/http_read.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/curl.h"
#include "base/text.h"
#include "media/source_url.h"

enum { REDIRECTS_MAX = 5, ADDRESSES_MAX = 4, TICK_MS = 100, HEADERS_MAX = 64 << 10 };
#define BODY_MAX ((size_t)16 << 20) /* that curl may hand over between two reads */

struct http_read {
    const struct http_door *door;
    curl_easy *easy;
    curl_multi *multi;
    struct curl_list *pinned; /* the addresses that were checked */
    char url[URL_MAX + 512], type[128], reason[CURL_REASON_SIZE];
    char *body;
    size_t start, end, room, headers;
    long code; /* HTTP status, 0 none yet */
    bool head_done, done;
    int result; /* of curl, once done */
    int64_t size, offset;
};

/* ---- callbacks of curl ----------------------------------------------------------------------- */

static size_t take_header(char *line, size_t one, size_t count, void *user)
{
    struct http_read *h = user;
    size_t size = one * count;
    h->headers += size;
    if (h->headers > HEADERS_MAX)
        return 0;
    if (size <= 2) { /* the empty line: 100 and 401 are followed by more */
        curl.easy_getinfo(h->easy, CURL_INFO_RESPONSE_CODE, &h->code);
        h->head_done = h->code >= 200 && h->code / 100 != 3 && h->code != 401;
    }
    (void)line;
    return size;
}

static size_t take_body(char *bytes, size_t one, size_t count, void *user)
{
    struct http_read *h = user;
    size_t size = one * count;
    if (h->code >= 300)
        return size; /* the page of an error */
    if (h->start == h->end)
        h->start = h->end = 0;
    if (h->end + size > h->room) {
        size_t room = h->room ? h->room : 65536;
        while (room < h->end + size)
            room *= 2;
        char *body = room <= BODY_MAX ? realloc(h->body, room) : NULL;
        if (!body)
            return 0;
        h->body = body;
        h->room = room;
    }
    memcpy(h->body + h->end, bytes, size);
    h->end += size;
    return size;
}

/* ---- one step -------------------------------------------------------------------------------- */

/* Lets curl work until something has come, it is done, or it was stopped (false). */
static bool advance(struct http_read *h, bool (*enough)(const struct http_read *h))
{
    int running, left;
    while (!h->done && !enough(h)) {
        curl.multi_perform(h->multi, &running);
        for (struct curl_message *m; (m = curl.multi_info_read(h->multi, &left)) != NULL;)
            if (m->kind == CURL_MESSAGE_DONE) {
                h->done = true;
                h->result = m->data.code;
            }
        if (h->done || enough(h))
            break;
        if (h->door->stop(h->door->user))
            return false;
        curl.multi_poll(h->multi, NULL, 0, TICK_MS, NULL);
    }
    return true;
}

static bool has_head(const struct http_read *h)
{
    return h->head_done;
}

static bool has_body(const struct http_read *h)
{
    return h->end > h->start;
}

/* ---- opening --------------------------------------------------------------------------------- */

static fov_status set_options(struct http_read *h, bool verify, fov_error *error)
{
    const struct curl_number numbers[] = {{CURL_OPTION_HTTP_VERSION, CURL_HTTP_1_1},
                                          {CURL_OPTION_HTTPAUTH, CURL_AUTH_BASIC_OR_DIGEST},
                                          {CURL_OPTION_TCP_NODELAY, 1},
                                          {CURL_OPTION_TCP_KEEPALIVE, 1},
                                          {CURL_OPTION_SSL_VERIFYPEER, verify},
                                          {CURL_OPTION_SSL_VERIFYHOST, verify ? 2 : 0}};
    char range[32];
    bool good = curl_set_up(h->easy, h->reason, numbers, sizeof numbers / sizeof *numbers) &&
                curl_set_takers(h->easy, take_header, take_body, h);
    int failed = curl.easy_setopt(h->easy, CURL_OPTION_PROXY, CURL_NO_PROXY);
    failed |= curl.easy_setopt(h->easy, CURL_OPTION_URL, h->url);
    failed |= curl.easy_setopt(h->easy, CURL_OPTION_RESOLVE, h->pinned);
    if (h->offset > 0) {
        snprintf(range, sizeof range, "%lld-", (long long)h->offset);
        failed |= curl.easy_setopt(h->easy, CURL_OPTION_RANGE, range);
    }
    return good && !failed
               ? FOV_OK
               : fov_fail(error, FOV_ERUNTIME, "%s lacks what HTTP sources need", curl.library);
}

/* The checked addresses, for curl to connect to; it resolves nothing itself. */
static fov_status pin(struct http_read *h, enum source_guard guard, bool *verify, fov_error *error)
{
    struct source_url parts;
    struct source_address found[ADDRESSES_MAX];
    char line[URL_HOST_MAX + 8 + ADDRESSES_MAX * 66];
    fov_status status = source_url_parse(&parts, h->url, error);
    if (status)
        return status;
    fov_error why = {0};
    int count = source_resolve(h->door->resolving, parts.host, parts.port, guard, h->door->stop,
                               h->door->user, found, ADDRESSES_MAX, &why);
    if (count == 0)
        return fov_fail(error, why.status, "%s", why.message);
    bool v6 = strchr(parts.host, ':') != NULL;
    size_t used = (size_t)snprintf(line, sizeof line, "%s%s%s:%d:", v6 ? "[" : "", parts.host,
                                   v6 ? "]" : "", parts.port);
    *verify = !source_host_private(parts.host);
    for (int i = 0; i < count; i++) {
        bool wrap = strchr(found[i].text, ':') != NULL;
        used += (size_t)snprintf(line + used, sizeof line - used, "%s%s%s%s", i ? "," : "",
                                 wrap ? "[" : "", found[i].text, wrap ? "]" : "");
    }
    return curl_list_add(&h->pinned, line)
               ? FOV_OK
               : fov_fail(error, FOV_ENOMEM, "no memory for a connection");
}

static void drop_transfer(struct http_read *h)
{
    if (h->easy && h->multi)
        curl.multi_remove_handle(h->multi, h->easy);
    if (h->easy)
        curl.easy_cleanup(h->easy);
    if (h->multi)
        curl.multi_cleanup(h->multi);
    if (h->pinned)
        curl.slist_free_all(h->pinned);
    h->easy = NULL;
    h->multi = NULL;
    h->pinned = NULL;
}

static fov_status judge(const struct http_read *h, fov_error *error)
{
    if (h->code == 0) {
        if (h->result == CURL_CODE_CONNECT)
            return fov_fail(error, FOV_EIO, HTTP_UNREACHABLE " at that address");
        if (h->result == CURL_CODE_CERTIFICATE || h->result == CURL_CODE_AUTHORITIES)
            return fov_fail(error, FOV_EDENIED, "its certificate is not valid: %.140s", h->reason);
        return fov_fail(error, FOV_EIO, "the server gives no HTTP answer: %.140s",
                        h->reason[0] ? h->reason : curl.easy_strerror(h->result));
    }
    if (h->code == 401 || h->code == 403)
        return fov_fail(
            error, FOV_EDENIED,
            "the server answers %ld: write user:password@ before the host, or mend them", h->code);
    if (h->code == 404 || h->code == 410)
        return fov_fail(error, FOV_ENOTFOUND, "the server answers %ld: nothing has this path",
                        h->code);
    if (h->code != 200 && h->code != 206)
        return fov_fail(error, FOV_EIO, "the server answers %ld", h->code);
    if (h->offset > 0 && h->code != 206)
        return fov_fail(error, FOV_EUNSUPPORTED, "the server cannot begin in the middle");
    return FOV_OK;
}

static void note_head(struct http_read *h)
{
    const char *type = NULL;
    int64_t length = -1;
    curl.easy_getinfo(h->easy, CURL_INFO_CONTENT_TYPE, &type);
    curl.easy_getinfo(h->easy, CURL_INFO_CONTENT_LENGTH, &length);
    text_copy(h->type, sizeof h->type, type ? type : "");
    for (char *c = h->type; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    h->size = length >= 0 && length <= INT64_MAX - h->offset ? length + h->offset : -1;
}

/* One request, without redirects. */
static fov_status request(struct http_read *h, bool first, fov_error *error)
{
    enum source_guard guard = GUARD_ALL;
    bool verify;
    const char *next = NULL;
    if (!h->door->allow(h->door->user, h->url, first, &guard, error))
        return FOV_EDENIED;
    fov_status status = pin(h, guard, &verify, error);
    if (status)
        return status;
    h->head_done = h->done = false;
    h->code = h->result = 0;
    h->headers = h->start = h->end = 0;
    h->reason[0] = '\0';
    h->easy = curl.easy_init();
    h->multi = curl.multi_init();
    if (!h->easy || !h->multi)
        return fov_fail(error, FOV_ENOMEM, "no memory for a connection");
    status = set_options(h, verify, error);
    if (status)
        return status;
    curl.multi_add_handle(h->multi, h->easy);
    if (!advance(h, has_head))
        return fov_fail(error, FOV_ETIMEOUT, "no answer in time");
    curl.easy_getinfo(h->easy, CURL_INFO_REDIRECT_URL, &next);
    if (h->code >= 300 && h->code < 400 && next) {
        if (strlen(next) >= URL_MAX)
            return fov_fail(error, FOV_EIO, "a redirect to a URL that is too long");
        text_copy(h->url, sizeof h->url, next);
        return FOV_OK;
    }
    note_head(h);
    return judge(h, error);
}

fov_status http_open(struct http_read **reader, const struct http_door *door, const char *url,
                     bool first, int64_t offset, fov_error *error)
{
    *reader = NULL;
    fov_status status = curl_open(error);
    if (status)
        return status;
    struct http_read *h = calloc(1, sizeof *h);
    if (!h)
        return fov_fail(error, FOV_ENOMEM, "no memory for a connection");
    h->door = door;
    h->offset = offset;
    text_copy(h->url, sizeof h->url, url);
    for (int i = 0; status == FOV_OK; i++) {
        status = request(h, first && i == 0, error);
        if (status || h->code < 300)
            break;
        drop_transfer(h);
        if (i == REDIRECTS_MAX)
            status = fov_fail(error, FOV_EIO, "more than %d redirects", REDIRECTS_MAX);
    }
    if (status)
        http_close(&h);
    *reader = h;
    return status;
}

/* ---- reading --------------------------------------------------------------------------------- */

int http_get(struct http_read *h, uint8_t *to, int size)
{
    /* Asked here too: while bytes come without a pause, advance() never gets to it. */
    if (h->door->stop(h->door->user) || !advance(h, has_body))
        return -1;
    size_t count = h->end - h->start;
    if (count == 0)
        return h->result == 0 ? 0 : -1;
    if (count > (size_t)size)
        count = (size_t)size;
    memcpy(to, h->body + h->start, count);
    h->start += count;
    return (int)count;
}

const char *http_type(const struct http_read *h)
{
    return h->type;
}

int64_t http_size(const struct http_read *h)
{
    return h->size;
}

const char *http_url(const struct http_read *h)
{
    return h->url;
}

void http_close(struct http_read **reader)
{
    struct http_read *h = *reader;
    *reader = NULL;
    if (!h)
        return;
    drop_transfer(h);
    free(h->body);
    free(h);
}
