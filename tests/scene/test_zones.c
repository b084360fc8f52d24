/* Zones against exact truth (make_zone_table.py), and what is refused. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "scene/zones.h"
#include "zone_table.h"

enum { ROWS = sizeof zone_rows / sizeof *zone_rows, POINTS = 40 };

static struct zone zone_of(const struct zone_row *row)
{
    struct zone zone = {.name = "z", .count = (size_t)row->count};
    for (int i = 0; i < row->count; i++)
        zone.points[i] = (struct zone_point){row->xy[i][0] / 64.0, row->xy[i][1] / 64.0};
    return zone;
}

static void points_are_where_exact_arithmetic_says(void **state)
{
    (void)state;
    int inside = 0;
    for (size_t r = 0; r < ROWS; r++) {
        struct zone zone = zone_of(&zone_rows[r]);
        for (size_t i = 0; i < POINTS; i++) {
            const int *p = zone_rows[r].points[i];
            if (zone_holds(&zone, p[0] / 64.0, p[1] / 64.0) != p[2])
                fail_msg("polygon %zu: (%d, %d) should be %s", r, p[0], p[1],
                         p[2] ? "inside" : "outside");
            inside += p[2];
        }
    }
    assert_true(inside > ROWS * POINTS / 8); /* the table has both kinds */
}

static void crossing_polygons_are_refused(void **state)
{
    (void)state;
    int crossing = 0;
    for (size_t r = 0; r < ROWS; r++) {
        struct zone zone = zone_of(&zone_rows[r]);
        fov_error error = {0};
        bool refused = zone_check(&zone, &error) != FOV_OK;
        if (refused != zone_rows[r].crosses)
            fail_msg("polygon %zu: %s %s", r, refused ? "refused" : "taken", error.message);
        crossing += refused;
    }
    assert_in_range(crossing, ROWS / 8, 7 * ROWS / 8);
}

struct bad {
    size_t count;
    double xy[8];
    const char *name, *part;
    bool line, metres;
};

static void what_is_refused_says_why(void **state)
{
    (void)state;
    static const struct bad bads[] = {
        {4, {0, 0, 1, 1, 1, 0, 0, 1}, "z", "crosses itself: edge 1-2 meets edge 3-4", false, false},
        {2, {0, 0, 1, 1}, "z", "3 to 32 points", false, false},
        {0, {0}, "z", "3 to 32 points", false, false},
        {3, {0, 0, 1, 1, 1, 0}, "z", "a line has 2 points", true, false},
        {3, {0, 0, 1.01, 1, 1, 0}, "z", "point 2 is outside", false, false},
        {3, {0, 0, 1, NAN, 1, 0}, "z", "point 2 is outside", false, false},
        {3, {0, 0, 1, INFINITY, 1, 0}, "z", "point 2 is outside", false, false},
        {3, {0, 0, -0.1, 0.5, 1, 0}, "z", "point 2 is outside", false, false},
        {3, {0, 0, 1, 1, 0, 0}, "z", "point 3 repeats point 1", false, false},
        {2, {.5, .5, .5, .5}, "z", "point 2 repeats point 1", true, false},
        {3, {0, 0, 1, 1, .5, .5}, "z", "folds back", false, false},
        {4, {0, 0, 1, 0, 1, 1, 1, .5}, "z", "folds back", false, false},
        {3, {0, 0, 1, 1, 1, 0}, "", "1 to 64 bytes", false, false},
        {3, {0, 0, 1, 1, 1, 0}, "a\nb", "control", false, false},
        {3, {0, 0, 1, 1, 1, 0}, "a/b", "slash", false, false},
        {3, {0, 0, 1, 1, 1, 0}, "\xff", "1 to 64 bytes", false, false},
        {3, {0, 0, 170.1, 1, 1, 0}, "z", "point 2 is far from any pitch", false, true},
        {2, {-20.1, 0, 1, 1}, "z", "point 1 is far from any pitch", true, true},
        {4, {0, 0, 99, 60, 99, 0, 0, 60}, "z", "crosses itself", false, true},
    };
    for (size_t i = 0; i < sizeof bads / sizeof *bads; i++) {
        struct zone zone = {.line = bads[i].line, .metres = bads[i].metres, .count = bads[i].count};
        fov_error error = {0};
        text_copy(zone.name, sizeof zone.name, bads[i].name);
        for (size_t k = 0; k < bads[i].count; k++)
            zone.points[k] = (struct zone_point){bads[i].xy[2 * k], bads[i].xy[2 * k + 1]};
        assert_int_equal(zone_check(&zone, &error), FOV_EINVAL);
        if (!strstr(error.message, bads[i].part))
            fail_msg("case %zu says: %s", i, error.message);
    }
}

static void a_box_counts_by_its_foot(void **state)
{
    (void)state;
    struct zone lower = {.name = "floor", .count = 4, .points = {{0, .5}, {1, .5}, {1, 1}, {0, 1}}};
    fov_detection standing = {.x1 = 100, .y1 = 10, .x2 = 140, .y2 = 300};
    fov_detection flying = {.x1 = 100, .y1 = 10, .x2 = 140, .y2 = 230};
    fov_detection at_the_edge = {.x1 = 600, .y1 = 10, .x2 = 640, .y2 = 480};
    assert_true(zone_holds_box(&lower, &standing, 640, 480));
    assert_false(zone_holds_box(&lower, &flying, 640, 480));
    assert_true(zone_holds_box(&lower, &at_the_edge, 640, 480));
    assert_false(zone_holds_box(&lower, &standing, 0, 0));
    struct zone half = {.metres = true, .count = 3, .points = {{-20, -20}, {170, -20}, {60, 170}}};
    assert_false(zone_holds_box(&half, &standing, 640, 480)); /* px are no metres */
    assert_true(zone_holds(&half, 52.5, 34));
    lower.line = true;
    assert_false(zone_holds_box(&lower, &standing, 640, 480));
}

static fov_status read_text(const char *text, struct zones *zones, fov_error *error)
{
    json_value *value = json_parse(text, strlen(text), 65536, error);
    if (!value)
        return FOV_EFORMAT;
    fov_status status = zones_read(value, zones, error);
    json_free(&value);
    return status;
}

static void json_goes_there_and_back(void **state)
{
    (void)state;
    static const char text[] = "[{\"name\":\"door\",\"points\":[[0,0],[1,0],[0.5,0.25]]},"
                               "{\"name\":\"way\",\"kind\":\"line\",\"points\":[[0,0.5],[1,0.5]]},"
                               "{\"name\":\"goal\",\"kind\":\"line\",\"space\":\"pitch_m\","
                               "\"points\":[[0,30.34],[-0.1234567,37.66]]}]";
    static const struct zones_known nothing = {0}, tracker = {.tracker = true};
    struct zones zones, again;
    struct json_writer w = {0};
    assert_int_equal(read_text(text, &zones, NULL), FOV_OK);
    assert_int_equal(zones.count, 3);
    assert_true(zones_find(&zones, "way")->line);
    assert_null(zones_find(&zones, "gate"));
    assert_null(zones_find(NULL, "gate"));
    const struct zone *goal = zones_find(&zones, "goal");
    assert_true(goal->metres);
    assert_float_equal(goal->points[1].x, -0.123457, 1e-9);
    zones_write(&w, &zones, &nothing);
    assert_non_null(strstr(w.text, "\"state\":\"needs_tracker\""));
    assert_string_equal(zone_state(goal, &nothing), "needs_tracker");
    assert_string_equal(zone_state(goal, &tracker), "needs_homography");
    assert_string_equal(zone_state(zones_find(&zones, "way"), &tracker), "active");
    assert_string_equal(zone_state(zones_find(&zones, "door"), &nothing), "active");
    assert_int_equal(read_text(w.text, &again, NULL), FOV_OK);
    assert_int_equal(again.count, 3);
    assert_true(zones_find(&again, "goal")->metres && zones_find(&again, "goal")->line);
    assert_memory_equal(again.items[2].points, goal->points, 2 * sizeof(struct zone_point));
    assert_memory_equal(again.items[0].points, zones.items[0].points,
                        3 * sizeof(struct zone_point));
    json_release(&w);
}

/* The book of drawn zones is read as a whole: a zone that was taken and cannot be read again would
 * take all others with it. Corners as near to each other as digits go. */
static void what_is_taken_can_be_read_again(void **state)
{
    (void)state;
    uint64_t seed = 1;
    int taken = 0;
    for (int i = 0; i < 20000; i++) {
        char text[200];
        double xy[6];
        struct zones zones, again;
        struct json_writer w = {0};
        fov_error error = {0};
        for (int k = 0; k < 6; k++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            xy[k] = 0.5 + (double)(seed >> 44) * 4e-12; /* within four millionths */
        }
        snprintf(text, sizeof text,
                 "[{\"name\":\"a\",\"points\":[[%.9f,%.9f],[%.9f,%.9f],[%.9f,%.9f]]}]", xy[0],
                 xy[1], xy[2], xy[3], xy[4], xy[5]);
        if (read_text(text, &zones, NULL) != FOV_OK)
            continue;
        taken++;
        zones_write(&w, &zones, NULL);
        if (read_text(w.text, &again, &error) != FOV_OK)
            fail_msg("%s became %s: %s", text, w.text, error.message);
        assert_memory_equal(again.items[0].points, zones.items[0].points,
                            3 * sizeof(struct zone_point));
        json_release(&w);
    }
    assert_true(taken > 1000);
}

static void bad_json_is_named(void **state)
{
    (void)state;
    static const char *const bads[][2] = {
        {"{}", "a list of at most 16"},
        {"[1]", "zones[0].name"},
        {"[{\"name\":7}]", "zones[0].name"},
        {"[{\"name\":\"a\"}]", "zones[0].points"},
        {"[{\"name\":\"a\",\"points\":[1]}]", "zones[0].points[0]"},
        {"[{\"name\":\"a\",\"points\":[[0,0],[1]]}]", "zones[0].points[1]"},
        {"[{\"name\":\"a\",\"points\":[[0,0],[1,\"x\"]]}]", "zones[0].points[1]"},
        {"[{\"name\":\"a\",\"points\":[[0,0],[1,2,3]]}]", "zones[0].points[1]"},
        {"[{\"name\":\"a\",\"kind\":\"ring\",\"points\":[]}]", "zones[0].kind"},
        {"[{\"name\":\"a\",\"space\":\"m\",\"points\":[]}]", "zones[0].space"},
        {"[{\"name\":\"a\",\"space\":7,\"points\":[]}]", "zones[0].space"},
        {"[{\"name\":\"a\",\"space\":\"pitch_m\",\"points\":[[0,0],[171,0],[9,9]]}]",
         "zones[0]: point 2 is far from any pitch"},
        {"[{\"name\":\"a\",\"kind\":null,\"points\":[]}]", "zones[0].kind"},
        {"[{\"name\":\"a\",\"points\":[[0,0],[1,1],[1,0],[0,1]]}]", "zones[0]: the zone crosses"},
        {"[{\"name\":\"a\",\"points\":[[0,0],[1,0],[0,1]]},{\"name\":\"a\",\"points\":[[0,0],[1,0],"
         "[0,1]]}]",
         "zones[1].name: a is there already"},
    };
    for (size_t i = 0; i < sizeof bads / sizeof *bads; i++) {
        struct zones zones;
        fov_error error = {0};
        assert_int_not_equal(read_text(bads[i][0], &zones, &error), FOV_OK);
        if (!strstr(error.message, bads[i][1]))
            fail_msg("%s gives: %s", bads[i][0], error.message);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(points_are_where_exact_arithmetic_says),
        cmocka_unit_test(crossing_polygons_are_refused),
        cmocka_unit_test(what_is_refused_says_why),
        cmocka_unit_test(a_box_counts_by_its_foot),
        cmocka_unit_test(json_goes_there_and_back),
        cmocka_unit_test(what_is_taken_can_be_read_again),
        cmocka_unit_test(bad_json_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
