/* GET /stream/events/{client_id}: what happens to one client's frames, as server-sent events.
 *
 * A reader is a place in its client's ring and takes what its connection can carry. One that falls
 * behind by more than the ring goes on at the newest event and is told with `gap` how many it
 * missed; so does one that comes back too late. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "serve/auth.h"
#include "serve/hazard.h"
#include "serve/routes.h"

/* Bytes that may wait for a reader, beside one event; the rest stays in the ring. */
#define AHEAD_MAX ((size_t)64 << 10)
#define STALLED_MS 30000
enum { CLIENTS_MAX = 4096, IDLE_MAX = 128 };

struct hazard_reader {
    struct hazard_reader *next;
    struct hazard_client *client;
    struct net_stream *stream;
    int64_t place; /* id of the next event */
    int64_t opened_ns;
    bool caught_up; /* has been at the newest event */
};

/* ---- clients -----------------------------------------------------------------------------------
 */

/* What stands in a path as one part of it: nothing that a path reads otherwise. */
static bool is_name(const char *id)
{
    char flat[HAZARD_ID_MAX];
    if (strlen(id) >= sizeof flat || strpbrk(id, "/\\") || strcmp(id, ".") == 0 ||
        strcmp(id, "..") == 0 || !text_is_utf8((const uint8_t *)id, strlen(id)))
        return false;
    text_copy(flat, sizeof flat, id);
    text_flatten(flat);
    return strcmp(flat, id) == 0;
}

static struct hazard_client *find(struct hazard *hazard, const char *id)
{
    struct hazard_client *client = hazard->clients;
    while (client && strcmp(client->id, id) != 0)
        client = client->next;
    return client;
}

static void client_free(struct hazard_client *client)
{
    event_ring_release(&client->ring);
    free(client);
}

/* Events of clients that have left are kept for their return, but not of any number of them: the
 * one that left first makes room. */
static void forget_idlest(struct hazard *hazard)
{
    struct hazard_client **idlest = NULL;
    int idle = 0;
    for (struct hazard_client **at = &hazard->clients; *at; at = &(*at)->next) {
        if ((*at)->sessions || (*at)->readers)
            continue;
        idle++;
        if (!idlest || (*at)->used_ns < (*idlest)->used_ns)
            idlest = at;
    }
    if (idle <= IDLE_MAX)
        return;
    struct hazard_client *client = *idlest;
    *idlest = client->next;
    hazard->client_count--;
    client_free(client);
}

static struct hazard_client *client_new(struct exchange *x, const char *id)
{
    struct hazard *hazard = x->server->hazard;
    forget_idlest(hazard);
    struct hazard_client *client = hazard->client_count < CLIENTS_MAX ? calloc(1, sizeof *client)
                                                                      : NULL;
    if (!client) {
        serve_busy(x, 30, "too_many_clients", "events of %d clients are kept; try again later",
                   CLIENTS_MAX);
        return NULL;
    }
    text_copy(client->id, sizeof client->id, id);
    event_ring_init(&client->ring, (int64_t)clock_unix_ms());
    client->used_ns = clock_now_ns();
    client->next = hazard->clients;
    hazard->clients = client;
    hazard->client_count++;
    return client;
}

/* A client_id belongs to the token that used it first, as long as that token lives. Admins may use
 * each one; tokens that only view may read each one. */
static bool may_use(const struct exchange *x, const struct hazard_client *client, bool push)
{
    const struct identity *who = &x->identity;
    if (!auth_on(x->server->auth) || (who->roles & ROLE_ADMIN) || (!push && who->roles & ROLE_VIEW))
        return true;
    return client->token_id[0] == '\0' || strcmp(client->token_id, who->token_id) == 0 ||
           !auth_alive(x->server->auth, client->token_id);
}

/* The name goes on to another token: what happened under the old one is nobody else's to read. */
static void change_hands(struct hazard_client *client, const char *token_id)
{
    int64_t base = (int64_t)clock_unix_ms();
    for (struct hazard_reader *r = client->readers; r; r = r->next)
        net_stream_close(r->stream);
    if (base <= client->ring.next)
        base = client->ring.next + 1; /* an old id must not be one of the new ring */
    event_ring_release(&client->ring);
    event_ring_init(&client->ring, base);
    text_copy(client->token_id, sizeof client->token_id, token_id);
}

bool hazard_client_known(struct hazard *hazard, const char *id)
{
    return find(hazard, id) != NULL;
}

struct hazard_client *hazard_client_enter(struct exchange *x, const char *id, bool push)
{
    if (!is_name(id)) {
        serve_problem(
            x, 422, "invalid_argument",
            "client_id must be 1 to %d bytes of UTF-8 without slashes and control characters",
            HAZARD_ID_MAX - 1);
        return NULL;
    }
    struct hazard_client *client = find(x->server->hazard, id);
    if (client && !may_use(x, client, push)) {
        serve_problem(x, 403, "wrong_client",
                      "this client_id is in use by another token: take another one");
        return NULL;
    }
    if (!client)
        client = client_new(x, id);
    if (client && push && auth_on(x->server->auth)) {
        if (client->token_id[0] == '\0')
            text_copy(client->token_id, sizeof client->token_id, x->identity.token_id);
        else if (!auth_alive(x->server->auth, client->token_id))
            change_hands(client, x->identity.token_id);
    }
    return client;
}

/* ---- sending -----------------------------------------------------------------------------------
 */

static void send_gap(struct hazard_reader *r, int64_t to)
{
    struct json_writer w = {0};
    json_object_begin(&w);
    json_add_string(&w, "type", "gap");
    json_add_int(&w, "missed", to - r->place);
    json_add_int(&w, "from", r->place);
    json_add_int(&w, "to", to - 1);
    json_object_end(&w);
    if (!w.failed)
        net_sse_send(r->stream, to - 1, "gap", w.text, w.size);
    json_release(&w);
    r->place = to;
}

/* As much as the connection takes. */
static void pump(struct hazard_reader *r)
{
    const struct event_ring *ring = &r->client->ring;
    while (r->place < ring->next) {
        const struct ring_event *event = event_ring_at(ring, r->place);
        size_t waiting = net_stream_pending(r->stream);
        if (waiting > 0 && waiting + (event ? net_blob_len(event->text) : 0) > AHEAD_MAX)
            break;
        if (!event) {
            send_gap(r, r->caught_up ? ring->next - 1 : ring->first);
            continue;
        }
        bool last = strcmp(event->kind, "end") == 0 && r->place == ring->next - 1 &&
                    !r->client->session;
        if (net_sse_send(r->stream, r->place, event->kind, (const char *)net_blob_data(event->text),
                         net_blob_len(event->text)) != FOV_OK)
            return;
        r->place++;
        if (last)
            net_stream_close(r->stream);
    }
    r->caught_up = r->caught_up || r->place == ring->next;
}

void hazard_client_tell(struct hazard_client *client, const char *kind, struct net_blob *text)
{
    event_ring_add(&client->ring, kind, text);
    for (struct hazard_reader *r = client->readers; r; r = r->next)
        pump(r);
}

void hazard_hear(struct server *server, const struct event *event)
{
    if (!server->hazard)
        return;
    struct hazard_client *client = event->client[0] ? find(server->hazard, event->client) : NULL;
    for (struct hazard_session *s = server->hazard->sessions; s && !client; s = s->next)
        if (strcmp(s->id, event->stream) == 0)
            client = s->client;
    struct net_blob *text = client ? net_blob_copy(event->json, event->size) : NULL;
    if (text)
        hazard_client_tell(client, event->kind, text);
    net_blob_unref(&text);
}

/* ---- readers -----------------------------------------------------------------------------------
 */

static void on_drain(void *user, struct net_stream *stream)
{
    (void)stream;
    pump(user);
}

static void on_close(void *user, struct net_stream *stream)
{
    (void)stream;
    struct hazard_reader *r = user;
    struct hazard_reader **at = &r->client->readers;
    while (*at != r)
        at = &(*at)->next;
    *at = r->next;
    r->client->used_ns = clock_now_ns();
    free(r);
}

/* A reader with an id that is none of ours cannot know what it missed. */
static void send_unknown(struct hazard_reader *r)
{
    static const char text[] = "{\"type\":\"gap\",\"missed\":null,"
                               "\"reason\":\"the Last-Event-ID is not one of this server\"}";
    net_sse_send(r->stream, r->place - 1, "gap", text, sizeof text - 1);
}

/* A newcomer is told which session runs. */
static void send_running(struct hazard_reader *r)
{
    struct json_writer w = {0};
    if (!r->client->session)
        return;
    hazard_write_session(&w, r->client->session);
    if (!w.failed)
        net_sse_send(r->stream, r->place - 1, "session", w.text, w.size);
    json_release(&w);
}

static void begin(struct hazard_reader *r, const char *last)
{
    bool unknown;
    r->place = event_ring_resume(&r->client->ring, last, &unknown);
    if (unknown)
        send_unknown(r);
    if (unknown || !last || !*last)
        send_running(r);
    pump(r);
}

void get_stream_events(struct exchange *x)
{
    static const struct net_stream_ops ops = {.on_drain = on_drain, .on_close = on_close};
    bool owns = !(x->identity.roles & ROLE_VIEW) && !(x->identity.roles & ROLE_ADMIN);
    struct hazard_client *client = hazard_client_enter(x, exchange_param(x, "client_id"), owns);
    struct hazard_reader *r = client ? calloc(1, sizeof *r) : NULL;
    char last[32] = "";
    if (!client)
        return;
    if (!r) {
        serve_busy(x, 1, "out_of_memory", "not enough memory for another reader");
        return;
    }
    const char *id = net_request_header(x->request, "last-event-id");
    if (!id)
        id = net_request_param(x->request, "last_event_id");
    if (id && *id) /* one that is too long is no number of ours either */
        text_copy(last, sizeof last, strlen(id) < sizeof last ? id : "?");
    net_request_add_header(x->request, "Connection", "keep-alive");
    net_request_add_header(x->request, "Content-Encoding", "none");
    r->client = client;
    r->opened_ns = clock_now_ns();
    r->stream = net_sse_open(x->request, &ops, r);
    if (!r->stream) { /* HEAD, or no memory: answered */
        free(r);
        return;
    }
    r->next = client->readers;
    client->readers = r;
    serve_guard_stream(x, r->stream);
    begin(r, last);
}

/* ---- time --------------------------------------------------------------------------------------
 */

static void end_waiting(struct hazard_reader *r)
{
    static const char text[] = "{\"type\":\"end\",\"reason\":\"no session came\"}";
    net_sse_send(r->stream, -1, "end", text, sizeof text - 1);
    net_stream_close(r->stream);
}

void hazard_clients_tick(struct hazard *hazard, int64_t now)
{
    int64_t patience = (int64_t)(hazard->server->settings->streaming.session_timeout * 1e9);
    for (struct hazard_client **at = &hazard->clients; *at;) {
        struct hazard_client *client = *at;
        for (struct hazard_reader *r = client->readers; r; r = r->next) {
            int64_t since = r->opened_ns > client->used_ns ? r->opened_ns : client->used_ns;
            if (net_stream_stalled_ms(r->stream) > STALLED_MS)
                net_stream_close(r->stream);
            else if (client->sessions == 0 && now - since > patience)
                end_waiting(r);
        }
        if (client->readers || client->sessions || now - client->used_ns < patience) {
            at = &client->next;
            continue;
        }
        *at = client->next;
        hazard->client_count--;
        client_free(client);
    }
}

void hazard_clients_free(struct hazard *hazard)
{
    while (hazard->clients) {
        struct hazard_client *client = hazard->clients;
        hazard->clients = client->next;
        client_free(client);
    }
}
