/* The frames of one stream that wait for a worker: bounded in count and in bytes, oldest dropped
 * first. It is the only place where the putting threads and the workers meet; the lock is the
 * pool's (flow.h), so every call here is made with that lock held. */
#ifndef FLOW_MAILBOX_H
#define FLOW_MAILBOX_H

#include <fovea/frame.h>

/* 64: a set of positions fits one word (scheduler.h). */
enum { MAILBOX_MAX = 64 };

struct mailbox {
    fov_frame *frames[MAILBOX_MAX]; /* oldest first, `count` of them, one reference each */
    int count, capacity;
    size_t bytes, max_bytes;
};

void mailbox_init(struct mailbox *box, int capacity, size_t max_bytes);

/* Memory that a waiting frame holds: encoded bytes and pixels. */
size_t mailbox_weight(const fov_frame *frame);

/* True when `frame` can be pushed without dropping another. One frame always fits. */
bool mailbox_fits(const struct mailbox *box, const fov_frame *frame);

/* Adds the newest frame. Call mailbox_take(box, 0) until it fits. */
void mailbox_push(struct mailbox *box, fov_frame *frame);

/* Removes the frame at `position` and hands its reference over. */
fov_frame *mailbox_take(struct mailbox *box, int position);

#endif
