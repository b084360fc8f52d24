/* No allocation a frame after warm-up, from put to result, in any thread: JPEG and decoded frames,
 * alone, with a picture for the eyes, names and appearance, and of football, in tiles and with
 * models for the ball and for appearance. */
#include "flow_test.h"

#include <semaphore.h>

#include "../alloc_count.h"
#include "../bench/texture.h"

enum { STREAMS = 3, WARM = 300, FRAMES = 300 };

static sem_t answered;
static fov_frame_pool *frames;

static void on_result(void *user, const fov_result *r)
{
    (void)user;
    assert_int_equal(r->outcome, FOV_DELIVERED);
    sem_post(&answered);
}

static uint8_t *jpeg;
static size_t jpeg_size;

static void fill(fov_frame *frame, int i)
{
    static const fov_pixels forms[] = {FOV_RGB24, FOV_YUV};
    if (i % 3 < 2) {
        assert_int_equal(fov_frame_alloc_image(frame, forms[i % 3], 320, 240, 1, 1), FOV_OK);
        return;
    }
    memcpy(frame->bytes, jpeg, jpeg_size);
    frame->size = jpeg_size;
    frame->codec = FOV_JPEG;
}

static void put(fov_stream *stream, int i)
{
    fov_frame *frame;
    assert_int_equal(fov_frame_get(frames, i % 3 < 2 ? 0 : jpeg_size, &frame), FOV_OK);
    fill(frame, i);
    frame->capture_ns = clock_now_ns();
    assert_int_equal(fov_stream_put(stream, &frame, NULL), FOV_OK);
}

static void run(fov_stream **streams, int count)
{
    for (int i = 0; i < count; i++) {
        for (int s = 0; s < STREAMS; s++)
            put(streams[s], i);
        for (int s = 0; s < STREAMS; s++)
            sem_wait(&answered);
    }
}

/* Until every worker and runner has seen every kind of frame: who takes which is chance. */
static void warm_up(fov_stream **streams)
{
    int quiet = 0;
    for (int tries = 0; quiet < 3 && tries < 40; tries++) {
        uint64_t before = alloc_count_all();
        run(streams, WARM);
        quiet = alloc_count_all() == before ? quiet + 1 : 0;
    }
}

static void frames_do_not_allocate(void **state)
{
    (void)state;
    if (!alloc_count_works())
        skip();
    jpeg_size = texture_jpeg(1280, 720, 85, 1, &jpeg);
    assert_true(jpeg_size > 0);
    fov_model_params model = {.path = "fake:runners=2,delay_ms=2,labels=person"};
    fov_model_params ball = {.path = "fake:runners=2,boxes=bright,labels=ball", .id = "ball"};
    fov_model_params looks = {.path = "fake:runners=2,embed=12,batch=2", .id = "looks"};
    const fov_tracker_params names = {0};
    const fov_football_params football = {.look = FOV_LOOK_TILES,
                                          .tile_px = 400,
                                          .ball_model = "ball",
                                          .appearance_model = "looks",
                                          .team_model = "looks"};
    fov_workers_params params = {.workers = 2, .model = &model, .pin_latency = true};
    fov_workers *workers;
    fov_stream *streams[STREAMS];
    assert_int_equal(fov_workers_create(&workers, &params, NULL), FOV_OK);
    assert_int_equal(fov_workers_add_model(workers, &ball, false, NULL), FOV_OK);
    assert_int_equal(fov_workers_add_model(workers, &looks, false, NULL), FOV_OK);
    assert_int_equal(fov_frame_pool_create(&frames, NULL, NULL), FOV_OK);
    for (int s = 0; s < STREAMS; s++) {
        fov_stream_params sp = {.on_result = on_result,
                                .max_latency_ms = 10000,
                                .tracker = s == 1 ? &names : NULL,
                                .appearance_model = s == 1 ? "looks" : NULL,
                                .football = s == 2 ? &football : NULL};
        assert_int_equal(fov_stream_open(&streams[s], workers, &sp, NULL), FOV_OK);
        fov_stream_watch(streams[s], s == 1);
    }
    warm_up(streams);
    uint64_t before = alloc_count_all();
    run(streams, FRAMES);
    assert_int_equal(alloc_count_all() - before, 0);
    for (int s = 0; s < STREAMS; s++)
        fov_stream_close(&streams[s]);
    fov_workers_destroy(&workers);
    fov_frame_pool_destroy(&frames);
    free(jpeg);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(frames_do_not_allocate)};
    sem_init(&answered, 0, 0);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
