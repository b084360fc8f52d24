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
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "texture.h"
#include "wire.h"

enum { SESSIONS_MAX = 128, PICTURES = 8, UNDER_WAY = 4096, WINDOWS_MAX = 32, REASONS = 6 };
enum { SAMPLES_MAX = 1 << 20, INPUT_MAX = 1 << 20 };

static struct {
    int port, sessions, windows, pid, width, height;
    double seconds, fps, warm;
    const char *host, *query, *save;
} set = {.sessions = 10,
         .windows = 1,
         .width = 1280,
         .height = 720,
         .seconds = 30,
         .fps = 15,
         .warm = 2,
         .host = "127.0.0.1",
         .query = ""};

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
    char *in;
    size_t in_size;
    const struct picture *out; /* being sent */
    size_t out_done;
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
        snprintf(path, sizeof path, "%.500s/%d.jpg", set.save, i);
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
    for (int i = 0; i < set.sessions; i++) {
        struct session *s = &sessions[i];
        struct epoll_event event = {.events = EPOLLIN, .data.u32 = (uint32_t)i};
        s->fd = wire_dial(set.host, set.port);
        wire_upgrade(s->fd, set.host, set.port, path);
        fcntl(s->fd, F_SETFL, fcntl(s->fd, F_GETFL) | O_NONBLOCK);
        s->in = malloc(INPUT_MAX + 1);
        if (!s->in || epoll_ctl(poll_fd, EPOLL_CTL_ADD, s->fd, &event) != 0)
            wire_give_up("epoll_ctl");
    }
}

/* Gives the kernel what it takes. */
static void go_on(struct session *s)
{
    const struct picture *p = s->out;
    while (s->out) {
        bool in_head = s->out_done < p->head_size;
        const char *from = in_head ? p->head + s->out_done
                                   : (const char *)p->bytes + (s->out_done - p->head_size);
        size_t left = (in_head ? p->head_size : p->head_size + p->size) - s->out_done;
        ssize_t n = send(s->fd, from, left, in_head ? MSG_MORE | MSG_NOSIGNAL : MSG_NOSIGNAL);
        if (n < 0 && errno == EAGAIN)
            break;
        if (n < 0)
            wire_give_up("send");
        s->out_done += (size_t)n;
        if (s->out_done == p->head_size + p->size) {
            s->sent_ns[s->sent++ % UNDER_WAY] = clock_now_ns();
            s->out = NULL;
        }
    }
    struct epoll_event event = {.events = EPOLLIN | (s->out ? EPOLLOUT : 0u),
                                .data.u32 = (uint32_t)(s - sessions)};
    epoll_ctl(poll_fd, EPOLL_CTL_MOD, s->fd, &event);
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
    sent_late += s->out != NULL || now - s->due_ns > interval;
    if (!s->out) {
        s->out = &pictures[s->sent % PICTURES];
        s->out_done = 0;
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
    ssize_t n = read(s->fd, s->in + s->in_size, INPUT_MAX - s->in_size);
    if (n < 0 && errno == EAGAIN)
        return;
    if (n <= 0)
        wire_give_up("a session ended");
    s->in_size += (size_t)n;
    int64_t now = clock_now_ns();
    size_t used = 0, one;
    while ((one = wire_message(s->in + used, s->in_size - used, &m)) > 0) {
        used += one;
        char kept = s->in[used];
        s->in[used] = '\0';
        if (m.opcode == 1)
            on_text(s, m.payload, now);
        else if (m.opcode == 8)
            wire_give_up("the server closed a session");
        else if (m.opcode == 9 && !s->out)
            wire_write_all(s->fd, "\x8a\x80\0\0\0\0", 6);
        s->in[used] = kept;
    }
    memmove(s->in, s->in + used, s->in_size - used);
    s->in_size -= used;
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
    for (int i = 0; i < set.sessions; i++)
        if (sessions[i].answered < sessions[i].sent)
            return false;
    return true;
}

static void run(void)
{
    struct epoll_event events[SESSIONS_MAX];
    int64_t now = start_ns, grace = end_ns + 3 * NS_PER_S;
    int64_t part = (end_ns - warm_ns) / set.windows;
    while (now < end_ns || (now < grace && !all_answered())) {
        int64_t next = now < end_ns ? end_ns : grace;
        for (int i = 0; i < set.sessions; i++) {
            int64_t due = send_due(&sessions[i], now);
            next = due < next ? due : next;
        }
        int64_t wait = next - clock_now_ns();
        struct timespec patience = {0, wait > 0 ? (wait < NS_PER_S ? wait : NS_PER_S - 1) : 0};
        int n = epoll_pwait2(poll_fd, events, SESSIONS_MAX, &patience, NULL);
        for (int i = 0; i < n; i++) {
            struct session *s = &sessions[events[i].data.u32];
            if (events[i].events & EPOLLOUT)
                go_on(s);
            if (events[i].events & ~(uint32_t)EPOLLOUT)
                receive(s);
        }
        now = clock_now_ns();
        if (window + 1 < set.windows && now >= warm_ns + (window + 1) * part)
            close_window();
    }
    close_window();
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double quantile(const double *sorted, size_t count, double q)
{
    return count ? sorted[(size_t)(q * (double)(count - 1) + 0.5)] : 0;
}

static void report_windows(void)
{
    printf("\"windows\":[");
    for (int i = 0; i < window; i++) {
        double *from = samples + windows[i].first, sum = 0;
        for (size_t k = 0; k < windows[i].count; k++)
            sum += from[k];
        qsort(from, windows[i].count, sizeof *from, by_value);
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
           set.sessions, set.fps, set.width, set.height, pictures[0].size, seconds);
    report_windows();
    qsort(samples, sample_count, sizeof *samples, by_value);
    printf("\"fps_of_each\":[");
    for (int i = 0; i < set.sessions; i++) {
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

static bool option(const char *name, const char *value)
{
    const struct {
        const char *name;
        int *whole;
        double *real;
        const char **text;
    } options[] = {
        {"--port", &set.port, NULL, NULL},       {"--sessions", &set.sessions, NULL, NULL},
        {"--windows", &set.windows, NULL, NULL}, {"--pid", &set.pid, NULL, NULL},
        {"--seconds", NULL, &set.seconds, NULL}, {"--fps", NULL, &set.fps, NULL},
        {"--warm", NULL, &set.warm, NULL},       {"--host", NULL, NULL, &set.host},
        {"--query", NULL, NULL, &set.query},     {"--save", NULL, NULL, &set.save}};
    double number;
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        if (strcmp(name, options[i].name) != 0)
            continue;
        if (options[i].text)
            *options[i].text = value;
        else if (!text_to_double(value, 0, 1e9, &number))
            return false;
        else if (options[i].real)
            *options[i].real = number;
        else
            *options[i].whole = (int)number;
        return true;
    }
    return strcmp(name, "--size") == 0 && sscanf(value, "%dx%d", &set.width, &set.height) == 2;
}

static void read_options(int argc, char **argv)
{
    bool good = argc % 2 == 1;
    for (int i = 1; good && i < argc; i += 2)
        good = option(argv[i], argv[i + 1]);
    if (good && (set.save || (set.port > 0 && set.port < 65536)) && set.sessions > 0 &&
        set.sessions <= SESSIONS_MAX && set.windows > 0 && set.windows <= WINDOWS_MAX &&
        set.fps > 0 && set.seconds > set.warm && set.width > 15 && set.width <= 8192 &&
        set.height > 15 && set.height <= 8192)
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
    if (set.save) {
        save_pictures();
        return 0;
    }
    connect_all();
    double cpu = wire_own_cpu_s(), server = wire_cpu_s(set.pid);
    start_ns = clock_now_ns();
    warm_ns = start_ns + ms_to_ns(set.warm * 1000);
    end_ns = start_ns + ms_to_ns(set.seconds * 1000);
    for (int i = 0; i < set.sessions; i++)
        sessions[i].due_ns = start_ns + (int64_t)(i * 1e9 / (set.fps * set.sessions));
    run();
    report(wire_own_cpu_s() - cpu, wire_cpu_s(set.pid) - server);
    return 0;
}
