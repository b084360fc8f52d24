#include "wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define MESSAGE_MAX ((size_t)8 << 20)

void wire_give_up(const char *what)
{
    fprintf(stderr, "load: %s%s%s\n", what, errno ? ": " : "", errno ? strerror(errno) : "");
    exit(1);
}

void wire_write_all(int fd, const char *bytes, size_t size)
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

void wire_upgrade(int fd, const char *host, int port, const char *path)
{
    char text[1024];
    int length = snprintf(text, sizeof text,
                          "GET %s HTTP/1.1\r\nHost: %s:%d\r\nUpgrade: websocket\r\nConnection: "
                          "Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                          "Sec-WebSocket-Version: 13\r\n\r\n",
                          path, host, port);
    size_t got = 0;
    wire_write_all(fd, text, (size_t)length);
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

double wire_own_cpu_s(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static bool read_proc(int pid, const char *name, char *text, size_t size)
{
    char path[40];
    snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
    FILE *from = pid ? fopen(path, "r") : NULL;
    size_t n = from ? fread(text, 1, size - 1, from) : 0;
    if (from)
        fclose(from);
    text[n] = '\0';
    return n > 0;
}

double wire_cpu_s(int pid)
{
    char text[1024];
    unsigned long user = 0, system = 0;
    const char *after = read_proc(pid, "stat", text, sizeof text) ? strrchr(text, ')') : NULL;
    if (!after || sscanf(after + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user,
                         &system) != 2)
        return 0;
    return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

double wire_rss_mb(int pid)
{
    char text[4096];
    double kb = 0;
    if (read_proc(pid, "status", text, sizeof text))
        wire_number(text, "VmRSS:", &kb);
    return kb / 1024;
}
