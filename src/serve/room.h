/* Rooms: a camera (or a source of the server's own), the stream its frames run through, and the
 * viewers. One picture's way:
 *
 *   camera.c    message → frame → fov_stream_put, and at once to viewers of render=client
 *   feed.c      result, on a worker → texts for viewers; watched pictures go to the view thread
 *   view.c      view thread: draws and encodes once for all who look
 *   viewer.c    a viewer's slot: one unit being sent, one waiting, newest wins
 *   room_adapt.c  turns what the camera sends and how it is analysed, ten times a second
 *   room.c      who is there, what happened; room_life.c: once a second, the end
 *   own_source.c  rooms fed by a source of the server's own
 *
 * Everything belongs to the loop thread unless it says otherwise. */
#ifndef SERVE_ROOM_H
#define SERVE_ROOM_H

#include "flow/adapt_camera.h"
#include "flow/recent.h"
#include "serve/football.h"
#include "serve/frames.h"
#include "serve/message.h"
#include "serve/pairing.h"
#include "serve/recorder.h"
#include "serve/serve.h"

enum {
    ROOMS_MAX = 256,
    VIEWERS_MAX = 120,    /* of a room: their slots hold at most two frames each */
    NOTES_MAX = 64,       /* small texts that wait for a viewer */
    CHANGES_MAX = 20,     /* of the adaptation log */
    QUALITY_DEFAULT = 80, /* of JPEGs, percent */
    GLANCES_MAX = 16,     /* requests that wait for a picture */
    SENT_MAX = 64         /* last pictures sent to a viewer that are remembered */
};

#define SILENT_NS (2 * NS_PER_S) /* a camera that sends nothing for so long may be replaced */
#define UNANALYSED_NS (250 * NS_PER_MS) /* without a result: raw pictures for render=server */

struct view;
struct room;

/* ---- pictures for viewers (viewer.c) -----------------------------------------------------------
 */

/* A picture with its metadata, shared by all viewers that get it. */
struct unit {
    int refs;
    uint64_t seq;
    uint64_t number; /* the frame's, as its metadata says */
    struct net_blob *head, *picture;
    struct net_blob *packed; /* both in one message, made for the first viewer with pack=1 */
};

/* Takes over the two references, also on failure (NULL). */
struct unit *unit_make(uint64_t seq, uint64_t number, struct net_blob *head,
                       struct net_blob *picture);
void unit_unref(struct unit **unit); /* sets NULL, accepts NULL */

enum viewer_kind { VIEWER_CLIENT = 1, VIEWER_SERVER = 2, VIEWER_MJPEG = 4 };

struct viewer {
    struct viewer *next;
    struct room *room;
    enum viewer_kind kind;
    bool pack;
    struct net_socket *socket; /* or, for mjpeg, */
    struct net_stream *stream;
    struct unit *waiting;
    struct note {
        uint64_t seq; /* of the picture it belongs to, 0: none */
        struct net_blob *text;
    } notes[NOTES_MAX];
    size_t note_count;
    uint64_t sent[SENT_MAX]; /* seq of pictures sent, at seq % SENT_MAX */
    uint64_t last_seq, units, skipped, notes_lost, bytes;
    double fps, latency_ms, queue;         /* as its page says; < 0 unknown */
    uint64_t units_before, skipped_before; /* at the last tick */
    double sent_fps;
    struct message_rate texts;
};

void viewer_offer(struct viewer *viewer, struct unit *unit);
/* A text about picture `seq` (0: about none). Left out when the viewer does not get the picture. */
void viewer_note(struct viewer *viewer, uint64_t seq, struct net_blob *text);
void viewer_flush(struct viewer *viewer);
void viewer_free(struct viewer *viewer); /* in no list any more */

/* ---- feed: a stream and what its results need (feed.c) -----------------------------------------
 */

/* Counted references: the room, the stream's callbacks, posts and the view thread hold one each.
 * Plain members are set before the first frame; `room` is the loop thread's. */
struct feed {
    atomic_int refs;
    struct server *server;
    struct net_loop *loop;
    struct room *room; /* NULL once the room let go */
    fov_stream *stream;
    fov_frame_pool *pool; /* of pushed frames */
    struct metrics_stream *metrics;
    struct watch *watch; /* rules of alerts */
    struct stream_query query;
    bool pushed;        /* fed by a camera's messages; else by a source of its own */
    uint64_t first_seq; /* pulled: seq of viewers = first_seq + the frame's own */
    atomic_bool client_looks, server_looks;
    atomic_llong result_ns; /* of the last delivered frame, or the start */
    atomic_ullong dropped;  /* since the last delivered frame */
    atomic_llong offset_us; /* camera's clock_offset_ms, INT64_MIN: unknown */
    atomic_ullong detections;
    struct tap tap;                  /* where it is recorded */
    atomic_int quality;              /* percent, of JPEGs that the server makes */
    struct feed_football *football;  /* NULL: none */
    struct source_user *source_user; /* of the stream's own source; freed with the feed */
    /* Called on the closing thread once the stream is closed, with its last statistics; NULL:
     * nobody wants them. */
    void (*on_closed)(void *user, const fov_stats *last);
    void *closed_user;
    fov_stats last;
    struct view_job *job; /* view.c, under its lock */
    struct feed *view_next;
    bool queued;
};

/* Opens the stream. `pushed`: with a pool of frames. NULL with the reason in `error`. */
struct feed *feed_open(struct room *room, fov_workers *workers, const fov_stream_params *params,
                       const struct stream_query *query, bool pushed, fov_error *error);
struct feed *feed_ref(struct feed *feed); /* any thread */
void feed_unref(struct feed *feed);       /* any thread */
/* Lets go: no event reaches the room any more; the stream is closed on the closing thread. Sets
 * NULL, accepts NULL. */
void feed_close(struct feed **feed);
/* The frame's number as viewers are told: frameNumber. Any thread. */
uint64_t feed_number(const struct feed *feed, const fov_frame *frame);
/* The room's number of a frame. Any thread. */
uint64_t feed_seq(const struct feed *feed, const fov_frame *frame);
/* A frame's bytes without a copy. Any thread. */
struct net_blob *feed_blob(fov_frame *frame);

/* First members of a picture's metadata; any thread. */
void feed_write_head(struct json_writer *w, const struct feed *feed, const fov_frame *frame,
                     uint64_t seq);

/* What a result means for the room; posted to the loop. */
struct outcome {
    struct outcome *next;
    struct feed *feed;
    uint64_t seq;
    bool delivered, dropped;
    fov_drop reason;
    fov_timings timings;
    struct net_blob *note; /* for viewers of render=client; NULL: none looks, or it goes with its
                              picture */
};

/* Puts a frame, on the loop thread. `outcomes` gets what was dropped at once, for outcomes_run when
 * the frame has been shown: what is said of it then travels with it. NULL: nothing. */
fov_status feed_put(struct feed *feed, fov_frame **frame, struct outcome **outcomes);
void outcomes_run(struct outcome *first); /* frees them */

/* ---- the view thread (view.c) ------------------------------------------------------------------
 */

struct view *view_start(struct server *server);
void view_stop(struct view *view);          /* joins; later submits are let go; accepts NULL */
void view_destroy(struct view **view);      /* sets NULL, accepts NULL */
fov_status view_prepare(struct feed *feed); /* the feed's slot */
void view_forget(struct feed *feed);        /* frees it: nobody else has the feed */
/* Takes what it needs of a result; the one that waits is replaced. Any thread. `note`: for viewers
 * of render=client, after the picture; its reference is taken over. `football`: members for the
 * metadata of drawn pictures (football.h), or NULL. */
void view_submit(struct view *view, struct feed *feed, const fov_result *result,
                 struct net_blob *note, struct net_blob *football);

/* Encoded pictures of one frame; posted to the loop. */
struct view_pictures {
    struct feed *feed;
    uint64_t seq, number;
    struct net_blob *plain_head, *plain, *note; /* render=client, pulled streams */
    struct net_blob *drawn_head, *drawn;
};

/* ---- camera (camera.c) -------------------------------------------------------------------------
 */

struct camera {
    struct room *room;
    struct net_socket *socket; /* NULL: it sends by POST */
    bool pack, replaced;
    struct pairing pairing;
    uint64_t received, answered, timed, timed_next, granted;
    int width, height;          /* px of its last picture, 0: none came yet */
    int64_t opened_ns, last_ns; /* last: of the last frame, 0 none */
    struct net_timer *timer;
    char reason[24];           /* of the last stream_control, "" at first */
    struct message_rate texts; /* beside metadata */
};

void camera_answered(struct camera *camera); /* one of its frames has its outcome */
void camera_control(struct camera *camera);  /* sends stream_control */
void camera_write_control(struct json_writer *w, const struct camera *camera);
/* One picture of the camera. Returns FOV_OK, or why it was refused, with `error` filled. */
fov_status camera_take_picture(struct camera *camera, const struct picture_note *note,
                               const uint8_t *bytes, size_t size, int64_t arrival_ns,
                               struct pairing_error *error);
void camera_on_message(void *camera, struct net_socket *socket, const struct net_message *message);
void camera_free(struct camera *camera);
void camera_gone(struct room *room); /* frees room->camera, closes its feed, tells viewers */

/* ---- the room ----------------------------------------------------------------------------------
 */

/* ---- adaptation (room_adapt.c) -----------------------------------------------------------------
 */

struct change {
    double at; /* Unix ms */
    fov_change turned;
};

/* A camera and what was measured since the last step. */
struct tuning {
    struct adapt_camera camera;
    struct net_timer *timer;
    int64_t step_ns;
    int delivered, lost;
    int64_t worst_ns;
    struct recent totals, works, boxes;
    double busy_s; /* of all runs, at the last step */
    double slow;   /* part of the viewers */
};

/* A browser's camera is about to come: its knobs at home, as settings and request have it; or a
 * source of the server's own, of which the quality for viewers is turned alone. */
void tuning_start(struct room *room, const struct stream_query *query, bool pushed,
                  bool conf_asked);
void tuning_run(struct room *room); /* it is there, with its feed */
void tuning_stop(struct room *room);
void tuning_saw(struct tuning *tuning, const struct outcome *outcome);
void tuning_check_viewers(struct room *room); /* once a second */
/* Something was turned: into the log, to viewers, to all who hear events. */
void room_turned(struct room *room, const fov_change *turned);
void room_write_changes(const struct room *room, struct json_writer *w);    /* accepts NULL */
void room_write_change(const struct change *change, struct json_writer *w); /* {"type":…} */

struct room {
    struct room *next;
    struct server *server;
    char name[ROOM_NAME_MAX];
    const char *kind; /* "camera", "stream", "demo" */
    struct feed *feed;
    struct camera *camera;
    struct viewer *viewers;
    unsigned viewer_count;
    bool watching; /* the stream was asked for whole pictures */
    bool holding;  /* viewers get nothing before room_let_go */
    uint64_t seq;  /* of the last picture */
    fov_frame *newest;
    /* Of a source of our own: the last picture with boxes, and the last without that somebody
     * asked for. */
    struct unit *drawn, *plain;
    int64_t drawn_ns, plain_ns, frame_ns, result_ns; /* of the last one, 0 none */
    double interval_ms;                              /* usual, between frames */
    int64_t glance_until_ns, plain_until_ns;
    struct glance {
        uint64_t request_id;
        bool plain; /* without boxes */
    } glances[GLANCES_MAX];
    size_t glance_count;
    struct tuning tuning;
    struct change changes[CHANGES_MAX]; /* newest last */
    size_t change_count;
    /* a source of its own (own_source.c) */
    char stream_id[80], source[256];
    bool connecting, ended, counted, football;
    bool live;              /* it is a camera of a network or of this machine: */
    fov_source_phase phase; /* as last told */
    char away[240];         /* why it is away, as last logged */
    uint64_t waiting;       /* request that is answered when the first picture came; 0 none */
    double target_fps;
    enum admission admission; /* of its stream */
    fov_adaptive adaptive;    /* target_latency_ms 0: the frame rate stays */
    fov_status end_status;
    char end_message[240];
    fov_stats end_stats;
    struct net_blob *end_football; /* figures of a match that ended by itself, or NULL */
    int64_t ended_ns;
};

struct rooms {
    struct server *server;
    struct view *view;
    struct chores *opening;  /* of sources */
    struct chores *painting; /* of heat maps; made at the first one */
    int paintings;           /* that wait or are made */
    struct view_book *views; /* calibrations of football */
    struct opening *asking;  /* sources that ask again for a promise in a moment */
    struct room *first;
    size_t count;
    uint64_t next_stream;
    uint64_t detections; /* of feeds that are closed */
    bool stopped;        /* the loop has ended */
};

struct room *room_find(struct server *server, const char *name);
struct room *room_by_stream(struct server *server, const char *stream_id);
/* Finds or makes; NULL: no memory, too many rooms. */
struct room *room_get(struct server *server, const char *name);
/* Frees the room when nobody is there; the pointer is not valid afterwards. */
void room_release(struct room *room);
void room_free(struct room *room); /* at the end: in no list any more */
/* Viewers came, went or look elsewhere. */
void room_look(struct room *room);
/* A new feed runs, or the old one ended (`feed` NULL): viewers are told. */
void room_feed_changed(struct room *room);
/* Viewers are told whether pictures come. */
void room_tell_connected(struct room *room);
void room_write_connected(const struct room *room, struct json_writer *w); /* {"type":…} */
/* A frame has arrived at `ns`. */
void room_saw_frame(struct room *room, int64_t ns);
void room_note_all(struct room *room, unsigned kinds, uint64_t seq, struct json_writer *w);
void room_offer_all(struct room *room, unsigned kinds, struct unit *unit);
/* In between pictures and texts gather at their viewers; each then gets them in one write. */
void room_hold(struct room *room);
void room_let_go(struct room *room);
bool room_has(const struct room *room, unsigned kinds);
void room_write_view(struct room *room, struct json_writer *w);
const char *room_state(const struct room *room);
/* Closes the feed and counts the session out. */
void room_close_feed(struct room *room);
/* Answers those who wait for a picture with the newest there is of their kind. */
void room_drop_glances(struct room *room);
/* Answers with the newest picture there is: the camera's own, or of a source of our own the last
 * one with boxes, or without (`plain`). False: there is none, nothing was answered. */
bool room_reply_picture(const struct room *room, struct net_request *request, bool plain);

/* Events, as the other files post them. */
void room_outcome(struct outcome *outcome);
void room_pictures(struct view_pictures *pictures);

/* ---- sources of the server's own (own_source.c) ------------------------------------------------
 */

/* Opens a source for a room, on the helper thread. request_id: of the request that is answered when
 * it is open (201) or cannot be; 0: none. *out gets the room. */
fov_status source_start(struct server *server, const struct room_source *params,
                        uint64_t request_id, struct room **out, fov_error *error);
/* The loop has ended: frees what would ask again for a promise. */
void sources_stop(struct rooms *rooms);
/* Ends it. */
void source_stop(struct room *room);
/* A room's own live source is connected and gives pictures; true for other feeds. */
bool room_connected(const struct room *room);
/* Answers whoever waits for the source: it runs (FOV_OK) or the reason. */
void source_answer(struct room *room, fov_status status, const char *message);
/* Members of a stream's description. */
void source_write(struct json_writer *w, const struct room *room);
/* The room's own source ended by itself. */
void stream_ended(struct room *room, fov_status status, const char *message);

/* The stream of a room's name or stream_id, NULL: none. */
fov_stream *room_stream(struct server *server, const char *id);

/* The running football stream that a path's {stream_id} names, by its id or its room (it has a
 * feed). NULL: answered. */
struct room *football_room(struct exchange *x);
/* The settings were read again: whether cameras stand still of which nobody has said it. */
void football_reloaded(struct server *server);

/* A camera of a room, with what the settings say of it. */
void room_apply_settings(struct server *server, struct exchange *x, const char *name,
                         struct stream_query *query);

#endif
