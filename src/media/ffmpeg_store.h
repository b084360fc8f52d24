/* From FFmpeg's frames to fov_image: pixel formats, range and matrix. */
#ifndef MEDIA_FFMPEG_STORE_H
#define MEDIA_FFMPEG_STORE_H

#include <fovea/frame.h>

struct AVFrame;
struct SwsContext;

/* Writes `frame` into `to` (same size). Limited range becomes full range; a frame marked BT.709
 * gets the BT.601 matrix of JPEG, unmarked ones are taken as BT.601 (as OpenCV does). *scaler is
 * kept from call to call; free it with sws_freeContext. */
fov_status ffmpeg_store(struct SwsContext **scaler, const struct AVFrame *frame,
                        const fov_image *to, fov_error *error);

#endif
