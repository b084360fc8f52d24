#include <stdlib.h>

#include "net/loop.h"

struct net_timer {
    struct net_timer *next, **back;
    struct event *event;
    void (*fn)(void *arg);
    void *arg;
    bool repeat, firing, stopped;
};

static void timer_free(struct net_timer *timer)
{
    *timer->back = timer->next;
    if (timer->next)
        timer->next->back = timer->back;
    event_free(timer->event);
    free(timer);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct net_timer *timer = arg;
    (void)fd;
    (void)what;
    timer->firing = true;
    timer->fn(timer->arg);
    timer->firing = false;
    if (timer->stopped || !timer->repeat)
        timer_free(timer);
}

struct net_timer *net_timer_start(struct net_loop *loop, unsigned ms, bool repeat,
                                  void (*fn)(void *arg), void *arg)
{
    struct net_timer *timer = calloc(1, sizeof(*timer));
    if (!timer)
        return NULL;
    timer->fn = fn;
    timer->arg = arg;
    timer->repeat = repeat;
    timer->event = event_new(loop->base, -1, repeat ? EV_PERSIST : 0, on_timer, timer);
    struct timeval tv = {(time_t)(ms / 1000), (suseconds_t)(ms % 1000 * 1000)};
    if (!timer->event || event_add(timer->event, &tv) != 0) {
        if (timer->event)
            event_free(timer->event);
        free(timer);
        return NULL;
    }
    timer->next = loop->timers;
    timer->back = &loop->timers;
    if (timer->next)
        timer->next->back = &timer->next;
    loop->timers = timer;
    return timer;
}

void net_timer_stop(struct net_timer **ref)
{
    struct net_timer *timer = *ref;
    *ref = NULL;
    if (!timer)
        return;
    if (timer->firing) { /* on_timer frees it when fn has returned */
        timer->stopped = true;
        return;
    }
    timer_free(timer);
}

void timers_free(struct net_loop *loop)
{
    while (loop->timers)
        timer_free(loop->timers);
}
