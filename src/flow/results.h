/* Results that wait to be taken by fov_stream_get: bounded; in a live stream the newest win, in a
 * fifo stream the workers wait. Has a lock of its own, the last one taken. */
#ifndef FLOW_RESULTS_H
#define FLOW_RESULTS_H

#include <fovea/stream.h>

struct results;

/* `tell_drops`: those of frames that never ran are kept too. NULL: no memory. */
struct results *results_create(int capacity, bool fifo, bool tell_drops);

/* Keeps a copy of a result. Any thread. */
void results_add(struct results *results, const fov_result *result);

/* Results that can still be kept without losing one. Any thread. */
int results_room(struct results *results);

/* Results that newer ones replaced. Any thread. */
uint64_t results_untaken(struct results *results);

/* Nothing follows: those who wait are told when all is taken. Any thread. */
void results_end(struct results *results, fov_status status, const char *message);

/* As fov_stream_get; between `enter` and `leave` the stream stays. */
void results_enter(struct results *results);
fov_status results_take(struct results *results, int timeout_ms, fov_result **result,
                        fov_error *error);
void results_leave(struct results *results);
int results_inside(struct results *results); /* who is between the two */

/* Sends those away who wait, waits until they left, frees what was not taken. Results that somebody
 * holds stay valid. Sets NULL, accepts NULL. */
void results_close(struct results **results);

#endif
