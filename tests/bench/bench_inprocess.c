/* What the flow room adds to the work itself, in one process.
 *
 *     bench_inprocess [--model PATH] [--rounds N] [--frames N] [--json FILE]
 *
 * The bound is the same work as raw calls in a loop: decode at the scale used, letterbox, run,
 * head, NMS. It is measured in the same process, interleaved round by round with the streams;
 * given are medians
 * over the rounds, of differences and ratios too, so that a busy machine weighs on both alike.
 * Everything runs at the priority of workers. */
#include <math.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <fovea/fovea.h>

#include "base/clock.h"
#include "base/text.h"
#include "quantile.h"
#include "texture.h"

enum { PICTURES = 8, ROUNDS_MAX = 99, FRAMES_MAX = 10000, WORKERS_MAX = 64, WINDOW = 2 };

struct settings {
    const char *model, *json;
    int rounds, frames;
};

struct picture {
    uint8_t *bytes;
    size_t size;
};

static struct settings settings = {.rounds = 7, .frames = 60};
static struct picture pictures[PICTURES];
static fov_frame_pool *pool;
static fov_model_info about;
static FILE *json;

static void give_up(const char *what, const fov_error *error)
{
    fprintf(stderr, "bench_inprocess: %s: %s\n", what, error ? error->message : "");
    exit(1);
}

/* ---- the work as raw calls --------------------------------------------------------------------
 */

struct raw {
    fov_runner *runner;
    fov_decoder *decoder;
    fov_detection items[300];
};

static void raw_open(struct raw *raw, fov_model *model)
{
    fov_error error = {0};
    if (fov_runner_open(&raw->runner, model, &error) || fov_decoder_create(&raw->decoder, &error))
        give_up("raw calls", &error);
}

static void raw_close(struct raw *raw)
{
    fov_runner_close(&raw->runner);
    fov_decoder_destroy(&raw->decoder);
}

/* The rule of the runner, written again: the smallest of 1/1..1/8 that the model's input needs. */
static int denominator(int width, int height)
{
    double w = about.input_width, h = about.input_height;
    if (about.letterbox) {
        double scale = fmin(w / width, h / height);
        w = width * scale;
        h = height * scale;
    }
    int d = 8;
    while (d > 1 && ((width + d - 1) / d < w - 0.5 || (height + d - 1) / d < h - 0.5))
        d /= 2;
    return d;
}

static void raw_frame(struct raw *raw, const struct picture *p)
{
    fov_image image;
    fov_picture_info info;
    fov_error error = {0};
    fov_detections out = {.items = raw->items, .capacity = 300};
    if (fov_picture_probe(p->bytes, p->size, &info, &error) ||
        fov_decode(raw->decoder, p->bytes, p->size, FOV_YUV, denominator(info.width, info.height),
                   &image, &info, &error) ||
        fov_runner_detect(raw->runner, &image, info.width, info.height, NULL, &out, NULL, &error))
        give_up("raw calls", &error);
}

/* ---- a frame at a time ------------------------------------------------------------------------
 */

static sem_t answered;
static int64_t answered_ns;

static void on_single(void *user, const fov_result *r)
{
    (void)user;
    answered_ns = clock_now_ns();
    if (r->outcome != FOV_DELIVERED)
        give_up("a frame was not delivered", NULL);
    sem_post(&answered);
}

static fov_frame *frame_of(const struct picture *p)
{
    fov_frame *frame;
    if (fov_frame_get(pool, p->size, &frame))
        give_up("no frame", NULL);
    memcpy(frame->bytes, p->bytes, p->size);
    frame->size = p->size;
    frame->codec = FOV_JPEG;
    return frame;
}

static double stream_frame(fov_stream *stream, const struct picture *p)
{
    fov_frame *frame = frame_of(p);
    int64_t start = clock_now_ns();
    frame->capture_ns = start;
    fov_stream_put(stream, &frame, NULL);
    sem_wait(&answered);
    return ns_to_ms(answered_ns - start);
}

struct latency {
    double bound_p50, bound_p99, p50, p99, more; /* more: p50 over the bound's, round by round */
};

static struct latency measure_latency(fov_workers *workers, struct raw *raw)
{
    static double bound[FRAMES_MAX], mine[FRAMES_MAX], rounds[5][ROUNDS_MAX];
    fov_stream *stream;
    fov_error error = {0};
    fov_stream_params params = {.on_result = on_single};
    if (fov_stream_open(&stream, workers, &params, &error))
        give_up("stream", &error);
    for (int r = -1; r < settings.rounds; r++) { /* the first one warms up */
        for (int i = 0; i < settings.frames; i++) {
            const struct picture *p = &pictures[i % PICTURES];
            int64_t start = clock_now_ns();
            raw_frame(raw, p);
            bound[i] = ns_to_ms(clock_now_ns() - start);
            mine[i] = stream_frame(stream, p);
        }
        if (r < 0)
            continue;
        rounds[0][r] = quantile(bound, settings.frames, 0.5);
        rounds[1][r] = quantile(mine, settings.frames, 0.5);
        rounds[2][r] = quantile(mine, settings.frames, 0.99);
        rounds[3][r] = rounds[1][r] - rounds[0][r];
        rounds[4][r] = quantile(bound, settings.frames, 0.99);
    }
    fov_stream_close(&stream);
    return (struct latency){.bound_p50 = quantile(rounds[0], settings.rounds, 0.5),
                            .p50 = quantile(rounds[1], settings.rounds, 0.5),
                            .p99 = quantile(rounds[2], settings.rounds, 0.5),
                            .more = quantile(rounds[3], settings.rounds, 0.5),
                            .bound_p99 = quantile(rounds[4], settings.rounds, 0.5)};
}

/* ---- throughput --------------------------------------------------------------------------------
 */

struct closed_loop {
    fov_stream *stream;
    atomic_int left, open;
    sem_t done;
};

/* Puts the same frame again: nobody else holds it any more. */
static void on_loop(void *user, const fov_result *r)
{
    struct closed_loop *loop = user;
    if (r->outcome != FOV_DELIVERED)
        give_up("a frame was not delivered", NULL);
    if (atomic_fetch_sub(&loop->left, 1) > 0) {
        fov_frame *frame = fov_frame_ref(r->frame);
        frame->capture_ns = clock_now_ns();
        frame->deadline_ns = 0;
        fov_stream_put(loop->stream, &frame, NULL);
    } else if (atomic_fetch_sub(&loop->open, 1) == 1) {
        sem_post(&loop->done);
    }
}

static double streams_fps(fov_workers *workers, int count, int frames)
{
    struct closed_loop loops[4];
    fov_stream_params params = {
        .on_result = on_loop, .fifo = true, .capacity = 4, .max_bytes = 64 << 20};
    for (int s = 0; s < count; s++) {
        params.user = &loops[s];
        if (fov_stream_open(&loops[s].stream, workers, &params, NULL))
            give_up("stream", NULL);
        atomic_init(&loops[s].left, frames / count - WINDOW);
        atomic_init(&loops[s].open, WINDOW);
        sem_init(&loops[s].done, 0, 0);
    }
    int64_t start = clock_now_ns();
    for (int i = 0; i < WINDOW; i++)
        for (int s = 0; s < count; s++) {
            fov_frame *frame = frame_of(&pictures[(s * WINDOW + i) % PICTURES]);
            fov_stream_put(loops[s].stream, &frame, NULL);
        }
    for (int s = 0; s < count; s++)
        sem_wait(&loops[s].done);
    double seconds = (double)(clock_now_ns() - start) / 1e9;
    for (int s = 0; s < count; s++)
        fov_stream_close(&loops[s].stream);
    return frames / count * count / seconds;
}

struct raw_thread {
    pthread_t thread;
    struct raw *raw;
    int frames, first;
};

static void *raw_thread_run(void *argument)
{
    struct raw_thread *t = argument;
    for (int i = 0; i < t->frames; i++)
        raw_frame(t->raw, &pictures[(t->first + i) % PICTURES]);
    return NULL;
}

static double raw_fps(struct raw *raws, int threads, int frames)
{
    struct raw_thread all[WORKERS_MAX];
    int64_t start = clock_now_ns();
    for (int i = 0; i < threads; i++) {
        all[i] = (struct raw_thread){.raw = &raws[i], .frames = frames / threads, .first = i * 3};
        pthread_create(&all[i].thread, NULL, raw_thread_run, &all[i]);
    }
    for (int i = 0; i < threads; i++)
        pthread_join(all[i].thread, NULL);
    return frames / threads * threads / ((double)(clock_now_ns() - start) / 1e9);
}

struct throughput {
    double bound, mine, part; /* part: of the bound, round by round */
};

static struct throughput measure_throughput(fov_workers *workers, int streams, struct raw *raws,
                                            int threads)
{
    double bound[ROUNDS_MAX], mine[ROUNDS_MAX], part[ROUNDS_MAX];
    raw_fps(raws, threads, settings.frames);
    streams_fps(workers, streams, settings.frames);
    for (int r = 0; r < settings.rounds; r++) {
        bound[r] = raw_fps(raws, threads, settings.frames);
        mine[r] = streams_fps(workers, streams, settings.frames);
        part[r] = mine[r] / bound[r];
    }
    return (struct throughput){quantile(bound, settings.rounds, 0.5),
                               quantile(mine, settings.rounds, 0.5),
                               quantile(part, settings.rounds, 0.5)};
}

/* ---- the whole ----------------------------------------------------------------------------------
 */

static const char *yes(bool reached)
{
    return reached ? "yes" : "**no**";
}

static void make_pictures(int width, int height)
{
    for (int i = 0; i < PICTURES; i++) {
        free(pictures[i].bytes);
        pictures[i].size = texture_jpeg(width, height, 85, (unsigned)i + 1, &pictures[i].bytes);
        if (!pictures[i].size)
            give_up("no test picture", NULL);
    }
}

static void report_latency(const char *name, const struct latency *l)
{
    bool near = l->more <= 0.15, even = l->p99 <= 1.5 * l->p50;
    printf(
        "| one frame, %s JPEG → detections, p50 | %.2f ms | %.2f ms | ≤ bound + 0.15 ms | %s |\n",
        name, l->bound_p50, l->p50, yes(near));
    printf("| the same, p99 | %.2f ms | %.2f ms | ≤ 1.5 × p50 | %s |\n", l->bound_p99, l->p99,
           yes(even));
    if (json)
        fprintf(json,
                "{\"bench\":\"latency\",\"picture\":\"%s\",\"bound_p50_ms\":%.4f,"
                "\"bound_p99_ms\":%.4f,\"p50_ms\":%.4f,\"p99_ms\":%.4f,\"more_ms\":%.4f}\n",
                name, l->bound_p50, l->bound_p99, l->p50, l->p99, l->more);
}

static void report_throughput(const char *name, int streams, const struct throughput *t)
{
    printf(
        "| %d stream%s of %s, closed loop | %.1f/s | %.1f/s (%.1f %%) | ≥ 95 %% of bound | %s |\n",
        streams, streams > 1 ? "s" : "", name, t->bound, t->mine, 100 * t->mine / t->bound,
        yes(t->mine >= 0.95 * t->bound));
    if (json)
        fprintf(json,
                "{\"bench\":\"throughput\",\"picture\":\"%s\",\"streams\":%d,\"bound_fps\":%.3f,"
                "\"fps\":%.3f}\n",
                name, streams, t->bound, t->mine);
}

/* A pool of workers and the raw runners to hold it against. */
struct side {
    fov_workers *workers;
    fov_model *model;
    struct raw raws[WORKERS_MAX];
    int runners;
};

static void side_open(struct side *side, bool throughput, int workers)
{
    fov_error error = {0};
    fov_model_params model = {.path = settings.model, .runners = throughput ? workers : 0};
    model.hint = throughput ? FOV_HINT_THROUGHPUT : FOV_HINT_LATENCY;
    fov_workers_params params = {.workers = workers,
                                 .model = &model,
                                 .pin_latency = !throughput,
                                 .pin_throughput = throughput};
    if (fov_workers_create(&side->workers, &params, &error) ||
        fov_model_open(&side->model, &model, &error))
        give_up(settings.model, &error);
    side->runners = fov_model_get_info(side->model)->max_runners;
    if (side->runners > WORKERS_MAX)
        side->runners = WORKERS_MAX;
    if (!throughput)
        side->runners = 1;
    for (int i = 0; i < side->runners; i++)
        raw_open(&side->raws[i], side->model);
}

static void side_close(struct side *side)
{
    for (int i = 0; i < side->runners; i++)
        raw_close(&side->raws[i]);
    fov_model_close(&side->model);
    fov_workers_destroy(&side->workers);
}

static void read_arguments(int argc, char **argv)
{
    settings.model = getenv("FOVEA_MODEL");
    for (int i = 1; i + 1 < argc; i += 2) {
        long long n = 0;
        bool number = text_to_int(argv[i + 1], 1, FRAMES_MAX, &n);
        if (strcmp(argv[i], "--model") == 0)
            settings.model = argv[i + 1];
        else if (strcmp(argv[i], "--json") == 0)
            settings.json = argv[i + 1];
        else if (strcmp(argv[i], "--rounds") == 0 && number && n <= ROUNDS_MAX)
            settings.rounds = (int)n;
        else if (strcmp(argv[i], "--frames") == 0 && number && n >= 8)
            settings.frames = (int)n;
        else
            give_up(argv[i], NULL);
    }
    if (!settings.model)
        settings.model = "fake:cost_ms=5";
}

static void bench_all(struct side *latency, struct side *throughput)
{
    static const struct {
        const char *name;
        int width, height;
    } sizes[] = {{"720p", 1280, 720}, {"1080p", 1920, 1080}};
    printf("| what | bound | fovea | goal | reached |\n|---|---|---|---|---|\n");
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        const char *name = sizes[i].name;
        make_pictures(sizes[i].width, sizes[i].height);
        fprintf(stderr, "%s: one frame at a time\n", name);
        struct latency l = measure_latency(latency->workers, latency->raws);
        report_latency(name, &l);
        fprintf(stderr, "%s: throughput\n", name);
        struct throughput one = measure_throughput(latency->workers, 1, latency->raws, 1);
        struct throughput four = measure_throughput(throughput->workers, 4, throughput->raws,
                                                    throughput->runners);
        report_throughput(name, 1, &one);
        report_throughput(name, 4, &four);
        fflush(stdout);
    }
}

int main(int argc, char **argv)
{
    static struct side latency, throughput;
    fov_frame_pool_params frames = {.slots = 64};
    read_arguments(argc, argv);
    setpriority(PRIO_PROCESS, 0, 5);
    fov_log_set(NULL, NULL, FOV_LOG_ERROR);
    sem_init(&answered, 0, 0);
    json = settings.json ? fopen(settings.json, "w") : NULL;
    if (fov_frame_pool_create(&pool, &frames, NULL))
        give_up("no frames", NULL);
    side_open(&latency, false, 0);
    fov_workers_info info;
    fov_workers_get_info(latency.workers, &info);
    side_open(&throughput, true, info.workers);
    about = *fov_model_get_info(latency.model);
    printf("Model %s on %s (%s), %s, %d threads; %d workers; %d rounds of %d frames.\n\n", about.id,
           about.device, about.backend, about.precision, about.threads, info.workers,
           settings.rounds, settings.frames);
    bench_all(&latency, &throughput);
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    printf("\nProcessor time of the benchmark and the work together: %.1f s.\n",
           (double)used.ru_utime.tv_sec + (double)used.ru_stime.tv_sec +
               (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6);
    side_close(&latency);
    side_close(&throughput);
    for (int i = 0; i < PICTURES; i++)
        free(pictures[i].bytes);
    fov_frame_pool_destroy(&pool);
    if (json)
        fclose(json);
    return 0;
}
