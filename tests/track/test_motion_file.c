/* Camera motion from files: what is read, and a table of what is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../data_folder.h"
#include "base/plane.h"
#include "track/motion_file.h"

static fov_status read_text(const char *text, fov_motion_file **file, fov_error *error)
{
    return motion_file_read(file, text, strlen(text), "m.txt", error);
}

static void lines_are_read(void **state)
{
    (void)state;
    fov_motion_file *file;
    fov_motion m;
    /* blanks and tabs, a file of another system, empty lines, a gap, no feed at the end */
    assert_int_equal(read_text("1 1.5 -0.25 3 0.25 1.5 -4\r\n\n\t2\t1\t0\t0\t0\t1\t0\t\r\n"
                               "  \n7 1 0.5 0 0 1 1e-3",
                               &file, NULL),
                     FOV_OK);
    assert_true(fov_motion_file_at(file, 1, &m));
    assert_int_equal(m.kind, FOV_MOTION_SIMILARITY);
    static const double first[9] = {1.5, -0.25, 3, 0.25, 1.5, -4, 0, 0, 1};
    assert_memory_equal(m.map, first, sizeof first);
    assert_int_equal(m.points + m.inliers, 0);
    assert_true(fov_motion_file_at(file, 7, &m));
    assert_int_equal(m.kind, FOV_MOTION_HOMOGRAPHY); /* sheared */
    assert_true(m.map[1] == 0.5 && m.map[5] == 1e-3 && m.map[8] == 1);
    static const int64_t absent[] = {0, 3, 6, 8, -1, INT64_MAX, INT64_MIN};
    for (size_t i = 0; i < sizeof absent / sizeof *absent; i++) {
        assert_false(fov_motion_file_at(file, absent[i], &m));
        assert_int_equal(m.kind, FOV_MOTION_NONE);
        assert_memory_equal(m.map, PLANE_IDENTITY, sizeof m.map);
    }
    fov_motion_file_close(&file);
    assert_null(file);
    fov_motion_file_close(&file);
}

static void homographies_are_read(void **state)
{
    (void)state;
    fov_motion_file *file;
    fov_motion m;
    /* parted by commas; as numpy.savetxt writes them; any scale and sign; a similarity as well */
    assert_int_equal(read_text("1,1,0,1,0,1,0,0,0.001,1\n"
                               "2.000000000000000000e+00 -5.000000000000000000e-01 0 -3e29 0 1 0 0 "
                               "0 -1\n3, 1, 0, 0, 0, -1, 0, 0, 0, 1\r\n"
                               "4 2 0 7 0 2 8 0 0 1\n5,1,0,4,0,1,-2.5\n",
                               &file, NULL),
                     FOV_OK);
    static const struct {
        fov_motion_kind kind;
        double map[9];
    } rows[] = {
        {FOV_MOTION_HOMOGRAPHY, {1, 0, 1, 0, 1, 0, 0, 0.001, 1}},
        {FOV_MOTION_HOMOGRAPHY, {-0.5, 0, -3e29, 0, 1, 0, 0, 0, -1}},
        {FOV_MOTION_HOMOGRAPHY, {1, 0, 0, 0, -1, 0, 0, 0, 1}},
        {FOV_MOTION_SIMILARITY, {2, 0, 7, 0, 2, 8, 0, 0, 1}},
        {FOV_MOTION_SIMILARITY, {1, 0, 4, 0, 1, -2.5, 0, 0, 1}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_true(fov_motion_file_at(file, (int64_t)i + 1, &m));
        assert_int_equal(m.kind, rows[i].kind);
        assert_memory_equal(m.map, rows[i].map, sizeof m.map);
    }
    fov_motion_file_close(&file);
}

static void many_lines_are_read(void **state)
{
    (void)state;
    enum { LINES = 5000 };
    char *text = malloc(64 * LINES), *end = text;
    fov_motion_file *file;
    fov_motion m;
    assert_non_null(text);
    for (int i = 0; i < LINES; i++)
        end += snprintf(end, 64, "%d 1 0 %d 0 1 0\n", 3 * i, i);
    assert_int_equal(motion_file_read(&file, text, (size_t)(end - text), "m.txt", NULL), FOV_OK);
    for (int i = 0; i < LINES; i++) {
        assert_true(fov_motion_file_at(file, 3 * i, &m));
        assert_true(m.map[2] == i);
        assert_false(fov_motion_file_at(file, 3 * i + 1, &m));
    }
    fov_motion_file_close(&file);
    free(text);
}

static void bad_table(void **state)
{
    (void)state;
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"", "m.txt: no lines"},
        {"\n \t\r\n", "m.txt: no lines"},
        {"one 1 0 0 0 1 0", "m.txt:1: the number of a frame"},
        {"-1 1 0 0 0 1 0", "m.txt:1: the number of a frame"},
        {"1.5 1 0 0 0 1 0", "m.txt:1: the number of a frame"},
        {"2147483648 1 0 0 0 1 0", "m.txt:1: the number of a frame"},
        {"99999999999999999999 1 0 0 0 1 0", "m.txt:1: the number of a frame"},
        {"1 1 0 0 0 1", "m.txt:1: not 7 numbers"},
        {"1", "m.txt:1: not 7 numbers"},
        {"1 1 0 0 0 1 0 0", "m.txt:1: not 7 numbers"},
        {"1 1 0 0 0 1 0 0 0", "m.txt:1: not 7 numbers"},
        {"1 1 0 0 0 1 0 0 0 1 0", "m.txt:1: not 7 numbers"},
        {"1 1 0 0 0 1 0 0 0 1 0 0", "m.txt:1: not 7 numbers"},
        {"1 1 0 0 0 1 0\n2 1 0 nan 0 1 0", "m.txt:2: a number between"},
        {"1 1 0 inf 0 1 0", "m.txt:1: a number between"},
        {"1 1 0 1e7 0 1 0", "m.txt:1: a number between"},
        {"1 1 0 0,5 0 1 0", "m.txt:1: a number between"},
        {"1 1,0,0,0,1,0", "m.txt:1: not 7 numbers"},
        {"1,1,0,0;0,1,0,0", "m.txt:1: a number between"},
        {",,", "m.txt:1: the number of a frame"},
        {"1 1 0 0 0 1 x", "m.txt:1: a number between"},
        {"1 0 0 0 0 0 0", "m.txt:1: no motion"},
        {"1 1 0 0 0 -1 0", "m.txt:1: no motion"},
        {"1 1 1 0 1 1 0", "m.txt:1: no motion"},
        {"1 1e6 0 0 0 1e6 0", "m.txt:1: no motion"},
        {"1 0 0 0 0 0 0 0 0 0", "m.txt:1: a motion that has no way back"},
        {"1 1 1 0 1 1 0 0 0 1", "m.txt:1: a motion that has no way back"},
        {"1 1 0 1e31 0 1 0 0 0 1", "m.txt:1: a number between -1e30"},
        {"1 1 0 inf 0 1 0 0 0 1", "m.txt:1: a number between -1e30"},
        {"1,1,0,0,0,1,0,0,nan,1", "m.txt:1: a number between -1e30"},
        {"2 1 0 0 0 1 0\n\n2 1 0 0 0 1 0", "m.txt:3: the numbers of frames do not rise"},
        {"2 1 0 0 0 1 0\n1 1 0 0 0 1 0", "m.txt:2: the numbers of frames do not rise"},
        {"# comment", "m.txt:1: the number of a frame"},
        {"\xEF\xBB\xBF"
         "1 1 0 0 0 1 0",
         "m.txt:1: the number of a frame"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fov_motion_file *file;
        fov_error error = {0};
        assert_int_equal(read_text(cases[i].text, &file, &error), FOV_EFORMAT);
        assert_null(file);
        if (strncmp(error.message, cases[i].says, strlen(cases[i].says)) != 0)
            fail_msg("case %zu: %s", i, error.message);
    }
}

static void lines_have_an_end(void **state)
{
    (void)state;
    char text[1100];
    fov_motion_file *file;
    fov_error error = {0};
    snprintf(text, sizeof text, "1 1 0 0 0 1 0%*s\n", 1024 - 13, "");
    assert_int_equal(read_text(text, &file, &error), FOV_OK);
    fov_motion_file_close(&file);
    snprintf(text, sizeof text, "1 1 0 0 0 1 0%*s\n", 1025 - 13, "");
    assert_int_equal(read_text(text, &file, &error), FOV_EFORMAT);
    assert_non_null(strstr(error.message, "m.txt:1: longer than 1024"));
    static const char zero[] = "1 1 0 0 0 1 0\n2 1 0 \0 0 1 0\n";
    assert_int_equal(motion_file_read(&file, zero, sizeof zero - 1, "m.txt", &error), FOV_EFORMAT);
    assert_non_null(strstr(error.message, "m.txt:2: a zero byte"));
}

static void files_are_opened(void **state)
{
    (void)state;
    char path[] = "/tmp/fovea-motion-XXXXXX";
    fov_motion_file *file;
    fov_motion m;
    fov_error error = {0};
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    FILE *to = fdopen(fd, "w");
    assert_non_null(to);
    for (int i = 0; i < 4000; i++) /* larger than one piece */
        fprintf(to, "%d 1.000000 0.000000 0.500000 0.000000 1.000000 %d\n", i, i);
    fclose(to);
    assert_int_equal(fov_motion_file_open(&file, path, &error), FOV_OK);
    assert_true(fov_motion_file_at(file, 3999, &m) && m.map[5] == 3999);
    fov_motion_file_close(&file);
    unlink(path);
    assert_int_equal(fov_motion_file_open(&file, path, &error), FOV_ENOTFOUND);
    assert_null(file);
    assert_non_null(strstr(error.message, path));
    assert_int_equal(fov_motion_file_open(&file, "/", &error), FOV_EIO); /* a folder */
    assert_null(file);
}

/* The files that come with MOT17, when they are there: as many lines as the sequence has frames. */
static void files_of_mot17_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *sequence;
        int frames;
    } rows[] = {{"MOT17-02", 299}, {"MOT17-09", 262}, {"MOT17-11", 449}, {"MOT17-13", 374}};
    char path[512];
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        fov_motion_file *file;
        fov_motion m;
        snprintf(path, sizeof path, "%s/tracking/MOT17-val/%s/gmc.txt", data_folder(),
                 rows[i].sequence);
        if (access(path, R_OK) != 0)
            skip();
        assert_int_equal(fov_motion_file_open(&file, path, NULL), FOV_OK);
        for (int frame = 0; frame <= rows[i].frames + 1; frame++)
            assert_int_equal(fov_motion_file_at(file, frame, &m),
                             frame >= 1 && frame <= rows[i].frames);
        fov_motion_file_close(&file);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_read),          cmocka_unit_test(homographies_are_read),
        cmocka_unit_test(many_lines_are_read),     cmocka_unit_test(bad_table),
        cmocka_unit_test(lines_have_an_end),       cmocka_unit_test(files_are_opened),
        cmocka_unit_test(files_of_mot17_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
