/* Figures of a match against simple movements and simulated matches whose truth is known. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../alloc_count.h"
#include "../random_numbers.h"
#include "base/plane.h"
#include "media/football_camera.h"
#include "scene/match_parts.h"

static fov_match *make(const fov_match_params *params)
{
    fov_match *m;
    fov_error error = {0};
    if (fov_match_create(&m, params, &error))
        fail_msg("%s", error.message);
    return m;
}

static fov_match_person person(const fov_match *m, int32_t id)
{
    fov_match_person people[256];
    size_t count = fov_match_people(m, people, 256);
    for (size_t i = 0; i < count; i++)
        if (people[i].id == id)
            return people[i];
    fail_msg("no person %d", (int)id);
    return (fov_match_person){0};
}

static void see_one(fov_match *m, double time_s, int32_t id, int team, double x, double y)
{
    fov_match_spot spot = {id, team, x, y};
    assert_int_equal(fov_match_update(m, time_s, &spot, 1, NULL, NULL), FOV_OK);
}

/* ---- what is refused --------------------------------------------------------------------------
 */

static void test_bad_params(void **state)
{
    (void)state;
    static const struct {
        fov_match_params params;
        const char *word;
    } cases[] = {{{.max_people = -1}, "max_people"},
                 {{.max_people = 1025}, "max_people"},
                 {{.window_s = 0.05}, "window_s"},
                 {{.window_s = NAN}, "window_s"},
                 {{.gap_s = -1}, "gap_s"},
                 {{.gap_s = 11}, "gap_s"},
                 {{.limit_mps = INFINITY}, "limit_mps"},
                 {{.sprint_mps = 0.1}, "sprint_mps"},
                 {{.sprint_s = 100}, "sprint_s"},
                 {{.reach_m = -2}, "reach_m"},
                 {{.contact_s = NAN}, "contact_s"},
                 {{.free_ball_s = 61}, "free_ball_s"},
                 {{.pitch = {5, 68}}, "pitch length"},
                 {{.pitch = {105, 1e9}}, "pitch width"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fov_match *m = (fov_match *)1;
        fov_error error = {0};
        assert_int_equal(fov_match_create(&m, &cases[i].params, &error), FOV_EINVAL);
        assert_null(m);
        assert_non_null(strstr(error.message, cases[i].word));
    }
    fov_match *m = make(NULL);
    fov_match_destroy(&m);
    assert_null(m);
    fov_match_destroy(&m);
}

static void test_bad_samples(void **state)
{
    (void)state;
    fov_match *m = make(NULL);
    fov_error error = {0};
    const fov_match_spot spots[] = {{0, 0, 1, 1},          {-4, 0, 1, 1},  {1, 0, NAN, 1},
                                    {2, 0, 1, INFINITY},   {3, 0, 126, 1}, {4, 0, 1, -21},
                                    {5, 0, 1e300, -1e300}, {6, 7, 3, 3},   {6, 0, 9, 9}};
    assert_int_equal(fov_match_update(m, 1, spots, 9, (double[2]){NAN, 1}, &error), FOV_OK);
    assert_int_equal(fov_match_left_out(m), 8); /* 6 is taken once */
    assert_int_equal(fov_match_people(m, NULL, 0), 1);
    assert_int_equal(person(m, 6).team, -1);
    static const double times[] = {1, 0.5, NAN, -INFINITY};
    for (int i = 0; i < 4; i++)
        assert_int_equal(fov_match_update(m, times[i], NULL, 0, NULL, &error), FOV_EINVAL);
    assert_non_null(strstr(error.message, "not later"));
    fov_match_team team;
    fov_match_heat heat;
    assert_int_equal(fov_match_get_team(m, 2, &team), FOV_EINVAL);
    assert_int_equal(fov_match_get_team(m, -1, &team), FOV_EINVAL);
    assert_int_equal(fov_match_get_heat(m, 77, &heat), FOV_ENOTFOUND);
    assert_int_equal(fov_match_get_heat(m, 0, &heat), FOV_ENOTFOUND);
    assert_int_equal(fov_match_get_team_heat(m, -1, &heat), FOV_EINVAL);
    assert_int_equal(fov_match_get_team_heat(m, 2, &heat), FOV_EINVAL);
    assert_null(heat.seconds);
    fov_match_reset(m);
    assert_int_equal(fov_match_people(m, NULL, 0), 0);
    assert_int_equal(fov_match_update(m, 0.5, NULL, 0, NULL, &error), FOV_OK);
    fov_match_destroy(&m);
}

/* ---- figures of simple movements --------------------------------------------------------------
 */

static void test_a_sprint(void **state)
{
    (void)state;
    fov_match *m = make(NULL);
    double x = 10;
    for (int i = 0; i <= 500; i++) { /* 8 s at 4 m/s, 4 s at 8 m/s, 8 s at 0 */
        double t = i / 25.0;
        see_one(m, 100 + t, 3, 1, x, 20);
        x += (t < 8 ? 4 : t < 12 ? 8 : 0) / 25.0;
    }
    fov_match_settle(m);
    fov_match_person p = person(m, 3);
    assert_int_equal(p.sprints, 1);
    assert_true(fabs(p.distance_m - 64) < 0.7);
    assert_true(fabs(p.seen_s - 20) < 1e-6);
    assert_true(p.sprint_m > 26 && p.sprint_m < 32); /* the ends are smoothed away */
    assert_true(p.top_mps > 8 && p.top_mps < 9);
    assert_true(p.speed_mps < 0.05);
    fov_match_team team;
    assert_int_equal(fov_match_get_team(m, 1, &team), FOV_OK);
    assert_true(fabs(team.distance_m - p.distance_m) < 1e-9 && team.sprints == 1);
    fov_match_destroy(&m);
}

/* Metres of a minute as told of somebody who goes around in a circle, 0: stands; the jitter is
 * twice as large along the line of sight. */
static double told_way(double fps, double radius_m, double speed_mps)
{
    fov_match *m = make(NULL);
    uint64_t random = 7;
    for (int i = 0; i <= 60 * fps; i++) {
        double angle = radius_m > 0 ? speed_mps * i / fps / radius_m : 0;
        double across_m = 0.1 * random_normal(&random), along_m = 0.2 * random_normal(&random);
        see_one(m, i / fps, 1, 0, 52 + radius_m * cos(angle) + across_m,
                34 + radius_m * sin(angle) + along_m);
    }
    fov_match_settle(m);
    double told_m = person(m, 1).distance_m;
    fov_match_destroy(&m);
    return told_m;
}

/* Who stands does not walk, and who sprints loses nothing. */
static void test_jitter_is_no_way(void **state)
{
    (void)state;
    static const double rates[] = {10, 25, 50};
    for (int i = 0; i < 3; i++) {
        double stands_m = told_way(rates[i], 0, 0);
        double walks = told_way(rates[i], 15, 1.4) / 84, sprints = told_way(rates[i], 20, 8) / 480;
        print_message("%g fps: %.1f m standing, walking %+.2f %%, sprinting %+.2f %%\n", rates[i],
                      stands_m, 100 * walks - 100, 100 * sprints - 100);
        assert_true(stands_m < 40000000000);
        assert_true(fabs(walks - 1) < 0.02);
        assert_true(fabs(sprints - 1) < 0.005);
    }
}

/* 0.8 s of it is none; neither are two of 0.7 s. */
static void test_no_sprint(void **state)
{
    (void)state;
    fov_match *m = make(&(fov_match_params){.window_s = 0.2});
    double x = 10;
    for (int i = 0; i <= 500; i++) {
        double t = i / 50.0;
        see_one(m, t, 3, 1, x, 20);
        x += ((t > 2 && t < 2.7) || (t > 5 && t < 5.7) ? 8 : 2) / 50.0;
    }
    fov_match_settle(m);
    assert_int_equal(person(m, 3).sprints, 0);
    assert_true(person(m, 3).sprint_m == 0);
    fov_match_destroy(&m);
}

/* Out of sight nothing is counted; a leap is another person under the same name. */
static void test_gaps_and_leaps(void **state)
{
    (void)state;
    fov_match *m = make(NULL);
    double t = 0;
    for (int i = 0; i < 100; i++, t += 0.04)
        see_one(m, t, 1, 0, 10 + t * 2, 30);
    double first_m = 2 * (t - 0.04);
    t += 5;
    for (int i = 0; i < 100; i++, t += 0.04)
        see_one(m, t, 1, 0, 60, 30);
    for (int i = 0; i < 100; i++, t += 0.04)
        see_one(m, t, 1, 0, 20, 30);
    fov_match_settle(m);
    fov_match_person p = person(m, 1);
    assert_true(fabs(p.distance_m - first_m) < 1e-6);
    assert_true(fabs(p.seen_s - 3 * 0.04 * 99) < 1e-6);
    assert_true(p.top_mps < 2.01);
    fov_match_heat heat;
    assert_int_equal(fov_match_get_heat(m, 1, &heat), FOV_OK);
    assert_int_equal(heat.columns, 105);
    assert_int_equal(heat.rows, 68);
    double sum = 0;
    for (int i = 0; i < 105 * 68; i++)
        sum += heat.seconds[i];
    assert_true(fabs(sum - p.seen_s) < 1e-4);
    assert_true(fabs(heat.seconds[30 * 105 + 60] - 3.96) < 1e-4);
    assert_true(fabs(heat.seconds[30 * 105 + 20] - 3.96) < 1e-4);
    assert_int_equal(fov_match_get_team_heat(m, 0, &heat), FOV_OK);
    assert_true(fabs(heat.seconds[30 * 105 + 60] - 3.96) < 1e-4);
    assert_int_equal(fov_match_get_team_heat(m, 1, &heat), FOV_OK);
    assert_true(heat.seconds[30 * 105 + 60] == 0);
    fov_match_destroy(&m);
}

/* Nobody runs 20 m/s, whatever the boxes say. */
static void test_the_limit(void **state)
{
    (void)state;
    fov_match *m = make(NULL);
    for (int i = 0; i < 100; i++)
        see_one(m, i / 25.0, 1, 0, 10 + i * 0.8, 30);
    fov_match_settle(m);
    assert_true(person(m, 1).top_mps <= 12);
    assert_true(person(m, 1).distance_m <= 12 * 99 / 25.0 + 1e-9);
    fov_match_destroy(&m);
}

/* Names that were lost give their places up, those of people in sight stay. */
static void test_full(void **state)
{
    (void)state;
    fov_match *m = make(&(fov_match_params){.max_people = 4});
    int32_t next = 100;
    for (int i = 0; i < 1000; i++) {
        fov_match_spot spots[4] = {
            {1, 0, 10, 10}, {2, 1, 20, 20}, {next, -1, 40, 40}, {next + 1, -1, 50, 50}};
        assert_int_equal(fov_match_update(m, i / 25.0, spots, i % 100 < 60 ? 4 : 2, NULL, NULL),
                         FOV_OK);
        next += i % 100 == 99 ? 2 : 0;
    }
    assert_int_equal(fov_match_people(m, NULL, 0), 4);
    assert_int_equal(fov_match_left_out(m), 0);
    fov_match_settle(m);
    assert_true(fabs(person(m, 1).seen_s - 39.96) < 1e-6);
    assert_true(fabs(person(m, 2).seen_s - 39.96) < 1e-6);
    /* a fifth one at the same time has no place */
    fov_match_spot five[5] = {{1, 0, 1, 1}, {2, 0, 1, 1}, {3, 0, 1, 1}, {4, 0, 1, 1}, {5, 0, 1, 1}};
    assert_int_equal(fov_match_update(m, 100, five, 5, NULL, NULL), FOV_OK);
    assert_int_equal(fov_match_left_out(m), 1);
    fov_match_destroy(&m);
}

/* ---- the ball --------------------------------------------------------------------------------
 */

struct stage {
    double until_s;
    double distance[3]; /* of three people from the ball, m; 99: not seen */
    bool ball_seen;
    int team, id; /* at the end of it */
};

static void test_who_has_the_ball(void **state)
{
    (void)state;
    /* 1 and 2 are of team 0, 3 of team 1 */
    static const struct stage stages[] = {
        {0.2, {0.5, 5, 9}, true, -1, 0}, /* not yet */
        {0.4, {0.5, 5, 9}, true, 0, 1},
        {0.6, {4, 4, 1.4}, true, 0, 0},  /* an opponent comes near */
        {0.68, {1, 4, 1.2}, true, 0, 1}, /* and loses against the first */
        {2, {4, 4, 3}, true, 0, 0},      /* on its way: still team 0's */
        {2.6, {9, 9, 0.3}, true, 1, 3},
        {3.6, {9, 9, 0.3}, false, 1, 0}, /* nobody sees the ball */
        {4.2, {0.4, 0.9, 9}, true, 0, 1},
        {4.6, {0.9, 0.4, 9}, true, 0, 2}, /* within the team */
        {10, {9, 9, 9}, true, -1, 0},     /* a loose ball is nobody's after 4 s */
    };
    fov_match *m = make(NULL);
    const double ball[2] = {50, 30};
    double t = 0;
    for (size_t s = 0; s < sizeof stages / sizeof *stages; s++) {
        for (; t < stages[s].until_s - 1e-9; t += 0.04) {
            fov_match_spot spots[3];
            for (int i = 0; i < 3; i++)
                spots[i] = (fov_match_spot){i + 1, i == 2, 50 + stages[s].distance[i], 30};
            assert_int_equal(
                fov_match_update(m, t, spots, 3, stages[s].ball_seen ? ball : NULL, NULL), FOV_OK);
        }
        fov_match_ball now = fov_match_get_ball(m);
        if (now.team != stages[s].team)
            fail_msg("stage %d: team %d", (int)s, now.team);
        if (stages[s].id && now.id != stages[s].id)
            fail_msg("stage %d: id %d", (int)s, now.id);
    }
    fov_match_team teams[2];
    for (int k = 0; k < 2; k++)
        fov_match_get_team(m, k, &teams[k]);
    assert_true(fabs(teams[0].ball_s - (2.28 - 0.32 + 4.6 + 4 - 3.9)) < 0.3);
    assert_true(fabs(teams[1].ball_s - 1.6) < 0.2);
    assert_true(fabs(teams[0].ball_share + teams[1].ball_share - 1) < 1e-9);
    fov_match_destroy(&m);
}

/* ---- simulated matches ------------------------------------------------------------------------
 */

enum { STEPS = 6001, NAMES = 100, NAMES_MAX = 8 * NAMES };

/* Truth of a match at 50 steps a second, and a camera on it. */
struct world {
    struct play play;
    struct camera_hand hand;
    struct camera camera;
    double (*at)[FOOTBALL_PEOPLE][2];
    double (*speed)[FOOTBALL_PEOPLE];
    double *path[FOOTBALL_PEOPLE]; /* metres run up to a step */
    int owner_team, steps_owned[2];
    double rename_s; /* so often all tracks are lost and found again under other names; 0: never */
};

/* What was compared so far. */
struct errors {
    double place2, speed2, told_m, true_m, worst;
    long count;
};

/* One look at a person: px with the jitter of a detector's box, back to the ground by a map with
 * the jitter of a calibration. False: out of the picture, or missed. */
static bool look(struct world *w, const struct camera *believed, int i, double found[2])
{
    double map[9], back[9], px[2], h;
    const double o[3] = {0, 0, 0}, x[3] = {1, 0, 0}, y[3] = {0, 1, 0};
    const double *at = w->play.people[i].at;
    camera_plane(&w->camera, o, x, y, map);
    camera_plane(believed, o, x, y, back);
    assert_true(plane_invert(back, back));
    if (camera_depth(&w->camera, (double[3]){at[0], at[1], 0}) < 2)
        return false;
    assert_true(plane_apply(map, at, px));
    h = 1.8 * w->camera.view.focal_px / camera_depth(&w->camera, (double[3]){at[0], at[1], 0.9});
    bool inside = px[0] > 10 && px[0] < 1910 && px[1] > h + 10 && px[1] < 1070;
    px[0] += 0.035 * 0.36 * h * play_normal(&w->play);
    px[1] += 0.018 * h * play_normal(&w->play);
    return inside && play_random(&w->play) > 0.03 && plane_apply(back, px, found);
}

static struct camera believed_camera(struct world *w)
{
    struct camera c;
    struct football_view view = w->camera.view;
    view.pan += 3e-4 * play_normal(&w->play);
    view.tilt += 3e-4 * play_normal(&w->play);
    view.focal_px *= 1 + 0.002 * play_normal(&w->play);
    camera_point(&c, &view);
    return c;
}

static void remember(struct world *w, int step)
{
    for (int i = 0; i < FOOTBALL_PEOPLE; i++) {
        const struct play_person *p = &w->play.people[i];
        memcpy(w->at[step][i], p->at, sizeof p->at);
        w->speed[step][i] = hypot(p->speed[0], p->speed[1]);
        double moved = step ? hypot(p->at[0] - w->at[step - 1][i][0],
                                    p->at[1] - w->at[step - 1][i][1])
                            : 0;
        w->path[i][step] = (step ? w->path[i][step - 1] : 0) + moved;
    }
    if (w->play.owner >= 0)
        w->owner_team = play_team(w->play.owner);
    if (w->owner_team >= 0 && w->play.phase == PLAY_ON)
        w->steps_owned[w->owner_team]++;
}

static void compare(const struct world *w, const fov_match_person *p, fov_match_person *before,
                    struct errors *e)
{
    int i = (p->id - 1) % NAMES, step = (int)lround(p->time_s / PLAY_STEP_S);
    if (p->time_s <= before->time_s || p->seen_s == 0)
        return;
    double off = hypot(p->x - w->at[step][i][0], p->y - w->at[step][i][1]);
    double wrong = p->speed_mps - w->speed[step][i];
    e->place2 += off * off;
    e->speed2 += wrong * wrong;
    e->worst = fmax(e->worst, off);
    e->count++;
    if (p->seen_s > before->seen_s) { /* the run goes on: the truth over the same time */
        int since = (int)lround((p->time_s - (p->seen_s - before->seen_s)) / PLAY_STEP_S);
        e->told_m += p->distance_m - before->distance_m;
        e->true_m += w->path[i][step] - w->path[i][since];
    }
    *before = *p;
}

static void take_frame(struct world *w, fov_match *m, double time_s)
{
    fov_match_spot spots[FOOTBALL_PEOPLE];
    size_t seen = 0;
    int names = w->rename_s > 0 ? (int)(time_s / w->rename_s) * NAMES : 0;
    struct football_view view = camera_view(&w->hand, &w->hand, 1, time_s, 1, 1920, 1080);
    camera_point(&w->camera, &view);
    struct camera believed = believed_camera(w);
    for (int i = 0; i < FOOTBALL_PEOPLE; i++) {
        double found[2];
        if (look(w, &believed, i, found))
            spots[seen++] = (fov_match_spot){names + i + 1, play_team(i), found[0], found[1]};
    }
    double ball[2];
    for (int k = 0; k < 2; k++)
        ball[k] = w->play.ball[k] + 0.15 * play_normal(&w->play);
    bool ball_seen = w->play.ball[2] < 1 && play_random(&w->play) < 0.8;
    assert_int_equal(fov_match_update(m, time_s, spots, seen, ball_seen ? ball : NULL, NULL),
                     FOV_OK);
}

/* Two minutes at `every` steps a frame; one frame in twenty is dropped. */
static void play_match(struct world *w, fov_match *m, uint64_t seed, int every, struct errors *e)
{
    static fov_match_person before[NAMES_MAX], people[256];
    struct play *p = &w->play;
    play_start(p, seed);
    football_camera_start(&w->hand, p);
    memset(before, 0, sizeof before);
    for (int i = 0; i < NAMES_MAX; i++)
        before[i].time_s = -1;
    for (int step = 0; step < STEPS; step++) {
        remember(w, step);
        if (step % every == 0 && play_random(p) > 0.05)
            take_frame(w, m, step * PLAY_STEP_S);
        size_t count = fov_match_people(m, people, 256);
        for (size_t i = 0; i < count && i < 256; i++)
            compare(w, &people[i], &before[people[i].id], e);
        play_step(p);
        camera_follow(&w->hand, p);
    }
}

static void simulate(uint64_t seed, int every, double rename_s)
{
    struct world w = {.owner_team = -1, .rename_s = rename_s};
    struct errors e = {0};
    w.at = calloc(STEPS, sizeof *w.at);
    w.speed = calloc(STEPS, sizeof *w.speed);
    for (int i = 0; i < FOOTBALL_PEOPLE; i++)
        w.path[i] = calloc(STEPS, sizeof(double));
    fov_match *m = make(&(fov_match_params){.max_people = 256});
    play_match(&w, m, seed, every, &e);
    double place = sqrt(e.place2 / (double)e.count), speed = sqrt(e.speed2 / (double)e.count);
    double distance = 100 * (e.told_m / e.true_m - 1);
    fov_match_team team;
    fov_match_get_team(m, 0, &team);
    double share = (double)w.steps_owned[0] / (w.steps_owned[0] + w.steps_owned[1]);
    print_message(
        "seed %d, %d fps, %zu names: %ld places, RMSE %.3f m, %.3f m/s, distance %+.2f %%, worst "
        "%.2f m; possession %.0f %% (truth %.0f %%)\n",
        (int)seed, 50 / every, fov_match_people(m, NULL, 0), e.count, place, speed, distance,
        e.worst, 100 * team.ball_share, 100 * share);
    assert_true(e.count > 20000 / every);
    assert_true(place <= 0.5);
    assert_true(speed <= 0.5);
    assert_true(fabs(distance) <= 0.8);
    assert_true(fabs(team.ball_share - share) < 0.1);
    fov_match_destroy(&m);
    free(w.at);
    free(w.speed);
    for (int i = 0; i < FOOTBALL_PEOPLE; i++)
        free(w.path[i]);
}

static void test_simulated_matches(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 3; seed++)
        for (int every = 2; every <= 5; every += 3)
            simulate(seed, every, 0);
    for (int every = 2; every <= 5; every += 3)
        simulate(4, every, 17);
}

static void test_no_allocation(void **state)
{
    (void)state;
    if (!alloc_count_works())
        skip();
    fov_match *m = make(NULL);
    uint64_t before = alloc_count_thread();
    for (int i = 0; i < 500; i++) {
        fov_match_spot spots[30];
        for (int k = 0; k < 30; k++)
            spots[k] = (fov_match_spot){k + 1 + i / 100, k % 2, 2.0 * k + i * 0.01, k};
        fov_match_update(m, i * 0.04, spots, 30, (double[2]){10, 10}, NULL);
    }
    assert_int_equal(alloc_count_thread() - before, 0);
    fov_match_destroy(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bad_params),       cmocka_unit_test(test_bad_samples),
        cmocka_unit_test(test_a_sprint),         cmocka_unit_test(test_jitter_is_no_way),
        cmocka_unit_test(test_no_sprint),        cmocka_unit_test(test_gaps_and_leaps),
        cmocka_unit_test(test_the_limit),        cmocka_unit_test(test_full),
        cmocka_unit_test(test_who_has_the_ball), cmocka_unit_test(test_simulated_matches),
        cmocka_unit_test(test_no_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
