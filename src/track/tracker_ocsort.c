/* OC-SORT (Cao 2023): trusts what was observed more than the filter. The direction in which a track
 * was seen to go counts when boxes are near each other, a track that comes back is looked for where
 * it was last seen, and its filter is then led along the way that it must have gone.
 *
 * Unlike the original, costs are capped (assign.h), a track that has its name shows it as soon as
 * it is back, and one that has none yet ends when it is missed: each was better on MOT17. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "track/assign.h"
#include "track/boxes.h"
#include "track/kalman.h"
#include "track/places.h"
#include "track/tracker.h"

#define LEAST_OVERLAP 0.3f
#define DIRECTION_WEIGHT 0.2
#define DIRECTION_S 0.1 /* a direction is that of the last tenth of a second */
#define PI 3.14159265358979323846

enum { SEEN_MOST = 8, HITS = 3, STEPS_BACK_MOST = 90 };

struct sight {
    float box[4];
    double time_s; /* of the tracker's own clock, which does not jump */
};

struct trail {
    fov_track shown;
    struct kalman_axis state[4], held[4]; /* now; when it was last seen */
    struct sight sights[SEEN_MOST];       /* a ring, sights[last] the newest */
    int last, sight_count;
    float box[4];
    int hits;      /* boxes, up to HITS */
    int32_t taken; /* box of this frame, -1 none */
    bool sure, gone;
};

struct ocsort {
    fov_tracker_params params;
    struct places places;
    struct trail *trails;
    int32_t *rows;
    bool *taken;
    struct assign *assign;
    double now_s;
};

/* ---- life ------------------------------------------------------------------------------------ */

static void destroy(void **own)
{
    struct ocsort *o = *own;
    if (!o)
        return;
    assign_destroy(&o->assign);
    places_release(&o->places);
    free(o->trails);
    free(o->rows);
    free(o->taken);
    free(o);
    *own = NULL;
}

static fov_status create(void **own, const fov_tracker_params *params, fov_error *error)
{
    size_t most = (size_t)params->max_tracks;
    struct ocsort *o = *own = calloc(1, sizeof *o);
    if (!o)
        return fov_fail(error, FOV_ENOMEM, "no memory for a tracker");
    o->params = *params;
    o->trails = calloc(most, sizeof *o->trails);
    o->rows = calloc(most, sizeof *o->rows);
    o->taken = calloc(most, sizeof *o->taken);
    if (!o->trails || !o->rows || !o->taken)
        return fov_fail(error, FOV_ENOMEM, "no memory for %zu tracks", most);
    fov_status status = places_create(&o->places, most, error);
    return status ? status : assign_create(&o->assign, most, most, error);
}

static struct trail *live(const struct ocsort *o, size_t i)
{
    return &o->trails[o->places.live[i]];
}

static void end(void *own, struct tracker_output *out)
{
    struct ocsort *o = own;
    for (size_t i = 0; out && i < o->places.live_count; i++)
        tracker_tell_end(out, &live(o, i)->shown);
    places_clear(&o->places);
}

/* ---- the filter: centre, area and aspect, with noise in px as SORT (Bewley 2016) has it --------
 */

static void measure(const float box[4], double z[4])
{
    double width = (double)box[2] - (double)box[0], height = (double)box[3] - (double)box[1];
    z[0] = (double)box[0] + width / 2;
    z[1] = (double)box[1] + height / 2;
    z[2] = width * height;
    z[3] = width / height;
}

static void predict(struct kalman_axis state[4], double steps)
{
    static const double noise_v[4] = {0.01, 0.01, 1e-4, 0};
    if (state[2].x + steps * state[2].v <= 0)
        state[2].v = 0; /* an area does not vanish */
    for (int i = 0; i < 4; i++)
        kalman_predict(&state[i], steps, 1, noise_v[i]);
}

static void correct(struct kalman_axis state[4], const float box[4])
{
    static const double variance[4] = {1, 1, 10, 10};
    double z[4];
    measure(box, z);
    for (int i = 0; i < 4; i++)
        kalman_correct(&state[i], z[i], variance[i]);
}

static void get_box(const struct kalman_axis state[4], float box[4])
{
    double width = sqrt(fmax(state[2].x * state[3].x, 0));
    double height = width > 0 ? state[2].x / width : 0;
    box[0] = (float)(state[0].x - width / 2);
    box[1] = (float)(state[1].x - height / 2);
    box[2] = (float)(state[0].x + width / 2);
    box[3] = (float)(state[1].x + height / 2);
}

/* From where it was last seen to where it is seen now, as if it had been seen on a straight way
 * between. */
static void lead_along(struct trail *t, const float to[4], double gap_s)
{
    const float *from = t->sights[t->last].box;
    double steps = gap_s * KALMAN_STEPS_A_SECOND;
    int count = (int)fmin(fmax(round(steps), 1), STEPS_BACK_MOST);
    memcpy(t->state, t->held, sizeof t->state);
    for (int i = 1; i < count; i++) {
        float part = (float)i / (float)count, way[4];
        for (int k = 0; k < 4; k++)
            way[k] = from[k] + part * (to[k] - from[k]);
        predict(t->state, steps / count);
        correct(t->state, way);
    }
    predict(t->state, steps / count);
}

/* ---- directions ------------------------------------------------------------------------------ */

static void see(struct trail *t, const float box[4], double now_s)
{
    t->last = (t->last + 1) % SEEN_MOST;
    t->sight_count += t->sight_count < SEEN_MOST;
    memcpy(t->sights[t->last].box, box, sizeof t->sights->box);
    t->sights[t->last].time_s = now_s;
}

/* The sight that a direction at that time starts from: the oldest of the last tenth of a second,
 * else the newest before. */
static const struct sight *start_of(const struct trail *t, double time_s, int skip)
{
    const struct sight *start = NULL;
    for (int i = skip; i < t->sight_count; i++) {
        const struct sight *s = &t->sights[(t->last - i + SEEN_MOST) % SEEN_MOST];
        if (!start || time_s - s->time_s < DIRECTION_S * 1.01)
            start = s;
    }
    return start;
}

/* From centre to centre, of length 1. */
static void direction(const float from[4], const float to[4], double way[2])
{
    double dx = ((double)to[0] + (double)to[2] - (double)from[0] - (double)from[2]) / 2;
    double dy = ((double)to[1] + (double)to[3] - (double)from[1] - (double)from[3]) / 2;
    double length = sqrt(dx * dx + dy * dy) + 1e-6;
    way[0] = dx / length;
    way[1] = dy / length;
}

/* 1/2 for a box straight ahead, -1/2 for one behind; 0 when a track has no direction yet. */
static double agreement(const struct trail *t, const float box[4], double now_s)
{
    const struct sight *newest = &t->sights[t->last], *before, *start;
    double own[2], new[2];
    if (t->sight_count < 2)
        return 0;
    before = start_of(t, newest->time_s, 1);
    start = start_of(t, now_s, 0);
    direction(before->box, newest->box, own);
    direction(start->box, box, new);
    return 0.5 - acos(fmin(fmax(own[0] * new[0] + own[1] * new[1], -1), 1)) / PI;
}

/* ---- an update ------------------------------------------------------------------------------- */

/* A place that a picture may have, and an area. */
static bool is_sane(const struct kalman_axis state[4])
{
    const double far = (double)BOX_FAR_PX;
    return fabs(state[0].x) < far && fabs(state[1].x) < far && fabs(state[0].v) < far &&
           fabs(state[1].v) < far && state[2].x < far * far && fabs(state[3].x) < far;
}

static void foresee(struct trail *t, double dt_s)
{
    predict(t->state, dt_s * KALMAN_STEPS_A_SECOND);
    t->taken = -1;
    t->gone = !is_sane(t->state);
    if (!t->gone) /* else it ends where it was last thought to be */
        get_box(t->state, t->box);
}

static void offer(struct ocsort *o, const struct tracker_frame *frame, const struct trail *t,
                  bool again)
{
    const float *at = again ? t->sights[t->last].box : t->box;
    size_t i, last;
    boxes_near(frame, at[0], at[2], 0, &i, &last);
    for (; i < last; i++) {
        const struct track_box *b = &frame->boxes[i];
        if (o->taken[i] || b->score < o->params.high ||
            (b->class_id != t->shown.class_id && !o->params.across_classes))
            continue;
        double overlap = (double)box_iou(at, b->at);
        if (overlap < (double)LEAST_OVERLAP)
            continue;
        double ahead = again ? 0 : agreement(t, b->at, o->now_s) * (double)b->score;
        assign_pair(o->assign, i, 1 - overlap - DIRECTION_WEIGHT * ahead);
    }
}

static void take(struct ocsort *o, struct trail *t, const struct tracker_frame *frame, size_t box)
{
    const float *at = frame->boxes[box].at;
    double gap_s = o->now_s - t->sights[t->last].time_s;
    if (gap_s > frame->dt_s * 1.01)
        lead_along(t, at, gap_s);
    correct(t->state, at);
    memcpy(t->held, t->state, sizeof t->held);
    see(t, at, o->now_s);
    t->taken = (int32_t)box;
    o->taken[box] = true;
}

/* `again`: those without a box are compared where they were last seen. */
static void match(struct ocsort *o, const struct tracker_frame *frame, bool again)
{
    size_t count = 0;
    assign_begin(o->assign, frame->count, 1 - (double)LEAST_OVERLAP);
    for (size_t i = 0; i < o->places.live_count; i++) {
        const struct trail *t = live(o, i);
        if (t->gone || t->taken >= 0)
            continue;
        o->rows[count++] = o->places.live[i];
        assign_row(o->assign);
        offer(o, frame, t, again);
    }
    assign_solve(o->assign);
    for (size_t i = 0; i < count; i++)
        if (assign_column(o->assign, i) >= 0)
            take(o, &o->trails[o->rows[i]], frame, (size_t)assign_column(o->assign, i));
}

static void begin(struct ocsort *o, const struct tracker_frame *frame, size_t box, int32_t id)
{
    static const double variance[4] = {10, 10, 10, 10}, speed[4] = {1e4, 1e4, 1e4, 0};
    struct trail *t = &o->trails[places_take(&o->places)];
    double z[4];
    *t = (struct trail){.taken = (int32_t)box, .sure = frame->first};
    t->shown = (fov_track){.id = id, .first_s = frame->time_s};
    memcpy(t->box, frame->boxes[box].at, sizeof t->box);
    measure(t->box, z);
    for (int i = 0; i < 4; i++)
        t->state[i] = (struct kalman_axis){.x = z[i], .xx = variance[i], .vv = speed[i]};
    memcpy(t->held, t->state, sizeof t->held);
    see(t, frame->boxes[box].at, o->now_s);
    o->taken[box] = true;
}

static void show(struct ocsort *o, struct trail *t, const struct tracker_frame *frame)
{
    bool seen = t->taken >= 0;
    t->hits += seen && t->hits < HITS;
    t->sure = t->sure || t->hits >= HITS;
    t->gone = t->gone || (!seen && !t->sure) ||
              (!seen && o->now_s - t->sights[t->last].time_s > o->params.lost_s);
    tracker_place(&t->shown, frame, t->gone ? -1 : t->taken, t->box);
    if (!t->gone) {
        t->shown.vx = (float)(t->state[0].v * KALMAN_STEPS_A_SECOND);
        t->shown.vy = (float)(t->state[1].v * KALMAN_STEPS_A_SECOND);
    }
    t->shown.state = t->gone    ? FOV_TRACK_REMOVED
                     : !t->sure ? FOV_TRACK_TENTATIVE
                     : seen     ? FOV_TRACK_ACTIVE
                                : FOV_TRACK_LOST;
}

static int is_gone(const void *of, int32_t place)
{
    return ((const struct ocsort *)of)->trails[place].gone;
}

static void update(void *own, const struct tracker_frame *frame, struct tracker_output *out)
{
    struct ocsort *o = own;
    o->now_s += frame->dt_s;
    memset(o->taken, 0, frame->count * sizeof *o->taken);
    for (size_t i = 0; i < o->places.live_count; i++)
        foresee(live(o, i), frame->dt_s);
    match(o, frame, false);
    match(o, frame, true);
    for (size_t i = 0; i < frame->count && o->places.free_count; i++)
        if (!o->taken[i] && frame->boxes[i].score >= o->params.start &&
            frame->boxes[i].score >= o->params.high)
            begin(o, frame, i, tracker_next_id(out));
    for (size_t i = 0; i < o->places.live_count; i++) {
        show(o, live(o, i), frame);
        tracker_tell(out, &live(o, i)->shown);
    }
    places_sweep(&o->places, is_gone, o);
}

const struct tracker tracker_ocsort = {
    .name = "ocsort",
    .help = "trusts observed directions: for things that turn and hide, on a still camera",
    .usual = {.high = 0.6f, .low = 0.1f, .start = 0.6f, .lost_s = 1},
    .create = create,
    .destroy = destroy,
    .update = update,
    .end = end,
};
