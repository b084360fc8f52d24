#include "sink.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"

void sink_init(struct sink *sink)
{
    memset(sink, 0, sizeof *sink);
    pthread_mutex_init(&sink->lock, NULL);
    clock_cond_init(&sink->more);
    sink->entries = calloc(SINK_MAX, sizeof *sink->entries);
    sink->last_result = -1;
}

void sink_release(struct sink *sink)
{
    free(sink->entries);
    pthread_cond_destroy(&sink->more);
    pthread_mutex_destroy(&sink->lock);
}

static void broken(struct sink *sink, const char *what)
{
    sink->broken++;
    sink->what = what;
}

static void check(struct sink *sink, const fov_result *r)
{
    const fov_timings *t = &r->timings;
    int64_t sum = t->queue + t->decode + t->preprocess + t->inference + t->postprocess + t->track +
                  t->publish;
    if (sum != t->total || t->publish < 0 || t->queue < 0)
        broken(sink, "times do not add up");
    if (!r->detections || !r->message || !r->frame)
        broken(sink, "a field is missing");
    if (atomic_load(&sink->closed))
        broken(sink, "a callback after close");
}

static int luma_in(const fov_image *image, const fov_detection *box)
{
    int x = (int)((box->x1 + box->x2) / 2), y = (int)((box->y1 + box->y2) / 2);
    if (x >= image->width || y >= image->height)
        return -2;
    return image->plane[0][y * image->stride[0] + x];
}

static void note(struct sink *sink, const fov_result *r)
{
    struct sink_entry *e = &sink->entries[r->frame->seq % SINK_MAX];
    if (++e->answers != 1)
        broken(sink, "a frame was answered twice");
    e->outcome = (uint8_t)r->outcome;
    e->reason = (uint8_t)r->reason;
    e->status = (uint8_t)r->status;
    e->in_time = r->in_time;
    e->total_ns = r->timings.total;
    e->inference_ns = r->timings.inference;
    e->at_ns = clock_now_ns();
    e->detections = r->detections->count;
    e->picture_luma = -1;
    if (e->detections > 0)
        e->first = r->detections->items[0];
    if (r->model)
        snprintf(e->model_id, sizeof e->model_id, "%s", fov_model_get_info(r->model)->id);
    if (r->picture && e->detections > 0) {
        e->picture_luma = luma_in(&r->picture->image, &e->first);
        e->picture_seq = r->picture->seq;
    }
}

static void count(struct sink *sink, const fov_result *r)
{
    sink->answers++;
    if (r->outcome == FOV_DROPPED) {
        sink->dropped[r->reason]++;
        return;
    }
    if ((int64_t)r->frame->seq <= sink->last_result)
        broken(sink, "results out of order");
    sink->last_result = (int64_t)r->frame->seq;
    if (r->outcome == FOV_DELIVERED)
        sink->delivered++;
    else
        sink->failed++;
}

void sink_result(void *user, const fov_result *r)
{
    struct sink *sink = user;
    bool result = r->outcome != FOV_DROPPED;
    bool alone = !result || atomic_fetch_add(&sink->inside, 1) == 0;
    pthread_mutex_lock(&sink->lock);
    if (!alone)
        broken(sink, "two results at a time");
    check(sink, r);
    note(sink, r);
    count(sink, r);
    pthread_cond_broadcast(&sink->more);
    pthread_mutex_unlock(&sink->lock);
    if (result)
        atomic_fetch_sub(&sink->inside, 1);
}

bool sink_wait(struct sink *sink, uint64_t answers, int ms)
{
    int64_t end = clock_now_ns() + ms * NS_PER_MS;
    struct timespec until = ns_to_timespec(end);
    int rc = 0;
    pthread_mutex_lock(&sink->lock);
    while (sink->answers < answers && rc == 0)
        rc = pthread_cond_timedwait(&sink->more, &sink->lock, &until);
    bool enough = sink->answers >= answers;
    pthread_mutex_unlock(&sink->lock);
    return enough;
}
