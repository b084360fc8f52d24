/* Pictures of a drawn plane: noise of all sizes, smooth, seen through a known map. */
#ifndef TESTS_TRACK_SCENERY_H
#define TESTS_TRACK_SCENERY_H

#include <fovea/frame.h>

/* A picture with memory of its own; free with scenery_release. Exits when there is none. */
fov_image scenery_make(fov_pixels pixels, int width, int height, int extra_stride);
void scenery_release(fov_image *image);

/* Brightness 0..255 of a point of the plane. */
double scenery_level(double x, double y, unsigned seed);

/* Fills the picture (RGB and BGR in gray): pixel (i, j) shows the point of the plane that
 * `to_plane`, a 3x3 map, gives for (i + 0.5, j + 0.5). */
void scenery_draw(fov_image *image, const double to_plane[9], unsigned seed);

/* Adds numbers of -most..most to every level, other ones for another seed. */
void scenery_noise(fov_image *image, int most, unsigned seed);

/* Of a camera that turns by `turn` radians and zooms by `zoom` around the middle and then moves the
 * picture by (x, y) px. */
void scenery_motion(const fov_image *image, double x, double y, double turn, double zoom,
                    double map[9]);

/* Farthest that the maps lie apart at the middle and the corners of the picture, in px. */
double scenery_apart(const fov_image *image, const double a[9], const double b[9]);

#endif
