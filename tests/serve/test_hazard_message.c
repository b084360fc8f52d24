/* Texts of hazard sessions, the base64 in them, and the ring of a client's events. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "serve/event_ring.h"
#include "serve/hazard_message.h"

static bool read_text(struct hazard_message *m, struct hazard_error *error, const char *text)
{
    return hazard_message_read(m, text, strlen(text), error);
}

/* The picture's text is found wherever it stands, and nothing that only looks like it. */
static void image_is_found(void **state)
{
    (void)state;
    static const struct {
        const char *text, *image; /* NULL: none */
    } cases[] = {
        {"{\"type\":\"frame\",\"image_data\":\"QUJD\"}", "QUJD"},
        {"{\"image_data\" : \"QUJD\" , \"type\":\"frame\"}", "QUJD"},
        {"\n{\t\"a\":\"}{\\\"image_data\\\":\\\\\",\"image_data\":\n\"QQ\",\"type\":\"frame\"}",
         "QQ"},
        {"{\"type\":\"frame\",\"more\":{\"image_data\":\"no\"},\"image_data\":\"QQ==\"}", "QQ=="},
        {"{\"type\":\"frame\",\"more\":[\"image_data\",\"no\"]}", NULL},
        {"{\"type\":\"frame\",\"more\":\"image_data\"}", NULL},
        {"{\"type\":\"frame\",\"image_data\":7}", NULL},
        {"{\"type\":\"frame\",\"image_data\":null}", NULL},
        {"{\"type\":\"frame\",\"image_data\":[\"QUJD\"]}", NULL},
        {"{\"type\":\"frame\",\"image_data\":\"data:image/png;base64,QUJD\"}", "QUJD"},
        {"{\"type\":\"frame\",\"image_data\":\"data:image\\/jpeg;base64,QUJD\"}", "QUJD"},
        {"{\"type\":\"frame\",\"image_data\":\"\"}", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct hazard_message m;
        struct hazard_error error;
        bool good = read_text(&m, &error, cases[i].text);
        assert_int_equal(good, cases[i].image != NULL);
        assert_int_equal(m.kind, HAZARD_FRAME);
        if (good) {
            assert_int_equal(m.image_size, strlen(cases[i].image));
            assert_memory_equal(m.image, cases[i].image, m.image_size);
        } else {
            assert_string_equal(error.code, "bad_frame");
        }
        hazard_message_free(&m);
    }
}

static void members_are_read(void **state)
{
    (void)state;
    struct hazard_message m;
    struct hazard_error error;
    assert_true(read_text(&m, &error,
                          "{\"type\":\"frame\",\"frame_id\":9007199254740992,\"timestamp\":1.5,"
                          "\"image_data\":\"AA\"}"));
    assert_true(m.frame_id == INT64_C(9007199254740992) && m.sender_ms == 1.5);
    hazard_message_free(&m);
    assert_true(read_text(&m, &error, "{\"type\":\"time\",\"t0\":3}"));
    assert_true(m.kind == HAZARD_TIME && m.t0 == 3);
    hazard_message_free(&m);
    assert_false(read_text(&m, &error, "{\"type\":\"frame\",\"image_data\":\"data:x,QQ\"}"));
    assert_string_equal(error.code, "bad_base64");
    hazard_message_free(&m);
    assert_false(read_text(&m, &error, "{\"type\":\"frame\",\"image_data\":\"QQ\""));
    assert_string_equal(error.code, "bad_json");
    hazard_message_free(&m);
}

/* ---- base64 ---- */

/* Written by the book (RFC 4648), one bit after the other: nothing that the decoder shares. */
static size_t encode(const uint8_t *data, size_t size, char *out, bool pad)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t bits = 8 * size, n = 0;
    for (size_t at = 0; at < bits; at += 6) {
        unsigned value = 0;
        for (size_t bit = at; bit < at + 6; bit++)
            value = value << 1 | (bit < bits ? data[bit / 8] >> (7 - bit % 8) & 1U : 0);
        out[n++] = digits[value];
    }
    while (pad && n % 4)
        out[n++] = '=';
    return n;
}

static void what_was_encoded_comes_back(void **state)
{
    (void)state;
    uint8_t data[300], back[512];
    char text[512];
    uint64_t seed = 1;
    for (int round = 0; round < 600; round++) {
        size_t size = (size_t)round / 2, got = 0;
        for (size_t i = 0; i < size; i++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            data[i] = (uint8_t)(seed >> 56);
        }
        size_t length = encode(data, size, text, round % 2);
        assert_true(hazard_base64_room(length) >= size);
        assert_true(hazard_base64_decode(text, length, back, &got, NULL));
        assert_int_equal(got, size);
        assert_memory_equal(back, data, size);
    }
}

static void broken_base64_is_named(void **state)
{
    (void)state;
    static const char *const bad[] = {"A",     "AAAAA",   "=",     "====",  "A===",  "AA=",
                                      "AAA==", "AA==A",   "AA===", "AAAA=", "AA A",  "AAA-",
                                      "AA\\A", "AAA\\/A", "\\",    "AAA\\", "AA=A=", "AAAA===="};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        uint8_t out[64];
        size_t size;
        struct hazard_error error = {0};
        if (hazard_base64_decode(bad[i], strlen(bad[i]), out, &size, &error))
            fail_msg("%s was taken", bad[i]);
        assert_string_equal(error.code, "bad_base64");
        assert_true(strlen(error.text) > 10);
    }
    uint8_t out[16];
    size_t size;
    assert_true(hazard_base64_decode("\\/\\/\\/\\/", 8, out, &size, NULL));
    assert_int_equal(size, 3);
    assert_memory_equal(out, "\xff\xff\xff", 3);
}

/* ---- the ring ---- */

static void add(struct event_ring *ring, size_t size)
{
    char *text = calloc(1, size + 1);
    struct net_blob *blob = net_blob_copy(text, size);
    event_ring_add(ring, "detection", blob);
    net_blob_unref(&blob);
    free(text);
}

static void ring_is_bounded_in_count_and_bytes(void **state)
{
    (void)state;
    struct event_ring ring;
    event_ring_init(&ring, 1000);
    for (int i = 0; i < 1000; i++) {
        add(&ring, 100);
        assert_true(ring.next - ring.first <= EVENT_RING_MAX && ring.next == 1001 + i);
        assert_non_null(event_ring_at(&ring, ring.next - 1));
        assert_null(event_ring_at(&ring, ring.first - 1));
        assert_null(event_ring_at(&ring, ring.next));
        assert_int_equal(ring.bytes, 100 * (size_t)(ring.next - ring.first));
    }
    assert_int_equal(ring.next - ring.first, EVENT_RING_MAX);
    add(&ring, EVENT_RING_BYTES - 50);
    assert_true(ring.bytes <= EVENT_RING_BYTES);
    add(&ring, 3 * EVENT_RING_BYTES); /* one event always fits */
    assert_int_equal(ring.next - ring.first, 1);
    event_ring_release(&ring);
    assert_int_equal(ring.bytes, 0);
}

static void readers_go_on_where_they_were(void **state)
{
    (void)state;
    struct event_ring ring;
    bool unknown;
    event_ring_init(&ring, 1000);
    for (int i = 0; i < 300; i++)
        add(&ring, 10);
    assert_int_equal(event_ring_resume(&ring, NULL, &unknown), 1300);
    assert_int_equal(event_ring_resume(&ring, "", &unknown), 1300);
    assert_false(unknown);
    assert_int_equal(event_ring_resume(&ring, "1298", &unknown), 1299);
    assert_int_equal(event_ring_resume(&ring, "1299", &unknown), 1300);
    assert_int_equal(event_ring_resume(&ring, "7", &unknown), 8); /* gone: the caller says so */
    assert_false(unknown);
    static const char *const foreign[] = {
        "1300", "x", "-1", " 1299", "1299 ", "12.5", "99999999999999999999"};
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++) {
        assert_int_equal(event_ring_resume(&ring, foreign[i], &unknown), 1300);
        assert_true(unknown);
    }
    event_ring_release(&ring);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(image_is_found),
        cmocka_unit_test(members_are_read),
        cmocka_unit_test(what_was_encoded_comes_back),
        cmocka_unit_test(broken_base64_is_named),
        cmocka_unit_test(ring_is_bounded_in_count_and_bytes),
        cmocka_unit_test(readers_go_on_where_they_were),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
