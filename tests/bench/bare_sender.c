/* The least that sending pictures to many costs: one thread, blocking sockets, nothing but send().
 *
 *     bare_sender RECEIVERS FPS BYTES SECONDS
 *
 * A child connects and reads. Prints the sender's processor seconds and what it sent as JSON. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "wire.h"

enum { RECEIVERS_MAX = 256, ROOM = 256 << 10 };

static void give_up(const char *what)
{
    fprintf(stderr, "bare_sender: %s: %s\n", what, strerror(errno));
    exit(1);
}

/* Connects `count` times and reads until all are closed. */
static void receive(struct sockaddr_in *to, int count)
{
    static char room[ROOM];
    struct epoll_event events[64];
    int poll_fd = epoll_create1(EPOLL_CLOEXEC), open = count;
    for (int i = 0; i < count; i++) {
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
        if (fd < 0 || connect(fd, (struct sockaddr *)to, sizeof *to) != 0 ||
            epoll_ctl(poll_fd, EPOLL_CTL_ADD, fd, &event) != 0)
            give_up("connect");
    }
    while (open > 0) {
        int n = epoll_wait(poll_fd, events, 64, -1);
        for (int i = 0; i < n; i++)
            if (read(events[i].data.fd, room, sizeof room) <= 0) {
                close(events[i].data.fd);
                open--;
            }
    }
}

static void send_whole(int fd, const char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t n = send(fd, bytes, size, MSG_NOSIGNAL);
        if (n <= 0)
            give_up("send");
        bytes += n;
        size -= (size_t)n;
    }
}

int main(int argc, char **argv)
{
    int fds[RECEIVERS_MAX], one = 1;
    int receivers = argc == 5 ? atoi(argv[1]) : 0;
    double fps = argc == 5 ? atof(argv[2]) : 0, seconds = argc == 5 ? atof(argv[4]) : 0;
    size_t size = argc == 5 ? (size_t)atol(argv[3]) : 0;
    if (receivers < 1 || receivers > RECEIVERS_MAX || fps <= 0 || seconds <= 0 || size < 1) {
        fprintf(stderr, "usage: bare_sender RECEIVERS FPS BYTES SECONDS\n");
        return 2;
    }
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof at;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (listener < 0 || bind(listener, (struct sockaddr *)&at, length) != 0 ||
        listen(listener, receivers) != 0 ||
        getsockname(listener, (struct sockaddr *)&at, &length) != 0)
        give_up("listen");
    pid_t child = fork();
    if (child == 0) {
        receive(&at, receivers);
        _exit(0);
    }
    for (int i = 0; i < receivers; i++) {
        fds[i] = accept(listener, NULL, NULL);
        if (fds[i] < 0)
            give_up("accept");
        setsockopt(fds[i], IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    }
    char *picture = calloc(1, size);
    if (!picture)
        give_up("memory");
    double before = wire_cpu_s(getpid());
    int64_t start = clock_now_ns(), pictures = (int64_t)(fps * seconds);
    for (int64_t k = 0; k < pictures; k++) {
        int64_t due = start + (int64_t)((double)k * 1e9 / fps);
        struct timespec until = {due / NS_PER_S, due % NS_PER_S};
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
        for (int i = 0; i < receivers; i++)
            send_whole(fds[i], picture, size);
    }
    printf("{\"cpu_s\":%.3f,\"seconds\":%.3f,\"pictures\":%lld}\n", wire_cpu_s(getpid()) - before,
           ns_to_ms(clock_now_ns() - start) / 1e3, (long long)(pictures * receivers));
    for (int i = 0; i < receivers; i++)
        close(fds[i]);
    free(picture);
    waitpid(child, NULL, 0);
    return 0;
}
