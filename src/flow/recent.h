/* The last few durations of a kind, for expectations. */
#ifndef FLOW_RECENT_H
#define FLOW_RECENT_H

#include <stdint.h>

enum { RECENT_MAX = 31 };

struct recent {
    int64_t ns[RECENT_MAX];
    int count, next;
};

void recent_add(struct recent *recent, int64_t ns);
int64_t recent_median_ns(const struct recent *recent); /* 0 when empty */
/* About the 97th percentile: the largest but one; a single outlier does not count. */
int64_t recent_high_ns(const struct recent *recent);

/* What the next one will take: the median, or the last one if it was quicker, so that a single
 * good run ends a phase of pessimism. */
int64_t recent_expected_ns(const struct recent *recent);

#endif
