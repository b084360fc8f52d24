/* Camera motion over any pictures: the bytes are forms, sizes, boxes and pixels of a few frames.
 * Whatever they are: no crash, no byte read outside the picture, and a map that is finite and can
 * be undone, the identity when it is none. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <fovea/motion.h>
#include "base/plane.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct reader {
    const uint8_t *data;
    size_t size;
};

static uint32_t take(struct reader *r, size_t bytes)
{
    uint32_t value = 0;
    for (; bytes > 0 && r->size > 0; bytes--, r->data++, r->size--)
        value = value << 8 | *r->data;
    return value;
}

/* A pattern of the frame's own bytes, moved along a little each time. */
static void fill(struct reader *r, uint8_t *pixels, size_t room)
{
    size_t length = 1 + take(r, 1), shift = take(r, 1);
    length = length < r->size ? length : r->size;
    for (size_t i = 0; i < room; i++)
        pixels[i] = length ? r->data[(i + shift) % length] : (uint8_t)(i * shift);
    r->data += length;
    r->size -= length;
}

static void check(const fov_motion *motion)
{
    double back[9];
    if (motion->kind == FOV_MOTION_NONE &&
        memcmp(motion->map, PLANE_IDENTITY, sizeof PLANE_IDENTITY) != 0)
        abort();
    for (int i = 0; i < 9; i++)
        if (!isfinite(motion->map[i]))
            abort();
    if (!plane_invert(motion->map, back) || motion->inliers > motion->points || motion->points > 64)
        abort();
}

static void frame(fov_camera_motion *motion, struct reader *r, int width, int height)
{
    fov_detection boxes[3];
    fov_motion out;
    fov_error error = {0};
    uint32_t form = take(r, 1);
    fov_image image = {.pixels = (fov_pixels)(form % 6), .width = width, .height = height};
    int bytes = image.pixels == FOV_RGB24 || image.pixels == FOV_BGR24 ? 3 : 1;
    image.stride[0] = width * bytes + (int)(form >> 6);
    size_t room = (size_t)image.stride[0] * (size_t)(height - 1) + (size_t)(width * bytes);
    image.plane[0] = malloc(room);
    for (size_t i = 0; i < sizeof boxes / 4; i++) {
        uint32_t bits = take(r, form & 16 ? 4 : 0);
        memcpy((uint8_t *)boxes + 4 * i, &bits, 4);
    }
    if (!image.plane[0])
        return;
    fill(r, image.plane[0], room);
    fov_status status = fov_camera_motion_update(motion, &image, boxes, 3, &out, &error);
    if (status != FOV_OK && error.message[0] == '\0')
        abort();
    check(&out);
    free(image.plane[0]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct reader r = {data, size};
    fov_camera_motion *motion;
    uint32_t sizes = take(&r, 2);
    fov_camera_motion_params params = {
        .side = 64, .points = 64, .homography = sizes & 1, .inliers = sizes & 2 ? 0.05f : 0.3f};
    if (fov_camera_motion_create(&motion, &params, NULL) != FOV_OK)
        return 0;
    int width = 1 + (int)(sizes >> 8), height = 1 + (int)(sizes & 255);
    for (int i = 0; i < 5 && r.size > 0; i++) {
        if (i == 3)
            width = 1 + (int)take(&r, 1);
        frame(motion, &r, width, height);
    }
    fov_camera_motion_destroy(&motion);
    return 0;
}
