/* How many live streams a machine carries. Pure functions of measured costs and of what streams
 * were promised: nothing here reads a clock, locks or allocates, so the same numbers answer
 * start-stream, `fovea benchmark --slo` and the tests.
 *
 * A set of streams fits when three things hold for the set and for every stream k in it:
 *
 *   work     sum of fps × mean work ≤ CAPACITY_LIMIT × workers
 *   rate     W(k) ≤ 1 / fps(k): its frame starts before the next one comes and supersedes it
 *   latency  W(k) + high(k) ≤ limit(k)
 *
 * W(k), the longest wait for a worker, is the response-time bound of non-preemptive EDF (George,
 * Rivierre and Spuri 1996, for one processor; work divided by the workers as Bertogna and Cirinei
 * 2007 do for several): all streams give a frame at once, a run without a promise has just begun,
 * and every stream is counted as often as its frames can be due before this one:
 *
 *   W    = blocking + S / m
 *   S    = sum over i of n(i) mean(i) + sqrt( sum of n(i) (high(i) - mean(i))² )
 *   n(i) = min( W fps(i) + 1, (limit(k) - limit(i)) fps(i) + 1 ), rounded down, at least 1
 *
 * Where strangers leave r workers alone (`reserved`: the scheduler sees to it), those work on S
 * while the others are blocked: W = S / r, or blocking + (S - r blocking) / m when S is more.
 *
 * Many runs one after the other take their mean, so only what they add to it together (a sum of
 * independent times spreads by the root of the squares) is taken from the slow ones; a single run,
 * the frame's own or the one in its way, is taken as slow. Newest wins: no stream has more than one
 * frame waiting, so no older backlog is in the way. */
#ifndef FLOW_CAPACITY_H
#define FLOW_CAPACITY_H

#include <stdbool.h>
#include <stdint.h>

/* Part of the workers' time that may be promised. The rest is for what is not measured as work of a
 * frame: sockets, viewers, the kernel, costs that drift. `tests/bench/try_capacity.py` shows
 * whether it is right on a machine. */
#define CAPACITY_LIMIT 0.9

/* What a live stream asks of the machine. */
struct capacity_stream {
    double fps;       /* > 0 */
    int64_t mean_ns;  /* work of one frame, decode to boxes */
    int64_t high_ns;  /* of a slow one: about 95 of 100 are quicker; >= mean_ns */
    int64_t limit_ns; /* from arrival to answer, 0: none */
    double width; /* workers that one run occupies: 1, or all when the model runs on all cores */
};

struct capacity_machine {
    int workers;
    int64_t blocking_ns; /* longest run of streams that were promised nothing; 0: there are none */
    int reserved;        /* workers that they leave alone, 0..workers - 1 */
};

enum capacity_word { CAPACITY_FITS, CAPACITY_WORK, CAPACITY_RATE, CAPACITY_LATENCY };

struct capacity_verdict {
    enum capacity_word word; /* the first rule that is broken */
    int stream;              /* whose; -1: none, or all together */
    int64_t wait_ns;         /* W of that stream, of the slowest one when all fit */
    int64_t answer_ns;       /* W + high: until its answer */
    double load;             /* promised part of the machine, 1 is all of it */
};

/* Whether the set fits. `count` may be 0. */
struct capacity_verdict capacity_check(const struct capacity_machine *machine,
                                       const struct capacity_stream *streams, int count);

/* Work that is left for each frame of `kind` beside the set, in ns of its own runs; may be < 0. */
double capacity_free_ns(const struct capacity_machine *machine,
                        const struct capacity_stream *streams, int count,
                        const struct capacity_stream *kind);

/* How many streams of a kind fit beside the set, at most `most`. */
int capacity_more(const struct capacity_machine *machine, const struct capacity_stream *streams,
                  int count, const struct capacity_stream *kind, int most);

/* The highest rate, up to kind->fps, at which one more of the kind fits beside the set; 0: none. */
double capacity_rate(const struct capacity_machine *machine, const struct capacity_stream *streams,
                     int count, const struct capacity_stream *kind);

/* The fewest workers, up to machine->reserved, that strangers must leave alone for the set to fit;
 * machine->reserved when it does not fit anyway. */
int capacity_reserve(const struct capacity_machine *machine, const struct capacity_stream *streams,
                     int count);

#endif
