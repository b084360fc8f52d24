/* H.264 units put together from the packets of RTP: whole ones come without waiting for the next
 * picture where packets are filled up, and never cut where they are not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "media/ffmpeg_nal.h"

static struct ffmpeg_nal *nal;
static AVPacket *packet;

static int open_all(void **state)
{
    (void)state;
    nal = ffmpeg_nal_new();
    packet = av_packet_alloc();
    return nal && packet ? 0 : -1;
}

static int close_all(void **state)
{
    (void)state;
    ffmpeg_nal_free(&nal);
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
        cmocka_unit_test_setup_teardown(test_random, open_all, close_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
