/* The annotated copy: match.avi, and match-2.avi where another one goes on. */
#include "football.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "avi.h"

#define QUALITY 85
#define WAY_S 1.0 /* of the ball */

struct football_video {
    fov_encoder *encoder;
    struct avi_parts parts;
    fov_ball_way way;
};

/* What is there already is of a run before, and is left alone. */
static void name_part(void *run, char *path, size_t size)
{
    const struct football_run *r = run;
    char name[32] = "match.avi";
    football_folder_path(r, path, size, name);
    for (int part = 2; access(path, F_OK) == 0; part++) {
        snprintf(name, sizeof name, "match-%d.avi", part);
        football_folder_path(r, path, size, name);
    }
}

static fov_status begin(struct football_run *r, fov_error *error)
{
    struct football_video *v = r->video = calloc(1, sizeof *v);
    if (!v)
        return fov_fail(error, FOV_ENOMEM, "no memory for an annotated copy");
    v->parts = (struct avi_parts){.fps = r->fps, .name = name_part, .user = r};
    return fov_encoder_create(&v->encoder, error);
}

static fov_status write_picture(struct football_video *v, const fov_image *image, fov_error *error)
{
    const uint8_t *bytes;
    size_t size;
    fov_status status = fov_encode_jpeg(v->encoder, image, QUALITY, &bytes, &size, error);
    if (status)
        return status;
    return avi_parts_add(&v->parts, image->width, image->height, bytes, size, error);
}

/* Pixels that may be drawn on: the result is ours alone. */
static fov_status pixels(struct football_run *r, const fov_result *result, fov_image *image,
                         fov_error *error)
{
    const fov_frame *frame = result->picture ? result->picture : result->frame;
    fov_picture_info info;
    *image = frame->image;
    if (image->pixels != FOV_PIXELS_NONE)
        return FOV_OK;
    return fov_decode(r->decoder, frame->bytes, frame->size, FOV_YUV, 1, image, &info, error);
}

fov_status football_video_add(struct football_run *r, fov_result *result, const fov_ball *ball,
                              bool draw, fov_error *error)
{
    fov_image image;
    fov_status status = r->video ? FOV_OK : begin(r, error);
    if (status)
        return status;
    struct football_video *v = r->video;
    const fov_football_draw what = {
        .frame = result->football, .ball = ball, .way = &v->way, .pitch = r->pitch};
    fov_ball_way_step(&v->way, ball, &result->football->motion, WAY_S);
    if (draw)
        status = pixels(r, result, &image, error);
    if (!draw || status)
        return status;
    fov_draw_football(&image, &what);
    return write_picture(v, &image, error);
}

fov_status football_video_close(struct football_run *r, fov_error *error)
{
    struct football_video *v = r->video;
    r->video = NULL;
    if (!v)
        return FOV_OK;
    fov_status status = avi_close(&v->parts.avi, error);
    fov_encoder_destroy(&v->encoder);
    free(v);
    return status;
}
