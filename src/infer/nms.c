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

/* Second moments of an oriented box about its centre: of x, of y, mixed. */
struct moments {
    double xx, yy, xy;
};

static struct moments moments_of(const struct candidate *c)
{
    double width = (double)c->x2 - c->x1, height = (double)c->y2 - c->y1;
    double along = width * width / 12, across = height * height / 12; /* of an even density */
    double cosine = cos((double)c->angle), sine = sin((double)c->angle);
    return (struct moments){along * cosine * cosine + across * sine * sine,
                            along * sine * sine + across * cosine * cosine,
                            (along - across) * cosine * sine};
}

float candidates_rotated_overlap(const struct candidate *a, const struct candidate *b)
{
    static const double tiny = 1e-7;
    struct moments m = moments_of(a), n = moments_of(b);
    double x = ((double)a->x1 + a->x2 - b->x1 - b->x2) / 2;
    double y = ((double)a->y1 + a->y2 - b->y1 - b->y2) / 2;
    double xx = m.xx + n.xx, yy = m.yy + n.yy, xy = m.xy + n.xy;
    double joint = xx * yy - xy * xy;
    double apart = (xx * y * y + yy * x * x - 2 * xy * x * y) / (joint + tiny) / 4;
    double own = fmax(m.xx * m.yy - m.xy * m.xy, 0) * fmax(n.xx * n.yy - n.xy * n.xy, 0);
    double unlike = log(joint / (4 * sqrt(own) + tiny) + tiny) / 2;
    double distance = fmin(fmax(apart + unlike, tiny), 100); /* Bhattacharyya's */
    return (float)(1 - sqrt(1 - exp(-distance) + tiny));
}

void candidate_bounds(const struct candidate *c, float *x1, float *y1, float *x2, float *y2)
{
    float x = (c->x1 + c->x2) / 2, y = (c->y1 + c->y2) / 2;
    float width = (c->x2 - c->x1) / 2, height = (c->y2 - c->y1) / 2;
    float cosine = fabsf(cosf(c->angle)), sine = fabsf(sinf(c->angle));
    float across = width * cosine + height * sine, down = width * sine + height * cosine;
    *x1 = x - across;
    *y1 = y - down;
    *x2 = x + across;
    *y2 = y + down;
}

/* False when even circles around the boxes stay apart: such boxes overlap by less than 0.15. */
static bool are_near(const struct candidate *a, const struct candidate *b)
{
    float x = (a->x1 + a->x2 - b->x1 - b->x2) / 2, y = (a->y1 + a->y2 - b->y1 - b->y2) / 2;
    float reach = (hypotf(a->x2 - a->x1, a->y2 - a->y1) + hypotf(b->x2 - b->x1, b->y2 - b->y1)) / 2;
    return x * x + y * y <= reach * reach;
}

static bool overlaps_rotated(const struct candidate *a, const struct candidate *b, float iou)
{
    static const float apart = 0.15f;
    return (iou < apart || are_near(a, b)) && candidates_rotated_overlap(a, b) > iou;
}

static bool drops(enum nms_kind kind, const struct candidate *better, const struct candidate *c,
                  float iou)
{
    if (kind == NMS_NONE || (kind != NMS_AGNOSTIC && better->class_raw != c->class_raw))
        return false;
    return kind == NMS_ROTATED ? overlaps_rotated(better, c, iou) : overlaps(better, c, iou);
}

size_t candidates_suppress(struct candidates *c, enum nms_kind kind, float iou, size_t most)
{
    size_t kept = 0;
    candidates_prune(c);
    for (size_t i = 0; i < c->count && kept < most; i++) {
        bool keep = true;
        for (size_t k = 0; keep && k < kept; k++)
            keep = !drops(kind, &c->items[k], &c->items[i], iou);
        if (keep)
            c->items[kept++] = c->items[i];
    }
    c->count = kept;
    return kept;
}
