/* The pitch's keypoints by a model of their own, through a real runtime, into metres. The model's
 * answer is written into its file (make_pitch_model.py): where a known camera shows the keypoints.
 */
#include "bed.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "media/football.h"

enum { SIDE = 96, KEYPOINTS = 32, ANCHORS = 189, ROWS = 5 + 3 * KEYPOINTS };
enum { WIDTH = 640, HEIGHT = 360 };

static fov_pitch_view camera; /* the drawn match's first one */

static uint8_t *file;
static size_t file_size;
static char folder[] = "/tmp/fovea-pitch-XXXXXX", path[64];

static void read_file(void)
{
    FILE *f = fopen(PITCH_MODEL, "rb");
    assert_non_null(f);
    file = malloc(1 << 20);
    file_size = fread(file, 1, 1 << 20, f);
    fclose(f);
}

/* The numbers of the answer in the file. */
static float *answer_of(void)
{
    const float marks[] = {12345, 12345, 12345, 12345};
    for (size_t i = 0; i + ROWS * ANCHORS * sizeof(float) <= file_size; i++)
        if (memcmp(file + i, marks, sizeof marks) == 0)
            return (float *)(void *)(file + i);
    fail_msg("no answer in the model");
    return NULL;
}

static void read_camera(void)
{
    fov_source *source = NULL;
    fov_frame *frame = NULL;
    const fov_source_params params = {.url = "pattern:football?size=640x360&zoom=0.6",
                                      .pixels = FOV_YUV};
    fov_frame_pool *pool = NULL;
    assert_int_equal(fov_frame_pool_create(&pool, NULL, NULL), FOV_OK);
    assert_int_equal(fov_source_open(&source, &params, NULL), FOV_OK);
    assert_int_equal(fov_source_read(source, pool, &frame, NULL, NULL), FOV_OK);
    camera = football_frame_truth(frame)->view;
    fov_frame_unref(&frame);
    fov_source_close(&source);
    fov_frame_pool_destroy(&pool);
}

/* How many keypoints the picture shows. */
static int write_model(void)
{
    static float answer[ROWS * ANCHORS];
    float *to = answer_of(), scale = (float)SIDE / WIDTH;
    float top = ((float)SIDE - HEIGHT * scale) / 2; /* letterbox */
    int shown = 0;
    const float box[] = {SIDE / 2.0f, SIDE / 2.0f, SIDE - 2.0f, 30, 0.9f};
    for (int r = 0; r < 5; r++)
        answer[r * ANCHORS + 7] = box[r];
    for (int k = 0; k < KEYPOINTS; k++) {
        double at[2], px[2];
        assert_true(fov_pitch_landmark(FOV_PITCH_ROBOFLOW_32, k, NULL, NULL, at));
        bool seen = fov_pitch_to_px(&camera, at, px) && px[0] > 0 && px[0] < WIDTH && px[1] > 0 &&
                    px[1] < HEIGHT;
        float *row = answer + (5 + 3 * k) * ANCHORS + 7;
        row[0] = seen ? (float)px[0] * scale : 0;
        row[ANCHORS] = seen ? (float)px[1] * scale + top : 0;
        row[2 * ANCHORS] = seen ? 0.95f : 0.02f;
        shown += seen;
    }
    memcpy(to, answer, sizeof answer);
    snprintf(path, sizeof path, "%s/pitch.onnx", folder);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(file, 1, file_size, f), file_size);
    fclose(f);
    return shown;
}

static double farthest(const fov_pitch_view *view)
{
    double most = 0;
    for (int y = 140; y < HEIGHT; y += 40)
        for (int x = 20; x < WIDTH; x += 60) {
            double px[2] = {x, y}, a[2], b[2];
            if (fov_pitch_to_metres(&camera, px, a) && fov_pitch_to_metres(view, px, b))
                most = fmax(most, hypot(a[0] - b[0], a[1] - b[1]));
            else
                return INFINITY;
        }
    return most;
}

static void keypoints_become_metres(void **state)
{
    (void)state;
    fov_workers *workers = workers_of("fake:boxes=1,labels=person", 1, NULL);
    const fov_model_params model = {.path = path, .id = "pitch", .precision = FOV_PRECISION_F32};
    fov_error error = {0};
    fov_status status = fov_workers_add_model(workers, &model, false, &error);
    if (status == FOV_ERUNTIME || status == FOV_ENOTFOUND) {
        fov_workers_destroy(&workers);
        skip(); /* no runtime here */
    }
    if (status)
        fail_msg("%s", error.message);
    const fov_football_params football = {.look = FOV_LOOK_WHOLE,
                                          .pitch_model = "pitch",
                                          .pitch_layout = FOV_PITCH_ROBOFLOW_32,
                                          .pitch_fps = 5,
                                          .still_camera = true};
    const fov_stream_params params = {.results = 4, .fifo = true, .football = &football};
    fov_stream *stream = NULL;
    if (fov_stream_open(&stream, workers, &params, &error))
        fail_msg("%s", error.message);
    int looked = 0;
    for (int i = 0; i < 11; i++) { /* 40 ms apart: every fifth is looked at */
        fov_frame *frame = NULL;
        fov_result *result = NULL;
        assert_int_equal(fov_frame_get(frames, 0, &frame), FOV_OK);
        assert_int_equal(fov_frame_alloc_image(frame, FOV_YUV, WIDTH, HEIGHT, 1, 1), FOV_OK);
        for (int p = 0; p < 3; p++)
            memset(frame->image.plane[p], 100, /* nothing to follow a camera by */
                   (size_t)frame->image.stride[p] * (size_t)(HEIGHT >> (p > 0)));
        frame->pts_ms = 1000 + 40.0 * i;
        frame->capture_ns = clock_now_ns();
        assert_int_equal(fov_stream_put(stream, &frame, NULL), FOV_OK);
        assert_int_equal(fov_stream_get(stream, 20000, &result, NULL), FOV_OK);
        assert_int_equal(result->outcome, FOV_DELIVERED);
        assert_true(result->football->view_known);
        double off = farthest(&result->football->view);
        if (!(off < 0.01))
            fail_msg("%.2f m off in frame %d", off, i);
        /* to carry the view takes less than a thousandth of a ms, the model half a one */
        looked += result->football->parts_ns[FOV_PART_PITCH] > 50 * NS_PER_MS / 1000;
        fov_result_release(&result);
    }
    assert_in_range(looked, 3, 5); /* 3; a busy machine may hold up others */
    fov_stream_close(&stream);
    fov_football_params wrong = football;
    wrong.pitch_layout = FOV_PITCH_LANDMARKS; /* more points than the model has */
    const fov_stream_params others = {.results = 4, .football = &wrong};
    assert_int_equal(fov_stream_open(&stream, workers, &others, &error), FOV_EINVAL);
    assert_non_null(strstr(error.message, "32"));
    fov_workers_destroy(&workers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(keypoints_become_metres)};
    if (!mkdtemp(folder))
        return 1;
    read_file();
    read_camera();
    if (write_model() < 6)
        return 1;
    int failed = cmocka_run_group_tests(tests, bed_make, bed_clear);
    unlink(path);
    rmdir(folder);
    free(file);
    return failed;
}
