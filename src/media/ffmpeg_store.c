#include "media/ffmpeg_store.h"

#include <string.h>
#include <libavutil/frame.h>
#include <libavutil/pixdesc.h>
#include <libswscale/swscale.h>

static bool is_full_range(const AVFrame *frame)
{
    return frame->format == AV_PIX_FMT_YUVJ420P || frame->color_range == AVCOL_RANGE_JPEG;
}

static uint8_t clamp_u8(int value)
{
    return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

/* 16..235 (chroma 16..240) spread over 0..255. */
static void range_table(uint8_t table[256], bool chroma)
{
    for (int v = 0; v < 256; v++)
        table[v] = chroma ? clamp_u8(((v - 128) * 255 + (v < 128 ? -112 : 112)) / 224 + 128)
                          : clamp_u8(v < 16 ? 0 : ((v - 16) * 255 + 109) / 219);
}

static void copy_plane(const fov_image *to, int plane, const AVFrame *frame, bool full)
{
    uint8_t table[256];
    int width = plane ? (to->width + 1) / 2 : to->width;
    int height = plane ? (to->height + 1) / 2 : to->height;
    range_table(table, plane > 0);
    for (int y = 0; y < height; y++) {
        uint8_t *out = to->plane[plane] + (ptrdiff_t)y * to->stride[plane];
        const uint8_t *in = frame->data[plane] + (ptrdiff_t)y * frame->linesize[plane];
        if (full)
            memcpy(out, in, (size_t)width);
        else
            for (int x = 0; x < width; x++)
                out[x] = table[in[x]];
    }
}

/* BT.709 to BT.601, full range, for the up to 2×2 luma samples of a chroma sample. Factors (16
 * fraction bits) follow from the luma weights of the two recommendations. */
static void change_matrix_at(const fov_image *image, int cx, int cy)
{
    uint8_t *u = image->plane[1] + (ptrdiff_t)cy * image->stride[1] + cx;
    uint8_t *v = image->plane[2] + (ptrdiff_t)cy * image->stride[2] + cx;
    int cb = *u - 128, cr = *v - 128;
    int luma = (6657 * cb + 12850 * cr + 32768) >> 16;
    *u = clamp_u8(128 + ((64871 * cb - 7252 * cr + 32768) >> 16));
    *v = clamp_u8(128 + ((-4748 * cb + 64448 * cr + 32768) >> 16));
    for (int y = 2 * cy; y < 2 * cy + 2 && y < image->height; y++) {
        uint8_t *row = image->plane[0] + (ptrdiff_t)y * image->stride[0];
        for (int x = 2 * cx; x < 2 * cx + 2 && x < image->width; x++)
            row[x] = clamp_u8(row[x] + luma);
    }
}

static void change_matrix(const fov_image *image)
{
    for (int cy = 0; cy < (image->height + 1) / 2; cy++)
        for (int cx = 0; cx < (image->width + 1) / 2; cx++)
            change_matrix_at(image, cx, cy);
}

static enum AVPixelFormat format_of(fov_pixels pixels)
{
    switch (pixels) {
    case FOV_RGB24:
        return AV_PIX_FMT_RGB24;
    case FOV_BGR24:
        return AV_PIX_FMT_BGR24;
    case FOV_GRAY8:
        return AV_PIX_FMT_GRAY8;
    default:
        return AV_PIX_FMT_YUVJ420P;
    }
}

/* Any other pair of formats goes through swscale, range and matrix included. */
static fov_status scale(struct SwsContext **scaler, const AVFrame *frame, const fov_image *to,
                        fov_error *error)
{
    int flags = SWS_BICUBIC | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INT;
    int matrix = frame->colorspace == AVCOL_SPC_BT709 ? SWS_CS_ITU709 : SWS_CS_ITU601;
    *scaler = sws_getCachedContext(*scaler, frame->width, frame->height, frame->format, to->width,
                                   to->height, format_of(to->pixels), flags, NULL, NULL, NULL);
    if (!*scaler)
        return fov_fail(error, FOV_EUNSUPPORTED, "pixel format %s cannot be converted",
                        av_get_pix_fmt_name(frame->format));
    sws_setColorspaceDetails(*scaler, sws_getCoefficients(matrix), is_full_range(frame),
                             sws_getCoefficients(SWS_CS_ITU601), 1, 0, 1 << 16, 1 << 16);
    uint8_t *planes[4] = {to->plane[0], to->plane[1], to->plane[2]};
    int strides[4] = {to->stride[0], to->stride[1], to->stride[2]};
    int rows = sws_scale(*scaler, (const uint8_t *const *)frame->data, frame->linesize, 0,
                         frame->height, planes, strides);
    return rows == to->height ? FOV_OK : fov_fail(error, FOV_EFORMAT, "the frame is not whole");
}

fov_status ffmpeg_store(struct SwsContext **scaler, const AVFrame *frame, const fov_image *to,
                        fov_error *error)
{
    if (frame->width != to->width || frame->height != to->height)
        return fov_fail(error, FOV_EINVAL, "the frame has another size");
    bool planar = frame->format == AV_PIX_FMT_YUV420P || frame->format == AV_PIX_FMT_YUVJ420P;
    if (!planar || to->pixels != FOV_YUV)
        return scale(scaler, frame, to, error);
    for (int p = 0; p < 3; p++)
        copy_plane(to, p, frame, is_full_range(frame));
    if (frame->colorspace == AVCOL_SPC_BT709)
        change_matrix(to);
    return FOV_OK;
}
