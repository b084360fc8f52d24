#include "flow/football_copy.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

/* Room for `count` things of that size, what was there is lost. */
static bool grow(void **items, size_t *room, size_t count, size_t size)
{
    if (count <= *room)
        return true;
    free(*items);
    *items = malloc(count * size);
    *room = *items ? count : 0;
    return *items != NULL;
}

static bool copy_people(struct football_copy *c, const fov_football_frame *from)
{
    void *items = c->people;
    bool room = grow(&items, &c->people_room, from->count, sizeof *c->people);
    c->people = items;
    if (room && from->count > 0)
        memcpy(c->people, from->people, from->count * sizeof *c->people);
    c->frame.people = c->people;
    return room;
}

static bool copy_late(struct football_copy *c, const fov_balls *from)
{
    void *items = c->late;
    bool room = grow(&items, &c->late_room, from->count, sizeof *c->late);
    c->late = items;
    if (room && from->count > 0)
        memcpy(c->late, from->items, from->count * sizeof *c->late);
    c->frame.late = (fov_balls){c->late, from->count};
    return room;
}

bool football_copy_fill(struct football_copy *c, const fov_football_frame *from)
{
    c->frame = *from;
    for (int i = 0; i < 2; i++) {
        const char *name = from->sides[i].name;
        text_copy(c->names[i], sizeof c->names[i], name ? name : "");
        c->frame.sides[i].name = c->names[i];
    }
    return copy_people(c, from) && copy_late(c, &from->late);
}

void football_copy_release(struct football_copy *c)
{
    free(c->people);
    free(c->late);
    *c = (struct football_copy){0};
}
