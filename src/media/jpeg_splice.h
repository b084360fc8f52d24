/* Puts changed blocks into a JPEG; all others keep the bits they had. */
#ifndef MEDIA_JPEG_SPLICE_H
#define MEDIA_JPEG_SPLICE_H

#include "media/buffer.h"
#include "media/overlay.h"

struct splice; /* what is kept from picture to picture */

/* `bytes`: the JPEG; `image`: the whole picture decoded from it to FOV_YUV and then drawn on, where
 * `touched` says. The blocks of touched MCUs are made anew with the file's own tables; the result
 * is valid to the next call. Returns FOV_EUNSUPPORTED for JPEGs that cannot be re-coded in parts
 * (jpeg_scan_read), for another format of pixels, and when more than 15 percent of the MCUs are
 * touched; FOV_EFORMAT for broken ones, FOV_ENOMEM. */
fov_status splice_run(struct splice **splice, const uint8_t *bytes, size_t size,
                      const fov_image *image, const struct overlay_touched *touched,
                      const uint8_t **out, size_t *out_size);
void splice_destroy(struct splice **splice); /* sets NULL, accepts NULL */

#endif
