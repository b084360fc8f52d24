/* Tests of base: status, text, JSON reading and writing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <math.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include <fovea/status.h>
#include "base/clock.h"
#include "base/dynlib.h"
#include "base/file.h"
#include "base/json.h"
#include "base/sha256.h"
#include "base/text.h"

static void status_rows_are_complete(void **state)
{
    (void)state;
    for (int s = 0; s < FOV_STATUS_COUNT; s++) {
        assert_true(strlen(fov_status_code((fov_status)s)) > 1);
        int http = fov_status_http((fov_status)s);
        assert_true(http >= 200 && http < 600);
        assert_in_range(fov_status_exit((fov_status)s), 0, 3);
    }
    assert_string_equal(fov_status_code((fov_status)999), "internal_error");
}

static void fail_cuts_at_a_character(void **state)
{
    (void)state;
    fov_error error;
    char longer[600];
    for (size_t i = 0; i + 2 < sizeof longer; i += 2)
        memcpy(longer + i, "\xC3\xA9", 3);
    assert_int_equal(fov_fail(&error, FOV_EMODEL, "a%s", longer), FOV_EMODEL);
    assert_true(strlen(error.message) < sizeof error.message);
    assert_true(text_is_utf8((const uint8_t *)error.message, strlen(error.message)));
    fov_fail(&error, FOV_EIO, "two\nlines");
    assert_string_equal(error.message, "two lines");
    fov_fail(&error, FOV_EIO, "again: %s", error.message);
    assert_string_equal(error.message, "again: two lines");
    assert_int_equal(fov_fail(NULL, FOV_EIO, "x"), FOV_EIO);
}

static void read_back(const char *path, char text[16])
{
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    text[fread(text, 1, 15, file)] = '\0';
    fclose(file);
}

static void files_are_replaced_whole_or_not_at_all(void **state)
{
    (void)state;
    char folder[] = "/tmp/fovea-file-XXXXXX", path[64], fresh[96], aside[96], text[16];
    struct stat file;
    fov_error error = {0};
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/a", folder);
    snprintf(fresh, sizeof fresh, "%s.new", path);
    assert_int_equal(symlink("/nowhere/at/all", fresh), 0); /* what a run that was cut off left */
    assert_int_equal(file_replace(path, "one", 3, 0600, &error), FOV_OK);
    assert_int_equal(file_replace(path, "second", 6, 0600, &error), FOV_OK);
    read_back(path, text);
    assert_string_equal(text, "second");
    assert_int_equal(stat(path, &file), 0);
    assert_int_equal(file.st_mode & 0777, 0600);
    assert_int_equal(mkdir(fresh, 0700), 0); /* in the way */
    assert_int_equal(file_replace(path, "third", 5, 0600, &error), FOV_EIO);
    assert_non_null(strstr(error.message, path));
    read_back(path, text);
    assert_string_equal(text, "second");
    assert_true(file_move_aside(path, aside, sizeof aside));
    assert_int_not_equal(access(path, F_OK), 0);
    read_back(aside, text);
    assert_string_equal(text, "second");
    assert_false(file_move_aside(path, fresh, sizeof fresh));
    remove(aside);
    snprintf(fresh, sizeof fresh, "%s.new", path);
    rmdir(fresh);
    assert_int_equal(rmdir(folder), 0); /* nothing else was left */
}

static void files_are_read_up_to_a_limit(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 65535, 65536, 65537, 300000};
    char path[] = "/tmp/fovea-file-XXXXXX", *data;
    static char bytes[300000];
    fov_error error = {0};
    size_t size;
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)(i * 31 >> 3);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        assert_int_equal(ftruncate(fd, 0), 0);
        assert_int_equal(pwrite(fd, bytes, sizes[i], 0), sizes[i]);
        assert_int_equal(file_read(path, sizes[i], &data, &size, &error), FOV_OK);
        assert_int_equal(size, sizes[i]);
        assert_memory_equal(data, bytes, size);
        free(data);
        if (sizes[i] == 0)
            continue;
        assert_int_equal(file_read(path, sizes[i] - 1, &data, &size, &error), FOV_EFORMAT);
        assert_null(data);
        assert_non_null(strstr(error.message, path));
    }
    close(fd);
    remove(path);
    assert_int_equal(file_read(path, 100, &data, &size, &error), FOV_ENOTFOUND);
    assert_null(data);
    assert_int_equal(file_read("/", 100, &data, &size, &error), FOV_EIO);
    assert_null(data);
    assert_int_equal(file_read("/dev/zero", 3 << 20, &data, &size, &error), FOV_EFORMAT);
    assert_string_equal(error.message, "/dev/zero: not a file of at most 3 MiB");
}

static void utf8_table(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        bool valid;
    } cases[] = {{"", true},
                 {"plain ascii, long enough for words", true},
                 {"\xD8\xB3\xD9\x84\xD8\xA7\xD9\x85", true},
                 {"\xF0\x9F\x98\x80", true},
                 {"\xC0\x80", false},
                 {"\xED\xA0\x80", false},
                 {"\xF4\x90\x80\x80", false},
                 {"\xE2\x82", false},
                 {"abcdefgh\xFFz", false},
                 {"\x80", false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(text_is_utf8((const uint8_t *)cases[i].bytes, strlen(cases[i].bytes)),
                         cases[i].valid);
}

static void terminals_are_told_nothing(void **unused)
{
    (void)unused;
    char text[] = "a\033[31mb\r\n\x7f\xC2\x9B c\xC3\xA9 \xC2\xA9";
    text_flatten(text);
    assert_string_equal(text, "a [31mb      c\xC3\xA9 \xC2\xA9");
}

static void numbers_from_text(void **state)
{
    (void)state;
    double d = -1;
    long long n = -1;
    assert_true(text_to_double("0.25", 0, 1, &d) && d == 0.25);
    assert_false(text_to_double("1.5", 0, 1, &d));
    assert_false(text_to_double("nan", 0, 1, &d));
    assert_false(text_to_double(" 1", 0, 1, &d));
    assert_false(text_to_double("", 0, 1, &d));
    assert_true(text_to_int("-7", -10, 10, &n) && n == -7);
    assert_false(text_to_int("7x", 0, 10, &n));
    assert_false(text_to_int("99999999999999999999", 0, INT64_MAX, &n));
}

static void nearest_name(void **state)
{
    (void)state;
    static const char *const names[] = {"cameras", "models", "server", "streaming"};
    assert_string_equal(text_nearest("camera", names, 4), "cameras");
    assert_string_equal(text_nearest("sever", names, 4), "server");
    assert_null(text_nearest("zzzzzz", names, 4));
}

static const char *name_at(int i, const char **help)
{
    static const char *const names[] = {"mot", "tracab", "epts"};
    (void)help;
    return i < 3 ? names[i] : NULL;
}

static void lists_of_names(void **state)
{
    (void)state;
    char all[32], cut[8], none[1];
    text_list(all, sizeof all, name_at);
    text_list(cut, sizeof cut, name_at);
    text_list(none, sizeof none, name_at);
    assert_string_equal(all, "mot, tracab, epts");
    assert_string_equal(cut, "mot, tr");
    assert_string_equal(none, "");
}

static void hexadecimal_digits(void **state)
{
    static const uint8_t bytes[] = {0x00, 0x9a, 0xff, 0x10};
    char text[] = "..........";
    (void)state;
    text_hex(text, bytes, sizeof bytes);
    assert_memory_equal(text, "009aff10\0.", 10);
    text_hex(text, bytes, 0);
    assert_string_equal(text, "");
}

static void json_bad_table(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "{",
                                      "{}x",
                                      "{\"a\":1,\"a\":2}",
                                      "{\"a\":1e999}",
                                      "[NaN]",
                                      "{\"a\":\"\xFF\"}",
                                      "[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]",
                                      "nul"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        fov_error error = {0};
        json_value *value = json_parse(bad[i], strlen(bad[i]), 1000, &error);
        assert_null(value);
        assert_true(error.message[0]);
    }
    fov_error error;
    assert_null(json_parse("[1,2,3]", 7, 6, &error));
    assert_int_equal(error.status, FOV_ELIMIT);
}

static void json_reads_members(void **state)
{
    (void)state;
    const char *text = "{\"s\":\"x\",\"n\":1.5,\"i\":42,\"b\":true,\"a\":[1,2]} ";
    json_value *v = json_parse(text, strlen(text), 1000, NULL);
    assert_non_null(v);
    const char *s = NULL;
    double n;
    int64_t i = 0;
    bool b = false;
    assert_true(json_get_string(v, "s", &s) && strcmp(s, "x") == 0);
    assert_true(json_get_number(v, "n", &n) && n == 1.5);
    assert_true(json_get_int(v, "i", &i) && i == 42);
    assert_false(json_get_int(v, "n", &i));
    assert_true(json_get_bool(v, "b", &b) && b);
    assert_int_equal(json_count(json_get(v, "a")), 2);
    assert_false(json_get_string(v, "none", &s));
    json_free(&v);
    assert_null(v);
    json_free(&v);
}

static void json_writes(void **state)
{
    (void)state;
    struct json_writer w = {0};
    json_object_begin(&w);
    json_add_string(&w, "k\"", "a\\b\n\xD8\xB3");
    json_name(&w, "l");
    json_array_begin(&w);
    json_put_int(&w, -3);
    json_put_number(&w, 0.25, 3);
    json_put_number(&w, -12.3456, 2);
    json_put_number(&w, 100.0, 3);
    json_put_number(&w, 0, 2);
    json_put_number(&w, NAN, 2);
    json_put_number(&w, 1732190000123.456, 3);
    json_array_end(&w);
    json_add_bool(&w, "t", true);
    json_add_null(&w, "z");
    json_object_end(&w);
    assert_false(w.failed);
    assert_string_equal(w.text,
                        "{\"k\\\"\":\"a\\\\b\\u000a\xD8\xB3\",\"l\":[-3,0.25,-12.35,100,0,null,"
                        "1732190000123.456],\"t\":true,\"z\":null}");
    json_value *back = json_parse(w.text, w.size, 1000, NULL);
    assert_non_null(back);
    json_free(&back);
    json_reset(&w);
    json_put_string(&w, "bad \xFF");
    assert_string_equal(w.text, "\"bad ?\"");
    json_release(&w);
}

static void dynlib_says_why(void **state)
{
    (void)state;
    void *f = NULL;
    const char *paths[] = {"/nowhere/libnothing.so", NULL};
    struct dynlib_symbol symbols[] = {{"nothing", &f, 0}, {0}};
    fov_error error = {0};
    assert_int_equal(dynlib_open(paths, symbols, NULL, &error), FOV_ERUNTIME);
    assert_non_null(strstr(error.message, "libnothing"));
    assert_null(f);
}

/* The examples of FIPS 180-2, and lengths around the padding (from Python's hashlib). */
static void sha256_table(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t times;
        const char *sum;
    } rows[] = {
        {"", 1, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"abc", 1, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 1,
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
        {"a", 1000000, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"},
        {"a", 55, "9f4390f8d30c2dd92ec9f095b65e2b9ae9b0a925a5258e241c9f1e910f734318"},
        {"a", 56, "b35439a4ac6f0948b6d6f9e3c6af0f5f590ce20f1bde7090ef7970686ec6738a"},
        {"a", 64, "ffe054fe7ae0cb6dc65c3af9b61d5209f439851db43d0ba5997337df154668eb"},
        {"a", 119, "31eba51c313a5c08226adf18d4a359cfdfd8d2e816b13f4af952f7ea6584dcfb"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        size_t each = strlen(rows[i].text), size = each * rows[i].times;
        char *bytes = malloc(size + 1), sum[SHA256_TEXT];
        assert_non_null(bytes);
        for (size_t k = 0; k < rows[i].times; k++)
            memcpy(bytes + k * each, rows[i].text, each);
        sha256_text(bytes, size, sum);
        assert_string_equal(sum, rows[i].sum);
        free(bytes);
    }
}

static void clocks_agree(void **state)
{
    (void)state;
    int64_t now = clock_now_ns();
    assert_true(clock_now_ns() >= now);
    assert_true(fabs(clock_unix_ms_of(now) - clock_unix_ms()) < 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(status_rows_are_complete),
        cmocka_unit_test(fail_cuts_at_a_character),
        cmocka_unit_test(files_are_replaced_whole_or_not_at_all),
        cmocka_unit_test(files_are_read_up_to_a_limit),
        cmocka_unit_test(utf8_table),
        cmocka_unit_test(terminals_are_told_nothing),
        cmocka_unit_test(numbers_from_text),
        cmocka_unit_test(nearest_name),
        cmocka_unit_test(lists_of_names),
        cmocka_unit_test(hexadecimal_digits),
        cmocka_unit_test(json_bad_table),
        cmocka_unit_test(json_reads_members),
        cmocka_unit_test(json_writes),
        cmocka_unit_test(dynlib_says_why),
        cmocka_unit_test(sha256_table),
        cmocka_unit_test(clocks_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
