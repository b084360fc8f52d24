#include "football_world.h"

#include <math.h>
#include <string.h>

bool football_world_open(struct football_world *w, const char *url, double fps, uint64_t seed)
{
    memset(w, 0, sizeof *w);
    w->noise.state = seed;
    w->fps = fps;
    w->detections = (fov_detections){w->items, 0, WORLD_BOXES, NULL};
    return fov_source_open(&w->source, &(fov_source_params){.url = url}, NULL) == FOV_OK &&
           fov_frame_pool_create(&w->pool, NULL, NULL) == FOV_OK;
}

void football_world_close(struct football_world *w)
{
    fov_frame_unref(&w->frame);
    fov_source_close(&w->source);
    fov_frame_pool_destroy(&w->pool);
}

double football_overlap(const struct football_person *p, float left, float top, float right,
                        float bottom)
{
    const double x1 = (double)left, y1 = (double)top, x2 = (double)right, y2 = (double)bottom;
    double width = fmin(p->x2, x2) - fmax(p->x1, x1), height = fmin(p->y2, y2) - fmax(p->y1, y1);
    double both = fmax(width, 0) * fmax(height, 0);
    return both / ((p->x2 - p->x1) * (p->y2 - p->y1) + (x2 - x1) * (y2 - y1) - both);
}

const struct football_person *football_world_who(const struct football_world *w, float x1, float y1,
                                                 float x2, float y2)
{
    const struct football_person *best = NULL;
    double most = 1 / 3.0;
    for (int i = 0; i < FOOTBALL_PEOPLE; i++) {
        const struct football_person *p = &w->truth->people[i];
        double o = football_overlap(p, x1, y1, x2, y2);
        if (o <= most)
            continue;
        most = o;
        best = p;
    }
    return best;
}

static int32_t class_of(struct football_world *w, const fov_detection *d)
{
    const struct football_person *p = football_world_who(w, d->x1, d->y1, d->x2, d->y2);
    bool errs = !w->clean && noise_random(&w->noise) < 0.1;
    if (!w->classes || !p)
        return FOV_CLASS_PLAYER;
    int right = p->role == FOOTBALL_KEEPER  ? FOV_CLASS_GOALKEEPER
                : p->role == FOOTBALL_FIELD ? FOV_CLASS_PLAYER
                                            : FOV_CLASS_REFEREE;
    return errs ? (right + 1) % FOV_CLASS_BALL : right;
}

static void add_ball(struct football_world *w, double x, double y, double radius, double score)
{
    if (w->detections.count == WORLD_BOXES)
        return;
    w->items[w->detections.count++] = (fov_detection){.x1 = (float)(x - radius),
                                                      .y1 = (float)(y - radius),
                                                      .x2 = (float)(x + radius),
                                                      .y2 = (float)(y + radius),
                                                      .score = (float)score,
                                                      .class_id = FOV_CLASS_BALL,
                                                      .track_id = -1};
}

static size_t see_clean(struct football_world *w)
{
    size_t count = 0;
    for (int i = 0; i < FOOTBALL_PEOPLE; i++) {
        const struct football_person *p = &w->truth->people[i];
        if (p->shown > 0.3)
            w->items[count++] = (fov_detection){.x1 = (float)p->x1,
                                                .y1 = (float)p->y1,
                                                .x2 = (float)p->x2,
                                                .y2 = (float)p->y2,
                                                .score = 0.9f,
                                                .track_id = -1};
    }
    return count;
}

static void see(struct football_world *w)
{
    const struct football_ball *ball = &w->truth->ball;
    struct noise_ball balls[8];
    w->detections.count = w->clean ? see_clean(w)
                                   : noise_people(&w->noise, w->truth, w->items, WORLD_BOXES - 8);
    for (size_t i = 0; i < w->detections.count; i++)
        w->items[i].class_id = class_of(w, &w->items[i]);
    if (w->clean && ball->in_picture)
        add_ball(w, ball->x_px, ball->y_px, ball->radius_px, 0.9);
    size_t count = w->clean ? 0 : noise_balls(&w->noise, w->truth, balls);
    for (size_t i = 0; i < count; i++)
        add_ball(w, balls[i].x_px, balls[i].y_px, ball->radius_px, balls[i].score);
}

bool football_world_next(struct football_world *w)
{
    fov_frame_unref(&w->frame);
    if (fov_source_read(w->source, w->pool, &w->frame, NULL, NULL) != FOV_OK)
        return false;
    w->truth = football_truth(w->source);
    see(w);
    w->input = (fov_football_input){.time_s = 100 + (double)w->truth->number / w->fps,
                                    .seq = (uint64_t)w->truth->number,
                                    .image = &w->frame->image,
                                    .width = w->truth->camera.width,
                                    .height = w->truth->camera.height,
                                    .detections = &w->detections};
    return true;
}
