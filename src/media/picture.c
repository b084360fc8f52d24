/* One door for all still pictures: probe, decode to memory of its own or of a frame. */
#include "media/picture.h"

#include <stdlib.h>
#include <string.h>

#include "media/ffmpeg_api.h"
#include "media/image.h"
#include "media/jpeg.h"
#include "media/still.h"

struct fov_decoder {
    struct jpeg_decoder *jpeg;
    const struct ffmpeg_api *ffmpeg; /* opened with the first PNG or WebP */
    struct ffmpeg_still *still;
    struct buffer pixels;  /* what fov_decode gives out */
    struct buffer turned;  /* what fov_orient gives out */
    struct buffer between; /* a format that is converted to the wished one */
    struct buffer encoded; /* copy of PNG and WebP bytes with FFmpeg's padding */
};

fov_codec picture_codec(const uint8_t *bytes, size_t size)
{
    if (size >= 3 && memcmp(bytes, "\xFF\xD8\xFF", 3) == 0)
        return FOV_JPEG;
    if (png_is(bytes, size))
        return FOV_PNG;
    return webp_is(bytes, size) ? FOV_WEBP : FOV_CODEC_NONE;
}

int picture_denominator(int width, int height, int need_width, int need_height)
{
    int d = 8;
    while (d > 1 && ((width + d - 1) / d < need_width || (height + d - 1) / d < need_height))
        d /= 2;
    return d;
}

fov_status fov_picture_probe(const uint8_t *bytes, size_t size, fov_picture_info *info,
                             fov_error *error)
{
    *info = (fov_picture_info){.orientation = 1};
    if (!bytes || !size)
        return fov_fail(error, FOV_EFORMAT, "no bytes where a picture should be");
    switch (picture_codec(bytes, size)) {
    case FOV_JPEG:
        return jpeg_probe(bytes, size, info, error);
    case FOV_PNG:
        return png_probe(bytes, size, info, error);
    case FOV_WEBP:
        return webp_probe(bytes, size, info, error);
    default:
        return fov_fail(error, FOV_EFORMAT, "not a JPEG, PNG or WebP picture");
    }
}

fov_status fov_decoder_create(fov_decoder **decoder, fov_error *error)
{
    fov_decoder *d = calloc(1, sizeof *d);
    *decoder = NULL;
    if (!d)
        return fov_fail(error, FOV_ENOMEM, "no memory for a decoder");
    fov_status status = jpeg_decoder_create(&d->jpeg, error);
    if (status) {
        free(d);
        return status;
    }
    *decoder = d;
    return FOV_OK;
}

void fov_decoder_destroy(fov_decoder **decoder)
{
    fov_decoder *d = *decoder;
    *decoder = NULL;
    if (!d)
        return;
    jpeg_decoder_destroy(&d->jpeg);
    if (d->still)
        d->ffmpeg->still_close(&d->still);
    buffer_release(&d->pixels);
    buffer_release(&d->turned);
    buffer_release(&d->between);
    buffer_release(&d->encoded);
    free(d);
}

/* ---- first half: what comes out, second half: the pixels ------------------------------------- */

struct job {
    const uint8_t *bytes;
    size_t size;
    fov_pixels wish;
    int denominator;
    fov_picture_info info;
    fov_image raw; /* what the codec delivers; planes are set between the halves */
};

static fov_status still_begin(fov_decoder *d, struct job *job, fov_error *error)
{
    size_t size = job->size;
    fov_status status = FOV_OK;
    if (!d->ffmpeg)
        d->ffmpeg = ffmpeg_api_get(error);
    if (!d->ffmpeg)
        return FOV_ERUNTIME;
    if (!d->still)
        status = d->ffmpeg->still_open(&d->still, error);
    if (status)
        return status;
    if (job->info.codec == FOV_PNG) {
        status = png_keep_pixels(job->bytes, job->size, &d->encoded, &size, error);
    } else if (buffer_reserve(&d->encoded, size + 64)) {
        memcpy(d->encoded.data, job->bytes, size);
        memset(d->encoded.data + size, 0, 64);
    } else {
        status = fov_fail(error, FOV_ENOMEM, "no memory for a picture");
    }
    if (status)
        return status;
    int width, height;
    status = d->ffmpeg->still_decode(d->still, job->info.codec, d->encoded.data, size, &width,
                                     &height, error);
    if (status == FOV_OK && (width != job->info.width || height != job->info.height))
        status = fov_fail(error, FOV_EFORMAT, "the picture's headers contradict each other");
    image_layout(&job->raw, job->wish == FOV_YUV ? FOV_RGB24 : job->wish, job->info.width,
                 job->info.height, 0, 0);
    return status;
}

static fov_status begin(fov_decoder *d, struct job *job, fov_error *error)
{
    fov_status status = fov_picture_probe(job->bytes, job->size, &job->info, error);
    if (status)
        return status;
    if (job->info.codec != FOV_JPEG)
        return still_begin(d, job, error);
    return jpeg_decoder_begin(d->jpeg, job->bytes, job->size, &job->info, job->wish,
                              job->denominator, &job->raw, error);
}

static fov_status finish(fov_decoder *d, struct job *job, fov_error *error)
{
    if (job->info.codec != FOV_JPEG)
        return d->ffmpeg->still_store(d->still, &job->raw, error);
    return jpeg_decoder_finish(d->jpeg, &job->raw, error);
}

/* Codec → d->between → `image`, when the codec cannot deliver what is wished. */
static fov_status finish_converted(fov_decoder *d, struct job *job, const fov_image *image,
                                   fov_error *error)
{
    const fov_image *raw = &job->raw;
    if (image_in_buffer(&job->raw, &d->between, raw->pixels, raw->width, raw->height, raw->shift_x,
                        raw->shift_y))
        return fov_fail(error, FOV_ENOMEM, "no memory for a picture");
    fov_status status = finish(d, job, error);
    if (status == FOV_OK)
        image_convert(image, &job->raw);
    return status;
}

/* Decodes into planes that `place(owner, image)` provides once format and size are known. */
static fov_status decode(fov_decoder *d, struct job *job, fov_image *image,
                         fov_status (*place)(void *owner, fov_image *image), void *owner,
                         fov_error *error)
{
    fov_status status = begin(d, job, error);
    if (status)
        return status;
    bool direct = job->raw.pixels == job->wish;
    if (direct)
        *image = job->raw;
    else /* only FOV_YUV (made 4:2:0) and FOV_GRAY8 come here */
        image_layout(image, job->wish, job->raw.width, job->raw.height, 1, 1);
    status = place(owner, image);
    if (status)
        return fov_fail(error, status, "no memory for a picture");
    if (!direct)
        return finish_converted(d, job, image, error);
    job->raw = *image;
    status = finish(d, job, error);
    *image = job->raw;
    return status;
}

static fov_status place_in_buffer(void *buffer, fov_image *image)
{
    return image_in_buffer(image, buffer, image->pixels, image->width, image->height,
                           image->shift_x, image->shift_y);
}

fov_status fov_decode(fov_decoder *d, const uint8_t *bytes, size_t size, fov_pixels pixels,
                      int denominator, fov_image *image, fov_picture_info *info, fov_error *error)
{
    struct job job = {.bytes = bytes, .size = size, .wish = pixels, .denominator = denominator};
    bool known = denominator == 1 || denominator == 2 || denominator == 4 || denominator == 8;
    *image = (fov_image){0};
    if (pixels == FOV_PIXELS_NONE || !known)
        return fov_fail(error, FOV_EINVAL, "pictures are decoded at 1/1, 1/2, 1/4 or 1/8");
    fov_image decoded = {0};
    fov_status status = decode(d, &job, &decoded, place_in_buffer, &d->pixels, error);
    if (info)
        *info = job.info;
    if (status == FOV_OK)
        *image = decoded;
    return status;
}

static fov_status place_in_frame(void *frame, fov_image *image)
{
    fov_frame *f = frame;
    fov_status status = fov_frame_alloc_image(f, image->pixels, image->width, image->height,
                                              image->shift_x, image->shift_y);
    if (status == FOV_OK)
        *image = f->image;
    return status;
}

fov_status fov_decode_into(fov_decoder *d, const uint8_t *bytes, size_t size, fov_frame *frame,
                           fov_error *error)
{
    struct job job = {.bytes = bytes, .size = size, .wish = FOV_YUV, .denominator = 1};
    fov_image decoded = {0};
    fov_status status = decode(d, &job, &decoded, place_in_frame, frame, error);
    frame->image = status == FOV_OK ? decoded : (fov_image){0};
    if (status == FOV_OK) {
        frame->width = job.info.width;
        frame->height = job.info.height;
    }
    return status;
}

/* ---- orientation ------------------------------------------------------------------------------
 */

fov_status fov_orient(fov_decoder *d, fov_image *image, int orientation, fov_error *error)
{
    if (orientation < 1 || orientation > 8)
        return fov_fail(error, FOV_EINVAL, "an orientation is 1 to 8, not %d", orientation);
    if (orientation == 1)
        return FOV_OK;
    fov_image to;
    image_turned_layout(&to, image, orientation);
    if (place_in_buffer(&d->turned, &to))
        return fov_fail(error, FOV_ENOMEM, "no memory for a picture");
    image_turn(&to, image, orientation);
    if (image->pixels == FOV_YUV && !image->plane[1])
        to.plane[1] = to.plane[2] = NULL;
    *image = to;
    return FOV_OK;
}
