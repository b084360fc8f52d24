/* Live sockets and streams by the token that opened them, so that they end with it. */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "serve/auth.h"
#include "serve/server.h"

struct guard {
    uint64_t id; /* of the socket or stream; never used again, so a closed one is just not found */
    bool is_socket;
    char token_id[TOKEN_ID_MAX];
};

struct guards {
    struct guard *items;
    size_t count, capacity;
};

struct guards *guards_create(void)
{
    return calloc(1, sizeof(struct guards));
}

void guards_destroy(struct guards **guards)
{
    if (*guards)
        free((*guards)->items);
    free(*guards);
    *guards = NULL;
}

static bool add(struct exchange *x, uint64_t id, bool is_socket)
{
    struct guards *guards = x->server->guards;
    if (x->identity.token_id[0] == '\0' || !auth_on(x->server->auth))
        return true;
    if (guards->count == guards->capacity) {
        size_t capacity = guards->capacity ? 2 * guards->capacity : 32;
        struct guard *items = realloc(guards->items, capacity * sizeof *items);
        if (!items)
            return false;
        guards->items = items;
        guards->capacity = capacity;
    }
    struct guard *guard = &guards->items[guards->count++];
    guard->id = id;
    guard->is_socket = is_socket;
    text_copy(guard->token_id, sizeof guard->token_id, x->identity.token_id);
    return true;
}

void serve_guard_socket(struct exchange *x, struct net_socket *socket)
{
    if (!add(x, net_socket_id(socket), true))
        net_socket_close(socket, 1011, "not enough memory");
}

void serve_guard_stream(struct exchange *x, struct net_stream *stream)
{
    if (!add(x, net_stream_id(stream), false))
        net_stream_close(stream);
}

static bool is_open(struct net_loop *loop, const struct guard *guard)
{
    return guard->is_socket ? net_socket_find(loop, guard->id) != NULL
                            : net_stream_find(loop, guard->id) != NULL;
}

static void end(struct net_loop *loop, const struct guard *guard)
{
    if (guard->is_socket)
        net_socket_close(net_socket_find(loop, guard->id), 1008,
                         "the token was revoked or has ended");
    else
        net_stream_close(net_stream_find(loop, guard->id));
}

void guards_check(struct server *server)
{
    struct guards *guards = server->guards;
    size_t kept = 0;
    for (size_t i = 0; i < guards->count; i++) {
        struct guard guard = guards->items[i];
        if (!is_open(server->loop, &guard))
            continue;
        if (auth_alive(server->auth, guard.token_id))
            guards->items[kept++] = guard;
        else
            end(server->loop, &guard);
    }
    guards->count = kept;
}
