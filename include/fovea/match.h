/* Figures of a match from where its people stand: positions without the jitter of boxes, speeds,
 * distances, sprints, who has the ball, where each spent the time. Metres (of <fovea/pitch.h>) and
 * seconds; frames may be missing, come at any rate, and people may be lost and found again.
 *
 * What is told is half a window (0.5 s) late: a position is settled when the time after it is known
 * too. fov_match_settle() at the end takes in the rest. */
#ifndef FOVEA_MATCH_H
#define FOVEA_MATCH_H

#include <stdbool.h>
#include <stdint.h>
#include <fovea/pitch.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct fov_match fov_match;

/* Zero means the default. */
typedef struct fov_match_params {
    fov_pitch_size pitch;
    int max_people;     /* 1..1024, default 128: names that figures are kept of at once */
    double window_s;    /* 0.1..4, default 1: positions are smoothed over so much time */
    double gap_s;       /* 0.05..10, default 1: longer without a sight ends a run */
    double limit_mps;   /* default 12: nobody is faster; what seems so is cut */
    double sprint_mps;  /* default 7: faster than this ... */
    double sprint_s;    /* default 1: ... for so long is a sprint */
    double reach_m;     /* default 1.5: nearest to the ball and nearer than this ... */
    double contact_s;   /* default 0.3: ... for so long, and its opponents not, has it */
    double free_ball_s; /* default 4: so long after the last contact it is still the team's */
} fov_match_params;

/* Somebody who is seen. `team`: 0, 1; -1 unknown for now (an earlier one stays), or nobody's. */
typedef struct fov_match_spot {
    int32_t id; /* of the track; 1 and more */
    int32_t team;
    double x, y; /* m */
} fov_match_spot;

typedef struct fov_match_person {
    int32_t id, team;
    bool present;      /* in sight: the last sight is not longer ago than gap_s */
    double time_s;     /* of the position: of the newest one that is settled */
    double x, y;       /* m, smoothed */
    double vx, vy;     /* m/s */
    double speed_mps;  /* 0..limit_mps */
    double seen_s;     /* time that the figures below are of */
    double distance_m; /* along smoothed positions, within runs only; jitter is no way */
    double top_mps;    /* highest speed */
    int sprints;       /* that lasted sprint_s */
    double sprint_m;   /* run in them */
    double mean_x, mean_y;
    double ball_s; /* time in which this one had the ball */
} fov_match_person;

typedef struct fov_match_team {
    double ball_s;     /* possession */
    double ball_share; /* of both teams' possession, 0..1; 0 when nobody had it yet */
    double mean_x, mean_y;
    double distance_m, seen_s, sprint_m; /* of all who ever belonged to it, also those forgotten */
    int sprints;
} fov_match_team;

typedef struct fov_match_ball {
    int32_t team;   /* who has it: 0, 1; -1: nobody */
    int32_t id;     /* who touches it now, 0: nobody */
    double since_s; /* when the team got it */
} fov_match_ball;

/* Seconds in bins of 1 m: seconds[row * columns + column], row 0 along y = 0. Counts as `distance`
 * does; the last bins of a side may reach over the line. A view, valid until the next update. */
typedef struct fov_match_heat {
    const float *seconds;
    int columns, rows;
} fov_match_heat;

/* Makes the figures with all the memory they will ever use: 32 kB for each of max_people. `params`
 * may be NULL. Returns FOV_EINVAL (which value, and its range), FOV_ENOMEM. Thread-safety: safe.
 * Blocks: no. */
FOV_API fov_status fov_match_create(fov_match **match, const fov_match_params *params,
                                    fov_error *error);

/* Sets *match to NULL, accepts NULL. Thread-safety: once. Blocks: no. */
FOV_API void fov_match_destroy(fov_match **match);

/* Takes in one frame: `count` people who were seen (not those a tracker only supposes), and the
 * ball's x, y in metres, or NULL when it was not seen. `time_s` of the capture, any origin, greater
 * than the last. People whose id is not positive or whose place is not finite or further than 20 m
 * from the pitch are left out and counted. When all names are taken, one that is out of sight and
 * was seen least gives its place up. Never allocates. Returns FOV_EINVAL for a time that is not
 * finite or not later than the last; nothing has changed then. Thread-safety: one thread at a time.
 * Blocks: no. Source: local least squares of second order, which on even times is the filter of
 * Savitzky and Golay (1964). */
FOV_API fov_status fov_match_update(fov_match *match, double time_s, const fov_match_spot *spots,
                                    size_t count, const double *ball, fov_error *error);

/* Settles what waits for later frames: the end, or a break. Thread-safety: as update. Blocks: no.
 */
FOV_API void fov_match_settle(fov_match *match);

/* Forgets everything. Thread-safety: as update. Blocks: no. */
FOV_API void fov_match_reset(fov_match *match);

/* Copies the figures of up to `capacity` people, the earliest seen first; returns how many there
 * are. Thread-safety: as update. Blocks: no. */
FOV_API size_t fov_match_people(const fov_match *match, fov_match_person *people, size_t capacity);

/* Figures of team 0 or 1. Returns FOV_EINVAL for others. Thread-safety: as update. Blocks: no. */
FOV_API fov_status fov_match_get_team(const fov_match *match, int team, fov_match_team *figures);

/* Who has the ball. Thread-safety: as update. Blocks: no. */
FOV_API fov_match_ball fov_match_get_ball(const fov_match *match);

/* Where a person was. Returns FOV_ENOTFOUND. Thread-safety: as update. Blocks: no. */
FOV_API fov_status fov_match_get_heat(const fov_match *match, int32_t id, fov_match_heat *heat);

/* Where the people of team 0 or 1 were. Returns FOV_EINVAL for others. Thread-safety: as update.
 * Blocks: no. */
FOV_API fov_status fov_match_get_team_heat(const fov_match *match, int team, fov_match_heat *heat);

/* Sights that were left out: places that cannot be, a name twice in a frame, names beyond
 * max_people. Thread-safety: as update. Blocks: no. */
FOV_API uint64_t fov_match_left_out(const fov_match *match);

#ifdef __cplusplus
}
#endif
#endif
