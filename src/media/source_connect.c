/* Live sources: RTSP, RTMP, HTTP (multipart JPEG, HLS, files) and cameras of this machine: what a
 * URL means, which addresses may be connected to, and what playlists and redirects may lead to. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "media/source_live.h"

enum { ADDRESSES_MAX = 4 };
#define ALLOWANCE_MS 60.0 /* RTSP over UDP: packets wait so long for their order */

/* ---- URLs ------------------------------------------------------------------------------------ */

const char *source_live_kind(const char *url)
{
    const char *kind = source_url_kind(url);
    size_t length = strlen(url);
    bool number = length > 0 && length < 4 && strspn(url, "0123456789") == length;
    if (number || strncmp(url, "/dev/video", 10) == 0)
        return "camera";
    return kind ? kind : strstr(url, "://") ? "unknown" : NULL;
}

/* FFmpeg's TLS takes any certificate: who stands between would read the password. */
static bool shows_password(const struct live *v)
{
    bool tls = strcmp(v->url.scheme, "rtsps") == 0 || strcmp(v->url.scheme, "rtmps") == 0;
    return tls && v->url.user[0] && !source_host_private(v->url.host);
}

fov_status live_read_url(struct live *v, const char *url, fov_error *error)
{
    char word[16];
    const char *kind = source_live_kind(url);
    v->kind = strcmp(kind, "rtsp") == 0   ? FFMPEG_RTSP
              : strcmp(kind, "rtmp") == 0 ? FFMPEG_RTMP
              : strcmp(kind, "http") == 0 ? FFMPEG_HTTP
                                          : FFMPEG_CAMERA;
    if (strcmp(kind, "camera") == 0) {
        bool path = url[0] == '/';
        snprintf(v->address, sizeof v->address, "%s%.64s", path ? "" : "/dev/video", url);
        return FOV_OK;
    }
    fov_status status = source_url_parse(&v->url, url, error);
    if (status)
        return status;
    if (v->kind == FFMPEG_RTSP && source_url_take(&v->url, "transport", word, sizeof word)) {
        v->udp = strcmp(word, "udp") == 0;
        if (!v->udp && strcmp(word, "tcp") != 0)
            return fov_fail(error, FOV_EINVAL, "transport is tcp or udp, not '%.12s'", word);
    }
    if (shows_password(v))
        return fov_fail(error, FOV_EDENIED,
                        "certificates of %s are not verified, so no password goes to %.60s: write "
                        "the camera's address in your own network, or reach it by a VPN",
                        v->url.scheme, v->url.host);
    text_copy(v->address, sizeof v->address, url);
    v->source->info.kind = kind;
    return FOV_OK;
}

/* ---- HTTP: what may be opened ---------------------------------------------------------------- */

static bool may_open(void *user, const char *url, bool first, enum source_guard *guard,
                     fov_error *error)
{
    struct live *v = user;
    const fov_source_params *p = &v->source->params;
    struct source_url parts;
    fov_error why = {0};
    *guard = p->guarded ? GUARD_NAMES : GUARD_NONE;
    if (first)
        return true;
    if (source_url_parse(&parts, url, &why) || strncmp(parts.scheme, "http", 4) != 0) {
        fov_fail(error, FOV_EDENIED, "a playlist or redirect leads to something else than http");
        return false;
    }
    bool own = strcmp(parts.host, v->url.host) == 0;
    if (p->allow && !p->allow(p->user, url)) {
        fov_fail(
            error, FOV_EDENIED,
            "a playlist or redirect leads to %s://%.80s:%d, which is not on the list of sources",
            parts.scheme, parts.host, parts.port);
        return false;
    }
    if (!own)
        *guard = p->allow ? GUARD_NAMES : GUARD_ALL;
    return true;
}

static bool open_http(void *user, struct ffmpeg_http *http, const char *url, bool first,
                      int64_t offset)
{
    struct live *v = user;
    struct http_read *reader;
    fov_error error = {0};
    fov_status status = http_open(&reader, &v->door, url, first, offset, &error);
    if (status) {
        v->http_error = error;
        v->http_error.status = status;
        v->denied = status == FOV_EDENIED;
        v->unreachable = first &&
                         strncmp(error.message, HTTP_UNREACHABLE, strlen(HTTP_UNREACHABLE)) == 0;
        return false;
    }
    *http = (struct ffmpeg_http){.stream = reader,
                                 .size = http_size(reader),
                                 .type = http_type(reader),
                                 .url = http_url(reader)};
    return true;
}

static int read_http(void *stream, uint8_t *to, int size)
{
    return http_get(stream, to, size);
}

static void close_http(void *stream)
{
    struct http_read *reader = stream;
    http_close(&reader);
}

/* ---- connecting ------------------------------------------------------------------------------ */

/* The first address that answers, in place of the name. */
static fov_status find_address(struct live *v, struct source_address *at, fov_error *error)
{
    struct source_address found[ADDRESSES_MAX];
    enum source_guard guard = v->source->params.guarded ? GUARD_NAMES : GUARD_NONE;
    int count = source_resolve(&v->resolving, v->url.host, v->url.port, guard, live_is_stopped, v,
                               found, ADDRESSES_MAX, error);
    if (count == 0)
        return error->status;
    for (int i = 0; i < count; i++)
        if (source_probe(&found[i], live_is_stopped, v)) {
            *at = found[i];
            return FOV_OK;
        }
    v->unreachable = true;
    return fov_fail(error, FOV_EIO, HTTP_UNREACHABLE " at %.80s port %d", v->url.host, v->url.port);
}

fov_status live_connect(struct live *v, struct ffmpeg_live **stream, fov_error *error)
{
    struct source_address at;
    fov_status status = FOV_OK;
    v->unreachable = v->denied = false;
    v->http_error = (fov_error){0};
    if (v->kind == FFMPEG_RTSP || v->kind == FFMPEG_RTMP) {
        status = find_address(v, &at, error);
        if (status == FOV_OK &&
            !source_url_write(&v->url, at.text, true, v->address, sizeof v->address))
            status = fov_fail(error, FOV_EINVAL, "the URL is too long");
    }
    if (status == FOV_OK)
        status = v->api->live_open(stream, &v->params, &v->stream, error);
    if (status && v->http_error.status) { /* our side knows better */
        *error = v->http_error;
        status = v->http_error.status;
    }
    return status;
}

bool live_probe(struct live *v)
{
    struct source_address at;
    fov_error error = {0};
    return find_address(v, &at, &error) == FOV_OK;
}

void live_make_door(struct live *v)
{
    v->door = (struct http_door){
        .stop = live_is_stopped, .user = v, .allow = may_open, .resolving = &v->resolving};
    v->params = (struct ffmpeg_live_params){.kind = v->kind,
                                            .choice = source_choice(v->source),
                                            .url = v->address,
                                            .udp = v->udp,
                                            .allowance_ms = v->udp ? ALLOWANCE_MS : 0,
                                            .stop = live_is_stopped,
                                            .http_open = open_http,
                                            .http_read = read_http,
                                            .http_close = close_http,
                                            .user = v};
    v->state.allowance_ms = v->params.allowance_ms;
}
