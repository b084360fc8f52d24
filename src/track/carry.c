/* A map of the ground, carried from picture to picture; see carry.h. */
#include "track/carry.h"

#include <math.h>
#include <string.h>

#include "base/plane.h"

/* Parts of the picture's width: what a sure step is off by at its farthest (docs/camera_motion.md
 * has the measurements), and how far a panning camera goes in a frame that nothing was seen in. */
#define SURE (0.1 / 320)
#define UNSURE (10.0 / 320)

void carried_set(struct carried *c, const double map[9], double off_px)
{
    double back[9];
    *c = (struct carried){.off_px = off_px, .known = plane_invert(map, back) && off_px >= 0};
    memcpy(c->map, map, sizeof c->map);
}

bool carried_step(struct carried *c, const fov_motion *motion, int width)
{
    double back[9], part = motion->kind == FOV_MOTION_NONE ? UNSURE : SURE;
    if (!c->known)
        return false;
    if (motion->kind != FOV_MOTION_NONE)
        plane_multiply(motion->map, c->map, c->map);
    c->known = plane_invert(c->map, back);
    c->off_px = hypot(c->off_px, part * width);
    c->steps++;
    return c->known;
}

double carried_weight(const struct carried *c, double off_px)
{
    double own = c->off_px * c->off_px, other = off_px * off_px;
    return c->known && own + other > 0 ? other / (own + other) : 0;
}
