#include "upright.h"

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
