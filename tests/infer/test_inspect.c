/* What stands around the scanners: kinds of files, words of the `input` option, memory, files
 * beside a model, and how labels are counted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include <fovea/log.h>
#include "base/machine.h"
#include "infer/input_words.h"
#include "infer/labels.h"
#include "infer/memory.h"
#include "infer/metadata_beside.h"
#include "infer/model_internal.h"

static char folder[64];

static void path_in(char *path, size_t size, const char *name)
{
    int n = snprintf(path, size, "%s/%s", folder, name);
    assert_true(n > 0 && (size_t)n < size);
}

static void write_file(const char *name, const void *bytes, size_t size)
{
    char path[256];
    path_in(path, sizeof path, name);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, size, f), size);
    fclose(f);
}

static void write_text(const char *name, const char *text)
{
    write_file(name, text, strlen(text));
}

/* ---- kinds ---- */

static void kinds_are_told_by_bytes(void **unused)
{
    (void)unused;
    static const struct {
        const char *bytes;
        size_t size;
        const char *path;
        enum file_kind kind;
    } cases[] = {
        {"", 0, "a.onnx", FILE_EMPTY},
        {"version https://git-lfs.github.com/spec/v1\n", 43, "a.tflite", FILE_LFS_POINTER},
        {"\n <!DOCTYPE HTML><html>", 23, "a.xml", FILE_WEB_PAGE},
        {"{\"message\": \"Not Found\"}", 24, "a.onnx", FILE_WEB_PAGE},
        {"<?xml version=\"1.0\"?><Error><Code>NoSuchKey", 43, "a.xml", FILE_WEB_PAGE},
        {"<?xml version=\"1.0\"?>\n<net name=\"a\">", 36, "a.bin", FILE_IR},
        {"PK\x03\x04 archive/data.pkl", 21, "a.onnx", FILE_TORCH},
        {"PK\x03\x04 config.json model.weights.h5", 34, "a", FILE_KERAS},
        {"PK\x03\x04 readme.txt", 15, "a.zip", FILE_ARCHIVE},
        {"\x80\x02\x8a\nl\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.", 15, "a.pt", FILE_PICKLE},
        {"\x80\x02\x8a\nl\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19..", 16, "a.pt", FILE_TORCH},
        {"\x89HDF\r\n\x1a\n....", 12, "a.h5", FILE_HDF5},
        {"GGUF\3\0\0\0", 8, "a.bin", FILE_GGUF},
        {"\x40\0\0\0\0\0\0\0{\"w\":{}}........................................................", 72,
         "model.bin", FILE_SAFETENSORS},
        {"RKNN\0\0\0\0", 8, "a.rknn", FILE_RKNN},
        {"\x01HEF\0\0\0\0", 8, "a.hef", FILE_HAILO},
        {"ftrt\0\0\0\0", 8, "a.engine", FILE_TENSORRT},
        {"\2\0\0\0{}ftrt........", 18, "a.engine", FILE_TENSORRT},
        {"7767517\n1 1\n", 12, "a.param", FILE_NCNN},
        {"\x1f\x8b\x08\0", 4, "a.onnx", FILE_ARCHIVE},
        {"\xff\xd8\xff\xe0", 4, "a.onnx", FILE_PICTURE},
        {"\x1c\0\0\0TFL3........", 16, "a.onnx", FILE_TFLITE},
        {"\x1c\0\0\0ORTM........", 16, "a.ort", FILE_ORT},
        {"\x08\x08:\x03"
         "abc",
         7, "a", FILE_ONNX},
        {"\x08\x08:\x7f"
         "abc",
         7, "a", FILE_ONNX}, /* cut off */
        {"\x08\x01\x12\x03"
         "abc",
         7, "saved_model.pb", FILE_SAVED_MODEL},
        {"\x08\x05\x12\0\xa2\x1f\0", 7, "a.mlmodel", FILE_COREML},
        {"\n\x05\n\x03"
         "abc",
         7, "a.pb", FILE_GRAPHDEF},
        {"\n\x02\x08\0", 4, "a.pdmodel", FILE_PADDLE},
        {"anything", 8, "a.bin", FILE_WEIGHTS},
        {"anything", 8, "a.weights", FILE_DARKNET},
        {"anything", 8, "a.onnx", FILE_UNKNOWN},
        {"anything", 8, "noname", FILE_UNKNOWN},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        enum file_kind kind = file_kind_of((const uint8_t *)cases[i].bytes, cases[i].size,
                                           cases[i].path);
        if (kind != cases[i].kind && cases[i].kind != FILE_PICKLE)
            fail_msg("case %zu: %s, not %s", i, file_kind_name(kind),
                     file_kind_name(cases[i].kind));
    }
}

static void advice_names_the_file(void **unused)
{
    (void)unused;
    char text[160];
    for (int kind = FILE_UNKNOWN; kind < FILE_KINDS; kind++) {
        file_kind_advice((enum file_kind)kind, "some/where/boats.v2.pt", text, sizeof text);
        assert_true(strlen(text) < sizeof text - 1);
        if (kind == FILE_TORCH)
            assert_non_null(strstr(text, "yolo export model=boats.v2.pt format=onnx"));
        if (kind <= FILE_PADDLE)
            assert_string_equal(text, "");
        else
            assert_non_null(kind == FILE_SAVED_MODEL ? text : strstr(text, "boats.v2"));
        assert_null(strchr(text, '%') ? strstr(text, "%.40s") : NULL);
    }
}

/* ---- words of `input` ---- */

static void words_change_the_input(void **unused)
{
    (void)unused;
    struct letterbox_spec spec = {.bgr = true, .scale = {1, 1, 1}};
    assert_int_equal(input_words_apply(NULL, &spec, NULL), FOV_OK);
    assert_int_equal(input_words_apply("", &spec, NULL), FOV_OK);
    assert_true(spec.bgr);
    assert_int_equal(
        input_words_apply(" rgb, crop ,mean=103.5 116.28 123.675,scale=255,pad=0 ", &spec, NULL),
        FOV_OK);
    assert_false(spec.bgr);
    assert_int_equal(spec.fit, FIT_CROP);
    assert_float_equal(spec.mean[0], 103.5, 1e-6);
    assert_float_equal(spec.mean[2], 123.675, 1e-4);
    assert_float_equal(spec.scale[0], 255, 0);
    assert_float_equal(spec.scale[2], 255, 0);
    assert_int_equal(spec.pad, 0);
    static const struct {
        const char *word;
        enum letterbox_fit fit;
    } fits[] = {{"stretch", FIT_STRETCH}, {"letterbox", FIT_CENTRE}, {"top-left", FIT_TOP_LEFT}};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(input_words_apply(fits[i].word, &spec, NULL), FOV_OK);
        assert_int_equal(spec.fit, fits[i].fit);
    }
}

static void wrong_words_are_named(void **unused)
{
    (void)unused;
    static const char *const cases[][2] = {{"rgb,stretched", "\"stretched\" is none"},
                                           {"grb", "did you mean rgb"},
                                           {"scale=0", "\"scale=0\""},
                                           {"scale=nan", "\"scale=nan\""},
                                           {"mean=1 2", "\"mean=1 2\""},
                                           {"mean=1 2 3 4", "one or three"},
                                           {"mean=", "\"mean=\""},
                                           {"mean=1e9", "\"mean=1e9\""},
                                           {"pad=256", "0..255"},
                                           {"pad=-1", "0..255"},
                                           {"BGR", "\"BGR\" is none"},
                                           {"scale", "\"scale\" is none"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct letterbox_spec spec = {.width = 1};
        fov_error error = {0};
        assert_int_equal(input_words_apply(cases[i][0], &spec, &error), FOV_EINVAL);
        if (!strstr(error.message, cases[i][1]))
            fail_msg("%s: %s", cases[i][0], error.message);
    }
    char longer[200];
    struct letterbox_spec spec = {.width = 1};
    memset(longer, 'a', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    assert_int_equal(input_words_apply(longer, &spec, NULL), FOV_EINVAL);
}

/* ---- memory ---- */

static void make_parents(char *path)
{
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(path, 0700);
        *slash = '/';
    }
}

static void put(const char *root, const char *name, const char *text)
{
    char path[256], local[200];
    snprintf(path, sizeof path, "%s/%s%s", folder, root, name);
    make_parents(path);
    snprintf(local, sizeof local, "%s%s", root, name);
    write_text(local, text);
}

static int64_t available_in(const char *root)
{
    char path[256];
    path_in(path, sizeof path, root);
    return machine_memory_free(path);
}

static void memory_is_the_tightest_limit(void **unused)
{
    (void)unused;
    const int64_t mb = 1 << 20;
    put("plain", "/proc/meminfo",
        "MemTotal: 9999 kB\nMemFree: 1 kB\nMemAvailable: 2048 kB\n"
        "SwapFree: 1024 kB\n");
    assert_int_equal(available_in("plain"), 3 * mb);
    put("v2", "/proc/meminfo", "MemAvailable:    1048576 kB\n");
    put("v2", "/proc/self/cgroup", "0::/a/b\n");
    put("v2", "/sys/fs/cgroup/a/b/memory.max", "max\n");
    put("v2", "/sys/fs/cgroup/a/memory.max", "104857600\n");
    put("v2", "/sys/fs/cgroup/a/memory.current", "62914560\n");
    put("v2", "/sys/fs/cgroup/a/memory.stat", "anon 1\ninactive_file 10485760\nfile 7\n");
    assert_int_equal(available_in("v2"), 50 * mb);
    put("v1", "/proc/meminfo", "MemAvailable:    1048576 kB\n");
    put("v1", "/proc/self/cgroup", "9:cpu:/x\n4:memory:/docker/c\n");
    put("v1", "/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
    put("v1", "/sys/fs/cgroup/memory/docker/c/memory.limit_in_bytes", "20971520\n");
    put("v1", "/sys/fs/cgroup/memory/docker/c/memory.usage_in_bytes", "30971520\n");
    assert_int_equal(available_in("v1"), 1); /* nothing is left; 0 would be "unknown" */
    assert_int_equal(available_in("nowhere"), 0);
    assert_true(machine_memory_free("") > mb);
}

static void what_cannot_fit_is_refused_with_numbers(void **unused)
{
    (void)unused;
    fov_error error = {0};
    assert_int_equal(memory_check("m.onnx", 1000, 0, &error), FOV_OK);
    assert_int_equal(memory_check("m.onnx", INT64_C(100) << 20, INT64_C(300) << 20, &error),
                     FOV_OK);
    assert_int_equal(memory_check("m.onnx", INT64_C(100) << 20, INT64_C(200) << 20, &error),
                     FOV_ENOMEM);
    assert_non_null(strstr(error.message, "m.onnx: not enough memory"));
    assert_non_null(strstr(error.message, "needs 232 MB"));
    assert_non_null(strstr(error.message, "200 MB are free"));
}

/* ---- beside the model ---- */

static void yaml_of_exporters(void **unused)
{
    (void)unused;
    static const char text[] = "# comment\ndescription: Ultralytics YOLOv8n model\n"
                               "date: '2024-01-01T10:00:00'\nstride: 32\ntask: detect\nimgsz:\n"
                               "- 640\n- 480\nnames:\n  0: person\n  1: 'it''s'\n  2: hot dog\n"
                               "args:\n  batch: 1\n  half: false\nend2end: false\n";
    struct metadata meta = {.source = ""};
    metadata_add(&meta, "task", 4, "pose", 4); /* what is known stands */
    metadata_scan_yaml(&meta, text, sizeof text - 1);
    assert_string_equal(metadata_get(&meta, "task"), "pose");
    assert_string_equal(metadata_get(&meta, "stride"), "32");
    assert_string_equal(metadata_get(&meta, "imgsz"), "[640, 480]");
    assert_string_equal(metadata_get(&meta, "date"), "2024-01-01T10:00:00");
    assert_string_equal(metadata_get(&meta, "names"),
                        "{0: 'person', 1: 'it\\'\\'s', 2: 'hot dog'}");
    assert_string_equal(metadata_get(&meta, "end2end"), "false");
    metadata_release(&meta);
}

static void files_beside_are_found(void **unused)
{
    (void)unused;
    char path[256];
    struct metadata meta = {.source = ""};
    put("beside", "/m.xml", "");
    put("beside", "/metadata.yaml", "task: detect\n");
    path_in(path, sizeof path, "beside/m.xml");
    metadata_read_beside(&meta, path);
    assert_string_equal(meta.source, "metadata.yaml");
    assert_null(meta.label_file);
    metadata_release(&meta);
    put("beside", "/labels.txt", "a\nb\n");
    meta = (struct metadata){.source = ""};
    metadata_read_beside(&meta, path);
    assert_non_null(strstr(meta.label_file, "beside/labels.txt"));
    metadata_release(&meta);
    put("beside", "/m.txt", "a\nb\n");
    meta = (struct metadata){.source = ""};
    metadata_read_beside(&meta, path);
    assert_non_null(strstr(meta.label_file, "beside/m.txt"));
    metadata_release(&meta);
}

/* ---- counts of labels ---- */

static void lines(const char *name, int count, const char *first, int gap)
{
    char text[8192];
    size_t used = 0;
    for (int i = 0; i < count; i++)
        used += (size_t)(i == 0 && first ? snprintf(text + used, sizeof text - used, "%s\n", first)
                         : i == gap      ? snprintf(text + used, sizeof text - used, "n/a\n")
                                    : snprintf(text + used, sizeof text - used, "label %d\n", i));
    write_text(name, text);
}

static fov_status make(struct labels *labels, int columns, int background, const char *file,
                       const char *beside, fov_error *error)
{
    char path[256], other[256];
    struct metadata meta = {.source = ""};
    struct head_setup setup = {.columns = columns, .background = background};
    path_in(path, sizeof path, file ? file : "");
    path_in(other, sizeof other, beside ? beside : "");
    meta.label_file = beside ? other : NULL;
    return labels_make(labels, &setup, &meta, file ? path : NULL, error);
}

static void a_file_of_the_wrong_count_is_refused(void **unused)
{
    (void)unused;
    struct labels l;
    fov_error error = {0};
    lines("79.txt", 79, NULL, -1);
    assert_int_equal(make(&l, 80, -1, "79.txt", NULL, &error), FOV_EMODEL);
    assert_non_null(strstr(error.message, "79 lines"));
    assert_non_null(strstr(error.message, "80 classes"));
    lines("3.txt", 3, "background", -1);
    assert_int_equal(make(&l, 3, 0, "3.txt", NULL, &error), FOV_OK);
    assert_int_equal(l.count, 2); /* the background has no name of its own */
    assert_string_equal(l.names[0], "label 1");
    assert_int_equal(l.class_of[0], -1);
    assert_int_equal(l.class_of[2], 1);
    labels_release(&l);
    lines("90.txt", 90, NULL, 11);
    assert_int_equal(make(&l, 91, 0, "90.txt", NULL, &error), FOV_OK);
    assert_int_equal(l.count, 89);
    assert_int_equal(l.class_of[12], -1); /* "n/a" */
    assert_int_equal(l.class_of[13], 11);
    assert_string_equal(l.names[11], "label 12");
    labels_release(&l);
}

static void a_file_beside_counts_only_if_it_fits(void **unused)
{
    (void)unused;
    struct labels l;
    lines("2.txt", 2, "cat", -1);
    assert_int_equal(make(&l, 2, -1, NULL, "2.txt", NULL), FOV_OK);
    assert_string_equal(l.names[0], "cat");
    assert_string_equal(l.from, "a file beside the model");
    labels_release(&l);
    assert_int_equal(make(&l, 3, -1, NULL, "2.txt", NULL), FOV_OK);
    assert_string_equal(l.names[0], "class_0");
    labels_release(&l);
}

/* Outputs that list numbers of classes do not tell how many there are. */
static void open_classes_take_shorter_lists(void **unused)
{
    (void)unused;
    char path[256];
    struct labels l;
    struct metadata meta = {.source = ""};
    struct head_setup setup = {.columns = 91, .background = 0, .open_classes = true};
    lines("5.txt", 5, "boat", -1);
    path_in(path, sizeof path, "5.txt");
    assert_int_equal(labels_make(&l, &setup, &meta, path, NULL), FOV_OK);
    assert_string_equal(l.names[l.class_of[1]], "boat");
    assert_string_equal(l.names[l.class_of[5]], "label 4");
    labels_release(&l);
}

/* ---- TensorFlow Lite's own metadata, in a real file ---- */

static void tflite_metadata_of_a_real_file(void **unused)
{
    (void)unused;
    char path[512];
    struct metadata meta;
    struct inspected *found = calloc(1, sizeof *found);
    const char *data = getenv("FOVEA_TEST_DATA");
    snprintf(path, sizeof path, "%s/models/mobilenet_v2_224_quant.tflite", data ? data : "");
    if (!data || access(path, R_OK)) {
        free(found);
        print_message("SKIP tflite_metadata_of_a_real_file: FOVEA_TEST_DATA is not set\n");
        skip();
    }
    assert_non_null(found);
    assert_int_equal(inspect_file(found, &meta, path, NULL), FOV_OK);
    assert_string_equal(meta.source, "TFLite metadata");
    assert_string_equal(metadata_get(&meta, "mean_values"), "127.5");
    assert_string_equal(metadata_get(&meta, "scale_values"), "127.5");
    assert_int_equal(labels_count(&meta), 1001);
    assert_non_null(
        strstr(metadata_get(&meta, "names"), "{0: 'background', 1: 'tench, Tinca tinca'"));
    assert_string_equal(found->inputs[0].type, "u8");
    assert_int_equal(found->inputs[0].shape[1], 224);
    metadata_release(&meta);
    free(found);
}

static int make_folder(void **unused)
{
    (void)unused;
    snprintf(folder, sizeof folder, "/tmp/fovea_inspect_XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **unused)
{
    char command[128];
    (void)unused;
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kinds_are_told_by_bytes),
        cmocka_unit_test(advice_names_the_file),
        cmocka_unit_test(words_change_the_input),
        cmocka_unit_test(wrong_words_are_named),
        cmocka_unit_test(memory_is_the_tightest_limit),
        cmocka_unit_test(what_cannot_fit_is_refused_with_numbers),
        cmocka_unit_test(yaml_of_exporters),
        cmocka_unit_test(files_beside_are_found),
        cmocka_unit_test(a_file_of_the_wrong_count_is_refused),
        cmocka_unit_test(a_file_beside_counts_only_if_it_fits),
        cmocka_unit_test(open_classes_take_shorter_lists),
        cmocka_unit_test(tflite_metadata_of_a_real_file),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
