#include "serve/event_ring.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

enum { ROOM_FIRST = 8 };

void event_ring_init(struct event_ring *ring, int64_t base)
{
    *ring = (struct event_ring){.first = base, .next = base};
}

static struct ring_event *slot(const struct event_ring *ring, int64_t id)
{
    return &ring->events[(size_t)id % ring->room];
}

static void drop_first(struct event_ring *ring)
{
    struct ring_event *event = slot(ring, ring->first++);
    if (event->text)
        ring->bytes -= net_blob_len(event->text);
    net_blob_unref(&event->text);
}

void event_ring_release(struct event_ring *ring)
{
    while (ring->room && ring->first < ring->next)
        drop_first(ring);
    free(ring->events);
    ring->events = NULL;
    ring->room = 0;
}

static bool grow(struct event_ring *ring)
{
    size_t room = ring->room ? 2 * ring->room : ROOM_FIRST;
    struct ring_event *events = calloc(room, sizeof *events);
    if (!events)
        return false;
    for (int64_t id = ring->first; id < ring->next; id++)
        events[(size_t)id % room] = *slot(ring, id);
    free(ring->events);
    ring->events = events;
    ring->room = room;
    return true;
}

void event_ring_add(struct event_ring *ring, const char *kind, struct net_blob *text)
{
    size_t count = (size_t)(ring->next - ring->first);
    if (count == ring->room && (ring->room == EVENT_RING_MAX || !grow(ring))) {
        if (count == 0)
            return;
        drop_first(ring);
    }
    struct ring_event *event = slot(ring, ring->next++);
    text_copy(event->kind, sizeof event->kind, kind);
    event->text = net_blob_ref(text);
    ring->bytes += net_blob_len(text);
    while (ring->bytes > EVENT_RING_BYTES && ring->first < ring->next - 1)
        drop_first(ring);
}

const struct ring_event *event_ring_at(const struct event_ring *ring, int64_t id)
{
    return id >= ring->first && id < ring->next ? slot(ring, id) : NULL;
}

int64_t event_ring_resume(const struct event_ring *ring, const char *last, bool *unknown)
{
    long long id;
    *unknown = false;
    if (!last || !*last)
        return ring->next;
    *unknown = !text_to_int(last, 0, ring->next - 1, &id);
    return *unknown ? ring->next : id + 1;
}
