/* Grey pictures to draw into, and what was drawn: failures end the test. */
#ifndef TESTS_MEDIA_CANVAS_H
#define TESTS_MEDIA_CANVAS_H

#include "media/image.h"

enum { CANVAS_GREY = 128 };

/* A grey picture with guards beside its rows and behind it. */
fov_image canvas_make(struct buffer *buffer, fov_pixels pixels, int width, int height);

/* Bytes beside the rows and behind the picture are as they were. */
void assert_guarded(const fov_image *image);

uint32_t rgb_at(const fov_image *image, int x, int y);

/* No channel is off by more than 6. */
void assert_colour(const fov_image *image, int x, int y, uint32_t wanted);

#endif
