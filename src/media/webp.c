#include <string.h>

#include "media/bytes.h"
#include "media/image.h"
#include "media/jpeg.h"
#include "media/still.h"

#define ANIMATED 0x02 /* flag of VP8X */

bool webp_is(const uint8_t *bytes, size_t size)
{
    return size >= 12 && memcmp(bytes, "RIFF", 4) == 0 && memcmp(bytes + 8, "WEBP", 4) == 0;
}

static fov_status cut_off(fov_error *error)
{
    return fov_fail(error, FOV_EFORMAT, "the picture is cut off");
}

/* Sizes of the two kinds of picture chunk. */
static fov_status read_lossy(const uint8_t *body, size_t size, fov_picture_info *info,
                             fov_error *error)
{
    if (size < 10)
        return cut_off(error);
    if ((body[0] & 1) || memcmp(body + 3, "\x9d\x01\x2a", 3))
        return fov_fail(error, FOV_EFORMAT, "WebP without a key frame");
    info->width = (int)(get_le(body + 6, 2) & 0x3FFF);
    info->height = (int)(get_le(body + 8, 2) & 0x3FFF);
    return FOV_OK;
}

static fov_status read_lossless(const uint8_t *body, size_t size, fov_picture_info *info,
                                fov_error *error)
{
    if (size < 5)
        return cut_off(error);
    if (body[0] != 0x2F)
        return fov_fail(error, FOV_EFORMAT, "WebP with a broken header");
    uint32_t bits = (uint32_t)get_le(body + 1, 4);
    info->width = (int)(bits & 0x3FFF) + 1;
    info->height = (int)(bits >> 14 & 0x3FFF) + 1;
    info->components = bits >> 28 & 1 ? 4 : 3;
    return FOV_OK;
}

/* Canvas of the extended form; the picture chunk must agree with it. */
static fov_status read_canvas(const uint8_t *body, size_t size, int canvas[2], fov_error *error)
{
    if (size < 10)
        return cut_off(error);
    if (body[0] & ANIMATED)
        return fov_fail(error, FOV_EUNSUPPORTED, "animated WebP is not supported");
    canvas[0] = (int)get_le(body + 4, 3) + 1;
    canvas[1] = (int)get_le(body + 7, 3) + 1;
    return FOV_OK;
}

static int orientation_of(const uint8_t *body, size_t size)
{
    if (size >= 6 && memcmp(body, "Exif\0\0", 6) == 0)
        return exif_orientation(body + 6, size - 6);
    return exif_orientation(body, size);
}

static fov_status read_chunk(const uint8_t *chunk, size_t size, fov_picture_info *info,
                             int canvas[2], fov_error *error)
{
    const uint8_t *body = chunk + 8;
    if (memcmp(chunk, "VP8 ", 4) == 0)
        return read_lossy(body, size, info, error);
    if (memcmp(chunk, "VP8L", 4) == 0)
        return read_lossless(body, size, info, error);
    if (memcmp(chunk, "VP8X", 4) == 0)
        return read_canvas(body, size, canvas, error);
    if (memcmp(chunk, "EXIF", 4) == 0)
        info->orientation = orientation_of(body, size);
    return FOV_OK;
}

fov_status webp_probe(const uint8_t *bytes, size_t size, fov_picture_info *info, fov_error *error)
{
    int canvas[2] = {0, 0};
    *info = (fov_picture_info){.codec = FOV_WEBP, .orientation = 1, .components = 3};
    for (size_t at = 12; at <= size && size - at >= 8;) {
        size_t body = get_le(bytes + at + 4, 4);
        if (body > size - at - 8)
            return cut_off(error);
        fov_status status = read_chunk(bytes + at, body, info, canvas, error);
        if (status)
            return status;
        at += 8 + body + (body & 1);
    }
    if (!info->width)
        return cut_off(error);
    if (canvas[0] && (canvas[0] != info->width || canvas[1] != info->height))
        return fov_fail(error, FOV_EFORMAT, "the picture's headers contradict each other");
    return image_check_size(info->width, info->height, error);
}
