/* Streams with a tracker: names in frame order, times of files, another model's classes, a camera
 * that moves. */
#include "bed.h"

#include <math.h>
#include <stdio.h>
#include <unistd.h>

enum { WIDTH = 320, HEIGHT = 240, BLOCK = 40 };

/* Texture that moves with (x, y), darker than what the fake model takes for an object, and a white
 * block at (left, top). */
static fov_frame *draw(int x, int y, int left, int top)
{
    fov_frame *frame = NULL;
    while (fov_frame_get(frames, 0, &frame) == FOV_EAGAIN)
        usleep(200);
    assert_int_equal(fov_frame_alloc_image(frame, FOV_RGB24, WIDTH, HEIGHT, 0, 0), FOV_OK);
    for (int row = 0; row < HEIGHT; row++)
        for (int column = 0; column < WIDTH; column++) {
            uint32_t cell = (uint32_t)((row + y + 4000) / 8 * 7919 +
                                       (column + x + 4000) / 8 * 104729);
            bool inside = column >= left && column < left + BLOCK && row >= top &&
                          row < top + BLOCK;
            memset(frame->image.plane[0] + row * frame->image.stride[0] + 3 * column,
                   inside ? 255 : (int)((cell * 2654435761u) >> 25), 3);
        }
    frame->width = WIDTH;
    frame->height = HEIGHT;
    frame->capture_ns = clock_now_ns();
    return frame;
}

static fov_stream *open_named(fov_workers *workers, const fov_tracker_params *tracker, bool still)
{
    fov_stream *stream = NULL;
    fov_error error = {0};
    const fov_stream_params params = {.results = 2,
                                      .fifo = true,
                                      .detect = {.conf = 0.3f},
                                      .tracker = tracker,
                                      .still_camera = still};
    if (fov_stream_open(&stream, workers, &params, &error))
        fail_msg("%s", error.message);
    return stream;
}

/* The result of a frame at this place in its file. */
static fov_result *result_of(fov_stream *stream, fov_frame *frame, double pts_ms)
{
    fov_result *result = NULL;
    frame->pts_ms = pts_ms;
    assert_int_equal(fov_stream_put_wait(stream, &frame, 5000, NULL), FOV_OK);
    assert_int_equal(fov_stream_get(stream, 5000, &result, NULL), FOV_OK);
    assert_int_equal(result->outcome, FOV_DELIVERED);
    return result;
}

static void a_box_keeps_its_name(void **state)
{
    (void)state;
    const fov_tracker_params tracker = {.name = "bytetrack"};
    fov_workers *workers = workers_of("fake:boxes=bright", 2, NULL);
    fov_stream *stream = open_named(workers, &tracker, false);
    fov_result *result = NULL;
    for (int i = 0; i < 30; i++) {
        fov_result_release(&result);
        result = result_of(stream, draw(0, 0, 20 + 4 * i, 50 + i), 40.0 * i);
        assert_int_equal(result->detections->count, 1);
        assert_int_equal(result->detections->items[0].track_id, 1);
        assert_true(result->timings.track >= 0);
    }
    fov_stream_close(&stream); /* the last result outlives its stream */
    fov_workers_destroy(&workers);
    assert_int_equal(result->tracks->count, 1);
    const fov_track *track = &result->tracks->items[0];
    assert_int_equal(track->state, FOV_TRACK_ACTIVE);
    assert_int_equal(track->detection, 0);
    assert_true(fabs(track->seen_s - track->first_s - 29 * 0.040) < 1e-6); /* the file's own time */
    assert_true(fabs((double)track->vx - 100) < 20 && fabs((double)track->vy - 25) < 10);
    fov_result_release(&result);
}

static void without_a_tracker_there_are_no_names(void **state)
{
    (void)state;
    fov_workers *workers = workers_of("fake:boxes=bright", 1, NULL);
    fov_stream *stream = open_named(workers, NULL, false);
    fov_result *result = result_of(stream, draw(0, 0, 20, 20), 0);
    assert_null(result->tracks);
    assert_int_equal(result->detections->items[0].track_id, -1);
    fov_result_release(&result);
    fov_stream_close(&stream);
    fov_workers_destroy(&workers);
}

static void a_tracker_that_is_not_there(void **state)
{
    (void)state;
    const fov_tracker_params wrong = {.name = "bytetrak"}, range = {.high = 2};
    fov_workers *workers = workers_of("fake:", 1, NULL);
    fov_stream_params params = {.results = 1, .tracker = &wrong};
    fov_stream *stream = NULL;
    fov_error error = {0};
    assert_int_equal(fov_stream_open(&stream, workers, &params, &error), FOV_ENOTFOUND);
    assert_null(stream);
    assert_non_null(strstr(error.message, "bytetrack"));
    params.tracker = &range;
    assert_int_equal(fov_stream_open(&stream, workers, &params, &error), FOV_EINVAL);
    assert_null(stream);
    fov_workers_destroy(&workers);
}

static void other_classes_begin_anew(void **state)
{
    (void)state;
    char labels[] = "/tmp/fovea-labels-XXXXXX";
    int file = mkstemp(labels);
    assert_int_equal(write(file, "ball\nbat\nnet\npost\n", 18), 18);
    close(file);
    const fov_tracker_params tracker = {.name = "bytetrack"};
    fov_workers *workers = workers_of("fake:boxes=bright", 1, NULL);
    fov_stream *stream = open_named(workers, &tracker, false);
    for (int i = 0; i < 6; i++) {
        if (i == 3) { /* the same model again is no reason, another one is */
            fov_model_params again = {.path = "fake:boxes=bright"};
            assert_int_equal(fov_workers_add_model(workers, &again, true, NULL), FOV_OK);
        }
        fov_result *result = result_of(stream, draw(0, 0, 20 + 4 * i, 50), 40.0 * i);
        assert_int_equal(result->detections->items[0].track_id, 1);
        fov_result_release(&result);
    }
    fov_model_params other = {.path = "fake:boxes=bright", .labels = labels};
    assert_int_equal(fov_workers_add_model(workers, &other, true, NULL), FOV_OK);
    fov_result *result = result_of(stream, draw(0, 0, 44, 50), 240);
    assert_int_not_equal(result->detections->items[0].track_id, 1);
    fov_result_release(&result);
    fov_stream_close(&stream);
    fov_workers_destroy(&workers);
    unlink(labels);
}

/* Speed, px a second, of a block that stands on ground that a camera pans over by 5 px a frame. */
static double speed_on_panned_ground(bool still)
{
    const fov_tracker_params tracker = {.name = "botsort"};
    fov_workers *workers = workers_of("fake:boxes=bright", 1, NULL);
    fov_stream *stream = open_named(workers, &tracker, still);
    double speed = 0;
    for (int i = 0; i < 20; i++) {
        fov_result *result = result_of(stream, draw(5 * i, 0, 240 - 5 * i, 100), 40.0 * i);
        assert_int_equal(result->tracks->count, 1);
        speed = hypot((double)result->tracks->items[0].vx, (double)result->tracks->items[0].vy);
        fov_result_release(&result);
    }
    fov_stream_close(&stream);
    fov_workers_destroy(&workers);
    return speed;
}

static void the_camera_moves_and_not_the_box(void **state)
{
    (void)state;
    assert_true(speed_on_panned_ground(true) > 90); /* 5 px in 40 ms: 125 */
    assert_true(speed_on_panned_ground(false) < 15);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_box_keeps_its_name),
                                       cmocka_unit_test(without_a_tracker_there_are_no_names),
                                       cmocka_unit_test(a_tracker_that_is_not_there),
                                       cmocka_unit_test(other_classes_begin_anew),
                                       cmocka_unit_test(the_camera_moves_and_not_the_box)};
    return cmocka_run_group_tests(tests, bed_make, bed_clear);
}
