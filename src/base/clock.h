/* Clocks. Durations and deadlines use the monotonic one; wall time is for messages only. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

#define NS_PER_MS INT64_C(1000000)
#define NS_PER_S INT64_C(1000000000)

/* Monotonic nanoseconds since an arbitrary start. */
int64_t clock_now_ns(void);

/* Unix time in milliseconds. */
double clock_unix_ms(void);

/* Unix milliseconds of a monotonic instant, as the clocks stand now. */
double clock_unix_ms_of(int64_t monotonic_ns);

static inline double ns_to_ms(int64_t ns)
{
    return (double)ns / 1e6;
}

static inline int64_t ms_to_ns(double ms)
{
    return (int64_t)(ms * 1e6);
}

#endif
