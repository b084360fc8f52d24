/* A recorder: a thread of its own writes what a stream was given and answered. The stream never
 * waits for it: what does not fit into the queue is counted and left out. */
#ifndef SERVE_RECORDER_H
#define SERVE_RECORDER_H

#include <pthread.h>
#include <stdatomic.h>

#include <fovea/fovea.h>

struct recorder;

struct recorder_params {
    const char *folder, *name; /* of the file; the folder is made when it is missing */
    fov_recording_info info;   /* texts are copied */
    size_t max_bytes;          /* of the file */
    size_t total_bytes;        /* of all recordings in the folder; those that run have `reserved` */
    size_t reserved_bytes;
    double seconds; /* ends by itself after so many; 0: never */
    /* On the recorder's thread: once when the file is there or could not be made, once at the end
     * (`ended`), with the reason. Nothing of the recorder runs afterwards. */
    void (*on_news)(void *user, bool ended, fov_status status, const char *message);
    void *user;
};

struct recorder_counts {
    uint64_t frames, bytes; /* written */
    uint64_t missed;        /* left out: the disk was too slow */
};

/* Starts the thread. NULL: no memory or thread, or a text too long. */
struct recorder *recorder_start(const struct recorder_params *params);

/* Takes what it needs of a result, unless the queue is full. Any thread; never waits. */
void recorder_take(struct recorder *recorder, const fov_result *result);

/* Writes what is in the queue, then ends. Any thread; does not wait. */
void recorder_stop(struct recorder *recorder);

void recorder_get_counts(struct recorder *recorder, struct recorder_counts *counts);

struct recorder *recorder_ref(struct recorder *recorder); /* any thread */
void recorder_unref(struct recorder **recorder);          /* any thread; sets NULL, accepts NULL */
void recorder_join(struct recorder *recorder);            /* after recorder_stop or its end; once */

/* ---- where a stream's results can be recorded ----------------------------------------------- */

struct tap {
    atomic_bool open; /* something is recorded: looked at before the lock is taken */
    pthread_mutex_t lock;
    struct recorder *recorder;
};

void tap_init(struct tap *tap);
void tap_result(struct tap *tap,
                const fov_result *result); /* any thread; call it for each result */
/* Takes a reference. False: something is recorded already. */
bool tap_open(struct tap *tap, struct recorder *recorder);
void tap_close(struct tap *tap);   /* the recorder writes what it has and ends; any thread */
void tap_destroy(struct tap *tap); /* no result comes any more */

#endif
