/* Inside of fov_football: what its files share. football.c takes pictures in and tells what is
 * known, football_view.c keeps the view of the pitch, football_people.c and football_exchange.c the
 * people. */
#ifndef FLOW_FOOTBALL_H
#define FLOW_FOOTBALL_H

#include <fovea/football.h>

enum { FOOTBALL_STEPS = 2048, FOOTBALL_MEETINGS = 4 };

/* ---- the view of the pitch (football_view.c) ---------------------------------------------------
 */

/* One picture: what is needed to carry a view over it. */
struct football_step {
    uint64_t seq;
    double time_s;
    int width, height;
    fov_motion_kind kind; /* NONE: the camera's motion is not known */
    double map[9];        /* from the picture before */
    bool still;           /* the camera stood still since then */
};

struct football_view {
    bool still;
    fov_pitch_size pitch;
    fov_pitch_view given; /* for the first picture, while `waits` */
    bool waits, kept;     /* kept: it is from a run before */
    fov_pitch_follow follow;
    bool doubtful;               /* the camera has moved, nobody knows how far */
    struct football_step *steps; /* a ring of FOOTBALL_STEPS */
    size_t count, newest;
};

/* FOV_EINVAL with the reason when it is no view, or not one for that size (0: any). A view for any
 * size becomes one for this. */
fov_status football_view_check(fov_pitch_view *view, int width, int height,
                               const fov_pitch_size *pitch, fov_error *error);

/* Whether the picture may be taken in: FOV_EINVAL for a view that does not fit. */
fov_status football_view_admits(struct football_view *v, const fov_football_input *input,
                                fov_error *error);

/* Takes a picture in that `football_view_admits`; all of `motion` is finite. */
void football_view_step(struct football_view *v, const fov_football_input *input, double time_s,
                        const fov_motion *motion);

/* The view of the newest picture; NULL: not known. */
const fov_pitch_view *football_view_now(const struct football_view *v);

fov_status football_view_set(struct football_view *v, const fov_pitch_view *view, uint64_t seq,
                             fov_error *error);

/* From the next picture on. */
void football_view_still(struct football_view *v, bool still);

void football_view_reset(struct football_view *v);

/* ---- people (football_people.c) ----------------------------------------------------------------
 */

/* What is remembered of a track as long as it lives. */
struct football_memory {
    int32_t id;   /* of the tracker; 0: free */
    int32_t name; /* what is told: another one's after an exchange */
    bool told;    /* in this picture */
    struct football_meeting {
        int32_t id; /* of the tracker */
        double time_s;
    } met[FOOTBALL_MEETINGS]; /* whom it was so near to that they may have been taken for each other
                               */
    fov_team_side seems;
    double exchanged_s;
    float votes[FOV_CLASS_BALL];
    double first_s;
    fov_team_side side;
    bool keeps;
    float confidence;
};

struct football_people {
    fov_tracker *tracker;
    fov_teams *teams;
    fov_teams_state state;
    bool on_ground; /* the tracker works in metres: its boxes are freed from the lens */
    size_t most;    /* people at a time */
    /* What the model knows to tell from players, since it did so. */
    bool has_class[FOV_CLASS_BALL];
    /* By detection of a person. */
    fov_detection *boxes;
    size_t *origin; /* index into the caller's detections */
    size_t box_count;
    size_t vector, team_vector; /* numbers of one; 0: none come */
    float *vectors;             /* for the tracker, by box */
    float *team_vectors;        /* by track */
    /* By track that is kept. */
    fov_track *tracks;
    struct football_memory **known;
    size_t track_count;
    struct football_memory *memory;
    fov_football_person *people;
    size_t count;
    fov_match_spot *spots;
    fov_match_person *figures;
    size_t figures_most;
};

/* A picture as its files see it. */
struct football_picture {
    const fov_football_input *input;
    double time_s; /* since the first one */
    const fov_motion *motion;
    const fov_pitch_view *view; /* NULL: not known */
    fov_pitch_size pitch;
};

fov_status football_people_create(struct football_people *p, const fov_football_params *params,
                                  fov_error *error);
void football_people_destroy(struct football_people *p);

/* Gives detections their names. */
void football_people_track(struct football_people *p, const struct football_picture *picture);
/* Learns whose they are. */
void football_people_team(struct football_people *p, const struct football_picture *picture);
/* Gives two their names back that their tracks have exchanged (football_exchange.c). */
void football_people_exchange(struct football_people *p, const struct football_picture *picture);
/* Makes the list of people, and of those who are seen the spots of fov_match_update. */
size_t football_people_place(struct football_people *p, const struct football_picture *picture);
/* Adds to the list what `match` knows of them. */
void football_people_figure(struct football_people *p, const fov_match *match);

void football_people_reset(struct football_people *p);

#endif
