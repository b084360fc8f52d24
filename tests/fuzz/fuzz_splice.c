/* Boxes put into JPEGs of any bytes: no crash, and where the file's own bits are kept the result is
 * a picture of the same size. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <fovea/picture.h>
#include "media/image.h"
#include "media/jpeg_splice.h"

#define MOST_PIXELS 300000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static fov_decoder *decoder;
static struct splice *splice;

/* The same for the same file, or `meson test` would not always do the same. */
static void make_up(const fov_image *image, size_t seed)
{
    for (int p = 0; p < 3 && image->plane[p]; p++)
        for (ptrdiff_t i = 0; i < image_plane_height(image, p) * (ptrdiff_t)image->stride[p]; i++)
            image->plane[p][i] = (uint8_t)((size_t)i * seed >> 3);
}

/* Whether some part of the scan is not what its MCUs need. Parts without a touched MCU are copied
 * unseen, and libjpeg tells of bytes too many there at a later marker or never, as it happened to
 * read ahead: such a file may be taken, and its result refused. */
static bool is_damaged(const uint8_t *data, size_t size, const fov_image *image,
                       struct overlay_touched *touched)
{
    const uint8_t *out;
    size_t out_size;
    int cells = touched->rows * touched->columns;
    bool damaged = false;
    memset(touched->cells, 0, (size_t)cells);
    for (int i = 0; i < cells && !damaged; i++) {
        touched->cells[i] = 1;
        damaged = splice_run(&splice, data, size, image, touched, &out, &out_size) == FOV_EFORMAT;
        touched->cells[i] = 0;
    }
    return damaged;
}

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
    make_up(&image, size);
    struct overlay_touched touched = {cells, (info.width + OVERLAY_CELL - 1) / OVERLAY_CELL,
                                      (info.height + OVERLAY_CELL - 1) / OVERLAY_CELL};
    for (int i = 0; i < touched.rows * touched.columns; i++)
        cells[i] = (unsigned)i * 2654435761u >> 24 < 4;
    if (splice_run(&splice, data, size, &image, &touched, &out, &out_size))
        return 0;
    bool before = fov_decode(decoder, data, size, FOV_YUV, 1, &shown, &again, NULL) == FOV_OK;
    bool after = fov_decode(decoder, out, out_size, FOV_YUV, 1, &shown, &again, NULL) == FOV_OK;
    if (before && !after && !is_damaged(data, size, &image, &touched))
        abort();
    if (before && after && (again.width != info.width || again.height != info.height))
        abort();
    return 0;
}
