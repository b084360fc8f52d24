/* Inside of the flow room: what workers, streams and runs consist of, and who may touch what.
 *
 * One lock, pool->lock, guards everything below that is not marked otherwise. Under it only
 * microseconds of bookkeeping happen; runs, callbacks, loading and freeing of models happen
 * outside. The functions of tickets.c, forms.c and watchdog.c that take `now` read no clock, so
 * that tests drive the whole room on a virtual one. */
#ifndef FLOW_FLOW_H
#define FLOW_FLOW_H

#include <pthread.h>
#include <stdatomic.h>

#include <fovea/picture.h>
#include <fovea/motion.h>
#include <fovea/stream.h>

#include "flow/capacity.h"
#include "flow/recent.h"
#include "flow/results.h"
#include "flow/scheduler.h"
#include "flow/stats.h"

enum {
    PARKED_MAX = 64,            /* results of a stream that wait for their turn or their delay */
    DROPS_MAX = 192,            /* drops gathered before they are answered */
    BATCH_MAX = FOV_GATHER_MAX, /* frames of a run */
    FAILURES_MAX = 2, /* failed runs in a row before the next runtime or device is tried */
    AVOID_MAX = 256,
    PROMISES_MAX = 128, /* guaranteed streams */
    LOST_MAX = 4,       /* lost runs of a model before it is not tried any more */
    GOOD_RUNS = 200,    /* of it: one is forgotten, for a run lost a week is no broken model */
    DETECTIONS_MAX = 1000,
    /* Workers stand behind the event loop; backends put the threads of their runtimes there
     * themselves, so much behind the thread that loads the model. */
    NICE_RUN = 5,
    NICE_BUILD = 5,
};

/* ---- models ------------------------------------------------------------------------------- */

/* A model compiled in one way, with its open runners. Referenced by its slot and by every job. */
struct form {
    fov_model *model;
    fov_runner **idle; /* stack of free runners */
    int idle_count;
    int runners;  /* open and not lost */
    bool dead;    /* its runs hung too often: nothing runs here any more */
    int failures; /* in a row */
    int refs;
    struct recent work; /* durations of its runs, each with its frame's decode */
    struct recent runs; /* the same without the decode: what the model costs, */
    struct recent each; /* and what a frame's part of that is */
    int64_t ran_ns;     /* when the last one ended */
    bool measure;       /* asked for: runs of measure.c */
    bool measured;      /* `runs` come from there at first */
};

/* A model by name: its forms, indexed by fov_hint. The same model at another input size is a slot
 * of its own, found through its base alone (sizes.c). */
struct slot {
    struct slot *next;
    const struct slot *base; /* NULL: this is no other size of anything */
    int px;                  /* with a base: its input size */
    char *id;
    fov_model_params params; /* strings owned */
    struct form *forms[2];
    fov_hint active;
    bool wanted[2];   /* to be built by the builder thread */
    int64_t retry_ns; /* after a failed build: not before */
    /* Fallback: what failed while it ran ("openvino:GPU"), that a form without it is being made,
     * why, and when it may be tried again after nothing else was found. */
    char avoid[AVOID_MAX], why[160];
    bool falling;
    int64_t fall_retry_ns;
    int strikes;   /* its lost runs, less the forgotten ones */
    int good_runs; /* since the last strike was forgotten */
    int refs;      /* pool, streams, builder */
    bool hidden;   /* no model that anybody opened: the one of the detector "drawn" */
};

/* ---- a frame's run ------------------------------------------------------------------------ */

/* A frame's brightness, reduced: `width` x `height` px at `offset`; width 0: none. */
struct gray {
    uint8_t *pixels;
    size_t room, offset;
    int width, height;
};

/* A frame from the moment a worker took it to its answer. Jobs of a stream form a list in ticket
 * (frame) order; free ones are kept by the pool. */
struct job {
    struct job *next;
    fov_stream *stream;
    struct form *form;
    fov_frame *frame, *picture;
    fov_detections detections; /* own memory */
    struct gray gray;          /* own memory; for camera motion */
    struct looked *looked;     /* own memory, of football streams; else NULL */
    struct crops *crops;       /* own memory, of streams with a model of appearance; else NULL */
    fov_detect_params params;
    fov_timings timings;
    int64_t taken_ns, expected_ns, release_ns; /* release: not answered before (delay line) */
    int width, height;
    int frames;       /* of its run; 0: it is alone */
    int64_t aside_ns; /* of its run: not the model's, but other models' or the user's */
    int64_t crops_ns; /* the part of it that is done only where there is time */
    int looks;        /* runs of its model that it took */
    bool watched, reduced, done;
    bool dropped; /* answered at once, out of order, as dropped for this reason */
    fov_drop reason;
    bool limited;    /* the run ended because its limit had passed */
    bool hung;       /* the run was given up */
    fov_error error; /* status FOV_OK: delivered */
};

/* A frame of a run. */
struct run_frame {
    fov_frame *frame, *picture; /* a reference each */
    struct look *look;          /* a reference; NULL: the stream is not of football */
    struct cropper *cropper;    /* a reference; NULL: the stream has no model of appearance */
    fov_detect_params params;
    bool moves;             /* its small gray picture is wanted */
    bool watched, reduced;  /* reduced: the model got a reduced copy of the picture */
    int64_t limit_ns;       /* the run is of no use after it; 0: it is */
    int64_t time_ns;        /* of the picture, by its source; any origin */
    int64_t until_ns;       /* football: looking further makes it late, or the next one; 0: never */
    int64_t crops_until_ns; /* with a cropper: after it no crop is taken; 0: none is too late */
    int64_t aside_ns, crops_ns; /* as the job's */
    int looks;
    int width, height;
    fov_timings timings;
    fov_detections detections;
    fov_error error;
};

/* What a run needs. It belongs to the worker alone, so that a run that never comes back keeps
 * nothing of its jobs. */
struct run {
    struct form *form;
    fov_runner *runner;
    int count; /* frames; more than one when the form's model takes several */
    /* `form` and `runner` are of another model by now (run_use): what its runs said, how many there
     * were and how long they took. runner is NULL while none could be had. */
    bool helping;
    fov_error said;
    int helps;
    int64_t helped_ns;
    struct run_frame frames[BATCH_MAX];
};

/* A thread that runs frames. `jobs`, `job_count`, `since_ns`, `lost` are guarded by the lock, the
 * rest is the thread's own. */
struct worker {
    struct worker *next;
    fov_workers *pool;
    struct job *jobs[BATCH_MAX]; /* of the run's frames */
    int job_count;               /* 0 when idle, or when the watchdog took them away */
    int64_t since_ns;
    bool cancelled; /* the run was asked to come back early */
    bool lost;
    struct run run;
    fov_decoder *decoder; /* made for the first watched frame */
    /* A frame's memory each, made when first needed: DETECTIONS_MAX boxes, and what else the
     * model's task gives, which goes to the job with the detections. */
    fov_detection *items[BATCH_MAX];
    fov_details *details[BATCH_MAX];
    struct gray grays[BATCH_MAX];
    struct looked *looked[BATCH_MAX]; /* the jobs', while they run */
    struct crops *crops[BATCH_MAX];   /* as well */
    struct crop_work *crop_work;      /* made for the first crop (crops_run.c) */
    int whole[BATCH_MAX];             /* frames of the run by item of the model's */
    struct tiling *tiling;            /* of football (look_regions.c) */
    fov_details *pitch_details;
    struct scratch {
        uint8_t *memory; /* reduced copy of a picture that was decoded whole */
        size_t size;
    } scratches[BATCH_MAX];
};

bool scratch_reserve(struct scratch *scratch, size_t size); /* false: no memory */

/* ---- promises (admission.c) ---------------------------------------------------------------- */

/* The promises of all streams under one form of the models, that of a newcomer last. */
struct plan {
    fov_hint hint; /* the form */
    struct capacity_machine machine;
    struct capacity_stream streams[PROMISES_MAX + 1];
    const fov_stream *of[PROMISES_MAX + 1]; /* to be compared with, never looked into */
    char names[PROMISES_MAX + 1][32];
    int count;
    bool crowd;   /* only the form for many streams keeps them */
    bool calm;    /* only the one for latency does */
    bool unknown; /* what some stream costs is not known yet, */
    bool guessed; /* or only from the other form */
    bool measuring;
    int reserved; /* workers that strangers must leave alone */
    struct capacity_verdict verdict;
};

/* Models that help the one that looks for boxes: each frame may go on with them. */
enum helper { HELPER_BALL, HELPER_PITCH, HELPER_NAMES, HELPER_TEAMS, HELPERS };

/* ---- pool and streams --------------------------------------------------------------------- */

struct fov_workers {
    pthread_mutex_t lock;
    pthread_cond_t work;  /* a frame may be runnable */
    pthread_cond_t timer; /* the timer thread has something earlier to do */
    pthread_cond_t idle;  /* something ended: for those who wait to close */
    int64_t (*clock)(void);
    int worker_count; /* as asked for */
    int threads;      /* workers, timer, builder that live and are not lost */
    /* Threads to be joined: those that run and are not lost, and those that have ended. */
    size_t joinable, ended_count, ended_room;
    pthread_t *ended;
    bool left; /* the owner joins no more: who ends from now on is nobody's */
    int refs;  /* owner, streams, threads */
    bool stopping, degraded, pin_latency, pin_throughput, always_batch;
    bool timer_sleeps, timer_runs, building;
    /* The builder's run of measure.c; runner NULL: none, or it was given up together with it. */
    struct {
        struct form *form;
        fov_runner *runner;
        int64_t since_ns;
        bool cancelled;
    } measuring;
    uint64_t lost_runs, fallbacks;
    int64_t busy_ns;        /* time of all runs together */
    struct worker *workers; /* not lost */
    struct job *free_jobs;
    struct slot *slots, *default_slot;
    fov_frame_pool *pictures;
    fov_stream **streams;
    const struct sched_stream **views; /* of streams[i] */
    int stream_count, stream_room;
    double share_ns;    /* the most that a stream without a promise had when it was served */
    int64_t tick_ns;    /* last tick */
    bool crowded;       /* several streams are busy, for a while */
    int64_t changed_ns; /* since when the load disagrees with `crowded` */
    /* Promises: how many streams have one, the plan that holds now and when it was made, and how
     * often one was made at all: with many streams it costs too much to be made for who asks. */
    int promised;
    struct plan plan;
    int64_t promises_ns;
    uint64_t plans;
    struct recent pixel_ps; /* time to decode a pixel, in ps, of any stream */
    void (*on_event)(void *user, const char *event, const char *text);
    void *user;
    struct stats stats; /* own lock */
};

/* What a guaranteed stream was promised (admission.c); all zero: nothing. */
struct promise {
    double fps;
    int width, height; /* px, expected before the first frame; 0 unknown */
};

struct fov_stream {
    fov_workers *pool;
    char name[64];
    struct slot *slot;  /* NULL: the pool's default, looked up at every frame */
    struct slot *sized; /* the same model at another size, used once it is built; NULL: none */
    struct mailbox box;
    struct sched_stream view;
    struct sched_gate gate;
    double weight;
    int64_t max_latency_ns;
    fov_detect_params detect;
    int watchers;
    uint64_t next_seq;
    struct job *first, *last; /* taken and not answered, in order */
    int jobs;
    int callbacks; /* running now */
    bool publishing, closing, seen;
    struct recent works;   /* durations of its runs */
    struct recent decodes; /* the part of them that its pictures took to decode */
    struct promise promise;
    struct follower *follower;     /* turns the frame rate; NULL: it stays (stream_adapt.c) */
    struct namer *namer;           /* its tracker; NULL: boxes have no names (stream_track.c) */
    struct look *look;             /* NULL: its pictures are not of football (look.h) */
    struct cropper *cropper;       /* NULL: no model of appearance (crops.h) */
    struct slot *helpers[HELPERS]; /* its other models; NULL: none */
    double busy;                   /* smoothed part of the time with work */
    bool worked;                   /* had work at the last tick */
    struct feeder *feeder;
    struct results *results; /* instead of on_result; NULL: none are kept */
    int gather;              /* frames that a run waits for */
    bool flushing;           /* it waits no longer, until the next put */
    bool finishing;          /* no frame follows */
    int64_t stats_every_ns, stats_due_ns;
    void (*on_stats)(void *user, const fov_stats *stats);
    fov_result_fn on_result;
    void (*on_end)(void *user, fov_status status, const char *message);
    void *user;
    struct stats stats; /* own lock */
};

/* ---- answers (answer.c) -------------------------------------------------------------------- */

/* Frames taken out of mailboxes under the lock, answered after it is released. */
struct drops {
    int count;
    struct drop {
        fov_stream *stream;
        fov_frame *frame;
        fov_drop reason;
    } list[DROPS_MAX];
};

/* Takes every frame of `set` out of the stream's mailbox, to be answered. */
void drops_add(struct drops *drops, fov_stream *stream, sched_set set, fov_drop reason);
/* The same for a frame that is in no mailbox. */
void drops_add_frame(struct drops *drops, fov_stream *stream, fov_frame *frame, fov_drop reason);
/* Everything that would end late, over all streams. */
void drops_add_late(struct drops *drops, fov_workers *pool, int64_t now);
/* Calls back and empties the list; without the lock. */
void drops_answer(struct drops *drops);

/* Calls back for a job that ended; without the lock. */
void job_answer(struct job *job);

/* ---- tickets: results in frame order, at their time (tickets.c) ---------------------------- */

/* The next job for a worker, with a runner in *runner, or NULL; lock held. */
struct job *job_take(fov_workers *pool, int64_t now, struct drops *drops, fov_runner **runner);

/* Another job for the same run, NULL when no frame waits that it could take; lock held. */
struct job *job_take_more(fov_workers *pool, int64_t now, struct drops *drops, struct form *form);

/* The job's run ended (job->error.status says how): answers it and what it held up, in order, one
 * at a time; lock held, released meanwhile. */
void job_done(struct job *job, int64_t now);

/* Answers what is due of the stream; lock held, released meanwhile. */
void stream_publish(fov_stream *stream);

/* When the next result of the stream is due, INT64_MAX if none waits for its time; lock held. */
int64_t stream_due_ns(const fov_stream *stream);

/* Lets results go that wait for their time; lock held. */
void stream_hurry(fov_stream *stream);

/* Answers every waiting frame as failed; lock held, released meanwhile. */
void stream_fail_waiting(fov_stream *stream, fov_status status, const char *message);

/* ---- admission: promises to guaranteed streams (admission.c) --------------------------------- */

/* Whether the stream's promise can be kept beside those that run; the stream is in no list yet.
 * FOV_ECAPACITY: it cannot; FOV_EBUSY: too many; FOV_EAGAIN: ask again, what it costs is not known
 * or the form for many streams is being made. Lock held. */
fov_status promise_check(fov_workers *pool, const fov_stream *newcomer, struct plan *plan);
/* Says so, with numbers in `told` (may be NULL) and a sentence in `error`; returns the status for
 * the caller. Without the lock. */
fov_status promise_tell(const struct plan *plan, fov_status status, fov_admission *told,
                        fov_error *error);
/* A stream with a promise came or left, or costs may have drifted. Lock held. */
void promises_changed(fov_workers *pool, int64_t now);
/* Asks for fresh runs of a form, in the background, when its own are long past; true: they are on
 * their way. Lock held. */
bool form_measure(fov_workers *pool, struct form *form, int64_t now);
/* A run of so many frames took `ns` beside their decode. Lock held. */
void form_add_run(struct form *form, int64_t ns, int frames);
/* Builder thread: a form that waits for it, NULL none; and its runs. Lock held, by the second one
 * released meanwhile. */
struct form *measure_next(const fov_workers *pool);
bool measure_run(fov_workers *pool, struct form *form); /* false: the thread was given up */
/* A run of the stream's would get in the way of promises if it took the last worker beside
 * `strangers`, the workers that run frames without a promise. Lock held. */
bool promise_holds_back(const fov_workers *pool, const fov_stream *stream, int strangers);

/* ---- forms (forms.c) ----------------------------------------------------------------------- */

fov_status slot_open(struct slot **slot, fov_workers *pool, const fov_model_params *params,
                     fov_error *error);
struct slot *slot_find(fov_workers *pool, const char *id); /* lock held; "" and NULL: default */
/* Where the table holds the model of this id, its own size; at the end when it does not. Lock held.
 */
struct slot **slot_link(fov_workers *pool, const char *id);
struct slot *slot_resized(const struct slot *base, int px); /* without forms, wanted; NULL */
struct form *slot_form(const struct slot *slot); /* the active one, NULL: none yet; lock held */
bool form_works(const struct form *form);        /* accepts NULL; lock held */
/* Looks again whether a model was given up for its hung runs; lock held. */
void slots_judge(fov_workers *pool);
/* The slot of a form, NULL when it was replaced; lock held. */
struct slot *form_slot(const fov_workers *pool, const struct form *form, fov_hint *hint);
void slot_unref(fov_workers *pool, struct slot *slot); /* lock held, released meanwhile */
void form_unref(fov_workers *pool, struct form *form); /* lock held, released meanwhile */
fov_runner *form_take(struct form *form);              /* lock held */
void form_give(struct form *form, fov_runner *runner); /* lock held */
/* A run of several frames takes longer: false when the deadlines of those who would be in it are
 * shorter than two runs. Lock held. */
bool form_affordable(const fov_workers *pool, const struct slot *slot, const struct form *form);

/* A run of the form ended: two failures in a row, or one with numbers that are not finite, ask for
 * a form on the next runtime or device; lock held. */
void form_judge(fov_workers *pool, struct form *form, const fov_error *error, bool nonsense,
                int64_t now);

/* Follows the load, `passed` ns after the last call: asks for the second form, switches between the
 * forms (then `news` says so, else it is ""); lock held. */
void forms_tick(fov_workers *pool, int64_t now, int64_t passed, char *news, size_t size);
bool forms_follow(const fov_workers *pool);  /* there may be two, and they follow the load */
bool forms_settled(const fov_workers *pool); /* nothing to follow: the timer may sleep */
/* Builds what slots want; on its own thread, started by the timer when anything is wanted; lock
 * held, released meanwhile. False: the thread was given up, and there may be another. */
bool forms_build(fov_workers *pool);
bool forms_wanted(const fov_workers *pool, int64_t now);

/* ---- sizes (sizes.c) ----------------------------------------------------------------------- */

/* The stream's model at its own size; lock held. */
struct slot *stream_base(const fov_stream *stream);

/* The slot and the form that the stream's next frame runs on; lock held. */
struct slot *stream_slot(const fov_stream *stream);
struct form *stream_form(const fov_stream *stream);

/* Makes the stream run at this size as soon as it is built (0: the model's own); lock held,
 * released meanwhile. */
void stream_resize(fov_stream *stream, int px);

/* The slot goes or is replaced: its other sizes too; lock held, released meanwhile. */
void sizes_forget(fov_workers *pool, const struct slot *base);

/* ---- frame rates that follow the latency (stream_adapt.c) ------------------------------------ */

/* Where the stream asks for one; it begins with the follower's rate. */
fov_status follower_make(fov_stream *stream, const fov_stream_params *params, fov_error *error);
void follower_free(struct follower **follower);
int64_t follower_target_ns(const struct follower *follower); /* mean latency; NULL: 0, none */

/* A frame was delivered; called by the one thread that publishes, without the lock. */
void stream_follow(fov_stream *stream, const fov_timings *timings);

/* ---- names for boxes (stream_track.c) ---------------------------------------------------------
 */

/* Where the stream asks for a tracker. After a failure namer_free is called all the same. */
fov_status namer_make(fov_stream *stream, const fov_stream_params *params, fov_error *error);
void namer_free(struct namer **namer);
float namer_high(const struct namer *namer); /* score from which appearance counts */

/* The times of a stream's frames, in seconds from the first one on. Zero it. */
struct pace {
    double time_s;      /* of the frame before */
    int64_t capture_ns; /* of that frame; 0: none yet */
    double pts_ms;
};

double pace_next(struct pace *pace, const fov_frame *frame, bool fifo);

/* Whether small gray pictures of its frames are wanted. */
bool stream_moves(const fov_stream *stream);

/* Names the boxes of a job that went well, in frame order; without the lock, by the one thread that
 * publishes. `tracks` is valid until the next call. */
void stream_name(struct job *job, fov_tracks *tracks);

/* ---- camera motion (stream_motion.c) ----------------------------------------------------------
 */

struct mover;
fov_status mover_make(struct mover **mover, fov_error *error); /* after a failure: free as well */
void mover_free(struct mover **mover);

/* A runner_seen_fn; `user` is the worker. */
void motion_see(void *user, int index, const fov_image *image);

/* From the frame of the job before to that of this one, in source px. */
void motion_next(struct mover *mover, const struct job *job, fov_motion *out);

/* ---- threads (threads.c, worker.c, watchdog.c)
 * -------------------------------------------------------- */

/* Starts a thread that holds a reference of the pool and blocks all signals; lock held. */
bool pool_thread(fov_workers *pool, void *(*run)(void *), void *argument);
/* Called by such a thread as its last act, lock held; releases the lock, may free the pool. */
void pool_thread_ends(fov_workers *pool, bool lost);
/* Waits until all but the lost ones are gone, not longer than `until_ns`; who is not by then is
 * left. Lock held, released meanwhile. The owner's last act but one. */
void pool_join(fov_workers *pool, int64_t until_ns);
void pool_unref(fov_workers *pool); /* lock held, releases it; the last one frees the pool */
void pool_event(fov_workers *pool, const char *event, const char *format, ...) FOV_PRINTF(3, 4);

bool worker_start(fov_workers *pool); /* lock held */

enum run_use { RUN_READY, RUN_WITHOUT, RUN_OVER };
/* On the worker's thread, without the lock: the run goes on with another model of the stream's, and
 * has a runner of it (READY); or there is none that works, or that became free within so many ns
 * (WITHOUT); or the run was given up, or asked to come back (OVER). A worker holds one runner at a
 * time, so that no two can wait for each other. */
enum run_use run_use(struct worker *worker, int frame, enum helper helper, int64_t wait_ns);
/* Between two runs of the same model: false: it is over. */
bool run_goes_on(struct worker *worker);
/* What else a worker would have to do: nothing, a live frame, one whose stream was promised its
 * latency. */
enum run_waits { WAITS_NOBODY, WAITS_FRAME, WAITS_PROMISED };
enum run_waits run_waits(struct worker *worker);
/* When a frame was taken, by its source: as its tracker sees it; any origin. */
int64_t frame_time_ns(const fov_stream *stream, const fov_frame *frame);
void *timer_run(void *pool);
void timer_wake(fov_workers *pool); /* lock held */

/* Late drops, due results, hung runs, forms: all that happens by time; lock held, released
 * meanwhile. */
void pool_tick(fov_workers *pool, int64_t now);
void watchdog_check(fov_workers *pool, int64_t now); /* lock held, released meanwhile */
/* Says in an error that a run took too long. */
void watchdog_blame(fov_error *error, int64_t took_ns);
/* Gives up every run in progress (at the end); lock held, released meanwhile. */
void watchdog_abandon_all(fov_workers *pool, int64_t now);

/* ---- streams (stream.c, kept.c, feeder.c, picture.c) ----------------------------------------- */

/* Whether the stream, which has a frame, lets a run begin with it now: results have room, enough
 * frames are there. Lock held. */
bool stream_may_run(const fov_stream *stream);
/* After an answer: nothing follows any more? Lock held. */
void stream_check_finished(fov_stream *stream);
/* Calls back with statistics where it is time; lock held, released meanwhile. */
void streams_tell_stats(fov_workers *pool, int64_t now);

/* Pool without threads, for tests on a virtual clock. */
fov_status pool_create(fov_workers **pool, const fov_workers_params *params, int64_t (*clock)(void),
                       fov_error *error);

void feeder_stop(struct feeder *feeder); /* interrupts, joins, frees; no lock held */

/* Waits until the stream can take the frame without dropping any, or is closed, as long as
 * fov_stream_put_wait says; false: not in time. Lock held, released meanwhile. */
bool stream_wait_room(fov_stream *stream, const fov_frame *frame, int timeout_ms);
/* Lets so many frames a second in (<= 0: all), but no more than was promised; lock held. */
void stream_set_rate(fov_stream *stream, double fps);
/* Lets frames run that wait for others (`gather`) for which there is no room; false: they may run
 * already, or nothing waits for others. Lock held. */
bool stream_run_few(fov_stream *stream);
/* Waits until every frame is answered, or the stream is closed; lock held, released meanwhile. */
void stream_wait_answered(fov_stream *stream);

/* Carries worker->run out; a watched frame is decoded whole, once, into run.picture. No lock. */
void picture_detect(struct worker *worker);

#endif
