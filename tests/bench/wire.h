/* The client's side of the wire for load generators, on plain sockets. Each call that fails ends
 * the program with a sentence. */
#ifndef TESTS_BENCH_WIRE_H
#define TESTS_BENCH_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void wire_give_up(const char *what);

/* A connected TCP socket without delay; `host`: an IPv4 address. Blocks. */
int wire_dial(const char *host, int port);
void wire_write_all(int fd, const char *bytes, size_t size);

/* Upgrades to a WebSocket. Reads the answer's head byte by byte: what follows stays in the socket.
 */
void wire_upgrade(int fd, const char *host, int port, const char *path);

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

double wire_own_cpu_s(void);
double wire_cpu_s(int pid); /* of another process, 0 when unknown */
double wire_rss_mb(int pid);

#endif
