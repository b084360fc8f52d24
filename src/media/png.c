#include <string.h>

#include "media/bytes.h"
#include "media/image.h"
#include "media/jpeg.h"
#include "media/still.h"

const uint8_t png_signature[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};

struct chunk {
    const uint8_t *start; /* of the length field */
    const uint8_t *type;  /* four letters; the body follows */
    uint32_t size;        /* of the body */
};

bool png_is(const uint8_t *bytes, size_t size)
{
    return size >= sizeof png_signature && memcmp(bytes, png_signature, sizeof png_signature) == 0;
}

/* Next chunk at *at; false at the end or where one leaves the file. */
static bool next_chunk(const uint8_t *bytes, size_t size, size_t *at, struct chunk *chunk)
{
    if (size - *at < 12)
        return false;
    *chunk = (struct chunk){bytes + *at, bytes + *at + 4, (uint32_t)get_be(bytes + *at, 4)};
    if (chunk->size > size - *at - 12)
        return false;
    *at += 12 + (size_t)chunk->size;
    return true;
}

static bool is_type(const struct chunk *chunk, const char *type)
{
    return memcmp(chunk->type, type, 4) == 0;
}

static fov_status read_header(const struct chunk *chunk, fov_picture_info *info, fov_error *error)
{
    const uint8_t *body = chunk->type + 4;
    if (!is_type(chunk, "IHDR") || chunk->size != 13)
        return fov_fail(error, FOV_EFORMAT, "PNG without its header");
    uint32_t width = (uint32_t)get_be(body, 4), height = (uint32_t)get_be(body + 4, 4);
    int bits = body[8], colours = body[9];
    if (bits == 16)
        return fov_fail(error, FOV_EUNSUPPORTED, "PNG with 16 bits a sample; 8 are supported");
    fov_status status = image_check_size(width, height, error);
    info->width = (int)width;
    info->height = (int)height;
    info->components = colours == 6 ? 4 : colours == 0 || colours == 4 ? 1 : 3;
    return status;
}

fov_status png_probe(const uint8_t *bytes, size_t size, fov_picture_info *info, fov_error *error)
{
    struct chunk chunk;
    size_t at = sizeof png_signature;
    *info = (fov_picture_info){.codec = FOV_PNG, .orientation = 1};
    if (!next_chunk(bytes, size, &at, &chunk))
        return fov_fail(error, FOV_EFORMAT, "the picture is cut off");
    fov_status status = read_header(&chunk, info, error);
    if (status)
        return status;
    while (next_chunk(bytes, size, &at, &chunk) && !is_type(&chunk, "IDAT"))
        if (is_type(&chunk, "eXIf"))
            info->orientation = exif_orientation(chunk.type + 4, chunk.size);
    return FOV_OK;
}

static bool makes_pixels(const struct chunk *chunk)
{
    static const char *const kept[] = {"IHDR", "PLTE", "tRNS", "IDAT", "IEND"};
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
        if (is_type(chunk, kept[i]))
            return true;
    return false;
}

fov_status png_keep_pixels(const uint8_t *bytes, size_t size, struct buffer *to, size_t *to_size,
                           fov_error *error)
{
    struct chunk chunk;
    size_t at = sizeof png_signature, used = sizeof png_signature;
    bool ended = false;
    if (!buffer_reserve(to, size + 64)) /* FFmpeg reads a little beyond */
        return fov_fail(error, FOV_ENOMEM, "no memory for a picture");
    memcpy(to->data, png_signature, sizeof png_signature);
    while (!ended && next_chunk(bytes, size, &at, &chunk)) {
        ended = is_type(&chunk, "IEND");
        if (!makes_pixels(&chunk))
            continue;
        memcpy(to->data + used, chunk.start, 12 + (size_t)chunk.size);
        used += 12 + (size_t)chunk.size;
    }
    memset(to->data + used, 0, 64);
    *to_size = used;
    return ended ? FOV_OK : fov_fail(error, FOV_EFORMAT, "the picture is cut off");
}
