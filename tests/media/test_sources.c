/* Sources: order and life of picture lists, the pattern's truth, video against FFmpeg's own sums.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fovea/picture.h>
#include <fovea/source.h>
#include "../data_folder.h"
#include "../temp_folder.h"
#include "jpegs.h"
#include "media/pattern.h"
#include "media/source.h"
#include "source_tools.h"

static fov_status open_status(const char *url)
{
    fov_source *source;
    fov_error error = {0};
    fov_source_params params = {.url = url};
    fov_status status = fov_source_open(&source, &params, &error);
    assert_true(status == FOV_OK || error.message[0]);
    if (status)
        assert_null(source);
    fov_source_close(&source);
    return status;
}

static void write_file(const char *folder, const char *name, const void *bytes, size_t size)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    fwrite(bytes, 1, size, file);
    fclose(file);
}

/* ---- what is refused --------------------------------------------------------------------------
 */

static void test_refused(void **state)
{
    (void)state;
    assert_int_equal(open_status(""), FOV_EINVAL);
    assert_int_equal(open_status(NULL), FOV_EINVAL);
    assert_int_equal(open_status("ftp://camera/1"), FOV_EUNSUPPORTED);
    assert_int_equal(open_status("rtsp://"), FOV_EINVAL);
    assert_int_equal(open_status("rtsp://camera/1?transport=smoke"), FOV_EINVAL);
    assert_int_equal(open_status("/dev/null"), FOV_EUNSUPPORTED);
    assert_int_equal(open_status("/nonexistent/a.jpg"), FOV_ENOTFOUND);
    assert_int_equal(open_status("/nonexistent/*.jpg"), FOV_ENOTFOUND);
    assert_int_equal(open_status("pattern:wdith=100"), FOV_EINVAL);
    assert_int_equal(open_status("pattern:width=1e9"), FOV_EINVAL);
    assert_int_equal(open_status("pattern:width=16000,height=16000"), FOV_ELIMIT);
}

/* ---- pictures ---------------------------------------------------------------------------------
 */

static void test_natural_order(void **state)
{
    (void)state;
    const char *names[] = {"b1", "a10", "a9", "a09", "a", "a1b", "a1", "a1a", "A5"};
    static const char *const wanted[] = {"A5", "a", "a1", "a1a", "a1b", "a9", "a09", "a10", "b1"};
    qsort(names, 9, sizeof *names, source_natural_order);
    for (int i = 0; i < 9; i++)
        assert_string_equal(names[i], wanted[i]);
}

static void test_folder(void **state)
{
    (void)state;
    char folder[TEMP_FOLDER], glob[TEMP_FOLDER + 8];
    assert_true(temp_folder_make(folder));
    struct jpeg_file picture = jpeg_make(&(struct jpeg_recipe){.width = 40, .height = 30});
    write_file(folder, "f10.jpg", picture.bytes, picture.size);
    write_file(folder, "f2.JPG", picture.bytes, picture.size);
    write_file(folder, "f3.jpg", "broken", 6);
    write_file(folder, "notes.txt", "no picture", 10);
    assert_int_equal(chdir(folder), 0);
    fov_source *source = open_source(folder, false, 0);
    assert_int_equal(fov_source_get_info(source)->frames, 3);
    assert_string_equal(fov_source_get_info(source)->kind, "images");
    const char *name;
    fov_frame *frame = read_frame(source, &name);
    assert_string_equal(name, "f2.JPG");
    assert_int_equal(frame->codec, FOV_JPEG);
    assert_int_equal(frame->width, 40);
    assert_int_equal(frame->size, picture.size);
    assert_memory_equal(frame->bytes, picture.bytes, picture.size);
    assert_true(frame->capture_ns > 0);
    fov_frame_unref(&frame);
    fov_error error = {0};
    assert_int_equal(fov_source_read(source, pool, &frame, &name, &error), FOV_EFORMAT);
    assert_string_equal(name, "f3.jpg");
    assert_null(frame);
    frame = read_frame(source, &name);
    assert_string_equal(name, "f10.jpg");
    fov_frame_unref(&frame);
    assert_int_equal(fov_source_read(source, pool, &frame, &name, &error), FOV_EOS);
    assert_int_equal(fov_source_truth(source, &(fov_detections){0}), FOV_EUNSUPPORTED);
    fov_source_close(&source);

    snprintf(glob, sizeof glob, "%s/f1*", folder);
    source = open_source(glob, true, 0);
    for (int i = 0; i < 3; i++) { /* with loop it goes on */
        frame = read_frame(source, &name);
        assert_string_equal(name, "f10.jpg");
        fov_frame_unref(&frame);
    }
    fov_source_interrupt(source);
    assert_int_equal(fov_source_read(source, pool, &frame, NULL, &error), FOV_ECLOSED);
    fov_source_close(&source);
    unlink("f10.jpg");
    unlink("f2.JPG");
    unlink("f3.jpg");
    unlink("notes.txt");
    assert_int_equal(open_status(folder), FOV_ENOTFOUND);
    assert_int_equal(chdir("/"), 0);
    assert_int_equal(temp_folder_drop(folder), 0);
    jpeg_free(&picture);
}

static void test_full_pool_loses_nothing(void **state)
{
    (void)state;
    char folder[TEMP_FOLDER], path[TEMP_FOLDER + 8];
    assert_true(temp_folder_make(folder));
    struct jpeg_file picture = jpeg_make(&(struct jpeg_recipe){.width = 40, .height = 30});
    write_file(folder, "f.jpg", picture.bytes, picture.size);
    snprintf(path, sizeof path, "%s/f.jpg", folder);
    fov_frame_pool *one;
    fov_frame_pool_create(&one, &(fov_frame_pool_params){.slots = 1}, NULL);
    fov_frame *held, *frame;
    fov_frame_get(one, 0, &held);
    fov_source *source = open_source(path, false, 0);
    assert_int_equal(fov_source_read(source, one, &frame, NULL, NULL), FOV_EAGAIN);
    fov_frame_unref(&held);
    assert_int_equal(fov_source_read(source, one, &frame, NULL, NULL), FOV_OK);
    fov_frame_unref(&frame);
    assert_int_equal(fov_source_read(source, one, &frame, NULL, NULL), FOV_EOS);
    fov_source_close(&source);
    fov_frame_pool_destroy(&one);
    assert_int_equal(temp_folder_drop(folder), 0);
    jpeg_free(&picture);
}

/* ---- pattern ----------------------------------------------------------------------------------
 */

static uint8_t luma_of(const fov_image *image, int x, int y)
{
    return image->plane[0][(size_t)y * (size_t)image->stride[0] + (size_t)x];
}

/* True where some other shape drawn later covers the pixel. */
static bool covered(const fov_detections *truth, size_t by_later_than, int x, int y)
{
    for (size_t i = by_later_than + 1; i < truth->count; i++) {
        const fov_detection *d = &truth->items[i];
        if ((float)x >= d->x1 && (float)x < d->x2 && (float)y >= d->y1 && (float)y < d->y2)
            return true;
    }
    return false;
}

/* Extent of one shape: pixels that differ from the same frame without shapes are its own. */
static void check_shape(const fov_image *image, const fov_detections *truth, size_t index)
{
    static const int luma[3] = {158, 169, 145}; /* of the classes' colours, BT.601 */
    const fov_detection *d = &truth->items[index];
    int wanted = luma[d->class_id], least_x = 1 << 20, most_x = -1, least_y = 1 << 20, most_y = -1;
    for (int y = (int)d->y1; y < (int)d->y2; y++)
        for (int x = (int)d->x1; x < (int)d->x2; x++) {
            if (covered(truth, index, x, y))
                return; /* overlapped: another frame shows it whole */
            if (abs(luma_of(image, x, y) - wanted) > 2)
                continue;
            least_x = x < least_x ? x : least_x;
            most_x = x > most_x ? x : most_x;
            least_y = y < least_y ? y : least_y;
            most_y = y > most_y ? y : most_y;
        }
    assert_int_equal(least_x, (int)d->x1);
    assert_int_equal(most_x + 1, (int)d->x2);
    assert_int_equal(least_y, (int)d->y1);
    assert_int_equal(most_y + 1, (int)d->y2);
}

static void test_pattern_truth(void **state)
{
    (void)state;
    static const char *const urls[] = {"pattern:width=640,height=360,seed=1",
                                       "pattern:width=333,height=201,seed=2,fps=7",
                                       "pattern:width=64,height=64", "pattern:"};
    for (size_t u = 0; u < sizeof urls / sizeof *urls; u++) {
        fov_source *source = open_source(urls[u], false, 0);
        const fov_source_info *info = fov_source_get_info(source);
        fov_detection items[8], before[8] = {0};
        for (int i = 0; i < 60; i++) {
            fov_frame *frame = read_frame(source, NULL);
            fov_detections truth = {.items = items, .count = 0, .capacity = 8};
            assert_int_equal(fov_source_truth(source, &truth), FOV_OK);
            assert_int_equal(truth.count, 5);
            assert_true(fabs(frame->pts_ms - i * 1000 / info->fps) < 0.001);
            for (size_t s = 0; s < truth.count; s++) {
                const fov_detection *d = &items[s];
                assert_true(d->x1 >= 0 && d->y1 >= 0 && d->x2 <= (float)info->width &&
                            d->y2 <= (float)info->height && d->x1 < d->x2);
                check_shape(&frame->image, &truth, s);
                if (i && info->width > 100) /* it moves, and smoothly */
                    assert_true(fabsf(d->x1 - before[s].x1) < (float)info->width / 20 &&
                                (d->x1 != before[s].x1 || d->y1 != before[s].y1));
            }
            memcpy(before, items, sizeof before);
            fov_frame_unref(&frame);
        }
        fov_source_close(&source);
    }
}

static void test_pattern_is_the_same_each_time(void **state)
{
    (void)state;
    const char *url = "pattern:width=320,height=240,frames=4,seed=5,barcode=1";
    fov_source *a = open_source(url, true, 0), *b = open_source(url, false, 0);
    fov_frame *first = read_frame(a, NULL), *frame, *other;
    for (int i = 0; i < 3; i++) {
        frame = read_frame(a, NULL);
        fov_frame_unref(&frame);
    }
    frame = read_frame(a, NULL); /* loop: the first again */
    other = read_frame(b, NULL);
    size_t size = (size_t)first->image.stride[0] * 240;
    assert_memory_equal(frame->image.plane[0], first->image.plane[0], size);
    assert_memory_equal(other->image.plane[0], first->image.plane[0], size);
    fov_frame_unref(&first);
    fov_frame_unref(&frame);
    fov_frame_unref(&other);
    for (int i = 0; i < 3; i++) {
        frame = read_frame(b, NULL);
        fov_frame_unref(&frame);
    }
    assert_int_equal(fov_source_read(b, pool, &frame, NULL, NULL), FOV_EOS);
    fov_source_close(&a);
    fov_source_close(&b);
}

/* The number survives an encoder and all pixel formats. */
static void test_barcode(void **state)
{
    (void)state;
    static const fov_pixels formats[] = {FOV_YUV, FOV_RGB24, FOV_BGR24, FOV_GRAY8};
    fov_encoder *encoder;
    fov_decoder *decoder;
    fov_encoder_create(&encoder, NULL);
    fov_decoder_create(&decoder, NULL);
    for (size_t f = 0; f < 4; f++) {
        fov_source *source = open_source("pattern:width=640,height=360,barcode=1", false,
                                         formats[f]);
        for (int i = 0; i < 300; i++) {
            fov_frame *frame = read_frame(source, NULL);
            assert_int_equal(pattern_read_number(&frame->image), i);
            if (i % 50 == 7) {
                const uint8_t *bytes;
                size_t size;
                fov_image back;
                fov_encode_jpeg(encoder, &frame->image, 30, &bytes, &size, NULL);
                fov_decode(decoder, bytes, size, FOV_YUV, 1, &back, NULL, NULL);
                assert_int_equal(pattern_read_number(&back), i);
            }
            fov_frame_unref(&frame);
        }
        fov_source_close(&source);
    }
    fov_source *plain = open_source("pattern:width=640,height=360", false, 0);
    fov_frame *frame = read_frame(plain, NULL);
    assert_int_equal(pattern_read_number(&frame->image), -1);
    fov_frame_unref(&frame);
    fov_source_close(&plain);
    fov_encoder_destroy(&encoder);
    fov_decoder_destroy(&decoder);
}

static void test_pattern_allocates_nothing(void **state)
{
    (void)state;
    assert_allocates_nothing("pattern:width=640,height=360,barcode=1");
}

/* ---- video ------------------------------------------------------------------------------------
 */

/* Returns whether a sample lies at the end of our range, where several of the file's may end. */
static bool md5_of(const fov_image *image, const uint8_t tables[2][256], char hex[33])
{
    bool at_end = false;
    uint8_t digest[16], row[4096];
    EVP_MD_CTX *md5 = EVP_MD_CTX_new();
    EVP_DigestInit_ex(md5, EVP_md5(), NULL);
    for (int p = 0; p < 3; p++) {
        int width = p ? (image->width + 1) / 2 : image->width;
        int height = p ? (image->height + 1) / 2 : image->height;
        for (int y = 0; y < height; y++) {
            const uint8_t *in = image->plane[p] + (size_t)y * (size_t)image->stride[p];
            for (int x = 0; x < width; x++) {
                row[x] = tables[p > 0][in[x]];
                at_end |= in[x] == 0 || in[x] == 255;
            }
            EVP_DigestUpdate(md5, row, (size_t)width);
        }
    }
    EVP_DigestFinal_ex(md5, digest, NULL);
    EVP_MD_CTX_free(md5);
    for (int i = 0; i < 16; i++)
        snprintf(hex + 2 * i, 3, "%02x", digest[i]);
    return at_end;
}

/* Turns our full range back into the file's: identity, or 16..235 and 16..240. */
static void back_tables(bool limited, uint8_t tables[2][256])
{
    for (int v = 0; v < 256; v++) {
        tables[0][v] = (uint8_t)(limited ? lround(16 + v * 219 / 255.0) : v);
        tables[1][v] = (uint8_t)(limited ? lround(128 + (v - 128) * 224 / 255.0) : v);
    }
}

/* Frames of a reference list "stream, dts, pts, duration, size, md5" that we decode alike. */
static int equal_frames(const char *name, bool limited, int *total)
{
    char path[1024], line[256], wanted[33], hex[33];
    uint8_t tables[2][256];
    int equal = 0;
    *total = 0;
    back_tables(limited, tables);
    snprintf(path, sizeof path, "%s/refs/framemd5/%s.framemd5", data_folder(), name);
    FILE *list = fopen(path, "r");
    if (!list)
        return -1;
    snprintf(path, sizeof path, "%s/video/%s", data_folder(), name);
    fov_source *source = open_source(path, false, 0);
    while (fgets(line, sizeof line, list)) {
        if (sscanf(line, "%*d, %*d, %*d, %*d, %*d, %32s", wanted) != 1)
            continue;
        fov_frame *frame = read_frame(source, NULL);
        assert_int_equal(frame->image.pixels, FOV_YUV);
        bool at_end = md5_of(&frame->image, tables, hex), same = strcmp(hex, wanted) == 0;
        if (!same && !(limited && at_end))
            fail_msg("%s: frame %d is not what FFmpeg decodes", name, *total);
        equal += same;
        ++*total;
        fov_frame_unref(&frame);
    }
    fclose(list);
    fov_frame *none;
    assert_int_equal(fov_source_read(source, pool, &none, NULL, NULL), FOV_EOS);
    fov_source_close(&source);
    return equal;
}

static void test_video_frames(void **state)
{
    (void)state;
    int total, equal = equal_frames("asl_book.mkv", false, &total);
    if (equal < 0) {
        print_message("SKIP video frames: no test data\n");
        skip();
    }
    assert_int_equal(equal, 109);
    assert_int_equal(total, 109);
    /* limited range; frames with samples above 235 cannot come back */
    equal = equal_frames("car-detection.mp4", true, &total);
    assert_int_equal(total, 377);
    assert_true(equal > 50);
    equal_frames("vtest.avi", true, &total);
    assert_int_equal(total, 795);
}

static void test_video_again_and_broken(void **state)
{
    (void)state;
    char path[1024];
    snprintf(path, sizeof path, "%s/video/asl_book.mkv", data_folder());
    struct stat st;
    if (stat(path, &st))
        skip();
    fov_source *source = open_source(path, true, FOV_BGR24);
    fov_frame *frame = NULL, *first = read_frame(source, NULL);
    for (int i = 1; i < 110; i++) {
        fov_frame_unref(&frame);
        frame = read_frame(source, NULL);
    }
    assert_true(frame->pts_ms == 0); /* 109 frames: this is the first again */
    for (int y = 0; y < first->height; y++)
        assert_memory_equal(frame->image.plane[0] + (size_t)y * (size_t)frame->image.stride[0],
                            first->image.plane[0] + (size_t)y * (size_t)first->image.stride[0],
                            (size_t)first->width * 3);
    fov_source_interrupt(source);
    fov_frame *none;
    assert_int_equal(fov_source_read(source, pool, &none, NULL, NULL), FOV_ECLOSED);
    fov_frame_unref(&frame);
    fov_frame_unref(&first);
    fov_source_close(&source);
}

/* A card that is not here, or of which nobody knows: the same frames, and the reason. */
static void test_decoders_that_are_not_here(void **state)
{
    (void)state;
    static const char *const names[] = {"cuda", "vaapi", "videotoolbox", "toaster"};
    char path[1024];
    snprintf(path, sizeof path, "%s/video/car-detection.mp4", data_folder());
    struct stat st;
    if (stat(path, &st))
        skip();
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char name[16]; /* not to be kept by the source */
        snprintf(name, sizeof name, "%s", names[i]);
        fov_source *source, *plain;
        fov_source_params params = {.url = path, .decoder = name},
                          off = {.url = path, .decoder = "off"};
        fov_source_state told;
        assert_int_equal(fov_source_open(&source, &params, NULL), FOV_OK);
        memset(name, 0, sizeof name);
        assert_int_equal(fov_source_open(&plain, &off, NULL), FOV_OK);
        fov_source_get_state(source, &told);
        assert_string_equal(told.decoder, "");
        fov_frame *frame = read_frame(source, NULL), *wanted = read_frame(plain, NULL);
        fov_source_get_state(source, &told);
        if (strcmp(told.decoder, "software") == 0) { /* else there is such a card */
            assert_ptr_equal(strstr(told.decoder_why, names[i]), told.decoder_why);
            assert_true(strlen(told.decoder_why) > strlen(names[i]) + 2);
            assert_memory_equal(frame->image.plane[0], wanted->image.plane[0],
                                (size_t)frame->image.stride[0] * (size_t)frame->height);
        }
        fov_source_get_state(plain, &told);
        assert_string_equal(told.decoder, "software");
        assert_string_equal(told.decoder_why, "");
        fov_frame_unref(&frame);
        fov_frame_unref(&wanted);
        fov_source_close(&source);
        fov_source_close(&plain);
    }
}

static void test_kinds_of_decoders(void **state)
{
    (void)state;
    char why[100];
    const char *name = fov_source_decoder(0, why, sizeof why);
    if (!name)
        skip();
    assert_string_equal(name, "cuda");
    assert_string_equal(fov_source_decoder(1, why, sizeof why), "vaapi");
    assert_string_equal(fov_source_decoder(2, why, sizeof why), "videotoolbox");
#ifdef __linux__
    assert_true(why[0] != 0);
#endif
    assert_null(fov_source_decoder(3, why, sizeof why));
}

static void test_files_that_are_no_video(void **state)
{
    (void)state;
    static const char playlist[] = "#EXTM3U\n#EXTINF:1,\n/etc/passwd\n";
    static const char concat[] = "ffconcat version 1.0\nfile /etc/passwd\n";
    char folder[TEMP_FOLDER], path[TEMP_FOLDER + 16];
    assert_true(temp_folder_make(folder));
    const struct {
        const char *name, *bytes;
        size_t size;
    } rows[] = {{"a.mp4", "no video at all", 15},
                {"b.m3u8", playlist, sizeof playlist},
                {"c.ffconcat", concat, sizeof concat},
                {"d.avi", "", 0}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        write_file(folder, rows[i].name, rows[i].bytes, rows[i].size);
        snprintf(path, sizeof path, "%s/%s", folder, rows[i].name);
        fov_status status = open_status(path);
        if (status != FOV_EFORMAT && status != FOV_ERUNTIME)
            fail_msg("%s: %s", rows[i].name, fov_status_code(status));
    }
    assert_int_equal(temp_folder_drop(folder), 0);
}

int main(void)
{
    setenv("FOVEA_POISON", "1", 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_video_frames),
        cmocka_unit_test(test_video_again_and_broken),
        cmocka_unit_test(test_decoders_that_are_not_here),
        cmocka_unit_test(test_kinds_of_decoders),
        cmocka_unit_test(test_files_that_are_no_video),
        cmocka_unit_test(test_natural_order),
        cmocka_unit_test(test_folder),
        cmocka_unit_test(test_full_pool_loses_nothing),
        cmocka_unit_test(test_pattern_truth),
        cmocka_unit_test(test_pattern_is_the_same_each_time),
        cmocka_unit_test(test_barcode),
        cmocka_unit_test(test_pattern_allocates_nothing),
    };
    return cmocka_run_group_tests(tests, make_pool, drop_pool);
}
