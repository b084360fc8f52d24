/* Football on its way to viewers: a frame's members, and a stream's figures. */
#include "serve/football.h"

#include <stdio.h>
#include <stdlib.h>

#include "scene/football_json.h"
#include "serve/message.h"

void football_kept_why(const struct kept_view *kept, int width, int height, char *why, size_t size)
{
    const fov_pitch_view *view = &kept->view;
    bool fits = width <= 0 || (view->width == width && view->height == height);
    snprintf(why, size, fits ? "" : "it is for pictures of %d x %d px, and these are %d x %d",
             view->width, view->height, width, height);
}

/* The first picture says whether the kept calibration is for such ones; told once. */
static void judge_kept(struct feed_football *football, int width, int height)
{
    struct kept_view kept = {.view = {.width = atomic_exchange(&football->kept_width, 0),
                                      .height = atomic_load(&football->kept_height)}};
    char why[160];
    football_kept_why(&kept, kept.view.width ? width : 0, height, why, sizeof why);
    if (why[0])
        fov_log(FOV_LOG_WARN, "views", "%s: the kept calibration is not used: %s",
                football->key.source, why);
}

void football_feed_saw(struct feed_football *football, const fov_result *result)
{
    const fov_football_frame *f = result->football;
    if (result->width > 0 && result->height > 0) {
        judge_kept(football, result->width, result->height);
        atomic_store(&football->width, result->width);
        atomic_store(&football->height, result->height);
    }
    if (!f)
        return;
    atomic_store(&football->teams, (int)f->teams);
    for (int i = 0; i < 2; i++)
        atomic_store(&football->colors[i],
                     f->sides[i].color_known ? (long long)f->sides[i].color : -1);
}

struct net_blob *football_blob(const struct feed_football *football, const fov_result *result)
{
    struct json_writer w = {0};
    json_object_begin(&w);
    football_write(&w, result->football, &football->size, result->width, result->height);
    json_object_end(&w);
    return message_blob(&w);
}

void football_splice(struct json_writer *w, struct net_blob *blob)
{
    if (blob && net_blob_len(blob) > 2)
        json_put_raw(w, (const char *)net_blob_data(blob) + 1, net_blob_len(blob) - 2);
}

/* ---- statistics --------------------------------------------------------------------------------
 */

void football_add_pair(struct json_writer *w, const char *name, double a, double b, int decimals)
{
    json_name(w, name);
    json_array_begin(w);
    json_put_number(w, a, decimals);
    json_put_number(w, b, decimals);
    json_array_end(w);
}

static void write_person(struct json_writer *w, const fov_match_person *p)
{
    json_object_begin(w);
    json_add_int(w, "track_id", p->id);
    json_add_string(w, "team", p->team == 0 ? "first" : p->team == 1 ? "second" : NULL);
    json_add_bool(w, "present", p->present);
    football_add_pair(w, "pitch_m", p->x, p->y, 2);
    json_add_number(w, "speed_mps", p->speed_mps, 2);
    json_add_number(w, "top_mps", p->top_mps, 2);
    json_add_number(w, "seen_s", p->seen_s, 1);
    json_add_number(w, "distance_m", p->distance_m, 1);
    json_add_int(w, "sprints", p->sprints);
    json_add_number(w, "sprint_m", p->sprint_m, 1);
    json_add_number(w, "ball_s", p->ball_s, 1);
    football_add_pair(w, "mean_m", p->mean_x, p->mean_y, 2);
    json_object_end(w);
}

static void write_people(struct json_writer *w, const fov_match_person *people, size_t count)
{
    json_name(w, "people");
    json_array_begin(w);
    for (size_t i = 0; i < count; i++)
        write_person(w, &people[i]);
    json_array_end(w);
}

void football_write_stats(struct json_writer *w, const struct feed_football *football,
                          fov_stream *stream)
{
    fov_match_team teams[2] = {0};
    fov_football_frame now = {.possession = {.team = -1},
                              .teams = (fov_teams_state)atomic_load(&football->teams)};
    double parts[FOV_PART_COUNT] = {0};
    size_t room = fov_stream_get_match(stream, NULL, 0, NULL, NULL);
    fov_match_person *people = room > 0 ? calloc(room, sizeof *people) : NULL;
    room = people ? room : 0; /* without memory nobody is told */
    size_t count = fov_stream_get_match(stream, people, room, teams, &now.possession);
    fov_stream_get_football_parts(stream, parts);
    json_name(w, "football");
    json_object_begin(w);
    json_add_bool(w, "still_camera", football->still);
    football_write_parts(w, parts);
    write_people(w, people, count < room ? count : room);
    for (int i = 0; i < 2; i++) {
        long long color = atomic_load(&football->colors[i]);
        now.sides[i] = (fov_football_side){football->names[i], color >= 0,
                                           color >= 0 ? (uint32_t)color : 0, teams[i]};
    }
    football_write_teams(w, &now);
    json_object_end(w);
    free(people);
}

struct net_blob *football_last(const struct feed_football *football, fov_stream *stream,
                               bool settle)
{
    struct json_writer w = {0};
    if (settle)
        fov_stream_settle_football(stream, NULL, 0);
    json_object_begin(&w);
    football_write_stats(&w, football, stream);
    json_object_end(&w);
    return message_blob(&w);
}
