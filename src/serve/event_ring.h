/* The last events of one client, numbered, so that a reader who was cut off goes on where it was:
 * bounded in count and bytes, the oldest go first. Loop thread. */
#ifndef SERVE_EVENT_RING_H
#define SERVE_EVENT_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/net.h"

enum { EVENT_RING_MAX = 128, EVENT_KIND_MAX = 16 };
#define EVENT_RING_BYTES ((size_t)256 << 10)

struct ring_event {
    char kind[EVENT_KIND_MAX];
    struct net_blob *text;
};

struct event_ring {
    struct ring_event *events; /* by id modulo `room`; made at the first event */
    size_t room, bytes;
    int64_t first, next; /* ids: of the oldest that is kept, of the one to come */
};

/* `base`: the first id. One that grows with time (Unix milliseconds) lets readers of a server that
 * was started again not go on in the middle of other events. */
void event_ring_init(struct event_ring *ring, int64_t base);
void event_ring_release(struct event_ring *ring);

/* Takes its own reference. Memory short: the event is left out, and its number with it. */
void event_ring_add(struct event_ring *ring, const char *kind, struct net_blob *text);

/* NULL: not kept any more, or not there yet. */
const struct ring_event *event_ring_at(const struct event_ring *ring, int64_t id);

/* Where a reader goes on that has seen `last` (text of Last-Event-ID, NULL or "": it is new). It
 * gets what comes when it is new or when the id is none of ours (*unknown); else what follows,
 * even if that is gone (then the caller says so). */
int64_t event_ring_resume(const struct event_ring *ring, const char *last, bool *unknown);

#endif
