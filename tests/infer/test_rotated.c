/* Turned boxes: overlap and suppression against Ultralytics' numbers (make_rotated_fixture.py). */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fovea/detect.h>
#include "infer/nms.h"
#include "rotated_fixture.h"

static struct candidate turned(const float box[5], float score)
{
    return (struct candidate){.x1 = box[0] - box[2] / 2,
                              .y1 = box[1] - box[3] / 2,
                              .x2 = box[0] + box[2] / 2,
                              .y2 = box[1] + box[3] / 2,
                              .angle = box[4],
                              .score = score};
}

static void overlaps_are_those_of_ultralytics(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < sizeof rotated_pairs / sizeof *rotated_pairs; i++) {
        struct candidate a = turned(rotated_pairs[i].a, 1), b = turned(rotated_pairs[i].b, 1);
        assert_float_equal(candidates_rotated_overlap(&a, &b), rotated_pairs[i].overlap, 2e-3);
        assert_float_equal(candidates_rotated_overlap(&b, &a), rotated_pairs[i].overlap, 2e-3);
    }
}

static void turned_boxes_are_suppressed(void **unused)
{
    (void)unused;
    struct candidates c;
    assert_true(candidates_init(&c, 100));
    candidates_begin(&c, 100, 0.1f);
    for (int i = 0; i < ROTATED_BOXES; i++) {
        struct candidate one = turned(rotated_boxes[i], rotated_boxes[i][5]);
        one.anchor = i;
        candidates_add(&c, &one);
    }
    assert_int_equal(candidates_suppress(&c, NMS_ROTATED, 0.45f, 100), ROTATED_KEPT);
    for (int i = 0; i < ROTATED_KEPT; i++)
        assert_int_equal(c.items[i].anchor, rotated_kept[i]);
    candidates_release(&c);
}

static void bounds_hold_all_corners(void **unused)
{
    (void)unused;
    for (int i = 0; i < ROTATED_BOXES; i++) {
        const float *b = rotated_boxes[i];
        struct candidate c = turned(b, 1);
        fov_detail d = {
            .center_x = b[0], .center_y = b[1], .width = b[2], .height = b[3], .angle = b[4]};
        fov_point corners[4];
        float x1, y1, x2, y2, low_x = INFINITY, high_y = -INFINITY;
        candidate_bounds(&c, &x1, &y1, &x2, &y2);
        fov_detail_corners(&d, corners);
        for (int k = 0; k < 4; k++) {
            low_x = fminf(low_x, corners[k].x);
            high_y = fmaxf(high_y, corners[k].y);
        }
        assert_float_equal(x1, low_x, 1e-3);
        assert_float_equal(y2, high_y, 1e-3);
        assert_true(x2 > x1 && y2 > y1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(overlaps_are_those_of_ultralytics),
        cmocka_unit_test(turned_boxes_are_suppressed),
        cmocka_unit_test(bounds_hold_all_corners),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
