/* Metadata of the three formats: what is read, what is refused, and that every cut is survived. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "infer/inspect.h"
#include "infer/labels.h"
#include "infer/metadata_beside.h"
#include "infer/metadata_zip.h"

struct file {
    uint8_t *bytes;
    size_t size;
};

static struct file read_corpus(const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", FUZZ_CORPUS, name);
    FILE *f = fopen(path, "rb");
    struct file file = {malloc(65536), 0};
    assert_non_null(f);
    assert_non_null(file.bytes);
    file.size = fread(file.bytes, 1, 65536, f);
    fclose(f);
    return file;
}

static void ir(void **unused)
{
    (void)unused;
    struct file file = read_corpus("ir.xml");
    struct metadata meta = {.source = ""};
    struct inspected found = {.version = ""};
    assert_true(scan_xml(&found, &meta, file.bytes, file.size));
    assert_string_equal(meta.source, "rt_info");
    assert_string_equal(metadata_get(&meta, "model_type"), "ssd");
    assert_string_equal(metadata_get(&meta, "a"), "\"<&\"");
    assert_null(metadata_get(&meta, "attribute")); /* of a layer, not of the model */
    metadata_release(&meta);
    free(file.bytes);
}

static void onnx(void **unused)
{
    (void)unused;
    struct file file = read_corpus("m.onnx");
    struct metadata meta = {.source = ""};
    struct inspected found = {.version = ""};
    assert_true(scan_onnx(&found, &meta, file.bytes, file.size));
    assert_string_equal(meta.source, "metadata_props");
    assert_string_equal(metadata_get(&meta, "task"), "detect");
    assert_int_equal(labels_count(&meta), 3);
    metadata_release(&meta);
    free(file.bytes);
}

static void tflite(void **unused)
{
    (void)unused;
    struct file file = read_corpus("m.tflite");
    struct metadata meta = {.source = ""};
    struct inspected found = {.version = ""};
    assert_true(scan_tflite(&found, &meta, file.bytes, file.size));
    assert_string_equal(meta.source, "metadata.json");
    assert_string_equal(metadata_get(&meta, "imgsz"), "[640, 640]");
    assert_string_equal(metadata_get(&meta, "names"), "{0: 'person', 1: \"it's\"}");
    assert_float_equal(meta.inputs[0].scale, 1.0 / 255, 1e-9);
    assert_int_equal(meta.inputs[0].zero, 0);
    assert_float_equal(meta.outputs[0].scale, 0.005, 1e-9);
    assert_int_equal(meta.outputs[0].zero, -3);
    metadata_release(&meta);
    free(file.bytes);
}

/* Every prefix of each file, through every scanner, from memory that ends where it ends. */
static void every_cut_is_survived(void **unused)
{
    (void)unused;
    static const char *const names[] = {"ir.xml", "m.onnx", "m.tflite"};
    bool (*const scanners[])(struct inspected *, struct metadata *, const uint8_t *, size_t) = {
        scan_xml, scan_onnx, scan_tflite, scan_graphdef, scan_paddle};
    for (int n = 0; n < 3; n++) {
        struct file file = read_corpus(names[n]);
        for (size_t size = 0; size < file.size; size++) {
            uint8_t *cut = malloc(size ? size : 1);
            assert_non_null(cut);
            memcpy(cut, file.bytes, size);
            for (int s = 0; s < 5; s++) {
                struct metadata meta = {.source = ""};
                struct inspected found = {.version = ""};
                scanners[s](&found, &meta, cut, size);
                metadata_release(&meta);
            }
            free(cut);
        }
        free(file.bytes);
    }
}

static void put_number(uint8_t *at, uint32_t number, int size)
{
    for (int i = 0; i < size; i++)
        at[i] = (uint8_t)(number >> (8 * i));
}

/* A zip with one stored member, labels.txt, of `size` bytes: a label in every line. */
static struct buffer zip_of_labels(uint8_t *bytes, size_t size)
{
    enum { LOCAL = 30, ENTRY = 46, NAME = 10 };
    uint8_t *entry = bytes + LOCAL + NAME + size, *end = entry + ENTRY + NAME;
    put_number(bytes, 0x04034B50, 4);
    put_number(bytes + 26, NAME, 2);
    memcpy(bytes + LOCAL, "labels.txt", NAME);
    for (size_t i = 0; i < size; i++)
        bytes[LOCAL + NAME + i] = i % 8 == 7 ? '\n' : 'a';
    put_number(entry, 0x02014B50, 4);
    put_number(entry + 20, (uint32_t)size, 4);
    put_number(entry + 24, (uint32_t)size, 4);
    put_number(entry + 28, NAME, 2);
    memcpy(entry + ENTRY, "labels.txt", NAME);
    put_number(end, 0x06054B50, 4);
    put_number(end + 12, ENTRY + NAME, 4);
    put_number(end + 16, (uint32_t)(entry - bytes), 4);
    return (struct buffer){bytes, (size_t)(end - bytes) + 22};
}

static void long_lists_of_labels_are_left(void **unused)
{
    (void)unused;
    static const size_t sizes[] = {64, 70 * 1000};
    for (size_t i = 0; i < 2; i++) {
        struct metadata meta = {.source = ""};
        uint8_t *bytes = calloc(1, sizes[i] + 200);
        assert_non_null(bytes);
        struct buffer zip = zip_of_labels(bytes, sizes[i]);
        assert_true(metadata_read_zip(&meta, &zip, ""));
        assert_int_equal(labels_count(&meta), i ? 0 : 8);
        metadata_release(&meta);
        free(bytes);
    }
}

static void limits_hold(void **unused)
{
    (void)unused;
    struct metadata meta = {.source = ""};
    char key[METADATA_KEY + 8], *value = malloc(METADATA_VALUE + 2);
    assert_non_null(value);
    memset(value, 'v', METADATA_VALUE + 2);
    memset(key, 'k', sizeof key);
    metadata_add(&meta, key, METADATA_KEY, "x", 1); /* one too long */
    metadata_add(&meta, "big", 3, value, METADATA_VALUE + 1);
    metadata_add(&meta, "bad", 3, "\xFF", 1);
    metadata_add(&meta, "nul", 3, "a\0b", 3);
    metadata_add(&meta, "", 0, "x", 1);
    assert_int_equal(meta.count, 0);
    metadata_add(&meta, "one", 3, "1", 1);
    metadata_add(&meta, "one", 3, "2", 1); /* the first one stands */
    assert_int_equal(meta.count, 1);
    assert_string_equal(metadata_get(&meta, "one"), "1");
    for (int i = 0; i < 10; i++)
        metadata_add(&meta, key, (size_t)i + 4, value, METADATA_VALUE);
    assert_true(meta.total <= METADATA_TOTAL);
    for (int i = 0; i < 2 * METADATA_ENTRIES; i++) {
        int n = snprintf(key, sizeof key, "e%d", i);
        metadata_add(&meta, key, (size_t)n, "x", 1);
    }
    assert_int_equal(meta.count, METADATA_ENTRIES);
    metadata_release(&meta);
    free(value);
}

static void write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void files_are_refused_with_a_reason(void **unused)
{
    (void)unused;
    static const struct {
        const char *suffix, *text, *reason;
        fov_status status;
    } cases[] = {
        {".onnx", "version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "Git LFS",
         FOV_EMODEL},
        {".onnx", "<html>not found</html>", "a web page", FOV_EMODEL},
        {".onnx", "", "empty", FOV_EMODEL},
        {".xml", "hello", "damaged", FOV_EMODEL},
        {".xml", "<net name=\"n\"><layers><layer/></layers>", "damaged", FOV_EMODEL},
        {".tflite", "TFL3TFL3TFL3TFL3TFL3", "damaged", FOV_EMODEL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char path[128];
        struct metadata meta;
        struct inspected found;
        fov_error error;
        snprintf(path, sizeof path, "/tmp/fovea_test_%d_%zu%s", (int)getpid(), i, cases[i].suffix);
        write_file(path, cases[i].text);
        assert_int_equal(inspect_file(&found, &meta, path, &error), cases[i].status);
        assert_non_null(strstr(error.message, cases[i].reason));
        unlink(path);
        assert_int_equal(inspect_file(&found, &meta, path, &error), FOV_ENOTFOUND);
    }
}

/* ---- labels ---- */

static struct labels make(int columns, int background, const char *key, const char *value,
                          const char *file, fov_status expected)
{
    struct metadata meta = {.source = ""};
    struct head_setup setup = {.columns = columns, .background = background};
    struct labels labels;
    fov_error error;
    if (key)
        metadata_add(&meta, key, strlen(key), value, strlen(value));
    assert_int_equal(labels_make(&labels, &setup, &meta, file, &error), expected);
    metadata_release(&meta);
    return labels;
}

static void labels_by_columns(void **unused)
{
    (void)unused;
    struct labels l = make(91, 0, NULL, NULL, NULL, FOV_OK); /* COCO ids with gaps */
    assert_int_equal(l.count, 80);
    assert_int_equal(l.class_of[0], -1);
    assert_int_equal(l.class_of[1], 0);
    assert_int_equal(l.class_of[12], -1);
    assert_int_equal(l.class_of[13], 11);
    assert_int_equal(l.class_of[90], 79);
    assert_string_equal(l.names[79], "toothbrush");
    labels_release(&l);
    l = make(80, -1, NULL, NULL, NULL, FOV_OK);
    assert_int_equal(l.class_of[79], 79);
    assert_string_equal(l.names[0], "person");
    labels_release(&l);
    l = make(3, -1, NULL, NULL, NULL, FOV_OK);
    assert_string_equal(l.names[2], "class_2");
    labels_release(&l);
}

static void labels_by_metadata(void **unused)
{
    (void)unused;
    struct labels l = make(4, 0, "labels", "background traffic_light - dog", NULL, FOV_OK);
    assert_int_equal(l.count, 2);
    assert_string_equal(l.names[0], "traffic light");
    assert_int_equal(l.class_of[2], -1);
    assert_int_equal(l.class_of[3], 1);
    labels_release(&l);
    l = make(3, -1, "names", "{0: 'person', 1: 'it\\'s', 2: \"a b\"}", NULL, FOV_OK);
    assert_string_equal(l.names[1], "it's");
    assert_string_equal(l.names[2], "a b");
    labels_release(&l);
    l = make(3, -1, "names", "{0: 'only'}", NULL, FOV_OK); /* too short: the rest is numbered */
    assert_string_equal(l.names[0], "only");
    assert_string_equal(l.names[2], "class_2");
    labels_release(&l);
    l = make(2, -1, "names", "{5: 'x'}", NULL, FOV_OK); /* nonsense counts as none */
    assert_string_equal(l.names[0], "class_0");
    labels_release(&l);
}

static struct labels make_task(fov_task task, int columns, int background, const char *names)
{
    struct metadata meta = {.source = ""};
    struct head_setup setup = {.task = task, .columns = columns, .background = background};
    struct labels labels;
    setup.label = task == FOV_TASK_POSE ? "person" : NULL;
    if (names)
        metadata_add(&meta, "names", 5, names, strlen(names));
    assert_int_equal(labels_make(&labels, &setup, &meta, NULL, NULL), FOV_OK);
    metadata_release(&meta);
    return labels;
}

static void labels_of_other_tasks(void **unused)
{
    (void)unused;
    struct labels l = make_task(FOV_TASK_CLASSIFY, 3, -1,
                                "{0: 'cat', 1: 'dog'}"); /* background first */
    assert_int_equal(l.class_of[0], -1);
    assert_int_equal(l.class_of[2], 1);
    labels_release(&l);
    l = make_task(FOV_TASK_CLASSIFY, 80, -1, NULL); /* not COCO's: those are objects */
    assert_string_equal(l.names[79], "class_79");
    labels_release(&l);
    l = make_task(FOV_TASK_SEMANTIC, 3, 0, "{0: 'background', 1: 'polyp', 2: 'tool'}");
    assert_int_equal(l.class_of[0], -1);
    assert_int_equal(l.class_of[2], 1); /* the background is no class */
    assert_string_equal(l.names[1], "tool");
    labels_release(&l);
    l = make_task(FOV_TASK_SEMANTIC, 3, 0, "{0: 'polyp', 1: 'tool'}");
    assert_int_equal(l.class_of[1], 0);
    labels_release(&l);
    l = make_task(FOV_TASK_POSE, 1, -1, NULL);
    assert_string_equal(l.names[0], "person");
    labels_release(&l);
}

static void labels_by_file(void **unused)
{
    (void)unused;
    struct labels l = make(91, 0, NULL, NULL, COCO_LABELS, FOV_OK);
    assert_int_equal(l.count, 80);
    for (int i = 0; i < 80; i++)
        assert_string_equal(l.names[i], coco_names[i]);
    labels_release(&l);
    make(2, -1, NULL, NULL, "/nonexistent", FOV_ENOTFOUND);
    make(2, -1, NULL, NULL, FUZZ_CORPUS "/m.tflite", FOV_EMODEL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ir),
        cmocka_unit_test(onnx),
        cmocka_unit_test(tflite),
        cmocka_unit_test(every_cut_is_survived),
        cmocka_unit_test(long_lists_of_labels_are_left),
        cmocka_unit_test(limits_hold),
        cmocka_unit_test(files_are_refused_with_a_reason),
        cmocka_unit_test(labels_by_columns),
        cmocka_unit_test(labels_by_metadata),
        cmocka_unit_test(labels_of_other_tasks),
        cmocka_unit_test(labels_by_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
