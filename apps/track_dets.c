/* Detections of a file get names that last: `fovea track --dets`, without a video or a model. */
#include <stdio.h>

#include <fovea/fovea.h>
#include "base/clock.h"
#include "base/json.h"
#include "mot.h"
#include "track.h"

struct track {
    const struct track_dets *asked;
    struct mot mot;
    fov_motion_file *motion; /* NULL: not known */
    fov_motion_file *ground; /* maps of frames, metres to px; NULL: not known */
    fov_tracker *tracker;
    FILE *mot_file; /* NULL: JSON on standard output */
    struct json_writer writer;
    int32_t last_frame; /* that the tracker has seen, 0 none */
    int32_t frames, last_id;
};

/* ---- what comes out -------------------------------------------------------------------------- */

static void put_name(struct json_writer *w, const fov_detection *detection, size_t i,
                     const fov_tracks *tracks)
{
    if (detection->track_id < 0)
        return;
    json_add_int(w, "track_id", detection->track_id);
    for (size_t k = 0; k < tracks->count; k++)
        if (tracks->items[k].state == FOV_TRACK_ACTIVE && tracks->items[k].detection == (int32_t)i)
            mot_put_ground(w, &tracks->items[k]);
}

static void put_detections(struct json_writer *w, const fov_detections *detections,
                           const fov_tracks *tracks)
{
    json_name(w, "detections");
    json_array_begin(w);
    for (size_t i = 0; i < detections->count; i++) {
        const fov_detection *d = &detections->items[i];
        json_object_begin(w);
        json_add_int(w, "class_id", d->class_id);
        json_add_number(w, "confidence", (double)d->score, 4);
        mot_put_box(w, d->x1, d->y1, d->x2, d->y2);
        put_name(w, d, i, tracks);
        json_object_end(w);
    }
    json_array_end(w);
}

static fov_status print_json(struct track *t, int32_t frame, double time_s,
                             const fov_detections *detections, const fov_tracks *tracks,
                             fov_error *error)
{
    struct json_writer *w = &t->writer;
    json_reset(w);
    json_object_begin(w);
    json_add_string(w, "source", t->asked->path);
    json_add_int(w, "frame", frame);
    json_add_number(w, "pts_ms", 1000 * time_s, 3);
    put_detections(w, detections, tracks);
    mot_put_lost(w, tracks);
    json_object_end(w);
    if (w->failed)
        return fov_fail(error, FOV_ENOMEM, "no memory for the text of frame %d", (int)frame);
    fwrite(w->text, 1, w->size, stdout);
    putchar('\n');
    return FOV_OK;
}

/* ---- frames ---------------------------------------------------------------------------------- */

static fov_status advance(struct track *t, int32_t frame, const fov_detections *detections,
                          fov_error *error)
{
    fov_tracks tracks;
    fov_motion motion = mot_motion_between(t->motion, t->last_frame, frame), ground;
    bool grounded = t->ground && fov_motion_file_at(t->ground, frame, &ground);
    fov_track_input input = {.time_s = (frame - 1) / t->asked->fps,
                             .width = t->asked->width,
                             .height = t->asked->height,
                             .detections = detections,
                             .motion = &motion,
                             .ground = grounded ? ground.map : NULL};
    fov_status status = fov_tracker_update(t->tracker, &input, &tracks, error);
    if (status)
        return status;
    t->last_frame = frame;
    t->frames++;
    for (size_t i = 0; i < tracks.count; i++)
        t->last_id = tracks.items[i].id > t->last_id ? tracks.items[i].id : t->last_id;
    if (!t->mot_file)
        return print_json(t, frame, input.time_s, detections, &tracks, error);
    mot_write_tracks(t->mot_file, frame, &tracks);
    return FOV_OK;
}

static fov_status run(struct track *t, fov_error *error)
{
    fov_status status = FOV_OK;
    for (size_t i = 0; i < t->mot.frame_count && !status; i++) {
        const struct mot_frame *f = &t->mot.frames[i];
        fov_detections none = {0}, some = {t->mot.boxes + f->first, f->count, f->count, NULL};
        for (int32_t empty = t->last_frame + 1; empty < f->number && !t->asked->sparse && !status;
             empty++)
            status = advance(t, empty, &none, error);
        if (!status)
            status = advance(t, f->number, &some, error);
    }
    return status;
}

static fov_status open_all(struct track *t, fov_error *error)
{
    fov_status status = fov_tracker_create(&t->tracker, &t->asked->params, error);
    if (!status)
        status = mot_read(&t->mot, t->asked->path, error);
    if (!status && t->asked->motion)
        status = mot_open_motion(&t->motion, t->asked->motion, error);
    if (!status && t->asked->ground)
        status = mot_open_motion(&t->ground, t->asked->ground, error);
    if (!status && t->asked->mot)
        status = mot_create(&t->mot_file, t->asked->mot, error);
    return status;
}

static fov_status close_all(struct track *t, fov_status status, fov_error *error)
{
    if (!status && !t->mot_file && (ferror(stdout) || fflush(stdout)))
        status = fov_fail(error, FOV_EIO, "standard output cannot be written");
    status = mot_close(&t->mot_file, t->asked->mot, status, error);
    fov_tracker_destroy(&t->tracker);
    mot_release(&t->mot);
    fov_motion_file_close(&t->motion);
    fov_motion_file_close(&t->ground);
    json_release(&t->writer);
    return status;
}

int track_dets_run(const struct track_dets *asked)
{
    struct track t = {.asked = asked};
    fov_error error = {0};
    int64_t start_ns = clock_now_ns();
    fov_status status = open_all(&t, &error);
    if (!status)
        status = run(&t, &error);
    status = close_all(&t, status, &error);
    if (status)
        fprintf(stderr, "fovea track: %s\n", error.message);
    else
        fprintf(stderr, "%d frames, %d tracks begun in %.2f s\n", (int)t.frames, (int)t.last_id,
                ns_to_ms(clock_now_ns() - start_ns) / 1000);
    return fov_status_exit(status);
}
