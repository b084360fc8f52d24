/* Recordings: what goes in comes out to the bit, nothing is overwritten, bounds hold. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "recording_tools.h"

static void same_pixels(const fov_image *a, const fov_image *b)
{
    assert_int_equal(a->pixels, b->pixels);
    assert_int_equal(a->width, b->width);
    assert_int_equal(a->height, b->height);
    for (int p = 0; p < image_planes(a); p++) {
        assert_int_equal(!a->plane[p], !b->plane[p]);
        size_t row = (size_t)(image_plane_width(a, p) * image_pixel_bytes(a));
        for (int y = 0; a->plane[p] && y < image_plane_height(a, p); y++)
            assert_memory_equal(a->plane[p] + y * a->stride[p], b->plane[p] + y * b->stride[p],
                                row);
    }
}

/* ---- what goes in comes out ------------------------------------------------------------------ */

static void encoded_frames_come_back(void **state)
{
    (void)state;
    fov_detection boxes[] = {{1.5f, 2, 30.25f, 40, 0.9f, 3, 4, -1}, {0, 0, 1, 1, 0.3f, 0, 0, -1}};
    fov_recording *r = create("encoded.fvr", &live, (fov_recording_params){0});
    fov_frame *frame = jpeg_of(64, 48), *back = NULL, *other = jpeg_of(32, 32);
    frame->number = 77;
    frame->sender_ms = 1234.5;
    add(r, frame,
        (fov_recorded){.number = 5,
                       .arrival_ns = 2000,
                       .answered = true,
                       .outcome = FOV_DELIVERED,
                       .watched = true,
                       .conf = 0.3f,
                       .iou = 0.45f,
                       .total_ns = 99,
                       .classes = {1, [15] = UINT64_C(1) << 63},
                       .items = boxes,
                       .count = 2},
        NULL);
    /* answers do not come in the order of the frames */
    add(r, other,
        (fov_recorded){.number = 2,
                       .arrival_ns = 1000,
                       .answered = true,
                       .outcome = FOV_DROPPED,
                       .reason = FOV_DROP_SUPERSEDED},
        NULL);
    assert_int_equal(fov_recording_frames(r), 2);
    finish(&r);
    struct stat st;
    assert_int_equal(stat(path_of("encoded.fvr"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);

    struct recording *in = open_file("encoded.fvr", FOV_OK);
    const fov_recording_info *info = recording_info(in);
    assert_string_equal(info->source, "hall");
    assert_string_equal(info->model_id, "fake");
    assert_true(info->live && info->exact && info->conf == 0.3f && info->iou == 0.4f);
    assert_true(info->max_latency_ms == 150 && info->made_at_ms > 1e12);
    assert_int_equal(recording_count(in), 2);
    assert_false(recording_is_cut(in));
    fov_recorded what;
    const char *name;
    assert_int_equal(recording_read(in, 0, pool, &back, &what, &name, NULL), FOV_OK);
    assert_int_equal(what.number, 2);
    assert_true(what.answered && what.outcome == FOV_DROPPED && what.reason == FOV_DROP_SUPERSEDED);
    assert_null(name);
    fov_frame_unref(&back);
    assert_int_equal(recording_read(in, 1, pool, &back, &what, &name, NULL), FOV_OK);
    assert_int_equal(back->size, frame->size);
    assert_memory_equal(back->bytes, frame->bytes, frame->size);
    assert_true(back->codec == FOV_JPEG && back->width == 64 && back->height == 48);
    assert_true(back->number == 77 && back->sender_ms == 1234.5);
    assert_true(what.number == 5 && what.arrival_ns == 2000 && what.watched && what.count == 2);
    assert_true(what.conf == 0.3f && what.iou == 0.45f && what.total_ns == 99);
    assert_memory_equal(what.items, boxes, sizeof boxes);
    assert_true(what.classes[0] == 1 && what.classes[1] == 0 && what.classes[15] >> 63 == 1);
    recording_close(&in);
    fov_frame_unref(&back);
    fov_frame_unref(&frame);
    fov_frame_unref(&other);
}

static void pixels_come_back_to_the_bit(void **state)
{
    static const struct {
        fov_pixels pixels;
        int width, height, shift_x, shift_y;
        bool gray;
    } cases[] = {{FOV_YUV, 65, 33, 1, 1, false},  {FOV_YUV, 64, 32, 0, 0, false},
                 {FOV_YUV, 31, 7, 1, 0, false},   {FOV_YUV, 20, 20, 1, 1, true},
                 {FOV_RGB24, 33, 9, 0, 0, false}, {FOV_BGR24, 1, 1, 0, 0, false},
                 {FOV_GRAY8, 17, 5, 0, 0, false}};
    enum { COUNT = sizeof cases / sizeof *cases };
    (void)state;
    fov_recording_info info = {.source = "clip.mp4", .kind = "video", .fps = 25};
    fov_recording *r = create("pixels.fvr", &info, (fov_recording_params){0});
    fov_frame *frames[COUNT], *back = NULL;
    for (size_t i = 0; i < COUNT; i++) {
        frames[i] = pixels_of(cases[i].pixels, cases[i].width, cases[i].height, cases[i].shift_x,
                              cases[i].shift_y, cases[i].gray);
        frames[i]->pts_ms = 40 * (double)i;
        add(r, frames[i], (fov_recorded){.number = i}, i == 1 ? "b.png" : NULL);
    }
    finish(&r);
    fov_source *source = NULL;
    fov_source_params params = {.url = path_of("pixels.fvr"), .loop = true};
    assert_int_equal(fov_source_open(&source, &params, NULL), FOV_OK);
    assert_string_equal(fov_source_get_info(source)->kind, "recording");
    assert_true(fov_source_get_info(source)->fps == 25);
    assert_int_equal(fov_source_get_info(source)->frames, COUNT);
    assert_string_equal(fov_source_recording(source)->source, "clip.mp4");
    for (size_t i = 0; i < 2 * COUNT; i++) {
        const char *name;
        fov_recorded what;
        fov_frame *from = frames[i % COUNT];
        assert_int_equal(fov_source_read(source, pool, &back, &name, NULL), FOV_OK);
        same_pixels(&from->image, &back->image);
        assert_true(back->pts_ms == from->pts_ms && back->width == from->width);
        assert_int_equal(fov_source_recorded(source, &what), FOV_OK);
        assert_true(what.number == i % COUNT && !what.answered);
        if (i % COUNT == 1)
            assert_string_equal(name, "b.png");
        else
            assert_null(name);
        fov_frame_unref(&back);
    }
    fov_source_close(&source);
    for (size_t i = 0; i < COUNT; i++)
        fov_frame_unref(&frames[i]);
}

static void live_recordings_have_the_times_of_arrival(void **state)
{
    (void)state;
    fov_recording *r = create("live.fvr", &live, (fov_recording_params){0});
    fov_frame *frame = jpeg_of(32, 32), *back = NULL;
    for (uint64_t i = 0; i < 5; i++)
        add(r, frame, (fov_recorded){.number = i, .arrival_ns = 7000000 + 50000000 * (int64_t)i},
            NULL);
    finish(&r);
    fov_source *source = NULL;
    fov_source_params params = {.url = path_of("live.fvr")};
    assert_int_equal(fov_source_open(&source, &params, NULL), FOV_OK);
    assert_true(fov_source_get_info(source)->fps == 20);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(fov_source_read(source, pool, &back, NULL, NULL), FOV_OK);
        assert_true(back->pts_ms == 50 * i);
        fov_frame_unref(&back);
    }
    assert_int_equal(fov_source_read(source, pool, &back, NULL, NULL), FOV_EOS);
    fov_source_close(&source);
    fov_frame_unref(&frame);
}

/* ---- writing --------------------------------------------------------------------------------- */

static void nothing_is_overwritten(void **state)
{
    (void)state;
    fov_recording *r = create("kept.fvr", &live, (fov_recording_params){0}), *second = NULL;
    fov_recording_params append = {.append = true};
    fov_error error = {0};
    assert_int_equal(fov_recording_create(&second, path_of("kept.fvr"), &live, NULL, &error),
                     FOV_EEXISTS);
    assert_int_equal(fov_recording_create(&second, path_of("kept.fvr"), &live, &append, &error),
                     FOV_EBUSY);
    finish(&r);
    fov_recording_info other = {.kind = "video", .fps = 25};
    assert_int_equal(fov_recording_create(&second, path_of("kept.fvr"), &other, &append, &error),
                     FOV_EINVAL);
    assert_int_equal(symlink("kept.fvr", path_of("link.fvr")), 0);
    assert_int_equal(fov_recording_create(&second, path_of("link.fvr"), &live, &append, &error),
                     FOV_EIO);
    FILE *file = fopen(path_of("text.fvr"), "w");
    fputs("my diary", file);
    fclose(file);
    assert_int_equal(fov_recording_create(&second, path_of("text.fvr"), &live, &append, &error),
                     FOV_EFORMAT);
    assert_null(second);
    struct stat st;
    assert_int_equal(stat(path_of("text.fvr"), &st), 0);
    assert_int_equal(st.st_size, 8);
}

/* Whatever its mode was: what comes to it now is nobody else's to see. */
static void what_is_appended_to_is_private(void **state)
{
    (void)state;
    fov_recording *r = create("open.fvr", &live, (fov_recording_params){0});
    finish(&r);
    assert_int_equal(chmod(path_of("open.fvr"), 0644), 0);
    r = NULL;
    fov_recording_params append = {.append = true};
    assert_int_equal(fov_recording_create(&r, path_of("open.fvr"), &live, &append, NULL), FOV_OK);
    struct stat st;
    assert_int_equal(stat(path_of("open.fvr"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    finish(&r);
}

static void a_full_recording_stays_whole(void **state)
{
    (void)state;
    fov_recording *r = create("full.fvr", &live, (fov_recording_params){.max_bytes = 20000});
    fov_frame *frame = jpeg_of(64, 64);
    fov_error error = {0};
    uint64_t added = 0;
    while (fov_recording_add(r, frame, &(fov_recorded){.number = added}, NULL, &error) == FOV_OK)
        added++;
    assert_int_equal(error.status, FOV_ELIMIT);
    assert_true(added > 1 && fov_recording_size(r) <= 20000);
    finish(&r);
    struct recording *in = open_file("full.fvr", FOV_OK);
    assert_int_equal(recording_count(in), added);
    assert_false(recording_is_cut(in));
    recording_close(&in);
    fov_frame_unref(&frame);
}

/* The file system says no in the middle of a frame: what was there stays, the rest of it goes. */
static void a_full_disk_leaves_a_whole_file(void **state)
{
    (void)state;
    struct rlimit before, small = {4096, RLIM_INFINITY};
    fov_recording *r = create("disk.fvr", &live, (fov_recording_params){0});
    fov_frame *frame = jpeg_of(48, 48);
    fov_error error = {0};
    uint64_t added = 0;
    getrlimit(RLIMIT_FSIZE, &before);
    small.rlim_max = before.rlim_max;
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &small);
    while (added < 1000 &&
           fov_recording_add(r, frame, &(fov_recorded){.number = added}, NULL, &error) == FOV_OK)
        added++;
    setrlimit(RLIMIT_FSIZE, &before);
    assert_int_equal(error.status, FOV_EIO);
    add(r, frame, (fov_recorded){.number = added + 1}, NULL); /* there is room again */
    finish(&r);
    struct recording *in = open_file("disk.fvr", FOV_OK);
    assert_int_equal(recording_count(in), added + 1);
    assert_false(recording_is_cut(in));
    recording_close(&in);
    fov_frame_unref(&frame);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(encoded_frames_come_back),
        cmocka_unit_test(pixels_come_back_to_the_bit),
        cmocka_unit_test(live_recordings_have_the_times_of_arrival),
        cmocka_unit_test(nothing_is_overwritten),
        cmocka_unit_test(what_is_appended_to_is_private),
        cmocka_unit_test(a_full_recording_stays_whole),
        cmocka_unit_test(a_full_disk_leaves_a_whole_file),
    };
    return cmocka_run_group_tests(tests, make_folder, clear_folder);
}
