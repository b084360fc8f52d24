/* Detections: the boxes of one frame. The meeting point of `infer`, `track` and `scene`. */
#ifndef FOVEA_DETECT_H
#define FOVEA_DETECT_H

#include <stdbool.h>
#include <stdint.h>
#include <fovea/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Box in source pixels, half-open, x1 <= x2, y1 <= y2, clipped to the picture. 32 bytes. */
typedef struct fov_detection {
    float x1, y1, x2, y2;
    float score;          /* 0..1 */
    int32_t class_id;     /* index into the model's labels */
    int32_t class_id_raw; /* column in the model's own output */
    int32_t track_id;     /* -1: none */
} fov_detection;

/* The caller's array. Functions fill `items` up to `capacity`, set `count`, never allocate. */
typedef struct fov_detections {
    fov_detection *items;
    size_t count, capacity;
} fov_detections;

/* What to keep. Zero means the default. */
typedef struct fov_detect_params {
    float conf;           /* least score, 0 < conf <= 1; default 0.25 */
    float iou;            /* NMS overlap, 0 < iou <= 1; default 0.45 */
    int max_detections;   /* 1..1000; default 300 */
    uint64_t classes[16]; /* bit per class_id 0..1023; all zero: every class */
    bool exact;           /* full decode instead of the scaled one */
} fov_detect_params;

/* Stage times of one frame in ns. They add up to `total` (see fov_result). */
typedef struct fov_timings {
    int64_t queue, decode, preprocess, inference, postprocess, track, publish, total;
} fov_timings;

#ifdef __cplusplus
}
#endif
#endif
