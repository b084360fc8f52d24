/* Units put together from the packets of RTP: whole ones come without waiting for the next picture
 * where packets are filled up, and never cut where they are not. And whole pictures of units. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdbool.h>
#include <string.h>

#include "media/ffmpeg_au.h"
#include "media/ffmpeg_nal.h"

static struct ffmpeg_nal *nal;
static struct ffmpeg_au *au;
static AVPacket *packet;

static int open_all(void **state)
{
    (void)state;
    nal = ffmpeg_nal_new(false);
    packet = av_packet_alloc();
    return nal && packet ? 0 : -1;
}

static int close_all(void **state)
{
    (void)state;
    ffmpeg_nal_free(&nal);
    ffmpeg_au_free(&au);
    av_packet_free(&packet);
    return 0;
}

/* Payload bytes of an RTP packet as FFmpeg gives them: the first part gets a start code. */
static void add(int payload, bool first, int64_t pts, uint8_t mark)
{
    int size = first ? payload + 3 : payload - 2;
    assert_int_equal(av_new_packet(packet, size), 0);
    memset(packet->data, mark, (size_t)size);
    if (first)
        memcpy(packet->data, "\0\0\0\1", 4);
    packet->pts = pts;
    ffmpeg_nal_add(nal, packet);
}

static void expect(int size, int64_t pts)
{
    assert_true(ffmpeg_nal_ready(nal));
    ffmpeg_nal_take(nal, packet);
    assert_int_equal(packet->size, size);
    assert_int_equal(packet->pts, pts);
    av_packet_unref(packet);
}

static void test_short_ends_a_unit(void **state)
{
    (void)state;
    add(300, true, 1, 9); /* alone, and smaller than anybody cuts */
    expect(303, 1);
    add(1388, true, 2, 9);
    assert_false(ffmpeg_nal_ready(nal)); /* parts may follow */
    add(1388, false, 2, 9);
    assert_false(ffmpeg_nal_ready(nal));
    add(500, false, 2, 9);
    expect(1391 + 1386 + 498, 2);
    add(1200, true, 3, 9); /* now it is known how large full ones are */
    expect(1203, 3);
}

static void test_full_last_part_waits(void **state)
{
    (void)state;
    add(1388, true, 1, 9);
    add(1388, false, 1, 9);
    add(1388, false, 1, 9);
    assert_false(ffmpeg_nal_ready(nal));
    add(1388, true, 2, 9); /* the next one begins */
    expect(1391 + 2 * 1386, 1);
    assert_false(ffmpeg_nal_ready(nal));
    add(100, false, 2, 9);
    expect(1391 + 98, 2);
}

static void test_next_that_is_whole_itself(void **state)
{
    (void)state;
    add(1388, true, 1, 9);
    add(20, true, 2, 9);
    expect(1391, 1);
    expect(23, 2);
    assert_false(ffmpeg_nal_ready(nal));
}

/* A sender that spreads a unit evenly, the rest in front: one unit is cut, then never again. */
static void test_wrong_guess_is_the_last(void **state)
{
    (void)state;
    add(1300, true, 1, 9);
    add(1300, false, 1, 9);
    add(1299, false, 1, 9);
    expect(1303 + 1298 + 1297, 1); /* cut */
    add(1299, false, 1, 9);
    assert_false(ffmpeg_nal_ready(nal));
    for (int64_t pts = 2; pts < 6; pts++) {
        add(1300, true, pts, 9);
        if (pts > 2)
            expect(1303 + 3 * 1297, pts - 1);
        for (int i = 0; i < 3; i++) {
            add(1299, false, pts, 9);
            assert_false(ffmpeg_nal_ready(nal));
        }
    }
}

static void test_too_large(void **state)
{
    (void)state;
    for (int i = 0; i < 7000; i++)
        add(1388, i == 0, 1, 9);
    add(100, false, 1, 9);
    assert_true(ffmpeg_nal_ready(nal));
    ffmpeg_nal_take(nal, packet);
    assert_int_equal(packet->size, 0);
    add(100, true, 2, 9);
    expect(103, 2);
}

/* A part of H.265 has a header of three bytes: a last part that is one byte shorter is seen. */
static void test_parts_of_h265(void **state)
{
    (void)state;
    ffmpeg_nal_free(&nal);
    nal = ffmpeg_nal_new(true);
    static const int last[] = {1400, 1399};
    for (int i = 0; i < 2; i++) {
        static const int sizes[] = {1403, 1397, 1397}; /* as FFmpeg gives parts of 1400 bytes */
        for (int k = 0; k < 4; k++) {
            int size = k < 3 ? sizes[k] : last[i] - 3;
            assert_int_equal(av_new_packet(packet, size), 0);
            memset(packet->data, 9, (size_t)size);
            if (k == 0)
                memcpy(packet->data, "\0\0\0\1", 4);
            packet->pts = i;
            ffmpeg_nal_add(nal, packet);
            if (i == 1 && k == 0)
                expect(1403 + 3 * 1397, 0); /* the one before filled its last part up */
            assert_int_equal(ffmpeg_nal_ready(nal), i == 1 && k == 3);
        }
    }
    expect(1403 + 2 * 1397 + 1396, 1);
}

/* ---- pictures -------------------------------------------------------------------------------- */

enum { P = 1, IDR = 19, VPS = 32, SPS = 33, PPS = 34, AUD = 35, SEI = 39, SEI_BEHIND = 40 };

static void fill_h265(uint8_t *to, int type, bool first)
{
    const uint8_t unit[8] = {0, 0, 0, 1, (uint8_t)(type << 1), 1, first ? 0x80 : 0x40, 0x55};
    memcpy(to, unit, sizeof unit);
}

/* Units that come together, `types` ends with -1; a slice that is not the first: 100 + type. */
static void add_units(int64_t pts, const int *types)
{
    int count = 0;
    while (types[count] >= 0)
        count++;
    assert_int_equal(av_new_packet(packet, 8 * count), 0);
    for (int i = 0; i < count; i++)
        fill_h265(packet->data + 8 * i, types[i] % 100, types[i] < 100);
    packet->pts = pts;
    ffmpeg_au_add(au, packet);
}

#define ADD(pts, ...) add_units(pts, (const int[]){__VA_ARGS__, -1})

static void expect_picture(int units, int64_t pts)
{
    assert_true(ffmpeg_au_ready(au));
    ffmpeg_au_take(au, packet);
    assert_int_equal(packet->size, 8 * units);
    assert_int_equal(packet->pts, pts);
    av_packet_unref(packet);
}

static void expect_none(void)
{
    assert_false(ffmpeg_au_ready(au));
}

static void test_one_slice_a_picture(void **state)
{
    (void)state;
    au = ffmpeg_au_new(true);
    ADD(1, VPS);
    ADD(1, SPS);
    ADD(1, PPS);
    ADD(1, IDR);
    expect_none(); /* more slices may follow */
    ADD(2, P);
    expect_picture(4, 1);
    expect_none();
    ADD(3, P);
    expect_picture(1, 2);
    expect_picture(1, 3); /* two had one slice: so has this */
    for (int64_t pts = 4; pts < 9; pts++) {
        ADD(pts, P);
        expect_picture(1, pts);
    }
    ADD(9, SEI_BEHIND); /* belongs to the last one, comes too late, and does no harm */
    expect_none();
    ADD(9, AUD, SEI, IDR);
    expect_picture(4, 9);
    ADD(10, P);
    expect_picture(1, 10);
}

static void test_several_slices_a_picture(void **state)
{
    (void)state;
    au = ffmpeg_au_new(true);
    for (int64_t pts = 1; pts < 8; pts++) {
        ADD(pts, P);
        if (pts == 2 || pts == 3)
            expect_picture(3, pts - 1);
        expect_none();
        ADD(pts, 100 + P);
        expect_none();
        ADD(pts, 100 + P);
        if (pts > 2)
            expect_picture(3, pts);
        expect_none();
    }
}

/* Fewer slices are waited for, more are a lesson. */
static void test_slices_that_change(void **state)
{
    (void)state;
    au = ffmpeg_au_new(true);
    for (int64_t pts = 1; pts < 5; pts++) {
        ADD(pts, P, 100 + P);
        if (pts == 2 || pts == 3)
            expect_picture(2, pts - 1);
        if (pts > 2)
            expect_picture(2, pts);
    }
    ADD(5, P);
    expect_none();
    ADD(6, P);
    expect_picture(1, 5);
    expect_none(); /* one alone proves nothing */
    ADD(7, P);
    expect_picture(1, 6);
    expect_picture(1, 7);
    ADD(7, 100 + P); /* it went on: the rest is lost */
    expect_none();
    for (int64_t pts = 8; pts < 12; pts++) {
        ADD(pts, P);
        if (pts > 8)
            expect_picture(2, pts - 1);
        ADD(pts, 100 + P);
        expect_none();
    }
}

static void test_h264_pictures(void **state)
{
    (void)state;
    static const uint8_t start[] = {0,    0, 0, 1, 0x67, 1, 2, 3, 0,    0,    0, 1,
                                    0x68, 1, 2, 3, 0,    0, 0, 1, 0x65, 0x88, 2, 3};
    static const uint8_t slice[] = {0, 0, 0, 1, 0x41, 0x9a, 2, 3},
                         more[] = {0, 0, 0, 1, 0x41, 0x40, 2, 3};
    au = ffmpeg_au_new(false);
    for (int64_t pts = 1; pts < 6; pts++) {
        const uint8_t *bytes = pts == 1 ? start : slice;
        int size = pts == 1 ? (int)sizeof start : (int)sizeof slice;
        for (int k = 0; k < 2; k++) {
            assert_int_equal(av_new_packet(packet, k ? (int)sizeof more : size), 0);
            memcpy(packet->data, k ? more : bytes, (size_t)packet->size);
            packet->pts = pts;
            ffmpeg_au_add(au, packet);
            if (k == 0 && (pts == 2 || pts == 3))
                expect_picture(pts == 2 ? 4 : 2, pts - 1);
        }
        if (pts > 2)
            expect_picture(2, pts);
        expect_none();
    }
}

static void test_random_pictures(void **state)
{
    uint32_t random = 7;
    (void)state;
    for (int h265 = 0; h265 < 2; h265++) {
        au = ffmpeg_au_new(h265);
        for (int i = 0; i < 100000; i++) {
            random = random * 1664525u + 1013904223u;
            int size = 1 + (int)(random >> 24) % 40;
            assert_int_equal(av_new_packet(packet, size), 0);
            for (int k = 0; k < size; k++) {
                random = random * 1664525u + 1013904223u;
                packet->data[k] = random >> 28 ? (uint8_t)(random >> 30) : (uint8_t)(random >> 20);
            }
            ffmpeg_au_add(au, packet);
            for (int n = 0; ffmpeg_au_ready(au); n++) {
                assert_true(n < 3);
                ffmpeg_au_take(au, packet);
                av_packet_unref(packet);
            }
        }
        ffmpeg_au_free(&au);
    }
}

/* Whatever comes, nothing is read or written outside, and every taken unit ends. */
static void test_random(void **state)
{
    uint32_t random = 3;
    (void)state;
    for (int i = 0; i < 100000; i++) {
        random = random * 1664525u + 1013904223u;
        int payload = 3 + (int)(random >> 20) % 1400;
        add(payload, (random >> 10 & 3) == 0, i / 5, (uint8_t)random);
        for (int n = 0; ffmpeg_nal_ready(nal); n++) {
            assert_true(n < 3);
            ffmpeg_nal_take(nal, packet);
            av_packet_unref(packet);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_short_ends_a_unit, open_all, close_all),
        cmocka_unit_test_setup_teardown(test_full_last_part_waits, open_all, close_all),
        cmocka_unit_test_setup_teardown(test_next_that_is_whole_itself, open_all, close_all),
        cmocka_unit_test_setup_teardown(test_wrong_guess_is_the_last, open_all, close_all),
        cmocka_unit_test_setup_teardown(test_too_large, open_all, close_all),
        cmocka_unit_test_setup_teardown(test_parts_of_h265, open_all, close_all),
        cmocka_unit_test_setup_teardown(test_one_slice_a_picture, open_all, close_all),
        cmocka_unit_test_setup_teardown(test_several_slices_a_picture, open_all, close_all),
        cmocka_unit_test_setup_teardown(test_slices_that_change, open_all, close_all),
        cmocka_unit_test_setup_teardown(test_h264_pictures, open_all, close_all),
        cmocka_unit_test_setup_teardown(test_random_pictures, open_all, close_all),
        cmocka_unit_test_setup_teardown(test_random, open_all, close_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
