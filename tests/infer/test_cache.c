/* The folder of compiled models: which one, who may write there, what is forgotten. */
#include "model_test.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <fovea/log.h>

#include "infer/cache.h"

static char base[64];
static int warnings;
static char said[512];

static void listen_log(void *user, fov_log_level level, const char *room, const char *text)
{
    (void)user;
    (void)room;
    if (level == FOV_LOG_WARN && strstr(text, "compiled models")) {
        warnings++;
        snprintf(said, sizeof said, "%s", text);
    }
}

static int begin(void **unused)
{
    (void)unused;
    snprintf(base, sizeof base, "/tmp/fovea_cache_XXXXXX");
    umask(022);
    return mkdtemp(base) ? 0 : -1;
}

static int end(void **unused)
{
    char command[128];
    (void)unused;
    snprintf(command, sizeof command, "rm -r %s", base);
    return system(command);
}

static const char *at(const char *name)
{
    static char paths[64][256];
    static int next;
    next = (next + 1) % 64;
    snprintf(paths[next], sizeof paths[next], "%s/%s", base, name);
    return paths[next];
}

/* A file of `size` bytes 'a', one of them changed when `changed` is not negative. */
static void write_model(const char *path, long size, long changed)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    for (long i = 0; i < size; i++)
        fputc(i == changed ? 'b' : 'a', file);
    fclose(file);
}

static struct cache_key key_of(const char *model)
{
    return (struct cache_key){model, "openvino", "2026.4.1", "CPU", "auto", false};
}

static void expect_same(const struct cache_key *one, const struct cache_key *other, bool same)
{
    char a[256], b[256];
    assert_true(cache_path("/c", one, a, sizeof a) && cache_path("/c", other, b, sizeof b));
    assert_int_equal(strcmp(a, b) == 0, same);
    assert_int_equal(strlen(a), 3 + 24);
}

static void another_model_version_device_or_precision_has_another_folder(void **unused)
{
    (void)unused;
    char folder[256];
    const char *model = at("a.onnx"), *moved = at("moved.onnx"), *other = at("b.onnx");
    struct cache_key key = key_of(model), second = key_of(moved), changed;
    write_model(model, 300000, -1);
    write_model(moved, 300000, -1);
    expect_same(&key, &second, true); /* the bytes count, not the name */
    static const long places[] = {0, 65535, 300000 - 65536, 299999};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        write_model(other, 300000, places[i]);
        changed = key_of(other);
        expect_same(&key, &changed, false);
    }
    write_model(other, 300001, -1);
    changed = key_of(other);
    expect_same(&key, &changed, false);
    changed = key, changed.version = "2026.4.2";
    expect_same(&key, &changed, false);
    changed = key, changed.device = "GPU";
    expect_same(&key, &changed, false);
    changed = key, changed.precision = "f32";
    expect_same(&key, &changed, false);
    changed = key, changed.backend = "litert";
    expect_same(&key, &changed, false);
    changed = key_of(at("none.onnx"));
    assert_false(cache_path("/c", &changed, folder, sizeof folder));
    changed = key_of("fake:boxes=1");
    assert_false(cache_path("/c", &changed, folder, sizeof folder));
    assert_false(cache_path("/c", &key, folder, 20));
}

static void the_weights_beside_an_xml_count(void **unused)
{
    (void)unused;
    char one[256], other[256];
    struct cache_key key = key_of(at("m.xml"));
    write_model(key.model, 100, -1);
    write_model(at("m.bin"), 200000, -1);
    assert_true(cache_path("/c", &key, one, sizeof one));
    write_model(at("m.bin"), 200000, 5);
    assert_true(cache_path("/c", &key, other, sizeof other));
    assert_string_not_equal(one, other);
}

/* A network trained again: same size, same graph at both ends. */
static void weights_in_the_middle_count_where_the_runtime_does_not_look(void **unused)
{
    (void)unused;
    struct cache_key key = key_of(at("a.onnx")), other = key_of(at("b.onnx"));
    struct cache_key parts = key_of(at("m.xml")), again = key_of(at("n.xml"));
    key.whole = other.whole = parts.whole = again.whole = true;
    write_model(key.model, 300000, -1);
    write_model(other.model, 300000, -1);
    expect_same(&key, &other, true);
    static const long places[] = {0, 65536, 150000, 299999};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        write_model(other.model, 300000, places[i]);
        expect_same(&key, &other, false);
    }
    write_model(parts.model, 100, -1);
    write_model(again.model, 100, -1);
    write_model(at("m.bin"), 300000, -1);
    write_model(at("n.bin"), 300000, 150000);
    expect_same(&parts, &again, false);
    char folder[256];
    key.model = at("none.onnx");
    assert_false(cache_path("/c", &key, folder, sizeof folder));
    key.model = base;
    assert_false(cache_path("/c", &key, folder, sizeof folder));
}

static void it_is_made_for_us_alone(void **unused)
{
    (void)unused;
    char folder[256];
    struct stat about;
    struct cache_key key = key_of(at("a.onnx"));
    write_model(key.model, 10, -1);
    assert_string_equal(cache_open(at("deep/er"), &key, folder, sizeof folder), folder);
    assert_int_equal(stat(at("deep/er"), &about), 0);
    assert_int_equal(about.st_mode & 07777, 0700);
    assert_int_equal(stat(folder, &about), 0);
    assert_int_equal(about.st_mode & 07777, 0700);
    assert_non_null(cache_open(at("deep/er"), &key, folder, sizeof folder)); /* again */
    assert_int_equal(warnings, 0);
    assert_null(cache_open(NULL, &key, folder, sizeof folder));
    assert_null(cache_open("", &key, folder, sizeof folder));
}

/* The first of these warns, once for the process. */
static void a_folder_of_others_is_not_used(void **unused)
{
    (void)unused;
    char folder[256];
    struct cache_key key = key_of(at("a.onnx"));
    write_model(key.model, 10, -1);
    assert_int_equal(mkdir(at("open"), 0700), 0);
    assert_int_equal(chmod(at("open"), 0777), 0);
    assert_null(cache_open(at("open"), &key, folder, sizeof folder));
    assert_int_equal(warnings, 1);
    assert_non_null(strstr(said, "chmod 700 /tmp/fovea_cache_"));
    assert_int_equal(chmod(at("open"), 0770), 0);
    assert_null(cache_open(at("open"), &key, folder, sizeof folder));
    assert_int_equal(chmod(at("open"), 0702), 0);
    assert_null(cache_open(at("open"), &key, folder, sizeof folder));
    assert_int_equal(chmod(at("open"), 0755), 0);
    assert_non_null(cache_open(at("open"), &key, folder, sizeof folder));
    /* a sub-folder that others may write to */
    assert_int_equal(chmod(folder, 0777), 0);
    assert_null(cache_open(at("open"), &key, folder, sizeof folder));
    assert_int_equal(chmod(folder, 0700), 0);
    assert_non_null(cache_open(at("open"), &key, folder, sizeof folder));
    assert_int_equal(symlink(at("open"), at("link")), 0);
    assert_null(cache_open(at("link"), &key, folder, sizeof folder));
    assert_null(cache_open(at("a.onnx"), &key, folder, sizeof folder));
    assert_null(cache_open(at("a.onnx/below"), &key, folder, sizeof folder));
    assert_int_equal(warnings, 1);
}

static int count_in(const char *folder, const char *ending)
{
    DIR *dir = opendir(folder);
    int count = 0;
    assert_non_null(dir);
    for (struct dirent *e; (e = readdir(dir));)
        count += strlen(e->d_name) > strlen(ending) && e->d_name[0] != '.' &&
                 !strcmp(e->d_name + strlen(e->d_name) - strlen(ending), ending);
    closedir(dir);
    return count;
}

static void make_aged(const char *path, long age)
{
    struct timespec times[2] = {{1000000 - age, 0}, {1000000 - age, 0}};
    assert_int_equal(utimensat(AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW), 0);
}

static void old_folders_are_forgotten_and_nothing_else(void **unused)
{
    (void)unused;
    char folder[256], name[64], inner[320], model[256];
    struct stat about;
    struct cache_key key = key_of(model);
    snprintf(model, sizeof model, "%s", at("a.onnx")); /* at() keeps 64 */
    write_model(model, 10, -1);
    assert_int_equal(mkdir(at("old"), 0700), 0);
    assert_int_equal(mkdir(at("old/notes"), 0700), 0);
    assert_int_equal(mkdir(at("old/0123456789abcdef0123456X"), 0700), 0);
    write_model(at("old/ffffffffffffffffffffffff"), 1, -1); /* a file, not a folder */
    for (int i = 0; i < 20; i++) {
        snprintf(name, sizeof name, "old/%024x", i);
        assert_int_equal(mkdir(at(name), 0700), 0);
        snprintf(inner, sizeof inner, "%s/deeper", at(name));
        assert_int_equal(mkdir(inner, 0700), 0);
        snprintf(inner, sizeof inner, "%s/deeper/x.blob", at(name));
        write_model(inner, 5, -1);
        make_aged(at(name), i);
    }
    assert_non_null(cache_open(at("old"), &key, folder, sizeof folder));
    for (int i = 0; i < 20; i++) {
        snprintf(name, sizeof name, "old/%024x", i);
        assert_int_equal(stat(at(name), &about), i < 15 ? 0 : -1);
    }
    assert_int_equal(stat(folder, &about), 0);
    assert_int_equal(stat(at("old/notes"), &about), 0);
    assert_int_equal(stat(at("old/0123456789abcdef0123456X"), &about), 0);
    assert_int_equal(stat(at("old/ffffffffffffffffffffffff"), &about), 0);
    make_aged(folder, 30);
    assert_non_null(
        cache_open(at("old"), &key, folder, sizeof folder)); /* used again: the newest */
    assert_int_equal(stat(folder, &about), 0);
    assert_true(about.st_mtim.tv_sec > 1000000);
}

static void what_others_may_have_put_there_does_not_count(void **unused)
{
    (void)unused;
    char folder[256], engine[320];
    struct cache_key key = key_of(at("a.onnx"));
    write_model(key.model, 10, -1);
    assert_false(cache_holds(at("held"), &key, ".engine"));
    assert_non_null(cache_open(at("held"), &key, folder, sizeof folder));
    assert_false(cache_holds(at("held"), &key, ".engine"));
    snprintf(engine, sizeof engine, "%s/x.engine", folder);
    write_model(engine, 1, -1);
    assert_true(cache_holds(at("held"), &key, ".engine"));
    assert_false(cache_holds(at("held"), &key, ".blob"));
    assert_false(cache_holds(NULL, &key, ".engine"));
    assert_int_equal(chmod(folder, 0777), 0);
    assert_false(cache_holds(at("held"), &key, ".engine"));
    assert_int_equal(chmod(folder, 0700), 0);
    assert_int_equal(chmod(at("held"), 0770), 0);
    assert_false(cache_holds(at("held"), &key, ".engine"));
    assert_int_equal(chmod(at("held"), 0700), 0);
    assert_true(cache_holds(at("held"), &key, ".engine"));
}

static void open_cached(const char *path, const char *cache)
{
    fov_model_params params = {
        .path = path, .cache_dir = cache, .backend = "openvino", .no_warmup = true};
    fov_model *model = NULL;
    fov_error error = {.message = ""};
    if (fov_model_open(&model, &params, &error) != FOV_OK)
        fail_msg("%s: %s", path, error.message);
    fov_model_close(&model);
}

/* 16 folders are kept: one for a runtime that writes nothing would push an engine out. */
static void what_keeps_nothing_gets_no_folder(void **unused)
{
    (void)unused;
    struct stat about;
    fov_model_params params = {.path = at("none.onnx"), .cache_dir = at("c"), .no_warmup = true};
    fov_model *model = NULL;
    params.path = "fake:";
    assert_int_equal(fov_model_open(&model, &params, NULL), FOV_OK);
    fov_model_close(&model);
    assert_int_equal(stat(at("c"), &about), -1);
    const char *data = getenv("FOVEA_TEST_DATA");
    char path[512];
    snprintf(path, sizeof path, "%s/models/yolox_nano_416.onnx", data ? data : "../shared/data");
    params.path = path;
    params.backend = "onnxruntime";
    if (access(path, R_OK) != 0 || fov_model_open(&model, &params, NULL) != FOV_OK)
        skip();
    fov_model_close(&model);
    assert_int_equal(stat(at("c"), &about), -1);
}

/* The only sub-folder of `root`, or the second one when `not_this` is the first. */
static void only_folder(const char *root, const char *not_this, char *folder, size_t size)
{
    DIR *dir = opendir(root);
    assert_non_null(dir);
    folder[0] = '\0';
    for (struct dirent *e; (e = readdir(dir));) {
        char path[512];
        snprintf(path, sizeof path, "%s/%s", root, e->d_name);
        if (e->d_name[0] == '.' || !strcmp(path, not_this))
            continue;
        assert_string_equal(folder, "");
        snprintf(folder, size, "%s", path);
    }
    closedir(dir);
    assert_string_not_equal(folder, "");
}

static void blob_times(const char *folder, struct stat *about)
{
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    for (struct dirent *e; (e = readdir(dir));)
        if (strstr(e->d_name, ".blob"))
            assert_int_equal(fstatat(dirfd(dir), e->d_name, about, 0), 0);
    closedir(dir);
}

/* OpenVINO writes its blob at the first load and reads it at the second. */
static void the_second_load_is_served_from_the_cache(void **unused)
{
    (void)unused;
    const char *data = getenv("FOVEA_TEST_DATA");
    char model[512], copy[256], first[512], second[512], command[1100];
    fov_backend_probe *probe = calloc(1, sizeof *probe);
    assert_non_null(probe);
    fov_backend_at(0)->probe(NULL, probe);
    bool available = probe->available;
    free(probe);
    snprintf(model, sizeof model, "%s/models/yolox_nano_416.onnx", data ? data : "../shared/data");
    if (!available || access(model, R_OK) != 0)
        skip();
    snprintf(copy, sizeof copy, "%s", at("m.onnx"));
    snprintf(command, sizeof command, "cp %s %s && chmod 600 %s", model, copy, copy);
    assert_int_equal(system(command), 0);
    struct stat before = {0}, after = {0};
    char root[256];
    snprintf(root, sizeof root, "%s", at("real"));
    open_cached(copy, root);
    only_folder(root, "", first, sizeof first);
    assert_int_equal(count_in(first, ".blob"), 1);
    blob_times(first, &before);
    open_cached(copy, root);
    only_folder(root, "", first, sizeof first);
    assert_int_equal(count_in(first, ".blob"), 1);
    blob_times(first, &after);
    assert_int_equal(before.st_ino, after.st_ino);
    assert_int_equal(before.st_mtim.tv_nsec, after.st_mtim.tv_nsec);
    /* other bytes, the same model: an empty doc_string at the end */
    FILE *file = fopen(copy, "ab");
    assert_non_null(file);
    assert_int_equal(fwrite("\x32\x00", 1, 2, file), 2);
    fclose(file);
    open_cached(copy, root);
    only_folder(root, first, second, sizeof second);
    assert_int_equal(count_in(second, ".blob"), 1);
    assert_int_equal(count_in(first, ".blob"), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            another_model_version_device_or_precision_has_another_folder, begin, end),
        cmocka_unit_test_setup_teardown(the_weights_beside_an_xml_count, begin, end),
        cmocka_unit_test_setup_teardown(weights_in_the_middle_count_where_the_runtime_does_not_look,
                                        begin, end),
        cmocka_unit_test_setup_teardown(what_others_may_have_put_there_does_not_count, begin, end),
        cmocka_unit_test_setup_teardown(what_keeps_nothing_gets_no_folder, begin, end),
        cmocka_unit_test_setup_teardown(it_is_made_for_us_alone, begin, end),
        cmocka_unit_test_setup_teardown(a_folder_of_others_is_not_used, begin, end),
        cmocka_unit_test_setup_teardown(old_folders_are_forgotten_and_nothing_else, begin, end),
        cmocka_unit_test_setup_teardown(the_second_load_is_served_from_the_cache, begin, end),
    };
    fov_log_set(listen_log, NULL, FOV_LOG_WARN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
