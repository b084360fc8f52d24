/* Tracks on the ground, in metres: for cameras that know where the ground is, above all those that
 * pan over a pitch. What the picture's motion does to boxes is nothing there.
 *
 * Boxes are matched by how likely their foot is where a track should be (Mahalanobis' distance and
 * the log of its covariance, as UCMCTrack does it: Yi 2024), in the stages of ByteTrack: sure boxes
 * first, then unsure ones for those seen a moment ago, then sure ones for those seen only once.
 *
 * Without a homography the last one is carried on by the camera's motion for a second; after that
 * the picture is all there is, and BoT-SORT goes on there. Names go on with the boxes that have
 * them when the one takes over from the other, unless the motion is not known. */
#include "track/tracker.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/plane.h"
#include "track/appearance.h"
#include "track/assign.h"
#include "track/boxes.h"
#include "track/ground.h"
#include "track/ground_error.h"
#include "track/places.h"

/* Distances squared that 0.1 % and 1 % of right pairs have, by chi squared of two. */
#define GATE 13.8
#define UNSURE_GATE 9.2
/* What it costs to leave a track alone; distance squared and log of m^4. */
#define ALONE 14.0
/* What it costs beside to look unlike the track, at the most (opposite vectors); in the same unit.
 */
#define LOOKS 20.0
/* A track goes on with unsure boxes only when it was seen this lately, s. */
#define FRESH_S 0.4
/* The speed of what is unseen for longer than this falls. */
#define RUNS_ON_S 0.5
#define CARRIED_S 1.0
/* Time outside of the picture, where nobody can be seen, counts by this part only. */
#define OUTSIDE 0.5

struct runner {
    fov_track shown;
    struct ground_state state;
    double size_m[2]; /* of its box, upright on the ground */
    double unseen_s;
    double missed_s; /* of that, the time for which it is not kept for ever */
    int32_t taken;   /* box of this frame, -1 none */
    bool sure;       /* seen twice */
    bool gone;
};

struct pitch {
    fov_tracker_params params;
    struct places places;
    struct runner *runners; /* by place */
    int32_t *rows;
    struct ground_seen *seen; /* by box */
    bool *free;               /* boxes on the ground that have no track yet */
    struct assign *assign;
    struct appearance appearance;
    struct ground_map map;
    struct ground_error error;
    struct ground_habit habit; /* of the homographies */
    double carried_s;          /* since the map was given; infinite: there is none */
    const struct tracker *picture;
    void *picture_own;
    bool in_picture;
    struct tracker_heir *heirs; /* by box: names that change sides in this frame */
};

/* ---- life ------------------------------------------------------------------------------------ */

static fov_status create(void **own, const fov_tracker_params *params, fov_error *error)
{
    size_t most = (size_t)params->max_tracks;
    struct pitch *p = *own = calloc(1, sizeof *p);
    if (!p)
        return fov_fail(error, FOV_ENOMEM, "no memory for a tracker");
    p->params = *params;
    p->carried_s = INFINITY;
    p->habit = ground_habit_begin();
    p->picture = tracker_named("botsort");
    p->runners = calloc(most, sizeof *p->runners);
    p->rows = calloc(most, sizeof *p->rows);
    p->seen = calloc(most, sizeof *p->seen);
    p->free = calloc(most, sizeof *p->free);
    p->heirs = calloc(most, sizeof *p->heirs);
    if (!p->runners || !p->rows || !p->seen || !p->free || !p->heirs)
        return fov_fail(error, FOV_ENOMEM, "no memory for %zu tracks", most);
    fov_status status = places_create(&p->places, most, error);
    if (!status)
        status = assign_create(&p->assign, most, most, error);
    if (!status)
        status = appearance_create(&p->appearance, (size_t)params->embedding_size, most, most,
                                   error);
    return status ? status : p->picture->create(&p->picture_own, params, error);
}

static void destroy(void **own)
{
    struct pitch *p = *own;
    if (!p)
        return;
    p->picture->destroy(&p->picture_own);
    appearance_release(&p->appearance);
    assign_destroy(&p->assign);
    places_release(&p->places);
    free(p->runners);
    free(p->rows);
    free(p->seen);
    free(p->free);
    free(p->heirs);
    free(p);
    *own = NULL;
}

static struct runner *live(const struct pitch *p, size_t i)
{
    return &p->runners[p->places.live[i]];
}

static void end(void *own, struct tracker_output *out)
{
    struct pitch *p = own;
    for (size_t i = 0; out && i < p->places.live_count; i++)
        tracker_tell_end(out, &live(p, i)->shown);
    places_clear(&p->places);
    p->carried_s = INFINITY;
    p->in_picture = false;
    p->picture->end(p->picture_own, out);
}

/* ---- the ground of the frame ----------------------------------------------------------------- */

enum known { UNKNOWN, LAST_TIME, KNOWN };

/* LAST_TIME: carried once more, for the names. */
static enum known find_ground(struct pitch *p, const struct tracker_frame *frame)
{
    const fov_track_input *in = frame->input;
    double map[9];
    if (in->ground && ground_map_set(&p->map, in->ground, in->width, in->height)) {
        p->carried_s = 0;
        return KNOWN;
    }
    p->carried_s += frame->dt_s;
    if (isfinite(p->carried_s) && in->motion && in->motion->kind != FOV_MOTION_NONE) {
        plane_multiply(in->motion->map, p->map.to_px, map);
        if (ground_map_set(&p->map, map, in->width, in->height))
            return p->carried_s <= CARRIED_S ? KNOWN : LAST_TIME;
    }
    p->carried_s = INFINITY;
    return UNKNOWN;
}

/* Whoever stands lowest in the picture stands in front of the camera. */
static void face_ground(struct pitch *p, const struct tracker_frame *frame)
{
    const float *lowest = NULL;
    for (size_t i = 0; i < frame->count; i++)
        if (!lowest || frame->boxes[i].at[3] > lowest[3])
            lowest = frame->boxes[i].at;
    if (lowest)
        ground_map_face(
            &p->map, (double[2]){((double)lowest[0] + (double)lowest[2]) / 2, (double)lowest[3]});
}

static void see_boxes(struct pitch *p, const struct tracker_frame *frame)
{
    for (size_t i = 0; i < frame->count; i++)
        p->free[i] = frame->boxes[i].score >= p->params.low &&
                     ground_see(&p->map, &p->error, frame->boxes[i].at, frame->boxes[i].score,
                                &p->seen[i]);
}

/* Where it was thought to be a frame ago. */
static bool is_outside(const struct runner *r, const fov_track_input *in)
{
    return in->width > 0 && in->height > 0 &&
           (r->shown.x2 < 0 || r->shown.x1 > (float)in->width || r->shown.y2 < 0 ||
            r->shown.y1 > (float)in->height);
}

static void foresee(struct runner *r, const struct tracker_frame *frame)
{
    ground_predict(&r->state, frame->dt_s, r->unseen_s > RUNS_ON_S);
    r->unseen_s += frame->dt_s;
    r->missed_s += frame->dt_s * (is_outside(r, frame->input) ? OUTSIDE : 1);
    r->taken = -1;
    r->gone = !ground_sane(&r->state);
}

/* ---- stages ---------------------------------------------------------------------------------- */

struct stage {
    bool (*wants)(const struct runner *r);
    float least, below; /* scores of its boxes */
    double gate;
};

static bool is_sure(const struct runner *r)
{
    return r->sure && r->taken < 0;
}

static bool is_fresh(const struct runner *r)
{
    return is_sure(r) && r->unseen_s <= FRESH_S;
}

static bool is_young(const struct runner *r)
{
    return !r->sure && r->taken < 0;
}

/* How unlike a box a track looks; 0 where nobody knows. */
static double unlike(const struct pitch *p, int32_t place, size_t box)
{
    return appearance_knows(&p->appearance, place, box)
               ? (double)appearance_distance(&p->appearance, place, box)
               : 0;
}

static void offer(struct pitch *p, const struct stage *stage, const struct tracker_frame *frame,
                  int32_t place)
{
    const struct runner *r = &p->runners[place];
    for (size_t i = 0; i < frame->count; i++) {
        const struct track_box *b = &frame->boxes[i];
        double distance, log_det;
        if (p->free[i] && b->score >= stage->least && b->score < stage->below &&
            (b->class_id == r->shown.class_id || p->params.across_classes) &&
            ground_distance(&r->state, &p->seen[i], stage->gate, &distance, &log_det))
            assign_pair(p->assign, i, distance + log_det + LOOKS * unlike(p, place, i));
    }
}

static void take(struct pitch *p, int32_t place, const struct tracker_frame *frame, size_t box)
{
    struct runner *r = &p->runners[place];
    appearance_learn(&p->appearance, place, box);
    const float *at = frame->boxes[box].at;
    ground_correct(&r->state, &p->seen[box]);
    r->size_m[0] = ((double)at[2] - (double)at[0]) / p->seen[box].px_a_metre;
    r->size_m[1] = ((double)at[3] - (double)at[1]) / p->seen[box].px_a_metre;
    r->taken = (int32_t)box;
    r->sure = true;
    p->free[box] = false;
}

/* Finds a box for each row; returns their number. */
static size_t match(struct pitch *p, const struct stage *stage, const struct tracker_frame *frame)
{
    size_t count = 0;
    assign_begin(p->assign, frame->count, ALONE);
    for (size_t i = 0; i < p->places.live_count; i++) {
        const struct runner *r = live(p, i);
        if (r->gone || !stage->wants(r))
            continue;
        p->rows[count++] = p->places.live[i];
        assign_row(p->assign);
        offer(p, stage, frame, p->places.live[i]);
    }
    assign_solve(p->assign);
    return count;
}

static void run(struct pitch *p, const struct stage *stage, const struct tracker_frame *frame)
{
    size_t count = match(p, stage, frame);
    for (size_t i = 0; i < count; i++)
        if (assign_column(p->assign, i) >= 0)
            take(p, p->rows[i], frame, (size_t)assign_column(p->assign, i));
}

/* ---- the error of the homography --------------------------------------------------------------
 */

/* Tries who goes with whom, sees what all are off by, and looks at the boxes again without that. */
static void find_error(struct pitch *p, const struct tracker_frame *frame)
{
    struct ground_off off;
    ground_off_begin(&off, frame, &p->habit, &p->error);
    see_boxes(p, frame);
    size_t count = match(p, &(struct stage){is_fresh, p->params.high, 2, GATE}, frame);
    for (size_t i = 0; i < count; i++)
        if (assign_column(p->assign, i) >= 0)
            ground_off_add(&off, &p->map, &p->habit, &p->runners[p->rows[i]].state,
                           &p->seen[assign_column(p->assign, i)]);
    if (ground_off_solve(&off, frame->dt_s, &p->habit, &p->error))
        see_boxes(p, frame);
}

/* ---- beginnings and ends --------------------------------------------------------------------- */

static void begin_new(struct pitch *p, const struct tracker_frame *frame,
                      struct tracker_output *out)
{
    for (size_t i = 0; i < frame->count && p->places.free_count; i++) {
        const struct track_box *b = &frame->boxes[i];
        bool heir = tracker_has_heir(out, i);
        if (!p->free[i] || (!heir && b->score < p->params.start))
            continue;
        int32_t place = places_take(&p->places);
        struct runner *r = &p->runners[place];
        *r = (struct runner){0};
        appearance_begin(&p->appearance, place, i);
        r->shown = (fov_track){.class_id = b->class_id, .on_ground = true};
        tracker_name(out, frame, i, &r->shown);
        ground_begin(&r->state, &p->seen[i]);
        r->size_m[0] = ((double)b->at[2] - (double)b->at[0]) / p->seen[i].px_a_metre;
        r->size_m[1] = ((double)b->at[3] - (double)b->at[1]) / p->seen[i].px_a_metre;
        r->taken = (int32_t)i;
        r->sure = frame->first || heir;
        p->free[i] = false;
    }
}

/* Where its box should be; stays where it was when that is not in front of the camera, or out of
 * all reason. */
static void think(const struct pitch *p, struct runner *r, float box[4])
{
    double px[2], speed[2], px_a_metre;
    memcpy(box, &(float[4]){r->shown.x1, r->shown.y1, r->shown.x2, r->shown.y2}, 4 * sizeof *box);
    if (!ground_show(&p->map, &r->state, px, speed, &px_a_metre))
        return;
    double half = r->size_m[0] * px_a_metre / 2, tall = r->size_m[1] * px_a_metre;
    double most = fmax(fmax(fabs(px[0]) + half, fabs(px[1]) + tall),
                       fmax(fabs(speed[0]), fabs(speed[1])));
    if (!(most < (double)BOX_FAR_PX))
        return;
    r->shown.vx = (float)speed[0];
    r->shown.vy = (float)speed[1];
    box[0] = (float)(px[0] - half);
    box[1] = (float)(px[1] - tall);
    box[2] = (float)(px[0] + half);
    box[3] = (float)px[1];
}

static void show(const struct pitch *p, struct runner *r, const struct tracker_frame *frame)
{
    float box[4] = {r->shown.x1, r->shown.y1, r->shown.x2, r->shown.y2};
    bool seen = r->taken >= 0 && !r->gone;
    r->unseen_s = seen ? 0 : r->unseen_s;
    r->missed_s = seen ? 0 : r->missed_s;
    r->gone = r->gone || (!seen && (!r->sure || r->missed_s > p->params.lost_s));
    if (isfinite(p->carried_s))
        think(p, r, box);
    tracker_place(&r->shown, frame, seen ? r->taken : -1, box);
    r->shown.ground_x = r->state.x[0];
    r->shown.ground_y = r->state.x[1];
    r->shown.ground_vx = r->state.x[2];
    r->shown.ground_vy = r->state.x[3];
    r->shown.state = r->gone    ? FOV_TRACK_REMOVED
                     : !r->sure ? FOV_TRACK_TENTATIVE
                     : seen     ? FOV_TRACK_ACTIVE
                                : FOV_TRACK_LOST;
}

static int is_gone(const void *of, int32_t place)
{
    return ((const struct pitch *)of)->runners[place].gone;
}

static void tell(struct pitch *p, const struct tracker_frame *frame, struct tracker_output *out)
{
    for (size_t i = 0; i < p->places.live_count; i++) {
        show(p, live(p, i), frame);
        tracker_tell(out, &live(p, i)->shown);
    }
    places_sweep(&p->places, is_gone, p);
}

/* ---- names that go on ------------------------------------------------------------------------ */

static void no_heirs(struct pitch *p, const struct tracker_frame *frame)
{
    memset(p->heirs, 0, frame->count * sizeof *p->heirs);
}

/* The picture's tracks end with this frame: whom they see in it gets the name on the ground. What
 * they told stays at `out` until settle_heirs. */
static void take_over(struct pitch *p, const struct tracker_frame *frame,
                      struct tracker_output *out)
{
    size_t from = out->count;
    no_heirs(p, frame);
    p->picture->update(p->picture_own, frame, out);
    p->picture->end(p->picture_own, NULL);
    for (size_t i = from; i < out->count; i++)
        for (size_t k = 0; k < frame->count; k++)
            if (out->items[i].state == FOV_TRACK_ACTIVE &&
                frame->boxes[k].detection == out->items[i].detection)
                p->heirs[k] = (struct tracker_heir){out->items[i].id, out->items[i].first_s};
}

static bool is_runner(const struct pitch *p, int32_t id)
{
    for (size_t i = 0; i < p->places.live_count; i++)
        if (live(p, i)->shown.id == id)
            return true;
    return false;
}

/* Of what the picture's tracks told from `from` on: names that went on are told by their runners,
 * the others have ended. */
static void settle_heirs(const struct pitch *p, size_t from, struct tracker_output *out)
{
    size_t count = out->count;
    out->count = from;
    for (size_t i = from; i < count; i++) {
        fov_track track = out->items[i];
        if (!is_runner(p, track.id))
            tracker_tell_end(out, &track);
    }
}

static int is_handed_on(const void *of, int32_t place)
{
    const struct runner *r = &((const struct pitch *)of)->runners[place];
    return r->taken >= 0 && !r->gone;
}

/* Those who are seen in this frame go on in the picture. */
static void hand_on(struct pitch *p, const struct tracker_frame *frame)
{
    no_heirs(p, frame);
    for (size_t i = 0; i < p->places.live_count; i++)
        if (is_handed_on(p, p->places.live[i]))
            p->heirs[live(p, i)->taken] = (struct tracker_heir){live(p, i)->shown.id,
                                                                live(p, i)->shown.first_s};
    places_sweep(&p->places, is_handed_on, p);
    p->carried_s = INFINITY;
}

/* ---- updates --------------------------------------------------------------------------------- */

static void on_ground(struct pitch *p, const struct tracker_frame *frame)
{
    const fov_tracker_params *q = &p->params;
    face_ground(p, frame);
    find_error(p, frame);
    /* No score is 2. */
    run(p, &(struct stage){is_sure, q->high, 2, GATE}, frame);
    run(p, &(struct stage){is_fresh, q->low, q->high, UNSURE_GATE}, frame);
    run(p, &(struct stage){is_young, q->high, 2, GATE}, frame);
}

static void update(void *own, const struct tracker_frame *frame, struct tracker_output *out)
{
    struct pitch *p = own;
    struct tracker_frame inner = *frame;
    enum known known = find_ground(p, frame);
    bool picture = known != KNOWN, over = p->in_picture && !picture;
    size_t from = out->count;
    for (size_t i = 0; i < p->places.live_count; i++)
        foresee(live(p, i), frame);
    if (over)
        take_over(p, frame, out);
    out->heirs = over ? p->heirs : NULL;
    inner.first = frame->first || picture != p->in_picture;
    p->in_picture = picture;
    appearance_see(&p->appearance, frame);
    if (known != UNKNOWN)
        on_ground(p, &inner);
    if (!picture)
        begin_new(p, &inner, out);
    if (over)
        settle_heirs(p, from, out);
    if (known == LAST_TIME) {
        hand_on(p, &inner);
        out->heirs = p->heirs;
    }
    tell(p, frame, out);
    if (picture)
        p->picture->update(p->picture_own, &inner, out);
    out->heirs = NULL;
}

const struct tracker tracker_pitch = {
    .name = "pitch",
    .help = "in metres on the ground; for cameras with a homography, as over a football pitch",
    .follows_camera = true,
    .compares_looks = true,
    .usual = {.high = 0.5f, .low = 0.1f, .start = 0.6f, .lost_s = 3},
    .create = create,
    .destroy = destroy,
    .update = update,
    .end = end,
};
