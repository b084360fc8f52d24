/* Heads on shapes, names and numbers made of the input: whatever a model claims to be, nothing is
 * read outside its tensors, and candidates name columns that exist. The first bytes make the facts;
 * outputs hold exactly as many numbers as their shapes say. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "infer/head.h"
#include "infer/labels.h"
#include "reader.h"

enum { NUMBERS_MAX = 1 << 16, KEEP = 64, ROOM = 16 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Shapes that heads look for, more often than others: the cells of grids of a 64 px input and their
 * sums, numbers of columns. */
static int64_t dimension(struct reader *r)
{
    static const int64_t telling[] = {1,  2,  3,  4,   5,   6,   7,   8,  9,  10, 12, 16, 32,
                                      40, 64, 80, 84,  85,  91,  92,  1,  4,  16, 64, 84, 85,
                                      21, 20, 63, 100, 252, 235, 112, 37, -1, 0,  300};
    uint8_t b = next(r);
    if (b < 250)
        return telling[b % (sizeof telling / sizeof *telling)];
    return b == 250   ? INT64_MAX
           : b == 251 ? INT64_MIN
           : b == 252 ? INT64_C(1) << 31
                      : (int64_t)b * b;
}

static void make_tensor(struct reader *r, fov_tensor *t)
{
    static const char *const names[] = {"boxes",
                                        "scores",
                                        "labels",
                                        "logits",
                                        "pred_boxes",
                                        "dets",
                                        "hm",
                                        "wh",
                                        "reg",
                                        "cls_8",
                                        "dis_pred",
                                        "num_dets",
                                        "output0",
                                        "detections",
                                        "x",
                                        "",
                                        "classes",
                                        "detection_boxes",
                                        "scale_factor",
                                        "im_shape",
                                        "flat_predictions",
                                        "detection_scores",
                                        "detection_classes",
                                        "num_detections",
                                        "StatefulPartitionedCall:1"};
    snprintf(t->name, sizeof t->name, "%s", names[next(r) % (sizeof names / sizeof *names)]);
    t->dtype = (fov_dtype)(1 + next(r) % FOV_I64);
    t->rank = next(r) % 5;
    for (int i = 0; i < t->rank; i++)
        t->shape[i] = i == 0 && next(r) < 230 ? 1 : dimension(r);
}

static void make_input(struct reader *r, fov_tensor *t)
{
    uint8_t kind = next(r);
    make_tensor(r, t);
    if (kind > 200)
        return;
    static const int64_t planar[4] = {1, 3, 64, 64}, wide[4] = {1, 64, 32, 3};
    t->rank = 4;
    t->dtype = kind % 2 ? FOV_F32 : FOV_U8;
    memcpy(t->shape, kind % 3 ? planar : wide, sizeof planar);
}

/* What the run gives: shapes as described, dynamic dimensions settled, f32. */
static bool make_actual(struct reader *r, const fov_tensor *described, fov_tensor *t)
{
    static const float telling[] = {0, 1, -1, 0.5f, 0.9f, 3, 79, 3e38f, -3e38f, 1e-40f, 30, 2.5f};
    *t = *described;
    t->dtype = FOV_F32;
    for (int i = 0; i < t->rank; i++)
        t->shape[i] = t->shape[i] == -1 ? next(r) % 8 : t->shape[i];
    size_t count = fov_tensor_count(t);
    if (count > NUMBERS_MAX)
        return false;
    float *numbers = malloc(count ? count * sizeof *numbers : 1);
    if (!numbers)
        return false;
    uint32_t seed = next(r) | 1u;
    for (size_t i = 0; i < count; i++) {
        seed = seed * 1664525u + 1013904223u;
        numbers[i] = seed >> 29 ? (float)(seed >> 8) / (1 << 24)
                                : telling[(seed >> 8) % (sizeof telling / sizeof *telling)];
    }
    t->data = numbers;
    return true;
}

static void check(const struct head_setup *setup, const struct candidates *found)
{
    for (size_t i = 0; i < found->count; i++)
        if (found->items[i].class_raw < 0 || found->items[i].class_raw >= setup->columns ||
            found->items[i].score != found->items[i].score)
            abort();
}

/* As the runner does it. */
static void read_outputs(const struct head *head, struct head_setup *setup, const fov_tensor *out,
                         struct reader *r)
{
    struct candidates found;
    struct head_query query = {.conf = (float)next(r) / 255, .every_class = next(r) & 1};
    fov_detection items[ROOM];
    fov_detections list = {.items = items, .capacity = ROOM};
    size_t scratch = head->scratch ? head->scratch(setup) : 0;
    struct letterbox box = {.spec = setup->input, .src_width = 640, .src_height = 480};
    box.place = letterbox_place_of(&setup->input, box.src_width, box.src_height);
    struct head_output output = {&box, &list, NULL};
    query.scratch = output.scratch = scratch ? aligned_alloc(64, (scratch + 63) & ~(size_t)63)
                                             : NULL;
    if (fov_details_create(&list.details, setup->task, ROOM, setup->keypoints, setup->embedding) ||
        !candidates_init(&found, KEEP))
        abort();
    candidates_begin(&found, KEEP, query.conf);
    if (head->read) {
        head->read(setup, out, &query, &output);
    } else {
        head->decode(setup, out, &query, &found);
        candidates_suppress(&found, setup->nms, 0.5f, ROOM);
        check(setup, &found);
        list.count = found.count;
        memset(items, 0, sizeof items);
        if (head->refine && list.details)
            head->refine(setup, out, found.items, &output);
    }
    free(query.scratch);
    fov_details_destroy(&list.details);
    candidates_release(&found);
}

static bool detector(const struct head *head)
{
    return head->decode && !head->refine;
}

static void run(const struct head *head, const struct head_facts *facts, const fov_tensor *out,
                struct reader *r)
{
    struct head_setup setup = {.kernels = infer_kernels()};
    char evidence[HEAD_EVIDENCE] = "";
    fov_error error;
    int confidence = head->match(facts, evidence);
    if (confidence < 0 || confidence > 100 || strnlen(evidence, HEAD_EVIDENCE) == HEAD_EVIDENCE)
        abort();
    if (confidence > 0 && confidence < 60 && !strstr(evidence, "assumed") && detector(head))
        abort(); /* a doubt that is not said */
    if (head->configure(facts, &setup, &error) || head_read_input(facts, &setup, &error) ||
        setup.columns > HEAD_COLUMNS) {
        if (confidence >= 60 && setup.columns > HEAD_COLUMNS)
            abort(); /* certain of what it cannot read */
        return;
    }
    if (setup.needs_probe && head->probe)
        head->probe(&setup, out, evidence);
    if (strnlen(evidence, HEAD_EVIDENCE) == HEAD_EVIDENCE)
        abort();
    read_outputs(head, &setup, out, r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct reader r = {data, size, 0};
    fov_tensor inputs[FOV_MODEL_INPUTS] = {0}, outputs[FOV_MODEL_OUTPUTS] = {0};
    fov_tensor actual[FOV_MODEL_OUTPUTS] = {0};
    struct metadata meta = {.source = "fuzz"};
    int input_count = 1 + next(&r) % 3, output_count = 1 + next(&r) % 13;
    bool fits = true;
    for (int i = 0; i < input_count; i++)
        make_input(&r, &inputs[i]);
    for (int i = 0; i < output_count; i++)
        make_tensor(&r, &outputs[i]);
    if (next(&r) % 4 == 0)
        metadata_add(&meta, "names", 5, "{0: 'a', 1: 'b', 2: 'c', 3: 'd'}", 32);
    for (int i = 0; i < output_count; i++)
        fits = make_actual(&r, &outputs[i], &actual[i]) && fits;
    struct head_facts facts = {inputs, outputs, input_count, output_count, &meta, "rt-detr"};
    facts.name = next(&r) % 2 ? "fuzz" : facts.name;
    for (size_t i = 0; fits && head_at(i); i++)
        run(head_at(i), &facts, actual, &r);
    for (int i = 0; i < output_count; i++)
        free(actual[i].data);
    metadata_release(&meta);
    return 0;
}
