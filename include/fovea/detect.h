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

/* A class_id that no model gives: the ball of a football stream whose player model knows none.
 * fov_model_label says "ball". */
enum { FOV_LABEL_BALL = 1023 };

/* What models are for. */
typedef enum fov_task {
    FOV_TASK_DETECT,   /* boxes */
    FOV_TASK_SEGMENT,  /* boxes with a mask each */
    FOV_TASK_SEMANTIC, /* every pixel a class; connected regions come out as boxes with masks */
    FOV_TASK_POSE,     /* boxes with keypoints */
    FOV_TASK_ORIENTED, /* boxes with an angle */
    FOV_TASK_CLASSIFY, /* the picture as a whole: classes */
    FOV_TASK_EMBED     /* the picture as a whole: a vector to compare with others */
} fov_task;

/* "detect", "segment", "semantic", "pose", "obb", "classify", "embed". Never NULL.
 * Thread-safety: safe. Blocks: no. */
FOV_API const char *fov_task_name(fov_task task);

/* Source px; score 0..1, of how sure the model is that the point is there. */
typedef struct fov_keypoint {
    float x, y, score;
} fov_keypoint;

typedef struct fov_point {
    float x, y; /* source px */
} fov_point;

/* The 17 keypoints that COCO's pose models give: name of the i-th ("left_wrist"), NULL for others.
 * Thread-safety: safe. Blocks: no. */
FOV_API const char *fov_keypoint_name(int i);

/* Keypoints that the i-th line of such a skeleton joins; false after the last.
 * Thread-safety: safe. Blocks: no. */
FOV_API bool fov_keypoint_line(int i, int *from, int *to);

/* What a detection has beside its box: ranges of the arrays of fov_details, empty where the task
 * knows none. */
typedef struct fov_detail {
    uint32_t keypoint, keypoint_count;
    /* Mask over the whole picture as COCO has it: lengths of runs column by column from the top
     * left, the first one outside the mask (maybe 0). */
    uint32_t run, run_count;
    uint32_t point, point_count; /* outline of the mask's largest part, closed, clockwise */
    /* An oriented box: centre and sides in source px, angle in radians, clockwise from the x axis.
     * `rotated` false: the box is upright. */
    float center_x, center_y, width, height, angle;
    bool rotated;
} fov_detail;

/* Corners of an oriented box in source px, clockwise from the top left of the box before it was
 * turned. Thread-safety: safe. Blocks: no. */
FOV_API void fov_detail_corners(const fov_detail *detail, fov_point corners[4]);

typedef struct fov_class_score {
    int32_t class_id;
    float score; /* 0..1 */
} fov_class_score;

enum { FOV_CLASSES_MAX = 10 };

/* What models of other tasks than boxes give. One block of memory, made once and filled again and
 * again; functions fill it up to its capacities and never allocate. */
typedef struct fov_details {
    fov_detail *items; /* items[i] belongs to detection i */
    fov_keypoint *keypoints;
    uint32_t *runs;
    fov_point *points;
    float *embedding;
    size_t capacity, keypoint_count, keypoint_capacity, run_count, run_capacity, point_count,
        point_capacity, embedding_count, embedding_capacity;
    fov_class_score classes[FOV_CLASSES_MAX]; /* best first */
    int class_count;
    bool cut; /* room ran out: some masks are missing */
} fov_details;

/* The caller's array. Functions fill `items` up to `capacity`, set `count`, never allocate.
 * `details`: NULL for those who want boxes only. */
typedef struct fov_detections {
    fov_detection *items;
    size_t count, capacity;
    fov_details *details;
} fov_detections;

/* Room for the details of `capacity` detections of a task with so many keypoints a detection or
 * numbers an embedding; *details is NULL for tasks that have boxes only. Returns FOV_ENOMEM.
 * Thread-safety: safe. Blocks: no. */
FOV_API fov_status fov_details_create(fov_details **details, fov_task task, size_t capacity,
                                      int keypoints, int embedding);

/* Sets *details to NULL, accepts NULL. Thread-safety: once. Blocks: no. */
FOV_API void fov_details_destroy(fov_details **details);

/* Makes *details of the same capacities as `from`, emptied; memory that fits already is kept. A
 * NULL `from` empties it only. Returns FOV_ENOMEM, and *details is NULL then. Thread-safety: as
 * their owners. Blocks: no. */
FOV_API fov_status fov_details_like(fov_details **details, const fov_details *from);

/* Empties; accepts NULL. Thread-safety: as its owner. Blocks: no. */
FOV_API void fov_details_reset(fov_details *details);

/* Copies what is in `from` as far as `to` has room, for `count` detections; either may be NULL.
 * Thread-safety: as their owners. Blocks: no. */
FOV_API void fov_details_copy(fov_details *to, const fov_details *from, size_t count);

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
