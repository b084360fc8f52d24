/* Trackers: boxes get names that last. Everything is in seconds and not in frames, because frame
 * rates adapt and frames are dropped. */
#ifndef FOVEA_TRACK_H
#define FOVEA_TRACK_H

#include <fovea/detect.h>
#include <fovea/motion.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum fov_track_state {
    FOV_TRACK_TENTATIVE, /* not seen often enough: no name shown yet */
    FOV_TRACK_ACTIVE,    /* seen in this update */
    FOV_TRACK_LOST,      /* not seen in this update; where it is thought to be */
    FOV_TRACK_REMOVED    /* gone: told once, its name does not come back */
} fov_track_state;

typedef struct fov_track {
    int32_t id; /* from 1, unique in the tracker's life (two billion of them) */
    fov_track_state state;
    int32_t class_id;
    int32_t detection;      /* index into this update's detections, -1: none */
    float x1, y1, x2, y2;   /* source px; the detection's box, or the predicted one when lost */
    float vx, vy;           /* of the centre, px a second; without camera motion */
    float score;            /* of the last detection */
    double first_s, seen_s; /* times of the first and of the last detection */
    /* Where it stands on the ground, in metres, and how fast, in metres a second; trackers that
     * know a homography set `on_ground`. */
    bool on_ground;
    double ground_x, ground_y, ground_vx, ground_vy;
} fov_track;

/* A view; valid until the next call on its tracker. */
typedef struct fov_tracks {
    const fov_track *items;
    size_t count;
} fov_tracks;

/* Zero means the tracker's own default; docs/tracking.md has the table. */
typedef struct fov_tracker_params {
    const char *name; /* "botsort" (default), "bytetrack", "ocsort", "pitch", "none" */
    float high, low;  /* scores: sure detections, and the least that may keep a track */
    float start;      /* least score that begins a track */
    double lost_s;    /* how long a track is kept unseen */
    float buffer;     /* boxes grow by this part of their size when an unseen track is looked for:
                         for fast objects at few frames a second; 0: botsort does not */
    bool across_classes; /* a track may go on with a box of another class */
    int max_tracks;      /* at a time, 1..4096; default 1024. Of the detections of a frame the
                            first so many are looked at: those of a model come best first */
    int embedding_size;  /* numbers an appearance vector has; 0: none come */
} fov_tracker_params;

/* What a tracker is told of one frame. */
typedef struct fov_track_input {
    double time_s;     /* of the frame's capture, any origin, increasing */
    int width, height; /* source px; 0 unknown */
    const fov_detections *detections;
    const fov_motion *motion; /* since the update before; NULL: the camera stands still */
    const double *ground;     /* 3x3, row by row: metres on the ground (x, y, 1) to source px;
                                 NULL: unknown. Of this frame */
    const float *embeddings;  /* embedding_size numbers a detection, or NULL */
} fov_track_input;

typedef struct fov_tracker fov_tracker;

/* Makes a tracker with all the memory that it will ever use. `params` may be NULL. Returns
 * FOV_ENOTFOUND (name; the message names the nearest), FOV_EINVAL (a value out of range, which),
 * FOV_ENOMEM. Thread-safety: safe. Blocks: no. */
FOV_API fov_status fov_tracker_create(fov_tracker **tracker, const fov_tracker_params *params,
                                      fov_error *error);

/* Sets *tracker to NULL, accepts NULL. Thread-safety: once. Blocks: no. */
FOV_API void fov_tracker_destroy(fov_tracker **tracker);

/* Advances to the time of a frame and gives its detections names: `track_id` of each is set, -1 for
 * those without. Boxes that are not finite, empty, turned inside out or farther than ten million px
 * away are left out, and so are those with a score that is none. `tracks` (may be
 * NULL) gets all tracks. A time that stands still or jumps back counts as no time at all; one that
 * leaps forward by more than lost_s ends every track. Never allocates. Returns FOV_EINVAL without
 * detections and for a time, a motion or a homography that is not finite; nothing has changed then.
 * Thread-safety: one thread at a time. Blocks: no. */
FOV_API fov_status fov_tracker_update(fov_tracker *tracker, const fov_track_input *input,
                                      fov_tracks *tracks, fov_error *error);

/* Forgets all tracks; names go on from where they were. Thread-safety: as update. Blocks: no. */
FOV_API void fov_tracker_reset(fov_tracker *tracker);

/* Whether it makes use of fov_track_input.motion; NULL or "": the default one. Thread-safety: safe.
 * Blocks: no. */
FOV_API bool fov_tracker_uses_motion(const char *name);

/* Whether it makes use of fov_track_input.embeddings; NULL or "": the default one. Thread-safety:
 * safe. Blocks: no. */
FOV_API bool fov_tracker_uses_embeddings(const char *name);

/* Names of the i-th tracker, what it is for in a sentence (may be NULL); NULL after the last.
 * Thread-safety: safe. Blocks: no. */
FOV_API const char *fov_tracker_name(int i, const char **help);

#ifdef __cplusplus
}
#endif
#endif
