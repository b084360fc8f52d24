#include "flow/capacity.h"

#include <math.h>
#include <stddef.h>

#define LONG_WAIT_NS (60.0 * 1e9) /* no bound was found below it: there is none of use */

enum { STEPS = 64, HALVINGS = 16 };

/* A set, and `more` streams of one kind beside it. */
struct set {
    const struct capacity_machine *machine;
    const struct capacity_stream *streams, *kind;
    int count, more;
};

static const struct capacity_stream *at(const struct set *set, int i)
{
    return i < set->count ? &set->streams[i] : set->kind;
}

static int size_of(const struct set *set)
{
    return set->count + set->more;
}

/* Worker time that a second brings. */
static double demand(const struct set *set)
{
    double sum = 0;
    for (int i = 0; i < size_of(set); i++)
        sum += at(set, i)->fps * (double)at(set, i)->mean_ns * at(set, i)->width;
    return sum / 1e9;
}

static double load_of(const struct set *set)
{
    return demand(set) / set->machine->workers;
}

/* Frames of `other` that may go before one of `own` that has waited so long. */
static double frames_before(const struct capacity_stream *own, const struct capacity_stream *other,
                            double wait_ns)
{
    double by_time = floor(wait_ns * other->fps / 1e9) + 1, by_deadline = by_time;
    if (own->limit_ns && !other->limit_ns)
        by_deadline = 1; /* only one that has begun already */
    else if (own->limit_ns)
        by_deadline = floor((double)(own->limit_ns - other->limit_ns) * other->fps / 1e9) + 1;
    double frames = by_time < by_deadline ? by_time : by_deadline;
    return frames < 1 ? 1 : frames;
}

/* The right side of the equation for W. */
static double wait_once(const struct set *set, int k, double wait_ns)
{
    const struct capacity_stream *own = at(set, k);
    double sum = 0, spread = 0;
    for (int i = 0; i < size_of(set); i++) {
        const struct capacity_stream *other = at(set, i);
        double frames = i == k ? 0 : frames_before(own, other, wait_ns);
        double more = (double)(other->high_ns - other->mean_ns) * other->width;
        sum += frames * (double)other->mean_ns * other->width;
        spread += frames * more * more;
    }
    const struct capacity_machine *m = set->machine;
    double blocking = (double)m->blocking_ns, before = sum + sqrt(spread);
    if (m->reserved && before <= m->reserved * blocking)
        return before / m->reserved;
    return blocking + (before - m->reserved * blocking) / m->workers;
}

/* The least fixed point, from below; it grows with each step. */
static double wait_of(const struct set *set, int k)
{
    double wait_ns = 0;
    for (int step = 0; step < STEPS; step++) {
        double next = wait_once(set, k, wait_ns);
        if (next <= wait_ns || next > LONG_WAIT_NS)
            return next;
        wait_ns = next;
    }
    return LONG_WAIT_NS;
}

/* The rule that stream k breaks. */
static enum capacity_word judge(const struct capacity_stream *own, double wait_ns)
{
    if (wait_ns * own->fps > 1e9)
        return CAPACITY_RATE;
    if (own->limit_ns && wait_ns + (double)own->high_ns > (double)own->limit_ns)
        return CAPACITY_LATENCY;
    return CAPACITY_FITS;
}

static struct capacity_verdict check(const struct set *set)
{
    struct capacity_verdict verdict = {.word = CAPACITY_FITS, .stream = -1, .load = load_of(set)};
    if (verdict.load > CAPACITY_LIMIT) {
        verdict.word = CAPACITY_WORK;
        return verdict;
    }
    for (int k = 0; k < size_of(set); k++) {
        if (k > set->count)
            break; /* of one kind: the same again */
        double wait_ns = wait_of(set, k);
        enum capacity_word word = judge(at(set, k), wait_ns);
        double answer_ns = wait_ns + (double)at(set, k)->high_ns;
        if (word == CAPACITY_FITS && answer_ns <= (double)verdict.answer_ns)
            continue;
        verdict.wait_ns = (int64_t)wait_ns;
        verdict.answer_ns = (int64_t)answer_ns;
        if (word != CAPACITY_FITS) {
            verdict.word = word;
            verdict.stream = k;
            return verdict;
        }
    }
    return verdict;
}

struct capacity_verdict capacity_check(const struct capacity_machine *machine,
                                       const struct capacity_stream *streams, int count)
{
    return check(&(struct set){machine, streams, NULL, count, 0});
}

double capacity_free_ns(const struct capacity_machine *machine,
                        const struct capacity_stream *streams, int count,
                        const struct capacity_stream *kind)
{
    double left = CAPACITY_LIMIT * machine->workers -
                  demand(&(struct set){machine, streams, kind, count, 0});
    return 1e9 * left / (kind->fps * kind->width);
}

int capacity_more(const struct capacity_machine *machine, const struct capacity_stream *streams,
                  int count, const struct capacity_stream *kind, int most)
{
    int fits = 0, too_many = most + 1;
    while (fits + 1 < too_many) {
        int middle = (fits + too_many) / 2;
        struct set set = {machine, streams, kind, count, middle};
        *(check(&set).word == CAPACITY_FITS ? &fits : &too_many) = middle;
    }
    return fits;
}

double capacity_rate(const struct capacity_machine *machine, const struct capacity_stream *streams,
                     int count, const struct capacity_stream *kind)
{
    double fits = 0, too_high = 2 * kind->fps;
    struct capacity_stream slower = *kind;
    for (int i = 0; i < HALVINGS && fits < kind->fps; i++) {
        slower.fps = i == 0 ? kind->fps : (fits + too_high) / 2;
        struct set set = {machine, streams, &slower, count, 1};
        *(check(&set).word == CAPACITY_FITS ? &fits : &too_high) = slower.fps;
    }
    return fits;
}

int capacity_reserve(const struct capacity_machine *machine, const struct capacity_stream *streams,
                     int count)
{
    struct capacity_machine fewer = *machine;
    int most = machine->reserved, too_few = -1;
    while (too_few + 1 < most) { /* waits grow shorter with each */
        fewer.reserved = (too_few + most) / 2;
        bool fits = capacity_check(&fewer, streams, count).word == CAPACITY_FITS;
        *(fits ? &most : &too_few) = fewer.reserved;
    }
    return most;
}
