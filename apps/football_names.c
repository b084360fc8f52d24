/* A run that goes on where one before stopped looks at the last seconds again: whoever stands where
 * somebody stood in the last frame keeps that name, the others get names that nobody had. */
#include "football.h"

#include <math.h>

#define LEAST 0.4f
#define FAR_M 2.0f

static float overlap(const fov_football_person *a, const fov_match_entry *b)
{
    float x = fminf(a->x2, b->x2) - fmaxf(a->x1, b->x1);
    float y = fminf(a->y2, b->y2) - fmaxf(a->y1, b->y1);
    float both = x > 0 && y > 0 ? x * y : 0;
    float all = (a->x2 - a->x1) * (a->y2 - a->y1) + (b->x2 - b->x1) * (b->y2 - b->y1) - both;
    return all > 0 ? both / all : 0;
}

/* 0..1. Who was lost from sight had a place on the pitch at best. */
static float likeness(const fov_football_person *a, const fov_match_entry *b)
{
    if (b->x2 > b->x1)
        return overlap(a, b);
    if (!a->on_pitch || b->unplaced)
        return 0;
    return fmaxf(0, 1 - (float)hypot(a->x - b->x, a->y - b->y) / FAR_M);
}

static bool has_now(const struct football_names *n, int32_t now)
{
    for (size_t i = 0; i < n->count; i++)
        if (n->same[i].now == now)
            return true;
    return false;
}

static bool has_before(const struct football_names *n, int32_t before)
{
    for (size_t i = 0; i < n->count; i++)
        if (n->same[i].before == before)
            return true;
    return false;
}

/* The best pair that is left; false: none is good enough. */
static bool match_one(struct football_run *r, const fov_football_frame *frame)
{
    struct football_names *n = &r->same;
    float best = LEAST;
    int32_t now = 0, before = 0;
    for (size_t i = 0; i < frame->count; i++)
        for (size_t k = 0; k < r->before.count; k++) {
            float value = likeness(&frame->people[i], &r->before.people[k]);
            if (value > best && !has_now(n, frame->people[i].id) &&
                !has_before(n, r->before.people[k].id)) {
                best = value;
                now = frame->people[i].id;
                before = r->before.people[k].id;
            }
        }
    if (now && n->count < FOV_MATCH_FILE_PEOPLE) {
        n->same[n->count].now = now;
        n->same[n->count++].before = before;
    }
    return now && n->count < FOV_MATCH_FILE_PEOPLE;
}

static int32_t name_of(const struct football_names *n, int32_t id)
{
    for (size_t i = 0; i < n->count; i++)
        if (n->same[i].now == id)
            return n->same[i].before;
    return id > 0 ? id + n->base : id;
}

/* The result is ours alone, so that its names may be changed in place. */
void football_renumber(struct football_run *r, fov_result *result, int64_t number)
{
    fov_football_frame *frame = (fov_football_frame *)(uintptr_t)result->football;
    fov_football_person *people = (fov_football_person *)(uintptr_t)frame->people;
    fov_detection *boxes = result->detections->items;
    if (r->before.last < 0)
        return;
    while (number == r->before.last && match_one(r, frame))
        ;
    for (size_t i = 0; i < frame->count; i++)
        people[i].id = name_of(&r->same, people[i].id);
    for (size_t i = 0; i < result->detections->count; i++)
        boxes[i].track_id = name_of(&r->same, boxes[i].track_id);
    frame->possession.id = name_of(&r->same, frame->possession.id);
}
