/* Streams of football: the drawn match through the detector "drawn" against its truth, models by
 * the names of their labels, the user's own detector, frames that are all accounted for. */
#include "bed.h"

#include <math.h>
#include <stdio.h>
#include <unistd.h>

#include "media/football.h"

#define MATCH "pattern:football?size=960x540&fps=10&zoom=1.5&seed=3"

static fov_workers *drawn_workers(int count)
{
    const fov_model_params model = {.path = FOV_FOOTBALL_DRAWN, .id = "drawn"};
    const fov_workers_params params = {.workers = count, .model = &model};
    fov_workers *workers = NULL;
    fov_error error = {0};
    if (fov_workers_create(&workers, &params, &error))
        fail_msg("%s", error.message);
    return workers;
}

static fov_stream *open_stream(fov_workers *workers, fov_stream_params params)
{
    fov_stream *stream = NULL;
    fov_error error = {0};
    if (fov_stream_open(&stream, workers, &params, &error))
        fail_msg("%s", error.message);
    return stream;
}

static fov_source *open_source(const char *url)
{
    fov_source *source = NULL;
    fov_error error = {0};
    const fov_source_params params = {.url = url, .pixels = FOV_YUV};
    if (fov_source_open(&source, &params, &error))
        fail_msg("%s", error.message);
    return source;
}

static void start(fov_stream *stream, const char *url)
{
    fov_source *source = open_source(url);
    assert_int_equal(fov_stream_start_source(stream, &source, true, NULL), FOV_OK);
}

/* ---- the drawn match ---------------------------------------------------------------------------
 */

struct score {
    int frames, known, balls, right_balls, late, named;
    int people, near;
    double error_m2;
    int votes[26][2]; /* of truth's team, how often it was called first and second */
};

static const struct football_person *nearest(const struct football_truth *t,
                                             const fov_football_person *p, double *distance)
{
    const struct football_person *best = NULL;
    *distance = 1e9;
    for (int i = 0; i < FOOTBALL_PEOPLE; i++) {
        const struct football_person *q = &t->people[i];
        double d = hypot((double)(p->x1 + p->x2) / 2 - (q->x1 + q->x2) / 2, (double)p->y2 - q->y2);
        if (d < *distance) {
            *distance = d;
            best = q;
        }
    }
    return best;
}

static void judge_people(struct score *score, const fov_result *r, const struct football_truth *t)
{
    for (size_t i = 0; i < r->football->count; i++) {
        const fov_football_person *p = &r->football->people[i];
        double px;
        const struct football_person *q = nearest(t, p, &px);
        if (p->state != FOV_TRACK_ACTIVE)
            continue;
        score->people++;
        if (px > 12)
            continue;
        score->near++;
        if (p->on_pitch)
            score->error_m2 += (p->x - q->x_m) * (p->x - q->x_m) +
                               (p->y - q->y_m) * (p->y - q->y_m);
        score->known += p->on_pitch;
        if (q->team >= 0 && (p->side == FOV_TEAM_FIRST || p->side == FOV_TEAM_SECOND))
            score->votes[q->team][p->side == FOV_TEAM_SECOND]++;
    }
}

static void judge(struct score *score, const fov_result *r)
{
    const struct football_truth *t = football_frame_truth(r->frame);
    assert_non_null(t);
    assert_int_equal(r->outcome, FOV_DELIVERED);
    assert_non_null(r->football);
    assert_int_equal(r->football->detector, FOV_DETECTOR_DRAWN);
    score->frames++;
    judge_people(score, r, t);
    const fov_ball *ball = &r->football->ball;
    if (ball->state != FOV_BALL_NONE) {
        score->balls++;
        score->right_balls += hypot((double)ball->x - t->ball.x_px,
                                    (double)ball->y - t->ball.y_px) < 8;
    }
    score->late += (int)r->football->late.count;
    for (size_t i = 0; i < r->detections->count; i++) {
        const fov_detection *d = &r->detections->items[i];
        const char *label = fov_model_label(r->model, d->class_id);
        assert_true(strcmp(label, "person") == 0 || strcmp(label, "ball") == 0);
        score->named += d->track_id > 0;
    }
}

/* Adds up what a stream gives until its source ends. */
static void judge_all(struct score *score, fov_stream *stream)
{
    fov_result *result = NULL;
    fov_error error = {0};
    fov_status status;
    while ((status = fov_stream_get(stream, 20000, &result, &error)) == FOV_OK) {
        judge(score, result);
        fov_result_release(&result);
    }
    if (status != FOV_EOS)
        fail_msg("%s", error.message);
}

static int right_sides(const struct score *s, int *all)
{
    int straight = s->votes[0][0] + s->votes[1][1], crossed = s->votes[0][1] + s->votes[1][0];
    *all = straight + crossed;
    return straight > crossed ? straight : crossed;
}

static void a_drawn_match_is_followed(void **state)
{
    (void)state;
    const fov_football_params football = {.player_model = "drawn", .pitch_model = "drawn"};
    fov_workers *workers = drawn_workers(2);
    fov_stream *stream = open_stream(
        workers, (fov_stream_params){.fifo = true, .results = 4, .football = &football});
    static struct score score;
    score = (struct score){0};
    start(stream, MATCH "&frames=120");
    judge_all(&score, stream);
    int sided, right = right_sides(&score, &sided);
    fov_ball rest[256];
    fov_match_person people[64];
    fov_match_team teams[2];
    size_t left = fov_stream_settle_football(stream, rest, 256);
    size_t count = fov_stream_get_match(stream, people, 64, teams, NULL);
    double rms = sqrt(score.error_m2 / (score.known + 1e-9));
    print_message("%d people, %d near, %d in metres, %.2f m rms, %d of %d sides, %d of %d balls\n",
                  score.people, score.near, score.known, rms, right, sided, score.right_balls,
                  score.balls);
    assert_int_equal(score.frames, 120);
    assert_int_equal(score.late + (int)left, 120); /* each picture of the ball once */
    assert_int_equal(fov_stream_settle_football(stream, rest, 256), 0);
    assert_true(score.people > 120 * 5 && score.near > 0.95 * score.people);
    assert_true(score.named > 120 * 5);
    assert_true(score.known > 0.98 * score.near && rms < 0.3);
    assert_true(sided > score.near / 3 && right > 0.95 * sided);
    assert_true(score.balls > 60 && score.right_balls > 0.92 * score.balls);
    assert_true(count > 5 && teams[0].distance_m > 10 && teams[1].distance_m > 10);
    fov_stream_close(&stream);
    fov_workers_destroy(&workers);
}

/* What the workers did in which order must change nothing. */
static void drawn_results_repeat(void **state)
{
    (void)state;
    double sums[2] = {0};
    for (int round = 0; round < 2; round++) {
        const fov_football_params football = {.player_model = "drawn"};
        fov_workers *workers = drawn_workers(1 + 2 * round);
        fov_stream *stream = open_stream(
            workers, (fov_stream_params){.fifo = true, .results = 8, .football = &football});
        fov_result *result = NULL;
        start(stream, MATCH "&frames=30");
        while (fov_stream_get(stream, 20000, &result, NULL) == FOV_OK) {
            for (size_t i = 0; i < result->football->count; i++)
                sums[round] += (double)result->football->people[i].x1 *
                               result->football->people[i].id;
            fov_result_release(&result);
        }
        fov_stream_close(&stream);
        fov_workers_destroy(&workers);
    }
    assert_true(sums[0] > 0 && fabs(sums[0] - sums[1]) < 1e-6 * sums[0]);
}

static void drawn_sees_nothing_else(void **state)
{
    (void)state;
    const fov_football_params football = {.player_model = "drawn"};
    fov_workers *workers = workers_of("fake:boxes=none", 1, NULL); /* "drawn" comes by itself */
    fov_stream *stream = open_stream(
        workers, (fov_stream_params){.fifo = true, .results = 4, .football = &football});
    fov_source *source = open_source("pattern:width=64,height=64,frames=2");
    fov_error error = {0};
    assert_int_equal(fov_stream_start_source(stream, &source, true, &error), FOV_EINVAL);
    assert_non_null(strstr(error.message, "pattern:football"));
    assert_null(source);
    fov_frame *frame = frame_of(0, FOV_RGB24);
    fov_result *result = NULL;
    assert_int_equal(fov_stream_put(stream, &frame, NULL), FOV_OK);
    assert_int_equal(fov_stream_get(stream, 5000, &result, NULL), FOV_OK);
    assert_int_equal(result->outcome, FOV_FAILED);
    assert_int_equal(result->status, FOV_EINVAL);
    assert_non_null(strstr(result->message, "drawn"));
    fov_result_release(&result);
    int count = 0;
    for (fov_model *model; (model = fov_workers_model_at(workers, (size_t)count, NULL, NULL));) {
        assert_string_not_equal(fov_model_get_info(model)->id, "drawn");
        fov_model_close(&model);
        count++;
    }
    assert_int_equal(count, 1);
    fov_stream_close(&stream);
    fov_workers_destroy(&workers);
}

/* ---- models ------------------------------------------------------------------------------------
 */

static fov_status open_status(fov_workers *workers, const fov_football_params *football,
                              fov_error *error)
{
    const fov_stream_params params = {.results = 1, .football = football};
    fov_stream *stream = NULL;
    *error = (fov_error){0};
    fov_status status = fov_stream_open(&stream, workers, &params, error);
    fov_stream_close(&stream);
    return status;
}

static void models_need_people(void **state)
{
    (void)state;
    fov_error error;
    fov_workers *workers = workers_of("fake:boxes=none", 1, NULL);
    fov_football_params football = {0};
    assert_int_equal(open_status(workers, &football, &error), FOV_EINVAL);
    assert_non_null(strstr(error.message, "bright, frame"));
    football.player_labels = "somebody, Frame";
    assert_int_equal(open_status(workers, &football, &error), FOV_OK);
    football.player_model = "nobody";
    assert_int_equal(open_status(workers, &football, &error), FOV_ENOTFOUND);
    football = (fov_football_params){.player_labels = "frame", .pitch_model = "drawn"};
    assert_int_equal(open_status(workers, &football, &error), FOV_EINVAL);
    football = (fov_football_params){.player_labels = "frame", .player_conf = 2};
    assert_int_equal(open_status(workers, &football, &error), FOV_EINVAL);
    fov_workers_destroy(&workers);
}

/* Of five boxes of four classes those of football are left, each as what it is. */
static void hook_sees_football(void *user, const fov_frame *frame, fov_detections *d)
{
    int *calls = user;
    (void)frame;
    for (size_t i = 0; i < d->count; i++)
        assert_int_equal(d->items[i].class_id, FOV_CLASS_PLAYER);
    assert_true(d->count > 0 && d->count + 3 <= d->capacity);
    d->items[d->count] = (fov_detection){10, 10, 20, 30, 0.8f, FOV_CLASS_GOALKEEPER, 0, 7};
    d->items[d->count + 1] = (fov_detection){30, 30, 34, 34, 0.8f, FOV_CLASS_BALL, 0, 7};
    d->items[d->count + 2] = (fov_detection){NAN, 30, 34, 34, 0.8f, FOV_CLASS_PLAYER, 0, 7};
    d->count += 3;
    (*calls)++;
}

static void the_hook_has_its_say(void **state)
{
    (void)state;
    int calls = 0;
    const fov_football_params football = {
        .look = FOV_LOOK_WHOLE, .on_detections = hook_sees_football, .user = &calls};
    fov_workers *workers = workers_of("fake:boxes=2,labels=Soccer_Player", 1, NULL);
    fov_stream *stream = open_stream(
        workers, (fov_stream_params){.fifo = true, .results = 4, .football = &football});
    fov_result *result = NULL;
    for (int i = 0; i < 4; i++) {
        fov_frame *frame = frame_of((uint64_t)i, FOV_RGB24);
        assert_int_equal(fov_stream_put(stream, &frame, NULL), FOV_OK);
        assert_int_equal(fov_stream_get(stream, 5000, &result, NULL), FOV_OK);
        assert_int_equal(result->outcome, FOV_DELIVERED);
        assert_int_equal(result->football->detector, FOV_DETECTOR_OWN);
        size_t count = result->detections->count;
        const fov_detection *keeper = &result->detections->items[count - 2];
        assert_string_equal(fov_model_label(result->model, keeper->class_id), "Soccer Player");
        assert_int_equal(keeper[1].class_id, FOV_LABEL_BALL);
        assert_string_equal(fov_model_label(result->model, keeper[1].class_id), "ball");
        assert_int_equal(keeper[1].track_id, -1);
        assert_int_not_equal(keeper->track_id, 7);
        fov_result_release(&result);
    }
    assert_int_equal(calls, 4);
    fov_stream_close(&stream);
    fov_workers_destroy(&workers);
}

/* The threshold of football goes before that of the stream. */
static void people_have_a_threshold(void **state)
{
    (void)state;
    fov_workers *workers = workers_of("fake:boxes=2,score=0.6,labels=player", 1, NULL);
    for (int i = 0; i < 3; i++) {
        static const float confs[] = {0, 0.5f, 0.7f};
        const fov_football_params football = {.look = FOV_LOOK_WHOLE, .player_conf = confs[i]};
        fov_stream *stream = open_stream(workers, (fov_stream_params){.fifo = true,
                                                                      .results = 4,
                                                                      .detect = {.conf = 0.65f},
                                                                      .football = &football});
        fov_frame *frame = frame_of(0, FOV_RGB24);
        fov_result *result = NULL;
        assert_int_equal(fov_stream_put(stream, &frame, NULL), FOV_OK);
        assert_int_equal(fov_stream_get(stream, 5000, &result, NULL), FOV_OK);
        assert_int_equal(result->detections->count, i == 1 ? 2 : 0);
        fov_result_release(&result);
        fov_stream_close(&stream);
    }
    fov_workers_destroy(&workers);
}

static void hook_plays(void *user, const fov_frame *frame, fov_detections *d)
{
    (void)user;
    assert_int_equal(d->count, 0);
    float x = (float)(10 + 2 * frame->seq);
    d->items[0] = (fov_detection){x, 10, x + 12, 40, 0.9f, FOV_CLASS_PLAYER, 0, 0};
    d->count = 1;
}

/* Detections from elsewhere need no model. */
static void detections_are_played(void **state)
{
    (void)state;
    const fov_football_params football = {.player_model = "drawn", .on_detections = hook_plays};
    fov_workers *workers = drawn_workers(1);
    fov_stream *stream = open_stream(
        workers, (fov_stream_params){.fifo = true, .results = 4, .football = &football});
    start(stream, "pattern:width=96,height=64,frames=8,fps=25");
    fov_result *result = NULL;
    int count = 0;
    while (fov_stream_get(stream, 20000, &result, NULL) == FOV_OK) {
        assert_int_equal(result->outcome, FOV_DELIVERED);
        assert_int_equal(result->detections->count, 1);
        assert_int_equal(result->football->detector, FOV_DETECTOR_OWN);
        assert_true(count++ < 2 || result->football->count == 1);
        fov_result_release(&result);
    }
    assert_int_equal(count, 8);
    fov_stream_close(&stream);
    fov_workers_destroy(&workers);
}

/* The fake model that stands for it is much too small for tiles, and there from the second stream
 * on: all of them are as the first. */
static void drawn_has_no_tiles(void **state)
{
    (void)state;
    const fov_football_params football = {.player_model = "drawn", .look = FOV_LOOK_TILES};
    const fov_stream_params params = {.fifo = true, .results = 4, .football = &football};
    fov_workers *workers = workers_of("fake:boxes=none", 1, NULL);
    for (int i = 0; i < 2; i++) {
        fov_stream *stream = open_stream(workers, params);
        fov_result *result = NULL;
        start(stream, MATCH "&frames=1");
        assert_int_equal(fov_stream_get(stream, 20000, &result, NULL), FOV_OK);
        assert_int_equal(result->outcome, FOV_DELIVERED);
        assert_int_equal(result->football->detector, FOV_DETECTOR_DRAWN);
        fov_result_release(&result);
        fov_stream_close(&stream);
    }
    fov_workers_destroy(&workers);
}

/* Frames that went through a model in one run are followed in their order. */
static void batches_are_followed(void **state)
{
    (void)state;
    const fov_football_params football = {.look = FOV_LOOK_WHOLE};
    fov_model_params model = {.path = "fake:boxes=bright,batch=4,labels=person"};
    const fov_workers_params params = {.workers = 2, .model = &model, .always_batch = true};
    fov_workers *workers = NULL;
    assert_int_equal(fov_workers_create(&workers, &params, NULL), FOV_OK);
    fov_encoder *encoder = NULL;
    assert_int_equal(fov_encoder_create(&encoder, NULL), FOV_OK);
    fov_stream *stream = open_stream(
        workers,
        (fov_stream_params){
            .fifo = true, .results = 16, .gather = 4, .capacity = 8, .football = &football});
    for (uint64_t i = 0; i < 12; i++) {
        fov_frame *frame = jpeg_of(encoder, i);
        frame->pts_ms = 40.0 * (double)i;
        assert_int_equal(fov_stream_put_wait(stream, &frame, 5000, NULL), FOV_OK);
    }
    for (uint64_t i = 0; i < 12; i++) {
        fov_result *result = NULL;
        assert_int_equal(fov_stream_get(stream, 5000, &result, NULL), FOV_OK);
        assert_int_equal(result->outcome, FOV_DELIVERED);
        assert_int_equal(result->frame->seq, i);
        assert_non_null(result->football);
        assert_true(fabs(result->football->time_s - 0.04 * (double)i) < 1e-6);
        assert_int_equal(result->detections->count, 1);
        assert_null(result->picture); /* nobody watches */
        assert_true(result->football->parts_ns[FOV_PART_PLAYERS] > 0);
        assert_true(result->football->parts_ns[FOV_PART_OTHER] > 0);
        fov_result_release(&result);
    }
    double parts[FOV_PART_COUNT];
    fov_stream_get_football_parts(stream, parts);
    assert_true(parts[FOV_PART_PLAYERS] > 0 && parts[FOV_PART_TRACKING] > 0);
    fov_stream_close(&stream);
    fov_encoder_destroy(&encoder);
    fov_workers_destroy(&workers);
}

/* ---- cuts -------------------------------------------------------------------------------------
 */

/* How far the told view is from the true one: px of the ground's middle and of two places beside.
 */
static double off_px(const fov_result *r, const struct football_truth *t)
{
    double most = 0;
    const double places[][2] = {{52.5, 34}, {30, 20}, {75, 48}};
    for (int i = 0; i < 3; i++) {
        double told[2], is[2];
        if (fov_pitch_to_px(&r->football->view, places[i], told) &&
            fov_pitch_to_px(&t->view, places[i], is) && is[0] >= 0 && is[0] < 960 && is[1] >= 0 &&
            is[1] < 540)
            most = fmax(most, hypot(told[0] - is[0], told[1] - is[1]));
    }
    return most;
}

/* The n-th picture of a film that is cut from one match to another in picture `cut`. */
static fov_result *film(fov_stream *stream, fov_source *sources[2], fov_frame_pool *pool, int n,
                        int cut)
{
    fov_frame *frame = NULL;
    fov_result *result = NULL;
    fov_error error = {0};
    fov_source *source = sources[n >= cut];
    for (int skip = n == cut ? 20 : 0; skip >= 0; skip--) {
        fov_frame_unref(&frame);
        assert_int_equal(fov_source_read(source, pool, &frame, NULL, &error), FOV_OK);
    }
    frame->pts_ms = 1000 + 100.0 * n;
    assert_int_equal(fov_stream_put_wait(stream, &frame, 5000, NULL), FOV_OK);
    assert_int_equal(fov_stream_get(stream, 20000, &result, NULL), FOV_OK);
    return result;
}

/* The keypoints' model looks once in eight seconds, and in the pictures after a cut at once. Until
 * it has found the new view nothing is told, and never the old one. */
static void a_cut_is_seen_and_the_view_found_anew(void **state)
{
    (void)state;
    enum { CUT = 10, LENGTH = 13 };
    const fov_football_params football = {
        .player_model = "drawn", .pitch_model = "drawn", .pitch_fps = 0.125};
    const fov_stream_params params = {.results = 8, .fifo = true, .football = &football};
    fov_workers *workers = drawn_workers(1);
    fov_frame_pool *pool = NULL;
    assert_int_equal(fov_frame_pool_create(&pool, NULL, NULL), FOV_OK);
    int lost = 0;
    for (int seed = 1; seed <= 12; seed++) {
        char urls[2][80];
        fov_source *sources[2];
        fov_stream *stream = open_stream(workers, params);
        int again = 0;
        for (int k = 0; k < 2; k++) {
            snprintf(urls[k], sizeof urls[k],
                     "pattern:football?size=960x540&fps=10&seed=%d&zoom=%d", seed + 20 * k,
                     1 + k * (seed % 2));
            sources[k] = open_source(urls[k]);
        }
        for (int n = 0; n < LENGTH; n++) {
            fov_result *r = film(stream, sources, pool, n, CUT);
            const struct football_truth *t = football_frame_truth(r->frame);
            assert_int_equal(r->outcome, FOV_DELIVERED);
            assert_true(r->football->view_known || n >= CUT);
            lost += n == CUT && !r->football->view_known;
            if (r->football->view_known && off_px(r, t) >= 10)
                fail_msg("seed %d, picture %d: %g px off", seed, n, off_px(r, t));
            again = again == 0 && n >= CUT && r->football->view_known ? n : again;
            fov_result_release(&r);
        }
        if (again == 0 || again > CUT + 2)
            fail_msg("seed %d: cut in picture %d, known again in %d", seed, CUT, again);
        for (int k = 0; k < 2; k++)
            fov_source_close(&sources[k]);
        fov_stream_close(&stream);
    }
    print_message("the view was lost at %d of 12 cuts\n",
                  lost); /* else the lines said it at once */
    assert_true(lost >= 4);
    fov_frame_pool_destroy(&pool);
    fov_workers_destroy(&workers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_drawn_match_is_followed),
        cmocka_unit_test(drawn_results_repeat),
        cmocka_unit_test(drawn_has_no_tiles),
        cmocka_unit_test(drawn_sees_nothing_else),
        cmocka_unit_test(models_need_people),
        cmocka_unit_test(the_hook_has_its_say),
        cmocka_unit_test(people_have_a_threshold),
        cmocka_unit_test(batches_are_followed),
        cmocka_unit_test(detections_are_played),
        cmocka_unit_test(a_cut_is_seen_and_the_view_found_anew),
    };
    return cmocka_run_group_tests(tests, bed_make, bed_clear);
}
