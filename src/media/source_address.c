#include "media/source_address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"

#define TICK_MS 50

/* ---- which addresses ------------------------------------------------------------------------- */

#define LINK_LOCAL "a link-local address (metadata services live there)"

static const char *refused_v4(uint32_t a)
{
    if (a >> 24 == 127 || a >> 24 == 0)
        return "this machine itself";
    if (a >> 16 == 0xa9fe || a == 0x646464c8 || a == 0xa83f8110)
        return LINK_LOCAL; /* 169.254/16, 100.100.100.200, 168.63.129.16 */
    return a >> 28 >= 14 || a >> 8 == 0xc00000 ? "a multicast or reserved address" : NULL;
}

static uint32_t read_v4(const uint8_t *bytes)
{
    uint32_t a;
    memcpy(&a, bytes, sizeof a);
    return ntohl(a);
}

/* An IPv6 address that stands for one of IPv4: mapped, compatible, translated (RFC 2765, RFC 6052)
 * or 6to4. */
static bool holds_v4(const struct in6_addr *v6, uint32_t *a)
{
    static const uint8_t translated[12] = {[8] = 0xff, 0xff}, nat64[12] = {0, 0x64, 0xff, 0x9b};
    bool is_6to4 = v6->s6_addr[0] == 0x20 && v6->s6_addr[1] == 0x02;
    *a = read_v4(v6->s6_addr + (is_6to4 ? 2 : 12));
    return is_6to4 || IN6_IS_ADDR_V4MAPPED(v6) || IN6_IS_ADDR_V4COMPAT(v6) ||
           memcmp(v6, translated, 12) == 0 || memcmp(v6, nat64, 12) == 0;
}

const char *source_address_refused(const struct sockaddr *address)
{
    static const uint8_t metadata[16] = {0xfd, 0, 0x0e, 0xc2, [14] = 0x02, 0x54};
    if (address->sa_family == AF_INET)
        return refused_v4(
            ntohl(((const struct sockaddr_in *)(const void *)address)->sin_addr.s_addr));
    if (address->sa_family != AF_INET6)
        return "no internet address";
    const struct in6_addr *v6 = &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;
    static const uint8_t local_nat64[6] = {0, 0x64, 0xff, 0x9b, 0, 1};
    uint32_t v4;
    if (IN6_IS_ADDR_LOOPBACK(v6) || IN6_IS_ADDR_UNSPECIFIED(v6))
        return "this machine itself";
    if (holds_v4(v6, &v4))
        return refused_v4(v4);
    if (IN6_IS_ADDR_LINKLOCAL(v6) || memcmp(v6, metadata, 16) == 0)
        return LINK_LOCAL;
    if (memcmp(v6, local_nat64, 6) ==
        0) /* RFC 8215: where in it the other one stands is not known */
        return "an address of a translator";
    return IN6_IS_ADDR_MULTICAST(v6) ? "a multicast address" : NULL;
}

/* Without the scope of fe80::1%eth0. */
static void without_scope(char bare[64], const char *host)
{
    snprintf(bare, 64, "%.*s", (int)strcspn(host, "%"), host);
}

static bool ends_in(const char *host, const char *end)
{
    size_t length = strlen(host), tail = strlen(end);
    return length > tail && strcmp(host + length - tail, end) == 0;
}

bool source_host_private(const char *host)
{
    struct in_addr v4;
    struct in6_addr v6;
    char bare[64];
    without_scope(bare, host);
    if (inet_pton(AF_INET, bare, &v4) == 1) {
        uint32_t a = ntohl(v4.s_addr);
        return a >> 24 == 10 || a >> 24 == 127 || a >> 20 == 0xac1 || a >> 16 == 0xc0a8 ||
               a >> 16 == 0xa9fe;
    }
    if (inet_pton(AF_INET6, bare, &v6) == 1)
        return (v6.s6_addr[0] & 0xfe) == 0xfc || IN6_IS_ADDR_LINKLOCAL(&v6) ||
               IN6_IS_ADDR_LOOPBACK(&v6);
    if (strspn(host, "0123456789") == strlen(host)) /* an address as one number */
        return false;
    return !strchr(host, '.') || ends_in(host, ".local") || ends_in(host, ".lan");
}

bool source_is_literal(const char *host)
{
    struct in_addr v4;
    struct in6_addr v6;
    char bare[64];
    without_scope(bare, host);
    return inet_pton(AF_INET, bare, &v4) == 1 || inet_pton(AF_INET6, bare, &v6) == 1;
}

/* ---- looking up ------------------------------------------------------------------------------ */

/* Shared by the one who waits and the thread that looks up; the last to leave frees it. */
struct source_resolving {
    pthread_mutex_t lock;
    pthread_cond_t done_now;
    int refs;
    bool done;
    char host[256], port[8];
    int code;
    struct addrinfo *found;
};

static void leave(struct source_resolving *job)
{
    pthread_mutex_lock(&job->lock);
    bool last = --job->refs == 0;
    pthread_mutex_unlock(&job->lock);
    if (!last)
        return;
    if (job->found)
        freeaddrinfo(job->found);
    pthread_cond_destroy(&job->done_now);
    pthread_mutex_destroy(&job->lock);
    free(job);
}

static void *look_up(void *arg)
{
    struct source_resolving *job = arg;
    struct addrinfo *found = NULL, hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};
    pthread_setname_np(pthread_self(), "fovea-resolve");
    int code = getaddrinfo(job->host, job->port, &hints, &found);
    if (code == EAI_NONAME || code == EAI_BADFLAGS) { /* a machine with loopback only */
        hints.ai_flags = 0;
        code = getaddrinfo(job->host, job->port, &hints, &found);
    }
    pthread_mutex_lock(&job->lock);
    job->code = code;
    job->found = code == 0 ? found : NULL;
    job->done = true;
    pthread_cond_signal(&job->done_now);
    pthread_mutex_unlock(&job->lock);
    leave(job);
    return NULL;
}

static struct source_resolving *start(const char *host, int port)
{
    struct source_resolving *job = calloc(1, sizeof *job);
    pthread_t thread;
    if (!job)
        return NULL;
    pthread_mutex_init(&job->lock, NULL);
    clock_cond_init(&job->done_now);
    job->refs = 2;
    text_copy(job->host, sizeof job->host, host);
    snprintf(job->port, sizeof job->port, "%d", port);
    if (pthread_create(&thread, NULL, look_up, job) == 0) {
        pthread_detach(thread);
        return job;
    }
    job->refs = 1;
    leave(job);
    return NULL;
}

/* False: stopped before it was done. */
static bool wait_done(struct source_resolving *job, source_stop_fn *stop, void *user)
{
    bool stopped = false;
    pthread_mutex_lock(&job->lock);
    while (!job->done && !stopped) {
        clock_cond_wait(&job->done_now, &job->lock, clock_after_ms(TICK_MS));
        pthread_mutex_unlock(&job->lock);
        stopped = stop(user);
        pthread_mutex_lock(&job->lock);
    }
    pthread_mutex_unlock(&job->lock);
    return !stopped;
}

static void take(const struct addrinfo *from, struct source_address *to)
{
    memcpy(&to->at, from->ai_addr, from->ai_addrlen);
    to->size = from->ai_addrlen;
    if (getnameinfo(from->ai_addr, from->ai_addrlen, to->text, sizeof to->text, NULL, 0,
                    NI_NUMERICHOST) != 0)
        to->text[0] = '\0';
}

/* IPv4 first: cameras that speak IPv6 speak it badly. */
static int pick(const struct source_resolving *job, bool guarded, struct source_address *out,
                int max, fov_error *error)
{
    static const int families[] = {AF_INET, AF_INET6};
    const char *why = NULL;
    int count = 0;
    for (int f = 0; f < 2; f++)
        for (const struct addrinfo *a = job->found; a && count < max; a = a->ai_next) {
            if (a->ai_family != families[f])
                continue;
            take(a, &out[count]);
            const char *refused = guarded ? source_address_refused(a->ai_addr) : NULL;
            if (refused)
                why = refused;
            count += !refused && out[count].text[0];
        }
    if (count == 0 && why)
        fov_fail(error, FOV_EDENIED,
                 source_is_literal(job->host)
                     ? "%.80s is %s"
                     : "%.80s stands for %s; if that is meant, write the address itself",
                 job->host, why);
    else if (count == 0)
        fov_fail(error, FOV_ENOTFOUND, "%.80s has no address", job->host);
    return count;
}

void source_resolve_forget(struct source_resolving **job)
{
    if (*job)
        leave(*job);
    *job = NULL;
}

int source_resolve(struct source_resolving **job, const char *host, int port,
                   enum source_guard guard, source_stop_fn *stop, void *user,
                   struct source_address *out, int max, fov_error *error)
{
    if (*job && !wait_done(*job, stop, user)) { /* an earlier one is still stuck */
        fov_fail(error, FOV_ECLOSED, "the name %.80s was not resolved in time", host);
        return 0;
    }
    source_resolve_forget(job);
    *job = start(host, port);
    if (!*job) {
        fov_fail(error, FOV_ENOMEM, "no thread to resolve a name");
        return 0;
    }
    if (!wait_done(*job, stop, user)) {
        fov_fail(error, FOV_ECLOSED, "the name %.80s was not resolved in time", host);
        return 0;
    }
    int count = 0;
    bool named = source_is_literal(host) || strcmp(host, "localhost") == 0;
    if ((*job)->code != 0)
        fov_fail(error, FOV_ENOTFOUND, "the name %.80s is not known: %s", host,
                 gai_strerror((*job)->code));
    else
        count = pick(*job, guard == GUARD_ALL || (guard == GUARD_NAMES && !named), out, max, error);
    source_resolve_forget(job);
    return count;
}

/* ---- probing --------------------------------------------------------------------------------- */

bool source_probe(const struct source_address *address, source_stop_fn *stop, void *user)
{
    int fd = socket(address->at.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    int left = 1000, failure = 0;
    socklen_t size = sizeof failure;
    bool answers = connect(fd, (const struct sockaddr *)&address->at, address->size) == 0;
    bool waiting = !answers && errno == EINPROGRESS;
    struct pollfd wait = {.fd = fd, .events = POLLOUT};
    while (waiting && left > 0 && !stop(user)) {
        left -= TICK_MS;
        if (poll(&wait, 1, TICK_MS) > 0) {
            waiting = false;
            answers = getsockopt(fd, SOL_SOCKET, SO_ERROR, &failure, &size) == 0 && failure == 0;
        }
    }
    close(fd);
    return answers;
}
