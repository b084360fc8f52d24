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
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "quantile.h"
#include "texture.h"
#include "wire.h"

enum { CONNECTIONS_MAX = 64, PICTURES_MAX = 32, UNDER_WAY = 256, SAMPLES_MAX = 1 << 20 };

enum mode { MODE_POST, MODE_STREAM, MODE_VIEW };

static struct wire_settings set = {
    .width = 1280, .height = 720, .seconds = 5, .warm = -1, .host = "127.0.0.1", .query = ""};
static struct {
    enum mode mode;
    int connections, depth, pictures;
    const char *render, *room;
} own = {.connections = 1, .depth = 2, .pictures = 8, .render = "client", .room = "load"};

static struct blob {
    uint8_t *bytes;
    size_t size;
} pictures[PICTURES_MAX];

struct connection {
    int fd;
    bool camera, viewer;
    struct wire_in in;
    struct wire_out out;
    char head[512]; /* of what is being sent */
    uint64_t sent, answered;
    int64_t sent_ns[UNDER_WAY]; /* when the last byte of frame n was given to the kernel */
    int64_t due_ns;
    double number; /* viewer: of the metadata that waits for its picture */
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
    for (int i = 0; i < own.pictures; i++) {
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
    c->fd = wire_open(poll_fd, (uint32_t)count++, &set, path);
    return c;
}

static void connect_all(void)
{
    char path[400];
    for (int i = 0; own.mode != MODE_VIEW && i < own.connections; i++) {
        snprintf(path, sizeof path, "/api/v1/realtime/video/stream?%s", set.query);
        add(own.mode == MODE_POST ? NULL : path);
    }
    if (own.mode != MODE_VIEW)
        return;
    for (int i = 0; i < own.connections; i++) {
        snprintf(path, sizeof path, "/ws/view/%s?render=%s", own.room, own.render);
        add(path)->viewer = true;
    }
    snprintf(path, sizeof path, "/ws/camera/%s?%s", own.room, set.query);
    add(path)->camera = true;
}

/* ---- sending -----------------------------------------------------------------------------------
 */

static size_t write_head(struct connection *c, const struct blob *picture)
{
    char text[300];
    size_t n = 0;
    if (own.mode == MODE_POST)
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

static void go_on(struct connection *c)
{
    if (wire_send(poll_fd, c->fd, (uint32_t)(c - connections), &c->out))
        c->sent_ns[c->sent++ % UNDER_WAY] = clock_now_ns();
}

static void send_frame(struct connection *c)
{
    const struct blob *picture = &pictures[c->sent % (uint64_t)own.pictures];
    size_t head = write_head(c, picture);
    c->out = (struct wire_out){c->head, (const char *)picture->bytes, head, picture->size, 0};
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
        if (now >= c->due_ns && !c->out.head) {
            late += now - c->due_ns > interval;
            c->due_ns += interval;
            send_frame(c);
        }
        return c->due_ns;
    }
    uint64_t depth = own.mode == MODE_POST ? 1 : (uint64_t)own.depth;
    while (!c->out.head && c->sent - c->answered < depth)
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

static void on_text(struct connection *c, const char *text, int64_t now)
{
    double id;
    if (c->viewer && strstr(text, "\"type\":\"frame_metadata\"")) {
        c->has_number = wire_number(text, "\"frameNumber\":", &c->number);
    } else if (c->viewer) {
        detections_texts += strstr(text, "\"type\":\"detections\"") != NULL;
    } else if (!c->camera && wire_number(text, "\"frame_id\":", &id)) {
        c->answered++;
        if (strstr(text, "\"type\":\"result\"")) {
            results += now >= warm_ns;
            sample(c, (uint64_t)id, now);
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
    sample(camera, (uint64_t)c->number, now);
}

/* One server message at the start of the input; its size, 0 when it is not whole. */
static size_t take_message(struct connection *c, char *in, size_t size, int64_t now)
{
    struct wire_message m;
    size_t whole = wire_message(in, size, &m);
    if (!whole)
        return 0;
    char kept = in[whole];
    in[whole] = '\0';
    if (m.opcode == 1)
        on_text(c, m.payload, now);
    else if (m.opcode == 2)
        on_picture(c, now);
    else if (m.opcode == 8)
        wire_give_up("the server closed a connection");
    else if (m.opcode == 9)
        wire_pong(c->fd, &c->out);
    in[whole] = kept;
    return whole;
}

static size_t take_response(struct connection *c, char *in, size_t size, int64_t now)
{
    in[size] = '\0';
    const char *end = strstr(in, "\r\n\r\n");
    const char *length = strcasestr(in, "content-length:");
    if (!end || !length)
        return 0;
    size_t whole = (size_t)(end - in) + 4 + strtoull(length + 15, NULL, 10);
    if (size < whole)
        return 0;
    bool good = strncmp(in, "HTTP/1.1 200", 12) == 0;
    c->answered++;
    results += good && now >= warm_ns;
    failed += !good;
    if (good)
        sample(c, c->answered - 1, now);
    return whole;
}

static void receive(struct connection *c)
{
    while (wire_read(c->fd, &c->in)) {
        int64_t now = clock_now_ns();
        size_t used = 0, one;
        do {
            char *in = c->in.bytes + used;
            size_t size = c->in.size - used;
            one = own.mode == MODE_POST ? take_response(c, in, size, now)
                                        : take_message(c, in, size, now);
            used += one;
        } while (one > 0 && used < c->in.size);
        wire_drop(&c->in, used);
    }
}

/* ---- running -----------------------------------------------------------------------------------
 */

static bool all_answered(void)
{
    for (int i = 0; i < count; i++)
        if (own.mode != MODE_VIEW && connections[i].answered < connections[i].sent)
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
        int n = wire_wait(poll_fd, events, CONNECTIONS_MAX, next);
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

static double delay(double q)
{
    return quantile(samples, sample_count, q);
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
    for (size_t i = 0; i < sample_count; i++)
        sum += samples[i];
    printf("{\"mode\":\"%s\",\"render\":\"%s\",\"size\":\"%dx%d\",\"bytes\":%zu,\"connections\":%d,"
           "\"fps_asked\":%g,\"seconds\":%.3f,\"sent\":%llu,\"answered\":%llu,\"results\":%llu,"
           "\"dropped\":%llu,\"failed\":%llu,\"notes\":%llu,\"sent_late\":%llu,\"fps\":%.2f,"
           "\"mean_ms\":%.3f,\"p50_ms\":%.3f,\"p95_ms\":%.3f,\"p99_ms\":%.3f,\"max_ms\":%.3f,"
           "\"own_cpu_s\":%.3f,\"server_cpu_s\":%.3f}\n",
           names[own.mode], own.mode == MODE_VIEW ? own.render : "", set.width, set.height,
           pictures[0].size, own.connections, set.fps, seconds, (unsigned long long)sent,
           (unsigned long long)answered, (unsigned long long)results, (unsigned long long)dropped,
           (unsigned long long)failed, (unsigned long long)detections_texts,
           (unsigned long long)late, seconds > 0 ? (double)results / seconds : 0,
           sample_count ? sum / (double)sample_count : 0, delay(0.5), delay(0.95), delay(0.99),
           delay(1), cpu, server);
}

static void read_options(int argc, char **argv)
{
    static const char *const modes[] = {"post", "stream", "view"};
    const struct wire_option options[] = {{"--connections", &own.connections, NULL, NULL},
                                          {"--sessions", &own.connections, NULL, NULL},
                                          {"--viewers", &own.connections, NULL, NULL},
                                          {"--depth", &own.depth, NULL, NULL},
                                          {"--pictures", &own.pictures, NULL, NULL},
                                          {"--render", NULL, NULL, &own.render},
                                          {"--room", NULL, NULL, &own.room},
                                          {0}};
    int mode = 0;
    while (argc > 1 && mode < 3 && strcmp(argv[1], modes[mode]) != 0)
        mode++;
    bool good = argc > 1 && mode < 3 && wire_options(&set, options, argc - 2, argv + 2);
    own.mode = (enum mode)mode;
    if (good && own.mode == MODE_VIEW && set.fps == 0)
        set.fps = 30;
    int least = own.mode == MODE_VIEW ? 0 : 1; /* a camera alone */
    if (good && set.port && own.connections >= least && own.connections < CONNECTIONS_MAX &&
        own.pictures > 0 && own.pictures <= PICTURES_MAX && own.depth > 0 && own.depth < UNDER_WAY)
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
    double cpu = wire_cpu_s(getpid()), server = wire_cpu_s(set.pid);
    start_ns = clock_now_ns();
    double warm = set.warm >= 0 ? set.warm : fmin(1, set.seconds / 5);
    warm_ns = start_ns + ms_to_ns(warm * 1000);
    end_ns = start_ns + ms_to_ns(set.seconds * 1000);
    run();
    report(wire_cpu_s(getpid()) - cpu, wire_cpu_s(set.pid) - server);
    for (int i = 0; i < count; i++) {
        close(connections[i].fd);
        free(connections[i].in.bytes);
    }
    for (int i = 0; i < own.pictures; i++)
        free(pictures[i].bytes);
    free(samples);
    return 0;
}
