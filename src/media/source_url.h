/* URLs of sources: their parts, and how they are shown. */
#ifndef MEDIA_SOURCE_URL_H
#define MEDIA_SOURCE_URL_H

#include <stdbool.h>
#include <stddef.h>
#include <fovea/status.h>

enum { URL_MAX = 2048, URL_HOST_MAX = 256 };

struct source_url {
    char scheme[8];          /* lower case: rtsp rtsps rtmp rtmps http https */
    char user[512];          /* "name:password", as written; "" none */
    char host[URL_HOST_MAX]; /* lower case, without the brackets of IPv6 */
    int port;                /* the scheme's own when none is written */
    char rest[URL_MAX];      /* from the path on, "" or "/..." or "?..." ; no fragment */
};

/* "rtsp", "rtmp" or "http" for what begins with one of our schemes, NULL for others. */
const char *source_url_kind(const char *text);

/* Takes a URL apart. Returns FOV_EINVAL for what is none, FOV_EUNSUPPORTED for other schemes;
 * `error` never holds the URL. */
fov_status source_url_parse(struct source_url *parts, const char *text, fov_error *error);

/* Puts it together again with another host ("10.0.0.7", "fe80::1") in place of its own, NULL: its
 * own; `user`: with or without the credentials. False: too long. */
bool source_url_write(const struct source_url *parts, const char *host, bool user, char *to,
                      size_t size);

/* Takes a word `name=value` out of the query that is meant for us ("transport=udp"): true when it
 * was there; `value` gets it. */
bool source_url_take(struct source_url *parts, const char *name, char *value, size_t size);

#endif
