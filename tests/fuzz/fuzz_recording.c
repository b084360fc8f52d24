/* Recordings of any bytes: no crash, limits hold, what is listed can be read or is refused with a
 * reason. The sums of the input are made right first, else nothing behind them would ever be looked
 * at. */
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "media/recording.h"

#define MOST_PIXELS 1000000 /* larger ones are not looked at: the run shall stay quick */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static fov_frame_pool *pool;

static void mend(uint8_t *bytes, size_t size)
{
    if (size < RECORDING_START)
        return;
    uint64_t json = get_le(bytes + 12, 4), at = RECORDING_START + json;
    if (at > size)
        return;
    put_le(bytes + 16, recording_sum(recording_sum(0, bytes, 16), bytes + RECORDING_START, json),
           4);
    while (size - at >= RECORDING_CHUNK) {
        uint64_t payload = get_le(bytes + at + 4, 4);
        if (payload > size - at - RECORDING_CHUNK)
            payload = size - at - RECORDING_CHUNK; /* of the last one: the head alone */
        put_le(bytes + at + 8, recording_sum(0, bytes + at + RECORDING_CHUNK, payload), 4);
        put_le(bytes + at + 12, recording_sum(0, bytes + at, 12), 4);
        at += RECORDING_CHUNK + payload;
    }
}

static struct recording *open_bytes(const uint8_t *bytes, size_t size)
{
    struct recording *r = NULL;
    fov_error error = {0};
    int fd = memfd_create("recording", MFD_CLOEXEC);
    if (fd < 0 || write(fd, bytes, size) != (ssize_t)size)
        abort();
    fov_status status = recording_open(&r, fd, "input", &error);
    if (status && (r || !error.message[0]))
        abort();
    return r;
}

static void check_boxes(const fov_recorded *what)
{
    if (what->number >= UINT64_C(1) << 53 || what->arrival_ns < 0 ||
        what->count > RECORDING_BOXES_MAX || !(what->conf >= 0 && what->conf <= 1))
        abort();
}

static void check_frame(const fov_frame *f)
{
    bool encoded = f->bytes != NULL;
    if (encoded == (f->image.pixels != FOV_PIXELS_NONE) || (encoded && !f->size))
        abort();
    if (!encoded && (int64_t)f->image.width * f->image.height > IMAGE_MAX_PIXELS)
        abort();
}

/* Every byte of a frame's picture. */
static uint32_t sum_of(const fov_frame *f)
{
    if (f->bytes)
        return recording_sum(0, f->bytes, f->size);
    uint32_t sum = 0;
    const fov_image *image = &f->image;
    for (int p = 0; p < image_planes(image); p++)
        for (int y = 0; image->plane[p] && y < image_plane_height(image, p); y++)
            sum = recording_sum(sum, image->plane[p] + (ptrdiff_t)y * image->stride[p],
                                (size_t)(image_plane_width(image, p) * image_pixel_bytes(image)));
    return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *bytes = malloc(size ? size : 1);
    fov_frame_pool_params params = {.slots = 4, .keep_bytes = (size_t)4 << 20};
    if (!bytes || (!pool && fov_frame_pool_create(&pool, &params, NULL)))
        abort();
    memcpy(bytes, data, size);
    mend(bytes, size);
    struct recording *r = open_bytes(bytes, size);
    free(bytes);
    for (size_t i = 0; r && i < recording_count(r) && i < 32; i++) {
        fov_frame *frame = NULL;
        fov_recorded what;
        const char *name = NULL;
        fov_error error = {0};
        fov_status status = recording_read(r, i, pool, &frame, &what, &name, &error);
        check_boxes(&what);
        if (status && (frame || !error.message[0]))
            abort();
        if (status == FOV_OK) {
            check_frame(frame);
            if (frame->image.width * frame->image.height < MOST_PIXELS) {
                volatile uint32_t sum = sum_of(frame);
                (void)sum;
            }
            if (name && (strlen(name) > RECORDING_NAME_MAX || strchr(name, '/')))
                abort();
        }
        fov_frame_unref(&frame);
    }
    recording_close(&r);
    return 0;
}
