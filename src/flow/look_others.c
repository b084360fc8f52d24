/* What models of their own look for beside people: the ball, in the parts of the picture that may
 * hold it, and now and then the pitch. A run of theirs that fails, or hangs and comes back, costs
 * its frame nothing but what it would have found; one that does not come back takes its frame with
 * it (watchdog.c). */
#include <string.h>

#include "base/clock.h"
#include "flow/look.h"
#include "flow/reduce.h"
#include "infer/runner.h"

#define RUNNER_WAIT_NS (100 * NS_PER_MS) /* for a runner of another model */

enum { BALLS_MOST = 16 };

/* ---- the ball ----------------------------------------------------------------------------------
 */

/* The parts where it is expected; of a sweep that is cut short by the time others the next time. */
static size_t choose(struct look *look, const fov_ball_look *plan, const fov_image *image,
                     fov_ball_region regions[TILES_MAX])
{
    const fov_ball_region whole = {0, 0, image->width, image->height};
    fov_ball_region all[TILES_MAX];
    size_t count = plan->count;
    for (size_t i = 0; i < count; i++) {
        all[i] = plan->regions[i];
        all[i].x &= ~1;
        all[i].y &= ~1;
        if (all[i].x + all[i].width > image->width || all[i].y + all[i].height > image->height)
            count = 0; /* it is of pictures of another size */
    }
    if (count == 0)
        count = tiles_cover(whole, look->region_px, look->region_overlap_px, image->width,
                            image->height, all);
    unsigned first = plan->sweep || plan->count == 0 ? atomic_load(&look->sweep) : 0;
    for (size_t i = 0; i < count; i++)
        regions[i] = all[(first + i) % count];
    return count;
}

static void add_balls(struct worker *w, struct run_frame *f, struct looked *seen)
{
    struct tiling *t = w->tiling;
    fov_detections *d = &f->detections;
    size_t count = tiles_merge(t->boxes, t->count, 0.3);
    int32_t id = look_classes_id(&seen->classes, FOV_CLASS_BALL);
    for (size_t i = 0; i < count && i < BALLS_MOST && d->count < d->capacity; i++) {
        if (d->details && d->count < d->details->capacity)
            d->details->items[d->count] = (fov_detail){0};
        seen->kinds[d->count] = FOV_CLASS_BALL;
        d->items[d->count] = t->boxes[i].box;
        d->items[d->count++].class_id = id;
    }
}

static void look_for_ball(struct worker *w, int i)
{
    struct run *run = &w->run;
    struct run_frame *f = &run->frames[i];
    struct look *look = f->look;
    struct looked *seen = w->looked[i];
    fov_ball_region regions[TILES_MAX];
    fov_error error = {0};
    if (look_classes_of(look, &look->ball_known, run->form->model, true, &seen->ball_classes,
                        &error))
        return; /* another model by now, which knows no ball */
    fov_detect_params params = {.conf = look->ball_conf, .max_detections = BALLS_MOST};
    memcpy(params.classes, seen->ball_classes.wanted, sizeof params.classes);
    w->tiling->count = 0;
    int64_t start = clock_now_ns();
    size_t count = choose(look, &seen->plan, &f->picture->image, regions);
    size_t looks = look_at_regions(w, i, regions, count, &params, &seen->ball_classes, f->until_ns,
                                   &run->said);
    if (seen->plan.sweep || seen->plan.count == 0)
        atomic_fetch_add(&look->sweep, (unsigned)looks);
    add_balls(w, f, seen);
    seen->ball_looked = looks == count && run->said.status == FOV_OK;
    int64_t took = clock_now_ns() - start;
    run->helps += (int)looks;
    run->helped_ns += took;
    seen->parts_ns[FOV_PART_BALL] += took;
}

/* ---- the pitch ---------------------------------------------------------------------------------
 */

static bool has_details(struct worker *w, const fov_model_info *info)
{
    fov_details *d = w->pitch_details;
    if (d && d->keypoint_capacity >= (size_t)(BALLS_MOST * info->keypoints))
        return true;
    fov_details_destroy(&w->pitch_details);
    return fov_details_create(&w->pitch_details, info->task, BALLS_MOST, info->keypoints, 0) ==
           FOV_OK;
}

/* The surest pitch that was seen. */
static bool read_pitch(const struct look *look, const fov_detections *out, int width, int height,
                       fov_pitch_view *view)
{
    const fov_details *d = out->details;
    const fov_pitch_params params = {
        .size = look->pitch, .width = width, .height = height, .camera = true};
    size_t best = 0;
    for (size_t i = 1; i < out->count; i++)
        best = out->items[i].score > out->items[best].score ? i : best;
    return out->count > 0 && fov_pitch_view_from_keypoints(
                                 view, look->layout, d->keypoints + d->items[best].keypoint,
                                 d->items[best].keypoint_count, &params, NULL, NULL) == FOV_OK;
}

static void look_for_pitch(struct worker *w, int i)
{
    struct run *run = &w->run;
    struct run_frame *f = &run->frames[i];
    struct looked *seen = w->looked[i];
    const fov_image *whole = &f->picture->image;
    const fov_model_info *info = fov_model_get_info(run->form->model);
    fov_detection boxes[BALLS_MOST];
    fov_timings times = {0};
    if (info->task != FOV_TASK_POSE || !has_details(w, info))
        return;
    int64_t start = clock_now_ns();
    fov_detections out = {.items = boxes, .capacity = BALLS_MOST, .details = w->pitch_details};
    fov_image small = *whole;
    int by = reduce_denominator(info, whole->width, whole->height);
    if (by > 1 && scratch_reserve(&w->scratches[i], reduce_size(whole, by)))
        reduce_image(&small, whole, by, w->scratches[i].memory);
    runner_limit(run->runner, f->limit_ns);
    fov_runner_detect(run->runner, &small, whole->width, whole->height, NULL, &out, &times,
                      &run->said);
    if (run->said.status == FOV_OK)
        seen->found = read_pitch(f->look, &out, whole->width, whole->height, &seen->view);
    int64_t took = clock_now_ns() - start;
    run->helps++;
    run->helped_ns += took;
    f->timings.preprocess += times.preprocess;
    f->timings.inference += times.inference;
    f->timings.postprocess += times.postprocess;
    seen->parts_ns[FOV_PART_PITCH] += took;
}

/* ---- both --------------------------------------------------------------------------------------
 */

static bool is_late(const struct run_frame *f)
{
    return f->until_ns && clock_now_ns() > f->until_ns;
}

/* False: the run is over. */
static bool look_with(struct worker *w, int i, bool pitch)
{
    enum run_use use = run_use(w, i, pitch ? HELPER_PITCH : HELPER_BALL, RUNNER_WAIT_NS);
    if (use == RUN_READY && pitch)
        look_for_pitch(w, i);
    else if (use == RUN_READY)
        look_for_ball(w, i);
    return use != RUN_OVER;
}

void look_for_others(struct worker *w)
{
    for (int pitch = 0; pitch < 2; pitch++)
        for (int i = 0; i < w->run.count; i++) {
            struct run_frame *f = &w->run.frames[i];
            struct look *look = f->look;
            if (!look || !(pitch ? look->has_pitch : look->has_ball) || !f->picture ||
                f->error.status || is_late(f) || !look_has_tiling(w) ||
                !(pitch ? look_pitch_due : look_ball_due)(look, f->time_ns))
                continue;
            if (!look_with(w, i, pitch))
                return;
        }
}
