#include "agreement.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { QUALITY = 90, PIXELS_MAX = 40 * 1000 * 1000 };

static float overlap(const fov_detection *a, const fov_detection *b)
{
    float x1 = a->x1 > b->x1 ? a->x1 : b->x1, x2 = a->x2 < b->x2 ? a->x2 : b->x2;
    float y1 = a->y1 > b->y1 ? a->y1 : b->y1, y2 = a->y2 < b->y2 ? a->y2 : b->y2;
    if (x2 <= x1 || y2 <= y1)
        return 0;
    float shared = (x2 - x1) * (y2 - y1);
    return shared /
           ((a->x2 - a->x1) * (a->y2 - a->y1) + (b->x2 - b->x1) * (b->y2 - b->y1) - shared);
}

/* The free box of `others` that overlaps `box` most, -1 when none does enough. */
static int partner_of(const fov_detection *box, const fov_detections *others, const bool *taken,
                      float *best)
{
    int found = -1;
    *best = AGREEMENT_OVERLAP;
    for (size_t i = 0; i < others->count && i < AGREEMENT_BOXES; i++) {
        float shared = overlap(box, &others->items[i]);
        if (taken[i] || others->items[i].class_id != box->class_id || shared < *best)
            continue;
        *best = shared;
        found = (int)i;
    }
    return found;
}

void agreement_add(struct agreement *a, const fov_detections *original,
                   const fov_detections *optimised)
{
    bool taken[AGREEMENT_BOXES] = {false};
    size_t matched = 0, all = original->count + optimised->count;
    for (size_t i = 0; i < original->count; i++) { /* the surest first, as detections come */
        float shared;
        int partner = partner_of(&original->items[i], optimised, taken, &shared);
        if (partner < 0)
            continue;
        taken[partner] = true;
        a->overlap += (double)shared;
        matched++;
    }
    if (a->pictures < AGREEMENT_PICTURES)
        a->of_picture[a->pictures] = all ? 2 * (float)matched / (float)all : 1;
    a->pictures++;
    a->original += (long)original->count;
    a->optimised += (long)optimised->count;
    a->matched += (long)matched;
}

static double share(long part, long whole)
{
    return whole > 0 ? (double)part / (double)whole : 1;
}

double agreement_recall(const struct agreement *a)
{
    return share(a->matched, a->original);
}

double agreement_precision(const struct agreement *a)
{
    return share(a->matched, a->optimised);
}

double agreement_share(const struct agreement *a)
{
    long all = a->original + a->optimised;
    return all > 0 ? share(2 * a->matched, all) : -1;
}

double agreement_overlap(const struct agreement *a)
{
    return a->matched > 0 ? a->overlap / (double)a->matched : 0;
}

/* ---- pictures beside each other ---- */

static const char *label(void *model, int class_id)
{
    return fov_model_label(model, class_id);
}

/* The left or right half of `both` as an image of its own. */
static fov_image half_of(const fov_image *both, int half)
{
    fov_image part = *both;
    part.width = both->width / 2;
    part.plane[0] += (size_t)half * (size_t)part.width * 3;
    return part;
}

static void copy_into(const fov_image *from, fov_image *to)
{
    for (int y = 0; y < from->height; y++)
        memcpy(to->plane[0] + (size_t)y * (size_t)to->stride[0],
               from->plane[0] + (size_t)y * (size_t)from->stride[0], (size_t)from->width * 3);
}

static fov_status write_jpeg(const fov_image *image, const char *path, fov_error *error)
{
    fov_encoder *encoder = NULL;
    const uint8_t *bytes;
    size_t size;
    FILE *file = NULL;
    fov_status status = fov_encoder_create(&encoder, error);
    if (!status)
        status = fov_encode_jpeg(encoder, image, QUALITY, &bytes, &size, error);
    if (!status && !(file = fopen(path, "wb")))
        status = fov_fail(error, FOV_EIO, "%.160s: %s", path, strerror(errno));
    if (file && fwrite(bytes, 1, size, file) != size)
        status = fov_fail(error, FOV_EIO, "%.160s cannot be written", path);
    if (file && fclose(file) != 0 && !status)
        status = fov_fail(error, FOV_EIO, "%.160s cannot be written", path);
    fov_encoder_destroy(&encoder);
    return status;
}

fov_status agreement_save(const fov_image *image, const fov_detections *original,
                          const fov_detections *optimised, const fov_model *model, const char *path,
                          fov_error *error)
{
    fov_image both = {.pixels = FOV_RGB24, .width = 2 * image->width, .height = image->height};
    if (image->pixels != FOV_RGB24 || (int64_t)both.width * both.height > PIXELS_MAX)
        return FOV_OK; /* too large to show twice */
    both.stride[0] = 3 * both.width;
    both.plane[0] = malloc((size_t)both.stride[0] * (size_t)both.height);
    if (!both.plane[0])
        return fov_fail(error, FOV_ENOMEM, "no memory for a picture");
    const fov_detections *const lists[] = {original, optimised};
    for (int i = 0; i < 2; i++) {
        fov_image half = half_of(&both, i);
        copy_into(image, &half);
        fov_draw_detections(&half, lists[i], label, (void *)(size_t)model);
    }
    fov_status status = write_jpeg(&both, path, error);
    free(both.plane[0]);
    return status;
}
