/* From a picture of any size to a model's input: resize, pad, colour order, scale, layout in one
 * pass. Bilinear at half-pixel centres, bit for bit as cv2.resize INTER_LINEAR on bytes. */
#ifndef INFER_LETTERBOX_H
#define INFER_LETTERBOX_H

#include <fovea/frame.h>
#include <fovea/tensor.h>

#include "infer/kernels.h"

enum letterbox_fit {
    FIT_STRETCH,  /* fills the input, aspect not kept */
    FIT_CENTRE,   /* aspect kept, padding on both sides */
    FIT_TOP_LEFT, /* aspect kept, padding right and below */
    FIT_CROP,     /* aspect kept, the middle fills the input, the rest is cut off */
};

/* What the model wants: value = (pixel - mean) / scale, channels in the model's order. */
struct letterbox_spec {
    int width, height; /* model_px */
    bool planar;       /* NCHW, else NHWC */
    bool bgr;
    bool gray; /* one channel: luma */
    enum letterbox_fit fit;
    int inset;       /* FIT_CENTRE: the picture keeps so many px free in either direction */
    fov_dtype dtype; /* FOV_U8, FOV_I8, FOV_F16 or FOV_F32 */
    uint8_t pad;     /* pixel value of the padding */
    float mean[3], scale[3];
    /* Bytes stand for real = quant_scale * (byte - quant_zero); 0: the byte is the pixel itself
     * (FOV_I8: pixel - 128), and mean and scale do not count. */
    float quant_scale;
    int quant_zero;
    bool quant_cut; /* rounded towards zero instead of to the nearest, as some exporters' own tools
                     */
};

/* Where the picture stands inside the model's input; beyond its edges where it is cropped. */
struct letterbox_place {
    int left, top, width, height; /* model_px */
    float step_x, step_y;         /* src_px per model_px */
};

struct letterbox {
    struct letterbox_spec spec;
    struct letterbox_place place;
    int left, top, width, height; /* the part of the place that is inside */
    const struct infer_kernels *kernels;
    uint8_t bytes[3][256]; /* pixel -> byte, a channel of the model each */
    bool maps_bytes;       /* `bytes` is not the identity */
    /* what the tables below were made for */
    int src_width, src_height;
    fov_image shape;    /* size and format of the decode; no pixels */
    double down;        /* rows of the decode an output row */
    const void *padded; /* the output whose padding is in place */
    int32_t *taps;      /* offsets and weights: luma or triples, then chroma */
    int safe[2];
    /* rows of the source blended across, two a plane or channel, and three output rows */
    int16_t *rows;
    int cached[3][2]; /* which source row stands there, -1 none */
};

/* Allocates all it will ever need. Returns FOV_ENOMEM, FOV_EINVAL for a spec out of range. */
fov_status letterbox_init(struct letterbox *box, const struct letterbox_spec *spec);
void letterbox_release(struct letterbox *box);

/* Where a picture of this size goes. Pure. */
struct letterbox_place letterbox_place_of(const struct letterbox_spec *spec, int src_width,
                                          int src_height);

/* Writes `image` (maybe a reduced decode of a src_width × src_height picture) into `out`, a dense
 * tensor of spec.width × spec.height × 3. Padding is written only when the place or `out` changed:
 * nobody else may write there. Returns FOV_EINVAL for an image out of range. */
fov_status letterbox_run(struct letterbox *box, const fov_image *image, int src_width,
                         int src_height, void *out);

/* Model pixels to source pixels, clipped to the picture. */
void letterbox_undo(const struct letterbox *box, float *x, float *y);

/* The same, not clipped. */
void letterbox_to_source(const struct letterbox *box, float *x, float *y);

#endif
