/* What is made of a whole match: summary.json, heat maps. */
#include "football.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "scene/football_json.h"

enum { MAPS = 6 };

/* ---- heat maps ------------------------------------------------------------------------------- */

static fov_status write_map(struct football_run *r, const fov_match_heat *heat, const char *name,
                            fov_error *error)
{
    char path[1200];
    football_folder_path(r, path, sizeof path, name);
    return fov_match_heat_png(heat, &r->pitch, path, error);
}

static int by_time(const void *a, const void *b)
{
    double x = ((const fov_match_person *)a)->seen_s, y = ((const fov_match_person *)b)->seen_s;
    return (x < y) - (x > y);
}

static void name_map(char name[40], int32_t id)
{
    snprintf(name, 40, "heat_%d.png", (int)id);
}

/* Of a run before, whose longest seen were perhaps others. */
static void drop_people_maps(const struct football_run *r)
{
    char path[1200], name[40];
    for (size_t i = 0; i < r->sums.names; i++) {
        name_map(name, r->sums.who[i].id);
        football_folder_path(r, path, sizeof path, name);
        unlink(path);
    }
}

static fov_status write_people_maps(struct football_run *r, fov_error *error)
{
    fov_match_person *people;
    fov_match_heat heat;
    fov_status status = FOV_OK;
    size_t count = football_figures(r, &people);
    if (!people)
        return fov_fail(error, FOV_ENOMEM, "no memory for heat maps");
    qsort(people, count, sizeof *people, by_time);
    if (r->before.last >= 0)
        drop_people_maps(r);
    for (size_t i = 0; i < count && i < MAPS && people[i].seen_s > 0 && !status; i++) {
        char name[40];
        name_map(name, people[i].id);
        if (fov_match_get_heat(r->match, people[i].id, &heat) == FOV_OK)
            status = write_map(r, &heat, name, error);
    }
    free(people);
    return status;
}

static fov_status write_maps(struct football_run *r, fov_error *error)
{
    static const char *const names[2] = {"heat_first.png", "heat_second.png"};
    fov_status status = FOV_OK;
    if (r->sums.placed == 0)
        return FOV_OK;
    for (int team = 0; team < 2 && !status; team++) {
        fov_match_heat heat;
        fov_match_team figures;
        status = fov_match_get_team(r->match, team, &figures);
        if (!status && figures.seen_s > 0)
            status = fov_match_get_team_heat(r->match, team, &heat);
        if (!status && figures.seen_s > 0)
            status = write_map(r, &heat, names[team], error);
    }
    return status ? status : write_people_maps(r, error);
}

/* ---- summary --------------------------------------------------------------------------------- */

static const char *side_name(int32_t team)
{
    return football_side_name(team == 0   ? FOV_TEAM_FIRST
                              : team == 1 ? FOV_TEAM_SECOND
                                          : FOV_TEAM_UNKNOWN);
}

static void put_mean(struct json_writer *w, const char *name, bool known, double x, double y)
{
    json_name(w, name);
    if (!known) {
        json_put_null(w);
        return;
    }
    json_array_begin(w);
    json_put_number(w, x, 2);
    json_put_number(w, y, 2);
    json_array_end(w);
}

static void put_team(const struct football_run *r, struct json_writer *w, int team)
{
    const struct football_sums *s = &r->sums;
    fov_match_team t = {0};
    char color[8];
    fov_match_get_team(r->match, team, &t);
    snprintf(color, sizeof color, "#%06x", (unsigned)(s->colors[team] & 0xFFFFFF));
    json_object_begin(w);
    json_add_string(w, "side", side_name(team));
    json_add_string(w, "name", r->names[team]);
    json_add_string(w, "color", s->color_known[team] ? color : NULL);
    json_add_number(w, "seen_at_once", (double)s->at_once[team] / (double)s->frames, 2);
    json_add_number(w, "possession", t.ball_share, 4);
    json_add_number(w, "possession_s", t.ball_s, 2);
    json_add_number(w, "distance_m", t.distance_m, 1);
    json_add_int(w, "sprints", t.sprints);
    put_mean(w, "mean_m", t.seen_s > 0, t.mean_x, t.mean_y);
    json_object_end(w);
}

static void put_person(const struct football_run *r, struct json_writer *w,
                       const struct football_who *who, const fov_match_person *p)
{
    json_object_begin(w);
    json_add_int(w, "track_id", who->id);
    json_add_string(w, "class", football_class_name(who->role));
    json_add_string(w, "team", side_name(who->team));
    json_add_number(w, "seen_s", (double)who->frames / r->fps, 2);
    if (p && p->seen_s > 0) {
        json_add_number(w, "distance_m", p->distance_m, 1);
        json_add_number(w, "top_mps", p->top_mps, 2);
        json_add_int(w, "sprints", p->sprints);
        json_add_number(w, "sprint_m", p->sprint_m, 1);
        json_add_number(w, "ball_s", p->ball_s, 2);
    }
    put_mean(w, "mean_m", p && p->seen_s > 0, p ? p->mean_x : 0, p ? p->mean_y : 0);
    json_object_end(w);
}

static void put_people(const struct football_run *r, struct json_writer *w)
{
    fov_match_person *people;
    size_t count = football_figures(r, &people);
    json_name(w, "people");
    json_array_begin(w);
    for (size_t i = 0; i < r->sums.names; i++) {
        size_t k = 0;
        while (k < count && people[k].id != r->sums.who[i].id)
            k++;
        put_person(r, w, &r->sums.who[i], k < count ? &people[k] : NULL);
    }
    json_array_end(w);
    free(people);
}

/* Of this run alone. */
static void put_run(const struct football_run *r, struct json_writer *w)
{
    const struct football_sums *s = &r->sums;
    json_name(w, "run");
    json_object_begin(w);
    json_add_int(w, "from_frame", r->before.last + 1);
    json_add_int(w, "frames_in", (int64_t)r->stats.accepted);
    json_add_int(w, "analysed", (int64_t)r->stats.delivered);
    json_add_int(w, "failed", (int64_t)r->stats.failed);
    json_name(w, "dropped");
    json_object_begin(w);
    for (int i = 0; i < FOV_DROP_COUNT; i++)
        json_add_int(w, fov_drop_name((fov_drop)i), (int64_t)r->stats.dropped[i]);
    json_object_end(w);
    json_name(w, "parts_ms");
    json_object_begin(w);
    for (int i = 0; i < FOV_PART_COUNT; i++)
        json_add_number(w, fov_football_part_name((fov_football_part)i),
                        s->now ? (double)s->parts_ns[i] / 1e6 / (double)s->now : 0, 3);
    json_object_end(w);
    json_add_string(w, "detector", s->now ? fov_football_detector_name(s->detector) : NULL);
    json_object_end(w);
}

static void put_summary(const struct football_run *r, struct json_writer *w)
{
    const struct football_sums *s = &r->sums;
    double frames = (double)s->frames;
    json_object_begin(w);
    json_add_string(w, "source", r->shown);
    json_add_number(w, "fps", r->fps, 4);
    json_add_int(w, "frames", s->frames);
    json_add_number(w, "from_s", s->first_s, 3);
    json_add_number(w, "to_s", s->last_s, 3);
    json_add_bool(w, "metres", s->placed > 0);
    json_add_number(w, "metres_in", (double)s->placed / frames, 4);
    json_name(w, "teams");
    json_array_begin(w);
    put_team(r, w, 0);
    put_team(r, w, 1);
    json_array_end(w);
    json_add_string(w, "goal_on_the_left", side_name(football_left_team(r)));
    json_add_number(w, "others_at_once", (double)s->at_once[2] / frames, 2);
    json_name(w, "ball");
    json_object_begin(w);
    json_add_number(w, "known", (double)s->known / frames, 4);
    json_add_number(w, "seen", s->now ? (double)s->seen / (double)s->now : 0, 4);
    json_object_end(w);
    put_people(r, w);
    put_run(r, w);
    json_object_end(w);
}

static fov_status write_summary(struct football_run *r, fov_error *error)
{
    char path[1200];
    struct json_writer w = {0};
    football_folder_path(r, path, sizeof path, "summary.json");
    if (r->sums.now == 0 && access(path, F_OK) == 0)
        return FOV_OK; /* nothing has come to it */
    put_summary(r, &w);
    fov_status status = w.failed ? fov_fail(error, FOV_ENOMEM, "no memory for a summary")
                                 : file_replace(path, w.text, w.size, 0666, error);
    json_release(&w);
    return status;
}

fov_status football_write_end(struct football_run *r, fov_error *error)
{
    fov_status status = write_summary(r, error);
    if (!status)
        status = write_maps(r, error);
    return status ? status : football_write_formats(r, error);
}
