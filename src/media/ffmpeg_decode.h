/* Inside of the FFmpeg module: what files (ffmpeg_module.c) and live sources (ffmpeg_live.c) share.
 */
#ifndef MEDIA_FFMPEG_DECODE_H
#define MEDIA_FFMPEG_DECODE_H

#include <fovea/status.h>

struct AVCodec;
struct AVCodecContext;
struct AVCodecParameters;

/* "what: FFmpeg's words for the code". Returns `status`. */
fov_status ffmpeg_fail(fov_error *error, fov_status status, const char *what, int code);

/* A decoder within our bounds, not opened yet, which holds no picture back; NULL: no memory. */
struct AVCodecContext *ffmpeg_decoder_new(const struct AVCodec *codec,
                                          const struct AVCodecParameters *parameters);

#endif
