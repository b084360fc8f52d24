/* Candidates of one frame and their suppression. Everything is ordered by score, then anchor, then
 * class, so that equal input gives equal output everywhere. */
#ifndef INFER_NMS_H
#define INFER_NMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct candidate {
    float x1, y1, x2, y2; /* model_px */
    float score;
    int32_t class_raw; /* column in the model's output */
    int32_t anchor;    /* row in the model's output */
    float angle; /* of an oriented box, radians, clockwise: corners as before it is turned about its
                  * centre */
};

enum nms_kind {
    NMS_PER_CLASS,
    NMS_AGNOSTIC,
    NMS_NONE,
    NMS_ROTATED, /* per class, by candidates_rotated_overlap */
};

/* Bounded: only the `keep` best survive, however many are added. */
struct candidates {
    struct candidate *items;
    size_t count, capacity, keep;
    float floor; /* scores below this cannot survive any more */
};

bool candidates_init(struct candidates *c, size_t most_kept);
void candidates_release(struct candidates *c);

/* Empties; of what is added the `keep` best (at most most_kept) with score >= least survive. */
void candidates_begin(struct candidates *c, size_t keep, float least);

void candidates_prune(struct candidates *c);

/* Adds one; the score must be finite. */
static inline void candidates_add(struct candidates *c, const struct candidate *item)
{
    if (item->score < c->floor)
        return;
    if (c->count == c->capacity)
        candidates_prune(c);
    c->items[c->count++] = *item;
}

/* How far two oriented boxes cover each other, 0..1: as Gaussians with the boxes' second moments,
 * one minus their Hellinger distance. Smooth where the overlap of polygons is not, and lower for
 * thin boxes; oriented models are trained with it.
 * Source: Murrugarra-Llerena et al., "Probabilistic Intersection-over-Union for Training and
 * Evaluation of Oriented Object Detectors", 2024. */
float candidates_rotated_overlap(const struct candidate *a, const struct candidate *b);

/* The upright box around an oriented one. */
void candidate_bounds(const struct candidate *c, float *x1, float *y1, float *x2, float *y2);

/* Sorts, then drops whatever overlaps a better one of its class (NMS_AGNOSTIC: of any class) by
 * more than `iou`. Stops after `most` survivors, which are moved to the front; returns how many. */
size_t candidates_suppress(struct candidates *c, enum nms_kind kind, float iou, size_t most);

#endif
