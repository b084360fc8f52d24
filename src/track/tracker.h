/* Trackers: how boxes get names. A tracker is one file, tracker_foo.c, that defines
 * `const struct tracker tracker_foo`, and its name in the list in meson.build. What all have in
 * common stands around them in tracker.c: checks, time, the sorting out of boxes, names. */
#ifndef TRACK_TRACKER_H
#define TRACK_TRACKER_H

#include <fovea/track.h>

/* A detection that can be tracked: finite, not empty, and not out of all reason. */
struct track_box {
    float at[4]; /* x1, y1, x2, y2 in source px */
    float score; /* 0..1 */
    int32_t class_id;
    int32_t detection; /* index into the update's detections and embeddings */
};

/* What a tracker is told of an update; valid while it lasts. */
struct tracker_frame {
    const fov_track_input *input;
    const struct track_box *boxes; /* by x1, ascending; at most max_tracks */
    size_t count;
    float widest;  /* width of the widest */
    double time_s; /* as told: for first_s and seen_s only, it may jump back */
    double dt_s;   /* since the update before: 0 to lost_s */
    bool first;    /* the first since the creation, a reset or a leap of time */
};

/* A name that goes on with a box, from another tracker over the same output. */
struct tracker_heir {
    int32_t id; /* 0: none */
    double first_s;
};

/* Where a tracker tells its tracks, those that are gone (once) among them. */
struct tracker_output {
    fov_track *items; /* room for 2 * max_tracks */
    size_t count, capacity;
    int32_t last_id;
    const struct tracker_heir *heirs; /* by box of this frame; NULL: none */
};

struct tracker {
    const char *name, *help;
    bool follows_camera;      /* makes use of the input's motion */
    bool compares_looks;      /* makes use of the input's embeddings */
    fov_tracker_params usual; /* what the zeros of its user stand for; max_tracks is filled in */

    /* Takes all the memory that `update` will need; `params` are complete and in range. May be
     * NULL, `destroy` as well: nothing to keep. */
    fov_status (*create)(void **own, const fov_tracker_params *params, fov_error *error);
    void (*destroy)(void **own);

    /* Tells all tracks. Those in state FOV_TRACK_ACTIVE give their names to their detections. Never
     * allocates, never fails; motion, ground and time are finite. */
    void (*update)(void *own, const struct tracker_frame *frame, struct tracker_output *out);

    /* Ends every track and tells it as FOV_TRACK_REMOVED; with `out` NULL it is forgotten. May be
     * NULL: there are never any. */
    void (*end)(void *own, struct tracker_output *out);
};

/* The i-th tracker of this build, NULL after the last; by name, NULL when there is none. */
const struct tracker *tracker_at(size_t i);
const struct tracker *tracker_named(const char *name);

/* The score from which a tracker looks at appearance: its `high`, zero replaced. */
float tracker_high(const fov_tracker *tracker);

/* A name that was not given before. */
int32_t tracker_next_id(struct tracker_output *out);

/* Whether a name goes on with that box. */
bool tracker_has_heir(const struct tracker_output *out, size_t box);

/* Sets name and first_s of a track that begins with that box: those that go on, or new ones. */
void tracker_name(struct tracker_output *out, const struct tracker_frame *frame, size_t box,
                  fov_track *track);

/* Sets what a track has of its box in this frame: place, detection, score, class, time. With `box`
 * -1 there is none, and it is thought to be at `thought`. */
void tracker_place(fov_track *track, const struct tracker_frame *frame, int32_t box,
                   const float thought[4]);

/* Adds a track to what is told. */
void tracker_tell(struct tracker_output *out, const fov_track *track);
/* The same of one that ends without a word about this frame. */
void tracker_tell_end(struct tracker_output *out, fov_track *track);

#endif
