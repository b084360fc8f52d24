/* Wires the server: listening, access control, parts, the model, signals, the end. */
#include "serve/server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/text.h"
#include "serve/auth.h"
#include "serve/gate.h"
#include "serve/lan.h"
#include "serve/pages.h"
#include "serve/sources.h"

extern char **environ;

enum { TICK_MS = 500, DRAIN_MS = 4000, DEMO_PORTS = 20 };

static const struct serve_part *const parts[] = {
    &alerts_part, /* first: the others' streams raise alerts until they are stopped */
    &frames_part, &rooms_part, &models_part, &hazard_part, &recordings_part};
enum { PART_COUNT = sizeof parts / sizeof *parts };

/* ---- signals ------------------------------------------------------------------------------------
 */

static struct net_loop *signalled_loop;
static atomic_bool reload_wanted;

static void on_stop_signal(int number)
{
    (void)number;
    if (signalled_loop)
        net_loop_stop(signalled_loop);
}

static void on_reload_signal(int number)
{
    (void)number;
    atomic_store(&reload_wanted, true);
}

static void set_signals(struct net_loop *loop)
{
    struct sigaction stop = {.sa_handler = on_stop_signal};
    struct sigaction reload = {.sa_handler = on_reload_signal, .sa_flags = SA_RESTART};
    signalled_loop = loop;
    sigaction(SIGTERM, &stop, NULL);
    sigaction(SIGINT, &stop, NULL);
    sigaction(SIGHUP, &reload, NULL);
}

static void reset_signals(void)
{
    struct sigaction plain = {.sa_handler = SIG_DFL};
    sigaction(SIGTERM, &plain, NULL);
    sigaction(SIGINT, &plain, NULL);
    sigaction(SIGHUP, &plain, NULL);
    signalled_loop = NULL;
}

/* ---- requests -----------------------------------------------------------------------------------
 */

static void on_head(void *user, struct net_request *request)
{
    struct exchange x;
    gate_pass(&x, user, request, true);
}

static void on_request(void *user, struct net_request *request)
{
    struct exchange x;
    if (gate_pass(&x, user, request, false))
        x.route->handler(&x);
}

/* ---- settings -----------------------------------------------------------------------------------
 */

static void report(void *user, bool fatal, const char *text)
{
    (void)user;
    fov_log(fatal ? FOV_LOG_ERROR : FOV_LOG_WARN, "settings", "%s", text);
}

static fov_status read_settings(const struct serve_options *o, struct settings **settings,
                                fov_error *error)
{
    return settings_load(settings, o->config, environ, o->overrides, o->override_count, report,
                         NULL, error);
}

/* Whole or not at all: a file with mistakes changes nothing. */
static void reload(struct server *server)
{
    struct server_private *own = server->own;
    struct settings *fresh;
    fov_error error = {0};
    if (own->tls && net_tls_reload(own->tls, &error) != FOV_OK)
        fov_log(FOV_LOG_ERROR, "serve", "the old certificate stays: %s", error.message);
    if (read_settings(own->options, &fresh, &error) != FOV_OK) {
        fov_log(FOV_LOG_ERROR, "serve", "the settings stay as they were: %s", error.message);
        return;
    }
    struct settings **retired = realloc(own->retired,
                                        (own->retired_count + 1) * sizeof *own->retired);
    if (!retired) {
        settings_free(&fresh);
        return;
    }
    settings_keep_fixed(fresh, server->settings, report, NULL);
    own->retired = retired;
    own->retired[own->retired_count++] = fresh;
    server->settings = fresh;
    auth_set_token_file(server->auth, fresh->server.token_file);
    auth_refresh(server->auth, true);
    for (size_t i = 0; i < PART_COUNT; i++)
        if (parts[i]->reloaded)
            parts[i]->reloaded(server);
    fov_log(FOV_LOG_INFO, "serve", "settings read again");
}

static void tick(void *arg)
{
    struct server *server = arg;
    auth_refresh(server->auth, false);
    guards_check(server);
    if (atomic_exchange(&reload_wanted, false))
        reload(server);
    if (++server->own->ticks % (1000 / TICK_MS) != 0)
        return;
    for (size_t i = 0; i < PART_COUNT; i++)
        if (parts[i]->tick)
            parts[i]->tick(server);
}

/* ---- the demo
 * ------------------------------------------------------------------------------------ */

static void start_demo(struct server *server)
{
    struct room_source source = {
        .room = "demo", .kind = "demo", .loop = true, .max_latency_ms = -1};
    fov_error error = {0};
    char url[1024], id[80];
    if (!source_url(server->settings, "demo:", url, sizeof url))
        return;
    source.source = url;
    if (rooms_start_source(server, &source, id, sizeof id, &error) != FOV_OK)
        fov_log(FOV_LOG_ERROR, "serve", "the demo cannot start: %s", error.message);
}

static void end_demo(void *arg)
{
    struct server *server = arg;
    uint64_t detections = rooms_detections(server);
    server->own->demo_end = NULL; /* a single shot frees itself */
    server->own->demo_failed = detections == 0;
    fov_log(FOV_LOG_INFO, "serve", "demo: %llu detections delivered",
            (unsigned long long)detections);
    net_loop_stop(server->loop);
}

static void time_demo(struct server *server)
{
    const char *text = getenv("FOVEA_DEMO_SECONDS");
    double seconds;
    if (!server->demo || !text || !*text)
        return;
    if (!text_to_double(text, 0.1, 86400, &seconds)) {
        fov_log(FOV_LOG_WARN, "serve", "FOVEA_DEMO_SECONDS: '%.20s' is no number of seconds", text);
        return;
    }
    server->own->demo_end = net_timer_start(server->loop, (unsigned)(seconds * 1000), false,
                                            end_demo, server);
}

void server_model_loaded(struct server *server, fov_workers *workers, const fov_error *error)
{
    if (!workers) {
        server->model_state = MODEL_MISSING;
        text_copy(server->model_problem, sizeof server->model_problem, error->message);
        fov_log(FOV_LOG_ERROR, "serve", "no model: %s; pages are served, frames get 503",
                error->message);
        return;
    }
    server->workers = workers;
    server->model_state = MODEL_READY;
    fov_log(FOV_LOG_INFO, "serve", "ready %.0f ms after the start",
            ns_to_ms(clock_now_ns() - server->started_ns));
    for (size_t i = 0; i < PART_COUNT && !net_loop_stopping(server->loop); i++)
        if (parts[i]->ready)
            parts[i]->ready(server);
    if (server->demo && !net_loop_stopping(server->loop))
        start_demo(server);
}

/* ---- listening
 * ----------------------------------------------------------------------------------- */

static bool is_loopback(const char *host)
{
    struct in_addr v4;
    struct in6_addr v6;
    if (strcmp(host, "localhost") == 0)
        return true;
    if (inet_pton(AF_INET, host, &v4) == 1)
        return ntohl(v4.s_addr) >> 24 == 127;
    return inet_pton(AF_INET6, host, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

static fov_status make_loop(struct server *server, fov_error *error)
{
    const struct settings *s = server->settings;
    const struct net_header headers[] = {
        {"Content-Security-Policy", pages_policy},
        {"X-Content-Type-Options", "nosniff"},
        {"X-Frame-Options", "DENY"},
        {"Referrer-Policy", "same-origin"}, /* with no-referrer, forms send `Origin: null` */
        {"Cross-Origin-Opener-Policy", "same-origin"},
        {"Cross-Origin-Resource-Policy", "same-origin"},
        {"Permissions-Policy", "camera=(self), microphone=(), geolocation=()"},
        {"Cache-Control", "no-store"},
    };
    struct net_params params = {
        .on_request = on_request,
        .on_head = on_head,
        .user = server,
        .drain_ms = DRAIN_MS,
        .trusted_proxies = s->server.trusted_proxies.items,
        .trusted_proxies_len = s->server.trusted_proxies.count,
        .default_headers = headers,
        .default_headers_len = sizeof headers / sizeof *headers,
    };
    return net_loop_create(&server->loop, &params, error);
}

/* Own certificate, or with --lan one of the local CA. */
static fov_status make_tls(struct server *server, const char *folder, fov_error *error)
{
    const struct settings *s = server->settings;
    if (s->server.tls_cert)
        return net_tls_create(&server->own->tls, s->server.tls_cert, s->server.tls_key, error);
    return server->lan ? lan_make_tls(server, folder, &server->own->tls, error) : FOV_OK;
}

static fov_status listen_on(struct server *server, const char *host, fov_error *error)
{
    int port = server->settings->server.port, tries = server->demo && port > 0 ? DEMO_PORTS : 1;
    fov_status status = FOV_EEXISTS;
    for (int i = 0; status == FOV_EEXISTS && i < tries && port + i <= 65535; i++)
        status = net_loop_listen(server->loop, host, (uint16_t)(port + i), server->own->tls,
                                 &server->port, error);
    if (status == FOV_EEXISTS)
        return fov_fail(error, status,
                        "port %d is in use (perhaps by another fovea): --port N takes another, "
                        "--port 0 a free one",
                        port);
    return status;
}

static void name_origin(struct server *server, const char *host)
{
    bool any = host[0] == '\0' || strcmp(host, "0.0.0.0") == 0 || strcmp(host, "::") == 0;
    bool v6 = !any && strchr(host, ':');
    snprintf(server->origin, sizeof server->origin, "http%s://%s%.60s%s:%u", server->tls ? "s" : "",
             v6 ? "[" : "", any ? "127.0.0.1" : host, v6 ? "]" : "", server->port);
    if (server->lan)
        lan_url(server, server->lan_url, sizeof server->lan_url);
}

/* ---- access control
 * ------------------------------------------------------------------------------ */

static fov_status make_auth(struct server *server, const char *host, const char *folder,
                            fov_error *error)
{
    const struct settings *s = server->settings;
    bool off = server->own->options->no_auth || s->server.auth == AUTH_OFF;
    bool local = is_loopback(host);
    if (off && !local)
        return fov_fail(
            error, FOV_EINVAL,
            "access control cannot be off on %s: leave out --no-auth (server.auth: off), "
            "or listen on 127.0.0.1",
            host[0] ? host : "all addresses");
    bool on = !off && (s->server.auth == AUTH_ON || !local);
    return auth_create(&server->auth, folder, s->server.token_file, on, error);
}

/* Shows how to open the server: the one line on standard output. */
static fov_status announce(struct server *server, const char *host, fov_error *error)
{
    char text[TOKEN_TEXT_MAX] = "";
    struct token made;
    const char *base = server->lan_url[0] ? server->lan_url : server->origin;
    if (auth_on(server->auth) && auth_empty(server->auth)) {
        fov_status status = tokens_create(auth_folder(server->auth), ROLE_ADMIN, "", 0,
                                          "made at first start", &made, text, error);
        if (status != FOV_OK)
            return status;
        auth_refresh(server->auth, true);
        fov_log(FOV_LOG_INFO, "serve",
                "the address below holds the admin token; it is shown this "
                "once, keep it");
    }
    printf("fovea: open %s/%s%s\n", base, text[0] ? "?token=" : "", text);
    fflush(stdout);
    if (server->lan)
        lan_announce(server);
    if (auth_on(server->auth) && !server->tls &&
        server->settings->server.trusted_proxies.count == 0 && !is_loopback(host))
        fov_log(FOV_LOG_WARN, "serve",
                "tokens and pictures travel unencrypted: use --lan, server.tls, "
                "or a proxy (server.trusted_proxies)");
    if (!auth_on(server->auth) &&
        (server->settings->server.public_url || server->settings->server.trusted_proxies.count > 0))
        fov_log(FOV_LOG_WARN, "serve",
                "access control is off on loopback, also for all whom a proxy passes on: set "
                "server.auth: on");
    return FOV_OK;
}

/* ---- life
 * ----------------------------------------------------------------------------------------- */

static fov_status open_parts(struct server *server, fov_error *error)
{
    for (size_t i = 0; i < PART_COUNT; i++) {
        fov_status status = parts[i]->open(server, error);
        if (status != FOV_OK)
            return status;
    }
    return FOV_OK;
}

static fov_status start(struct server *server, fov_error *error)
{
    const struct settings *s = server->settings;
    const char *host = server->lan ? "" : s->server.host;
    char folder[448];
    fov_status status;
    if ((status = make_loop(server, error)) != FOV_OK ||
        (status = tokens_folder(s->server.state_dir, folder, sizeof folder, error)) != FOV_OK ||
        (status = make_auth(server, host, folder, error)) != FOV_OK ||
        (status = make_tls(server, folder, error)) != FOV_OK ||
        (status = listen_on(server, host, error)) != FOV_OK)
        return status;
    server->tls = server->own->tls != NULL;
    name_origin(server, host);
    server->own->gate = gate_create(is_loopback(host));
    server->guards = guards_create();
    server->metrics = metrics_create();
    server->own->tick = net_timer_start(server->loop, TICK_MS, true, tick, server);
    if (!server->own->gate || !server->guards || !server->metrics || !server->own->tick)
        return fov_fail(error, FOV_ENOMEM, "not enough memory");
    if ((status = loader_start(server, error)) != FOV_OK ||
        (status = open_parts(server, error)) != FOV_OK)
        return status;
    time_demo(server);
    set_signals(server->loop);
    return announce(server, host, error);
}

/* In this order: nobody may post to a loop that is gone, nor use workers that are gone. False: the
 * loader still runs, so nothing may be freed. */
static bool finish(struct server *server)
{
    struct server_private *own = server->own;
    for (size_t i = PART_COUNT; i-- > 0;)
        if (parts[i]->stop)
            parts[i]->stop(server);
    if (!loader_join(server, DRAIN_MS))
        return false;
    net_loop_destroy(&server->loop); /* runs the posts that wait, the loader's among them */
    fov_workers *workers = loader_release(server);
    for (size_t i = PART_COUNT; i-- > 0;)
        if (parts[i]->close)
            parts[i]->close(server);
    fov_workers_destroy(&workers);
    net_tls_destroy(&own->tls);
    net_blob_unref(&own->openapi);
    invites_destroy(&own->invites);
    metrics_destroy(&server->metrics);
    guards_destroy(&server->guards);
    auth_destroy(&server->auth);
    gate_destroy(&own->gate);
    json_release(&server->writer);
    for (size_t i = 0; i < own->retired_count; i++)
        settings_free(&own->retired[i]);
    free(own->retired);
    return true;
}

static int run(struct server *server)
{
    fov_error error = {0};
    fov_status status = start(server, &error);
    if (status == FOV_OK)
        status = net_loop_run(server->loop);
    else
        fprintf(stderr, "fovea: %s\n", error.message);
    bool failed = status != FOV_OK || server->own->demo_failed;
    reset_signals();
    finish(server);
    return status == FOV_EINVAL ? 2 : failed ? 1 : 0;
}

int serve_run(const struct serve_options *options)
{
    struct settings *settings;
    fov_error error = {0};
    if (read_settings(options, &settings, &error) != FOV_OK) {
        fprintf(stderr, "fovea: %s\n", error.message);
        return 2;
    }
    /* On the heap and not freed when the loader outlives us: the process ends right after. */
    struct server *server = calloc(1, sizeof *server);
    struct server_private *own = calloc(1, sizeof *own);
    struct settings **retired = malloc(sizeof *retired);
    if (!server || !own || !retired) {
        free(server);
        free(own);
        free(retired);
        settings_free(&settings);
        fprintf(stderr, "fovea: not enough memory\n");
        return 1;
    }
    retired[0] = settings;
    own->options = options;
    own->retired = retired;
    own->retired_count = 1;
    server->own = own;
    server->settings = settings;
    server->started_ns = clock_now_ns();
    server->demo = options->demo;
    server->lan = options->lan;
    int code = run(server);
    if (!own->loader) {
        free(own);
        free(server);
    }
    return code;
}
