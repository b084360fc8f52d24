/* What libfovea-ffmpeg.so offers libfovea. The module is opened at run time, so that the library
 * works on machines without FFmpeg. It exports one `const struct ffmpeg_api fovea_ffmpeg_api`. */
#ifndef MEDIA_FFMPEG_API_H
#define MEDIA_FFMPEG_API_H

#include <stdatomic.h>
#include <fovea/frame.h>

#define FFMPEG_API_ABI 4 /* raised with every change of this file */

struct ffmpeg_video;
struct ffmpeg_still;

/* What decodes: a graphics card or the processor. */
struct ffmpeg_choice {
    const char *decoder; /* "auto", "off", or a kind of card: "cuda", "vaapi", "videotoolbox" */
    /* Told with the first picture, and when it changes: "software" or a kind of card; `why`: what
     * was wrong with the card, "" nothing. On the thread that decodes. */
    void (*chosen)(void *user, const char *decoder, const char *why);
    void *user;
};

struct ffmpeg_video_info {
    int width, height;
    double fps;      /* 0 unknown */
    int64_t frames;  /* -1 unknown */
    int orientation; /* how to show it, as EXIF numbers it: 1, 3, 6 or 8 */
};

/* ---- live sources ---------------------------------------------------------------------------- */

struct ffmpeg_live;
struct ffmpeg_picture; /* a decoded or still encoded picture, handed from thread to thread */

enum ffmpeg_live_kind { FFMPEG_RTSP, FFMPEG_RTMP, FFMPEG_HTTP, FFMPEG_CAMERA };

/* A stream over HTTP: opened, checked and read by our side. */
struct ffmpeg_http {
    void *stream;
    int64_t size;     /* bytes in all, -1 unknown */
    const char *type; /* Content-Type, lower case; valid while it is open */
    const char *url;  /* after redirects */
};

struct ffmpeg_live_params {
    enum ffmpeg_live_kind kind;
    const char *url; /* RTSP, RTMP: with a checked numeric host; camera: the device */
    bool udp;        /* RTSP over UDP */
    double allowance_ms;
    struct ffmpeg_choice choice;
    /* Ends any call within 100 ms when true. The rest for HTTP; `first`: the source's own URL. */
    bool (*stop)(void *user);
    bool (*http_open)(void *user, struct ffmpeg_http *http, const char *url, bool first,
                      int64_t offset);
    int (*http_read)(void *stream, uint8_t *to, int size); /* 0: the end, -1: broken */
    void (*http_close)(void *stream);
    void *user;
};

struct ffmpeg_live_info {
    bool finite; /* a file behind a URL */
    bool paced;  /* comes in bursts: to be shown by its time stamps */
};

struct ffmpeg_picture_info {
    int width, height;   /* px; 0 of a JPEG */
    double pts_ms;       /* since the first one */
    int64_t arrival_ns;  /* monotonic: its last byte */
    const uint8_t *jpeg; /* still encoded; NULL: decoded. Valid as long as the picture */
    size_t jpeg_size;
};

struct ffmpeg_api {
    uint32_t abi;

    /* Opens a video file (local files only). *interrupted ends any call within a read. `choice`
     * stays valid until it is closed. */
    fov_status (*video_open)(struct ffmpeg_video **video, const char *path,
                             const struct ffmpeg_choice *choice, const atomic_bool *interrupted,
                             struct ffmpeg_video_info *info, fov_error *error);
    /* Decodes the next frame; FOV_EOS at the end, FOV_EFORMAT for broken data (reading on may
     * work), FOV_ECLOSED when interrupted. */
    fov_status (*video_next)(struct ffmpeg_video *video, int *width, int *height, double *pts_ms,
                             fov_error *error);
    /* Writes that frame into `to` of the same size: FOV_YUV 4:2:0 full range with the colours of
     * JPEG, FOV_RGB24, FOV_BGR24 or FOV_GRAY8. */
    fov_status (*video_store)(struct ffmpeg_video *video, const fov_image *to, fov_error *error);
    fov_status (*video_rewind)(struct ffmpeg_video *video, fov_error *error);
    /* Goes to this position: the next frame is the first one at or behind it. */
    fov_status (*video_seek)(struct ffmpeg_video *video, double ms, fov_error *error);
    void (*video_close)(struct ffmpeg_video **video);

    /* Opens a live source: its first picture comes with live_next. Returns FOV_ENOTFOUND,
     * FOV_EDENIED (user or password), FOV_EUNSUPPORTED (no decoder), FOV_EFORMAT, FOV_EIO,
     * FOV_ECLOSED (stopped); no message holds the URL. `params` stays valid until live_close. */
    fov_status (*live_open)(struct ffmpeg_live **live, const struct ffmpeg_live_params *params,
                            struct ffmpeg_live_info *info, fov_error *error);
    /* The next picture, into `picture`. Returns FOV_EFORMAT for a broken one (go on), FOV_EOS,
     * FOV_EIO, FOV_ECLOSED (stopped). */
    fov_status (*live_next)(struct ffmpeg_live *live, struct ffmpeg_picture *picture,
                            struct ffmpeg_picture_info *info, fov_error *error);
    void (*live_close)(struct ffmpeg_live **live);

    struct ffmpeg_picture *(*picture_new)(void); /* NULL: no memory */
    /* As video_store, of a decoded one. */
    fov_status (*picture_store)(struct ffmpeg_picture *picture, const fov_image *to,
                                fov_error *error);
    void (*picture_free)(struct ffmpeg_picture **picture);

    /* Kinds of cards that decode: the i-th name, NULL after the last; `why`: what is missing on
     * this machine, "" nothing. */
    const char *(*decoder_kind)(int i, char *why, size_t size);

    /* Still pictures. `bytes` has 64 readable bytes behind `size`. */
    fov_status (*still_open)(struct ffmpeg_still **still, fov_error *error);
    fov_status (*still_decode)(struct ffmpeg_still *still, fov_codec codec, const uint8_t *bytes,
                               size_t size, int *width, int *height, fov_error *error);
    fov_status (*still_store)(struct ffmpeg_still *still, const fov_image *to, fov_error *error);
    void (*still_close)(struct ffmpeg_still **still);
};

/* The module's entry, opened at the first call; NULL with FOV_ERUNTIME and the mend in `error`. */
const struct ffmpeg_api *ffmpeg_api_get(fov_error *error);

#endif
