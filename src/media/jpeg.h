/* JPEG through libjpeg-turbo: bounded in memory and time, no allocation in the steady state. */
#ifndef MEDIA_JPEG_H
#define MEDIA_JPEG_H

#include <fovea/picture.h>

/* Reads what fov_picture_info says about a JPEG: an own scanner that looks at markers only. */
fov_status jpeg_probe(const uint8_t *bytes, size_t size, fov_picture_info *info, fov_error *error);

/* Orientation 1..8 out of a TIFF structure (the body of an EXIF block); 1 when absent or broken. */
int exif_orientation(const uint8_t *tiff, size_t size);

struct jpeg_decoder;

fov_status jpeg_decoder_create(struct jpeg_decoder **decoder, fov_error *error);
void jpeg_decoder_destroy(struct jpeg_decoder **decoder);

/* First half of a decode. Reads the header and says in `image` (no planes yet) what
 * jpeg_decoder_finish will write: the wished format where the file has it, else FOV_RGB24 (FOV_YUV
 * of a file that holds no YCbCr with chroma at 1/1 or 1/2). `info` is of jpeg_probe for these
 * bytes, which stay valid until the second half. */
fov_status jpeg_decoder_begin(struct jpeg_decoder *decoder, const uint8_t *bytes, size_t size,
                              const fov_picture_info *info, fov_pixels wish, int denominator,
                              fov_image *image, fov_error *error);

/* Second half: writes the pixels into image->plane (laid out by image_layout). Gray FOV_YUV: sets
 * planes 1 and 2 to NULL. Any doubt about the data is FOV_EFORMAT. */
fov_status jpeg_decoder_finish(struct jpeg_decoder *decoder, fov_image *image, fov_error *error);

#endif
