/* URLs of sources. Whatever the text: no crash, what is taken apart goes together again to the
 * same, no password is shown, and nothing outside of the list is allowed. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <fovea/source.h>
#include "media/source_url.h"
#include "serve/sources.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_parts(const char *text)
{
    struct source_url parts, again;
    char whole[URL_MAX + 512], word[32];
    if (source_url_parse(&parts, text, NULL))
        return;
    if (!parts.host[0] || parts.port < 1 || parts.port > 65535 || !source_url_kind(text) ||
        !source_url_write(&parts, NULL, true, whole, sizeof whole))
        abort();
    /* A longer one may not fit any more: the port is always written. */
    if (source_url_parse(&again, whole, NULL) == FOV_OK &&
        (strcmp(parts.host, again.host) != 0 || parts.port != again.port ||
         strcmp(parts.rest, again.rest) != 0 || strcmp(parts.user, again.user) != 0))
        abort();
    while (source_url_take(&parts, "transport", word, sizeof word))
        ;
}

static void check_list(const char *text)
{
    static struct settings *settings;
    static const char list[] = "sources: {allow: ['http://h/live/', 'rtsp://10.0.0.7']}";
    struct source_url parts;
    if (!settings && settings_parse(&settings, list, sizeof list - 1, "f", NULL, NULL, NULL, NULL))
        abort();
    if (!strstr(text, "://") || !source_allowed(settings, text) ||
        source_url_parse(&parts, text, NULL))
        return;
    bool live = strcmp(parts.host, "h") == 0 && strcmp(parts.scheme, "http") == 0 &&
                strncasecmp(parts.rest, "/live/", 6) == 0 && parts.port == 80;
    bool camera = strcmp(parts.host, "10.0.0.7") == 0 && parts.port == 554;
    if (!live && !camera)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1), shown[64];
    if (!text)
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    check_parts(text);
    check_list(text);
    fov_source_redact(shown, sizeof shown, text);
    if (strlen(shown) >= sizeof shown)
        abort();
    free(text);
    return 0;
}
