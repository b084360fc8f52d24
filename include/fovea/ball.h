/* The ball: one small thing that detectors miss and mistake. Sightings of many pictures are weighed
 * against each other; what is told is where it is, how sure that is, and where to look next. */
#ifndef FOVEA_BALL_H
#define FOVEA_BALL_H

#include <fovea/detect.h>
#include <fovea/motion.h>
#include <fovea/pitch.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum fov_ball_state {
    FOV_BALL_NONE,        /* not known: no place is given */
    FOV_BALL_SEEN,        /* a detection of this picture */
    FOV_BALL_COASTING,    /* not seen in this picture: where it is thought to be */
    FOV_BALL_INTERPOLATED /* not seen, but before and after: late answers only */
} fov_ball_state;

typedef enum fov_ball_height {
    FOV_BALL_HEIGHT_UNKNOWN, /* no view of the pitch, too few sightings, or they fit neither */
    FOV_BALL_ON_GROUND,
    FOV_BALL_IN_AIR
} fov_ball_height;

typedef struct fov_ball {
    double time_s; /* of the picture */
    fov_ball_state state;
    float x, y;        /* centre, source px of that picture */
    float vx, vy;      /* px a second, without camera motion; 0 when interpolated */
    float size;        /* diameter, px; 0: not known */
    float error_px;    /* a standard deviation of the place */
    float confidence;  /* 0..1: that this is the ball, beside all else that it may be */
    int32_t detection; /* index into the detections of that picture; -1: not seen in it */
    fov_ball_height height;
    /* Metres, when it is on the ground. A ball that may be in the air has none: what lies behind it
     * in the picture is not where it is. */
    bool on_pitch;
    double pitch_x, pitch_y;
} fov_ball;

/* A view; valid until the next call on its tracker. In order of time. */
typedef struct fov_balls {
    const fov_ball *items;
    size_t count;
} fov_balls;

/* Zero means the default. Lengths in px are those of a picture 1920 px wide and grow with it. */
typedef struct fov_ball_params {
    int32_t class_id; /* of the detections that may be the ball; -1: all of them */
    double delay_s;   /* how late a late answer may be, up to 2; default 0.5 */
    double gap_s;     /* longest hole that is filled between two sightings, up to 2; default 1 */
    double coast_s;   /* longest time that it is thought on unseen, up to 5; default 1 */
    int tile_px;      /* side of the regions to look at, 64..4096 source px; default 640 */
    int overlap_px;   /* of the regions of a sweep, below half of tile_px; default 100 */
    int sweep_every;  /* every so many-th look is at the whole picture; default 5, 1: always */
} fov_ball_params;

/* What a tracker is told of one picture. */
typedef struct fov_ball_input {
    double time_s;     /* of its capture, any origin, increasing */
    int width, height; /* source px, up to 16384; 0 unknown: taken for 1920 x 1080 */
    const fov_detections *detections;
    const fov_motion *motion;   /* since the update before; NULL: the camera stands still */
    const fov_pitch_view *view; /* of this picture; NULL: unknown */
    bool unlooked; /* the ball was not looked for in this picture, or in a part of it only: that it
                      is not among the detections says nothing */
} fov_ball_input;

/* A part of the picture, source px, inside it. */
typedef struct fov_ball_region {
    int x, y, width, height;
} fov_ball_region;

enum { FOV_BALL_REGIONS_MAX = 64 };

typedef struct fov_ball_look {
    bool sweep;    /* the whole picture, in tiles that overlap */
    float x, y;    /* where it is expected, source px; not a number when it is not */
    float size_px; /* diameter that is expected; 0: not known */
    size_t count;
    fov_ball_region regions[FOV_BALL_REGIONS_MAX];
} fov_ball_look;

typedef struct fov_ball_tracker fov_ball_tracker;

/* Makes a tracker with all the memory that it will ever use. `params` may be NULL. Returns
 * FOV_EINVAL (a value out of range, which), FOV_ENOMEM. Thread-safety: safe. Blocks: no. */
FOV_API fov_status fov_ball_create(fov_ball_tracker **tracker, const fov_ball_params *params,
                                   fov_error *error);

/* Sets *tracker to NULL, accepts NULL. Thread-safety: once. Blocks: no. */
FOV_API void fov_ball_destroy(fov_ball_tracker **tracker);

/* Advances to the time of a picture. `ball` (may be NULL) gets what is known of it at once; `late`
 * (may be NULL) the pictures that are delay_s old by now, each told once, with what was learnt
 * since then: holes up to gap_s are filled, as far as their end is known by that time. Detections
 * that are not finite or turned inside out are left out; of more than 32 the best count. A time
 * that stands still or jumps back counts as no time at all; one that leaps by more than 5 s, and a
 * picture of another size, starts anew: what was held back is told. At most 256 pictures are held
 * back: with more in delay_s the oldest come out sooner. Never allocates. Returns FOV_EINVAL for a
 * time, a motion or a view that is not finite, or a size out of range; nothing has changed then.
 * Thread-safety: one thread at a time. Blocks: no. Source: Reid (1979), "An algorithm for tracking
 * multiple targets", for a single target. */
FOV_API fov_status fov_ball_update(fov_ball_tracker *tracker, const fov_ball_input *input,
                                   fov_ball *ball, fov_balls *late, fov_error *error);

/* Tells all pictures that were held back: the stream has ended. Thread-safety: as update. Blocks:
 * no. */
FOV_API void fov_ball_flush(fov_ball_tracker *tracker, fov_balls *late);

/* Which parts of the next picture, of `time_s`, deserve a look: tiles around the places where the
 * ball may be; the whole picture at every sweep_every-th call, and while nothing is known of it. Of
 * `input` the time, the size and the motion count. Returns FOV_EINVAL as fov_ball_update.
 * Thread-safety: as update. Blocks: no. */
FOV_API fov_status fov_ball_where(fov_ball_tracker *tracker, const fov_ball_input *input,
                                  fov_ball_look *look, fov_error *error);

/* Forgets all, also what was held back. Thread-safety: as update. Blocks: no. */
FOV_API void fov_ball_reset(fov_ball_tracker *tracker);

#ifdef __cplusplus
}
#endif
#endif
