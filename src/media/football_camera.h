/* The one camera of the drawn match: on the main stand, turned and zoomed by somebody who follows
 * the ball. */
#ifndef MEDIA_FOOTBALL_CAMERA_H
#define MEDIA_FOOTBALL_CAMERA_H

#include "media/football_play.h"
#include "media/paint.h"

/* What the operator's hands do. */
struct camera_hand {
    double aim[2], aim_speed[2]; /* m on the ground */
    double zoom, zoom_speed;     /* factor of the focal length */
};

void football_camera_start(struct camera_hand *hand, const struct play *p);
void camera_follow(struct camera_hand *hand, const struct play *p);

/* The view at a time between two steps, `part` 0..1. `zoom`: as the user asked. */
struct football_view camera_view(const struct camera_hand *before, const struct camera_hand *now,
                                 double part, double time_s, double zoom, int width, int height);

/* Everything that projecting needs. */
struct camera {
    struct football_view view;
    double right[3], up[3], forward[3];
};

void camera_point(struct camera *c, const struct football_view *view);

/* Metres along the axis: what lies behind is negative. */
double camera_depth(const struct camera *c, const double at[3]);

/* Source px; the depth must be positive. */
struct paint_point camera_project(const struct camera *c, const double at[3]);

/* Projects a flat convex polygon of up to 12 corners, cut where it comes too near to the camera;
 * returns the corners that `to` (room for 16) got, 0: all of it is behind. */
int camera_polygon(const struct camera *c, const double (*corners)[3], int count,
                   struct paint_point *to);

/* Map from a plane to px: `origin` + u * `along` + v * `up`, (u, v, 1) to (x', y', w'). */
void camera_plane(const struct camera *c, const double origin[3], const double along[3],
                  const double up[3], double map[9]);

/* Map of what stands still from one view's picture to another's. */
void camera_motion(const struct camera *from, const struct camera *to, double map[9]);

#endif
