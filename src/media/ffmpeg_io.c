/* FFmpeg reads HTTP through our side of the module: there every address is checked. Nothing else
 * can be opened by what a playlist names. */
#include "media/ffmpeg_live.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <libavformat/avformat.h>

#define BUFFER 32768

struct io {
    const struct ffmpeg_live_params *params;
    struct ffmpeg_http http;
    int64_t at; /* of the next byte; the stream is opened there when it is not there yet */
    bool first, open;
    char url[4096];
};

static void close_stream(struct io *io)
{
    if (io->open)
        io->params->http_close(io->http.stream);
    io->open = false;
}

static bool open_stream(struct io *io)
{
    io->open = io->params->http_open(io->params->user, &io->http, io->url, io->first, io->at);
    return io->open;
}

static int read_io(void *opaque, uint8_t *to, int size)
{
    struct io *io = opaque;
    if (!io->open && !open_stream(io))
        return AVERROR(EIO);
    int count = io->params->http_read(io->http.stream, to, size);
    if (count > 0)
        io->at += count;
    if (count < 0 && io->params->stop(io->params->user))
        return AVERROR_EXIT; /* no demuxer tries that again */
    return count > 0 ? count : count == 0 ? AVERROR_EOF : AVERROR(EIO);
}

static int64_t seek_io(void *opaque, int64_t offset, int whence)
{
    struct io *io = opaque;
    if (whence & AVSEEK_SIZE)
        return io->http.size >= 0 ? io->http.size : AVERROR(ENOSYS);
    whence &= ~AVSEEK_FORCE;
    int64_t to = whence == SEEK_CUR   ? io->at + offset
                 : whence == SEEK_END ? io->http.size + offset
                                      : offset;
    if (to < 0 || io->http.size < 0 || to > io->http.size)
        return AVERROR(EINVAL);
    if (to != io->at)
        close_stream(io);
    io->at = to;
    return to;
}

void ffmpeg_io_close(AVIOContext **pb)
{
    struct io *io = *pb ? (*pb)->opaque : NULL;
    if (io)
        close_stream(io);
    free(io);
    if (*pb)
        av_freep(&(*pb)->buffer);
    avio_context_free(pb);
}

static int make_io(AVIOContext **pb, const struct ffmpeg_live_params *params, const char *url,
                   bool first, struct io **made)
{
    struct io *io = calloc(1, sizeof *io);
    unsigned char *buffer = av_malloc(BUFFER);
    *pb = NULL;
    if (!io || !buffer || snprintf(io->url, sizeof io->url, "%s", url) >= (int)sizeof io->url)
        goto fail;
    io->params = params;
    io->first = first;
    if (!open_stream(io))
        goto fail;
    bool whole = io->http.size >= 0;
    *pb = avio_alloc_context(buffer, BUFFER, 0, io, read_io, NULL, whole ? seek_io : NULL);
    if (*pb) {
        (*pb)->seekable = whole ? AVIO_SEEKABLE_NORMAL : 0;
        *made = io;
        return 0;
    }
    close_stream(io);
fail:
    av_free(buffer);
    free(io);
    return AVERROR(EIO);
}

static int open_nested(AVFormatContext *format, AVIOContext **pb, const char *url, int flags,
                       AVDictionary **options)
{
    struct io *made;
    (void)options;
    if (flags & AVIO_FLAG_WRITE)
        return AVERROR(EACCES);
    return make_io(pb, format->opaque, url, false, &made);
}

static int close_nested(AVFormatContext *format, AVIOContext *pb)
{
    (void)format;
    ffmpeg_io_close(&pb);
    return 0;
}

bool ffmpeg_io_attach(AVFormatContext *format, const struct ffmpeg_live_params *params,
                      struct ffmpeg_http *first)
{
    struct io *made;
    format->opaque = (void *)(uintptr_t)params;
    format->io_open = open_nested;
    format->io_close2 = close_nested;
    if (make_io(&format->pb, params, params->url, true, &made) < 0)
        return false;
    format->flags |= AVFMT_FLAG_CUSTOM_IO;
    *first = made->http;
    return true;
}
