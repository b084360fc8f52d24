#include "upright.h"

#include <string.h>

fov_status upright_begin(struct upright *u, const char *url, fov_error *error)
{
    fov_source_params source = {.url = url, .pixels = FOV_RGB24};
    fov_frame_pool_params pool = {
        .slots = 2, .max_bytes = (size_t)256 << 20, .keep_bytes = (size_t)512 << 20};
    *u = (struct upright){0};
    fov_status status = fov_source_open(&u->source, &source, error);
    if (!status)
        status = fov_frame_pool_create(&u->pool, &pool, error);
    if (!status)
        status = fov_decoder_create(&u->decoder, error);
    return status;
}

void upright_end(struct upright *u)
{
    fov_frame_unref(&u->frame);
    fov_decoder_destroy(&u->decoder);
    fov_source_close(&u->source);
    fov_frame_pool_destroy(&u->pool);
}

fov_status upright_next(struct upright *u, fov_error *error)
{
    fov_picture_info info;
    fov_frame_unref(&u->frame);
    fov_status status = fov_source_read(u->source, u->pool, &u->frame, &u->name, error);
    if (status)
        return status;
    u->image = u->frame->image;
    if (u->image.pixels != FOV_PIXELS_NONE)
        return FOV_OK;
    status = fov_decode(u->decoder, u->frame->bytes, u->frame->size, FOV_RGB24, 1, &u->image, &info,
                        error);
    return status ? status : fov_orient(u->decoder, &u->image, info.orientation, error);
}

bool upright_is_broken(fov_status status)
{
    return status == FOV_EFORMAT || status == FOV_EUNSUPPORTED || status == FOV_ELIMIT;
}

/* ---- frames on their way ----------------------------------------------------------------------
 */

static fov_status store_pixels(fov_frame *frame, const fov_image *image)
{
    fov_status status = fov_frame_alloc_image(frame, image->pixels, image->width, image->height, 0,
                                              0);
    for (int y = 0; status == FOV_OK && y < image->height; y++)
        memcpy(frame->image.plane[0] + (ptrdiff_t)y * frame->image.stride[0],
               image->plane[0] + (ptrdiff_t)y * image->stride[0], (size_t)(3 * image->width));
    return status;
}

static fov_status turn(fov_decoder *decoder, fov_frame_pool *pool, fov_frame **frame,
                       fov_error *error)
{
    fov_image image;
    fov_picture_info info;
    fov_frame *upright = NULL;
    fov_status status = fov_decode(decoder, (*frame)->bytes, (*frame)->size, FOV_RGB24, 1, &image,
                                   &info, error);
    if (status == FOV_OK)
        status = fov_orient(decoder, &image, info.orientation, error);
    if (status == FOV_OK)
        status = fov_frame_get(pool, 0, &upright);
    if (status == FOV_OK)
        status = store_pixels(upright, &image);
    if (status) {
        fov_frame_unref(&upright);
        return error->message[0] ? status : fov_fail(error, status, "no memory for a picture");
    }
    upright->width = image.width;
    upright->height = image.height;
    upright->pts_ms = (*frame)->pts_ms;
    fov_frame_unref(frame);
    *frame = upright;
    return FOV_OK;
}

fov_status upright_frame(fov_decoder *decoder, fov_frame_pool *pool, fov_frame **frame,
                         fov_error *error)
{
    fov_picture_info info;
    if ((*frame)->image.pixels != FOV_PIXELS_NONE)
        return FOV_OK;
    fov_status status = fov_picture_probe((*frame)->bytes, (*frame)->size, &info, error);
    return status || info.orientation == 1 ? status : turn(decoder, pool, frame, error);
}
