/* Memory of what tasks beyond boxes give. */
#include <fovea/detect.h>

#include <stdlib.h>
#include <string.h>

enum {
    RUNS = 1 << 18, /* 1 MiB: 260 masks of 500 columns that start and end once each */
    POINTS = 1 << 14,
};

const char *fov_task_name(fov_task task)
{
    static const char *const names[] = {"detect", "segment",  "semantic", "pose",
                                        "obb",    "classify", "embed"};
    return (size_t)task < sizeof names / sizeof *names ? names[task] : "?";
}

static bool has_masks(fov_task task)
{
    return task == FOV_TASK_SEGMENT || task == FOV_TASK_SEMANTIC;
}

/* An array of `count` elements; no memory at all for none. */
static bool make_room(void *array, size_t *capacity, size_t count, size_t element)
{
    void **at = array;
    *capacity = count;
    *at = count ? calloc(count, element) : NULL;
    return !count || *at;
}

fov_status fov_details_create(fov_details **details, fov_task task, size_t capacity, int keypoints,
                              int embedding)
{
    *details = NULL;
    if (task == FOV_TASK_DETECT)
        return FOV_OK;
    fov_details *d = calloc(1, sizeof *d);
    if (!d)
        return FOV_ENOMEM;
    size_t points = keypoints > 0 ? capacity * (size_t)keypoints : 0;
    size_t runs = has_masks(task) ? RUNS : 0, outline = has_masks(task) ? POINTS : 0;
    size_t numbers = embedding > 0 ? (size_t)embedding : 0;
    if (make_room(&d->items, &d->capacity, capacity, sizeof *d->items) &&
        make_room(&d->keypoints, &d->keypoint_capacity, points, sizeof *d->keypoints) &&
        make_room(&d->runs, &d->run_capacity, runs, sizeof *d->runs) &&
        make_room(&d->points, &d->point_capacity, outline, sizeof *d->points) &&
        make_room(&d->embedding, &d->embedding_capacity, numbers, sizeof *d->embedding)) {
        *details = d;
        return FOV_OK;
    }
    fov_details_destroy(&d);
    return FOV_ENOMEM;
}

void fov_details_destroy(fov_details **details)
{
    fov_details *d = details ? *details : NULL;
    if (!d)
        return;
    *details = NULL;
    free(d->items);
    free(d->keypoints);
    free(d->runs);
    free(d->points);
    free(d->embedding);
    free(d);
}

void fov_details_reset(fov_details *d)
{
    if (!d)
        return;
    d->keypoint_count = d->run_count = d->point_count = d->embedding_count = 0;
    d->class_count = 0;
    d->cut = false;
    if (d->items)
        memset(d->items, 0, d->capacity * sizeof *d->items);
}

static size_t copy(void *to, size_t room, const void *from, size_t count, size_t element)
{
    count = count < room ? count : room;
    if (count)
        memcpy(to, from, count * element);
    return count;
}

/* What was cut off is forgotten as a whole. */
static void forget_cut(fov_details *to, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        fov_detail *d = &to->items[i];
        bool keypoints = d->keypoint + (size_t)d->keypoint_count <= to->keypoint_count;
        bool mask = d->run + (size_t)d->run_count <= to->run_count;
        bool outline = d->point + (size_t)d->point_count <= to->point_count;
        d->keypoint_count = keypoints ? d->keypoint_count : 0;
        d->run_count = mask ? d->run_count : 0;
        d->point_count = mask && outline ? d->point_count : 0;
        to->cut |= !keypoints || !mask || !outline;
    }
}

void fov_details_copy(fov_details *to, const fov_details *from, size_t count)
{
    fov_details_reset(to);
    if (!to || !from)
        return;
    size_t items = count < from->capacity ? count : from->capacity;
    items = copy(to->items, to->capacity, from->items, items, sizeof *to->items);
    to->keypoint_count = copy(to->keypoints, to->keypoint_capacity, from->keypoints,
                              from->keypoint_count, sizeof *to->keypoints);
    to->run_count = copy(to->runs, to->run_capacity, from->runs, from->run_count, sizeof *to->runs);
    to->point_count = copy(to->points, to->point_capacity, from->points, from->point_count,
                           sizeof *to->points);
    to->embedding_count = copy(to->embedding, to->embedding_capacity, from->embedding,
                               from->embedding_count, sizeof *to->embedding);
    memcpy(to->classes, from->classes, sizeof to->classes);
    to->class_count = from->class_count;
    to->cut = from->cut;
    forget_cut(to, items);
}
