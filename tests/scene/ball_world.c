#include "ball_world.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../random_numbers.h"
#include "base/plane.h"

#define STEP_S 0.01
#define GRAVITY 9.81
#define RADIUS 0.11

/* ---- the ball -------------------------------------------------------------------------------- */

struct play {
    uint64_t random;
    double at[3], speed[3];
    bool carried;
    double left_s;           /* until it is kicked, or until somebody may take it */
    double way[2], way_left; /* where its carrier runs, m/s, and for how long */
    double target[2];
};

static void choose_way(struct play *p)
{
    double turn = random_between(&p->random, 0, 2 * M_PI), speed = random_between(&p->random, 1, 7);
    p->way[0] = speed * cos(turn) + (p->at[0] < 15) * 4 - (p->at[0] > 90) * 4;
    p->way[1] = speed * sin(turn) + (p->at[1] < 10) * 4 - (p->at[1] > 58) * 4;
    p->way_left = random_between(&p->random, 0.5, 2);
}

static void carry(struct play *p)
{
    if ((p->way_left -= STEP_S) <= 0)
        choose_way(p);
    for (int k = 0; k < 2; k++) { /* nobody gains speed faster than 5.5 m/s² */
        double gain = fmin(fmax(2 * (p->way[k] - p->speed[k]), -5.5), 5.5);
        p->speed[k] += gain * STEP_S;
        p->at[k] += p->speed[k] * STEP_S;
    }
    p->at[2] = RADIUS;
}

/* A pass along the ground, or over 20 m often a high one. */
static void kick(struct play *p)
{
    for (int k = 0; k < 2; k++)
        p->target[k] = random_between(&p->random, k ? 4 : 6, k ? 64 : 99);
    double x = p->target[0] - p->at[0], y = p->target[1] - p->at[1];
    double far = hypot(x, y) + 1e-6, reach = fmin(far, 45);
    double speed = fmin(fmax(reach * random_between(&p->random, 0.8, 1.1) + 6, 8), 30);
    p->target[0] = p->at[0] + x / far * reach;
    p->target[1] = p->at[1] + y / far * reach;
    p->speed[0] = x / far * speed;
    p->speed[1] = y / far * speed;
    p->speed[2] = reach > 20 && random_share(&p->random) < 0.6
                      ? GRAVITY / 2 * reach / speed * random_between(&p->random, 0.7, 1)
                      : 0;
    p->carried = false;
    p->left_s = 0.25;
}

static void fly(struct play *p)
{
    double slower = p->at[2] > 2 * RADIUS ? 0.1 : 0.4;
    for (int k = 0; k < 3; k++)
        p->at[k] += p->speed[k] * STEP_S;
    for (int k = 0; k < 2; k++)
        p->speed[k] *= exp(-slower * STEP_S);
    p->speed[2] -= GRAVITY * STEP_S;
    if (p->at[2] < RADIUS) {
        p->at[2] = RADIUS;
        p->speed[2] = p->speed[2] < -1 ? -0.55 * p->speed[2] : 0;
    }
}

/* Somebody is there when it comes near its target low enough, or when it has become slow. */
static bool taken(const struct play *p)
{
    double far = hypot(p->at[0] - p->target[0], p->at[1] - p->target[1]);
    double speed = hypot(p->speed[0], p->speed[1]);
    return p->left_s <= 0 && p->at[2] < 2.2 && (far < 1.5 || speed < 3);
}

static void step(struct play *p)
{
    p->left_s -= STEP_S;
    if (p->carried) {
        carry(p);
        if (p->left_s <= 0)
            kick(p);
        return;
    }
    fly(p);
    if (!taken(p))
        return;
    p->carried = true;
    p->left_s = random_between(&p->random, 0.4, 3);
    choose_way(p);
    p->speed[0] = p->way[0] / 2;
    p->speed[1] = p->way[1] / 2;
    p->speed[2] = 0;
}

/* ---- the camera ------------------------------------------------------------------------------ */

struct camera {
    double look[2], speed[2]; /* the place on the ground that it looks at */
};

static void follow(struct camera *c, const double ball[3])
{
    const double target[2] = {0.8 * ball[0] + 0.2 * 52.5, 0.5 * ball[1] + 0.5 * 32};
    for (int k = 0; k < 2; k++) {
        c->speed[k] += (9 * (target[k] - c->look[k]) - 5.2 * c->speed[k]) * STEP_S;
        c->look[k] += c->speed[k] * STEP_S;
    }
}

/* Rows of a 3x4 camera at the side line, that looks at that place of the ground, turned a little.
 */
static void camera_of(const struct camera *c, double focal, const double turned[2], double p[12])
{
    const double stand[3] = {52.5, -38, 20};
    double x = c->look[0] - stand[0], y = c->look[1] - stand[1];
    double pan = atan2(x, y) + turned[0], tilt = atan2(stand[2], hypot(x, y)) + turned[1];
    double ahead[3] = {sin(pan) * cos(tilt), cos(pan) * cos(tilt), -sin(tilt)};
    double right[3] = {cos(pan), -sin(pan), 0};
    double down[3] = {ahead[1] * right[2] - ahead[2] * right[1],
                      ahead[2] * right[0] - ahead[0] * right[2],
                      ahead[0] * right[1] - ahead[1] * right[0]};
    for (int k = 0; k < 4; k++) {
        double a = 0, r = 0, d = 0;
        for (int i = 0; i < 3; i++) {
            double unit = k < 3 ? (i == k) : -stand[i];
            a += ahead[i] * unit;
            r += right[i] * unit;
            d += down[i] * unit;
        }
        p[k] = focal * r + BALL_WORLD_WIDTH / 2.0 * a;
        p[4 + k] = focal * d + BALL_WORLD_HEIGHT / 2.0 * a;
        p[8 + k] = a;
    }
}

static void ground_map(const double p[12], double map[9])
{
    for (int r = 0; r < 3; r++) {
        map[3 * r] = p[4 * r];
        map[3 * r + 1] = p[4 * r + 1];
        map[3 * r + 2] = p[4 * r + 3];
    }
}

static bool project(const double p[12], const double at[3], double px[2])
{
    double q[3];
    for (int r = 0; r < 3; r++)
        q[r] = p[4 * r] * at[0] + p[4 * r + 1] * at[1] + p[4 * r + 2] * at[2] + p[4 * r + 3];
    px[0] = q[0] / q[2];
    px[1] = q[1] / q[2];
    return q[2] > 0 && px[0] > 0 && px[0] < BALL_WORLD_WIDTH && px[1] > 0 &&
           px[1] < BALL_WORLD_HEIGHT;
}

/* What a follower of corners on the ground would measure. */
static void measure_motion(const double before[9], const double now[9], uint64_t *random,
                           fov_motion *motion)
{
    struct plane_pair pairs[60];
    double back[9], over[9];
    plane_invert(before, back);
    plane_multiply(now, back, over);
    for (int i = 0; i < 60; i++) {
        pairs[i] = (struct plane_pair){.from = {random_between(random, 0, BALL_WORLD_WIDTH),
                                                random_between(random, 250, BALL_WORLD_HEIGHT)},
                                       .weight = 1};
        plane_apply(over, pairs[i].from, pairs[i].to);
        for (int k = 0; k < 2; k++)
            pairs[i].to[k] += 0.7 * random_normal(random);
    }
    *motion = (fov_motion){.kind = FOV_MOTION_SIMILARITY, .points = 60, .inliers = 60};
    plane_fit_similarity(pairs, 60, motion->map);
}

/* ---- what is seen ---------------------------------------------------------------------------- */

static void add(struct ball_frame_truth *f, double x, double y, double size, double score)
{
    if (f->count == BALL_WORLD_ITEMS)
        return;
    float half = (float)size / 2;
    f->items[f->count++] = (fov_detection){.x1 = (float)x - half,
                                           .y1 = (float)y - half,
                                           .x2 = (float)x + half,
                                           .y2 = (float)y + half,
                                           .score = (float)fmin(fmax(score, 0.1), 0.95),
                                           .track_id = -1};
}

static void detect(struct ball_frame_truth *f, const struct ball_world *world, double size,
                   uint64_t *random)
{
    double detected = world->detected > 0 ? world->detected : 0.72,
           clutter = world->clutter > 0 ? world->clutter : 0.25;
    if (f->visible && random_share(random) < detected)
        add(f, f->x + 1.5 * random_normal(random), f->y + 1.5 * random_normal(random),
            size * (1 + 0.1 * random_normal(random)), 0.55 + 0.2 * random_normal(random));
    double left = exp(-clutter), product = random_share(random);
    for (; product > left; product *= random_share(random))
        add(f, random_between(random, 0, BALL_WORLD_WIDTH),
            random_between(random, 0, BALL_WORLD_HEIGHT), size * random_between(random, 0.7, 1.5),
            0.25 + 0.12 * random_normal(random));
}

static void show(struct ball_frame_truth *f, const struct ball_world *world,
                 const struct play *play, const struct camera *camera, double before[9],
                 uint64_t *random)
{
    const double straight[2] = {0, 0};
    const double turned[2] = {3e-4 * random_normal(random), 3e-4 * random_normal(random)};
    double focal = 1750 * world->zoom, p[12], noisy[12], map[9], px[2];
    camera_of(camera, focal, straight, p);
    camera_of(camera, focal * (1 + 0.002 * random_normal(random)), turned, noisy);
    f->visible = project(p, play->at, px);
    f->x = px[0];
    f->y = px[1];
    memcpy(f->metres, play->at, sizeof f->metres);
    ground_map(noisy, f->view.map);
    f->view.width = BALL_WORLD_WIDTH;
    f->view.height = BALL_WORLD_HEIGHT;
    ground_map(p, map);
    if (before[8] != 0)
        measure_motion(before, map, random, &f->motion);
    else
        memcpy(f->motion.map, PLANE_IDENTITY, sizeof f->motion.map);
    memcpy(before, map, sizeof map);
    double depth = p[8] * play->at[0] + p[9] * play->at[1] + p[10] * play->at[2] + p[11];
    detect(f, world, 2 * RADIUS * focal / depth, random);
}

struct ball_frame_truth *ball_world_make(const struct ball_world *world, size_t *count)
{
    uint64_t random = 7919u * world->seed + 17;
    struct play play = {
        .random = world->seed, .at = {52.5, 34, RADIUS}, .carried = true, .left_s = 1};
    struct camera camera = {.look = {52.5, 30}};
    double before[9] = {0};
    size_t frames = (size_t)(world->seconds * world->fps), steps = 0;
    struct ball_frame_truth *made = calloc(frames ? frames : 1, sizeof *made);
    *count = made ? frames : 0;
    for (size_t i = 0; i < *count; i++) {
        made[i].time_s = (double)i / world->fps;
        for (; (double)steps * STEP_S < made[i].time_s; steps++) {
            step(&play);
            follow(&camera, play.at);
        }
        show(&made[i], world, &play, &camera, before, &random);
    }
    return made;
}
