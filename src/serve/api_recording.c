/* Recordings of what streams are given and answered: started and ended by an admin, when the
 * settings name a folder for them. The files' names are made here. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/text.h"
#include "serve/events.h"
#include "serve/frames.h"
#include "serve/hazard.h"
#include "serve/room.h"
#include "serve/routes.h"

enum { RUNNING_MAX = 8, ENDED_MAX = 32, BODY_MAX = 4096, NAME_BYTES = 40 };

/* One recording: running, or one of the last that ended. Loop thread. */
struct entry {
    struct entry *next; /* newer */
    uint64_t id;
    char name[112], stream[80];
    double started_ms, ended_ms;
    size_t max_bytes;
    struct recorder *recorder; /* NULL: ended */
    struct recorder_counts counts;
    bool is_open; /* the file is there */
    fov_status status;
    char message[240];
    uint64_t start_request, stop_request; /* answered when it is open, when it has ended */
};

struct recordings {
    struct server *server;
    struct entry *first;
    uint64_t next_id;
    unsigned running, ended;
};

/* ---- answers ----------------------------------------------------------------------------------
 */

static const char *state_of(const struct entry *e)
{
    bool full = e->is_open && e->status == FOV_ELIMIT;
    if (!e->recorder)
        return e->status == FOV_OK || full ? "ended" : "failed";
    return e->is_open ? "recording" : "starting";
}

static void write_entry(struct json_writer *w, const struct entry *e)
{
    struct recorder_counts counts = e->counts;
    if (e->recorder)
        recorder_get_counts(e->recorder, &counts);
    json_object_begin(w);
    json_add_string(w, "name", e->name);
    json_add_string(w, "stream", e->stream);
    json_add_string(w, "state", state_of(e));
    json_add_number(w, "started_at", e->started_ms, 0);
    if (e->ended_ms > 0)
        json_add_number(w, "ended_at", e->ended_ms, 0);
    json_add_int(w, "frames", (int64_t)counts.frames);
    json_add_int(w, "missed", (int64_t)counts.missed);
    json_add_int(w, "bytes", (int64_t)counts.bytes);
    json_add_int(w, "max_bytes", (int64_t)e->max_bytes);
    if (e->message[0])
        json_add_string(w, "message", e->message);
    json_object_end(w);
}

static void reply_entry(struct server *server, uint64_t request_id, int status,
                        const struct entry *e)
{
    struct net_request *request = net_request_find(server->loop, request_id);
    struct json_writer *w = serve_writer(server);
    if (!request)
        return;
    write_entry(w, e);
    serve_reply(request, status, w);
}

static void publish(struct server *server, const struct entry *e)
{
    struct json_writer w = {0};
    write_entry(&w, e);
    const struct event event = {
        .kind = "recording", .stream = e->stream, .client = "", .at_ms = (int64_t)clock_unix_ms()};
    events_publish(server, event, &w);
    json_release(&w);
}

/* ---- news of recorders ------------------------------------------------------------------------
 */

struct news {
    struct server *server;
    uint64_t id;
    bool ended;
    fov_status status;
    char message[240];
};

/* What a recorder is given as `user`: it may outlive its entry. */
struct sender {
    struct server *server;
    struct net_loop *loop;
    uint64_t id;
};

static void forget_old(struct recordings *r)
{
    struct entry **at = &r->first;
    while (r->ended > ENDED_MAX && *at) {
        struct entry *e = *at;
        if (e->recorder) {
            at = &e->next;
            continue;
        }
        *at = e->next;
        r->ended--;
        free(e);
    }
}

/* Where a stream's results can be recorded; NULL: there is no such stream. */
static struct tap *find_tap(struct server *server, const char *id, struct stream_query *query,
                            const char **kind)
{
    struct room *room = room_by_stream(server, id);
    if (!room)
        room = room_find(server, id);
    if (room && room->feed) {
        *kind = room->camera ? "camera" : "stream";
        *query = room->feed->query;
        return &room->feed->tap;
    }
    *kind = "session";
    struct tap *tap = session_tap(server, id, query);
    return tap ? tap : hazard_tap(server, id, query);
}

static void close_tap_of(struct server *server, const struct entry *e)
{
    struct stream_query query;
    const char *kind;
    struct tap *tap = find_tap(server, e->stream, &query, &kind);
    if (tap && tap->recorder == e->recorder) /* set and cleared on this thread while it is open */
        tap_close(tap);
}

static void ended(struct recordings *r, struct entry *e, const struct news *news)
{
    struct server *server = r->server;
    close_tap_of(server, e);
    recorder_get_counts(e->recorder, &e->counts);
    recorder_join(e->recorder);
    recorder_unref(&e->recorder);
    e->ended_ms = clock_unix_ms();
    e->status = news->status;
    text_copy(e->message, sizeof e->message, news->message);
    r->running--;
    r->ended++;
    if (strcmp(state_of(e), "ended") == 0)
        fov_log(FOV_LOG_INFO, "serve", "recording %s ended%s%s", e->name, news->status ? ": " : "",
                news->message);
    else
        fov_log(FOV_LOG_ERROR, "serve", "recording %s failed: %s", e->name, news->message);
    publish(server, e);
    if (e->stop_request)
        reply_entry(server, e->stop_request, 200, e);
    forget_old(r);
}

static void opened(struct recordings *r, struct entry *e, const struct news *news)
{
    struct net_request *request = net_request_find(r->server->loop, e->start_request);
    fov_error error = {.status = news->status};
    e->is_open = news->status == FOV_OK;
    text_copy(error.message, sizeof error.message, news->message);
    if (!e->is_open)
        close_tap_of(r->server, e); /* another try may follow at once */
    if (e->is_open) {
        publish(r->server, e);
        reply_entry(r->server, e->start_request, 201, e);
    } else if (request && news->status == FOV_ELIMIT) {
        net_reply_problem(request, 409, "no_room", error.message);
    } else if (request && news->status == FOV_EIO) {
        net_reply_problem(request, 503, "disk", error.message);
    } else if (request) {
        net_reply_error(request, news->status, &error);
    }
}

static void run_news(void *arg)
{
    struct news *news = arg;
    struct recordings *r = news->server->recordings;
    struct entry *e = r ? r->first : NULL;
    while (e && e->id != news->id)
        e = e->next;
    if (e && e->recorder && news->ended)
        ended(r, e, news);
    else if (e && e->recorder)
        opened(r, e, news);
    free(news);
}

/* On the recorder's thread. */
static void on_news(void *user, bool has_ended, fov_status status, const char *message)
{
    struct sender *sender = user;
    struct news *news = calloc(1, sizeof *news);
    if (news) {
        *news = (struct news){sender->server, sender->id, has_ended, status, ""};
        text_copy(news->message, sizeof news->message, message);
        if (!net_post(sender->loop, run_news, news))
            free(news);
    }
    if (has_ended)
        free(sender);
}

/* ---- POST: start ------------------------------------------------------------------------------
 */

/* "hall-20261125-200102-7.fvr": of the stream's name only what is fit for any file system. */
static void make_name(struct entry *e)
{
    char stream[NAME_BYTES + 1], stamp[32];
    time_t now = (time_t)(e->started_ms / 1000);
    struct tm parts;
    size_t used = 0;
    for (const char *c = e->stream; *c && used < NAME_BYTES; c++) {
        bool fit = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') ||
                   (*c >= '0' && *c <= '9') || *c == '-' || *c == '_';
        stream[used++] = fit ? *c : '_';
    }
    stream[used] = '\0';
    gmtime_r(&now, &parts);
    strftime(stamp, sizeof stamp, "%Y%m%d-%H%M%S", &parts);
    snprintf(e->name, sizeof e->name, "%s-%s-%llu.fvr", stream, stamp, (unsigned long long)e->id);
}

static bool read_limits(struct exchange *x, double *max_mb, double *seconds)
{
    size_t size;
    fov_error error = {0};
    const char *body = (const char *)net_request_body(x->request, &size);
    double most = x->server->settings->recording.max_mb;
    json_value *json = size ? json_parse(body, size, BODY_MAX, &error)
                            : json_parse("{}", 2, BODY_MAX, &error);
    bool good = json && json_is_object(json);
    *max_mb = most;
    *seconds = 0;
    if (!good) {
        serve_problem(x, 400, "bad_format", "the body must be a JSON object: %s",
                      json ? "it is another value" : error.message);
    } else if ((json_has(json, "max_mb") &&
                !(json_get_number(json, "max_mb", max_mb) && *max_mb > 0 && *max_mb <= most)) ||
               (json_has(json, "seconds") && !(json_get_number(json, "seconds", seconds) &&
                                               *seconds >= 0.1 && *seconds <= 86400))) {
        good = false;
        serve_problem(x, 422, "invalid_argument",
                      "max_mb must be a number up to %g (recording.max_mb), seconds one from 0.1 "
                      "to 86400",
                      most);
    }
    json_free(&json);
    return good;
}

/* What was promised to those that run. */
static size_t reserved_bytes(const struct recordings *r)
{
    size_t bytes = 0;
    for (const struct entry *e = r->first; e; e = e->next)
        bytes += e->recorder ? e->max_bytes : 0;
    return bytes;
}

static struct recorder *start_recorder(struct server *server, const struct entry *e,
                                       const struct stream_query *query, const char *kind,
                                       double seconds)
{
    const struct settings *s = server->settings;
    fov_model *model = fov_workers_model(server->workers, query->model_id);
    const fov_model_info *m = model ? fov_model_get_info(model) : NULL;
    fov_stream_params stream = stream_params(server, query);
    struct sender *sender = calloc(1, sizeof *sender);
    struct recorder *recorder = NULL;
    if (m && sender) {
        *sender = (struct sender){server, server->loop, e->id};
        struct recorder_params params = {.folder = s->recording.dir,
                                         .name = e->name,
                                         .info = {.source = e->stream,
                                                  .kind = kind,
                                                  .live = true,
                                                  .made_at_ms = e->started_ms,
                                                  .model_id = m->id,
                                                  .backend = m->backend,
                                                  .device = m->device,
                                                  .precision = m->precision,
                                                  .conf = stream.detect.conf,
                                                  .iou = stream.detect.iou,
                                                  .exact = stream.detect.exact,
                                                  .fifo = stream.fifo,
                                                  .max_latency_ms = stream.max_latency_ms},
                                         .max_bytes = e->max_bytes,
                                         .total_bytes = (size_t)(s->recording.total_mb * 1e6),
                                         .reserved_bytes = reserved_bytes(server->recordings),
                                         .seconds = seconds,
                                         .on_news = on_news,
                                         .user = sender};
        recorder = recorder_start(&params);
    }
    if (!recorder)
        free(sender);
    fov_model_close(&model);
    return recorder;
}

static struct entry *entry_make(struct exchange *x, const char *stream, double max_mb)
{
    struct recordings *r = x->server->recordings;
    struct entry *e = calloc(1, sizeof *e);
    if (!e)
        return NULL;
    e->id = ++r->next_id;
    e->started_ms = clock_unix_ms();
    e->max_bytes = (size_t)(max_mb * 1e6);
    e->start_request = net_request_id(x->request);
    text_copy(e->stream, sizeof e->stream, stream);
    make_name(e);
    return e;
}

static void entry_add(struct recordings *r, struct entry *e)
{
    struct entry **at = &r->first;
    while (*at)
        at = &(*at)->next;
    *at = e;
    r->running++;
}

/* The tap of the stream in the path; NULL: answered. */
static struct tap *tap_of_path(struct exchange *x, struct stream_query *query, const char **kind)
{
    const char *id = exchange_param(x, "id");
    if (!x->server->settings->recording.dir || !x->server->settings->recording.dir[0]) {
        serve_problem(x, 503, "recording_off",
                      "recording is not allowed here: set recording.dir to a folder for it");
        return NULL;
    }
    struct tap *tap = find_tap(x->server, id, query, kind);
    if (!tap)
        serve_problem(x, 404, "not_found", "no stream, room or session '%.80s' runs", id);
    return tap;
}

void post_recording(struct exchange *x)
{
    struct recordings *r = x->server->recordings;
    struct stream_query query;
    const char *kind;
    double max_mb, seconds;
    struct tap *tap = serve_workers(x) ? tap_of_path(x, &query, &kind) : NULL;
    if (!tap || !read_limits(x, &max_mb, &seconds))
        return;
    if (tap->recorder) {
        serve_problem(x, 409, "exists", "it is being recorded already");
        return;
    }
    if (r->running >= RUNNING_MAX) {
        serve_busy(x, 10, "too_many_recordings", "%d recordings run already", RUNNING_MAX);
        return;
    }
    struct entry *e = entry_make(x, exchange_param(x, "id"), max_mb);
    if (e)
        e->recorder = start_recorder(x->server, e, &query, kind, seconds);
    if (!e || !e->recorder) {
        free(e);
        serve_busy(x, 1, "out_of_memory", "not enough memory for a recording");
        return;
    }
    entry_add(r, e);
    tap_open(tap, e->recorder);
}

/* ---- DELETE: end; GET: which ------------------------------------------------------------------
 */

/* By any name of its stream, or the one it was started by when that has ended. */
static struct entry *find_running(struct server *server, const char *id)
{
    struct stream_query query;
    const char *kind;
    const struct tap *tap = find_tap(server, id, &query, &kind);
    struct entry *e = server->recordings->first;
    while (e &&
           !(e->recorder && ((tap && tap->recorder == e->recorder) || strcmp(e->stream, id) == 0)))
        e = e->next;
    return e;
}

void delete_recording(struct exchange *x)
{
    const char *id = exchange_param(x, "id");
    struct entry *e = find_running(x->server, id);
    if (!e) {
        serve_problem(x, 404, "not_found", "'%.80s' is not being recorded", id);
        return;
    }
    if (e->stop_request) {
        serve_problem(x, 409, "exists", "it is being ended already");
        return;
    }
    e->stop_request = net_request_id(x->request);
    close_tap_of(x->server, e);
    recorder_stop(e->recorder);
}

void get_recordings(struct exchange *x)
{
    const struct settings *s = x->server->settings;
    struct json_writer *w = serve_writer(x->server);
    json_object_begin(w);
    json_add_bool(w, "allowed", s->recording.dir && s->recording.dir[0]);
    json_name(w, "recordings");
    json_array_begin(w);
    for (const struct entry *e = x->server->recordings->first; e; e = e->next)
        write_entry(w, e);
    json_array_end(w);
    json_object_end(w);
    serve_json(x, 200, w);
}

/* ---- the part ---------------------------------------------------------------------------------
 */

static fov_status recordings_open(struct server *server, fov_error *error)
{
    server->recordings = calloc(1, sizeof *server->recordings);
    if (!server->recordings)
        return fov_fail(error, FOV_ENOMEM, "not enough memory");
    server->recordings->server = server;
    return FOV_OK;
}

/* What runs is written to its end; nothing is posted afterwards. */
static void recordings_stop(struct server *server)
{
    for (struct entry *e = server->recordings ? server->recordings->first : NULL; e; e = e->next)
        if (e->recorder)
            recorder_stop(e->recorder);
    for (struct entry *e = server->recordings ? server->recordings->first : NULL; e; e = e->next)
        if (e->recorder) {
            recorder_join(e->recorder);
            recorder_unref(&e->recorder);
        }
}

static void recordings_close(struct server *server)
{
    struct recordings *r = server->recordings;
    server->recordings = NULL;
    for (struct entry *e = r ? r->first : NULL, *next; e; e = next) {
        next = e->next;
        free(e);
    }
    free(r);
}

const struct serve_part recordings_part = {.name = "recordings",
                                           .open = recordings_open,
                                           .stop = recordings_stop,
                                           .close = recordings_close};
