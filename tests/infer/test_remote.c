/* The remote backend against a server on this machine: values, deadlines, cancelling, servers that
 * go and come back. Skipped where there is no libcurl. */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include <fovea/backend.h>

#include "base/clock.h"
#include "tiny_server.h"

struct bed {
    struct tiny_server *server;
    const fov_backend *backend;
    void *model, *runner;
    fov_tensor in[FOV_MODEL_INPUTS], out[FOV_MODEL_OUTPUTS];
    fov_error error;
    fov_status status;
};

static const fov_backend *remote(void)
{
    for (size_t i = 0; fov_backend_at(i); i++)
        if (!strcmp(fov_backend_at(i)->name, "remote"))
            return fov_backend_at(i);
    return NULL;
}

static fov_status load(struct bed *b, const char *model, fov_hint hint)
{
    char path[64];
    snprintf(path, sizeof path, "oip://127.0.0.1:%d/%s", tiny_port(b->server), model);
    fov_model_params params = {.path = path, .hint = hint, .runners = 3};
    b->error.message[0] = '\0';
    return b->backend->load(&params, &b->model, &b->error);
}

static int open_bed(void **state)
{
    struct bed *b = calloc(1, sizeof *b);
    static fov_backend_probe probe;
    *state = b;
    if (b)
        b->backend = remote();
    if (!b || !b->backend)
        return -1;
    b->backend->probe(NULL, &probe);
    if (!probe.available)
        return 0;
    b->server = tiny_start(0);
    if (load(b, "m", FOV_HINT_LATENCY) != FOV_OK)
        return -1;
    if (b->backend->runner_open(b->model, &b->runner, &b->error) != FOV_OK)
        return -1;
    b->backend->inputs(b->runner, b->in);
    return 0;
}

static int close_bed(void **state)
{
    struct bed *b = *state;
    if (b->runner)
        b->backend->runner_close(b->runner);
    if (b->model)
        b->backend->unload(b->model);
    if (b->server)
        tiny_stop(&b->server);
    free(b);
    return 0;
}

static struct bed *ready(void **state)
{
    struct bed *b = *state;
    if (!b->server) {
        print_message("SKIP: no libcurl on this machine\n");
        skip();
    }
    return b;
}

static fov_status run(struct bed *b)
{
    b->error.message[0] = '\0';
    return b->backend->run(b->runner, b->out, &b->error);
}

/* A run with numbers of its own, whose result must be made of them. */
static void expect_a_good_run(struct bed *b, int number)
{
    uint8_t *x = b->in[0].data;
    int64_t *n = b->in[1].data;
    for (int i = 0; i < 75; i++)
        x[i] = (uint8_t)(i + number);
    n[0] = number;
    n[1] = -number;
    if (run(b) != FOV_OK)
        fail_msg("%s", b->error.message);
    const uint8_t *first = b->out[0].data;
    const float *second = b->out[1].data;
    assert_int_equal((uintptr_t)second % sizeof *second, 0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(first[i], (uint8_t)(i + number));
    assert_float_equal(second[0], (uint8_t)(74 + number), 0);
    assert_float_equal(second[1], number, 0);
    assert_float_equal(second[2], -number, 0);
    assert_float_equal(second[3], 0.5, 0);
}

static void the_model_is_described(void **state)
{
    struct bed *b = ready(state);
    fov_backend_model about;
    b->backend->describe(b->model, &about);
    assert_string_equal(about.version, "tiny 1");
    assert_int_equal(about.input_count, 2);
    assert_int_equal(about.output_count, 2);
    assert_int_equal(about.outputs[1].shape[0], 1); /* was open, two runs agreed */
    assert_int_equal(about.max_runners, 1);
    assert_int_equal((uintptr_t)b->in[0].data % 64, 0);
    assert_int_equal((uintptr_t)b->in[1].data % 64, 0);
    b->backend->unload(b->model);
    assert_int_equal(load(b, "m", FOV_HINT_THROUGHPUT), FOV_OK);
    b->backend->describe(b->model, &about);
    assert_int_equal(about.max_runners, 3);
}

static void one_connection_serves_a_runner(void **state)
{
    struct bed *b = ready(state);
    expect_a_good_run(b, 1);
    int connections = tiny_connections(b->server);
    const void *at = b->out[1].data;
    for (int i = 0; i < 50; i++)
        expect_a_good_run(b, i);
    assert_int_equal(tiny_connections(b->server), connections);
    assert_ptr_equal(b->out[1].data, at);
}

static void an_unknown_model_is_named_by_the_server(void **state)
{
    struct bed *b = ready(state);
    void *model = b->model;
    assert_int_equal(load(b, "other", FOV_HINT_LATENCY), FOV_ENOTFOUND);
    assert_non_null(strstr(b->error.message, "404: no such model"));
    b->model = model;
}

/* The server never answers: only the limit ends the run, and not before its time. */
static void a_limit_ends_the_run(void **state)
{
    struct bed *b = ready(state);
    static const enum tiny_mode modes[] = {TINY_HOLD, TINY_HALF};
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        tiny_set(b->server, modes[i]);
        int64_t start = clock_now_ns(), until = start + 60 * NS_PER_MS;
        b->backend->limit(b->runner, until);
        assert_int_equal(run(b), FOV_ETIMEOUT);
        assert_true(clock_now_ns() >= until);
        assert_true(clock_now_ns() < start + 4 * NS_PER_S); /* 5 s without a limit */
        tiny_set(b->server, TINY_GOOD);
        expect_a_good_run(b, 7);
    }
}

static void too_late_a_run_is_not_sent(void **state)
{
    struct bed *b = ready(state);
    int before = tiny_inferences(b->server);
    b->backend->limit(b->runner, clock_now_ns() - 1);
    assert_int_equal(run(b), FOV_ETIMEOUT);
    assert_int_equal(tiny_inferences(b->server), before);
    expect_a_good_run(b, 3); /* the limit was that run's only */
}

static void *run_on_a_thread(void *arg)
{
    struct bed *b = arg;
    b->status = run(b);
    return NULL;
}

static void a_run_can_be_cancelled(void **state)
{
    struct bed *b = ready(state);
    pthread_t thread;
    int before = tiny_inferences(b->server);
    b->backend->cancel(b->runner); /* without a run: nothing */
    expect_a_good_run(b, 1);
    tiny_set(b->server, TINY_HOLD);
    int64_t start = clock_now_ns();
    assert_int_equal(pthread_create(&thread, NULL, run_on_a_thread, b), 0);
    while (tiny_inferences(b->server) < before + 2)
        usleep(1000);
    b->backend->cancel(b->runner);
    pthread_join(thread, NULL);
    assert_int_equal(b->status, FOV_EINFER);
    assert_non_null(strstr(b->error.message, "cancelled"));
    assert_true(clock_now_ns() < start + 4 * NS_PER_S);
    tiny_set(b->server, TINY_GOOD);
    expect_a_good_run(b, 2);
}

static void a_server_may_go_and_come_back(void **state)
{
    struct bed *b = ready(state);
    int port = tiny_port(b->server);
    expect_a_good_run(b, 1);
    tiny_stop(&b->server);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(run(b), FOV_EINFER);
        assert_non_null(strstr(b->error.message, "no connection"));
        assert_non_null(strstr(b->error.message, "127.0.0.1"));
    }
    b->server = tiny_start(port);
    expect_a_good_run(b, 2);
}

static void a_server_may_die_in_the_middle(void **state)
{
    struct bed *b = ready(state);
    static const enum tiny_mode modes[] = {TINY_HOLD, TINY_HALF};
    int port = tiny_port(b->server);
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        pthread_t thread;
        expect_a_good_run(b, 1);
        int before = tiny_inferences(b->server);
        tiny_set(b->server, modes[i]);
        assert_int_equal(pthread_create(&thread, NULL, run_on_a_thread, b), 0);
        while (tiny_inferences(b->server) == before)
            usleep(1000);
        tiny_stop(&b->server);
        pthread_join(thread, NULL);
        assert_int_equal(b->status, FOV_EINFER);
        b->server = tiny_start(port);
        expect_a_good_run(b, 2);
    }
}

/* Servers end idle connections when they like; that is no failure of a run. */
static void closed_connections_are_made_again(void **state)
{
    struct bed *b = ready(state);
    tiny_set(b->server, TINY_CLOSE);
    for (int i = 0; i < 5; i++) {
        expect_a_good_run(b, i);
        usleep(20000);
    }
}

static void proxies_of_the_environment_are_ignored(void **state)
{
    struct bed *b = ready(state);
    static const char *const names[] = {"http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"};
    for (size_t i = 0; i < 4; i++)
        setenv(names[i], "http://127.0.0.1:1", 1);
    b->backend->unload(b->model);
    fov_status status = load(b, "m", FOV_HINT_LATENCY);
    for (size_t i = 0; i < 4; i++)
        unsetenv(names[i]);
    assert_int_equal(status, FOV_OK);
}

struct worker {
    struct bed bed;
    pthread_t thread;
};

static void *run_often(void *arg)
{
    struct bed *b = arg;
    for (int i = 0; i < 100 && !b->status; i++)
        b->status = run(b);
    return NULL;
}

static void runners_work_side_by_side(void **state)
{
    struct bed *b = ready(state);
    static struct worker workers[3];
    for (int i = 0; i < 3; i++) {
        workers[i].bed = *b;
        assert_int_equal(b->backend->runner_open(b->model, &workers[i].bed.runner, &b->error),
                         FOV_OK);
        b->backend->inputs(workers[i].bed.runner, workers[i].bed.in);
        memset(workers[i].bed.in[0].data, i + 1, 75);
    }
    for (int i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&workers[i].thread, NULL, run_often, &workers[i].bed), 0);
    for (int i = 0; i < 3; i++) {
        pthread_join(workers[i].thread, NULL);
        assert_int_equal(workers[i].bed.status, FOV_OK);
        assert_int_equal(*(uint8_t *)workers[i].bed.out[0].data, i + 1);
        b->backend->runner_close(workers[i].bed.runner);
    }
}

/* SIGPIPE is the program's own business: it is neither raised nor left blocked. */
static void signals_are_left_alone(void **state)
{
    struct bed *b = ready(state);
    sigset_t before, after;
    pthread_sigmask(SIG_SETMASK, NULL, &before);
    expect_a_good_run(b, 1);
    tiny_stop(&b->server);
    assert_int_equal(run(b), FOV_EINFER);
    pthread_sigmask(SIG_SETMASK, NULL, &after);
    assert_int_equal(sigismember(&before, SIGPIPE), sigismember(&after, SIGPIPE));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, open_bed, close_bed)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(the_model_is_described),
        CASE(one_connection_serves_a_runner),
        CASE(an_unknown_model_is_named_by_the_server),
        CASE(a_limit_ends_the_run),
        CASE(too_late_a_run_is_not_sent),
        CASE(a_run_can_be_cancelled),
        CASE(a_server_may_go_and_come_back),
        CASE(a_server_may_die_in_the_middle),
        CASE(closed_connections_are_made_again),
        CASE(proxies_of_the_environment_are_ignored),
        CASE(runners_work_side_by_side),
        CASE(signals_are_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
