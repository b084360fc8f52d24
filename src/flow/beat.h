/* The time of files: when a frame is due that is played in real time, and which frames a lower rate
 * keeps. Pure functions of time stamps; nothing here reads a clock. */
#ifndef FLOW_BEAT_H
#define FLOW_BEAT_H

#include <stdbool.h>
#include <stdint.h>

struct beat {
    int64_t behind_ns; /* further behind than this: the beat starts anew, no burst; 0: never */
    bool anchored;
    double first_ms, last_ms; /* time stamps: that of the anchor, that of the last frame */
    int64_t first_ns;
};

/* When the frame of this time stamp is due. A jump (loop, gap, slow reading) sets a new beat.
 * `interval_ms`: usual, between frames; so long after the last one the first frame of a loop comes;
 * 0: at once. Call it once a frame, in order. */
int64_t beat_due_ns(struct beat *beat, double pts_ms, double interval_ms, int64_t now);

/* An even choice of frames. */
struct thin {
    double every_ms; /* 0: all are kept */
    bool begun;
    double next_ms, last_ms;
};

void thin_set(struct thin *thin, double fps);

/* Whether the frame of this time stamp is kept: those nearest to the beat of the rate, which on
 * average is never passed. Call it for every frame, in order. */
bool thin_keeps(struct thin *thin, double at_ms);

#endif
