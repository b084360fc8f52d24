/* PNG and WebP: headers read here, pixels by the FFmpeg module; PNG written here. */
#ifndef MEDIA_STILL_H
#define MEDIA_STILL_H

#include <fovea/picture.h>
#include "media/buffer.h"

bool png_is(const uint8_t *bytes, size_t size);
bool webp_is(const uint8_t *bytes, size_t size);
fov_status png_probe(const uint8_t *bytes, size_t size, fov_picture_info *info, fov_error *error);
fov_status webp_probe(const uint8_t *bytes, size_t size, fov_picture_info *info, fov_error *error);

/* Copies the chunks that make the picture (IHDR, PLTE, tRNS, IDAT, IEND) and no others: packed
 * text and colour profiles of a few kilobytes can unfold to gigabytes in a decoder. */
fov_status png_keep_pixels(const uint8_t *bytes, size_t size, struct buffer *to, size_t *to_size,
                           fov_error *error);

extern const uint8_t png_signature[8];

/* Writes an FOV_RGB24 or FOV_GRAY8 picture as a PNG into the buffer, *size bytes. Returns
 * FOV_EINVAL, FOV_ELIMIT, FOV_ENOMEM. */
fov_status png_encode(const fov_image *image, struct buffer *to, size_t *size, fov_error *error);

#endif
