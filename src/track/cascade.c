#include "track/cascade.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/plane.h"
#include "track/appearance.h"
#include "track/assign.h"
#include "track/boxes.h"
#include "track/places.h"

/* Appearance counts (BoT-SORT, section 3.3) between boxes that overlap by half and vectors that are
 * as near as this. */
#define NEAR_OVERLAP 0.5f
#define NEAR_APPEARANCE 0.25f

struct trail {
    fov_track shown;
    struct kalman_box state;
    float box[4];    /* where it is thought to be in this frame */
    float seen[4];   /* its last detection, moved with the camera since */
    double unseen_s; /* since that detection */
    int32_t taken;   /* box of this frame, -1 none */
    bool sure;       /* seen twice */
    bool fresh;      /* seen in the update before */
    bool gone;
};

struct cascade {
    struct cascade_rules rules;
    fov_tracker_params params;
    struct places places;
    struct trail *trails; /* by place */
    int32_t *rows;        /* places of the tracks that take part in a stage */
    bool *taken;          /* boxes that have a track */
    struct assign *assign;
    struct appearance appearance;
};

/* ---- life ------------------------------------------------------------------------------------ */

fov_status cascade_create(void **own, const struct cascade_rules *rules,
                          const fov_tracker_params *params, fov_error *error)
{
    size_t most = (size_t)params->max_tracks;
    struct cascade *c = *own = calloc(1, sizeof *c);
    if (!c)
        return fov_fail(error, FOV_ENOMEM, "no memory for a tracker");
    c->rules = *rules;
    c->params = *params;
    c->trails = calloc(most, sizeof *c->trails);
    c->rows = calloc(most, sizeof *c->rows);
    c->taken = calloc(most, sizeof *c->taken);
    if (!c->trails || !c->rows || !c->taken)
        return fov_fail(error, FOV_ENOMEM, "no memory for %zu tracks", most);
    fov_status status = places_create(&c->places, most, error);
    if (!status)
        status = assign_create(&c->assign, most, most, error);
    return status ? status
                  : appearance_create(&c->appearance, (size_t)params->embedding_size, most, most,
                                      error);
}

void cascade_destroy(void **own)
{
    struct cascade *c = *own;
    if (!c)
        return;
    appearance_release(&c->appearance);
    assign_destroy(&c->assign);
    places_release(&c->places);
    free(c->trails);
    free(c->rows);
    free(c->taken);
    free(c);
    *own = NULL;
}

static struct trail *live(const struct cascade *c, size_t i)
{
    return &c->trails[c->places.live[i]];
}

void cascade_end(void *own, struct tracker_output *out)
{
    struct cascade *c = own;
    for (size_t i = 0; out && i < c->places.live_count; i++)
        tracker_tell_end(out, &live(c, i)->shown);
    places_clear(&c->places);
}

/* ---- to the time of the frame ---------------------------------------------------------------- */

static void move_box(float box[4], const double map[9])
{
    double center[2] = {((double)box[0] + (double)box[2]) / 2,
                        ((double)box[1] + (double)box[3]) / 2};
    double to[2], j[4];
    if (!plane_apply(map, center, to) || !plane_jacobian(map, center, j))
        return;
    double scale = sqrt(fabs(j[0] * j[3] - j[1] * j[2])) / 2;
    double width = ((double)box[2] - (double)box[0]) * scale;
    double height = ((double)box[3] - (double)box[1]) * scale;
    box[0] = (float)(to[0] - width);
    box[1] = (float)(to[1] - height);
    box[2] = (float)(to[0] + width);
    box[3] = (float)(to[1] + height);
}

static void foresee(const struct cascade *c, struct trail *t, const struct tracker_frame *frame)
{
    const fov_motion *motion = c->rules.follow_camera ? frame->input->motion : NULL;
    if (!t->fresh) /* a size that nobody sees must not grow on */
        t->state.axis[2].v = t->state.axis[3].v = 0;
    kalman_box_predict(&t->state, c->rules.form, frame->dt_s * KALMAN_STEPS_A_SECOND);
    if (motion && motion->kind != FOV_MOTION_NONE) {
        kalman_box_move(&t->state, c->rules.form, motion->map);
        move_box(t->seen, motion->map);
    }
    t->unseen_s += frame->dt_s;
    t->taken = -1;
    t->gone = !kalman_box_sane(&t->state);
    if (!t->gone) /* else it ends where it was last thought to be */
        kalman_box_get(&t->state, c->rules.form, t->box);
}

/* ---- stages ---------------------------------------------------------------------------------- */

struct stage {
    bool (*wants)(const struct trail *t);
    float least, below; /* scores of its boxes */
    float limit;
    bool fused; /* the overlap counts times the score, and appearance counts */
    float grow; /* boxes are grown by this, and those last seen are compared */
};

static bool is_sure(const struct trail *t)
{
    return t->sure && t->taken < 0;
}

static bool is_fresh(const struct trail *t)
{
    return t->sure && t->fresh && t->taken < 0;
}

static bool is_young(const struct trail *t)
{
    return !t->sure;
}

static float cost_of(const struct cascade *c, const struct stage *stage, int32_t place, size_t box,
                     float overlap, float score)
{
    if (!stage->fused)
        return 1 - overlap;
    float cost = 1 - overlap * score;
    if (!c->appearance.size || overlap < NEAR_OVERLAP)
        return cost;
    float likeness = appearance_distance(&c->appearance, place, box);
    return likeness < NEAR_APPEARANCE ? fminf(cost, likeness) : cost;
}

/* Tells the assignment which boxes a track may take. */
static void offer(struct cascade *c, const struct stage *stage, const struct tracker_frame *frame,
                  int32_t place)
{
    const struct trail *t = &c->trails[place];
    float box[4], other[4];
    size_t i, end;
    box_grow(stage->grow > 0 ? t->seen : t->box, stage->grow, box);
    boxes_near(frame, box[0], box[2], stage->grow, &i, &end);
    for (; i < end; i++) {
        const struct track_box *b = &frame->boxes[i];
        if (c->taken[i] || b->score < stage->least || b->score >= stage->below ||
            (b->class_id != t->shown.class_id && !c->params.across_classes))
            continue;
        box_grow(b->at, stage->grow, other);
        float overlap = box_iou(box, other);
        if (overlap > 0)
            assign_pair(c->assign, i, (double)cost_of(c, stage, place, i, overlap, b->score));
    }
}

static void take(struct cascade *c, int32_t place, const struct tracker_frame *frame, size_t box)
{
    const struct track_box *b = &frame->boxes[box];
    struct trail *t = &c->trails[place];
    kalman_box_correct(&t->state, c->rules.form, b->at);
    appearance_learn(&c->appearance, place, box);
    memcpy(t->seen, b->at, sizeof t->seen);
    t->shown.class_id = b->class_id;
    t->taken = (int32_t)box;
    t->sure = true;
    c->taken[box] = true;
}

static void run(struct cascade *c, const struct stage *stage, const struct tracker_frame *frame)
{
    size_t count = 0;
    assign_begin(c->assign, frame->count, (double)stage->limit);
    for (size_t i = 0; i < c->places.live_count; i++) {
        const struct trail *t = live(c, i);
        if (t->gone || !stage->wants(t))
            continue;
        c->rows[count++] = c->places.live[i];
        assign_row(c->assign);
        offer(c, stage, frame, c->places.live[i]);
    }
    assign_solve(c->assign);
    for (size_t i = 0; i < count; i++)
        if (assign_column(c->assign, i) >= 0)
            take(c, c->rows[i], frame, (size_t)assign_column(c->assign, i));
}

static void run_stages(struct cascade *c, const struct tracker_frame *frame)
{
    const fov_tracker_params *p = &c->params;
    const struct cascade_rules *r = &c->rules;
    /* No score is 2. */
    run(c, &(struct stage){is_sure, p->high, 2, r->sure_limit, true, 0}, frame);
    run(c, &(struct stage){is_fresh, p->low, p->high, r->low_limit, false, 0}, frame);
    if (p->buffer > 0)
        run(c, &(struct stage){is_sure, p->high, 2, r->lost_limit, false, p->buffer}, frame);
    run(c, &(struct stage){is_young, p->high, 2, r->young_limit, true, p->buffer}, frame);
}

/* ---- beginnings and ends --------------------------------------------------------------------- */

static void begin(struct cascade *c, const struct tracker_frame *frame, size_t box,
                  struct tracker_output *out)
{
    int32_t place = places_take(&c->places);
    const struct track_box *b = &frame->boxes[box];
    struct trail *t = &c->trails[place];
    *t = (struct trail){.taken = (int32_t)box, .sure = frame->first};
    t->shown = (fov_track){.class_id = b->class_id};
    tracker_name(out, frame, box, &t->shown);
    kalman_box_begin(&t->state, c->rules.form, b->at);
    kalman_box_get(&t->state, c->rules.form, t->box);
    memcpy(t->seen, b->at, sizeof t->seen);
    appearance_begin(&c->appearance, place, box);
    c->taken[box] = true;
}

static void begin_new(struct cascade *c, const struct tracker_frame *frame,
                      struct tracker_output *out)
{
    for (size_t i = 0; i < frame->count && c->places.free_count; i++)
        if (!c->taken[i] &&
            (tracker_has_heir(out, i) ||
             (frame->boxes[i].score >= c->params.start && frame->boxes[i].score >= c->params.high)))
            begin(c, frame, i, out);
}

static void show(const struct cascade *c, struct trail *t, const struct tracker_frame *frame)
{
    t->fresh = t->taken >= 0;
    t->unseen_s = t->fresh ? 0 : t->unseen_s;
    t->gone = t->gone || (!t->fresh && (!t->sure || t->unseen_s > c->params.lost_s));
    tracker_place(&t->shown, frame, t->gone ? -1 : t->taken, t->box);
    if (!t->gone) {
        t->shown.vx = (float)(t->state.axis[0].v * KALMAN_STEPS_A_SECOND);
        t->shown.vy = (float)(t->state.axis[1].v * KALMAN_STEPS_A_SECOND);
    }
    t->shown.state = t->gone    ? FOV_TRACK_REMOVED
                     : !t->sure ? FOV_TRACK_TENTATIVE
                     : t->fresh ? FOV_TRACK_ACTIVE
                                : FOV_TRACK_LOST;
}

static int is_gone(const void *of, int32_t place)
{
    return ((const struct cascade *)of)->trails[place].gone;
}

void cascade_update(void *own, const struct tracker_frame *frame, struct tracker_output *out)
{
    struct cascade *c = own;
    memset(c->taken, 0, frame->count * sizeof *c->taken);
    for (size_t i = 0; i < c->places.live_count; i++)
        foresee(c, live(c, i), frame);
    appearance_see(&c->appearance, frame);
    run_stages(c, frame);
    begin_new(c, frame, out);
    for (size_t i = 0; i < c->places.live_count; i++) {
        show(c, live(c, i), frame);
        tracker_tell(out, &live(c, i)->shown);
    }
    places_sweep(&c->places, is_gone, c);
}
