/* What the parts of `fovea benchmark` share. */
#ifndef APPS_BENCH_H
#define APPS_BENCH_H

#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>

#include <fovea/fovea.h>
#include "base/json.h"
#include "bench_frames.h"
#include "chosen_model.h"

enum { ROUNDS = 7, SAMPLES_MAX = 4096, SESSIONS_MAX = 64 };
enum { STAGES = FOV_STAGE_COUNT, ROWS = STAGES + 2 }; /* ... total, bound */
enum { LIVE_TRIALS = 24 };

/* Costs of a frame in one form of the model, all its runners busy, and what follows from them. */
struct live_form {
    bool known;
    int workers;             /* runs at once */
    double mean_ms, high_ms; /* a worker's time for a frame, all included; 95 of 100 are quicker */
    double fps, bound_fps;   /* frames a second; the same as raw calls */
    double bound_streams;    /* of raw calls, were no frame ever in another one's way */
    int fits, promised;      /* streams by the rules, alone; and beside strangers' runs */
};

struct live_trial {
    int streams;
    unsigned long long offered, delivered, late;
    bool fits;
};

struct bench {
    struct chosen_model chosen;
    const char *url;
    int sessions, per_round;
    double slo_ms, seconds, fps;
    bool json;

    struct bench_frames frames;
    fov_model *model; /* of the raw calls */
    fov_runner *runner;
    fov_workers *workers;
    double *samples[ROWS]; /* ms */
    int count;
    sem_t answered;
    fov_status failed;
    /* answers */
    double session_fps, bound_fps;
    struct live_form forms[2]; /* by fov_hint */
    struct live_trial trials[LIVE_TRIALS];
    int trial_count, live_streams;
};

/* The same model again: the file, runtime and device that were chosen. */
fov_model_params bench_params(const struct bench *bench, fov_hint hint, int runners);

/* Workers that keep to one form. */
fov_status bench_workers(struct bench *bench, bool throughput, fov_error *error);

void bench_sleep(double seconds);

/* Throughput of closed loops (bench_through.c). Raw: threads of the same calls without fovea's
 * streams, each with a runner of its own. */
struct raw_thread {
    pthread_t thread;
    struct bench *bench;
    fov_runner *runner;
    int64_t end;
    int done;
    bool failed;
};
/* Runners of a model for the raw side: as many as run at once in the form. */
fov_status bench_raw_open(struct bench *bench, bool throughput, fov_model **model,
                          struct raw_thread *threads, int *count, fov_error *error);
void bench_raw_close(fov_model **model, struct raw_thread *threads, int count);
fov_status bench_raw(struct bench *bench, struct raw_thread *threads, int count, double seconds,
                     double *fps, fov_error *error);
fov_status bench_raw_frame(struct bench *bench, fov_runner *runner, int i, double *ms,
                           fov_error *error);
/* `sessions` streams of bench->workers, each with two frames under way. `work_ms` (may be NULL)
 * gets the work of up to SAMPLES_MAX frames, `count` how many. */
fov_status bench_loops(struct bench *bench, int sessions, double seconds, double *fps,
                       double *work_ms, int *count, fov_error *error);

/* Sets session_fps and bound_fps. */
fov_status bench_sessions(struct bench *bench, fov_error *error);

/* Sets forms, trials and live_streams (bench_live.c). */
fov_status bench_live(struct bench *bench, fov_error *error);
void bench_live_print(const struct bench *bench);
void bench_live_json(const struct bench *bench, struct json_writer *w);

#endif
