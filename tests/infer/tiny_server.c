#include "tiny_server.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PICTURE = 75, NUMBERS = 16, CLIENTS = 64, REQUEST_MAX = 8192 };

struct client {
    struct tiny_server *server;
    pthread_t thread;
    int socket;
};

struct tiny_server {
    int socket, port;
    pthread_t thread;
    atomic_int mode, connections, inferences;
    atomic_bool stopping;
    struct client clients[CLIENTS];
    int client_count;
};

static const char description[] =
    "{\"name\":\"m\",\"inputs\":[{\"name\":\"x\",\"datatype\":\"UINT8\",\"shape\":[1,5,5,3]},"
    "{\"name\":\"n\",\"datatype\":\"INT64\",\"shape\":[1,2]}],\"outputs\":[{\"name\":\"a\","
    "\"datatype\":\"UINT8\",\"shape\":[1,3]},{\"name\":\"b\",\"datatype\":\"FP32\",\"shape\":[-1,4]"
    "}]}";

static const char reply[] =
    "{\"model_name\":\"m\",\"outputs\":[{\"name\":\"a\",\"datatype\":\"UINT8\",\"shape\":[1,3],"
    "\"parameters\":{\"binary_data_size\":3}},{\"name\":\"b\",\"datatype\":\"FP32\",\"shape\":[1,4]"
    ","
    "\"parameters\":{\"binary_data_size\":16}}]}";

static bool send_all(int to, const char *bytes, size_t size)
{
    while (size) {
        ssize_t n = send(to, bytes, size, MSG_NOSIGNAL);
        if (n <= 0)
            return false;
        bytes += n;
        size -= (size_t)n;
    }
    return true;
}

static bool send_text(int to, int status, const char *text)
{
    char head[128];
    int n = snprintf(head, sizeof head, "HTTP/1.1 %d x\r\nContent-Length: %zu\r\n\r\n", status,
                     strlen(text));
    return send_all(to, head, (size_t)n) && send_all(to, text, strlen(text));
}

/* False when the server ends meanwhile: nothing is sent then. */
static bool wait_while(struct client *c, enum tiny_mode mode)
{
    while (atomic_load(&c->server->mode) == (int)mode && !atomic_load(&c->server->stopping))
        usleep(1000);
    return !atomic_load(&c->server->stopping);
}

static bool infer(struct client *c, const char *inputs)
{
    char answer[1024];
    int64_t n[2];
    memcpy(n, inputs + PICTURE, sizeof n);
    const float b[4] = {(float)(uint8_t)inputs[PICTURE - 1], (float)n[0], (float)n[1], 0.5f};
    size_t json = sizeof reply - 1;
    size_t size = (size_t)snprintf(answer, sizeof answer,
                                   "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n"
                                   "inference-header-content-length: %zu\r\n\r\n%s",
                                   json + 3 + sizeof b, json, reply);
    memcpy(answer + size, inputs, 3);
    memcpy(answer + size + 3, b, sizeof b);
    size += 3 + sizeof b;
    atomic_fetch_add(&c->server->inferences, 1);
    if (!wait_while(c, TINY_HOLD))
        return false;
    size_t first = atomic_load(&c->server->mode) == TINY_HALF ? size - 9 : size;
    /* a mode that is set after a whole answer is for the next one */
    bool goes_on = send_all(c->socket, answer, first) &&
                   (first == size || wait_while(c, TINY_HALF));
    return goes_on && send_all(c->socket, answer + first, size - first) &&
           atomic_load(&c->server->mode) != TINY_CLOSE;
}

static size_t number_behind(const char *head, const char *name)
{
    const char *at = strcasestr(head, name);
    return at ? strtoul(at + strlen(name), NULL, 10) : 0;
}

/* One request and its answer; false when the connection is over. */
static bool serve(struct client *c)
{
    char request[REQUEST_MAX + 1];
    size_t size = 0, head = 0, body = 0;
    while (!head || size < head + body) {
        ssize_t n = size < REQUEST_MAX ? recv(c->socket, request + size, REQUEST_MAX - size, 0) : 0;
        if (n <= 0)
            return false;
        size += (size_t)n;
        request[size] = '\0';
        const char *end = strstr(request, "\r\n\r\n");
        if (end && !head) {
            head = (size_t)(end + 4 - request);
            body = number_behind(request, "\r\nContent-Length:");
        }
    }
    if (!strncmp(request, "GET /v2 ", 8))
        return send_text(c->socket, 200, "{\"name\":\"tiny\",\"version\":\"1\"}");
    if (!strncmp(request, "GET /v2/models/m ", 17))
        return send_text(c->socket, 200, description);
    size_t json = number_behind(request, "\r\nInference-Header-Content-Length:");
    if (!strncmp(request, "POST /v2/models/m/infer ", 24) && body == json + PICTURE + NUMBERS)
        return infer(c, request + head + json);
    return send_text(c->socket, 404, "{\"error\":\"no such model\"}");
}

static void *serve_client(void *arg)
{
    struct client *c = arg;
    while (serve(c))
        ;
    shutdown(c->socket, SHUT_RDWR);
    return NULL;
}

static void *accept_clients(void *arg)
{
    struct tiny_server *s = arg;
    while (s->client_count < CLIENTS) {
        int socket = accept(s->socket, NULL, NULL);
        if (socket < 0 || atomic_load(&s->stopping)) {
            if (socket >= 0)
                close(socket);
            break;
        }
        struct client *c = &s->clients[s->client_count];
        *c = (struct client){.server = s, .socket = socket};
        atomic_fetch_add(&s->connections, 1);
        if (pthread_create(&c->thread, NULL, serve_client, c) != 0)
            exit(1);
        s->client_count++;
    }
    return NULL;
}

struct tiny_server *tiny_start(int port)
{
    struct tiny_server *s = calloc(1, sizeof *s);
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    int one = 1;
    if (!s)
        exit(1);
    s->socket = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(s->socket, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(s->socket, (struct sockaddr *)&at, size) != 0 || listen(s->socket, 16) != 0 ||
        getsockname(s->socket, (struct sockaddr *)&at, &size) != 0) {
        perror("tiny server");
        exit(1);
    }
    s->port = ntohs(at.sin_port);
    if (pthread_create(&s->thread, NULL, accept_clients, s) != 0)
        exit(1);
    return s;
}

int tiny_port(const struct tiny_server *server)
{
    return server->port;
}

void tiny_set(struct tiny_server *server, enum tiny_mode mode)
{
    atomic_store(&server->mode, (int)mode);
}

int tiny_connections(const struct tiny_server *server)
{
    return atomic_load(&server->connections);
}

int tiny_inferences(const struct tiny_server *server)
{
    return atomic_load(&server->inferences);
}

void tiny_stop(struct tiny_server **server)
{
    struct tiny_server *s = *server;
    *server = NULL;
    atomic_store(&s->stopping, true);
    shutdown(s->socket, SHUT_RDWR);
    pthread_join(s->thread, NULL);
    close(s->socket);
    for (int i = 0; i < s->client_count; i++) {
        shutdown(s->clients[i].socket, SHUT_RDWR);
        pthread_join(s->clients[i].thread, NULL);
        close(s->clients[i].socket);
    }
    free(s);
}
