/* Load generator for the server: one thread, epoll, its own processor time printed, so that it is
 * seen not to be what is measured.
 *
 *     load post   --port P [--seconds 5] [--connections 1]
 *     load stream --port P [--seconds 5] [--sessions 1] [--depth 2] [--fps 0] [--query order=fifo]
 *     load view   --port P [--seconds 5] [--fps 30] [--viewers 1] [--render client|server] [--room
 * R]
 *
 * All: [--size 1280x720] [--warm SECONDS not counted] [--pictures 8] [--host 127.0.0.1] [--pid N:
 * server's processor time too]. stream with --fps 0 is a closed loop: `depth` frames under way in
 * each session. view sends as one camera and takes the time from the last byte in to the last byte
 * of the picture out. Prints one line of JSON. Only for servers of one's own. */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
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

enum { CONNECTIONS_MAX = 64, PICTURES_MAX = 32, UNDER_WAY = 256, SAMPLES_MAX = 1 << 20 };
#define INPUT_MAX ((size_t)16 << 20)

enum mode { MODE_POST, MODE_STREAM, MODE_VIEW };

static struct {
    enum mode mode;
    int port, connections, depth, pictures, width, height, pid;
    double seconds, fps, warm; /* warm: seconds at the start that are not counted */
    const char *host, *query, *render, *room;
} set = {.connections = 1,
         .depth = 2,
         .pictures = 8,
         .width = 1280,
         .height = 720,
         .seconds = 5,
         .warm = -1,
         .host = "127.0.0.1",
         .query = "",
         .render = "client",
         .room = "load"};

static struct blob {
    uint8_t *bytes;
    size_t size;
} pictures[PICTURES_MAX];

struct connection {
    int fd;
    bool camera, viewer;
    char *in;
    size_t in_size, in_room;
    const char *out[2]; /* head and body being sent */
    size_t out_size[2], out_done;
    char head[512];
    uint64_t sent, answered;
    int64_t sent_ns[UNDER_WAY]; /* when the last byte of frame n was given to the kernel */
    int64_t due_ns;
    uint64_t number; /* viewer: of the metadata that waits for its picture */
    bool has_number;
};

static struct connection connections[CONNECTIONS_MAX];
static int count, poll_fd;
static double *samples;
static size_t sample_count;
static uint64_t results, dropped, failed, detections_texts, late;
static int64_t start_ns, warm_ns, end_ns;

/* ---- pictures ----------------------------------------------------------------------------------
 */

static void make_pictures(void)
{
    for (int i = 0; i < set.pictures; i++) {
        pictures[i].size = texture_jpeg(set.width, set.height, 85, (unsigned)i, &pictures[i].bytes);
        if (pictures[i].size == 0)
            wire_give_up("no picture");
    }
}

/* ---- connecting --------------------------------------------------------------------------------
 */

static struct connection *add(const char *path)
{
    struct connection *c = &connections[count];
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = (uint32_t)count++};
    c->fd = wire_dial(set.host, set.port);
    if (path)
        wire_upgrade(c->fd, set.host, set.port, path);
    fcntl(c->fd, F_SETFL, fcntl(c->fd, F_GETFL) | O_NONBLOCK);
    if (epoll_ctl(poll_fd, EPOLL_CTL_ADD, c->fd, &event) != 0)
        wire_give_up("epoll_ctl");
    return c;
}

static void connect_all(void)
{
    char path[400];
    for (int i = 0; set.mode != MODE_VIEW && i < set.connections; i++) {
        snprintf(path, sizeof path, "/api/v1/realtime/video/stream?%s", set.query);
        add(set.mode == MODE_POST ? NULL : path);
    }
    if (set.mode != MODE_VIEW)
        return;
    for (int i = 0; i < set.connections; i++) {
        snprintf(path, sizeof path, "/ws/view/%s?render=%s", set.room, set.render);
        add(path)->viewer = true;
    }
    snprintf(path, sizeof path, "/ws/camera/%s?%s", set.room, set.query);
    add(path)->camera = true;
}

/* ---- sending -----------------------------------------------------------------------------------
 */

static size_t write_head(struct connection *c, const struct blob *picture)
{
    char text[300];
    size_t n = 0;
    if (set.mode == MODE_POST)
        return (size_t)snprintf(c->head, sizeof c->head,
                                "POST /api/v1/realtime/video/process-frame?%s HTTP/1.1\r\nHost: "
                                "%s:%d\r\nContent-Type: image/jpeg\r\nContent-Length: %zu\r\n\r\n",
                                set.query, set.host, set.port, picture->size);
    if (c->camera) {
        int length = snprintf(
            text, sizeof text,
            "{\"type\":\"frame_metadata\",\"timestamp\":%.3f,\"frameNumber\":%llu,"
            "\"width\":%d,\"height\":%d,\"format\":\"jpeg\"}",
            clock_unix_ms(), (unsigned long long)c->sent, set.width, set.height);
        n = wire_message_head(c->head, 1, (size_t)length);
        memcpy(c->head + n, text, (size_t)length);
        n += (size_t)length;
    }
    return n + wire_message_head(c->head + n, 2, picture->size);
}

static bool is_sending(const struct connection *c)
{
    return c->out[0] != NULL;
}

/* Gives the kernel what it takes. */
static void go_on(struct connection *c)
{
    while (is_sending(c)) {
        size_t head = c->out_size[0];
        bool in_head = c->out_done < head;
        const char *from = in_head ? c->out[0] + c->out_done : c->out[1] + c->out_done - head;
        size_t left = in_head ? head - c->out_done : head + c->out_size[1] - c->out_done;
        ssize_t n = send(c->fd, from, left, in_head ? MSG_MORE | MSG_NOSIGNAL : MSG_NOSIGNAL);
        if (n < 0 && errno == EAGAIN)
            break;
        if (n < 0)
            wire_give_up("send");
        c->out_done += (size_t)n;
        if (c->out_done == head + c->out_size[1]) {
            c->sent_ns[c->sent++ % UNDER_WAY] = clock_now_ns();
            c->out[0] = NULL;
        }
    }
    struct epoll_event event = {.events = EPOLLIN | (is_sending(c) ? EPOLLOUT : 0u),
                                .data.u32 = (uint32_t)(c - connections)};
    epoll_ctl(poll_fd, EPOLL_CTL_MOD, c->fd, &event);
}

static void send_frame(struct connection *c)
{
    const struct blob *picture = &pictures[c->sent % (uint64_t)set.pictures];
    c->out_size[0] = write_head(c, picture);
    c->out_size[1] = picture->size;
    c->out[0] = c->head;
    c->out[1] = (const char *)picture->bytes;
    c->out_done = 0;
    go_on(c);
}

/* Sends what is due now; returns when the next frame is due. */
static int64_t send_due(struct connection *c, int64_t now)
{
    int64_t interval = set.fps > 0 ? (int64_t)(1e9 / set.fps) : 0;
    if (c->viewer || now >= end_ns)
        return INT64_MAX;
    if (interval) {
        if (!c->due_ns)
            c->due_ns = now;
        if (now >= c->due_ns && !is_sending(c)) {
            late += now - c->due_ns > interval;
            c->due_ns += interval;
            send_frame(c);
        }
        return c->due_ns;
    }
    uint64_t depth = set.mode == MODE_POST ? 1 : (uint64_t)set.depth;
    while (!is_sending(c) && c->sent - c->answered < depth)
        send_frame(c);
    return INT64_MAX;
}

/* ---- answers -----------------------------------------------------------------------------------
 */

static void sample(struct connection *c, uint64_t number, int64_t now)
{
    int64_t sent = c->sent_ns[number % UNDER_WAY];
    if (sent >= warm_ns && sample_count < SAMPLES_MAX)
        samples[sample_count++] = ns_to_ms(now - sent);
}

/* Number after "name": in a text of JSON. */
static bool find_number(const char *text, const char *name, uint64_t *number)
{
    const char *at = strstr(text, name);
    if (at)
        *number = strtoull(at + strlen(name), NULL, 10);
    return at != NULL;
}

static void on_text(struct connection *c, char *text, int64_t now)
{
    uint64_t id;
    if (c->viewer && strstr(text, "\"type\":\"frame_metadata\"")) {
        c->has_number = find_number(text, "\"frameNumber\":", &c->number);
    } else if (c->viewer) {
        detections_texts += strstr(text, "\"type\":\"detections\"") != NULL;
    } else if (!c->camera && find_number(text, "\"frame_id\":", &id)) {
        c->answered++;
        if (strstr(text, "\"type\":\"result\"")) {
            results += now >= warm_ns;
            sample(c, id, now);
        } else if (strstr(text, "\"type\":\"dropped\"")) {
            dropped++;
        } else {
            failed++;
        }
    }
}

static void on_picture(struct connection *c, int64_t now)
{
    struct connection *camera = &connections[count - 1];
    if (!c->viewer || !c->has_number)
        return;
    c->has_number = false;
    results += now >= warm_ns;
    sample(camera, c->number, now);
}

/* One server message at the start of the input; its size, 0 when it is not whole. */
static size_t take_message(struct connection *c, int64_t now)
{
    struct wire_message m;
    size_t whole = wire_message(c->in, c->in_size, &m);
    if (!whole)
        return 0;
    if (m.opcode == 1) {
        char *end = c->in + whole, kept = *end;
        *end = '\0';
        on_text(c, c->in + (whole - m.size), now);
        *end = kept;
    } else if (m.opcode == 2) {
        on_picture(c, now);
    } else if (m.opcode == 8) {
        wire_give_up("the server closed a connection");
    } else if (m.opcode == 9) { /* ping: an empty pong */
        if (!is_sending(c))
            wire_write_all(c->fd, "\x8a\x80\0\0\0\0", 6);
    }
    return whole;
}

static size_t take_response(struct connection *c, int64_t now)
{
    c->in[c->in_size] = '\0';
    const char *end = strstr(c->in, "\r\n\r\n");
    const char *length = strcasestr(c->in, "content-length:");
    if (!end || !length)
        return 0;
    size_t whole = (size_t)(end - c->in) + 4 + strtoull(length + 15, NULL, 10);
    if (c->in_size < whole)
        return 0;
    bool good = strncmp(c->in, "HTTP/1.1 200", 12) == 0;
    c->answered++;
    results += good && now >= warm_ns;
    failed += !good;
    if (good)
        sample(c, c->answered - 1, now);
    return whole;
}

static void receive(struct connection *c)
{
    for (;;) {
        if (c->in_room - c->in_size < 65537) {
            c->in_room = c->in_room ? 2 * c->in_room : (size_t)1 << 20;
            c->in = c->in_room <= 2 * INPUT_MAX ? realloc(c->in, c->in_room) : NULL;
            if (!c->in)
                wire_give_up("no memory");
        }
        ssize_t n = read(c->fd, c->in + c->in_size, c->in_room - c->in_size - 1);
        if (n < 0 && errno == EAGAIN)
            return;
        if (n <= 0)
            wire_give_up("a connection ended");
        c->in_size += (size_t)n;
        int64_t now = clock_now_ns();
        size_t used = 0, one;
        do {
            struct connection view = *c;
            c->in += used;
            c->in_size -= used;
            one = set.mode == MODE_POST ? take_response(c, now) : take_message(c, now);
            c->in = view.in;
            c->in_size = view.in_size;
            used += one;
        } while (one > 0 && used < c->in_size);
        memmove(c->in, c->in + used, c->in_size - used);
        c->in_size -= used;
    }
}

/* ---- running -----------------------------------------------------------------------------------
 */

static bool all_answered(void)
{
    for (int i = 0; i < count; i++)
        if (set.mode != MODE_VIEW && connections[i].answered < connections[i].sent)
            return false;
    return true;
}

static void run(void)
{
    struct epoll_event events[CONNECTIONS_MAX];
    int64_t now = start_ns, grace = end_ns + 2 * NS_PER_S;
    while (now < end_ns || (now < grace && !all_answered())) {
        int64_t next = now < end_ns ? end_ns : grace;
        for (int i = 0; i < count; i++) {
            int64_t due = send_due(&connections[i], now);
            next = due < next ? due : next;
        }
        int64_t wait = next - clock_now_ns();
        struct timespec patience = {0, wait > 0 ? (wait < NS_PER_S ? wait : NS_PER_S - 1) : 0};
        int n = epoll_pwait2(poll_fd, events, CONNECTIONS_MAX, &patience, NULL);
        for (int i = 0; i < n; i++) {
            struct connection *c = &connections[events[i].data.u32];
            if (events[i].events & EPOLLOUT)
                go_on(c);
            if (events[i].events & ~(uint32_t)EPOLLOUT)
                receive(c);
        }
        now = clock_now_ns();
    }
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double quantile(double q)
{
    return sample_count ? samples[(size_t)(q * (double)(sample_count - 1) + 0.5)] : 0;
}

static void report(double cpu, double server)
{
    static const char *const names[] = {"post", "stream", "view"};
    uint64_t sent = 0, answered = 0;
    double sum = 0, seconds = ns_to_ms(end_ns - warm_ns) / 1e3;
    for (int i = 0; i < count; i++) {
        sent += connections[i].sent;
        answered += connections[i].answered;
    }
    qsort(samples, sample_count, sizeof *samples, by_value);
    for (size_t i = 0; i < sample_count; i++)
        sum += samples[i];
    printf("{\"mode\":\"%s\",\"render\":\"%s\",\"size\":\"%dx%d\",\"bytes\":%zu,\"connections\":%d,"
           "\"fps_asked\":%g,\"seconds\":%.3f,\"sent\":%llu,\"answered\":%llu,\"results\":%llu,"
           "\"dropped\":%llu,\"failed\":%llu,\"notes\":%llu,\"sent_late\":%llu,\"fps\":%.2f,"
           "\"mean_ms\":%.3f,\"p50_ms\":%.3f,\"p95_ms\":%.3f,\"p99_ms\":%.3f,\"max_ms\":%.3f,"
           "\"own_cpu_s\":%.3f,\"server_cpu_s\":%.3f}\n",
           names[set.mode], set.mode == MODE_VIEW ? set.render : "", set.width, set.height,
           pictures[0].size, set.connections, set.fps, seconds, (unsigned long long)sent,
           (unsigned long long)answered, (unsigned long long)results, (unsigned long long)dropped,
           (unsigned long long)failed, (unsigned long long)detections_texts,
           (unsigned long long)late, seconds > 0 ? (double)results / seconds : 0,
           sample_count ? sum / (double)sample_count : 0, quantile(0.5), quantile(0.95),
           quantile(0.99), quantile(1), cpu, server);
}

static bool option(const char *name, const char *value)
{
    const struct {
        const char *name;
        double *real;
        int *whole;
        const char **text;
    } options[] = {{"--port", NULL, &set.port, NULL},
                   {"--connections", NULL, &set.connections, NULL},
                   {"--sessions", NULL, &set.connections, NULL},
                   {"--viewers", NULL, &set.connections, NULL},
                   {"--depth", NULL, &set.depth, NULL},
                   {"--pictures", NULL, &set.pictures, NULL},
                   {"--pid", NULL, &set.pid, NULL},
                   {"--seconds", &set.seconds, NULL, NULL},
                   {"--warm", &set.warm, NULL, NULL},
                   {"--fps", &set.fps, NULL, NULL},
                   {"--host", NULL, NULL, &set.host},
                   {"--query", NULL, NULL, &set.query},
                   {"--render", NULL, NULL, &set.render},
                   {"--room", NULL, NULL, &set.room}};
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
    static const char *const modes[] = {"post", "stream", "view"};
    bool good = argc % 2 == 0;
    int mode = 0;
    while (good && mode < 3 && strcmp(argv[1], modes[mode]) != 0)
        mode++;
    for (int i = 2; good && i < argc; i += 2)
        good = option(argv[i], argv[i + 1]);
    if (good && mode == MODE_VIEW && set.fps == 0)
        set.fps = 30;
    set.mode = (enum mode)mode;
    if (good && mode < 3 && set.port > 0 && set.port < 65536 && set.connections > 0 &&
        set.connections < CONNECTIONS_MAX && set.pictures > 0 && set.pictures <= PICTURES_MAX &&
        set.depth > 0 && set.depth < UNDER_WAY && set.width > 15 && set.width <= 8192 &&
        set.height > 15 && set.height <= 8192)
        return;
    fprintf(stderr, "usage: load post|stream|view --port P [--option value …], see load.c\n");
    exit(2);
}

int main(int argc, char **argv)
{
    read_options(argc, argv);
    samples = malloc(SAMPLES_MAX * sizeof *samples);
    poll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (!samples || poll_fd < 0)
        wire_give_up("no memory");
    make_pictures();
    connect_all();
    double cpu = wire_own_cpu_s(), server = wire_cpu_s(set.pid);
    start_ns = clock_now_ns();
    double warm = set.warm >= 0 ? set.warm : fmin(1, set.seconds / 5);
    warm_ns = start_ns + ms_to_ns(warm * 1000);
    end_ns = start_ns + ms_to_ns(set.seconds * 1000);
    run();
    report(wire_own_cpu_s() - cpu, wire_cpu_s(set.pid) - server);
    for (int i = 0; i < count; i++) {
        close(connections[i].fd);
        free(connections[i].in);
    }
    for (int i = 0; i < set.pictures; i++)
        free(pictures[i].bytes);
    free(samples);
    return 0;
}
