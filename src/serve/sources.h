/* Which sources may be opened, and what their short names mean. */
#ifndef SERVE_SOURCES_H
#define SERVE_SOURCES_H

#include <stdbool.h>
#include <stddef.h>

#include "serve/settings.h"

/* What a client asks for by name as the URL to open: `demo:` becomes the demo clip that set-up
 * fetched, or moving shapes without one; the name of a camera of the settings its source; others
 * stay. False when it does not fit. */
bool source_url(const struct settings *settings, const char *source, char *url, size_t size);

/* Whether a client may have `source` opened: `demo:`, `pattern:`, cameras of the settings, and what
 * sources.allow names. Files are compared after symbolic links were followed. */
bool source_allowed(const struct settings *settings, const char *source);

/* Whether `source` is a camera of the settings, by its name or its URL. */
bool source_is_camera(const struct settings *settings, const char *source);

/* Whether `url` asks for RTSP over UDP: then what answers there says to which address and port
 * packets are sent, so that it is only for cameras that the settings name. */
bool source_over_udp(const char *url);

/* Whether the source `own`, which was allowed, may have `url` opened on its way (a playlist's
 * entry, a redirect): what sources.allow names, and for cameras of the settings what lies in the
 * same folder of the same server. Any thread, for settings that do not change. */
bool source_nested_allowed(const struct settings *settings, const char *own, const char *url);

/* What is to decode video, as fov_source_params.decoder. Static. */
const char *source_decoder(const struct settings *settings);

#endif
