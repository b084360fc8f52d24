/* `pattern:football`: the same each time, options that are refused, and a match that is one. What
 * the truth says against the picture: test_football.py. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/plane.h"
#include "media/football_play.h"
#include "media/image.h"
#include "media/pattern.h"
#include "media/source.h"
#include "source_tools.h"

static void test_options(void **state)
{
    (void)state;
    static const struct {
        const char *url;
        fov_status status;
        const char *word; /* of the message */
    } cases[] = {
        {"pattern:football", FOV_OK, ""},
        {"pattern:football?", FOV_OK, ""},
        {"pattern:football?size=64x64", FOV_OK, ""},
        {"pattern:football?size=333x201&fps=7.5,seed=0&&zoom=8", FOV_OK, ""},
        {"pattern:football?width=320&height=240&frames=1&barcode=1", FOV_OK, ""},
        {"pattern:football?size=1920", FOV_EINVAL, "size=1920"},
        {"pattern:football?size=x", FOV_EINVAL, "size=x"},
        {"pattern:football?size=1920x", FOV_EINVAL, "size=1920x"},
        {"pattern:football?size=x1080", FOV_EINVAL, "size=x1080"},
        {"pattern:football?size=1920x1080x3", FOV_EINVAL, "size="},
        {"pattern:football?size=63x64", FOV_EINVAL, "size=63x64"},
        {"pattern:football?size=64x16385", FOV_EINVAL, "size="},
        {"pattern:football?size=99999999x64", FOV_EINVAL, "size="},
        {"pattern:football?size=-64x64", FOV_EINVAL, "size="},
        {"pattern:football?size= 64x64", FOV_EINVAL, "size="},
        {"pattern:football?size=16000x16000", FOV_ELIMIT, ""},
        {"pattern:football?fps=0", FOV_EINVAL, "fps=0"},
        {"pattern:football?fps=nan", FOV_EINVAL, "fps=nan"},
        {"pattern:football?fps=1e9", FOV_EINVAL, "fps=1e9"},
        {"pattern:football?zoom=0.4", FOV_EINVAL, "zoom=0.4"},
        {"pattern:football?zoom=9", FOV_EINVAL, "zoom=9"},
        {"pattern:football?zoom=inf", FOV_EINVAL, "zoom=inf"},
        {"pattern:football?seed=-1", FOV_EINVAL, "seed=-1"},
        {"pattern:football?seed=one", FOV_EINVAL, "seed=one"},
        {"pattern:football?frames=0", FOV_EINVAL, "frames=0"},
        {"pattern:football?seed", FOV_EINVAL, "seed="},
        {"pattern:football?=1", FOV_EINVAL, "options are"},
        {"pattern:football?sise=64x64", FOV_EINVAL, "options are size="},
        {"pattern:football?truth=/etc/passwd", FOV_EINVAL, "truth="},
        {"pattern:footballs", FOV_EINVAL, "footballs"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fov_source *source;
        fov_error error = {0};
        fov_source_params params = {.url = cases[i].url};
        fov_status status = fov_source_open(&source, &params, &error);
        if (status != cases[i].status || !strstr(error.message, cases[i].word))
            fail_msg("%s: %s (%s)", cases[i].url, fov_status_code(status), error.message);
        fov_source_close(&source);
    }
}

static void test_too_many_options(void **state)
{
    (void)state;
    char url[400] = "pattern:football?";
    memset(url + strlen(url), '&', sizeof url - strlen(url) - 1);
    fov_source *source;
    fov_error error = {0};
    assert_int_equal(fov_source_open(&source, &(fov_source_params){.url = url}, &error),
                     FOV_EINVAL);
    assert_non_null(strstr(error.message, "too many"));
}

static bool same_pixels(const fov_image *a, const fov_image *b)
{
    for (int p = 0; p < 3; p++)
        for (int y = 0; y < image_plane_height(a, p); y++)
            if (memcmp(a->plane[p] + (ptrdiff_t)y * a->stride[p],
                       b->plane[p] + (ptrdiff_t)y * b->stride[p],
                       (size_t)image_plane_width(a, p)) != 0)
                return false;
    return true;
}

static void assert_same_truth(const struct football_truth *a, const struct football_truth *b)
{
    assert_int_equal(a->number, b->number);
    for (int i = 0; i < FOOTBALL_PEOPLE; i++)
        assert_true(a->people[i].x_m == b->people[i].x_m && a->people[i].x1 == b->people[i].x1 &&
                    a->people[i].y2 == b->people[i].y2 && a->people[i].shown == b->people[i].shown);
    assert_true(a->ball.x_px == b->ball.x_px && a->ball.z_m == b->ball.z_m);
    assert_memory_equal(a->view.map, b->view.map, sizeof a->view.map);
}

static void test_the_same_each_time(void **state)
{
    (void)state;
    const char *url = "pattern:football?size=480x270&frames=40&seed=5";
    fov_source *a = open_source(url, true, 0), *b = open_source(url, false, 0);
    fov_source *other = open_source("pattern:football?size=480x270&seed=6", false, 0);
    fov_frame *first = read_frame(a, NULL), *frame, *again;
    struct football_truth told = *football_truth(a);
    for (int i = 1; i < 40; i++) {
        frame = read_frame(a, NULL);
        fov_frame_unref(&frame);
    }
    frame = read_frame(a, NULL); /* loop: the first again */
    again = read_frame(b, NULL);
    assert_true(same_pixels(&frame->image, &first->image));
    assert_true(same_pixels(&again->image, &first->image));
    assert_same_truth(&told, football_truth(a));
    assert_same_truth(&told, football_truth(b));
    fov_frame_unref(&again);
    again = read_frame(other, NULL);
    assert_false(same_pixels(&again->image, &first->image));
    fov_frame_unref(&first);
    fov_frame_unref(&frame);
    fov_frame_unref(&again);
    fov_source_close(&a);
    fov_source_close(&b);
    fov_source_close(&other);
}

/* The moment decides, not how many frames were read on the way. */
static void test_rates_agree(void **state)
{
    (void)state;
    fov_source *fast = open_source("pattern:football?size=64x64&fps=50", false, 0);
    fov_source *slow = open_source("pattern:football?size=64x64&fps=2.5", false, 0);
    for (int i = 0; i <= 200; i++) {
        fov_frame *frame = read_frame(fast, NULL);
        fov_frame_unref(&frame);
        if (i % 20)
            continue;
        frame = read_frame(slow, NULL);
        fov_frame_unref(&frame);
        const struct football_truth *a = football_truth(fast), *b = football_truth(slow);
        for (int p = 0; p < FOOTBALL_PEOPLE; p++)
            assert_true(fabs(a->people[p].x_m - b->people[p].x_m) < 1e-6 &&
                        fabs(a->people[p].y_m - b->people[p].y_m) < 1e-6);
        assert_true(fabs(a->camera.pan - b->camera.pan) < 1e-9);
    }
    fov_source_close(&fast);
    fov_source_close(&slow);
}

static void test_formats_and_barcode(void **state)
{
    (void)state;
    static const fov_pixels formats[] = {FOV_YUV, FOV_RGB24, FOV_BGR24, FOV_GRAY8};
    for (size_t i = 0; i < 4; i++) {
        fov_source *source = open_source("pattern:football?size=321x181&barcode=1", false,
                                         formats[i]);
        for (int n = 0; n < 3; n++) {
            fov_frame *frame = read_frame(source, NULL);
            assert_int_equal(frame->image.pixels, formats[i]);
            assert_int_equal(pattern_read_number(&frame->image), n);
            assert_true(fabs(frame->pts_ms - n * 40) < 1e-6);
            fov_frame_unref(&frame);
        }
        fov_source_close(&source);
    }
}

/* Odd sides, wide and high pictures, all lenses: drawn to the last pixel, and not beyond. */
static void test_any_size(void **state)
{
    (void)state;
    static const char *const options[] = {"size=64x64&zoom=0.5",   "size=65x127&zoom=8",
                                          "size=333x201&zoom=0.5", "size=1001x67&zoom=1",
                                          "size=99x901&zoom=0.5",  "size=641x359&zoom=2.7",
                                          "size=1280x64&zoom=8",   "size=64x700&zoom=3"};
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        char url[100];
        snprintf(url, sizeof url, "pattern:football?%s&fps=0.5&seed=%d", options[i], (int)i);
        fov_source *source = open_source(url, false, 0);
        for (int n = 0; n < 60; n++) {
            fov_frame *frame = read_frame(source, NULL);
            const fov_image *image = &frame->image;
            int dark = 0;
            for (int y = 0; y < image->height; y += 3)
                for (int x = 0; x < image->width; x += 3)
                    dark += image->plane[0][(ptrdiff_t)y * image->stride[0] + x] == 38;
            /* at most a part shows nothing: what lies above the stands of a wide lens */
            if (dark * 9 > image->width * image->height / 2)
                fail_msg("%s, frame %d: %d px are empty", url, n, dark * 9);
            fov_frame_unref(&frame);
        }
        fov_source_close(&source);
    }
}

static void test_no_allocation_a_frame(void **state)
{
    (void)state;
    assert_allocates_nothing("pattern:football?size=640x360");
}

/* What moves between two frames of the ground agrees with the camera's motion. */
static void test_motion_moves_the_ground(void **state)
{
    (void)state;
    fov_source *source = open_source("pattern:football?size=640x360&fps=10&seed=3", false, 0);
    double before[9], panned = 0;
    for (int i = 0; i < 100; i++) {
        fov_frame *frame = read_frame(source, NULL);
        fov_frame_unref(&frame);
        const struct football_truth *t = football_truth(source);
        assert_int_equal(t->motion.kind, i ? FOV_MOTION_HOMOGRAPHY : FOV_MOTION_NONE);
        const double middle[2] = {52.5, 34};
        double was[2], is[2], moved[2];
        if (i) {
            assert_true(plane_apply(before, middle, was) && plane_apply(t->view.map, middle, is) &&
                        plane_apply(t->motion.map, was, moved));
            assert_true(hypot(moved[0] - is[0], moved[1] - is[1]) < 1e-6);
            panned += hypot(was[0] - is[0], was[1] - is[1]);
        }
        memcpy(before, t->view.map, sizeof before);
    }
    assert_true(panned > 100);
    fov_source_close(&source);
}

/* Truth as fov_source_truth has it: whole boxes in the picture, people and at most one ball. */
static void test_public_truth(void **state)
{
    (void)state;
    fov_source *source = open_source("pattern:football?size=960x540", false, 0);
    fov_detection items[FOOTBALL_PEOPLE + 1];
    fov_detections truth = {.items = items, .capacity = FOOTBALL_PEOPLE + 1};
    assert_int_equal(fov_source_truth(source, &truth), FOV_OK);
    assert_int_equal(truth.count, 0); /* no frame yet */
    assert_null(football_truth(source));
    int balls = 0, people = 0;
    for (int i = 0; i < 250; i++) {
        fov_frame *frame = read_frame(source, NULL);
        fov_frame_unref(&frame);
        assert_int_equal(fov_source_truth(source, &truth), FOV_OK);
        for (size_t k = 0; k < truth.count; k++) {
            const fov_detection *d = &items[k];
            assert_true(d->x1 >= 0 && d->y1 >= 0 && d->x2 <= 960 && d->y2 <= 540);
            assert_true(d->x2 - d->x1 >= 2 && d->y2 - d->y1 >= 2);
            balls += d->class_id == FOOTBALL_BALL;
            people += d->class_id == FOOTBALL_PERSON;
        }
    }
    assert_true(balls > 240 && balls <= 250);
    assert_true(people > 250 * 10);
    fov_source_close(&source);
}

/* ---- the play --------------------------------------------------------------------------------
 */

struct tally {
    double fastest, moved;
    int passes, outs, steps_owned[2], wild;
};

static void watch(struct tally *t, const struct play *before, const struct play *now)
{
    for (int i = 0; i < FOOTBALL_PEOPLE; i++) {
        const struct play_person *a = &before->people[i], *b = &now->people[i];
        double step = hypot(a->at[0] - b->at[0], a->at[1] - b->at[1]);
        t->fastest = fmax(t->fastest, step / PLAY_STEP_S);
        t->moved += step;
        t->wild += b->at[0] < -8 || b->at[0] > 113 || b->at[1] < -6 || b->at[1] > 74;
    }
    t->passes += before->owner >= 0 && now->owner < 0 && now->phase == PLAY_ON;
    t->outs += before->phase == PLAY_ON && now->phase != PLAY_ON;
    if (now->owner >= 0)
        t->steps_owned[play_team(now->owner)]++;
}

/* Ten minutes of each seed: people stay on the pitch and run like people; the ball goes from one to
 * the other, out, and comes back every time. */
static void test_it_is_a_match(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 8; seed++) {
        struct play now, before;
        struct tally t = {0};
        double dead_s = 0, longest_s = 0;
        play_start(&now, seed);
        for (int i = 0; i < 30000; i++) {
            before = now;
            play_step(&now);
            watch(&t, &before, &now);
            dead_s = now.phase == PLAY_ON ? 0 : dead_s + PLAY_STEP_S;
            longest_s = fmax(longest_s, dead_s);
            assert_true(isfinite(now.ball[0]) && isfinite(now.ball[1]) && now.ball[2] > 0);
            assert_true(now.ball[0] > -6 && now.ball[0] < 111 && now.ball[1] > -5 &&
                        now.ball[1] < 73);
        }
        double per_person_km = t.moved / FOOTBALL_PEOPLE / 1000;
        print_message("seed %d: %d passes, %d outs, %d:%d, fastest %.1f m/s, %.2f km each, "
                      "longest break %.0f s\n",
                      (int)seed, t.passes, t.outs, now.score[0], now.score[1], t.fastest,
                      per_person_km, longest_s);
        assert_true(t.fastest > 7 && t.fastest < 10);
        assert_true(per_person_km > 0.5 && per_person_km < 2);
        assert_true(t.passes > 60 && t.outs > 3);
        assert_true(t.steps_owned[0] > 3000 && t.steps_owned[1] > 3000);
        assert_true(longest_s < 40);
        assert_int_equal(t.wild, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_options),
        cmocka_unit_test(test_too_many_options),
        cmocka_unit_test(test_the_same_each_time),
        cmocka_unit_test(test_rates_agree),
        cmocka_unit_test(test_formats_and_barcode),
        cmocka_unit_test(test_any_size),
        cmocka_unit_test(test_no_allocation_a_frame),
        cmocka_unit_test(test_motion_moves_the_ground),
        cmocka_unit_test(test_public_truth),
        cmocka_unit_test(test_it_is_a_match),
    };
    return cmocka_run_group_tests(tests, make_pool, drop_pool);
}
