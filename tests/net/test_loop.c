/* The loop itself: posts from threads, timers, ports, blobs, ends with things still open. */
#include <arpa/inet.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "net/net.h"

static struct net_loop *loop;

static void ignore_request(void *user, struct net_request *request)
{
    (void)user;
    net_reply(request, 204, NULL, NULL, 0);
}

static void make_loop(void (*on_request)(void *user, struct net_request *request),
                      unsigned drain_ms)
{
    struct net_params params = {.on_request = on_request, .drain_ms = drain_ms};
    assert_int_equal(net_loop_create(&loop, &params, NULL), FOV_OK);
}

static void stop_loop(void *arg)
{
    (void)arg;
    net_loop_stop(loop);
}

/* ---- posts ---- */

#define THREADS 4
#define POSTS 20000

struct sender {
    pthread_t thread;
    unsigned next, wrong;
};
static struct sender senders[THREADS];
static unsigned posts_run;

struct numbered {
    struct sender *sender;
    unsigned number;
};

static void run_post(void *arg)
{
    struct numbered *post = arg;
    post->sender->wrong += post->number != post->sender->next++;
    posts_run++;
    free(post);
    if (posts_run == THREADS * POSTS)
        net_loop_stop(loop);
}

static void *send_posts(void *arg)
{
    for (unsigned i = 0; i < POSTS; i++) {
        struct numbered *post = malloc(sizeof(*post));
        *post = (struct numbered){arg, i};
        if (!net_post(loop, run_post, post))
            free(post);
    }
    return NULL;
}

static void test_posts(void **state)
{
    (void)state;
    make_loop(ignore_request, 0);
    for (int i = 0; i < THREADS; i++)
        pthread_create(&senders[i].thread, NULL, send_posts, &senders[i]);
    assert_int_equal(net_loop_run(loop), FOV_OK);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(senders[i].thread, NULL);
        assert_int_equal(senders[i].next, POSTS);
        assert_int_equal(senders[i].wrong, 0);
    }
    net_loop_destroy(&loop);
    assert_null(loop);
}

static void count_up(void *arg)
{
    ++*(int *)arg;
}

static void test_posts_run_at_destroy(void **state)
{
    int count = 0;
    (void)state;
    make_loop(ignore_request, 0);
    for (int i = 0; i < 10; i++)
        assert_true(net_post(loop, count_up, &count));
    net_loop_destroy(&loop);
    assert_int_equal(count, 10);
}

/* ---- timers ---- */

static struct net_timer *repeating;
static int ticks;

static void tick(void *arg)
{
    (void)arg;
    if (++ticks == 3)
        net_timer_stop(&repeating); /* from its own call */
}

static void test_timers(void **state)
{
    int never = 0, once = 0;
    (void)state;
    ticks = 0;
    make_loop(ignore_request, 0);
    repeating = net_timer_start(loop, 5, true, tick, NULL);
    struct net_timer *stopped = net_timer_start(loop, 10, false, count_up, &never);
    net_timer_start(loop, 10, false, count_up, &once);
    net_timer_start(loop, 3600 * 1000, true, count_up, &never); /* freed with the loop */
    int64_t start = clock_now_ns();
    net_timer_start(loop, 100, false, stop_loop, NULL);
    net_timer_stop(&stopped);
    net_timer_stop(&stopped);
    net_loop_run(loop);
    /* libevent reads a coarse clock: one tick of the kernel, at most 10 ms, may be missing */
    assert_true(clock_now_ns() - start >= 89 * NS_PER_MS);
    assert_int_equal(ticks, 3);
    assert_null(repeating);
    assert_int_equal(once, 1);
    assert_int_equal(never, 0);
    net_loop_destroy(&loop);
}

/* ---- listening ---- */

static void test_listen(void **state)
{
    uint16_t port = 0, other = 0;
    fov_error error = {0};
    (void)state;
    make_loop(ignore_request, 0);
    assert_int_equal(net_loop_listen(loop, "127.0.0.1", 0, NULL, &port, NULL), FOV_OK);
    assert_true(port > 0);
    assert_int_equal(net_loop_listen(loop, "127.0.0.1", port, NULL, NULL, &error), FOV_EEXISTS);
    assert_non_null(strstr(error.message, "in use"));
    assert_int_equal(net_loop_listen(loop, "localhost", 0, NULL, &other, NULL), FOV_OK);
    assert_true(other > 0 && other != port);
    assert_int_equal(net_loop_listen(loop, "", 0, NULL, NULL, NULL), FOV_OK);
    assert_int_equal(net_loop_listen(loop, "not an address", 0, NULL, NULL, &error), FOV_EINVAL);
    assert_int_equal(net_loop_listen(loop, "203.0.113.1", 0, NULL, NULL, NULL), FOV_EIO);
    net_loop_destroy(&loop);
    /* the port is free again at once */
    make_loop(ignore_request, 0);
    assert_int_equal(net_loop_listen(loop, "127.0.0.1", port, NULL, NULL, NULL), FOV_OK);
    net_loop_destroy(&loop);
}

static void test_params(void **state)
{
    const char *proxies[] = {"10.0.0.0/8", "nowhere"};
    struct net_params params = {0};
    (void)state;
    assert_int_equal(net_loop_create(&loop, &params, NULL), FOV_EINVAL);
    params.on_request = ignore_request;
    params.trusted_proxies = proxies;
    params.trusted_proxies_len = 2;
    assert_int_equal(net_loop_create(&loop, &params, NULL), FOV_EINVAL);
    assert_null(loop);
    net_loop_destroy(&loop);
}

/* ---- blobs ---- */

static atomic_int released;

static void release(void *arg)
{
    atomic_fetch_add((atomic_int *)arg, 1);
}

static void *ref_and_unref(void *arg)
{
    for (int i = 0; i < 10000; i++) {
        struct net_blob *blob = net_blob_ref(arg);
        net_blob_unref(&blob);
    }
    net_blob_unref((struct net_blob **)&arg);
    return NULL;
}

static void test_blobs(void **state)
{
    pthread_t threads[THREADS];
    struct net_blob *blob = net_blob_wrap("abc", 3, release, &released);
    (void)state;
    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, ref_and_unref, net_blob_ref(blob));
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(atomic_load(&released), 0);
    assert_int_equal(net_blob_len(blob), 3);
    net_blob_unref(&blob);
    net_blob_unref(&blob);
    assert_int_equal(atomic_load(&released), 1);
}

/* ---- ends ---- */

static int gone, closed, close_code;
static uint64_t pending_id;
static struct net_socket *open_socket;

static void on_gone(void *user)
{
    (void)user;
    gone++;
}

static void on_socket_message(void *user, struct net_socket *socket, const struct net_message *m)
{
    (void)user;
    (void)socket;
    (void)m;
}

static void on_socket_close(void *user, struct net_socket *socket, int code)
{
    (void)user;
    assert_ptr_equal(socket, open_socket);
    assert_int_equal(net_socket_send_text(socket, "x", 1), FOV_ECLOSED);
    assert_null(net_socket_find(loop, net_socket_id(socket)));
    closed++;
    close_code = code;
}

static void hold_request(void *user, struct net_request *request)
{
    static const struct net_socket_ops ops = {.on_message = on_socket_message,
                                              .on_close = on_socket_close};
    static const struct net_socket_params params;
    (void)user;
    if (net_request_wants_socket(request)) {
        open_socket = net_upgrade(request, &params, &ops, NULL);
        assert_non_null(open_socket);
        assert_ptr_equal(net_socket_find(loop, net_socket_id(open_socket)), open_socket);
        assert_null(net_request_find(loop, net_socket_id(open_socket)));
        return;
    }
    pending_id = net_request_id(request);
    net_request_on_gone(request, on_gone, NULL);
}

static void answer_pending(void *arg)
{
    (void)arg;
    struct net_request *request = net_request_find(loop, pending_id);
    assert_non_null(request);
    net_reply(request, 200, NULL, "late", 4);
    assert_null(net_request_find(loop, pending_id));
}

static int connect_and_send(uint16_t port, const char *text)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
    assert_int_equal(send(fd, text, strlen(text), 0), (ssize_t)strlen(text));
    return fd;
}

static const char plain[] = "GET /wait HTTP/1.1\r\nHost: h\r\n\r\n";
static const char upgrade[] = "GET /ws HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\n"
                              "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                              "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

/* A stop while a request is pending: it is still answered, then all ends long before the drain. */
static void test_stop_waits_for_answers(void **state)
{
    uint16_t port;
    char answer[2048];
    (void)state;
    gone = closed = 0;
    make_loop(hold_request, 4000);
    assert_int_equal(net_loop_listen(loop, "127.0.0.1", 0, NULL, &port, NULL), FOV_OK);
    int fd = connect_and_send(port, plain);
    net_timer_start(loop, 50, false, stop_loop, NULL);
    net_timer_start(loop, 150, false, answer_pending, NULL);
    int64_t start = clock_now_ns();
    net_loop_run(loop);
    int64_t took = clock_now_ns() - start;
    assert_true(took >= 139 * NS_PER_MS && took < 3000 * NS_PER_MS);
    ssize_t n = recv(fd, answer, sizeof(answer) - 1, 0);
    assert_true(n > 0);
    answer[n] = 0;
    assert_non_null(strstr(answer, "Connection: close"));
    assert_non_null(strstr(answer, "late"));
    assert_int_equal(gone, 0);
    close(fd);
    net_loop_destroy(&loop);
}

/* What is still open at the end gets its last callback, exactly once. */
static void test_destroy_closes_all(void **state)
{
    uint16_t port;
    char answer[2048];
    (void)state;
    gone = closed = 0;
    make_loop(hold_request, 100);
    assert_int_equal(net_loop_listen(loop, "127.0.0.1", 0, NULL, &port, NULL), FOV_OK);
    int waiting = connect_and_send(port, plain), socket = connect_and_send(port, upgrade);
    net_timer_start(loop, 100, false, stop_loop, NULL);
    net_loop_run(loop);
    assert_true(net_loop_stopping(loop));
    net_loop_destroy(&loop);
    assert_int_equal(gone, 1);
    assert_int_equal(closed, 1);
    assert_int_equal(close_code, 1001);
    ssize_t n = recv(socket, answer, sizeof(answer) - 1, MSG_WAITALL);
    assert_true(n > 0);
    answer[n] = 0;
    assert_non_null(strstr(answer, "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
    assert_non_null(memmem(answer, (size_t)n, "\x03\xe9", 2)); /* 1001 */
    close(waiting);
    close(socket);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_posts),
        cmocka_unit_test(test_posts_run_at_destroy),
        cmocka_unit_test(test_timers),
        cmocka_unit_test(test_listen),
        cmocka_unit_test(test_params),
        cmocka_unit_test(test_blobs),
        cmocka_unit_test(test_stop_waits_for_answers),
        cmocka_unit_test(test_destroy_closes_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
