/* Alerts, their store and their webhooks as a part of the server; GET /api/events. */
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "serve/auth.h"
#include "serve/routes.h"
#include "serve/serve.h"
#include "serve/store.h"
#include "serve/watch.h"
#include "serve/webhook.h"
#include "serve/zone_book.h"

/* ---- GET /api/events --------------------------------------------------------------------------
 */

/* A text parameter into `to`. False: answered, it cannot be the value of anything stored. */
static bool read_text(struct exchange *x, const char *name, char *to, size_t size)
{
    const char *text = net_request_param(x->request, name);
    to[0] = '\0';
    if (!text)
        return true;
    if (strlen(text) < size && text_is_utf8((const uint8_t *)text, strlen(text))) {
        text_copy(to, size, text);
        return true;
    }
    serve_problem(x, 422, "invalid_argument", "%s: at most %zu bytes of UTF-8", name, size - 1);
    return false;
}

void get_events(struct exchange *x)
{
    double from = 0, to = 1e13, limit = 100;
    struct store_query query;
    if (serve_param_number(x, "from", 0, 1e13, &from) < 0 ||
        serve_param_number(x, "to", 0, 1e13, &to) < 0 ||
        serve_param_number(x, "limit", 1, 1000, &limit) < 0 ||
        !read_text(x, "stream", query.stream, sizeof query.stream) ||
        !read_text(x, "class", query.class_name, sizeof query.class_name) ||
        !read_text(x, "type", query.type, sizeof query.type))
        return;
    query.from_ms = (int64_t)from;
    query.to_ms = (int64_t)to;
    query.limit = (int)limit;
    if (!store_ask(x->server->store, &query, net_request_id(x->request)))
        serve_busy(x, 1, "busy", "%d searches for events wait already", STORE_ASKS_MAX);
}

/* ---- what is stored ---------------------------------------------------------------------------
 */

/* Not what comes every second, nor what is about single frames, nor what any client makes as many
 * of as it likes (its sessions): alerts would be pushed out. */
static bool is_kept(const char *kind)
{
    static const char *const kept[] = {"alert", "adaptation", "source", "store"};
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
        if (strcmp(kept[i], kind) == 0)
            return true;
    return false;
}

void store_hear(struct server *server, const struct event *event)
{
    if (server->store && is_kept(event->kind))
        store_add(server->store, event->kind, event->stream, event->at_ms, event->json,
                  event->size);
}

static void on_store_change(void *user, bool storing, const char *why)
{
    struct server *server = user;
    struct json_writer w = {0};
    const struct event event = {
        .kind = "store", .stream = "", .client = "", .at_ms = (int64_t)clock_unix_ms()};
    json_object_begin(&w);
    json_add_string(&w, "type", "store");
    json_add_int(&w, "at", event.at_ms);
    json_add_string(&w, "state", storing ? "storing" : "stopped");
    json_add_string(&w, "why", storing ? NULL : why);
    json_object_end(&w);
    events_publish(server, event, &w);
    json_release(&w);
}

/* ---- the part ---------------------------------------------------------------------------------
 */

static fov_status alerts_open(struct server *server, fov_error *error)
{
    const struct settings *s = server->settings;
    const char *folder = auth_folder(server->auth);
    server->watches = watches_create();
    server->webhooks = webhooks_create();
    server->zone_book = zone_book_open(folder);
    server->store = store_start(server->loop, folder, s->events.keep_days, s->events.max_mb,
                                on_store_change, server);
    if (!server->watches || !server->webhooks || !server->zone_book || !server->store)
        return fov_fail(error, FOV_ENOMEM, "no memory or no thread for events");
    return FOV_OK;
}

static void alerts_ready(struct server *server)
{
    watch_check_classes(server);
}

static void alerts_reloaded(struct server *server)
{
    const struct settings *s = server->settings;
    store_set_limits(server->store, s->events.keep_days, s->events.max_mb);
    watch_refresh(server, NULL);
    watch_check_classes(server);
}

/* The loop has ended, but what was posted to it still runs and may be an alert: the store takes it
 * until `close`. */
static void alerts_stop(struct server *server)
{
    store_hush(server->store);
    zone_book_stop(server->zone_book);
}

static void alerts_close(struct server *server)
{
    webhooks_stop(&server->webhooks);
    store_stop(&server->store);
    zone_book_close(&server->zone_book);
    watches_destroy(&server->watches);
}

const struct serve_part alerts_part = {.name = "alerts",
                                       .open = alerts_open,
                                       .ready = alerts_ready,
                                       .reloaded = alerts_reloaded,
                                       .stop = alerts_stop,
                                       .close = alerts_close};
