/* Readers: what a source gives, in order, into a ring that is read ahead by a thread (files) or
 * filled by whoever takes (live sources, which have a thread and a newest picture of their own, and
 * recordings, whose answers belong to the frame that was read last). */
#include <fovea/reader.h>

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "flow/beat.h"
#include "flow/mailbox.h"
#include "media/source.h"

#define BUFFER 30
#define BYTES ((size_t)96 << 20)
#define KEPT ((size_t)16 << 20) /* memory of free frames, at least */
#define HOLD 16
#define HOLD_MAX 512
#define BEHIND_NS (500 * NS_PER_MS) /* later than this: the beat starts anew */
#define PAUSE_NS (5 * NS_PER_MS)    /* before asking an exhausted frame pool again */

enum { NAME_SIZE = 1024 };

/* A frame, or a picture that could not be read. */
struct entry {
    fov_frame *frame;
    fov_error error; /* status FOV_OK: none */
    char name[NAME_SIZE];
    int64_t due_ns; /* paced, once somebody wanted it; 0: not yet */
};

struct fov_reader {
    fov_source *source;
    fov_frame_pool *pool;
    fov_reader_params params;
    bool live, ahead; /* ahead: a thread reads, and was started */
    pthread_t thread;
    struct thin thin; /* of whoever reads */
    struct beat beat; /* the taker's */
    char name[NAME_SIZE];

    pthread_mutex_t lock; /* all below */
    pthread_cond_t changed;
    struct entry *ring; /* params.buffer of them */
    int first, count;
    size_t bytes, weight; /* of those that wait; of the last one that came */
    uint64_t taken, skipped;
    bool stopped, ended;
    fov_error end; /* why nothing follows */
    int inside;    /* calls that take */
};

/* ---- reading --------------------------------------------------------------------------------- */

static bool has_room(const struct fov_reader *r)
{
    return r->count == 0 ||
           (r->count < r->params.buffer && r->bytes + r->weight <= r->params.max_bytes);
}

/* Where the next entry goes: who takes moves `first` and `count`, never their sum. */
static struct entry *free_entry(struct fov_reader *r)
{
    return &r->ring[(r->first + r->count) % r->params.buffer];
}

static bool is_kept(struct fov_reader *r, const fov_frame *frame)
{
    return thin_keeps(&r->thin, r->live ? ns_to_ms(frame->capture_ns) : frame->pts_ms);
}

/* Lock held. The entry is filled. */
static void push(struct fov_reader *r, const struct entry *entry)
{
    if (entry->frame) {
        r->weight = mailbox_weight(entry->frame);
        r->bytes += r->weight;
    }
    r->count++;
    pthread_cond_broadcast(&r->changed);
}

/* Lock held. */
static void set_end(struct fov_reader *r, fov_status status, const fov_error *error)
{
    r->ended = true;
    r->end = *error;
    r->end.status = status;
    pthread_cond_broadcast(&r->changed);
}

/* Reads one picture into the ring's free entry. False: the frames are all out, or none came before
 * `until`. No lock held. */
static bool read_one(struct fov_reader *r, struct entry *entry, int64_t until)
{
    const char *name = NULL;
    entry->error = (fov_error){0};
    entry->due_ns = 0;
    fov_status status = source_read_until(r->source, r->pool, until, &entry->frame, &name,
                                          &entry->error);
    if (status == FOV_EAGAIN)
        return false;
    bool broken = status == FOV_EFORMAT, skipped = false;
    if (status == FOV_OK && !is_kept(r, entry->frame)) {
        fov_frame_unref(&entry->frame);
        skipped = true;
    }
    text_copy(entry->name, sizeof entry->name, name ? name : "");
    pthread_mutex_lock(&r->lock);
    r->skipped += skipped;
    if (broken ? r->params.tell_broken : status == FOV_OK && !skipped) {
        entry->error.status = status;
        push(r, entry);
    } else if (status && !broken) {
        set_end(r, status, &entry->error);
    }
    pthread_mutex_unlock(&r->lock);
    return true;
}

/* Lock held, released meanwhile. False: nothing more is to be read. */
static bool wait_for_room(struct fov_reader *r)
{
    while (!r->stopped && !r->ended && !has_room(r))
        pthread_cond_wait(&r->changed, &r->lock);
    return !r->stopped && !r->ended;
}

static void *read_ahead(void *argument)
{
    struct fov_reader *r = argument;
    pthread_setname_np(pthread_self(), "fovea-ahead");
    pthread_mutex_lock(&r->lock);
    while (wait_for_room(r)) {
        struct entry *entry = free_entry(r);
        pthread_mutex_unlock(&r->lock);
        bool read = read_one(r, entry, INT64_MAX);
        pthread_mutex_lock(&r->lock);
        if (!read && !r->stopped) /* nobody tells when a frame comes back */
            clock_cond_wait(&r->changed, &r->lock, clock_now_ns() + PAUSE_NS);
    }
    pthread_mutex_unlock(&r->lock);
    return NULL;
}

/* ---- taking ---------------------------------------------------------------------------------- */

/* A URL may turn out to be a file. */
static bool is_paced(const struct fov_reader *r)
{
    fov_source_state state;
    if (!r->params.paced || !r->live)
        return r->params.paced;
    fov_source_get_state(r->source, &state);
    return state.finite;
}

static int64_t due_of(struct fov_reader *r, struct entry *entry)
{
    double fps = fov_source_get_info(r->source)->fps;
    if (entry->due_ns == 0 && entry->frame && is_paced(r))
        entry->due_ns = beat_due_ns(&r->beat, entry->frame->pts_ms, fps > 0 ? 1e3 / fps : 0,
                                    clock_now_ns());
    return entry->due_ns;
}

/* Something for the ring; lock held, released meanwhile. */
static void wait_for_one(struct fov_reader *r, int64_t until)
{
    if (r->ahead) {
        clock_cond_wait(&r->changed, &r->lock, until);
        return;
    }
    struct entry *entry = free_entry(r);
    pthread_mutex_unlock(&r->lock);
    bool read = read_one(r, entry, until);
    pthread_mutex_lock(&r->lock);
    int64_t pause = clock_now_ns() + PAUSE_NS;
    if (!read && !r->stopped)
        clock_cond_wait(&r->changed, &r->lock, pause < until ? pause : until);
}

/* The oldest entry, once there is one and it is due. Lock held, released meanwhile. */
static fov_status wait_for_head(struct fov_reader *r, int64_t until, struct entry **head)
{
    for (;;) {
        bool over = until != INT64_MAX && clock_now_ns() >= until;
        if (r->stopped)
            return FOV_ECLOSED;
        if (r->count > 0) {
            struct entry *entry = &r->ring[r->first];
            int64_t due = due_of(r, entry);
            if (due <= clock_now_ns()) {
                *head = entry;
                return FOV_OK;
            }
            if (over)
                return FOV_EAGAIN;
            clock_cond_wait(&r->changed, &r->lock, due < until ? due : until);
        } else if (r->ended) {
            return r->end.status;
        } else if (over && r->ahead) {
            return FOV_EAGAIN;
        } else {
            wait_for_one(r, until);
            if (over && r->count == 0 && !r->ended) /* it was looked once */
                return r->stopped ? FOV_ECLOSED : FOV_EAGAIN;
        }
    }
}

/* Lock held. Returns the entry's own status. */
static fov_status pop(struct fov_reader *r, struct entry *entry, fov_frame **frame,
                      fov_error *error)
{
    *frame = entry->frame;
    if (entry->frame) {
        r->bytes -= mailbox_weight(entry->frame);
        r->taken++;
    } else if (error) {
        *error = entry->error;
    }
    entry->frame = NULL;
    text_copy(r->name, sizeof r->name, entry->name);
    r->first = (r->first + 1) % r->params.buffer;
    r->count--;
    pthread_cond_broadcast(&r->changed);
    return entry->error.status;
}

/* Lock held. */
static fov_status refuse(const struct fov_reader *r, fov_status status, fov_error *error)
{
    if (status == FOV_ECLOSED && r->stopped)
        return fov_fail(error, status, "the reader was closed");
    if (status == FOV_EAGAIN || status == FOV_EOS)
        return status;
    return fov_fail(error, status, "%s", r->end.message);
}

static void enter(struct fov_reader *r)
{
    pthread_mutex_lock(&r->lock);
    r->inside++;
}

static void leave(struct fov_reader *r)
{
    r->inside--;
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->lock);
}

fov_status fov_reader_get(fov_reader *r, int timeout_ms, fov_frame **frame, const char **name,
                          fov_error *error)
{
    struct entry *head;
    *frame = NULL;
    enter(r);
    fov_status status = wait_for_head(r, clock_after_ms(timeout_ms), &head);
    if (status == FOV_OK)
        status = pop(r, head, frame, error);
    else
        status = refuse(r, status, error);
    if (name)
        *name = r->name;
    leave(r);
    return status;
}

fov_status fov_reader_get_batch(fov_reader *r, int timeout_ms, fov_frame **frames, int count,
                                int *got, fov_error *error)
{
    int64_t until = clock_after_ms(timeout_ms);
    fov_status status = FOV_OK;
    *got = 0;
    if (count < 1 || count > r->params.hold)
        return fov_fail(error, FOV_EINVAL, "a batch has 1 to %d frames (hold), not %d",
                        r->params.hold, count);
    enter(r);
    while (*got < count && status == FOV_OK) {
        struct entry *head;
        status = wait_for_head(r, until, &head);
        if (status == FOV_OK && *got > 0 && !head->frame)
            break; /* told by the next call */
        if (status == FOV_OK)
            status = pop(r, head, &frames[*got], error);
        else if (*got == 0)
            status = refuse(r, status, error);
        *got += status == FOV_OK;
    }
    leave(r);
    return *got > 0 ? FOV_OK : status;
}

/* ---- what it is ------------------------------------------------------------------------------ */

void fov_reader_get_state(fov_reader *r, fov_reader_state *state)
{
    *state = (fov_reader_state){.capacity = r->ahead ? r->params.buffer : 1};
    fov_source_get_state(r->source, &state->source);
    pthread_mutex_lock(&r->lock);
    state->waiting = r->count;
    state->bytes = r->bytes;
    state->taken = r->taken;
    state->skipped = r->skipped;
    pthread_mutex_unlock(&r->lock);
}

const fov_source_info *fov_reader_get_info(const fov_reader *r)
{
    return fov_source_get_info(r->source);
}

/* ---- life ------------------------------------------------------------------------------------ */

static fov_status check(fov_reader_params *p, fov_error *error)
{
    p->buffer = p->buffer ? p->buffer : BUFFER;
    p->hold = p->hold ? p->hold : HOLD;
    p->max_bytes = p->max_bytes ? p->max_bytes : BYTES;
    if (p->buffer < 1 || p->buffer > FOV_READER_BUFFER_MAX)
        return fov_fail(error, FOV_EINVAL, "reader: buffer %d is not in 1..%d", p->buffer,
                        FOV_READER_BUFFER_MAX);
    if (p->hold < 1 || p->hold > HOLD_MAX)
        return fov_fail(error, FOV_EINVAL, "reader: hold %d is not in 1..%d", p->hold, HOLD_MAX);
    if (!(p->target_fps >= 0 && p->target_fps <= 1000))
        return fov_fail(error, FOV_EINVAL, "reader: target_fps is not in 0..1000");
    return FOV_OK;
}

/* Of one that reads as it is asked nothing waits. */
static bool reads_ahead(const fov_source *source)
{
    const fov_source_info *info = fov_source_get_info(source);
    return !info->live && strcmp(info->kind, "recording") != 0;
}

static fov_status make(struct fov_reader *r, fov_error *error)
{
    bool ahead = reads_ahead(r->source);
    r->live = fov_source_get_info(r->source)->live;
    if (!ahead)
        r->params.buffer = 1;
    fov_frame_pool_params frames = {.slots = r->params.buffer + r->params.hold + 1,
                                    .max_bytes = r->params.max_bytes,
                                    .keep_bytes = r->params.max_bytes};
    if (!ahead || frames.keep_bytes < KEPT)
        frames.keep_bytes = KEPT;
    r->ring = calloc((size_t)r->params.buffer, sizeof *r->ring);
    if (!r->ring)
        return fov_fail(error, FOV_ENOMEM, "no memory for a reader");
    thin_set(&r->thin, r->params.target_fps);
    r->beat.behind_ns = BEHIND_NS;
    fov_status status = fov_frame_pool_create(&r->pool, &frames, error);
    if (status || !ahead)
        return status;
    r->ahead = pthread_create(&r->thread, NULL, read_ahead, r) == 0;
    return r->ahead ? FOV_OK : fov_fail(error, FOV_ENOMEM, "no thread for a reader");
}

fov_status fov_reader_open(fov_reader **reader, const fov_reader_params *params, fov_error *error)
{
    fov_source *source = params->source ? *params->source : NULL;
    struct fov_reader *r = calloc(1, sizeof *r);
    fov_status status = FOV_OK;
    *reader = NULL;
    if (params->source)
        *params->source = NULL;
    if (!r) {
        fov_source_close(&source);
        return fov_fail(error, FOV_ENOMEM, "no memory for a reader");
    }
    pthread_mutex_init(&r->lock, NULL);
    clock_cond_init(&r->changed);
    r->params = *params;
    r->source = source;
    status = check(&r->params, error);
    if (status == FOV_OK && !r->source)
        status = fov_source_open(&r->source, &params->open, error);
    if (status == FOV_OK)
        status = make(r, error);
    if (status)
        fov_reader_close(&r);
    *reader = r;
    return status;
}

void fov_reader_stop(fov_reader *r)
{
    pthread_mutex_lock(&r->lock);
    r->stopped = true;
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->lock);
    fov_source_interrupt(r->source);
}

void fov_reader_close(fov_reader **reader)
{
    struct fov_reader *r = *reader;
    *reader = NULL;
    if (!r)
        return;
    if (r->source)
        fov_reader_stop(r);
    pthread_mutex_lock(&r->lock);
    while (r->inside > 0)
        pthread_cond_wait(&r->changed, &r->lock);
    pthread_mutex_unlock(&r->lock);
    if (r->ahead)
        pthread_join(r->thread, NULL);
    for (int i = 0; r->ring && i < r->params.buffer; i++)
        fov_frame_unref(&r->ring[i].frame);
    fov_source_close(&r->source);
    if (r->pool)
        fov_frame_pool_destroy(&r->pool);
    pthread_cond_destroy(&r->changed);
    pthread_mutex_destroy(&r->lock);
    free(r->ring);
    free(r);
}
