/* Worker threads. A frame stays on one worker from decode to detections; the next one is taken
 * while the last one's results are still being answered by somebody else. */
#include "flow/flow.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "flow/look.h"
#include "infer/runner.h"

/* False: no memory for a frame more. */
static bool has_items(struct worker *w, int i)
{
    if (!w->items[i])
        w->items[i] = malloc(DETECTIONS_MAX * sizeof *w->items[i]);
    return w->items[i] != NULL;
}

static int64_t time_of(const fov_stream *s, const fov_frame *frame)
{
    return s->view.fifo && frame->pts_ms > 0 ? ms_to_ns(frame->pts_ms) : frame->capture_ns;
}

/* The worker has memory for the frame (has_items). */
static void run_add(struct worker *w, struct job *job)
{
    struct run *run = &w->run;
    int i = run->count++;
    /* a frame that is run although it is late (POST, nothing else for a while) has no limit */
    int64_t deadline = job->frame->deadline_ns;
    bool limited = deadline > job->taken_ns && !job->stream->view.always_run;
    size_t room = job->detections.capacity;
    run->frames[i] = (struct run_frame){
        .frame = fov_frame_ref(job->frame),
        .look = job->stream->look ? look_ref(job->stream->look) : NULL,
        .time_ns = time_of(job->stream, job->frame),
        .params = job->params,
        .watched = job->watched,
        .moves = stream_moves(job->stream),
        .limit_ns = limited ? deadline : 0,
        .width = job->frame->width,
        .height = job->frame->height,
        .detections = {.items = w->items[i],
                       .capacity = room < DETECTIONS_MAX ? room : DETECTIONS_MAX,
                       .details = w->details[i]}};
    w->looked[i] = job->looked; /* comes back with the run, or never */
    job->looked = NULL;
    w->jobs[w->job_count++] = job;
}

static void run_begin(struct worker *w, struct job *job, fov_runner *runner)
{
    struct run *run = &w->run;
    memset(run, 0, sizeof *run);
    run->form = job->form;
    run->form->refs++;
    run->runner = runner;
    w->since_ns = job->taken_ns;
    run_add(w, job);
}

/* More frames for the same run, where the model takes several. */
static void run_fill(struct worker *w, struct drops *drops, int64_t now)
{
    struct form *form = w->run.form;
    int most = fov_model_get_info(form->model)->batch;
    most = most < BATCH_MAX ? most : BATCH_MAX;
    while (w->run.count < most && has_items(w, w->run.count)) {
        struct job *job = job_take_more(w->pool, now, drops, form);
        if (!job)
            return;
        run_add(w, job);
    }
}

static void hand_over(struct worker *w, int i, struct job *job, int64_t now)
{
    struct run_frame *f = &w->run.frames[i];
    job->detections.count = f->detections.count;
    if (f->detections.count > 0)
        memcpy(job->detections.items, f->detections.items,
               f->detections.count * sizeof *f->detections.items);
    /* the job's old ones serve the worker's next run: nothing is copied */
    w->details[i] = job->detections.details;
    job->detections.details = f->detections.details;
    struct gray gray = job->gray; /* as well */
    job->gray = w->grays[i];
    w->grays[i] = gray;
    if (!f->moves)
        job->gray.width = 0;
    job->looked = w->looked[i];
    w->looked[i] = NULL;
    if (f->look)
        job->params = f->params;
    job->timings = f->timings;
    job->width = f->width;
    job->height = f->height;
    job->picture = f->picture;
    job->reduced = f->reduced;
    job->frames = w->run.count;
    f->picture = NULL;
    job->error = f->error;
    job->limited = f->limit_ns && f->error.status == FOV_ETIMEOUT && now >= f->limit_ns;
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

/* What the run says of its form: by a frame that reached the model, a failed one if there is one. A
 * run that was too slow for its frame breaks nothing. */
static void judge(struct worker *w, struct job *const *jobs, int count, int64_t now)
{
    const fov_error *said = NULL;
    for (int i = 0; i < count; i++) {
        fov_status status = jobs[i]->error.status;
        bool failed = status == FOV_EINFER || (status == FOV_ETIMEOUT && !jobs[i]->limited);
        if (failed || (status == FOV_OK && !said))
            said = &jobs[i]->error;
    }
    if (said)
        form_judge(w->pool, w->run.form, said, runner_gave_nonsense(w->run.runner), now);
}

/* Lock held, released meanwhile: gives the run's frames to their jobs, and its runner back. */
static void answer_jobs(struct worker *w)
{
    fov_workers *pool = w->pool;
    struct job *jobs[BATCH_MAX];
    int count = w->job_count;
    int64_t now = pool->clock();
    memcpy(jobs, w->jobs, sizeof jobs);
    w->job_count = 0;
    pool->busy_ns += now - w->since_ns;
    for (int i = 0; i < count; i++) {
        hand_over(w, i, jobs[i], now);
        if (w->cancelled)
            watchdog_blame(jobs[i], now);
    }
    w->cancelled = false;
    judge(w, jobs, count, now);
    form_give(w->run.form, w->run.runner);
    w->run.runner = NULL;
    call_another(pool);
    for (int i = 0; i < count; i++)
        job_done(jobs[i], now);
}

/* Lock held, released meanwhile. */
static void run_end(struct worker *w)
{
    fov_workers *pool = w->pool;
    struct run *run = &w->run;
    if (w->job_count > 0)
        answer_jobs(w);
    pthread_mutex_unlock(&pool->lock);
    fov_runner_close(&run->runner); /* of a lost run: nobody else knows it any more */
    for (int i = 0; i < run->count; i++) {
        fov_frame_unref(&run->frames[i].frame);
        fov_frame_unref(&run->frames[i].picture);
        look_unref(&run->frames[i].look);
    }
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
    int64_t now = pool->clock();
    struct job *job = job_take(pool, now, &drops, &runner);
    if (!job && drops.count == 0) {
        pthread_cond_wait(&pool->work, &pool->lock);
        return;
    }
    if (job) {
        run_begin(w, job, runner);
        run_fill(w, &drops, now);
    }
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
    for (int i = 0; i < BATCH_MAX; i++) {
        fov_details_destroy(&w->details[i]);
        free(w->items[i]);
        free(w->grays[i].pixels);
        free(w->looked[i]);
        free(w->scratches[i].memory);
    }
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
    if (!has_items(w, 0) || !pool_thread(pool, worker_run, w)) {
        free(w->items[0]);
        free(w);
        return false;
    }
    w->next = pool->workers;
    pool->workers = w;
    return true;
}
