/* The internal door of the server room: what every endpoint file shares.
 *
 * One thread, the loop thread, runs all handlers, posts and timers; everything here belongs to it,
 * except where a line says "any thread". Other threads (workers, the view thread, the model loader)
 * carry ids and net_post. */
#ifndef SERVE_SERVE_H
#define SERVE_SERVE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <fovea/fovea.h>
#include "base/json.h"
#include "net/net.h"
#include "serve/settings.h"

struct server;
struct exchange;

/* ---- who is asking -------------------------------------------------------------------------- */

enum role { ROLE_VIEW = 1, ROLE_PUSH = 2, ROLE_ADMIN = 4, ROLE_ANY = 7 };

enum credential { BY_NOTHING, BY_HEADER, BY_COOKIE, BY_QUERY, BY_PATH };

#define TOKEN_ID_MAX 17
#define ROOM_NAME_MAX 65

struct identity {
    unsigned roles;              /* of ROLE_*; all while access control is off */
    char token_id[TOKEN_ID_MAX]; /* public name of the token, fit for logs; "" without one */
    char camera[ROOM_NAME_MAX];  /* the only camera it opens, "" all */
    enum credential by;
};

/* ---- routes --------------------------------------------------------------------------------- */

enum route_flags {
    ROUTE_SOCKET = 1,      /* the handler upgrades to a WebSocket */
    ROUTE_STREAM = 2,      /* the handler answers with a stream (SSE, MJPEG) */
    ROUTE_QUERY_TOKEN = 4, /* ?token= is accepted here (never an admin's) */
    ROUTE_PAGE = 8,        /* HTML: ?token= becomes a cookie and a redirect; errors are HTML */
    ROUTE_REALTIME = 16,   /* 503 `disabled` while realtime.enabled is false */
    ROUTE_HIDDEN = 32 /* not in openapi.yaml: files of pages, sockets (docs/api/websocket.md) */
};

struct route {
    const char *method;  /* "GET" answers HEAD too */
    const char *pattern; /* "/api/camera/{token}/stats"; "{path...}" as last part takes the rest */
    unsigned roles;      /* any of these opens it (admin always does); 0: without a token */
    size_t max_body;     /* bytes; 0: no body is read */
    unsigned flags;
    void (*handler)(struct exchange *exchange);
};

/* The table, ends with method NULL. Add a row in routes.c and an entry in docs/api/openapi.yaml. */
extern const struct route serve_routes[];

/* One request while its handler runs: lives on the stack of the dispatcher. A handler that answers
 * later keeps net_request_id and copies what it needs. */
struct exchange {
    struct server *server;
    struct net_request *request;
    const struct route *route;
    struct identity identity;
    /* Routes with {token}: the camera room that the token or name in the path stands for. Fit for
     * logs and answers (never the secret), checked: 1..64 bytes of UTF-8 without control
     * characters. */
    char room[ROOM_NAME_MAX];
    struct {
        const char *name;
        char value[256];
    } params[3];
    size_t param_count;
};

/* Value of {name} in the path, NULL when the pattern has none. */
const char *exchange_param(const struct exchange *x, const char *name);

/* Finds the route of a method and path and fills x->route and x->params. Returns 0, or the HTTP
 * status to answer with: 404, or 405 with the methods there are in `allow`. */
int route_find(const char *method, const char *path, struct exchange *x, char *allow, size_t size);

/* ---- answers ----------------------------------------------------------------------------------
 * Each ends the request. */

/* problem+json (HTML on pages) with machine-readable `code` and a sentence that names the mend. */
void serve_problem(struct exchange *x, int status, const char *code, const char *format, ...)
    FOV_PRINTF(4, 5);
/* From a failed call. */
void serve_error(struct exchange *x, fov_status status, const fov_error *error);
/* 503 with Retry-After in seconds. */
void serve_busy(struct exchange *x, unsigned retry_s, const char *code, const char *format, ...)
    FOV_PRINTF(4, 5);
/* 200/201 … with what the writer holds, or 503 when it ran out of memory; the writer may be used
 * again. */
void serve_reply(struct net_request *request, int status, const struct json_writer *w);
void serve_json(struct exchange *x, int status, struct json_writer *w);
/* An emptied writer for answers built and sent at once. */
struct json_writer *serve_writer(struct server *server);

/* A query parameter as a number within [least, most]: 1 read, 0 not there, -1 answered with 422. */
int serve_param_number(struct exchange *x, const char *name, double least, double most,
                       double *value);

/* The workers; when the model is not ready, answers 503 (`model_not_ready`, Retry-After, the reason
 * and its mend) and returns NULL. Call it before net_upgrade. */
fov_workers *serve_workers(struct exchange *x);

/* ---- live connections -------------------------------------------------------------------------
 * A socket or stream that was opened with a token ends within 1 s of the token's end (1008). Call
 * one of these after opening; nothing has to be undone. */
void serve_guard_socket(struct exchange *x, struct net_socket *socket);
void serve_guard_stream(struct exchange *x, struct net_stream *stream);

/* ---- metrics (metrics.c) ----------------------------------------------------------------------
 */

/* Counters of one `stream` label: a camera's name, "post", "stream". At most 64 labels, later ones
 * share "other". The pointer lives as long as the server. Loop thread. */
struct metrics_stream;
struct metrics_stream *metrics_stream(struct server *server, const char *label);
/* Its frames are of football: their parts count too. Loop thread, before the first of them. */
void metrics_football(struct metrics_stream *metrics);
/* Counts one frame's answer. Any thread; no lock, no allocation. Call it once in every on_result.
 */
void metrics_count(struct metrics_stream *metrics, const fov_result *result);

/* ---- parts: groups of endpoints with state of their own ----------------------------------------
 */

/* Called in the order of the list in server.c; `open` may set its pointer in struct server. */
struct serve_part {
    const char *name;
    fov_status (*open)(struct server *server, fov_error *error); /* before the first request */
    void (*ready)(struct server *server); /* the model is warm, server->workers is set; or NULL */
    void (*reloaded)(struct server *server); /* server->settings was replaced; or NULL */
    void (*tick)(struct server *server);     /* once a second; or NULL */
    /* The loop has ended: close streams, join threads; nothing may call net_post afterwards. `stop`
     * and `close` also run when `open` failed or never ran. */
    void (*stop)(struct server *server);
    /* All sockets had their on_close, the workers still exist: free what is left. */
    void (*close)(struct server *server);
};
extern const struct serve_part frames_part;     /* api_frame.c: state at server->frames */
extern const struct serve_part rooms_part;      /* room.c: state at server->rooms */
extern const struct serve_part recordings_part; /* api_recording.c: at server->recordings */
extern const struct serve_part models_part;     /* api_models.c: state at server->model_chores */
extern const struct serve_part hazard_part;     /* hazard.c: state at server->hazard */
extern const struct serve_part alerts_part; /* api_events.c: watches, zone_book, store, webhooks */

/* ---- rooms, as the rest of the server sees them (room.c) ----------------------------------------
 */

struct room_info {
    char name[ROOM_NAME_MAX];
    const char *kind;  /* "camera", "stream", "demo" */
    const char *state; /* "live", "delayed", "no_signal", "connecting", "stalled", "backing_off",
                          "ended" */
    double p95_ms, fps;
    unsigned viewers;
    bool has_picture;   /* latest.jpg would answer 200 */
    char stream_id[80]; /* "" of a browser's camera */
    bool football;
    bool pulled; /* a live source of the server's own: `source` says where it stands */
    fov_source_state source;
};
/* Fills at most `max`, returns how many there are. */
size_t rooms_list(struct server *server, struct room_info *items, size_t max);

enum admission {
    ADMISSION_BEST_EFFORT,
    ADMISSION_GUARANTEED, /* asked for by name */
    ADMISSION_DEFAULT,    /* guaranteed where the source has a rate; refused when it does not fit */
    ADMISSION_IF_FITS     /* guaranteed where it fits, else best effort: cameras of the settings */
};

/* Opens a room fed by a source of its own (--demo, cameras of the settings, start-stream). `kind`
 * as above. Returns what fov_source_open and fov_stream_open return; FOV_EEXISTS when the room has
 * a camera. The source is opened on a helper thread when opening may block: errors that come later
 * end the stream. */
struct room_source {
    const char *room, *kind;
    const char *source; /* as fov_source_params.url */
    bool loop;
    const char *model_id;         /* NULL: default */
    const char *tracker;          /* by its static name; NULL: none */
    const char *appearance_model; /* NULL, "": none */
    double target_fps;            /* 0: the source's own */
    fov_adaptive adaptive;        /* without on_change */
    double max_latency_ms;        /* < 0: realtime.max_latency_ms */
    double conf;                  /* 0: default */
    enum admission admission;
    const struct football_wish *football; /* NULL: no football; copied */
    double seek_ms;                       /* files: start here */
    bool patient;                         /* live: go on trying when the first connection fails */
};
fov_status rooms_start_source(struct server *server, const struct room_source *params,
                              char *stream_id, size_t size, fov_error *error);

/* The room that a name in a path means: of that name, else that of the stream of that id; with
 * `stream_first` the other way round. The name itself when there is neither. */
void rooms_resolve(struct server *server, const char *name, bool stream_first, char *room,
                   size_t size);

/* Detections delivered by all rooms' own sources since start (for FOVEA_DEMO_SECONDS). */
uint64_t rooms_detections(struct server *server);

/* ---- the server ----------------------------------------------------------------------------- */

enum model_state { MODEL_LOADING, MODEL_READY, MODEL_MISSING };

struct server {
    struct net_loop *loop;
    const struct settings *settings; /* current snapshot; old ones live until the server ends */
    struct auth *auth;
    struct metrics *metrics;
    struct guards *guards;
    fov_workers *workers; /* NULL until the model is warm: see serve_workers */
    enum model_state model_state;
    char model_problem[256]; /* MODEL_MISSING: the reason and its mend */
    bool lan, demo;
    bool tls;          /* our own listener speaks TLS */
    uint16_t port;     /* bound */
    char origin[128];  /* "http://127.0.0.1:8440": how this machine's browser opens us */
    char lan_url[128]; /* how a phone opens us, "" without --lan */
    char ca_file[512]; /* of --lan, "" none */
    int64_t started_ns;
    struct json_writer writer;
    struct frames *frames;
    struct rooms *rooms;
    struct recordings *recordings;
    struct hazard *hazard;
    struct chores *model_chores; /* opens models that the API asks for; made at the first one */
    atomic_int models_opening;   /* asked for and not opened yet */
    struct watches *watches;     /* rules on streams: watch.c */
    struct zone_book *zone_book; /* drawn zones */
    struct store *store;         /* of events */
    struct webhooks *webhooks;
    struct server_private *own; /* server.c */
};

#endif
