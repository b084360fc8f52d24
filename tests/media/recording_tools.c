#include "recording_tools.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <fovea/log.h>
#include <fovea/picture.h>
#include "../temp_folder.h"

fov_frame_pool *pool;
static char folder[TEMP_FOLDER];

char *path_of(const char *name)
{
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

const fov_recording_info live = {.source = "hall",
                                 .kind = "camera",
                                 .live = true,
                                 .model_id = "fake",
                                 .precision = "f32",
                                 .conf = 0.3f,
                                 .iou = 0.4f,
                                 .exact = true,
                                 .max_latency_ms = 150};

fov_recording *create(const char *name, const fov_recording_info *info, fov_recording_params params)
{
    fov_recording *r = NULL;
    fov_error error = {0};
    if (fov_recording_create(&r, path_of(name), info, &params, &error))
        fail_msg("%s", error.message);
    return r;
}

void add(fov_recording *r, const fov_frame *frame, fov_recorded what, const char *name)
{
    fov_error error = {0};
    if (fov_recording_add(r, frame, &what, name, &error))
        fail_msg("%s", error.message);
}

void finish(fov_recording **r)
{
    assert_int_equal(fov_recording_close(r, NULL), FOV_OK);
    assert_null(*r);
}

struct recording *open_file(const char *name, fov_status wanted)
{
    struct recording *r = NULL;
    fov_error error = {0};
    int fd = open(path_of(name), O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    fov_status status = recording_open(&r, fd, name, &error);
    if (status != wanted)
        fail_msg("%s: %s, not %s: %s", name, fov_status_code(status), fov_status_code(wanted),
                 error.message);
    assert_true(status == FOV_OK || (error.message[0] && !r));
    return r;
}

fov_frame *pixels_of(fov_pixels pixels, int width, int height, int shift_x, int shift_y, bool gray)
{
    fov_frame *frame = NULL;
    uint32_t state = (uint32_t)(width * 7 + height);
    assert_int_equal(fov_frame_get(pool, 0, &frame), FOV_OK);
    assert_int_equal(fov_frame_alloc_image(frame, pixels, width, height, shift_x, shift_y), FOV_OK);
    if (gray)
        frame->image.plane[1] = frame->image.plane[2] = NULL;
    for (int p = 0; p < image_planes(&frame->image); p++)
        for (int y = 0; frame->image.plane[p] && y < image_plane_height(&frame->image, p); y++)
            for (int x = 0;
                 x < image_plane_width(&frame->image, p) * image_pixel_bytes(&frame->image); x++) {
                state = state * 1664525 + 1013904223;
                frame->image.plane[p][y * frame->image.stride[p] + x] =
                    (uint8_t)(x % 5 ? (uint32_t)(x + y) : state >> 24);
            }
    frame->width = width;
    frame->height = height;
    return frame;
}

fov_frame *jpeg_of(int width, int height)
{
    fov_encoder *encoder;
    const uint8_t *bytes;
    size_t size;
    fov_frame *drawn = pixels_of(FOV_YUV, width, height, 1, 1, false), *frame = NULL;
    assert_int_equal(fov_encoder_create(&encoder, NULL), FOV_OK);
    assert_int_equal(fov_encode_jpeg(encoder, &drawn->image, 90, &bytes, &size, NULL), FOV_OK);
    assert_int_equal(fov_frame_get(pool, size, &frame), FOV_OK);
    memcpy(frame->bytes, bytes, size);
    frame->size = size;
    frame->codec = FOV_JPEG;
    frame->width = width;
    frame->height = height;
    fov_encoder_destroy(&encoder);
    fov_frame_unref(&drawn);
    return frame;
}

int make_folder(void **state)
{
    (void)state;
    fov_log_set(NULL, NULL, FOV_LOG_ERROR);
    fov_frame_pool_params params = {.slots = 32};
    return temp_folder_make(folder) && fov_frame_pool_create(&pool, &params, NULL) == FOV_OK ? 0
                                                                                             : -1;
}

int clear_folder(void **state)
{
    (void)state;
    fov_frame_pool_destroy(&pool);
    return temp_folder_drop(folder);
}
