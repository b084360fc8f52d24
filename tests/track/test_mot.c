/* Files of the MOT challenge: what is read, and what is refused with the number of its line. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "mot.h"

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
    struct mot_motion m;
    size_t next = 0;
    assert_int_equal(mot_parse_motion(&m, "gmc.txt", text, strlen(text), NULL), FOV_OK);
    assert_int_equal(m.count, 3);
    fov_motion step = mot_motion_between(&m, 0, 1, &next);
    assert_int_equal(step.kind, FOV_MOTION_NONE);
    step = mot_motion_between(&m, 1, 2, &next);
    assert_int_equal(step.kind, FOV_MOTION_SIMILARITY);
    assert_true(step.map[0] == 1 && step.map[2] == 10 && step.map[5] == -5 && step.map[8] == 1);
    next = 0; /* both at once: the shift comes first, then it is doubled */
    step = mot_motion_between(&m, 1, 4, &next);
    assert_true(step.map[0] == 2 && step.map[2] == 20 && step.map[5] == -10);
    step = mot_motion_between(&m, 4, 6, &next);
    assert_int_equal(step.kind, FOV_MOTION_NONE);
    step = mot_motion_between(&m, 6, 8, &next);
    assert_int_equal(step.kind, FOV_MOTION_HOMOGRAPHY);
    assert_true(step.map[2] == 1 && step.map[7] == 0.001);
    assert_int_equal(mot_motion_between(&m, 8, 100, &next).kind, FOV_MOTION_NONE);
    next = 0; /* what lies before the first frame of interest does not count */
    assert_int_equal(mot_motion_between(&m, 5, 6, &next).kind, FOV_MOTION_NONE);
    mot_release_motion(&m);
}

static void bad_motion(void **state)
{
    (void)state;
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"1 1 0 0 0 1", "gmc.txt:1: not 7 numbers"},
        {"1 1 0 0 0 1 0 0", "gmc.txt:1: not 7 numbers"},
        {"1 1 0 0 0 1 0\n1 1 0 0 0 1 0", "gmc.txt:2: frames do not ascend"},
        {"5 1 0 0 0 1 0\n4 1 0 0 0 1 0", "gmc.txt:2: frames do not ascend"},
        {"1 0 0 0 0 0 0", "gmc.txt:1: a motion that has no way back"},
        {"1 1 1 0 1 1 0", "gmc.txt:1: a motion that has no way back"},
        {"0 1 0 0 0 1 0", "gmc.txt:1: the frame is no whole number"},
        {"1 1 0 nan 0 1 0", "gmc.txt:1: a number that is not finite"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct mot_motion m;
        fov_error error = {0};
        const char *text = cases[i].text;
        assert_int_equal(mot_parse_motion(&m, "gmc.txt", text, strlen(text), &error), FOV_EFORMAT);
        if (strncmp(error.message, cases[i].message, strlen(cases[i].message)) != 0)
            fail_msg("\"%s\" gives \"%s\"", text, error.message);
        mot_release_motion(&m);
    }
}

static void files_that_are_not_there(void **state)
{
    (void)state;
    struct mot mot;
    struct mot_motion m;
    fov_error error = {0};
    assert_int_equal(mot_read(&mot, "/nowhere/det.txt", &error), FOV_ENOTFOUND);
    assert_non_null(strstr(error.message, "/nowhere/det.txt"));
    assert_int_equal(mot_read_motion(&m, "/nowhere/gmc.txt", &error), FOV_ENOTFOUND);
    mot_release(&mot);
    mot_release_motion(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(detections),
        cmocka_unit_test(bad_detections),
        cmocka_unit_test(long_lines_and_zero_bytes),
        cmocka_unit_test(motion),
        cmocka_unit_test(bad_motion),
        cmocka_unit_test(files_that_are_not_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
