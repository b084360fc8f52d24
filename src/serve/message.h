/* The JSON of answers, in the words of the interface: one function for each kind of text, so that
 * every way out (HTTP, WebSocket, server-sent events) names things alike. Pure; any thread, each
 * with its own writer. Milliseconds with three decimals, Unix times in milliseconds. */
#ifndef SERVE_MESSAGE_H
#define SERVE_MESSAGE_H

#include <fovea/fovea.h>
#include "base/json.h"
#include "net/net.h"

/* A picture sent as text by mistake is told so; longer texts end the socket (1009). */
#define SOCKET_TEXT_MAX ((size_t)1 << 20)

/* {"class_id","class_id_raw","class","confidence","box","box_norm","track_id"?} of each detection
 * with score >= conf, as one array value; with "mask", "keypoints", "angle" and "corners" where the
 * details have them. width, height: px of the source picture. */
void message_detections(struct json_writer *w, const fov_detections *detections, float conf,
                        const fov_model *model, int width, int height);

/* Members of an object of one detection that the details add to its box: "mask", "keypoints",
 * "angle" and "corners"; none for NULL. */
void message_detail(struct json_writer *w, const fov_details *details, size_t i, int width,
                    int height);

/* Members "task" and, of classifiers, "classes": the best five. */
void message_task(struct json_writer *w, const fov_detections *detections, const fov_model *model);

/* Member "appearance": {wanted, taken, hurried}, where a box was in need of a vector. */
void message_crops(struct json_writer *w, const fov_crops *crops);

/* Member "embedding", where there is one. */
void message_embedding(struct json_writer *w, const fov_detections *detections);

/* Members of an object: decode, preprocess … total in ms. */
void message_timings(struct json_writer *w, const fov_timings *timings);

/* Milliseconds that a frame was worked on, without waiting. */
double message_work_ms(const fov_timings *timings);

/* Answer of one frame as members of the object that is open: frame_id … height (CONTRACT of
 * process-frame). max_latency_ms 0: always in time. */
struct message_answer {
    uint64_t frame_id;
    float conf;            /* detections below are left out; 0: none */
    double max_latency_ms; /* 0: no bound */
};
void message_result(struct json_writer *w, const fov_result *result,
                    const struct message_answer *answer);

/* Whole texts. `message` and frame_id < 0 are left out. */
void message_dropped(struct json_writer *w, int64_t frame_id, const char *reason,
                     const char *message);
void message_error(struct json_writer *w, const char *code, int64_t frame_id, const char *message);

/* Whichever of the two says what became of a frame that was not delivered. */
void message_undelivered(struct json_writer *w, const fov_result *result);

/* {"type":"time"} with the sender's t0, our t1 (arrival) and t2 (now). */
void message_time(struct json_writer *w, double t0, int64_t arrival_ns);

/* Members latency_ms{p50,p95,p99}, fps_in, fps_out, drops{}, stages{}, bound_ms. */
void message_live_stats(struct json_writer *w, const fov_stats *stats, double bound_ms);

/* Members of GET …/video/stats. */
void message_stats(struct json_writer *w, const fov_stats *stats, double bound_ms,
                   const char *device);

/* The writer's text as a blob without a copy; the writer is empty afterwards. NULL: no memory. */
struct net_blob *message_blob(struct json_writer *w);

/* Sends the writer's text to a socket and releases the writer. */
fov_status message_send(struct net_socket *socket, struct json_writer *w);

/* Sends an answer; the socket of a client that does not read its answers is closed (1013). */
void message_deliver(struct net_socket *socket, struct net_blob *text);

/* Answers {"type":"time","t0"} and errors of any socket that takes only such texts.
 * True when `text` was a time message and has been answered. */
bool message_answer_time(struct net_socket *socket, const json_value *json, int64_t arrival_ns);

/* At most 50 texts a second of one client are read, beside those that belong to pictures. False:
 * leave this one out; the first of a second is told. `rate` begins as zeros. */
struct message_rate {
    int64_t start_ns;
    unsigned count;
};
bool message_allowed(struct message_rate *rate, struct net_socket *socket, int64_t now_ns);
/* The same for those that answer later: *tell, this one is to be answered with `rate_limit`. */
#define MESSAGE_RATE_TEXT "more than 50 texts in a second: the others of this second are left out"
bool message_counts(struct message_rate *rate, int64_t now_ns, bool *tell);

/* True for "[object Promise]" and its like: what a page sends that forgot to await its bytes. */
bool message_is_object_text(const struct net_message *message);
#define MESSAGE_PROMISE_TEXT                                                                       \
    "a promise was sent instead of its bytes: ws.send(await blob.arrayBuffer())"

/* "jpeg", "png", "webp". */
const char *message_codec(fov_codec codec);

#endif
