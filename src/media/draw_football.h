/* What the drawing of a match shares: colours of people, and the radar. */
#ifndef MEDIA_DRAW_FOOTBALL_H
#define MEDIA_DRAW_FOOTBALL_H

#include <fovea/football_draw.h>

#include "media/overlay.h"

/* Of whom nobody knows the team, and of those who have none. */
#define DRAW_NOBODY 0xC9D1D6
#define DRAW_REFEREE 0xF2E55C

/* Colour of somebody: of the shirts of the team where that is known. */
uint32_t draw_person_color(const fov_football_frame *frame, const fov_football_person *person);

/* A pitch seen from above, in the picture. */
struct radar {
    struct overlay_rect place; /* with a margin around the lines; empty: there is no room */
    double scale;              /* px a metre */
    fov_pitch_size pitch;
    struct overlay_style style;
};

/* In the upper right corner, a quarter of the picture wide. */
struct radar radar_in(const fov_image *image, const fov_pitch_size *pitch);

/* Where a point of the pitch lies, px of the picture. */
fov_point radar_at(const struct radar *radar, double x, double y);

/* Ground, lines, what the camera sees, people and the ball (may be NULL). */
void radar_draw(const fov_image *image, const struct radar *radar, const fov_football_frame *frame,
                const fov_ball *ball);

#endif
