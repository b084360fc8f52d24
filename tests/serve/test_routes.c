/* Paths find their row of the route table; percent-encoding; QR codes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "serve/percent.h"
#include "serve/qr.h"
#include "serve/serve.h"

static void test_paths_find_their_row(void **state)
{
    static const struct {
        const char *method, *path, *pattern, *name, *value;
    } cases[] = {
        {"GET", "/", "/", NULL, NULL},
        {"HEAD", "/healthz", "/healthz", NULL, NULL},
        {"GET", "/camera/hall", "/camera/{token}", "token", "hall"},
        {"GET", "/api/camera/a b/stats", "/api/camera/{token}/stats", "token", "a b"},
        {"GET", "/api/camera/دوربین/latest.jpg", "/api/camera/{token}/latest.jpg", "token",
         "دوربین"},
        {"GET", "/assets/js/view.js", "/assets/{path...}", "path", "js/view.js"},
        {"POST", "/api/camera/x/frame", "/api/camera/{token}/frame", "token", "x"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct exchange x = {0};
        char allow[64];
        assert_int_equal(route_find(cases[i].method, cases[i].path, &x, allow, sizeof allow), 0);
        assert_string_equal(x.route->pattern, cases[i].pattern);
        if (cases[i].name)
            assert_string_equal(exchange_param(&x, cases[i].name), cases[i].value);
        assert_null(exchange_param(&x, "nothing"));
        assert_null(exchange_param(&x, ""));
    }
}

static void test_other_paths_find_none(void **state)
{
    static const char *const paths[] = {"",         "/camera",   "/camera/",  "/camera/a/b",
                                        "/assets/", "/Camera/x", "/healthz/", "/api/camera//stats",
                                        "//",       "/view/a/"};
    char allow[64], path[400] = "/camera/";
    (void)state;
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        struct exchange x = {0};
        assert_int_equal(route_find("GET", paths[i], &x, allow, sizeof allow), 404);
        assert_null(x.route);
    }
    memset(path + 8, 'x', 300);
    struct exchange x = {0};
    assert_int_equal(route_find("GET", path, &x, allow, sizeof allow), 404);
}

static void test_wrong_methods_name_the_right_ones(void **state)
{
    struct exchange x = {0};
    char allow[64];
    (void)state;
    assert_int_equal(route_find("POST", "/healthz", &x, allow, sizeof allow), 405);
    assert_string_equal(allow, "GET");
    assert_int_equal(route_find("DELETE", "/api/camera/a/frame", &x, allow, sizeof allow), 405);
    assert_string_equal(allow, "POST");
}

static void test_rows_are_sound(void **state)
{
    (void)state;
    for (const struct route *a = serve_routes; a->method; a++) {
        assert_true(a->pattern[0] == '/' && a->handler != NULL);
        assert_true((a->roles & ~(unsigned)ROLE_ANY) == 0);
        assert_true(a->max_body <= (size_t)10 << 20);
        assert_false((a->flags & ROUTE_SOCKET) && !(a->flags & ROUTE_HIDDEN));
        for (const struct route *b = a + 1; b->method; b++)
            assert_false(strcmp(a->method, b->method) == 0 && strcmp(a->pattern, b->pattern) == 0);
    }
}

static void test_percent(void **state)
{
    char text[32];
    (void)state;
    assert_true(percent_decode(text, sizeof text, "a%20b%2Fc%zz%4", 14, false));
    assert_string_equal(text, "a b/c%zz%4");
    assert_true(percent_decode(text, sizeof text, "a+b", 3, true));
    assert_string_equal(text, "a b");
    assert_true(percent_decode(text, sizeof text, "", 0, true));
    assert_string_equal(text, "");
    assert_false(percent_decode(text, sizeof text, "a%00b", 5, false));
    assert_false(percent_decode(text, 3, "abc", 3, false));
    assert_int_equal(percent_encode(text, sizeof text, "a/b é?", ""), 17);
    assert_string_equal(text, "a%2Fb%20%C3%A9%3F");
    percent_encode(text, sizeof text, "/a?b", "/");
    assert_string_equal(text, "/a%3Fb");
    percent_encode(text, 6, "éééé", "");
    assert_true(strlen(text) % 3 == 0);
}

static void test_qr(void **state)
{
    char long_text[900];
    size_t size;
    (void)state;
    char *svg = qr_svg("https://192.168.1.7:8440/camera/hall", &size);
    assert_non_null(svg);
    assert_int_equal(strlen(svg), size);
    assert_non_null(strstr(svg, "</svg>"));
    free(svg);
    memset(long_text, 'x', sizeof long_text);
    long_text[sizeof long_text - 1] = '\0';
    assert_null(qr_svg(long_text, &size));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_paths_find_their_row),
        cmocka_unit_test(test_other_paths_find_none),
        cmocka_unit_test(test_wrong_methods_name_the_right_ones),
        cmocka_unit_test(test_rows_are_sound),
        cmocka_unit_test(test_percent),
        cmocka_unit_test(test_qr),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
