/* Worker threads. A frame stays on one worker from decode to detections; the next one is taken
 * while the last one's results are still being answered by somebody else. */
#include "flow/flow.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "infer/runner.h"

static void run_begin(struct worker *w, struct job *job, fov_runner *runner)
{
    struct run *run = &w->run;
    memset(run, 0, sizeof *run);
    run->frame = fov_frame_ref(job->frame);
    run->form = job->form;
    run->form->refs++;
    run->runner = runner;
    run->params = job->params;
    run->watched = job->watched;
    run->width = job->frame->width;
    run->height = job->frame->height;
    /* a frame that is run although it is late (POST, nothing else for a while) has no limit */
    int64_t deadline = job->frame->deadline_ns;
    run->limit_ns = deadline > job->taken_ns && !job->stream->view.always_run ? deadline : 0;
    size_t room = job->detections.capacity;
    run->detections = (fov_detections){.items = w->items,
                                       .capacity = room < DETECTIONS_MAX ? room : DETECTIONS_MAX,
                                       .details = w->details};
    w->job = job;
    w->since_ns = job->taken_ns;
}

static void hand_over(struct run *run, struct job *job)
{
    job->detections.count = run->detections.count;
    if (run->detections.count > 0)
        memcpy(job->detections.items, run->detections.items,
               run->detections.count * sizeof *run->detections.items);
    /* the job's old ones serve the worker's next run: nothing is copied */
    fov_details *details = job->detections.details;
    job->detections.details = run->detections.details;
    run->detections.details = details;
    job->timings = run->timings;
    job->width = run->width;
    job->height = run->height;
    job->picture = run->picture;
    run->picture = NULL;
    job->error = run->error;
    job->limited = run->limit_ns && run->error.status == FOV_ETIMEOUT;
}

/* The runner is free again: another worker may go on while this one answers. */
static void call_another(fov_workers *pool)
{
    for (int i = 0; i < pool->stream_count; i++)
        if (pool->streams[i]->box.count > 0) {
            pthread_cond_signal(&pool->work);
            return;
        }
}

/* Lock held, released meanwhile. */
static void run_end(struct worker *w)
{
    fov_workers *pool = w->pool;
    struct run *run = &w->run;
    struct job *job = w->job;
    w->job = NULL;
    if (job) {
        hand_over(run, job);
        w->details = run->detections.details;
        if (w->cancelled)
            watchdog_blame(job, pool->clock());
        w->cancelled = false;
        if (!job->limited) /* too slow for its frame: nothing is broken */
            form_judge(pool, run->form, &job->error, runner_gave_nonsense(run->runner),
                       pool->clock());
        form_give(run->form, run->runner);
        run->runner = NULL;
        call_another(pool);
        job_done(job, pool->clock());
    }
    pthread_mutex_unlock(&pool->lock);
    fov_runner_close(&run->runner); /* of a lost run: nobody else knows it any more */
    fov_frame_unref(&run->frame);
    fov_frame_unref(&run->picture);
    pthread_mutex_lock(&pool->lock);
    form_unref(pool, run->form);
    run->form = NULL;
}

/* Lock held, released meanwhile. */
static void work_or_wait(struct worker *w)
{
    fov_workers *pool = w->pool;
    struct drops drops;
    drops.count = 0;
    fov_runner *runner;
    struct job *job = job_take(pool, pool->clock(), &drops, &runner);
    if (!job && drops.count == 0) {
        pthread_cond_wait(&pool->work, &pool->lock);
        return;
    }
    if (job)
        run_begin(w, job, runner);
    pthread_mutex_unlock(&pool->lock);
    drops_answer(&drops);
    if (job)
        picture_detect(w);
    pthread_mutex_lock(&pool->lock);
    if (job)
        run_end(w);
}

static void forget(fov_workers *pool, struct worker *w)
{
    for (struct worker **link = &pool->workers; *link; link = &(*link)->next)
        if (*link == w) {
            *link = w->next;
            return;
        }
}

static void *worker_run(void *argument)
{
    struct worker *w = argument;
    fov_workers *pool = w->pool;
    pthread_setname_np(pthread_self(), "fovea-worker");
    setpriority(PRIO_PROCESS, 0, NICE_RUN);
    pthread_mutex_lock(&pool->lock);
    while (!pool->stopping && !w->lost)
        work_or_wait(w);
    bool lost = w->lost;
    forget(pool, w);
    pthread_mutex_unlock(&pool->lock);
    fov_decoder_destroy(&w->decoder);
    fov_details_destroy(&w->details);
    free(w->scratch);
    free(w);
    pthread_mutex_lock(&pool->lock);
    pool_thread_ends(pool, lost);
    return NULL;
}

bool worker_start(fov_workers *pool)
{
    struct worker *w = calloc(1, sizeof *w);
    if (!w)
        return false;
    w->pool = pool;
    if (!pool_thread(pool, worker_run, w)) {
        free(w);
        return false;
    }
    w->next = pool->workers;
    pool->workers = w;
    return true;
}
