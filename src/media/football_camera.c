#include "media/football_camera.h"

#include <math.h>
#include <string.h>

#include "base/plane.h"

#define NEAR_M 1.0 /* nothing nearer is drawn */

static const double POSITION[3] = {FOOTBALL_LENGTH / 2, -36, 22}; /* m */

/* ---- the hands -------------------------------------------------------------------------------
 */

/* Between the ball and the players about it, not beyond the corners. */
static void wanted(const struct play *p, double aim[2], double *zoom)
{
    double mean[2] = {0, 0};
    for (int i = 0; i < FOOTBALL_PLAYERS; i++)
        for (int k = 0; k < 2; k++)
            mean[k] += p->people[i].at[k] / FOOTBALL_PLAYERS;
    double ball[2] = {p->ball[0] + 0.35 * play_clamp(p->ball_speed[0], -20, 20), p->ball[1]};
    aim[0] = play_clamp(0.78 * ball[0] + 0.22 * mean[0], 14, FOOTBALL_LENGTH - 14);
    aim[1] = 13 + 0.48 * play_clamp(ball[1], 0, FOOTBALL_WIDTH);
    double off = fabs(aim[0] - FOOTBALL_LENGTH / 2) / (FOOTBALL_LENGTH / 2);
    aim[1] += 9 * off * off; /* less of the grass beside the pitch */
    double speed = hypot(p->ball_speed[0], p->ball_speed[1]);
    *zoom = 1 + 0.22 * off * off - 0.006 * fmin(speed, 20);
    if (p->phase != PLAY_ON)
        *zoom += 0.12;
}

/* A spring without overshoot. */
static void spring(double *at, double *speed, double to, double rate)
{
    *speed += (rate * rate * (to - *at) - 2 * rate * *speed) * PLAY_STEP_S;
    *at += *speed * PLAY_STEP_S;
}

void football_camera_start(struct camera_hand *hand, const struct play *p)
{
    memset(hand, 0, sizeof *hand);
    wanted(p, hand->aim, &hand->zoom);
}

void camera_follow(struct camera_hand *hand, const struct play *p)
{
    double aim[2], zoom;
    wanted(p, aim, &zoom);
    for (int k = 0; k < 2; k++)
        spring(&hand->aim[k], &hand->aim_speed[k], aim[k], 2.3);
    spring(&hand->zoom, &hand->zoom_speed, zoom, 0.9);
}

/* Hands are never quite still: some slow waves, 0.2 mrad in all. */
static double sway(double time_s, double phase)
{
    return 1e-4 * (sin(1.7 * time_s + phase) + 0.6 * sin(4.3 * time_s + 2 * phase) +
                   0.3 * sin(9.1 * time_s + 3 * phase));
}

struct football_view camera_view(const struct camera_hand *before, const struct camera_hand *now,
                                 double part, double time_s, double zoom, int width, int height)
{
    struct football_view view = {.width = width, .height = height};
    double aim[2];
    for (int k = 0; k < 2; k++)
        aim[k] = before->aim[k] + part * (now->aim[k] - before->aim[k]);
    memcpy(view.position_m, POSITION, sizeof POSITION);
    double x = aim[0] - POSITION[0], y = aim[1] - POSITION[1];
    view.pan = atan2(x, y) + sway(time_s, 0.4);
    view.tilt = atan2(POSITION[2], hypot(x, y)) + sway(time_s, 1.9);
    /* 1.2 widths: a lens that shows some 60 m of the middle of the pitch. Narrow pictures show a
     * part of that, so that people keep their size against the picture's height. */
    double size = fmax(width, height * 16 / 9.0);
    view.focal_px = 1.2 * size * zoom * (before->zoom + part * (now->zoom - before->zoom));
    return view;
}

/* ---- projecting ------------------------------------------------------------------------------
 */

static double dot(const double a[3], const double b[3])
{
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

void camera_point(struct camera *c, const struct football_view *view)
{
    double sp = sin(view->pan), cp = cos(view->pan), st = sin(view->tilt), ct = cos(view->tilt);
    c->view = *view;
    memcpy(c->right, (double[3]){cp, -sp, 0}, sizeof c->right);
    memcpy(c->forward, (double[3]){sp * ct, cp * ct, -st}, sizeof c->forward);
    memcpy(c->up, (double[3]){sp * st, cp * st, ct}, sizeof c->up);
}

double camera_depth(const struct camera *c, const double at[3])
{
    const double *p = c->view.position_m;
    return dot(c->forward, (double[3]){at[0] - p[0], at[1] - p[1], at[2] - p[2]});
}

struct paint_point camera_project(const struct camera *c, const double at[3])
{
    const double *p = c->view.position_m, f = c->view.focal_px;
    double ray[3] = {at[0] - p[0], at[1] - p[1], at[2] - p[2]}, depth = dot(c->forward, ray);
    return (struct paint_point){(float)(c->view.width / 2.0 + f * dot(c->right, ray) / depth),
                                (float)(c->view.height / 2.0 - f * dot(c->up, ray) / depth)};
}

/* Keeps the part of the polygon that is in front (Sutherland and Hodgman 1974, one plane). */
int camera_polygon(const struct camera *c, const double (*corners)[3], int count,
                   struct paint_point *to)
{
    int kept = 0;
    for (int i = 0; i < count; i++) {
        const double *a = corners[i], *b = corners[(i + 1) % count];
        double da = camera_depth(c, a) - NEAR_M, db = camera_depth(c, b) - NEAR_M;
        if (da >= 0)
            to[kept++] = camera_project(c, a);
        if ((da >= 0) == (db >= 0))
            continue;
        double t = da / (da - db), cut[3];
        for (int k = 0; k < 3; k++)
            cut[k] = a[k] + t * (b[k] - a[k]);
        to[kept++] = camera_project(c, cut);
    }
    return kept;
}

/* (x', y', w') of a direction. */
static void image_of(const struct camera *c, const double ray[3], double out[3])
{
    double f = c->view.focal_px, depth = dot(c->forward, ray);
    out[0] = f * dot(c->right, ray) + c->view.width / 2.0 * depth;
    out[1] = -f * dot(c->up, ray) + c->view.height / 2.0 * depth;
    out[2] = depth;
}

void camera_plane(const struct camera *c, const double origin[3], const double along[3],
                  const double up[3], double map[9])
{
    const double *p = c->view.position_m;
    double from[3] = {origin[0] - p[0], origin[1] - p[1], origin[2] - p[2]}, column[3];
    const double *rays[3] = {along, up, from};
    for (int k = 0; k < 3; k++) {
        image_of(c, rays[k], column);
        for (int row = 0; row < 3; row++)
            map[3 * row + k] = column[row];
    }
}

/* Directions to px, whatever the camera's place. */
static void camera_rays(const struct camera *c, double map[9])
{
    double axes[3][3] = {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}, column[3];
    for (int k = 0; k < 3; k++) {
        image_of(c, axes[k], column);
        for (int row = 0; row < 3; row++)
            map[3 * row + k] = column[row];
    }
}

void camera_motion(const struct camera *from, const struct camera *to, double map[9])
{
    double rays[9];
    camera_rays(from, rays);
    camera_rays(to, map);
    if (!plane_invert(rays, rays)) {
        memcpy(map, PLANE_IDENTITY, sizeof(double[9]));
        return;
    }
    plane_multiply(map, rays, map);
    double scale = map[8]; /* near the cosine of the turn */
    for (int k = 0; k < 9 && scale != 0; k++)
        map[k] /= scale;
}
