/* Football in 1080p at ten frames a second: what is dropped, how long a frame takes from capture to
 * result, what takes how long, beside decoding and the model alone.
 *
 *   bench_football_pipeline MODEL [SECONDS]
 *
 * The frames are JPEGs of the drawn match, made before the clock runs. MODEL is run on each of them
 * and costs what it costs; what it finds is replaced by what a detector might have seen (the truth
 * with misses, jitter and false boxes), so that tracks, teams, ball and figures have their work.
 * The first picture is calibrated, then the camera's motion and the white lines carry the view. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <fovea/fovea.h>

#include "../flow/football_world.h"
#include "base/clock.h"
#include "quantile.h"

enum { FPS = 10, SECONDS = 30, QUALITY = 85, FRAMES_MAX = FPS * 600 };
#define PERIOD_NS (NS_PER_S / FPS)

/* A frame of the match, and what a detector saw in it. */
struct shot {
    uint8_t *bytes;
    size_t size;
    fov_detection seen[WORLD_BOXES];
    size_t count;
};

static struct shot *shots;
static int shot_count;
static fov_pitch_view first_view;

static void need(fov_status status, const fov_error *error)
{
    if (status == FOV_OK)
        return;
    fprintf(stderr, "bench_football_pipeline: %s: %s\n", fov_status_text(status), error->message);
    exit(1);
}

/* ---- recording ------------------------------------------------------------------------------- */

static void record(int count)
{
    fov_error error = {0};
    fov_encoder *encoder = NULL;
    static struct football_world world;
    need(fov_encoder_create(&encoder, &error), &error);
    shots = calloc((size_t)count, sizeof *shots);
    if (!shots || !football_world_open(&world, "pattern:football?size=1920x1080&fps=10", FPS, 1))
        need(FOV_ENOMEM, &error);
    for (; shot_count < count; shot_count++) {
        struct shot *shot = &shots[shot_count];
        const uint8_t *bytes;
        if (!football_world_next(&world))
            need(FOV_EOS, &error);
        if (shot_count == 0)
            need(fov_pitch_view_from_matrix(&first_view, world.truth->view.map, 1920, 1080, NULL,
                                            &error),
                 &error);
        shot->count = world.detections.count;
        memcpy(shot->seen, world.items, sizeof world.items);
        need(fov_encode_jpeg(encoder, &world.frame->image, QUALITY, &bytes, &shot->size, &error),
             &error);
        shot->bytes = malloc(shot->size);
        if (!shot->bytes)
            need(FOV_ENOMEM, &error);
        memcpy(shot->bytes, bytes, shot->size);
    }
    fov_encoder_destroy(&encoder);
    football_world_close(&world);
}

static fov_frame *frame_of(fov_frame_pool *pool, int number)
{
    const struct shot *shot = &shots[number];
    fov_frame *frame = NULL;
    if (fov_frame_get(pool, shot->size, &frame) != FOV_OK)
        return NULL;
    memcpy(frame->bytes, shot->bytes, shot->size);
    frame->size = shot->size;
    frame->number = (uint64_t)number;
    frame->pts_ms = number * 1e3 / FPS;
    return frame;
}

static void wait_until(int64_t due_ns)
{
    for (int64_t now; (now = clock_now_ns()) < due_ns;) {
        struct timespec rest = ns_to_timespec(due_ns - now);
        nanosleep(&rest, NULL);
    }
}

/* ---- decoding and the model alone -------------------------------------------------------------
 */

struct times {
    double *ms;
    size_t count;
};

static void run_alone(const char *path, int count, struct times *times)
{
    fov_error error = {0};
    fov_model *model = NULL;
    fov_runner *runner = NULL;
    fov_frame_pool *pool = NULL;
    static fov_detection boxes[300];
    const fov_model_params params = {.path = path};
    need(fov_frame_pool_create(&pool, NULL, &error), &error);
    need(fov_model_open(&model, &params, &error), &error);
    need(fov_runner_open(&runner, model, &error), &error);
    int64_t start = clock_now_ns() + PERIOD_NS;
    for (int i = 0; i < count; i++) {
        fov_detections found = {.items = boxes, .capacity = 300};
        fov_frame *frame = frame_of(pool, i);
        wait_until(start + i * PERIOD_NS);
        int64_t began = clock_now_ns();
        need(fov_runner_detect_frame(runner, frame, NULL, &found, NULL, NULL, NULL, &error),
             &error);
        times->ms[times->count++] = ns_to_ms(clock_now_ns() - began);
        fov_frame_unref(&frame);
    }
    fov_runner_close(&runner);
    fov_model_close(&model);
    fov_frame_pool_destroy(&pool);
}

/* ---- a stream of football ---------------------------------------------------------------------
 */

struct counts {
    struct times total, parts[FOV_PART_COUNT];
    uint64_t people, teams, views, balls;
    double cpu_s, wall_s;
    fov_stats stats;
};

/* On a worker's thread. */
static void replace(void *user, const fov_frame *frame, fov_detections *detections)
{
    (void)user;
    const struct shot *shot = &shots[frame->number];
    size_t room = detections->capacity;
    detections->count = shot->count < room ? shot->count : room;
    memcpy(detections->items, shot->seen, detections->count * sizeof *shot->seen);
}

static void on_result(void *user, const fov_result *r)
{
    struct counts *c = user;
    const fov_football_frame *f = r->football;
    if (r->outcome != FOV_DELIVERED)
        return;
    c->total.ms[c->total.count++] = ns_to_ms(r->timings.total);
    for (int i = 0; i < FOV_PART_COUNT; i++)
        c->parts[i].ms[c->parts[i].count++] = ns_to_ms(f->parts_ns[i]);
    c->people += f->count;
    c->teams += f->teams == FOV_TEAMS_KNOWN;
    c->views += f->view_known;
    c->balls += f->ball.state != FOV_BALL_NONE;
}

static double cpu_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void run_stream(const char *path, struct counts *counts)
{
    fov_error error = {0};
    fov_workers *workers = NULL;
    fov_stream *stream = NULL;
    fov_frame_pool *pool = NULL;
    const fov_model_params model = {.path = path};
    const fov_workers_params of = {.model = &model};
    const fov_frame_pool_params slots = {.slots = 64};
    const fov_football_params football = {.on_detections = replace, .view = &first_view};
    const fov_stream_params params = {
        .football = &football, .max_latency_ms = 2000, .on_result = on_result, .user = counts};
    need(fov_frame_pool_create(&pool, &slots, &error), &error);
    need(fov_workers_create(&workers, &of, &error), &error);
    need(fov_stream_open(&stream, workers, &params, &error), &error);
    double before = cpu_s();
    int64_t start = clock_now_ns() + PERIOD_NS;
    for (int i = 0; i < shot_count; i++) {
        fov_frame *frame = frame_of(pool, i);
        wait_until(start + i * PERIOD_NS);
        if (frame) /* else all slots wait: it is counted with those that are missing */
            fov_stream_put(stream, &frame, NULL);
    }
    counts->wall_s = (double)(clock_now_ns() - start) / 1e9;
    counts->cpu_s = cpu_s() - before;
    wait_until(clock_now_ns() + NS_PER_S);
    fov_stream_close_stats(&stream, 60, &counts->stats);
    fov_workers_destroy(&workers);
    fov_frame_pool_destroy(&pool);
}

/* ---- tables -----------------------------------------------------------------------------------
 */

static double mean(const struct times *t)
{
    double sum = 0;
    for (size_t i = 0; i < t->count; i++)
        sum += t->ms[i];
    return t->count ? sum / (double)t->count : 0;
}

static double at(const struct times *t, double q)
{
    return quantile(t->ms, t->count, q);
}

static void print_frames(const struct counts *c, const struct times *alone)
{
    double dropped = 100.0 * (double)(shot_count - (int)c->total.count) / shot_count;
    double p95 = at(&c->total, 0.95);
    printf("| | measured | goal | reached |\n|---|---|---|---|\n");
    printf("| frames offered, at %d a second | %d | | |\n", FPS, shot_count);
    printf("| dropped or failed | %.1f %% | < 1 %% | %s |\n", dropped, dropped < 1 ? "yes" : "no");
    printf("| capture to result, p95 | %.1f ms | ≤ 200 ms | %s |\n", p95,
           p95 <= 200 ? "yes" : "no");
    printf("| … mean, p50, p99 | %.1f, %.1f, %.1f ms | | |\n", mean(&c->total), at(&c->total, 0.5),
           at(&c->total, 0.99));
    printf("| decoding and the model alone: mean, p50, p95 | %.1f, %.1f, %.1f ms | | |\n",
           mean(alone), at(alone, 0.5), at(alone, 0.95));
    printf("| processor, of %d cores | %.2f | | |\n\n", (int)sysconf(_SC_NPROCESSORS_ONLN),
           c->cpu_s / c->wall_s);
}

static void print_parts(const struct counts *c)
{
    double sum = 0;
    for (int i = 0; i < FOV_PART_COUNT; i++)
        sum += mean(&c->parts[i]);
    printf("| part | mean | p95 | of all |\n|---|---|---|---|\n");
    for (int i = 0; i < FOV_PART_COUNT; i++)
        printf("| %s | %.2f ms | %.2f ms | %.1f %% |\n",
               fov_football_part_name((fov_football_part)i), mean(&c->parts[i]),
               at(&c->parts[i], 0.95), sum > 0 ? 100 * mean(&c->parts[i]) / sum : 0);
    double n = c->total.count ? (double)c->total.count : 1;
    printf("\n%.1f people a frame; teams known in %.0f %% of the frames, the view of the pitch in "
           "%.0f %%, the ball in %.0f %%. The frames are JPEGs of %.0f kB.\n",
           (double)c->people / n, 100 * (double)c->teams / n, 100 * (double)c->views / n,
           100 * (double)c->balls / n, (double)shots[0].size / 1e3);
}

static double *room(int count)
{
    double *ms = calloc((size_t)count, sizeof *ms);
    if (!ms)
        exit(1);
    return ms;
}

int main(int argc, char **argv)
{
    int seconds = argc > 2 ? (int)strtol(argv[2], NULL, 10) : SECONDS;
    if (argc < 2 || seconds < 1 || seconds * FPS > FRAMES_MAX) {
        fprintf(stderr, "usage: bench_football_pipeline MODEL [SECONDS]\n");
        return 2;
    }
    struct counts counts = {.total = {room(seconds * FPS), 0}};
    struct times alone = {room(seconds * FPS), 0};
    for (int i = 0; i < FOV_PART_COUNT; i++)
        counts.parts[i].ms = room(seconds * FPS);
    fov_log_set(NULL, NULL, FOV_LOG_ERROR);
    fprintf(stderr, "drawing %d frames ...\n", seconds * FPS);
    record(seconds * FPS);
    fprintf(stderr, "decoding and the model alone ...\n");
    run_alone(argv[1], shot_count, &alone);
    fprintf(stderr, "a stream of football ...\n");
    run_stream(argv[1], &counts);
    print_frames(&counts, &alone);
    print_parts(&counts);
    return 0;
}
