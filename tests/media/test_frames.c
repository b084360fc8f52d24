/* The frame pool: life of frames, bounds, many threads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <fovea/frame.h>
#include "media/buffer.h"

static fov_frame_pool *make_pool(int slots, size_t keep)
{
    fov_frame_pool *pool;
    fov_frame_pool_params params = {.slots = slots, .keep_bytes = keep};
    assert_int_equal(fov_frame_pool_create(&pool, &params, NULL), FOV_OK);
    return pool;
}

static void test_slots_are_a_bound(void **state)
{
    (void)state;
    fov_frame_pool *pool = make_pool(2, 0);
    fov_frame *a, *b, *c;
    assert_int_equal(fov_frame_get(pool, 100, &a), FOV_OK);
    assert_int_equal(fov_frame_get(pool, 0, &b), FOV_OK);
    assert_int_equal(fov_frame_get(pool, 0, &c), FOV_EAGAIN);
    assert_null(c);
    assert_true(a->capacity >= 100 && a->bytes && !a->size);
    assert_null(b->bytes);
    fov_frame_unref(&a);
    assert_null(a);
    assert_int_equal(fov_frame_get(pool, (size_t)11 << 20, &c), FOV_ELIMIT);
    assert_int_equal(fov_frame_get(pool, 1, &c), FOV_OK);
    fov_frame_unref(&b);
    fov_frame_unref(&c);
    fov_frame_unref(&c); /* NULL is fine */
    fov_frame_pool_destroy(&pool);
    fov_frame_pool_destroy(&pool);
}

static void test_bad_parameters(void **state)
{
    (void)state;
    fov_frame_pool *pool;
    fov_frame_pool_params params = {.slots = 1025};
    fov_error error;
    assert_int_equal(fov_frame_pool_create(&pool, &params, &error), FOV_EINVAL);
    assert_null(pool);
    pool = make_pool(1, 0);
    fov_frame *f;
    fov_frame_get(pool, 0, &f);
    assert_int_equal(fov_frame_alloc_image(f, FOV_RGB24, 0, 5, 0, 0), FOV_ELIMIT);
    assert_int_equal(fov_frame_alloc_image(f, FOV_RGB24, 16384, 16384, 0, 0), FOV_ELIMIT);
    assert_int_equal(fov_frame_alloc_image(f, FOV_YUV, 8, 8, 2, 0), FOV_EINVAL);
    assert_int_equal(f->image.pixels, FOV_PIXELS_NONE);
    fov_frame_unref(&f);
    fov_frame_pool_destroy(&pool);
}

static void test_planes_are_aligned_and_apart(void **state)
{
    (void)state;
    static const int sizes[][2] = {{1, 1}, {63, 17}, {640, 360}, {1921, 1081}};
    fov_frame_pool *pool = make_pool(1, 0);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        fov_frame *f;
        fov_frame_get(pool, 0, &f);
        assert_int_equal(fov_frame_alloc_image(f, FOV_YUV, sizes[i][0], sizes[i][1], 1, 1), FOV_OK);
        for (int p = 0; p < 3; p++) {
            int rows = p ? (sizes[i][1] + 1) / 2 : sizes[i][1];
            assert_int_equal((uintptr_t)f->image.plane[p] % 64, 0);
            assert_true(f->image.stride[p] >= (p ? (sizes[i][0] + 1) / 2 : sizes[i][0]));
            memset(f->image.plane[p], p, (size_t)rows * (size_t)f->image.stride[p]);
        }
        for (int p = 0; p < 3; p++)
            assert_int_equal(f->image.plane[p][0], p);
        fov_frame_unref(&f);
    }
    fov_frame_pool_destroy(&pool);
}

static void test_frames_outlive_their_pool(void **state)
{
    (void)state;
    fov_frame_pool *pool = make_pool(3, 0);
    fov_frame *a, *b;
    fov_frame_get(pool, 5000, &a);
    fov_frame_get(pool, 0, &b);
    fov_frame_alloc_image(b, FOV_RGB24, 50, 50, 0, 0);
    fov_frame *again = fov_frame_ref(a);
    fov_frame_pool_destroy(&pool);
    memset(a->bytes, 1, a->capacity);
    fov_frame_unref(&a);
    memset(again->bytes, 2, again->capacity);
    fov_frame_unref(&again);
    memset(b->image.plane[0], 3, 50);
    fov_frame_unref(&b); /* the last one frees all: leak and use-after-free are the sanitizer's */
}

/* A slot comes back with the fields of nobody. */
static void test_slots_come_back_clean(void **state)
{
    (void)state;
    fov_frame_pool *pool = make_pool(1, 0);
    fov_frame *f;
    fov_frame_get(pool, 100, &f);
    uint8_t *bytes = f->bytes;
    memset(bytes, 0x11, 100);
    f->user = &f;
    f->seq = f->number = 7;
    f->deadline_ns = 9;
    fov_frame_unref(&f);
    fov_frame_get(pool, 100, &f);
    assert_ptr_equal(f->bytes, bytes); /* memory is kept */
    assert_null(f->user);
    assert_int_equal(f->seq + f->number, 0);
    assert_int_equal(f->deadline_ns, 0);
    assert_int_equal(f->image.pixels, FOV_PIXELS_NONE);
    for (int i = 0; i < 100; i++)
        assert_int_equal(f->bytes[i], 0xA5); /* FOVEA_POISON is set by main */
    fov_frame_unref(&f);
    fov_frame_pool_destroy(&pool);
}

static void test_large_memory_is_given_back(void **state)
{
    (void)state;
    fov_frame_pool *pool = make_pool(2, 1 << 20);
    fov_frame *f;
    fov_frame_get(pool, 100, &f);
    fov_frame_alloc_image(f, FOV_RGB24, 2000, 1000, 0, 0);
    fov_frame_unref(&f);
    fov_frame_get(pool, 0, &f);
    assert_int_equal(fov_frame_alloc_image(f, FOV_GRAY8, 10, 10, 0, 0), FOV_OK);
    uint8_t *small = f->image.plane[0];
    fov_frame_unref(&f);
    fov_frame_get(pool, 0, &f);
    fov_frame_alloc_image(f, FOV_GRAY8, 10, 10, 0, 0);
    assert_ptr_equal(f->image.plane[0], small); /* under the bound it stays */
    fov_frame_unref(&f);
    fov_frame_pool_destroy(&pool);
}

static void test_buffers_shrink_after_a_huge_picture(void **state)
{
    (void)state;
    struct buffer buffer = {0};
    assert_true(buffer_reserve(&buffer, (size_t)100 << 20));
    assert_true(buffer_reserve(&buffer, (size_t)60 << 20));
    assert_true(buffer.size >= (size_t)100 << 20); /* not far too large */
    assert_true(buffer_reserve(&buffer, 5000));
    assert_true(buffer.size >= 5000 && buffer.size < 8192);
    uint8_t *memory = buffer.data;
    assert_true(buffer_reserve(&buffer, 100));
    assert_ptr_equal(buffer.data, memory); /* small ones stay */
    buffer_release(&buffer);
}

/* ---- pictures in memory of others -------------------------------------------------------------
 */

static const uint8_t png[] = {/* 3 x 2 px, gray */
                              0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n', 0,    0,    0,
                              13,   'I', 'H', 'D', 'R',  0,    0,    0,    3,    0,    0,
                              0,    2,   8,   0,   0,    0,    0,    0x1c, 0x36, 0x44, 0x64};

static void count_release(void *user)
{
    ++*(int *)user;
}

static void test_pixels_stay_where_they_are(void **state)
{
    (void)state;
    static uint8_t pixels[4 * 40];
    int released = 0;
    fov_frame_pool *pool = make_pool(1, 0);
    const fov_image image = {
        .pixels = FOV_BGR24, .width = 10, .height = 4, .plane = {pixels}, .stride = {40}};
    fov_frame *f, *other;
    fov_error error;
    assert_int_equal(fov_frame_wrap(pool, &image, NULL, 0, count_release, &released, &f, &error),
                     FOV_OK);
    assert_ptr_equal(f->image.plane[0], pixels);
    assert_int_equal(f->image.stride[0], 40);
    assert_int_equal(f->width * 100 + f->height, 1004);
    assert_true(f->capture_ns > 0 && !f->bytes && !f->size);
    assert_int_equal(
        fov_frame_wrap(pool, &image, NULL, 0, count_release, &released, &other, &error),
        FOV_EAGAIN);
    assert_null(other);
    other = fov_frame_ref(f);
    fov_frame_unref(&f);
    assert_int_equal(released, 0); /* somebody still reads it */
    fov_frame_pool_destroy(&pool);
    fov_frame_unref(&other);
    assert_int_equal(released, 1);
}

static void test_bytes_stay_where_they_are(void **state)
{
    (void)state;
    int released = 0;
    fov_frame_pool *pool = make_pool(1, 0);
    fov_frame *f;
    assert_int_equal(
        fov_frame_wrap(pool, NULL, png, sizeof png, count_release, &released, &f, NULL), FOV_OK);
    assert_ptr_equal(f->bytes, png);
    assert_int_equal(f->size, sizeof png);
    assert_int_equal(f->width * 100 + f->height, 302);
    assert_int_equal(f->codec, FOV_PNG);
    fov_frame_unref(&f);
    assert_int_equal(released, 1);
    /* the slot forgets whose memory it was, and frees none of it */
    assert_int_equal(fov_frame_get(pool, 100, &f), FOV_OK);
    assert_true(f->bytes && f->bytes != png);
    fov_frame_unref(&f);
    assert_int_equal(released, 1);
    assert_int_equal(fov_frame_wrap(pool, NULL, png, sizeof png, NULL, NULL, &f, NULL), FOV_OK);
    fov_frame_unref(&f);
    fov_frame_pool_destroy(&pool);
}

static void test_what_cannot_be_wrapped(void **state)
{
    (void)state;
    static uint8_t pixels[64];
    const fov_image good = {
        .pixels = FOV_GRAY8, .width = 8, .height = 8, .plane = {pixels}, .stride = {8}};
    fov_image images[7];
    const fov_status wanted[] = {FOV_EINVAL,  FOV_EINVAL, FOV_EINVAL, FOV_EINVAL,
                                 FOV_EFORMAT, FOV_ELIMIT, FOV_EINVAL};
    for (int i = 0; i < 7; i++)
        images[i] = good;
    images[0].pixels = FOV_PIXELS_NONE;
    images[1].plane[0] = NULL;
    images[2].stride[0] = 7;
    images[3].pixels = FOV_YUV; /* one chroma plane of two */
    images[3].plane[1] = pixels;
    images[3].stride[1] = 8;
    images[4].width = 0;
    images[5].height = 20000;
    images[6].pixels = (fov_pixels)9;
    int released = 0;
    fov_frame_pool *pool = make_pool(1, 0);
    fov_frame *f;
    fov_error error;
    for (int i = 0; i < 7; i++) {
        error = (fov_error){0};
        assert_int_equal(
            fov_frame_wrap(pool, &images[i], NULL, 0, count_release, &released, &f, &error),
            wanted[i]);
        assert_null(f);
        assert_true(error.message[0]);
    }
    assert_int_equal(fov_frame_wrap(pool, NULL, NULL, 0, NULL, NULL, &f, NULL), FOV_EINVAL);
    assert_int_equal(fov_frame_wrap(pool, &good, png, sizeof png, NULL, NULL, &f, NULL),
                     FOV_EINVAL);
    assert_int_equal(fov_frame_wrap(NULL, &good, NULL, 0, NULL, NULL, &f, NULL), FOV_EINVAL);
    assert_int_equal(fov_frame_wrap(pool, NULL, pixels, 64, NULL, NULL, &f, NULL), FOV_EFORMAT);
    assert_int_equal(fov_frame_wrap(pool, NULL, png, (size_t)11 << 20, NULL, NULL, &f, NULL),
                     FOV_ELIMIT);
    assert_int_equal(released, 0);
    assert_int_equal(fov_frame_get(pool, 0, &f), FOV_OK); /* no slot was lost on the way */
    fov_frame_unref(&f);
    fov_frame_pool_destroy(&pool);
}

/* ---- many threads -----------------------------------------------------------------------------
 */

#define THREADS 4
#define ROUNDS 4000
#define SLOTS 6

static fov_frame_pool *shared;
static _Atomic(fov_frame *) handed; /* a frame on its way to another thread */
static atomic_int alive, got, refused;

/* Each frame carries a pattern from its number; a slot given out twice would break it. */
static void fill(fov_frame *f, uint32_t number)
{
    f->number = number;
    f->size = 64 + number % 2000;
    memset(f->bytes, (int)(number * 31), f->size);
}

static void check(const fov_frame *f)
{
    uint8_t wanted = (uint8_t)((uint32_t)f->number * 31);
    for (size_t i = 0; i < f->size; i += 61)
        if (f->bytes[i] != wanted)
            abort();
}

static void *worker(void *argument)
{
    uint32_t state = (uint32_t)(uintptr_t)argument * 2654435761u + 1;
    for (int i = 0; i < ROUNDS; i++) {
        fov_frame *f;
        state = state * 1664525u + 1013904223u;
        if (fov_frame_get(shared, 2100, &f) == FOV_OK) {
            if (atomic_fetch_add(&alive, 1) >= SLOTS)
                abort();
            atomic_fetch_add(&got, 1);
            fill(f, state >> 8);
            fov_frame *other = atomic_exchange(&handed, fov_frame_ref(f));
            check(f);
            if (other) {
                check(other);
                atomic_fetch_sub(&alive, 1);
                fov_frame_unref(&other);
            }
            /* our own reference goes; the handed one keeps the frame alive for its finder */
            fov_frame_unref(&f);
        } else {
            atomic_fetch_add(&refused, 1);
        }
    }
    return NULL;
}

static void test_many_threads(void **state)
{
    (void)state;
    pthread_t threads[THREADS];
    shared = make_pool(SLOTS, 8192);
    for (uintptr_t i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, worker, (void *)i);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    fov_frame *last = atomic_load(&handed);
    fov_frame_pool_destroy(&shared);
    check(last);
    fov_frame_unref(&last);
    assert_true(atomic_load(&got) > 0);
    assert_int_equal(atomic_load(&got) + atomic_load(&refused), THREADS * ROUNDS);
}

int main(void)
{
    setenv("FOVEA_POISON", "1", 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_slots_are_a_bound),
        cmocka_unit_test(test_bad_parameters),
        cmocka_unit_test(test_planes_are_aligned_and_apart),
        cmocka_unit_test(test_frames_outlive_their_pool),
        cmocka_unit_test(test_slots_come_back_clean),
        cmocka_unit_test(test_large_memory_is_given_back),
        cmocka_unit_test(test_buffers_shrink_after_a_huge_picture),
        cmocka_unit_test(test_pixels_stay_where_they_are),
        cmocka_unit_test(test_bytes_stay_where_they_are),
        cmocka_unit_test(test_what_cannot_be_wrapped),
        cmocka_unit_test(test_many_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
