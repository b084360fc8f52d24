/* A match drawn into pictures: colours of teams, what is lost, the radar's places, and that nothing
 * else is touched. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "canvas.h"
#include "media/draw_football.h"

enum { GREY = CANVAS_GREY, WIDTH = 1280, HEIGHT = 720 };

static bool is_grey(const fov_image *image, int x, int y)
{
    return rgb_at(image, x, y) == (GREY << 16 | GREY << 8 | GREY);
}

/* Pixels of a rectangle that were drawn on. */
static int drawn(const fov_image *image, int x1, int y1, int x2, int y2)
{
    int count = 0;
    for (int y = y1; y < y2; y++)
        for (int x = x1; x < x2; x++)
            count += !is_grey(image, x, y);
    return count;
}

/* A camera straight above: 10 px a metre, the near left corner at (100, 700). */
static const fov_pitch_view above = {.map = {10, 0, 100, 0, -10, 700, 0, 0, 1}};

static fov_football_frame frame_of(const fov_football_person *people, size_t count)
{
    return (fov_football_frame){
        .people = people,
        .count = count,
        .view_known = true,
        .view = above,
        .sides = {{"Reds", true, 0xC01818, {0}}, {"Blues", true, 0x2040C0, {0}}}};
}

static fov_football_person somebody(fov_team_side side, float x, double pitch_x)
{
    return (fov_football_person){.id = 7,
                                 .state = FOV_TRACK_ACTIVE,
                                 .side = side,
                                 .x1 = x,
                                 .y1 = 400,
                                 .x2 = x + 40,
                                 .y2 = 500,
                                 .score = 0.9f,
                                 .on_pitch = true,
                                 .x = pitch_x,
                                 .y = 34};
}

static void test_boxes_have_the_colours_of_their_teams(void **state)
{
    (void)state;
    static const fov_pixels formats[] = {FOV_YUV, FOV_RGB24, FOV_BGR24};
    for (size_t f = 0; f < 3; f++) {
        struct buffer buffer = {0};
        fov_image image = canvas_make(&buffer, formats[f], WIDTH, HEIGHT);
        fov_football_person people[4] = {
            somebody(FOV_TEAM_FIRST, 100, 10), somebody(FOV_TEAM_SECOND, 200, 20),
            somebody(FOV_TEAM_UNKNOWN, 300, 30), somebody(FOV_TEAM_OTHER, 400, 40)};
        people[3].role = FOV_ROLE_REFEREE;
        fov_football_frame frame = frame_of(people, 4);
        fov_draw_football(&image, &(fov_football_draw){.frame = &frame, .no_radar = true});
        const uint32_t colours[4] = {0xC01818, 0x2040C0, DRAW_NOBODY, DRAW_REFEREE};
        for (int i = 0; i < 4; i++) {
            for (int y = 402; y < 498; y++)
                assert_colour(&image, 100 + 100 * i, y, colours[i]);
            assert_colour(&image, 120 + 100 * i, 499, colours[i]);
            assert_int_equal(drawn(&image, 104 + 100 * i, 404, 136 + 100 * i, 496), 0);
            assert_true(drawn(&image, 100 + 100 * i, 380, 112 + 100 * i, 398) > 50); /* the name */
        }
        assert_int_equal(drawn(&image, 450, 0, WIDTH, HEIGHT), 0);
        assert_guarded(&image);
        buffer_release(&buffer);
    }
}

static void test_who_is_lost_has_corners_only(void **state)
{
    (void)state;
    struct buffer buffer = {0};
    fov_image image = canvas_make(&buffer, FOV_RGB24, WIDTH, HEIGHT);
    fov_football_person one = somebody(FOV_TEAM_FIRST, 100, 10);
    one.state = FOV_TRACK_LOST;
    fov_football_frame frame = frame_of(&one, 1);
    fov_draw_football(&image, &(fov_football_draw){.frame = &frame, .no_radar = true});
    assert_colour(&image, 101, 401, 0xC01818);
    assert_colour(&image, 138, 498, 0xC01818);
    assert_true(is_grey(&image, 120, 400) && is_grey(&image, 100, 450));
    assert_int_equal(drawn(&image, 90, 370, 150, 398), 0); /* no name */
    buffer_release(&buffer);
}

static void test_radar_shows_everybody_in_place(void **state)
{
    (void)state;
    struct buffer buffer = {0};
    fov_image image = canvas_make(&buffer, FOV_RGB24, WIDTH, HEIGHT);
    fov_football_person people[3] = {somebody(FOV_TEAM_FIRST, 100, 20),
                                     somebody(FOV_TEAM_SECOND, 200, 90),
                                     somebody(FOV_TEAM_FIRST, 300, 60)};
    people[2].on_pitch = false;
    people[1].y = 10;
    fov_football_frame frame = frame_of(people, 3);
    fov_ball ball = {.state = FOV_BALL_NONE, .on_pitch = true, .pitch_x = 40, .pitch_y = 60};
    fov_draw_football(&image, &(fov_football_draw){.frame = &frame, .ball = &ball});
    struct radar r = radar_in(&image, &(fov_pitch_size){0, 0});
    assert_true(r.place.x2 <= WIDTH && r.place.x1 > WIDTH / 2 && r.place.y2 < HEIGHT / 2);
    const struct {
        double x, y;
        uint32_t colour;
    } places[] = {{20, 34, 0xC01818}, {90, 10, 0x2040C0},  {40, 60, 0xFFFFFF},
                  {0, 20, 0x9FBFAD},  {52.5, 5, 0x9FBFAD}, {16.5, 20, 0x9FBFAD},
                  {-3, 34, 0x2C6A49}, {107, 71, 0x1D4A33}}; /* the last is out of the picture */
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        fov_point at = radar_at(&r, places[i].x, places[i].y);
        assert_colour(&image, (int)floorf(at.x), (int)floorf(at.y), places[i].colour);
    }
    fov_point middle = radar_at(&r, 60, 34); /* who is not on the pitch has no dot */
    assert_colour(&image, (int)middle.x + 1, (int)middle.y + 3, 0x2C6A49);
    buffer_release(&buffer);
}

static void test_without_a_view_there_is_no_radar(void **state)
{
    (void)state;
    struct buffer buffer = {0};
    fov_image image = canvas_make(&buffer, FOV_RGB24, WIDTH, HEIGHT);
    fov_football_frame frame = frame_of(NULL, 0);
    frame.view_known = false;
    fov_draw_football(&image, &(fov_football_draw){.frame = &frame});
    struct radar r = radar_in(&image, &(fov_pitch_size){0, 0});
    int all = drawn(&image, 0, 0, WIDTH, HEIGHT);
    assert_true(all > 200 && all < 4000); /* "no calibration" */
    assert_int_equal(drawn(&image, r.place.x2 - 160, 0, r.place.x2, r.place.y1 + 30), all);
    buffer_release(&buffer);
}

static void test_ball_and_its_way(void **state)
{
    (void)state;
    struct buffer buffer = {0};
    fov_image image = canvas_make(&buffer, FOV_RGB24, WIDTH, HEIGHT);
    fov_football_frame frame = frame_of(NULL, 0);
    frame.ball = (fov_ball){.state = FOV_BALL_SEEN, .x = 600, .y = 400, .size = 12};
    fov_ball_way way = {
        .points = {{500, 400}, {560, 400}, {300, 200}}, .times_s = {0, 0.1, 1.1}, .count = 3};
    fov_draw_football(&image, &(fov_football_draw){.frame = &frame, .way = &way, .no_radar = true});
    assert_colour(&image, 530, 400, 0xFFE94A);
    assert_true(is_grey(&image, 430, 300)); /* a hole of a second is none of its way */
    assert_colour(&image, 610, 400, 0xFFE94A);
    assert_true(is_grey(&image, 600, 400)); /* the ball itself is not covered */
    int whole = drawn(&image, 580, 380, 620, 420);
    frame.ball.state = FOV_BALL_COASTING;
    buffer_release(&buffer);
    image = canvas_make(&buffer, FOV_RGB24, WIDTH, HEIGHT);
    fov_draw_football(&image, &(fov_football_draw){.frame = &frame, .no_radar = true});
    int broken = drawn(&image, 580, 380, 620, 420);
    assert_true(broken > whole / 3 && broken < whole * 4 / 5);
    buffer_release(&buffer);
}

static void test_nonsense_is_not_drawn(void **state)
{
    (void)state;
    struct buffer buffer = {0};
    fov_image image = canvas_make(&buffer, FOV_YUV, WIDTH, HEIGHT);
    fov_football_person people[3] = {somebody(FOV_TEAM_FIRST, NAN, NAN),
                                     somebody(FOV_TEAM_FIRST, 1e30f, 1e30),
                                     somebody(FOV_TEAM_FIRST, -5000, -300)};
    fov_football_frame frame = frame_of(people, 3);
    fov_ball ball = {.state = FOV_BALL_SEEN, .x = NAN, .y = 1e30f, .size = 1e30f};
    fov_draw_football(&image,
                      &(fov_football_draw){.frame = &frame, .ball = &ball, .no_radar = true});
    assert_int_equal(drawn(&image, 0, 0, WIDTH, HEIGHT), 0);
    ball = (fov_ball){.state = FOV_BALL_SEEN, .x = NAN, .on_pitch = true, .pitch_x = NAN};
    fov_draw_football(&image, &(fov_football_draw){.frame = &frame, .ball = &ball});
    assert_guarded(&image);
    buffer_release(&buffer);
    for (int side = 1; side < 200; side += 33) { /* small pictures have room for a part of it */
        fov_football_person one = somebody(FOV_TEAM_FIRST, 0, 50);
        one.y1 = -10;
        frame = frame_of(&one, 1);
        image = canvas_make(&buffer, FOV_YUV, side, side / 2 + 1);
        fov_draw_football(&image, &(fov_football_draw){.frame = &frame, .ball = &ball});
        frame.view_known = false;
        fov_draw_football(&image, &(fov_football_draw){.frame = &frame, .ball = &ball});
        assert_guarded(&image);
        buffer_release(&buffer);
    }
}

static void test_way_follows_the_camera(void **state)
{
    (void)state;
    fov_ball_way way = {0};
    fov_motion still = {.kind = FOV_MOTION_SIMILARITY, .map = {1, 0, 0, 0, 1, 0, 0, 0, 1}};
    fov_motion left = {.kind = FOV_MOTION_SIMILARITY, .map = {1, 0, -30, 0, 1, 5, 0, 0, 1}};
    fov_motion unknown = {.kind = FOV_MOTION_NONE, .map = {1, 0, 0, 0, 1, 0, 0, 0, 1}};
    fov_ball ball = {.state = FOV_BALL_SEEN, .x = 100, .y = 100};
    fov_ball_way_step(&way, &ball, &still, 1);
    ball.time_s = 0.1;
    ball.x = 110;
    fov_ball_way_step(&way, &ball, &left, 1);
    assert_int_equal(way.count, 2);
    assert_float_equal(way.points[0].x, 70, 1e-4);
    assert_float_equal(way.points[0].y, 105, 1e-4);
    assert_float_equal(way.points[1].x, 110, 1e-4);
    ball.time_s = 0.2;
    ball.state = FOV_BALL_NONE;
    fov_ball_way_step(&way, &ball, &left, 1);
    assert_int_equal(way.count, 2);
    assert_float_equal(way.points[1].x, 80, 1e-4);
    ball.time_s = 1.05; /* the first is too old */
    ball.state = FOV_BALL_COASTING;
    fov_ball_way_step(&way, &ball, NULL, 1);
    assert_int_equal(way.count, 2);
    assert_float_equal(way.times_s[0], 0.1, 1e-9);
    ball.time_s = 0.5; /* back */
    fov_ball_way_step(&way, &ball, &still, 1);
    assert_int_equal(way.count, 1);
    for (int i = 0; i < 3 * FOV_BALL_WAY_MAX; i++) {
        ball.time_s += 1e-3;
        fov_ball_way_step(&way, &ball, &still, 1);
    }
    assert_int_equal(way.count, FOV_BALL_WAY_MAX);
    assert_true(way.times_s[FOV_BALL_WAY_MAX - 1] == ball.time_s);
    ball.time_s += 1e-3;
    fov_ball_way_step(&way, &ball, &unknown, 1);
    assert_int_equal(way.count, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_boxes_have_the_colours_of_their_teams),
        cmocka_unit_test(test_who_is_lost_has_corners_only),
        cmocka_unit_test(test_radar_shows_everybody_in_place),
        cmocka_unit_test(test_without_a_view_there_is_no_radar),
        cmocka_unit_test(test_ball_and_its_way),
        cmocka_unit_test(test_nonsense_is_not_drawn),
        cmocka_unit_test(test_way_follows_the_camera),
    };
    return cmocka_run_group_tests_name("football drawn", tests, NULL, NULL);
}
