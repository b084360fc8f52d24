/* What a stream asks of the football of its pictures beside <fovea/football.h>. */
#ifndef FLOW_FOOTBALL_INTERNAL_H
#define FLOW_FOOTBALL_INTERNAL_H

#include <fovea/football.h>

enum { FOOTBALL_NAME = 65 }; /* bytes of a team's name, with the zero */

/* What was asked for or is the default; never changes. */
fov_pitch_size football_pitch(const fov_football *football);
/* Of the regions of a sweep for the ball. */
void football_regions(const fov_football *football, int *side_px, int *overlap_px);

/* The score from which appearance counts. */
float football_high(const fov_football *football);

/* Where to look for the ball in the picture of `time_s`, which is the next one, of the size of the
 * last: as fov_ball_where, and as update. `motion`: the camera's until then, as far as anybody can
 * tell; NULL: none. */
void football_next_look(fov_football *football, double time_s, const fov_motion *motion,
                        fov_ball_look *look);

/* The view of the newest picture and how far off it may be; false: not known. As update. */
bool football_view(const fov_football *football, fov_pitch_view *view, double *sigma_px);

#endif
