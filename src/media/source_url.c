#include "media/source_url.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <fovea/source.h>
#include "base/text.h"

static const struct {
    const char *scheme, *kind;
    int port;
} schemes[] = {{"rtsp", "rtsp", 554},  {"rtsps", "rtsp", 322}, {"rtmp", "rtmp", 1935},
               {"rtmps", "rtmp", 443}, {"http", "http", 80},   {"https", "http", 443}};

/* Copies `length` bytes in lower case; false: no room. */
static bool lower(char *to, size_t size, const char *from, size_t length)
{
    if (length == 0 || length >= size)
        return false;
    for (size_t i = 0; i < length; i++)
        to[i] = (char)tolower((unsigned char)from[i]);
    to[length] = '\0';
    return true;
}

const char *source_url_kind(const char *text)
{
    const char *mark = strstr(text, "://");
    size_t length = mark ? (size_t)(mark - text) : 0;
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++)
        if (strlen(schemes[i].scheme) == length &&
            strncasecmp(text, schemes[i].scheme, length) == 0)
            return schemes[i].kind;
    return NULL;
}

static int port_of(const char *scheme)
{
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++)
        if (strcmp(schemes[i].scheme, scheme) == 0)
            return schemes[i].port;
    return 0;
}

/* "host", "host:port", "[v6]:port". */
static bool read_host(struct source_url *parts, const char *text, size_t length)
{
    const char *end = text + length, *close = NULL, *port = NULL;
    if (length > 0 && *text == '[') {
        close = memchr(text, ']', length);
        if (!close ||
            !lower(parts->host, sizeof parts->host, text + 1, (size_t)(close - text) - 1) ||
            (close + 1 < end && close[1] != ':'))
            return false;
        port = close + 1 < end ? close + 2 : NULL;
    } else {
        const char *colon = memchr(text, ':', length);
        if (!lower(parts->host, sizeof parts->host, text, colon ? (size_t)(colon - text) : length))
            return false;
        port = colon ? colon + 1 : NULL;
    }
    char digits[8];
    long long value;
    if (port && port < end) {
        if ((size_t)(end - port) >= sizeof digits)
            return false;
        snprintf(digits, sizeof digits, "%.*s", (int)(end - port), port);
        if (!text_to_int(digits, 1, 65535, &value))
            return false;
        parts->port = (int)value;
    }
    for (const char *c = parts->host; *c; c++)
        if (!isalnum((unsigned char)*c) && !strchr(close ? ":.%" : "-._", *c))
            return false;
    return true;
}

static bool is_clean(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text <= ' ' || *text == 127 || *text == '\\')
            return false;
    return true;
}

fov_status source_url_parse(struct source_url *parts, const char *text, fov_error *error)
{
    *parts = (struct source_url){0};
    const char *mark = strstr(text, "://");
    if (!mark || strlen(text) >= URL_MAX || !is_clean(text))
        return fov_fail(error, FOV_EINVAL, "not a URL, or over %d bytes", URL_MAX - 1);
    if (!lower(parts->scheme, sizeof parts->scheme, text, (size_t)(mark - text)) ||
        (parts->port = port_of(parts->scheme)) == 0)
        return fov_fail(
            error, FOV_EUNSUPPORTED,
            "a URL begins with rtsp://, rtsps://, rtmp://, rtmps://, http:// or https://");
    const char *host = mark + 3;
    size_t authority = strcspn(host, "/?#");
    const char *at = memrchr(host, '@', authority);
    if (at) {
        if ((size_t)(at - host) >= sizeof parts->user)
            return fov_fail(error, FOV_EINVAL, "the user's name in the URL is too long");
        memcpy(parts->user, host, (size_t)(at - host));
    }
    const char *name = at ? at + 1 : host;
    if (!read_host(parts, name, (size_t)(host + authority - name)))
        return fov_fail(error, FOV_EINVAL, "the host or port in the URL is wrong");
    snprintf(parts->rest, sizeof parts->rest, "%.*s", (int)strcspn(host + authority, "#"),
             host + authority);
    return FOV_OK;
}

bool source_url_write(const struct source_url *parts, const char *host, bool user, char *to,
                      size_t size)
{
    const char *name = host ? host : parts->host;
    bool v6 = strchr(name, ':') != NULL, with = user && parts->user[0];
    int length = snprintf(to, size, "%s://%s%s%s%s%s:%d%s", parts->scheme, with ? parts->user : "",
                          with ? "@" : "", v6 ? "[" : "", name, v6 ? "]" : "", parts->port,
                          parts->rest);
    return length > 0 && (size_t)length < size;
}

bool source_url_take(struct source_url *parts, const char *name, char *value, size_t size)
{
    size_t length = strlen(name);
    char *query = strchr(parts->rest, '?');
    for (char *at = query; at; at = strchr(at + 1, '&')) {
        char *word = at + 1;
        if (strncmp(word, name, length) != 0 || word[length] != '=')
            continue;
        size_t end = strcspn(word, "&");
        snprintf(value, size, "%.*s", (int)(end - length - 1), word + length + 1);
        if (word[end]) /* more follow: they take its place */
            memmove(word, word + end + 1, strlen(word + end + 1) + 1);
        else
            *at = '\0';
        return true;
    }
    return false;
}

void fov_source_redact(char *to, size_t size, const char *url)
{
    text_redact_url(to, size, url);
}
