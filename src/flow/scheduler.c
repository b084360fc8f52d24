#include "flow/scheduler.h"

#include <math.h>

#include "base/clock.h"

#define JITTER_NS (100 * NS_PER_MS)

static sched_set bit(int position)
{
    return (sched_set)1 << position;
}

static sched_set all_of(const struct mailbox *box)
{
    return box->count == MAILBOX_MAX ? ~(sched_set)0 : bit(box->count) - 1;
}

int64_t sched_patience_ns(int64_t cost_ns)
{
    return 2 * cost_ns > NS_PER_S ? 2 * cost_ns : NS_PER_S;
}

static bool is_starved(int64_t now, const struct sched_stream *s)
{
    return s->running == 0 && now - s->silent_since_ns >= sched_patience_ns(s->cost_ns);
}

sched_set sched_late(int64_t now, const struct sched_stream *s)
{
    const struct mailbox *box = s->waiting;
    sched_set late = 0;
    if (s->always_run)
        return 0;
    for (int i = 0; i < box->count; i++)
        if (box->frames[i]->deadline_ns && now + s->cost_ns > box->frames[i]->deadline_ns)
            late |= bit(i);
    /* Nothing would be left, and there was no result for long: keep the newest. */
    if (late && late == all_of(box) && is_starved(now, s))
        late &= ~bit(box->count - 1);
    return late;
}

static int head_of(const struct sched_stream *s)
{
    return s->fifo || s->always_run ? 0 : s->waiting->count - 1;
}

static bool is_ready(const struct sched_stream *s)
{
    return s->can_run && s->waiting->count > 0;
}

static bool has_work(const struct sched_stream *s)
{
    return s->waiting->count > 0 || s->running > 0;
}

/* Orders two streams that are both in their fair share. */
static bool goes_first(const struct sched_stream *a, const struct sched_stream *b)
{
    int64_t da = a->waiting->frames[head_of(a)]->deadline_ns;
    int64_t db = b->waiting->frames[head_of(b)]->deadline_ns;
    if (da != db)
        return db == 0 || (da != 0 && da < db);
    return a->share_ns < b->share_ns;
}

/* The best of a class, among those with at most `most` of share. */
static int best_of(const struct sched_stream *const *streams, int count, bool guaranteed,
                   double most)
{
    int best = -1;
    for (int i = 0; i < count; i++)
        if (is_ready(streams[i]) && streams[i]->guaranteed == guaranteed &&
            streams[i]->share_ns <= most && (best < 0 || goes_first(streams[i], streams[best])))
            best = i;
    return best;
}

static double least_share(const struct sched_stream *const *streams, int count)
{
    double least = INFINITY;
    for (int i = 0; i < count; i++)
        if (is_ready(streams[i]) && !streams[i]->guaranteed && streams[i]->share_ns < least)
            least = streams[i]->share_ns;
    return least;
}

struct sched_choice sched_next(const struct sched_stream *const *streams, int count)
{
    struct sched_choice choice = {-1, -1, 0};
    choice.stream = best_of(streams, count, true, INFINITY);
    if (choice.stream < 0)
        choice.stream = best_of(streams, count, false,
                                least_share(streams, count) + SCHED_SLACK_NS);
    if (choice.stream < 0)
        return choice;
    const struct sched_stream *s = streams[choice.stream];
    choice.frame = head_of(s);
    if (!s->fifo && !s->always_run)
        choice.superseded = all_of(s->waiting) & ~bit(choice.frame);
    return choice;
}

double sched_start_share(const struct sched_stream *const *streams, int count,
                         const struct sched_stream *stream, double last_ns)
{
    double least = INFINITY;
    for (int i = 0; i < count; i++) {
        const struct sched_stream *s = streams[i];
        if (s != stream && s->guaranteed == stream->guaranteed && has_work(s) &&
            s->share_ns < least)
            least = s->share_ns;
    }
    double start = (least < INFINITY ? least : last_ns) - SCHED_SLACK_NS;
    return start > stream->share_ns ? start : stream->share_ns;
}

void sched_gate_set(struct sched_gate *gate, double fps)
{
    gate->interval_ns = fps > 0 ? (int64_t)(1e9 / fps) : 0;
    gate->next_ns = 0;
}

bool sched_gate_pass(struct sched_gate *gate, int64_t now)
{
    int64_t interval = gate->interval_ns;
    if (interval == 0)
        return true;
    int64_t early = interval + interval / 2 > JITTER_NS ? interval + interval / 2 : JITTER_NS;
    if (gate->next_ns && now < gate->next_ns - early)
        return false;
    gate->next_ns = (gate->next_ns > now ? gate->next_ns : now) + interval;
    return true;
}
