/* Readers: files read ahead within their bounds, in order and to the end; of cameras the newest
 * picture; batches; closing in the middle of everything. */
#include "flow_test.h"

#include <math.h>
#include <unistd.h>

#include "../alloc_count.h"
#include "../data_folder.h"
#include "numbered.h"

#define SMALL "pattern:width=320,height=192,barcode=1,fps=30"
#define SMALL_BYTES (320 * 192 * 3 / 2) /* of one frame, at least */

static fov_reader *open_reader(const char *url, fov_reader_params params)
{
    fov_reader *reader;
    fov_error error = {0};
    params.open.url = url;
    fov_status status = fov_reader_open(&reader, &params, &error);
    if (status == FOV_ERUNTIME)
        skip();
    if (status)
        fail_msg("%s: %s", url, error.message);
    return reader;
}

/* The number of the next frame, or minus the status. */
static int next(fov_reader *reader, int timeout_ms)
{
    fov_frame *frame;
    fov_status status = fov_reader_get(reader, timeout_ms, &frame, NULL, NULL);
    assert_true((status == FOV_OK) == (frame != NULL));
    int number = frame ? number_of(frame) : -(int)status;
    fov_frame_unref(&frame);
    return number;
}

static fov_reader_state state_of(fov_reader *reader)
{
    fov_reader_state state;
    fov_reader_get_state(reader, &state);
    return state;
}

static bool wait_waiting(fov_reader *reader, int count)
{
    for (int i = 0; i < 1000 && state_of(reader).waiting < count; i++)
        usleep(5000);
    return state_of(reader).waiting >= count;
}

/* ---- files ----------------------------------------------------------------------------------- */

static void a_file_to_its_end(void **state)
{
    (void)state;
    fov_reader *reader = open_reader(SMALL ",frames=100", (fov_reader_params){0});
    assert_string_equal(fov_reader_get_info(reader)->kind, "pattern");
    for (int i = 0; i < 100; i++)
        assert_int_equal(next(reader, -1), i);
    for (int i = 0; i < 3; i++)
        assert_int_equal(next(reader, -1), -FOV_EOS);
    fov_reader_state told = state_of(reader);
    assert_int_equal(told.taken, 100);
    assert_int_equal(told.skipped, 0);
    assert_int_equal(told.capacity, 30);
    assert_int_equal(told.source.phase, FOV_SOURCE_ENDED);
    fov_reader_close(&reader);
    assert_null(reader);
    fov_reader_close(&reader);
}

static void who_takes_slowly_loses_nothing(void **state)
{
    (void)state;
    fov_reader *reader = open_reader(SMALL ",frames=60", (fov_reader_params){.buffer = 8});
    for (int i = 0; i < 60; i++) {
        if (i % 10 == 0 && i < 50) { /* there is time for much more */
            assert_true(wait_waiting(reader, 8));
            usleep(30000);
        }
        fov_reader_state told = state_of(reader);
        assert_in_range(told.waiting, 0, 8);
        assert_true(told.source.pictures <= (uint64_t)i + 9); /* and one that waits for room */
        assert_int_equal(next(reader, 5000), i);
    }
    assert_int_equal(next(reader, 5000), -FOV_EOS);
    fov_reader_close(&reader);
}

static void memory_is_bounded(void **state)
{
    (void)state;
    size_t most = 4 * SMALL_BYTES; /* rows are padded: three fit */
    fov_reader *reader = open_reader(SMALL ",frames=40", (fov_reader_params){.max_bytes = most});
    for (int i = 0; i < 40; i++) {
        if (i < 30)
            assert_true(wait_waiting(reader, 3));
        usleep(2000);
        fov_reader_state told = state_of(reader);
        assert_true(told.bytes <= most);
        assert_in_range(told.waiting, 0, 3);
        assert_int_equal(next(reader, -1), i);
    }
    fov_reader_close(&reader);
    reader = open_reader(SMALL ",frames=20", (fov_reader_params){.max_bytes = 1});
    for (int i = 0; i < 20; i++) { /* one always fits */
        assert_true(wait_waiting(reader, 1));
        usleep(1000);
        assert_int_equal(state_of(reader).waiting, 1);
        assert_int_equal(next(reader, -1), i);
    }
    fov_reader_close(&reader);
}

static void again_from_the_start(void **state)
{
    (void)state;
    fov_reader *reader = open_reader(SMALL ",frames=7",
                                     (fov_reader_params){.open = {.loop = true}});
    for (int i = 0; i < 50; i++)
        assert_int_equal(next(reader, -1), i % 7);
    fov_reader_close(&reader);
}

static void from_the_middle_of_a_video(void **state)
{
    (void)state;
    char path[1024];
    snprintf(path, sizeof path, "%s/video/asl_book.mkv", data_folder());
    if (access(path, R_OK) != 0)
        skip();
    fov_frame_pool *pool;
    fov_source *source;
    fov_frame *frame, *wanted;
    fov_source_params params = {.url = path, .seek_ms = 2000};
    assert_int_equal(fov_frame_pool_create(&pool, NULL, NULL), FOV_OK);
    assert_int_equal(fov_source_open(&source, &params, NULL), FOV_OK);
    fov_reader *reader = open_reader(path, (fov_reader_params){.open = {.seek_ms = 2000}});
    fov_status status;
    int count = 0;
    while ((status = fov_reader_get(reader, -1, &frame, NULL, NULL)) == FOV_OK) {
        assert_int_equal(fov_source_read(source, pool, &wanted, NULL, NULL), FOV_OK);
        assert_true(frame->pts_ms >= 1999 && frame->pts_ms == wanted->pts_ms);
        assert_memory_equal(frame->image.plane[0], wanted->image.plane[0],
                            (size_t)frame->image.stride[0] * (size_t)frame->height);
        fov_frame_unref(&frame);
        fov_frame_unref(&wanted);
        count++;
    }
    assert_int_equal(status, FOV_EOS);
    assert_true(count > 20 && count < 109);
    assert_int_equal(fov_source_read(source, pool, &wanted, NULL, NULL), FOV_EOS);
    fov_reader_close(&reader);
    fov_source_close(&source);
    fov_frame_pool_destroy(&pool);
}

static void a_lower_rate_is_even(void **state)
{
    (void)state;
    fov_reader *reader = open_reader(SMALL ",frames=90", (fov_reader_params){.target_fps = 10});
    for (int i = 0; i < 30; i++)
        assert_int_equal(next(reader, -1), 3 * i);
    assert_int_equal(next(reader, -1), -FOV_EOS);
    assert_int_equal(state_of(reader).skipped, 60);
    fov_reader_close(&reader);
}

static void paced_as_a_camera(void **state)
{
    (void)state;
    fov_reader *reader = open_reader("pattern:width=320,height=192,barcode=1,fps=50,frames=26",
                                     (fov_reader_params){.paced = true});
    assert_true(wait_waiting(reader, 26)); /* read ahead, but not due */
    int64_t start = clock_now_ns();
    for (int i = 0; i < 26; i++) {
        assert_int_equal(next(reader, -1), i);
        assert_true(clock_now_ns() - start >= 20 * i * MS);
    }
    assert_int_equal(next(reader, -1), -FOV_EOS);
    fov_reader_close(&reader);
}

static void times_run_out(void **state)
{
    (void)state;
    fov_reader *reader = open_reader("pattern:width=320,height=192,barcode=1,fps=1",
                                     (fov_reader_params){.paced = true});
    assert_int_equal(next(reader, 5000), 0);
    int64_t start = clock_now_ns();
    assert_int_equal(next(reader, 0), -FOV_EAGAIN);
    assert_int_equal(next(reader, 60), -FOV_EAGAIN);
    assert_true(clock_now_ns() - start >= 60 * MS);
    assert_int_equal(next(reader, 5000), 1); /* it was not lost */
    fov_reader_close(&reader);
}

/* ---- broken pictures ------------------------------------------------------------------------- */

static void a_broken_picture_in_the_middle(void **state)
{
    (void)state;
    char folder[] = "/tmp/fovea-test-XXXXXX";
    folder_make(folder, 9, 4);
    fov_reader *reader = open_reader(folder, (fov_reader_params){0});
    for (int i = 0; i < 9; i++)
        if (i != 4)
            assert_int_equal(next(reader, -1), i);
    assert_int_equal(next(reader, -1), -FOV_EOS);
    assert_int_equal(state_of(reader).source.corrupt, 1);
    fov_reader_close(&reader);

    reader = open_reader(folder, (fov_reader_params){.tell_broken = true});
    fov_frame *frame, *batch[8];
    fov_error error = {0};
    const char *name;
    int got;
    assert_int_equal(fov_reader_get_batch(reader, -1, batch, 8, &got, NULL), FOV_OK);
    assert_int_equal(got, 4); /* up to it */
    for (int i = 0; i < got; i++)
        fov_frame_unref(&batch[i]);
    assert_int_equal(fov_reader_get(reader, -1, &frame, &name, &error), FOV_EFORMAT);
    assert_null(frame);
    assert_string_equal(name, "f4.jpg");
    assert_non_null(strstr(error.message, "f4.jpg"));
    assert_int_equal(fov_reader_get(reader, -1, &frame, &name, &error), FOV_OK);
    assert_string_equal(name, "f5.jpg");
    assert_int_equal(number_of(frame), 5);
    fov_frame_unref(&frame);
    fov_reader_close(&reader);
    folder_remove(folder, 9);
}

/* A video with a hole of zeros: what can be decoded comes, in order, and the end is an end. */
static void a_broken_video(void **state)
{
    (void)state;
    char path[1024], copy[] = "/tmp/fovea-test-XXXXXX.avi";
    snprintf(path, sizeof path, "%s/video/vtest.avi", data_folder());
    FILE *from = fopen(path, "rb");
    if (!from)
        skip();
    int fd = mkstemps(copy, 4);
    FILE *to = fdopen(fd, "wb");
    char block[65536];
    size_t size, at = 0;
    while ((size = fread(block, 1, sizeof block, from)) > 0) {
        if (at / sizeof block == 20)
            memset(block, 0, size);
        fwrite(block, 1, size, to);
        at += size;
    }
    fclose(from);
    fclose(to);
    fov_reader *reader = open_reader(copy, (fov_reader_params){0});
    fov_frame *frame;
    fov_status status;
    double last_ms = -1;
    int count = 0;
    while ((status = fov_reader_get(reader, -1, &frame, NULL, NULL)) == FOV_OK) {
        assert_true(frame->pts_ms > last_ms);
        last_ms = frame->pts_ms;
        fov_frame_unref(&frame);
        count++;
    }
    assert_int_equal(status, FOV_EOS);
    assert_in_range(count, 700, 795);
    fov_reader_close(&reader);
    unlink(copy);
}

/* ---- batches --------------------------------------------------------------------------------- */

static void batches_with_a_short_last_one(void **state)
{
    (void)state;
    static const int sizes[] = {4, 4, 2};
    fov_reader *reader = open_reader(SMALL ",frames=10", (fov_reader_params){.hold = 8});
    fov_frame *batch[8];
    int got, number = 0;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(fov_reader_get_batch(reader, -1, batch, 4, &got, NULL), FOV_OK);
        assert_int_equal(got, sizes[i]);
        for (int k = 0; k < got; k++) {
            assert_int_equal(number_of(batch[k]), number++);
            fov_frame_unref(&batch[k]);
        }
    }
    assert_int_equal(fov_reader_get_batch(reader, -1, batch, 4, &got, NULL), FOV_EOS);
    assert_int_equal(got, 0);
    fov_error error = {0};
    assert_int_equal(fov_reader_get_batch(reader, -1, batch, 9, &got, &error), FOV_EINVAL);
    assert_int_equal(fov_reader_get_batch(reader, -1, batch, 0, &got, &error), FOV_EINVAL);
    fov_reader_close(&reader);
}

static void a_batch_is_what_came_in_time(void **state)
{
    (void)state;
    fov_reader *reader = open_reader("pattern:width=320,height=192,barcode=1,fps=10",
                                     (fov_reader_params){.paced = true});
    fov_frame *batch[16];
    int got;
    assert_int_equal(fov_reader_get_batch(reader, 250, batch, 16, &got, NULL), FOV_OK);
    assert_in_range(got, 1, 4);
    assert_int_equal(number_of(batch[got - 1]), got - 1);
    for (int i = 0; i < got; i++)
        fov_frame_unref(&batch[i]);
    assert_int_equal(next(reader, 5000), got); /* nothing between was lost */
    fov_reader_close(&reader);
}

/* ---- memory ---------------------------------------------------------------------------------- */

static void frames_do_not_allocate(void **state)
{
    (void)state;
    if (!alloc_count_works())
        skip();
    fov_reader *reader = open_reader(SMALL, (fov_reader_params){.buffer = 8});
    fov_frame *batch[8];
    int got;
    for (int i = 0; i < 20; i++) { /* as many in use as ever are */
        assert_true(wait_waiting(reader, 8));
        assert_int_equal(fov_reader_get_batch(reader, -1, batch, 8, &got, NULL), FOV_OK);
        assert_true(wait_waiting(reader, 8));
        for (int k = 0; k < got; k++)
            fov_frame_unref(&batch[k]);
    }
    uint64_t before = alloc_count_all();
    for (int i = 0; i < 50; i++) {
        assert_int_equal(fov_reader_get_batch(reader, -1, batch, 8, &got, NULL), FOV_OK);
        for (int k = 0; k < got; k++)
            fov_frame_unref(&batch[k]);
    }
    assert_int_equal(alloc_count_all() - before, 0);
    fov_reader_close(&reader);
}

static void frames_outlive_the_reader(void **state)
{
    (void)state;
    fov_reader *reader = open_reader(SMALL ",frames=5", (fov_reader_params){.hold = 4});
    fov_frame *frames[4];
    int got;
    assert_int_equal(fov_reader_get_batch(reader, -1, frames, 4, &got, NULL), FOV_OK);
    fov_reader_close(&reader);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(number_of(frames[i]), i);
        fov_frame_unref(&frames[i]);
    }
}

/* ---- what is refused ------------------------------------------------------------------------- */

static void refused(void **state)
{
    (void)state;
    static const fov_reader_params table[] = {
        {.buffer = -1},     {.buffer = 65},      {.hold = -1},       {.hold = 513},
        {.target_fps = -1}, {.target_fps = 1e9}, {.target_fps = NAN}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        fov_source *source;
        fov_reader *reader;
        fov_source_params url = {.url = SMALL};
        fov_reader_params params = table[i];
        fov_error error = {0};
        assert_int_equal(fov_source_open(&source, &url, NULL), FOV_OK);
        params.source = &source;
        assert_int_equal(fov_reader_open(&reader, &params, &error), FOV_EINVAL);
        assert_null(source); /* taken and closed all the same */
        assert_null(reader);
        assert_true(error.message[0]);
    }
    fov_reader *reader;
    fov_error error = {0};
    fov_reader_params none = {.open = {.url = "/nonexistent/a.jpg"}}, empty = {0};
    assert_int_equal(fov_reader_open(&reader, &none, &error), FOV_ENOTFOUND);
    assert_int_equal(fov_reader_open(&reader, &empty, &error), FOV_EINVAL);
    assert_null(reader);
}

/* ---- closing --------------------------------------------------------------------------------- */

struct waiting {
    fov_reader *reader;
    fov_frame *frame;
    fov_status status;
    atomic_bool back;
};

static void *wait_for_ever(void *argument)
{
    struct waiting *w = argument;
    w->status = fov_reader_get(w->reader, -1, &w->frame, NULL, NULL);
    atomic_store(&w->back, true);
    return NULL;
}

/* Closes while another thread waits for a frame that does not come. */
static void close_while_waiting(fov_reader *reader)
{
    struct waiting w = {.reader = reader};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, wait_for_ever, &w), 0);
    usleep(100000);
    assert_false(atomic_load(&w.back));
    int64_t start = clock_now_ns();
    fov_reader_close(&reader);
    assert_true(clock_now_ns() - start < 500 * MS);
    pthread_join(thread, NULL);
    assert_int_equal(w.status, FOV_ECLOSED);
    assert_null(w.frame);
}

static void closing_ends_a_wait(void **state)
{
    (void)state;
    fov_reader *reader = open_reader("pattern:width=320,height=192,barcode=1,fps=1",
                                     (fov_reader_params){.paced = true});
    assert_int_equal(next(reader, 5000), 0);
    close_while_waiting(reader); /* for a frame that is not due */

    fov_frame *held[6];
    int got;
    reader = open_reader(SMALL, (fov_reader_params){.buffer = 2, .hold = 3});
    assert_int_equal(fov_reader_get_batch(reader, -1, held, 3, &got, NULL), FOV_OK);
    for (int i = 3; i < 6; i++)
        assert_int_equal(fov_reader_get(reader, 5000, &held[i], NULL, NULL), FOV_OK);
    assert_int_equal(next(reader, 50), -FOV_EAGAIN); /* the caller has them all */
    close_while_waiting(reader);
    for (int i = 0; i < 6; i++)
        fov_frame_unref(&held[i]);
}

static void stopped_readers_give_nothing(void **state)
{
    (void)state;
    fov_reader *reader = open_reader(SMALL, (fov_reader_params){0});
    assert_true(wait_waiting(reader, 3));
    fov_reader_stop(reader);
    assert_int_equal(next(reader, -1), -FOV_ECLOSED);
    assert_int_equal(next(reader, 0), -FOV_ECLOSED);
    fov_reader_close(&reader);
}

/* ---- cameras --------------------------------------------------------------------------------- */

static void of_a_camera_the_newest(void **state)
{
    (void)state;
    static struct camera camera;
    camera_start(&camera, 10);
    fov_reader *reader = open_reader(camera.url, (fov_reader_params){.buffer = 30});
    int last = next(reader, 10000), lost = 0;
    assert_true(last >= 0);
    assert_int_equal(state_of(reader).capacity, 1);
    for (int i = 0; i < 5; i++) {
        usleep(200000);
        int sent = atomic_load(&camera.sent), number = next(reader, 5000);
        assert_true(number > last);
        assert_true(number >= sent - 10); /* not one that waited in a queue */
        lost += number - last - 1;
        last = number;
    }
    assert_true(lost > 20);
    assert_true(state_of(reader).source.superseded > 20);
    atomic_store(&camera.paused, true);
    while (next(reader, 100) >= 0)
        ;
    int64_t start = clock_now_ns();
    assert_int_equal(next(reader, 60), -FOV_EAGAIN);
    assert_true(clock_now_ns() - start >= 60 * MS);
    assert_int_equal(next(reader, 0), -FOV_EAGAIN);
    close_while_waiting(reader);
    camera_stop(&camera);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_to_its_end),
        cmocka_unit_test(who_takes_slowly_loses_nothing),
        cmocka_unit_test(memory_is_bounded),
        cmocka_unit_test(again_from_the_start),
        cmocka_unit_test(from_the_middle_of_a_video),
        cmocka_unit_test(a_lower_rate_is_even),
        cmocka_unit_test(paced_as_a_camera),
        cmocka_unit_test(times_run_out),
        cmocka_unit_test(a_broken_picture_in_the_middle),
        cmocka_unit_test(a_broken_video),
        cmocka_unit_test(batches_with_a_short_last_one),
        cmocka_unit_test(a_batch_is_what_came_in_time),
        cmocka_unit_test(frames_do_not_allocate),
        cmocka_unit_test(frames_outlive_the_reader),
        cmocka_unit_test(refused),
        cmocka_unit_test(closing_ends_a_wait),
        cmocka_unit_test(stopped_readers_give_nothing),
        cmocka_unit_test(of_a_camera_the_newest),
    };
    fov_log_set(NULL, NULL, FOV_LOG_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
