/* What the tests of heads share: tensors by hand, and a head from configure to candidates. */
#ifndef TESTS_HEADS_TEST_H
#define TESTS_HEADS_TEST_H

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

#define SHAPE(...) ((const int64_t[]){__VA_ARGS__})
#define RANK(...) ((int)(sizeof(SHAPE(__VA_ARGS__)) / sizeof(int64_t)))
#define TENSOR(name, data, ...) f32(name, RANK(__VA_ARGS__), SHAPE(__VA_ARGS__), data)

static inline fov_tensor f32(const char *name, int rank, const int64_t *shape, void *data)
{
    fov_tensor t = {.data = data, .dtype = FOV_F32, .rank = rank};
    memcpy(t.shape, shape, (size_t)rank * sizeof *shape);
    text_copy(t.name, sizeof t.name, name);
    return t;
}

/* A float picture of side × side. */
static inline fov_tensor picture_of(int side)
{
    return TENSOR("images", NULL, 1, 3, side, side);
}

struct reading {
    struct head_setup setup;
    struct candidates found;
    char evidence[HEAD_EVIDENCE];
};

/* Fails the test when the head refuses. */
static inline struct reading read_facts(const char *name, const struct head_facts *facts,
                                        const fov_tensor *actual, float conf)
{
    struct reading r = {.setup = {.kernels = infer_kernels()}};
    struct head_query query = {.conf = conf};
    fov_error error = {.message = ""};
    const struct head *head = head_named(name);
    assert_non_null(head);
    assert_true(head->match(facts, r.evidence) > 0);
    if (head->configure(facts, &r.setup, &error) || head_read_input(facts, &r.setup, &error))
        fail_msg("%s: %s", name, error.message);
    if (r.setup.needs_probe)
        head->probe(&r.setup, actual, r.evidence);
    assert_true(candidates_init(&r.found, 100));
    candidates_begin(&r.found, 100, conf);
    head->decode(&r.setup, actual, &query, &r.found);
    candidates_prune(&r.found);
    return r;
}

static inline struct reading read_outputs(const char *name, int side, const fov_tensor *outs,
                                          int count, float conf)
{
    fov_tensor in = picture_of(side);
    struct metadata meta = {.source = ""};
    struct head_facts facts = {&in, outs, 1, count, &meta, ""};
    return read_facts(name, &facts, outs, conf);
}

static inline void expect_candidate(const struct candidate *c, float x1, float y1, float x2,
                                    float y2, float score, int column)
{
    assert_float_equal(c->x1, x1, 2e-3);
    assert_float_equal(c->y1, y1, 2e-3);
    assert_float_equal(c->x2, x2, 2e-3);
    assert_float_equal(c->y2, y2, 2e-3);
    assert_float_equal(c->score, score, 1e-5);
    assert_int_equal(c->class_raw, column);
}

#endif
