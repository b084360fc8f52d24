/* The loop: made, run, stopped, freed. */
#include "net/loop.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <fovea/log.h>

#include "net/conn.h"

#define SWEEP_MS 250

/* ---- identities ---- */

void identity_add(struct net_loop *loop, struct identity *identity, enum id_kind kind, void *object)
{
    identity->kind = kind;
    identity->object = object;
    table_add(&loop->ids, &identity->node, ++loop->next_id);
}

void identity_remove(struct net_loop *loop, struct identity *identity)
{
    table_remove(&loop->ids, &identity->node);
}

void *identity_find(struct net_loop *loop, uint64_t id, enum id_kind kind)
{
    struct identity *identity = (struct identity *)(void *)table_find(&loop->ids, id);
    return identity && identity->kind == kind ? identity->object : NULL;
}

bool loop_trusts(const struct net_loop *loop, const struct address *address)
{
    for (size_t i = 0; i < loop->params.trusted_proxies_len; i++) {
        if (cidr_holds(&loop->proxies[i], address))
            return true;
    }
    return false;
}

/* ---- running ---- */

void loop_check_drained(struct net_loop *loop)
{
    if (loop->stopping && (!loop->conns || clock_now_ns() > loop->stop_deadline_ns))
        event_base_loopbreak(loop->base);
}

static void begin_stop(struct net_loop *loop)
{
    loop->stopping = true;
    loop->stop_deadline_ns = clock_now_ns() + loop->params.drain_ms * NS_PER_MS;
    listen_close_all(loop);
    for (struct conn *conn = loop->conns, *next; conn; conn = next) {
        next = conn->next;
        conn->role->stop(conn);
    }
}

static void on_wake(evutil_socket_t fd, short what, void *arg)
{
    struct net_loop *loop = arg;
    uint64_t n;
    (void)what;
    ssize_t got = read(fd, &n, sizeof(n)); /* only resets it */
    (void)got;
    post_run_all(loop);
    int calls = atomic_load(&loop->stop_calls);
    if (calls > 0 && !loop->stopping)
        begin_stop(loop);
    if (calls > 1)
        loop->stop_deadline_ns = 0;
    loop_check_drained(loop);
}

static void on_reap(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    conn_reap(arg);
}

static void on_sweep(evutil_socket_t fd, short what, void *arg)
{
    struct net_loop *loop = arg;
    (void)fd;
    (void)what;
    conn_sweep(loop, clock_now_ns());
    if (atomic_load(&loop->counters.open) < loop->params.max_connections)
        listen_enable(loop, true);
    loop_check_drained(loop);
}

fov_status net_loop_run(struct net_loop *loop)
{
    return event_base_loop(loop->base, EVLOOP_NO_EXIT_ON_EMPTY) < 0 ? FOV_EINTERNAL : FOV_OK;
}

void net_loop_stop(struct net_loop *loop)
{
    atomic_fetch_add(&loop->stop_calls, 1);
    post_wake(loop);
}

bool net_loop_stopping(const struct net_loop *loop)
{
    return loop->stopping;
}

void net_loop_get_stats(const struct net_loop *loop, struct net_stats *stats)
{
    const struct counters *c = &loop->counters;
    *stats = (struct net_stats){
        .connections_total = atomic_load(&c->connections),
        .requests_total = atomic_load(&c->requests),
        .refused_total = atomic_load(&c->refused),
        .bytes_in = atomic_load(&c->bytes_in),
        .bytes_out = atomic_load(&c->bytes_out),
        .connections = atomic_load(&c->open),
        .sockets = atomic_load(&c->sockets),
        .streams = atomic_load(&c->streams),
        .requests_pending = atomic_load(&c->pending),
        .buffered = atomic_load(&c->buffered),
    };
}

/* ---- making and freeing ---- */

static void set_defaults(struct net_params *p)
{
#define DEFAULT(field, value) p->field = p->field ? p->field : (value)
    DEFAULT(max_body, (size_t)10 << 20);
    DEFAULT(max_buffered, (size_t)64 << 20);
    DEFAULT(max_connections, 1024);
    DEFAULT(max_per_address, 128);
    DEFAULT(head_timeout_ms, 10000);
    DEFAULT(body_timeout_ms, 30000);
    DEFAULT(keepalive_ms, 30000);
    DEFAULT(handshake_timeout_ms, 5000);
    DEFAULT(write_timeout_ms, 30000);
    DEFAULT(drain_ms, 5000);
#undef DEFAULT
}

static fov_status copy_proxies(struct net_loop *loop, fov_error *error)
{
    size_t count = loop->params.trusted_proxies_len;
    loop->proxies = calloc(count + 1, sizeof(*loop->proxies));
    if (!loop->proxies)
        return fov_fail(error, FOV_ENOMEM, "no memory for the event loop");
    for (size_t i = 0; i < count; i++) {
        if (!cidr_parse(&loop->proxies[i], loop->params.trusted_proxies[i]))
            return fov_fail(error, FOV_EINVAL, "trusted proxy %s: not an address or a network",
                            loop->params.trusted_proxies[i]);
    }
    return FOV_OK;
}

static fov_status copy_headers(struct net_loop *loop, fov_error *error)
{
    size_t count = loop->params.default_headers_len;
    loop->headers = calloc(count + 1, sizeof(*loop->headers));
    for (size_t i = 0; loop->headers && i < count; i++) {
        loop->headers[i].name = strdup(loop->params.default_headers[i].name);
        loop->headers[i].value = strdup(loop->params.default_headers[i].value);
        if (!loop->headers[i].name || !loop->headers[i].value)
            return fov_fail(error, FOV_ENOMEM, "no memory for the event loop");
    }
    return loop->headers ? FOV_OK : fov_fail(error, FOV_ENOMEM, "no memory for the event loop");
}

static void on_libevent_log(int severity, const char *message)
{
    if (severity >= EVENT_LOG_WARN)
        fov_log(FOV_LOG_WARN, "net", "%s", message);
}

static fov_status open_events(struct net_loop *loop, fov_error *error)
{
    struct timeval sweep = {0, SWEEP_MS * 1000};
    event_set_log_callback(on_libevent_log);
    loop->base = event_base_new();
    if (loop->base) {
        loop->wake = event_new(loop->base, loop->wake_fd, EV_READ | EV_PERSIST, on_wake, loop);
        loop->reap = event_new(loop->base, -1, 0, on_reap, loop);
        loop->sweep = event_new(loop->base, -1, EV_PERSIST, on_sweep, loop);
    }
    if (!loop->base || !loop->wake || !loop->reap || !loop->sweep ||
        event_add(loop->wake, NULL) != 0 || event_add(loop->sweep, &sweep) != 0)
        return fov_fail(error, FOV_ENOMEM, "cannot make the event loop");
    return FOV_OK;
}

fov_status net_loop_create(struct net_loop **out, const struct net_params *params, fov_error *error)
{
    *out = NULL;
    if (!params->on_request)
        return fov_fail(error, FOV_EINVAL, "a loop needs on_request");
    struct net_loop *loop = calloc(1, sizeof(*loop));
    if (!loop || post_open(loop) != FOV_OK) {
        free(loop);
        return fov_fail(error, FOV_ENOMEM, "cannot make the event loop");
    }
    signal(SIGPIPE, SIG_IGN);
    loop->params = *params;
    loop->accepting = true;
    set_defaults(&loop->params);
    fov_status status = copy_proxies(loop, error);
    if (status == FOV_OK)
        status = copy_headers(loop, error);
    if (status == FOV_OK)
        status = open_events(loop, error);
    if (status == FOV_OK)
        *out = loop;
    else
        net_loop_destroy(&loop);
    return status;
}

static void free_event(struct event *event)
{
    if (event)
        event_free(event);
}

void net_loop_destroy(struct net_loop **ref)
{
    struct net_loop *loop = *ref;
    if (!loop)
        return;
    loop->stopping = true;
    listen_close_all(loop);
    do { /* a post may answer a request, an on_close may post */
        while (loop->conns)
            conn_close(loop->conns);
        if (loop->dead)
            conn_reap(loop);
        post_run_all(loop);
    } while (loop->conns || loop->dead);
    post_close(loop);
    timers_free(loop);
    free_event(loop->wake);
    free_event(loop->reap);
    free_event(loop->sweep);
    if (loop->base)
        event_base_free(loop->base);
    net_inflate_destroy(&loop->inflate);
    address_counts_free(&loop->peers);
    for (size_t i = 0; loop->headers && loop->headers[i].name; i++) {
        free((void *)(uintptr_t)loop->headers[i].name);
        free((void *)(uintptr_t)loop->headers[i].value);
    }
    free(loop->headers);
    free(loop->proxies);
    free(loop);
    *ref = NULL; /* last: callbacks above may still use it */
}
