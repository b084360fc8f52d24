/* Heads on outputs written by hand: what matches, what comes out, what is refused. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/text.h"
#include "infer/head.h"
#include "infer/yolo.h"

static fov_tensor tensor(const char *name, fov_dtype dtype, int rank, const int64_t *shape,
                         void *data)
{
    fov_tensor t = {.data = data, .dtype = dtype, .rank = rank};
    memcpy(t.shape, shape, (size_t)rank * sizeof *shape);
    text_copy(t.name, sizeof t.name, name);
    return t;
}

#define SHAPE(...) ((const int64_t[]){__VA_ARGS__})

static fov_tensor picture(int side)
{
    return tensor("images", FOV_F32, 4, SHAPE(1, 3, side, side), NULL);
}

/* ---- recognition ---- */

static void heads_are_recognised(void **unused)
{
    (void)unused;
    static const struct {
        int side, rows, columns;
        const char *key, *value, *head, *evidence;
    } cases[] = {
        {640, 84, 8400, NULL, NULL, "yolo", "[1,4+C,N]"},
        {640, 25200, 85, NULL, NULL, "yolo", "[1,N,5+C]"},
        {640, 300, 6, NULL, NULL, "yolo", "[1,N,6]"},
        {640, 8400, 85, NULL, NULL, "yolox", "grids"},
        {416, 3549, 85, NULL, NULL, "yolox", "grids"},
        {640, 8400, 85, "model_type", "YOLOv6", "yolo", "YOLOv6"},
        {416, 3549, 7, "model_type", "YOLOX", "yolox", "YOLOX"},
        {640, 8400, 6, "names", "{0: 'a', 1: 'b'}", "yolo", "[1,N,4+C]"},
        {640, 6, 8400, "names", "{0: 'a', 1: 'b'}", "yolo", "[1,4+C,N]"},
        {640, 116, 8400, "task", "segment", NULL, "--head (ssd"}, /* without prototypes */
        {640, 56, 8400, "task", "pose", "yolo", "pose of the metadata, output [1,4+C+51,N]"},
        {640, 300, 57, "task", "pose", "yolo", "[1,N,6+51]"},
        {1024, 20, 21504, "task", "obb", "yolo", "obb of the metadata, output [1,4+C+1,N]"},
        {1024, 300, 7, "task", "obb", "yolo", "[1,N,6+1]"},
        {640, 84, 8400, "task", "depth", NULL, "[1,84,8400]"},
        {640, 1000, 1000, NULL, NULL, NULL, "[1,1000,1000]"},
        {640, 640, 640, NULL, NULL, "semantic", "640x640 cells of a mask"},
        {224, 1, 1000, NULL, NULL, "classify", "1000 scores"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fov_tensor in = picture(cases[i].side);
        fov_tensor out = tensor("output0", FOV_F32, 3, SHAPE(1, cases[i].rows, cases[i].columns),
                                NULL);
        struct metadata meta = {.source = "metadata_props"};
        if (cases[i].key)
            metadata_add(&meta, cases[i].key, strlen(cases[i].key), cases[i].value,
                         strlen(cases[i].value));
        struct head_facts facts = {&in, &out, 1, 1, &meta, ""};
        const struct head *head = NULL;
        char evidence[HEAD_EVIDENCE] = "";
        int confidence;
        fov_error error;
        fov_status status = head_choose(&facts, NULL, &head, &confidence, evidence, &error);
        if (cases[i].head) {
            assert_int_equal(status, FOV_OK);
            assert_string_equal(head->name, cases[i].head);
            assert_non_null(strstr(evidence, cases[i].evidence));
        } else {
            assert_int_equal(status, FOV_EUNSUPPORTED);
            assert_non_null(strstr(error.message, cases[i].evidence));
        }
        metadata_release(&meta);
    }
}

static void a_named_head_must_fit(void **unused)
{
    (void)unused;
    fov_tensor in = picture(640), out = tensor("out", FOV_F32, 3, SHAPE(1, 84, 8400), NULL);
    struct metadata meta = {.source = ""};
    struct head_facts facts = {&in, &out, 1, 1, &meta, ""};
    const struct head *head;
    char evidence[HEAD_EVIDENCE];
    int confidence;
    fov_error error;
    assert_int_equal(head_choose(&facts, "yolo", &head, &confidence, evidence, &error), FOV_OK);
    assert_int_equal(head_choose(&facts, "ssd", &head, &confidence, evidence, &error), FOV_EMODEL);
    assert_non_null(strstr(error.message, "out f32[1,84,8400]"));
    assert_int_equal(head_choose(&facts, "nonsense", &head, &confidence, evidence, &error),
                     FOV_EINVAL);
}

static void inputs_are_checked(void **unused)
{
    (void)unused;
    static const struct {
        fov_dtype dtype;
        int rank;
        int64_t shape[4];
        fov_status status;
    } cases[] = {
        {FOV_U8, 4, {1, 300, 300, 3}, FOV_OK},
        {FOV_F32, 4, {1, 3, 352, 640}, FOV_OK},
        {FOV_F32, 4, {2, 3, 640, 640}, FOV_EUNSUPPORTED},
        {FOV_F32, 4, {1, 1, 640, 640}, FOV_OK},
        {FOV_F32, 4, {1, 2, 640, 640}, FOV_EUNSUPPORTED},
        {FOV_F32, 2, {1, 3}, FOV_EUNSUPPORTED},
        {FOV_F16, 4, {1, 3, 640, 640}, FOV_OK},
        {FOV_I64, 4, {1, 3, 640, 640}, FOV_EUNSUPPORTED},
        {FOV_F32, 4, {1, 3, -1, 640}, FOV_EMODEL},
        {FOV_F32, 4, {1, 3, 100000, 640}, FOV_EMODEL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fov_tensor in = tensor("x", cases[i].dtype, cases[i].rank, cases[i].shape, NULL);
        struct metadata meta = {.source = ""};
        struct head_facts facts = {&in, &in, 1, 1, &meta, ""};
        struct head_setup setup = {0};
        fov_error error;
        assert_int_equal(head_read_input(&facts, &setup, &error), cases[i].status);
    }
}

static void shared_metadata_is_read(void **unused)
{
    (void)unused;
    static const char *const entries[][2] = {{"resize_type", "fit_to_window_letterbox"},
                                             {"reverse_input_channels", "True"},
                                             {"mean_values", "123.5 116 103"},
                                             {"scale_values", "[58.5]"},
                                             {"pad_value", "114"}};
    struct metadata meta = {.source = "rt_info"};
    for (size_t i = 0; i < sizeof entries / sizeof *entries; i++)
        metadata_add(&meta, entries[i][0], strlen(entries[i][0]), entries[i][1],
                     strlen(entries[i][1]));
    fov_tensor in = picture(320);
    struct head_facts facts = {&in, &in, 1, 1, &meta, ""};
    struct head_setup setup = {.input = {.bgr = true}};
    assert_int_equal(head_read_input(&facts, &setup, NULL), FOV_OK);
    assert_int_equal(setup.input.fit, FIT_CENTRE);
    assert_false(setup.input.bgr);
    assert_float_equal(setup.input.mean[0], 123.5, 0);
    assert_float_equal(setup.input.scale[2], 58.5, 0);
    assert_int_equal(setup.input.pad, 114);
    metadata_release(&meta);
}

static void numbers_that_no_picture_survives_are_refused(void **unused)
{
    (void)unused;
    static const struct {
        const char *key, *value;
        fov_status status;
    } cases[] = {
        {"mean_values", "0 0 0", FOV_OK},
        {"mean_values", "1 nan 3", FOV_EMODEL},
        {"mean_values", "inf", FOV_EMODEL},
        {"mean_values", "1e7", FOV_EMODEL},
        {"scale_values", "1e-6", FOV_OK},
        {"scale_values", "0", FOV_EMODEL},
        {"scale_values", "-1", FOV_OK},
        {"scale_values", "1 1 -1e-9", FOV_EMODEL},
        {"scale_values", "[255 nan]", FOV_EMODEL},
        {"scale_values", "", FOV_OK},
        {"scale_values", "-infinity", FOV_EMODEL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct metadata meta = {.source = "rt_info"};
        fov_tensor in = picture(320);
        struct head_facts facts = {&in, &in, 1, 1, &meta, ""};
        struct head_setup setup = {.picture = 0};
        fov_error error = {.message = ""};
        metadata_add(&meta, cases[i].key, strlen(cases[i].key), cases[i].value,
                     strlen(cases[i].value));
        if (head_read_input(&facts, &setup, &error) != cases[i].status)
            fail_msg("%s: %s", cases[i].value, error.message);
        metadata_release(&meta);
    }
}

static struct yolo_layout layout_of(const char *key, const char *value, const fov_tensor *outs,
                                    int count)
{
    struct metadata meta = {.source = ""};
    struct yolo_layout layout;
    fov_tensor in = picture(640);
    struct head_facts facts = {&in, outs, 1, count, &meta, "m-pose"};
    metadata_add(&meta, key, strlen(key), value, strlen(value));
    yolo_read_layout(&facts, &layout);
    metadata_release(&meta);
    return layout;
}

/* The most prototypes that are taken, and one more. */
static void prototypes_are_no_classes(void **unused)
{
    (void)unused;
    for (int count = 256; count <= 257; count++) {
        fov_tensor outs[] = {tensor("a", FOV_F32, 3, SHAPE(1, 4 + 80 + count, 8400), NULL),
                             tensor("b", FOV_F32, 4, SHAPE(1, count, 160, 160), NULL)};
        struct yolo_layout layout = layout_of("task", "segment", outs, 2);
        assert_int_equal(layout.form, count == 256 ? YOLO_CHANNELS : YOLO_UNKNOWN);
        assert_int_equal(layout.columns, count == 256 ? 80 : 0);
    }
}

static void keypoints_are_counted_before_they_are_multiplied(void **unused)
{
    (void)unused;
    static const char *const shapes[] = {"[2000000000, 3]",
                                         "[17, 2000000000]",
                                         "[99999999999, 3]",
                                         "[0, 3]",
                                         "[17, 1]",
                                         "[-17, 3]",
                                         "17"};
    fov_tensor out = tensor("a", FOV_F32, 3, SHAPE(1, 56, 8400), NULL);
    assert_int_equal(layout_of("kpt_shape", "[17, 3]", &out, 1).form, YOLO_CHANNELS);
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        assert_int_equal(layout_of("kpt_shape", shapes[i], &out, 1).form, YOLO_UNKNOWN);
}

/* ---- reading ---- */

struct reading {
    struct head_setup setup;
    struct candidates found;
    char evidence[HEAD_EVIDENCE];
};

static struct reading read_with(const struct head *head, const fov_tensor *in,
                                const fov_tensor *outs, int count, float conf, bool every_class)
{
    struct reading r = {.setup = {.kernels = infer_kernels()}};
    struct metadata meta = {.source = ""};
    struct head_facts facts = {in, outs, 1, count, &meta, ""};
    struct head_query query = {.conf = conf, .every_class = every_class};
    assert_int_equal(head->configure(&facts, &r.setup, NULL), FOV_OK);
    assert_int_equal(head_read_input(&facts, &r.setup, NULL), FOV_OK);
    if (r.setup.needs_probe)
        head->probe(&r.setup, outs, r.evidence);
    assert_true(candidates_init(&r.found, 100));
    candidates_begin(&r.found, 100, conf);
    head->decode(&r.setup, outs, &query, &r.found);
    candidates_prune(&r.found);
    return r;
}

static void expect(const struct candidate *c, float x1, float y1, float x2, float y2, float score,
                   int column)
{
    assert_float_equal(c->x1, x1, 1e-3);
    assert_float_equal(c->y1, y1, 1e-3);
    assert_float_equal(c->x2, x2, 1e-3);
    assert_float_equal(c->y2, y2, 1e-3);
    assert_float_equal(c->score, score, 1e-6);
    assert_int_equal(c->class_raw, column);
}

static void ssd_pairs(void **unused)
{
    (void)unused;
    enum { ANCHORS = 77, COLUMNS = 5 };
    static float boxes[ANCHORS * 4], scores[ANCHORS * COLUMNS];
    fov_tensor in = tensor("image", FOV_U8, 4, SHAPE(1, 100, 200, 3), NULL);
    fov_tensor out[2] = {tensor("scores", FOV_F32, 3, SHAPE(1, ANCHORS, COLUMNS), scores),
                         tensor("boxes", FOV_F32, 3, SHAPE(1, ANCHORS, 4), boxes)};
    static const float box[4] = {0.1f, 0.2f, 0.5f, 0.6f}; /* y0 x0 y1 x1 */
    memcpy(boxes + 4 * 76, box, sizeof box);
    scores[76 * COLUMNS] = 0.99f; /* background never counts */
    scores[76 * COLUMNS + 2] = 0.6f;
    scores[76 * COLUMNS + 4] = 0.7f; /* both classes of one anchor do */
    struct reading r = read_with(head_named("ssd"), &in, out, 2, 0.5f, false);
    assert_int_equal(r.found.count, 2);
    expect(&r.found.items[0], 40, 10, 120, 50, 0.7f, 4);
    expect(&r.found.items[1], 40, 10, 120, 50, 0.6f, 2);
    candidates_release(&r.found);
}

static void ssd_lists(void **unused)
{
    (void)unused;
    static float boxes[3 * 4] = {0.1f, 0.2f, 0.5f, 0.6f, 0, 0, 1, 1, 0, 0, 1, 1};
    static float scores[3] = {0.9f, 0.8f, 0.7f}, classes[3] = {3, 500, 1}, count[1] = {3};
    fov_tensor in = tensor("image", FOV_U8, 4, SHAPE(1, 100, 200, 3), NULL);
    fov_tensor out[4] = {tensor("detection_boxes:0", FOV_F32, 3, SHAPE(1, 3, 4), boxes),
                         tensor("detection_classes:0", FOV_F32, 2, SHAPE(1, 3), classes),
                         tensor("detection_scores:0", FOV_F32, 2, SHAPE(1, 3), scores),
                         tensor("num_detections:0", FOV_F32, 1, SHAPE(1), count)};
    struct reading r = read_with(head_named("ssd"), &in, out, 4, 0.5f, false);
    assert_int_equal(r.found.count, 2); /* class 500 is out of range */
    expect(&r.found.items[0], 40, 10, 120, 50, 0.9f, 3);
    expect(&r.found.items[1], 0, 0, 200, 100, 0.7f, 1);
    assert_int_equal(r.setup.nms, NMS_NONE);
    candidates_release(&r.found);
}

/* One box through each form: centre 320, 160, size 64 × 32, class 1 of 3. */
static void yolo_forms(void **unused)
{
    (void)unused;
    enum { CELLS = 8400 };
    static float channels[7 * CELLS], rows[3 * CELLS * 8];
    static const float box[4] = {320, 160, 64, 32};
    fov_tensor in = picture(640);
    for (int i = 0; i < 4; i++)
        channels[i * CELLS + 5000] = box[i];
    channels[5 * CELLS + 5000] = 0.8f;
    channels[6 * CELLS + 5000] = 0.6f;
    fov_tensor out = tensor("out", FOV_F32, 3, SHAPE(1, 7, CELLS), channels);
    struct reading r = read_with(head_named("yolo"), &in, &out, 1, 0.5f, false);
    assert_int_equal(r.found.count, 1);
    expect(&r.found.items[0], 288, 144, 352, 176, 0.8f, 1);
    candidates_release(&r.found);
    r = read_with(head_named("yolo"), &in, &out, 1, 0.5f, true); /* both classes */
    assert_int_equal(r.found.count, 2);
    expect(&r.found.items[1], 288, 144, 352, 176, 0.6f, 2);
    candidates_release(&r.found);

    float *row = rows + 8 * 20000;
    memcpy(row, box, sizeof box);
    row[4] = 0.9f; /* objectness multiplies */
    row[6] = 0.8f;
    out = tensor("out", FOV_F32, 3, SHAPE(1, 3 * CELLS, 8), rows);
    r = read_with(head_named("yolo"), &in, &out, 1, 0.5f, false);
    assert_int_equal(r.found.count, 1);
    expect(&r.found.items[0], 288, 144, 352, 176, 0.72f, 1);
    candidates_release(&r.found);
    for (int i = 0; i < 4; i++) /* the same in 0..1 of the input */
        row[i] = box[i] / 640;
    r = read_with(head_named("yolo"), &in, &out, 1, 0.5f, false);
    assert_non_null(strstr(r.evidence, "0..1"));
    expect(&r.found.items[0], 288, 144, 352, 176, 0.72f, 1);
    candidates_release(&r.found);
}

static void yolo_end_to_end(void **unused)
{
    (void)unused;
    static float rows[300 * 6] = {288, 144, 352, 176, 0.8f, 7, 0, 0, 10, 10, 0.9f, 200};
    fov_tensor in = picture(640), out = tensor("out", FOV_F32, 3, SHAPE(1, 300, 6), rows);
    struct reading r = read_with(head_named("yolo"), &in, &out, 1, 0.5f, false);
    assert_int_equal(r.found.count, 1); /* class 200 of 80 is nonsense */
    expect(&r.found.items[0], 288, 144, 352, 176, 0.8f, 7);
    assert_int_equal(r.setup.nms, NMS_NONE);
    candidates_release(&r.found);
}

static void yolox_raw_and_decoded(void **unused)
{
    (void)unused;
    enum { CELLS = 52 * 52 + 26 * 26 + 13 * 13, ROW = 7 };
    static float raw[CELLS * ROW], decoded[CELLS * ROW];
    fov_tensor in = picture(416), out = tensor("out", FOV_F32, 3, SHAPE(1, CELLS, ROW), raw);
    int cell = 52 * 52 + 26 * 5 + 7; /* stride 16, column 7, row 5 */
    raw[cell * ROW + 0] = 0.5f;
    raw[cell * ROW + 1] = 0.25f;
    raw[cell * ROW + 2] = logf(3);
    raw[cell * ROW + 3] = logf(0.5f);
    raw[cell * ROW + 4] = 0.9f;
    raw[cell * ROW + 6] = 0.8f;
    struct reading r = read_with(head_named("yolox"), &in, &out, 1, 0.5f, false);
    assert_non_null(strstr(r.evidence, "raw"));
    assert_int_equal(r.found.count, 1);
    expect(&r.found.items[0], 120 - 24, 84 - 4, 120 + 24, 84 + 4, 0.72f, 1);
    candidates_release(&r.found);
    static const float box[4] = {120, 84, 48, 8};
    for (int i = 0; i < CELLS; i++)
        decoded[i * ROW + 2] = decoded[i * ROW + 3] = 1;
    memcpy(decoded + cell * ROW, box, sizeof box);
    decoded[cell * ROW + 4] = 0.9f;
    decoded[cell * ROW + 6] = 0.8f;
    out.data = decoded;
    r = read_with(head_named("yolox"), &in, &out, 1, 0.5f, false);
    assert_non_null(strstr(r.evidence, "pixels"));
    expect(&r.found.items[0], 96, 80, 144, 88, 0.72f, 1);
    candidates_release(&r.found);
}

/* Any finite numbers may come out of a broken model: boxes stay inside the picture or vanish. */
static void wild_numbers_are_survived(void **unused)
{
    (void)unused;
    enum { CELLS = 8400 };
    static float data[CELLS * 8];
    static const float wild[] = {3e38f, -3e38f, 1e30f, -1, 0, 0.5f, 1, 88, 1e-40f};
    uint32_t random = 1;
    for (int i = 0; i < CELLS * 8; i++) {
        random = random * 1664525u + 1013904223u;
        data[i] = wild[(random >> 16) % (sizeof wild / sizeof *wild)];
    }
    fov_tensor in = picture(640), out = tensor("out", FOV_F32, 3, SHAPE(1, CELLS, 8), data);
    for (int n = 0; n < 2; n++) {
        struct reading r = read_with(head_named(n ? "yolo" : "yolox"), &in, &out, 1, 0.5f, n == 1);
        struct letterbox box = {.place = letterbox_place_of(&r.setup.input, 1280, 720),
                                .src_width = 1280,
                                .src_height = 720};
        size_t count = candidates_suppress(&r.found, NMS_PER_CLASS, 0.5f, 100);
        assert_true(count > 0);
        for (size_t i = 0; i < count; i++) {
            float x = r.found.items[i].x1, y = r.found.items[i].y2;
            letterbox_undo(&box, &x, &y);
            assert_true(x >= 0 && x <= 1280 && y >= 0 && y <= 720);
        }
        candidates_release(&r.found);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(heads_are_recognised),
        cmocka_unit_test(a_named_head_must_fit),
        cmocka_unit_test(inputs_are_checked),
        cmocka_unit_test(shared_metadata_is_read),
        cmocka_unit_test(numbers_that_no_picture_survives_are_refused),
        cmocka_unit_test(prototypes_are_no_classes),
        cmocka_unit_test(keypoints_are_counted_before_they_are_multiplied),
        cmocka_unit_test(ssd_pairs),
        cmocka_unit_test(ssd_lists),
        cmocka_unit_test(yolo_forms),
        cmocka_unit_test(yolo_end_to_end),
        cmocka_unit_test(yolox_raw_and_decoded),
        cmocka_unit_test(wild_numbers_are_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
