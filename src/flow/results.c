#include "flow/results.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "flow/flow.h"
#include "flow/football_copy.h"

enum { RING = 256 }; /* beyond any capacity: what runs when the workers were told to wait */

/* A result of one's own, with all that it points to. */
struct kept {
    fov_result result; /* first: fov_result_release finds the rest by it */
    struct kept *next; /* free */
    struct results *store;
    fov_detections detections;
    fov_detect_params params;
    fov_tracks tracks; /* in own memory: */
    fov_track *track_items;
    size_t track_room;
    struct football_copy football;
    char message[sizeof((fov_error *)0)->message];
};

struct results {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct kept *ring[RING];
    int first, count, capacity;
    struct kept *free; /* memory of those that were given back */
    bool fifo, tell_drops, ended, closed;
    fov_error end;
    uint64_t untaken;
    int inside; /* in fov_stream_get */
    int refs;   /* the stream's and one of each result that is out */
};

struct results *results_create(int capacity, bool fifo, bool tell_drops)
{
    struct results *r = calloc(1, sizeof *r);
    if (!r)
        return NULL;
    pthread_mutex_init(&r->lock, NULL);
    clock_cond_init(&r->changed);
    r->capacity = capacity;
    r->fifo = fifo;
    r->tell_drops = tell_drops;
    r->refs = 1;
    return r;
}

/* ---- memory ---------------------------------------------------------------------------------- */

static void kept_free(struct kept *k)
{
    free(k->detections.items);
    free(k->track_items);
    fov_details_destroy(&k->detections.details);
    football_copy_release(&k->football);
    free(k);
}

/* What a result pointed to. It is let go without the lock: closing a model may take long. */
struct held {
    fov_frame *frame, *picture;
    fov_model *model;
};

/* Lock held; the caller lets go of what is returned. */
static struct held kept_give_back(struct kept *k)
{
    struct results *r = k->store;
    struct held held = {.frame = k->result.frame,
                        .picture = k->result.picture,
                        .model = (fov_model *)(uintptr_t)k->result.model};
    k->result = (fov_result){0};
    k->next = r->free;
    r->free = k;
    return held;
}

static void let_go(struct held *held)
{
    fov_frame_unref(&held->frame);
    fov_frame_unref(&held->picture);
    fov_model_close(&held->model);
}

/* Lock held, released; the last one frees the store. */
static void unref(struct results *r)
{
    bool last = --r->refs == 0;
    pthread_mutex_unlock(&r->lock);
    if (!last)
        return;
    for (struct kept *k = r->free, *next; k; k = next) {
        next = k->next;
        kept_free(k);
    }
    pthread_cond_destroy(&r->changed);
    pthread_mutex_destroy(&r->lock);
    free(r);
}

static struct kept *take_free(struct results *r)
{
    pthread_mutex_lock(&r->lock);
    struct kept *k = r->free;
    if (k)
        r->free = k->next;
    pthread_mutex_unlock(&r->lock);
    if (!k)
        k = calloc(1, sizeof *k);
    if (k)
        k->store = r;
    return k;
}

static bool copy_detections(fov_detections *to, const fov_detections *from)
{
    if (from->count > to->capacity) {
        fov_detection *items = realloc(to->items, from->count * sizeof *items);
        if (!items)
            return false;
        to->items = items;
        to->capacity = from->count;
    }
    to->count = from->count;
    if (from->count > 0)
        memcpy(to->items, from->items, from->count * sizeof *from->items);
    if (fov_details_like(&to->details, from->details) != FOV_OK)
        return false;
    if (from->details)
        fov_details_copy(to->details, from->details, from->count);
    return true;
}

static bool copy_tracks(struct kept *k, const fov_tracks *from)
{
    if (from->count > k->track_room) {
        fov_track *items = realloc(k->track_items, from->count * sizeof *items);
        if (!items)
            return false;
        k->track_items = items;
        k->track_room = from->count;
    }
    if (from->count > 0)
        memcpy(k->track_items, from->items, from->count * sizeof *from->items);
    k->tracks = (fov_tracks){k->track_items, from->count};
    return true;
}

static bool kept_fill(struct kept *k, const fov_result *result)
{
    if (!copy_detections(&k->detections, result->detections) ||
        (result->tracks && !copy_tracks(k, result->tracks)) ||
        (result->football && !football_copy_fill(&k->football, result->football)))
        return false;
    k->result = *result;
    k->result.detections = &k->detections;
    k->result.tracks = result->tracks ? &k->tracks : NULL;
    k->result.football = result->football ? &k->football.frame : NULL;
    k->result.frame = fov_frame_ref(result->frame);
    if (result->picture)
        k->result.picture = fov_frame_ref(result->picture);
    if (result->model)
        k->result.model = fov_model_ref((fov_model *)(uintptr_t)result->model);
    text_copy(k->message, sizeof k->message, result->message);
    k->result.message = k->message;
    if (result->params) {
        k->params = *result->params;
        k->result.params = &k->params;
    }
    return true;
}

/* ---- in -------------------------------------------------------------------------------------- */

/* Lock held. */
static struct kept *pop(struct results *r)
{
    struct kept *k = r->ring[r->first];
    r->first = (r->first + 1) % RING;
    r->count--;
    return k;
}

static void push(struct results *r, struct kept *k)
{
    int most = r->fifo ? RING : r->capacity;
    struct held oldest = {0};
    pthread_mutex_lock(&r->lock);
    if (r->count == most) {
        oldest = kept_give_back(pop(r));
        r->untaken++;
    }
    r->ring[(r->first + r->count++) % RING] = k;
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->lock);
    let_go(&oldest);
}

void results_add(struct results *r, const fov_result *result)
{
    if (result->outcome == FOV_DROPPED && result->reason != FOV_DROP_DECODE && !r->tell_drops)
        return; /* counted in the statistics */
    struct kept *k = take_free(r);
    if (k && kept_fill(k, result)) {
        push(r, k);
        return;
    }
    struct held held = {0};
    pthread_mutex_lock(&r->lock);
    r->untaken++;
    if (k)
        held = kept_give_back(k);
    pthread_mutex_unlock(&r->lock);
    let_go(&held);
}

int results_room(struct results *r)
{
    pthread_mutex_lock(&r->lock);
    int room = r->capacity - r->count;
    pthread_mutex_unlock(&r->lock);
    return room;
}

uint64_t results_untaken(struct results *r)
{
    pthread_mutex_lock(&r->lock);
    uint64_t untaken = r->untaken;
    pthread_mutex_unlock(&r->lock);
    return untaken;
}

void results_end(struct results *r, fov_status status, const char *message)
{
    pthread_mutex_lock(&r->lock);
    r->ended = true;
    r->end.status = status;
    text_copy(r->end.message, sizeof r->end.message, message);
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->lock);
}

/* ---- out ------------------------------------------------------------------------------------- */

void results_enter(struct results *r)
{
    pthread_mutex_lock(&r->lock);
    r->inside++;
    pthread_mutex_unlock(&r->lock);
}

void results_leave(struct results *r)
{
    pthread_mutex_lock(&r->lock);
    r->inside--;
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->lock);
}

int results_inside(struct results *r)
{
    pthread_mutex_lock(&r->lock);
    int inside = r->inside;
    pthread_mutex_unlock(&r->lock);
    return inside;
}

/* Lock held, released meanwhile. */
static void wait_for_one(struct results *r, int timeout_ms)
{
    int64_t end = clock_after_ms(timeout_ms);
    bool over = timeout_ms == 0;
    while (r->count == 0 && !r->ended && !r->closed && !over)
        over = clock_cond_wait(&r->changed, &r->lock, end) != 0;
}

fov_status results_take(struct results *r, int timeout_ms, fov_result **result, fov_error *error)
{
    fov_status status = FOV_OK;
    pthread_mutex_lock(&r->lock);
    wait_for_one(r, timeout_ms);
    if (r->closed)
        status = fov_fail(error, FOV_ECLOSED, "the stream was closed");
    else if (r->count > 0) {
        *result = &pop(r)->result;
        r->refs++;
    } else if (!r->ended)
        status = FOV_EAGAIN;
    else if (r->end.status == FOV_OK)
        status = FOV_EOS;
    else
        status = fov_fail(error, r->end.status, "%s", r->end.message);
    pthread_mutex_unlock(&r->lock);
    return status;
}

void fov_result_release(fov_result **result)
{
    struct kept *k = (struct kept *)*result;
    *result = NULL;
    if (!k)
        return;
    struct results *r = k->store;
    pthread_mutex_lock(&r->lock);
    struct held held = kept_give_back(k);
    unref(r);
    let_go(&held);
}

void results_close(struct results **closing)
{
    struct results *r = *closing;
    *closing = NULL;
    if (!r)
        return;
    pthread_mutex_lock(&r->lock);
    r->closed = true;
    pthread_cond_broadcast(&r->changed);
    while (r->inside > 0)
        pthread_cond_wait(&r->changed, &r->lock);
    while (r->count > 0) {
        struct held held = kept_give_back(pop(r));
        pthread_mutex_unlock(&r->lock);
        let_go(&held);
        pthread_mutex_lock(&r->lock);
    }
    unref(r);
}
