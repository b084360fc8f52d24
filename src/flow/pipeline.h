/* Inside of pipelines: a fifo stream with results that frames go through one call at a time, and
 * what was measured of them. The settings file is read above (serve/pipeline_config.c). */
#ifndef FLOW_PIPELINE_H
#define FLOW_PIPELINE_H

#include <pthread.h>

#include <fovea/pipeline.h>

#include "flow/stats.h"

enum { PIPELINE_FRAMES_MAX = 64 }; /* of one call */

/* Everything decided: no value stands for a default. */
struct pipeline_setup {
    fov_pipeline_mode mode;
    double target_fps, max_latency_ms;
    int batch_size;
    fov_detect_params detect;
    fov_football_params football; /* strings and view are copied */
};

/* Takes the workers over, also on failure (sets *workers NULL). Returns FOV_EINVAL (which value),
 * and what fov_stream_open returns. */
fov_status pipeline_create(fov_pipeline **pipeline, fov_workers **workers,
                           const struct pipeline_setup *setup, fov_error *error);

/* ---- what was measured (pipeline_metrics.c) ---------------------------------------------------
 */

/* Of frames since a beginning. */
struct tally {
    pthread_mutex_t lock;
    uint64_t frames;
    int64_t first_ns, last_ns; /* first call, last answer */
    double sum_ns;
    double part_ns[FOV_PART_COUNT];
    uint32_t bins[STATS_BINS];
};

void tally_init(struct tally *tally);
void tally_release(struct tally *tally);
void tally_clear(struct tally *tally);

/* A frame that was handed in at `called_ns` and answered at `answered_ns`; `football` may be NULL.
 * Any thread. */
void tally_add(struct tally *tally, int64_t called_ns, int64_t answered_ns,
               const fov_football_frame *football);

/* Percentile of the latencies, q in 0..1. Lock held or owned alone. */
double tally_ms(const struct tally *tally, double q);

/* All but the memory of a GPU. Any thread. */
void tally_metrics(struct tally *tally, fov_pipeline_metrics *metrics);

/* Taken memory of the GPU that the default model runs on, negative: it runs on none, or that is not
 * told. */
double pipeline_gpu_mb(fov_workers *workers);

/* ---- a way through (pipeline.c) ---------------------------------------------------------------
 */

/* A stream for one caller at a time. */
struct lane {
    fov_stream *stream;
    uint64_t next_seq; /* of the first frame of the next call */
    struct tally tally;
};

struct fov_pipeline {
    fov_workers *workers;
    struct pipeline_setup setup;
    fov_pitch_view view; /* setup.football.view, when there is one */
    struct lane lane;
};

fov_status lane_open(struct lane *lane, fov_pipeline *pipeline, fov_error *error);
void lane_close(struct lane *lane); /* accepts one that is not open */

/* As fov_pipeline_process_batch. */
fov_status lane_run(struct lane *lane, fov_frame **frames, int count, fov_result **results,
                    fov_error *error);

#endif
