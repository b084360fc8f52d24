/* The threads of a pool, from their start until they are gone. A thread's memory (what libraries
 * keep by thread, too) is free once it has been joined; one that hangs is nobody's any more. */
#include "flow/flow.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"

/* Room for one more that has ended; lock held. */
static bool has_room(fov_workers *pool)
{
    size_t wanted = pool->joinable + 1;
    if (wanted <= pool->ended_room)
        return true;
    pthread_t *larger = realloc(pool->ended, 2 * wanted * sizeof *larger);
    if (!larger)
        return false;
    pool->ended = larger;
    pool->ended_room = 2 * wanted;
    return true;
}

/* Those that are gone by now; lock held. Waits for none. */
static void reap(fov_workers *pool)
{
    size_t kept = 0;
    for (size_t i = 0; i < pool->ended_count; i++)
        if (pthread_tryjoin_np(pool->ended[i], NULL) == EBUSY)
            pool->ended[kept++] = pool->ended[i];
    pool->joinable -= pool->ended_count - kept;
    pool->ended_count = kept;
}

bool pool_thread(fov_workers *pool, void *(*run)(void *), void *argument)
{
    pthread_t thread;
    sigset_t all, before;
    reap(pool);
    if (!has_room(pool))
        return false;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool started = pthread_create(&thread, NULL, run, argument) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (!started)
        return false;
    pool->joinable++;
    pool->threads++;
    pool->refs++;
    return true;
}

void pool_thread_ends(fov_workers *pool, bool lost)
{
    if (!lost)
        pool->threads--;
    if (lost || pool->left) {
        pool->joinable--;
        pthread_detach(pthread_self());
    } else {
        pool->ended[pool->ended_count++] = pthread_self();
    }
    pthread_cond_broadcast(&pool->idle);
    pool_unref(pool);
}

/* By the system's time, as joining wants it. */
static struct timespec wall_time(int64_t until_ns)
{
    struct timespec now;
    int64_t left = until_ns - clock_now_ns();
    clock_gettime(CLOCK_REALTIME, &now);
    return ns_to_timespec((int64_t)now.tv_sec * NS_PER_S + now.tv_nsec + (left > 0 ? left : 0));
}

void pool_join(fov_workers *pool, int64_t until_ns)
{
    while (pool->threads > 0)
        if (clock_cond_wait(&pool->idle, &pool->lock, until_ns) != 0)
            break;
    pool->left = true;
    while (pool->ended_count > 0) {
        pthread_t thread = pool->ended[--pool->ended_count];
        struct timespec until = wall_time(until_ns);
        pool->joinable--;
        pthread_mutex_unlock(&pool->lock);
        if (pthread_timedjoin_np(thread, NULL, &until) != 0)
            pthread_detach(thread);
        pthread_mutex_lock(&pool->lock);
    }
}
