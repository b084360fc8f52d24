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
#include "flow/look_tiles.h"

#define LOOK_DRAWN "drawn"

enum { LOOK_PARTS = 128, TILE_BOXES = 100, LOOK_SPARE = 8 };

/* Its detections and what else was found in a frame. A worker's, then with its job. */
struct looked {
    uint8_t kinds[DETECTIONS_MAX]; /* fov_football_class by detection */
    fov_football_detector detector;
    int64_t parts_ns[FOV_PART_COUNT];
    bool ball_looked; /* for, in all places where it may be */
    bool found;       /* the view of the pitch was */
    fov_pitch_view view;
    /* The run's own. */
    struct look_classes classes, ball_classes;
    float people_conf;
    bool tiles;
    fov_ball_look plan; /* where the ball is looked for; count 0: everywhere */
    fov_error error;    /* why nothing can be looked for */
};

/* Classes of the model that was run last. */
struct look_known {
    fov_model *model; /* a reference */
    struct look_classes classes;
};

/* Referenced by its stream and by runs, which may outlive it. */
struct look {
    atomic_int refs;
    /* What was asked for; never changes. */
    struct look_names names;
    bool tiles;
    int tile_px, tiles_at_once;
    int region_px, region_overlap_px; /* of the ball */
    float ball_conf;
    double ball_fps, pitch_fps;
    fov_pitch_layout layout;
    fov_pitch_size pitch;
    bool drawn, pitch_drawn;
    bool has_ball, has_pitch; /* models of their own */
    void (*on_detections)(void *user, const fov_frame *frame, fov_detections *detections);
    void *user;

    pthread_mutex_t lock; /* held for microseconds */
    pthread_cond_t idle;
    struct look_known known, ball_known;
    int hooks;   /* calls of on_detections that run now */
    bool closed; /* none begins any more */
    struct look_beat {
        bool begun;
        int64_t time_ns; /* of the last picture that was looked at for it */
    } pitch_beat, ball_beat;
    /* The view was lost: the pitch is looked for in every picture, so often at most. */
    bool hurries;
    int spare;
    /* What the last picture says of the next. */
    fov_ball_look plan;
    bool view_known;
    fov_pitch_view view;
    atomic_uint tile, sweep; /* whose turn it is */
    atomic_llong tile_ns;    /* what a tile takes; 0: not known */

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

/* Where the stream asks for it (look_stream.c). `player`: the model's, NULL: there is none. */
fov_status look_make(struct look **look, const fov_stream_params *params,
                     const fov_model_info *player, fov_error *error);
/* The slot of the detector "drawn", which stands where others have a model. */
fov_status look_open_drawn(fov_workers *pool, fov_error *error);
float look_high(const struct look *look); /* score from which appearance counts */
struct look *look_ref(struct look *look);
void look_unref(struct look **look); /* sets NULL, accepts NULL */
/* No call of on_detections runs or begins any more; waits for those that run. */
void look_close(struct look *look);

/* Whether the models can be used, with the reason; ball and pitch may be NULL. */
fov_status look_accepts(const struct look *look, const fov_model_info *player,
                        const fov_model_info *ball, const fov_model_info *pitch, fov_error *error);

/* The i-th frame of the worker's run from its picture to what is of football in it, in
 * run_frame.detections with the classes of the player model. No lock. One after another: */
void look_begin(struct worker *worker, int i);
/* instead of a run of the whole picture, for looked.tiles (look_regions.c); false: the run is over.
 */
bool look_in_tiles(struct worker *worker, int i);
void look_sort(struct worker *worker, int i);
/* for all frames: the ball and the pitch by models of their own (look_others.c) */
void look_for_others(struct worker *worker);
void look_end(struct worker *worker, int i);

/* Which classes of a model are of what; FOV_EINVAL: none that it is meant for. */
fov_status look_classes_of(struct look *look, struct look_known *known, fov_model *model, bool ball,
                           struct look_classes *classes, fov_error *error);

/* A worker's room for looking at parts of pictures. */
struct tiling {
    fov_detection seen[BATCH_MAX][TILE_BOXES];
    struct tile_box boxes[DETECTIONS_MAX];
    size_t count;
};
bool look_has_tiling(struct worker *worker);

/* Runs the model on parts of frame i's picture, as many as end by `until_ns` (0: all) but one at
 * least, and adds what it finds to the worker's tiling; `classes` says what is of use. Returns how
 * many. */
size_t look_at_regions(struct worker *worker, int i, const fov_ball_region *regions, size_t count,
                       const fov_detect_params *params, const struct look_classes *classes,
                       int64_t until_ns, fov_error *error);

/* What a detector might have seen in a frame of the drawn match, in fov_football_class (into
 * `detections`), and now and then the view of the pitch (look_drawn.c). */
fov_status look_at_drawn(struct look *look, const fov_frame *frame, int64_t time_ns,
                         fov_detections *detections, struct looked *seen, fov_error *error);
/* Whether it is time to look for the pitch, or the ball, in the picture of that time. */
bool look_pitch_due(struct look *look, int64_t time_ns);
bool look_ball_due(struct look *look, int64_t time_ns);

/* The job went well: takes it in and fills result->football, valid until the next call. In frame
 * order; without the pool's lock, by the one thread that publishes (look_follow.c). */
void look_follow(struct job *job, fov_result *result);

#endif
