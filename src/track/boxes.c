#include "track/boxes.h"

#include <math.h>

static bool usable(const fov_detection *d)
{
    /* Comparisons with NaN are false. */
    return d->x1 < d->x2 && d->y1 < d->y2 && d->x1 > -BOX_FAR_PX && d->y1 > -BOX_FAR_PX &&
           d->x2 < BOX_FAR_PX && d->y2 < BOX_FAR_PX && d->score >= 0 && d->score <= 1;
}

static bool before(const struct track_box *a, const struct track_box *b)
{
    return a->at[0] < b->at[0] || (a->at[0] == b->at[0] && a->detection < b->detection);
}

/* Shell sort with the gaps of Ciura (2001): in place, which qsort of the C library is not. */
static void sort_by_x1(struct track_box *boxes, size_t count)
{
    static const size_t gaps[] = {1750, 701, 301, 132, 57, 23, 10, 4, 1};
    for (size_t g = 0; g < sizeof gaps / sizeof *gaps; g++)
        for (size_t i = gaps[g]; i < count; i++) {
            struct track_box moved = boxes[i];
            size_t at = i;
            for (; at >= gaps[g] && before(&moved, &boxes[at - gaps[g]]); at -= gaps[g])
                boxes[at] = boxes[at - gaps[g]];
            boxes[at] = moved;
        }
}

size_t boxes_collect(const fov_detections *from, struct track_box *boxes, size_t capacity)
{
    size_t count = 0;
    for (size_t i = 0; i < from->count && count < capacity; i++) {
        const fov_detection *d = &from->items[i];
        if (usable(d))
            boxes[count++] = (struct track_box){.at = {d->x1, d->y1, d->x2, d->y2},
                                                .score = d->score,
                                                .class_id = d->class_id,
                                                .detection = (int32_t)i};
    }
    sort_by_x1(boxes, count);
    return count;
}

float boxes_widest(const struct track_box *boxes, size_t count)
{
    float widest = 0;
    for (size_t i = 0; i < count; i++)
        widest = fmaxf(widest, boxes[i].at[2] - boxes[i].at[0]);
    return widest;
}

/* The first box that begins at x or to the right of it. */
static size_t first_from(const struct track_box *boxes, size_t count, float x)
{
    size_t low = 0;
    while (low < count) {
        size_t middle = low + (count - low) / 2;
        if (boxes[middle].at[0] < x)
            low = middle + 1;
        else
            count = middle;
    }
    return low;
}

void boxes_near(const struct tracker_frame *frame, float x1, float x2, float grow, size_t *first,
                size_t *end)
{
    /* A box grows to the left by at most grow * widest, and reaches (1 + grow) * widest beyond its
     * own left edge. */
    *first = first_from(frame->boxes, frame->count, x1 - (1 + grow) * frame->widest);
    *end = first_from(frame->boxes, frame->count, x2 + grow * frame->widest);
}

float box_iou(const float a[4], const float b[4])
{
    float width = fminf(a[2], b[2]) - fmaxf(a[0], b[0]);
    float height = fminf(a[3], b[3]) - fmaxf(a[1], b[1]);
    if (!(width > 0 && height > 0))
        return 0;
    float both = width * height;
    float sum = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]);
    return both / (sum - both);
}

void box_grow(const float box[4], float part, float grown[4])
{
    float dx = part * (box[2] - box[0]), dy = part * (box[3] - box[1]);
    grown[0] = box[0] - dx;
    grown[1] = box[1] - dy;
    grown[2] = box[2] + dx;
    grown[3] = box[3] + dy;
}
