/* How many frames a second a session may send, by how long its answers take: the rules of
 * /stream/detection, for programs that do what the server does. */
#ifndef FOVEA_RATE_H
#define FOVEA_RATE_H

#include <fovea/stream.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct fov_rate fov_rate;

/* Begins with what the client asked for, `asked_fps` in 0.1..1000. The rate is turned within 5 and
 * the smaller of 25 and what was asked for; what was asked for is in force until then. Returns
 * FOV_EINVAL, FOV_ENOMEM. Thread-safety: safe. Blocks: no. */
FOV_API fov_status fov_rate_create(fov_rate **rate, double asked_fps, fov_error *error);

/* Sets NULL, accepts NULL. Thread-safety: once. Blocks: no. */
FOV_API void fov_rate_destroy(fov_rate **rate);

/* A result came `latency_ms` after its frame, at `now_ns` of a monotonic clock (not 0, never back).
 * Decides at most once a second, on the mean of the last 50 results or of those of the last second,
 * whichever are newer: over 150 ms takes 2 frames a second off, below 70 ms gives 1 back, 10 s
 * after the last turn down at the earliest; at most one turn in 10 s goes the other way than the
 * one before. Returns true when the rate was turned, and says so in `change` (may be NULL).
 * Thread-safety: one thread at a time. Blocks: no. */
FOV_API bool fov_rate_result(fov_rate *rate, int64_t now_ns, double latency_ms, fov_change *change);

/* The client asks for another rate, which is in force at once; the same again changes nothing.
 * Returns FOV_EINVAL. Thread-safety: one thread at a time. Blocks: no. */
FOV_API fov_status fov_rate_ask(fov_rate *rate, double asked_fps);

/* Frames a second in force. Thread-safety: one thread at a time. Blocks: no. */
FOV_API double fov_rate_fps(const fov_rate *rate);

#ifdef __cplusplus
}
#endif
#endif
