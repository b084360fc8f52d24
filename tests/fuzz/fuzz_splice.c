/* Boxes put into JPEGs of any bytes: no crash, and where the file's own bits are kept the result is
 * a picture of the same size. */
#include <stdint.h>
#include <stdlib.h>

#include <fovea/picture.h>
#include "media/image.h"
#include "media/jpeg_splice.h"

#define MOST_PIXELS 300000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static fov_decoder *decoder;
static struct splice *splice;

/* The scan is walked whatever libjpeg thinks of the file: a picture of its size is made up. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t cells[MOST_PIXELS];
    static struct buffer pixels;
    fov_picture_info info, again;
    fov_image image, shown;
    const uint8_t *out;
    size_t out_size;
    if (!decoder && fov_decoder_create(&decoder, NULL))
        abort();
    if (fov_picture_probe(data, size, &info, NULL) || info.codec != FOV_JPEG ||
        info.width * info.height > MOST_PIXELS)
        return 0;
    if (image_in_buffer(&image, &pixels, FOV_YUV, info.width, info.height, info.shift_x,
                        info.shift_y))
        return 0;
    if (info.components == 1)
        image.plane[1] = image.plane[2] = NULL;
    struct overlay_touched touched = {cells, (info.width + OVERLAY_CELL - 1) / OVERLAY_CELL,
                                      (info.height + OVERLAY_CELL - 1) / OVERLAY_CELL};
    for (int i = 0; i < touched.rows * touched.columns; i++)
        cells[i] = (unsigned)i * 2654435761u >> 24 < 4;
    if (splice_run(&splice, data, size, &image, &touched, &out, &out_size))
        return 0;
    bool before = fov_decode(decoder, data, size, FOV_YUV, 1, &shown, &again, NULL) == FOV_OK;
    bool after = fov_decode(decoder, out, out_size, FOV_YUV, 1, &shown, &again, NULL) == FOV_OK;
    if (before && (!after || again.width != info.width || again.height != info.height))
        abort();
    return 0;
}
