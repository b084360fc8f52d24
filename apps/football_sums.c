/* What the frames of a match add up to. */
#include "football.h"

#include <stdlib.h>
#include <string.h>

/* Where a name is, or would be. */
static size_t place_of(const struct football_sums *s, int32_t id)
{
    size_t from = 0, to = s->names;
    while (from < to) {
        size_t middle = (from + to) / 2;
        if (s->who[middle].id < id)
            from = middle + 1;
        else
            to = middle;
    }
    return from;
}

static void note(struct football_sums *s, const fov_match_entry *e)
{
    size_t at = place_of(s, e->id);
    if (!s->who && !(s->who = calloc(FOOTBALL_NAMES, sizeof *s->who)))
        return;
    struct football_who *who = &s->who[at];
    if (at == s->names || who->id != e->id) {
        if (s->names == FOOTBALL_NAMES)
            return;
        memmove(who + 1, who, (s->names - at) * sizeof *who);
        *who = (struct football_who){.id = e->id, .team = -1};
        s->names++;
    }
    who->team = e->team >= 0 ? e->team : who->team;
    who->role = e->role;
    who->frames++;
}

/* Figures are made of those who were seen, in metres. */
static void follow(struct football_run *r, const fov_match_frame *f)
{
    fov_match_spot spots[FOV_MATCH_FILE_PEOPLE];
    size_t count = 0;
    for (size_t i = 0; i < f->count; i++) {
        const fov_match_entry *e = &f->entries[i];
        if (!e->unplaced && e->x2 > e->x1 && e->role != FOV_ROLE_REFEREE)
            spots[count++] = (fov_match_spot){.id = e->id, .team = e->team, .x = e->x, .y = e->y};
    }
    fov_match_update(r->match, f->time_s, spots, count, f->ball_known ? f->ball : NULL, NULL);
}

void football_sum(struct football_run *r, const fov_match_frame *f)
{
    struct football_sums *s = &r->sums;
    bool placed = false;
    for (size_t i = 0; i < f->count; i++) {
        const fov_match_entry *e = &f->entries[i];
        placed = placed || !e->unplaced;
        if (e->x2 <= e->x1)
            continue;
        s->at_once[e->team == 0 ? 0 : e->team == 1 ? 1 : 2]++;
        note(s, e);
    }
    if (s->frames++ == 0)
        s->first_s = f->time_s;
    s->last_s = f->time_s;
    s->placed += placed;
    s->known += f->ball_pictured;
    follow(r, f);
}

void football_sum_now(struct football_run *r, const fov_football_frame *frame)
{
    struct football_sums *s = &r->sums;
    s->now++;
    s->seen += frame->ball.state == FOV_BALL_SEEN;
    for (int i = 0; i < FOV_PART_COUNT; i++)
        s->parts_ns[i] += frame->parts_ns[i];
    s->detector = frame->detector;
    if (frame->teams == FOV_TEAMS_KNOWN || s->teams != FOV_TEAMS_KNOWN)
        s->teams = frame->teams;
    for (int k = 0; k < 2; k++)
        if (frame->sides[k].color_known) {
            s->color_known[k] = true;
            s->colors[k] = frame->sides[k].color;
        }
}

size_t football_figures(const struct football_run *r, fov_match_person **people)
{
    *people = calloc(FOOTBALL_PEOPLE, sizeof **people);
    size_t count = *people ? fov_match_people(r->match, *people, FOOTBALL_PEOPLE) : 0;
    return count < FOOTBALL_PEOPLE ? count : FOOTBALL_PEOPLE;
}
