/* How pixels lie in memory, and plain conversions between the formats. */
#ifndef MEDIA_IMAGE_H
#define MEDIA_IMAGE_H

#include <fovea/frame.h>
#include "media/buffer.h"

#define IMAGE_MAX_SIDE 16384
#define IMAGE_MAX_PIXELS INT64_C(40000000)

/* FOV_OK, or FOV_ELIMIT with the numbers; FOV_EFORMAT for an empty picture. */
fov_status image_check_size(int64_t width, int64_t height, fov_error *error);

/* Fills format, size and strides, and gives the memory needed. Strides are multiples of 64 and
 * planes have room for a multiple of 16 rows, so that whole blocks can be written in place. */
size_t image_layout(fov_image *image, fov_pixels pixels, int width, int height, int shift_x,
                    int shift_y);

/* Sets the planes of a laid-out image; `memory` is 64-byte aligned. */
void image_place(fov_image *image, uint8_t *memory);

/* Both steps into a buffer. Returns FOV_ENOMEM. */
fov_status image_in_buffer(fov_image *image, struct buffer *buffer, fov_pixels pixels, int width,
                           int height, int shift_x, int shift_y);

int image_planes(const fov_image *image);                 /* 1 or 3 */
int image_plane_width(const fov_image *image, int plane); /* px */
int image_plane_height(const fov_image *image, int plane);
int image_pixel_bytes(const fov_image *image); /* 3 for RGB24 and BGR24, else 1 */

/* Converts between any two formats of the same size: JPEG colours (BT.601, full range). Chroma is
 * averaged when it is reduced and repeated when it is enlarged. Gray FOV_YUV (plane 1 NULL) reads
 * as chroma 128. `to` has its planes. */
void image_convert(const fov_image *to, const fov_image *from);

/* Turning by an EXIF orientation 2..8: format and size of the result (no planes yet), then the
 * pixels. Planes that `from` has not are left alone. */
void image_turned_layout(fov_image *to, const fov_image *from, int orientation);
void image_turn(const fov_image *to, const fov_image *from, int orientation);

#endif
