/* The ball's tracker where not every picture is looked at. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <stdlib.h>

#include <cmocka.h>

#include "ball_score.h"
#include "scene/ball_tracker.h"

/* One update with one sighting, or none (x below 0). */
static fov_ball put(fov_ball_tracker *tracker, double time_s, float x, float y,
                    const fov_motion *motion, fov_balls *late)
{
    fov_detection one = {.x1 = x - 6, .y1 = y - 6, .x2 = x + 6, .y2 = y + 6, .score = 0.7f};
    fov_detections detections = {&one, x >= 0, 1, NULL};
    fov_ball_input input = {.time_s = time_s,
                            .width = 1920,
                            .height = 1080,
                            .detections = &detections,
                            .motion = motion};
    fov_ball ball;
    assert_int_equal(fov_ball_update(tracker, &input, &ball, late, NULL), FOV_OK);
    return ball;
}

static fov_ball_tracker *make(const fov_ball_params *params)
{
    fov_ball_tracker *tracker;
    assert_int_equal(fov_ball_create(&tracker, params, NULL), FOV_OK);
    return tracker;
}

/* A picture in which nobody looked. */
static fov_ball pass(fov_ball_tracker *tracker, double time_s)
{
    const fov_ball_input input = {
        .time_s = time_s, .width = 1920, .height = 1080, .unlooked = true};
    fov_ball ball;
    assert_int_equal(fov_ball_update(tracker, &input, &ball, NULL, NULL), FOV_OK);
    return ball;
}

/* A model that looks at every eighth picture of 25 a second: those between say nothing, neither
 * that it is there nor that it is not. */
static void a_picture_that_nobody_looked_at_is_no_miss(void **state)
{
    (void)state;
    fov_ball_tracker *tracker = make(NULL);
    size_t seen = 0, coasted = 0;
    for (int i = 0; i < 160; i++) {
        double t = i / 25.0;
        fov_ball ball = i % 8 == 0 ? put(tracker, t, 300 + 160 * (float)t, 500, NULL, NULL)
                                   : pass(tracker, t);
        assert_true(i % 8 != 0 || i < 24 || ball.state == FOV_BALL_SEEN);
        if (ball.state == FOV_BALL_NONE || i < 32) /* its speed is learnt */
            continue;
        if (fabs((double)ball.x - (300 + 160 * t)) >= 12)
            fail_msg("%g px off in picture %d", fabs((double)ball.x - (300 + 160 * t)), i);
        seen += ball.state == FOV_BALL_SEEN;
        coasted += ball.state == FOV_BALL_COASTING;
    }
    assert_int_equal(seen, 16); /* pictures 32, 40, ... */
    assert_true(coasted >= 90); /* of 112: then its place is not known well enough */
    /* the time that it is thought on for runs all the same */
    fov_ball ball = {0};
    for (int i = 160; i < 200; i++)
        ball = pass(tracker, i / 25.0);
    assert_int_equal(ball.state, FOV_BALL_NONE);
    fov_ball_destroy(&tracker);
}

/* Looks that are missed count as before, and so does what is seen once and not again. */
static void a_look_that_finds_nothing_is_a_miss(void **state)
{
    (void)state;
    fov_ball_tracker *tracker = make(NULL);
    put(tracker, 0, 800, 500, NULL, NULL);
    for (int i = 1; i < 8; i++)
        pass(tracker, i / 25.0);
    put(tracker, 8 / 25.0, -1, 0, NULL, NULL); /* alone for 0.32 s */
    assert_null(ball_paths_best(&tracker->paths));
    fov_ball_destroy(&tracker);
}

/* The ball that a slow model finds is told about as often as it was there to be told. */
static void slow_looks_follow_the_ball(void **state)
{
    (void)state;
    struct ball_score slow = {0}, missed = {0};
    for (unsigned seed = 11; seed < 17; seed++) {
        struct ball_world world = {seed, 25, 60, 1 + 0.35 * (seed % 3), 0, 0};
        size_t count;
        struct ball_frame_truth *frames = ball_world_make(&world, &count);
        assert_non_null(frames);
        for (size_t i = 0; i < count; i++)
            if (i % 5 != 0)
                frames[i].count = 0;
        ball_score_run(BALL_NOW, NULL, true, frames, count, &missed);
        for (size_t i = 0; i < count; i++)
            frames[i].unlooked = i % 5 != 0;
        ball_score_run(BALL_NOW, NULL, true, frames, count, &slow);
        free(frames);
    }
    print_message("every fifth picture looked at: within 12 px %.1f %%, over 25 px off %.1f %%; as "
                  "misses %.1f %%, %.1f %%\n",
                  ball_score_near(&slow), ball_score_wrong(&slow), ball_score_near(&missed),
                  ball_score_wrong(&missed));
    assert_true(ball_score_near(&slow) >= 60);
    assert_true(ball_score_wrong(&slow) <= 15);
    assert_true(ball_score_near(&slow) > ball_score_near(&missed) + 10);
}

/* Every fifth look is at the whole picture, and not every fifth picture. */
static void sweeps_count_looks(void **state)
{
    (void)state;
    fov_ball_tracker *tracker = make(NULL);
    int looks = 0, sweeps = 0;
    for (int i = 0; i < 250; i++) {
        fov_ball_input input = {.time_s = i / 25.0, .width = 1920, .height = 1080};
        fov_ball_look look;
        assert_int_equal(fov_ball_where(tracker, &input, &look, NULL), FOV_OK);
        if (i % 5 != 3) {
            pass(tracker, i / 25.0);
            continue;
        }
        put(tracker, i / 25.0, 200 + 4 * (float)i, 500, NULL, NULL);
        looks += i >= 50;
        sweeps += i >= 50 && look.sweep;
    }
    assert_true(looks == 40 && sweeps >= 7 && sweeps <= 12);
    fov_ball_destroy(&tracker);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_picture_that_nobody_looked_at_is_no_miss),
        cmocka_unit_test(a_look_that_finds_nothing_is_a_miss),
        cmocka_unit_test(slow_looks_follow_the_ball),
        cmocka_unit_test(sweeps_count_looks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
