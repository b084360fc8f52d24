/* Pipelines, through the public interface alone: what a file of settings makes of them, frames in
 * order, frames that cannot be read, numbers, and their end. */
#include "flow_test.h"

#include <unistd.h>

#define MATCH "pattern:football?size=640x360&fps=10&frames=40"
#define PLAIN "fake:labels=person+ball,"
#define DRAWN "football: {player_model: drawn, pitch_model: drawn}\n"

enum { FRAMES = 40 };

static fov_frame_pool *pool;

/* ---- helpers --------------------------------------------------------------------------------- */

/* A file of settings, and its removal. */
static const char *config_of(const char *text)
{
    static char path[64];
    text = text ? text : "";
    snprintf(path, sizeof path, "test_pipeline_%d.yaml", (int)getpid());
    FILE *to = fopen(path, "w");
    assert_non_null(to);
    fputs(text, to);
    assert_int_equal(fclose(to), 0);
    return path;
}

static fov_pipeline *pipeline_of(const char *settings, fov_pipeline_params params)
{
    fov_pipeline *pipeline = NULL;
    fov_error error = {0};
    params.config = settings ? config_of(settings) : NULL;
    params.workers = params.workers ? params.workers : 2;
    fov_status status = fov_pipeline_create(&pipeline, &params, &error);
    if (settings)
        unlink(params.config);
    if (status)
        fail_msg("%s", error.message);
    return pipeline;
}

static void refused(const char *settings, fov_pipeline_params params, fov_status wanted,
                    const char *words)
{
    fov_pipeline *pipeline = NULL;
    fov_error error = {0};
    params.config = settings ? config_of(settings) : params.config;
    fov_status status = fov_pipeline_create(&pipeline, &params, &error);
    if (settings)
        unlink(params.config);
    if (status != wanted || pipeline || !strstr(error.message, words))
        fail_msg("%s\ngave %s: %s", settings ? settings : "", fov_status_text(status),
                 error.message);
}

/* Frames of the drawn match. */
static int read_frames(fov_frame **frames, int count)
{
    fov_reader *reader = NULL;
    fov_error error = {0};
    int got = 0;
    const fov_reader_params params = {.open = {.url = MATCH}, .hold = 64};
    if (fov_reader_open(&reader, &params, &error) ||
        fov_reader_get_batch(reader, -1, frames, count, &got, &error))
        fail_msg("%s", error.message);
    fov_reader_close(&reader);
    return got;
}

static fov_frame *broken_frame(void)
{
    static const char text[] = "no picture at al";
    fov_frame *frame = NULL;
    assert_int_equal(fov_frame_get(pool, sizeof text, &frame), FOV_OK);
    memcpy(frame->bytes, text, sizeof text);
    frame->size = sizeof text;
    return frame;
}

/* A grey picture: the fake backend finds what it is told to. */
static fov_frame *grey_frame(double pts_ms)
{
    fov_frame *frame = NULL;
    assert_int_equal(fov_frame_get(pool, 0, &frame), FOV_OK);
    assert_int_equal(fov_frame_alloc_image(frame, FOV_RGB24, 96, 64, 0, 0), FOV_OK);
    for (int y = 0; y < 64; y++)
        memset(frame->image.plane[0] + y * frame->image.stride[0], 100, 3 * 96);
    frame->width = 96;
    frame->height = 64;
    frame->pts_ms = pts_ms;
    return frame;
}

static void release_all(fov_result **results, int count)
{
    for (int i = 0; i < count; i++)
        fov_result_release(&results[i]);
}

/* ---- making one ------------------------------------------------------------------------------ */

static void mistakes_in_the_file_have_their_place(void **state)
{
    (void)state;
    const fov_pipeline_params none = {0};
    refused("football:\n  player_modle: x\n", none, FOV_EINVAL,
            ".yaml:2:3: football.player_modle: no such setting, did you mean player_model?");
    refused("football:\n  tracker: bytetrak\n", none, FOV_EINVAL, "did you mean bytetrack");
    refused("football: {teams: [{color: rde}, {color: red}]}\n", none, FOV_EINVAL,
            "did you mean red?");
    refused("football: {batch_size: no, target_fps: x}\n", none, FOV_EINVAL, "and 1 more");
    refused("football: [\n", none, FOV_EINVAL, "not YAML");
    refused("football: {player_model: nowhere/p.onnx}\n", none, FOV_ENOTFOUND, "nowhere/p.onnx");
    refused("football: {player_model: drawn, ball_model: nowhere/b.onnx}\n", none, FOV_ENOTFOUND,
            "nowhere/b.onnx");
    refused("football: {player_model: drawn, homography: nowhere.json}\n", none, FOV_ENOTFOUND,
            ".yaml:1: football.homography: nowhere.json");
    refused(NULL, (fov_pipeline_params){.config = "/nowhere/c.yaml"}, FOV_ENOTFOUND,
            "/nowhere/c.yaml");
}

static void wrong_values_are_named(void **state)
{
    (void)state;
    fov_football_params football = {.tracker = {.name = "pich"}};
    fov_error error = {0};
    refused(NULL, (fov_pipeline_params){.model = "drawn", .football = &football}, FOV_ENOTFOUND,
            "pitch");
    football = (fov_football_params){.match = {.pitch = {10, 10}}};
    refused(NULL, (fov_pipeline_params){.model = "drawn", .football = &football}, FOV_EINVAL,
            "pitch length is 10");
    refused(NULL, (fov_pipeline_params){.model = "drawn", .target_fps = -1}, FOV_EINVAL,
            "target_fps");
    refused(NULL, (fov_pipeline_params){.model = "drawn", .batch_size = 65}, FOV_EINVAL,
            "batch_size 65");
    refused(NULL, (fov_pipeline_params){.model = "drawn", .max_latency_ms = -3}, FOV_EINVAL,
            "max_latency_ms");
    refused(NULL, (fov_pipeline_params){.model = "drawn", .workers = -1}, FOV_EINVAL, "workers");
    refused(NULL, (fov_pipeline_params){.model = "drawn", .mode = (fov_pipeline_mode)7}, FOV_EINVAL,
            "mode 7");
    assert_int_equal(fov_pipeline_create(NULL, NULL, &error), FOV_EINVAL);
    fov_pipeline *nothing = NULL;
    fov_pipeline_destroy(&nothing);
    fov_pipeline_destroy(NULL);
}

static void the_file_says_what_streams_do(void **state)
{
    (void)state;
    fov_pipeline *p = pipeline_of("football:\n  player_model: drawn\n  target_fps: 12\n"
                                  "  tracker: ocsort\n  teams: {Reds: red, Blues: blue}\n"
                                  "  pitch: {length: 100, width: 60}\n"
                                  "realtime: {confidence_threshold: 0.4}\n",
                                  (fov_pipeline_params){0});
    fov_stream_params s = fov_pipeline_stream_params(p);
    assert_true(s.target_fps == 12 && s.max_latency_ms == 2000 && !s.fifo);
    assert_true(s.detect.conf > 0.39f && s.detect.conf < 0.41f);
    assert_non_null(s.football);
    assert_string_equal(s.football->player_model, "drawn");
    assert_string_equal(s.football->tracker.name, "ocsort");
    assert_string_equal(s.football->names[1], "Blues");
    assert_true(s.football->teams.named && s.football->teams.colors[0] == 0xd01820);
    assert_true(s.football->match.pitch.length == 100 && s.football->match.pitch.width == 60);
    fov_pipeline_destroy(&p);
}

static void the_threshold_is_that_of_the_players(void **state)
{
    (void)state;
    const fov_football_params own = {.player_conf = 0.7f};
    for (int i = 0; i < 2; i++) {
        fov_pipeline *p = pipeline_of("models: {men: {path: 'fake:labels=person', conf: 0.4}}\n"
                                      "football: {player_model: men}\n",
                                      (fov_pipeline_params){.football = i ? &own : NULL});
        float conf = fov_pipeline_stream_params(p).detect.conf, wanted = i ? 0.7f : 0.4f;
        assert_true(conf > wanted - 0.01f && conf < wanted + 0.01f);
        fov_pipeline_destroy(&p);
    }
}

static void the_caller_goes_before_the_file(void **state)
{
    (void)state;
    const fov_football_params own = {.tracker = {.name = "bytetrack", .lost_s = 2},
                                     .names = {"Home", NULL},
                                     .match = {.pitch = {90, 0}, .sprint_mps = 6},
                                     .ball_fps = 3};
    fov_pipeline *p = pipeline_of("football:\n  player_model: nowhere\n  target_fps: 12\n"
                                  "  tracker: ocsort\n  teams: {Reds: red, Blues: blue}\n"
                                  "  pitch: {length: 100, width: 60}\n  batch_size: 4\n",
                                  (fov_pipeline_params){.mode = FOV_PIPELINE_BATCH,
                                                        .model = "drawn",
                                                        .target_fps = 5,
                                                        .max_latency_ms = 300,
                                                        .football = &own});
    fov_stream_params s = fov_pipeline_stream_params(p);
    assert_true(s.fifo && s.gather == 4 && s.capacity >= 4 && s.max_latency_ms == 0);
    assert_string_equal(s.football->tracker.name, "bytetrack");
    assert_true(s.football->tracker.lost_s == 2 && s.football->match.sprint_mps == 6);
    assert_string_equal(s.football->names[0], "Home");
    assert_string_equal(s.football->names[1], "Blues");
    assert_true(s.football->teams.named && s.football->ball_fps == 3);
    assert_true(s.football->match.pitch.length == 90 && s.football->match.pitch.width == 60);
    fov_pipeline_destroy(&p);
}

/* ---- frames ---------------------------------------------------------------------------------- */

static void frames_become_football(void **state)
{
    (void)state;
    fov_frame *frames[FRAMES];
    fov_error error = {0};
    size_t people = 0;
    double last_s = -1;
    fov_pipeline *p = pipeline_of(DRAWN, (fov_pipeline_params){0});
    int count = read_frames(frames, FRAMES);
    assert_int_equal(count, FRAMES);
    for (int i = 0; i < count; i++) {
        fov_result *r = NULL;
        if (fov_pipeline_process(p, &frames[i], &r, &error))
            fail_msg("%s", error.message);
        assert_null(frames[i]);
        assert_int_equal(r->outcome, FOV_DELIVERED);
        assert_int_equal(r->width, 640);
        assert_int_equal(r->frame->seq, i);
        assert_non_null(r->football);
        assert_int_equal(r->football->detector, FOV_DETECTOR_DRAWN);
        assert_true(r->football->time_s > last_s);
        /* the match's own time, however quickly it is worked off */
        assert_true(i == 0 ||
                    (r->football->time_s - last_s > 0.09 && r->football->time_s - last_s < 0.11));
        last_s = r->football->time_s;
        people = r->football->count;
        fov_result_release(&r);
    }
    assert_in_range(people, 5, 30);
    fov_pipeline_destroy(&p);
}

static void batches_keep_their_order(void **state)
{
    (void)state;
    fov_frame *frames[FRAMES];
    fov_result *results[FRAMES];
    fov_error error = {0};
    fov_pipeline *p = pipeline_of(DRAWN, (fov_pipeline_params){.mode = FOV_PIPELINE_BATCH});
    int count = read_frames(frames, FRAMES), at = 0;
    static const int sizes[] = {8, 8, 1, 3, 20}; /* shorter than a run, and longer than one */
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        if (fov_pipeline_process_batch(p, &frames[at], sizes[k], results, &error))
            fail_msg("%s", error.message);
        for (int i = 0; i < sizes[k]; i++) {
            assert_int_equal(results[i]->outcome, FOV_DELIVERED);
            assert_true(results[i]->frame->pts_ms == 100.0 * (at + i));
            assert_non_null(results[i]->football);
        }
        release_all(results, sizes[k]);
        at += sizes[k];
    }
    assert_int_equal(at, count);
    fov_pipeline_destroy(&p);
}

/* Frames of one run have its time in common, to the nanosecond. */
static int count_runs(fov_result *const *results, int count)
{
    int runs = 0;
    for (int i = 0; i < count; i++) {
        bool known = results[i]->outcome != FOV_DELIVERED;
        for (int k = 0; k < i && !known; k++)
            known = results[k]->timings.inference == results[i]->timings.inference;
        runs += !known;
    }
    return runs;
}

static void a_frame_that_fails_keeps_its_place(void **state)
{
    (void)state;
    fov_frame *frames[12];
    fov_result *results[12];
    fov_pipeline_metrics m;
    fov_error error = {0};
    fov_pipeline *p = pipeline_of(
        NULL, (fov_pipeline_params){.mode = FOV_PIPELINE_BATCH,
                                    .model = PLAIN "boxes=2,batch=4,width=640,height=640",
                                    .batch_size = 4});
    for (int i = 0; i < 12; i++)
        frames[i] = i % 5 == 2 ? broken_frame() : grey_frame(40.0 * i);
    if (fov_pipeline_process_batch(p, frames, 12, results, &error))
        fail_msg("%s", error.message);
    for (int i = 0; i < 12; i++) {
        bool broken = i % 5 == 2;
        assert_non_null(results[i]);
        assert_int_equal(results[i]->frame->seq, i);
        assert_int_equal(results[i]->outcome, broken ? FOV_FAILED : FOV_DELIVERED);
        if (!broken)
            continue;
        assert_int_equal(results[i]->status, FOV_EFORMAT);
        assert_true(results[i]->message[0] != '\0');
    }
    assert_in_range(count_runs(results, 12), 1, 5); /* of four frames each, where all are there */
    release_all(results, 12);
    fov_pipeline_get_metrics(p, &m);
    assert_int_equal(m.frames, 10);

    fov_result *one = NULL;
    frames[0] = broken_frame();
    assert_int_equal(fov_pipeline_process(p, frames, &one, &error), FOV_EFORMAT);
    assert_null(one);
    assert_null(frames[0]);
    assert_true(error.message[0] != '\0');
    frames[0] = grey_frame(1000);
    assert_int_equal(fov_pipeline_process(p, frames, &one, &error), FOV_OK);
    assert_int_equal(one->outcome, FOV_DELIVERED);
    fov_result_release(&one);
    fov_pipeline_destroy(&p);
}

/* Frames whose deadline is over by now, of a source that had one: a pipeline leaves none out. */
static void deadlines_are_of_streams_alone(void **state)
{
    (void)state;
    fov_frame *frames[3];
    fov_result *results[3];
    fov_error error = {0};
    fov_pipeline *p = pipeline_of(NULL, (fov_pipeline_params){.model = PLAIN});
    for (int i = 0; i < 3; i++) {
        frames[i] = grey_frame(40.0 * i);
        frames[i]->deadline_ns = 1;
    }
    if (fov_pipeline_process_batch(p, frames, 3, results, &error))
        fail_msg("%s", error.message);
    for (int i = 0; i < 3; i++)
        assert_int_equal(results[i]->outcome, FOV_DELIVERED);
    release_all(results, 3);
    fov_pipeline_destroy(&p);
}

static void runs_that_fail_say_so(void **state)
{
    (void)state;
    fov_frame *frames[6];
    fov_result *results[6];
    fov_error error = {0};
    int failed = 0;
    fov_pipeline *p = pipeline_of(NULL, (fov_pipeline_params){.model = PLAIN "fail_every=3"});
    for (int i = 0; i < 6; i++)
        frames[i] = grey_frame(40.0 * i);
    if (fov_pipeline_process_batch(p, frames, 6, results, &error))
        fail_msg("%s", error.message);
    for (int i = 0; i < 6; i++) {
        failed += results[i]->outcome == FOV_FAILED && results[i]->status == FOV_EINFER;
        assert_int_equal(results[i]->frame->seq, i);
    }
    assert_int_equal(failed, 2);
    release_all(results, 6);
    fov_pipeline_destroy(&p);
}

static void wrong_calls_take_the_frames_too(void **state)
{
    (void)state;
    fov_frame *frames[2] = {grey_frame(0), NULL};
    fov_result *results[2];
    fov_error error = {0};
    fov_pipeline *p = pipeline_of(DRAWN, (fov_pipeline_params){0});
    assert_int_equal(fov_pipeline_process_batch(p, frames, 2, results, &error), FOV_EINVAL);
    assert_null(frames[0]);
    assert_int_equal(fov_pipeline_process_batch(p, frames, 0, results, &error), FOV_EINVAL);
    assert_int_equal(fov_pipeline_process(p, frames, results, &error), FOV_EINVAL);
    /* a picture that is of no drawn match */
    frames[0] = grey_frame(0);
    assert_true(fov_pipeline_process(p, frames, results, &error) != FOV_OK);
    assert_null(frames[0]);
    fov_pipeline_destroy(&p);
}

/* ---- numbers --------------------------------------------------------------------------------- */

static void numbers_are_of_the_frames(void **state)
{
    (void)state;
    enum { N = 20, COST_MS = 15 };
    fov_pipeline_metrics m;
    fov_pipeline *p = pipeline_of(NULL, (fov_pipeline_params){.model = PLAIN "sleep_ms=15"});
    fov_pipeline_get_metrics(p, &m);
    assert_true(m.frames == 0 && m.avg_fps == 0 && m.avg_latency_ms == 0 && m.p95_latency_ms == 0);
    for (int i = 0; i < N; i++) {
        fov_frame *frame = grey_frame(40.0 * i);
        fov_result *result = NULL;
        assert_int_equal(fov_pipeline_process(p, &frame, &result, NULL), FOV_OK);
        fov_result_release(&result);
    }
    fov_pipeline_get_metrics(p, &m);
    assert_int_equal(m.frames, N);
    assert_true(m.avg_latency_ms >= COST_MS && m.p95_latency_ms >= COST_MS);
    assert_true(m.avg_fps > 0 && m.avg_fps <= 1000.0 / COST_MS);
    assert_true(m.gpu_memory_mb < 0); /* the fake one runs on the processor */
    assert_true(m.memory_mb > 1 && m.memory_mb < 4096);
    assert_true(m.part_ms[FOV_PART_PLAYERS] >= COST_MS);
    fov_pipeline_reset_metrics(p);
    fov_pipeline_get_metrics(p, &m);
    assert_true(m.frames == 0 && m.part_ms[FOV_PART_PLAYERS] == 0);
    fov_pipeline_destroy(&p);
}

static void a_profile_is_of_its_own_frames(void **state)
{
    (void)state;
    fov_pipeline_metrics m, own;
    fov_error error = {0};
    for (int mode = 0; mode < 2; mode++) {
        fov_pipeline *p = pipeline_of(DRAWN,
                                      (fov_pipeline_params){.mode = (fov_pipeline_mode)mode});
        if (fov_pipeline_profile(p, MATCH, 25, &m, &error))
            fail_msg("%s", error.message);
        assert_int_equal(m.frames, 25);
        assert_true(m.avg_fps > 0 && m.avg_latency_ms > 0 && m.p95_latency_ms > 0);
        if (fov_pipeline_profile(p, MATCH, 1000, &m, &error)) /* ends sooner */
            fail_msg("%s", error.message);
        assert_int_equal(m.frames, FRAMES);
        fov_pipeline_get_metrics(p, &own);
        assert_int_equal(own.frames, 0);
        assert_int_equal(fov_pipeline_profile(p, MATCH, 0, &m, &error), FOV_EINVAL);
        assert_int_equal(fov_pipeline_profile(p, "/nowhere.jpg", 5, &m, &error), FOV_ENOTFOUND);
        fov_pipeline_destroy(&p);
    }
}

static void a_live_run_is_counted(void **state)
{
    (void)state;
    fov_pipeline_run run = {0};
    fov_error error = {0};
    fov_pipeline *p = pipeline_of(DRAWN, (fov_pipeline_params){.target_fps = 10});
    if (fov_pipeline_benchmark(p, "pattern:football?size=640x360&fps=20", 1.5, 0, &run, &error))
        fail_msg("%s", error.message);
    assert_int_equal(run.offered, run.delivered + run.dropped);
    assert_in_range(run.offered, 5, 18); /* ten a second out of twenty, for 1.5 s */
    assert_int_equal(run.stats.dropped[FOV_DROP_FPS_LIMIT], 0);
    assert_true(run.delivered >= 1 && run.e2e_p50_ms > 0 && run.e2e_p99_ms >= run.e2e_p50_ms);
    assert_true(run.duration_s >= 1.5 && run.drop_rate >= 0 && run.drop_rate < 1);
    assert_int_equal(fov_pipeline_benchmark(p, NULL, 0, 0, &run, &error), FOV_EINVAL);
    assert_int_equal(fov_pipeline_benchmark(p, "/nowhere.jpg", 1, 0, &run, &error), FOV_ENOTFOUND);
    fov_pipeline_destroy(&p);
}

/* ---- the view -------------------------------------------------------------------------------- */

static fov_pitch_view a_view(void)
{
    static const double map[] = {5, 0, 50, 0, -4, 330, 0, 0, 1};
    fov_pitch_view view;
    assert_int_equal(fov_pitch_view_from_matrix(&view, map, 640, 360, NULL, NULL), FOV_OK);
    return view;
}

static void a_view_that_was_set_is_used(void **state)
{
    (void)state;
    fov_frame *frames[3];
    fov_result *r = NULL;
    fov_error error = {0};
    fov_pitch_view view = a_view(), none = {0};
    fov_football_params still = {.still_camera = true};
    fov_pipeline *p = pipeline_of("football: {player_model: drawn}\n",
                                  (fov_pipeline_params){.football = &still});
    assert_int_equal(read_frames(frames, 3), 3);
    assert_int_equal(fov_pipeline_set_view(p, &none, &error), FOV_EINVAL);
    assert_int_equal(fov_pipeline_set_view(p, &view, &error), FOV_OK);
    fov_stream_params params = fov_pipeline_stream_params(p);
    assert_non_null(params.football->view);
    assert_memory_equal(params.football->view->map, view.map, sizeof view.map);
    for (int i = 0; i < 3; i++) {
        if (i == 2 && fov_pipeline_set_view(p, NULL, &error))
            fail_msg("%s", error.message);
        if (fov_pipeline_process(p, &frames[i], &r, &error))
            fail_msg("%s", error.message);
        assert_int_equal(r->football->view_known, i < 2);
        if (i < 2)
            assert_memory_equal(r->football->view.map, view.map, sizeof view.map);
        fov_result_release(&r);
    }
    assert_null(fov_pipeline_stream_params(p).football->view);
    fov_pipeline_destroy(&p);
}

/* ---- streams --------------------------------------------------------------------------------- */

static void streams_run_on_a_pipeline(void **state)
{
    (void)state;
    fov_error error = {0};
    fov_stream *stream = NULL;
    fov_source *source = NULL;
    fov_result *r = NULL;
    int delivered = 0;
    const fov_source_params from = {.url = MATCH};
    fov_pipeline *p = pipeline_of(DRAWN, (fov_pipeline_params){.mode = FOV_PIPELINE_BATCH});
    fov_stream_params params = fov_pipeline_stream_params(p);
    params.results = 8;
    assert_int_equal(fov_source_open(&source, &from, &error), FOV_OK);
    if (fov_stream_open(&stream, fov_pipeline_workers(p), &params, &error) ||
        fov_stream_start_source(stream, &source, true, &error))
        fail_msg("%s", error.message);
    while (fov_stream_get(stream, 10000, &r, &error) == FOV_OK) {
        assert_int_equal(r->outcome, FOV_DELIVERED);
        assert_int_equal(r->frame->seq, delivered++);
        fov_result_release(&r);
    }
    assert_int_equal(delivered, FRAMES);
    fov_stream_close(&stream);
    fov_pipeline_destroy(&p);
}

static void one_that_goes_first_ends_its_streams(void **state)
{
    (void)state;
    fov_error error = {0};
    fov_stream *stream = NULL;
    fov_frame *frame = grey_frame(0);
    fov_pipeline *p = pipeline_of(NULL, (fov_pipeline_params){.model = PLAIN "boxes=none"});
    fov_stream_params params = fov_pipeline_stream_params(p);
    params.results = 2;
    if (fov_stream_open(&stream, fov_pipeline_workers(p), &params, &error))
        fail_msg("%s", error.message);
    fov_pipeline_destroy(&p);
    assert_null(p);
    assert_int_equal(fov_stream_put(stream, &frame, NULL), FOV_ECLOSED);
    fov_stream_close(&stream);
}

static int make_pool(void **state)
{
    (void)state;
    const fov_frame_pool_params params = {.slots = 64};
    return fov_frame_pool_create(&pool, &params, NULL) == FOV_OK ? 0 : -1;
}

static int clear_pool(void **state)
{
    (void)state;
    fov_frame_pool_destroy(&pool);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mistakes_in_the_file_have_their_place),
        cmocka_unit_test(wrong_values_are_named),
        cmocka_unit_test(the_file_says_what_streams_do),
        cmocka_unit_test(the_threshold_is_that_of_the_players),
        cmocka_unit_test(the_caller_goes_before_the_file),
        cmocka_unit_test(frames_become_football),
        cmocka_unit_test(batches_keep_their_order),
        cmocka_unit_test(a_frame_that_fails_keeps_its_place),
        cmocka_unit_test(deadlines_are_of_streams_alone),
        cmocka_unit_test(runs_that_fail_say_so),
        cmocka_unit_test(wrong_calls_take_the_frames_too),
        cmocka_unit_test(numbers_are_of_the_frames),
        cmocka_unit_test(a_profile_is_of_its_own_frames),
        cmocka_unit_test(a_live_run_is_counted),
        cmocka_unit_test(a_view_that_was_set_is_used),
        cmocka_unit_test(streams_run_on_a_pipeline),
        cmocka_unit_test(one_that_goes_first_ends_its_streams),
    };
    return cmocka_run_group_tests(tests, make_pool, clear_pool);
}
