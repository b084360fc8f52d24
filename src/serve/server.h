/* What only the files that wire the server share. */
#ifndef SERVE_SERVER_H
#define SERVE_SERVER_H

#include "serve/serve.h"

struct gate;

/* What `fovea serve` was asked for. */
struct serve_options {
    const char *config; /* file or NULL */
    const struct settings_override *overrides;
    size_t override_count;
    bool demo, lan, no_auth;
};

/* Runs a server until a signal ends it. Returns the exit code. Prints one line with the URL on
 * standard output, everything else goes to the log. Blocks: yes. */
int serve_run(const struct serve_options *options);

/* Prints the route table as JSON lines: method, pattern, roles, flags (for tests). */
void serve_print_routes(void);

struct server_private {
    const struct serve_options *options;
    struct gate *gate;
    struct loader *loader; /* loader.c */
    struct net_tls *tls;
    struct net_timer *tick, *demo_end;
    struct settings **retired; /* snapshots that were replaced */
    size_t retired_count;
    unsigned ticks;
    bool demo_failed, stopping;
    struct net_blob *openapi; /* made at the first request */
    struct invites *invites;  /* api_qr.c, made at the first request */
};

/* ---- loader.c: the model is opened beside the loop ---------------------------------------------
 */

/* Starts the thread; when it ends, server->workers or server->model_problem is set on the loop
 * thread and the parts' `ready` run. */
fov_status loader_start(struct server *server, fov_error *error);
/* Waits for the thread, at most `ms`. False: it still runs, nothing may be freed. */
bool loader_join(struct server *server, int ms);
/* Frees the loader; returns the workers it made, if any, which the caller destroys. */
fov_workers *loader_release(struct server *server);
/* What the loader calls on the loop thread (server.c). */
void server_model_loaded(struct server *server, fov_workers *workers, const fov_error *error);

/* ---- guards.c
 * ------------------------------------------------------------------------------------ */

struct guards *guards_create(void);
void guards_destroy(struct guards **guards);
/* Ends what tokens that are gone had opened, forgets what closed by itself. */
void guards_check(struct server *server);

/* ---- api_qr.c
 * ------------------------------------------------------------------------------------ */

void invites_destroy(struct invites **invites);

/* ---- metrics.c
 * ------------------------------------------------------------------------------------ */

struct metrics *metrics_create(void);
void metrics_destroy(struct metrics **metrics);

#endif
