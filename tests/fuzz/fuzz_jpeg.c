/* Pictures of any bytes: no crash, limits hold, and the same bytes give the same pixels whatever
 * picture the decoder had before (nothing of one sender is ever seen by another). */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <fovea/picture.h>
#include "media/image.h"

#define MOST_PIXELS 300000 /* larger ones are only probed: the run shall stay quick */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static fov_decoder *one, *two;

static void check_info(const fov_picture_info *info)
{
    if (info->width < 1 || info->height < 1 || info->width > IMAGE_MAX_SIDE ||
        info->height > IMAGE_MAX_SIDE || (int64_t)info->width * info->height > IMAGE_MAX_PIXELS ||
        info->orientation < 1 || info->orientation > 8 || info->scans > 100)
        abort();
}

static void check_equal(const fov_image *a, const fov_image *b)
{
    if (a->pixels != b->pixels || a->width != b->width || a->height != b->height)
        abort();
    for (int p = 0; p < image_planes(a); p++) {
        size_t row = (size_t)(image_plane_width(a, p) * image_pixel_bytes(a));
        for (int y = 0; a->plane[p] && y < image_plane_height(a, p); y++)
            if (memcmp(a->plane[p] + (ptrdiff_t)y * a->stride[p],
                       b->plane[p] + (ptrdiff_t)y * b->stride[p], row))
                abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const fov_pixels formats[] = {FOV_YUV, FOV_RGB24, FOV_BGR24, FOV_GRAY8};
    fov_picture_info info, again;
    fov_image a, b;
    fov_error error = {0};
    if (!one && (fov_decoder_create(&one, NULL) || fov_decoder_create(&two, NULL)))
        abort();
    fov_status status = fov_picture_probe(data, size, &info, &error);
    if (status) {
        if (!error.message[0])
            abort();
        return 0;
    }
    check_info(&info);
    if (info.width * info.height > MOST_PIXELS)
        return 0;
    for (size_t f = 0; f < 4; f++) {
        int denominator = 1 << ((size + f) % 4);
        fov_status first = fov_decode(one, data, size, formats[f], denominator, &a, &info, &error);
        fov_status second = fov_decode(two, data, size, formats[f], denominator, &b, &again, NULL);
        if (first != second)
            abort();
        if (first == FOV_OK) {
            check_equal(&a, &b);
            if (fov_orient(one, &a, info.orientation, NULL))
                abort();
        } else if (a.plane[0] || b.plane[0]) {
            abort();
        }
    }
    /* `two` is always one picture behind: it has decoded another size and format before */
    fov_decode(two, data, size / 2, FOV_BGR24, 1, &b, &again, NULL);
    return 0;
}
