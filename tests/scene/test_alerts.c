/* Rules on a virtual clock: a picture is analysed every `step_ms`, seen where the text has an x. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "scene/alerts.h"

#define MS INT64_C(1000000)

/* Plays `seen` ("x" seen, "." not, "_" no frame at all); writes what happened at each place: r, c
 * or a blank. */
static void play(const struct alert_rule *rule, int64_t step_ms, const char *seen, char *happened)
{
    struct alert_state state = {0};
    size_t i = 0;
    for (; seen[i]; i++) {
        enum alert_change change = ALERT_SAME;
        if (seen[i] != '_')
            change = alert_step(rule, &state, 1000 * MS + (int64_t)i * step_ms * MS,
                                seen[i] == 'x');
        happened[i] = change == ALERT_RAISED ? 'r' : change == ALERT_CLEARED ? 'c' : ' ';
    }
    happened[i] = '\0';
}

struct row {
    double for_s, cooldown_s;
    int step_ms;
    const char *seen, *happens;
};

static void raised_once_cleared_raised_again(void **state)
{
    (void)state;
    static const struct row rows[] = {
        /* at once, and once */
        {0, 0, 100, "..xxxxxxxx", "  r       "},
        /* held for one second */
        {1, 0, 100, ".xxxxxxxxxxxxx", "           r  "},
        /* not held long enough: 0.9 s */
        {1, 0, 100, ".xxxxxxxxxx........", "                   "},
        /* single missed frames are forgiven, while holding and when raised */
        {1, 0, 100, "xx.xxx.xxx.xxx.xxx", "           r      "},
        /* two missed frames within half a second are forgiven too */
        {1, 0, 100, "xxx..xxx..xxxx", "          r   "},
        /* cleared half a second after it was seen last */
        {0, 0, 100, "xx.......", "r     c  "},
        /* at 2 frames a second one missed frame is forgiven, the second clears */
        {0, 0, 500, "x.x.x..", "r     c"},
        {1.5, 0, 500, "x.x.x.", "    r "},
        /* at a frame a second: two in a row are gone, one is not */
        {2, 0, 1000, "x..xxx", "     r"},
        /* cool-down of 3 s counts from the end; what holds then is raised when it is over */
        {0, 3, 500, "x..xxxxxxxx", "r c     r  "},
        {0, 3, 500, "x..x..x..x..", "r c      r c"},
        {0, 4, 500, "x..x..x..x..x", "r c         r"},
        /* for 1 s and cool-down 3 s: both */
        {1, 3, 500, "xxx..xxxxxxxxx", "  r c     r   "},
        /* no frames for more than 5 s: holding starts anew, what is raised stays raised */
        {3, 0, 1000, "xx______xxxx", "           r"},
        {3, 0, 1000, "xx____xxxx", "      r   "},
        {0, 0, 1000, "x______xx", "r        "},
        {0, 0, 1000, "x______..", "r       c"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct alert_rule rule = {.for_s = rows[i].for_s, .cooldown_s = rows[i].cooldown_s};
        char happened[64];
        play(&rule, rows[i].step_ms, rows[i].seen, happened);
        if (strcmp(happened, rows[i].happens) != 0)
            fail_msg("row %zu\n%s\n%s is expected\n%s happened", i, rows[i].seen, rows[i].happens,
                     happened);
    }
}

static void time_that_goes_back_does_no_harm(void **state)
{
    (void)state;
    struct alert_rule rule = {.for_s = 1};
    struct alert_state s = {0};
    assert_int_equal(alert_step(&rule, &s, 10000 * MS, true), ALERT_SAME);
    assert_int_equal(alert_step(&rule, &s, 2 * MS, true), ALERT_SAME);
    assert_int_equal(alert_step(&rule, &s, 10999 * MS, true), ALERT_SAME);
    assert_int_equal(alert_step(&rule, &s, 11000 * MS, true), ALERT_RAISED);
    assert_int_equal(alert_step(&rule, &s, 3 * MS, false), ALERT_SAME);
    assert_int_equal(alert_end(&s, 3 * MS), ALERT_CLEARED);
    assert_int_equal(alert_end(&s, 12000 * MS), ALERT_SAME);
}

static void the_end_of_a_stream_clears(void **state)
{
    (void)state;
    struct alert_rule rule = {.for_s = 0, .cooldown_s = 10};
    struct alert_state s = {0};
    assert_int_equal(alert_end(&s, 1000 * MS), ALERT_SAME);
    assert_int_equal(alert_step(&rule, &s, 1000 * MS, true), ALERT_RAISED);
    assert_int_equal(alert_end(&s, 2000 * MS), ALERT_CLEARED);
    assert_int_equal(alert_step(&rule, &s, 11900 * MS, true), ALERT_SAME); /* 10 s after 2000 */
    assert_int_equal(alert_step(&rule, &s, 12000 * MS, true), ALERT_RAISED);
}

static const fov_detection *match(const struct alert_rule *rule, const fov_detection *items,
                                  size_t count)
{
    const struct alert_picture picture = {items, count, 100, 100, NULL};
    return alert_match(rule, &picture);
}

static void the_best_detection_that_fits(void **state)
{
    (void)state;
    uint64_t classes[ALERT_CLASS_WORDS] = {[0] = 1u << 3, [1] = 1};
    struct zone right = {.name = "r", .count = 4, .points = {{.5, 0}, {1, 0}, {1, 1}, {.5, 1}}};
    struct alert_rule rule = {.classes = classes, .min_confidence = 0.5, .zone = &right};
    fov_detection items[] = {
        {60, 0, 80, 50, 0.6f, 3, 3, -1},    /* fits */
        {60, 0, 80, 50, 0.9f, 4, 4, -1},    /* another class */
        {10, 0, 20, 50, 0.95f, 3, 3, -1},   /* outside */
        {60, 0, 80, 50, 0.49f, 64, 64, -1}, /* not sure enough */
        {60, 0, 80, 50, 0.7f, 64, 64, -1},  /* fits better */
        {60, 0, 80, 50, 0.9f, -1, -1, -1},  /* no class */
        {60, 0, 80, 50, 0.9f, 5000, 0, -1}, /* a class beyond all words */
    };
    assert_ptr_equal(match(&rule, items, 7), &items[4]);
    assert_ptr_equal(match(&rule, items, 4), &items[0]);
    assert_null(match(&rule, items + 1, 3));
    assert_null(match(&rule, NULL, 0));
    rule.zone = NULL;
    assert_ptr_equal(match(&rule, items, 7), &items[2]);
    rule.classes = NULL;
    rule.min_confidence = 0.95; /* the float 0.95f passes */
    assert_ptr_equal(match(&rule, items, 7), &items[2]);
}

/* A zone in metres goes by where things stand on the pitch, and holds nothing without. */
static void zones_in_metres(void **state)
{
    (void)state;
    struct zone box = {.name = "box",
                       .metres = true,
                       .count = 4,
                       .points = {{0, 13.84}, {16.5, 13.84}, {16.5, 54.16}, {0, 54.16}}};
    struct alert_rule rule = {.zone = &box};
    const fov_detection items[] = {{0, 0, 1, 1, 0.9f, 0, 0, 1}, {0, 0, 1, 1, 0.8f, 0, 0, 2}};
    const struct zone_point metres[] = {{16.6, 30}, {16.5, 13.84}},
                            nowhere[] = {{(double)NAN, (double)NAN}, {(double)NAN, 30}};
    struct alert_picture picture = {items, 2, 100, 100, metres};
    assert_ptr_equal(alert_match(&rule, &picture), &items[1]);
    picture.metres = nowhere;
    assert_null(alert_match(&rule, &picture));
    picture.metres = NULL;
    assert_null(alert_match(&rule, &picture));
}

static void crossings_cool_down(void **state)
{
    (void)state;
    struct alert_rule rule = {.cooldown_s = 3};
    struct alert_state s = {0};
    assert_true(alert_crossed(&rule, &s, 1000 * MS));
    assert_false(alert_crossed(&rule, &s, 3999 * MS));
    assert_false(alert_crossed(&rule, &s, 3 * MS)); /* earlier counts as now */
    assert_true(alert_crossed(&rule, &s, 4000 * MS));
    rule.cooldown_s = 0;
    assert_true(alert_crossed(&rule, &s, 4000 * MS));
    assert_int_equal(alert_end(&s, 5000 * MS), ALERT_SAME); /* it was over at once */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(raised_once_cleared_raised_again),
        cmocka_unit_test(time_that_goes_back_does_no_harm),
        cmocka_unit_test(the_end_of_a_stream_clears),
        cmocka_unit_test(the_best_detection_that_fits),
        cmocka_unit_test(zones_in_metres),
        cmocka_unit_test(crossings_cool_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
