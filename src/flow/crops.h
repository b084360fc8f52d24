/* Appearance: boxes are cut out of their picture and go through a model whose vectors tell one
 * thing from another. The workers cut (crops_run.c), so many a frame and as long as it has time;
 * which boxes come first follows from what the last frame's tracks say (crops_choose.c). The thread
 * that publishes gives the vectors to the tracker and to the teams (crops.c). */
#ifndef FLOW_CROPS_H
#define FLOW_CROPS_H

#include <pthread.h>
#include <stdatomic.h>

#include "flow/flow.h"

/* What vectors are for. */
enum crop_use { CROP_NAMES, CROP_TEAMS, CROP_USES };

enum { CROP_TRACKS = 512, CROP_BOXES = 256 };

/* ---- what a worker found, then with its job ------------------------------------------------- */

struct crop_set {
    int count;
    uint16_t box[FOV_CROPS_MAX]; /* indices of the frame's detections */
    float *vectors;              /* `size` numbers each */
    size_t room;
};

struct crops {
    struct crop_set sets[CROP_USES];
    fov_crops told;
};

/* ---- which boxes (crops_choose.c) ----------------------------------------------------------- */

/* A track as the last frame left it. */
struct crop_track {
    int32_t id;
    float box[4];
    float vx, vy; /* px a second */
    bool seen;    /* in that frame; else where it is thought to be */
    bool settled; /* its team is known */
    /* Time of the last frame that gave it a vector, by use; CROP_NEVER: none did. */
    int64_t vector_ns[CROP_USES];
};

#define CROP_NEVER INT64_MIN

struct crop_known {
    int64_t time_ns; /* of that frame */
    size_t count;
    struct crop_track tracks[CROP_TRACKS];
};

/* How much a box is in need of a vector. */
enum crop_need {
    CROP_NOT,    /* its track looks like what it did a moment ago, and nobody is near */
    CROP_AGAIN,  /* its track's last vector is a while ago */
    CROP_UNSURE, /* it may be of several tracks, of a lost or a new one, or has none yet */
};

struct crop_choice {
    uint16_t box;
    uint8_t need;
    float waited_s; /* since its track's last vector */
    float score;
};

/* Boxes of at least `least` that need a vector for that, the most needy first, of the first
 * CROP_BOXES. `kinds` (may be NULL): fov_football_class by box, and balls need none. */
size_t crops_choose(const struct crop_known *known, enum crop_use use, int64_t time_ns, float least,
                    const fov_detections *boxes, const uint8_t *kinds,
                    struct crop_choice choices[CROP_BOXES]);

/* One list of two, for a model that serves both uses: a box's larger need counts. */
size_t crops_unite(struct crop_choice *choices, size_t count, const struct crop_choice *others,
                   size_t other_count);

/* ---- a stream's (crops.c) ------------------------------------------------------------------- */

/* Referenced by its stream and by runs, which may outlive it. */
struct cropper {
    atomic_int refs;
    int sizes[CROP_USES]; /* numbers of a vector; 0: not wanted */
    bool shared;          /* CROP_NAMES serves both */
    float least;          /* score */
    struct crop_cost {
        atomic_llong run_ns, least_ns; /* what a run takes, and took at least; 0: not known */
    } costs[CROP_USES];
    pthread_mutex_t lock; /* held for microseconds */
    struct crop_known known;
    /* The publishing thread's: vectors by detection, all zero but those of this frame. */
    float *rows[CROP_USES];
    struct crop_known next;
};

/* Where the stream asks for one; sizes are filled in then. FOV_EINVAL: no tracker, one that does
 * not look, or no model for it. */
fov_status cropper_make(fov_stream *stream, const fov_stream_params *params, fov_error *error);
struct cropper *cropper_ref(struct cropper *cropper);
void cropper_unref(struct cropper **cropper); /* sets NULL, accepts NULL */

/* Whether models that are there now are what the stream was made for; may be NULL. */
fov_status cropper_accepts(const struct cropper *cropper, const fov_model_info *names,
                           const fov_model_info *teams, fov_error *error);

/* Ids of the models that the stream's parameters name; NULL: none. */
const char *crops_model_id(const fov_stream_params *params, enum crop_use use);

/* Room for the vectors of a frame; false: no memory. */
bool crops_reserve(struct crops **crops, const struct cropper *cropper);
void crops_free(struct crops **crops); /* sets NULL, accepts NULL */

/* Publishing thread, in frame order. Vectors of the job's detections, as fov_track_input has them;
 * NULL: the stream wants none for that. Valid until crops_end. */
const float *crops_begin(struct cropper *cropper, enum crop_use use, const struct crops *crops);
/* The next frame's tracks are told one by one, then crops_end makes them known. */
void crops_tell(struct cropper *cropper, const struct crop_track *track, int detection,
                const struct crops *crops, int64_t time_ns);
void crops_end(struct cropper *cropper, const struct crops *crops, int64_t time_ns);
/* The same of all of a tracker's. */
void crops_learn(struct job *job, const fov_tracks *tracks, int64_t time_ns);

/* ---- on the workers (crops_run.c) ----------------------------------------------------------- */

/* For all frames of the worker's run, whose detections are there. */
void crops_see(struct worker *worker);
void crop_work_free(struct crop_work **work);

#endif
