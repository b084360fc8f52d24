/* Many sessions of WS video/stream at a camera's pace, each with its own account.
 *
 *     sessions --port P [--sessions 10] [--fps 15] [--seconds 30] [--query max_latency_ms=200]
 *              [--windows 1] [--warm 2] [--size 1280x720] [--host 127.0.0.1] [--pid N]
 *     sessions --save DIR [--size 1280x720]      writes the pictures as files, sends nothing
 *
 * One thread, epoll; sessions are evenly out of step. Prints one line of JSON: percentiles of what
 * was delivered (last byte sent to answer read), drops by reason, frames without an answer, results
 * a second of each session, inference spent on late frames, the same by windows of time with the
 * server's memory (--pid), and the processor time of both programs. Only for servers of one's own.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "quantile.h"
#include "texture.h"
#include "wire.h"

enum { SESSIONS_MAX = 128, PICTURES = 8, UNDER_WAY = 4096, WINDOWS_MAX = 32, REASONS = 6 };
enum { SAMPLES_MAX = 1 << 20 };

static struct wire_settings set = {.width = 1280,
                                   .height = 720,
                                   .seconds = 30,
                                   .fps = 15,
                                   .warm = 2,
                                   .host = "127.0.0.1",
                                   .query = ""};
static int session_count = 10, window_count = 1;
static const char *save;

static const char *const reasons[REASONS] = {"queue",     "superseded", "deadline",
                                             "fps_limit", "decode",     "shutdown"};

static struct picture {
    uint8_t *bytes;
    size_t size;
    char head[14];
    size_t head_size;
} pictures[PICTURES];

struct session {
    int fd;
    struct wire_in in;
    struct wire_out out;
    uint64_t sent, answered; /* in all */
    int64_t due_ns, sent_ns[UNDER_WAY];
    uint64_t results, offered; /* counted: after the warm-up */
};

/* A part of the time, and its samples' place among all. */
struct window {
    size_t first, count;
    double rss_mb;
};

static struct session sessions[SESSIONS_MAX];
static struct window windows[WINDOWS_MAX];
static double *samples;
static size_t sample_count;
static uint64_t dropped[REASONS], errors, late, sent_late;
static double inference_ms, wasted_ms;
static int64_t start_ns, warm_ns, end_ns;
static int poll_fd, window;

/* ---- sending --------------------------------------------------------------------------------- */

static void make_pictures(void)
{
    for (int i = 0; i < PICTURES; i++) {
        struct picture *p = &pictures[i];
        p->size = texture_jpeg(set.width, set.height, 85, (unsigned)i, &p->bytes);
        if (p->size == 0)
            wire_give_up("no picture");
        p->head_size = wire_message_head(p->head, 2, p->size);
    }
}

static void save_pictures(void)
{
    char path[600];
    for (int i = 0; i < PICTURES; i++) {
        snprintf(path, sizeof path, "%.500s/%d.jpg", save, i);
        FILE *file = fopen(path, "wb");
        if (!file || fwrite(pictures[i].bytes, 1, pictures[i].size, file) != pictures[i].size ||
            fclose(file) != 0)
            wire_give_up(path);
    }
}

static void connect_all(void)
{
    char path[400];
    poll_fd = epoll_create1(EPOLL_CLOEXEC);
    snprintf(path, sizeof path, "/api/v1/realtime/video/stream?%s", set.query);
    for (int i = 0; i < session_count; i++)
        sessions[i].fd = wire_open(poll_fd, (uint32_t)i, &set, path);
}

static void go_on(struct session *s)
{
    if (wire_send(poll_fd, s->fd, (uint32_t)(s - sessions), &s->out))
        s->sent_ns[s->sent++ % UNDER_WAY] = clock_now_ns();
}

/* Sends what is due; returns when the next frame is. A camera does not wait for a slow network: a
 * frame that cannot be begun in its interval is left out and counted. */
static int64_t send_due(struct session *s, int64_t now)
{
    int64_t interval = (int64_t)(1e9 / set.fps);
    if (now >= end_ns)
        return INT64_MAX;
    if (now < s->due_ns)
        return s->due_ns;
    sent_late += s->out.head != NULL || now - s->due_ns > interval;
    if (!s->out.head) {
        const struct picture *p = &pictures[s->sent % PICTURES];
        s->out = (struct wire_out){p->head, (const char *)p->bytes, p->head_size, p->size, 0};
        s->offered += now >= warm_ns;
        go_on(s);
    }
    s->due_ns += interval;
    return s->due_ns;
}

/* ---- answers --------------------------------------------------------------------------------- */

static void on_result(struct session *s, const char *text, int64_t sent, int64_t now)
{
    double ms = 0;
    s->results++;
    if (sample_count < SAMPLES_MAX)
        samples[sample_count++] = ns_to_ms(now - sent);
    wire_number(text, "\"inference\":", &ms);
    bool in_time = !strstr(text, "\"meets_latency_requirement\":false");
    inference_ms += ms;
    wasted_ms += in_time ? 0 : ms;
    late += !in_time;
}

static void on_dropped(const char *text)
{
    const char *reason = strstr(text, "\"reason\":\"");
    for (int i = 0; reason && i < REASONS; i++)
        if (strncmp(reason + 10, reasons[i], strlen(reasons[i])) == 0)
            dropped[i]++;
}

static void on_text(struct session *s, const char *text, int64_t now)
{
    double id;
    if (!wire_number(text, "\"frame_id\":", &id))
        return;
    int64_t sent = s->sent_ns[(uint64_t)id % UNDER_WAY];
    s->answered++;
    if (sent < warm_ns)
        return;
    if (strstr(text, "\"type\":\"result\""))
        on_result(s, text, sent, now);
    else if (strstr(text, "\"type\":\"dropped\""))
        on_dropped(text);
    else
        errors++;
}

static void receive(struct session *s)
{
    struct wire_message m;
    if (!wire_read(s->fd, &s->in))
        return;
    int64_t now = clock_now_ns();
    size_t used = 0, one;
    while ((one = wire_message(s->in.bytes + used, s->in.size - used, &m)) > 0) {
        used += one;
        char kept = s->in.bytes[used];
        s->in.bytes[used] = '\0';
        if (m.opcode == 1)
            on_text(s, m.payload, now);
        else if (m.opcode == 8)
            wire_give_up("the server closed a session");
        else if (m.opcode == 9)
            wire_pong(s->fd, &s->out);
        s->in.bytes[used] = kept;
    }
    wire_drop(&s->in, used);
}

/* ---- running --------------------------------------------------------------------------------- */

static void close_window(void)
{
    windows[window].count = sample_count - windows[window].first;
    windows[window].rss_mb = wire_rss_mb(set.pid);
    if (++window < WINDOWS_MAX)
        windows[window].first = sample_count;
}

static bool all_answered(void)
{
    for (int i = 0; i < session_count; i++)
        if (sessions[i].answered < sessions[i].sent)
            return false;
    return true;
}

static void run(void)
{
    struct epoll_event events[SESSIONS_MAX];
    int64_t now = start_ns, grace = end_ns + 3 * NS_PER_S;
    int64_t part = (end_ns - warm_ns) / window_count;
    while (now < end_ns || (now < grace && !all_answered())) {
        int64_t next = now < end_ns ? end_ns : grace;
        for (int i = 0; i < session_count; i++) {
            int64_t due = send_due(&sessions[i], now);
            next = due < next ? due : next;
        }
        int n = wire_wait(poll_fd, events, SESSIONS_MAX, next);
        for (int i = 0; i < n; i++) {
            struct session *s = &sessions[events[i].data.u32];
            if (events[i].events & EPOLLOUT)
                go_on(s);
            if (events[i].events & ~(uint32_t)EPOLLOUT)
                receive(s);
        }
        now = clock_now_ns();
        if (window + 1 < window_count && now >= warm_ns + (window + 1) * part)
            close_window();
    }
    close_window();
}

static void report_windows(void)
{
    printf("\"windows\":[");
    for (int i = 0; i < window; i++) {
        double *from = samples + windows[i].first, sum = 0;
        for (size_t k = 0; k < windows[i].count; k++)
            sum += from[k];
        printf("%s{\"results\":%zu,\"mean_ms\":%.3f,\"p99_ms\":%.3f,\"server_rss_mb\":%.1f}",
               i ? "," : "", windows[i].count,
               windows[i].count ? sum / (double)windows[i].count : 0,
               quantile(from, windows[i].count, 0.99), windows[i].rss_mb);
    }
    printf("],");
}

static void report(double cpu, double server)
{
    double seconds = ns_to_ms(end_ns - warm_ns) / 1e3;
    uint64_t offered = 0, results = 0, unanswered = 0;
    printf("{\"sessions\":%d,\"fps_offered\":%g,\"size\":\"%dx%d\",\"bytes\":%zu,\"seconds\":%.3f,",
           session_count, set.fps, set.width, set.height, pictures[0].size, seconds);
    report_windows();
    printf("\"fps_of_each\":[");
    for (int i = 0; i < session_count; i++) {
        const struct session *s = &sessions[i];
        printf("%s%.2f", i ? "," : "", (double)s->results / seconds);
        offered += s->offered;
        results += s->results;
        unanswered += s->sent - s->answered;
    }
    printf("],\"dropped\":{");
    for (int i = 0; i < REASONS; i++)
        printf("%s\"%s\":%llu", i ? "," : "", reasons[i], (unsigned long long)dropped[i]);
    printf("},\"offered\":%llu,\"results\":%llu,\"errors\":%llu,\"unanswered\":%llu,"
           "\"late\":%llu,\"sent_late\":%llu,\"fps\":%.2f,\"p50_ms\":%.3f,\"p95_ms\":%.3f,"
           "\"p99_ms\":%.3f,\"max_ms\":%.3f,\"inference_s\":%.3f,\"wasted_s\":%.3f,"
           "\"own_cpu_s\":%.3f,\"server_cpu_s\":%.3f}\n",
           (unsigned long long)offered, (unsigned long long)results, (unsigned long long)errors,
           (unsigned long long)unanswered, (unsigned long long)late, (unsigned long long)sent_late,
           (double)results / seconds, quantile(samples, sample_count, 0.5),
           quantile(samples, sample_count, 0.95), quantile(samples, sample_count, 0.99),
           quantile(samples, sample_count, 1), inference_ms / 1e3, wasted_ms / 1e3, cpu, server);
}

static void read_options(int argc, char **argv)
{
    const struct wire_option own[] = {{"--sessions", &session_count, NULL, NULL},
                                      {"--windows", &window_count, NULL, NULL},
                                      {"--save", NULL, NULL, &save},
                                      {0}};
    if (wire_options(&set, own, argc - 1, argv + 1) && (save || set.port) && session_count > 0 &&
        session_count <= SESSIONS_MAX && window_count > 0 && window_count <= WINDOWS_MAX &&
        set.fps > 0 && set.seconds > set.warm)
        return;
    fprintf(stderr, "usage: sessions --port P [--option value …], see sessions.c\n");
    exit(2);
}

int main(int argc, char **argv)
{
    read_options(argc, argv);
    samples = malloc(SAMPLES_MAX * sizeof *samples);
    if (!samples)
        wire_give_up("no memory");
    make_pictures();
    if (save) {
        save_pictures();
        return 0;
    }
    connect_all();
    double cpu = wire_cpu_s(getpid()), server = wire_cpu_s(set.pid);
    start_ns = clock_now_ns();
    warm_ns = start_ns + ms_to_ns(set.warm * 1000);
    end_ns = start_ns + ms_to_ns(set.seconds * 1000);
    for (int i = 0; i < session_count; i++)
        sessions[i].due_ns = start_ns + (int64_t)(i * 1e9 / (set.fps * session_count));
    run();
    report(wire_cpu_s(getpid()) - cpu, wire_cpu_s(set.pid) - server);
    return 0;
}
