/* A football pipeline in one object: models, workers, and the serial part, made from a file of
 * settings. Frames go in one by one or several at once, results come back in order. For live
 * sources open a stream on it (fov_pipeline_stream_params).
 *
 *   document 003                              what does it
 *   PipelineFactory.create_realtime_pipeline  fov_pipeline_create, mode FOV_PIPELINE_REALTIME
 *   PipelineFactory.create_batch_pipeline     fov_pipeline_create, mode FOV_PIPELINE_BATCH
 *   process_frame, process_batch              fov_pipeline_process, fov_pipeline_process_batch
 *   get_metrics, profile                      fov_pipeline_get_metrics, fov_pipeline_profile
 *   set_homography                            fov_pipeline_set_view
 *   AsyncVideoReader, BatchFrameReader        <fovea/reader.h>
 *   StreamProcessor                           fov_stream_open with fov_pipeline_stream_params
 *   AdaptiveStreamProcessor                   the same with fov_stream_params.adaptive
 *   benchmark_stream_processor                fov_pipeline_benchmark
 */
#ifndef FOVEA_PIPELINE_H
#define FOVEA_PIPELINE_H

#include <fovea/football.h>
#include <fovea/stream.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct fov_pipeline fov_pipeline;

typedef enum fov_pipeline_mode {
    FOV_PIPELINE_REALTIME, /* one frame at a time, in the least time; streams take the newest */
    FOV_PIPELINE_BATCH     /* most frames a second; every frame is worked off */
} fov_pipeline_mode;

/* Zero means the default. What is given here goes before what the file says. */
typedef struct fov_pipeline_params {
    fov_pipeline_mode mode;
    const char *config;    /* a YAML file of settings (docs/settings.md: `models`, `football`,
                              `openvino`, ...); NULL: the defaults */
    const char *model;     /* file or name of the player model; NULL: football.player_model, else
                              models.default, else the default model */
    double target_fps;     /* of realtime streams; default football.target_fps, 10 */
    int batch_size;        /* frames of a run; default football.batch_size, 1 in realtime, else 8 */
    int workers;           /* default: the cores this process may use */
    double max_latency_ms; /* of streams; default 2000, the bound of document 003 */
    const fov_football_params *football; /* the rest of it; may be NULL */
} fov_pipeline_params;

/* Means over the frames since the creation or the last fov_pipeline_reset_metrics; those that
 * failed do not count. */
typedef struct fov_pipeline_metrics {
    uint64_t frames;
    double avg_fps;        /* of the time between the first call and the last answer */
    double avg_latency_ms; /* from the call to the answer of a frame */
    double p95_latency_ms;
    double gpu_memory_mb; /* taken on the card, by all who use it; a negative number: the model runs
                             on none, or it does not say */
    double memory_mb;     /* resident memory of this process */
    double part_ms[FOV_PART_COUNT]; /* mean of a frame */
} fov_pipeline_metrics;

/* Opens the models and starts the threads. Errors in the file name its line and the nearest known
 * word. Returns FOV_EINVAL, FOV_ENOTFOUND, and what fov_model_open returns. Thread-safety: safe.
 * Blocks: yes. */
FOV_API fov_status fov_pipeline_create(fov_pipeline **pipeline, const fov_pipeline_params *params,
                                       fov_error *error);

/* Close its streams first; those that are still open take no frame any more. Sets *pipeline to
 * NULL, accepts NULL. Thread-safety: once. Blocks: for running frames. */
FOV_API void fov_pipeline_destroy(fov_pipeline **pipeline);

/* Works a frame off (the pipeline takes the reference, also on failure, and sets *frame NULL).
 * `result` is the caller's until fov_result_release. Returns why there is none: FOV_EFORMAT (not a
 * picture), FOV_EINFER, ... Thread-safety: one thread at a time. Blocks: until it is done. */
FOV_API fov_status fov_pipeline_process(fov_pipeline *pipeline, fov_frame **frame,
                                        fov_result **result, fov_error *error);

/* Works `count` frames off, 1..64, and gives their results in order. A frame that failed has its
 * reason in its result (FOV_FAILED, also when it is no picture). All frames are taken, also on
 * failure; there are no results then. Returns FOV_EINVAL, FOV_ENOMEM, FOV_ECLOSED. Thread-safety:
 * as process. Blocks: until all are done. */
FOV_API fov_status fov_pipeline_process_batch(fov_pipeline *pipeline, fov_frame **frames, int count,
                                              fov_result **results, fov_error *error);

/* The view of the pitch, for the next frames here (of the newest one that was worked off; the
 * camera's motion carries it on) and for the first frame of streams opened from now on. NULL:
 * forget it. Returns FOV_EINVAL. Thread-safety: as process. Blocks: no. */
FOV_API fov_status fov_pipeline_set_view(fov_pipeline *pipeline, const fov_pitch_view *view,
                                         fov_error *error);

/* Thread-safety: safe. Blocks: while a graphics card's driver tells of its memory. */
FOV_API void fov_pipeline_get_metrics(fov_pipeline *pipeline, fov_pipeline_metrics *metrics);
FOV_API void fov_pipeline_reset_metrics(fov_pipeline *pipeline);

/* Works `frames` frames of `source` (NULL: the drawn match, 1080p) off as the mode does, and gives
 * their metrics alone. Thread-safety: as process. Blocks: until they are done. */
FOV_API fov_status fov_pipeline_profile(fov_pipeline *pipeline, const char *source, int frames,
                                        fov_pipeline_metrics *metrics, fov_error *error);

/* What a stream on this pipeline needs: name, models, football, rate, deadline, drop policy. Its
 * strings and pointers live as long as the pipeline and until the next fov_pipeline_set_view; add
 * on_result and the like. Thread-safety: as process. Blocks: no. */
FOV_API fov_stream_params fov_pipeline_stream_params(fov_pipeline *pipeline);

/* Its workers, for fov_stream_open. Thread-safety: safe. Blocks: no. */
FOV_API fov_workers *fov_pipeline_workers(fov_pipeline *pipeline);

/* A live run of a source through a stream, for some time. */
typedef struct fov_pipeline_run {
    double duration_s;
    uint64_t offered, delivered, dropped; /* frames; offered = delivered + dropped */
    double avg_fps, drop_rate;            /* 0..1 */
    double e2e_latency_ms, e2e_p50_ms, e2e_p95_ms, e2e_p99_ms; /* capture to result */
    fov_stats stats;
    double part_ms[FOV_PART_COUNT];
} fov_pipeline_run;

/* Plays `source` in its own time (files too) for `duration_s` at `target_fps` (0: the pipeline's).
 * Thread-safety: as process. Blocks: so long. */
FOV_API fov_status fov_pipeline_benchmark(fov_pipeline *pipeline, const char *source,
                                          double duration_s, double target_fps,
                                          fov_pipeline_run *run, fov_error *error);

#ifdef __cplusplus
}
#endif
#endif
