/* Judges what is said of teams against the truth, beside a plain way to tell them. */
#ifndef TESTS_KIT_SCORE_H
#define TESTS_KIT_SCORE_H

#include "kit_world.h"

/* Counts are of players in frames, 2 s after the start and later. */
struct kit_score {
    size_t players, right, wrong;      /* of the teams, without keepers; the rest is unknown */
    size_t plain_players, plain_right; /* two means of the upper halves' mean colours */
    size_t referee, referee_other, referee_team;
    size_t keeper, keeper_right, keeper_wrong; /* named keeper of the right team; of a wrong one or
                                                  a player of any. The rest: other, unknown */
    size_t flips, plain_flips;                 /* changes from one team to the other, at any time */
    bool crossed;                              /* the first team is B */
    double known_s;                            /* when the kits were known; -1: never */
    double update_us, update_us_late;          /* processor time of an update: median, 99 % */
};

/* False: no memory. */
bool kit_score_run(const struct kit_level *level, unsigned seed, double fps, double seconds,
                   const fov_teams_params *params, struct kit_score *score);

#endif
