/* Heads of detectors on outputs written by hand: the numbers worked out beside each. */
#include "heads_test.h"

/* Bins of a distribution whose mean is `bin`, all its weight in one place. */
static void put_bin(float *logits, int bins, int bin)
{
    for (int i = 0; i < bins; i++)
        logits[i] = i == bin ? 60 : 0;
}

static void put_sides(float *row, int left, int top, int right, int bottom)
{
    put_bin(row, 8, left);
    put_bin(row + 8, 8, top);
    put_bin(row + 16, 8, right);
    put_bin(row + 24, 8, bottom);
}

/* Stride 16, column 3, row 2 of a 64 px input: the middle of the cell is 56, 40. */
static void nanodet_levels(void **unused)
{
    (void)unused;
    static float scores[3][64 * 3], sides[3][64 * 32];
    fov_tensor out[6];
    static const int64_t cells[3] = {64, 16, 4};
    for (int i = 0; i < 3; i++) {
        out[i] = TENSOR("dis_pred", sides[i], 1, cells[i], 32); /* distances first: names tell */
        out[3 + i] = TENSOR("cls_pred", scores[i], 1, cells[i], 3);
    }
    scores[1][(2 * 4 + 3) * 3 + 1] = 0.8f;
    scores[1][(2 * 4 + 3) * 3 + 2] = 0.6f; /* a cell is of its best class */
    put_sides(sides[1] + (2 * 4 + 3) * 32, 1, 2, 3, 0);
    struct reading r = read_outputs("nanodet", 64, out, 6, 0.5f);
    assert_int_equal(r.found.count, 1);
    expect_candidate(&r.found.items[0], 40, 8, 104, 40, 0.8f, 1);
    assert_true(r.setup.input.bgr);
    assert_float_equal(r.setup.input.mean[0], 103.53, 1e-3);
    assert_int_equal(r.setup.nms, NMS_AGNOSTIC);
    assert_non_null(strstr(r.evidence, "probabilities"));
    candidates_release(&r.found);
}

/* One output for four levels; the centre is the cell's corner: 48, 32. Classes come as logits. */
static void nanodet_plus_joined(void **unused)
{
    (void)unused;
    enum { ROW = 2 + 32, CELLS = 64 + 16 + 4 + 1 };
    static float rows[CELLS * ROW];
    for (int i = 0; i < CELLS; i++)
        rows[i * ROW] = rows[i * ROW + 1] = -9;
    float *row = rows + (64 + 2 * 4 + 3) * ROW;
    row[1] = 0; /* sigmoid 0.5 */
    put_sides(row + 2, 1, 1, 1, 1);
    fov_tensor out = TENSOR("output", rows, 1, CELLS, ROW);
    struct reading r = read_outputs("nanodet", 64, &out, 1, 0.4f);
    assert_int_equal(r.found.count, 1);
    expect_candidate(&r.found.items[0], 32, 16, 64, 48, 0.5f, 1);
    assert_int_equal(r.setup.input.fit, FIT_STRETCH);
    candidates_release(&r.found);
}

static void picodet_levels(void **unused)
{
    (void)unused;
    static float scores[4][64 * 3], sides[4][64 * 32];
    fov_tensor out[8];
    static const int64_t cells[4] = {64, 16, 4, 1};
    for (int i = 0; i < 4; i++) {
        out[i] = TENSOR("scale_0.tmp_1", scores[i], 1, cells[i], 3);
        out[4 + i] = TENSOR("scale_4.tmp_1", sides[i], 1, cells[i], 32);
    }
    scores[3][2] = 0.7f; /* the one cell of stride 64: its middle is 32, 32 */
    put_sides(sides[3], 1, 0, 2, 1);
    struct reading r = read_outputs("picodet", 64, out, 8, 0.5f);
    assert_int_equal(r.found.count, 1);
    expect_candidate(&r.found.items[0], -32, 32, 160, 96, 0.7f, 2);
    assert_false(r.setup.input.bgr);
    assert_int_equal(r.setup.input.fit, FIT_STRETCH);
    candidates_release(&r.found);
}

static void fastestdet_grid(void **unused)
{
    (void)unused;
    enum { CELLS = 16, CELL = 2 * 4 + 1 };
    static float grid[8 * CELLS];
    grid[CELL] = 0.9f;
    grid[CELLS + CELL] = 0.5f;         /* tanh: 0.46212 */
    grid[3 * CELLS + CELL] = 0;        /* sigmoid: half the input wide */
    grid[4 * CELLS + CELL] = -logf(3); /* a quarter high */
    grid[6 * CELLS + CELL] = 0.8f;
    fov_tensor out = TENSOR("758", grid, 1, 8, 4, 4);
    struct reading r = read_outputs("fastestdet", 64, &out, 1, 0.5f);
    assert_int_equal(r.found.count, 1);
    float x = 16 * (1 + tanhf(0.5f));
    expect_candidate(&r.found.items[0], x - 16, 32 - 8, x + 16, 32 + 8,
                     powf(0.9f, 0.6f) * powf(0.8f, 0.4f), 1);
    candidates_release(&r.found);
}

/* Stride 8, column 2, row 5: box around 8 (2 + 0.5), 8 (5 + 0.25), 16 wide, 8 high. */
static void yunet_faces(void **unused)
{
    (void)unused;
    enum { CELL = 5 * 8 + 2 };
    static float one[2][3][64], boxes[3][64 * 4], points[3][64 * 10];
    fov_tensor out[12];
    static const int64_t cells[3] = {64, 16, 4};
    for (int i = 0; i < 3; i++) {
        out[i] = TENSOR("cls_8", one[0][i], 1, cells[i], 1);
        out[3 + i] = TENSOR("obj_8", one[1][i], 1, cells[i], 1);
        out[6 + i] = TENSOR("bbox_8", boxes[i], 1, cells[i], 4);
        out[9 + i] = TENSOR("kps_8", points[i], 1, cells[i], 10);
    }
    one[0][0][CELL] = 0.81f;
    one[1][0][CELL] = 1.5f; /* counts as 1 */
    boxes[0][4 * CELL] = 0.5f;
    boxes[0][4 * CELL + 1] = 0.25f;
    boxes[0][4 * CELL + 2] = logf(2);
    points[0][10 * CELL + 8] = 1; /* the last point: one cell right of the corner */
    struct reading r = read_outputs("yunet", 64, out, 12, 0.5f);
    assert_int_equal(r.found.count, 1);
    expect_candidate(&r.found.items[0], 12, 38, 28, 46, 0.9f, 0);
    assert_int_equal(r.setup.task, FOV_TASK_POSE);

    fov_detection item = {.score = 0.9f};
    fov_detections list = {.items = &item, .count = 1, .capacity = 1};
    struct letterbox box = {.spec = r.setup.input, .src_width = 128, .src_height = 64};
    box.place = letterbox_place_of(&r.setup.input, 128, 64);
    struct head_output output = {&box, &list, NULL};
    assert_int_equal(fov_details_create(&list.details, FOV_TASK_POSE, 1, 5, 0), FOV_OK);
    head_named("yunet")->refine(&r.setup, out, r.found.items, &output);
    assert_int_equal(list.details->items[0].keypoint_count, 5);
    assert_float_equal(list.details->keypoints[4].x, 2 * 24, 1e-3); /* twice as wide a picture */
    assert_float_equal(list.details->keypoints[4].y, 40, 1e-3);
    fov_details_destroy(&list.details);
    candidates_release(&r.found);
}

static void ultraface_pair(void **unused)
{
    (void)unused;
    enum { N = 3 * 64 + 2 * 16 + 2 * 4 + 3 };
    static float scores[N * 2], boxes[N * 4];
    static const float box[4] = {0.25f, 0.5f, 0.5f, 0.75f};
    scores[2 * 200] = 0.99f; /* background */
    scores[2 * 201 + 1] = 0.8f;
    memcpy(boxes + 4 * 201, box, sizeof box);
    fov_tensor out[2] = {TENSOR("scores", scores, 1, N, 2), TENSOR("boxes", boxes, 1, N, 4)};
    struct reading r = read_outputs("ultraface", 64, out, 2, 0.5f);
    assert_int_equal(r.found.count, 1);
    expect_candidate(&r.found.items[0], 16, 32, 32, 48, 0.8f, 1);
    assert_float_equal(r.setup.input.mean[2], 127, 0);
    candidates_release(&r.found);
}

static void centernet_peaks(void **unused)
{
    (void)unused;
    enum { W = 16, CELL = 5 * W + 4, CELLS = W * W };
    static float heat[2 * CELLS], size[2 * CELLS], offset[2 * CELLS];
    for (int i = 0; i < 2 * CELLS; i++)
        heat[i] = -9;
    heat[CELLS + CELL] = 2;
    heat[CELLS + CELL + 1] = 1; /* beside a higher one */
    size[CELL] = 3;
    size[CELLS + CELL] = 2;
    offset[CELL] = 0.5f;
    fov_tensor out[3] = {TENSOR("wh", size, 1, 2, W, W), TENSOR("hm", heat, 1, 2, W, W),
                         TENSOR("reg", offset, 1, 2, W, W)};
    struct reading r = read_outputs("centernet", 64, out, 3, 0.5f);
    assert_int_equal(r.found.count, 1);
    expect_candidate(&r.found.items[0], 12, 16, 24, 24, 1 / (1 + expf(-2)), 1);
    candidates_release(&r.found);
}

/* The order of a pair tells DAMO-YOLO and YOLO-NAS apart, and with it how pictures go in. */
static void pairs_on_grids(void **unused)
{
    (void)unused;
    static float boxes[84 * 4] = {8, 16, 24, 48}, scores[84 * 3] = {0.1f, 0.9f, 0.6f};
    fov_tensor out[2] = {TENSOR("a", scores, 1, 84, 3), TENSOR("b", boxes, 1, 84, 4)};
    struct reading r = read_outputs("damoyolo", 64, out, 2, 0.5f);
    assert_int_equal(r.found.count, 2); /* every class of a cell */
    expect_candidate(&r.found.items[0], 8, 16, 24, 48, 0.9f, 1);
    expect_candidate(&r.found.items[1], 8, 16, 24, 48, 0.6f, 2);
    assert_int_equal(r.setup.input.fit, FIT_TOP_LEFT);
    assert_non_null(strstr(r.evidence, "assumed"));
    candidates_release(&r.found);
    fov_tensor turned[2] = {out[1], out[0]};
    r = read_outputs("yolonas", 64, turned, 2, 0.5f);
    expect_candidate(&r.found.items[0], 8, 16, 24, 48, 0.9f, 1);
    assert_int_equal(r.setup.input.inset, 4);
    assert_float_equal(r.setup.input.scale[0], 255, 0);
    candidates_release(&r.found);
}

static void ssd_logits(void **unused)
{
    (void)unused;
    static float boxes[10 * 4] = {0.25f, 0, 0.5f, 1}; /* y0 x0 y1 x1 */
    static float scores[10 * 3];
    scores[1] = logf(8); /* softmax: 8 / 10 */
    for (int i = 1; i < 10; i++)
        scores[3 * i] = 9; /* background */
    fov_tensor in = f32("image", 4, SHAPE(1, 64, 64, 3), NULL);
    in.dtype = FOV_U8;
    fov_tensor out[2] = {TENSOR("boxes", boxes, 1, 10, 4), TENSOR("scores", scores, 1, 10, 3)};
    struct metadata meta = {.source = ""};
    struct head_facts facts = {&in, out, 1, 2, &meta, ""};
    struct reading r = read_facts("ssd", &facts, out, 0.5f);
    assert_non_null(strstr(r.evidence, "softmax assumed"));
    assert_int_equal(r.found.count, 1);
    expect_candidate(&r.found.items[0], 0, 16, 64, 32, 0.8f, 1);
    candidates_release(&r.found);
}

/* TFLite's four lists under either name, and under none: values tell. Classes count from 0. */
static void tflite_lists(void **unused)
{
    (void)unused;
    static float boxes[2 * 4] = {0.25f, 0, 0.5f, 1}, classes[2] = {7, 0}, scores[2] = {0.75f, 0.1f};
    static float count[1] = {2};
    static const char *const names[][2] = {
        {"TFLite_Detection_PostProcess:1", "TFLite_Detection_PostProcess:2"},
        {"StatefulPartitionedCall:2", "StatefulPartitionedCall:1"},
        {"Identity", "Identity_1"}};
    for (int turned = 0; turned < 2; turned++)
        for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
            fov_tensor out[4] = {TENSOR("x", count, 1), TENSOR(names[i][0], classes, 1, 2),
                                 TENSOR(names[i][1], scores, 1, 2), TENSOR("y", boxes, 1, 2, 4)};
            if (turned) {
                fov_tensor first = out[1];
                out[1] = out[2];
                out[2] = first;
            }
            struct reading r = read_outputs("ssd", 64, out, 4, 0.5f);
            assert_int_equal(r.found.count, 1);
            expect_candidate(&r.found.items[0], 0, 16, 64, 32, 0.75f, 7);
            assert_int_equal(r.setup.columns, 90);
            assert_int_equal(r.setup.background, -1);
            candidates_release(&r.found);
        }
}

/* Any number may stand where classes are looked for; large ones have no fractions. */
static void tflite_lists_of_large_numbers(void **unused)
{
    (void)unused;
    static float boxes[4] = {0.25f, 0, 0.5f, 1}, wild[][1] = {{1e30f}, {-1e30f}, {INFINITY}, {NAN}};
    static float scores[1] = {0.75f}, count[1] = {1};
    for (size_t i = 0; i < sizeof wild / sizeof *wild; i++) {
        fov_tensor out[4] = {TENSOR("x", count, 1), TENSOR("Identity", wild[i], 1, 1),
                             TENSOR("Identity_1", scores, 1, 1), TENSOR("y", boxes, 1, 1, 4)};
        struct reading r = read_outputs("ssd", 64, out, 4, 0.5f);
        assert_int_equal(r.found.count, 0);
        candidates_release(&r.found);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nanodet_levels),
        cmocka_unit_test(nanodet_plus_joined),
        cmocka_unit_test(picodet_levels),
        cmocka_unit_test(fastestdet_grid),
        cmocka_unit_test(yunet_faces),
        cmocka_unit_test(ultraface_pair),
        cmocka_unit_test(centernet_peaks),
        cmocka_unit_test(pairs_on_grids),
        cmocka_unit_test(ssd_logits),
        cmocka_unit_test(tflite_lists),
        cmocka_unit_test(tflite_lists_of_large_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
