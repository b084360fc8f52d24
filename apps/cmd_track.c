/* fovea track --dets FILE: detections of a file get names that last. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <fovea/fovea.h>
#include "base/clock.h"
#include "base/json.h"
#include "commands.h"
#include "mot.h"
#include "options.h"

enum { NAMES_MOST = 160 };

struct track {
    const char *dets, *motion_path, *ground_path, *mot_path;
    double fps;
    int width, height; /* px of the pictures, 0 not known */
    bool sparse;
    double high, low, start, buffer;
    fov_tracker_params params;

    struct mot mot;
    struct mot_motion motion;
    struct mot_motion ground; /* maps of frames, metres to px */
    fov_tracker *tracker;
    FILE *mot_file; /* NULL: JSON on standard output */
    struct json_writer writer;
    int32_t last_frame; /* that the tracker has seen, 0 none */
    size_t next_step, next_ground;
    int32_t frames, last_id;
};

/* ---- options --------------------------------------------------------------------------------- */

static const char *tracker_names(void)
{
    static char names[NAMES_MOST];
    size_t at = 0;
    const char *name;
    for (int i = 0; (name = fov_tracker_name(i, NULL)) && at < sizeof names; i++)
        at += (size_t)snprintf(names + at, sizeof names - at, "%s%s", i ? ", " : "", name);
    return names;
}

static int parse(struct track *t, int argc, char **argv)
{
    static const struct usage usage = {
        "track", "--dets FILE", "Gives the detections of a file names that last.",
        "FILE has the lines of the MOT challenge: frame,id,x,y,w,h,score. Frames count from 1.\n"
        "Prints one JSON object a frame, or writes the tracks as MOT lines with --mot. What "
        "trackers\n"
        "there are, and which is for what: docs/tracking.md.\n\n"
        "  fovea track --dets det.txt --fps 25\n"
        "  fovea track --dets det.txt --motion gmc.txt --mot out.txt --tracker botsort"};
    const struct option_spec options[] = {
        {"dets", OPTION_TEXT, &t->dets, 0, 0, "FILE", "detections"},
        {"fps", OPTION_NUMBER, &t->fps, 0.001, 1000, "N", "frames a second (30)"},
        {"motion", OPTION_TEXT, &t->motion_path, 0, 0, "FILE",
         "camera motion: lines of frame a b tx c d ty"},
        {"homography", OPTION_TEXT, &t->ground_path, 0, 0, "FILE",
         "the ground: lines of frame and 9 numbers, metres to px"},
        {"width", OPTION_INT, &t->width, 1, 65535, "N", "px of the pictures, where it matters"},
        {"height", OPTION_INT, &t->height, 1, 65535, "N", "of the same"},
        {"sparse", OPTION_FLAG, &t->sparse, 0, 0, NULL,
         "frames without a line were dropped, not empty"},
        {"mot", OPTION_TEXT, &t->mot_path, 0, 0, "FILE", "write the tracks there, as MOT lines"},
        {"tracker", OPTION_TEXT, &t->params.name, 0, 0, "NAME", tracker_names()},
        {"high", OPTION_NUMBER, &t->high, 0.0001, 1, "N", "least score of sure detections"},
        {"low", OPTION_NUMBER, &t->low, 0.0001, 1, "N", "least score that may keep a track"},
        {"start", OPTION_NUMBER, &t->start, 0.0001, 1, "N", "least score that begins a track"},
        {"lost", OPTION_NUMBER, &t->params.lost_s, 0.001, 3600, "S", "keep what is unseen so long"},
        {"buffer", OPTION_NUMBER, &t->buffer, 0, 4, "N",
         "look for unseen tracks in boxes grown by this part"},
        {"across-classes", OPTION_FLAG, &t->params.across_classes, 0, 0, NULL,
         "a track may go on with another class"},
        {0}};
    t->fps = 30;
    int count = options_parse(&usage, options, argc, argv, NULL, 0);
    if (count == 0 && !t->dets) {
        fprintf(stderr, "fovea track: --dets is missing\nsee: fovea track --help\n");
        return OPTIONS_ERROR;
    }
    t->params.high = (float)t->high;
    t->params.low = (float)t->low;
    t->params.start = (float)t->start;
    t->params.buffer = (float)t->buffer;
    return count;
}

/* ---- what comes out -------------------------------------------------------------------------- */

static void put_box(struct json_writer *w, float x1, float y1, float x2, float y2)
{
    json_name(w, "box");
    json_array_begin(w);
    json_put_number(w, (double)x1, 2);
    json_put_number(w, (double)y1, 2);
    json_put_number(w, (double)x2, 2);
    json_put_number(w, (double)y2, 2);
    json_array_end(w);
}

static void put_pair(struct json_writer *w, const char *name, double x, double y)
{
    json_name(w, name);
    json_array_begin(w);
    json_put_number(w, x, 3);
    json_put_number(w, y, 3);
    json_array_end(w);
}

/* Where a track stands and how fast it runs, when it knows the ground. */
static void put_ground(struct json_writer *w, const fov_track *track)
{
    if (!track->on_ground)
        return;
    put_pair(w, "pitch_m", track->ground_x, track->ground_y);
    put_pair(w, "speed_mps", track->ground_vx, track->ground_vy);
}

static void put_name(struct json_writer *w, const fov_detection *detection, size_t i,
                     const fov_tracks *tracks)
{
    if (detection->track_id < 0)
        return;
    json_add_int(w, "track_id", detection->track_id);
    for (size_t k = 0; k < tracks->count; k++)
        if (tracks->items[k].state == FOV_TRACK_ACTIVE && tracks->items[k].detection == (int32_t)i)
            put_ground(w, &tracks->items[k]);
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
        put_box(w, d->x1, d->y1, d->x2, d->y2);
        put_name(w, d, i, tracks);
        json_object_end(w);
    }
    json_array_end(w);
}

/* Those that have a name and no box in this frame: where they are thought to be. */
static void put_lost(struct json_writer *w, const fov_tracks *tracks)
{
    json_name(w, "lost");
    json_array_begin(w);
    for (size_t i = 0; i < tracks->count; i++) {
        const fov_track *track = &tracks->items[i];
        if (track->state != FOV_TRACK_LOST)
            continue;
        json_object_begin(w);
        json_add_int(w, "track_id", track->id);
        json_add_int(w, "class_id", track->class_id);
        put_box(w, track->x1, track->y1, track->x2, track->y2);
        put_ground(w, track);
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
    json_add_string(w, "source", t->dets);
    json_add_int(w, "frame", frame);
    json_add_number(w, "pts_ms", 1000 * time_s, 3);
    put_detections(w, detections, tracks);
    put_lost(w, tracks);
    json_object_end(w);
    if (w->failed)
        return fov_fail(error, FOV_ENOMEM, "no memory for the text of frame %d", (int)frame);
    fwrite(w->text, 1, w->size, stdout);
    putchar('\n');
    return FOV_OK;
}

static void write_mot(const struct track *t, int32_t frame, const fov_tracks *tracks)
{
    for (size_t i = 0; i < tracks->count; i++) {
        const fov_track *track = &tracks->items[i];
        const float box[4] = {track->x1, track->y1, track->x2, track->y2};
        if (track->state == FOV_TRACK_ACTIVE)
            mot_write(t->mot_file, frame, track->id, box, track->score);
    }
}

/* ---- frames ---------------------------------------------------------------------------------- */

/* The map of the ground of a frame, NULL when the file has none. */
static const double *ground_of(struct track *t, int32_t frame)
{
    const struct mot_step *steps = t->ground.steps;
    while (t->next_ground < t->ground.count && steps[t->next_ground].number < frame)
        t->next_ground++;
    bool there = t->next_ground < t->ground.count && steps[t->next_ground].number == frame;
    return there ? steps[t->next_ground].motion.map : NULL;
}

static fov_status advance(struct track *t, int32_t frame, const fov_detections *detections,
                          fov_error *error)
{
    fov_tracks tracks;
    fov_motion motion = mot_motion_between(&t->motion, t->last_frame, frame, &t->next_step);
    fov_track_input input = {.time_s = (frame - 1) / t->fps,
                             .width = t->width,
                             .height = t->height,
                             .detections = detections,
                             .motion = &motion,
                             .ground = ground_of(t, frame)};
    fov_status status = fov_tracker_update(t->tracker, &input, &tracks, error);
    if (status)
        return status;
    t->last_frame = frame;
    t->frames++;
    for (size_t i = 0; i < tracks.count; i++)
        t->last_id = tracks.items[i].id > t->last_id ? tracks.items[i].id : t->last_id;
    if (!t->mot_file)
        return print_json(t, frame, input.time_s, detections, &tracks, error);
    write_mot(t, frame, &tracks);
    return FOV_OK;
}

static fov_status run(struct track *t, fov_error *error)
{
    fov_status status = FOV_OK;
    for (size_t i = 0; i < t->mot.frame_count && !status; i++) {
        const struct mot_frame *f = &t->mot.frames[i];
        fov_detections none = {0}, some = {t->mot.boxes + f->first, f->count, f->count, NULL};
        for (int32_t empty = t->last_frame + 1; empty < f->number && !t->sparse && !status; empty++)
            status = advance(t, empty, &none, error);
        if (!status)
            status = advance(t, f->number, &some, error);
    }
    return status;
}

static fov_status open_all(struct track *t, fov_error *error)
{
    fov_status status = fov_tracker_create(&t->tracker, &t->params, error);
    if (!status)
        status = mot_read(&t->mot, t->dets, error);
    if (!status && t->motion_path)
        status = mot_read_motion(&t->motion, t->motion_path, error);
    if (!status && t->ground_path)
        status = mot_read_motion(&t->ground, t->ground_path, error);
    if (!status && t->mot_path && !(t->mot_file = fopen(t->mot_path, "we")))
        status = fov_fail(error, FOV_EIO, "%.150s: %s", t->mot_path, strerror(errno));
    return status;
}

static fov_status close_all(struct track *t, fov_status status, fov_error *error)
{
    bool written = t->mot_file ? !ferror(t->mot_file) : fflush(stdout) == 0;
    if (t->mot_file && fclose(t->mot_file))
        written = false;
    if (!status && !written)
        status = fov_fail(error, FOV_EIO, "%.150s cannot be written",
                          t->mot_path ? t->mot_path : "standard output");
    fov_tracker_destroy(&t->tracker);
    mot_release(&t->mot);
    mot_release_motion(&t->motion);
    mot_release_motion(&t->ground);
    json_release(&t->writer);
    return status;
}

int cmd_track(int argc, char **argv)
{
    struct track t = {0};
    fov_error error = {0};
    int parsed = parse(&t, argc, argv);
    if (parsed < 0)
        return parsed == OPTIONS_HELP ? 0 : 2;
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
