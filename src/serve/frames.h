/* State of the endpoints that take frames for an answer: POST process-frame and WS video/stream.
 * Everything belongs to the loop thread unless it says otherwise. */
#ifndef SERVE_FRAMES_H
#define SERVE_FRAMES_H

#include <stdatomic.h>

#include "serve/chores.h"
#include "serve/serve.h"

#define MODEL_ID_MAX 128
#define CONF_DEFAULT 0.25 /* where neither the request nor the settings say otherwise */

struct post_stream;
struct session;
struct tap;

struct frames {
    struct server *server;
    struct chores *closing; /* where streams are closed; rooms use it too */
    /* process-frame (api_frame.c) */
    fov_frame_pool *posts;
    struct post_stream *post_streams;
    int posts_waiting; /* accepted and not answered */
    uint64_t next_post;
    /* video/stream (api_session.c) */
    struct session *sessions;
    uint64_t next_session;
    int session_count;          /* WebSocket sessions and rooms with a stream */
    atomic_int closing_streams; /* on the closing thread: what they were promised is not free yet */
};

/* What a client asks of a stream, by query parameters: model_id, max_latency_ms, conf, order,
 * tracker, appearance_model_id. */
struct stream_query {
    char model_id[MODEL_ID_MAX]; /* "": default */
    double max_latency_ms;       /* 0: no deadline */
    float conf;
    bool fifo;
    fov_tracker_params tracking;   /* name NULL: none */
    char appearance[MODEL_ID_MAX]; /* the model that helps it; "": none */
};

/* Checks that the model is loaded; a file's name finds it without its ending. False: answered with
 * 404. `id`: room for MODEL_ID_MAX bytes, made the model's own. */
bool model_find(struct exchange *x, fov_workers *workers, char *id);
bool model_is_loaded(fov_workers *workers, const char *id);

/* Reads and checks them, the model's existence too. False: answered with 404, 422. */
bool stream_query_read(struct exchange *x, fov_workers *workers, struct stream_query *query);

/* What a source of the server's own asks for. */
void stream_query_for(struct stream_query *query, const struct room_source *source,
                      const struct settings *settings);

/* `name`: the tracker of that word, NULL for none and for no word. False: answered with 422. */
bool tracker_find(struct exchange *x, const char *word, const char **name);

/* Parameters of a stream for it, with the settings' thresholds; they point into `query`. */
fov_stream_params stream_params(const struct server *server, const struct stream_query *query);

/* One more live stream if max_sessions allows it; else answers 503 and returns false. */
bool sessions_enter(struct exchange *x);
void sessions_leave(struct server *server);

/* Closes a stream away from the loop thread, then calls done(arg) there. */
void frames_close_stream(struct server *server, fov_stream **stream, void (*done)(void *arg),
                         void *arg);
/* The same; `last` (may be NULL) has the stream's last statistics when done is called. */
void frames_close_stream_stats(struct server *server, fov_stream **stream, fov_stats *last,
                               void (*done)(void *arg), void *arg);

/* Closes the idle streams that process-frame keeps for a model. False while a picture is on its
 * way. */
bool frames_forget_model(struct server *server, const char *model_id);

/* The stream of a WebSocket session by its client_id or "session-N"; NULL: none. */
fov_stream *session_stream(struct server *server, const char *id);

/* Where it is recorded, and what it was opened with; NULL: none. */
struct tap *session_tap(struct server *server, const char *id, struct stream_query *query);

/* Closes the streams of all sessions (the loop has ended). */
void sessions_stop(struct frames *frames);

#endif
