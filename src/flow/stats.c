#include "flow/stats.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

#define UNIT_NS 4000 /* smallest step */
#define OCTAVE 32    /* bins an octave */

/* One second. Times of frames: index 0 is the total, 1 + stage the stages. */
struct stats_slot {
    int64_t second; /* since stats->start_ns; another second than asked for: stale */
    uint32_t accepted, delivered;
    int64_t sum_ns[STATS_TIMES];
    int64_t min_ns, max_ns;
    uint16_t bins[STATS_TIMES][STATS_BINS];
};

/* Merged slots of a window. */
struct window {
    uint64_t accepted, delivered;
    double sum_ns[STATS_TIMES];
    int64_t min_ns, max_ns;
    uint32_t bins[STATS_TIMES][STATS_BINS];
};

const char *fov_drop_name(fov_drop reason)
{
    static const char *const words[] = {
#define WORD(name, word) word,
        FOV_DROP_MAP(WORD)
#undef WORD
    };
    return (unsigned)reason < FOV_DROP_COUNT ? words[reason] : "unknown";
}

const char *fov_stage_name(fov_stage stage)
{
    static const char *const words[] = {
#define WORD(name, word) #word,
        FOV_STAGE_MAP(WORD)
#undef WORD
    };
    return (unsigned)stage < FOV_STAGE_COUNT ? words[stage] : "unknown";
}

/* Values below 32 units have a bin each; above, the five bits after the leading one choose the
 * bin inside the octave. */
int stats_bin(int64_t ns)
{
    uint64_t units = ns > 0 ? (uint64_t)ns / UNIT_NS : 0;
    if (units < OCTAVE)
        return (int)units;
    int octave = 58 - __builtin_clzll(units); /* 0 for 32..63 */
    int bin = OCTAVE + octave * OCTAVE + (int)((units >> octave) - OCTAVE);
    return bin < STATS_BINS ? bin : STATS_BINS - 1;
}

static double bin_start_ns(int bin)
{
    if (bin < OCTAVE)
        return (double)bin * UNIT_NS;
    int octave = (bin - OCTAVE) / OCTAVE;
    return (double)((uint64_t)(OCTAVE + (bin - OCTAVE) % OCTAVE) << octave) * UNIT_NS;
}

double stats_bin_middle_ns(int bin)
{
    return (bin_start_ns(bin) + bin_start_ns(bin + 1)) / 2;
}

double stats_bins_ms(const uint32_t bins[STATS_BINS], uint64_t count, double q)
{
    uint64_t rank = (uint64_t)(q * (double)(count - 1) + 0.5), seen = 0;
    int bin = 0;
    for (; bin < STATS_BINS - 1; bin++) {
        seen += bins[bin];
        if (seen > rank)
            break;
    }
    return stats_bin_middle_ns(bin) / 1e6;
}

void stats_init(struct stats *stats)
{
    memset(stats, 0, sizeof *stats);
    pthread_mutex_init(&stats->lock, NULL);
}

void stats_release(struct stats *stats)
{
    free(stats->slots);
    stats->slots = NULL;
    pthread_mutex_destroy(&stats->lock);
}

/* The slot of this moment, emptied when it still holds an older second; NULL without memory. */
static struct stats_slot *slot_at(struct stats *stats, int64_t now)
{
    if (!stats->slots)
        return NULL;
    int64_t second = now > stats->start_ns ? (now - stats->start_ns) / NS_PER_S : 0;
    struct stats_slot *slot = &stats->slots[second % STATS_SLOTS];
    if (slot->second != second) {
        memset(slot, 0, sizeof *slot);
        slot->second = second;
    }
    return slot;
}

static void make_slots(struct stats *stats, int64_t now)
{
    stats->start_ns = now;
    stats->slots = calloc(STATS_SLOTS, sizeof *stats->slots);
    for (int i = 0; stats->slots && i < STATS_SLOTS; i++)
        stats->slots[i].second = -1;
}

void stats_accepted(struct stats *stats, int64_t now)
{
    pthread_mutex_lock(&stats->lock);
    if (!stats->slots)
        make_slots(stats, now);
    stats->total.accepted++;
    struct stats_slot *slot = slot_at(stats, now);
    if (slot)
        slot->accepted++;
    pthread_mutex_unlock(&stats->lock);
}

void stats_dropped(struct stats *stats, fov_drop reason)
{
    pthread_mutex_lock(&stats->lock);
    stats->total.dropped[reason]++;
    if (reason == FOV_DROP_DEADLINE)
        stats->total.violations++;
    pthread_mutex_unlock(&stats->lock);
}

void stats_failed(struct stats *stats)
{
    pthread_mutex_lock(&stats->lock);
    stats->total.failed++;
    pthread_mutex_unlock(&stats->lock);
}

void stats_crops(struct stats *stats, int wanted, int taken)
{
    pthread_mutex_lock(&stats->lock);
    stats->total.crops_wanted += (uint64_t)wanted;
    stats->total.crops_taken += (uint64_t)taken;
    pthread_mutex_unlock(&stats->lock);
}

void stats_get_dropped(struct stats *stats, uint64_t dropped[FOV_DROP_COUNT])
{
    pthread_mutex_lock(&stats->lock);
    memcpy(dropped, stats->total.dropped, sizeof stats->total.dropped);
    pthread_mutex_unlock(&stats->lock);
}

static void add_times(struct stats_slot *slot, const fov_timings *t)
{
    const int64_t times[STATS_TIMES] = {t->total,     t->queue,       t->decode, t->preprocess,
                                        t->inference, t->postprocess, t->track,  t->publish};
    for (int i = 0; i < STATS_TIMES; i++) {
        uint16_t *bin = &slot->bins[i][stats_bin(times[i])];
        slot->sum_ns[i] += times[i];
        if (*bin < UINT16_MAX)
            ++*bin;
    }
    if (slot->delivered == 0 || t->total < slot->min_ns)
        slot->min_ns = t->total;
    if (t->total > slot->max_ns)
        slot->max_ns = t->total;
    slot->delivered++;
}

void stats_delivered(struct stats *stats, int64_t now, const fov_timings *timings, bool in_time)
{
    pthread_mutex_lock(&stats->lock);
    stats->total.delivered++;
    if (!in_time)
        stats->total.violations++;
    struct stats_slot *slot = slot_at(stats, now);
    if (slot)
        add_times(slot, timings);
    pthread_mutex_unlock(&stats->lock);
}

static void merge(struct window *w, const struct stats_slot *slot)
{
    w->accepted += slot->accepted;
    if (slot->delivered == 0)
        return;
    if (w->delivered == 0 || slot->min_ns < w->min_ns)
        w->min_ns = slot->min_ns;
    if (slot->max_ns > w->max_ns)
        w->max_ns = slot->max_ns;
    w->delivered += slot->delivered;
    for (int i = 0; i < STATS_TIMES; i++) {
        w->sum_ns[i] += (double)slot->sum_ns[i];
        for (int b = 0; b < STATS_BINS; b++)
            w->bins[i][b] += slot->bins[i][b];
    }
}

static double clamped_ms(const struct window *w, double q)
{
    double ms = stats_bins_ms(w->bins[0], w->delivered, q);
    double least = ns_to_ms(w->min_ns), most = ns_to_ms(w->max_ns);
    return ms < least ? least : ms > most ? most : ms;
}

static void fill_times(const struct window *w, fov_stats *out)
{
    if (w->delivered == 0)
        return;
    double n = (double)w->delivered;
    out->mean_ms = w->sum_ns[0] / n / 1e6;
    out->min_ms = ns_to_ms(w->min_ns);
    out->max_ms = ns_to_ms(w->max_ns);
    out->p50_ms = clamped_ms(w, 0.50);
    out->p95_ms = clamped_ms(w, 0.95);
    out->p99_ms = clamped_ms(w, 0.99);
    for (int s = 0; s < FOV_STAGE_COUNT; s++) {
        out->stage_mean_ms[s] = w->sum_ns[1 + s] / n / 1e6;
        out->stage_p95_ms[s] = stats_bins_ms(w->bins[1 + s], w->delivered, 0.95);
    }
}

static uint64_t answered(const fov_stats *total)
{
    uint64_t n = total->delivered + total->failed;
    for (int r = 0; r < FOV_DROP_COUNT; r++)
        n += total->dropped[r];
    return n;
}

/* The second that runs now and the `window_s` whole ones before it. The lock is taken slot by
 * slot: a reader never holds a worker up for more than a few microseconds. */
void stats_read(struct stats *stats, int64_t now, double window_s, fov_stats *out)
{
    int seconds = window_s < 1 ? 1 : window_s > 60 ? 60 : (int)window_s;
    struct window window = {0};
    pthread_mutex_lock(&stats->lock);
    *out = stats->total;
    out->waiting = out->accepted - answered(&stats->total);
    int64_t start = stats->start_ns;
    bool started = stats->slots != NULL;
    pthread_mutex_unlock(&stats->lock);
    if (!started || now <= start)
        return;
    int64_t last = (now - start) / NS_PER_S, first = last > seconds ? last - seconds : 0;
    for (int64_t second = first; second <= last; second++) {
        pthread_mutex_lock(&stats->lock);
        const struct stats_slot *slot = &stats->slots[second % STATS_SLOTS];
        if (slot->second == second)
            merge(&window, slot);
        pthread_mutex_unlock(&stats->lock);
    }
    out->interval_s = (double)(now - start - first * NS_PER_S) / 1e9;
    out->fps_in = (double)window.accepted / out->interval_s;
    out->fps = (double)window.delivered / out->interval_s;
    fill_times(&window, out);
}
