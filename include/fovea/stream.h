/* Streams: a running chain from frames to detections, under a deadline. Workers are shared by all
 * streams of a process; a stream is fed by fov_stream_put or by a source of its own. */
#ifndef FOVEA_STREAM_H
#define FOVEA_STREAM_H

#include <fovea/model.h>
#include <fovea/source.h>
#include <fovea/stats.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct fov_workers fov_workers;
typedef struct fov_stream fov_stream;

/* What became of a frame. Exactly one for every frame that fov_stream_put accepted. */
typedef enum fov_outcome { FOV_DELIVERED, FOV_DROPPED, FOV_FAILED } fov_outcome;

typedef struct fov_result {
    fov_frame *frame; /* borrowed; ref it to keep it */
    fov_outcome outcome;
    fov_drop reason;                  /* FOV_DROPPED */
    fov_status status;                /* FOV_FAILED, or FOV_DROPPED by decode: why */
    const char *message;              /* the reason in words, "" if none */
    const fov_detections *detections; /* valid during the call */
    fov_timings timings;              /* ns; the stages add up to total = answered - capture */
    bool in_time;                     /* answered before the deadline, or there is none */
    int width, height;                /* source px */
    fov_frame
        *picture; /* full-size FOV_YUV pixels, when the stream is watched; borrowed, or NULL */
    const fov_model *model; /* that made it; valid during the call */
} fov_result;

/* Called once a frame: on the putting thread for drops at put, on a worker or the timer thread for
 * others. Results (delivered, failed) of a stream come in frame order, one at a time; drops at
 * once. Must not block and must not call back into the same stream except fov_stream_put. */
typedef void (*fov_result_fn)(void *user, const fov_result *result);

typedef struct fov_workers_params {
    int workers;                      /* default: the cores this process may use */
    const fov_model_params *model;    /* default model of streams; required (may be "fake:") */
    bool pin_latency, pin_throughput; /* never switch the form of the model by load */
    void (*on_event)(
        void *user, const char *event,
        const char *text); /* may be NULL: "switch", "lost_run", "degraded", "fallback" */
    void *user;
} fov_workers_params;

/* Loads the model in its latency form and starts the threads. Returns what fov_model_open returns.
 * Thread-safety: safe. Blocks: yes. */
FOV_API fov_status fov_workers_create(fov_workers **workers, const fov_workers_params *params,
                                      fov_error *error);

/* Stops: every frame that waits is answered `dropped, shutdown`. Close the streams first.
 * Thread-safety: once. Blocks: for running frames, at most 5 s. */
FOV_API void fov_workers_destroy(fov_workers **workers);

/* Opens another model beside the default one, or replaces the default (`as_default`); streams name
 * models by id. A failed load keeps what is there. Thread-safety: safe. Blocks: yes. */
FOV_API fov_status fov_workers_add_model(fov_workers *workers, const fov_model_params *params,
                                         bool as_default, fov_error *error);

/* Forgets a model beside the default one; it is freed with its last frame. Returns FOV_ENOTFOUND,
 * FOV_EBUSY for the default model and for one that a stream names. Thread-safety: safe. Blocks:
 * briefly. */
FOV_API fov_status fov_workers_remove_model(fov_workers *workers, const char *id, fov_error *error);

/* The i-th model, with one more reference: close it. NULL after the last; `streams` (may be NULL)
 * gets how many streams run on it, `is_default` (may be NULL) whether those that name none do.
 * Thread-safety: safe. Blocks: no. */
FOV_API fov_model *fov_workers_model_at(fov_workers *workers, size_t i, int *streams,
                                        bool *is_default);

/* The model of this id (NULL or "": the default), with one more reference: close it.
 * Returns NULL if there is none. Thread-safety: safe. Blocks: no. */
FOV_API fov_model *fov_workers_model(fov_workers *workers, const char *id);

typedef struct fov_workers_info {
    int workers;
    bool degraded; /* runs were lost four times: no worker left */
    uint64_t lost_runs;
    uint64_t fallbacks; /* times that a model went on on another runtime or device */
    const char *form;   /* "latency" or "throughput" of the default model */
    double bound_ms;    /* recent p50 of the work of one frame, without any waiting */
} fov_workers_info;

/* Thread-safety: safe. Blocks: no. */
FOV_API void fov_workers_get_info(fov_workers *workers, fov_workers_info *info);

typedef struct fov_stream_params {
    const char *name;      /* for logs and metrics; default "stream" */
    const char *model_id;  /* default model when NULL or "" */
    double target_fps;     /* frames accepted a second, 0: all */
    double max_latency_ms; /* 0: no deadline */
    bool fifo;             /* oldest first, nothing superseded (files, replay) */
    bool always_run;       /* never dropped by deadline or superseded, only run late (POST) */
    int capacity;          /* waiting frames, 1..64; default 5 */
    size_t max_bytes;      /* waiting bytes; default 4 MiB; one frame always fits */
    double weight;         /* share beside other streams; default 1 */
    fov_detect_params detect;
    fov_result_fn on_result;
    void *user;
    void (*on_end)(void *user, fov_status status,
                   const char *message); /* own source ended; may be NULL */
} fov_stream_params;

/* Opens a stream fed by fov_stream_put. Returns FOV_EINVAL, FOV_ENOTFOUND (model), FOV_ENOMEM.
 * Thread-safety: safe. Blocks: no. */
FOV_API fov_status fov_stream_open(fov_stream **stream, fov_workers *workers,
                                   const fov_stream_params *params, fov_error *error);

/* Starts a thread that reads `source` (owned by the stream from now on) and puts its frames, in
 * real time by their time stamps or, with `fast`, as quickly as they are worked off. Thread-safety:
 * once a stream. Blocks: no. */
FOV_API fov_status fov_stream_start_source(fov_stream *stream, fov_source **source, bool fast,
                                           fov_error *error);

/* Where the stream's own source stands. False: it has none. Thread-safety: safe. Blocks: no. */
FOV_API bool fov_stream_get_source_state(fov_stream *stream, fov_source_state *state);

/* Hands a frame over (the stream takes the caller's reference, also on failure, and sets *frame
 * NULL). Sets seq, and deadline_ns = capture_ns + max_latency_ms unless it is set. Never blocks.
 * `seq` (may be NULL) gets the frame's number. Returns FOV_OK when the frame is accepted (exactly
 * one result follows, perhaps before this returns), FOV_ECLOSED else (no result). Thread-safety:
 * safe; order of seq = order of the calls. Blocks: no. */
FOV_API fov_status fov_stream_put(fov_stream *stream, fov_frame **frame, uint64_t *seq);

/* Asks for full-size pictures with the results (counted: every true needs its false).
 * Thread-safety: safe. Blocks: no. */
FOV_API void fov_stream_watch(fov_stream *stream, bool watch);

/* Changes what may be turned while running; zero fields keep their value (`conf`, `iou`,
 * `target_fps`, `max_latency_ms` < 0: off). Thread-safety: safe. Blocks: no. */
typedef struct fov_knobs {
    float conf, iou;
    double target_fps, max_latency_ms;
    const uint64_t *classes; /* 16 words or NULL */
    int fifo;                /* 0 keep, 1 on, -1 off */
} fov_knobs;
FOV_API void fov_stream_set(fov_stream *stream, const fov_knobs *knobs);

/* Statistics over the last `window_s` seconds (1..60). Thread-safety: safe. Blocks: no. */
FOV_API void fov_stream_get_stats(fov_stream *stream, double window_s, fov_stats *stats);

/* The same over all streams, those closed included. Thread-safety: safe. Blocks: no. */
FOV_API void fov_workers_get_stats(fov_workers *workers, double window_s, fov_stats *stats);

/* Closes: waiting frames are answered `dropped, shutdown`, running ones end; after it returns no
 * callback runs or will run. Must not be called from the stream's own callback.
 * Thread-safety: once. Blocks: for a running frame. */
FOV_API void fov_stream_close(fov_stream **stream);

#ifdef __cplusplus
}
#endif
#endif
