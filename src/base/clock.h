/* Clocks. Durations and deadlines use the monotonic one; wall time is for messages only. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <pthread.h>
#include <stdint.h>
#include <time.h>

#define NS_PER_MS INT64_C(1000000)
#define NS_PER_S INT64_C(1000000000)

/* Monotonic nanoseconds since an arbitrary start. */
int64_t clock_now_ns(void);

/* Processor time of the calling thread: what other programs do costs none of it. */
int64_t clock_thread_ns(void);

/* Unix time in milliseconds. */
double clock_unix_ms(void);

/* Unix milliseconds of a monotonic instant, as the clocks stand now. */
double clock_unix_ms_of(int64_t monotonic_ns);

/* A condition whose timed waits end by the monotonic clock, and such an end. */
void clock_cond_init(pthread_cond_t *cond);

/* pthread_cond_timedwait until that instant; INT64_MAX: for as long as it takes. */
int clock_cond_wait(pthread_cond_t *cond, pthread_mutex_t *lock, int64_t until_ns);

/* The instant so many milliseconds from now; below 0: INT64_MAX, never. */
int64_t clock_after_ms(int timeout_ms);

static inline struct timespec ns_to_timespec(int64_t ns)
{
    return (struct timespec){.tv_sec = ns / NS_PER_S, .tv_nsec = ns % NS_PER_S};
}

static inline double ns_to_ms(int64_t ns)
{
    return (double)ns / 1e6;
}

static inline int64_t ms_to_ns(double ms)
{
    return (int64_t)(ms * 1e6);
}

#endif
