/* Motion JPEG in an AVI file: the plainest video that every player opens. */
#ifndef APPS_AVI_H
#define APPS_AVI_H

#include <stddef.h>
#include <stdint.h>
#include <fovea/status.h>

struct avi;

/* One file after another: a file holds pictures of one size, and at most 2 GB. */
struct avi_parts {
    double fps;
    void (*name)(void *user, char *path, size_t size); /* of the part that begins */
    void *user;
    struct avi *avi;   /* that is written, NULL at first; to be closed by the owner */
    int width, height; /* its */
};

/* Adds a picture, of so many px, to a new part where the last one cannot take it. Returns FOV_EIO,
 * FOV_ENOMEM. */
fov_status avi_parts_add(struct avi_parts *parts, int width, int height, const uint8_t *jpeg,
                         size_t size, fov_error *error);

/* Writes index and sizes, closes, sets NULL; accepts NULL. */
fov_status avi_close(struct avi **avi, fov_error *error);

#endif
