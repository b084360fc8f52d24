/* What all trackers have in common: checks, time, the sorting out of boxes, names. */
#include "track/tracker.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/plane.h"
#include "base/text.h"
#include "track/boxes.h"

enum { TRACKS_MOST = 4096, TRACKS_USUAL = 1024, EMBEDDING_MOST = 4096, NAMES_MOST = 32 };

struct fov_tracker {
    const struct tracker *kind;
    void *own;
    fov_tracker_params params; /* complete */
    struct track_box *boxes;   /* max_tracks */
    struct tracker_output out;
    double time_s; /* of the update before */
    bool begun;    /* there was one, since the last reset or leap */
};

int32_t tracker_next_id(struct tracker_output *out)
{
    /* After two billion names the first are long forgotten. */
    out->last_id = out->last_id == INT32_MAX ? 1 : out->last_id + 1;
    return out->last_id;
}

bool tracker_has_heir(const struct tracker_output *out, size_t box)
{
    return out->heirs && out->heirs[box].id;
}

void tracker_name(struct tracker_output *out, const struct tracker_frame *frame, size_t box,
                  fov_track *track)
{
    bool heir = tracker_has_heir(out, box);
    track->id = heir ? out->heirs[box].id : tracker_next_id(out);
    track->first_s = heir ? out->heirs[box].first_s : frame->time_s;
}

void tracker_place(fov_track *track, const struct tracker_frame *frame, int32_t box,
                   const float thought[4])
{
    const struct track_box *b = box < 0 ? NULL : &frame->boxes[box];
    const float *at = b ? b->at : thought;
    track->x1 = at[0];
    track->y1 = at[1];
    track->x2 = at[2];
    track->y2 = at[3];
    track->detection = b ? b->detection : -1;
    if (!b)
        return;
    track->score = b->score;
    track->class_id = b->class_id;
    track->seen_s = frame->time_s;
}

void tracker_tell(struct tracker_output *out, const fov_track *track)
{
    if (out->count < out->capacity)
        out->items[out->count++] = *track;
}

void tracker_tell_end(struct tracker_output *out, fov_track *track)
{
    track->state = FOV_TRACK_REMOVED;
    track->detection = -1;
    tracker_tell(out, track);
}

/* ---- parameters ------------------------------------------------------------------------------ */

static fov_status choose(const char *name, const struct tracker **kind, fov_error *error)
{
    const char *names[NAMES_MOST], *near;
    size_t count = 0;
    *kind = name && name[0] ? tracker_named(name) : tracker_at(0);
    if (*kind)
        return FOV_OK;
    for (; count < NAMES_MOST && tracker_at(count); count++)
        names[count] = tracker_at(count)->name;
    near = text_nearest(name, names, count);
    return fov_fail(error, FOV_ENOTFOUND, "no tracker \"%.40s\"%s%s%s", name,
                    near ? ", did you mean " : "", near ? near : "", near ? "?" : "");
}

/* The user's value, or what zero stands for; false and told when it is out of range. */
static bool settle(double given, double usual, double most, const char *name, double *value,
                   fov_error *error)
{
    *value = given == 0 ? usual : given;
    if (*value >= 0 && *value <= most)
        return true;
    fov_fail(error, FOV_EINVAL, "%s of a tracker is %g, not 0 to %g", name, given, most);
    return false;
}

static bool settle_float(float given, float usual, float most, const char *name, float *value,
                         fov_error *error)
{
    double settled;
    bool ok = settle((double)given, (double)usual, (double)most, name, &settled, error);
    *value = (float)settled;
    return ok;
}

static bool settle_int(int given, int usual, int most, const char *name, int *value,
                       fov_error *error)
{
    double settled;
    bool ok = settle(given, usual, most, name, &settled, error);
    *value = (int)settled;
    return ok;
}

static fov_status complete(fov_tracker_params *p, const struct tracker *kind, fov_error *error)
{
    const fov_tracker_params given = *p, *usual = &kind->usual;
    p->name = kind->name;
    p->across_classes = given.across_classes || usual->across_classes;
    if (!settle_float(given.high, usual->high, 1, "high", &p->high, error) ||
        !settle_float(given.low, usual->low, 1, "low", &p->low, error) ||
        !settle_float(given.start, usual->start, 1, "start", &p->start, error) ||
        !settle_float(given.buffer, usual->buffer, 4, "buffer", &p->buffer, error) ||
        !settle(given.lost_s, usual->lost_s, 3600, "lost_s", &p->lost_s, error) ||
        !settle_int(given.max_tracks, TRACKS_USUAL, TRACKS_MOST, "max_tracks", &p->max_tracks,
                    error) ||
        !settle_int(given.embedding_size, 0, EMBEDDING_MOST, "embedding_size", &p->embedding_size,
                    error))
        return FOV_EINVAL;
    if (p->low > p->high)
        return fov_fail(error, FOV_EINVAL, "low of a tracker (%g) is above high (%g)",
                        (double)p->low, (double)p->high);
    return FOV_OK;
}

float tracker_high(const fov_tracker *tracker)
{
    return tracker->params.high;
}

/* ---- life ------------------------------------------------------------------------------------ */

static fov_status take_memory(fov_tracker *t, fov_error *error)
{
    size_t most = (size_t)t->params.max_tracks;
    t->out.capacity = 2 * most;
    t->boxes = calloc(most, sizeof *t->boxes);
    t->out.items = calloc(t->out.capacity, sizeof *t->out.items);
    if (!t->boxes || !t->out.items)
        return fov_fail(error, FOV_ENOMEM, "no memory for a tracker of %zu tracks", most);
    return t->kind->create ? t->kind->create(&t->own, &t->params, error) : FOV_OK;
}

fov_status fov_tracker_create(fov_tracker **tracker, const fov_tracker_params *params,
                              fov_error *error)
{
    *tracker = NULL;
    fov_tracker_params settled = params ? *params : (fov_tracker_params){0};
    const struct tracker *kind;
    fov_status status = choose(settled.name, &kind, error);
    if (!status)
        status = complete(&settled, kind, error);
    if (status)
        return status;
    fov_tracker *t = calloc(1, sizeof *t);
    if (!t)
        return fov_fail(error, FOV_ENOMEM, "no memory for a tracker");
    t->kind = kind;
    t->params = settled;
    status = take_memory(t, error);
    if (status)
        fov_tracker_destroy(&t);
    *tracker = t;
    return status;
}

void fov_tracker_destroy(fov_tracker **tracker)
{
    fov_tracker *t = *tracker;
    if (!t)
        return;
    if (t->kind->destroy)
        t->kind->destroy(&t->own);
    free(t->boxes);
    free(t->out.items);
    free(t);
    *tracker = NULL;
}

void fov_tracker_reset(fov_tracker *tracker)
{
    if (tracker->kind->end)
        tracker->kind->end(tracker->own, NULL);
    tracker->out.count = 0;
    tracker->begun = false;
}

/* ---- updates --------------------------------------------------------------------------------- */

static fov_status check(const fov_track_input *input, fov_error *error)
{
    if (!input->detections || (input->detections->count && !input->detections->items))
        return fov_fail(error, FOV_EINVAL, "a tracker needs detections, if only none of them");
    if (!isfinite(input->time_s))
        return fov_fail(error, FOV_EINVAL, "the time of a frame is not finite");
    if ((input->ground && !plane_is_finite(input->ground)) ||
        (input->motion && !plane_is_finite(input->motion->map)))
        return fov_fail(error, FOV_EINVAL, "a homography is not finite");
    return FOV_OK;
}

/* Seconds since the update before; after a leap every track has ended. */
static double advance(fov_tracker *t, double time_s)
{
    double dt_s = t->begun ? fmax(time_s - t->time_s, 0) : 0;
    t->time_s = time_s;
    if (dt_s <= t->params.lost_s)
        return dt_s;
    if (t->kind->end)
        t->kind->end(t->own, &t->out);
    t->begun = false;
    return 0;
}

static void name_detections(const fov_tracker *t, const fov_detections *detections)
{
    for (size_t i = 0; i < detections->count; i++)
        detections->items[i].track_id = -1;
    for (size_t i = 0; i < t->out.count; i++) {
        const fov_track *track = &t->out.items[i];
        if (track->state == FOV_TRACK_ACTIVE && track->detection >= 0)
            detections->items[track->detection].track_id = track->id;
    }
}

fov_status fov_tracker_update(fov_tracker *tracker, const fov_track_input *input,
                              fov_tracks *tracks, fov_error *error)
{
    fov_status status = check(input, error);
    if (status)
        return status;
    fov_tracker *t = tracker;
    t->out.count = 0;
    struct tracker_frame frame = {.input = input, .boxes = t->boxes, .time_s = input->time_s};
    frame.dt_s = advance(t, input->time_s);
    frame.first = !t->begun;
    frame.count = boxes_collect(input->detections, t->boxes, (size_t)t->params.max_tracks);
    frame.widest = boxes_widest(t->boxes, frame.count);
    t->begun = true;
    t->kind->update(t->own, &frame, &t->out);
    name_detections(t, input->detections);
    if (tracks)
        *tracks = (fov_tracks){t->out.items, t->out.count};
    return FOV_OK;
}
