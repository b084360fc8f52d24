#include "serve/recorder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/text.h"

enum { QUEUE = 64, NICE_WRITE = 10 };
#define QUEUE_BYTES ((size_t)32 << 20)
#define FRAME_BYTES ((size_t)16 << 20)

/* A frame that waits to be written: its picture is a copy, so that no stream runs out of frames. */
struct item {
    fov_frame *frame;
    fov_recorded what;
    fov_detection *boxes;
    size_t room;
};

struct recorder {
    atomic_int refs;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    pthread_t thread;
    struct item items[QUEUE];
    int first, count;
    size_t bytes; /* in the queue */
    bool stopping;
    fov_frame_pool *pool;
    int64_t start_ns;
    struct recorder_params params;
    char path[1024], folder[900];
    char texts[6][128]; /* of the info */
    struct recorder_counts counts;
};

/* ---- in -------------------------------------------------------------------------------------- */

static int plane_rows(const fov_image *image, int plane)
{
    int shift = plane ? image->shift_y : 0;
    return (image->height + (1 << shift) - 1) >> shift;
}

static size_t weight_of(const fov_frame *frame)
{
    const fov_image *image = &frame->image;
    size_t bytes = frame->size;
    for (int p = 0; !frame->bytes && p < 3; p++)
        if (image->plane[p])
            bytes += (size_t)image->stride[p] * (size_t)plane_rows(image, p);
    return bytes;
}

/* The strides of a format and size are the same everywhere. */
static bool copy_pixels(fov_frame *to, const fov_image *from)
{
    if (fov_frame_alloc_image(to, from->pixels, from->width, from->height, from->shift_x,
                              from->shift_y) != FOV_OK)
        return false;
    for (int p = 0; p < 3; p++) {
        if (!from->plane[p]) {
            to->image.plane[p] = NULL;
            continue;
        }
        if (to->image.stride[p] != from->stride[p])
            return false;
        memcpy(to->image.plane[p], from->plane[p],
               (size_t)from->stride[p] * (size_t)plane_rows(from, p));
    }
    return true;
}

static fov_frame *copy_frame(struct recorder *r, const fov_frame *from)
{
    fov_frame *frame = NULL;
    if (fov_frame_get(r->pool, from->bytes ? from->size : 0, &frame) != FOV_OK)
        return NULL;
    frame->seq = from->seq;
    frame->capture_ns = from->capture_ns;
    frame->sender_ms = from->sender_ms;
    frame->pts_ms = from->pts_ms;
    frame->number = from->number;
    frame->width = from->width;
    frame->height = from->height;
    if (from->bytes) {
        frame->codec = from->codec;
        frame->size = from->size;
        memcpy(frame->bytes, from->bytes, from->size);
    } else if (!copy_pixels(frame, &from->image)) {
        fov_frame_unref(&frame);
    }
    return frame;
}

static bool fill(struct recorder *r, struct item *item, const fov_result *result)
{
    const fov_detections *found = result->detections;
    if (found->count > item->room) {
        fov_detection *boxes = realloc(item->boxes, found->count * sizeof *boxes);
        if (!boxes)
            return false;
        item->boxes = boxes;
        item->room = found->count;
    }
    if (found->count > 0)
        memcpy(item->boxes, found->items, found->count * sizeof *found->items);
    item->what = (fov_recorded){.number = result->frame->seq,
                                .arrival_ns = result->frame->capture_ns - r->start_ns,
                                .answered = true,
                                .outcome = result->outcome,
                                .reason = result->reason,
                                .status = result->status,
                                .watched = result->reduced,
                                .conf = result->params ? result->params->conf : 0,
                                .iou = result->params ? result->params->iou : 0,
                                .total_ns = result->timings.total,
                                .items = item->boxes,
                                .count = found->count};
    if (result->params)
        memcpy(item->what.classes, result->params->classes, sizeof item->what.classes);
    item->frame = copy_frame(r, result->frame);
    return item->frame != NULL;
}

void recorder_take(struct recorder *r, const fov_result *result)
{
    size_t bytes = weight_of(result->frame);
    pthread_mutex_lock(&r->lock);
    if (!r->stopping) {
        struct item *item = &r->items[(r->first + r->count) % QUEUE];
        bool fits = r->count < QUEUE && (r->count == 0 || r->bytes + bytes <= QUEUE_BYTES);
        if (fits && fill(r, item, result)) {
            r->count++;
            r->bytes += bytes;
            pthread_cond_signal(&r->changed);
        } else {
            r->counts.missed++;
        }
    }
    pthread_mutex_unlock(&r->lock);
}

/* ---- the folder ------------------------------------------------------------------------------ */

static bool is_recording(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot && strcmp(dot, ".fvr") == 0;
}

/* Bytes of all recordings in the folder; false: it cannot be read. */
static bool measure(const char *folder, size_t *bytes)
{
    DIR *dir = opendir(folder);
    *bytes = 0;
    if (!dir)
        return false;
    for (struct dirent *entry; (entry = readdir(dir));) {
        struct stat st;
        if (is_recording(entry->d_name) &&
            fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0)
            *bytes += (size_t)st.st_size;
    }
    closedir(dir);
    return true;
}

static fov_status open_file(struct recorder *r, fov_recording **file, fov_error *error)
{
    const struct recorder_params *p = &r->params;
    size_t used;
    if (mkdir(r->folder, 0700) && errno != EEXIST)
        return fov_fail(error, FOV_EIO, "%.160s: %s", r->folder, strerror(errno));
    if (!measure(r->folder, &used))
        return fov_fail(error, FOV_EIO, "%.160s: %s", r->folder, strerror(errno));
    used += p->reserved_bytes;
    if (used >= p->total_bytes || p->total_bytes - used < p->max_bytes)
        return fov_fail(error, FOV_ELIMIT,
                        "recordings use or may use %zu of %zu MB (recording.total_mb), this one "
                        "may need %zu MB: remove some, or ask for less",
                        used / 1000000, p->total_bytes / 1000000, p->max_bytes / 1000000);
    fov_recording_params params = {.max_bytes = p->max_bytes};
    return fov_recording_create(file, r->path, &p->info, &params, error);
}

/* ---- the thread ------------------------------------------------------------------------------ */

static bool take(struct recorder *r, struct item *item)
{
    bool limited = r->params.seconds > 0;
    int64_t end = limited ? r->start_ns + (int64_t)(r->params.seconds * 1e9) : INT64_MAX;
    int rc = 0;
    pthread_mutex_lock(&r->lock);
    while (r->count == 0 && !r->stopping && rc == 0)
        rc = clock_cond_wait(&r->changed, &r->lock, end);
    if (limited && clock_now_ns() >= end)
        r->stopping = true;
    bool any = r->count > 0;
    if (any)
        *item = r->items[r->first];
    pthread_mutex_unlock(&r->lock);
    return any;
}

/* The item leaves the queue after it was written: its memory counts until then. */
static void give_back(struct recorder *r, struct item *item)
{
    size_t bytes = weight_of(item->frame);
    fov_frame_unref(&item->frame);
    pthread_mutex_lock(&r->lock);
    r->items[r->first].frame = NULL;
    r->first = (r->first + 1) % QUEUE;
    r->count--;
    r->bytes -= bytes;
    pthread_mutex_unlock(&r->lock);
}

static fov_status write_all(struct recorder *r, fov_recording *file, fov_error *error)
{
    struct item item;
    fov_status status = FOV_OK;
    while (take(r, &item)) {
        if (status == FOV_OK)
            status = fov_recording_add(file, item.frame, &item.what, NULL, error);
        pthread_mutex_lock(&r->lock);
        r->stopping = r->stopping || status != FOV_OK;
        r->counts.missed += status != FOV_OK && status != FOV_ELIMIT;
        r->counts.frames = fov_recording_frames(file);
        r->counts.bytes = fov_recording_size(file);
        pthread_mutex_unlock(&r->lock);
        give_back(r, &item);
    }
    return status;
}

static void let_go(struct recorder *r)
{
    struct item item;
    recorder_stop(r);
    while (take(r, &item))
        give_back(r, &item);
}

static void *record(void *argument)
{
    struct recorder *r = argument;
    fov_recording *file = NULL;
    fov_error error = {0}, closing = {0};
    pthread_setname_np(pthread_self(), "fovea-record");
    setpriority(PRIO_PROCESS, 0, NICE_WRITE);
    fov_status status = open_file(r, &file, &error);
    r->params.on_news(r->params.user, false, status, error.message);
    if (status == FOV_OK)
        status = write_all(r, file, &error);
    let_go(r);
    fov_status closed = fov_recording_close(&file, &closing);
    if (status == FOV_OK && closed != FOV_OK) {
        status = closed;
        error = closing;
    }
    r->params.on_news(r->params.user, true, status, error.message);
    recorder_unref(&r);
    return NULL;
}

/* ---- life ------------------------------------------------------------------------------------ */

static bool keep_text(char to[128], const char **text)
{
    if (*text && strlen(*text) >= 128)
        return false;
    text_copy(to, 128, *text ? *text : "");
    *text = to;
    return true;
}

static bool keep_params(struct recorder *r, const struct recorder_params *params)
{
    r->params = *params;
    fov_recording_info *info = &r->params.info;
    const char **texts[] = {&info->source,  &info->kind,   &info->model_id,
                            &info->backend, &info->device, &info->precision};
    for (size_t i = 0; i < 6; i++)
        if (!keep_text(r->texts[i], texts[i]))
            return false;
    text_copy(r->folder, sizeof r->folder, params->folder);
    int length = snprintf(r->path, sizeof r->path, "%s/%s", params->folder, params->name);
    return length > 0 && (size_t)length < sizeof r->path && strlen(params->folder) < 900;
}

static void recorder_free(struct recorder *r)
{
    for (int i = 0; i < QUEUE; i++)
        free(r->items[i].boxes);
    fov_frame_pool_destroy(&r->pool);
    pthread_cond_destroy(&r->changed);
    pthread_mutex_destroy(&r->lock);
    free(r);
}

struct recorder *recorder_start(const struct recorder_params *params)
{
    fov_frame_pool_params pool = {
        .slots = QUEUE + 1, .max_bytes = FRAME_BYTES, .keep_bytes = QUEUE_BYTES};
    struct recorder *r = calloc(1, sizeof *r);
    if (!r)
        return NULL;
    pthread_mutex_init(&r->lock, NULL);
    clock_cond_init(&r->changed);
    atomic_init(&r->refs, 2); /* the caller's and the thread's */
    r->start_ns = clock_now_ns();
    if (keep_params(r, params) && fov_frame_pool_create(&r->pool, &pool, NULL) == FOV_OK &&
        pthread_create(&r->thread, NULL, record, r) == 0)
        return r;
    recorder_free(r);
    return NULL;
}

void recorder_stop(struct recorder *r)
{
    pthread_mutex_lock(&r->lock);
    r->stopping = true;
    pthread_cond_signal(&r->changed);
    pthread_mutex_unlock(&r->lock);
}

void recorder_get_counts(struct recorder *r, struct recorder_counts *counts)
{
    pthread_mutex_lock(&r->lock);
    *counts = r->counts;
    pthread_mutex_unlock(&r->lock);
}

struct recorder *recorder_ref(struct recorder *r)
{
    atomic_fetch_add(&r->refs, 1);
    return r;
}

void recorder_unref(struct recorder **recorder)
{
    struct recorder *r = *recorder;
    *recorder = NULL;
    if (r && atomic_fetch_sub(&r->refs, 1) == 1)
        recorder_free(r);
}

void recorder_join(struct recorder *r)
{
    pthread_join(r->thread, NULL);
}

/* ---- taps ------------------------------------------------------------------------------------ */

void tap_init(struct tap *tap)
{
    atomic_init(&tap->open, false);
    pthread_mutex_init(&tap->lock, NULL);
    tap->recorder = NULL;
}

void tap_result(struct tap *tap, const fov_result *result)
{
    if (!atomic_load_explicit(&tap->open, memory_order_relaxed))
        return;
    pthread_mutex_lock(&tap->lock);
    if (tap->recorder)
        recorder_take(tap->recorder, result);
    pthread_mutex_unlock(&tap->lock);
}

bool tap_open(struct tap *tap, struct recorder *recorder)
{
    pthread_mutex_lock(&tap->lock);
    bool is_free = !tap->recorder;
    if (is_free) {
        tap->recorder = recorder_ref(recorder);
        atomic_store(&tap->open, true);
    }
    pthread_mutex_unlock(&tap->lock);
    return is_free;
}

void tap_close(struct tap *tap)
{
    pthread_mutex_lock(&tap->lock);
    atomic_store(&tap->open, false);
    if (tap->recorder)
        recorder_stop(tap->recorder);
    recorder_unref(&tap->recorder);
    pthread_mutex_unlock(&tap->lock);
}

void tap_destroy(struct tap *tap)
{
    tap_close(tap);
    pthread_mutex_destroy(&tap->lock);
}
