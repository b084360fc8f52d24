/* FFmpeg reads HTTP through our side of the module: there every address is checked. Nothing else
 * can be opened by what a playlist names. */
#include "media/ffmpeg_live.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <libavformat/avformat.h>

#define BUFFER 32768
/* A line of a playlist costs FFmpeg a thousand times its length. */
#define PLAYLIST_MAX (256 << 10)
/* Between two packets: a demuxer keeps all of it. Files may have their index at the end. */
#define STREAM_AHEAD_MAX (INT64_C(64) << 20)
#define FILE_AHEAD_MAX (INT64_C(256) << 20)

struct io {
    struct ffmpeg_feed *feed;
    const struct ffmpeg_live_params *params;
    struct ffmpeg_http http;
    int64_t at; /* of the next byte; the stream is opened there when it is not there yet */
    bool first, open;
    bool playlist;
    int mark; /* of the leading bytes: so many are those of a playlist */
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
    if (io->feed->refused)
        return false;
    io->open = io->params->http_open(io->params->user, &io->http, io->url, io->first, io->at);
    return io->open;
}

bool ffmpeg_io_is_playlist(const struct ffmpeg_http *http)
{
    size_t path = strcspn(http->url, "?");
    return strstr(http->type, "mpegurl") ||
           (path > 5 && strncmp(http->url + path - 5, ".m3u8", 5) == 0);
}

/* A playlist is one by its first line, whatever its server calls it. */
static void look_for_playlist(struct io *io, const uint8_t *bytes, int count)
{
    static const char line[] = "#EXTM3U";
    for (int i = 0; i < count && io->at + i < 7; i++)
        io->mark += io->mark == io->at + i && bytes[i] == (uint8_t)line[io->at + i];
    io->playlist |= io->mark == 7;
}

/* Counts what came. */
static bool is_too_much(struct io *io, int count)
{
    bool file = io->http.size >= 0 && !strstr(io->http.type, "multipart/");
    io->feed->bytes += count;
    if (io->playlist && io->at > PLAYLIST_MAX)
        io->feed->refused = "a playlist of more than 256 KiB";
    else if (io->feed->bytes > (file ? FILE_AHEAD_MAX : STREAM_AHEAD_MAX))
        io->feed->refused = "too many bytes without a picture";
    return io->feed->refused != NULL;
}

static int read_io(void *opaque, uint8_t *to, int size)
{
    struct io *io = opaque;
    if (!io->open && !open_stream(io))
        return AVERROR(EIO);
    if (io->feed->refused)
        return AVERROR_EXIT;
    int count = io->params->http_read(io->http.stream, to, size);
    if (count > INT64_MAX - io->at)
        return AVERROR(EIO);
    if (count > 0) {
        look_for_playlist(io, to, count);
        io->at += count;
        if (is_too_much(io, count))
            return AVERROR_EXIT;
    }
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
    int64_t from = whence == SEEK_CUR ? io->at : whence == SEEK_END ? io->http.size : 0, to;
    if (__builtin_add_overflow(from, offset, &to) || to < 0 || io->http.size < 0 ||
        to > io->http.size)
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

static int make_io(AVIOContext **pb, struct ffmpeg_feed *feed, const char *url, bool first)
{
    struct io *io = calloc(1, sizeof *io);
    unsigned char *buffer = av_malloc(BUFFER);
    *pb = NULL;
    if (!io || !buffer || snprintf(io->url, sizeof io->url, "%s", url) >= (int)sizeof io->url)
        goto fail;
    io->feed = feed;
    io->params = feed->params;
    io->first = first;
    if (!open_stream(io))
        goto fail;
    io->playlist = ffmpeg_io_is_playlist(&io->http);
    bool whole = io->http.size >= 0;
    *pb = avio_alloc_context(buffer, BUFFER, 0, io, read_io, NULL, whole ? seek_io : NULL);
    if (*pb) {
        (*pb)->seekable = whole ? AVIO_SEEKABLE_NORMAL : 0;
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
    (void)options;
    if (flags & AVIO_FLAG_WRITE)
        return AVERROR(EACCES);
    return make_io(pb, format->opaque, url, false);
}

static int close_nested(AVFormatContext *format, AVIOContext *pb)
{
    (void)format;
    ffmpeg_io_close(&pb);
    return 0;
}

bool ffmpeg_io_attach(AVFormatContext *format, struct ffmpeg_feed *feed, struct ffmpeg_http *first)
{
    format->opaque = feed;
    format->io_open = open_nested;
    format->io_close2 = close_nested;
    if (make_io(&format->pb, feed, feed->params->url, true) < 0)
        return false;
    format->flags |= AVFMT_FLAG_CUSTOM_IO;
    *first = ((const struct io *)format->pb->opaque)->http;
    return true;
}
