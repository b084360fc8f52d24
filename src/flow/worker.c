/* Worker threads. A frame stays on one worker from decode to detections; the next one is taken
 * while the last one's results are still being answered by somebody else. */
#include "flow/flow.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "flow/crops.h"
#include "flow/look.h"
#include "infer/runner.h"

#define LOOK_NS (250 * NS_PER_MS) /* looking at a frame may take so long, whatever the rate */

/* False: no memory for a frame more. */
static bool has_items(struct worker *w, int i)
{
    if (!w->items[i])
        w->items[i] = malloc(DETECTIONS_MAX * sizeof *w->items[i]);
    return w->items[i] != NULL;
}

/* By when a frame of football should have been looked at: with a fifth of its time left, and as the
 * rate asks for it, but for trackers, which lose people below some frames a second, a quarter of a
 * second is no shame. */
static int64_t until(const fov_stream *s, const struct job *job, int64_t limit_ns)
{
    int64_t from = job->taken_ns, by = limit_ns ? limit_ns - (limit_ns - from) / 5 : INT64_MAX;
    int64_t every = s->gate.interval_ns;
    int runners = job->form->runners > 1 ? job->form->runners : 1;
    every = every * runners * 4 / 5 > LOOK_NS ? every * runners * 4 / 5 : every > 0 ? LOOK_NS : 0;
    if (every > 0 && from + every < by)
        by = from + every;
    return by == INT64_MAX ? 0 : by;
}

/* Crops are taken in the first half of the frame's time, and cost a live stream no frame. */
static int64_t crops_until(const fov_stream *s, const struct job *job)
{
    int64_t from = job->taken_ns, deadline = job->frame->deadline_ns, by = INT64_MAX;
    int64_t every = s->view.fifo ? 0 : s->gate.interval_ns;
    if (deadline)
        by = deadline > from ? from + (deadline - from) / 2 : from;
    int64_t mean = follower_target_ns(s->follower) / 2; /* else it would cost frames there */
    if (mean > 0 && from + mean < by)
        by = from + mean;
    every *= job->form->runners > 1 ? job->form->runners : 1;
    if (every > 0 && from + every * 4 / 5 < by)
        by = from + every * 4 / 5;
    return by == INT64_MAX ? 0 : by;
}

int64_t frame_time_ns(const fov_stream *s, const fov_frame *frame)
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
        .cropper = job->stream->cropper ? cropper_ref(job->stream->cropper) : NULL,
        .time_ns = frame_time_ns(job->stream, job->frame),
        .params = job->params,
        .watched = job->watched,
        .moves = stream_moves(job->stream),
        .limit_ns = limited ? deadline : 0,
        .until_ns = until(job->stream, job, limited ? deadline : 0),
        .crops_until_ns = crops_until(job->stream, job),
        .looks = 1,
        .width = job->frame->width,
        .height = job->frame->height,
        .detections = {.items = w->items[i],
                       .capacity = room < DETECTIONS_MAX ? room : DETECTIONS_MAX,
                       .details = w->details[i]}};
    w->looked[i] = job->looked; /* comes back with the run, or never */
    job->looked = NULL;
    w->crops[i] = job->crops;
    job->crops = NULL;
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
    job->crops = w->crops[i];
    w->crops[i] = NULL;
    if (f->look)
        job->params = f->params;
    job->timings = f->timings;
    job->width = f->width;
    job->height = f->height;
    job->picture = f->picture;
    job->reduced = f->reduced;
    job->frames = w->run.count;
    job->aside_ns = f->aside_ns;
    job->crops_ns = f->crops_ns;
    job->looks = f->looks;
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

static const fov_error *late_of(const struct worker *w, int64_t now, fov_error *late)
{
    watchdog_blame(late, now - w->since_ns);
    return late;
}

/* What the run says of its form: by a frame that reached the model, a failed one if there is one. A
 * run that was too slow for its frame breaks nothing. */
static void judge(struct worker *w, int64_t now)
{
    const struct run *run = &w->run;
    const fov_error *said = NULL;
    fov_error late;
    if (w->cancelled)
        said = late_of(w, now, &late);
    for (int i = 0; i < run->count && !w->cancelled; i++) {
        const struct run_frame *f = &run->frames[i];
        fov_status status = f->error.status;
        bool limited = f->limit_ns && now >= f->limit_ns;
        bool failed = status == FOV_EINFER || (status == FOV_ETIMEOUT && !limited);
        if (failed || (status == FOV_OK && !said))
            said = &f->error;
    }
    if (said)
        form_judge(w->pool, run->form, said, runner_gave_nonsense(run->runner), now);
}

/* The same of a model that helped, with what its runs cost. */
static void judge_help(struct worker *w, int64_t now)
{
    struct run *run = &w->run;
    if (w->cancelled)
        late_of(w, now, &run->said);
    else if (run->helps == 0)
        return;
    form_judge(w->pool, run->form, &run->said, runner_gave_nonsense(run->runner), now);
    if (run->said.status == FOV_OK && run->helps > 0) {
        recent_add(&run->form->work, run->helped_ns / run->helps);
        form_add_run(run->form, run->helped_ns / run->helps, 1);
        run->form->ran_ns = now;
    }
}

/* Lock held: the run has no runner any more. */
static void give_runner(struct worker *w, int64_t now)
{
    struct run *run = &w->run;
    if (run->runner && run->helping)
        judge_help(w, now);
    else if (run->runner)
        judge(w, now);
    w->pool->busy_ns += now - w->since_ns;
    w->since_ns = now;
    if (!run->runner)
        return;
    form_give(run->form, run->runner);
    run->runner = NULL;
    run->said = (fov_error){0};
    run->helps = 0;
    run->helped_ns = 0;
    call_another(w->pool);
}

/* Lock held, released meanwhile: what is given back wakes those who wait for `idle`. */
static bool wait_for_runner(struct worker *w, const struct form *form, int64_t wait_ns)
{
    int64_t end = clock_now_ns() + wait_ns;
    int rc = 0;
    pthread_cond_broadcast(&w->pool->idle);
    while (form_works(form) && form->idle_count == 0 && !w->lost && !w->pool->stopping && rc == 0)
        rc = clock_cond_wait(&w->pool->idle, &w->pool->lock, end);
    return form_works(form) && form->idle_count > 0 && !w->lost;
}

/* Lock held, released meanwhile. */
static enum run_use use(struct worker *w, struct slot *slot, int64_t wait_ns)
{
    fov_workers *pool = w->pool;
    struct run *run = &w->run;
    struct form *form = slot ? slot_form(slot) : NULL;
    if (run->helping && run->runner && run->form == form)
        return RUN_READY;
    give_runner(w, pool->clock());
    run->helping = true;
    if (!form)
        return RUN_WITHOUT;
    form->refs++;
    bool ready = wait_for_runner(w, form, wait_ns);
    struct form *let_go = ready ? run->form : form;
    if (ready) {
        run->form = form;
        run->runner = form_take(form);
        w->since_ns = pool->clock();
    }
    form_unref(pool, let_go);
    return w->lost || w->cancelled ? RUN_OVER : ready ? RUN_READY : RUN_WITHOUT;
}

enum run_use run_use(struct worker *w, int i, enum helper helper, int64_t wait_ns)
{
    enum run_use result = RUN_OVER;
    pthread_mutex_lock(&w->pool->lock);
    if (!w->lost && !w->cancelled)
        result = use(w, w->jobs[i]->stream->helpers[helper], wait_ns);
    pthread_mutex_unlock(&w->pool->lock);
    return result;
}

bool run_goes_on(struct worker *w)
{
    fov_workers *pool = w->pool;
    pthread_mutex_lock(&pool->lock);
    bool on = !w->lost && !w->cancelled;
    int64_t now = pool->clock();
    if (on) {
        pool->busy_ns += now - w->since_ns;
        w->since_ns = now;
    }
    pthread_mutex_unlock(&pool->lock);
    return on;
}

enum run_waits run_waits(struct worker *w)
{
    fov_workers *pool = w->pool;
    enum run_waits waits = WAITS_NOBODY;
    pthread_mutex_lock(&pool->lock);
    for (int i = 0; i < pool->stream_count && waits != WAITS_PROMISED; i++) {
        const fov_stream *s = pool->streams[i];
        if (s->box.count > 0 && !s->view.fifo)
            waits = s->view.guaranteed ? WAITS_PROMISED : WAITS_FRAME;
    }
    pthread_mutex_unlock(&pool->lock);
    return waits;
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
    for (int i = 0; i < count; i++) {
        hand_over(w, i, jobs[i], now);
        if (w->cancelled &&
            !w->run.helping) { /* a model that helped takes nothing from its frame */
            late_of(w, now, &jobs[i]->error);
            jobs[i]->hung = true;
        }
    }
    give_runner(w, now);
    w->cancelled = false;
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
        cropper_unref(&run->frames[i].cropper);
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
        crops_free(&w->crops[i]);
        free(w->scratches[i].memory);
    }
    free(w->tiling);
    fov_details_destroy(&w->pitch_details);
    crop_work_free(&w->crop_work);
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
