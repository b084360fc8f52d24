#include "serve/sources.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/dynlib.h"
#include "base/text.h"

bool source_url(const struct settings *settings, const char *source, char *url, size_t size)
{
    const struct settings_camera *camera = settings_find_camera(settings, source);
    char folder[512];
    if (camera && camera->source && strcmp(camera->source, source) != 0)
        source = camera->source;
    if (strcmp(source, "demo:") != 0)
        return strlen(source) < size && text_copy(url, size, source) > 0;
    if (dynlib_deps_folder(folder, sizeof folder)) {
        int length = snprintf(url, size, "%s/media/bikes.mp4", folder);
        if (length > 0 && (size_t)length < size && access(url, R_OK) == 0)
            return true;
    }
    return text_copy(url, size, "pattern:") > 0;
}

/* True when `path` is `root` or lies below it. */
static bool below(const char *path, const char *root)
{
    size_t length = strlen(root);
    while (length > 1 && root[length - 1] == '/')
        length--;
    return strncmp(path, root, length) == 0 &&
           (path[length] == '\0' || path[length] == '/' || length == 1);
}

static bool is_url(const char *text)
{
    return strstr(text, "://") != NULL;
}

/* A URL without its user and password: the list names servers, not log-ins. */
static const char *without_login(const char *source, const char *allowed, char *to, size_t size)
{
    const char *host = strstr(source, "://") + 3, *named = strstr(allowed, "://") + 3;
    const char *at = memrchr(host, '@', strcspn(host, "/?#"));
    if (!at || memchr(named, '@', strcspn(named, "/?#")))
        return source;
    int length = snprintf(to, size, "%.*s%s", (int)(host - source), source, at + 1);
    return length > 0 && (size_t)length < size ? to : source;
}

/* Ways up out of a folder, however they are written. */
static bool climbs(const char *url)
{
    return strchr(url, '\\') || strstr(url, "/..") || strcasestr(url, "%2e") ||
           strcasestr(url, "%2f..") || strcasestr(url, "..%2f") || strcasestr(url, "%5c");
}

/* A URL may go on where the allowed one ends at a border: scheme and host are always whole. */
static bool url_allowed(const char *source, const char *allowed)
{
    char bare[2048];
    size_t length = strlen(allowed);
    const char *host = strstr(allowed, "://") + 3;
    source = without_login(source, allowed, bare, sizeof bare);
    if (strncasecmp(source, allowed, length) != 0 || climbs(source))
        return false;
    if (allowed[length - 1] == '/' && host < allowed + length)
        return true;
    return strchr("/?#", source[length]) != NULL;
}

static bool file_allowed(const char *source, const char *allowed)
{
    char real[PATH_MAX], root[PATH_MAX], folder[PATH_MAX];
    text_copy(folder, sizeof folder, source);
    char *star = strpbrk(folder, "*?[");
    if (star) { /* a glob: the folder that it begins in decides */
        char *slash = memrchr(folder, '/', (size_t)(star - folder));
        if (!slash || strchr(slash + 1, '/'))
            return false;
        slash[slash == folder] = '\0';
    }
    return realpath(folder, real) && realpath(allowed, root) && below(real, root);
}

bool source_is_camera(const struct settings *settings, const char *source)
{
    for (size_t i = 0; i < settings->cameras.count; i++) {
        const struct settings_camera *camera = &settings->cameras.items[i];
        if (camera->source &&
            (strcmp(camera->name, source) == 0 || strcmp(camera->source, source) == 0))
            return true;
    }
    return false;
}

bool source_over_udp(const char *url)
{
    const char *word = strncasecmp(url, "rtsp", 4) == 0 ? strpbrk(url, "?&") : NULL;
    while (word && strncmp(word + 1, "transport=udp", 13) != 0)
        word = strpbrk(word + 1, "?&");
    return word != NULL;
}

bool source_allowed(const struct settings *settings, const char *source)
{
    if (strcmp(source, "demo:") == 0 || strncmp(source, "pattern:", 8) == 0 ||
        source_is_camera(settings, source))
        return true;
    for (size_t i = 0; i < settings->sources.allow.count; i++) {
        const char *allowed = settings->sources.allow.items[i];
        if (strcmp(source, allowed) == 0)
            return true;
        if (is_url(source) != is_url(allowed))
            continue;
        if (is_url(source) ? url_allowed(source, allowed) : file_allowed(source, allowed))
            return true;
    }
    return false;
}

/* The folder of a URL: "http://host/live/" of "http://host/live/index.m3u8?x". */
static bool url_folder(const char *url, char *to, size_t size)
{
    const char *host = strstr(url, "://");
    size_t length = host ? strcspn(host + 3, "?#") : 0;
    const char *slash = host ? memrchr(host + 3, '/', length) : NULL;
    size_t used = slash ? (size_t)(slash - url) + 1 : 0;
    if (used == 0 || used >= size)
        return false;
    memcpy(to, url, used);
    to[used] = '\0';
    return true;
}

bool source_nested_allowed(const struct settings *settings, const char *own, const char *url)
{
    char folder[2048], bare[2048];
    if (!is_url(url))
        return false;
    for (size_t i = 0; i < settings->sources.allow.count; i++)
        if (is_url(settings->sources.allow.items[i]) &&
            url_allowed(url, settings->sources.allow.items[i]))
            return true;
    for (size_t i = 0; i < settings->cameras.count; i++) {
        const struct settings_camera *camera = &settings->cameras.items[i];
        if (camera->source && strcmp(camera->source, own) == 0 && is_url(own) &&
            url_folder(without_login(own, "://", bare, sizeof bare), folder, sizeof folder) &&
            url_allowed(url, folder))
            return true;
    }
    return false;
}

const char *source_decoder(const struct settings *settings)
{
    static const char *const words[] = {[DECODER_AUTO] = "auto",
                                        [DECODER_OFF] = "off",
                                        [DECODER_CUDA] = "cuda",
                                        [DECODER_VAAPI] = "vaapi",
                                        [DECODER_VIDEOTOOLBOX] = "videotoolbox"};
    bool any = settings->sources.decoder == DECODER_AUTO;
    return any && !settings->realtime.use_gpu ? "off" : words[settings->sources.decoder];
}
