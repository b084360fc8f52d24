/* Video files through the FFmpeg module, and the demo clip. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/dynlib.h"
#include <fovea/log.h>
#include "media/ffmpeg_api.h"
#include "media/image.h"
#include "media/source.h"

struct video {
    const struct ffmpeg_api *api;
    struct ffmpeg_video *file;
    struct ffmpeg_choice choice;
    int64_t since_start; /* frames since it was opened or wound back */
    int orientation;     /* as EXIF numbers it */
    struct buffer lying; /* a frame before it is turned */
};

static bool takes_any(const char *url, const struct stat *st)
{
    (void)url;
    (void)st;
    return true;
}

static fov_status open_video(fov_source *source, const char *url, fov_error *error)
{
    struct video *v = calloc(1, sizeof *v);
    struct ffmpeg_video_info info;
    source->state = v;
    if (!v)
        return fov_fail(error, FOV_ENOMEM, "no memory for a video");
    v->api = ffmpeg_api_get(error);
    if (!v->api)
        return FOV_ERUNTIME;
    fov_error why = {0};
    v->choice = source_choice(source);
    fov_status status = v->api->video_open(&v->file, url, &v->choice, &source->interrupted, &info,
                                           &why);
    if (status)
        return fov_fail(error, status, "%.120s: %s", url, why.message);
    bool swap = info.orientation >= 5;
    v->orientation = info.orientation;
    source->info = (fov_source_info){.kind = "video",
                                     .width = swap ? info.height : info.width,
                                     .height = swap ? info.width : info.height,
                                     .fps = info.fps,
                                     .frames = info.frames};
    return source->params.seek_ms > 0 ? v->api->video_seek(v->file, source->params.seek_ms, error)
                                      : FOV_OK;
}

/* Next frame, at the end and with loop: the first one again. */
static fov_status next(fov_source *source, int *width, int *height, double *pts_ms,
                       fov_error *error)
{
    struct video *v = source->state;
    fov_status status = v->api->video_next(v->file, width, height, pts_ms, error);
    if (status != FOV_EOS || !source->params.loop || !v->since_start)
        return status;
    v->since_start = 0;
    status = v->api->video_rewind(v->file, error);
    return status ? status : v->api->video_next(v->file, width, height, pts_ms, error);
}

static fov_status store_upright(struct video *v, fov_frame *frame, const fov_image *layout,
                                fov_error *error)
{
    fov_status status = fov_frame_alloc_image(frame, layout->pixels, layout->width, layout->height,
                                              layout->shift_x, layout->shift_y);
    return status ? fov_fail(error, status, "no memory for a frame")
                  : v->api->video_store(v->file, &frame->image, error);
}

static fov_status store_turned(struct video *v, fov_frame *frame, const fov_image *layout,
                               fov_error *error)
{
    fov_image lying, upright;
    image_turned_layout(&upright, layout, v->orientation);
    fov_status status = image_in_buffer(&lying, &v->lying, layout->pixels, layout->width,
                                        layout->height, layout->shift_x, layout->shift_y);
    if (status == FOV_OK)
        status = fov_frame_alloc_image(frame, upright.pixels, upright.width, upright.height,
                                       upright.shift_x, upright.shift_y);
    if (status)
        return fov_fail(error, status, "no memory for a frame");
    status = v->api->video_store(v->file, &lying, error);
    if (status == FOV_OK)
        image_turn(&frame->image, &lying, v->orientation);
    return status;
}

static fov_status read_video(fov_source *source, fov_frame_pool *pool, fov_frame **frame,
                             const char **name, fov_error *error)
{
    struct video *v = source->state;
    int width, height;
    double pts_ms;
    (void)name;
    fov_status status = fov_frame_get(pool, 0, frame); /* first: else a decoded frame is lost */
    if (status)
        return fov_fail(error, status, "all frames are in use");
    status = next(source, &width, &height, &pts_ms, error);
    if (status)
        return status;
    v->since_start++;
    fov_image layout;
    image_layout(&layout, source->params.pixels, width, height, 1, 1);
    status = v->orientation == 1 ? store_upright(v, *frame, &layout, error)
                                 : store_turned(v, *frame, &layout, error);
    if (status)
        return status;
    (*frame)->width = (*frame)->image.width;
    (*frame)->height = (*frame)->image.height;
    (*frame)->pts_ms = pts_ms;
    return FOV_OK;
}

static void close_video(fov_source *source)
{
    struct video *v = source->state;
    if (!v)
        return;
    if (v->file)
        v->api->video_close(&v->file);
    buffer_release(&v->lying);
    free(v);
}

const struct source_kind source_video = {
    .takes = takes_any, .open = open_video, .read = read_video, .close = close_video};

/* ---- demo: the clip that set-up fetches, for ever; without it the moving shapes ---------------
 */

static bool takes_demo(const char *url, const struct stat *st)
{
    (void)st;
    return strcmp(url, "demo:") == 0;
}

static fov_status open_demo(fov_source *source, const char *url, fov_error *error)
{
    char folder[PATH_MAX], path[PATH_MAX + 32];
    fov_error why = {0};
    (void)url;
    source->params.loop = true;
    if (dynlib_deps_folder(folder, sizeof folder)) {
        snprintf(path, sizeof path, "%s/media/bikes.mp4", folder);
        source->kind = &source_video;
        if (open_video(source, path, &why) == FOV_OK)
            return FOV_OK;
        close_video(source);
        source->state = NULL;
    } else {
        fov_fail(&why, FOV_ENOTFOUND, "set-up has not fetched it");
    }
    fov_log(FOV_LOG_WARN, "media", "no demo clip (%s): showing moving shapes; run `make build`",
            why.message);
    source->kind = &source_pattern;
    return source->kind->open(source, "pattern:", error);
}

const struct source_kind source_demo = {
    .takes = takes_demo, .open = open_demo, .read = read_video, .close = close_video};
