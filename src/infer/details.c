/* Memory of what tasks beyond boxes give. */
#include <fovea/detect.h>

#include <stdlib.h>
#include <string.h>

enum {
    RUNS = 1 << 18, /* 1 MiB: 260 masks of 500 columns that start and end once each */
    POINTS = 1 << 15,
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

struct room {
    size_t items, keypoints, runs, points, numbers;
};

static fov_status create(fov_details **details, const struct room *room)
{
    fov_details *d = calloc(1, sizeof *d);
    *details = NULL;
    if (!d)
        return FOV_ENOMEM;
    if (make_room(&d->items, &d->capacity, room->items, sizeof *d->items) &&
        make_room(&d->keypoints, &d->keypoint_capacity, room->keypoints, sizeof *d->keypoints) &&
        make_room(&d->runs, &d->run_capacity, room->runs, sizeof *d->runs) &&
        make_room(&d->points, &d->point_capacity, room->points, sizeof *d->points) &&
        make_room(&d->embedding, &d->embedding_capacity, room->numbers, sizeof *d->embedding)) {
        *details = d;
        return FOV_OK;
    }
    fov_details_destroy(&d);
    return FOV_ENOMEM;
}

fov_status fov_details_create(fov_details **details, fov_task task, size_t capacity, int keypoints,
                              int embedding)
{
    struct room room = {.items = capacity};
    *details = NULL;
    if (task == FOV_TASK_DETECT)
        return FOV_OK;
    room.keypoints = keypoints > 0 ? capacity * (size_t)keypoints : 0;
    room.runs = has_masks(task) ? RUNS : 0;
    room.points = has_masks(task) ? POINTS : 0;
    room.numbers = embedding > 0 ? (size_t)embedding : 0;
    return create(details, &room);
}

static struct room room_of(const fov_details *d)
{
    return (struct room){d->capacity, d->keypoint_capacity, d->run_capacity, d->point_capacity,
                         d->embedding_capacity};
}

fov_status fov_details_like(fov_details **details, const fov_details *from)
{
    struct room room = {0}, wanted = {0};
    if (*details)
        room = room_of(*details);
    if (from)
        wanted = room_of(from);
    bool fits = room.items == wanted.items && room.keypoints == wanted.keypoints &&
                room.runs == wanted.runs && room.points == wanted.points &&
                room.numbers == wanted.numbers;
    if (!from || (*details && fits)) {
        fov_details_reset(*details);
        return FOV_OK;
    }
    fov_details_destroy(details);
    return create(details, &wanted);
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
