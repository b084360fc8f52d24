#include "infer/nms.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Twice what is kept, so that pruning costs a constant share of each candidate. */
bool candidates_init(struct candidates *c, size_t most_kept)
{
    *c = (struct candidates){.capacity = 2 * most_kept};
    c->items = malloc(c->capacity * sizeof *c->items);
    return c->items != NULL;
}

void candidates_release(struct candidates *c)
{
    free(c->items);
    *c = (struct candidates){0};
}

void candidates_begin(struct candidates *c, size_t keep, float least)
{
    c->count = 0;
    c->keep = keep < c->capacity / 2 ? keep : c->capacity / 2;
    c->floor = least;
}

static bool is_before(const struct candidate *a, const struct candidate *b)
{
    if (a->score != b->score)
        return a->score > b->score;
    if (a->anchor != b->anchor)
        return a->anchor < b->anchor;
    return a->class_raw < b->class_raw;
}

static void sift_down(struct candidate *heap, size_t root, size_t count)
{
    struct candidate item = heap[root];
    for (size_t child; (child = 2 * root + 1) < count; root = child) {
        if (child + 1 < count && is_before(&heap[child], &heap[child + 1]))
            child++; /* the worse one rises: at the root stands the last in order */
        if (!is_before(&item, &heap[child]))
            break;
        heap[root] = heap[child];
    }
    heap[root] = item;
}

/* Heap sort: in place and without memory of its own, unlike qsort. */
static void sort(struct candidate *items, size_t count)
{
    for (size_t i = count / 2; i-- > 0;)
        sift_down(items, i, count);
    for (size_t end = count; end-- > 1;) {
        struct candidate last = items[0];
        items[0] = items[end];
        items[end] = last;
        sift_down(items, 0, end);
    }
}

void candidates_prune(struct candidates *c)
{
    sort(c->items, c->count);
    if (c->count > c->keep)
        c->count = c->keep;
    if (c->count == c->keep && c->count)
        c->floor = c->items[c->count - 1].score;
}

static float area(const struct candidate *c)
{
    return (c->x2 - c->x1) * (c->y2 - c->y1);
}

static bool overlaps(const struct candidate *a, const struct candidate *b, float iou)
{
    float width = fminf(a->x2, b->x2) - fmaxf(a->x1, b->x1);
    float height = fminf(a->y2, b->y2) - fmaxf(a->y1, b->y1);
    if (width <= 0 || height <= 0)
        return false;
    float common = width * height;
    return common > iou * (area(a) + area(b) - common);
}

size_t candidates_suppress(struct candidates *c, enum nms_kind kind, float iou, size_t most)
{
    size_t kept = 0;
    candidates_prune(c);
    for (size_t i = 0; i < c->count && kept < most; i++) {
        bool keep = true;
        for (size_t k = 0; keep && k < kept && kind != NMS_NONE; k++)
            keep = (kind == NMS_PER_CLASS && c->items[k].class_raw != c->items[i].class_raw) ||
                   !overlaps(&c->items[k], &c->items[i], iou);
        if (keep)
            c->items[kept++] = c->items[i];
    }
    c->count = kept;
    return kept;
}
