/* A room's stream: opening and closing it, and its results on the worker's side. */
#include <stdlib.h>

#include "base/clock.h"
#include "base/text.h"
#include "serve/message.h"
#include "serve/room.h"
#include "serve/watch.h"

#define FRAME_BYTES_MAX ((size_t)8 << 20)

/* ---- texts ------------------------------------------------------------------------------------
 */

uint64_t feed_seq(const struct feed *feed, const fov_frame *frame)
{
    return feed->pushed ? (uint64_t)(uintptr_t)frame->user : feed->first_seq + frame->seq;
}

uint64_t feed_number(const struct feed *feed, const fov_frame *frame)
{
    return feed->pushed ? frame->number : frame->seq;
}

static void release_frame(void *arg)
{
    fov_frame *frame = arg;
    fov_frame_unref(&frame);
}

struct net_blob *feed_blob(fov_frame *frame)
{
    return net_blob_wrap(frame->bytes, frame->size, release_frame, fov_frame_ref(frame));
}

void feed_write_head(struct json_writer *w, const struct feed *feed, const fov_frame *frame,
                     uint64_t seq)
{
    int64_t offset_us = feed->pushed ? atomic_load(&feed->offset_us) : 0;
    double arrived = clock_unix_ms_of(frame->capture_ns);
    json_add_string(w, "type", "frame_metadata");
    json_add_int(w, "seq", (int64_t)seq);
    json_add_number(w, "timestamp", frame->sender_ms > 0 ? frame->sender_ms : arrived, 3);
    json_add_int(w, "frameNumber", (int64_t)feed_number(feed, frame));
    json_add_int(w, "width", frame->width);
    json_add_int(w, "height", frame->height);
    if (frame->sender_ms > 0 && offset_us != INT64_MIN)
        json_add_number(w, "clock_offset_ms", (double)offset_us / 1e3, 3);
    json_add_number(w, "received_at", arrived, 3);
}

/* {"type":"detections"} of a frame, for viewers that have its picture already. */
static struct net_blob *make_note(const struct feed *feed, const fov_result *result,
                                  struct net_blob *football)
{
    struct json_writer w = {0};
    bool analysed = result->outcome == FOV_DELIVERED;
    const fov_frame *frame = result->frame;
    json_object_begin(&w);
    json_add_string(&w, "type", "detections");
    json_add_int(&w, "seq", (int64_t)feed_seq(feed, frame));
    json_add_int(&w, "frameNumber", (int64_t)feed_number(feed, frame));
    json_add_bool(&w, "analysed", analysed);
    json_name(&w, "detections");
    message_detections(&w, analysed ? result->detections : NULL, 0, result->model, result->width,
                       result->height);
    if (analysed)
        message_task(&w, result->detections, result->model);
    if (analysed)
        message_crops(&w, &result->crops);
    football_splice(&w, football);
    json_add_number(&w, "processing_time_ms", ns_to_ms(result->timings.total), 3);
    if (analysed) {
        json_add_bool(&w, "in_time", result->in_time);
        json_name(&w, "timings_ms");
        json_object_begin(&w);
        message_timings(&w, &result->timings);
        json_object_end(&w);
        json_add_string(&w, "model_id", fov_model_get_info(result->model)->id);
    } else {
        json_add_string(&w, "reason",
                        result->outcome == FOV_DROPPED ? fov_drop_name(result->reason)
                                                       : fov_status_code(result->status));
    }
    json_object_end(&w);
    return message_blob(&w);
}

/* ---- results ----------------------------------------------------------------------------------
 */

/* Where the outcomes of drops at put go while this thread is in feed_put; else NULL. */
static _Thread_local struct outcome **put_end;

static void run_outcome(void *arg)
{
    struct outcome *outcome = arg;
    room_outcome(outcome);
    net_blob_unref(&outcome->note);
    feed_unref(outcome->feed);
    free(outcome);
}

void outcomes_run(struct outcome *first)
{
    while (first) {
        struct outcome *next = first->next;
        run_outcome(first);
        first = next;
    }
}

fov_status feed_put(struct feed *feed, fov_frame **frame, struct outcome **outcomes)
{
    *outcomes = NULL;
    put_end = outcomes;
    fov_status status = fov_stream_put(feed->stream, frame, NULL);
    put_end = NULL;
    return status;
}

static void post_outcome(struct feed *feed, uint64_t seq, const fov_result *result,
                         struct net_blob *note)
{
    struct outcome *outcome = malloc(sizeof *outcome);
    if (outcome)
        *outcome = (struct outcome){.feed = feed_ref(feed),
                                    .seq = seq,
                                    .delivered = result->outcome == FOV_DELIVERED,
                                    .dropped = result->outcome == FOV_DROPPED,
                                    .reason = result->reason,
                                    .timings = result->timings,
                                    .note = note};
    if (outcome && put_end) {
        *put_end = outcome;
        put_end = &outcome->next;
        return;
    }
    if (outcome && net_post(feed->loop, run_outcome, outcome))
        return;
    net_blob_unref(&note);
    if (outcome)
        feed_unref(feed);
    free(outcome);
}

/* Whether the view thread has something to do with this result. A pulled picture reaches viewers
 * only through it, with its result; without one when none came for long, so that the picture never
 * depends on the model. A pushed one is there already and only drawn. */
static bool is_shown(const struct feed *feed, const fov_result *result, bool client, bool server)
{
    const fov_frame *frame = result->frame;
    if (result->outcome == FOV_DELIVERED)
        return result->picture && (server || (client && !feed->pushed));
    if (feed->pushed || !(client || server) ||
        (frame->image.pixels == FOV_PIXELS_NONE && frame->codec != FOV_JPEG))
        return false;
    return clock_now_ns() - atomic_load(&feed->result_ns) >= UNANALYSED_NS;
}

/* Through the rules of alerts. */
static void watch_result(struct feed *feed, const fov_result *result)
{
    const fov_frame *frame = result->frame;
    struct watch_frame seen = {.items = result->detections->items,
                               .count = result->detections->count,
                               .width = result->width,
                               .height = result->height,
                               .ns = frame->capture_ns,
                               .number = feed_number(feed, frame),
                               .model = result->model,
                               .football = result->football};
    watch_see(feed->watch, &seen);
}

/* On a worker, the timer thread, or (a drop at put) the putting thread. */
static void on_feed_result(void *user, const fov_result *result)
{
    struct feed *feed = user;
    bool delivered = result->outcome == FOV_DELIVERED;
    uint64_t seq = feed_seq(feed, result->frame);
    bool client = atomic_load(&feed->client_looks), server = atomic_load(&feed->server_looks);
    bool shown = is_shown(feed, result, client, server);
    metrics_count(feed->metrics, result);
    tap_result(&feed->tap, result);
    if (delivered) {
        atomic_fetch_add(&feed->detections, result->detections->count);
        atomic_store(&feed->result_ns, clock_now_ns());
        watch_result(feed, result);
        if (feed->football)
            football_feed_saw(feed->football, result);
    } else {
        atomic_fetch_add(&feed->dropped, 1);
    }
    struct net_blob *football = shown && feed->football && result->football
                                    ? football_blob(feed->football, result)
                                    : NULL;
    struct net_blob *note = client && (feed->pushed || shown) ? make_note(feed, result, football)
                                                              : NULL;
    if (shown) {
        view_submit(feed->server->rooms->view, feed, result, feed->pushed ? NULL : note, football);
        if (!feed->pushed)
            note = NULL; /* it goes with its picture */
    }
    net_blob_unref(&football);
    post_outcome(feed, seq, result, note);
}

/* ---- life -------------------------------------------------------------------------------------
 */

struct feed *feed_ref(struct feed *feed)
{
    atomic_fetch_add(&feed->refs, 1);
    return feed;
}

void feed_unref(struct feed *feed)
{
    if (atomic_fetch_sub(&feed->refs, 1) > 1)
        return;
    tap_destroy(&feed->tap);
    view_forget(feed);
    watch_free(&feed->watch);
    free(feed->source_user);
    free(feed->football);
    fov_frame_pool_destroy(&feed->pool);
    free(feed);
}

struct ending {
    struct feed *feed;
    fov_status status;
    char message[240];
};

static void run_end(void *arg)
{
    struct ending *ending = arg;
    struct feed *feed = ending->feed;
    struct room *room = feed->room;
    if (room && room->feed == feed) /* the room may have its next stream by now */
        stream_ended(room, ending->status, ending->message);
    feed_unref(feed);
    free(ending);
}

/* On the source's thread. */
static void on_feed_end(void *user, fov_status status, const char *message)
{
    struct feed *feed = user;
    struct ending *ending = malloc(sizeof *ending);
    if (!ending)
        return;
    *ending = (struct ending){.feed = feed_ref(feed), .status = status};
    text_copy(ending->message, sizeof ending->message, message ? message : "");
    if (net_post(feed->loop, run_end, ending))
        return;
    feed_unref(feed);
    free(ending);
}

/* The stream turned its frame rate. */
struct rate_change {
    struct feed *feed;
    fov_change turned;
};

static void run_change(void *arg)
{
    struct rate_change *change = arg;
    struct room *room = change->feed->room;
    if (room) {
        room->target_fps = change->turned.to;
        room_turned(room, &change->turned);
    }
    feed_unref(change->feed);
    free(change);
}

/* On a worker. */
static void on_feed_change(void *user, const fov_change *turned)
{
    struct feed *feed = user;
    struct rate_change *change = malloc(sizeof *change);
    if (!change)
        return;
    *change = (struct rate_change){feed_ref(feed), *turned};
    if (net_post(feed->loop, run_change, change))
        return;
    feed_unref(feed);
    free(change);
}

struct feed *feed_open(struct room *room, fov_workers *workers, const fov_stream_params *given,
                       const struct stream_query *query, bool pushed, fov_error *error)
{
    struct feed *feed = calloc(1, sizeof *feed);
    fov_stream_params params = *given;
    fov_frame_pool_params pool = {
        .slots = 64 + 2 * VIEWERS_MAX, .max_bytes = FRAME_BYTES_MAX, .keep_bytes = (size_t)3 << 20};
    if (!feed) {
        fov_fail(error, FOV_ENOMEM, "not enough memory for a stream");
        return NULL;
    }
    atomic_init(&feed->refs, 1);
    tap_init(&feed->tap);
    atomic_init(&feed->offset_us, INT64_MIN);
    atomic_init(&feed->quality, QUALITY_DEFAULT);
    atomic_init(&feed->result_ns, clock_now_ns());
    feed->server = room->server;
    feed->loop = room->server->loop;
    feed->room = room;
    feed->pushed = pushed;
    feed->query = *query;
    feed->first_seq = room->seq + 1;
    feed->metrics = metrics_stream(room->server, room->name);
    feed->watch = watch_open(room->server, room->name, params.tracker != NULL,
                             params.football != NULL);
    params.name = room->name;
    params.on_result = on_feed_result;
    params.on_end = on_feed_end;
    params.adaptive.on_change = on_feed_change;
    params.user = feed;
    if (view_prepare(feed) == FOV_OK &&
        (!pushed || fov_frame_pool_create(&feed->pool, &pool, error) == FOV_OK) &&
        fov_stream_open(&feed->stream, workers, &params, error) == FOV_OK)
        return feed;
    if (error->status == FOV_OK)
        fov_fail(error, FOV_ENOMEM, "not enough memory for a stream");
    watch_end(feed->watch);
    feed_unref(feed);
    return NULL;
}

static void feed_closed(void *arg)
{
    struct feed *feed = arg;
    if (feed->on_closed)
        feed->on_closed(feed->closed_user, &feed->last);
    feed_unref(feed);
}

void feed_close(struct feed **closing)
{
    struct feed *feed = *closing;
    *closing = NULL;
    if (!feed)
        return;
    feed->room = NULL;
    watch_end(feed->watch);
    frames_close_stream_stats(feed->server, &feed->stream, &feed->last, feed_closed, feed);
}
