#include "fake_card.h"

#include <stdio.h>
#include <stdlib.h>
#include <libavcodec/avcodec.h>

#include "media/ffmpeg_hw.h"

struct fake_card fake_card;

struct ffmpeg_hw {
    int unused;
};

struct ffmpeg_hw *ffmpeg_hw_attach(AVCodecContext *codec, const char *wanted, char *why,
                                   size_t size)
{
    why[0] = '\0';
    if (fake_card.absent) {
        snprintf(why, size, "%s: the device cannot be opened: it is a test", wanted);
        return NULL;
    }
    if (fake_card.no_decoder)
        codec->codec_id = AV_CODEC_ID_PNG; /* which avcodec_open2 refuses */
    fake_card.open++;
    fake_card.fetched = 0;
    return calloc(1, sizeof(struct ffmpeg_hw));
}

const char *ffmpeg_hw_name(const struct ffmpeg_hw *hw)
{
    (void)hw;
    return "vaapi";
}

int ffmpeg_hw_fetch(struct ffmpeg_hw *hw, AVFrame *frame, bool *on_card)
{
    (void)hw;
    *on_card = !fake_card.other_shape;
    if (++fake_card.fetched != fake_card.fails_at)
        return 0;
    av_frame_unref(frame);
    return AVERROR(EIO);
}

void ffmpeg_hw_free(struct ffmpeg_hw **hw)
{
    fake_card.open -= *hw != NULL;
    free(*hw);
    *hw = NULL;
}

const char *ffmpeg_hw_kind(int i, char *why, size_t size)
{
    (void)i;
    (void)why;
    (void)size;
    return NULL;
}
