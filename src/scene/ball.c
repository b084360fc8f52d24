/* The ball's tracker: checks what it is told, keeps the pictures, tells what is known. The thinking
 * is in ball_paths.c, the late answers in ball_late.c, rolling and flying in ball_flight.c. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/plane.h"
#include "scene/ball_tracker.h"

#define LEAP_S 5.0        /* a clock that jumps by more, either way, starts anew */
#define SHOWN 0.5         /* least confidence of what is told */
#define COASTS_TO_PX 40.0 /* it is told unseen while its place is known that well */
#define PLACE_PX 1.5      /* how well a box's middle is known: so much and a tenth of its side */

double ball_unit(int width)
{
    return width > 0 ? width / 1920.0 : 1;
}

/* ---- making ---------------------------------------------------------------------------------- */

static bool within(double value, double least, double most)
{
    return value >= least && value <= most; /* false for what is not a number */
}

static fov_status check_params(const fov_ball_params *p, fov_error *error)
{
    if (p->class_id < -1)
        return fov_fail(error, FOV_EINVAL, "class_id is %d; it is a class or -1", (int)p->class_id);
    if (!within(p->delay_s, 0, 2) || !within(p->gap_s, 0, 2))
        return fov_fail(error, FOV_EINVAL, "delay_s and gap_s are 0 to 2 s, not %g and %g",
                        p->delay_s, p->gap_s);
    if (!within(p->coast_s, 0, 5))
        return fov_fail(error, FOV_EINVAL, "coast_s is 0 to 5 s, not %g", p->coast_s);
    if (p->tile_px < 64 || p->tile_px > 4096)
        return fov_fail(error, FOV_EINVAL, "tile_px is 64 to 4096, not %d", p->tile_px);
    if (p->overlap_px < 0 || p->overlap_px >= p->tile_px / 2)
        return fov_fail(error, FOV_EINVAL, "overlap_px is 0 to below half of tile_px, not %d",
                        p->overlap_px);
    if (p->sweep_every < 1)
        return fov_fail(error, FOV_EINVAL, "sweep_every is 1 or more, not %d", p->sweep_every);
    return FOV_OK;
}

static fov_ball_params with_defaults(const fov_ball_params *params)
{
    fov_ball_params p = params ? *params : (fov_ball_params){0};
    p.delay_s = p.delay_s != 0 ? p.delay_s : 0.5;
    p.gap_s = p.gap_s != 0 ? p.gap_s : 1;
    p.coast_s = p.coast_s != 0 ? p.coast_s : 1;
    p.tile_px = p.tile_px ? p.tile_px : 640;
    p.overlap_px = p.overlap_px ? p.overlap_px : p.tile_px > 200 ? 100 : 0;
    p.sweep_every = p.sweep_every ? p.sweep_every : 5;
    return p;
}

fov_status fov_ball_create(fov_ball_tracker **tracker, const fov_ball_params *params,
                           fov_error *error)
{
    fov_ball_params p = with_defaults(params);
    *tracker = NULL;
    fov_status status = check_params(&p, error);
    if (status)
        return status;
    fov_ball_tracker *made = calloc(1, sizeof *made);
    if (!made)
        return fov_fail(error, FOV_ENOMEM, "no memory for a tracker of the ball");
    made->params = p;
    fov_ball_reset(made);
    *tracker = made;
    return FOV_OK;
}

void fov_ball_destroy(fov_ball_tracker **tracker)
{
    free(*tracker);
    *tracker = NULL;
}

void fov_ball_reset(fov_ball_tracker *tracker)
{
    tracker->started = false;
    tracker->next = tracker->next_late = tracker->looks = 0;
    tracker->asked = 0;
    ball_paths_reset(&tracker->paths);
}

/* ---- what comes in --------------------------------------------------------------------------- */

fov_status ball_check_input(const fov_ball_input *input, fov_error *error)
{
    if (!isfinite(input->time_s))
        return fov_fail(error, FOV_EINVAL, "the time is not a finite number");
    if (input->width < 0 || input->width > 16384 || input->height < 0 || input->height > 16384)
        return fov_fail(error, FOV_EINVAL, "a picture of %d x %d px; a side is 0 to 16384",
                        input->width, input->height);
    if (input->motion && !plane_is_finite(input->motion->map))
        return fov_fail(error, FOV_EINVAL, "the camera motion is not finite");
    if (input->view && !ground_view_is_finite(input->view))
        return fov_fail(error, FOV_EINVAL, "the view of the pitch is not finite");
    return FOV_OK;
}

double ball_step_of(const fov_ball_tracker *tracker, const fov_ball_input *input)
{
    if (!tracker->started)
        return 0;
    bool sized = input->width > 0 && input->height > 0;
    if (sized && (input->width != tracker->width || input->height != tracker->height))
        return -1;
    uint64_t last = (tracker->next - 1) % BALL_PICTURES;
    double dt = input->time_s - tracker->frames[last].time_s;
    return fabs(dt) > LEAP_S ? -1 : fmax(dt, 0);
}

const double *ball_map_of(const fov_motion *motion, bool *unsure)
{
    *unsure = motion && motion->kind == FOV_MOTION_NONE;
    return motion && motion->kind != FOV_MOTION_NONE ? motion->map : NULL;
}

/* Numbers beyond any picture would only lose precision. */
static bool usable(const fov_detection *d)
{
    const float far = 1e5f;
    return d->x1 >= -far && d->y1 >= -far && d->x2 <= far && d->y2 <= far && d->x1 <= d->x2 &&
           d->y1 <= d->y2 && d->score >= 0 && d->score <= 1;
}

/* Puts a sighting in its place by score; the worst falls off at the end. */
static void insert(fov_ball_tracker *tracker, const struct ball_sighting *sighting)
{
    size_t at = tracker->seen_count;
    if (at == BALL_SIGHTINGS && tracker->seen[at - 1].score >= sighting->score)
        return;
    if (at < BALL_SIGHTINGS)
        tracker->seen_count++;
    else
        at--;
    while (at > 0 && tracker->seen[at - 1].score < sighting->score) {
        tracker->seen[at] = tracker->seen[at - 1];
        at--;
    }
    tracker->seen[at] = *sighting;
}

static void collect(fov_ball_tracker *tracker, const fov_detections *detections, double unit)
{
    tracker->seen_count = 0;
    for (size_t i = 0; detections && i < detections->count; i++) {
        const fov_detection *d = &detections->items[i];
        if (!usable(d) ||
            (tracker->params.class_id >= 0 && d->class_id != tracker->params.class_id))
            continue;
        float size = sqrtf((d->x2 - d->x1) * (d->y2 - d->y1));
        double spread = hypot(PLACE_PX * unit, 0.1 * (double)size);
        struct ball_sighting sighting = {((double)d->x1 + (double)d->x2) / 2,
                                         ((double)d->y1 + (double)d->y2) / 2,
                                         spread * spread,
                                         size,
                                         d->score,
                                         (int32_t)i};
        insert(tracker, &sighting);
    }
}

/* ---- a picture ------------------------------------------------------------------------------- */

/* Makes room for the next picture and says what is known of it before anything is seen. */
static struct ball_frame *open_frame(fov_ball_tracker *tracker, const fov_ball_input *input,
                                     double time_s, const double *map)
{
    struct ball_frame *frame = ball_frame_at(tracker, tracker->next);
    memset(frame, 0, sizeof *frame);
    frame->time_s = time_s;
    frame->unit = ball_unit(tracker->width);
    memcpy(frame->map, map ? map : PLANE_IDENTITY, sizeof frame->map);
    ground_of_view(&frame->ground, input->view, input->width, input->height);
    frame->told = (fov_ball){.time_s = time_s, .detection = -1};
    return frame;
}

static void step_paths(fov_ball_tracker *tracker, const struct ball_frame *frame, double dt,
                       const double *map, bool unsure, bool unlooked)
{
    int height = tracker->height > 0 ? tracker->height : 1080;
    struct ball_picture picture = {.number = tracker->next,
                                   .time_s = frame->time_s,
                                   .dt = dt,
                                   .area = (double)tracker->width * height,
                                   .unit = frame->unit,
                                   .coast_s = tracker->params.coast_s,
                                   .map = map,
                                   .unsure = unsure,
                                   .unlooked = unlooked,
                                   .seen = tracker->seen,
                                   .count = tracker->seen_count};
    ball_paths_step(&tracker->paths, &picture);
}

/* Whether the best path is told: likely enough, and unseen no longer than its place is known. */
static bool shown(const fov_ball_tracker *tracker, const struct ball_path *best, double unseen_s,
                  double unit)
{
    double error = ball_path_error(best, unseen_s, unit);
    return ball_paths_confidence(&tracker->paths, unit) >= SHOWN &&
           (unseen_s <= 0 || error <= COASTS_TO_PX * unit);
}

static void tell_now(fov_ball_tracker *tracker, struct ball_frame *frame)
{
    const struct ball_path *best = ball_paths_best(&tracker->paths);
    double unseen_s = best ? frame->time_s - best->seen_s : 0;
    if (!best || !shown(tracker, best, unseen_s, frame->unit))
        return;
    const struct ball_mark *mark = &ball_paths_marks(
        &tracker->paths)[(tracker->next - 1) % BALL_PICTURES];
    fov_ball *ball = &frame->told;
    ball->state = mark->detection >= 0 ? FOV_BALL_SEEN : FOV_BALL_COASTING;
    ball->x = (float)best->at[0];
    ball->y = (float)best->at[1];
    ball->vx = (float)best->at[2];
    ball->vy = (float)best->at[3];
    ball->size = best->size;
    ball->error_px = (float)ball_path_error(best, unseen_s, frame->unit);
    ball->confidence = (float)ball_paths_confidence(&tracker->paths, frame->unit);
    ball->detection = mark->detection;
    ball_late_learn(tracker);
    ball_add_height(tracker, tracker->next - 1, tracker->next - 1, ball);
}

/* The size that lengths are measured by: the last that was told. */
static void take_size(fov_ball_tracker *tracker, const fov_ball_input *input)
{
    if (input->width > 0 && input->height > 0) {
        tracker->width = input->width;
        tracker->height = input->height;
    } else if (tracker->width == 0) {
        tracker->width = 1920;
        tracker->height = 1080;
    }
}

/* What the next picture would push out is told now, however early that is. */
static void make_room(fov_ball_tracker *tracker)
{
    if (tracker->next - tracker->next_late == BALL_PICTURES)
        ball_late_tell(tracker, ball_frame_at(tracker, tracker->next_late)->time_s);
}

/* A look that nobody has done is the next one's turn. */
static void count_looks(fov_ball_tracker *tracker, bool unlooked)
{
    if (unlooked)
        tracker->looks -= tracker->asked;
    tracker->asked = 0;
}

/* The time of the picture and the step to it; after a leap all is told and forgotten. */
static double enter(fov_ball_tracker *tracker, const fov_ball_input *input, double *time_s)
{
    double dt = ball_step_of(tracker, input);
    *time_s = input->time_s;
    tracker->late_count = 0;
    if (dt < 0) {
        ball_late_tell(tracker, INFINITY);
        fov_ball_reset(tracker);
        return 0;
    }
    if (tracker->started && dt == 0)
        *time_s = ball_frame_at(tracker, tracker->next - 1)->time_s;
    make_room(tracker);
    return dt;
}

fov_status fov_ball_update(fov_ball_tracker *tracker, const fov_ball_input *input, fov_ball *ball,
                           fov_balls *late, fov_error *error)
{
    fov_status status = ball_check_input(input, error);
    if (status)
        return status;
    bool unsure;
    const double *map = ball_map_of(input->motion, &unsure);
    double time_s, dt = enter(tracker, input, &time_s);
    take_size(tracker, input);
    collect(tracker, input->detections, ball_unit(tracker->width));
    struct ball_frame *frame = open_frame(tracker, input, time_s, map);
    count_looks(tracker, input->unlooked);
    step_paths(tracker, frame, dt, map, unsure, input->unlooked);
    tracker->started = true;
    tracker->next++;
    tell_now(tracker, frame);
    if (ball)
        *ball = frame->told;
    ball_late_tell(tracker, time_s - tracker->params.delay_s);
    if (late)
        *late = (fov_balls){tracker->late, tracker->late_count};
    return FOV_OK;
}

void fov_ball_flush(fov_ball_tracker *tracker, fov_balls *late)
{
    tracker->late_count = 0;
    ball_late_tell(tracker, INFINITY);
    *late = (fov_balls){tracker->late, tracker->late_count};
}
