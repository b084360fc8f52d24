/* How many frames a second a hazard session may send, by how long its answers take. Latency beyond
 * one and a half times the target takes 2 off, not under 5; below 0.7 of it 1 is given back, not
 * over 25 nor over what the client asked for. Pure: the caller brings the time; all calls for one
 * controller come from one thread. Thresholds, steps and limits are those of document 004. */
#ifndef FLOW_ADAPT_HAZARD_H
#define FLOW_ADAPT_HAZARD_H

#include <stdbool.h>
#include <stdint.h>

#include <fovea/stream.h>

#include "flow/steady.h"

enum { ADAPT_HAZARD_RESULTS = 50 };

struct adapt_hazard {
    double asked, fps; /* frames a second: what the client asked for, what is in force */
    /* The last results, a ring. */
    int64_t at_ns[ADAPT_HAZARD_RESULTS];
    float ms[ADAPT_HAZARD_RESULTS];
    int count, next;
    int64_t decided_ns; /* last time; 0: never */
    struct steady steady;
};

/* Begins with what the client asked for. */
void adapt_hazard_start(struct adapt_hazard *a, double asked);

/* The client asks for another rate: it is in force at once. The same again changes nothing. */
void adapt_hazard_ask(struct adapt_hazard *a, double asked);

/* A result came `ms` after its frame. Decides at most once a second, on the mean of the last 50
 * results or of those of the last second, whichever are the newer ones. True: fps was turned and
 * `change` says why. At most one turn in ten seconds goes the other way than the one before. */
bool adapt_hazard_result(struct adapt_hazard *a, int64_t now_ns, double ms, fov_change *change);

#endif
