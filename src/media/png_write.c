/* PNG out: RGB and gray, 8 bits. */
#include <string.h>
#include <zlib.h>

#include "media/bytes.h"
#include "media/image.h"
#include "media/still.h"

/* Closes a chunk whose body stands at `at` + 8 already; returns where the next one begins. */
static size_t seal(uint8_t *bytes, size_t at, const char *type, size_t size)
{
    put_be(bytes + at, size, 4);
    memcpy(bytes + at + 4, type, 4);
    put_be(bytes + at + 8 + size, crc32(0, bytes + at + 4, (uInt)(size + 4)), 4);
    return at + 12 + size;
}

static size_t put_header(uint8_t *bytes, size_t at, const fov_image *image)
{
    uint8_t *body = bytes + at + 8;
    put_be(body, (uint64_t)image->width, 4);
    put_be(body + 4, (uint64_t)image->height, 4);
    body[8] = 8;
    body[9] = image->pixels == FOV_GRAY8 ? 0 : 2;
    body[10] = body[11] = body[12] = 0;
    return seal(bytes, at, "IHDR", 13);
}

/* Rows without a filter: maps and drawings pack well so. */
static bool pack(const fov_image *image, uint8_t *to, size_t room, size_t *size)
{
    z_stream z = {.next_out = to, .avail_out = (uInt)room};
    if (deflateInit(&z, 6) != Z_OK)
        return false;
    size_t row = (size_t)image->width * (size_t)image_pixel_bytes(image);
    uint8_t filter = 0;
    int done = Z_OK;
    for (int y = 0; y < image->height && done == Z_OK; y++) {
        z.next_in = &filter;
        z.avail_in = 1;
        done = deflate(&z, Z_NO_FLUSH);
        z.next_in = image->plane[0] + (ptrdiff_t)y * image->stride[0];
        z.avail_in = (uInt)row;
        if (done == Z_OK)
            done = deflate(&z, y + 1 < image->height ? Z_NO_FLUSH : Z_FINISH);
    }
    *size = z.total_out;
    deflateEnd(&z);
    return done == Z_STREAM_END;
}

fov_status png_encode(const fov_image *image, struct buffer *to, size_t *size, fov_error *error)
{
    if (image->pixels != FOV_RGB24 && image->pixels != FOV_GRAY8)
        return fov_fail(error, FOV_EINVAL, "a PNG is written from RGB or gray pixels");
    fov_status status = image_check_size(image->width, image->height, error);
    if (status)
        return status;
    size_t raw = ((size_t)image->width * (size_t)image_pixel_bytes(image) + 1) *
                 (size_t)image->height;
    size_t room = compressBound((uLong)raw) + 64, packed;
    if (!buffer_reserve(to, room + 128))
        return fov_fail(error, FOV_ENOMEM, "no memory for a picture");
    memcpy(to->data, png_signature, sizeof png_signature);
    size_t at = put_header(to->data, sizeof png_signature, image);
    if (!pack(image, to->data + at + 8, room, &packed))
        return fov_fail(error, FOV_ENOMEM, "no memory to pack a picture");
    at = seal(to->data, at, "IDAT", packed);
    *size = seal(to->data, at, "IEND", 0);
    return FOV_OK;
}
