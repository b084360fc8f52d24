/* A stream's football in frame order, and what may be asked of it from any thread. */
#include <string.h>

#include "base/clock.h"
#include "flow/crops.h"
#include "flow/football_internal.h"
#include "flow/look.h"

/* ---- by the thread that publishes --------------------------------------------------------------
 */

static void tell_parts(struct look *look, const struct looked *seen, fov_football_frame *frame)
{
    int64_t *kept = look->parts[look->count++ % LOOK_PARTS];
    for (int i = 0; i < FOV_PART_COUNT; i++) {
        frame->parts_ns[i] += seen->parts_ns[i];
        kept[i] = frame->parts_ns[i];
    }
}

static int detection_of(const struct look *look, size_t count, int32_t id)
{
    for (size_t i = 0; i < count; i++)
        if (look->seen[i].track_id == id)
            return (int)i;
    return -1;
}

/* Who has a vector now. `frame` NULL: nobody is known. */
static void learn_looks(struct look *look, struct job *job, const fov_football_frame *frame)
{
    struct cropper *cropper = job->stream->cropper;
    int64_t time_ns = frame_time_ns(job->stream, job->frame);
    for (size_t i = 0; frame && i < frame->count; i++) {
        const fov_football_person *p = &frame->people[i];
        int detection = p->state == FOV_TRACK_ACTIVE
                            ? detection_of(look, job->detections.count, p->id)
                            : -1;
        const struct crop_track track = {.id = p->id,
                                         .box = {p->x1, p->y1, p->x2, p->y2},
                                         .seen = detection >= 0,
                                         .settled = p->side != FOV_TEAM_UNKNOWN};
        crops_tell(cropper, &track, detection, job->crops, time_ns);
    }
    crops_end(cropper, job->crops, time_ns);
}

/* Names go to the boxes of the result, which have the classes of the model. */
static bool update(struct look *look, struct job *job, fov_football_frame *frame)
{
    const struct looked *seen = job->looked;
    size_t count = job->detections.count;
    fov_detections boxes = {.items = look->seen, .count = count, .capacity = DETECTIONS_MAX};
    for (size_t i = 0; i < count; i++) {
        look->seen[i] = job->detections.items[i];
        look->seen[i].class_id = seen->kinds[i];
    }
    fov_football_input input = {
        .time_s = pace_next(&look->pace, job->frame, job->stream->view.fifo),
        .seq = job->frame->seq,
        .image = job->picture ? &job->picture->image : NULL,
        .width = job->width,
        .height = job->height,
        .detections = &boxes,
        .found = seen->found ? &seen->view : NULL,
        .detector = seen->detector,
        .ball_unlooked = !seen->ball_looked};
    struct cropper *cropper = job->stream->cropper;
    if (cropper) {
        input.embeddings = crops_begin(cropper, CROP_NAMES, job->crops);
        input.team_embeddings = crops_begin(cropper, CROP_TEAMS, job->crops);
    }
    fov_status status = fov_football_update(look->football, &input, frame, NULL);
    if (cropper)
        learn_looks(look, job, status ? NULL : frame);
    if (status)
        return false;
    for (size_t i = 0; i < count; i++)
        job->detections.items[i].track_id = look->seen[i].track_id;
    return true;
}

/* Where the next pictures are to be looked at. After a cut, or where the camera could not be
 * followed, the view is looked for at once. */
static void look_ahead(struct look *look, const fov_football_frame *frame, double step_s)
{
    fov_ball_look plan = {0};
    if (look->has_ball || look->tiles)
        football_next_look(look->football, look->pace.time_s + step_s, &frame->motion, &plan);
    pthread_mutex_lock(&look->lock);
    look->plan = plan;
    look->hurries = !frame->view_known &&
                    (look->hurries || (look->begun && frame->motion.kind == FOV_MOTION_NONE));
    look->view_known = frame->view_known;
    look->view = frame->view;
    pthread_mutex_unlock(&look->lock);
}

void look_follow(struct job *job, fov_result *result)
{
    fov_stream *s = job->stream;
    struct look *look = s->look;
    fov_football_frame frame = {0};
    int64_t began = s->pool->clock();
    pthread_mutex_lock(&look->serial);
    double before_s = look->pace.time_s;
    if (update(look, job, &frame)) {
        look_ahead(look, &frame, look->pace.time_s - before_s);
        look->seq = job->frame->seq;
        look->begun = true;
        tell_parts(look, job->looked, &frame);
        if (football_copy_fill(&look->copy, &frame))
            result->football = &look->copy.frame;
    }
    pthread_mutex_unlock(&look->serial);
    job->timings.track = s->pool->clock() - began;
}

/* ---- by anybody -------------------------------------------------------------------------------
 */

static fov_status no_football(const fov_stream *s, fov_error *error)
{
    return fov_fail(error, FOV_EUNSUPPORTED, "%s: not a stream of football", s->name);
}

fov_status fov_stream_set_pitch_view(fov_stream *s, const fov_pitch_view *view, uint64_t seq,
                                     fov_error *error)
{
    struct look *look = s->look;
    if (!look)
        return no_football(s, error);
    pthread_mutex_lock(&look->serial);
    fov_status status = fov_football_set_view(look->football, view, seq, error);
    pthread_mutex_unlock(&look->serial);
    return status;
}

fov_status fov_stream_set_still_camera(fov_stream *s, bool still, fov_error *error)
{
    struct look *look = s->look;
    if (!look)
        return no_football(s, error);
    pthread_mutex_lock(&look->serial);
    fov_football_set_still(look->football, still);
    pthread_mutex_unlock(&look->serial);
    return FOV_OK;
}

fov_status fov_stream_get_pitch_view(fov_stream *s, fov_pitch_view *view, bool *known,
                                     double *sigma_px, uint64_t *seq, fov_error *error)
{
    struct look *look = s->look;
    fov_pitch_view now = {0};
    double sigma = 0;
    if (!look)
        return no_football(s, error);
    pthread_mutex_lock(&look->serial);
    bool there = look->begun && football_view(look->football, &now, &sigma);
    uint64_t newest = look->seq;
    pthread_mutex_unlock(&look->serial);
    if (view)
        *view = now;
    if (known)
        *known = there;
    if (sigma_px)
        *sigma_px = sigma;
    if (seq)
        *seq = newest;
    return FOV_OK;
}

void fov_stream_get_football_parts(fov_stream *s, double mean_ms[FOV_PART_COUNT])
{
    struct look *look = s->look;
    memset(mean_ms, 0, FOV_PART_COUNT * sizeof *mean_ms);
    if (!look)
        return;
    pthread_mutex_lock(&look->serial);
    int count = (int)(look->count < LOOK_PARTS ? look->count : LOOK_PARTS);
    for (int i = 0; i < count; i++)
        for (int k = 0; k < FOV_PART_COUNT; k++)
            mean_ms[k] += ns_to_ms(look->parts[i][k]) / count;
    pthread_mutex_unlock(&look->serial);
}

size_t fov_stream_get_match(fov_stream *s, fov_match_person *people, size_t capacity,
                            fov_match_team teams[2], fov_match_ball *ball)
{
    struct look *look = s->look;
    if (!look)
        return 0;
    pthread_mutex_lock(&look->serial);
    const fov_match *match = fov_football_match(look->football);
    size_t count = fov_match_people(match, people, people ? capacity : 0);
    for (int i = 0; teams && i < 2; i++)
        fov_match_get_team(match, i, &teams[i]);
    if (ball)
        *ball = fov_match_get_ball(match);
    pthread_mutex_unlock(&look->serial);
    return count;
}

fov_status fov_stream_get_heat(fov_stream *s, int team, int32_t id, float *seconds, size_t capacity,
                               int *columns, int *rows, fov_error *error)
{
    struct look *look = s->look;
    fov_match_heat heat = {0};
    if (!look)
        return no_football(s, error);
    pthread_mutex_lock(&look->serial);
    const fov_match *match = fov_football_match(look->football);
    fov_status status = id ? fov_match_get_heat(match, id, &heat)
                           : fov_match_get_team_heat(match, team, &heat);
    size_t bins = (size_t)heat.columns * (size_t)heat.rows;
    if (status == FOV_OK && bins > capacity)
        status = FOV_ELIMIT;
    if (status == FOV_OK)
        memcpy(seconds, heat.seconds, bins * sizeof *seconds);
    pthread_mutex_unlock(&look->serial);
    *columns = heat.columns;
    *rows = heat.rows;
    if (status == FOV_ENOTFOUND)
        return fov_fail(error, status, "nobody has the name %d", (int)id);
    return status ? fov_fail(error, status, "heat map: %s", fov_status_text(status)) : FOV_OK;
}

size_t fov_stream_settle_football(fov_stream *s, fov_ball *late, size_t capacity)
{
    struct look *look = s->look;
    fov_balls rest = {0};
    if (!look)
        return 0;
    pthread_mutex_lock(&look->serial);
    fov_football_settle(look->football, &rest);
    size_t count = rest.count < capacity ? rest.count : capacity;
    if (late && count > 0)
        memcpy(late, rest.items, count * sizeof *late);
    pthread_mutex_unlock(&look->serial);
    return rest.count;
}
