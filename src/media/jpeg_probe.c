/* What a JPEG's markers say, read without decoding: every offset is checked against the size. */
#include "media/jpeg.h"

#include <string.h>

#include "media/bytes.h"
#include "media/image.h"
#include "media/jpeg_marker.h"

#define MAX_SCANS 100
/* Pixels times scans: a progressive picture costs every pixel once a scan. */
#define MAX_SCAN_PIXELS INT64_C(500000000)

struct scanner {
    const uint8_t *bytes;
    size_t size, at;
};

/* ---- EXIF ------------------------------------------------------------------------------------ */

static uint32_t tiff_number(const uint8_t *p, int count, bool little)
{
    return (uint32_t)(little ? get_le(p, count) : get_be(p, count));
}

int exif_orientation(const uint8_t *tiff, size_t size)
{
    if (size < 8 || (memcmp(tiff, "II*\0", 4) && memcmp(tiff, "MM\0*", 4)))
        return 1;
    bool little = tiff[0] == 'I';
    size_t at = tiff_number(tiff + 4, 4, little);
    if (at > size - 2)
        return 1;
    uint32_t count = tiff_number(tiff + at, 2, little);
    for (at += 2; count-- && at <= size && size - at >= 12; at += 12) {
        if (tiff_number(tiff + at, 2, little) != 0x0112)
            continue;
        uint32_t value = tiff_number(tiff + at + 8, 2, little);
        return value >= 1 && value <= 8 ? (int)value : 1;
    }
    return 1;
}

static void read_app1(const uint8_t *body, size_t size, fov_picture_info *info)
{
    if (size >= 6 && memcmp(body, "Exif\0\0", 6) == 0)
        info->orientation = exif_orientation(body + 6, size - 6);
}

/* ---- frame header ---------------------------------------------------------------------------- */

static bool is_frame_header(int marker)
{
    return marker >= JPEG_SOF0 && marker <= JPEG_SOF15 && marker != JPEG_DHT &&
           marker != JPEG_JPG && marker != JPEG_DAC;
}

static fov_status check_process(int marker, int bits, fov_error *error)
{
    if (marker >= JPEG_SOF9)
        return fov_fail(error, FOV_EUNSUPPORTED, "arithmetic-coded JPEG is not supported");
    if (marker == JPEG_SOF3 || marker >= JPEG_SOF5)
        return fov_fail(error, FOV_EUNSUPPORTED,
                        "lossless and hierarchical JPEG are not supported");
    if (bits != 8)
        return fov_fail(error, FOV_EUNSUPPORTED, "JPEG with %d bits a sample; 8 are supported",
                        bits);
    return FOV_OK;
}

/* Chroma reduction of the second component, as far as FOV_YUV can say it (0 or 1). */
static void read_sampling(const uint8_t *component, int count, fov_picture_info *info)
{
    int x = component[1] >> 4, y = component[1] & 15;
    if (count != 3)
        return;
    info->shift_x = x == 2 * (component[4] >> 4);
    info->shift_y = y == 2 * (component[4] & 15);
}

static fov_status read_frame_header(int marker, const uint8_t *body, size_t size,
                                    fov_picture_info *info, fov_error *error)
{
    if (info->width)
        return fov_fail(error, FOV_EFORMAT, "JPEG with two frame headers");
    if (size < 6 || size < 6 + 3 * (size_t)body[5])
        return fov_fail(error, FOV_EFORMAT, "JPEG with a short frame header");
    fov_status status = check_process(marker, body[0], error);
    if (status)
        return status;
    info->height = (int)get_be(body + 1, 2);
    info->width = (int)get_be(body + 3, 2);
    info->components = body[5];
    info->progressive = marker == JPEG_SOF2;
    if (info->components != 1 && info->components != 3 && info->components != 4)
        return fov_fail(error, FOV_EUNSUPPORTED, "JPEG with %d components; 1, 3 or 4 are supported",
                        info->components);
    read_sampling(body + 6, info->components, info);
    return image_check_size(info->width, info->height, error);
}

/* ---- walking --------------------------------------------------------------------------------- */

/* Next marker; -1 at the end of the bytes. Skips fill bytes and, as libjpeg does, stray ones. */
static int next_marker(struct scanner *s)
{
    while (s->at + 1 < s->size) {
        const uint8_t *found = memchr(s->bytes + s->at, 0xFF, s->size - s->at - 1);
        if (!found)
            break;
        s->at = (size_t)(found - s->bytes) + 1;
        int code = s->bytes[s->at];
        if (code == 0xFF || code == 0)
            continue;
        s->at++;
        return code;
    }
    s->at = s->size;
    return -1;
}

static bool stands_alone(int marker)
{
    return (marker >= JPEG_RST0 && marker <= JPEG_SOI) || marker == JPEG_TEM;
}

/* Body of the segment at the scanner; false when it leaves the file. */
static bool read_segment(struct scanner *s, const uint8_t **body, size_t *size)
{
    if (s->size - s->at < 2)
        return false;
    size_t length = get_be(s->bytes + s->at, 2);
    if (length < 2 || length > s->size - s->at)
        return false;
    *body = s->bytes + s->at + 2;
    *size = length - 2;
    s->at += length;
    return true;
}

static fov_status count_scan(const uint8_t *body, size_t size, fov_picture_info *info,
                             fov_error *error)
{
    if (!info->width || size < 1)
        return fov_fail(error, FOV_EFORMAT, "JPEG scan without a frame header");
    if (++info->scans > MAX_SCANS)
        return fov_fail(error, FOV_ELIMIT, "JPEG with over %d scans", MAX_SCANS);
    if ((int64_t)info->width * info->height * info->scans > MAX_SCAN_PIXELS)
        return fov_fail(error, FOV_ELIMIT, "JPEG with too many scans for its size");
    bool whole = !info->progressive && body[0] == info->components;
    return whole ? FOV_EOS : FOV_OK; /* the one scan there is: no need to read on */
}

static fov_status read_marker(struct scanner *s, int marker, fov_picture_info *info,
                              fov_error *error)
{
    const uint8_t *body;
    size_t size;
    if (marker == JPEG_EOI)
        return FOV_EOS;
    if (stands_alone(marker))
        return FOV_OK;
    if (!read_segment(s, &body, &size))
        return fov_fail(error, FOV_EFORMAT, "the picture is cut off");
    if (is_frame_header(marker))
        return read_frame_header(marker, body, size, info, error);
    if (marker == JPEG_DAC)
        return fov_fail(error, FOV_EUNSUPPORTED, "arithmetic-coded JPEG is not supported");
    if (marker == JPEG_SOS)
        return count_scan(body, size, info, error);
    if (marker == JPEG_APP1)
        read_app1(body, size, info);
    return FOV_OK;
}

fov_status jpeg_probe(const uint8_t *bytes, size_t size, fov_picture_info *info, fov_error *error)
{
    struct scanner s = {bytes, size, 2};
    *info = (fov_picture_info){.codec = FOV_JPEG, .orientation = 1};
    fov_status status = FOV_OK;
    while (status == FOV_OK) {
        int marker = next_marker(&s);
        status = marker < 0 ? FOV_EOS : read_marker(&s, marker, info, error);
    }
    if (status != FOV_EOS)
        return status;
    if (!info->scans)
        return fov_fail(error, FOV_EFORMAT, "the picture is cut off");
    return FOV_OK;
}
