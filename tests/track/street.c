#include "street.h"

#include <math.h>

#include "draw.h"

void street_begin(struct street *s, int count, uint32_t seed)
{
    *s = (struct street){.count = count, .seed = seed};
    for (int i = 0; i < count; i++) {
        struct walker *w = &s->walkers[i];
        w->x = 60 + 1800 * draw(&s->seed);
        w->y = 160 + 900 * draw(&s->seed);
        w->height = 60 + 0.1 * w->y;
        w->width = 0.4 * w->height;
        w->vx = 160 * (draw(&s->seed) - 0.5);
        w->vy = 60 * (draw(&s->seed) - 0.5);
    }
}

void street_step(struct street *s, double dt_s)
{
    for (int i = 0; i < s->count; i++) {
        struct walker *w = &s->walkers[i];
        w->x += w->vx * dt_s;
        w->y += w->vy * dt_s;
        w->vx = w->x < 60 ? fabs(w->vx) : w->x > 1860 ? -fabs(w->vx) : w->vx;
        w->vy = w->y < 160 ? fabs(w->vy) : w->y > 1060 ? -fabs(w->vy) : w->vy;
    }
}

size_t street_see(struct street *s, double noise_px, double missed, fov_detection *items)
{
    size_t count = 0;
    for (int i = 0; i < s->count; i++) {
        const struct walker *w = &s->walkers[i];
        double dx = noise_px * (2 * draw(&s->seed) - 1), dy = noise_px * (2 * draw(&s->seed) - 1);
        double score = 0.75 + 0.2 * draw(&s->seed);
        if (draw(&s->seed) < missed)
            continue;
        items[count++] = (fov_detection){.x1 = (float)(w->x - w->width / 2 + dx),
                                         .y1 = (float)(w->y - w->height + dy),
                                         .x2 = (float)(w->x + w->width / 2 + dx),
                                         .y2 = (float)(w->y + dy),
                                         .score = (float)score,
                                         .class_id_raw = i,
                                         .track_id = 7};
    }
    return count;
}
