/* Live sources without a network: the life of a connection on a virtual clock, URLs, addresses, and
 * how a source ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <dlfcn.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "media/source_address.h"
#include "media/source_link.h"
#include "media/source_url.h"

#define MS INT64_C(1000000)
#define START (INT64_C(1000) * NS_PER_S)

/* Goes on to `to` in steps of 100 ms as the source does; returns when another step than waiting is
 * due. */
static enum link_step run_until(struct link *link, int64_t *now, int64_t to)
{
    int64_t until;
    for (; *now <= to; *now += 100 * MS) {
        enum link_step step = link_next(link, *now, &until);
        if (step != LINK_WAIT)
            return step;
        assert_true(until > *now);
    }
    return LINK_WAIT;
}

static struct link live_link(int64_t *now)
{
    struct link link;
    *now = START;
    link_start(&link, *now, 7);
    link_opening(&link, *now);
    for (int i = 0; i < 25; i++)
        link_picture(&link, *now += 40 * MS);
    assert_int_equal(link.phase, FOV_SOURCE_LIVE);
    return link;
}

/* ---- the life of a connection ---------------------------------------------------------------- */

static void test_connects(void **state)
{
    struct link link;
    int64_t until, now = START;
    (void)state;
    link_start(&link, now, 1);
    assert_int_equal(link.phase, FOV_SOURCE_CONNECTING);
    assert_int_equal(link_next(&link, now, &until), LINK_OPEN);
    link_opening(&link, now);
    assert_int_equal(run_until(&link, &now, START + LINK_OPEN_NS - 1), LINK_WAIT);
    link_picture(&link, now);
    assert_int_equal(link.phase, FOV_SOURCE_LIVE);
    assert_int_equal(link.since_ns, now);
    assert_int_equal(link.reconnects, 0);
}

static void test_opening_takes_too_long(void **state)
{
    struct link link;
    int64_t now = START;
    (void)state;
    link_start(&link, now, 1);
    link_opening(&link, now);
    assert_int_equal(run_until(&link, &now, START + 60 * NS_PER_S), LINK_CLOSE);
    assert_in_range(now - START, LINK_OPEN_NS, LINK_OPEN_NS + 100 * MS);
}

static void test_stall_is_noticed(void **state)
{
    int64_t now;
    struct link link = live_link(&now);
    int64_t last = now;
    (void)state;
    assert_int_equal(run_until(&link, &now, last + 1900 * MS), LINK_WAIT);
    assert_int_equal(link.phase, FOV_SOURCE_LIVE);
    run_until(&link, &now, last + 3000 * MS);
    assert_int_equal(link.phase, FOV_SOURCE_STALLED);
    assert_true(link.since_ns - last <= 3000 * MS);
    link_picture(&link, now); /* it was only slow */
    assert_int_equal(link.phase, FOV_SOURCE_LIVE);
    assert_int_equal(link.reconnects, 0);
    last = now;
    assert_int_equal(run_until(&link, &now, last + 60 * NS_PER_S), LINK_CLOSE);
    assert_true(now - last >= LINK_GIVE_UP_NS);
}

/* A camera of one picture in 5 s is not stalled between them, once that is known. */
static void test_slow_cameras(void **state)
{
    int64_t now = START, last;
    struct link link;
    (void)state;
    link_start(&link, now, 1);
    link_opening(&link, now);
    link_picture(&link, now);
    for (int i = 0; i < 10; i++) {
        last = now;
        enum link_step step = run_until(&link, &now, last + 4800 * MS);
        assert_int_equal(step, LINK_WAIT);
        if (i > 1)
            assert_int_equal(link.phase, FOV_SOURCE_LIVE);
        link_picture(&link, now);
    }
    last = now;
    run_until(&link, &now, last + 16 * NS_PER_S);
    assert_int_equal(link.phase, FOV_SOURCE_STALLED);
}

static void test_back_off_grows(void **state)
{
    int64_t now;
    struct link link = live_link(&now);
    int64_t waits[12];
    (void)state;
    for (int i = 0; i < 12; i++) {
        int64_t from = now;
        link_failed(&link, now, false);
        assert_int_equal(link.phase, FOV_SOURCE_BACKING_OFF);
        assert_int_equal(run_until(&link, &now, from + 60 * NS_PER_S), LINK_OPEN);
        waits[i] = link.open_ns - from;
        assert_in_range(waits[i], LINK_BACK_OFF_NS, LINK_BACK_OFF_MAX_NS);
        link_opening(&link, now);
    }
    assert_true(waits[0] <= 600 * MS);
    assert_true(waits[3] > 2 * waits[1]);
    assert_true(waits[11] >= 8 * NS_PER_S);
    link_picture(&link, now);
    assert_int_equal(link.reconnects, 1);
    link_failed(&link, now, false); /* it was live: the waits begin anew */
    assert_true(link.open_ns - now <= 600 * MS);
}

static void test_jitter_differs(void **state)
{
    struct link a, b;
    (void)state;
    link_start(&a, START, 1);
    link_start(&b, START, 99);
    for (int i = 0; i < 4; i++) {
        link_failed(&a, START, false);
        link_failed(&b, START, false);
    }
    assert_true(a.open_ns != b.open_ns);
}

/* The port is looked at every second, and the source opened at once when it answers. */
static void test_port_is_probed(void **state)
{
    int64_t now, probed = 0;
    struct link link = live_link(&now);
    (void)state;
    for (int i = 0; i < 6; i++) { /* far into the back-off */
        link_failed(&link, now, true);
        now = link.open_ns;
        link_opening(&link, now);
    }
    link_failed(&link, now, true);
    int64_t from = now;
    assert_true(link.open_ns - now > 7 * NS_PER_S);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(run_until(&link, &now, now + 2 * NS_PER_S), LINK_PROBE);
        if (probed)
            assert_in_range(now - probed, LINK_PROBE_NS, LINK_PROBE_NS + 100 * MS);
        probed = now;
        link_probed(&link, now, i == 4);
    }
    int64_t until;
    assert_int_equal(link_next(&link, now, &until), LINK_OPEN);
    assert_true(now - from < 6 * NS_PER_S);
    link_opening(&link, now);
    link_failed(&link, now, false); /* it answers, but has no stream yet: soon again */
    assert_true(link.open_ns - now <= 600 * MS);
    assert_int_equal(run_until(&link, &now, now + 590 * MS), LINK_OPEN);
}

/* A server that answers and refuses is not knocked at every second. */
static void test_no_probe_when_it_answers(void **state)
{
    int64_t now;
    struct link link = live_link(&now);
    (void)state;
    for (int i = 0; i < 8; i++)
        link_failed(&link, now, false);
    int64_t from = now;
    assert_int_equal(run_until(&link, &now, from + 7 * NS_PER_S), LINK_WAIT);
}

static void test_ended(void **state)
{
    int64_t now, until;
    struct link link = live_link(&now);
    (void)state;
    link_ended(&link, now);
    assert_int_equal(link_next(&link, now + 100 * NS_PER_S, &until), LINK_WAIT);
    assert_int_equal(link.phase, FOV_SOURCE_ENDED);
}

/* Any order of events keeps the times in their bounds. */
static void test_random_events(void **state)
{
    struct link link;
    uint32_t random = 5;
    int64_t now = START, until;
    (void)state;
    link_start(&link, now, 3);
    for (int i = 0; i < 200000; i++) {
        random = random * 1664525u + 1013904223u;
        now += (random >> 8) % (700 * MS);
        enum link_step step = link_next(&link, now, &until);
        if (step == LINK_OPEN)
            link_opening(&link, now);
        else if (step == LINK_CLOSE)
            link_failed(&link, now, random >> 31);
        else if (step == LINK_PROBE)
            link_probed(&link, now, (random >> 30) == 3);
        else if (link.phase <= FOV_SOURCE_STALLED && random >> 30)
            link_picture(&link, now);
        else if (link.phase <= FOV_SOURCE_STALLED)
            link_failed(&link, now, random >> 31);
        if (link.phase == FOV_SOURCE_BACKING_OFF)
            assert_true(link.open_ns - now <= LINK_BACK_OFF_MAX_NS);
        assert_true(link.since_ns <= now && link.phase != FOV_SOURCE_ENDED);
    }
}

/* ---- URLs ------------------------------------------------------------------------------------ */

static void test_urls(void **state)
{
    struct source_url u;
    char text[256];
    (void)state;
    assert_int_equal(source_url_parse(&u, "RTSP://a:b@Cam.Example:8554/x?y=1#z", NULL), FOV_OK);
    assert_string_equal(u.scheme, "rtsp");
    assert_string_equal(u.user, "a:b");
    assert_string_equal(u.host, "cam.example");
    assert_int_equal(u.port, 8554);
    assert_string_equal(u.rest, "/x?y=1");
    assert_true(source_url_write(&u, "10.0.0.7", true, text, sizeof text));
    assert_string_equal(text, "rtsp://a:b@10.0.0.7:8554/x?y=1");
    assert_true(source_url_write(&u, "fe80::1", false, text, sizeof text));
    assert_string_equal(text, "rtsp://[fe80::1]:8554/x?y=1");
    assert_int_equal(source_url_parse(&u, "https://[2001:db8::1]/", NULL), FOV_OK);
    assert_string_equal(u.host, "2001:db8::1");
    assert_int_equal(u.port, 443);
    assert_int_equal(source_url_parse(&u, "http://good@evil@host", NULL), FOV_OK);
    assert_string_equal(u.host, "host"); /* as browsers and libcurl read it */
    assert_int_equal(source_url_parse(&u, "rtsp://c/x?a=1&transport=udp&b=2", NULL), FOV_OK);
    assert_true(source_url_take(&u, "transport", text, sizeof text));
    assert_string_equal(text, "udp");
    assert_string_equal(u.rest, "/x?a=1&b=2");
    assert_false(source_url_take(&u, "transport", text, sizeof text));
    assert_int_equal(source_url_parse(&u, "rtsp://c/x?transport=tcp", NULL), FOV_OK);
    assert_true(source_url_take(&u, "transport", text, sizeof text));
    assert_string_equal(u.rest, "/x");
}

static void test_bad_urls(void **state)
{
    static const char *const bad[] = {"",
                                      "rtsp:/x",
                                      "rtsp://",
                                      "rtsp:///x",
                                      "rtsp://h:0/",
                                      "rtsp://h:65536/",
                                      "rtsp://h:80x/",
                                      "rtsp://[::1/",
                                      "rtsp://[::1]x/",
                                      "rtsp://a b/",
                                      "rtsp://h/\r\nHost: x",
                                      "http://good\\@evil/",
                                      "http://h/\\..\\x",
                                      "file:///etc/passwd",
                                      "ftp://h/x",
                                      "gopher://h/",
                                      "concat://x",
                                      "http://h_<x>/"};
    struct source_url u;
    char longer[URL_MAX + 64];
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (source_url_parse(&u, bad[i], NULL) == FOV_OK)
            fail_msg("taken: %s", bad[i]);
    memset(longer, 'a', sizeof longer);
    memcpy(longer, "http://h/", 9);
    longer[sizeof longer - 1] = '\0';
    assert_int_equal(source_url_parse(&u, longer, NULL), FOV_EINVAL);
}

static void test_redacted(void **state)
{
    static const char *const cases[][2] = {
        {"rtsp://u:p@h/x", "rtsp://u:***@h/x"},
        {"rtsp://h/x", "rtsp://h/x"},
        {"rtsp://u:p@q@h/x", "rtsp://u:***@h/x"},
        {"rtsp://u@h/x:y@z", "rtsp://u@h/x:y@z"},
        {"clips/a:b@c.mp4", "clips/a:b@c.mp4"},
        {"http://:p@h", "http://:***@h"},
        {"http://h/v?token=x&a=1", "http://h/v?***"},
        {"http://u:p@h?x#y", "http://u:***@h?***"},
        {"rtsp://cam/user=admin&password=x&channel=1",
         "rtsp://cam/user=admin&password=***&channel=1"},
        {"rtsp://cam/user=admin_passwd=x_1/live;ACCESS_TOKEN=y;a=b",
         "rtsp://cam/user=admin_passwd=***/live;ACCESS_TOKEN=***;a=b"},
        {"rtsp://cam/pwd=x=y/keys/1", "rtsp://cam/pwd=***/keys/1"},
        {"clips/key=1?2.mp4", "clips/key=1?2.mp4"}};
    char text[128];
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fov_source_redact(text, sizeof text, cases[i][0]);
        assert_string_equal(text, cases[i][1]);
    }
}

/* ---- addresses ------------------------------------------------------------------------------- */

static bool refused(const char *text)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    if (inet_pton(AF_INET, text, &v4.sin_addr) == 1)
        return source_address_refused((struct sockaddr *)&v4) != NULL;
    assert_int_equal(inet_pton(AF_INET6, text, &v6.sin6_addr), 1);
    return source_address_refused((struct sockaddr *)&v6) != NULL;
}

static void test_addresses(void **state)
{
    static const char *const bad[] = {"127.0.0.1",
                                      "127.8.8.8",
                                      "0.0.0.0",
                                      "169.254.169.254",
                                      "169.254.0.1",
                                      "100.100.100.200",
                                      "224.0.0.1",
                                      "255.255.255.255",
                                      "::1",
                                      "::",
                                      "fe80::1",
                                      "fd00:ec2::254",
                                      "ff02::1",
                                      "::ffff:127.0.0.1",
                                      "::ffff:169.254.169.254",
                                      "64:ff9b::a9fe:a9fe",
                                      "168.63.129.16",
                                      "192.0.0.192",
                                      "::ffff:0:127.0.0.1",
                                      "64:ff9b:1::a9fe:a9fe",
                                      "64:ff9b:1:a9fe:a9:fe00::",
                                      "2002:7f00:1::1",
                                      "2002:a9fe:a9fe::"};
    static const char *const good[] = {
        "10.0.0.7",   "192.168.1.20", "172.16.0.1",    "93.184.216.34", "2001:db8::1",   "fd12::7",
        "100.64.0.1", "192.0.2.1",    "168.63.129.17", "2002:a00:7::1", "64:ff9b::a00:7"};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (!refused(bad[i]))
            fail_msg("allowed: %s", bad[i]);
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        if (refused(good[i]))
            fail_msg("refused: %s", good[i]);
}

/* Only what is written decides whether a certificate is asked for. */
static void test_private_hosts(void **state)
{
    static const char *const own[] = {"10.0.0.7",  "127.0.0.1",    "192.168.1.2",   "172.31.0.1",
                                      "::1",       "fe80::1%eth0", "fd12::7",       "localhost",
                                      "camera-17", "hall.local",   "hall.home.lan", "169.254.1.1"};
    static const char *const others[] = {
        "93.184.216.34", "172.32.0.1", "2001:db8::1", "cam.example", "a.local.example",
        "cam.notlan",    "10.0.0.7.",  "134744072",   "10.1",        ".lan"};
    (void)state;
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (!source_host_private(own[i]))
            fail_msg("somebody else's: %s", own[i]);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (source_host_private(others[i]))
            fail_msg("private: %s", others[i]);
}

/* A password is not sent to whoever shows any certificate. */
static void test_passwords_over_unverified_tls(void **state)
{
    static const struct {
        const char *url;
        bool taken;
    } cases[] = {{"rtsps://u:secret@192.0.2.1:1/x", false},
                 {"rtmps://u:secret@cam.example/x", false},
                 {"rtsps://192.0.2.1:1/x", true},
                 {"rtsps://u:secret@127.0.0.1:1/x", true},
                 {"rtmps://u:secret@cam.lan:1/x", true}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fov_source *source = NULL;
        fov_error error = {0};
        fov_source_params params = {.url = cases[i].url};
        fov_status status = fov_source_open(&source, &params, &error);
        fov_source_close(&source);
        if (status == FOV_ERUNTIME)
            skip();
        assert_int_equal(status, cases[i].taken ? FOV_OK : FOV_EDENIED);
        assert_null(strstr(error.message, "secret"));
    }
}

static bool never(void *user)
{
    (void)user;
    return false;
}

static void test_resolving(void **state)
{
    struct source_resolving *job = NULL;
    struct source_address found[4];
    fov_error error = {0};
    (void)state;
    assert_int_equal(
        source_resolve(&job, "127.0.0.1", 80, GUARD_NAMES, never, NULL, found, 4, &error), 1);
    assert_string_equal(found[0].text, "127.0.0.1");
    assert_int_equal(
        source_resolve(&job, "127.0.0.1", 80, GUARD_ALL, never, NULL, found, 4, &error), 0);
    assert_int_equal(error.status, FOV_EDENIED);
    assert_int_equal(
        source_resolve(&job, "nothing.invalid", 80, GUARD_NONE, never, NULL, found, 4, &error), 0);
    assert_int_equal(error.status, FOV_ENOTFOUND);
    source_resolve_forget(&job);
}

/* A name service that does not answer: stands in front of the C library's function. */
static _Atomic int looking_up, most_looking_up;

int getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
                struct addrinfo **found)
{
    int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
    if (strcmp(host, "hanging.test") == 0) {
        if (++looking_up > most_looking_up)
            most_looking_up = looking_up;
        usleep(2500000);
        looking_up--;
        return EAI_AGAIN;
    }
    *(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
    return real(host, service, hints, found);
}

/* The wall clock, which may be ahead: somebody sets it back right after it was read. */
static time_t wall_ahead_s;

int clock_gettime(clockid_t clock, struct timespec *at)
{
    long code = syscall(SYS_clock_gettime, clock, at);
    if (clock == CLOCK_REALTIME)
        at->tv_sec += wall_ahead_s;
    return (int)code;
}

static bool at_once(void *user)
{
    (void)user;
    return true;
}

static void test_resolving_when_the_clock_is_set_back(void **state)
{
    struct source_resolving *job = NULL;
    struct source_address found[4];
    fov_error error = {0};
    (void)state;
    wall_ahead_s = 3600;
    int64_t start = clock_now_ns();
    int count = source_resolve(&job, "hanging.test", 80, GUARD_NONE, at_once, NULL, found, 4,
                               &error);
    wall_ahead_s = 0;
    source_resolve_forget(&job);
    assert_int_equal(count, 0);
    assert_int_equal(error.status, FOV_ECLOSED);
    assert_true(clock_now_ns() - start < 500 * MS);
}

/* ---- a source -------------------------------------------------------------------------------- */

static void test_unreachable(void **state)
{
    fov_frame_pool *pool;
    fov_source *source;
    fov_frame *frame;
    fov_error error = {0};
    fov_source_state told;
    fov_source_params params = {.url = "rtsp://user:secret@127.0.0.1:1/x"};
    (void)state;
    fov_status status = fov_source_open(&source, &params, &error);
    if (status == FOV_ERUNTIME)
        skip();
    assert_int_equal(status, FOV_OK);
    assert_true(fov_source_get_info(source)->live);
    assert_int_equal(fov_frame_pool_create(&pool, NULL, NULL), FOV_OK);
    assert_int_equal(fov_source_read(source, pool, &frame, NULL, &error), FOV_EIO);
    assert_non_null(strstr(error.message, "nothing answers"));
    assert_null(strstr(error.message, "secret"));
    fov_source_get_state(source, &told);
    assert_int_equal(told.phase, FOV_SOURCE_ENDED);
    fov_source_close(&source);
    fov_frame_pool_destroy(&pool);
}

/* A patient one goes on; interrupted it ends within half a second. */
static void test_interrupted(void **state)
{
    static const char *const urls[] = {"rtsp://10.255.255.1/x",  "http://10.255.255.1/x",
                                       "rtmp://127.0.0.1:1/a/b", "/dev/video99",
                                       "rtsp://hanging.test/x",  "http://hanging.test/x"};
    (void)state;
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
        fov_source *source;
        fov_source_state told;
        fov_source_params params = {.url = urls[i], .patient = true};
        if (fov_source_open(&source, &params, NULL) == FOV_ERUNTIME)
            skip();
        usleep(150000);
        fov_source_get_state(source, &told);
        assert_int_not_equal(told.phase, FOV_SOURCE_ENDED);
        int64_t start = clock_now_ns();
        fov_source_interrupt(source);
        fov_source_close(&source);
        if (clock_now_ns() - start > 500 * MS)
            fail_msg("%s: %lld ms", urls[i], (long long)((clock_now_ns() - start) / MS));
    }
    assert_in_range(most_looking_up, 1, 2); /* one for each source, left behind */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_connects),
        cmocka_unit_test(test_opening_takes_too_long),
        cmocka_unit_test(test_stall_is_noticed),
        cmocka_unit_test(test_slow_cameras),
        cmocka_unit_test(test_back_off_grows),
        cmocka_unit_test(test_jitter_differs),
        cmocka_unit_test(test_port_is_probed),
        cmocka_unit_test(test_no_probe_when_it_answers),
        cmocka_unit_test(test_ended),
        cmocka_unit_test(test_random_events),
        cmocka_unit_test(test_urls),
        cmocka_unit_test(test_bad_urls),
        cmocka_unit_test(test_redacted),
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_private_hosts),
        cmocka_unit_test(test_passwords_over_unverified_tls),
        cmocka_unit_test(test_resolving),
        cmocka_unit_test(test_unreachable),
        cmocka_unit_test(test_interrupted),
        cmocka_unit_test(test_resolving_when_the_clock_is_set_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
