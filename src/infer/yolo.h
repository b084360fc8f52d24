/* What the files of the YOLO head share: how its output is laid out, and what its tasks add to
 * boxes. */
#ifndef INFER_YOLO_H
#define INFER_YOLO_H

#include "infer/head.h"

enum yolo_form { YOLO_UNKNOWN, YOLO_CHANNELS, YOLO_ROWS, YOLO_OBJECT, YOLO_FINAL };

/* What an output is: boxes, then C scores, then `extra` columns that belong to the task. */
struct yolo_layout {
    enum yolo_form form;
    fov_task task;
    bool told; /* the task is in the metadata */
    int anchors, columns, extra;
    int keypoints, keypoint_values; /* pose: extra = keypoints * keypoint_values */
    int boxes, masks;               /* outputs; masks -1: none */
    bool masks_last;                /* prototypes [1,h,w,M] instead of [1,M,h,w] */
};

/* What the outputs are; form YOLO_UNKNOWN when they are none of YOLO's. Pure. */
void yolo_read_layout(const struct head_facts *facts, struct yolo_layout *layout);

/* Numbers of an anchor's row. */
int yolo_row(const struct head_setup *setup);

/* The i-th number of an anchor's row or column. */
static inline float yolo_value(const struct head_setup *setup, const float *data, int anchor, int i)
{
    if (setup->form == YOLO_CHANNELS)
        return data[(size_t)i * (size_t)setup->anchors + (size_t)anchor];
    return data[(size_t)anchor * (size_t)yolo_row(setup) + (size_t)i];
}

/* Index of the first of the task's own columns. */
int yolo_extra(const struct head_setup *setup);

/* head.refine and head.scratch. */
void yolo_refine(const struct head_setup *setup, const fov_tensor *out,
                 const struct candidate *kept, const struct head_output *output);
size_t yolo_scratch(const struct head_setup *setup);

#endif
