/* NMS against a brute-force one in numpy (nms_fixture.h), order, bounds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "infer/nms.h"
#include "nms_fixture.h"

static uint32_t state;

static uint32_t next_number(void)
{
    state = state * 1664525u + 1013904223u;
    return state >> 16;
}

static void draw(struct candidates *c, const struct nms_case *which, int anchor_step)
{
    struct candidate all[2500];
    state = (uint32_t)which->count;
    for (int i = 0; i < which->count; i++) {
        float x = (float)(next_number() % 500), y = (float)(next_number() % 500);
        float w = (float)(10 + next_number() % 120), h = (float)(10 + next_number() % 120);
        float score = (float)(1 + next_number() % 255) / 256;
        all[i] = (struct candidate){
            x, y, x + w, y + h, score, (int32_t)(next_number() % (uint32_t)which->classes), i, 0};
    }
    /* the order of adding must not matter */
    for (int i = 0; i < which->count; i++)
        candidates_add(c, &all[(int64_t)i * anchor_step % which->count]);
}

static void keeps_what_brute_force_keeps(void **unused)
{
    (void)unused;
    static const int steps[] = {1, 1237}; /* coprime to every count */
    struct candidates c;
    assert_true(candidates_init(&c, 1000));
    for (size_t i = 0; i < 2 * sizeof nms_cases / sizeof *nms_cases; i++) {
        const struct nms_case *which = &nms_cases[i / 2];
        candidates_begin(&c, 1000, 0);
        draw(&c, which, steps[i % 2]);
        size_t kept = candidates_suppress(&c, which->agnostic ? NMS_AGNOSTIC : NMS_PER_CLASS,
                                          which->iou, 1000);
        uint64_t hash = 0xCBF29CE484222325u;
        for (size_t k = 0; k < kept; k++)
            hash = (hash ^ (uint64_t)c.items[k].anchor) * 0x100000001B3u;
        assert_int_equal(kept, which->kept);
        assert_true(hash == which->fnv1a);
    }
    candidates_release(&c);
}

static void the_best_survive_the_bound(void **unused)
{
    (void)unused;
    struct candidates c;
    assert_true(candidates_init(&c, 10));
    candidates_begin(&c, 10, 0.1f);
    for (int i = 0; i < 1000; i++) {
        struct candidate one = {
            (float)i * 10, 0, (float)i * 10 + 5, 5, (float)((i * 7) % 1000) / 1000, 0, i, 0};
        candidates_add(&c, &one);
        assert_true(c.count <= c.capacity);
    }
    assert_int_equal(candidates_suppress(&c, NMS_NONE, 0.5f, 100), 10);
    for (int i = 0; i < 10; i++)
        assert_float_equal(c.items[i].score, (float)(999 - i) / 1000, 1e-6);
    candidates_release(&c);
}

static void stops_at_the_most_wanted(void **unused)
{
    (void)unused;
    struct candidates c;
    assert_true(candidates_init(&c, 100));
    candidates_begin(&c, 100, 0);
    for (int i = 0; i < 50; i++) {
        struct candidate one = {(float)i, 0, (float)i + 0.5f, 1, 0.5f, 0, i, 0};
        candidates_add(&c, &one);
    }
    assert_int_equal(candidates_suppress(&c, NMS_PER_CLASS, 0.5f, 7), 7);
    for (int i = 0; i < 7; i++)
        assert_int_equal(c.items[i].anchor, i); /* equal scores: anchors in order */
    candidates_begin(&c, 100, 0);
    assert_int_equal(candidates_suppress(&c, NMS_PER_CLASS, 0.5f, 7), 0);
    candidates_release(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_what_brute_force_keeps),
        cmocka_unit_test(the_best_survive_the_bound),
        cmocka_unit_test(stops_at_the_most_wanted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
