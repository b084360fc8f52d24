/* Encoded frames in memory that the benchmark works on again and again. */
#ifndef APPS_BENCH_FRAMES_H
#define APPS_BENCH_FRAMES_H

#include <fovea/fovea.h>

enum { BENCH_FRAMES = 32 };

struct bench_frames {
    struct {
        uint8_t *bytes;
        size_t size;
    } items[BENCH_FRAMES];
    int count, width, height; /* size of the first one */
    fov_frame_pool *pool;
    const char *source;
};

/* Reads up to BENCH_FRAMES pictures of `url` (NULL: the demo clip, else `pattern:` at 1280×720;
 * with `standard` always the latter, with the noise of a camera, so that the bytes are those of
 * one); frames of videos are encoded as JPEG of quality 85, as a camera would send them. */
fov_status bench_frames_read(struct bench_frames *frames, const char *url, bool standard,
                             fov_error *error);
void bench_frames_release(struct bench_frames *frames);

/* A fresh frame with picture i (counted round), stamped now. NULL when all slots are in use. */
fov_frame *bench_frames_get(struct bench_frames *frames, int i);

/* The same picture without a copy, for raw calls. */
fov_frame bench_frames_view(const struct bench_frames *frames, int i);

#endif
