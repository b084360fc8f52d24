/* Motion JPEG in an AVI file: the plainest video that every player opens. */
#ifndef APPS_AVI_H
#define APPS_AVI_H

#include <stddef.h>
#include <stdbool.h>
#include <stdint.h>
#include <fovea/status.h>

struct avi;

/* Starts a file; all pictures are to be width×height JPEGs. */
fov_status avi_create(struct avi **avi, const char *path, int width, int height, double fps,
                      fov_error *error);

/* Adds a picture. FOV_ELIMIT when the file would pass 2 GB: close it and start another. */
fov_status avi_add(struct avi *avi, const uint8_t *jpeg, size_t size, fov_error *error);

/* Writes index and sizes, closes, sets NULL; accepts NULL. */
fov_status avi_close(struct avi **avi, fov_error *error);

#endif
