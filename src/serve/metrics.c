/* /metrics: Prometheus text. Frames are counted where they are answered, with atomic adds. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "serve/routes.h"
#include "serve/server.h"
#include "serve/store.h"
#include "serve/watch.h"
#include "serve/webhook.h"

enum { BUCKETS = 14, LABELS_MAX = 64, STAGES = FOV_STAGE_COUNT };

/* Upper bounds in ns; the last bucket is +Inf. */
static const int64_t bounds_ns[BUCKETS] = {500000,    1000000,   2500000,   5000000,   10000000,
                                           20000000,  35000000,  50000000,  75000000,  100000000,
                                           150000000, 200000000, 500000000, 1000000000};

struct histogram {
    atomic_ullong buckets[BUCKETS + 1]; /* of each bucket alone; summed up when read */
    atomic_ullong sum_ns;
};

struct metrics_stream {
    char label[ROOM_NAME_MAX];
    atomic_ullong delivered, late, failed, detections, dropped[FOV_DROP_COUNT];
    struct histogram latency, stages[STAGES];
    struct histogram
        *parts; /* FOV_PART_COUNT of them, of football streams; NULL before the first */
};

struct metrics {
    struct metrics_stream *streams[LABELS_MAX + 1]; /* the last one is "other" */
    size_t count;
};

struct metrics *metrics_create(void)
{
    struct metrics *metrics = calloc(1, sizeof *metrics);
    if (metrics && !(metrics->streams[LABELS_MAX] = calloc(1, sizeof(struct metrics_stream))))
        metrics_destroy(&metrics);
    if (metrics)
        text_copy(metrics->streams[LABELS_MAX]->label, ROOM_NAME_MAX, "other");
    return metrics;
}

void metrics_destroy(struct metrics **metrics)
{
    for (size_t i = 0; *metrics && i <= LABELS_MAX; i++) {
        if ((*metrics)->streams[i])
            free((*metrics)->streams[i]->parts);
        free((*metrics)->streams[i]);
    }
    free(*metrics);
    *metrics = NULL;
}

struct metrics_stream *metrics_stream(struct server *server, const char *label)
{
    struct metrics *metrics = server->metrics;
    for (size_t i = 0; i < metrics->count; i++)
        if (strcmp(metrics->streams[i]->label, label) == 0)
            return metrics->streams[i];
    struct metrics_stream *made = metrics->count < LABELS_MAX ? calloc(1, sizeof *made) : NULL;
    if (!made)
        return metrics->streams[LABELS_MAX];
    text_copy(made->label, sizeof made->label, label);
    metrics->streams[metrics->count++] = made;
    return made;
}

void metrics_football(struct metrics_stream *m)
{
    if (!m->parts)
        m->parts = calloc(FOV_PART_COUNT, sizeof *m->parts);
}

/* ---- counting -------------------------------------------------------------------------------- */

static void count(atomic_ullong *counter, unsigned long long by)
{
    atomic_fetch_add_explicit(counter, by, memory_order_relaxed);
}

static unsigned long long total(atomic_ullong *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

static void observe(struct histogram *histogram, int64_t ns)
{
    size_t bucket = 0;
    while (bucket < BUCKETS && ns > bounds_ns[bucket])
        bucket++;
    count(&histogram->buckets[bucket], 1);
    count(&histogram->sum_ns, ns > 0 ? (unsigned long long)ns : 0);
}

void metrics_count(struct metrics_stream *m, const fov_result *result)
{
    const fov_timings *t = &result->timings;
    if (result->outcome == FOV_DROPPED) {
        count(&m->dropped[result->reason], 1);
        return;
    }
    if (result->outcome == FOV_FAILED) {
        count(&m->failed, 1);
        return;
    }
    const int64_t stages[STAGES] = {
#define STAGE_TIME(name, word) t->word,
        FOV_STAGE_MAP(STAGE_TIME)
#undef STAGE_TIME
    };
    count(&m->delivered, 1);
    count(&m->late, !result->in_time);
    if (result->detections)
        count(&m->detections, result->detections->count);
    observe(&m->latency, t->total);
    for (size_t i = 0; i < STAGES; i++)
        observe(&m->stages[i], stages[i]);
    for (size_t i = 0; result->football && m->parts && i < FOV_PART_COUNT; i++)
        observe(&m->parts[i], result->football->parts_ns[i]);
}

/* ---- writing ----------------------------------------------------------------------------------
 */

/* A text that grows; `failed` sticks. */
struct page {
    char *text;
    size_t size, capacity;
    bool failed;
};

static void line(struct page *page, const char *format, ...) FOV_PRINTF(2, 3);
static void line(struct page *page, const char *format, ...)
{
    va_list args;
    if (page->capacity - page->size < 512) {
        size_t capacity = page->capacity ? 2 * page->capacity : 65536;
        char *text = realloc(page->text, capacity);
        if (!text) {
            page->failed = true;
            return;
        }
        page->text = text;
        page->capacity = capacity;
    }
    va_start(args, format);
    int length = vsnprintf(page->text + page->size, page->capacity - page->size, format, args);
    va_end(args);
    if (length > 0 && (size_t)length < page->capacity - page->size)
        page->size += (size_t)length;
}

static void head(struct page *page, const char *name, const char *type, const char *help)
{
    line(page, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* A label's value: backslash, quote and line feed escaped. */
static const char *escaped(const char *label, char *to, size_t size)
{
    size_t used = 0;
    for (; *label && used + 3 < size; label++) {
        if (*label == '\\' || *label == '"')
            to[used++] = '\\';
        to[used++] = *label == '\n' ? ' ' : *label;
    }
    to[used] = '\0';
    return to;
}

static void write_histogram(struct page *page, const char *name, const char *labels,
                            struct histogram *histogram)
{
    unsigned long long sum = 0;
    for (size_t i = 0; i < BUCKETS; i++) {
        sum += total(&histogram->buckets[i]);
        line(page, "%s_bucket{%s,le=\"%g\"} %llu\n", name, labels, (double)bounds_ns[i] / 1e9, sum);
    }
    sum += total(&histogram->buckets[BUCKETS]);
    line(page, "%s_bucket{%s,le=\"+Inf\"} %llu\n", name, labels, sum);
    line(page, "%s_sum{%s} %.6f\n", name, labels, (double)total(&histogram->sum_ns) / 1e9);
    line(page, "%s_count{%s} %llu\n", name, labels, sum);
}

static void write_frames(struct page *page, struct metrics *metrics)
{
    char label[160];
    head(page, "fovea_frames_total", "counter", "Frames answered, by outcome.");
    for (size_t i = 0; i <= LABELS_MAX; i++) {
        struct metrics_stream *m = metrics->streams[i];
        if (!m)
            continue;
        escaped(m->label, label, sizeof label);
        line(page, "fovea_frames_total{stream=\"%s\",outcome=\"delivered\"} %llu\n", label,
             total(&m->delivered));
        line(page, "fovea_frames_total{stream=\"%s\",outcome=\"failed\"} %llu\n", label,
             total(&m->failed));
        for (int reason = 0; reason < FOV_DROP_COUNT; reason++)
            line(page, "fovea_frames_total{stream=\"%s\",outcome=\"dropped_%s\"} %llu\n", label,
                 fov_drop_name((fov_drop)reason), total(&m->dropped[reason]));
    }
    head(page, "fovea_frames_late_total", "counter", "Frames delivered after their deadline.");
    for (size_t i = 0; i <= LABELS_MAX; i++)
        if (metrics->streams[i])
            line(page, "fovea_frames_late_total{stream=\"%s\"} %llu\n",
                 escaped(metrics->streams[i]->label, label, sizeof label),
                 total(&metrics->streams[i]->late));
    head(page, "fovea_detections_total", "counter", "Detections delivered.");
    for (size_t i = 0; i <= LABELS_MAX; i++)
        if (metrics->streams[i])
            line(page, "fovea_detections_total{stream=\"%s\"} %llu\n",
                 escaped(metrics->streams[i]->label, label, sizeof label),
                 total(&metrics->streams[i]->detections));
}

static void write_times(struct page *page, struct metrics *metrics)
{
    char label[160], labels[240];
    head(page, "fovea_frame_latency_seconds", "histogram",
         "From the arrival of a frame's last byte to its result.");
    for (size_t i = 0; i <= LABELS_MAX; i++) {
        if (!metrics->streams[i])
            continue;
        snprintf(labels, sizeof labels, "stream=\"%s\"",
                 escaped(metrics->streams[i]->label, label, sizeof label));
        write_histogram(page, "fovea_frame_latency_seconds", labels, &metrics->streams[i]->latency);
    }
    head(page, "fovea_frame_stage_seconds", "histogram", "Time of a frame in each stage.");
    for (size_t i = 0; i <= LABELS_MAX; i++)
        for (int stage = 0; metrics->streams[i] && stage < STAGES; stage++) {
            snprintf(labels, sizeof labels, "stream=\"%s\",stage=\"%s\"",
                     escaped(metrics->streams[i]->label, label, sizeof label),
                     fov_stage_name((fov_stage)stage));
            write_histogram(page, "fovea_frame_stage_seconds", labels,
                            &metrics->streams[i]->stages[stage]);
        }
}

static void write_parts(struct page *page, struct metrics *metrics)
{
    char label[160], labels[240];
    head(page, "fovea_football_part_seconds", "histogram",
         "Time of a frame in each part of football.");
    for (size_t i = 0; i <= LABELS_MAX; i++)
        for (int part = 0;
             metrics->streams[i] && metrics->streams[i]->parts && part < FOV_PART_COUNT; part++) {
            snprintf(labels, sizeof labels, "stream=\"%s\",part=\"%s\"",
                     escaped(metrics->streams[i]->label, label, sizeof label),
                     fov_football_part_name((fov_football_part)part));
            write_histogram(page, "fovea_football_part_seconds", labels,
                            &metrics->streams[i]->parts[part]);
        }
}

static double cpu_seconds(void)
{
    struct rusage usage;
    if (getrusage(RUSAGE_SELF, &usage) != 0)
        return 0;
    return (double)usage.ru_utime.tv_sec + (double)usage.ru_stime.tv_sec +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static double resident_bytes(void)
{
    long pages = 0;
    FILE *from = fopen("/proc/self/statm", "re");
    if (from && fscanf(from, "%*s %ld", &pages) != 1)
        pages = 0;
    if (from)
        fclose(from);
    return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

/* Live sources of the server's own. */
static void write_sources(struct page *page, const struct room_info *rooms, size_t count)
{
    static const struct {
        const char *name, *help;
        size_t at;
    } counters[] = {{"fovea_source_reconnects_total", "Times a source came back.",
                     offsetof(fov_source_state, reconnects)},
                    {"fovea_source_pictures_total", "Pictures that a source decoded.",
                     offsetof(fov_source_state, pictures)},
                    {"fovea_source_corrupt_total", "Broken pictures, left out.",
                     offsetof(fov_source_state, corrupt)},
                    {"fovea_source_superseded_total",
                     "Pictures replaced by newer ones before they were read.",
                     offsetof(fov_source_state, superseded)}};
    char label[160];
    for (size_t c = 0; c < sizeof counters / sizeof *counters; c++) {
        head(page, counters[c].name, "counter", counters[c].help);
        for (size_t i = 0; i < count && i < LABELS_MAX; i++)
            if (rooms[i].pulled) {
                uint64_t value;
                memcpy(&value, (const char *)&rooms[i].source + counters[c].at, sizeof value);
                line(page, "%s{stream=\"%s\"} %llu\n", counters[c].name,
                     escaped(rooms[i].name, label, sizeof label), (unsigned long long)value);
            }
    }
    head(page, "fovea_source_state", "gauge", "1 for the state that a source is in.");
    for (size_t i = 0; i < count && i < LABELS_MAX; i++)
        for (int p = 0; rooms[i].pulled && p < FOV_SOURCE_PHASE_COUNT; p++)
            line(page, "fovea_source_state{stream=\"%s\",state=\"%s\"} %d\n",
                 escaped(rooms[i].name, label, sizeof label),
                 fov_source_phase_name((fov_source_phase)p), (int)rooms[i].source.phase == p);
}

static void write_server(struct page *page, struct server *server)
{
    struct room_info rooms[LABELS_MAX];
    struct net_stats net;
    size_t room_count = rooms_list(server, rooms, LABELS_MAX);
    char label[160];
    net_loop_get_stats(server->loop, &net);
    head(page, "fovea_viewers", "gauge", "Viewers of a camera room.");
    for (size_t i = 0; i < room_count && i < LABELS_MAX; i++)
        line(page, "fovea_viewers{stream=\"%s\"} %u\n", escaped(rooms[i].name, label, sizeof label),
             rooms[i].viewers);
    write_sources(page, rooms, room_count);
    head(page, "fovea_ready", "gauge", "1 when the model is warm.");
    line(page, "fovea_ready %d\n", server->workers != NULL);
    fov_workers_info workers = {0};
    if (server->workers)
        fov_workers_get_info(server->workers, &workers);
    head(page, "fovea_lost_runs_total", "counter", "Runs of models that hung and were given up.");
    line(page, "fovea_lost_runs_total %llu\n", (unsigned long long)workers.lost_runs);
    head(page, "fovea_fallbacks_total", "counter",
         "Times that a model went on on another runtime or device.");
    line(page, "fovea_fallbacks_total %llu\n", (unsigned long long)workers.fallbacks);
    head(page, "fovea_guaranteed_streams", "gauge", "Streams with a promised rate and latency.");
    line(page, "fovea_guaranteed_streams %d\n", workers.guaranteed);
    head(page, "fovea_promised_ratio", "gauge", "Part of the workers' time that is promised.");
    line(page, "fovea_promised_ratio %.4f\n", workers.promised);
    head(page, "fovea_connections", "gauge", "Connections that are open.");
    line(page, "fovea_connections %u\n", net.connections);
    head(page, "fovea_requests_total", "counter", "HTTP requests.");
    line(page, "fovea_requests_total %llu\n", (unsigned long long)net.requests_total);
    head(page, "fovea_received_bytes_total", "counter", "Bytes received.");
    line(page, "fovea_received_bytes_total %llu\n", (unsigned long long)net.bytes_in);
    head(page, "fovea_sent_bytes_total", "counter", "Bytes sent.");
    line(page, "fovea_sent_bytes_total %llu\n", (unsigned long long)net.bytes_out);
    head(page, "process_cpu_seconds_total", "counter", "Processor time.");
    line(page, "process_cpu_seconds_total %.3f\n", cpu_seconds());
    head(page, "process_resident_memory_bytes", "gauge", "Resident memory.");
    line(page, "process_resident_memory_bytes %.0f\n", resident_bytes());
}

static void write_events(struct page *page, struct server *server)
{
    struct store_numbers store;
    struct webhook_numbers hooks;
    store_get_numbers(server->store, &store);
    webhooks_get_numbers(server->webhooks, &hooks);
    head(page, "fovea_alerts_total", "counter", "Alerts that rules raised.");
    line(page, "fovea_alerts_total %llu\n", (unsigned long long)watch_raised(server));
    head(page, "fovea_webhooks_total", "counter", "Alerts for webhooks, by what became of them.");
    line(page, "fovea_webhooks_total{outcome=\"delivered\"} %llu\n",
         (unsigned long long)hooks.delivered);
    line(page, "fovea_webhooks_total{outcome=\"given_up\"} %llu\n",
         (unsigned long long)hooks.given_up);
    line(page, "fovea_webhooks_total{outcome=\"dropped\"} %llu\n",
         (unsigned long long)hooks.dropped);
    head(page, "fovea_webhook_failures_total", "counter", "Tries of webhooks that failed.");
    line(page, "fovea_webhook_failures_total %llu\n", (unsigned long long)hooks.failures);
    head(page, "fovea_events_stored_total", "counter", "Events written to the store.");
    line(page, "fovea_events_stored_total %llu\n", (unsigned long long)store.stored);
    head(page, "fovea_events_lost_total", "counter", "Events that could not be stored.");
    line(page, "fovea_events_lost_total %llu\n", (unsigned long long)store.lost);
    head(page, "fovea_events_storing", "gauge", "Whether events are stored: 1, or 0.");
    line(page, "fovea_events_storing %d\n", store.storing);
}

void get_metrics(struct exchange *x)
{
    struct page page = {0};
    write_frames(&page, x->server->metrics);
    write_times(&page, x->server->metrics);
    write_parts(&page, x->server->metrics);
    write_server(&page, x->server);
    write_events(&page, x->server);
    if (page.failed)
        serve_busy(x, 1, "out_of_memory", "not enough memory for the answer");
    else
        net_reply(x->request, 200, "text/plain; version=0.0.4; charset=utf-8", page.text,
                  page.size);
    free(page.text);
}
