/* Streams whose results are kept to be taken, whose frames wait for each other or for room, and
 * which tell their statistics by themselves. */
#include "flow/flow.h"

#include <time.h>

#include <fovea/log.h>

#include "base/clock.h"

/* ---- when a worker may have a frame ---------------------------------------------------------- */

/* A file loses nothing while another runtime is opened in the place of one that broke. */
static bool is_falling(const fov_stream *s)
{
    return s->view.fifo && (s->slot ? s->slot : s->pool->default_slot)->falling;
}

bool stream_may_run(const fov_stream *s, bool joined)
{
    int wanted = s->gather > 1 ? s->gather : 1;
    if (joined)
        return true;
    if (is_falling(s) || (s->box.count < wanted && !s->flushing && wanted > 1))
        return false;
    if (!s->results || !s->view.fifo)
        return true;
    return results_room(s->results) >= s->jobs + 1;
}

void fov_stream_flush(fov_stream *s)
{
    pthread_mutex_lock(&s->pool->lock);
    s->flushing = true;
    pthread_cond_broadcast(&s->pool->work);
    pthread_mutex_unlock(&s->pool->lock);
}

void stream_check_finished(fov_stream *s)
{
    if (s->finishing && s->results && s->box.count == 0 && s->jobs == 0 && s->callbacks == 0)
        results_end(s->results, FOV_OK, "");
}

void fov_stream_finish(fov_stream *s)
{
    pthread_mutex_lock(&s->pool->lock);
    s->finishing = s->flushing = true;
    stream_check_finished(s);
    pthread_cond_broadcast(&s->pool->work);
    pthread_cond_broadcast(&s->pool->idle);
    pthread_mutex_unlock(&s->pool->lock);
}

/* ---- waiting for room ------------------------------------------------------------------------ */

fov_status fov_stream_put_wait(fov_stream *s, fov_frame **frame, int timeout_ms, uint64_t *seq)
{
    fov_workers *pool = s->pool;
    int64_t end = clock_now_ns() + timeout_ms * NS_PER_MS;
    struct timespec until = ns_to_timespec(end);
    int rc = 0;
    bool room;
    pthread_mutex_lock(&pool->lock);
    while (!(room = stream_has_room(s, *frame)) && rc == 0) {
        stream_run_few(s);
        if (timeout_ms == 0)
            break;
        rc = timeout_ms < 0 ? pthread_cond_wait(&pool->idle, &pool->lock)
                            : pthread_cond_timedwait(&pool->idle, &pool->lock, &until);
    }
    pthread_mutex_unlock(&pool->lock);
    return room ? fov_stream_put(s, frame, seq) : FOV_EAGAIN;
}

/* ---- taking ---------------------------------------------------------------------------------- */

fov_status fov_stream_get(fov_stream *s, int timeout_ms, fov_result **result, fov_error *error)
{
    struct results *results = s->results;
    *result = NULL;
    if (!results)
        return fov_fail(error, FOV_EINVAL, "the stream keeps no results: open it with `results`");
    results_enter(results);
    fov_status status = results_take(results, timeout_ms, result, error);
    if (status == FOV_OK && s->view.fifo) { /* a worker may have waited for the room */
        pthread_mutex_lock(&s->pool->lock);
        if (s->box.count > 0)
            pthread_cond_signal(&s->pool->work);
        pthread_mutex_unlock(&s->pool->lock);
    }
    results_leave(results); /* the stream may be gone from here on */
    return status;
}

/* ---- statistics now and then ----------------------------------------------------------------- */

static void log_stats(const fov_stream *s, const fov_stats *stats)
{
    uint64_t dropped = 0;
    for (int i = 0; i < FOV_DROP_COUNT; i++)
        dropped += stats->dropped[i];
    fov_log(FOV_LOG_INFO, "flow",
            "%s: %.1f fps of %.1f, latency %.1f ms (p95 %.1f), %llu delivered, %llu dropped, %llu "
            "failed",
            s->name, stats->fps, stats->fps_in, stats->mean_ms, stats->p95_ms,
            (unsigned long long)stats->delivered, (unsigned long long)dropped,
            (unsigned long long)stats->failed);
}

/* A stream that is due; `callbacks` keeps it while the lock is released. */
static fov_stream *find_due(fov_workers *pool, int64_t now)
{
    for (int i = 0; i < pool->stream_count; i++)
        if (pool->streams[i]->stats_due_ns <= now && !pool->streams[i]->closing)
            return pool->streams[i];
    return NULL;
}

void streams_tell_stats(fov_workers *pool, int64_t now)
{
    fov_stream *s;
    while ((s = find_due(pool, now))) {
        fov_stats stats;
        s->stats_due_ns = now + s->stats_every_ns;
        s->callbacks++;
        pthread_mutex_unlock(&pool->lock);
        fov_stream_get_stats(s, (double)s->stats_every_ns / 1e9, &stats);
        if (s->on_stats)
            s->on_stats(s->user, &stats);
        else
            log_stats(s, &stats);
        pthread_mutex_lock(&pool->lock);
        s->callbacks--;
        stream_check_finished(s);
        pthread_cond_broadcast(&pool->idle);
    }
}
