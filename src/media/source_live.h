/* Inside of live sources: source_live.c (thread, pictures) and source_connect.c (URLs, addresses).
 */
#ifndef MEDIA_SOURCE_LIVE_H
#define MEDIA_SOURCE_LIVE_H

#include <pthread.h>

#include "media/ffmpeg_api.h"
#include "media/http_read.h"
#include "media/source.h"
#include "media/source_link.h"
#include "media/source_url.h"

struct live {
    fov_source *source;
    const struct ffmpeg_api *api;
    enum ffmpeg_live_kind kind;
    struct source_url url; /* not of cameras */
    char address[URL_MAX + 512];
    bool udp;
    struct source_resolving *resolving;
    struct http_door door;
    struct ffmpeg_live_params params;
    struct ffmpeg_live_info stream; /* the thread's; readers: state.finite */
    fov_error http_error;           /* why our side did not open something */
    bool unreachable, denied;       /* denied: something on the way may not be opened */
    int64_t beat_ns;                /* paced: when pts 0 is due */
    bool anchored;
    double last_pts_ms;
    int64_t last_arrival_ns;

    pthread_t thread;
    bool started;
    pthread_mutex_t lock; /* all below; also held for every change of `link` */
    pthread_cond_t changed;
    struct link link;
    struct ffmpeg_picture *spare, *newest, *reading;
    struct ffmpeg_picture_info newest_info, reading_info;
    int64_t newest_decode_ns, reading_decode_ns;
    bool fresh; /* `newest` was not read yet */
    bool held;  /* `reading` was taken and not given out: the pool was empty */
    fov_source_state state;
    fov_status end; /* FOV_EOS or the reason, once ENDED */
};

/* Asked by everything that waits on the source's thread: interrupted, or silent for too long. */
bool live_is_stopped(void *live);

/* Takes the URL apart: kind, address, options. */
fov_status live_read_url(struct live *v, const char *url, fov_error *error);
/* What FFmpeg needs to know; once the URL is read. */
void live_make_door(struct live *v);
/* Opens a connection; v->stream says what it is. */
fov_status live_connect(struct live *v, struct ffmpeg_live **stream, fov_error *error);
/* Whether its port answers. */
bool live_probe(struct live *v);

#endif
