/* Heads of transformers and of outputs that are suppressed already, by hand; what is recognised,
 * how surely, and what is refused. */
#include "heads_test.h"

/* ---- transformers ---- */

static void detr_softmax_and_sigmoid(void **unused)
{
    (void)unused;
    static float logits[100 * 3], boxes[100 * 4] = {0.5f, 0.25f, 0.5f, 0.25f};
    for (int i = 0; i < 100; i++)
        logits[3 * i + 2] = 9; /* no object */
    logits[1] = 9 + logf(4);   /* 4 / (4 + 1), and a hair for the third */
    fov_tensor out[2] = {TENSOR("logits", logits, 1, 100, 3),
                         TENSOR("pred_boxes", boxes, 1, 100, 4)};
    struct reading r = read_outputs("detr", 64, out, 2, 0.5f);
    assert_int_equal(r.found.count, 1);
    assert_int_equal(r.setup.background, 2);
    assert_float_equal(r.found.items[0].score, 0.8, 1e-4);
    expect_candidate(&r.found.items[0], 16, 8, 48, 24, r.found.items[0].score, 1);
    assert_non_null(strstr(r.evidence, "no object"));
    assert_float_equal(r.setup.input.mean[0], 123.675, 1e-3);
    candidates_release(&r.found);

    fov_tensor in = picture_of(64);
    struct metadata meta = {.source = ""};
    metadata_add(&meta, "names", 5, "{0: 'a', 1: 'b', 2: 'c'}", 24);
    struct head_facts facts = {&in, out, 1, 2, &meta, ""};
    r = read_facts("detr", &facts, out, 0.5f); /* as many names as columns: none is "no object" */
    assert_int_equal(r.setup.background, -1);
    assert_int_equal(r.found.count, 100);
    assert_float_equal(r.setup.input.scale[0], 255, 0);
    candidates_release(&r.found);
    metadata_release(&meta);
}

static void detr_with_sizes(void **unused)
{
    (void)unused;
    static float labels[100] = {3, 90}, scores[100] = {0.9f, 0.8f}, boxes[100 * 4] = {1, 2, 3, 4};
    fov_tensor in[2] = {TENSOR("orig_target_sizes", NULL, 1, 2),
                        f32("images", 4, SHAPE(1, 3, 32, 64), NULL)};
    in[0].dtype = FOV_I64;
    fov_tensor out[3] = {TENSOR("labels", labels, 1, 100), TENSOR("boxes", boxes, 1, 100, 4),
                         TENSOR("scores", scores, 1, 100)};
    struct metadata meta = {.source = ""};
    struct head_facts facts = {in, out, 2, 3, &meta, ""};
    struct reading r = read_facts("detr", &facts, out, 0.5f);
    assert_int_equal(r.found.count, 1); /* label 90 of 80 is nonsense */
    expect_candidate(&r.found.items[0], 1, 2, 3, 4, 0.9f, 3);
    assert_int_equal(r.setup.constants[0].count, 2);
    assert_float_equal(r.setup.constants[0].values[0], 64, 0); /* width first */
    assert_float_equal(r.setup.constants[0].values[1], 32, 0);
    assert_int_equal(r.setup.picture, 1);
    candidates_release(&r.found);
}

static void detr_rows(void **unused)
{
    (void)unused;
    static float rows[300 * 84] = {0.5f, 0.25f, 0.5f, 0.25f}, best[300 * 6];
    rows[4 + 17] = 0.9f;
    fov_tensor out = TENSOR("output0", rows, 1, 300, 84);
    struct reading r = read_outputs("detr", 64, &out, 1, 0.5f);
    assert_int_equal(r.found.count, 1);
    expect_candidate(&r.found.items[0], 16, 8, 48, 24, 0.9f, 17);
    candidates_release(&r.found);
    /* newer ones: score and class, and no rows known before the run */
    static const float row[6] = {0.5f, 0.25f, 0.5f, 0.25f, 0.9f, 2};
    memcpy(best, row, sizeof row);
    fov_tensor in = picture_of(64), described = TENSOR("output0", NULL, -1, -1, 6);
    struct metadata meta = {.source = "metadata_props"};
    metadata_add(&meta, "head", 4, "RTDETRDecoder", 13);
    struct head_facts facts = {&in, &described, 1, 1, &meta, ""};
    out = TENSOR("output0", best, 1, 300, 6);
    r = read_facts("detr", &facts, &out, 0.5f);
    assert_int_equal(r.found.count, 1);
    expect_candidate(&r.found.items[0], 16, 8, 48, 24, 0.9f, 2);
    candidates_release(&r.found);
    char evidence[HEAD_EVIDENCE];
    assert_int_equal(head_named("yolo")->match(&facts, evidence), 0);
    metadata_release(&meta);
}

/* RF-DETR: logits over COCO's numbers, the first of which is none. */
static void rfdetr(void **unused)
{
    (void)unused;
    static float labels[300 * 91], dets[300 * 4] = {0.5f, 0.25f, 0.5f, 0.25f};
    for (int i = 0; i < 300 * 91; i++)
        labels[i] = -9;
    labels[0] = 9;
    labels[18] = 2;
    fov_tensor out[2] = {TENSOR("dets", dets, 1, 300, 4), TENSOR("labels", labels, 1, 300, 91)};
    struct reading r = read_outputs("detr", 64, out, 2, 0.5f);
    assert_int_equal(r.found.count, 1);
    expect_candidate(&r.found.items[0], 16, 8, 48, 24, 1 / (1 + expf(-2)), 18);
    candidates_release(&r.found);
}

/* ---- suppressed already ---- */

static void final_rows(void **unused)
{
    (void)unused;
    static float batched[7] = {0, 1, 2, 30, 40, 5, 0.9f}, flat[7] = {0, 1, 2, 30, 40, 0.9f, 5};
    static float omz[14] = {0, 5, 0.9f, 0.25f, 0.5f, 0.5f, 1, -1, 5, 0.9f, 0, 0, 1, 1};
    static float automl[7] = {0, 2, 1, 40, 30, 0.9f, 5};
    fov_tensor out = TENSOR("output", batched, 1, 7);
    struct reading r = read_outputs("final", 64, &out, 1, 0.5f);
    expect_candidate(&r.found.items[0], 1, 2, 30, 40, 0.9f, 5);
    candidates_release(&r.found);
    out = TENSOR("graph2_flat_predictions", flat, 1, 7);
    r = read_outputs("final", 64, &out, 1, 0.5f);
    expect_candidate(&r.found.items[0], 1, 2, 30, 40, 0.9f, 5);
    candidates_release(&r.found);
    out = TENSOR("detection_out", omz, 1, 1, 2, 7);
    r = read_outputs("final", 64, &out, 1, 0.5f);
    assert_int_equal(r.found.count, 1); /* picture -1 ends the list */
    expect_candidate(&r.found.items[0], 16, 32, 32, 64, 0.9f, 5);
    assert_true(r.setup.input.bgr);
    candidates_release(&r.found);
    out = TENSOR("detections:0", automl, 1, 1, 7);
    r = read_outputs("final", 64, &out, 1, 0.5f);
    expect_candidate(&r.found.items[0], 1, 2, 30, 40, 0.9f, 5);
    candidates_release(&r.found);
}

static void final_lists(void **unused)
{
    (void)unused;
    static float dets[2 * 5] = {1, 2, 30, 40, 0.9f, 0, 0, 1, 1, 0.1f}, labels[2] = {5, 1};
    static float count[1] = {1}, boxes[8] = {1, 2, 30, 40, 0, 0, 9, 9}, scores[2] = {0.9f, 0.8f};
    fov_tensor in = picture_of(64);
    fov_tensor out[4] = {TENSOR("dets", NULL, 1, -1, 5), TENSOR("labels", NULL, 1, -1)};
    fov_tensor actual[4] = {TENSOR("dets", dets, 1, 2, 5), TENSOR("labels", labels, 1, 2)};
    struct metadata meta = {.source = ""};
    struct head_facts facts = {&in, out, 1, 2, &meta, ""};
    struct reading r = read_facts("final", &facts, actual, 0.5f);
    assert_int_equal(r.found.count, 1);
    expect_candidate(&r.found.items[0], 1, 2, 30, 40, 0.9f, 5);
    candidates_release(&r.found);
    fov_tensor lists[4] = {TENSOR("num_dets", count, 1, 1), TENSOR("det_boxes", boxes, 1, 2, 4),
                           TENSOR("det_scores", scores, 1, 2), TENSOR("det_classes", labels, 1, 2)};
    r = read_outputs("final", 64, lists, 4, 0.5f);
    assert_int_equal(r.found.count, 1); /* the count says so */
    expect_candidate(&r.found.items[0], 1, 2, 30, 40, 0.9f, 5);
    candidates_release(&r.found);
}

static void paddle_outputs(void **unused)
{
    (void)unused;
    static float rows[12] = {5, 0.9f, 1, 2, 30, 40, -1, 0.9f, 0, 0, 1, 1}, number[1] = {1};
    static float boxes[85 * 4] = {1, 2, 30, 40}, scores[80 * 85];
    fov_tensor in[3] = {TENSOR("im_shape", NULL, 1, 2), f32("image", 4, SHAPE(1, 3, 32, 64), NULL),
                        TENSOR("scale_factor", NULL, 1, 2)};
    fov_tensor out[2] = {TENSOR("multiclass_nms3_0.tmp_0", NULL, -1, 6), TENSOR("tmp_2", NULL, 1)};
    fov_tensor actual[2] = {TENSOR("", rows, 2, 6), TENSOR("", number, 1)};
    struct metadata meta = {.source = ""};
    struct head_facts facts = {in, out, 3, 2, &meta, ""};
    struct reading r = read_facts("paddle", &facts, actual, 0.5f);
    assert_int_equal(r.found.count, 1); /* class -1: nothing */
    expect_candidate(&r.found.items[0], 1, 2, 30, 40, 0.9f, 5);
    assert_float_equal(r.setup.constants[0].values[0], 32, 0); /* height first */
    assert_float_equal(r.setup.constants[0].values[1], 64, 0);
    assert_float_equal(r.setup.constants[2].values[0], 1, 0);
    candidates_release(&r.found);
    scores[5 * 85] = 0.9f;
    fov_tensor pair[2] = {TENSOR("boxes", boxes, 1, 85, 4), TENSOR("scores", scores, 1, 80, 85)};
    facts.outputs = pair;
    r = read_facts("paddle", &facts, pair, 0.5f);
    expect_candidate(&r.found.items[0], 1, 2, 30, 40, 0.9f, 5);
    assert_int_equal(r.setup.nms, NMS_PER_CLASS);
    candidates_release(&r.found);
}

/* ---- recognition ---- */

/* What fits, how surely: below 60 the reason says what was assumed. */
static void doubts_are_said(void **unused)
{
    (void)unused;
    static const struct {
        const char *name, *head;
        int least, most, rank;
        int64_t shapes[2][4];
    } cases[] = {
        {"", "yolox", 1, 59, 3, {{1, 8400, 85}}},
        {"yolov6s", "yolo", 60, 100, 3, {{1, 8400, 85}}},
        {"yolox_s", "yolox", 60, 100, 3, {{1, 8400, 85}}},
        {"", "yolonas", 1, 59, 3, {{1, 8400, 4}, {1, 8400, 80}}},
        {"yolo_nas_s", "yolonas", 60, 100, 3, {{1, 8400, 80}, {1, 8400, 4}}},
        {"", "damoyolo", 1, 59, 3, {{1, 8400, 80}, {1, 8400, 4}}},
        {"damoyolo_S", "damoyolo", 60, 100, 3, {{1, 8400, 4}, {1, 8400, 80}}},
        {"", "detr", 1, 59, 3, {{1, 300, 84}}},
        {"rtdetr-l", "detr", 60, 100, 3, {{1, 300, 84}}},
        {"", "yolo", 60, 100, 3, {{1, 300, 6}}},
        {"rtdetr-l", "detr", 60, 100, 3, {{1, 300, 6}}},
        {"", "final", 1, 59, 2, {{100, 7}}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fov_tensor in = picture_of(640), out[2] = {{.rank = 0}};
        int count = cases[i].shapes[1][0] ? 2 : 1, confidence = 0;
        for (int k = 0; k < count; k++)
            out[k] = f32("out", cases[i].rank, cases[i].shapes[k], NULL);
        struct metadata meta = {.source = ""};
        struct head_facts facts = {&in, out, 1, count, &meta, cases[i].name};
        const struct head *head = NULL;
        char evidence[HEAD_EVIDENCE] = "";
        fov_error error = {.message = ""};
        if (head_choose(&facts, NULL, &head, &confidence, evidence, &error))
            fail_msg("case %d: %s", (int)i, error.message);
        assert_string_equal(head->name, cases[i].head);
        if (confidence < cases[i].least || confidence > cases[i].most)
            fail_msg("case %d: %d %%", (int)i, confidence);
        assert_true(confidence >= 60 || strstr(evidence, "assumed"));
    }
}

/* Two heads that fit equally well: the order of the list decides, and the reason says so. */
static void ties_are_said(void **unused)
{
    (void)unused;
    static const int64_t cells[3] = {64, 16, 4};
    fov_tensor in = picture_of(64), out[6];
    for (int i = 0; i < 6; i++)
        out[i] = TENSOR("x", NULL, 1, cells[i % 3], i < 3 ? 80 : 32);
    struct metadata meta = {.source = ""};
    struct head_facts facts = {&in, out, 1, 6, &meta, "nanodet-or-picodet"};
    const struct head *head = NULL;
    char evidence[HEAD_EVIDENCE] = "";
    int confidence;
    fov_error error = {.message = ""};
    assert_int_equal(head_choose(&facts, NULL, &head, &confidence, evidence, &error), FOV_OK);
    assert_string_equal(head->name, "nanodet");
    assert_non_null(strstr(evidence, "--head picodet fits as well"));
}

/* Every head, with shapes that are nearly right: refused with a sentence, or read without harm. */
static void bad_shapes_are_refused(void **unused)
{
    (void)unused;
    static const int64_t wild[] = {INT64_MIN,        -1,       0, 1, 3, 5, 4097, 1 << 20,
                                   INT64_C(1) << 40, INT64_MAX};
    enum { WILD = sizeof wild / sizeof *wild };
    for (size_t h = 0; head_at(h); h++)
        for (int i = 0; i < WILD * WILD * WILD; i++) {
            fov_tensor in = picture_of(i % 2 ? 64 : 640), out[FOV_MODEL_OUTPUTS];
            int count = 1 + i % 13;
            for (int k = 0; k < count; k++)
                out[k] = f32("boxes", 1 + (i + k) % 4,
                             SHAPE(i % 3 ? 1 : wild[i % WILD], wild[i / WILD % WILD],
                                   wild[(i / WILD / WILD + k) % WILD], 4),
                             NULL);
            struct metadata meta = {.source = ""};
            struct head_facts facts = {&in, out, 1, count, &meta, ""};
            struct head_setup setup = {.kernels = infer_kernels()};
            char evidence[HEAD_EVIDENCE] = "";
            fov_error error = {.message = ""};
            fov_status status = head_at(h)->configure(&facts, &setup, &error);
            assert_true(status == FOV_OK || error.message[0]);
            if (head_at(h)->match(&facts, evidence) > 0)
                assert_true(evidence[0]);
            if (status == FOV_OK)
                assert_true(setup.columns >= 0 && setup.anchors >= 0);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(detr_softmax_and_sigmoid),
        cmocka_unit_test(detr_with_sizes),
        cmocka_unit_test(detr_rows),
        cmocka_unit_test(rfdetr),
        cmocka_unit_test(final_rows),
        cmocka_unit_test(final_lists),
        cmocka_unit_test(paddle_outputs),
        cmocka_unit_test(doubts_are_said),
        cmocka_unit_test(ties_are_said),
        cmocka_unit_test(bad_shapes_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
