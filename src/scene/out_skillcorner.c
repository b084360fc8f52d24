/* As SkillCorner's open data: ten frames a second, metres from the middle of the pitch, y away from
 * the camera; a line of JSON a frame, and who is who in a file of its own. */
#include <math.h>

#include "scene/out.h"

#define RATE 10.0

enum { HOME_ID = 1, AWAY_ID = 2, BALL_ID = 0 };

static void put_team(struct json_writer *w, const char *key, int id, const char *name)
{
    json_name(w, key);
    json_object_begin(w);
    json_add_int(w, "id", id);
    json_add_string(w, "name", name);
    json_object_end(w);
}

static void put_player(struct json_writer *w, const struct out_person *p)
{
    char name[24];
    bool keeper = p->role == FOV_ROLE_GOALKEEPER;
    snprintf(name, sizeof name, "Track %d", p->id);
    json_object_begin(w);
    json_add_int(w, "id", p->id);
    json_add_int(w, "trackable_object", p->id);
    json_add_int(w, "team_id", p->team == 0 ? HOME_ID : AWAY_ID);
    if (p->number)
        json_add_int(w, "number", p->number);
    else
        json_add_null(w, "number");
    json_add_string(w, "first_name", "");
    json_add_string(w, "last_name", name);
    json_add_string(w, "start_time", "00:00:00");
    json_name(w, "player_role");
    json_object_begin(w);
    if (keeper)
        json_add_int(w, "id", 0);
    else
        json_add_null(w, "id");
    json_add_string(w, "name", keeper ? "Goalkeeper" : "Unknown");
    json_object_end(w);
    json_object_end(w);
}

static void put_people(struct json_writer *w, const struct out_roster *roster)
{
    json_name(w, "players");
    json_array_begin(w);
    for (int i = 0; i < roster->count; i++)
        if (roster->people[i].team >= 0)
            put_player(w, &roster->people[i]);
    json_array_end(w);
    json_name(w, "referees");
    json_array_begin(w);
    for (int i = 0; i < roster->count; i++)
        if (roster->people[i].team < 0 && roster->people[i].role == FOV_ROLE_REFEREE) {
            json_object_begin(w);
            json_add_int(w, "trackable_object", roster->people[i].id);
            json_object_end(w);
        }
    json_array_end(w);
}

static void begin(struct out *out)
{
    struct json_writer *w = &out->json;
    out->written = -1; /* the last tenth of a second that was written */
    json_object_begin(w);
    json_add_int(w, "id", 1);
    json_add_null(w, "date_time");
    put_team(w, "home_team", HOME_ID, out->about->home);
    put_team(w, "away_team", AWAY_ID, out->about->away);
    json_add_null(w, "home_team_score");
    json_add_null(w, "away_team_score");
    json_add_number(w, "pitch_length", out->about->pitch.length, 3);
    json_add_number(w, "pitch_width", out->about->pitch.width, 3);
    json_name(w, "ball");
    json_object_begin(w);
    json_add_int(w, "trackable_object", BALL_ID);
    json_object_end(w);
    put_people(w, out->roster);
    json_object_end(w);
    out_json(out, out->files[1]);
    fputc('\n', out->files[1]);
}

static void put_coordinate(struct json_writer *w, const char *key, bool known, double value)
{
    if (known)
        json_add_number(w, key, value, 2);
    else
        json_add_null(w, key);
}

static void put_ball(struct out *out, const fov_match_frame *f)
{
    struct json_writer *w = &out->json;
    const fov_pitch_size *pitch = &out->about->pitch;
    json_name(w, "ball_data");
    json_object_begin(w);
    put_coordinate(w, "x", f->ball_known, f->ball[0] - pitch->length / 2);
    put_coordinate(w, "y", f->ball_known, f->ball[1] - pitch->width / 2);
    put_coordinate(w, "z", f->ball_known, f->ball[2]);
    json_add_bool(w, "is_detected", f->ball_known);
    json_object_end(w);
    json_name(w, "possession");
    json_object_begin(w);
    json_add_null(w, "player_id");
    json_add_string(w, "group",
                    f->ball_team == 0   ? "home team"
                    : f->ball_team == 1 ? "away team"
                                        : NULL);
    json_object_end(w);
}

static void put_players(struct out *out, const fov_match_frame *f)
{
    struct json_writer *w = &out->json;
    const fov_pitch_size *pitch = &out->about->pitch;
    json_name(w, "player_data");
    json_array_begin(w);
    for (size_t i = 0; i < f->count; i++) {
        const fov_match_entry *e = &f->entries[i];
        const struct out_person *p = out_find(out->roster, e->id);
        if (!p || p->team < 0 || e->unplaced)
            continue;
        json_object_begin(w);
        json_add_int(w, "player_id", e->id);
        json_add_number(w, "x", e->x - pitch->length / 2, 2);
        json_add_number(w, "y", e->y - pitch->width / 2, 2);
        json_add_bool(w, "is_detected", e->x2 > e->x1);
        json_object_end(w);
    }
    json_array_end(w);
}

static void frame(struct out *out, const fov_match_frame *f)
{
    struct json_writer *w = &out->json;
    int64_t tenth = (int64_t)floor((f->time_s - out->roster->first_s) * RATE + 1e-6);
    char time[40];
    if (tenth <= out->written)
        return;
    out->written = tenth;
    snprintf(time, sizeof time, "%02lld:%02lld:%02lld.%lld0", (long long)(tenth / 36000),
             (long long)(tenth / 600 % 60), (long long)(tenth / 10 % 60), (long long)(tenth % 10));
    json_object_begin(w);
    json_add_int(w, "frame", tenth);
    json_add_string(w, "timestamp", time);
    json_add_int(w, "period", 1);
    put_ball(out, f);
    json_name(w, "image_corners_projection");
    json_array_begin(w);
    json_array_end(w);
    put_players(out, f);
    json_object_end(w);
    out_json(out, out->files[0]);
    fputc('\n', out->files[0]);
}

static void end(struct out *out)
{
    (void)out;
}

const struct out_format out_skillcorner = {
    .name = "skillcorner",
    .help = "as SkillCorner's open data, ten frames a second",
    .files = {"skillcorner.jsonl", "skillcorner_match.json"},
    .begin = begin,
    .frame = frame,
    .end = end};
