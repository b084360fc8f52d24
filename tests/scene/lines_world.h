/* Pictures of a pitch for tests: grass, and lines where the distance to the markings of law 1 says
 * so, pixel by pixel. It shares no code with what looks for lines. */
#ifndef TESTS_LINES_WORLD_H
#define TESTS_LINES_WORLD_H

#include <fovea/frame.h>
#include <fovea/pitch.h>

enum { WORLD_WIDTH = 1280, WORLD_HEIGHT = 720 };

/* A camera at (52.5, -38, 20) that looks to the right by `pan` and down by `tilt` (radians), with a
 * focal length of `zoom` widths. */
fov_pitch_view world_view(double pan, double tilt, double zoom, double k1);

/* Which lines are drawn. */
enum world_lines { WORLD_ALL, WORLD_NONE, WORLD_HALFWAY };

/* Brightness of what a view shows: grass 90 with a stripe of 100 every other 5 m, lines 200. */
void world_draw(uint8_t *gray, const fov_pitch_view *view, enum world_lines lines);

/* Metres to the middle of the nearest line. */
double world_line_m(const double at[2], enum world_lines lines);

fov_image world_image(uint8_t *gray);

/* Root mean square of how far apart two views put what is seen of the pitch, px. */
double world_apart(const fov_pitch_view *a, const fov_pitch_view *b);

#endif
