/* Detections of the MOT challenge. Whatever the bytes: no crash; a refusal has a reason; what is
 * taken is in order and of sane numbers. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include "mot.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mot mot;
    fov_error error = {0};
    size_t sum = 0;
    fov_status status = mot_parse(&mot, "fuzz", (const char *)data, size, &error);
    if (status && !error.message[0])
        abort();
    for (size_t i = 0; !status && i < mot.frame_count; i++) {
        const struct mot_frame *f = &mot.frames[i];
        if (f->number < 1 || f->first != sum || (i && f->number <= mot.frames[i - 1].number))
            abort();
        sum += f->count;
    }
    for (size_t i = 0; !status && i < mot.box_count; i++) {
        const fov_detection *d = &mot.boxes[i];
        if (!isfinite(d->x1) || !isfinite(d->y2) || d->x2 < d->x1 || d->y2 < d->y1 ||
            d->score < 0 || d->score > 1 || d->class_id < 0)
            abort();
    }
    if (!status && sum != mot.box_count)
        abort();
    mot_release(&mot);
    return 0;
}
