/* Cutting boxes out of a frame's picture and running the stream's models of appearance on them: so
 * many a frame, the most needy first, and only while the frame has time and nobody waits for whom
 * that would be wrong. A frame whose crops are left out is delivered all the same, and says so. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "flow/crops.h"
#include "flow/look.h"
#include "flow/reduce.h"
#include "infer/runner.h"

#define RUNNER_WAIT_NS (5 * NS_PER_S) /* of streams whose frames have no deadline */

/* A worker's room for it. */
struct crop_work {
    struct crop_known known;
    struct crop_choice choices[CROP_USES][CROP_BOXES];
    fov_details *details[FOV_CROPS_MAX];
};

void crop_work_free(struct crop_work **work)
{
    for (int i = 0; *work && i < FOV_CROPS_MAX; i++)
        fov_details_destroy(&(*work)->details[i]);
    free(*work);
    *work = NULL;
}

/* Room for the vectors that a run gives. */
static bool has_details(struct crop_work *work, int count, int size)
{
    for (int i = 0; i < count; i++) {
        fov_details *d = work->details[i];
        if (d && d->embedding_capacity == (size_t)size)
            continue;
        fov_details_destroy(&work->details[i]);
        if (fov_details_create(&work->details[i], FOV_TASK_EMBED, 1, 0, size) != FOV_OK)
            return false;
    }
    return true;
}

/* ---- which boxes ----------------------------------------------------------------------------- */

/* The needy ones, in work->choices[use]; a model that serves both uses sees those of both. */
static size_t choose(struct worker *w, int i, enum crop_use use)
{
    const struct run_frame *f = &w->run.frames[i];
    struct cropper *c = f->cropper;
    struct crop_work *work = w->crop_work;
    const uint8_t *kinds = f->look ? w->looked[i]->kinds : NULL;
    pthread_mutex_lock(&c->lock);
    work->known.time_ns = c->known.time_ns;
    work->known.count = c->known.count;
    memcpy(work->known.tracks, c->known.tracks, c->known.count * sizeof *c->known.tracks);
    pthread_mutex_unlock(&c->lock);
    size_t count = crops_choose(&work->known, use, f->time_ns, c->least, &f->detections, kinds,
                                work->choices[use]);
    if (use == CROP_TEAMS || !c->shared)
        return count;
    size_t others = crops_choose(&work->known, CROP_TEAMS, f->time_ns, c->least, &f->detections,
                                 kinds, work->choices[CROP_TEAMS]);
    return crops_unite(work->choices[use], count, work->choices[CROP_TEAMS], others);
}

/* ---- time ------------------------------------------------------------------------------------ */

/* What a run takes: as the last ones did, or the warm-up. */
static int64_t expected_ns(struct crop_cost *cost, const fov_model_info *info)
{
    int64_t known = atomic_load(&cost->run_ns);
    return known ? known : ms_to_ns(info->run_ms);
}

/* Up at once, down slowly. */
static void learn_cost(struct crop_cost *cost, int64_t took_ns)
{
    int64_t known = atomic_load(&cost->run_ns), least = atomic_load(&cost->least_ns);
    atomic_store(&cost->run_ns, took_ns > known ? took_ns : (7 * known + took_ns) / 8);
    if (!least || took_ns < least)
        atomic_store(&cost->least_ns, took_ns);
}

/* A run was left out for what it would take: if that was one bad moment, it is forgotten. */
static void doubt_cost(struct crop_cost *cost)
{
    int64_t known = atomic_load(&cost->run_ns), least = atomic_load(&cost->least_ns);
    atomic_store(&cost->run_ns, least + (known - least) * 15 / 16);
}

/* The frame has time for one more run, and nobody waits whose frame goes before such a need. */
static bool may_run(struct worker *w, int i, const struct crop_choice *next, struct crop_cost *cost)
{
    const struct run_frame *f = &w->run.frames[i];
    int64_t takes = expected_ns(cost, fov_model_get_info(w->run.form->model));
    if (f->crops_until_ns && clock_now_ns() + takes > f->crops_until_ns) {
        doubt_cost(cost);
        return false;
    }
    enum run_waits waits = run_waits(w);
    return waits == WAITS_NOBODY || (waits == WAITS_FRAME && next->need == CROP_UNSURE);
}

/* ---- runs ------------------------------------------------------------------------------------ */

static int within(float value, int most)
{
    return value <= 0 ? 0 : value >= (float)most ? most : (int)value;
}

/* The pixels of a box, from even ones on; at least 2 x 2 of them. */
static fov_image cut(const fov_image *whole, const fov_detection *d)
{
    int left = within(d->x1, whole->width - 2) & ~1, top = within(d->y1, whole->height - 2) & ~1;
    int right = within(d->x2, whole->width), bottom = within(d->y2, whole->height);
    return image_part(whole, left, top, right > left + 1 ? right - left : 2,
                      bottom > top + 1 ? bottom - top : 2);
}

static void add_time(fov_timings *to, const fov_timings *t, int items)
{
    to->preprocess += t->preprocess;
    to->postprocess += t->postprocess;
    to->inference += t->inference / items;
}

static void keep(struct crop_set *set, const struct crop_choice *choice, const fov_details *details,
                 int size)
{
    if (details->embedding_count != (size_t)size)
        return;
    memcpy(set->vectors + (size_t)set->count * (size_t)size, details->embedding,
           (size_t)size * sizeof *set->vectors);
    set->box[set->count++] = choice->box;
}

/* One run, of as many crops as the model takes at once. */
static void run_some(struct worker *w, int i, enum crop_use use, const struct crop_choice *choices,
                     int count)
{
    struct run *run = &w->run;
    struct run_frame *f = &run->frames[i];
    fov_image parts[FOV_CROPS_MAX];
    fov_item items[FOV_CROPS_MAX];
    fov_detections out[FOV_CROPS_MAX];
    fov_timings times[FOV_CROPS_MAX];
    for (int k = 0; k < count; k++) {
        parts[k] = cut(&f->picture->image, &f->detections.items[choices[k].box]);
        times[k] = (fov_timings){0};
        out[k] = (fov_detections){.details = w->crop_work->details[k]};
        items[k] = (fov_item){.image = &parts[k],
                              .width = parts[k].width,
                              .height = parts[k].height,
                              .out = &out[k],
                              .timings = &times[k]};
    }
    runner_limit(run->runner, f->crops_until_ns);
    fov_runner_detect_items(run->runner, items, count, NULL);
    bool over = f->crops_until_ns && clock_now_ns() >= f->crops_until_ns;
    for (int k = 0; k < count; k++) {
        add_time(&f->timings, &times[k], count);
        if (items[k].error.status && !(over && items[k].error.status == FOV_ETIMEOUT))
            run->said = items[k].error; /* one that was only too slow breaks nothing */
        else if (!items[k].error.status)
            keep(&w->crops[i]->sets[use], &choices[k], out[k].details, f->cropper->sizes[use]);
    }
}

/* Runs until all are through, FOV_CROPS_MAX of them, or there is no more time. */
static void run_all(struct worker *w, int i, enum crop_use use, int count)
{
    struct run *run = &w->run;
    struct cropper *c = run->frames[i].cropper;
    const fov_model_info *info = fov_model_get_info(run->form->model);
    const struct crop_choice *choices = w->crop_work->choices[use];
    int batch = info->batch < 1 ? 1 : info->batch < FOV_CROPS_MAX ? info->batch : FOV_CROPS_MAX;
    int done = 0, most = count < FOV_CROPS_MAX ? count : FOV_CROPS_MAX;
    bool fits = info->task == FOV_TASK_EMBED && info->embedding == c->sizes[use] &&
                has_details(w->crop_work, batch, c->sizes[use]); /* else it was replaced */
    while (fits && done < most && run->said.status == FOV_OK) {
        if (!run_goes_on(w) || !may_run(w, i, &choices[done], &c->costs[use]))
            break;
        int64_t start = clock_now_ns();
        int some = most - done < batch ? most - done : batch;
        run_some(w, i, use, choices + done, some);
        done += some;
        int64_t took = clock_now_ns() - start;
        learn_cost(&c->costs[use], took);
        run->helps++;
        run->helped_ns += took;
    }
    if (done < most)
        w->crops[i]->told.hurried = true;
}

/* ---- frames ---------------------------------------------------------------------------------- */

/* How long a frame may wait for the model to be free: 0: not at all. */
static int64_t may_wait_ns(const struct run_frame *f)
{
    int64_t left = f->crops_until_ns - clock_now_ns();
    return f->crops_until_ns == 0 ? RUNNER_WAIT_NS : left > 0 ? left : 0;
}

/* False: the run is over. */
static bool see(struct worker *w, int i, enum crop_use use)
{
    struct run_frame *f = &w->run.frames[i];
    struct crops *crops = w->crops[i];
    size_t count = choose(w, i, use);
    int before = crops->sets[use].count;
    crops->told.wanted += (int)count;
    if (count == 0)
        return true;
    int64_t start = clock_now_ns(), wait_ns = may_wait_ns(f);
    enum run_use ready = RUN_WITHOUT;
    bool whole = f->picture && f->picture->image.width == f->width &&
                 f->picture->image.height == f->height && f->width > 1 && f->height > 1;
    if (whole && wait_ns > 0)
        ready = run_use(w, i, use == CROP_NAMES ? HELPER_NAMES : HELPER_TEAMS, wait_ns);
    if (ready == RUN_READY)
        run_all(w, i, use, (int)count);
    else
        crops->told.hurried = true;
    crops->told.taken += crops->sets[use].count - before;
    if (f->look)
        w->looked[i]->parts_ns[use == CROP_NAMES ? FOV_PART_TRACKING : FOV_PART_TEAMS] +=
            clock_now_ns() - start;
    return ready != RUN_OVER;
}

static bool is_wanted(const struct worker *w, int i, enum crop_use use)
{
    const struct run_frame *f = &w->run.frames[i];
    const struct cropper *c = f->cropper;
    return c && c->sizes[use] > 0 && !(use == CROP_TEAMS && c->shared) &&
           f->error.status == FOV_OK && f->detections.count > 0;
}

void crops_see(struct worker *w)
{
    for (int use = 0; use < CROP_USES; use++)
        for (int i = 0; i < w->run.count; i++) {
            if (!is_wanted(w, i, (enum crop_use)use))
                continue;
            if (!w->crop_work)
                w->crop_work = calloc(1, sizeof *w->crop_work);
            if (!w->crop_work || !see(w, i, (enum crop_use)use))
                return;
        }
}
