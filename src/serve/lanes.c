#include "serve/lanes.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct lane {
    struct zone zone;
    struct crossing crossing;
};

static bool same_line(const struct zone *a, const struct zone *b)
{
    return strcmp(a->name, b->name) == 0 && a->metres == b->metres &&
           memcmp(a->points, b->points, 2 * sizeof *a->points) == 0;
}

static void keep_tracks(struct lane *lane, const struct lanes *old)
{
    for (size_t i = 0; i < old->count; i++)
        if (same_line(&lane->zone, &old->items[i].zone))
            lane->crossing = old->items[i].crossing;
}

struct lanes lanes_make(const struct zones *zones, const struct lanes *old)
{
    struct lanes lanes = {.shape = old->shape};
    size_t count = 0;
    for (size_t i = 0; zones && i < zones->count; i++)
        count += zones->items[i].line;
    lanes.items = count > 0 ? calloc(count, sizeof *lanes.items) : NULL;
    for (size_t i = 0; lanes.items && i < zones->count; i++) {
        if (!zones->items[i].line)
            continue;
        struct lane *lane = &lanes.items[lanes.count++];
        lane->zone = zones->items[i];
        keep_tracks(lane, old);
    }
    return lanes;
}

void lanes_free(struct lanes *lanes)
{
    free(lanes->items);
    *lanes = (struct lanes){0};
}

static void forget_tracks(struct lanes *lanes)
{
    for (size_t i = 0; i < lanes->count; i++)
        crossing_forget(&lanes->items[i].crossing);
}

bool lanes_in_metres(const struct lanes *lanes)
{
    bool metres = false;
    for (size_t i = 0; i < lanes->count; i++)
        metres = metres || lanes->items[i].zone.metres;
    return metres;
}

static void
see(struct lane *lane, const struct alert_picture *picture, const struct lanes_time *time,
    void (*crossed)(void *user, const struct zone *line, const struct crossing_event *event),
    void *user)
{
    bool metres = lane->zone.metres;
    struct crossing_line line = metres ? crossing_line_on_pitch(&lane->zone)
                                       : crossing_line_in_picture(&lane->zone, picture->width,
                                                                  picture->height);
    for (size_t i = 0; i < picture->count; i++) {
        struct crossing_event event;
        const fov_detection *box = &picture->items[i];
        if (box->track_id < 1)
            continue;
        struct crossing_sight sight = metres ? crossing_sight_on_pitch(box, picture->metres[i],
                                                                       &line, time->view)
                                             : crossing_sight_in_picture(box, picture->height);
        sight.ns = time->ns;
        sight.number = time->number;
        if (crossing_step(&lane->crossing, &line, &sight, &event) != CROSSING_NONE)
            crossed(user, &lane->zone, &event);
    }
}

void lanes_see(struct lanes *lanes, const struct alert_picture *picture,
               const struct lanes_time *time,
               void (*crossed)(void *user, const struct zone *line,
                               const struct crossing_event *event),
               void *user)
{
    if (picture->width <= 0 || picture->height <= 0)
        return;
    double shape = (double)picture->width / picture->height;
    if (fabs(shape - lanes->shape) > 0.01 * shape)
        forget_tracks(lanes); /* the picture was turned: px before are elsewhere now */
    lanes->shape = shape;
    for (size_t i = 0; i < lanes->count; i++)
        if (!lanes->items[i].zone.metres || picture->metres)
            see(&lanes->items[i], picture, time, crossed, user);
}
