/* Inside of the FFmpeg module: what files (ffmpeg_module.c) and live sources (ffmpeg_live.c) share.
 */
#ifndef MEDIA_FFMPEG_DECODE_H
#define MEDIA_FFMPEG_DECODE_H

#include <stdbool.h>
#include <fovea/status.h>

struct AVCodec;
struct AVCodecContext;
struct AVCodecParameters;
struct AVFrame;
struct AVPacket;
struct ffmpeg_choice;
struct ffmpeg_hw;

/* "what: FFmpeg's words for the code". Returns `status`. */
fov_status ffmpeg_fail(fov_error *error, fov_status status, const char *what, int code);

/* A decoder within our bounds, which holds no picture back; on a graphics card, or not. */
struct ffmpeg_decoder {
    struct AVCodecContext *codec; /* NULL: not open */
    const struct ffmpeg_choice *choice;
    int flags;  /* of the codec; set before it is opened */
    int flags2; /* the same, where the processor decodes */

    const struct AVCodec *kind;
    const struct AVCodecParameters *parameters;
    struct ffmpeg_hw *hw; /* NULL: the processor decodes */
    int broken;           /* packets in a row that the card did not take */
    const char *told;     /* what decodes, as last told; NULL: not yet */
    char why[160];        /* what was wrong with the card */
};

/* The card failed: call ffmpeg_decoder_fall_back, and go on with packets from a key frame. */
#define FFMPEG_CARD_FAILED (-0x43415244)

/* Returns FFmpeg's code. `parameters` stay valid until it is closed. */
int ffmpeg_decoder_open(struct ffmpeg_decoder *decoder, const struct AVCodec *kind,
                        const struct AVCodecParameters *parameters);
/* As avcodec_send_packet (NULL: the end), avcodec_receive_frame, of frames in memory; or
 * FFMPEG_CARD_FAILED. */
int ffmpeg_decoder_send(struct ffmpeg_decoder *decoder, const struct AVPacket *packet);
int ffmpeg_decoder_receive(struct ffmpeg_decoder *decoder, struct AVFrame *frame);
/* The processor decodes from now on. Returns FFmpeg's code; then it is closed. */
int ffmpeg_decoder_fall_back(struct ffmpeg_decoder *decoder);
void ffmpeg_decoder_close(struct ffmpeg_decoder *decoder);

#endif
