/* A backend without a model: costs, faults and boxes on demand, for tests and for trying out a
 * server. The path is `fake:key=value,...`; options in the environment's FOVEA_FAKE follow.
 *
 *   width=300 height=300     the input, u8 NHWC RGB, stretched
 *   open=1                   the size is open: input_width is followed (default 640), and costs are
 *                            those of 640 px, less in proportion to the area of a smaller input
 *   cost_ms=0                processor time a run uses (busy)
 *   sleep_ms=0               time a run waits (idle)
 *   jitter_ms=0              up to this much more of whichever of the two is set, by `seed`
 *   delay_ms=0               results are to be published this much later (no worker waits)
 *   boxes=moving             one box that is a function of the run's index i, counted by the runner
 *                            from 0: left (7 i mod 70) %, top (3 i mod 60) %, 30 % wide, 40 % high
 *         =N                 the same box N times (1..16), the k-th for the index i + 11 k
 *         =none | frame      no box | one that covers the picture
 *         =bright            one around the brightest pixels of the picture itself, none when they
 *                            are darker than 128: proof that boxes belong to their frame
 *         =colors            one around the red pixels, the green ones, the blue ones, where there
 *                            are any: several things that cross, and can be told apart
 *   embed=N                  no boxes but a vector of N numbers (3..4096), made of the picture's
 *                            colours: the mean of each channel of N / 3 bands from the top, -1..1
 *   score=0.9  class=0       of each box
 *   labels=A+B+C+D           of the classes (default: box+bright+frame+other)
 *   fail_every=N             every N-th run fails         (0: never)
 *   nan_every=N              every N-th run gives NaN     (0: never)
 *   odd_every=N              every N-th run gives a row less than described  (0: never)
 *   hang_after=N             the run after N runs does not return until it is cancelled (-1: never)
 *   hang_every=N             so does every N-th run, and the others work  (0: never)
 *   deaf=1                   ... and cancelling does not help
 *   load_fails=1             loading fails
 *   gpu_load_fails=0|1       there is a device GPU beside the CPU, better than it, and loading on
 *                            it works or fails
 *   gpu_fail_after=N         every run there after N runs fails      (-1: never)
 *   gpu_nan_after=N          every run there after N runs gives NaN  (-1: never)
 *   limits=1                 a run that sleeps ends at its frame's deadline, as a remote one does
 *   batch=1                  pictures a run takes, when none is asked for
 *   batch_sleep_ms=0         ... time that a run of more than one waits beside
 *   runners=N                how many may be open at once (default: 1, throughput: the cores)
 *   seed=1
 */
#include <fovea/backend.h>

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/text.h"
#include "infer/cores.h"

enum { FAKE_BOXES = 16, FAKE_CLASSES = 4 };
enum { BOXES_NONE = 0, BOXES_FRAME = -1, BOXES_BRIGHT = -2, BOXES_COLORS = -3 };

#define VIVID 64 /* a channel is so much more than the others: the colour of a box */

struct fake {
    double width, height, cost_ms, sleep_ms, jitter_ms, delay_ms, score, class_id;
    double fail_every, nan_every, odd_every, hang_after, hang_every, deaf, load_fails, runners,
        seed;
    double gpu_load_fails, gpu_fail_after, gpu_nan_after, limits, open;
    bool on_gpu;
    double batch, batch_sleep_ms, embed;
    int boxes; /* a number of moving ones, or BOXES_* */
    int max_runners;
    char labels[128]; /* with the background's, parted by blanks */
};

struct fake_runner {
    const struct fake *fake;
    uint8_t *picture;      /* batch of them */
    float *boxes, *scores; /* a picture: FAKE_BOXES × 4, FAKE_BOXES × (FAKE_CLASSES + 1) */
    float *vectors;        /* with `embed`, a picture */
    uint64_t runs, random;
    int64_t limit_ns;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool cancelled;
};

static void probe(const char *runtime_dir, fov_backend_probe *p)
{
    (void)runtime_dir;
    *p = (fov_backend_probe){.available = true, .device_count = 2};
    text_copy(p->version, sizeof p->version, FOVEA_VERSION);
    for (int i = 0; i < 2; i++) {
        text_copy(p->devices[i], sizeof p->devices[i], i ? "GPU" : "CPU");
        text_copy(p->device_names[i], sizeof p->device_names[i], "fake (no model)");
    }
}

static bool set_boxes(struct fake *fake, const char *value)
{
    static const struct {
        const char *word;
        int boxes;
    } words[] = {{"moving", 1},
                 {"none", BOXES_NONE},
                 {"frame", BOXES_FRAME},
                 {"bright", BOXES_BRIGHT},
                 {"colors", BOXES_COLORS}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (!strcmp(value, words[i].word)) {
            fake->boxes = words[i].boxes;
            return true;
        }
    long long number;
    bool valid = text_to_int(value, 1, FAKE_BOXES, &number);
    if (valid)
        fake->boxes = (int)number;
    return valid;
}

/* Classes that are not named are "otherN". */
static bool set_labels(struct fake *fake, const char *value)
{
    int length = snprintf(fake->labels, sizeof fake->labels, "background"), count = 0;
    for (; *value && count < FAKE_CLASSES; count++) {
        size_t size = strcspn(value, "+");
        length += snprintf(fake->labels + length, sizeof fake->labels - (size_t)length, " %.*s",
                           (int)size, value);
        value += size + (value[size] == '+');
        if (size == 0 || (size_t)length + 32 > sizeof fake->labels)
            return false;
    }
    for (bool named = *value == '\0'; named && count < FAKE_CLASSES; count++)
        length += snprintf(fake->labels + length, sizeof fake->labels - (size_t)length, " other%d",
                           count);
    return *value == '\0';
}

static bool set_option(struct fake *fake, const char *key, const char *value)
{
    const struct {
        const char *key;
        double *value, least, most;
    } options[] = {{"width", &fake->width, 8, 4096},
                   {"height", &fake->height, 8, 4096},
                   {"cost_ms", &fake->cost_ms, 0, 60000},
                   {"sleep_ms", &fake->sleep_ms, 0, 60000},
                   {"jitter_ms", &fake->jitter_ms, 0, 1e4},
                   {"delay_ms", &fake->delay_ms, 0, 60000},
                   {"score", &fake->score, 0, 1},
                   {"class", &fake->class_id, 0, FAKE_CLASSES - 1},
                   {"fail_every", &fake->fail_every, 0, 1e9},
                   {"nan_every", &fake->nan_every, 0, 1e9},
                   {"odd_every", &fake->odd_every, 0, 1e9},
                   {"hang_after", &fake->hang_after, -1, 1e9},
                   {"hang_every", &fake->hang_every, 0, 1e9},
                   {"deaf", &fake->deaf, 0, 1},
                   {"load_fails", &fake->load_fails, 0, 1},
                   {"runners", &fake->runners, 0, 64},
                   {"limits", &fake->limits, 0, 1},
                   {"open", &fake->open, 0, 1},
                   {"batch", &fake->batch, 1, FOV_BATCH_MAX},
                   {"embed", &fake->embed, 3, 4096},
                   {"batch_sleep_ms", &fake->batch_sleep_ms, 0, 60000},
                   {"gpu_load_fails", &fake->gpu_load_fails, 0, 1},
                   {"gpu_fail_after", &fake->gpu_fail_after, -1, 1e9},
                   {"gpu_nan_after", &fake->gpu_nan_after, -1, 1e9},
                   {"seed", &fake->seed, 0, 1e15}};
    if (!strcmp(key, "boxes"))
        return set_boxes(fake, value);
    if (!strcmp(key, "labels"))
        return set_labels(fake, value);
    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        if (!strcmp(key, options[i].key))
            return text_to_double(value, options[i].least, options[i].most, options[i].value);
    return false;
}

static fov_status read_options(struct fake *fake, const char *text, fov_error *error)
{
    char pair[128];
    while (text && *text) {
        size_t size = strcspn(text, ",");
        if (size >= sizeof pair)
            return fov_fail(error, FOV_EMODEL, "fake: option too long");
        memcpy(pair, text, size);
        pair[size] = '\0';
        text += size + (text[size] == ',');
        char *equals = strchr(pair, '=');
        if (equals)
            *equals = '\0';
        if (size && (!equals || !set_option(fake, pair, equals + 1)))
            return fov_fail(error, FOV_EMODEL, "fake: no option %s, or a value out of range", pair);
    }
    return FOV_OK;
}

static void follow_size(struct fake *fake, const fov_model_params *params)
{
    fake->width = params->input_width > 0 ? params->input_width : 640;
    fake->height = params->input_height > 0 ? params->input_height : fake->width;
    double area = fake->width * fake->height / (640.0 * 640.0);
    fake->cost_ms *= area;
    fake->sleep_ms *= area;
    fake->jitter_ms *= area;
}

static fov_status load(const fov_model_params *params, void **model, fov_error *error)
{
    struct fake *fake = malloc(sizeof *fake);
    if (!fake)
        return fov_fail(error, FOV_ENOMEM, "no memory");
    *fake = (struct fake){.batch = params->batch > 1 ? params->batch : 1,
                          .width = 300,
                          .height = 300,
                          .score = 0.9,
                          .hang_after = -1,
                          .seed = 1,
                          .boxes = 1,
                          .gpu_fail_after = -1,
                          .gpu_nan_after = -1,
                          .labels = "background box bright frame other",
                          .on_gpu = params->device && !strcmp(params->device, "GPU")};
    const char *colon = strchr(params->path, ':');
    fov_status status = read_options(fake, colon ? colon + 1 : NULL, error);
    if (!status)
        status = read_options(fake, getenv("FOVEA_FAKE"), error);
    if (!status && fake->load_fails != 0)
        status = fov_fail(error, FOV_EMODEL, "fake: load_fails=1");
    if (!status && fake->on_gpu && fake->gpu_load_fails != 0)
        status = fov_fail(error, FOV_EMODEL, "fake: gpu_load_fails=1");
    if (status) {
        free(fake);
        return status;
    }
    if (fake->open != 0)
        follow_size(fake, params);
    int wanted = params->runners > 0 ? params->runners : cores_available();
    fake->max_runners = params->hint == FOV_HINT_THROUGHPUT ? wanted : 1;
    if (fake->runners > 0)
        fake->max_runners = (int)fake->runners;
    *model = fake;
    return FOV_OK;
}

static fov_tensor tensor(const struct fake *fake, const char *name, fov_dtype dtype, void *data,
                         int rank, int64_t a, int64_t b, int64_t c)
{
    fov_tensor t = {
        .data = data, .dtype = dtype, .rank = rank, .shape = {(int64_t)fake->batch, a, b, c}};
    text_copy(t.name, sizeof t.name, name);
    return t;
}

static fov_tensor input_of(const struct fake *fake, void *data)
{
    return tensor(fake, "image", FOV_U8, data, 4, (int64_t)fake->height, (int64_t)fake->width, 3);
}

static void outputs_of(const struct fake *fake, struct fake_runner *runner, fov_tensor out[2])
{
    out[0] = tensor(fake, "boxes", FOV_F32, runner ? runner->boxes : NULL, 3, FAKE_BOXES, 4, 0);
    out[1] = tensor(fake, "scores", FOV_F32, runner ? runner->scores : NULL, 3, FAKE_BOXES,
                    FAKE_CLASSES + 1, 0);
}

static fov_tensor vectors_of(const struct fake *fake, struct fake_runner *runner)
{
    return tensor(fake, "embedding", FOV_F32, runner ? runner->vectors : NULL, 2,
                  (int64_t)fake->embed, 0, 0);
}

static void describe(void *model, fov_backend_model *d)
{
    const struct fake *fake = model;
    *d = (fov_backend_model){.input_count = 1,
                             .output_count = 2,
                             .threads = 1,
                             .max_runners = fake->max_runners,
                             .batch = (int)fake->batch,
                             .open_size = fake->open != 0,
                             .delay_ns = ms_to_ns(fake->delay_ms)};
    d->inputs[0] = input_of(fake, NULL);
    if (fake->embed > 0) {
        d->outputs[0] = vectors_of(fake, NULL);
        d->output_count = 1;
    } else {
        outputs_of(fake, NULL, d->outputs);
    }
    text_copy(d->version, sizeof d->version, FOVEA_VERSION);
    text_copy(d->device, sizeof d->device, fake->on_gpu ? "GPU" : "CPU");
    text_copy(d->device_name, sizeof d->device_name, "fake (no model)");
    text_copy(d->precision, sizeof d->precision, "f32");
}

static void runner_close(void *handle)
{
    struct fake_runner *runner = handle;
    pthread_cond_destroy(&runner->wake);
    pthread_mutex_destroy(&runner->lock);
    free(runner->picture);
    free(runner->boxes);
    free(runner->scores);
    free(runner->vectors);
    free(runner);
}

static fov_status runner_open(void *model, void **handle, fov_error *error)
{
    const struct fake *fake = model;
    struct fake_runner *runner = calloc(1, sizeof *runner);
    size_t batch = (size_t)fake->batch;
    size_t size = batch * (size_t)fake->width * (size_t)fake->height * 3;
    if (!runner)
        return fov_fail(error, FOV_ENOMEM, "no memory for a runner");
    runner->picture = aligned_alloc(64, (size + 63) & ~(size_t)63);
    runner->boxes = calloc(batch * FAKE_BOXES, 4 * sizeof(float));
    runner->scores = calloc(batch * FAKE_BOXES, (FAKE_CLASSES + 1) * sizeof(float));
    runner->vectors = calloc(batch * ((size_t)fake->embed + 1), sizeof(float));
    pthread_mutex_init(&runner->lock, NULL);
    pthread_cond_init(&runner->wake, NULL);
    if (!runner->picture || !runner->boxes || !runner->scores || !runner->vectors) {
        runner_close(runner);
        return fov_fail(error, FOV_ENOMEM, "no memory for a runner");
    }
    runner->fake = fake;
    runner->random = (uint64_t)fake->seed * 2 + 1;
    *handle = runner;
    return FOV_OK;
}

static void inputs(void *handle, fov_tensor *in)
{
    struct fake_runner *runner = handle;
    in[0] = input_of(runner->fake, runner->picture);
}

static double random_share(struct fake_runner *runner)
{
    runner->random = runner->random * 6364136223846793005u + 1442695040888963407u;
    return (double)(runner->random >> 11) / 9007199254740992.0;
}

/* Works or waits as long as it was told; false when the limit came first. */
static bool spend(struct fake_runner *runner)
{
    const struct fake *fake = runner->fake;
    double more = fake->jitter_ms > 0 ? fake->jitter_ms * random_share(runner) : 0;
    if (fake->sleep_ms > 0 || fake->cost_ms <= 0) {
        int64_t ns = ms_to_ns(fake->sleep_ms + more + (fake->batch > 1 ? fake->batch_sleep_ms : 0));
        int64_t left = runner->limit_ns - clock_now_ns();
        bool limited = fake->limits != 0 && runner->limit_ns && left < ns;
        ns = limited ? left > 0 ? left : 0 : ns;
        struct timespec pause = ns_to_timespec(ns);
        if (ns > 0)
            clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
        if (limited)
            return false;
        more = 0;
    }
    int64_t until = clock_thread_ns() + ms_to_ns(fake->cost_ms + more);
    while (fake->cost_ms > 0 && clock_thread_ns() < until)
        ;
    return true;
}

/* True when a cancel ended the wait. */
static void hang(struct fake_runner *runner)
{
    pthread_mutex_lock(&runner->lock);
    while (!runner->cancelled || runner->fake->deaf != 0)
        pthread_cond_wait(&runner->wake, &runner->lock);
    runner->cancelled = false;
    pthread_mutex_unlock(&runner->lock);
}

/* The k-th box of the n-th picture. */
static void put_box(struct fake_runner *runner, int n, int k, double x0, double y0, double x1,
                    double y1)
{
    float *box = runner->boxes + 4 * (n * FAKE_BOXES + k);
    box[0] = (float)y0;
    box[1] = (float)x0;
    box[2] = (float)y1;
    box[3] = (float)x1;
    runner->scores[(n * FAKE_BOXES + k) * (FAKE_CLASSES + 1) + 1 + (int)runner->fake->class_id] =
        (float)runner->fake->score;
}

static int luma(const uint8_t *p)
{
    return (77 * p[0] + 150 * p[1] + 29 * p[2]) >> 8;
}

static void put_bright(struct fake_runner *runner, int n)
{
    int width = (int)runner->fake->width, height = (int)runner->fake->height, most = 0;
    int x0 = width, y0 = height, x1 = 0, y1 = 0;
    const uint8_t *picture = runner->picture + 3 * (size_t)n * (size_t)(width * height);
    for (int i = 0; i < width * height; i++)
        most = luma(picture + 3 * i) > most ? luma(picture + 3 * i) : most;
    int least = most - 24;
    for (int y = 0; most >= 128 && y < height; y++)
        for (int x = 0; x < width; x++)
            if (luma(picture + 3 * (y * width + x)) >= least) {
                x0 = x < x0 ? x : x0;
                x1 = x + 1 > x1 ? x + 1 : x1;
                y0 = y < y0 ? y : y0;
                y1 = y + 1;
            }
    if (x1 > x0)
        put_box(runner, n, 0, (double)x0 / width, (double)y0 / height, (double)x1 / width,
                (double)y1 / height);
}

/* Whether the pixel is of the colour whose channel that is. */
static bool is_vivid(const uint8_t *p, int channel)
{
    int a = p[(channel + 1) % 3], b = p[(channel + 2) % 3];
    return p[channel] >= (a > b ? a : b) + VIVID;
}

static void put_color(struct fake_runner *runner, int n, int channel)
{
    int width = (int)runner->fake->width, height = (int)runner->fake->height;
    int x0 = width, y0 = height, x1 = 0, y1 = 0;
    const uint8_t *picture = runner->picture + 3 * (size_t)n * (size_t)(width * height);
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++)
            if (is_vivid(picture + 3 * (y * width + x), channel)) {
                x0 = x < x0 ? x : x0;
                x1 = x + 1 > x1 ? x + 1 : x1;
                y0 = y < y0 ? y : y0;
                y1 = y + 1;
            }
    if (x1 > x0)
        put_box(runner, n, channel, (double)x0 / width, (double)y0 / height, (double)x1 / width,
                (double)y1 / height);
}

static void put_vector(struct fake_runner *runner, int n)
{
    int width = (int)runner->fake->width, height = (int)runner->fake->height;
    int numbers = (int)runner->fake->embed, bands = numbers / 3;
    const uint8_t *picture = runner->picture + 3 * (size_t)n * (size_t)(width * height);
    float *vector = runner->vectors + (size_t)n * (size_t)numbers;
    for (int i = 0; i < 3 * bands; i++) {
        int from = i / 3 * height / bands, to = (i / 3 + 1) * height / bands;
        double sum = 0;
        for (int k = from * width; k < to * width; k++)
            sum += picture[3 * k + i % 3];
        vector[i] = to > from ? (float)(sum / ((to - from) * width) / 127.5 - 1) : 0;
    }
}

static void put_boxes(struct fake_runner *runner, int n, uint64_t index)
{
    for (int c = 0; runner->fake->boxes == BOXES_COLORS && c < 3; c++)
        put_color(runner, n, c);
    if (runner->fake->boxes == BOXES_FRAME)
        put_box(runner, n, 0, 0, 0, 1, 1);
    if (runner->fake->boxes == BOXES_BRIGHT)
        put_bright(runner, n);
    for (int k = 0; k < runner->fake->boxes; k++) {
        uint64_t i = index + 11 * (uint64_t)k;
        double left = (double)(7 * i % 70) / 100, top = (double)(3 * i % 60) / 100;
        put_box(runner, n, k, left, top, left + 0.3, top + 0.4);
    }
}

static void put_all(struct fake_runner *runner, uint64_t index)
{
    size_t rows = (size_t)runner->fake->batch * FAKE_BOXES;
    memset(runner->boxes, 0, rows * 4 * sizeof(float));
    memset(runner->scores, 0, rows * (FAKE_CLASSES + 1) * sizeof(float));
    for (int n = 0; n < (int)runner->fake->batch; n++)
        put_boxes(runner, n, index);
}

static bool is_due(double every, uint64_t run)
{
    return every >= 1 && run % (uint64_t)every == 0;
}

static bool is_past(const struct fake *fake, double after, uint64_t run)
{
    return fake->on_gpu && after >= 0 && run > (uint64_t)after;
}

static fov_status run(void *handle, fov_tensor *out, fov_error *error)
{
    struct fake_runner *runner = handle;
    const struct fake *fake = runner->fake;
    uint64_t index = runner->runs++, number = index + 1;
    if ((fake->hang_after >= 0 && number > (uint64_t)fake->hang_after) ||
        is_due(fake->hang_every, number)) {
        hang(runner);
        return fov_fail(error, FOV_EINFER, "fake: cancelled");
    }
    if (!spend(runner))
        return fov_fail(error, FOV_ETIMEOUT, "fake: the frame's deadline passed");
    if (is_due(fake->fail_every, number) || is_past(fake, fake->gpu_fail_after, number))
        return fov_fail(error, FOV_EINFER, "fake: fail_every");
    put_all(runner, index);
    for (int n = 0; fake->embed > 0 && n < (int)fake->batch; n++)
        put_vector(runner, n);
    if (is_due(fake->nan_every, number) || is_past(fake, fake->gpu_nan_after, number))
        runner->boxes[0] = runner->vectors[0] = NAN;
    if (fake->embed > 0)
        out[0] = vectors_of(fake, runner);
    else
        outputs_of(fake, runner, out);
    if (is_due(fake->odd_every, number))
        out[0].shape[1]--;
    return FOV_OK;
}

static void limit(void *handle, int64_t deadline_ns)
{
    ((struct fake_runner *)handle)->limit_ns = deadline_ns;
}

static void cancel(void *handle)
{
    struct fake_runner *runner = handle;
    pthread_mutex_lock(&runner->lock);
    runner->cancelled = true;
    pthread_cond_broadcast(&runner->wake);
    pthread_mutex_unlock(&runner->lock);
}

/* What files of models say about themselves. */
static void metadata(void *model, fov_backend_say say, void *user)
{
    const struct fake *fake = model;
    say(user, "model_type", fake->embed > 0 ? "embed" : "ssd");
    say(user, "labels", fake->labels);
}

const fov_backend fov_backend_fake = {.abi = FOV_BACKEND_ABI,
                                      .name = "fake",
                                      .suffixes = "fake:",
                                      .probe = probe,
                                      .load = load,
                                      .describe = describe,
                                      .runner_open = runner_open,
                                      .inputs = inputs,
                                      .run = run,
                                      .limit = limit,
                                      .cancel = cancel,
                                      .runner_close = runner_close,
                                      .unload = free,
                                      .metadata = metadata};
