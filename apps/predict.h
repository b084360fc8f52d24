/* What `predict` and `replay` share: a source, a stream, and what is printed of each result.
 *
 *   predict_read.c    a thread: source → frame (turned, at its time) → the stream, waiting for room
 *   predict_run.c     opens, takes results until the end, counts
 *   predict_print.c   a result as a line, as JSON, as an annotated copy */
#ifndef APPS_PREDICT_H
#define APPS_PREDICT_H

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>

#include <fovea/fovea.h>
#include "base/json.h"
#include "chosen_model.h"
#include "options.h"
#include "saver.h"

enum {
    PREDICT_DETECTIONS = 1000,
    PREDICT_NAME = 1024,
    PREDICT_PENDING = 64 /* frames between reading and printing */
};

/* What is known of a frame that is in the stream. */
struct pending {
    struct pending *next;      /* free */
    char name[PREDICT_NAME];   /* of a picture; "" for videos */
    int64_t read_ns;           /* reading, and turning; of a video its decoding */
    fov_recorded then;         /* --check: what it was answered when it was recorded */
    fov_detection *then_items; /* PREDICT_DETECTIONS */
};

struct predict {
    const char *command, *url, *classes, *save;
    char shown[2048];          /* the URL without a password */
    double start_s;            /* predict: of a video file */
    const char *video_decoder; /* predict; NULL: auto */
    struct chosen_model chosen;
    double max_latency_ms;
    bool json;
    bool paced, check;                 /* replay */
    const fov_tracker_params *tracker; /* track; NULL: none */
    const char *appearance;            /* track: the model that helps it; NULL: none */
    const char *mot;                   /* track: a file for the tracks as MOT lines, NULL: none */

    fov_detect_params params;
    fov_workers *workers;
    fov_stream *stream;
    fov_model *model; /* as opened */
    fov_source *source;
    fov_frame_pool *pool;
    fov_decoder *decoder; /* the reader's: for pictures that have to be turned first */
    struct saver *saver;
    FILE *mot_file;
    struct json_writer writer;
    int batch;
    int64_t start_ns;
    bool progress;

    /* shared by the reading and the taking thread */
    pthread_t reader;
    bool reading; /* the thread was started */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct pending pendings[PREDICT_PENDING], *free;
    int out; /* pendings in use */
    atomic_bool stop, fell_back;
    atomic_llong failed;
    fov_error read_error; /* why the source ended, status FOV_OK: as it should */
    bool unopened;        /* a live source never gave a picture */

    /* the taking thread's */
    int64_t done, late, crops_wanted, crops_taken;
    int failures; /* failed runs in a row */
    int64_t same, different, unanswered;
};

/* The options both have; the table ends with name NULL. */
enum { PREDICT_OPTIONS = 16 };
void predict_options(struct predict *p, struct option_spec *options);
/* False: told, exit with 2. */
bool predict_parse_classes(struct predict *p);

/* Runs it all; `p` has its options. Returns the exit code. */
int predict_run(struct predict *p);

/* predict_read.c */
fov_status predict_start_reading(struct predict *p, fov_error *error);
void predict_stop_reading(struct predict *p); /* joins; may be called twice */
void predict_give_back(struct predict *p, struct pending *pending);
/* Counts and tells a frame without detections; returns the status when the run must end. Both
 * threads. */
fov_status predict_report(struct predict *p, fov_status status, const char *name,
                          const char *message);

/* predict_print.c */
struct seen {
    const char *name; /* of a picture; NULL for videos */
    int64_t number;
    double pts_ms;
    int width, height; /* px, after orientation */
    const fov_detections *detections;
    const fov_tracks *tracks; /* NULL: no tracker */
    fov_crops crops;          /* of --appearance */
    const fov_model *model;
    fov_timings timings;
};
void predict_print(struct predict *p, const struct seen *seen);
void predict_show_progress(const struct predict *p);
void predict_print_end(const struct predict *p);

#endif
