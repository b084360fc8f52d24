/* The section `football`: teams and their colours, the calibration, and what streams make of it. */
#include "serve/settings_football.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "scene/pitch.h"
#include "serve/settings_load.h"

/* ---- colours --------------------------------------------------------------------------------- */

/* Shirts as shops call them; where a word means many, the one that is mostly worn. */
static const struct {
    const char *word;
    uint32_t color;
} colors[] = {
    {"black", 0x181818},     {"white", 0xf4f4f4},     {"grey", 0x808080},
    {"gray", 0x808080},      {"silver", 0xc0c0c0},    {"red", 0xd01820},
    {"dark red", 0x8b1018},  {"maroon", 0x701828},    {"claret", 0x7a1c3c},
    {"orange", 0xf07818},    {"gold", 0xe0b030},      {"yellow", 0xf4dc20},
    {"lime", 0xa0e030},      {"green", 0x189048},     {"dark green", 0x105030},
    {"turquoise", 0x30c0b8}, {"sky blue", 0x80c0e8},  {"light blue", 0x80c0e8},
    {"blue", 0x2048c0},      {"dark blue", 0x142460}, {"navy", 0x142048},
    {"purple", 0x602890},    {"violet", 0x7040b0},    {"pink", 0xf090b0},
    {"brown", 0x6b4226},
};

enum { COLORS = sizeof colors / sizeof *colors };

/* "sky-blue", "sky_blue" and "Skyblue" are "sky blue". */
static bool same_word(const char *text, const char *word)
{
    while (*text && *word) {
        if (*word == ' ' && *text != ' ' && *text != '-' && *text != '_') {
            word++;
            continue;
        }
        if (*word != ' ' && strncasecmp(text, word, 1) != 0)
            return false;
        text++;
        word++;
    }
    return !*text && !*word;
}

static bool hex_color(const char *text, uint32_t *color)
{
    text += text[0] == '#';
    if (strlen(text) != 6 || strspn(text, "0123456789abcdefABCDEF") != 6)
        return false;
    *color = (uint32_t)strtoul(text, NULL, 16);
    return true;
}

bool settings_color(const char *text, uint32_t *color, const char **near)
{
    const char *words[COLORS];
    for (size_t i = 0; i < COLORS; i++) {
        words[i] = colors[i].word;
        if (same_word(text, colors[i].word)) {
            *color = colors[i].color;
            return true;
        }
    }
    if (near)
        *near = text_nearest(text, words, COLORS);
    return hex_color(text, color);
}

/* ---- teams ----------------------------------------------------------------------------------- */

static void read_color(struct settings_load *load, const char *key, const char *text,
                       struct settings_team *team, const struct settings_place *place)
{
    const char *near = NULL;
    team->colored = settings_color(text, &team->color, &near);
    if (!team->colored)
        settings_wrong(load, place, key, "'%.40s' is no colour: a word, or \"#rrggbb\"%s%s%s", text,
                       near ? ", did you mean " : "", near ? near : "", near ? "?" : "");
}

static void set_color(struct settings_load *load, const char *key, const struct yaml_node *node,
                      struct settings_team *team)
{
    struct settings_place place = {.node = node};
    if (node->kind != YAML_SCALAR)
        settings_wrong(load, &place, key, "a colour is expected: a word, or \"#rrggbb\"");
    else if (node->text[0] == '\0')
        settings_wrong(load, &place, key,
                       "a colour is missing (\"#rrggbb\" needs its quotes, # begins a comment)");
    else
        read_color(load, key, node->text, team, &place);
}

static void set_name(struct settings_load *load, const char *key, const struct yaml_node *node,
                     struct settings_team *team)
{
    static const struct settings_row row = {.kind = SET_TEXT, .most = 64};
    settings_set_node(load, &row, key, node, &team->name);
    if (team->name && !team->name[0])
        team->name = NULL;
}

/* {name: …, color: …} */
static void read_team(struct settings_load *load, const char *key, const struct yaml_node *node,
                      struct settings_team *team)
{
    static const char *const names[] = {"name", "color"};
    struct settings_place place = {.node = node};
    char shown[200];
    if (node->kind != YAML_MAP) {
        settings_wrong(load, &place, key, "{name: …, color: …} is expected");
        return;
    }
    for (const struct yaml_node *at = node->child; at; at = at->next) {
        snprintf(shown, sizeof shown, "%s.%.60s", key, at->key);
        if (strcmp(at->key, "name") == 0) {
            set_name(load, shown, at, team);
        } else if (strcmp(at->key, "color") == 0) {
            set_color(load, shown, at, team);
        } else {
            const char *near = text_nearest(at->key, names, 2);
            settings_note_at(&load->report, at->key_line, at->key_column,
                             "%s: no such setting%s%s%s", shown, near ? ", did you mean " : "",
                             near ? near : "", near ? "?" : "");
        }
    }
}

/* NAME: COLOR */
static void read_pair(struct settings_load *load, const char *key, const struct yaml_node *node,
                      struct settings_team *team)
{
    struct yaml_node name = {.kind = YAML_SCALAR,
                             .text = node->key,
                             .quoted = true,
                             .line = node->key_line,
                             .column = node->key_column};
    char shown[200];
    snprintf(shown, sizeof shown, "%s.%.60s", key, node->key);
    set_name(load, shown, &name, team);
    set_color(load, shown, node, team);
}

/* Colours tell two kits apart: one alone says nothing. */
static void check_teams(struct settings_load *load, const char *key,
                        const struct settings_teams *teams, const struct settings_place *place)
{
    if (teams->items[0].colored != teams->items[1].colored)
        settings_wrong(load, place, key, "colours are given for both teams or for none");
}

void settings_set_teams(struct settings_load *load, const char *key, const struct yaml_node *node,
                        struct settings_teams *teams)
{
    struct settings_place place = {.node = node};
    size_t count = 0;
    *teams = (struct settings_teams){0};
    if (node->kind == YAML_SCALAR && node->text[0] == '\0' && !node->quoted)
        return;
    for (const struct yaml_node *at = node->child; at; at = at->next)
        count++;
    if (node->kind == YAML_SCALAR || count > 2) {
        settings_wrong(load, &place, key,
                       "at most two are expected: [{name: …, color: …}, …] or {NAME: COLOR, …}");
        return;
    }
    int before = load->report.fatal;
    for (const struct yaml_node *at = node->child; at; at = at->next)
        (node->kind == YAML_MAP ? read_pair : read_team)(load, key, at,
                                                         &teams->items[teams->count++]);
    if (load->report.fatal == before)
        check_teams(load, key, teams, &place);
}

/* NAME=COLOR, or one of the two. */
static void read_word(struct settings_load *load, const char *key, char *text,
                      struct settings_team *team, const struct settings_place *place)
{
    static const struct settings_row row = {.kind = SET_TEXT, .most = 64};
    char *color = strchr(text, '=');
    if (color)
        *color++ = '\0';
    if (text[0])
        settings_set_text(load, &row, key, text, &team->name, place);
    if (color)
        read_color(load, key, color, team, place);
}

void settings_set_teams_text(struct settings_load *load, const char *key, const char *text,
                             struct settings_teams *teams, const struct settings_place *place)
{
    char copy[300], *rest = NULL;
    int before = load->report.fatal;
    *teams = (struct settings_teams){0};
    text_copy(copy, sizeof copy, text);
    for (char *at = strtok_r(copy, ",", &rest); at; at = strtok_r(NULL, ",", &rest)) {
        if (teams->count == 2) {
            settings_wrong(load, place, key, "at most two are expected: NAME=COLOR, NAME=COLOR");
            return;
        }
        read_word(load, key, at + strspn(at, " "), &teams->items[teams->count++], place);
    }
    if (load->report.fatal == before)
        check_teams(load, key, teams, place);
}

/* ---- for streams ----------------------------------------------------------------------------- */

fov_status settings_read_view(const char *path, const fov_pitch_params *params,
                              fov_pitch_view *view, fov_error *error)
{
    enum { MOST = 1 << 20 };
    char *text = NULL;
    size_t size = 0;
    fov_error why = {0};
    fov_status status = file_read(path, MOST, &text, &size, error);
    if (status)
        return status;
    json_value *json = json_parse(text, size, MOST, &why);
    free(text);
    if (!json)
        return fov_fail(error, why.status, "%s: %s", path, why.message);
    if (json_has(json, "points") && !json_has(json, "picture") && params->width == 0)
        status = fov_fail(&why, FOV_EINVAL,
                          "\"picture\": [width, height] of the picture is missing");
    else
        status = pitch_view_read(json, params, view, NULL, &why);
    json_free(&json);
    return status ? fov_fail(error, status, "%s: %s", path, why.message) : FOV_OK;
}

/* "players" for "/m/players.onnx", as a model without an id of its own is called. */
static void id_of(const struct settings *s, const char *name, char *id, size_t size)
{
    const char *slash = strrchr(name, '/');
    if (settings_find_model(s, name) || !slash || !slash[1] || strstr(name, "://") ||
        strncmp(name, "fake:", 5) == 0)
        slash = NULL;
    text_copy(id, size, slash ? slash + 1 : name);
    char *dot = strrchr(id, '.');
    if (slash && dot && dot > id &&
        (strcmp(dot, ".xml") == 0 || strcmp(dot, ".onnx") == 0 || strcmp(dot, ".tflite") == 0))
        *dot = '\0';
}

void settings_football_name(const struct settings *s, struct settings_football *to,
                            enum settings_football_model which, const char *name)
{
    const char **params[] = {&to->params.player_model, &to->params.ball_model,
                             &to->params.pitch_model, &to->params.appearance_model,
                             &to->params.team_model};
    if (!name || !name[0])
        return;
    bool drawn = (which == FOOTBALL_PLAYERS || which == FOOTBALL_PITCH) &&
                 strcmp(name, FOOTBALL_DRAWN) == 0; /* no model */
    to->names[which] = drawn ? NULL : name;
    id_of(s, name, to->ids[which], sizeof to->ids[which]);
    *params[which] = to->ids[which];
    const struct settings_model *entry = settings_find_model(s, name);
    float conf = entry ? (float)entry->conf : 0;
    if (which == FOOTBALL_PLAYERS)
        to->params.player_conf = conf;
    else if (which == FOOTBALL_BALL)
        to->params.ball_conf = conf;
}

static void fill_teams(const struct settings_teams *teams, fov_football_params *params)
{
    for (int i = 0; i < 2; i++) {
        params->names[i] = teams->items[i].name;
        params->teams.colors[i] = teams->items[i].color;
    }
    params->teams.named = teams->items[0].colored && teams->items[1].colored;
}

fov_status settings_football(const struct settings *s, struct settings_football *to,
                             fov_error *error)
{
    /* in the order of the row's words; a test holds them to the table */
    static const fov_pitch_layout layouts[] = {FOV_PITCH_LANDMARKS, FOV_PITCH_ROBOFLOW_32};
    fov_error why = {0};
    *to = (struct settings_football){0};
    fov_football_params *p = &to->params;
    settings_football_name(s, to, FOOTBALL_PLAYERS, s->football.player_model);
    settings_football_name(s, to, FOOTBALL_BALL, s->football.ball_model);
    settings_football_name(s, to, FOOTBALL_PITCH, s->football.pitch_model);
    settings_football_name(s, to, FOOTBALL_APPEARANCE, s->football.appearance_model);
    settings_football_name(s, to, FOOTBALL_TEAM, s->football.team_model);
    fill_teams(&s->football.teams, p);
    p->pitch_layout = layouts[s->football.pitch_layout];
    p->tracker.name = settings_tracker(s->football.tracker);
    p->ball_fps = s->football.ball_fps;
    p->still_camera = s->football.still_camera;
    p->match.pitch = (fov_pitch_size){s->football.pitch_length, s->football.pitch_width};
    if (!s->football.homography || !s->football.homography[0])
        return FOV_OK;
    const fov_pitch_params of = {.size = p->match.pitch};
    fov_status status = settings_read_view(s->football.homography, &of, &to->view, &why);
    if (status)
        return fov_fail(error, status, "%s: football.homography: %s",
                        settings_origin(s, "football.homography"), why.message);
    to->has_view = true;
    p->view = &to->view;
    return FOV_OK;
}
