/* What clients send about football: a start-stream's members, and calibrations. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "scene/football_json.h"
#include "scene/pitch.h"
#include "serve/football.h"
#include "serve/members.h"

/* ---- calibrations ------------------------------------------------------------------------------
 */

static bool pair_member(const json_value *object, const char *name, double pair[2])
{
    const json_value *array = json_get(object, name);
    return json_is_array(array) && json_count(array) == 2 &&
           json_number(json_at(array, 0), &pair[0]) && json_number(json_at(array, 1), &pair[1]);
}

/* The pitch is one for all of a stream's figures: another one in a calibration is a mistake. */
static fov_status check_size(const json_value *object, fov_pitch_size size, fov_error *error)
{
    double given[2];
    if (!json_has(object, "size"))
        return FOV_OK;
    if (!pair_member(object, "size", given))
        return fov_fail(error, FOV_EINVAL, "size: length and width of the pitch, metres");
    if (fabs(given[0] - size.length) < 0.01 && fabs(given[1] - size.width) < 0.01)
        return FOV_OK;
    return fov_fail(error, FOV_EINVAL,
                    "size: the pitch of this stream is %g x %g m; another size is given when it is "
                    "started (pitch_m)",
                    size.length, size.width);
}

static fov_status flag(const json_value *object, const char *name, bool *value, fov_error *error)
{
    if (!json_has(object, name) || json_get_bool(object, name, value))
        return FOV_OK;
    return fov_fail(error, FOV_EINVAL, "%s: true or false", name);
}

fov_status football_read_view(const json_value *object, const struct football_place *place,
                              fov_pitch_view *view, fov_pitch_quality *quality, fov_error *error)
{
    fov_pitch_params params = {.size = place->size, .width = place->width, .height = place->height};
    *quality = (fov_pitch_quality){0};
    if (!json_is_object(object))
        return fov_fail(error, FOV_EINVAL, "an object with points or a matrix is needed");
    fov_status status = check_size(object, place->size, error);
    if (status == FOV_OK)
        status = flag(object, "lens", &params.lens, error);
    if (status == FOV_OK)
        status = flag(object, "camera", &params.camera, error);
    if (status == FOV_OK && json_has(object, "points") && !json_has(object, "picture") &&
        place->width <= 0)
        status = fov_fail(error, FOV_EINVAL,
                          "picture: no picture has come yet, so its [width, height] is needed");
    if (status == FOV_OK)
        status = pitch_view_read(object, &params, view, quality, error);
    if (status == FOV_OK && view->width > 0 && place->width > 0 &&
        (view->width != place->width || view->height != place->height))
        status = fov_pitch_view_resize(view, place->width, place->height, error);
    return status;
}

void football_write_quality(struct json_writer *w, const fov_pitch_quality *q)
{
    json_name(w, "quality");
    if (q->points == 0) {
        json_put_null(w);
        return;
    }
    json_object_begin(w);
    json_add_number(w, "rms_px", q->rms_px, 3);
    json_add_int(w, "inliers", q->inliers);
    json_add_int(w, "points", q->points);
    json_add_number(w, "spread", q->spread, 4);
    json_add_number(w, "condition", q->condition, 2);
    json_add_number(w, "sigma_m", q->sigma_m, 3);
    json_add_number(w, "worst_m", q->worst_m, 3);
    json_name(w, "errors_px");
    json_array_begin(w);
    for (int i = 0; i < q->points && i < FOV_PITCH_POINTS_MAX; i++)
        json_put_number(w, (double)q->error_px[i], 2);
    json_array_end(w);
    json_object_end(w);
}

void football_refuse_view(struct exchange *x, const fov_error *error,
                          const fov_pitch_quality *quality)
{
    struct json_writer *w = serve_writer(x->server);
    json_object_begin(w);
    net_write_problem(w, 422, "invalid_homography", error->message);
    football_write_quality(w, quality);
    json_object_end(w);
    if (w->failed)
        serve_busy(x, 1, "out_of_memory", "not enough memory for the answer");
    else
        net_reply(x->request, 422, "application/problem+json", w->text, w->size);
}

/* ---- start-stream ------------------------------------------------------------------------------
 */

/* Words of models that call people and balls otherwise, parted by commas. */
static bool read_labels(struct exchange *x, const json_value *json, struct football_wish *wish)
{
    static const char *const names[] = {[FOV_CLASS_PLAYER] = "player_labels",
                                        [FOV_CLASS_GOALKEEPER] = "goalkeeper_labels",
                                        [FOV_CLASS_REFEREE] = "referee_labels",
                                        [FOV_CLASS_BALL] = "ball_labels"};
    for (int i = 0; i < FOV_CLASS_COUNT; i++) {
        const char *list;
        if (!member_text(x, json, names[i], &list))
            return false;
        if (list && strlen(list) >= FOOTBALL_LABELS_MAX) {
            serve_problem(x, 422, "invalid_argument", "%s: at most %d bytes", names[i],
                          FOOTBALL_LABELS_MAX - 1);
            return false;
        }
        text_copy(wish->labels[i], sizeof wish->labels[i], list ? list : "");
    }
    return true;
}

/* A model beside that of the players; the drawn detector goes with none but itself. */
static bool read_model(struct exchange *x, const char *name, const char *id, bool may_be_drawn,
                       const struct football_wish *wish, char model[MODEL_ID_MAX])
{
    bool drawn = id && strcmp(id, FOOTBALL_DRAWN) == 0;
    text_copy(model, MODEL_ID_MAX, id ? id : "");
    if (!model[0] || (drawn && wish->drawn && may_be_drawn))
        return true;
    if (!drawn && !wish->drawn)
        return model_find(x, x->server->workers, model);
    serve_problem(x, 422, "invalid_argument", "%s: %s", name,
                  wish->drawn
                      ? "the drawn detector finds the ball itself, and no model goes with it"
                      : "'drawn' goes with \"model_id\": \"drawn\" alone");
    return false;
}

static bool read_models(struct exchange *x, const json_value *json, struct football_wish *wish)
{
    const char *model, *ball, *pitch, *team;
    if (!member_text(x, json, "model_id", &model) ||
        !member_text(x, json, "ball_model_id", &ball) ||
        !member_text(x, json, "pitch_model_id", &pitch) ||
        !member_text(x, json, "team_model_id", &team))
        return false;
    text_copy(wish->team_model, sizeof wish->team_model, team ? team : "");
    if (wish->team_model[0] && !model_find(x, x->server->workers, wish->team_model))
        return false;
    football_wish_model(wish, model);
    return read_model(x, "ball_model_id", ball, false, wish, wish->ball_model) &&
           read_model(x, "pitch_model_id", pitch, true, wish, wish->pitch_model) &&
           read_labels(x, json, wish);
}

static bool read_team(struct exchange *x, const json_value *team, int i, struct football_wish *wish,
                      bool *colored)
{
    const char *name = NULL, *color = NULL, *near = NULL;
    *colored = false;
    if (!json_is_object(team) ||
        (json_has(team, "name") && !json_get_string(team, "name", &name)) ||
        (json_has(team, "color") && !json_get_string(team, "color", &color))) {
        serve_problem(x, 422, "invalid_argument",
                      "teams[%d]: {\"name\": …, \"color\": \"#rrggbb\" or a word} is expected", i);
        return false;
    }
    if (name && (!name[0] || strlen(name) >= FOOTBALL_NAME_MAX)) {
        serve_problem(x, 422, "invalid_argument", "teams[%d].name: 1 to %d bytes", i,
                      FOOTBALL_NAME_MAX - 1);
        return false;
    }
    text_copy(wish->names[i], sizeof wish->names[i], name ? name : "");
    *colored = color && settings_color(color, &wish->colors[i], &near);
    if (!color || *colored)
        return true;
    serve_problem(x, 422, "invalid_argument",
                  "teams[%d].color: '%.40s' is no colour: a word, or \"#rrggbb\"%s%s%s", i, color,
                  near ? ", did you mean " : "", near ? near : "", near ? "?" : "");
    return false;
}

static bool read_teams(struct exchange *x, const json_value *json, struct football_wish *wish)
{
    const json_value *teams = json_get(json, "teams");
    bool colored[2];
    if (!teams || json_is_null(teams))
        return true;
    if (!json_is_array(teams) || json_count(teams) != 2) {
        serve_problem(x, 422, "invalid_argument",
                      "teams: two are expected, [{\"name\": …, \"color\": …}, {…}]");
        return false;
    }
    for (int i = 0; i < 2; i++)
        if (!read_team(x, json_at(teams, (size_t)i), i, wish, &colored[i]))
            return false;
    if (colored[0] != colored[1]) {
        serve_problem(x, 422, "invalid_argument",
                      "teams: colours are given for both teams or for none");
        return false;
    }
    wish->has_teams = true;
    wish->colored = colored[0];
    return true;
}

static bool read_size(struct exchange *x, const json_value *json, struct football_wish *wish)
{
    const json_value *homography = json_get(json, "homography");
    double size[2] = {0, 0};
    fov_error error = {0};
    bool given = json_has(json, "pitch_m");
    if (!given && !json_has(homography, "size"))
        return true;
    if (!(given ? pair_member(json, "pitch_m", size) : pair_member(homography, "size", size)) ||
        pitch_size_check((fov_pitch_size){size[0], size[1]}, &error) != FOV_OK) {
        serve_problem(x, 422, "invalid_argument", "%s: [length, width] of the pitch, metres%s%s",
                      given ? "pitch_m" : "homography.size", error.message[0] ? ": " : "",
                      error.message);
        return false;
    }
    wish->size = (fov_pitch_size){size[0], size[1]};
    return true;
}

/* What can be judged without a picture is judged now; the text is read again when the source is
 * open. */
static bool read_homography(struct exchange *x, const json_value *json, struct football_wish *wish)
{
    const json_value *homography = json_get(json, "homography");
    struct football_place place = {.size = pitch_size(&wish->size)};
    fov_pitch_quality quality = {0};
    fov_pitch_view view;
    fov_error error = {0};
    size_t size;
    if (!homography || json_is_null(homography))
        return true;
    bool later = json_has(homography, "points") && !json_has(homography, "picture") &&
                 !json_has(homography, "matrix");
    if (!later && football_read_view(homography, &place, &view, &quality, &error) != FOV_OK) {
        football_refuse_view(x, &error, &quality);
        return false;
    }
    const char *body = (const char *)net_request_body(x->request, &size);
    if ((wish->body = malloc(size + 1)) != NULL) {
        memcpy(wish->body, body, size); /* the request's text does not end with a zero */
        wish->body[size] = '\0';
        return true;
    }
    serve_busy(x, 1, "out_of_memory", "not enough memory for a stream");
    return false;
}

bool football_read_wish(struct exchange *x, const json_value *json, struct football_wish *wish)
{
    bool still = false;
    *wish = (struct football_wish){.still = -1};
    if (!read_models(x, json, wish) || !read_teams(x, json, wish) || !read_size(x, json, wish) ||
        !member_bool(x, json, "still_camera", &still) || !read_homography(x, json, wish))
        return false;
    if (json_has(json, "still_camera"))
        wish->still = still;
    return true;
}

void football_wish_release(struct football_wish *wish)
{
    free(wish->body);
    wish->body = NULL;
}
