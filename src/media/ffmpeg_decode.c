#include "media/ffmpeg_decode.h"

#include <stdio.h>
#include <string.h>
#include <libavcodec/avcodec.h>

#include "media/ffmpeg_api.h"
#include "media/ffmpeg_hw.h"
#include "media/image.h"

enum { BROKEN_MAX = 30 }; /* a second of what may be the stream's fault or the card's */

fov_status ffmpeg_fail(fov_error *error, fov_status status, const char *what, int code)
{
    char text[AV_ERROR_MAX_STRING_SIZE];
    av_strerror(code, text, sizeof text);
    return fov_fail(error, status, "%s: %s", what, text);
}

/* ---- opening --------------------------------------------------------------------------------- */

static AVCodecContext *codec_new(const struct ffmpeg_decoder *d)
{
    AVCodecContext *codec = avcodec_alloc_context3(d->kind);
    if (!codec)
        return NULL;
    avcodec_parameters_to_context(codec, d->parameters);
    codec->max_pixels = IMAGE_MAX_PIXELS;
    codec->thread_count = 2;
    codec->thread_type = FF_THREAD_SLICE; /* frame threads would hold frames back */
    codec->flags |= d->flags;
    return codec;
}

static int open_codec(struct ffmpeg_decoder *d, const char *wanted)
{
    d->codec = codec_new(d);
    if (!d->codec)
        return AVERROR(ENOMEM);
    if (strcmp(wanted, "off") != 0)
        d->hw = ffmpeg_hw_attach(d->codec, wanted, d->why, sizeof d->why);
    if (!d->hw)
        d->codec->flags2 |= d->flags2;
    return avcodec_open2(d->codec, d->kind, NULL);
}

static void note(struct ffmpeg_decoder *d, const char *what, int code)
{
    char text[AV_ERROR_MAX_STRING_SIZE];
    av_strerror(code, text, sizeof text);
    snprintf(d->why, sizeof d->why, "%s: %s: %s", ffmpeg_hw_name(d->hw), what, text);
}

int ffmpeg_decoder_open(struct ffmpeg_decoder *d, const AVCodec *kind,
                        const AVCodecParameters *parameters)
{
    d->kind = kind;
    d->parameters = parameters;
    int code = open_codec(d, d->choice ? d->choice->decoder : "off");
    if (code >= 0 || !d->hw)
        return code;
    note(d, "opening the decoder", code);
    return ffmpeg_decoder_fall_back(d);
}

void ffmpeg_decoder_close(struct ffmpeg_decoder *d)
{
    avcodec_free_context(&d->codec);
    ffmpeg_hw_free(&d->hw);
}

int ffmpeg_decoder_fall_back(struct ffmpeg_decoder *d)
{
    ffmpeg_decoder_close(d);
    int code = open_codec(d, "off");
    if (code < 0)
        ffmpeg_decoder_close(d);
    return code;
}

/* ---- decoding -------------------------------------------------------------------------------- */

static void tell(struct ffmpeg_decoder *d, bool on_card)
{
    const char *name = on_card ? ffmpeg_hw_name(d->hw) : "software";
    if (name == d->told || !d->choice || !d->choice->chosen)
        return;
    if (!on_card && d->hw)
        snprintf(d->why, sizeof d->why, "%s: it does not take this stream", ffmpeg_hw_name(d->hw));
    d->told = name;
    d->choice->chosen(d->choice->user, name, d->why);
}

/* Broken data are the stream's fault, until nothing else comes; anything else is the card's. */
static int judge(struct ffmpeg_decoder *d, const char *what, int code)
{
    if (!d->hw || code >= 0 || code == AVERROR(EAGAIN) || code == AVERROR_EOF)
        return code;
    if (code == AVERROR_INVALIDDATA && ++d->broken < BROKEN_MAX)
        return code;
    note(d, what, code);
    return FFMPEG_CARD_FAILED;
}

int ffmpeg_decoder_send(struct ffmpeg_decoder *d, const AVPacket *packet)
{
    return judge(d, "decoding", avcodec_send_packet(d->codec, packet));
}

int ffmpeg_decoder_receive(struct ffmpeg_decoder *d, AVFrame *frame)
{
    bool on_card = false;
    int code = avcodec_receive_frame(d->codec, frame);
    if (code < 0)
        return judge(d, "decoding", code);
    if (d->hw && (code = ffmpeg_hw_fetch(d->hw, frame, &on_card)) < 0) {
        note(d, "bringing a picture into memory", code);
        return FFMPEG_CARD_FAILED;
    }
    d->broken = 0;
    tell(d, on_card);
    return 0;
}
