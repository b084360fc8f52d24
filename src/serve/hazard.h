/* Hazard streaming (document 004): sessions of WS /stream/detection, the thread that takes their
 * messages in, and the events of their clients. Everything belongs to the loop thread unless a
 * line says otherwise. */
#ifndef SERVE_HAZARD_H
#define SERVE_HAZARD_H

#include "flow/adapt_hazard.h"
#include "serve/event_ring.h"
#include "serve/events.h"
#include "serve/frames.h"
#include "serve/hazard_message.h"
#include "serve/message.h"
#include "serve/recorder.h"
#include "serve/serve.h"

#define HAZARD_MESSAGE_MAX ((size_t)1 << 20)
#define HAZARD_ID_MAX 65

/* The stages that the profiler of document 004 names. */
#define HAZARD_STAGE_MAP(X)                                                                        \
    X(DECODE, "decode")                                                                            \
    X(PREPROCESS, "preprocess")                                                                    \
    X(INFERENCE, "inference")                                                                      \
    X(POSTPROCESS, "postprocess")                                                                  \
    X(ENCODE, "encode") /* the answer as JSON */                                                   \
    X(QUEUE_WAIT, "queue_wait")
enum hazard_stage {
#define HAZARD_STAGE_ENUM(name, word) HAZARD_STAGE_##name,
    HAZARD_STAGE_MAP(HAZARD_STAGE_ENUM)
#undef HAZARD_STAGE_ENUM
        HAZARD_STAGE_COUNT
};

/* What became of frames; written by any thread. frames = delivered + failed + all dropped, once no
 * frame is on its way any more. */
struct hazard_counts {
    atomic_ullong frames, delivered, failed, dropped[FOV_DROP_COUNT];
};

struct hazard_client;
struct intake;

struct hazard_session {
    struct hazard_session *next;
    struct server *server;
    struct hazard_client *client;
    int64_t opened_ns, heard_ns; /* heard: its last frame came */
    struct adapt_hazard adapt;
    struct hazard_config config;
    uint64_t bottlenecks[HAZARD_STAGE_COUNT];
    int queued;         /* messages at the intake */
    bool ended;         /* its socket is closed */
    const char *reason; /* why it was ended, NULL: by its client */

    /* Set before the first message, read by all threads. */
    struct net_loop *loop;
    uint64_t socket_id;
    char id[24];
    fov_stream *stream;
    fov_workers *workers;
    struct metrics_stream *metrics;
    char model_id[MODEL_ID_MAX];
    double max_fps, max_latency_ms;
    int slots; /* frames alive at once */
    /* Any thread. */
    atomic_int fps_milli; /* the limit in force */
    struct hazard_counts counts;
    struct tap tap; /* where it is recorded */
    /* The intake's own. */
    fov_frame_pool *pool; /* made for the first frame: an idle session is small */
    struct hazard_config wanted;
    struct message_rate texts;
};

struct hazard {
    struct server *server;
    struct hazard_session *sessions;
    struct hazard_client *clients;
    size_t client_count;
    uint64_t next_session;
    struct intake *intake;
    struct performance *performance; /* api_performance.c */
    uint64_t bottlenecks[HAZARD_STAGE_COUNT];
};

/* ---- hazard.c: sessions ------------------------------------------------------------------------
 */

/* Counts a frame's end, also in /metrics. Any thread. */
void hazard_count(struct hazard_session *s, const fov_result *result);

/* Members frames, delivered, failed, dropped{}. */
void hazard_write_counts(struct json_writer *w, const struct hazard_counts *counts);

/* {"type":"session",…} as its client gets it. */
void hazard_write_session(struct json_writer *w, const struct hazard_session *s);

/* The stream of a session by its id; NULL: none. */
fov_stream *hazard_stream(struct server *server, const char *id);

/* Where the session of this id, or the running one of this client, is recorded, and how it is run;
 * NULL: none. */
struct tap *hazard_tap(struct server *server, const char *id, struct stream_query *query);

/* ---- hazard_intake.c: one thread that inflates, checks, parses and decodes ----------------------
 */

/* What a message led to, on its way back to the loop thread. */
struct intake_done {
    struct hazard_session *session;
    int64_t arrival_ns;
    bool frame;
    struct net_blob *answer; /* text for the socket, NULL: none yet */
    const char *event;       /* the answer is an event of this kind as well; NULL: it is not */
    bool configured;
    struct hazard_config config;
    int close_code; /* 0: the socket stays open */
    const char *close_reason;
};

/* `done` is called on the loop thread once for each message that was taken, in order. */
fov_status intake_start(struct intake **intake, struct net_loop *loop,
                        void (*done)(struct intake_done *done), fov_error *error);
/* Copies the message. False: no memory. */
bool intake_take(struct intake *intake, struct hazard_session *s,
                 const struct net_message *message);
/* Works off what waits, ends the thread; what was done may still be on its way to the loop thread,
 * so that it is destroyed after the loop. Both accept NULL. Blocks. */
void intake_stop(struct intake *intake);
void intake_destroy(struct intake **intake);

/* ---- hazard_events.c: clients and who listens to them ------------------------------------------
 */

struct hazard_client {
    struct hazard_client *next;
    char id[HAZARD_ID_MAX];
    char token_id[TOKEN_ID_MAX];    /* whose it is, "" nobody's */
    struct hazard_session *session; /* the running one */
    int sessions;                   /* with those that are ending */
    struct event_ring ring;
    struct hazard_reader *readers;
    int64_t used_ns;
};

/* The client of this name, made when it is new. NULL: answered (422 no good name, 403 another
 * token's, 503 too many). `push`: the asker will send frames or owns what it reads. */
struct hazard_client *hazard_client_enter(struct exchange *x, const char *id, bool push);

bool hazard_client_known(struct hazard *hazard, const char *id);

/* One event for the client's readers; takes its own reference of `text`. */
void hazard_client_tell(struct hazard_client *client, const char *kind, struct net_blob *text);

/* Once a second: who waited too long, who takes nothing, clients that nobody needs any more. */
void hazard_clients_tick(struct hazard *hazard, int64_t now);
void hazard_clients_free(struct hazard *hazard);

/* Listener of events.c: events with a client, or of a session by its id. */
void hazard_hear(struct server *server, const struct event *event);

/* ---- api_performance.c ------------------------------------------------------------------------
 */

struct performance *performance_create(void);
void performance_tick(struct performance *performance, int64_t now);
void performance_stop(struct performance *performance); /* its thread ends. Blocks */
void performance_destroy(struct performance **performance);

#endif
