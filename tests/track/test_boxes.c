/* Which boxes are looked at: the usable ones, and of those all that can meet a track. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "draw.h"
#include "track/boxes.h"

enum { COUNT = 300 };

static fov_detection items[COUNT];
static struct track_box boxes[COUNT];

static void scatter(uint32_t *state)
{
    for (int i = 0; i < COUNT; i++) {
        float x = (float)floor(500 * draw(state)), y = (float)floor(500 * draw(state));
        items[i] = (fov_detection){.x1 = x,
                                   .y1 = y,
                                   .x2 = x + (float)(1 + 90 * draw(state) * draw(state)),
                                   .y2 = y + (float)(1 + 90 * draw(state)),
                                   .score = 0.5f,
                                   .class_id = i % 3};
    }
}

static void sorted_and_whole(void **unused)
{
    (void)unused;
    uint32_t state = 3;
    int seen[COUNT] = {0};
    scatter(&state);
    const fov_detections d = {items, COUNT, COUNT, NULL};
    assert_int_equal(boxes_collect(&d, boxes, COUNT), COUNT);
    for (int i = 0; i < COUNT; i++) {
        const fov_detection *from = &items[boxes[i].detection];
        assert_int_equal(seen[boxes[i].detection]++, 0);
        assert_true(boxes[i].at[0] == from->x1 && boxes[i].at[3] == from->y2);
        assert_int_equal(boxes[i].class_id, from->class_id);
        if (i > 0 && boxes[i].at[0] == boxes[i - 1].at[0])
            assert_true(boxes[i].detection > boxes[i - 1].detection);
        else if (i > 0)
            assert_true(boxes[i].at[0] > boxes[i - 1].at[0]);
    }
    assert_int_equal(boxes_collect(&d, boxes, 7), 7); /* the first seven, not the leftmost */
    for (int i = 0; i < 7; i++)
        assert_true(boxes[i].detection < 7);
}

/* Whatever overlaps is among the neighbours, grown or not, and those are not everybody. */
static void neighbours_are_all_that_overlap(void **unused)
{
    (void)unused;
    uint32_t state = 4;
    size_t looked_at = 0, asked = 0;
    for (int turn = 0; turn < 20; turn++) {
        scatter(&state);
        const fov_detections d = {items, COUNT, COUNT, NULL};
        struct tracker_frame frame = {.boxes = boxes, .count = boxes_collect(&d, boxes, COUNT)};
        frame.widest = boxes_widest(boxes, frame.count);
        const float grow = turn % 2 ? 0.4f : 0;
        for (size_t i = 0; i < COUNT; i++) {
            float box[4], other[4];
            size_t first, end;
            box_grow(boxes[i].at, grow, box);
            boxes_near(&frame, box[0], box[2], grow, &first, &end);
            looked_at += end - first;
            asked += COUNT;
            for (size_t k = 0; k < COUNT; k++) {
                box_grow(boxes[k].at, grow, other);
                assert_true(box_iou(box, other) == 0 || (k >= first && k < end));
            }
        }
    }
    assert_true(looked_at * 2 < asked);
}

static void overlaps(void **unused)
{
    (void)unused;
    const float a[4] = {0, 0, 10, 10}, half[4] = {5, 0, 15, 10}, beside[4] = {10, 0, 20, 10},
                inner[4] = {2, 2, 7, 7}, gone[4] = {5, 5, 5, 5};
    assert_true(box_iou(a, a) == 1);
    assert_true(fabsf(box_iou(a, half) - 1 / 3.0f) < 1e-6f);
    assert_true(box_iou(a, beside) == 0);
    assert_true(box_iou(a, inner) == 0.25f);
    assert_true(box_iou(a, gone) == 0);
    float grown[4];
    box_grow(half, 0.5f, grown);
    assert_true(grown[0] == 0 && grown[1] == -5 && grown[2] == 20 && grown[3] == 15);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sorted_and_whole),
        cmocka_unit_test(neighbours_are_all_that_overlap),
        cmocka_unit_test(overlaps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
