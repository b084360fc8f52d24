/* Files of the MOT challenge: what is read, and what is refused with the number of its line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/plane.h"
#include "mot.h"
#include "track/motion_file.h"

static fov_status parse(struct mot *mot, const char *text, fov_error *error)
{
    return mot_parse(mot, "det.txt", text, strlen(text), error);
}

static void detections(void **state)
{
    (void)state;
    struct mot mot;
    assert_int_equal(parse(&mot,
                           "3,-1,10,20,30,40,0.5,-1,-1,-1\r\n"
                           "1, -1, 1.5, 2.5, 3, 4, 1\n\n"
                           "3,7,11,21,31,41,0.25,2.5,8,9\n"
                           "1 -1 5 6 7 8 0 17 1",
                           NULL),
                     FOV_OK);
    assert_int_equal(mot.frame_count, 2);
    assert_int_equal(mot.box_count, 4);
    assert_int_equal(mot.frames[0].number, 1);
    assert_int_equal(mot.frames[0].count, 2);
    assert_int_equal(mot.frames[1].number, 3);
    assert_int_equal(mot.frames[1].first, 2);
    const fov_detection *d = mot.boxes;
    assert_true(d[0].x1 == 1.5f && d[0].y1 == 2.5f && d[0].x2 == 4.5f && d[0].y2 == 6.5f);
    assert_true(d[0].score == 1 && d[0].class_id == 0 && d[0].track_id == -1);
    assert_int_equal(d[1].class_id, 17);
    assert_true(d[2].x1 == 10 && d[3].x1 == 11); /* in the order of the file */
    assert_int_equal(d[3].class_id, 0);          /* world coordinates are no class */
    mot_release(&mot);
    assert_int_equal(parse(&mot, "", NULL), FOV_OK);
    assert_int_equal(mot.box_count, 0);
    mot_release(&mot);
}

static void bad_detections(void **state)
{
    (void)state;
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"1,-1,1,2,3,4", "det.txt:1: fewer than 7 numbers"},
        {"1,-1,1,2,3,4,1\n0,-1,1,2,3,4,1", "det.txt:2: the frame is no whole number"},
        {"\n\n1.5,-1,1,2,3,4,1", "det.txt:3: the frame is no whole number"},
        {"10000001,-1,1,2,3,4,1", "det.txt:1: the frame is no whole number"},
        {"-1,-1,1,2,3,4,1", "det.txt:1: the frame is no whole number"},
        {"1,-1,1,2,0,4,1", "det.txt:1: a box without width or height"},
        {"1,-1,1,2,3,-4,1", "det.txt:1: a box without width or height"},
        {"1,-1,1,2,3,4,1.01", "det.txt:1: the score is not within 0 to 1"},
        {"1,-1,1,2,3,4,-0.5", "det.txt:1: the score is not within 0 to 1"},
        {"1,-1,1,2,3,4,1,1024,1", "det.txt:1: the class is no whole number up to 1023"},
        {"1,-1,1,2,3,4,1,0.5", "det.txt:1: the class is no whole number up to 1023"},
        {"1,-1,nan,2,3,4,1", "det.txt:1: a number that is not finite"},
        {"1,-1,inf,2,3,4,1", "det.txt:1: a number that is not finite"},
        {"1,-1,1e300,2,3,4,1", "det.txt:1: a number that is not finite"},
        {"1,-1,1,2,3,4,1,1,1,1,1", "det.txt:1: more than 10 numbers"},
        {"1,-1,x,2,3,4,1", "det.txt:1: something that is no number"},
        {"1,-1,1;2,3,4,1,1", "det.txt:1: something that is no number"},
        {"frame,id,x,y,w,h,score", "det.txt:1: something that is no number"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct mot mot;
        fov_error error = {0};
        assert_int_equal(parse(&mot, cases[i].text, &error), FOV_EFORMAT);
        if (strncmp(error.message, cases[i].message, strlen(cases[i].message)) != 0)
            fail_msg("\"%s\" gives \"%s\"", cases[i].text, error.message);
        mot_release(&mot);
    }
}

static void long_lines_and_zero_bytes(void **state)
{
    (void)state;
    static char text[2000];
    struct mot mot;
    fov_error error = {0};
    memset(text, ' ', sizeof text);
    assert_int_equal(mot_parse(&mot, "det.txt", text, sizeof text, &error), FOV_EFORMAT);
    assert_string_equal(error.message, "det.txt:1: longer than 1024 bytes");
    mot_release(&mot);
    assert_int_equal(mot_parse(&mot, "det.txt", "1,\0,1", 5, &error), FOV_EFORMAT);
    assert_string_equal(error.message, "det.txt:1: something that is no number");
    mot_release(&mot);
}

static void motion(void **state)
{
    (void)state;
    static const char text[] = "2 1 0 10 0 1 -5\n3 2 0 0 0 2 0\n7,1,0,1,0,1,0,0,0.001,1\n";
    fov_motion_file *file;
    assert_int_equal(motion_file_read(&file, text, strlen(text), "gmc.txt", NULL), FOV_OK);
    fov_motion step = mot_motion_between(file, 0, 1);
    assert_int_equal(step.kind, FOV_MOTION_NONE);
    step = mot_motion_between(file, 1, 2);
    assert_int_equal(step.kind, FOV_MOTION_SIMILARITY);
    assert_true(step.map[0] == 1 && step.map[2] == 10 && step.map[5] == -5 && step.map[8] == 1);
    /* both at once: the shift comes first, then it is doubled */
    step = mot_motion_between(file, 1, 4);
    assert_true(step.map[0] == 2 && step.map[2] == 20 && step.map[5] == -10);
    step = mot_motion_between(file, 4, 6);
    assert_int_equal(step.kind, FOV_MOTION_NONE);
    assert_memory_equal(step.map, PLANE_IDENTITY, sizeof step.map);
    step = mot_motion_between(file, 6, 8);
    assert_int_equal(step.kind, FOV_MOTION_HOMOGRAPHY);
    assert_true(step.map[2] == 1 && step.map[7] == 0.001);
    assert_int_equal(mot_motion_between(file, 8, 100).kind, FOV_MOTION_NONE);
    /* what lies before the first frame of interest does not count */
    assert_int_equal(mot_motion_between(file, 5, 6).kind, FOV_MOTION_NONE);
    assert_int_equal(mot_motion_between(file, INT32_MAX - 1, INT32_MAX).kind, FOV_MOTION_NONE);
    assert_int_equal(mot_motion_between(NULL, 0, 100).kind, FOV_MOTION_NONE);
    fov_motion_file_close(&file);
}

static void motion_of_a_frame_0(void **state)
{
    (void)state;
    static const char *const texts[] = {"1 1 0 0 0 1 0\n", "0 1 0 0 0 1 0\n1 1 0 0 0 1 0\n"};
    for (int i = 0; i < 2; i++) {
        char path[] = "/tmp/fovea-gmc-XXXXXX";
        fov_motion_file *file;
        fov_error error = {0};
        int fd = mkstemp(path);
        assert_true(fd >= 0);
        assert_int_equal(write(fd, texts[i], strlen(texts[i])), strlen(texts[i]));
        close(fd);
        assert_int_equal(mot_open_motion(&file, path, &error), i ? FOV_EFORMAT : FOV_OK);
        assert_true((file == NULL) == (i == 1) && !strstr(error.message, "a frame 0") == (i == 0));
        fov_motion_file_close(&file);
        unlink(path);
    }
}

static void files_that_are_not_there(void **state)
{
    (void)state;
    struct mot mot;
    fov_motion_file *file;
    fov_error error = {0};
    assert_int_equal(mot_read(&mot, "/nowhere/det.txt", &error), FOV_ENOTFOUND);
    assert_non_null(strstr(error.message, "/nowhere/det.txt"));
    assert_int_equal(mot_open_motion(&file, "/nowhere/gmc.txt", &error), FOV_ENOTFOUND);
    assert_non_null(strstr(error.message, "/nowhere/gmc.txt"));
    mot_release(&mot);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(detections),
        cmocka_unit_test(bad_detections),
        cmocka_unit_test(long_lines_and_zero_bytes),
        cmocka_unit_test(motion),
        cmocka_unit_test(motion_of_a_frame_0),
        cmocka_unit_test(files_that_are_not_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
