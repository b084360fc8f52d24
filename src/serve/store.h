/* The store of events: a thread of its own with a bounded queue before it, so that a slow or full
 * disk touches nothing but itself. */
#ifndef SERVE_STORE_H
#define SERVE_STORE_H

#include "net/net.h"
#include "serve/events.h"
#include "serve/store_db.h"

enum { STORE_QUEUE_MAX = 4096, STORE_ASKS_MAX = 32 };
#define STORE_QUEUE_BYTES ((size_t)4 << 20)

struct store;

/* Called on the loop thread when storing stops (with the reason) and when it goes on. */
typedef void store_change_fn(void *user, bool storing, const char *why);

/* Starts the thread on `folder`/events.db. NULL: no memory, no thread. */
struct store *store_start(struct net_loop *loop, const char *folder, double keep_days,
                          double max_mb, store_change_fn *on_change, void *user);
/* Other limits, from the next minute on; keep_days 0: nothing is stored. Any thread. */
void store_set_limits(struct store *store, double keep_days, double max_mb);

/* Takes a copy. When the queue is full, or nothing can be stored, the event is left out and
 * counted. Any thread. Blocks: no. */
void store_add(struct store *store, const char *type, const char *stream, int64_t at_ms,
               const char *json, size_t size);

/* Answers the request with what is found, from the store's thread through the loop. False: too many
 * wait. Any thread. */
bool store_ask(struct store *store, const struct store_query *query, uint64_t request_id);

struct store_numbers {
    uint64_t stored, lost, deleted; /* since the start */
    bool storing;
};
void store_get_numbers(struct store *store, struct store_numbers *numbers); /* any thread */

/* No more posts to the loop; what is added is still written. Accepts NULL. */
void store_hush(struct store *store);
/* Writes what waits and ends the thread. Sets NULL, accepts NULL. Blocks: on the disk. */
void store_stop(struct store **store);

#endif
