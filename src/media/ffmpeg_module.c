/* libfovea-ffmpeg.so: video files, PNG and WebP through FFmpeg's libraries. */
#include "media/ffmpeg_api.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/display.h>
#include <libavutil/imgutils.h>
#include <libswscale/swscale.h>

#include "media/ffmpeg_decode.h"
#include "media/ffmpeg_hw.h"
#include "media/ffmpeg_live.h"
#include "media/ffmpeg_store.h"
#include "media/image.h"

/* Containers of video; no playlists and no formats that open further files. */
#define FORMATS                                                                                    \
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,mpegvideo,m4v,flv,ogg,asf,mjpeg,h264,"  \
    "hevc,ivf,obu,gif,yuv4mpegpipe,mxf,nut,dv"

struct ffmpeg_video {
    AVFormatContext *format;
    struct ffmpeg_decoder decoder;
    AVPacket *packet;
    AVFrame *frame;
    struct SwsContext *scaler;
    const atomic_bool *interrupted;
    int stream;
    double fps;
    int64_t first_pts; /* AV_NOPTS_VALUE before the first frame */
    int64_t count;     /* frames since the start */
    double from_ms;    /* after a seek: earlier frames are passed over */
    double last_ms;    /* of the last frame given; < 0: none since the start or a seek */
    bool draining;
};

/* ---- opening --------------------------------------------------------------------------------- */

static int is_interrupted(void *video)
{
    const struct ffmpeg_video *v = video;
    return v->interrupted && atomic_load(v->interrupted);
}

static fov_status open_file(struct ffmpeg_video *v, const char *path, fov_error *error)
{
    char url[4200];
    AVDictionary *options = NULL;
    if (snprintf(url, sizeof url, "file:%s", path) >= (int)sizeof url)
        return fov_fail(error, FOV_EINVAL, "the file's name is too long");
    v->format = avformat_alloc_context();
    if (!v->format)
        return fov_fail(error, FOV_ENOMEM, "no memory for a video");
    v->format->interrupt_callback = (AVIOInterruptCB){is_interrupted, v};
    av_dict_set(&options, "protocol_whitelist", "file", 0);
    av_dict_set(&options, "format_whitelist", FORMATS, 0);
    int code = avformat_open_input(&v->format, url, NULL, &options);
    av_dict_free(&options);
    if (code == AVERROR(ENOENT))
        return fov_fail(error, FOV_ENOTFOUND, "no such file");
    if (code < 0)
        return ffmpeg_fail(error, FOV_EFORMAT, "not a video file that can be read", code);
    code = avformat_find_stream_info(v->format, NULL);
    return code < 0 ? ffmpeg_fail(error, FOV_EFORMAT, "the video's header is broken", code)
                    : FOV_OK;
}

static fov_status open_codec(struct ffmpeg_video *v, fov_error *error)
{
    const AVCodec *codec = NULL;
    int code = av_find_best_stream(v->format, AVMEDIA_TYPE_VIDEO, -1, -1, &codec, 0);
    if (code == AVERROR_STREAM_NOT_FOUND)
        return fov_fail(error, FOV_EFORMAT, "no video in this file");
    if (code < 0 || !codec)
        return fov_fail(error, FOV_EUNSUPPORTED, "this FFmpeg has no decoder for the video");
    v->stream = code;
    v->packet = av_packet_alloc();
    v->frame = av_frame_alloc();
    if (!v->packet || !v->frame)
        return fov_fail(error, FOV_ENOMEM, "no memory for a video");
    code = ffmpeg_decoder_open(&v->decoder, codec, v->format->streams[v->stream]->codecpar);
    return code < 0 ? ffmpeg_fail(error, FOV_EUNSUPPORTED, "the video's decoder", code) : FOV_OK;
}

static const void *display_matrix(AVStream *stream)
{
#if LIBAVFORMAT_VERSION_INT >= AV_VERSION_INT(60, 15, 100)
    const AVCodecParameters *codec = stream->codecpar;
    const AVPacketSideData *data = av_packet_side_data_get(
        codec->coded_side_data, codec->nb_coded_side_data, AV_PKT_DATA_DISPLAYMATRIX);
    return data ? data->data : NULL;
#else
    return av_stream_get_side_data(stream, AV_PKT_DATA_DISPLAYMATRIX, NULL);
#endif
}

/* Telephones film sideways and leave a note which way is up. */
static int orientation_of(AVStream *stream)
{
    static const int orientations[4] = {1, 8, 3, 6};
    const void *matrix = display_matrix(stream);
    double angle = matrix ? av_display_rotation_get(matrix) : 0; /* counter-clockwise, degrees */
    return isnan(angle) ? 1 : orientations[(lround(angle / 90) % 4 + 4) % 4];
}

static void describe(const struct ffmpeg_video *v, struct ffmpeg_video_info *info)
{
    AVStream *stream = v->format->streams[v->stream];
    int64_t frames = stream->nb_frames;
    if (frames <= 0 && v->format->duration > 0 && v->fps > 0)
        frames = (int64_t)((double)v->format->duration / AV_TIME_BASE * v->fps + 0.5);
    *info = (struct ffmpeg_video_info){v->decoder.codec->width, v->decoder.codec->height, v->fps,
                                       frames > 0 ? frames : -1, orientation_of(stream)};
}

static void video_close(struct ffmpeg_video **video)
{
    struct ffmpeg_video *v = *video;
    *video = NULL;
    if (!v)
        return;
    sws_freeContext(v->scaler);
    av_frame_free(&v->frame);
    av_packet_free(&v->packet);
    ffmpeg_decoder_close(&v->decoder);
    avformat_close_input(&v->format);
    free(v);
}

static fov_status video_open(struct ffmpeg_video **video, const char *path,
                             const struct ffmpeg_choice *choice, const atomic_bool *interrupted,
                             struct ffmpeg_video_info *info, fov_error *error)
{
    struct ffmpeg_video *v = calloc(1, sizeof *v);
    *video = NULL;
    if (!v)
        return fov_fail(error, FOV_ENOMEM, "no memory for a video");
    v->interrupted = interrupted;
    v->decoder.choice = choice;
    v->first_pts = AV_NOPTS_VALUE;
    v->last_ms = -1;
    fov_status status = open_file(v, path, error);
    if (status == FOV_OK)
        status = open_codec(v, error);
    if (status) {
        video_close(&v);
        return status;
    }
    AVRational rate = av_guess_frame_rate(v->format, v->format->streams[v->stream], NULL);
    v->fps = rate.num > 0 && rate.den > 0 ? av_q2d(rate) : 0;
    describe(v, info);
    *video = v;
    return FOV_OK;
}

/* ---- reading --------------------------------------------------------------------------------- */

static int64_t start_of(const struct ffmpeg_video *v)
{
    int64_t start = v->format->streams[v->stream]->start_time;
    return start != AV_NOPTS_VALUE ? start : 0;
}

/* The card failed: the processor goes on with the frame behind the last one that was given, which
 * is found by its time stamp. */
static fov_status fall_back(struct ffmpeg_video *v, fov_error *error)
{
    bool given = v->last_ms >= 0;
    double base = av_q2d(v->format->streams[v->stream]->time_base);
    double ms = given ? v->last_ms : v->from_ms;
    int64_t start = v->first_pts != AV_NOPTS_VALUE ? v->first_pts : start_of(v);
    int64_t at = start + (int64_t)(ms / 1000 / (base > 0 ? base : 1));
    int code = ffmpeg_decoder_fall_back(&v->decoder);
    if (code < 0)
        return ffmpeg_fail(error, FOV_EIO, "the video's decoder", code);
    if (av_seek_frame(v->format, v->stream, at, AVSEEK_FLAG_BACKWARD) < 0)
        av_seek_frame(v->format, v->stream, 0, AVSEEK_FLAG_BYTE);
    v->draining = false;
    if (given)
        v->from_ms = ms + 0.5;
    return FOV_OK;
}

/* Feeds the decoder the next packet of the video, or tells it that there are no more. */
static fov_status feed(struct ffmpeg_video *v, fov_error *error)
{
    int code = av_read_frame(v->format, v->packet);
    if (is_interrupted(v))
        return FOV_ECLOSED;
    if (code == AVERROR_EOF || (code < 0 && avio_feof(v->format->pb))) {
        v->draining = true;
        ffmpeg_decoder_send(&v->decoder, NULL);
        return FOV_OK;
    }
    if (code < 0)
        return ffmpeg_fail(error, FOV_EIO, "reading the video", code);
    if (v->packet->stream_index == v->stream)
        code = ffmpeg_decoder_send(&v->decoder, v->packet);
    av_packet_unref(v->packet);
    if (code == FFMPEG_CARD_FAILED)
        return fall_back(v, error);
    return code < 0 && code != AVERROR(EAGAIN)
               ? ffmpeg_fail(error, FOV_EFORMAT, "a frame is broken", code)
               : FOV_OK;
}

static double position_ms(struct ffmpeg_video *v)
{
    int64_t pts = v->frame->best_effort_timestamp;
    if (pts == AV_NOPTS_VALUE)
        return v->fps > 0 ? (double)v->count * 1000 / v->fps : 0;
    if (v->first_pts == AV_NOPTS_VALUE)
        v->first_pts = pts;
    return (double)(pts - v->first_pts) * 1000 * av_q2d(v->format->streams[v->stream]->time_base);
}

static fov_status next_frame(struct ffmpeg_video *v, fov_error *error)
{
    while (v->decoder.codec) {
        int code = ffmpeg_decoder_receive(&v->decoder, v->frame);
        if (code == 0)
            return FOV_OK;
        if (code == AVERROR_EOF || (v->draining && code == AVERROR(EAGAIN)))
            return FOV_EOS;
        if (code != AVERROR(EAGAIN) && code != FFMPEG_CARD_FAILED)
            return ffmpeg_fail(error, FOV_EFORMAT, "a frame is broken", code);
        fov_status status = code == FFMPEG_CARD_FAILED ? fall_back(v, error) : feed(v, error);
        if (status)
            return status;
    }
    return fov_fail(error, FOV_EIO, "the video's decoder could not be opened again");
}

static fov_status video_next(struct ffmpeg_video *v, int *width, int *height, double *pts_ms,
                             fov_error *error)
{
    do {
        fov_status status = next_frame(v, error);
        if (status)
            return status;
        *pts_ms = position_ms(v);
        v->count++;
    } while (*pts_ms < v->from_ms);
    v->from_ms = 0;
    v->last_ms = *pts_ms;
    if (v->frame->width > IMAGE_MAX_SIDE || v->frame->height > IMAGE_MAX_SIDE)
        return fov_fail(error, FOV_ELIMIT, "over %d pixels a side", IMAGE_MAX_SIDE);
    *width = v->frame->width;
    *height = v->frame->height;
    return FOV_OK;
}

static fov_status video_store(struct ffmpeg_video *v, const fov_image *to, fov_error *error)
{
    return ffmpeg_store(&v->scaler, v->frame, to, error);
}

static fov_status video_rewind(struct ffmpeg_video *v, fov_error *error)
{
    int code = av_seek_frame(v->format, v->stream, start_of(v), AVSEEK_FLAG_BACKWARD);
    if (code < 0)
        code = av_seek_frame(v->format, v->stream, 0, AVSEEK_FLAG_BYTE);
    if (code < 0)
        return ffmpeg_fail(error, FOV_EUNSUPPORTED, "the video cannot be played again", code);
    avcodec_flush_buffers(v->decoder.codec);
    v->draining = false;
    v->last_ms = -1;
    v->count = 0;
    return FOV_OK;
}

/* To the key frame before it; the frames between are decoded and passed over. */
static fov_status video_seek(struct ffmpeg_video *v, double ms, fov_error *error)
{
    double base = av_q2d(v->format->streams[v->stream]->time_base);
    int64_t at = start_of(v) + (int64_t)(ms / 1000 / (base > 0 ? base : 1));
    if (v->format->duration > 0 && ms * 1000 > (double)v->format->duration)
        return fov_fail(error, FOV_EINVAL, "the video is only %.1f s long",
                        (double)v->format->duration / AV_TIME_BASE);
    int code = av_seek_frame(v->format, v->stream, at, AVSEEK_FLAG_BACKWARD);
    if (code < 0)
        return ffmpeg_fail(error, FOV_EUNSUPPORTED, "this video has no positions to go to", code);
    avcodec_flush_buffers(v->decoder.codec);
    v->draining = false;
    v->last_ms = -1;
    v->first_pts = start_of(v);
    v->count = v->fps > 0 ? (int64_t)(ms / 1000 * v->fps) : 0;
    v->from_ms = ms - 0.5;
    return FOV_OK;
}

/* ---- still pictures -------------------------------------------------------------------------- */

struct ffmpeg_still {
    AVCodecContext *codec[2]; /* PNG, WebP; opened when first needed */
    AVPacket *packet;
    AVFrame *frame;
    struct SwsContext *scaler;
};

/* Bytes that a decoder will hardly write, to see whether it wrote at all. */
static uint8_t mark_byte(int i)
{
    return (uint8_t)((unsigned)i * 167 + 91);
}

static uint8_t *last_row(const AVFrame *frame, int *bytes)
{
    *bytes = av_image_get_linesize(frame->format, frame->width, 0);
    return frame->data[0] + (ptrdiff_t)(frame->height - 1) * frame->linesize[0];
}

/* Decoders give out memory that earlier pictures used; a file that leaves rows unwritten must not
 * show them. The last row is marked: FFmpeg takes a PNG whose data end early for a whole one. */
static int clean_buffer(AVCodecContext *codec, AVFrame *frame, int flags)
{
    int bytes, code = avcodec_default_get_buffer2(codec, frame, flags);
    for (int i = 0; code >= 0 && i < AV_NUM_DATA_POINTERS && frame->buf[i]; i++)
        memset(frame->buf[i]->data, 0, (size_t)frame->buf[i]->size);
    uint8_t *row = code >= 0 ? last_row(frame, &bytes) : NULL;
    for (int i = 0; row && i < bytes; i++)
        row[i] = mark_byte(i);
    return code;
}

static bool is_whole(const AVFrame *frame)
{
    int bytes;
    const uint8_t *row = last_row(frame, &bytes);
    for (int i = 0; i < bytes; i++)
        if (row[i] != mark_byte(i))
            return true;
    return bytes < 8; /* too short to tell */
}

static AVCodecContext *open_still_codec(enum AVCodecID id)
{
    const AVCodec *codec = avcodec_find_decoder(id);
    AVCodecContext *context = codec ? avcodec_alloc_context3(codec) : NULL;
    if (!context)
        return NULL;
    context->max_pixels = IMAGE_MAX_PIXELS;
    context->thread_count = 1;
    context->err_recognition = AV_EF_CRCCHECK | AV_EF_BITSTREAM | AV_EF_BUFFER | AV_EF_EXPLODE;
    context->get_buffer2 = clean_buffer;
    if (avcodec_open2(context, codec, NULL) < 0)
        avcodec_free_context(&context);
    return context;
}

static void still_close(struct ffmpeg_still **still)
{
    struct ffmpeg_still *s = *still;
    *still = NULL;
    if (!s)
        return;
    sws_freeContext(s->scaler);
    av_frame_free(&s->frame);
    av_packet_free(&s->packet);
    avcodec_free_context(&s->codec[0]);
    avcodec_free_context(&s->codec[1]);
    free(s);
}

static fov_status still_open(struct ffmpeg_still **still, fov_error *error)
{
    struct ffmpeg_still *s = calloc(1, sizeof *s);
    *still = s;
    if (s) {
        s->packet = av_packet_alloc();
        s->frame = av_frame_alloc();
    }
    if (s && s->packet && s->frame)
        return FOV_OK;
    still_close(still);
    return fov_fail(error, FOV_ENOMEM, "no memory for a picture decoder");
}

static fov_status still_decode(struct ffmpeg_still *s, fov_codec kind, const uint8_t *bytes,
                               size_t size, int *width, int *height, fov_error *error)
{
    AVCodecContext **codec = &s->codec[kind == FOV_WEBP];
    if (!*codec)
        *codec = open_still_codec(kind == FOV_WEBP ? AV_CODEC_ID_WEBP : AV_CODEC_ID_PNG);
    if (!*codec || size > INT32_MAX)
        return fov_fail(error, FOV_EUNSUPPORTED, "this FFmpeg has no %s decoder",
                        kind == FOV_WEBP ? "WebP" : "PNG");
    avcodec_flush_buffers(*codec);
    av_frame_unref(s->frame);
    s->packet->data = (uint8_t *)(uintptr_t)bytes; /* FFmpeg copies what it has no owner of */
    s->packet->size = (int)size;
    s->packet->flags = AV_PKT_FLAG_KEY; /* else PNG adds the picture before to this one */
    int code = avcodec_send_packet(*codec, s->packet);
    av_packet_unref(s->packet);
    if (code == 0)
        code = avcodec_receive_frame(*codec, s->frame);
    if (code < 0)
        return ffmpeg_fail(error, FOV_EFORMAT, "the picture is broken or cut off", code);
    if (!is_whole(s->frame))
        return fov_fail(error, FOV_EFORMAT, "the picture is cut off");
    *width = s->frame->width;
    *height = s->frame->height;
    return FOV_OK;
}

static fov_status still_store(struct ffmpeg_still *s, const fov_image *to, fov_error *error)
{
    fov_status status = ffmpeg_store(&s->scaler, s->frame, to, error);
    av_frame_unref(s->frame);
    return status;
}

/* ---- the door -------------------------------------------------------------------------------- */

extern const struct ffmpeg_api fovea_ffmpeg_api;
FOV_API const struct ffmpeg_api fovea_ffmpeg_api = {
    .abi = FFMPEG_API_ABI,
    .video_open = video_open,
    .video_next = video_next,
    .video_store = video_store,
    .video_rewind = video_rewind,
    .video_seek = video_seek,
    .video_close = video_close,
    .live_open = ffmpeg_live_open,
    .live_next = ffmpeg_live_next,
    .live_close = ffmpeg_live_close,
    .picture_new = ffmpeg_picture_new,
    .picture_store = ffmpeg_picture_store,
    .picture_free = ffmpeg_picture_free,
    .decoder_kind = ffmpeg_hw_kind,
    .still_open = still_open,
    .still_decode = still_decode,
    .still_store = still_store,
    .still_close = still_close,
};

/* FFmpeg reports broken data line by line to stderr; here every failure has a status. */
__attribute__((constructor)) static void quiet(void)
{
    av_log_set_level(AV_LOG_QUIET);
}
