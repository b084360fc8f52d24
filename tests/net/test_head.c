/* Heads, targets, chunks: tables of good and bad bytes, each also fed byte by byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "net/chunk.h"
#include "net/field.h"
#include "net/head.h"
#include "net/uri.h"

#define H "Host: h\r\n"

struct parsed {
    struct head head;
    char text[HEAD_MAX + 1], scratch[HEAD_MAX + 1];
};

/* 0: good; else the HTTP status. `step` bytes at a time. */
static int parse(struct parsed *p, const char *bytes, size_t len, size_t step)
{
    struct head_scan scan = {0};
    ssize_t end = 0;
    for (size_t have = step < len ? step : len;; have = have + step < len ? have + step : len) {
        end = head_scan(&scan, (const uint8_t *)bytes, have);
        if (end != 0 || have == len)
            break;
    }
    if (end <= 0)
        return end < 0 ? (int)-end : 1;
    memcpy(p->text, bytes, (size_t)end);
    return head_parse(&p->head, p->text, (size_t)end, p->scratch);
}

static const struct {
    const char *bytes;
    int status; /* 0: accepted, 1: more is needed */
} heads[] = {
    {"GET / HTTP/1.1\r\n" H "\r\n", 0},
    {"GET / HTTP/1.0\r\n\r\n", 0},
    {"POST /a HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\n", 0},
    {"POST /a HTTP/1.1\r\n" H "transfer-encoding: Chunked\r\n\r\n", 0},
    {"GET / HTTP/1.1\r\nHost:h\r\nX:\r\nY: a\tb \xc3\xa9 \r\n\r\n", 0},
    {"GET / HTTP/1.1\r\n" H, 1},
    {"GET / HTTP/1.1\r\n" H "\r", 1},
    /* framing that two parsers may read differently */
    {"POST / HTTP/1.1\r\n" H "Content-Length: 5\r\nContent-Length: 6\r\n\r\n", 400},
    {"POST / HTTP/1.1\r\n" H "Content-Length: 5\r\nContent-Length: 5\r\n\r\n", 400},
    {"POST / HTTP/1.1\r\n" H "Content-Length: 5, 5\r\n\r\n", 400},
    {"POST / HTTP/1.1\r\n" H "Content-Length: +5\r\n\r\n", 400},
    {"POST / HTTP/1.1\r\n" H "Content-Length: -5\r\n\r\n", 400},
    {"POST / HTTP/1.1\r\n" H "Content-Length: 0x5\r\n\r\n", 400},
    {"POST / HTTP/1.1\r\n" H "Content-Length: 5 \t6\r\n\r\n", 400},
    {"POST / HTTP/1.1\r\n" H "Content-Length:\r\n\r\n", 400},
    {"POST / HTTP/1.1\r\n" H "Content-Length: 9999999999999999999\r\n\r\n", 400},
    {"POST / HTTP/1.1\r\n" H "Content-Length : 5\r\n\r\n", 400},
    {"POST / HTTP/1.1\r\n" H "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
    {"POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n", 400},
    {"POST / HTTP/1.1\r\n" H "Transfer-Encoding: gzip, chunked\r\n\r\n", 501},
    {"POST / HTTP/1.1\r\n" H "Transfer-Encoding: xchunked\r\n\r\n", 501},
    {"POST / HTTP/1.1\r\n" H "Transfer-Encoding: identity\r\n\r\n", 501},
    {"POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked, identity\r\n\r\n", 501},
    {"POST / HTTP/1.1\r\n" H "Transfer-Encoding: \"chunked\"\r\n\r\n", 501},
    {"POST / HTTP/1.1\r\n" H "Transfer-Encoding:\vchunked\r\n\r\n", 400},
    {"POST / HTTP/1.1\r\n" H "Transfer-Encoding : chunked\r\n\r\n", 400},
    {"POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
     400},
    {"POST / HTTP/1.0\r\n" H "Transfer-Encoding: chunked\r\n\r\n", 400},
    {"POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n x\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\n" H " folded: 1\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\n" H "X: a\r\n\tb\r\n\r\n", 400},
    {"GET / HTTP/1.1\n" H "\r\n", 400},
    {"GET / HTTP/1.1\r\nHost: h\n\r\n", 400},
    {"GET / HTTP/1.1\r\n" H "\n", 400},
    {"GET / HTTP/1.1\r\n" H "X: a\rb\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\n" H "X: a\r\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\n" H "X: a\x01\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\n" H "X: a\x7f\r\n\r\n", 400},
    {"\r\nGET / HTTP/1.1\r\n" H "\r\n", 400},
    {"GET / HTTP/1.1\r\n" H ": nameless\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\n" H "no colon\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\n" H "X y: 1\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\n" H "X(y): 1\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\n" H "X\xc3\xa9: 1\r\n\r\n", 400},
    /* host */
    {"GET / HTTP/1.1\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\n" H H "\r\n", 400},
    {"GET / HTTP/1.1\r\nHost:\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\nHost: a@b\r\n\r\n", 400},
    /* request line */
    {"GET /\r\n" H "\r\n", 400},
    {"GET  / HTTP/1.1\r\n" H "\r\n", 400},
    {"GET / HTTP/1.1 \r\n" H "\r\n", 400},
    {"GET\t/ HTTP/1.1\r\n" H "\r\n", 400},
    {" GET / HTTP/1.1\r\n" H "\r\n", 400},
    {"G\xc3\xa9T / HTTP/1.1\r\n" H "\r\n", 400},
    {"TRACE / HTTP/1.1\r\n" H "\r\n", 501},
    {"CONNECT h:1 HTTP/1.1\r\n" H "\r\n", 501},
    {"get / HTTP/1.1\r\n" H "\r\n", 501},
    {"GET / HTTP/2.0\r\n" H "\r\n", 505},
    {"GET / HTTP/1.2\r\n" H "\r\n", 505},
    {"GET / http/1.1\r\n" H "\r\n", 400},
    {"GET / HTTP/-1.1\r\n" H "\r\n", 400},
    {"GET / HTTP/1,1\r\n" H "\r\n", 400},
    {"GET http://h/ HTTP/1.1\r\n" H "\r\n", 400},
    {"OPTIONS * HTTP/1.1\r\n" H "\r\n", 400},
    {"GET /#a HTTP/1.1\r\n" H "\r\n", 400},
    {"GET /\xc3\xa9 HTTP/1.1\r\n" H "\r\n", 400},
    {"GET /?a=%zz HTTP/1.1\r\n" H "\r\n", 400},
    {"GET /?a=%00 HTTP/1.1\r\n" H "\r\n", 400},
    {"GET /?a=%ff HTTP/1.1\r\n" H "\r\n", 400},
    {"POST / HTTP/1.1\r\n" H "Expect: 200-ok\r\n\r\n", 417},
};

static void test_heads(void **state)
{
    struct parsed p;
    (void)state;
    for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
        const char *bytes = heads[i].bytes;
        size_t len = strlen(bytes);
        for (size_t step = 1; step <= len; step = step < 8 ? step + 1 : step * 4) {
            if (parse(&p, bytes, len, step) != heads[i].status)
                fail_msg("step %zu: got %d, not %d: %s", step, parse(&p, bytes, len, step),
                         heads[i].status, bytes);
        }
    }
    static const char nul[] = "GET / HTTP/1.1\r\nHost: h\r\nX: a\0b\r\n\r\n";
    assert_int_equal(parse(&p, nul, sizeof(nul) - 1, sizeof(nul)), 400);
}

static void test_head_limits(void **state)
{
    static char text[40000];
    struct parsed p;
    (void)state;
    memset(text, 'a', sizeof(text));
    memcpy(text, "GET /", 5);
    assert_int_equal(parse(&p, text, 9000, 100), 414);
    int n = sprintf(text, "GET / HTTP/1.1\r\nHost: h\r\nX: ");
    memset(text + n, 'a', 10000);
    assert_int_equal(parse(&p, text, 10000, 100), 431);
    n = sprintf(text, "GET / HTTP/1.1\r\nHost: h\r\n");
    for (int i = 0; i < 100; i++)
        n += sprintf(text + n, "X: 1\r\n");
    n += sprintf(text + n, "\r\n");
    assert_int_equal(parse(&p, text, (size_t)n, 1000), 431); /* 101 fields */
    n = sprintf(text, "GET / HTTP/1.1\r\nHost: h\r\n");
    for (int i = 0; i < 99; i++)
        n += sprintf(text + n, "X: 1\r\n");
    n += sprintf(text + n, "\r\n");
    assert_int_equal(parse(&p, text, (size_t)n, 1000), 0);
    n = sprintf(text, "GET / HTTP/1.1\r\nHost: h\r\n");
    for (int i = 0; i < 20; i++)
        n += sprintf(text + n, "X: %01000d\r\n", 1);
    n += sprintf(text + n, "\r\n");
    assert_int_equal(parse(&p, text, (size_t)n, 1000), 431); /* 16 KiB */
}

static void test_head_values(void **state)
{
    static const char bytes[] = "POST /a%20b/%C3%A9?x=1+2&y=%26&z&x=3 HTTP/1.1\r\n"
                                "Host: cam.local:8440\r\nContent-Length: 12\r\nConnection: Upgrade,"
                                " close\r\nupgrade: h2c, WebSocket\r\nX-Test: \t v w \t\r\n"
                                "Expect: 100-Continue\r\n\r\nbody";
    struct parsed p;
    (void)state;
    assert_int_equal(parse(&p, bytes, sizeof(bytes) - 1, 7), 0);
    assert_string_equal(p.head.method, "POST");
    assert_string_equal(p.head.path, "/a b/\xc3\xa9");
    assert_string_equal(p.head.query, "x=1+2&y=%26&z&x=3");
    assert_string_equal(p.head.host, "cam.local:8440");
    assert_string_equal(head_field(&p.head, "x-test"), "v w");
    assert_null(head_field(&p.head, "x-tes"));
    assert_int_equal(p.head.content_length, 12);
    assert_true(p.head.close && p.head.upgrade && p.head.expect && !p.head.chunked);
    assert_int_equal(p.head.params_count, 4);
    assert_string_equal(p.head.params[0].value, "1 2");
    assert_string_equal(p.head.params[1].value, "&");
    assert_string_equal(p.head.params[2].value, "");
    static const char old[] = "GET / HTTP/1.0\r\n\r\n";
    assert_int_equal(parse(&p, old, sizeof(old) - 1, 99), 0);
    assert_true(p.head.close);
    static const char kept[] = "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";
    assert_int_equal(parse(&p, kept, sizeof(kept) - 1, 99), 0);
    assert_false(p.head.close);
}

static void test_paths(void **state)
{
    static const struct {
        const char *path, *decoded; /* decoded NULL: refused with `status` */
        int status;
    } paths[] = {
        {"/", "/", 0},
        {"/a/b.js", "/a/b.js", 0},
        {"/a..b/..c/d..", "/a..b/..c/d..", 0},
        {"/%2E", NULL, 404},
        {"/..", NULL, 404},
        {"/../etc/passwd", NULL, 404},
        {"/a/../b", NULL, 404},
        {"/%2e%2e/x", NULL, 404},
        {"/.%2e/x", NULL, 404},
        {"/%2e./x", NULL, 404},
        {"/a/.", NULL, 404},
        {"/a/./b", NULL, 404},
        {"//a", NULL, 404},
        {"/a//b", NULL, 404},
        {"/a%2fb", NULL, 404},
        {"/a%2Fb", NULL, 404},
        {"/a\\b", NULL, 404},
        {"/..%5c..%5cx", NULL, 404},
        {"/a%00.js", NULL, 404},
        {"/a%0d%0aX", NULL, 404},
        {"/a%7f", NULL, 404},
        {"/%252e%252e/x", "/%2e%2e/x", 0}, /* decoded once: a strange name, no way up */
        {"/%c0%ae%c0%ae/x", NULL, 400},    /* overlong dots */
        {"/%ff", NULL, 400},
        {"/%", NULL, 400},
        {"/%4", NULL, 400},
        {"/%zz", NULL, 400},
        {"/%u002e", NULL, 400},
        {"", NULL, 400},
        {"a", NULL, 400},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        char copy[64];
        strcpy(copy, paths[i].path);
        int status = uri_decode_path(copy);
        if (status != paths[i].status)
            fail_msg("%s: %d, not %d", paths[i].path, status, paths[i].status);
        if (paths[i].decoded)
            assert_string_equal(copy, paths[i].decoded);
    }
}

static void test_fields(void **state)
{
    char to[8];
    (void)state;
    assert_true(field_has_token("keep-alive, Upgrade", "upgrade"));
    assert_true(field_has_token(" upgrade ", "upgrade"));
    assert_false(field_has_token("upgraded, not-upgrade", "upgrade"));
    assert_false(field_has_token("\"a, upgrade\"", "upgrade"));
    assert_false(field_has_token("", "upgrade"));
    assert_true(field_unquote("\"a\\\"b\"", 6, to, sizeof(to)));
    assert_string_equal(to, "a\"b");
    assert_false(field_unquote("\"ab", 3, to, sizeof(to)));
    assert_false(field_unquote("12345678", 8, to, sizeof(to)));
    assert_true(field_unquote("1234567", 7, to, sizeof(to)));
}

/* Decodes `text` in steps. 0: more; 1: done; < 0. *body holds what was decoded, *rest what is left.
 */
static int dechunk(const char *text, size_t step, size_t max, char *body, char *rest)
{
    struct chunk_decoder d = {0};
    uint8_t data[512];
    size_t len = 0, total = strlen(text);
    int done = 0;
    for (size_t at = 0; at < total && done == 0;) {
        size_t n = total - at < step ? total - at : step;
        memcpy(data + len, text + at, n);
        len += n;
        at += n;
        done = chunk_decode(&d, data, &len, max);
        if (done == 1) {
            memcpy(rest, data + d.body, len - d.body);
            strcpy(rest + len - d.body, text + at);
        }
    }
    memcpy(body, data, d.body);
    body[d.body] = 0;
    return done;
}

static void test_chunks(void **state)
{
    static const struct {
        const char *text, *body;
        int done;
    } cases[] = {
        {"5\r\nhello\r\n0\r\n\r\nNEXT", "hello", 1},
        {"5;a=b;c=\"d\"\r\nhello\r\n6\r\n world\r\n0;x\r\n\r\nNEXT", "hello world", 1},
        {"0\r\n\r\nNEXT", "", 1},
        {"00000005\r\nhello\r\n0\r\n\r\nNEXT", "hello", 1},
        {"A\r\n0123456789\r\n000\r\n\r\nNEXT", "0123456789", 1},
        {"5\r\nhel", "hel", 0},
        {"5\r\nhello\r", "hello", 0},
        {"0x5\r\nhello\r\n0\r\n\r\n", NULL, -400},
        {"+5\r\nhello\r\n0\r\n\r\n", NULL, -400},
        {" 5\r\nhello\r\n0\r\n\r\n", NULL, -400},
        {"5 \r\nhello\r\n0\r\n\r\n", NULL, -400},
        {"g\r\n", NULL, -400},
        {"\r\n", NULL, -400},
        {";a\r\n", NULL, -400},
        {"000000005\r\nhello\r\n", NULL, -400},
        {"100000000\r\n", NULL, -400},
        {"5\nhello\r\n0\r\n\r\n", NULL, -400},
        {"5\rhello\r\n0\r\n\r\n", NULL, -400},
        {"5;\x01\r\nhello\r\n", NULL, -400},
        {"5\r\nhello0\r\n\r\n", NULL, -400},
        {"5\r\nhello\n0\r\n\r\n", NULL, -400},
        {"5\r\nhello!\r\n0\r\n\r\n", NULL, -400},
        {"0\r\nTrailer: 1\r\n\r\n", NULL, -400},
        {"0\r\n\n", NULL, -400},
        {"65\r\n", NULL, -413},
        {"50\r\n01234567890123456789012345678901234567890123456789012345678901234567890123456789"
         "\r\n20\r\n",
         NULL, -413},
        {"ffffffff\r\n", NULL, -413},
    };
    char body[512], rest[512];
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (size_t step = 1; step < 100; step++) {
            int done = dechunk(cases[i].text, step, 100, body, rest);
            if (done != cases[i].done)
                fail_msg("step %zu: %d, not %d: %s", step, done, cases[i].done, cases[i].text);
            if (cases[i].body)
                assert_string_equal(body, cases[i].body);
            if (done == 1)
                assert_string_equal(rest, "NEXT");
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_heads),       cmocka_unit_test(test_head_limits),
        cmocka_unit_test(test_head_values), cmocka_unit_test(test_paths),
        cmocka_unit_test(test_fields),      cmocka_unit_test(test_chunks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
