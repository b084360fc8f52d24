#include "media/ffmpeg_decode.h"

#include <libavcodec/avcodec.h>

#include "media/image.h"

fov_status ffmpeg_fail(fov_error *error, fov_status status, const char *what, int code)
{
    char text[AV_ERROR_MAX_STRING_SIZE];
    av_strerror(code, text, sizeof text);
    return fov_fail(error, status, "%s: %s", what, text);
}

AVCodecContext *ffmpeg_decoder_new(const AVCodec *codec, const AVCodecParameters *parameters)
{
    AVCodecContext *decoder = avcodec_alloc_context3(codec);
    if (!decoder)
        return NULL;
    avcodec_parameters_to_context(decoder, parameters);
    decoder->max_pixels = IMAGE_MAX_PIXELS;
    decoder->thread_count = 2;
    decoder->thread_type = FF_THREAD_SLICE; /* frame threads would hold frames back */
    return decoder;
}
