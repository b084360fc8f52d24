/* Two ways to share work among threads, on the same frames with the same library calls: a frame
 * stays on its worker from decode to encode, or pools for each stage hand it on (document 004:
 * decode 2, inference 1, encode 2). docs/adr/0010 has the decision.
 *
 *     bench_staged [--model PATH] [--rounds N] [--seconds S]
 *
 * Both are the same small executor: a list of stages, each with a queue and threads; the first way
 * is one stage that does it all. Ways take turns, round by round; given are medians over rounds. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <fovea/fovea.h>

#include "base/clock.h"
#include "base/text.h"
#include "infer/cores.h"
#include "quantile.h"
#include "texture.h"

enum { PICTURES = 8, ITEMS = 16, STAGES_MAX = 3, THREADS_MAX = 64, ROUNDS_MAX = 99 };
enum { SAMPLES_MAX = 1 << 16 };
enum work { DECODE = 1, INFER = 2, ENCODE = 4 };

struct picture {
    uint8_t *bytes;
    size_t size;
};

/* A frame on its way; it has memory of its own for what one stage leaves to the next. */
struct item {
    const struct picture *picture;
    fov_frame *pixels;
    fov_detection boxes[300];
    int64_t start_ns;
};

struct queue {
    pthread_mutex_t lock;
    pthread_cond_t more;
    struct item *items[ITEMS];
    int first, count;
    bool closed;
};

struct stage {
    unsigned work;
    int threads;
    fov_model *const *model; /* of INFER */
};

struct way {
    const char *name;
    struct stage stages[STAGES_MAX]; /* ends with threads 0 */
};

/* A way of working while it runs. */
struct engine {
    const struct way *way;
    struct queue queues[STAGES_MAX]; /* in front of each stage */
    pthread_t threads[THREADS_MAX];
    int thread_count;
    double interval_s; /* 0: closed loop, an item starts again when it ends */
    struct queue idle; /* open loop: items that wait for their beat */
    atomic_bool ending;
    atomic_int done;
    double *samples;
};

struct thread {
    struct engine *engine;
    const struct stage *stage;
    int at;
};

static struct {
    const char *model;
    int rounds;
    double seconds;
} set = {.rounds = 5, .seconds = 2};

static struct picture pictures[PICTURES];
static struct item items[ITEMS];
static fov_model *latency, *throughput;

static void give_up(const char *what, const fov_error *error)
{
    fprintf(stderr, "bench_staged: %s: %s\n", what, error ? error->message : "");
    exit(1);
}

/* ---- queues ---------------------------------------------------------------------------------- */

static void queue_open(struct queue *q)
{
    memset(q, 0, sizeof *q);
    pthread_mutex_init(&q->lock, NULL);
    pthread_cond_init(&q->more, NULL);
}

static void queue_close(struct queue *q)
{
    pthread_mutex_lock(&q->lock);
    q->closed = true;
    pthread_cond_broadcast(&q->more);
    pthread_mutex_unlock(&q->lock);
}

/* There is room for all items there are. */
static void queue_put(struct queue *q, struct item *item)
{
    pthread_mutex_lock(&q->lock);
    q->items[(q->first + q->count++) % ITEMS] = item;
    pthread_cond_signal(&q->more);
    pthread_mutex_unlock(&q->lock);
}

/* NULL: closed, or (without `wait`) empty. */
static struct item *queue_take(struct queue *q, bool wait)
{
    struct item *item = NULL;
    pthread_mutex_lock(&q->lock);
    while (wait && q->count == 0 && !q->closed)
        pthread_cond_wait(&q->more, &q->lock);
    if (q->count > 0 && !q->closed) {
        item = q->items[q->first];
        q->first = (q->first + 1) % ITEMS;
        q->count--;
    }
    pthread_mutex_unlock(&q->lock);
    return item;
}

/* ---- the work -------------------------------------------------------------------------------- */

/* Of one thread. */
struct tools {
    fov_decoder *decoder;
    fov_runner *runner;
    fov_encoder *encoder;
};

static void tools_open(struct tools *tools, const struct stage *stage)
{
    fov_error error = {0};
    memset(tools, 0, sizeof *tools);
    if (((stage->work & DECODE) && fov_decoder_create(&tools->decoder, &error)) ||
        ((stage->work & INFER) && fov_runner_open(&tools->runner, *stage->model, &error)) ||
        ((stage->work & ENCODE) && fov_encoder_create(&tools->encoder, &error)))
        give_up("tools", &error);
}

static void tools_close(struct tools *tools)
{
    fov_decoder_destroy(&tools->decoder);
    fov_runner_close(&tools->runner);
    fov_encoder_destroy(&tools->encoder);
}

static void work_on(struct tools *tools, unsigned work, struct item *item)
{
    fov_error error = {0};
    const uint8_t *bytes;
    size_t size;
    fov_image *image = &item->pixels->image;
    fov_detections out = {.items = item->boxes, .capacity = 300};
    if ((work & DECODE) && fov_decode_into(tools->decoder, item->picture->bytes,
                                           item->picture->size, item->pixels, &error))
        give_up("decode", &error);
    if ((work & INFER) && fov_runner_detect(tools->runner, image, image->width, image->height, NULL,
                                            &out, NULL, &error))
        give_up("inference", &error);
    if ((work & ENCODE) && fov_encode_jpeg(tools->encoder, image, 85, &bytes, &size, &error))
        give_up("encode", &error);
}

/* ---- an engine ------------------------------------------------------------------------------- */

static void start_item(struct engine *e, struct item *item)
{
    item->start_ns = clock_now_ns();
    queue_put(&e->queues[0], item);
}

static void finish_item(struct engine *e, struct item *item)
{
    int i = atomic_fetch_add(&e->done, 1);
    if (i < SAMPLES_MAX)
        e->samples[i] = ns_to_ms(clock_now_ns() - item->start_ns);
    if (e->interval_s > 0)
        queue_put(&e->idle, item);
    else if (!atomic_load(&e->ending))
        start_item(e, item);
}

static void *thread_run(void *argument)
{
    struct thread *t = argument;
    struct engine *e = t->engine;
    struct tools tools;
    struct item *item;
    bool last = t->at + 1 == STAGES_MAX || e->way->stages[t->at + 1].threads == 0;
    tools_open(&tools, t->stage);
    while ((item = queue_take(&e->queues[t->at], true))) {
        work_on(&tools, t->stage->work, item);
        if (last)
            finish_item(e, item);
        else
            queue_put(&e->queues[t->at + 1], item);
    }
    tools_close(&tools);
    free(t);
    return NULL;
}

static void engine_start(struct engine *e)
{
    queue_open(&e->idle);
    for (int s = 0; s < STAGES_MAX; s++)
        queue_open(&e->queues[s]);
    for (int s = 0; s < STAGES_MAX && e->way->stages[s].threads; s++)
        for (int i = 0; i < e->way->stages[s].threads && e->thread_count < THREADS_MAX; i++) {
            struct thread *t = malloc(sizeof *t);
            if (!t)
                give_up("no memory", NULL);
            *t = (struct thread){e, &e->way->stages[s], s};
            if (pthread_create(&e->threads[e->thread_count++], NULL, thread_run, t))
                give_up("no thread", NULL);
        }
}

static void engine_stop(struct engine *e)
{
    atomic_store(&e->ending, true);
    for (int s = 0; s < STAGES_MAX; s++)
        queue_close(&e->queues[s]);
    for (int i = 0; i < e->thread_count; i++)
        pthread_join(e->threads[i], NULL);
}

static void sleep_until(int64_t until)
{
    struct timespec t = {until / NS_PER_S, until % NS_PER_S};
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
}

/* An item on each beat; one that finds none idle is lost. */
static int beat(struct engine *e, int64_t end)
{
    int lost = 0;
    int64_t interval = (int64_t)(e->interval_s * 1e9);
    for (int64_t next = clock_now_ns(); next < end; next += interval) {
        sleep_until(next);
        struct item *item = queue_take(&e->idle, false);
        lost += !item;
        if (item)
            start_item(e, item);
    }
    return lost;
}

struct answer {
    double fps, p50, p99, lost, cpu_ms; /* cpu: of all threads, a frame */
};

static double cpu_s(void)
{
    struct timespec used;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return (double)used.tv_sec + (double)used.tv_nsec / 1e9;
}

/* `depth` items in a closed loop, or as many at most under way at `fps` beats a second. */
static struct answer measure(const struct way *way, int depth, double fps, double seconds)
{
    static double samples[SAMPLES_MAX];
    static struct engine e;
    e = (struct engine){.way = way, .samples = samples, .interval_s = fps > 0 ? 1 / fps : 0};
    engine_start(&e);
    int64_t start = clock_now_ns(), end = start + (int64_t)(seconds * 1e9);
    int lost = 0;
    double cpu = cpu_s();
    for (int i = 0; i < depth; i++)
        if (fps > 0)
            queue_put(&e.idle, &items[i]);
        else
            start_item(&e, &items[i]);
    if (fps > 0)
        lost = beat(&e, end);
    else
        sleep_until(end);
    int done = atomic_load(&e.done);
    double passed = (double)(clock_now_ns() - start) / 1e9;
    cpu = cpu_s() - cpu;
    engine_stop(&e);
    int count = done < SAMPLES_MAX ? done : SAMPLES_MAX;
    return (struct answer){done / passed, quantile(samples, count, 0.5),
                           quantile(samples, count, 0.99), lost / (lost + done + 1e-9),
                           1e3 * cpu / (done + 1e-9)};
}

/* ---- the whole ------------------------------------------------------------------------------- */

static void prepare(int workers)
{
    fov_error error = {0};
    fov_frame_pool *pool;
    fov_frame_pool_params params = {.slots = ITEMS};
    fov_model_params model = {.path = set.model};
    if (fov_model_open(&latency, &model, &error))
        give_up(set.model, &error);
    model.hint = FOV_HINT_THROUGHPUT;
    model.runners = workers;
    if (fov_model_open(&throughput, &model, &error) ||
        fov_frame_pool_create(&pool, &params, &error))
        give_up(set.model, &error);
    for (int i = 0; i < PICTURES; i++)
        pictures[i].size = texture_jpeg(1280, 720, 85, (unsigned)i + 1, &pictures[i].bytes);
    for (int i = 0; i < ITEMS; i++) {
        items[i].picture = &pictures[i % PICTURES];
        if (fov_frame_get(pool, 0, &items[i].pixels))
            give_up("no frame", NULL);
    }
}

static void compare(const char *load, const struct way *ways, int count, int depth, double fps)
{
    double rounds[4][5][ROUNDS_MAX];
    for (int r = -1; r < set.rounds; r++) /* the first one warms up */
        for (int w = 0; w < count; w++) {
            struct answer a = measure(&ways[w], depth, fps, set.seconds);
            int at = r < 0 ? 0 : r;
            rounds[w][0][at] = a.fps;
            rounds[w][1][at] = a.p50;
            rounds[w][2][at] = a.p99;
            rounds[w][3][at] = a.lost;
            rounds[w][4][at] = a.cpu_ms;
        }
    for (int w = 0; w < count; w++) {
        double middle[5];
        for (int k = 0; k < 5; k++)
            middle[k] = quantile(rounds[w][k], set.rounds, 0.5);
        printf("| %s | %s | %.1f/s | %.1f ms | %.1f ms | %.1f %% | %.2f ms |\n", load, ways[w].name,
               middle[0], middle[1], middle[2], 100 * middle[3], middle[4]);
    }
    fflush(stdout);
}

static void read_arguments(int argc, char **argv)
{
    set.model = getenv("FOVEA_MODEL");
    for (int i = 1; i + 1 < argc; i += 2) {
        double number = 0;
        bool good = text_to_double(argv[i + 1], 0.1, ROUNDS_MAX, &number);
        if (strcmp(argv[i], "--model") == 0)
            set.model = argv[i + 1];
        else if (strcmp(argv[i], "--rounds") == 0 && good && number >= 1)
            set.rounds = (int)number;
        else if (strcmp(argv[i], "--seconds") == 0 && good)
            set.seconds = number;
        else
            give_up(argv[i], NULL);
    }
    if (!set.model)
        set.model = "fake:cost_ms=5";
}

int main(int argc, char **argv)
{
    int cores = cores_available();
    read_arguments(argc, argv);
    fov_log_set(NULL, NULL, FOV_LOG_ERROR);
    prepare(cores);
    const struct way ways[] = {
        {"stays on its worker, model on all cores", {{DECODE | INFER | ENCODE, 1, &latency}}},
        {"stays on its worker, a core each", {{DECODE | INFER | ENCODE, cores, &throughput}}},
        {"staged 2-1-2, model on all cores",
         {{DECODE, 2, NULL}, {INFER, 1, &latency}, {ENCODE, 2, NULL}}},
        {"staged 2-N-2, a core each",
         {{DECODE, 2, NULL}, {INFER, cores, &throughput}, {ENCODE, 2, NULL}}}};
    const fov_model_info *about = fov_model_get_info(latency);
    printf("Decode to full YUV, inference, encode at quality 85; 720p. Model %s on %s (%s), %s; %d "
           "cores; %d rounds of %.1f s, in turn.\n\n",
           about->id, about->device, about->backend, about->precision, cores, set.rounds,
           set.seconds);
    printf("| load | way | frames | p50 | p99 | lost | CPU a frame "
           "|\n|---|---|---|---|---|---|---|\n");
    compare("closed loop, 1 under way", ways, 4, 1, 0);
    compare("closed loop, 8 under way", ways, 4, 8, 0);
    compare("30 fps, at most 8 under way", ways, 4, 8, 30);
    compare("60 fps, at most 8 under way", ways, 4, 8, 60);
    return 0;
}
