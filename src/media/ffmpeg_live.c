/* Live sources through FFmpeg: set up for the least delay, every picture decoded as it comes. */
#include "media/ffmpeg_live.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libswscale/swscale.h>

#include "base/clock.h"
#include "media/ffmpeg_au.h"
#include "media/ffmpeg_decode.h"
#include "media/ffmpeg_nal.h"
#include "media/ffmpeg_store.h"
#include "media/image.h"

#define POLL_NS 2000000 /* between looks at a camera that has no picture yet */
#define ARRIVALS 64
#define PTS_MAX_MS 1e12 /* either way; the sender writes what it likes */
/* What may come out of a URL: containers of video, and what playlists are made of. */
#define FORMATS                                                                                    \
    "rtsp,flv,live_flv,hls,mpegts,mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegvideo,m4v,ogg,"    \
    "mpjpeg,mjpeg,jpeg_pipe,png_pipe,webp_pipe,h264,hevc,aac,ivf,nut,video4linux2,v4l2"

struct ffmpeg_live {
    const struct ffmpeg_live_params *params;
    AVFormatContext *format;
    AVIOContext *pb; /* HTTP: ours to close */
    struct ffmpeg_feed feed;
    struct ffmpeg_decoder decoder;
    AVPacket *packet;
    int stream;
    bool finite, draining;
    bool encoded;           /* JPEGs are passed on as they come */
    struct ffmpeg_nal *nal; /* H.264 and H.265 over RTSP */
    struct ffmpeg_au *au;   /* of them: what gets whole pictures */
    int64_t first_pts;
    struct {
        int64_t pts, ns;
    } arrivals[ARRIVALS]; /* of the last packets, by their time stamps */
    unsigned arrival;
    int64_t last_ns;
    char own_url[4200]; /* RTSP: as opened; another one is a redirect, which is not followed */
};

struct ffmpeg_picture {
    AVFrame *frame;
    AVPacket *jpeg;
    struct SwsContext *scaler;
};

/* RTSP: to an address that nobody checked. */
static bool is_redirected(const struct ffmpeg_live *v)
{
    return v->own_url[0] && v->format && v->format->url && strcmp(v->format->url, v->own_url) != 0;
}

/* FFmpeg asks before it waits, and every 100 ms while it does. */
static int is_stopped(void *user)
{
    const struct ffmpeg_live *v = user;
    return v->feed.refused || is_redirected(v) || v->params->stop(v->params->user);
}

static fov_status judge(const struct ffmpeg_live *v, int code, const char *what, fov_error *error)
{
    if (is_redirected(v))
        return fov_fail(error, FOV_EDENIED, "the camera sends us to another address");
    if (v->feed.refused)
        return fov_fail(error, FOV_EIO, "%s", v->feed.refused);
    switch (code) {
    case AVERROR_EXIT:
        return fov_fail(error, FOV_ETIMEOUT, "%s: no answer in time", what);
    case AVERROR_HTTP_UNAUTHORIZED:
    case AVERROR_HTTP_FORBIDDEN:
        return fov_fail(error, FOV_EDENIED,
                        "the user or password is wrong: write rtsp://user:password@host/...");
    case AVERROR_HTTP_NOT_FOUND:
        return fov_fail(error, FOV_ENOTFOUND, "the camera has no stream of this path");
    case AVERROR(ENOENT):
    case AVERROR(ENODEV):
    case AVERROR(ENXIO):
        return fov_fail(error, FOV_ENOTFOUND, "no such camera");
    case AVERROR(EACCES):
    case AVERROR(EPERM):
        return fov_fail(error, FOV_EDENIED,
                        "no right to open the camera: put the user into the group video");
    case AVERROR(EINVAL): /* not one of FORMATS */
        return fov_fail(error, FOV_EUNSUPPORTED, "it is no video of a kind that is known here");
    case AVERROR_DEMUXER_NOT_FOUND:
    case AVERROR_INVALIDDATA:
        return ffmpeg_fail(error, FOV_EFORMAT, what, code);
    default:
        return ffmpeg_fail(error, FOV_EIO, what, code);
    }
}

/* ---- opening --------------------------------------------------------------------------------- */

static void set(AVDictionary **options, const char *name, const char *value)
{
    av_dict_set(options, name, value, 0);
}

static const AVInputFormat *format_of(const struct ffmpeg_live_params *p, struct ffmpeg_http *http)
{
    static const struct {
        const char *type, *format;
    } types[] = {{"multipart/", "mpjpeg"},
                 {"image/jpeg", "jpeg_pipe"},
                 {"image/png", "png_pipe"},
                 {"image/webp", "webp_pipe"}};
    if (p->kind == FFMPEG_RTSP)
        return av_find_input_format("rtsp");
    if (p->kind == FFMPEG_RTMP)
        return av_find_input_format("flv");
    if (p->kind == FFMPEG_CAMERA)
        return av_find_input_format("video4linux2");
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (strstr(http->type, types[i].type))
            return av_find_input_format(types[i].format);
    return ffmpeg_io_is_playlist(http) ? av_find_input_format("hls") : NULL;
}

/* Cameras of this machine need libavdevice, which FFmpeg's other parts do not pull in. */
static bool find_devices(void)
{
    char name[64];
    snprintf(name, sizeof name, "libavdevice.so.%u", avformat_version() >> 16);
    void *library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
    void (*register_all)(void) = NULL;
    if (library)
        *(void **)&register_all = dlsym(library, "avdevice_register_all");
    if (register_all)
        register_all();
    return register_all != NULL;
}

static void set_options(struct ffmpeg_live *v, AVDictionary **options)
{
    const struct ffmpeg_live_params *p = v->params;
    char text[32];
    set(options, "format_whitelist", FORMATS);
    set(options, "protocol_whitelist",
        p->kind == FFMPEG_RTSP   ? "tcp,udp,rtp,rtcp,tls,rtsp,rtsps"
        : p->kind == FFMPEG_RTMP ? "tcp,tls,rtmp,rtmps"
                                 : "http,https");
    set(options, "analyzeduration", "1500000");
    set(options, "fpsprobesize", "0");
    if (p->kind == FFMPEG_RTSP) {
        set(options, "rtsp_transport", p->udp ? "udp" : "tcp");
        set(options, "allowed_media_types", "video");
        snprintf(text, sizeof text, "%d", (int)(p->allowance_ms * 1000));
        set(options, "max_delay", text);
        set(options, "buffer_size", "1048576");
    } else if (p->kind == FFMPEG_RTMP) {
        set(options, "rtmp_live", "live");
        set(options, "rtmp_buffer", "100");
    } else if (p->kind == FFMPEG_HTTP) {
        set(options, "http_persistent", "0"); /* every piece through our own door */
        set(options, "http_multiple", "0");
        set(options, "live_start_index", "-1");
    }
}

static fov_status open_input(struct ffmpeg_live *v, fov_error *error)
{
    const struct ffmpeg_live_params *p = v->params;
    struct ffmpeg_http http = {.type = "", .url = p->url, .size = -1};
    AVDictionary *options = NULL;
    v->format = avformat_alloc_context();
    if (!v->format)
        return fov_fail(error, FOV_ENOMEM, "no memory for a source");
    v->format->interrupt_callback = (AVIOInterruptCB){is_stopped, v};
    if (p->kind == FFMPEG_HTTP && !ffmpeg_io_attach(v->format, &v->feed, &http))
        return FOV_EIO; /* the reason is with the caller, who opened it */
    v->pb = v->format->pb;
    if (p->kind == FFMPEG_CAMERA && !find_devices())
        return fov_fail(error, FOV_ERUNTIME,
                        "cameras of this machine need libavdevice: apt-get install ffmpeg");
    if (p->kind == FFMPEG_CAMERA)
        v->format->flags |= AVFMT_FLAG_NONBLOCK;
    const AVInputFormat *format = format_of(p, &http);
    if (p->kind != FFMPEG_HTTP && !format)
        return fov_fail(error, FOV_EUNSUPPORTED, "this FFmpeg cannot open such sources");
    set_options(v, &options);
    if (p->kind == FFMPEG_RTSP)
        snprintf(v->own_url, sizeof v->own_url, "%s", p->url);
    int code = avformat_open_input(&v->format, http.url, (AVInputFormat *)(uintptr_t)format,
                                   &options);
    av_dict_free(&options);
    if (code < 0)
        return judge(v, code, "opening it", error);
    v->finite = p->kind == FFMPEG_HTTP &&
                (v->format->duration > 0 ||
                 (http.size >= 0 && strcmp(v->format->iformat->name, "hls") != 0));
    return FOV_OK;
}

/* RTSP and multipart JPEG say at once what they carry; the rest has to be read for a while. */
static fov_status find_stream(struct ffmpeg_live *v, const AVCodec **codec, fov_error *error)
{
    int found = av_find_best_stream(v->format, AVMEDIA_TYPE_VIDEO, -1, -1, codec, 0);
    if (found < 0 || v->format->streams[found]->codecpar->codec_id == AV_CODEC_ID_NONE ||
        (v->params->kind != FFMPEG_RTSP && v->params->kind != FFMPEG_CAMERA &&
         v->format->streams[found]->codecpar->codec_id != AV_CODEC_ID_MJPEG)) {
        int code = avformat_find_stream_info(v->format, NULL);
        if (is_stopped(v) && !v->feed.refused)
            return fov_fail(error, FOV_ETIMEOUT, "no video came in time");
        if (code < 0 || v->feed.refused)
            return judge(v, code, "its header is broken", error);
        found = av_find_best_stream(v->format, AVMEDIA_TYPE_VIDEO, -1, -1, codec, 0);
    }
    if (v->format->duration > 0 && v->params->kind == FFMPEG_HTTP)
        v->finite = true;
    if (found == AVERROR_STREAM_NOT_FOUND)
        return fov_fail(error, FOV_EFORMAT, "there is no video in it");
    if (found < 0 || !*codec)
        return fov_fail(error, FOV_EUNSUPPORTED, "this FFmpeg has no decoder for its video");
    v->stream = found;
    for (unsigned i = 0; i < v->format->nb_streams; i++)
        if ((int)i != found)
            v->format->streams[i]->discard = AVDISCARD_ALL;
    return FOV_OK;
}

/* With FFmpeg's parser a picture would wait for the first byte of the next one: a whole interval.
 * Over RTSP the units are put together by ffmpeg_nal.c instead. The H.264 decoder takes them one by
 * one and knows by itself when the last of a picture was there; others, and graphics cards, get
 * whole pictures from ffmpeg_au.c. */
static fov_status skip_parser(struct ffmpeg_live *v, bool h265, fov_error *error)
{
    v->nal = ffmpeg_nal_new(h265);
    if (v->nal && (h265 || v->decoder.hw))
        v->au = ffmpeg_au_new(h265);
    if (!v->nal || (!v->au && (h265 || v->decoder.hw)))
        return fov_fail(error, FOV_ENOMEM, "no memory for a source");
    v->format->flags |= AVFMT_FLAG_NOPARSE | AVFMT_FLAG_NOFILLIN;
    return FOV_OK;
}

static fov_status open_codec(struct ffmpeg_live *v, const AVCodec *codec, fov_error *error)
{
    const AVCodecParameters *par = v->format->streams[v->stream]->codecpar;
    v->packet = av_packet_alloc();
    if (!v->packet)
        return fov_fail(error, FOV_ENOMEM, "no memory for a source");
    v->encoded = par->codec_id == AV_CODEC_ID_MJPEG && !v->finite;
    if (v->encoded)
        return FOV_OK;
    bool h264 = par->codec_id == AV_CODEC_ID_H264, h265 = par->codec_id == AV_CODEC_ID_HEVC;
    bool parts = v->params->kind == FFMPEG_RTSP && (h264 || h265);
    if (!v->finite)
        v->decoder.flags |= AV_CODEC_FLAG_LOW_DELAY;
    if (parts && h264)
        v->decoder.flags2 |= AV_CODEC_FLAG2_CHUNKS;
    int code = ffmpeg_decoder_open(&v->decoder, codec, par);
    if (code < 0)
        return ffmpeg_fail(error, FOV_EUNSUPPORTED, "the decoder of its video", code);
    return parts ? skip_parser(v, h265, error) : FOV_OK;
}

void ffmpeg_live_close(struct ffmpeg_live **live)
{
    struct ffmpeg_live *v = *live;
    *live = NULL;
    if (!v)
        return;
    av_packet_free(&v->packet);
    ffmpeg_nal_free(&v->nal);
    ffmpeg_au_free(&v->au);
    ffmpeg_decoder_close(&v->decoder);
    avformat_close_input(&v->format);
    ffmpeg_io_close(&v->pb);
    free(v);
}

fov_status ffmpeg_live_open(struct ffmpeg_live **live, const struct ffmpeg_live_params *params,
                            struct ffmpeg_live_info *info, fov_error *error)
{
    const AVCodec *codec = NULL;
    struct ffmpeg_live *v = calloc(1, sizeof *v);
    *live = NULL;
    if (!v)
        return fov_fail(error, FOV_ENOMEM, "no memory for a source");
    v->params = v->feed.params = params;
    v->decoder.choice = &params->choice;
    v->first_pts = AV_NOPTS_VALUE;
    fov_status status = open_input(v, error);
    if (status == FOV_OK)
        status = find_stream(v, &codec, error);
    if (status == FOV_OK)
        status = open_codec(v, codec, error);
    if (status) {
        ffmpeg_live_close(&v);
        return status;
    }
    info->finite = v->finite;
    info->paced = !v->finite && strcmp(v->format->iformat->name, "hls") == 0;
    *live = v;
    return FOV_OK;
}

/* ---- reading --------------------------------------------------------------------------------- */

static void note_arrival(struct ffmpeg_live *v)
{
    v->last_ns = clock_now_ns();
    if (v->arrivals[v->arrival].pts != v->packet->pts)
        v->arrival = (v->arrival + 1) % ARRIVALS;
    v->arrivals[v->arrival].pts = v->packet->pts;
    v->arrivals[v->arrival].ns = v->last_ns;
}

static int64_t arrival_of(const struct ffmpeg_live *v, int64_t pts)
{
    for (unsigned i = 0; pts != AV_NOPTS_VALUE && i < ARRIVALS; i++) {
        unsigned at = (v->arrival + ARRIVALS - i) % ARRIVALS;
        if (v->arrivals[at].pts == pts && v->arrivals[at].ns)
            return v->arrivals[at].ns;
    }
    return v->last_ns;
}

static double position_ms(struct ffmpeg_live *v, int64_t pts)
{
    if (pts == AV_NOPTS_VALUE)
        return 0;
    if (v->first_pts == AV_NOPTS_VALUE)
        v->first_pts = pts;
    double ms = ((double)pts - (double)v->first_pts) * 1000 *
                av_q2d(v->format->streams[v->stream]->time_base);
    return ms > PTS_MAX_MS ? PTS_MAX_MS : ms > -PTS_MAX_MS ? ms : -PTS_MAX_MS;
}

/* The next packet of the video. FOV_EOS at the end. */
static fov_status read_packet(struct ffmpeg_live *v, fov_error *error)
{
    for (;;) {
        int code = av_read_frame(v->format, v->packet);
        if (code == 0)
            v->feed.bytes = 0;
        if (code == 0 && v->packet->stream_index == v->stream)
            return FOV_OK;
        av_packet_unref(v->packet);
        if (v->feed.refused)
            return judge(v, code, "", error);
        if (is_stopped(v))
            return fov_fail(error, FOV_ECLOSED, "it was stopped, or no picture came in time");
        if (code == AVERROR(EAGAIN))
            nanosleep(&(struct timespec){0, POLL_NS}, NULL);
        else if (code == AVERROR_EOF)
            return fov_fail(error, FOV_EOS, "the other side ended the stream");
        else if (code < 0)
            return judge(v, code, "reading it", error);
    }
}

static bool is_whole_jpeg(const AVPacket *p)
{
    const uint8_t *end = p->data + p->size;
    while (p->size > 4 && end > p->data + 4 && end[-1] == 0) /* some cameras fill up with zeros */
        end--;
    return p->size > 4 && p->data[0] == 0xff && p->data[1] == 0xd8 && end[-2] == 0xff &&
           end[-1] == 0xd9;
}

static fov_status take_jpeg(struct ffmpeg_live *v, struct ffmpeg_picture *picture,
                            struct ffmpeg_picture_info *info, fov_error *error)
{
    if (!is_whole_jpeg(v->packet) || v->packet->flags & AV_PKT_FLAG_CORRUPT) {
        av_packet_unref(v->packet);
        return fov_fail(error, FOV_EFORMAT, "a picture is cut off");
    }
    av_packet_unref(picture->jpeg);
    av_packet_move_ref(picture->jpeg, v->packet);
    *info = (struct ffmpeg_picture_info){.pts_ms = position_ms(v, picture->jpeg->pts),
                                         .arrival_ns = v->last_ns,
                                         .jpeg = picture->jpeg->data,
                                         .jpeg_size = (size_t)picture->jpeg->size};
    return FOV_OK;
}

static fov_status take_frame(struct ffmpeg_live *v, struct ffmpeg_picture *picture,
                             struct ffmpeg_picture_info *info, fov_error *error)
{
    const AVFrame *f = picture->frame;
    if (f->flags & AV_FRAME_FLAG_CORRUPT || f->decode_error_flags)
        return fov_fail(error, FOV_EFORMAT, "parts of a picture are missing");
    if (f->width < 1 || f->height < 1 || f->width > IMAGE_MAX_SIDE || f->height > IMAGE_MAX_SIDE)
        return fov_fail(error, FOV_EFORMAT, "a picture of %d x %d pixels", f->width, f->height);
    *info = (struct ffmpeg_picture_info){.width = f->width,
                                         .height = f->height,
                                         .pts_ms = position_ms(v, f->best_effort_timestamp),
                                         .arrival_ns = arrival_of(v, f->pts)};
    return FOV_OK;
}

/* The card failed: the processor goes on with the next key frame. */
static fov_status fall_back(struct ffmpeg_live *v, fov_error *error)
{
    int code = ffmpeg_decoder_fall_back(&v->decoder);
    return code < 0 ? ffmpeg_fail(error, FOV_EIO, "the decoder of its video", code) : FOV_OK;
}

static fov_status send_packet(struct ffmpeg_live *v, fov_error *error)
{
    int code = ffmpeg_decoder_send(&v->decoder, v->packet);
    av_packet_unref(v->packet);
    if (code == FFMPEG_CARD_FAILED)
        return fall_back(v, error);
    return code < 0 && code != AVERROR(EAGAIN)
               ? ffmpeg_fail(error, FOV_EFORMAT, "a picture is broken", code)
               : FOV_OK;
}

/* A unit, as soon as it is known to be whole; empty: it was too large. */
static fov_status next_unit(struct ffmpeg_live *v, fov_error *error)
{
    fov_status status;
    while (!ffmpeg_nal_ready(v->nal)) {
        if ((status = read_packet(v, error)) != FOV_OK)
            return status;
        note_arrival(v);
        ffmpeg_nal_add(v->nal, v->packet);
    }
    ffmpeg_nal_take(v->nal, v->packet);
    return FOV_OK;
}

static fov_status next_picture(struct ffmpeg_live *v, fov_error *error)
{
    fov_status status;
    while (!ffmpeg_au_ready(v->au)) {
        if ((status = next_unit(v, error)) != FOV_OK || !v->packet->size)
            return status;
        ffmpeg_au_add(v->au, v->packet);
    }
    ffmpeg_au_take(v->au, v->packet);
    return FOV_OK;
}

static fov_status feed_nal(struct ffmpeg_live *v, fov_error *error)
{
    fov_status status = v->au ? next_picture(v, error) : next_unit(v, error);
    if (status)
        return status;
    return v->packet->size
               ? send_packet(v, error)
               : ffmpeg_fail(error, FOV_EFORMAT, "a picture is broken", AVERROR_INVALIDDATA);
}

static fov_status feed(struct ffmpeg_live *v, fov_error *error)
{
    if (v->nal)
        return feed_nal(v, error);
    fov_status status = read_packet(v, error);
    if (status == FOV_EOS && v->finite && !v->draining) {
        v->draining = true;
        ffmpeg_decoder_send(&v->decoder, NULL);
        return FOV_OK;
    }
    if (status)
        return status;
    note_arrival(v);
    return send_packet(v, error);
}

fov_status ffmpeg_live_next(struct ffmpeg_live *v, struct ffmpeg_picture *picture,
                            struct ffmpeg_picture_info *info, fov_error *error)
{
    if (v->encoded) {
        fov_status status = read_packet(v, error);
        if (status)
            return status;
        note_arrival(v);
        return take_jpeg(v, picture, info, error);
    }
    for (;;) {
        int code = ffmpeg_decoder_receive(&v->decoder, picture->frame);
        if (code == 0)
            return take_frame(v, picture, info, error);
        if (code == AVERROR_EOF)
            return fov_fail(error, FOV_EOS, "the end");
        if (code != AVERROR(EAGAIN) && code != FFMPEG_CARD_FAILED)
            return ffmpeg_fail(error, FOV_EFORMAT, "a picture is broken", code);
        fov_status status = code == FFMPEG_CARD_FAILED ? fall_back(v, error) : feed(v, error);
        if (status)
            return status;
    }
}

/* ---- pictures -------------------------------------------------------------------------------- */

struct ffmpeg_picture *ffmpeg_picture_new(void)
{
    struct ffmpeg_picture *p = calloc(1, sizeof *p);
    if (p) {
        p->frame = av_frame_alloc();
        p->jpeg = av_packet_alloc();
    }
    if (p && (!p->frame || !p->jpeg))
        ffmpeg_picture_free(&p);
    return p;
}

fov_status ffmpeg_picture_store(struct ffmpeg_picture *picture, const fov_image *to,
                                fov_error *error)
{
    return ffmpeg_store(&picture->scaler, picture->frame, to, error);
}

void ffmpeg_picture_free(struct ffmpeg_picture **picture)
{
    struct ffmpeg_picture *p = *picture;
    *picture = NULL;
    if (!p)
        return;
    sws_freeContext(p->scaler);
    av_frame_free(&p->frame);
    av_packet_free(&p->jpeg);
    free(p);
}
