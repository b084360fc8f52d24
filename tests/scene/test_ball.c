/* The ball's tracker as callers see it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../alloc_count.h"
#include "ball_score.h"

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

/* Bit for bit, but for what lies between the members. */
static void assert_same(const fov_ball *a, const fov_ball *b)
{
    assert_true(a->state == b->state && a->x == b->x && a->y == b->y && a->vx == b->vx &&
                a->vy == b->vy);
    assert_true(a->confidence == b->confidence && a->error_px == b->error_px &&
                a->detection == b->detection);
    assert_true(a->height == b->height && a->pitch_x == b->pitch_x && a->pitch_y == b->pitch_y);
}

static fov_ball_tracker *make(const fov_ball_params *params)
{
    fov_ball_tracker *tracker;
    assert_int_equal(fov_ball_create(&tracker, params, NULL), FOV_OK);
    return tracker;
}

/* ---- goals ----------------------------------------------------------------------------------- */

static void finds_the_ball_at_both_rates(void **state)
{
    (void)state;
    static const double rates[] = {10, 25};
    for (int r = 0; r < 2; r++) {
        struct ball_score scores[BALL_METHODS] = {{0}};
        for (unsigned seed = 11; seed < 17; seed++) {
            struct ball_world world = {seed, rates[r], 60, 1 + 0.35 * (seed % 3), 0, 0};
            size_t count;
            struct ball_frame_truth *frames = ball_world_make(&world, &count);
            assert_non_null(frames);
            for (int m = 0; m < BALL_METHODS; m++)
                ball_score_run((enum ball_method)m, NULL, true, frames, count, &scores[m]);
            free(frames);
        }
        for (int m = BALL_NOW; m < BALL_METHODS; m++) {
            assert_true(ball_score_near(&scores[m]) >= 89);
            assert_true(ball_score_wrong(&scores[m]) <= 6);
            assert_true(ball_score_near(&scores[m]) > ball_score_near(&scores[BALL_CENTROID]) + 10);
            /* Never blindly on the ground: of those high up few are said to roll. */
            assert_true(scores[m].air > 100);
            assert_true(scores[m].air_as_ground * 12 < scores[m].air);
            assert_true(scores[m].ground_as_air * 12 < scores[m].ground);
            assert_true(scores[m].ground_as_ground * 2 > scores[m].ground);
            assert_true(scores[m].place_m < 0.5 * (double)scores[m].placed);
        }
        assert_true(ball_score_near(&scores[BALL_LATE]) > ball_score_near(&scores[BALL_NOW]));
    }
}

static void looks_where_the_ball_is(void **state)
{
    (void)state;
    struct ball_world world = {3, 25, 60, 1.35, 0, 0};
    struct ball_cover cover = {0};
    size_t count;
    struct ball_frame_truth *frames = ball_world_make(&world, &count);
    assert_non_null(frames);
    ball_score_cover(NULL, frames, count, &cover);
    free(frames);
    assert_true((double)cover.covered >= 0.97 * (double)cover.visible);
    assert_true(cover.area < 0.65 * (double)cover.frames);
}

/* ---- behaviour ------------------------------------------------------------------------------- */

static void a_hole_is_coasted_over_and_filled_later(void **state)
{
    (void)state;
    fov_ball_tracker *tracker = make(NULL);
    fov_balls late;
    int told = 0, filled = 0;
    for (int i = 0; i < 40; i++) {
        bool hole = i >= 20 && i < 24;
        float x = 200 + 20.0f * (float)i;
        fov_ball ball = put(tracker, i * 0.04, hole ? -1 : x, 500, NULL, &late);
        if (i >= 2) {
            assert_int_equal(ball.state, hole ? FOV_BALL_COASTING : FOV_BALL_SEEN);
            assert_true(fabsf(ball.x - x) < 5);
            assert_int_equal(ball.detection, hole ? -1 : 0);
        }
        for (size_t k = 0; k < late.count; k++, told++) {
            const fov_ball *l = &late.items[k];
            assert_true(fabs(l->time_s - told * 0.04) < 1e-9);
            assert_true(l->time_s <= i * 0.04 - 0.5 + 1e-9);
            assert_true(fabs((double)l->x - (200 + 20.0 * told)) < 3);
            bool was_hole = told >= 20 && told < 24;
            assert_int_equal(l->state, was_hole ? FOV_BALL_INTERPOLATED : FOV_BALL_SEEN);
            filled += was_hole;
        }
    }
    assert_int_equal(filled, 4);
    fov_ball_flush(tracker, &late);
    assert_int_equal(told + (int)late.count, 40);
    fov_ball_flush(tracker, &late);
    assert_int_equal(late.count, 0);
    fov_ball_destroy(&tracker);
    assert_null(tracker);
}

/* The picture turns by 40 px a frame; without the motion the ball would seem to run. */
static void the_camera_moves_and_the_ball_does_not(void **state)
{
    (void)state;
    fov_motion motion = {.kind = FOV_MOTION_SIMILARITY, .map = {1, 0, -40, 0, 1, 0, 0, 0, 1}};
    fov_ball_tracker *tracker = make(NULL);
    fov_balls late;
    fov_ball ball = {0};
    for (int i = 0; i < 30; i++) {
        bool hole = i % 5 == 4;
        float x = 1800 - 40.0f * (float)i;
        ball = put(tracker, i * 0.1, hole ? -1 : x, 500, &motion, &late);
        if (i >= 4)
            assert_true(ball.state != FOV_BALL_NONE && fabsf(ball.x - x) < 4);
        for (size_t k = 0; k < late.count; k++)
            assert_true(fabs((double)late.items[k].x - (1800 - 400 * late.items[k].time_s)) < 4);
    }
    assert_true(fabsf(ball.vx) < 30 && fabsf(ball.vy) < 30);
    fov_ball_destroy(&tracker);
}

/* ---- what stands still ----------------------------------------------------------------------- */

/* Puts the same place for some seconds, shaken by up to 2 px, one picture in four without it; how
 * long it was told. */
static double told_s(fov_ball_tracker *tracker, double from_s, double to_s, float x, float y)
{
    double told = 0;
    for (double t = from_s; t < to_s - 1e-9; t += 0.04) {
        int i = (int)lround(t * 25);
        bool hole = i % 4 == 3;
        float shake = (float)(i * 7 % 5) - 2;
        told += put(tracker, t, hole ? -1 : x + shake, y - shake, NULL, NULL).state ? 0.04 : 0;
    }
    return told;
}

/* A bag: told for 3 s, less surely all the time, then no more, also after a break of 5 s. */
static void what_never_moved_is_no_ball(void **state)
{
    (void)state;
    fov_ball_tracker *tracker = make(NULL);
    float before = 2;
    for (int i = 0; i < 60; i += 10) {
        told_s(tracker, i * 0.04, (i + 9) * 0.04, 700, 400);
        fov_ball ball = put(tracker, (i + 9) * 0.04, 700, 400, NULL, NULL);
        assert_true(ball.state == FOV_BALL_SEEN && ball.confidence < before);
        before = ball.confidence;
    }
    assert_true(told_s(tracker, 2.4, 30, 700, 400) < 0.8);
    for (int i = 750; i < 875; i++)
        put(tracker, i * 0.04, -1, 0, NULL, NULL);
    assert_true(told_s(tracker, 35, 45, 700, 400) < 0.2);
    fov_ball_destroy(&tracker);
}

/* To and fro between two bags is no moving. */
static void two_bags_are_no_ball(void **state)
{
    (void)state;
    fov_ball_tracker *tracker = make(NULL);
    double told = 0;
    for (int i = 0; i < 500; i++) {
        float x = i / 13 % 2 ? 760 : 700;
        told += put(tracker, i * 0.04, x, 400, NULL, NULL).state && i > 250 ? 0.04 : 0;
    }
    assert_true(told < 0.2);
    fov_ball_destroy(&tracker);
}

/* A free kick: it rolls there, lies for 30 s, is lost for 2 s meanwhile, and is shot. A bag that is
 * seen more surely is in sight all the time. */
static void a_ball_that_came_may_rest(void **state)
{
    (void)state;
    fov_ball_tracker *tracker = make(NULL);
    int right = 0, pictures = 0, bag = 0;
    for (int i = 0; i < 1000; i++) {
        bool rolls = i < 75, lost = i >= 400 && i < 450, shot = i >= 900;
        float x = rolls ? 200 + 8.0f * (float)i : shot ? 800 + 15.0f * (float)(i - 900) : 800;
        fov_detection items[] = {{.x1 = 1500, .y1 = 100, .x2 = 1512, .y2 = 112, .score = 0.8f},
                                 {.x1 = x - 6, .y1 = 594, .x2 = x + 6, .y2 = 606, .score = 0.6f}};
        fov_detections detections = {items, lost ? 1 : 2, 2, NULL};
        fov_ball_input input = {
            .time_s = i * 0.04, .width = 1920, .height = 1080, .detections = &detections};
        fov_ball ball;
        assert_int_equal(fov_ball_update(tracker, &input, &ball, NULL, NULL), FOV_OK);
        bag += i >= 100 && ball.detection == 0;
        pictures += i >= 100 && !lost;
        right += i >= 100 && !lost && ball.detection == 1 && fabsf(ball.x - x) < 12;
    }
    assert_true(bag < 10);
    if (right < pictures - 25)
        fail_msg("told in %d of %d pictures", right, pictures);
    fov_ball_destroy(&tracker);
}

static void thoughts_end_after_a_while(void **state)
{
    (void)state;
    fov_ball_tracker *tracker = make(NULL);
    fov_balls late;
    for (int i = 0; i < 20; i++)
        put(tracker, i * 0.04, 500, 500, NULL, &late);
    fov_ball ball = {.state = FOV_BALL_SEEN};
    int coasted = 0;
    for (int i = 20; i < 60; i++) {
        ball = put(tracker, i * 0.04, -1, 0, NULL, &late);
        coasted += ball.state == FOV_BALL_COASTING;
    }
    assert_int_equal(ball.state, FOV_BALL_NONE);
    assert_in_range(coasted, 3, 25);
    fov_ball_destroy(&tracker);
}

/* Steady clutter elsewhere with lower scores does not take the ball's place. */
static void the_likelier_of_two_is_told(void **state)
{
    (void)state;
    fov_ball_tracker *tracker = make(NULL);
    for (int i = 0; i < 50; i++) {
        fov_detection items[] = {{.x1 = 1500, .y1 = 100, .x2 = 1512, .y2 = 112, .score = 0.2f},
                                 {.x1 = 300 + 8.0f * (float)i,
                                  .y1 = 600,
                                  .x2 = 312 + 8.0f * (float)i,
                                  .y2 = 612,
                                  .score = 0.6f}};
        fov_detections detections = {items, 2, 2, NULL};
        fov_ball_input input = {
            .time_s = i * 0.04, .width = 1920, .height = 1080, .detections = &detections};
        fov_ball ball;
        assert_int_equal(fov_ball_update(tracker, &input, &ball, NULL, NULL), FOV_OK);
        if (i > 3)
            assert_int_equal(ball.detection, 1);
    }
    fov_ball_destroy(&tracker);
}

static void other_classes_do_not_count(void **state)
{
    (void)state;
    fov_ball_params params = {.class_id = 32};
    fov_ball_tracker *tracker = make(&params);
    for (int i = 0; i < 10; i++)
        assert_int_equal(put(tracker, i * 0.04, 500, 500, NULL, NULL).state, FOV_BALL_NONE);
    fov_ball_destroy(&tracker);
}

/* ---- where to look --------------------------------------------------------------------------- */

/* Every pixel of the picture is in a tile, every tile in the picture. */
static void assert_covers(const fov_ball_look *look, int width, int height)
{
    for (size_t i = 0; i < look->count; i++) {
        const fov_ball_region *r = &look->regions[i];
        assert_true(r->x >= 0 && r->y >= 0 && r->width > 0 && r->height > 0);
        assert_true(r->x + r->width <= width && r->y + r->height <= height);
    }
    for (int y = 0; y < height; y += 7)
        for (int x = 0; x < width; x += 7) {
            bool in = false;
            for (size_t i = 0; i < look->count; i++) {
                const fov_ball_region *r = &look->regions[i];
                in = in || (x >= r->x && x < r->x + r->width && y >= r->y && y < r->y + r->height);
            }
            assert_true(in);
        }
}

static void sweeps_cover_pictures_of_any_size(void **state)
{
    (void)state;
    static const int sizes[][2] = {{1920, 1080}, {320, 240},   {641, 640},
                                   {3840, 2160}, {7680, 4320}, {16384, 16384},
                                   {1, 1},       {16384, 2},   {0, 0}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        fov_ball_tracker *tracker = make(NULL);
        fov_ball_input input = {.width = sizes[i][0], .height = sizes[i][1]};
        fov_ball_look look;
        assert_int_equal(fov_ball_where(tracker, &input, &look, NULL), FOV_OK);
        assert_true(look.sweep && isnan(look.x));
        assert_in_range(look.count, 1, FOV_BALL_REGIONS_MAX);
        assert_covers(&look, sizes[i][0] ? sizes[i][0] : 1920, sizes[i][1] ? sizes[i][1] : 1080);
        fov_ball_destroy(&tracker);
    }
}

static void a_tile_follows_the_ball(void **state)
{
    (void)state;
    fov_ball_tracker *tracker = make(NULL);
    int sweeps = 0;
    for (int i = 0; i < 50; i++) {
        fov_ball_input input = {.time_s = i * 0.04, .width = 1920, .height = 1080};
        fov_ball_look look;
        float x = 400 + 20.0f * (float)i;
        assert_int_equal(fov_ball_where(tracker, &input, &look, NULL), FOV_OK);
        if (i >= 10) {
            sweeps += look.sweep;
            assert_true(fabsf(look.x - x) < 6 && fabsf(look.y - 500) < 6 &&
                        fabsf(look.size_px - 12) < 1);
            assert_true(look.sweep || look.count == 1);
            if (!look.sweep) {
                assert_int_equal(look.regions[0].width, 640);
                assert_true(fabsf((float)look.regions[0].x + 320 - x) < 8);
            }
        }
        put(tracker, i * 0.04, x, 500, NULL, NULL);
    }
    assert_int_equal(sweeps, 8); /* every fifth */
    fov_ball_destroy(&tracker);
}

/* ---- bad input ------------------------------------------------------------------------------- */

static void wrong_parameters_are_named(void **state)
{
    (void)state;
    static const struct {
        fov_ball_params params;
        const char *word;
    } rows[] = {
        {{.class_id = -2}, "class_id"},     {{.delay_s = -1}, "delay_s"},
        {{.delay_s = 3}, "delay_s"},        {{.delay_s = NAN}, "delay_s"},
        {{.gap_s = 2.5}, "gap_s"},          {{.coast_s = -0.1}, "coast_s"},
        {{.coast_s = INFINITY}, "coast_s"}, {{.tile_px = 63}, "tile_px"},
        {{.tile_px = 5000}, "tile_px"},     {{.overlap_px = 320}, "overlap"},
        {{.overlap_px = -1}, "overlap"},    {{.sweep_every = -1}, "sweep"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        fov_ball_tracker *tracker = (fov_ball_tracker *)1;
        fov_error error = {0};
        assert_int_equal(fov_ball_create(&tracker, &rows[i].params, &error), FOV_EINVAL);
        assert_null(tracker);
        assert_non_null(strstr(error.message, rows[i].word));
    }
}

static void bad_input_changes_nothing(void **state)
{
    (void)state;
    fov_motion motion = {.kind = FOV_MOTION_HOMOGRAPHY, .map = {1, 0, NAN, 0, 1, 0, 0, 0, 1}};
    fov_pitch_view view = {.map = {1, 0, 0, 0, INFINITY, 0, 0, 0, 1}};
    const fov_ball_input rows[] = {
        {.time_s = NAN, .width = 1920, .height = 1080},
        {.time_s = INFINITY, .width = 1920, .height = 1080},
        {.time_s = 1, .width = -1, .height = 1080},
        {.time_s = 1, .width = 1920, .height = 20000},
        {.time_s = 1, .width = 1920, .height = 1080, .motion = &motion},
        {.time_s = 1, .width = 1920, .height = 1080, .view = &view},
    };
    fov_ball_tracker *tracker = make(NULL), *other = make(NULL);
    for (int i = 0; i < 30; i++) {
        fov_error error = {0};
        fov_ball_look look;
        const fov_ball_input *bad = &rows[i % 6];
        assert_int_equal(fov_ball_update(tracker, bad, NULL, NULL, &error), FOV_EINVAL);
        assert_true(error.message[0] != '\0');
        assert_int_equal(fov_ball_where(tracker, bad, &look, &error), FOV_EINVAL);
        fov_ball a = put(tracker, i * 0.04, 500 + 3.0f * (float)i, 500, NULL, NULL);
        fov_ball b = put(other, i * 0.04, 500 + 3.0f * (float)i, 500, NULL, NULL);
        assert_same(&a, &b);
    }
    fov_ball_destroy(&tracker);
    fov_ball_destroy(&other);
    fov_ball_destroy(&other);
}

static void bad_boxes_are_left_out(void **state)
{
    (void)state;
    fov_detection items[] = {
        {.x1 = NAN, .y1 = 0, .x2 = 1, .y2 = 1, .score = 0.9f},
        {.x1 = 0, .y1 = 0, .x2 = INFINITY, .y2 = 1, .score = 0.9f},
        {.x1 = 10, .y1 = 0, .x2 = 5, .y2 = 1, .score = 0.9f},
        {.x1 = 10, .y1 = 5, .x2 = 12, .y2 = 1, .score = 0.9f},
        {.x1 = 10, .y1 = 5, .x2 = 12, .y2 = 8, .score = NAN},
        {.x1 = 10, .y1 = 5, .x2 = 12, .y2 = 8, .score = 7},
        {.x1 = 3e38f, .y1 = 5, .x2 = 3.1e38f, .y2 = 8, .score = 0.9f},
        {.x1 = 600, .y1 = 500, .x2 = 612, .y2 = 512, .score = 0.9f},
    };
    fov_detections detections = {items, 8, 8, NULL};
    fov_ball_tracker *tracker = make(NULL);
    fov_ball ball;
    for (int i = 0; i < 10; i++) {
        fov_ball_input input = {
            .time_s = i * 0.04, .width = 1920, .height = 1080, .detections = &detections};
        assert_int_equal(fov_ball_update(tracker, &input, &ball, NULL, NULL), FOV_OK);
    }
    assert_int_equal(ball.detection, 7);
    fov_ball_destroy(&tracker);
}

/* Clocks that stand still, go back, or leap; every picture is told late once, whatever they do. */
static void clocks_that_do_as_they_like(void **state)
{
    (void)state;
    static const double steps[] = {0.04, 0,     -0.5, 0.04, 100, 0.04,
                                   0.04, -1000, 0.04, 0.04, 4.9, 0.04};
    fov_ball_tracker *tracker = make(NULL);
    fov_balls late;
    double time_s = 50;
    size_t told = 0, count = 0;
    for (int i = 0; i < 600; i++, count++) {
        time_s += steps[i % 12];
        put(tracker, time_s, 500, 500, NULL, &late);
        told += late.count;
    }
    fov_ball_flush(tracker, &late);
    assert_int_equal(told + late.count, count);
    fov_ball_destroy(&tracker);
}

static void another_size_starts_anew(void **state)
{
    (void)state;
    fov_ball_tracker *tracker = make(NULL);
    fov_balls late;
    size_t told = 0;
    for (int i = 0; i < 20; i++) {
        put(tracker, i * 0.04, 900, 500, NULL, &late);
        told += late.count;
    }
    fov_ball_input input = {.time_s = 0.8, .width = 960, .height = 540};
    fov_ball_look look;
    fov_ball ball;
    assert_int_equal(fov_ball_where(tracker, &input, &look, NULL), FOV_OK);
    assert_true(look.sweep && isnan(look.x));
    assert_int_equal(fov_ball_update(tracker, &input, &ball, &late, NULL), FOV_OK);
    assert_int_equal(ball.state, FOV_BALL_NONE);
    assert_int_equal(told + late.count, 20);
    fov_ball_destroy(&tracker);
}

/* More pictures than are held: the oldest come out sooner. */
static void fast_cameras_lose_no_picture(void **state)
{
    (void)state;
    fov_ball_params params = {.delay_s = 2};
    fov_ball_tracker *tracker = make(&params);
    fov_balls late;
    size_t told = 0;
    for (int i = 0; i < 2000; i++) {
        put(tracker, i * 0.002, 500, 500, NULL, &late);
        for (size_t k = 0; k < late.count; k++, told++)
            assert_true(fabs(late.items[k].time_s - (double)told * 0.002) < 1e-9);
    }
    assert_true(told >= 2000 - 256);
    fov_ball_flush(tracker, &late);
    assert_int_equal(told + late.count, 2000);
    fov_ball_destroy(&tracker);
}

/* ---- cost ------------------------------------------------------------------------------------ */

static void the_same_input_gives_the_same_answer_without_memory(void **state)
{
    (void)state;
    struct ball_world world = {5, 25, 20, 1.35, 0, 2};
    size_t count;
    struct ball_frame_truth *frames = ball_world_make(&world, &count);
    fov_ball_tracker *a = make(NULL), *b = make(NULL);
    assert_non_null(frames);
    for (int round = 0; round < 2; round++) {
        uint64_t before = alloc_count_thread();
        for (size_t i = 0; i < count; i++) {
            struct ball_frame_truth *f = &frames[i];
            fov_detections detections = {f->items, f->count, f->count, NULL};
            fov_ball_input input = {.time_s = f->time_s + 1000 * round,
                                    .width = 1920,
                                    .height = 1080,
                                    .detections = &detections,
                                    .motion = &f->motion,
                                    .view = &f->view};
            fov_ball one, two;
            fov_balls late;
            fov_ball_look look;
            assert_int_equal(fov_ball_where(a, &input, &look, NULL), FOV_OK);
            assert_int_equal(fov_ball_update(a, &input, &one, &late, NULL), FOV_OK);
            assert_int_equal(fov_ball_update(b, &input, &two, NULL, NULL), FOV_OK);
            assert_same(&one, &two);
        }
        if (alloc_count_works())
            assert_int_equal(alloc_count_thread() - before, 0);
        fov_ball_reset(b);
    }
    fov_ball_destroy(&a);
    fov_ball_destroy(&b);
    free(frames);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_the_ball_at_both_rates),
        cmocka_unit_test(looks_where_the_ball_is),
        cmocka_unit_test(a_hole_is_coasted_over_and_filled_later),
        cmocka_unit_test(the_camera_moves_and_the_ball_does_not),
        cmocka_unit_test(what_never_moved_is_no_ball),
        cmocka_unit_test(two_bags_are_no_ball),
        cmocka_unit_test(a_ball_that_came_may_rest),
        cmocka_unit_test(thoughts_end_after_a_while),
        cmocka_unit_test(the_likelier_of_two_is_told),
        cmocka_unit_test(other_classes_do_not_count),
        cmocka_unit_test(sweeps_cover_pictures_of_any_size),
        cmocka_unit_test(a_tile_follows_the_ball),
        cmocka_unit_test(wrong_parameters_are_named),
        cmocka_unit_test(bad_input_changes_nothing),
        cmocka_unit_test(bad_boxes_are_left_out),
        cmocka_unit_test(clocks_that_do_as_they_like),
        cmocka_unit_test(another_size_starts_anew),
        cmocka_unit_test(fast_cameras_lose_no_picture),
        cmocka_unit_test(the_same_input_gives_the_same_answer_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
