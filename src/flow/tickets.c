/* Tickets: a stream's jobs stand in a list in the order they were taken, which is frame order. A
 * job that ends early waits there for those before it, and for its own time (delay line), without
 * holding a worker. Whoever finds the head ready answers it and everything ready behind it. */
#include "flow/flow.h"

#include <stdlib.h>

#include "base/text.h"
#include "flow/crops.h"
#include "flow/look.h"

/* ---- jobs and their memory ----------------------------------------------------------------- */

static bool job_has_room(struct job *job, int max_detections)
{
    size_t capacity = max_detections > 0 ? (size_t)max_detections : 300;
    if (job->detections.capacity >= capacity)
        return true;
    fov_detection *items = realloc(job->detections.items, capacity * sizeof *items);
    if (!items)
        return false;
    job->detections.items = items;
    job->detections.capacity = capacity;
    return true;
}

static void job_free(fov_workers *pool, struct job *job)
{
    fov_detections memory = job->detections;
    struct gray gray = job->gray;
    struct looked *looked = job->looked;
    struct crops *crops = job->crops;
    *job = (struct job){.next = pool->free_jobs,
                        .detections = memory,
                        .gray = gray,
                        .looked = looked,
                        .crops = crops};
    job->detections.count = 0;
    pool->free_jobs = job;
}

static struct job *job_new(fov_workers *pool, int max_detections)
{
    struct job *job = pool->free_jobs;
    if (job)
        pool->free_jobs = job->next;
    else
        job = calloc(1, sizeof *job);
    if (!job)
        return NULL;
    job->next = NULL;
    if (job_has_room(job, max_detections))
        return job;
    job_free(pool, job);
    return NULL;
}

/* ---- the stream's list --------------------------------------------------------------------- */

static void append(fov_stream *s, struct job *job)
{
    job->stream = s;
    if (s->last)
        s->last->next = job;
    else
        s->first = job;
    s->last = job;
    s->jobs++;
}

static void unlink_job(fov_stream *s, struct job *job)
{
    struct job **link = &s->first, *before = NULL;
    while (*link != job) {
        before = *link;
        link = &before->next;
    }
    *link = job->next;
    if (s->last == job)
        s->last = before;
}

/* Calls back for a job that is in the list no more, and gives back what it held. */
static void settle(struct job *job)
{
    fov_stream *s = job->stream;
    fov_workers *pool = s->pool;
    struct form *form = job->form;
    pthread_mutex_unlock(&pool->lock);
    job_answer(job);
    fov_frame_unref(&job->frame);
    fov_frame_unref(&job->picture);
    pthread_mutex_lock(&pool->lock);
    if (!job->dropped)
        s->view.silent_since_ns = pool->clock();
    job_free(pool, job);
    if (form)
        form_unref(pool, form);
    s->jobs--;
    pthread_cond_broadcast(&pool->idle);
}

void stream_publish(fov_stream *s)
{
    fov_workers *pool = s->pool;
    if (s->publishing)
        return;
    s->publishing = true;
    while (s->first && s->first->done && s->first->release_ns <= pool->clock()) {
        struct job *job = s->first;
        unlink_job(s, job);
        settle(job);
    }
    s->publishing = false;
    stream_check_finished(s);
    if (stream_due_ns(s) != INT64_MAX)
        timer_wake(pool);
    if (s->box.count > 0)
        pthread_cond_signal(&pool->work);
    pthread_cond_broadcast(&pool->idle);
}

int64_t stream_due_ns(const fov_stream *s)
{
    return s->first && s->first->done && !s->publishing ? s->first->release_ns : INT64_MAX;
}

void stream_hurry(fov_stream *s)
{
    for (struct job *job = s->first; job; job = job->next)
        job->release_ns = 0;
}

void stream_fail_waiting(fov_stream *s, fov_status status, const char *message)
{
    struct job *job;
    while (s->box.count > 0 && (job = job_new(s->pool, s->detect.max_detections))) {
        job->frame = mailbox_take(&s->box, 0);
        job->width = job->frame->width;
        job->height = job->frame->height;
        job->taken_ns = s->pool->clock();
        job->timings.queue = job->taken_ns - job->frame->capture_ns;
        job->error.status = status;
        text_copy(job->error.message, sizeof job->error.message, message);
        job->done = true;
        append(s, job);
    }
    stream_publish(s);
}

/* ---- taking and ending --------------------------------------------------------------------- */

static bool holds_stranger(const struct worker *w)
{
    for (int i = 0; i < w->job_count; i++)
        if (!w->jobs[i]->stream->view.guaranteed)
            return true;
    return false;
}

/* Workers that run frames of streams without a promise; a run of several frames takes one. */
static int count_strangers(const fov_workers *pool)
{
    int count = 0;
    for (const struct worker *w = pool->workers; w; w = w->next)
        count += holds_stranger(w);
    return count;
}

/* Which streams may give a frame: those whose form has a free runner; with `joined`, those whose
 * form is that one, whose runner is taken already. */
static void refresh_views(fov_workers *pool, const struct form *joined)
{
    int strangers = pool->promised ? count_strangers(pool) : 0;
    for (int i = 0; i < pool->stream_count; i++) {
        fov_stream *s = pool->streams[i];
        struct form *form = s->box.count > 0 ? stream_form(s) : NULL;
        bool runs = form && !form->dead && (joined ? form == joined : form->idle_count > 0);
        bool may = joined || (!promise_holds_back(pool, s, strangers) && stream_may_run(s));
        s->view.can_run = runs && may && s->jobs < PARKED_MAX;
    }
}

/* Its virtual time goes on by the work it will take, as far as that is known. */
static void charge(fov_stream *s)
{
    fov_workers *pool = s->pool;
    if (!s->view.guaranteed && s->view.share_ns > pool->share_ns)
        pool->share_ns = s->view.share_ns;
    s->view.share_ns += (double)recent_expected_ns(&s->works) / s->weight;
}

/* Room for what is found beside boxes. */
static bool job_has_looked(struct job *job, const fov_stream *s)
{
    if (s->look && !job->looked)
        job->looked = calloc(1, sizeof *job->looked);
    return (!s->look || job->looked) && (!s->cropper || crops_reserve(&job->crops, s->cropper));
}

/* The job of the frame whose turn it is among the streams that can run. */
static struct job *take(fov_workers *pool, int64_t now, struct drops *drops)
{
    struct sched_choice choice = sched_next(pool->views, pool->stream_count);
    if (choice.stream < 0 || drops->count + MAILBOX_MAX > DROPS_MAX)
        return NULL;
    fov_stream *s = pool->streams[choice.stream];
    struct job *job = job_new(pool, s->detect.max_detections);
    if (!job)
        return NULL;
    if (!job_has_looked(job, s)) {
        job_free(pool, job);
        return NULL;
    }
    job->frame = mailbox_take(&s->box, choice.frame);
    if (choice.superseded)
        drops_add(drops, s, choice.superseded, FOV_DROP_SUPERSEDED);
    job->form = stream_form(s);
    job->form->refs++;
    job->params = s->detect;
    job->watched = s->watchers > 0;
    job->taken_ns = now;
    job->expected_ns = recent_expected_ns(&s->works);
    charge(s);
    append(s, job);
    s->view.running++;
    pthread_cond_broadcast(&pool->idle);
    return job;
}

struct job *job_take(fov_workers *pool, int64_t now, struct drops *drops, fov_runner **runner)
{
    drops_add_late(drops, pool, now);
    refresh_views(pool, NULL);
    struct job *job = take(pool, now, drops);
    if (job)
        *runner = form_take(job->form);
    return job;
}

struct job *job_take_more(fov_workers *pool, int64_t now, struct drops *drops, struct form *form)
{
    refresh_views(pool, form);
    return take(pool, now, drops);
}

/* Pictures that cannot be decoded, and runs that ended at their limit, are drops and no failures.
 */
static bool is_drop(const struct job *job, fov_drop *reason)
{
    fov_status status = job->error.status;
    bool late = status == FOV_ETIMEOUT && job->limited;
    *reason = late ? FOV_DROP_DEADLINE : FOV_DROP_DECODE;
    return late || status == FOV_EFORMAT || status == FOV_EUNSUPPORTED || status == FOV_ELIMIT;
}

/* Learns what a run costs, from those that went well. The time of one that hung is nobody's share:
 * its stream would wait until each of the others had as much. */
static void learn(struct job *job, int64_t now)
{
    fov_stream *s = job->stream;
    int64_t work = now - job->taken_ns;
    if (!job->hung)
        s->view.share_ns += (double)(work - job->expected_ns) / s->weight;
    if (job->error.status != FOV_OK)
        return;
    int64_t own = work > job->aside_ns ? work - job->aside_ns : 0,
            looks = job->looks > 1 ? job->looks : 1;
    recent_add(&s->works, work - job->crops_ns); /* crops make no frame late, and so drop none */
    recent_add(&job->form->work, own / looks);
    job->form->ran_ns = now;
    recent_add(&s->decodes, job->timings.decode);
    form_add_run(job->form, (own - job->timings.decode) / looks, job->frames);
    if (job->timings.decode > 0 && job->width > 0 && job->height > 0)
        recent_add(&s->pool->pixel_ps,
                   1000 * job->timings.decode / ((int64_t)job->width * job->height));
    int64_t delay = fov_model_get_info(job->form->model)->delay_ns;
    s->view.cost_ns = recent_expected_ns(&s->works) + delay;
    job->release_ns = delay && !s->closing && !s->pool->stopping ? now + delay : 0;
}

void job_done(struct job *job, int64_t now)
{
    fov_stream *s = job->stream;
    s->view.running--;
    job->timings.queue = job->taken_ns - job->frame->capture_ns;
    learn(job, now);
    job->done = true;
    job->dropped = is_drop(job, &job->reason);
    if (job->dropped) { /* at once, whatever waits before it */
        s->callbacks++;
        unlink_job(s, job);
        settle(job);
        s->callbacks--;
    }
    stream_publish(s);
}
