#include "infer/oip_http.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/clock.h"
#include "base/curl.h"
#include "base/text.h"

enum {
    CONNECT_MS = 1000,
    HEADERS_MAX = 64 * 1024,
    BUFFER = 256 * 1024, /* of libcurl, a direction */
};

struct oip_http {
    curl_easy *easy;
    curl_multi *multi;
    struct curl_list *fields; /* of the POST with `fields_json` */
    size_t fields_json;
    char reason[CURL_REASON_SIZE];
    atomic_bool running, cancelled;
    /* the reply as it comes */
    char *room; /* the body begins at `shift`, so that its binary part is aligned */
    size_t capacity, shift, size, most;
    size_t headers_size, json_size; /* json_size SIZE_MAX: not said */
    const char *refused;            /* why we ended it, NULL when we did not */
};

fov_status oip_http_probe(char version[64], char library[256], fov_error *error)
{
    fov_status status = curl_open(error);
    if (status)
        return status;
    /* Not curl_version(): it asks LDAP's library, which looks up this machine's own name. */
    const struct curl_about *about = curl.version_info(0);
    text_copy(version, 64, about && about->version ? about->version : "?");
    text_copy(library, 256, curl.library);
    return FOV_OK;
}

/* ---- the reply as it comes ---- */

static size_t refuse(struct oip_http *h, const char *why)
{
    h->refused = why;
    return 0;
}

/* The value of a header line `name: value` as a number below 2^31; false when it is another line.
 */
static bool number_of(const char *line, size_t size, const char *name, long long *value)
{
    size_t n = strlen(name);
    char digits[16];
    if (size <= n || strncasecmp(line, name, n) != 0 || line[n] != ':')
        return false;
    const char *from = line + n + 1, *end = line + size;
    while (from < end && (*from == ' ' || *from == '\t'))
        from++;
    while (end > from && strchr("\r\n \t", end[-1]))
        end--;
    *value = -1;
    if ((size_t)(end - from) >= sizeof digits)
        return true;
    memcpy(digits, from, (size_t)(end - from));
    digits[end - from] = '\0';
    if (strspn(digits, "0123456789") == (size_t)(end - from))
        text_to_int(digits, 0, INT32_MAX, value);
    return true;
}

static size_t take_header(char *line, size_t one, size_t count, void *user)
{
    struct oip_http *h = user;
    size_t size = one * count;
    long long value;
    h->headers_size += size;
    if (h->headers_size > HEADERS_MAX)
        return refuse(h, "more than 64 KiB of headers");
    if (!number_of(line, size, "Inference-Header-Content-Length", &value))
        return size;
    if (value < 0 || value > OIP_JSON_MAX ||
        (h->json_size != SIZE_MAX && h->json_size != (size_t)value) || h->size) /* a trailer */
        return refuse(h, "an Inference-Header-Content-Length that cannot be");
    h->json_size = (size_t)value;
    h->shift = (OIP_ALIGN - h->json_size % OIP_ALIGN) % OIP_ALIGN;
    return size;
}

/* Room for `size` bytes, kept between exchanges. */
static bool make_room(struct oip_http *h, size_t size)
{
    size_t capacity = h->capacity ? h->capacity : 64 * 1024;
    if (size <= h->capacity)
        return true;
    while (capacity < size)
        capacity *= 2;
    char *room = aligned_alloc(OIP_ALIGN, capacity);
    if (!room)
        return false;
    if (h->size)
        memcpy(room, h->room, h->shift + h->size);
    free(h->room);
    h->room = room;
    h->capacity = capacity;
    return true;
}

static size_t take_body(char *bytes, size_t one, size_t count, void *user)
{
    struct oip_http *h = user;
    size_t size = one * count;
    if (size > h->most - h->size)
        return refuse(h, "more bytes than the described outputs have");
    if (!make_room(h, h->shift + h->size + size))
        return refuse(h, "a reply for which there is no memory");
    memcpy(h->room + h->shift + h->size, bytes, size);
    h->size += size;
    return size;
}

/* ---- opening and closing ---- */

void oip_http_close(struct oip_http **http)
{
    struct oip_http *h = *http;
    *http = NULL;
    if (!h)
        return;
    if (h->easy)
        curl.easy_cleanup(h->easy);
    if (h->multi)
        curl.multi_cleanup(h->multi);
    if (h->fields)
        curl.slist_free_all(h->fields);
    free(h->room);
    free(h);
}

static bool set_options(struct oip_http *h)
{
    static const struct curl_number numbers[] = {{CURL_OPTION_HTTP_VERSION, CURL_HTTP_1_1},
                                                 {CURL_OPTION_TCP_NODELAY, 1},
                                                 {CURL_OPTION_TCP_KEEPALIVE, 1},
                                                 {CURL_OPTION_MAXCONNECTS, 1},
                                                 {CURL_OPTION_CONNECTTIMEOUT_MS, CONNECT_MS},
                                                 {CURL_OPTION_BUFFERSIZE, BUFFER},
                                                 {CURL_OPTION_UPLOAD_BUFFERSIZE, BUFFER}};
    /* A name that is being looked up is not waited for when time is over; older ones do wait. */
    curl.easy_setopt(h->easy, CURL_OPTION_QUICK_EXIT, 1L);
    return curl_set_up(h->easy, h->reason, numbers, sizeof numbers / sizeof *numbers) &&
           curl_set_takers(h->easy, take_header, take_body, h) &&
           curl.easy_setopt(h->easy, CURL_OPTION_PROXY, CURL_NO_PROXY) == 0;
}

fov_status oip_http_open(struct oip_http **http, fov_error *error)
{
    *http = NULL;
    fov_status status = curl_open(error);
    if (status)
        return status;
    struct oip_http *h = calloc(1, sizeof *h);
    if (!h)
        return fov_fail(error, FOV_ENOMEM, "no memory for a connection");
    atomic_init(&h->running, false);
    atomic_init(&h->cancelled, false);
    h->easy = curl.easy_init();
    h->multi = curl.multi_init();
    if (!h->easy || !h->multi || !set_options(h)) {
        oip_http_close(&h);
        return fov_fail(error, FOV_ERUNTIME, "%s gives no connection of the kind that is needed",
                        curl.library);
    }
    *http = h;
    return FOV_OK;
}

/* ---- an exchange ---- */

/* Header fields of a POST; made anew only when the JSON has another length. */
static bool make_fields(struct oip_http *h, size_t json_size)
{
    char length[80];
    snprintf(length, sizeof length, "Inference-Header-Content-Length: %zu", json_size);
    const char *const lines[] = {length, "Content-Type: application/octet-stream",
                                 "Expect:"}; /* no round trip before the body */
    if (h->fields && h->fields_json == json_size)
        return true;
    if (h->fields)
        curl.slist_free_all(h->fields);
    h->fields = NULL;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        if (!curl_list_add(&h->fields, lines[i]))
            return false;
    h->fields_json = json_size;
    return true;
}

static bool prepare(struct oip_http *h, const struct oip_exchange *x)
{
    h->size = h->shift = h->headers_size = 0;
    h->json_size = SIZE_MAX;
    h->most = x->most;
    h->refused = NULL;
    h->reason[0] = '\0';
    int failed = curl.easy_setopt(h->easy, CURL_OPTION_URL, x->url);
    if (!x->body) {
        failed |= curl.easy_setopt(h->easy, CURL_OPTION_HTTPHEADER, NULL);
        failed |= curl.easy_setopt(h->easy, CURL_OPTION_HTTPGET, 1L);
        return !failed;
    }
    if (!make_fields(h, x->json_size))
        return false;
    failed |= curl.easy_setopt(h->easy, CURL_OPTION_HTTPHEADER, h->fields);
    failed |= curl.easy_setopt(h->easy, CURL_OPTION_POST, 1L);
    failed |= curl.easy_setopt(h->easy, CURL_OPTION_POSTFIELDS, x->body);
    failed |= curl.easy_setopt(h->easy, CURL_OPTION_POSTFIELDSIZE, (int64_t)x->size);
    return !failed;
}

/* Milliseconds to a moment, rounded up, at most a second. */
static int ms_until(int64_t moment_ns)
{
    int64_t ms = (moment_ns - clock_now_ns() + NS_PER_MS - 1) / NS_PER_MS;
    return ms < 0 ? 0 : ms > 1000 ? 1000 : (int)ms;
}

/* Sends and receives until it is done (*code is libcurl's), cancelled or too late. */
static fov_status drive(struct oip_http *h, int64_t deadline_ns, int *code)
{
    int busy = 0, left = 0;
    for (;;) {
        if (curl.multi_perform(h->multi, &busy) != 0)
            return FOV_EIO;
        struct curl_message *m = curl.multi_info_read(h->multi, &left);
        if (m && m->kind == CURL_MESSAGE_DONE) {
            *code = m->data.code;
            return FOV_OK;
        }
        if (atomic_load(&h->cancelled))
            return FOV_ECLOSED;
        if (clock_now_ns() >= deadline_ns)
            return FOV_ETIMEOUT;
        if (curl.multi_poll(h->multi, NULL, 0, ms_until(deadline_ns), NULL) != 0)
            return FOV_EIO;
    }
}

/* Why libcurl gave up. */
static fov_status explain(const struct oip_http *h, int code, fov_error *error)
{
    const char *reason = h->reason[0] ? h->reason : curl.easy_strerror(code);
    if (h->refused)
        return fov_fail(error, FOV_EIO, "the server sends %s", h->refused);
    if (code == CURL_CODE_TIMEOUT)
        return fov_fail(error, FOV_ETIMEOUT, "no connection within %d ms", CONNECT_MS);
    if (code == CURL_CODE_RESOLVE || code == CURL_CODE_CONNECT)
        return fov_fail(error, FOV_EIO, "no connection: %.150s", reason);
    return fov_fail(error, FOV_EIO, "the connection failed: %.150s", reason);
}

static fov_status finish(struct oip_http *h, int code, struct oip_answer *answer, fov_error *error)
{
    if (code)
        return explain(h, code, error);
    long status = 0;
    curl.easy_getinfo(h->easy, CURL_INFO_RESPONSE_CODE, &status);
    bool whole = h->json_size == SIZE_MAX || h->json_size <= h->size;
    if (!whole)
        return fov_fail(error, FOV_EIO,
                        "the server's Inference-Header-Content-Length is larger than its reply");
    *answer = (struct oip_answer){.code = status,
                                  .body = h->size ? h->room + h->shift : "",
                                  .size = h->size,
                                  .json_size = h->json_size == SIZE_MAX ? h->size : h->json_size};
    return FOV_OK;
}

/* Writing to a connection that the other side closed must not end the process: older libcurls with
 * TLS raise the signal. */
static void end_quietly(const sigset_t *before, bool was_pending)
{
    static const struct timespec at_once = {0, 0};
    sigset_t pipe, pending;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    if (!was_pending && sigpending(&pending) == 0 && sigismember(&pending, SIGPIPE) == 1)
        sigtimedwait(&pipe, NULL, &at_once);
    pthread_sigmask(SIG_SETMASK, before, NULL);
}

static bool begin_quietly(sigset_t *before)
{
    sigset_t pipe, pending;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    bool was_pending = sigpending(&pending) == 0 && sigismember(&pending, SIGPIPE) == 1;
    pthread_sigmask(SIG_BLOCK, &pipe, before);
    return was_pending;
}

fov_status oip_http_run(struct oip_http *h, const struct oip_exchange *exchange,
                        struct oip_answer *answer, fov_error *error)
{
    sigset_t before;
    int code = 0;
    atomic_store(&h->cancelled, false);
    atomic_store(&h->running, true);
    bool was_pending = begin_quietly(&before);
    fov_status status = FOV_EIO;
    if (prepare(h, exchange) && curl.multi_add_handle(h->multi, h->easy) == 0) {
        status = drive(h, exchange->deadline_ns, &code);
        curl.multi_remove_handle(h->multi, h->easy); /* ends what is still going on */
    }
    end_quietly(&before, was_pending);
    atomic_store(&h->running, false);
    if (status == FOV_ETIMEOUT)
        return fov_fail(error, status, "no reply in time");
    if (status == FOV_ECLOSED)
        return fov_fail(error, status, "cancelled");
    if (status)
        return fov_fail(error, status, "%s cannot send this", curl.library);
    return finish(h, code, answer, error);
}

void oip_http_cancel(struct oip_http *h)
{
    if (!atomic_load(&h->running))
        return;
    atomic_store(&h->cancelled, true);
    curl.multi_wakeup(h->multi);
}
