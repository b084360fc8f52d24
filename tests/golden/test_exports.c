/* Exports of the public tools, recorded by make_exports.py: their outputs through our heads, chosen
 * without options, against the detections of the tools' own postprocessing in the same numbers. */
#include <dirent.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/json.h"
#include "base/text.h"
#include "infer/head.h"

enum { FILE_MAX = 4 << 20, SHEETS = 64, KEEP = 1000 };

struct sheet {
    json_value *root;
    fov_tensor inputs[FOV_MODEL_INPUTS], described[FOV_MODEL_OUTPUTS], actual[FOV_MODEL_OUTPUTS];
    int input_count, output_count;
    struct metadata meta;
    struct head_facts facts;
};

static char names[SHEETS][64];

static char *read_file(const char *path, size_t *size)
{
    FILE *f = fopen(path, "rb");
    char *text = malloc(FILE_MAX);
    assert_non_null(f);
    assert_non_null(text);
    *size = fread(text, 1, FILE_MAX - 1, f);
    text[*size] = '\0';
    fclose(f);
    return text;
}

static fov_tensor tensor_of(const json_value *item)
{
    static const struct {
        const char *word;
        fov_dtype dtype;
    } types[] = {{"f32", FOV_F32}, {"i64", FOV_I64}, {"i32", FOV_I32}};
    fov_tensor t = {.rank = (int)json_count(json_get(item, "shape"))};
    const char *name, *dtype;
    assert_true(json_get_string(item, "name", &name) && json_get_string(item, "dtype", &dtype));
    assert_true(t.rank <= FOV_TENSOR_RANK);
    text_copy(t.name, sizeof t.name, name);
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (!strcmp(dtype, types[i].word))
            t.dtype = types[i].dtype;
    for (int i = 0; i < t.rank; i++) {
        double d = 0;
        assert_true(json_number(json_at(json_get(item, "shape"), (size_t)i), &d));
        t.shape[i] = (int64_t)d;
    }
    return t;
}

/* As the runner gives them: f32, whatever the model's type. */
static void read_numbers(fov_tensor *t, const json_value *item)
{
    size_t count = fov_tensor_count(t), at = 0;
    float *numbers = calloc(count, sizeof *numbers);
    assert_non_null(numbers);
    assert_int_equal(json_count(json_get(item, "data")), count);
    const json_value *value = json_at(json_get(item, "data"), 0);
    for (; value; value = json_next(value)) {
        double d = 0;
        assert_true(json_number(value, &d));
        numbers[at++] = (float)d;
    }
    t->dtype = FOV_F32;
    t->data = numbers;
}

static void open_sheet(struct sheet *s, const char *name)
{
    char path[512];
    size_t size;
    fov_error error = {.message = ""};
    memset(s, 0, sizeof *s);
    snprintf(path, sizeof path, "%s/%s", EXPORTS, name);
    char *text = read_file(path, &size);
    s->root = json_parse_own(text, size, &error);
    free(text);
    if (!s->root)
        fail_msg("%s: %s", path, error.message);
    const json_value *inputs = json_get(s->root, "inputs"), *outputs = json_get(s->root, "outputs");
    s->input_count = (int)json_count(inputs);
    s->output_count = (int)json_count(outputs);
    assert_true(s->input_count <= FOV_MODEL_INPUTS && s->output_count <= FOV_MODEL_OUTPUTS);
    for (int i = 0; i < s->input_count; i++)
        s->inputs[i] = tensor_of(json_at(inputs, (size_t)i));
    for (int i = 0; i < s->output_count; i++) {
        s->described[i] = s->actual[i] = tensor_of(json_at(outputs, (size_t)i));
        read_numbers(&s->actual[i], json_at(outputs, (size_t)i));
    }
    const json_value *metadata = json_get(s->root, "metadata");
    s->meta.source = "metadata_props";
    for (size_t i = 0; i < json_count(metadata); i++) {
        const char *value, *key = json_key(json_at(metadata, i));
        assert_true(json_string(json_at(metadata, i), &value));
        metadata_add(&s->meta, key, strlen(key), value, strlen(value));
    }
    s->facts = (struct head_facts){s->inputs,       s->described, s->input_count,
                                   s->output_count, &s->meta,     "export"};
}

static void close_sheet(struct sheet *s)
{
    for (int i = 0; i < s->output_count; i++)
        free(s->actual[i].data);
    metadata_release(&s->meta);
    json_free(&s->root);
}

/* The export's own preprocessing, as far as the row names it. */
static void check_input(const struct sheet *s, const struct head_setup *setup)
{
    static const char *const fits[] = {"stretched", "padded", "padded right and below"};
    const char *fit;
    assert_true(json_get_string(s->root, "fit", &fit));
    assert_string_equal(fits[setup->input.fit], fit);
}

/* Some tools cut boxes off at the picture's edges before they give them out. */
static void clip(const struct sheet *s, const struct head_setup *setup, struct candidates *found)
{
    bool clipped = false;
    float width = (float)setup->input.width, height = (float)setup->input.height;
    json_get_bool(s->root, "clipped", &clipped);
    for (size_t i = 0; clipped && i < found->count; i++) {
        struct candidate *c = &found->items[i];
        c->x1 = fminf(fmaxf(c->x1, 0), width);
        c->x2 = fminf(fmaxf(c->x2, 0), width);
        c->y1 = fminf(fmaxf(c->y1, 0), height);
        c->y2 = fminf(fmaxf(c->y2, 0), height);
    }
}

static int number_missing(const struct candidates *found, const json_value *expected)
{
    int missing = 0;
    bool used[KEEP] = {false};
    for (size_t i = 0; i < json_count(expected); i++) {
        double e[6];
        bool met = false;
        for (size_t k = 0; k < 6; k++)
            assert_true(json_number(json_at(json_at(expected, i), k), &e[k]));
        for (size_t k = 0; k < found->count && !met; k++) {
            const struct candidate *c = &found->items[k];
            double off = fmax(fmax(fabs(c->x1 - e[0]), fabs(c->y1 - e[1])),
                              fmax(fabs(c->x2 - e[2]), fabs(c->y2 - e[3])));
            met = !used[k] && c->class_raw == (int)e[5] && off < 0.01 &&
                  fabs(c->score - e[4]) < 1e-4;
            used[k] = used[k] || met;
        }
        missing += !met;
        if (!met)
            print_error("not found: %.2f %.2f %.2f %.2f score %.4f class %d\n", e[0], e[1], e[2],
                        e[3], e[4], (int)e[5]);
    }
    return missing;
}

static void detections_are_the_same(void **state)
{
    struct sheet s;
    struct head_setup setup = {.kernels = infer_kernels()};
    struct candidates found;
    const struct head *head = NULL;
    const char *wanted;
    char evidence[HEAD_EVIDENCE] = "";
    int confidence;
    double conf, iou;
    fov_error error = {.message = ""};
    open_sheet(&s, *state);
    assert_true(json_get_string(s.root, "head", &wanted) &&
                json_get_number(s.root, "conf", &conf) && json_get_number(s.root, "iou", &iou));
    if (head_choose(&s.facts, NULL, &head, &confidence, evidence, &error) ||
        head->configure(&s.facts, &setup, &error) || head_read_input(&s.facts, &setup, &error))
        fail_msg("%s", error.message);
    if (setup.needs_probe && head->probe)
        head->probe(&setup, s.actual, evidence);
    print_message("%s: %s, %d %%: %s\n", (const char *)*state, head->name, confidence, evidence);
    assert_string_equal(head->name, wanted);
    check_input(&s, &setup);
    struct head_query query = {.conf = (float)conf, .every_class = false};
    assert_true(candidates_init(&found, KEEP));
    candidates_begin(&found, KEEP, query.conf);
    head->decode(&setup, s.actual, &query, &found);
    candidates_suppress(&found, setup.nms, (float)iou, KEEP);
    clip(&s, &setup, &found);
    const json_value *expected = json_get(s.root, "detections");
    assert_true(json_count(expected) >= 5);
    assert_int_equal(number_missing(&found, expected), 0);
    assert_int_equal(found.count, json_count(expected));
    candidates_release(&found);
    close_sheet(&s);
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name); /* not by the locale */
}

int main(void)
{
    struct CMUnitTest tests[SHEETS];
    struct dirent **entries;
    size_t count = 0;
    int n = scandir(EXPORTS, &entries, NULL, by_name);
    for (int i = 0; i < n; i++) {
        if (strstr(entries[i]->d_name, ".json") && count < SHEETS) {
            text_copy(names[count], sizeof *names, entries[i]->d_name);
            tests[count] = (struct CMUnitTest){names[count], detections_are_the_same, NULL, NULL,
                                               names[count]};
            count++;
        }
        free(entries[i]);
    }
    if (n >= 0)
        free(entries);
    if (count < 10) {
        fprintf(stderr, "exports are missing in %s\n", EXPORTS);
        return 1;
    }
    return _cmocka_run_group_tests("exports", tests, count, NULL, NULL);
}
