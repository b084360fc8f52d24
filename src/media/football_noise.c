#include "media/football_noise.h"

#include <math.h>

#include "media/football_camera.h"

/* A part of a box's width and height; grows threefold where the person is all hidden. */
#define JITTER_X 0.035
#define JITTER_Y 0.018
#define MISSED 0.025     /* of people in plain sight */
#define FALSE_BOXES 0.35 /* a frame */
#define BALL_SEEN 0.72   /* of balls in the picture */
#define FALSE_BALLS 0.25 /* a frame */
#define ANGLE 3e-4       /* radians */
#define LENS 0.002       /* of the focal length */
#define SAME_BOX 0.7     /* overlap at which a detector keeps the better box only */

double noise_random(struct noise *n)
{
    return play_share(&n->state);
}

/* Box and Muller 1958, one of the two. */
double noise_normal(struct noise *n)
{
    double radius = sqrt(-2 * log(1 - noise_random(n)));
    return radius * cos(6.283185307179586 * noise_random(n));
}

/* How often something rare happens in a frame (Knuth's way to Poisson's numbers). */
static int happens(struct noise *n, double mean)
{
    double left = exp(-mean), product = noise_random(n);
    int count = 0;
    for (; product > left; product *= noise_random(n))
        count++;
    return count;
}

/* ---- people ---------------------------------------------------------------------------------- */

/* False: missed, or too small or too far outside to be seen. */
static bool see(struct noise *n, const struct football_truth *t, const struct football_person *p,
                fov_detection *d)
{
    double width = t->camera.width, height = t->camera.height;
    double x1 = play_clamp(p->x1, 0, width), x2 = play_clamp(p->x2, 0, width);
    double y1 = play_clamp(p->y1, 0, height), y2 = play_clamp(p->y2, 0, height), w = x2 - x1,
           h = y2 - y1;
    double hidden = play_clamp(1 - p->shown, 0, 1), shake = 1 + 2 * hidden;
    if (w < 6 || h < 12)
        return false;
    if (noise_random(n) < MISSED + (hidden > 0.7 ? 0.75 : 0.25 * hidden))
        return false;
    double doubt = noise_random(n) < 0.08 ? 0.15 : 0;
    double score = 0.88 + 0.05 * noise_normal(n) - 0.55 * hidden - doubt;
    *d = (fov_detection){.x1 = (float)(x1 + JITTER_X * w * shake * noise_normal(n)),
                         .y1 = (float)(y1 + JITTER_Y * h * shake * noise_normal(n)),
                         .x2 = (float)(x2 + JITTER_X * w * shake * noise_normal(n)),
                         .y2 = (float)(y2 + JITTER_Y * h * shake * noise_normal(n)),
                         .score = (float)play_clamp(score, 0.05, 0.97),
                         .class_id = FOOTBALL_PERSON,
                         .class_id_raw = FOOTBALL_PERSON,
                         .track_id = -1};
    return d->x2 > d->x1 && d->y2 > d->y1;
}

/* Nobody is there: something of a person's size, unsure. */
static fov_detection imagine(struct noise *n, const struct football_truth *t)
{
    double size = t->camera.height / 1080.0, h = (50 + 90 * noise_random(n)) * size;
    double x = noise_random(n) * (t->camera.width - 0.4 * h);
    double y = (0.14 + 0.74 * noise_random(n)) * t->camera.height;
    return (fov_detection){.x1 = (float)x,
                           .y1 = (float)y,
                           .x2 = (float)(x + 0.4 * h),
                           .y2 = (float)(y + h),
                           .score = (float)play_clamp(0.3 + 0.15 * noise_normal(n), 0.1, 0.8),
                           .class_id = FOOTBALL_PERSON,
                           .class_id_raw = FOOTBALL_PERSON,
                           .track_id = -1};
}

static double overlap(const fov_detection *a, const fov_detection *b)
{
    double w = fmin(a->x2, b->x2) - fmax(a->x1, b->x1), h = fmin(a->y2, b->y2) - fmax(a->y1, b->y1);
    double both = fmax(0, w) * fmax(0, h);
    double areas = (double)(a->x2 - a->x1) * (double)(a->y2 - a->y1) +
                   (double)(b->x2 - b->x1) * (double)(b->y2 - b->y1);
    return both / (areas - both);
}

/* Puts a detection into its place by score, unless a better one covers it; what it covers goes. */
static size_t insert(fov_detection *items, size_t count, size_t capacity, const fov_detection *d)
{
    size_t at = 0, kept;
    for (; at < count && items[at].score >= d->score; at++)
        if (overlap(&items[at], d) > SAME_BOX)
            return count;
    kept = at;
    for (size_t i = at; i < count; i++)
        if (overlap(&items[i], d) <= SAME_BOX)
            items[kept++] = items[i];
    if (at == capacity)
        return kept;
    kept = kept < capacity ? kept : capacity - 1;
    for (size_t i = kept; i > at; i--)
        items[i] = items[i - 1];
    items[at] = *d;
    return kept + 1;
}

size_t noise_people(struct noise *n, const struct football_truth *truth, fov_detection *items,
                    size_t capacity)
{
    size_t count = 0;
    fov_detection d;
    for (int i = 0; i < FOOTBALL_PEOPLE; i++)
        if (see(n, truth, &truth->people[i], &d))
            count = insert(items, count, capacity, &d);
    for (int k = happens(n, FALSE_BOXES); k > 0; k--) {
        d = imagine(n, truth);
        count = insert(items, count, capacity, &d);
    }
    return count;
}

/* ---- ball and camera ------------------------------------------------------------------------- */

size_t noise_balls(struct noise *n, const struct football_truth *truth, struct noise_ball balls[8])
{
    const struct football_ball *b = &truth->ball;
    double px = truth->camera.height / 1080.0 * 1.5;
    size_t count = 0;
    if (b->in_picture && noise_random(n) < BALL_SEEN)
        balls[count++] = (struct noise_ball){b->x_px + px * noise_normal(n),
                                             b->y_px + px * noise_normal(n),
                                             play_clamp(0.55 + 0.2 * noise_normal(n), 0.1, 0.95)};
    for (int k = happens(n, FALSE_BALLS); k > 0 && count < 8; k--)
        balls[count++] = (struct noise_ball){noise_random(n) * truth->camera.width,
                                             noise_random(n) * truth->camera.height,
                                             play_clamp(0.25 + 0.12 * noise_normal(n), 0.1, 0.8)};
    return count;
}

void noise_map(struct noise *n, const struct football_truth *truth, double map[9])
{
    const double origin[3] = {0, 0, 0}, x[3] = {1, 0, 0}, y[3] = {0, 1, 0};
    struct football_view view = truth->camera;
    struct camera camera;
    view.pan += ANGLE * noise_normal(n);
    view.tilt += ANGLE * noise_normal(n);
    view.focal_px *= 1 + LENS * noise_normal(n);
    camera_point(&camera, &view);
    camera_plane(&camera, origin, x, y, map);
}
