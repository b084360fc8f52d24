/* Two opponents pass each other, one hides the other, and each goes on under the other's name.
 * Their shirts tell: when two who have met both seem to be of the other's team, they have exchanged
 * their names, and get them back, with all that is known of them. */
#include "flow/football.h"

#define MET_S 4.0   /* so long an exchange may go unseen */
#define AGAIN_S 1.5 /* after one they look like it for a while */
#define NEAR 0.75f  /* of a box's size beside it: who is so near may be taken for it */

static bool is_near(const fov_track *a, const fov_track *b)
{
    float x = NEAR * (a->x2 - a->x1), y = NEAR * 0.5f * (a->y2 - a->y1);
    return a->x1 - x < b->x2 && b->x1 < a->x2 + x && a->y1 - y < b->y2 && b->y1 < a->y2 + y;
}

/* In place of the longest ago. */
static void meet(struct football_memory *m, int32_t id, double time_s)
{
    struct football_meeting *oldest = &m->met[0];
    for (int i = 0; i < FOOTBALL_MEETINGS; i++) {
        if (m->met[i].id == id || m->met[i].id == 0) {
            m->met[i] = (struct football_meeting){id, time_s};
            return;
        }
        if (m->met[i].time_s < oldest->time_s)
            oldest = &m->met[i];
    }
    *oldest = (struct football_meeting){id, time_s};
}

static bool have_met(const struct football_memory *m, int32_t id, double time_s)
{
    for (int i = 0; i < FOOTBALL_MEETINGS; i++)
        if (m->met[i].id == id)
            return time_s - m->met[i].time_s <= MET_S;
    return false;
}

static bool is_side(fov_team_side side)
{
    return side == FOV_TEAM_FIRST || side == FOV_TEAM_SECOND;
}

static bool may_be_exchanged(const struct football_memory *a, const struct football_memory *b,
                             double time_s)
{
    return is_side(a->side) && is_side(b->side) && a->side != b->side && a->seems == b->side &&
           b->seems == a->side && time_s - a->exchanged_s > AGAIN_S &&
           time_s - b->exchanged_s > AGAIN_S && have_met(a, b->id, time_s);
}

/* All but the tracks themselves and whom they met. */
static void exchange(struct football_memory *a, struct football_memory *b, double time_s)
{
    struct football_memory was = *a;
    a->name = b->name;
    a->side = b->side;
    a->keeps = b->keeps;
    a->confidence = b->confidence;
    a->first_s = b->first_s;
    b->name = was.name;
    b->side = was.side;
    b->keeps = was.keeps;
    b->confidence = was.confidence;
    b->first_s = was.first_s;
    for (int k = 0; k < FOV_CLASS_BALL; k++) {
        a->votes[k] = b->votes[k];
        b->votes[k] = was.votes[k];
    }
    a->exchanged_s = b->exchanged_s = time_s;
}

static void look_at_pair(struct football_people *p, size_t i, size_t k, double time_s)
{
    struct football_memory *a = p->known[i], *b = p->known[k];
    if (is_near(&p->tracks[i], &p->tracks[k])) {
        meet(a, b->id, time_s);
        meet(b, a->id, time_s);
    }
    if (p->tracks[i].state != FOV_TRACK_ACTIVE || p->tracks[k].state != FOV_TRACK_ACTIVE ||
        !may_be_exchanged(a, b, time_s))
        return;
    exchange(a, b, time_s);
    p->tracks[i].id = a->name;
    p->tracks[k].id = b->name;
}

void football_people_exchange(struct football_people *p, const struct football_picture *picture)
{
    for (size_t i = 0; i < p->track_count; i++)
        for (size_t k = i + 1; k < p->track_count; k++)
            look_at_pair(p, i, k, picture->time_s);
}
