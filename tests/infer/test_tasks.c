/* Tasks beyond boxes on outputs written by hand: masks against a look at every pixel, details that
 * fill up, are emptied, copied and never leak, any numbers through every form. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../alloc_count.h"
#include "base/text.h"
#include "infer/head.h"
#include "infer/mask.h"

static uint32_t state = 1;

static float random_between(float low, float high)
{
    state = state * 1664525u + 1013904223u;
    return low + (high - low) * (float)(state >> 8) / (float)(1 << 24);
}

/* ---- a segmentation model's output ---- */

enum { SIDE = 160, GRID = 40, ANCHORS = 525, CLASSES = 2, PLANES = 8, ROWS = 4 + CLASSES + PLANES };

static float boxes[ROWS * ANCHORS], planes[PLANES * GRID * GRID];

struct model {
    fov_tensor in, out[2];
    struct head_setup setup;
    struct letterbox box;
    struct candidates found;
    void *scratch;
    fov_detection items[300];
    fov_detections list;
};

static fov_tensor tensor(const char *name, int rank, const int64_t *shape, void *data)
{
    fov_tensor t = {.data = data, .dtype = FOV_F32, .rank = rank};
    memcpy(t.shape, shape, (size_t)rank * sizeof *shape);
    text_copy(t.name, sizeof t.name, name);
    return t;
}

#define SHAPE(...) ((const int64_t[]){__VA_ARGS__})

static const struct head *configure_with(struct model *m, int outputs, const struct metadata *meta)
{
    struct head_facts facts = {&m->in, m->out, 1, outputs, meta, ""};
    const struct head *head;
    char evidence[HEAD_EVIDENCE];
    int confidence;
    m->setup.kernels = infer_kernels();
    assert_int_equal(head_choose(&facts, NULL, &head, &confidence, evidence, NULL), FOV_OK);
    assert_int_equal(head->configure(&facts, &m->setup, NULL), FOV_OK);
    assert_int_equal(head_read_input(&facts, &m->setup, NULL), FOV_OK);
    assert_int_equal(letterbox_init(&m->box, &m->setup.input), FOV_OK);
    size_t size = head->scratch ? head->scratch(&m->setup) : 0;
    m->scratch = size ? aligned_alloc(64, (size + 63) & ~(size_t)63) : NULL;
    assert_true(candidates_init(&m->found, 300));
    m->list = (fov_detections){.items = m->items, .capacity = 300};
    return head;
}

static const struct head *configure(struct model *m, int outputs)
{
    struct metadata meta = {.source = ""};
    return configure_with(m, outputs, &meta);
}

/* The place of a picture, as letterbox_run would leave it. */
static void place(struct model *m, int width, int height)
{
    m->box.place = letterbox_place_of(&m->box.spec, width, height);
    m->box.src_width = width;
    m->box.src_height = height;
}

static void release(struct model *m)
{
    fov_details_destroy(&m->list.details);
    candidates_release(&m->found);
    letterbox_release(&m->box);
    free(m->scratch);
}

static void random_output(int objects)
{
    memset(boxes, 0, sizeof boxes);
    for (size_t i = 0; i < sizeof planes / sizeof *planes; i++)
        planes[i] = random_between(-1, 1);
    for (int k = 0; k < objects; k++) {
        int at = k * (ANCHORS / objects);
        float box[4] = {random_between(20, 140), random_between(20, 140), random_between(8, 90),
                        random_between(8, 90)};
        for (int i = 0; i < 4; i++)
            boxes[i * ANCHORS + at] = box[i];
        boxes[(4 + k % CLASSES) * ANCHORS + at] = random_between(0.3f, 0.9f);
        for (int i = 0; i < PLANES; i++)
            boxes[(4 + CLASSES + i) * ANCHORS + at] = random_between(-2, 2);
    }
}

/* Survivors as the runner writes them, then their details. */
static void run(struct model *m, const struct head *head)
{
    struct head_query query = {.conf = 0.25f, .scratch = m->scratch};
    struct head_output output = {&m->box, &m->list, m->scratch};
    m->list.count = 0;
    fov_details_reset(m->list.details);
    candidates_begin(&m->found, 300, query.conf);
    head->decode(&m->setup, m->out, &query, &m->found);
    candidates_suppress(&m->found, m->setup.nms, 0.9f, m->list.capacity);
    for (size_t i = 0; i < m->found.count; i++) {
        struct candidate *c = &m->found.items[i];
        fov_detection d = {c->x1, c->y1, c->x2, c->y2, c->score, 0, c->class_raw, -1};
        letterbox_undo(&m->box, &d.x1, &d.y1);
        letterbox_undo(&m->box, &d.x2, &d.y2);
        if (d.x2 > d.x1 && d.y2 > d.y1) {
            m->found.items[m->list.count] = *c;
            m->list.items[m->list.count++] = d;
        }
    }
    head->refine(&m->setup, m->out, m->found.items, &output);
}

static const struct head *open_segmentation(struct model *m)
{
    memset(m, 0, sizeof *m);
    m->in = tensor("images", 4, SHAPE(1, 3, SIDE, SIDE), NULL);
    m->out[0] = tensor("output0", 3, SHAPE(1, ROWS, ANCHORS), boxes);
    m->out[1] = tensor("output1", 4, SHAPE(1, PLANES, GRID, GRID), planes);
    const struct head *head = configure(m, 2);
    assert_int_equal(m->setup.task, FOV_TASK_SEGMENT);
    assert_int_equal(m->setup.columns, CLASSES);
    assert_int_equal(fov_details_create(&m->list.details, FOV_TASK_SEGMENT, 300, 0, 0), FOV_OK);
    return head;
}

/* ---- masks against a look at every pixel ---- */

static double cell(const double *field, int x, int y)
{
    x = x < 0 ? 0 : x >= GRID ? GRID - 1 : x;
    y = y < 0 ? 0 : y >= GRID ? GRID - 1 : y;
    return field[y * GRID + x];
}

static double value_at_pixel(const struct model *m, const double *field, int x, int y)
{
    const struct letterbox_place *p = &m->box.place;
    double at_x = (p->left + (x + 0.5) / (double)p->step_x) * GRID / SIDE - 0.5;
    double at_y = (p->top + (y + 0.5) / (double)p->step_y) * GRID / SIDE - 0.5;
    int cx = (int)floor(at_x), cy = (int)floor(at_y);
    double u = at_x - cx, v = at_y - cy;
    return (1 - v) * ((1 - u) * cell(field, cx, cy) + u * cell(field, cx + 1, cy)) +
           v * ((1 - u) * cell(field, cx, cy + 1) + u * cell(field, cx + 1, cy + 1));
}

static void field_of(int anchor, double field[GRID * GRID])
{
    for (int i = 0; i < GRID * GRID; i++) {
        field[i] = 0;
        for (int k = 0; k < PLANES; k++)
            field[i] += (double)boxes[(4 + CLASSES + k) * ANCHORS + anchor] *
                        (double)planes[k * GRID * GRID + i];
    }
}

/* Pixels of the mask that stand otherwise than the field says by more than rounding. */
static int count_wrong(const struct model *m, size_t i, int width, int height)
{
    static double field[GRID * GRID];
    const fov_details *details = m->list.details;
    const fov_detail *d = &details->items[i];
    const fov_detection *box = &m->list.items[i];
    int64_t at = 0, end = d->run_count ? details->runs[d->run] : 0;
    uint32_t run = 0;
    int wrong = 0;
    field_of(m->found.items[i].anchor, field);
    for (int x = 0; x < width; x++)
        for (int y = 0; y < height; y++, at++) {
            while (run + 1 < d->run_count && at >= end)
                end += details->runs[d->run + ++run];
            bool inside = d->run_count > 0 && run % 2 == 1;
            bool in_box = (float)x >= box->x1 && (float)x < box->x2 && (float)y >= box->y1 &&
                          (float)y < box->y2;
            double value = in_box ? value_at_pixel(m, field, x, y) : -1;
            wrong += inside != (value > 0) && fabs(value) > 1e-3;
        }
    if (d->run_count)
        assert_true(end == (int64_t)width * height); /* the runs cover the picture */
    return wrong;
}

static void masks_are_right_at_every_pixel(void **unused)
{
    (void)unused;
    static const int sizes[][2] = {{640, 480}, {160, 160}, {333, 777}, {97, 31}, {1280, 720}};
    static struct model m;
    const struct head *head = open_segmentation(&m);
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        random_output(9);
        place(&m, sizes[s][0], sizes[s][1]);
        run(&m, head);
        assert_true(m.list.count >= 5);
        assert_false(m.list.details->cut);
        for (size_t i = 0; i < m.list.count; i++)
            assert_int_equal(count_wrong(&m, i, sizes[s][0], sizes[s][1]), 0);
    }
    release(&m);
}

/* ---- memory ---- */

static void poison(fov_details *d)
{
    memset(d->items, 0xA5, d->capacity * sizeof *d->items);
    memset(d->runs, 0xA5, d->run_capacity * sizeof *d->runs);
    memset(d->points, 0xA5, d->point_capacity * sizeof *d->points);
    d->run_count = d->point_count = 7;
    d->class_count = 3;
    d->cut = true;
}

/* Whatever stood in the memory before: only what this frame gave can be read from it. */
static void nothing_of_another_frame_shows(void **unused)
{
    (void)unused;
    static struct model m, fresh;
    const struct head *head = open_segmentation(&m);
    open_segmentation(&fresh);
    random_output(12);
    place(&m, 640, 480);
    place(&fresh, 640, 480);
    run(&m, head); /* of another client */
    poison(m.list.details);
    random_output(3);
    run(&m, head);
    run(&fresh, head);
    const fov_details *a = m.list.details, *b = fresh.list.details;
    assert_int_equal(m.list.count, fresh.list.count);
    assert_memory_equal(a->items, b->items, a->capacity * sizeof *a->items);
    assert_int_equal(a->run_count, b->run_count);
    assert_memory_equal(a->runs, b->runs, a->run_count * sizeof *a->runs);
    assert_int_equal(a->point_count, b->point_count);
    assert_memory_equal(a->points, b->points, a->point_count * sizeof *a->points);
    assert_int_equal(a->class_count, 0);
    assert_false(a->cut);
    for (size_t i = m.list.count; i < a->capacity; i++)
        assert_int_equal(a->items[i].run_count + a->items[i].point_count, 0);
    release(&m);
    release(&fresh);
}

static void room_that_runs_out_is_told(void **unused)
{
    (void)unused;
    static struct model m;
    const struct head *head = open_segmentation(&m);
    random_output(12);
    place(&m, 640, 480);
    run(&m, head);
    size_t needed = m.list.details->run_count, points = m.list.details->point_count;
    for (size_t room = 0; room < needed; room += 371) {
        m.list.details->run_capacity = room;
        run(&m, head);
        assert_true(m.list.details->cut);
        assert_true(m.list.details->run_count <= room);
        for (size_t i = 0; i < m.list.count; i++)
            if (m.list.details->items[i].run_count)
                assert_int_equal(count_wrong(&m, i, 640, 480), 0);
    }
    m.list.details->run_capacity = needed;
    m.list.details->point_capacity = points;
    run(&m, head);
    assert_true(m.list.details->point_count <= points);
    release(&m);
}

static void copies_are_whole_or_cut(void **unused)
{
    (void)unused;
    static struct model m;
    const struct head *head = open_segmentation(&m);
    fov_details *copy = NULL;
    random_output(12);
    place(&m, 640, 480);
    run(&m, head);
    assert_int_equal(fov_details_like(&copy, m.list.details), FOV_OK);
    fov_details *kept = copy;
    fov_details_copy(copy, m.list.details, m.list.count);
    assert_memory_equal(copy->runs, m.list.details->runs, copy->run_count * sizeof *copy->runs);
    assert_memory_equal(copy->items, m.list.details->items, m.list.count * sizeof *copy->items);
    assert_int_equal(fov_details_like(&copy, m.list.details), FOV_OK);
    assert_ptr_equal(copy, kept); /* fits already */
    assert_int_equal(copy->run_count, 0);
    copy->run_capacity = m.list.details->run_count / 2;
    fov_details_copy(copy, m.list.details, m.list.count);
    assert_true(copy->cut);
    for (size_t i = 0; i < m.list.count; i++)
        assert_true(!copy->items[i].run_count ||
                    copy->items[i].run + copy->items[i].run_count <= copy->run_count);
    assert_int_equal(fov_details_like(&copy, NULL), FOV_OK);
    assert_int_equal(copy->run_count, 0);
    fov_details_destroy(&copy);
    release(&m);
}

static void frames_do_not_allocate(void **unused)
{
    (void)unused;
    static struct model m;
    if (!alloc_count_works())
        skip();
    const struct head *head = open_segmentation(&m);
    fov_details *copy = NULL;
    place(&m, 1920, 1080);
    assert_int_equal(fov_details_like(&copy, m.list.details), FOV_OK);
    uint64_t before = alloc_count_thread();
    alloc_trap(true);
    for (int i = 0; i < 20; i++) {
        random_output(1 + i);
        run(&m, head);
        fov_details_like(&copy, m.list.details);
        fov_details_copy(copy, m.list.details, m.list.count);
    }
    alloc_trap(false);
    assert_int_equal(alloc_count_thread() - before, 0);
    fov_details_destroy(&copy);
    release(&m);
}

/* Any finite numbers: nothing is read or written out of place (the sanitizers watch). */
static void any_numbers_are_safe(void **unused)
{
    (void)unused;
    static struct model m;
    const struct head *head = open_segmentation(&m);
    place(&m, 123, 457);
    for (int round = 0; round < 200; round++) {
        random_output(20);
        float scale = powf(10, random_between(0, 38));
        for (size_t i = 0; i < sizeof boxes / sizeof *boxes; i++)
            boxes[i] *= i < 4 * ANCHORS || round % 2 ? random_between(-scale, scale) : 1;
        for (size_t i = 0; i < sizeof planes / sizeof *planes; i++)
            planes[i] *= scale;
        run(&m, head);
        assert_true(m.list.count <= m.list.capacity);
    }
    release(&m);
}

/* ---- regions of a grid ---- */

static const struct head *open_regions(struct model *m, int side, float *scores)
{
    memset(m, 0, sizeof *m);
    m->in = tensor("images", 4, SHAPE(1, 3, side, side), NULL);
    m->out[0] = tensor("mask", 4, SHAPE(1, 1, side, side), scores);
    const struct head *head = configure(m, 1);
    assert_string_equal(head->name, "semantic");
    assert_int_equal(fov_details_create(&m->list.details, FOV_TASK_SEMANTIC, 300, 0, 0), FOV_OK);
    place(m, 2 * side, side);
    return head;
}

static void read_regions(struct model *m, const struct head *head)
{
    struct head_query query = {.conf = 0.25f, .scratch = m->scratch};
    struct head_output output = {&m->box, &m->list, m->scratch};
    m->list.count = 0;
    fov_details_reset(m->list.details);
    head->read(&m->setup, m->out, &query, &output);
}

static void regions_are_bounded(void **unused)
{
    (void)unused;
    enum { CELLS = 256 };
    static float scores[CELLS * CELLS];
    static struct model m;
    const struct head *head = open_regions(&m, CELLS, scores);
    for (int round = 0; round < 4; round++) { /* noise, stripes, a comb, everything */
        for (int y = 0; y < CELLS; y++)
            for (int x = 0; x < CELLS; x++)
                scores[y * CELLS + x] = round == 0   ? random_between(-1, 1)
                                        : round == 1 ? (x % 4 < 2 ? 1.0f : -1.0f)
                                        : round == 2 ? (x % 4 < 2 || y == 0 ? 1.0f : -1.0f)
                                                     : 1;
        read_regions(&m, head);
        assert_true(m.list.count <= 64);
        assert_true(round == 0 || m.list.count == (round == 1 ? 64 : 1));
    }
    assert_float_equal(m.list.items[0].x2, 2 * CELLS, 1e-3);
    assert_int_equal(m.list.details->items[0].run_count, 2); /* nothing before, then everything */
    m.list.capacity = 1;
    m.list.details->capacity = 0;
    read_regions(&m, head);
    assert_int_equal(m.list.count, 1);
    release(&m);
}

/* ---- any numbers through every form ---- */

struct form {
    const char *task, *head; /* of the metadata; expected */
    int64_t in[4];
    int rank;
    int64_t out[4];
};

static const struct form forms[] = {
    {"pose", "yolo", {1, 3, 64, 64}, 3, {1, 4 + 2 + 51, 84}},
    {"pose", "yolo", {1, 3, 64, 64}, 3, {1, 84, 57}},
    {"obb", "yolo", {1, 3, 64, 64}, 3, {1, 4 + 2 + 1, 84}},
    {"obb", "yolo", {1, 3, 64, 64}, 3, {1, 20, 7}},
    {"classify", "classify", {1, 3, 64, 64}, 2, {1, 1000}},
    {NULL, "classify", {1, 64, 64, 1}, 4, {1, 1, 1, 2}},
    {NULL, "movenet", {1, 64, 64, 3}, 4, {1, 1, 17, 3}},
    {NULL, "embed", {1, 64, 32, 3}, 2, {1, 256}},
    {"semantic", "semantic", {1, 3, 64, 64}, 4, {1, 5, 64, 64}},
    {"semantic", "semantic", {1, 64, 64, 3}, 4, {1, 32, 32, 7}},
    {NULL, "semantic", {1, 3, 64, 64}, 4, {1, 1, 64, 64}},
    {NULL, "semantic", {1, 3, 32, 64}, 3, {1, 32, 64}},
};

static void fill_with_anything(float *numbers, size_t count)
{
    static const float telling[] = {0,  1,     -1,     0.5f,   0.99f, 3,
                                    79, 3e38f, -3e38f, 1e-40f, 31.5f, 255};
    for (size_t i = 0; i < count; i++)
        numbers[i] = random_between(0, 1) < 0.3f ? random_between(-2, 70)
                                                 : telling[(int)random_between(0, 11.99f)];
}

static void read_anything(struct model *m, const struct head *head)
{
    struct head_query query = {.conf = 0.25f, .scratch = m->scratch};
    struct head_output output = {&m->box, &m->list, m->scratch};
    if (head->refine) {
        run(m, head);
        return;
    }
    m->list.count = 0;
    fov_details_reset(m->list.details);
    head->read(&m->setup, m->out, &query, &output);
}

static void expect_sane(const struct model *m)
{
    const fov_details *d = m->list.details;
    assert_true(m->list.count <= m->list.capacity);
    assert_true(d->run_count <= d->run_capacity && d->point_count <= d->point_capacity);
    assert_true(d->keypoint_count <= d->keypoint_capacity && d->class_count <= FOV_CLASSES_MAX);
    for (size_t i = 0; i < m->list.count; i++) {
        const fov_detection *one = &m->list.items[i];
        assert_true(one->x1 >= 0 && one->y1 >= 0 && one->x1 < one->x2 && one->y1 < one->y2);
        assert_true(one->x2 <= 640 && one->y2 <= 480 && one->score >= 0);
        assert_in_range(one->class_id_raw, 0, m->setup.columns - 1);
        assert_true(d->items[i].run + d->items[i].run_count <= d->run_count);
    }
    for (int i = 0; i < d->class_count; i++)
        assert_true(d->classes[i].score >= 0 && d->classes[i].score <= 1);
}

static void every_form_takes_any_numbers(void **unused)
{
    (void)unused;
    for (size_t f = 0; f < sizeof forms / sizeof *forms; f++) {
        static struct model m;
        const struct form *form = &forms[f];
        struct metadata meta = {.source = "metadata_props"};
        if (form->task)
            metadata_add(&meta, "task", 4, form->task, strlen(form->task));
        memset(&m, 0, sizeof m);
        m.in = tensor("images", 4, form->in, NULL);
        m.out[0] = tensor("output0", form->rank, form->out, NULL);
        size_t count = fov_tensor_count(&m.out[0]);
        float *numbers = malloc(count * sizeof *numbers);
        assert_non_null(numbers);
        m.out[0].data = numbers;
        const struct head *head = configure_with(&m, 1, &meta);
        assert_string_equal(head->name, form->head);
        assert_int_equal(fov_details_create(&m.list.details, m.setup.task, 300, m.setup.keypoints,
                                            m.setup.embedding),
                         FOV_OK);
        place(&m, 640, 480);
        for (int round = 0; round < 40; round++) {
            fill_with_anything(numbers, count);
            if (head->probe && round % 8 == 0) {
                char evidence[HEAD_EVIDENCE] = "";
                head->probe(&m.setup, m.out, evidence);
            }
            read_anything(&m, head);
            expect_sane(&m);
        }
        release(&m);
        free(numbers);
        metadata_release(&meta);
    }
}

/* A quantised classifier of one grey channel takes bytes as they are. */
static void a_grey_classifier_of_bytes(void **unused)
{
    (void)unused;
    static struct model m;
    struct metadata meta = {.source = ""};
    memset(&m, 0, sizeof m);
    m.in = tensor("input", 4, SHAPE(1, 96, 96, 1), NULL);
    m.in.dtype = FOV_I8;
    m.out[0] = tensor("MobilenetV1/Predictions/Reshape_1", 2, SHAPE(1, 2), NULL);
    const struct head *head = configure_with(&m, 1, &meta);
    assert_string_equal(head->name, "classify");
    assert_true(m.setup.input.gray && m.setup.input.fit == FIT_STRETCH);
    assert_float_equal(m.setup.input.scale[0], 1, 0);
    assert_int_equal(m.setup.columns, 2);
    release(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(masks_are_right_at_every_pixel),
        cmocka_unit_test(nothing_of_another_frame_shows),
        cmocka_unit_test(room_that_runs_out_is_told),
        cmocka_unit_test(copies_are_whole_or_cut),
        cmocka_unit_test(frames_do_not_allocate),
        cmocka_unit_test(any_numbers_are_safe),
        cmocka_unit_test(regions_are_bounded),
        cmocka_unit_test(every_form_takes_any_numbers),
        cmocka_unit_test(a_grey_classifier_of_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
