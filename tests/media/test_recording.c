/* Recordings: what goes in comes out to the bit, a torn file gives what is whole, bad ones a
 * reason.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fovea/log.h>
#include <fovea/picture.h>
#include "media/recording.h"

static fov_frame_pool *pool;
static char folder[] = "/tmp/fovea-recording-XXXXXX";

static char *path_of(const char *name)
{
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static const fov_recording_info live = {.source = "hall",
                                        .kind = "camera",
                                        .live = true,
                                        .model_id = "fake",
                                        .precision = "f32",
                                        .conf = 0.3f,
                                        .iou = 0.4f,
                                        .exact = true,
                                        .max_latency_ms = 150};

static fov_recording *create(const char *name, const fov_recording_info *info,
                             fov_recording_params params)
{
    fov_recording *r = NULL;
    fov_error error = {0};
    if (fov_recording_create(&r, path_of(name), info, &params, &error))
        fail_msg("%s", error.message);
    return r;
}

static void add(fov_recording *r, const fov_frame *frame, fov_recorded what, const char *name)
{
    fov_error error = {0};
    if (fov_recording_add(r, frame, &what, name, &error))
        fail_msg("%s", error.message);
}

static void finish(fov_recording **r)
{
    assert_int_equal(fov_recording_close(r, NULL), FOV_OK);
    assert_null(*r);
}

static struct recording *open_file(const char *name, fov_status wanted)
{
    struct recording *r = NULL;
    fov_error error = {0};
    int fd = open(path_of(name), O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    fov_status status = recording_open(&r, fd, name, &error);
    if (status != wanted)
        fail_msg("%s: %s, not %s: %s", name, fov_status_code(status), fov_status_code(wanted),
                 error.message);
    assert_true(status == FOV_OK || (error.message[0] && !r));
    return r;
}

static fov_frame *pixels_of(fov_pixels pixels, int width, int height, int shift_x, int shift_y,
                            bool gray)
{
    fov_frame *frame = NULL;
    uint32_t state = (uint32_t)(width * 7 + height);
    assert_int_equal(fov_frame_get(pool, 0, &frame), FOV_OK);
    assert_int_equal(fov_frame_alloc_image(frame, pixels, width, height, shift_x, shift_y), FOV_OK);
    if (gray)
        frame->image.plane[1] = frame->image.plane[2] = NULL;
    for (int p = 0; p < image_planes(&frame->image); p++)
        for (int y = 0; frame->image.plane[p] && y < image_plane_height(&frame->image, p); y++)
            for (int x = 0;
                 x < image_plane_width(&frame->image, p) * image_pixel_bytes(&frame->image); x++) {
                state = state * 1664525 + 1013904223;
                frame->image.plane[p][y * frame->image.stride[p] + x] =
                    (uint8_t)(x % 5 ? (uint32_t)(x + y) : state >> 24);
            }
    frame->width = width;
    frame->height = height;
    return frame;
}

static fov_frame *jpeg_of(int width, int height)
{
    fov_encoder *encoder;
    const uint8_t *bytes;
    size_t size;
    fov_frame *drawn = pixels_of(FOV_YUV, width, height, 1, 1, false), *frame = NULL;
    assert_int_equal(fov_encoder_create(&encoder, NULL), FOV_OK);
    assert_int_equal(fov_encode_jpeg(encoder, &drawn->image, 90, &bytes, &size, NULL), FOV_OK);
    assert_int_equal(fov_frame_get(pool, size, &frame), FOV_OK);
    memcpy(frame->bytes, bytes, size);
    frame->size = size;
    frame->codec = FOV_JPEG;
    frame->width = width;
    frame->height = height;
    fov_encoder_destroy(&encoder);
    fov_frame_unref(&drawn);
    return frame;
}

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

/* ---- what goes in comes out -------------------------------------------------------------------
 */

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

/* ---- writing ----------------------------------------------------------------------------------
 */

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
    assert_int_equal(symlink(path_of("kept.fvr"), "link.fvr"), 0);
    assert_int_equal(fov_recording_create(&second, "link.fvr", &live, &append, &error), FOV_EIO);
    unlink("link.fvr");
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

/* ---- torn, damaged and wrong files ------------------------------------------------------------
 */

static uint8_t *read_file(const char *name, size_t *size)
{
    struct stat st;
    int fd = open(path_of(name), O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0 && fstat(fd, &st) == 0);
    uint8_t *bytes = malloc((size_t)st.st_size);
    assert_int_equal(read(fd, bytes, (size_t)st.st_size), st.st_size);
    close(fd);
    *size = (size_t)st.st_size;
    return bytes;
}

static void write_file(const char *name, const uint8_t *bytes, size_t size)
{
    int fd = open(path_of(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, size), (ssize_t)size);
    close(fd);
}

/* Three frames with an answer each; ends[i]: bytes up to the end of the i-th. */
static uint8_t *three_frames(size_t *size, size_t ends[4])
{
    unlink(path_of("three.fvr"));
    fov_recording *r = create("three.fvr", &live, (fov_recording_params){0});
    fov_frame *frame = jpeg_of(16, 16);
    ends[0] = fov_recording_size(r);
    for (uint64_t i = 0; i < 3; i++) {
        add(r, frame, (fov_recorded){.number = i, .answered = true}, NULL);
        ends[i + 1] = fov_recording_size(r);
    }
    finish(&r);
    fov_frame_unref(&frame);
    return read_file("three.fvr", size);
}

static void every_cut_leaves_what_is_whole(void **state)
{
    (void)state;
    size_t size, ends[4];
    uint8_t *bytes = three_frames(&size, ends);
    const size_t answer = RECORDING_CHUNK + RECORDING_ANSWER_HEAD;
    for (size_t cut = ends[0]; cut <= size; cut++) {
        size_t whole = 0;
        write_file("cut.fvr", bytes, cut);
        for (int i = 1; i <= 3; i++)
            whole += cut >= ends[i] - answer;
        struct recording *in = open_file("cut.fvr", FOV_OK);
        assert_int_equal(recording_count(in), whole);
        for (size_t i = 0; i < whole; i++) {
            fov_frame *frame;
            fov_recorded what;
            const char *name;
            assert_int_equal(recording_read(in, i, pool, &frame, &what, &name, NULL), FOV_OK);
            assert_int_equal(what.answered, cut >= ends[i + 1]);
            fov_frame_unref(&frame);
        }
        recording_close(&in);
    }
    for (size_t cut = 0; cut < ends[0]; cut++) {
        write_file("cut.fvr", bytes, cut);
        open_file("cut.fvr", FOV_EFORMAT);
    }
    free(bytes);
}

static void going_on_behind_a_cut(void **state)
{
    (void)state;
    size_t size, ends[4];
    uint8_t *bytes = three_frames(&size, ends);
    write_file("torn.fvr", bytes, ends[2] + 100);
    fov_recording *r = create("torn.fvr", &live, (fov_recording_params){.append = true});
    assert_int_equal(fov_recording_frames(r), 2);
    fov_frame *frame = jpeg_of(16, 16);
    add(r, frame, (fov_recorded){.number = 0, .arrival_ns = 5}, NULL);
    finish(&r);
    struct recording *in = open_file("torn.fvr", FOV_OK);
    int64_t arrival;
    assert_int_equal(recording_count(in), 3);
    assert_false(recording_is_cut(in));
    assert_int_equal(recording_last(in, &arrival), 2);
    assert_true(arrival > 5);
    recording_close(&in);
    fov_frame_unref(&frame);
    free(bytes);
}

static void a_damaged_frame_costs_only_itself(void **state)
{
    (void)state;
    size_t size, ends[4];
    uint8_t *bytes = three_frames(&size, ends);
    bytes[ends[1] + RECORDING_CHUNK + RECORDING_FRAME_HEAD + 20] ^= 1;
    write_file("spot.fvr", bytes, size);
    struct recording *in = open_file("spot.fvr", FOV_OK);
    assert_int_equal(recording_count(in), 3);
    for (size_t i = 0; i < 3; i++) {
        fov_frame *frame;
        fov_recorded what;
        const char *name;
        fov_error error = {0};
        fov_status status = recording_read(in, i, pool, &frame, &what, &name, &error);
        assert_int_equal(status, i == 1 ? FOV_EFORMAT : FOV_OK);
        assert_true(status == FOV_OK || !frame);
        fov_frame_unref(&frame);
    }
    recording_close(&in);
    free(bytes);
}

/* Sums made right again, so that what stands behind them is looked at. */
static void mend(uint8_t *chunk)
{
    put_le(chunk + 8, recording_sum(0, chunk + RECORDING_CHUNK, get_le(chunk + 4, 4)), 4);
    put_le(chunk + 12, recording_sum(0, chunk, 12), 4);
}

static void bad_table(void **state)
{
    static const struct {
        const char *what;
        int at, bytes; /* of the first frame's payload; < 0: of the file's start */
        uint64_t value;
        fov_status opened, read; /* read: of the first frame; FOV_EOS: it is not listed */
    } cases[] = {
        {"another file", -1, 1, 'X', FOV_EFORMAT, FOV_OK},
        {"a later version", -9, 2, 2, FOV_EUNSUPPORTED, FOV_OK},
        {"a description beyond the file", -13, 4, 0xffffffff, FOV_EFORMAT, FOV_OK},
        {"a description of another size", -13, 4, 3, FOV_EFORMAT, FOV_OK},
        {"a wrong sum", -17, 4, 1, FOV_EFORMAT, FOV_OK},
        {"a number out of range", 0, 8, UINT64_MAX, FOV_OK, FOV_EOS},
        {"a time before the start", 8, 8, UINT64_MAX, FOV_OK, FOV_EOS},
        {"a time in a thousand years", 8, 8, UINT64_C(1) << 62, FOV_OK, FOV_EOS},
        {"a name longer than the frame", 54, 2, 0xffff, FOV_OK, FOV_EFORMAT},
        {"a name of all the frame", 54, 2, 255, FOV_OK, FOV_EFORMAT},
        {"pixels of no kind", 49, 1, 9, FOV_OK, FOV_EFORMAT},
        {"pixels without a size", 49, 1, FOV_RGB24, FOV_OK, FOV_EFORMAT},
        {"a position that is no number", 16, 8, UINT64_C(0x7ff8000000000000), FOV_OK, FOV_OK},
    };
    (void)state;
    size_t size, ends[4];
    uint8_t *good = three_frames(&size, ends);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint8_t *bytes = malloc(size);
        memcpy(bytes, good, size);
        uint8_t *chunk = bytes + ends[0];
        if (cases[i].at < 0) {
            put_le(bytes - cases[i].at - 1, cases[i].value, cases[i].bytes);
        } else {
            put_le(chunk + RECORDING_CHUNK + cases[i].at, cases[i].value, cases[i].bytes);
            mend(chunk);
        }
        write_file("bad.fvr", bytes, size);
        print_message("%s\n", cases[i].what);
        struct recording *in = open_file("bad.fvr", cases[i].opened);
        if (in && cases[i].read == FOV_EOS) {
            assert_int_equal(recording_count(in), 2);
        } else if (in) {
            fov_frame *frame;
            fov_recorded what;
            const char *name;
            fov_status status = recording_read(in, 0, pool, &frame, &what, &name, NULL);
            assert_int_equal(status, cases[i].read);
            assert_true(status || frame->pts_ms == 0);
            fov_frame_unref(&frame);
        }
        recording_close(&in);
        free(bytes);
    }
    free(good);
}

/* Pixels: a size of 16384 × 16384, a packed part that unfolds to too much, too little, or not. */
static void bad_pixels_table(void **state)
{
    static const struct {
        int at, bytes;
        uint64_t value;
    } cases[] = {{56, 4, 16384}, {56, 4, 0},         {60, 4, 0x80000000}, {60, 4, 7},
                 {60, 4, 9},     {50, 1, 3},         {50, 1, 8},          {51, 1, 2},
                 {51, 1, 0},     {49, 1, FOV_GRAY8}, {64, 1, 0xff},       {49, 1, 0}};
    (void)state;
    size_t size;
    unlink(path_of("rgb.fvr"));
    fov_recording *r = create("rgb.fvr", &live, (fov_recording_params){0});
    size_t start = fov_recording_size(r);
    fov_frame *frame = pixels_of(FOV_YUV, 8, 8, 0, 0, false);
    add(r, frame, (fov_recorded){0}, NULL);
    finish(&r);
    fov_frame_unref(&frame);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint8_t *bytes = read_file("rgb.fvr", &size);
        put_le(bytes + start + RECORDING_CHUNK + cases[i].at, cases[i].value, cases[i].bytes);
        mend(bytes + start);
        write_file("bad.fvr", bytes, size);
        struct recording *in = open_file("bad.fvr", FOV_OK);
        fov_recorded what;
        const char *name;
        fov_status status = recording_read(in, 0, pool, &frame, &what, &name, NULL);
        if (i + 1 ==
            sizeof cases / sizeof *cases) { /* bytes of no known kind: told by who decodes */
            assert_int_equal(status, FOV_OK);
            assert_int_equal(frame->codec, FOV_CODEC_NONE);
        } else if (status != FOV_EFORMAT) {
            fail_msg("case %zu: %s", i, fov_status_code(status));
        }
        fov_frame_unref(&frame);
        recording_close(&in);
        free(bytes);
    }
}

static int make_folder(void **state)
{
    (void)state;
    fov_log_set(NULL, NULL, FOV_LOG_ERROR);
    fov_frame_pool_params params = {.slots = 32};
    return mkdtemp(folder) && fov_frame_pool_create(&pool, &params, NULL) == FOV_OK ? 0 : -1;
}

static int clear_folder(void **state)
{
    static const char *const names[] = {"encoded", "pixels", "live", "kept", "text", "full", "disk",
                                        "three",   "cut",    "torn", "spot", "bad",  "rgb"};
    char name[64];
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(name, sizeof name, "%s.fvr", names[i]);
        unlink(path_of(name));
    }
    fov_frame_pool_destroy(&pool);
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(encoded_frames_come_back),
        cmocka_unit_test(pixels_come_back_to_the_bit),
        cmocka_unit_test(live_recordings_have_the_times_of_arrival),
        cmocka_unit_test(nothing_is_overwritten),
        cmocka_unit_test(a_full_recording_stays_whole),
        cmocka_unit_test(a_full_disk_leaves_a_whole_file),
        cmocka_unit_test(every_cut_leaves_what_is_whole),
        cmocka_unit_test(going_on_behind_a_cut),
        cmocka_unit_test(a_damaged_frame_costs_only_itself),
        cmocka_unit_test(bad_table),
        cmocka_unit_test(bad_pixels_table),
    };
    return cmocka_run_group_tests(tests, make_folder, clear_folder);
}
