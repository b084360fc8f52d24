/* Lines that tracks cross: against walks counted with fractions, and what a camera does to feet. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "../random_numbers.h"
#include "crossing_table.h"
#include "scene/crossing.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define MS INT64_C(1000000)

static struct crossing crossing;
static const struct crossing_line upright = {{0, 1}, {0, 0}, false}; /* a below, b above */

static enum crossing_way see(const struct crossing_line *line, int32_t id, double x, double y,
                             double reach, int64_t ns, struct crossing_event *event)
{
    fov_detection box = {.score = 0.5f, .class_id = 3, .track_id = id};
    struct crossing_sight sight = {&box, {x, y}, reach, ns, (uint64_t)(ns / MS)};
    return crossing_step(&crossing, line, &sight, event);
}

static void walks_counted_with_fractions(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(crossing_rows); i++) {
        const struct crossing_row *row = &crossing_rows[i];
        struct crossing_line line = {
            {row->line[0], row->line[1]}, {row->line[2], row->line[3]}, false};
        int64_t ns = 0, at[24];
        int found = 0;
        crossing_forget(&crossing);
        for (int k = 0; k < 24; k++) {
            const int *s = row->walk[k];
            struct crossing_event event = {0};
            at[k] = ns += s[3] * 100 * MS;
            enum crossing_way way = see(&line, 7, s[0], s[1], s[2], ns, &event);
            if (way == CROSSING_NONE)
                continue;
            const int *right = row->crossings[found++];
            if (found > row->count || k != right[0] || event.ns != at[right[1]] ||
                way != event.way || (way == CROSSING_IN) != (right[2] > 0))
                fail_msg("row %zu: crossing %d told at sight %d, way %d", i, found, k, (int)way);
        }
        if (found != row->count)
            fail_msg("row %zu: %d crossings, not %d", i, found, row->count);
    }
}

/* Right of a line from the bottom to the top is the right of the picture. */
static void in_is_from_left_to_right(void **state)
{
    (void)state;
    struct zone zone = {.name = "l", .line = true, .count = 2, .points = {{.5, 1}, {.5, 0}}};
    struct crossing_line line = crossing_line_in_picture(&zone, 1920, 1080);
    struct crossing_event event;
    static const float x[] = {500, 800, 1100, 1400};
    static const enum crossing_way ways[] = {CROSSING_NONE, CROSSING_NONE, CROSSING_NONE,
                                             CROSSING_IN};
    crossing_forget(&crossing);
    for (int i = 0; i < 4; i++) {
        fov_detection box = {x[i] - 50, 300, x[i] + 50, 500, 0.6f + 0.1f * (float)(i == 1),
                             2,         2,   9};
        struct crossing_sight sight = crossing_sight_in_picture(&box, 1080);
        sight.ns = i * 100 * MS;
        sight.number = 40 + (uint64_t)i;
        assert_float_equal(sight.reach, 20.0f / 1080, 1e-7);
        assert_int_equal(crossing_step(&crossing, &line, &sight, &event), ways[i]);
    }
    assert_int_equal(event.number, 42); /* where it first stood beyond */
    assert_int_equal(event.ns, 200 * MS);
    assert_float_equal(event.box.x1, 1050, 0);
    assert_float_equal(event.box.score, 0.7f, 1e-6);
    assert_int_equal(event.box.track_id, 9);
}

/* Feet that tremble by less than the reach cross once, wherever the line is; those that stay on the
 * line never. */
static void trembling_counts_once(void **state)
{
    (void)state;
    uint64_t random = 5;
    for (int round = 0; round < 300; round++) {
        struct crossing_event event;
        int in = 0, out = 0;
        crossing_forget(&crossing);
        for (int k = 0; k < 200; k++) {
            double x = (k < 80 ? -0.3 + k * 0.00375 : k < 120 ? 0 : (k - 120) * 0.00375);
            x += random_between(&random, -0.095, 0.095); /* reach 0.1 */
            enum crossing_way way = see(&upright, 1, x, 0.5, 0.1, k * 40 * MS, &event);
            in += way == CROSSING_IN;
            out += way == CROSSING_OUT;
        }
        assert_int_equal(in, 1);
        assert_int_equal(out, 0);
        crossing_forget(&crossing);
        for (int k = 0; k < 200; k++)
            assert_int_equal(see(&upright, 1, random_between(&random, -0.095, 0.095), 0.5, 0.1,
                                 k * 40 * MS, &event),
                             CROSSING_NONE);
    }
}

static void holes_in_time(void **state)
{
    (void)state;
    static const struct {
        int ms[4];
        enum crossing_way last;
    } rows[] = {
        {{0, 1900, 2000, 2100}, CROSSING_IN},   /* dropped frames: the path is straight */
        {{0, 2001, 2100, 2200}, CROSSING_NONE}, /* too long ago */
        {{0, 0, 0, 0}, CROSSING_IN},            /* a clock that stands still */
        {{5000, 4000, 3000, 2000}, CROSSING_IN},
    };
    static const double x[] = {-1, 1, 1.1, 1.2};
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct crossing_event event;
        enum crossing_way way = CROSSING_NONE;
        crossing_forget(&crossing);
        for (int k = 0; k < 4 && way == CROSSING_NONE; k++)
            way = see(&upright, 4, x[k], 0.5, 0.1, rows[i].ms[k] * MS, &event);
        assert_int_equal(way, rows[i].last);
    }
}

static void who_has_no_name_or_place_is_left_out(void **state)
{
    (void)state;
    struct crossing_event event;
    static const int32_t ids[] = {-1, 0, INT32_MIN};
    crossing_forget(&crossing);
    for (size_t i = 0; i < COUNT(ids); i++)
        for (int k = 0; k < 5; k++)
            assert_int_equal(see(&upright, ids[i], k - 2.5, 0.5, 0.1, k * MS, &event), 0);
    see(&upright, 1, -1, 0.5, 0.1, 0, &event);
    assert_int_equal(see(&upright, 1, (double)NAN, 0.5, 0.1, 1 * MS, &event), 0);
    assert_int_equal(see(&upright, 1, 1, (double)INFINITY, 0.1, 2 * MS, &event), 0);
    assert_int_equal(see(&upright, 1, 1, 0.5, 0.1, 3 * MS, &event), CROSSING_NONE);
    assert_int_equal(see(&upright, 1, 1, 0.5, 0.1, 4 * MS, &event), CROSSING_IN);
}

/* Many at a time, to and fro: each is counted by its own. More than the table holds push the oldest
 * out, and no more. */
static void many_tracks(void **state)
{
    (void)state;
    struct crossing_event event;
    int in = 0, out = 0;
    crossing_forget(&crossing);
    for (int k = 0; k < 30; k++)
        for (int id = 1; id <= CROSSING_TRACKS; id++) {
            double x = (k + id) % 10 < 5 ? -1 : 1;
            enum crossing_way way = see(&upright, id * 3 - 2, x, 0.5, 0.1, k * 40 * MS, &event);
            in += way == CROSSING_IN;
            out += way == CROSSING_OUT;
        }
    /* thrice to each side in 30 pictures; the first of these is where a track begins, the last may
     * come too late to be seen twice */
    int right_in = 0, right_out = 0;
    for (int id = 1; id <= CROSSING_TRACKS; id++)
        for (int k = 2; k < 30; k++) {
            int now = (k + id) % 10 < 5 ? -1 : 1, before = (k - 1 + id) % 10 < 5 ? -1 : 1,
                long_before = (k - 2 + id) % 10 < 5 ? -1 : 1;
            right_in += now > 0 && before > 0 && long_before < 0;
            right_out += now < 0 && before < 0 && long_before > 0;
        }
    assert_int_equal(in, right_in);
    assert_int_equal(out, right_out);
    for (int id = 100000; id < 100000 + 4 * CROSSING_TRACKS; id++)
        see(&upright, id, -1, 0.5, 0.1, 2000 * MS, &event);
    see(&upright, 100000 + 4 * CROSSING_TRACKS - 1, 1, 0.5, 0.1, 2040 * MS, &event);
    assert_int_equal(
        see(&upright, 100000 + 4 * CROSSING_TRACKS - 1, 1, 0.5, 0.1, 2080 * MS, &event),
        CROSSING_IN);
}

/* Names that share the same places of the table: who was seen longest ago makes room, nobody else.
 */
static void the_oldest_makes_room(void **state)
{
    (void)state;
    struct crossing_event event;
    crossing_forget(&crossing);
    for (int i = 0; i <= CROSSING_PROBES; i++)
        see(&upright, 1 + i * CROSSING_TRACKS, -1, 0.5, 0.1, i * 10 * MS, &event);
    for (int i = CROSSING_PROBES; i >= 0; i--) {
        int32_t id = 1 + i * CROSSING_TRACKS;
        see(&upright, id, 1, 0.5, 0.1, 200 * MS, &event);
        assert_int_equal(see(&upright, id, 1, 0.5, 0.1, 240 * MS, &event),
                         i == 0 ? CROSSING_NONE : CROSSING_IN);
    }
}

/* A camera that looks down on the pitch from its near side: left and right on the map are those of
 * the picture, and the reach grows with the metres a px is across the line. */
static void on_the_pitch(void **state)
{
    (void)state;
    /* x to the right, y away; 10 m before the near touch line and 10 m up */
    const double map[9] = {1000, 960, 960 * 10 - 52500, 0, 540, 540 * 10 + 10000, 0, 1, 10};
    fov_pitch_view view;
    fov_error error = {0};
    assert_int_equal(fov_pitch_view_from_matrix(&view, map, 1920, 1080, NULL, &error), FOV_OK);
    struct zone goal = {
        .line = true, .metres = true, .count = 2, .points = {{52.5, 5}, {52.5, 30}}};
    struct zone half = {.line = true, .metres = true, .count = 2, .points = {{40, 20}, {60, 20}}};
    struct crossing_line along = crossing_line_on_pitch(&goal),
                         wide = crossing_line_on_pitch(&half);
    struct crossing_event event;
    enum crossing_way way = CROSSING_NONE;
    crossing_forget(&crossing);
    for (int k = 0; k < 8 && way == CROSSING_NONE; k++) { /* to the right in the picture */
        double pitch[2] = {50 + k, 20}, px[2];
        assert_true(fov_pitch_to_px(&view, pitch, px));
        fov_detection box = {
            (float)px[0] - 10, (float)px[1] - 60, (float)px[0] + 10, (float)px[1], 0.9f, 0, 0, 1};
        struct zone_point at;
        zones_to_metres(&view, &box, 1, &at);
        assert_float_equal(at.x, 50.0f + (float)k, 0.01);
        assert_float_equal(at.y, 20, 0.01);
        struct crossing_sight one = crossing_sight_on_pitch(&box, at, &along, &view);
        struct crossing_sight two = crossing_sight_on_pitch(&box, at, &wide, &view);
        one.ns = k * 100 * MS;
        /* 6 px: across the map 30 m away a px is 30 / 1000 m, away from the camera it is
         * 30 * 30 / 10000 m */
        assert_float_equal(one.reach, fmax(CROSSING_REACH_LEAST_M, hypot(30. / 1000, 0) * 6), 0.01);
        assert_float_equal(two.reach, 30. * 30 / 10000 * 6, 0.03);
        way = crossing_step(&crossing, &along, &one, &event);
    }
    assert_int_equal(way,
                     CROSSING_IN); /* from the near end of the line to the far one: right is x+ */
    fov_detection sky = {100, 10, 120, 60, 0.9f, 0, 0, 1};
    struct zone_point nowhere;
    zones_to_metres(&view, &sky, 1, &nowhere);
    assert_true(isnan(nowhere.x) && isnan(nowhere.y));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(walks_counted_with_fractions),
        cmocka_unit_test(in_is_from_left_to_right),
        cmocka_unit_test(trembling_counts_once),
        cmocka_unit_test(holes_in_time),
        cmocka_unit_test(who_has_no_name_or_place_is_left_out),
        cmocka_unit_test(many_tracks),
        cmocka_unit_test(the_oldest_makes_room),
        cmocka_unit_test(on_the_pitch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
