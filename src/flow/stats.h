/* Counters and latency histograms. The histograms cover one second each and lie in a ring, so that
 * any window of 1 to 60 seconds is read by merging; they are made at the first frame. */
#ifndef FLOW_STATS_H
#define FLOW_STATS_H

#include <pthread.h>

#include <fovea/detect.h>
#include <fovea/stats.h>

/* Log-linear bins: 32 to an octave (error of a value at most 1.6 %) from 128 us to 134 s; below,
 * steps of 4 us. */
enum { STATS_BINS = 672, STATS_TIMES = FOV_STAGE_COUNT + 1, STATS_SLOTS = 64 };

struct stats_slot;

struct stats {
    pthread_mutex_t lock;
    struct stats_slot *slots; /* STATS_SLOTS, by second modulo; NULL before the first frame */
    int64_t start_ns;         /* first frame */
    fov_stats total;          /* counters only */
};

void stats_init(struct stats *stats);
void stats_release(struct stats *stats);

/* What happened to a frame. Each may be called from any thread; none allocates, except the very
 * first stats_accepted. */
void stats_accepted(struct stats *stats, int64_t now);
void stats_dropped(struct stats *stats, fov_drop reason);
void stats_failed(struct stats *stats);
void stats_crops(struct stats *stats, int wanted, int taken);
void stats_delivered(struct stats *stats, int64_t now, const fov_timings *timings, bool in_time);

/* How many were dropped so far, by reason. */
void stats_get_dropped(struct stats *stats, uint64_t dropped[FOV_DROP_COUNT]);

/* Snapshot; see fov_stream_get_stats. */
void stats_read(struct stats *stats, int64_t now, double window_s, fov_stats *out);

/* The bin of a duration, and the percentile of `count` durations in bins, in ms, by nearest rank (q
 * in 0..1, count 1 and more). */
int stats_bin(int64_t ns);
double stats_bins_ms(const uint32_t bins[STATS_BINS], uint64_t count, double q);

/* The middle of a bin, in ns (for tests). */
double stats_bin_middle_ns(int bin);

#endif
