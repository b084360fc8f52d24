/* The rules of metadata and pictures: pure, so held by many random
 * sequences against a second, simpler model of the same rules. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "serve/pairing.h"

static uint64_t random_state = 7;

static unsigned random_below(unsigned n)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(random_state >> 33) % n;
}

/* ---- reading ----------------------------------------------------------------------------------
 */

static void reads_all_members(void **state)
{
    (void)state;
    static const char text[] =
        "{\"type\":\"frame_metadata\",\"timestamp\":1641234567890.5,\"frameNumber\":123,"
        "\"width\":1920,\"height\":1080,\"format\":\"jpeg\",\"clock_offset_ms\":-3.25,\"more\":[1]"
        "}";
    struct picture_note note;
    struct pairing_error error = {0};
    assert_true(pairing_read_note(text, sizeof text - 1, &note, &error));
    assert_true(note.has_timestamp && note.timestamp == 1641234567890.5);
    assert_true(note.has_offset && note.clock_offset_ms == -3.25);
    assert_int_equal(note.number, 123);
    assert_int_equal(note.width, 1920);
    assert_int_equal(note.height, 1080);
    assert_int_equal(note.codec, FOV_JPEG);
}

static void refuses_wrong_members(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "{",
        "[]",
        "null",
        "5",
        "{}",
        "{\"type\":5}",
        "{\"type\":\"frame\"}",
        "{\"type\":\"frame_metadata\",\"width\":0}",
        "{\"type\":\"frame_metadata\",\"width\":1.5}",
        "{\"type\":\"frame_metadata\",\"width\":\"1\"}",
        "{\"type\":\"frame_metadata\",\"height\":70000}",
        "{\"type\":\"frame_metadata\",\"height\":null}",
        "{\"type\":\"frame_metadata\",\"frameNumber\":-1}",
        "{\"type\":\"frame_metadata\",\"frameNumber\":1e300}",
        "{\"type\":\"frame_metadata\",\"timestamp\":\"now\"}",
        "{\"type\":\"frame_metadata\",\"timestamp\":1e20}",
        "{\"type\":\"frame_metadata\",\"format\":\"bmp\"}",
        "{\"type\":\"frame_metadata\",\"format\":7}",
        "{\"type\":\"frame_metadata\",\"clock_offset_ms\":true}",
        "{\"type\":\"frame_metadata\",\"width\":5,\"width\":6}",
        "{\"type\":\"frame_metadata\"} x",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct picture_note note;
        struct pairing_error error = {0};
        if (pairing_read_note(bad[i], strlen(bad[i]), &note, &error))
            fail_msg("accepted: %s", bad[i]);
        assert_string_equal(error.code, "bad_metadata");
        assert_true(error.message[0] != '\0');
    }
}

static void unpacks(void **state)
{
    (void)state;
    static const uint8_t good[] = {2, 0, 0, 0, '{', '}', 0xff, 0xd8};
    static const uint8_t beyond[] = {3, 0, 0, 0, '{', '}'}, huge[] = {0xff, 0xff, 0xff, 0xff, 0};
    const char *json;
    const uint8_t *picture;
    size_t json_size, size;
    struct pairing_error error;
    assert_true(pairing_unpack(good, sizeof good, &json, &json_size, &picture, &size, &error));
    assert_int_equal(json_size, 2);
    assert_int_equal(size, 2);
    assert_ptr_equal(picture, good + 6);
    for (size_t n = 0; n < 4; n++)
        assert_false(pairing_unpack(good, n, &json, &json_size, &picture, &size, &error));
    assert_false(pairing_unpack(beyond, sizeof beyond, &json, &json_size, &picture, &size, &error));
    assert_false(pairing_unpack(huge, sizeof huge, &json, &json_size, &picture, &size, &error));
    assert_string_equal(error.code, "bad_pack");
}

/* ---- pairs ------------------------------------------------------------------------------------
 */

/* Every picture is used once, with the metadata sent last before it, or gives one typed error;
 * whatever came before, a good pair is accepted. */
static void random_sequences(void **state)
{
    (void)state;
    struct pairing pairing = {0};
    int64_t now = 1, since = 0, waiting = -1; /* the model: number of the metadata that waits */
    int accepted = 0, errors = 0;
    for (int64_t i = 0; i < 100000; i++) {
        struct picture_note note = {.number = i};
        struct pairing_error error = {0};
        now += random_below(10) ? (int64_t)random_below(200) * NS_PER_MS : 1500 * NS_PER_MS;
        if (random_below(2)) {
            pairing_metadata(&pairing, &note, now, &error);
            if (waiting >= 0) {
                assert_string_equal(error.code, "metadata_without_picture");
                assert_int_equal(error.frame_id, waiting);
                errors++;
            } else {
                assert_null(error.code);
            }
            waiting = i;
            since = now;
        } else {
            bool used = pairing_picture(&pairing, now, &note, &error);
            bool good = waiting >= 0 && now - since < PAIRING_GAP_MS * NS_PER_MS;
            assert_int_equal(used, good);
            if (good)
                assert_int_equal(note.number, waiting);
            else
                assert_string_equal(error.code,
                                    waiting < 0 ? "picture_without_metadata" : "metadata_too_old");
            accepted += used;
            errors += !used;
            waiting = -1;
        }
    }
    assert_true(accepted > 10000 && errors > 10000);
}

static void checks_the_picture(void **state)
{
    (void)state;
    struct picture_note note = {.number = 4, .width = 640, .height = 480, .codec = FOV_JPEG};
    fov_picture_info info = {.codec = FOV_JPEG, .width = 640, .height = 480};
    struct pairing_error error;
    assert_true(pairing_check(&note, &info, &error));
    info.height = 481;
    assert_false(pairing_check(&note, &info, &error));
    assert_string_equal(error.code, "size_mismatch");
    assert_int_equal(error.frame_id, 4);
    info.height = 480;
    info.codec = FOV_PNG;
    assert_false(pairing_check(&note, &info, &error));
    assert_string_equal(error.code, "format_mismatch");
    note = (struct picture_note){.number = -1}; /* nothing said, nothing to contradict */
    assert_true(pairing_check(&note, &info, &error));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_all_members),
        cmocka_unit_test(refuses_wrong_members),
        cmocka_unit_test(unpacks),
        cmocka_unit_test(random_sequences),
        cmocka_unit_test(checks_the_picture),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
