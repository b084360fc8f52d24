/* Collects the results of one stream and checks what must hold for every one of them. */
#ifndef TESTS_FLOW_SINK_H
#define TESTS_FLOW_SINK_H

#include <pthread.h>
#include <stdatomic.h>

#include <fovea/fovea.h>

enum { SINK_MAX = 1 << 16 };

struct sink_entry {
    uint8_t answers; /* must end as 1 */
    uint8_t outcome, reason, status;
    bool in_time;
    int64_t total_ns, at_ns, inference_ns;
    char model_id[32];
    fov_detection first;
    size_t detections;
    int picture_luma; /* in the middle of the first box, -1 without picture */
    uint64_t picture_seq;
};

struct sink {
    pthread_mutex_t lock;
    pthread_cond_t more;
    struct sink_entry *entries; /* by sequence number */
    uint64_t answers, delivered, failed, dropped[FOV_DROP_COUNT];
    int64_t last_result;
    atomic_int inside; /* delivering callbacks running: at most one */
    atomic_bool closed;
    uint64_t broken;  /* rules broken: must stay 0 */
    const char *what; /* the last one */
};

void sink_init(struct sink *sink);
void sink_release(struct sink *sink);

/* The fov_result_fn; user: the sink. */
void sink_result(void *sink, const fov_result *result);

/* Waits for so many answers; false after `ms`. */
bool sink_wait(struct sink *sink, uint64_t answers, int ms);

#endif
