/* A football frame as JSON: one writer for the command line and the server. */
#ifndef SCENE_FOOTBALL_JSON_H
#define SCENE_FOOTBALL_JSON_H

#include <fovea/football.h>
#include "base/json.h"

/* Members of an open object: tracks, ball, teams, pitch_m, parts_ms, detector. `size` of the pitch
 * (NULL: 105 x 68), `width`, `height` of the picture, source px. What is not known is null, and so
 * is what is not finite; a speed of exactly 0 is one that is not known. Thread-safety: safe, each
 * with its own writer. Blocks: no. */
void football_write(struct json_writer *w, const fov_football_frame *frame,
                    const fov_pitch_size *size, int width, int height);

/* Member "parts_ms" of ms, in the order of fov_football_part. */
void football_write_parts(struct json_writer *w, const double ms[FOV_PART_COUNT]);

/* Member "teams" of the frame above; its possession and sums are of the whole match so far. */
void football_write_teams(struct json_writer *w, const fov_football_frame *frame);

/* A map as nine numbers, row by row, to nine digits; null when one is not finite. A value. */
void football_put_matrix(struct json_writer *w, const double map[9]);

/* "first", "second"; NULL: neither. */
const char *football_side_name(fov_team_side side);

/* "player", also of others; "goalkeeper", "referee". */
const char *football_class_name(fov_match_role role);

/* "waiting", "grey", "no_pitch", "alike", "known". */
const char *football_teams_state(fov_teams_state state);

#endif
