/* Streams of football with several models: people in tiles, the ball by a model of its own, models
 * that hang, are replaced, or are wanted by two streams at once. */
#include "bed.h"

#include <math.h>
#include <stdio.h>
#include <unistd.h>

#include "media/football.h"

enum { SCALE = 10 }; /* of frames: 960 x 640 px */

static fov_stream *open_stream(fov_workers *workers, const fov_football_params *football)
{
    const fov_stream_params params = {.results = 8, .fifo = true, .football = football};
    fov_stream *stream = NULL;
    fov_error error = {0};
    if (fov_stream_open(&stream, workers, &params, &error))
        fail_msg("%s", error.message);
    return stream;
}

static void add_model(fov_workers *workers, const char *path, const char *id)
{
    const fov_model_params params = {.path = path, .id = id};
    fov_error error = {0};
    if (fov_workers_add_model(workers, &params, false, &error))
        fail_msg("%s", error.message);
}

static fov_result *result_of(fov_stream *stream, uint64_t number)
{
    fov_frame *frame = scaled_frame_of(number, FOV_YUV, SCALE);
    fov_result *result = NULL;
    frame->pts_ms = 40.0 * (double)number;
    assert_int_equal(fov_stream_put_wait(stream, &frame, 5000, NULL), FOV_OK);
    assert_int_equal(fov_stream_get(stream, 20000, &result, NULL), FOV_OK);
    return result;
}

/* The one bright thing of the picture. */
static fov_detection block_of(const fov_image *image)
{
    fov_detection d = {.x1 = 1e6f, .y1 = 1e6f};
    for (int y = 0; y < image->height; y++)
        for (int x = 0; x < image->width; x++)
            if (image->plane[0][y * image->stride[0] + x] > 200) {
                d.x1 = fminf(d.x1, (float)x);
                d.y1 = fminf(d.y1, (float)y);
                d.x2 = fmaxf(d.x2, (float)x + 1);
                d.y2 = fmaxf(d.y2, (float)y + 1);
            }
    return d;
}

static bool is_near(const fov_detection *a, const fov_detection *b, float px)
{
    return fabsf(a->x1 - b->x1) <= px && fabsf(a->y1 - b->y1) <= px && fabsf(a->x2 - b->x2) <= px &&
           fabsf(a->y2 - b->y2) <= px;
}

/* ---- tiles ------------------------------------------------------------------------------------
 */

static void people_in_tiles_are_in_their_place(void **state)
{
    (void)state;
    const fov_football_params football = {.look = FOV_LOOK_TILES, .tile_px = 320};
    fov_workers *workers = workers_of("fake:boxes=bright,labels=person", 2, NULL);
    fov_stream *stream = open_stream(workers, &football);
    for (uint64_t i = 0; i < 24; i++) {
        fov_result *result = result_of(stream, i);
        fov_detection block = block_of(&result->frame->image);
        assert_int_equal(result->outcome, FOV_DELIVERED);
        assert_int_equal(result->football->detector, FOV_DETECTOR_WEAK);
        assert_int_equal(result->detections->count, 1);
        assert_true(is_near(&result->detections->items[0], &block, 8));
        assert_int_equal(result->width, 96 * SCALE);
        fov_result_release(&result);
    }
    fov_stream_close(&stream);
    fov_workers_destroy(&workers);
}

static void tiles_take_turns(void **state)
{
    (void)state;
    enum { TILES = 12, EACH = 3, FRAMES = 24 };
    const fov_football_params football = {
        .look = FOV_LOOK_TILES, .tile_px = 320, .tiles_at_once = EACH};
    fov_workers *workers = workers_of("fake:boxes=bright,labels=person", 1, NULL);
    fov_stream *stream = open_stream(workers, &football);
    int seen = 0, unseen = 0, longest = 0;
    for (uint64_t i = 0; i < FRAMES; i++) {
        fov_result *result = result_of(stream, 3); /* nothing moves */
        bool found = result->detections->count > 0;
        seen += found;
        unseen = found ? 0 : unseen + 1;
        longest = unseen > longest ? unseen : longest;
        fov_result_release(&result);
    }
    assert_true(seen >= FRAMES * EACH / TILES && seen < FRAMES);
    assert_true(longest < (TILES + EACH - 1) / EACH);
    fov_stream_close(&stream);
    fov_workers_destroy(&workers);
}

/* ---- the ball ----------------------------------------------------------------------------------
 */

static void the_ball_has_its_own_model(void **state)
{
    (void)state;
    const fov_football_params football = {.look = FOV_LOOK_WHOLE, .ball_model = "ball"};
    fov_workers *workers = workers_of("fake:boxes=1,labels=person", 2, NULL);
    add_model(workers, "fake:boxes=bright,labels=dog+ball,class=1", "ball");
    fov_stream *stream = open_stream(workers, &football);
    int balls = 0;
    for (uint64_t i = 0; i < 20; i++) {
        fov_result *result = result_of(stream, i / 4);
        fov_detection block = block_of(&result->frame->image);
        assert_int_equal(result->outcome, FOV_DELIVERED);
        assert_true(result->football->parts_ns[FOV_PART_BALL] > 0);
        for (size_t k = 0; k < result->detections->count; k++) {
            const fov_detection *d = &result->detections->items[k];
            if (d->class_id != FOV_LABEL_BALL)
                continue;
            assert_string_equal(fov_model_label(result->model, d->class_id), "ball");
            assert_true(is_near(d, &block, 8));
            balls++;
        }
        assert_true(result->detections->count >= 1);
        fov_result_release(&result);
    }
    assert_true(balls >= 16); /* after a leap of the block it is looked for elsewhere at first */
    assert_int_equal(fov_workers_remove_model(workers, "ball", NULL), FOV_EBUSY);
    add_model(workers, "fake:boxes=none,labels=ball", "ball"); /* takes its place */
    fov_result *result = result_of(stream, 20);
    assert_int_equal(result->outcome, FOV_DELIVERED);
    for (size_t k = 0; k < result->detections->count; k++)
        assert_int_not_equal(result->detections->items[k].class_id, FOV_LABEL_BALL);
    fov_result_release(&result);
    fov_stream_close(&stream);
    assert_int_equal(fov_workers_remove_model(workers, "ball", NULL), FOV_OK);
    fov_workers_destroy(&workers);
}

/* It looks at five pictures a second of 25: the ball is there in those between. */
static void a_slow_ball_model_loses_no_ball(void **state)
{
    (void)state;
    const fov_football_params football = {
        .look = FOV_LOOK_WHOLE, .ball_model = "ball", .ball_fps = 5, .still_camera = true};
    fov_workers *workers = workers_of("fake:boxes=none,labels=person", 1, NULL);
    add_model(workers, "fake:boxes=bright,labels=ball", "ball");
    fov_stream *stream = open_stream(workers, &football);
    int looks = 0, seen = 0, told = 0;
    for (int i = 0; i < 60; i++) {
        fov_frame *frame = scaled_frame_of(3, FOV_YUV, SCALE);
        fov_result *result = NULL;
        frame->pts_ms = 1000 + 40.0 * i;
        assert_int_equal(fov_stream_put_wait(stream, &frame, 5000, NULL), FOV_OK);
        assert_int_equal(fov_stream_get(stream, 20000, &result, NULL), FOV_OK);
        looks += result->football->parts_ns[FOV_PART_BALL] > 0;
        seen += i >= 20 && result->football->ball.state == FOV_BALL_SEEN;
        told += i >= 20 && result->football->ball.state != FOV_BALL_NONE;
        fov_result_release(&result);
    }
    assert_int_equal(looks, 12);
    assert_int_equal(seen, 8);
    assert_true(told >= 32); /* of 40: its place is known less well just before a look */
    fov_stream_close(&stream);
    fov_workers_destroy(&workers);
}

/* A picture that nothing is known before of is looked at in regions of the size that was asked for:
 * the fake model sees something in each. */
static void the_first_picture_has_regions_as_asked_for(void **state)
{
    (void)state;
    const fov_football_params football = {
        .look = FOV_LOOK_WHOLE, .ball_model = "ball", .ball = {.tile_px = 320}};
    fov_workers *workers = workers_of("fake:boxes=none,labels=person", 1, NULL);
    add_model(workers, "fake:boxes=1,labels=ball", "ball");
    fov_stream *stream = open_stream(workers, &football);
    fov_result *result = result_of(stream, 0);
    assert_int_equal(result->outcome, FOV_DELIVERED);
    /* 4 x 3 of 320 px, but boxes that overlap are one; of the usual size there are two */
    assert_in_range(result->detections->count, 9, 12);
    fov_result_release(&result);
    fov_stream_close(&stream);
    fov_workers_destroy(&workers);
}

static void other_models_must_be_what_they_are_for(void **state)
{
    (void)state;
    fov_workers *workers = workers_of("fake:labels=person", 1, NULL);
    add_model(workers, "fake:labels=box", "box");
    const struct {
        fov_football_params football;
        fov_status status;
        const char *word;
    } wrong[] = {{{.ball_model = "box"}, FOV_EINVAL, "ball_labels"},
                 {{.ball_model = "nothing"}, FOV_ENOTFOUND, "nothing"},
                 {{.ball_model = "drawn"}, FOV_EINVAL, "ball_model"},
                 {{.player_model = "drawn", .ball_model = "box"}, FOV_EINVAL, "ball_model"},
                 {{.pitch_model = "box"}, FOV_EINVAL, "keypoints"},
                 {{.tile_px = 5}, FOV_EINVAL, "tile_px"}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        const fov_stream_params params = {.results = 1, .football = &wrong[i].football};
        fov_stream *stream = NULL;
        fov_error error = {0};
        assert_int_equal(fov_stream_open(&stream, workers, &params, &error), wrong[i].status);
        if (!strstr(error.message, wrong[i].word))
            fail_msg("%s", error.message);
    }
    assert_int_equal(fov_workers_remove_model(workers, "box", NULL), FOV_OK); /* nobody holds it */
    fov_workers_destroy(&workers);
}

/* ---- trouble -----------------------------------------------------------------------------------
 */

/* A run of the ball's that hangs and comes back when it is asked to costs its frame the ball. */
static void a_hung_ball_costs_the_ball(void **state)
{
    (void)state;
    struct events events = {0};
    const fov_football_params football = {.look = FOV_LOOK_WHOLE, .ball_model = "ball"};
    fov_workers *workers = workers_of("fake:boxes=1,labels=person", 2, &events);
    add_model(workers, "fake:boxes=bright,labels=ball,hang_every=6", "ball");
    fov_stream *stream = open_stream(workers, &football);
    for (uint64_t i = 0; i < 9; i++) {
        fov_result *result = result_of(stream, 1);
        assert_int_equal(result->outcome, FOV_DELIVERED);
        assert_true(result->detections->count >= 1);
        fov_result_release(&result);
    }
    assert_true(events.lost >= 1);
    fov_stream_close(&stream);
    fov_workers_destroy(&workers);
}

/* One that never comes back takes its frame, its thread and its runner; the model is given up after
 * four, and people are seen as before. */
static void a_deaf_ball_is_given_up(void **state)
{
    (void)state;
    struct events events = {0};
    const fov_football_params football = {.look = FOV_LOOK_WHOLE, .ball_model = "ball"};
    fov_workers *workers = workers_of("fake:boxes=1,labels=person", 2, &events);
    add_model(workers, "fake:boxes=bright,labels=ball,hang_after=1,deaf=1", "ball");
    fov_stream *stream = open_stream(workers, &football);
    int failed = 0, delivered = 0, after = 0;
    for (uint64_t i = 0; i < 2000 && after < 20; i++) {
        fov_result *result = result_of(stream, 1);
        failed += result->outcome == FOV_FAILED;
        delivered += result->outcome == FOV_DELIVERED;
        after += failed == 4;
        if (result->outcome == FOV_FAILED)
            assert_int_equal(result->status, FOV_ETIMEOUT);
        fov_result_release(&result);
        if (failed < 4)
            usleep(20000); /* the model is opened anew */
    }
    fov_workers_info info;
    fov_stats stats;
    fov_workers_get_info(workers, &info);
    fov_stream_close_stats(&stream, 60, &stats);
    assert_int_equal(failed, 4);
    assert_true(delivered >= 19 && info.lost_runs == 4);
    assert_int_equal(stats.delivered, delivered);
    assert_int_equal(stats.failed, failed);
    fov_workers_destroy(&workers);
}

/* Two streams, each with the other's model for the ball: no worker waits for the other's for ever.
 */
static void models_of_each_other(void **state)
{
    (void)state;
    enum { FRAMES = 40 };
    fov_workers *workers = workers_of("fake:boxes=bright,labels=person+ball,sleep_ms=2", 2, NULL);
    add_model(workers, "fake:boxes=bright,labels=person+ball,sleep_ms=1", "other");
    fov_model *model = fov_workers_model(workers, NULL);
    char id[64];
    snprintf(id, sizeof id, "%s", fov_model_get_info(model)->id);
    fov_model_close(&model);
    const fov_football_params football[] = {
        {.look = FOV_LOOK_WHOLE, .ball_model = "other"},
        {.look = FOV_LOOK_WHOLE, .player_model = "other", .ball_model = id}};
    fov_stream *streams[2];
    fov_stats stats;
    for (int k = 0; k < 2; k++)
        streams[k] = open_stream(workers, &football[k]);
    for (uint64_t i = 0; i < FRAMES; i++)
        for (int k = 0; k < 2; k++) {
            fov_frame *frame = scaled_frame_of(i, FOV_YUV, 2);
            assert_int_equal(fov_stream_put_wait(streams[k], &frame, 10000, NULL), FOV_OK);
            fov_result *result = NULL;
            while (fov_stream_get(streams[k], 0, &result, NULL) == FOV_OK)
                fov_result_release(&result);
        }
    for (int k = 0; k < 2; k++) {
        fov_stream_finish(streams[k]);
        fov_result *result = NULL;
        while (fov_stream_get(streams[k], 20000, &result, NULL) == FOV_OK)
            fov_result_release(&result);
        fov_stream_close_stats(&streams[k], 60, &stats);
        assert_int_equal(stats.delivered, FRAMES);
    }
    fov_workers_destroy(&workers);
}

/* A live stream that cannot keep up answers every frame once, also those that it drops. */
static void every_frame_is_accounted_for(void **state)
{
    (void)state;
    enum { FRAMES = 300 };
    const fov_football_params football = {
        .look = FOV_LOOK_TILES, .tile_px = 480, .ball_model = "ball"};
    fov_workers *workers = workers_of("fake:boxes=bright,labels=person,sleep_ms=3,fail_every=9", 2,
                                      NULL);
    add_model(workers, "fake:boxes=bright,labels=ball,sleep_ms=2,fail_every=11", "ball");
    struct sink sink;
    sink_init(&sink);
    fov_stream *stream = NULL;
    const fov_stream_params params = {
        .on_result = sink_result, .user = &sink, .max_latency_ms = 60, .football = &football};
    assert_int_equal(fov_stream_open(&stream, workers, &params, NULL), FOV_OK);
    for (uint64_t i = 0; i < FRAMES; i++) {
        fov_frame *frame = scaled_frame_of(i, FOV_YUV, SCALE);
        assert_int_equal(fov_stream_put(stream, &frame, NULL), FOV_OK);
        usleep(4000);
    }
    fov_stats stats;
    fov_stream_close_stats(&stream, 60, &stats);
    uint64_t dropped = 0;
    for (int i = 0; i < FOV_DROP_COUNT; i++)
        dropped += stats.dropped[i];
    assert_int_equal(stats.delivered + stats.failed + dropped, FRAMES);
    assert_int_equal(sink.answers, FRAMES);
    assert_int_equal(sink.delivered, stats.delivered);
    assert_true(stats.delivered > 0 && dropped > 0);
    close_all(&stream, &sink);
    fov_workers_destroy(&workers);
}

/* What a guaranteed stream needs is what all its models take: they sleep, so that is known. */
static void promises_count_all_models(void **state)
{
    (void)state;
    const fov_football_params football = {.look = FOV_LOOK_WHOLE, .ball_model = "ball"};
    const fov_stream_params params = {.results = 4,
                                      .max_latency_ms = 5000,
                                      .guaranteed = true,
                                      .promised_fps = 4,
                                      .football = &football};
    fov_workers *workers = workers_of("fake:boxes=1,labels=person,sleep_ms=6", 1, NULL);
    add_model(workers, "fake:boxes=bright,labels=ball,sleep_ms=8", "ball");
    fov_stream *stream = NULL;
    fov_admission admission;
    fov_status status = FOV_EAGAIN;
    for (int i = 0; i < 400 && status == FOV_EAGAIN; i++) {
        status = fov_stream_open(&stream, workers, &params, NULL);
        if (status == FOV_EAGAIN)
            usleep(20000);
    }
    assert_int_equal(status, FOV_OK);
    for (uint64_t i = 0; i < 10; i++) {
        fov_frame *frame = scaled_frame_of(1, FOV_YUV, 2);
        frame->deadline_ns = frame->capture_ns + INT64_C(5000000000);
        fov_result *result = NULL;
        assert_int_equal(fov_stream_put(stream, &frame, NULL), FOV_OK);
        while (fov_stream_get(stream, 260, &result, NULL) == FOV_OK)
            fov_result_release(&result);
    }
    assert_true(fov_stream_get_admission(stream, &admission));
    assert_true(admission.needs_ms >= 13.9 && admission.fps == 4);
    fov_stream_close(&stream);
    fov_workers_destroy(&workers);
}

/* ---- from any thread ---------------------------------------------------------------------------
 */

struct meddler {
    fov_stream *stream;
    atomic_bool stop;
    atomic_int sets, gets;
};

static void *meddle(void *argument)
{
    struct meddler *m = argument;
    while (!m->stop) {
        fov_pitch_view view;
        bool known;
        double sigma, parts[FOV_PART_COUNT];
        uint64_t seq;
        fov_match_person people[32];
        fov_match_team teams[2];
        fov_match_ball ball;
        assert_int_equal(fov_stream_get_pitch_view(m->stream, &view, &known, &sigma, &seq, NULL),
                         FOV_OK);
        if (known && fov_stream_set_pitch_view(m->stream, &view, UINT64_MAX, NULL) == FOV_OK)
            m->sets++;
        fov_stream_get_football_parts(m->stream, parts);
        m->gets += (int)fov_stream_get_match(m->stream, people, 32, teams, &ball);
        usleep(1000);
    }
    return NULL;
}

static void views_are_set_from_any_thread(void **state)
{
    (void)state;
    fov_source *source = NULL;
    const fov_source_params from = {
        .url = "pattern:football?size=640x360&fps=10&frames=60&zoom=1.5", .pixels = FOV_YUV};
    const fov_football_params football = {.player_model = "drawn"};
    fov_workers *workers = workers_of("fake:boxes=none", 2, NULL);
    struct meddler meddler = {.stream = open_stream(workers, &football)};
    fov_result *result = NULL;
    assert_int_equal(fov_source_open(&source, &from, NULL), FOV_OK);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, meddle, &meddler), 0);
    assert_int_equal(fov_stream_start_source(meddler.stream, &source, true, NULL), FOV_OK);
    int count = 0, known = 0;
    while (fov_stream_get(meddler.stream, 20000, &result, NULL) == FOV_OK) {
        const struct football_truth *truth = football_frame_truth(result->frame);
        assert_non_null(result->football);
        known += result->football->view_known;
        if (count++ == 2) /* of a picture that others have followed since */
            assert_int_equal(
                fov_stream_set_pitch_view(meddler.stream, &truth->view, result->frame->seq, NULL),
                FOV_OK);
        fov_result_release(&result);
    }
    meddler.stop = true;
    pthread_join(thread, NULL);
    assert_int_equal(count, 60);
    assert_true(known > 30 && meddler.sets > 0 && meddler.gets > 0);
    fov_stream_close(&meddler.stream);
    fov_workers_destroy(&workers);
}

static void other_streams_have_no_football(void **state)
{
    (void)state;
    fov_workers *workers = workers_of("fake:boxes=none", 1, NULL);
    fov_stream *stream = open_stream(workers, NULL);
    double parts[FOV_PART_COUNT] = {1};
    bool known = true;
    fov_result *result = result_of(stream, 0);
    assert_null(result->football);
    fov_result_release(&result);
    assert_int_equal(fov_stream_set_pitch_view(stream, NULL, 0, NULL), FOV_EUNSUPPORTED);
    assert_int_equal(fov_stream_get_pitch_view(stream, NULL, &known, NULL, NULL, NULL),
                     FOV_EUNSUPPORTED);
    fov_stream_get_football_parts(stream, parts);
    assert_true(parts[0] == 0);
    assert_int_equal(fov_stream_get_match(stream, NULL, 0, NULL, NULL), 0);
    assert_int_equal(fov_stream_settle_football(stream, NULL, 0), 0);
    fov_stream_close(&stream);
    fov_workers_destroy(&workers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(people_in_tiles_are_in_their_place),
        cmocka_unit_test(tiles_take_turns),
        cmocka_unit_test(the_ball_has_its_own_model),
        cmocka_unit_test(a_slow_ball_model_loses_no_ball),
        cmocka_unit_test(the_first_picture_has_regions_as_asked_for),
        cmocka_unit_test(other_models_must_be_what_they_are_for),
        cmocka_unit_test(a_hung_ball_costs_the_ball),
        cmocka_unit_test(a_deaf_ball_is_given_up),
        cmocka_unit_test(models_of_each_other),
        cmocka_unit_test(every_frame_is_accounted_for),
        cmocka_unit_test(promises_count_all_models),
        cmocka_unit_test(views_are_set_from_any_thread),
        cmocka_unit_test(other_streams_have_no_football),
    };
    return cmocka_run_group_tests(tests, bed_make, bed_clear);
}
