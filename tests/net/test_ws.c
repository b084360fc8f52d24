/* WebSocket codec, extension offers, inflating, multipart, addresses: tables. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include <cmocka.h>

#include "net/address.h"
#include "net/deflate.h"
#include "net/net.h"
#include "net/ws_codec.h"

/* ---- frames ---- */

#define LIMIT_TEXT 1000
#define LIMIT_BINARY 70000

/* Appends a masked frame. */
static size_t put_frame(uint8_t *to, unsigned first, const void *payload, size_t len)
{
    static const uint8_t key[4] = {0x12, 0x34, 0x56, 0x78};
    size_t n = ws_header(to, 0, len);
    to[0] = (uint8_t)first;
    to[1] |= 0x80;
    memcpy(to + n, key, 4);
    n += 4;
    for (size_t i = 0; i < len; i++)
        to[n + i] = (uint8_t)(((const uint8_t *)payload)[i] ^ key[i & 3]);
    return n + len;
}

/* Feeds in steps; writes what came as words: "T:hello", "B#70000" for long ones, "F:1002". */
static void run(const uint8_t *bytes, size_t total, size_t step, bool deflate, char *out,
                size_t size)
{
    struct ws_codec c = {.max_text = LIMIT_TEXT, .max_binary = LIMIT_BINARY, .deflate = deflate};
    uint8_t *data = malloc(total + 1);
    size_t len = 0, used = 0;
    bool failed = false;
    out[0] = 0;
    for (size_t at = 0; at < total && !failed;) {
        size_t n = total - at < step ? total - at : step;
        memcpy(data + len, bytes + at, n);
        at += n;
        len += n;
        struct ws_item item;
        for (ws_next(&c, data, len, &item); item.event != WS_MORE; ws_next(&c, data, len, &item)) {
            const char *names = "-mpqcF";
            char name = names[item.event];
            if (item.event == WS_MESSAGE)
                name = item.kind == WS_TEXT ? 'T' : 'B';
            int k = item.event >= WS_CLOSE
                        ? snprintf(out + used, size - used, "%c:%d ", name, item.code)
                    : item.len > 40 ? snprintf(out + used, size - used, "%c#%zu ", name, item.len)
                                    : snprintf(out + used, size - used, "%c%s:%.*s ", name,
                                               item.deflated ? "z" : "", (int)item.len,
                                               (const char *)item.data);
            used += (size_t)k;
            failed = item.event == WS_FAIL;
            if (failed)
                break;
        }
        len = ws_compact(&c, data, len);
    }
    free(data);
}

static void expect(const uint8_t *bytes, size_t len, bool deflate, const char *wanted)
{
    static char got[1 << 16];
    for (size_t step = 1; step <= len; step = step < 16 ? step + 1 : step * 3) {
        run(bytes, len, step, deflate, got, sizeof(got));
        if (strcmp(got, wanted) != 0)
            fail_msg("step %zu: got '%s', not '%s'", step, got, wanted);
    }
}

static void test_frames(void **state)
{
    static uint8_t b[200000];
    static uint8_t zeros[100000];
    size_t n = 0;
    (void)state;
    n += put_frame(b + n, 0x81, "hello", 5);
    n += put_frame(b + n, 0x82, "", 0);
    n += put_frame(b + n, 0x01, "a", 1);
    n += put_frame(b + n, 0x89, "ping", 4);
    n += put_frame(b + n, 0x00, "bc", 2);
    n += put_frame(b + n, 0x8a, "", 0);
    n += put_frame(b + n, 0x80, "def", 3);
    n += put_frame(b + n, 0x82, zeros, LIMIT_BINARY);
    n += put_frame(b + n, 0x82, zeros, 126);
    n += put_frame(b + n, 0x88, "\x03\xe8gone", 6);
    expect(b, n, false, "T:hello B: p:ping q: T:abcdef B#70000 B#126 c:1000 ");
}

static void test_frames_wrong(void **state)
{
    static const struct {
        uint8_t first;
        const char *payload;
        size_t len;
        const char *wanted;
    } cases[] = {
        {0x83, "", 0, "F:1002 "},
        {0x87, "", 0, "F:1002 "},
        {0x8b, "", 0, "F:1002 "},
        {0x8f, "", 0, "F:1002 "},
        {0x91, "", 0, "F:1002 "}, /* RSV3 */
        {0xa1, "", 0, "F:1002 "}, /* RSV2 */
        {0xc1, "", 0, "F:1002 "}, /* RSV1 without the extension */
        {0x00, "a", 1, "F:1002 "},
        {0x80, "a", 1, "F:1002 "},
        {0x09, "", 0, "F:1002 "}, /* a ping in parts */
        {0x88, "", 0, "c:1005 "},
        {0x88, "\x03", 1, "F:1002 "},
        {0x88, "\x03\xe7", 2, "F:1002 "}, /* 999 */
        {0x88, "\x03\xec", 2, "F:1002 "}, /* 1004 */
        {0x88, "\x03\xed", 2, "F:1002 "}, /* 1005 */
        {0x88, "\x03\xee", 2, "F:1002 "}, /* 1006 */
        {0x88, "\x03\xf7", 2, "F:1002 "}, /* 1015 */
        {0x88, "\x07\xd0", 2, "F:1002 "}, /* 2000 */
        {0x88, "\x13\x88", 2, "F:1002 "}, /* 5000 */
        {0x88, "\x0b\xb8", 2, "c:3000 "},
        {0x88, "\x13\x87", 2, "c:4999 "},
        {0x88, "\x03\xe8\xff", 3, "F:1007 "},
    };
    uint8_t b[64];
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        expect(b, put_frame(b, cases[i].first, cases[i].payload, cases[i].len), false,
               cases[i].wanted);
    expect((const uint8_t *)"\x81\x01x", 3, false, "F:1002 "); /* not masked */
    size_t n = put_frame(b, 0x01, "a", 1);
    n += put_frame(b + n, 0x81, "b", 1);
    expect(b, n, false, "F:1002 "); /* a message inside another */
    expect(b, put_frame(b, 0xc1, "zz", 2), true, "Tz:zz ");
    expect(b, put_frame(b, 0xc9, "", 0), true, "F:1002 "); /* a compressed ping */
    n = put_frame(b, 0x41, "a", 1);
    n += put_frame(b + n, 0x80, "b", 1);
    expect(b, n, true, "Tz:ab ");
    n = put_frame(b, 0x01, "a", 1);
    n += put_frame(b + n, 0xc0, "b", 1);
    expect(b, n, true, "F:1002 "); /* RSV1 on a continuation */
}

static void test_frame_limits(void **state)
{
    static uint8_t b[300000], zeros[100000];
    (void)state;
    expect(b, put_frame(b, 0x81, zeros, LIMIT_TEXT), false, "T#1000 ");
    expect(b, put_frame(b, 0x81, zeros, LIMIT_TEXT + 1), false, "F:1009 ");
    expect(b, put_frame(b, 0x82, zeros, LIMIT_BINARY + 1), false, "F:1009 ");
    /* the announced length alone is enough, in all its forms */
    expect((const uint8_t *)"\x82\xff\x80\0\0\0\0\0\0\0\1\2\3\4", 14, false, "F:1009 ");
    expect((const uint8_t *)"\x82\xff\xff\xff\xff\xff\xff\xff\xff\xff\1\2\3\4", 14, false,
           "F:1009 ");
    size_t n = put_frame(b, 0x01, zeros, 600);
    n += put_frame(b + n, 0x80, zeros, 600);
    expect(b, n, false, "F:1009 "); /* parts together */
    n = put_frame(b, 0x02, "", 0);
    for (int i = 0; i < 1023; i++)
        n += put_frame(b + n, 0x00, "", 0);
    expect(b, n, false, "");
    n += put_frame(b + n, 0x80, "x", 1);
    expect(b, n, false, "F:1009 ");
    /* a control frame longer than 125 */
    expect(b, put_frame(b, 0x89, zeros, 126), false, "F:1002 ");
    expect(b, put_frame(b, 0x89, zeros, 125), false, "p#125 ");
}

static void test_headers_out(void **state)
{
    uint8_t h[WS_HEADER_MAX];
    (void)state;
    assert_int_equal(ws_header(h, 1, 125), 2);
    assert_memory_equal(h, "\x81\x7d", 2);
    assert_int_equal(ws_header(h, 2, 126), 4);
    assert_memory_equal(h, "\x82\x7e\x00\x7e", 4);
    assert_int_equal(ws_header(h, 2, 65535), 4);
    assert_int_equal(ws_header(h, 2, 65536), 10);
    assert_memory_equal(h, "\x82\x7f\0\0\0\0\0\1\0\0", 10);
}

/* ---- permessage-deflate ---- */

#define BASE "permessage-deflate; server_no_context_takeover; client_no_context_takeover"

static void test_offers(void **state)
{
    static const struct {
        const char *offer, *answer;
    } cases[] = {
        {"permessage-deflate", BASE},
        {"PerMessage-Deflate ; client_max_window_bits", BASE},
        {"permessage-deflate; client_max_window_bits=15; server_no_context_takeover", BASE},
        {"permessage-deflate; server_max_window_bits=10", BASE "; server_max_window_bits=10"},
        {"permessage-deflate; server_max_window_bits=\"9\"", BASE "; server_max_window_bits=9"},
        {"x-webkit-deflate-frame, permessage-deflate", BASE},
        {"permessage-deflate; server_max_window_bits=7, permessage-deflate", BASE},
        {"permessage-deflate; server_max_window_bits", NULL},
        {"permessage-deflate; server_max_window_bits=16", NULL},
        {"permessage-deflate; server_max_window_bits=010", NULL},
        {"permessage-deflate; server_max_window_bits=1; server_max_window_bits=9", NULL},
        {"permessage-deflate; client_max_window_bits=4", NULL},
        {"permessage-deflate; server_no_context_takeover=1", NULL},
        {"permessage-deflate; server_no_context_takeover; server_no_context_takeover", NULL},
        {"permessage-deflate; unknown", NULL},
        {"permessage-deflate; =", NULL},
        {"permessage-deflate;", NULL},
        {"permessage-bzip2", NULL},
        {"", NULL},
        {",,;;\"", NULL},
    };
    char answer[DEFLATE_ANSWER_MAX];
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        bool accepted = deflate_accept(cases[i].offer, answer);
        if (accepted != (cases[i].answer != NULL))
            fail_msg("offer '%s': %s", cases[i].offer, accepted ? answer : "refused");
        if (accepted)
            assert_string_equal(answer, cases[i].answer);
    }
}

/* Compresses as a peer does: raw deflate, sync flush, without the last 4 bytes. */
static size_t compress_message(const uint8_t *data, size_t len, uint8_t *to, size_t size)
{
    z_stream z = {0};
    assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_in = (Bytef *)(uintptr_t)data;
    z.avail_in = (uInt)len;
    z.next_out = to;
    z.avail_out = (uInt)size;
    assert_int_equal(deflate(&z, Z_SYNC_FLUSH), Z_OK);
    size_t n = size - z.avail_out - 4;
    deflateEnd(&z);
    return n;
}

static void test_inflate(void **state)
{
    static uint8_t plain[1 << 20], packed[2 << 20];
    const uint8_t *out;
    size_t out_len;
    struct net_inflate *inflate = net_inflate_create();
    (void)state;
    srand(7);
    for (size_t i = 0; i < sizeof(plain); i++)
        plain[i] = (uint8_t)(rand() % 23);
    for (size_t len = 0; len <= sizeof(plain); len = len * 3 + 1) {
        size_t n = compress_message(plain, len, packed, sizeof(packed));
        assert_int_equal(net_inflate_message(inflate, packed, n, len, &out, &out_len), FOV_OK);
        assert_int_equal(out_len, len);
        assert_memory_equal(out, plain, len);
        assert_int_equal(out[len], 0);
        if (len > 0)
            assert_int_equal(net_inflate_message(inflate, packed, n, len - 1, &out, &out_len),
                             FOV_ELIMIT);
    }
    memset(plain, 0, sizeof(plain)); /* a bomb: 1,000 to 1 */
    size_t n = compress_message(plain, sizeof(plain), packed, sizeof(packed));
    assert_true(n < 2000);
    assert_int_equal(net_inflate_message(inflate, packed, n, 65536, &out, &out_len), FOV_ELIMIT);
    assert_int_equal(
        net_inflate_message(inflate, (const uint8_t *)"\xff\xff\xff", 3, 100, &out, &out_len),
        FOV_EFORMAT);
    /* RFC 7692 section 7.2.3: "Hello" compressed, stored, with a final block, in two blocks */
    static const struct {
        const char *bytes;
        size_t len;
    } hello[] = {{"\xf2\x48\xcd\xc9\xc9\x07\x00", 7},
                 {"\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00", 11},
                 {"\xf3\x48\xcd\xc9\xc9\x07\x00\x00", 8},
                 {"\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00", 13}};
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(net_inflate_message(inflate, (const uint8_t *)hello[i].bytes, hello[i].len,
                                             100, &out, &out_len),
                         FOV_OK);
        assert_int_equal(out_len, 5);
        assert_memory_equal(out, "Hello", 5);
    }
    net_inflate_destroy(&inflate);
    assert_null(inflate);
}

/* ---- multipart ---- */

#define MP "multipart/form-data; boundary=XX"
#define FIELD(name) "Content-Disposition: form-data; name=\"" name "\"\r\n"

static fov_status split(const char *type, const char *body, struct net_part *parts, size_t *count)
{
    return net_multipart_parse(type, (const uint8_t *)body, strlen(body), parts, count, NULL);
}

static void test_multipart(void **state)
{
    struct net_part parts[NET_MULTIPART_MAX_PARTS];
    size_t count;
    (void)state;
    static const char body[] = "preamble\r\n--XX\r\n" FIELD(
        "a") "\r\nva\rl\r\nue\r\n--XX \t\r\n"
             "content-disposition: FORM-DATA; filename=\"C:\\\\x\\\\b.jpg\"; "
             "name=file\r\nContent-Type: Image/JPEG; q=1\r\nX-Other: 1\r\n\r\n"
             "\xff\xd8--XXX\r\n--XY\r\n--XX\r\n" FIELD("empty") "\r\n\r\n--XX--"
                                                                "\r\nepilogue";
    assert_int_equal(split(MP, body, parts, &count), FOV_OK);
    assert_int_equal(count, 3);
    assert_string_equal(parts[0].name, "a");
    assert_int_equal(parts[0].len, 8);
    assert_memory_equal(parts[0].data, "va\rl\r\nue", 8);
    assert_string_equal(parts[1].filename, "b.jpg");
    assert_string_equal(parts[1].content_type, "image/jpeg");
    assert_int_equal(parts[1].len, 13);
    assert_ptr_equal(net_multipart_find(parts, count, "file"), &parts[1]);
    assert_null(net_multipart_find(parts, count, "fil"));
    assert_int_equal(net_multipart_find(parts, count, "empty")->len, 0);
    assert_int_equal(split("Multipart/Form-Data; charset=x; boundary=\"X X\"",
                           "--X X\r\n" FIELD("a\\\"%22b") "\r\nv\r\n--X X--", parts, &count),
                     FOV_OK);
    assert_string_equal(parts[0].name, "a\"\"b");
    assert_int_equal(split(MP, "--XX--\r\n", parts, &count), FOV_OK);
    assert_int_equal(count, 0);
}

static void test_multipart_wrong(void **state)
{
    static const struct {
        const char *type, *body;
        fov_status status;
    } cases[] = {
        {NULL, "", FOV_EUNSUPPORTED},
        {"image/jpeg", "", FOV_EUNSUPPORTED},
        {"multipart/form-datax; boundary=XX", "--XX--", FOV_EUNSUPPORTED},
        {"multipart/mixed; boundary=XX", "--XX--", FOV_EUNSUPPORTED},
        {"multipart/form-data", "--XX--", FOV_EFORMAT},
        {"multipart/form-data; boundary=", "----", FOV_EFORMAT},
        {"multipart/form-data; boundary=\"XX", "--XX--", FOV_EFORMAT},
        {"multipart/form-data; boundary="
         "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffgggggggggghhhhhhhhhh",
         "", FOV_ELIMIT},
        {MP, "", FOV_EFORMAT},
        {MP, "--XX", FOV_EFORMAT},
        {MP, "--XX\r\n", FOV_EFORMAT},
        {MP, "--XX\r\n" FIELD("a") "\r\nvalue", FOV_EFORMAT},
        {MP, "--XX\r\n" FIELD("a") "\r\nvalue--XX--", FOV_EFORMAT},
        {MP, "--XX\r\n" FIELD("a") "\r\nvalue\n--XX--", FOV_EFORMAT},
        {MP, "--XX\r\n" FIELD("a") "\r\nvalue\r\n--XX-", FOV_EFORMAT},
        {MP, "--XX\r\n" FIELD("a") "value\r\n--XX--", FOV_EFORMAT},
        {MP, "--XX\r\n\r\nvalue\r\n--XX--", FOV_EFORMAT},
        {MP, "--XX\r\nContent-Type: a/b\r\n\r\nvalue\r\n--XX--", FOV_EFORMAT},
        {MP, "--XX\r\n" FIELD("a") FIELD("b") "\r\nvalue\r\n--XX--", FOV_EFORMAT},
        {MP, "--XX\r\nContent-Disposition: form-data\r\n\r\nv\r\n--XX--", FOV_EFORMAT},
        {MP, "--XX\r\nContent-Disposition: form-data; name=a; name=b\r\n\r\nv\r\n--XX--",
         FOV_EFORMAT},
        {MP, "--XX\r\nContent-Disposition: attachment; name=a\r\n\r\nv\r\n--XX--", FOV_EFORMAT},
        {MP, "--XX\r\n" FIELD("\xff") "\r\nv\r\n--XX--", FOV_EFORMAT},
        {MP, "--XX\r\n" FIELD("a\tb") "\r\nv\r\n--XX--", FOV_EFORMAT},
        {MP, "--XX\r\nno colon\r\n" FIELD("a") "\r\nv\r\n--XX--", FOV_EFORMAT},
        {MP, "--XX\r\n" FIELD("a") "Content-Transfer-Encoding: base64\r\n\r\nv\r\n--XX--",
         FOV_EFORMAT},
    };
    struct net_part parts[NET_MULTIPART_MAX_PARTS];
    static char many[8192];
    size_t count;
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        fov_status status = split(cases[i].type, cases[i].body, parts, &count);
        if (status != cases[i].status)
            fail_msg("case %zu: %d, not %d: %s", i, status, cases[i].status, cases[i].body);
    }
    size_t used = 0;
    for (int i = 0; i < 33; i++) {
        used += (size_t)sprintf(many + used, "--XX\r\n" FIELD("a") "\r\nv\r\n");
        strcpy(many + used, "--XX--"); /* overwritten by the next part */
        assert_int_equal(split(MP, many, parts, &count), i < 32 ? FOV_OK : FOV_ELIMIT);
    }
    size_t n = (size_t)sprintf(many, "--XX\r\nX: ");
    memset(many + n, 'a', 5000);
    strcpy(many + n + 5000, "\r\n" FIELD("a") "\r\nv\r\n--XX--");
    assert_int_equal(split(MP, many, parts, &count), FOV_ELIMIT);
}

/* ---- addresses ---- */

static bool holds(const char *network, const char *text)
{
    struct cidr cidr;
    struct address address;
    assert_true(cidr_parse(&cidr, network));
    assert_true(address_parse(&address, text, strlen(text)));
    return cidr_holds(&cidr, &address);
}

static void test_addresses(void **state)
{
    static const char *const wrong[] = {"",          "10.0.0",      "10.0.0.0/33", "::/129", "a/8",
                                        "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/8x", "::g"};
    struct cidr cidr;
    struct address a;
    char text[ADDRESS_TEXT];
    (void)state;
    assert_true(holds("10.0.0.0/8", "10.255.1.2"));
    assert_false(holds("10.0.0.0/8", "11.0.0.0"));
    assert_true(holds("10.0.0.0/9", "10.127.0.1"));
    assert_false(holds("10.0.0.0/9", "10.128.0.1"));
    assert_true(holds("0.0.0.0/0", "1.2.3.4"));
    assert_false(holds("0.0.0.0/0", "2001:db8::1"));
    assert_true(holds("127.0.0.1", "127.0.0.1"));
    assert_true(holds("127.0.0.1", "::ffff:127.0.0.1"));
    assert_true(holds("fe80::/10", "febf::1"));
    assert_false(holds("fe80::/10", "fec0::1"));
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_false(cidr_parse(&cidr, wrong[i]));
    assert_true(address_parse(&a, "::ffff:1.2.3.4", 14));
    address_format(&a, text);
    assert_string_equal(text, "1.2.3.4");

    struct address_counts counts = {0};
    struct address b = {{0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 1}},
                   c = {{0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 2}};
    assert_true(address_count_up(&counts, &b));
    assert_true(address_count_up(&counts, &c)); /* the same /64 */
    assert_true(address_count_up(&counts, &a));
    assert_int_equal(address_count(&counts, &c), 2);
    assert_int_equal(address_count(&counts, &a), 1);
    address_count_down(&counts, &b);
    address_count_down(&counts, &c);
    assert_int_equal(address_count(&counts, &b), 0);
    address_counts_free(&counts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_frames),       cmocka_unit_test(test_frames_wrong),
        cmocka_unit_test(test_frame_limits), cmocka_unit_test(test_headers_out),
        cmocka_unit_test(test_offers),       cmocka_unit_test(test_inflate),
        cmocka_unit_test(test_multipart),    cmocka_unit_test(test_multipart_wrong),
        cmocka_unit_test(test_addresses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
