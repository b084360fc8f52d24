#include "bed.h"

#include <unistd.h>

fov_frame_pool *frames;

static void on_event(void *user, const char *event, const char *text)
{
    struct events *e = user;
    (void)text;
    if (strcmp(event, "switch") == 0)
        e->switches++;
    if (strcmp(event, "lost_run") == 0)
        e->lost++;
    if (strcmp(event, "degraded") == 0)
        e->degraded++;
    if (strcmp(event, "fallback") == 0)
        e->fallbacks++;
}

fov_workers *workers_of(const char *path, int count, struct events *events)
{
    fov_model_params model = {.path = path};
    fov_workers_params params = {
        .workers = count, .model = &model, .on_event = events ? on_event : NULL, .user = events};
    fov_workers *workers = NULL;
    fov_error error = {0};
    if (fov_workers_create(&workers, &params, &error))
        fail_msg("%s", error.message);
    return workers;
}

fov_stream *stream_of(fov_workers *workers, struct sink *sink, fov_stream_params params)
{
    fov_stream *stream = NULL;
    fov_error error = {0};
    sink_init(sink);
    params.on_result = sink_result;
    params.user = sink;
    if (fov_stream_open(&stream, workers, &params, &error))
        fail_msg("%s", error.message);
    return stream;
}

/* 96 × 64 px times `scale`, black with a white block whose place follows from `number`. */
fov_frame *scaled_frame_of(uint64_t number, fov_pixels pixels, int scale)
{
    fov_frame *frame = NULL;
    int width = 96 * scale, height = 64 * scale, block = 16 * scale;
    while (fov_frame_get(frames, 0, &frame) == FOV_EAGAIN)
        usleep(200);
    assert_non_null(frame);
    assert_int_equal(fov_frame_alloc_image(frame, pixels, width, height, 1, 1), FOV_OK);
    fov_image *image = &frame->image;
    int bytes = pixels == FOV_YUV ? 1 : 3;
    for (int y = 0; y < height; y++)
        memset(image->plane[0] + y * image->stride[0], 0, (size_t)(width * bytes));
    int left = (int)(number * 7 % 80) * scale, top = (int)(number * 5 % 48) * scale;
    for (int y = 0; y < block; y++)
        memset(image->plane[0] + (top + y) * image->stride[0] + left * bytes, 255,
               (size_t)(block * bytes));
    for (int p = 1; p < 3 && pixels == FOV_YUV; p++)
        for (int y = 0; y < height / 2; y++)
            memset(image->plane[p] + y * image->stride[p], 128, (size_t)width / 2);
    frame->number = number;
    frame->width = width;
    frame->height = height;
    frame->capture_ns = clock_now_ns();
    return frame;
}

fov_frame *frame_of(uint64_t number, fov_pixels pixels)
{
    return scaled_frame_of(number, pixels, 1);
}

/* The same as a JPEG of 960 × 640 px. */
fov_frame *jpeg_of(fov_encoder *encoder, uint64_t number)
{
    fov_frame *drawn = scaled_frame_of(number, FOV_YUV, 10), *frame = NULL;
    const uint8_t *bytes;
    size_t size;
    assert_int_equal(fov_encode_jpeg(encoder, &drawn->image, 90, &bytes, &size, NULL), FOV_OK);
    assert_int_equal(fov_frame_get(frames, size, &frame), FOV_OK);
    memcpy(frame->bytes, bytes, size);
    frame->size = size;
    frame->codec = FOV_JPEG;
    frame->number = number;
    frame->capture_ns = clock_now_ns();
    fov_frame_unref(&drawn);
    return frame;
}

void put(fov_stream *stream, uint64_t number)
{
    fov_frame *frame = frame_of(number, FOV_RGB24);
    assert_int_equal(fov_stream_put(stream, &frame, NULL), FOV_OK);
}

void close_all(fov_stream **stream, struct sink *sink)
{
    fov_stream_close(stream);
    atomic_store(&sink->closed, true);
    if (sink->broken)
        fail_msg("%s", sink->what);
    sink_release(sink);
}

int bed_make(void **state)
{
    fov_frame_pool_params params = {.slots = 256};
    (void)state;
    fov_log_set(NULL, NULL, FOV_LOG_ERROR);
    return fov_frame_pool_create(&frames, &params, NULL) == FOV_OK ? 0 : -1;
}

int bed_clear(void **state)
{
    (void)state;
    fov_frame_pool_destroy(&frames);
    return 0;
}
