/* From a picture of any size to a model's input: resize, pad, colour order, scale, layout in one
 * pass. Bilinear at half-pixel centres, as cv2.resize INTER_LINEAR. */
#ifndef INFER_LETTERBOX_H
#define INFER_LETTERBOX_H

#include <fovea/frame.h>
#include <fovea/tensor.h>

#include "infer/kernels.h"

enum letterbox_fit {
    FIT_STRETCH,  /* fills the input, aspect not kept */
    FIT_CENTRE,   /* aspect kept, padding on both sides */
    FIT_TOP_LEFT, /* aspect kept, padding right and below */
};

/* What the model wants: value = (pixel - mean) / scale, channels in the model's order. */
struct letterbox_spec {
    int width, height; /* model_px */
    bool planar;       /* NCHW, else NHWC */
    bool bgr;
    enum letterbox_fit fit;
    fov_dtype dtype; /* FOV_U8, FOV_I8 (pixel - 128) or FOV_F32; bytes take no mean or scale */
    uint8_t pad;     /* pixel value of the padding */
    float mean[3], scale[3];
};

/* Where the picture stands inside the model's input. */
struct letterbox_place {
    int left, top, width, height; /* model_px */
    float step_x, step_y;         /* src_px per model_px */
};

struct letterbox {
    struct letterbox_spec spec;
    struct letterbox_place place;
    const struct infer_kernels *kernels;
    /* what the tables below were made for */
    int src_width, src_height, image_width, image_height, shift_x;
    fov_pixels pixels;
    const void *padded; /* the output whose padding is in place */
    /* memory, kept between pictures */
    int32_t *taps; /* offsets and weights of luma, then of chroma */
    int taps_room;
    int16_t *line; /* one blended source row, twice that for chroma, then output rows */
    size_t line_room;
};

/* Prepares for pictures up to max_width px wide (wider ones allocate when they come).
 * Returns FOV_ENOMEM, FOV_EINVAL for a spec out of range. */
fov_status letterbox_init(struct letterbox *box, const struct letterbox_spec *spec, int max_width);
void letterbox_release(struct letterbox *box);

/* Where a picture of this size goes. Pure. */
struct letterbox_place letterbox_place_of(const struct letterbox_spec *spec, int src_width,
                                          int src_height);

/* Writes `image` (maybe a reduced decode of a src_width × src_height picture) into `out`, a dense
 * tensor of spec.width × spec.height × 3. Padding is written only when the place or `out` changed:
 * nobody else may write there. Returns FOV_EINVAL, FOV_ENOMEM. */
fov_status letterbox_run(struct letterbox *box, const fov_image *image, int src_width,
                         int src_height, void *out);

/* Model pixels to source pixels, clipped to the picture. */
void letterbox_undo(const struct letterbox *box, float *x, float *y);

#endif
