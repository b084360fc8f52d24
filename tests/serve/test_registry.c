/* The registry of models: what an entry may say, and what a bad one is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "serve/registry.h"

#define SUM "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" /* of "abc" */
#define FILE_OF(name)                                                                              \
    "{\"file\":\"" name "\",\"url\":\"https://a.example/x\",\"bytes\":3,\"sha256\":\"" SUM "\"}"
#define ENTRY(more) "{\"name\":\"boats\",\"title\":\"Boats\"" more "}"
#define WHOLE(entries) "{\"version\":1,\"models\":[" entries "]}"
#define LOADS(files) WHOLE(ENTRY(",\"downloads\":[" files "]"))

static fov_status parse(struct registry *r, const char *text, fov_error *error)
{
    return registry_parse(r, text, strlen(text), "reg.json", error);
}

static void a_good_one_is_read(void **unused)
{
    (void)unused;
    struct registry r;
    fov_error error = {.message = ""};
    fov_status status = parse(
        &r,
        WHOLE(ENTRY(",\"licence\":\"MIT\",\"downloads\":[" FILE_OF("boats.onnx") "," FILE_OF(
            "boats.txt") "]") ",{\"name\":\"b-2.x_y\","
                              "\"title\":\"é\","
                              "\"files\":[\"b/m.xml\"],"
                              "\"default\":true}"),
        &error);
    if (status)
        fail_msg("%s", error.message);
    assert_int_equal(r.count, 2);
    const struct registry_model *m = registry_find(&r, "boats");
    assert_non_null(m);
    assert_int_equal(m->load_count, 2);
    assert_string_equal(m->load[1].file, "boats.txt");
    assert_int_equal(m->load[0].bytes, 3);
    assert_string_equal(m->licence, "MIT");
    assert_string_equal(m->licence_url, "");
    m = registry_find(&r, "b-2.x_y");
    assert_true(m && m->is_default && m->made_count == 1);
    assert_string_equal(m->licence, "");
    assert_null(registry_find(&r, "boat"));
    registry_close(&r);
    assert_int_equal(parse(&r, WHOLE(""), NULL), FOV_OK);
    assert_int_equal(r.count, 0);
    registry_close(&r);
    registry_close(&r);
}

struct bad {
    const char *text, *says;
};

static void bad_ones_are_told_what_is_wrong(void **unused)
{
    (void)unused;
    static const struct bad cases[] = {
        {"", "reg.json"},
        {"[]", "version"},
        {"{\"version\":2,\"models\":[]}", "version"},
        {"{\"version\":1,\"models\":{}}", "version"},
        {"{\"version\":1,\"models\":[],\"more\":1}", "version"},
        {WHOLE("7"), "models[0]: it must be an object"},
        {WHOLE("{\"name\":\"boats\"}"), "model \"boats\": title is missing"},
        {WHOLE("{\"title\":\"t\"}"), "models[0]: name is missing"},
        {WHOLE("{\"name\":\"../x\",\"title\":\"t\"}"), "name must be 1 to 64 letters"},
        {WHOLE("{\"name\":\"-x\",\"title\":\"t\"}"), "name must be"},
        {WHOLE("{\"name\":7,\"title\":\"t\"}"), "name must be a text"},
        {WHOLE(ENTRY("") "," ENTRY("")), "model \"boats\": name is there twice"},
        {WHOLE(ENTRY(",\"license\":\"MIT\"")), "license is not known, did you mean licence?"},
        {WHOLE(ENTRY(",\"licence\":\"\"")), "licence must be 1 to 500 characters"},
        {WHOLE(ENTRY(",\"note\":\"a\\nb\"")), "note must be"},
        {WHOLE(ENTRY(",\"note\":null")), "note must be a text"},
        {WHOLE(ENTRY(",\"default\":1")), "default must be true or false"},
        {WHOLE(ENTRY(",\"sha256\":\"12\"")), "sha256 must be 64"},
        {WHOLE(ENTRY(",\"files\":[\"/etc/passwd\"]")), "files must be paths below"},
        {WHOLE(ENTRY(",\"files\":[\"a/../../x\"]")), "files must be paths below"},
        {WHOLE(ENTRY(",\"files\":\"a\"")), "files must be a list"},
        {WHOLE(ENTRY(",\"downloads\":[]")), "downloads must be a list of 1 to 8"},
        {WHOLE(ENTRY(",\"downloads\":{}")), "downloads must be a list"},
        {LOADS("3"), "downloads[0].it must be an object"},
        {LOADS(FILE_OF("a") "," FILE_OF("a")), "downloads[1].file is there twice"},
        {LOADS(FILE_OF("a/b")), "downloads[0].file must be a file's name"},
        {LOADS(FILE_OF(".hidden")), "downloads[0].file must be a file's name"},
        {LOADS(FILE_OF("")), "downloads[0].file must be a file's name"},
        {LOADS("{\"file\":\"a\",\"url\":\"https://a/\",\"bytes\":3}"),
         "downloads[0].sha256 is missing"},
        {LOADS("{\"file\":\"a\",\"url\":\"http://a.example/\",\"bytes\":3,\"sha256\":\"" SUM "\"}"),
         "downloads[0].url must be an https:// address"},
        {LOADS("{\"file\":\"a\",\"url\":\"https://a/\",\"bytes\":0,\"sha256\":\"" SUM "\"}"),
         "downloads[0].bytes must be a whole number"},
        {LOADS("{\"file\":\"a\",\"url\":\"https://a/\",\"bytes\":5e9,\"sha256\":\"" SUM "\"}"),
         "bytes must be"},
        {LOADS("{\"file\":\"a\",\"url\":\"https://a/\",\"bytes\":\"3\",\"sha256\":\"" SUM "\"}"),
         "bytes must be"},
        {LOADS("{\"file\":\"a\",\"url\":\"https://a/\",\"bytes\":3,\"sha256\":\"BA" SUM "\"}"),
         "sha256 must be 64"},
        {LOADS("{\"file\":\"a\",\"url\":\"https://a/\",\"bytes\":3,\"sha256\":\"" SUM
               "\",\"x\":1}"),
         "downloads[0].x is not known"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct registry r;
        fov_error error = {.message = ""};
        assert_int_equal(parse(&r, cases[i].text, &error), FOV_EFORMAT);
        if (!strstr(error.message, cases[i].says) || !strstr(error.message, "reg.json"))
            fail_msg("%s: \"%s\" is not in \"%s\"", cases[i].text, cases[i].says, error.message);
        assert_null(r.models);
        assert_null(r.root);
    }
}

static void addresses_that_may_be_taken(void **unused)
{
    (void)unused;
    static const char *const good[] = {"https://a.example/x?y=1#z", "https://a.example:8443/",
                                       "http://127.0.0.1:80/x",     "http://localhost/x",
                                       "http://[::1]:9/x",          "https://a.example/@x"};
    static const char *const bad[] = {"http://a.example/",
                                      "ftp://a.example/",
                                      "file:///etc/passwd",
                                      "https://",
                                      "https:///x",
                                      "https://user:word@a.example/",
                                      "http://127.0.0.1.a.example/",
                                      "http://localhostx/",
                                      "http://127.0.0.1@a.example/",
                                      "https://a b/",
                                      "HTTPS://a.example/",
                                      "",
                                      "https://a.example/\n",
                                      "http://127.0.0.1:80@a.example/"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(registry_url_fits(good[i], 500));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (registry_url_fits(bad[i], 500))
            fail_msg("%s", bad[i]);
    assert_true(registry_url_fits(good[0], strlen(good[0])));
    assert_false(registry_url_fits(good[0], strlen(good[0]) - 1));
}

static void licences_that_ask_for_little(void **unused)
{
    (void)unused;
    assert_true(registry_is_permissive("Apache-2.0") && registry_is_permissive("MIT"));
    assert_false(registry_is_permissive("") || registry_is_permissive("AGPL-3.0") ||
                 registry_is_permissive("CC-BY-NC-4.0") || registry_is_permissive("MIT-like"));
}

static void a_file_is_known_by_its_bytes(void **unused)
{
    (void)unused;
    struct registry r;
    char path[] = "/tmp/fovea_registry_XXXXXX", sum[65];
    int64_t bytes;
    int file = mkstemp(path);
    assert_int_equal(write(file, "abc", 3), 3);
    assert_int_equal(parse(&r, LOADS(FILE_OF("boats.onnx")), NULL), FOV_OK);
    assert_ptr_equal(registry_find_file(&r, path), &r.models[0]);
    assert_true(registry_sum(path, 3, sum, &bytes) && bytes == 3 && !strcmp(sum, SUM));
    assert_false(registry_sum(path, 2, sum, &bytes));
    assert_int_equal(pwrite(file, "d", 1, 2), 1);
    assert_null(registry_find_file(&r, path));
    assert_int_equal(ftruncate(file, 0), 0);
    assert_null(registry_find_file(&r, path));
    close(file);
    unlink(path);
    assert_null(registry_find_file(&r, path));
    assert_null(registry_find_file(&r, "/tmp"));
    registry_close(&r);
}

static void the_built_in_one_is_good(void **unused)
{
    (void)unused;
    struct registry r;
    fov_error error = {.message = ""};
    unsetenv("FOVEA_REGISTRY");
    if (registry_open(&r, &error) != FOV_OK)
        fail_msg("%s", error.message);
    assert_true(r.count >= 8);
    for (int i = 0; i < r.count; i++)
        assert_true(registry_is_permissive(r.models[i].licence) && r.models[i].licence_url[0]);
    registry_close(&r);
    assert_true(registry_offers("nanodet_m_320"));
    assert_false(registry_offers("ssd_mobilenet_v2") || registry_offers("none"));
    setenv("FOVEA_REGISTRY", "/none/reg.json", 1);
    assert_int_equal(registry_open(&r, &error), FOV_ENOTFOUND);
    assert_non_null(strstr(error.message, "/none/reg.json"));
    assert_false(registry_offers("nanodet_m_320"));
    unsetenv("FOVEA_REGISTRY");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_one_is_read),
        cmocka_unit_test(bad_ones_are_told_what_is_wrong),
        cmocka_unit_test(addresses_that_may_be_taken),
        cmocka_unit_test(licences_that_ask_for_little),
        cmocka_unit_test(a_file_is_known_by_its_bytes),
        cmocka_unit_test(the_built_in_one_is_good),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
