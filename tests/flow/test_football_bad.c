/* fov_football by hand: views that are set late, bad input, sizes and times that change, memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "../alloc_count.h"
#include "football_score.h"

static fov_football *make(const fov_football_params *params)
{
    fov_football *football;
    fov_error error = {0};
    if (fov_football_create(&football, params, &error))
        fail_msg("%s", error.message);
    return football;
}

/* A camera over the pitch for pictures of 640 x 360. */
static fov_pitch_view camera(void)
{
    static const struct {
        double image[2], pitch[2];
    } corners[] = {
        {{20, 330}, {30, 5}}, {{620, 330}, {75, 5}}, {{560, 60}, {80, 65}}, {{80, 60}, {25, 65}}};
    fov_pitch_point points[4] = {0};
    fov_pitch_view view;
    for (int i = 0; i < 4; i++) {
        memcpy(points[i].image, corners[i].image, sizeof points[i].image);
        memcpy(points[i].pitch, corners[i].pitch, sizeof points[i].pitch);
    }
    const fov_pitch_params params = {.width = 640, .height = 360};
    assert_int_equal(fov_pitch_view_from_points(&view, points, 4, &params, NULL, NULL), FOV_OK);
    return view;
}

/* One person at a place of the picture. */
struct scene {
    fov_detection items[4];
    fov_detections detections;
    fov_football_input input;
    fov_motion motion;
};

static void begin(struct scene *s)
{
    memset(s, 0, sizeof *s);
    for (int i = 0; i < 4; i++)
        s->items[i] = (fov_detection){.x1 = 100 + 120 * (float)i,
                                      .y1 = 150,
                                      .x2 = 114 + 120 * (float)i,
                                      .y2 = 190,
                                      .score = 0.9f,
                                      .class_id = i % 3};
    s->detections = (fov_detections){s->items, 4, 4, NULL};
    s->motion = (fov_motion){.kind = FOV_MOTION_SIMILARITY, .map = {1, 0, 2, 0, 1, 0.5, 0, 0, 1}};
    s->input = (fov_football_input){.time_s = 5,
                                    .seq = 100,
                                    .width = 640,
                                    .height = 360,
                                    .detections = &s->detections,
                                    .motion = &s->motion};
}

/* The next picture: everything goes with the camera. */
static fov_football_frame step(struct scene *s, fov_football *football)
{
    fov_football_frame frame;
    fov_error error = {0};
    if (fov_football_update(football, &s->input, &frame, &error))
        fail_msg("%s", error.message);
    s->input.time_s += 0.1;
    s->input.seq++;
    return frame;
}

static void assert_reason(const fov_error *error, const char *word)
{
    if (!strstr(error->message, word))
        fail_msg("\"%s\" does not say \"%s\"", error->message, word);
}

/* ---- views that are set ------------------------------------------------------------------------
 */

/* A view of the third picture is, ten pictures later, where the camera has moved it. */
static void a_view_of_the_past_is_carried(void **state)
{
    (void)state;
    fov_football *football = make(NULL);
    fov_pitch_view view = camera(), expected = view;
    struct scene s;
    begin(&s);
    for (int i = 0; i < 13; i++)
        assert_false(step(&s, football).view_known);
    assert_int_equal(fov_football_set_view(football, &view, 102, NULL), FOV_OK);
    fov_football_frame frame = step(&s, football);
    assert_true(frame.view_known);
    double by[2] = {2 * 11, 0.5 * 11}; /* pictures 103 to 113 */
    for (int k = 0; k < 3; k++) {
        expected.map[k] += by[0] * expected.map[6 + k];
        expected.map[3 + k] += by[1] * expected.map[6 + k];
    }
    /* a camera turns, which is not quite a shift */
    assert_true(football_view_distance(&expected, &frame.view) < 2);
    assert_true(football_view_distance(&view, &frame.view) > 20);
    assert_true(frame.people[0].on_pitch && frame.view_sigma_px > 0);
    /* the same again, of the newest picture */
    assert_int_equal(fov_football_set_view(football, &view, UINT64_MAX, NULL), FOV_OK);
    s.motion.map[2] = s.motion.map[5] = 0;
    frame = step(&s, football);
    assert_true(football_view_distance(&view, &frame.view) < 1e-6);
    /* forgotten */
    assert_int_equal(fov_football_set_view(football, NULL, UINT64_MAX, NULL), FOV_OK);
    frame = step(&s, football);
    assert_false(frame.view_known || frame.people[0].on_pitch);
    fov_football_destroy(&football);
}

static void views_that_cannot_be_carried(void **state)
{
    (void)state;
    fov_football *football = make(NULL);
    fov_pitch_view view = camera(), other = view;
    fov_error error = {0};
    struct scene s;
    begin(&s);
    assert_int_equal(fov_football_set_view(football, &view, 100, &error), FOV_ENOTFOUND);
    for (int i = 0; i < 10; i++) {
        s.motion.kind = i == 5 ? FOV_MOTION_NONE : FOV_MOTION_SIMILARITY; /* a cut at 105 */
        step(&s, football);
    }
    assert_int_equal(fov_football_set_view(football, &view, 99, &error), FOV_ENOTFOUND);
    assert_reason(&error, "too long ago");
    assert_int_equal(fov_football_set_view(football, &view, 110, &error), FOV_ENOTFOUND);
    assert_reason(&error, "not come yet");
    assert_int_equal(fov_football_set_view(football, &view, 104, &error), FOV_ENOTFOUND);
    assert_reason(&error, "not at picture 105");
    assert_false(step(&s, football).view_known);
    s.input.seq += 5;
    step(&s, football);
    assert_int_equal(fov_football_set_view(football, &view, 112, &error), FOV_ENOTFOUND);
    assert_reason(&error, "left out");
    other.width = 1280;
    assert_int_equal(fov_football_set_view(football, &other, 105, &error), FOV_EINVAL);
    other = view;
    other.map[4] = NAN;
    assert_int_equal(fov_football_set_view(football, &other, 105, &error), FOV_EINVAL);
    other = view;
    for (int k = 3; k < 6; k++) /* upside down */
        other.map[k] = 360 * other.map[k + 3] - other.map[k];
    assert_int_equal(fov_football_set_view(football, &other, 105, &error), FOV_EINVAL);
    assert_int_equal(fov_football_set_view(football, &view, 105, &error), FOV_OK);
    assert_true(step(&s, football).view_known);
    fov_football_destroy(&football);
}

/* Bounds of the past: a minute, and 2048 pictures. */
static void views_of_long_ago(void **state)
{
    (void)state;
    fov_football *football = make(NULL);
    fov_pitch_view view = camera();
    fov_error error = {0};
    struct scene s;
    begin(&s);
    s.motion.map[2] = s.motion.map[5] = 0;
    for (int i = 0; i < 2500; i++) {
        step(&s, football);
        s.input.time_s -= 0.08; /* 50 pictures a second */
    }
    uint64_t newest = s.input.seq - 1;
    if (fov_football_set_view(football, &view, newest - 2047, &error))
        fail_msg("%s", error.message);
    assert_int_equal(fov_football_set_view(football, &view, newest - 2048, &error), FOV_ENOTFOUND);
    for (int i = 0; i < 10; i++) {
        step(&s, football);
        s.input.time_s += 5;
    }
    newest = s.input.seq - 1;
    assert_int_equal(fov_football_set_view(football, &view, newest - 20, &error), FOV_OK);
    for (int i = 0; i < 5; i++) {
        step(&s, football);
        s.input.time_s += 10;
    }
    assert_int_equal(fov_football_set_view(football, &view, newest - 5, &error), FOV_ENOTFOUND);
    assert_reason(&error, "60 s");
    fov_football_destroy(&football);
}

/* When nobody knows how the camera moved, nobody has metres until a view is found. */
static void a_cut_takes_the_view(void **state)
{
    (void)state;
    fov_pitch_view view = camera();
    fov_football *football = make(&(fov_football_params){.view = &view});
    struct scene s;
    begin(&s);
    s.motion.map[2] = s.motion.map[5] = 0;
    for (int i = 0; i < 5; i++)
        assert_true(step(&s, football).view_known);
    s.motion.kind = FOV_MOTION_NONE;
    fov_football_frame frame = step(&s, football);
    assert_false(frame.view_known);
    for (size_t i = 0; i < frame.count; i++)
        assert_false(frame.people[i].on_pitch);
    s.motion.kind = FOV_MOTION_SIMILARITY;
    assert_false(step(&s, football).view_known);
    s.input.found = &view;
    step(&s, football);
    assert_true(step(&s, football).view_known);
    fov_football_destroy(&football);
}

/* One of a run before is no reason to refuse a picture, nor one to be told without lines. */
static void a_kept_view_is_a_guess(void **state)
{
    (void)state;
    fov_pitch_view view = camera(), other = view;
    struct scene s;
    other.width = 1280;
    other.height = 720;
    const struct {
        const fov_pitch_view *view;
        bool still, known;
    } cases[] = {{&view, true, true}, {&view, false, false}, {&other, true, false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        begin(&s);
        fov_football *football = make(&(fov_football_params){
            .view = cases[i].view, .view_kept = true, .still_camera = cases[i].still});
        for (int k = 0; k < 3; k++)
            assert_int_equal(step(&s, football).view_known, cases[i].known);
        assert_int_equal(fov_football_set_view(football, &view, UINT64_MAX, NULL), FOV_OK);
        assert_true(step(&s, football).view_known);
        fov_football_destroy(&football);
    }
    /* what somebody sets before the first picture is none of a run before */
    begin(&s);
    fov_football *football = make(&(fov_football_params){.view = &view, .view_kept = true});
    assert_int_equal(fov_football_set_view(football, &view, UINT64_MAX, NULL), FOV_OK);
    assert_true(step(&s, football).view_known);
    fov_football_destroy(&football);
}

/* Somebody screws the camera down, and loosens it again. */
static void a_camera_comes_to_rest(void **state)
{
    (void)state;
    fov_football *football = make(NULL);
    fov_pitch_view view = camera(), held;
    struct scene s;
    begin(&s);
    step(&s, football);
    assert_int_equal(fov_football_set_view(football, &view, UINT64_MAX, NULL), FOV_OK);
    for (int i = 0; i < 3; i++)
        held = step(&s, football).view;
    fov_football_set_still(football, true);
    s.motion.kind = FOV_MOTION_NONE; /* nobody asks for it any more */
    for (int i = 0; i < 30; i++) {
        fov_football_frame frame = step(&s, football);
        assert_true(frame.view_known);
        assert_true(football_view_distance(&held, &frame.view) < 1e-9);
    }
    /* one of a picture while it moved is carried by what it moved then: pictures 102 and 103 */
    assert_int_equal(fov_football_set_view(football, &view, 101, NULL), FOV_OK);
    fov_football_frame frame = step(&s, football);
    assert_true(football_view_distance(&view, &frame.view) > 4);
    assert_true(football_view_distance(&held, &frame.view) < 4);
    fov_football_set_still(football, false);
    s.motion.kind = FOV_MOTION_SIMILARITY;
    held = step(&s, football).view;
    assert_true(football_view_distance(&frame.view, &held) > 1);
    s.motion.kind = FOV_MOTION_NONE;
    assert_false(step(&s, football).view_known);
    /* what is in doubt does not become sure by standing still */
    fov_football_set_still(football, true);
    assert_false(step(&s, football).view_known);
    fov_football_destroy(&football);
}

/* By its pictures: the first one after it is let go has nothing to be compared with, and is no cut.
 */
static void a_camera_that_is_let_go_goes_on(void **state)
{
    (void)state;
    struct football_world w;
    fov_football_frame frame;
    assert_true(football_world_open(&w, "pattern:football?fps=10&size=640x360&seed=2", 10, 1));
    fov_football *football = make(&(fov_football_params){.still_camera = true});
    for (int i = 0; i < 12; i++) {
        assert_true(football_world_next(&w));
        w.input.seq = (uint64_t)i;
        w.input.time_s = i / 10.0;
        if (i == 4)
            fov_football_set_still(football, false);
        assert_int_equal(fov_football_update(football, &w.input, &frame, NULL), FOV_OK);
        if (i == 3)
            assert_int_equal(fov_football_set_view(football, &w.truth->view, 3, NULL), FOV_OK);
        assert_true(i < 4 || frame.view_known);
    }
    assert_true(football_view_distance(&w.truth->view, &frame.view) < 4);
    fov_football_destroy(&football);
    football_world_close(&w);
}

static void a_still_camera_keeps_its_view(void **state)
{
    (void)state;
    fov_pitch_view view = camera();
    fov_football *football = make(&(fov_football_params){.view = &view, .still_camera = true});
    struct scene s;
    begin(&s);
    s.input.motion = NULL;
    fov_football_frame frame = step(&s, football);
    const double x = frame.people[0].x;
    for (int i = 0; i < 30; i++) {
        frame = step(&s, football);
        s.input.time_s += i;
        assert_true(frame.view_known && frame.count == 4);
        assert_true(fabs(frame.people[0].x - x) < 1e-9);
    }
    assert_int_equal(fov_football_set_view(football, &view, 105, NULL), FOV_OK);
    fov_football_reset(football);
    frame = step(&s, football);
    assert_true(frame.view_known && frame.time_s == 0);
    /* names go on */
    assert_true(frame.count == 4 && frame.people[0].id > 4);
    /* twice the size, and then another shape */
    s.input.width = 1280;
    s.input.height = 720;
    frame = step(&s, football);
    assert_true(frame.view_known && frame.view.width == 1280);
    s.input.height = 700;
    assert_false(step(&s, football).view_known);
    fov_football_destroy(&football);
}

/* The lens is undone for the tracker and for metres: places agree with the view's own. */
static void a_view_with_a_lens(void **state)
{
    (void)state;
    fov_pitch_view view = camera();
    view.k1 = -0.08;
    fov_football *football = make(&(fov_football_params){.view = &view, .still_camera = true});
    struct scene s;
    double metres[2];
    begin(&s);
    s.input.motion = NULL;
    fov_football_frame frame = {0};
    for (int i = 0; i < 10; i++)
        frame = step(&s, football);
    assert_int_equal(frame.count, 4);
    for (int i = 0; i < 4; i++) {
        const fov_football_person *p = &frame.people[i];
        assert_int_equal(p->id, s.items[i].track_id);
        assert_true(p->x1 == s.items[i].x1 && p->y2 == s.items[i].y2);
        const double foot[2] = {((double)p->x1 + (double)p->x2) / 2, (double)p->y2};
        assert_true(fov_pitch_to_metres(&view, foot, metres));
        assert_true(fabs(metres[0] - p->x) < 1e-6 && fabs(metres[1] - p->y) < 1e-6);
    }
    /* who is lost is where he stood */
    s.detections.count = 3;
    frame = step(&s, football);
    assert_int_equal(frame.count, 4);
    assert_int_equal(frame.people[3].state, FOV_TRACK_LOST);
    assert_true(fabs((double)(frame.people[3].x1 - s.items[3].x1)) < 1);
    assert_true(fabs((double)(frame.people[3].y2 - s.items[3].y2)) < 1);
    fov_football_destroy(&football);
}

/* ---- what comes in -----------------------------------------------------------------------------
 */

/* 64 bytes are what the server takes: Cyrillic letters of two each. */
static void names_are_told_whole(void **state)
{
    (void)state;
    char whole[65], longer[68];
    fov_football_frame frame;
    struct scene s;
    begin(&s);
    for (int i = 0; i < 32; i++)
        memcpy(whole + 2 * i, "\u0416", 3);
    snprintf(longer, sizeof longer, "a%s!", whole);
    fov_football *football = make(&(fov_football_params){.names = {whole, longer}});
    assert_int_equal(fov_football_update(football, &s.input, &frame, NULL), FOV_OK);
    assert_string_equal(frame.sides[0].name, whole);
    /* cut between letters */
    assert_int_equal(strlen(frame.sides[1].name), 63);
    assert_memory_equal(frame.sides[1].name, longer, 63);
    fov_football_destroy(&football);
}

static void bad_parameters(void **state)
{
    (void)state;
    fov_pitch_view flat = {.map = {1, 1, 1, 1, 1, 1, 1, 1, 1}};
    const struct {
        fov_football_params params;
        fov_status status;
        const char *word;
    } cases[] = {
        {{.tracker = {.name = "sort"}}, FOV_ENOTFOUND, "sort"},
        {{.tracker = {.max_tracks = 5000}}, FOV_EINVAL, "max_tracks"},
        {{.teams = {.min_tracks = 1}}, FOV_EINVAL, "min_tracks"},
        {{.teams = {.embedding_size = 4096}}, FOV_EINVAL, "embedding_size"},
        {{.tracker = {.embedding_size = 1 << 20}}, FOV_EINVAL, "embedding_size"},
        {{.ball = {.gap_s = 9}}, FOV_EINVAL, "gap_s"},
        {{.match = {.pitch = {5, 68}}}, FOV_EINVAL, "pitch"},
        {{.view = &flat}, FOV_EINVAL, "inverse"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fov_football *football = (fov_football *)1;
        fov_error error = {0};
        assert_int_equal(fov_football_create(&football, &cases[i].params, &error), cases[i].status);
        assert_null(football);
        assert_reason(&error, cases[i].word);
    }
    fov_football *football = NULL;
    fov_football_destroy(&football);
    assert_string_equal(fov_football_part_name(FOV_PART_TEAMS), "team_classification");
    assert_string_equal(fov_football_part_name(FOV_PART_PITCH), "homography");
    assert_string_equal(fov_football_part_name((fov_football_part)77), "unknown");
}

static void assert_refused(fov_football *football, const fov_football_input *input,
                           const char *word)
{
    fov_football_frame frame;
    fov_error error = {0};
    assert_int_equal(fov_football_update(football, input, &frame, &error), FOV_EINVAL);
    assert_reason(&error, word);
}

static void bad_pictures(void **state)
{
    (void)state;
    fov_football *football = make(NULL);
    fov_detections none = {NULL, 3, 3, NULL};
    fov_motion motion = {.kind = FOV_MOTION_SIMILARITY, .map = {1, 0, NAN, 0, 1, 0, 0, 0, 1}};
    fov_pitch_view found = camera();
    fov_image image = {.pixels = FOV_PIXELS_NONE, .width = 640, .height = 360};
    struct scene s;
    begin(&s);
    fov_football_input bad = s.input;
    bad.time_s = NAN;
    assert_refused(football, &bad, "time");
    bad = s.input;
    bad.width = 0;
    assert_refused(football, &bad, "0 x 360");
    bad.width = 20000;
    assert_refused(football, &bad, "20000");
    bad = s.input;
    bad.detections = &none;
    assert_refused(football, &bad, "detections");
    bad = s.input;
    bad.motion = &motion;
    assert_refused(football, &bad, "motion");
    bad = s.input;
    bad.image = &image;
    assert_refused(football, &bad, "pixels");
    bad = s.input;
    found.width = 320;
    bad.found = &found;
    assert_refused(football, &bad, "320");
    found.width = 640;
    found.map[0] = INFINITY;
    assert_refused(football, &bad, "found");
    assert_true(step(&s, football).time_s == 0); /* nothing has begun before */
    fov_football_destroy(&football);
}

/* A view that was given before a picture came, for pictures of another shape. */
static void a_first_view_that_does_not_fit(void **state)
{
    (void)state;
    fov_pitch_view view = camera();
    fov_football *football = make(&(fov_football_params){.view = &view});
    struct scene s;
    begin(&s);
    s.input.width = 800;
    assert_refused(football, &s.input, "640");
    assert_false(step(&s, football).view_known);
    fov_football_destroy(&football);
}

static void odd_detections_do_no_harm(void **state)
{
    (void)state;
    fov_football *football = make(NULL);
    struct scene s;
    begin(&s);
    step(&s, football);
    s.items[0].x1 = NAN;
    s.items[1].x2 = -INFINITY;
    s.items[2].class_id = 99;
    s.items[3].class_id = -5;
    fov_football_frame frame = step(&s, football);
    for (int i = 0; i < 4; i++)
        assert_int_equal(s.items[i].track_id, -1);
    for (size_t i = 0; i < frame.count; i++)
        assert_int_equal(frame.people[i].state, FOV_TRACK_LOST);
    assert_int_equal(frame.ball.state, FOV_BALL_NONE);
    s.detections = (fov_detections){NULL, 0, 0, NULL};
    step(&s, football);
    s.input.time_s += 1.1; /* people whom nobody sees are told for a second */
    assert_int_equal(step(&s, football).count, 0);
    fov_football_destroy(&football);
}

static void time_may_stand_or_jump(void **state)
{
    (void)state;
    fov_pitch_view view = camera();
    fov_football *football = make(&(fov_football_params){.view = &view, .still_camera = true});
    struct scene s;
    begin(&s);
    static const double steps[] = {0.1, 0, -50, 0.1, 0.1, 1e6, 0.1, -1e12, 0.1};
    double before = 0;
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        fov_football_frame frame;
        s.input.time_s += steps[i];
        assert_int_equal(fov_football_update(football, &s.input, &frame, NULL), FOV_OK);
        assert_true(frame.time_s >= before && frame.view_known);
        for (size_t k = 0; k < frame.count; k++)
            assert_true(frame.people[k].distance_m < 1 && frame.people[k].speed_mps < 1);
        before = frame.time_s;
    }
    fov_football_destroy(&football);
}

/* ---- memory ------------------------------------------------------------------------------------
 */

static void pictures_do_not_allocate(void **state)
{
    (void)state;
    struct football_world w;
    fov_football_frame frame;
    if (!alloc_count_works())
        skip();
    assert_true(football_world_open(&w, "pattern:football?fps=10&size=640x360", 10, 3));
    fov_football *football = make(NULL);
    for (int i = 0; i < 60; i++) {
        assert_true(football_world_next(&w));
        w.input.found = i % 5 == 0 ? &w.truth->view : NULL;
        uint64_t before = alloc_count_thread();
        assert_int_equal(fov_football_update(football, &w.input, &frame, NULL), FOV_OK);
        if (i == 40)
            fov_football_set_view(football, &w.truth->view, w.input.seq - 10, NULL);
        assert_int_equal(alloc_count_thread() - before, 0);
    }
    fov_football_destroy(&football);
    football_world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_view_of_the_past_is_carried),
        cmocka_unit_test(views_that_cannot_be_carried),
        cmocka_unit_test(views_of_long_ago),
        cmocka_unit_test(a_cut_takes_the_view),
        cmocka_unit_test(a_kept_view_is_a_guess),
        cmocka_unit_test(a_camera_comes_to_rest),
        cmocka_unit_test(a_camera_that_is_let_go_goes_on),
        cmocka_unit_test(a_still_camera_keeps_its_view),
        cmocka_unit_test(a_view_with_a_lens),
        cmocka_unit_test(names_are_told_whole),
        cmocka_unit_test(bad_parameters),
        cmocka_unit_test(bad_pictures),
        cmocka_unit_test(a_first_view_that_does_not_fit),
        cmocka_unit_test(odd_detections_do_no_harm),
        cmocka_unit_test(time_may_stand_or_jump),
        cmocka_unit_test(pictures_do_not_allocate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
