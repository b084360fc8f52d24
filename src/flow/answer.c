/* Answers: exactly one callback for every accepted frame, its times adding up, its counters kept.
 */
#include "flow/flow.h"
#include "flow/crops.h"
#include "flow/look.h"

static void count(struct stats *stats, int64_t now, const fov_result *result)
{
    if (result->outcome == FOV_DELIVERED && result->crops.wanted > 0)
        stats_crops(stats, result->crops.wanted, result->crops.taken);
    if (result->outcome == FOV_DELIVERED)
        stats_delivered(stats, now, &result->timings, result->in_time);
    else if (result->outcome == FOV_FAILED)
        stats_failed(stats);
    else
        stats_dropped(stats, result->reason);
}

/* The rest of the total that no stage accounts for is `publish`: waiting for earlier frames, for
 * the delay line, for this thread. A stage can only be too long when a clock was misread. */
static void add_up(fov_timings *t, int64_t total)
{
    int64_t *const stages[] = {&t->queue,     &t->decode,      &t->preprocess,
                               &t->inference, &t->postprocess, &t->track};
    t->total = total > 0 ? total : 0;
    int64_t rest = t->total;
    for (size_t i = 0; i < sizeof stages / sizeof *stages; i++) {
        if (*stages[i] > rest)
            *stages[i] = rest;
        rest -= *stages[i];
    }
    t->publish = rest;
}

static void answer(fov_stream *s, fov_result *result)
{
    static const fov_detections none;
    int64_t now = s->pool->clock();
    const fov_frame *frame = result->frame;
    add_up(&result->timings, now - frame->capture_ns);
    result->in_time = frame->deadline_ns == 0 || now <= frame->deadline_ns;
    if (!result->detections)
        result->detections = &none;
    if (!result->message)
        result->message = "";
    count(&s->stats, now, result);
    count(&s->pool->stats, now, result);
    if (s->results)
        results_add(s->results, result);
    else
        s->on_result(s->user, result);
}

void job_answer(struct job *job)
{
    fov_result result = {.frame = job->frame,
                         .outcome = FOV_DELIVERED,
                         .detections = &job->detections,
                         .timings = job->timings,
                         .width = job->width,
                         .height = job->height,
                         .picture = job->watched ? job->picture : NULL,
                         .reduced = job->reduced,
                         .model = job->form ? job->form->model : NULL,
                         .params = job->form ? &job->params : NULL};
    fov_status status = job->error.status;
    fov_tracks tracks = {0};
    if (status == FOV_OK && job->stream->cropper)
        result.crops = job->crops->told;
    if (status == FOV_OK && job->stream->namer) {
        stream_name(job, &tracks);
        result.tracks = &tracks;
        result.timings.track = job->timings.track;
    }
    if (status == FOV_OK && job->stream->look) {
        look_follow(job, &result);
        result.timings.track = job->timings.track;
    }
    result.timings.queue -= job->frame->decode_ns; /* it was decoded while it "waited" */
    result.timings.decode += job->frame->decode_ns;
    if (status != FOV_OK) {
        result.outcome = job->dropped ? FOV_DROPPED : FOV_FAILED;
        result.reason = job->reason;
        result.status = status;
        result.message = job->error.message;
        result.detections = NULL;
        result.picture = NULL;
        result.reduced = false;
    }
    answer(job->stream, &result);
    if (result.outcome == FOV_DELIVERED)
        stream_follow(job->stream, &result.timings);
}

void drops_add_frame(struct drops *drops, fov_stream *stream, fov_frame *frame, fov_drop reason)
{
    stream->callbacks++;
    drops->list[drops->count++] = (struct drop){stream, frame, reason};
}

/* From the newest to the oldest, so that positions stay true; reversed, so that they are answered
 * oldest first. */
void drops_add(struct drops *drops, fov_stream *stream, sched_set set, fov_drop reason)
{
    int first = drops->count;
    for (int i = stream->box.count - 1; i >= 0 && drops->count < DROPS_MAX; i--)
        if (set >> i & 1)
            drops_add_frame(drops, stream, mailbox_take(&stream->box, i), reason);
    for (int last = drops->count - 1; first < last; first++, last--) {
        struct drop d = drops->list[first];
        drops->list[first] = drops->list[last];
        drops->list[last] = d;
    }
}

/* Leaves room for what one stream may supersede; the rest goes at the next call. */
void drops_add_late(struct drops *drops, fov_workers *pool, int64_t now)
{
    for (int i = 0; i < pool->stream_count; i++) {
        if (drops->count + 2 * MAILBOX_MAX > DROPS_MAX)
            return;
        fov_stream *s = pool->streams[i];
        sched_set late = s->box.count ? sched_late(now, &s->view) : 0;
        if (late)
            drops_add(drops, s, late, FOV_DROP_DEADLINE);
    }
}

void drops_answer(struct drops *drops)
{
    if (drops->count == 0)
        return;
    fov_workers *pool = drops->list[0].stream->pool;
    for (int i = 0; i < drops->count; i++) {
        struct drop *d = &drops->list[i];
        fov_result result = {.frame = d->frame,
                             .outcome = FOV_DROPPED,
                             .reason = d->reason,
                             .width = d->frame->width,
                             .height = d->frame->height,
                             .timings.queue = INT64_MAX};
        answer(d->stream, &result);
        fov_frame_unref(&d->frame);
    }
    pthread_mutex_lock(&pool->lock);
    for (int i = 0; i < drops->count; i++) {
        drops->list[i].stream->callbacks--;
        stream_check_finished(drops->list[i].stream);
    }
    pthread_cond_broadcast(&pool->idle);
    pthread_mutex_unlock(&pool->lock);
    drops->count = 0;
}
