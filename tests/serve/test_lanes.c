/* What rules see of football, who crosses lines of the picture and of the pitch, and the totals. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "serve/lanes.h"
#include "serve/sights.h"
#include "serve/tally.h"

#define MS INT64_C(1000000)

/* A camera 10 m before the near touch line and 10 m up: u = 960 + 1000 (x - 52.5) / (y + 10). */
static const double map[9] = {1000, 960, 960 * 10 - 52500, 0, 540, 540 * 10 + 10000, 0, 1, 10};

static struct sights room;

static fov_football_person person(int32_t id, double x, double y, bool known)
{
    double w = y + 10, u = 960 + 1000 * (x - 52.5) / w, v = 540 + 10000 / w;
    return (fov_football_person){.id = id,
                                 .state = FOV_TRACK_ACTIVE,
                                 .role = FOV_ROLE_PLAYER,
                                 .x1 = (float)u - 10,
                                 .y1 = (float)v - 60,
                                 .x2 = (float)u + 10,
                                 .y2 = (float)v,
                                 .score = 0.8f,
                                 .on_pitch = known,
                                 .x = x,
                                 .y = y};
}

static void people_are_what_rules_see(void **state)
{
    (void)state;
    fov_football_person people[] = {person(1, 50, 20, true), person(2, 40, 30, true),
                                    person(3, 60, 10, false), person(4, 10, 10, true)};
    const fov_detection raw[] = {{0, 0, 9, 9, 0.9f, 0, 0, 77}};
    fov_football_frame football = {.people = people, .count = 4, .view_known = true};
    fov_error error = {0};
    assert_int_equal(fov_pitch_view_from_matrix(&football.view, map, 1920, 1080, NULL, &error),
                     FOV_OK);
    people[1].state = FOV_TRACK_LOST; /* thought to be there: no */
    people[3].role = FOV_ROLE_REFEREE;
    football.ball = (fov_ball){.state = FOV_BALL_SEEN,
                               .x = 500,
                               .y = 600,
                               .size = 8,
                               .confidence = 0.6f,
                               .on_pitch = true};
    football.ball.pitch_x = 3;
    struct watch_frame frame = {
        .items = raw, .count = 1, .width = 1920, .height = 1080, .football = &football};
    struct alert_picture picture = sights_of(&room, &frame, true);
    assert_int_equal(picture.count, 4);
    assert_int_equal(picture.items[0].track_id, 1);
    assert_int_equal(picture.items[1].track_id, 3);
    assert_string_equal(sights_class_name(NULL, picture.items[0].class_id), "player");
    assert_string_equal(sights_class_name(NULL, picture.items[2].class_id), "referee");
    assert_string_equal(sights_class_name(NULL, picture.items[3].class_id), "ball");
    assert_float_equal(picture.items[3].y2, 604, 1e-3);
    assert_float_equal(picture.metres[0].x, 50, 1e-9);
    assert_float_equal(picture.metres[1].x, 60, 0.01); /* by its feet */
    assert_float_equal(picture.metres[1].y, 10, 0.01);
    assert_float_equal(picture.metres[3].x, 3, 1e-9);
    football.ball.on_pitch = false;
    picture = sights_of(&room, &frame, true);
    assert_true(isnan(picture.metres[3].x));
    football.ball.state = FOV_BALL_COASTING;
    assert_int_equal(sights_of(&room, &frame, true).count, 3);
    assert_null(sights_of(&room, &frame, false).metres);
    football.view_known = false;
    assert_null(sights_of(&room, &frame, true).metres);
    frame.football = NULL;
    picture = sights_of(&room, &frame, true);
    assert_ptr_equal(picture.items, raw);
    assert_null(picture.metres);
}

static void mark(void *user, int32_t id)
{
    *(unsigned *)user |= 1u << id;
}

static void names_of_classes(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        unsigned ids;
    } rows[] = {
        {"player", 1u << FOV_CLASS_PLAYER},
        {"Goalkeeper", 1u << FOV_CLASS_GOALKEEPER},
        {"ball", 1u << FOV_CLASS_BALL},
        {"person", 1u << FOV_CLASS_PLAYER | 1u << FOV_CLASS_GOALKEEPER | 1u << FOV_CLASS_REFEREE},
        {"dog", 0}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        unsigned ids = 0;
        assert_int_equal(sights_find_class(NULL, rows[i].name, mark, &ids), rows[i].ids != 0);
        assert_int_equal(ids, rows[i].ids);
    }
    assert_string_equal(sights_class_name(NULL, 99), "other");
}

struct seen {
    int in, out;
    char line[ZONE_NAME_MAX];
};

static void on_crossing(void *user, const struct zone *line, const struct crossing_event *event)
{
    struct seen *seen = user;
    seen->in += event->way == CROSSING_IN;
    seen->out += event->way == CROSSING_OUT;
    text_copy(seen->line, sizeof seen->line, line->name);
}

static const struct zones zones = {
    .count = 3,
    .items = {{.name = "half way",
               .line = true,
               .metres = true,
               .count = 2,
               .points = {{52.5, 0}, {52.5, 68}}},
              {.name = "area", .count = 3, .points = {{0, 0}, {1, 0}, {0, 1}}},
              {.name = "middle", .line = true, .count = 2, .points = {{.5, 1}, {.5, 0}}}}};

/* A player runs to the right while the camera turns after him, so that he hardly moves in the
 * picture: he crosses the line of the pitch, and none of the picture. */
static void a_camera_that_turns(void **state)
{
    (void)state;
    struct lanes none = {0}, lanes = lanes_make(&zones, &none);
    struct seen seen = {0};
    assert_int_equal(lanes.count, 2);
    assert_true(lanes_in_metres(&lanes));
    for (int k = 0; k < 12; k++) {
        fov_football_person runner = person(5, 47 + k, 20, true);
        fov_football_frame football = {.people = &runner, .count = 1, .view_known = k != 6};
        fov_error error = {0};
        double turned[9];
        memcpy(turned, map, sizeof turned);
        for (int c = 0; c < 3; c++) /* the picture is 1000 / 30 px further to the right */
            turned[c] -= (k - 5.5) * 1000 / 30 * map[6 + c] + 300 * map[6 + c];
        assert_int_equal(
            fov_pitch_view_from_matrix(&football.view, turned, 1920, 1080, NULL, &error), FOV_OK);
        runner.x1 -= (float)((k - 5.5) * 1000 / 30 + 300);
        runner.x2 -= (float)((k - 5.5) * 1000 / 30 + 300);
        struct watch_frame frame = {
            .width = 1920, .height = 1080, .ns = k * 100 * MS, .football = &football};
        struct alert_picture picture = sights_of(&room, &frame, true);
        struct lanes_time time = {frame.ns, (uint64_t)k, k == 6 ? NULL : &football.view};
        lanes_see(&lanes, &picture, &time, on_crossing, &seen);
    }
    assert_int_equal(seen.in, 1);
    assert_int_equal(seen.out, 0);
    assert_string_equal(seen.line, "half way");
    lanes_free(&lanes);
}

/* One picture of somebody at x in the middle of its height. */
static void see_at(struct lanes *lanes, float x, int width, int k, struct seen *seen)
{
    fov_detection box = {x - 10, 300, x + 10, 400, 0.9f, 0, 0, 3};
    struct alert_picture picture = {&box, 1, width, 1080, NULL};
    struct lanes_time time = {k * 100 * MS, (uint64_t)k, NULL};
    lanes_see(lanes, &picture, &time, on_crossing, seen);
}

static void lines_that_stay_keep_their_tracks(void **state)
{
    (void)state;
    struct zones moved = zones;
    moved.items[2].points[0].x = 0.51;
    const struct {
        const struct zones *second;
        int width, in;
    } rows[] = {{&zones, 1920, 1}, {NULL, 1920, 0}, {&zones, 1440, 0}, {&moved, 1920, 0}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct lanes none = {0}, lanes = lanes_make(&zones, &none);
        struct seen seen = {0};
        see_at(&lanes, 800, 1920, 0, &seen);
        struct lanes next = lanes_make(rows[i].second, &lanes);
        lanes_free(&lanes);
        for (int k = 1; k < 4; k++)
            see_at(&next, 1100, rows[i].width, k, &seen);
        assert_int_equal(seen.in, rows[i].in);
        lanes_free(&next);
    }
}

static char *written(const struct tally *list, const char *stream, struct json_writer *w)
{
    static const struct zones_known known = {true, true};
    json_release(w);
    tally_write(list, stream, &zones, &known, 1000, w);
    return w->text;
}

static void totals(void **state)
{
    (void)state;
    struct tally *list = NULL;
    struct json_writer w = {0};
    assert_string_equal(
        written(list, "a", &w),
        "[{\"line\":\"half way\",\"in\":0,\"out\":0,\"by_class\":{},\"since\":1000,"
        "\"state\":\"active\"},{\"line\":\"middle\",\"in\":0,\"out\":0,\"by_class\":"
        "{},\"since\":1000,\"state\":\"active\"}]");
    tally_add(&list, "a", "middle", "person", true);
    tally_add(&list, "a", "middle", "person", true);
    tally_add(&list, "a", "middle", "car", false);
    tally_add(&list, "b", "middle", "person", false);
    assert_non_null(strstr(written(list, "a", &w),
                           "\"line\":\"middle\",\"in\":2,\"out\":1,\"by_class\":{\"person\":{"
                           "\"in\":2,\"out\":0},\"car\":{\"in\":0,\"out\":1}},\"since\":1000"));
    tally_reset(&list, "a", "middle");
    assert_non_null(strstr(written(list, "a", &w), "\"line\":\"middle\",\"in\":0,\"out\":0"));
    assert_null(strstr(strstr(w.text, "middle"), "\"since\":1000"));
    assert_non_null(strstr(written(list, "b", &w), "\"in\":0,\"out\":1"));
    for (int i = 0; i < 40; i++) {
        char name[16];
        snprintf(name, sizeof name, "class %d", i);
        tally_add(&list, "a", "middle", name, true);
    }
    assert_non_null(strstr(written(list, "a", &w), "\"in\":40,\"out\":0"));
    assert_non_null(strstr(w.text, "\"other\":{\"in\":24,\"out\":0}"));
    for (int i = 0; i < 2 * TALLY_STREAMS_MAX; i++) {
        char name[16];
        snprintf(name, sizeof name, "s%d", i);
        tally_add(&list, name, "middle", "person", true);
    }
    assert_null(strstr(written(list, "s1", &w), "\"in\":1")); /* made room */
    assert_non_null(strstr(written(list, "s511", &w), "\"in\":1"));
    for (int i = 0; i < 2 * ZONES_MAX; i++) {
        char name[16];
        snprintf(name, sizeof name, "line %d", i);
        tally_add(&list, "s511", name, "person", true);
    }
    tally_add(&list, "s511", "middle", "person", true);
    assert_non_null(strstr(written(list, "s511", &w), "\"in\":1,\"out\":0"));
    json_release(&w);
    tally_free(&list);
    assert_null(list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(people_are_what_rules_see),
        cmocka_unit_test(names_of_classes),
        cmocka_unit_test(a_camera_that_turns),
        cmocka_unit_test(lines_that_stay_keep_their_tracks),
        cmocka_unit_test(totals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
