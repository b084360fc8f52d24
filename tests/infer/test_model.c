/* The contract of models and runners, for every backend of the build and for whole frames. */
#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include <fovea/backend.h>
#include <fovea/picture.h>

#include "../alloc_count.h"
#include "base/clock.h"
#include "base/dynlib.h"

enum { ROOM = 32 };

struct found {
    fov_detection items[ROOM];
    fov_detections list;
};

static void prepare(struct found *f)
{
    memset(f, 0, sizeof *f);
    f->list = (fov_detections){f->items, 0, ROOM};
}

static fov_model *open_model(const char *path, fov_hint hint, int runners)
{
    fov_model_params params = {.path = path, .hint = hint, .runners = runners};
    fov_model *model = NULL;
    fov_error error = {.message = ""};
    fov_status status = fov_model_open(&model, &params, &error);
    if (status)
        fail_msg("%s: %s", path, error.message);
    return model;
}

static fov_runner *open_runner(fov_model *model)
{
    fov_runner *runner = NULL;
    fov_error error = {.message = ""};
    if (fov_runner_open(&runner, model, &error) != FOV_OK)
        fail_msg("%s", error.message);
    return runner;
}

/* A grey picture with one white rectangle. */
static fov_image draw(uint8_t *pixels, int width, int height, int x0, int y0, int x1, int y1)
{
    fov_image image = {FOV_RGB24, width, height, {pixels}, {width * 3}, 0, 0};
    memset(pixels, 60, (size_t)width * (size_t)height * 3);
    for (int y = y0; y < y1; y++)
        memset(pixels + 3 * (y * width + x0), 255, (size_t)(x1 - x0) * 3);
    return image;
}

static void expect_box(const fov_detection *d, float x1, float y1, float x2, float y2, float within)
{
    bool near = fabsf(d->x1 - x1) <= within && fabsf(d->y1 - y1) <= within &&
                fabsf(d->x2 - x2) <= within && fabsf(d->y2 - y2) <= within;
    if (!near)
        fail_msg("box %.1f %.1f %.1f %.1f is not %.1f %.1f %.1f %.1f", (double)d->x1, (double)d->y1,
                 (double)d->x2, (double)d->y2, (double)x1, (double)y1, (double)x2, (double)y2);
}

/* ---- every backend
 * -------------------------------------------------------------------------------- */

static void every_backend_is_complete(void **unused)
{
    (void)unused;
    assert_non_null(fov_backend_at(0));
    for (size_t i = 0; fov_backend_at(i); i++) {
        const fov_backend *b = fov_backend_at(i);
        assert_int_equal(b->abi, FOV_BACKEND_ABI);
        assert_true(b->name && b->suffixes && b->probe && b->load && b->describe);
        assert_true(b->runner_open && b->inputs && b->run && b->runner_close && b->unload);
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(b->name, fov_backend_at(k)->name);
        fov_backend_probe *probe = malloc(sizeof *probe);
        assert_non_null(probe);
        b->probe(NULL, probe);
        assert_true(probe->available ? probe->device_count > 0 && probe->version[0]
                                     : strlen(probe->reason) > 20);
        free(probe);
    }
}

static void write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

/* Files of every suffix that a backend claims: absent, empty, nonsense, right start and then cut.
 */
static void bad_files_are_refused(void **unused)
{
    (void)unused;
    static const char *const texts[] = {"", "nonsense", "<?xml version=\"1.0\"?><net><layers>",
                                        "\x08\x08:\x03"
                                        "abc"};
    for (size_t i = 0; fov_backend_at(i); i++) {
        char suffixes[128];
        snprintf(suffixes, sizeof suffixes, "%s", fov_backend_at(i)->suffixes);
        for (char *suffix = strtok(suffixes, " "); suffix; suffix = strtok(NULL, " ")) {
            char path[128];
            fov_error error = {.message = ""};
            fov_model *model = (fov_model *)8; /* must not be left */
            fov_model_params params = {.path = path, .backend = fov_backend_at(i)->name};
            if (suffix[0] != '.')
                continue;
            snprintf(path, sizeof path, "/tmp/fovea_model_%d%s", (int)getpid(), suffix);
            assert_int_equal(fov_model_open(&model, &params, &error), FOV_ENOTFOUND);
            assert_null(model);
            for (size_t t = 0; t < sizeof texts / sizeof *texts; t++) {
                write_file(path, texts[t]);
                fov_status status = fov_model_open(&model, &params, &error);
                assert_true(status == FOV_EMODEL || status == FOV_ERUNTIME ||
                            status == FOV_EUNSUPPORTED);
                assert_true(strlen(error.message) > 10 && !strchr(error.message, '\n'));
                assert_null(model);
            }
            unlink(path);
        }
    }
}

static void bad_parameters_are_refused(void **unused)
{
    (void)unused;
    static const struct {
        const char *path, *backend, *head;
        fov_status status;
    } cases[] = {{NULL, NULL, NULL, FOV_EINVAL},
                 {"", NULL, NULL, FOV_EINVAL},
                 {"picture.jpg", NULL, NULL, FOV_EUNSUPPORTED},
                 {"fake:", "nonsense", NULL, FOV_EUNSUPPORTED},
                 {"fake:", NULL, "nonsense", FOV_EINVAL},
                 {"fake:", NULL, "yolo", FOV_EMODEL},
                 {"fake:nonsense=1", NULL, NULL, FOV_EMODEL},
                 {"fake:cost_ms=-1", NULL, NULL, FOV_EMODEL},
                 {"fake:load_fails=1", NULL, NULL, FOV_EMODEL}};
    fov_model *model;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fov_model_params params = {
            .path = cases[i].path, .backend = cases[i].backend, .head = cases[i].head};
        assert_int_equal(fov_model_open(&model, &params, NULL), cases[i].status);
        assert_null(model);
    }
    assert_int_equal(fov_model_open(NULL, NULL, NULL), FOV_EINVAL);
}

static void closing_is_forgiving(void **unused)
{
    (void)unused;
    fov_model *model = NULL;
    fov_runner *runner = NULL;
    fov_model_close(NULL);
    fov_model_close(&model);
    fov_runner_close(NULL);
    fov_runner_close(&runner);
    assert_int_equal(fov_runner_open(&runner, NULL, NULL), FOV_EINVAL);
    assert_int_equal(fov_runner_open(NULL, NULL, NULL), FOV_EINVAL);
    /* the model lives until its runner is closed */
    model = open_model("fake:boxes=frame", FOV_HINT_LATENCY, 0);
    runner = open_runner(model);
    fov_model_close(&model);
    fov_model_close(&model);
    assert_null(model);
    struct found f;
    prepare(&f);
    static uint8_t pixels[64 * 48 * 3];
    fov_image image = draw(pixels, 64, 48, 0, 0, 1, 1);
    assert_int_equal(fov_runner_detect(runner, &image, 64, 48, NULL, &f.list, NULL, NULL), FOV_OK);
    fov_runner_close(&runner);
    fov_runner_close(&runner);
    assert_null(runner);
}

static void runners_are_counted(void **unused)
{
    (void)unused;
    fov_model *model = open_model("fake:", FOV_HINT_LATENCY, 0);
    fov_runner *a = open_runner(model), *b = NULL;
    fov_error error;
    assert_int_equal(fov_runner_open(&b, model, &error), FOV_EBUSY);
    assert_null(b);
    fov_runner_close(&a);
    a = open_runner(model);
    fov_runner_close(&a);
    fov_model_close(&model);
    model = open_model("fake:", FOV_HINT_THROUGHPUT, 2);
    assert_int_equal(fov_model_get_info(model)->max_runners, 2);
    a = open_runner(model);
    b = open_runner(model);
    fov_runner_close(&a);
    fov_runner_close(&b);
    fov_model_close(&model);
}

/* ---- the fake's promises
 * ------------------------------------------------------------------------------ */

static void fake_boxes_are_known(void **unused)
{
    (void)unused;
    static uint8_t pixels[400 * 200 * 3];
    fov_image image = draw(pixels, 400, 200, 0, 0, 1, 1);
    fov_model *model = open_model("fake:boxes=2,class=2,score=0.75", FOV_HINT_LATENCY, 0);
    fov_runner *runner = open_runner(model);
    struct found f;
    for (int i = 0; i < 30; i++) {
        prepare(&f);
        assert_int_equal(fov_runner_detect(runner, &image, 400, 200, NULL, &f.list, NULL, NULL),
                         FOV_OK);
        for (size_t k = 0; k < f.list.count; k++) {
            bool known = false;
            for (int n = 0; n < 2; n++) {
                float left = (float)(7 * (i + 11 * n) % 70) * 4;
                known = known || fabsf(f.items[k].x1 - left) < 0.01f;
            }
            assert_true(known);
            assert_float_equal(f.items[k].x2 - f.items[k].x1, 120, 0.01);
            assert_float_equal(f.items[k].y2 - f.items[k].y1, 80, 0.01);
            assert_float_equal(f.items[k].score, 0.75, 1e-6);
            assert_int_equal(f.items[k].class_id, 2);
            assert_int_equal(f.items[k].class_id_raw, 3);
            assert_int_equal(f.items[k].track_id, -1);
        }
        assert_true(f.list.count >= 1); /* the second may overlap the first */
    }
    assert_string_equal(fov_model_label(model, 2), "frame");
    assert_string_equal(fov_model_label(model, 77), "class_77");
    fov_runner_close(&runner);
    fov_model_close(&model);
}

static void failures_end_and_the_next_run_works(void **unused)
{
    (void)unused;
    static uint8_t pixels[64 * 48 * 3];
    fov_image image = draw(pixels, 64, 48, 0, 0, 1, 1);
    static const char *const paths[] = {"fake:fail_every=3", "fake:nan_every=3"};
    for (int p = 0; p < 2; p++) {
        fov_model *model = open_model(paths[p], FOV_HINT_LATENCY, 0);
        fov_runner *runner = open_runner(model);
        for (int run = 1; run <= 12; run++) {
            struct found f;
            prepare(&f);
            f.list.count = 5;
            fov_status status = fov_runner_detect(runner, &image, 64, 48, NULL, &f.list, NULL,
                                                  NULL);
            assert_int_equal(status, run % 3 ? FOV_OK : FOV_EINFER);
            assert_int_equal(f.list.count, run % 3 ? 1 : 0);
        }
        fov_runner_close(&runner);
        fov_model_close(&model);
    }
}

struct hung {
    const fov_backend *backend;
    void *runner;
    fov_status status;
};

static void *run_hung(void *arg)
{
    struct hung *h = arg;
    fov_tensor out[FOV_MODEL_OUTPUTS];
    h->status = h->backend->run(h->runner, out, NULL);
    return NULL;
}

static void a_hung_run_can_be_cancelled(void **unused)
{
    (void)unused;
    const fov_backend *b = NULL;
    for (size_t i = 0; fov_backend_at(i); i++)
        if (!strcmp(fov_backend_at(i)->name, "fake"))
            b = fov_backend_at(i);
    assert_non_null(b);
    fov_model_params params = {.path = "fake:hang_after=1"};
    struct hung h = {.backend = b};
    fov_tensor out[FOV_MODEL_OUTPUTS];
    void *model;
    pthread_t thread;
    assert_int_equal(b->load(&params, &model, NULL), FOV_OK);
    assert_int_equal(b->runner_open(model, &h.runner, NULL), FOV_OK);
    assert_int_equal(b->run(h.runner, out, NULL), FOV_OK);
    assert_int_equal(pthread_create(&thread, NULL, run_hung, &h), 0);
    usleep(50000);
    b->cancel(h.runner);
    pthread_join(thread, NULL);
    assert_int_equal(h.status, FOV_EINFER);
    b->runner_close(h.runner);
    b->unload(model);
}

static void the_environment_adds_options(void **unused)
{
    (void)unused;
    static uint8_t pixels[64 * 48 * 3];
    fov_image image = draw(pixels, 64, 48, 0, 0, 1, 1);
    struct found f;
    setenv("FOVEA_FAKE", "boxes=none,width=64", 1);
    fov_model *model = open_model("fake:boxes=2", FOV_HINT_LATENCY, 0);
    unsetenv("FOVEA_FAKE");
    fov_runner *runner = open_runner(model);
    prepare(&f);
    assert_int_equal(fov_runner_detect(runner, &image, 64, 48, NULL, &f.list, NULL, NULL), FOV_OK);
    assert_int_equal(f.list.count, 0);
    assert_int_equal(fov_model_get_info(model)->input_width, 64);
    fov_runner_close(&runner);
    fov_model_close(&model);
}

static void costs_and_delay_are_as_asked(void **unused)
{
    (void)unused;
    static uint8_t pixels[64 * 48 * 3];
    fov_image image = draw(pixels, 64, 48, 0, 0, 1, 1);
    fov_model *model = open_model("fake:sleep_ms=20,delay_ms=150", FOV_HINT_LATENCY, 0);
    fov_runner *runner = open_runner(model);
    struct found f;
    fov_timings timings = {0};
    prepare(&f);
    assert_int_equal(fov_runner_detect(runner, &image, 64, 48, NULL, &f.list, &timings, NULL),
                     FOV_OK);
    assert_true(timings.inference >= 20 * NS_PER_MS);
    assert_int_equal(fov_model_get_info(model)->delay_ns, 150 * NS_PER_MS);
    fov_runner_close(&runner);
    fov_model_close(&model);
}

/* ---- frames
 * ------------------------------------------------------------------------------------------------
 */

static fov_frame jpeg_frame(fov_encoder *encoder, const fov_image *image)
{
    fov_frame frame = {.codec = FOV_JPEG};
    const uint8_t *bytes;
    fov_error error = {.message = ""};
    if (fov_encode_jpeg(encoder, image, 95, &bytes, &frame.size, &error) != FOV_OK)
        fail_msg("%s", error.message);
    frame.bytes = malloc(frame.size);
    assert_non_null(frame.bytes);
    memcpy(frame.bytes, bytes, frame.size);
    return frame;
}

/* The box lies where the picture is bright, in source pixels, whatever size it was decoded at. */
static void boxes_belong_to_their_frame(void **unused)
{
    (void)unused;
    static const int sizes[][2] = {{2400, 1600}, {1280, 720}, {641, 479}, {300, 300}, {90, 50}};
    static uint8_t pixels[2400 * 1600 * 3];
    fov_model *model = open_model("fake:boxes=bright", FOV_HINT_LATENCY, 0);
    fov_runner *runner = open_runner(model);
    fov_encoder *encoder;
    assert_int_equal(fov_encoder_create(&encoder, NULL), FOV_OK);
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
        for (int exact = 0; exact < 2; exact++) {
            int w = sizes[s][0], h = sizes[s][1], got_width, got_height;
            int x0 = w / 5, y0 = h / 3, x1 = w / 2, y1 = h * 3 / 4;
            fov_image image = draw(pixels, w, h, x0, y0, x1, y1);
            fov_frame frame = jpeg_frame(encoder, &image);
            fov_detect_params params = {.exact = exact};
            fov_timings timings = {0};
            fov_error error = {.message = ""};
            struct found f;
            prepare(&f);
            if (fov_runner_detect_frame(runner, &frame, &params, &f.list, &got_width, &got_height,
                                        &timings, &error) != FOV_OK)
                fail_msg("%s", error.message);
            assert_int_equal(f.list.count, 1);
            float within = (float)(w > h ? w : h) / 100 + 1; /* a few cells of the 300 × 300 */
            expect_box(&f.items[0], (float)x0, (float)y0, (float)x1, (float)y1, within);
            assert_int_equal(got_width, w);
            assert_int_equal(got_height, h);
            assert_true(timings.decode > 0 && timings.preprocess > 0);
            free(frame.bytes);
        }
    fov_encoder_destroy(&encoder);
    fov_runner_close(&runner);
    fov_model_close(&model);
}

static void frames_without_a_picture_are_refused(void **unused)
{
    (void)unused;
    fov_model *model = open_model("fake:", FOV_HINT_LATENCY, 0);
    fov_runner *runner = open_runner(model);
    struct found f;
    uint8_t garbage[64] = {0xFF, 0xD8, 0xFF, 0xE0, 1};
    fov_frame empty = {.codec = FOV_JPEG}, broken = {.bytes = garbage, .size = sizeof garbage};
    fov_image image = {FOV_RGB24, 0, 5, {garbage}, {3}, 0, 0};
    prepare(&f);
    assert_int_equal(fov_runner_detect_frame(runner, &empty, NULL, &f.list, NULL, NULL, NULL, NULL),
                     FOV_EINVAL);
    assert_int_equal(
        fov_runner_detect_frame(runner, &broken, NULL, &f.list, NULL, NULL, NULL, NULL),
        FOV_EFORMAT);
    assert_int_equal(fov_runner_detect(runner, &image, 4, 4, NULL, &f.list, NULL, NULL),
                     FOV_EINVAL);
    assert_int_equal(fov_runner_detect(NULL, &image, 4, 4, NULL, &f.list, NULL, NULL), FOV_EINVAL);
    static const fov_detect_params bad[] = {
        {.conf = -1}, {.conf = 2}, {.iou = 1.5f}, {.conf = NAN}, {.max_detections = 1001}};
    static uint8_t pixels[8 * 8 * 3];
    image = draw(pixels, 8, 8, 0, 0, 1, 1);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(fov_runner_detect(runner, &image, 8, 8, &bad[i], &f.list, NULL, NULL),
                         FOV_EINVAL);
    fov_runner_close(&runner);
    fov_model_close(&model);
}

static void parameters_choose(void **unused)
{
    (void)unused;
    static uint8_t pixels[64 * 48 * 3];
    fov_image image = draw(pixels, 64, 48, 0, 0, 1, 1);
    fov_model *model = open_model("fake:boxes=frame,class=1,score=0.5", FOV_HINT_LATENCY, 0);
    fov_runner *runner = open_runner(model);
    static const struct {
        fov_detect_params params;
        size_t capacity, count;
    } cases[] = {{{.conf = 0.4f}, ROOM, 1},         {{.conf = 0.6f}, ROOM, 0},
                 {{.classes = {1u << 1}}, ROOM, 1}, {{.classes = {1u << 0}}, ROOM, 0},
                 {{.classes = {0, 1}}, ROOM, 0},    {{.conf = 0.4f}, 0, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct found f;
        prepare(&f);
        f.list.capacity = cases[i].capacity;
        assert_int_equal(
            fov_runner_detect(runner, &image, 64, 48, &cases[i].params, &f.list, NULL, NULL),
            FOV_OK);
        assert_int_equal(f.list.count, cases[i].count);
    }
    fov_runner_close(&runner);
    fov_model_close(&model);
}

static void nothing_is_allocated_after_warm_up(void **unused)
{
    (void)unused;
    if (!alloc_count_works())
        skip();
    static const int sizes[][2] = {{1920, 1080}, {1280, 720}, {640, 480}};
    static uint8_t pixels[1920 * 1080 * 3];
    fov_model *model = open_model("fake:boxes=3", FOV_HINT_LATENCY, 0);
    fov_runner *runner = open_runner(model);
    fov_encoder *encoder;
    fov_frame frames[3];
    struct found f;
    uint64_t before = 0;
    assert_int_equal(fov_encoder_create(&encoder, NULL), FOV_OK);
    for (int i = 0; i < 3; i++) {
        fov_image image = draw(pixels, sizes[i][0], sizes[i][1], 50, 50, 200, 200);
        frames[i] = jpeg_frame(encoder, &image);
    }
    for (int round = 0; round < 20; round++) {
        if (round == 4) {
            before = alloc_count_thread();
            alloc_trap(true);
        }
        for (int i = 0; i < 3; i++) {
            prepare(&f);
            assert_int_equal(
                fov_runner_detect_frame(runner, &frames[i], NULL, &f.list, NULL, NULL, NULL, NULL),
                FOV_OK);
        }
    }
    alloc_trap(false);
    assert_int_equal(alloc_count_thread() - before, 0);
    for (int i = 0; i < 3; i++)
        free(frames[i].bytes);
    fov_encoder_destroy(&encoder);
    fov_runner_close(&runner);
    fov_model_close(&model);
}

/* ---- the default model
 * ------------------------------------------------------------------------------------- */

static const char *default_model(void)
{
    static char path[600];
    char deps[512];
    if (!dynlib_deps_folder(deps, sizeof deps))
        return NULL;
    snprintf(path, sizeof path, "%s/models/ssd_mobilenet_v2/model.xml", deps);
    return access(path, R_OK) == 0 ? path : NULL;
}

struct worker {
    fov_runner *runner;
    const fov_image *image;
    struct found found;
    fov_status status;
};

static void *detect_often(void *arg)
{
    struct worker *w = arg;
    for (int i = 0; i < 5 && !w->status; i++) {
        prepare(&w->found);
        w->status = fov_runner_detect(w->runner, w->image, w->image->width, w->image->height, NULL,
                                      &w->found.list, NULL, NULL);
    }
    return NULL;
}

/* Two runners of one real model at once give the same, and what the model is can be read. */
static void the_default_model_runs(void **unused)
{
    (void)unused;
    if (!default_model()) {
        print_message("SKIP the_default_model_runs: no .deps (run `make build`)\n");
        skip();
    }
    fov_model_params params = {.path = default_model(),
                               .hint = FOV_HINT_THROUGHPUT,
                               .runners = 2,
                               .precision = FOV_PRECISION_F32};
    fov_model *model;
    fov_error error = {.message = ""};
    if (fov_model_open(&model, &params, &error) != FOV_OK)
        fail_msg("%s", error.message);
    const fov_model_info *info = fov_model_get_info(model);
    assert_string_equal(info->id, "ssd_mobilenet_v2");
    assert_string_equal(info->head, "ssd");
    assert_string_equal(info->head_evidence, "rt_info model_type=ssd");
    assert_string_equal(info->precision, "f32");
    assert_int_equal(info->max_runners, 2);
    assert_int_equal(info->label_count, 80);
    assert_string_equal(info->labels[0], "person");
    static uint8_t pixels[320 * 240 * 3];
    fov_image image = draw(pixels, 320, 240, 80, 60, 240, 180);
    struct worker workers[2] = {{.runner = open_runner(model), .image = &image},
                                {.runner = open_runner(model), .image = &image}};
    pthread_t threads[2];
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, detect_often, &workers[i]), 0);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(workers[0].status, FOV_OK);
    assert_int_equal(workers[1].status, FOV_OK);
    assert_int_equal(workers[0].found.list.count, workers[1].found.list.count);
    assert_memory_equal(workers[0].found.items, workers[1].found.items,
                        sizeof workers[0].found.items);
    for (int i = 0; i < 2; i++)
        fov_runner_close(&workers[i].runner);
    fov_model_close(&model);
}

/* Cancelling at any moment ends a run early or not at all; the next one works. */
static void cancelling_a_real_run_is_harmless(void **unused)
{
    (void)unused;
    if (!default_model())
        skip();
    fov_model_params params = {.path = default_model()};
    struct hung h = {.backend = fov_backend_at(0)};
    fov_tensor out[FOV_MODEL_OUTPUTS];
    void *model;
    assert_int_equal(h.backend->load(&params, &model, NULL), FOV_OK);
    assert_int_equal(h.backend->runner_open(model, &h.runner, NULL), FOV_OK);
    for (int i = 0; i < 20; i++) {
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, run_hung, &h), 0);
        usleep((useconds_t)(i * 400));
        h.backend->cancel(h.runner);
        pthread_join(thread, NULL);
        assert_true(h.status == FOV_OK || h.status == FOV_EINFER);
    }
    h.backend->run(h.runner, out, NULL); /* a cancel that came late may hit this one */
    assert_int_equal(h.backend->run(h.runner, out, NULL), FOV_OK);
    h.backend->runner_close(h.runner);
    h.backend->unload(model);
}

static void an_unknown_device_is_named(void **unused)
{
    (void)unused;
    if (!default_model())
        skip();
    fov_model_params params = {.path = default_model(), .device = "TPU"};
    fov_model *model;
    fov_error error = {.message = ""};
    assert_int_equal(fov_model_open(&model, &params, &error), FOV_EUNSUPPORTED);
    assert_non_null(strstr(error.message, "TPU"));
    assert_non_null(strstr(error.message, "CPU"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_backend_is_complete),
        cmocka_unit_test(bad_files_are_refused),
        cmocka_unit_test(bad_parameters_are_refused),
        cmocka_unit_test(closing_is_forgiving),
        cmocka_unit_test(runners_are_counted),
        cmocka_unit_test(fake_boxes_are_known),
        cmocka_unit_test(failures_end_and_the_next_run_works),
        cmocka_unit_test(a_hung_run_can_be_cancelled),
        cmocka_unit_test(the_environment_adds_options),
        cmocka_unit_test(costs_and_delay_are_as_asked),
        cmocka_unit_test(boxes_belong_to_their_frame),
        cmocka_unit_test(frames_without_a_picture_are_refused),
        cmocka_unit_test(parameters_choose),
        cmocka_unit_test(nothing_is_allocated_after_warm_up),
        cmocka_unit_test(the_default_model_runs),
        cmocka_unit_test(cancelling_a_real_run_is_harmless),
        cmocka_unit_test(an_unknown_device_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
