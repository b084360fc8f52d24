/* Reading over HTTP for the FFmpeg module: every address and every redirect is checked before it is
 * connected to, and a read never blocks for longer than its caller agrees to. */
#ifndef MEDIA_HTTP_READ_H
#define MEDIA_HTTP_READ_H

#include "media/source_address.h"

struct http_read;

/* What opening a URL needs to know; valid while the reader is. */
struct http_door {
    source_stop_fn *stop;
    void *user;
    /* May this URL be opened? False: refused, with the reason. `first`: the source's own URL. */
    bool (*allow)(void *user, const char *url, bool first, enum source_guard *guard,
                  fov_error *error);
    struct source_resolving **resolving;
};

/* Opens a URL (`first`: the source's own), following at most 5 redirects, from byte `offset` on.
 * Returns FOV_ENOTFOUND (404, 410), FOV_EDENIED (401, 403, not allowed), FOV_EIO (unreachable: the
 * error begins with HTTP_UNREACHABLE), FOV_ETIMEOUT, FOV_ERUNTIME (no libcurl), FOV_ECLOSED. */
#define HTTP_UNREACHABLE "nothing answers"
fov_status http_open(struct http_read **reader, const struct http_door *door, const char *url,
                     bool first, int64_t offset, fov_error *error);

/* Reads what is there, waiting for the first byte. Returns the count, 0 at the end, -1 when it
 * broke or was stopped. */
int http_get(struct http_read *reader, uint8_t *to, int size);

const char *http_type(const struct http_read *reader); /* Content-Type, lower case; "" unknown */
int64_t http_size(const struct http_read *reader);    /* of the whole, -1: it has no end, unknown */
const char *http_url(const struct http_read *reader); /* after redirects */
void http_close(struct http_read **reader);

#endif
