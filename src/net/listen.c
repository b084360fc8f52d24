/* Listening sockets, and who may connect. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/listener.h>
#include <fovea/log.h>

#include "net/http.h"
#include "net/tls.h"

/* Connections over the limit that are still told so; beyond them nothing is accepted. */
#define SPARE 64

static bool over_limit(struct net_loop *loop, const struct address *address)
{
    if (atomic_load(&loop->counters.open) >= loop->params.max_connections)
        return true;
    return address_count(&loop->peers, address) >= loop->params.max_per_address &&
           !loop_trusts(loop, address);
}

static void on_accept(struct evconnlistener *ev, evutil_socket_t fd, struct sockaddr *from, int len,
                      void *arg)
{
    struct listener *listener = arg;
    struct net_loop *loop = listener->loop;
    struct address address;
    int on = 1, patience_ms = 30000;
    (void)ev;
    (void)len;
    address_from_sockaddr(&address, from);
    atomic_fetch_add(&loop->counters.connections, 1);
    bool refuse = over_limit(loop, &address);
    if (refuse && listener->tls) { /* no handshake only to say no */
        atomic_fetch_add(&loop->counters.refused, 1);
        close(fd);
        return;
    }
    SSL *ssl = listener->tls ? tls_session(listener->tls) : NULL;
    if (listener->tls && !ssl) { /* never plain text on a TLS port */
        close(fd);
        return;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &patience_ms, sizeof(patience_ms));
    struct conn *conn = http_open(loop, fd, ssl, &address);
    if (conn && refuse)
        http_refuse(conn, 503);
    if (atomic_load(&loop->counters.open) >= loop->params.max_connections + SPARE)
        listen_enable(loop, false);
}

/* Usually no more file descriptors. The sweep tries again; without the pause the loop would spin.
 */
static void on_accept_error(struct evconnlistener *ev, void *arg)
{
    struct listener *listener = arg;
    (void)ev;
    fov_log(FOV_LOG_WARN, "net", "cannot accept a connection: %s", strerror(errno));
    listen_enable(listener->loop, false);
}

void listen_enable(struct net_loop *loop, bool on)
{
    if (loop->accepting == on)
        return;
    loop->accepting = on;
    for (struct listener *l = loop->listeners; l; l = l->next) {
        if (on)
            evconnlistener_enable(l->ev);
        else
            evconnlistener_disable(l->ev);
    }
}

void listen_close_all(struct net_loop *loop)
{
    while (loop->listeners) {
        struct listener *listener = loop->listeners;
        loop->listeners = listener->next;
        evconnlistener_free(listener->ev);
        net_tls_destroy(&listener->tls);
        free(listener);
    }
}

/* ---- binding ---- */

struct binding {
    struct sockaddr_storage address;
    socklen_t len;
    bool dual; /* IPv6 and IPv4 */
};

static bool binding_parse(struct binding *binding, const char *host, uint16_t port)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)&binding->address;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&binding->address;
    *binding = (struct binding){0};
    if (inet_pton(AF_INET, host, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(port);
        binding->len = sizeof(*v4);
        return true;
    }
    memset(&binding->address, 0, sizeof(binding->address));
    if (inet_pton(AF_INET6, host, &v6->sin6_addr) != 1)
        return false;
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    binding->len = sizeof(*v6);
    binding->dual = IN6_IS_ADDR_UNSPECIFIED(&v6->sin6_addr);
    return true;
}

static int open_socket(const struct binding *binding)
{
    int family = binding->address.ss_family, on = 1, v6only = !binding->dual;
    int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6only, sizeof(v6only));
    if (bind(fd, (const struct sockaddr *)&binding->address, binding->len) == 0 &&
        listen(fd, 1024) == 0)
        return fd;
    int reason = errno;
    close(fd);
    errno = reason;
    return -1;
}

static uint16_t port_of(int fd)
{
    struct sockaddr_storage address = {0};
    socklen_t len = sizeof(address);
    if (getsockname(fd, (struct sockaddr *)&address, &len) != 0)
        return 0;
    return ntohs(address.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&address)->sin6_port
                                               : ((struct sockaddr_in *)&address)->sin_port);
}

static fov_status fail_bind(fov_error *error, const char *host, uint16_t port)
{
    fov_status status = errno == EADDRINUSE ? FOV_EEXISTS : errno == EACCES ? FOV_EDENIED : FOV_EIO;
    return fov_fail(error, status, "cannot listen on %s port %u: %s", host, (unsigned)port,
                    strerror(errno));
}

static fov_status add_listener(struct net_loop *loop, int fd, struct net_tls *tls)
{
    struct listener *listener = calloc(1, sizeof(*listener));
    if (listener) {
        listener->loop = loop;
        listener->ev = evconnlistener_new(loop->base, on_accept, listener,
                                          LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, fd);
    }
    if (!listener || !listener->ev) {
        free(listener);
        close(fd);
        return FOV_ENOMEM;
    }
    evconnlistener_set_error_cb(listener->ev, on_accept_error);
    listener->tls = tls_ref(tls);
    listener->next = loop->listeners;
    loop->listeners = listener;
    return FOV_OK;
}

static fov_status listen_on(struct net_loop *loop, const char *host, uint16_t port,
                            struct net_tls *tls, uint16_t *bound_port, fov_error *error)
{
    struct binding binding;
    if (!binding_parse(&binding, host, port))
        return fov_fail(error, FOV_EINVAL, "%s is not an address to listen on", host);
    int fd = open_socket(&binding);
    if (fd < 0)
        return fail_bind(error, host, port);
    if (bound_port)
        *bound_port = port_of(fd);
    if (add_listener(loop, fd, tls) != FOV_OK)
        return fov_fail(error, FOV_ENOMEM, "no memory to listen");
    return FOV_OK;
}

fov_status net_loop_listen(struct net_loop *loop, const char *host, uint16_t port,
                           struct net_tls *tls, uint16_t *bound_port, fov_error *error)
{
    uint16_t bound = port;
    fov_status status;
    if (strcmp(host, "localhost") == 0) {
        status = listen_on(loop, "127.0.0.1", port, tls, &bound, error);
        if (status == FOV_OK) /* browsers try ::1 first; a machine without IPv6 is fine */
            (void)listen_on(loop, "::1", bound, tls, NULL, NULL);
    } else if (!*host) {
        status = listen_on(loop, "::", port, tls, &bound, error);
        if (status != FOV_OK && status != FOV_EEXISTS)
            status = listen_on(loop, "0.0.0.0", port, tls, &bound, error);
    } else {
        status = listen_on(loop, host, port, tls, &bound, error);
    }
    if (status == FOV_OK && bound_port)
        *bound_port = bound;
    return status;
}
