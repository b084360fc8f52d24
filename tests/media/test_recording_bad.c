/* Recordings that are torn, damaged or wrong: what is whole is read, the rest has a reason. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "recording_tools.h"

/* ---- torn, damaged and wrong files ----------------------------------------------------------- */

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_cut_leaves_what_is_whole),
        cmocka_unit_test(going_on_behind_a_cut),
        cmocka_unit_test(a_damaged_frame_costs_only_itself),
        cmocka_unit_test(bad_table),
        cmocka_unit_test(bad_pixels_table),
    };
    return cmocka_run_group_tests(tests, make_folder, clear_folder);
}
