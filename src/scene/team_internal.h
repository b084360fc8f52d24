/* What the files of the teams share. */
#ifndef SCENE_TEAM_INTERNAL_H
#define SCENE_TEAM_INTERNAL_H

#include <fovea/team.h>

#include "scene/cluster.h"
#include "scene/ground.h"
#include "scene/kit.h"

enum { TEAM_LIST_MOST = 4096 };

/* What is known of one track. */
struct team_slot {
    bool used;
    int32_t id;
    uint64_t frame;              /* the last one that it was in */
    double seen_s;               /* its time */
    float *mean;                 /* what it wears, over the last seconds of clear sight */
    float sight_s;               /* how many of those there are */
    float step_s;                /* seconds that this frame's sight stands for */
    double vector_s;             /* time of its last vector; negative: none yet */
    float clear;                 /* 0..1: how clearly it was seen in this frame; 0: not at all */
    fov_team_side side, thought; /* told; and what the mean says now */
    float evidence_s;            /* clear sight for `thought` against `side` */
    float lean, lean_s; /* of the last half second: 1 the first kit, -1 the second; seconds */
    float confidence;
    double since_s;
    bool has_place; /* metres on the pitch, smoothed */
    double place[2];
    uint64_t place_frame;
    int keeps;        /* the goal that it keeps: 0 at x = 0, 1 at the other end; -1: none */
    float keeps_s[2]; /* evidence for each */
};

struct fov_teams {
    fov_teams_params params;
    int size; /* numbers of a mean */
    struct lab_tables tables;
    bool started;
    uint64_t frame;
    double input_s; /* time of this frame as it was told */
    /* Own time, from 0, which never jumps; and seconds since the frame before. */
    double time_s, step_s;
    struct turf turf;
    bool grey;
    float looked_s, stood_s; /* player-seconds of late: feet in sight, and of those on the ground's
                                colour */
    float daylight;          /* linear light of the ground when it was seen first */
    double turf_due_s, learn_due_s;
    struct turf_box *boxes;
    struct team_slot *slots;        /* params.max_tracks */
    float *means;                   /* of the slots */
    float *vector;                  /* one embedding, made one long */
    bool known;                     /* centers hold */
    bool learnt;                    /* and were found in the pictures, not only named */
    double learnt_s;                /* since when */
    float *centers, *trial, *named; /* 2 x size */
    float spread, along; /* squares: of a player's distance to the own centre, and along the
                            line between both */
    float *points;       /* of those who are clear enough, for learning */
    struct cluster_work work;
    fov_teams_state state;
    double lead_m; /* how much farther from x = 0 the first team stands than the second, smoothed */
    double lead_s; /* how long that was to be seen */
    fov_team *list;
    struct team_slot **listed;
};

/* team_look.c: what the tracks wear in this frame, into their slots. */
void team_look(fov_teams *teams, const fov_teams_input *input);

/* Whether the players stand on the ground that was found: a lawn beside a street is no pitch. */
bool team_on_pitch(const fov_teams *teams);

/* team_learn.c: finds the two kits, and follows them. */
void team_learn(fov_teams *teams);
void team_name_kits(fov_teams *teams);

/* team_judge.c: sides out of means, goalkeepers out of places. */
void team_judge(fov_teams *teams);
void team_keepers(fov_teams *teams, const fov_teams_input *input);

/* Whether a track counts as a player that is seen in this frame. */
bool team_counts(const fov_teams *teams, const fov_track *track);

#endif
