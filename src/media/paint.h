/* Smooth polygons into YUV 4:2:0 pixels: each pixel gets the colour by the part of it that is
 * covered. */
#ifndef MEDIA_PAINT_H
#define MEDIA_PAINT_H

#include <stdbool.h>
#include <fovea/frame.h>

struct paint_point {
    float x, y; /* px, from the corner of the picture */
};

struct paint {
    fov_image image; /* FOV_YUV, both shifts 1 */
    uint16_t *cover; /* two rows of `image.width`, all 0 between calls */
};

/* What was painted, also outside of the picture. Begin with PAINT_NOWHERE. */
struct paint_box {
    float x1, y1, x2, y2;
};

#define PAINT_NOWHERE ((struct paint_box){1e9f, 1e9f, -1e9f, -1e9f})

/* Makes room for pictures of this width. False: no memory. */
bool paint_start(struct paint *p, int width);
void paint_end(struct paint *p);

struct paint_colour {
    uint8_t y, cb, cr;
};

struct paint_colour paint_rgb(uint32_t rgb);

/* Fills a convex polygon of at least 3 corners; `opacity` 0..1. */
void paint_convex(struct paint *p, const struct paint_point *corners, int count,
                  struct paint_colour colour, float opacity);

/* A thick line from a to b with round ends, radii in px: limbs, posts, balls (a equal to b).
 * `box` (may be NULL) grows by it. */
void paint_capsule(struct paint *p, struct paint_point a, float radius_a, struct paint_point b,
                   float radius_b, struct paint_colour colour, float opacity,
                   struct paint_box *box);

void paint_box_add(struct paint_box *box, const struct paint_point *corners, int count);

/* Row of a polygon: where the line at y enters and leaves it; false: it does not meet it. */
bool paint_slice(const struct paint_point *corners, int count, float y, float *left, float *right);

#endif
