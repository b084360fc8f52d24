/* Decoding on a graphics card: whatever fails of it, the processor gives the same frames, each once
 * and in order, and the reason is told once. The card is fake_card.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "../data_folder.h"
#include "fake_card.h"
#include "media/ffmpeg_api.h"
#include "media/image.h"

extern const struct ffmpeg_api fovea_ffmpeg_api;
static const struct ffmpeg_api *const api = &fovea_ffmpeg_api;

enum { FRAMES_MAX = 1000 };

struct seen {
    double pts_ms;
    uint64_t sum; /* of its pixels */
};

struct told {
    int calls;
    char decoder[16], why[160];
};

static char path[1024];
static struct seen wanted[FRAMES_MAX]; /* by the processor alone */
static int wanted_count;

static void chosen(void *user, const char *decoder, const char *why)
{
    struct told *told = user;
    told->calls++;
    snprintf(told->decoder, sizeof told->decoder, "%s", decoder);
    snprintf(told->why, sizeof told->why, "%s", why);
}

static uint64_t sum_of(const fov_image *image)
{
    uint64_t sum = 14695981039346656037u; /* FNV-1a */
    for (int p = 0; p < 3; p++)
        for (int y = 0; y < image_plane_height(image, p); y++)
            for (int x = 0; x < image_plane_width(image, p); x++)
                sum = (sum ^ image->plane[p][(size_t)y * (size_t)image->stride[p] + (size_t)x]) *
                      1099511628211u;
    return sum;
}

/* Every frame from `seek_ms` on; how many. */
static int decode_file(const char *decoder, double seek_ms, struct seen *seen, struct told *told)
{
    struct ffmpeg_choice choice = {.decoder = decoder, .chosen = chosen, .user = told};
    struct ffmpeg_video *video;
    struct ffmpeg_video_info info;
    struct buffer buffer = {0};
    fov_error error = {0};
    fov_status status;
    int count = 0, width, height;
    double pts_ms;
    memset(told, 0, sizeof *told);
    if (api->video_open(&video, path, &choice, NULL, &info, &error))
        fail_msg("%s", error.message);
    if (seek_ms > 0)
        assert_int_equal(api->video_seek(video, seek_ms, &error), FOV_OK);
    while ((status = api->video_next(video, &width, &height, &pts_ms, &error)) == FOV_OK) {
        fov_image image;
        assert_int_equal(image_in_buffer(&image, &buffer, FOV_YUV, width, height, 1, 1), FOV_OK);
        assert_int_equal(api->video_store(video, &image, &error), FOV_OK);
        assert_true(count < FRAMES_MAX);
        seen[count++] = (struct seen){pts_ms, sum_of(&image)};
    }
    if (status != FOV_EOS)
        fail_msg("after %d frames: %s", count, error.message);
    buffer_release(&buffer);
    api->video_close(&video);
    return count;
}

static void assert_same(const struct seen *seen, int count, int from)
{
    assert_int_equal(count, wanted_count - from);
    for (int i = 0; i < count; i++)
        if (seen[i].pts_ms != wanted[from + i].pts_ms || seen[i].sum != wanted[from + i].sum)
            fail_msg("frame %d at %g ms is not that of %g ms", i, seen[i].pts_ms,
                     wanted[from + i].pts_ms);
}

static int find_clip(void **state)
{
    struct told told;
    (void)state;
    fake_card = (struct fake_card){0};
    snprintf(path, sizeof path, "%s/video/car-detection.mp4", data_folder());
    FILE *file = fopen(path, "rb");
    if (!file)
        return 0;
    fclose(file);
    if (wanted_count == 0)
        wanted_count = decode_file("off", 0, wanted, &told);
    return 0;
}

static int nothing_is_left(void **state)
{
    (void)state;
    return fake_card.open;
}

static void the_card_decodes(void **state)
{
    static struct seen seen[FRAMES_MAX];
    struct told told;
    (void)state;
    if (!wanted_count)
        skip();
    assert_same(seen, decode_file("auto", 0, seen, &told), 0);
    assert_int_equal(told.calls, 1);
    assert_string_equal(told.decoder, "vaapi");
    assert_string_equal(told.why, "");
}

static void without_it_the_processor_does(void **state)
{
    static const struct {
        struct fake_card card;
        const char *why;
    } table[] = {{{.absent = true}, "the device cannot be opened"},
                 {{.no_decoder = true}, "vaapi: opening the decoder: "},
                 {{.other_shape = true}, "vaapi: it does not take this stream"}};
    static struct seen seen[FRAMES_MAX];
    struct told told;
    (void)state;
    if (!wanted_count)
        skip();
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        fake_card = table[i].card;
        assert_same(seen, decode_file("vaapi", 0, seen, &told), 0);
        assert_int_equal(told.calls, 1);
        assert_string_equal(told.decoder, "software");
        if (!strstr(told.why, table[i].why))
            fail_msg("row %zu: %s", i, told.why);
    }
}

static void it_fails_in_the_middle(void **state)
{
    static const int places[] = {1, 2, 3, 40, 100, 376, 377};
    static struct seen seen[FRAMES_MAX];
    struct told told;
    (void)state;
    if (!wanted_count)
        skip();
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        fake_card = (struct fake_card){.fails_at = places[i]};
        assert_same(seen, decode_file("vaapi", 0, seen, &told), 0);
        assert_int_equal(told.calls, places[i] == 1 ? 1 : 2);
        assert_string_equal(told.decoder, "software");
        assert_non_null(strstr(told.why, "vaapi: bringing a picture into memory: "));
        assert_int_equal(fake_card.open, 0);
    }
}

static void it_fails_after_a_seek(void **state)
{
    static struct seen seen[FRAMES_MAX];
    struct told told;
    (void)state;
    if (!wanted_count)
        skip();
    int from = decode_file("off", 3000, seen, &told);
    from = wanted_count - from;
    assert_true(from > 10);
    for (int place = 1; place < 60; place += 19) {
        fake_card = (struct fake_card){.fails_at = place};
        assert_same(seen, decode_file("vaapi", 3000, seen, &told), from);
        assert_string_equal(told.decoder, "software");
    }
}

/* ---- behind a URL ---------------------------------------------------------------------------- */

static bool go_on(void *user)
{
    (void)user;
    return false;
}

static bool open_clip(void *user, struct ffmpeg_http *http, const char *url, bool first,
                      int64_t offset)
{
    FILE *file = fopen(path, "rb");
    (void)user;
    (void)first;
    if (!file)
        return false;
    fseek(file, 0, SEEK_END);
    *http = (struct ffmpeg_http){
        .stream = file, .size = ftell(file), .type = "video/mp4", .url = url};
    fseek(file, (long)offset, SEEK_SET);
    return true;
}

static int read_clip(void *stream, uint8_t *to, int size)
{
    return (int)fread(to, 1, (size_t)size, stream);
}

static void close_clip(void *stream)
{
    fclose(stream);
}

/* There is no way back: what follows the next key frame comes, in order. */
static void it_fails_on_the_way(void **state)
{
    struct told told = {0};
    struct ffmpeg_live_params params = {
        .kind = FFMPEG_HTTP,
        .url = "http://127.0.0.1/clip.mp4",
        .choice = {.decoder = "vaapi", .chosen = chosen, .user = &told},
        .stop = go_on,
        .http_open = open_clip,
        .http_read = read_clip,
        .http_close = close_clip};
    struct ffmpeg_live_info info;
    struct ffmpeg_live *live;
    struct ffmpeg_picture_info picture_info;
    fov_error error = {0};
    fov_status status;
    int count = 0;
    double last_ms = -1;
    (void)state;
    if (!wanted_count)
        skip();
    fake_card = (struct fake_card){.fails_at = 20};
    struct ffmpeg_picture *picture = api->picture_new();
    if (api->live_open(&live, &params, &info, &error))
        fail_msg("%s", error.message);
    while ((status = api->live_next(live, picture, &picture_info, &error)) == FOV_OK ||
           status == FOV_EFORMAT) {
        if (status)
            continue;
        assert_true(picture_info.pts_ms > last_ms);
        last_ms = picture_info.pts_ms;
        count++;
    }
    assert_int_equal(status, FOV_EOS);
    assert_in_range(count, 20, wanted_count - 1);
    assert_true(last_ms >= wanted[wanted_count - 1].pts_ms - 1);
    assert_int_equal(told.calls, 2);
    assert_string_equal(told.decoder, "software");
    api->live_close(&live);
    api->picture_free(&picture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_card_decodes, find_clip, nothing_is_left),
        cmocka_unit_test_setup_teardown(without_it_the_processor_does, find_clip, nothing_is_left),
        cmocka_unit_test_setup_teardown(it_fails_in_the_middle, find_clip, nothing_is_left),
        cmocka_unit_test_setup_teardown(it_fails_after_a_seek, find_clip, nothing_is_left),
        cmocka_unit_test_setup_teardown(it_fails_on_the_way, find_clip, nothing_is_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
