/* Cameras, a pool without threads and workers that only take time, on a virtual clock. */
#ifndef TESTS_FLOW_VIRTUAL_H
#define TESTS_FLOW_VIRTUAL_H

#include "flow/flow.h"
#include "flow_test.h"

enum { SUBJECTS_MAX = 64, VIRTUAL_WORKERS_MAX = 4 };

/* A camera and what became of its frames since world_forget. */
struct subject {
    fov_stream *stream;
    double fps, cost_ms, spread_ms; /* of a run: cost ± spread, evenly */
    int64_t next_ns, first_ns;      /* of the next frame; of counting */
    uint64_t put, delivered, late, superseded, expired;
    int64_t work_ns, last_ns, longest_gap_ns, oldest_ns, ages_ns;
};

struct world {
    uint64_t random;
    fov_workers *pool;
    fov_frame_pool *frames;
    struct subject subjects[SUBJECTS_MAX];
    int count, workers;
    double latency_part; /* of its cost a run takes in the latency form; 1 at first */
    struct worker hands[VIRTUAL_WORKERS_MAX]; /* what the pool knows of them */
    fov_runner *runners[VIRTUAL_WORKERS_MAX];
    int64_t ends_ns[VIRTUAL_WORKERS_MAX], ticked_ns;
    int latency_runs, throughput_runs;
};

extern struct world world;
extern int64_t virtual_ns;

enum world_form { WORLD_FOLLOWS, WORLD_LATENCY, WORLD_THROUGHPUT };

/* The fake backend; one run at a time in the latency form, one a worker in the other. */
void world_make(int workers, enum world_form form);
void world_clear(void);

/* A camera from now on; NULL: its stream was refused. */
struct subject *world_add(double fps, double cost_ms, fov_stream_params params, fov_error *error);
/* Ends all but the first `first` cameras. */
void world_remove_from(int first);
/* Counts from now on. */
void world_forget(void);
void world_simulate(double seconds);
/* Worker i runs the job from now on, together with those that it has. */
void world_hold(int i, struct job *job);

#endif
