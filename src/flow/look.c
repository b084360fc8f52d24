/* What of a model's detections is football, on the workers. */
#include "flow/look.h"

#include <math.h>
#include <string.h>

#include "base/clock.h"

#define CONF 0.25f /* fov_detect_params */

/* ---- classes of the model that runs ------------------------------------------------------------
 */

/* Models may be replaced while the stream runs, and mean other things then. */
fov_status look_classes_of(struct look *look, struct look_known *known, fov_model *model, bool ball,
                           struct look_classes *classes, fov_error *error)
{
    const fov_model_info *info = fov_model_get_info(model);
    fov_model *old = NULL;
    pthread_mutex_lock(&look->lock);
    if (known->model != model) {
        look_classes_read(&known->classes, &look->names, info->labels, info->label_count);
        if (ball || look->has_ball)
            look_classes_leave(&known->classes, ball);
        old = known->model;
        known->model = fov_model_ref(model);
    }
    *classes = known->classes;
    pthread_mutex_unlock(&look->lock);
    fov_model_close(&old);
    return look_classes_check(classes, info, ball, error);
}

static void narrow(uint64_t classes[16], const uint64_t wanted[16])
{
    uint64_t any = 0;
    for (int i = 0; i < 16; i++)
        any |= classes[i] & wanted[i];
    for (int i = 0; i < 16; i++)
        classes[i] = any ? classes[i] & wanted[i] : wanted[i];
}

void look_begin(struct worker *w, int i)
{
    struct run_frame *f = &w->run.frames[i];
    struct looked *seen = w->looked[i];
    seen->found = false;
    seen->ball_looked = !f->look->has_ball;
    seen->detector = FOV_DETECTOR_MODEL;
    memset(seen->parts_ns, 0, sizeof seen->parts_ns);
    seen->error = (fov_error){0};
    look_classes_of(f->look, &f->look->known, w->run.form->model, false, &seen->classes,
                    &seen->error);
    seen->tiles = f->look->tiles && f->picture && look_has_tiling(w);
    pthread_mutex_lock(&f->look->lock);
    seen->plan = f->look->plan;
    pthread_mutex_unlock(&f->look->lock);
    seen->people_conf = f->params.conf > 0 ? f->params.conf : CONF;
    if (!f->look->has_ball && seen->classes.first[FOV_CLASS_BALL] >= 0 &&
        f->look->ball_conf < seen->people_conf)
        f->params.conf = f->look->ball_conf;
    if (seen->error.status == FOV_OK)
        narrow(f->params.classes, seen->classes.wanted);
}

/* ---- boxes ------------------------------------------------------------------------------------
 */

static void move(fov_detections *d, size_t to, size_t from)
{
    d->items[to] = d->items[from];
    if (d->details && from < d->details->capacity)
        d->details->items[to] = d->details->items[from];
}

/* Leaves what is of football and sure enough. */
static void keep_football(const struct look *look, struct looked *seen, fov_detections *d)
{
    size_t kept = 0;
    for (size_t i = 0; i < d->count; i++) {
        int32_t id = d->items[i].class_id;
        int kind = id >= 0 && id < LOOK_LABELS_MAX ? seen->classes.kind[id] : -1;
        float least = kind == FOV_CLASS_BALL ? look->ball_conf : seen->people_conf;
        if (kind < 0 || d->items[i].score < least)
            continue;
        seen->kinds[kept] = (uint8_t)kind;
        move(d, kept++, i);
    }
    d->count = kept;
}

static bool is_box(const fov_detection *d)
{
    return isfinite(d->x1) && isfinite(d->y1) && isfinite(d->x2) && isfinite(d->y2) &&
           isfinite(d->score) && d->x1 < d->x2 && d->y1 < d->y2 && d->class_id >= 0 &&
           d->class_id < FOV_CLASS_COUNT;
}

/* Boxes in fov_football_class get the classes of the model; what is none goes. */
static void name_as_model(struct looked *seen, fov_detections *d)
{
    size_t kept = 0;
    for (size_t i = 0; i < d->count && i < d->capacity; i++) {
        fov_detection box = d->items[i];
        if (!is_box(&box))
            continue;
        seen->kinds[kept] = (uint8_t)box.class_id;
        box.class_id = look_classes_id(&seen->classes, (fov_football_class)box.class_id);
        box.track_id = -1;
        d->items[kept++] = box;
    }
    d->count = kept;
}

/* ---- the user's own detector -------------------------------------------------------------------
 */

static bool hook_begins(struct look *look)
{
    pthread_mutex_lock(&look->lock);
    bool may = !look->closed;
    look->hooks += may;
    pthread_mutex_unlock(&look->lock);
    return may;
}

static void hook_ends(struct look *look)
{
    pthread_mutex_lock(&look->lock);
    look->hooks--;
    pthread_cond_broadcast(&look->idle);
    pthread_mutex_unlock(&look->lock);
}

void look_close(struct look *look)
{
    pthread_mutex_lock(&look->lock);
    look->closed = true;
    while (look->hooks > 0)
        pthread_cond_wait(&look->idle, &look->lock);
    pthread_mutex_unlock(&look->lock);
}

static void call_hook(struct look *look, const fov_frame *frame, struct looked *seen,
                      fov_detections *d)
{
    fov_details *details = d->details;
    if (!hook_begins(look))
        return;
    for (size_t i = 0; i < d->count; i++)
        d->items[i].class_id = seen->kinds[i];
    d->details = NULL;
    look->on_detections(look->user, frame, d);
    hook_ends(look);
    name_as_model(seen, d);
    seen->detector = FOV_DETECTOR_OWN;
    seen->ball_looked = true;
    d->details = details; /* of boxes that may be others now */
    fov_details_reset(details);
    if (details)
        memset(details->items, 0, details->capacity * sizeof *details->items);
}

/* ---- a frame ----------------------------------------------------------------------------------
 */

void look_sort(struct worker *w, int i)
{
    struct run_frame *f = &w->run.frames[i];
    struct looked *seen = w->looked[i];
    const fov_timings *t = &f->timings;
    int shared = seen->tiles ? 1 : w->run.count; /* frames of a run */
    if (f->error.status == FOV_OK)
        f->error = seen->error;
    if (f->error.status)
        return;
    keep_football(f->look, seen, &f->detections);
    seen->parts_ns[FOV_PART_PLAYERS] += t->preprocess + t->postprocess + t->inference / shared;
    seen->parts_ns[FOV_PART_OTHER] += t->decode;
}

void look_end(struct worker *w, int i)
{
    struct run_frame *f = &w->run.frames[i];
    struct looked *seen = w->looked[i];
    int64_t start = clock_now_ns();
    if (f->error.status)
        return;
    if (f->look->drawn) {
        look_at_drawn(f->look, f->frame, f->time_ns, &f->detections, seen, &f->error);
        if (f->look->on_detections) /* who has seen other pictures otherwise */
            f->error.status = FOV_OK;
        name_as_model(seen, &f->detections);
    }
    if (f->look->on_detections && f->error.status == FOV_OK)
        call_hook(f->look, f->frame, seen, &f->detections);
    int64_t own = clock_now_ns() - start;
    seen->parts_ns[FOV_PART_PLAYERS] += own;
    f->timings.postprocess += own;
}
