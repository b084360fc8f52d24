/* A stream whose pictures are of football. On the workers it is looked at (look.c: which boxes are
 * people and balls; look_drawn.c: those of the drawn match); by the one thread that publishes it is
 * followed, in frame order (look_follow.c). */
#ifndef FLOW_LOOK_H
#define FLOW_LOOK_H

#include <pthread.h>
#include <stdatomic.h>

#include "flow/flow.h"
#include "flow/football_copy.h"
#include "flow/look_classes.h"

#define LOOK_DRAWN "drawn"

enum { LOOK_PARTS = 128 };

/* Its detections and what else was found in a frame. A worker's, then with its job. */
struct looked {
    uint8_t kinds[DETECTIONS_MAX]; /* fov_football_class by detection */
    fov_football_detector detector;
    int64_t parts_ns[FOV_PART_COUNT];
    bool found; /* the view of the pitch was */
    fov_pitch_view view;
    /* The run's own. */
    struct look_classes classes;
    float people_conf;
    fov_error error; /* why nothing can be looked for */
};

/* Referenced by its stream and by runs, which may outlive it. */
struct look {
    atomic_int refs;
    /* What was asked for; never changes. */
    struct look_names names;
    fov_football_look way;
    float ball_conf;
    double pitch_fps;
    bool drawn, pitch_drawn;
    void (*on_detections)(void *user, const fov_frame *frame, fov_detections *detections);
    void *user;

    pthread_mutex_t lock; /* held for microseconds */
    pthread_cond_t idle;
    struct look_classes classes; /* of `model`, */
    fov_model *model;            /* the last one that was run */
    int hooks;                   /* calls of on_detections that run now */
    bool closed;                 /* none begins any more */
    int64_t pitch_ns;            /* time of the last picture that was looked at for the pitch */
    bool pitch_seen;

    pthread_mutex_t serial; /* held for an update of `football` at most */
    fov_football *football;
    struct pace pace;
    fov_detection seen[DETECTIONS_MAX]; /* of the frame that is taken in */
    struct football_copy copy;          /* of the last one */
    uint64_t seq;
    bool begun;
    int64_t parts[LOOK_PARTS][FOV_PART_COUNT]; /* of the last frames, a ring */
    uint64_t count;
};

/* Where the stream asks for it (look_stream.c). */
fov_status look_make(struct look **look, const fov_stream_params *params, fov_error *error);
/* The slot of the detector "drawn", which stands where others have a model. */
fov_status look_open_drawn(fov_workers *pool, fov_error *error);
struct look *look_ref(struct look *look);
void look_unref(struct look **look); /* sets NULL, accepts NULL */
/* No call of on_detections runs or begins any more; waits for those that run. */
void look_close(struct look *look);

/* Whether the player model can be used; the slot is the stream's. */
fov_status look_accepts(struct look *look, const fov_model_info *info, fov_error *error);

/* The i-th frame of the worker's run is going to be looked at, or was: run_frame.detections hold
 * what is of football then, with the classes of the player model. No lock. */
void look_begin(struct worker *worker, int i);
void look_end(struct worker *worker, int i);

/* What a detector might have seen in a frame of the drawn match, in fov_football_class (into
 * `detections`), and now and then the view of the pitch (look_drawn.c). */
fov_status look_at_drawn(struct look *look, const fov_frame *frame, int64_t time_ns,
                         fov_detections *detections, struct looked *seen, fov_error *error);
/* Whether it is time to look at the whole pitch, in the picture of that time. */
bool look_pitch_due(struct look *look, int64_t time_ns);

/* The job went well: takes it in and fills result->football, valid until the next call. In frame
 * order; without the pool's lock, by the one thread that publishes (look_follow.c). */
void look_follow(struct job *job, fov_result *result);

#endif
