/* Names of classes, and which column of an output is which class. */
#ifndef INFER_LABELS_H
#define INFER_LABELS_H

#include "infer/head.h"

struct labels {
    char **names; /* count of them, each owned */
    int count;
    int columns;
    int16_t class_of[HEAD_COLUMNS]; /* column -> class id; -1: no class */
};

/* From `file` (one a line), else the metadata (`labels`, `names`), else COCO by the number of
 * columns (80, or 90 and 91 with COCO's gaps), else "class_N". Returns FOV_ENOTFOUND, FOV_EMODEL
 * (not UTF-8, too many), FOV_ENOMEM. */
fov_status labels_make(struct labels *labels, const struct head_setup *setup,
                       const struct metadata *meta, const char *file, fov_error *error);
void labels_release(struct labels *labels);

/* How many names the metadata holds, 0 when none. */
int labels_count(const struct metadata *meta);

/* The 80 COCO names in order. */
extern const char *const coco_names[80];

#endif
