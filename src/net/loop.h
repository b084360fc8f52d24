/* Inside of the loop: what the files of this room share. */
#ifndef NET_LOOP_H
#define NET_LOOP_H

#include <pthread.h>
#include <stdatomic.h>

#include <event2/event.h>

#include "net/address.h"
#include "net/net.h"
#include "net/table.h"

struct conn;
struct evconnlistener;

struct post {
    struct post *next;
    void (*fn)(void *arg);
    void *arg;
};

/* Counters read by any thread. */
struct counters {
    atomic_uint_fast64_t connections, requests, refused, bytes_in, bytes_out;
    atomic_uint open, sockets, streams, pending;
    atomic_size_t buffered;
};

struct listener {
    struct listener *next;
    struct net_loop *loop;
    struct evconnlistener *ev;
    struct net_tls *tls;
};

struct net_loop {
    struct net_params params;
    struct cidr *proxies;
    struct net_header *headers; /* default ones, own copies */
    struct event_base *base;

    struct event *wake; /* reads wake_fd */
    int wake_fd;
    atomic_int stop_calls;
    pthread_mutex_t lock; /* the post queue only */
    struct post *posts, **posts_end;

    struct listener *listeners;
    bool accepting;
    struct address_counts peers;

    struct conn *conns; /* open ones */
    struct conn *dead;  /* closed, waiting for reap */
    struct event *reap, *sweep;
    struct table ids;
    uint64_t next_id;
    struct net_timer *timers;
    struct net_inflate *inflate; /* made when first needed */

    atomic_bool stopping; /* read by other threads through net_loop_stopping */
    int64_t stop_deadline_ns;
    struct counters counters;
};

/* What id means, so that a request's id is not taken for a socket's. */
enum id_kind { ID_REQUEST = 1, ID_STREAM, ID_SOCKET };
struct identity {
    struct table_node node;
    enum id_kind kind;
    void *object;
};
/* Gives the object a new id. */
void identity_add(struct net_loop *loop, struct identity *identity, enum id_kind kind,
                  void *object);
void identity_remove(struct net_loop *loop, struct identity *identity);
void *identity_find(struct net_loop *loop, uint64_t id, enum id_kind kind);

/* post.c */
fov_status post_open(struct net_loop *loop);
void post_wake(struct net_loop *loop);
void post_run_all(struct net_loop *loop);
void post_close(struct net_loop *loop);

/* timer.c */
void timers_free(struct net_loop *loop);

/* listen.c */
void listen_enable(struct net_loop *loop, bool on);
void listen_close_all(struct net_loop *loop);

/* loop.c */
bool loop_trusts(const struct net_loop *loop, const struct address *address); /* a proxy of ours */
/* Ends the drain when nothing is left. */
void loop_check_drained(struct net_loop *loop);

#endif
