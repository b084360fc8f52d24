/* What was asked for: the command line, and where it says nothing the settings of the environment.
 */
#include "football.h"

#include <string.h>

#include "base/text.h"
#include "scene/pitch.h"
#include "serve/settings_football.h"

static const char *either(const char *asked, const char *set)
{
    return asked ? asked : set && set[0] ? set : NULL;
}

static fov_status read_teams(struct football_run *r, fov_error *error)
{
    char text[256], *rest = text;
    bool colored[2] = {false, false};
    int count = 0;
    if (!r->asked.teams)
        return FOV_OK;
    if (text_copy(text, sizeof text, r->asked.teams) != strlen(r->asked.teams))
        return fov_fail(error, FOV_EINVAL, "--teams is too long");
    for (char *part; (part = strsep(&rest, ",")); count++) {
        char *color = strchr(part, ':');
        if (color)
            *color++ = '\0';
        if (count < 2 && (!*part || text_copy(r->names[count], sizeof r->names[0], part) == 0))
            return fov_fail(error, FOV_EINVAL, "--teams: team %d has no name", count + 1);
        if (count < 2 && color &&
            !(colored[count] = settings_color(color, &r->params.teams.colors[count], NULL)))
            return fov_fail(error, FOV_EINVAL, "--teams: '%.40s' is no colour: a word, or #rrggbb",
                            color);
    }
    if (count != 2 || colored[0] != colored[1])
        return fov_fail(error, FOV_EINVAL,
                        "--teams takes two names, both with a colour or none: "
                        "Reds:#c00000,Blues:#0000c0");
    r->params.teams.named = colored[0];
    return FOV_OK;
}

static fov_status read_look(struct football_run *r, fov_error *error)
{
    static const char *const words[] = {"auto", "whole", "tiles"}; /* as fov_football_look */
    for (int i = 0; i < 3 && r->asked.look; i++)
        if (strcmp(r->asked.look, words[i]) == 0) {
            r->params.look = (fov_football_look)i;
            return FOV_OK;
        }
    return r->asked.look ? fov_fail(error, FOV_EINVAL,
                                    "--look is auto, whole or tiles, not '%.40s'", r->asked.look)
                         : FOV_OK;
}

/* What belongs to other options of the command line stays. */
static void take_params(fov_football_params *to, const fov_football_params *set)
{
    to->pitch_layout = set->pitch_layout;
    to->ball_fps = set->ball_fps;
    to->teams = set->teams;
    to->match = set->match;
    to->tracker = set->tracker;
    to->still_camera = set->still_camera;
}

/* The calibration is read later, when the size of the pictures is known. */
fov_status football_settle_asked(struct football_run *r, fov_error *error)
{
    struct football_asked *a = &r->asked;
    struct settings_football set;
    fov_status status = chosen_settings(&r->settings, error);
    if (status)
        return status;
    struct settings *s = r->settings;
    a->calibration = either(a->calibration, s->football.homography);
    s->football.homography = NULL;
    status = settings_football(s, &set, error);
    if (status)
        return status;
    take_params(&r->params, &set.params);
    a->chosen.model = either(a->chosen.model, s->football.player_model);
    a->ball_model = either(a->ball_model, s->football.ball_model);
    a->pitch_model = either(a->pitch_model, s->football.pitch_model);
    a->appearance = either(a->appearance, s->football.appearance_model);
    a->team_model = either(a->team_model, s->football.team_model);
    a->tracker = either(a->tracker, set.params.tracker.name);
    a->fps = a->fps > 0 ? a->fps : s->football.target_fps;
    a->still = a->still || set.params.still_camera;
    r->pitch = pitch_size(&set.params.match.pitch);
    for (int i = 0; i < 2; i++)
        text_copy(r->names[i], sizeof r->names[i],
                  either(set.params.names[i], i ? "second" : "first"));
    status = pitch_size_check(r->pitch, error);
    if (!status)
        status = read_look(r, error);
    return status ? status : read_teams(r, error);
}
