/* The contract of models and runners, for every backend of the build and for the default model. */
#include "model_test.h"

#include <pthread.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/dynlib.h"
#include "infer/model_internal.h"

/* ---- every backend ---- */

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
                 {"picture.jpg", NULL, NULL, FOV_ENOTFOUND},
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

/* ---- the fake's promises ---- */

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
    static const char *const paths[] = {"fake:fail_every=3", "fake:nan_every=3",
                                        "fake:odd_every=3"};
    for (int p = 0; p < 3; p++) {
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

static const fov_backend *honest;

static fov_status run_boasting(void *handle, fov_tensor *out, fov_error *error)
{
    fov_status status = honest->run(handle, out, error);
    out[0].shape[1] = INT64_C(1) << 40;
    return status;
}

/* More numbers than are counted are not none: heads would walk them. */
static void absurd_sizes_of_open_outputs_are_refused(void **unused)
{
    (void)unused;
    fov_model *model = open_model("fake:", FOV_HINT_LATENCY, 0);
    fov_runner *runner = open_runner(model);
    fov_tensor out[FOV_MODEL_OUTPUTS];
    honest = model->backend;
    fov_backend boasting = *honest;
    boasting.run = run_boasting;
    model->about.outputs[0].shape[1] = -1;
    assert_int_equal(runner_run(runner, out, NULL), FOV_OK);
    model->backend = &boasting;
    assert_int_equal(runner_run(runner, out, NULL), FOV_EINFER);
    model->backend = honest;
    fov_runner_close(&runner);
    fov_model_close(&model);
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

/* ---- the default model ---- */

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
        cmocka_unit_test(absurd_sizes_of_open_outputs_are_refused),
        cmocka_unit_test(a_hung_run_can_be_cancelled),
        cmocka_unit_test(the_environment_adds_options),
        cmocka_unit_test(costs_and_delay_are_as_asked),
        cmocka_unit_test(the_default_model_runs),
        cmocka_unit_test(cancelling_a_real_run_is_harmless),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
