#include "bench_frames.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

enum { SLOTS = 256, STEP = 5, NOISE = 8 }; /* of a video every fifth frame, so that they differ */

static fov_status keep(struct bench_frames *frames, const uint8_t *bytes, size_t size)
{
    uint8_t *copy = malloc(size);
    if (!copy)
        return FOV_ENOMEM;
    memcpy(copy, bytes, size);
    frames->items[frames->count].bytes = copy;
    frames->items[frames->count++].size = size;
    return FOV_OK;
}

static fov_status keep_frame(struct bench_frames *frames, const fov_frame *frame,
                             fov_encoder *encoder, fov_error *error)
{
    const uint8_t *bytes = frame->bytes;
    size_t size = frame->size;
    fov_status status = FOV_OK;
    if (!bytes || !size)
        status = fov_encode_jpeg(encoder, &frame->image, 85, &bytes, &size, error);
    if (status)
        return status;
    if (!frames->count) {
        fov_picture_info info;
        status = fov_picture_probe(bytes, size, &info, error);
        frames->width = info.width;
        frames->height = info.height;
    }
    return status ? status : keep(frames, bytes, size);
}

/* Brightness off by up to NOISE either way, as a sensor's in a room: about 2 bits a pixel in JPEG.
 */
static void add_noise(const fov_image *image, uint32_t random)
{
    for (int y = 0; y < image->height; y++) {
        uint8_t *row = image->plane[0] + (ptrdiff_t)y * image->stride[0];
        for (int x = 0; x < image->width; x++) {
            random = random * 1664525u + 1013904223u;
            int level = row[x] + (int)(random >> 16) % (2 * NOISE + 1) - NOISE;
            row[x] = (uint8_t)(level < 0 ? 0 : level > 255 ? 255 : level);
        }
    }
}

static fov_status read_all(struct bench_frames *frames, fov_source *source, fov_encoder *encoder,
                           bool noisy, fov_error *error)
{
    bool video = strcmp(fov_source_get_info(source)->kind, "images") != 0;
    fov_status status = FOV_OK;
    for (int n = 0; frames->count < BENCH_FRAMES && !status; n++) {
        fov_frame *frame = NULL;
        status = fov_source_read(source, frames->pool, &frame, NULL, error);
        if (status == FOV_EFORMAT) { /* one broken picture */
            status = FOV_OK;
            continue;
        }
        if (!status && noisy && frame->image.pixels == FOV_YUV)
            add_noise(&frame->image, (uint32_t)n + 1);
        if (!status && (!video || n % STEP == 0))
            status = keep_frame(frames, frame, encoder, error);
        fov_frame_unref(&frame);
    }
    if (status == FOV_EOS && frames->count)
        status = FOV_OK;
    return status == FOV_EOS ? fov_fail(error, FOV_EFORMAT, "no picture in it") : status;
}

fov_status bench_frames_read(struct bench_frames *frames, const char *url, bool standard,
                             fov_error *error)
{
    static const char pattern[] = "pattern:width=1280,height=720,frames=160";
    fov_frame_pool_params pool = {.slots = SLOTS, .max_bytes = (size_t)64 << 20};
    fov_source *source = NULL;
    fov_encoder *encoder = NULL;
    bool noisy = standard && !url;
    *frames = (struct bench_frames){.source = url ? url : noisy ? pattern : "demo:"};
    fov_source_params params = {.url = frames->source};
    fov_status status = fov_source_open(&source, &params, error);
    if (status && !url) {
        params.url = frames->source = pattern;
        status = fov_source_open(&source, &params, error);
    }
    if (!status)
        status = fov_frame_pool_create(&frames->pool, &pool, error);
    if (!status)
        status = fov_encoder_create(&encoder, error);
    if (!status)
        status = read_all(frames, source, encoder, noisy, error);
    fov_encoder_destroy(&encoder);
    fov_source_close(&source);
    if (status)
        bench_frames_release(frames);
    return status;
}

void bench_frames_release(struct bench_frames *frames)
{
    for (int i = 0; i < frames->count; i++)
        free(frames->items[i].bytes);
    fov_frame_pool_destroy(&frames->pool);
    *frames = (struct bench_frames){0};
}

fov_frame *bench_frames_get(struct bench_frames *frames, int i)
{
    size_t size = frames->items[i % frames->count].size;
    fov_frame *frame = NULL;
    if (fov_frame_get(frames->pool, size, &frame) != FOV_OK)
        return NULL;
    memcpy(frame->bytes, frames->items[i % frames->count].bytes, size);
    frame->size = size;
    frame->capture_ns = clock_now_ns();
    return frame;
}

fov_frame bench_frames_view(const struct bench_frames *frames, int i)
{
    return (fov_frame){.bytes = frames->items[i % frames->count].bytes,
                       .size = frames->items[i % frames->count].size};
}
