/* Pool of frames: slots that keep their memory, counted references, a bound on what free slots
 * hold.
 */
#include "media/frame.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <fovea/picture.h>

#include "base/clock.h"
#include "media/buffer.h"
#include "media/image.h"

struct slot {
    fov_frame frame; /* first: a frame's address is its slot's */
    atomic_int references;
    fov_frame_pool *pool;
    struct slot *next_free;
    struct buffer bytes, pixels, attached;
    const void *kind;            /* of what is attached now; NULL: nothing is */
    void (*release)(void *user); /* of a picture in memory of others */
    void *release_user;
};

struct fov_frame_pool {
    pthread_mutex_t lock;
    fov_frame_pool_params params;
    struct slot *free; /* last returned first: its memory is warm and of the right size */
    size_t kept;       /* bytes in free slots */
    int in_use;
    bool closed;
    struct slot slots[];
};

static fov_frame_pool_params with_defaults(const fov_frame_pool_params *given)
{
    fov_frame_pool_params params = given ? *given : (fov_frame_pool_params){0};
    if (!params.slots)
        params.slots = 16;
    if (!params.max_bytes)
        params.max_bytes = (size_t)10 << 20;
    if (!params.keep_bytes)
        params.keep_bytes = (size_t)8 << 20;
    return params;
}

fov_status fov_frame_pool_create(fov_frame_pool **pool, const fov_frame_pool_params *given,
                                 fov_error *error)
{
    fov_frame_pool_params params = with_defaults(given);
    *pool = NULL;
    if (params.slots < 1 || params.slots > 1024)
        return fov_fail(error, FOV_EINVAL, "a frame pool has 1 to 1024 slots, not %d",
                        params.slots);
    size_t size = sizeof(fov_frame_pool) + (size_t)params.slots * sizeof(struct slot);
    fov_frame_pool *made = calloc(1, size);
    if (!made)
        return fov_fail(error, FOV_ENOMEM, "no memory for a frame pool");
    made->params = params;
    pthread_mutex_init(&made->lock, NULL);
    for (int i = params.slots - 1; i >= 0; i--) {
        made->slots[i].pool = made;
        made->slots[i].next_free = made->free;
        made->free = &made->slots[i];
    }
    *pool = made;
    return FOV_OK;
}

static void pool_free(fov_frame_pool *pool)
{
    for (int i = 0; i < pool->params.slots; i++) {
        buffer_release(&pool->slots[i].bytes);
        buffer_release(&pool->slots[i].pixels);
        buffer_release(&pool->slots[i].attached);
    }
    pthread_mutex_destroy(&pool->lock);
    free(pool);
}

void fov_frame_pool_destroy(fov_frame_pool **pool)
{
    fov_frame_pool *closing = *pool;
    *pool = NULL;
    if (!closing)
        return;
    pthread_mutex_lock(&closing->lock);
    closing->closed = true;
    bool last = closing->in_use == 0;
    pthread_mutex_unlock(&closing->lock);
    if (last)
        pool_free(closing);
}

static size_t held(const struct slot *slot)
{
    return slot->bytes.size + slot->pixels.size;
}

static struct slot *take(fov_frame_pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    struct slot *slot = pool->closed ? NULL : pool->free;
    if (slot) {
        pool->free = slot->next_free;
        pool->kept -= held(slot);
        pool->in_use++;
    }
    pthread_mutex_unlock(&pool->lock);
    return slot;
}

/* Puts a slot back; its memory too when the pool may keep it. Frees a closed pool with its last. */
static void give_back(struct slot *slot)
{
    fov_frame_pool *pool = slot->pool;
    struct buffer bytes = {0}, pixels = {0};
    if (slot->release)
        slot->release(slot->release_user);
    poison(slot->bytes.data, slot->bytes.size);
    poison(slot->pixels.data, slot->pixels.size);
    pthread_mutex_lock(&pool->lock);
    if (pool->kept + held(slot) > pool->params.keep_bytes) {
        bytes = slot->bytes;
        pixels = slot->pixels;
        slot->bytes = slot->pixels = (struct buffer){0};
    }
    pool->kept += held(slot);
    slot->next_free = pool->free;
    pool->free = slot;
    bool last = --pool->in_use == 0 && pool->closed;
    pthread_mutex_unlock(&pool->lock);
    buffer_release(&bytes);
    buffer_release(&pixels);
    if (last)
        pool_free(pool);
}

/* Powers of two, so that pictures of slowly changing size soon find room everywhere. */
static size_t size_class(size_t size)
{
    size_t room = 4096;
    while (room < size)
        room *= 2;
    return room;
}

fov_status fov_frame_get(fov_frame_pool *pool, size_t size, fov_frame **frame)
{
    *frame = NULL;
    if (size > pool->params.max_bytes)
        return FOV_ELIMIT;
    struct slot *slot = take(pool);
    if (!slot)
        return FOV_EAGAIN;
    slot->release = NULL;
    if (size && !buffer_reserve(&slot->bytes, size_class(size))) {
        give_back(slot);
        return FOV_ENOMEM;
    }
    slot->frame = (fov_frame){0};
    slot->kind = NULL;
    if (size) {
        slot->frame.bytes = slot->bytes.data;
        slot->frame.capacity = slot->bytes.size;
    }
    atomic_store_explicit(&slot->references, 1, memory_order_relaxed);
    *frame = &slot->frame;
    return FOV_OK;
}

static fov_status check_planes(const fov_image *image, fov_error *error)
{
    if (image->pixels <= FOV_PIXELS_NONE || image->pixels > FOV_YUV)
        return fov_fail(error, FOV_EINVAL, "pixels of no known form");
    if (image->shift_x < 0 || image->shift_x > 1 || image->shift_y < 0 || image->shift_y > 1)
        return fov_fail(error, FOV_EINVAL, "chroma is reduced by 2 at most");
    fov_status status = image_check_size(image->width, image->height, error);
    for (int p = 0; !status && p < image_planes(image); p++) {
        if (p && !image->plane[1] && !image->plane[2])
            break; /* gray */
        int row = image_plane_width(image, p) * image_pixel_bytes(image);
        if (!image->plane[p] || image->stride[p] < row)
            status = fov_fail(error, FOV_EINVAL, "plane %d: %s", p,
                              image->plane[p] ? "its rows are longer than its stride" : "none");
    }
    return status;
}

fov_status fov_frame_wrap(fov_frame_pool *pool, const fov_image *image, const uint8_t *bytes,
                          size_t size, void (*release)(void *user), void *user, fov_frame **frame,
                          fov_error *error)
{
    fov_picture_info info = {0};
    *frame = NULL;
    if (!pool || !image == !bytes)
        return fov_fail(error, FOV_EINVAL, "a frame has either pixels or bytes");
    if (bytes && size > pool->params.max_bytes)
        return fov_fail(error, FOV_ELIMIT, "%zu bytes; at most %zu", size, pool->params.max_bytes);
    fov_status status = image ? check_planes(image, error)
                              : fov_picture_probe(bytes, size, &info, error);
    if (!status && fov_frame_get(pool, 0, frame))
        status = fov_fail(error, FOV_EAGAIN, "all %d frames of the pool are in use",
                          pool->params.slots);
    if (status)
        return status;
    struct slot *slot = (struct slot *)*frame;
    slot->release = release;
    slot->release_user = user;
    slot->frame.capture_ns = clock_now_ns();
    slot->frame.width = image ? image->width : info.width;
    slot->frame.height = image ? image->height : info.height;
    if (image)
        slot->frame.image = *image;
    slot->frame.codec = info.codec;
    slot->frame.bytes = (uint8_t *)(uintptr_t)bytes; /* read only: immutable once it is put */
    slot->frame.size = size;
    return FOV_OK;
}

fov_status fov_frame_alloc_image(fov_frame *frame, fov_pixels pixels, int width, int height,
                                 int shift_x, int shift_y)
{
    struct slot *slot = (struct slot *)frame;
    frame->image = (fov_image){0};
    if (pixels == FOV_PIXELS_NONE || shift_x < 0 || shift_x > 1 || shift_y < 0 || shift_y > 1)
        return FOV_EINVAL;
    if (image_check_size(width, height, NULL))
        return FOV_ELIMIT;
    return image_in_buffer(&frame->image, &slot->pixels, pixels, width, height, shift_x, shift_y);
}

void *frame_attach(fov_frame *frame, const void *kind, size_t size)
{
    struct slot *slot = (struct slot *)frame;
    bool room = slot->attached.size >= size || buffer_reserve(&slot->attached, size);
    slot->kind = room ? kind : NULL;
    return room ? slot->attached.data : NULL;
}

const void *frame_attached(const fov_frame *frame, const void *kind)
{
    const struct slot *slot = (const struct slot *)frame;
    return slot->kind == kind ? slot->attached.data : NULL;
}

fov_frame *fov_frame_ref(fov_frame *frame)
{
    atomic_fetch_add_explicit(&((struct slot *)frame)->references, 1, memory_order_relaxed);
    return frame;
}

void fov_frame_unref(fov_frame **frame)
{
    struct slot *slot = (struct slot *)*frame;
    *frame = NULL;
    if (slot && atomic_fetch_sub_explicit(&slot->references, 1, memory_order_acq_rel) == 1)
        give_back(slot);
}
