/* Rooms fed by a source of the server's own. The source is opened on a helper thread; a request
 * that asked for it is answered when it is open, or cannot be. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "serve/admission.h"
#include "serve/events.h"
#include "serve/message.h"
#include "serve/percent.h"
#include "serve/room.h"
#include "serve/sources.h"

/* A promise that cannot be judged yet, or whose place is just being left, is asked for again. */
enum { ASK_EVERY_MS = 100 };
#define ASK_FOR_NS (3 * NS_PER_S)

/* ---- opening ----------------------------------------------------------------------------------
 */

/* What a source of a room may open and whom it tells of its phases; any thread. The settings it
 * began with: old ones live until the server ends. */
struct source_user {
    struct server *server;
    struct net_loop *loop;
    const struct settings *settings;
    char stream_id[80], url[2048];
};

/* A source on its way: made on the loop thread, opened on the helper, finished on the loop. */
struct opening {
    struct opening *next; /* of those that ask again */
    struct server *server;
    uint64_t request_id; /* 0: nobody waits for the answer */
    char stream_id[80];
    struct source_user *user; /* goes to the feed */
    bool loop, patient;
    double seek_ms;
    struct stream_query query;
    struct football_setup *football; /* NULL: none */
    fov_source *source;
    fov_status status;
    fov_error error;
    enum admission admission;
    fov_admission told; /* why it was refused */
    int64_t first_ns;   /* asked for a promise in vain, 0: not yet */
};

/* Blocks: on a live source's thread. */
static void opening_free(void *arg)
{
    struct opening *o = arg;
    fov_source_close(&o->source);
    football_setup_free(&o->football);
    free(o->user);
    free(o);
}

/* The same on the loop thread, which waits for nobody. */
static void opening_end(struct opening *o)
{
    if (!o->source || !o->server->frames->closing ||
        !chores_add(o->server->frames->closing, opening_free, o))
        opening_free(o);
}

static void write_decoder(struct json_writer *w, const fov_source_state *state)
{
    if (state->decoder[0])
        json_add_string(w, "decoder", state->decoder);
    if (state->decoder_why[0])
        json_add_string(w, "decoder_why", state->decoder_why);
}

static void write_link(struct json_writer *w, const fov_source_state *state)
{
    json_add_int(w, "reconnects", (int64_t)state->reconnects);
    json_add_int(w, "corrupt_frames", (int64_t)state->corrupt);
    json_add_int(w, "superseded_frames", (int64_t)state->superseded);
    json_add_number(w, "jitter_ms", state->jitter_ms, 2);
    json_add_number(w, "jitter_allowance_ms", state->allowance_ms, 0);
    if (state->error[0])
        json_add_string(w, "last_error", state->error);
}

/* Pages of the stream; football has its own beside that of the room. */
static void write_urls(struct json_writer *w, const struct room *room)
{
    char url[4 * ROOM_NAME_MAX] = "/view/", page[120];
    size_t used = strlen(url);
    percent_encode(url + used, sizeof url - used, room->name, "");
    if (room->football) {
        snprintf(page, sizeof page, "/football/%s", room->stream_id);
        json_add_string(w, "view_url", page);
        json_add_string(w, "room_url", url);
        snprintf(page, sizeof page, "/football/%s/calibrate", room->stream_id);
        json_add_string(w, "calibrate_url", page);
    } else {
        json_add_string(w, "view_url", url);
    }
}

/* Of a football stream its own; the model that it names finds the players. */
static void write_working(struct json_writer *w, const struct room *room)
{
    const struct feed *feed = room->feed;
    const struct feed_football *football = feed ? feed->football : NULL;
    const char *tracker = football ? football->tracker : feed ? feed->query.tracking.name : NULL;
    json_add_string(w, "tracker", tracker ? tracker : "none");
    admission_write(w, room->admission, feed ? feed->stream : NULL);
    if (!feed)
        return;
    json_add_string(w, "model_id", feed->query.model_id);
    if (feed->query.appearance[0])
        json_add_string(w, "appearance_model_id", feed->query.appearance);
    json_add_number(w, "max_latency_ms", feed->query.max_latency_ms, 3);
}

void source_write(struct json_writer *w, const struct room *room)
{
    json_add_string(w, "stream_id", room->stream_id);
    json_add_string(w, "token", room->name);
    write_urls(w, room);
    json_add_string(w, "source", room->source);
    json_add_string(w, "kind", room->football ? "football" : room->kind);
    json_add_string(w, "state", room_state(room));
    json_add_number(w, "target_fps", room->target_fps, 2);
    if (room->adaptive.target_latency_ms > 0) {
        json_name(w, "adaptive");
        json_object_begin(w);
        json_add_number(w, "initial_fps", room->adaptive.initial_fps, 2);
        json_add_number(w, "min_fps", room->adaptive.min_fps, 2);
        json_add_number(w, "max_fps", room->adaptive.max_fps, 2);
        json_add_number(w, "target_latency_ms", room->adaptive.target_latency_ms, 3);
        json_object_end(w);
    }
    write_working(w, room);
    if (room->end_message[0])
        json_add_string(w, "message", room->end_message);
    fov_source_state state;
    if (!room->feed || !fov_stream_get_source_state(room->feed->stream, &state))
        return;
    write_decoder(w, &state);
    if (room->live)
        write_link(w, &state);
}

/* `told`: the numbers of a promise that could not be made; NULL: it is about something else. */
static void answer_request(struct server *server, uint64_t request_id, const struct room *room,
                           const fov_error *error, const fov_admission *told)
{
    struct net_request *request = net_request_find(server->loop, request_id);
    struct json_writer *w = serve_writer(server);
    if (!request)
        return;
    if (told) {
        admission_refuse(request, error->status, error, told);
        return;
    }
    if (error->status != FOV_OK || !room) {
        net_reply_error(request, error->status, error);
        return;
    }
    json_object_begin(w);
    source_write(w, room);
    json_object_end(w);
    serve_reply(request, 201, w);
}

void source_answer(struct room *room, fov_status status, const char *message)
{
    fov_error error = {.status = status};
    text_copy(error.message, sizeof error.message, message);
    if (room->waiting)
        answer_request(room->server, room->waiting, room, &error, NULL);
    room->waiting = 0;
}

/* The model's name in messages is its own, not "". */
static void name_model(struct server *server, struct stream_query *query)
{
    fov_model *model = fov_workers_model(server->workers, query->model_id);
    if (model && !query->model_id[0])
        text_copy(query->model_id, sizeof query->model_id, fov_model_get_info(model)->id);
    fov_model_close(&model);
}

/* The room's feed as the wish allows. A camera of the settings goes on without a promise. */
static fov_status open_feed(struct opening *o, struct room *room)
{
    fov_stream_params params = stream_params(o->server, &o->query);
    params.target_fps = room->target_fps;
    params.admission = &o->told;
    params.adaptive = room->adaptive;
    if (o->football) {
        params.football = &o->football->params;
        params.still_camera = o->football->params.still_camera;
    }
    o->error.status = FOV_OK;
    room->admission = o->admission;
    bool follows = room->adaptive.target_latency_ms > 0; /* promised is what it may climb to */
    fov_status status = admission_fill(o->server, &room->admission, fov_source_get_info(o->source),
                                       follows ? room->adaptive.max_fps : room->target_fps, &params,
                                       &o->error);
    if (status != FOV_OK)
        return status;
    tuning_start(room, &o->query, false, false);
    room->feed = feed_open(room, o->server->workers, &params, &o->query, false, &o->error);
    if (room->feed || o->admission != ADMISSION_IF_FITS || o->error.status != FOV_ECAPACITY)
        return room->feed ? FOV_OK : o->error.status;
    fov_log(FOV_LOG_WARN, "serve", "camera %s runs without a promise: %s", room->name,
            o->error.message);
    params.guaranteed = false;
    room->admission = ADMISSION_BEST_EFFORT;
    room->feed = feed_open(room, o->server->workers, &params, &o->query, false, &o->error);
    return room->feed ? FOV_OK : o->error.status;
}

static fov_status start_feed(struct opening *o, struct room *room)
{
    fov_status status = open_feed(o, room);
    if (status != FOV_OK)
        return status;
    name_model(o->server, &room->feed->query);
    if (o->football && o->football->feed->drawn)
        text_copy(room->feed->query.model_id, sizeof room->feed->query.model_id, FOOTBALL_DRAWN);
    if (o->football) { /* before the first frame */
        room->feed->football = o->football->feed;
        o->football->feed = NULL;
        metrics_football(room->feed->metrics);
    }
    tuning_run(room);
    room->live = fov_source_get_info(o->source)->live;
    room_feed_changed(room); /* viewers are counted before the first frame */
    status = fov_stream_start_source(room->feed->stream, &o->source, false, &o->error);
    if (status != FOV_OK) {
        room_close_feed(room);
        return status;
    }
    room->feed->source_user = o->user; /* the source, which calls back with it, ends before */
    o->user = NULL;
    return FOV_OK;
}

/* A stream that never was: its room stays only for those who are in it. */
static void forget(struct room *room)
{
    if (room->counted)
        sessions_leave(room->server);
    room->counted = room->live = false;
    room->stream_id[0] = '\0';
    room_release(room);
}

static void opened(void *arg);

/* Costs are known, or the model's second form is made, in a moment. */
static void ask_again(void *arg)
{
    struct opening *o = arg, **at = &o->server->rooms->asking;
    while (*at != o)
        at = &(*at)->next;
    *at = o->next;
    opened(o);
}

void sources_stop(struct rooms *rooms)
{
    for (struct opening *o; (o = rooms->asking) != NULL; opening_free(o))
        rooms->asking = o->next;
}

/* True: the question is on its way once more. */
static bool asks_again(struct opening *o)
{
    int64_t now = clock_now_ns();
    bool last = o->first_ns && now - o->first_ns >= ASK_FOR_NS;
    bool leaves = o->status == FOV_ECAPACITY && !last &&
                  atomic_load(&o->server->frames->closing_streams) > 0;
    if ((o->status != FOV_EAGAIN && !leaves) || o->server->rooms->stopped)
        return false;
    if (last && o->admission == ADMISSION_IF_FITS)
        o->admission = ADMISSION_BEST_EFFORT;
    else if (last)
        return false;
    if (!net_timer_start(o->server->loop, ASK_EVERY_MS, false, ask_again, o))
        return false;
    o->first_ns = o->first_ns ? o->first_ns : now;
    o->status = FOV_OK;
    o->next = o->server->rooms->asking;
    o->server->rooms->asking = o;
    return true;
}

/* Now, or by its first picture, or its end. */
static void answer_opened(struct opening *o, struct room *room)
{
    bool refused = o->status == FOV_ECAPACITY || (o->status == FOV_EAGAIN && o->first_ns);
    o->error.status = o->status;
    if (o->status == FOV_OK && room && room->live && room->phase != FOV_SOURCE_LIVE &&
        o->request_id)
        room->waiting = o->request_id;
    else
        answer_request(o->server, o->request_id, room, &o->error, refused ? &o->told : NULL);
}

static void opened(void *arg)
{
    struct opening *o = arg;
    struct room *room = room_by_stream(o->server, o->stream_id); /* NULL: started anew meanwhile */
    bool wanted = room && room->connecting && !o->server->rooms->stopped;
    if (o->status == FOV_OK && !wanted)
        o->status = fov_fail(&o->error, FOV_ECLOSED, "the stream was stopped while it was opened");
    if (room)
        room->connecting = false;
    if (o->status == FOV_OK && room)
        o->status = start_feed(o, room);
    if (room && wanted && asks_again(o)) {
        room->connecting = true;
        return;
    }
    if (o->status != FOV_OK && !o->request_id)
        fov_log(FOV_LOG_ERROR, "serve", "room %s: %s", room ? room->name : "?", o->error.message);
    answer_opened(o, room);
    if (o->status != FOV_OK && room && wanted) {
        room_tell_connected(room);
        forget(room);
    }
    opening_end(o);
}

/* ---- phases -----------------------------------------------------------------------------------
 */

bool room_connected(const struct room *room)
{
    return room->feed && (!room->live || room->phase == FOV_SOURCE_LIVE);
}

struct phase_change {
    struct server *server;
    char stream_id[80];
    fov_source_state state;
};

static void publish_phase(struct room *room, const fov_source_state *state)
{
    struct json_writer w = {0};
    const struct event event = {
        .kind = "source", .stream = room->name, .client = "", .at_ms = (int64_t)clock_unix_ms()};
    json_object_begin(&w);
    json_add_int(&w, "at", event.at_ms);
    json_add_string(&w, "stream", room->name);
    json_add_string(&w, "state", fov_source_phase_name(state->phase));
    json_add_int(&w, "reconnects", (int64_t)state->reconnects);
    if (state->error[0])
        json_add_string(&w, "why", state->error);
    json_object_end(&w);
    events_publish(room->server, event, &w);
    json_release(&w);
}

/* A camera that is away for long says so once, not at every try. */
static void log_phase(struct room *room, const fov_source_state *state)
{
    bool live = state->phase == FOV_SOURCE_LIVE;
    if (state->phase == FOV_SOURCE_STALLED)
        fov_log(FOV_LOG_WARN, "serve", "room %s: stalled: no picture for 2 s", room->name);
    else if (live)
        fov_log(FOV_LOG_INFO, "serve", "room %s: live", room->name);
    else if (state->phase == FOV_SOURCE_BACKING_OFF && strcmp(room->away, state->error) != 0)
        fov_log(FOV_LOG_WARN, "serve", "room %s: %s; trying again", room->name, state->error);
    text_copy(room->away, sizeof room->away, live ? "" : state->error);
}

static void phase_changed(void *arg)
{
    struct phase_change *change = arg;
    struct room *room = room_by_stream(change->server, change->stream_id);
    if (room) {
        bool before = room_connected(room);
        room->phase = change->state.phase;
        log_phase(room, &change->state);
        publish_phase(room, &change->state);
        if (room->phase == FOV_SOURCE_LIVE)
            source_answer(room, FOV_OK, "");
        if (room->feed && room_connected(room) != before)
            room_tell_connected(room);
    }
    free(change);
}

/* On the source's thread. */
static void on_phase(void *user, const fov_source_state *state)
{
    const struct source_user *of = user;
    struct phase_change *change = malloc(sizeof *change);
    if (!change)
        return;
    *change = (struct phase_change){.server = of->server, .state = *state};
    text_copy(change->stream_id, sizeof change->stream_id, of->stream_id);
    if (!net_post(of->loop, phase_changed, change))
        free(change);
}

/* On the source's thread. */
static bool may_open(void *user, const char *url)
{
    const struct source_user *of = user;
    return source_nested_allowed(of->settings, of->url, url);
}

/* On the helper thread. */
static void open_source(void *arg)
{
    struct opening *o = arg;
    fov_source_params params = {.url = o->user->url,
                                .loop = o->loop,
                                .seek_ms = o->seek_ms,
                                .decoder = source_decoder(o->user->settings),
                                .patient = o->patient,
                                .guarded = true,
                                .allow = may_open,
                                .on_phase = on_phase,
                                .user = o->user};
    if (o->football)
        o->status = football_prepare(o->football, o->user->settings, o->user->url,
                                     o->query.model_id, &o->error);
    if (o->status == FOV_OK)
        o->status = fov_source_open(&o->source, &params, &o->error);
    if (o->status == FOV_OK && o->football) {
        const fov_source_info *info = fov_source_get_info(o->source);
        o->status = football_prepare_view(o->football, info->width, info->height, &o->error);
    }
    if (!net_post(o->server->loop, opened, o))
        opening_free(o);
}

/* The settings hold the frame rate of this camera, or adaptation begins with one of its own. */
static void pin_fps(struct room *room)
{
    const struct settings_camera *camera = settings_find_camera(room->server->settings, room->name);
    if (camera && camera->pin_fps > 0) {
        room->target_fps = camera->pin_fps;
        room->adaptive.target_latency_ms = 0;
    } else if (room->adaptive.target_latency_ms > 0) {
        room->target_fps = room->adaptive.initial_fps;
    }
}

/* A room that waits for its source; NULL with the reason. */
static struct room *reserve(struct server *server, const struct room_source *p, fov_error *error)
{
    struct rooms *rooms = server->rooms;
    char id[80];
    snprintf(id, sizeof id, "stream-%llu", (unsigned long long)rooms->next_stream + 1);
    struct room *room = room_get(server, p->room && p->room[0] ? p->room : id);
    if (!room) {
        fov_fail(error, FOV_EBUSY, "the server has %d rooms already", ROOMS_MAX);
        return NULL;
    }
    if (room->feed || room->camera || room->connecting) {
        fov_fail(error, FOV_EEXISTS, "room %s has a camera already", room->name);
        return NULL;
    }
    rooms->next_stream++;
    text_copy(room->stream_id, sizeof room->stream_id, id);
    text_redact_url(room->source, sizeof room->source, p->source);
    room->kind = p->kind;
    room->target_fps = p->target_fps;
    room->admission = p->admission;
    room->adaptive = p->adaptive;
    pin_fps(room);
    room->change_count = 0;
    room->connecting = true;
    room->football = p->football != NULL;
    room->live = false;
    room->phase = FOV_SOURCE_CONNECTING;
    room->away[0] = '\0';
    room->waiting = 0;
    room->ended = false;
    room->end_stats = (fov_stats){0};
    room->end_message[0] = '\0';
    net_blob_unref(&room->end_football);
    unit_unref(&room->drawn);
    unit_unref(&room->plain);
    fov_frame_unref(&room->newest);
    return room;
}

static struct opening *opening_make(struct server *server, const struct room_source *p,
                                    const struct room *room, uint64_t request_id)
{
    const struct settings *s = server->settings;
    struct opening *o = calloc(1, sizeof *o);
    if (o && (!(o->user = malloc(sizeof *o->user)) ||
              (p->football && !(o->football = football_setup_make(p->football))))) {
        opening_free(o);
        o = NULL;
    }
    if (!o)
        return NULL;
    o->server = server;
    o->request_id = request_id;
    text_copy(o->stream_id, sizeof o->stream_id, room->stream_id);
    o->loop = p->loop;
    o->admission = p->admission;
    *o->user = (struct source_user){.server = server, .loop = server->loop, .settings = s};
    text_copy(o->user->stream_id, sizeof o->user->stream_id, room->stream_id);
    text_copy(o->user->url, sizeof o->user->url, p->source);
    o->patient = p->patient;
    o->seek_ms = p->seek_ms;
    stream_query_for(&o->query, p, s);
    if (o->football)
        football_recall(o->football, server->rooms->views, p->room, p->source);
    return o;
}

fov_status source_start(struct server *server, const struct room_source *p, uint64_t request_id,
                        struct room **out, fov_error *error)
{
    error->status = FOV_OK;
    struct room *room = reserve(server, p, error);
    if (!room)
        return error->status;
    struct opening *o = opening_make(server, p, room, request_id);
    if (o && chores_add(server->rooms->opening, open_source, o)) {
        *out = room;
        return FOV_OK;
    }
    if (o)
        opening_free(o);
    room->connecting = false;
    room->stream_id[0] = '\0';
    room_release(room);
    return fov_fail(error, FOV_ENOMEM, "not enough memory for a stream");
}

fov_status rooms_start_source(struct server *server, const struct room_source *params,
                              char *stream_id, size_t size, fov_error *error)
{
    struct room *room = NULL;
    fov_error local = {0};
    fov_status status = source_start(server, params, 0, &room, error ? error : &local);
    if (status == FOV_OK)
        text_copy(stream_id, size, room->stream_id);
    return status;
}

/* ---- ending -----------------------------------------------------------------------------------
 */

void source_stop(struct room *room)
{
    room->connecting = false;
    source_answer(room, FOV_ECLOSED, "the stream was stopped while it was opened");
    room_close_feed(room);
    room->live = false;
    room_feed_changed(room);
}

void stream_ended(struct room *room, fov_status status, const char *message)
{
    if (room->waiting) { /* it never was */
        source_answer(room, status, message);
        room_close_feed(room);
        room_feed_changed(room);
        forget(room);
        return;
    }
    room->end_stats = (fov_stats){0};
    if (room->feed) /* all its frames are answered */
        fov_stream_get_stats(room->feed->stream, 60, &room->end_stats);
    net_blob_unref(&room->end_football);
    if (room->feed && room->feed->football)
        room->end_football = football_last(room->feed->football, room->feed->stream, true);
    source_stop(room);
    room->ended = true;
    room->ended_ns = clock_now_ns();
    room->end_status = status;
    text_copy(room->end_message, sizeof room->end_message, status == FOV_OK ? "" : message);
    if (status != FOV_OK)
        fov_log(FOV_LOG_WARN, "serve", "room %s: the source ended: %s", room->name, message);
}
