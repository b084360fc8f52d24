/* What the rooms above need beside the public header. */
#ifndef MEDIA_PICTURE_H
#define MEDIA_PICTURE_H

#include <fovea/picture.h>

/* Kind of an encoded picture by its first bytes; FOV_CODEC_NONE when it is none of ours. */
fov_codec picture_codec(const uint8_t *bytes, size_t size);

/* The largest of 1, 2, 4, 8 by which a width×height picture can be divided with both sides still
 * at least need_width and need_height. */
int picture_denominator(int width, int height, int need_width, int need_height);

#endif
