/* The section `football` of a settings file: teams, colours, the calibration, models. */
#include "settings_test.h"

#include <unistd.h>

#include "base/json.h"
#include "serve/settings_football.h"

static struct settings_football made_of(const struct settings *s)
{
    /* not to be used beyond what lies in the settings: it moves */
    struct settings_football f;
    fov_error error = {0};
    if (settings_football(s, &f, &error) != FOV_OK)
        fail_msg("%s", error.message);
    return f;
}

static void defaults_are_those_of_the_parts(void **state)
{
    (void)state;
    struct settings *s = read_good("", NULL);
    struct settings_football f = made_of(s);
    assert_true(s->football.target_fps == 10);
    assert_int_equal(s->football.batch_size, 0);
    assert_null(f.params.player_model);
    assert_null(f.params.ball_model);
    assert_null(f.params.view);
    assert_null(f.params.tracker.name);
    assert_null(f.params.names[0]);
    assert_false(f.params.teams.named);
    assert_false(f.params.still_camera);
    assert_true(f.params.ball_fps == 0 && f.params.match.pitch.length == 0);
    settings_free(&s);
}

static void a_whole_section(void **state)
{
    (void)state;
    struct settings *s = read_good(
        "models:\n  ball: {path: /m/b.onnx, conf: 0.2}\n"
        "football:\n"
        "  player_model: /m/players.v2.onnx\n  ball_model: ball\n  pitch_model: a/b\n"
        "  pitch_layout: roboflow_32\n  tracker: ocsort\n  target_fps: 12.5\n  ball_fps: 5\n"
        "  batch_size: 4\n  still_camera: yes\n  pitch: {length: 100, width: 64}\n"
        "  teams: [{name: Reds, color: red}, {name: 'B, C', color: \"#2040C0\"}]\n",
        NULL);
    struct settings_football f;
    assert_int_equal(settings_football(s, &f, NULL), FOV_OK);
    assert_string_equal(f.names[FOOTBALL_PLAYERS], "/m/players.v2.onnx");
    assert_string_equal(f.params.player_model, "players.v2");
    assert_string_equal(f.params.ball_model, "ball");
    assert_true(f.params.ball_conf == 0.2f && f.params.player_conf == 0);
    assert_string_equal(f.params.pitch_model, "b");
    assert_int_equal(f.params.pitch_layout, FOV_PITCH_ROBOFLOW_32);
    assert_string_equal(f.params.tracker.name, "ocsort");
    assert_true(f.params.ball_fps == 5 && s->football.target_fps == 12.5);
    assert_int_equal(s->football.batch_size, 4);
    assert_true(f.params.still_camera);
    assert_true(f.params.match.pitch.length == 100 && f.params.match.pitch.width == 64);
    assert_string_equal(f.params.names[0], "Reds");
    assert_string_equal(f.params.names[1], "B, C");
    assert_true(f.params.teams.named);
    assert_int_equal(f.params.teams.colors[0], 0xd01820);
    assert_int_equal(f.params.teams.colors[1], 0x2040c0);
    settings_free(&s);
}

static void teams_come_in_other_forms(void **state)
{
    (void)state;
    struct settings *s = read_good("football: {teams: {Home: White, Away: sky-blue}}\n", NULL);
    assert_string_equal(s->football.teams.items[0].name, "Home");
    assert_int_equal(s->football.teams.items[0].color, 0xf4f4f4);
    assert_int_equal(s->football.teams.items[1].color, 0x80c0e8);
    settings_free(&s);
    s = read_good("football: {teams: [{name: A}, {name: B}]}\n", NULL);
    assert_false(made_of(s).params.teams.named);
    assert_string_equal(made_of(s).params.names[1], "B");
    settings_free(&s);
    s = read_good("football: {teams: [{color: black}, {color: fafafa}]}\n", NULL);
    assert_true(made_of(s).params.teams.named);
    assert_null(made_of(s).params.names[0]);
    assert_int_equal(s->football.teams.items[1].color, 0xfafafa);
    settings_free(&s);
    s = read_good("football: {teams: [{name: A}]}\n", NULL);
    assert_int_equal(s->football.teams.count, 1);
    assert_null(made_of(s).params.names[1]);
    settings_free(&s);
    s = read_good("football: {teams: }\n", NULL);
    assert_int_equal(s->football.teams.count, 0);
    settings_free(&s);
}

static void the_environment_names_teams_too(void **state)
{
    (void)state;
    static const struct {
        const char *text, *words;
    } wrong[] = {{"A=red,B", "both teams"},
                 {"A=rde,B=blue", "did you mean red?"},
                 {"A,B,C", "at most two"},
                 {"A=,B=red", "no colour"}};
    char *env[] = {"FOVEA_FOOTBALL_TEAMS=Reds=red, Blues=#2040c0", "FOVEA_FOOTBALL_PITCH_WIDTH=60",
                   "FOVEA_FOOTBALL_TRACKER=pitch", NULL};
    struct settings *s;
    struct findings found;
    if (parse("football: {teams: [{name: A}, {name: B}]}\n", env, &s, &found) != FOV_OK)
        fail_msg("%s", found.text);
    assert_string_equal(s->football.teams.items[0].name, "Reds");
    assert_string_equal(s->football.teams.items[1].name, "Blues");
    assert_int_equal(s->football.teams.items[1].color, 0x2040c0);
    assert_true(s->football.pitch_width == 60);
    assert_string_equal(made_of(s).params.tracker.name, "pitch");
    settings_free(&s);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char line[80];
        char *bad[] = {line, NULL};
        snprintf(line, sizeof line, "FOVEA_FOOTBALL_TEAMS=%s", wrong[i].text);
        assert_int_equal(parse("", bad, &s, &found), FOV_EINVAL);
        if (found.fatal != 1 || !strstr(found.text, "FOVEA_FOOTBALL_TEAMS: football.teams") ||
            !strstr(found.text, wrong[i].words))
            fail_msg("%s gave %s", line, found.text);
    }
}

static void the_drawn_detector_is_no_model(void **state)
{
    (void)state;
    struct settings *s = read_good(
        "football: {player_model: drawn, pitch_model: drawn, ball_model: b.onnx}\n", NULL);
    struct settings_football f;
    assert_int_equal(settings_football(s, &f, NULL), FOV_OK);
    assert_null(f.names[FOOTBALL_PLAYERS]);
    assert_null(f.names[FOOTBALL_PITCH]);
    assert_string_equal(f.params.player_model, "drawn");
    assert_string_equal(f.params.pitch_model, "drawn");
    assert_string_equal(f.names[FOOTBALL_BALL], "b.onnx");
    settings_free(&s);
}

static void models_of_appearance_have_names(void **state)
{
    (void)state;
    struct settings *s = read_good("models: {reid: {path: /m/r.onnx}}\n"
                                   "football: {appearance_model: reid, team_model: /m/kits.onnx}\n",
                                   NULL);
    struct settings_football f;
    assert_int_equal(settings_football(s, &f, NULL), FOV_OK);
    assert_string_equal(f.names[FOOTBALL_APPEARANCE], "reid");
    assert_string_equal(f.params.appearance_model, "reid");
    assert_string_equal(f.names[FOOTBALL_TEAM], "/m/kits.onnx");
    assert_string_equal(f.params.team_model, "kits");
    settings_free(&s);
}

static const struct mistake broken[] = {
    {"football:\n  player_modle: x\n", "f.yaml:2:3: football.player_modle", "player_model?"},
    {"football:\n  tracker: bytetrak\n", "f.yaml:2:12: football.tracker", "bytetrack"},
    {"football:\n  tracker: none\n", "f.yaml:2:12: football.tracker", "auto botsort"},
    {"football:\n  pitch_layout: fifa\n", "f.yaml:2:17: football.pitch_layout", "roboflow_32"},
    {"football:\n  batch_size: 0\n", "f.yaml:2:15: football.batch_size", "from 1 to 64"},
    {"football:\n  ball_fps: often\n", "f.yaml:2:13: football.ball_fps", "number"},
    {"football:\n  pitch: {length: 10}\n", "f.yaml:2:19: football.pitch.length", "30 to 150"},
    {"football:\n  pitch: {lenght: 100}\n", "f.yaml:2:11: football.pitch.lenght", "length?"},
    {"football:\n  teams: red\n", "f.yaml:2:10: football.teams", "at most two"},
    {"football:\n  teams: [{name: a}, {name: b}, {name: c}]\n", "f.yaml:2:10: football.teams",
     "at most two"},
    {"football:\n  teams: [red]\n", "f.yaml:2:11: football.teams", "{name: …"},
    {"football:\n  teams: [{name: A, colour: red}]\n", "f.yaml:2:21: football.teams.colour",
     "color?"},
    {"football:\n  teams: [{color: rde}]\n", "f.yaml:2:19: football.teams.color",
     "did you mean red?"},
    {"football:\n  teams: [{color: '#12345'}]\n", "f.yaml:2:19: football.teams.color", "no colour"},
    {"football:\n  teams: {A: '#1234567', B: red}\n", "f.yaml:2:14: football.teams.A", "no colour"},
    {"football:\n  teams:\n    - color: #ff0000\n", "f.yaml:3:", "needs its quotes"},
    {"football:\n  teams: [{color: [1, 2]}]\n", "f.yaml:2:19: football.teams.color",
     "a colour is expected"},
    {"football:\n  teams: [{name: A, color: red}, {name: B}]\n", "f.yaml:2:10: football.teams",
     "both teams or for none"},
    {"football:\n  teams: [{name: A, color: red}]\n", "f.yaml:2:10: football.teams",
     "both teams or for none"},
    {"football:\n  teams: [{name: \"a\\tb\"}]\n", "f.yaml:2:18: football.teams.name", "control"},
};

static void mistakes_have_their_place(void **state)
{
    (void)state;
    mistakes_are_named(broken, sizeof broken / sizeof *broken);
}

static void shown_settings_come_back(void **state)
{
    (void)state;
    struct settings *s = read_good(
        "football: {teams: [{name: \"A: b\", color: red}, {name: C, color: '#00000f'}], "
        "pitch: {width: 60}, tracker: pitch}\n",
        NULL);
    struct settings *again = shown_again(s, NULL);
    assert_string_equal(again->football.teams.items[0].name, "A: b");
    assert_int_equal(again->football.teams.items[1].color, 0x00000f);
    assert_true(again->football.pitch_width == 60 && again->football.pitch_length == 0);
    assert_int_equal(again->football.tracker, s->football.tracker);
    settings_free(&again);
    settings_free(&s);
}

/* What the section names is what the tables of the library have. */
static void words_are_those_of_the_tables(void **state)
{
    (void)state;
    const char *name;
    for (int i = 0; (name = fov_tracker_name(i, NULL)) != NULL; i++) {
        char text[80];
        if (strcmp(name, "none") == 0)
            continue;
        snprintf(text, sizeof text, "football: {tracker: %s}\n", name);
        struct settings *s = read_good(text, NULL);
        assert_string_equal(made_of(s).params.tracker.name, name);
        settings_free(&s);
    }
    assert_int_equal(FOV_PITCH_LAYOUT_COUNT, 2);
}

/* ---- the calibration ------------------------------------------------------------------------- */

static const char points[] = "{\"points\": [{\"image\": [100, 900], \"pitch\": [0, 0]},"
                             " {\"image\": [1800, 900], \"pitch\": [105, 0]},"
                             " {\"image\": [1400, 200], \"pitch\": [105, 68]},"
                             " {\"image\": [500, 200], \"pitch\": \"left_far_corner\"}]";

static struct settings_football of_file(const char *json, fov_status wanted, const char *words)
{
    char path[] = "calibration-XXXXXX", text[120];
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, json, strlen(json)), strlen(json));
    close(fd);
    snprintf(text, sizeof text, "football:\n  homography: %s\n", path);
    struct settings *s = read_good(text, NULL);
    struct settings_football f;
    fov_error error = {0};
    fov_status status = settings_football(s, &f, &error);
    unlink(path);
    if (status != wanted || (words && !strstr(error.message, words)))
        fail_msg("%s\ngave %d: %s", json, (int)status, error.message);
    if (status) {
        assert_non_null(strstr(error.message, "f.yaml:2: football.homography: calibration-"));
        assert_false(f.has_view);
    }
    settings_free(&s);
    return f;
}

static void calibrations_are_read(void **state)
{
    (void)state;
    char text[800];
    snprintf(text, sizeof text, "%s, \"picture\": [1920, 1080]}", points);
    struct settings_football f = of_file(text, FOV_OK, NULL);
    double px[2];
    assert_true(f.has_view && f.view.width == 1920 && f.view.height == 1080);
    assert_true(fov_pitch_to_px(&f.view, (double[2]){105, 0}, px));
    assert_true(px[0] > 1799 && px[0] < 1801 && px[1] > 899 && px[1] < 901);
    f = of_file("{\"matrix\": [[10, 0, 100], [0, -10, 900], [0, 0, 1]]}", FOV_OK, NULL);
    assert_true(f.has_view && f.view.width == 0);
    assert_true(fov_pitch_to_px(&f.view, (double[2]){20, 30}, px));
    assert_true(px[0] > 299.99 && px[0] < 300.01 && px[1] > 599.99 && px[1] < 600.01);
}

static void bad_calibrations_are_named(void **state)
{
    (void)state;
    char text[800];
    snprintf(text, sizeof text, "%s}", points);
    of_file(text, FOV_EINVAL, "\"picture\": [width, height]");
    of_file("{\"points\": []", FOV_EFORMAT, NULL);
    of_file("{}", FOV_EINVAL, "points or a matrix");
    of_file("{\"matrix\": [1, 2]}", FOV_EINVAL, "matrix");
    of_file("{\"points\": [{\"image\": [1, 2], \"pitch\": \"left_near_cornr\"}], \"picture\": [9, "
            "9]}",
            FOV_EINVAL, "did you mean left_near_corner");
    struct settings *s = read_good("football: {homography: /nowhere/c.json}\n", NULL);
    struct settings_football f;
    fov_error error = {0};
    assert_int_equal(settings_football(s, &f, &error), FOV_ENOTFOUND);
    assert_non_null(strstr(error.message, "/nowhere/c.json"));
    settings_free(&s);
}

static void the_schema_knows_teams(void **state)
{
    (void)state;
    char *text = NULL;
    size_t size = 0;
    fov_error error = {0};
    const char *ref = "";
    FILE *to = open_memstream(&text, &size);
    settings_print_schema(to);
    fclose(to);
    json_value *schema = json_parse(text, size, (size_t)1 << 20, &error);
    if (!schema)
        fail_msg("%s", error.message);
    const json_value *football = json_get(json_get(json_get(schema, "properties"), "football"),
                                          "properties");
    assert_true(json_get_string(json_get(football, "teams"), "$ref", &ref));
    assert_string_equal(ref, "#/$defs/teams");
    assert_non_null(json_get(json_get(schema, "$defs"), "teams"));
    assert_non_null(json_get(json_get(json_get(football, "pitch"), "properties"), "length"));
    json_free(&schema);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_those_of_the_parts),
        cmocka_unit_test(a_whole_section),
        cmocka_unit_test(teams_come_in_other_forms),
        cmocka_unit_test(the_environment_names_teams_too),
        cmocka_unit_test(the_drawn_detector_is_no_model),
        cmocka_unit_test(models_of_appearance_have_names),
        cmocka_unit_test(mistakes_have_their_place),
        cmocka_unit_test(shown_settings_come_back),
        cmocka_unit_test(words_are_those_of_the_tables),
        cmocka_unit_test(calibrations_are_read),
        cmocka_unit_test(bad_calibrations_are_named),
        cmocka_unit_test(the_schema_knows_teams),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
