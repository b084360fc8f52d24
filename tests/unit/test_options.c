/* Tests of the command line options. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "options.h"

static struct {
    bool json, exact;
    const char *model;
    int imgsz;
    double conf;
} given;

static const struct usage usage = {"predict", "SOURCE", "Test.", NULL};

static int parse(int argc, const char **argv, const char **positional)
{
    memset(&given, 0, sizeof given);
    given.exact = true;
    const struct option_spec options[] = {
        {"json", OPTION_FLAG, &given.json, 0, 0, NULL, ""},
        {"exact", OPTION_FLAG, &given.exact, 0, 0, NULL, ""},
        {"model", OPTION_TEXT, &given.model, 0, 0, "F", ""},
        {"imgsz", OPTION_INT, &given.imgsz, 32, 4096, "N", ""},
        {"max-latency-ms", OPTION_NUMBER, &given.conf, 0, 1000, "N", ""},
        {0}};
    return options_parse(&usage, options, argc, (char **)(size_t)argv, positional, 2);
}

#define PARSE(positional, ...)                                                                     \
    parse((int)(sizeof((const char *[]){"x", __VA_ARGS__}) / sizeof(char *)),                      \
          (const char *[]){"x", __VA_ARGS__}, positional)

static void accepts_all_forms(void **state)
{
    (void)state;
    const char *p[2] = {0};
    assert_int_equal(PARSE(p, "bus.jpg", "--json", "--model", "m.xml", "--imgsz=320"), 1);
    assert_string_equal(p[0], "bus.jpg");
    assert_true(given.json);
    assert_string_equal(given.model, "m.xml");
    assert_int_equal(given.imgsz, 320);
    assert_int_equal(PARSE(p, "model=m.onnx", "source=a.mp4", "max_latency_ms=50", "--no-exact"),
                     1);
    assert_string_equal(p[0], "a.mp4");
    assert_string_equal(given.model, "m.onnx");
    assert_true(given.conf == 50);
    assert_false(given.exact);
    assert_int_equal(PARSE(p, "--", "--json"), 1);
    assert_string_equal(p[0], "--json");
    assert_int_equal(PARSE(p, "a=b.jpg"), 1);
    assert_string_equal(p[0], "a=b.jpg");
}

static void refuses_bad_ones(void **state)
{
    (void)state;
    const char *p[2];
    assert_int_equal(PARSE(p, "--modle", "x"), OPTIONS_ERROR);
    assert_int_equal(PARSE(p, "--model"), OPTIONS_ERROR);
    assert_int_equal(PARSE(p, "--imgsz", "31"), OPTIONS_ERROR);
    assert_int_equal(PARSE(p, "--imgsz", "64x"), OPTIONS_ERROR);
    assert_int_equal(PARSE(p, "--json=maybe"), OPTIONS_ERROR);
    assert_int_equal(PARSE(p, "a", "b", "c"), OPTIONS_ERROR);
    assert_int_equal(PARSE(p, "--help"), OPTIONS_HELP);
}

static void class_lists(void **state)
{
    (void)state;
    unsigned long long bits[16];
    assert_true(options_classes("0,2,64", bits));
    assert_true(bits[0] == 5 && bits[1] == 1);
    assert_false(options_classes("0,,2", bits));
    assert_false(options_classes("0,", bits));
    assert_false(options_classes("person", bits));
    assert_false(options_classes("1024", bits));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(accepts_all_forms),
                                       cmocka_unit_test(refuses_bad_ones),
                                       cmocka_unit_test(class_lists)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
