/* Still pictures: what a picture's own header says, decoding at a scale, encoding, drawing boxes.
 */
#ifndef FOVEA_PICTURE_H
#define FOVEA_PICTURE_H

#include <fovea/detect.h>
#include <fovea/frame.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What the header of an encoded picture says. */
typedef struct fov_picture_info {
    fov_codec codec;
    int width, height; /* px as stored, before orientation */
    int components;    /* 1, 3 or 4 */
    int orientation;   /* EXIF, 1..8; 1 when absent */
    bool progressive;
    int scans;            /* progressive: number of scans */
    int shift_x, shift_y; /* chroma subsampling of a JPEG */
} fov_picture_info;

/* Reads the header only. Limits: 40 megapixels, 16,384 px a side, 100 progressive scans, 8 bits,
 * 1, 3 or 4 components. Returns FOV_EFORMAT (not a picture, cut off), FOV_EUNSUPPORTED, FOV_ELIMIT.
 * Thread-safety: safe. Blocks: no. */
FOV_API fov_status fov_picture_probe(const uint8_t *bytes, size_t size, fov_picture_info *info,
                                     fov_error *error);

typedef struct fov_decoder fov_decoder;

/* A decoder keeps its buffers from picture to picture. Thread-safety: safe. Blocks: no. */
FOV_API fov_status fov_decoder_create(fov_decoder **decoder, fov_error *error);

/* Sets NULL, accepts NULL. Thread-safety: once. Blocks: no. */
FOV_API void fov_decoder_destroy(fov_decoder **decoder);

/* Decodes to `pixels` (FOV_RGB24, FOV_BGR24, FOV_GRAY8, FOV_YUV: JPEG only) at 1/denominator, one
 * of 1, 2, 4, 8 (JPEG; other codecs are decoded whole). `image` views the decoder's memory until
 * its next call. A cut-off or corrupt picture gives FOV_EFORMAT, never stale pixels. Thread-safety:
 * one thread at a time. Blocks: no. */
FOV_API fov_status fov_decode(fov_decoder *decoder, const uint8_t *bytes, size_t size,
                              fov_pixels pixels, int denominator, fov_image *image,
                              fov_picture_info *info, fov_error *error);

/* Decodes full size to FOV_YUV (RGB sources are converted) into pixels of `frame`.
 * Thread-safety: one thread at a time. Blocks: no. */
FOV_API fov_status fov_decode_into(fov_decoder *decoder, const uint8_t *bytes, size_t size,
                                   fov_frame *frame, fov_error *error);

/* Turns an image by its EXIF orientation into the decoder's second buffer (a no-op for 1).
 * Thread-safety: one thread at a time. Blocks: no. */
FOV_API fov_status fov_orient(fov_decoder *decoder, fov_image *image, int orientation,
                              fov_error *error);

/* Resizes pixels (FOV_RGB24, FOV_BGR24 or FOV_GRAY8, both alike) from `from` into those of `to`,
 * whose size is the one asked for and which the caller owns. Lanczos' filter of three lobes,
 * widened when the picture gets smaller. Returns FOV_EINVAL, FOV_EFORMAT (an empty picture),
 * FOV_ELIMIT (either of them, or one of the new width and the old height), FOV_ENOMEM.
 * Thread-safety: safe, the pixels' owner. Blocks: no.
 * Source: Duchon, Lanczos filtering in one and two dimensions, 1979. */
FOV_API fov_status fov_image_resize(const fov_image *from, const fov_image *to, fov_error *error);

typedef struct fov_encoder fov_encoder;

/* Thread-safety: safe. Blocks: no. */
FOV_API fov_status fov_encoder_create(fov_encoder **encoder, fov_error *error);

/* Sets NULL, accepts NULL. Thread-safety: once. Blocks: no. */
FOV_API void fov_encoder_destroy(fov_encoder **encoder);

/* Encodes a JPEG of quality 1..100 into the encoder's memory (valid to its next call).
 * Thread-safety: one thread at a time. Blocks: no. */
FOV_API fov_status fov_encode_jpeg(fov_encoder *encoder, const fov_image *image, int quality,
                                   const uint8_t **bytes, size_t *size, fov_error *error);

/* Encodes a PNG of FOV_RGB24 or FOV_GRAY8 pixels, as fov_encode_jpeg. Returns FOV_EINVAL (other
 * pixels), FOV_EFORMAT, FOV_ELIMIT, FOV_ENOMEM. Thread-safety: one thread at a time. Blocks: no. */
FOV_API fov_status fov_encode_png(fov_encoder *encoder, const fov_image *image,
                                  const uint8_t **bytes, size_t *size, fov_error *error);

/* Draws boxes with label, confidence and track id into the pixels (FOV_YUV, FOV_RGB24, FOV_BGR24),
 * 2 px lines with a dark edge, scaled up for large pictures; of the details the masks, skeletons,
 * turned boxes and classes. label(user, class_id) names classes.
 * Thread-safety: the image's owner. Blocks: no. */
FOV_API void fov_draw_detections(fov_image *image, const fov_detections *detections,
                                 const char *(*label)(void *user, int class_id), void *user);

/* Draws like fov_draw_detections and gives the result as a JPEG in which all blocks that no line or
 * label reaches keep the bits of the file: what the camera sent stays as it was. `bytes` is a JPEG,
 * `image` its whole picture as fov_decode_into gave it; it is drawn on in any case. `*kept` (may be
 * NULL) says whether the file's own bits could be kept; where they cannot (progressive files, odd
 * sampling, broken codes, masks, more than a seventh drawn over) the picture is encoded anew with
 * `quality` 1..100. The result is in the encoder's memory, valid to its next call. Returns what
 * fov_encode_jpeg returns. Thread-safety: one thread at a time. Blocks: no. */
FOV_API fov_status fov_draw_into_jpeg(fov_encoder *encoder, const uint8_t *bytes, size_t size,
                                      fov_image *image, const fov_detections *detections,
                                      const char *(*label)(void *user, int class_id), void *user,
                                      int quality, const uint8_t **out, size_t *out_size,
                                      bool *kept, fov_error *error);

/* Colour of a class, one of ten that stay apart for colour-blind eyes, as 0xRRGGBB; the pages use
 * the same. Thread-safety: safe. Blocks: no. */
FOV_API uint32_t fov_class_color(int class_id);

#ifdef __cplusplus
}
#endif
#endif
