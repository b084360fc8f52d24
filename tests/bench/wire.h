/* The client's side of the wire for load generators, on plain sockets. Each call that fails ends
 * the program with a sentence. */
#ifndef TESTS_BENCH_WIRE_H
#define TESTS_BENCH_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>

void wire_give_up(const char *what);

/* What every load generator is told; preset with its own defaults. */
struct wire_settings {
    const char *host, *query;
    int port, pid, width, height;
    double seconds, fps, warm; /* warm: seconds at the start that are not counted */
};

/* An option of one of them: where its value goes. */
struct wire_option {
    const char *name; /* with its dashes */
    int *whole;
    double *real;
    const char **text;
};

/* Reads `--name value …`, argv[0] being the first of them, into the settings and `own` (ends with
 * name NULL). False when one is unknown or out of range; the port is the caller's to miss. */
bool wire_options(struct wire_settings *set, const struct wire_option *own, int argc, char **argv);

/* A connected TCP socket without delay; `host`: an IPv4 address. Blocks. */
int wire_dial(const char *host, int port);

/* The same as a WebSocket at `path` (NULL: left at that), without blocking from then on and watched
 * for input as `index`. */
int wire_open(int poll_fd, uint32_t index, const struct wire_settings *set, const char *path);

/* Head and body being sent; nothing is while head is NULL. */
struct wire_out {
    const char *head, *body;
    size_t head_size, body_size, done;
};
/* Gives the kernel what it takes and has the rest waited for. True when this was the last of it. */
bool wire_send(int poll_fd, int fd, uint32_t index, struct wire_out *out);
void wire_pong(int fd, const struct wire_out *out); /* none while something is half sent */

/* Waits until then, at most a second, for what epoll has to tell. Returns how much. */
int wire_wait(int poll_fd, struct epoll_event *events, int most, int64_t until_ns);

/* What came and was not understood yet. */
struct wire_in {
    char *bytes; /* with room for a NUL behind them */
    size_t size, room;
};
/* Reads once. False when there is nothing. */
bool wire_read(int fd, struct wire_in *in);
void wire_drop(struct wire_in *in, size_t used);

/* Head of a masked client message, at most 14 bytes; the mask is zero, so the bytes go as they are.
 * Returns its size. */
size_t wire_message_head(char *to, int opcode, size_t size);

/* A server's message at the start of `in`: its size, 0 when it is not whole yet. */
struct wire_message {
    int opcode;
    const char *payload;
    size_t size;
};
size_t wire_message(const char *in, size_t in_size, struct wire_message *message);

/* The number after `name` in a text of JSON. */
bool wire_number(const char *text, const char *name, double *number);

/* Processor time of a process and its threads, to the nanosecond; 0 when unknown. */
double wire_cpu_s(int pid);
double wire_rss_mb(int pid);

#endif
