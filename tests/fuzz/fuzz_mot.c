/* Files of the MOT challenge: the first byte says whether detections or camera motion. Whatever the
 * bytes: no crash; a refusal has a reason; what is taken is in order and of sane numbers. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include "mot.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void detections(const char *text, size_t size)
{
    struct mot mot;
    fov_error error = {0};
    size_t sum = 0;
    fov_status status = mot_parse(&mot, "fuzz", text, size, &error);
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
}

static void motion(const char *text, size_t size)
{
    struct mot_motion m;
    fov_error error = {0};
    size_t next = 0;
    fov_status status = mot_parse_motion(&m, "fuzz", text, size, &error);
    if (status && !error.message[0])
        abort();
    for (int32_t from = 0; !status && from < 40; from += 3)
        mot_motion_between(&m, from, from + 3, &next);
    mot_release_motion(&m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size && data[0] == 'g')
        motion((const char *)data + 1, size - 1);
    else if (size)
        detections((const char *)data + 1, size - 1);
    return 0;
}
