/* One helper thread for work that blocks (closing a stream waits for its running frame, opening a
 * source reads a disk), so that the loop thread never does. */
#ifndef SERVE_CHORES_H
#define SERVE_CHORES_H

#include <stdbool.h>

struct chores;

/* NULL: no memory, no thread. */
struct chores *chores_start(const char *thread_name);

/* Runs fn(arg) on the thread, in order. How many may wait is the caller's to bound. Any thread.
 * False: no memory, nothing was taken. */
bool chores_add(struct chores *chores, void (*fn)(void *arg), void *arg);

/* Runs what is left, ends the thread, frees. Sets NULL, accepts NULL. Blocks. */
void chores_stop(struct chores **chores);

#endif
