/* Teams: who wears which kit. Two kits are found in the pictures themselves; every track gets a
 * side, slowly and for good. */
#ifndef FOVEA_TEAM_H
#define FOVEA_TEAM_H

#include <fovea/frame.h>
#include <fovea/pitch.h>
#include <fovea/track.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum fov_team_side {
    FOV_TEAM_UNKNOWN, /* not sure, or not yet */
    FOV_TEAM_FIRST,   /* the lighter kit, or the first that was named */
    FOV_TEAM_SECOND,
    FOV_TEAM_OTHER /* neither kit: referees, and goalkeepers while no view of the pitch is known */
} fov_team_side;

typedef enum fov_teams_state {
    FOV_TEAMS_WAITING,  /* too few players for long enough yet */
    FOV_TEAMS_GREY,     /* the pictures have no colour */
    FOV_TEAMS_NO_PITCH, /* no one colour fills the ground, or people stand elsewhere: a close-up, or
                           no pitch */
    FOV_TEAMS_ALIKE,    /* many players, but no two kits that differ enough */
    FOV_TEAMS_KNOWN
} fov_teams_state;

typedef struct fov_team {
    int32_t track_id;
    fov_team_side side;
    bool goalkeeper;     /* of `side`; never without a view of the pitch */
    float confidence;    /* 0..1; of unknown ones 0 */
    double since_s;      /* time of the frame in which it got this side; 0: unknown */
    fov_team_side seems; /* by the last half second of clear sight alone: a track that seems to be
                            of the other side has perhaps gone over to another player.
                            FOV_TEAM_UNKNOWN: neither; with embeddings always */
} fov_team;

/* A view, items[i] belongs to tracks->items[i]; valid until the next call on its owner. */
typedef struct fov_team_list {
    const fov_team *items;
    size_t count;
    fov_teams_state state; /* of this picture */
} fov_team_list;

/* Zero means the default. */
typedef struct fov_teams_params {
    int32_t class_id;   /* of the tracks that are players; -1: all */
    int max_tracks;     /* 1..1024 kept at a time; default 256. The longest unseen gives way */
    int min_tracks;     /* players needed to tell two kits, 4..64; default 8 */
    double change_s;    /* evidence, in seconds of clear sight, that changes a side, 0.5..60;
                           default 3. A first name needs 0.15 of it, `other` a third */
    bool named;         /* the shirts are these, as 0xRRGGBB: where they are clearly different, few
                           players are enough */
    uint32_t colors[2]; /* of FOV_TEAM_FIRST and FOV_TEAM_SECOND */
    int embedding_size; /* 1..2048: vectors of so many numbers are compared and not colours */
} fov_teams_params;

/* What is told of one frame. */
typedef struct fov_teams_input {
    double time_s;              /* of its capture, any origin, increasing */
    const fov_image *image;     /* the whole picture; NULL with embeddings */
    const fov_tracks *tracks;   /* boxes in px of `image` */
    const fov_pitch_view *view; /* of this picture; NULL: unknown */
    fov_pitch_size pitch;
    /* embedding_size numbers a track, or NULL; all zero: not looked at in this frame, and the next
     * one counts for the time since the last, 0.6 s at the most. */
    const float *embeddings;
} fov_teams_input;

typedef struct fov_teams fov_teams;

/* Makes an observer with all the memory that it will ever use. `params` may be NULL. Returns
 * FOV_EINVAL (a value out of range, which), FOV_ENOMEM. Thread-safety: safe. Blocks: no. */
FOV_API fov_status fov_teams_create(fov_teams **teams, const fov_teams_params *params,
                                    fov_error *error);

/* Sets *teams to NULL, accepts NULL. Thread-safety: once. Blocks: no. */
FOV_API void fov_teams_destroy(fov_teams **teams);

/* Looks at the players of one frame and says whose they are. Only tracks that were seen in this
 * frame are looked at; lost ones keep their side. A side is given after clear sight for a while and
 * changed only after change_s of it against what was said. Until two kits are told apart, and
 * without colour or a pitch, all is FOV_TEAM_UNKNOWN that was not known before. `list` may be NULL.
 * A time that stands still or jumps back counts as no time at all. Never allocates. Returns
 * FOV_EINVAL (a time or view that is not finite, no picture, no tracks, neither picture nor
 * embeddings), FOV_EUNSUPPORTED (pixels); nothing has changed then. Thread-safety: one thread at a
 * time. Blocks: no. Source: k-means++ (Arthur and Vassilvitskii 2007) with trimming
 * (Cuesta-Albertos, Gordaliza and Matran 1997) on CIE L*a*b* colours of the torso. */
FOV_API fov_status fov_teams_update(fov_teams *teams, const fov_teams_input *input,
                                    fov_team_list *list, fov_error *error);

/* The shirts' mean colours as 0xRRGGBB, of FOV_TEAM_FIRST and FOV_TEAM_SECOND, as they look in the
 * picture's mean light; false while they are not known, and with embeddings. Thread-safety: as
 * update. Blocks: no. */
FOV_API bool fov_teams_colors(const fov_teams *teams, uint32_t colors[2]);

/* Forgets tracks and kits (named ones stay). Thread-safety: as update. Blocks: no. */
FOV_API void fov_teams_reset(fov_teams *teams);

#ifdef __cplusplus
}
#endif
#endif
