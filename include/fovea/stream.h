/* Streams: a running chain from frames to detections, under a deadline. Workers are shared by all
 * streams of a process; a stream is fed by fov_stream_put or by a source of its own. Its results
 * come by callback, or are kept to be taken.
 *
 *   what is wanted                   what does it
 *   add_frame, never waiting         fov_stream_put
 *   a file: wait for room            fov_stream_put_wait, or fov_stream_start_source with `fast`
 *   get_result with a timeout        fov_stream_get, with fov_stream_params.results
 *   a callback for each result       fov_stream_params.on_result
 *   which frames are dropped         the older ones; with `fifo` none but for want of room
 *   a limit of the latency           max_latency_ms: what cannot meet it is dropped before it costs
 *   statistics now and then          fov_stream_get_stats; stats_interval_s: a call or the log
 */
#ifndef FOVEA_STREAM_H
#define FOVEA_STREAM_H

#include <fovea/football.h>
#include <fovea/model.h>
#include <fovea/source.h>
#include <fovea/stats.h>
#include <fovea/track.h>

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
    fov_drop reason;     /* FOV_DROPPED */
    fov_status status;   /* FOV_FAILED, or FOV_DROPPED by decode: why */
    const char *message; /* the reason in words, "" if none */
    /* Valid during the call; with a tracker they have names. Of football: those that are of it,
     * with the classes of the player model; the ball of a ball model has the one that means it
     * there, or FOV_LABEL_BALL. */
    const fov_detections *detections;
    const fov_tracks *tracks;           /* also those lost from sight; NULL: no tracker. As above */
    const fov_football_frame *football; /* NULL: no football. Valid as `detections` */
    fov_timings timings;                /* ns; the stages add up to total = answered - capture */
    bool in_time;                       /* answered before the deadline, or there is none */
    int width, height;                  /* source px */
    fov_frame
        *picture; /* full-size FOV_YUV pixels, when the stream is watched; borrowed, or NULL */
    const fov_model *model; /* that made it; valid during the call */
    bool reduced; /* the model saw a reduced copy of the whole picture, and not the scaled decode */
    const fov_detect_params *params; /* it was run with, NULL when it was not; valid as well */
} fov_result;

/* Called once a frame: on the putting thread for drops at put, on a worker or the timer thread for
 * others. Results (delivered, failed) of a stream come in frame order, one at a time; drops at
 * once. Must not block and must not call back into the same stream except fov_stream_put. */
typedef void (*fov_result_fn)(void *user, const fov_result *result);

typedef struct fov_workers_params {
    int workers;                      /* default: the cores this process may use */
    const fov_model_params *model;    /* default model of streams; required (may be "fake:") */
    bool pin_latency, pin_throughput; /* never switch the form of the model by load */
    bool always_batch;                /* model->batch counts while one stream is busy too (files) */
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
    bool degraded; /* four runs of a model were lost: it is not tried any more */
    uint64_t lost_runs;
    uint64_t fallbacks; /* times that a model went on on another runtime or device */
    const char *form;   /* "latency" or "throughput" of the default model */
    double bound_ms;    /* recent p50 of the work of one frame, without any waiting */
    int guaranteed;     /* streams that were promised their rate and latency */
    double promised;    /* part of the workers' time that they need, 0..1 */
    double busy_s;      /* time of all runs so far; two at once count twice */
    int runs;           /* of the default model that fit beside each other */
    bool default_lost;  /* the default model is not tried any more */
} fov_workers_info;

/* Thread-safety: safe. Blocks: no. */
FOV_API void fov_workers_get_info(fov_workers *workers, fov_workers_info *info);

/* What a guaranteed stream costs beside the others, as measured or estimated by now. */
typedef struct fov_admission {
    int runs;         /* guaranteed streams beside this one */
    int fits;         /* how many there could be, were those to come like this one */
    double fps;       /* frames a second promised */
    double needs_ms;  /* work of one frame */
    double free_ms;   /* worker time that the others leave for each of its frames */
    double answer_ms; /* longest until an answer: this one's, or that of the stream that is worst */
    double fps_at_most; /* the highest rate, up to fps, that fits beside the others; 0: none */
    double load;        /* part of the workers' time promised with it */
} fov_admission;

/* Sizes (px, square, largest first) at which a model can be run: its own first, and of 640, 480 and
 * 320 those below it. A model whose file fixes its size has that one alone. */
enum { FOV_SIZES_MAX = 3 };
typedef struct fov_sizes {
    int count, px[FOV_SIZES_MAX];
    bool ready[FOV_SIZES_MAX]; /* compiled */
    bool open;                 /* the file leaves the size open: others may be asked for, too */
} fov_sizes;

/* Fills `sizes` for the model of this id (NULL or "": the default); count 0 when there is none.
 * Thread-safety: safe. Blocks: no. */
FOV_API void fov_workers_get_sizes(fov_workers *workers, const char *model_id, fov_sizes *sizes);

/* Asks for a model to be compiled at another size, in the background at low priority; nothing
 * changes for its streams. At most FOV_SIZES_MAX sizes of a model are kept: the oldest that no
 * stream uses goes. Returns FOV_ENOTFOUND (model), FOV_EUNSUPPORTED (its size is fixed), FOV_EBUSY
 * (streams use all that may be kept), FOV_ENOMEM. Thread-safety: safe. Blocks: no. */
FOV_API fov_status fov_workers_prepare_size(fov_workers *workers, const char *model_id, int px,
                                            fov_error *error);

/* One turn of one knob by adaptation. Texts are static. */
typedef struct fov_change {
    const char *knob; /* "fps"; where the server adapts also "quality", "size", "conf" */
    double from, to;
    double measured; /* the number that asked for it */
    const char *why; /* which number that is and what it was held against */
} fov_change;

/* A frame rate that follows the latency: less while the mean from arrival to answer is over the
 * target or frames are lost, more while there is room. For live streams. */
typedef struct fov_adaptive {
    double target_latency_ms;                                /* 0: the frame rate stays */
    double initial_fps, min_fps, max_fps;                    /* 0: 10, 5, 15 */
    void (*on_change)(void *user, const fov_change *change); /* as on_result; may be NULL */
} fov_adaptive;

/* Frames that one run takes at most, whatever batch the model has. */
enum { FOV_GATHER_MAX = 16 };

typedef struct fov_stream_params {
    const char *name;      /* for logs and metrics; default "stream" */
    const char *model_id;  /* default model when NULL or "" */
    double target_fps;     /* frames accepted a second, 0: all */
    fov_adaptive adaptive; /* turns target_fps, which need not be given then */
    double max_latency_ms; /* 0: no deadline */
    bool fifo;             /* oldest first, nothing superseded (files, replay) */
    bool always_run;       /* never dropped by deadline or superseded, only run late (POST) */
    int capacity;          /* waiting frames, 1..64; default 5 */
    size_t max_bytes;      /* waiting bytes; default 4 MiB; one frame always fits */
    double weight;         /* share beside other streams without a promise; default 1 */
    /* Promised its rate and its latency: goes before all streams that are not, and is refused
     * (FOV_ECAPACITY) when that would break a promise. Needs `promised_fps`; no more than that
     * passes. */
    bool guaranteed;
    double promised_fps;
    int picture_width, picture_height; /* px expected, to estimate costs; 0 unknown */
    fov_admission *admission;          /* gets the numbers, also of a refusal; may be NULL */
    fov_detect_params detect;
    /* Gives boxes names in time: FOV_ENOTFOUND for one that is not there. NULL: none. It begins
     * anew when another model's classes come. */
    const fov_tracker_params *tracker;
    /* The pictures are of football; results have `football`. Its tracker takes the place of
     * `tracker`. NULL: no football. */
    const fov_football_params *football;
    bool still_camera; /* its tracker need not look for camera motion (up to 1.5 ms a frame) */
    fov_result_fn on_result; /* or `results` */
    /* 1..64: so many results are kept for fov_stream_get. When nobody takes them, new ones replace
     * the oldest; with `fifo` the workers wait instead. */
    int results;
    bool tell_drops; /* results of frames that were dropped before they were run are kept as well */
    int gather; /* a run waits for so many frames of a fifo stream, at most `capacity` (files, with
                   models that take several) and FOV_GATHER_MAX, or for all that fit into
                   max_bytes; fov_stream_flush ends the wait. Default 1 */
    /* Every so often on_stats is called, by a thread that must not be held up, with the statistics
     * of that time; without on_stats they go to the log. 0: never; else 0.1..3600 */
    double stats_interval_s;
    void (*on_stats)(void *user, const fov_stats *stats);
    void *user;
    void (*on_end)(void *user, fov_status status,
                   const char *message); /* own source ended; may be NULL */
} fov_stream_params;

/* Opens a stream fed by fov_stream_put. Returns FOV_EINVAL, FOV_ENOTFOUND (model), FOV_ENOMEM; of a
 * guaranteed one FOV_ECAPACITY, and FOV_EAGAIN while costs are not known. Thread-safety: safe.
 * Blocks: no. */
FOV_API fov_status fov_stream_open(fov_stream **stream, fov_workers *workers,
                                   const fov_stream_params *params, fov_error *error);

/* Starts a thread that reads `source` (owned by the stream from now on) and puts its frames, in
 * real time by their time stamps or, with `fast`, as quickly as they are worked off. Thread-safety:
 * once a stream. Blocks: no. */
FOV_API fov_status fov_stream_start_source(fov_stream *stream, fov_source **source, bool fast,
                                           fov_error *error);

/* Where the stream's own source stands. False: it has none. Thread-safety: safe. Blocks: no. */
FOV_API bool fov_stream_get_source_state(fov_stream *stream, fov_source_state *state);

/* The view of the pitch in frame `seq` of a football stream, and what is known of the newest
 * frame's (`known` false: nothing; each may be NULL). As fov_football_set_view, which see;
 * FOV_EUNSUPPORTED for a stream without football. Thread-safety: safe. Blocks: briefly. */
FOV_API fov_status fov_stream_set_pitch_view(fov_stream *stream, const fov_pitch_view *view,
                                             uint64_t seq, fov_error *error);
FOV_API fov_status fov_stream_get_pitch_view(fov_stream *stream, fov_pitch_view *view, bool *known,
                                             double *sigma_px, uint64_t *seq, fov_error *error);

/* Mean ms of each part of the last 128 delivered frames; 0 where nothing was done. Thread-safety:
 * safe. Blocks: briefly. */
FOV_API void fov_stream_get_football_parts(fov_stream *stream, double mean_ms[FOV_PART_COUNT]);

/* Figures of the match so far: copies the people as fov_match_people does, and what else is not
 * NULL. 0 for a stream without football. Thread-safety: safe. Blocks: briefly. */
FOV_API size_t fov_stream_get_match(fov_stream *stream, fov_match_person *people, size_t capacity,
                                    fov_match_team teams[2], fov_match_ball *ball);

/* The source has ended, and the last result was given: settles the figures for good and copies the
 * ball's last pictures, which were held back (fov_football_frame.late). Returns how many there are,
 * at most 256; 0 at a second call and for a stream without football. Thread-safety: safe. Blocks:
 * briefly. */
FOV_API size_t fov_stream_settle_football(fov_stream *stream, fov_ball *late, size_t capacity);

/* Copies a heat map of the match so far: of the person `id`, or with 0 of team 0 or 1.
 * `seconds` has room for `capacity` bins; *columns and *rows say how they lie (fov_match_heat).
 * Returns FOV_EUNSUPPORTED (no football), FOV_ENOTFOUND (person), FOV_EINVAL (team), FOV_ELIMIT
 * (room). Thread-safety: safe. Blocks: briefly. */
FOV_API fov_status fov_stream_get_heat(fov_stream *stream, int team, int32_t id, float *seconds,
                                       size_t capacity, int *columns, int *rows, fov_error *error);

/* Hands a frame over (the stream takes the caller's reference, also on failure, and sets *frame
 * NULL). Sets seq, and deadline_ns = capture_ns + max_latency_ms unless it is set. Never blocks.
 * `seq` (may be NULL) gets the frame's number. Returns FOV_OK when the frame is accepted (exactly
 * one result follows, perhaps before this returns), FOV_ECLOSED else (no result). Thread-safety:
 * safe; order of seq = order of the calls. Blocks: no. */
FOV_API fov_status fov_stream_put(fov_stream *stream, fov_frame **frame, uint64_t *seq);

/* The same, but waits for room first, so that no frame is dropped for want of it: at most
 * `timeout_ms`, 0: not at all, below 0: for ever. Returns FOV_EAGAIN when there was none in time:
 * the frame stays the caller's. With `results` of a fifo stream there may be none before some are
 * taken. Thread-safety: one putting thread, else safe. Blocks: as said. */
FOV_API fov_status fov_stream_put_wait(fov_stream *stream, fov_frame **frame, int timeout_ms,
                                       uint64_t *seq);

/* Runs what waits for others (`gather`). Thread-safety: safe. Blocks: no. */
FOV_API void fov_stream_flush(fov_stream *stream);

/* No frame follows: later ones are refused (FOV_ECLOSED), those that wait are run, and after the
 * last result fov_stream_get says FOV_EOS. Thread-safety: safe. Blocks: no. */
FOV_API void fov_stream_finish(fov_stream *stream);

/* Takes the oldest result that is kept: of frames that were run, or whose picture could not be
 * read; those dropped before are in the statistics only, unless the stream was opened with
 * `tell_drops`. Waits at most `timeout_ms`, 0: not at all,
 * below 0: for ever. The caller owns it, with its frame, picture, detections and model, until
 * fov_result_release, also beyond the stream. Returns FOV_EAGAIN (none in time), FOV_EOS (own
 * source ended or fov_stream_finish, all taken) or why the source ended, FOV_ECLOSED (closed while
 * it waited), FOV_EINVAL (opened without `results`). Thread-safety: safe; not to be called any more
 * once fov_stream_close was. Blocks: as said. */
FOV_API fov_status fov_stream_get(fov_stream *stream, int timeout_ms, fov_result **result,
                                  fov_error *error);

/* Gives a result of fov_stream_get back, sets NULL, accepts NULL. Thread-safety: safe. Blocks: no.
 */
FOV_API void fov_result_release(fov_result **result);

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
    int input_px;            /* size of the model's input, -1: its own; see below */
} fov_knobs;
FOV_API void fov_stream_set(fov_stream *stream, const fov_knobs *knobs);

/* Width of the input, in px, of the model that the next frame runs on. A size asked for by
 * fov_stream_set is compiled in the background first; frames go on at the present one meanwhile,
 * and for ever when it cannot be had. Thread-safety: safe. Blocks: no. */
FOV_API int fov_stream_input_px(fov_stream *stream);

/* Statistics over the last `window_s` seconds (1..60). Thread-safety: safe. Blocks: no. */
FOV_API void fov_stream_get_stats(fov_stream *stream, double window_s, fov_stats *stats);

/* The numbers of a guaranteed stream as they are now; false: it was promised nothing.
 * Thread-safety: safe. Blocks: no. */
FOV_API bool fov_stream_get_admission(fov_stream *stream, fov_admission *admission);

/* Statistics over all streams, those closed included. Thread-safety: safe. Blocks: no. */
FOV_API void fov_workers_get_stats(fov_workers *workers, double window_s, fov_stats *stats);

/* Closes: waiting frames are answered `dropped, shutdown`, running ones end; after it returns no
 * callback runs or will run. Must not be called from the stream's own callback.
 * Thread-safety: once. Blocks: for a running frame. */
FOV_API void fov_stream_close(fov_stream **stream);

/* The same, and fills `last` (may be NULL) with the statistics as they are then, over `window_s`:
 * every accepted frame was delivered, dropped or failed, none waits. Thread-safety: once. Blocks:
 * for a running frame. */
FOV_API void fov_stream_close_stats(fov_stream **stream, double window_s, fov_stats *last);

#ifdef __cplusplus
}
#endif
#endif
