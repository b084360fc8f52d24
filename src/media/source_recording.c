/* Recordings (.fvr) as a source: the same frames again, in the order of their arrival. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <strings.h>
#include <unistd.h>

#include <fovea/log.h>
#include "base/clock.h"
#include "media/recording.h"
#include "media/source.h"

struct player {
    struct recording *recording;
    size_t next;
    fov_recorded what; /* of the last frame read */
};

static bool starts_as_recording(const char *path)
{
    uint8_t start[8];
    size_t size = source_start_of(path, start, sizeof start);
    return size == sizeof start && memcmp(start, RECORDING_MAGIC, sizeof start) == 0;
}

static bool takes(const char *url, const struct stat *st)
{
    const char *dot = strrchr(url, '.');
    if (!st || !S_ISREG(st->st_mode))
        return !st && dot && strcasecmp(dot, ".fvr") == 0;
    return (dot && strcasecmp(dot, ".fvr") == 0) || starts_as_recording(url);
}

/* Of a live recording: as the frames came. */
static double usual_fps(const struct recording *r)
{
    size_t count = recording_count(r);
    int64_t span = count > 1 ? recording_arrival_ns(r, count - 1) - recording_arrival_ns(r, 0) : 0;
    return span > 0 ? (double)(count - 1) * 1e9 / (double)span : 30;
}

static fov_status open_recording(fov_source *source, const char *url, fov_error *error)
{
    struct player *p = calloc(1, sizeof *p);
    source->state = p;
    if (!p)
        return fov_fail(error, FOV_ENOMEM, "no memory for a recording");
    int fd = open(url, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return fov_fail(error, errno == ENOENT ? FOV_ENOTFOUND : FOV_EIO, "%.180s: %s", url,
                        strerror(errno));
    fov_status status = recording_open(&p->recording, fd, url, error);
    if (status)
        return status;
    const fov_recording_info *info = recording_info(p->recording);
    if (recording_is_cut(p->recording))
        fov_log(FOV_LOG_WARN, "media",
                "%.200s: its end is cut off or still being written; %zu "
                "whole frames",
                url, recording_count(p->recording));
    source->info = (fov_source_info){.kind = "recording",
                                     .fps = info->live ? usual_fps(p->recording) : info->fps,
                                     .frames = (int64_t)recording_count(p->recording)};
    return FOV_OK;
}

static fov_status read_next(fov_source *source, fov_frame_pool *pool, fov_frame **frame,
                            const char **name, fov_error *error)
{
    struct player *p = source->state;
    struct recording *r = p->recording;
    if (p->next == recording_count(r) && source->params.loop)
        p->next = 0;
    if (p->next == recording_count(r))
        return FOV_EOS;
    fov_status status = recording_read(r, p->next, pool, frame, &p->what, name, error);
    if (status != FOV_EAGAIN)
        p->next++;
    if (status == FOV_OK && recording_info(r)->live)
        (*frame)->pts_ms = ns_to_ms(p->what.arrival_ns - recording_arrival_ns(r, 0));
    return status;
}

static void close_recording(fov_source *source)
{
    struct player *p = source->state;
    if (p)
        recording_close(&p->recording);
    free(p);
}

const struct source_kind source_recording = {
    .takes = takes, .open = open_recording, .read = read_next, .close = close_recording};

const fov_recording_info *fov_source_recording(const fov_source *source)
{
    const struct player *p = source->state;
    return source->kind == &source_recording ? recording_info(p->recording) : NULL;
}

fov_status fov_source_recorded(const fov_source *source, fov_recorded *out)
{
    const struct player *p = source->state;
    *out = (fov_recorded){0};
    if (source->kind != &source_recording)
        return FOV_EUNSUPPORTED;
    *out = p->what;
    return FOV_OK;
}
