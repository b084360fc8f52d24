#include "wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"

#define MESSAGE_MAX ((size_t)8 << 20)
#define INPUT_MAX ((size_t)32 << 20)
#define INPUT_STEP ((size_t)64 << 10)

void wire_give_up(const char *what)
{
    fprintf(stderr, "load: %s%s%s\n", what, errno ? ": " : "", errno ? strerror(errno) : "");
    exit(1);
}

static bool set_option(const struct wire_option *option, const char *value)
{
    double number;
    if (option->text) {
        *option->text = value;
        return true;
    }
    if (!text_to_double(value, 0, 1e9, &number))
        return false;
    if (option->real)
        *option->real = number;
    else
        *option->whole = (int)number;
    return true;
}

static const struct wire_option *find_option(const struct wire_option *options, const char *name)
{
    while (options->name && strcmp(options->name, name) != 0)
        options++;
    return options->name ? options : NULL;
}

bool wire_options(struct wire_settings *set, const struct wire_option *own, int argc, char **argv)
{
    const char *size = NULL;
    const struct wire_option common[] = {{"--host", NULL, NULL, &set->host},
                                         {"--query", NULL, NULL, &set->query},
                                         {"--size", NULL, NULL, &size},
                                         {"--port", &set->port, NULL, NULL},
                                         {"--pid", &set->pid, NULL, NULL},
                                         {"--fps", NULL, &set->fps, NULL},
                                         {"--seconds", NULL, &set->seconds, NULL},
                                         {"--warm", NULL, &set->warm, NULL},
                                         {0}};
    for (int i = 0; i < argc; i += 2) {
        const struct wire_option *option = find_option(common, argv[i]);
        option = option ? option : find_option(own, argv[i]);
        if (!option || i + 1 == argc || !set_option(option, argv[i + 1]))
            return false;
    }
    if (size && sscanf(size, "%dx%d", &set->width, &set->height) != 2)
        return false;
    return set->port >= 0 && set->port < 65536 && set->width > 15 && set->width <= 8192 &&
           set->height > 15 && set->height <= 8192;
}

static void write_all(int fd, const char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t n = write(fd, bytes, size);
        if (n <= 0)
            wire_give_up("write");
        bytes += n;
        size -= (size_t)n;
    }
}

int wire_dial(const char *host, int port)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (inet_pton(AF_INET, host, &to.sin_addr) != 1)
        wire_give_up("--host must be an IPv4 address");
    if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) != 0)
        wire_give_up("connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return fd;
}

/* Reads the answer's head byte by byte: what follows stays in the socket. */
static void upgrade(int fd, const struct wire_settings *set, const char *path)
{
    char text[1024];
    int length = snprintf(text, sizeof text,
                          "GET %s HTTP/1.1\r\nHost: %s:%d\r\nUpgrade: websocket\r\nConnection: "
                          "Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                          "Sec-WebSocket-Version: 13\r\n\r\n",
                          path, set->host, set->port);
    size_t got = 0;
    write_all(fd, text, (size_t)length);
    while (got < sizeof text - 1 && read(fd, text + got, 1) == 1) {
        text[++got] = '\0';
        if (got >= 4 && strcmp(text + got - 4, "\r\n\r\n") == 0)
            break;
    }
    if (strncmp(text, "HTTP/1.1 101", 12) != 0) {
        errno = 0;
        fprintf(stderr, "%s\n", text);
        wire_give_up("no upgrade");
    }
}

int wire_open(int poll_fd, uint32_t index, const struct wire_settings *set, const char *path)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = index};
    int fd = wire_dial(set->host, set->port);
    if (path)
        upgrade(fd, set, path);
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    if (epoll_ctl(poll_fd, EPOLL_CTL_ADD, fd, &event) != 0)
        wire_give_up("epoll_ctl");
    return fd;
}

/* False when the kernel takes no more for now. */
static bool send_some(int fd, struct wire_out *out)
{
    bool in_head = out->done < out->head_size;
    const char *from = in_head ? out->head + out->done : out->body + (out->done - out->head_size);
    size_t end = in_head ? out->head_size : out->head_size + out->body_size;
    int flags = in_head ? MSG_MORE | MSG_NOSIGNAL : MSG_NOSIGNAL;
    ssize_t n = send(fd, from, end - out->done, flags);
    if (n < 0 && errno != EAGAIN)
        wire_give_up("send");
    out->done += n < 0 ? 0 : (size_t)n;
    return n >= 0;
}

bool wire_send(int poll_fd, int fd, uint32_t index, struct wire_out *out)
{
    bool whole = false;
    while (out->head && !whole && send_some(fd, out))
        whole = out->done == out->head_size + out->body_size;
    if (whole)
        out->head = NULL;
    struct epoll_event event = {.events = EPOLLIN | (out->head ? EPOLLOUT : 0u), .data.u32 = index};
    epoll_ctl(poll_fd, EPOLL_CTL_MOD, fd, &event);
    return whole;
}

void wire_pong(int fd, const struct wire_out *out)
{
    if (!out->head)
        write_all(fd, "\x8a\x80\0\0\0\0", 6);
}

int wire_wait(int poll_fd, struct epoll_event *events, int most, int64_t until_ns)
{
    int64_t wait = until_ns - clock_now_ns();
    struct timespec patience = {0, wait > 0 ? (wait < NS_PER_S ? wait : NS_PER_S - 1) : 0};
    return epoll_pwait2(poll_fd, events, most, &patience, NULL);
}

bool wire_read(int fd, struct wire_in *in)
{
    if (in->room - in->size <= INPUT_STEP) {
        in->room = in->room ? 2 * in->room : (size_t)1 << 20;
        in->bytes = in->room <= INPUT_MAX ? realloc(in->bytes, in->room) : NULL;
        if (!in->bytes)
            wire_give_up("no memory");
    }
    ssize_t n = read(fd, in->bytes + in->size, in->room - in->size - 1);
    if (n < 0 && errno == EAGAIN)
        return false;
    if (n <= 0)
        wire_give_up("a connection ended");
    in->size += (size_t)n;
    return true;
}

void wire_drop(struct wire_in *in, size_t used)
{
    memmove(in->bytes, in->bytes + used, in->size - used);
    in->size -= used;
}

size_t wire_message_head(char *to, int opcode, size_t size)
{
    size_t n = 2;
    to[0] = (char)(0x80 | opcode);
    if (size < 126) {
        to[1] = (char)(0x80 | size);
    } else {
        int bytes = size < 65536 ? 2 : 8;
        to[1] = (char)(0x80 | (bytes == 2 ? 126 : 127));
        for (int i = 0; i < bytes; i++)
            to[n++] = (char)(size >> 8 * (bytes - 1 - i));
    }
    memset(to + n, 0, 4);
    return n + 4;
}

size_t wire_message(const char *bytes, size_t in_size, struct wire_message *message)
{
    const uint8_t *in = (const uint8_t *)bytes;
    if (in_size < 2)
        return 0;
    int more = (in[1] & 127) == 126 ? 2 : (in[1] & 127) == 127 ? 8 : 0;
    size_t head = 2 + (size_t)more, size = more ? 0 : in[1] & 127;
    if (in_size < head)
        return 0;
    for (int i = 0; i < more; i++)
        size = size << 8 | in[2 + i];
    errno = 0;
    if (size > MESSAGE_MAX)
        wire_give_up("a message is too large");
    if (in_size < head + size)
        return 0;
    *message = (struct wire_message){in[0] & 15, bytes + head, size};
    return head + size;
}

bool wire_number(const char *text, const char *name, double *number)
{
    const char *at = strstr(text, name);
    if (at)
        *number = strtod(at + strlen(name), NULL);
    return at != NULL;
}

double wire_cpu_s(int pid)
{
    clockid_t of;
    struct timespec t;
    if (!pid || clock_getcpuclockid(pid, &of) != 0 || clock_gettime(of, &t) != 0)
        return 0;
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

double wire_rss_mb(int pid)
{
    char path[40], text[4096];
    double kb = 0;
    snprintf(path, sizeof path, "/proc/%d/status", pid);
    FILE *from = pid ? fopen(path, "r") : NULL;
    size_t n = from ? fread(text, 1, sizeof text - 1, from) : 0;
    if (from)
        fclose(from);
    text[n] = '\0';
    wire_number(text, "VmRSS:", &kb);
    return kb / 1024;
}
