/* Which frame runs next, and which frames are to be dropped now. Pure functions of the time, the
 * waiting frames and the expected costs: nothing here reads a clock, locks or allocates, so the
 * rules are tested on a virtual clock.
 *
 * Between streams: guaranteed ones go before all others, the earliest deadline first; what they may
 * ask for was bounded when they were let in (capacity.h). Of the others those that had more than
 * their fair share stand back; of the rest the earliest deadline wins. Inside a live stream: the
 * newest frame, older ones are superseded. Frames that would end after their deadline are dropped
 * before they cost anything; but a stream that saw no result for long gets its newest frame run all
 * the same. */
#ifndef FLOW_SCHEDULER_H
#define FLOW_SCHEDULER_H

#include <stdint.h>

#include "flow/mailbox.h"

/* What the scheduler knows of a stream. */
struct sched_stream {
    const struct mailbox *waiting;
    bool fifo;               /* oldest first, nothing superseded */
    bool always_run;         /* fifo, and late frames run as well */
    bool guaranteed;         /* was promised its rate and its latency */
    bool can_run;            /* its model has a free runner, its results have room */
    int running;             /* frames on workers now */
    int64_t cost_ns;         /* expected from start to result; 0 unknown */
    int64_t silent_since_ns; /* time of its last result, or of its first frame */
    double share_ns;         /* work it was given, by weight: its virtual time */
};

/* A stream may be ahead of the one served least by this much work before it must stand back. */
#define SCHED_SLACK_NS 50e6

/* A set of positions in a mailbox: bit i is frames[i]. */
typedef uint64_t sched_set;

struct sched_choice {
    int stream, frame;    /* -1: nothing can run now */
    sched_set superseded; /* other frames of that stream, to be dropped when it is taken */
};

/* Frames that would end after their deadline even if started at once. */
sched_set sched_late(int64_t now, const struct sched_stream *stream);

/* The frame to run next. Apply sched_late first: this does not look at deadlines for dropping. */
struct sched_choice sched_next(const struct sched_stream *const *streams, int count);

/* Where a stream that had nothing to do starts from: from the one of its class that has work and
 * had least of it, or from `last_ns`, the share that was served last, when none has work; never
 * from less than it had. So idling earns no credit, and a newcomer does not push the others aside.
 */
double sched_start_share(const struct sched_stream *const *streams, int count,
                         const struct sched_stream *stream, double last_ns);

/* Longest silence before the newest frame is run whatever its deadline says. */
int64_t sched_patience_ns(int64_t cost_ns);

/* Frame rate limit. Against an even beat frames may come early by one and a half intervals, at
 * least 100 ms (jitter of networks and cameras), and still pass; the mean rate never exceeds the
 * limit. */
struct sched_gate {
    int64_t interval_ns; /* 0: no limit */
    int64_t next_ns;     /* when the next frame is due; 0: none came yet */
};

void sched_gate_set(struct sched_gate *gate, double fps);
bool sched_gate_pass(struct sched_gate *gate, int64_t now);

#endif
