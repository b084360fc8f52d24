/* Counters and latency percentiles of a stream. */
#ifndef FOVEA_STATS_H
#define FOVEA_STATS_H

#include <fovea/status.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Why a frame was not delivered. One row: name, word in messages. */
#define FOV_DROP_MAP(X)                                                                            \
    X(QUEUE, "queue")                                                                              \
    X(SUPERSEDED, "superseded")                                                                    \
    X(DEADLINE, "deadline")                                                                        \
    X(FPS_LIMIT, "fps_limit")                                                                      \
    X(DECODE, "decode")                                                                            \
    X(SHUTDOWN, "shutdown")

typedef enum fov_drop {
#define FOV_DROP_ENUM(name, word) FOV_DROP_##name,
    FOV_DROP_MAP(FOV_DROP_ENUM)
#undef FOV_DROP_ENUM
        FOV_DROP_COUNT
} fov_drop;

#define FOV_STAGE_MAP(X)                                                                           \
    X(QUEUE, queue)                                                                                \
    X(DECODE, decode)                                                                              \
    X(PREPROCESS, preprocess)                                                                      \
    X(INFERENCE, inference)                                                                        \
    X(POSTPROCESS, postprocess)                                                                    \
    X(TRACK, track)                                                                                \
    X(PUBLISH, publish)

typedef enum fov_stage {
#define FOV_STAGE_ENUM(name, word) FOV_STAGE_##name,
    FOV_STAGE_MAP(FOV_STAGE_ENUM)
#undef FOV_STAGE_ENUM
        FOV_STAGE_COUNT
} fov_stage;

/* Word of a drop reason ("superseded"). Never NULL. Thread-safety: safe. Blocks: no. */
FOV_API const char *fov_drop_name(fov_drop reason);

/* Word of a stage ("inference"). Never NULL. Thread-safety: safe. Blocks: no. */
FOV_API const char *fov_stage_name(fov_stage stage);

/* Snapshot by value. accepted = delivered + sum(dropped) + failed + waiting. Percentiles, mean and
 * fps are over the asked window; counters since start. Milliseconds. */
typedef struct fov_stats {
    uint64_t accepted, delivered,
        failed;       /* failed: the run itself failed; answered with an error */
    uint64_t waiting; /* accepted, no answer yet */
    uint64_t dropped[FOV_DROP_COUNT];
    uint64_t crops_wanted, crops_taken; /* fov_result.crops, of frames delivered */
    uint64_t violations;                /* delivered late, or dropped by deadline */
    double fps_in, fps;                 /* accepted and delivered a second in the window */
    double mean_ms, min_ms, max_ms, p50_ms, p95_ms, p99_ms; /* of total, capture to result */
    double stage_mean_ms[FOV_STAGE_COUNT], stage_p95_ms[FOV_STAGE_COUNT];
    double interval_s; /* seconds that the window really covers */
    uint64_t untaken;  /* results that newer ones replaced before fov_stream_get took them */
} fov_stats;

#ifdef __cplusplus
}
#endif
#endif
