#include "track/appearance.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NEWEST 0.1f

fov_status appearance_create(struct appearance *a, size_t size, size_t tracks, size_t boxes,
                             fov_error *error)
{
    *a = (struct appearance){.size = size};
    if (!size)
        return FOV_OK;
    a->kept = calloc(tracks * size, sizeof *a->kept);
    a->seen = calloc(boxes * size, sizeof *a->seen);
    a->is_kept = calloc(tracks, sizeof *a->is_kept);
    a->is_seen = calloc(boxes, sizeof *a->is_seen);
    if (a->kept && a->seen && a->is_kept && a->is_seen)
        return FOV_OK;
    return fov_fail(error, FOV_ENOMEM, "no memory for %zu vectors of %zu numbers", tracks + boxes,
                    size);
}

void appearance_release(struct appearance *a)
{
    free(a->kept);
    free(a->seen);
    free(a->is_kept);
    free(a->is_seen);
    *a = (struct appearance){0};
}

static float product(const float *a, const float *b, size_t size)
{
    float sum[4] = {0};
    size_t i = 0;
    for (; i + 4 <= size; i += 4)
        for (size_t k = 0; k < 4; k++)
            sum[k] += a[i + k] * b[i + k];
    for (; i < size; i++)
        sum[0] += a[i] * b[i];
    return sum[0] + sum[1] + sum[2] + sum[3];
}

/* To length 1; false when that cannot be. */
static bool normalize(float *to, const float *from, size_t size)
{
    double square = 0;
    for (size_t i = 0; i < size; i++)
        square += (double)from[i] * (double)from[i];
    double by = 1 / sqrt(square);
    if (!isfinite(square) || !isfinite(by))
        return false;
    for (size_t i = 0; i < size; i++)
        to[i] = (float)((double)from[i] * by);
    return true;
}

void appearance_see(struct appearance *a, const struct tracker_frame *frame)
{
    const float *vectors = frame->input->embeddings;
    for (size_t i = 0; a->size && i < frame->count; i++)
        a->is_seen[i] = vectors &&
                        normalize(a->seen + i * a->size,
                                  vectors + (size_t)frame->boxes[i].detection * a->size, a->size);
}

void appearance_begin(struct appearance *a, int32_t place, size_t box)
{
    if (!a->size)
        return;
    a->is_kept[place] = a->is_seen[box];
    if (a->is_seen[box])
        memcpy(a->kept + (size_t)place * a->size, a->seen + box * a->size,
               a->size * sizeof *a->kept);
}

void appearance_learn(struct appearance *a, int32_t place, size_t box)
{
    if (!a->size || !a->is_seen[box])
        return;
    if (!a->is_kept[place]) {
        appearance_begin(a, place, box);
        return;
    }
    float *kept = a->kept + (size_t)place * a->size;
    const float *seen = a->seen + box * a->size;
    for (size_t i = 0; i < a->size; i++)
        kept[i] += NEWEST * (seen[i] - kept[i]);
    a->is_kept[place] = normalize(kept, kept, a->size);
}

bool appearance_knows(const struct appearance *a, int32_t place, size_t box)
{
    return a->size && a->is_kept[place] && a->is_seen[box];
}

float appearance_distance(const struct appearance *a, int32_t place, size_t box)
{
    if (!appearance_knows(a, place, box))
        return 1;
    float cosine = product(a->kept + (size_t)place * a->size, a->seen + box * a->size, a->size);
    return fminf(fmaxf((1 - cosine) / 2, 0), 1);
}
