/* How many live streams fit under a deadline: from what frames cost by the rules of
 * flow/capacity.h, the same that start-stream goes by, then tried. */
#include <stddef.h>
#include <stdio.h>

#include "base/clock.h"
#include "bench.h"
#include "flow/capacity.h"
#include "quantile.h"

#define WARM_S 0.5          /* of a trial, not counted */
#define LATE_PART 0.01      /* of the frames may be late */
#define DELIVERED_PART 0.98 /* must be answered with a result */

enum { COST_ROUNDS = 5 };

/* ---- costs ---- */

static fov_status measure_rounds(struct bench *b, struct live_form *form, bool throughput,
                                 struct raw_thread *threads, int count, fov_error *error)
{
    static double work[SAMPLES_MAX];
    double mine[COST_ROUNDS], bound[COST_ROUNDS], high[COST_ROUNDS], mean[COST_ROUNDS];
    double seconds = b->seconds / COST_ROUNDS;
    int taken;
    fov_status status = bench_workers(b, throughput, error);
    for (int i = -1; i < COST_ROUNDS && !status; i++) { /* the first one warms up */
        int at = i < 0 ? 0 : i;
        status = bench_raw(b, threads, count, seconds, &bound[at], error);
        if (!status)
            status = bench_loops(b, count, seconds, &mine[at], work, &taken, error);
        double sum = 0;
        for (int k = 0; !status && k < taken; k++)
            sum += work[k] / taken;
        mean[at] = sum;
        high[at] = status ? 0 : quantile(work, taken, 0.95);
    }
    fov_workers_destroy(&b->workers);
    if (status)
        return status;
    form->workers = count;
    form->fps = quantile(mine, COST_ROUNDS, 0.5);
    form->bound_fps = quantile(bound, COST_ROUNDS, 0.5);
    /* a worker's whole time: what is around the work as well */
    form->mean_ms = form->fps > 0 ? 1e3 * count / form->fps : 0;
    double around = form->mean_ms - quantile(mean, COST_ROUNDS, 0.5);
    form->high_ms = quantile(high, COST_ROUNDS, 0.5) + (around > 0 ? around : 0);
    form->high_ms = form->high_ms > form->mean_ms ? form->high_ms : form->mean_ms;
    form->known = form->fps > 0;
    return FOV_OK;
}

/* What the rules make of the costs. Each of the form's runs is a worker here. */
static void judge(const struct bench *b, struct live_form *form)
{
    struct capacity_stream kind = {.fps = b->fps,
                                   .mean_ns = (int64_t)(form->mean_ms * 1e6),
                                   .high_ns = (int64_t)(form->high_ms * 1e6),
                                   .limit_ns = (int64_t)(b->slo_ms * 1e6),
                                   .width = 1};
    struct capacity_machine machine = {.workers = form->workers};
    form->bound_streams = form->bound_fps / b->fps;
    form->fits = capacity_more(&machine, NULL, 0, &kind, SESSIONS_MAX);
    machine.blocking_ns = kind.high_ns;
    machine.reserved = form->workers - 1;
    form->promised = capacity_more(&machine, NULL, 0, &kind, SESSIONS_MAX);
}

static fov_status measure_form(struct bench *b, bool throughput, fov_error *error)
{
    static struct raw_thread threads[SESSIONS_MAX];
    struct live_form *form = &b->forms[throughput ? FOV_HINT_THROUGHPUT : FOV_HINT_LATENCY];
    fov_model *model = NULL;
    int count = 0;
    fov_status status = bench_raw_open(b, throughput, &model, threads, &count, error);
    if (!status)
        status = measure_rounds(b, form, throughput, threads, count, error);
    bench_raw_close(&model, threads, count);
    if (!status)
        judge(b, form);
    return status;
}

/* The form that carries more. */
static const struct live_form *best_form(const struct bench *b)
{
    const struct live_form *one = &b->forms[FOV_HINT_LATENCY];
    const struct live_form *many = &b->forms[FOV_HINT_THROUGHPUT];
    return many->fits >= one->fits ? many : one;
}

/* ---- trials ---- */

static void on_live(void *user, const fov_result *r)
{
    (void)user;
    (void)r; /* the stream counts */
}

/* Puts frames of `open` cameras, evenly out of step, for so long. */
static void play(struct bench *b, fov_stream **streams, int open, double seconds)
{
    int64_t step = (int64_t)(NS_PER_S / (b->fps * open)), next = clock_now_ns();
    int64_t frames = (int64_t)(seconds * b->fps * open);
    for (int64_t i = 0; i < frames; i++, next += step) {
        int64_t wait = next - clock_now_ns();
        if (wait > 0)
            bench_sleep((double)wait / NS_PER_S);
        fov_frame *frame = bench_frames_get(&b->frames, (int)i);
        if (frame)
            fov_stream_put(streams[i % open], &frame, NULL);
    }
}

static void count_all(fov_stream **streams, int open, int sign, struct live_trial *trial)
{
    for (int i = 0; i < open; i++) {
        fov_stats stats;
        fov_stream_get_stats(streams[i], 1, &stats);
        trial->offered += (unsigned long long)sign * stats.accepted;
        trial->delivered += (unsigned long long)sign * stats.delivered;
        trial->late += (unsigned long long)sign * stats.violations;
    }
}

static fov_status try_streams(struct bench *b, int count, struct live_trial *trial,
                              fov_error *error)
{
    fov_stream *streams[SESSIONS_MAX];
    fov_stream_params params = {.on_result = on_live, .max_latency_ms = b->slo_ms};
    fov_status status = FOV_OK;
    int open = 0;
    double least = 10 / b->fps; /* seconds for ten frames of each */
    *trial = (struct live_trial){.streams = count};
    for (; open < count && !status; open += !status)
        status = fov_stream_open(&streams[open], b->workers, &params, error);
    if (!status) {
        play(b, streams, open, WARM_S);
        bench_sleep(b->slo_ms / 1e3); /* until all of it is answered */
        count_all(streams, open, -1, trial);
        play(b, streams, open, b->seconds > least ? b->seconds : least);
        bench_sleep(b->slo_ms / 1e3);
        count_all(streams, open, 1, trial);
    }
    for (int i = 0; i < open; i++)
        fov_stream_close(&streams[i]);
    trial->fits = trial->offered > 0 && (double)trial->late <= LATE_PART * (double)trial->offered &&
                  (double)trial->delivered >= DELIVERED_PART * (double)trial->offered;
    fprintf(stderr, "%d live stream%s of %g fps: %llu of %llu frames delivered, %llu late\n", count,
            count == 1 ? "" : "s", b->fps, trial->delivered, trial->offered, trial->late);
    return status;
}

/* A number that does not fit gets a second chance: something else may have run. */
static fov_status fits(struct bench *b, int count, bool *good, fov_error *error)
{
    fov_status status = FOV_OK;
    *good = false;
    for (int attempt = 0; attempt < 2 && !status && !*good; attempt++) {
        if (b->trial_count == LIVE_TRIALS)
            b->trial_count--;
        struct live_trial *trial = &b->trials[b->trial_count++];
        status = try_streams(b, count, trial, error);
        *good = trial->fits;
    }
    return status;
}

/* From the number that was reckoned up or down, one by one: it is near. */
static fov_status search(struct bench *b, int first, fov_error *error)
{
    bool good;
    int count = first < 1 ? 1 : first > SESSIONS_MAX ? SESSIONS_MAX : first;
    fov_status status = fits(b, count, &good, error);
    bool up = good;
    while (!status && good == up && count + (up ? 1 : -1) > 0 &&
           count + (up ? 1 : -1) <= SESSIONS_MAX) {
        count += up ? 1 : -1;
        status = fits(b, count, &good, error);
    }
    b->live_streams = good ? count : count - 1;
    return status;
}

fov_status bench_live(struct bench *b, fov_error *error)
{
    bool good;
    fov_status status = measure_form(b, false, error);
    if (!status)
        status = measure_form(b, true, error);
    if (!status)
        status = bench_workers(b, best_form(b) == &b->forms[FOV_HINT_THROUGHPUT], error);
    if (!status)
        status = search(b, best_form(b)->fits, error);
    if (!status && b->sessions > 1 && b->sessions != b->live_streams)
        status = fits(b, b->sessions, &good, error);
    fov_workers_destroy(&b->workers);
    return status;
}

/* ---- answers ---- */

static const struct live_trial *last_trial(const struct bench *b, int streams)
{
    for (int i = b->trial_count - 1; i >= 0; i--)
        if (b->trials[i].streams == streams)
            return &b->trials[i];
    return NULL;
}

static void print_row(const struct bench *b, const char *name, size_t offset, bool whole)
{
    printf("%-44s", name);
    for (int i = 0; i < 2; i++) {
        const char *at = (const char *)&b->forms[i] + offset;
        if (whole)
            printf(" %12d", *(const int *)at);
        else
            printf(" %12.1f", *(const double *)at);
    }
    putchar('\n');
}

void bench_live_print(const struct bench *b)
{
    printf("\nlive streams of %g fps, %d x %d, answers within %g ms\n", b->fps, b->frames.width,
           b->frames.height, b->slo_ms);
    printf("%-44s %12s %12s\n", "", "one at once", "many");
    print_row(b, "runs at once", offsetof(struct live_form, workers), true);
    print_row(b, "a frame costs a worker, ms", offsetof(struct live_form, mean_ms), false);
    print_row(b, "... 95 of 100 less than, ms", offsetof(struct live_form, high_ms), false);
    print_row(b, "frames a second, all busy", offsetof(struct live_form, fps), false);
    print_row(b, "bound: the same as raw calls", offsetof(struct live_form, bound_fps), false);
    print_row(b, "bound: streams, were none in another's way",
              offsetof(struct live_form, bound_streams), false);
    print_row(b, "fit by the rules, alone", offsetof(struct live_form, fits), true);
    print_row(b, "start-stream promises, beside strangers", offsetof(struct live_form, promised),
              true);
    for (int n = b->live_streams; n <= b->live_streams + 1; n++) {
        const struct live_trial *t = last_trial(b, n);
        if (t)
            printf("tried: %2d streams, %llu of %llu frames answered, %llu late: %s\n", n,
                   t->delivered, t->offered, t->late, t->fits ? "fits" : "does not fit");
    }
    printf("\n%d live streams of %g fps end 99 of 100 frames within %g ms\n", b->live_streams,
           b->fps, b->slo_ms);
    const struct live_trial *asked = b->sessions > 1 ? last_trial(b, b->sessions) : NULL;
    if (asked)
        printf("%d, as asked: %s (%llu of %llu answered, %llu late)\n", b->sessions,
               asked->fits ? "yes" : "no", asked->delivered, asked->offered, asked->late);
}

static void form_json(struct json_writer *w, const char *name, const struct live_form *form)
{
    json_name(w, name);
    json_object_begin(w);
    json_add_int(w, "runs_at_once", form->workers);
    json_add_number(w, "mean_ms", form->mean_ms, 3);
    json_add_number(w, "p95_ms", form->high_ms, 3);
    json_add_number(w, "fps", form->fps, 2);
    json_add_number(w, "bound_fps", form->bound_fps, 2);
    json_add_number(w, "bound_streams", form->bound_streams, 2);
    json_add_int(w, "fits", form->fits);
    json_add_int(w, "promised", form->promised);
    json_object_end(w);
}

void bench_live_json(const struct bench *b, struct json_writer *w)
{
    json_add_number(w, "slo_ms", b->slo_ms, 1);
    json_add_int(w, "live_streams", b->live_streams);
    json_name(w, "live");
    json_object_begin(w);
    json_add_number(w, "fps", b->fps, 2);
    form_json(w, "latency", &b->forms[FOV_HINT_LATENCY]);
    form_json(w, "throughput", &b->forms[FOV_HINT_THROUGHPUT]);
    json_name(w, "tried");
    json_array_begin(w);
    for (int i = 0; i < b->trial_count; i++) {
        const struct live_trial *t = &b->trials[i];
        json_object_begin(w);
        json_add_int(w, "streams", t->streams);
        json_add_int(w, "offered", (int64_t)t->offered);
        json_add_int(w, "delivered", (int64_t)t->delivered);
        json_add_int(w, "late", (int64_t)t->late);
        json_add_bool(w, "fits", t->fits);
        json_object_end(w);
    }
    json_array_end(w);
    json_object_end(w);
}
