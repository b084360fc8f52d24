#include "scene/football_json.h"

#include <math.h>
#include <stdio.h>

#include "scene/pitch.h"

const char *football_side_name(fov_team_side side)
{
    return side == FOV_TEAM_FIRST ? "first" : side == FOV_TEAM_SECOND ? "second" : NULL;
}

const char *football_teams_state(fov_teams_state state)
{
    static const char *const words[] = {[FOV_TEAMS_WAITING] = "waiting",
                                        [FOV_TEAMS_GREY] = "grey",
                                        [FOV_TEAMS_NO_PITCH] = "no_pitch",
                                        [FOV_TEAMS_ALIKE] = "alike",
                                        [FOV_TEAMS_KNOWN] = "known"};
    return (size_t)state < sizeof words / sizeof *words ? words[state] : "waiting";
}

/* Index of a team in fov_football_frame.sides; -1: of neither. */
static int index_of(fov_team_side side)
{
    return side == FOV_TEAM_FIRST ? 0 : side == FOV_TEAM_SECOND ? 1 : -1;
}

/* Two numbers, or null when they are not both finite or not known. */
static void add_pair(struct json_writer *w, const char *name, bool known, double x, double y,
                     int decimals)
{
    json_name(w, name);
    if (!known || !isfinite(x) || !isfinite(y)) {
        json_put_null(w);
        return;
    }
    json_array_begin(w);
    json_put_number(w, x, decimals);
    json_put_number(w, y, decimals);
    json_array_end(w);
}

static void add_known(struct json_writer *w, const char *name, bool known, double value,
                      int decimals)
{
    if (known)
        json_add_number(w, name, value, decimals);
    else
        json_add_null(w, name);
}

static void add_box(struct json_writer *w, const char *name, const fov_football_person *p,
                    double sx, double sy, int decimals)
{
    json_name(w, name);
    json_array_begin(w);
    json_put_number(w, (double)p->x1 * sx, decimals);
    json_put_number(w, (double)p->y1 * sy, decimals);
    json_put_number(w, (double)p->x2 * sx, decimals);
    json_put_number(w, (double)p->y2 * sy, decimals);
    json_array_end(w);
}

/* ---- tracks ----------------------------------------------------------------------------------
 */

const char *football_class_name(fov_match_role role)
{
    switch (role) {
    case FOV_ROLE_GOALKEEPER:
        return "goalkeeper";
    case FOV_ROLE_REFEREE:
        return "referee";
    case FOV_ROLE_PLAYER:
    case FOV_ROLE_OTHER:
        break;
    }
    return "player";
}

static void write_track(struct json_writer *w, const fov_football_frame *f,
                        const fov_football_person *p, double sx, double sy)
{
    int side = index_of(p->side);
    json_object_begin(w);
    json_add_int(w, "track_id", p->id);
    json_add_string(w, "class", football_class_name(p->role));
    json_add_string(w, "team", football_side_name(p->side));
    json_add_string(w, "team_name", side >= 0 ? f->sides[side].name : NULL);
    json_add_number(w, "team_confidence", (double)p->side_confidence, 3);
    json_add_string(w, "state", p->state == FOV_TRACK_LOST ? "lost" : "active");
    json_add_number(w, "confidence", (double)p->score, 4);
    add_box(w, "box", p, 1, 1, 2);
    add_box(w, "box_norm", p, sx, sy, 5);
    add_pair(w, "pitch_m", p->on_pitch, p->x, p->y, 2);
    add_known(w, "speed_mps", p->on_pitch && p->speed_mps != 0, p->speed_mps, 2);
    json_add_number(w, "distance_m", p->distance_m, 1);
    json_add_int(w, "sprints", p->sprints);
    json_object_end(w);
}

/* ---- ball ------------------------------------------------------------------------------------
 */

static void write_ball(struct json_writer *w, const fov_ball *b, double sx, double sy)
{
    static const char *const states[] = {[FOV_BALL_SEEN] = "seen",
                                         [FOV_BALL_COASTING] = "coasting",
                                         [FOV_BALL_INTERPOLATED] = "interpolated"};
    static const char *const heights[] = {[FOV_BALL_HEIGHT_UNKNOWN] = "unknown",
                                          [FOV_BALL_ON_GROUND] = "on_ground",
                                          [FOV_BALL_IN_AIR] = "in_air"};
    json_name(w, "ball");
    if (b->state == FOV_BALL_NONE || !isfinite(b->x) || !isfinite(b->y)) {
        json_put_null(w);
        return;
    }
    json_object_begin(w);
    json_add_string(w, "state", states[b->state]);
    add_pair(w, "xy", true, (double)b->x, (double)b->y, 2);
    add_pair(w, "xy_norm", true, (double)b->x * sx, (double)b->y * sy, 5);
    add_known(w, "size_px", b->size > 0, (double)b->size, 2);
    json_add_number(w, "confidence", (double)b->confidence, 4);
    json_add_string(w, "height", heights[b->height]);
    add_pair(w, "pitch_m", b->on_pitch, b->pitch_x, b->pitch_y, 2);
    json_object_end(w);
}

/* ---- teams -----------------------------------------------------------------------------------
 */

static void write_side(struct json_writer *w, const fov_football_side *side, const char *word)
{
    const fov_match_team *t = &side->figures;
    char color[16];
    snprintf(color, sizeof color, "#%06x", (unsigned)(side->color & 0xFFFFFF));
    json_object_begin(w);
    json_add_string(w, "side", word);
    json_add_string(w, "name", side->name ? side->name : word);
    json_add_string(w, "color", side->color_known ? color : NULL);
    json_add_number(w, "possession", t->ball_share, 3);
    json_add_number(w, "possession_s", t->ball_s, 1);
    json_add_number(w, "distance_m", t->distance_m, 1);
    json_add_int(w, "sprints", t->sprints);
    add_pair(w, "mean_m", t->seen_s > 0, t->mean_x, t->mean_y, 2);
    json_object_end(w);
}

static void write_has_ball(struct json_writer *w, const fov_match_ball *ball)
{
    bool known = ball->team == 0 || ball->team == 1;
    json_name(w, "has_ball");
    json_object_begin(w);
    json_add_string(w, "side", known ? football_side_name(FOV_TEAM_FIRST + ball->team) : NULL);
    json_name(w, "track_id");
    if (known && ball->id > 0)
        json_put_int(w, ball->id);
    else
        json_put_null(w);
    add_known(w, "since_s", known, ball->since_s, 2);
    json_object_end(w);
}

void football_write_teams(struct json_writer *w, const fov_football_frame *f)
{
    json_name(w, "teams");
    json_object_begin(w);
    json_add_string(w, "state", football_teams_state(f->teams));
    json_name(w, "sides");
    json_array_begin(w);
    write_side(w, &f->sides[0], "first");
    write_side(w, &f->sides[1], "second");
    json_array_end(w);
    write_has_ball(w, &f->possession);
    json_object_end(w);
}

/* ---- pitch, parts ----------------------------------------------------------------------------
 */

/* Its numbers may differ by many powers of ten: a number of decimals would not do. */
void football_put_matrix(struct json_writer *w, const double map[9])
{
    char text[32];
    for (int i = 0; i < 9; i++)
        if (!isfinite(map[i])) {
            json_put_null(w);
            return;
        }
    json_array_begin(w);
    for (int i = 0; i < 9; i++) {
        int length = snprintf(text, sizeof text, "%.9g", map[i] == 0 ? 0.0 : map[i]);
        json_put_raw(w, text, (size_t)length);
    }
    json_array_end(w);
}

static void write_pitch(struct json_writer *w, const fov_football_frame *f,
                        const fov_pitch_size *given)
{
    fov_pitch_size size = pitch_size(given);
    json_name(w, "pitch_m");
    json_object_begin(w);
    add_pair(w, "size", true, size.length, size.width, 2);
    json_add_bool(w, "known", f->view_known);
    json_name(w, "matrix");
    if (f->view_known)
        football_put_matrix(w, f->view.map);
    else
        json_put_null(w);
    add_known(w, "k1", f->view_known, f->view.k1, 6);
    add_known(w, "sigma_px", f->view_known, f->view_sigma_px, 2);
    json_object_end(w);
}

void football_write_parts(struct json_writer *w, const double ms[FOV_PART_COUNT])
{
    json_name(w, "parts_ms");
    json_object_begin(w);
#define WRITE_PART(name, word) json_add_number(w, #word, ms[FOV_PART_##name], 3);
    FOV_FOOTBALL_PART_MAP(WRITE_PART)
#undef WRITE_PART
    json_object_end(w);
}

/* fov_football_detector_name is of another room. */
static const char *detector_name(fov_football_detector detector)
{
    static const char *const words[] = {
#define DETECTOR_WORD(name, word) #word,
        FOV_FOOTBALL_DETECTOR_MAP(DETECTOR_WORD)
#undef DETECTOR_WORD
    };
    return (unsigned)detector < FOV_DETECTOR_COUNT ? words[detector] : words[0];
}

void football_write(struct json_writer *w, const fov_football_frame *f, const fov_pitch_size *size,
                    int width, int height)
{
    double sx = 1.0 / (width > 0 ? width : 1), sy = 1.0 / (height > 0 ? height : 1);
    double ms[FOV_PART_COUNT];
    json_name(w, "tracks");
    json_array_begin(w);
    for (size_t i = 0; i < f->count; i++)
        write_track(w, f, &f->people[i], sx, sy);
    json_array_end(w);
    write_ball(w, &f->ball, sx, sy);
    football_write_teams(w, f);
    write_pitch(w, f, size);
    for (int i = 0; i < FOV_PART_COUNT; i++)
        ms[i] = (double)f->parts_ns[i] / 1e6;
    football_write_parts(w, ms);
    json_add_string(w, "detector", detector_name(f->detector));
}
