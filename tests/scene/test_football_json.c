/* What the command line and the server say of a football frame, read back by the JSON reader. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "scene/football_json.h"

/* The text of a frame, parsed. */
static json_value *written(const fov_football_frame *frame, const fov_pitch_size *size)
{
    struct json_writer w = {0};
    fov_error error = {0};
    json_object_begin(&w);
    football_write(&w, frame, size, 1000, 500);
    json_object_end(&w);
    assert_false(w.failed);
    json_value *value = json_parse(w.text, w.size, 1 << 20, &error);
    if (!value)
        print_message("%s: %s\n", error.message, w.text);
    assert_non_null(value);
    json_release(&w);
    return value;
}

static double number(const json_value *object, const char *name)
{
    double value = NAN;
    assert_true(json_get_number(object, name, &value));
    return value;
}

static const char *text(const json_value *object, const char *name)
{
    const char *value = NULL;
    assert_true(json_get_string(object, name, &value));
    return value;
}

static double item(const json_value *array, size_t i)
{
    double value = NAN;
    assert_true(json_is_array(array) && json_number(json_at(array, i), &value));
    return value;
}

static bool null_member(const json_value *object, const char *name)
{
    return json_has(object, name) && json_is_null(json_get(object, name));
}

static fov_football_frame empty(void)
{
    fov_football_frame f = {0};
    f.sides[0].name = "first";
    f.sides[1].name = "second";
    f.possession.team = -1;
    f.ball.detection = -1;
    return f;
}

static void nothing_known(void **state)
{
    (void)state;
    static const char *const members[] = {"tracks",  "ball",     "teams",
                                          "pitch_m", "parts_ms", "detector"};
    fov_football_frame f = empty();
    json_value *v = written(&f, NULL);
    assert_int_equal(json_count(v), 6);
    for (size_t i = 0; i < 6; i++)
        assert_true(json_has(v, members[i]));
    assert_int_equal(json_count(json_get(v, "tracks")), 0);
    assert_true(null_member(v, "ball"));
    const json_value *teams = json_get(v, "teams"), *pitch = json_get(v, "pitch_m");
    assert_string_equal(text(teams, "state"), "waiting");
    assert_true(null_member(json_at(json_get(teams, "sides"), 0), "color"));
    assert_true(null_member(json_at(json_get(teams, "sides"), 1), "mean_m"));
    const json_value *has = json_get(teams, "has_ball");
    assert_true(null_member(has, "side") && null_member(has, "track_id") &&
                null_member(has, "since_s"));
    bool known = true;
    assert_true(json_get_bool(pitch, "known", &known) && !known);
    assert_true(null_member(pitch, "matrix") && null_member(pitch, "sigma_px"));
    assert_true(item(json_get(pitch, "size"), 0) == 105 && item(json_get(pitch, "size"), 1) == 68);
    assert_string_equal(text(v, "detector"), "model");
    json_free(&v);
}

static const fov_football_person people[] = {{.id = 7,
                                              .state = FOV_TRACK_ACTIVE,
                                              .role = FOV_ROLE_GOALKEEPER,
                                              .side = FOV_TEAM_SECOND,
                                              .side_confidence = 0.9876f,
                                              .x1 = 100.254f,
                                              .y1 = 50,
                                              .x2 = 200,
                                              .y2 = 250,
                                              .score = 0.87654f,
                                              .on_pitch = true,
                                              .x = 12.345,
                                              .y = 67.8,
                                              .speed_mps = 3.14159,
                                              .distance_m = 123.45,
                                              .sprints = 2},
                                             {.id = 9,
                                              .state = FOV_TRACK_LOST,
                                              .role = FOV_ROLE_REFEREE,
                                              .side = FOV_TEAM_OTHER,
                                              .x1 = 1,
                                              .y1 = 2,
                                              .x2 = 3,
                                              .y2 = 4,
                                              .score = 0.5f,
                                              .speed_mps = 4}};

static void players(void **state)
{
    (void)state;
    fov_football_frame f = empty();
    f.people = people;
    f.count = 2;
    f.sides[1].name = "B\"lue";
    json_value *v = written(&f, NULL);
    const json_value *a = json_at(json_get(v, "tracks"), 0), *b = json_next(a);
    assert_int_equal(json_count(a), 13);
    assert_true(number(a, "track_id") == 7);
    assert_string_equal(text(a, "class"), "goalkeeper");
    assert_string_equal(text(a, "team"), "second");
    assert_string_equal(text(a, "team_name"), "B\"lue");
    assert_string_equal(text(a, "state"), "active");
    assert_float_equal(number(a, "team_confidence"), 0.988, 1e-9);
    assert_float_equal(number(a, "confidence"), 0.8765, 1e-9);
    assert_float_equal(item(json_get(a, "box"), 0), 100.25, 1e-9);
    assert_float_equal(item(json_get(a, "box_norm"), 3), 0.5, 1e-9);
    assert_float_equal(item(json_get(a, "pitch_m"), 0), 12.35, 0.0051);
    assert_float_equal(item(json_get(a, "pitch_m"), 1), 67.8, 1e-9);
    assert_float_equal(number(a, "speed_mps"), 3.14, 1e-9);
    assert_float_equal(number(a, "distance_m"), 123.5, 0.051);
    assert_true(number(a, "sprints") == 2);
    assert_true(null_member(b, "team") && null_member(b, "team_name") && null_member(b, "pitch_m"));
    assert_true(null_member(b, "speed_mps")); /* without a place there is none */
    assert_string_equal(text(b, "class"), "referee");
    assert_string_equal(text(b, "state"), "lost");
    json_free(&v);
}

static void ball(void **state)
{
    (void)state;
    fov_football_frame f = empty();
    f.ball = (fov_ball){.state = FOV_BALL_COASTING,
                        .x = 500,
                        .y = 125,
                        .size = 8.5f,
                        .confidence = 0.75f,
                        .height = FOV_BALL_ON_GROUND,
                        .on_pitch = true,
                        .pitch_x = 50,
                        .pitch_y = 30.126};
    json_value *v = written(&f, NULL);
    const json_value *b = json_get(v, "ball");
    assert_int_equal(json_count(b), 7);
    assert_string_equal(text(b, "state"), "coasting");
    assert_string_equal(text(b, "height"), "on_ground");
    assert_true(item(json_get(b, "xy"), 0) == 500 && item(json_get(b, "xy_norm"), 1) == 0.25);
    assert_true(number(b, "size_px") == 8.5 && number(b, "confidence") == 0.75);
    assert_float_equal(item(json_get(b, "pitch_m"), 1), 30.13, 1e-9);
    json_free(&v);
    f.ball.on_pitch = false;
    f.ball.height = FOV_BALL_IN_AIR;
    f.ball.state = FOV_BALL_SEEN;
    f.ball.size = 0;
    v = written(&f, NULL);
    b = json_get(v, "ball");
    assert_true(null_member(b, "pitch_m") && null_member(b, "size_px"));
    assert_string_equal(text(b, "state"), "seen");
    assert_string_equal(text(b, "height"), "in_air");
    json_free(&v);
}

static void teams(void **state)
{
    (void)state;
    fov_football_frame f = empty();
    f.teams = FOV_TEAMS_KNOWN;
    f.sides[0] = (fov_football_side){.name = "Reds",
                                     .color_known = true,
                                     .color = 0x0C00FF,
                                     .figures = {.ball_s = 11,
                                                 .ball_share = 0.5504,
                                                 .mean_x = 40.5,
                                                 .mean_y = 34,
                                                 .distance_m = 250.25,
                                                 .seen_s = 30,
                                                 .sprints = 3}};
    f.possession = (fov_match_ball){.team = 1, .id = 12, .since_s = 4.5};
    json_value *v = written(&f, &(fov_pitch_size){100, 64});
    const json_value *t = json_get(v, "teams"), *first = json_at(json_get(t, "sides"), 0);
    assert_string_equal(text(t, "state"), "known");
    assert_int_equal(json_count(json_get(t, "sides")), 2);
    assert_string_equal(text(first, "side"), "first");
    assert_string_equal(text(first, "name"), "Reds");
    assert_string_equal(text(first, "color"), "#0c00ff");
    assert_float_equal(number(first, "possession"), 0.55, 1e-9);
    assert_true(number(first, "possession_s") == 11 && number(first, "sprints") == 3);
    assert_true(item(json_get(first, "mean_m"), 0) == 40.5);
    const json_value *has = json_get(t, "has_ball");
    assert_string_equal(text(has, "side"), "second");
    assert_true(number(has, "track_id") == 12 && number(has, "since_s") == 4.5);
    assert_true(item(json_get(json_get(v, "pitch_m"), "size"), 0) == 100);
    json_free(&v);
    f.possession = (fov_match_ball){.team = 0, .since_s = 1}; /* the team has it, nobody touches */
    v = written(&f, NULL);
    has = json_get(json_get(v, "teams"), "has_ball");
    assert_string_equal(text(has, "side"), "first");
    assert_true(null_member(has, "track_id"));
    json_free(&v);
}

static void pitch_and_parts(void **state)
{
    (void)state;
    static const double map[9] = {12.25, -3.5e-7, 1e9, 0, 1.0 / 3, -0.0, 1e-12, 2, 30};
    fov_football_frame f = empty();
    f.view_known = true;
    f.detector = FOV_DETECTOR_WEAK;
    memcpy(f.view.map, map, sizeof map);
    f.view.k1 = -0.05;
    f.view_sigma_px = 1.234;
    for (int i = 0; i < FOV_PART_COUNT; i++)
        f.parts_ns[i] = 1234567 * (i + 1);
    json_value *v = written(&f, NULL);
    const json_value *p = json_get(v, "pitch_m"), *m = json_get(p, "matrix");
    assert_int_equal(json_count(m), 9);
    for (size_t i = 0; i < 9; i++)
        assert_true(fabs(item(m, i) - map[i]) <= 1e-8 * fabs(map[i]));
    assert_float_equal(number(p, "sigma_px"), 1.23, 1e-9);
    assert_float_equal(number(p, "k1"), -0.05, 1e-9);
    const json_value *parts = json_get(v, "parts_ms");
    assert_int_equal(json_count(parts), 6);
    assert_float_equal(number(parts, "player_detection"), 1.235, 1e-9);
    assert_float_equal(number(parts, "ball_detection"), 2.469, 1e-9);
    assert_float_equal(number(parts, "tracking"), 3.704, 1e-9);
    assert_float_equal(number(parts, "team_classification"), 4.938, 1e-9);
    assert_float_equal(number(parts, "homography"), 6.173, 1e-9);
    assert_float_equal(number(parts, "other"), 7.407, 1e-9);
    assert_string_equal(text(v, "detector"), "weak");
    json_free(&v);
    f.detector = FOV_DETECTOR_DRAWN;
    v = written(&f, NULL);
    assert_string_equal(text(v, "detector"), "drawn");
    json_free(&v);
}

/* Whatever comes out of the mathematics, the text stays JSON and says null. */
static void not_finite(void **state)
{
    (void)state;
    fov_football_frame f = empty();
    fov_football_person person = people[0];
    person.x = NAN;
    person.speed_mps = INFINITY;
    person.x1 = NAN;
    person.side_confidence = NAN;
    f.people = &person;
    f.count = 1;
    f.ball = (fov_ball){.state = FOV_BALL_SEEN, .x = NAN, .y = 3};
    f.view_known = true;
    f.view.map[3] = NAN;
    f.view_sigma_px = INFINITY;
    f.sides[0].figures.seen_s = 1;
    f.sides[0].figures.mean_x = NAN;
    f.sides[0].figures.ball_share = NAN;
    json_value *v = written(&f, NULL);
    const json_value *a = json_at(json_get(v, "tracks"), 0), *teams = json_get(v, "teams");
    assert_true(null_member(a, "pitch_m") && null_member(a, "speed_mps"));
    assert_true(null_member(a, "team_confidence"));
    assert_true(json_is_null(json_at(json_get(a, "box"), 0)));
    assert_true(null_member(v, "ball"));
    assert_true(null_member(json_at(json_get(teams, "sides"), 0), "mean_m"));
    assert_true(null_member(json_get(v, "pitch_m"), "matrix"));
    assert_true(null_member(json_get(v, "pitch_m"), "sigma_px"));
    json_free(&v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_known),
        cmocka_unit_test(players),
        cmocka_unit_test(ball),
        cmocka_unit_test(teams),
        cmocka_unit_test(pitch_and_parts),
        cmocka_unit_test(not_finite),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
