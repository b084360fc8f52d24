/* Inside of the FFmpeg module: live sources (ffmpeg_live.c) and their reading over HTTP
 * (ffmpeg_io.c). */
#ifndef MEDIA_FFMPEG_LIVE_H
#define MEDIA_FFMPEG_LIVE_H

#include "media/ffmpeg_api.h"

struct AVFormatContext;
struct AVIOContext;

/* As in ffmpeg_api.h. */
fov_status ffmpeg_live_open(struct ffmpeg_live **live, const struct ffmpeg_live_params *params,
                            struct ffmpeg_live_info *info, fov_error *error);
fov_status ffmpeg_live_next(struct ffmpeg_live *live, struct ffmpeg_picture *picture,
                            struct ffmpeg_picture_info *info, fov_error *error);
void ffmpeg_live_close(struct ffmpeg_live **live);
struct ffmpeg_picture *ffmpeg_picture_new(void);
fov_status ffmpeg_picture_store(struct ffmpeg_picture *picture, const fov_image *to,
                                fov_error *error);
void ffmpeg_picture_free(struct ffmpeg_picture **picture);

/* What one live source reads over HTTP, all its playlists and pieces together. */
struct ffmpeg_feed {
    const struct ffmpeg_live_params *params;
    int64_t bytes;       /* since the last packet */
    const char *refused; /* too many came: why nothing more is read; NULL: they did not */
};

/* Makes all that the context opens go through params->http_open, and opens `first` as its pb.
 * `feed` stays valid until the context is closed. False: it could not be opened. */
bool ffmpeg_io_attach(struct AVFormatContext *format, struct ffmpeg_feed *feed,
                      struct ffmpeg_http *first);
/* By its type or the end of its path. */
bool ffmpeg_io_is_playlist(const struct ffmpeg_http *http);
/* Closes that pb, which FFmpeg leaves to its maker, after the context was closed. */
void ffmpeg_io_close(struct AVIOContext **pb);

#endif
