/* Names of classes, and which column of an output is which class. */
#ifndef INFER_LABELS_H
#define INFER_LABELS_H

#include "infer/head.h"

struct labels {
    char **names; /* count of them, each owned */
    int count;
    int columns;
    int16_t class_of[HEAD_COLUMNS]; /* column -> class id; -1: no class */
    const char *from; /* "the model's metadata", "numbers": where they come from, for people */
};

/* From `file` (one a line, as many as the model has classes; "n/a", "???" and "-" name none), else
 * the metadata (`labels`, `names`; a list that is too short is filled up), else the file beside the
 * model if its count is right, else COCO by the number of columns (80, or 90 and 91 with COCO's
 * gaps), else "class_N". Returns FOV_ENOTFOUND, FOV_EMODEL (not UTF-8, a wrong count), FOV_ENOMEM.
 */
fov_status labels_make(struct labels *labels, const struct head_setup *setup,
                       const struct metadata *meta, const char *file, fov_error *error);
void labels_release(struct labels *labels);

/* How many names the metadata holds, 0 when none. */
int labels_count(const struct metadata *meta);

/* The 80 COCO names in order. */
extern const char *const coco_names[80];

#endif
