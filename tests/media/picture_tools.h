/* What the tests of pictures share. */
#ifndef TESTS_MEDIA_PICTURE_TOOLS_H
#define TESTS_MEDIA_PICTURE_TOOLS_H

#include <fovea/picture.h>
#include "jpegs.h"

extern fov_decoder *decoder;
extern const char *fixtures; /* folder */

/* Decodes with `decoder`. */
fov_status decode(const struct jpeg_file *file, fov_pixels pixels, int denominator,
                  fov_image *image, fov_error *error);

/* A file of up to 8 MiB; no bytes when it cannot be read. */
struct jpeg_file load(const char *folder, const char *name);

/* Mean of each of three channels of a packed image. */
void means_of(const fov_image *image, double means[3]);
void assert_near(double a, double b, double tolerance);

/* False where FFmpeg's module does not load. */
bool have_ffmpeg(void);

#endif
