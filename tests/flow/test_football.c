/* From detections to a match: half a minute of drawn matches, as a detector sees them, against
 * their truth. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "football_score.h"

static struct football_score run(const struct football_run *run)
{
    struct football_score s;
    assert_true(football_score_run(run, &s));
    assert_int_equal(s.pictures, (size_t)(run->fps * run->seconds));
    assert_int_equal(s.made_up, 0);
    return s;
}

/* How much of the right there must be of the whole, in percent. */
static void assert_part(size_t right, size_t all, double percent)
{
    if ((double)right * 100 < percent * (double)all)
        fail_msg("%zu of %zu are %.1f %%, not %.1f", right, all,
                 100 * (double)right / (double)(all ? all : 1), percent);
}

/* Ways are as long as in truth, to so many percent; who stands does not walk, who runs loses
 * nothing. */
static void assert_walks(const struct football_score *s, double percent)
{
    double standing = (s->standing.told_m - s->standing.true_m) / s->standing.seconds;
    print_message("ways %+.2f %%, running %+.2f %%, standing %+.3f m/s too far; speed %.3f m/s\n",
                  football_score_walk(&s->all), football_score_walk(&s->running), standing,
                  football_score_speed(s));
    assert_true(s->all.seconds > 100 && s->running.seconds > 10 && s->standing.seconds > 1);
    assert_true(fabs(football_score_walk(&s->all)) < percent);
    assert_true(fabs(football_score_walk(&s->running)) < 1);
    assert_true(standing < 0.06);
    assert_true(football_score_speed(s) < 0.3);
}

static void a_match_with_a_view(void **state)
{
    (void)state;
    for (int seed = 1; seed <= 2; seed++) {
        char url[64];
        snprintf(url, sizeof url, "pattern:football?fps=10&seed=%d", seed);
        struct football_score s = run(&(struct football_run){.url = url,
                                                             .fps = 10,
                                                             .seconds = 30,
                                                             .seed = 7,
                                                             .calibration = SCORE_TRUE_VIEW,
                                                             .classes = true});
        assert_int_equal(s.views, s.pictures);
        assert_part(s.named, s.shown, 93);
        assert_true(s.switches <= 25 && s.exchanged <= 10);
        assert_part(s.told, s.fields, 95);
        assert_part(s.right, s.told, 98);
        assert_part(s.roles_right, s.roles, 99);
        assert_part(s.balls_near, s.balls, 87);
        assert_true(football_score_rms(&s) < 0.25);
        assert_true(s.off_px < 0.6);
        assert_walks(&s, 1);
    }
}

/* A calibration twice a second, a detector that knows people only. */
static void a_match_with_found_views(void **state)
{
    (void)state;
    struct football_score s = run(&(struct football_run){.url = "pattern:football?fps=10&seed=3",
                                                         .fps = 10,
                                                         .seconds = 25,
                                                         .seed = 5,
                                                         .calibration = SCORE_FOUND_VIEW});
    assert_int_equal(s.views, s.pictures);
    assert_part(s.right, s.told, 98);
    assert_part(s.roles_right, s.roles, 93);
    assert_true(football_score_rms(&s) < 0.25);
    assert_true(s.off_px < 1);
    assert_walks(&s, 1);
}

/* Points that somebody set in the first picture; motion and the lines do the rest. */
static void a_match_with_a_view_set_once(void **state)
{
    (void)state;
    struct football_score s = run(&(struct football_run){.url = "pattern:football?fps=10&seed=4",
                                                         .fps = 10,
                                                         .seconds = 25,
                                                         .seed = 5,
                                                         .calibration = SCORE_FIRST_VIEW,
                                                         .classes = true});
    assert_int_equal(s.views, s.pictures - 1);
    assert_true(s.off_px < 0.6);
    assert_true(football_score_rms(&s) < 0.25);
    assert_part(s.right, s.told, 98);
    assert_walks(&s, 1);
}

/* No view is ever made up. */
static void a_match_without_a_view(void **state)
{
    (void)state;
    struct football_score s = run(&(struct football_run){
        .url = "pattern:football?fps=10&seed=2", .fps = 10, .seconds = 25, .seed = 7});
    assert_int_equal(s.views, 0);
    assert_int_equal(s.on_pitch, 0);
    assert_part(s.named, s.shown, 93);
    assert_true(s.switches <= 32 && s.exchanged <= 6);
    assert_part(s.told, s.fields, 94);
    assert_part(s.right, s.told, 98);
    assert_part(s.balls_near, s.balls, 92);
}

/* Without pictures, with what others found of the camera: everything but teams. */
static void a_match_without_pictures(void **state)
{
    (void)state;
    struct football_score s = run(
        &(struct football_run){.url = "pattern:football?fps=25&seed=2&size=640x360",
                               .fps = 25,
                               .seconds = 20,
                               .seed = 7,
                               .calibration = SCORE_FIRST_VIEW,
                               .true_motion = true,
                               .blind = true});
    assert_int_equal(s.told, 0);
    assert_int_equal(s.views, s.pictures - 1);
    assert_true(s.off_px < 0.01);
    assert_true(football_score_rms(&s) < 0.25);
    assert_part(s.balls_near, s.balls, 96);
    assert_walks(&s, 1);
}

/* ---- cuts -------------------------------------------------------------------------------------
 */

/* From one match to another, three seconds in: a view that is told afterwards is right, whatever
 * the lines look like. */
static void cut(int seed, size_t *told)
{
    struct football_world worlds[2];
    fov_football *football;
    fov_football_frame frame;
    assert_int_equal(fov_football_create(&football, NULL, NULL), FOV_OK);
    for (int k = 0; k < 2; k++) {
        char url[80];
        snprintf(url, sizeof url, "pattern:football?fps=10&size=960x540&seed=%d", seed + 20 * k);
        assert_true(football_world_open(&worlds[k], url, 10, (uint64_t)seed));
    }
    for (int i = 0; i < 60; i++) {
        struct football_world *w = &worlds[i >= 30];
        for (int k = i == 30 ? 17 * seed : 0; k >= 0; k--)
            assert_true(football_world_next(w));
        w->input.seq = (uint64_t)i;
        w->input.time_s = i / 10.0;
        w->input.found = i == 0 ? &w->truth->view : NULL;
        assert_int_equal(fov_football_update(football, &w->input, &frame, NULL), FOV_OK);
        assert_true(frame.view_known || i >= 30);
        assert_true(!frame.view_known || football_view_distance(&w->truth->view, &frame.view) < 5);
        *told += i >= 30 && frame.view_known;
    }
    fov_football_destroy(&football);
    for (int k = 0; k < 2; k++)
        football_world_close(&worlds[k]);
}

static void after_a_cut_no_view_is_wrong(void **state)
{
    (void)state;
    size_t told = 0;
    for (int seed = 1; seed <= 5; seed++)
        cut(seed, &told);
    assert_true(told <= 100); /* 90 of 150: some views are gone */
}

/* ---- views kept from a run before --------------------------------------------------------------
 */

/* The view of picture `kept` of a match is given to one that begins with picture `first`. Counts
 * the pictures of two seconds whose view is told, and those of them where it is not the true one.
 */
static void begin_with(int seed, int kept, int first, size_t *told, size_t *wrong)
{
    struct football_world w;
    fov_football *football;
    fov_football_frame frame;
    fov_pitch_view view;
    char url[80];
    snprintf(url, sizeof url, "pattern:football?fps=10&size=960x540&seed=%d", seed);
    assert_true(football_world_open(&w, url, 10, (uint64_t)seed));
    for (int i = 0; i <= kept; i++)
        assert_true(football_world_next(&w));
    view = w.truth->view;
    football_world_close(&w);
    assert_true(football_world_open(&w, url, 10, (uint64_t)seed));
    const fov_football_params params = {.view = &view, .view_kept = true};
    assert_int_equal(fov_football_create(&football, &params, NULL), FOV_OK);
    for (int i = 0; i < first; i++)
        assert_true(football_world_next(&w));
    for (int i = 0; i < 20; i++) {
        assert_true(football_world_next(&w));
        w.input.seq = (uint64_t)i;
        w.input.time_s = i / 10.0;
        assert_int_equal(fov_football_update(football, &w.input, &frame, NULL), FOV_OK);
        *told += frame.view_known;
        *wrong += frame.view_known && football_view_distance(&w.truth->view, &frame.view) >= 5;
    }
    fov_football_destroy(&football);
    football_world_close(&w);
}

/* A camera that moves may look elsewhere by now: the lines say, and nothing is told before they do.
 */
static void a_kept_view_is_held_against_the_lines(void **state)
{
    (void)state;
    size_t same = 0, near = 0, far = 0, wrong = 0;
    for (int seed = 1; seed <= 5; seed++) {
        begin_with(seed, 40, 40, &same, &wrong);
        begin_with(seed, 40, 42, &near, &wrong);
        for (int first = 60; first <= 260; first += 40)
            begin_with(seed, 40, first, &far, &wrong);
    }
    print_message(
        "kept views told: same picture %zu of 100, 0.2 s on %zu of 100, later %zu of 600\n", same,
        near, far);
    assert_int_equal(wrong, 0);
    assert_true(same >= 80);
}

/* ---- figures ----------------------------------------------------------------------------------
 */

/* What is told of people is what fov_match says of them, and near to the truth. */
static void figures_are_told(void **state)
{
    (void)state;
    struct football_world w;
    fov_football *football;
    fov_football_frame frame;
    double error2 = 0, possession = 0, owned[2] = {0};
    int had = 0, lighter = 0; /* who had the ball last; votes for team 0 being the first side */
    size_t speeds = 0, late = 0;
    assert_true(football_world_open(&w, "pattern:football?fps=25&size=960x540", 25, 3));
    w.clean = true;
    assert_int_equal(fov_football_create(&football, NULL, NULL), FOV_OK);
    for (int i = 0; i < 500; i++) {
        double speed[FOOTBALL_PEOPLE + 1];
        assert_true(football_world_next(&w));
        w.input.found = &w.truth->view;
        w.input.motion = &w.truth->motion;
        assert_int_equal(fov_football_update(football, &w.input, &frame, NULL), FOV_OK);
        assert_true(fabs(frame.time_s - i / 25.0) < 1e-6);
        late += frame.late.count;
        had = w.truth->ball.owner ? w.truth->ball.owner : had;
        if (had)
            owned[w.truth->people[had - 1].team]++;
        for (int k = 0; k < FOOTBALL_PEOPLE; k++)
            speed[w.truth->people[k].id] = hypot(w.truth->people[k].vx_mps,
                                                 w.truth->people[k].vy_mps);
        for (size_t k = 0; i > 50 && k < frame.count; k++) {
            const fov_football_person *p = &frame.people[k];
            const struct football_person *t = football_world_who(&w, p->x1, p->y1, p->x2, p->y2);
            if (!t || p->speed_mps <= 0)
                continue;
            if (t->role == FOOTBALL_FIELD && p->side != FOV_TEAM_UNKNOWN)
                lighter += (p->side == FOV_TEAM_FIRST) == (t->team == 0) ? 1 : -1;
            error2 += (p->speed_mps - speed[t->id]) * (p->speed_mps - speed[t->id]);
            speeds++;
        }
    }
    fov_balls rest;
    fov_football_settle(football, &rest);
    assert_int_equal(late + rest.count, 500);
    fov_match_person people[64];
    assert_true(fov_match_people(fov_football_match(football), people, 64) >= 10);
    /* half a second late: as far off as people change their speed in that time */
    assert_true(speeds > 1000 && sqrt(error2 / (double)speeds) < 1);
    for (int k = 0; k < 2; k++) {
        assert_true(frame.sides[k].color_known);
        assert_true(frame.sides[k].figures.distance_m > 300);
        possession += frame.sides[k].figures.ball_share;
    }
    assert_true(fabs(possession - 1) < 1e-9);
    double truth = owned[lighter < 0] / (owned[0] + owned[1]);
    print_message("possession of the first side %.3f, in truth %.3f\n",
                  frame.sides[0].figures.ball_share, truth);
    assert_true(fabs(frame.sides[0].figures.ball_share - truth) < 0.1);
    assert_string_equal(frame.sides[0].name, "first");
    assert_string_equal(frame.sides[1].name, "second");
    fov_football_destroy(&football);
    football_world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_match_with_a_view),
        cmocka_unit_test(a_match_with_found_views),
        cmocka_unit_test(a_match_with_a_view_set_once),
        cmocka_unit_test(a_match_without_a_view),
        cmocka_unit_test(a_match_without_pictures),
        cmocka_unit_test(after_a_cut_no_view_is_wrong),
        cmocka_unit_test(a_kept_view_is_held_against_the_lines),
        cmocka_unit_test(figures_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
