/* What libfovea-ffmpeg.so offers libfovea. The module is opened at run time, so that the library
 * works on machines without FFmpeg. It exports one `const struct ffmpeg_api fovea_ffmpeg_api`. */
#ifndef MEDIA_FFMPEG_API_H
#define MEDIA_FFMPEG_API_H

#include <stdatomic.h>
#include <fovea/frame.h>

#define FFMPEG_API_ABI 2 /* raised with every change of this file */

struct ffmpeg_video;
struct ffmpeg_still;

struct ffmpeg_video_info {
    int width, height;
    double fps;      /* 0 unknown */
    int64_t frames;  /* -1 unknown */
    int orientation; /* how to show it, as EXIF numbers it: 1, 3, 6 or 8 */
};

struct ffmpeg_api {
    uint32_t abi;

    /* Opens a video file (local files only). *interrupted ends any call within a read. */
    fov_status (*video_open)(struct ffmpeg_video **video, const char *path,
                             const atomic_bool *interrupted, struct ffmpeg_video_info *info,
                             fov_error *error);
    /* Decodes the next frame; FOV_EOS at the end, FOV_EFORMAT for broken data (reading on may
     * work), FOV_ECLOSED when interrupted. */
    fov_status (*video_next)(struct ffmpeg_video *video, int *width, int *height, double *pts_ms,
                             fov_error *error);
    /* Writes that frame into `to` of the same size: FOV_YUV 4:2:0 full range with the colours of
     * JPEG, FOV_RGB24, FOV_BGR24 or FOV_GRAY8. */
    fov_status (*video_store)(struct ffmpeg_video *video, const fov_image *to, fov_error *error);
    fov_status (*video_rewind)(struct ffmpeg_video *video, fov_error *error);
    void (*video_close)(struct ffmpeg_video **video);

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
