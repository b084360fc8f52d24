/* Football streams of the server: what one is asked for, what it is opened with, and what its
 * feed keeps for viewers and endpoints. docs/football.md */
#ifndef SERVE_FOOTBALL_H
#define SERVE_FOOTBALL_H

#include "serve/frames.h"
#include "serve/settings_football.h"
#include "serve/view_book.h"

#define FOOTBALL_LATENCY_MS 2000.0 /* deadline of its frames, unless given: document 003 */

enum { FOOTBALL_NAME_MAX = 65, FOOTBALL_LABELS_MAX = 200 };

/* What start-stream, or a camera of the settings, asks for beside the section `football` of the
 * settings, which holds where nothing is said here. */
struct football_wish {
    bool model_given; /* the stream's own model finds the players */
    bool drawn;       /* FOOTBALL_DRAWN was asked for */
    char ball_model[MODEL_ID_MAX], pitch_model[MODEL_ID_MAX];      /* "" */
    char appearance_model[MODEL_ID_MAX], team_model[MODEL_ID_MAX]; /* "" */
    char labels[FOV_CLASS_COUNT][FOOTBALL_LABELS_MAX]; /* of models with own words; "" */
    const char *tracker;                               /* static name; NULL: not said */
    bool has_teams, colored;
    char names[2][FOOTBALL_NAME_MAX]; /* "" */
    uint32_t colors[2];
    int still;           /* 1, 0; -1: not said */
    fov_pitch_size size; /* zero: not said */
    const char *file;    /* with the calibration; NULL */
    char *body;          /* JSON with a member `homography`; NULL */
};

/* Reads the members of a start-stream's body that are about football; `wish` owns wish->body then.
 * `drawn` sources only: see football_prepare. False: answered; football_wish_release in any case.
 */
bool football_read_wish(struct exchange *x, const json_value *json, struct football_wish *wish);
/* Fills drawn and model_given for a stream that asks for this model; NULL, "": for none. */
void football_wish_model(struct football_wish *wish, const char *model);
/* Makes `source` one of football: its tracker goes to the wish; a rate (unless it has one),
 * a bound and a threshold that it has not come from the settings. `wish` must live while `source`
 * is used. */
void football_wish_for(struct football_wish *wish, struct room_source *source, bool has_rate,
                       const struct settings *settings);
void football_wish_release(struct football_wish *wish);

/* ---- what the feed keeps -----------------------------------------------------------------------
 */

/* Plain members are set before the first frame. */
struct feed_football {
    fov_pitch_size size; /* of the pitch, metres: never zero */
    char names[2][FOOTBALL_NAME_MAX];
    char tracker[16]; /* "auto" */
    bool drawn;
    struct view_key key;
    /* Loop thread, once there is a feed: whether the camera stands still, and that a client has
     * said so, not the settings; the calibration of that key, and why it is not in force
     * ("": it is, or waits for the lines). */
    bool still, still_said, has_kept;
    struct kept_view kept;
    char kept_why[160];
    atomic_int kept_width, kept_height; /* of one that waits for the first picture; 0: none */
    /* As of the last result; any thread. */
    atomic_int width, height; /* source px, 0: none came yet */
    atomic_int teams;         /* fov_teams_state */
    atomic_llong colors[2];   /* 0xRRGGBB, -1: not known */
};

/* Why the kept calibration is not for such pictures; "": it is, or nothing is known of them. */
void football_kept_why(const struct kept_view *kept, int width, int height, char *why, size_t size);

/* Takes what a result tells; on its thread. */
void football_feed_saw(struct feed_football *football, const fov_result *result);

/* Members of a frame as an object; NULL: no memory. Any thread. Made once, it goes into all texts
 * about the frame by football_splice. */
struct net_blob *football_blob(const struct feed_football *football, const fov_result *result);
/* Its members into an open object; accepts NULL. */
void football_splice(struct json_writer *w, struct net_blob *blob);

/* The member below alone, as football_splice takes it, of a stream that ends: with `settle` its
 * last frame was answered. NULL: no memory. */
struct net_blob *football_last(const struct feed_football *football, fov_stream *stream,
                               bool settle);

/* A member of two numbers. */
void football_add_pair(struct json_writer *w, const char *name, double a, double b, int decimals);

/* Member "football" of a stream's statistics: parts_ms, people, teams. */
void football_write_stats(struct json_writer *w, const struct feed_football *football,
                          fov_stream *stream);

/* ---- opening -----------------------------------------------------------------------------------
 */

/* What a stream is opened with. */
struct football_setup {
    struct football_wish wish;
    struct settings_football base;
    fov_pitch_view view;
    fov_football_params params; /* points into this struct and the settings */
    struct feed_football *feed; /* goes to the feed */
};

/* Copies a wish; NULL: no memory. */
struct football_setup *football_setup_make(const struct football_wish *wish);
void football_setup_free(struct football_setup **setup); /* sets NULL, accepts NULL */

/* Remembers what is kept of that source under that name (NULL: none was given). Loop thread. */
void football_recall(struct football_setup *setup, const struct view_book *book, const char *name,
                     const char *url);
/* Puts wish and settings together, before the source is opened: FOV_EINVAL for a drawn detector on
 * a source that is not the drawn match. `model` of MODEL_ID_MAX bytes is the stream's: that of the
 * settings goes there when it is "". Any thread. Blocks: on the disk. */
fov_status football_prepare(struct football_setup *setup, const struct settings *settings,
                            const char *url, char *model, fov_error *error);
/* Reads the calibration, once the source says how large its pictures are (0: it does not yet), or
 * takes the one that is kept. */
fov_status football_prepare_view(struct football_setup *setup, int width, int height,
                                 fov_error *error);

/* ---- calibrations ------------------------------------------------------------------------------
 */

/* Where a calibration is for. */
struct football_place {
    fov_pitch_size size; /* of the pitch */
    int width, height;   /* px of the stream's pictures, 0: not known yet */
};

/* A view from {points|matrix, size?, picture?, k1?, lens?, camera?}: `size` must be the place's,
 * `picture` may be smaller or larger in the same proportions; the view is for the place's pictures
 * then. `quality` as fov_pitch_view_from_points, all zero for a matrix. Returns FOV_EINVAL with the
 * reason. */
fov_status football_read_view(const json_value *object, const struct football_place *place,
                              fov_pitch_view *view, fov_pitch_quality *quality, fov_error *error);

/* Member "quality"; null when nothing was looked at. */
void football_write_quality(struct json_writer *w, const fov_pitch_quality *quality);
/* Ends the request with 422 `invalid_homography`, the reason and the quality. */
void football_refuse_view(struct exchange *x, const fov_error *error,
                          const fov_pitch_quality *quality);

#endif
