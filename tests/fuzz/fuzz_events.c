/* The ring of a client's events and the Last-Event-ID of those who come back: bounded whatever is
 * added, and a reader never goes on at a place that is neither in the ring nor before it. */
#include <stdlib.h>
#include <string.h>

#include "serve/event_ring.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_ring(const struct event_ring *ring)
{
    size_t bytes = 0;
    for (int64_t id = ring->first; id < ring->next; id++)
        bytes += net_blob_len(event_ring_at(ring, id)->text);
    if (bytes != ring->bytes || ring->next - ring->first > EVENT_RING_MAX ||
        (bytes > EVENT_RING_BYTES && ring->next - ring->first > 1))
        abort();
}

static void check_resume(const struct event_ring *ring, const uint8_t *data, size_t size)
{
    char last[64];
    bool unknown;
    size_t length = size < sizeof last ? size : sizeof last - 1;
    memcpy(last, data, length);
    last[length] = '\0';
    int64_t place = event_ring_resume(ring, last, &unknown);
    if (place < 0 || place > ring->next || (unknown && place != ring->next))
        abort();
}

/* Two bytes an event: its size; 0xff: the rest up to the next 0 is an id. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t text[1 << 16];
    struct event_ring ring;
    event_ring_init(&ring, size ? data[0] : 0);
    for (size_t i = 0; i + 1 < size; i += 2) {
        if (data[i] == 0xff) {
            check_resume(&ring, data + i + 1, size - i - 1);
            continue;
        }
        struct net_blob *blob = net_blob_copy(text, (size_t)data[i] << 8 | data[i + 1]);
        if (blob)
            event_ring_add(&ring, "detection", blob);
        net_blob_unref(&blob);
    }
    check_ring(&ring);
    event_ring_release(&ring);
    return 0;
}
