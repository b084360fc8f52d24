/* Frames: pictures with an id, a capture time and a deadline. */
#ifndef FOVEA_FRAME_H
#define FOVEA_FRAME_H

#include <stdbool.h>
#include <stdint.h>
#include <fovea/status.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum fov_pixels {
    FOV_PIXELS_NONE, /* not decoded */
    FOV_RGB24,       /* one plane, 3 bytes a pixel */
    FOV_BGR24,
    FOV_GRAY8, /* one plane */
    FOV_YUV    /* three planes, full range (JPEG), chroma reduced by 2^shift; gray: plane 1 NULL */
} fov_pixels;

/* View of pixels; owns nothing. Strides in bytes, positive. */
typedef struct fov_image {
    fov_pixels pixels;
    int width, height; /* px */
    uint8_t *plane[3];
    int stride[3];
    int shift_x, shift_y; /* FOV_YUV: 0 or 1 (4:2:0 is 1, 1) */
} fov_image;

typedef enum fov_codec { FOV_CODEC_NONE, FOV_JPEG, FOV_PNG, FOV_WEBP } fov_codec;

/* A frame is a reference-counted slot of a pool. It is filled by its maker and immutable once put
 * into a stream. It holds encoded bytes (`bytes`), decoded pixels (`image`), or both. */
typedef struct fov_frame {
    uint64_t seq; /* number in its stream, from 0, set by fov_stream_put */
    int64_t
        capture_ns; /* monotonic; when its last byte arrived (pushed) or it was decoded (pulled) */
    int64_t deadline_ns; /* monotonic; 0: none */
    int64_t decode_ns;   /* what its source spent on decoding after capture_ns; 0 most often */
    double sender_ms;    /* sender's own Unix time of capture in ms, 0 unknown; passed on unread */
    double pts_ms;       /* position in a file; live: time stamp since its connection began */
    uint64_t number;     /* sender's own frame number; passed on unread */
    int width, height;   /* px of the source picture; 0 until known */
    fov_codec codec;
    uint8_t *bytes; /* encoded picture, `size` bytes, or NULL */
    size_t size;
    size_t capacity; /* room at `bytes` */
    fov_image image; /* pixels in memory owned by the frame, or FOV_PIXELS_NONE */
    void *user;      /* for the caller of fov_stream_put; the pool clears it */
} fov_frame;

typedef struct fov_frame_pool fov_frame_pool;

typedef struct fov_frame_pool_params {
    int slots;         /* 1..1024; default 16. More frames than this are never alive at once */
    size_t max_bytes;  /* largest encoded picture; default 10 MiB */
    size_t keep_bytes; /* memory that free slots may keep in all; default 8 MiB, larger slots are
                          given back, so that one huge picture does not stay for ever */
} fov_frame_pool_params;

/* Makes a pool. `params` may be NULL. Slots are allocated on first use.
 * Returns FOV_EINVAL, FOV_ENOMEM. Thread-safety: safe. Blocks: no. */
FOV_API fov_status fov_frame_pool_create(fov_frame_pool **pool, const fov_frame_pool_params *params,
                                         fov_error *error);

/* Closes the pool; frames still referenced stay valid and free their memory at their last unref.
 * Thread-safety: once. Blocks: no. */
FOV_API void fov_frame_pool_destroy(fov_frame_pool **pool);

/* Takes a free slot with room for `size` encoded bytes (may be 0) and no pixels. The caller owns
 * one reference and is the only one who may write until the frame is put into a stream. Returns
 * FOV_EAGAIN when all slots are in use (drop the frame and count it), FOV_ELIMIT, FOV_ENOMEM.
 * Thread-safety: safe. Blocks: no. */
FOV_API fov_status fov_frame_get(fov_frame_pool *pool, size_t size, fov_frame **frame);

/* Gives the frame memory for pixels of this format and size (`shift_*` for FOV_YUV); planes are
 * 64-byte aligned, contents undefined. Memory is kept with the slot for the next frame.
 * Returns FOV_ELIMIT over 40 megapixels, FOV_ENOMEM. Thread-safety: the frame's only owner. Blocks:
 * no. */
FOV_API fov_status fov_frame_alloc_image(fov_frame *frame, fov_pixels pixels, int width, int height,
                                         int shift_x, int shift_y);

/* Takes a free slot for a picture that stays where it is, in the caller's memory: nothing is
 * copied. Either `image` (FOV_RGB24, FOV_BGR24, FOV_GRAY8 or FOV_YUV; the struct is copied, its
 * planes are not) or `size` encoded `bytes` (JPEG, PNG, WebP); the other is NULL. Both stay valid
 * and unchanged until `release(user)` is called, once, when the last reference is dropped, on the
 * thread that drops it and with no lock of fovea's held; it must not block. `release` may be NULL.
 * On failure it is not called. Returns FOV_EINVAL (neither or both, no plane, a stride below a
 * row), FOV_EFORMAT (no such picture), FOV_EUNSUPPORTED, FOV_ELIMIT (over 40 megapixels or the
 * pool's max_bytes), FOV_EAGAIN as fov_frame_get. capture_ns is set to now. Thread-safety: safe.
 * Blocks: no. */
FOV_API fov_status fov_frame_wrap(fov_frame_pool *pool, const fov_image *image,
                                  const uint8_t *bytes, size_t size, void (*release)(void *user),
                                  void *user, fov_frame **frame, fov_error *error);

/* One more reference. Returns `frame`. Thread-safety: safe. Blocks: no. */
FOV_API fov_frame *fov_frame_ref(fov_frame *frame);

/* Drops a reference and sets *frame to NULL; accepts NULL. The last one returns the slot to its
 * pool. Thread-safety: safe. Blocks: no. */
FOV_API void fov_frame_unref(fov_frame **frame);

#ifdef __cplusplus
}
#endif
#endif
