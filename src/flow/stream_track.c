/* A stream's boxes get names: its tracker is updated frame by frame, in order, by the one thread
 * that answers (tickets.c). */
#include "flow/flow.h"

#include <stdlib.h>

#include "base/clock.h"
#include "flow/crops.h"
#include "track/tracker.h"

struct namer {
    fov_tracker *tracker;
    struct pace pace;
    struct mover *mover;    /* NULL: the tracker does not look at the camera's motion */
    const fov_model *model; /* that made its boxes: compared, never looked into */
    uint64_t labels;
};

fov_status namer_make(fov_stream *s, const fov_stream_params *params, fov_error *error)
{
    if (!params->tracker || params->football)
        return FOV_OK;
    s->namer = calloc(1, sizeof *s->namer);
    if (!s->namer)
        return fov_fail(error, FOV_ENOMEM, "no memory for a tracker");
    fov_status status = fov_tracker_create(&s->namer->tracker, params->tracker, error);
    if (!status && fov_tracker_uses_motion(params->tracker->name) && !params->still_camera)
        status = mover_make(&s->namer->mover, error);
    return status;
}

float namer_high(const struct namer *n)
{
    return tracker_high(n->tracker);
}

bool stream_moves(const fov_stream *s)
{
    return s->namer && s->namer->mover;
}

void namer_free(struct namer **namer)
{
    if (*namer) {
        fov_tracker_destroy(&(*namer)->tracker);
        mover_free(&(*namer)->mover);
    }
    free(*namer);
    *namer = NULL;
}

/* FNV-1a of the names that classes have. */
static uint64_t labels_hash(const fov_model_info *info)
{
    uint64_t hash = 0xCBF29CE484222325u;
    for (int i = 0; i < info->label_count; i++)
        for (const char *c = info->labels[i];; c++) {
            hash = (hash ^ (unsigned char)*c) * 0x100000001B3u;
            if (!*c)
                break;
        }
    return hash;
}

/* Classes mean something else from this frame on: nothing goes on under its name. Another size of
 * the same model does not end a track. */
static void follow_model(struct namer *n, const fov_model *model)
{
    if (model == n->model)
        return;
    uint64_t labels = labels_hash(fov_model_get_info(model));
    if (n->model && labels != n->labels)
        fov_tracker_reset(n->tracker);
    n->model = model;
    n->labels = labels;
}

/* Files that are read as quickly as they can be are timed by their own time stamps; where those do
 * not go on, and live, by when the frame came. */
double pace_next(struct pace *p, const fov_frame *frame, bool fifo)
{
    double passed_s = (double)(frame->capture_ns - p->capture_ns) / 1e9;
    double by_pts_s = (frame->pts_ms - p->pts_ms) / 1e3;
    if (p->capture_ns == 0)
        passed_s = 0;
    else if (fifo && by_pts_s > 0)
        passed_s = by_pts_s;
    p->time_s += passed_s > 0 ? passed_s : 0;
    p->capture_ns = frame->capture_ns;
    p->pts_ms = frame->pts_ms;
    return p->time_s;
}

void stream_name(struct job *job, fov_tracks *tracks)
{
    fov_stream *s = job->stream;
    struct namer *n = s->namer;
    int64_t began = s->pool->clock();
    follow_model(n, job->form->model);
    fov_motion motion;
    fov_track_input input = {.time_s = pace_next(&n->pace, job->frame, s->view.fifo),
                             .width = job->width,
                             .height = job->height,
                             .detections = &job->detections};
    if (n->mover) {
        motion_next(n->mover, job, &motion);
        input.motion = &motion;
    }
    if (s->cropper)
        input.embeddings = crops_begin(s->cropper, CROP_NAMES, job->crops);
    if (fov_tracker_update(n->tracker, &input, tracks, NULL) != FOV_OK)
        *tracks = (fov_tracks){0};
    if (s->cropper)
        crops_learn(job, tracks, frame_time_ns(s, job->frame));
    job->timings.track = s->pool->clock() - began;
}
